//! What a cloud has and what is ours, in a few lines of TOML.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use tenure::ledger::entry::{Declaration, Holdings, Started};
use tenure::ledger::{Applied, Ledger, Managed, Prepared, Unsettled};
use tenure::model::{
    Argument, CatalogProduct, LaunchPath, LiveParameter, LiveParameters, Lookup, Observation, Operation,
    OperationState, ParameterSpec, Project, ProvisionedProduct, Query, Request, SecretRef, Status, StepId, StepKind,
    Subject, TagUpdates, Template, Version,
};

/// The cloud of every target; a thing without `target` is in each of them.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct World {
    /// Alibaba Cloud: lists show no tags, and stacks are of its kind.
    alibaba: bool,
    /// Ids that do not exist, when one asks by id.
    gone: BTreeSet<String>,
    /// Why something cannot be read: every fact of an id, or one (`outputs pp-a`).
    unreadable: BTreeMap<String, String>,
    /// Catalog products: `prod-KEY`.
    product: BTreeMap<String, Product>,
    /// Provisioned products: `pp-KEY`.
    pp: BTreeMap<String, Provisioned>,
    operation: BTreeMap<String, Record>,
    /// Holders by name, as an id; an empty text is a name that nobody has.
    principals: BTreeMap<String, String>,
    /// Products of one name, which a name cannot tell apart.
    ambiguous: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Product {
    name: Option<String>,
    /// Id and name of each; `lp-1` and `Default` where nothing is said.
    paths: Option<BTreeMap<String, String>>,
    /// Whether a RESOURCE_UPDATE constraint is known.
    tags_allowed: bool,
    /// A launch need not name one of several paths.
    default_path: Option<bool>,
    /// What takes approval on every path: `provision`, `update`, `terminate`.
    approvals: BTreeSet<StepKind>,
    /// By name; `pa-NAME`.
    version: BTreeMap<String, ProductVersion>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct ProductVersion {
    name: Option<String>,
    deprecated: bool,
    #[serde(default)]
    inactive: bool,
    /// `TYPE [noecho] [= DEFAULT]`, or a table.
    parameters: BTreeMap<String, Parameter>,
    outputs: Option<BTreeSet<String>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Parameter {
    Short(String),
    Long(Box<Rules>),
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Rules {
    r#type: Option<String>,
    default: Option<String>,
    allowed: Vec<String>,
    pattern: Option<String>,
    because: Option<String>,
    length: Option<(u64, u64)>,
    range: Option<(f64, f64)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Provisioned {
    target: Option<String>,
    name: Option<String>,
    /// Key of the catalog product.
    product: String,
    /// Name of the version.
    version: String,
    kind: Option<String>,
    status: Option<Status>,
    owner: Option<String>,
    session: Option<String>,
    /// The id of the launch path, where the list shows it.
    path: Option<String>,
    stack_region: Option<String>,
    launch_role: Option<String>,
    /// `****` is a value that is not shown.
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    /// Where they differ from those of the product.
    stack_tags: Option<BTreeMap<String, String>>,
    #[serde(default)]
    outputs: BTreeMap<String, String>,
    /// The last operation of any kind, the last that provisioned, and the last of those that succeeded: `rec-KEY`
    /// where nothing is said. An empty text is none.
    last: Option<String>,
    provisioned: Option<String>,
    success: Option<String>,
    #[serde(default)]
    unlisted: bool,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Record {
    failed: Option<String>,
    /// Who may approve it.
    waiting: Option<String>,
    /// `Prepare` or `Execute` of what was handed in.
    kind: String,
    /// Id.
    version: Option<String>,
    path: Option<String>,
    at: Option<String>,
}

impl World {
    pub fn parse(text: &str) -> World {
        toml::from_str(text).unwrap_or_else(|error| panic!("{error}"))
    }

    /// What a provider would answer.
    pub fn answer(&self, target: &str, query: &Query) -> Observation {
        let mut seen = Observation { caller: "whoever".to_owned(), ..Observation::default() };
        let here = || {
            let of = move |(key, pp): (&String, &Provisioned)| (format!("pp-{key}"), pp.live(key, self));
            self.pp.iter().filter(|(_, pp)| pp.target.as_deref().is_none_or(|t| t == target)).map(of)
        };
        let listed = |id: &str| !self.pp[id.strip_prefix("pp-").unwrap()].unlisted;
        if query.list {
            seen.products.extend(here().filter(|(id, _)| listed(id)));
        }
        for id in &query.confirm {
            match here().find(|(found, _)| found == id) {
                Some((id, product)) => _ = seen.products.insert(id, product),
                None if self.gone.contains(id) => _ = seen.gone.insert(id.clone()),
                None => {
                    let why = self.refusal("product", id);
                    let why = why.unwrap_or_else(|| "this identity sees its own products only".to_owned());
                    seen.unreadable.insert(Subject::Product(id.clone()), why);
                }
            }
        }
        for asked in &query.products {
            seen.catalog.products.insert(asked.clone(), self.lookup(asked));
        }
        for key in &query.templates {
            if let Some(why) = self.refusal("template", &format!("{}/{}", key.product_id, key.version_id)) {
                seen.unreadable.insert(Subject::Template(key.clone()), why);
                continue;
            }
            let product = &self.product[key.product_id.strip_prefix("prod-").unwrap()];
            let version = &product.version[key.version_id.strip_prefix("pa-").unwrap()];
            seen.catalog.templates.insert(key.clone(), version.template());
        }
        let of = |id: &str| &self.pp[id.strip_prefix("pp-").unwrap()];
        let mut readable = |word: &str, id: &String, subject: fn(String) -> Subject| {
            let why = self.refusal(word, id);
            let readable = why.is_none();
            seen.unreadable.extend(why.map(|why| (subject(id.clone()), why)));
            readable
        };
        let mut ids = |word, ids: &BTreeSet<String>, subject| -> Vec<String> {
            ids.iter().filter(|id| readable(word, id, subject)).cloned().collect()
        };
        let launch_roles = ids("launch role", &query.launch_roles, Subject::LaunchRole);
        let asked = query.parameters.iter().map(|product| product.id.clone()).collect();
        let parameters = ids("parameters", &asked, Subject::Parameters);
        let outputs = ids("outputs", &query.outputs, Subject::Outputs);
        let operations = ids("operation", &query.operations, Subject::Operation);
        let principals = ids("principal", &query.principals, Subject::Principal);
        for name in principals {
            let id = self.principals.get(&name).filter(|id| !id.is_empty()).cloned();
            seen.principals.insert(name, id);
        }
        for id in launch_roles {
            seen.launch_roles.insert(id.clone(), of(&id).launch_role.clone());
        }
        for id in parameters {
            seen.parameters.insert(id.clone(), of(&id).stack());
        }
        for id in outputs {
            seen.outputs.insert(id.clone(), of(&id).outputs.clone());
        }
        for id in operations {
            let record = self.operation.get(&id).unwrap_or_else(|| panic!("the case has no operation {id}"));
            seen.operations.insert(id.clone(), record.live(&id));
        }
        seen
    }

    /// Why one fact of an id cannot be read, if it cannot.
    fn refusal(&self, fact: &str, id: &str) -> Option<String> {
        self.unreadable.get(id).or_else(|| self.unreadable.get(&format!("{fact} {id}"))).cloned()
    }

    fn lookup(&self, asked: &str) -> Lookup {
        if let Some(candidates) = self.ambiguous.get(asked) {
            return Lookup::Ambiguous { candidates: candidates.clone() };
        }
        let found = self.product.iter().find(|(key, product)| {
            format!("prod-{key}") == asked || product.name.as_deref().unwrap_or(key.as_str()) == asked
        });
        match found {
            Some((key, product)) => Lookup::Found(product.live(key)),
            None => Lookup::Missing {
                visible: self.product.iter().map(|(key, p)| p.name.clone().unwrap_or_else(|| key.clone())).collect(),
            },
        }
    }
}

impl Product {
    fn live(&self, key: &str) -> CatalogProduct {
        let default = BTreeMap::from([("lp-1".to_owned(), "Default".to_owned())]);
        let tag_updates = if self.tags_allowed { TagUpdates::Allowed } else { TagUpdates::NotKnown };
        let paths = self.paths.as_ref().unwrap_or(&default).iter();
        CatalogProduct {
            default_path: self.default_path.unwrap_or(paths.len() < 2),
            id: format!("prod-{key}"),
            name: self.name.clone().unwrap_or_else(|| key.to_owned()),
            versions: self
                .version
                .iter()
                .map(|(id, version)| Version {
                    id: format!("pa-{id}"),
                    name: version.name.clone().unwrap_or_else(|| id.clone()),
                    deprecated: version.deprecated,
                    active: !version.inactive,
                })
                .collect(),
            paths: paths
                .map(|(id, name)| LaunchPath {
                    id: id.clone(),
                    name: name.clone(),
                    tag_updates,
                    approvals: self.approvals.clone(),
                })
                .collect(),
        }
    }
}

impl ProductVersion {
    fn template(&self) -> Template {
        Template {
            parameters: self.parameters.iter().map(|(key, parameter)| (key.clone(), parameter.spec())).collect(),
            outputs: self.outputs.clone(),
        }
    }
}

impl Parameter {
    fn spec(&self) -> ParameterSpec {
        match self {
            Parameter::Short(text) => {
                let (kind, default) = match text.split_once('=') {
                    Some((kind, default)) => (kind.trim(), Some(default.trim().to_owned())),
                    None => (text.trim(), None),
                };
                let (kind, no_echo) = match kind.strip_suffix(" noecho") {
                    Some(kind) => (kind, true),
                    None => (kind, false),
                };
                ParameterSpec { kind: kind.to_owned(), default, no_echo, ..ParameterSpec::default() }
            }
            Parameter::Long(rules) => ParameterSpec {
                kind: rules.r#type.clone().unwrap_or_else(|| "String".to_owned()),
                default: rules.default.clone(),
                nullable: false,
                no_echo: false,
                allowed_values: rules.allowed.clone(),
                allowed_pattern: rules.pattern.clone(),
                constraint_description: rules.because.clone(),
                min_length: rules.length.map(|(min, _)| min),
                max_length: rules.length.map(|(_, max)| max),
                min_value: rules.range.map(|(min, _)| min),
                max_value: rules.range.map(|(_, max)| max),
            },
        }
    }
}

impl Provisioned {
    fn live(&self, key: &str, world: &World) -> ProvisionedProduct {
        let operation = |said: &Option<String>| {
            let id = said.clone().unwrap_or_else(|| format!("rec-{key}"));
            (!id.is_empty()).then_some(id)
        };
        let product = &world.product[&self.product];
        let name = product.version.get(&self.version).and_then(|version| version.name.clone());
        ProvisionedProduct {
            id: format!("pp-{key}"),
            name: self.name.clone().unwrap_or_else(|| key.to_owned()),
            kind: self.kind.clone().unwrap_or_else(|| if world.alibaba { "RosStack" } else { "CFN_STACK" }.to_owned()),
            status: self.status.unwrap_or(Status::Available),
            status_message: None,
            product_id: format!("prod-{}", self.product),
            product_name: product.name.clone().unwrap_or_else(|| self.product.clone()),
            version_id: format!("pa-{}", self.version),
            version_name: name.unwrap_or_else(|| self.version.clone()),
            tags: if world.alibaba { BTreeMap::new() } else { self.tags.clone() },
            portfolio_id: self.path.clone(),
            stack_region: self.stack_region.clone(),
            owner: self.owner.clone(),
            owner_session: self.session.clone().or_else(|| self.owner.clone()),
            physical_id: None,
            created: None,
            last_operation: operation(&self.last),
            last_provisioning: operation(&self.provisioned),
            last_successful: operation(&self.success),
        }
    }

    fn stack(&self) -> LiveParameters {
        LiveParameters {
            parameters: self
                .parameters
                .iter()
                .map(|(key, value)| (key.clone(), LiveParameter { value: value.clone(), masked: value == "****" }))
                .collect(),
            tags: self.stack_tags.clone().unwrap_or_else(|| self.tags.clone()),
            outputs: self.outputs.clone(),
        }
    }
}

impl Record {
    fn live(&self, id: &str) -> Operation {
        Operation {
            id: id.to_owned(),
            product_id: String::new(),
            state: match (&self.failed, &self.waiting) {
                (Some(text), _) => OperationState::Failed(text.clone()),
                (None, Some(by)) => OperationState::Waiting(by.clone()),
                (None, None) => OperationState::Succeeded,
            },
            status: String::new(),
            kind: self.kind.clone(),
            version_id: self.version.clone(),
            path_id: self.path.clone(),
            updated: self.at.as_ref().map(|at| at.parse().unwrap()),
        }
    }
}

/// A query in one line.
pub fn describe(query: &Query) -> String {
    let mut words = Vec::new();
    if query.list {
        words.push("list".to_owned());
    }
    let sets = [
        ("confirm", &query.confirm),
        ("product", &query.products),
        ("launch role", &query.launch_roles),
        ("outputs", &query.outputs),
        ("operation", &query.operations),
        ("principal", &query.principals),
    ];
    for (word, set) in sets {
        words.extend(set.iter().map(|item| format!("{word} {item}")));
    }
    for key in &query.templates {
        let path = key.path_id.as_ref().map(|path| format!(" by {path}")).unwrap_or_default();
        words.push(format!("template {}/{}{path}", key.product_id, key.version_id));
    }
    words.extend(query.parameters.iter().map(|product| format!("parameters {}", product.id)));
    words.join(", ")
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Book {
    project: Option<String>,
    real: BTreeSet<String>,
    sandboxed: BTreeSet<String>,
    ours: BTreeMap<String, Ours>,
    /// Address and what was begun: `update pp-x`.
    unsettled: BTreeMap<String, String>,
    /// What was handed in for approval, by address.
    handed_in: BTreeMap<String, HandedIn>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HandedIn {
    id: String,
    /// Known to be approved.
    #[serde(default)]
    approved: bool,
    /// The request, in JSON.
    change: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Ours {
    /// `pp-KEY` where nothing is said.
    id: Option<String>,
    name: Option<String>,
    account: Option<String>,
    region: Option<String>,
    protect: bool,
    steward: Option<String>,
    needs: Vec<String>,
    /// Those of `tags` where nothing is said.
    tag_keys: Option<BTreeSet<String>>,
    former: BTreeSet<String>,
    version: Option<String>,
    path: Option<String>,
    parameters: BTreeMap<String, Sent>,
    tags: BTreeMap<String, String>,
    owner: Option<String>,
    launch_role: Option<String>,
    /// What was seen last, where that is not what was applied.
    seen_owner: Option<String>,
    operation: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Sent {
    Value(String),
    Secret(SecretRef),
}

/// What is ours. Everything was last seen on 2 November 2026, after the operation `rec-KEY`.
pub fn ledger(text: &str, project: &Project) -> Ledger {
    let book: Book = toml::from_str(text).unwrap_or_else(|error| panic!("{error}"));
    let at: jiff::Timestamp = "2026-11-02T09:14:00Z".parse().unwrap();
    let mut ledger = Ledger { project: book.project, real: book.real, sandboxed: book.sandboxed, ..Ledger::default() };
    for (address, ours) in book.ours {
        let address: tenure::model::Address = address.parse().unwrap();
        let target = project.targets.get(&address.target);
        let operation = Some(ours.operation.unwrap_or_else(|| format!("rec-{}", address.key)));
        let named = |said: Option<String>, of: Option<&String>, default: &str| {
            said.or_else(|| of.cloned()).unwrap_or_else(|| default.to_owned())
        };
        let declaration = Declaration {
            name: ours.name.unwrap_or_else(|| address.key.clone()),
            cloud: target.map_or(tenure::model::Cloud::Aws, |target| target.cloud),
            account: named(ours.account, target.map(|t| &t.account), "123456789012"),
            region: named(ours.region, target.map(|t| &t.region), "eu-west-1"),
            protect: ours.protect,
            steward: ours.steward,
            needs: ours.needs.iter().map(|address| address.parse().unwrap()).collect(),
            tags: ours.tag_keys.unwrap_or_else(|| ours.tags.keys().cloned().collect()),
            timeout_seconds: 3600,
        };
        let argument = |sent| match sent {
            Sent::Value(text) => Argument::Value(text),
            Sent::Secret(secret) => Argument::Secret(secret),
        };
        let managed = Managed {
            id: ours.id.unwrap_or_else(|| format!("pp-{}", address.key)),
            declaration,
            applied: Applied {
                written: true,
                version_id: ours.version,
                path_id: ours.path,
                parameters: ours.parameters.into_iter().map(|(key, sent)| (key, argument(sent))).collect(),
                tags: ours.tags,
                owner: ours.owner.clone(),
                launch_role: ours.launch_role.clone(),
                operation: operation.clone(),
                at: Some(at),
            },
            seen: Holdings { owner: ours.seen_owner.or(ours.owner), launch_role: ours.launch_role, operation },
            seen_at: at,
            former: ours.former,
        };
        ledger.managed.insert(address, managed);
    }
    for (address, what) in book.unsettled {
        let address: tenure::model::Address = address.parse().unwrap();
        let started = Started {
            step: StepId(1),
            address: address.clone(),
            kind: StepKind::SetOwner,
            request: Request::SetOwner { id: what, owner: String::new(), again: false },
            token: "token".to_owned(),
            seen: None,
            before: Holdings::default(),
        };
        ledger.unsettled.insert(address, Unsettled { started, at, run: "run".to_owned(), submitted: None });
    }
    for (address, HandedIn { id, approved, change }) in book.handed_in {
        let address: tenure::model::Address = address.parse().unwrap();
        let change: Request = serde_json::from_str(&change).unwrap();
        if approved {
            ledger.prepared.insert(address, Prepared { id, change });
            continue;
        }
        let started = Started {
            step: StepId(1),
            address: address.clone(),
            kind: StepKind::Prepare,
            request: Request::Prepare { change: Box::new(change), supersedes: None },
            token: "token".to_owned(),
            seen: None,
            before: Holdings::default(),
        };
        let submitted = Some((id, format!("pp-{}", address.key)));
        ledger.unsettled.insert(address, Unsettled { started, at, run: "run".to_owned(), submitted });
    }
    ledger
}
