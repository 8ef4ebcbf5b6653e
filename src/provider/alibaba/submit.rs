//! The three writes. Their replies name no task: what they began is found by looking at the product.

use std::collections::BTreeMap;

use super::Alibaba;
use super::call::Action;
use super::errors::CallError;
use super::wire::{Accepted, Input};
use crate::model::{Argument, Operation, OperationState, Request};
use crate::problem::Problem;
use crate::provider::ProviderError;

const LAUNCH: Action = Action::write("LaunchProduct");
const UPDATE: Action = Action::write("UpdateProvisionedProduct");
const TERMINATE: Action = Action::write("TerminateProvisionedProduct");

/// The status of an operation that was accepted and not looked at yet.
const ACCEPTED: &str = "Accepted";
/// The status of a termination whose product was gone already.
pub(super) const NOT_FOUND: &str = "NotFound";

/// How the service refuses an update that changes nothing.
const NOT_CHANGED: &str = "InvalidParameter.NotChanged";

impl Alibaba {
    pub(super) async fn send(&self, request: &Request, token: &str) -> Result<Operation, ProviderError> {
        // Whatever comes of it, what was seen of the product before is old.
        self.unsighted(request.product());
        match request {
            Request::Provision { name, product_id, version_id, path_id, stack_region, parameters, tags } => {
                let region = stack_region.as_ref().unwrap_or(&self.target.region);
                let input = Input::new()
                    .parameters(arguments(parameters)?)
                    .maybe("PortfolioId", path_id.as_deref())
                    .with("ProductId", product_id)
                    .with("ProductVersionId", version_id)
                    .with("ProvisionedProductName", name)
                    .with("StackRegionId", region)
                    .tags(pairs(tags));
                let answer: Accepted = self.client.must(LAUNCH, input).await?;
                let id = answer.provisioned_product_id.written().ok_or_else(|| no_id(LAUNCH.name))?;
                Ok(began(LAUNCH.name, id, Some(version_id), path_id.as_ref()))
            }
            Request::Update { id, product_id, version_id, path_id, parameters, tags } => {
                let input = Input::new()
                    .parameters(arguments(parameters)?)
                    .maybe("PortfolioId", path_id.as_deref())
                    .with("ProductId", product_id)
                    .with("ProductVersionId", version_id)
                    .with("ProvisionedProductId", id)
                    .tags(tags.iter().flat_map(pairs));
                let began = began(UPDATE.name, id.clone(), Some(version_id), path_id.as_ref());
                match self.client.call::<Accepted>(UPDATE, input).await {
                    Ok(_) => Ok(began),
                    // The product already is what was asked for.
                    Err(CallError::Refused(refusal)) if refusal.code == NOT_CHANGED => {
                        Ok(Operation { state: OperationState::Succeeded, status: NOT_CHANGED.to_owned(), ..began })
                    }
                    Err(error) => Err(self.client.refused(UPDATE, error).await),
                }
            }
            Request::Terminate { id } => self.terminate(id).await,
            Request::SetOwner { .. } => Err(impossible("the owner", "launch it anew under the other identity")),
            Request::SetLaunchRole { .. } => Err(impossible("the launch role", "leave `launch_role` out")),
            Request::Prepare { change, supersedes } => self.hand_in(change, supersedes.as_deref(), token).await,
            Request::Execute { change, preparation } => self.carry_out(change, preparation).await,
        }
    }

    /// What is not there need not be terminated.
    async fn terminate(&self, id: &str) -> Result<Operation, ProviderError> {
        let answer: Result<Accepted, _> =
            self.client.call(TERMINATE, Input::new().with("ProvisionedProductId", id)).await;
        match answer {
            Ok(_) => Ok(began(TERMINATE.name, id.to_owned(), None, None)),
            Err(CallError::Refused(refusal)) if refusal.is_no_product() => Ok(Operation {
                state: OperationState::Succeeded,
                status: NOT_FOUND.to_owned(),
                ..began(TERMINATE.name, id.to_owned(), None, None)
            }),
            Err(error) => Err(self.client.refused(TERMINATE, error).await),
        }
    }
}

/// The kind of a task is the name of the operation that began it (`TaskType`).
fn began(kind: &str, product_id: String, version_id: Option<&String>, path_id: Option<&String>) -> Operation {
    Operation {
        id: String::new(),
        product_id,
        state: OperationState::Running,
        status: ACCEPTED.to_owned(),
        kind: kind.to_owned(),
        version_id: version_id.cloned(),
        path_id: path_id.cloned(),
        updated: None,
    }
}

fn impossible(what: &str, instead: &str) -> ProviderError {
    let problem = Problem::failed(format!("Alibaba Cloud has no operation that changes {what}; nothing was sent"));
    ProviderError::Rejected(problem.hint(instead))
}

/// Accepted, but without the one thing that could be waited for: only looking can tell what became of it.
pub(super) fn no_id(action: &str) -> ProviderError {
    let problem = Problem::failed(format!("{action} was accepted without an id"))
        .hint("what became of it is looked at before anything is sent again");
    ProviderError::Unknown(problem)
}

pub(super) fn pairs(tags: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))
}

/// The whole set of parameters. References must have been looked up by now; sending one as it is could put it into a
/// stack as a value. There is no "keep the previous value".
pub(super) fn arguments(arguments: &BTreeMap<String, Argument>) -> Result<Vec<(&str, &str)>, ProviderError> {
    let unresolved = |key: &str, what: &str| {
        let message = format!("internal error: {what} of parameter {key} reached the provider; nothing was sent");
        ProviderError::Rejected(Problem::failed(message))
    };
    arguments
        .iter()
        .map(|(key, argument)| match argument {
            Argument::Value(value) => Ok((key.as_str(), value.as_str())),
            Argument::Previous => Err(unresolved(key, "the previous value")),
            Argument::Secret(_) => Err(unresolved(key, "a secret's reference")),
            Argument::Pieces(_) => Err(unresolved(key, "an output's reference")),
        })
        .collect()
}

#[cfg(test)]
#[path = "tests/submit.rs"]
mod tests;
