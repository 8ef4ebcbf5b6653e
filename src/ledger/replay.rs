//! Bytes to ledger: every line is proven and folded, or the whole is refused.

use std::sync::Arc;

use super::Ledger;
use super::chain::{self, Damage};
use super::entry::Line;
use super::fork::{self, Fork};
use crate::problem::{Place, Problem};

/// What the bytes of a ledger say.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Replay {
    pub ledger: Ledger,
    pub lines: Vec<Line>,
    /// The last line has no end: how many bytes before it are good. Nothing was sent on its strength, because an entry
    /// counts only once all of it is on disk.
    pub torn: Option<u64>,
}

/// Reads a whole ledger; `location` is what messages call it. No bytes are an empty ledger.
///
/// # Errors
/// The first line that is damaged, and the way out.
pub fn replay(bytes: &[u8], location: &str) -> Result<Replay, Problem> {
    let mut replay = Replay::default();
    let mut rest = bytes;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let number = replay.lines.len() + 1;
        let line = take(&mut replay.ledger, &rest[..end])
            .map_err(|damage| forked(bytes, location, number).unwrap_or_else(|| refuse(&damage, location, number)))?;
        replay.lines.push(line);
        rest = &rest[end + 1..];
    }
    if !rest.is_empty() {
        let good = bytes.len() - rest.len();
        if good == 0 && !may_be_ours(rest) {
            return Err(not_a_ledger(location));
        }
        replay.torn = Some(good as u64);
    }
    Ok(replay)
}

fn take(ledger: &mut Ledger, raw: &[u8]) -> Result<Line, Damage> {
    let line = chain::open(raw, &ledger.head, ledger.seq + 1)?;
    ledger.fold(&line)?;
    Ok(line)
}

/// Whether bytes without any whole line can be the beginning of one. A file that was never a ledger is not cut off;
/// zeros are what some file systems leave of a write that a crash interrupted.
fn may_be_ours(tail: &[u8]) -> bool {
    const START: &[u8] = b"{\"v\":";
    let length = tail.len().min(START.len());
    tail[..length] == START[..length] || tail.iter().all(|byte| *byte == 0)
}

fn refuse(damage: &Damage, location: &str, number: usize) -> Problem {
    let place = place(location, number);
    if let Damage::Newer(_) = damage {
        return Problem::failed(format!("the ledger was written by a newer tenure: {damage}"))
            .at(&place)
            .hint("upgrade tenure; nothing was sent and nothing was written");
    }
    Problem::failed(format!("the ledger is damaged: {damage}")).at(&place).hint(format!(
        "nothing was sent and nothing was written; restore {location} from version control or a backup, then run again"
    ))
}

/// A ledger that two writers continued: both ends are named, because only a person knows which one counts.
fn forked(bytes: &[u8], location: &str, number: usize) -> Option<Problem> {
    let Fork { after, heads } = fork::find(bytes)?;
    let ends: Vec<String> = heads
        .iter()
        .map(|head| {
            format!("{}… (entry {}, {}, {})", &head.hash[..12], head.seq, head.run, head.at.strftime("%Y-%m-%d %H:%MZ"))
        })
        .collect();
    let message =
        format!("the ledger forks after entry {after}: two runs continued copies of it, up to {}", ends.join(" and "));
    Some(Problem::failed(message).at(&place(location, number)).hint(format!(
        "nothing was sent and nothing was written; a local ledger has one writer: restore {location} as one of the two runs left it (`git checkout --ours` or `--theirs`), then plan again, which shows what the other run changed"
    )))
}

fn not_a_ledger(location: &str) -> Problem {
    Problem::failed("this is not a ledger: it has no line of one")
        .at(&place(location, 1))
        .hint("nothing was sent and nothing was written; is `[ledger] location` the right file?")
}

fn place(location: &str, number: usize) -> Place {
    Place { file: Arc::from(location), line: u32::try_from(number).unwrap_or(u32::MAX), column: 1 }
}
