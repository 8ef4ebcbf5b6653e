//! Current parameters. No operation of Service Catalog tells them: they are those of the CloudFormation stack or stack
//! set behind a provisioned product.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use super::Aws;
use super::errors::CallError;
use super::listing::SYSTEM_TAGS;
use super::observe::{LARGE_PAGE, Readable};
use super::page::Pages;
use super::query::{self, Stack};
use crate::model::{LiveParameter, LiveParameters, Observation, ProvisionedProduct, Subject};
use crate::provider::ProviderError;
use crate::provider::gather::gather;

const DESCRIBE_STACKS: &str = "DescribeStacks";
const DESCRIBE_STACK_SET: &str = "DescribeStackSet";

/// The output that Service Catalog adds to those of the template (`DescribeRecord`, `GetProvisionedProductOutputs`).
const STACK_OUTPUT: &str = "CloudformationStackARN";

impl Aws {
    /// Parameters, tags and outputs of each product's stack; what cannot be read, and why.
    pub(super) async fn parameters(&self, products: &[ProvisionedProduct]) -> Result<Observation, ProviderError> {
        let mut observation = Observation::default();
        let mut stacks = BTreeMap::new();
        let mut sets = BTreeMap::new();
        for product in products {
            let reference = || product.physical_id.clone().unwrap_or_else(|| self.stack_name(&product.id));
            match product.kind.as_str() {
                "CFN_STACK" => _ = stacks.insert(product.id.clone(), reference()),
                "CFN_STACKSET" => _ = sets.insert(product.id.clone(), stack_set_name(&reference())),
                kind => {
                    let why = format!("parameters of {kind} products cannot be read");
                    observation.unreadable.insert(Subject::Parameters(product.id.clone()), why);
                }
            }
        }
        let (stacks, sets) = tokio::try_join!(self.stacks(stacks), self.stack_sets(sets))?;
        for (id, stack) in stacks.into_iter().chain(sets) {
            match stack {
                Err(why) => _ = observation.unreadable.insert(Subject::Parameters(id), why),
                Ok(stack) => {
                    let mut outputs = stack.outputs.clone();
                    // A stack set has no outputs of its own, and no id here: those of its product stay to be asked for.
                    if !stack.id.is_empty() {
                        outputs.insert(STACK_OUTPUT.to_owned(), stack.id.clone());
                        observation.outputs.insert(id.clone(), outputs);
                    }
                    observation.parameters.insert(id, live(stack));
                }
            }
        }
        Ok(observation)
    }

    /// `SC-<account>-<provisioned product>`: how Service Catalog names the stacks that it makes. Search leaves
    /// `PhysicalId` out of products without a stack.
    fn stack_name(&self, id: &str) -> String {
        format!("SC-{}-{id}", self.target.account)
    }

    /// In bulk when that may be fewer calls. How many stacks an account has is not known beforehand: at least those of
    /// its products, and a page shows about a hundred.
    async fn stacks(
        &self,
        wanted: BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, Readable<Stack>>, ProviderError> {
        let pages = self.listed.load(Ordering::Relaxed).div_ceil(LARGE_PAGE as usize).max(1);
        let mut found = BTreeMap::new();
        if wanted.len() > pages {
            found = self.stacks_in_bulk(&wanted).await?;
        }
        let missing: Vec<(&String, &String)> = wanted.iter().filter(|(id, _)| !found.contains_key(*id)).collect();
        let answers = gather(self.parallelism, missing.iter().map(|(_, name)| self.stack(name))).await?;
        for ((id, _), answer) in missing.into_iter().zip(answers) {
            found.insert(id.clone(), answer);
        }
        Ok(found)
    }

    /// `DescribeStacks` without a name shows every stack of the account that is not deleted. The pages end when all
    /// were seen, or when the rest is no more calls than there were pages.
    async fn stacks_in_bulk(
        &self,
        wanted: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, Readable<Stack>>, ProviderError> {
        let ids: BTreeMap<&str, &String> = wanted.iter().map(|(id, name)| (name.as_str(), id)).collect();
        let mut pages = Pages::default();
        let mut found = BTreeMap::new();
        loop {
            let token: Vec<(&str, &str)> = pages.token().map(|token| ("NextToken", token)).into_iter().collect();
            let (stacks, next) = match self.client.cloudformation(DESCRIBE_STACKS, &token, query::stacks).await {
                Ok(page) => page,
                // Without a name the permission is another one (it needs resource `*`).
                Err(CallError::Refused(_)) => return Ok(found),
                Err(CallError::Failed(error)) => return Err(error),
            };
            for stack in stacks {
                if let Some(id) = ids.get(stack.id.as_str()).or_else(|| ids.get(stack.name.as_str())) {
                    found.insert((*id).clone(), Ok(stack));
                }
            }
            let more = pages.more(DESCRIBE_STACKS, next)?;
            if !more || pages.read >= wanted.len() - found.len() {
                return Ok(found);
            }
        }
    }

    async fn stack(&self, name: &str) -> Result<Readable<Stack>, ProviderError> {
        let answer = self.client.cloudformation(DESCRIBE_STACKS, &[("StackName", name)], query::stacks).await;
        let answer = answer.map(|(stacks, _)| stacks.into_iter().find(|stack| stack.id == name || stack.name == name));
        match answer {
            Ok(Some(stack)) => Ok(Ok(stack)),
            Ok(None) => Ok(Err(format!("its stack {name} does not exist"))),
            Err(error) => unreadable("stack", name, error),
        }
    }

    async fn stack_sets(
        &self,
        wanted: BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, Readable<Stack>>, ProviderError> {
        let answers = gather(self.parallelism, wanted.values().map(|name| self.stack_set(name))).await?;
        Ok(wanted.into_keys().zip(answers).collect())
    }

    async fn stack_set(&self, name: &str) -> Result<Readable<Stack>, ProviderError> {
        let pairs = [("StackSetName", name)];
        match self.client.cloudformation(DESCRIBE_STACK_SET, &pairs, query::stack_set).await {
            // The id of a stack set is no stack's.
            Ok(set) => Ok(Ok(Stack { id: String::new(), ..set })),
            Err(error) => unreadable("stack set", name, error),
        }
    }
}

fn unreadable<T>(what: &str, name: &str, error: CallError) -> Result<Readable<T>, ProviderError> {
    match error {
        CallError::Failed(error) => Err(error),
        CallError::Refused(refusal) if refusal.is_no_stack() => Ok(Err(format!("its {what} {name} does not exist"))),
        CallError::Refused(refusal) => {
            Ok(Err(format!("its parameters cannot be read from {what} {name}: {}", refusal.text())))
        }
    }
}

/// `arn:P:cloudformation:R:A:stackset/NAME:GUID`, `NAME:GUID` or `NAME`: DescribeStackSet takes the name.
fn stack_set_name(reference: &str) -> String {
    let name = reference.split_once("stackset/").map_or(reference, |(_, name)| name);
    name.split(':').next().unwrap_or(name).to_owned()
}

fn live(stack: Stack) -> LiveParameters {
    let masked = |value: &str| value.len() >= 4 && value.bytes().all(|b| b == b'*');
    LiveParameters {
        parameters: stack
            .parameters
            .into_iter()
            // A NoEcho parameter is shown as asterisks.
            .map(|(key, value)| (key, LiveParameter { masked: masked(&value), value }))
            .collect(),
        tags: stack.tags.into_iter().filter(|(key, _)| !key.starts_with(SYSTEM_TAGS)).collect(),
        outputs: stack.outputs,
    }
}

#[cfg(test)]
#[path = "tests/stacks.rs"]
mod tests;
