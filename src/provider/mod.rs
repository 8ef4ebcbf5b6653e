//! A cloud account that can observe, submit and poll.

pub mod alibaba;
pub mod aws;
mod backoff;
mod gather;
pub mod http;
pub mod meter;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use self::meter::Meter;
use crate::model::{Caller, Observation, Operation, Pending, Query, Request, Target, Traits};
use crate::problem::Problem;
use crate::seam::{Cache, Clock, Transport};

/// Why a call has no answer. After a failed write the one question is: can it have happened?
#[derive(Debug, Clone, thiserror::Error)]
pub enum ProviderError {
    /// No, and trying again will not help.
    #[error("{}", .0.message)]
    Rejected(Problem),
    /// No; try again after this long.
    #[error("throttled for {0:?}")]
    Throttled(Duration),
    /// Perhaps: look before trying again.
    #[error("{}", .0.message)]
    Unknown(Problem),
}

impl ProviderError {
    #[must_use]
    pub fn into_problem(self) -> Problem {
        match self {
            ProviderError::Rejected(problem) | ProviderError::Unknown(problem) => problem,
            ProviderError::Throttled(after) => {
                Problem::failed(format!("the service keeps throttling requests (last asked to wait {after:?})"))
                    .hint("run it again later, or with a lower --parallelism")
            }
        }
    }
}

/// What a connection to one target needs.
pub struct Connect<'a> {
    pub target: &'a Target,
    pub transport: Arc<dyn Transport>,
    pub clock: Arc<dyn Clock>,
    pub meter: Meter,
    pub cache: Arc<dyn Cache>,
    /// Which world of the sandbox this is, if it is one: what is kept of one is not true of another.
    pub world: Option<String>,
    /// Instead of the cloud's usual chain; `role_arn` and `read_role_arn` apply on top of these as well.
    pub fixed: Option<FixedCredentials>,
    /// How many requests may be under way at the same time.
    pub parallelism: usize,
}

/// An access key that is given rather than found.
#[derive(Clone)]
pub struct FixedCredentials {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: Option<String>,
}

// Written by hand, so that a secret cannot slip into a log.
impl std::fmt::Debug for FixedCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FixedCredentials").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// One target's cloud account.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Reads, in bulk where the service allows it and per item only where nothing else can tell.
    async fn observe(&self, query: &Query) -> Result<Observation, ProviderError>;

    /// Sends one write. Repeatable with the same token where [`Traits::replays_tokens`] says so. Every argument of
    /// the request is a value or `Previous` by now.
    async fn submit(&self, request: &Request, token: &str) -> Result<Operation, ProviderError>;

    /// The present state of running operations, each with its provisioned product, in the order asked. One that had no
    /// id may have one by now.
    async fn poll(&self, running: &[Pending]) -> Result<Vec<Operation>, ProviderError>;

    /// Who writes, which need not be who reads: asked before the first write of a run, so that the ledger can name it and
    /// credentials that do not serve are found before anything is begun.
    async fn writer(&self) -> Result<Caller, ProviderError>;

    fn traits(&self) -> Traits;
}
