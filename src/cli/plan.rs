//! `tenure plan`: what would change. Takes no lock and sends no write.

use std::time::Instant;

use super::args::{self, Format};
use super::session::{self, Session};
use super::{Ended, Outside, Settings};
use crate::ledger;
use crate::plan::Plan;
use crate::problem::{Problems, exit_code};
use crate::render::markdown::{self, MarkdownOptions};
use crate::render::text::TextOptions;
use crate::render::ui::Ui;
use crate::render::{self, Style, json};
use crate::run::{Planned, read_and_plan};

pub async fn run(ui: &mut Ui, settings: &Settings, outside: &Outside, args: &args::Plan) -> Ended {
    let session = Session::open(settings, outside, &args.selection)?;
    ui.warnings(&session.warnings());
    let began = Instant::now();
    let mut store = session::store(&session.project, session.clock.as_ref()).map_err(|problem| vec![problem])?;
    // Its lines are for histories.
    let ledger = ledger::read(&mut store).await.map_err(|problem| vec![problem])?.ledger;
    session.phase("ledger", began);
    ui.warnings(session.lost_world(&ledger).as_slice());
    let options = session.options(&ledger, &args.selection, &args.reapply)?;
    let planned = read_and_plan(&session.project, &session.providers, &ledger, &options, &session::secret).await;
    let plan = told(ui, &session, planned)?.plan;
    let began = Instant::now();
    let text = render(&plan, &args.output, ui.out_style);
    session.phase("render", began);
    ui.result(&text).map_err(|problem| vec![problem])?;
    if settings.timings {
        ui.note(&session.timings());
    }
    if !plan.refusals.is_empty() {
        return Ok(exit_code(&plan.refusals));
    }
    if plan.has_changes() {
        let mut apply = vec!["apply".to_owned()];
        apply.extend(args.selection.arguments());
        apply.extend(args.reapply.iter().flat_map(|address| ["--reapply".to_owned(), address.clone()]));
        ui.next(&settings.command(&apply));
        return Ok(if args.detailed_exitcode { 2 } else { 0 });
    }
    if !plan.unsettled.is_empty() {
        ui.next(&settings.command(&["apply".to_owned()]));
        return Ok(if args.detailed_exitcode { 2 } else { 0 });
    }
    Ok(0)
}

/// Where planning fails, the files' own warnings are told here, because there is no plan that could show them: a
/// swallowed key is often why.
pub fn told(ui: &mut Ui, session: &Session, planned: Result<Planned, Problems>) -> Result<Planned, Problems> {
    match &planned {
        Ok(Planned { reading, planning, .. }) => {
            session.took("read", *reading);
            session.took("plan", *planning);
        }
        Err(_) => ui.warnings(&session.project.warnings),
    }
    planned
}

/// The plan in the form that was asked for.
pub fn render(plan: &Plan, output: &args::Output, style: Style) -> String {
    match output.format() {
        Format::Text => text(plan, output, style),
        Format::Json => json::plan(plan),
        Format::Markdown => markdown::plan(plan, &MarkdownOptions { max_bytes: output.max_bytes, full: output.full }),
    }
}

/// The plan as a person reads it.
pub fn text(plan: &Plan, output: &args::Output, style: Style) -> String {
    render::text::plan(plan, &TextOptions { style, full: output.full })
}
