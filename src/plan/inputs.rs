//! Everything that a plan is made from, and which addresses it is about.

use std::collections::{BTreeMap, BTreeSet};

use crate::ledger::Ledger;
use crate::ledger::entry::Declaration;
use crate::model::{Address, Limits, Live, Project, Site, Target, Traits};

/// What a run was told on the command line.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `--only`: these and what they depend on (for `destroy`: and what depends on them).
    pub only: Option<BTreeSet<Address>>,
    pub exclude: BTreeSet<Address>,
    pub reapply: BTreeSet<Address>,
    pub allow: Allow,
    /// Nothing is desired.
    pub destroy: bool,
    /// What earlier runs left open has been settled as far as possible: what is open still is blocked.
    pub settled: bool,
    /// Addresses whose change was handed in for approval and, as this run has just learnt, not approved.
    pub refused: BTreeSet<Address>,
}

/// `--allow K=N`: each replaces one limit for this run.
#[derive(Debug, Clone, Copy, Default)]
pub struct Allow {
    pub terminate: Option<u32>,
    pub change_percent: Option<u32>,
    pub owner_changes: Option<u32>,
    pub launch_role_changes: Option<u32>,
}

/// Everything that a plan is made from.
pub struct Inputs<'a> {
    pub project: &'a Project,
    pub ledger: &'a Ledger,
    pub live: &'a Live,
    pub options: &'a Options,
    /// The addresses that this run is about.
    pub(super) scope: BTreeSet<Address>,
    /// What each address of the files needs: `depends_on` and the products whose outputs it reads.
    needs: BTreeMap<&'a Address, BTreeSet<Address>>,
    by_id: BTreeMap<(Site<'a>, &'a str), &'a Address>,
    by_name: BTreeMap<(Site<'a>, &'a str), &'a Address>,
}

/// Where the ledger says that a product is.
fn recorded_site<'a>(ledger: &Ledger, address: &Address, declaration: &'a Declaration) -> Site<'a> {
    let sandbox = ledger.sandboxed.contains(&address.target);
    Site { sandbox, account: &declaration.account, region: &declaration.region }
}

impl<'a> Inputs<'a> {
    #[must_use]
    pub fn new(project: &'a Project, ledger: &'a Ledger, live: &'a Live, options: &'a Options) -> Self {
        let mut by_id = BTreeMap::new();
        let mut by_name = BTreeMap::new();
        for (address, managed) in &ledger.managed {
            let site = recorded_site(ledger, address, &managed.declaration);
            by_name.insert((site, managed.declaration.name.as_str()), address);
            for id in std::iter::once(&managed.id).chain(&managed.former) {
                by_id.insert((site, id.as_str()), address);
            }
        }
        let needs = project
            .desired
            .iter()
            .map(|(address, spec)| (address, spec.prerequisites().into_keys().collect()))
            .collect();
        let scope = scope(project, ledger, options, &needs);
        Inputs { project, ledger, live, options, scope, needs, by_id, by_name }
    }

    /// The address under which an id is ours, whatever target it was reached through then.
    pub(super) fn address_of_id(&self, target: &'a Target, id: &'a str) -> Option<&'a Address> {
        self.by_id.get(&(target.site(), id)).copied()
    }

    /// The address under which the ledger knows a name.
    pub(super) fn address_of_name(&self, target: &'a Target, name: &'a str) -> Option<&'a Address> {
        self.by_name.get(&(target.site(), name)).copied()
    }

    /// The former addresses of renamed blocks that this run leaves out: their products stay as they are.
    pub(super) fn moves_left_out(&self) -> BTreeSet<&'a Address> {
        let left_out = self.project.desired.values().filter(|spec| !self.scope.contains(&spec.address));
        let renamed = left_out.filter(|spec| !self.ledger.managed.contains_key(&spec.address));
        let former = renamed.filter_map(|spec| {
            let target = self.project.targets.get(&spec.address.target)?;
            self.address_of_name(target, &spec.name.value)
        });
        former.filter(|address| !self.project.desired.contains_key(*address)).collect()
    }

    /// Whether the account and region that a product of ours is in have a target still, of whatever name.
    pub(super) fn is_reached(&self, declaration: &Declaration) -> bool {
        let place = (&declaration.account, &declaration.region);
        self.project.targets.values().any(|target| (&target.account, &target.region) == place)
    }

    /// What the service behind an address can do. A target that is gone from the files plans nothing.
    pub(super) fn traits(&self, address: &Address) -> Traits {
        self.project.targets.get(&address.target).map_or(Traits::AWS, |target| target.cloud.traits())
    }

    /// What an address of the files needs.
    pub(super) fn needs(&self, address: &Address) -> &BTreeSet<Address> {
        static NOTHING: BTreeSet<Address> = BTreeSet::new();
        self.needs.get(address).unwrap_or(&NOTHING)
    }

    /// Whether this run wants the address to be there.
    pub(super) fn is_wanted(&self, address: &Address) -> bool {
        !self.options.destroy && self.project.desired.contains_key(address)
    }

    pub(super) fn limits(&self) -> Limits {
        let (limits, allow) = (self.project.limits, self.options.allow);
        Limits {
            terminate: allow.terminate.unwrap_or(limits.terminate),
            change_percent: allow.change_percent.unwrap_or(limits.change_percent),
            owner_changes: allow.owner_changes.unwrap_or(limits.owner_changes),
            launch_role_changes: allow.launch_role_changes.unwrap_or(limits.launch_role_changes),
        }
    }
}

/// `--only` takes along what must happen before: what a product needs, and before a termination what needs it. What is
/// excluded stays out even then; a plan that cannot do without it says so.
fn scope(
    project: &Project,
    ledger: &Ledger,
    options: &Options,
    needs: &BTreeMap<&Address, BTreeSet<Address>>,
) -> BTreeSet<Address> {
    let Some(only) = &options.only else {
        let all = project.desired.keys().chain(ledger.managed.keys());
        return all.filter(|address| !options.exclude.contains(*address)).cloned().collect();
    };
    let mut needed_by: BTreeMap<&Address, Vec<&Address>> = BTreeMap::new();
    let kept = ledger.managed.iter().map(|(address, managed)| (address, &managed.declaration.needs));
    for (address, needed) in needs.iter().map(|(address, needed)| (*address, needed)).chain(kept) {
        for needed in needed {
            needed_by.entry(needed).or_default().push(address);
        }
    }
    let mut scope = only.clone();
    let mut queue: Vec<&Address> = only.iter().collect();
    while let Some(address) = queue.pop() {
        let before: Vec<&Address> = match needs.get(address) {
            Some(needed) if !options.destroy => needed.iter().collect(),
            _ => needed_by.get(address).into_iter().flatten().copied().collect(),
        };
        queue.extend(before.into_iter().filter(|before| scope.insert((*before).clone())));
    }
    scope.retain(|address| !options.exclude.contains(address));
    scope
}
