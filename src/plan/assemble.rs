//! From drafts to a plan: what is blocked, the order, the sums and the digest.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::draft::Draft;
use super::planner::Planner;
use super::{Change, Counts, DeferredUpdate, Drift, Finding, Inputs, Plan, check, order, secrets};
use crate::ledger::Ledger;
use crate::ledger::entry::{Declaration, Entry, Holdings, Verified};
use crate::model::{Address, ParameterSpec, Request, Step, StepId};
use crate::problem::Problem;

type Guards = BTreeMap<StepId, BTreeMap<String, ParameterSpec>>;
type Deferred = BTreeMap<StepId, DeferredUpdate>;

/// Puts the drafts in order and adds everything up.
pub fn assemble(inputs: &Inputs<'_>, mut planner: Planner<'_>) -> Plan {
    planner.scrub();
    let Planner { drafts, mut findings, drift, mut observed, base, moved, .. } = planner;
    findings.extend(still_needed(inputs, &drafts, &moved));
    findings.dedup();
    let blocked = blocked(inputs, &findings, &drafts);
    let unchanged = |address: &&Address| inputs.is_wanted(address) && !blocked.contains(*address);
    let unchanged = drafts.iter().filter(|(_, draft)| draft.is_empty()).map(|(address, _)| address).filter(unchanged);
    let unchanged = unchanged.count() as u32;
    let with_work = drafts.into_iter().filter(|(_, draft)| !draft.is_empty());
    let (held, mut drafts): (BTreeMap<_, _>, BTreeMap<_, _>) =
        with_work.partition(|(address, _)| blocked.contains(address));
    let pending = held.into_values().map(sorted).filter(|change| !change.actions.is_empty()).collect();
    // Of what was to move and stays where it is, nothing can be said under its new address.
    observed.retain(|entry| {
        entry.address().is_none_or(|at| inputs.ledger.managed.contains_key(at) || drafts.contains_key(at))
    });
    follow_moves(&mut drafts);
    let steps = order::steps(&drafts, &inputs.ledger.managed);
    let refusals = check::refusals(inputs, &drafts);
    let counts = count(&drafts, &drift, &blocked, unchanged);
    let (guards, deferred) = later(&steps, &drafts);
    let launch_roles = drafts
        .values()
        .filter(|draft| draft.update.is_some())
        .filter_map(|draft| {
            let role = inputs.project.desired.get(&draft.address)?.launch_role.as_ref()?;
            Some((draft.address.clone(), role.value.clone()))
        })
        .collect();
    let base = base.into_iter().filter(|(address, _)| drafts.contains_key(address)).collect();
    let records: Vec<Entry> = drafts.values().flat_map(|draft| draft.records.clone()).collect();
    let last = drafts.values().filter_map(|draft| Some((draft.address.clone(), draft.declared_last.clone()?)));
    let declared_last: BTreeMap<Address, Declaration> = last.collect();
    let paths = drafts.values().filter_map(|draft| Some((draft.address.clone(), draft.path.clone()?))).collect();
    let changes: Vec<Change> = drafts.into_values().map(sorted).filter(|change| !change.actions.is_empty()).collect();
    Plan {
        project: inputs.project.name.clone(),
        digest: digest(&changes, &steps, &paths, &records, &declared_last),
        changes,
        steps,
        findings,
        pending,
        drift,
        refusals,
        warnings: inputs.project.warnings.clone(),
        counts,
        accounts: inputs.project.targets.values().map(|t| (t.name.clone(), t.account.clone())).collect(),
        unsettled: unsettled(inputs.ledger),
        blocked,
        records,
        declared_last,
        observed,
        base,
        guards,
        deferred,
        launch_roles,
        secrets: secrets::all(inputs),
        listed: inputs.live.iter().map(|(target, seen)| (target.clone(), seen.products.len())).collect(),
    }
}

/// A product that is used under another address from now on is declared by that one.
fn follow_moves(drafts: &mut BTreeMap<Address, Draft>) {
    let moves = drafts.values().filter_map(|draft| Some((draft.moved_from()?.clone(), draft.address.clone())));
    let moves: BTreeMap<Address, Address> = moves.collect();
    if moves.is_empty() {
        return;
    }
    for draft in drafts.values_mut() {
        let recorded = draft.records.iter_mut().filter_map(|entry| match entry {
            Entry::Declared { declaration, .. } => Some(declaration),
            _ => None,
        });
        for declaration in recorded.chain(&mut draft.declared_last) {
            let needs = std::mem::take(&mut declaration.needs);
            declaration.needs = needs.into_iter().map(|need| moves.get(&need).cloned().unwrap_or(need)).collect();
        }
    }
}

/// A draft as a change, its fields in the order in which they are shown.
fn sorted(draft: Draft) -> Change {
    let mut change = draft.into_change();
    change.fields.sort_by(|a, b| (a.action, &a.name).cmp(&(b.action, &b.name)));
    change
}

/// What `apply` must know of arguments that an earlier step decides: their rules, and what runs now.
fn later(steps: &[Step], drafts: &BTreeMap<Address, Draft>) -> (Guards, Deferred) {
    let (mut guards, mut deferred) = (Guards::new(), Deferred::new());
    for step in steps.iter().filter(|step| step.request.parameters().is_some()) {
        let draft = &drafts[&step.address];
        if !draft.guards.is_empty() {
            guards.insert(step.id, draft.guards.clone());
        }
        if let Some(update) = &draft.deferred {
            deferred.insert(step.id, update.clone());
        }
    }
    (guards, deferred)
}

/// Terminations under a product that is left out of this run and still needs what would go.
fn still_needed(inputs: &Inputs<'_>, drafts: &BTreeMap<Address, Draft>, moved: &BTreeSet<Address>) -> Vec<Finding> {
    let left_out = |address: &Address| !inputs.scope.contains(address) && !moved.contains(address);
    let mut readers: BTreeMap<&Address, Vec<&Address>> = BTreeMap::new();
    for (address, managed) in inputs.ledger.managed.iter().filter(|(address, _)| left_out(address)) {
        for needed in &managed.declaration.needs {
            readers.entry(needed).or_default().push(address);
        }
    }
    let endangered = drafts.values().filter(|draft| !draft.terminate.is_empty());
    endangered
        .filter_map(|draft| {
            let readers: Vec<String> = readers.get(&draft.address)?.iter().map(|a| format!("`{a}`")).collect();
            let still = if readers.len() == 1 { "still needs it and is" } else { "still need it and are" };
            let ids: Vec<&str> = draft.terminate.iter().map(Request::product).collect();
            let problem = Problem::failed(format!(
                "{} cannot be terminated: {} {still} left out of this run",
                ids.join(", "),
                readers.join(", ")
            ))
            .hint("take what needs it into the run as well, or leave this one out too");
            Some(Finding { address: draft.address.clone(), problem, blocks: true, fails: true })
        })
        .collect()
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
    for drift in drafts.values().flat_map(|draft| &draft.fields).filter_map(|field| field.drift.as_ref()) {
        let count = if drift.reverts { &mut counts.reverted } else { &mut counts.overwritten };
        *count += 1;
    }
    counts.blocked = blocked.len() as u32;
    counts
}

/// What the findings block: their own addresses and everything that waits for them, in either direction of time. What
/// has nothing to do is not held up by anything.
fn blocked(inputs: &Inputs<'_>, findings: &[Finding], drafts: &BTreeMap<Address, Draft>) -> BTreeSet<Address> {
    let own: BTreeSet<&Address> =
        findings.iter().filter(|finding| finding.blocks).map(|finding| &finding.address).collect();
    if own.is_empty() {
        return BTreeSet::new();
    }
    // Who waits for whom: a product for what it needs, a termination for whoever needs, or needed, what would go.
    let mut waiting: BTreeMap<&Address, Vec<&Address>> = BTreeMap::new();
    let goes = |address: &Address| drafts.get(address).is_some_and(|draft| !draft.terminate.is_empty());
    for address in inputs.project.desired.keys().filter(|address| inputs.is_wanted(address)) {
        for needed in inputs.needs(address) {
            waiting.entry(needed).or_default().push(address);
            if goes(needed) {
                waiting.entry(address).or_default().push(needed);
            }
        }
    }
    for (address, managed) in &inputs.ledger.managed {
        for needed in managed.declaration.needs.iter().filter(|needed| goes(needed)) {
            waiting.entry(address).or_default().push(needed);
        }
    }
    let mut blocked = own.clone();
    let mut queue: Vec<&Address> = own.iter().copied().collect();
    while let Some(address) = queue.pop() {
        let next = waiting.get(address).into_iter().flatten().copied();
        queue.extend(next.filter(|next| blocked.insert(next)));
    }
    let has_work =
        |address: &Address| inputs.scope.contains(address) && drafts.get(address).is_none_or(|draft| !draft.is_empty());
    blocked.into_iter().filter(|address| own.contains(address) || has_work(address)).cloned().collect()
}

/// The hash over the meaning of a plan: changes, steps and what the ledger is told, without remarks, evidence or anything
/// of who runs it. A launch path takes part by its name, because its id depends on who asks; how long a step may take is no
/// part of what it does.
fn digest(
    changes: &[Change],
    steps: &[Step],
    paths: &BTreeMap<Address, String>,
    records: &[Entry],
    declared_last: &BTreeMap<Address, Declaration>,
) -> String {
    let mut hasher = Sha256::new();
    for change in changes {
        let fields: Vec<_> = change.fields.iter().map(|f| (f.action, &f.name, &f.before, &f.after)).collect();
        hash(&mut hasher, &(&change.address, &change.id, &change.actions, fields));
    }
    for step in steps {
        let mut request = Cow::Borrowed(&step.request);
        if let Request::Provision { path_id: Some(_), .. } | Request::Update { path_id: Some(_), .. } =
            step.request.change()
            && let Request::Provision { path_id, .. } | Request::Update { path_id, .. } = request.to_mut().change_mut()
        {
            *path_id = paths.get(&step.address).cloned();
        }
        hash(&mut hasher, &(step.id, &step.address, step.kind, &step.after, &*request));
    }
    records.iter().for_each(|entry| hash(&mut hasher, &decided(entry)));
    for (address, declaration) in declared_last {
        hash(&mut hasher, &(address, without_timeout(declaration)));
    }
    format!("sha256:{}", hex::encode(hasher.finalize()))
}

/// An entry without what was only seen of the product.
fn decided(entry: &Entry) -> Entry {
    let mut entry = entry.clone();
    if let Entry::Adopted { holdings, verified, .. } = &mut entry {
        (*holdings, *verified) = (Holdings::default(), Verified::default());
    }
    if let Entry::Adopted { declaration, .. } | Entry::Declared { declaration, .. } = &mut entry {
        *declaration = without_timeout(declaration);
    }
    entry
}

fn without_timeout(declaration: &Declaration) -> Declaration {
    Declaration { timeout_seconds: 0, ..declaration.clone() }
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
                Some((operation, _)) if operation.is_empty() => format!("{word} {address}: submitted {at}"),
                Some((operation, _)) => format!("{word} {address}: submitted {at} as {operation}"),
                None => format!("{word} {address}: started {at}, not known to have been accepted"),
            }
        })
        .collect()
}
