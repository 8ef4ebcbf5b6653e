//! What an answer means. The one question about a failed write is whether it can have happened.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header};
use jiff::Timestamp;
use serde_json::Value;

use crate::model::{Endpoint, Target};
use crate::problem::Problem;
use crate::provider::ProviderError;

/// A service's definite no: the request was understood and not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: String,
    pub(super) message: String,
    pub(super) request_id: Option<String>,
    /// The `Date` of the answer: the service's own time.
    pub(super) date: Option<String>,
    /// `AccessDeniedDetail` came with it, which names the policy that denies.
    pub(super) denied: bool,
}

impl Refusal {
    /// An answer without the thing that was asked for is as good as none.
    pub(super) fn empty(what: &str) -> Self {
        let message = format!("the answer is about another {what}, or about none");
        Refusal { code: "EmptyAnswer".to_owned(), message, request_id: None, date: None, denied: false }
    }

    /// `Invalid<Resource>.NotFound`: the pattern of the two codes that are known (`InvalidProvisionedProduct.NotFound`,
    /// `InvalidPortfolio.NotFound`; Terraform provider). That the others follow it is assumed. The gateway's own codes
    /// of that form are about the request.
    pub(super) fn is_not_found(&self) -> bool {
        let code = self.code.as_str();
        let gateway = code.starts_with("InvalidApi") || code.starts_with("InvalidAccessKeyId");
        (code.starts_with("Invalid") && code.ends_with(".NotFound") && !gateway) || code.starts_with("EntityNotExist")
    }

    /// The one code that says that a provisioned product does not exist.
    pub(super) fn is_no_product(&self) -> bool {
        self.code == "InvalidProvisionedProduct.NotFound"
    }

    /// RAM's answer to a principal that lacks a permission, in the spellings that the services use.
    pub(super) fn is_denied(&self) -> bool {
        let code = self.code.as_str();
        self.denied || code == "NoPermission" || code.starts_with("Forbidden") || code.ends_with(".NoPermission")
    }

    pub(super) fn is_expired(&self) -> bool {
        matches!(self.code.as_str(), "InvalidSecurityToken.Expired" | "SecurityTokenExpired")
    }

    /// Whether the credentials themselves are at fault: then no other call would fare better.
    pub(super) fn is_about_credentials(&self) -> bool {
        let code = self.code.as_str();
        self.is_skew()
            || self.is_signature()
            || code.starts_with("InvalidSecurityToken")
            || code.starts_with("InvalidAccessKeyId")
            || matches!(code, "SecurityTokenExpired" | "MissingSecurityToken")
    }

    fn is_skew(&self) -> bool {
        self.code.starts_with("InvalidTimeStamp")
    }

    fn is_signature(&self) -> bool {
        matches!(self.code.as_str(), "SignatureDoesNotMatch" | "IncompleteSignature")
    }

    /// `Code: message (request …)`. What is said about a signature repeats what was signed, token and parameters.
    pub(super) fn text(&self) -> String {
        let mut text = self.code.clone();
        if !self.message.is_empty() && !self.code.contains("Signature") {
            text = format!("{text}: {}", self.message);
        }
        if let Some(id) = &self.request_id {
            text = format!("{text} (request {id})");
        }
        text
    }
}

/// The answer to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Accepted(Bytes),
    Refused(Refusal),
    /// Not done; perhaps with the service's wish for how long to wait.
    Throttled(Option<Duration>),
    /// 5xx and the like: perhaps done.
    Broken(String),
    /// Not an answer of the service: a web page of a proxy, a redirect. Perhaps done.
    Foreign(String),
}

pub(super) fn read(response: Response<Bytes>) -> Answer {
    let status = response.status();
    if status.is_success() {
        return match response.body().trim_ascii_start().first() {
            Some(b'{') => Answer::Accepted(response.into_body()),
            _ => Answer::Foreign(what(&response)),
        };
    }
    let refusal = refusal(&response);
    if refusal.as_ref().is_some_and(|refusal| refusal.code.contains("Throttling")) {
        return Answer::Throttled(wish(response.headers()));
    }
    match refusal {
        // A nonce that was seen before: something on the way has sent our request twice, and the first may have arrived.
        Some(refusal)
            if status.is_server_error()
                || matches!(refusal.code.as_str(), "ServiceUnavailable" | "InternalError" | "SignatureNonceUsed") =>
        {
            Answer::Broken(refusal.text())
        }
        Some(refusal) => Answer::Refused(refusal),
        // A 429 that is not in the service's own form is a proxy's, which may have passed the request on.
        None if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => Answer::Broken(what(&response)),
        None => Answer::Foreign(what(&response)),
    }
}

/// `x-acs-retry-after` is in milliseconds (the SDKs' `ThrottlingException`).
fn wish(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("x-acs-retry-after")?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_millis)
}

/// `{"Code", "Message", "RequestId"}`, in either case; a few answers are XML with the same names.
fn refusal(response: &Response<Bytes>) -> Option<Refusal> {
    let members = members(response.body().trim_ascii_start())?;
    let text = |name: &str| {
        let member = members.iter().find(|(member, _)| member.eq_ignore_ascii_case(name));
        member.map(|(_, text)| text.clone()).filter(|text| !text.is_empty())
    };
    let date = response.headers().get(header::DATE).and_then(|date| date.to_str().ok());
    Some(Refusal {
        code: text("Code")?,
        message: text("Message").unwrap_or_default(),
        request_id: text("RequestId"),
        date: date.map(str::to_owned),
        denied: members.iter().any(|(member, _)| member == "AccessDeniedDetail"),
    })
}

/// The members of an answer, with their texts.
fn members(body: &[u8]) -> Option<Vec<(String, String)>> {
    if body.first() == Some(&b'<') {
        let document = roxmltree::Document::parse(std::str::from_utf8(body).ok()?).ok()?;
        let leaf =
            |node: roxmltree::Node<'_, '_>| Some((node.tag_name().name().to_owned(), node.text()?.trim().to_owned()));
        return Some(document.descendants().filter_map(leaf).collect());
    }
    let value: Value = serde_json::from_slice(body).ok()?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Some(
        value
            .as_object()?
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, v)| (name.clone(), text(v)))
            .collect(),
    )
}

/// What came instead of an answer.
fn what(response: &Response<Bytes>) -> String {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.map_or("something else than JSON".to_owned(), |kind| {
        kind.split(';').next().unwrap_or_default().trim().to_owned()
    });
    format!("HTTP {} with {kind}", response.status())
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

/// Who asked what of whom, and when: the words of a problem.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) target: &'a Target,
    pub(super) action: &'a str,
    /// "role `acs:…`", "profile `p`", "the default credentials".
    pub(super) with: &'a str,
    /// This machine's time.
    pub(super) now: Timestamp,
}

impl Asked<'_> {
    /// The codes are those of the gateway's list of common errors.
    pub(super) fn problem(&self, refusal: &Refusal) -> Problem {
        let Asked { target, action, with, now } = self;
        let name = &target.name;
        let text = refusal.text();
        let problem = if refusal.is_skew() {
            let theirs = refusal.date.as_deref().map(|date| format!(", the service's {date}")).unwrap_or_default();
            Problem::access(format!("target `{name}`: Alibaba Cloud refuses the time of the request: {text}")).hint(
                format!(
                    "set this machine's clock, which says {now:.0}{theirs}; requests are accepted within 15 minutes"
                ),
            )
        } else if refusal.is_expired() {
            Problem::access(format!("target `{name}`: the security token of {with} has expired ({text})"))
                .hint("renew it, or sign in again, and run it again")
        } else if refusal.code.starts_with("InvalidAccessKeyId") {
            Problem::access(format!("target `{name}`: Alibaba Cloud does not know the access key of {with} ({text})"))
                .hint("it was deleted or disabled, or is of the other site (China, International); check `profile`")
        } else if refusal.is_signature() {
            Problem::access(format!("target `{name}`: Alibaba Cloud refuses the signature of {with} ({text})"))
                .hint("the access key secret does not belong to the access key id; renew both")
        } else if refusal.is_about_credentials() {
            Problem::access(format!("target `{name}`: Alibaba Cloud refuses the security token of {with} ({text})"))
                .hint("key id, secret and token must be of the same session; renew all three")
        } else if refusal.is_denied() {
            Problem::access(format!("target `{name}`: {with} may not {action}: {text}"))
                .hint("docs/alibaba.md lists the permission that each call needs")
        } else if refusal.code.starts_with("InvalidApi") || refusal.code == "InvalidVersion" {
            Problem::access(format!("target `{name}`: this endpoint has no {action}: {text}"))
                .hint("check `region` and `endpoint`")
        } else {
            return Problem::failed(format!("target `{name}`: {action}: {text}"));
        };
        problem.at(&target.place)
    }

    pub(super) fn unreachable(&self, url: &str, cause: &str) -> Problem {
        let Asked { target, .. } = self;
        // The words of the resolver behind reqwest.
        let no_name = cause.contains("dns error") || cause.contains("failed to lookup address");
        if no_name && target.endpoint == Endpoint::Cloud {
            return Problem::access(format!(
                "target `{}`: {url} cannot be found, so `{}` may be no region of Service Catalog: {cause}",
                target.name, target.region
            ))
            .hint(
                "only the regions that its ListRegions names have it (cn-hangzhou does); correct `region`, give \
                 `endpoint`, or check the network",
            )
            .at(&target.place);
        }
        Problem::access(format!("target `{}`: {url} cannot be reached: {cause}", target.name))
            .hint("check the network, the proxy (HTTPS_PROXY, NO_PROXY), `region` and `endpoint`")
            .at(&target.place)
    }

    pub(super) fn foreign(&self, url: &str, what: &str) -> Problem {
        let Asked { target, action, .. } = self;
        Problem::access(format!(
            "target `{}`: {url} answers {action} with {what}, not as Alibaba Cloud does",
            target.name
        ))
        .hint("a proxy or a login page may stand between; check HTTPS_PROXY, NO_PROXY and `endpoint`")
        .at(&target.place)
    }

    pub(super) fn broken(&self, cause: &str) -> Problem {
        let Asked { target, action, .. } = self;
        Problem::access(format!("target `{}`: {action} gets no answer: {cause}", target.name))
            .hint("the service may be disturbed; run it again later")
            .at(&target.place)
    }

    /// A write whose fate is open.
    pub(super) fn unknown(&self, cause: &str) -> Problem {
        let Asked { target, action, .. } = self;
        Problem::failed(format!("target `{}`: {action} was sent and its answer is not known: {cause}", target.name))
            .hint("what became of it is looked at before anything is sent again")
    }
}

#[cfg(test)]
#[path = "tests/errors.rs"]
mod tests;
