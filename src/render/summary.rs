//! The counts in one sentence, shared by every rendering.

use super::{safe, value};
use crate::plan::{Action, Change, Plan};

/// `1 thing`, `2 things`.
pub(crate) fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

pub(crate) fn products(n: usize) -> String {
    count(n, "product", "products")
}

/// What would be done, without what stays: terminations are always counted, other zeros left out.
pub(crate) fn doing(plan: &Plan) -> Vec<String> {
    let c = &plan.counts;
    // An adoption is counted as one, not a second time as a change of the ledger.
    let is_other = |change: &&Change| {
        !change.actions.iter().any(|action| action.writes()) && !change.actions.contains(&Action::Adopt)
    };
    let ledger_only = u32::try_from(plan.changes.iter().filter(is_other).count()).unwrap_or(u32::MAX);
    let all = [
        (c.provision, "to provision", "to provision"),
        (c.update, "to update", "to update"),
        (c.replace, "to replace", "to replace"),
        (c.owners, "owner change", "owner changes"),
        (c.stewards, "steward change", "steward changes"),
        (c.launch_roles, "launch-role change", "launch-role changes"),
        (c.terminate, "to terminate", "to terminate"),
        (c.adopt, "to adopt", "to adopt"),
        (ledger_only, "ledger only", "ledger only"),
    ];
    let told = all.iter().filter(|(n, one, _)| *n > 0 || *one == "to terminate");
    told.map(|(n, one, many)| count(*n as usize, one, many)).collect()
}

/// The actions and values of a change that is blocked, on one line.
pub(crate) fn pending(change: &Change, account: Option<&str>) -> String {
    let fields = |action: &Action| {
        let of_action = change.fields.iter().filter(|field| field.action == *action);
        let shown = of_action.map(|field| {
            let side = |side| safe::clip(&value::shown(side, &field.name, account), 60);
            format!("{} {} → {}", value::full_label(&field.name), side(&field.before), side(&field.after))
        });
        let all: Vec<String> = shown.collect();
        if all.is_empty() { String::new() } else { format!(" ({})", all.join(", ")) }
    };
    let actions =
        change.actions.iter().map(|action| format!("{} {}{}", action.symbol(), action.word(), fields(action)));
    actions.collect::<Vec<_>>().join(", ")
}

/// What is, rather than what would be done.
fn being(plan: &Plan) -> Vec<String> {
    // What is blocked is counted with everything behind it; counting its finding as well would count it twice.
    let blocked = plan.counts.blocked as usize;
    let attention = plan.findings.iter().filter(|finding| blocked == 0 || !finding.blocks).count();
    let all = [
        (plan.counts.drifted as usize, "drifted", "drifted"),
        (plan.counts.reverted as usize, "outside change reverted", "outside changes reverted"),
        (plan.counts.overwritten as usize, "outside change overwritten", "outside changes overwritten"),
        (blocked, "blocked", "blocked"),
        (attention, "needs attention", "need attention"),
        (plan.unsettled.len(), "step of an earlier run unsettled", "steps of earlier runs unsettled"),
    ];
    all.iter().filter(|(n, ..)| *n > 0).map(|(n, one, many)| count(*n, one, many)).collect()
}

/// The last line of a plan in a terminal.
pub(crate) fn sentence(plan: &Plan) -> String {
    let being = being(plan);
    if plan.has_changes() {
        let mut all = doing(plan);
        all.extend(being);
        if plan.counts.unchanged > 0 {
            all.push(format!("{} unchanged", plan.counts.unchanged));
        }
        return format!("Plan: {}.", all.join(", "));
    }
    let same = plan.counts.unchanged as usize;
    let same = (same > 0)
        .then(|| count(same, "provisioned product is as the files say", "provisioned products are as the files say"));
    let being = (!being.is_empty()).then(|| being.join(", "));
    let reasons: Vec<String> = same.into_iter().chain(being).collect();
    let head = if plan.is_settled() { "Nothing to do" } else { "No step can be taken now" };
    if reasons.is_empty() { format!("{head}.") } else { format!("{head}: {}.", reasons.join("; ")) }
}

/// The first line of a plan in a comment.
pub(crate) fn verdict(plan: &Plan) -> String {
    let mut words = match (plan.has_changes(), plan.refusals.is_empty()) {
        (true, true) => doing(plan).join(", "),
        (true, false) => format!("refused: {}", doing(plan).join(", ")),
        (false, true) if plan.is_settled() => "nothing to do".to_owned(),
        (false, true) => "no step can be taken now".to_owned(),
        (false, false) => "refused".to_owned(),
    };
    for being in being(plan) {
        words.push_str(", ");
        words.push_str(&being);
    }
    words
}
