//! Equal things together: a plan that transfers 800 products to one owner is one decision, not 800.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Address, Request, Step, StepId, StepKind};
use crate::plan::{Action, Change, Finding, Plan};

/// Fewer equal steps in a row than this are listed one by one.
const STEPS: usize = 4;

/// The account of an address's target, for short ARNs.
pub(crate) fn account<'a>(plan: &'a Plan, address: &Address) -> Option<&'a str> {
    plan.accounts.get(&address.target).map(String::as_str)
}

/// Changes with a cloud write, equal ones together in the order of their first. Terminations, replacements and
/// provisions that differ only by address are grouped never: each is somebody's.
pub(crate) fn changes(plan: &Plan, full: bool) -> Vec<Vec<&Change>> {
    let mut groups: Vec<Vec<&Change>> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for change in plan.changes.iter().filter(|change| change.actions.iter().any(|action| action.writes())) {
        let alone = full || change.actions.iter().any(|action| matches!(action, Action::Terminate | Action::Replace));
        // The account takes part because it decides how an ARN is shown.
        let key = (&change.actions, &change.fields, &change.notes, account(plan, &change.address));
        let place = if alone { groups.len() } else { *places.entry(format!("{key:?}")).or_insert(groups.len()) };
        match groups.get_mut(place) {
            Some(group) => group.push(change),
            None => groups.push(vec![change]),
        }
    }
    groups
}

/// Changes that only the ledger sees: adoptions, those together that declare the same, then the others.
pub(crate) fn ledger_only(plan: &Plan) -> (Vec<Vec<&Change>>, Vec<&Change>) {
    let (adopted, others): (Vec<&Change>, Vec<&Change>) = plan
        .changes
        .iter()
        .filter(|change| !change.actions.iter().any(|action| action.writes()))
        .partition(|change| change.actions == [Action::Adopt]);
    let mut groups: Vec<Vec<&Change>> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for change in adopted {
        let place = *places.entry(format!("{:?}", (&change.fields, &change.notes))).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(change),
            None => groups.push(vec![change]),
        }
    }
    (groups, others)
}

/// What is terminated, by address. A change names the product that its address stands for; after a replacement that may
/// be another than the one that goes.
pub(crate) fn terminated(plan: &Plan) -> BTreeMap<&Address, Vec<&str>> {
    let mut ids: BTreeMap<&Address, Vec<&str>> = BTreeMap::new();
    for step in &plan.steps {
        if let Request::Terminate { id } = &step.request {
            ids.entry(&step.address).or_default().push(id);
        }
    }
    ids
}

/// The ids that go with a change: those of its terminations where there are any.
pub(crate) fn ids<'a>(change: &'a Change, terminated: &BTreeMap<&Address, Vec<&'a str>>) -> Vec<&'a str> {
    terminated.get(&change.address).cloned().unwrap_or_else(|| change.id.as_deref().into_iter().collect())
}

/// Steps in a row that do the same and wait for the same.
pub(crate) fn steps(plan: &Plan, full: bool) -> Vec<&[Step]> {
    let mut rows = Vec::new();
    for run in plan
        .steps
        .chunk_by(|a, b| a.kind == b.kind && a.words() == b.words() && a.after == b.after && a.id.0 + 1 == b.id.0)
    {
        if full || run.len() < STEPS { rows.extend(run.chunks(1)) } else { rows.push(run) }
    }
    rows
}

/// Findings that say the same, in the order of their first.
pub(crate) fn findings(plan: &Plan, full: bool) -> Vec<Vec<&Finding>> {
    let mut groups: Vec<Vec<&Finding>> = Vec::new();
    let mut places = BTreeMap::new();
    for finding in &plan.findings {
        let place =
            if full { groups.len() } else { *places.entry((&finding.problem, finding.blocks)).or_insert(groups.len()) };
        match groups.get_mut(place) {
            Some(group) => group.push(finding),
            None => groups.push(vec![finding]),
        }
    }
    groups
}

/// How many of each kind, in the order of the kinds.
pub(crate) fn kinds<'a>(steps: impl Iterator<Item = &'a Step>) -> String {
    let mut counts: BTreeMap<StepKind, usize> = BTreeMap::new();
    for step in steps {
        *counts.entry(step.kind).or_default() += 1;
    }
    let count = |(kind, count): (StepKind, usize)| format!("{count} {}", kind.word());
    counts.into_iter().map(count).collect::<Vec<_>>().join(", ")
}

/// `1, 3–7, 9`; at most `limit` pieces, then how many steps more.
pub(crate) fn ranges(ids: &BTreeSet<StepId>, limit: usize) -> String {
    let ids: Vec<u32> = ids.iter().map(|id| id.0).collect();
    let mut pieces = Vec::new();
    let mut told = 0;
    for run in ids.chunk_by(|a, b| a + 1 == *b).take(limit) {
        told += run.len();
        match run {
            [first, .., last] if run.len() > 2 => pieces.push(format!("{first}–{last}")),
            _ => pieces.extend(run.iter().map(u32::to_string)),
        }
    }
    if told < ids.len() {
        pieces.push(format!("… {} more", ids.len() - told));
    }
    pieces.join(", ")
}

/// Addresses that are blocked only because something that they depend on is.
pub(crate) fn blocked_behind(plan: &Plan) -> Vec<&Address> {
    let own: BTreeSet<&Address> = plan.findings.iter().filter(|f| f.blocks).map(|f| &f.address).collect();
    plan.blocked.iter().filter(|address| !own.contains(address)).collect()
}
