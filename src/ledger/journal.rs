//! The only way to append.

use jiff::Timestamp;

use super::chain::{seal, sha256};
use super::entry::{Entry, Line};
use super::{Illegal, Ledger, Replay, replay};
use crate::model::{Address, StepId};
use crate::problem::{Kind, Problem};
use crate::seam::{Store, StoreError};

/// A ledger that this run holds the lease of.
pub struct Journal {
    store: Box<dyn Store>,
    run: String,
    ledger: Ledger,
    lines: Vec<Line>,
    set_aside: bool,
    /// An append was begun and not confirmed. What the store holds is then unknown, and an entry more could stand
    /// behind one that nobody knows of; the next run reads what is there.
    unsure: bool,
}

impl Journal {
    /// Takes the lease, reads everything, and sets a torn last line aside. `run` is this run's id.
    ///
    /// # Errors
    /// Somebody else holds the lease, or the ledger cannot be read or is damaged.
    pub async fn open(mut store: Box<dyn Store>, run: String) -> Result<Journal, Problem> {
        let location = store.location();
        store.lock().await.map_err(|error| problem(&error, &location))?;
        let Replay { ledger, lines, torn } = read(store.as_mut()).await?;
        if let Some(keep) = torn {
            store.set_aside(keep).await.map_err(|error| problem(&error, &location))?;
        }
        Ok(Journal { store, run, ledger, lines, set_aside: torn.is_some(), unsure: false })
    }

    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    #[must_use]
    pub fn lines(&self) -> &[Line] {
        &self.lines
    }

    /// Whether a torn last line was set aside when the journal was opened.
    #[must_use]
    pub fn set_aside(&self) -> bool {
        self.set_aside
    }

    /// Appends all of `entries` in one write, durable when this returns. An entry that cannot follow refuses them all
    /// before anything is written.
    ///
    /// # Errors
    /// An entry is illegal, or the store cannot be written. After the latter nothing more is appended in this run.
    pub async fn append(&mut self, at: Timestamp, entries: impl IntoIterator<Item = Entry>) -> Result<(), Problem> {
        let entries: Vec<Entry> = entries.into_iter().collect();
        if entries.is_empty() {
            return Ok(());
        }
        let location = self.store.location();
        if self.unsure {
            return Err(Problem::failed(format!("the ledger {location} could not be written earlier in this run"))
                .hint("run again: the next run reads what was written and settles what was started"));
        }
        let lines = self.rehearse(at, entries).map_err(|illegal| inconsistent(&illegal, &location))?;
        let text: String = lines.iter().map(Line::to_json_line).collect();
        self.unsure = true;
        self.store.append(text.as_bytes()).await.map_err(|error| problem(&error, &location))?;
        for line in lines {
            // What was legal in the rehearsal is legal here; were it not, the file would be ahead of the fold, and the
            // journal stays unsure.
            self.ledger.fold(&line).map_err(|illegal| inconsistent(&illegal, &location))?;
            self.lines.push(line);
        }
        self.unsure = false;
        Ok(())
    }

    /// The idempotency token of a step that is about to be started. Sent again after a crash it is the same, because
    /// it is read from its `Started`; a new attempt after a failure follows another entry and has another one. The
    /// clouds take letters, digits, `-` and `_`, up to 128 of them; this is 64 hexadecimal digits.
    #[must_use]
    pub fn token(&self, step: StepId, address: &Address) -> String {
        sha256(&[self.ledger.head.as_bytes(), format!("\n{step}\n{address}").as_bytes()])
    }

    /// Seals the entries, and folds them on the part of the ledger that they touch.
    fn rehearse(&self, at: Timestamp, entries: Vec<Entry>) -> Result<Vec<Line>, Illegal> {
        let mut trial = self.ledger.excerpt(&entries);
        let mut lines = Vec::with_capacity(entries.len());
        for entry in entries {
            let line = seal(entry, at, &self.run, &trial.head, trial.seq + 1);
            trial.fold(&line)?;
            lines.push(line);
        }
        Ok(lines)
    }
}

/// Reads without a lease, for whoever writes nothing. A torn last line is simply not there.
///
/// # Errors
/// The ledger cannot be read or is damaged.
pub async fn read(store: &mut dyn Store) -> Result<Replay, Problem> {
    let location = store.location();
    let bytes = store.read().await.map_err(|error| problem(&error, &location))?;
    replay(&bytes, &location)
}

fn problem(error: &StoreError, location: &str) -> Problem {
    match error {
        StoreError::Unreadable(why) => Problem::failed(format!("the ledger {location} cannot be read: {why}"))
            .hint("nothing was sent; make it readable, or correct `[ledger] location`"),
        StoreError::Unwritable(why) => Problem::failed(format!("the ledger {location} cannot be written: {why}")).hint(
            "what is not in the ledger is not sent; remove the cause and run again, which settles what was started",
        ),
        StoreError::Held(who) => Problem::new(Kind::Held, format!("the ledger {location} is held by {who}"))
            .hint("wait until that run ends, then run again; `tenure plan` needs no lease"),
    }
}

fn inconsistent(illegal: &Illegal, location: &str) -> Problem {
    Problem::failed(format!("the ledger {location} refuses what this run wants to write: {illegal}"))
        .hint("nothing of it was written; please report this, it is a fault of tenure and not of your files")
}
