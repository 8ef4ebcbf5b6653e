//! Owners and the roles of a target on Alibaba Cloud. Service Catalog tells an owner as `user` or `role` and a number, so an
//! owner is written with either that number or a RAM name; digits alone are the number.

use super::alibaba;
use super::arn::{Use, shown};
use crate::model::Target;
use crate::model::principal::Arn;
use crate::problem::Problem;

/// An owner as `user/ID`, `role/ID` or the same with a name; the role of a target as its whole ARN.
pub(super) fn complete(usage: Use, text: &str, target: &Target) -> Result<String, Problem> {
    let key = usage.key();
    if text.starts_with("arn:") {
        let message = format!("`{key}` is an AWS ARN, but `target.{}` is an Alibaba Cloud target", target.name);
        return Err(Problem::input(message).hint(forms(usage)));
    }
    let whole = text.starts_with("acs:");
    let holder = match usage {
        _ if whole => of_the_account(usage, text, target)?,
        Use::TargetRole(_) => return Err(Problem::input(format!("`{key}` is not an ARN")).hint(forms(usage))),
        _ => text,
    };
    check(usage, holder)?;
    Ok(if usage == Use::Owner { holder } else { text }.to_owned())
}

fn forms(usage: Use) -> &'static str {
    match usage {
        Use::TargetRole(_) => "write the whole ARN of a role: `acs:ram::1234567890123456:role/NAME`",
        _ => {
            "write `user/ID`, `role/ID`, `user/NAME`, `role/NAME` or a whole ARN: `acs:ram::1234567890123456:role/NAME`"
        }
    }
}

/// What stands behind the account in `acs:ram::ACCOUNT:…`, which must be the target's.
fn of_the_account<'a>(usage: Use, text: &'a str, target: &Target) -> Result<&'a str, Problem> {
    let key = usage.key();
    let Arn { service, region, account, resource, .. } = Arn::parse(text).ok_or_else(|| {
        let message = format!("`{key}` is not a whole ARN; an ARN has five parts divided by `:`");
        Problem::input(message).hint(forms(usage))
    })?;
    if service != "ram" && service != "sts" {
        return Err(wrong(usage, "neither a role nor a user"));
    }
    if !region.is_empty() {
        return Err(Problem::input(format!("`{key}` names a region, but RAM has none"))
            .hint("leave the part before the account empty: `acs:ram::1234567890123456:role/NAME`"));
    }
    if account.is_empty() {
        let hint = format!("write `acs:ram::{}:…`", target.account);
        return Err(Problem::input(format!("`{key}` has no account")).hint(hint));
    }
    if account != target.account {
        let message = format!(
            "`{key}` is in account {}, but `target.{}` is account {}",
            shown(account),
            target.name,
            target.account
        );
        let hint = match usage {
            Use::TargetRole(_) => "the role must be in the account of the target; change one of the two",
            _ => "a provisioned product stays within its account",
        };
        return Err(Problem::input(message).hint(hint));
    }
    Ok(resource)
}

fn check(usage: Use, holder: &str) -> Result<(), Problem> {
    let (kind, name) = holder.split_once('/').unwrap_or((holder, ""));
    match kind {
        "role" => {}
        "user" if usage == Use::Owner => {}
        "user" => return Err(wrong(usage, "a user")),
        "group" => return Err(wrong(usage, "a group")),
        "root" => return Err(wrong(usage, "the account itself")),
        "assumed-role" => return Err(wrong(usage, "an assumed role")),
        _ => return Err(wrong(usage, "neither a role nor a user")),
    }
    if alibaba::is_ram_name(name) {
        return Ok(());
    }
    let message = format!("the name of the {kind} in `{}` is not valid", usage.key());
    Err(Problem::input(message)
        .hint("a name has 1 to 64 letters, digits and characters of `._-`; an id has digits only"))
}

fn wrong(usage: Use, what: &str) -> Problem {
    let key = usage.key();
    let message = match usage {
        Use::TargetRole(_) => format!("`{key}` is {what}; only a role can be taken on"),
        _ => format!("`{key}` is {what}; only a RAM user or a RAM role can own"),
    };
    Problem::input(message).hint(forms(usage))
}
