//! Answers a [`Query`] with the fewest calls.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Alibaba;
use super::credentials::Role;
use super::once::Once;
use super::wire::Task;
use crate::model::{Observation, Query, Template};
use crate::provider::ProviderError;

/// One thing that was asked for, or why it cannot be read.
pub(super) type Readable<T> = Result<T, String>;

/// What is read for one query, each thing once: several answers may come from one task or template. It ends with the
/// query, because a task that is under way is another one later.
#[derive(Default)]
pub(super) struct Reads {
    pub(super) tasks: Once<String, Readable<Arc<Task>>>,
    pub(super) templates: Once<(String, String), Readable<Arc<Template>>>,
}

impl Alibaba {
    /// The list comes first, because it tells which tasks there are and what is worth keeping; everything else is
    /// independent and runs at the same time.
    pub(super) async fn answer(&self, query: &Query) -> Result<Observation, ProviderError> {
        let session = self.client.session(Role::Reader).await?;
        let caller = session.caller.arn.clone();
        let reads = Reads::default();
        let mut observation = Observation { caller, ..Observation::default() };
        let list = query.list || self.list_is_fewer(query.names.len());
        if list {
            observation.merge(self.list().await?);
        }
        let (confirmed, named, catalog, principals, parameters, outputs, operations, preparations) = tokio::try_join!(
            self.confirm(&query.confirm),
            self.named(&query.names, list),
            self.catalog(query, &reads),
            self.principals(&query.principals),
            self.parameters(&query.parameters, &reads),
            self.outputs(&query.outputs, &reads),
            self.operations(&query.operations, &reads),
            self.preparations(&query.preparations),
        )?;
        for part in [confirmed, named, catalog, principals, parameters, outputs, operations, preparations] {
            observation.merge(part);
        }
        // A launch role belongs to a portfolio's constraint here, and to no provisioned product.
        let roles: BTreeMap<String, Option<String>> = query.launch_roles.iter().map(|id| (id.clone(), None)).collect();
        observation.launch_roles = roles;
        self.memory.save();
        Ok(observation)
    }
}

#[cfg(test)]
#[path = "tests/observe.rs"]
mod tests;
