//! The five writes.

use std::collections::BTreeMap;

use super::call::Role;
use super::errors::CallError;
use super::wire::{
    Parameter, Provision, RecordOutput, Tag, Terminate, Update, UpdateProperties, UpdatePropertiesOutput, state,
};
use super::{Aws, NOT_FOUND};
use crate::model::{Argument, Operation, OperationState, Request};
use crate::problem::Problem;
use crate::provider::ProviderError;

const PROVISION: &str = "ProvisionProduct";
const UPDATE: &str = "UpdateProvisionedProduct";
const UPDATE_PROPERTIES: &str = "UpdateProvisionedProductProperties";
const TERMINATE: &str = "TerminateProvisionedProduct";

/// The two `PropertyKey`s. The `RecordType` of such a change is not documented, so the key stands for it.
pub(super) const OWNER: &str = "OWNER";
pub(super) const LAUNCH_ROLE: &str = "LAUNCH_ROLE";

impl Aws {
    pub(super) async fn send(&self, request: &Request, token: &str) -> Result<Operation, ProviderError> {
        match request {
            Request::Provision { name, product_id, version_id, path_id, parameters, tags, stack_region: _ } => {
                let input = Provision {
                    provisioned_product_name: name,
                    product_id,
                    provisioning_artifact_id: version_id,
                    path_id: path_id.as_deref(),
                    provisioning_parameters: arguments(parameters, false)?,
                    tags: wire_tags(tags),
                    provision_token: token,
                };
                accepted(PROVISION, self.write(PROVISION, input).await?)
            }
            Request::Update { id, product_id, version_id, path_id, parameters, tags } => {
                let input = Update {
                    provisioned_product_id: id,
                    product_id,
                    provisioning_artifact_id: version_id,
                    path_id: path_id.as_deref(),
                    provisioning_parameters: arguments(parameters, true)?,
                    tags: tags.as_ref().map(wire_tags),
                    update_token: token,
                };
                accepted(UPDATE, self.write(UPDATE, input).await?)
            }
            Request::SetLaunchRole { id, role, again: _ } => self.set(id, LAUNCH_ROLE, role, token).await,
            Request::SetOwner { id, owner, again: _ } => self.set(id, OWNER, owner, token).await,
            Request::Terminate { id } => self.terminate(id, token).await,
            Request::Prepare { .. } | Request::Execute { .. } => {
                let problem = Problem::failed("this service has no approvals");
                Err(ProviderError::Rejected(problem.hint("plan again")))
            }
        }
    }

    async fn write<O: serde::de::DeserializeOwned>(
        &self,
        operation: &str,
        input: impl serde::Serialize + Sync,
    ) -> Result<O, ProviderError> {
        match self.client.write(operation, input).await {
            Ok(output) => Ok(output),
            Err(error) => Err(self.client.refused(Role::Writer, operation, error).await),
        }
    }

    async fn set(&self, id: &str, key: &'static str, value: &str, token: &str) -> Result<Operation, ProviderError> {
        let input = UpdateProperties {
            provisioned_product_id: id,
            provisioned_product_properties: BTreeMap::from([(key, value)]),
            idempotency_token: token,
        };
        let output: UpdatePropertiesOutput = self.write(UPDATE_PROPERTIES, input).await?;
        let Some(record) = output.record_id.filter(|record| !record.is_empty()) else {
            return Err(no_record(UPDATE_PROPERTIES));
        };
        let status = output.status.unwrap_or_default();
        Ok(Operation {
            id: record,
            product_id: output.provisioned_product_id.unwrap_or_else(|| id.to_owned()),
            state: state(&status, status.clone()),
            status,
            kind: key.to_owned(),
            version_id: None,
            path_id: None,
            updated: None,
        })
    }

    /// "After the provisioned product is terminated, subsequent requests to terminate the same provisioned product
    /// always return ResourceNotFound" (API reference, `TerminateToken`): it is done.
    async fn terminate(&self, id: &str, token: &str) -> Result<Operation, ProviderError> {
        let input = Terminate { provisioned_product_id: id, terminate_token: token };
        match self.client.write::<RecordOutput>(TERMINATE, input).await {
            Ok(output) => accepted(TERMINATE, output),
            Err(CallError::Refused(refusal)) if refusal.is_not_found() => Ok(Operation {
                id: String::new(),
                product_id: id.to_owned(),
                state: OperationState::Succeeded,
                status: NOT_FOUND.to_owned(),
                kind: "TERMINATE_PROVISIONED_PRODUCT".to_owned(),
                version_id: None,
                path_id: None,
                updated: None,
            }),
            Err(error) => Err(self.client.refused(Role::Writer, TERMINATE, error).await),
        }
    }
}

fn accepted(operation: &str, output: RecordOutput) -> Result<Operation, ProviderError> {
    output.record_detail.and_then(|detail| detail.into_operation()).ok_or_else(|| no_record(operation))
}

/// Accepted, but without the one thing that could be waited for: only looking can tell what became of it.
fn no_record(operation: &str) -> ProviderError {
    let problem = Problem::failed(format!("{operation} was accepted without a record"))
        .hint("the next run looks at what became of it");
    ProviderError::Unknown(problem)
}

fn wire_tags(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag { key: key.clone(), value: value.clone() }).collect()
}

/// Exactly one of value and previous. References must have been looked up by now; sending one as it is could put it
/// into a stack as a value.
fn arguments(arguments: &BTreeMap<String, Argument>, previous: bool) -> Result<Vec<Parameter<'_>>, ProviderError> {
    let unresolved = |key: &str, what: &str| {
        let message = format!("internal error: {what} of parameter {key} reached the provider; nothing was sent");
        ProviderError::Rejected(Problem::failed(message))
    };
    arguments
        .iter()
        .map(|(key, argument)| match argument {
            Argument::Value(value) => Ok(Parameter { key, value: Some(value), use_previous_value: None }),
            Argument::Previous if previous => Ok(Parameter { key, value: None, use_previous_value: Some(true) }),
            Argument::Previous => Err(unresolved(key, "the previous value")),
            Argument::Secret(_) => Err(unresolved(key, "a secret's reference")),
            Argument::Pieces(_) => Err(unresolved(key, "an output's reference")),
        })
        .collect()
}

#[cfg(test)]
#[path = "tests/submit.rs"]
mod tests;
