//! The loop: journal, submit, poll, journal, tell.
//!
//! One task and no shared state; the clouds do the overlapping. An entry is durable before its request is sent, so that
//! a run that dies anywhere is continued by the next one ([`settle`]).

mod board;
mod prepare;
pub mod settle;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::ledger::Journal;
use crate::ledger::entry::{Entry, Failure, Holdings, Started, Succeeded};
use crate::model::{
    Address, Argument, Event, Observation, Operation, OperationState, Piece, Query, Report, Request, SecretRef, Step,
    StepId, StepKind,
};
use crate::plan::{Plan, is_owner};
use crate::problem::Problem;
use crate::provider::{Provider, ProviderError};
use board::Board;
use prepare::{Known, Prepared};

/// The clouds of a project, by target.
pub type Providers = BTreeMap<String, Arc<dyn Provider>>;

/// Looks a secret's value up at the moment of sending.
pub type Secrets<'a> = &'a (dyn Fn(&SecretRef) -> Result<String, Problem> + Sync);

/// How often a write whose fate is unknown, or that is throttled, is sent again with the same token.
const SENDS_MAX: u32 = 6;
/// How many polls may fail in a row before running operations are left to the cloud.
const FAILED_POLLS_MAX: u32 = 10;

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

    async fn append(&mut self, entries: Vec<Entry>) -> Result<(), Problem> {
        if entries.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        self.journal.append(now, entries).await
    }

    /// Sleeps, or less if a person asks to stop.
    async fn sleep(&mut self, duration: Duration) {
        let clock = Arc::clone(&self.clock);
        tokio::select! {
            biased;
            () = clock.sleep(duration) => {}
            () = async { while !*self.interrupt.borrow() { if self.interrupt.changed().await.is_err() { std::future::pending::<()>().await; } } } => {}
        }
    }
}

/// Carries out a plan. An error means that the ledger could not be written: nothing more is sent then.
pub async fn run(context: &mut Context<'_>, plan: &Plan) -> Result<Report, Problem> {
    context.append(plan.records.clone()).await?;
    for change in plan.changes.iter().filter(|change| !change.actions.iter().any(|action| action.writes())) {
        let words: Vec<&str> = change.actions.iter().map(|action| action.word()).collect();
        (context.tell)(&Event::Recorded { address: change.address.clone(), what: words.join(", ") });
    }
    let mut run = Run::new(context, plan);
    while run.advance().await? {}
    run.finish().await
}

struct Running {
    operation: Operation,
    since: Timestamp,
}

struct Run<'a, 'c> {
    context: &'a mut Context<'c>,
    plan: &'a Plan,
    board: Board,
    running: BTreeMap<StepId, Running>,
    /// Ready steps whose product was looked at again after they became ready.
    looked_at: BTreeSet<StepId>,
    seen: BTreeMap<String, Observation>,
    /// Products that this run knows by address: those of the plan's base and its own provisions.
    ids: BTreeMap<Address, String>,
    operations: BTreeMap<Address, BTreeSet<String>>,
    report: Report,
    failed_polls: u32,
    stopping: bool,
    /// Secret values that were sent: an error text must not repeat one.
    sent_secrets: BTreeSet<String>,
    last_submit: Timestamp,
}

/// A step that is about to be sent: as it is journaled, and as it is sent.
struct Outgoing<'a> {
    step: &'a Step,
    sealed: Request,
    token: String,
}

impl<'a, 'c> Run<'a, 'c> {
    fn new(context: &'a mut Context<'c>, plan: &'a Plan) -> Self {
        let managed = &context.journal.ledger().managed;
        let ids = managed.iter().map(|(address, managed)| (address.clone(), managed.id.clone())).collect();
        let last_submit = context.clock.now();
        Run {
            context,
            plan,
            board: Board::new(&plan.steps),
            running: BTreeMap::new(),
            looked_at: BTreeSet::new(),
            seen: BTreeMap::new(),
            ids,
            operations: BTreeMap::new(),
            report: Report::default(),
            failed_polls: 0,
            stopping: false,
            sent_secrets: BTreeSet::new(),
            last_submit,
        }
    }

    fn step(&self, id: StepId) -> &'a Step {
        // Steps are numbered from 1 in the plan's order.
        &self.plan.steps[id.0 as usize - 1]
    }

    fn tell(&mut self, event: Event) {
        (self.context.tell)(&event);
    }

    /// One turn: start what can be started, then wait for what runs. False when there is nothing left to do.
    async fn advance(&mut self) -> Result<bool, Problem> {
        if self.context.interrupted() && !self.report.interrupted {
            self.report.interrupted = true;
            self.tell(Event::Interrupted);
        }
        if self.report.interrupted {
            return Ok(false);
        }
        if !self.stopping {
            self.start_ready().await?;
        }
        if self.running.is_empty() {
            return Ok(!self.stopping && self.board.has_ready());
        }
        let pause = self.poll_interval();
        self.context.sleep(pause).await;
        self.poll().await?;
        Ok(true)
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

    async fn start_ready(&mut self) -> Result<(), Problem> {
        let ready: Vec<StepId> = self.board.ready().collect();
        let mut room: BTreeMap<&str, usize> = BTreeMap::new();
        for id in self.running.keys() {
            *room.entry(self.step(*id).address.target.as_str()).or_default() += 1;
        }
        let mut wave = Vec::new();
        for id in &ready {
            let used = room.entry(self.step(*id).address.target.as_str()).or_default();
            if *used < self.context.settings.parallelism {
                *used += 1;
                wave.push(*id);
            }
        }
        if wave.is_empty() {
            return Ok(());
        }
        if let Err(problem) = self.look(&ready, &wave).await {
            return self.unreadable(&wave, &problem).await;
        }
        let outgoing = self.journal_wave(&wave).await?;
        self.send(outgoing).await
    }

    /// Reads the products of all ready steps again, in bulk, and the outputs that this wave needs.
    async fn look(&mut self, ready: &[StepId], wave: &[StepId]) -> Result<(), Problem> {
        let known = Known { plan: self.plan, ids: &self.ids, operations: &self.operations };
        let mut queries: BTreeMap<&str, Query> = BTreeMap::new();
        for id in ready.iter().filter(|id| !self.looked_at.contains(id)) {
            let step = self.step(*id);
            let query = queries.entry(step.address.target.as_str()).or_default();
            let Some(product) = known.product_id(step) else { continue };
            query.confirm.insert(product.to_owned());
            // The launch that a plan begins with may have given the role already.
            if step.kind == StepKind::SetLaunchRole && step.request.product().is_empty() {
                query.launch_roles.insert(product.to_owned());
            }
        }
        for id in wave {
            let step = self.step(*id);
            for address in references(&step.request) {
                if let Some(product) = self.ids.get(address) {
                    queries.entry(address.target.as_str()).or_default().outputs.insert(product.clone());
                }
            }
        }
        for (target, query) in &mut queries {
            // A list answers for a hundred products at a time; single looks are better for a few.
            let pages = self.plan.listed.get(*target).copied().unwrap_or(0).div_ceil(100).max(1);
            if query.confirm.len() > pages {
                query.list = true;
                query.confirm.clear();
            }
        }
        let queries: Vec<(&str, Query)> = queries.into_iter().filter(|(_, query)| !query.is_empty()).collect();
        let answers = join_all(queries.iter().map(|(target, query)| {
            let provider = Arc::clone(&self.context.providers[*target]);
            async move { provider.observe(query).await }
        }))
        .await;
        for ((target, _), answer) in queries.iter().zip(answers) {
            let observation = answer.map_err(ProviderError::into_problem)?;
            self.seen.entry((*target).to_owned()).or_default().merge(observation);
        }
        self.looked_at.extend(ready);
        Ok(())
    }

    /// Nothing was sent for these; without a last look nothing may be.
    async fn unreadable(&mut self, wave: &[StepId], problem: &Problem) -> Result<(), Problem> {
        self.stopping = true;
        for id in wave {
            let step = self.step(*id);
            self.board.take(step.id);
            self.report.failed += 1;
            self.tell(Event::Failed {
                step: step.id,
                address: step.address.clone(),
                kind: step.kind,
                problem: problem.clone(),
            });
            self.cut(step);
        }
        Ok(())
    }

    /// Prepares a wave and writes all its `Started` entries in one durable append.
    async fn journal_wave(&mut self, wave: &[StepId]) -> Result<Vec<Outgoing<'a>>, Problem> {
        let mut entries = Vec::new();
        let mut outgoing = Vec::new();
        let mut ended = Vec::new();
        let none = Observation::default();
        let seen_by_target = std::mem::take(&mut self.seen);
        for id in wave {
            let step = self.step(*id);
            self.board.take(*id);
            let seen = seen_by_target.get(&step.address.target).unwrap_or(&none);
            let known = Known { plan: self.plan, ids: &self.ids, operations: &self.operations };
            let prepared = known.prepare(step, seen, &seen.outputs);
            let (request, outcome) = match prepared {
                Prepared::Send(request) => match self.unseal(&request) {
                    Ok(sealed) => (request, Ok(Some(sealed))),
                    Err(problem) => (request, Err((Failure::NotSent, problem))),
                },
                Prepared::Already(request, why) => {
                    ended.push((step, Ok(why)));
                    (request, Ok(None))
                }
                Prepared::Fail(request, failure, problem) => (request, Err((failure, problem))),
            };
            let token = self.context.journal.token(step.id, &step.address);
            entries.push(started(step, request, token.clone(), seen));
            match outcome {
                Ok(Some(sealed)) => outgoing.push(Outgoing { step, sealed, token }),
                Ok(None) => entries.push(self.already(step)),
                Err((reason, problem)) => {
                    entries.push(failed(step, reason, &problem));
                    ended.push((step, Err(problem)));
                }
            }
        }
        self.seen = seen_by_target;
        self.context.append(entries).await?;
        let now = self.context.clock.now();
        for (step, outcome) in ended {
            match outcome {
                Ok(why) => self.done(step, now, Some(why)),
                Err(problem) => self.lost(step, problem),
            }
        }
        Ok(outgoing)
    }

    fn already(&self, step: &Step) -> Entry {
        let known = Known { plan: self.plan, ids: &self.ids, operations: &self.operations };
        let product = known.product_id(step).unwrap_or_default().to_owned();
        Entry::Succeeded(Succeeded {
            step: step.id,
            address: step.address.clone(),
            product,
            operation: None,
            already: true,
            unconfirmed: false,
            sent: BTreeMap::new(),
        })
    }

    fn unseal(&mut self, request: &Request) -> Result<Request, Problem> {
        let (sealed, values) = unseal(request, self.context.secrets)?;
        self.sent_secrets.extend(values);
        Ok(sealed)
    }

    /// Sends a wave at once and journals what the cloud made of it.
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
        let clock = Arc::clone(&self.context.clock);
        let answers = join_all(outgoing.iter().map(|out| {
            let provider = Arc::clone(&self.context.providers[&out.step.address.target]);
            let clock = Arc::clone(&clock);
            async move { submit(provider.as_ref(), clock.as_ref(), &out.sealed, &out.token).await }
        }))
        .await;
        let mut entries = Vec::new();
        let mut refused = Vec::new();
        for (out, answer) in outgoing.iter().zip(answers) {
            let step = out.step;
            match answer {
                Ok(operation) => {
                    entries.push(Entry::Submitted {
                        step: step.id,
                        address: step.address.clone(),
                        operation: operation.id.clone(),
                        product: operation.product_id.clone(),
                    });
                    self.operations.entry(step.address.clone()).or_default().insert(operation.id.clone());
                    if step.kind == StepKind::Provision {
                        self.ids.insert(step.address.clone(), operation.product_id.clone());
                    }
                    self.running.insert(step.id, Running { operation, since });
                }
                Err(ProviderError::Unknown(problem)) => self.in_doubt(step, problem),
                Err(error) => {
                    let reason = match &error {
                        ProviderError::Throttled(_) => Failure::NotSent,
                        _ => Failure::Rejected,
                    };
                    let problem = self.mask(error.into_problem());
                    entries.push(failed(step, reason, &problem));
                    refused.push((step, problem));
                }
            }
        }
        self.context.append(entries).await?;
        for (step, problem) in refused {
            self.lost(step, problem);
        }
        self.settle_finished().await
    }

    /// The fate of a write is not known and could not be found out: the next run looks.
    fn in_doubt(&mut self, step: &Step, problem: Problem) {
        let problem = self.mask(problem);
        self.report.left_running += 1;
        self.tell(Event::LeftRunning {
            step: step.id,
            address: step.address.clone(),
            kind: step.kind,
            operation: format!("not known to have been accepted: {}", problem.message),
        });
        self.cut(step);
    }

    async fn poll(&mut self) -> Result<(), Problem> {
        let mut by_target: BTreeMap<&str, Vec<Operation>> = BTreeMap::new();
        for (id, running) in &self.running {
            by_target.entry(self.step(*id).address.target.as_str()).or_default().push(running.operation.clone());
        }
        let by_target: Vec<(&str, Vec<Operation>)> = by_target.into_iter().collect();
        let answers = join_all(by_target.iter().map(|(target, running)| {
            let provider = Arc::clone(&self.context.providers[*target]);
            async move { provider.poll(running).await }
        }))
        .await;
        let by_operation: BTreeMap<String, StepId> =
            self.running.iter().map(|(id, running)| (running.operation.id.clone(), *id)).collect();
        let mut failure = None;
        for answer in answers {
            match answer {
                Ok(operations) => {
                    for operation in operations {
                        if let Some(id) = by_operation.get(&operation.id) {
                            self.progress(*id, operation);
                        }
                    }
                }
                Err(error) => failure = Some(error),
            }
        }
        match failure {
            None => self.failed_polls = 0,
            Some(error) => {
                self.failed_polls += 1;
                let hopeless = matches!(error, ProviderError::Rejected(_)) || self.failed_polls >= FAILED_POLLS_MAX;
                if hopeless {
                    self.stopping = true;
                    self.leave_all(&error.into_problem().message);
                }
            }
        }
        self.settle_finished().await?;
        self.leave_overdue();
        Ok(())
    }

    fn progress(&mut self, id: StepId, operation: Operation) {
        let now = self.context.clock.now();
        let Some(running) = self.running.get_mut(&id) else { return };
        let status = operation.status.clone();
        let ended = operation.state != OperationState::Running;
        running.operation = operation;
        let elapsed = elapsed(running.since, now);
        // How it ended is told as soon as it is in the ledger.
        if !ended {
            self.tell(Event::Progress { step: id, status, elapsed });
        }
    }

    /// Journals every operation that has ended, in one append, and unblocks what waited for it.
    async fn settle_finished(&mut self) -> Result<(), Problem> {
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
            let Some(Running { operation, since }) = self.running.remove(&id) else { continue };
            let step = self.step(id);
            match &operation.state {
                OperationState::Failed(text) => {
                    let text = self.mask_text(text);
                    let problem = Problem::failed(format!("{} ended in failure: {text}", operation.id));
                    entries.push(failed(step, Failure::Operation, &problem));
                    outcomes.push((step, since, Err(problem)));
                }
                OperationState::Succeeded | OperationState::Running => {
                    let unconfirmed = operation.status == Operation::NOT_VISIBLE;
                    entries.push(Entry::Succeeded(Succeeded {
                        step: id,
                        address: step.address.clone(),
                        product: operation.product_id.clone(),
                        operation: Some(operation.id.clone()),
                        already: false,
                        unconfirmed,
                        sent: BTreeMap::new(),
                    }));
                    let note = unconfirmed.then(|| "accepted; this identity can no longer see it".to_owned());
                    outcomes.push((step, since, Ok(note)));
                }
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

    /// Whoever gives a product away may no longer see the operation that did it: the product itself tells.
    async fn confirm_transfers(&mut self) {
        let hidden: Vec<StepId> = self
            .running
            .iter()
            .filter(|(id, running)| {
                running.operation.status == Operation::NOT_VISIBLE && self.step(**id).kind == StepKind::SetOwner
            })
            .map(|(id, _)| *id)
            .collect();
        for id in hidden {
            let step = self.step(id);
            let Request::SetOwner { owner, .. } = &step.request else { continue };
            let Some(running) = self.running.get_mut(&id) else { continue };
            let product = running.operation.product_id.clone();
            let query = Query { confirm: BTreeSet::from([product.clone()]), ..Query::default() };
            let answer = self.context.providers[&step.address.target].observe(&query).await;
            // A look that fails says nothing; the next poll asks again.
            let Ok(mut answer) = answer else { continue };
            match answer.products.remove(&product) {
                Some(product) if is_owner(owner, &product) => {
                    running.operation.state = OperationState::Succeeded;
                    running.operation.status = "SUCCEEDED".to_owned();
                }
                // Still the old owner: the transfer is under way, and its time-out decides.
                Some(_) => {}
                None => running.operation.state = OperationState::Succeeded,
            }
        }
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

    fn leave_all(&mut self, why: &str) {
        let all: Vec<StepId> = self.running.keys().copied().collect();
        for id in all {
            self.leave(id, why);
        }
    }

    fn leave(&mut self, id: StepId, why: &str) {
        let Some(running) = self.running.remove(&id) else { return };
        let step = self.step(id);
        self.report.left_running += 1;
        self.tell(Event::LeftRunning {
            step: id,
            address: step.address.clone(),
            kind: step.kind,
            operation: format!("{}: {why}", running.operation.id),
        });
        self.cut(step);
    }

    fn done(&mut self, step: &Step, since: Timestamp, note: Option<String>) {
        self.report.succeeded += 1;
        let elapsed = elapsed(since, self.context.clock.now());
        self.tell(Event::Succeeded { step: step.id, address: step.address.clone(), kind: step.kind, elapsed, note });
        self.board.succeeded(step.id);
    }

    fn lost(&mut self, step: &Step, problem: Problem) {
        self.report.failed += 1;
        self.stopping |= self.context.settings.stop_on_error;
        self.tell(Event::Failed { step: step.id, address: step.address.clone(), kind: step.kind, problem });
        self.cut(step);
    }

    fn cut(&mut self, step: &Step) {
        for id in self.board.cut(step.id) {
            let lost = self.step(id);
            self.report.not_started += 1;
            self.tell(Event::NotStarted {
                step: id,
                address: lost.address.clone(),
                kind: lost.kind,
                because: format!("step {} ({} {}) did not succeed", step.id, step.kind.word(), step.address),
            });
        }
    }

    fn mask_text(&self, text: &str) -> String {
        mask(text, &self.sent_secrets)
    }

    fn mask(&self, mut problem: Problem) -> Problem {
        problem.message = self.mask_text(&problem.message);
        problem
    }

    async fn finish(mut self) -> Result<Report, Problem> {
        if self.report.interrupted {
            self.leave_all("the run was interrupted");
        }
        let because = if self.report.interrupted { "the run was interrupted" } else { "the run was stopped" };
        for id in self.board.rest() {
            let step = self.step(id);
            self.report.not_started += 1;
            self.tell(Event::NotStarted {
                step: id,
                address: step.address.clone(),
                kind: step.kind,
                because: because.to_owned(),
            });
        }
        self.verify_launch_roles().await;
        let Report { succeeded, failed, not_started, left_running, interrupted } = self.report;
        self.context.append(vec![Entry::Ended { succeeded, failed, not_started, left_running, interrupted }]).await?;
        Ok(self.report)
    }

    /// Whether an update resets the launch role to the constraint's is not documented, so it is read again.
    async fn verify_launch_roles(&mut self) {
        if self.report.interrupted {
            return;
        }
        let mut queries: BTreeMap<&str, Query> = BTreeMap::new();
        for step in self.plan.steps.iter().filter(|step| step.kind == StepKind::Update) {
            if self.plan.launch_roles.contains_key(&step.address) && self.operations.contains_key(&step.address) {
                let id = step.request.product().to_owned();
                queries.entry(step.address.target.as_str()).or_default().launch_roles.insert(id);
            }
        }
        for (target, query) in queries {
            let Ok(seen) = self.context.providers[target].observe(&query).await else { continue };
            for step in self.plan.steps.iter().filter(|s| s.kind == StepKind::Update && s.address.target == target) {
                let wanted = self.plan.launch_roles.get(&step.address);
                let Some(Some(now)) = seen.launch_roles.get(step.request.product()) else { continue };
                if wanted.is_some_and(|wanted| wanted != now) {
                    self.report.failed += 1;
                    let problem = Problem::failed(format!("the update left launch role {now} behind"))
                        .hint("apply again: it sets the launch role that the files name");
                    let (step, kind) = (step.id, StepKind::SetLaunchRole);
                    let address = self.step(step).address.clone();
                    self.tell(Event::Failed { step, address, kind, problem });
                }
            }
        }
    }
}

/// Sends one write until its fate is known. With the same token a cloud that replays tokens does it once.
async fn submit(
    provider: &dyn Provider,
    clock: &dyn crate::seam::Clock,
    request: &Request,
    token: &str,
) -> Result<Operation, ProviderError> {
    let mut pause = Duration::from_secs(1);
    let mut answer = provider.submit(request, token).await;
    for _ in 1..SENDS_MAX {
        let wait = match &answer {
            Err(ProviderError::Throttled(after)) => (*after).max(pause),
            Err(ProviderError::Unknown(_)) if provider.traits().replays_tokens => pause,
            _ => return answer,
        };
        clock.sleep(wait).await;
        pause *= 2;
        answer = provider.submit(request, token).await;
    }
    answer
}

fn started(step: &Step, request: Request, token: String, seen: &Observation) -> Entry {
    let product = seen.products.get(request.product());
    let before = Holdings {
        owner: product.and_then(|product| product.owner.clone()),
        launch_role: seen.launch_roles.get(request.product()).cloned().flatten(),
        operation: product.and_then(|product| product.last_operation.clone()),
    };
    Entry::Started(Started {
        step: step.id,
        address: step.address.clone(),
        kind: step.kind,
        token,
        seen: before.operation.clone(),
        before,
        request,
    })
}

fn failed(step: &Step, reason: Failure, problem: &Problem) -> Entry {
    Entry::Failed { step: step.id, address: step.address.clone(), reason, message: problem.message.clone() }
}

fn references(request: &Request) -> impl Iterator<Item = &Address> {
    request.parameters().into_iter().flat_map(BTreeMap::values).flat_map(|argument| {
        let pieces: &[Piece] = if let Argument::Pieces(pieces) = argument { pieces } else { &[] };
        pieces.iter().filter_map(|piece| match piece {
            Piece::Output { address, .. } => Some(address),
            Piece::Literal(_) => None,
        })
    })
}

/// The request with its secrets' values, and those values.
fn unseal(request: &Request, secrets: Secrets<'_>) -> Result<(Request, Vec<String>), Problem> {
    let mut sealed = request.clone();
    let mut values = Vec::new();
    for argument in sealed.parameters_mut().into_iter().flat_map(BTreeMap::values_mut) {
        if let Argument::Secret(reference) = argument {
            let value = secrets(reference)?;
            values.push(value.clone());
            *argument = Argument::Value(value);
        }
    }
    Ok((sealed, values))
}

/// Takes secrets out of a text that a cloud wrote.
fn mask(text: &str, secrets: &BTreeSet<String>) -> String {
    // The longest first, so that a secret that contains another leaves no remainder.
    let mut longest: Vec<&String> = secrets.iter().filter(|secret| !secret.is_empty()).collect();
    longest.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    longest.into_iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "(secret)"))
}

fn elapsed(since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or_default()
}
