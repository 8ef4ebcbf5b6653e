//! Service Catalog: which operation is whose, and who may call it.

use serde_json::{Value, json};

use super::input::Input;
use super::{WRITES, instances, no_permission, plans, products};
use crate::sandbox::world::model::{Access, Answer, ServiceError};
use crate::sandbox::world::{Caller, World};

/// Carries one operation out.
pub fn answer(world: &mut World, caller: &Caller, operation: &str, input: &Input) -> Answer<Value> {
    let handler: fn(&mut World, &Caller, &Input) -> Answer<Value> = match operation {
        "LaunchProduct" => instances::launch,
        "UpdateProvisionedProduct" => instances::update,
        "TerminateProvisionedProduct" => instances::terminate,
        "GetProvisionedProduct" => instances::get,
        "GetProvisionedProductForResourceSpec" => instances::get_whole,
        "ListProvisionedProducts" => instances::list,
        "GetTask" => instances::get_task,
        "ListTasks" => instances::list_tasks,
        "CreateProvisionedProductPlan" => plans::create,
        "GetProvisionedProductPlan" => plans::get,
        "UpdateProvisionedProductPlan" => plans::update,
        "ExecuteProvisionedProductPlan" => plans::execute,
        "DeleteProvisionedProductPlan" => plans::delete,
        "CancelProvisionedProductPlan" => plans::cancel,
        "ApproveProvisionedProductPlan" => plans::approve,
        "ListProvisionedProductPlans" => plans::list,
        "ListProvisionedProductPlanApprovers" => plans::approvers,
        "GetProductAsEndUser" => products::get,
        "ListProductsAsEndUser" => products::list,
        "ListLaunchOptions" => products::launch_options,
        "GetProductVersion" => products::get_version,
        "ListProductVersions" => products::list_versions,
        "GetTemplate" => products::template,
        "ListRegions" => regions,
        _ => {
            let message = format!("Specified api is not found, please check your url and method: {operation}");
            return Err(ServiceError::new("InvalidApi.NotFound", message));
        }
    };
    let principal = &caller.principal;
    let writes = WRITES.contains(&operation);
    if principal.deny.contains(operation) || (principal.read_only && writes) {
        return Err(no_permission("servicecatalog", operation));
    }
    handler(world, caller, input)
}

/// The look that a list takes: `User` sees the caller's own, `Account` everything, if the caller may.
pub fn level(caller: &Caller, operation: &str, input: &Input, words: &[&str]) -> Answer<Access> {
    let level = match input.one_of("AccessLevelFilter", words)? {
        None | Some("User") => Access::User,
        Some(_) => Access::Account,
    };
    if level > caller.principal.access { Err(no_permission("servicecatalog", operation)) } else { Ok(level) }
}

fn regions(world: &mut World, caller: &Caller, _: &Input) -> Answer<Value> {
    let regions = world.catalog().accounts.get(&caller.place.account).map(|a| &a.regions);
    let region = |id: &String| json!({ "RegionId": id, "LocalName": id, "RegionEndpoint": format!("servicecatalog.{id}.aliyuncs.com") });
    Ok(json!({ "Regions": regions.into_iter().flatten().map(region).collect::<Vec<_>>() }))
}
