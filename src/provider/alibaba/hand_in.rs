//! Changes that need somebody's approval: handed in as a plan of the cloud's, and carried out when it is approved.

use super::Alibaba;
use super::call::Action;
use super::plans;
use super::submit::{arguments, no_id, pairs};
use super::wire::{Accepted, Input};
use crate::model::{Operation, OperationState, ProvisionedProduct, Request};
use crate::problem::Problem;
use crate::provider::ProviderError;

const CREATE: Action = Action::write("CreateProvisionedProductPlan");
const EXECUTE: Action = Action::write("ExecuteProvisionedProductPlan");
const CANCEL: Action = Action::write("CancelProvisionedProductPlan");
const DELETE: Action = Action::write("DeleteProvisionedProductPlan");

/// "The value is fixed to Ros" (CreateProvisionedProductPlan).
const PLAN_TYPE: &str = "Ros";

impl Alibaba {
    /// A plan names the product that it changes, and names need not be unique: the id in the reply has to be the right
    /// one, or the plan is taken back.
    pub(super) async fn hand_in(
        &self,
        change: &Request,
        supersedes: Option<&str>,
        token: &str,
    ) -> Result<Operation, ProviderError> {
        let product = match change.product() {
            "" => None,
            id => Some(self.existing(id).await?),
        };
        let input = self.plan_of(change, product.as_ref(), token)?;
        if let Some(plan) = supersedes {
            self.withdraw(plan).await?;
        }
        let answer: Accepted = self.client.must(CREATE, input).await?;
        let plan_id = answer.plan_id.written().ok_or_else(|| no_id(CREATE.name))?;
        let mut about = answer.provisioned_product_id.0;
        if let Some(product) = product {
            if about.is_empty() {
                about = self.plan(&plan_id).await?.map(|plan| plan.provisioned_product_id.0).unwrap_or_default();
            }
            if about != product.id {
                return Err(self.take_back(&plan_id, &about, &product).await);
            }
        }
        Ok(Operation {
            id: plan_id,
            product_id: about,
            state: OperationState::Running,
            status: "PreviewInProgress".to_owned(),
            kind: Operation::PREPARATION.to_owned(),
            version_id: None,
            path_id: None,
            updated: None,
        })
    }

    fn plan_of(
        &self,
        change: &Request,
        product: Option<&ProvisionedProduct>,
        token: &str,
    ) -> Result<Input, ProviderError> {
        let region = |stack: Option<&String>| stack.unwrap_or(&self.target.region).clone();
        let there = product.and_then(|product| product.stack_region.as_ref());
        let name = product.map(|product| product.name.as_str()).unwrap_or_default();
        let start = |kind: &str| Input::new().with("OperationType", kind);
        let plan = |input: Input| input.with("PlanName", plans::name(token)).with("PlanType", PLAN_TYPE);
        Ok(match (change, product) {
            (Request::Provision { name, product_id, version_id, path_id, stack_region, parameters, tags }, _) => {
                plan(start("LaunchProduct").parameters(arguments(parameters)?))
                    .maybe("PortfolioId", path_id.as_deref())
                    .with("ProductId", product_id)
                    .with("ProductVersionId", version_id)
                    .with("ProvisionedProductName", name)
                    .with("StackRegionId", region(stack_region.as_ref()))
                    .tags(pairs(tags))
            }
            (Request::Update { product_id, version_id, path_id, parameters, tags, .. }, _) => {
                plan(start("UpdateProvisionedProduct").parameters(arguments(parameters)?))
                    .maybe("PortfolioId", path_id.as_deref())
                    .with("ProductId", product_id)
                    .with("ProductVersionId", version_id)
                    .with("ProvisionedProductName", name)
                    .with("StackRegionId", region(there))
                    .tags(tags.iter().flat_map(pairs))
            }
            (Request::Terminate { .. }, Some(product)) => plan(start("TerminateProvisionedProduct"))
                .maybe("PortfolioId", product.portfolio_id.as_deref())
                .with("ProductId", &product.product_id)
                .with("ProductVersionId", &product.version_id)
                .with("ProvisionedProductName", name)
                .with("StackRegionId", region(there)),
            _ => {
                let problem = Problem::failed("internal error: this change cannot be handed in; nothing was sent");
                return Err(ProviderError::Rejected(problem));
            }
        })
    }

    async fn existing(&self, id: &str) -> Result<ProvisionedProduct, ProviderError> {
        let why = match self.find(id).await? {
            Ok(Some(product)) => return Ok(product),
            Ok(None) => "it does not exist any more".to_owned(),
            Err(refusal) => refusal.text(),
        };
        let problem = Problem::failed(format!("{id} cannot be changed: {why}")).hint("nothing was sent; plan again");
        Err(ProviderError::Rejected(problem))
    }

    async fn take_back(&self, plan_id: &str, about: &str, product: &ProvisionedProduct) -> ProviderError {
        let ended = match self.withdraw(plan_id).await {
            Ok(()) => "it was cancelled".to_owned(),
            Err(error) => format!("cancel it by hand, because {}", error.into_problem().message),
        };
        let about = if about.is_empty() { "a product that it does not tell" } else { about };
        let message =
            format!("{plan_id} was made for {} (`{}`) and is about {about}: {ended}", product.id, product.name);
        ProviderError::Rejected(
            Problem::failed(message).hint("two provisioned products may have this name; rename one"),
        )
    }

    /// Sees to it that a plan will not be carried out. One that has ended needs nothing, and one that cannot be cancelled
    /// in its state can perhaps be deleted.
    async fn withdraw(&self, plan_id: &str) -> Result<(), ProviderError> {
        let input = || Input::new().with("PlanId", plan_id);
        let Err(error) = self.client.must::<Accepted>(CANCEL, input()).await else { return Ok(()) };
        let why = match self.plan(plan_id).await? {
            Ok(plan) => match (plans::operation(&plan), &*plan.status) {
                (operation, _) if matches!(operation.state, OperationState::Failed(_)) => return Ok(()),
                (_, "ExecuteSuccess") => return Ok(()),
                (_, "ExecuteInProgress") => "it is being carried out".to_owned(),
                _ => match self.client.must::<Accepted>(DELETE, input()).await {
                    Ok(_) => return Ok(()),
                    Err(_) => error.into_problem().message,
                },
            },
            // Nobody can carry out what is not there.
            Err(refusal) if refusal.is_not_found() => return Ok(()),
            Err(refusal) => refusal.text(),
        };
        let problem = Problem::failed(format!("{plan_id}, which this would replace, cannot be cancelled: {why}"))
            .hint("nothing was handed in; cancel it in the console, or wait until it has ended, then apply again");
        Err(ProviderError::Rejected(problem))
    }

    /// Looks first: a plan that is being carried out already is not carried out again, and one that is about another
    /// product not at all.
    pub(super) async fn carry_out(&self, change: &Request, plan_id: &str) -> Result<Operation, ProviderError> {
        let refused = |why: String| {
            let problem = Problem::failed(format!("{plan_id} cannot be carried out: {why}"));
            ProviderError::Rejected(problem.hint("nothing was sent; plan again to see how it is now"))
        };
        let plan = self.plan(plan_id).await?.map_err(|refusal| refused(refusal.text()))?;
        let operation = plans::operation(&plan);
        if !change.product().is_empty() && operation.product_id != change.product() {
            return Err(refused(format!("it is about {}", operation.product_id)));
        }
        match &operation.state {
            _ if operation.kind == Operation::EXECUTION => return Ok(operation),
            OperationState::Succeeded => {}
            OperationState::Failed(why) => return Err(refused(why.clone())),
            OperationState::Waiting(by) => return Err(refused(format!("it waits for approval by {by}"))),
            OperationState::Running => return Err(refused(format!("it is {}", operation.status))),
        }
        let _: Accepted = self.client.must(EXECUTE, Input::new().with("PlanId", plan_id)).await?;
        Ok(Operation {
            state: OperationState::Running,
            status: "ExecuteInProgress".to_owned(),
            kind: Operation::EXECUTION.to_owned(),
            ..operation
        })
    }
}

#[cfg(test)]
#[path = "tests/hand_in.rs"]
mod tests;
