//! Owners, launch roles and the roles of a target: on AWS `role/X` is made a whole ARN, and whole ARNs are checked. For
//! Alibaba Cloud see [`ram`].

use super::{names, ram};
use crate::model::principal::Arn;
use crate::model::{Cloud, Target};
use crate::problem::Problem;

/// What an ARN is written for; each use allows its own kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// A role, a user or an assumed role.
    Owner,
    /// A role.
    LaunchRole,
    /// A role that the program takes on; always a whole ARN.
    TargetRole(&'static str),
}

impl Use {
    pub fn key(self) -> &'static str {
        match self {
            Use::Owner => "owner",
            Use::LaunchRole => "launch_role",
            Use::TargetRole(key) => key,
        }
    }

    fn forms(self) -> &'static str {
        match self {
            Use::Owner => "write `role/NAME`, `user/NAME` or a whole ARN",
            Use::LaunchRole => "write `role/NAME` or the whole ARN of a role",
            Use::TargetRole(_) => "write the whole ARN of a role: `arn:aws:iam::123456789012:role/NAME`",
        }
    }
}

/// `text` as it stands in a [`Spec`](crate::model::Spec), as far as it may be used for `usage` at `target`.
pub(super) fn complete(usage: Use, text: &str, target: &Target) -> Result<String, Problem> {
    match target.cloud {
        Cloud::Aws => iam(usage, text, target),
        Cloud::Alibaba => ram::complete(usage, text, target),
    }
}

/// The whole ARN.
fn iam(usage: Use, text: &str, target: &Target) -> Result<String, Problem> {
    let key = usage.key();
    if text.starts_with("acs:") {
        let message = format!("`{key}` is an Alibaba Cloud ARN, but `target.{}` is an AWS target", target.name);
        return Err(Problem::input(message).hint(usage.forms()));
    }
    if text.starts_with("arn:") {
        let arn = Arn::parse(text).ok_or_else(|| {
            let message = format!("`{key}` is not a whole ARN; an ARN has six parts divided by `:`");
            Problem::input(message).hint(usage.forms())
        })?;
        // ARNs of other services need not have an account; `check_kind` refuses them.
        if matches!(arn.service, "iam" | "sts") {
            check_home(&arn, key, target)?;
        }
        check_kind(&arn, usage)?;
        return Ok(text.to_owned());
    }
    let kind = text.split_once('/').map(|(kind, _)| kind);
    if usage == Use::Owner && kind == Some("assumed-role") {
        let message = "`owner` is an assumed role without its account";
        return Err(
            Problem::input(message).hint("write the whole ARN: `arn:aws:sts::123456789012:assumed-role/ROLE/SESSION`")
        );
    }
    if matches!(usage, Use::TargetRole(_)) || !matches!(kind, Some("role" | "user" | "group")) {
        return Err(Problem::input(format!("`{key}` is not an ARN")).hint(usage.forms()));
    }
    let arn =
        Arn { partition: target.partition(), service: "iam", region: "", account: &target.account, resource: text };
    check_kind(&arn, usage)?;
    Ok(format!("arn:{}:iam::{}:{text}", target.partition(), target.account))
}

/// Partition and account must be the target's.
fn check_home(arn: &Arn<'_>, key: &str, target: &Target) -> Result<(), Problem> {
    let home = target.partition();
    if arn.partition != home {
        let message =
            format!("`{key}` is in partition `{}`, but {} is in `{home}`", shown(arn.partition), target.region);
        return Err(Problem::input(message).hint(format!("write `arn:{home}:…`")));
    }
    if !arn.region.is_empty() {
        return Err(Problem::input(format!("`{key}` names a region, but IAM has none"))
            .hint("leave the part before the account empty: `arn:aws:iam::123456789012:role/NAME`"));
    }
    if arn.account.is_empty() {
        return Err(Problem::input(format!("`{key}` has no account")).hint(format!(
            "write `arn:{home}:{}::{}:…`",
            shown(arn.service),
            target.account
        )));
    }
    if arn.account != target.account {
        let message = format!(
            "`{key}` is in account {}, but `target.{}` is account {}",
            shown(arn.account),
            target.name,
            target.account
        );
        let hint = match key {
            "owner" | "launch_role" => "a provisioned product stays within its account",
            _ => "the role must be in the account of the target; change one of the two",
        };
        return Err(Problem::input(message).hint(hint));
    }
    Ok(())
}

fn check_kind(arn: &Arn<'_>, usage: Use) -> Result<(), Problem> {
    let key = usage.key();
    let (kind, name) = arn.kind_and_name();
    let wrong = |what: &str| {
        let message = match usage {
            Use::Owner => format!("`{key}` is {what}; only a role, a user or an assumed role can own"),
            Use::LaunchRole => format!("`{key}` is {what}; only a role can launch"),
            Use::TargetRole(_) => format!("`{key}` is {what}; only a role can be taken on"),
        };
        Err(Problem::input(message).hint(usage.forms()))
    };
    match (arn.service, kind) {
        ("iam", "role") => path_and_name(key, "role", name),
        ("iam", "user") if usage == Use::Owner => path_and_name(key, "user", name),
        ("sts", "assumed-role") if usage == Use::Owner => session(name),
        ("iam", "user") => wrong("a user"),
        ("iam", "group") => wrong("a group"),
        ("iam", "root") => wrong("the account itself"),
        ("sts", "assumed-role") => wrong("an assumed role"),
        ("sts", "federated-user") => wrong("a federated user"),
        _ => wrong("neither a role nor a user"),
    }
}

/// `[PATH/]NAME`: a path has up to 512 printable characters with its slashes, a name up to 64.
fn path_and_name(key: &str, kind: &str, text: &str) -> Result<(), Problem> {
    let (path, name) = text.rsplit_once('/').map_or(("", text), |(path, name)| (path, name));
    let no_path = !text.contains('/');
    let good_path = no_path || (!path.is_empty() && path.len() <= 510 && path.bytes().all(|b| b.is_ascii_graphic()));
    if good_path && names::is_iam_name(name, 1..=64) {
        return Ok(());
    }
    let message = format!("the name of the {kind} in `{key}` is not valid");
    Err(Problem::input(message)
        .hint("a name has 1 to 64 letters, digits and characters of `_+=,.@-`; a path before it ends with `/`"))
}

fn session(text: &str) -> Result<(), Problem> {
    let good = text
        .split_once('/')
        .is_some_and(|(role, session)| names::is_iam_name(role, 1..=64) && names::is_iam_name(session, 2..=64));
    if good {
        return Ok(());
    }
    Err(Problem::input("`owner` is not a valid assumed role").hint(
        "it ends with `assumed-role/ROLE/SESSION`: the role without its path, and a session of 2 to 64 characters",
    ))
}

/// A part of an ARN in a message: short, and without anything that a terminal would obey.
pub(super) fn shown(part: &str) -> String {
    part.chars().take(40).flat_map(char::escape_debug).collect()
}
