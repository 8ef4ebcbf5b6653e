//! The import table and the absences, held over the source text.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::bench::ROOT;

/// What each module may import of the crate, besides itself. `cli` may import everything, and nobody imports it.
const MAY: [(&str, &[&str]); 11] = [
    ("problem", &[]),
    ("seam", &[]),
    ("model", &["problem"]),
    ("config", &["model", "problem"]),
    ("ledger", &["model", "problem", "seam"]),
    ("plan", &["model", "problem", "ledger"]),
    ("provider", &["model", "problem", "seam"]),
    ("sandbox", &["problem", "seam"]),
    ("apply", &["model", "problem", "seam", "plan", "ledger", "provider"]),
    ("run", &["model", "problem", "plan", "ledger", "provider", "apply"]),
    ("render", &["model", "problem", "plan", "ledger"]),
];

/// Files over 500 lines, with their length when they were last looked at: they may shrink, and no other may join them.
const LONG: [(&str, usize); 0] = [];
const LINES_MAX: usize = 500;

/// One source file: its path below `src`, its top module, and its text without tests and comments.
struct Source {
    path: String,
    module: String,
    text: String,
    whole: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(ROOT).join("src");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    paths.sort();
    let source = |path: PathBuf| {
        let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        let whole = std::fs::read_to_string(&path).unwrap();
        let module = name.split(['/', '.']).next().unwrap().to_owned();
        Source { module, text: program(&whole), whole, path: name }
    };
    let all: Vec<Source> = paths.into_iter().map(source).collect();
    assert!(all.len() > 100, "the sources are not where they should be");
    all
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

/// The text without comments and without what is only compiled for tests.
fn program(whole: &str) -> String {
    let mut text = String::new();
    let mut lines = whole.lines();
    while let Some(line) = lines.next() {
        if line.trim() == "#[cfg(test)]" {
            let item = lines.next().unwrap_or_default();
            // `mod tests;` and `use` end at once; a block ends at its own indentation.
            if !item.trim_end().ends_with(';') {
                let end = format!("{}}}", &item[..item.len() - item.trim_start().len()]);
                lines.by_ref().find(|line| *line == end);
            }
            continue;
        }
        let code = line.find("//").filter(|at| !line[..*at].ends_with(':')).map_or(line, |at| &line[..at]);
        text.push_str(code);
        text.push('\n');
    }
    text
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("tests.rs") || path == "render/samples.rs"
}

/// The program itself.
fn shipped() -> Vec<Source> {
    sources().into_iter().filter(|source| !is_test(&source.path)).collect()
}

/// The modules named by `crate::NAME` and `crate::{NAME…, NAME…}`.
fn imports(text: &str) -> BTreeSet<String> {
    let word = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        let Some(list) = rest.strip_prefix('{') else {
            found.insert(word(rest));
            continue;
        };
        let (mut depth, mut item) = (1, true);
        for (at, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => item = true,
                c if item && !c.is_whitespace() => {
                    found.insert(word(&list[at..]));
                    item = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    found
}

/// Fails with every place where one of `words` stands, unless `may` lets that file.
#[track_caller]
fn absent(words: &[&str], may: impl Fn(&Source) -> bool) {
    let mut found = Vec::new();
    for source in shipped().iter().filter(|source| !may(source)) {
        for (number, line) in source.text.lines().enumerate() {
            let words = words.iter().filter(|word| line.contains(*word));
            found.extend(words.map(|word| format!("src/{} ({}): {word}: {}", source.path, number + 1, line.trim())));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn modules_import_only_what_the_table_lets_them() {
    let table: BTreeMap<&str, &[&str]> = MAY.into_iter().collect();
    let mut wrong = Vec::new();
    for source in shipped() {
        if matches!(source.module.as_str(), "cli" | "main" | "lib") {
            continue;
        }
        let may = table.get(source.module.as_str());
        let may = may.unwrap_or_else(|| panic!("src/{} is of a module that the table does not know", source.path));
        for import in imports(&source.text) {
            if import != source.module && !may.contains(&import.as_str()) {
                wrong.push(format!("src/{} imports crate::{import}", source.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn imports_are_found_in_every_form() {
    let text = "use crate::seam::{Clock, Store};\nuse crate::{\n    config,\n    model::{Address, Live},\n    plan as p,\n};\n\
                let x = crate::render::json(crate::problem::nearest(a));";
    let found: Vec<String> = imports(text).into_iter().collect();
    assert_eq!(found, ["config", "model", "plan", "problem", "render", "seam"]);
    let tested = "a // not this\n#[cfg(test)]\nmod tests;\nb\n#[cfg(test)]\nmod more {\n    c\n}\nd\n";
    assert_eq!(program(tested), "a \nb\nd\n");
}

#[test]
fn a_plan_depends_on_nothing_but_its_inputs() {
    let words = [
        "async ",
        ".await",
        "std::time",
        "std::fs",
        "std::env",
        "std::net",
        "std::thread",
        "SystemTime",
        "Instant",
        "Timestamp::now",
        "fastrand",
        "rand::",
        "tokio",
        "env!(\"PATH",
    ];
    absent(&words, |source| source.module != "plan");
    // Nor does the fold of the ledger, or the world of the sandbox.
    let pure = ["ledger/fold.rs", "ledger/transition.rs", "ledger/chain.rs", "ledger/replay.rs", "ledger/history"];
    absent(&words, |source| !pure.iter().any(|path| source.path.starts_with(path)));
}

#[test]
fn only_apply_submits() {
    // The fold has a function of this name too: it takes note of what was submitted.
    absent(&[".submit("], |source| source.module == "apply" || source.path == "ledger/fold.rs");
}

#[test]
fn only_apply_and_run_append_to_the_ledger() {
    // The sandbox's world has a journal of its own.
    absent(&["journal.append("], |source| matches!(source.module.as_str(), "apply" | "sandbox"));
    absent(&["context.append("], |source| matches!(source.module.as_str(), "apply" | "run"));
    absent(&["Entry::Began(", "Entry::Ended {"], |source| source.module == "run" || source.module == "ledger");
    absent(&["Journal::open"], |source| source.module == "sandbox" || source.path == "cli/apply.rs");
}

#[test]
fn only_what_talks_to_people_prints() {
    let words = ["println!", "print!(", "eprint!(", "stdout()", "stderr()", "dbg!("];
    absent(&words, |source| matches!(source.module.as_str(), "render" | "cli"));
    // And of the commands only two know a stream: the progress of a run, and the trace of -v.
    absent(&words, |source| {
        source.module != "cli" || matches!(source.path.as_str(), "cli/apply.rs" | "cli/verbose.rs")
    });
}

#[test]
fn both_sides_of_the_wire_imagine_it_alone() {
    absent(&["crate::sandbox"], |source| source.module != "provider");
    absent(&["crate::provider"], |source| source.module != "sandbox");
}

#[test]
fn order_is_part_of_the_output() {
    absent(&["HashMap", "HashSet"], |_| false);
}

#[test]
fn nothing_is_left_to_be_done() {
    absent(&["todo!", "unimplemented!", "unreachable!", "panic!(", ".unwrap()"], |_| false);
    // A measurement is no test.
    let ignored: Vec<String> =
        sources().into_iter().filter(|source| source.whole.contains("#[ignore")).map(|source| source.path).collect();
    assert_eq!(ignored, Vec::<String>::new());
}

#[test]
fn files_do_not_grow_without_end() {
    let known: BTreeMap<&str, usize> = LONG.into_iter().collect();
    let mut wrong = Vec::new();
    for source in sources() {
        let lines = source.whole.lines().count();
        match known.get(source.path.as_str()) {
            Some(most) if lines > *most => wrong.push(format!("src/{} grew from {most} to {lines} lines", source.path)),
            None if lines > LINES_MAX => wrong.push(format!("src/{} has {lines} lines", source.path)),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "split these:\n{}", wrong.join("\n"));
}
