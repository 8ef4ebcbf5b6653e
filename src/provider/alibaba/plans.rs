//! The clouds' plans: changes that were handed in for approval.

use std::collections::BTreeSet;

use super::Alibaba;
use super::call::Action;
use super::errors::{CallError, Refusal};
use super::listing::PAGE;
use super::wire::{GetPlan, Input, ListPlans, Plan, Record, time};
use crate::model::{Observation, Operation, OperationState};
use crate::provider::ProviderError;
use crate::provider::gather::gather;

pub(super) const GET: Action = Action::body("GetProvisionedProductPlan");
const LIST: Action = Action::query("ListProvisionedProductPlans");

/// What every id of a plan begins with.
pub(super) const PREFIX: &str = "plan-";

/// The name of the plan that a step makes. A plan takes no token, so the token becomes its name: at most 128
/// characters, and this has 71.
pub(super) fn name(token: &str) -> String {
    format!("tenure-{token}")
}

impl Alibaba {
    pub(super) async fn plan(&self, id: &str) -> Result<Result<Plan, Refusal>, ProviderError> {
        match self.client.call::<GetPlan>(GET, Input::new().with("PlanId", id)).await {
            Ok(answer) if *answer.plan_detail.plan_id == *id => Ok(Ok(answer.plan_detail.0)),
            Ok(_) => Ok(Err(Refusal::empty("plan"))),
            Err(CallError::Refused(refusal)) => Ok(Err(refusal)),
            Err(CallError::Failed(error)) => Err(error),
        }
    }

    /// Plans by the tokens of the steps that made them.
    pub(super) async fn preparations(&self, tokens: &BTreeSet<String>) -> Result<Observation, ProviderError> {
        let found = gather(self.parallelism, tokens.iter().map(|token| self.named_plan(token))).await?;
        let mut observation = Observation::default();
        for (token, plan) in tokens.iter().zip(found) {
            observation.operations.extend(plan.map(|plan| (token.clone(), operation(&plan))));
        }
        Ok(observation)
    }

    async fn named_plan(&self, token: &str) -> Result<Option<Plan>, ProviderError> {
        let name = name(token);
        let input = Input::new()
            .with("AccessLevelFilter", self.access_level())
            .filter("ProvisionedProductPlanName", &name)
            .with("PageNumber", 1)
            .with("PageSize", PAGE);
        let answer: ListPlans = self.client.must(LIST, input).await?;
        Ok(answer.plan_details.into_iter().find(|plan| *plan.plan_name == *name && !plan.plan_id.is_empty()))
    }
}

/// A plan as an operation. Its kind says whether it is being, or has been, carried out.
pub(super) fn operation(plan: &Plan) -> Operation {
    let reason = || match &*plan.status_message {
        "" => "the service gives no reason".to_owned(),
        text => text.to_owned(),
    };
    let (kind, state) = match &*plan.status {
        // Where nobody needs to approve, a preview that succeeded can be carried out.
        "PreviewSuccess" | "ApplicationApproved" => (Operation::PREPARATION, OperationState::Succeeded),
        "ApplicationInProgress" => (Operation::PREPARATION, OperationState::Waiting(approvers(plan))),
        "PreviewFailed" => (Operation::PREPARATION, OperationState::Failed(reason())),
        "ApplicationRejected" => (Operation::PREPARATION, OperationState::Failed(said(plan, "reject", "rejected"))),
        "Canceled" => (Operation::PREPARATION, OperationState::Failed(said(plan, "cancel", "cancelled"))),
        "ExecuteInProgress" => (Operation::EXECUTION, OperationState::Running),
        "ExecuteSuccess" => (Operation::EXECUTION, OperationState::Succeeded),
        "ExecuteFailed" => (Operation::EXECUTION, OperationState::Failed(reason())),
        // `PreviewInProgress`, and words that are not documented.
        _ => (Operation::PREPARATION, OperationState::Running),
    };
    Operation {
        id: plan.plan_id.0.clone(),
        product_id: plan.provisioned_product_id.0.clone(),
        state,
        status: plan.status.0.clone(),
        kind: kind.to_owned(),
        version_id: plan.product_version_id.clone().written(),
        path_id: plan.portfolio_id.clone().written(),
        updated: time(&plan.update_time),
    }
}

/// Who may approve it: those whose task it is now, or those who were named for it.
fn approvers(plan: &Plan) -> String {
    let activities = &plan.approval_detail.todo_task_activities;
    let todo = activities.iter().flat_map(|activity| activity.tasks.iter()).map(|task| &task.operator.principal_name);
    let assigned = plan.assigned_approvers.iter().map(|approver| &approver.principal_name);
    let mut all: BTreeSet<&str> = todo.map(|name| &**name).filter(|name| !name.is_empty()).collect();
    if all.is_empty() {
        all = assigned.map(|name| &**name).filter(|name| !name.is_empty()).collect();
    }
    if all.is_empty() {
        return "its approvers".to_owned();
    }
    all.into_iter().collect::<Vec<_>>().join(", ")
}

/// Who ended it and what they said: the last record of that action.
fn said(plan: &Plan, action: &str, verb: &str) -> String {
    let records = plan.approval_detail.operation_records.iter();
    let last: Option<&Record> = records
        .filter(|record| record.approval_action.to_lowercase().starts_with(action))
        .max_by_key(|record| time(&record.create_time));
    let Some(record) = last else { return verb.to_owned() };
    let by = match (&*record.operator.principal_name, &*record.operator.principal_id) {
        ("", "") => String::new(),
        ("", id) => format!(" by {id}"),
        (name, _) => format!(" by {name}"),
    };
    let comment = Some(&*record.comment).filter(|text| !text.is_empty()).map(|text| format!(": {text}"));
    format!("{verb}{by}{}", comment.unwrap_or_default())
}

#[cfg(test)]
#[path = "tests/plans.rs"]
mod tests;
