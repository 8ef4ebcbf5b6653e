//! What the world consists of. Times are milliseconds since 1970 in the world's own time.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use super::place::{Cloud, Place};
pub use super::refusal::{Answer, ServiceError};

/// Milliseconds since the epoch, in the world's own time.
pub type Millis = i64;

/// Where the world's time ends: the last moment that can be written down. Whatever would end later ends then.
pub const LAST: Millis = 253_402_207_200_000;

/// How much of an account a principal may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    User,
    Role,
    Account,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Account {
    pub regions: BTreeSet<String>,
    /// Launch roles that cannot do their work: every operation that runs as one of them fails.
    pub broken_roles: BTreeSet<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Principal {
    /// The key in the seed; portfolios name principals by it.
    pub name: String,
    pub arn: String,
    pub account: String,
    pub access_key_id: String,
    pub secret_access_key: String,
    pub access: Access,
    pub trusted_external_id: Option<String>,
    /// Its credentials have expired.
    pub expired: bool,
    /// May call nothing that changes anything.
    pub read_only: bool,
    /// Operations it may call beyond those that its access level implies.
    pub allow: BTreeSet<String>,
    /// Operations it may not call.
    pub deny: BTreeSet<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ConstraintKind {
    Launch,
    Notification,
    ResourceUpdate,
    Stackset,
    Template,
    Approval,
    StackRegion,
}

impl ConstraintKind {
    pub fn as_str(self) -> &'static str {
        match self {
            ConstraintKind::Launch => "LAUNCH",
            ConstraintKind::Notification => "NOTIFICATION",
            ConstraintKind::ResourceUpdate => "RESOURCE_UPDATE",
            ConstraintKind::Stackset => "STACKSET",
            ConstraintKind::Template => "TEMPLATE",
            ConstraintKind::Approval => "APPROVAL",
            ConstraintKind::StackRegion => "STACK_REGION",
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Constraint {
    /// Id of the product that it is on.
    pub product: String,
    pub kind: ConstraintKind,
    /// The launch role of a LAUNCH constraint.
    pub role: Option<String>,
    /// What an APPROVAL constraint covers: operations, or `All`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<String>,
    /// Who may approve: keys of principals.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvers: Vec<String>,
    /// Where a STACK_REGION constraint lets stacks be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Portfolio {
    pub id: String,
    pub place: Place,
    pub name: String,
    pub principals: BTreeSet<String>,
    pub constraints: Vec<Constraint>,
}

/// A catalog product in one place.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Product {
    pub id: String,
    pub view_id: String,
    pub place: Place,
    pub name: String,
    pub owner: String,
    pub description: Option<String>,
    pub distributor: Option<String>,
    pub portfolios: Vec<String>,
    pub versions: Vec<Version>,
    pub created: Millis,
}

/// A provisioning artifact.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Version {
    pub id: String,
    pub name: String,
    pub description: Option<String>,
    pub kind: StackKind,
    pub active: bool,
    pub deprecated: bool,
    /// What an administrator advises otherwise; nothing is `Default`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
    /// Content hash of the template, the key in [`super::Catalog::templates`].
    pub template: String,
    pub duration: Millis,
    pub fail: Option<String>,
    pub created: Millis,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StackKind {
    CfnStack,
    CfnStackset,
    /// A stack of Alibaba Cloud's Resource Orchestration Service.
    RosStack,
}

impl StackKind {
    pub fn as_str(self) -> &'static str {
        match self {
            StackKind::CfnStack => "CFN_STACK",
            StackKind::CfnStackset => "CFN_STACKSET",
            StackKind::RosStack => "RosStack",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    Available,
    UnderChange,
    Tainted,
    Error,
    PlanInProgress,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Available => "AVAILABLE",
            Status::UnderChange => "UNDER_CHANGE",
            Status::Tainted => "TAINTED",
            Status::Error => "ERROR",
            Status::PlanInProgress => "PLAN_IN_PROGRESS",
        }
    }
}

/// Who holds a provisioned product: the principal, and the session if it was a session that took it.
///
/// On Alibaba Cloud `session` is `role/ID` or `user/ID`: what the service tells of an owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    pub arn: String,
    pub session: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Provisioned {
    pub id: String,
    pub name: String,
    pub place: Place,
    pub kind: StackKind,
    pub product: String,
    pub version: String,
    pub path: String,
    pub status: Status,
    /// The status that it had before the operation which is running.
    pub settled: Status,
    pub status_message: Option<String>,
    pub created: Millis,
    pub token: String,
    pub last_record: Option<String>,
    pub last_provisioning_record: Option<String>,
    pub last_successful_record: Option<String>,
    /// User tags as they were last asked for, which is not always what the stack has.
    pub tags: BTreeMap<String, String>,
    pub owner: Owner,
    pub provisioner: String,
    pub launch_role: Option<String>,
    pub stack: Option<String>,
    pub plan: Option<String>,
    /// Where the resources are, on a cloud where that need not be the region of the catalog.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_region: Option<String>,
    pub terminated: bool,
}

impl Provisioned {
    pub fn arn(&self) -> String {
        let Place { account, region } = &self.place;
        match self.place.cloud() {
            Cloud::Alibaba => format!("acs:servicecatalog:{region}:{account}:provisionedproduct/{}", self.id),
            Cloud::Aws => {
                let partition = self.place.partition();
                format!("arn:{partition}:servicecatalog:{region}:{account}:stack/{}/{}", self.name, self.id)
            }
        }
    }
}

/// A parameter's value. What NoEcho hides is kept as a digest only: enough to see a change, nothing to read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    Plain(String),
    Hidden(String),
}

impl Value {
    /// What may be shown.
    pub fn shown(&self) -> &str {
        match self {
            Value::Plain(text) => text,
            Value::Hidden(_) => "****",
        }
    }
}

pub type Values = BTreeMap<String, Value>;
pub type Tags = BTreeMap<String, String>;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OutputValue {
    pub key: String,
    pub value: String,
    pub description: Option<String>,
}

/// A CloudFormation stack or stack set.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Stack {
    pub id: String,
    pub name: String,
    pub place: Place,
    pub kind: StackKind,
    pub status: String,
    pub template: String,
    pub parameters: Values,
    pub tags: Tags,
    pub outputs: Vec<OutputValue>,
    pub notifications: Vec<String>,
    pub role: Option<String>,
    pub created: Millis,
    pub updated: Option<Millis>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RecordKind {
    ProvisionProduct,
    UpdateProvisionedProduct,
    TerminateProvisionedProduct,
}

impl RecordKind {
    pub fn as_str(self) -> &'static str {
        match self {
            RecordKind::ProvisionProduct => "PROVISION_PRODUCT",
            RecordKind::UpdateProvisionedProduct => "UPDATE_PROVISIONED_PRODUCT",
            RecordKind::TerminateProvisionedProduct => "TERMINATE_PROVISIONED_PRODUCT",
        }
    }
}

/// What a launch (a first one or an update) is to bring about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Launch {
    pub product: String,
    pub version: String,
    pub path: String,
    pub parameters: Values,
    /// Keys of the parameters that were asked for; kept only where the service tells them from defaults.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub entered: BTreeSet<String>,
    pub tags: Tags,
    pub notifications: Vec<String>,
}

/// What a running operation does when it ends well.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    Launch {
        launch: Launch,
        plan: Option<String>,
    },
    Properties {
        owner: Option<Owner>,
        launch_role: Option<String>,
    },
    Terminate {
        retain: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plan: Option<String>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub code: String,
    pub message: String,
}

/// A request and what became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    pub id: String,
    pub sequence: u64,
    pub place: Place,
    pub kind: RecordKind,
    pub provisioned: String,
    pub name: String,
    pub stack_kind: StackKind,
    pub product: String,
    pub version: String,
    pub path: String,
    pub tags: Tags,
    /// The parameters that were asked for, where the service tells them.
    #[serde(default, skip_serializing_if = "Values::is_empty")]
    pub entered: Values,
    pub launch_role: Option<String>,
    /// Who owned the product when the request was made: a previous owner keeps these in his history.
    pub holder: Owner,
    pub created: Millis,
    pub ends: Millis,
    /// Known from the start and told only when it happens.
    pub failure: Option<Failure>,
    /// What is still to be done; absent once it has ended.
    pub work: Option<Work>,
    pub outputs: Vec<OutputValue>,
}

impl Record {
    /// How far it has come at `now`.
    pub fn status(&self, now: Millis) -> &'static str {
        let length = self.ends - self.created;
        match (&self.work, &self.failure) {
            (None, None) => "SUCCEEDED",
            (None, Some(_)) => "FAILED",
            (Some(_), _) if now - self.created < (length / 10).min(1000) => "CREATED",
            (Some(_), Some(_)) if now - self.created >= length / 4 * 3 => "IN_PROGRESS_IN_ERROR",
            _ => "IN_PROGRESS",
        }
    }

    pub fn updated(&self, now: Millis) -> Millis {
        if self.work.is_none() { self.ends } else { now.min(self.ends) }
    }

    /// The answer that the request got at once, which a repeated request with the same token gets again.
    pub fn as_created(&self) -> Record {
        let mut first = self.clone();
        first.failure = None;
        first.outputs = Vec::new();
        first.work = Some(Work::Terminate { retain: false, plan: None });
        first.ends = first.created + 60_000;
        first
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PlanStatus {
    CreateInProgress,
    CreateSuccess,
    CreateFailed,
    ExecuteInProgress,
    ExecuteSuccess,
    ExecuteFailed,
}

impl PlanStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            PlanStatus::CreateInProgress => "CREATE_IN_PROGRESS",
            PlanStatus::CreateSuccess => "CREATE_SUCCESS",
            PlanStatus::CreateFailed => "CREATE_FAILED",
            PlanStatus::ExecuteInProgress => "EXECUTE_IN_PROGRESS",
            PlanStatus::ExecuteSuccess => "EXECUTE_SUCCESS",
            PlanStatus::ExecuteFailed => "EXECUTE_FAILED",
        }
    }
}

/// One resource of a plan's change set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceChange {
    pub action: String,
    pub logical_id: String,
    pub physical_id: Option<String>,
    pub kind: String,
}

/// A provisioned product plan: a preview by change set.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    pub id: String,
    pub name: String,
    pub place: Place,
    pub provisioned: String,
    pub provisioned_name: String,
    pub status: PlanStatus,
    pub status_message: Option<String>,
    pub created: Millis,
    pub updated: Millis,
    pub ends: Millis,
    pub owner: Owner,
    pub launch: Launch,
    /// Keys that were asked to keep their previous value.
    pub previous: BTreeSet<String>,
    /// The product did not exist before: deleting the plan takes it away again.
    pub creates: bool,
    pub failure: Option<Failure>,
    pub changes: Vec<ResourceChange>,
}

/// An idempotency token that has been used, and for what.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Token {
    /// Digest of the request without the token.
    pub request: String,
    /// Id of the record or plan that answered it.
    pub answer: String,
}
