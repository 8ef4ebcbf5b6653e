//! A plan as a comment on a pull request: the verdict first, what may hurt next, everything else folded.
//!
//! A comment has a size limit, and a plan has none. What does not fit is left out in a fixed order, from the least to
//! the most important, and every cut says so: first the details of single changes, then lists become counts, then the
//! lists of what needs a person are shortened, and the list of terminations comes last of all.

mod details;
mod escape;
mod sections;

pub(super) use escape::{cell, code};

use super::summary;
use crate::plan::Plan;

/// How a plan is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarkdownOptions {
    /// The text is never longer than this, in bytes.
    pub max_bytes: usize,
    /// Nothing is grouped, and values are cut only by the limit.
    pub full: bool,
}

impl Default for MarkdownOptions {
    /// Fits into a GitHub comment (65,536 characters) with room for a marker.
    fn default() -> Self {
        MarkdownOptions { max_bytes: 65_000, full: false }
    }
}

/// A part of the comment, in the order in which they stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Verdict,
    Terminations,
    Replacements,
    Refusals,
    Findings,
    Holders,
    Changes,
    Ledger,
    Drift,
    Unsettled,
    Warnings,
    Steps,
    Digest,
}

/// What gives way, in this order, when the comment is too long; the details of changes have gone before all of it.
const GIVES_WAY: [Part; 22] = {
    use Part::*;
    [
        Steps,
        Ledger,
        Drift,
        Warnings,
        Holders,
        Unsettled,
        Drift,
        Warnings,
        Unsettled,
        Holders,
        Findings,
        Refusals,
        Replacements,
        Findings,
        Refusals,
        Findings,
        Refusals,
        Terminations,
        Replacements,
        Replacements,
        Terminations,
        Terminations,
    ]
};

/// Each part in its forms, from the whole to the shortest.
struct Draft {
    parts: Vec<(Part, Vec<String>, usize)>,
}

impl Draft {
    fn part(&mut self, part: Part, forms: Vec<String>) {
        if forms.iter().any(|form| !form.is_empty()) {
            self.parts.push((part, forms, 0));
        }
    }

    fn give_way(&mut self, part: Part) {
        for (_, forms, at) in self.parts.iter_mut().filter(|(candidate, ..)| *candidate == part) {
            *at = (*at + 1).min(forms.len().saturating_sub(1));
        }
    }

    /// The texts in order, an empty line between them.
    fn text(&self) -> String {
        let texts: Vec<&str> =
            self.parts.iter().filter_map(|(_, forms, at)| forms.get(*at).map(String::as_str)).collect();
        texts.join("\n")
    }
}

/// The whole plan as Markdown of at most `max_bytes` bytes.
#[must_use]
pub fn plan(plan: &Plan, o: &MarkdownOptions) -> String {
    let blocks = details::blocks(plan, o.full);
    let mut draft = Draft { parts: Vec::new() };
    draft.part(Part::Verdict, vec![sections::verdict(plan)]);
    draft.part(Part::Terminations, sections::terminations(plan));
    draft.part(Part::Replacements, sections::replacements(plan));
    draft.part(Part::Refusals, sections::refusals(plan));
    draft.part(Part::Findings, sections::findings(plan, o.full));
    draft.part(Part::Holders, sections::holders(plan, o.full));
    draft.part(Part::Changes, vec![details::within(&blocks, 0)]);
    draft.part(Part::Ledger, sections::ledger(plan));
    draft.part(Part::Drift, sections::drift(plan, o.full));
    draft.part(Part::Unsettled, sections::unsettled(plan));
    draft.part(Part::Warnings, sections::warnings(plan));
    draft.part(Part::Steps, sections::steps(plan, o.full));
    draft.part(Part::Digest, vec![sections::digest(plan)]);
    let mut left = GIVES_WAY.iter();
    let mut size = draft.text().len();
    while size > o.max_bytes {
        match left.next() {
            Some(part) => draft.give_way(*part),
            None => return shortest(plan, o.max_bytes),
        }
        size = draft.text().len();
    }
    // The rest of the space is for details, in the order of the plan.
    if let Some((_, forms, _)) = draft.parts.iter_mut().find(|(part, ..)| *part == Part::Changes) {
        let shortest = forms.first().map_or(0, String::len);
        *forms = vec![details::within(&blocks, o.max_bytes - size + shortest)];
    }
    draft.text()
}

/// The verdict alone: numbers and words without any markup, so that it may be cut anywhere.
fn shortest(plan: &Plan, max_bytes: usize) -> String {
    let mut text = format!("tenure: {}\n", summary::verdict(plan));
    let mut end = max_bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests;
