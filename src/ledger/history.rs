//! Who held what, from when until when, and by which cause.

use jiff::Timestamp;

use crate::model::{Address, Cloud};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Office {
    Owner,
    LaunchRole,
    Steward,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    At(Timestamp),
    Between(Timestamp, Timestamp),
    Before(Timestamp),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenure {
    pub office: Office,
    pub holder: String,
    pub since: When,
    pub until: Option<When>,
    pub how: How,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct How {
    pub what: Cause,
    pub run: String,
    pub actor: Option<String>,
    pub digest: Option<String>,
    pub approval: Option<String>,
    pub commit: Option<String>,
    pub message: Option<String>,
    pub operation: Option<String>,
    pub unconfirmed: bool,
    pub seq: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    Provisioned,
    Adopted,
    Transferred,
    Seen,
    Declared,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chronicle {
    pub address: Address,
    pub former_addresses: Vec<Address>,
    pub name: String,
    pub id: String,
    pub cloud: Cloud,
    pub account: String,
    pub region: String,
    pub gone: Option<(When, String)>,
    pub tenures: Vec<Tenure>,
}
