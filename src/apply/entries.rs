//! The ledger entries of steps. Pure: what happened goes in, an entry comes out.

use std::collections::BTreeMap;

use crate::ledger::entry::{Entry, Failure, Holdings, Started, Succeeded};
use crate::model::{Address, Operation, Request, Step, StepId};
use crate::problem::Problem;

/// A step is about to be sent. `before` is what the product looked like.
pub fn started(step: &Step, request: Request, token: String, before: Holdings) -> Entry {
    Entry::Started(Started {
        step: step.id,
        address: step.address.clone(),
        kind: step.kind,
        token,
        seen: before.operation.clone(),
        before,
        request,
    })
}

/// The operation of a step succeeded.
pub fn succeeded(step: StepId, address: &Address, operation: &Operation) -> Entry {
    let id = Some(operation.id.clone()).filter(|id| !id.is_empty());
    let unconfirmed = operation.status == Operation::NOT_VISIBLE;
    let product = operation.product_id.clone();
    Entry::Succeeded(Succeeded { operation: id, unconfirmed, ..success(step, address, product) })
}

/// The result of a step was found to hold.
pub fn held(step: StepId, address: &Address, product: String, operation: Option<String>) -> Entry {
    Entry::Succeeded(Succeeded { operation, ..success(step, address, product) })
}

/// The result of a step was there before it was sent.
pub fn already(step: &Step, product: String) -> Entry {
    Entry::Succeeded(Succeeded { already: true, ..success(step.id, &step.address, product) })
}

pub fn failed(step: &Step, reason: Failure, problem: &Problem) -> Entry {
    Entry::Failed { step: step.id, address: step.address.clone(), reason, message: problem.message.clone() }
}

/// Another change has taken the place of a step.
pub fn superseded(step: StepId, address: &Address, message: String) -> Entry {
    Entry::Failed { step, address: address.clone(), reason: Failure::Superseded, message }
}

fn success(step: StepId, address: &Address, product: String) -> Succeeded {
    Succeeded {
        step,
        address: address.clone(),
        product,
        operation: None,
        already: false,
        unconfirmed: false,
        sent: BTreeMap::new(),
    }
}
