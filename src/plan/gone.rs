//! What is ours and not in the files (or, for `destroy`, not wanted): terminated, or forgotten where it is gone.

use super::draft::Draft;
use super::knowledge::Presence;
use super::planner::Planner;
use super::{Action, FieldName, Shown};
use crate::ledger::Managed;
use crate::ledger::entry::Entry;
use crate::model::{Address, Request, Status};

impl<'a> Planner<'a> {
    /// Plans one address that is ours and not in the files.
    pub fn undeclared(&mut self, address: &'a Address, managed: &'a Managed) {
        if self.is_open(address, address) {
            return;
        }
        let mut draft = Draft::new(address, &managed.declaration.name);
        draft.ours = true;
        // Protection holds from both sides: a block that was deleted, and one that was never applied.
        let declared = self.inputs.project.desired.get(address);
        draft.protect = managed.declaration.protect || declared.is_some_and(|spec| spec.protect);
        draft.needs.clone_from(&managed.declaration.needs);
        draft.timeout_seconds = match managed.declaration.timeout_seconds {
            0 => 3600,
            seconds => seconds,
        };
        draft.id = Some(managed.id.clone());
        let mut gone = true;
        for id in std::iter::once(&managed.id).chain(&managed.former) {
            match self.knowledge.presence(&address.target, id) {
                Presence::There(product) => {
                    gone = false;
                    if matches!(product.status, Status::UnderChange | Status::PlanInProgress) {
                        self.usable(address, product);
                        return;
                    }
                    draft.product.clone_from(&product.product_name);
                    draft.field(Action::Terminate, FieldName::Name, Shown::Text(product.name.clone()), Shown::Absent);
                    draft.terminate.push(Request::Terminate { id: id.clone() });
                    let Some(approvals) = self.termination_approvals(address, product) else { return };
                    draft.approvals.extend(approvals);
                    // The product itself comes first; one that it replaced stands in only where it is gone.
                    self.base.entry(address.clone()).or_insert_with(|| product.clone());
                }
                Presence::Gone => {}
                Presence::NotVisible(reason) => return self.not_visible(address, id, &reason),
                Presence::Asked => return,
            }
        }
        if gone {
            draft.records.push(Entry::Forgotten {
                address: address.clone(),
                id: managed.id.clone(),
                reason: "gone from the cloud and from the files".to_owned(),
                gone: true,
            });
        }
        if self.take_up(&mut draft).is_some() {
            self.drafts.insert(address.clone(), draft);
        }
    }
}
