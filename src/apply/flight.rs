//! What the cloud has accepted and not finished.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;

use super::elapsed;
use super::entries;
use super::run::Run;
use crate::ledger::entry::Failure;
use crate::model::principal::is_owner;
use crate::model::{Event, Operation, OperationState, Pending, Query, Request, StepId, StepKind};
use crate::problem::Problem;
use crate::provider::{Provider, ProviderError};

/// How many polls of a target may fail in a row before its running operations are left to the cloud.
pub const FAILED_POLLS_MAX: u32 = 10;

pub struct Running {
    pub operation: Operation,
    /// The product's last operation before this one.
    pub after: Option<String>,
    pub since: Timestamp,
}

/// Whoever gives a product away may no longer see the operation that did it: the product itself tells. A product that
/// cannot be seen either has been given away, as far as anybody can tell; the operation then stays
/// [`Operation::NOT_VISIBLE`].
pub async fn confirm_transfer(provider: &dyn Provider, request: &Request, operation: &mut Operation) {
    let Request::SetOwner { id, owner, .. } = request else { return };
    let query = Query { confirm: BTreeSet::from([id.clone()]), ..Query::default() };
    // A look that fails says nothing; the next poll asks again.
    let Ok(answer) = provider.observe(&query).await else { return };
    match answer.products.get(id) {
        Some(product) if is_owner(owner, product) => {
            operation.state = OperationState::Succeeded;
            operation.status = "SUCCEEDED".to_owned();
        }
        // Still the old owner: the transfer is under way, and its time-out decides.
        Some(_) => {}
        None => operation.state = OperationState::Succeeded,
    }
}

impl Run<'_, '_> {
    pub(super) async fn poll(&mut self) -> Result<(), Problem> {
        let mut by_target: BTreeMap<&str, (Vec<StepId>, Vec<Pending>)> = BTreeMap::new();
        for (id, running) in &self.running {
            let step = self.step(*id);
            let (ids, pending) = by_target.entry(step.address.target.as_str()).or_default();
            let (operation, after) = (running.operation.clone(), running.after.clone());
            ids.push(*id);
            pending.push(Pending { kind: step.kind, operation, after });
        }
        let answers = join_all(by_target.iter().map(|(target, (_, pending))| {
            let provider = Arc::clone(&self.context.providers[*target]);
            async move { provider.poll(pending).await }
        }))
        .await;
        for ((target, (ids, _)), answer) in by_target.into_iter().zip(answers) {
            match answer {
                Ok(operations) => {
                    self.failed_polls.remove(target);
                    for (id, operation) in ids.into_iter().zip(operations) {
                        self.progress(id, operation);
                    }
                }
                Err(error) => self.unpolled(target, error),
            }
        }
        self.settle_finished().await?;
        self.leave_overdue();
        Ok(())
    }

    /// A target that does not tell how its operations are. They are left to the cloud when that does not pass.
    fn unpolled(&mut self, target: &str, error: ProviderError) {
        let failures = self.failed_polls.entry(target.to_owned()).or_default();
        *failures += 1;
        if !matches!(error, ProviderError::Rejected(_)) && *failures < FAILED_POLLS_MAX {
            return;
        }
        let problem = self.mask(None, error.into_problem());
        self.close(target, &problem.message);
        let its: Vec<StepId> =
            self.running.keys().copied().filter(|id| self.step(*id).address.target == target).collect();
        for id in its {
            self.leave(id, &problem.message);
        }
    }

    fn progress(&mut self, id: StepId, operation: Operation) {
        let now = self.context.clock.now();
        let Some(running) = self.running.get_mut(&id) else { return };
        let status = operation.status.clone();
        let ended = operation.state != OperationState::Running;
        let found = running.operation.id.is_empty() && !operation.id.is_empty();
        running.operation = operation;
        let elapsed = elapsed(running.since, now);
        let operation = running.operation.id.clone();
        if found {
            let address = self.step(id).address.clone();
            self.operations.entry(address).or_default().insert(operation);
        }
        // How it ended is told as soon as it is in the ledger.
        if !ended {
            self.tell(Event::Progress { step: id, status, elapsed });
        }
    }

    /// Journals every operation that has ended, in one append, and unblocks what waited for it.
    pub(super) async fn settle_finished(&mut self) -> Result<(), Problem> {
        self.confirm_transfers().await;
        let finished: Vec<StepId> = self
            .running
            .iter()
            .filter(|(_, running)| running.operation.state != OperationState::Running)
            .map(|(id, _)| *id)
            .collect();
        let mut entries = Vec::new();
        let mut outcomes = Vec::new();
        for id in finished {
            let Some(Running { operation, since, .. }) = self.running.remove(&id) else { continue };
            let step = self.step(id);
            if let OperationState::Waiting(by) = &operation.state {
                self.awaits_approval(step, &operation.id, by);
                continue;
            }
            if step.kind == StepKind::Prepare {
                self.prepared.insert(step.address.clone(), operation.id.clone());
            } else if step.request.product().is_empty() && !operation.product_id.is_empty() {
                self.ids.insert(step.address.clone(), operation.product_id.clone());
            }
            if let OperationState::Failed(text) = &operation.state {
                let problem = Problem::failed(format!("{} ended in failure: {text}", operation.id));
                let problem = self.mask(Some(&step.address), problem);
                entries.push(entries::failed(step, Failure::Operation, &problem));
                outcomes.push((step, since, Err(problem)));
            } else {
                entries.push(entries::succeeded(id, &step.address, &operation));
                let unconfirmed = operation.status == Operation::NOT_VISIBLE;
                let note = unconfirmed.then(|| "accepted; this identity can no longer see it".to_owned());
                outcomes.push((step, since, Ok(note)));
            }
        }
        self.context.append(entries).await?;
        for (step, since, outcome) in outcomes {
            match outcome {
                Ok(note) => self.done(step, since, note),
                Err(problem) => self.lost(step, problem),
            }
        }
        Ok(())
    }

    /// Nobody waits for people: the step stays open, and the next run looks whether somebody has approved it.
    fn awaits_approval(&mut self, step: &crate::model::Step, operation: &str, by: &str) {
        self.report.waiting += 1;
        let by = format!("{by} ({operation})");
        let (id, address, kind) = (step.id, step.address.clone(), step.kind);
        self.tell(Event::AwaitingApproval { step: id, address, kind, by });
        self.cut(step);
    }

    async fn confirm_transfers(&mut self) {
        let plan = self.plan;
        let providers = self.context.providers;
        let hidden = self.running.iter_mut().filter(|(_, running)| {
            running.operation.status == Operation::NOT_VISIBLE && running.operation.state == OperationState::Running
        });
        join_all(hidden.map(|(id, running)| {
            let step = &plan.steps[id.0 as usize - 1];
            let request = match &step.request {
                // The product of a launch in this very plan has no id there.
                Request::SetOwner { owner, .. } => {
                    Request::SetOwner { id: running.operation.product_id.clone(), owner: owner.clone(), again: false }
                }
                other => other.clone(),
            };
            let provider = &providers[&step.address.target];
            async move { confirm_transfer(provider.as_ref(), &request, &mut running.operation).await }
        }))
        .await;
    }

    /// Steps that outlived their time stay with the cloud; the next run picks them up.
    fn leave_overdue(&mut self) {
        let now = self.context.clock.now();
        let overdue: Vec<StepId> = self
            .running
            .iter()
            .filter(|(id, running)| elapsed(running.since, now) >= Duration::from_secs(self.step(**id).timeout_seconds))
            .map(|(id, _)| *id)
            .collect();
        for id in overdue {
            self.leave(id, "its timeout has passed");
        }
    }

    pub(super) fn leave_all(&mut self, why: &str) {
        let all: Vec<StepId> = self.running.keys().copied().collect();
        for id in all {
            self.leave(id, why);
        }
    }

    fn leave(&mut self, id: StepId, why: &str) {
        let Some(running) = self.running.remove(&id) else { return };
        let step = self.step(id);
        self.report.left_running += 1;
        let Operation { id: operation, product_id, .. } = running.operation;
        let what = if operation.is_empty() { product_id } else { operation };
        let (address, kind) = (step.address.clone(), step.kind);
        self.tell(Event::LeftRunning { step: id, address, kind, operation: format!("{what}: {why}") });
        self.cut(step);
    }
}
