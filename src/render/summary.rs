//! The counts in one sentence, shared by every rendering.

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
        (c.owners, "owner", "owners"),
        (c.stewards, "steward", "stewards"),
        (c.launch_roles, "launch role", "launch roles"),
        (c.terminate, "to terminate", "to terminate"),
        (c.adopt, "to adopt", "to adopt"),
        (ledger_only, "ledger only", "ledger only"),
    ];
    let told = all.iter().filter(|(n, one, _)| *n > 0 || *one == "to terminate");
    told.map(|(n, one, many)| count(*n as usize, one, many)).collect()
}

/// What is, rather than what would be done.
fn being(plan: &Plan) -> Vec<String> {
    // What is blocked is counted with everything behind it; counting its finding as well would count it twice.
    let blocked = plan.counts.blocked as usize;
    let attention = plan.findings.iter().filter(|finding| blocked == 0 || !finding.blocks).count();
    let all = [
        (plan.counts.drifted as usize, "drifted", "drifted"),
        (blocked, "blocked", "blocked"),
        (attention, "needs attention", "need attention"),
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
    if reasons.is_empty() { "Nothing to do.".to_owned() } else { format!("Nothing to do: {}.", reasons.join("; ")) }
}

/// The first line of a plan in a comment.
pub(crate) fn verdict(plan: &Plan) -> String {
    let mut words = match (plan.has_changes(), plan.refusals.is_empty()) {
        (true, true) => doing(plan).join(", "),
        (true, false) => format!("refused: {}", doing(plan).join(", ")),
        (false, true) => "nothing to do".to_owned(),
        (false, false) => "refused".to_owned(),
    };
    for being in being(plan) {
        words.push_str(", ");
        words.push_str(&being);
    }
    words
}
