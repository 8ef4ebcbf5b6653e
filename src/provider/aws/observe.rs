//! Answers a [`Query`] with the fewest calls.

use std::collections::{BTreeMap, BTreeSet};

use super::Aws;
use super::call::Role;
use super::errors::CallError;
use super::page::Pages;
use super::wire::{DescribeRecord, GetOutputs, OutputsOutput, RecordOutput};
use crate::model::{Observation, Operation, Query, Subject};
use crate::provider::ProviderError;
use crate::provider::gather::gather;

/// `PageSize` of `DescribeRecord`, `GetProvisionedProductOutputs`, `ScanProvisionedProducts`, `ListRecordHistory` and
/// `ListLaunchPaths`: the model's maximum.
pub(super) const SMALL_PAGE: u32 = 20;
/// `PageSize` of `SearchProvisionedProducts` and `SearchProducts`: the model's maximum.
pub(super) const LARGE_PAGE: u32 = 100;

/// One thing that was asked for, or why it cannot be read.
pub(super) type Readable<T> = Result<T, String>;

impl Aws {
    /// The list comes first, because how much it shows decides how the rest is read; everything else is independent
    /// and runs at the same time.
    pub(super) async fn answer(&self, query: &Query) -> Result<Observation, ProviderError> {
        let caller = self.client.session(Role::Reader).await?.arn.clone();
        let mut observation = Observation { caller, ..Observation::default() };
        if query.list {
            observation.merge(self.list().await?);
        }
        let (confirmed, catalog, roles, running, operations) = tokio::try_join!(
            self.confirm(&query.confirm),
            self.catalog(query),
            self.launch_roles(&query.launch_roles),
            self.running(query),
            self.operations(&query.operations),
        )?;
        for part in [confirmed, catalog, roles, running, operations] {
            observation.merge(part);
        }
        Ok(observation)
    }

    /// Parameters and outputs. A stack that is read for its parameters shows its outputs too.
    async fn running(&self, query: &Query) -> Result<Observation, ProviderError> {
        let mut observation = self.parameters(&query.parameters).await?;
        let mut asked = BTreeSet::new();
        for id in &query.outputs {
            if !observation.outputs.contains_key(id) {
                asked.insert(id);
            }
        }
        // Outputs of products that nobody asked about are no answer.
        observation.outputs.retain(|id, _| query.outputs.contains(id));
        let answers = gather(self.parallelism, asked.iter().map(|id| self.outputs(id))).await?;
        for (id, answer) in asked.into_iter().zip(answers) {
            match answer {
                Ok(outputs) => _ = observation.outputs.insert(id.clone(), outputs),
                Err(why) => _ = observation.unreadable.insert(Subject::Outputs(id.clone()), why),
            }
        }
        Ok(observation)
    }

    async fn outputs(&self, id: &str) -> Result<Readable<BTreeMap<String, String>>, ProviderError> {
        let operation = "GetProvisionedProductOutputs";
        let mut pages = Pages::default();
        let mut outputs = BTreeMap::new();
        loop {
            let input = GetOutputs { provisioned_product_id: id, page_size: SMALL_PAGE, page_token: pages.token() };
            let page: OutputsOutput = match self.client.read(operation, input).await {
                Ok(page) => page,
                Err(CallError::Refused(refusal)) => {
                    return Ok(Err(format!("its outputs cannot be read: {}", refusal.text())));
                }
                Err(CallError::Failed(error)) => return Err(error),
            };
            for output in page.outputs {
                if let Some(key) = output.output_key {
                    outputs.insert(key, output.output_value.unwrap_or_default());
                }
            }
            if !pages.more(operation, page.next_page_token)? {
                return Ok(Ok(outputs));
            }
        }
    }

    async fn operations(&self, ids: &BTreeSet<String>) -> Result<Observation, ProviderError> {
        let answers = gather(self.parallelism, ids.iter().map(|id| self.record(id))).await?;
        let mut observation = Observation::default();
        for (id, answer) in ids.iter().zip(answers) {
            match answer {
                Ok(Some(operation)) => _ = observation.operations.insert(id.clone(), operation),
                Ok(None) => {
                    let why = "its record is empty".to_owned();
                    observation.unreadable.insert(Subject::Operation(id.clone()), why);
                }
                Err(CallError::Refused(refusal)) => {
                    let why = format!("its record cannot be read: {}", refusal.text());
                    observation.unreadable.insert(Subject::Operation(id.clone()), why);
                }
                Err(CallError::Failed(error)) => return Err(error),
            }
        }
        Ok(observation)
    }

    /// `DescribeRecord`. A refusal is an answer here: what it means depends on who asks. Only a failure of another kind
    /// is an error of the outer result.
    pub(super) async fn record(&self, id: &str) -> Result<Result<Option<Operation>, CallError>, ProviderError> {
        let input = DescribeRecord { id, page_size: SMALL_PAGE };
        match self.client.read::<RecordOutput>("DescribeRecord", input).await {
            Ok(output) => Ok(Ok(output.record_detail.and_then(|detail| detail.into_operation()))),
            Err(CallError::Failed(error)) => Err(error),
            Err(refused) => Ok(Err(refused)),
        }
    }
}

#[cfg(test)]
#[path = "tests/observe.rs"]
mod tests;
