//! Alibaba Cloud's identities: RAM users and roles, and their numbers.

use super::World;

/// What kind of identity a RAM ARN names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RamKind {
    User,
    Role,
}

impl RamKind {
    /// As it stands in an ARN, and in an owner.
    pub fn word(self) -> &'static str {
        match self {
            RamKind::User => "user",
            RamKind::Role => "role",
        }
    }
}

/// `acs:ram::ACCOUNT:user/NAME` or `…:role/NAME`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RamIdentity<'a> {
    pub account: &'a str,
    pub kind: RamKind,
    pub name: &'a str,
}

/// Reads the ARN of a RAM user or role.
pub fn identity(arn: &str) -> Option<RamIdentity<'_>> {
    let rest = arn.strip_prefix("acs:ram::")?;
    let (account, resource) = rest.split_once(':')?;
    let (kind, name) = kind_and_rest(resource)?;
    let named =
        !name.is_empty() && name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-@".contains(&b));
    let numbered = account.len() == 16 && account.bytes().all(|b| b.is_ascii_digit());
    (named && numbered).then_some(RamIdentity { account, kind, name })
}

/// Splits `role/X` and `user/X`.
pub fn kind_and_rest(text: &str) -> Option<(RamKind, &str)> {
    let (kind, rest) = text.split_once('/')?;
    match kind {
        "user" => Some((RamKind::User, rest)),
        "role" => Some((RamKind::Role, rest)),
        _ => None,
    }
}

/// What the service tells of an owner: `role/ID` or `user/ID`.
pub fn holder(world: &World, arn: &str) -> String {
    let id = world.catalog().ram.get(arn).map(String::as_str).unwrap_or_default();
    let kind = identity(arn).map_or("user", |who| who.kind.word());
    format!("{kind}/{id}")
}

/// The ARN and the number of a user or role of an account, by name.
pub fn by_name<'a>(world: &'a World, account: &str, kind: RamKind, name: &str) -> Option<(&'a str, &'a str)> {
    let arn = format!("acs:ram::{account}:{}/{name}", kind.word());
    world.catalog().ram.get_key_value(&arn).map(|(arn, id)| (arn.as_str(), id.as_str()))
}

/// The name of a user or role, by `role/ID` or `user/ID`.
pub fn name_of<'a>(world: &'a World, holder: &str) -> Option<&'a str> {
    let (kind, wanted) = kind_and_rest(holder)?;
    let found =
        world.catalog().ram.iter().find(|(arn, id)| *id == wanted && identity(arn).is_some_and(|who| who.kind == kind));
    found.and_then(|(arn, _)| identity(arn)).map(|who| who.name)
}
