//! Secrets that come back. What is sent to a parameter without NoEcho stands in the stack for everybody, a template can
//! make an output of any parameter, and a failure's text may quote what was sent.

use std::collections::{BTreeMap, BTreeSet};

use super::knowledge::{Fact, Presence};
use super::planner::Planner;
use super::{FieldName, Inputs, Shown};
use crate::ledger::Ledger;
use crate::model::secret::Sieve;
use crate::model::{Address, Argument, Desired, LiveParameters, Observation, OperationState, SecretRef, Value};
use crate::problem::Problem;

/// The secrets of one address: the parameter of each, and where its value comes from.
pub type Secrets = BTreeSet<(String, SecretRef)>;

/// What the files declare to be a secret of an address.
fn declared<'a>(desired: &'a Desired, address: &Address) -> impl Iterator<Item = (&'a String, &'a SecretRef)> {
    let parameters = desired.get(address).and_then(|spec| spec.parameters.as_ref());
    parameters.into_iter().flatten().filter_map(|(key, value)| match &value.value {
        Value::Secret(secret) => Some((key, secret)),
        _ => None,
    })
}

/// What the ledger knows to have been sent to an address as a secret.
fn applied<'a>(ledger: &'a Ledger, address: &Address) -> impl Iterator<Item = (&'a String, &'a SecretRef)> {
    let managed = ledger.managed.get(address);
    managed.into_iter().flat_map(|managed| &managed.applied.parameters).filter_map(|(key, sent)| match sent {
        Argument::Secret(secret) => Some((key, secret)),
        _ => None,
    })
}

/// Every secret of an address, declared or applied.
#[must_use]
pub fn secrets(desired: &Desired, ledger: &Ledger, address: &Address) -> Secrets {
    let all = declared(desired, address).chain(applied(ledger, address));
    all.map(|(key, secret)| (key.clone(), secret.clone())).collect()
}

/// The secrets of everything that has some.
pub fn all(inputs: &Inputs<'_>) -> BTreeMap<Address, Secrets> {
    let addresses: BTreeSet<&Address> = inputs.project.desired.keys().chain(inputs.ledger.managed.keys()).collect();
    let of = |address: &Address| secrets(&inputs.project.desired, inputs.ledger, address);
    addresses.into_iter().map(|address| (address.clone(), of(address))).filter(|(_, all)| !all.is_empty()).collect()
}

impl<'a> Planner<'a> {
    /// What finds the secrets of a product that its stack shows, by parameter.
    pub(super) fn bare_secrets(&mut self, address: &Address, id: &str) -> Fact<Vec<(String, Sieve)>> {
        let inputs = self.inputs;
        let of = |address: &Address| secrets(&inputs.project.desired, inputs.ledger, address);
        let target = inputs.project.targets.get(&address.target);
        // The ledger may know it under the address that it had before.
        let before = target.and_then(|target| inputs.address_of_id(target, id)).map(of);
        let all: BTreeMap<String, SecretRef> = of(address).into_iter().chain(before.into_iter().flatten()).collect();
        if all.is_empty() {
            return Fact::Known(Vec::new());
        }
        let product = match self.knowledge.presence(&address.target, id) {
            Presence::There(product) if product.kind == inputs.traits(address).stack_kind => product,
            Presence::There(_) => return Fact::Known(Vec::new()),
            Presence::Gone => return Fact::Unreadable("it is gone".to_owned()),
            Presence::NotVisible(reason) => return Fact::Unreadable(reason),
            Presence::Asked => return Fact::Asked,
        };
        match self.knowledge.parameters(&address.target, product) {
            Fact::Known(stack) => {
                let bare = bare(all.keys(), stack);
                Fact::Known(bare.map(|(key, value)| (key.clone(), sieve(value))).collect())
            }
            Fact::Unreadable(reason) => Fact::Unreadable(reason),
            Fact::Asked => Fact::Asked,
        }
    }

    /// Takes what stacks show of secrets out of everything that is about to be shown.
    pub(super) fn scrub(&mut self) {
        let inputs = self.inputs;
        let mut values = BTreeSet::new();
        for (address, secrets) in all(inputs) {
            let id = self.base.get(&address).map(|product| &product.id);
            let id = id.or_else(|| inputs.ledger.managed.get(&address).map(|managed| &managed.id));
            let seen = inputs.live.get(&address.target);
            if let Some(stack) = id.zip(seen).and_then(|(id, seen)| seen.parameters.get(id)) {
                let keys: BTreeSet<String> = secrets.into_iter().map(|(key, _)| key).collect();
                values.extend(bare(keys.iter(), stack).map(|(_, value)| value.to_owned()));
            }
        }
        if values.is_empty() {
            return;
        }
        let sieve = Sieve::new(values);
        for field in self.drafts.values_mut().flat_map(|draft| &mut draft.fields) {
            if let FieldName::Parameter(_) | FieldName::Tag(_) = field.name {
                for shown in [&mut field.before, &mut field.after] {
                    if let Shown::Text(text) | Shown::Default(text) = shown
                        && sieve.catches(text)
                    {
                        *shown = Shown::Masked;
                    }
                }
            }
        }
        for finding in &mut self.findings {
            finding.problem.message = sieve.mask(&finding.problem.message);
        }
    }
}

/// The secrets among a stack's parameters that it shows.
pub fn bare<'k, 'v>(
    keys: impl Iterator<Item = &'k String>,
    stack: &'v LiveParameters,
) -> impl Iterator<Item = (&'k String, &'v str)> {
    keys.filter_map(|key| Some((key, stack.parameters.get(key).filter(|live| !live.masked)?.value.as_str())))
}

pub fn sieve(secret: &str) -> Sieve {
    Sieve::new(BTreeSet::from([secret.to_owned()]))
}

/// What is known of the secrets of one product.
struct Guard<'a> {
    /// By parameter: those whose value is at hand.
    at_hand: Vec<(String, Sieve)>,
    /// One that is not at hand, and that the last operation may have sent.
    doubtful: Option<&'a String>,
}

/// Takes secrets out of what a cloud answered, as far as their values are at hand. A text that may repeat one that is not
/// is left out. NoEcho hides a parameter's value, and neither the outputs nor the errors that are made of it.
pub fn hide(
    desired: &Desired,
    ledger: &Ledger,
    target: &str,
    seen: &mut Observation,
    value: &dyn Fn(&SecretRef) -> Option<String>,
) {
    let mut guards = BTreeMap::new();
    for (address, managed) in ledger.managed.iter().filter(|(address, _)| address.target == target) {
        let all = secrets(desired, ledger, address);
        if all.is_empty() {
            continue;
        }
        let known = |(key, secret): &(String, SecretRef)| Some((key.clone(), sieve(&value(secret)?)));
        let sent = |key: &String, secret: &SecretRef| {
            applied(ledger, address).any(|(sent, kept)| sent == key && kept.version == secret.version)
        };
        let doubtful = declared(desired, address).find(|(key, secret)| value(secret).is_none() && !sent(key, secret));
        let guard = Guard { at_hand: all.iter().filter_map(known).collect(), doubtful: doubtful.map(|(key, _)| key) };
        guards.insert(managed.id.as_str(), guard);
    }
    if guards.is_empty() {
        return;
    }
    let inner = seen.parameters.iter_mut().map(|(id, stack)| (id, &mut stack.outputs));
    for (id, outputs) in seen.outputs.iter_mut().chain(inner) {
        let Some(guard) = guards.get(id.as_str()) else { continue };
        outputs.retain(|name, text| {
            let repeated = guard.at_hand.iter().find(|(_, sieve)| sieve.catches(text));
            seen.repeated.extend(repeated.map(|(key, _)| ((id.clone(), name.clone()), key.clone())));
            repeated.is_none()
        });
    }
    for operation in seen.operations.values_mut() {
        if let (Some(guard), OperationState::Failed(text)) =
            (guards.get(operation.product_id.as_str()), &mut operation.state)
        {
            *text = guard.told(text);
        }
    }
    for (id, product) in &mut seen.products {
        if let (Some(guard), Some(text)) = (guards.get(id.as_str()), &mut product.status_message) {
            *text = guard.told(text);
        }
    }
}

impl Guard<'_> {
    fn told(&self, text: &str) -> String {
        match self.doubtful {
            Some(key) => left_out(key),
            None => self.at_hand.iter().fold(text.to_owned(), |text, (_, sieve)| sieve.mask(&text)),
        }
    }
}

/// An output that nobody may read.
#[must_use]
pub fn repeated(address: &Address, output: &str, key: &str) -> Problem {
    Problem::input(format!("output `{output}` of `{address}` repeats the secret of `parameters.{key}`"))
        .hint("make the parameter NoEcho and the output something else, and pass the secret itself: `{ secret = … }`")
}

/// Instead of a text that may repeat a secret.
#[must_use]
pub fn left_out(key: &str) -> String {
    format!(
        "(the service's own text is left out: it may repeat the secret of `parameters.{key}`, which is not set here)"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::entry::{Declaration, Holdings};
    use crate::ledger::{Applied, Managed};
    use crate::model::{Cloud, Operation};

    fn ledger(applied: &[(&str, i64)]) -> Ledger {
        let sent = |(key, version): &(&str, i64)| {
            ((*key).to_owned(), Argument::Secret(SecretRef { source: format!("env:{key}"), version: *version }))
        };
        let managed = Managed {
            id: "pp-1".to_owned(),
            declaration: Declaration {
                name: "db".to_owned(),
                cloud: Cloud::Aws,
                account: "1".to_owned(),
                region: "r".to_owned(),
                protect: false,
                steward: None,
                needs: BTreeSet::new(),
                tags: BTreeSet::new(),
                timeout_seconds: 0,
            },
            applied: Applied { parameters: applied.iter().map(sent).collect(), ..Applied::default() },
            seen: Holdings::default(),
            seen_at: jiff::Timestamp::UNIX_EPOCH,
            former: BTreeSet::new(),
        };
        Ledger { managed: BTreeMap::from([(Address::new("db", "prod"), managed)]), ..Ledger::default() }
    }

    fn seen() -> Observation {
        let operation = Operation {
            id: "rec-1".to_owned(),
            product_id: "pp-1".to_owned(),
            state: OperationState::Failed("no: aHVudGVyMjJ4".to_owned()),
            status: String::new(),
            kind: String::new(),
            version_id: None,
            path_id: None,
            updated: None,
        };
        let outputs = [("Url", "x://u:hunter22x@h"), ("Host", "h")];
        let outputs: BTreeMap<_, _> = outputs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let stack = LiveParameters { outputs: outputs.clone(), ..LiveParameters::default() };
        Observation {
            operations: BTreeMap::from([("rec-1".to_owned(), operation)]),
            outputs: BTreeMap::from([("pp-1".to_owned(), outputs)]),
            parameters: BTreeMap::from([("pp-1".to_owned(), stack)]),
            ..Observation::default()
        }
    }

    #[test]
    fn what_repeats_a_secret_at_hand_is_taken_out_of_an_answer() {
        let mut seen = seen();
        hide(&Desired::new(), &ledger(&[("P", 1)]), "prod", &mut seen, &|_| Some("hunter22x".to_owned()));
        let told = format!("{seen:?}");
        assert!(!told.contains("hunter22x") && !told.contains("aHVudGVyMjJ4"), "{told}");
        assert_eq!(seen.outputs["pp-1"].len(), 1);
        assert_eq!(seen.repeated[&("pp-1".to_owned(), "Url".to_owned())], "P");
    }

    #[test]
    fn a_secret_that_is_kept_and_not_at_hand_leaves_the_answer_as_it_is() {
        let mut hidden = seen();
        hide(&Desired::new(), &ledger(&[("P", 1)]), "prod", &mut hidden, &|_| None);
        assert_eq!((hidden.outputs, hidden.operations), (seen().outputs, seen().operations));
    }
}
