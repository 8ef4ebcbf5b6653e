//! Alibaba Cloud Service Catalog (2021-09-01): RPC over our own transport, with RAM for who a name is and STS for whose
//! account this is.
//!
//! What each operation takes and tells is from the official SDK and the API reference; a comment says what is assumed.
//! Three things shape this provider: lists show neither parameters nor tags nor outputs, which are those of the *task*
//! that set them; no reply names the task that it began; and no request carries a token.

mod acs3;
mod call;
mod catalog;
mod credentials;
mod endpoint;
mod errors;
mod hand_in;
mod lenient;
mod listing;
mod memory;
mod observe;
mod once;
mod plans;
mod poll;
mod principals;
mod submit;
mod tasks;
mod template;
mod terraform;
mod wire;
mod yaml;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;
use tokio::sync::Semaphore;

use self::acs3::Key;
use self::call::{Client, Link};
use self::credentials::{Door, Environment, Role, Wallet};
use self::memory::Memory;
use super::{Connect, FixedCredentials, Provider, ProviderError};
use crate::model::{Caller, Observation, Operation, Pending, ProvisionedProduct, Query, Request, Target, Traits};

/// The most requests of one target that are under way, whatever is asked for. The service's rates are unpublished.
const MOST_PARALLEL: usize = 64;

/// One account and region of Alibaba Cloud.
pub struct Alibaba {
    client: Client,
    target: Arc<Target>,
    parallelism: usize,
    memory: Memory,
    sightings: Mutex<Sightings>,
}

/// What was last seen of the provisioned products.
#[derive(Default)]
struct Sightings {
    /// How many products the last full list showed: what decides between a list and single looks.
    listed: usize,
    products: BTreeMap<String, (Timestamp, ProvisionedProduct)>,
}

impl Alibaba {
    /// No I/O happens here: credentials are looked for, and their account is checked, before the first call.
    #[must_use]
    pub fn connect(connect: Connect<'_>) -> Self {
        Alibaba::connect_in(connect, Environment::of_process())
    }

    /// The account of the target's own credentials, which need not be the one that the target names: for whoever
    /// writes that name down for the first time.
    pub async fn account(&self) -> Result<String, ProviderError> {
        self.client.wallet.whoami().await.map(|caller| caller.account)
    }

    fn connect_in(connect: Connect<'_>, environment: Environment) -> Self {
        let Connect { target, transport, clock, meter, cache, world, fixed, parallelism } = connect;
        let parallelism = parallelism.clamp(1, MOST_PARALLEL);
        let memory = Memory::new(cache, target, world.as_deref());
        let target = Arc::new(target.clone());
        let door = Door {
            target: Arc::clone(&target),
            transport: Arc::clone(&transport),
            clock: Arc::clone(&clock),
            meter: meter.clone(),
            environment,
        };
        let wallet = Wallet::new(door, fixed.map(key));
        let places = Semaphore::new(parallelism);
        let link = Link { target: Arc::clone(&target), transport, clock, meter, places };
        let client = Client { link, wallet };
        Alibaba { client, target, parallelism, memory, sightings: Mutex::default() }
    }

    fn sightings(&self) -> MutexGuard<'_, Sightings> {
        self.sightings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sighted(&self, product: &ProvisionedProduct) {
        let now = self.client.link.now();
        self.sightings().products.insert(product.id.clone(), (now, product.clone()));
    }

    /// What was seen of a product is no longer true.
    fn unsighted(&self, id: &str) {
        self.sightings().products.remove(id);
    }
}

fn key(fixed: FixedCredentials) -> Key {
    Key {
        access_key_id: fixed.access_key_id,
        access_key_secret: fixed.secret_access_key,
        security_token: fixed.session_token,
    }
}

#[async_trait]
impl Provider for Alibaba {
    async fn observe(&self, query: &Query) -> Result<Observation, ProviderError> {
        self.answer(query).await
    }

    /// There is no token to send along. It stands in the name of a plan, which is how one whose answer was lost is found.
    async fn submit(&self, request: &Request, token: &str) -> Result<Operation, ProviderError> {
        self.send(request, token).await
    }

    async fn poll(&self, running: &[Pending]) -> Result<Vec<Operation>, ProviderError> {
        self.look(running).await
    }

    async fn writer(&self) -> Result<Caller, ProviderError> {
        let session = self.client.session(Role::Writer).await?;
        Ok(Caller { arn: session.caller.arn.clone(), holder: session.caller.holder() })
    }

    fn traits(&self) -> Traits {
        Traits::ALIBABA
    }
}

#[cfg(test)]
mod tests;
