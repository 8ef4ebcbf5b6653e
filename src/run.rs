//! One run: settle what earlier runs left open, read and plan, check the limits, begin, carry out, end.
//!
//! Commands and tests call the same functions, so that a test tests the program. Nothing is printed here: a run asks for
//! approval through a callback and tells what happens through events.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use crate::apply::settle::{Settled, settle};
use crate::apply::{self, Context, Providers, Secrets};
use crate::ledger::Ledger;
use crate::ledger::entry::{Began, Entry};
use crate::model::{Caller, Live, Project, Report};
use crate::plan::{self, Inputs, Options, Outcome, Plan};
use crate::problem::{Kind, Problem, Problems};
use crate::provider::ProviderError;

/// No plan takes more rounds of reading: the list, details, outputs, and the outputs of what those revealed.
const ROUNDS_MAX: usize = 8;

/// A plan with what was read for it.
pub struct Planned {
    pub plan: Plan,
    pub live: Live,
    /// How long reading and planning took.
    pub reading: Duration,
    pub planning: Duration,
}

/// Plans, and reads what the plan needs in as many rounds as that takes.
///
/// # Errors
/// The files are wrong, or a target cannot be read.
pub async fn read_and_plan(
    project: &Project,
    providers: &Providers,
    ledger: &Ledger,
    options: &Options,
    secrets: Secrets<'_>,
) -> Result<Planned, Problems> {
    let mut live = Live::new();
    let (mut reading, mut planning) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..ROUNDS_MAX {
        let began = Instant::now();
        let outcome = plan::plan(&Inputs::new(project, ledger, &live, options))?;
        planning += began.elapsed();
        let needs = match outcome {
            Outcome::Plan(mut plan) => {
                plan.warnings.extend(first_run(project, ledger, plan.counts.adopt));
                return Ok(Planned { plan: *plan, live, reading, planning });
            }
            Outcome::Needs(needs) => needs,
        };
        let began = Instant::now();
        let asked = needs.iter().map(|(target, query)| async move { (target, providers[target].observe(query).await) });
        let answers = join_all(asked).await;
        reading += began.elapsed();
        let mut problems = Problems::new();
        for (target, answer) in answers {
            match answer {
                Ok(mut observation) => {
                    let value = |reference: &_| secrets(reference).ok();
                    plan::secrets::hide(&project.desired, ledger, target, &mut observation, &value);
                    live.entry(target.clone()).or_default().merge(observation);
                }
                Err(error) => problems.push(unreadable(project, target, error.into_problem())),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
    }
    Err(vec![
        Problem::failed(format!("planning did not converge after {ROUNDS_MAX} rounds of reads"))
            .hint("run again with -v and report what it prints"),
    ])
}

/// Products that exist and a ledger that does not: either nothing was ever applied here, or the ledger was lost.
fn first_run(project: &Project, ledger: &Ledger, adopted: u32) -> Option<Problem> {
    let location = project.ledger.strip_prefix(&project.root).unwrap_or(&project.ledger).display();
    let exist = if adopted == 1 { "one of these products exists" } else { "some of these products exist" };
    (ledger.seq == 0 && adopted > 0).then(|| {
        Problem::input(format!("there is no ledger here ({location}), and {exist} already: is this the first run?"))
            .hint("if not, restore the ledger first: without it nothing is known to be ours")
    })
}

/// A target that cannot be read at all is a matter of access, whatever the service said.
fn unreadable(project: &Project, target: &str, problem: Problem) -> Problem {
    let kind = match problem.kind {
        Kind::Failed => Kind::Access,
        kind => kind,
    };
    let place = problem.place.or_else(|| project.targets.get(target).map(|target| target.place.clone()));
    let message = if problem.message.contains(&format!("`{target}`")) {
        problem.message
    } else {
        format!("target `{target}` cannot be read: {}", problem.message)
    };
    Problem { kind, place, message, hint: problem.hint }
}

/// Why a run takes place, for the ledger.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    pub command: &'static str,
    pub message: Option<String>,
    pub commit: Option<String>,
    pub ci_run: Option<String>,
}

/// How carrying out a plan ended.
#[derive(Debug)]
pub enum Ended {
    /// A limit or `protect` refuses the plan; nothing was written.
    Refused,
    /// There was nothing to do. What was seen of holders may have been recorded.
    NothingToDo,
    /// A person did not approve it; nothing was written.
    Declined,
    Done(Report),
    /// The ledger could not be written after the run had begun, so it stopped.
    Broken(Problem),
}

/// A run with an open ledger.
pub struct Run<'a> {
    pub project: &'a Project,
    pub context: Context<'a>,
}

impl Run<'_> {
    /// Settles every step that earlier runs left open.
    ///
    /// # Errors
    /// The ledger cannot be written.
    pub async fn settle(&mut self) -> Result<Settled, Problem> {
        settle(&mut self.context, &self.project.desired).await
    }

    /// # Errors
    /// See [`read_and_plan`].
    pub async fn plan(&self, options: &Options) -> Result<Planned, Problems> {
        let Context { providers, journal, secrets, .. } = &self.context;
        read_and_plan(self.project, providers, journal.ledger(), options, secrets).await
    }

    /// Carries a plan out, as far as the limits allow it and `approve` agrees. `approve` answers how the plan was
    /// approved, or `None` if it was not; it is asked only where there is something to do.
    ///
    /// # Errors
    /// Nothing was begun: `approve` failed, an identity that writes has no credentials, or the ledger refused the
    /// first entry.
    pub async fn carry_out(
        &mut self,
        planned: &Planned,
        origin: &Origin,
        approve: impl AsyncFnOnce(&Plan) -> Result<Option<&'static str>, Problem>,
    ) -> Result<Ended, Problems> {
        let plan = &planned.plan;
        if !plan.refusals.is_empty() {
            return Ok(Ended::Refused);
        }
        self.check_secrets(plan)?;
        let approval = if plan.has_changes() {
            match approve(plan).await.map_err(|problem| vec![problem])? {
                Some(approval) => approval,
                None => return Ok(Ended::Declined),
            }
        } else if plan.observed.is_empty() {
            return Ok(Ended::NothingToDo);
        } else {
            "not needed"
        };
        let began = self.began(planned, origin, approval).await?;
        self.context.append(vec![Entry::Began(began)]).await.map_err(|problem| vec![problem])?;
        Ok(match self.execute(plan).await {
            Ok(_) if !plan.has_changes() => Ended::NothingToDo,
            Ok(report) => Ended::Done(report),
            Err(problem) => Ended::Broken(problem),
        })
    }

    /// Finds a secret that cannot be read before anything is written.
    fn check_secrets(&self, plan: &Plan) -> Result<(), Problems> {
        let sent: BTreeSet<_> = plan.steps.iter().flat_map(|step| step.request.secrets_to_send()).collect();
        let missing: Problems = sent.into_iter().filter_map(|secret| (self.context.secrets)(secret).err()).collect();
        if missing.is_empty() { Ok(()) } else { Err(missing) }
    }

    /// The steps of a run that has begun, and its last entry.
    async fn execute(&mut self, plan: &Plan) -> Result<Report, Problem> {
        let report = apply::run(&mut self.context, plan).await?;
        let Report { succeeded, failed, not_started, left_running, waiting, interrupted, .. } = report;
        let left_running = left_running + waiting;
        self.context.append(vec![Entry::Ended { succeeded, failed, not_started, left_running, interrupted }]).await?;
        Ok(report)
    }

    async fn began(&self, planned: &Planned, origin: &Origin, approval: &str) -> Result<Began, Problems> {
        let callers = self.callers(planned).await?;
        let holders = callers.iter().filter_map(|(target, caller)| Some((target.clone(), caller.holder.clone()?)));
        let holders = holders.collect();
        let sandboxed = self.project.targets.values().filter(|target| target.is_sandbox());
        Ok(Began {
            command: origin.command.to_owned(),
            actors: callers.into_iter().map(|(target, caller)| (target, caller.arn)).collect(),
            holders,
            project: self.project.name.clone(),
            digest: planned.plan.digest.clone(),
            approval: approval.to_owned(),
            message: origin.message.clone(),
            commit: origin.commit.clone(),
            ci_run: origin.ci_run.clone(),
            tenure: env!("CARGO_PKG_VERSION").to_owned(),
            sandboxed: sandboxed.map(|target| target.name.clone()).collect(),
        })
    }

    /// The identities that a run uses, by target: the writer where something is written, else the reader. Asking for
    /// the writer finds missing credentials before anything is begun.
    async fn callers(&self, planned: &Planned) -> Result<BTreeMap<String, Caller>, Problems> {
        let written: BTreeSet<&String> = planned.plan.steps.iter().map(|step| &step.address.target).collect();
        let asked = planned.live.iter().map(|(target, seen)| async {
            let caller = match self.context.providers.get(target).filter(|_| written.contains(target)) {
                Some(provider) => provider.writer().await,
                None => Ok(Caller { arn: seen.caller.clone(), holder: None }),
            };
            caller.map(|caller| (target.clone(), caller)).map_err(ProviderError::into_problem)
        });
        let (mut callers, mut problems) = (BTreeMap::new(), Problems::new());
        for answer in join_all(asked).await {
            match answer {
                Ok((target, caller)) => _ = callers.insert(target, caller),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(callers) } else { Err(problems) }
    }
}
