//! What an answer of STS means.

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::Value;

use super::loan::Failure;

/// How long to wait when a throttled answer does not say.
const WAIT: Duration = Duration::from_secs(20);

/// The answer to one request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Accepted(Value),
    Refused(Refusal),
    Throttled(Duration),
    /// 5xx.
    Broken(String),
    /// Not an answer of the service: a web page of a proxy, a redirect.
    Foreign(String),
}

/// `{"Code", "Message", "RequestId"}`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: String,
    message: String,
    request_id: Option<String>,
}

pub(super) fn read(response: &Response<Bytes>) -> Answer {
    let status = response.status();
    let value = serde_json::from_slice::<Value>(response.body()).ok().filter(Value::is_object);
    if status.is_success() {
        return value.map_or_else(|| Answer::Foreign("something else than JSON".to_owned()), Answer::Accepted);
    }
    let text = |name: &str| value.as_ref()?.get(name)?.as_str().map(str::to_owned);
    let refusal = text("Code").map(|code| Refusal {
        code,
        message: text("Message").unwrap_or_default(),
        request_id: text("RequestId"),
    });
    // `x-acs-retry-after` is in milliseconds (the SDKs' `ThrottlingException`).
    let header = response.headers().get("x-acs-retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    let throttled = Answer::Throttled(header.map_or(WAIT, Duration::from_millis));
    match refusal {
        Some(refusal) if refusal.code.contains("Throttling") => throttled,
        _ if status == StatusCode::TOO_MANY_REQUESTS => throttled,
        Some(refusal) if status.is_server_error() => Answer::Broken(refusal.text()),
        None if status.is_server_error() => Answer::Broken(format!("HTTP {status}")),
        Some(refusal) => Answer::Refused(refusal),
        None => Answer::Foreign(format!("HTTP {status} without an error code")),
    }
}

impl Refusal {
    /// Services like to repeat what they were sent.
    pub(super) fn without(mut self, secrets: &[&str]) -> Self {
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            self.message = self.message.replace(secret, "…");
        }
        self
    }

    /// What to tell a person. The codes are those of the error centre and of "Common errors and causes" of STS; for
    /// others the service's own words have to do.
    pub(super) fn failure(&self, action: &str) -> Failure {
        let text = self.text();
        let code = self.code.as_str();
        let (text, hint) = match code {
            "InvalidSecurityToken.Expired" | "SecurityTokenExpired" => {
                (format!("the security token has expired ({text})"), "renew it, or sign in again, and run it again")
            }
            _ if code.starts_with("InvalidSecurityToken") || code == "MissingSecurityToken" => (
                format!("the security token does not belong to the access key ({text})"),
                "key id, secret and token must be of the same session; renew all three",
            ),
            _ if code.starts_with("InvalidAccessKeyId") => (
                format!("Alibaba Cloud does not know the access key, or it is disabled ({text})"),
                "check the access key id in the RAM console; keys of the other site (China, International) do not serve",
            ),
            "SignatureDoesNotMatch" | "IncompleteSignature" => (
                format!("the signature is refused ({text})"),
                "the access key secret does not belong to the access key id; renew both",
            ),
            _ if code.starts_with("InvalidTimeStamp") => (
                format!("the time of the request is refused ({text})"),
                "set this machine's clock; Alibaba Cloud accepts requests within 15 minutes of its own time",
            ),
            _ if code.starts_with("EntityNotExist") => (
                format!("{action}: there is no such role or identity provider ({text})"),
                "check the ARN, its account included",
            ),
            _ if code.starts_with("AuthenticationFail.OIDCToken") => (
                format!("{action}: the OIDC token is refused ({text})"),
                "the token in ALIBABA_CLOUD_OIDC_TOKEN_FILE must be fresh and of an issuer that the role trusts",
            ),
            _ if is_denied(code) => (
                format!("{action} is not allowed: {text}"),
                "the role's trust policy must name the caller (and `external_id`), the caller needs \
                 `sts:AssumeRole`, and an account's own (root) key can assume no role",
            ),
            _ => return Failure::new(format!("{action}: {text}")),
        };
        Failure::new(text).hint(hint)
    }

    /// `Code: message (request …)`. What is said about a signature holds the text that was signed, with the token.
    fn text(&self) -> String {
        let mut text = self.code.clone();
        if !self.message.is_empty() && !self.code.contains("Signature") {
            text = format!("{text}: {}", self.message);
        }
        if let Some(id) = &self.request_id {
            text = format!("{text}, request {id}");
        }
        text
    }
}

fn is_denied(code: &str) -> bool {
    code == "NoPermission" || code.starts_with("Forbidden") || code.ends_with(".NoPermission")
}
