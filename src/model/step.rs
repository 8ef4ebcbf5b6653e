//! What is sent to a cloud, and what is told while it runs.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Address, Piece, SecretRef};
use crate::problem::Problem;

/// The number of a step in its plan, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct StepId(pub u32);

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// A change is handed in for approval.
    Prepare,
    /// What was approved is carried out.
    Execute,
    Provision,
    SetLaunchRole,
    Update,
    SetOwner,
    Terminate,
}

impl StepKind {
    /// The word that stands beside the symbol.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            StepKind::Prepare => "ask approval",
            StepKind::Execute => "execute",
            StepKind::Provision => "provision",
            StepKind::SetLaunchRole => "set launch role",
            StepKind::Update => "update",
            StepKind::SetOwner => "transfer owner",
            StepKind::Terminate => "terminate",
        }
    }

    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            StepKind::Prepare => "?",
            StepKind::Execute => "*",
            StepKind::Provision => "+",
            StepKind::SetLaunchRole => "@",
            StepKind::Update => "~",
            StepKind::SetOwner => ">",
            StepKind::Terminate => "-",
        }
    }
}

/// One cloud write with its place in the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Step {
    pub id: StepId,
    pub address: Address,
    pub kind: StepKind,
    /// The steps that must have succeeded before this one starts.
    pub after: BTreeSet<StepId>,
    pub request: Request,
    /// Seconds until the step is left to the cloud and the run goes on without it.
    pub timeout_seconds: u64,
}

impl Step {
    /// What it does, for a reader; of what is handed in and carried out also what that is.
    #[must_use]
    pub fn words(&self) -> Cow<'static, str> {
        let word = self.kind.word();
        match &self.request {
            Request::Prepare { change, .. } | Request::Execute { change, .. } => {
                Cow::Owned(format!("{word} ({})", change.kind().word()))
            }
            _ => Cow::Borrowed(word),
        }
    }
}

/// One write, with everything that it needs. In a plan an id may still be empty (its product is provisioned by an
/// earlier step) and an argument may still refer to an output; `apply` fills both in before anything is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case", tag = "operation")]
pub enum Request {
    Provision {
        name: String,
        product_id: String,
        version_id: String,
        path_id: Option<String>,
        /// Where the resources go, if that is not the product's own region.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stack_region: Option<String>,
        parameters: BTreeMap<String, Argument>,
        tags: BTreeMap<String, String>,
    },
    Update {
        id: String,
        product_id: String,
        version_id: String,
        path_id: Option<String>,
        parameters: BTreeMap<String, Argument>,
        /// The whole set of user tags, or nothing to leave them alone.
        tags: Option<BTreeMap<String, String>>,
    },
    SetLaunchRole {
        id: String,
        role: String,
        /// Sent although the product has it already (`--reapply`).
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        again: bool,
    },
    SetOwner {
        id: String,
        owner: String,
        /// Sent although the product has it already (`--reapply`).
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        again: bool,
    },
    Terminate {
        id: String,
    },
    /// Hands a change in for approval.
    Prepare {
        change: Box<Request>,
        /// What was handed in before and is not wanted any more: it is cancelled first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        supersedes: Option<String>,
    },
    /// Carries an approved change out.
    Execute {
        change: Box<Request>,
        /// The cloud's id of what was approved; empty until it has been handed in.
        preparation: String,
    },
}

impl Request {
    /// What is changed in the end, with or without somebody's approval.
    #[must_use]
    pub fn change(&self) -> &Request {
        match self {
            Request::Prepare { change, .. } | Request::Execute { change, .. } => change,
            other => other,
        }
    }

    pub fn change_mut(&mut self) -> &mut Request {
        match self {
            Request::Prepare { change, .. } | Request::Execute { change, .. } => change,
            other => other,
        }
    }

    /// The kind of step that sends it.
    #[must_use]
    pub fn kind(&self) -> StepKind {
        match self {
            Request::Provision { .. } => StepKind::Provision,
            Request::Update { .. } => StepKind::Update,
            Request::SetLaunchRole { .. } => StepKind::SetLaunchRole,
            Request::SetOwner { .. } => StepKind::SetOwner,
            Request::Terminate { .. } => StepKind::Terminate,
            Request::Prepare { .. } => StepKind::Prepare,
            Request::Execute { .. } => StepKind::Execute,
        }
    }

    /// The provisioned product that is written to; empty while it does not exist.
    #[must_use]
    pub fn product(&self) -> &str {
        match self.change() {
            Request::Provision { .. } => "",
            Request::Update { id, .. }
            | Request::SetLaunchRole { id, .. }
            | Request::SetOwner { id, .. }
            | Request::Terminate { id } => id,
            Request::Prepare { .. } | Request::Execute { .. } => "",
        }
    }

    #[must_use]
    pub fn parameters(&self) -> Option<&BTreeMap<String, Argument>> {
        match self.change() {
            Request::Provision { parameters, .. } | Request::Update { parameters, .. } => Some(parameters),
            _ => None,
        }
    }

    /// The secrets whose values are sent. An approved change was submitted with its own.
    pub fn secrets_to_send(&self) -> impl Iterator<Item = &SecretRef> {
        let parameters = self.parameters().filter(|_| !matches!(self, Request::Execute { .. }));
        parameters.into_iter().flat_map(BTreeMap::values).filter_map(|argument| match argument {
            Argument::Secret(secret) => Some(secret),
            Argument::Value(_) | Argument::Previous | Argument::Pieces(_) => None,
        })
    }

    pub fn parameters_mut(&mut self) -> Option<&mut BTreeMap<String, Argument>> {
        match self.change_mut() {
            Request::Provision { parameters, .. } | Request::Update { parameters, .. } => Some(parameters),
            _ => None,
        }
    }
}

/// One parameter as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Argument {
    Value(String),
    /// Kept by the cloud (AWS `UsePreviousValue`).
    Previous,
    /// Looked up at the moment of sending; only the reference is written down.
    Secret(SecretRef),
    /// Outputs of other products, known once those are in place.
    Pieces(Vec<Piece>),
}

/// What `apply` tells whoever listens. A listener can draw the whole run from these.
#[derive(Debug, Clone)]
pub enum Event {
    /// An unsettled step of an earlier run was looked at: what became of it.
    Settled {
        address: Address,
        kind: StepKind,
        outcome: String,
    },
    Started {
        step: StepId,
        address: Address,
        kind: StepKind,
        timeout: Duration,
    },
    /// A running step was looked at: the cloud's word for its state, which may be the same as before.
    Progress {
        step: StepId,
        status: String,
        elapsed: Duration,
    },
    Succeeded {
        step: StepId,
        address: Address,
        kind: StepKind,
        elapsed: Duration,
        note: Option<String>,
        /// Whether anything was sent. If not, the result was there already.
        sent: bool,
    },
    Failed {
        step: StepId,
        address: Address,
        kind: StepKind,
        problem: Problem,
    },
    /// Not started, because `because` did not succeed or the run was told to stop.
    NotStarted {
        step: StepId,
        address: Address,
        kind: StepKind,
        because: String,
    },
    /// Handed in: a later run goes on when somebody has approved it.
    AwaitingApproval {
        step: StepId,
        address: Address,
        kind: StepKind,
        /// Who may approve it, as far as the cloud tells, and the cloud's id of what waits.
        by: String,
    },
    /// Still running in the cloud when the run ended; the next run picks it up.
    LeftRunning {
        step: StepId,
        address: Address,
        kind: StepKind,
        operation: String,
    },
    /// A person pressed Ctrl-C: nothing new is started.
    Interrupted,
    /// A ledger-only change was recorded.
    Recorded {
        address: Address,
        what: String,
    },
    Waiting {
        on: String,
    },
}

/// What a run came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Steps whose result is there, whether or not that took a request.
    pub succeeded: u32,
    /// Those among them for which nothing was sent.
    pub unneeded: u32,
    pub failed: u32,
    pub not_started: u32,
    pub left_running: u32,
    /// Handed in and not yet approved.
    pub waiting: u32,
    pub interrupted: bool,
}

impl Report {
    /// Whether everything that was to be done is done.
    #[must_use]
    pub fn is_complete(self) -> bool {
        self.failed == 0 && self.not_started == 0 && self.left_running == 0 && self.waiting == 0 && !self.interrupted
    }
}
