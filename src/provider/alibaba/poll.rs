//! The present state of running operations.
//!
//! A request that was accepted names no task, so its task is the product's first one after the last that was there
//! before. While a product is `UnderChange` its list entry says enough; how it ended is asked of the task.

use std::collections::BTreeMap;

use super::call::Action;
use super::errors::{CallError, Refusal};
use super::listing::PAGE;
use super::submit::NOT_FOUND;
use super::wire::{GetTask, Input, ListTasks, Task};
use super::{Alibaba, listing, plans, tasks};
use crate::model::{Access, Cloud, Operation, OperationState, Pending, ProvisionedProduct, Status, StepKind};
use crate::provider::ProviderError;
use crate::provider::gather::gather;

const LIST: Action = Action::query("ListTasks");
/// More pages of tasks than one product can have.
const MOST_PAGES: usize = 1_000;

/// What a list has just shown, by id.
type Shown = BTreeMap<String, ProvisionedProduct>;

impl Alibaba {
    /// A list first, where that is fewer calls than one for each product.
    pub(super) async fn look(&self, running: &[Pending]) -> Result<Vec<Operation>, ProviderError> {
        let products = running.iter().filter(|pending| !is_plan(pending)).count();
        let shown = if self.list_is_fewer(products) { self.glance().await? } else { Shown::new() };
        let now = gather(self.parallelism, running.iter().map(|pending| self.look_at(pending, &shown))).await?;
        // What the list has shown of a product is of the time before its operation ended.
        let ended = now.iter().filter(|operation| operation.state != OperationState::Running);
        ended.for_each(|operation| self.unsighted(&operation.product_id));
        Ok(now)
    }

    async fn look_at(&self, pending: &Pending, shown: &Shown) -> Result<Operation, ProviderError> {
        let before = &pending.operation;
        if is_plan(pending) {
            return self.look_at_plan(pending).await;
        }
        let listed = shown.get(&before.product_id);
        if !before.id.is_empty() && pending.kind != StepKind::Terminate {
            return match listed {
                Some(product) if is_working_on(product, &before.id) => Ok(running(before, product)),
                _ => self.look_at_task(before).await,
            };
        }
        // Absence from a list is no evidence, and a termination ends with absence.
        let product = match listed {
            Some(product) => Ok(Some(product.clone())),
            None => self.find(&before.product_id).await?,
        };
        match product {
            Ok(Some(product)) => self.look_at_product(pending, &product).await,
            Ok(None) => Ok(self.without_product(pending)),
            // What a permission forbids, no waiting mends.
            Err(refusal) => Err(self.client.refused(listing::GET, CallError::Refused(refusal)).await),
        }
    }

    /// What it means that there is no such product (any more).
    fn without_product(&self, pending: &Pending) -> Operation {
        let before = pending.operation.clone();
        match pending.kind {
            StepKind::Terminate => {
                Operation { state: OperationState::Succeeded, status: NOT_FOUND.to_owned(), ..before }
            }
            StepKind::Update if self.target.access == Access::Account => {
                let why = format!("{} does not exist any more", before.product_id);
                Operation { state: OperationState::Failed(why), status: NOT_FOUND.to_owned(), ..before }
            }
            // One that was launched a moment ago may not show yet.
            _ => hidden(&before),
        }
    }

    async fn look_at_product(
        &self,
        pending: &Pending,
        product: &ProvisionedProduct,
    ) -> Result<Operation, ProviderError> {
        let before = &pending.operation;
        if before.id.is_empty() && product.last_operation == pending.after {
            return Ok(match (&product.last_operation, product.status) {
                // A launch that fails before there is a task.
                (None, Status::Error) => {
                    let why =
                        product.status_message.clone().unwrap_or_else(|| "the service gives no reason".to_owned());
                    Operation { state: OperationState::Failed(why), ..running(before, product) }
                }
                _ => running(before, product),
            });
        }
        let now = if before.id.is_empty() {
            self.first_task(pending, product).await?
        } else if is_working_on(product, &before.id) {
            return Ok(running(before, product));
        } else {
            self.look_at_task(before).await?
        };
        let ended = pending.kind == StepKind::Terminate && now.state == OperationState::Succeeded;
        // What is terminated is gone; until then it is not.
        Ok(if ended { Operation { state: OperationState::Running, ..now } } else { now })
    }

    /// The product's first task after the one that was there before: later ones are somebody else's.
    async fn first_task(&self, pending: &Pending, product: &ProvisionedProduct) -> Result<Operation, ProviderError> {
        let before = &pending.operation;
        let last = product.last_operation.as_deref().unwrap_or_default();
        let found = match &pending.after {
            None => self.tasks(&product.id, "Asc", 1).await?.map(|page| page.task_details.into_iter().next()),
            Some(after) => self.task_after(&product.id, after).await?,
        };
        match found {
            Ok(Some(task)) => Ok(later(before, &task)),
            // The last task is the only other one that is known.
            Ok(None) => self.look_at_task(&Operation { id: last.to_owned(), ..before.clone() }).await,
            Err(refusal) if refusal.is_not_found() => Ok(hidden(before)),
            Err(_) => self.look_at_task(&Operation { id: last.to_owned(), ..before.clone() }).await,
        }
    }

    /// Goes back from the newest; nothing when `after` is not among a product's tasks.
    async fn task_after(&self, product_id: &str, after: &str) -> Result<Result<Option<Task>, Refusal>, ProviderError> {
        let mut next: Option<Task> = None;
        for number in 1..=MOST_PAGES {
            let page = match self.tasks(product_id, "Desc", number).await? {
                Ok(page) => page.task_details,
                Err(refusal) => return Ok(Err(refusal)),
            };
            let full = page.len() >= PAGE;
            for task in page {
                if *task.task_id == *after {
                    return Ok(Ok(next));
                }
                next = Some(task);
            }
            if !full {
                break;
            }
        }
        Ok(Ok(None))
    }

    async fn tasks(
        &self,
        product_id: &str,
        order: &str,
        number: usize,
    ) -> Result<Result<ListTasks, Refusal>, ProviderError> {
        let input = Input::new()
            .with("PageNumber", number)
            .with("PageSize", PAGE)
            .with("ProvisionedProductId", product_id)
            .with("SortBy", "CreateTime")
            .with("SortOrder", order);
        match self.client.call(LIST, input).await {
            Ok(page) => Ok(Ok(page)),
            Err(CallError::Refused(refusal)) => Ok(Err(refusal)),
            Err(CallError::Failed(error)) => Err(error),
        }
    }

    async fn look_at_task(&self, before: &Operation) -> Result<Operation, ProviderError> {
        match self.client.call::<GetTask>(tasks::GET, Input::new().with("TaskId", &before.id)).await {
            Ok(answer) => Ok(later(before, &answer.task_detail)),
            // One that was made a moment ago may not show yet.
            Err(CallError::Refused(refusal)) if refusal.is_not_found() => Ok(hidden(before)),
            Err(error) => Err(self.client.refused(tasks::GET, error).await),
        }
    }

    /// An approval is waited for by the run; what was approved ends when it has been carried out, and then its operation
    /// is the product's last one.
    async fn look_at_plan(&self, pending: &Pending) -> Result<Operation, ProviderError> {
        let before = &pending.operation;
        if before.id.is_empty() {
            return Ok(hidden(before));
        }
        let plan = match self.plan(&before.id).await? {
            Ok(plan) => plan,
            Err(refusal) if refusal.is_not_found() => return Ok(hidden(before)),
            Err(refusal) => return Err(self.client.refused(plans::GET, CallError::Refused(refusal)).await),
        };
        let mut now = plans::operation(&plan);
        if now.product_id.is_empty() {
            now.product_id.clone_from(&before.product_id);
        }
        let carried_out = now.kind == Operation::EXECUTION;
        match (pending.kind, &now.state) {
            // Somebody has carried it out: then it was approved.
            (StepKind::Prepare, OperationState::Running) if carried_out => now.state = OperationState::Succeeded,
            (StepKind::Execute, OperationState::Succeeded) if carried_out => {
                let product = if now.product_id.is_empty() { Ok(None) } else { self.find(&now.product_id).await? };
                if let Ok(Some(product)) = product {
                    now.id = product.last_operation.unwrap_or(now.id);
                }
            }
            (StepKind::Execute, OperationState::Succeeded | OperationState::Waiting(_)) => {
                now.state = OperationState::Running;
            }
            _ => {}
        }
        Ok(now)
    }
}

fn is_plan(pending: &Pending) -> bool {
    matches!(pending.kind, StepKind::Prepare | StepKind::Execute)
}

fn is_working_on(product: &ProvisionedProduct, task: &str) -> bool {
    product.status == Status::UnderChange && product.last_operation.as_deref() == Some(task)
}

fn running(before: &Operation, product: &ProvisionedProduct) -> Operation {
    let status = Cloud::Alibaba.word(product.status).to_owned();
    Operation { state: OperationState::Running, status, ..before.clone() }
}

/// It cannot be seen (yet): its time-out decides.
fn hidden(before: &Operation) -> Operation {
    Operation { state: OperationState::Running, status: Operation::NOT_VISIBLE.to_owned(), ..before.clone() }
}

/// What was asked for stays known where the task does not say.
fn later(before: &Operation, task: &Task) -> Operation {
    let mut now = tasks::operation(task);
    for (now, before) in
        [(&mut now.id, &before.id), (&mut now.product_id, &before.product_id), (&mut now.kind, &before.kind)]
    {
        if now.is_empty() {
            now.clone_from(before);
        }
    }
    now
}

#[cfg(test)]
#[path = "tests/poll.rs"]
mod tests;
