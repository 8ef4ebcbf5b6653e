//! Terraform templates of ROS: variables are the parameters, outputs the outputs, as far as a scanner can see.
//!
//! Expressions become the functions that ROS templates have, so that they are evaluated in the same way: a variable is a
//! `Ref`, an interpolated text a `Fn::Join`, an attribute of a resource a `Fn::GetAtt`. Whatever else there is stands for
//! a value that is made up.

use super::hcl::{Block, blocks};
use super::parse::{Node, Spot, Value};
use super::{Output, Parameter, Resource};

/// Texts and lists may be inside each other no deeper than this.
const MAX_DEPTH: usize = 20;

/// What a workspace declares.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    pub parameters: Vec<Parameter>,
    pub outputs: Vec<Output>,
    pub resources: Vec<Resource>,
    /// Attributes of resources, by logical id.
    pub properties: Vec<(String, Node)>,
}

impl Workspace {
    /// Reads every `.tf` file of the template's section.
    pub fn read(section: &Node) -> Workspace {
        let mut found = Workspace::default();
        let files = section.pairs().unwrap_or_default().iter().filter(|(name, _)| is_of_root_module(name));
        for (_, file) in files {
            for (number, block) in blocks(file.text().unwrap_or_default()).iter().enumerate() {
                // A place of its own: what is made up for two outputs must differ.
                let at = Spot { line: file.at.line, column: u32::try_from(number + 1).unwrap_or(u32::MAX) };
                found.take(block, at);
            }
        }
        found
    }

    fn take(&mut self, block: &Block<'_>, at: Spot) {
        match (block.kind, block.labels.as_slice()) {
            ("variable", [name]) => self.parameters.push(parameter(name, block)),
            ("output", [name]) => self.outputs.push(Output {
                name: (*name).to_owned(),
                description: block.get("description").and_then(literal),
                condition: None,
                value: expression(block.get("value").unwrap_or_default(), at, 0),
            }),
            ("resource", [kind, name]) => {
                let logical_id = format!("{kind}.{name}");
                let attributes = block.attributes.iter();
                let attributes = attributes.map(|(key, text)| ((*key).to_owned(), expression(text, at, 0)));
                self.properties.push((logical_id.clone(), node(at, Value::Map(attributes.collect()))));
                self.resources.push(Resource { logical_id, kind: (*kind).to_owned() });
            }
            _ => {}
        }
    }
}

/// Files of folders belong to modules that the root module may call, and those for debugging are left out by the service.
fn is_of_root_module(name: &str) -> bool {
    name.ends_with(".tf") && !name.ends_with(".debug.tf") && !name.trim_start_matches("./").contains('/')
}

fn parameter(name: &str, block: &Block<'_>) -> Parameter {
    let default = block.get("default");
    let kind = match (block.get("type"), default) {
        (Some("string"), _) | (None, None) => "String",
        (Some("number"), _) => "Number",
        (Some("bool"), _) | (None, Some("true" | "false")) => "Boolean",
        (None, Some(text)) if text.starts_with('"') || text == "null" => "String",
        (None, Some(text)) if text.parse::<f64>().is_ok() => "Number",
        _ => "Json",
    };
    Parameter {
        name: name.to_owned(),
        kind: kind.to_owned(),
        default: default.filter(|text| *text != "null").map(default_text),
        nullable: default == Some("null"),
        no_echo: block.get("sensitive") == Some("true"),
        description: block.get("description").and_then(literal),
        ..Parameter::default()
    }
}

/// A default as the text of a parameter: texts without quotes, lists and objects as JSON.
fn default_text(text: &str) -> String {
    literal(text).unwrap_or_else(|| match json(text, 0) {
        Some((value, rest)) if rest.trim().is_empty() => value.to_string(),
        _ => text.to_owned(),
    })
}

/// The value of a text without interpolation.
fn literal(text: &str) -> Option<String> {
    match parts(text)?.as_slice() {
        [] => Some(String::new()),
        [Part::Text(text)] => Some(text.clone()),
        _ => None,
    }
}

/// A literal value at the beginning of `text`, and what follows it.
fn json(text: &str, depth: usize) -> Option<(serde_json::Value, &str)> {
    let text = text.trim_start();
    if depth > MAX_DEPTH {
        return None;
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (mut items, mut rest) = (Vec::new(), rest.trim_start());
        while !rest.starts_with(']') {
            let (item, after) = json(rest, depth + 1)?;
            items.push(item);
            rest = after_comma(after);
        }
        return Some((items.into(), &rest[1..]));
    }
    if let Some(rest) = text.strip_prefix('{') {
        let (mut members, mut rest) = (serde_json::Map::new(), rest.trim_start());
        while !rest.starts_with('}') {
            let end = rest.find(['=', ':'])?;
            let key = rest[..end].trim().trim_matches('"').to_owned();
            let (value, after) = json(&rest[end + 1..], depth + 1)?;
            members.insert(key, value);
            rest = after_comma(after);
        }
        return Some((members.into(), &rest[1..]));
    }
    let end = match text.strip_prefix('"') {
        Some(inner) => {
            let escaped = |at: usize| inner[..at].bytes().rev().take_while(|b| *b == b'\\').count() % 2 == 1;
            inner.match_indices('"').map(|(at, _)| at).find(|at| !escaped(*at))? + 2
        }
        None => text.find([',', ']', '}', '\n']).unwrap_or(text.len()),
    };
    let (word, rest) = text.split_at(end);
    let value = match literal(word) {
        Some(text) => text.into(),
        None => serde_json::from_str(word.trim()).ok()?,
    };
    Some((value, rest))
}

fn after_comma(text: &str) -> &str {
    let text = text.trim_start();
    text.strip_prefix(',').unwrap_or(text).trim_start()
}

enum Part {
    Text(String),
    Expression(String),
}

/// The parts of a quoted text; nothing if it is not one.
fn parts(text: &str) -> Option<Vec<Part>> {
    let inner = text.trim().strip_prefix('"')?.strip_suffix('"')?;
    let (mut parts, mut plain) = (Vec::new(), String::new());
    let mut rest = inner;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("$${") {
            plain.push_str("${");
            rest = after;
        } else if let Some(after) = rest.strip_prefix("${") {
            let end = closing_brace(after)?;
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(Part::Expression(after[..end].trim().to_owned()));
            rest = &after[end + 1..];
        } else if let Some(after) = rest.strip_prefix('\\') {
            let escaped = after.chars().next()?;
            plain.push(match escaped {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                other => other,
            });
            rest = &after[escaped.len_utf8()..];
        } else if c == '"' {
            // Two texts with something between them: not one text.
            return None;
        } else {
            plain.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    if !plain.is_empty() {
        parts.push(Part::Text(plain));
    }
    Some(parts)
}

/// Where the brace closes that was open before `text`. A brace in a text inside counts like any other: then the whole is
/// made up.
fn closing_brace(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return Some(at),
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn node(at: Spot, value: Value) -> Node {
    Node { at, plain: false, value }
}

fn call(at: Spot, function: &str, argument: Value) -> Node {
    node(at, Value::Map(vec![(function.to_owned(), node(at, argument))]))
}

fn expression(text: &str, at: Spot, depth: usize) -> Node {
    let text = text.trim();
    // An object that is no function: the evaluator makes something up for it.
    let unknown = || node(at, Value::Map(Vec::new()));
    if depth > MAX_DEPTH {
        return unknown();
    }
    if let Some(parts) = parts(text) {
        let part = |part: Part| match part {
            Part::Text(text) => node(at, Value::Text(text)),
            Part::Expression(inner) => expression(&inner, at, depth + 1),
        };
        let all: Vec<Node> = parts.into_iter().map(part).collect();
        let arguments = vec![node(at, Value::Text(String::new())), node(at, Value::List(all))];
        return call(at, "Fn::Join", Value::List(arguments));
    }
    if text == "true" || text == "false" || text.parse::<f64>().is_ok_and(f64::is_finite) {
        return node(at, Value::Text(text.to_owned()));
    }
    let is_name = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    let words: Vec<&str> = text.split('.').collect();
    match words.as_slice() {
        _ if !words.iter().all(|word| is_name(word)) => unknown(),
        ["var", name] => call(at, "Ref", Value::Text((*name).to_owned())),
        ["data" | "local" | "module", ..] => unknown(),
        [kind, name, rest @ ..] if !rest.is_empty() => {
            let texts = [format!("{kind}.{name}"), rest.join(".")];
            call(at, "Fn::GetAtt", Value::List(texts.map(|text| node(at, Value::Text(text))).into()))
        }
        _ => unknown(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::{Context, Engine, Template};
    use super::default_text;

    #[test]
    fn defaults_are_written_as_parameters_are() {
        for (hcl, expected) in [
            (r#""a \"b\" $${c}""#, r#"a "b" ${c}"#),
            ("12", "12"),
            ("true", "true"),
            (r#"["a", "b,c", ]"#, r#"["a","b,c"]"#),
            ("{\n  a = 1\n  \"b\" : [true, null]\n}", r#"{"a":1,"b":[true,null]}"#),
            ("[for x in y : x]", "[for x in y : x]"),
            ("", ""),
        ] {
            assert_eq!(default_text(hcl), expected, "{hcl}");
        }
    }

    #[test]
    fn what_a_scanner_cannot_tell_is_made_up_and_stays_the_same() {
        let main = r#"
variable "name" { default = "web" }
variable "zones" {
  type = list(string)
  default = ["a"]
}
variable "none" {
  type = string
  default = null
}
output "name" { value = var.name }
output "number" { value = 1.5 }
output "text" { value = "<${var.name}/${upper(var.name)}>" }
output "upper" { value = upper(var.name) }
output "lower" { value = lower(var.name) }
output "given" { value = alicloud_vpc.main.vpc_name }
output "id" { value = alicloud_vpc.main.id }
resource "alicloud_vpc" "main" { vpc_name = "v-${var.name}" }
"#;
        let text = serde_json::json!({
            "ROSTemplateFormatVersion": "2015-09-01",
            "Transform": "Aliyun::Terraform-v1.5",
            "Workspace": { "main.tf": main, "notes.txt": "variable \"no\" {}" },
            "Parameters": { "name": { "Type": "String", "MaxLength": 3 } },
        });
        let template = Template::parse("t.json", text.to_string().as_bytes()).expect("a template");
        assert_eq!(template.engine, Engine::Terraform);
        let parameters: Vec<(&str, &str)> =
            template.parameters.iter().map(|p| (p.name.as_str(), p.kind.as_str())).collect();
        assert_eq!(parameters, [("zones", "Json"), ("none", "String"), ("name", "String")]);
        let context = Context {
            account: "1234567890123456".into(),
            region: "cn-hangzhou".into(),
            partition: "acs".into(),
            stack_name: "s".into(),
            stack_id: "i".into(),
        };
        let outputs = || template.outputs(&BTreeMap::from([("name".to_owned(), "api".to_owned())]), &context);
        let all = outputs();
        assert_eq!((all["name"].as_str(), all["number"].as_str(), all["given"].as_str()), ("api", "1.5", "v-api"));
        assert!(all["text"].starts_with("<api/sandbox-"), "{}", all["text"]);
        assert!(all["id"].starts_with("vpc-"));
        assert_ne!(all["upper"], all["lower"]);
        assert_eq!(all, outputs());
    }
}
