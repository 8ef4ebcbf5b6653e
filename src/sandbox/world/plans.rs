//! Provisioned product plans: a preview by CloudFormation change set.

use std::collections::{BTreeMap, BTreeSet};

use super::catalog::{Chosen, ProductRef, VersionRef};
use super::launch::Given;
use super::model::{
    Access, Answer, Failure, LAST, Millis, Plan, PlanStatus, Provisioned, Record, RecordKind, ResourceChange,
    ServiceError, StackKind, Status, Tags, Token, Work,
};
use super::{Caller, World};

/// How long the service takes to make a change set.
const CHANGE_SET: Millis = 10_000;

#[derive(Debug, Clone, Default)]
pub struct PlanRequest {
    pub name: String,
    pub product: String,
    pub version: String,
    pub path: Option<String>,
    pub provisioned_name: String,
    pub parameters: Vec<Given>,
    pub tags: Option<Tags>,
    pub notifications: Vec<String>,
    pub token: String,
    pub digest: String,
}

impl World {
    /// CreateProvisionedProductPlan. A plan for a new product takes its name at once.
    pub fn create_plan(&mut self, caller: &Caller, request: PlanRequest) -> Answer<Plan> {
        let key = Self::token_key(caller, "CreateProvisionedProductPlan", &request.token);
        if let Some(id) = self.replay(&key, &request.digest)?
            && let Some(plan) = self.state.plans.get(&id)
        {
            return Ok(plan.clone());
        }
        let chosen = self.choose(
            caller,
            &ProductRef { id: Some(request.product), name: None },
            &VersionRef { id: Some(request.version), name: None },
            &VersionRef { id: request.path, name: None },
        )?;
        if chosen.version.kind != StackKind::CfnStack {
            return Err(ServiceError::invalid("Plans are supported for CloudFormation stacks only."));
        }
        let existing = self.plannable(caller, &request.provisioned_name)?;
        let id = existing.as_ref().map_or_else(|| self.new_id("pp"), |p| p.id.clone());
        let tags = match &existing {
            Some(product) => self.tags_after(product, &chosen, request.tags)?,
            None => request.tags.unwrap_or_default(),
        };
        let outlook =
            self.outlook(&id, existing.as_ref(), &chosen, &request.parameters, tags, request.notifications)?;
        let failure = self.change_set_failure(existing.as_ref(), &outlook.launch, outlook.failure, &chosen);
        let changes = if failure.is_some() { Vec::new() } else { self.resource_changes(existing.as_ref(), &chosen)? };
        let creates = existing.is_none();
        let mut product = existing.unwrap_or_else(|| {
            let mut newborn =
                self.newborn(caller, id, request.provisioned_name, &chosen, &outlook.launch.tags, &request.token);
            newborn.status = Status::PlanInProgress;
            newborn
        });
        let plan = Plan {
            id: self.new_id("plan"),
            name: request.name,
            place: caller.place.clone(),
            provisioned: product.id.clone(),
            provisioned_name: product.name.clone(),
            status: PlanStatus::CreateInProgress,
            status_message: None,
            created: self.state.now,
            updated: self.state.now,
            ends: self.state.now.saturating_add(CHANGE_SET).min(LAST),
            owner: product.owner.clone(),
            launch: outlook.launch,
            previous: request.parameters.iter().filter(|g| g.previous).map(|g| g.key.clone()).collect(),
            creates,
            failure,
            changes,
        };
        product.plan = Some(plan.id.clone());
        self.put_provisioned(product);
        self.put_plan(plan.clone());
        self.put_token(key, Token { request: request.digest, answer: plan.id.clone() });
        Ok(plan)
    }

    /// The product that a plan would change, if it may be planned now; nothing if the name is free.
    fn plannable(&self, caller: &Caller, name: &str) -> Answer<Option<Provisioned>> {
        let id = self.indexes.names.get(&caller.place).and_then(|names| names.get(name));
        let Some(product) = id.and_then(|id| self.state.provisioned.get(id)) else { return Ok(None) };
        if !caller.reaches(&product.owner) {
            return Err(ServiceError::missing(format!("Provisioned product not found: {name}")));
        }
        let open = product.plan.as_ref().and_then(|id| self.state.plans.get(id));
        if let Some(plan) = open.filter(|p| !matches!(p.status, PlanStatus::ExecuteSuccess | PlanStatus::ExecuteFailed))
        {
            return Err(ServiceError::state(format!(
                "Provisioned product {} already has the plan {}.",
                product.id, plan.id
            )));
        }
        if !matches!(product.status, Status::Available | Status::Tainted) {
            return Err(ServiceError::state(format!(
                "Provisioned product {} is in status {}; a plan needs AVAILABLE or TAINTED.",
                product.id,
                product.status.as_str()
            )));
        }
        Ok(Some(product.clone()))
    }

    /// What keeps the change set from being made: what keeps a launch from starting, but nothing that happens later.
    fn change_set_failure(
        &self,
        existing: Option<&Provisioned>,
        launch: &super::model::Launch,
        failure: Option<Failure>,
        chosen: &Chosen,
    ) -> Option<Failure> {
        let later = chosen.version.fail.as_ref();
        let failure = failure.filter(|f| Some(&f.message) != later);
        failure.or_else(|| {
            existing.is_some_and(|p| self.is_same(p, launch)).then(|| Failure {
                code: "ValidationError".into(),
                message: "The submitted information didn't contain changes.".into(),
            })
        })
    }

    fn resource_changes(&self, existing: Option<&Provisioned>, chosen: &Chosen) -> Answer<Vec<ResourceChange>> {
        let kinds = |key: &str| -> Answer<BTreeMap<String, String>> {
            Ok(self.template(key)?.resources.iter().map(|r| (r.logical_id.clone(), r.kind.clone())).collect())
        };
        let stack = existing.and_then(|p| self.stack_of(p));
        let old = stack.map(|s| kinds(&s.template)).transpose()?.unwrap_or_default();
        let new = kinds(&chosen.version.template)?;
        let all: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let change = |logical_id: &String| {
            let action = match (old.contains_key(logical_id), new.contains_key(logical_id)) {
                (false, _) => "ADD",
                (true, true) => "MODIFY",
                (true, false) => "REMOVE",
            };
            ResourceChange {
                action: action.into(),
                physical_id: stack.filter(|_| action != "ADD").map(|s| format!("{}-{logical_id}", s.name)),
                logical_id: logical_id.clone(),
                kind: new.get(logical_id).or_else(|| old.get(logical_id)).cloned().unwrap_or_default(),
            }
        };
        Ok(all.into_iter().map(change).collect())
    }

    /// A plan that the caller reaches.
    pub fn plan(&self, caller: &Caller, id: &str) -> Answer<&Plan> {
        let plan = self.state.plans.get(id).filter(|p| p.place == caller.place);
        plan.filter(|p| caller.reaches(self.owner_of_plan(p)))
            .ok_or_else(|| ServiceError::missing(format!("Provisioned product plan not found: {id}")))
    }

    fn owner_of_plan<'a>(&'a self, plan: &'a Plan) -> &'a super::model::Owner {
        self.state.provisioned.get(&plan.provisioned).map_or(&plan.owner, |p| &p.owner)
    }

    /// ExecuteProvisionedProductPlan.
    pub fn execute_plan(&mut self, caller: &Caller, id: &str, token: &str, digest: &str) -> Answer<Record> {
        let mut plan = self.plan(caller, id)?.clone();
        let key = Self::token_key(caller, "ExecuteProvisionedProductPlan", token);
        if let Some(answer) = self.replay(&key, digest)?
            && let Some(record) = self.state.records.get(&answer)
        {
            return Ok(record.as_created());
        }
        if plan.status != PlanStatus::CreateSuccess {
            return Err(ServiceError::state(format!("Plan {id} is in status {}.", plan.status.as_str())));
        }
        let Some(mut product) = self.state.provisioned.get(&plan.provisioned).cloned() else {
            return Err(ServiceError::missing(format!("Provisioned product not found: {}", plan.provisioned)));
        };
        let kind = if plan.creates {
            product.status = Status::Error;
            RecordKind::ProvisionProduct
        } else {
            Self::is_idle(&product, "InvalidStateException")?;
            RecordKind::UpdateProvisionedProduct
        };
        let version = self.version_by_id(&plan.launch.product, &plan.launch.version).map(|(_, v)| v.clone());
        let failure = self.cannot_run(&product).or_else(|| {
            let reason = version.as_ref().and_then(|v| v.fail.clone())?;
            Some(Failure { code: "CREATE_FAILED".into(), message: reason })
        });
        product.tags.clone_from(&plan.launch.tags);
        plan.status = PlanStatus::ExecuteInProgress;
        plan.updated = self.state.now;
        let work = Work::Launch { launch: plan.launch.clone(), plan: Some(plan.id.clone()) };
        self.put_plan(plan);
        let record = self.begin(product, kind, work, failure, version.map_or(0, |v| v.duration));
        self.put_token(key, Token { request: digest.to_owned(), answer: record.id.clone() });
        Ok(record)
    }

    /// DeleteProvisionedProductPlan. The product that a plan was to create goes with it.
    pub fn delete_plan(&mut self, caller: &Caller, id: &str) -> Answer<()> {
        let plan = self.plan(caller, id)?.clone();
        if plan.status == PlanStatus::ExecuteInProgress {
            return Err(ServiceError::invalid(format!("Plan {id} is being executed.")));
        }
        if let Some(mut product) = self.state.provisioned.get(&plan.provisioned).cloned() {
            product.plan = product.plan.filter(|own| own != id);
            product.terminated |= product.status == Status::PlanInProgress;
            self.put_provisioned(product);
        }
        self.remove_plan(id);
        Ok(())
    }

    /// ListProvisionedProductPlans, one page of it: plans after `after`, and whether there are more.
    pub fn plans(
        &self,
        caller: &Caller,
        level: Access,
        provisioned: Option<&str>,
        after: Option<&str>,
        size: usize,
    ) -> (Vec<&Plan>, bool) {
        let ids = self.indexes.plans.get(&caller.place).into_iter().flatten();
        let mut plans = ids
            .filter(|id| after.is_none_or(|after| id.as_str() > after))
            .filter_map(|id| self.state.plans.get(id))
            .filter(|p| provisioned.is_none_or(|id| p.provisioned == id))
            .filter(|p| caller.sees(level, self.owner_of_plan(p)));
        let page: Vec<&Plan> = plans.by_ref().take(size).collect();
        let more = plans.next().is_some();
        (page, more)
    }
}
