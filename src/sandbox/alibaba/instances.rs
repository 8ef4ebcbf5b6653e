//! Instances and their tasks.

use serde_json::{Value, json};

use super::catalog::level;
use super::input::{Input, Page};
use super::wire;
use crate::sandbox::world::model::{Access, Answer, Provisioned, ServiceError};
use crate::sandbox::world::ros::RosRequest;
use crate::sandbox::world::{Caller, Created, World};

/// What launches, updates and plans have in common.
pub fn request(input: &Input) -> Answer<RosRequest> {
    Ok(RosRequest {
        product: input.required("ProductId")?,
        version: input.required("ProductVersionId")?,
        portfolio: input.text("PortfolioId"),
        parameters: input.parameters()?,
        tags: input.tags()?,
    })
}

/// The reply has no task: it is found by way of the instance.
pub fn launch(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let request = request(input)?;
    let name = input.required_limited("ProvisionedProductName", 128)?;
    let region = input.required("StackRegionId")?;
    Ok(json!({ "ProvisionedProductId": world.launch(caller, name, region, &request)? }))
}

pub fn update(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let id = input.required("ProvisionedProductId")?;
    world.update_instance(caller, &id, &request(input)?)?;
    Ok(json!({ "ProvisionedProductId": id }))
}

pub fn terminate(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    world.terminate_instance(caller, &input.required("ProvisionedProductId")?)?;
    Ok(json!({}))
}

pub fn get(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let product = world.instance(caller, &input.required("ProvisionedProductId")?)?;
    Ok(json!({ "ProvisionedProductDetail": wire::instance(world, product) }))
}

/// GetProvisionedProductForResourceSpec: undocumented, and used by the Terraform provider since its version 1.196.
pub fn get_whole(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let product = world.instance(caller, &input.required("ProvisionedProductId")?)?;
    let mut detail = wire::instance(world, product);
    let last = product.last_successful_record.as_ref().or(product.last_provisioning_record.as_ref());
    if let Some(record) = last.and_then(|id| world.state().records.get(id)) {
        detail["Parameters"] = json!(wire::parameters(&record.entered));
        detail["Outputs"] = json!(wire::outputs(&record.outputs));
        detail["TaskTags"] = json!(wire::tags(&record.tags));
    }
    Ok(json!({ "ProvisionedProductDetail": detail }))
}

pub fn list(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let level = level(caller, "ListProvisionedProducts", input, &["User", "Account"])?;
    let page = input.page()?;
    let filters = input.filters(&["ProvisionedProductName", "FullTextSearch"])?;
    let holder = (level == Access::User).then_some(caller.session.as_str());
    let all = world.created(&caller.place, holder);
    let (ids, total) = if filters.is_empty() {
        (page.of(all), all.len())
    } else {
        let found = filtered(world, caller, all, holder, &filters);
        (page.of(&found), found.len())
    };
    let found = ids.iter().filter_map(|(_, id)| world.provisioned(id));
    let details: Vec<Value> = found.map(|product| wire::instance(world, product)).collect();
    Ok(paged(json!({ "ProvisionedProductDetails": details }), &page, total))
}

/// All filters must hold: a name is matched exactly but for its case, a text anywhere in the name.
fn filtered(
    world: &World,
    caller: &Caller,
    all: &[Created],
    holder: Option<&str>,
    filters: &[(String, String)],
) -> Vec<Created> {
    let holds = |product: &Provisioned| {
        let name = product.name.to_lowercase();
        holder.is_none_or(|holder| product.owner.session == holder)
            && filters.iter().all(|(key, value)| match key.as_str() {
                "ProvisionedProductName" => name == value.to_lowercase(),
                _ => name.contains(&value.to_lowercase()),
            })
    };
    let entry = |p: &Provisioned| (p.created, p.id.clone());
    let Some((_, name)) = filters.iter().find(|(key, _)| key == "ProvisionedProductName") else {
        return all.iter().filter_map(|(_, id)| world.provisioned(id)).filter(|p| holds(p)).map(entry).collect();
    };
    let named = world.named(&caller.place, name).into_iter().filter_map(|id| world.provisioned(id));
    let mut found: Vec<Created> = named.filter(|p| holds(p)).map(entry).collect();
    found.sort();
    found
}

/// Adds what every paged answer tells.
pub fn paged(mut body: Value, page: &Page, total: usize) -> Value {
    body["PageNumber"] = json!(page.number);
    body["PageSize"] = json!(page.size);
    body["TotalCount"] = json!(total);
    body
}

/// A task can be read when its instance is gone (assumed).
pub fn get_task(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let id = input.required("TaskId")?;
    let missing = |_| ServiceError::new("InvalidTask.NotFound", format!("The specified Task does not exist: {id}"));
    let record = world.record(caller, &id).map_err(missing)?;
    Ok(json!({ "TaskDetail": wire::task(world, record, true) }))
}

pub fn list_tasks(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let id = input.required("ProvisionedProductId")?;
    let page = input.page()?;
    let known = world.provisioned(&id).filter(|p| p.place == caller.place && caller.reaches(&p.owner));
    if known.is_none() {
        world.instance(caller, &id)?;
    }
    let all = world.records_of(&id);
    let found = page.of(all).into_iter().filter_map(|id| world.state().records.get(&id));
    let details: Vec<Value> = found.map(|record| wire::task(world, record, false)).collect();
    Ok(paged(json!({ "TaskDetails": details }), &page, all.len()))
}
