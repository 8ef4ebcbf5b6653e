//! The real program in a folder of its own, with an environment that nobody's machine has a part in.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const PROGRAM: &str = env!("CARGO_BIN_EXE_tenure");

/// A folder that goes away with the test.
pub struct Bench {
    folder: TempDir,
}

/// What a command said and how it ended.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Bench {
    pub fn empty() -> Bench {
        Bench { folder: tempfile::tempdir().unwrap() }
    }

    /// A copy of `examples/NAME`, without what was left there by hand.
    pub fn example(name: &str) -> Bench {
        Bench::copy_of(&Path::new(ROOT).join("examples").join(name))
    }

    pub fn copy_of(folder: &Path) -> Bench {
        let bench = Bench::empty();
        copy(folder, bench.path());
        bench
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).unwrap()
    }

    /// Changes a file; what is not in it cannot be changed.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert!(text.contains(from), "{name} has no {from:?}");
        self.write(name, text.replacen(from, to, 1));
    }

    /// A command line, as a shell splits it, with nobody at the keyboard.
    pub fn run(&self, line: &str) -> Said {
        said(self.command(line).output().unwrap())
    }

    /// The same, with more environment.
    pub fn run_with(&self, line: &str, environment: &[(&str, &str)]) -> Said {
        said(self.command(line).envs(environment.iter().copied()).output().unwrap())
    }

    pub fn command(&self, line: &str) -> Command {
        let path = format!("{}:/usr/bin:/bin", Path::new(PROGRAM).parent().unwrap().display());
        let mut command = Command::new("sh");
        command.args(["-c", line]).current_dir(self.path()).env_clear().stdin(Stdio::null());
        command.envs([("PATH", path.as_str()), ("LC_ALL", "C.UTF-8"), ("AWS_EC2_METADATA_DISABLED", "true")]);
        command.env("HOME", self.path());
        command
    }

    /// Everything that the program keeps in the project: `.tenure`, and the ledger with what lies beside it.
    pub fn kept(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = self.state(".");
        let root = self.path().join(".");
        files.retain(|(path, _)| {
            let path = path.strip_prefix(&root).unwrap();
            path.starts_with(".tenure") || path.to_string_lossy().starts_with("tenure.ledger.")
        });
        files
    }

    /// Every file below `name` with its bytes, or nothing: what a run that wrote nothing leaves as it was.
    pub fn state(&self, name: &str) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        collect(&self.path().join(name), &mut files);
        files.sort();
        files
    }
}

/// Whether the shell finds a program that is no part of Rust.
pub fn has(program: &str) -> bool {
    Bench::empty().run(&format!("command -v {program}")).code == 0
}

impl Said {
    /// Fails with everything that was said unless the command ended so.
    #[track_caller]
    pub fn ended(self, code: i32) -> Said {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        assert!(!self.err.contains("panicked"), "{}", self.err);
        self
    }
}

fn said(output: Output) -> Said {
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn collect(path: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    if let Ok(entries) = std::fs::read_dir(path) {
        entries.for_each(|entry| collect(&entry.unwrap().path(), files));
    } else if let Ok(bytes) = std::fs::read(path) {
        files.push((path.to_owned(), bytes));
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_name() == ".tenure" || entry.file_name().to_string_lossy().starts_with("tenure.ledger.") {
            continue;
        } else if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
