//! `tenure plan`: what would change. Takes no lock and sends no write.

use std::time::Instant;

use super::args::{self, Format};
use super::session::{self, Session};
use super::{Ended, Outside, Settings};
use crate::ledger;
use crate::plan::Plan;
use crate::problem::Problem;
use crate::render::markdown::{self, MarkdownOptions};
use crate::render::text::{self, TextOptions};
use crate::render::ui::Ui;
use crate::render::{Style, json};

pub async fn run(ui: &mut Ui, settings: &Settings, outside: &Outside, args: &args::Plan) -> Ended {
    let mut session = Session::open(settings, outside, &args.selection)?;
    ui.warnings(&session.warnings());
    let began = Instant::now();
    let mut store = session::store(&session.project, session.clock.as_ref());
    let replay = ledger::read(&mut store).await.map_err(|problem| vec![problem])?;
    session.phase("ledger", began);
    let options = session.options(&replay.ledger, &args.selection, &args.reapply)?;
    let (plan, _) = session.plan(&replay.ledger, &options).await?;
    let began = Instant::now();
    let text = render(&plan, &args.output, ui.out_style);
    session.phase("render", began);
    ui.result(&text).map_err(|problem| vec![problem])?;
    if settings.timings {
        ui.note(&session.timings());
    }
    if !plan.refusals.is_empty() {
        return Ok(Problem::new(crate::problem::Kind::Refused, "").kind.exit_code());
    }
    if plan.has_changes() {
        ui.next("tenure apply");
        return Ok(if args.detailed_exitcode { 2 } else { 0 });
    }
    Ok(0)
}

/// The plan in the form that was asked for.
pub fn render(plan: &Plan, output: &args::Output, style: Style) -> String {
    match output.format() {
        Format::Text => text::plan(plan, &TextOptions { style, full: output.full }),
        Format::Json => json::plan(plan),
        Format::Markdown => markdown::plan(plan, &MarkdownOptions { max_bytes: output.max_bytes, full: output.full }),
    }
}
