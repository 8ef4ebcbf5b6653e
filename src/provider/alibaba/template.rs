//! The parameters and outputs of a template of Resource Orchestration Service (ROS), in JSON or YAML, with resources of
//! its own or with a Terraform module in it. Pure.
//!
//! Property names are those of "Parameters" in the documentation of ROS.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::lenient::{plain, truth};
use super::{terraform, yaml};
use crate::model::{ParameterSpec, Template};

/// `Transform` of a template whose `Workspace` is a Terraform module: `Aliyun::Terraform-v1.1`.
const TERRAFORM: &str = "Aliyun::Terraform";

/// An error says what is wrong with the form, and quotes nothing: a default may be a secret.
pub(super) fn read(body: &str) -> Result<Template, String> {
    let body = body.trim_start_matches('\u{feff}').trim();
    let root = if body.starts_with('{') {
        serde_json::from_str(body)
            .map_err(|error| format!("it is not JSON (line {}, column {})", error.line(), error.column()))?
    } else {
        yaml::read(body)?
    };
    let Value::Object(root) = root else { return Err("it is not a map".to_owned()) };
    if is_terraform(root.get("Transform")) {
        let Some(Value::Object(workspace)) = root.get("Workspace") else {
            return Err("it is of the Terraform type and has no Workspace".to_owned());
        };
        return terraform::read(workspace).map(|module| merge(module, declared(&root)));
    }
    let parameters = declared(&root);
    let outputs = root.get("Outputs").and_then(Value::as_object);
    let outputs = outputs.map(|outputs| outputs.keys().cloned().collect()).unwrap_or_default();
    Ok(Template { parameters, outputs: Some(outputs) })
}

fn is_terraform(transform: Option<&Value>) -> bool {
    match transform {
        Some(Value::String(name)) => name.starts_with(TERRAFORM),
        Some(Value::Array(names)) => names.iter().any(|name| is_terraform(Some(name))),
        _ => false,
    }
}

fn declared(root: &Map<String, Value>) -> BTreeMap<String, ParameterSpec> {
    root.get("Parameters").and_then(Value::as_object).map(parameters).unwrap_or_default()
}

/// The template's own section says how a variable of the module is asked for; what it leaves out is the variable's.
fn merge(mut module: Template, declared: BTreeMap<String, ParameterSpec>) -> Template {
    for (key, spec) in declared {
        let variable = module.parameters.remove(&key).unwrap_or_default();
        let merged = ParameterSpec {
            nullable: spec.nullable || (variable.nullable && spec.default.is_none()),
            default: spec.default.or(variable.default),
            no_echo: spec.no_echo || variable.no_echo,
            ..spec
        };
        module.parameters.insert(key, sealed(merged));
    }
    module
}

fn parameters(all: &Map<String, Value>) -> BTreeMap<String, ParameterSpec> {
    let known = all.iter().filter_map(|(key, value)| Some((key.clone(), parameter(value.as_object()?))));
    known.collect()
}

/// Limits that are no numbers are left out: the service checks them again.
fn parameter(said: &Map<String, Value>) -> ParameterSpec {
    let text = |name: &str| said.get(name).cloned().map(plain).filter(|text| !text.is_empty());
    let whole = |name: &str| text(name).and_then(|text| text.trim().parse::<u64>().ok());
    let number = |name: &str| text(name).and_then(|text| text.trim().parse::<f64>().ok()).filter(|n| n.is_finite());
    let no_echo = text("NoEcho").and_then(|text| truth(&text)).unwrap_or_default();
    // "The default value can be set to null, which indicates that this parameter is left empty."
    let nullable = said.get("Default").is_some_and(Value::is_null);
    let default = said.get("Default").filter(|_| !nullable).cloned().map(plain);
    let allowed = said.get("AllowedValues").and_then(Value::as_array);
    let spec = ParameterSpec {
        kind: text("Type").unwrap_or_else(|| "String".to_owned()),
        default,
        nullable,
        no_echo,
        allowed_values: allowed
            .map(|all| all.iter().filter(|value| !value.is_null()).cloned().map(plain).collect())
            .unwrap_or_default(),
        allowed_pattern: text("AllowedPattern"),
        constraint_description: said.get("ConstraintDescription").and_then(localized),
        min_length: whole("MinLength"),
        max_length: whole("MaxLength"),
        min_value: number("MinValue"),
        max_value: number("MaxValue"),
    };
    sealed(spec)
}

/// The default of a NoEcho parameter is a secret too: only that there is one is known from here on.
pub(super) fn sealed(mut spec: ParameterSpec) -> ParameterSpec {
    if spec.no_echo && spec.default.is_some() {
        spec.default = Some(String::new());
    }
    spec
}

/// A text, or one for each language.
fn localized(value: &Value) -> Option<String> {
    let text = match value {
        Value::Object(languages) => languages.get("en").or_else(|| languages.values().next())?.clone(),
        other => other.clone(),
    };
    Some(plain(text)).filter(|text| !text.is_empty())
}

#[cfg(test)]
#[path = "tests/template.rs"]
mod tests;
