//! Provision, update and terminate: what is refused at once, and what an accepted request will end in.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog::{Chosen, ProductRef, VersionRef};
use super::model::{
    Answer, Cloud, ConstraintKind, Failure, LAST, Launch, Millis, Provisioned, Record, RecordKind, ServiceError, Stack,
    Status, Tags, Token, Value, Values, Work,
};
use super::{Caller, World};
use crate::sandbox::ids;
use crate::sandbox::template::Template;

/// How long a termination takes unless its version takes longer.
const TERMINATION: Millis = 30_000;

/// What was asked of one parameter.
#[derive(Debug, Clone, Default)]
pub struct Given {
    pub key: String,
    pub value: Option<String>,
    pub previous: bool,
}

/// A provisioned product, by id, name or ARN.
#[derive(Debug, Clone, Default)]
pub struct Target {
    pub id: Option<String>,
    pub name: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub struct ProvisionRequest {
    pub name: String,
    pub product: ProductRef,
    pub version: VersionRef,
    pub path: VersionRef,
    pub parameters: Vec<Given>,
    pub tags: Tags,
    pub notifications: Vec<String>,
    pub token: String,
    /// Digest of the request without its token.
    pub digest: String,
}

#[derive(Debug, Clone, Default)]
pub struct UpdateRequest {
    pub target: Target,
    pub product: ProductRef,
    pub version: VersionRef,
    pub path: VersionRef,
    pub parameters: Vec<Given>,
    /// Absent: the tags stay as they are.
    pub tags: Option<Tags>,
    pub token: String,
    pub digest: String,
}

/// What a request is known to end in.
pub(super) struct Outlook {
    pub launch: Launch,
    pub failure: Option<Failure>,
}

impl World {
    /// Key of a token: the service remembers them by account, region and operation.
    pub(super) fn token_key(caller: &Caller, operation: &str, token: &str) -> String {
        format!("{}/{operation}/{token}", caller.place)
    }

    /// The record that answered this token before, if any; a token for another request is refused.
    pub(super) fn replay(&self, key: &str, digest: &str) -> Answer<Option<String>> {
        match self.state.tokens.get(key) {
            None => Ok(None),
            Some(token) if token.request == digest => Ok(Some(token.answer.clone())),
            Some(_) => Err(ServiceError::invalid(
                "The idempotency token was already used for a request with different parameters.",
            )),
        }
    }

    fn replayed_record(&self, key: &str, digest: &str) -> Answer<Option<Record>> {
        let id = self.replay(key, digest)?;
        Ok(id.and_then(|id| self.state.records.get(&id)).map(Record::as_created))
    }

    /// What a target names, if the caller reaches it.
    pub fn target(&self, caller: &Caller, target: &Target) -> Answer<&Provisioned> {
        let found = match (&target.id, &target.name) {
            (Some(_), Some(_)) | (None, None) => {
                return Err(ServiceError::invalid(
                    "Specify either the provisioned product id or the provisioned product name.",
                ));
            }
            (Some(id), None) => self.state.provisioned.get(id),
            (None, Some(name)) if name.starts_with("arn:") => {
                let id = name.rsplit('/').next().unwrap_or_default();
                self.state.provisioned.get(id).filter(|p| p.arn() == *name)
            }
            (None, Some(name)) => {
                let names = self.indexes.names.get(&caller.place);
                names.and_then(|names| names.get(name)).and_then(|id| self.state.provisioned.get(id))
            }
        };
        found.filter(|p| p.place == caller.place && !p.terminated && caller.reaches(&p.owner)).ok_or_else(|| {
            let wanted = target.id.as_deref().or(target.name.as_deref()).unwrap_or_default();
            ServiceError::missing(format!("Provisioned product not found: {wanted}"))
        })
    }

    /// ProvisionProduct.
    pub fn provision(&mut self, caller: &Caller, request: ProvisionRequest) -> Answer<Record> {
        let key = Self::token_key(caller, "ProvisionProduct", &request.token);
        if let Some(record) = self.replayed_record(&key, &request.digest)? {
            return Ok(record);
        }
        let chosen = self.choose(caller, &request.product, &request.version, &request.path)?;
        self.name_is_free(caller, &request.name)?;
        let id = self.new_id("pp");
        let outlook = self.outlook(&id, None, &chosen, &request.parameters, request.tags, request.notifications)?;
        let product = self.newborn(caller, id, request.name, &chosen, &outlook.launch.tags, &request.token);
        let work = Work::Launch { launch: outlook.launch, plan: None };
        let record = self.begin(product, RecordKind::ProvisionProduct, work, outlook.failure, chosen.version.duration);
        self.put_token(key, Token { request: request.digest, answer: record.id.clone() });
        Ok(record)
    }

    pub(super) fn name_is_free(&self, caller: &Caller, name: &str) -> Answer<()> {
        match self.indexes.names.get(&caller.place).and_then(|names| names.get(name)) {
            None => Ok(()),
            Some(_) => Err(ServiceError::new(
                "DuplicateResourceException",
                format!("A provisioned product with the name {name} already exists."),
            )),
        }
    }

    /// A provisioned product that has nothing yet.
    pub(super) fn newborn(
        &self,
        caller: &Caller,
        id: String,
        name: String,
        chosen: &Chosen,
        tags: &Tags,
        token: &str,
    ) -> Provisioned {
        let constraints = Self::constraints(&chosen.portfolio, &chosen.product.id);
        let launch_role = constraints.filter(|c| c.kind == ConstraintKind::Launch).find_map(|c| c.role.clone());
        Provisioned {
            id,
            name,
            place: caller.place.clone(),
            kind: chosen.version.kind,
            product: chosen.product.id.clone(),
            version: chosen.version.id.clone(),
            path: self.path_id(&chosen.product.id, &chosen.portfolio.id),
            status: Status::UnderChange,
            settled: Status::Error,
            status_message: None,
            created: self.state.now,
            token: token.to_owned(),
            last_record: None,
            last_provisioning_record: None,
            last_successful_record: None,
            tags: tags.clone(),
            owner: caller.as_owner(),
            provisioner: caller.session.clone(),
            launch_role,
            stack: None,
            plan: None,
            stack_region: None,
            terminated: false,
        }
    }

    /// UpdateProvisionedProduct.
    pub fn update(&mut self, caller: &Caller, request: UpdateRequest) -> Answer<Record> {
        let key = Self::token_key(caller, "UpdateProvisionedProduct", &request.token);
        let mut product = self.target(caller, &request.target)?.clone();
        if let Some(record) = self.replayed_record(&key, &request.digest)? {
            return Ok(record);
        }
        Self::is_idle(&product, "InvalidParametersException")?;
        let chosen = self.choose_for_update(caller, &product, &request)?;
        let tags = self.tags_after(&product, &chosen, request.tags)?;
        let outlook = self.outlook(
            &product.id.clone(),
            Some(&product),
            &chosen,
            &request.parameters,
            tags,
            self.notifications(&product),
        )?;
        // The catalog shows the tags that were asked for even if the stack never gets them.
        product.tags.clone_from(&outlook.launch.tags);
        let work = Work::Launch { launch: outlook.launch, plan: None };
        let kind = RecordKind::UpdateProvisionedProduct;
        let record = self.begin(product, kind, work, outlook.failure, chosen.version.duration);
        self.put_token(key, Token { request: request.digest, answer: record.id.clone() });
        Ok(record)
    }

    pub(super) fn notifications(&self, product: &Provisioned) -> Vec<String> {
        self.stack_of(product).map(|s| s.notifications.clone()).unwrap_or_default()
    }

    /// What is not named stays: the product, and the version if the product does.
    fn choose_for_update(&self, caller: &Caller, product: &Provisioned, request: &UpdateRequest) -> Answer<Chosen> {
        let mut wanted = request.product.clone();
        if wanted.id.is_none() && wanted.name.is_none() {
            wanted.id = Some(product.product.clone());
        }
        let mut version = request.version.clone();
        if version.id.is_none() && version.name.is_none() {
            version.id = Some(product.version.clone());
        }
        self.choose(caller, &wanted, &version, &request.path)
    }

    /// Nothing but a wait or, for a plan's product, the plan itself leads on from the transitive states.
    pub(super) fn is_idle(product: &Provisioned, code: &'static str) -> Answer<()> {
        match product.status {
            Status::UnderChange | Status::PlanInProgress => Err(ServiceError::new(
                code,
                format!("Provisioned product {} is in status {}.", product.id, product.status.as_str()),
            )),
            Status::Available | Status::Tainted | Status::Error => Ok(()),
        }
    }

    /// The whole set that was sent replaces the old one, but a removal goes through only beside another change.
    pub(super) fn tags_after(&self, product: &Provisioned, chosen: &Chosen, asked: Option<Tags>) -> Answer<Tags> {
        let Some(asked) = asked else { return Ok(product.tags.clone()) };
        if asked == product.tags {
            return Ok(asked);
        }
        if !self.allows_tag_updates(&chosen.product.id, &chosen.portfolio) {
            return Err(ServiceError::invalid(format!(
                "Tag updates are not allowed for provisioned product {}: product {} has no RESOURCE_UPDATE constraint.",
                product.id, chosen.product.id
            )));
        }
        let something_new = asked.iter().any(|(key, value)| product.tags.get(key) != Some(value));
        Ok(if something_new { asked } else { product.tags.clone() })
    }

    /// TerminateProvisionedProduct.
    pub fn terminate(
        &mut self,
        caller: &Caller,
        target: &Target,
        token: &str,
        digest: &str,
        ignore_errors: bool,
        retain: bool,
    ) -> Answer<Record> {
        let product = self.target(caller, target)?.clone();
        let key = Self::token_key(caller, "TerminateProvisionedProduct", token);
        // The token is valid only while the termination runs.
        let replayed = self.replay(&key, digest)?.and_then(|id| self.state.records.get(&id));
        if let Some(record) = replayed.filter(|r| r.work.is_some()) {
            return Ok(record.as_created());
        }
        Self::is_idle(&product, "InvalidParametersException")?;
        let failure = self.cannot_run(&product).filter(|_| !ignore_errors);
        let usual = self.version_by_id(&product.product, &product.version).map_or(0, |(_, v)| v.duration);
        let length = if usual == 0 { 0 } else { usual.max(TERMINATION) };
        let kind = RecordKind::TerminateProvisionedProduct;
        let record = self.begin(product, kind, Work::Terminate { retain, plan: None }, failure, length);
        self.put_token(key, Token { request: digest.to_owned(), answer: record.id.clone() });
        Ok(record)
    }

    /// Writes the record of an accepted request and puts its product under change.
    pub(super) fn begin(
        &mut self,
        mut product: Provisioned,
        kind: RecordKind,
        work: Work,
        failure: Option<Failure>,
        length: Millis,
    ) -> Record {
        let id = self.new_id(if product.place.cloud() == Cloud::Alibaba { "task" } else { "rec" });
        let sequence = self.next();
        let doomed = std::mem::take(&mut self.doomed);
        let failure = failure.or_else(|| {
            doomed.then(|| Failure {
                code: "InternalFailure".into(),
                message: "the operation failed (sandbox fault)".into(),
            })
        });
        let (to_product, to_version, path, entered) = match &work {
            Work::Launch { launch: to, .. } => (to.product.clone(), to.version.clone(), to.path.clone(), to.asked()),
            _ => (product.product.clone(), product.version.clone(), product.path.clone(), Values::new()),
        };
        let record = Record {
            id: id.clone(),
            sequence,
            place: product.place.clone(),
            kind,
            provisioned: product.id.clone(),
            name: product.name.clone(),
            stack_kind: product.kind,
            product: to_product,
            version: to_version,
            path,
            tags: product.tags.clone(),
            entered,
            launch_role: product.launch_role.clone(),
            holder: product.owner.clone(),
            created: self.state.now,
            ends: self.state.now.saturating_add(length).min(LAST),
            failure,
            outputs: Vec::new(),
            work: Some(work),
        };
        if !matches!(record.work, Some(Work::Properties { .. })) {
            product.last_provisioning_record = Some(id.clone());
        }
        if product.status != Status::UnderChange {
            product.settled = product.status;
        }
        product.last_record = Some(id);
        product.status = Status::UnderChange;
        product.status_message = None;
        self.put_provisioned(product);
        self.put_record(record.clone());
        record
    }

    pub(super) fn stack_of(&self, product: &Provisioned) -> Option<&Stack> {
        product.stack.as_ref().and_then(|id| self.state.stacks.get(id))
    }

    /// Whether the product's launch role can do its work.
    pub(super) fn cannot_run(&self, product: &Provisioned) -> Option<Failure> {
        let role = product.launch_role.as_ref()?;
        let account = self.catalog.accounts.get(&product.place.account)?;
        account.broken_roles.contains(role).then(|| Failure {
            code: "AccessDenied".into(),
            message: format!("Access denied while assuming the role {role}"),
        })
    }

    /// What a launch will come to: its effective parameters, and why it will fail if it will.
    pub(super) fn outlook(
        &self,
        id: &str,
        existing: Option<&Provisioned>,
        chosen: &Chosen,
        given: &[Given],
        tags: Tags,
        notifications: Vec<String>,
    ) -> Answer<Outlook> {
        let template = self.template(&chosen.version.template)?;
        let stack = existing.and_then(|p| self.stack_of(p));
        let (parameters, invalid) = effective(id, &template, stack, given)?;
        let launch = Launch {
            product: chosen.product.id.clone(),
            version: chosen.version.id.clone(),
            path: self.path_id(&chosen.product.id, &chosen.portfolio.id),
            parameters,
            entered: BTreeSet::new(),
            tags,
            notifications,
        };
        let failed = |code: &str, message: String| Failure { code: code.into(), message };
        let failure = match existing {
            Some(product) => self.cannot_run(product),
            None => self.constraint_cannot_run(chosen),
        };
        let failure = failure
            .or_else(|| invalid.map(|message| failed("ValidationError", message)))
            .or_else(|| chosen.version.fail.clone().map(|message| failed("CREATE_FAILED", message)))
            .or_else(|| {
                let same = self.catalog.no_change_taints
                    && existing.is_some_and(|p| p.status == Status::Available && self.is_same(p, &launch));
                same.then(|| failed("ValidationError", "No updates are to be performed.".into()))
            });
        Ok(Outlook { launch, failure })
    }

    fn constraint_cannot_run(&self, chosen: &Chosen) -> Option<Failure> {
        let account = self.catalog.accounts.get(&chosen.product.place.account)?;
        let mut constraints = Self::constraints(&chosen.portfolio, &chosen.product.id);
        let role = constraints.find_map(|c| c.role.as_ref().filter(|_| c.kind == ConstraintKind::Launch))?;
        account.broken_roles.contains(role).then(|| Failure {
            code: "AccessDenied".into(),
            message: format!("Access denied while assuming the role {role}"),
        })
    }

    /// Whether the stack already is what the launch asks for.
    pub(super) fn is_same(&self, product: &Provisioned, launch: &Launch) -> bool {
        self.stack_of(product).is_some_and(|stack| {
            product.product == launch.product
                && product.version == launch.version
                && product.path == launch.path
                && stack.parameters == launch.parameters
                && stack.tags == launch.tags
        })
    }
}

impl Launch {
    /// The values that it was asked for, without what the template has by default.
    pub fn asked(&self) -> Values {
        let asked = self.parameters.iter().filter(|(key, _)| self.entered.contains(*key));
        asked.map(|(key, value)| (key.clone(), value.clone())).collect()
    }
}

/// Hides what NoEcho hides. The digest is bound to product and key, so equal secrets do not look equal.
fn value_of(id: &str, parameter: &crate::sandbox::template::Parameter, value: &str) -> Value {
    if parameter.no_echo {
        Value::Hidden(ids::sha256_hex(format!("{id}\0{}\0{value}", parameter.name).as_bytes()))
    } else {
        Value::Plain(value.to_owned())
    }
}

/// The parameters that a stack would have after a request, and what CloudFormation will have against them.
pub(in crate::sandbox) fn effective(
    id: &str,
    template: &Template,
    stack: Option<&Stack>,
    given: &[Given],
) -> Answer<(Values, Option<String>)> {
    let asked = by_key(given)?;
    let unknown: Vec<&str> =
        asked.keys().filter(|key| !template.parameters.iter().any(|p| p.name == **key)).copied().collect();
    if !unknown.is_empty() {
        return Err(ServiceError::invalid(format!(
            "Parameters: [{}] do not exist in the template",
            unknown.join(", ")
        )));
    }
    let mut values = Values::new();
    let mut plain = BTreeMap::new();
    // A hidden value that is kept cannot be checked again: its clear text is nowhere.
    let mut unchecked = BTreeSet::new();
    for parameter in &template.parameters {
        let name = &parameter.name;
        let given = asked.get(name.as_str());
        let before = stack.and_then(|stack| stack.parameters.get(name));
        // The Terraform provider sends only what changed, so ROS must keep the rest (assumed).
        let keeps = given.map_or(template.is_ros() && before.is_some(), |given| given.previous);
        let text = match before {
            Some(Value::Plain(text)) if keeps => Some(text.clone()),
            Some(hidden @ Value::Hidden(_)) if keeps => {
                values.insert(name.clone(), hidden.clone());
                unchecked.insert(name.as_str());
                continue;
            }
            None if keeps => {
                return Err(ServiceError::invalid(format!(
                    "Invalid input for parameter key {name}. Cannot specify usePreviousValue as true for a parameter key not in the previous template"
                )));
            }
            _ => given.map_or_else(|| parameter.default.clone(), |given| given.value.clone()),
        };
        if let Some(text) = text {
            values.insert(name.clone(), value_of(id, parameter, &text));
            plain.insert(name.clone(), text);
        }
    }
    let refusal = if unchecked.is_empty() {
        template.check(&plain).err()
    } else {
        let mut checkable = template.clone();
        checkable.parameters.retain(|p| !unchecked.contains(p.name.as_str()));
        checkable.check(&plain).err()
    };
    Ok((values, refusal))
}

fn by_key(given: &[Given]) -> Answer<BTreeMap<&str, &Given>> {
    let mut asked = BTreeMap::new();
    for one in given {
        if one.previous && one.value.as_deref().is_some_and(|v| !v.is_empty()) {
            return Err(ServiceError::invalid(format!(
                "Invalid input for parameter key {}. Cannot specify usePreviousValue as true and non empty value for a parameter",
                one.key
            )));
        }
        if asked.insert(one.key.as_str(), one).is_some() {
            return Err(ServiceError::invalid(format!("Duplicate parameter key: {}", one.key)));
        }
    }
    Ok(asked)
}
