//! The details of single changes: a folded diff each.

use super::super::value::{self, Sides, Sign};
use super::super::{group, safe, summary};
use super::escape::{code, details, fence, html_code};
use crate::plan::{Action, Change, Field, FieldName, Plan, Shown};

/// Lines of one value, and characters of one line, without `full`.
const VALUE_LINES: usize = 60;
const VALUE_LENGTH: usize = 1_000;

/// One folded block for each change, or group of equal changes, that the lists above do not tell whole.
pub(super) fn blocks(plan: &Plan, full: bool) -> Vec<(usize, String)> {
    let told = |change: &Change| match change.actions[..] {
        [Action::Terminate] => change.fields.iter().all(|field| field.name == FieldName::Name),
        _ => {
            change.notes.is_empty()
                && change.fields.iter().all(|field| field.note.is_none() && field.drift.is_none())
                && change.actions.iter().all(|action| matches!(action, Action::SetOwner | Action::SetLaunchRole))
        }
    };
    let groups = group::changes(plan, full).into_iter().filter(|group| !group.iter().all(|change| told(change)));
    groups.map(|group| (group.len(), block(plan, &group, full))).collect()
}

fn block(plan: &Plan, group: &[&Change], full: bool) -> String {
    let Some(first) = group.first() else { return String::new() };
    let who = match group {
        [one] => html_code(&one.address.to_string()),
        _ => summary::products(group.len()),
    };
    let actions =
        first.actions.iter().map(|a| format!("{} {}", a.symbol().replace('<', "&lt;").replace('>', "&gt;"), a.word()));
    let mut head = format!("{who} {}", actions.collect::<Vec<_>>().join(", "));
    if group.iter().all(|change| change.product == first.product) && !first.product.is_empty() {
        head.push_str(&format!(" – {}", html_code(&first.product)));
    }
    let mut body = String::new();
    if group.len() > 1 {
        let names: Vec<String> = group.iter().map(|change| code(&change.address.to_string())).collect();
        body = format!("{}\n\n", names.join(", "));
    }
    body.push_str(&fence("diff", &diff(plan, first, full)));
    details(&head, &body)
}

fn diff(plan: &Plan, change: &Change, full: bool) -> String {
    let account = group::account(plan, &change.address);
    let new = change.actions.iter().any(|action| matches!(action, Action::Provision | Action::Replace));
    let mut lines = Vec::new();
    for action in &change.actions {
        let ledger = if action.writes() { "" } else { " (ledger only)" };
        lines.push(format!("{} {}{ledger}", action.symbol(), action.word()));
        for field in change.fields.iter().filter(|field| field.action == *action) {
            self::field(&mut lines, field, account, new, full);
        }
    }
    lines.extend(change.notes.iter().flat_map(|note| safe::lines(note)).map(|note| format!("! {note}")));
    lines.join("\n")
}

fn field(lines: &mut Vec<String>, field: &Field, account: Option<&str>, new: bool, full: bool) {
    let label = value::full_label(&field.name);
    let clip = |text: &str| if full { text.to_owned() } else { safe::clip(text, VALUE_LENGTH) };
    match value::sides(field, account, usize::MAX) {
        Sides::Inline { before, after } => {
            if !(new && field.before == Shown::Absent) {
                lines.push(format!("- {label} = {}", clip(&before)));
            }
            lines.push(format!("+ {label} = {}", clip(&after)));
        }
        Sides::Lines(all) => {
            lines.push(format!("  {label}:"));
            let told = if full { all.len() } else { all.len().min(VALUE_LINES) };
            lines.extend(all[..told].iter().map(|line| match line.sign {
                Sign::Gap => line.text.clone(),
                sign => format!("{} {}", sign.symbol(), clip(&line.text)),
            }));
            if told < all.len() {
                lines.push(format!("  … {} more lines (tenure plan --full)", all.len() - told));
            }
        }
    }
    lines.extend(safe::lines(field.note.as_deref().unwrap_or_default()).map(|note| format!("! {note}")));
    lines.extend(value::drift(field, account));
}

/// As many blocks as fit into `budget` bytes, and what was left out.
pub(super) fn within(blocks: &[(usize, String)], budget: usize) -> String {
    if blocks.is_empty() {
        return String::new();
    }
    let head = "#### Changes\n\n";
    let whole: usize = blocks.iter().map(|(_, text)| text.len() + 1).sum();
    let note = |told: usize, left: usize| {
        let products = match (told, left) {
            (0, 1) => "1 product".to_owned(),
            (0, _) => format!("{left} products"),
            (_, 1) => "1 other product".to_owned(),
            (_, _) => format!("{left} other products"),
        };
        format!("{head}_Left out for want of space: the details of {products}. `tenure plan --full` shows them._\n")
    };
    let all: usize = blocks.iter().map(|(products, _)| products).sum();
    if head.len() + whole <= budget {
        return head.to_owned() + &blocks.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("\n");
    }
    // The longest note that any cut may need.
    let mut room = budget.saturating_sub(note(1, all).len() + 1);
    let (mut text, mut told) = (String::new(), 0);
    for (products, block) in blocks {
        if block.len() + 1 > room {
            continue;
        }
        room -= block.len() + 1;
        text.push('\n');
        text.push_str(block);
        told += products;
    }
    note(told, all - told) + &text
}
