//! The variables and outputs of a Terraform module in a template's `Workspace`. Pure.

use std::collections::{BTreeMap, BTreeSet};

use hcl_edit::expr::{Expression, ObjectKey, ObjectValue, UnaryOperator};
use hcl_edit::structure::{Block, Body};
use serde_json::{Map, Value};

use super::lenient::{plain, truth};
use super::template::sealed;
use crate::model::{ParameterSpec, Template};

/// Every file of the root module counts; those of folders are modules that it may call. An error names the file.
pub(super) fn read(workspace: &Map<String, Value>) -> Result<Template, String> {
    let (mut parameters, mut outputs) = (BTreeMap::new(), BTreeSet::new());
    for (name, text) in workspace {
        let Value::String(text) = text else { continue };
        // The service leaves out files for debugging.
        if name.trim_start_matches("./").contains('/') || name.ends_with(".debug.tf") {
            continue;
        }
        if name.ends_with(".tf.json") {
            let Ok(Value::Object(root)) = serde_json::from_str(text) else {
                return Err(format!("its file {name} is not JSON"));
            };
            parameters.extend(labelled(root.get("variable")).map(|(key, said)| (key.clone(), of_json(said))));
            outputs.extend(labelled(root.get("output")).map(|(key, _)| key.clone()));
        } else if name.ends_with(".tf") {
            let body: Body = text.parse().map_err(|error: hcl_edit::parser::Error| {
                let at = error.location();
                format!("its file {name} is not HCL (line {}, column {})", at.line(), at.column())
            })?;
            for block in body.blocks() {
                let [label] = block.labels.as_slice() else { continue };
                match block.ident.as_str() {
                    "variable" => _ = parameters.insert(label.as_str().to_owned(), of_block(block)),
                    "output" => _ = outputs.insert(label.as_str().to_owned()),
                    _ => {}
                }
            }
        }
    }
    Ok(Template { parameters, outputs: Some(outputs) })
}

fn of_block(block: &Block) -> ParameterSpec {
    let get = |name: &str| block.body.get_attribute(name).map(|attribute| &attribute.value);
    spec(
        get("type").map(|value| value.as_str().map_or_else(|| written(value), str::to_owned)),
        get("default").map(|value| literal(value).unwrap_or_else(|| Value::String(written(value)))),
        get("sensitive").and_then(|value| value.as_bool().or_else(|| truth(value.as_str()?))).unwrap_or_default(),
    )
}

/// The members of a block type in JSON: an object, or a list of objects.
fn labelled(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    let objects: Vec<&Map<String, Value>> = match value {
        Some(Value::Object(object)) => vec![object],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_object).collect(),
        _ => Vec::new(),
    };
    objects.into_iter().flatten()
}

fn of_json(said: &Value) -> ParameterSpec {
    let said = match said {
        Value::Array(all) => all.first().unwrap_or(&Value::Null),
        other => other,
    };
    let get = |name: &str| said.get(name).cloned().map(plain);
    let default = said.get("default").cloned();
    spec(get("type"), default, get("sensitive").and_then(|text| truth(&text)).unwrap_or_default())
}

/// Values go to the service as text: a list or an object as JSON. A default of `null` is no value.
fn spec(kind: Option<String>, default: Option<Value>, no_echo: bool) -> ParameterSpec {
    let nullable = default.as_ref().is_some_and(Value::is_null);
    let default = default.filter(|_| !nullable).map(plain);
    // A variable without a type takes anything; what is sent is text.
    let kind = kind.unwrap_or_else(|| "string".to_owned());
    let kind = match kind.trim() {
        "string" | "any" => "String".to_owned(),
        "number" => "Number".to_owned(),
        "bool" => "Boolean".to_owned(),
        other => other.to_owned(),
    };
    sealed(ParameterSpec { kind, default, nullable, no_echo, ..ParameterSpec::default() })
}

/// A type such as `list(string)`, as it stands there.
fn written(value: &Expression) -> String {
    let text = value.to_string();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The value of an expression without anything to evaluate in it.
fn literal(value: &Expression) -> Option<Value> {
    Some(match value {
        Expression::Null(_) => Value::Null,
        Expression::Bool(flag) => Value::Bool(**flag),
        Expression::Number(number) => serde_json::from_str(&number.value().to_string()).ok()?,
        Expression::String(text) => Value::String(text.to_string()),
        Expression::HeredocTemplate(heredoc) => {
            let parts = heredoc.template.iter().map(|part| part.as_literal().map(|text| text.as_str()));
            Value::String(parts.collect::<Option<String>>()?)
        }
        Expression::Array(items) => Value::Array(items.iter().map(literal).collect::<Option<_>>()?),
        Expression::Object(pairs) => {
            let pair = |(key, value): (&ObjectKey, &ObjectValue)| {
                let key = match key {
                    ObjectKey::Ident(name) => name.to_string(),
                    ObjectKey::Expression(key) => plain(literal(key)?),
                };
                Some((key, literal(value.expr())?))
            };
            Value::Object(pairs.iter().map(pair).collect::<Option<_>>()?)
        }
        Expression::Parenthesis(inner) => literal(inner.inner())?,
        Expression::UnaryOp(operation) if *operation.operator.value() == UnaryOperator::Neg => {
            serde_json::from_str(&format!("-{}", operation.expr.as_number()?)).ok()?
        }
        _ => return None,
    })
}

#[cfg(test)]
#[path = "tests/terraform.rs"]
mod tests;
