//! The commands: each reads what it needs, calls the stages one after the other, and says how it ended.
//!
//! Nothing is decided here beyond the order of stages and the exit code. With [`crate::render`] this is the only part
//! that talks to people.

mod apply;
mod args;
mod cache;
mod files;
mod history;
mod init;
mod plan;
mod sandbox;
mod session;
mod verbose;

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use tokio::sync::watch;

use crate::problem::{Problem, Problems, exit_code};
use crate::provider::meter::Meter;
use crate::render::ui::Ui;
use crate::seam::{Clock, Transport};
use args::{Cli, Command};

/// The doors that only the real program has.
pub struct Outside {
    pub transport: Arc<dyn Transport>,
    pub clock: Arc<dyn Clock>,
    /// Becomes true when a person asks to stop; a second time ends the process.
    pub interrupt: watch::Receiver<bool>,
    /// The exit code of an interrupted run: 130, or 143 after SIGTERM.
    pub interrupted: Arc<std::sync::atomic::AtomicU8>,
}

/// What every command is told.
#[derive(Clone)]
pub struct Settings {
    pub root: PathBuf,
    pub verbose: bool,
    pub timings: bool,
    pub quiet: bool,
    /// Whether `CI` is set.
    pub ci: bool,
    pub meter: Meter,
}

impl Settings {
    /// A command line that does what `words` say, for the same project: it can be run as it is printed.
    pub fn command(&self, words: &[String]) -> String {
        let chdir = (self.root != Path::new(".")).then(|| ["-C".to_owned(), self.root.display().to_string()]);
        let all = ["tenure".to_owned()].into_iter().chain(chdir.into_iter().flatten()).chain(words.iter().cloned());
        all.map(|word| quoted(&word)).collect::<Vec<_>>().join(" ")
    }
}

/// The same path without `.` in it, unless that is all there is.
fn tidy(path: &Path) -> PathBuf {
    let parts: PathBuf = path.components().filter(|part| *part != Component::CurDir).collect();
    if parts.as_os_str().is_empty() { PathBuf::from(".") } else { parts }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-./@=:,+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// How a command ended: its exit code, or problems that give one.
type Ended = Result<u8, Problems>;

/// Runs one command line and returns the exit code.
pub async fn run(arguments: Vec<std::ffi::OsString>, outside: Outside) -> u8 {
    let single_dash = arguments.iter().find_map(|argument| two_dashes(argument.to_str()?));
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // clap would end with 2, which means "there are changes" here.
            let code = match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => 0,
                _ => 3,
            };
            // Help that nobody reads is no failure.
            let _ = error.print();
            if let Some(flag) = single_dash.filter(|_| code == 3) {
                Ui::standard(false, false).note(&format!("hint: long flags take two dashes: {flag}"));
            }
            return code;
        }
    };
    let mut ui = Ui::standard(cli.no_color, cli.quiet);
    let meter = match std::env::var_os("TENURE_TRACE") {
        None => Meter::new(),
        Some(path) => match Meter::with_trace(path.as_ref()) {
            Ok(meter) => meter,
            Err(error) => {
                let problem = Problem::failed(format!("TENURE_TRACE cannot be written: {error}"));
                ui.errors(&[problem]);
                return 1;
            }
        },
    };
    let settings = Settings {
        root: cli.chdir,
        verbose: cli.verbose,
        timings: cli.timings,
        quiet: cli.quiet,
        ci: std::env::var("CI").is_ok_and(|value| !value.is_empty() && value != "false"),
        meter,
    };
    let outside = if settings.verbose { verbose::wrap(outside) } else { outside };
    let ended = match cli.command {
        Command::Init(args) => init::run(&mut ui, &settings, &outside, &args).await,
        Command::Validate => files::validate(&mut ui, &settings),
        Command::Plan(args) => plan::run(&mut ui, &settings, &outside, &args).await,
        Command::Apply(args) => apply::apply(&mut ui, &settings, &outside, &args).await,
        Command::Destroy(args) => apply::destroy(&mut ui, &settings, &outside, &args).await,
        Command::History(args) => history::history(&mut ui, &settings, &outside, &args).await,
        Command::Owners(args) => history::owners(&mut ui, &settings, &outside, &args).await,
        Command::Graph(args) => files::graph(&mut ui, &settings, &args),
        Command::Sandbox(args) => sandbox::run(&mut ui, &settings, &outside, &args).await,
        Command::Schema(args) => files::schema(&mut ui, &args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "tenure", &mut script);
            print(&mut ui, &String::from_utf8_lossy(&script))
        }
        Command::Version => print(&mut ui, concat!("tenure ", env!("CARGO_PKG_VERSION"), "\n")),
    };
    ended.unwrap_or_else(|problems| {
        ui.errors(&problems);
        exit_code(&problems)
    })
}

/// The flag that `-json` stands for: Terraform's long flags have one dash.
fn two_dashes(argument: &str) -> Option<String> {
    let name = argument.strip_prefix('-').filter(|name| !name.starts_with('-') && name.len() > 2)?;
    let known = name.split('=').next().unwrap_or(name);
    let command = Cli::command();
    let all = command.get_subcommands().flat_map(clap::Command::get_arguments).chain(command.get_arguments());
    let mut longs = all.filter_map(clap::Arg::get_long);
    longs.any(|long| long == known).then(|| format!("--{name}"))
}

/// A result that is all there is to say.
fn print(ui: &mut Ui, text: &str) -> Ended {
    ui.result(text).map(|()| 0).map_err(|problem| vec![problem])
}

#[cfg(test)]
mod tests {
    use super::{Settings, quoted};
    use crate::provider::meter::Meter;

    #[test]
    fn a_next_command_can_be_run_as_it_is_printed() {
        let settings = |root: &str| Settings {
            root: root.into(),
            verbose: false,
            timings: false,
            quiet: false,
            ci: false,
            meter: Meter::new(),
        };
        let words = ["apply".to_owned(), "--only".to_owned(), "web-*".to_owned()];
        assert_eq!(settings(".").command(&words), "tenure apply --only 'web-*'");
        assert_eq!(settings("my files").command(&words[..1]), "tenure -C 'my files' apply");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
