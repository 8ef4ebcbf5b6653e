//! Provisioned product plans on Alibaba Cloud: a preview, an approval where one is needed, and the execution.
//!
//! The order of the states follows from the documented fields; how long each lasts, and who may do what, is assumed.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::launch::Outlook;
use super::model::{
    Answer, Failure, LAST, Launch, Millis, Owner, Place, Provisioned, RecordKind, ResourceChange, ServiceError, Work,
};
use super::ros::{RosRequest, operation_type};
use super::{Caller, World};

/// How long a preview takes.
const PREVIEW: Millis = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RosPlanStatus {
    PreviewInProgress,
    PreviewSuccess,
    PreviewFailed,
    ApplicationInProgress,
    ApplicationApproved,
    ApplicationRejected,
    ExecuteInProgress,
    ExecuteSuccess,
    ExecuteFailed,
    Canceled,
}

impl RosPlanStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            RosPlanStatus::PreviewInProgress => "PreviewInProgress",
            RosPlanStatus::PreviewSuccess => "PreviewSuccess",
            RosPlanStatus::PreviewFailed => "PreviewFailed",
            RosPlanStatus::ApplicationInProgress => "ApplicationInProgress",
            RosPlanStatus::ApplicationApproved => "ApplicationApproved",
            RosPlanStatus::ApplicationRejected => "ApplicationRejected",
            RosPlanStatus::ExecuteInProgress => "ExecuteInProgress",
            RosPlanStatus::ExecuteSuccess => "ExecuteSuccess",
            RosPlanStatus::ExecuteFailed => "ExecuteFailed",
            RosPlanStatus::Canceled => "Canceled",
        }
    }
}

/// Something that somebody did about a plan's approval.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Deed {
    /// `Submit`, `Cancel`, `Approve` or `Reject`.
    pub action: String,
    pub comment: Option<String>,
    pub at: Millis,
    pub by: Owner,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RosPlan {
    pub id: String,
    pub name: String,
    pub description: Option<String>,
    pub place: Place,
    pub kind: RecordKind,
    pub provisioned: String,
    pub provisioned_name: String,
    pub stack_region: String,
    pub portfolio: String,
    pub status: RosPlanStatus,
    pub status_message: Option<String>,
    pub created: Millis,
    pub updated: Millis,
    pub ends: Millis,
    pub owner: Owner,
    pub launch: Launch,
    /// Keys of the principals that may approve it; nobody needs to, if there are none.
    pub approvers: Vec<String>,
    pub deeds: Vec<Deed>,
    pub failure: Option<Failure>,
    pub changes: Vec<ResourceChange>,
}

#[derive(Debug, Clone)]
pub struct RosPlanRequest {
    pub name: String,
    pub description: Option<String>,
    pub kind: RecordKind,
    pub provisioned_name: String,
    pub stack_region: String,
    pub what: RosRequest,
}

/// Whose plans a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlansOf {
    Own,
    Account,
    /// Plans that wait for the caller's approval.
    Received,
    /// Plans that the caller has decided on.
    Decided,
}

fn state(plan: &RosPlan, wanted: &str) -> ServiceError {
    let message = format!("The plan {} is in status {}; {wanted}.", plan.id, plan.status.as_str());
    ServiceError::new("InvalidPlan.Status", message)
}

impl World {
    /// CreateProvisionedProductPlan. It names the instance by its name, whatever is to happen to it.
    pub fn create_ros_plan(&mut self, caller: &Caller, request: RosPlanRequest) -> Answer<RosPlan> {
        let existing = self.planned_instance(caller, &request)?;
        let provisioned = existing.as_ref().map_or_else(|| self.new_id("pp"), |p| p.id.clone());
        let mut plan = RosPlan {
            id: self.new_id("plan"),
            name: request.name,
            description: request.description,
            place: caller.place.clone(),
            kind: request.kind,
            provisioned,
            provisioned_name: existing.as_ref().map_or(request.provisioned_name, |p| p.name.clone()),
            stack_region: existing.as_ref().and_then(|p| p.stack_region.clone()).unwrap_or(request.stack_region),
            portfolio: String::new(),
            status: RosPlanStatus::PreviewInProgress,
            status_message: None,
            created: self.state.now,
            updated: self.state.now,
            ends: self.state.now.saturating_add(PREVIEW).min(LAST),
            owner: caller.as_owner(),
            launch: Launch::default(),
            approvers: Vec::new(),
            deeds: Vec::new(),
            failure: None,
            changes: Vec::new(),
        };
        self.preview(caller, &mut plan, existing.as_ref(), &request.what)?;
        self.put_ros_plan(plan.clone());
        Ok(plan)
    }

    /// The instance that a plan is about; several of one name cannot be told apart (assumed to be refused).
    fn planned_instance(&self, caller: &Caller, request: &RosPlanRequest) -> Answer<Option<Provisioned>> {
        if request.kind == RecordKind::ProvisionProduct {
            return Ok(None);
        }
        let name = &request.provisioned_name;
        let named = self.named(&caller.place, name).into_iter().filter_map(|id| self.state.provisioned.get(id));
        let named: Vec<&Provisioned> = named.filter(|p| p.name == *name && caller.reaches(&p.owner)).collect();
        match named.as_slice() {
            [one] => Self::is_settled(one).map(|()| Some((*one).clone())),
            [] => Err(ServiceError::new(
                "InvalidProvisionedProduct.NotFound",
                format!("There is no instance named {name}."),
            )),
            _ => {
                Err(ServiceError::new("InvalidProvisionedProductName", format!("Several instances are named {name}.")))
            }
        }
    }

    /// Fills in what a plan is to bring about.
    fn preview(
        &self,
        caller: &Caller,
        plan: &mut RosPlan,
        existing: Option<&Provisioned>,
        what: &RosRequest,
    ) -> Answer<()> {
        let chosen = self.choose_ros(caller, what)?;
        if existing.is_none() {
            self.stack_region_fits(&chosen, &plan.stack_region)?;
        }
        let terminates = plan.kind == RecordKind::TerminateProvisionedProduct;
        let Outlook { launch, mut failure } = self.ros_outlook(&plan.provisioned, existing, &chosen, what)?;
        let unchanged = existing.filter(|_| !terminates);
        let outlook = Outlook { launch, failure: None };
        if let Some(product) = unchanged {
            self.says_something_new(product, &outlook)?;
        }
        // What only happens while the stack is made cannot be foreseen.
        failure = failure.filter(|f| chosen.version.fail.as_ref() != Some(&f.message) && !terminates);
        plan.changes = if failure.is_some() {
            Vec::new()
        } else {
            self.foreseen(existing, (!terminates).then_some(chosen.version.template.as_str()))?
        };
        plan.failure = failure;
        plan.launch = outlook.launch;
        plan.portfolio.clone_from(&chosen.portfolio.id);
        let approval = self.approval(&chosen.product.id, &chosen.portfolio.id, plan.kind);
        plan.approvers = approval.map(|c| c.approvers.clone()).unwrap_or_default();
        Ok(())
    }

    /// The resources of two templates against each other; a common one is modified if anything is (assumed).
    fn foreseen(&self, existing: Option<&Provisioned>, template: Option<&str>) -> Answer<Vec<ResourceChange>> {
        let kinds = |key: &str| -> Answer<BTreeMap<String, String>> {
            Ok(self.template(key)?.resources.iter().map(|r| (r.logical_id.clone(), r.kind.clone())).collect())
        };
        let stack = existing.and_then(|p| self.stack_of(p));
        let old = stack.map(|s| kinds(&s.template)).transpose()?.unwrap_or_default();
        let new = template.map(kinds).transpose()?.unwrap_or_default();
        let all: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let change = |logical_id: &String| {
            let action = match (old.contains_key(logical_id), new.contains_key(logical_id)) {
                (false, _) => "Add",
                (true, true) => "Modify",
                (true, false) => "Remove",
            };
            ResourceChange {
                action: action.into(),
                physical_id: stack.filter(|_| action != "Add").map(|s| format!("{}-{logical_id}", s.name)),
                logical_id: logical_id.clone(),
                kind: new.get(logical_id).or_else(|| old.get(logical_id)).cloned().unwrap_or_default(),
            }
        };
        Ok(all.into_iter().map(change).collect())
    }

    /// A plan that the caller owns, may see or has to decide on.
    pub fn ros_plan(&self, caller: &Caller, id: &str) -> Answer<&RosPlan> {
        let plan = self.state.ros_plans.get(id).filter(|p| p.place == caller.place);
        plan.filter(|p| caller.reaches(&p.owner) || p.approvers.contains(&caller.principal.name)).ok_or_else(|| {
            ServiceError::new("InvalidPlan.NotFound", format!("The specified plan does not exist: {id}"))
        })
    }

    /// A plan that is the caller's to change.
    fn own_ros_plan(&self, caller: &Caller, id: &str) -> Answer<RosPlan> {
        let plan = self.ros_plan(caller, id)?;
        if caller.reaches(&plan.owner) {
            return Ok(plan.clone());
        }
        Err(ServiceError::new("NoPermission", format!("You are not the owner of the plan {id}.")))
    }

    /// UpdateProvisionedProductPlan: while it is previewed or the preview has failed or succeeded, it is made again.
    pub fn update_ros_plan(
        &mut self,
        caller: &Caller,
        id: &str,
        description: Option<String>,
        what: &RosRequest,
    ) -> Answer<RosPlan> {
        let mut plan = self.own_ros_plan(caller, id)?;
        if !matches!(plan.status, RosPlanStatus::PreviewFailed | RosPlanStatus::PreviewSuccess) {
            return Err(state(&plan, "only a previewed plan can be changed"));
        }
        let existing = self.state.provisioned.get(&plan.provisioned).filter(|p| !p.terminated).cloned();
        self.preview(caller, &mut plan, existing.as_ref(), what)?;
        plan.description = description.or(plan.description);
        plan.status = RosPlanStatus::PreviewInProgress;
        plan.status_message = None;
        plan.updated = self.state.now;
        plan.ends = self.state.now.saturating_add(PREVIEW).min(LAST);
        self.put_ros_plan(plan.clone());
        Ok(plan)
    }

    /// ApproveProvisionedProductPlan.
    pub fn decide_ros_plan(&mut self, caller: &Caller, id: &str, approve: bool, comment: Option<String>) -> Answer<()> {
        let mut plan = self.ros_plan(caller, id)?.clone();
        if !plan.approvers.contains(&caller.principal.name) {
            return Err(ServiceError::new("NoPermission", format!("You are not an approver of the plan {id}.")));
        }
        if plan.status != RosPlanStatus::ApplicationInProgress {
            return Err(state(&plan, "only ApplicationInProgress can be decided"));
        }
        let (action, status) = if approve {
            ("Approve", RosPlanStatus::ApplicationApproved)
        } else {
            ("Reject", RosPlanStatus::ApplicationRejected)
        };
        self.record_deed(&mut plan, action, comment, caller.as_owner());
        plan.status = status;
        self.put_ros_plan(plan);
        Ok(())
    }

    fn record_deed(&self, plan: &mut RosPlan, action: &str, comment: Option<String>, by: Owner) {
        plan.updated = self.state.now;
        plan.deeds.push(Deed { action: action.to_owned(), comment, at: self.state.now, by });
    }

    /// CancelProvisionedProductPlan.
    pub fn cancel_ros_plan(&mut self, caller: &Caller, id: &str) -> Answer<()> {
        let mut plan = self.own_ros_plan(caller, id)?;
        use RosPlanStatus::{
            ApplicationApproved, ApplicationInProgress, PreviewFailed, PreviewInProgress, PreviewSuccess,
        };
        let open = [PreviewInProgress, PreviewSuccess, PreviewFailed, ApplicationInProgress, ApplicationApproved];
        if !open.contains(&plan.status) {
            return Err(state(&plan, "it cannot be canceled any more"));
        }
        self.record_deed(&mut plan, "Cancel", None, caller.as_owner());
        plan.status = RosPlanStatus::Canceled;
        self.put_ros_plan(plan);
        Ok(())
    }

    /// DeleteProvisionedProductPlan.
    pub fn delete_ros_plan(&mut self, caller: &Caller, id: &str) -> Answer<()> {
        let plan = self.own_ros_plan(caller, id)?;
        if plan.status == RosPlanStatus::ExecuteInProgress {
            return Err(state(&plan, "it is being executed"));
        }
        self.remove_ros_plan(id);
        Ok(())
    }

    /// ExecuteProvisionedProductPlan: an ordinary task. The instance of a launch exists from here on.
    pub fn execute_ros_plan(&mut self, caller: &Caller, id: &str) -> Answer<()> {
        let mut plan = self.own_ros_plan(caller, id)?;
        let ready = match plan.approvers.is_empty() {
            true => RosPlanStatus::PreviewSuccess,
            false => RosPlanStatus::ApplicationApproved,
        };
        if plan.status != ready {
            return Err(state(&plan, &format!("only {} can be executed", ready.as_str())));
        }
        let version = self.version_by_id(&plan.launch.product, &plan.launch.version).map(|(_, v)| v.clone());
        let duration = version.as_ref().map_or(0, |v| v.duration);
        let existing = self.state.provisioned.get(&plan.provisioned).filter(|p| !p.terminated).cloned();
        let mut product = match (existing, plan.kind) {
            (Some(product), _) => {
                Self::is_settled(&product)?;
                product
            }
            (None, RecordKind::ProvisionProduct) => self.instance_of_plan(caller, &plan)?,
            (None, _) => {
                let message = format!("The specified ProvisionedProduct does not exist: {}", plan.provisioned);
                return Err(ServiceError::new("InvalidProvisionedProduct.NotFound", message));
            }
        };
        plan.status = RosPlanStatus::ExecuteInProgress;
        plan.updated = self.state.now;
        let (kind, launch) = (plan.kind, plan.launch.clone());
        let plan_id = Some(plan.id.clone());
        self.put_ros_plan(plan);
        if kind == RecordKind::TerminateProvisionedProduct {
            self.begin_termination(product, plan_id);
            return Ok(());
        }
        let failure = self.cannot_run(&product).or_else(|| {
            let message = version.and_then(|v| v.fail)?;
            Some(Failure { code: "CREATE_FAILED".into(), message })
        });
        product.tags.clone_from(&launch.tags);
        self.begin(product, kind, Work::Launch { launch, plan: plan_id }, failure, duration);
        Ok(())
    }

    fn instance_of_plan(&self, caller: &Caller, plan: &RosPlan) -> Answer<Provisioned> {
        let what = RosRequest {
            product: plan.launch.product.clone(),
            version: plan.launch.version.clone(),
            portfolio: Some(plan.portfolio.clone()),
            ..RosRequest::default()
        };
        let chosen = self.choose_ros(caller, &what)?;
        let (id, name) = (plan.provisioned.clone(), plan.provisioned_name.clone());
        let mut product = self.newborn(caller, id, name, &chosen, &plan.launch.tags, "");
        product.owner = plan.owner.clone();
        product.stack_region = Some(plan.stack_region.clone());
        Ok(product)
    }

    /// A preview ends; under approval the application is made by itself (assumed).
    pub(super) fn end_preview(&mut self, id: &str) {
        let Some(mut plan) = self.state.ros_plans.get(id).cloned() else { return };
        plan.updated = self.state.now;
        plan.status = match &plan.failure {
            Some(_) => RosPlanStatus::PreviewFailed,
            None if plan.approvers.is_empty() => RosPlanStatus::PreviewSuccess,
            None => RosPlanStatus::ApplicationInProgress,
        };
        plan.status_message = plan.failure.as_ref().map(|f| f.message.clone());
        if plan.status == RosPlanStatus::ApplicationInProgress {
            let by = plan.owner.clone();
            self.record_deed(&mut plan, "Submit", None, by);
        }
        self.put_ros_plan(plan);
    }

    pub(super) fn end_ros_execution(&mut self, id: &str, failure: Option<&Failure>) {
        let Some(mut plan) = self.state.ros_plans.get(id).cloned() else { return };
        plan.updated = self.state.now;
        plan.status = if failure.is_some() { RosPlanStatus::ExecuteFailed } else { RosPlanStatus::ExecuteSuccess };
        plan.status_message = failure.map(|f| f.message.clone());
        self.put_ros_plan(plan);
    }

    /// The plans that a list shows, in the order of their creation.
    pub fn ros_plans(&self, caller: &Caller, of: PlansOf) -> Vec<&RosPlan> {
        let me = &caller.principal.name;
        let session = &caller.session;
        let ids = self.indexes.ros_plans.get(&caller.place).into_iter().flatten();
        ids.filter_map(|(_, id)| self.state.ros_plans.get(id))
            .filter(|p| match of {
                PlansOf::Own => p.owner.session == *session,
                PlansOf::Account => true,
                PlansOf::Received => p.status == RosPlanStatus::ApplicationInProgress && p.approvers.contains(me),
                PlansOf::Decided => p
                    .deeds
                    .iter()
                    .any(|d| d.by.session == *session && matches!(d.action.as_str(), "Approve" | "Reject")),
            })
            .collect()
    }

    pub(super) fn put_ros_plan(&mut self, value: RosPlan) {
        self.indexes.ros_plans.entry(value.place.clone()).or_default().insert((value.created, value.id.clone()));
        if let Some(old) = self.state.ros_plans.get(&value.id) {
            self.indexes.due.remove(&(old.ends, old.id.clone()));
        }
        if value.status == RosPlanStatus::PreviewInProgress {
            self.indexes.due.insert((value.ends, value.id.clone()));
        }
        self.changed.ros_plans.insert(value.id.clone());
        self.state.ros_plans.insert(value.id.clone(), value);
    }

    pub(super) fn remove_ros_plan(&mut self, id: &str) {
        let Some(value) = self.state.ros_plans.remove(id) else { return };
        self.indexes.due.remove(&(value.ends, value.id.clone()));
        if let Some(ids) = self.indexes.ros_plans.get_mut(&value.place) {
            ids.remove(&(value.created, value.id.clone()));
        }
        self.changed.ros_plans.insert(id.to_owned());
    }
}

impl RosPlan {
    /// What is planned, in the service's words.
    pub fn operation_type(&self) -> &'static str {
        operation_type(self.kind)
    }
}
