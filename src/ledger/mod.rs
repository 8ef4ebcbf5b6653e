//! What is ours, what was declared of it, which steps are unsettled: a fold over all entries. Pure.

pub mod entry;
pub mod history;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::model::{Address, Argument};
use entry::{Declaration, Holdings, Started};

/// The fold of all entries.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// What is ours, by address.
    pub managed: BTreeMap<Address, Managed>,
    /// Declared and not yet provisioned or adopted.
    pub declared: BTreeMap<Address, Declaration>,
    /// Steps without an end. An address has at most one: its steps run one after the other, and a run begins by
    /// settling what earlier runs left.
    pub unsettled: BTreeMap<Address, Unsettled>,
    /// Targets that some run used in the embedded sandbox.
    pub sandboxed: BTreeSet<String>,
    /// Targets that some run used for real.
    pub real: BTreeSet<String>,
    /// The project that wrote here, if it has a name.
    pub project: Option<String>,
    /// The hash of the last entry; 64 zeros when there is none.
    pub head: String,
    /// The number of entries.
    pub seq: u64,
}

/// One provisioned product that is ours.
#[derive(Debug, Clone)]
pub struct Managed {
    pub id: String,
    pub declaration: Declaration,
    pub applied: Applied,
    /// Who held what when we last knew, by a step or by looking.
    pub seen: Holdings,
    pub seen_at: Timestamp,
    /// Replaced by `id` and not yet terminated.
    pub former: BTreeSet<String>,
}

/// What we last applied successfully: the third side of the comparison.
#[derive(Debug, Clone, Default)]
pub struct Applied {
    pub version_id: Option<String>,
    pub path_id: Option<String>,
    pub parameters: BTreeMap<String, Argument>,
    pub tags: BTreeMap<String, String>,
    pub owner: Option<String>,
    pub launch_role: Option<String>,
    /// The operation that did it.
    pub operation: Option<String>,
    pub at: Option<Timestamp>,
}

/// A step that was started and has no end.
#[derive(Debug, Clone)]
pub struct Unsettled {
    pub started: Started,
    pub at: Timestamp,
    pub run: String,
    /// The operation and the provisioned product, once the cloud had accepted it.
    pub submitted: Option<(String, String)>,
}
