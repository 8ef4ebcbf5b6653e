//! Requests whose answer was lost, on a cloud that does not know one that is sent again.
//!
//! Such a request is never repeated. The product tells whether it arrived, and what does not show within [`WINDOW`] was
//! never sent.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::arrival::{Verdict, look};
use super::elapsed;
use super::entries;
use super::run::Run;
use crate::ledger::entry::{Entry, Failure};
use crate::model::{Step, StepId};
use crate::problem::Problem;

/// How long a request whose answer was lost may take to show before it counts as never sent. The services time a request
/// out long before this.
pub const WINDOW: Duration = Duration::from_secs(120);
/// One look can come too early or meet a list that lags behind.
pub const LOOKS_MIN: u32 = 2;
/// What cannot be looked at for this long is left to the next run.
const PATIENCE: Duration = Duration::from_secs(300);

pub struct Doubt {
    /// Why its fate is not known.
    pub problem: Problem,
    pub since: Timestamp,
    pub looks: u32,
}

impl Run<'_, '_> {
    /// Looks whether the requests in doubt have arrived.
    pub(super) async fn resolve_doubts(&mut self) -> Result<(), Problem> {
        let all: Vec<StepId> = self.doubtful.keys().copied().collect();
        for id in all {
            let step = self.step(id);
            let Some(open) = self.context.journal.ledger().unsettled.get(&step.address).cloned() else { continue };
            let provider = Arc::clone(&self.context.providers[&step.address.target]);
            let verdict = look(provider.as_ref(), &open).await;
            let verdict = verdict.unwrap_or_else(|error| Verdict::Unclear(error.into_problem().message));
            self.resolve_doubt(step, verdict).await?;
        }
        self.settle_finished().await
    }

    async fn resolve_doubt(&mut self, step: &Step, verdict: Verdict) -> Result<(), Problem> {
        let Some(doubt) = self.doubtful.get_mut(&step.id) else { return Ok(()) };
        let (since, waited) = (doubt.since, elapsed(doubt.since, self.context.clock.now()));
        match verdict {
            Verdict::Operation(operation) => {
                self.doubtful.remove(&step.id);
                let entry = Entry::Submitted {
                    step: step.id,
                    address: step.address.clone(),
                    operation: operation.id.clone(),
                    product: operation.product_id.clone(),
                };
                self.context.append(vec![entry]).await?;
                self.accepted(step, operation, since);
            }
            Verdict::Holds { product, operation } => {
                self.doubtful.remove(&step.id);
                let entry = entries::held(step.id, &step.address, product, operation);
                self.context.append(vec![entry]).await?;
                self.done(step, since, None);
            }
            Verdict::Superseded(why) => {
                let problem = Problem::failed(why).hint("plan again to see how it is now");
                self.give_up(step, Failure::Superseded, problem).await?;
            }
            Verdict::NotThere => {
                doubt.looks += 1;
                if doubt.looks >= LOOKS_MIN && waited >= WINDOW {
                    let problem = Problem::failed(format!("it did not arrive: {}", doubt.problem.message))
                        .hint("nothing was changed; apply again");
                    self.give_up(step, Failure::NotSent, problem).await?;
                }
            }
            Verdict::Busy | Verdict::Resend | Verdict::Unclear(_) if waited < PATIENCE => {}
            Verdict::Busy | Verdict::Resend | Verdict::Unclear(_) => {
                if let Some(doubt) = self.doubtful.remove(&step.id) {
                    self.in_doubt(step, &doubt.problem);
                }
            }
        }
        Ok(())
    }

    async fn give_up(&mut self, step: &Step, reason: Failure, problem: Problem) -> Result<(), Problem> {
        self.doubtful.remove(&step.id);
        self.context.append(vec![entries::failed(step, reason, &problem)]).await?;
        self.lost(step, problem);
        Ok(())
    }

    /// The next run looks.
    pub(super) fn leave_doubts(&mut self) {
        for (id, doubt) in std::mem::take(&mut self.doubtful) {
            let step = self.step(id);
            self.in_doubt(step, &doubt.problem);
        }
    }
}
