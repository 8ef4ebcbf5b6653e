//! `tenure apply` and `tenure destroy`: settle, plan, show, ask, run, report.

use std::cell::RefCell;
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::args::{self, Execution, Format, OnError, Output, Selection};
use super::session::{self, Session};
use super::{Ended, Outside, Settings, plan as planning};
use crate::apply::settle::Settled;
use crate::apply::{self, Context};
use crate::ledger::Journal;
use crate::model::{Event, Report};
use crate::plan::{Options, Plan};
use crate::problem::{Problem, Problems, exit_code};
use crate::render::progress::{Progress, ProgressKind};
use crate::render::ui::Ui;
use crate::render::{Style, json, report};
use crate::run::{self, Origin, Run};

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
    let session = Session::open(settings, outside, order.selection)?;
    ui.warnings(&session.warnings());
    if let Some(sandbox) = &session.sandbox {
        sandbox.keep_settlements();
    }
    let began = Instant::now();
    let store = session::store(&session.project, session.clock.as_ref()).map_err(|problem| vec![problem])?;
    let run_id = format!("run-{:016x}", session.clock.nonce());
    let mut journal = Journal::open(Box::new(store), run_id).await.map_err(|problem| vec![problem])?;
    if journal.set_aside() {
        ui.note(
            "The ledger's last line was cut off by a crash and has been set aside; nothing was sent on its strength.",
        );
    }
    session::note_ledger(&session.project);
    session.phase("ledger", began);
    let listener = Listener::new(ui, settings);
    let mut tell = |event: &Event| listener.hear(event);
    let context = Context {
        providers: &session.providers,
        journal: &mut journal,
        clock: Arc::clone(&session.clock),
        secrets: &session::secret,
        interrupt: outside.interrupt.clone(),
        tell: &mut tell,
        settings: apply::Settings {
            parallelism: usize::from(order.selection.parallelism),
            stop_on_error: order.execution.on_error == OnError::Stop,
        },
    };
    let run = Run { project: &session.project, context };
    let mut command = Command { ui, settings, outside, order, session: &session, listener: &listener, run };
    let settled = command.settle().await?;
    let ended = command.proceed(&settled).await;
    if settings.timings {
        command.ui.note(&session.timings());
    }
    // Codes 3 to 7 promise that nothing was written; settling may have sent something before they were found.
    match ended {
        Err(problems) if settled.wrote => {
            command.ui.errors(&problems);
            Ok(1)
        }
        Ok(code) if settled.wrote && (3..=7).contains(&code) => Ok(1),
        other => other,
    }
}

/// Shows the events of a run while it happens, and keeps them for the report.
struct Listener {
    kind: ProgressKind,
    style: Style,
    progress: RefCell<Option<Progress>>,
    events: RefCell<Vec<Event>>,
}

impl Listener {
    fn new(ui: &Ui, settings: &Settings) -> Self {
        let kind = match (settings.quiet, std::io::stderr().is_terminal() && !settings.ci) {
            (true, _) => ProgressKind::Quiet,
            (false, true) => ProgressKind::Live,
            (false, false) => ProgressKind::Plain,
        };
        Listener { kind, style: ui.err_style, progress: RefCell::default(), events: RefCell::default() }
    }

    fn hear(&self, event: &Event) {
        let begin = || Progress::new(self.kind, self.style, Box::new(std::io::stderr()));
        self.progress.borrow_mut().get_or_insert_with(begin).tell(event);
        self.events.borrow_mut().push(event.clone());
    }

    /// Takes the lines that are redrawn off the terminal.
    fn rest(&self) {
        if let Some(progress) = self.progress.take() {
            progress.finish();
        }
    }
}

/// One `apply` or `destroy` from its open ledger to its end.
struct Command<'a> {
    ui: &'a mut Ui,
    settings: &'a Settings,
    outside: &'a Outside,
    order: Order<'a>,
    session: &'a Session,
    listener: &'a Listener,
    run: Run<'a>,
}

impl Command<'_> {
    /// Whether the clouds show steps of earlier runs that have no end, and what became of them.
    async fn settle(&mut self) -> Result<Settled, Problems> {
        let ledger = self.run.context.journal.ledger();
        let lost_world = self.session.lost_world(ledger);
        if ledger.unsettled.is_empty() {
            self.ui.warnings(lost_world.as_slice());
            return Ok(Settled::default());
        }
        // Nobody could ever say what became of it.
        if let Some(problem) = lost_world {
            return Err(vec![problem]);
        }
        let began = Instant::now();
        let settled = self.run.settle().await;
        self.listener.rest();
        self.session.phase("settle", began);
        settled.map_err(|problem| vec![problem])
    }

    async fn proceed(&mut self, settled: &Settled) -> Ended {
        let ledger = self.run.context.journal.ledger();
        let selected = self.session.options(ledger, self.order.selection, self.order.reapply)?;
        let refused = settled.refused.clone();
        let options = Options { destroy: self.order.destroy, settled: true, refused, ..selected };
        let planned = planning::told(self.ui, self.session, self.run.plan(&options).await)?;
        if !self.is_json() {
            show(self.ui, &planned.plan, self.order.output)?;
        }
        let origin = origin(&self.order);
        let Command { ui, order, session, run, .. } = self;
        let began = Instant::now();
        let ended = run.carry_out(&planned, &origin, async |plan| approve(ui, order, session, plan)).await;
        self.listener.rest();
        self.session.phase("apply", began);
        let left_over = settled.failed > 0 || settled.open > 0 || planned.plan.has_failures();
        match ended {
            Ok(run::Ended::Done(report)) => self.report(&planned.plan, Some(report), left_over),
            Ok(run::Ended::Broken(problem)) => {
                // The ledger is damaged or full: whatever was sent, this is 1 and never one of the promises.
                self.report(&planned.plan, None, left_over)?;
                self.ui.errors(&[problem]);
                Ok(1)
            }
            Ok(run::Ended::Refused) => self.unstarted(&planned.plan, Ok(exit_code(&planned.plan.refusals))),
            Ok(run::Ended::NothingToDo) => self.unstarted(&planned.plan, Ok(u8::from(left_over))),
            Ok(run::Ended::Declined) => {
                self.ui.note("Nothing was changed.");
                self.unstarted(&planned.plan, Ok(1))
            }
            Err(problems) => self.unstarted(&planned.plan, Err(problems)),
        }
    }

    /// What the run came to, for people or for programs, and its exit code. There is no report of a run that could not
    /// write its ledger.
    fn report(&mut self, plan: &Plan, report: Option<Report>, left_over: bool) -> Ended {
        let text = match self.order.output.format() {
            Format::Json => json::applied(plan, report.as_ref(), &self.listener.events.borrow()),
            Format::Text | Format::Markdown => {
                format!("\n{}", report::report(&self.listener.events.borrow(), self.ui.out_style))
            }
        };
        self.ui.result(&text).map_err(|problem| vec![problem])?;
        let Some(report) = report else { return Ok(1) };
        if report.is_complete() && !left_over {
            self.ui.next(&self.settings.command(&["history".to_owned()]));
            return Ok(0);
        }
        let mut again = vec![self.order.command.to_owned()];
        again.extend(self.order.selection.arguments());
        self.ui.next(&self.settings.command(&again));
        Ok(if report.interrupted { self.outside.interrupted.load(Ordering::Relaxed) } else { 1 })
    }

    fn is_json(&self) -> bool {
        self.order.output.format() == Format::Json
    }

    /// A run that ends before its first step; a program that reads JSON gets its one document all the same.
    fn unstarted(&mut self, plan: &Plan, ended: Ended) -> Ended {
        if self.is_json() {
            show(self.ui, plan, self.order.output)?;
        }
        ended
    }
}

fn show(ui: &mut Ui, plan: &Plan, output: &Output) -> Result<(), Problems> {
    let text = planning::render(plan, output, ui.out_style);
    ui.result(&text).map_err(|problem| vec![problem])
}

/// How the plan was approved; `None` when it was declined. Whether somebody else writes to the sandbox's world is found
/// out here, before the run begins.
fn approve(ui: &mut Ui, order: &Order<'_>, session: &Session, plan: &Plan) -> Result<Option<&'static str>, Problem> {
    let approval = if order.execution.auto_approve { Some("auto-approve") } else { ask(ui, order, plan)? };
    if approval.is_some()
        && !plan.steps.is_empty()
        && let Some(sandbox) = &session.sandbox
    {
        sandbox.claim()?;
    }
    Ok(approval)
}

fn ask(ui: &mut Ui, order: &Order<'_>, plan: &Plan) -> Result<Option<&'static str>, Problem> {
    if !std::io::stdin().is_terminal() {
        return Err(Problem::input("there are changes to apply, and nobody can be asked: stdin is not a terminal")
            .hint("run it in a terminal, or with -y when the plan has been reviewed"));
    }
    if order.output.format() == Format::Json {
        // Stdout is for the program; whoever is asked reads the plan here.
        ui.show(&planning::text(plan, order.output, ui.err_style));
    }
    let question = if order.destroy { "Terminate all of this?" } else { "Apply this plan?" };
    let yes = ui
        .confirm(question, &mut std::io::stdin().lock())
        .map_err(|error| Problem::failed(format!("the answer cannot be read: {error}")))?;
    Ok(yes.then_some("yes"))
}

fn origin(order: &Order<'_>) -> Origin {
    let first_set = |names: &[&str]| names.iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    Origin {
        command: order.command,
        message: order.execution.message.clone(),
        commit: first_set(&["GITHUB_SHA", "CI_COMMIT_SHA", "BUILD_SOURCEVERSION"]),
        ci_run: first_set(&["GITHUB_RUN_ID", "CI_PIPELINE_ID", "BUILD_BUILDID"]),
    }
}
