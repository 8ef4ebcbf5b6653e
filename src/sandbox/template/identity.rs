//! What a stack would make up for its resources: ids, names, ARNs and attributes, in plausible shapes.
//!
//! All of it is derived from account, region, stack name and logical id, so it is the same in every run and differs
//! between stacks.

use sha2::{Digest, Sha256};

use super::{Context, Resource};

/// Types whose id is a prefix and 17 hexadecimal digits. Terraform has its own names for those of Alibaba Cloud.
const PREFIXES: [(&str, &str); 45] = [
    ("AWS::EC2::CustomerGateway", "cgw-"),
    ("AWS::EC2::DHCPOptions", "dopt-"),
    ("AWS::EC2::EgressOnlyInternetGateway", "eigw-"),
    ("AWS::EC2::FlowLog", "fl-"),
    ("AWS::EC2::Instance", "i-"),
    ("AWS::EC2::InternetGateway", "igw-"),
    ("AWS::EC2::LaunchTemplate", "lt-"),
    ("AWS::EC2::NatGateway", "nat-"),
    ("AWS::EC2::NetworkAcl", "acl-"),
    ("AWS::EC2::NetworkInterface", "eni-"),
    ("AWS::EC2::PrefixList", "pl-"),
    ("AWS::EC2::RouteTable", "rtb-"),
    ("AWS::EC2::SecurityGroup", "sg-"),
    ("AWS::EC2::SecurityGroupIngress", "sgr-"),
    ("AWS::EC2::SecurityGroupEgress", "sgr-"),
    ("AWS::EC2::Subnet", "subnet-"),
    ("AWS::EC2::SubnetNetworkAclAssociation", "aclassoc-"),
    ("AWS::EC2::SubnetRouteTableAssociation", "rtbassoc-"),
    ("AWS::EC2::TransitGateway", "tgw-"),
    ("AWS::EC2::TransitGatewayAttachment", "tgw-attach-"),
    ("AWS::EC2::TransitGatewayRouteTable", "tgw-rtb-"),
    ("AWS::EC2::VPC", "vpc-"),
    ("AWS::EC2::VPCEndpoint", "vpce-"),
    ("AWS::EC2::VPCPeeringConnection", "pcx-"),
    ("AWS::EC2::VPNConnection", "vpn-"),
    ("AWS::EC2::VPNGateway", "vgw-"),
    ("AWS::EC2::Volume", "vol-"),
    ("AWS::EFS::AccessPoint", "fsap-"),
    ("AWS::EFS::FileSystem", "fs-"),
    ("AWS::SSM::MaintenanceWindow", "mw-"),
    ("AWS::SSM::PatchBaseline", "pb-"),
    ("ALIYUN::ECS::Instance", "i-"),
    ("ALIYUN::ECS::SecurityGroup", "sg-"),
    ("ALIYUN::ECS::VPC", "vpc-"),
    ("ALIYUN::ECS::VSwitch", "vsw-"),
    ("ALIYUN::RDS::DBInstance", "rm-"),
    ("ALIYUN::SLB::LoadBalancer", "lb-"),
    ("ALIYUN::VPC::EIP", "eip-"),
    ("ALIYUN::VPC::NatGateway", "ngw-"),
    ("alicloud_db_instance", "rm-"),
    ("alicloud_eip_address", "eip-"),
    ("alicloud_instance", "i-"),
    ("alicloud_security_group", "sg-"),
    ("alicloud_vpc", "vpc-"),
    ("alicloud_vswitch", "vsw-"),
];

/// ARNs by type: `{p}` partition, `{r}` region, `{a}` account, `{n}` name, `{h}` 16 digits, `{u}` a UUID. With `true` the
/// ARN is the physical id too.
const ARNS: [(&str, &str, bool); 24] = [
    ("AWS::CertificateManager::Certificate", "arn:{p}:acm:{r}:{a}:certificate/{u}", true),
    ("AWS::CloudFormation::Stack", "arn:{p}:cloudformation:{r}:{a}:stack/{n}/{u}", true),
    ("AWS::CloudTrail::Trail", "arn:{p}:cloudtrail:{r}:{a}:trail/{n}", false),
    ("AWS::DynamoDB::Table", "arn:{p}:dynamodb:{r}:{a}:table/{n}", false),
    ("AWS::ECS::Cluster", "arn:{p}:ecs:{r}:{a}:cluster/{n}", false),
    ("AWS::ECS::Service", "arn:{p}:ecs:{r}:{a}:service/{n}", true),
    ("AWS::ECS::TaskDefinition", "arn:{p}:ecs:{r}:{a}:task-definition/{n}:1", true),
    ("AWS::ElasticLoadBalancingV2::Listener", "arn:{p}:elasticloadbalancing:{r}:{a}:listener/app/{n}/{h}", true),
    (
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "arn:{p}:elasticloadbalancing:{r}:{a}:loadbalancer/app/{n}/{h}",
        true,
    ),
    ("AWS::ElasticLoadBalancingV2::TargetGroup", "arn:{p}:elasticloadbalancing:{r}:{a}:targetgroup/{n}/{h}", true),
    ("AWS::IAM::Group", "arn:{p}:iam::{a}:group/{n}", false),
    ("AWS::IAM::InstanceProfile", "arn:{p}:iam::{a}:instance-profile/{n}", false),
    ("AWS::IAM::ManagedPolicy", "arn:{p}:iam::{a}:policy/{n}", true),
    ("AWS::IAM::Role", "arn:{p}:iam::{a}:role/{n}", false),
    ("AWS::IAM::User", "arn:{p}:iam::{a}:user/{n}", false),
    ("AWS::Lambda::Function", "arn:{p}:lambda:{r}:{a}:function:{n}", false),
    ("AWS::Logs::LogGroup", "arn:{p}:logs:{r}:{a}:log-group:{n}:*", false),
    ("AWS::RDS::DBCluster", "arn:{p}:rds:{r}:{a}:cluster:{n}", false),
    ("AWS::RDS::DBInstance", "arn:{p}:rds:{r}:{a}:db:{n}", false),
    ("AWS::S3::Bucket", "arn:{p}:s3:::{n}", false),
    ("AWS::SNS::Topic", "arn:{p}:sns:{r}:{a}:{n}", true),
    ("AWS::SQS::Queue", "arn:{p}:sqs:{r}:{a}:{n}", false),
    ("AWS::SecretsManager::Secret", "arn:{p}:secretsmanager:{r}:{a}:secret:{n}", true),
    ("AWS::StepFunctions::StateMachine", "arn:{p}:states:{r}:{a}:stateMachine:{n}", true),
];

/// Names that AWS keeps in lower case.
const LOWER_CASE: [&str; 6] =
    ["AWS::S3::Bucket", "AWS::RDS::", "AWS::Redshift::", "AWS::ElastiCache::", "AWS::DocDB::", "AWS::Neptune::"];

/// The digits of a hash over `parts`, 64 of them.
pub(super) fn digits(context: &Context, parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    let stack = [context.account.as_str(), context.region.as_str(), context.stack_name.as_str()];
    for part in stack.iter().chain(parts) {
        hash.update(part.as_bytes());
        // A separator that no name has, so that ("ab", "c") is not ("a", "bc").
        hash.update([0]);
    }
    hex::encode(hash.finalize())
}

/// A stand-in for what cannot be known here: `what`, made safe for most places, and digits of `parts`.
pub(super) fn placeholder(context: &Context, what: &str, parts: &[&str]) -> String {
    let safe: String = what.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(64).collect();
    format!("sandbox-{safe}-{}", &digits(context, &[&[what], parts].concat())[..12])
}

/// A made-up resource of one stack.
pub(super) struct Identity<'a> {
    context: &'a Context,
    kind: &'a str,
    logical_id: &'a str,
    given_name: Option<String>,
    digits: String,
}

impl<'a> Identity<'a> {
    /// `given_name` is what the template calls the resource; see [`is_name`].
    pub fn new(context: &'a Context, resource: &'a Resource, given_name: Option<String>) -> Self {
        let digits = digits(context, &[&resource.logical_id]);
        Identity { context, kind: &resource.kind, logical_id: &resource.logical_id, given_name, digits }
    }

    /// The value of `Ref`.
    pub fn physical_id(&self) -> String {
        if let Some((_, prefix)) = PREFIXES.iter().find(|(kind, _)| *kind == self.kind) {
            return format!("{prefix}{}", &self.digits[..17]);
        }
        if let Some((_, arn, true)) = self.arn_shape() {
            return self.fill(arn);
        }
        let Context { account, region, .. } = self.context;
        match self.kind {
            "AWS::EC2::EIP" => self.public_ip(),
            "AWS::KMS::Key" => self.uuid(),
            "AWS::SQS::Queue" => format!("https://sqs.{region}.{}/{account}/{}", url_suffix(self.context), self.name()),
            "AWS::EMR::Cluster" => format!("j-{}", self.letters(13)),
            "AWS::CloudFront::Distribution" => format!("E{}", self.letters(13)),
            "AWS::Route53::HostedZone" => format!("Z{}", self.letters(20)),
            "AWS::ApiGateway::RestApi" | "AWS::ApiGatewayV2::Api" => self.letters(10).to_lowercase(),
            "AWS::Cognito::UserPool" => format!("{region}_{}", self.letters(9)),
            _ => self.name(),
        }
    }

    /// The value of `Fn::GetAtt`, told by the attribute's name: there are thousands of attributes, and few shapes.
    pub fn attribute(&self, attribute: &str) -> String {
        let region = &self.context.region;
        let last = attribute.rsplit('.').next().unwrap_or(attribute);
        let own_type = self.kind.rsplit("::").next().unwrap_or(self.kind);
        let own_id = last == "Id"
            || (last == "id" && self.kind.starts_with("alicloud_"))
            || last.strip_suffix("Id").is_some_and(|stem| own_type.to_lowercase().ends_with(&stem.to_lowercase()));
        match last {
            _ if attribute.starts_with("Outputs.") => placeholder(self.context, last, &[self.logical_id, attribute]),
            "Arn" => self.arn(),
            _ if last.ends_with("Arn") && own_type.to_lowercase().ends_with(&last[..last.len() - 3].to_lowercase()) => {
                self.arn()
            }
            _ if last.ends_with("Arn") || last.ends_with("ARN") => format!("{}/{last}", self.arn()),
            _ if own_id => self.physical_id(),
            "VpcId" => self.related("vpc-", attribute),
            "SubnetId" => self.related("subnet-", attribute),
            "DefaultSecurityGroup" => self.related("sg-", attribute),
            "DefaultNetworkAcl" => self.related("acl-", attribute),
            "AllocationId" => self.related("eipalloc-", attribute),
            "CidrBlock" => format!("10.{}.0.0/16", self.byte(0)),
            "AvailabilityZone" => format!("{region}a"),
            "PrivateIp" | "PrivateIpAddress" | "PrimaryPrivateIpAddress" => self.private_ip(),
            "PublicIp" => self.public_ip(),
            "Port" => self.port().to_owned(),
            "QueueName" | "TopicName" | "TableName" | "BucketName" => self.name(),
            "KeyId" => self.uuid(),
            "Name" => self.name(),
            _ if attribute == "Endpoint" || last == "Address" || is_host(last) => self.host(),
            _ if last.to_lowercase().ends_with("url") || last.to_lowercase().ends_with("uri") => {
                format!("https://{}/", self.host())
            }
            _ => placeholder(self.context, attribute, &[self.logical_id]),
        }
    }

    fn arn_shape(&self) -> Option<(&'static str, &'static str, bool)> {
        ARNS.into_iter().find(|(kind, ..)| *kind == self.kind)
    }

    fn arn(&self) -> String {
        if let Some((_, arn, _)) = self.arn_shape() {
            return self.fill(arn);
        }
        let physical = self.physical_id();
        if physical.starts_with("arn:") {
            return physical;
        }
        let mut words = self.kind.split("::").skip(1).map(str::to_lowercase);
        let service = words.next().unwrap_or_else(|| "custom".to_owned());
        let kind = words.next().unwrap_or_else(|| "resource".to_owned());
        let Context { account, region, partition, .. } = self.context;
        format!("arn:{partition}:{service}:{region}:{account}:{kind}/{physical}")
    }

    fn fill(&self, shape: &str) -> String {
        shape
            .replace("{p}", &self.context.partition)
            .replace("{r}", &self.context.region)
            .replace("{a}", &self.context.account)
            .replace("{h}", &self.digits[..16])
            .replace("{u}", &self.uuid())
            .replace("{n}", &self.name())
    }

    /// The name in the template, or what CloudFormation makes up: stack, logical id and 12 characters.
    fn name(&self) -> String {
        let name = self.given_name.clone().unwrap_or_else(|| {
            let stem: String = format!("{}-{}", self.context.stack_name, self.logical_id).chars().take(50).collect();
            format!("{stem}-{}", self.letters(12))
        });
        if LOWER_CASE.iter().any(|kind| self.kind.starts_with(kind)) { name.to_lowercase() } else { name }
    }

    fn related(&self, prefix: &str, attribute: &str) -> String {
        format!("{prefix}{}", &digits(self.context, &[self.logical_id, attribute])[..17])
    }

    fn byte(&self, index: usize) -> u8 {
        self.digits.get(index * 2..index * 2 + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()).unwrap_or_default()
    }

    fn letters(&self, count: usize) -> String {
        const LETTERS: &[u8; 36] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        (0..count).map(|index| char::from(LETTERS[usize::from(self.byte(index)) % LETTERS.len()])).collect()
    }

    fn uuid(&self) -> String {
        let d = &self.digits;
        format!("{}-{}-4{}-8{}-{}", &d[..8], &d[8..12], &d[12..15], &d[15..18], &d[18..30])
    }

    fn private_ip(&self) -> String {
        format!("10.{}.{}.{}", self.byte(0), self.byte(1), self.byte(2).clamp(4, 254))
    }

    /// From a range that is kept for documentation, so that it is nobody's.
    fn public_ip(&self) -> String {
        format!("203.0.113.{}", self.byte(0).clamp(1, 254))
    }

    fn port(&self) -> &'static str {
        match self.kind {
            kind if kind.starts_with("AWS::Redshift::") => "5439",
            kind if kind.starts_with("AWS::ElastiCache::") => "6379",
            kind if kind.starts_with("AWS::DocDB::") => "27017",
            _ => "5432",
        }
    }

    fn host(&self) -> String {
        let service = match self.kind.split("::").nth(1).unwrap_or("custom") {
            service if service.starts_with("ElasticLoadBalancing") => "elb".to_owned(),
            service => service.to_lowercase(),
        };
        let label: String = self.logical_id.to_lowercase().chars().take(40).collect();
        let suffix = url_suffix(self.context);
        format!("{label}-{}.{}.{service}.{suffix}", &self.digits[..12], self.context.region)
    }
}

/// Whether `property` names resources of type `kind`: `BucketName` those of `AWS::S3::Bucket`.
pub(super) fn is_name(kind: &str, property: &str) -> bool {
    let own_type = kind.rsplit("::").next().unwrap_or(kind);
    let rest = property.strip_prefix(own_type).unwrap_or(property);
    rest == "Name" || rest == "Identifier"
}

fn is_host(attribute: &str) -> bool {
    let lower = attribute.to_lowercase();
    lower.ends_with("dnsname") || lower.ends_with("dns") || lower.ends_with("domainname") || lower.ends_with("domain")
}

/// The value of `AWS::URLSuffix`.
pub(super) fn url_suffix(context: &Context) -> &'static str {
    match context.partition.as_str() {
        "aws-cn" => "amazonaws.com.cn",
        "aws-eusc" => "amazonaws.eu",
        "aws-iso" => "c2s.ic.gov",
        "aws-iso-b" => "sc2s.sgov.gov",
        _ => "amazonaws.com",
    }
}
