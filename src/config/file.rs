//! One file of a project: its tables as drafts, before they are put together with those of the other files.

use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use semver::{Version, VersionReq};
use toml::de::DeTable;

use super::findings::Findings;
use super::section::{Item, Reader, Section};
use super::source::Source;
use super::{keys, names, product, section, target};
use crate::model::{Limits, Located};
use crate::problem::{Place, Problem};

/// A table that a project has at most once.
pub(super) struct Single<T> {
    pub place: Place,
    pub value: T,
}

/// What one file says.
pub(super) struct Draft {
    pub includes: Vec<Located<String>>,
    /// Whether an include was faulty and is left out.
    pub lacks_includes: bool,
    pub name: Option<Single<Option<String>>>,
    pub ledger: Option<Single<Option<PathBuf>>>,
    pub limits: Option<Single<Limits>>,
    pub targets: Vec<target::Draft>,
    pub products: Vec<product::Draft>,
}

/// Reads what a file says, or nothing if it is not TOML. Everything that is wrong is among the findings.
pub(super) fn read(source: &Source, findings: &Findings) -> Option<Draft> {
    let table = match DeTable::parse(source.text()) {
        Ok(table) => table.into_inner(),
        Err(error) => {
            findings.problem(syntax(source, &error));
            return None;
        }
    };
    let reader = Reader { source, findings };
    let top = Section::top(&reader, &table, keys::TOP);
    let include = top.get("include");
    let includes = include.as_ref().and_then(Item::lines).unwrap_or_default();
    let written = |item: Item<'_>| item.value().as_array().map_or(usize::MAX, |array| array.len());
    let tables = |key| top.get(key).and_then(|item| item.entries_of_names()).unwrap_or_default();
    Some(Draft {
        lacks_includes: include.map_or(0, written) > includes.len(),
        includes,
        name: single(&top, "project", keys::PROJECT, project),
        ledger: single(&top, "ledger", keys::LEDGER, ledger),
        limits: single(&top, "limits", keys::LIMITS, limits),
        targets: tables("target").iter().map(target::read).collect(),
        products: tables("provisioned_product").iter().filter_map(product::read).collect(),
    })
}

/// The parser's words name tokens, never text of the file, so they can be repeated.
fn syntax(source: &Source, error: &toml::de::Error) -> Problem {
    let span = error.span().unwrap_or_default();
    let place = source.place(span.start);
    let words = error.message().lines().collect::<Vec<_>>().join(", ");
    let problem = match words.as_str() {
        "recursion limit" | "cannot recurse further; max recursion depth met" => {
            Problem::input("tables or arrays are nested too deeply")
        }
        "duplicate key" => {
            let key = source.text().get(span).unwrap_or_default();
            let key = section::quoted_key(key.trim_matches(['"', '\'']));
            Problem::input(format!("`{key}` is already defined in this file"))
                .hint("a table or key is written once; put the lines of both together")
        }
        words if words.starts_with("string values must be quoted") => {
            Problem::input("this is not TOML: text without quotes").hint("write it as in `key = \"text\"`")
        }
        words if words.starts_with("invalid float") || words.starts_with("invalid integer") => {
            Problem::input("this is not TOML: neither a number nor a string")
                .hint("write text in quotes, as in \"2.1.0\"")
        }
        other => Problem::input(format!("this is not TOML: {other}")),
    };
    problem.at(&place)
}

fn single<T>(
    top: &Section<'_>,
    key: &str,
    keys: &'static [keys::Key],
    read: fn(&Section<'_>) -> T,
) -> Option<Single<T>> {
    let section = top.get(key)?.section(keys)?;
    Some(Single { place: section.place().clone(), value: read(&section) })
}

fn project(section: &Section<'_>) -> Option<String> {
    if let Some(item) = section.get("requires") {
        item.line().and_then(|text| item.checked(requires(&text.value)));
    }
    let item = section.get("name")?;
    let name = item.line()?.value;
    item.checked(names::entity("`name`", &name)).map(|()| name)
}

fn requires(text: &str) -> Result<(), Problem> {
    const THIS: &str = env!("CARGO_PKG_VERSION");
    let wanted = VersionReq::parse(text).map_err(|_| {
        Problem::input("`requires` is not a version requirement").hint("write it as in \">=0.1\" or \">=0.1, <2\"")
    })?;
    match Version::parse(THIS) {
        Ok(version) if !wanted.matches(&version) => {
            let message = format!("this project requires tenure {wanted}, and this is tenure {THIS}");
            Err(Problem::input(message).hint("install a version that fits, or change `requires`"))
        }
        _ => Ok(()),
    }
}

fn ledger(section: &Section<'_>) -> Option<PathBuf> {
    let item = section.get("location")?;
    let location = item.line()?.value;
    if let Some((scheme, _)) = location.split_once("://") {
        let problem = match scheme {
            "s3" | "oss" => Problem::input(format!("a ledger at `{scheme}://…` is not supported yet")),
            _ => Problem::input("`location` is not a path"),
        };
        item.refuse(problem.hint("name a local file, as in \"tenure.ledger.jsonl\""));
        return None;
    }
    if location.ends_with('/') {
        let problem = Problem::input("`location` is a folder, not a file");
        item.refuse(problem.hint("name a file in it, as in \"tenure.ledger.jsonl\""));
        return None;
    }
    let path = PathBuf::from(location);
    if is_in_sandbox(&path) {
        let problem =
            Problem::input("`location` is in `.tenure/sandbox`, which is deleted to start over with a new world");
        item.refuse(problem.hint("name a file beside it, as in \"tenure.ledger.jsonl\""));
        return None;
    }
    Some(path)
}

/// Whether a path leads into the folder of a sandbox's world, as it is written.
fn is_in_sandbox(path: &Path) -> bool {
    let mut parts: Vec<&OsStr> = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(name) => parts.push(name),
            Component::ParentDir => _ = parts.pop(),
            _ => {}
        }
    }
    parts.windows(2).any(|pair| pair == [".tenure", "sandbox"])
}

fn limits(section: &Section<'_>) -> Limits {
    let default = Limits::default();
    let count = |key, most| section.get(key).and_then(|item: Item<'_>| item.count(most));
    Limits {
        terminate: count("terminate", u32::MAX).unwrap_or(default.terminate),
        change_percent: count("change_percent", 100).unwrap_or(default.change_percent),
        owner_changes: count("owner_changes", u32::MAX).unwrap_or(default.owner_changes),
        launch_role_changes: count("launch_role_changes", u32::MAX).unwrap_or(default.launch_role_changes),
    }
}
