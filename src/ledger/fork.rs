//! A ledger that two writers continued from one copy, as a merge in version control leaves it.

use std::collections::BTreeSet;

use super::chain;
use super::entry::Line;

/// Two ends of one ledger.
#[derive(Debug, PartialEq)]
pub struct Fork {
    /// The number of the last entry that both have.
    pub after: u64,
    /// The last line of each branch, in the file's order.
    pub heads: Vec<Line>,
}

/// The fork in a ledger that cannot be read as one chain; `None` if there is none, and the ledger is damaged otherwise.
/// Conflict markers of git are skipped.
pub fn find(bytes: &[u8]) -> Option<Fork> {
    let raw = bytes.split(|byte| *byte == b'\n');
    let lines: Vec<Line> = raw.filter_map(chain::proven).collect();
    let mut continued = BTreeSet::new();
    let doubled: Vec<&Line> = lines.iter().filter(|line| !continued.insert(&line.prev)).collect();
    let after = doubled.first()?.seq.saturating_sub(1);
    let heads: Vec<Line> = lines.iter().filter(|line| !continued.contains(&line.hash)).cloned().collect();
    (heads.len() > 1).then_some(Fork { after, heads })
}

/// Whether a line is a conflict marker of git.
pub fn is_marker(raw: &[u8]) -> bool {
    ["<<<<<<<", "=======", ">>>>>>>", "|||||||"].iter().any(|marker| raw.starts_with(marker.as_bytes()))
}
