//! Keys that are fetched from beside this machine: the ECS metadata service and a credentials URI.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri, header};
use serde_json::Value;

use super::door::Door;
use super::loan::{Failure, Loan};
use crate::provider::meter::Sent;
use crate::seam::TransportError;

const METADATA: &str = "http://100.100.100.200";
const ROLES: &str = "/latest/meta-data/ram/security-credentials/";
const TOKEN_SECONDS: &str = "21600";
/// Where the service is not, nothing answers; a person should not wait for that.
const METADATA_LIMIT: Duration = Duration::from_secs(1);
/// Connecting and reading in the official library: 5 s and 10 s.
const URI_LIMIT: Duration = Duration::from_secs(15);

/// The key of the RAM role of this ECS instance.
///
/// With a token (version 2) where the service gives one, and without where it does not or where a token does not
/// help, unless `ALIBABA_CLOUD_IMDSV1_DISABLED` forbids that.
pub(super) async fn of_machine(door: &Door, role: Option<&str>) -> Result<Loan, Failure> {
    if door.environment.is_true("ALIBABA_CLOUD_ECS_METADATA_DISABLED") {
        return Err(Failure::new("ALIBABA_CLOUD_ECS_METADATA_DISABLED is set"));
    }
    let v1 = !door.environment.is_true("ALIBABA_CLOUD_IMDSV1_DISABLED");
    let token = match metadata_token(door).await {
        Ok(token) => Some(token),
        Err(_) if v1 => None,
        Err(failure) => return Err(failure),
    };
    match of_role(door, role, token.as_deref()).await {
        Err(_) if v1 && token.is_some() => of_role(door, role, None).await,
        other => other,
    }
}

async fn of_role(door: &Door, role: Option<&str>, token: Option<&str>) -> Result<Loan, Failure> {
    let found;
    let role = match role {
        Some(role) => role,
        None => {
            found = metadata(door, Request::get(format!("{METADATA}{ROLES}")), token).await?;
            std::str::from_utf8(&found).unwrap_or_default().trim()
        }
    };
    // What is no role's name is a web page of a proxy, or would lead to another path.
    if role.is_empty() || !role.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')) {
        return Err(Failure::new("the metadata service names no RAM role of this instance"));
    }
    let body = metadata(door, Request::get(format!("{METADATA}{ROLES}{role}")), token).await?;
    credentials(door, &body).map_err(|failure| failure.of(format_args!("RAM role `{role}` of this instance")))
}

async fn metadata_token(door: &Door) -> Result<String, Failure> {
    let request = Request::put(format!("{METADATA}/latest/api/token"))
        .header("X-aliyun-ecs-metadata-token-ttl-seconds", TOKEN_SECONDS);
    let body = metadata(door, request, None).await?;
    Ok(String::from_utf8_lossy(&body).trim().to_owned())
}

async fn metadata(door: &Door, request: http::request::Builder, token: Option<&str>) -> Result<Bytes, Failure> {
    let request = match token {
        Some(token) => request.header("X-aliyun-ecs-metadata-token", token),
        None => request,
    };
    let request = request.body(Bytes::new()).map_err(|_| Failure::new("the metadata service's token is no token"))?;
    ask(door, "ecs-metadata", METADATA_LIMIT, request).await.map_err(|text| Failure::new(format!("{METADATA} {text}")))
}

/// `ALIBABA_CLOUD_CREDENTIALS_URI`. Only its host is ever shown: the rest may be a secret of its own.
pub(super) async fn of_uri(door: &Door, uri: &str) -> Result<Loan, Failure> {
    let wrong = || {
        Failure::new("ALIBABA_CLOUD_CREDENTIALS_URI is not an http or https URL").hint("write `http://HOST:PORT/PATH`")
    };
    let parsed: Uri = uri.parse().map_err(|_| wrong())?;
    let host = parsed.host().filter(|_| matches!(parsed.scheme_str(), Some("http" | "https"))).ok_or_else(wrong)?;
    let host = host.to_owned();
    let request = Request::get(parsed).header(header::ACCEPT, "application/json").body(Bytes::new());
    let request = request.map_err(|_| wrong())?;
    let answer = ask(door, "credentials-uri", URI_LIMIT, request).await;
    let body = answer.map_err(|text| Failure::new(format!("{host} {}", text.replace(uri, "it"))))?;
    credentials(door, &body).map_err(|failure| failure.of(host))
}

/// `{"Code": "Success", …}`.
fn credentials(door: &Door, body: &[u8]) -> Result<Loan, Failure> {
    let value: Value = serde_json::from_slice(body).map_err(|_| Failure::new("its answer is not JSON"))?;
    if value.get("Code").and_then(Value::as_str) != Some("Success") {
        return Err(Failure::new("its answer is not a success"));
    }
    Loan::read(&value, door.now())
}

/// The body of a good answer.
async fn ask(door: &Door, service: &str, limit: Duration, request: Request<Bytes>) -> Result<Bytes, String> {
    let sent = Sent { service, operation: "sign in", target: None, body: "" };
    match door.send_within(limit, &sent, request).await {
        Ok(response) if response.status().is_success() => Ok(response.into_body()),
        Ok(response) => Err(format!("answers with HTTP {}", response.status())),
        Err(TransportError::NotSent(cause) | TransportError::Lost(cause)) => Err(format!("cannot be reached: {cause}")),
    }
}
