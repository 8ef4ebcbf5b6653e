//! What earlier runs left open, finished before anything new is planned.
//!
//! Settling looks first. A step whose result holds has succeeded; one whose operation is known is waited for; one that
//! was never seen to arrive is sent again with the same token, unless the world has moved on without it. There is no
//! other way back: whatever stays undone shows in the next plan.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::{Context, Providers, elapsed, mask, submit, unseal};
use crate::ledger::Unsettled;
use crate::ledger::entry::{Entry, Failure, Succeeded};
use crate::model::{
    Address, Argument, Desired, Event, Observation, Operation, OperationState, ProvisionedProduct, Query, Request,
    StepKind, Value,
};
use crate::plan::is_owner;
use crate::problem::Problem;
use crate::provider::{Provider, ProviderError};

const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// What settling came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Settled {
    /// Whether a write was sent: from then on the run may no longer end with an exit code that promises the opposite.
    pub wrote: bool,
    pub failed: u32,
    /// Still running, or not to be seen.
    pub open: u32,
}

/// What one look at an unsettled step tells.
enum Verdict {
    /// Its result holds.
    Holds { product: String, operation: Option<String> },
    /// This operation is the step's.
    Operation(Operation),
    /// It can be sent again with its token.
    Resend,
    /// It cannot be told apart from what somebody else did since.
    Superseded(String),
    /// Nothing can be said now.
    Unclear(String),
}

/// Settles every unsettled step of the ledger.
pub async fn settle(context: &mut Context<'_>, desired: &Desired) -> Result<Settled, Problem> {
    let mut settled = Settled::default();
    let mut running: BTreeMap<Address, Operation> = BTreeMap::new();
    let unsettled = context.journal.ledger().unsettled.clone();
    for (address, step) in &unsettled {
        let Some(provider) = context.providers.get(&address.target).map(Arc::clone) else { continue };
        let verdict = match &step.submitted {
            Some((operation, product)) => Verdict::Operation(pending(operation, product)),
            None => look(provider.as_ref(), step).await.unwrap_or_else(|e| Verdict::Unclear(e.into_problem().message)),
        };
        match verdict {
            Verdict::Resend => match resend(context, provider.as_ref(), address, step, desired, &mut settled).await? {
                Some(operation) => {
                    accept(context, address, step, &operation).await?;
                    running.insert(address.clone(), operation);
                }
                None => continue,
            },
            Verdict::Operation(operation) => {
                if step.submitted.is_none() {
                    accept(context, address, step, &operation).await?;
                }
                running.insert(address.clone(), operation);
            }
            Verdict::Holds { product, operation } => {
                succeed(context, address, step, product, operation, false).await?;
            }
            Verdict::Superseded(why) => fail(context, address, step, Failure::Superseded, &why, &mut settled).await?,
            Verdict::Unclear(why) => {
                settled.open += 1;
                tell(context, address, step, format!("left open: {why}"));
            }
        }
    }
    wait(context, &unsettled, running, &mut settled).await?;
    Ok(settled)
}

fn pending(operation: &str, product: &str) -> Operation {
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
async fn look(provider: &dyn Provider, step: &Unsettled) -> Result<Verdict, ProviderError> {
    let started = &step.started;
    let id = started.request.product();
    if started.kind == StepKind::Provision {
        // The token decides: a launch that arrived is answered with its record, one that did not is carried out.
        return Ok(if provider.traits().replays_tokens {
            Verdict::Resend
        } else {
            Verdict::Unclear("this cloud cannot tell whether the launch arrived".to_owned())
        });
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
    if holds(&started.request, product, &seen) {
        return Ok(Verdict::Holds { product: id.to_owned(), operation: product.last_operation.clone() });
    }
    if product.last_operation == started.seen {
        return Ok(if provider.traits().replays_tokens {
            Verdict::Resend
        } else {
            Verdict::Unclear("this cloud cannot tell whether the request arrived".to_owned())
        });
    }
    newer(provider, step, product).await
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
    let query = Query { operations: BTreeSet::from([last.clone()]), ..Query::default() };
    let mut seen = provider.observe(&query).await?;
    let Some(operation) = seen.operations.remove(last) else {
        return Ok(Verdict::Superseded(format!("operation {last} came in between and cannot be read")));
    };
    let ours = match &step.started.request {
        Request::Update { version_id, .. } => {
            operation.kind.contains("UPDATE") && operation.version_id.as_ref() == Some(version_id)
        }
        Request::Terminate { .. } => operation.kind.contains("TERMINATE"),
        Request::Provision { .. } | Request::SetLaunchRole { .. } | Request::SetOwner { .. } => false,
    };
    Ok(if ours {
        Verdict::Operation(operation)
    } else {
        Verdict::Superseded(format!("operation {last} came in between"))
    })
}

fn holds(request: &Request, product: &ProvisionedProduct, seen: &Observation) -> bool {
    match request {
        Request::SetOwner { owner, .. } => is_owner(owner, product),
        Request::SetLaunchRole { id, role } => {
            seen.launch_roles.get(id).is_some_and(|now| now.as_deref() == Some(role.as_str()))
        }
        Request::Provision { .. } | Request::Update { .. } | Request::Terminate { .. } => false,
    }
}

/// Sends a step again with its own token. `None` when it has been settled otherwise.
async fn resend(
    context: &mut Context<'_>,
    provider: &dyn Provider,
    address: &Address,
    step: &Unsettled,
    desired: &Desired,
    settled: &mut Settled,
) -> Result<Option<Operation>, Problem> {
    if let Some(why) = secret_moved(address, &step.started.request, desired) {
        fail(context, address, step, Failure::Superseded, &why, settled).await?;
        return Ok(None);
    }
    let (sealed, values) = match unseal(&step.started.request, context.secrets) {
        Ok(unsealed) => unsealed,
        Err(problem) => {
            fail(context, address, step, Failure::Superseded, &problem.message, settled).await?;
            return Ok(None);
        }
    };
    settled.wrote = true;
    match submit(provider, context.clock.as_ref(), &sealed, &step.started.token).await {
        Ok(operation) => Ok(Some(operation)),
        Err(ProviderError::Unknown(problem)) => {
            settled.open += 1;
            tell(context, address, step, format!("left open: {}", problem.message));
            Ok(None)
        }
        Err(error) => {
            let values: BTreeSet<String> = values.into_iter().collect();
            let message = mask(&error.into_problem().message, &values);
            fail(context, address, step, Failure::Rejected, &message, settled).await?;
            Ok(None)
        }
    }
}

/// A secret whose version has changed in the files since: sending the old request would bring the old version back.
fn secret_moved(address: &Address, request: &Request, desired: &Desired) -> Option<String> {
    let declared = desired.get(address)?.parameters.as_ref()?;
    request.parameters()?.iter().find_map(|(key, argument)| match (argument, declared.get(key).map(|v| &v.value)) {
        (Argument::Secret(sent), Some(Value::Secret(now))) if sent == now => None,
        (Argument::Secret(_), _) => Some(format!("the secret of `parameters.{key}` has changed since")),
        _ => None,
    })
}

async fn wait(
    context: &mut Context<'_>,
    unsettled: &BTreeMap<Address, Unsettled>,
    mut running: BTreeMap<Address, Operation>,
    settled: &mut Settled,
) -> Result<(), Problem> {
    let since = context.clock.now();
    while !running.is_empty() && !context.interrupted() {
        poll(context.providers, &mut running).await?;
        let ended: Vec<Address> = running
            .iter()
            .filter(|(address, operation)| {
                // Only whoever gave a product away stops seeing its operation for good.
                let hidden = operation.status == Operation::NOT_VISIBLE;
                operation.state != OperationState::Running
                    || (hidden && unsettled[*address].started.kind == StepKind::SetOwner)
            })
            .map(|(address, _)| address.clone())
            .collect();
        for address in ended {
            let Some(operation) = running.remove(&address) else { continue };
            let step = &unsettled[&address];
            let hidden = operation.status == Operation::NOT_VISIBLE;
            match operation.state {
                OperationState::Failed(text) => {
                    fail(context, &address, step, Failure::Operation, &text, settled).await?;
                }
                OperationState::Succeeded | OperationState::Running => {
                    succeed(context, &address, step, operation.product_id, Some(operation.id), hidden).await?;
                }
            }
        }
        let waited = elapsed(since, context.clock.now());
        let limit = |address: &Address| {
            let seconds = context.journal.ledger().managed.get(address).map_or(0, |m| m.declaration.timeout_seconds);
            Duration::from_secs(if seconds == 0 { 3600 } else { seconds })
        };
        let overdue: Vec<Address> = running.keys().filter(|address| waited >= limit(address)).cloned().collect();
        for address in overdue {
            running.remove(&address);
            settled.open += 1;
            tell(context, &address, &unsettled[&address], "still running".to_owned());
        }
        if !running.is_empty() {
            let names: Vec<String> = running.keys().map(ToString::to_string).collect();
            (context.tell)(&Event::Waiting { on: names.join(", ") });
            context.sleep(POLL_INTERVAL).await;
        }
    }
    settled.open += running.len() as u32;
    Ok(())
}

async fn poll(providers: &Providers, running: &mut BTreeMap<Address, Operation>) -> Result<(), Problem> {
    let targets: BTreeSet<String> = running.keys().map(|address| address.target.clone()).collect();
    for target in targets {
        let asked: Vec<Operation> =
            running.iter().filter(|(address, _)| address.target == target).map(|(_, o)| o.clone()).collect();
        let answers = providers[&target].poll(&asked).await.map_err(ProviderError::into_problem)?;
        for answer in answers {
            if let Some(operation) = running.values_mut().find(|operation| operation.id == answer.id) {
                *operation = answer;
            }
        }
    }
    Ok(())
}

async fn accept(
    context: &mut Context<'_>,
    address: &Address,
    step: &Unsettled,
    operation: &Operation,
) -> Result<(), Problem> {
    let entry = Entry::Submitted {
        step: step.started.step,
        address: address.clone(),
        operation: operation.id.clone(),
        product: operation.product_id.clone(),
    };
    context.append(vec![entry]).await
}

async fn succeed(
    context: &mut Context<'_>,
    address: &Address,
    step: &Unsettled,
    product: String,
    operation: Option<String>,
    unconfirmed: bool,
) -> Result<(), Problem> {
    let entry = Entry::Succeeded(Succeeded {
        step: step.started.step,
        address: address.clone(),
        product,
        operation,
        already: false,
        unconfirmed,
        sent: BTreeMap::new(),
    });
    context.append(vec![entry]).await?;
    tell(context, address, step, "succeeded".to_owned());
    Ok(())
}

async fn fail(
    context: &mut Context<'_>,
    address: &Address,
    step: &Unsettled,
    reason: Failure,
    message: &str,
    settled: &mut Settled,
) -> Result<(), Problem> {
    settled.failed += 1;
    let entry =
        Entry::Failed { step: step.started.step, address: address.clone(), reason, message: message.to_owned() };
    context.append(vec![entry]).await?;
    let what = match reason {
        Failure::Superseded => format!("not carried on: {message}"),
        _ => format!("failed: {message}"),
    };
    tell(context, address, step, what);
    Ok(())
}

fn tell(context: &mut Context<'_>, address: &Address, step: &Unsettled, outcome: String) {
    (context.tell)(&Event::Settled { address: address.clone(), kind: step.started.kind, outcome });
}
