//! `90s`, `60m`, `1h30m`.

use std::time::Duration;

use crate::problem::Problem;

pub(super) fn parse(text: &str) -> Result<Duration, Problem> {
    let wrong =
        || Problem::input("`timeout` is not a duration").hint("write it as in \"90s\", \"60m\", \"2h\" or \"1h30m\"");
    let mut rest = text;
    let mut seconds: u64 = 0;
    // Each unit at most once, the larger one first: `30m1h` is more likely a slip than a wish.
    for (unit, length) in [('h', 3600_u64), ('m', 60), ('s', 1)] {
        let Some((digits, after)) = rest.split_once(unit) else { continue };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(wrong());
        }
        let part = digits.parse::<u64>().ok().and_then(|count| count.checked_mul(length));
        seconds = part.and_then(|part| seconds.checked_add(part)).ok_or_else(wrong)?;
        rest = after;
    }
    if !rest.is_empty() || text.is_empty() {
        return Err(wrong());
    }
    if seconds == 0 {
        return Err(Problem::input("`timeout` is zero").hint("leave it out for the default, \"60m\""));
    }
    Ok(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, seconds) in [("90s", 90), ("60m", 3600), ("2h", 7200), ("1h30m", 5400), ("1h0m5s", 3605)] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        let huge = format!("{}h", u64::MAX);
        for bad in ["", "60", "m", "1d", "1.5h", "-1m", "30m1h", "1h1h", "1h ", "0s", "0h0m", "1h30", &huge] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
