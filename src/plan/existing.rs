//! What exists: whether it can be worked on, what really runs, and who holds it.

use super::draft::Draft;
use super::knowledge::{Fact, Presence};
use super::planner::{Matched, Planner};
use super::{Action, Drift, Field, FieldName, Shown};
use crate::ledger::entry::{Entry, Holdings, Verified};
use crate::ledger::{Applied, Managed};
use crate::model::principal::is_owner;
use crate::model::{Address, Cloud, OperationState, ProvisionedProduct, Request, Status};
use crate::problem::Problem;

/// What runs. After a failed update the product names the version that was asked for, not the one that is there.
pub struct Running<'a> {
    pub version_id: &'a str,
    pub version_name: &'a str,
    pub path_id: Option<&'a str>,
    /// The last operation failed: tags are those of the stack.
    pub failed: bool,
}

impl<'a> Planner<'a> {
    pub fn existing(&mut self, m: Matched<'a>, product: &'a ProvisionedProduct) -> Option<Draft> {
        let spec = m.spec;
        if product.product_id != m.catalog.id {
            self.problems.push(
                Problem::input(format!(
                    "`{}` is {} of product `{}`, and the product of a provisioned product cannot be changed to `{}`",
                    spec.address, product.id, product.product_name, m.catalog.name
                ))
                .at(&spec.product.place)
                .hint("launch the other product under a new key and name, then delete this block"),
            );
            return None;
        }
        let usable = self.usable(&spec.address, product);
        // A product that somebody is changing can be compared all the same, and its differences are shown as pending.
        if !usable && !matches!(product.status, Status::UnderChange | Status::PlanInProgress) {
            self.check_block(&m, Some((&product.version_id, &product.version_name)));
            return None;
        }
        self.stack_stays(&m, product)?;
        // Everything that may be needed is asked for before the first answer is looked at.
        let mut draft = self.start(&m);
        draft.id = Some(product.id.clone());
        let former = self.leftovers(&spec.address, m.managed, &mut draft);
        let held = self.set_launch_role(&mut draft, &m, product);
        let owner = self.holder(&m);
        let running = self.running(&m, product);
        let tags = running.and_then(|running| self.update(&m, product, &running, &mut draft));
        let (held_back, ()) = (tags?, held.and(former).and(owner)?);
        self.set_owner(&mut draft, &m, product);
        self.nothing_to_reapply(&m, product, &draft);
        self.declare(&mut draft, &m, &held_back);
        self.hold_back(&spec.address, &held_back);
        self.tainted(&m, product, &draft);
        draft.verified.operation.clone_from(&product.last_successful);
        self.observe(&m, product, &mut draft);
        self.base.insert(spec.address.clone(), product.clone());
        Some(draft)
    }

    /// Whether the product can be worked on at all; a finding if not.
    pub fn usable(&mut self, address: &Address, product: &ProvisionedProduct) -> bool {
        let problem = match product.status {
            Status::UnderChange => self.under_change(address, product),
            Status::PlanInProgress => Problem::failed(format!("{} is {}", product.id, self.word(address, product)))
                .hint("a product plan waits for somebody: execute or delete it, then plan again"),
            // A termination of one that failed makes it TAINTED, and there is still nothing behind it.
            Status::Error | Status::Tainted
                if product.last_successful.is_none()
                    && (product.status == Status::Error || product.physical_id.is_none()) =>
            {
                let Some(why) = self.failure(address, product) else { return false };
                let problem = Problem::failed(format!("{} could not be provisioned: {why}", product.id));
                // The block may have another key by now, and what is not launched does not move.
                let target = self.inputs.project.targets.get(&address.target);
                let held = target.and_then(|target| self.inputs.address_of_id(target, &product.id));
                match held.and_then(|held| Some((held, self.inputs.ledger.managed.get(held)?))) {
                    Some((held, managed)) => problem.hint(take_down(held, managed, &product.id)),
                    None => problem.hint("it was launched by somebody else: terminate it there, then apply again"),
                }
            }
            Status::Available | Status::Tainted | Status::Error => return true,
        };
        self.finding(address, true, true, problem);
        false
    }

    /// Our own operation is told from somebody else's by its id.
    fn under_change(&self, address: &Address, product: &ProvisionedProduct) -> Problem {
        let last = product.last_operation.as_deref();
        let ours = self.inputs.ledger.unsettled.values().find(|step| {
            let submitted = step.submitted.as_ref();
            submitted.is_some_and(|(operation, id)| Some(operation.as_str()) == last || *id == product.id)
        });
        let operation = last.map(|id| format!("{id}, ")).unwrap_or_default();
        match ours {
            Some(step) => Problem::failed(format!(
                "our own {} of {} is still running ({operation}since {})",
                step.started.kind.word(),
                step.run,
                minute(step.at)
            ))
            .hint("`tenure apply` waits for it and goes on"),
            None => {
                let operation = last.map(|id| format!(" ({id})")).unwrap_or_default();
                Problem::failed(format!("{} is {}{operation}", product.id, self.word(address, product)))
                    .hint("another operation is running: wait until it has ended, then plan again")
            }
        }
    }

    /// The service's own word for the status.
    fn word(&self, address: &Address, product: &ProvisionedProduct) -> &'static str {
        let cloud = self.inputs.project.targets.get(&address.target).map_or(Cloud::Aws, |target| target.cloud);
        cloud.word(product.status)
    }

    /// Why the last attempt to provision failed, in the cloud's words; `None` while that has to be asked.
    fn failure(&mut self, address: &Address, product: &ProvisionedProduct) -> Option<String> {
        let last =
            product.last_provisioning.as_deref().filter(|_| product.last_provisioning != product.last_successful);
        match last.map(|id| (id, self.knowledge.operation(&address.target, id))) {
            Some((_, Fact::Asked)) => None,
            Some((id, Fact::Known(operation))) => Some(match &operation.state {
                OperationState::Failed(text) => format!("{text} ({id})"),
                OperationState::Running | OperationState::Waiting(_) | OperationState::Succeeded => {
                    format!("since {id}")
                }
            }),
            Some((_, Fact::Unreadable(_))) | None => {
                Some(product.status_message.clone().unwrap_or_else(|| "the cloud gives no reason".to_owned()))
            }
        }
    }

    /// What really runs: after a failed update version and path are those of the last success.
    fn running(&mut self, m: &Matched<'a>, product: &'a ProvisionedProduct) -> Option<Running<'a>> {
        let last = match &product.last_successful {
            Some(last) if product.last_provisioning != product.last_successful => last,
            _ => {
                return Some(Running {
                    version_id: &product.version_id,
                    version_name: &product.version_name,
                    path_id: None,
                    failed: false,
                });
            }
        };
        // Asked for now because it will be told, whether or not there is a difference.
        let why = self.failure(&m.spec.address, product);
        match self.knowledge.operation(&m.target.name, last) {
            Fact::Asked => None,
            _ if why.is_none() => None,
            Fact::Known(operation) => Some(Running {
                version_id: operation.version_id.as_deref().unwrap_or(&product.version_id),
                // The product names the version that was asked for. One that is not listed has its id only.
                version_name: match &operation.version_id {
                    Some(id) if *id != product.version_id => id,
                    _ => &product.version_name,
                },
                path_id: operation.path_id.as_deref(),
                failed: true,
            }),
            Fact::Unreadable(_) => Some(Running {
                version_id: &product.version_id,
                version_name: &product.version_name,
                path_id: None,
                failed: true,
            }),
        }
    }

    /// `None` while the role is not known or cannot be read.
    fn set_launch_role(&mut self, draft: &mut Draft, m: &Matched<'a>, product: &ProvisionedProduct) -> Option<()> {
        let Some(wanted) = &m.spec.launch_role else { return Some(()) };
        let current = match self.knowledge.launch_role(&m.target.name, &product.id) {
            Fact::Known(current) => current,
            Fact::Asked => return None,
            Fact::Unreadable(reason) => {
                let problem = Problem::failed(format!("the launch role of {} cannot be read: {reason}", product.id))
                    .hint("allow servicecatalog:ScanProvisionedProducts and servicecatalog:DescribeProvisionedProduct to the identity that reads, or leave `launch_role` out");
                self.finding(&m.spec.address, true, true, problem);
                return None;
            }
        };
        for record in &mut draft.records {
            if let Entry::Adopted { holdings, .. } = record {
                holdings.launch_role = current.map(str::to_owned);
            }
        }
        let again = current == Some(wanted.value.as_str());
        if !again || self.is_reapplied(&m.spec.address) {
            let base = m.managed.and_then(|managed| managed.applied.launch_role.clone()).map(Shown::Text);
            let before = current.map_or(Shown::Absent, |role| Shown::Text(role.to_owned()));
            let after = Shown::Text(wanted.value.clone());
            let field = Field::new(Action::SetLaunchRole, FieldName::LaunchRole, before, after).sent_again(again);
            draft.fields.push(field.drifted_from(base.as_ref()));
            let (id, role) = (product.id.clone(), wanted.value.clone());
            draft.launch_role = Some(Request::SetLaunchRole { id, role, again });
        }
        if again {
            draft.verified.launch_role = Some(wanted.value.clone());
        }
        Some(())
    }

    fn set_owner(&mut self, draft: &mut Draft, m: &Matched<'a>, product: &ProvisionedProduct) {
        let current = product.owner.as_deref();
        let before = current.map_or(Shown::Absent, |owner| Shown::Text(owner.to_owned()));
        if !m.target.cloud.traits().changes_owner && m.spec.owner.is_some() {
            return self.asserted_owner(m, product);
        }
        let Some(wanted) = &m.spec.owner else {
            let Some(managed) = m.managed else { return };
            if let (Some(seen), Some(current)) = (managed.seen.owner.as_deref(), current)
                && !is_owner(seen, product)
                && seen != current
            {
                self.drift.push(Drift {
                    address: m.spec.address.clone(),
                    field: FieldName::Owner,
                    before: Shown::Text(seen.to_owned()),
                    now: before,
                    evidence: Some(format!("after {} (last seen)", minute(managed.seen_at))),
                });
            }
            return;
        };
        let again = is_owner(&wanted.value, product);
        if again {
            draft.verified.owner = Some(wanted.value.clone());
        }
        if again && !self.is_reapplied(&m.spec.address) {
            return;
        }
        let base = m.managed.and_then(|managed| managed.applied.owner.clone()).filter(|base| !is_owner(base, product));
        let after = Shown::Text(wanted.value.clone());
        let field = Field::new(Action::SetOwner, FieldName::Owner, before, after).sent_again(again);
        draft.fields.push(field.drifted_from(base.map(Shown::Text).as_ref()));
        draft.owner = Some(Request::SetOwner { id: product.id.clone(), owner: wanted.value.clone(), again });
    }

    /// Whether `--reapply` names the address.
    pub fn is_reapplied(&self, address: &Address) -> bool {
        self.inputs.options.reapply.contains(address)
    }

    fn nothing_to_reapply(&mut self, m: &Matched<'a>, product: &ProvisionedProduct, draft: &Draft) {
        let address = &m.spec.address;
        if !self.is_reapplied(address) || draft.writes() {
            return;
        }
        let status = self.word(address, product);
        let problem = Problem::failed(format!("there is nothing to send again: {} is {status}", product.id)).hint(
            "`--reapply` sends the owner and the launch role that the files name, and an update only to a product whose last one failed",
        );
        self.finding(address, false, false, problem);
    }

    /// What the ledger does not know of who holds the product, and no step of this plan will write down.
    fn observe(&mut self, m: &Matched<'a>, product: &'a ProvisionedProduct, draft: &mut Draft) {
        let Some(managed) = m.managed else {
            for record in &mut draft.records {
                if let Entry::Adopted { verified, .. } = record {
                    verified.clone_from(&draft.verified);
                }
            }
            return;
        };
        let verified = news(&draft.verified, &managed.applied);
        let seen = &managed.seen;
        // A step tells who owned the product before it.
        let owner = product.owner.as_ref().filter(|owner| match &seen.owner {
            _ if draft.writes() => false,
            Some(seen) => seen != *owner && !is_owner(seen, product),
            None => m.spec.owner.is_some() || !m.target.cloud.traits().changes_owner,
        });
        // It was read where the files name one.
        let role = m.spec.launch_role.as_ref().map(|_| self.knowledge.launch_role(&m.target.name, &product.id));
        let role = match role {
            Some(Fact::Known(Some(role))) if seen.launch_role.as_deref() != Some(role) => Some(role),
            _ => None,
        };
        if owner.is_some() || role.is_some() || !verified.is_empty() {
            self.observed.push(Entry::Observed {
                verified,
                address: m.spec.address.clone(),
                id: product.id.clone(),
                holdings: Holdings {
                    owner: owner.cloned(),
                    launch_role: role.map(str::to_owned),
                    operation: product.last_operation.clone(),
                },
            });
        }
    }

    /// TAINTED without a difference needs a person and stops nothing.
    fn tainted(&mut self, m: &Matched<'a>, product: &ProvisionedProduct, draft: &Draft) {
        if draft.update.is_some() || !matches!(product.status, Status::Tainted | Status::Error) {
            return;
        }
        let Some(why) = self.failure(&m.spec.address, product) else { return };
        let problem = Problem::failed(format!("{} is {}: {why}", product.id, self.word(&m.spec.address, product)));
        let problem = problem.hint(if m.target.cloud.traits().reapplies {
            format!("what runs is as the files say; `tenure apply --reapply {}` sends it once more", m.spec.address)
        } else {
            "what runs is as the files say; the next update that changes something sends it once more".to_owned()
        });
        self.finding(&m.spec.address, false, false, problem);
    }

    /// A replaced product whose termination did not succeed is still ours to take down. `None` while that is not known.
    pub fn leftovers(&mut self, address: &Address, managed: Option<&'a Managed>, draft: &mut Draft) -> Option<()> {
        let mut known = Some(());
        for id in managed.into_iter().flat_map(|managed| &managed.former) {
            match self.knowledge.presence(&address.target, id) {
                Presence::There(product) => {
                    draft.field(Action::Terminate, FieldName::Name, Shown::Text(product.name.clone()), Shown::Absent);
                    draft.terminate.push(Request::Terminate { id: id.clone() });
                    match self.termination_approvals(address, product) {
                        Some(approvals) => draft.approvals.extend(approvals),
                        None => known = None,
                    }
                }
                Presence::Gone => draft.records.push(Entry::Forgotten {
                    address: address.clone(),
                    id: id.clone(),
                    reason: "replaced, and gone from the cloud".to_owned(),
                    gone: true,
                }),
                Presence::NotVisible(reason) => {
                    self.not_visible(address, id, &reason);
                    known = None;
                }
                Presence::Asked => known = None,
            }
        }
        known
    }
}

/// The properties that the ledger does not have as the files say. Those of a product whose every property we applied are
/// no news.
fn news(verified: &Verified, applied: &Applied) -> Verified {
    let differs = |known: &Option<String>, found: &Option<String>| found.clone().filter(|_| known != found);
    let parameters = verified.parameters.iter().filter(|(key, found)| applied.parameters.get(*key) != Some(found));
    let tags = verified.tags.iter().filter(|(key, found)| applied.tags.get(*key) != Some(found));
    Verified {
        version_id: differs(&applied.version_id, &verified.version_id),
        parameters: parameters.map(|(key, found)| (key.clone(), found.clone())).collect(),
        tags: tags.map(|(key, found)| (key.clone(), found.clone())).collect(),
        owner: differs(&applied.owner, &verified.owner),
        launch_role: differs(&applied.launch_role, &verified.launch_role),
        operation: verified.operation.clone(),
    }
}

fn minute(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%MZ").to_string()
}

/// The way out of a launch that failed, and what else goes that way.
fn take_down(held: &Address, managed: &Managed, id: &str) -> String {
    let others: Vec<&str> =
        std::iter::once(&managed.id).chain(&managed.former).map(String::as_str).filter(|other| *other != id).collect();
    let also = match others.as_slice() {
        [] => String::new(),
        ids => format!(" (which terminates {}, that it was to replace, as well)", ids.join(" and ")),
    };
    format!("terminate it with `tenure destroy --only {held}`{also}, then apply again")
}
