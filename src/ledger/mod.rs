//! What is ours, what was declared of it, which steps are unsettled: a fold over all entries. Pure.
//!
//! The file is the truth and everything else is derived from it: [`transition`] is the one table of what may follow
//! what, [`fold`] what each entry changes, [`chain`] how a line proves its place, [`mod@replay`] bytes to [`Ledger`], and
//! [`history`] lines to tenures. All of these are plain functions. [`journal`] is the only way to append; [`mod@file`] and
//! [`memory`] are where the bytes are.

pub mod chain;
pub mod entry;
pub mod file;
pub mod fold;
mod fork;
pub mod history;
pub mod journal;
pub mod memory;
pub mod replay;
#[cfg(test)]
mod tests;
pub mod transition;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::model::{Address, Argument, Request};
use entry::{Declaration, Holdings, Line, Started};

pub use file::{FileStore, holder};
pub use journal::{Journal, read};
pub use memory::MemoryStore;
pub use replay::{Replay, replay};
pub use transition::Illegal;

/// The fold of all entries.
#[derive(Debug, Clone)]
pub struct Ledger {
    /// What is ours, by address.
    pub managed: BTreeMap<Address, Managed>,
    /// Declared and not yet provisioned or adopted.
    pub declared: BTreeMap<Address, Declaration>,
    /// Steps without an end. An address has at most one: its steps run one after the other, and a run begins by
    /// settling what earlier runs left.
    pub unsettled: BTreeMap<Address, Unsettled>,
    /// What was handed in and approved, and is not carried out yet.
    pub prepared: BTreeMap<Address, Prepared>,
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
    /// Shortcuts of the fold: made from the fields above when they are first needed, and never the truth.
    pub index: Option<fold::Index>,
}

impl Default for Ledger {
    fn default() -> Self {
        Ledger {
            managed: BTreeMap::new(),
            declared: BTreeMap::new(),
            unsettled: BTreeMap::new(),
            prepared: BTreeMap::new(),
            sandboxed: BTreeSet::new(),
            real: BTreeSet::new(),
            project: None,
            head: chain::ORIGIN.to_owned(),
            seq: 0,
            index: None,
        }
    }
}

// The shortcuts are left out: two ledgers that say the same are the same, however they came about.
impl PartialEq for Ledger {
    fn eq(&self, other: &Self) -> bool {
        let parts = |ledger: &Self| (ledger.seq, ledger.head.clone(), ledger.project.clone());
        parts(self) == parts(other)
            && self.managed == other.managed
            && self.declared == other.declared
            && self.unsettled == other.unsettled
            && self.prepared == other.prepared
            && self.sandboxed == other.sandboxed
            && self.real == other.real
    }
}

/// One provisioned product that is ours.
#[derive(Debug, Clone, PartialEq)]
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

impl Managed {
    /// Whether `id` is ours under this address: the product itself or one that it replaced.
    #[must_use]
    pub fn holds(&self, id: &str) -> bool {
        self.id == id || self.former.contains(id)
    }
}

/// What we last applied successfully: the third side of the comparison.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Applied {
    pub version_id: Option<String>,
    pub path_id: Option<String>,
    pub parameters: BTreeMap<String, Argument>,
    pub tags: BTreeMap<String, String>,
    pub owner: Option<String>,
    pub launch_role: Option<String>,
    /// Whether a step of ours wrote to it.
    pub written: bool,
    /// The last provision or update of ours.
    pub operation: Option<String>,
    pub at: Option<Timestamp>,
}

/// A change that somebody has approved.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// The cloud's id of it.
    pub id: String,
    pub change: Request,
}

/// A step that was started and has no end.
#[derive(Debug, Clone, PartialEq)]
pub struct Unsettled {
    pub started: Started,
    pub at: Timestamp,
    pub run: String,
    /// The operation and the provisioned product, once the cloud had accepted it.
    pub submitted: Option<(String, String)>,
}

impl Unsettled {
    /// The change that it has handed in for approval, once the cloud has accepted that.
    #[must_use]
    pub fn handed_in(&self) -> Option<Prepared> {
        match (&self.started.request, &self.submitted) {
            (Request::Prepare { change, .. }, Some((id, _))) => {
                Some(Prepared { id: id.clone(), change: (**change).clone() })
            }
            _ => None,
        }
    }
}

/// The JSON Schema of one line of the file.
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Line).to_value()
}
