//! Templates of CloudFormation and of Alibaba Cloud's ROS, as far as a product needs them: parameters and their rules, and outputs with their values.
//!
//! Nothing is created from a template here. What a stack would have made up (ids, addresses, names) is derived from the
//! stack and the logical id, so that the same stack has the same outputs for ever.

mod check;
mod evaluate;
mod hcl;
mod identity;
mod json;
mod parse;
mod terraform;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use self::json::json_text;
use self::parse::{Node, Source, Value};
use crate::problem::Problem;

/// The top-level sections. With a transform there may be others: they are the macro's.
const SECTIONS: [&str; 11] = [
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Rules",
    "Mappings",
    "Conditions",
    "Transform",
    "Resources",
    "Hooks",
    "Outputs",
];

/// Those of ROS; `Workspace` holds the files of a Terraform template.
const ROS_SECTIONS: [&str; 12] = [
    "ROSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Locals",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
    "Rules",
    "Transform",
    "Workspace",
];

const MAX_PARAMETERS: usize = 200;
const MAX_OUTPUTS: usize = 200;
const MAX_RESOURCES: usize = 500;

/// A template, read and checked for what this program uses of it.
#[derive(Debug, Clone)]
pub struct Template {
    /// In the order of the file.
    pub parameters: Vec<Parameter>,
    /// In the order of the file.
    pub outputs: Vec<Output>,
    /// In the order of the file.
    pub resources: Vec<Resource>,
    pub format: Format,
    pub engine: Engine,
    conditions: BTreeMap<String, Node>,
    mappings: Option<Node>,
    /// By logical id, where a resource has any.
    properties: BTreeMap<String, Node>,
}

/// What makes a stack of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    CloudFormation,
    /// Alibaba Cloud's Resource Orchestration Service: told by `ROSTemplateFormatVersion`.
    Ros,
    /// Terraform inside ROS: told by `Transform: Aliyun::Terraform-v…`.
    Terraform,
}

impl Engine {
    fn of(root: &Node) -> Engine {
        let transform = root.get("Transform").and_then(Node::text).unwrap_or_default();
        match root.get("ROSTemplateFormatVersion") {
            None => Engine::CloudFormation,
            Some(_) if transform.starts_with("Aliyun::Terraform") => Engine::Terraform,
            Some(_) => Engine::Ros,
        }
    }

    fn sections(self) -> &'static [&'static str] {
        if self == Engine::CloudFormation { &SECTIONS } else { &ROS_SECTIONS }
    }
}

/// How a template is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// It starts with `{`. A trailing comma and the like are accepted, as CloudFormation accepts them.
    Json,
    Yaml,
}

/// A declared parameter. Everything is text as it was written: `Default: 0.10` is `0.10`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameter {
    pub name: String,
    /// CloudFormation's `Type`, for example `String`, `List<Number>` or `AWS::SSM::Parameter::Value<String>`.
    pub kind: String,
    pub default: Option<String>,
    /// It may be left without a value: `Default: null` in ROS, which then checks no rule.
    pub nullable: bool,
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

/// A declared output; [`Template::outputs`] has its value.
#[derive(Debug, Clone)]
pub struct Output {
    pub name: String,
    pub description: Option<String>,
    condition: Option<String>,
    value: Node,
}

/// A declared resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    pub logical_id: String,
    /// CloudFormation's `Type`, for example `AWS::EC2::VPC`.
    pub kind: String,
}

/// The stack that outputs are evaluated for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    pub account: String,
    pub region: String,
    pub partition: String,
    pub stack_name: String,
    pub stack_id: String,
}

impl Parameter {
    /// Whether a value is a list, written with commas.
    #[must_use]
    pub fn is_list(&self) -> bool {
        self.kind == "CommaDelimitedList" || self.kind.starts_with("List<")
    }

    /// Whether a value is the key of a Systems Manager parameter. The rules of the template are for the key: what it stands
    /// for is not checked by CloudFormation either.
    #[must_use]
    pub fn is_key(&self) -> bool {
        self.kind.starts_with("AWS::SSM::Parameter::Value<")
    }

    /// Whether a value, or each member of a list, is a number.
    #[must_use]
    pub fn is_number(&self) -> bool {
        self.kind == "Number" || self.kind == "List<Number>"
    }
}

impl Template {
    /// Whether it is of Alibaba Cloud's ROS rather than of CloudFormation.
    #[must_use]
    pub fn is_ros(&self) -> bool {
        self.engine != Engine::CloudFormation
    }

    /// Reads a template, JSON or YAML by its content. `name` is the file in the problem's place.
    ///
    /// # Errors
    /// If it is not well-formed, beyond a limit, or does not have the form of a template.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Template, Problem> {
        let (mut source, root) = Source::read(name, bytes)?;
        source.engine = Engine::of(&root);
        let Some(pairs) = root.pairs() else {
            return Err(source.error(root.at, "unsupported structure: a template must be an object"));
        };
        let expanded_by_macro = root.get("Transform").is_some();
        if let Some((key, node)) = pairs.iter().find(|(key, _)| !source.engine.sections().contains(&key.as_str()))
            && !expanded_by_macro
        {
            return Err(source.error(node.at, format!("Invalid template property or properties [{key}]")));
        }
        let mut template = Template {
            parameters: source.members(&root, "Parameters", MAX_PARAMETERS, Source::parameter)?,
            outputs: source.members(&root, "Outputs", MAX_OUTPUTS, Source::output)?,
            resources: source.members(&root, "Resources", MAX_RESOURCES, Source::resource)?,
            format: source.format,
            engine: source.engine,
            conditions: BTreeMap::new(),
            mappings: root.get("Mappings").cloned(),
            properties: BTreeMap::new(),
        };
        if let Some(section) = root.get("Workspace").filter(|_| source.engine == Engine::Terraform) {
            template.take_workspace(section);
        }
        let none = root.get("Resources").and_then(Node::pairs).is_none_or(<[_]>::is_empty);
        if none && !expanded_by_macro {
            return Err(source.error(root.at, "At least one Resources member must be defined."));
        }
        for (logical_id, member) in root.get("Resources").and_then(Node::pairs).unwrap_or_default() {
            if let Some(properties) = member.get("Properties") {
                template.properties.insert(logical_id.clone(), properties.clone());
            }
        }
        if let Some(conditions) = root.get("Conditions") {
            let conditions = source.object(conditions, "Conditions")?;
            template.conditions = conditions.iter().cloned().collect();
        }
        for output in &template.outputs {
            let Some(condition) = &output.condition else { continue };
            if !template.conditions.contains_key(condition) && !expanded_by_macro {
                let message =
                    format!("Unresolved condition dependency {condition} in the Outputs block of the template");
                return Err(source.error(output.value.at, message));
            }
        }
        Ok(template)
    }

    /// Adds what Terraform declares; what the template itself says of a parameter or an output counts more.
    fn take_workspace(&mut self, section: &Node) {
        let found = terraform::Workspace::read(section);
        let (mut parameters, outputs) = (std::mem::take(&mut self.parameters), std::mem::take(&mut self.outputs));
        let mut variables = found.parameters;
        for parameter in &mut parameters {
            let Some(place) = variables.iter().position(|variable| variable.name == parameter.name) else { continue };
            let variable = variables.remove(place);
            parameter.default = parameter.default.take().or(variable.default);
            parameter.nullable |= variable.nullable && parameter.default.is_none();
            parameter.no_echo |= variable.no_echo;
        }
        self.parameters = variables;
        self.outputs = found.outputs.into_iter().filter(|o| outputs.iter().all(|q| q.name != o.name)).collect();
        self.parameters.extend(parameters);
        self.outputs.extend(outputs);
        self.resources.extend(found.resources);
        self.properties.extend(found.properties);
    }

    /// Whether a stack of this template takes `values`. A parameter that is not among them has its default.
    ///
    /// # Errors
    /// The first finding, in CloudFormation's words and without any value.
    pub fn check(&self, values: &BTreeMap<String, String>) -> Result<(), String> {
        check::check(&self.parameters, values)
    }

    /// The outputs of a stack of this template. An output whose condition is false is left out, and what cannot be known
    /// here is a placeholder that stays the same.
    #[must_use]
    pub fn outputs(&self, values: &BTreeMap<String, String>, context: &Context) -> BTreeMap<String, String> {
        evaluate::outputs(self, values, context)
    }
}

/// From tree to template. Messages follow CloudFormation's where those are known.
impl Source {
    fn object<'a>(&self, node: &'a Node, what: &str) -> Result<&'a [(String, Node)], Problem> {
        node.pairs().ok_or_else(|| self.error(node.at, format!("every {what} member must be an object")))
    }

    /// The members of a section, in the order of the file.
    fn members<T>(
        &self,
        root: &Node,
        section: &str,
        limit: usize,
        read: fn(&Source, &str, &Node) -> Result<T, Problem>,
    ) -> Result<Vec<T>, Problem> {
        let ros = self.engine != Engine::CloudFormation;
        let Some(node) = root.get(section).filter(|node| !(ros && node.is_null())) else {
            return Ok(Vec::new());
        };
        let one = section.trim_end_matches('s');
        let mut members = Vec::new();
        // Duplicates: the last one counts, at its own place in the order.
        let mut seen = BTreeSet::new();
        for (name, member) in self.object(node, section)?.iter().rev() {
            // `Fn::Transform` and `Fn::ForEach::…` stand in for members that only CloudFormation knows.
            if name.starts_with("Fn::") || !seen.insert(name) {
                continue;
            }
            // ROS has parameters like `instance_type`, resources like `vpc.main`, and outputs of any name.
            let more: &[u8] = match section {
                _ if !ros => b"",
                "Parameters" => b"_-",
                _ => b"_-.",
            };
            let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b));
            if name.is_empty() || !(plain || (ros && section == "Outputs")) {
                return Err(self.error(member.at, format!("{one} name {name} is non alphanumeric.")));
            }
            self.object(member, section)?;
            members.push((name, member));
        }
        if members.len() > limit {
            let message = format!(
                "Number of {}, {}, is greater than maximum allowed, {limit}",
                section.to_lowercase(),
                members.len()
            );
            return Err(self.error(node.at, message));
        }
        members.into_iter().rev().map(|(name, member)| read(self, name, member)).collect()
    }

    fn text(&self, node: &Node, attribute: &str) -> Result<String, Problem> {
        match &node.value {
            Value::Text(text) => Ok(text.clone()),
            Value::Null => {
                Err(self.error(node.at, format!("'null' values are not allowed in templates ({attribute})")))
            }
            // A default of type Json is written out, and a description may be there in several languages.
            Value::List(_) | Value::Map(_) if self.engine != Engine::CloudFormation => Ok(json::json(node).to_string()),
            Value::List(_) | Value::Map(_) => {
                Err(self.error(node.at, format!("Every {attribute} member must be a string.")))
            }
        }
    }

    fn optional(&self, member: &Node, attribute: &str) -> Result<Option<String>, Problem> {
        member.get(attribute).map(|node| self.text(node, attribute)).transpose()
    }

    fn required(&self, member: &Node, section: &str, attribute: &str) -> Result<String, Problem> {
        self.optional(member, attribute)?
            .ok_or_else(|| self.error(member.at, format!("Every {section} object must contain a {attribute} member.")))
    }

    fn parameter(&self, name: &str, member: &Node) -> Result<Parameter, Problem> {
        let mut parameter = Parameter { name: name.to_owned(), ..Parameter::default() };
        parameter.kind = self.required(member, "Parameters", "Type")?;
        for (attribute, node) in member.pairs().unwrap_or_default() {
            let text = || self.text(node, attribute).map(Some);
            match attribute.as_str() {
                "Type" => {}
                "Default" if node.is_null() && self.engine != Engine::CloudFormation => {
                    parameter.nullable = true;
                }
                "Default" => parameter.default = text()?,
                "Description" => parameter.description = text()?,
                "AllowedPattern" => parameter.allowed_pattern = text()?,
                "ConstraintDescription" => parameter.constraint_description = text()?,
                "MinLength" => parameter.min_length = text()?,
                "MaxLength" => parameter.max_length = text()?,
                "MinValue" => parameter.min_value = text()?,
                "MaxValue" => parameter.max_value = text()?,
                "NoEcho" => parameter.no_echo = is_true(&self.text(node, attribute)?),
                "AllowedValues" => {
                    let Some(items) = node.items() else {
                        return Err(self.error(node.at, "Every AllowedValues member must be a list."));
                    };
                    // ROS takes `null` for "no value".
                    let given = |item: &&Node| self.engine == Engine::CloudFormation || !item.is_null();
                    let values = items.iter().filter(given).map(|item| self.text(item, attribute));
                    parameter.allowed_values = values.collect::<Result<_, _>>()?;
                }
                // Labels, associations and the like are for consoles.
                _ if self.engine != Engine::CloudFormation => {}
                _ => return Err(self.error(node.at, format!("Invalid template parameter property '{attribute}'"))),
            }
        }
        if !is_parameter_type(self.engine, &parameter.kind) {
            let at = member.get("Type").unwrap_or(member).at;
            return Err(self.error(at, format!("Unrecognized parameter type: {}", parameter.kind)));
        }
        Ok(parameter)
    }

    fn output(&self, name: &str, member: &Node) -> Result<Output, Problem> {
        let Some(value) = member.get("Value") else {
            return Err(self.error(member.at, "Every Outputs member must contain a Value object"));
        };
        if matches!(value.value, Value::Null) {
            self.text(value, "Value")?;
        }
        Ok(Output {
            name: name.to_owned(),
            description: self.optional(member, "Description")?,
            condition: self.optional(member, "Condition")?,
            value: value.clone(),
        })
    }

    fn resource(&self, name: &str, member: &Node) -> Result<Resource, Problem> {
        Ok(Resource { logical_id: name.to_owned(), kind: self.required(member, "Resources", "Type")? })
    }
}

/// Whether a flag is set; YAML 1.1, which CloudFormation reads, has more than one word for it.
fn is_true(text: &str) -> bool {
    ["true", "yes", "on"].iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Both clouds add types of their own, so those are told by their form.
fn is_parameter_type(engine: Engine, kind: &str) -> bool {
    if engine != Engine::CloudFormation {
        let known = ["String", "Number", "Boolean", "Json", "CommaDelimitedList"];
        return known.contains(&kind) || kind.starts_with("ALIYUN::");
    }
    let plain = |kind: &str| matches!(kind, "String" | "Number" | "CommaDelimitedList") || kind.starts_with("AWS::");
    plain(kind) || kind.strip_prefix("List<").and_then(|rest| rest.strip_suffix('>')).is_some_and(plain)
}
