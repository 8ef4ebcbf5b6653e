//! What a plan is: changes, findings, drift, counts and what `apply` needs beside them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::secrets::Secrets;
use crate::ledger::entry::{Declaration, Entry};
use crate::model::{Address, ParameterSpec, ProvisionedProduct, SecretRef, Step, StepId};
use crate::problem::Problem;

/// What happens to one address. Only the first six are cloud writes; the others are ledger entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Provision,
    Update,
    Replace,
    Terminate,
    SetLaunchRole,
    SetOwner,
    Adopt,
    Move,
    Forget,
    /// Something of the declaration that only the ledger keeps: steward, protect, depends_on, tag keys.
    Declare,
}

impl Action {
    /// The symbol, which never stands without its word.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Action::Provision => "+",
            Action::Update => "~",
            Action::Replace => "+/-",
            Action::Terminate => "-",
            Action::SetLaunchRole => "@",
            Action::SetOwner => ">",
            Action::Adopt | Action::Move | Action::Forget | Action::Declare => "<-",
        }
    }

    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Action::Provision => "provision",
            Action::Update => "update",
            Action::Replace => "replace",
            Action::Terminate => "terminate",
            Action::SetLaunchRole => "launch role",
            Action::SetOwner => "owner",
            Action::Adopt => "adopt",
            Action::Move => "move",
            Action::Forget => "forget",
            Action::Declare => "declare",
        }
    }

    /// Whether it writes to a cloud.
    #[must_use]
    pub fn writes(self) -> bool {
        !matches!(self, Action::Adopt | Action::Move | Action::Forget | Action::Declare)
    }
}

/// Everything that is different about one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Change {
    pub address: Address,
    /// The catalog product's name.
    pub product: String,
    /// The provisioned product's id; absent while it does not exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// In the order in which they happen.
    pub actions: Vec<Action>,
    pub fields: Vec<Field>,
    /// Remarks for the reader, a line each ("also removes the tag …").
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Field {
    /// The action that it belongs to.
    pub action: Action,
    pub name: FieldName,
    pub before: Shown,
    pub after: Shown,
    /// Why there is a difference, when that is not the files' doing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Set where somebody else changed the value since we last applied or verified it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<FieldDrift>,
}

impl Field {
    pub fn new(action: Action, name: FieldName, before: Shown, after: Shown) -> Self {
        Field { action, name, before, after, note: None, drift: None }
    }

    /// With a remark, if the product has the value already.
    pub(super) fn sent_again(mut self, again: bool) -> Self {
        self.note = again.then(|| "sent again (--reapply)".to_owned());
        self
    }

    /// With the change from outside, if what runs is not the base.
    pub(super) fn drifted_from(mut self, base: Option<&Shown>) -> Self {
        let base = base.filter(|base| **base != self.before);
        self.drift = base.map(|base| FieldDrift { last: base.clone(), reverts: *base == self.after, evidence: None });
        self
    }
}

/// A change that somebody else made to a value that this plan sets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct FieldDrift {
    /// The value that we last applied or verified.
    pub last: Shown,
    /// The plan sets it back to that value; otherwise it is overwritten with a third one.
    pub reverts: bool,
    /// The operation that may have changed it and its time, as far as known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldName {
    Name,
    Product,
    Version,
    Path,
    /// Where the resources are.
    StackRegion,
    Parameter(String),
    Tag(String),
    LaunchRole,
    Owner,
    Steward,
    Protect,
    DependsOn,
    TagKeys,
    Address,
}

/// A value as it may be shown: secrets have no text here, so that no renderer can leak one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind", content = "value")]
pub enum Shown {
    Absent,
    Text(String),
    /// The target version's template default.
    Default(String),
    /// Text with outputs that are known only after an earlier step: `${…}` as written.
    KnownAfterApply(String),
    /// There is a value, and it is secret.
    Masked,
    Secret(SecretRef),
    /// Kept as it is.
    Previous,
}

/// Something about one address that needs a person (`!`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Finding {
    pub address: Address,
    pub problem: Problem,
    /// Whether it blocks this address and what depends on it.
    pub blocks: bool,
    /// Whether `apply` ends with 1 because of it: something that the files ask for is not done.
    pub fails: bool,
}

/// Something that was changed by somebody else since we last applied or looked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Drift {
    pub address: Address,
    pub field: FieldName,
    /// What we last applied or saw.
    pub before: Shown,
    pub now: Shown,
    /// The operation that may have done it and when we last knew better, as far as known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
}

/// An update that is sent only if an earlier step's outputs make a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeferredUpdate {
    /// The parameters that run now.
    pub running: BTreeMap<String, String>,
    /// Tags or the portfolio, if they differ and the service takes them only together with a parameter: they stay
    /// undone if the update is not sent.
    pub left_undone: Option<String>,
    /// The files allow what is left undone to wait for the next update.
    pub may_wait: bool,
}

/// The counts of the summary line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Counts {
    pub provision: u32,
    pub update: u32,
    pub replace: u32,
    pub terminate: u32,
    pub owners: u32,
    pub stewards: u32,
    pub launch_roles: u32,
    pub adopt: u32,
    pub ledger_only: u32,
    pub drifted: u32,
    /// Values that the plan sets back to what they were before somebody else changed them.
    pub reverted: u32,
    /// Values that somebody else changed and that the plan sets to a third one.
    pub overwritten: u32,
    pub blocked: u32,
    pub unchanged: u32,
}

/// What would be done, in what order, and whether it may be.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct Plan {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// By address.
    pub changes: Vec<Change>,
    /// By number; every step comes after those that it waits for.
    pub steps: Vec<Step>,
    pub findings: Vec<Finding>,
    /// The changes of blocked addresses: what remains to be done once nothing blocks them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pending: Vec<Change>,
    /// "Changed outside tenure".
    pub drift: Vec<Drift>,
    /// Why `apply` would refuse: limits and `protect`.
    pub refusals: Vec<Problem>,
    /// Doubtful things in the files that stop nothing.
    pub warnings: Vec<Problem>,
    pub counts: Counts,
    /// The account of each target, for showing ARNs of the same account in short.
    pub accounts: BTreeMap<String, String>,
    /// `sha256:` over the meaning of changes and steps.
    pub digest: String,
    /// Unsettled steps of earlier runs: what `apply` will look at first, a line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unsettled: Vec<String>,
    /// Addresses that are blocked by a finding of their own or of something that they depend on.
    #[serde(skip)]
    pub blocked: BTreeSet<Address>,
    /// Ledger entries that `apply` writes before the first step.
    #[serde(skip)]
    pub records: Vec<Entry>,
    /// What is declared of an address when all its steps have succeeded: it has let go of something by then.
    #[serde(skip)]
    pub declared_last: BTreeMap<Address, Declaration>,
    /// What was seen of holders and is news to the ledger: written by an apply, also by one that has nothing to do, and
    /// no change.
    #[serde(skip)]
    pub observed: Vec<Entry>,
    /// What each address with steps looked like: a difference at apply means that somebody else was there.
    #[serde(skip)]
    pub base: BTreeMap<Address, ProvisionedProduct>,
    /// The rules for arguments that are known only after an earlier step.
    #[serde(skip)]
    pub guards: BTreeMap<StepId, BTreeMap<String, ParameterSpec>>,
    /// Updates whose every difference is known only after an earlier step.
    #[serde(skip)]
    pub deferred: BTreeMap<StepId, DeferredUpdate>,
    /// The launch role that the files name, for products that an update might reset.
    #[serde(skip)]
    pub launch_roles: BTreeMap<Address, String>,
    /// The secrets of everything that has some: what a cloud says of it must repeat none.
    #[serde(skip)]
    pub secrets: BTreeMap<Address, Secrets>,
    /// How many products each target lists, to choose between one list and single looks.
    #[serde(skip)]
    pub listed: BTreeMap<String, usize>,
}

impl Plan {
    /// Whether apply would change anything, in a cloud or in the ledger.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        !self.changes.is_empty()
    }

    /// Whether everything is known to be as the files say: nothing to change, nothing blocked, nothing of an earlier run
    /// unsettled.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        !self.has_changes() && self.blocked.is_empty() && self.unsettled.is_empty()
    }

    /// Whether something that the files ask for cannot be done now.
    #[must_use]
    pub fn has_failures(&self) -> bool {
        self.findings.iter().any(|finding| finding.fails)
    }
}
