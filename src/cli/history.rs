//! `tenure history` and `tenure owners`: what the ledger says, without asking any cloud.

use super::args::{self, Format, Span};
use super::session;
use super::{Ended, Outside, Settings, print};
use crate::config;
use crate::ledger::history::{Chronicle, Held, chronicles, find, owners as owners_now, owners_during, runs};
use crate::ledger::{self, Replay};
use crate::problem::{Problem, Problems};
use crate::render::history as render;
use crate::render::ui::Ui;

pub async fn history(ui: &mut Ui, settings: &Settings, outside: &Outside, args: &args::History) -> Ended {
    let replay = read(settings, outside).await?;
    let (all, runs) = (chronicles(&replay.lines), runs(&replay.lines));
    let chosen: Vec<Chronicle> = match &args.what {
        None => all,
        Some(what) => {
            let found: Vec<Chronicle> = find(&all, what).into_iter().cloned().collect();
            if found.is_empty() {
                return Err(vec![unknown(&all, what)]);
            }
            found
        }
    };
    let text = match format(args.format, args.json) {
        Format::Text => render::text(&chosen, &runs, ui.out_style),
        Format::Json => render::json(&chosen, &runs),
        Format::Markdown => render::markdown(&chosen, &runs),
    };
    print(ui, &text)
}

fn unknown(all: &[Chronicle], what: &str) -> Problem {
    let names = all.iter().map(|chronicle| chronicle.address.key.as_str());
    let hint = crate::problem::nearest(what, names)
        .map_or_else(|| "`tenure owners` lists what it knows".to_owned(), |near| format!("did you mean `{near}`?"));
    Problem::input(format!("the ledger knows no `{what}`")).hint(hint)
}

pub async fn owners(ui: &mut Ui, settings: &Settings, outside: &Outside, args: &args::Owners) -> Ended {
    let all = chronicles(&read(settings, outside).await?.lines);
    let held = match args.at {
        None => owners_now(&all, None),
        Some(Span(from, to)) => owners_during(&all, from, to),
    };
    let is_shown = |chronicle: &&Chronicle| {
        let mut held = held.iter().filter(|held| std::ptr::eq(held.chronicle, *chronicle));
        match (&args.holder, args.at) {
            (Some(holder), _) => held.any(|held| is_holder(held, holder)),
            (None, Some(_)) => held.next().is_some(),
            // What nobody is known to hold is there all the same.
            (None, None) => chronicle.gone.is_none(),
        }
    };
    let there: Vec<&Chronicle> = all.iter().filter(is_shown).collect();
    let text = match format(args.format, args.json) {
        Format::Text => render::owners(&there, &held, ui.out_style),
        Format::Json => render::owners_json(&there, &held),
        Format::Markdown => render::owners_markdown(&there, &held),
    };
    print(ui, &text)
}

/// Whether a holder is meant by a glob: as a whole ARN, or as what stands behind its account (`user/244*`).
fn is_holder(held: &Held<'_>, pattern: &str) -> bool {
    let holder = held.tenure.holder.as_str();
    let short = holder.rsplit_once(':').map_or(holder, |(_, short)| short);
    config::matches(pattern, holder) || config::matches(pattern, short)
}

fn format(format: Format, json: bool) -> Format {
    if json { Format::Json } else { format }
}

async fn read(settings: &Settings, outside: &Outside) -> Result<Replay, Problems> {
    let project = config::load(&settings.root)?;
    let mut store = session::store(&project, outside.clock.as_ref()).map_err(|problem| vec![problem])?;
    ledger::read(&mut store).await.map_err(|problem| vec![problem])
}
