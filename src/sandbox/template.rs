//! CloudFormation templates: what the sandbox needs to know of them.

use std::collections::BTreeMap;

use crate::problem::Problem;

/// How the template is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Json,
    Yaml,
}

/// A parsed template.
#[derive(Debug, Clone)]
pub struct Template {
    pub parameters: Vec<Parameter>,
    pub outputs: Vec<Output>,
    pub resources: Vec<Resource>,
    pub format: Format,
}

#[derive(Debug, Clone, Default)]
pub struct Parameter {
    pub name: String,
    pub kind: String,
    pub default: Option<String>,
    pub no_echo: bool,
    pub description: Option<String>,
    pub allowed_values: Vec<String>,
    pub allowed_pattern: Option<String>,
    pub constraint_description: Option<String>,
    pub min_length: Option<String>,
    pub max_length: Option<String>,
    pub min_value: Option<String>,
    pub max_value: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Output {
    pub name: String,
    pub description: Option<String>,
    expression: serde_json::Value,
}

#[derive(Debug, Clone)]
pub struct Resource {
    pub logical_id: String,
    pub kind: String,
}

pub struct Context {
    pub account: String,
    pub region: String,
    pub partition: String,
    pub stack_name: String,
    pub stack_id: String,
}

impl Template {
    /// Stand-in: JSON only.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Template, Problem> {
        let value: serde_json::Value =
            serde_json::from_slice(bytes).map_err(|e| Problem::input(format!("{name}: {e}")))?;
        let text = |v: &serde_json::Value, key: &str| match &v[key] {
            serde_json::Value::Null => None,
            serde_json::Value::String(s) => Some(s.clone()),
            other => Some(other.to_string()),
        };
        let map = |key: &str| value[key].as_object().cloned().unwrap_or_default();
        Ok(Template {
            parameters: map("Parameters")
                .iter()
                .map(|(name, v)| Parameter {
                    name: name.clone(),
                    kind: text(v, "Type").unwrap_or_default(),
                    default: text(v, "Default"),
                    no_echo: v["NoEcho"].as_bool().unwrap_or(false),
                    description: text(v, "Description"),
                    allowed_values: v["AllowedValues"]
                        .as_array()
                        .map(|a| a.iter().map(|s| s.as_str().unwrap_or_default().to_owned()).collect())
                        .unwrap_or_default(),
                    ..Parameter::default()
                })
                .collect(),
            outputs: map("Outputs")
                .iter()
                .map(|(name, v)| Output {
                    name: name.clone(),
                    description: text(v, "Description"),
                    expression: v["Value"].clone(),
                })
                .collect(),
            resources: map("Resources")
                .iter()
                .map(|(id, v)| Resource { logical_id: id.clone(), kind: text(v, "Type").unwrap_or_default() })
                .collect(),
            format: Format::Json,
        })
    }

    pub fn check(&self, values: &BTreeMap<String, String>) -> Result<(), String> {
        for p in &self.parameters {
            let Some(value) = values.get(&p.name) else {
                return Err(format!("Parameters: [{}] must have values", p.name));
            };
            if !p.allowed_values.is_empty() && !p.allowed_values.contains(value) {
                return Err(format!("Parameter '{}' must be one of AllowedValues", p.name));
            }
        }
        Ok(())
    }

    pub fn outputs(&self, values: &BTreeMap<String, String>, context: &Context) -> BTreeMap<String, String> {
        self.outputs
            .iter()
            .map(|o| {
                let value = match &o.expression["Ref"] {
                    serde_json::Value::String(s) => values.get(s).cloned().unwrap_or_else(|| context.stack_id.clone()),
                    _ => o.expression.as_str().unwrap_or_default().to_owned(),
                };
                (o.name.clone(), value)
            })
            .collect()
    }
}
