//! One write, sent until its fate is known; and the secrets that go with it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::watch;

use super::Secrets;
use crate::model::{Argument, Operation, Request};
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
            ProviderError::Throttled(after) => Some((*after).max(pause)),
            ProviderError::Unknown(problem) => {
                doubt.get_or_insert_with(|| problem.clone());
                provider.traits().replays_tokens.then_some(pause)
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

/// A secret shorter than this cannot be taken out of a text: the holes would spell it.
const MASKABLE_CHARACTERS: usize = 4;

/// Takes secrets out of a text that a cloud wrote, also where it quotes them as JSON does.
pub fn mask(text: &str, secrets: &BTreeSet<String>) -> String {
    let quoted = secrets.iter().map(|secret| {
        let json = serde_json::Value::from(secret.as_str()).to_string();
        json[1..json.len() - 1].to_owned()
    });
    let mut forms: Vec<String> = secrets.iter().cloned().chain(quoted).filter(|form| !form.is_empty()).collect();
    // The longest first, so that a secret that contains another leaves no remainder.
    forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
    forms.dedup();
    if forms.iter().any(|form| form.chars().count() < MASKABLE_CHARACTERS && text.contains(form.as_str())) {
        return "(the service's own text is left out: it contains a secret that is too short to be masked)".to_owned();
    }
    let mut masked = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let found = forms.iter().find(|form| rest.starts_with(form.as_str()));
        masked.push_str(if found.is_some() { "(secret)" } else { &rest[..next.len_utf8()] });
        rest = &rest[found.map_or(next.len_utf8(), String::len)..];
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str, secrets: &[&str]) -> String {
        mask(text, &secrets.iter().map(|secret| (*secret).to_owned()).collect())
    }

    #[test]
    fn the_longest_secret_is_masked_first() {
        assert_eq!(masked("not abcdef, nor abcd", &["abcd", "abcdef"]), "not (secret), nor (secret)");
    }

    #[test]
    fn a_secret_is_masked_where_it_is_quoted_too() {
        assert_eq!(masked(r#"{"value": "a\"b\\c"}"#, &["a\"b\\c"]), r#"{"value": "(secret)"}"#);
    }

    #[test]
    fn no_secret_masks_nothing() {
        assert_eq!(masked("as it was", &[""]), "as it was");
    }

    #[test]
    fn a_mask_is_not_masked_and_a_short_secret_leaves_no_holes_to_read_it_from() {
        assert_eq!(masked("broke at hunter2: secret", &["hunter2", "secret"]), "broke at (secret): (secret)");
        assert!(!masked("the resource broke", &["e"]).contains("resourc"));
        assert_eq!(masked("nothing of it", &["zq"]), "nothing of it");
    }
}
