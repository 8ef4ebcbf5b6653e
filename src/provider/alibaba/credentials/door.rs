//! The way out for everything that has to do with credentials: one request, a time limit, a pause.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use jiff::Timestamp;

use super::environment::Environment;
use crate::model::Target;
use crate::provider::meter::{Meter, Sent};
use crate::seam::{Clock, Transport, TransportError};

const PAUSE_BASE: Duration = Duration::from_millis(300);
const PAUSE_CAP: Duration = Duration::from_secs(20);

/// What the credentials of one target need of the outside.
pub(in crate::provider::alibaba) struct Door {
    pub(in crate::provider::alibaba) target: Arc<Target>,
    pub(in crate::provider::alibaba) transport: Arc<dyn Transport>,
    pub(in crate::provider::alibaba) clock: Arc<dyn Clock>,
    pub(in crate::provider::alibaba) meter: Meter,
    pub(in crate::provider::alibaba) environment: Environment,
}

impl Door {
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A number for one request, never used again.
    pub(super) fn nonce(&self) -> String {
        format!("{:016x}{:016x}", self.now().as_millisecond(), self.clock.nonce())
    }

    /// Sends a request and counts it.
    pub(super) async fn send(
        &self,
        sent: &Sent<'_>,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, TransportError> {
        self.meter.sent(sent);
        let before = self.now();
        let response = self.transport.send(request).await;
        let after = self.now().duration_since(before);
        self.meter.answered(sent.operation, Duration::try_from(after).unwrap_or_default());
        response
    }

    /// A request of a service that answers at once or is not there.
    pub(super) async fn send_within(
        &self,
        limit: Duration,
        sent: &Sent<'_>,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, TransportError> {
        let late = || TransportError::Lost(format!("no answer within {limit:?}"));
        self.within(limit, self.send(sent, request)).await.unwrap_or_else(|| Err(late()))
    }

    /// `None` when the limit is reached first. An answer that is there already always counts, so that a clock which
    /// does not wait takes nothing away.
    pub(super) async fn within<T>(&self, limit: Duration, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = work => Some(done),
            () = self.clock.sleep(limit) => None,
        }
    }

    /// Between two tries: anything up to a bound that doubles, so that callers who failed together do not come back
    /// together.
    pub(super) async fn pause(&self, attempt: u32) {
        let bound = PAUSE_BASE.saturating_mul(1 << attempt.clamp(1, 16).saturating_sub(1)).min(PAUSE_CAP);
        let fraction = f64::from((self.clock.nonce() & 0xFFFF) as u16) / f64::from(u16::MAX);
        self.meter.retried();
        self.clock.sleep(bound.mul_f64(fraction)).await;
    }
}
