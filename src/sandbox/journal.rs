//! The world on disk: a snapshot and a journal of what has changed since.
//!
//! `snapshot-N.json` holds a whole world, `journal-N.jsonl` one line per write since then, with the entities that the
//! write changed. A line is durable before its operation is answered, so a kill at any moment loses nothing that a
//! client has been told; an unterminated last line was told to nobody and is dropped. When the journal has outgrown the
//! snapshot, snapshot N+1 is written beside it and renamed into place: the cost of a write does not depend on how large
//! the world is or how long it has lived. Readers take no lock and write nothing.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::ids::sha256_hex;
use super::world::{Catalog, Delta, State, World};
use crate::problem::{Kind, Problem};

const FORMAT: u32 = 1;
/// A journal smaller than this is never worth a new snapshot.
const SMALL_BYTES: u64 = if cfg!(test) { 16 << 10 } else { 1 << 20 };
/// How long another process may hold the folder before this one gives up.
const PATIENCE: Duration = Duration::from_millis(if cfg!(test) { 100 } else { 5_000 });

const LINE_START: &str = "{\"check\":\"";
const LINE_MIDDLE: &str = "\",\"entry\":";
const CHECK_LENGTH: usize = 16;

#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    sequence: u64,
    sha256: String,
    /// Told the world when it was begun, so that no other has it; worlds of before have none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    birth: String,
}

#[derive(Serialize)]
struct SnapshotRef<'a> {
    catalog: &'a Catalog,
    state: &'a State,
}

#[derive(Deserialize)]
struct Snapshot {
    catalog: Catalog,
    state: State,
}

#[derive(Serialize)]
struct EntryRef<'a> {
    sequence: u64,
    delta: &'a Delta,
}

#[derive(Deserialize)]
struct Entry {
    sequence: u64,
    delta: Delta,
}

/// Where in the files a world stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Position {
    generation: u64,
    /// Writes that the world has seen in its life.
    sequence: u64,
    /// Length of the journal up to its last whole line.
    journal_bytes: u64,
    snapshot_bytes: u64,
}

/// The files of one world.
pub struct Journal {
    folder: PathBuf,
    position: Option<Position>,
    lock: Option<File>,
    file: Option<File>,
    birth: String,
}

impl Journal {
    /// Reads the world that is kept in `folder`, if there is one. Creates nothing.
    pub fn open(folder: &Path) -> Result<(Journal, Option<World>), Problem> {
        let mut journal =
            Journal { folder: folder.to_owned(), position: None, lock: None, file: None, birth: String::new() };
        let world = journal.load()?;
        Ok((journal, world))
    }

    /// Writes that the world has seen.
    pub fn sequence(&self) -> u64 {
        self.position.map_or(0, |p| p.sequence)
    }

    /// What this world has been told when it was begun on disk; nothing while it is only in memory.
    pub fn birth(&self) -> &str {
        &self.birth
    }

    /// Whether there is a world on disk.
    pub fn exists(&self) -> bool {
        self.position.is_some()
    }

    /// Whether this process may write.
    pub fn is_locked(&self) -> bool {
        self.lock.is_some()
    }

    /// Becomes the only writer. Returns a world if another process has left a newer one than was read before.
    pub fn lock(&mut self) -> Result<Option<World>, Problem> {
        fs::create_dir_all(&self.folder).map_err(|e| self.unwritable(&e))?;
        let path = self.folder.join("lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path);
        let lock = lock.map_err(|e| self.unwritable(&e))?;
        let begun = Instant::now();
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if begun.elapsed() < PATIENCE => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => {
                    let message = format!("another process is using the sandbox in {}", self.folder.display());
                    let hint = "wait until it has ended, or stop `tenure sandbox` if it serves this folder";
                    return Err(Problem::new(Kind::Held, message).hint(hint));
                }
                Err(TryLockError::Error(error)) => return Err(self.unwritable(&error)),
            }
        }
        let before = self.position;
        let world = self.load()?;
        self.lock = Some(lock);
        self.clean().map_err(|e| self.unwritable(&e))?;
        Ok(if self.position == before { None } else { world })
    }

    /// Keeps what a write has changed; when this returns, it survives a crash of the machine.
    pub fn append(&mut self, delta: &Delta, world: &World) -> Result<(), Problem> {
        self.try_append(delta, world).map_err(|e| self.unwritable(&e))
    }

    /// Writes the first snapshot of a new world; `birth` is told to no other.
    pub fn begin(&mut self, world: &World, birth: String) -> Result<(), Problem> {
        self.birth = birth;
        self.snapshot(world).map_err(|e| self.unwritable(&e))
    }

    fn try_append(&mut self, delta: &Delta, world: &World) -> io::Result<()> {
        let Some(mut position) = self.position else { return self.snapshot(world) };
        if self.file.is_none() {
            let path = self.journal_path(position.generation);
            let new = !path.exists();
            let file = OpenOptions::new().create(true).append(true).open(path)?;
            file.set_len(position.journal_bytes)?;
            if new {
                self.sync_folder()?;
            }
            self.file = Some(file);
        }
        position.sequence += 1;
        let line = encode(&EntryRef { sequence: position.sequence, delta })?;
        if let Some(file) = self.file.as_mut() {
            file.write_all(line.as_bytes())?;
            file.sync_data()?;
        }
        position.journal_bytes += line.len() as u64;
        self.position = Some(position);
        if position.journal_bytes > SMALL_BYTES.max(2 * position.snapshot_bytes) {
            self.snapshot(world)?;
        }
        Ok(())
    }

    fn snapshot(&mut self, world: &World) -> io::Result<()> {
        let old = self.position.unwrap_or_default();
        let body = serde_json::to_vec(&SnapshotRef { catalog: world.catalog(), state: world.state() })?;
        let header =
            Header { format: FORMAT, sequence: old.sequence, sha256: sha256_hex(&body), birth: self.birth.clone() };
        let mut bytes = serde_json::to_vec(&header)?;
        bytes.push(b'\n');
        bytes.extend_from_slice(&body);
        bytes.push(b'\n');
        let generation = old.generation + 1;
        let temporary = self.folder.join(format!("snapshot-{generation}.tmp"));
        let mut file = File::create(&temporary)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, self.snapshot_path(generation))?;
        self.sync_folder()?;
        self.file = None;
        self.position =
            Some(Position { generation, sequence: old.sequence, journal_bytes: 0, snapshot_bytes: bytes.len() as u64 });
        self.clean()
    }

    /// Takes away what older generations and a killed writer have left.
    fn clean(&self) -> io::Result<()> {
        let current = self.position.map_or(0, |p| p.generation);
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some((kind, generation)) = name.to_str().and_then(parse_name) else { continue };
            if kind == "tmp" || generation < current {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    fn load(&mut self) -> Result<Option<World>, Problem> {
        // A snapshot can be superseded and taken away between finding and reading it, so look again.
        for _ in 0..20 {
            let Some(generation) = self.newest().map_err(|e| self.unreadable(&self.folder, &e))? else {
                self.position = None;
                self.birth.clear();
                return Ok(None);
            };
            let path = self.snapshot_path(generation);
            let snapshot = match fs::read(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                other => other.map_err(|e| self.unreadable(&path, &e))?,
            };
            let journal_path = self.journal_path(generation);
            let journal = match fs::read(&journal_path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    if !path.exists() {
                        continue;
                    }
                    Vec::new()
                }
                other => other.map_err(|e| self.unreadable(&journal_path, &e))?,
            };
            return self.replay(generation, &snapshot, &journal).map(Some);
        }
        Err(Problem::failed(format!("the sandbox's world in {} keeps changing", self.folder.display())))
    }

    fn replay(&mut self, generation: u64, snapshot: &[u8], journal: &[u8]) -> Result<World, Problem> {
        let path = self.snapshot_path(generation);
        let damaged = || self.damaged(&path, None);
        let split = snapshot.iter().position(|b| *b == b'\n').ok_or_else(damaged)?;
        let header: Header = serde_json::from_slice(&snapshot[..split]).map_err(|_| damaged())?;
        if header.format != FORMAT {
            let message = format!("{} was written by another version of tenure", path.display());
            return Err(Problem::failed(message).hint(self.start_over()));
        }
        let body = snapshot[split + 1..].strip_suffix(b"\n").ok_or_else(damaged)?;
        if sha256_hex(body) != header.sha256 {
            return Err(damaged());
        }
        let Snapshot { catalog, state } = serde_json::from_slice(body).map_err(|_| damaged())?;
        let mut world = World::new(catalog, state)?;
        let mut position =
            Position { generation, sequence: header.sequence, journal_bytes: 0, snapshot_bytes: snapshot.len() as u64 };
        let path = self.journal_path(generation);
        for (number, line) in journal.split_inclusive(|b| *b == b'\n').enumerate() {
            if !line.ends_with(b"\n") {
                break;
            }
            let entry = decode(line).filter(|entry| entry.sequence == position.sequence + 1);
            let entry = entry.ok_or_else(|| self.damaged(&path, Some(number + 1)))?;
            world.apply(entry.delta);
            position.sequence = entry.sequence;
            position.journal_bytes += line.len() as u64;
        }
        self.position = Some(position);
        self.birth = header.birth;
        Ok(world)
    }

    fn newest(&self) -> io::Result<Option<u64>> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let mut newest = None;
        for entry in entries {
            let name = entry?.file_name();
            if let Some(("json", generation)) = name.to_str().and_then(parse_name) {
                newest = newest.max(Some(generation));
            }
        }
        Ok(newest)
    }

    fn snapshot_path(&self, generation: u64) -> PathBuf {
        self.folder.join(format!("snapshot-{generation}.json"))
    }

    fn journal_path(&self, generation: u64) -> PathBuf {
        self.folder.join(format!("journal-{generation}.jsonl"))
    }

    fn sync_folder(&self) -> io::Result<()> {
        File::open(&self.folder)?.sync_all()
    }

    /// How to get rid of this world.
    pub fn start_over(&self) -> String {
        format!("start over with a new world: rm -r {}, and the ledger that was made in it", self.folder.display())
    }

    fn damaged(&self, path: &Path, line: Option<usize>) -> Problem {
        let place = line.map(|line| format!(", line {line}")).unwrap_or_default();
        Problem::failed(format!("the sandbox's file {} is damaged{place}", path.display())).hint(self.start_over())
    }

    fn unreadable(&self, path: &Path, error: &io::Error) -> Problem {
        Problem::failed(format!("the sandbox's {} cannot be read: {error}", path.display())).hint(self.start_over())
    }

    fn unwritable(&self, error: &io::Error) -> Problem {
        Problem::failed(format!("the sandbox's folder {} cannot be written: {error}", self.folder.display()))
    }
}

/// What a file of the folder is, and of which generation.
fn parse_name(name: &str) -> Option<(&'static str, u64)> {
    let (stem, kind) = match name.rsplit_once('.')? {
        (stem, "tmp") => (stem.strip_prefix("snapshot-")?, "tmp"),
        (stem, "json") => (stem.strip_prefix("snapshot-")?, "json"),
        (stem, "jsonl") => (stem.strip_prefix("journal-")?, "jsonl"),
        _ => return None,
    };
    Some((kind, stem.parse().ok()?))
}

fn encode(entry: &EntryRef<'_>) -> io::Result<String> {
    let text = serde_json::to_string(entry)?;
    let check = &sha256_hex(text.as_bytes())[..CHECK_LENGTH];
    Ok(format!("{LINE_START}{check}{LINE_MIDDLE}{text}}}\n"))
}

fn decode(line: &[u8]) -> Option<Entry> {
    let text = std::str::from_utf8(line).ok()?.strip_suffix("}\n")?;
    let rest = text.strip_prefix(LINE_START)?;
    let (check, rest) = rest.split_at_checked(CHECK_LENGTH)?;
    let entry = rest.strip_prefix(LINE_MIDDLE)?;
    if &sha256_hex(entry.as_bytes())[..CHECK_LENGTH] != check {
        return None;
    }
    serde_json::from_str(entry).ok()
}
