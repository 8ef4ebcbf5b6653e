//! The end of asynchronous operations.

use std::collections::BTreeMap;

use super::World;
use super::model::{
    Cloud, LAST, Launch, Millis, OutputValue, Place, PlanStatus, Provisioned, Record, Stack, StackKind, Status, Values,
    Work,
};
use crate::sandbox::ids;
use crate::sandbox::template::{Context, Template};

impl World {
    /// Moves time forward and ends, in their order, the operations whose time has come. Time never goes back.
    pub fn advance_to(&mut self, now: Millis) {
        let now = now.min(LAST);
        while let Some((due, id)) = self.indexes.due.first().cloned() {
            if due > now {
                break;
            }
            self.indexes.due.pop_first();
            self.state.now = self.state.now.max(due);
            if let Some(record) = self.state.records.get(&id).cloned() {
                self.end(record);
            } else if self.state.plans.contains_key(&id) {
                self.end_plan_creation(&id);
            } else if self.state.ros_plans.contains_key(&id) {
                self.end_preview(&id);
            }
        }
        self.state.now = self.state.now.max(now);
    }

    fn end(&mut self, mut record: Record) {
        let Some(work) = record.work.take() else { return };
        let Some(mut product) = self.state.provisioned.get(&record.provisioned).cloned() else {
            self.put_record(record);
            return;
        };
        product.status = product.settled;
        if let Some(failure) = &record.failure {
            product.status_message = Some(failure.message.clone());
        }
        let failed = record.failure.is_some();
        match work {
            Work::Properties { .. } if failed => {}
            Work::Properties { owner, launch_role } => {
                product.owner = owner.unwrap_or(product.owner);
                product.launch_role = launch_role.or(product.launch_role);
            }
            Work::Terminate { retain, plan } => {
                if let Some(plan) = plan {
                    self.end_ros_execution(&plan, record.failure.as_ref());
                }
                if failed {
                    product.status = Status::Tainted;
                } else {
                    self.end_termination(&mut product, &record, retain);
                }
            }
            Work::Launch { launch, plan } => {
                if let Some(plan) = plan {
                    self.end_plan_execution(&plan, failed);
                    self.end_ros_execution(&plan, record.failure.as_ref());
                }
                if failed {
                    self.end_failed_launch(&mut product);
                } else {
                    self.end_launch(&mut product, &mut record, launch);
                }
            }
        }
        self.put_provisioned(product);
        self.put_record(record);
    }

    fn end_termination(&mut self, product: &mut Provisioned, record: &Record, retain: bool) {
        product.terminated = true;
        product.last_successful_record = Some(record.id.clone());
        if let Some(stack) = product.stack.take().filter(|_| !retain) {
            self.remove_stack(&stack);
        }
        if let Some(plan) = product.plan.take() {
            self.remove_plan(&plan);
        }
    }

    /// A first launch leaves nothing but the product in ERROR; an update is rolled back to the old stack.
    fn end_failed_launch(&mut self, product: &mut Provisioned) {
        let old = self.stack_of(product).cloned();
        product.status = if old.is_some() { Status::Tainted } else { Status::Error };
        if let Some(mut stack) = old {
            "UPDATE_ROLLBACK_COMPLETE".clone_into(&mut stack.status);
            stack.updated = Some(self.state.now);
            self.put_stack(stack);
        }
    }

    fn end_launch(&mut self, product: &mut Provisioned, record: &mut Record, launch: Launch) {
        let kind = self.version_by_id(&launch.product, &launch.version).map_or(product.kind, |(_, v)| v.kind);
        product.status = Status::Available;
        product.status_message = None;
        product.last_successful_record = Some(record.id.clone());
        product.product.clone_from(&launch.product);
        product.version.clone_from(&launch.version);
        product.path.clone_from(&launch.path);
        product.kind = kind;
        let stack = self.stack_after(product, launch, self.state.now);
        record.outputs = catalog_outputs(&stack);
        product.stack = Some(stack.id.clone());
        self.put_stack(stack);
    }

    /// The stack of a product after a successful launch at `now`.
    pub(in crate::sandbox) fn stack_after(&self, product: &Provisioned, launch: Launch, now: Millis) -> Stack {
        let version = self.version_by_id(&launch.product, &launch.version);
        let template = version.map(|(_, v)| v.template.clone()).unwrap_or_default();
        let old = self.stack_of(product);
        let name = format!("SC-{}-{}", product.place.account, product.id);
        let mut place = product.place.clone();
        if let Some(region) = &product.stack_region {
            place.region.clone_from(region);
        }
        let mut stack = self.new_stack(product.kind, place, name, template, launch.parameters, now);
        stack.tags = launch.tags;
        stack.notifications = launch.notifications;
        stack.role.clone_from(&product.launch_role);
        if let Some(old) = old {
            stack.created = old.created;
            stack.updated = Some(now);
            if product.kind != StackKind::CfnStackset {
                stack.status = "UPDATE_COMPLETE".into();
            }
        }
        stack
    }

    /// A stack that has just been created.
    pub(in crate::sandbox) fn new_stack(
        &self,
        kind: StackKind,
        place: Place,
        name: String,
        template: String,
        parameters: Values,
        now: Millis,
    ) -> Stack {
        let id = self.stack_id(kind, &place, &name);
        let parsed = self.templates.get(&template);
        Stack {
            outputs: parsed.map(|t| outputs(t, &parameters, &place, &name, &id)).unwrap_or_default(),
            id,
            name,
            place,
            kind,
            status: if kind == StackKind::CfnStackset { "ACTIVE".into() } else { "CREATE_COMPLETE".into() },
            template,
            parameters,
            tags: BTreeMap::new(),
            notifications: Vec::new(),
            role: None,
            created: now,
            updated: None,
        }
    }

    /// The id of a stack follows from its name: a product's stack is made once.
    fn stack_id(&self, kind: StackKind, place: &Place, name: &str) -> String {
        let Place { account, region } = place;
        let (partition, uuid) = (place.partition(), ids::uuid(self.catalog.seed, &format!("{place}/{name}")));
        let (resource, separator) = match kind {
            StackKind::CfnStack => ("stack", '/'),
            StackKind::CfnStackset => ("stackset", ':'),
            StackKind::RosStack => return uuid,
        };
        format!("arn:{partition}:cloudformation:{region}:{account}:{resource}/{name}{separator}{uuid}")
    }

    fn end_plan_creation(&mut self, id: &str) {
        let Some(mut plan) = self.state.plans.get(id).cloned() else { return };
        plan.updated = self.state.now;
        plan.status = if plan.failure.is_some() { PlanStatus::CreateFailed } else { PlanStatus::CreateSuccess };
        plan.status_message = plan.failure.as_ref().map(|f| f.message.clone());
        // A change set without a change is invalid, and the service blames the product for it.
        if let Some(failure) = &plan.failure
            && let Some(mut product) = self.state.provisioned.get(&plan.provisioned).cloned()
            && product.status == Status::Available
        {
            product.status = Status::Tainted;
            product.status_message = Some(format!(
                "The CloudFormation changeset was invalid and caused ServiceCatalog to taint the product: {}",
                failure.message
            ));
            self.put_provisioned(product);
        }
        self.put_plan(plan);
    }

    fn end_plan_execution(&mut self, id: &str, failed: bool) {
        let Some(mut plan) = self.state.plans.get(id).cloned() else { return };
        plan.updated = self.state.now;
        plan.status = if failed { PlanStatus::ExecuteFailed } else { PlanStatus::ExecuteSuccess };
        plan.creates = false;
        self.put_plan(plan);
    }
}

/// The outputs that the catalog adds its own to.
pub(in crate::sandbox) fn catalog_outputs(stack: &Stack) -> Vec<OutputValue> {
    let mut all = stack.outputs.clone();
    if stack.place.cloud() == Cloud::Alibaba {
        return all;
    }
    all.push(OutputValue {
        key: "CloudformationStackARN".into(),
        value: stack.id.clone(),
        description: Some("The ARN of the launched Cloudformation Stack".into()),
    });
    all
}

fn outputs(template: &Template, values: &Values, place: &Place, name: &str, id: &str) -> Vec<OutputValue> {
    let context = Context {
        account: place.account.clone(),
        region: place.region.clone(),
        partition: place.partition().to_owned(),
        stack_name: name.to_owned(),
        stack_id: id.to_owned(),
    };
    let shown: BTreeMap<String, String> = values.iter().map(|(k, v)| (k.clone(), v.shown().to_owned())).collect();
    let evaluated = template.outputs(&shown, &context);
    let described = |key: &str| template.outputs.iter().find(|o| o.name == key).and_then(|o| o.description.clone());
    evaluated.into_iter().map(|(key, value)| OutputValue { description: described(&key), key, value }).collect()
}
