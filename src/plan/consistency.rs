//! What only all files together, or files and ledger together, show to be wrong.

use std::collections::BTreeMap;

use super::Inputs;
use crate::ledger::entry::Declaration;
use crate::model::{Address, Spec, Target};
use crate::problem::Problem;

pub fn cycle_problems(inputs: &Inputs<'_>, cycles: Vec<Vec<Address>>) -> Vec<Problem> {
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
pub fn ledger_problems(inputs: &Inputs<'_>) -> Vec<Problem> {
    let mut problems = lost(inputs, |_, declaration| !inputs.is_reached(declaration));
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
    problems.extend(inputs.project.targets.values().filter_map(|target| moved_account(inputs, target)));
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

/// Products of ours whose target is gone from the files, as far as they `count`.
pub fn lost(inputs: &Inputs<'_>, count: impl Fn(&Address, &Declaration) -> bool) -> Vec<Problem> {
    let mut lost: BTreeMap<&str, Vec<&Address>> = BTreeMap::new();
    for (address, managed) in &inputs.ledger.managed {
        if !inputs.project.targets.contains_key(&address.target) && count(address, &managed.declaration) {
            lost.entry(&address.target).or_default().push(address);
        }
    }
    lost.into_iter()
        .map(|(target, addresses)| {
            Problem::input(format!("{} in target `{target}`, and the files have no such target", ours(&addresses)))
                .hint(format!("put [target.{target}] back; delete it when everything in it has been terminated"))
        })
        .collect()
}

/// A target that has become another account or region: what is ours there would seem to be gone.
fn moved_account(inputs: &Inputs<'_>, target: &Target) -> Option<Problem> {
    let elsewhere: Vec<(&Address, &Declaration)> = inputs
        .ledger
        .managed
        .iter()
        .filter(|(address, _)| address.target == target.name)
        .map(|(address, managed)| (address, &managed.declaration))
        .filter(|(_, kept)| (&kept.account, &kept.region) != (&target.account, &target.region))
        .collect();
    let (_, kept) = elsewhere.first()?;
    let addresses: Vec<&Address> = elsewhere.iter().map(|(address, _)| *address).collect();
    Some(
        Problem::input(format!(
            "{} in account {}, region {}, and target `{}` is account {}, region {} now",
            ours(&addresses),
            kept.account,
            kept.region,
            target.name,
            target.account,
            target.region
        ))
        .at(&target.place)
        .hint("give the other account or region a target of its own name"),
    )
}

/// "`a@t`, `b@t` and 3 more are ours".
fn ours(addresses: &[&Address]) -> String {
    const SHOWN_MAX: usize = 3;
    let mut names: Vec<String> = addresses.iter().take(SHOWN_MAX).map(|address| format!("`{address}`")).collect();
    if addresses.len() > SHOWN_MAX {
        names.push(format!("{} more", addresses.len() - SHOWN_MAX));
    }
    let last = names.pop().unwrap_or_default();
    if names.is_empty() { format!("{last} is ours") } else { format!("{} and {last} are ours", names.join(", ")) }
}
