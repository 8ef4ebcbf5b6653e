//! Files in, a project or problems out.
//!
//! Each file of `cases/config` is one case: a few words, the files (`--- NAME`), and what is said about them
//! (`--- expect`). `TENURE_BLESS=1 cargo test` writes the expectations anew; read them before committing.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use tenure::config::{load, schema};
use tenure::model::{Piece, Project, Spec, Value};
use tenure::problem::{Kind, Problem, exit_code};

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/cases/config");

/// A project with every key, which several tests take as their beginning.
const WHOLE: &str = include_str!("cases/config/good_everything.txt");
const WHOLE_ALIBABA: &str = include_str!("cases/config/alibaba_good_everything.txt");

fn sections(case: &str) -> Vec<(&str, &str)> {
    let mut sections = Vec::new();
    let mut rest = case.find("--- ").map_or("", |at| &case[at + 4..]);
    while !rest.is_empty() {
        let (name, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let end = after.find("\n--- ").map_or(after.len(), |at| at + 1);
        sections.push((name.trim(), &after[..end]));
        rest = after[end..].strip_prefix("--- ").unwrap_or("");
    }
    sections
}

fn write(root: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// What `load` says about a project of these files.
fn outcome(files: &[(&str, &[u8])]) -> String {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        write(folder.path(), name, bytes);
    }
    let text = match load(folder.path()) {
        Ok(project) => show(&project),
        Err(problems) => {
            assert_eq!(exit_code(&problems), Kind::Input.exit_code());
            lines(&problems)
        }
    };
    text.replace(folder.path().to_str().unwrap(), "ROOT")
}

fn one(text: impl AsRef<[u8]>) -> String {
    outcome(&[("tenure.toml", text.as_ref())])
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

fn show(project: &Project) -> String {
    let mut out = String::new();
    for warning in &project.warnings {
        writeln!(out, "warning: {warning}").unwrap();
    }
    writeln!(out, "project {:?}, ledger {}", project.name, project.ledger.display()).unwrap();
    writeln!(out, "{:?}", project.limits).unwrap();
    for target in project.targets.values() {
        writeln!(out, "\n{target:#?}").unwrap();
    }
    for (address, spec) in &project.desired {
        assert_eq!(*address, spec.address);
        writeln!(out, "\n{address} at {}", spec.place).unwrap();
        show_spec(&mut out, spec);
    }
    out
}

fn show_spec(out: &mut String, spec: &Spec) {
    let written = if spec.name_written { "written" } else { "default" };
    writeln!(out, "  name {} ({written}) {}", spec.name.value, spec.name.place).unwrap();
    let fields = [("product", Some(&spec.product)), ("version", Some(&spec.version)), ("path", spec.path.as_ref())];
    let more = [
        ("owner", spec.owner.as_ref()),
        ("launch_role", spec.launch_role.as_ref()),
        ("steward", spec.steward.as_ref()),
        ("stack_region", spec.stack_region.as_ref()),
    ];
    for (key, field) in fields.into_iter().chain(more) {
        if let Some(field) = field {
            writeln!(out, "  {key} {:?} {}", field.value, field.place).unwrap();
        }
    }
    for (address, place) in &spec.depends_on {
        writeln!(out, "  depends on {address} {place}").unwrap();
    }
    writeln!(out, "  protect {}, timeout {:?}", spec.protect, spec.timeout).unwrap();
    if spec.tags_with_next_update {
        out.push_str("  tags with the next update\n");
    }
    match &spec.parameters {
        None => out.push_str("  parameters not managed\n"),
        Some(parameters) => {
            for (key, value) in parameters {
                writeln!(out, "  parameters.{key} = {} {}", show_value(&value.value), value.place).unwrap();
            }
        }
    }
    match &spec.tags {
        None => out.push_str("  tags not managed\n"),
        Some(tags) => {
            for (key, value) in tags {
                writeln!(out, "  tags.{key} = {:?} {}", value.value, value.place).unwrap();
            }
        }
    }
}

fn show_value(value: &Value) -> String {
    let piece = |piece: &Piece| match piece {
        Piece::Literal(text) => format!("{text:?}"),
        Piece::Output { address, output } => format!("output {output} of {address}"),
    };
    match value {
        Value::Text(pieces) => pieces.iter().map(piece).collect::<Vec<_>>().join(" + "),
        Value::Secret(secret) => format!("secret {} version {}", secret.source, secret.version),
        Value::Previous => "previous".to_owned(),
    }
}

#[test]
fn cases() {
    let mut paths: Vec<PathBuf> = fs::read_dir(CASES).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() > 60);
    let mut wrong = Vec::new();
    for path in paths {
        let case = fs::read_to_string(&path).unwrap();
        let mut sections = sections(&case);
        let (last, expected) = sections.pop().unwrap();
        assert_eq!(last, "expect", "{}", path.display());
        let files: Vec<(&str, &[u8])> = sections.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
        let actual = outcome(&files);
        if actual == expected {
            continue;
        }
        if std::env::var_os("TENURE_BLESS").is_some() {
            let kept = &case[..case.len() - expected.len()];
            fs::write(&path, format!("{kept}{actual}")).unwrap();
        } else {
            wrong.push(format!("{}\n--- expected\n{expected}--- actual\n{actual}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn whole() -> &'static str {
    sections(WHOLE)[0].1
}

/// A project of one product on Alibaba Cloud, with more keys of that product.
fn alibaba(more: &str) -> String {
    format!(
        "[target.t]\nprovider = \"alibaba\"\nregion = \"cn-hangzhou\"\naccount = \"1234567890123456\"\n\
         [provisioned_product.p]\ntarget = \"t\"\nproduct = \"p\"\nversion = \"1\"\n{more}"
    )
}

#[test]
fn line_ends_and_a_byte_order_mark_change_nothing() {
    let plain = one(whole());
    assert!(plain.contains("network@prod"), "{plain}");
    assert_eq!(one(whole().replace('\n', "\r\n")), plain);
    assert_eq!(one(format!("\u{feff}{}", whole())), plain);
}

#[test]
fn bytes_that_are_not_utf8_have_their_place() {
    let said = one(b"[project]\nname = \"\xE4\"\n");
    assert_eq!(said, "tenure.toml:2:9: this byte is not UTF-8\n  hint: save the file as UTF-8\n");
}

#[test]
fn an_empty_file_is_a_project_and_may_be_included() {
    let said = one("");
    assert!(said.starts_with("project None, ledger ROOT/tenure.ledger.jsonl\n"), "{said}");
    assert_eq!(outcome(&[("tenure.toml", b"include = [\"more.toml\"]"), ("more.toml", b"")]), said);
}

#[test]
fn files_that_are_missing_or_no_files() {
    assert_eq!(
        outcome(&[]),
        "there is no `tenure.toml` in `ROOT`\n  hint: `tenure init` writes a starter project; `--chdir DIR` looks in another folder\n"
    );
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    let problems = load(&nowhere).unwrap_err();
    assert_eq!(lines(&problems), format!("there is no folder `{}`\n", nowhere.display()));
    fs::create_dir(folder.path().join("tenure.toml")).unwrap();
    assert_eq!(lines(&load(folder.path()).unwrap_err()), "`tenure.toml` is not a file\n");
}

#[test]
fn large_files_and_values_are_refused() {
    let product = |size: usize| {
        let value = "x".repeat(size);
        format!(
            "[target.t]\nprovider = \"aws\"\nregion = \"eu-west-1\"\naccount = \"123456789012\"\n\
             [provisioned_product.p]\ntarget = \"t\"\nproduct = \"p\"\nversion = \"1\"\nparameters.V = \"{value}\"\n"
        )
    };
    assert!(one(product(4096)).contains("p@t"));
    assert_eq!(
        one(product(5_000_000)),
        "tenure.toml:9:16: `parameters.V` has a value of 5000000 characters; AWS allows 4096\n"
    );
    assert_eq!(
        one(product(10_000_000)),
        "`tenure.toml` is larger than 8 MiB\n  hint: divide it into several files and name them in `include`\n"
    );
    assert_eq!(
        outcome(&[("tenure.toml", b"include = [\"a.toml\"]"), ("a.toml", product(10_000_000).as_bytes())]),
        "tenure.toml:1:12: `a.toml` is larger than 8 MiB\n  hint: divide it into several files and name them in `include`\n"
    );
}

#[test]
fn exactly_what_alibaba_cloud_allows_is_taken() {
    let repeated = |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<String>();
    let parameter = |n: usize| format!("parameters.P{n} = \"{n}\"\n");
    let tag = |n: usize| format!("tags.t{n} = \"{n}\"\n");
    for good in [
        repeated(200, &parameter),
        repeated(20, &tag),
        format!("name = \"{}\"\n", "名".repeat(128)),
        format!("tags.{} = \"{}\"\n", "k".repeat(128), "値".repeat(128)),
        // Nothing is documented about these.
        format!("parameters.{} = \"{}\"\n", "k".repeat(1001), "x".repeat(4097)),
        format!("path = \"{}\"\n", "x".repeat(101)),
    ] {
        let said = one(alibaba(&good));
        assert!(said.contains("p@t at tenure.toml:5:1"), "{said}");
    }
    for (bad, word) in [(repeated(201, &parameter), "allows 200"), (repeated(21, &tag), "allows 20")] {
        let said = one(alibaba(&bad));
        assert!(said.contains(word) && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn deep_nesting_is_a_problem_and_not_an_overflow() {
    let deep = "tables or arrays are nested too deeply";
    let dotted = vec!["a"; 100].join(".");
    let longest = vec!["a"; 100_000].join(".");
    for text in [
        format!("x = {}1{}", "{a=".repeat(100), "}".repeat(100)),
        format!("x = {}{}", "[".repeat(100), "]".repeat(100)),
        format!("x = {}", "[".repeat(100_000)),
        format!("x = {}", "{a=".repeat(100_000)),
        format!("{dotted} = 1"),
        format!("{longest} = 1"),
        format!("[{dotted}]\n"),
        format!("[[{dotted}]]\n"),
    ] {
        let said = one(&text);
        assert!(said.starts_with("tenure.toml:1:") && said.contains(deep), "{said}");
    }
    // Just below the parser's own limit every level is walked.
    let said = one(format!("[{}]\nx = {}{}", vec!["a"; 70].join("."), "[".repeat(70), "]".repeat(70)));
    assert!(said.starts_with("tenure.toml:1:2: unknown key `a`"), "{said}");
}

#[test]
fn includes_may_meet_but_not_go_in_a_circle() {
    let meet = outcome(&[
        ("tenure.toml", b"include = [\"*/a.toml\", \"x/*.toml\"]"),
        ("x/a.toml", b"include = [\"../y/b.toml\"]"),
        ("y/b.toml", b"[project]\nname = \"met\"\n"),
        ("y/a.toml", b"include = [\"b.toml\"]"),
    ]);
    assert!(meet.starts_with("project Some(\"met\")"), "{meet}");
    let files: Vec<(String, String)> =
        (0..60).map(|n| (format!("{n}.toml"), format!("include = [\"{}.toml\"]", n + 1))).collect();
    let mut all: Vec<(&str, &[u8])> = files.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
    all.push(("tenure.toml", b"include = [\"0.toml\"]"));
    assert!(outcome(&all).starts_with("30.toml:1:12: includes are nested more than 32 deep"), "{}", outcome(&all));
}

#[test]
fn a_project_below_a_folder_with_pattern_characters_finds_its_includes() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("a[b]*");
    write(&root, "tenure.toml", "include = [\"p/*.toml\"]");
    write(&root, "p/x.toml", "[project]\nname = \"found\"");
    assert_eq!(load(&root).unwrap().name.as_deref(), Some("found"));
}

#[test]
fn no_message_has_a_value_that_may_be_secret() {
    let head = "[target.t]\nprovider=\"aws\"\nregion=\"eu-west-1\"\naccount=\"123456789012\"\n\
                [provisioned_product.p]\ntarget=\"t\"\nproduct=\"p\"\nversion=\"1\"\n";
    for value in [
        "{ secret = \"hunter2\", version = 1 }",
        "{ secret = \"hunter2\" }",
        "{ secret = \"env:X\", version = \"hunter2\" }",
        "{ previous = \"hunter2\" }",
        "\"${hunter2}\"",
        "\"${hunter2\"",
        "[\"${hunter2}\"]",
        "[[\"hunter2\"]]",
        "{ secret = { x = \"hunter2\" } }",
        "\"hunter2",
        "hunter2",
    ] {
        let said = one(format!("{head}parameters.P = {value}\n"));
        assert!(said.starts_with("tenure.toml:9:") && !said.contains("hunter2"), "{value}: {said}");
    }
    for value in ["acs:hunter2", "http://hunter2", "${hunter2}", &"hunter2".repeat(20)] {
        let said = one(alibaba(&format!("tags.t = \"{value}\"\n")));
        assert!(said.starts_with("tenure.toml:9:10: ") && !said.contains("hunter2"), "{value}: {said}");
    }
    for value in ["hunter2", "user/hunter2!", "acs:ram::1234567890123456:user/hunter2!", "acs:hunter2"] {
        let said = one(alibaba(&format!("owner = \"{value}\"\n")));
        assert!(said.starts_with("tenure.toml:9:9: ") && !said.contains("hunter2"), "{value}: {said}");
    }
    let said = one(format!("{}\n", head.replace("provider", "endpoint=\"http://hunter2@h\"\nprovider")));
    assert!(said.contains("`endpoint` has a user name") && !said.contains("hunter2"), "{said}");
}

#[test]
fn changed_bytes_never_panic_and_every_problem_has_a_place() {
    let mut random = fastrand::Rng::with_seed(1);
    let folder = tempfile::tempdir().unwrap();
    for round in 0..4000 {
        let beginning = if round % 2 == 0 { whole() } else { sections(WHOLE_ALIBABA)[0].1 };
        let mut bytes = beginning.as_bytes().to_vec();
        for _ in 0..random.usize(1..6) {
            let at = random.usize(0..bytes.len());
            match random.u8(0..4) {
                0 => bytes[at] = random.u8(..),
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, *random.choice(b"[]{}\"'=.\n#$@*\\ a1").unwrap()),
                _ => {
                    // A piece of the file at another place: lines meet tables that they were not written for.
                    let from = random.usize(0..bytes.len());
                    let piece = bytes[from..bytes.len().min(from + random.usize(1..80))].to_vec();
                    bytes.splice(at..at, piece);
                }
            }
        }
        fs::write(folder.path().join("tenure.toml"), &bytes).unwrap();
        for problem in load(folder.path()).err().unwrap_or_default() {
            assert!(problem.place.is_some(), "{problem}\n{}", String::from_utf8_lossy(&bytes));
            assert_eq!(problem.kind, Kind::Input);
        }
    }
}

/// Every key that the schema has is read: none of them is unknown, whatever its value.
#[test]
fn the_schema_and_the_reader_know_the_same_keys() {
    let schema = schema();
    let table = |name: &str| match name {
        "" => &schema["properties"],
        name => &schema["$defs"][name]["properties"],
    };
    let tables = [
        ("", ""),
        ("ProjectTable", "[project]"),
        ("LedgerTable", "[ledger]"),
        ("LimitsTable", "[limits]"),
        ("TargetTable", "[target.t]"),
        ("ProductTable", "[provisioned_product.p]"),
    ];
    for (name, header) in tables {
        for key in table(name).as_object().unwrap().keys() {
            let said = one(format!("{header}\n{key} = 1979-05-27"));
            assert!(said.contains(&format!("`{key}` ")), "{key}: {said}");
            assert!(!said.contains("unknown key"), "{key}: {said}");
            let said = one(format!("{header}\n{key}x = 1"));
            assert!(said.contains(&format!("unknown key `{key}x`")), "{key}: {said}");
        }
    }
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
}

/// Five thousand products are read in less time than a person notices.
#[test]
fn many_products() {
    let mut text = String::from(whole());
    for number in 0..5000 {
        write!(
            text,
            "\n[provisioned_product.p{number}]\ntarget = \"prod\"\nproduct = \"VPC baseline\"\nversion = \"2.1.0\"\n\
             owner = \"role/Team\"\ndepends_on = [\"network\"]\nparameters.CidrBlock = \"10.0.0.0/16\"\n\
             parameters.SubnetId = \"${{provisioned_product.network.outputs.SubnetId}}\"\ntags.team = \"größe\"\n"
        )
        .unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "tenure.toml", text);
    let start = std::time::Instant::now();
    let project = load(folder.path()).unwrap();
    let elapsed = start.elapsed();
    assert!(project.desired.len() > 5000);
    println!("{elapsed:?}");
    // Generous, for a busy machine and a build without optimisation; a quadratic reader would take minutes.
    assert!(elapsed.as_secs() < 10, "{elapsed:?}");
}
