//! A key for a time, and why there is none.

use std::fmt;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::provider::alibaba::acs3::Key;

/// Temporary keys are renewed this long before they end, as in the official libraries.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_mins(15);

/// A key and how long it serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Loan {
    pub(super) key: Key,
    /// `None`: nobody said when, or never.
    pub(super) ends: Option<Timestamp>,
    renew: Option<Timestamp>,
}

impl Loan {
    pub(super) fn without_end(key: Key) -> Self {
        Loan { key, ends: None, renew: None }
    }

    /// The official libraries renew a key that was made for 15 minutes at every call; here no key is renewed before
    /// half its time is over.
    pub(super) fn until(key: Key, ends: Timestamp, now: Timestamp) -> Result<Self, Failure> {
        let left = ends.duration_since(now);
        if left <= SignedDuration::ZERO {
            return Err(Failure::new(format!("its key has expired at {ends:.0}")).hint("renew it and run it again"));
        }
        let renew = ends.checked_sub((left / 2).min(RENEW_BEFORE)).unwrap_or(now);
        Ok(Loan { key, ends: Some(ends), renew: Some(renew) })
    }

    /// `{"AccessKeyId", "AccessKeySecret", "SecurityToken", "Expiration"}`: what STS, the metadata service and a
    /// credentials URI have in common.
    pub(super) fn read(credentials: &Value, now: Timestamp) -> Result<Self, Failure> {
        let text = |name: &str| {
            let text = credentials.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
            text.map(str::to_owned).ok_or_else(|| Failure::new(format!("its answer has no `{name}`")))
        };
        let key = Key {
            access_key_id: text("AccessKeyId")?,
            access_key_secret: text("AccessKeySecret")?,
            security_token: Some(text("SecurityToken")?),
        };
        let ends = text("Expiration")?.parse().map_err(|_| Failure::new("`Expiration` of its answer is not a time"))?;
        Loan::until(key, ends, now)
    }

    /// Whether it need not be renewed yet.
    pub(super) fn serves(&self, now: Timestamp) -> bool {
        self.renew.is_none_or(|renew| now < renew)
    }

    /// Whether it still works, for when it cannot be renewed.
    pub(super) fn lasts(&self, now: Timestamp) -> bool {
        self.ends.is_none_or(|ends| now < ends)
    }
}

/// Why a source has no key: a fragment for a person, with the way out where a special one is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) text: String,
    pub(super) hint: Option<String>,
    /// The service wants to be left alone for this long.
    pub(super) wait: Option<Duration>,
}

impl Failure {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Failure { text: text.into(), hint: None, wait: None }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says whose failure it is.
    pub(super) fn of(mut self, what: impl fmt::Display) -> Self {
        self.text = format!("{what}: {}", self.text);
        self
    }
}
