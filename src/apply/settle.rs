//! What earlier runs left open, finished before anything new is planned.
//!
//! Settling looks first. A step whose result holds has succeeded; one whose operation is known is waited for; one that
//! was never seen to arrive is sent again with the same token, unless the world has moved on without it. There is no
//! other way back: whatever stays undone shows in the next plan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::arrival::{Verdict, accepted, look, vanished};
use super::doubt::{LOOKS_MIN, WINDOW};
use super::entries;
use super::flight::{FAILED_POLLS_MAX, confirm_transfer};
use super::send::{submit, unseal};
use super::{Context, elapsed};
use crate::ledger::Unsettled;
use crate::ledger::entry::{Entry, Failure};
use crate::model::secret::Sieve;
use crate::model::{Address, Argument, Desired, Event, Operation, OperationState, Pending, Request, StepKind, Value};
use crate::plan::secrets::{left_out, secrets};
use crate::problem::{Kind, Problem};
use crate::provider::{Provider, ProviderError};

const POLL_INTERVAL: Duration = Duration::from_secs(5);
/// How long an operation that cannot be seen is waited for: it may have been accepted a moment ago.
const HIDDEN_FOR: Duration = Duration::from_secs(60);
/// The time of a step whose declaration names none.
const USUAL_TIMEOUT: Duration = Duration::from_secs(3600);

/// What settling came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settled {
    /// Whether a write was sent: from then on the run may no longer end with an exit code that promises the opposite.
    pub wrote: bool,
    pub failed: u32,
    /// Still running, or not to be seen.
    pub open: u32,
    /// Whose change was handed in and not approved: asking once more is for a person to decide.
    pub refused: BTreeSet<Address>,
}

/// Settles every unsettled step of the ledger.
///
/// # Errors
/// The ledger cannot be written. A cloud that does not answer leaves its steps open.
pub async fn settle(context: &mut Context<'_>, desired: &Desired) -> Result<Settled, Problem> {
    let steps = context.journal.ledger().unsettled.clone();
    let mut settling =
        Settling { context, desired, settled: Settled::default(), waiting: BTreeMap::new(), looks: BTreeMap::new() };
    for (address, step) in &steps {
        let verdict = match &step.submitted {
            Some((operation, product)) => Verdict::Operation(accepted(operation, product)),
            None => settling.look(address, step).await,
        };
        settling.conclude(address, step, verdict).await?;
    }
    settling.wait(&steps).await?;
    Ok(settling.settled)
}

struct Settling<'a, 'c> {
    context: &'a mut Context<'c>,
    desired: &'a Desired,
    settled: Settled,
    /// Steps that wait for their operation, or for one that may be theirs.
    waiting: BTreeMap<Address, Option<Pending>>,
    /// How often nothing was found of a step that cannot be sent again.
    looks: BTreeMap<Address, u32>,
}

impl Settling<'_, '_> {
    fn provider(&self, address: &Address) -> Option<Arc<dyn Provider>> {
        self.context.providers.get(&address.target).map(Arc::clone)
    }

    async fn look(&self, address: &Address, step: &Unsettled) -> Verdict {
        let Some(provider) = self.provider(address) else {
            return Verdict::Unclear(format!("the files have no target `{}`", address.target));
        };
        let looked = look(provider.as_ref(), step).await;
        looked.unwrap_or_else(|error| Verdict::Unclear(error.into_problem().message))
    }

    /// Does what a verdict asks for. A step that needs time is put among those that wait.
    async fn conclude(&mut self, address: &Address, step: &Unsettled, verdict: Verdict) -> Result<(), Problem> {
        match verdict {
            Verdict::Resend => return self.resend(address, step).await,
            Verdict::Operation(operation) => return self.accept(address, step, operation).await,
            Verdict::Busy => _ = self.waiting.insert(address.clone(), None),
            Verdict::Holds { product, operation } => {
                let entry = entries::held(step.started.step, address, product, operation);
                return self.succeed(address, step, entry).await;
            }
            Verdict::NotThere => {
                let looks = self.looks.entry(address.clone()).or_default();
                *looks += 1;
                if *looks >= LOOKS_MIN && elapsed(step.at, self.context.clock.now()) >= WINDOW {
                    return self.fail(address, step, Failure::NotSent, "it never arrived").await;
                }
                self.waiting.insert(address.clone(), None);
            }
            Verdict::Superseded(why) => return self.fail(address, step, Failure::Superseded, &why).await,
            Verdict::Unclear(why) => self.leave(address, step, &format!("left open: {why}")),
        }
        Ok(())
    }

    /// Sends a step again with its own token.
    async fn resend(&mut self, address: &Address, step: &Unsettled) -> Result<(), Problem> {
        let Some(provider) = self.provider(address) else { return Ok(()) };
        let request = &step.started.request;
        if let Some(why) = secret_moved(address, request, self.desired) {
            return self.fail(address, step, Failure::Superseded, &why).await;
        }
        let sealed = match unseal(request, self.context.secrets) {
            Ok((sealed, _)) => sealed,
            Err(problem) => return self.fail(address, step, Failure::Superseded, &problem.message).await,
        };
        self.settled.wrote = true;
        let (clock, interrupt) = (Arc::clone(&self.context.clock), self.context.interrupt.clone());
        let error = match submit(provider.as_ref(), clock.as_ref(), &interrupt, &sealed, &step.started.token).await {
            Ok(operation) => return self.accept(address, step, operation).await,
            Err(error) => error,
        };
        let definite = matches!(&error, ProviderError::Rejected(problem) if problem.kind != Kind::Access);
        let message = self.told(address, step, &error.into_problem().message);
        if definite {
            return self.fail(address, step, Failure::Rejected, &message).await;
        }
        // It may have arrived when it was first sent: that it cannot be sent now says nothing about that.
        self.leave(address, step, &format!("left open: {message}"));
        Ok(())
    }

    async fn accept(&mut self, address: &Address, step: &Unsettled, operation: Operation) -> Result<(), Problem> {
        if operation.id.is_empty() && operation.state != OperationState::Running {
            // A termination that finds nothing to terminate has no operation, and nothing to wait for.
            let entry = entries::succeeded(step.started.step, address, &operation);
            return self.succeed(address, step, entry).await;
        }
        if step.submitted.is_none() {
            let entry = Entry::Submitted {
                step: step.started.step,
                address: address.clone(),
                operation: operation.id.clone(),
                product: operation.product_id.clone(),
            };
            self.context.append(vec![entry]).await?;
        }
        let (kind, after) = (step.started.kind, step.started.seen.clone());
        self.waiting.insert(address.clone(), Some(Pending { kind, operation, after }));
        Ok(())
    }

    async fn wait(&mut self, steps: &BTreeMap<Address, Unsettled>) -> Result<(), Problem> {
        let since = self.context.clock.now();
        let mut failed_polls = BTreeMap::new();
        while !self.waiting.is_empty() && !self.context.interrupted() {
            self.poll(&mut failed_polls, steps).await;
            self.conclude_ended(steps).await?;
            let busy: Vec<Address> =
                self.waiting.iter().filter(|(_, operation)| operation.is_none()).map(|(a, _)| a.clone()).collect();
            for address in busy {
                self.waiting.remove(&address);
                let verdict = self.look(&address, &steps[&address]).await;
                self.conclude(&address, &steps[&address], verdict).await?;
            }
            let waited = elapsed(since, self.context.clock.now());
            let overdue: Vec<Address> =
                self.waiting.keys().filter(|address| waited >= self.patience(address)).cloned().collect();
            for address in overdue {
                let pending = self.waiting.remove(&address).flatten();
                match self.has_vanished(&address, pending).await {
                    Some(verdict) => self.conclude(&address, &steps[&address], verdict).await?,
                    None => self.leave(&address, &steps[&address], "still running"),
                }
            }
            if !self.waiting.is_empty() {
                let names: Vec<String> = self.waiting.keys().map(ToString::to_string).collect();
                (self.context.tell)(&Event::Waiting { on: names.join(", ") });
                self.context.sleep(POLL_INTERVAL).await;
            }
        }
        self.settled.open += self.waiting.len() as u32;
        Ok(())
    }

    async fn has_vanished(&self, address: &Address, pending: Option<Pending>) -> Option<Verdict> {
        vanished(self.provider(address)?.as_ref(), pending?).await
    }

    /// How long a step is waited for.
    fn patience(&self, address: &Address) -> Duration {
        let hidden = |pending: &Pending| pending.operation.status == Operation::NOT_VISIBLE;
        if self.waiting.get(address).and_then(Option::as_ref).is_some_and(hidden) {
            return HIDDEN_FOR;
        }
        match self.context.journal.ledger().managed.get(address).map(|managed| managed.declaration.timeout_seconds) {
            None | Some(0) => USUAL_TIMEOUT,
            Some(seconds) => Duration::from_secs(seconds),
        }
    }

    /// Asks for the operations' present state. A target that keeps refusing has its steps left open.
    async fn poll(&mut self, failed: &mut BTreeMap<String, u32>, steps: &BTreeMap<Address, Unsettled>) {
        let mut by_target: BTreeMap<String, (Vec<Address>, Vec<Pending>)> = BTreeMap::new();
        for (address, pending) in self.waiting.iter().filter_map(|(address, pending)| Some((address, pending.clone()?)))
        {
            let (addresses, asked) = by_target.entry(address.target.clone()).or_default();
            addresses.push(address.clone());
            asked.push(pending);
        }
        for (target, (addresses, asked)) in by_target {
            let Some(provider) = self.context.providers.get(&target) else { continue };
            let error = match provider.poll(&asked).await {
                Ok(answers) => {
                    failed.remove(&target);
                    for (address, answer) in addresses.iter().zip(answers) {
                        if let Some(Some(pending)) = self.waiting.get_mut(address) {
                            pending.operation = answer;
                        }
                    }
                    continue;
                }
                Err(error) => error,
            };
            let failures = failed.entry(target.clone()).or_default();
            *failures += 1;
            if !matches!(error, ProviderError::Rejected(_)) && *failures < FAILED_POLLS_MAX {
                continue;
            }
            let message = error.into_problem().message;
            let its: Vec<Address> = self.waiting.keys().filter(|address| address.target == target).cloned().collect();
            for address in its {
                self.waiting.remove(&address);
                self.leave(&address, &steps[&address], &format!("left open: {message}"));
            }
        }
    }

    async fn conclude_ended(&mut self, steps: &BTreeMap<Address, Unsettled>) -> Result<(), Problem> {
        let polled: Vec<Address> =
            self.waiting.iter().filter(|(_, operation)| operation.is_some()).map(|(a, _)| a.clone()).collect();
        for address in polled {
            let Some(Some(mut pending)) = self.waiting.remove(&address) else { continue };
            let operation = &mut pending.operation;
            let step = &steps[&address];
            if operation.status == Operation::NOT_VISIBLE
                && let Some(provider) = self.provider(&address)
            {
                confirm_transfer(provider.as_ref(), &step.started.request, operation).await;
            }
            match &operation.state {
                OperationState::Running => _ = self.waiting.insert(address, Some(pending)),
                // People may take days.
                OperationState::Waiting(by) => {
                    let why = format!("waiting for approval by {by} ({})", operation.id);
                    self.leave(&address, step, &why);
                }
                OperationState::Failed(text) => {
                    let text = self.told(&address, step, text);
                    let message = format!("{} ended in failure: {text}", operation.id);
                    if step.started.kind == StepKind::Prepare {
                        self.settled.refused.insert(address.clone());
                    }
                    self.fail(&address, step, Failure::Operation, &message).await?;
                }
                OperationState::Succeeded => {
                    let entry = entries::succeeded(step.started.step, &address, operation);
                    self.succeed(&address, step, entry).await?;
                }
            }
        }
        Ok(())
    }

    /// What may be told of a cloud's text about a step. A secret that the step sent must be at hand for that: whoever sent
    /// it was another run.
    fn told(&self, address: &Address, step: &Unsettled, text: &str) -> String {
        let mut values = BTreeSet::new();
        let sent = step.started.request.parameters().into_iter().flatten();
        for (key, argument) in sent {
            if let Argument::Secret(secret) = argument {
                match (self.context.secrets)(secret) {
                    Ok(value) => _ = values.insert(value),
                    Err(_) => return left_out(key),
                }
            }
        }
        let kept = secrets(self.desired, self.context.journal.ledger(), address);
        values.extend(kept.iter().filter_map(|(_, secret)| (self.context.secrets)(secret).ok()));
        Sieve::new(values).mask(text)
    }

    async fn succeed(&mut self, address: &Address, step: &Unsettled, entry: Entry) -> Result<(), Problem> {
        self.context.append(vec![entry]).await?;
        self.tell(address, step, "succeeded".to_owned());
        Ok(())
    }

    async fn fail(
        &mut self,
        address: &Address,
        step: &Unsettled,
        reason: Failure,
        message: &str,
    ) -> Result<(), Problem> {
        self.settled.failed += 1;
        let entry =
            Entry::Failed { step: step.started.step, address: address.clone(), reason, message: message.to_owned() };
        self.context.append(vec![entry]).await?;
        let what = match reason {
            Failure::Superseded => format!("not carried on: {message}"),
            _ => format!("failed: {message}"),
        };
        self.tell(address, step, what);
        Ok(())
    }

    /// Nothing is written: the next run looks again.
    fn leave(&mut self, address: &Address, step: &Unsettled, why: &str) {
        self.settled.open += 1;
        self.tell(address, step, why.to_owned());
    }

    fn tell(&mut self, address: &Address, step: &Unsettled, outcome: String) {
        (self.context.tell)(&Event::Settled { address: address.clone(), kind: step.started.kind, outcome });
    }
}

/// A secret whose version has changed in the files since: sending the old request would bring the old version back.
fn secret_moved(address: &Address, request: &Request, desired: &Desired) -> Option<String> {
    let declared = desired.get(address)?.parameters.as_ref()?;
    request.parameters()?.iter().find_map(|(key, argument)| match (argument, declared.get(key).map(|v| &v.value)) {
        (Argument::Secret(sent), Some(Value::Secret(now))) if sent == now => None,
        (Argument::Secret(_), _) => Some(format!("the secret of `parameters.{key}` has changed since")),
        _ => None,
    })
}
