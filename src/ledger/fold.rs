//! What each entry changes.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::entry::{Began, Declaration, Entry, Failure, Holdings, Line, Started, Succeeded, Verified};
use super::transition::Illegal;
use super::{Applied, Ledger, Managed, Prepared, Unsettled};
use crate::model::{Address, Argument, Request, StepKind};

/// Shortcuts that keep a fold from looking through everything at every entry. They may name what is no longer so, and
/// whoever follows one looks at what it leads to; they never miss anything.
#[derive(Debug, Clone, Default)]
pub struct Index {
    address_by_id: BTreeMap<String, Address>,
    /// By what is needed: who may need it.
    needed_by: BTreeMap<Address, BTreeSet<Address>>,
}

impl Index {
    fn of(ledger: &Ledger) -> Self {
        let mut index = Index::default();
        for (address, managed) in &ledger.managed {
            index.note_ids(address, managed);
            index.note_needs(address, &managed.declaration);
        }
        for (address, declaration) in &ledger.declared {
            index.note_needs(address, declaration);
        }
        index
    }

    fn note_ids(&mut self, address: &Address, managed: &Managed) {
        for id in managed.former.iter().chain([&managed.id]) {
            self.address_by_id.insert(id.clone(), address.clone());
        }
    }

    fn note_needs(&mut self, address: &Address, declaration: &Declaration) {
        for needed in &declaration.needs {
            self.needed_by.entry(needed.clone()).or_default().insert(address.clone());
        }
    }
}

impl Ledger {
    /// Takes one more entry in.
    ///
    /// # Errors
    /// [`Illegal`] when it cannot follow; the ledger is then what it was.
    pub fn fold(&mut self, line: &Line) -> Result<(), Illegal> {
        if self.index.is_none() {
            self.index = Some(Index::of(self));
        }
        self.check(&line.entry)?;
        self.take(line);
        self.seq = line.seq;
        self.head.clone_from(&line.hash);
        Ok(())
    }

    /// The address under which `id` is ours, a replaced one included.
    #[must_use]
    pub fn address_of(&self, id: &str) -> Option<&Address> {
        let holds = |address: &Address| self.managed.get(address).is_some_and(|managed| managed.holds(id));
        match &self.index {
            Some(index) => index.address_by_id.get(id).filter(|address| holds(address)),
            None => self.managed.keys().find(|address| holds(address)),
        }
    }

    /// The part of the ledger that decides whether `entries` may follow: enough to try them without copying the rest.
    pub(super) fn excerpt(&self, entries: &[Entry]) -> Ledger {
        let mut touched: BTreeSet<&Address> = entries.iter().filter_map(Entry::address).collect();
        for entry in entries {
            match entry {
                Entry::Moved { to, .. } => _ = touched.insert(to),
                Entry::Adopted { id: product, .. }
                | Entry::Submitted { product, .. }
                | Entry::Succeeded(Succeeded { product, .. }) => touched.extend(self.address_of(product)),
                _ => {}
            }
        }
        Ledger {
            managed: only(&self.managed, &touched),
            declared: only(&self.declared, &touched),
            unsettled: only(&self.unsettled, &touched),
            prepared: only(&self.prepared, &touched),
            head: self.head.clone(),
            seq: self.seq,
            ..Ledger::default()
        }
    }

    fn take(&mut self, line: &Line) {
        match &line.entry {
            Entry::Began(began) => self.begin(began),
            Entry::Declared { address, declaration } => self.declare(address, declaration),
            Entry::Adopted { address, id, holdings, declaration, verified } => {
                self.declare(address, declaration);
                self.own(address, id, line.at);
                if let Some(managed) = self.managed.get_mut(address) {
                    managed.seen = holdings.clone();
                    managed.applied.learn(verified, line.at);
                }
            }
            Entry::Moved { from, to, .. } => self.rename(from, to),
            Entry::Forgotten { address, id, .. } => self.disown(address, id, line.at),
            Entry::Started(started) => self.start(started, line),
            Entry::Submitted { address, operation, product, .. } => self.submit(address, operation, product, line.at),
            Entry::Succeeded(succeeded) => self.succeed(succeeded, line.at),
            Entry::Failed { address, reason, .. } => self.fail(address, *reason),
            Entry::Observed { address, id, holdings, verified } => {
                self.see(address, id, holdings, line.at);
                if let Some(managed) = self.managed.get_mut(address).filter(|managed| managed.id == *id) {
                    managed.applied.learn(verified, line.at);
                }
            }
            Entry::Ended { .. } => {}
        }
    }

    fn begin(&mut self, began: &Began) {
        if began.project.is_some() {
            self.project.clone_from(&began.project);
        }
        let real = began.actors.keys().filter(|target| !began.sandboxed.contains(*target));
        self.real.extend(real.cloned());
        self.sandboxed.extend(began.sandboxed.iter().cloned());
    }

    fn declare(&mut self, address: &Address, declaration: &Declaration) {
        if let Some(index) = &mut self.index {
            index.note_needs(address, declaration);
        }
        match self.managed.get_mut(address) {
            Some(managed) => managed.declaration = declaration.clone(),
            None => _ = self.declared.insert(address.clone(), declaration.clone()),
        }
    }

    /// `id` exists and is ours, as `address`. What stood there before was replaced by it, and is ours until it is
    /// terminated.
    fn own(&mut self, address: &Address, id: &str, at: Timestamp) {
        let mut former = BTreeSet::new();
        let declaration = match self.managed.remove(address) {
            Some(same) if same.id == id => {
                self.managed.insert(address.clone(), same);
                return;
            }
            Some(replaced) => {
                former = replaced.former;
                former.insert(replaced.id);
                former.remove(id);
                Some(replaced.declaration)
            }
            None => self.declared.remove(address),
        };
        // `transition` lets nothing become ours of which nothing was declared.
        let Some(declaration) = declaration else { return };
        let managed = Managed {
            id: id.to_owned(),
            declaration,
            applied: Applied::default(),
            seen: Holdings::default(),
            seen_at: at,
            former,
        };
        if let Some(index) = &mut self.index {
            index.note_ids(address, &managed);
        }
        self.managed.insert(address.clone(), managed);
    }

    /// `id` is gone or no longer ours. If it was the one that counts and one that it replaced is still there, that one
    /// stands for the address again, so that nothing of ours is ever lost from sight.
    fn disown(&mut self, address: &Address, id: &str, at: Timestamp) {
        let Some(managed) = self.managed.get_mut(address) else { return };
        if managed.former.remove(id) {
            return;
        }
        match managed.former.pop_last() {
            Some(older) => {
                managed.id = older;
                managed.applied = Applied::default();
                managed.seen = Holdings::default();
                managed.seen_at = at;
            }
            None => _ = self.managed.remove(address),
        }
    }

    fn rename(&mut self, from: &Address, to: &Address) {
        let Some(mut managed) = self.managed.remove(from) else { return };
        // What was declared of the new address is what the files say now.
        if let Some(newer) = self.declared.remove(to) {
            managed.declaration = newer;
        }
        if let Some(prepared) = self.prepared.remove(from) {
            self.prepared.insert(to.clone(), prepared);
        }
        if let Some(mut step) = self.unsettled.remove(from) {
            step.started.address = to.clone();
            self.unsettled.insert(to.clone(), step);
        }
        let mut index = self.index.take().unwrap_or_default();
        index.note_ids(to, &managed);
        index.note_needs(to, &managed.declaration);
        self.managed.insert(to.clone(), managed);
        let needing = index.needed_by.remove(from).unwrap_or_default();
        for other in &needing {
            let managed = self.managed.get_mut(other).map(|managed| &mut managed.declaration);
            for declaration in managed.into_iter().chain(self.declared.get_mut(other)) {
                if declaration.needs.remove(from) {
                    declaration.needs.insert(to.clone());
                }
            }
        }
        index.needed_by.entry(to.clone()).or_default().extend(needing);
        self.index = Some(index);
    }

    fn start(&mut self, started: &Started, line: &Line) {
        self.see(&started.address, started.request.product(), &started.before, line.at);
        if started.kind == StepKind::Prepare {
            self.prepared.remove(&started.address);
        }
        let step = Unsettled { started: started.clone(), at: line.at, run: line.run.clone(), submitted: None };
        self.unsettled.insert(started.address.clone(), step);
    }

    fn submit(&mut self, address: &Address, operation: &str, product: &str, at: Timestamp) {
        let Some(step) = self.unsettled.get_mut(address) else { return };
        step.submitted = Some((operation.to_owned(), product.to_owned()));
        if step.started.kind == StepKind::Prepare {
            return;
        }
        if matches!(step.started.request.change(), Request::Provision { .. }) && !product.is_empty() {
            // From here on it exists, even if it fails.
            self.own(address, product, at);
        }
        if let Some(managed) = self.managed.get_mut(address).filter(|managed| managed.id == product)
            && !operation.is_empty()
        {
            managed.seen.operation = Some(operation.to_owned());
        }
    }

    fn succeed(&mut self, succeeded: &Succeeded, at: Timestamp) {
        let Some(step) = self.unsettled.remove(&succeeded.address) else { return };
        let accepted = step.submitted.map(|(operation, _)| operation).filter(|id| !id.is_empty());
        let operation = succeeded.operation.clone().or(accepted);
        let mut request = match step.started.request {
            Request::Prepare { change, .. } => {
                if let Some(id) = operation {
                    self.prepared.insert(succeeded.address.clone(), Prepared { id, change: *change });
                }
                return;
            }
            Request::Execute { change, .. } => {
                self.prepared.remove(&succeeded.address);
                *change
            }
            request => request,
        };
        match request {
            Request::Terminate { id } => return self.disown(&succeeded.address, &id, at),
            // Found by looking, without ever having been accepted before our eyes.
            Request::Provision { .. } => self.own(&succeeded.address, &succeeded.product, at),
            _ => {}
        }
        // Tags that were to go along with parameters that turned out to be there already went nowhere.
        if let Request::Update { tags, .. } = &mut request
            && succeeded.already
        {
            *tags = None;
        }
        let Some(managed) = self.managed.get_mut(&succeeded.address) else { return };
        let provisioning = request.parameters().is_some();
        managed.apply(request, &succeeded.sent);
        managed.applied.at = Some(at);
        managed.applied.written = true;
        managed.seen_at = at;
        if operation.is_some() {
            // Compared with the cloud's last provisioning operation, which owner and launch role changes are not.
            if provisioning {
                managed.applied.operation.clone_from(&operation);
            }
            managed.seen.operation = operation;
        }
    }

    fn fail(&mut self, address: &Address, reason: Failure) {
        let executed = self.unsettled.remove(address).is_some_and(|step| step.started.kind == StepKind::Execute);
        // What was not sent is approved still, and asking for it once more would have it done twice.
        if executed && !matches!(reason, Failure::NotSent | Failure::Moved) {
            self.prepared.remove(address);
        }
    }

    fn see(&mut self, address: &Address, id: &str, holdings: &Holdings, at: Timestamp) {
        if *holdings == Holdings::default() {
            return;
        }
        if let Some(managed) = self.managed.get_mut(address).filter(|managed| managed.id == id) {
            managed.seen.learn(holdings);
            managed.seen_at = at;
        }
    }
}

impl Managed {
    fn apply(&mut self, request: Request, sent: &BTreeMap<String, Argument>) {
        let applied = &mut self.applied;
        match request {
            Request::Provision { version_id, path_id, parameters, tags, .. } => {
                applied.version_id = Some(version_id);
                applied.path_id = path_id;
                applied.tags = tags;
                applied.set_parameters(parameters, sent);
            }
            Request::Update { version_id, path_id, parameters, tags, .. } => {
                applied.version_id = Some(version_id);
                // Left out, the path stays what it is.
                applied.path_id = path_id.or(applied.path_id.take());
                applied.tags = tags.unwrap_or_else(|| std::mem::take(&mut applied.tags));
                applied.set_parameters(parameters, sent);
            }
            Request::SetLaunchRole { role, .. } => {
                applied.launch_role = Some(role.clone());
                self.seen.launch_role = Some(role);
            }
            Request::SetOwner { owner, .. } => {
                applied.owner = Some(owner.clone());
                self.seen.owner = Some(owner);
            }
            Request::Terminate { .. } | Request::Prepare { .. } | Request::Execute { .. } => {}
        }
    }
}

impl Applied {
    /// Takes over properties that were found to be as the files say.
    fn learn(&mut self, verified: &Verified, at: Timestamp) {
        if verified.is_empty() {
            return;
        }
        let known = [
            (&mut self.version_id, &verified.version_id),
            (&mut self.owner, &verified.owner),
            (&mut self.launch_role, &verified.launch_role),
            (&mut self.operation, &verified.operation),
        ];
        for (known, found) in known {
            if found.is_some() {
                known.clone_from(found);
            }
        }
        self.parameters.extend(verified.parameters.clone());
        self.tags.extend(verified.tags.clone());
        self.at = Some(at);
    }

    /// What was sent wins over what was asked for (outputs are known by then), and what was kept is what it was.
    fn set_parameters(&mut self, asked: BTreeMap<String, Argument>, sent: &BTreeMap<String, Argument>) {
        let mut earlier = std::mem::replace(&mut self.parameters, asked);
        self.parameters.extend(sent.iter().map(|(key, argument)| (key.clone(), argument.clone())));
        for (key, argument) in &mut self.parameters {
            if let (Argument::Previous, Some(known)) = (&argument, earlier.remove(key)) {
                *argument = known;
            }
        }
    }
}

fn only<V: Clone>(all: &BTreeMap<Address, V>, these: &BTreeSet<&Address>) -> BTreeMap<Address, V> {
    these.iter().filter_map(|address| Some(((*address).clone(), all.get(address)?.clone()))).collect()
}
