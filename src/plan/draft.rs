//! What one address needs, before anything is put in order.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Change, DeferredUpdate, Field, FieldName, Shown};
use crate::ledger::Prepared;
use crate::ledger::entry::{Declaration, Entry, Verified};
use crate::model::{Address, Argument, ParameterSpec, Request, StepKind, Template};

/// Everything that one address needs, as one value per cloud write.
#[derive(Debug, Clone)]
pub struct Draft {
    pub address: Address,
    pub product: String,
    pub id: Option<String>,
    pub fields: Vec<Field>,
    pub notes: Vec<String>,
    pub provision: Option<Request>,
    pub launch_role: Option<Request>,
    pub update: Option<Request>,
    pub owner: Option<Request>,
    pub terminate: Vec<Request>,
    /// Which of these take somebody's approval.
    pub approvals: BTreeSet<StepKind>,
    /// One of these changes, handed in and approved.
    pub prepared: Option<Prepared>,
    /// The cloud's id of another change, handed in before and no longer wanted.
    pub supersedes: Option<String>,
    /// Ledger entries that need no cloud write.
    pub records: Vec<Entry>,
    /// What is declared when every step has succeeded, if that is not what `records` declare.
    pub declared_last: Option<Declaration>,
    /// What must be in place before (or, for a termination, is taken down after).
    pub needs: BTreeSet<Address>,
    pub timeout_seconds: u64,
    /// Never terminated or replaced.
    pub protect: bool,
    /// It was ours before this plan.
    pub ours: bool,
    /// The rules for arguments that are known only after an earlier step.
    pub guards: BTreeMap<String, ParameterSpec>,
    /// Set where every difference is known only after an earlier step: if none remains, the update is not sent.
    pub deferred: Option<DeferredUpdate>,
    /// Properties that were found to be as the files say.
    pub verified: Verified,
    /// The tag keys that it has, as far as they were read.
    pub live_tags: Option<BTreeSet<String>>,
    /// The launch path that is sent: by name, because ids depend on who asks, or by id where names are not unique.
    pub path: Option<String>,
    /// The target version's outputs, where the cloud lists them.
    pub outputs: Option<BTreeSet<String>>,
}

impl Draft {
    pub fn new(address: &Address, product: &str) -> Self {
        Draft {
            address: address.clone(),
            product: product.to_owned(),
            id: None,
            fields: Vec::new(),
            notes: Vec::new(),
            provision: None,
            launch_role: None,
            update: None,
            owner: None,
            terminate: Vec::new(),
            approvals: BTreeSet::new(),
            prepared: None,
            supersedes: None,
            records: Vec::new(),
            declared_last: None,
            needs: BTreeSet::new(),
            timeout_seconds: 0,
            protect: false,
            ours: false,
            guards: BTreeMap::new(),
            deferred: None,
            verified: Verified::default(),
            live_tags: None,
            path: None,
            outputs: None,
        }
    }

    /// Whether its outputs may differ once this plan has run. Outputs follow from the version and the parameters, so
    /// tags alone do not change them.
    pub fn changes_outputs(&self) -> bool {
        let mut updated = self.fields.iter().filter(|field| field.action == Action::Update).peekable();
        let only_tags = updated.peek().is_some() && updated.all(|field| matches!(field.name, FieldName::Tag(_)));
        self.provision.is_some() || (self.update.is_some() && !only_tags)
    }

    /// The address that it has had until now, if it moves.
    pub fn moved_from(&self) -> Option<&Address> {
        self.records.iter().find_map(|entry| match entry {
            Entry::Moved { from, .. } => Some(from),
            _ => None,
        })
    }

    /// What it sends that may take approval.
    pub fn changes(&self) -> impl Iterator<Item = &Request> {
        self.provision.iter().chain(&self.update).chain(&self.terminate)
    }

    /// What is cancelled when `request` is handed in: only the first that is takes the place of what was.
    pub fn superseded_by(&self, request: &Request) -> Option<String> {
        let first = self.changes().find(|change| self.approvals.contains(&change.kind()));
        self.supersedes.clone().filter(|_| first == Some(request))
    }

    pub fn writes(&self) -> bool {
        self.provision.is_some()
            || self.update.is_some()
            || self.launch_role.is_some()
            || self.owner.is_some()
            || !self.terminate.is_empty()
    }

    pub fn is_empty(&self) -> bool {
        !self.writes() && self.records.is_empty()
    }

    pub fn field(&mut self, action: Action, name: FieldName, before: Shown, after: Shown) {
        self.fields.push(Field::new(action, name, before, after));
    }

    /// The actions in the order in which they happen.
    fn actions(&self) -> Vec<Action> {
        let recorded = self.records.iter().filter_map(|entry| match entry {
            Entry::Adopted { .. } => Some(Action::Adopt),
            Entry::Moved { .. } => Some(Action::Move),
            // A forgotten id that is provisioned anew is not the reader's business.
            Entry::Forgotten { .. } if self.provision.is_none() => Some(Action::Forget),
            _ => None,
        });
        let declared = self.fields.iter().any(|field| field.action == Action::Declare).then_some(Action::Declare);
        let replaces = self.provision.is_some() && !self.terminate.is_empty();
        let writes = [
            (self.provision.is_some() && !replaces, Action::Provision),
            (replaces, Action::Replace),
            (self.launch_role.is_some(), Action::SetLaunchRole),
            (self.update.is_some(), Action::Update),
            (self.owner.is_some(), Action::SetOwner),
            (!self.terminate.is_empty() && !replaces, Action::Terminate),
        ];
        recorded
            .chain(declared)
            .chain(writes.into_iter().filter(|(present, _)| *present).map(|(_, action)| action))
            .collect()
    }

    pub fn into_change(self) -> Change {
        Change {
            actions: self.actions(),
            address: self.address,
            product: self.product,
            id: self.id,
            fields: self.fields,
            notes: self.notes,
        }
    }
}

/// The rules of the arguments that still refer to outputs.
pub fn guards(arguments: &BTreeMap<String, Argument>, template: &Template) -> BTreeMap<String, ParameterSpec> {
    arguments
        .iter()
        .filter(|(_, argument)| matches!(argument, Argument::Pieces(_)))
        .filter_map(|(key, _)| Some((key.clone(), template.parameters.get(key)?.clone())))
        .collect()
}
