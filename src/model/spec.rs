//! What the files ask for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Address;
use crate::problem::{Place, Problem};

/// A value with the place it was written at, so that a problem found much later still points at its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    pub value: T,
    pub place: Place,
}

/// A whole project: everything that the files say.
#[derive(Debug, Clone)]
pub struct Project {
    /// The folder of `tenure.toml`.
    pub root: PathBuf,
    /// `[project] name`, if there is one.
    pub name: Option<String>,
    /// The ledger's file, inside `root` unless it was written as an absolute path.
    pub ledger: PathBuf,
    pub limits: Limits,
    pub targets: BTreeMap<String, Target>,
    pub desired: Desired,
    /// Doubtful things that stop nothing, such as a product key that stands under `tags`.
    pub warnings: Vec<Problem>,
}

/// Everything that the files ask for, by address.
pub type Desired = BTreeMap<Address, Spec>;

/// The brakes of `[limits]`; a count may reach the limit, never pass it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub terminate: u32,
    pub change_percent: u32,
    pub owner_changes: u32,
    pub launch_role_changes: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { terminate: 0, change_percent: 30, owner_changes: 10, launch_role_changes: 10 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cloud {
    Aws,
    Alibaba,
}

/// What the caller may see: the access level that lists are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    #[default]
    Account,
    Role,
    User,
}

/// Where the requests of a target go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// The cloud's own endpoints, by region and partition.
    Cloud,
    /// One URL for every service of the target.
    Url(String),
    /// The embedded sandbox, as one of its principals.
    Sandbox { principal: Option<String> },
}

/// One cloud, account and region that provisioned products live in.
#[derive(Debug, Clone)]
pub struct Target {
    pub name: String,
    pub place: Place,
    pub cloud: Cloud,
    pub region: String,
    pub account: String,
    pub profile: Option<String>,
    pub role_arn: Option<String>,
    pub external_id: Option<String>,
    pub role_session_name: Option<String>,
    /// Used by everything that only reads.
    pub read_role_arn: Option<String>,
    pub access: Access,
    pub language: Option<String>,
    pub use_fips: bool,
    pub use_dualstack: bool,
    /// Alibaba Cloud: read details by an action that its documents do not name, one call each.
    pub undocumented_reads: bool,
    pub endpoint: Endpoint,
}

/// Where ids and names are unique: an account and region of a cloud or of the sandbox, whatever its target is called. The
/// sandbox has accounts of its own, even if their numbers are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Site<'a> {
    pub sandbox: bool,
    pub account: &'a str,
    pub region: &'a str,
}

impl Target {
    #[must_use]
    pub fn site(&self) -> Site<'_> {
        Site { sandbox: self.is_sandbox(), account: &self.account, region: &self.region }
    }

    #[must_use]
    pub fn is_sandbox(&self) -> bool {
        matches!(self.endpoint, Endpoint::Sandbox { .. })
    }

    /// The ARN partition that the region belongs to (AWS `partitions.json`, by region prefix).
    #[must_use]
    pub fn partition(&self) -> &'static str {
        const BY_PREFIX: [(&str, &str); 7] = [
            ("cn-", "aws-cn"),
            ("us-gov-", "aws-us-gov"),
            ("eusc-", "aws-eusc"),
            ("us-isob-", "aws-iso-b"),
            ("us-isof-", "aws-iso-f"),
            ("eu-isoe-", "aws-iso-e"),
            ("us-iso-", "aws-iso"),
        ];
        BY_PREFIX.iter().find(|(prefix, _)| self.region.starts_with(prefix)).map_or("aws", |(_, name)| name)
    }
}

/// What the files ask of one provisioned product. `None` means "not written", which is "not managed".
#[derive(Debug, Clone)]
pub struct Spec {
    pub address: Address,
    /// The header of its table.
    pub place: Place,
    pub name: Located<String>,
    /// Whether `name` was written; only a written, different name replaces.
    pub name_written: bool,
    /// Name or id.
    pub product: Located<String>,
    /// Name or id.
    pub version: Located<String>,
    /// Launch path (AWS) or portfolio (Alibaba), name or id.
    pub path: Option<Located<String>>,
    /// AWS: a whole ARN. Alibaba Cloud: `user/ID`, `role/ID` or the same with a RAM name.
    pub owner: Option<Located<String>>,
    /// A whole ARN.
    pub launch_role: Option<Located<String>>,
    pub steward: Option<Located<String>>,
    pub depends_on: BTreeMap<Address, Place>,
    pub protect: bool,
    /// Where the resources go, if not the target's region (Alibaba Cloud).
    pub stack_region: Option<Located<String>>,
    /// A change of tags or path that the service does not take alone waits for the next update.
    pub tags_with_next_update: bool,
    pub timeout: Duration,
    pub parameters: Option<BTreeMap<String, Located<Value>>>,
    pub tags: Option<BTreeMap<String, Located<String>>>,
}

impl Spec {
    /// Everything that must be in place before this one: `depends_on` and the products whose outputs it reads.
    #[must_use]
    pub fn prerequisites(&self) -> BTreeMap<Address, Place> {
        let mut all = self.depends_on.clone();
        for value in self.parameters.iter().flatten().map(|(_, value)| value) {
            for (address, _) in value.value.outputs() {
                all.entry(address.clone()).or_insert_with(|| value.place.clone());
            }
        }
        all
    }

    /// The outputs of other products that the parameters read.
    #[must_use]
    pub fn outputs_read(&self) -> BTreeSet<(Address, String)> {
        self.parameters
            .iter()
            .flatten()
            .flat_map(|(_, value)| value.value.outputs())
            .map(|(address, output)| (address.clone(), output.to_owned()))
            .collect()
    }
}

/// A parameter's value as the files give it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Literal text and outputs of other products, in order. A plain literal is one piece.
    Text(Vec<Piece>),
    Secret(SecretRef),
    /// Keep what is there.
    Previous,
}

impl Value {
    pub fn literal(text: impl Into<String>) -> Self {
        Value::Text(vec![Piece::Literal(text.into())])
    }

    /// The text, if no output takes part in it.
    #[must_use]
    pub fn as_literal(&self) -> Option<String> {
        match self {
            Value::Text(pieces) => pieces
                .iter()
                .map(|piece| match piece {
                    Piece::Literal(text) => Some(text.as_str()),
                    Piece::Output { .. } => None,
                })
                .collect(),
            Value::Secret(_) | Value::Previous => None,
        }
    }

    pub fn outputs(&self) -> impl Iterator<Item = (&Address, &str)> {
        let pieces: &[Piece] = match self {
            Value::Text(pieces) => pieces,
            Value::Secret(_) | Value::Previous => &[],
        };
        pieces.iter().filter_map(|piece| match piece {
            Piece::Output { address, output } => Some((address, output.as_str())),
            Piece::Literal(_) => None,
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    Literal(String),
    Output { address: Address, output: String },
}

/// Where a secret comes from and which version of it is meant. The value itself is never kept anywhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct SecretRef {
    /// `env:NAME`.
    pub source: String,
    pub version: i64,
}
