//! What people see, command by command.
//!
//! Each page of `cases/cli` is documentation and test in one: the commands of its `console` blocks run one after the
//! other in a new folder, which begins as a copy of the example that the first line names (or empty), and must say
//! what stands below them, stdout and stderr as a terminal mixes them. `? N` is an exit code other than 0.
//! `TENURE_BLESS=1 cargo test` writes the answers anew; read them before committing.
//!
//! Each folder of `cases/projects` is a whole project; its `case.md` is such a page, run in a copy of the folder.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use similar::TextDiff;

use crate::bench::{Bench, ROOT};

#[test]
fn every_page_is_true() {
    replay_all(&entries("tests/it/cases/cli"));
}

#[test]
fn every_project_does_what_its_page_says() {
    let pages: Vec<_> = entries("tests/it/cases/projects").iter().map(|folder| folder.join("case.md")).collect();
    replay_all(&pages);
}

fn entries(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(Path::new(ROOT).join(folder)).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{folder} is empty");
    paths
}

fn replay_all(pages: &[PathBuf]) {
    let mut wrong = String::new();
    for page in pages {
        let expected = std::fs::read_to_string(page).unwrap();
        // A ledger that somebody holds takes a program that can hold a file.
        if expected.contains("$ flock ") && !crate::bench::has("flock") {
            println!("skipped: {}, because `flock` (util-linux) is not there", page.display());
            continue;
        }
        let actual = replay(&expected, page);
        if actual == expected {
            continue;
        }
        if std::env::var_os("TENURE_BLESS").is_some() {
            std::fs::write(page, &actual).unwrap();
            continue;
        }
        let name = page.strip_prefix(ROOT).unwrap_or(page).display().to_string();
        let diff = TextDiff::from_lines(&expected, &actual);
        write!(wrong, "{}", diff.unified_diff().header(&name, "what was said")).unwrap();
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// The page with the answers that its commands give now.
fn replay(page: &str, path: &Path) -> String {
    let first = page.lines().next().unwrap_or_default();
    let example = first.strip_prefix("<!-- examples/").and_then(|rest| rest.strip_suffix(" -->"));
    let bench = match example {
        Some(example) => Bench::example(example),
        None if path.ends_with("case.md") => Bench::copy_of(path.parent().unwrap()),
        None => Bench::empty(),
    };
    let mut shown = Shown::of(&bench);
    let mut out = String::new();
    let mut lines = page.lines().peekable();
    // The fence that ends the block; one of more backticks lets an answer have its own.
    let mut fence: Option<&str> = None;
    while let Some(line) = lines.next() {
        let begins = line.strip_suffix("console").filter(|fence| fence.starts_with("```"));
        match fence {
            Some(end) if line == end => fence = None,
            None => fence = begins,
            Some(_) => {}
        }
        let Some(first) = line.strip_prefix("$ ").filter(|_| fence.is_some()) else {
            // Answers are written anew; everything else stays.
            if fence.is_none() || begins.is_some() {
                writeln!(out, "{line}").unwrap();
            }
            continue;
        };
        writeln!(out, "{line}").unwrap();
        let mut command = first.to_owned();
        while let Some(more) = lines.next_if(|line| line.starts_with("> ") && command.ends_with('\\')) {
            writeln!(out, "{more}").unwrap();
            write!(command, "\n{}", &more[2..]).unwrap();
        }
        let said = bench.run(&format!("exec 2>&1\n{command}"));
        out.push_str(&shown.answer(&said.out));
        if !said.out.is_empty() && !said.out.ends_with('\n') {
            out.push('\n');
        }
        if said.code != 0 {
            writeln!(out, "? {}", said.code).unwrap();
        }
    }
    out
}

/// What differs from run to run or from machine to machine, in words that do not.
struct Shown {
    folder: String,
    runs: BTreeMap<String, usize>,
    fixed: Vec<(fancy_regex::Regex, &'static str)>,
}

impl Shown {
    fn of(bench: &Bench) -> Shown {
        let fixed = [
            (r"\b\d+\.\d{3} s\b", "0.001 s"),
            (r"\bin \d+ ms\b", "in 1 ms"),
            (r"\b[0-9a-f]{12}…", "0123456789ab…"),
            (r"process \d+ on \S+ since [0-9T:-]+Z", "process 4711 on host since 2026-01-05T09:00:00Z"),
        ];
        Shown {
            folder: bench.path().canonicalize().unwrap().display().to_string(),
            runs: BTreeMap::new(),
            fixed: fixed.map(|(pattern, word)| (fancy_regex::Regex::new(pattern).unwrap(), word)).into(),
        }
    }

    /// Runs are numbered in the order in which they are told; a tag is the beginning of its run's id.
    fn answer(&mut self, text: &str) -> String {
        let mut text = text.replace(&self.folder, "/work");
        for (pattern, word) in &self.fixed {
            text = pattern.replace_all(&text, *word).into_owned();
        }
        let runs = &mut self.runs;
        let run = fancy_regex::Regex::new(r"\brun-([0-9a-f]{6})([0-9a-f]{10})?\b").unwrap();
        let named = run.replace_all(&text, |found: &fancy_regex::Captures<'_, str>| {
            let next = runs.len() + 1;
            let number = *runs.entry(found[1].to_owned()).or_insert(next);
            let rest = if found.get(2).is_some() { "0123456789" } else { "" };
            format!("run-{number:06}{rest}")
        });
        named.into_owned()
    }
}
