//! `tenure sandbox`: the imaginary cloud on a port.

use super::{Ended, Outside, Settings, args, tidy};
use crate::render::ui::Ui;
use crate::sandbox;

pub async fn run(ui: &mut Ui, settings: &Settings, outside: &Outside, args: &args::Sandbox) -> Ended {
    let seed = tidy(&settings.root.join(&args.seed));
    let state = tidy(&settings.root.join(&args.state));
    let mut interrupt = outside.interrupt.clone();
    let mut failed = None;
    let served = sandbox::serve(args.listen, &seed, &state, args.time_scale, |address| {
        // The one line of the result: a script that starts the sandbox reads the address from it.
        failed = ui.result(&format!("listening on http://{address}\n")).err();
    });
    tokio::select! {
        ended = served => ended.map_err(|problem| vec![problem])?,
        () = async { while !*interrupt.borrow() { if interrupt.changed().await.is_err() { break; } } } => {}
    }
    match failed {
        Some(problem) => Err(vec![problem]),
        None => Ok(0),
    }
}
