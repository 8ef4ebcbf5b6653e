//! `tenure.toml` and everything that it includes.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use glob::{MatchOptions, Pattern};

use super::file;
use super::findings::Findings;
use super::source::Source;
use crate::model::Located;
use crate::problem::{Place, Problem};

pub(super) const ROOT_FILE: &str = "tenure.toml";

/// Includes are not nested deeper than this; a project that needs more has lost its way.
const DEEPEST: usize = 32;

/// The files of a project in the order of reading.
#[derive(Default)]
pub(super) struct Files {
    pub drafts: Vec<file::Draft>,
    /// Their names, as problems show them.
    pub names: Vec<String>,
    /// Whether some file could not be read: what seems to be missing may be in it.
    pub incomplete: bool,
}

/// Reads the whole project in `root`.
pub(super) fn read(root: &Path, findings: &Findings) -> Files {
    let mut walk = Walk { root, findings, open: Vec::new(), seen: BTreeSet::new(), files: Files::default() };
    let path = root.join(ROOT_FILE);
    if path.symlink_metadata().is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
        walk.files.incomplete = true;
        findings.problem(missing(root));
    } else {
        walk.file(&path, None);
    }
    walk.files
}

fn missing(root: &Path) -> Problem {
    let folder = root.display();
    if root.as_os_str().is_empty() || root.is_dir() {
        let here = if root.as_os_str().is_empty() { ".".to_owned() } else { folder.to_string() };
        let problem = Problem::input(format!("there is no `{ROOT_FILE}` in `{here}`"));
        problem.hint("`tenure init` writes a starter project; `--chdir DIR` looks in another folder")
    } else {
        Problem::input(format!("there is no folder `{folder}`"))
    }
}

struct Walk<'a> {
    root: &'a Path,
    findings: &'a Findings,
    /// The files that are being read, from `tenure.toml` inwards.
    open: Vec<(PathBuf, String)>,
    seen: BTreeSet<PathBuf>,
    files: Files,
}

impl Walk<'_> {
    fn file(&mut self, path: &Path, asked_at: Option<&Place>) {
        let name = self.name(path);
        let identity = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if let Some(problem) = self.loops(&identity, &name) {
            self.files.incomplete = true;
            self.findings.problem(located(problem, asked_at));
            return;
        }
        // Two patterns may match one file; once is enough.
        if !self.seen.insert(identity.clone()) {
            return;
        }
        self.files.names.push(name.clone());
        let source = match Source::read(path, &name, asked_at) {
            Ok(source) => source,
            Err(problem) => {
                self.files.incomplete = true;
                self.findings.problem(problem);
                return;
            }
        };
        let Some(draft) = file::read(&source, self.findings) else {
            self.files.incomplete = true;
            return;
        };
        self.files.incomplete |= draft.lacks_includes;
        let includes = draft.includes.clone();
        self.files.drafts.push(draft);
        self.open.push((identity, name));
        for include in &includes {
            self.include(path.parent().unwrap_or(Path::new("")), include);
        }
        self.open.pop();
    }

    /// A file that includes itself, directly or through others, with the chain.
    fn loops(&self, identity: &Path, name: &str) -> Option<Problem> {
        let chain = |from: usize| {
            let names = self.open[from..].iter().map(|(_, name)| name.as_str()).chain([name]);
            names.collect::<Vec<_>>().join("` → `")
        };
        if let Some(from) = self.open.iter().position(|(open, _)| open == identity) {
            let problem = Problem::input(format!("this include goes in a circle: `{}`", chain(from)));
            return Some(
                problem.hint(
                    "leave out the include that leads back, or put the included files into a folder of their own",
                ),
            );
        }
        (self.open.len() >= DEEPEST).then(|| {
            let message = format!("includes are nested more than {DEEPEST} deep");
            Problem::input(message).hint("include the files from `tenure.toml`")
        })
    }

    fn include(&mut self, folder: &Path, pattern: &Located<String>) {
        match matches(folder, &pattern.value) {
            Ok(paths) => {
                for path in paths {
                    self.file(&path, Some(&pattern.place));
                }
            }
            Err(problem) => {
                self.files.incomplete = true;
                self.findings.problem(problem.at(&pattern.place));
            }
        }
    }

    /// The name of a file relative to the project, the way a person would write it.
    fn name(&self, path: &Path) -> String {
        let relative = path.strip_prefix(self.root).unwrap_or(path);
        let mut words: Vec<String> = Vec::new();
        for component in relative.components() {
            match component {
                Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
                Component::ParentDir if words.last().is_some_and(|last| last != "..") => {
                    words.pop();
                }
                other => words.push(other.as_os_str().to_string_lossy().into_owned()),
            }
        }
        words.join("/")
    }
}

fn located(problem: Problem, place: Option<&Place>) -> Problem {
    match place {
        Some(place) => problem.at(place),
        None => problem,
    }
}

/// The files that a pattern names, in alphabetical order; at least one.
fn matches(folder: &Path, pattern: &str) -> Result<Vec<PathBuf>, Problem> {
    if Path::new(pattern).has_root() {
        return Err(Problem::input("an include is relative to the folder of its file, not absolute"));
    }
    let folder = folder.to_str().ok_or_else(|| {
        Problem::input("includes cannot be looked up in a folder whose name is not UTF-8").hint("rename the folder")
    })?;
    let whole = if folder.is_empty() { pattern.to_owned() } else { format!("{}/{pattern}", Pattern::escape(folder)) };
    let options = MatchOptions { require_literal_leading_dot: true, ..MatchOptions::new() };
    let found = glob::glob_with(&whole, options).map_err(|error| {
        Problem::input(format!("this include is not a pattern: {}", error.msg))
            .hint("`*` stands for any characters within a folder or file name, `**` for any folders")
    })?;
    let mut paths = Vec::new();
    for path in found {
        let path =
            path.map_err(|error| Problem::input(format!("this include cannot be looked up: {}", error.error())))?;
        if path.is_file() {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        return Err(Problem::input("this include matches no file")
            .hint("correct it, or leave it out: products that are silently not read would be terminated"));
    }
    Ok(paths)
}
