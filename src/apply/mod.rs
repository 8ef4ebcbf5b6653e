//! The loop: journal, submit, poll, journal, tell.
//!
//! One task and no shared state; the clouds do the overlapping. An entry is durable before its request is sent, so that
//! a run that dies anywhere is continued by the next one ([`mod@settle`]).
//!
//! | part | does |
//! |---|---|
//! | `run` | the loop, and what a step's end means for the others |
//! | `board` | which steps may start; pure |
//! | `look` | reads again what is about to be written to |
//! | `prepare` | from a step of the plan to a request that can be sent, or the reason why not; pure |
//! | `send` | one write, sent until its fate is known |
//! | `arrival` | whether a request whose acceptance nobody saw has arrived |
//! | `doubt` | requests whose answer was lost, where only looking tells |
//! | `declarations` | what is declared when every step of an address has succeeded; pure |
//! | `entries` | the ledger entries of steps; pure |
//! | `flight` | what the cloud has accepted and not finished |
//! | [`mod@settle`] | what earlier runs left open |

mod arrival;
mod board;
mod declarations;
mod doubt;
mod entries;
mod flight;
mod look;
mod prepare;
mod run;
mod send;
pub mod settle;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::ledger::Journal;
use crate::ledger::entry::Entry;
use crate::model::{Event, Report, SecretRef};
use crate::plan::Plan;
use crate::problem::Problem;
use crate::provider::Provider;
use run::Run;

/// The clouds of a project, by target.
pub type Providers = BTreeMap<String, Arc<dyn Provider>>;

/// Looks a secret's value up at the moment of sending.
pub type Secrets<'a> = &'a (dyn Fn(&SecretRef) -> Result<String, Problem> + Sync);

#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How many operations may run at once in each target.
    pub parallelism: usize,
    /// `--on-error stop`: nothing new is started after a failure.
    pub stop_on_error: bool,
}

/// What a run works with. Everything outside stands behind a seam.
pub struct Context<'a> {
    pub providers: &'a Providers,
    pub journal: &'a mut Journal,
    pub clock: Arc<dyn crate::seam::Clock>,
    pub secrets: Secrets<'a>,
    /// Becomes true when a person asks to stop.
    pub interrupt: watch::Receiver<bool>,
    pub tell: &'a mut dyn FnMut(&Event),
    pub settings: Settings,
}

impl Context<'_> {
    fn interrupted(&self) -> bool {
        *self.interrupt.borrow()
    }

    pub async fn append(&mut self, entries: Vec<Entry>) -> Result<(), Problem> {
        if entries.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        self.journal.append(now, entries).await
    }

    async fn sleep(&self, duration: Duration) {
        send::sleep(self.clock.as_ref(), &self.interrupt, duration).await;
    }
}

/// Carries out a plan. An error means that the ledger could not be written: nothing more is sent then.
pub async fn run(context: &mut Context<'_>, plan: &Plan) -> Result<Report, Problem> {
    context.append(plan.records.iter().chain(&plan.observed).cloned().collect()).await?;
    for change in plan.changes.iter().filter(|change| !change.actions.iter().any(|action| action.writes())) {
        let words: Vec<&str> = change.actions.iter().map(|action| action.word()).collect();
        (context.tell)(&Event::Recorded { address: change.address.clone(), what: words.join(", ") });
    }
    let mut run = Run::new(context, plan);
    while run.advance().await? {}
    Ok(run.finish().await)
}

fn elapsed(since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or_default()
}
