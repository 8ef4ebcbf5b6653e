//! Which steps may start. Pure bookkeeping: constant work per step and edge, however many are ready.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Step, StepId};

/// What is still to be done of a plan.
pub struct Board<'p> {
    steps: &'p [Step],
    /// How many steps each one still waits for.
    open: BTreeMap<StepId, usize>,
    dependents: BTreeMap<StepId, Vec<StepId>>,
    /// By target, because each has its own room.
    ready: BTreeMap<&'p str, BTreeSet<StepId>>,
    /// Targets in which nothing more is started.
    closed: BTreeSet<&'p str>,
}

impl<'p> Board<'p> {
    pub fn new(steps: &'p [Step]) -> Self {
        let mut board = Board {
            steps,
            open: BTreeMap::new(),
            dependents: BTreeMap::new(),
            ready: BTreeMap::new(),
            closed: BTreeSet::new(),
        };
        for step in steps {
            board.open.insert(step.id, step.after.len());
            for before in &step.after {
                board.dependents.entry(*before).or_default().push(step.id);
            }
            if step.after.is_empty() {
                board.queue(step.id);
            }
        }
        board
    }

    pub fn step(&self, id: StepId) -> &'p Step {
        // Steps are numbered from 1 in the plan's order.
        &self.steps[id.0 as usize - 1]
    }

    fn queue(&mut self, id: StepId) {
        let target = self.step(id).address.target.as_str();
        if !self.closed.contains(target) {
            self.ready.entry(target).or_default().insert(id);
        }
    }

    /// Steps that wait for nothing, by target and in the plan's order.
    pub fn ready(&self) -> impl Iterator<Item = (&'p str, &BTreeSet<StepId>)> {
        self.ready.iter().map(|(target, steps)| (*target, steps))
    }

    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Whether some step was neither taken nor cut off.
    pub fn has_rest(&self) -> bool {
        !self.open.is_empty()
    }

    /// A step is being worked on.
    pub fn take(&mut self, id: StepId) {
        self.open.remove(&id);
        let target = self.step(id).address.target.as_str();
        if let Some(ready) = self.ready.get_mut(target) {
            ready.remove(&id);
            if ready.is_empty() {
                self.ready.remove(target);
            }
        }
    }

    /// Nothing more is started in this target; what is ready or will be stays in [`Board::rest`].
    pub fn close(&mut self, target: &str) {
        if let Some(step) = self.steps.iter().find(|step| step.address.target == target) {
            self.closed.insert(step.address.target.as_str());
        }
        self.ready.remove(target);
    }

    /// A step succeeded: what waited for it alone becomes ready.
    pub fn succeeded(&mut self, step: StepId) {
        for next in self.dependents.remove(&step).unwrap_or_default() {
            if let Some(open) = self.open.get_mut(&next) {
                *open -= 1;
                if *open == 0 {
                    self.queue(next);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Address, Request, StepKind};

    fn step(id: u32, target: &str, after: &[u32]) -> Step {
        Step {
            id: StepId(id),
            address: Address::new(format!("p{id}"), target),
            kind: StepKind::Terminate,
            after: after.iter().copied().map(StepId).collect(),
            request: Request::Terminate { id: format!("pp-{id}") },
            timeout_seconds: 60,
        }
    }

    fn ready(board: &Board<'_>) -> Vec<u32> {
        board.ready().flat_map(|(_, steps)| steps).map(|id| id.0).collect()
    }

    #[test]
    fn a_step_is_ready_when_the_last_of_those_before_it_succeeded() {
        let steps = [step(1, "a", &[]), step(2, "a", &[]), step(3, "a", &[1, 2])];
        let mut board = Board::new(&steps);
        assert_eq!(ready(&board), [1, 2]);
        board.take(StepId(1));
        board.take(StepId(2));
        board.succeeded(StepId(1));
        assert!(!board.has_ready());
        board.succeeded(StepId(2));
        assert_eq!(ready(&board), [3]);
    }

    #[test]
    fn a_failure_cuts_off_what_waits_for_it_and_nothing_else() {
        let steps = [step(1, "a", &[]), step(2, "a", &[1]), step(3, "a", &[2]), step(4, "a", &[])];
        let mut board = Board::new(&steps);
        board.take(StepId(1));
        assert_eq!(board.cut(StepId(1)), BTreeSet::from([StepId(2), StepId(3)]));
        assert_eq!(board.rest(), BTreeSet::from([StepId(4)]));
        assert_eq!(ready(&board), [4]);
    }

    #[test]
    fn a_closed_target_starts_nothing_more_and_the_others_go_on() {
        let steps = [step(1, "a", &[]), step(2, "b", &[]), step(3, "a", &[2]), step(4, "b", &[2])];
        let mut board = Board::new(&steps);
        board.close("a");
        assert_eq!(ready(&board), [2]);
        board.take(StepId(2));
        board.succeeded(StepId(2));
        assert_eq!(ready(&board), [4]);
        assert!(board.rest().contains(&StepId(1)) && board.rest().contains(&StepId(3)));
    }
}
