//! Which steps may start. Pure bookkeeping: constant work per step and edge.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Step, StepId};

/// What is still to be done of a plan.
pub struct Board {
    /// How many steps each one still waits for.
    open: BTreeMap<StepId, usize>,
    dependents: BTreeMap<StepId, Vec<StepId>>,
    ready: BTreeSet<StepId>,
}

impl Board {
    pub fn new(steps: &[Step]) -> Self {
        let mut board = Board { open: BTreeMap::new(), dependents: BTreeMap::new(), ready: BTreeSet::new() };
        for step in steps {
            board.open.insert(step.id, step.after.len());
            for before in &step.after {
                board.dependents.entry(*before).or_default().push(step.id);
            }
            if step.after.is_empty() {
                board.ready.insert(step.id);
            }
        }
        board
    }

    /// Steps that wait for nothing, in the plan's order.
    pub fn ready(&self) -> impl Iterator<Item = StepId> + '_ {
        self.ready.iter().copied()
    }

    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// A step is being worked on.
    pub fn take(&mut self, step: StepId) {
        self.ready.remove(&step);
        self.open.remove(&step);
    }

    /// A step succeeded: what waited for it alone becomes ready.
    pub fn succeeded(&mut self, step: StepId) {
        for next in self.dependents.remove(&step).unwrap_or_default() {
            if let Some(open) = self.open.get_mut(&next) {
                *open -= 1;
                if *open == 0 {
                    self.ready.insert(next);
                }
            }
        }
    }

    /// A step did not succeed: everything that waits for it, near or far, will not start. Returned in order.
    pub fn cut(&mut self, step: StepId) -> BTreeSet<StepId> {
        let mut lost = BTreeSet::new();
        let mut queue = vec![step];
        while let Some(at) = queue.pop() {
            for next in self.dependents.remove(&at).unwrap_or_default() {
                if self.open.remove(&next).is_some() {
                    lost.insert(next);
                    queue.push(next);
                }
            }
        }
        lost
    }

    /// Everything that was neither taken nor cut off.
    pub fn rest(&self) -> BTreeSet<StepId> {
        self.open.keys().copied().collect()
    }
}
