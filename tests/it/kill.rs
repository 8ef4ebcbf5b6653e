//! The real program, killed and interrupted by signals.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tenure::ledger::entry::{Entry, Line};
use tenure::ledger::replay;
use tenure::model::StepKind;

/// Longer than anything here takes; only a hang lasts that long.
const PATIENCE: Duration = Duration::from_secs(60);

struct Project {
    folder: TempDir,
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (name, path) = (entry.file_name(), entry.path());
        if name == ".tenure" || name.to_string_lossy().starts_with("tenure.ledger.") {
            continue;
        }
        if path.is_dir() {
            copy(&path, &to.join(name));
        } else {
            std::fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

impl Project {
    fn new() -> Project {
        Project::of("quickstart")
    }

    fn of(example: &str) -> Project {
        let folder = TempDir::new().unwrap();
        let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples").join(example);
        copy(&source, folder.path());
        Project { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn tenure(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tenure"));
        command
            .arg("-C")
            .arg(self.folder.path())
            .args(arguments)
            .env_remove("CI")
            .env("AWS_ACCESS_KEY_ID", "AKIASANDBOXADMIN")
            .env("AWS_SECRET_ACCESS_KEY", "sandbox-admin-secret")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            // A secret of the example with two clouds.
            .env("CACHE_PASSWORD", "not a real one")
            .env("NO_PROXY", "127.0.0.1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.tenure(arguments).output().unwrap()
    }

    fn start(&self, arguments: &[&str]) -> Child {
        self.tenure(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn lines(&self) -> Vec<Line> {
        let path = self.path("tenure.ledger.jsonl");
        let bytes = std::fs::read(&path).unwrap_or_default();
        // A line that is being written is not there yet.
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        replay(&bytes[..whole], "the ledger").unwrap_or_else(|problem| panic!("{problem}")).lines
    }

    /// Applies until there is nothing left to do, and looks whether that is true.
    fn finish(&self) {
        let first = self.run(&["apply", "-y"]);
        let last = if first.status.success() { first } else { self.run(&["apply", "-y"]) };
        assert!(last.status.success(), "{}", String::from_utf8_lossy(&last.stderr));
        let plan = self.run(&["plan", "--detailed-exitcode"]);
        assert_eq!(plan.status.code(), Some(0), "{}", String::from_utf8_lossy(&plan.stdout));
        let owners = self.run(&["owners"]);
        assert!(owners.status.success());
        let unfinished = replay(&std::fs::read(self.path("tenure.ledger.jsonl")).unwrap(), "the ledger").unwrap();
        assert!(unfinished.ledger.unsettled.is_empty() && unfinished.torn.is_none());
    }

    /// Serves the sandbox `scale` times as fast as real time, and points the project at it.
    fn serve(&self, scale: &str) -> Served {
        let mut child = self.tenure(&["sandbox", "--listen", "127.0.0.1:0", "--time-scale", scale]).spawn().unwrap();
        let (sender, receiver) = mpsc::channel();
        // Whichever stream the address is told on.
        let streams: [Box<dyn std::io::Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for stream in streams {
            let sender = sender.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    if let Some(at) = line.find("http://127.0.0.1:") {
                        let url: String = line[at..].chars().take_while(|c| !c.is_whitespace()).collect();
                        let _ = sender.send(url.trim_end_matches(['.', ',', '`', '"', '/']).to_owned());
                    }
                }
            });
        }
        let url = receiver.recv_timeout(PATIENCE).expect("the sandbox never says where it is");
        let toml = std::fs::read_to_string(self.path("tenure.toml")).unwrap();
        let endpoint = |line: &str| {
            if line.starts_with("endpoint") { format!("endpoint = \"{url}\"") } else { line.to_owned() }
        };
        let toml: Vec<String> = toml.lines().map(endpoint).collect();
        std::fs::write(self.path("tenure.toml"), toml.join("\n")).unwrap();
        Served(child)
    }

    /// Waits until the ledger has what it is to have.
    fn wait_for(&self, what: &str, holds: impl Fn(&[Line]) -> bool) {
        let since = Instant::now();
        while !holds(&self.lines()) {
            assert!(since.elapsed() < PATIENCE, "{what} never happens");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `SIGINT` or `SIGTERM`, to one process that was started here.
fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").arg(format!("-{name}")).arg(child.id().to_string()).status().unwrap();
    assert!(sent.success());
}

fn submitted(lines: &[Line]) -> bool {
    lines.iter().any(|line| matches!(line.entry, Entry::Submitted { .. }))
}

fn update_submitted(lines: &[Line]) -> bool {
    let update = |line: &Line| match &line.entry {
        Entry::Started(started) if started.kind == StepKind::Update => Some(started.step),
        _ => None,
    };
    let Some(step) = lines.iter().find_map(update) else { return false };
    lines.iter().any(|line| matches!(&line.entry, Entry::Submitted { step: of, .. } if *of == step))
}

fn interrupted(lines: &[Line]) -> bool {
    matches!(lines.last().map(|line| &line.entry), Some(Entry::Ended { interrupted: true, .. }))
}

#[test]
fn a_run_that_is_killed_is_finished_by_the_next_one() {
    let mut rng = fastrand::Rng::with_seed(11);
    for (example, times) in [("quickstart", 4), ("two-clouds", 4)] {
        for _ in 0..times {
            let project = Project::of(example);
            for _ in 0..3 {
                let mut child = project.start(&["apply", "-y"]);
                std::thread::sleep(Duration::from_millis(rng.u64(0..300)));
                child.kill().unwrap();
                child.wait().unwrap();
                project.lines();
            }
            project.finish();
        }
    }
}

#[test]
fn ctrl_c_leaves_what_runs_to_the_cloud_and_the_next_run_picks_it_up() {
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let project = Project::new();
        // An update of ninety seconds takes three.
        let served = project.serve("30");
        let mut child = project.start(&["apply", "-y"]);
        project.wait_for("an update", update_submitted);
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(code));
        let lines = project.lines();
        assert!(interrupted(&lines), "{:?}", lines.last());
        assert!(!lines.iter().any(|line| matches!(line.entry, Entry::Failed { .. })));
        let bytes = std::fs::read(project.path("tenure.ledger.jsonl")).unwrap();
        assert_eq!(replay(&bytes, "the ledger").unwrap().ledger.unsettled.len(), 1);
        if name == "INT" {
            drop(served);
            let _faster = project.serve("2000");
            project.finish();
            let updates = |line: &&Line| matches!(&line.entry, Entry::Started(s) if s.kind == StepKind::Update);
            assert_eq!(project.lines().iter().filter(updates).count(), 1, "the update was sent twice");
        }
    }
}

/// Without the world nobody can say what became of a step, and waiting for it would be for ever.
#[test]
fn a_world_that_was_deleted_without_its_ledger_is_said_to_be_gone() {
    let project = Project::new();
    assert!(project.run(&["apply", "-y"]).status.success());
    std::fs::remove_dir_all(project.path(".tenure/sandbox")).unwrap();
    let told = |output: Output| (output.status.code(), String::from_utf8(output.stderr).unwrap());
    let (code, text) = told(project.run(&["plan"]));
    assert!(code == Some(0) && text.contains("warning: the sandbox's world is gone, and the ledger"), "{text}");

    // As a run leaves it that was killed when its first step was accepted.
    let ledger = std::fs::read_to_string(project.path("tenure.ledger.jsonl")).unwrap();
    let accepted = project.lines().iter().position(|line| matches!(line.entry, Entry::Submitted { .. })).unwrap();
    let kept: String = ledger.split_inclusive('\n').take(accepted + 1).collect();
    std::fs::write(project.path("tenure.ledger.jsonl"), kept).unwrap();
    let before = project.lines().len();
    let (code, text) = told(project.run(&["apply", "-y"]));
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("has not ended, and the sandbox's world that it was sent to is gone"), "{text}");
    assert!(text.contains("delete the ledger as well (rm "), "{text}");
    assert_eq!(project.lines().len(), before);
    std::fs::remove_file(project.path("tenure.ledger.jsonl")).unwrap();
    project.finish();
}

#[test]
fn a_second_ctrl_c_ends_at_once_and_nothing_is_lost() {
    let project = Project::new();
    let _served = project.serve("2000");
    let mut child = project.start(&["apply", "-y"]);
    project.wait_for("a submit", submitted);
    signal(&child, "INT");
    // The process may be gone by now, and its signal with it.
    let _ = Command::new("kill").arg("-INT").arg(child.id().to_string()).stderr(Stdio::null()).status();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    project.finish();
}

#[test]
fn a_second_apply_at_the_same_time_is_told_who_holds_the_ledger() {
    let project = Project::new();
    let _served = project.serve("5");
    let mut child = project.start(&["apply", "-y"]);
    project.wait_for("a submit", submitted);
    let second = project.run(&["apply", "-y"]);
    assert_eq!(second.status.code(), Some(7), "{}", String::from_utf8_lossy(&second.stderr));
    // Reading takes no lease.
    assert_eq!(project.run(&["plan"]).status.code(), Some(0));
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}
