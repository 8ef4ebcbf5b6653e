//! One call: signed, sent, repeated where that is safe, its answer read.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use bytes::Bytes;
use http::{Request, Response, header};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

use super::credentials::{Session, Wallet};
use super::endpoint::{self, Service};
use super::errors::{self, Answer, Asked, CallError};
use super::query;
use super::wire::Localized;
use crate::model::Target;
use crate::provider::ProviderError;
use crate::provider::backoff::{CAP, CONNECT_TRIES, LONGEST_WISH, TRIES, backoff};
use crate::provider::meter::{Meter, Sent};
use crate::seam::{Clock, Transport, TransportError};

const CLOUDFORMATION_VERSION: &str = "2010-05-15";
const STS_VERSION: &str = "2011-06-15";
/// Every target of the JSON protocol begins with the service's name in its model.
const CATALOG_TARGET: &str = "AWS242ServiceCatalogService";

/// Whose credentials a call is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// `read_role_arn`, or the writer where there is none.
    Reader,
    /// `role_arn`, or the target's own credentials.
    Writer,
}

/// One request before it is signed.
pub(super) struct Call<'a> {
    pub(super) service: Service,
    pub(super) operation: &'a str,
    pub(super) body: String,
    /// A write is never repeated once it may have arrived.
    pub(super) write: bool,
}

/// What every call of a target shares; cheap to clone.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) target: Arc<Target>,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) meter: Meter,
    /// Bounds the requests of this target that are under way. A throttled call keeps its place while it waits, so
    /// that fewer are sent while the service asks for fewer.
    pub(super) places: Arc<Semaphore>,
}

impl Link {
    /// Sends a call until it has an answer or its tries are used up.
    pub(super) async fn exchange(
        &self,
        credentials: &Credentials,
        with: &str,
        call: &Call<'_>,
    ) -> Result<Bytes, CallError> {
        let asked = Asked { target: &self.target, operation: call.operation, with };
        let url = endpoint::url(call.service, &self.target).map_err(ProviderError::Rejected)?;
        // The semaphore is never closed; were it, the calls would merely be unbounded.
        let _place = self.places.acquire().await.ok();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let request = self.request(credentials, &url, call).map_err(|text| {
                ProviderError::Rejected(asked.broken(&text).hint("check `endpoint` and the credentials"))
            })?;
            let (wish, last_word) = match self.send(call, request).await {
                Ok(Answer::Accepted(body)) => return Ok(body),
                Ok(Answer::Refused(refusal)) => return Err(CallError::Refused(refusal)),
                Ok(Answer::Throttled(wish)) => {
                    let after = wish.unwrap_or(CAP);
                    if attempt >= TRIES || wish.is_some_and(|wish| wish > LONGEST_WISH) {
                        return Err(ProviderError::Throttled(after).into());
                    }
                    (wish, None)
                }
                Ok(Answer::Foreign(what)) if call.write => return Err(unknown(&asked, &what)),
                Ok(Answer::Foreign(what)) => return Err(ProviderError::Rejected(asked.foreign(&url, &what)).into()),
                Err(TransportError::NotSent(cause)) => {
                    let problem = ProviderError::Rejected(asked.unreachable(&url, &cause));
                    (None, (attempt >= CONNECT_TRIES).then_some(problem))
                }
                Ok(Answer::Broken(cause)) | Err(TransportError::Lost(cause)) => {
                    if call.write {
                        return Err(unknown(&asked, &cause));
                    }
                    (None, (attempt >= TRIES).then(|| ProviderError::Rejected(asked.broken(&cause))))
                }
            };
            if let Some(problem) = last_word {
                return Err(problem.into());
            }
            self.meter.retried();
            self.clock.sleep(self.backoff(attempt).max(wish.unwrap_or_default())).await;
        }
    }

    pub(super) fn backoff(&self, attempt: u32) -> Duration {
        backoff(self.clock.as_ref(), attempt)
    }

    pub(super) fn now(&self) -> SystemTime {
        SystemTime::from(self.clock.now())
    }

    fn request(&self, credentials: &Credentials, url: &str, call: &Call<'_>) -> Result<Request<Bytes>, String> {
        let mut request = Request::post(format!("{url}/"))
            .header(header::USER_AGENT, concat!("tenure/", env!("CARGO_PKG_VERSION")))
            .body(Bytes::from(call.body.clone()))
            .map_err(|error| format!("{url} is not a URL: {error}"))?;
        let headers = request.headers_mut();
        let kind = if call.service == Service::Catalog {
            let target = header::HeaderValue::from_str(&format!("{CATALOG_TARGET}.{}", call.operation));
            headers.insert("x-amz-target", target.map_err(|error| error.to_string())?);
            "application/x-amz-json-1.1"
        } else {
            "application/x-www-form-urlencoded; charset=utf-8"
        };
        headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
        super::sign::sign(&mut request, credentials, &self.target.region, call.service.name(), self.now())?;
        Ok(request)
    }

    async fn send(&self, call: &Call<'_>, request: Request<Bytes>) -> Result<Answer, TransportError> {
        let target = request.headers().get("x-amz-target").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let service = call.service.name();
        let sent = Sent { service, operation: call.operation, target: target.as_deref(), body: &call.body };
        let response = self.carry(&sent, request).await?;
        Ok(errors::read(call.service, response))
    }

    /// Sends a request as it is and counts it.
    pub(super) async fn carry(
        &self,
        sent: &Sent<'_>,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, TransportError> {
        self.meter.sent(sent);
        let before = self.clock.now();
        let response = self.transport.send(request).await;
        let after = self.clock.now().duration_since(before);
        self.meter.answered(sent.operation, Duration::try_from(after).unwrap_or_default());
        response
    }
}

fn unknown(asked: &Asked<'_>, cause: &str) -> CallError {
    ProviderError::Unknown(asked.unknown(cause)).into()
}

/// The services of one target, with credentials.
pub(super) struct Client {
    pub(super) link: Link,
    pub(super) wallet: Wallet,
}

impl Client {
    /// One read of Service Catalog.
    pub(super) async fn read<O: DeserializeOwned>(
        &self,
        operation: &str,
        input: impl Serialize + Sync,
    ) -> Result<O, CallError> {
        self.json(Role::Reader, operation, &input).await
    }

    /// One write of Service Catalog.
    pub(super) async fn write<O: DeserializeOwned>(
        &self,
        operation: &str,
        input: impl Serialize + Sync,
    ) -> Result<O, CallError> {
        self.json(Role::Writer, operation, &input).await
    }

    async fn json<O: DeserializeOwned>(
        &self,
        role: Role,
        operation: &str,
        input: &(impl Serialize + Sync),
    ) -> Result<O, CallError> {
        let target = &self.link.target;
        let write = role == Role::Writer;
        let asked = Asked { target, operation, with: "" };
        let body = serde_json::to_string(&Localized { accept_language: target.language.as_deref(), input })
            .map_err(|error| ProviderError::Rejected(asked.broken(&error.to_string())))?;
        let answer = self.call(role, &Call { service: Service::Catalog, operation, body, write }).await?;
        serde_json::from_slice(&answer).map_err(|error| {
            let cause = format!("its answer cannot be read: {error}");
            let refused = || ProviderError::Rejected(asked.broken(&cause));
            CallError::Failed(if write { ProviderError::Unknown(asked.unknown(&cause)) } else { refused() })
        })
    }

    /// One read of CloudFormation, answered in XML.
    pub(super) async fn cloudformation<T>(
        &self,
        operation: &str,
        pairs: &[(&str, &str)],
        parse: impl Fn(&[u8]) -> Result<T, String>,
    ) -> Result<T, CallError> {
        let body = query::form(operation, CLOUDFORMATION_VERSION, pairs);
        let call = Call { service: Service::CloudFormation, operation, body, write: false };
        let answer = self.call(Role::Reader, &call).await?;
        parse(&answer).map_err(|cause| {
            let asked = Asked { target: &self.link.target, operation, with: "" };
            ProviderError::Rejected(asked.broken(&format!("its answer cannot be read: {cause}"))).into()
        })
    }

    /// Credentials that ran out under way are fetched anew, once: a refused request was not carried out, so this is
    /// safe for a write as well.
    async fn call(&self, role: Role, call: &Call<'_>) -> Result<Bytes, CallError> {
        let session = self.session(role).await?;
        let refusal = match self.link.exchange(&session.credentials, &session.with, call).await {
            Err(CallError::Refused(refusal)) => refusal,
            other => return other,
        };
        if refusal.is_expired() && self.wallet.forget(&session).await {
            let session = self.session(role).await?;
            return self.link.exchange(&session.credentials, &session.with, call).await;
        }
        if refusal.is_about_credentials() {
            let asked = Asked { target: &self.link.target, operation: call.operation, with: &session.with };
            return Err(ProviderError::Rejected(asked.problem(&refusal)).into());
        }
        Err(CallError::Refused(refusal))
    }

    pub(super) async fn session(&self, role: Role) -> Result<Arc<Session>, ProviderError> {
        self.wallet.session(&self.link, role).await
    }

    /// Turns a no without a special meaning into words.
    pub(super) async fn refused(&self, role: Role, operation: &str, error: CallError) -> ProviderError {
        let with = match self.session(role).await {
            Ok(session) => session.with.clone(),
            Err(_) => String::new(),
        };
        error.into_provider(&Asked { target: &self.link.target, operation, with: &with })
    }
}

/// `GetCallerIdentity` with credentials that nobody has looked at yet: it needs no permission.
pub(super) async fn identity(
    link: &Link,
    credentials: &Credentials,
    with: &str,
) -> Result<(String, String), ProviderError> {
    let operation = "GetCallerIdentity";
    let body = query::form(operation, STS_VERSION, &[]);
    let call = Call { service: Service::Sts, operation, body, write: false };
    let asked = Asked { target: &link.target, operation, with };
    let answer = link.exchange(credentials, with, &call).await.map_err(|error| error.into_provider(&asked))?;
    query::caller(&answer)
        .map_err(|cause| ProviderError::Rejected(asked.broken(&format!("its answer cannot be read: {cause}"))))
}

#[cfg(test)]
#[path = "tests/call.rs"]
mod tests;
