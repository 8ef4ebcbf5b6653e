//! A template as JSON, whatever it was written in.

use serde::de::IgnoredAny;
use serde_json::{Map, Number, Value as Json};

use super::parse::{Node, Source, Value};

/// The text itself if it is JSON; else what its YAML says. Short forms of functions become their long forms.
#[must_use]
pub fn json_text(text: &str) -> String {
    if serde_json::from_str::<IgnoredAny>(text).is_ok() {
        return text.to_owned();
    }
    Source::read("template", text.as_bytes()).map(|(_, root)| json(&root).to_string()).unwrap_or_default()
}

/// Of duplicate keys the last counts. The tree's own limit bounds the depth.
pub(super) fn json(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Text(text) if node.plain => plain(text),
        Value::Text(text) => Json::String(text.clone()),
        Value::List(items) => Json::Array(items.iter().map(json).collect()),
        Value::Map(pairs) => {
            Json::Object(pairs.iter().map(|(key, node)| (key.clone(), json(node))).collect::<Map<_, _>>())
        }
    }
}

/// A scalar without quotes: a number or a boolean where JSON knows it as one.
fn plain(text: &str) -> Json {
    match text {
        "true" | "True" => Json::Bool(true),
        "false" | "False" => Json::Bool(false),
        _ => match serde_json::from_str::<Number>(text) {
            Ok(number) if number.to_string() == text => Json::Number(number),
            _ => Json::String(text.to_owned()),
        },
    }
}
