//! Service Catalog: provisioned products, records and plans. The catalog itself is in [`super::products`].

use serde_json::{Map, Value, json};

use super::input::{Input, page_token, required};
use super::products;
use super::wire::{
    PlanDetails, ProvisionedProductAttribute, ProvisionedProductDetail, RecordDetail, RecordOutput, SearchResults,
};
use crate::sandbox::world::model::{Access, Answer, OutputValue, Plan, Record, ServiceError};
use crate::sandbox::world::{
    Caller, HistoryOf, Order, PlanRequest, ProductRef, ProvisionRequest, SearchRequest, Target, UpdateRequest, World,
};

/// Carries one operation out.
pub fn answer(world: &mut World, caller: &Caller, operation: &str, body: &[u8], shuffle: u64) -> Answer<String> {
    let handler: fn(&mut World, &Caller, &Input) -> Answer<Value> = match operation {
        "SearchProvisionedProducts" => {
            caller.authorize(operation)?;
            return search(world, caller, &Input::parse(body)?, shuffle);
        }
        "ScanProvisionedProducts" => scan,
        "DescribeProvisionedProduct" => describe_provisioned_product,
        "ProvisionProduct" => provision,
        "UpdateProvisionedProduct" => update,
        "UpdateProvisionedProductProperties" => update_properties,
        "TerminateProvisionedProduct" => terminate,
        "DescribeRecord" => describe_record,
        "ListRecordHistory" => list_record_history,
        "GetProvisionedProductOutputs" => outputs,
        "CreateProvisionedProductPlan" => create_plan,
        "DescribeProvisionedProductPlan" => describe_plan,
        "ExecuteProvisionedProductPlan" => execute_plan,
        "DeleteProvisionedProductPlan" => delete_plan,
        "ListProvisionedProductPlans" => list_plans,
        "ListLaunchPaths" => products::list_launch_paths,
        "DescribeProduct" => products::describe_product,
        "DescribeProductAsAdmin" => products::describe_product_as_admin,
        "SearchProducts" => products::search_products,
        "SearchProductsAsAdmin" => products::search_products_as_admin,
        "ListProvisioningArtifacts" => products::list_provisioning_artifacts,
        "DescribeProvisioningArtifact" => products::describe_provisioning_artifact,
        "DescribeProvisioningParameters" => products::describe_provisioning_parameters,
        _ => return Err(ServiceError::new("UnknownOperationException", "")),
    };
    caller.authorize(operation)?;
    handler(world, caller, &Input::parse(body)?).map(|value| value.to_string())
}

/// Adds the token of the next page, if there is one.
pub fn with_next(mut body: Value, next: Option<String>) -> Value {
    if let (Some(members), Some(next)) = (body.as_object_mut(), next) {
        members.insert("NextPageToken".into(), Value::String(next));
    }
    body
}

/// One page of a list that is at hand as a whole.
pub fn page_of<T>(all: Vec<T>, input: &Input, most: u64) -> Answer<(Vec<T>, Option<String>)> {
    let size = input.page_size(most)?;
    let offset = usize::try_from(input.page_number()?.unwrap_or(0)).unwrap_or(usize::MAX);
    let total = all.len();
    let page: Vec<T> = all.into_iter().skip(offset).take(size).collect();
    let end = offset.saturating_add(size);
    Ok((page, (end < total).then(|| page_token(end))))
}

/// Written without a tree of values in between: nothing else is as long.
fn search(world: &World, caller: &Caller, input: &Input, shuffle: u64) -> Answer<String> {
    let level = input.access_level()?.unwrap_or(Access::Account);
    let order = match input.any("SortBy", 100)?.as_deref() {
        None => None,
        Some("id") => Some(Order::Id),
        Some("name") => Some(Order::Name),
        Some("arn") => Some(Order::Arn),
        Some("lastRecordId") => Some(Order::LastRecord),
        Some(other) => return Err(ServiceError::invalid(format!("Invalid SortBy: {other}"))),
    };
    let direction = input.one_of("SortOrder", &["ASCENDING", "DESCENDING"])?;
    let request = SearchRequest {
        level: caller.authorize_level("SearchProvisionedProducts", level)?,
        terms: input.filters(&["SearchQuery"])?.remove("SearchQuery").unwrap_or_default(),
        order,
        descending: direction.as_deref() == Some("DESCENDING"),
        offset: usize::try_from(input.page_number()?.unwrap_or(0)).unwrap_or(usize::MAX),
        size: input.page_size(100)?,
        shuffle,
    };
    let (page, total) = world.search(caller, &request)?;
    let end = request.offset.saturating_add(page.len());
    let next = (end < total && !page.is_empty()).then(|| page_token(end));
    let found = SearchResults {
        provisioned_products: page.into_iter().map(|p| ProvisionedProductAttribute::of(p, world)).collect(),
        total_results_count: total,
        next_page_token: next,
    };
    serde_json::to_string(&found).map_err(|error| ServiceError::new("InternalFailure", error.to_string()))
}

fn scan(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let level = input.access_level()?.unwrap_or(Access::User);
    let level = caller.authorize_level("ScanProvisionedProducts", level)?;
    let (page, more) = world.scan(caller, level, input.page_start()?.as_deref(), input.page_size(20)?);
    let next = page.last().filter(|_| more).map(|p| page_token(&p.id));
    let products: Vec<_> = page.into_iter().map(ProvisionedProductDetail::of).collect();
    Ok(with_next(json!({ "ProvisionedProducts": products }), next))
}

fn describe_provisioned_product(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let target = Target { id: input.id("Id")?, name: input.name("Name")? };
    let product = world.target(caller, &target)?;
    Ok(json!({
        "ProvisionedProductDetail": ProvisionedProductDetail::of(product),
        "CloudWatchDashboards": [],
    }))
}

fn record_answer(world: &World, record: &Record) -> Value {
    // A repeated request gets the first answer again, so it is told as of then.
    json!({ "RecordDetail": RecordDetail::of(&record.as_created(), record.created.min(world.now())) })
}

fn product_ref(input: &Input) -> Answer<ProductRef> {
    let reference = input.reference("ProductId", "ProductName", 8191)?;
    Ok(ProductRef { id: reference.id, name: reference.name })
}

fn provision(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let request = ProvisionRequest {
        name: required("ProvisionedProductName", input.name("ProvisionedProductName")?)?,
        product: product_ref(input)?,
        version: input.reference("ProvisioningArtifactId", "ProvisioningArtifactName", 8192)?,
        path: input.reference("PathId", "PathName", 100)?,
        parameters: input.parameters("ProvisioningParameters")?,
        tags: input.tags()?.unwrap_or_default(),
        notifications: input.arns("NotificationArns")?,
        token: input.token("ProvisionToken")?,
        digest: input.digest("ProvisionToken"),
    };
    let record = world.provision(caller, request)?;
    Ok(record_answer(world, &record))
}

fn target_of(input: &Input) -> Answer<Target> {
    Ok(Target { id: input.id("ProvisionedProductId")?, name: input.name_or_arn("ProvisionedProductName")? })
}

fn update(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let request = UpdateRequest {
        target: target_of(input)?,
        product: product_ref(input)?,
        version: input.reference("ProvisioningArtifactId", "ProvisioningArtifactName", 8192)?,
        path: input.reference("PathId", "PathName", 100)?,
        parameters: input.parameters("ProvisioningParameters")?,
        tags: input.tags()?,
        token: input.token("UpdateToken")?,
        digest: input.digest("UpdateToken"),
    };
    let record = world.update(caller, request)?;
    Ok(record_answer(world, &record))
}

fn update_properties(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let id = required("ProvisionedProductId", input.id("ProvisionedProductId")?)?;
    let properties = input.string_map("ProvisionedProductProperties", 1024)?;
    let (token, digest) = (input.token("IdempotencyToken")?, input.digest("IdempotencyToken"));
    let record = world.change_properties(caller, &id, &properties, &token, &digest)?;
    Ok(json!({
        "ProvisionedProductId": id,
        "ProvisionedProductProperties": properties,
        "RecordId": record.id,
        "Status": record.as_created().status(record.created),
    }))
}

fn terminate(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let target = target_of(input)?;
    let (token, digest) = (input.token("TerminateToken")?, input.digest("TerminateToken"));
    let (ignore, retain) = (input.flag("IgnoreErrors")?, input.flag("RetainPhysicalResources")?);
    let record = world.terminate(caller, &target, &token, &digest, ignore, retain)?;
    Ok(record_answer(world, &record))
}

fn describe_record(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let id = required("Id", input.id("Id")?)?;
    let record = world.record(caller, &id)?;
    let (page, next) = output_page(record.outputs.clone(), input)?;
    let body = json!({ "RecordDetail": RecordDetail::of(record, world.now()), "RecordOutputs": page });
    Ok(with_next(body, next))
}

fn output_page(outputs: Vec<OutputValue>, input: &Input) -> Answer<(Vec<RecordOutput>, Option<String>)> {
    let (page, next) = page_of(outputs, input, 20)?;
    Ok((page.iter().map(RecordOutput::of).collect(), next))
}

fn list_record_history(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let level = input.access_level()?.unwrap_or(Access::User);
    let level = caller.authorize_level("ListRecordHistory", level)?;
    let filter = input.search_filter()?;
    let of = match &filter {
        None => HistoryOf::Everything,
        Some((key, value)) => match key.to_lowercase().as_str() {
            "product" => HistoryOf::Product(value),
            "provisionedproduct" => HistoryOf::Provisioned(value),
            _ => return Err(ServiceError::invalid(format!("Invalid search filter key: {key}"))),
        },
    };
    let (page, more) = world.history(caller, level, of, input.page_number()?, input.page_size(20)?);
    let next = page.last().filter(|_| more).map(|r| page_token(r.sequence));
    let details: Vec<_> = page.into_iter().map(|r| RecordDetail::of(r, world.now())).collect();
    Ok(with_next(json!({ "RecordDetails": details }), next))
}

fn outputs(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let target = Target { id: input.id("ProvisionedProductId")?, name: input.name("ProvisionedProductName")? };
    let keys = input.strings("OutputKeys", 60)?;
    let product = world.target(caller, &target)?;
    let (page, next) = output_page(world.outputs_of(product, &keys)?, input)?;
    Ok(with_next(json!({ "Outputs": page }), next))
}

fn create_plan(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    required("PlanType", input.one_of("PlanType", &["CLOUDFORMATION"])?)?;
    let request = PlanRequest {
        name: required("PlanName", input.any("PlanName", 1000)?)?,
        product: required("ProductId", input.id("ProductId")?)?,
        version: required("ProvisioningArtifactId", input.id("ProvisioningArtifactId")?)?,
        path: input.id("PathId")?,
        provisioned_name: required("ProvisionedProductName", input.name("ProvisionedProductName")?)?,
        parameters: input.parameters("ProvisioningParameters")?,
        tags: input.tags()?,
        notifications: input.arns("NotificationArns")?,
        token: input.token("IdempotencyToken")?,
        digest: input.digest("IdempotencyToken"),
    };
    let plan = world.create_plan(caller, request)?;
    Ok(json!({
        "PlanName": plan.name,
        "PlanId": plan.id,
        "ProvisionProductId": plan.provisioned,
        "ProvisionedProductName": plan.provisioned_name,
        "ProvisioningArtifactId": plan.launch.version,
    }))
}

fn describe_plan(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let plan = world.plan(caller, &required("PlanId", input.id("PlanId")?)?)?;
    // The change set is there when it has been made.
    let changes = if plan.status.as_str().starts_with("CREATE_") && plan.status.as_str() != "CREATE_SUCCESS" {
        Vec::new()
    } else {
        plan.changes.iter().map(change).collect()
    };
    let (page, next) = page_of(changes, input, 20)?;
    let body = json!({ "ProvisionedProductPlanDetails": PlanDetails::of(plan), "ResourceChanges": page });
    Ok(with_next(body, next))
}

fn change(change: &crate::sandbox::world::model::ResourceChange) -> Value {
    let mut members = Map::new();
    members.insert("Action".into(), json!(change.action));
    members.insert("LogicalResourceId".into(), json!(change.logical_id));
    if let Some(id) = &change.physical_id {
        members.insert("PhysicalResourceId".into(), json!(id));
    }
    members.insert("ResourceType".into(), json!(change.kind));
    if change.action == "MODIFY" {
        members.insert("Replacement".into(), json!("CONDITIONAL"));
        members.insert("Scope".into(), json!(["PROPERTIES"]));
        let target = json!({ "Attribute": "PROPERTIES", "RequiresRecreation": "CONDITIONALLY" });
        members.insert("Details".into(), json!([{ "Target": target, "Evaluation": "DYNAMIC" }]));
    } else {
        members.insert("Scope".into(), json!([]));
        members.insert("Details".into(), json!([]));
    }
    Value::Object(members)
}

fn execute_plan(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let id = required("PlanId", input.id("PlanId")?)?;
    let (token, digest) = (input.token("IdempotencyToken")?, input.digest("IdempotencyToken"));
    let record = world.execute_plan(caller, &id, &token, &digest)?;
    Ok(record_answer(world, &record))
}

fn delete_plan(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    input.flag("IgnoreErrors")?;
    world.delete_plan(caller, &required("PlanId", input.id("PlanId")?)?)?;
    Ok(json!({}))
}

fn list_plans(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let level = input.access_level()?.unwrap_or(Access::User);
    let level = caller.authorize_level("ListProvisionedProductPlans", level)?;
    let of = input.id("ProvisionProductId")?;
    let start = input.page_start()?;
    let (page, more) = world.plans(caller, level, of.as_deref(), start.as_deref(), input.page_size(20)?);
    let next = page.last().filter(|_| more).map(|p| page_token(&p.id));
    let summary = |plan: &&Plan| {
        json!({
            "PlanName": plan.name,
            "PlanId": plan.id,
            "ProvisionProductId": plan.provisioned,
            "ProvisionProductName": plan.provisioned_name,
            "PlanType": "CLOUDFORMATION",
            "ProvisioningArtifactId": plan.launch.version,
        })
    };
    Ok(with_next(json!({ "ProvisionedProductPlans": page.iter().map(summary).collect::<Vec<_>>() }), next))
}
