//! Security Token Service (2015-04-01): roles, and whose key this is.
//!
//! The official credentials libraries still sign `AssumeRole` with the gateway's first signature. All requests here
//! carry version 3, the one that the SDKs use for every other service; that STS takes it is assumed.

use bytes::Bytes;
use http::{Method, Request, header};
use serde_json::Value;

use super::door::Door;
use super::loan::{Failure, Loan};
use super::reply::{self, Answer};
use crate::model::Endpoint;
use crate::provider::alibaba::acs3::{self, Call, Key};
use crate::provider::meter::Sent;
use crate::seam::TransportError;

const VERSION: &str = "2015-04-01";
/// How it is called in a trace: AWS has a service of the short name.
const SERVICE: &str = "sts.aliyuncs.com";
/// How often a request is sent in all, when it is throttled or gets no answer.
const TRIES: u32 = 5;
/// An unreachable endpoint should be told soon.
const CONNECT_TRIES: u32 = 3;

/// A role to assume. No `Debug`: whoever knows the external id may be trusted.
pub(super) struct Role {
    pub(super) arn: String,
    pub(super) session_name: String,
    pub(super) external_id: Option<String>,
    /// What remains of the role's permissions.
    pub(super) policy: Option<String>,
    pub(super) seconds: u64,
    pub(super) at: Office,
}

/// Which endpoint of STS is asked, where a profile says so.
#[derive(Default)]
pub(super) struct Office {
    pub(super) region: Option<String>,
    pub(super) vpc: Option<bool>,
}

/// Who a key belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::provider::alibaba) struct Caller {
    pub(in crate::provider::alibaba) account: String,
    pub(in crate::provider::alibaba) arn: String,
    /// Of a user its id, of an assumed role `ROLE-ID:SESSION`.
    pub(in crate::provider::alibaba) principal_id: String,
    /// `Account`, `RAMUser` or `AssumedRoleUser`.
    pub(in crate::provider::alibaba) identity_type: String,
}

impl Caller {
    /// Whom Service Catalog calls the owner of what this caller launches; what it calls an account itself is not
    /// documented.
    pub(in crate::provider::alibaba) fn holder(&self) -> Option<String> {
        let id = self.principal_id.split(':').next().filter(|id| !id.is_empty())?;
        match self.identity_type.as_str() {
            "RAMUser" => Some(format!("user/{id}")),
            "AssumedRoleUser" => Some(format!("role/{id}")),
            _ => None,
        }
    }
}

/// `AssumeRole` with the key of whoever may assume it.
pub(super) async fn assume(door: &Door, key: &Key, role: &Role) -> Result<Loan, Failure> {
    let form = parameters(role, &[("ExternalId", role.external_id.as_deref())]);
    let answer = signed(door, "AssumeRole", &url(door, &role.at)?, key, &form).await?;
    Loan::read(&answer["Credentials"], door.now()).map_err(|failure| failure.of("AssumeRole"))
}

/// `AssumeRoleWithOIDC`: the token takes the place of a signature. It goes into the body, as the Go library sends it,
/// because URLs are written down on their way.
pub(super) async fn assume_with_oidc(
    door: &Door,
    role: &Role,
    provider_arn: &str,
    token: &str,
) -> Result<Loan, Failure> {
    let action = "AssumeRoleWithOIDC";
    let url = url(door, &role.at)?;
    let form = parameters(role, &[("OIDCProviderArn", Some(provider_arn)), ("OIDCToken", Some(token))]);
    let build = || {
        let time = door.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let query = [("Action", action), ("Format", "JSON"), ("Timestamp", &time), ("Version", VERSION)];
        let query = query.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Request::post(format!("{url}/?{}", acs3::canonical_query(&query)))
            .header(header::CONTENT_TYPE, acs3::FORM)
            .header(header::ACCEPT, "application/json")
            .body(Bytes::from(acs3::form(&form)))
            .map_err(|error| format!("{url} is not a URL: {error}"))
    };
    let answer = exchange(door, action, &url, &[token], build).await?;
    Loan::read(&answer["Credentials"], door.now()).map_err(|failure| failure.of(action))
}

/// `GetCallerIdentity`, which needs no permission.
pub(super) async fn caller(door: &Door, key: &Key) -> Result<Caller, Failure> {
    let action = "GetCallerIdentity";
    let answer = signed(door, action, &url(door, &Office::default())?, key, &[]).await?;
    let text = |name: &str| answer.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (account, arn) = (text("AccountId"), text("Arn"));
    if account.is_empty() || arn.is_empty() {
        return Err(Failure::new(format!("{action}: its answer has no `AccountId` and `Arn`")));
    }
    Ok(Caller { account, arn, principal_id: text("PrincipalId"), identity_type: text("IdentityType") })
}

fn parameters(role: &Role, more: &[(&str, Option<&str>)]) -> Vec<(String, String)> {
    let seconds = role.seconds.to_string();
    let mut all = vec![
        ("DurationSeconds", Some(seconds.as_str())),
        ("Policy", role.policy.as_deref()),
        ("RoleArn", Some(&role.arn)),
        ("RoleSessionName", Some(&role.session_name)),
    ];
    all.extend(more);
    all.sort_unstable();
    let given = all.iter().filter_map(|(name, value)| Some(((*name).to_owned(), (*value)?.to_owned())));
    given.filter(|(_, value)| !value.is_empty()).collect()
}

/// `sts.aliyuncs.com`, or the endpoint of a region; a target's own endpoint stands for STS too.
fn url(door: &Door, at: &Office) -> Result<String, Failure> {
    if let Endpoint::Url(url) = &door.target.endpoint {
        return Ok(url.trim_end_matches('/').to_owned());
    }
    let environment = &door.environment;
    let Some(region) = at.region.as_deref().or(environment.get("ALIBABA_CLOUD_STS_REGION")) else {
        return Ok("https://sts.aliyuncs.com".to_owned());
    };
    if !region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Err(Failure::new(format!("`{region}` is not the name of a region"))
            .hint("correct `sts_region` of the profile or ALIBABA_CLOUD_STS_REGION"));
    }
    let vpc = at.vpc.unwrap_or_else(|| environment.is_true("ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED"));
    Ok(format!("https://sts{}.{region}.aliyuncs.com", if vpc { "-vpc" } else { "" }))
}

async fn signed(door: &Door, action: &str, url: &str, key: &Key, form: &[(String, String)]) -> Result<Value, Failure> {
    let call = Call { method: Method::POST, url, action, version: VERSION, query: &[], form };
    let secrets = [key.access_key_secret.as_str(), key.security_token.as_deref().unwrap_or_default()];
    exchange(door, action, url, &secrets, || acs3::sign(&call, key, door.now(), &door.nonce())).await
}

/// Sends what `build` makes until there is an answer: each try has its own time and nonce. `secrets` are kept out of
/// what the service has to say.
async fn exchange(
    door: &Door,
    action: &str,
    url: &str,
    secrets: &[&str],
    build: impl Fn() -> Result<Request<Bytes>, String>,
) -> Result<Value, Failure> {
    let mut attempt = 0;
    loop {
        attempt += 1;
        let request = build().map_err(Failure::new)?;
        let body = request.body().clone();
        // The one body that holds a secret is that of the request without a signature.
        let traced = if request.headers().contains_key(header::AUTHORIZATION) { body.as_ref() } else { b"" };
        let body = String::from_utf8_lossy(traced);
        let sent = Sent { service: SERVICE, operation: action, target: None, body: &body };
        let (failure, tries) = match door.send(&sent, request).await {
            Ok(response) => match reply::read(&response) {
                Answer::Accepted(value) => return Ok(value),
                Answer::Refused(refusal) => return Err(refusal.without(secrets).failure(action)),
                Answer::Foreign(what) => {
                    let text = format!("{url} answers {action} with {what}, not as Alibaba Cloud does");
                    return Err(Failure::new(text).hint("a proxy may stand between; check HTTPS_PROXY and `endpoint`"));
                }
                Answer::Throttled(wait) => {
                    (Failure { wait: Some(wait), ..Failure::new(format!("{action} is throttled")) }, TRIES)
                }
                Answer::Broken(cause) => {
                    let failure = Failure::new(format!("{action} gets no answer: {cause}"));
                    (failure.hint("the service may be disturbed; run it again later"), TRIES)
                }
            },
            Err(error) => {
                let tries = if matches!(error, TransportError::NotSent(_)) { CONNECT_TRIES } else { TRIES };
                let failure = Failure::new(format!("{url} cannot be reached: {error}"));
                (failure.hint("check the network, the proxy (HTTPS_PROXY, NO_PROXY) and `endpoint`"), tries)
            }
        };
        if attempt >= tries {
            return Err(failure);
        }
        door.pause(attempt).await;
    }
}
