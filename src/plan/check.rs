//! The brakes: what a plan may not do on its own initiative.

use std::collections::BTreeMap;

use super::draft::Draft;
use super::{Action, FieldName, Inputs};
use crate::model::Address;
use crate::problem::{Kind, Problem};

/// From this many products of ours on, a percentage means something.
const CHANGE_PERCENT_FROM: usize = 10;

/// Every reason why `apply` would refuse.
pub fn refusals(inputs: &Inputs<'_>, drafts: &BTreeMap<Address, Draft>) -> Vec<Problem> {
    let mut refusals = protected(inputs, drafts);
    let limits = inputs.limits();
    let count = |of: &dyn Fn(&Draft) -> usize| -> u32 { drafts.values().map(of).sum::<usize>() as u32 };
    if !inputs.options.destroy {
        let terminations = count(&|draft| draft.terminate.len());
        let what = format!("terminated or replaced{}", names(drafts, |draft| !draft.terminate.is_empty()));
        push_count(
            &mut refusals,
            "terminate",
            terminations,
            limits.terminate,
            ["provisioned product", "provisioned products"],
            &what,
        );
        if terminations > limits.terminate
            && let (Some(last), Some(renamed)) = (refusals.last_mut(), renamed(inputs, drafts))
        {
            last.hint = last.hint.take().map(|hint| format!("{hint}; {renamed}"));
        }
        refusals.extend(percent(inputs, drafts));
    }
    let owners = count(&|draft| {
        let transfer = draft.owner.is_some() && draft.provision.is_none();
        usize::from(transfer) + usize::from(steward_changes(draft))
    });
    push_count(
        &mut refusals,
        "owner_changes",
        owners,
        limits.owner_changes,
        ["owner or steward", "owners and stewards"],
        "changed",
    );
    let roles = count(&|draft| usize::from(draft.launch_role.is_some() && draft.provision.is_none()));
    push_count(
        &mut refusals,
        "launch_role_changes",
        roles,
        limits.launch_role_changes,
        ["launch role", "launch roles"],
        "changed",
    );
    refusals
}

/// A steward that changes; one of a product that this plan provisions or adopts is a first one.
pub fn steward_changes(draft: &Draft) -> bool {
    draft.ours
        && draft.provision.is_none()
        && draft.fields.iter().any(|field| field.action == Action::Declare && field.name == FieldName::Steward)
}

/// A block that goes while one of the same product comes may have been given another key, and nobody means that to be a
/// termination.
fn renamed(inputs: &Inputs<'_>, drafts: &BTreeMap<Address, Draft>) -> Option<String> {
    let goes = |draft: &&Draft| draft.provision.is_none() && !draft.terminate.is_empty();
    drafts.values().filter(goes).find_map(|gone| {
        let comes = drafts.values().find(|new| {
            new.provision.is_some()
                && !new.ours
                && new.product == gone.product
                && new.address.target == gone.address.target
        })?;
        let name = &inputs.ledger.managed.get(&gone.address)?.declaration.name;
        Some(format!(
            "if `{}` is `{}` under another key, write `name = \"{name}\"` there, and it moves",
            comes.address, gone.address
        ))
    })
}

fn push_count(refusals: &mut Vec<Problem>, key: &str, count: u32, limit: u32, things: [&str; 2], what: &str) {
    if count <= limit {
        return;
    }
    let things = things[usize::from(count != 1)];
    refusals.push(
        Problem::new(Kind::Refused, format!("{count} {things} would be {what}, and `{key}` allows {limit}"))
            .hint(format!("if that is meant, run with --allow {key}={count} or set `{key} = {count}` under [limits]")),
    );
}

fn percent(inputs: &Inputs<'_>, drafts: &BTreeMap<Address, Draft>) -> Option<Problem> {
    let ours = inputs.ledger.managed.len();
    let written = drafts.values().filter(|draft| draft.ours && draft.writes()).count();
    let limit = inputs.limits().change_percent;
    if ours < CHANGE_PERCENT_FROM || written * 100 <= ours * limit as usize {
        return None;
    }
    let percent = (written * 100).div_ceil(ours);
    Some(
        Problem::new(
            Kind::Refused,
            format!("{written} of {ours} provisioned products would be changed ({percent} %), and `change_percent` allows {limit} %"),
        )
        .hint(format!(
            "if that is meant, run with --allow change_percent={percent} or set `change_percent = {percent}` under [limits]"
        )),
    )
}

fn protected(inputs: &Inputs<'_>, drafts: &BTreeMap<Address, Draft>) -> Vec<Problem> {
    // What an earlier replacement left behind lost its protection then.
    let leftover = |draft: &Draft| inputs.is_wanted(&draft.address) && draft.provision.is_none();
    let endangered = drafts.values().filter(|draft| draft.protect && !draft.terminate.is_empty() && !leftover(draft));
    endangered
        .map(|draft| {
            let problem = |what: &str| {
                Problem::new(Kind::Refused, format!("`{}` is protected and would be {what}", draft.address))
            };
            match inputs.project.desired.get(&draft.address) {
                Some(spec) if draft.provision.is_some() => problem("replaced")
                    .at(&spec.name.place)
                    .hint("write the name it has, or apply it with `protect = false` first"),
                Some(spec) => problem("terminated").at(&spec.place).hint("apply it with `protect = false` first"),
                None => problem("terminated")
                    .hint("put its block back with `protect = false` and apply that; then the block can be deleted"),
            }
        })
        .collect()
}

fn names(drafts: &BTreeMap<Address, Draft>, of: impl Fn(&Draft) -> bool) -> String {
    const SHOWN_MAX: usize = 5;
    let all: Vec<String> = drafts.values().filter(|draft| of(draft)).map(|draft| draft.address.to_string()).collect();
    if all.is_empty() {
        return String::new();
    }
    let more = all.len().saturating_sub(SHOWN_MAX);
    let shown = all.into_iter().take(SHOWN_MAX).collect::<Vec<_>>().join(", ");
    if more > 0 { format!(" ({shown} and {more} more)") } else { format!(" ({shown})") }
}
