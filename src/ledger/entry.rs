//! One fact each: what a ledger line says.
//!
//! Entries are a file format: fields may be added with a default, never renamed or reused. A secret stands in them as
//! its reference and version only.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::model::{Address, Argument, Cloud, Request, StepId, StepKind};

/// The version of the format that this program writes; a newer one is refused.
pub const FORMAT_VERSION: u32 = 1;

/// One line: an entry with its place in the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// Format version.
    pub v: u32,
    /// Position in the ledger, from 1.
    pub seq: u64,
    /// When it was written, in UTC.
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// The run that wrote it.
    pub run: String,
    pub entry: Entry,
    /// The hash of the line before; 64 zeros in the first one.
    pub prev: String,
    /// SHA-256 over everything above, in hexadecimal.
    pub hash: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Entry {
    /// A run begins: who, from what, with which approval.
    Began(Began),
    /// What must outlive a deleted block.
    Declared { address: Address, declaration: Declaration },
    /// An existing provisioned product became ours.
    Adopted {
        address: Address,
        id: String,
        holdings: Holdings,
        declaration: Declaration,
        #[serde(default, skip_serializing_if = "Verified::is_empty")]
        verified: Verified,
    },
    /// One id, another address.
    Moved { from: Address, to: Address, id: String },
    /// Ours no longer, and nothing was terminated.
    Forgotten {
        address: Address,
        id: String,
        reason: String,
        /// The product does not exist any more: somebody else terminated it.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        gone: bool,
    },
    /// About to be sent. Durable before anything is.
    Started(Started),
    /// Accepted by the cloud as this operation.
    /// Where the cloud names no operation when it accepts a request, `operation` is empty, and the one that follows the
    /// `seen` of `started` is meant.
    Submitted { step: StepId, address: Address, operation: String, product: String },
    /// Done.
    Succeeded(Succeeded),
    /// Not done, or not as asked; nothing is tried again on the strength of this entry.
    Failed { step: StepId, address: Address, reason: Failure, message: String },
    /// What was seen of one product outside of any step. Never changes what was last applied.
    Observed {
        address: Address,
        id: String,
        holdings: Holdings,
        #[serde(default, skip_serializing_if = "Verified::is_empty")]
        verified: Verified,
    },
    /// A run ended.
    Ended { succeeded: u32, failed: u32, not_started: u32, left_running: u32, interrupted: bool },
}

impl Entry {
    /// The word that the file uses for it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Entry::Began(_) => "began",
            Entry::Declared { .. } => "declared",
            Entry::Adopted { .. } => "adopted",
            Entry::Moved { .. } => "moved",
            Entry::Forgotten { .. } => "forgotten",
            Entry::Started(_) => "started",
            Entry::Submitted { .. } => "submitted",
            Entry::Succeeded(_) => "succeeded",
            Entry::Failed { .. } => "failed",
            Entry::Observed { .. } => "observed",
            Entry::Ended { .. } => "ended",
        }
    }

    /// The address that it is about, and whose state decides whether it is legal; of a move the old one.
    #[must_use]
    pub fn address(&self) -> Option<&Address> {
        match self {
            Entry::Began(_) | Entry::Ended { .. } => None,
            Entry::Declared { address, .. }
            | Entry::Adopted { address, .. }
            | Entry::Moved { from: address, .. }
            | Entry::Forgotten { address, .. }
            | Entry::Started(Started { address, .. })
            | Entry::Submitted { address, .. }
            | Entry::Succeeded(Succeeded { address, .. })
            | Entry::Failed { address, .. }
            | Entry::Observed { address, .. } => Some(address),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Began {
    /// `apply` or `destroy`.
    pub command: String,
    /// The callers' ARNs, by target.
    pub actors: BTreeMap<String, String>,
    /// The same as owners of what they launch, by target, where the cloud tells owners by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub holders: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    pub digest: String,
    /// How it was approved: `yes` at the prompt, or `auto-approve`.
    pub approval: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The commit that the files were at, where CI says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The CI run, where CI says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci_run: Option<String>,
    /// The version of the program.
    pub tenure: String,
    /// Targets that were the embedded sandbox: such a ledger is never used on a real target.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub sandboxed: BTreeSet<String>,
}

/// What must be known of a product after its block is gone from the files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Declaration {
    /// The name that was pinned at first sight.
    pub name: String,
    pub cloud: Cloud,
    pub account: String,
    pub region: String,
    #[serde(default)]
    pub protect: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steward: Option<String>,
    /// What it refers to or depends on: terminations run the other way.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub needs: BTreeSet<Address>,
    /// The tag keys that the files set: one that vanishes from them is removed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    #[serde(default)]
    pub timeout_seconds: u64,
}

/// Who held what when somebody looked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Holdings {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch_role: Option<String>,
    /// The product's last operation at that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
}

/// Properties of a product that were found to be as the files say. From then on they are the base that tells drift from a
/// change of the files, as if they had been applied.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Verified {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// Values that are not secret, and the references of secrets, which are taken as running without being compared.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, Argument>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch_role: Option<String>,
    /// The product's last provisioning operation at that time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
}

impl Verified {
    /// Whether nothing was verified. The operation alone says nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.version_id.is_none()
            && self.parameters.is_empty()
            && self.tags.is_empty()
            && self.owner.is_none()
            && self.launch_role.is_none()
    }
}

impl Holdings {
    /// Takes over what a later look knows. What it does not name it did not ask for, which is no news.
    pub fn learn(&mut self, later: &Holdings) {
        for (known, news) in [
            (&mut self.owner, &later.owner),
            (&mut self.launch_role, &later.launch_role),
            (&mut self.operation, &later.operation),
        ] {
            if news.is_some() {
                known.clone_from(news);
            }
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Started {
    pub step: StepId,
    pub address: Address,
    pub kind: StepKind,
    /// The whole request; secrets by reference.
    pub request: Request,
    /// The idempotency token that is sent with it.
    pub token: String,
    /// The product's last operation before: a newer one is either this step's or somebody else's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
    /// Who held what before, where it is known.
    #[serde(default)]
    pub before: Holdings,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Succeeded {
    pub step: StepId,
    pub address: Address,
    /// The provisioned product.
    pub product: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// It held before anything was sent, so nothing was.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub already: bool,
    /// The caller may no longer look (an owner change), so only the cloud's acceptance is known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unconfirmed: bool,
    /// The parameters as they were sent, for a three-way comparison: literal values that are not secret.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sent: BTreeMap<String, Argument>,
}

/// Why a step failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// The cloud refused the request.
    Rejected,
    /// The cloud's operation ended in failure.
    Operation,
    /// The product was no longer as the plan or our own last step left it; nothing was sent.
    Moved,
    /// Found at settling: the world went on without it; it is not known to have been sent.
    Superseded,
    /// Found at settling: it was never sent.
    NotSent,
}
