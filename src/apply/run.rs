//! The loop, and what the end of one step means for the others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use jiff::Timestamp;

use super::board::Board;
use super::declarations::Declarations;
use super::doubt::Doubt;
use super::entries;
use super::flight::Running;
use super::look::references;
use super::prepare::{Known, Prepared};
use super::send::{submit, unseal};
use super::{Context, elapsed};
use crate::ledger::entry::{Entry, Failure, Holdings};
use crate::model::secret::Sieve;
use crate::model::{
    Address, Event, Observation, Operation, OperationState, Query, Report, Request, Step, StepId, StepKind,
};
use crate::plan::Plan;
use crate::problem::Problem;
use crate::provider::ProviderError;

pub struct Run<'a, 'c> {
    pub context: &'a mut Context<'c>,
    pub plan: &'a Plan,
    pub board: Board<'a>,
    declarations: Declarations<'a>,
    pub running: BTreeMap<StepId, Running>,
    /// When the product of a ready step was last looked at.
    pub looked_at: BTreeMap<StepId, Timestamp>,
    pub seen: BTreeMap<String, Observation>,
    /// Products that this run knows by address: those of the ledger and its own provisions.
    pub ids: BTreeMap<Address, String>,
    pub operations: BTreeMap<Address, BTreeSet<String>>,
    /// What was handed in and approved, by address.
    pub prepared: BTreeMap<Address, String>,
    /// Steps whose request may or may not have arrived, where only looking tells.
    pub doubtful: BTreeMap<StepId, Doubt>,
    pub report: Report,
    /// By target: how many polls have failed in a row.
    pub failed_polls: BTreeMap<String, u32>,
    /// Nothing new is started any more, and why.
    stopping: bool,
    /// Targets in which nothing new is started any more, and why.
    closed: BTreeMap<String, String>,
    /// Secret values that were sent: an error text must not repeat one.
    sent_secrets: BTreeSet<String>,
    pub last_submit: Timestamp,
}

/// A step that is about to be sent: as it is journaled, and as it is sent.
struct Outgoing<'a> {
    step: &'a Step,
    sealed: Request,
    token: String,
}

/// What the last look before sending came to, for a step that is not sent.
enum Unsent {
    Already(String),
    Failed(Problem),
}

impl<'a, 'c> Run<'a, 'c> {
    pub fn new(context: &'a mut Context<'c>, plan: &'a Plan) -> Self {
        let managed = &context.journal.ledger().managed;
        let ids = managed.iter().map(|(address, managed)| (address.clone(), managed.id.clone())).collect();
        let prepared = &context.journal.ledger().prepared;
        let prepared = prepared.iter().map(|(address, prepared)| (address.clone(), prepared.id.clone())).collect();
        let last_submit = context.clock.now();
        Run {
            context,
            plan,
            board: Board::new(&plan.steps),
            declarations: Declarations::new(plan),
            running: BTreeMap::new(),
            looked_at: BTreeMap::new(),
            seen: BTreeMap::new(),
            ids,
            operations: BTreeMap::new(),
            prepared,
            doubtful: BTreeMap::new(),
            report: Report::default(),
            failed_polls: BTreeMap::new(),
            stopping: false,
            closed: BTreeMap::new(),
            sent_secrets: BTreeSet::new(),
            last_submit,
        }
    }

    pub fn step(&self, id: StepId) -> &'a Step {
        self.board.step(id)
    }

    pub fn known(&self) -> Known<'_> {
        Known {
            plan: self.plan,
            ids: &self.ids,
            operations: &self.operations,
            prepared: &self.prepared,
            secrets: self.context.secrets,
            sent_secrets: &self.sent_secrets,
        }
    }

    pub fn tell(&mut self, event: Event) {
        (self.context.tell)(&event);
    }

    /// One turn: start what can be started, then wait for what runs. False when there is nothing left to do.
    pub async fn advance(&mut self) -> Result<bool, Problem> {
        let left = !self.running.is_empty() || !self.doubtful.is_empty() || self.board.has_rest();
        if left && self.context.interrupted() {
            self.report.interrupted = true;
            self.tell(Event::Interrupted);
            return Ok(false);
        }
        if !self.stopping {
            self.start_ready().await?;
        }
        self.declare().await?;
        if self.running.is_empty() && self.doubtful.is_empty() {
            return Ok(!self.stopping && self.board.has_ready());
        }
        let pause = self.poll_interval();
        self.context.sleep(pause).await;
        self.poll().await?;
        self.resolve_doubts().await?;
        self.declare().await?;
        Ok(true)
    }

    /// Writes what is declared of addresses whose steps have all succeeded.
    async fn declare(&mut self) -> Result<(), Problem> {
        let due = self.declarations.take_due();
        self.context.append(due).await
    }

    /// Soon after a submit something may end soon; later it is enough to look now and then.
    fn poll_interval(&self) -> Duration {
        let quiet = elapsed(self.last_submit, self.context.clock.now());
        Duration::from_secs(match quiet.as_secs() {
            0..=9 => 2,
            10..=59 => 5,
            _ => 10,
        })
    }

    /// What is ready and finds room in its target.
    fn next_wave(&self) -> Vec<StepId> {
        let mut used: BTreeMap<&str, usize> = BTreeMap::new();
        for id in self.running.keys() {
            *used.entry(self.step(*id).address.target.as_str()).or_default() += 1;
        }
        let most = self.context.settings.parallelism;
        let room = |target| most.saturating_sub(used.get(target).copied().unwrap_or(0));
        self.board.ready().flat_map(|(target, ready)| ready.iter().take(room(target))).copied().collect()
    }

    async fn start_ready(&mut self) -> Result<(), Problem> {
        let mut wave = self.next_wave();
        if wave.is_empty() {
            return Ok(());
        }
        let unreadable = self.look(&wave).await;
        if !unreadable.is_empty() {
            wave.retain(|id| !self.left_unseen(*id, &unreadable));
        }
        let outgoing = self.journal_wave(&wave).await?;
        self.send(outgoing).await
    }

    /// Without a last look nothing may be sent: whether `id` is such a step, and if so its end.
    fn left_unseen(&mut self, id: StepId, unreadable: &BTreeMap<String, Problem>) -> bool {
        let step = self.step(id);
        let targets = references(&step.request).map(|address| &address.target).chain([&step.address.target]);
        let Some(problem) = targets.into_iter().find_map(|target| unreadable.get(target)) else { return false };
        for (target, problem) in unreadable {
            self.close(target, &problem.message);
        }
        self.board.take(id);
        self.lost(step, problem.clone());
        true
    }

    /// Nothing more is started in a target that cannot be read; the others go on.
    pub fn close(&mut self, target: &str, why: &str) {
        self.board.close(target);
        self.closed.entry(target.to_owned()).or_insert_with(|| format!("target `{target}` cannot be read: {why}"));
    }

    /// Prepares a wave and writes all its `Started` entries in one durable append.
    async fn journal_wave(&mut self, wave: &[StepId]) -> Result<Vec<Outgoing<'a>>, Problem> {
        let mut entries = Vec::new();
        let mut outgoing = Vec::new();
        let mut unsent = Vec::new();
        for id in wave {
            let step = self.step(*id);
            self.board.take(*id);
            let prepared = self.known().prepare(step, &self.seen);
            let token = self.context.journal.token(step.id, &step.address);
            let (request, end) = match prepared {
                Prepared::Send(request) => match unseal(&request, self.context.secrets) {
                    Ok((sealed, values)) => {
                        self.sent_secrets.extend(values);
                        outgoing.push(Outgoing { step, sealed, token: token.clone() });
                        (request, None)
                    }
                    Err(problem) => (request, Some(Err((Failure::NotSent, problem)))),
                },
                Prepared::Already(request, why) => (request, Some(Ok(why))),
                Prepared::Fail(request, failure, problem) => (request, Some(Err((failure, problem)))),
            };
            entries.extend(self.end_of_earlier(step));
            let before = self.seen_before(step, &request);
            entries.push(entries::started(step, request, token, before));
            match end {
                None => {}
                Some(Ok(why)) => {
                    let product = self.known().product_id(step).unwrap_or_default().to_owned();
                    entries.push(entries::already(step, product));
                    unsent.push((step, Unsent::Already(why)));
                }
                Some(Err((reason, problem))) => {
                    entries.push(entries::failed(step, reason, &problem));
                    unsent.push((step, Unsent::Failed(problem)));
                }
            }
        }
        self.context.append(entries).await?;
        for (step, end) in unsent {
            match end {
                Unsent::Already(why) => self.unneeded(step, why),
                Unsent::Failed(problem) => self.lost(step, problem),
            }
        }
        Ok(outgoing)
    }

    /// The end of what an earlier run has handed in for the same product: this plan carries it out, because it was
    /// approved a moment ago, or replaces it.
    fn end_of_earlier(&self, step: &Step) -> Option<Entry> {
        let open = self.context.journal.ledger().unsettled.get(&step.address)?;
        let (number, address, id) = (open.started.step, step.address.clone(), open.handed_in()?.id);
        let requests = self.plan.steps.iter().filter(|other| other.address == address).map(|other| &other.request);
        requests.into_iter().find_map(|request| match request {
            Request::Execute { preparation, .. } if *preparation == id => {
                let product = open.submitted.as_ref().map(|(_, product)| product.clone()).unwrap_or_default();
                Some(entries::held(number, &address, product, Some(id.clone())))
            }
            Request::Prepare { supersedes: Some(earlier), .. } if *earlier == id => {
                Some(entries::superseded(number, &address, format!("{id} is superseded by what the files say now")))
            }
            _ => None,
        })
    }

    /// What the last look showed of the product before the step.
    fn seen_before(&self, step: &Step, request: &Request) -> Holdings {
        let seen = self.seen.get(&step.address.target);
        let product = seen.and_then(|seen| seen.products.get(request.product()));
        let role = seen.and_then(|seen| seen.launch_roles.get(request.product()));
        Holdings {
            owner: product.and_then(|product| product.owner.clone()),
            launch_role: role.cloned().flatten(),
            operation: product.and_then(|product| product.last_operation.clone()),
        }
    }

    /// Sends a wave at once and journals each answer as it comes, so that a slow one keeps none of the others from
    /// being durable.
    async fn send(&mut self, outgoing: Vec<Outgoing<'a>>) -> Result<(), Problem> {
        if outgoing.is_empty() {
            return Ok(());
        }
        let since = self.context.clock.now();
        self.last_submit = since;
        for out in &outgoing {
            self.tell(Event::Started {
                step: out.step.id,
                address: out.step.address.clone(),
                kind: out.step.kind,
                timeout: Duration::from_secs(out.step.timeout_seconds),
            });
        }
        let mut flying: FuturesUnordered<_> = outgoing
            .iter()
            .map(|out| {
                let provider = Arc::clone(&self.context.providers[&out.step.address.target]);
                let (clock, interrupt) = (Arc::clone(&self.context.clock), self.context.interrupt.clone());
                async move {
                    let answer = submit(provider.as_ref(), clock.as_ref(), &interrupt, &out.sealed, &out.token).await;
                    (out.step, answer)
                }
            })
            .collect();
        while let Some(first) = flying.next().await {
            let mut answers = vec![first];
            // Whatever has come meanwhile shares the append.
            while let Some(Some(more)) = flying.next().now_or_never() {
                answers.push(more);
            }
            self.answered(answers, since).await?;
        }
        drop(flying);
        self.settle_finished().await
    }

    /// Journals what the cloud made of some requests.
    async fn answered(
        &mut self,
        answers: Vec<(&'a Step, Result<Operation, ProviderError>)>,
        since: Timestamp,
    ) -> Result<(), Problem> {
        let mut entries = Vec::new();
        let mut accepted = Vec::new();
        let mut refused = Vec::new();
        let mut doubtful = Vec::new();
        for (step, answer) in answers {
            match answer {
                Ok(operation) => {
                    // A termination that finds nothing to terminate has no operation, and nothing to wait for.
                    if !operation.id.is_empty() || operation.state == OperationState::Running {
                        entries.push(Entry::Submitted {
                            step: step.id,
                            address: step.address.clone(),
                            operation: operation.id.clone(),
                            product: operation.product_id.clone(),
                        });
                    }
                    accepted.push((step, operation));
                }
                Err(ProviderError::Unknown(problem)) => doubtful.push((step, self.mask(Some(&step.address), problem))),
                Err(error) => {
                    let reason = match &error {
                        ProviderError::Throttled(_) => Failure::NotSent,
                        _ => Failure::Rejected,
                    };
                    let problem = self.mask(Some(&step.address), error.into_problem());
                    entries.push(entries::failed(step, reason, &problem));
                    refused.push((step, problem));
                }
            }
        }
        self.context.append(entries).await?;
        for (step, operation) in accepted {
            self.accepted(step, operation, since);
        }
        for (step, problem) in refused {
            self.lost(step, problem);
        }
        for (step, problem) in doubtful {
            if self.context.providers[&step.address.target].traits().replays_tokens {
                self.in_doubt(step, &problem);
            } else {
                self.doubtful.insert(step.id, Doubt { problem, since, looks: 0 });
            }
        }
        Ok(())
    }

    /// The cloud works on it.
    pub fn accepted(&mut self, step: &Step, operation: Operation, since: Timestamp) {
        let own = self.operations.entry(step.address.clone()).or_default();
        if !operation.id.is_empty() {
            own.insert(operation.id.clone());
        }
        if matches!(step.kind, StepKind::Provision | StepKind::Execute) && step.request.product().is_empty() {
            self.ids.insert(step.address.clone(), operation.product_id.clone());
        }
        let started = self.context.journal.ledger().unsettled.get(&step.address);
        let after = started.and_then(|open| open.started.seen.clone());
        self.running.insert(step.id, Running { operation, after, since });
    }

    /// The fate of a write is not known and could not be found out: the next run looks.
    pub fn in_doubt(&mut self, step: &Step, problem: &Problem) {
        self.report.left_running += 1;
        self.stopping |= self.context.settings.stop_on_error;
        self.tell(Event::LeftRunning {
            step: step.id,
            address: step.address.clone(),
            kind: step.kind,
            operation: format!("not known to have been accepted: {}", problem.message),
        });
        self.cut(step);
    }

    pub fn done(&mut self, step: &Step, since: Timestamp, note: Option<String>) {
        self.declarations.succeeded(&step.address);
        self.succeeded(step, since, note, true);
    }

    /// The result was there, and nothing was sent.
    fn unneeded(&mut self, step: &Step, why: String) {
        self.report.unneeded += 1;
        let now = self.context.clock.now();
        if matches!(step.request.change(), Request::Update { .. }) {
            self.declarations.keep_tags(&step.address, self.context.journal.ledger());
        }
        self.declarations.succeeded(&step.address);
        self.succeeded(step, now, Some(why), false);
    }

    fn succeeded(&mut self, step: &Step, since: Timestamp, note: Option<String>, sent: bool) {
        self.report.succeeded += 1;
        let elapsed = elapsed(since, self.context.clock.now());
        let (address, kind) = (step.address.clone(), step.kind);
        self.tell(Event::Succeeded { step: step.id, address, kind, elapsed, note, sent });
        self.board.succeeded(step.id);
    }

    pub fn lost(&mut self, step: &Step, problem: Problem) {
        self.report.failed += 1;
        self.stopping |= self.context.settings.stop_on_error;
        self.tell(Event::Failed { step: step.id, address: step.address.clone(), kind: step.kind, problem });
        self.cut(step);
    }

    pub fn cut(&mut self, step: &Step) {
        let because = format!("step {} ({} {}) has not succeeded", step.id, step.kind.word(), step.address);
        for id in self.board.cut(step.id) {
            self.not_started(id, because.clone());
        }
    }

    fn not_started(&mut self, id: StepId, because: String) {
        let step = self.step(id);
        self.report.not_started += 1;
        self.tell(Event::NotStarted { step: id, address: step.address.clone(), kind: step.kind, because });
    }

    /// What a cloud says of an address (of any, without one) without the secrets that this run sent, or that the address
    /// has and that are at hand.
    pub fn mask(&self, address: Option<&Address>, mut problem: Problem) -> Problem {
        let secrets = address.and_then(|address| self.plan.secrets.get(address)).into_iter().flatten();
        let at_hand = secrets.filter_map(|(_, secret)| (self.context.secrets)(secret).ok());
        let sieve = Sieve::new(self.sent_secrets.iter().cloned().chain(at_hand).collect());
        problem.message = sieve.mask(&problem.message);
        problem
    }

    pub async fn finish(mut self) -> Report {
        if self.report.interrupted {
            self.leave_all("the run was interrupted");
            self.leave_doubts();
        }
        let because = if self.report.interrupted { "the run was interrupted" } else { "the run was stopped" };
        for id in self.board.rest() {
            let closed = self.closed.get(&self.step(id).address.target).filter(|_| !self.report.interrupted);
            let because = closed.cloned().unwrap_or_else(|| because.to_owned());
            self.not_started(id, because);
        }
        self.verify_launch_roles().await;
        self.report
    }

    /// Whether an update resets the launch role to the constraint's is not documented, so it is read again.
    async fn verify_launch_roles(&mut self) {
        if self.report.interrupted {
            return;
        }
        let plan = self.plan;
        let named = |step: &&Step| step.kind == StepKind::Update && plan.launch_roles.contains_key(&step.address);
        let updates: Vec<&Step> =
            plan.steps.iter().filter(named).filter(|step| self.operations.contains_key(&step.address)).collect();
        let mut queries: BTreeMap<&str, Query> = BTreeMap::new();
        for step in &updates {
            let query = queries.entry(step.address.target.as_str()).or_default();
            query.launch_roles.insert(step.request.product().to_owned());
        }
        for (target, query) in queries {
            // What cannot be read now is compared by the next plan.
            let Ok(seen) = self.context.providers[target].observe(&query).await else { continue };
            for step in updates.iter().filter(|step| step.address.target == target) {
                let Some(Some(now)) = seen.launch_roles.get(step.request.product()) else { continue };
                if plan.launch_roles[&step.address] == *now {
                    continue;
                }
                self.report.failed += 1;
                let problem = Problem::failed(format!("the update left launch role {now} behind"))
                    .hint("apply again: it sets the launch role that the files name");
                let (step, address, kind) = (step.id, step.address.clone(), StepKind::SetLaunchRole);
                self.tell(Event::Failed { step, address, kind, problem });
            }
        }
    }
}
