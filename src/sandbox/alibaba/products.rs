//! Products, versions, launch options and templates, as end users see them.

use serde_json::{Value, json};

use super::input::Input;
use super::instances::paged;
use super::wire;
use crate::sandbox::template::json_text;
use crate::sandbox::world::model::{Answer, Constraint, ConstraintKind, Portfolio, Product, ServiceError};
use crate::sandbox::world::{Caller, World};

pub fn get(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let product = world.launchable(caller, &input.required("ProductId")?)?;
    Ok(json!({ "ProductSummary": wire::product(world, product) }))
}

pub fn list(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let page = input.page()?;
    let filters = input.filters(&["ProductName", "FullTextSearch"])?;
    let mut all: Vec<&Product> = world.products(caller, false);
    let holds = |product: &Product, key: &str, value: &str| {
        let (name, value) = (product.name.to_lowercase(), value.to_lowercase());
        let others = [Some(product.owner.as_str()), product.description.as_deref()];
        let texts = || [name.clone()].into_iter().chain(others.into_iter().flatten().map(str::to_lowercase));
        if key == "ProductName" { name == value } else { texts().any(|text| text.contains(&value)) }
    };
    all.retain(|p| filters.iter().all(|(key, value)| holds(p, key, value)));
    all.sort_by(|a, b| (a.created, &a.id).cmp(&(b.created, &b.id)));
    let summaries: Vec<Value> = page.of(&all).into_iter().map(|p| wire::product(world, p)).collect();
    Ok(paged(json!({ "ProductSummaries": summaries }), &page, all.len()))
}

pub fn launch_options(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let product = world.launchable(caller, &input.required("ProductId")?)?;
    let option = |portfolio: &&Portfolio| {
        let constraints = World::constraints(portfolio, &product.id).filter_map(constraint).collect::<Vec<_>>();
        json!({
            "PortfolioId": portfolio.id,
            "PortfolioName": portfolio.name,
            "ConstraintSummaries": constraints,
        })
    };
    let options: Vec<Value> = world.paths(caller, product).iter().map(option).collect();
    Ok(json!({ "LaunchOptionSummaries": options }))
}

fn constraint(constraint: &Constraint) -> Option<Value> {
    let role = || constraint.role.as_deref().and_then(|arn| arn.rsplit('/').next()).unwrap_or_default();
    Some(match constraint.kind {
        ConstraintKind::Launch => {
            json!({ "ConstraintType": "Launch", "Description": format!("Launch as local role {}", role()) })
        }
        ConstraintKind::Template => json!({ "ConstraintType": "Template", "Description": "Template rules" }),
        // The page's sample packs several operations into one string.
        ConstraintKind::Approval => json!({
            "ConstraintType": "Approval",
            "Description": "Approval is required",
            "OperationTypes": [constraint.operations.join(",")],
        }),
        ConstraintKind::StackRegion => json!({
            "ConstraintType": "StackRegion",
            "Description": "Stack regions are limited",
            "StackRegions": constraint.regions,
        }),
        ConstraintKind::Notification | ConstraintKind::ResourceUpdate | ConstraintKind::Stackset => return None,
    })
}

pub fn get_version(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let (product, version) = world.launchable_version(caller, &input.required("ProductVersionId")?)?;
    Ok(json!({ "ProductVersionDetail": wire::version(world, product, version) }))
}

pub fn list_versions(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let product = world.launchable(caller, &input.required("ProductId")?)?;
    let shown = product.versions.iter().filter(|v| v.active || caller.administers());
    let details: Vec<Value> = shown.map(|v| wire::version(world, product, v)).collect();
    Ok(json!({ "ProductVersionDetails": details }))
}

/// GetTemplate: always JSON, whatever the template was written in.
pub fn template(world: &mut World, caller: &Caller, input: &Input) -> Answer<Value> {
    let product = input.required("ProductId")?;
    let (of, version) = world.launchable_version(caller, &input.required("ProductVersionId")?)?;
    if of.id != product {
        let message = "The specified ProductVersion does not exist in this product.";
        return Err(ServiceError::new("InvalidProductVersion.NotFound", message));
    }
    let text = world.catalog().templates.get(&version.template).map(|t| t.text.as_str()).unwrap_or_default();
    Ok(json!({ "TemplateBody": json_text(text) }))
}
