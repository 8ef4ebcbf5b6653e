//! Mode `External`: a command that prints a key as JSON.

use jiff::Timestamp;
use serde_json::Value;

use super::loan::{Failure, Loan};
use crate::provider::alibaba::acs3::Key;

/// Splits a command as a POSIX shell would, without expanding anything.
pub(super) fn words(command: &str) -> Result<Vec<String>, String> {
    match shlex::split(command) {
        None => Err("`process_command` ends inside quotes or with a backslash".to_owned()),
        Some(words) if words.is_empty() => Err("`process_command` is empty".to_owned()),
        Some(words) => Ok(words),
    }
}

/// `{"mode", "access_key_id", "access_key_secret", "sts_token", "expiration"}`.
pub(super) fn read(output: &[u8], now: Timestamp) -> Result<Loan, Failure> {
    let value: Value = serde_json::from_slice(output)
        .map_err(|error| Failure::new(format!("its output is not JSON (line {})", error.line())))?;
    let text = |name: &str| value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    let needed = |name: &str| text(name).ok_or_else(|| Failure::new(format!("its output has no `{name}`")));
    let key = Key {
        access_key_id: needed("access_key_id")?,
        access_key_secret: needed("access_key_secret")?,
        security_token: match text("mode").as_deref() {
            Some("StsToken") => Some(needed("sts_token")?),
            _ => text("sts_token"),
        },
    };
    match text("expiration") {
        None => Ok(Loan::without_end(key)),
        Some(end) => {
            let end = end.parse().map_err(|_| Failure::new("`expiration` of its output is not a time"))?;
            Loan::until(key, end, now)
        }
    }
}
