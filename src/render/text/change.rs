//! One change, or several equal ones, as a block; and the changes that only the ledger sees, a line each.

use std::collections::BTreeMap;

use super::super::line::{Line, Page, columns};
use super::super::style::Tone;
use super::super::value::{self, Sides, Sign};
use super::super::{group, safe, summary};
use super::{address, addresses};
use crate::model::Address;
use crate::plan::{Action, Change, Field, FieldName, Plan, Shown};

/// Where values begin unless a longer name pushes them to the right.
const VALUES: usize = 19;
/// Lines of one value that are shown without --full.
const VALUE_LINES: usize = 120;

/// The block of a group of equal changes.
pub(super) fn block(
    page: &mut Page,
    plan: &Plan,
    terminated: &BTreeMap<&Address, Vec<&str>>,
    group: &[&Change],
    full: bool,
) {
    let Some(first) = group.first() else { return };
    let block = Block {
        account: group::account(plan, &first.address),
        column: value_column(first, page.style.width),
        new: first.actions.iter().any(|action| matches!(action, Action::Provision | Action::Replace)),
        ids: group::ids(first, terminated),
        full,
    };
    let everyone = addresses(group.iter().map(|change| &change.address), full);
    // One single decision for many needs no header: the decision is the header.
    let one_line = matches!(first.actions[..], [Action::SetOwner | Action::SetLaunchRole]) && first.fields.len() == 1;
    let count = (group.len() > 1).then(|| summary::products(group.len()));
    if count.is_none() || !one_line {
        header(page, first, group, count.as_deref());
    }
    if count.is_some() && !one_line {
        page.list(4, &everyone);
    }
    for action in &first.actions {
        block.action(page, first, *action, count.as_deref().filter(|_| one_line));
    }
    if count.is_some() && one_line {
        page.list(6, &everyone);
    }
    for note in &first.notes {
        note_below(page, 6, Tone::Dim, note);
    }
}

fn header(page: &mut Page, first: &Change, group: &[&Change], count: Option<&str>) {
    let mut line = Line::indented(2).then(Tone::Strong, "# ");
    line.push(Tone::Strong, count.map_or_else(|| address(&first.address), str::to_owned));
    if group.iter().all(|change| change.product == first.product) && !first.product.is_empty() {
        line.push(Tone::Plain, format!("  {}", safe::line(&first.product)));
    }
    page.line(&line);
}

fn label_end(field: &Field) -> usize {
    match &field.name {
        FieldName::Parameter(_) | FieldName::Tag(_) => 8 + columns(&value::label(&field.name)),
        FieldName::LaunchRole | FieldName::Owner => 0,
        other => 6 + columns(&value::label(other)),
    }
}

/// One column for all values of a block; a few very long names do not push everything to the right.
fn value_column(change: &Change, width: usize) -> usize {
    let longest = change.fields.iter().map(label_end).max().unwrap_or(0) + 2;
    longest.clamp(VALUES, (width / 2).clamp(VALUES, 44))
}

fn note_below(page: &mut Page, indent: usize, tone: Tone, note: &str) {
    for line in safe::lines(note) {
        page.prose(indent, tone, &line);
    }
}

/// What the lines of one block have in common.
struct Block<'a> {
    account: Option<&'a str>,
    column: usize,
    /// It does not exist yet: an old value would say nothing.
    new: bool,
    ids: Vec<&'a str>,
    full: bool,
}

impl Block<'_> {
    fn action(&self, page: &mut Page, change: &Change, action: Action, count: Option<&str>) {
        let mut fields: Vec<&Field> = change.fields.iter().filter(|field| field.action == action).collect();
        let line = Line::indented(2).then(Tone::from(action), format!("{} {}", action.symbol(), action.word()));
        match action {
            Action::SetOwner | Action::SetLaunchRole => {
                let name = if action == Action::SetOwner { FieldName::Owner } else { FieldName::LaunchRole };
                match fields.iter().position(|field| field.name == name) {
                    Some(place) => self.value(page, line, fields.remove(place), count),
                    None => page.line(&line),
                }
            }
            Action::Terminate => {
                let (names, rest): (Vec<&Field>, Vec<&Field>) =
                    fields.into_iter().partition(|field| field.name == FieldName::Name);
                let names = names.iter().map(|field| value::shown(&field.before, &field.name, None));
                page.line(&identified(line.at_column(self.column), names.collect(), &self.ids));
                fields = rest;
            }
            Action::Provision | Action::Update => page.line(&line),
            Action::Replace => {
                page.line(&identified(line.at_column(self.column), Vec::new(), &self.ids));
                page.prose(6, Tone::Dim, "the new one first; the old one is terminated when nothing depends on it");
            }
            Action::Adopt | Action::Move | Action::Forget | Action::Declare => {
                let mut line = line.at_column(self.column);
                let told = declared(&fields, self.account);
                if !told.is_empty() {
                    line.push(Tone::Plain, format!("{told}   "));
                }
                page.line(&line.then(Tone::Dim, "ledger only"));
                return;
            }
        }
        self.fields(page, &fields);
    }

    fn fields(&self, page: &mut Page, fields: &[&Field]) {
        let is_parameter = |field: &&&Field| matches!(field.name, FieldName::Parameter(_));
        let is_tag = |field: &&&Field| matches!(field.name, FieldName::Tag(_));
        for field in fields.iter().filter(|field| !is_parameter(field) && !is_tag(field)) {
            self.value(page, Line::indented(6).then(Tone::Plain, value::label(&field.name)), field, None);
        }
        let groups: [(&str, Vec<_>); 2] = [
            ("parameters", fields.iter().filter(is_parameter).collect()),
            ("tags", fields.iter().filter(is_tag).collect()),
        ];
        for (word, fields) in groups.iter().filter(|(_, fields)| !fields.is_empty()) {
            page.line(&Line::indented(6).then(Tone::Plain, *word));
            for field in fields {
                self.value(page, Line::indented(8).then(Tone::Plain, value::label(&field.name)), field, None);
            }
        }
    }

    /// Old and new behind a label: on one line where they fit, else on two, or as a difference of lines.
    fn value(&self, page: &mut Page, label: Line, field: &Field, count: Option<&str>) {
        let width = page.style.width;
        match value::sides(field, self.account, width) {
            Sides::Lines(lines) => {
                page.line(&label);
                self.diff(page, &lines);
            }
            Sides::Inline { before, after } => {
                let alone = self.new && field.before == Shown::Absent;
                let start = label.at_column(self.column);
                let at = start.width();
                let together = at + columns(&before) + 3 + columns(&after);
                let mut line = if alone {
                    start.then(Tone::Plain, after)
                } else if page.style.is_narrow() || together > width {
                    page.line(&start.then(Tone::Plain, before));
                    Line::indented(at.saturating_sub(2)).then(Tone::Dim, "→ ").then(Tone::Plain, after)
                } else {
                    start.then(Tone::Plain, before).then(Tone::Dim, " → ").then(Tone::Plain, after)
                };
                if let Some(count) = count {
                    line.push(Tone::Strong, format!("       {count}"));
                }
                return self.noted(page, line, field);
            }
        }
        self.remarks(field).into_iter().for_each(|(tone, text)| note_below(page, 12, tone, &text));
    }

    /// Why there is a difference, and whose change it undoes.
    fn remarks(&self, field: &Field) -> Vec<(Tone, String)> {
        let note = field.note.clone().map(|note| (Tone::Dim, note));
        let drift = value::drift(field, self.account).map(|drift| (Tone::Change, drift));
        note.into_iter().chain(drift).collect()
    }

    /// The remarks behind a value, or below it where they do not fit.
    fn noted(&self, page: &mut Page, line: Line, field: &Field) {
        let remarks = self.remarks(field);
        if let [(tone, text)] = remarks.as_slice()
            && !text.contains('\n')
            && line.width() + 6 + columns(text) <= page.style.width
        {
            return page.line(&line.then(*tone, format!("      {}", safe::line(text))));
        }
        page.line(&line);
        let indent = if page.style.is_narrow() { 10 } else { self.column };
        remarks.into_iter().for_each(|(tone, text)| note_below(page, indent, tone, &text));
    }

    fn diff(&self, page: &mut Page, lines: &[value::DiffLine]) {
        let told = if self.full { lines.len() } else { lines.len().min(VALUE_LINES) };
        for line in &lines[..told] {
            let tone = match line.sign {
                Sign::Same => Tone::Plain,
                Sign::Minus => Tone::Remove,
                Sign::Plus => Tone::Add,
                Sign::Gap => Tone::Dim,
            };
            let text = if line.sign == Sign::Gap {
                line.text.clone()
            } else {
                format!("{} {}", line.sign.symbol(), line.text)
            };
            page.line(&Line::indented(10).then(tone, text));
        }
        if told < lines.len() {
            page.line(&Line::indented(10).then(Tone::Dim, format!("… {} more lines (--full)", lines.len() - told)));
        }
    }
}

fn identified(mut line: Line, names: Vec<String>, ids: &[&str]) -> Line {
    if !names.is_empty() {
        line.push(Tone::Plain, format!("{}  ", names.join(", ")));
    }
    line.then(Tone::Dim, ids.iter().map(|id| safe::line(id)).collect::<Vec<_>>().join(", "))
}

fn declared(fields: &[&Field], account: Option<&str>) -> String {
    let one = |field: &&Field| {
        let (before, after) =
            (value::shown(&field.before, &field.name, account), value::shown(&field.after, &field.name, account));
        match field.name {
            FieldName::Address => format!("{before} → {after}"),
            _ => format!("{} {before} → {after}", value::full_label(&field.name)),
        }
    };
    fields.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// A line of the ledger and what it declares, which stands below where it does not fit.
fn recorded(page: &mut Page, line: Line, told: &str) {
    const ONLY: &str = "ledger only";
    let gap = if line.width() > VALUES { "   " } else { "" };
    if told.is_empty() {
        return page.line(&line.then(Tone::Dim, format!("{gap}{ONLY}")));
    }
    if line.width() + columns(gap) + columns(told) + 3 + ONLY.len() <= page.style.width {
        return page.line(&line.then(Tone::Plain, format!("{gap}{told}   ")).then(Tone::Dim, ONLY));
    }
    page.line(&line.then(Tone::Dim, format!("{gap}{ONLY}")));
    page.prose(6, Tone::Plain, told);
}

/// Changes without a cloud write, one line each; adoptions that declare the same are one line together.
pub(super) fn ledger_only(page: &mut Page, plan: &Plan, full: bool) {
    let (adopted, others) = group::ledger_only(plan);
    if adopted.is_empty() && others.is_empty() {
        return;
    }
    page.gap();
    let start = |action: Action| {
        Line::indented(2).then(Tone::from(action), format!("{} {}", action.symbol(), action.word())).at_column(VALUES)
    };
    for group in &adopted {
        let told = group.first().map(|first| {
            let fields: Vec<&Field> = first.fields.iter().collect();
            declared(&fields, group::account(plan, &first.address))
        });
        let told = told.unwrap_or_default();
        if full || group.len() == 1 {
            for change in group {
                let ids: Vec<&str> = change.id.as_deref().into_iter().collect();
                recorded(page, identified(start(Action::Adopt), vec![address(&change.address)], &ids), &told);
            }
        } else {
            recorded(page, start(Action::Adopt).then(Tone::Strong, summary::products(group.len())), &told);
            page.list(6, &addresses(group.iter().map(|change| &change.address), false));
        }
        let notes = group.first().into_iter().flat_map(|first| &first.notes);
        notes.for_each(|note| note_below(page, 6, Tone::Dim, note));
    }
    for change in others {
        for action in &change.actions {
            let fields: Vec<&Field> = change.fields.iter().filter(|field| field.action == *action).collect();
            let mut line = start(*action);
            // A move names both addresses itself.
            if *action != Action::Move || fields.is_empty() {
                line.push(Tone::Plain, address(&change.address));
            }
            recorded(page, line, &declared(&fields, group::account(plan, &change.address)));
        }
        for note in &change.notes {
            note_below(page, 6, Tone::Dim, note);
        }
    }
}
