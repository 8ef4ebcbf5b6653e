//! The order of things: numbered steps and what each waits for.

use super::super::line::{Line, Page, columns};
use super::super::style::Tone;
use super::super::{group, summary};
use super::address;
use crate::model::Step;
use crate::plan::Plan;

/// Rows that are shown without --full: more is not read, and the changes above have it all.
const ROWS: usize = 40;

pub(super) fn section(page: &mut Page, plan: &Plan, full: bool) {
    if plan.steps.is_empty() {
        return;
    }
    page.heading("Steps");
    let rows = group::steps(plan, full);
    let (told, left) = rows.split_at(if full || rows.len() <= ROWS { rows.len() } else { ROWS });
    let singles = || told.iter().filter_map(|row| if let [step] = row { Some(step) } else { None });
    let numbers = singles().map(|step| step.id.to_string().len()).max().unwrap_or(0);
    let words = singles().map(|step| step.words().len()).max().unwrap_or(0);
    let names = singles().map(|step| columns(&address(&step.address))).max().unwrap_or(0).min(48);
    for row in told {
        let line = match row {
            [step] => single(step, numbers, words, names),
            _ => several(row),
        };
        page.line(&line);
    }
    if !left.is_empty() {
        let rest = || left.iter().flat_map(|row| row.iter());
        let text = format!("… {} more (--full): {}", rest().count(), group::kinds(rest()));
        page.prose(2, Tone::Dim, &text);
    }
}

fn single(step: &Step, numbers: usize, words: usize, names: usize) -> Line {
    let line = Line::indented(2).then(Tone::Plain, format!("{:>numbers$}", step.id.0)).at_column(numbers + 4);
    // Symbol, word and address stand in columns of their own: the symbol takes two, the word as much as the longest.
    let address_at = line.width() + 2 + words + 3;
    let line = line
        .then(Tone::from(step.kind), format!("{} {}", step.kind.symbol(), step.words()))
        .at_column(address_at)
        .then(Tone::Plain, address(&step.address));
    if step.after.is_empty() {
        return line;
    }
    line.at_column(address_at + names + 4).then(Tone::Dim, format!("after {}", group::ranges(&step.after, 4)))
}

fn several(row: &[Step]) -> Line {
    let (Some(first), Some(last)) = (row.first(), row.last()) else { return Line::default() };
    let mut line = Line::indented(2)
        .then(Tone::Plain, format!("{}–{}  ", first.id, last.id))
        .then(Tone::from(first.kind), format!("{} {}", first.kind.symbol(), first.words()))
        .then(Tone::Plain, format!("   {}", summary::products(row.len())));
    if !first.after.is_empty() {
        line.push(Tone::Dim, format!("    after {}", group::ranges(&first.after, 4)));
    }
    line
}
