//! The present state of running operations.

use std::collections::BTreeMap;

use super::call::Role;
use super::errors::{CallError, Refusal};
use super::observe::SMALL_PAGE;
use super::page::Pages;
use super::submit::{LAUNCH_ROLE, OWNER};
use super::wire::{AccessLevelFilter, HistoryOutput, Page};
use super::{Aws, NOT_VISIBLE};
use crate::model::{Operation, OperationState};
use crate::provider::ProviderError;
use crate::provider::gather::gather;

const HISTORY: &str = "ListRecordHistory";
/// Up to here asking for each record is no more calls than asking for the newest of all.
const FEW: usize = 2;

impl Aws {
    /// One page of the history tells of twenty records; those that it does not show are asked for one by one.
    pub(super) async fn look(&self, running: &[&Operation]) -> Result<Vec<Operation>, ProviderError> {
        let mut found = BTreeMap::new();
        if running.len() > FEW {
            found = self.recent(running).await?;
        }
        let missing = running.iter().filter(|operation| !found.contains_key(&operation.id));
        let answers = gather(self.parallelism, missing.map(|operation| self.look_at(operation))).await?;
        found.extend(answers.into_iter().map(|operation| (operation.id.clone(), operation)));
        Ok(running
            .iter()
            .map(|before| found.get(&before.id).map_or_else(|| (*before).clone(), |now| later(before, now.clone())))
            .collect())
    }

    /// `ListRecordHistory`, newest first, until all are seen or the rest is no more calls than there were pages.
    async fn recent(&self, running: &[&Operation]) -> Result<BTreeMap<String, Operation>, ProviderError> {
        let mut pages = Pages::default();
        let mut found = BTreeMap::new();
        loop {
            let input = Page {
                access_level_filter: AccessLevelFilter::new(self.target.access),
                page_size: SMALL_PAGE,
                page_token: pages.token(),
            };
            let page: HistoryOutput = match self.client.read(HISTORY, input).await {
                Ok(page) => page,
                // Who may not list may still describe.
                Err(CallError::Refused(refusal)) if refusal.is_denied() => return Ok(found),
                Err(error) => return Err(self.client.refused(Role::Reader, HISTORY, error).await),
            };
            for operation in page.record_details.into_iter().filter_map(|detail| detail.into_operation()) {
                if running.iter().any(|running| running.id == operation.id) {
                    found.insert(operation.id.clone(), operation);
                }
            }
            let more = pages.more(HISTORY, page.next_page_token)?;
            let missing = running.iter().filter(|operation| !found.contains_key(&operation.id)).count();
            if !more || pages.read >= missing {
                return Ok(found);
            }
        }
    }

    async fn look_at(&self, operation: &Operation) -> Result<Operation, ProviderError> {
        match self.record(&operation.id).await? {
            Ok(Some(now)) => Ok(now),
            Ok(None) => Ok(not_visible(operation)),
            Err(CallError::Refused(refusal)) if may_be_hidden(operation, &refusal) => Ok(not_visible(operation)),
            Err(error) => Err(self.client.refused(Role::Reader, "DescribeRecord", error).await),
        }
    }
}

/// A record that was just made may not be found yet, and one that gave its product away may be out of sight. A caller
/// who is refused the record of an ordinary change lacks a permission, which waiting does not mend.
fn may_be_hidden(operation: &Operation, refusal: &Refusal) -> bool {
    let ordinary = matches!(
        operation.kind.as_str(),
        "PROVISION_PRODUCT" | "UPDATE_PROVISIONED_PRODUCT" | "TERMINATE_PROVISIONED_PRODUCT" | LAUNCH_ROLE
    );
    refusal.is_not_found() || (refusal.is_denied() && !ordinary)
}

fn not_visible(operation: &Operation) -> Operation {
    Operation { state: OperationState::Running, status: NOT_VISIBLE.to_owned(), ..operation.clone() }
}

/// What was asked for stays known: the record of a property change does not name the property.
fn later(before: &Operation, mut now: Operation) -> Operation {
    if matches!(before.kind.as_str(), OWNER | LAUNCH_ROLE) || now.kind.is_empty() {
        now.kind.clone_from(&before.kind);
    }
    if now.product_id.is_empty() {
        now.product_id.clone_from(&before.product_id);
    }
    now
}

#[cfg(test)]
#[path = "tests/poll.rs"]
mod tests;
