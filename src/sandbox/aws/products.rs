//! Service Catalog: products, versions, launch paths and parameters.

use serde_json::{Value, json};

use super::catalog::{page_of, with_next};
use super::input::{Input, required};
use super::wire::{ProductViewDetail, ProductViewSummary, ProvisioningArtifact, parameters};
use crate::sandbox::world::model::{Answer, Portfolio, Product, ServiceError, StackKind};
use crate::sandbox::world::{Caller, ProductRef, World};

const FILTERS: [&str; 4] = ["FullTextSearch", "Owner", "ProductType", "SourceProductId"];

fn constraint_summaries(portfolio: &Portfolio, product: &Product) -> Vec<Value> {
    World::constraints(portfolio, &product.id)
        .map(|c| json!({ "Type": c.kind.as_str(), "Description": c.role.clone().unwrap_or_default() }))
        .collect()
}

pub fn list_launch_paths(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let wanted = ProductRef { id: Some(required("ProductId", input.id("ProductId")?)?), name: None };
    let product = world.product(caller, &wanted)?;
    let path = |portfolio: &&Portfolio| {
        json!({
            "Id": world.path_id(&product.id, &portfolio.id),
            "Name": portfolio.name,
            "ConstraintSummaries": constraint_summaries(portfolio, product),
            "Tags": [],
        })
    };
    let all: Vec<Value> = world.paths(caller, product).iter().map(path).collect();
    let (page, next) = page_of(all, input, 20)?;
    Ok(with_next(json!({ "LaunchPathSummaries": page }), next))
}

fn wanted(input: &Input, id: &str, name: &str) -> Answer<ProductRef> {
    let reference = input.reference(id, name, 8191)?;
    Ok(ProductRef { id: reference.id, name: reference.name })
}

pub fn describe_product(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let product = world.product(caller, &wanted(input, "Id", "Name")?)?;
    let paths = world.paths(caller, product);
    // End users are shown the versions that they can launch.
    let versions: Vec<_> = product.versions.iter().filter(|v| v.active).map(ProvisioningArtifact::of).collect();
    let path = |p: &&Portfolio| json!({ "Id": world.path_id(&product.id, &p.id), "Name": p.name });
    Ok(json!({
        "ProductViewSummary": ProductViewSummary::of(product, paths.len()),
        "ProvisioningArtifacts": versions,
        "Budgets": [],
        "LaunchPaths": paths.iter().map(path).collect::<Vec<_>>(),
    }))
}

pub fn describe_product_as_admin(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    input.id("SourcePortfolioId")?;
    let product = world.product_as_admin(caller, &wanted(input, "Id", "Name")?)?;
    let versions: Vec<_> = product.versions.iter().map(ProvisioningArtifact::summary).collect();
    Ok(json!({
        "ProductViewDetail": ProductViewDetail::of(product, world.paths(caller, product).len()),
        "ProvisioningArtifactSummaries": versions,
        "Tags": [],
        "TagOptions": [],
        "Budgets": [],
    }))
}

/// The products that the filters of a search leave, in its order.
fn filtered<'a>(input: &Input, mut products: Vec<&'a Product>) -> Answer<Vec<&'a Product>> {
    let filters = input.filters(&FILTERS)?;
    let holds = |product: &Product, key: &str, value: &str| {
        let value = value.to_lowercase();
        let contains = |text: Option<&str>| text.is_some_and(|t| t.to_lowercase().contains(&value));
        match key {
            "Owner" => contains(Some(&product.owner)),
            "ProductType" => value == "cloud_formation_template",
            "SourceProductId" => false,
            _ => {
                contains(Some(&product.name))
                    || contains(Some(&product.id))
                    || contains(product.description.as_deref())
                    || contains(product.distributor.as_deref())
            }
        }
    };
    products.retain(|p| filters.iter().all(|(key, values)| values.iter().all(|value| holds(p, key, value))));
    match input.one_of("SortBy", &["Title", "VersionCount", "CreationDate"])?.as_deref() {
        Some("VersionCount") => products.sort_by_key(|p| p.versions.len()),
        Some("CreationDate") => products.sort_by_key(|p| p.created),
        _ => products.sort_by(|a, b| a.name.cmp(&b.name)),
    }
    if input.one_of("SortOrder", &["ASCENDING", "DESCENDING"])?.as_deref() == Some("DESCENDING") {
        products.reverse();
    }
    Ok(products)
}

pub fn search_products(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let products = filtered(input, world.products(caller, false))?;
    let (page, next) = page_of(products, input, 100)?;
    let views: Vec<_> = page.into_iter().map(|p| ProductViewSummary::of(p, world.paths(caller, p).len())).collect();
    Ok(with_next(json!({ "ProductViewSummaries": views, "ProductViewAggregations": {} }), next))
}

pub fn search_products_as_admin(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let mut products = world.products(caller, true);
    if let Some(portfolio) = input.id("PortfolioId")? {
        let known = world.catalog().portfolios.get(&portfolio).filter(|p| p.place == caller.place);
        if known.is_none() {
            return Err(ServiceError::missing(format!("Portfolio not found: {portfolio}")));
        }
        products.retain(|p| p.portfolios.contains(&portfolio));
    }
    let (page, next) = page_of(filtered(input, products)?, input, 20)?;
    let views: Vec<_> = page.into_iter().map(|p| ProductViewDetail::of(p, world.paths(caller, p).len())).collect();
    Ok(with_next(json!({ "ProductViewDetails": views }), next))
}

/// The answer has no NextPageToken: the request has no way to use one.
pub fn list_provisioning_artifacts(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let wanted = ProductRef { id: Some(required("ProductId", input.id("ProductId")?)?), name: None };
    let product = world.product_as_admin(caller, &wanted)?;
    let details: Vec<_> = product.versions.iter().map(ProvisioningArtifact::detail).collect();
    Ok(json!({ "ProvisioningArtifactDetails": details }))
}

pub fn describe_provisioning_artifact(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let product = world.product_as_admin(caller, &wanted(input, "ProductId", "ProductName")?)?;
    let reference = input.reference("ProvisioningArtifactId", "ProvisioningArtifactName", 8192)?;
    input.flag("Verbose")?;
    let version = world.version(product, &reference)?;
    let mut body = json!({
        "ProvisioningArtifactDetail": ProvisioningArtifact::detail(version),
        "Info": { "TemplateUrl": format!("sandbox:{}", version.template) },
        "Status": "AVAILABLE",
    });
    if input.flag("IncludeProvisioningArtifactParameters")? {
        let template = world.template(&version.template)?;
        body["ProvisioningArtifactParameters"] = json!(parameters(&template));
    }
    Ok(body)
}

pub fn describe_provisioning_parameters(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let product = world.product(caller, &wanted(input, "ProductId", "ProductName")?)?;
    let reference = input.reference("ProvisioningArtifactId", "ProvisioningArtifactName", 8192)?;
    let version = world.version(product, &reference)?;
    let portfolio = world.path(caller, product, &input.reference("PathId", "PathName", 100)?)?;
    let template = world.template(&version.template)?;
    let output = |o: &crate::sandbox::template::Output| match &o.description {
        Some(description) => json!({ "Key": o.name, "Description": description }),
        None => json!({ "Key": o.name }),
    };
    let outputs: Vec<Value> = template.outputs.iter().take(60).map(output).collect();
    let mut body = json!({
        "ProvisioningArtifactParameters": parameters(&template),
        "ConstraintSummaries": constraint_summaries(portfolio, product),
        "UsageInstructions": [],
        "TagOptions": [],
        "ProvisioningArtifactOutputs": outputs,
        "ProvisioningArtifactOutputKeys": outputs,
    });
    if version.kind == StackKind::CfnStackset {
        let place = &product.place;
        body["ProvisioningArtifactPreferences"] =
            json!({ "StackSetAccounts": [place.account], "StackSetRegions": [place.region] });
    }
    Ok(body)
}
