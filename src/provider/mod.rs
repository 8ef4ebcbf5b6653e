//! A cloud account that can observe, submit and poll.

pub mod alibaba;
pub mod aws;
pub mod http;
pub mod meter;

use async_trait::async_trait;
use std::time::Duration;

use crate::model::{Observation, Operation, Query, Request, Traits};
use crate::problem::Problem;

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

/// One target's cloud account.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Reads, in bulk where the service allows it and per item only where nothing else can tell.
    async fn observe(&self, query: &Query) -> Result<Observation, ProviderError>;

    /// Sends one write. Repeatable with the same token where [`Traits::replays_tokens`] says so. Every argument of
    /// the request is a value or `Previous` by now.
    async fn submit(&self, request: &Request, token: &str) -> Result<Operation, ProviderError>;

    /// The present state of running operations, each with its provisioned product.
    async fn poll(&self, running: &[Operation]) -> Result<Vec<Operation>, ProviderError>;

    fn traits(&self) -> Traits;
}
