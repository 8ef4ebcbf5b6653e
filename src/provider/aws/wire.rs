//! The JSON of Service Catalog (API 2015-12-10): only the members that are used.
//!
//! Every member of an answer may be missing or null; what cannot do without one says so where it is used.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use crate::model::{Access, Operation, OperationState};

/// `AcceptLanguage` is a member of every operation's input.
#[derive(Serialize)]
pub(super) struct Localized<'a, T> {
    #[serde(rename = "AcceptLanguage", skip_serializing_if = "Option::is_none")]
    pub(super) accept_language: Option<&'a str>,
    #[serde(flatten)]
    pub(super) input: T,
}

/// Whose provisioned products a list shows. Always sent, because the defaults differ between operations (Search:
/// Account; Scan and ListRecordHistory: User).
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AccessLevelFilter {
    key: &'static str,
    value: &'static str,
}

impl AccessLevelFilter {
    pub(super) fn new(access: Access) -> Self {
        let key = match access {
            Access::Account => "Account",
            Access::Role => "Role",
            Access::User => "User",
        };
        AccessLevelFilter { key, value: "self" }
    }
}

/// `SearchProvisionedProducts`: at most 100 to a page.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Search<'a> {
    pub(super) access_level_filter: AccessLevelFilter,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) filters: Option<BTreeMap<&'static str, Vec<String>>>,
    pub(super) sort_by: &'static str,
    pub(super) sort_order: &'static str,
    pub(super) page_size: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) page_token: Option<&'a str>,
}

/// `ScanProvisionedProducts` and `ListRecordHistory`: at most 20 to a page.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Page<'a> {
    pub(super) access_level_filter: AccessLevelFilter,
    pub(super) page_size: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) page_token: Option<&'a str>,
}

/// `DescribeProvisionedProduct`, `DescribeProduct`, `DescribeProductAsAdmin`: by id or by name, never both.
#[derive(Debug, Serialize)]
pub(super) enum Which<'a> {
    Id(&'a str),
    Name(&'a str),
}

/// `DescribeRecord`. Its outputs are not used, so one page will do.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeRecord<'a> {
    pub(super) id: &'a str,
    pub(super) page_size: u32,
}

/// `GetProvisionedProductOutputs`: at most 20 to a page.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GetOutputs<'a> {
    pub(super) provisioned_product_id: &'a str,
    pub(super) page_size: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) page_token: Option<&'a str>,
}

/// `ListLaunchPaths`, at most 20 to a page; `ListProvisioningArtifacts`, which has no pages.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OfProduct<'a> {
    pub(super) product_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) page_size: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) page_token: Option<&'a str>,
}

/// `SearchProducts`: at most 100 to a page.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SearchProducts<'a> {
    pub(super) sort_by: &'static str,
    pub(super) sort_order: &'static str,
    pub(super) page_size: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) page_token: Option<&'a str>,
}

/// `DescribeProvisioningParameters`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeParameters<'a> {
    pub(super) product_id: &'a str,
    pub(super) provisioning_artifact_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path_id: Option<&'a str>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    pub(super) key: String,
    #[serde(default)]
    pub(super) value: String,
}

/// A parameter of `ProvisionProduct` has a value; one of `UpdateProvisionedProduct` has exactly one of both. (The
/// documentation says that `Value` is ignored beside `UsePreviousValue`; the service refuses it.)
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Parameter<'a> {
    pub(super) key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) use_previous_value: Option<bool>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Provision<'a> {
    pub(super) provisioned_product_name: &'a str,
    pub(super) product_id: &'a str,
    pub(super) provisioning_artifact_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) provisioning_parameters: Vec<Parameter<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) tags: Vec<Tag>,
    pub(super) provision_token: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Update<'a> {
    pub(super) provisioned_product_id: &'a str,
    pub(super) product_id: &'a str,
    pub(super) provisioning_artifact_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) path_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) provisioning_parameters: Vec<Parameter<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tags: Option<Vec<Tag>>,
    pub(super) update_token: &'a str,
}

/// `UpdateProvisionedProductProperties`: `OWNER` or `LAUNCH_ROLE`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UpdateProperties<'a> {
    pub(super) provisioned_product_id: &'a str,
    pub(super) provisioned_product_properties: BTreeMap<&'static str, &'a str>,
    pub(super) idempotency_token: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Terminate<'a> {
    pub(super) provisioned_product_id: &'a str,
    pub(super) terminate_token: &'a str,
}

/// A list that is null is as good as one that is missing.
fn list<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct SearchOutput {
    #[serde(deserialize_with = "list")]
    pub(super) provisioned_products: Vec<ProvisionedProductAttribute>,
    pub(super) total_results_count: Option<u64>,
    pub(super) next_page_token: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ProvisionedProductAttribute {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    #[serde(rename = "Type")]
    pub(super) kind: Option<String>,
    pub(super) status: Option<String>,
    pub(super) status_message: Option<String>,
    pub(super) created_time: Option<f64>,
    pub(super) last_record_id: Option<String>,
    pub(super) last_provisioning_record_id: Option<String>,
    pub(super) last_successful_provisioning_record_id: Option<String>,
    #[serde(deserialize_with = "list")]
    pub(super) tags: Vec<Tag>,
    pub(super) physical_id: Option<String>,
    pub(super) product_id: Option<String>,
    pub(super) product_name: Option<String>,
    pub(super) provisioning_artifact_id: Option<String>,
    pub(super) provisioning_artifact_name: Option<String>,
    pub(super) user_arn: Option<String>,
    pub(super) user_arn_session: Option<String>,
}

/// What Scan and Describe tell that Search does not.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ProvisionedProductDetail {
    pub(super) id: Option<String>,
    pub(super) launch_role_arn: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ScanOutput {
    #[serde(deserialize_with = "list")]
    pub(super) provisioned_products: Vec<ProvisionedProductDetail>,
    pub(super) next_page_token: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct DescribeProvisionedProductOutput {
    pub(super) provisioned_product_detail: Option<ProvisionedProductDetail>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct RecordDetail {
    pub(super) record_id: Option<String>,
    pub(super) provisioned_product_id: Option<String>,
    pub(super) status: Option<String>,
    pub(super) record_type: Option<String>,
    pub(super) updated_time: Option<f64>,
    pub(super) provisioning_artifact_id: Option<String>,
    pub(super) path_id: Option<String>,
    #[serde(deserialize_with = "list")]
    pub(super) record_errors: Vec<RecordError>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct RecordError {
    pub(super) code: Option<String>,
    pub(super) description: Option<String>,
}

impl RecordDetail {
    /// `None` for a record without an id, which nothing could be done with.
    pub(super) fn into_operation(self) -> Option<Operation> {
        let status = self.status.unwrap_or_default();
        let errors: Vec<String> = self.record_errors.into_iter().map(RecordError::text).collect();
        let reason = if errors.is_empty() { status.clone() } else { errors.join("; ") };
        Some(Operation {
            id: self.record_id.filter(|id| !id.is_empty())?,
            product_id: self.provisioned_product_id.unwrap_or_default(),
            state: state(&status, reason),
            status,
            kind: self.record_type.unwrap_or_default(),
            version_id: self.provisioning_artifact_id,
            path_id: self.path_id,
            updated: self.updated_time.and_then(timestamp),
        })
    }
}

impl RecordError {
    fn text(self) -> String {
        match (self.code.filter(|code| !code.is_empty()), self.description) {
            (Some(code), Some(description)) => format!("{code}: {description}"),
            (Some(text), None) | (None, Some(text)) => text,
            (None, None) => "an error without a text".to_owned(),
        }
    }
}

/// `RecordStatus`. CREATED, IN_PROGRESS and IN_PROGRESS_IN_ERROR (failed, and rolling back) are on the way; a word
/// that is not in the model is taken for one of these, because neither end may be assumed.
pub(super) fn state(status: &str, reason: String) -> OperationState {
    match status {
        "SUCCEEDED" => OperationState::Succeeded,
        // The stack already is what was asked for, so the product runs as it should.
        "FAILED" if reason.contains("No updates are to be performed") => OperationState::Succeeded,
        "FAILED" => OperationState::Failed(reason),
        _ => OperationState::Running,
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct RecordOutput {
    pub(super) record_detail: Option<RecordDetail>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct HistoryOutput {
    #[serde(deserialize_with = "list")]
    pub(super) record_details: Vec<RecordDetail>,
    pub(super) next_page_token: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct UpdatePropertiesOutput {
    pub(super) provisioned_product_id: Option<String>,
    pub(super) record_id: Option<String>,
    pub(super) status: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct OutputsOutput {
    #[serde(deserialize_with = "list")]
    pub(super) outputs: Vec<KeyedOutput>,
    pub(super) next_page_token: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct KeyedOutput {
    pub(super) output_key: Option<String>,
    pub(super) output_value: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ProductViewSummary {
    pub(super) product_id: Option<String>,
    pub(super) name: Option<String>,
}

/// `ProvisioningArtifact`, `ProvisioningArtifactSummary` and `ProvisioningArtifactDetail`: `Guidance` is not in the
/// second, `Active` only in the third.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Artifact {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) guidance: Option<String>,
    pub(super) active: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct DescribeProductOutput {
    pub(super) product_view_summary: Option<ProductViewSummary>,
    #[serde(deserialize_with = "list")]
    pub(super) provisioning_artifacts: Vec<Artifact>,
    #[serde(deserialize_with = "list")]
    pub(super) launch_paths: Vec<PathSummary>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ProductViewDetail {
    pub(super) product_view_summary: Option<ProductViewSummary>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct DescribeProductAsAdminOutput {
    pub(super) product_view_detail: Option<ProductViewDetail>,
    #[serde(deserialize_with = "list")]
    pub(super) provisioning_artifact_summaries: Vec<Artifact>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ListArtifactsOutput {
    #[serde(deserialize_with = "list")]
    pub(super) provisioning_artifact_details: Vec<Artifact>,
}

/// `LaunchPath` and `LaunchPathSummary`; constraints are only in the second.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct PathSummary {
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    #[serde(deserialize_with = "list")]
    pub(super) constraint_summaries: Vec<ConstraintSummary>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ConstraintSummary {
    #[serde(rename = "Type")]
    pub(super) kind: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ListPathsOutput {
    #[serde(deserialize_with = "list")]
    pub(super) launch_path_summaries: Vec<PathSummary>,
    pub(super) next_page_token: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct SearchProductsOutput {
    #[serde(deserialize_with = "list")]
    pub(super) product_view_summaries: Vec<ProductViewSummary>,
    pub(super) next_page_token: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct DescribeParametersOutput {
    #[serde(deserialize_with = "list")]
    pub(super) provisioning_artifact_parameters: Vec<ArtifactParameter>,
    #[serde(deserialize_with = "list")]
    pub(super) provisioning_artifact_outputs: Vec<ArtifactOutput>,
    #[serde(deserialize_with = "list")]
    pub(super) provisioning_artifact_output_keys: Vec<ArtifactOutput>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ArtifactParameter {
    pub(super) parameter_key: Option<String>,
    pub(super) default_value: Option<String>,
    pub(super) parameter_type: Option<String>,
    pub(super) is_no_echo: Option<bool>,
    pub(super) parameter_constraints: Option<ParameterConstraints>,
}

/// Numbers are strings here.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ParameterConstraints {
    #[serde(deserialize_with = "list")]
    pub(super) allowed_values: Vec<String>,
    pub(super) allowed_pattern: Option<String>,
    pub(super) constraint_description: Option<String>,
    pub(super) max_length: Option<String>,
    pub(super) min_length: Option<String>,
    pub(super) max_value: Option<String>,
    pub(super) min_value: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ArtifactOutput {
    pub(super) key: Option<String>,
}

/// Times are seconds since 1970 with a fraction. A number that is no time is no time, not an error.
pub(super) fn timestamp(seconds: f64) -> Option<Timestamp> {
    // `as` saturates, and `Timestamp` refuses what is out of its range.
    #[expect(clippy::cast_possible_truncation)]
    let milliseconds = (seconds * 1000.0).round() as i64;
    Timestamp::from_millisecond(milliseconds).ok().filter(|_| seconds.is_finite())
}
