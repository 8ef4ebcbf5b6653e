//! `sandbox.toml`: what the world consists of when it begins.
//!
//! ```toml
//! seed  = 7                                  # ids, page order and faults follow from it; default 0
//! start = "2026-01-05T09:00:00Z"             # the world's time when it begins; this is the default
//!
//! [account."123456789012"]
//! provider     = "aws"
//! regions      = ["eu-west-1"]
//! broken_roles = ["arn:aws:iam::123456789012:role/SCBroken"]   # operations that run as one of these fail
//!
//! [principal.admin]
//! arn                 = "arn:aws:iam::123456789012:role/Admin" # a role or a user
//! access_key_id       = "AKIASANDBOXADMIN"
//! secret_access_key   = "sandbox-admin-secret"
//! access              = "account"            # or "role", "user": the widest look it may take
//! trusted_external_id = "x"                  # AssumeRole of its role needs this ExternalId
//! expired             = false                # its credentials are refused as expired (also: session_token_expired)
//! read_only           = false                # operations that change something are denied
//! allow = ["GetProvisionedProductOutputs"]   # operations that end users do not have by default
//! deny  = ["ScanProvisionedProducts"]        # operations that are denied
//!
//! [portfolio.networking]
//! account     = "123456789012"
//! region      = "eu-west-1"                  # default: the account's only one
//! name        = "Networking"                 # default: the key; it is the name of the launch path too
//! principals  = ["admin"]
//! constraints = [{ product = "vpc", type = "LAUNCH", role = "arn:…" }, { product = "vpc", type = "RESOURCE_UPDATE" }]
//!
//! [product.vpc]                              # exists in every account and region that its portfolios are in
//! name       = "VPC baseline"                # default: the key
//! portfolios = ["networking"]
//! type       = "CFN_STACK"                   # or "CFN_STACKSET"; a version may say otherwise
//! owner, description, distributor
//! [[product.vpc.version]]
//! name     = "2.1.0"
//! template = "templates/vpc.yaml"            # relative to the seed
//! duration = "90s"                           # default 60s; also 1h, 5m, 1m30s
//! fail     = "No capacity"                   # operations that lead to this version fail, with this reason
//! active = true, guidance = "DEPRECATED", description, type
//!
//! [provisioned_product.network]
//! name        = "network"                    # default: the key
//! product     = "vpc"
//! version     = "2.0.3"
//! account, region                            # needed only if the product is in several
//! path        = "networking"                 # a portfolio's key or name; default: the first one
//! owner       = "arn:…"
//! launch_role = "arn:…"                      # default: that of the LAUNCH constraint
//! parameters  = { CidrBlock = "10.0.0.0/20" }
//! tags        = { team = "network" }
//! status      = "AVAILABLE"                  # or "TAINTED", "ERROR", "UNDER_CHANGE"
//! status_message = "…"
//!
//! [stack.legacy]                             # a CloudFormation stack that the catalog knows nothing of
//! account, region, name, template, parameters, tags
//!
//! # Alibaba Cloud: account ids of sixteen digits, and
//! [principal.boss]
//! arn = "acs:ram::ACCOUNT:user/NAME"          # or role/NAME
//! id  = "2…"                                 # its number; default: follows from the seed
//! [ram.dba]                                  # a user or role that signs nothing: arn, id
//! # constraints: LAUNCH, TEMPLATE, { type = "APPROVAL", operations = ["All"], approvers = ["boss"] },
//! #              { type = "STACK_REGION", regions = ["cn-beijing"] }
//! # provisioned products: owner = "role/ID" or "user/ID"; stack_region
//!
//! [[fault]]                                  # counted anew in each process; not part of the world
//! operation = "UpdateProvisionedProduct"     # or "*"
//! kind  = "throttle"                         # error, delay, lost-request, lost-reply, fail
//! every = 10                                 # or at = [3, 17], or chance = 0.05
//! seconds = 30                               # of a delay; default 10
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use crate::problem::{Place, Problem, nearest};

/// The seed as it is written.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Seed {
    pub seed: u64,
    /// How an update of AWS that changes nothing ends.
    #[serde(default, skip_serializing_if = "NoChange::is_default")]
    pub no_change: NoChange,
    pub start: Option<Spanned<toml::Value>>,
    pub account: BTreeMap<String, Spanned<AccountSeed>>,
    pub principal: BTreeMap<String, PrincipalSeed>,
    pub portfolio: BTreeMap<String, PortfolioSeed>,
    pub product: BTreeMap<String, ProductSeed>,
    pub provisioned_product: BTreeMap<String, ProvisionedSeed>,
    pub stack: BTreeMap<String, StackSeed>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub ram: BTreeMap<String, RamSeed>,
    #[serde(skip_serializing)]
    pub fault: Vec<Fault>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AccountSeed {
    pub provider: Spanned<String>,
    pub regions: Vec<String>,
    #[serde(default)]
    pub broken_roles: Vec<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PrincipalSeed {
    pub arn: Spanned<String>,
    pub access_key_id: Spanned<String>,
    pub secret_access_key: String,
    #[serde(default = "account_level")]
    pub access: super::world::model::Access,
    pub trusted_external_id: Option<String>,
    #[serde(default, alias = "session_token_expired")]
    pub expired: bool,
    #[serde(default)]
    pub read_only: bool,
    #[serde(default)]
    pub allow: Vec<String>,
    #[serde(default)]
    pub deny: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Spanned<String>>,
}

/// A RAM user or role that signs nothing here.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RamSeed {
    pub arn: Spanned<String>,
    pub id: Option<Spanned<String>>,
}

fn account_level() -> super::world::model::Access {
    super::world::model::Access::Account
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PortfolioSeed {
    pub account: Spanned<String>,
    pub region: Option<Spanned<String>>,
    pub name: Option<String>,
    #[serde(default)]
    pub principals: Vec<Spanned<String>>,
    #[serde(default)]
    pub constraints: Vec<ConstraintSeed>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ConstraintSeed {
    pub product: Spanned<String>,
    #[serde(rename = "type")]
    pub kind: super::world::model::ConstraintKind,
    pub role: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<Spanned<String>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvers: Vec<Spanned<String>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ProductSeed {
    pub name: Option<String>,
    pub portfolios: Vec<Spanned<String>>,
    #[serde(default)]
    pub version: Vec<VersionSeed>,
    #[serde(rename = "type")]
    pub kind: Option<super::world::model::StackKind>,
    pub owner: Option<String>,
    pub description: Option<String>,
    pub distributor: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct VersionSeed {
    pub name: String,
    pub template: Spanned<String>,
    pub duration: Option<Spanned<String>>,
    pub description: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<super::world::model::StackKind>,
    #[serde(default = "yes")]
    pub active: bool,
    pub guidance: Option<Guidance>,
    pub fail: Option<String>,
}

fn yes() -> bool {
    true
}

/// Reports differ: most have such an update succeed, one has it fail and taint the product.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NoChange {
    #[default]
    Succeed,
    Taint,
}

impl NoChange {
    fn is_default(&self) -> bool {
        *self == NoChange::default()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Guidance {
    Default,
    Deprecated,
    Recommended,
    Latest,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ProvisionedSeed {
    pub product: Spanned<String>,
    pub version: Spanned<String>,
    pub owner: Spanned<String>,
    pub name: Option<Spanned<String>>,
    pub account: Option<Spanned<String>>,
    pub region: Option<Spanned<String>>,
    pub path: Option<Spanned<String>>,
    pub launch_role: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stack_region: Option<Spanned<String>>,
    #[serde(default)]
    pub parameters: BTreeMap<String, Spanned<toml::Value>>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    pub status: Option<Spanned<String>>,
    pub status_message: Option<String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StackSeed {
    pub account: Spanned<String>,
    pub region: Option<Spanned<String>>,
    pub name: Option<String>,
    pub template: Spanned<String>,
    #[serde(default)]
    pub parameters: BTreeMap<String, Spanned<toml::Value>>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// A fault that the sandbox is to have now and then.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    pub operation: String,
    pub kind: FaultKind,
    pub every: Option<u64>,
    pub at: Option<Vec<u64>>,
    pub chance: Option<f64>,
    #[serde(default = "ten")]
    pub seconds: f64,
}

fn ten() -> f64 {
    10.0
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    Throttle,
    Error,
    Delay,
    LostRequest,
    LostReply,
    Fail,
}

/// A seed with what is needed to point into its file.
#[derive(Debug)]
pub struct SeedFile {
    pub seed: Seed,
    pub name: String,
    text: String,
}

impl SeedFile {
    /// Reads and parses a seed.
    pub fn read(path: &Path) -> Result<SeedFile, Problem> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Problem::input(format!("the sandbox's seed {name} cannot be read: {error}"))
                .hint("name another seed with --seed FILE, or write one beside tenure.toml")
        })?;
        SeedFile::parse(name, text)
    }

    /// Parses a seed; `name` is what problems call it.
    pub fn parse(name: String, text: String) -> Result<SeedFile, Problem> {
        let mut file = SeedFile { seed: Seed::default(), name, text };
        match toml::from_str(&file.text) {
            Ok(seed) => file.seed = seed,
            Err(error) => return Err(file.refused(&error)),
        }
        for fault in &file.seed.fault {
            let ways = [fault.every.is_some(), fault.at.is_some(), fault.chance.is_some()];
            if ways.iter().filter(|w| **w).count() != 1 || fault.every == Some(0) {
                return Err(Problem::input(format!(
                    "{}: a fault of {} needs one of `every` (from 1), `at` and `chance`",
                    file.name, fault.operation
                )));
            }
        }
        Ok(file)
    }

    fn refused(&self, error: &toml::de::Error) -> Problem {
        let message = error.message().trim().to_owned();
        let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
        let mut problem = match quoted.split_first() {
            Some((word, known)) if message.starts_with("unknown field") => {
                let problem = Problem::input(format!("unknown key `{word}`"));
                match nearest(word, known.iter().copied()) {
                    Some(near) => problem.hint(format!("did you mean `{near}`?")),
                    None => problem.hint(format!("known here: {}", known.join(", "))),
                }
            }
            Some((word, known)) if message.starts_with("unknown variant") => {
                Problem::input(format!("`{word}` is not one of {}", known.join(", ")))
            }
            _ => Problem::input(message.lines().next().unwrap_or_default()),
        };
        problem.place = error.span().map(|span| self.place(span.start));
        problem
    }

    /// The position of a byte offset.
    pub fn place(&self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Place {
            file: self.name.as_str().into(),
            line: u32::try_from(before.matches('\n').count() + 1).unwrap_or(u32::MAX),
            column: u32::try_from(before[line_start..].chars().count() + 1).unwrap_or(u32::MAX),
        }
    }

    /// An input problem at a value.
    pub fn wrong<T>(&self, value: &Spanned<T>, message: impl Into<String>) -> Problem {
        Problem::input(message).at(&self.place(value.span().start))
    }

    /// A problem for a reference to something that is not there, with the nearest thing that is.
    pub fn unknown<'a>(
        &self,
        what: &str,
        value: &Spanned<String>,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Problem {
        let word = value.get_ref();
        let problem = self.wrong(value, format!("there is no {what} `{word}`"));
        match nearest(word, known) {
            Some(near) => problem.hint(format!("did you mean `{near}`?")),
            None => problem,
        }
    }
}

/// A parameter's value as the service takes it: arrays are joined by commas.
pub fn parameter_text(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(yes) => Some(yes.to_string()),
        toml::Value::Array(items) => items.iter().map(parameter_text).collect::<Option<Vec<_>>>().map(|v| v.join(",")),
        toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}

/// Milliseconds of a duration like `90s`, `5m`, `1h` or `1m30s`.
pub fn duration(text: &str) -> Option<i64> {
    let mut total = 0_i64;
    let mut rest = text;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        rest = &rest[letters..];
        total = total.checked_add(number.checked_mul(unit)?)?;
    }
    Some(total)
}
