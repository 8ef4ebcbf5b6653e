//! STS and RAM: who am I, be somebody else, and which number has a name.

use serde_json::{Value, json};

use super::input::{Input, missing};
use super::wire::iso;
use super::{Who, no_permission};
use crate::sandbox::session::Session;
use crate::sandbox::world::World;
use crate::sandbox::world::model::{Answer, LAST, Millis, Principal, ServiceError};
use crate::sandbox::world::ram::{self, RamKind, kind_and_rest};

fn unknown_api(operation: &str) -> ServiceError {
    let message = format!("Specified api is not found, please check your url and method: {operation}");
    ServiceError::new("InvalidApi.NotFound", message)
}

pub fn sts(world: &World, who: &Who, operation: &str, input: &Input, clocks: &[Millis]) -> Answer<Value> {
    match operation {
        "GetCallerIdentity" => Ok(caller_identity(world, who)),
        "AssumeRole" => assume_role(world, who, input, clocks),
        _ => Err(unknown_api(operation)),
    }
}

/// The ARN of a session of a role; a user is itself.
fn session_arn(principal: &Principal, session_name: &str) -> String {
    match ram::identity(&principal.arn) {
        Some(who) if who.kind == RamKind::Role => {
            format!("acs:ram::{}:assumed-role/{}/{session_name}", who.account, who.name)
        }
        _ => principal.arn.clone(),
    }
}

fn caller_identity(world: &World, who: &Who) -> Value {
    let holder = ram::holder(world, &who.principal.arn);
    let (kind, id) = kind_and_rest(&holder).unwrap_or((RamKind::User, ""));
    let mut body = json!({
        "AccountId": who.principal.account,
        "Arn": session_arn(&who.principal, &who.session_name),
        "PrincipalId": id,
        "UserId": id,
        "IdentityType": "RAMUser",
    });
    if kind == RamKind::Role {
        body["IdentityType"] = json!("AssumedRoleUser");
        body["PrincipalId"] = json!(format!("{id}:{}", who.session_name));
        body["UserId"] = body["PrincipalId"].clone();
        body["RoleId"] = json!(id);
    }
    body
}

/// What AssumeRole and AssumeRoleWithOIDC ask alike.
struct Wanted<'a> {
    role: &'a Principal,
    session_name: String,
    expires: Millis,
}

fn wanted<'a>(world: &'a World, input: &Input, clocks: &[Millis]) -> Answer<Wanted<'a>> {
    let invalid = |name: &str, message: &str| ServiceError::new(format!("InvalidParameter.{name}"), message);
    let arn = input.required("RoleArn")?;
    let session_name = input.required("RoleSessionName")?;
    let named = session_name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.@=".contains(&b));
    if !named || !(2..=64).contains(&session_name.len()) {
        let message = "The parameter RoleSessionName must have 2 to 64 letters, digits and -_.@= characters.";
        return Err(invalid("RoleSessionName", message));
    }
    let seconds = match input.text("DurationSeconds") {
        None => 3600,
        Some(text) => text.parse::<i64>().ok().filter(|s| (900..=43_200).contains(s)).ok_or_else(|| {
            invalid("DurationSeconds", "The parameter DurationSeconds must be between 900 and 43200.")
        })?,
    };
    if ram::identity(&arn).is_none_or(|who| who.kind != RamKind::Role) {
        return Err(invalid("RoleArn", "The parameter RoleArn is not the ARN of a RAM role."));
    }
    let role = world.catalog().principals.values().find(|p| p.arn == arn);
    let role = role.ok_or_else(|| ServiceError::new("EntityNotExist.Role", format!("The role not exists: {arn}")))?;
    // Whichever clock the client goes by, the credentials last for as long as was asked.
    let latest = clocks.iter().copied().max().unwrap_or(world.now());
    Ok(Wanted { role, session_name, expires: latest.saturating_add(seconds * 1000).min(LAST) })
}

fn credentials(world: &World, wanted: &Wanted<'_>) -> Value {
    let session = Session::issue(world, wanted.role, &wanted.session_name, wanted.expires);
    let holder = ram::holder(world, &wanted.role.arn);
    let id = kind_and_rest(&holder).map_or("", |(_, id)| id);
    json!({
        "AssumedRoleUser": {
            "Arn": session_arn(wanted.role, &wanted.session_name),
            "AssumedRoleId": format!("{id}:{}", wanted.session_name),
        },
        "Credentials": {
            "AccessKeyId": session.access_key_id,
            "AccessKeySecret": session.secret_access_key,
            "SecurityToken": session.token,
            "Expiration": iso(wanted.expires),
        },
    })
}

fn assume_role(world: &World, who: &Who, input: &Input, clocks: &[Millis]) -> Answer<Value> {
    let wanted = wanted(world, input, clocks)?;
    let external_id = wanted.role.trusted_external_id.as_deref();
    if who.principal.deny.contains("AssumeRole")
        || external_id.is_some_and(|id| input.text("ExternalId").as_deref() != Some(id))
    {
        return Err(no_permission("sts", "AssumeRole"));
    }
    Ok(credentials(world, &wanted))
}

/// AssumeRoleWithOIDC. Nobody signs it: the identity provider's token is the proof, and here any is believed that comes
/// with a provider of the role's account.
pub fn assume_role_with_oidc(world: &World, input: &Input, clocks: &[Millis]) -> Answer<Value> {
    let provider = input.required("OIDCProviderArn")?;
    input.text("OIDCToken").ok_or_else(|| missing("OIDCToken"))?;
    let wanted = wanted(world, input, clocks)?;
    let of_account = format!("acs:ram::{}:oidc-provider/", wanted.role.account);
    if !provider.starts_with(&of_account) {
        let message = "The specified OIDC provider does not exist in the account of the role.";
        return Err(ServiceError::new("EntityNotExist.OIDCProvider", message));
    }
    let mut body = credentials(world, &wanted);
    body["OIDCTokenInfo"] =
        json!({ "Subject": "sandbox", "Issuer": "https://sandbox.invalid", "ClientIds": "sandbox" });
    Ok(body)
}

pub fn ram(world: &World, who: &Who, operation: &str, input: &Input) -> Answer<Value> {
    let (kind, parameter) = match operation {
        "GetUser" => (RamKind::User, "UserName"),
        "GetRole" => (RamKind::Role, "RoleName"),
        _ => return Err(unknown_api(operation)),
    };
    let name = input.required(parameter)?;
    let created = iso(0);
    let found = ram::by_name(world, &who.principal.account, kind, &name);
    let missing = || {
        let (code, what) = match kind {
            RamKind::User => ("EntityNotExist.User", "user"),
            RamKind::Role => ("EntityNotExist.Role", "role"),
        };
        ServiceError::new(code, format!("The {what} does not exist: {name}"))
    };
    let (arn, id) = found.ok_or_else(missing)?;
    Ok(match kind {
        RamKind::User => {
            json!({ "User": { "UserId": id, "UserName": name, "DisplayName": name, "CreateDate": created } })
        }
        RamKind::Role => json!({ "Role": {
            "RoleId": id,
            "RoleName": name,
            "Arn": arn,
            "Description": "",
            "MaxSessionDuration": 43_200,
            "CreateDate": created,
            "AssumeRolePolicyDocument": "{\"Version\":\"1\",\"Statement\":[]}",
        } }),
    })
}
