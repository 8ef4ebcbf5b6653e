//! One call: signed, sent, repeated where that is safe, its answer read.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

use super::acs3::{self, Key};
use super::credentials::{Role, Session, Wallet};
use super::endpoint::{self, Service};
use super::errors::{self, Answer, Asked, CallError, Refusal};
use super::wire::Input;
use crate::model::Target;
use crate::provider::ProviderError;
use crate::provider::backoff::{CAP, CONNECT_TRIES, LONGEST_WISH, TRIES, backoff};
use crate::provider::meter::{Meter, SentRpc};
use crate::seam::{Clock, Transport, TransportError};

/// One operation, and where the official SDK puts its parameters. The four that it sends by GET are not used here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Action {
    pub(super) name: &'static str,
    service: Service,
    place: Place,
    /// A write is made with the writer's key, and never repeated once it may have arrived.
    write: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Query,
    Body,
}

impl Action {
    pub(super) const fn query(name: &'static str) -> Self {
        Action { name, service: Service::Catalog, place: Place::Query, write: false }
    }

    pub(super) const fn body(name: &'static str) -> Self {
        Action { name, service: Service::Catalog, place: Place::Body, write: false }
    }

    /// Every write of Service Catalog has its parameters in the body.
    pub(super) const fn write(name: &'static str) -> Self {
        Action { name, service: Service::Catalog, place: Place::Body, write: true }
    }

    pub(super) const fn ram(name: &'static str) -> Self {
        Action { name, service: Service::Ram, place: Place::Query, write: false }
    }

    fn role(self) -> Role {
        if self.write { Role::Writer } else { Role::Reader }
    }
}

/// What every call of a target shares.
pub(super) struct Link {
    pub(super) target: Arc<Target>,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) meter: Meter,
    /// Bounds the requests of this target that are under way. A throttled call keeps its place while it waits, so
    /// that fewer are sent while the service asks for fewer.
    pub(super) places: Semaphore,
}

impl Link {
    /// Sends a call until it has an answer or its tries are used up.
    async fn exchange(&self, key: &Key, with: &str, action: Action, input: &Input) -> Result<Bytes, CallError> {
        let url = endpoint::url(action.service, &self.target).map_err(ProviderError::Rejected)?;
        // The semaphore is never closed; were it, the calls would merely be unbounded.
        let _place = self.places.acquire().await.ok();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let asked = self.asked(action, with);
            let (wish, last_word) = match self.send(&url, key, action, input).await? {
                Ok(Answer::Accepted(body)) => return Ok(body),
                Ok(Answer::Refused(refusal)) => return Err(CallError::Refused(refusal)),
                Ok(Answer::Throttled(wish)) => {
                    // A write has no token: whoever sends it again must look first whether it has arrived.
                    if action.write || attempt >= TRIES || wish.is_some_and(|wish| wish > LONGEST_WISH) {
                        return Err(ProviderError::Throttled(wish.unwrap_or(CAP)).into());
                    }
                    (wish, None)
                }
                Ok(Answer::Foreign(what)) if action.write => return Err(unknown(&asked, &what)),
                Ok(Answer::Foreign(what)) => return Err(ProviderError::Rejected(asked.foreign(&url, &what)).into()),
                Err(TransportError::NotSent(cause)) => {
                    let problem = ProviderError::Rejected(asked.unreachable(&url, &cause));
                    (None, (attempt >= CONNECT_TRIES).then_some(problem))
                }
                Ok(Answer::Broken(cause)) | Err(TransportError::Lost(cause)) if action.write => {
                    return Err(unknown(&asked, &cause));
                }
                Ok(Answer::Broken(cause)) | Err(TransportError::Lost(cause)) => {
                    (None, (attempt >= TRIES).then(|| ProviderError::Rejected(asked.broken(&cause))))
                }
            };
            if let Some(problem) = last_word {
                return Err(problem.into());
            }
            self.meter.retried();
            self.clock.sleep(backoff(self.clock.as_ref(), attempt).max(wish.unwrap_or_default())).await;
        }
    }

    /// Each try is signed anew: the gateway refuses a nonce that it has seen. The outer error is about a request that
    /// cannot be written at all.
    async fn send(
        &self,
        url: &str,
        key: &Key,
        action: Action,
        input: &Input,
    ) -> Result<Result<Answer, TransportError>, CallError> {
        let (query, form) = match action.place {
            Place::Query => (input.0.as_slice(), [].as_slice()),
            Place::Body => ([].as_slice(), input.0.as_slice()),
        };
        let version = action.service.version();
        let call = acs3::Call { method: Method::POST, url, action: action.name, version, query, form };
        let now = self.clock.now();
        let nonce = format!("{:016x}{:016x}", now.as_millisecond(), self.clock.nonce());
        let request = acs3::sign(&call, key, now, &nonce).map_err(|text| {
            let problem = self.asked(action, "").broken(&text).hint("check `endpoint` and the credentials");
            ProviderError::Rejected(problem)
        })?;
        let sent = SentRpc { cloud: "alibaba", action: action.name, version, method: "POST", query, body: form };
        self.meter.sent(&sent);
        let response = self.transport.send(request).await;
        let took = self.clock.now().duration_since(now);
        self.meter.answered(action.name, Duration::try_from(took).unwrap_or_default());
        Ok(response.map(errors::read))
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn asked<'a>(&'a self, action: Action, with: &'a str) -> Asked<'a> {
        Asked { target: &self.target, action: action.name, with, now: self.now() }
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
    pub(super) async fn call<O: DeserializeOwned>(&self, action: Action, input: Input) -> Result<O, CallError> {
        let answer = self.answered(action, &input).await?;
        serde_json::from_slice(&answer).map_err(|error| {
            let asked = self.link.asked(action, "");
            // The position only: the text around it may be a value.
            let cause = format!("its answer cannot be read (line {}, column {})", error.line(), error.column());
            let refused = || ProviderError::Rejected(asked.broken(&cause));
            CallError::Failed(if action.write { ProviderError::Unknown(asked.unknown(&cause)) } else { refused() })
        })
    }

    /// The same for whoever has no use for the service's own no.
    pub(super) async fn must<O: DeserializeOwned>(&self, action: Action, input: Input) -> Result<O, ProviderError> {
        match self.call(action, input).await {
            Ok(output) => Ok(output),
            Err(error) => Err(self.refused(action, error).await),
        }
    }

    /// Credentials that ran out under way are fetched anew, once: a refused request was not carried out, so this is
    /// safe for a write as well.
    async fn answered(&self, action: Action, input: &Input) -> Result<Bytes, CallError> {
        let session = self.session(action.role()).await?;
        let refusal = match self.link.exchange(session.key(), &session.with, action, input).await {
            Err(CallError::Refused(refusal)) => refusal,
            other => return other,
        };
        if refusal.is_expired() && self.wallet.forget(&session).await {
            let session = self.session(action.role()).await?;
            return self.link.exchange(session.key(), &session.with, action, input).await;
        }
        if refusal.is_about_credentials() {
            let asked = self.link.asked(action, &session.with);
            return Err(ProviderError::Rejected(asked.problem(&refusal)).into());
        }
        Err(CallError::Refused(refusal))
    }

    pub(super) async fn session(&self, role: Role) -> Result<Arc<Session>, ProviderError> {
        self.wallet.session(role).await
    }

    /// Turns a no without a special meaning into words.
    pub(super) async fn refused(&self, action: Action, error: CallError) -> ProviderError {
        let with = match self.session(action.role()).await {
            Ok(session) => session.with.clone(),
            Err(_) => String::new(),
        };
        error.into_provider(&self.link.asked(action, &with))
    }

    /// A refusal that `is` expects, as an answer; anything else is an error.
    pub(super) async fn expect(
        &self,
        action: Action,
        error: CallError,
        is: impl Fn(&Refusal) -> bool,
    ) -> Result<Refusal, ProviderError> {
        match error {
            CallError::Refused(refusal) if is(&refusal) => Ok(refusal),
            error => Err(self.refused(action, error).await),
        }
    }
}

#[cfg(test)]
#[path = "tests/call.rs"]
mod tests;
