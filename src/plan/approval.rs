//! Changes that take somebody's approval: handed in by one run, carried out by a later one.

use std::collections::BTreeSet;

use super::draft::Draft;
use super::knowledge::Fact;
use super::planner::Planner;
use crate::ledger::{Prepared, Unsettled};
use crate::model::{
    Address, CatalogProduct, LaunchPath, Lookup, Operation, OperationState, ProvisionedProduct, StepKind,
};
use crate::problem::Problem;

/// What takes approval on the way that a change goes; where the service chooses the way, on any.
pub fn needed(catalog: &CatalogProduct, path: Option<&LaunchPath>) -> BTreeSet<StepKind> {
    match path {
        Some(path) => path.approvals.clone(),
        None => catalog.paths.iter().flat_map(|path| path.approvals.iter().copied()).collect(),
    }
}

impl<'a> Planner<'a> {
    /// What takes approval when `product` is terminated; `None` while that has to be asked.
    pub fn termination_approvals(
        &mut self,
        address: &Address,
        product: &'a ProvisionedProduct,
    ) -> Option<BTreeSet<StepKind>> {
        if !self.inputs.traits(address).asks_approval {
            return Some(BTreeSet::new());
        }
        let Lookup::Found(catalog) = self.knowledge.catalog_product(&address.target, &product.product_id)? else {
            return Some(BTreeSet::new());
        };
        let path = catalog.paths.iter().find(|path| Some(&path.id) == product.portfolio_id.as_ref());
        Some(needed(catalog, path).into_iter().filter(|kind| *kind == StepKind::Terminate).collect())
    }

    /// Goes on with what was handed in before: carried out when it was approved and is still what is wanted, replaced
    /// when it is not. `None` when it has to be asked, or nothing can be done now.
    pub fn take_up(&mut self, draft: &mut Draft) -> Option<()> {
        let address = draft.address.clone();
        // What moves in this plan is still where it was.
        let held = draft.moved_from().unwrap_or(&address).clone();
        if self.inputs.options.refused.contains(&held) {
            let problem = Problem::failed("the change that was handed in was not approved")
                .hint("apply again to hand it in once more");
            self.finding(&address, true, true, problem);
            return None;
        }
        let ledger = self.inputs.ledger;
        let open = ledger.unsettled.get(&held).and_then(Unsettled::handed_in);
        let is_open = open.is_some();
        let Some(earlier) = open.or_else(|| ledger.prepared.get(&held).cloned()) else { return Some(()) };
        let operation = match self.knowledge.operation(&address.target, &earlier.id) {
            Fact::Known(operation) => operation,
            Fact::Asked => return None,
            Fact::Unreadable(reason) => {
                let problem = Problem::failed(format!("{}, which was handed in, cannot be read: {reason}", earlier.id))
                    .hint("look with an identity that may read it, and plan again");
                self.finding(&address, true, true, problem);
                return None;
            }
        };
        if !draft.changes().any(|change| *change == earlier.change) {
            self.overtaken(draft, &earlier, operation);
            return self.ends_well(draft, is_open, &earlier);
        }
        let problem = match &operation.state {
            OperationState::Waiting(by) => Problem::failed(format!("waiting for approval by {by} ({})", earlier.id))
                .hint("apply again when it has been approved"),
            OperationState::Running => Problem::failed(format!("{} is being prepared or carried out", earlier.id))
                .hint("apply again in a while"),
            // Approved once, and cancelled since: nobody has said no, so it is handed in anew.
            OperationState::Failed(_) if !is_open => return Some(()),
            OperationState::Failed(why) => Problem::failed(format!("{} was not approved: {why}", earlier.id))
                .hint("`tenure apply` records that; the next one hands the change in once more"),
            OperationState::Succeeded => {
                draft.prepared = Some(earlier.clone()).filter(|_| operation.kind == Operation::PREPARATION);
                return self.ends_well(draft, is_open, &earlier);
            }
        };
        self.finding(&address, true, true, problem);
        None
    }

    /// What was handed in is no longer what the files ask for.
    fn overtaken(&mut self, draft: &mut Draft, earlier: &Prepared, operation: &Operation) {
        let alive = operation.kind == Operation::PREPARATION && !matches!(operation.state, OperationState::Failed(_));
        if alive && draft.changes().any(|change| draft.approvals.contains(&change.kind())) {
            draft.supersedes = Some(earlier.id.clone());
        } else if alive {
            let problem = Problem::failed(format!("{} was handed in, and the files no longer ask for it", earlier.id))
                .hint("cancel it where it waits, so that nobody carries it out");
            self.finding(&draft.address, false, false, problem);
        }
    }

    /// Nothing is begun on top of a step that has no end in the ledger: what it has handed in is carried out or replaced
    /// by this plan, or there is nothing to begin.
    fn ends_well(&mut self, draft: &Draft, is_open: bool, earlier: &Prepared) -> Option<()> {
        let ends = draft.prepared.is_some() || draft.supersedes.is_some();
        if !is_open || ends || draft.is_empty() {
            return Some(());
        }
        let problem = Problem::failed(format!("{} was handed in and has not come to an end here", earlier.id))
            .hint("cancel it where it waits, if it still does, and apply again");
        self.finding(&draft.address, true, true, problem);
        None
    }

    /// Launches that were handed in under addresses which nothing stands for any more: nobody else would speak of them.
    pub fn abandoned(&mut self) {
        let inputs = self.inputs;
        let open = inputs.ledger.unsettled.iter().filter_map(|(address, step)| Some((address, step.handed_in()?.id)));
        let approved = inputs.ledger.prepared.iter().map(|(address, prepared)| (address, prepared.id.clone()));
        let all: Vec<(&Address, String)> = open.chain(approved).collect();
        for (address, id) in all {
            let spoken_for = inputs.ledger.managed.contains_key(address) || inputs.is_wanted(address);
            if spoken_for || inputs.options.only.is_some() || !inputs.project.targets.contains_key(&address.target) {
                continue;
            }
            let Fact::Known(operation) = self.knowledge.operation(&address.target, &id) else { continue };
            if operation.kind == Operation::PREPARATION && !matches!(operation.state, OperationState::Failed(_)) {
                let problem = Problem::failed(format!("{id} was handed in, and the files no longer ask for it"))
                    .hint("cancel it where it waits, so that nobody carries it out");
                self.finding(address, false, false, problem);
            }
        }
    }
}
