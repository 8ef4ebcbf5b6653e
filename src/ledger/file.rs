//! The ledger as one file of JSON lines.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use jiff::Timestamp;

use crate::seam::{Store, StoreError};

/// A ledger file, its lock beside it (`….lock`) and what was set aside (`….torn-1`).
///
/// The lock is the operating system's, on a file of its own, so it ends with the process that holds it and a file that
/// was left behind is no obstacle; what stands in that file is only for the message to whoever comes second. Reads and
/// writes block the thread: a run has nothing better to do until its entry is durable.
#[derive(Debug)]
pub struct FileStore {
    path: PathBuf,
    holder: String,
    wants_lock: bool,
    lock: Option<File>,
    /// Kept open, so that an append is one write and one sync.
    handle: Option<File>,
    /// The length as this store last read or wrote it. Another one means that somebody else has written.
    known_length: Option<u64>,
}

/// Who holds the lock, for the message to others: process, machine and time.
#[must_use]
pub fn holder(since: Timestamp) -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| fs::read_to_string("/etc/hostname")).ok();
    let host = host.as_deref().map(str::trim).filter(|host| !host.is_empty());
    let host = host.map_or_else(String::new, |host| format!(" on {host}"));
    format!("process {}{host} since {since:.0}", std::process::id())
}

impl FileStore {
    /// Touches nothing yet. `holder` is what others are told while this store holds the lock, see [`holder`].
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, holder: impl Into<String>) -> Self {
        FileStore {
            path: path.into(),
            holder: holder.into(),
            wants_lock: false,
            lock: None,
            handle: None,
            known_length: None,
        }
    }

    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = OsString::from(self.path.as_os_str());
        name.push(suffix);
        PathBuf::from(name)
    }

    /// Takes the lock, whose folder exists.
    fn take_lock(&mut self) -> Result<(), StoreError> {
        let path = self.beside(".lock");
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = opened.map_err(|error| unwritable(&path, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::Held(held_by(&path))),
            Err(TryLockError::Error(error)) => {
                return Err(StoreError::Unwritable(format!("{} cannot be locked: {error}", path.display())));
            }
        }
        let noted = file.set_len(0).and_then(|()| file.write_all(self.holder.as_bytes()));
        noted.map_err(|error| unwritable(&path, &error))?;
        self.lock = Some(file);
        Ok(())
    }

    /// Everything that the first append needs: folders, lock, and the open file.
    fn prepare(&mut self) -> Result<(), StoreError> {
        if self.handle.is_some() {
            return Ok(());
        }
        if self.lock.is_none() {
            if !self.wants_lock {
                return Err(StoreError::Unwritable("the lock was not taken".to_owned()));
            }
            make_folders(folder(&self.path)).map_err(|error| unwritable(folder(&self.path), &error))?;
            self.take_lock()?;
        }
        let existed = self.path.exists();
        let opened = OpenOptions::new().read(true).append(true).create(true).open(&self.path);
        let file = opened.map_err(|error| unwritable(&self.path, &error))?;
        if !existed {
            sync_folder(folder(&self.path)).map_err(|error| unwritable(folder(&self.path), &error))?;
        }
        self.handle = Some(file);
        Ok(())
    }

    /// Refuses when the file is not what this store last saw: the lock keeps other runs out, but not an editor, a
    /// checkout or a copy.
    fn unchanged(&self, file: &File) -> Result<(), StoreError> {
        let length = file.metadata().map_err(|error| unwritable(&self.path, &error))?.len();
        if self.known_length.is_some_and(|known| known != length) {
            return Err(StoreError::Unwritable("somebody else has changed it during this run".to_owned()));
        }
        match same_file(file, &self.path) {
            Ok(true) => Ok(()),
            Ok(false) => Err(StoreError::Unwritable("another file was put in its place during this run".to_owned())),
            Err(error) => Err(unwritable(&self.path, &error)),
        }
    }
}

#[async_trait]
impl Store for FileStore {
    async fn read(&mut self) -> Result<Vec<u8>, StoreError> {
        // A pipe or a device would never end.
        if fs::metadata(&self.path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
            return Err(StoreError::Unreadable("it is not a file".to_owned()));
        }
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(StoreError::Unreadable(error.to_string())),
        };
        self.known_length = Some(bytes.len() as u64);
        Ok(bytes)
    }

    /// Where there is no folder there is no ledger, and one is not made for a run that may write nothing: the lock is
    /// then taken by the first append, which is before anything is sent.
    async fn lock(&mut self) -> Result<(), StoreError> {
        self.wants_lock = true;
        if self.lock.is_none() && folder(&self.path).is_dir() { self.take_lock() } else { Ok(()) }
    }

    async fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.prepare()?;
        let Some(mut file) = self.handle.as_ref() else { return Ok(()) };
        self.unchanged(file)?;
        let written = file.write_all(bytes).and_then(|()| file.sync_data()).and_then(|()| file.metadata());
        self.known_length = Some(written.map_err(|error| unwritable(&self.path, &error))?.len());
        Ok(())
    }

    async fn set_aside(&mut self, keep_length_bytes: u64) -> Result<(), StoreError> {
        self.prepare()?;
        let Some(mut file) = self.handle.as_ref() else { return Ok(()) };
        self.unchanged(file)?;
        let mut tail = Vec::new();
        file.seek(SeekFrom::Start(keep_length_bytes))
            .and_then(|_| file.read_to_end(&mut tail))
            .map_err(|error| StoreError::Unreadable(error.to_string()))?;
        // The copy is on disk before the original is cut.
        let (mut copy, path) = self.new_torn_file()?;
        let copied = copy.write_all(&tail).and_then(|()| copy.sync_all()).and_then(|()| sync_folder(folder(&path)));
        copied.map_err(|error| unwritable(&path, &error))?;
        let cut = file.set_len(keep_length_bytes).and_then(|()| file.sync_all());
        cut.map_err(|error| unwritable(&self.path, &error))?;
        self.known_length = Some(keep_length_bytes);
        Ok(())
    }

    fn location(&self) -> String {
        self.path.display().to_string()
    }
}

impl FileStore {
    fn new_torn_file(&self) -> Result<(File, PathBuf), StoreError> {
        let mut number = 1_u32;
        loop {
            let path = self.beside(&format!(".torn-{number}"));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok((file, path)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists && number < u32::MAX => number += 1,
                Err(error) => return Err(unwritable(&path, &error)),
            }
        }
    }
}

fn unwritable(path: &Path, error: &io::Error) -> StoreError {
    StoreError::Unwritable(format!("{}: {error}", path.display()))
}

/// Best effort: the lock holds whether or not its text can be read.
fn held_by(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    if text.trim().is_empty() { "another run".to_owned() } else { text.trim().to_owned() }
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Makes a folder and those above it, each durable in the one above.
fn make_folders(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    make_folders(folder(path))?;
    match fs::create_dir(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => sync_folder(folder(path)),
    }
}

/// Makes a new name in a folder survive a crash.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Elsewhere a folder cannot be opened for this, and need not be.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Whether `path` still names the open file.
#[cfg(unix)]
fn same_file(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let (open, named) = (file.metadata()?, fs::metadata(path));
    Ok(named.is_ok_and(|named| (named.dev(), named.ino()) == (open.dev(), open.ino())))
}

/// Elsewhere an open file cannot be replaced.
#[cfg(not(unix))]
fn same_file(_: &File, path: &Path) -> io::Result<bool> {
    path.try_exists()
}
