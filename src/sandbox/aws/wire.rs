//! The structures of the catalog's answers. Absent members are left out, never null.

use serde::Serialize;

use crate::sandbox::template::Template;
use crate::sandbox::world::World;
use crate::sandbox::world::model::{Millis, OutputValue, Plan, Product, Provisioned, Record, Tags, Version};

/// Seconds since the epoch with a fraction, as JSON numbers carry them.
pub fn seconds(at: Millis) -> f64 {
    // Milliseconds of any year that a Timestamp can have are exact in an f64.
    #[allow(clippy::cast_precision_loss)]
    let millis = at as f64;
    millis / 1000.0
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Pair {
    pub key: String,
    pub value: String,
}

pub fn pairs(tags: &Tags) -> Vec<Pair> {
    tags.iter().map(|(key, value)| Pair { key: key.clone(), value: value.clone() }).collect()
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RecordError {
    code: String,
    description: String,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RecordDetail {
    record_id: String,
    provisioned_product_name: String,
    status: &'static str,
    created_time: f64,
    updated_time: f64,
    provisioned_product_type: &'static str,
    record_type: &'static str,
    provisioned_product_id: String,
    product_id: String,
    provisioning_artifact_id: String,
    path_id: String,
    record_errors: Vec<RecordError>,
    record_tags: Vec<Pair>,
    #[serde(skip_serializing_if = "Option::is_none")]
    launch_role_arn: Option<String>,
}

impl RecordDetail {
    pub fn of(record: &Record, now: Millis) -> RecordDetail {
        let told = matches!(record.status(now), "FAILED" | "IN_PROGRESS_IN_ERROR");
        RecordDetail {
            record_id: record.id.clone(),
            provisioned_product_name: record.name.clone(),
            status: record.status(now),
            created_time: seconds(record.created),
            updated_time: seconds(record.updated(now)),
            provisioned_product_type: record.stack_kind.as_str(),
            record_type: record.kind.as_str(),
            provisioned_product_id: record.provisioned.clone(),
            product_id: record.product.clone(),
            provisioning_artifact_id: record.version.clone(),
            path_id: record.path.clone(),
            record_errors: record
                .failure
                .iter()
                .filter(|_| told)
                .map(|f| RecordError { code: f.code.clone(), description: f.message.clone() })
                .collect(),
            record_tags: pairs(&record.tags),
            launch_role_arn: record.launch_role.clone(),
        }
    }
}

/// One page of a search.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SearchResults {
    pub provisioned_products: Vec<ProvisionedProductAttribute>,
    pub total_results_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// What Describe and Scan show: the launch role, but neither tags nor owner.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProvisionedProductDetail {
    name: String,
    arn: String,
    #[serde(rename = "Type")]
    kind: &'static str,
    id: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_message: Option<String>,
    created_time: f64,
    idempotency_token: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_record_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_provisioning_record_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_successful_provisioning_record_id: Option<String>,
    product_id: String,
    provisioning_artifact_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    launch_role_arn: Option<String>,
}

impl ProvisionedProductDetail {
    pub fn of(product: &Provisioned) -> ProvisionedProductDetail {
        ProvisionedProductDetail {
            name: product.name.clone(),
            arn: product.arn(),
            kind: product.kind.as_str(),
            id: product.id.clone(),
            status: product.status.as_str(),
            status_message: product.status_message.clone(),
            created_time: seconds(product.created),
            idempotency_token: product.token.clone(),
            last_record_id: product.last_record.clone(),
            last_provisioning_record_id: product.last_provisioning_record.clone(),
            last_successful_provisioning_record_id: product.last_successful_record.clone(),
            product_id: product.product.clone(),
            provisioning_artifact_id: product.version.clone(),
            launch_role_arn: product.launch_role.clone(),
        }
    }
}

/// What Search shows: tags and owner, but no launch role.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProvisionedProductAttribute {
    #[serde(flatten)]
    common: ProvisionedProductDetail,
    tags: Vec<Pair>,
    #[serde(skip_serializing_if = "Option::is_none")]
    physical_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    product_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provisioning_artifact_name: Option<String>,
    user_arn: String,
    user_arn_session: String,
}

impl ProvisionedProductAttribute {
    pub fn of(product: &Provisioned, world: &World) -> ProvisionedProductAttribute {
        let mut common = ProvisionedProductDetail::of(product);
        common.launch_role_arn = None;
        let named = world.version_by_id(&product.product, &product.version);
        ProvisionedProductAttribute {
            common,
            tags: pairs(&world.shown_tags(product)),
            physical_id: product.stack.clone(),
            product_name: named.map(|(p, _)| p.name.clone()),
            provisioning_artifact_name: named.map(|(_, v)| v.name.clone()),
            user_arn: product.owner.arn.clone(),
            user_arn_session: product.owner.session.clone(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RecordOutput {
    output_key: String,
    output_value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

impl RecordOutput {
    pub fn of(output: &OutputValue) -> RecordOutput {
        RecordOutput {
            output_key: output.key.clone(),
            output_value: output.value.clone(),
            description: output.description.clone(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProductViewSummary {
    id: String,
    product_id: String,
    name: String,
    owner: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    short_description: Option<String>,
    #[serde(rename = "Type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    distributor: Option<String>,
    has_default_path: bool,
}

impl ProductViewSummary {
    pub fn of(product: &Product, paths: usize) -> ProductViewSummary {
        ProductViewSummary {
            id: product.view_id.clone(),
            product_id: product.id.clone(),
            name: product.name.clone(),
            owner: product.owner.clone(),
            short_description: product.description.clone(),
            kind: "CLOUD_FORMATION_TEMPLATE",
            distributor: product.distributor.clone(),
            has_default_path: paths == 1,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProductViewDetail {
    product_view_summary: ProductViewSummary,
    status: &'static str,
    #[serde(rename = "ProductARN")]
    product_arn: String,
    created_time: f64,
}

impl ProductViewDetail {
    pub fn of(product: &Product, paths: usize) -> ProductViewDetail {
        let place = &product.place;
        ProductViewDetail {
            product_view_summary: ProductViewSummary::of(product, paths),
            // What the service really says; its documentation says AVAILABLE.
            status: "CREATED",
            product_arn: format!(
                "arn:{}:catalog:{}:{}:product/{}",
                place.partition(),
                place.region,
                place.account,
                product.id
            ),
            created_time: seconds(product.created),
        }
    }
}

/// A version. Operations show different parts of it: the summary has no guidance, only the detail says whether it is
/// active and of which type.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProvisioningArtifact {
    id: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    created_time: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    guidance: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    active: Option<bool>,
    #[serde(rename = "Type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
}

impl ProvisioningArtifact {
    pub fn of(version: &Version) -> ProvisioningArtifact {
        let guidance = if version.deprecated { "DEPRECATED" } else { "DEFAULT" };
        ProvisioningArtifact { guidance: Some(guidance), ..ProvisioningArtifact::summary(version) }
    }

    pub fn summary(version: &Version) -> ProvisioningArtifact {
        ProvisioningArtifact {
            id: version.id.clone(),
            name: version.name.clone(),
            description: version.description.clone(),
            created_time: seconds(version.created),
            guidance: None,
            active: None,
            kind: None,
        }
    }

    pub fn detail(version: &Version) -> ProvisioningArtifact {
        ProvisioningArtifact {
            active: Some(version.active),
            kind: Some("CLOUD_FORMATION_TEMPLATE"),
            ..ProvisioningArtifact::of(version)
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ParameterConstraints {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    allowed_values: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_pattern: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    constraint_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_length: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_length: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_value: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProvisioningArtifactParameter {
    parameter_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_value: Option<String>,
    parameter_type: String,
    is_no_echo: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    parameter_constraints: ParameterConstraints,
}

pub fn parameters(template: &Template) -> Vec<ProvisioningArtifactParameter> {
    let parameter = |p: &crate::sandbox::template::Parameter| ProvisioningArtifactParameter {
        parameter_key: p.name.clone(),
        default_value: p.default.clone(),
        parameter_type: p.kind.clone(),
        is_no_echo: p.no_echo,
        description: p.description.clone(),
        parameter_constraints: ParameterConstraints {
            allowed_values: p.allowed_values.clone(),
            allowed_pattern: p.allowed_pattern.clone(),
            constraint_description: p.constraint_description.clone(),
            max_length: p.max_length.clone(),
            min_length: p.min_length.clone(),
            max_value: p.max_value.clone(),
            min_value: p.min_value.clone(),
        },
    };
    template.parameters.iter().map(parameter).collect()
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UpdateProvisioningParameter {
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    use_previous_value: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PlanDetails {
    created_time: f64,
    path_id: String,
    product_id: String,
    plan_name: String,
    plan_id: String,
    provision_product_id: String,
    provision_product_name: String,
    plan_type: &'static str,
    provisioning_artifact_id: String,
    status: &'static str,
    updated_time: f64,
    notification_arns: Vec<String>,
    provisioning_parameters: Vec<UpdateProvisioningParameter>,
    tags: Vec<Pair>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_message: Option<String>,
}

impl PlanDetails {
    pub fn of(plan: &Plan) -> PlanDetails {
        let parameter = |(key, value): (&String, &crate::sandbox::world::model::Value)| {
            let previous = plan.previous.contains(key);
            UpdateProvisioningParameter {
                key: key.clone(),
                value: (!previous).then(|| value.shown().to_owned()),
                use_previous_value: previous,
            }
        };
        PlanDetails {
            created_time: seconds(plan.created),
            path_id: plan.launch.path.clone(),
            product_id: plan.launch.product.clone(),
            plan_name: plan.name.clone(),
            plan_id: plan.id.clone(),
            provision_product_id: plan.provisioned.clone(),
            provision_product_name: plan.provisioned_name.clone(),
            plan_type: "CLOUDFORMATION",
            provisioning_artifact_id: plan.launch.version.clone(),
            status: plan.status.as_str(),
            updated_time: seconds(plan.updated),
            notification_arns: plan.launch.notifications.clone(),
            provisioning_parameters: plan.launch.parameters.iter().map(parameter).collect(),
            tags: pairs(&plan.launch.tags),
            status_message: plan.status_message.clone(),
        }
    }
}
