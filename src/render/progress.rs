//! A run while it happens, from its events.
//!
//! No clock is read here: every time comes with an event, so that a run in the sandbox's own time looks as it was.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::line::{Line, Page};
use super::style::{Style, Tone};
use super::{safe, time};
use crate::model::{Address, Event, StepId, StepKind};

/// How a run is shown while it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgressKind {
    /// A line for each running step that is redrawn in place. For a terminal.
    Live,
    /// A line for each thing that happens. For a log.
    Plain,
    /// Nothing.
    Quiet,
}

/// Listens to a run and shows it.
pub struct Progress {
    kind: ProgressKind,
    style: Style,
    writer: Box<dyn Write + Send>,
    bars: MultiProgress,
    running: BTreeMap<StepId, Running>,
}

/// A step that was started and has not ended.
struct Running {
    address: Address,
    kind: StepKind,
    timeout: Duration,
    /// The last status that was printed: a log has a line for each change only.
    status: String,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// The writer takes what stays; the lines that are redrawn go to the terminal on stderr by themselves.
    #[must_use]
    pub fn new(kind: ProgressKind, style: Style, writer: Box<dyn Write + Send>) -> Self {
        Progress { kind, style, writer, bars: MultiProgress::new(), running: BTreeMap::new() }
    }

    /// Shows one event. A log that cannot be written does not stop a run.
    pub fn tell(&mut self, event: &Event) {
        if self.kind == ProgressKind::Quiet {
            return;
        }
        match event {
            Event::Started { step, address, kind, timeout } => self.started(*step, address, *kind, *timeout),
            Event::Progress { step, status, elapsed } => self.progressed(*step, status, *elapsed),
            _ => {
                let (ended, text) = finished(event, self.style);
                if let Some(bar) = ended.and_then(|step| self.running.remove(&step)).and_then(|running| running.bar) {
                    bar.finish_and_clear();
                    self.bars.remove(&bar);
                }
                self.print(&text);
            }
        }
    }

    /// Ends the display: what is printed next is not drawn over.
    pub fn finish(self) {
        drop(self.bars.clear());
    }

    fn started(&mut self, step: StepId, address: &Address, kind: StepKind, timeout: Duration) {
        let bar = (self.kind == ProgressKind::Live).then(|| {
            let bar = self.bars.add(ProgressBar::new_spinner());
            // A template of one field is always valid; without it the bar would only look different.
            if let Ok(template) = ProgressStyle::with_template("{msg}") {
                bar.set_style(template);
            }
            bar
        });
        let running = Running { address: address.clone(), kind, timeout, status: String::new(), bar };
        match &running.bar {
            Some(bar) => bar.set_message(live(&running, "", Duration::ZERO, self.style)),
            None => {
                let line = subject(kind, address).then(Tone::Plain, "  started");
                let line = line.then(Tone::Dim, format!(" (timeout {})", time::duration(timeout)));
                self.print(&one(&line, self.style));
            }
        }
        self.running.insert(step, running);
    }

    fn progressed(&mut self, step: StepId, status: &str, elapsed: Duration) {
        let Some(running) = self.running.get_mut(&step) else { return };
        let changed = running.status != status;
        status.clone_into(&mut running.status);
        match &running.bar {
            Some(bar) => bar.set_message(live(running, status, elapsed, self.style)),
            None if !changed => {}
            None => {
                let line = subject(running.kind, &running.address)
                    .then(Tone::Plain, format!("  {}", safe::line(status)))
                    .then(Tone::Dim, format!(" after {}", time::duration(elapsed)));
                self.print(&one(&line, self.style));
            }
        }
    }

    fn print(&mut self, text: &str) {
        let writer = &mut self.writer;
        let mut write = || {
            drop(writer.write_all(text.as_bytes()));
            drop(writer.flush());
        };
        // The lines that are redrawn stand below, and make room.
        if self.kind == ProgressKind::Live { self.bars.suspend(write) } else { write() }
    }
}

/// Symbol, word and address.
pub(super) fn subject(kind: StepKind, address: &Address) -> Line {
    Line::default()
        .then(Tone::from(kind), format!("{} {}", kind.symbol(), kind.word()))
        .then(Tone::Strong, format!("  {}", safe::line(&address.to_string())))
}

/// The line of a running step: what it is, the cloud's word for its state, and how much of its time is gone.
fn live(running: &Running, status: &str, elapsed: Duration, style: Style) -> String {
    let clock = format!("{} / {}", time::duration(elapsed), time::duration(running.timeout));
    let line = subject(running.kind, &running.address).then(Tone::Plain, format!("  {}  ", safe::line(status)));
    one(&line.then(Tone::Dim, clock), style).trim_end().to_owned()
}

fn one(line: &Line, style: Style) -> String {
    let mut page = Page::new(style);
    page.line(line);
    page.finish()
}

/// The step that an event ends, if any, and the lines that tell it.
fn finished(event: &Event, style: Style) -> (Option<StepId>, String) {
    let mut page = Page::new(style);
    let mut ended = None;
    match event {
        Event::Started { .. } | Event::Progress { .. } => {}
        Event::Settled { address, kind, outcome } => {
            page.line(&subject(*kind, address).then(Tone::Plain, format!("  from before: {}", safe::line(outcome))));
        }
        Event::Succeeded { step, address, kind, elapsed, note, .. } => {
            ended = Some(*step);
            let line = subject(*kind, address).then(Tone::Plain, format!("  done in {}", time::duration(*elapsed)));
            let note = note.as_ref().map(|note| format!(" ({})", safe::line(note))).unwrap_or_default();
            page.line(&line.then(Tone::Dim, note));
        }
        Event::Failed { step, address, kind, problem } => {
            ended = Some(*step);
            page.line(&subject(*kind, address).then(Tone::Alert, "  failed"));
            super::report::problem(&mut page, 4, problem);
        }
        Event::NotStarted { address, kind, because, .. } => {
            let line = subject(*kind, address).then(Tone::Plain, "  not started: ");
            page.line(&line.then(Tone::Plain, safe::line(because)));
        }
        Event::LeftRunning { step, address, kind, operation } => {
            ended = Some(*step);
            let line = subject(*kind, address).then(Tone::Plain, "  left running in the cloud  ");
            page.line(&line.then(Tone::Dim, safe::line(operation)));
        }
        Event::AwaitingApproval { step, address, kind, by } => {
            ended = Some(*step);
            let line = subject(*kind, address).then(Tone::Plain, "  waiting for approval by ");
            page.line(&line.then(Tone::Plain, safe::line(by)));
        }
        Event::Interrupted => {
            let text = "interrupted: nothing new is started; what runs in the cloud goes on there";
            page.line(&Line::default().then(Tone::Alert, text));
        }
        Event::Recorded { address, what } => {
            let line = Line::default().then(Tone::Plain, format!("<- {}", safe::line(what)));
            let line = line.then(Tone::Strong, format!("  {}", safe::line(&address.to_string())));
            page.line(&line.then(Tone::Dim, "  ledger only"));
        }
        Event::Waiting { on } => page.line(&Line::default().then(Tone::Dim, format!("waiting: {}", safe::line(on)))),
    }
    (ended, page.finish())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::{Progress, ProgressKind, Running, live};
    use crate::model::{Address, StepKind};
    use crate::render::{Style, samples};

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().map_or(Ok(0), |mut kept| kept.write(bytes))
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn told(kind: ProgressKind, style: Style) -> String {
        let kept = Kept::default();
        let mut progress = Progress::new(kind, style, Box::new(kept.clone()));
        for event in samples::events() {
            progress.tell(&event);
        }
        let bytes = kept.0.lock().map(|kept| kept.clone()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[test]
    fn a_log_has_a_line_for_each_thing_that_happens() {
        insta::assert_snapshot!(told(ProgressKind::Plain, Style::plain()));
    }

    #[test]
    fn quiet_is_quiet_and_a_terminal_keeps_what_has_ended() {
        assert_eq!(told(ProgressKind::Quiet, Style::plain()), "");
        let kept = told(ProgressKind::Live, Style::plain());
        assert!(kept.contains("done in 3s") && !kept.contains("(timeout"), "{kept}");
    }

    #[test]
    fn a_live_line_says_how_much_time_is_gone() {
        let address = Address::new("network", "prod");
        let timeout = Duration::from_secs(3600);
        let running = Running { address, kind: StepKind::Update, timeout, status: String::new(), bar: None };
        let line = live(&running, "IN_PROGRESS\u{1b}[2J", Duration::from_secs(90), Style::plain());
        assert_eq!(line, "~ update  network@prod  IN_PROGRESS\\u{1b}[2J  1m 30s / 1h");
    }
}
