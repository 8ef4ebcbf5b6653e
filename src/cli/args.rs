//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// The heading of the options that every command has.
const EVERYWHERE: &str = "Everywhere";

/// Plan and apply provisioned products of AWS Service Catalog: versions, parameters, tags, launch roles and owners.
#[derive(Debug, Parser)]
#[command(name = "tenure", version, max_term_width = 100)]
#[command(
    after_help = "`tenure init` writes a first project, which needs no account. `tenure help COMMAND` says more."
)]
pub struct Cli {
    /// Work in this folder
    #[arg(
        short = 'C',
        long = "chdir",
        value_name = "DIR",
        default_value = ".",
        global = true,
        hide_default_value = true,
        help_heading = EVERYWHERE
    )]
    pub chdir: PathBuf,
    /// No colours (as NO_COLOR does)
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub no_color: bool,
    /// Only the result and errors
    #[arg(short, long, global = true, help_heading = EVERYWHERE)]
    pub quiet: bool,
    /// Name every request on stderr
    #[arg(short, long, global = true, help_heading = EVERYWHERE)]
    pub verbose: bool,
    /// Print calls by operation, retries and time by phase to stderr
    #[arg(long, global = true, help_heading = EVERYWHERE)]
    pub timings: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a commented starter that plans and applies in the sandbox
    Init(Init),
    /// Check the files; no network
    Validate,
    /// Show what would change, and in what order
    Plan(Plan),
    /// Plan, show, ask, and carry the steps out
    Apply(Apply),
    /// Terminate everything that is ours (or what --only names, with what depends on it)
    Destroy(Destroy),
    /// Who held what, from when until when, by which plan and operation
    History(History),
    /// Who holds everything, now or at a time
    Owners(Owners),
    /// What depends on what, as a picture or for programs
    Graph(Graph),
    /// Serve the sandbox on a port, for other clients
    Sandbox(Sandbox),
    /// Print a JSON Schema
    Schema(Schema),
    /// Print a completion script for a shell
    Completions { shell: Shell },
    /// Print the version
    Version,
}

#[derive(Debug, Args)]
pub struct Init {
    /// The folder to write to; made if it is not there
    #[arg(default_value = ".")]
    pub dir: PathBuf,
    /// Write a real target for this profile instead, with the account found
    #[arg(long, requires = "region")]
    pub profile: Option<String>,
    /// The region of the real target
    #[arg(long, requires = "profile")]
    pub region: Option<String>,
    /// The cloud of the real target
    #[arg(long, requires = "profile", value_enum, default_value_t = Provider::Aws)]
    pub provider: Provider,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Provider {
    Aws,
    Alibaba,
}

/// What a run is about and what it may do.
#[derive(Debug, Args)]
#[command(next_help_heading = "Selection")]
pub struct Selection {
    /// Only this address, with what it depends on (destroy: what depends on it); a glob, repeatable
    #[arg(long, value_name = "ADDR")]
    pub only: Vec<String>,
    /// All but this address; a glob, repeatable
    #[arg(long, value_name = "ADDR")]
    pub exclude: Vec<String>,
    /// Replace one limit for this run: terminate=N, change_percent=N, owner_changes=N, launch_role_changes=N
    #[arg(long, value_name = "LIMIT=N", value_parser = parse_allow)]
    pub allow: Vec<(Limit, u32)>,
    /// Requests and operations at once in each target
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10,
        value_parser = clap::value_parser!(u16).range(1..=1000),
        help_heading = "Run"
    )]
    pub parallelism: u16,
    /// The sandbox's seed, if not sandbox.toml beside tenure.toml
    #[arg(long, value_name = "FILE", help_heading = "Run")]
    pub seed: Option<PathBuf>,
}

impl Selection {
    /// The arguments that select the same again.
    pub fn arguments(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut flag = |name: &str, value: String| words.extend([name.to_owned(), value]);
        self.only.iter().for_each(|pattern| flag("--only", pattern.clone()));
        self.exclude.iter().for_each(|pattern| flag("--exclude", pattern.clone()));
        for (limit, count) in &self.allow {
            let name = LIMITS.iter().find(|(_, known)| known == limit).map_or("", |(name, _)| *name);
            flag("--allow", format!("{name}={count}"));
        }
        if let Some(seed) = &self.seed {
            flag("--seed", seed.display().to_string());
        }
        words
    }
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// The form of the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
    /// Show everything: no groups, nothing shortened
    #[arg(long)]
    pub full: bool,
    /// The most bytes that the Markdown may have
    #[arg(long, value_name = "N", default_value_t = 65_000, value_parser = parse_max_bytes)]
    pub max_bytes: usize,
}

impl Output {
    pub fn format(&self) -> Format {
        if self.json { Format::Json } else { self.format }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
    Markdown,
}

#[derive(Debug, Args)]
pub struct Plan {
    #[command(flatten)]
    pub selection: Selection,
    #[command(flatten)]
    pub output: Output,
    /// Send owner and launch role again; after a failed update also the update
    #[arg(long, value_name = "ADDR", help_heading = "Selection")]
    pub reapply: Vec<String>,
    /// Exit with 2 when there are changes
    #[arg(long, help_heading = "Output")]
    pub detailed_exitcode: bool,
}

/// How a run is carried out.
#[derive(Debug, Args)]
#[command(next_help_heading = "Run")]
pub struct Execution {
    /// Do not ask
    #[arg(short = 'y', long)]
    pub auto_approve: bool,
    /// After a failure: go on with what does not depend on it, or start nothing more
    #[arg(long, value_enum, default_value_t = OnError::Continue, value_name = "HOW")]
    pub on_error: OnError,
    /// Why, for the ledger
    #[arg(long, value_name = "TEXT")]
    pub message: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnError {
    Continue,
    Stop,
}

#[derive(Debug, Args)]
pub struct Apply {
    #[command(flatten)]
    pub selection: Selection,
    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub execution: Execution,
    /// Send owner and launch role again; after a failed update also the update
    #[arg(long, value_name = "ADDR", help_heading = "Selection")]
    pub reapply: Vec<String>,
}

#[derive(Debug, Args)]
pub struct Destroy {
    #[command(flatten)]
    pub selection: Selection,
    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub execution: Execution,
}

#[derive(Debug, Args)]
pub struct History {
    /// An address, an old address, a key, a name, an id or an ARN; gone things too
    pub what: Option<String>,
    /// The form of the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Owners {
    /// At this time instead of now: 2026-11-03T02:14Z, or a date for its whole UTC day
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub at: Option<Span>,
    /// Only what this holder holds, in any office: a glob such as 'user/244*'
    #[arg(long, value_name = "GLOB")]
    pub holder: Option<String>,
    /// The form of the result
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct Graph {
    /// The form of the result
    #[arg(long, value_enum, default_value_t = GraphFormat::Dot)]
    pub format: GraphFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    Dot,
    Mermaid,
    Json,
}

#[derive(Debug, Args)]
pub struct Sandbox {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:4566", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// The world as it begins
    #[arg(long, default_value = "sandbox.toml", value_name = "FILE")]
    pub seed: PathBuf,
    /// Where the world is kept
    #[arg(long, default_value = ".tenure/sandbox", value_name = "DIR")]
    pub state: PathBuf,
    /// How many times faster than real time the world runs
    #[arg(long, default_value_t = 1.0, value_name = "N")]
    pub time_scale: f64,
}

#[derive(Debug, Args)]
pub struct Schema {
    /// Of the files, of `plan --json`, or of one line of the ledger
    #[arg(value_enum, default_value_t = SchemaOf::Config)]
    pub of: SchemaOf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    Config,
    Plan,
    Ledger,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    Terminate,
    ChangePercent,
    OwnerChanges,
    LaunchRoleChanges,
}

const LIMITS: [(&str, Limit); 4] = [
    ("terminate", Limit::Terminate),
    ("change_percent", Limit::ChangePercent),
    ("owner_changes", Limit::OwnerChanges),
    ("launch_role_changes", Limit::LaunchRoleChanges),
];

fn parse_allow(text: &str) -> Result<(Limit, u32), String> {
    let names = || LIMITS.map(|(name, _)| name).join(", ");
    let (key, count) = text.split_once('=').ok_or_else(|| format!("it is LIMIT=N, with one of {}", names()))?;
    let (_, limit) = LIMITS.iter().find(|(name, _)| *name == key).ok_or_else(|| {
        let near = crate::problem::nearest(key, LIMITS.iter().map(|(name, _)| *name));
        near.map_or_else(
            || format!("there is no limit `{key}`; there are {}", names()),
            |near| format!("there is no limit `{key}`; did you mean `{near}`?"),
        )
    })?;
    let count = count.parse().map_err(|_| format!("`{count}` is not a whole number of 0 or more"))?;
    Ok((*limit, count))
}

/// From the first time to the second, both included.
#[derive(Debug, Clone, Copy)]
pub struct Span(pub Timestamp, pub Timestamp);

/// A time without a zone is UTC, as everything is that tenure prints. What is not written is meant as a whole: the day of
/// a date, and of a time as `history` shows it the minute.
fn parse_time(text: &str) -> Result<Span, String> {
    let whole = |at: Timestamp| Span(at, unwritten(text).map_or(at, |length| at.saturating_add(length).unwrap_or(at)));
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(whole(at));
    }
    let in_utc = |at: DateTime| at.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp());
    let dated = !text.contains([':', 'T', 't']);
    let span = match (text.parse::<Date>(), text.parse::<DateTime>()) {
        (Ok(day), _) if dated => {
            in_utc(day.at(0, 0, 0, 0)).and_then(|from| Ok((from, in_utc(day.at(23, 59, 59, 999_999_999))?)))
        }
        (_, Ok(at)) => in_utc(at).map(|at| (at, whole(at).1)),
        (_, Err(error)) => Err(error),
    };
    let (from, to) =
        span.map_err(|_| "it is a time such as 2026-11-03T02:14Z, or a date such as 2026-11-03".to_owned())?;
    Ok(Span(from, to))
}

/// The rest of the minute or second that a time names, up to its last nanosecond; nothing where it names an instant.
fn unwritten(text: &str) -> Option<SignedDuration> {
    let (_, clock) = text.split_once(['T', 't', ' '])?;
    let clock = clock.split(['Z', 'z', '+', '-']).next().unwrap_or(clock);
    let seconds = match clock.chars().filter(char::is_ascii_digit).count() {
        _ if clock.contains(['.', ',']) => return None,
        2 => 3600,
        4 => 60,
        _ => 1,
    };
    Some(SignedDuration::from_secs(seconds) - SignedDuration::from_nanos(1))
}

/// Fewer could not hold the verdict and everything that must never be left out.
const MAX_BYTES_LEAST: usize = 2_000;

fn parse_max_bytes(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(bytes) if bytes >= MAX_BYTES_LEAST => Ok(bytes),
        _ => Err(format!("it is a number of bytes, at least {MAX_BYTES_LEAST}")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Span, parse_time};

    #[test]
    fn what_a_time_leaves_out_is_meant_as_a_whole() {
        let cases = [
            ("2026-11-03", "2026-11-03T00:00:00Z", "2026-11-03T23:59:59.999999999Z"),
            ("2026-11-03T02:14Z", "2026-11-03T02:14:00Z", "2026-11-03T02:14:59.999999999Z"),
            ("2026-11-03 02:14Z", "2026-11-03T02:14:00Z", "2026-11-03T02:14:59.999999999Z"),
            ("2026-11-03T02:14", "2026-11-03T02:14:00Z", "2026-11-03T02:14:59.999999999Z"),
            ("2026-11-03T02:14+01:00", "2026-11-03T01:14:00Z", "2026-11-03T01:14:59.999999999Z"),
            ("20261103T0214Z", "2026-11-03T02:14:00Z", "2026-11-03T02:14:59.999999999Z"),
            ("2026-11-03T02:14:05Z", "2026-11-03T02:14:05Z", "2026-11-03T02:14:05.999999999Z"),
            ("2026-11-03T02:14:05.5Z", "2026-11-03T02:14:05.5Z", "2026-11-03T02:14:05.5Z"),
        ];
        for (text, from, to) in cases {
            let Span(first, last) = parse_time(text).unwrap();
            assert_eq!((first, last), (from.parse().unwrap(), to.parse().unwrap()), "{text}");
        }
        assert!(parse_time("yesterday").is_err());
    }
}
