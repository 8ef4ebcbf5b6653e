//! Random projects over one small catalog, on one cloud or two: what the files say, what is there before, and a later edit
//! of the files.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use fastrand::Rng;
use tenure::model::{Address, Cloud};

use crate::clouds::{account, account_seed, administrator, arn, holder, target, template};

const OWNERS: [&str; 4] = ["role/TeamA", "role/TeamB", "user/carol", "role/path/TeamC"];
const LAUNCH_ROLES: [&str; 3] = ["role/LaunchA", "role/LaunchB", "role/LaunchC"];
const STEWARDS: [&str; 2] = ["team-a", "team-b"];
/// Holders of Alibaba Cloud that launch nothing here.
const HOLDERS: [&str; 2] = ["user/220011223344556677", "role/220011223344556688"];
const TAG_KEYS: [&str; 3] = ["team", "cost", "stage"];

const NET: &str = r#"
Parameters:
  Cidr: { Type: String, Default: 10.0.0.0/16 }
  Size: { Type: Number, Default: 1, MinValue: 1, MaxValue: 99 }
Resources:
  Network: { Type: AWS::EC2::VPC, Properties: { CidrBlock: !Ref Cidr } }
Outputs:
  Id: { Value: !Ref Network }
  Name: { Value: !Ref Cidr }
"#;
const ZONE: &str = r#"
Parameters:
  Zone: { Type: String, MinLength: 3 }
  Note: { Type: String, Default: none }
Resources:
  Zoned: { Type: AWS::Route53::HostedZone, Properties: { Name: !Ref Zone } }
Outputs:
  Id: { Value: !Ref Zoned }
  Name: { Value: !Ref Zone }
"#;
const WEB: &str = r#"
Parameters:
  Upstream: { Type: String, Default: none }
  Password: { Type: String, NoEcho: true, Default: changeme }
  Instances: { Type: Number, Default: 2 }
Resources:
  Instance: { Type: AWS::EC2::Instance, Properties: { SubnetId: !Ref Upstream } }
Outputs:
  Id: { Value: !Ref Instance }
  Name: { Value: !Sub "https://${Upstream}/" }
"#;
const ROS_NET: &str = r#"{
  "ROSTemplateFormatVersion": "2015-09-01",
  "Parameters": {
    "Cidr": { "Type": "String", "Default": "10.0.0.0/16" },
    "Size": { "Type": "Number", "Default": 1, "MinValue": 1, "MaxValue": 99 }
  },
  "Resources": { "Network": { "Type": "ALIYUN::ECS::VPC", "Properties": { "CidrBlock": { "Ref": "Cidr" } } } },
  "Outputs": { "Id": { "Value": { "Ref": "Network" } }, "Name": { "Value": { "Ref": "Cidr" } } }
}"#;
const ROS_ZONE: &str = r#"
ROSTemplateFormatVersion: "2015-09-01"
Parameters:
  Zone: { Type: String, MinLength: 3 }
  Note: { Type: String, Default: none }
Resources:
  Zoned: { Type: ALIYUN::PVTZ::Zone, Properties: { ZoneName: { Ref: Zone } } }
Outputs:
  Id: { Value: { Ref: Zoned } }
  Name: { Value: { Ref: Zone } }
"#;
const ROS_WEB: &str = r#"
ROSTemplateFormatVersion: "2015-09-01"
Parameters:
  Upstream: { Type: String, Default: none }
  Password: { Type: String, NoEcho: true, Default: changeme }
  Instances: { Type: Number, Default: 2 }
Resources:
  Instance: { Type: ALIYUN::ECS::Instance, Properties: { VSwitchId: { Ref: Upstream } } }
Outputs:
  Id: { Value: { Ref: Instance } }
  Name: { Value: { "Fn::Sub": "https://${Upstream}/" } }
"#;

pub const TEMPLATES: [(&str, &str); 6] = [
    ("templates/cfn/net.yaml", NET),
    ("templates/cfn/zone.yaml", ZONE),
    ("templates/cfn/web.yaml", WEB),
    ("templates/ros/net.json", ROS_NET),
    ("templates/ros/zone.yaml", ROS_ZONE),
    ("templates/ros/web.yaml", ROS_WEB),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Net,
    Zone,
    Web,
}

const KINDS: [Kind; 3] = [Kind::Net, Kind::Zone, Kind::Web];

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Kind::Net => "net",
            Kind::Zone => "zone",
            Kind::Web => "web",
        }
    }

    /// The parameter that a random text is for.
    fn parameter(self) -> &'static str {
        match self {
            Kind::Net => "Cidr",
            Kind::Zone => "Zone",
            Kind::Web => "Upstream",
        }
    }
}

/// One block of the files.
#[derive(Debug, Clone)]
pub struct Block {
    pub key: String,
    pub cloud: Cloud,
    /// Written only where it has to be.
    pub name: Option<String>,
    pub kind: Kind,
    pub version: &'static str,
    pub owner: Option<&'static str>,
    pub launch_role: Option<&'static str>,
    pub steward: Option<&'static str>,
    /// The launch path, and where the resources go.
    pub path: Option<&'static str>,
    pub stack_region: Option<&'static str>,
    /// The text of one parameter; `None` when parameters are not managed.
    pub text: Option<String>,
    pub secret_version: u32,
    pub tags: Option<BTreeMap<&'static str, String>>,
    /// Tags that cannot change alone wait.
    pub patient: bool,
    /// Its main parameter is an output of this block, by number.
    pub reads: Option<usize>,
    pub depends_on: Option<usize>,
}

impl Block {
    pub fn address(&self) -> Address {
        Address::new(&self.key, target_of(self.cloud))
    }

    /// What an update is made of on a cloud where tags and path are none by themselves.
    fn substance(&self) -> (&str, Option<&String>, Option<u32>) {
        let secret = (self.kind == Kind::Web && self.text.is_some()).then_some(self.secret_version);
        (self.version, self.text.as_ref().filter(|_| self.reads.is_none()), secret)
    }
}

/// The files of a project, as far as they are random.
#[derive(Debug, Clone)]
pub struct Files {
    /// By number, so that a key can change without its references being lost.
    pub blocks: BTreeMap<usize, Block>,
    clouds: Vec<Cloud>,
    /// Products that are in two portfolios of Alibaba Cloud, where that leaves no default.
    doubled: BTreeSet<Kind>,
    /// What takes somebody's approval on Alibaba Cloud: operations of a product.
    pub approvals: BTreeMap<Kind, &'static str>,
}

/// What a cloud's target is called in the files.
pub fn target_of(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Aws => "prod",
        Cloud::Alibaba => "hangzhou",
    }
}

fn chance(rng: &mut Rng, percent: u32) -> bool {
    rng.u32(0..100) < percent
}

fn pick<T: Copy>(rng: &mut Rng, all: &[T]) -> T {
    all[rng.usize(0..all.len())]
}

fn text(rng: &mut Rng, kind: Kind) -> String {
    match kind {
        Kind::Net => format!("10.{}.0.0/16", rng.u8(0..4)),
        _ => format!("text-{}", rng.u8(0..4)),
    }
}

fn tags(rng: &mut Rng) -> BTreeMap<&'static str, String> {
    TAG_KEYS.into_iter().flat_map(|key| chance(rng, 50).then(|| (key, format!("v{}", rng.u8(0..3))))).collect()
}

fn pairs(tags: &BTreeMap<&str, String>) -> String {
    tags.iter().map(|(key, value)| format!("{key} = \"{value}\"")).collect::<Vec<_>>().join(", ")
}

impl Files {
    pub fn random(rng: &mut Rng, clouds: &[Cloud], count: usize) -> Files {
        let doubled = KINDS.into_iter().filter(|_| chance(rng, 40)).collect();
        let mut files = Files { blocks: BTreeMap::new(), clouds: clouds.to_vec(), doubled, approvals: BTreeMap::new() };
        for number in 0..count {
            let block = files.block(rng, number);
            files.blocks.insert(number, block);
        }
        files
    }

    /// Some changes take somebody's approval from now on.
    pub fn ask_approvals(&mut self, rng: &mut Rng) {
        let operations = ["All", "LaunchProduct", "UpdateProvisionedProduct", "TerminateProvisionedProduct"];
        for kind in KINDS {
            if chance(rng, 50) {
                self.approvals.insert(kind, pick(rng, &operations));
            }
        }
    }

    /// A new block, which may need any of those that are there on its cloud.
    fn block(&self, rng: &mut Rng, number: usize) -> Block {
        let (cloud, kind) = (pick(rng, &self.clouds), pick(rng, &KINDS));
        // What is read is on the same target.
        let here = self.blocks.iter().filter(|(_, block)| block.cloud == cloud);
        let before: Vec<usize> = here.map(|(number, _)| *number).collect();
        let alibaba = cloud == Cloud::Alibaba;
        // A zone has a parameter without a default, and who manages none cannot launch it; what nobody is told of a
        // secret cannot be sent again where everything is.
        let managed = kind == Kind::Zone || (alibaba && kind == Kind::Web) || chance(rng, 75);
        let other = |rng: &mut Rng, percent| (!before.is_empty() && chance(rng, percent)).then(|| pick(rng, &before));
        let owner = match cloud {
            Cloud::Aws => chance(rng, 60).then(|| pick(rng, &OWNERS)),
            Cloud::Alibaba => chance(rng, 40).then_some("role/Operator"),
        };
        Block {
            key: format!("p{number}"),
            cloud,
            name: None,
            kind,
            version: pick(rng, &["1", "2"]),
            owner,
            launch_role: (!alibaba && chance(rng, 50)).then(|| pick(rng, &LAUNCH_ROLES)),
            steward: chance(rng, 30).then(|| pick(rng, &STEWARDS)),
            path: (alibaba && self.doubled.contains(&kind)).then(|| pick(rng, &["All", "More"])),
            stack_region: (alibaba && chance(rng, 30)).then_some("cn-beijing"),
            text: managed.then(|| text(rng, kind)),
            secret_version: 1,
            tags: chance(rng, 50).then(|| tags(rng)),
            patient: chance(rng, 50),
            reads: if managed { other(rng, 40) } else { None },
            depends_on: other(rng, 25),
        }
    }

    /// What somebody does to the files later: renames, deletes, adds and changes.
    pub fn edited(&self, rng: &mut Rng) -> Files {
        let mut files = self.clone();
        for number in self.blocks.keys() {
            let needed = files.blocks.values().any(|b| b.reads == Some(*number) || b.depends_on == Some(*number));
            if !needed && chance(rng, 15) {
                files.blocks.remove(number);
                continue;
            }
            if let Some(block) = files.blocks.get_mut(number) {
                edit(rng, block);
            }
        }
        let next = self.blocks.keys().max().map_or(0, |last| last + 1);
        for number in next..next + rng.usize(0..3) {
            let block = files.block(rng, number);
            files.blocks.insert(number, block);
        }
        files
    }

    /// The text of `tenure.toml`, its blocks in an order of their own.
    pub fn toml(&self, order: &mut Rng) -> String {
        let mut tables: Vec<String> = self.blocks.values().map(|block| self.table(block)).collect();
        order.shuffle(&mut tables);
        let targets: String = self.clouds.iter().map(|cloud| target(*cloud, target_of(*cloud)) + "\n").collect();
        format!("[project]\nname = \"random\"\n\n{targets}{}", tables.join("\n"))
    }

    fn table(&self, block: &Block) -> String {
        let mut table = format!("[provisioned_product.{}]\ntarget = \"{}\"\n", block.key, target_of(block.cloud));
        let mut line = |text: String| {
            table.push_str(&text);
            table.push('\n');
        };
        line(format!("product = \"{}\"", product(block.cloud, block.kind)));
        line(format!("version = \"{}\"", block.version));
        for (key, value) in [
            ("name", block.name.as_deref()),
            ("owner", block.owner),
            ("launch_role", block.launch_role),
            ("steward", block.steward),
            ("path", block.path),
            ("stack_region", block.stack_region),
        ] {
            if let Some(value) = value {
                line(format!("{key} = \"{value}\""));
            }
        }
        if block.cloud == Cloud::Alibaba && block.patient {
            line("tags_with_next_update = true".to_owned());
        }
        if let Some(other) = block.depends_on {
            line(format!("depends_on = [\"{}\"]", self.blocks[&other].key));
        }
        let read = block.reads.map(|other| {
            let output = if other % 2 == 0 { "Id" } else { "Name" };
            format!("${{provisioned_product.{}.outputs.{output}}}", self.blocks[&other].key)
        });
        if let Some(text) = read.or_else(|| block.text.clone()).filter(|_| block.text.is_some()) {
            line(format!("parameters.{} = \"{text}\"", block.kind.parameter()));
            if block.kind == Kind::Web {
                line(format!(
                    "parameters.Password = {{ secret = \"env:PASSWORD\", version = {} }}",
                    block.secret_version
                ));
            }
        }
        if let Some(tags) = &block.tags {
            line(format!("tags = {{ {} }}", pairs(tags)));
        }
        table
    }

    /// A world in which some of the blocks exist already, in some other state, beside things that are nobody's business.
    pub fn seed(&self, rng: &mut Rng, faults: &str) -> String {
        let mut seed = format!("seed = {}\n", rng.u32(..));
        for cloud in &self.clouds {
            self.catalog(rng, *cloud, &mut seed);
        }
        let foreign = (0..rng.usize(0..3)).map(|n| {
            let mut block = self.block(rng, 0);
            block.key = format!("foreign-{n}");
            block
        });
        let foreign: Vec<Block> = foreign.collect();
        let there: Vec<&Block> = self.blocks.values().filter(|_| chance(rng, 40)).collect();
        for block in there.into_iter().chain(&foreign) {
            exists(rng, block, &mut seed);
        }
        seed.push_str(faults);
        seed
    }

    /// Account, portfolios and products of one cloud.
    fn catalog(&self, rng: &mut Rng, cloud: Cloud, seed: &mut String) {
        seed.push_str(&account_seed(cloud));
        let word = |key: &str| format!("{}-{key}", target_of(cloud));
        let constraints: Vec<String> = match cloud {
            Cloud::Aws => KINDS
                .map(|kind| format!("{{ product = \"{}\", type = \"RESOURCE_UPDATE\" }}", product(cloud, kind)))
                .to_vec(),
            Cloud::Alibaba => self.approvals.iter().map(|(kind, operation)| approval(*kind, operation)).collect(),
        };
        let portfolios = match cloud {
            Cloud::Aws => vec![("all", "All")],
            Cloud::Alibaba => vec![("all", "All"), ("more", "More")],
        };
        for (key, name) in portfolios {
            let _ = write!(
                seed,
                "\n[portfolio.{}]\naccount = \"{}\"\nname = \"{name}\"\nprincipals = [\"{}\"]\n\
                 constraints = [{}]\n",
                word(key),
                account(cloud),
                administrator(cloud),
                if key == "all" { constraints.join(", ") } else { String::new() },
            );
        }
        for kind in KINDS {
            let doubled = cloud == Cloud::Alibaba && self.doubled.contains(&kind);
            let portfolios = if doubled { vec![word("all"), word("more")] } else { vec![word("all")] };
            let _ = writeln!(seed, "\n[product.{}]\nportfolios = {portfolios:?}", product(cloud, kind));
            for (version, seconds) in [("1", rng.u8(1..90)), ("2", rng.u8(1..90))] {
                let _ = writeln!(
                    seed,
                    "[[product.{}.version]]\nname = \"{version}\"\ntemplate = \"{}\"\nduration = \"{seconds}s\"",
                    product(cloud, kind),
                    template(cloud, kind.word()),
                );
            }
        }
    }
}

fn approval(kind: Kind, operation: &str) -> String {
    format!(
        "{{ product = \"{}\", type = \"APPROVAL\", operations = [\"{operation}\"], approvers = [\"approver\"] }}",
        product(Cloud::Alibaba, kind)
    )
}

/// What a catalog product is called; a seed has one product of a name in each account.
fn product(cloud: Cloud, kind: Kind) -> String {
    match cloud {
        Cloud::Aws => kind.word().to_owned(),
        Cloud::Alibaba => format!("ros-{}", kind.word()),
    }
}

fn edit(rng: &mut Rng, block: &mut Block) {
    let before = block.clone();
    let alibaba = block.cloud == Cloud::Alibaba;
    if chance(rng, 15) {
        block.name.get_or_insert_with(|| block.key.clone());
        block.key = format!("{}-moved", block.key);
    } else if chance(rng, 10) {
        block.name = Some(format!("{}-new", block.name.clone().unwrap_or_else(|| block.key.clone())));
    }
    if chance(rng, 30) {
        block.version = pick(rng, &["1", "2"]);
    }
    if !alibaba && chance(rng, 30) {
        block.owner = Some(pick(rng, &OWNERS));
    }
    if !alibaba && chance(rng, 25) {
        block.launch_role = Some(pick(rng, &LAUNCH_ROLES));
    }
    if chance(rng, 20) {
        block.steward = Some(pick(rng, &STEWARDS));
    }
    if block.text.is_some() && chance(rng, 40) {
        block.text = Some(text(rng, block.kind));
    }
    if chance(rng, 20) {
        block.secret_version += 1;
    }
    // Without another change the service does not take it: seldom enough that most projects have nothing in their way.
    let rides_along = !alibaba || block.substance() != before.substance();
    if chance(rng, if rides_along { 30 } else { 4 }) {
        block.tags = Some(tags(rng));
    }
    if block.path.is_some() && chance(rng, if rides_along { 20 } else { 2 }) {
        block.path = Some(pick(rng, &["All", "More"]));
    }
}

/// One provisioned product of the seed: that of a block, in another state.
fn exists(rng: &mut Rng, block: &Block, seed: &mut String) {
    let alibaba = block.cloud == Cloud::Alibaba;
    let owner = match block.cloud {
        Cloud::Aws => arn(pick(rng, &OWNERS)),
        Cloud::Alibaba => match block.owner {
            Some(asserted) => holder(block.cloud, asserted),
            None => pick(rng, &HOLDERS).to_owned(),
        },
    };
    // Where tags and path do not change alone, something else mostly does.
    let rides = alibaba && (block.tags.is_some() || block.path.is_some()) && chance(rng, 95);
    let version = match block.version {
        "1" if rides => "2",
        _ if rides => "1",
        _ => pick(rng, &["1", "2"]),
    };
    let _ = writeln!(
        seed,
        "\n[provisioned_product.{}]\nproduct = \"{}\"\nversion = \"{version}\"\nowner = \"{owner}\"",
        block.key,
        product(block.cloud, block.kind),
    );
    if !alibaba && chance(rng, 50) {
        let _ = writeln!(seed, "launch_role = \"{}\"", arn(pick(rng, &LAUNCH_ROLES)));
    }
    let region = block.stack_region.or_else(|| chance(rng, 20).then_some("cn-shanghai")).filter(|_| alibaba);
    for (key, value) in [("stack_region", region), ("path", block.path.map(|_| pick(rng, &["All", "More"])))] {
        if let Some(value) = value {
            let _ = writeln!(seed, "{key} = \"{value}\"");
        }
    }
    let _ = writeln!(seed, "parameters = {{ {} = \"{}\" }}", block.kind.parameter(), text(rng, block.kind));
    let _ = writeln!(seed, "tags = {{ {} }}", pairs(&tags(rng)));
}
