//! What a cloud has: what to ask ([`Query`]) and what it answered ([`Observation`]).

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::StepKind;

/// Everything observed, by target.
pub type Live = BTreeMap<String, Observation>;

/// What must be known of one target. The planner says it; a provider finds the fewest calls that answer it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// List every provisioned product that the caller can see.
    pub list: bool,
    /// Ids that a list did not show: is each there or gone? Absence from a list alone is never evidence.
    pub confirm: BTreeSet<String>,
    /// Names of provisioned products that are about to be launched: does one exist already?
    pub names: BTreeSet<String>,
    /// Tokens of changes that were handed in for approval and whose answer was lost. Answered in
    /// [`Observation::operations`], by token, for those that are there.
    pub preparations: BTreeSet<String>,
    /// Holders that the files give by name (`role/NAME`, `user/NAME`), where the cloud tells holders by id.
    pub principals: BTreeSet<String>,
    /// Catalog products by the name or id that the files give.
    pub products: BTreeSet<String>,
    pub templates: BTreeSet<TemplateKey>,
    /// Provisioned products whose launch role is needed.
    pub launch_roles: BTreeSet<String>,
    /// Provisioned products, as listed, whose current parameters are needed.
    pub parameters: Vec<ProvisionedProduct>,
    /// Provisioned products whose outputs are needed.
    pub outputs: BTreeSet<String>,
    /// Operations (AWS records) whose details are needed.
    pub operations: BTreeSet<String>,
}

impl Query {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Query::default()
    }
}

/// One version of one catalog product, seen through one launch path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TemplateKey {
    pub product_id: String,
    pub version_id: String,
    /// Needed where the caller has several paths.
    pub path_id: Option<String>,
}

/// Whose credentials are used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// The ARN that STS names.
    pub arn: String,
    /// The owner of whatever it launches, where the cloud tells owners by id and not by ARN.
    pub holder: Option<String>,
}

/// The answers to one or more queries of one target.
#[derive(Debug, Clone, Default)]
pub struct Observation {
    /// Who asked: the ARN that STS names. Not part of any plan.
    pub caller: String,
    /// By id: everything listed or confirmed.
    pub products: BTreeMap<String, ProvisionedProduct>,
    /// Ids that were looked for by id at account level and do not exist.
    pub gone: BTreeSet<String>,
    pub catalog: Catalog,
    /// By id; `None` when the product has no launch role.
    pub launch_roles: BTreeMap<String, Option<String>>,
    /// By id; absent when they were not asked for or cannot be read, see `unreadable`.
    pub parameters: BTreeMap<String, LiveParameters>,
    pub outputs: BTreeMap<String, BTreeMap<String, String>>,
    pub operations: BTreeMap<String, Operation>,
    /// By name as it was asked for: the holder as the cloud tells it (`role/ID`), or nothing where there is none.
    pub principals: BTreeMap<String, Option<String>>,
    /// What could not be read, and why. Whatever needs it is blocked, the rest goes on.
    pub unreadable: BTreeMap<Subject, String>,
    /// Outputs, by product and name, that repeat a secret and were taken out: the parameter of the secret.
    pub repeated: BTreeMap<(String, String), String>,
}

/// One fact that can be asked for, by what it is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Whether a provisioned product exists.
    Product(String),
    LaunchRole(String),
    Parameters(String),
    Outputs(String),
    Operation(String),
    /// A holder, by name.
    Principal(String),
    Template(TemplateKey),
}

impl Observation {
    /// Adds the answers of a later query; the later answer wins.
    pub fn merge(&mut self, later: Observation) {
        if !later.caller.is_empty() {
            self.caller = later.caller;
        }
        for id in later.products.keys() {
            self.gone.remove(id);
        }
        for id in &later.gone {
            self.products.remove(id);
        }
        self.products.extend(later.products);
        self.gone.extend(later.gone);
        self.catalog.products.extend(later.catalog.products);
        self.catalog.templates.extend(later.catalog.templates);
        self.launch_roles.extend(later.launch_roles);
        self.parameters.extend(later.parameters);
        self.outputs.extend(later.outputs);
        self.operations.extend(later.operations);
        self.principals.extend(later.principals);
        self.unreadable.extend(later.unreadable);
        self.repeated.extend(later.repeated);
    }
}

/// A provisioned product as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvisionedProduct {
    pub id: String,
    pub name: String,
    /// `CFN_STACK`, `CFN_STACKSET`, `TERRAFORM_OPEN_SOURCE`, …: an open set.
    pub kind: String,
    pub status: Status,
    pub status_message: Option<String>,
    pub product_id: String,
    pub product_name: String,
    pub version_id: String,
    pub version_name: String,
    /// User tags only: the clouds' own (`aws:`, `acs:`) are left out.
    pub tags: BTreeMap<String, String>,
    /// The portfolio that a system tag names, as an id: a launch path in bulk.
    pub portfolio_id: Option<String>,
    /// AWS `UserArn`; on Alibaba Cloud `user/ID` or `role/ID`.
    pub owner: Option<String>,
    /// AWS `UserArnSession`.
    pub owner_session: Option<String>,
    /// The stack (AWS `PhysicalId`, Alibaba Cloud `StackId`).
    pub physical_id: Option<String>,
    /// Where the stack is, if that may be another region than the product's (Alibaba Cloud).
    pub stack_region: Option<String>,
    pub created: Option<Timestamp>,
    /// The last operation of any kind.
    pub last_operation: Option<String>,
    /// The last provision, update or terminate.
    pub last_provisioning: Option<String>,
    pub last_successful: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    Available,
    /// Ready, but not exactly what was last requested.
    Tainted,
    /// It exists, but its stack does not run.
    Error,
    UnderChange,
    PlanInProgress,
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Status::Available => "AVAILABLE",
            Status::Tainted => "TAINTED",
            Status::Error => "ERROR",
            Status::UnderChange => "UNDER_CHANGE",
            Status::PlanInProgress => "PLAN_IN_PROGRESS",
        })
    }
}

/// What runs now: the stack's parameters, tags and outputs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LiveParameters {
    pub parameters: BTreeMap<String, LiveParameter>,
    /// User tags of the stack: after a failed update these, not the product's, are what runs.
    pub tags: BTreeMap<String, String>,
    pub outputs: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveParameter {
    pub value: String,
    /// The cloud shows asterisks: the value can be neither compared nor kept.
    pub masked: bool,
}

#[derive(Debug, Clone, Default)]
pub struct Catalog {
    /// By the name or id that was asked for.
    pub products: BTreeMap<String, Lookup>,
    pub templates: BTreeMap<TemplateKey, Template>,
}

/// The answer to "which catalog product is this?".
#[derive(Debug, Clone)]
pub enum Lookup {
    Found(CatalogProduct),
    /// Nothing of that name or id is visible; the names that are.
    Missing {
        visible: Vec<String>,
    },
    /// Several products of one name; `name (id)` of each.
    Ambiguous {
        candidates: Vec<String>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogProduct {
    pub id: String,
    pub name: String,
    pub versions: Vec<Version>,
    /// The paths that the caller may launch through; none when it may read the product but not launch it.
    pub paths: Vec<LaunchPath>,
    /// A launch need not name a path.
    pub default_path: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub id: String,
    pub name: String,
    pub deprecated: bool,
    /// A version that is not can neither be launched nor sent with an update; what runs it goes on.
    pub active: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchPath {
    pub id: String,
    pub name: String,
    pub tag_updates: TagUpdates,
    /// What takes somebody's approval: provision, update or terminate.
    pub approvals: BTreeSet<StepKind>,
}

/// Whether a product's tags may be changed after launch (AWS `RESOURCE_UPDATE` constraint).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagUpdates {
    Allowed,
    NotKnown,
}

/// The parameters and outputs of one version.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Template {
    pub parameters: BTreeMap<String, ParameterSpec>,
    /// `None` when the cloud does not list them.
    pub outputs: Option<BTreeSet<String>>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct ParameterSpec {
    /// The template's type: `String`, `Number`, `CommaDelimitedList`, …
    pub kind: String,
    pub default: Option<String>,
    /// It may be left without a value, and nothing is sent for it then.
    pub nullable: bool,
    pub no_echo: bool,
    pub allowed_values: Vec<String>,
    pub allowed_pattern: Option<String>,
    pub constraint_description: Option<String>,
    pub min_length: Option<u64>,
    pub max_length: Option<u64>,
    pub min_value: Option<f64>,
    pub max_value: Option<f64>,
}

/// The cloud's own long-running request (AWS record).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    pub id: String,
    /// The provisioned product; known as soon as the request is accepted.
    pub product_id: String,
    pub state: OperationState,
    /// The cloud's word for the state, for progress lines.
    pub status: String,
    /// The cloud's word for what was requested (AWS `RecordType`): an open set.
    pub kind: String,
    pub version_id: Option<String>,
    pub path_id: Option<String>,
    pub updated: Option<Timestamp>,
}

impl Operation {
    /// The status of an operation that the caller may not look at: whoever gives a product away loses sight of the
    /// operation that did it. The product itself tells how it ended.
    pub const NOT_VISIBLE: &str = "NOT_VISIBLE";
    /// The kind of an operation that is a change handed in for approval and by now being, or having been, carried out.
    pub const EXECUTION: &str = "Execute";
    /// The kind of one that is not yet carried out.
    pub const PREPARATION: &str = "Prepare";
}

/// What a cloud has accepted and not finished.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    pub kind: StepKind,
    /// As far as it is known: where a cloud names no operation when it accepts a request, the id is empty.
    pub operation: Operation,
    /// The product's last operation before this one; the one that follows it is this one.
    pub after: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperationState {
    Running,
    /// It goes on when somebody has approved it; who that is, as far as the cloud tells.
    Waiting(String),
    Succeeded,
    /// With the cloud's own error text.
    Failed(String),
}
