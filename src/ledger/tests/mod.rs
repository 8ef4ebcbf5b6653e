//! The ledger, tried hard.

mod damage;
mod folds;
mod histories;
mod laws;
mod stores;
mod table;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::Ledger;
use super::chain::seal;
use super::entry::Verified;
use super::entry::{Began, Declaration, Entry, Failure, Holdings, Line, Started, Succeeded};
use crate::model::{Address, Argument, Cloud, Request, StepId, StepKind};

pub(super) const ADMIN: &str = "arn:aws:sts::123456789012:assumed-role/Admin/anna";

/// Minutes after the beginning of the tests' time.
pub(super) fn minute(minutes: i64) -> Timestamp {
    let start: Timestamp = "2026-11-03T00:00:00Z".parse().unwrap();
    start + SignedDuration::from_mins(minutes)
}

pub(super) fn at(key: &str) -> Address {
    Address::new(key, "prod")
}

pub(super) fn role(name: &str) -> String {
    format!("arn:aws:iam::123456789012:role/{name}")
}

pub(super) fn began(actor: &str) -> Entry {
    Entry::Began(Began {
        command: "apply".to_owned(),
        actors: BTreeMap::from([("prod".to_owned(), actor.to_owned())]),
        holders: BTreeMap::new(),
        project: Some("tests".to_owned()),
        digest: "sha256:d1".to_owned(),
        approval: "yes".to_owned(),
        message: None,
        commit: None,
        ci_run: None,
        tenure: "0.1.0".to_owned(),
        sandboxed: BTreeSet::new(),
    })
}

pub(super) fn ended() -> Entry {
    Entry::Ended { succeeded: 1, failed: 0, not_started: 0, left_running: 0, interrupted: false }
}

pub(super) fn declaration(name: &str) -> Declaration {
    Declaration {
        name: name.to_owned(),
        cloud: Cloud::Aws,
        account: "123456789012".to_owned(),
        region: "eu-west-1".to_owned(),
        protect: false,
        steward: None,
        needs: BTreeSet::new(),
        tags: BTreeSet::new(),
        timeout_seconds: 3600,
    }
}

pub(super) fn declared(key: &str) -> Entry {
    Entry::Declared { address: at(key), declaration: declaration(key) }
}

pub(super) fn stewarded(key: &str, steward: Option<&str>) -> Entry {
    let declaration = Declaration { steward: steward.map(str::to_owned), ..declaration(key) };
    Entry::Declared { address: at(key), declaration }
}

pub(super) fn needing(key: &str, needed: &str) -> Entry {
    let declaration = Declaration { needs: BTreeSet::from([at(needed)]), ..declaration(key) };
    Entry::Declared { address: at(key), declaration }
}

pub(super) fn owner(holder: &str) -> Holdings {
    Holdings { owner: Some(holder.to_owned()), ..Holdings::default() }
}

pub(super) fn adopted(key: &str, id: &str, holdings: Holdings) -> Entry {
    Entry::Adopted {
        verified: Verified::default(),
        address: at(key),
        id: id.to_owned(),
        holdings,
        declaration: declaration(key),
    }
}

pub(super) fn moved(from: &str, to: &str, id: &str) -> Entry {
    Entry::Moved { from: at(from), to: at(to), id: id.to_owned() }
}

pub(super) fn forgotten(key: &str, id: &str) -> Entry {
    Entry::Forgotten { address: at(key), id: id.to_owned(), reason: "removed".to_owned(), gone: false }
}

pub(super) fn observed(key: &str, id: &str, holdings: Holdings) -> Entry {
    Entry::Observed { verified: Verified::default(), address: at(key), id: id.to_owned(), holdings }
}

pub(super) fn provision() -> Request {
    Request::Provision {
        name: "web".to_owned(),
        product_id: "prod-1".to_owned(),
        version_id: "pa-1".to_owned(),
        path_id: Some("lp-1".to_owned()),
        stack_region: None,
        parameters: arguments(&[("Size", "1"), ("Mode", "a")]),
        tags: BTreeMap::from([("team".to_owned(), "web".to_owned())]),
    }
}

pub(super) fn update(id: &str, parameters: BTreeMap<String, Argument>) -> Request {
    Request::Update {
        id: id.to_owned(),
        product_id: "prod-1".to_owned(),
        version_id: "pa-2".to_owned(),
        path_id: None,
        parameters,
        tags: None,
    }
}

pub(super) fn set_owner(id: &str, owner: &str) -> Request {
    Request::SetOwner { id: id.to_owned(), owner: owner.to_owned(), again: false }
}

pub(super) fn set_launch_role(id: &str, role: &str) -> Request {
    Request::SetLaunchRole { id: id.to_owned(), role: role.to_owned(), again: false }
}

pub(super) fn terminate(id: &str) -> Request {
    Request::Terminate { id: id.to_owned() }
}

pub(super) fn arguments(pairs: &[(&str, &str)]) -> BTreeMap<String, Argument> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), Argument::Value((*value).to_owned()))).collect()
}

pub(super) fn started(step: u32, key: &str, request: Request) -> Entry {
    started_seeing(step, key, request, Holdings::default())
}

pub(super) fn started_seeing(step: u32, key: &str, request: Request, before: Holdings) -> Entry {
    let kind = request.kind();
    let token = "t".repeat(64);
    Entry::Started(Started { step: StepId(step), address: at(key), kind, request, token, seen: None, before })
}

pub(super) fn submitted(step: u32, key: &str, product: &str) -> Entry {
    Entry::Submitted {
        step: StepId(step),
        address: at(key),
        operation: format!("rec-{step}"),
        product: product.to_owned(),
    }
}

pub(super) fn success(step: u32, key: &str, product: &str) -> Succeeded {
    Succeeded {
        step: StepId(step),
        address: at(key),
        product: product.to_owned(),
        operation: None,
        already: false,
        unconfirmed: false,
        sent: BTreeMap::new(),
    }
}

pub(super) fn succeeded(step: u32, key: &str, product: &str) -> Entry {
    Entry::Succeeded(success(step, key, product))
}

pub(super) fn already(step: u32, key: &str, product: &str) -> Entry {
    Entry::Succeeded(Succeeded { already: true, ..success(step, key, product) })
}

pub(super) fn failed(step: u32, key: &str, reason: Failure) -> Entry {
    Entry::Failed { step: StepId(step), address: at(key), reason, message: "it did not work".to_owned() }
}

/// Lines of one run, a minute apart, from minute 1.
pub(super) fn lines(entries: impl IntoIterator<Item = Entry>) -> Vec<Line> {
    let entries = entries.into_iter().zip(1..).map(|(entry, minutes)| ("run-1", minutes, entry));
    lines_of_runs(entries)
}

pub(super) fn lines_of_runs<'a>(entries: impl IntoIterator<Item = (&'a str, i64, Entry)>) -> Vec<Line> {
    let mut head = Ledger::default().head;
    let mut lines = Vec::new();
    for ((run, minutes, entry), seq) in entries.into_iter().zip(1..) {
        let line = seal(entry, minute(minutes), run, &head, seq);
        head.clone_from(&line.hash);
        lines.push(line);
    }
    lines
}

pub(super) fn bytes(lines: &[Line]) -> Vec<u8> {
    lines.iter().map(Line::to_json_line).collect::<String>().into_bytes()
}

pub(super) fn fold(entries: impl IntoIterator<Item = Entry>) -> Ledger {
    let mut ledger = Ledger::default();
    for line in lines(entries) {
        ledger.fold(&line).unwrap_or_else(|illegal| panic!("{illegal}"));
    }
    ledger
}

/// One of everything, all of it legal: ten lines.
pub(super) fn sample() -> Vec<Line> {
    lines([
        began(ADMIN),
        declared("web"),
        started(1, "web", provision()),
        submitted(1, "web", "pp-1"),
        succeeded(1, "web", "pp-1"),
        adopted("db", "pp-2", owner("arn:aws:iam::123456789012:user/Jörg")),
        moved("db", "store", "pp-2"),
        observed("store", "pp-2", owner(&role("Dba"))),
        forgotten("store", "pp-2"),
        ended(),
    ])
}
