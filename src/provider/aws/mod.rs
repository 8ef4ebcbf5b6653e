//! AWS Service Catalog: JSON 1.1 over our own transport, with CloudFormation for what a stack's parameters are and STS
//! for whose account this is.
//!
//! What each operation tells, how it pages and what its errors mean is from the API reference of Service Catalog
//! (2015-12-10), CloudFormation (2010-05-15) and STS (2011-06-15); where the documentation is silent or wrong, a comment
//! says what is assumed.

mod call;
mod catalog;
mod credentials;
mod endpoint;
mod errors;
mod listing;
mod observe;
mod page;
mod poll;
mod query;
mod sign;
mod stacks;
mod submit;
mod wire;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use async_trait::async_trait;
use tokio::sync::Semaphore;

use self::call::{Client, Link, Role};
use self::credentials::{Files, Wallet};
use super::{Connect, FixedCredentials, Provider, ProviderError};
use crate::model::{Caller, Observation, Operation, Pending, Query, Request, Target, Traits};

/// The most requests of one target that are under way, whatever is asked for. The services' rates are unpublished.
const MOST_PARALLEL: usize = 64;

/// The status of an operation that its caller may no longer look at: see [`Provider::poll`] of [`Aws`].
pub const NOT_VISIBLE: &str = "NOT_VISIBLE";
/// The status of a termination whose product was gone already.
pub const NOT_FOUND: &str = "NOT_FOUND";

/// One account and region of AWS.
pub struct Aws {
    client: Client,
    target: Arc<Target>,
    parallelism: usize,
    /// How many provisioned products the last list showed: what decides between Scan and Describe.
    listed: AtomicUsize,
}

impl Aws {
    /// No I/O happens here: credentials are looked for, and their account is checked, before the first call.
    #[must_use]
    pub fn connect(connect: Connect<'_>) -> Self {
        Aws::connect_with(connect, None)
    }

    /// The account of the target's own credentials, which need not be the one that the target names: for whoever
    /// writes that name down for the first time.
    pub async fn account(&self) -> Result<String, ProviderError> {
        self.client.wallet.whoami(&self.client.link).await.map(|(account, _)| account)
    }

    fn connect_with(connect: Connect<'_>, files: Option<Files>) -> Self {
        let Connect { target, transport, clock, meter, cache: _, world: _, fixed, parallelism } = connect;
        let parallelism = parallelism.clamp(1, MOST_PARALLEL);
        let target = Arc::new(target.clone());
        let places = Arc::new(Semaphore::new(parallelism));
        let link = Link { target: Arc::clone(&target), transport, clock, meter, places };
        let client = Client { link, wallet: Wallet::new(fixed, files) };
        Aws { client, target, parallelism, listed: AtomicUsize::new(0) }
    }
}

#[async_trait]
impl Provider for Aws {
    async fn observe(&self, query: &Query) -> Result<Observation, ProviderError> {
        self.answer(query).await
    }

    async fn submit(&self, request: &Request, token: &str) -> Result<Operation, ProviderError> {
        self.send(request, token).await
    }

    /// After a change of owner "the previous owner can no longer use DescribeRecord" (API reference), and right after a
    /// request its record may not be readable yet. Both are answered as running with the status [`NOT_VISIBLE`]: whoever
    /// waits then looks at the product itself ([`Query::confirm`]) and compares its owner.
    async fn poll(&self, running: &[Pending]) -> Result<Vec<Operation>, ProviderError> {
        let running: Vec<&Operation> = running.iter().map(|pending| &pending.operation).collect();
        self.look(&running).await
    }

    async fn writer(&self) -> Result<Caller, ProviderError> {
        let session = self.client.session(Role::Writer).await?;
        Ok(Caller { arn: session.arn.clone(), holder: None })
    }

    fn traits(&self) -> Traits {
        Traits::AWS
    }
}

#[cfg(test)]
mod tests;
