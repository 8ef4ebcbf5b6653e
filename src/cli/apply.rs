//! `tenure apply` and `tenure destroy`: settle, plan, show, ask, run, report.

use std::collections::{BTreeMap, BTreeSet};
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::args::{self, Execution, Format, OnError, Output, Selection};
use super::session::{self, Session};
use super::{Ended, Outside, Settings, plan as planning};
use crate::apply::settle::{Settled, settle};
use crate::apply::{self, Context};
use crate::ledger::Journal;
use crate::ledger::entry::{Began, Entry};
use crate::ledger::history::{chronicles, runs};
use crate::model::{Address, Caller, Event, Live, Report};
use crate::plan::{Options, Plan};
use crate::problem::{Problem, Problems, exit_code};
use crate::render::progress::{Progress, ProgressKind};
use crate::render::ui::Ui;
use crate::render::{history, json, report};

/// The histories that are told at the end of a run; more would bury the report.
const HISTORIES_MAX: usize = 20;

/// What was asked for, whichever of the two commands it was.
struct Order<'a> {
    command: &'static str,
    selection: &'a Selection,
    output: &'a Output,
    execution: &'a Execution,
    reapply: &'a [String],
    destroy: bool,
}

pub async fn apply(ui: &mut Ui, settings: &Settings, outside: &Outside, args: &args::Apply) -> Ended {
    let order = Order {
        command: "apply",
        selection: &args.selection,
        output: &args.output,
        execution: &args.execution,
        reapply: &args.reapply,
        destroy: false,
    };
    run(ui, settings, outside, order).await
}

pub async fn destroy(ui: &mut Ui, settings: &Settings, outside: &Outside, args: &args::Destroy) -> Ended {
    let order = Order {
        command: "destroy",
        selection: &args.selection,
        output: &args.output,
        execution: &args.execution,
        reapply: &[],
        destroy: true,
    };
    run(ui, settings, outside, order).await
}

async fn run(ui: &mut Ui, settings: &Settings, outside: &Outside, order: Order<'_>) -> Ended {
    let mut session = Session::open(settings, outside, order.selection)?;
    ui.warnings(&session.warnings());
    if let Some(sandbox) = &session.sandbox {
        sandbox.keep_settlements();
    }
    let began = Instant::now();
    let store = session::store(&session.project, session.clock.as_ref());
    let run_id = format!("run-{:016x}", session.clock.nonce());
    let journal = Journal::open(Box::new(store), run_id).await.map_err(|problem| vec![problem])?;
    if journal.set_aside() {
        ui.note(
            "The ledger's last line was cut off by a crash and has been set aside; nothing was sent on its strength.",
        );
    }
    session.phase("ledger", began);
    let mut run = Run { ui, settings, outside, order, session, journal, events: Vec::new() };
    let settled = run.settle().await?;
    let ended = run.proceed(&settled).await;
    if settings.timings {
        run.ui.note(&run.session.timings());
    }
    // Codes 3 to 7 promise that nothing was written; settling may have sent something before they were found.
    match ended {
        Err(problems) if settled.wrote => {
            run.ui.errors(&problems);
            Ok(1)
        }
        Ok(code) if settled.wrote && (3..=7).contains(&code) => Ok(1),
        other => other,
    }
}

/// One run from its open ledger to its end.
struct Run<'a> {
    ui: &'a mut Ui,
    settings: &'a Settings,
    outside: &'a Outside,
    order: Order<'a>,
    session: Session,
    journal: Journal,
    /// Everything that was told on the way, for the report.
    events: Vec<Event>,
}

impl Run<'_> {
    /// Whether the clouds show steps of earlier runs that have no end, and what became of them.
    async fn settle(&mut self) -> Result<Settled, Problems> {
        let lost_world = self.session.lost_world(self.journal.ledger());
        if self.journal.ledger().unsettled.is_empty() {
            self.ui.warnings(lost_world.as_slice());
            return Ok(Settled::default());
        }
        // Nobody could ever say what became of it.
        if let Some(problem) = lost_world {
            return Err(vec![problem]);
        }
        let began = Instant::now();
        let mut progress = self.progress();
        let mut tell = |event: &Event| {
            progress.tell(event);
            self.events.push(event.clone());
        };
        let mut context = context(self.outside, &self.session, &mut self.journal, &self.order, &mut tell);
        let settled = settle(&mut context, &self.session.project.desired).await;
        progress.finish();
        self.session.phase("settle", began);
        settled.map_err(|problem| vec![problem])
    }

    async fn proceed(&mut self, settled: &Settled) -> Ended {
        let selected = self.session.options(self.journal.ledger(), self.order.selection, self.order.reapply)?;
        let refused = settled.refused.clone();
        let options = Options { destroy: self.order.destroy, settled: true, refused, ..selected };
        let (plan, live) = planning::plan(self.ui, &mut self.session, self.journal.ledger(), &options).await?;
        if !self.is_json() {
            self.show(&plan)?;
        }
        let left_over = settled.failed > 0 || settled.open > 0 || plan.has_failures();
        if !plan.refusals.is_empty() {
            return self.unstarted(&plan, Ok(exit_code(&plan.refusals)));
        }
        if !plan.has_changes() {
            self.note_observed(&plan, &live).await?;
            return self.unstarted(&plan, Ok(u8::from(left_over)));
        }
        let approval = match self.approve(&plan) {
            Ok(Some(approval)) => approval,
            Ok(None) => {
                self.ui.note("Nothing was changed.");
                return self.unstarted(&plan, Ok(1));
            }
            Err(problem) => return self.unstarted(&plan, Err(vec![problem])),
        };
        let callers = match session::callers(&self.session, &plan, &live).await {
            Ok(callers) => callers,
            Err(problems) => return self.unstarted(&plan, Err(problems)),
        };
        let entry = began_entry(&self.session, &plan, callers, &self.order, approval);
        if let Err(problem) = self.journal.append(self.session.clock.now(), [entry]).await {
            return self.unstarted(&plan, Err(vec![problem]));
        }
        // Whoever has the world already has it: that is said before any step is begun, not by the first that fails.
        if let (Some(sandbox), false) = (&self.session.sandbox, plan.steps.is_empty())
            && let Err(problem) = sandbox.claim()
        {
            let none = Entry::Ended { succeeded: 0, failed: 0, not_started: 0, left_running: 0, interrupted: false };
            let ended = self.journal.append(self.session.clock.now(), [none]).await;
            return self.unstarted(&plan, Err(std::iter::once(problem).chain(ended.err()).collect()));
        }
        let outcome = self.carry_out(&plan).await;
        self.report(&plan, outcome, left_over)
    }

    /// There is nothing to do; what was seen of holders is kept all the same.
    async fn note_observed(&mut self, plan: &Plan, live: &Live) -> Result<(), Problems> {
        if plan.observed.is_empty() {
            return Ok(());
        }
        let callers = session::callers(&self.session, plan, live).await?;
        let began = began_entry(&self.session, plan, callers, &self.order, "not needed");
        let ended = Entry::Ended { succeeded: 0, failed: 0, not_started: 0, left_running: 0, interrupted: false };
        let entries = std::iter::once(began).chain(plan.observed.iter().cloned()).chain([ended]);
        let entries: Vec<Entry> = entries.collect();
        self.journal.append(self.session.clock.now(), entries).await.map_err(|problem| vec![problem])
    }

    async fn carry_out(&mut self, plan: &Plan) -> Result<Report, Problem> {
        let began = Instant::now();
        let mut progress = self.progress();
        let mut tell = |event: &Event| {
            progress.tell(event);
            self.events.push(event.clone());
        };
        let mut context = context(self.outside, &self.session, &mut self.journal, &self.order, &mut tell);
        let outcome = apply::run(&mut context, plan).await;
        progress.finish();
        self.session.phase("apply", began);
        outcome
    }

    /// What the run came to, for people or for programs, and its exit code.
    fn report(&mut self, plan: &Plan, outcome: Result<Report, Problem>, left_over: bool) -> Ended {
        let text = match self.order.output.format() {
            Format::Json => json::applied(plan, outcome.as_ref().ok(), &self.events),
            Format::Text | Format::Markdown => self.told(plan),
        };
        let written = self.ui.result(&text);
        let report = match outcome {
            Ok(report) => report,
            Err(problem) => {
                // The ledger is damaged or full: whatever was sent, this is 1 and never one of the promises.
                self.ui.errors(&[problem]);
                return Ok(1);
            }
        };
        written.map_err(|problem| vec![problem])?;
        if report.is_complete() && !left_over {
            self.ui.next(&self.settings.command(&["history".to_owned()]));
            return Ok(0);
        }
        let mut again = vec![self.order.command.to_owned()];
        again.extend(self.order.selection.arguments());
        self.ui.next(&self.settings.command(&again));
        Ok(if report.interrupted { self.outside.interrupted.load(Ordering::Relaxed) } else { 1 })
    }

    /// The report, and who holds what was touched.
    fn told(&self, plan: &Plan) -> String {
        let style = self.ui.out_style;
        let report = report::report(&self.events, style);
        if self.order.destroy {
            return format!("\n{report}");
        }
        let touched: BTreeSet<&Address> = plan.changes.iter().map(|change| &change.address).collect();
        let lines = self.journal.lines();
        let held: Vec<_> =
            chronicles(lines).into_iter().filter(|chronicle| touched.contains(&chronicle.address)).collect();
        if held.len() > HISTORIES_MAX {
            let command = self.settings.command(&["history".to_owned()]);
            return format!("\n{report}\nOwnership history of {} products: {command}\n", held.len());
        }
        format!("\n{report}\nOwnership history\n\n{}", history::text(&held, &runs(lines), style))
    }

    fn is_json(&self) -> bool {
        self.order.output.format() == Format::Json
    }

    fn show(&mut self, plan: &Plan) -> Result<(), Problems> {
        let text = planning::render(plan, self.order.output, self.ui.out_style);
        self.ui.result(&text).map_err(|problem| vec![problem])
    }

    /// A run that ends before its first step; a program that reads JSON gets its one document all the same.
    fn unstarted(&mut self, plan: &Plan, ended: Ended) -> Ended {
        if self.is_json() {
            self.show(plan)?;
        }
        ended
    }

    /// How the plan was approved; `None` when it was declined.
    fn approve(&mut self, plan: &Plan) -> Result<Option<&'static str>, Problem> {
        if self.order.execution.auto_approve {
            return Ok(Some("auto-approve"));
        }
        if !std::io::stdin().is_terminal() {
            return Err(Problem::input("there are changes to apply, and nobody can be asked: stdin is not a terminal")
                .hint("run it in a terminal, or with -y when the plan has been reviewed"));
        }
        if self.is_json() {
            // Stdout is for the program; whoever is asked reads the plan here.
            self.ui.show(&planning::text(plan, self.order.output, self.ui.err_style));
        }
        let question = if self.order.destroy { "Terminate all of this?" } else { "Apply this plan?" };
        let yes = self
            .ui
            .confirm(question, &mut std::io::stdin().lock())
            .map_err(|error| Problem::failed(format!("the answer cannot be read: {error}")))?;
        Ok(yes.then_some("yes"))
    }

    fn progress(&self) -> Progress {
        let kind = match (self.settings.quiet, std::io::stderr().is_terminal() && !self.settings.ci) {
            (true, _) => ProgressKind::Quiet,
            (false, true) => ProgressKind::Live,
            (false, false) => ProgressKind::Plain,
        };
        Progress::new(kind, self.ui.err_style, Box::new(std::io::stderr()))
    }
}

fn context<'a>(
    outside: &'a Outside,
    session: &'a Session,
    journal: &'a mut Journal,
    order: &Order<'_>,
    tell: &'a mut dyn FnMut(&Event),
) -> Context<'a> {
    Context {
        providers: &session.providers,
        journal,
        clock: Arc::clone(&session.clock),
        secrets: &session::secret,
        interrupt: outside.interrupt.clone(),
        tell,
        settings: apply::Settings {
            parallelism: usize::from(order.selection.parallelism),
            stop_on_error: order.execution.on_error == OnError::Stop,
        },
    }
}

fn began_entry(
    session: &Session,
    plan: &Plan,
    callers: BTreeMap<String, Caller>,
    order: &Order<'_>,
    approval: &str,
) -> Entry {
    let holders =
        callers.iter().filter_map(|(target, caller)| Some((target.clone(), caller.holder.clone()?))).collect();
    let first_set = |names: &[&str]| names.iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    let sandboxed = session.project.targets.values().filter(|target| target.is_sandbox());
    Entry::Began(Began {
        command: order.command.to_owned(),
        actors: callers.into_iter().map(|(target, caller)| (target, caller.arn)).collect(),
        holders,
        project: session.project.name.clone(),
        digest: plan.digest.clone(),
        approval: approval.to_owned(),
        message: order.execution.message.clone(),
        commit: first_set(&["GITHUB_SHA", "CI_COMMIT_SHA", "BUILD_SOURCEVERSION"]),
        ci_run: first_set(&["GITHUB_RUN_ID", "CI_PIPELINE_ID", "BUILD_BUILDID"]),
        tenure: env!("CARGO_PKG_VERSION").to_owned(),
        sandboxed: sandboxed.map(|target| target.name.clone()).collect(),
    })
}
