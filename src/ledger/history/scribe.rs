//! Walks through the lines beside a ledger that folds them, and writes the tenures down.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Cause, Chronicle, Gone, How, Office, Tenure, When};
use crate::ledger::entry::{Began, Entry, Holdings, Line, Succeeded};
use crate::ledger::{Illegal, Ledger, Unsettled};
use crate::model::principal::same_holder;
use crate::model::{Address, Request, StepKind};

#[derive(Default)]
pub(super) struct Scribe<'a> {
    ledger: Ledger,
    runs: BTreeMap<&'a str, &'a Began>,
    drafts: BTreeMap<String, Draft>,
}

/// A chronicle in the making.
struct Draft {
    first_seq: u64,
    /// When it was provisioned, if it was by us.
    born: Option<Timestamp>,
    /// When each office's holder was last known.
    known: BTreeMap<Office, Timestamp>,
    chronicle: Chronicle,
}

impl<'a> Scribe<'a> {
    pub(super) fn take(&mut self, line: &'a Line) -> Result<(), Illegal> {
        // A success is told from the step that it settles, which the fold then forgets.
        let settled = match &line.entry {
            Entry::Succeeded(succeeded) => self.ledger.unsettled.get(&succeeded.address).cloned(),
            _ => None,
        };
        self.ledger.fold(line)?;
        match &line.entry {
            Entry::Began(began) => _ = self.runs.insert(&line.run, began),
            Entry::Started(started) => self.see(started.request.product(), &started.before, line),
            Entry::Submitted { address, product, operation, .. } => {
                if let Some(step) = self.ledger.unsettled.get(address).cloned() {
                    self.born(product, Some(operation).filter(|id| !id.is_empty()), &step, line);
                }
            }
            Entry::Succeeded(succeeded) => {
                if let Some(step) = settled {
                    self.succeed(succeeded, &step, line);
                }
            }
            Entry::Adopted { address, id, holdings, .. } => self.adopt(address, id, holdings, line),
            Entry::Moved { from, to, .. } => self.rename(from, to),
            Entry::Forgotten { id, reason, gone, .. } => {
                // Ledgers of 0.1 say it in words only.
                let gone = *gone || reason.contains("gone from the cloud");
                if gone { self.vanish(id, line) } else { self.forget(id, reason, line) }
            }
            Entry::Observed { id, holdings, .. } => self.see(id, holdings, line),
            Entry::Declared { .. } | Entry::Failed { .. } | Entry::Ended { .. } => {}
        }
        if let Some(address) = line.entry.address() {
            self.steward(address, line);
        }
        if let Entry::Moved { to, .. } = &line.entry {
            self.steward(to, line);
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Vec<Chronicle> {
        let mut drafts: Vec<Draft> = self.drafts.into_values().collect();
        drafts.sort_by(|a, b| (&a.chronicle.address, a.first_seq).cmp(&(&b.chronicle.address, b.first_seq)));
        drafts.into_iter().map(|draft| draft.chronicle).collect()
    }

    /// A chronicle for the product that the fold now has at `address`, if it has none yet.
    fn open(&mut self, address: &Address, id: &str, line: &Line) -> Option<&mut Draft> {
        let managed = self.ledger.managed.get(address).filter(|managed| managed.id == id)?;
        let declaration = &managed.declaration;
        let draft = self.drafts.entry(id.to_owned()).or_insert_with(|| Draft {
            first_seq: line.seq,
            born: None,
            known: BTreeMap::new(),
            chronicle: Chronicle {
                address: address.clone(),
                former_addresses: Vec::new(),
                name: declaration.name.clone(),
                id: id.to_owned(),
                cloud: declaration.cloud,
                account: declaration.account.clone(),
                region: declaration.region.clone(),
                gone: None,
                tenures: Vec::new(),
            },
        });
        // Ours again, perhaps elsewhere.
        draft.chronicle.gone = None;
        draft.settle_at(address);
        Some(draft)
    }

    /// A product that our step provisioned: whoever ran it owns it, until something else is known.
    fn born(&mut self, id: &str, operation: Option<&String>, step: &Unsettled, line: &Line) {
        let Request::Provision { name, .. } = step.started.request.change() else { return };
        if self.drafts.get(id).is_some_and(|draft| draft.chronicle.gone.is_none()) {
            return;
        }
        let address = &step.started.address;
        let since = when_done(step, line);
        let mut how = self.how(Cause::Provisioned, address, &step.run, line.seq);
        how.operation = operation.cloned();
        let owner = self.launcher(address, &step.run);
        let Some(draft) = self.open(address, id, line) else { return };
        draft.chronicle.name.clone_from(name);
        draft.born = since.earliest();
        draft.end(Office::Owner, since, line.at);
        if let Some(owner) = owner {
            draft.begin(Office::Owner, owner, since, how, line.at);
        }
    }

    /// Whom the cloud will call the owner of what a run launches. Where it tells owners by id, an ARN would look like
    /// somebody else.
    fn launcher(&self, address: &Address, run: &str) -> Option<String> {
        let began = self.runs.get(run)?;
        let traits = self.ledger.managed.get(address)?.declaration.cloud.traits();
        let known = if traits.owners_by_id { &began.holders } else { &began.actors };
        known.get(&address.target).cloned()
    }

    fn adopt(&mut self, address: &Address, id: &str, holdings: &Holdings, line: &Line) {
        let how = self.how(Cause::Adopted, address, &line.run, line.seq);
        if let Some(draft) = self.open(address, id, line) {
            draft.see(holdings, &how, line.at);
        }
    }

    fn succeed(&mut self, succeeded: &Succeeded, step: &Unsettled, line: &Line) {
        let when = when_done(step, line);
        let accepted = step.submitted.as_ref().map(|(operation, _)| operation).filter(|id| !id.is_empty());
        let operation = succeeded.operation.as_ref().or(accepted);
        if step.started.kind == StepKind::Prepare {
            return;
        }
        let (office, holder) = match step.started.request.change() {
            Request::Provision { .. } => return self.born(&succeeded.product, operation, step, line),
            Request::Terminate { id } => {
                let gone = Gone {
                    when,
                    why: "terminated".to_owned(),
                    run: step.run.clone(),
                    step: Some(step.started.step),
                    operation: operation.cloned(),
                };
                return self.terminate(id, gone, line.at);
            }
            Request::Update { .. } | Request::Prepare { .. } | Request::Execute { .. } => return,
            Request::SetOwner { owner, .. } => (Office::Owner, owner),
            Request::SetLaunchRole { role, .. } => (Office::LaunchRole, role),
        };
        if succeeded.already {
            let how = How::seen(&line.run, line.seq);
            if let Some(draft) = self.drafts.get_mut(&succeeded.product) {
                draft.know(office, holder, &how, line.at);
            }
            return;
        }
        let mut how = self.how(Cause::Transferred, &succeeded.address, &step.run, line.seq);
        how.operation = operation.cloned();
        how.unconfirmed = succeeded.unconfirmed;
        if let Some(draft) = self.drafts.get_mut(&succeeded.product) {
            draft.transfer(office, holder, when, how, step.at, line.at);
        }
    }

    fn terminate(&mut self, id: &str, gone: Gone, at: Timestamp) {
        let Some(draft) = self.drafts.get_mut(id) else { return };
        for office in [Office::Owner, Office::LaunchRole, Office::Steward] {
            draft.end(office, gone.when, at);
        }
        draft.chronicle.gone = Some(gone);
    }

    /// Somebody else terminated it, at some time after it was last seen.
    fn vanish(&mut self, id: &str, line: &Line) {
        let Some(draft) = self.drafts.get(id) else { return };
        let last = draft.known.values().max().copied().or(draft.born);
        let gone = Gone {
            when: last.map_or(When::Before(line.at), |last| When::Between(last, line.at)),
            why: "terminated outside tenure".to_owned(),
            run: line.run.clone(),
            step: None,
            operation: None,
        };
        self.terminate(id, gone, line.at);
    }

    /// It goes on without us: only the steward, whom the ledger alone knows, ends with it.
    fn forget(&mut self, id: &str, reason: &str, line: &Line) {
        let Some(draft) = self.drafts.get_mut(id) else { return };
        let when = When::At(line.at);
        draft.chronicle.gone = Some(Gone {
            when,
            why: format!("forgotten: {reason}"),
            run: line.run.clone(),
            step: None,
            operation: None,
        });
        draft.end(Office::Steward, when, line.at);
    }

    fn rename(&mut self, from: &Address, to: &Address) {
        let Some(managed) = self.ledger.managed.get(to) else { return };
        for id in managed.former.iter().chain([&managed.id]) {
            if let Some(draft) = self.drafts.get_mut(id).filter(|draft| draft.chronicle.address == *from) {
                draft.settle_at(to);
            }
        }
    }

    fn see(&mut self, id: &str, holdings: &Holdings, line: &Line) {
        if *holdings == Holdings::default() {
            return;
        }
        let how = How::seen(&line.run, line.seq);
        if let Some(draft) = self.drafts.get_mut(id) {
            draft.see(holdings, &how, line.at);
        }
    }

    /// Follows what the declaration says; it can change with most entries.
    fn steward(&mut self, address: &Address, line: &Line) {
        let Some(managed) = self.ledger.managed.get(address) else { return };
        let Some(draft) = self.drafts.get(&managed.id) else { return };
        let declared = managed.declaration.steward.as_deref();
        if draft.current(Office::Steward).map(|tenure| tenure.holder.as_str()) == declared {
            return;
        }
        let how = self.how(Cause::Declared, address, &line.run, line.seq);
        let declared = declared.map(str::to_owned);
        let Some(draft) = self.drafts.get_mut(&managed.id) else { return };
        draft.end(Office::Steward, When::At(line.at), line.at);
        if let Some(holder) = declared {
            draft.begin(Office::Steward, holder, When::At(line.at), how, line.at);
        }
    }

    fn how(&self, what: Cause, address: &Address, run: &str, seq: u64) -> How {
        let began = self.runs.get(run);
        How {
            what,
            actor: began.and_then(|began| began.actors.get(&address.target).cloned()),
            digest: began.map(|began| began.digest.clone()),
            approval: began.map(|began| began.approval.clone()),
            commit: began.and_then(|began| began.commit.clone()),
            message: began.and_then(|began| began.message.clone()),
            ..How::seen(run, seq)
        }
    }
}

/// When a step did what it did: now, unless it was a run before this one that sent it.
fn when_done(step: &Unsettled, line: &Line) -> When {
    if step.run == line.run { When::At(line.at) } else { When::Between(step.at, line.at) }
}

impl Draft {
    fn settle_at(&mut self, address: &Address) {
        let chronicle = &mut self.chronicle;
        if chronicle.address != *address {
            let left = std::mem::replace(&mut chronicle.address, address.clone());
            chronicle.former_addresses.retain(|former| former != address && *former != left);
            chronicle.former_addresses.push(left);
        }
    }

    fn current(&self, office: Office) -> Option<&Tenure> {
        self.chronicle.tenures.iter().rev().find(|tenure| tenure.office == office && tenure.until.is_none())
    }

    fn begin(&mut self, office: Office, holder: String, since: When, how: How, known: Timestamp) {
        self.known.insert(office, known);
        self.chronicle.tenures.push(Tenure { office, holder, since, until: None, how });
    }

    fn end(&mut self, office: Office, when: When, known: Timestamp) {
        let tenures = &mut self.chronicle.tenures;
        if let Some(tenure) = tenures.iter_mut().rev().find(|tenure| tenure.office == office && tenure.until.is_none())
        {
            tenure.until = Some(when);
            self.known.insert(office, known);
        }
    }

    fn see(&mut self, holdings: &Holdings, how: &How, at: Timestamp) {
        for (office, holder) in [(Office::Owner, &holdings.owner), (Office::LaunchRole, &holdings.launch_role)] {
            if let Some(holder) = holder {
                self.know(office, holder, how, at);
            }
        }
    }

    /// `holder` was found. If it is the one that is known, that is known for longer; if it is another, the change lies
    /// between the two looks.
    fn know(&mut self, office: Office, holder: &str, how: &How, at: Timestamp) {
        if self.extends(office, holder, at) {
            return;
        }
        let last = self.current(office).and_then(|_| self.known.get(&office).copied());
        let since = last.or(self.born).map_or(When::Before(at), |last| When::Between(last, at));
        self.end(office, since, at);
        // What differs from what was known before was changed by somebody else, even if it is found while adopting.
        let how = if last.is_some() { How::seen(&how.run, how.seq) } else { how.clone() };
        self.begin(office, holder.to_owned(), since, how, at);
    }

    /// Our step, started at `sent`, gave the office to `holder`.
    fn transfer(&mut self, office: Office, holder: &str, when: When, how: How, sent: Timestamp, at: Timestamp) {
        if !self.extends(office, holder, at) {
            self.end(office, when, at);
            self.begin(office, holder.to_owned(), when, how, at);
            return;
        }
        // Somebody may have looked before the step was settled, and have seen our own doing without knowing it.
        let tenures = self.chronicle.tenures.iter_mut().rev();
        let mut seen = tenures.filter(|tenure| tenure.office == office && tenure.until.is_none());
        if let Some(tenure) = seen.next()
            && tenure.how.what == Cause::Seen
            && tenure.since.latest() > sent
        {
            tenure.how = how;
        }
    }

    /// Whether the office's holder is `holder` already, which is then known for longer. The role's own ARN, as clouds
    /// and files write it, is better than that of the session that it was first known by.
    fn extends(&mut self, office: Office, holder: &str, at: Timestamp) -> bool {
        let tenures = &mut self.chronicle.tenures;
        let current = tenures.iter_mut().rev().find(|tenure| tenure.office == office && tenure.until.is_none());
        let Some(tenure) = current.filter(|tenure| same_holder(&tenure.holder, holder)) else { return false };
        if holder.contains(":role/") {
            holder.clone_into(&mut tenure.holder);
        }
        self.known.insert(office, at);
        true
    }
}

impl How {
    /// Who looked did not do what was seen, so nothing of that run but its id belongs here.
    fn seen(run: &str, seq: u64) -> How {
        How {
            what: Cause::Seen,
            run: run.to_owned(),
            actor: None,
            digest: None,
            approval: None,
            commit: None,
            message: None,
            operation: None,
            unconfirmed: false,
            seq,
        }
    }
}
