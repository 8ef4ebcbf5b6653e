//! Who held what, from when until when: lines to tenures. Pure.
//!
//! The clouds keep no ownership history, so this is all there is of one. It says no more than is known: what was done
//! by a step has a time, what was found by looking lies between two looks, and what was there before anybody looked has
//! no beginning.

mod scribe;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::entry::{Entry, Line};
use crate::model::principal::same_holder;
use crate::model::{Address, Cloud, StepId};

/// What somebody holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Office {
    Owner,
    LaunchRole,
    /// Who answers for it, as the files declare; no cloud knows.
    Steward,
}

/// How well a time is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    At(Timestamp),
    /// After the first and not after the second.
    Between(Timestamp, Timestamp),
    /// Not after this: it was so when somebody first looked.
    Before(Timestamp),
}

impl When {
    /// Whether it has certainly happened by `time`.
    #[must_use]
    pub fn surely_by(self, time: Timestamp) -> bool {
        self.latest() <= time
    }

    /// Whether it can have happened by `time`.
    #[must_use]
    pub fn perhaps_by(self, time: Timestamp) -> bool {
        match self {
            When::At(exactly) => exactly <= time,
            When::Between(after, _) => after < time,
            When::Before(_) => true,
        }
    }

    /// The first time by which it has certainly happened.
    #[must_use]
    pub fn latest(self) -> Timestamp {
        match self {
            When::At(time) | When::Between(_, time) | When::Before(time) => time,
        }
    }

    /// The time before which it cannot have happened; none where nothing is known before.
    #[must_use]
    pub fn earliest(self) -> Option<Timestamp> {
        match self {
            When::At(time) | When::Between(time, _) => Some(time),
            When::Before(_) => None,
        }
    }
}

/// What began a tenure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// Whoever provisions is the first owner.
    Provisioned,
    /// It was so when the product was adopted.
    Adopted,
    /// A step of ours.
    Transferred,
    /// Found by looking: somebody else did it.
    Seen,
    /// The files say so (stewards).
    Declared,
}

/// By what a tenure began. Of a change that was only seen, the run is the one that looked; nobody knows who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct How {
    pub what: Cause,
    pub run: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The cloud's operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The cloud accepted it, and nobody could look afterwards.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unconfirmed: bool,
    /// The entry that says so.
    pub seq: u64,
}

/// One holding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tenure {
    pub office: Office,
    pub holder: String,
    pub since: When,
    /// None while it lasts, as far as is known.
    pub until: Option<When>,
    pub how: How,
}

/// Everything that is known of one provisioned product. What replaced it is another one at the same address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chronicle {
    pub address: Address,
    /// Where it stood earlier, oldest first.
    pub former_addresses: Vec<Address>,
    pub name: String,
    pub id: String,
    pub cloud: Cloud,
    pub account: String,
    pub region: String,
    /// That it is not ours any more.
    pub gone: Option<Gone>,
    /// By the time they were written.
    pub tenures: Vec<Tenure>,
}

/// How something ceased to be ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gone {
    pub when: When,
    /// `terminated`, `terminated outside tenure`, or `forgotten: …`.
    pub why: String,
    /// The run that did it; of what is forgotten the one that found it gone.
    pub run: String,
    /// The step of that run that terminated it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// The cloud's operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
}

/// One holding at a time that was asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Held<'a> {
    pub chronicle: &'a Chronicle,
    pub tenure: &'a Tenure,
    /// Whether it held for certain; a change that lies between two looks leaves a time with two possible holders.
    pub certain: bool,
}

/// The history of everything that was ever ours, by address and then by age. The lines are those of a
/// [`Replay`](super::Replay), in which each is legal; after one that is not, nothing more is told.
#[must_use]
pub fn chronicles(lines: &[Line]) -> Vec<Chronicle> {
    let mut scribe = scribe::Scribe::default();
    for line in lines {
        if scribe.take(line).is_err() {
            break;
        }
    }
    scribe.finish()
}

/// One run of `apply` or `destroy`, as its first entry tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Run {
    pub id: String,
    pub at: Timestamp,
    pub command: String,
    /// The callers' ARNs, by target.
    pub actors: BTreeMap<String, String>,
    pub digest: String,
    pub approval: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ci_run: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// The runs that wrote something, oldest first.
#[must_use]
pub fn runs(lines: &[Line]) -> Vec<Run> {
    let run = |line: &Line| match &line.entry {
        Entry::Began(began) => Some(Run {
            id: line.run.clone(),
            at: line.at,
            command: began.command.clone(),
            actors: began.actors.clone(),
            digest: began.digest.clone(),
            approval: began.approval.clone(),
            commit: began.commit.clone(),
            ci_run: began.ci_run.clone(),
            message: began.message.clone(),
        }),
        _ => None,
    };
    lines.iter().filter_map(run).collect()
}

/// What a person means by `what`: an address or its key, now or earlier, a name, an id, or a holder (an ARN, or the end
/// of one: `role/NetworkTeam`).
#[must_use]
pub fn find<'a>(all: &'a [Chronicle], what: &str) -> Vec<&'a Chronicle> {
    if what.is_empty() {
        return Vec::new();
    }
    let stood_at = |address: &Address| address.key == what || address.to_string() == what;
    let held_by = |tenure: &Tenure| {
        same_holder(&tenure.holder, what) || tenure.holder.strip_suffix(what).is_some_and(|arn| arn.ends_with(':'))
    };
    all.iter()
        .filter(|chronicle| {
            chronicle.id == what
                || chronicle.name == what
                || stood_at(&chronicle.address)
                || chronicle.former_addresses.iter().any(stood_at)
                || chronicle.tenures.iter().any(held_by)
        })
        .collect()
}

/// Who holds everything that is ours now, or held it `at` a time.
#[must_use]
pub fn owners(all: &[Chronicle], at: Option<Timestamp>) -> Vec<Held<'_>> {
    match at {
        Some(at) => owners_during(all, at, at),
        None => all
            .iter()
            .filter(|chronicle| chronicle.gone.is_none())
            .flat_map(|chronicle| chronicle.tenures.iter().map(move |tenure| Held { chronicle, tenure, certain: true }))
            .filter(|held| held.tenure.until.is_none())
            .collect(),
    }
}

/// Who held what at any time from `from` to `to`, both included: a whole day, for example. Before the first look nothing
/// is known, and nothing is said.
#[must_use]
pub fn owners_during(all: &[Chronicle], from: Timestamp, to: Timestamp) -> Vec<Held<'_>> {
    let mut found = Vec::new();
    for chronicle in all {
        for tenure in &chronicle.tenures {
            // What ended with the tenure, or what left our sight with the product, whichever came first.
            let gone = chronicle.gone.as_ref().map(|gone| gone.when);
            let end = [tenure.until, gone].into_iter().flatten().min_by_key(|when| when.latest());
            let begun = match tenure.since {
                When::Before(seen) => seen <= to,
                since => since.perhaps_by(to),
            };
            let over = end.is_some_and(|end| end.surely_by(from));
            if begun && !over {
                let certain = tenure.since.surely_by(to) && !end.is_some_and(|end| end.perhaps_by(from));
                found.push(Held { chronicle, tenure, certain });
            }
        }
    }
    found
}
