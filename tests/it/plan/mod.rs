//! Files, a cloud and a ledger in; a plan or problems out.
//!
//! Each file of `cases/plan` is one case: a few words, the project (`--- tenure.toml`), what the cloud has (`--- live`),
//! what is ours (`--- ledger`), what the command line says (`--- options`), and what comes of it:
//!
//! - `--- plan` or `--- problems`: what a person reads;
//! - `--- needs`: what each round of planning asked for, which shows that only what is declared is read;
//! - `--- requests`: what each step would send;
//! - `--- records`: what goes into the ledger without a cloud write;
//! - `--- observed`: what was seen of holders and goes there too.
//!
//! The last four are compared where a case has them. `TENURE_BLESS=1 cargo test` writes the expectations anew; read
//! them before committing.

mod digest;
mod size;
mod world;

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use tenure::config;
use tenure::model::{Address, Live, Project};
use tenure::plan::{Allow, Inputs, Options, Outcome, Plan, plan};
use tenure::problem::Problem;
use tenure::render::Style;
use tenure::render::text::{self, TextOptions};

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/cases/plan");
/// A big project must be read in a handful of rounds, however its products hang together.
const ROUNDS_MAX: usize = 4;

fn sections(case: &str) -> Vec<(&str, &str)> {
    let mut sections = Vec::new();
    let mut rest = case.find("--- ").map_or("", |at| &case[at + 4..]);
    while !rest.is_empty() {
        let (name, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let end = if after.starts_with("--- ") { 0 } else { after.find("\n--- ").map_or(after.len(), |at| at + 1) };
        sections.push((name.trim(), &after[..end]));
        rest = after[end..].strip_prefix("--- ").unwrap_or("");
    }
    sections
}

#[derive(serde::Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Told {
    only: Vec<String>,
    exclude: Vec<String>,
    reapply: Vec<String>,
    allow: Allowed,
    destroy: bool,
    settled: bool,
    refused: Vec<String>,
}

#[derive(serde::Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Allowed {
    terminate: Option<u32>,
    change_percent: Option<u32>,
    owner_changes: Option<u32>,
    launch_role_changes: Option<u32>,
}

fn options(text: &str) -> Options {
    let told: Told = toml::from_str(text).unwrap();
    let set = |of: &[String]| of.iter().map(|text| text.parse::<Address>().unwrap()).collect();
    Options {
        only: (!told.only.is_empty()).then(|| set(&told.only)),
        exclude: set(&told.exclude),
        reapply: set(&told.reapply),
        allow: Allow {
            terminate: told.allow.terminate,
            change_percent: told.allow.change_percent,
            owner_changes: told.allow.owner_changes,
            launch_role_changes: told.allow.launch_role_changes,
        },
        destroy: told.destroy,
        settled: told.settled,
        refused: set(&told.refused),
    }
}

/// What came of a case, section by section.
#[derive(Default)]
struct Came {
    /// `plan` or `problems`.
    kind: &'static str,
    text: String,
    needs: String,
    requests: String,
    records: String,
    observed: String,
    digest: String,
}

fn run(sections: &[(&str, &str)]) -> Came {
    let of = |name: &str| sections.iter().find(|(found, _)| *found == name).map_or("", |(_, text)| *text);
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in sections.iter().filter(|(name, _)| name.ends_with(".toml")) {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let mut came = Came { kind: "problems", ..Came::default() };
    let project = match config::load(folder.path()) {
        Ok(project) => project,
        Err(problems) => {
            came.text = lines(&problems);
            return came;
        }
    };
    let world = world::World::parse(of("live"));
    let ledger = world::ledger(of("ledger"), &project);
    let options = options(of("options"));
    match planned(&project, &world, &ledger, &options, &mut came.needs) {
        Ok(plan) => {
            came.kind = "plan";
            let options = TextOptions { style: Style { color: false, width: 100 }, full: false };
            // The digest is held by tests of its own; here it would only change with every edit.
            came.text = text::plan(&plan, &options).replace(&format!("{}\n", plan.digest), "");
            came.digest.clone_from(&plan.digest);
            if plan.has_failures() {
                came.text.push_str("(apply ends with 1)\n");
            }
            for step in &plan.steps {
                let request = serde_json::to_string(&step.request).unwrap();
                writeln!(came.requests, "{} {} {request}", step.id, step.address).unwrap();
            }
            for entry in &plan.records {
                writeln!(came.records, "{}", serde_json::to_string(entry).unwrap()).unwrap();
            }
            for entry in &plan.observed {
                writeln!(came.observed, "{}", serde_json::to_string(entry).unwrap()).unwrap();
            }
        }
        Err(problems) => came.text = lines(&problems),
    }
    came
}

fn planned(
    project: &Project,
    world: &world::World,
    ledger: &tenure::ledger::Ledger,
    options: &Options,
    asked: &mut String,
) -> Result<Plan, Vec<Problem>> {
    let mut live = Live::new();
    for round in 1..=ROUNDS_MAX + 1 {
        match plan(&Inputs::new(project, ledger, &live, options))? {
            Outcome::Plan(plan) => return Ok(*plan),
            Outcome::Needs(needs) => {
                for (target, query) in &needs {
                    writeln!(asked, "{round} {target}: {}", world::describe(query)).unwrap();
                    live.entry(target.clone()).or_default().merge(world.answer(target, query));
                }
            }
        }
    }
    panic!("more than {ROUNDS_MAX} rounds:\n{asked}");
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

#[test]
fn cases() {
    let mut paths: Vec<PathBuf> = fs::read_dir(CASES).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut wrong = Vec::new();
    for path in paths {
        let case = fs::read_to_string(&path).unwrap();
        let sections = sections(&case);
        println!("{}", path.display());
        let came = run(&sections);
        let mut actual = case[..case.find("--- ").unwrap()].to_owned();
        for (name, text) in &sections {
            let (name, text) = match *name {
                "plan" | "problems" => (came.kind, came.text.as_str()),
                "needs" => (*name, came.needs.as_str()),
                "requests" => (*name, came.requests.as_str()),
                "records" => (*name, came.records.as_str()),
                "observed" => (*name, came.observed.as_str()),
                _ => (*name, *text),
            };
            write!(actual, "--- {name}\n{text}").unwrap();
        }
        if actual == case {
            continue;
        }
        if std::env::var_os("TENURE_BLESS").is_some() {
            fs::write(&path, actual).unwrap();
        } else {
            wrong.push(format!("{}\n{actual}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
