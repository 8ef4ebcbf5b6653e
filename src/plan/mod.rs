//! The plan: what differs, in which order it is changed, and whether it may be. Pure functions on plain data.
//!
//! Nothing in here is async or sees a clock, a file, the environment or a random number: the same files, ledger and
//! live state give the same plan.
//!
//! [`plan`] is one pass: `planner` takes one address after the other and asks `knowledge` for what it must know. What is
//! not known yet becomes a query, and the pass is repeated with the answers, until `assemble` has all that it needs.

mod approval;
mod assemble;
mod asserted;
mod check;
mod consistency;
mod declare;
mod draft;
mod existing;
mod facts;
mod gone;
mod inactive;
mod inputs;
mod knowledge;
mod new;
mod order;
pub mod parameters;
mod pattern;
mod planner;
mod resolve;
pub mod secrets;
mod tags;
mod types;
mod update;

use std::collections::BTreeMap;

use crate::ledger::Ledger;
use crate::model::{Live, Project, Query};
use crate::problem::Problem;
use planner::Planner;

pub use inputs::{Allow, Inputs, Options};
pub use types::{Action, Change, Counts, DeferredUpdate, Drift, Field, FieldDrift, FieldName, Finding, Plan, Shown};

/// The result of one planning pass.
#[derive(Debug)]
pub enum Outcome {
    /// Facts that are missing, by target: observe them, merge them into the live state, and plan again.
    Needs(BTreeMap<String, Query>),
    Plan(Box<Plan>),
}

/// Plans as far as the facts go. Problems of the files stop everything; problems of the world become findings.
pub fn plan(inputs: &Inputs<'_>) -> Result<Outcome, Vec<Problem>> {
    let ordered = order::addresses(inputs).map_err(|cycles| consistency::cycle_problems(inputs, cycles))?;
    let problems = consistency::ledger_problems(inputs);
    if !problems.is_empty() {
        return Err(problems);
    }
    let mut planner = Planner::new(inputs);
    if !inputs.options.destroy {
        for address in &ordered {
            planner.declared(&inputs.project.desired[address]);
        }
    }
    let left_out = inputs.moves_left_out();
    for (address, managed) in &inputs.ledger.managed {
        let reached = inputs.project.targets.contains_key(&address.target);
        let stays = inputs.is_wanted(address) || planner.moved.contains(address) || left_out.contains(address);
        if inputs.scope.contains(address) && reached && !stays {
            planner.undeclared(address, managed);
        }
    }
    planner.abandoned();
    if planner.knowledge.is_complete() {
        let lost = consistency::lost(inputs, |address, _| !planner.moved.contains(address));
        planner.problems.extend(lost);
    }
    // Problems wait for the last answer: they are told all at once, and what is still to be read may hold more.
    if !planner.knowledge.is_complete() {
        return Ok(Outcome::Needs(planner.knowledge.into_wanted()));
    }
    if !planner.problems.is_empty() {
        let mut problems = planner.problems;
        problems.sort_by(|a, b| (&a.place, &a.message).cmp(&(&b.place, &b.message)));
        problems.dedup();
        return Err(problems);
    }
    Ok(Outcome::Plan(Box::new(assemble::assemble(inputs, planner))))
}

/// The problems of the files that only all of them together show; needs neither ledger nor cloud.
pub fn validate(project: &Project) -> Result<(), Vec<Problem>> {
    let (ledger, live, options) = (Ledger::default(), Live::new(), Options::default());
    let inputs = Inputs::new(project, &ledger, &live, &options);
    order::addresses(&inputs).map(|_| ()).map_err(|cycles| consistency::cycle_problems(&inputs, cycles))
}
