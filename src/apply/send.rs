//! One write, sent until its fate is known; and the secrets that go with it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::watch;

use super::Secrets;
use crate::model::{Argument, Operation, Query, Request, Status};
use crate::problem::Problem;
use crate::provider::{Provider, ProviderError};
use crate::seam::Clock;

/// How often a write whose fate is unknown, or that is throttled, is sent again with the same token.
const SENDS_MAX: u32 = 6;

/// Sends one write until its fate is known, its tries are used up, or a person asks to stop. With the same token a
/// cloud that replays tokens does it once.
///
/// Once an answer was lost, only an acceptance removes the doubt: a refusal or a throttle that follows may be about the
/// second copy of a request that was carried out.
pub async fn submit(
    provider: &dyn Provider,
    clock: &dyn Clock,
    interrupt: &watch::Receiver<bool>,
    request: &Request,
    token: &str,
) -> Result<Operation, ProviderError> {
    let replays = provider.traits().replays_tokens;
    let mut pause = Duration::from_secs(1);
    let mut doubt = None;
    let mut sends = 0;
    loop {
        sends += 1;
        let error = match provider.submit(request, token).await {
            Ok(operation) => return Ok(operation),
            Err(error) => error,
        };
        let again = match &error {
            ProviderError::Throttled(after) if replays => Some((*after).max(pause)),
            // Something on the way may have sent it twice, so nothing is repeated without a look.
            ProviderError::Throttled(after) => {
                sleep(clock, interrupt, (*after).max(pause)).await;
                if may_have_arrived(provider, request).await {
                    let problem = error.into_problem();
                    return Err(ProviderError::Unknown(doubt.unwrap_or(problem)));
                }
                Some(Duration::ZERO)
            }
            ProviderError::Unknown(problem) => {
                doubt.get_or_insert_with(|| problem.clone());
                replays.then_some(pause)
            }
            ProviderError::Rejected(_) => None,
        };
        match again {
            Some(wait) if sends < SENDS_MAX && !*interrupt.borrow() => sleep(clock, interrupt, wait).await,
            _ => return Err(doubt.map_or(error, ProviderError::Unknown)),
        }
        pause *= 2;
    }
}

/// Whether a request that was throttled may have been carried out all the same. What cannot be looked at may have.
async fn may_have_arrived(provider: &dyn Provider, request: &Request) -> bool {
    let query = match request {
        Request::Provision { name, .. } => Query { names: BTreeSet::from([name.clone()]), ..Query::default() },
        Request::Update { id, .. } | Request::Terminate { id } => {
            Query { confirm: BTreeSet::from([id.clone()]), ..Query::default() }
        }
        // Their own look tells by the token or the approved change.
        Request::Prepare { .. } | Request::Execute { .. } => return true,
        Request::SetOwner { .. } | Request::SetLaunchRole { .. } => return false,
    };
    let Ok(seen) = provider.observe(&query).await else { return true };
    match request {
        Request::Provision { name, .. } => seen.products.values().any(|product| product.name == *name),
        _ => !seen.gone.is_empty() || seen.products.values().any(|product| product.status == Status::UnderChange),
    }
}

/// Sleeps, or less if a person asks to stop.
pub async fn sleep(clock: &dyn Clock, interrupt: &watch::Receiver<bool>, duration: Duration) {
    let mut interrupt = interrupt.clone();
    let stop = async {
        // Nobody is left who could ask.
        if interrupt.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        biased;
        () = clock.sleep(duration) => {}
        () = stop => {}
    }
}

/// The request with its secrets' values, and those values.
pub fn unseal(request: &Request, secrets: Secrets<'_>) -> Result<(Request, Vec<String>), Problem> {
    let mut sealed = request.clone();
    let mut values = Vec::new();
    // What is carried out was handed in with its secrets.
    if matches!(request, Request::Execute { .. }) {
        return Ok((sealed, values));
    }
    for argument in sealed.parameters_mut().into_iter().flat_map(BTreeMap::values_mut) {
        if let Argument::Secret(reference) = argument {
            let value = secrets(reference)?;
            values.push(value.clone());
            *argument = Argument::Value(value);
        }
    }
    Ok((sealed, values))
}
