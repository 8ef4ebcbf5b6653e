//! How a line proves its place: each carries the hash of the one before and its own.
//!
//! The hash is over the bytes of the line as they were written, up to and without `,"hash":…`, closed with a brace: what
//! is checked is what is in the file, so no byte of it can differ unseen, and a line of a later version with fields that
//! this one does not know still proves its place.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::entry::{Entry, FORMAT_VERSION, Line};

/// What the first line has in place of the hash of the one before.
pub const ORIGIN: &str = "0000000000000000000000000000000000000000000000000000000000000000";

const HASH_KEY: &[u8] = b",\"hash\":\"";
const HASH_DIGITS: usize = 64;

/// What is wrong with a line. Never quotes it: positions are enough, and a line may hold anything once it is damaged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    #[error("format version {0} is newer than {FORMAT_VERSION}, which this program knows")]
    Newer(u32),
    #[error("format version {0} does not exist")]
    UnknownVersion(u32),
    #[error("the line is not UTF-8 text")]
    NotText,
    #[error("the line ends with a carriage return, as after a conversion of line ends by an editor or by git")]
    CarriageReturn,
    #[error("the line is a conflict marker of a merge in version control")]
    Conflict,
    #[error("the line is not JSON (column {0})")]
    NotJson(usize),
    #[error("the line is not a ledger entry (column {0})")]
    NotAnEntry(usize),
    #[error("the line was changed after it was written: its hash says {written}…, its content gives {found}…")]
    Edited { written: String, found: String },
    #[error("this is entry {found} where entry {expected} belongs: lines are missing, doubled or out of order")]
    Misplaced { expected: u64, found: u64 },
    #[error("it does not follow the line before: it names {named}… as that line's hash, which is {actual}…")]
    Unchained { named: String, actual: String },
    #[error(transparent)]
    Illegal(#[from] super::Illegal),
}

#[derive(Serialize)]
struct Unsealed<'a> {
    v: u32,
    seq: u64,
    at: Timestamp,
    run: &'a str,
    entry: &'a Entry,
    prev: &'a str,
}

/// Makes `entry` the line after the one with hash `prev`.
#[must_use]
pub fn seal(entry: Entry, at: Timestamp, run: &str, prev: &str, seq: u64) -> Line {
    let unsealed = Unsealed { v: FORMAT_VERSION, seq, at, run, entry: &entry, prev };
    let hash = sha256(&[json(&unsealed).as_bytes()]);
    Line { v: FORMAT_VERSION, seq, at, run: run.to_owned(), entry, prev: prev.to_owned(), hash }
}

impl Line {
    /// The line as it stands in the file, with its end.
    #[must_use]
    pub fn to_json_line(&self) -> String {
        let mut text = json(self);
        text.push('\n');
        text
    }
}

/// Reads one line (without its end) that should be entry `seq`, after the line with hash `prev`.
///
/// # Errors
/// What is wrong with it.
pub fn open(raw: &[u8], prev: &str, seq: u64) -> Result<Line, Damage> {
    let found = match split_hash(raw) {
        Some((content, written)) => {
            let found = sha256(&[content, b"}"]);
            if found.as_bytes() != written {
                return Err(explain(raw, Some(Damage::Edited { written: short(written), found: short(&found) })));
            }
            found
        }
        None => return Err(explain(raw, None)),
    };
    let line: Line = serde_json::from_slice(raw).map_err(|_| explain(raw, None))?;
    match line.v {
        FORMAT_VERSION => {}
        newer if newer > FORMAT_VERSION => return Err(Damage::Newer(newer)),
        other => return Err(Damage::UnknownVersion(other)),
    }
    if line.seq != seq {
        return Err(Damage::Misplaced { expected: seq, found: line.seq });
    }
    if line.prev != prev {
        return Err(Damage::Unchained { named: short(&line.prev), actual: short(prev) });
    }
    debug_assert_eq!(line.hash, found, "the hash that was cut off is the hash that was read");
    Ok(line)
}

/// A line whose own hash is right, wherever it stands.
pub fn proven(raw: &[u8]) -> Option<Line> {
    let (content, written) = split_hash(raw)?;
    (sha256(&[content, b"}"]).as_bytes() == written).then(|| serde_json::from_slice(raw).ok()).flatten()
}

/// SHA-256 of the parts, one after the other, in hexadecimal.
#[must_use]
pub fn sha256(parts: &[&[u8]]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    hex::encode(hasher.finalize())
}

/// The content that is hashed, without its closing brace, and the hash that is written.
fn split_hash(raw: &[u8]) -> Option<(&[u8], &[u8])> {
    let raw = raw.strip_suffix(b"\"}")?;
    let (rest, written) = raw.split_at_checked(raw.len().checked_sub(HASH_DIGITS)?)?;
    Some((rest.strip_suffix(HASH_KEY)?, written))
}

/// The plainest true thing to say of a line that cannot be read. `edited` is what its hash says, if it has one.
fn explain(raw: &[u8], edited: Option<Damage>) -> Damage {
    #[derive(Deserialize)]
    struct Version {
        v: u32,
    }
    if std::str::from_utf8(raw).is_err() {
        return Damage::NotText;
    }
    // A newer version may hash, name and order things differently, so its number comes before everything else.
    if let Ok(Version { v }) = serde_json::from_slice(raw)
        && v > FORMAT_VERSION
    {
        return Damage::Newer(v);
    }
    if raw.ends_with(b"\r") {
        return Damage::CarriageReturn;
    }
    if let Some(edited) = edited {
        return edited;
    }
    if super::fork::is_marker(raw) {
        return Damage::Conflict;
    }
    match serde_json::from_slice::<Line>(raw) {
        Err(error) if error.is_data() => Damage::NotAnEntry(error.column()),
        Err(error) => Damage::NotJson(error.column()),
        // It reads well, but not as this program writes: blanks were added, or keys have changed places.
        Ok(line) => Damage::Edited { written: short(&line.hash), found: short(sha256(&[raw])) },
    }
}

/// Enough of a hash to tell two apart.
fn short(hash: impl AsRef<[u8]>) -> String {
    let head: Vec<u8> = hash.as_ref().iter().copied().take(12).collect();
    String::from_utf8_lossy(&head).into_owned()
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data with text for keys always has a JSON form")
}
