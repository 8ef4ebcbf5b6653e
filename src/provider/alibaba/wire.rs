//! Answers of Service Catalog (2021-09-01) and RAM (2015-05-01), as far as they are used, and the names of parameters.
//!
//! Field names are those of the official SDK (alibabacloud-servicecatalog20210901 1.2.5).

use jiff::Timestamp;
use serde::Deserialize;

use super::lenient::{Count, Flag, Item, List, Text};

/// The parameters of one request, in the order in which the SDK writes them: by name.
#[derive(Debug, Clone, Default)]
pub(super) struct Input(pub(super) Vec<(String, String)>);

impl Input {
    pub(super) fn new() -> Self {
        Input::default()
    }

    #[must_use]
    pub(super) fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.0.push((name.to_owned(), value.to_string()));
        self
    }

    /// What is not given is not sent: an empty value would be one.
    #[must_use]
    pub(super) fn maybe(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// A list of pairs, flattened and counted from 1: `Tags.1.Key`, `Tags.1.Value`. An empty list cannot be written.
    #[must_use]
    pub(super) fn pairs<'a>(
        mut self,
        name: &str,
        (key, value): (&str, &str),
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        for (index, pair) in pairs.into_iter().enumerate() {
            let number = index + 1;
            self = self.with(&format!("{name}.{number}.{key}"), pair.0);
            self = self.with(&format!("{name}.{number}.{value}"), pair.1);
        }
        self
    }

    #[must_use]
    pub(super) fn filter(self, key: &str, value: &str) -> Self {
        self.pairs("Filters", ("Key", "Value"), [(key, value)])
    }

    #[must_use]
    pub(super) fn parameters<'a>(self, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        self.pairs("Parameters", ("ParameterKey", "ParameterValue"), pairs)
    }

    #[must_use]
    pub(super) fn tags<'a>(self, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        self.pairs("Tags", ("Key", "Value"), pairs)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ListProducts {
    pub(super) provisioned_product_details: List<Detail>,
    pub(super) total_count: Count,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct GetProduct {
    pub(super) provisioned_product_detail: Item<Detail>,
}

/// A provisioned product, the same in a list and by itself. The last three members are only in the answer of the
/// undocumented `GetProvisionedProductForResourceSpec` (Terraform provider, service_alicloud_servicecatalog.go).
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Detail {
    pub(super) create_time: Text,
    pub(super) last_task_id: Text,
    pub(super) last_provisioning_task_id: Text,
    pub(super) last_successful_provisioning_task_id: Text,
    pub(super) owner_principal_id: Text,
    pub(super) owner_principal_type: Text,
    pub(super) portfolio_id: Text,
    pub(super) product_id: Text,
    pub(super) product_name: Text,
    pub(super) product_version_id: Text,
    pub(super) product_version_name: Text,
    pub(super) provisioned_product_id: Text,
    pub(super) provisioned_product_name: Text,
    pub(super) provisioned_product_type: Text,
    pub(super) stack_id: Text,
    pub(super) stack_region_id: Text,
    pub(super) status: Text,
    pub(super) status_message: Text,
    pub(super) parameters: List<Parameter>,
    pub(super) outputs: List<Output>,
    pub(super) task_tags: List<Tag>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct GetTask {
    pub(super) task_detail: Item<Task>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ListTasks {
    pub(super) task_details: List<Task>,
    pub(super) total_count: Count,
}

/// No `Debug`: parameters may be secrets.
#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Task {
    pub(super) task_id: Text,
    pub(super) task_type: Text,
    pub(super) status: Text,
    pub(super) status_message: Text,
    pub(super) portfolio_id: Text,
    pub(super) product_id: Text,
    pub(super) product_version_id: Text,
    pub(super) provisioned_product_id: Text,
    pub(super) update_time: Text,
    pub(super) parameters: List<Parameter>,
    pub(super) outputs: List<Output>,
    pub(super) task_tags: List<Tag>,
}

impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Task").field("task_id", &self.task_id).field("status", &self.status).finish_non_exhaustive()
    }
}

/// No value in `Debug`: it may be a secret.
#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Parameter {
    pub(super) parameter_key: Text,
    pub(super) parameter_value: Text,
}

impl std::fmt::Debug for Parameter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Parameter").field(&self.parameter_key).finish()
    }
}

#[derive(Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Output {
    pub(super) output_key: Text,
    pub(super) output_value: Text,
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Output").field(&self.output_key).finish()
    }
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Tag {
    pub(super) key: Text,
    pub(super) value: Text,
}

/// The reply to a launch, an update or a plan: no operation is named, only what it is about.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Accepted {
    pub(super) provisioned_product_id: Text,
    pub(super) plan_id: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct GetPlan {
    pub(super) plan_detail: Item<Plan>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ListPlans {
    pub(super) plan_details: List<Plan>,
    pub(super) total_count: Count,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Plan {
    pub(super) plan_id: Text,
    pub(super) plan_name: Text,
    pub(super) status: Text,
    pub(super) status_message: Text,
    pub(super) portfolio_id: Text,
    pub(super) product_version_id: Text,
    pub(super) provisioned_product_id: Text,
    pub(super) update_time: Text,
    pub(super) assigned_approvers: List<Principal>,
    pub(super) approval_detail: Item<Approval>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Approval {
    pub(super) operation_records: List<Record>,
    pub(super) todo_task_activities: List<Activity>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Record {
    pub(super) approval_action: Text,
    pub(super) comment: Text,
    pub(super) create_time: Text,
    pub(super) operator: Item<Principal>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Activity {
    pub(super) tasks: List<Todo>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Todo {
    pub(super) operator: Item<Principal>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Principal {
    pub(super) principal_id: Text,
    pub(super) principal_name: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ListSummaries {
    pub(super) product_summaries: List<Summary>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct GetSummary {
    pub(super) product_summary: Item<Summary>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Summary {
    pub(super) product_id: Text,
    pub(super) product_name: Text,
    pub(super) has_default_launch_option: Flag,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ListVersions {
    pub(super) product_version_details: List<VersionDetail>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct VersionDetail {
    pub(super) product_version_id: Text,
    pub(super) product_version_name: Text,
    pub(super) active: Flag,
    pub(super) guidance: Text,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct ListOptions {
    pub(super) launch_option_summaries: List<LaunchOption>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct LaunchOption {
    pub(super) portfolio_id: Text,
    pub(super) portfolio_name: Text,
    pub(super) constraint_summaries: List<Constraint>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Constraint {
    pub(super) constraint_type: Text,
    pub(super) operation_types: List<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct GetTemplate {
    pub(super) template_body: Text,
}

/// RAM `GetRole` and `GetUser`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Holder {
    pub(super) role: Item<Identity>,
    pub(super) user: Item<Identity>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub(super) struct Identity {
    pub(super) role_id: Text,
    pub(super) user_id: Text,
}

/// ISO 8601 in UTC, with or without milliseconds. A text that is no time is no time, not an error.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}
