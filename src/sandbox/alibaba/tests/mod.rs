//! The dialect as its clients meet it, by requests that are signed here: the signer below shares nothing with the
//! verification but the digests of `sha2`.

mod approvals;
mod catalog;
mod instances;
mod sessions;
mod signatures;
mod vectors;
mod worlds;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::sandbox::Sandbox;
use crate::seam::TransportError;

pub const HOST: &str = "servicecatalog.cn-hangzhou.aliyuncs.com";
pub const ACCOUNT: &str = "1234567890123456";

pub const SEED: &str = r#"
seed = 3
[account."1234567890123456"]
provider = "alibaba"
regions = ["cn-beijing", "cn-hangzhou"]
broken_roles = ["acs:ram::1234567890123456:role/Broken"]
[account."123456789012"]
provider = "aws"
regions = ["eu-west-1"]
[principal.aws]
arn = "arn:aws:iam::123456789012:role/Admin"
access_key_id = "AKIAADMIN"
secret_access_key = "aws-secret"
[principal.admin]
arn = "acs:ram::1234567890123456:role/Admin"
id = "300000000000000001"
access_key_id = "LTAIadmin"
secret_access_key = "admin-secret"
[principal.alice]
arn = "acs:ram::1234567890123456:user/alice"
id = "200000000000000002"
access_key_id = "LTAIalice"
secret_access_key = "alice-secret"
access = "user"
[principal.boss]
arn = "acs:ram::1234567890123456:user/boss"
access_key_id = "LTAIboss"
secret_access_key = "boss-secret"
access = "user"
deny = ["GetRole"]
[ram.dba]
arn = "acs:ram::1234567890123456:role/Dba"
id = "300000000000000009"
[portfolio.networking]
account = "1234567890123456"
region = "cn-hangzhou"
name = "Networking"
principals = ["admin", "alice"]
constraints = [
  { product = "vpc", type = "LAUNCH", role = "acs:ram::1234567890123456:role/Launch" },
  { product = "guarded", type = "APPROVAL", operations = ["UpdateProvisionedProduct", "LaunchProduct"], approvers = ["boss"] },
  { product = "pinned", type = "STACK_REGION", regions = ["cn-shanghai"] },
  { product = "broken", type = "LAUNCH", role = "acs:ram::1234567890123456:role/Broken" },
]
[portfolio.shared]
account = "1234567890123456"
region = "cn-hangzhou"
name = "Shared"
principals = ["admin"]
[portfolio.north]
account = "1234567890123456"
region = "cn-beijing"
principals = ["admin"]
[product.vpc]
name = "VPC baseline"
portfolios = ["networking"]
description = "a network"
[[product.vpc.version]]
name = "1"
template = "vpc.json"
duration = "90s"
[[product.vpc.version]]
name = "2"
template = "vpc.yaml"
duration = "90s"
guidance = "RECOMMENDED"
[[product.vpc.version]]
name = "bad"
template = "vpc.json"
fail = "No capacity"
[[product.vpc.version]]
name = "old"
template = "vpc.json"
active = false
[product.terraform]
name = "Terraform"
portfolios = ["networking", "shared"]
[[product.terraform.version]]
name = "1"
template = "terraform.json"
[product.guarded]
portfolios = ["networking"]
[[product.guarded.version]]
name = "1"
template = "vpc.json"
[[product.guarded.version]]
name = "2"
template = "vpc.yaml"
[product.pinned]
portfolios = ["networking"]
[[product.pinned.version]]
name = "1"
template = "vpc.json"
[product.broken]
portfolios = ["networking"]
[[product.broken.version]]
name = "1"
template = "vpc.json"
[product.north]
portfolios = ["north"]
[[product.north.version]]
name = "1"
template = "vpc.json"
[provisioned_product.network]
product = "vpc"
version = "1"
owner = "role/300000000000000009"
stack_region = "cn-shanghai"
parameters = { CidrBlock = "10.0.0.0/16", Secret = "canary-in-the-mine" }
tags = { team = "network" }
"#;

pub const JSON_TEMPLATE: &str = r#"{
  "ROSTemplateFormatVersion": "2015-09-01",
  "Parameters": {
    "CidrBlock": { "Type": "String", "AllowedPattern": "[0-9./]+", "Label": { "en": "Block" } },
    "Secret": { "Type": "String", "NoEcho": true, "Default": "x" },
    "zone_count": { "Type": "Number", "Default": 2, "MaxValue": 3 },
    "Fast": { "Type": "Boolean", "Default": false },
    "Extra": { "Type": "Json", "Default": { "a": [1] } }
  },
  "Resources": { "Vpc": { "Type": "ALIYUN::ECS::VPC", "Properties": { "CidrBlock": { "Ref": "CidrBlock" } } } },
  "Outputs": {
    "Cidr": { "Value": { "Ref": "CidrBlock" }, "Description": "the block" },
    "VpcId": { "Value": { "Fn::GetAtt": ["Vpc", "VpcId"] } },
    "Where": { "Value": { "Fn::Sub": "${ALIYUN::Region}/${zone_count}" } }
  }
}"#;

pub const YAML_TEMPLATE: &str = r#"
ROSTemplateFormatVersion: '2015-09-01'
Parameters:
  CidrBlock: { Type: String }
  Secret: { Type: String, NoEcho: true, Default: x }
  Size:
    Type: Number
    Default: 4
Resources:
  Vpc: { Type: ALIYUN::ECS::VPC }
  Switch: { Type: ALIYUN::ECS::VSwitch }
Outputs:
  Cidr: { Value: !Ref CidrBlock }
  Text: { Value: !Join ['-', [a, !Ref Size]] }
"#;

pub const TERRAFORM_TEMPLATE: &str = r#"{
  "ROSTemplateFormatVersion": "2015-09-01",
  "Transform": "Aliyun::Terraform-v1.1",
  "Workspace": { "main.tf": "variable \"name\" {\n  type = string\n  default = \"web\"\n}\nvariable \"size\" {\n  type = number\n}\nvariable \"password\" {\n  sensitive = true\n  default = \"p\"\n}\nresource \"alicloud_vpc\" \"main\" {\n  vpc_name = var.name\n}\noutput \"title\" {\n  value = \"vpc-${var.name}\"\n  description = \"its name\"\n}\noutput \"id\" {\n  value = alicloud_vpc.main.id\n}\n" },
  "Outputs": {}
}"#;

pub struct Bench {
    folder: tempfile::TempDir,
    nonce: Cell<u64>,
}

/// What came back: the status and the body.
pub type Said = (u16, Value);

/// Pairs that stand for themselves.
pub type Pairs<'a> = &'a [(&'a str, &'a str)];

impl Bench {
    pub fn new() -> Bench {
        Bench::of(SEED)
    }

    pub fn of(seed: &str) -> Bench {
        let bench = Bench { folder: tempfile::tempdir().expect("a folder"), nonce: Cell::new(0) };
        bench.write("sandbox.toml", seed);
        bench.write("vpc.json", JSON_TEMPLATE);
        bench.write("vpc.yaml", YAML_TEMPLATE);
        bench.write("terraform.json", TERRAFORM_TEMPLATE);
        bench
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).expect("writable");
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn open(&self) -> Sandbox {
        self.try_open().expect("a sandbox")
    }

    pub fn try_open(&self) -> Result<Sandbox, crate::problem::Problem> {
        Sandbox::open(&self.path().join("sandbox.toml"), &self.path().join("state"))
    }

    pub fn client<'a>(&'a self, sandbox: &'a Sandbox, principal: &str) -> Client<'a> {
        let found = sandbox.credentials(ACCOUNT, Some(principal)).expect("a principal");
        Client {
            bench: self,
            sandbox,
            key: found.access_key_id,
            secret: found.secret_access_key,
            token: None,
            host: HOST.to_owned(),
        }
    }
}

/// Somebody who signs.
pub struct Client<'a> {
    pub bench: &'a Bench,
    pub sandbox: &'a Sandbox,
    pub key: String,
    pub secret: String,
    pub token: Option<String>,
    pub host: String,
}

impl Client<'_> {
    pub fn nonce(&self) -> String {
        self.bench.nonce.set(self.bench.nonce.get() + 1);
        format!("{:032x}", self.bench.nonce.get())
    }

    pub fn now(&self) -> String {
        self.sandbox.clock().now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// The headers that every request has.
    pub fn headers(&self, version: &str, action: &str, body: &str) -> BTreeMap<String, String> {
        let mut headers: BTreeMap<String, String> = [
            ("host", self.host.clone()),
            ("x-acs-version", version.to_owned()),
            ("x-acs-action", action.to_owned()),
            ("x-acs-date", self.now()),
            ("x-acs-signature-nonce", self.nonce()),
            ("x-acs-content-sha256", hex::encode(Sha256::digest(body.as_bytes()))),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        if !body.is_empty() {
            headers.insert("content-type".into(), "application/x-www-form-urlencoded".into());
        }
        if let Some(token) = &self.token {
            headers.insert("x-acs-accesskey-id".into(), self.key.clone());
            headers.insert("x-acs-security-token".into(), token.clone());
        }
        headers
    }

    /// A request with its parameters in the query or in the body.
    pub fn request(&self, version: &str, action: &str, parameters: Pairs<'_>, in_body: bool) -> Request<Bytes> {
        let text = escaped(parameters);
        let (query, body) = if in_body { (String::new(), text) } else { (text, String::new()) };
        let headers = self.headers(version, action, &body);
        let authorization = authorization("POST", &headers, &query, &self.key, &self.secret);
        request("POST", &headers, &query, body, &authorization)
    }

    pub fn try_send(&self, request: Request<Bytes>) -> Result<Said, TransportError> {
        let response: Response<Bytes> = wait(self.sandbox.transport().send(request))?;
        let body = serde_json::from_slice(response.body()).expect("JSON");
        Ok((response.status().as_u16(), body))
    }

    pub fn send(&self, request: Request<Bytes>) -> Said {
        self.try_send(request).expect("an answer")
    }

    /// Calls the catalog, and takes what comes.
    pub fn ask(&self, action: &str, parameters: Pairs<'_>) -> Said {
        self.send(self.request("2021-09-01", action, parameters, true))
    }

    pub fn call(&self, action: &str, parameters: Pairs<'_>) -> Value {
        let (status, body) = self.ask(action, parameters);
        assert_eq!(status, 200, "{action}: {body}");
        assert!(body["RequestId"].is_string(), "{body}");
        body
    }

    /// Calls the catalog to be refused; the code, and the status before it.
    pub fn refused(&self, action: &str, parameters: Pairs<'_>) -> (u16, String) {
        let (status, body) = self.ask(action, parameters);
        for member in ["RequestId", "HostId", "Message", "Recommend"] {
            assert!(body[member].is_string(), "{action}: {body}");
        }
        (status, text(&body["Code"]))
    }

    pub fn sleep(&self, seconds: u64) {
        wait(self.sandbox.clock().sleep(Duration::from_secs(seconds)));
    }

    /// The id of a product by its name.
    pub fn product(&self, name: &str) -> String {
        let found = self.call("ListProductsAsEndUser", &[("Filters.1.Key", "ProductName"), ("Filters.1.Value", name)]);
        text(&found["ProductSummaries"][0]["ProductId"])
    }

    pub fn version(&self, product: &str, name: &str) -> String {
        let id = self.product(product);
        let found = self.call("ListProductVersions", &[("ProductId", &id)]);
        let versions = found["ProductVersionDetails"].as_array().expect("a list");
        let version = versions.iter().find(|v| v["ProductVersionName"] == name).expect("the version");
        text(&version["ProductVersionId"])
    }

    pub fn instance(&self, id: &str) -> Value {
        self.call("GetProvisionedProduct", &[("ProvisionedProductId", id)])["ProvisionedProductDetail"].clone()
    }

    pub fn task(&self, id: &str) -> Value {
        self.call("GetTask", &[("TaskId", id)])["TaskDetail"].clone()
    }

    /// Launches a VPC, and waits for it.
    pub fn launched(&self, name: &str) -> String {
        let (product, version) = (self.product("VPC baseline"), self.version("VPC baseline", "1"));
        let launched = self.call(
            "LaunchProduct",
            &[
                ("ProductId", &product),
                ("ProductVersionId", &version),
                ("ProvisionedProductName", name),
                ("StackRegionId", "cn-shanghai"),
                ("Parameters.1.ParameterKey", "CidrBlock"),
                ("Parameters.1.ParameterValue", "10.0.0.0/8"),
                ("Tags.1.Key", "team"),
                ("Tags.1.Value", "red"),
            ],
        );
        self.sleep(90);
        text(&launched["ProvisionedProductId"])
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("text, not {value}")).to_owned()
}

pub fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

/// RFC 3986, by hand.
pub fn escape(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("a string grows");
        }
    }
    out
}

pub fn escaped(pairs: Pairs<'_>) -> String {
    let mut pairs: Vec<String> = pairs.iter().map(|(k, v)| format!("{}={}", escape(k), escape(v))).collect();
    pairs.sort();
    pairs.join("&")
}

/// HMAC-SHA256, by hand.
fn keyed(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let inner: Vec<u8> = block.iter().map(|b| b ^ 0x36).chain(message.iter().copied()).collect();
    let outer: Vec<u8> = block.iter().map(|b| b ^ 0x5c).chain(Sha256::digest(inner)).collect();
    Sha256::digest(outer).to_vec()
}

/// Signs all `headers`.
pub fn authorization(method: &str, headers: &BTreeMap<String, String>, query: &str, key: &str, secret: &str) -> String {
    let names: Vec<&str> = headers.keys().map(String::as_str).collect();
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let hash = headers.get("x-acs-content-sha256").map_or("", String::as_str);
    let canonical = [method, "/", query, &lines, &names.join(";"), hash].join("\n");
    let to_sign = format!("ACS3-HMAC-SHA256\n{}", hex::encode(Sha256::digest(canonical)));
    let signature = hex::encode(keyed(secret.as_bytes(), to_sign.as_bytes()));
    format!("ACS3-HMAC-SHA256 Credential={key},SignedHeaders={},Signature={signature}", names.join(";"))
}

pub fn request(
    method: &str,
    headers: &BTreeMap<String, String>,
    query: &str,
    body: String,
    authorization: &str,
) -> Request<Bytes> {
    let separator = if query.is_empty() { "" } else { "?" };
    let mut builder = Request::builder().method(method).uri(format!("https://{}/{separator}{query}", headers["host"]));
    for (name, value) in headers {
        builder = builder.header(name, value);
    }
    if !authorization.is_empty() {
        builder = builder.header("authorization", authorization);
    }
    builder.body(Bytes::from(body)).expect("a request")
}
