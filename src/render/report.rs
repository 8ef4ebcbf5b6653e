//! How a run ended: what failed, what was not started, what still runs in the cloud, and what was done.

use std::collections::BTreeMap;

use super::line::{Line, Page};
use super::progress::subject;
use super::style::{Style, Tone};
use super::{safe, summary};
use crate::model::{Address, Event, StepKind};
use crate::problem::Problem;

/// Addresses of one kind that are named when a run ended well; after a failure all are.
const NAMED: usize = 20;

/// The report of a whole run from its events, the summary line last.
#[must_use]
pub fn report(events: &[Event], style: Style) -> String {
    let mut page = Page::new(style);
    let tally = Tally::of(events);
    failed(&mut page, events);
    not_started(&mut page, events);
    left_running(&mut page, events);
    waiting(&mut page, events);
    done(&mut page, events, tally.whole());
    page.gap();
    page.line(&Line::default().then(Tone::Strong, tally.sentence()));
    page.finish()
}

#[derive(Default)]
struct Tally {
    done: usize,
    unneeded: usize,
    recorded: usize,
    settled: usize,
    failed: usize,
    not_started: usize,
    left_running: usize,
    waiting: usize,
    interrupted: bool,
}

impl Tally {
    fn of(events: &[Event]) -> Self {
        let mut tally = Tally::default();
        for event in events {
            match event {
                Event::Succeeded { sent: true, .. } => tally.done += 1,
                Event::Succeeded { sent: false, .. } => tally.unneeded += 1,
                Event::Recorded { .. } => tally.recorded += 1,
                Event::Settled { .. } => tally.settled += 1,
                Event::Failed { .. } => tally.failed += 1,
                Event::NotStarted { .. } => tally.not_started += 1,
                Event::LeftRunning { .. } => tally.left_running += 1,
                Event::AwaitingApproval { .. } => tally.waiting += 1,
                Event::Interrupted => tally.interrupted = true,
                Event::Started { .. } | Event::Progress { .. } | Event::Waiting { .. } => {}
            }
        }
        tally
    }

    /// Whether everything that was planned has happened.
    fn whole(&self) -> bool {
        self.failed + self.not_started + self.left_running + self.waiting == 0 && !self.interrupted
    }

    fn sentence(&self) -> String {
        let counts = [
            (self.unneeded, "not needed (the result was there, nothing was sent)"),
            (self.recorded, "ledger only"),
            (self.settled, "settled from before"),
            (self.failed, "failed"),
            (self.not_started, "not started"),
            (self.left_running, "left running in the cloud"),
            (self.waiting, "waiting for approval"),
        ];
        let mut words = vec![summary::count(self.done, "step done", "steps done")];
        words.extend(counts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")));
        let head = match (self.interrupted, self.whole()) {
            (true, _) => "Interrupted",
            (false, true) => "Applied",
            (false, false) => "Applied in part",
        };
        format!("{head}: {}.", words.join(", "))
    }
}

/// A problem with its place and its way out.
pub(super) fn problem(page: &mut Page, indent: usize, problem: &Problem) {
    let place = problem.place.as_ref().map(|place| format!("{}: ", safe::line(&place.to_string())));
    let mut lead = place.unwrap_or_default();
    for line in safe::lines(&problem.message) {
        page.prose(indent, Tone::Plain, &format!("{}{line}", std::mem::take(&mut lead)));
    }
    for (number, line) in safe::lines(problem.hint.as_deref().unwrap_or_default()).enumerate() {
        let text = if number == 0 { format!("hint: {line}") } else { line };
        page.prose(indent, Tone::Dim, &text);
    }
}

/// The heading comes with the first entry.
fn section(page: &mut Page, heading: &str, first: &mut bool) {
    if std::mem::take(first) {
        page.heading(heading);
    }
}

fn entry(page: &mut Page, kind: StepKind, address: &Address) {
    page.line(&Line::indented(2).joined(subject(kind, address)));
}

fn failed(page: &mut Page, events: &[Event]) {
    let mut first = true;
    for event in events {
        if let Event::Failed { address, kind, problem, .. } = event {
            section(page, "Failed", &mut first);
            entry(page, *kind, address);
            self::problem(page, 6, problem);
        }
    }
}

/// Together by their reason: one failure may stand before hundreds.
fn not_started(page: &mut Page, events: &[Event]) {
    let mut reasons: Vec<(&str, Vec<(StepKind, &Address)>)> = Vec::new();
    let mut places = BTreeMap::new();
    for event in events {
        if let Event::NotStarted { address, kind, because, .. } = event {
            let place = *places.entry(because.as_str()).or_insert(reasons.len());
            match reasons.get_mut(place) {
                Some((_, steps)) => steps.push((*kind, address)),
                None => reasons.push((because, vec![(*kind, address)])),
            }
        }
    }
    let mut first = true;
    for (because, steps) in reasons {
        section(page, "Not started", &mut first);
        page.prose(2, Tone::Plain, &safe::lines(because).collect::<Vec<_>>().join(" "));
        by_kind(page, 6, &steps, usize::MAX);
    }
}

fn left_running(page: &mut Page, events: &[Event]) {
    let mut first = true;
    for event in events {
        if let Event::LeftRunning { address, kind, operation, .. } = event {
            section(page, "Left running in the cloud (the next run picks it up)", &mut first);
            let line = Line::indented(2).joined(subject(*kind, address));
            page.line(&line.then(Tone::Dim, format!("  {}", safe::line(operation))));
        }
    }
}

fn waiting(page: &mut Page, events: &[Event]) {
    let mut first = true;
    for event in events {
        if let Event::AwaitingApproval { address, kind, by, .. } = event {
            section(page, "Waiting for approval (apply again when it is given)", &mut first);
            let line = Line::indented(2).joined(subject(*kind, address));
            page.line(&line.then(Tone::Dim, format!("  by {}", safe::line(by))));
        }
    }
}

fn done(page: &mut Page, events: &[Event], whole: bool) {
    let mut steps = Vec::new();
    for event in events {
        if let Event::Succeeded { address, kind, sent: true, .. } = event {
            steps.push((*kind, address));
        }
    }
    if !steps.is_empty() {
        page.heading("Done");
        by_kind(page, 2, &steps, if whole { NAMED } else { usize::MAX });
    }
}

fn by_kind(page: &mut Page, indent: usize, steps: &[(StepKind, &Address)], named: usize) {
    let mut kinds: BTreeMap<StepKind, Vec<&Address>> = BTreeMap::new();
    for (kind, address) in steps {
        kinds.entry(*kind).or_default().push(address);
    }
    for (kind, addresses) in kinds {
        if let [one] = addresses[..] {
            page.line(&Line::indented(indent).joined(subject(kind, one)));
            continue;
        }
        let head = Line::indented(indent).then(Tone::from(kind), format!("{} {}", kind.symbol(), kind.word()));
        page.line(&head.then(Tone::Strong, format!("  {}", summary::products(addresses.len()))));
        let mut words: Vec<String> = addresses.iter().take(named).map(|a| safe::line(&a.to_string())).collect();
        if addresses.len() > named {
            words.push(format!("… {} more", addresses.len() - named));
        }
        page.list(indent + 4, &words);
    }
}

#[cfg(test)]
mod tests {
    use super::report;
    use crate::model::Event;
    use crate::render::{Style, samples};

    #[test]
    fn a_run_that_failed_in_part() {
        insta::assert_snapshot!(report(&samples::events(), Style::plain()));
    }

    #[test]
    fn a_narrow_terminal() {
        insta::assert_snapshot!(report(&samples::events(), Style { color: false, width: 50 }));
    }

    #[test]
    fn a_run_that_did_everything() {
        let mut events = samples::events();
        events.retain(|event| matches!(event, Event::Succeeded { .. } | Event::Recorded { .. }));
        insta::assert_snapshot!(report(&events, Style::plain()));
        assert_eq!(report(&[], Style::plain()), "Applied: 0 steps done.\n");
    }
}
