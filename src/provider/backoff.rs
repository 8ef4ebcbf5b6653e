//! How long to wait before a request is sent again.

use std::time::Duration;

use crate::seam::Clock;

/// How often a request is sent in all: throttled ones, and reads without an answer.
pub(super) const TRIES: u32 = 8;
/// How often a connection is tried: an unreachable endpoint should be told soon.
pub(super) const CONNECT_TRIES: u32 = 3;
const BASE: Duration = Duration::from_millis(300);
pub(super) const CAP: Duration = Duration::from_secs(20);
/// A longer wish of a service is handed to the caller instead of being slept through here.
pub(super) const LONGEST_WISH: Duration = Duration::from_secs(60);

/// Exponential backoff with full jitter: anything between nothing and the bound, so that callers who were throttled
/// together do not come back together.
pub(super) fn backoff(clock: &dyn Clock, attempt: u32) -> Duration {
    let bound = BASE.saturating_mul(1 << attempt.clamp(1, 16).saturating_sub(1)).min(CAP);
    // The high 32 bits of the mixed nonce, as a fraction of one.
    let fraction = f64::from((mix(clock.nonce()) >> 32) as u32) / f64::from(u32::MAX);
    bound.mul_f64(fraction)
}

/// The finaliser of SplitMix64: nonces may be consecutive numbers, jitter must not be.
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    struct Numbers(AtomicU64);

    #[async_trait::async_trait]
    impl Clock for Numbers {
        fn now(&self) -> jiff::Timestamp {
            jiff::Timestamp::UNIX_EPOCH
        }

        async fn sleep(&self, _: Duration) {}

        fn nonce(&self) -> u64 {
            self.0.fetch_add(1, Ordering::SeqCst)
        }
    }

    #[test]
    fn jitter_is_full_and_bounded() {
        let clock = Numbers(AtomicU64::new(1));
        let waits: Vec<Duration> = (0..1000).map(|_| backoff(&clock, 20)).collect();
        assert!(waits.iter().all(|wait| *wait <= CAP));
        let mean = waits.iter().sum::<Duration>() / 1000;
        assert!((9..11).contains(&mean.as_secs()), "{mean:?}");
    }
}
