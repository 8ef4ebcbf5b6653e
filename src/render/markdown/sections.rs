//! The parts of the comment, each in several forms: whole, shortened, counted.

use std::collections::BTreeMap;

use super::super::{group, safe, summary, value};
use super::escape::{cell, code, details, fence, prose};
use crate::model::Address;
use crate::plan::{Action, Change, FieldName, Finding, Plan, Shown};
use crate::problem::Problem;

/// Entries of a shortened list.
const SOME: usize = 20;
/// Rows of steps and drift, without `full`.
const ROWS: usize = 100;

const WHOLE: &str = "`tenure plan --full` shows it whole";

pub(super) fn verdict(plan: &Plan) -> String {
    let mut text = format!("### tenure: {}\n", summary::verdict(plan));
    if !plan.has_changes() {
        text.push_str(&format!("\n{}\n", summary::sentence(plan)));
    }
    if let Some(project) = &plan.project {
        text.push_str(&format!("\nProject {}\n", code(&safe::clip(project, 200))));
    }
    text
}

pub(super) fn digest(plan: &Plan) -> String {
    if plan.has_changes() { format!("{}\n", code(&safe::clip(&plan.digest, 200))) } else { String::new() }
}

/// A heading with the count, and the list: whole, its first entries, nothing but the count.
fn listed(heading: &str, total: usize, whole: Vec<String>) -> Vec<String> {
    if total == 0 {
        return Vec::new();
    }
    let head = format!("#### {heading} ({total})\n");
    let all: String = whole.iter().map(|entry| format!("- {entry}\n")).collect();
    let some: String = whole.iter().take(SOME).map(|entry| format!("- {entry}\n")).collect();
    let left = whole.len().saturating_sub(SOME);
    let more = if left > 0 { format!("- … {left} more; {WHOLE}\n") } else { String::new() };
    vec![
        format!("{head}\n{all}"),
        format!("{head}\n{some}{more}"),
        format!("{head}\n_Left out for want of space; {WHOLE}._\n"),
    ]
}

fn with(plan: &Plan, action: Action) -> impl Iterator<Item = &Change> {
    plan.changes.iter().filter(move |change| change.actions.contains(&action))
}

fn product_name(change: &Change) -> String {
    let fields = change.fields.iter().filter(|field| field.name == FieldName::Name);
    fields
        .map(|field| match (&field.before, &field.after) {
            (Shown::Text(old), Shown::Text(new)) => format!(", {} → {}", code(old), code(new)),
            (Shown::Text(name), _) => format!(", {}", code(name)),
            _ => String::new(),
        })
        .collect()
}

fn identified(change: &Change, terminated: &BTreeMap<&Address, Vec<&str>>) -> String {
    let id: String = group::ids(change, terminated).iter().map(|id| format!(", {}", code(id))).collect();
    let notes: String = change.notes.iter().map(|note| format!("; {}", prose(note))).collect();
    let product = if change.product.is_empty() { String::new() } else { format!(" – {}", code(&change.product)) };
    format!("{}{product}{}{id}{notes}", code(&change.address.to_string()), product_name(change))
}

/// Every address up to the very last form: this is what a reviewer must not miss.
fn by_name(plan: &Plan, heading: &str, changes: &[&Change]) -> Vec<String> {
    let terminated = group::terminated(plan);
    let whole = changes.iter().map(|change| identified(change, &terminated)).collect();
    let mut forms = listed(heading, changes.len(), whole);
    if let [_, some, _] = forms.as_mut_slice() {
        let names: Vec<String> = changes.iter().map(|change| code(&change.address.to_string())).collect();
        *some = format!("#### {heading} ({})\n\n{}\n", changes.len(), names.join(", "));
    }
    forms
}

pub(super) fn terminations(plan: &Plan) -> Vec<String> {
    by_name(plan, "Terminations", &with(plan, Action::Terminate).collect::<Vec<_>>())
}

pub(super) fn replacements(plan: &Plan) -> Vec<String> {
    by_name(plan, "Replacements", &with(plan, Action::Replace).collect::<Vec<_>>())
}

fn problem(problem: &Problem, limit: usize) -> String {
    let place = problem.place.as_ref().map(|place| format!(" ({})", code(&safe::clip(&place.to_string(), limit))));
    let hint = problem.hint.as_ref().map(|hint| format!("<br>{}", prose(&safe::clip(hint, limit))));
    let message = prose(&safe::clip(&problem.message, limit));
    format!("{message}{}{}", place.unwrap_or_default(), hint.unwrap_or_default())
}

/// Whole, with long messages cut, the first of them, counted.
fn problems(heading: &str, total: usize, entry: impl Fn(usize) -> Vec<String>) -> Vec<String> {
    let mut forms = listed(heading, total, entry(usize::MAX));
    if let [_, some, count] = forms.as_mut_slice() {
        let cut = listed(heading, total, entry(200));
        let mut cut = cut.into_iter();
        let (whole, short) = (cut.next().unwrap_or_default(), cut.next().unwrap_or_default());
        let count = std::mem::take(count);
        *some = whole;
        forms.truncate(2);
        forms.extend([short, count]);
    }
    forms
}

pub(super) fn refusals(plan: &Plan) -> Vec<String> {
    let entries =
        |limit| plan.refusals.iter().map(|refusal| format!("**Refused:** {}", problem(refusal, limit))).collect();
    problems("Refused", plan.refusals.len(), entries)
}

pub(super) fn findings(plan: &Plan, full: bool) -> Vec<String> {
    let groups = group::findings(plan, full);
    let behind = group::blocked_behind(plan);
    let entries = |limit| {
        let mut entries: Vec<String> = groups.iter().map(|group| finding(group, limit)).collect();
        for change in &plan.pending {
            let what = summary::pending(change, group::account(plan, &change.address));
            entries.push(format!(
                "pending for {}: {}",
                code(&change.address.to_string()),
                code(&safe::clip(&what, limit))
            ));
        }
        if !behind.is_empty() {
            let names = addresses(&behind, limit == usize::MAX);
            entries.push(format!("blocked because they depend on these: {names}"));
        }
        entries
    };
    problems("Needs attention", plan.findings.len(), entries)
}

fn finding(group: &[&Finding], limit: usize) -> String {
    let names: Vec<&Address> = group.iter().map(|finding| &finding.address).collect();
    let Some(first) = group.first() else { return String::new() };
    let blocks = if first.blocks { ", blocked" } else { "" };
    format!("{}{blocks}: {}", addresses(&names, limit == usize::MAX), problem(&first.problem, limit))
}

fn addresses(names: &[&Address], all: bool) -> String {
    let told = if all || names.len() <= 3 { names.len() } else { 2 };
    let mut words: Vec<String> = names.iter().take(told).map(|name| code(&name.to_string())).collect();
    if told < names.len() {
        words.push(format!("… {} more", names.len() - told));
    }
    words.join(", ")
}

/// What is done, the old and the new holder, and whom it is done to.
type Handover<'a> = ((Action, String, String), Vec<&'a Address>);

/// Who hands over what to whom, and as whom products are changed.
pub(super) fn holders(plan: &Plan, full: bool) -> Vec<String> {
    let mut rows: Vec<Handover<'_>> = Vec::new();
    let mut places = BTreeMap::new();
    for change in &plan.changes {
        let account = group::account(plan, &change.address);
        for field in change.fields.iter().filter(|f| matches!(f.name, FieldName::Owner | FieldName::LaunchRole)) {
            let show = |side| safe::clip(&value::shown(side, &field.name, account), 300);
            let key = (field.action, show(&field.before), show(&field.after));
            let place = if full { rows.len() } else { *places.entry(key.clone()).or_insert(rows.len()) };
            match rows.get_mut(place) {
                Some((_, names)) => names.push(&change.address),
                None => rows.push((key, vec![&change.address])),
            }
        }
    }
    if rows.is_empty() {
        return Vec::new();
    }
    let head = "#### Owners and launch roles\n\n";
    let table = |all: bool| {
        let mut text = format!("{head}| product | change | from | to |\n|---|---|---|---|\n");
        for ((action, before, after), names) in &rows {
            let who = table_names(names, all);
            let what = cell(&format!("{} {}", action.symbol(), action.word()));
            text.push_str(&format!("| {who} | {what} | {} | {} |\n", cell(before), cell(after)));
        }
        text
    };
    let count = |action| with(plan, action).count();
    let counts = format!(
        "{head}{}, {}; _the table was left out for want of space, {WHOLE}._\n",
        summary::count(count(Action::SetOwner), "owner", "owners"),
        summary::count(count(Action::SetLaunchRole), "launch role", "launch roles")
    );
    vec![table(true), table(false), counts]
}

fn table_names(names: &[&Address], all: bool) -> String {
    let told = if all || names.len() <= 3 { names.len() } else { 2 };
    let mut words: Vec<String> = names.iter().take(told).map(|name| cell(&name.to_string())).collect();
    if told < names.len() {
        words.push(format!("… {} more", names.len() - told));
    }
    let count = if names.len() > 1 { format!("{}: ", summary::products(names.len())) } else { String::new() };
    count + &words.join(", ")
}

pub(super) fn ledger(plan: &Plan) -> Vec<String> {
    let (adopted, others) = group::ledger_only(plan);
    let total = adopted.iter().map(Vec::len).sum::<usize>() + others.len();
    let mut entries = Vec::new();
    for group in adopted {
        let names: Vec<&Address> = group.iter().map(|change| &change.address).collect();
        let fields = group.first().map(|first| declared(plan, first)).unwrap_or_default();
        entries.push(format!("adopt {}: {}{fields}", summary::products(names.len()), addresses(&names, true)));
        entries.extend(group.first().into_iter().flat_map(|first| &first.notes).map(|note| prose(note)));
    }
    for change in others {
        let words: Vec<&str> = change.actions.iter().map(|action| action.word()).collect();
        let address = code(&change.address.to_string());
        entries.push(format!("{} {address}{}", words.join(", "), declared(plan, change)));
    }
    listed("Ledger only", total, entries).into_iter().step_by(2).collect()
}

/// What a change tells the ledger.
fn declared(plan: &Plan, change: &Change) -> String {
    let show = |side, name| code(&safe::clip(&value::shown(side, name, group::account(plan, &change.address)), 300));
    let fields = change.fields.iter().map(|field| {
        let (before, after) = (show(&field.before, &field.name), show(&field.after, &field.name));
        format!("; {} {before} → {after}", code(&value::full_label(&field.name)))
    });
    fields.collect()
}

pub(super) fn drift(plan: &Plan, full: bool) -> Vec<String> {
    let entry = |drift: &crate::plan::Drift| {
        let account = group::account(plan, &drift.address);
        let show = |side| code(&safe::clip(&value::shown(side, &drift.field, account), 300));
        let evidence = drift.evidence.as_ref().map(|evidence| format!(", {}", prose(&safe::clip(evidence, 300))));
        let field = code(&value::full_label(&drift.field));
        let (address, evidence) = (code(&drift.address.to_string()), evidence.unwrap_or_default());
        format!("{address} {field} {} → {}{evidence}", show(&drift.before), show(&drift.now))
    };
    let mut entries: Vec<String> = plan.drift.iter().map(entry).collect();
    if !full && entries.len() > ROWS {
        entries.truncate(ROWS);
        entries.push(format!("… {} more; {WHOLE}", plan.drift.len() - ROWS));
    }
    listed("Changed outside tenure", plan.drift.len(), entries)
}

pub(super) fn unsettled(plan: &Plan) -> Vec<String> {
    let entries =
        plan.unsettled.iter().map(|text| prose(&safe::clip(text, 1_000))).map(|text| format!("from before: {text}"));
    listed("Unsettled", plan.unsettled.len(), entries.collect())
}

pub(super) fn warnings(plan: &Plan) -> Vec<String> {
    let entries = plan.warnings.iter().map(|warning| format!("warning: {}", problem(warning, 1_000)));
    listed("Warnings", plan.warnings.len(), entries.collect())
}

pub(super) fn steps(plan: &Plan, full: bool) -> Vec<String> {
    if plan.steps.is_empty() {
        return Vec::new();
    }
    let rows = group::steps(plan, full);
    let (told, left) = rows.split_at(if full { rows.len() } else { rows.len().min(ROWS) });
    let mut lines: Vec<String> = told.iter().map(|row| step(row)).collect();
    if !left.is_empty() {
        let rest = || left.iter().flat_map(|row| row.iter());
        lines.push(format!("… {} more: {}", rest().count(), group::kinds(rest())));
    }
    let count = summary::count(plan.steps.len(), "step", "steps");
    let kinds = group::kinds(plan.steps.iter());
    vec![
        details(&count, &fence("text", &lines.join("\n"))),
        format!("{count}: {kinds}. _Their order was left out for want of space; {WHOLE}._\n"),
    ]
}

fn step(row: &[crate::model::Step]) -> String {
    let (Some(first), Some(last)) = (row.first(), row.last()) else { return String::new() };
    let (number, who) = if row.len() == 1 {
        (first.id.to_string(), safe::line(&first.address.to_string()))
    } else {
        (format!("{}–{}", first.id, last.id), summary::products(row.len()))
    };
    let after = match first.after.is_empty() {
        true => String::new(),
        false => format!("    after {}", group::ranges(&first.after, 4)),
    };
    format!("{number}  {} {}   {who}{after}", first.kind.symbol(), first.words())
}
