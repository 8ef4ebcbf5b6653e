//! The one table of what may follow what.
//!
//! An address is idle, or has a step that was started, or one that the cloud has accepted. Everything that may be
//! written about it follows from that and from what is ours there. The table is asked before anything is written, and
//! again for every line that is read.

use std::fmt;

use super::entry::{Entry, Failure, Started, Succeeded};
use super::{Ledger, Unsettled};
use crate::model::{Address, Request, StepId, StepKind};

/// How far the step of an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// No step is unsettled.
    Idle,
    /// A step may have been sent.
    Started,
    /// The cloud has accepted it.
    Submitted,
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            State::Idle => "idle",
            State::Started => "started",
            State::Submitted => "submitted",
        })
    }
}

/// An entry that cannot follow what is in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry {seq} (`{entry}`) cannot follow for {address}, which is {state}: {why}")]
pub struct Illegal {
    pub seq: u64,
    pub address: Address,
    pub state: State,
    pub entry: &'static str,
    /// Boxed, so that the happy way carries little.
    pub why: Box<Objection>,
}

/// What speaks against an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Objection {
    #[error("no step was started")]
    NothingStarted,
    #[error("its step {0} is not settled")]
    Unsettled(StepId),
    #[error("its unsettled step is {0}")]
    OtherStep(StepId),
    #[error("the step is about {0}")]
    OtherProduct(String),
    #[error("no provisioned product is named")]
    NoProduct,
    #[error("{0} is not ours there")]
    NotOurs(String),
    #[error("{address} already stands for {id}")]
    Taken { address: Address, id: String },
    #[error("{id} is ours as {address}")]
    Elsewhere { address: Address, id: String },
    #[error("{0} was not approved there")]
    NotPrepared(String),
    #[error("nothing was declared of it")]
    Undeclared,
    #[error("the request is not one of its kind of step")]
    WrongRequest,
    #[error("it was sent")]
    WasSent,
    #[error("an operation that failed was accepted first, and that is not written")]
    NeverAccepted,
}

impl Ledger {
    /// How far the step of `address` is.
    #[must_use]
    pub fn state(&self, address: &Address) -> State {
        match self.unsettled.get(address) {
            None => State::Idle,
            Some(Unsettled { submitted: None, .. }) => State::Started,
            Some(_) => State::Submitted,
        }
    }

    /// Whether `entry` may be the next one. Changes nothing.
    ///
    /// # Errors
    /// [`Illegal`], with what speaks against it.
    pub fn check(&self, entry: &Entry) -> Result<(), Illegal> {
        let Some(address) = entry.address() else {
            // A run may begin and end whatever is unsettled: settling is the next run's first work.
            return Ok(());
        };
        self.transition(address, entry).map_err(|why| Illegal {
            seq: self.seq + 1,
            address: address.clone(),
            state: self.state(address),
            entry: entry.word(),
            why: Box::new(why),
        })
    }

    /// The table. Every pair is named, so that a new entry or state does not compile until it is decided.
    fn transition(&self, address: &Address, entry: &Entry) -> Result<(), Objection> {
        let step = self.unsettled.get(address);
        match (step, self.state(address), entry) {
            (_, _, Entry::Began(_) | Entry::Ended { .. } | Entry::Declared { .. }) => Ok(()),

            // Looking and renaming disturb no step: the cloud knows neither addresses nor who looks.
            (_, _, Entry::Observed { id, .. }) => self.ours(address, id),
            (_, _, Entry::Moved { to, id, .. }) => self.movable(address, to, id),

            (None, _, Entry::Adopted { id, .. }) => self.adoptable(address, id),
            (None, _, Entry::Forgotten { id, .. }) => self.ours(address, id),
            (None, _, Entry::Started(started)) => self.startable(started),
            // The look before the sending is allowed to find that there is nothing to start.
            (None, _, Entry::Failed { reason: Failure::Moved, .. }) => Ok(()),
            (None, _, Entry::Submitted { .. } | Entry::Succeeded(_) | Entry::Failed { .. }) => {
                Err(Objection::NothingStarted)
            }

            (Some(step), _, Entry::Adopted { .. } | Entry::Forgotten { .. } | Entry::Started(_)) => {
                Err(Objection::Unsettled(step.started.step))
            }

            (Some(pending), State::Idle | State::Started, Entry::Submitted { step, product, .. }) => {
                same_step(pending, *step)?;
                self.fitting(pending, product)
            }
            (Some(_), State::Submitted, Entry::Submitted { .. }) => Err(Objection::WasSent),

            (Some(pending), state, Entry::Succeeded(succeeded)) => self.may_succeed(pending, state, succeeded),
            (Some(pending), state, Entry::Failed { step, reason, .. }) => {
                same_step(pending, *step)?;
                may_fail(state, *reason)
            }
        }
    }

    fn ours(&self, address: &Address, id: &str) -> Result<(), Objection> {
        match self.managed.get(address) {
            Some(managed) if managed.holds(id) => Ok(()),
            _ => Err(Objection::NotOurs(id.to_owned())),
        }
    }

    /// One id has one address.
    fn nowhere_but(&self, address: &Address, id: &str) -> Result<(), Objection> {
        match self.address_of(id) {
            Some(other) if other != address => Err(Objection::Elsewhere { address: other.clone(), id: id.to_owned() }),
            _ if id.is_empty() => Err(Objection::NoProduct),
            _ => Ok(()),
        }
    }

    fn free(&self, address: &Address) -> Result<(), Objection> {
        match self.managed.get(address) {
            Some(managed) => Err(Objection::Taken { address: address.clone(), id: managed.id.clone() }),
            None => Ok(()),
        }
    }

    fn adoptable(&self, address: &Address, id: &str) -> Result<(), Objection> {
        self.free(address)?;
        self.nowhere_but(address, id)
    }

    fn movable(&self, from: &Address, to: &Address, id: &str) -> Result<(), Objection> {
        match self.managed.get(from) {
            Some(managed) if managed.id == id => {}
            _ => return Err(Objection::NotOurs(id.to_owned())),
        }
        self.free(to)?;
        match self.unsettled.get(to) {
            Some(step) => Err(Objection::Unsettled(step.started.step)),
            None => Ok(()),
        }
    }

    /// Nothing is started on what is not ours, whatever a plan says.
    fn startable(&self, started: &Started) -> Result<(), Objection> {
        match (started.kind, &started.request) {
            (StepKind::Prepare, Request::Prepare { change, .. }) => self.changeable(&started.address, change),
            (StepKind::Execute, Request::Execute { change, preparation }) => {
                let prepared = self.prepared.get(&started.address);
                // One that turned out to change nothing was never handed in.
                if !preparation.is_empty() && prepared.is_none_or(|prepared| prepared.id != *preparation) {
                    return Err(Objection::NotPrepared(preparation.clone()));
                }
                self.changeable(&started.address, change)
            }
            (kind, request) if kind == request.kind() => self.changeable(&started.address, request),
            _ => Err(Objection::WrongRequest),
        }
    }

    fn changeable(&self, address: &Address, request: &Request) -> Result<(), Objection> {
        let managed = self.managed.get(address);
        let current = |id: &String| match managed {
            Some(managed) if managed.id == *id => Ok(()),
            _ => Err(Objection::NotOurs(id.clone())),
        };
        match request {
            Request::Provision { .. } => {
                let declared = managed.is_some() || self.declared.contains_key(address);
                if declared { Ok(()) } else { Err(Objection::Undeclared) }
            }
            Request::Update { id, .. } | Request::SetLaunchRole { id, .. } | Request::SetOwner { id, .. } => {
                current(id)
            }
            // Also of one that was replaced.
            Request::Terminate { id } => self.ours(address, id),
            Request::Prepare { .. } | Request::Execute { .. } => Err(Objection::WrongRequest),
        }
    }

    /// Whether `product` is what the step can be about: a provision's is new, every other step knows its own.
    fn fitting(&self, pending: &Unsettled, product: &str) -> Result<(), Objection> {
        match (pending.started.request.change(), &pending.submitted) {
            // What is handed in may be given an id long before anything exists.
            (Request::Provision { .. }, _) if pending.started.kind == StepKind::Prepare => Ok(()),
            // What was approved may be given an id only while it is carried out.
            (Request::Provision { .. }, None) if product.is_empty() && pending.started.kind == StepKind::Execute => {
                Ok(())
            }
            (Request::Provision { .. }, Some((_, known))) if known.is_empty() => {
                self.nowhere_but(&pending.started.address, product)
            }
            (Request::Provision { .. }, None) => self.nowhere_but(&pending.started.address, product),
            (Request::Provision { .. }, Some((_, known))) if known == product => Ok(()),
            (Request::Provision { .. }, Some((_, known))) => Err(Objection::OtherProduct(known.clone())),
            (request, _) if request.product() == product => Ok(()),
            (request, _) => Err(Objection::OtherProduct(request.product().to_owned())),
        }
    }

    fn may_succeed(&self, pending: &Unsettled, state: State, succeeded: &Succeeded) -> Result<(), Objection> {
        same_step(pending, succeeded.step)?;
        match (state, pending.started.request.change()) {
            (State::Submitted, _) if succeeded.already => Err(Objection::WasSent),
            // What is there before anything is sent is not provisioned but adopted.
            (_, Request::Provision { .. }) if succeeded.already && pending.started.kind != StepKind::Prepare => {
                Err(Objection::WrongRequest)
            }
            _ => self.fitting(pending, &succeeded.product),
        }
    }
}

fn same_step(pending: &Unsettled, step: StepId) -> Result<(), Objection> {
    if pending.started.step == step { Ok(()) } else { Err(Objection::OtherStep(pending.started.step)) }
}

fn may_fail(state: State, reason: Failure) -> Result<(), Objection> {
    match (state, reason) {
        // The operation, and with it a product that exists now, would be lost.
        (State::Idle | State::Started, Failure::Operation) => Err(Objection::NeverAccepted),
        (State::Submitted, Failure::Moved | Failure::NotSent) => Err(Objection::WasSent),
        _ => Ok(()),
    }
}
