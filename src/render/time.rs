//! Times and durations as people read them.

use std::time::Duration;

use jiff::Timestamp;

/// `2026-11-03 02:14Z`.
#[must_use]
pub fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%MZ").to_string()
}

/// `45s`, `1m 30s`, `2h 5m`; whole minutes and hours stand alone.
#[must_use]
pub fn duration(of: Duration) -> String {
    let seconds = of.as_secs();
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes, rest) {
        (0, 0, s) => format!("{s}s"),
        (0, m, 0) => format!("{m}m"),
        (0, m, s) => format!("{m}m {s}s"),
        (h, 0, _) => format!("{h}h"),
        (h, m, _) => format!("{h}h {m}m"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{duration, minute};

    #[test]
    fn durations_have_two_units_at_most() {
        let cases = [(0, "0s"), (45, "45s"), (60, "1m"), (90, "1m 30s"), (3600, "1h"), (7530, "2h 5m"), (3605, "1h")];
        for (seconds, text) in cases {
            assert_eq!(duration(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn times_are_in_utc_to_the_minute() {
        let at: jiff::Timestamp = "2026-11-03T03:14:59+01:00".parse().unwrap_or_default();
        assert_eq!(minute(at), "2026-11-03 02:14Z");
    }
}
