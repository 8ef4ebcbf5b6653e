//! From a step of the plan to a request that can be sent: ids and outputs filled in, and a last look whether the
//! product is still as it was left.

use std::collections::{BTreeMap, BTreeSet};

use super::Secrets;
use crate::ledger::entry::Failure;
use crate::model::principal::is_owner;
use crate::model::secret::Sieve;
use crate::model::{Address, Argument, Observation, Piece, ProvisionedProduct, Request, Step, StepKind, Subject};
use crate::plan::{DeferredUpdate, Plan, parameters, secrets};
use crate::problem::{Kind, Problem};

/// What became of a step on the last look.
pub enum Prepared {
    Send(Request),
    /// Its result holds already; sending it would at best do nothing and at worst taint the product.
    Already(Request, String),
    Fail(Request, Failure, Problem),
}

/// What the run knows by now.
pub struct Known<'a> {
    pub plan: &'a Plan,
    /// The products of this run's own provisions, and of everything else that the plan looked at.
    pub ids: &'a BTreeMap<Address, String>,
    /// The operations of this run, by address: a last operation that is one of these is no surprise.
    pub operations: &'a BTreeMap<Address, BTreeSet<String>>,
    /// What was handed in and approved, by address.
    pub prepared: &'a BTreeMap<Address, String>,
    pub secrets: Secrets<'a>,
    /// The values that this run has sent.
    pub sent_secrets: &'a BTreeSet<String>,
}

/// A secret of another product is looked for in an output only if it is too long to be there by chance.
const STRANGE_CHARACTERS: usize = 8;

impl Known<'_> {
    /// The provisioned product that a step writes to, if it exists already.
    pub fn product_id<'s>(&'s self, step: &'s Step) -> Option<&'s str> {
        match step.request.product() {
            "" if matches!(step.request.change(), Request::Provision { .. }) => None,
            "" => self.ids.get(&step.address).map(String::as_str),
            id => Some(id),
        }
    }

    /// `seen` is what was last seen of each target: the outputs that a step reads may be those of another one.
    pub fn prepare(&self, step: &Step, seen: &BTreeMap<String, Observation>) -> Prepared {
        let mut request = step.request.clone();
        let id = self.product_id(step).unwrap_or_default().to_owned();
        if let Request::Execute { preparation, .. } = &mut request
            && preparation.is_empty()
        {
            preparation.clone_from(self.prepared.get(&step.address).unwrap_or(&String::new()));
        }
        match request.change_mut() {
            Request::Update { id: place, .. }
            | Request::SetLaunchRole { id: place, .. }
            | Request::SetOwner { id: place, .. }
            | Request::Terminate { id: place } => place.clone_from(&id),
            Request::Provision { .. } | Request::Prepare { .. } | Request::Execute { .. } => {}
        }
        let here = seen.get(&step.address.target);
        let now = here.and_then(|seen| seen.products.get(&id));
        let provisioned_here = step.request.product().is_empty();
        if !provisioned_here && let Some(why) = self.moved(step, now) {
            let problem = Problem::failed(format!("{id} is no longer as the plan found it: {why}"))
                .hint("nothing was sent; plan again to see how it is now");
            return Prepared::Fail(request, Failure::Moved, problem);
        }
        if step.kind != StepKind::Execute
            && let Request::Provision { name, .. } = step.request.change()
            && let Some(there) = here.and_then(|seen| seen.products.values().find(|product| product.name == *name))
        {
            let problem = Problem::failed(format!("{} is named `{name}` by now", there.id))
                .hint("nothing was sent; plan again: it will be adopted or be in the way");
            return Prepared::Fail(request, Failure::Moved, problem);
        }
        if let Some(parameters) = request.parameters_mut()
            && let Err(problem) = self.resolve(step, parameters, seen)
        {
            return Prepared::Fail(request, Failure::Moved, problem);
        }
        match already(self.plan, step, &request, now, here) {
            Some(Ok(why)) => Prepared::Already(request, why),
            Some(Err(problem)) => Prepared::Fail(request, Failure::NotSent, problem),
            None => Prepared::Send(request),
        }
    }

    /// Why the product is not as the plan, or this run's own last step, left it.
    fn moved(&self, step: &Step, now: Option<&ProvisionedProduct>) -> Option<String> {
        let base = self.plan.base.get(&step.address)?;
        // An address with several terminations has the state of one of them only.
        if base.id != step.request.product() {
            return None;
        }
        let Some(now) = now else { return Some("it cannot be seen any more".to_owned()) };
        let ours = self.operations.get(&step.address);
        let operation = now.last_operation.as_deref();
        let is_ours = operation.is_some_and(|id| ours.is_some_and(|ours| ours.contains(id)));
        if !is_ours && now.last_operation != base.last_operation {
            return Some(format!("operation {} came in between", operation.unwrap_or("(none)")));
        }
        if ours.is_some() {
            return None;
        }
        let differences = [
            (now.status != base.status, "its status"),
            (now.version_id != base.version_id, "its version"),
            (now.owner != base.owner, "its owner"),
            (now.tags != base.tags, "its tags"),
            (now.name != base.name, "its name"),
        ];
        differences.into_iter().find(|(differs, _)| *differs).map(|(_, what)| format!("{what} changed"))
    }

    fn output<'s>(
        &self,
        address: &Address,
        output: &str,
        seen: &'s BTreeMap<String, Observation>,
    ) -> Result<&'s str, String> {
        let nothing = || "which does not exist".to_owned();
        let id = self.ids.get(address).ok_or_else(nothing)?;
        let seen = seen.get(&address.target).ok_or_else(nothing)?;
        let unreadable = seen.unreadable.get(&Subject::Outputs(id.clone()));
        match (seen.outputs.get(id).and_then(|outputs| outputs.get(output)), unreadable) {
            (Some(value), _) => Ok(value),
            (None, Some(why)) => Err(format!("and of {id} {why}")),
            (None, None) => Err("which has no such output".to_owned()),
        }
    }

    /// An output that repeats a secret is neither sent nor written down.
    fn refuse_secret(
        &self,
        address: &Address,
        output: &str,
        value: &str,
        seen: &BTreeMap<String, Observation>,
    ) -> Result<(), Problem> {
        let own = self.plan.secrets.get(address).into_iter().flatten();
        let stack = self.ids.get(address).and_then(|id| seen.get(&address.target)?.parameters.get(id));
        for (key, secret) in own {
            let at_hand = (self.secrets)(secret).ok();
            let bare = stack.and_then(|stack| stack.parameters.get(key)).filter(|live| !live.masked);
            let values = at_hand.into_iter().chain(bare.map(|live| live.value.clone()));
            if Sieve::new(values.collect()).catches(value) {
                return Err(Problem { kind: Kind::Failed, ..secrets::repeated(address, output, key) });
            }
        }
        let strange = self.sent_secrets.iter().filter(|secret| secret.chars().count() >= STRANGE_CHARACTERS);
        if Sieve::new(strange.cloned().collect()).catches(value) {
            return Err(Problem::failed(format!("output `{output}` of `{address}` repeats a secret of this run"))
                .hint("nothing was sent; make it an output that repeats none"));
        }
        Ok(())
    }

    /// Fills outputs in, and checks the result against the template's rules as planning does with literals.
    fn resolve(
        &self,
        step: &Step,
        arguments: &mut BTreeMap<String, Argument>,
        seen: &BTreeMap<String, Observation>,
    ) -> Result<(), Problem> {
        for (key, argument) in arguments {
            let Argument::Pieces(pieces) = argument else { continue };
            let mut text = String::new();
            for piece in pieces.iter() {
                match piece {
                    Piece::Literal(literal) => text.push_str(literal),
                    Piece::Output { address, output } => {
                        let value = self.output(address, output, seen).map_err(|why| {
                            let message = format!("`parameters.{key}` needs output `{output}` of `{address}`, {why}");
                            Problem::failed(message).hint("nothing was sent; correct the reference and apply again")
                        })?;
                        self.refuse_secret(address, output, value, seen)?;
                        text.push_str(value);
                    }
                }
            }
            if let Some(rule) = self.plan.guards.get(&step.id).and_then(|rules| rules.get(key)) {
                parameters::check(rule, key, &text).map_err(|message| {
                    Problem::failed(format!("{message}; its value came from an output"))
                        .hint("nothing was sent; correct the reference and apply again")
                })?;
            }
            *argument = Argument::Value(text);
        }
        Ok(())
    }
}

/// An update whose parameters turned out to be what runs. What it was to change beside them stays undone, because the
/// service does not take it alone.
fn equal_outputs(deferred: &DeferredUpdate) -> Result<String, Problem> {
    let equal = "the outputs it reads are what it has already";
    match &deferred.left_undone {
        None => Ok(equal.to_owned()),
        Some(what) if deferred.may_wait => Ok(format!("{equal}; {what} will change with the next update")),
        Some(what) => Err(Problem::failed(format!(
            "{equal}, and the service does not change {what} without a parameter or the version"
        ))
        .hint("nothing was sent; change a parameter with it, or let it wait with `tags_with_next_update = true`")),
    }
}

/// Whether the step's result is there before anything is sent; an error if only a part of it is, and the rest cannot be
/// sent.
fn already(
    plan: &Plan,
    step: &Step,
    request: &Request,
    now: Option<&ProvisionedProduct>,
    seen: Option<&Observation>,
) -> Option<Result<String, Problem>> {
    match request.change() {
        Request::SetOwner { again: true, .. } | Request::SetLaunchRole { again: true, .. } => None,
        Request::SetOwner { owner, .. } => {
            now.is_some_and(|now| is_owner(owner, now)).then(|| Ok("it has this owner already".to_owned()))
        }
        Request::SetLaunchRole { id, role, .. } => (seen?.launch_roles.get(id)?.as_deref() == Some(role.as_str()))
            .then(|| Ok("it has this launch role already".to_owned())),
        Request::Update { parameters, .. } => {
            let deferred = plan.deferred.get(&step.id)?;
            let rules = plan.guards.get(&step.id)?;
            let same = rules.iter().all(|(key, rule)| match (parameters.get(key), deferred.running.get(key)) {
                (Some(Argument::Value(value)), Some(live)) => {
                    parameters::normal(&rule.kind, value) == parameters::normal(&rule.kind, live)
                }
                _ => false,
            });
            same.then(|| equal_outputs(deferred))
        }
        Request::Provision { .. } | Request::Terminate { .. } | Request::Prepare { .. } | Request::Execute { .. } => {
            None
        }
    }
}
