//! What an answer means. The one question about a failed write is whether it can have happened.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use serde_json::Value;

use super::endpoint::Service;
use super::query;
use crate::model::Target;
use crate::problem::Problem;
use crate::provider::ProviderError;

/// A service's definite no: the request was understood and not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: String,
    pub(super) message: String,
    pub(super) request_id: Option<String>,
}

impl Refusal {
    /// The model's `ResourceNotFoundException`.
    pub(super) fn is_not_found(&self) -> bool {
        self.code == "ResourceNotFoundException"
    }

    /// CloudFormation has no error code of its own for a stack that is not there: `ValidationError` with the text
    /// "Stack with id … does not exist". A stack set has `StackSetNotFoundException`.
    pub(super) fn is_no_stack(&self) -> bool {
        self.code.starts_with("StackSetNotFound")
            || (self.code == "ValidationError" && self.message.contains("does not exist"))
    }

    /// In no model, but what every service answers to a principal that lacks a permission.
    pub(super) fn is_denied(&self) -> bool {
        matches!(
            self.code.as_str(),
            "AccessDeniedException" | "AccessDenied" | "UnauthorizedOperation" | "NotAuthorized" | "OptInRequired"
        )
    }

    pub(super) fn is_expired(&self) -> bool {
        matches!(self.code.as_str(), "ExpiredTokenException" | "ExpiredToken" | "TokenRefreshRequired")
    }

    /// Whether the credentials themselves are at fault: then no other call would fare better.
    pub(super) fn is_about_credentials(&self) -> bool {
        self.is_expired() || self.is_skew() || is_key_unknown(&self.code) || is_signature(&self.code)
    }

    fn is_skew(&self) -> bool {
        matches!(self.code.as_str(), "RequestTimeTooSkewed" | "RequestExpired")
            || (is_signature(&self.code)
                && (self.message.contains("Signature expired") || self.message.contains("not yet current")))
    }

    /// `Code: message (request …)`.
    pub(super) fn text(&self) -> String {
        let mut text = self.code.clone();
        if !self.message.is_empty() {
            text = format!("{text}: {}", self.message);
        }
        if let Some(id) = &self.request_id {
            text = format!("{text} (request {id})");
        }
        text
    }
}

fn is_key_unknown(code: &str) -> bool {
    matches!(
        code,
        "UnrecognizedClientException"
            | "UnrecognizedClient"
            | "InvalidClientTokenId"
            | "InvalidAccessKeyId"
            | "AuthFailure"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException"
    )
}

fn is_signature(code: &str) -> bool {
    matches!(
        code,
        "InvalidSignatureException" | "SignatureDoesNotMatch" | "IncompleteSignature" | "IncompleteSignatureException"
    )
}

/// `ThrottlingException` ("Rate exceeded") is not in the Service Catalog model but is what it answers; the others are
/// the AWS SDKs' common list of throttling codes.
fn is_throttling(code: &str) -> bool {
    matches!(
        code,
        "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottled"
            | "RequestThrottledException"
            | "TooManyRequests"
            | "TooManyRequestsException"
            | "RequestLimitExceeded"
            | "BandwidthLimitExceeded"
            | "PriorRequestNotComplete"
            | "SlowDown"
    )
}

/// The answer to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Accepted(Bytes),
    Refused(Refusal),
    /// Not done; perhaps with the service's wish for how long to wait.
    Throttled(Option<Duration>),
    /// 5xx: perhaps done.
    Broken(String),
    /// Not an answer of the service: a web page of a proxy, a redirect. Perhaps done.
    Foreign(String),
}

/// Reads status, headers and body of an answer.
pub(super) fn read(service: Service, response: Response<Bytes>) -> Answer {
    let (parts, body) = response.into_parts();
    if parts.status.is_success() {
        return match foreign(&parts.headers, &body) {
            Some(text) => Answer::Foreign(text),
            None => Answer::Accepted(body),
        };
    }
    let refusal = refusal(service, &parts.headers, &body);
    let retry_after =
        parts.headers.get("retry-after").and_then(|v| v.to_str().ok()).and_then(|v| v.trim().parse().ok());
    match refusal {
        Some(refusal) if is_throttling(&refusal.code) => Answer::Throttled(retry_after.map(Duration::from_secs)),
        _ if parts.status == StatusCode::TOO_MANY_REQUESTS => Answer::Throttled(retry_after.map(Duration::from_secs)),
        Some(refusal) if parts.status.is_server_error() => Answer::Broken(refusal.text()),
        Some(refusal) if parts.status.is_client_error() => Answer::Refused(refusal),
        _ if parts.status.is_server_error() => Answer::Broken(format!("HTTP {}", parts.status)),
        _ => {
            let page = foreign(&parts.headers, &body).unwrap_or_else(|| "no error code in it".to_owned());
            Answer::Foreign(format!("HTTP {}, {page}", parts.status))
        }
    }
}

/// What a body is when it is a web page.
fn foreign(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let kind = headers.get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let start: Vec<u8> = body.iter().copied().skip_while(u8::is_ascii_whitespace).take(9).collect();
    let start = String::from_utf8_lossy(&start).to_ascii_lowercase();
    (kind.starts_with("text/html") || start.starts_with("<!doctype") || start.starts_with("<html"))
        .then(|| "a web page".to_owned())
}

/// `{"__type": "com.amazonaws.servicecatalog#InvalidStateException", "Message": "…"}`; both spellings of `message`
/// occur. The header `x-amzn-ErrorType` is the fallback.
fn refusal(service: Service, headers: &HeaderMap, body: &[u8]) -> Option<Refusal> {
    let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let request_id = header("x-amzn-requestid").or_else(|| header("x-amz-request-id"));
    if service != Service::Catalog {
        let (code, message) = query::error(body)?;
        return Some(Refusal { code, message, request_id });
    }
    let error = serde_json::from_slice::<Value>(body).unwrap_or_default();
    let member = |name: &str| error.get(name).and_then(Value::as_str).map(str::to_owned);
    let code = member("__type").or_else(|| header("x-amzn-errortype"))?;
    let code = code.rsplit('#').next().unwrap_or_default();
    let code = code.split(':').next().unwrap_or_default().trim();
    if code.is_empty() {
        return None;
    }
    let message = member("message").or_else(|| member("Message")).unwrap_or_default();
    Some(Refusal { code: code.to_owned(), message, request_id })
}

/// Why a call has no result.
#[derive(Debug, Clone)]
pub(super) enum CallError {
    /// The service's own no, for whoever knows what it means there.
    Refused(Refusal),
    Failed(ProviderError),
}

impl From<ProviderError> for CallError {
    fn from(error: ProviderError) -> Self {
        CallError::Failed(error)
    }
}

impl CallError {
    /// What to tell when the no has no special meaning.
    pub(super) fn into_provider(self, asked: &Asked<'_>) -> ProviderError {
        match self {
            CallError::Failed(error) => error,
            CallError::Refused(refusal) => ProviderError::Rejected(asked.problem(&refusal)),
        }
    }
}

/// Who asked what of whom: the words of a problem.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) target: &'a Target,
    pub(super) operation: &'a str,
    /// "role arn:…", "profile `p`", "the default credentials".
    pub(super) with: &'a str,
}

impl Asked<'_> {
    pub(super) fn problem(&self, refusal: &Refusal) -> Problem {
        let Asked { target, operation, with } = self;
        let name = &target.name;
        let text = refusal.text();
        let problem = if refusal.is_skew() {
            Problem::access(format!("target `{name}`: AWS refuses the time of the request: {text}"))
                .hint("set this machine's clock; AWS accepts requests within five minutes of its own time")
        } else if refusal.is_expired() {
            Problem::access(format!("target `{name}`: {with}: the credentials have expired ({text})"))
                .hint(sign_in_again(target))
        } else if is_key_unknown(&refusal.code) {
            Problem::access(format!("target `{name}`: AWS does not know the access key of {with} ({text})")).hint(
                "the key was deleted, belongs to another partition, or its region is not enabled; check `profile`",
            )
        } else if is_signature(&refusal.code) {
            Problem::access(format!("target `{name}`: AWS refuses the signature of {with} ({text})"))
                .hint("the secret access key does not belong to the access key id; renew both")
        } else if refusal.is_denied() {
            Problem::access(format!("target `{name}`: {with} may not {operation}: {text}"))
                .hint("docs/aws.md lists the permission that each call needs")
        } else {
            return Problem::failed(format!("target `{name}`: {operation}: {text}"));
        };
        problem.at(&target.place)
    }

    pub(super) fn unreachable(&self, url: &str, cause: &str) -> Problem {
        let Asked { target, .. } = self;
        Problem::access(format!("target `{}`: {url} cannot be reached: {cause}", target.name))
            .hint("check the network, the proxy (HTTPS_PROXY, NO_PROXY), `region` and `endpoint`")
            .at(&target.place)
    }

    pub(super) fn foreign(&self, url: &str, what: &str) -> Problem {
        let Asked { target, operation, .. } = self;
        Problem::access(format!("target `{}`: {url} answers {operation} with {what}, not as AWS does", target.name))
            .hint("a proxy or a login page stands between; check HTTPS_PROXY, NO_PROXY and `endpoint`")
            .at(&target.place)
    }

    pub(super) fn broken(&self, cause: &str) -> Problem {
        let Asked { target, operation, .. } = self;
        Problem::access(format!("target `{}`: {operation} gets no answer: {cause}", target.name))
            .hint("the service may be disturbed; run it again later")
            .at(&target.place)
    }

    /// A write whose fate is open.
    pub(super) fn unknown(&self, cause: &str) -> Problem {
        let Asked { target, operation, .. } = self;
        Problem::failed(format!("target `{}`: {operation} was sent and its answer is not known: {cause}", target.name))
            .hint("the next run looks at what became of it before anything is sent again")
    }
}

/// How a person renews the credentials of a target.
pub(super) fn sign_in_again(target: &Target) -> String {
    match &target.profile {
        Some(profile) => format!("renew them (for SSO: `aws sso login --profile {profile}`) and run it again"),
        None => "renew them (for SSO: `aws sso login`; for a session: a new AWS_SESSION_TOKEN) and run it again".into(),
    }
}

#[cfg(test)]
#[path = "tests/errors.rs"]
mod tests;
