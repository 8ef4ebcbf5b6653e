//! `tenure history` and `tenure owners`: what the ledger says, without asking any cloud.

use super::args::{self, Format};
use super::session;
use super::{Ended, Outside, Settings, print};
use crate::ledger::history::{Chronicle, chronicles, find};
use crate::problem::Problem;
use crate::render::history as render;
use crate::render::ui::Ui;
use crate::{config, ledger};

pub async fn history(ui: &mut Ui, settings: &Settings, outside: &Outside, args: &args::History) -> Ended {
    let all = read(settings, outside).await?;
    let chosen: Vec<Chronicle> = match &args.what {
        None => all,
        Some(what) => {
            let found: Vec<Chronicle> = find(&all, what).into_iter().cloned().collect();
            if found.is_empty() {
                let mut names = all.iter().map(|chronicle| chronicle.address.key.as_str());
                let near = crate::problem::nearest(what, &mut names).map(str::to_owned);
                let hint = near.map_or_else(
                    || "`tenure owners` lists what it knows".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                return Err(vec![Problem::input(format!("the ledger knows no `{what}`")).hint(hint)]);
            }
            found
        }
    };
    let text = match format(args.format, args.json) {
        Format::Text => render::text(&chosen, ui.out_style),
        Format::Json => render::json(&chosen),
        Format::Markdown => render::markdown(&chosen),
    };
    print(ui, &text)
}

pub async fn owners(ui: &mut Ui, settings: &Settings, outside: &Outside, args: &args::Owners) -> Ended {
    let all: Vec<Chronicle> = read(settings, outside).await?.into_iter().filter(|c| c.gone.is_none()).collect();
    let text = match format(args.format, args.json) {
        Format::Text => render::owners(&all, ui.out_style),
        Format::Json => render::json(&all),
        Format::Markdown => render::markdown(&all),
    };
    print(ui, &text)
}

fn format(format: Format, json: bool) -> Format {
    if json { Format::Json } else { format }
}

async fn read(settings: &Settings, outside: &Outside) -> Result<Vec<Chronicle>, Vec<Problem>> {
    let project = config::load(&settings.root)?;
    let mut store = session::store(&project, outside.clock.as_ref());
    let replay = ledger::read(&mut store).await.map_err(|problem| vec![problem])?;
    Ok(chronicles(&replay.lines))
}
