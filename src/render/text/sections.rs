//! What a person has to know besides the changes: findings, drift, unsettled steps, warnings, refusals.

use super::super::line::{Line, Page, columns};
use super::super::style::Tone;
use super::super::{group, safe, summary, value};
use super::{address, addresses};
use crate::plan::{Finding, Plan};
use crate::problem::Problem;

/// Rows of drift that are shown without --full.
const ROWS: usize = 50;

pub(super) fn attention(page: &mut Page, plan: &Plan, full: bool) {
    if plan.findings.is_empty() {
        return;
    }
    page.heading("Needs attention");
    let behind = group::blocked_behind(plan);
    let only_one = plan.findings.iter().filter(|finding| finding.blocks).count() == 1;
    for group in group::findings(plan, full) {
        let more = if only_one { behind.len() } else { 0 };
        finding(page, &group, more, full);
        for change in group.iter().filter_map(|finding| pending(plan, finding)) {
            page.prose(6, Tone::Plain, &change);
        }
    }
    // Which of several findings stands before which address is not in the plan, so nobody is blamed for it.
    if !behind.is_empty() {
        let depend =
            if behind.len() == 1 { "is blocked because it depends" } else { "are blocked because they depend" };
        let text = format!("{} {depend} on what needs attention", summary::products(behind.len()));
        page.prose(2, Tone::Plain, &text);
        page.list(6, &addresses(behind.iter().copied(), full));
    }
}

fn finding(page: &mut Page, group: &[&Finding], more: usize, full: bool) {
    let Some(first) = group.first() else { return };
    let who = if let [one] = group { address(&one.address) } else { summary::products(group.len()) };
    let mut words = safe::lines(&first.problem.message);
    let line = Line::indented(2).then(Tone::Alert, "! ").then(Tone::Strong, who);
    let message = words.next().unwrap_or_default();
    if line.width() + 2 + columns(&message) <= page.style.width {
        page.line(&line.at_column(0).then(Tone::Plain, message));
    } else {
        page.line(&line);
        page.prose(6, Tone::Plain, &message);
    }
    for line in words {
        page.prose(6, Tone::Plain, &line);
    }
    if group.len() > 1 {
        page.list(6, &addresses(group.iter().map(|finding| &finding.address), full));
    }
    if first.blocks {
        let it = if group.len() == 1 { "it" } else { "them" };
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        page.prose(6, Tone::Plain, &format!("blocks {it}{more}"));
    }
    hint(page, 6, &first.problem);
}

/// The changes that wait until nothing blocks the address.
fn pending(plan: &Plan, finding: &Finding) -> Option<String> {
    let change = plan.pending.iter().find(|change| finding.blocks && change.address == finding.address)?;
    Some(format!("pending: {}", summary::pending(change, group::account(plan, &change.address))))
}

fn hint(page: &mut Page, indent: usize, problem: &Problem) {
    for (number, line) in safe::lines(problem.hint.as_deref().unwrap_or_default()).enumerate() {
        let text = if number == 0 { format!("hint: {line}") } else { line };
        page.prose(indent, Tone::Dim, &text);
    }
}

pub(super) fn drift(page: &mut Page, plan: &Plan, full: bool) {
    if plan.drift.is_empty() {
        return;
    }
    page.heading("Changed outside tenure");
    let told = if full { plan.drift.len() } else { plan.drift.len().min(ROWS) };
    for drift in &plan.drift[..told] {
        let account = group::account(plan, &drift.address);
        let show = |side| safe::clip(&value::shown(side, &drift.field, account), 160);
        let line = Line::indented(2)
            .then(Tone::Strong, address(&drift.address))
            .then(Tone::Plain, format!("  {} {}", value::full_label(&drift.field), show(&drift.before)));
        let now = show(&drift.now);
        let fits = !page.style.is_narrow() && line.width() + 3 + columns(&now) <= page.style.width;
        let line = if fits {
            line.then(Tone::Dim, " → ").then(Tone::Plain, now)
        } else {
            page.line(&line);
            Line::indented(6).then(Tone::Dim, "→ ").then(Tone::Plain, now)
        };
        let evidence = safe::line(drift.evidence.as_deref().unwrap_or_default());
        if evidence.is_empty() || line.width() + 3 + columns(&evidence) <= page.style.width {
            page.line(&line.then(Tone::Dim, format!("   {evidence}")));
        } else {
            page.line(&line);
            page.prose(6, Tone::Dim, &evidence);
        }
    }
    if told < plan.drift.len() {
        page.line(&Line::indented(2).then(Tone::Dim, format!("… {} more (--full)", plan.drift.len() - told)));
    }
}

pub(super) fn unsettled(page: &mut Page, plan: &Plan) {
    if plan.unsettled.is_empty() {
        return;
    }
    page.heading("Unsettled");
    for text in &plan.unsettled {
        page.prose(2, Tone::Plain, &safe::line(text));
    }
}

pub(super) fn warnings(page: &mut Page, plan: &Plan) {
    if plan.warnings.is_empty() {
        return;
    }
    page.heading("Warnings");
    for warning in &plan.warnings {
        let place = warning.place.as_ref().map(|place| format!("{}: ", safe::line(&place.to_string())));
        let text = format!("{}{}", place.unwrap_or_default(), safe::line(&warning.message));
        page.prose(2, Tone::Plain, &text);
        hint(page, 6, warning);
    }
}

pub(super) fn refusals(page: &mut Page, plan: &Plan) {
    for refusal in &plan.refusals {
        page.gap();
        let place = refusal.place.as_ref().map(|place| format!(" ({})", safe::line(&place.to_string())));
        let text = format!("Refused: {}{}", safe::line(&refusal.message), place.unwrap_or_default());
        page.prose(0, Tone::Alert, &text);
        hint(page, 2, refusal);
    }
}
