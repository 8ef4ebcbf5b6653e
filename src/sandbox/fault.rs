//! Seeded faults: which call they hit is a function of the seed and of the calls of this process.

use super::ids;
use super::seed::{Fault, FaultKind};

/// The faults of a seed, with what they have counted so far.
#[derive(Debug, Default)]
pub struct Faults {
    seed: u64,
    rules: Vec<(Fault, u64)>,
}

/// What is to happen to one call.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Verdict {
    pub delay_seconds: f64,
    pub kind: Option<FaultKind>,
}

impl Faults {
    pub fn new(seed: u64, faults: Vec<Fault>) -> Faults {
        Faults { seed, rules: faults.into_iter().map(|f| (f, 0)).collect() }
    }

    /// Counts a call, and says what is to happen to it. The first rule that strikes wins; delays add up.
    pub fn strike(&mut self, operation: &str) -> Verdict {
        let mut verdict = Verdict::default();
        for (index, (fault, count)) in self.rules.iter_mut().enumerate() {
            if fault.operation != "*" && fault.operation != operation {
                continue;
            }
            *count += 1;
            let hit = match (fault.every, &fault.at, fault.chance) {
                (Some(every), _, _) => *count % every == 0,
                (_, Some(at), _) => at.contains(count),
                (_, _, Some(chance)) => {
                    let number = ids::number(self.seed, "fault", &format!("{index}/{count}"));
                    // 32 bits are plenty, and exact in an f64.
                    f64::from(u32::try_from(number >> 32).unwrap_or(0)) / f64::from(u32::MAX) < chance
                }
                _ => false,
            };
            match fault.kind {
                _ if !hit => {}
                FaultKind::Delay => verdict.delay_seconds += fault.seconds.max(0.0),
                kind => verdict.kind = verdict.kind.or(Some(kind)),
            }
        }
        verdict
    }
}
