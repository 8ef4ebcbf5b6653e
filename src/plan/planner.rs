//! One address after the other: what is there, what is wanted, what that takes.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::{Draft, declaration, declaration_fields, guards};
use super::knowledge::{Fact, Knowledge, Presence};
use super::parameters::{self, Comparison, Output};
use super::{Action, Drift, Field, FieldName, Finding, Inputs, Shown, holder, resolve, tags};
use crate::ledger::Managed;
use crate::ledger::entry::{Declaration, Entry, Holdings};
use crate::model::{
    Address, CatalogProduct, LaunchPath, LiveParameters, OperationState, ProvisionedProduct, Request, Spec, Status,
    TagUpdates, Target, Template, TemplateKey, Version,
};
use crate::problem::{Place, Problem};

/// The only kind whose parameters can be read and updated so far.
const STACK: &str = "CFN_STACK";

/// The working state of one planning pass. Whatever is missing ends up in `knowledge`; the pass is then repeated with
/// the answers.
pub struct Planner<'a> {
    pub inputs: &'a Inputs<'a>,
    pub knowledge: Knowledge<'a>,
    pub drafts: BTreeMap<Address, Draft>,
    pub findings: Vec<Finding>,
    pub drift: Vec<Drift>,
    pub problems: Vec<Problem>,
    pub unchanged: u32,
    /// What each planned address looked like, to notice a change between plan and apply.
    pub base: BTreeMap<Address, ProvisionedProduct>,
    /// Addresses of the ledger whose id stands under another address in the files.
    pub moved: BTreeMap<Address, Address>,
}

/// A product of the files, matched with the cloud.
struct Matched<'a> {
    spec: &'a Spec,
    target: &'a Target,
    catalog: &'a CatalogProduct,
    name: String,
    managed: Option<&'a Managed>,
    records: Vec<Entry>,
    fields: Vec<Field>,
}

impl<'a> Planner<'a> {
    pub fn new(inputs: &'a Inputs<'a>) -> Self {
        Planner {
            inputs,
            knowledge: Knowledge::new(inputs.live),
            drafts: BTreeMap::new(),
            findings: Vec::new(),
            drift: Vec::new(),
            problems: Vec::new(),
            unchanged: 0,
            base: BTreeMap::new(),
            moved: BTreeMap::new(),
        }
    }

    fn finding(&mut self, address: &Address, blocks: bool, fails: bool, problem: Problem) {
        self.findings.push(Finding { address: address.clone(), problem, blocks, fails });
    }

    /// Plans one address of the files.
    pub fn declared(&mut self, spec: &'a Spec) {
        if self.is_open(&spec.address, &spec.address) {
            return;
        }
        if let Some(draft) = self.draft(spec) {
            if draft.is_empty() {
                self.unchanged += 1;
            }
            self.drafts.insert(spec.address.clone(), draft);
        }
    }

    /// A step of an earlier run that could not be settled: nothing new is begun on top of it.
    fn is_open(&mut self, address: &Address, step_of: &Address) -> bool {
        let open = self.inputs.options.settled && self.inputs.ledger.unsettled.contains_key(step_of);
        if open {
            let problem = Problem::failed(format!("a step of an earlier run on `{step_of}` has not ended yet"))
                .hint("wait until the cloud has finished it, then apply again");
            self.finding(address, true, true, problem);
        }
        open
    }

    fn draft(&mut self, spec: &'a Spec) -> Option<Draft> {
        let target = &self.inputs.project.targets[&spec.address.target];
        // Asked for together, so that one round of reading answers both.
        let listed = self.knowledge.listed(&target.name);
        let lookup = self.knowledge.catalog_product(&target.name, &spec.product.value);
        let (_, lookup) = (listed?, lookup?);
        let catalog = match resolve::product(&spec.product, &target.name, lookup) {
            Ok(product) => product,
            Err(problem) => {
                self.problems.push(problem);
                return None;
            }
        };
        let (managed, from) = self.managed(spec);
        if from.as_ref().is_some_and(|from| self.is_open(&spec.address, from)) {
            return None;
        }
        let name = match managed {
            Some(managed) if !spec.name_written => managed.declaration.name.clone(),
            _ => spec.name.value.clone(),
        };
        let mut m = Matched { spec, target, catalog, name, managed, records: Vec::new(), fields: Vec::new() };
        if let (Some(from), Some(managed)) = (from, managed) {
            m.fields.push(Field {
                action: Action::Move,
                name: FieldName::Address,
                before: Shown::Text(from.to_string()),
                after: Shown::Text(spec.address.to_string()),
                note: None,
            });
            m.records.push(Entry::Moved { from, to: spec.address.clone(), id: managed.id.clone() });
        }
        match managed {
            Some(managed) => self.ours(m, managed),
            None => self.not_ours(m),
        }
    }

    /// The ledger's entry for a product of the files: its own, or one whose address is gone from the files and whose
    /// id carries the name that is wanted here, which is a move.
    fn managed(&mut self, spec: &'a Spec) -> (Option<&'a Managed>, Option<Address>) {
        let ledger = self.inputs.ledger;
        if let Some(managed) = ledger.managed.get(&spec.address) {
            return (Some(managed), None);
        }
        let named = self.knowledge.named(&spec.address.target, &spec.name.value);
        let from = named.iter().find_map(|product| self.inputs.address_of(&spec.address.target, &product.id));
        match from {
            Some(from) if !self.inputs.project.desired.contains_key(from) => {
                self.moved.insert(from.clone(), spec.address.clone());
                (ledger.managed.get(from), Some(from.clone()))
            }
            _ => (None, None),
        }
    }

    fn ours(&mut self, mut m: Matched<'a>, managed: &'a Managed) -> Option<Draft> {
        let spec = m.spec;
        if spec.name_written && spec.name.value != managed.declaration.name {
            return self.replace(m, managed);
        }
        match self.knowledge.presence(&m.target.name, &managed.id) {
            Presence::There(product) => self.existing(m, product),
            Presence::Gone => {
                m.records.push(Entry::Forgotten {
                    address: spec.address.clone(),
                    id: managed.id.clone(),
                    reason: "gone from the cloud".to_owned(),
                });
                self.drift.push(Drift {
                    address: spec.address.clone(),
                    field: FieldName::Name,
                    before: Shown::Text(managed.declaration.name.clone()),
                    now: Shown::Absent,
                    evidence: Some(format!("{} does not exist any more", managed.id)),
                });
                m.managed = None;
                self.provision(m)
            }
            Presence::NotVisible(reason) => {
                self.not_visible(&spec.address, &managed.id, &reason);
                None
            }
            Presence::Asked => None,
        }
    }

    fn not_visible(&mut self, address: &Address, id: &str, reason: &str) {
        let problem = Problem::failed(format!("{id} is ours and cannot be seen: {reason}"))
            .hint("look with an identity of account-level access before deciding that it is gone");
        self.finding(address, true, true, problem);
    }

    fn not_ours(&mut self, mut m: Matched<'a>) -> Option<Draft> {
        let spec = m.spec;
        let named = self.knowledge.named(&spec.address.target, &spec.name.value);
        match named {
            [] => self.provision(m),
            [product] => {
                if let Some(other) = self.inputs.address_of(&spec.address.target, &product.id) {
                    self.problems.push(
                        Problem::input(format!(
                            "`{}` and `{other}` are both {} ({})",
                            spec.address, product.id, product.name
                        ))
                        .at(&spec.name.place)
                        .hint("one provisioned product has one address: delete one of the two blocks"),
                    );
                    return None;
                }
                m.records.push(Entry::Adopted {
                    address: spec.address.clone(),
                    id: product.id.clone(),
                    holdings: Holdings {
                        owner: product.owner.clone(),
                        launch_role: None,
                        operation: product.last_operation.clone(),
                    },
                    declaration: declaration(spec, &m.name, m.target),
                });
                self.existing(m, product)
            }
            several => {
                let ids: Vec<&str> = several.iter().map(|product| product.id.as_str()).collect();
                self.problems.push(
                    Problem::input(format!("several provisioned products are named `{}`: {}", m.name, ids.join(", ")))
                        .at(&spec.name.place)
                        .hint("terminate or rename all but one: a name is what an existing product is found by"),
                );
                None
            }
        }
    }

    /// A new product: launched, then its launch role and owner set. Both are always planned when they are declared,
    /// because what the launch leaves depends on who runs it.
    fn provision(&mut self, m: Matched<'a>) -> Option<Draft> {
        let version = self.version(&m, None)?;
        let path = self.path(&m, None)?;
        let template = self.template(&m, version, path)?;
        let mut draft = self.start(&m);
        let difference = self.parameters(&m, version, template, None, Action::Provision, None)?;
        draft.field(Action::Provision, FieldName::Version, Shown::Absent, Shown::Text(version.name.clone()));
        if let Some(path) = path {
            draft.field(Action::Provision, FieldName::Path, Shown::Absent, Shown::Text(path.name.clone()));
        }
        draft.guards = guards(&difference.arguments, template);
        draft.fields.extend(difference.fields);
        draft.outputs.clone_from(&template.outputs);
        let tags: BTreeMap<String, String> =
            m.spec.tags.iter().flatten().map(|(key, value)| (key.clone(), value.value.clone())).collect();
        for (key, value) in &tags {
            draft.field(Action::Provision, FieldName::Tag(key.clone()), Shown::Absent, Shown::Text(value.clone()));
        }
        draft.provision = Some(Request::Provision {
            name: m.name.clone(),
            product_id: m.catalog.id.clone(),
            version_id: version.id.clone(),
            path_id: named(m.spec, m.catalog, path),
            parameters: difference.arguments,
            tags,
        });
        if let Some(role) = &m.spec.launch_role {
            draft.field(Action::SetLaunchRole, FieldName::LaunchRole, Shown::Absent, Shown::Text(role.value.clone()));
            draft.launch_role = Some(Request::SetLaunchRole { id: String::new(), role: role.value.clone() });
        }
        if let Some(owner) = &m.spec.owner {
            draft.field(Action::SetOwner, FieldName::Owner, Shown::Absent, Shown::Text(owner.value.clone()));
            draft.owner = Some(Request::SetOwner { id: String::new(), owner: owner.value.clone() });
        }
        if let Some(steward) = &m.spec.steward {
            draft.field(Action::Declare, FieldName::Steward, Shown::Absent, Shown::Text(steward.value.clone()));
        }
        draft.records.push(Entry::Declared {
            address: m.spec.address.clone(),
            declaration: declaration(m.spec, &m.name, m.target),
        });
        Some(draft)
    }

    /// A written, different name: the new one first, the old one terminated when everything has moved over.
    fn replace(&mut self, m: Matched<'a>, managed: &'a Managed) -> Option<Draft> {
        let spec = m.spec;
        if let Some(taken) = self.knowledge.named(&spec.address.target, &spec.name.value).first() {
            self.problems.push(
                Problem::input(format!(
                    "`{}` cannot be replaced by a product named `{}`: {} has that name already",
                    spec.address, m.name, taken.id
                ))
                .at(&spec.name.place)
                .hint("give the replacement a name that is free"),
            );
            return None;
        }
        let old = match self.knowledge.presence(&m.target.name, &managed.id) {
            Presence::There(product) => Some(product),
            Presence::Gone => None,
            Presence::NotVisible(reason) => {
                self.not_visible(&spec.address, &managed.id, &reason);
                return None;
            }
            Presence::Asked => return None,
        };
        let protect = spec.protect || managed.declaration.protect;
        let name_before = managed.declaration.name.clone();
        let mut draft = self.provision(m)?;
        draft.ours = true;
        draft.protect = protect;
        draft.id = Some(managed.id.clone());
        let name_after = Shown::Text(spec.name.value.clone());
        draft.fields.insert(
            0,
            Field {
                action: Action::Replace,
                name: FieldName::Name,
                before: Shown::Text(name_before),
                after: name_after,
                note: Some("a name cannot be changed after launch".to_owned()),
            },
        );
        for field in &mut draft.fields {
            if field.action == Action::Provision {
                field.action = Action::Replace;
            }
        }
        if let Some(old) = old {
            draft.terminate.push(Request::Terminate { id: old.id.clone() });
            self.base.insert(spec.address.clone(), old.clone());
        }
        Some(draft)
    }

    fn start(&mut self, m: &Matched<'a>) -> Draft {
        let mut draft = Draft::new(&m.spec.address, &m.catalog.name);
        draft.fields.clone_from(&m.fields);
        draft.records.clone_from(&m.records);
        draft.needs = m.spec.prerequisites().into_keys().collect();
        draft.timeout_seconds = m.spec.timeout.as_secs();
        draft.protect = m.spec.protect;
        draft.ours = m.managed.is_some();
        draft
    }

    fn existing(&mut self, m: Matched<'a>, product: &'a ProvisionedProduct) -> Option<Draft> {
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
        if !self.usable(&spec.address, product) {
            return None;
        }
        // Everything that may be needed is asked for before the first answer is looked at.
        let running = self.running(m.target, product);
        let role = match &spec.launch_role {
            Some(_) => Some(self.knowledge.launch_role(&m.target.name, &product.id)),
            None => None,
        };
        let mut draft = self.start(&m);
        draft.id = Some(product.id.clone());
        let updated = running.and_then(|running| self.update(&m, product, &running, &mut draft));
        match role {
            Some(Fact::Known(current)) => set_launch_role(&mut draft, spec, product, current),
            Some(Fact::Unreadable(reason)) => {
                let problem = Problem::failed(format!("the launch role of {} cannot be read: {reason}", product.id));
                self.finding(&spec.address, true, true, problem);
                return None;
            }
            Some(Fact::Asked) => return None,
            None => {}
        }
        updated?;
        self.set_owner(&mut draft, &m, product);
        redeclare(&mut draft, &m);
        self.tainted(&m, product, &draft);
        self.leftovers(&m, &mut draft);
        self.base.insert(spec.address.clone(), product.clone());
        Some(draft)
    }

    /// Whether the product can be worked on at all; a finding if not.
    fn usable(&mut self, address: &Address, product: &ProvisionedProduct) -> bool {
        let operation = product.last_operation.as_deref().unwrap_or("no operation is named");
        let problem = match product.status {
            Status::UnderChange => Problem::failed(format!("{} is UNDER_CHANGE ({operation})", product.id))
                .hint("another operation is running: wait until it has ended, then plan again"),
            Status::PlanInProgress => Problem::failed(format!("{} is PLAN_IN_PROGRESS", product.id))
                .hint("a product plan waits for somebody: execute or delete it, then plan again"),
            // A termination of one that failed makes it TAINTED, and there is still nothing behind it.
            Status::Error | Status::Tainted
                if product.last_successful.is_none()
                    && (product.status == Status::Error || product.physical_id.is_none()) =>
            {
                let failed =
                    product.last_provisioning.as_deref().map(|id| self.knowledge.operation(&address.target, id));
                let why = match failed {
                    Some(Fact::Known(operation)) => match &operation.state {
                        OperationState::Failed(text) => text.clone(),
                        _ => "its operation does not say why".to_owned(),
                    },
                    Some(Fact::Asked) => return false,
                    _ => product.status_message.clone().unwrap_or_else(|| "no reason is given".to_owned()),
                };
                let former = self.inputs.ledger.managed.get(address).map(|managed| &managed.former);
                let former: Vec<&str> = former.into_iter().flatten().map(String::as_str).collect();
                let also = match former.as_slice() {
                    [] => String::new(),
                    former => format!(" (which terminates {}, that it was to replace, as well)", former.join(" and ")),
                };
                Problem::failed(format!("{} could not be provisioned: {why}", product.id))
                    .hint(format!("terminate it with `tenure destroy --only {address}`{also}, then apply again"))
            }
            Status::Available | Status::Tainted | Status::Error => return true,
        };
        self.finding(address, true, true, problem);
        false
    }

    /// What really runs: after a failed update the product names the version that was asked for, not the one that is
    /// there, so version, path and tags come from the last success.
    fn running(&mut self, target: &Target, product: &'a ProvisionedProduct) -> Option<Running<'a>> {
        let failed = product.last_provisioning != product.last_successful;
        let last = match (&product.last_successful, failed) {
            (Some(last), true) => last,
            _ => return Some(Running { version_id: &product.version_id, path_id: None, failed: false }),
        };
        let error = product.last_provisioning.as_deref().map(|id| self.knowledge.operation(&target.name, id));
        match (self.knowledge.operation(&target.name, last), error) {
            (Fact::Asked, _) | (_, Some(Fact::Asked)) => None,
            (Fact::Known(operation), _) => Some(Running {
                version_id: operation.version_id.as_deref().unwrap_or(&product.version_id),
                path_id: operation.path_id.as_deref(),
                failed: true,
            }),
            (Fact::Unreadable(_), _) => Some(Running { version_id: &product.version_id, path_id: None, failed: true }),
        }
    }

    /// Version, path, parameters and tags: one update for all of them. `None` when something is not known yet or not
    /// possible.
    fn update(
        &mut self,
        m: &Matched<'a>,
        product: &'a ProvisionedProduct,
        running: &Running<'a>,
        draft: &mut Draft,
    ) -> Option<()> {
        let spec = m.spec;
        let version = self.version(m, Some(running.version_id))?;
        let version_differs = version.id != running.version_id;
        let path_before = self.current_path(m, product, running)?;
        let path = self.path(m, path_before)?;
        let path_differs = spec.path.is_some() && path_changes(m.catalog, path_before, path);
        let managed_tags = spec.tags.is_some() || m.managed.is_some_and(|ours| !ours.declaration.tags.is_empty());
        let from_stack = running.failed && managed_tags;
        let reapply = self.inputs.options.reapply.contains(&spec.address);
        let mut wanted = version_differs || path_differs || reapply;
        let mut stack = None;
        if product.kind == STACK && (spec.parameters.is_some() || wanted || from_stack) {
            stack = Some(self.stack(m, product));
        }
        let live_tags = match &stack {
            Some(Reading::Known(stack)) if from_stack => &stack.tags,
            _ => &product.tags,
        };
        let set_before = m.managed.map(|ours| &ours.declaration.tags);
        let none = BTreeSet::new();
        let tags = tags::compare(spec.tags.as_ref(), set_before.unwrap_or(&none), live_tags);
        wanted |= tags.send.is_some();
        if !wanted && spec.parameters.is_none() {
            self.hold_back(&spec.address, &tags.held_back);
            return Some(());
        }
        if product.kind != STACK {
            return self.not_a_stack(m, product, version_differs || path_differs || tags.send.is_some());
        }
        // Both are asked for before either is looked at.
        let template = self.template(m, version, path);
        let stack = match stack.unwrap_or_else(|| self.stack(m, product)) {
            Reading::Known(stack) => stack,
            Reading::Asked => return None,
            Reading::Blocked => return None,
        };
        let outside = self.outside(m, product);
        let (template, outside) = (template?, outside?);
        let difference = self.parameters(m, version, template, Some(stack), Action::Update, outside.as_deref())?;
        self.hold_back(&spec.address, &tags.held_back);
        wanted |= !difference.fields.is_empty();
        if !wanted {
            return Some(());
        }
        if version_differs {
            let before = m.catalog.versions.iter().find(|v| v.id == running.version_id);
            let before = before.map_or(running.version_id, |version| version.name.as_str());
            draft.fields.push(Field {
                action: Action::Update,
                name: FieldName::Version,
                before: Shown::Text(before.to_owned()),
                after: Shown::Text(version.name.clone()),
                note: reverted_version(m, version, outside.as_deref()),
            });
        }
        if path_differs {
            let before = m.catalog.paths.iter().find(|p| Some(p.id.as_str()) == path_before);
            let before = before.map(|path| path.name.clone()).or_else(|| path_before.map(str::to_owned));
            let after = path.map(|path| path.name.clone());
            draft.field(
                Action::Update,
                FieldName::Path,
                before.map_or(Shown::Absent, Shown::Text),
                after.map_or(Shown::Absent, Shown::Text),
            );
        }
        if tags.send.is_some() && path_of(m.catalog, path).is_none_or(|path| path.tag_updates != TagUpdates::Allowed) {
            draft.notes.push(
                "tags change: that takes a RESOURCE_UPDATE constraint, which is not known to be there".to_owned(),
            );
        }
        let certain = version_differs
            || path_differs
            || reapply
            || tags.send.is_some()
            || difference.fields.iter().any(|field| !matches!(field.after, Shown::KnownAfterApply(_)));
        if !certain {
            draft.tentative =
                Some(stack.parameters.iter().map(|(key, value)| (key.clone(), value.value.clone())).collect());
        }
        if reapply && difference.fields.is_empty() && !version_differs && !path_differs && tags.send.is_none() {
            draft.notes.push("sent again as asked (--reapply), although nothing differs".to_owned());
        }
        draft.guards = guards(&difference.arguments, template);
        draft.outputs.clone_from(&template.outputs);
        draft.fields.extend(difference.fields);
        draft.notes.extend(difference.notes);
        draft.fields.extend(tags.fields);
        draft.update = Some(Request::Update {
            id: product.id.clone(),
            product_id: m.catalog.id.clone(),
            version_id: version.id.clone(),
            path_id: path.filter(|_| spec.path.is_some() || m.catalog.paths.len() > 1).map(|path| path.id.clone()),
            parameters: difference.arguments,
            tags: tags.send,
        });
        Some(())
    }

    fn hold_back(&mut self, address: &Address, tags: &[String]) {
        if tags.is_empty() {
            return;
        }
        let list: Vec<String> = tags.iter().map(|tag| format!("`{tag}`")).collect();
        let problem = Problem::failed(format!(
            "tag {} cannot be removed: the service ignores a removal while no other tag is added or changed",
            list.join(", ")
        ))
        .hint("add or change another tag in the same apply, or keep the tag in the file");
        self.finding(address, false, true, problem);
    }

    fn not_a_stack(&mut self, m: &Matched<'a>, product: &ProvisionedProduct, differs: bool) -> Option<()> {
        if differs || m.spec.parameters.is_some() {
            let problem = Problem::failed(format!(
                "{} is a {} product, and only its owner and launch role can be changed so far",
                product.id, product.kind
            ))
            .hint("leave `parameters` and `tags` out and write the version that runs");
            self.finding(&m.spec.address, false, true, problem);
        }
        Some(())
    }

    fn version(&mut self, m: &Matched<'a>, running: Option<&str>) -> Option<&'a Version> {
        resolve::version(&m.spec.version, m.catalog, running).map_err(|problem| self.problems.push(problem)).ok()
    }

    /// `Some(None)`: the product's only or default path, which needs no naming.
    fn path(&mut self, m: &Matched<'a>, current: Option<&str>) -> Option<Option<&'a LaunchPath>> {
        resolve::path(m.spec.path.as_ref(), m.catalog, current, &m.spec.place)
            .map_err(|problem| self.problems.push(problem))
            .ok()
    }

    /// The path that the product was launched through; looked up only where there is a choice.
    fn current_path(
        &mut self,
        m: &Matched<'a>,
        product: &'a ProvisionedProduct,
        running: &Running<'a>,
    ) -> Option<Option<&'a str>> {
        if m.catalog.paths.len() < 2 {
            return Some(m.catalog.paths.first().map(|path| path.id.as_str()));
        }
        if running.path_id.is_some() {
            return Some(running.path_id);
        }
        let Some(last) = &product.last_successful else { return Some(None) };
        match self.knowledge.operation(&m.target.name, last) {
            Fact::Known(operation) => Some(operation.path_id.as_deref()),
            Fact::Unreadable(_) => Some(None),
            Fact::Asked => None,
        }
    }

    fn template(&mut self, m: &Matched<'a>, version: &Version, path: Option<&LaunchPath>) -> Option<&'a Template> {
        let key = TemplateKey {
            product_id: m.catalog.id.clone(),
            version_id: version.id.clone(),
            path_id: named(m.spec, m.catalog, path),
        };
        match self.knowledge.template(&m.target.name, &key) {
            Fact::Known(template) => Some(template),
            Fact::Asked => None,
            Fact::Unreadable(reason) => {
                let problem = Problem::failed(format!(
                    "the parameters of `{}` version {} cannot be read: {reason}",
                    m.catalog.name, version.name
                ))
                .hint("the identity that reads must be associated with a portfolio that holds the product");
                self.finding(&m.spec.address, true, true, problem);
                None
            }
        }
    }

    fn stack(&mut self, m: &Matched<'a>, product: &ProvisionedProduct) -> Reading<'a> {
        match self.knowledge.parameters(&m.target.name, product) {
            Fact::Known(stack) => Reading::Known(stack),
            Fact::Asked => Reading::Asked,
            Fact::Unreadable(reason) => {
                let problem = Problem::failed(format!("the parameters of {} cannot be read: {reason}", product.id))
                    .hint("allow cloudformation:DescribeStacks to the identity that reads");
                self.finding(&m.spec.address, true, true, problem);
                Reading::Blocked
            }
        }
    }

    /// What somebody else did to the product since we last applied: operation and time, as far as they are known.
    fn outside(&mut self, m: &Matched<'a>, product: &'a ProvisionedProduct) -> Option<Option<String>> {
        let ours = m.managed.and_then(|managed| managed.applied.operation.as_deref());
        match (&product.last_provisioning, ours) {
            (Some(last), Some(ours)) if last != ours => match self.knowledge.operation(&m.target.name, last) {
                Fact::Known(operation) => {
                    let at = operation.updated.map(|at| at.strftime(", %Y-%m-%d %H:%MZ").to_string());
                    Some(Some(format!("{last}{}", at.unwrap_or_default())))
                }
                Fact::Unreadable(_) => Some(Some(last.clone())),
                Fact::Asked => None,
            },
            _ => Some(None),
        }
    }

    fn parameters(
        &mut self,
        m: &Matched<'a>,
        version: &Version,
        template: &Template,
        live: Option<&LiveParameters>,
        action: Action,
        outside: Option<&str>,
    ) -> Option<parameters::Difference> {
        let mut problems = Vec::new();
        let comparison = Comparison {
            place: &m.spec.place,
            declared: m.spec.parameters.as_ref(),
            template,
            version: &version.name,
            live,
            applied: m.managed.map(|managed| &managed.applied),
            outside,
            action,
        };
        let before = self.knowledge.asked();
        let difference = parameters::compare(&comparison, &mut problems, |address, output, place| {
            self.output(address, output, place)
        });
        let usable = problems.is_empty() && self.knowledge.asked() == before;
        self.problems.extend(problems);
        usable.then_some(difference)
    }

    fn output(&mut self, address: &Address, name: &str, place: &Place) -> Output {
        let unknown = |known: &mut dyn Iterator<Item = &String>| {
            let known: Vec<&str> = known.map(String::as_str).collect();
            let hint = match crate::problem::nearest(name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("it has {}", if known.is_empty() { "none".to_owned() } else { known.join(", ") }),
            };
            Problem::input(format!("`{address}` has no output `{name}`")).at(place).hint(hint)
        };
        if let Some(draft) = self.drafts.get(address)
            && draft.changes_outputs()
        {
            return match &draft.outputs {
                Some(outputs) if !outputs.contains(name) => {
                    self.problems.push(unknown(&mut outputs.iter()));
                    Output::Unusable
                }
                _ => Output::Later,
            };
        }
        // What is blocked blocks whoever reads it, and its finding says why. It may well have no outputs.
        if self.findings.iter().any(|finding| finding.blocks && finding.address == *address) {
            return Output::Unusable;
        }
        let id = self.base.get(address).map(|product| product.id.clone());
        let id = id.or_else(|| self.inputs.ledger.managed.get(address).map(|managed| managed.id.clone()));
        let Some(id) = id else {
            // A product that is in scope and could not be planned has said why already.
            if !self.inputs.scope.contains(address) {
                self.problems.push(
                    Problem::input(format!("`{address}` does not exist yet and is left out of this run"))
                        .at(place)
                        .hint(format!("leave `{address}` in, or apply it first")),
                );
            }
            return Output::Unusable;
        };
        match self.knowledge.outputs(&address.target, &id) {
            Fact::Known(outputs) => match outputs.get(name) {
                Some(value) => Output::Known(value.clone()),
                None => {
                    self.problems.push(unknown(&mut outputs.keys()));
                    Output::Unusable
                }
            },
            Fact::Unreadable(reason) => {
                let problem = Problem::failed(format!("the outputs of {id} cannot be read: {reason}"));
                self.finding(address, true, true, problem);
                Output::Unusable
            }
            Fact::Asked => Output::Unusable,
        }
    }

    fn set_owner(&mut self, draft: &mut Draft, m: &Matched<'a>, product: &ProvisionedProduct) {
        let seen = m.managed.and_then(|managed| managed.seen.owner.as_deref());
        let current = holder::shown(product);
        let before = current.map_or(Shown::Absent, |owner| Shown::Text(owner.to_owned()));
        let Some(wanted) = &m.spec.owner else {
            if let (Some(seen), Some(current)) = (seen, current)
                && seen != current
            {
                self.drift.push(Drift {
                    address: m.spec.address.clone(),
                    field: FieldName::Owner,
                    before: Shown::Text(seen.to_owned()),
                    now: before,
                    evidence: m.managed.map(|ours| format!("after {} (last seen)", minute(ours.seen_at))),
                });
            }
            return;
        };
        if holder::is_owner(&wanted.value, product) {
            return;
        }
        let ours = m.managed.and_then(|managed| managed.applied.owner.as_deref());
        draft.fields.push(Field {
            action: Action::SetOwner,
            name: FieldName::Owner,
            before,
            after: Shown::Text(wanted.value.clone()),
            note: (ours == Some(wanted.value.as_str())).then(|| "reverts a change made outside tenure".to_owned()),
        });
        draft.owner = Some(Request::SetOwner { id: product.id.clone(), owner: wanted.value.clone() });
    }

    /// TAINTED without a difference needs a person and stops nothing.
    fn tainted(&mut self, m: &Matched<'a>, product: &ProvisionedProduct, draft: &Draft) {
        if draft.update.is_some() || !matches!(product.status, Status::Tainted | Status::Error) {
            return;
        }
        let failed =
            product.last_provisioning.as_deref().filter(|_| product.last_provisioning != product.last_successful);
        let why = match failed.map(|id| (id, self.knowledge.operation(&m.target.name, id))) {
            Some((id, Fact::Known(operation))) => match &operation.state {
                OperationState::Failed(text) => format!("{id}: {text}"),
                _ => format!("since {id}"),
            },
            Some((_, Fact::Asked)) => return,
            _ => product.status_message.clone().unwrap_or_else(|| "no reason is given".to_owned()),
        };
        let problem = Problem::failed(format!("{} is {}: {why}", product.id, product.status)).hint(format!(
            "what runs is as the files say; `tenure apply --reapply {}` sends it once more",
            m.spec.address
        ));
        self.finding(&m.spec.address, false, false, problem);
    }

    /// A replaced product whose termination did not succeed is still ours to take down.
    fn leftovers(&mut self, m: &Matched<'a>, draft: &mut Draft) {
        for id in m.managed.into_iter().flat_map(|managed| &managed.former) {
            if let Presence::There(product) = self.knowledge.presence(&m.target.name, id) {
                draft.field(Action::Terminate, FieldName::Name, Shown::Text(product.name.clone()), Shown::Absent);
                draft.terminate.push(Request::Terminate { id: id.clone() });
            }
        }
    }

    /// Plans one address that is ours and not in the files.
    pub fn undeclared(&mut self, address: &'a Address, managed: &'a Managed) {
        if self.is_open(address, address) {
            return;
        }
        let mut draft = Draft::new(address, &managed.declaration.name);
        draft.ours = true;
        draft.protect = managed.declaration.protect;
        draft.needs.clone_from(&managed.declaration.needs);
        draft.timeout_seconds = match managed.declaration.timeout_seconds {
            0 => 3600,
            seconds => seconds,
        };
        draft.id = Some(managed.id.clone());
        let mut gone = true;
        for id in std::iter::once(&managed.id).chain(&managed.former) {
            match self.knowledge.presence(&address.target, id) {
                Presence::There(product) => {
                    gone = false;
                    if matches!(product.status, Status::UnderChange) {
                        self.usable(address, product);
                        return;
                    }
                    draft.product.clone_from(&product.product_name);
                    draft.field(Action::Terminate, FieldName::Name, Shown::Text(product.name.clone()), Shown::Absent);
                    draft.terminate.push(Request::Terminate { id: id.clone() });
                    self.base.insert(address.clone(), product.clone());
                }
                Presence::Gone => {}
                Presence::NotVisible(reason) => return self.not_visible(address, id, &reason),
                Presence::Asked => return,
            }
        }
        if gone {
            draft.records.push(Entry::Forgotten {
                address: address.clone(),
                id: managed.id.clone(),
                reason: "gone from the cloud and from the files".to_owned(),
            });
        }
        self.drafts.insert(address.clone(), draft);
    }
}

/// The path as it is sent: named only where there is a choice, because ids depend on who asks.
fn named(spec: &Spec, catalog: &CatalogProduct, path: Option<&LaunchPath>) -> Option<String> {
    path.filter(|_| spec.path.is_some() || catalog.paths.len() > 1).map(|path| path.id.clone())
}

enum Reading<'a> {
    Known(&'a LiveParameters),
    Asked,
    Blocked,
}

struct Running<'a> {
    version_id: &'a str,
    path_id: Option<&'a str>,
    /// The last operation failed, so the product shows what was asked for, not what runs.
    failed: bool,
}

fn set_launch_role(draft: &mut Draft, spec: &Spec, product: &ProvisionedProduct, current: Option<&str>) {
    for record in &mut draft.records {
        if let Entry::Adopted { holdings, .. } = record {
            holdings.launch_role = current.map(str::to_owned);
        }
    }
    let Some(wanted) = &spec.launch_role else { return };
    if current == Some(wanted.value.as_str()) {
        return;
    }
    draft.field(
        Action::SetLaunchRole,
        FieldName::LaunchRole,
        current.map_or(Shown::Absent, |role| Shown::Text(role.to_owned())),
        Shown::Text(wanted.value.clone()),
    );
    draft.launch_role = Some(Request::SetLaunchRole { id: product.id.clone(), role: wanted.value.clone() });
}

fn redeclare(draft: &mut Draft, m: &Matched<'_>) {
    let Some(managed) = m.managed else { return };
    let after = declaration(m.spec, &m.name, m.target);
    let same = Declaration { timeout_seconds: after.timeout_seconds, ..managed.declaration.clone() } == after;
    if !same {
        draft.fields.extend(declaration_fields(&managed.declaration, &after));
        draft.records.push(Entry::Declared { address: m.spec.address.clone(), declaration: after });
    }
}

fn reverted_version(m: &Matched<'_>, wanted: &Version, outside: Option<&str>) -> Option<String> {
    let applied = m.managed.and_then(|managed| managed.applied.version_id.as_deref());
    (applied == Some(wanted.id.as_str())).then(|| match outside {
        Some(evidence) => format!("reverts a change made outside tenure ({evidence})"),
        None => "reverts a change made outside tenure".to_owned(),
    })
}

/// Paths compare by name: ids depend on who asks and go stale.
fn path_changes(catalog: &CatalogProduct, before: Option<&str>, after: Option<&LaunchPath>) -> bool {
    let before = before.and_then(|id| catalog.paths.iter().find(|path| path.id == id)).map(|path| &path.name);
    match (before, after) {
        (Some(before), Some(after)) => *before != after.name,
        _ => false,
    }
}

fn path_of<'a>(catalog: &'a CatalogProduct, path: Option<&'a LaunchPath>) -> Option<&'a LaunchPath> {
    path.or_else(|| catalog.paths.first())
}

fn minute(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%MZ").to_string()
}
