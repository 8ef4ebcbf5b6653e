//! The nouns. They are plain data; nothing here reads, decides or prints.
//!
//! [`spec`] is what the files ask for, [`live`] what a cloud answered and what to ask it, [`step`] what is sent to it
//! and what is told while it runs, [`principal`] who may hold it, [`secret`] what must not be told, [`mod@traits`] in what the clouds differ.

pub mod live;
pub mod principal;
pub mod secret;
pub mod spec;
pub mod step;
pub mod traits;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use live::{
    Caller, Catalog, CatalogProduct, LaunchPath, Live, LiveParameter, LiveParameters, Lookup, Observation, Operation,
    OperationState, ParameterSpec, Pending, ProvisionedProduct, Query, Status, Subject, TagUpdates, Template,
    TemplateKey, Version,
};
pub use spec::{
    Access, Cloud, Desired, Endpoint, Limits, Located, Piece, Project, SecretRef, Site, Spec, Target, Value,
};
pub use step::{Argument, Event, Report, Request, Step, StepId, StepKind};
pub use traits::Traits;

/// The stable name of a provisioned product in files and ledger: `network@prod`, always with its target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    pub key: String,
    pub target: String,
}

impl Address {
    pub fn new(key: impl Into<String>, target: impl Into<String>) -> Self {
        Address { key: key.into(), target: target.into() }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.key, self.target)
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('@') {
            Some((key, target)) if !key.is_empty() && !target.is_empty() && !target.contains('@') => {
                Ok(Address::new(key, target))
            }
            _ => Err(format!("`{text}` is not an address; an address is KEY@TARGET")),
        }
    }
}

// As one string, so that an address can be the key of a JSON object and reads the same everywhere.
impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Address {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Address".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[^@]+@[^@]+$" })
    }
}
