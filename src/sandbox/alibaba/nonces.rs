//! The nonces that have been used: none is accepted twice.

use std::collections::{BTreeMap, BTreeSet};

use crate::sandbox::world::model::Millis;

/// How far the clocks of client and gateway may be apart.
pub const SKEW: Millis = 15 * 60 * 1000;
/// More than anybody signs in half an hour; beyond it the oldest are forgotten.
const MOST: usize = 50_000;

/// Remembered for as long as the request that had one would still be in time.
#[derive(Debug, Default)]
pub struct Nonces {
    by_nonce: BTreeMap<String, Millis>,
    by_time: BTreeSet<(Millis, String)>,
}

impl Nonces {
    /// Takes note of a nonce of a request signed at `signed_at`; whether it is a new one.
    pub fn take(&mut self, nonce: &str, signed_at: Millis, clocks: &[Millis]) -> bool {
        let slowest = clocks.iter().copied().min().unwrap_or(signed_at);
        while let Some((at, old)) = self.by_time.first().cloned() {
            if slowest.saturating_sub(at) <= SKEW && self.by_nonce.len() < MOST {
                break;
            }
            self.by_time.pop_first();
            self.by_nonce.remove(&old);
        }
        if self.by_nonce.contains_key(nonce) {
            return false;
        }
        self.by_nonce.insert(nonce.to_owned(), signed_at);
        self.by_time.insert((signed_at, nonce.to_owned()));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST, Nonces, SKEW};

    #[test]
    fn a_nonce_is_remembered_while_its_request_is_in_time() {
        let mut nonces = Nonces::default();
        assert!(nonces.take("a", 0, &[0]));
        assert!(!nonces.take("a", 5, &[5]));
        assert!(!nonces.take("a", SKEW, &[SKEW]));
        // With one clock behind, it could still be sent again.
        assert!(!nonces.take("a", SKEW + 1, &[SKEW + 1, 3]));
        assert!(nonces.take("a", SKEW + 1, &[SKEW + 1]));
    }

    #[test]
    fn no_more_are_kept_than_there_is_room_for() {
        let mut nonces = Nonces::default();
        for number in 0..MOST + 10 {
            assert!(nonces.take(&number.to_string(), 0, &[0]));
        }
        assert_eq!((nonces.by_nonce.len(), nonces.by_time.len()), (MOST, MOST));
    }
}
