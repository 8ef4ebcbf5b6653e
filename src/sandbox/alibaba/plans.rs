//! Provisioned product plans: preview, approval, execution.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::catalog::level;
use super::input::{Input, missing};
use super::instances::{paged, request};
use super::wire::{self, compact, iso, owner_of, principal_type};
use crate::sandbox::world::approval::{Deed, PlansOf, RosPlan, RosPlanRequest, RosPlanStatus};
use crate::sandbox::world::model::{Access, Answer, Owner, RecordKind, ResourceChange};
use crate::sandbox::world::ram;
use crate::sandbox::world::{Caller, World};

const FILTERS: [&str; 6] = [
    "ProvisionedProductPlanName",
    "ProvisionedProductPlanApprover",
    "ProvisionedProductPlanApproverName",
    "ProvisionedProductPlanStatus",
    "ProvisionedProductPlanOwnerUid",
    "FullTextSearch",
];

/// The approvers of plans can be asked for by the last two only.
const APPROVALS: [&str; 4] = ["ReceivedRequests", "ApprovalHistory", "AccountRequests", "ResourceDirectoryRequests"];

pub fn create(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let kinds = ["LaunchProduct", "UpdateProvisionedProduct", "TerminateProvisionedProduct"];
    let kind = match input.one_of("OperationType", &kinds)? {
        Some("UpdateProvisionedProduct") => RecordKind::UpdateProvisionedProduct,
        Some("TerminateProvisionedProduct") => RecordKind::TerminateProvisionedProduct,
        _ => RecordKind::ProvisionProduct,
    };
    input.one_of("PlanType", &["Ros"])?.ok_or_else(|| missing("PlanType"))?;
    let plan = world.create_ros_plan(
        caller,
        RosPlanRequest {
            name: input.required_limited("PlanName", 128)?,
            description: input.limited("Description", 128)?,
            kind,
            provisioned_name: input.required_limited("ProvisionedProductName", 128)?,
            stack_region: input.required("StackRegionId")?,
            what: request(input)?,
        },
    )?;
    Ok(json!({ "PlanId": plan.id, "ProvisionedProductId": plan.provisioned }))
}

pub fn update(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let id = input.required("PlanId")?;
    let plan = world.update_ros_plan(caller, &id, input.limited("Description", 128)?, &request(input)?)?;
    Ok(json!({ "PlanId": plan.id, "ProvisionedProductId": plan.provisioned }))
}

pub fn execute(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let id = input.required("PlanId")?;
    world.execute_ros_plan(caller, &id)?;
    Ok(json!({ "PlanId": id }))
}

pub fn delete(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    world.delete_ros_plan(caller, &input.required("PlanId")?)?;
    Ok(json!({}))
}

pub fn cancel(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    world.cancel_ros_plan(caller, &input.required("PlanId")?)?;
    Ok(json!({}))
}

pub fn approve(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let id = input.required("PlanId")?;
    let action = input.one_of("ApprovalAction", &["Approve", "Reject"])?.ok_or_else(|| missing("ApprovalAction"))?;
    world.decide_ros_plan(caller, &id, action == "Approve", input.limited("Comment", 128)?)?;
    Ok(json!({}))
}

pub fn get(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let plan = world.ros_plan(caller, &input.required("PlanId")?)?;
    let mut detail = summary(world, plan);
    detail["ApprovalDetail"] = approval_detail(world, plan);
    let chosen = world.version_by_id(&plan.launch.product, &plan.launch.version);
    // The changes are there when the preview has been made.
    let shown = plan.changes.iter().filter(|_| plan.status != RosPlanStatus::PreviewInProgress);
    Ok(compact(json!({
        "PlanDetail": detail,
        "ProductDetail": chosen.map(|(product, _)| without(wire::product(world, product), &["HasDefaultLaunchOption", "TemplateType"])),
        "ProductVersionDetail": chosen.map(|(product, version)| wire::version(world, product, version)),
        "ResourceChanges": shown.map(change).collect::<Vec<_>>(),
    })))
}

/// A plan's page has less of some structures than the pages that they come from.
fn without(mut object: Value, names: &[&str]) -> Value {
    if let Some(members) = object.as_object_mut() {
        members.retain(|name, _| !names.contains(&name.as_str()));
    }
    object
}

fn summary(world: &World, plan: &RosPlan) -> Value {
    let (kind, id) = owner_of(&plan.owner.session);
    let failed = matches!(plan.status, RosPlanStatus::PreviewFailed | RosPlanStatus::ExecuteFailed);
    let approvers: Vec<Value> = plan.approvers.iter().filter_map(|key| approver(world, key)).collect();
    let instance = world.provisioned(&plan.provisioned);
    compact(json!({
        "PlanId": plan.id,
        "PlanName": plan.name,
        "PlanType": "Ros",
        "Description": plan.description,
        "OperationType": plan.operation_type(),
        "Status": plan.status.as_str(),
        "StatusMessage": plan.status_message.as_ref().filter(|_| failed),
        "OwnerPrincipalId": id,
        "OwnerPrincipalName": ram::name_of(world, &plan.owner.session),
        "OwnerPrincipalType": kind,
        "Uid": plan.place.account,
        "PortfolioId": plan.portfolio,
        "ProductId": plan.launch.product,
        "ProductVersionId": plan.launch.version,
        "ProvisionedProductId": plan.provisioned,
        "ProvisionedProductName": plan.provisioned_name,
        "StackId": instance.and_then(|p| p.stack.clone()),
        "StackRegionId": plan.stack_region,
        "Parameters": wire::parameters(&plan.launch.asked()),
        "Tags": wire::tags(&plan.launch.tags),
        "CreateTime": iso(plan.created),
        "UpdateTime": iso(plan.updated),
        "AssignedApprovers": approvers,
    }))
}

fn approver(world: &World, key: &str) -> Option<Value> {
    let principal = world.catalog().principals.get(key)?;
    let who = ram::identity(&principal.arn)?;
    Some(json!({ "PrincipalName": who.name, "PrincipalType": principal_type(who.kind) }))
}

fn operator(world: &World, owner: &Owner) -> Value {
    let (kind, id) = owner_of(&owner.session);
    compact(json!({
        "PrincipalId": id,
        "PrincipalName": ram::name_of(world, &owner.session),
        "PrincipalType": kind,
    }))
}

fn approval_detail(world: &World, plan: &RosPlan) -> Value {
    let deed = |deed: &Deed| {
        compact(json!({
            "ApprovalAction": deed.action,
            "Comment": deed.comment,
            "CreateTime": iso(deed.at),
            "Operator": operator(world, &deed.by),
        }))
    };
    let waits = plan.status == RosPlanStatus::ApplicationInProgress;
    let principals = plan.approvers.iter().filter(|_| waits).filter_map(|key| world.catalog().principals.get(key));
    let tasks: Vec<Value> = principals
        .map(|p| Owner { arn: p.arn.clone(), session: ram::holder(world, &p.arn) })
        .map(|owner| json!({ "Operator": without(operator(world, &owner), &["PrincipalId"]) }))
        .collect();
    let todo = if tasks.is_empty() { vec![] } else { vec![json!({ "ActivityName": "Approval", "Tasks": tasks })] };
    json!({
        "OperationRecords": plan.deeds.iter().map(deed).collect::<Vec<_>>(),
        "TodoTaskActivities": todo,
    })
}

fn change(change: &ResourceChange) -> Value {
    compact(json!({
        "Action": change.action,
        "LogicalResourceId": change.logical_id,
        "PhysicalResourceId": change.physical_id,
        "Replacement": (change.action == "Modify").then_some("Conditional"),
        "ResourceType": change.kind,
    }))
}

/// Whose plans are asked for: by ownership, or by what there is to approve.
fn scope(caller: &Caller, operation: &str, input: &Input, approvals: &[&str]) -> Answer<PlansOf> {
    let approval = input.one_of("ApprovalFilter", approvals)?;
    let level = level(caller, operation, input, &["User", "Account", "ResourceDirectory"])?;
    Ok(match approval {
        Some("ReceivedRequests") => PlansOf::Received,
        Some("ApprovalHistory") => PlansOf::Decided,
        Some(_) if !caller.administers() => return Err(super::no_permission("servicecatalog", operation)),
        Some(_) => PlansOf::Account,
        None if level == Access::User => PlansOf::Own,
        None => PlansOf::Account,
    })
}

pub fn list(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let of = scope(caller, "ListProvisionedProductPlans", input, &APPROVALS)?;
    let (page, filters) = (input.page()?, input.filters(&FILTERS)?);
    let mut all = world.ros_plans(caller, of);
    if let Some(id) = input.text("ProvisionedProductId") {
        all.retain(|p| p.provisioned == id);
    }
    // "You can specify multiple": of the same key, any will do (that they are filters of their own is assumed).
    all.retain(|plan| {
        let any = |wanted: &str| filters.iter().any(|(key, value)| key == wanted && holds(world, plan, key, value));
        filters.iter().all(|(key, _)| any(key))
    });
    let detail = |plan: &RosPlan| {
        let mut detail = summary(world, plan);
        let chosen = world.version_by_id(&plan.launch.product, &plan.launch.version);
        detail["ProductName"] = json!(chosen.map(|(product, _)| &product.name));
        detail
    };
    let details: Vec<Value> = page.of(&all).into_iter().map(detail).collect();
    Ok(paged(json!({ "PlanDetails": details }), &page, all.len()))
}

fn holds(world: &World, plan: &RosPlan, key: &str, value: &str) -> bool {
    let approvers = || plan.approvers.iter().filter_map(|key| world.catalog().principals.get(key));
    let named = |with_type: bool| {
        approvers().filter_map(|p| ram::identity(&p.arn)).any(|who| {
            let whole = format!("{}:{}", principal_type(who.kind), who.name);
            if with_type { whole == value } else { who.name == value }
        })
    };
    match key {
        "ProvisionedProductPlanName" => plan.name.eq_ignore_ascii_case(value),
        "ProvisionedProductPlanApprover" => named(true),
        "ProvisionedProductPlanApproverName" => named(false),
        "ProvisionedProductPlanStatus" => plan.status.as_str() == value,
        "ProvisionedProductPlanOwnerUid" => plan.place.account == value,
        _ => plan.name.to_lowercase().contains(&value.to_lowercase()),
    }
}

/// ListProvisionedProductPlanApprovers: of the plans that are in sight, whose approval they need.
pub fn approvers(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let (level, approval) = (input.text("AccessLevelFilter"), input.text("ApprovalFilter"));
    if level.is_some() == approval.is_some() {
        return Err(super::input::invalid("AccessLevelFilter", "exactly one of it and ApprovalFilter is needed"));
    }
    let of = scope(caller, "ListProvisionedProductPlanApprovers", input, &APPROVALS[2..])?;
    let filters = input.filters(&["ProvisionedProductPlanApproverName"])?;
    let keys: BTreeSet<&String> = world.ros_plans(caller, of).into_iter().flat_map(|p| &p.approvers).collect();
    let mut found: Vec<Value> = keys.into_iter().filter_map(|key| approver(world, key)).collect();
    let name = |one: &Value| one["PrincipalName"].as_str().unwrap_or_default().to_lowercase();
    found.retain(|one| filters.iter().all(|(_, value)| name(one).contains(&value.to_lowercase())));
    Ok(json!({ "Approvers": found }))
}
