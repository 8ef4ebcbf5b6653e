//! The plan: what differs, in which order it is changed, and whether it may be. Pure functions on plain data.
//!
//! Nothing in here is async or sees a clock, a file, the environment or a random number: the same files, ledger and
//! live state give the same plan.

mod check;
mod draft;
mod holder;
mod knowledge;
mod order;
pub mod parameters;
mod planner;
mod resolve;
mod tags;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use sha2::{Digest, Sha256};

use crate::ledger::entry::Entry;
use crate::ledger::{Ledger, Managed};
use crate::model::{
    Address, Limits, Live, ParameterSpec, Project, ProvisionedProduct, Query, SecretRef, Spec, Step, StepId, StepKind,
};
use crate::problem::Problem;
use draft::Draft;
use planner::Planner;

pub use holder::is_owner;

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
    /// Where the difference comes from, when that is not the files: "reverts a change made outside tenure …".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldName {
    Name,
    Product,
    Version,
    Path,
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
    /// What each address with steps looked like: a difference at apply means that somebody else was there.
    #[serde(skip)]
    pub base: BTreeMap<Address, ProvisionedProduct>,
    /// The rules for arguments that are known only after an earlier step.
    #[serde(skip)]
    pub guards: BTreeMap<StepId, BTreeMap<String, ParameterSpec>>,
    /// Updates whose every difference is known only after an earlier step, with the values that run now: one that
    /// turns out to change nothing is not sent.
    #[serde(skip)]
    pub tentative: BTreeMap<StepId, BTreeMap<String, String>>,
    /// The launch role that the files name, for products that an update might reset.
    #[serde(skip)]
    pub launch_roles: BTreeMap<Address, String>,
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

    /// Whether something that the files ask for cannot be done now.
    #[must_use]
    pub fn has_failures(&self) -> bool {
        self.findings.iter().any(|finding| finding.fails)
    }
}

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
    scope: BTreeSet<Address>,
    address_of: BTreeMap<(&'a str, &'a str), &'a Address>,
}

impl<'a> Inputs<'a> {
    #[must_use]
    pub fn new(project: &'a Project, ledger: &'a Ledger, live: &'a Live, options: &'a Options) -> Self {
        let address_of = ledger
            .managed
            .iter()
            .flat_map(|(address, managed)| {
                std::iter::once(&managed.id)
                    .chain(&managed.former)
                    .map(move |id| ((address.target.as_str(), id.as_str()), address))
            })
            .collect();
        let scope = scope(project, ledger, options);
        Inputs { project, ledger, live, options, scope, address_of }
    }

    fn address_of(&self, target: &'a str, id: &'a str) -> Option<&'a Address> {
        self.address_of.get(&(target, id)).copied()
    }

    fn limits(&self) -> Limits {
        let (limits, allow) = (self.project.limits, self.options.allow);
        Limits {
            terminate: allow.terminate.unwrap_or(limits.terminate),
            change_percent: allow.change_percent.unwrap_or(limits.change_percent),
            owner_changes: allow.owner_changes.unwrap_or(limits.owner_changes),
            launch_role_changes: allow.launch_role_changes.unwrap_or(limits.launch_role_changes),
        }
    }
}

/// The result of one planning pass.
#[derive(Debug)]
pub enum Outcome {
    /// Facts that are missing, by target: observe them, merge them into the live state, and plan again.
    Needs(BTreeMap<String, Query>),
    Plan(Box<Plan>),
}

/// Plans as far as the facts go. Problems of the files stop everything; problems of the world become findings.
pub fn plan(inputs: &Inputs<'_>) -> Result<Outcome, Vec<Problem>> {
    let ordered =
        order::addresses(&inputs.project.desired, &inputs.scope).map_err(|cycles| cycle_problems(inputs, cycles))?;
    let mut problems = ledger_problems(inputs);
    problems.extend(name_problems(inputs.project));
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut planner = Planner::new(inputs);
    if !inputs.options.destroy {
        for address in &ordered {
            planner.declared(&inputs.project.desired[address]);
        }
    }
    for (address, managed) in &inputs.ledger.managed {
        let declared = inputs.project.desired.contains_key(address) && !inputs.options.destroy;
        if inputs.scope.contains(address) && !declared && !planner.moved.contains_key(address) {
            planner.undeclared(address, managed);
        }
    }
    if !planner.problems.is_empty() {
        let mut problems = planner.problems;
        problems.sort_by(|a, b| (&a.place, &a.message).cmp(&(&b.place, &b.message)));
        problems.dedup();
        return Err(problems);
    }
    if !planner.knowledge.is_complete() {
        return Ok(Outcome::Needs(planner.knowledge.into_wanted()));
    }
    Ok(Outcome::Plan(Box::new(assemble(inputs, planner))))
}

/// The problems of the files that only all of them together show; needs neither ledger nor cloud.
pub fn validate(project: &Project) -> Result<(), Vec<Problem>> {
    let (ledger, live, options) = (Ledger::default(), Live::new(), Options::default());
    let inputs = Inputs::new(project, &ledger, &live, &options);
    let mut problems = name_problems(project);
    if let Err(cycles) = order::addresses(&project.desired, &inputs.scope) {
        problems.extend(cycle_problems(&inputs, cycles));
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// Puts the drafts in order and adds everything up.
fn assemble(inputs: &Inputs<'_>, planner: Planner<'_>) -> Plan {
    let Planner { mut drafts, findings, drift, unchanged, base, .. } = planner;
    let blocked = blocked(inputs, &findings);
    drafts.retain(|address, draft| !blocked.contains(address) && !draft.is_empty());
    let needed_before: BTreeMap<Address, BTreeSet<Address>> =
        inputs.ledger.managed.iter().map(|(a, m)| (a.clone(), m.declaration.needs.clone())).collect();
    let steps = order::steps(&drafts, &needed_before);
    let refusals = check::refusals(inputs, &drafts);
    let counts = count(&drafts, &drift, &blocked, unchanged);
    let of_steps = |of: &dyn Fn(&Step, &Draft) -> bool| -> Vec<(StepId, &Draft)> {
        steps
            .iter()
            .map(|step| (step, &drafts[&step.address]))
            .filter(|(s, d)| of(s, d))
            .map(|(s, d)| (s.id, d))
            .collect()
    };
    let provisioning = |step: &Step| matches!(step.kind, StepKind::Provision | StepKind::Update);
    let guards = of_steps(&|step, draft| provisioning(step) && !draft.guards.is_empty())
        .into_iter()
        .map(|(id, draft)| (id, draft.guards.clone()))
        .collect();
    let tentative = of_steps(&|step, draft| step.kind == StepKind::Update && draft.tentative.is_some())
        .into_iter()
        .filter_map(|(id, draft)| Some((id, draft.tentative.clone()?)))
        .collect();
    let launch_roles = drafts
        .values()
        .filter(|draft| draft.update.is_some())
        .filter_map(|draft| {
            let role = inputs.project.desired.get(&draft.address)?.launch_role.as_ref()?;
            Some((draft.address.clone(), role.value.clone()))
        })
        .collect();
    let base = base.into_iter().filter(|(address, _)| drafts.contains_key(address)).collect();
    let records = drafts.values().flat_map(|draft| draft.records.clone()).collect();
    let mut changes: Vec<Change> =
        drafts.into_values().map(Draft::into_change).filter(|change| !change.actions.is_empty()).collect();
    for change in &mut changes {
        change.fields.sort_by(|a, b| (a.action, &a.name).cmp(&(b.action, &b.name)));
    }
    Plan {
        project: inputs.project.name.clone(),
        digest: digest(&changes, &steps),
        changes,
        steps,
        findings,
        drift,
        refusals,
        warnings: inputs.project.warnings.clone(),
        counts,
        accounts: inputs.project.targets.values().map(|t| (t.name.clone(), t.account.clone())).collect(),
        unsettled: unsettled(inputs.ledger),
        blocked,
        records,
        base,
        guards,
        tentative,
        launch_roles,
        listed: inputs.live.iter().map(|(target, seen)| (target.clone(), seen.products.len())).collect(),
    }
}

fn count(drafts: &BTreeMap<Address, Draft>, drift: &[Drift], blocked: &BTreeSet<Address>, unchanged: u32) -> Counts {
    let mut counts = Counts { unchanged, ..Counts::default() };
    for draft in drafts.values() {
        match (draft.provision.is_some(), draft.terminate.len() as u32) {
            (true, 0) => counts.provision += 1,
            (true, terminations) => {
                counts.replace += 1;
                counts.terminate += terminations;
            }
            (false, terminations) => counts.terminate += terminations,
        }
        counts.update += u32::from(draft.update.is_some());
        counts.owners += u32::from(draft.owner.is_some());
        counts.launch_roles += u32::from(draft.launch_role.is_some());
        counts.stewards += u32::from(check::steward_changes(draft));
        counts.adopt += u32::from(draft.records.iter().any(|entry| matches!(entry, Entry::Adopted { .. })));
        counts.ledger_only += u32::from(!draft.writes());
    }
    counts.drifted = drift.iter().map(|drift| &drift.address).collect::<BTreeSet<_>>().len() as u32;
    counts.blocked = blocked.len() as u32;
    counts
}

/// What the findings block: their own addresses and everything that depends on them, in either direction of time.
fn blocked(inputs: &Inputs<'_>, findings: &[Finding]) -> BTreeSet<Address> {
    let mut blocked: BTreeSet<Address> =
        findings.iter().filter(|finding| finding.blocks).map(|finding| finding.address.clone()).collect();
    if blocked.is_empty() {
        return blocked;
    }
    // Whoever waits for whom: a product for what it needs, a termination for whoever needs (or needed) the product.
    let mut waiting: BTreeMap<Address, BTreeSet<Address>> = BTreeMap::new();
    let declared = |address: &Address| inputs.project.desired.contains_key(address) && !inputs.options.destroy;
    for (address, spec) in inputs.project.desired.iter().filter(|(address, _)| declared(address)) {
        for needed in spec.prerequisites().into_keys() {
            waiting.entry(needed).or_default().insert(address.clone());
        }
    }
    for (address, managed) in &inputs.ledger.managed {
        for needed in managed.declaration.needs.iter().filter(|needed| !declared(needed)) {
            waiting.entry(address.clone()).or_default().insert(needed.clone());
        }
    }
    let mut queue: Vec<Address> = blocked.iter().cloned().collect();
    while let Some(address) = queue.pop() {
        for next in waiting.get(&address).into_iter().flatten() {
            if blocked.insert(next.clone()) {
                queue.push(next.clone());
            }
        }
    }
    blocked
}

/// The hash over the meaning of a plan: changes and steps, without remarks, evidence or anything of who runs it.
fn digest(changes: &[Change], steps: &[Step]) -> String {
    let mut hasher = Sha256::new();
    for change in changes {
        let fields: Vec<_> = change.fields.iter().map(|f| (f.action, &f.name, &f.before, &f.after)).collect();
        hash(&mut hasher, &(&change.address, &change.id, &change.actions, fields));
    }
    for step in steps {
        hash(&mut hasher, &(step.id, &step.address, step.kind, &step.after, &step.request));
    }
    format!("sha256:{}", hex::encode(hasher.finalize()))
}

fn hash(hasher: &mut Sha256, value: &impl Serialize) {
    // Plain data with string keys: serialising it cannot fail, and were it to, an empty line would change the digest.
    hasher.update(serde_json::to_vec(value).unwrap_or_default());
    hasher.update(b"\n");
}

fn unsettled(ledger: &Ledger) -> Vec<String> {
    ledger
        .unsettled
        .iter()
        .map(|(address, step)| {
            let at = step.at.strftime("%Y-%m-%d %H:%MZ");
            let word = step.started.kind.word();
            match &step.submitted {
                Some((operation, _)) => format!("{word} {address}: submitted {at} as {operation}"),
                None => format!("{word} {address}: started {at}, not known to have been accepted"),
            }
        })
        .collect()
}

fn scope(project: &Project, ledger: &Ledger, options: &Options) -> BTreeSet<Address> {
    let all = || project.desired.keys().chain(ledger.managed.keys()).cloned();
    let Some(only) = &options.only else {
        return all().filter(|address| !options.exclude.contains(address)).collect();
    };
    let needs = |address: &Address| -> BTreeSet<Address> {
        match (project.desired.get(address), ledger.managed.get(address)) {
            (Some(spec), managed) => {
                let written = spec.prerequisites().into_keys();
                let kept = managed.filter(|_| options.destroy).map(|m| m.declaration.needs.clone());
                written.chain(kept.into_iter().flatten()).collect()
            }
            (None, Some(managed)) => managed.declaration.needs.clone(),
            (None, None) => BTreeSet::new(),
        }
    };
    let mut scope = only.clone();
    let mut queue: Vec<Address> = only.iter().cloned().collect();
    while let Some(address) = queue.pop() {
        let next: Vec<Address> = if options.destroy {
            all().filter(|other| needs(other).contains(&address)).collect()
        } else {
            needs(&address).into_iter().collect()
        };
        queue.extend(next.into_iter().filter(|next| scope.insert(next.clone())));
    }
    scope.retain(|address| !options.exclude.contains(address));
    scope
}

fn cycle_problems(inputs: &Inputs<'_>, cycles: Vec<Vec<Address>>) -> Vec<Problem> {
    cycles
        .into_iter()
        .map(|cycle| {
            let way: Vec<String> = cycle.iter().map(ToString::to_string).collect();
            let spec: &Spec = &inputs.project.desired[&cycle[0]];
            let place = cycle.get(1).and_then(|next| spec.prerequisites().get(next).cloned());
            Problem::input(format!("these need each other: {}", way.join(" → ")))
                .at(&place.unwrap_or_else(|| spec.place.clone()))
                .hint("remove one of the references or `depends_on` entries")
        })
        .collect()
}

/// Silence is never safety: a ledger that does not fit the files is refused.
fn ledger_problems(inputs: &Inputs<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut lost: BTreeMap<&str, Vec<&Address>> = BTreeMap::new();
    for address in inputs.ledger.managed.keys().filter(|a| !inputs.project.targets.contains_key(&a.target)) {
        lost.entry(&address.target).or_default().push(address);
    }
    for (target, addresses) in lost {
        problems.push(
            Problem::input(format!(
                "{} provisioned product{} in target `{target}` {} ours, and the files have no such target",
                addresses.len(),
                if addresses.len() == 1 { "" } else { "s" },
                if addresses.len() == 1 { "is" } else { "are" },
            ))
            .hint(format!("put [target.{target}] back; delete it when everything in it has been terminated")),
        );
    }
    for target in inputs.project.targets.values() {
        let (was, is) = if target.is_sandbox() {
            (inputs.ledger.real.contains(&target.name), "the sandbox")
        } else {
            (inputs.ledger.sandboxed.contains(&target.name), "a real account")
        };
        if was {
            let other = if target.is_sandbox() { "a real account" } else { "the sandbox" };
            problems.push(
                Problem::input(format!("the ledger used target `{}` with {other}, and it is {is} now", target.name))
                    .at(&target.place)
                    .hint("use another `location` under [ledger] for the other world"),
            );
        }
    }
    for (address, managed) in &inputs.ledger.managed {
        problems.extend(moved_account(inputs, address, managed));
    }
    if let (Some(theirs), Some(ours)) = (&inputs.ledger.project, &inputs.project.name)
        && theirs != ours
    {
        problems.push(
            Problem::input(format!("the ledger is of project `{theirs}`, and this is project `{ours}`"))
                .hint("give each project a ledger of its own, or write the old name under [project]"),
        );
    }
    problems
}

fn moved_account(inputs: &Inputs<'_>, address: &Address, managed: &Managed) -> Option<Problem> {
    let target = inputs.project.targets.get(&address.target)?;
    let before = (&managed.declaration.account, &managed.declaration.region);
    if before == (&target.account, &target.region) {
        return None;
    }
    Some(
        Problem::input(format!(
            "`{address}` is in account {} and region {}, and target `{}` is account {} and region {} now",
            before.0, before.1, target.name, target.account, target.region
        ))
        .at(&target.place)
        .hint("give the other account or region a target of its own name"),
    )
}

fn name_problems(project: &Project) -> Vec<Problem> {
    let mut seen: BTreeMap<(&str, &str, &str), &Spec> = BTreeMap::new();
    let mut problems = Vec::new();
    for spec in project.desired.values() {
        let target = &project.targets[&spec.address.target];
        let key = (target.account.as_str(), target.region.as_str(), spec.name.value.as_str());
        if let Some(other) = seen.insert(key, spec) {
            problems.push(
                Problem::input(format!("`{}` and `{}` are both named `{}`", other.address, spec.address, key.2))
                    .at(&spec.name.place)
                    .hint("a name is unique in its account and region: give one of them another"),
            );
        }
    }
    problems
}
