//! Whether a request that was started, and not seen to be accepted, has arrived.

use std::collections::BTreeSet;
use std::time::Duration;

use super::elapsed;
use crate::ledger::Unsettled;
use crate::model::principal::is_owner;
use crate::model::{
    Observation, Operation, OperationState, Pending, ProvisionedProduct, Query, Request, Status, StepKind,
};
use crate::provider::{Provider, ProviderError};

/// How far a cloud's clock may be from ours: beyond it, it refuses requests.
const CLOCKS_APART: Duration = Duration::from_secs(15 * 60);

/// What one look at an unsettled step tells.
pub enum Verdict {
    /// Its result holds.
    Holds { product: String, operation: Option<String> },
    /// This operation is the step's.
    Operation(Operation),
    /// Something that may be the step's is running; when it has ended, the product tells.
    Busy,
    /// It can be sent again with its token.
    Resend,
    /// Nothing of it is there; it may still come.
    NotThere,
    /// It cannot be told apart from what somebody else did since.
    Superseded(String),
    /// Nothing can be said now.
    Unclear(String),
}

/// An operation of which only this much is known.
pub fn accepted(operation: &str, product: &str) -> Operation {
    Operation {
        id: operation.to_owned(),
        product_id: product.to_owned(),
        state: OperationState::Running,
        status: String::new(),
        kind: String::new(),
        version_id: None,
        path_id: None,
        updated: None,
    }
}

/// Looks at the product of a step that was started and not seen to arrive.
pub async fn look(provider: &dyn Provider, step: &Unsettled) -> Result<Verdict, ProviderError> {
    let started = &step.started;
    let id = started.request.product();
    let replays = provider.traits().replays_tokens;
    match (&started.request, started.request.change()) {
        (Request::Prepare { .. }, _) => return handed_in(provider, step).await,
        (Request::Execute { preparation, .. }, _) => return carried_out(provider, preparation).await,
        // The token decides: a launch that arrived is answered with its record, one that did not is carried out.
        (_, Request::Provision { .. }) if replays => return Ok(Verdict::Resend),
        (_, Request::Provision { name, product_id, .. }) => return launched(provider, step, name, product_id).await,
        _ => {}
    }
    let mut query = Query { confirm: BTreeSet::from([id.to_owned()]), ..Query::default() };
    if started.kind == StepKind::SetLaunchRole {
        query.launch_roles.insert(id.to_owned());
    }
    let seen = provider.observe(&query).await?;
    if seen.gone.contains(id) {
        return Ok(match started.kind {
            StepKind::Terminate => Verdict::Holds { product: id.to_owned(), operation: None },
            _ => Verdict::Superseded(format!("{id} does not exist any more")),
        });
    }
    let Some(product) = seen.products.get(id) else {
        return Ok(Verdict::Unclear(format!("{id} cannot be seen")));
    };
    let untouched = product.last_operation == started.seen;
    // What held before it was sent says nothing about whether it arrived.
    if holds(&started.request, product, &seen) && !(untouched && is_sent_again(&started.request)) {
        return Ok(Verdict::Holds { product: id.to_owned(), operation: product.last_operation.clone() });
    }
    if untouched {
        return Ok(if replays { Verdict::Resend } else { Verdict::NotThere });
    }
    newer(provider, step, product).await
}

fn is_sent_again(request: &Request) -> bool {
    matches!(request, Request::SetOwner { again: true, .. } | Request::SetLaunchRole { again: true, .. })
}

/// Whether a launch that cannot be sent twice has arrived. Nothing had its name when it was sent, so what has it now and
/// was made since is its work.
async fn launched(
    provider: &dyn Provider,
    step: &Unsettled,
    name: &str,
    product_id: &str,
) -> Result<Verdict, ProviderError> {
    let query = Query { names: BTreeSet::from([name.to_owned()]), ..Query::default() };
    let seen = provider.observe(&query).await?;
    let named: Vec<&ProvisionedProduct> = seen.products.values().filter(|product| product.name == name).collect();
    let new = |product: &ProvisionedProduct| {
        product.product_id == product_id && product.created.is_none_or(|at| elapsed(at, step.at) <= CLOCKS_APART)
    };
    Ok(match named.as_slice() {
        [] => Verdict::NotThere,
        [product] if new(product) => {
            let operation = product.last_operation.as_deref().unwrap_or_default();
            Verdict::Operation(accepted(operation, &product.id))
        }
        [product] => Verdict::Superseded(format!("{} is named `{name}` and is not its work", product.id)),
        several => {
            let ids: Vec<&str> = several.iter().map(|product| product.id.as_str()).collect();
            Verdict::Unclear(format!("{} are all named `{name}`, and one may be its work", ids.join(", ")))
        }
    })
}

/// Whether a change that was handed in has arrived: it carries the step's token as its name.
async fn handed_in(provider: &dyn Provider, step: &Unsettled) -> Result<Verdict, ProviderError> {
    let token = &step.started.token;
    let query = Query { preparations: BTreeSet::from([token.clone()]), ..Query::default() };
    let mut seen = provider.observe(&query).await?;
    Ok(seen.operations.remove(token).map_or(Verdict::NotThere, Verdict::Operation))
}

/// Whether what was approved is being carried out.
async fn carried_out(provider: &dyn Provider, preparation: &str) -> Result<Verdict, ProviderError> {
    let query = Query { operations: BTreeSet::from([preparation.to_owned()]), ..Query::default() };
    let mut seen = provider.observe(&query).await?;
    Ok(match seen.operations.remove(preparation) {
        None => Verdict::Unclear(format!("{preparation} cannot be read")),
        Some(operation) if operation.kind == Operation::EXECUTION => Verdict::Operation(operation),
        Some(_) => Verdict::NotThere,
    })
}

/// Whether the newest operation of a product is the step's own.
async fn newer(
    provider: &dyn Provider,
    step: &Unsettled,
    product: &ProvisionedProduct,
) -> Result<Verdict, ProviderError> {
    let Some(last) = &product.last_operation else {
        return Ok(Verdict::Superseded("its operations cannot be seen".to_owned()));
    };
    let between = || Ok(Verdict::Superseded(format!("operation {last} came in between")));
    // A change of owner or launch role is no provisioning operation, whatever its record calls itself.
    let provisioning = product.last_provisioning.as_ref() == Some(last);
    if provisioning == matches!(step.started.kind, StepKind::SetOwner | StepKind::SetLaunchRole) {
        return between();
    }
    let query = Query { operations: BTreeSet::from([last.clone()]), ..Query::default() };
    let mut seen = provider.observe(&query).await?;
    let Some(operation) = seen.operations.remove(last) else {
        return Ok(Verdict::Unclear(format!("operation {last} came in between and cannot be read")));
    };
    let kind = operation.kind.to_uppercase();
    match &step.started.request {
        Request::Update { version_id, .. }
            if kind.contains("UPDATE") && operation.version_id.as_ref() == Some(version_id) =>
        {
            Ok(Verdict::Operation(operation))
        }
        Request::Terminate { .. } if kind.contains("TERMINATE") => Ok(Verdict::Operation(operation)),
        // Its record does not say what it changes to; the product will, and what was seen of it while the operation ran
        // does not.
        Request::SetOwner { .. } | Request::SetLaunchRole { .. }
            if operation.state == OperationState::Running || product.status == Status::UnderChange =>
        {
            Ok(Verdict::Busy)
        }
        _ => between(),
    }
}

fn holds(request: &Request, product: &ProvisionedProduct, seen: &Observation) -> bool {
    match request.change() {
        Request::SetOwner { owner, .. } => is_owner(owner, product),
        Request::SetLaunchRole { id, role, .. } => {
            seen.launch_roles.get(id).is_some_and(|now| now.as_deref() == Some(role.as_str()))
        }
        Request::Provision { .. }
        | Request::Update { .. }
        | Request::Terminate { .. }
        | Request::Prepare { .. }
        | Request::Execute { .. } => false,
    }
}

/// An operation that nobody can see any more, or that never showed, of a product that is gone or shows another one: this
/// is not the world that it was sent to, or it has been forgotten. The next plan compares with what there is.
pub async fn vanished(provider: &dyn Provider, pending: Pending) -> Option<Verdict> {
    let Pending { kind, operation, after } = pending;
    // What is handed in is no operation of the product.
    let handed_in = matches!(kind, StepKind::Prepare | StepKind::Execute);
    let unnamed = operation.id.is_empty();
    if handed_in || (operation.status != Operation::NOT_VISIBLE && !unnamed) {
        return None;
    }
    let id = &operation.product_id;
    let query = Query { confirm: BTreeSet::from([id.clone()]), ..Query::default() };
    let seen = provider.observe(&query).await.ok()?;
    if seen.gone.contains(id) {
        let known = Some(operation.id.clone()).filter(|_| !unnamed);
        return Some(match kind {
            StepKind::Terminate => Verdict::Holds { product: id.clone(), operation: known },
            _ if unnamed => Verdict::Superseded(format!("{id} is not known any more")),
            _ => Verdict::Superseded(format!("neither {} nor {id} is known any more", operation.id)),
        });
    }
    let product = seen.products.get(id).filter(|product| product.status != Status::UnderChange)?;
    match &product.last_operation {
        last if unnamed && *last == after => Some(Verdict::Superseded(format!("{id} shows nothing of it"))),
        Some(last) if !unnamed && *last == operation.id => None,
        _ if unnamed => None,
        _ => Some(Verdict::Superseded(format!("{} is not known any more, and {id} shows another", operation.id))),
    }
}
