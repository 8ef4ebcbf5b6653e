//! `tenure apply` and `tenure destroy`: settle, plan, show, ask, run, report.

use std::collections::BTreeSet;
use std::io::{BufRead, IsTerminal};
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
use crate::ledger::history::chronicles;
use crate::model::{Address, Event, Live, Report};
use crate::plan::{Options, Plan};
use crate::problem::{Problem, Problems, exit_code};
use crate::render::progress::{Progress, ProgressKind};
use crate::render::ui::Ui;
use crate::render::{history, report};

/// One run, whichever of the two commands it is.
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
    run(ui, settings, outside, &order).await
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
    run(ui, settings, outside, &order).await
}

async fn run(ui: &mut Ui, settings: &Settings, outside: &Outside, order: &Order<'_>) -> Ended {
    let mut session = Session::open(settings, outside, order.selection)?;
    ui.warnings(&session.warnings());
    if let Some(sandbox) = &session.sandbox {
        sandbox.keep_settlements();
    }
    let began = Instant::now();
    let store = session::store(&session.project, session.clock.as_ref());
    let run_id = format!("run-{:016x}", session.clock.nonce());
    let mut journal = Journal::open(Box::new(store), run_id).await.map_err(|problem| vec![problem])?;
    if journal.set_aside() {
        ui.note(
            "The ledger's last line was cut off by a crash and has been set aside; nothing was sent on its strength.",
        );
    }
    session.phase("ledger", began);
    let mut events = Vec::new();
    let began = Instant::now();
    let settled = settle_open(ui, outside, &session, &mut journal, order, settings, &mut events).await?;
    session.phase("settle", began);
    let ended = proceed(ui, settings, outside, order, &mut session, &mut journal, events, settled).await;
    if settings.timings {
        ui.note(&session.timings());
    }
    // Codes 3 to 7 promise that nothing was written; settling may have sent something before they were found.
    match ended {
        Err(problems) if settled.wrote => {
            ui.errors(&problems);
            Ok(1)
        }
        Ok(code) if settled.wrote && (3..=7).contains(&code) => Ok(1),
        other => other,
    }
}

/// Whether the clouds show steps of earlier runs that have no end, and what became of them.
async fn settle_open(
    ui: &Ui,
    outside: &Outside,
    session: &Session,
    journal: &mut Journal,
    order: &Order<'_>,
    settings: &Settings,
    events: &mut Vec<Event>,
) -> Result<Settled, Problems> {
    if journal.ledger().unsettled.is_empty() {
        return Ok(Settled::default());
    }
    let mut progress = progress(ui, settings);
    let mut tell = |event: &Event| {
        progress.tell(event);
        events.push(event.clone());
    };
    let mut context = context(outside, session, journal, order, &mut tell);
    settle(&mut context, &session.project.desired).await.map_err(|problem| vec![problem])
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

#[allow(clippy::too_many_arguments)]
async fn proceed(
    ui: &mut Ui,
    settings: &Settings,
    outside: &Outside,
    order: &Order<'_>,
    session: &mut Session,
    journal: &mut Journal,
    mut events: Vec<Event>,
    settled: Settled,
) -> Ended {
    let selected = session.options(journal.ledger(), order.selection, order.reapply)?;
    let options = Options { destroy: order.destroy, settled: true, ..selected };
    let (plan, live) = session.plan(journal.ledger(), &options).await?;
    let json = order.output.format() == Format::Json;
    if !json {
        ui.result(&planning::render(&plan, order.output, ui.out_style)).map_err(|problem| vec![problem])?;
    }
    if !plan.refusals.is_empty() {
        if json {
            ui.result(&planning::render(&plan, order.output, ui.out_style)).map_err(|problem| vec![problem])?;
        }
        return Ok(exit_code(&plan.refusals));
    }
    let left_over = settled.failed > 0 || settled.open > 0 || plan.has_failures();
    if !plan.has_changes() {
        if json {
            ui.result(&planning::render(&plan, order.output, ui.out_style)).map_err(|problem| vec![problem])?;
        }
        return Ok(u8::from(left_over));
    }
    let approval = match approve(ui, order)? {
        Some(approval) => approval,
        None => {
            ui.note("Nothing was changed.");
            return Ok(1);
        }
    };
    let began = Instant::now();
    let touched: BTreeSet<Address> = plan.changes.iter().map(|change| change.address.clone()).collect();
    let entry = began_entry(session, &plan, &live, order, approval);
    journal.append(session.clock.now(), [entry]).await.map_err(|problem| vec![problem])?;
    let outcome = {
        let mut progress = progress(ui, settings);
        let mut tell = |event: &Event| {
            progress.tell(event);
            events.push(event.clone());
        };
        let mut context = context(outside, session, journal, order, &mut tell);
        apply::run(&mut context, &plan).await
    };
    session.phase("apply", began);
    finish(ui, outside, order, journal, &plan, &events, &touched, outcome, left_over)
}

/// What the run came to, for people or for programs, and its exit code.
#[allow(clippy::too_many_arguments)]
fn finish(
    ui: &mut Ui,
    outside: &Outside,
    order: &Order<'_>,
    journal: &Journal,
    plan: &Plan,
    events: &[Event],
    touched: &BTreeSet<Address>,
    outcome: Result<Report, Problem>,
    left_over: bool,
) -> Ended {
    let held: Vec<_> =
        chronicles(journal.lines()).into_iter().filter(|chronicle| touched.contains(&chronicle.address)).collect();
    let text = match order.output.format() {
        Format::Json => crate::render::json::applied(plan, outcome.as_ref().ok(), events),
        Format::Text | Format::Markdown => {
            let style = ui.out_style;
            let heading = if order.destroy { "" } else { "\nOwnership history\n\n" };
            let tenures = if order.destroy { String::new() } else { history::text(&held, style) };
            format!("\n{}{heading}{tenures}", report::report(events, style))
        }
    };
    let written = ui.result(&text);
    let report = match outcome {
        Ok(report) => report,
        Err(problem) => {
            // The ledger is damaged or full: whatever was sent, this is 1 and never one of the promises.
            ui.errors(&[problem]);
            return Ok(1);
        }
    };
    written.map_err(|problem| vec![problem])?;
    if report.interrupted {
        ui.next("tenure apply");
        return Ok(outside.interrupted.load(Ordering::Relaxed));
    }
    if report.is_complete() && !left_over {
        ui.next("tenure history");
        return Ok(0);
    }
    ui.next("tenure apply");
    Ok(1)
}

fn progress(ui: &Ui, settings: &Settings) -> Progress {
    let kind = match (settings.quiet, std::io::stderr().is_terminal() && !settings.ci) {
        (true, _) => ProgressKind::Quiet,
        (false, true) => ProgressKind::Live,
        (false, false) => ProgressKind::Plain,
    };
    Progress::new(kind, ui.err_style, Box::new(std::io::stderr()))
}

/// How the plan was approved; `None` when it was declined.
fn approve(ui: &mut Ui, order: &Order<'_>) -> Result<Option<&'static str>, Problems> {
    if order.execution.auto_approve {
        return Ok(Some("auto-approve"));
    }
    if !std::io::stdin().is_terminal() {
        return Err(vec![
            Problem::input("there are changes to apply, and nobody can be asked: stdin is not a terminal")
                .hint("run it in a terminal, or with -y when the plan has been reviewed"),
        ]);
    }
    let mut answers: Box<dyn BufRead> = Box::new(std::io::stdin().lock());
    let question = if order.destroy { "Terminate all of this?" } else { "Apply this plan?" };
    let yes = ui
        .confirm(question, &mut answers)
        .map_err(|error| vec![Problem::failed(format!("the answer cannot be read: {error}"))])?;
    Ok(yes.then_some("yes"))
}

fn began_entry(session: &Session, plan: &Plan, live: &Live, order: &Order<'_>, approval: &str) -> Entry {
    let first_set = |names: &[&str]| names.iter().find_map(|name| std::env::var(name).ok().filter(|v| !v.is_empty()));
    Entry::Began(Began {
        command: order.command.to_owned(),
        actors: session::actors(live),
        project: session.project.name.clone(),
        digest: plan.digest.clone(),
        approval: approval.to_owned(),
        message: order.execution.message.clone(),
        commit: first_set(&["GITHUB_SHA", "CI_COMMIT_SHA", "BUILD_SOURCEVERSION"]),
        ci_run: first_set(&["GITHUB_RUN_ID", "CI_PIPELINE_ID", "BUILD_BUILDID"]),
        tenure: env!("CARGO_PKG_VERSION").to_owned(),
        sandboxed: session
            .project
            .targets
            .values()
            .filter(|target| target.is_sandbox())
            .map(|target| target.name.clone())
            .collect(),
    })
}
