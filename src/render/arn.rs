//! Principals of the target's own account, in short.

use super::safe;
use crate::model::principal;

/// `role/X`, `user/X` or `assumed-role/R/S` for a principal of `account`; anything else whole.
#[must_use]
pub fn short(arn: &str, account: Option<&str>) -> String {
    safe::name(account.and_then(|account| principal::short(arn, account)).unwrap_or(arn))
}
