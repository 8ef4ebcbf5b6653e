//! The structures of the catalog's answers. Absent members are left out, never null.

use jiff::Timestamp;
use serde_json::{Value as Json, json};

use crate::sandbox::template::Engine;
use crate::sandbox::world::World;
use crate::sandbox::world::model::{
    Millis, OutputValue, Product, Provisioned, Record, Status, Tags, Value, Values, Version,
};
use crate::sandbox::world::ram::{RamKind, kind_and_rest};
use crate::sandbox::world::ros::{has_default_launch_option, operation_type};

/// What stands for a value that NoEcho hides (assumed: the pages do not say what a task shows).
const MASK: &str = "******";

/// `2026-01-05T09:00:00Z`.
pub fn iso(at: Millis) -> String {
    Timestamp::from_millisecond(at).map(|t| t.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()).unwrap_or_default()
}

/// The object without its null members.
pub fn compact(mut object: Json) -> Json {
    if let Some(members) = object.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    object
}

pub fn principal_type(kind: RamKind) -> &'static str {
    match kind {
        RamKind::User => "RamUser",
        RamKind::Role => "RamRole",
    }
}

/// The type and the number of an owner that is kept as `role/ID`.
pub fn owner_of(session: &str) -> (&'static str, &str) {
    kind_and_rest(session).map_or(("RamUser", session), |(kind, id)| (principal_type(kind), id))
}

fn names(world: &World, product: &str, version: &str) -> (Option<String>, Option<String>) {
    match world.version_by_id(product, version) {
        Some((product, version)) => (Some(product.name.clone()), Some(version.name.clone())),
        None => (None, None),
    }
}

/// What Get and List show: neither parameters, nor tags, nor outputs.
pub fn instance(world: &World, product: &Provisioned) -> Json {
    let (kind, id) = owner_of(&product.owner.session);
    let (product_name, version_name) = names(world, &product.product, &product.version);
    let status = match product.status {
        Status::Available => "Available",
        Status::UnderChange | Status::PlanInProgress => "UnderChange",
        // An instance whose last update failed is told like one that was never launched well.
        Status::Tainted | Status::Error => "Error",
    };
    compact(json!({
        "CreateTime": iso(product.created),
        "LastTaskId": product.last_record,
        "LastProvisioningTaskId": product.last_provisioning_record,
        "LastSuccessfulProvisioningTaskId": product.last_successful_record,
        "OwnerPrincipalId": id,
        "OwnerPrincipalType": kind,
        "PortfolioId": product.path,
        "ProductId": product.product,
        "ProductName": product_name,
        "ProductVersionId": product.version,
        "ProductVersionName": version_name,
        "ProvisionedProductArn": product.arn(),
        "ProvisionedProductId": product.id,
        "ProvisionedProductName": product.name,
        "ProvisionedProductType": "RosStack",
        "StackId": product.stack,
        "StackRegionId": product.stack_region,
        "Status": status,
        "StatusMessage": product.status_message.as_ref().filter(|_| status == "Error"),
    }))
}

pub fn parameters(values: &Values) -> Vec<Json> {
    let shown = |value: &Value| match value {
        Value::Plain(text) => text.clone(),
        Value::Hidden(_) => MASK.to_owned(),
    };
    values.iter().map(|(key, value)| json!({ "ParameterKey": key, "ParameterValue": shown(value) })).collect()
}

pub fn outputs(outputs: &[OutputValue]) -> Vec<Json> {
    let output =
        |o: &OutputValue| compact(json!({ "OutputKey": o.key, "OutputValue": o.value, "Description": o.description }));
    outputs.iter().map(output).collect()
}

pub fn tags(tags: &Tags) -> Vec<Json> {
    tags.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

/// A task; lists leave its tags out.
pub fn task(world: &World, record: &Record, with_tags: bool) -> Json {
    let (product_name, version_name) = names(world, &record.product, &record.version);
    let status = match (&record.work, &record.failure) {
        (Some(_), _) => "InProgress",
        (None, Some(_)) => "Failed",
        (None, None) => "Succeeded",
    };
    let message = record.failure.as_ref().filter(|_| status == "Failed").map(|f| f.message.clone());
    compact(json!({
        "TaskId": record.id,
        "TaskType": operation_type(record.kind),
        "Status": status,
        "StatusMessage": message,
        "PortfolioId": record.path,
        "ProductId": record.product,
        "ProductName": product_name,
        "ProductVersionId": record.version,
        "ProductVersionName": version_name,
        "ProvisionedProductId": record.provisioned,
        "ProvisionedProductName": record.name,
        "Parameters": parameters(&record.entered),
        "Outputs": outputs(&record.outputs),
        "TaskTags": with_tags.then(|| tags(&record.tags)),
        "Log": log(world, record),
        "CreateTime": iso(record.created),
        "UpdateTime": iso(record.updated(world.now())),
    }))
}

/// Terraform's own words, for a template of that kind.
fn log(world: &World, record: &Record) -> Option<Json> {
    let (_, version) = world.version_by_id(&record.product, &record.version)?;
    if world.template(&version.template).ok()?.engine != Engine::Terraform || record.work.is_some() {
        return None;
    }
    let (stream, content) = match &record.failure {
        Some(failure) => ("stderr", format!("Error: {}", failure.message)),
        None => ("stdout", "Apply complete!".to_owned()),
    };
    Some(json!({ "TerraformLogs": [{ "Command": "apply", "Stream": stream, "Content": content }] }))
}

fn template_type(world: &World, version: &Version) -> &'static str {
    match world.template(&version.template) {
        Ok(template) if template.engine == Engine::Terraform => "RosTerraformTemplate",
        _ => "RosStandardTemplate",
    }
}

pub fn product(world: &World, product: &Product) -> Json {
    let (place, newest) = (&product.place, product.versions.last());
    compact(json!({
        "ProductId": product.id,
        "ProductArn": format!("acs:servicecatalog:{}:{}:product/{}", place.region, place.account, product.id),
        "ProductName": product.name,
        "ProductType": "Ros",
        "ProviderName": product.owner,
        "Description": product.description,
        "TemplateType": newest.map(|v| template_type(world, v)),
        "CreateTime": iso(product.created),
        "HasDefaultLaunchOption": has_default_launch_option(product),
    }))
}

pub fn version(world: &World, product: &Product, version: &Version) -> Json {
    let advice = version.advice.as_deref().unwrap_or(if version.deprecated { "Deprecated" } else { "Default" });
    compact(json!({
        "Active": version.active,
        "Guidance": advice,
        "ProductId": product.id,
        "ProductVersionId": version.id,
        "ProductVersionName": version.name,
        "TemplateType": template_type(world, version),
        "TemplateUrl": format!("oss://sandbox/{}", version.template),
        "Description": version.description,
        "CreateTime": iso(version.created),
    }))
}
