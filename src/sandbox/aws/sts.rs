//! STS: who am I, and be somebody else.

use super::Who;
use super::xml::{get, iso, result};
use crate::sandbox::ids;
use crate::sandbox::session::Session;
use crate::sandbox::world::World;
use crate::sandbox::world::access::{ArnKind, identity, session_arn};
use crate::sandbox::world::model::{LAST, Millis, Principal, ServiceError};

pub fn answer(
    world: &World,
    who: &Who,
    operation: &str,
    parameters: &[(String, String)],
    clocks: &[Millis],
) -> Result<String, ServiceError> {
    match operation {
        "GetCallerIdentity" => Ok(result(operation, |xml| {
            xml.text("Arn", &who.session);
            xml.text("UserId", &user_id(world, &who.principal, &who.session_name));
            xml.text("Account", &who.principal.account);
        })),
        "AssumeRole" => assume_role(world, who, parameters, clocks),
        _ => Err(ServiceError::new(
            "InvalidAction",
            format!("Could not find operation {operation} for version 2011-06-15"),
        )),
    }
}

fn user_id(world: &World, principal: &Principal, session_name: &str) -> String {
    let seed = world.catalog().seed;
    match identity(&principal.arn).map(|who| who.kind) {
        Some(ArnKind::User) => ids::upper(seed, "AIDA", &principal.arn),
        _ => format!("{}:{session_name}", ids::upper(seed, "AROA", &principal.arn)),
    }
}

fn assume_role(
    world: &World,
    who: &Who,
    parameters: &[(String, String)],
    clocks: &[Millis],
) -> Result<String, ServiceError> {
    let invalid = |message: String| ServiceError::new("ValidationError", message);
    let need = |name: &str| get(parameters, name).ok_or_else(|| invalid(format!("'{name}' is required.")));
    let (arn, name) = (need("RoleArn")?, need("RoleSessionName")?);
    let named = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b));
    if !named || !(2..=64).contains(&name.len()) {
        return Err(invalid(format!(
            "1 validation error detected: Value '{name}' at 'roleSessionName' failed to satisfy constraint"
        )));
    }
    let seconds = match get(parameters, "DurationSeconds") {
        None => 3600,
        Some(text) => text
            .parse::<i64>()
            .ok()
            .filter(|s| (900..=43_200).contains(s))
            .ok_or_else(|| invalid("DurationSeconds must be between 900 and 43200".into()))?,
    };
    let denied = || {
        let message = format!("User: {} is not authorized to perform: sts:AssumeRole on resource: {arn}", who.session);
        ServiceError::new("AccessDenied", message)
    };
    let role = world.catalog().principals.values().find(|p| p.arn == arn).ok_or_else(denied)?;
    let is_role = identity(arn).is_some_and(|who| who.kind == ArnKind::Role);
    let trusted = role.trusted_external_id.as_deref().is_none_or(|id| get(parameters, "ExternalId") == Some(id));
    if !is_role || !trusted {
        return Err(denied());
    }
    // Whichever clock the client goes by, the credentials last for as long as was asked.
    let expires = clocks.iter().copied().max().unwrap_or(world.now()).saturating_add(seconds * 1000).min(LAST);
    let session = Session::issue(world, role, name, expires);
    Ok(result("AssumeRole", |xml| {
        xml.element("AssumedRoleUser", |xml| {
            xml.text("AssumedRoleId", &user_id(world, role, name));
            xml.text("Arn", &session_arn(arn, name));
        });
        xml.element("Credentials", |xml| {
            xml.text("AccessKeyId", &session.access_key_id);
            xml.text("SecretAccessKey", &session.secret_access_key);
            xml.text("SessionToken", &session.token);
            xml.text("Expiration", &iso(expires));
        });
    }))
}
