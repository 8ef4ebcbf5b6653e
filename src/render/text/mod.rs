//! A plan in a terminal: each change, the steps, what needs a person, and the summary last, where the eye is.

mod change;
mod sections;
mod steps;

use super::line::{Line, Page};
use super::style::{Style, Tone};
use super::{group, safe, summary};
use crate::model::Address;
use crate::plan::Plan;

/// How a plan is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextOptions {
    pub style: Style,
    /// Everything one by one: no groups, no cut lists or values.
    pub full: bool,
}

/// The whole plan as text for a terminal or a log.
#[must_use]
pub fn plan(plan: &Plan, o: &TextOptions) -> String {
    let mut page = Page::new(o.style);
    let terminated = group::terminated(plan);
    let (single, grouped): (Vec<_>, Vec<_>) =
        group::changes(plan, o.full).into_iter().partition(|group| group.len() == 1);
    for group in single.iter().chain(&grouped) {
        page.gap();
        change::block(&mut page, plan, &terminated, group, o.full);
    }
    change::ledger_only(&mut page, plan, o.full);
    steps::section(&mut page, plan, o.full);
    sections::attention(&mut page, plan, o.full);
    sections::drift(&mut page, plan, o.full);
    sections::unsettled(&mut page, plan);
    sections::warnings(&mut page, plan);
    sections::refusals(&mut page, plan);
    page.gap();
    page.line(&Line::default().then(Tone::Strong, summary::sentence(plan)));
    if plan.has_changes() {
        page.line(&Line::default().then(Tone::Dim, safe::line(&plan.digest)));
    }
    page.finish()
}

/// Up to three addresses, or two and how many more there are.
fn addresses<'a>(of: impl ExactSizeIterator<Item = &'a Address>, full: bool) -> Vec<String> {
    let total = of.len();
    let told = if full || total <= 3 { total } else { 2 };
    let mut words: Vec<String> = of.take(told).map(address).collect();
    if told < total {
        words.push(format!("… {} more (--full)", total - told));
    }
    words
}

fn address(address: &Address) -> String {
    safe::line(&address.to_string())
}

#[cfg(test)]
mod tests;
