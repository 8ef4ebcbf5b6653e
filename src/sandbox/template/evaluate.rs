//! Outputs: intrinsic functions and conditions.
//!
//! Evaluation cannot fail. What is unknown, malformed or too deep is a placeholder that stays the same from run to run.
//! A template may come from anybody, so depth, the size of a text and the whole work are limited.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::IpAddr;

use super::identity::{self, Identity};
use super::parse::{Node, Value};
use super::{Context, Parameter, Resource, Template, is_true};
use crate::sandbox::codec::base64;

/// Beyond this depth a value is a placeholder. Conditions refer to each other, so the tree's own limit is not enough.
const MAX_DEPTH: usize = 250;
/// One text may not grow beyond this: `Fn::Join` inside `Fn::Join` multiplies.
const MAX_TEXT: usize = 64 * 1024;
/// All texts together, in bytes, with a share for each text and each value: a limit on time and memory.
const MAX_WORK: usize = 16 << 20;
const SHARE: usize = 32;

pub(super) fn outputs(
    template: &Template,
    values: &BTreeMap<String, String>,
    context: &Context,
) -> BTreeMap<String, String> {
    let evaluator = Evaluator {
        template,
        values,
        context,
        parameters: template.parameters.iter().map(|p| (p.name.as_str(), p)).collect(),
        resources: template.resources.iter().map(|r| (r.logical_id.as_str(), r)).collect(),
        conditions: RefCell::default(),
        depth: Cell::new(0),
        work: Cell::new(0),
    };
    let wanted = |condition: &Option<String>| condition.as_deref().is_none_or(|name| evaluator.condition(name));
    let kept = template.outputs.iter().filter(|output| wanted(&output.condition));
    kept.filter_map(|output| match evaluator.value(&output.value) {
        Out::Nothing => None,
        out => Some((output.name.clone(), evaluator.text_of(out))),
    })
    .collect()
}

/// A value, evaluated.
#[derive(Debug, Clone, PartialEq)]
enum Out {
    Text(String),
    List(Vec<Out>),
    /// `AWS::NoValue`.
    Nothing,
}

struct Evaluator<'a> {
    template: &'a Template,
    values: &'a BTreeMap<String, String>,
    context: &'a Context,
    parameters: BTreeMap<&'a str, &'a Parameter>,
    resources: BTreeMap<&'a str, &'a Resource>,
    /// Each condition is worked out once; while that goes on it counts as false, which ends circles.
    conditions: RefCell<BTreeMap<String, bool>>,
    depth: Cell<usize>,
    work: Cell<usize>,
}

impl Evaluator<'_> {
    fn unknown(&self, what: &str, node: &Node) -> Out {
        let spot = format!("{}:{}", node.at.line, node.at.column);
        Out::Text(identity::placeholder(self.context, what, &[&spot]))
    }

    /// Runs `f` one level deeper, unless a limit is reached.
    fn deeper<T>(&self, f: impl FnOnce() -> T) -> Option<T> {
        self.work.set(self.work.get() + SHARE);
        if self.depth.get() >= MAX_DEPTH || self.is_exhausted() {
            return None;
        }
        self.depth.set(self.depth.get() + 1);
        let result = f();
        self.depth.set(self.depth.get() - 1);
        Some(result)
    }

    /// Appends within the limits of one text and of the whole work.
    fn append(&self, text: &mut String, more: &str) {
        let room = MAX_TEXT.saturating_sub(text.len()).min(MAX_WORK.saturating_sub(self.work.get()));
        let end = if more.len() <= room {
            more.len()
        } else {
            (0..=room).rev().find(|end| more.is_char_boundary(*end)).unwrap_or_default()
        };
        self.work.set(self.work.get() + SHARE + end);
        text.push_str(&more[..end]);
    }

    fn is_exhausted(&self) -> bool {
        self.work.get() >= MAX_WORK
    }

    /// A list of texts, cut off where the limit on work is reached.
    fn texts<'t>(&self, texts: impl IntoIterator<Item = &'t str>) -> Out {
        Out::List(texts.into_iter().take_while(|_| !self.is_exhausted()).map(|text| self.limited(text)).collect())
    }

    fn text_of(&self, out: Out) -> String {
        match out {
            Out::Text(text) => text,
            Out::Nothing => String::new(),
            Out::List(items) => self.join(",", items),
        }
    }

    fn join(&self, delimiter: &str, items: Vec<Out>) -> String {
        let mut text = String::new();
        for (index, item) in items.into_iter().filter(|item| *item != Out::Nothing).enumerate() {
            if index > 0 {
                self.append(&mut text, delimiter);
            }
            let item = self.text_of(item);
            self.append(&mut text, &item);
        }
        text
    }

    fn value(&self, node: &Node) -> Out {
        self.deeper(|| match &node.value {
            Value::Null => Out::Nothing,
            Value::Text(text) => self.limited(text),
            Value::List(items) => Out::List(items.iter().map(|item| self.value(item)).collect()),
            Value::Map(_) => match node.call() {
                None => self.unknown("object", node),
                Some(("Condition", argument)) => {
                    Out::Text(self.condition(argument.text().unwrap_or_default()).to_string())
                }
                Some((function, argument)) => {
                    self.function(function, argument).unwrap_or_else(|| self.unknown(function, node))
                }
            },
        })
        .unwrap_or_else(|| self.unknown("limit", node))
    }

    fn limited(&self, text: &str) -> Out {
        let mut limited = String::new();
        self.append(&mut limited, text);
        Out::Text(limited)
    }

    fn text(&self, node: &Node) -> String {
        let out = self.value(node);
        self.text_of(out)
    }

    fn list(&self, node: &Node) -> Vec<Out> {
        match self.value(node) {
            Out::List(items) => items.into_iter().filter(|item| *item != Out::Nothing).collect(),
            Out::Nothing => Vec::new(),
            text @ Out::Text(_) => vec![text],
        }
    }

    /// The value of a function; `None` if it is not known or its arguments have another form.
    fn function(&self, function: &str, argument: &Node) -> Option<Out> {
        match (function, argument.items()) {
            ("Ref", _) => self.reference(argument.text()?),
            ("Fn::GetAtt", _) => self.attribute(argument),
            ("Fn::Sub", None) => Some(self.substitute(argument.text()?, &BTreeMap::new())),
            ("Fn::Sub", Some([text, locals])) => {
                let locals = locals.pairs()?.iter().map(|(name, node)| (name.as_str(), self.text(node)));
                Some(self.substitute(text.text()?, &locals.collect()))
            }
            ("Fn::Join", Some([delimiter, items])) => {
                Some(Out::Text(self.join(&self.text(delimiter), self.list(items))))
            }
            ("Fn::Select", Some([index, items])) => {
                let index: usize = self.text(index).trim().parse().ok()?;
                self.list(items).into_iter().nth(index)
            }
            ("Fn::Split", Some([delimiter, text])) => {
                let (delimiter, text) = (self.text(delimiter), self.text(text));
                if delimiter.is_empty() {
                    return None;
                }
                Some(self.texts(text.split(&delimiter)))
            }
            ("Fn::If", Some([condition, yes, no])) => {
                Some(self.value(if self.condition(condition.text()?) { yes } else { no }))
            }
            ("Fn::FindInMap", Some([map, first, second])) => self.find_in_map([map, first, second]),
            ("Fn::FindInMap", Some([map, first, second, otherwise])) => self
                .find_in_map([map, first, second])
                .or_else(|| otherwise.get("DefaultValue").map(|default| self.value(default))),
            ("Fn::ImportValue", _) => {
                let name = self.text(argument);
                Some(Out::Text(identity::placeholder(self.context, &name, &["import"])))
            }
            ("Fn::Base64" | "Fn::Base64Encode", _) => Some(self.limited(&base64(self.text(argument).as_bytes()))),
            ("Fn::GetAZs", _) => {
                let given = self.text(argument);
                let region = if given.is_empty() { &self.context.region } else { &given };
                Some(Out::List(["a", "b", "c"].map(|zone| Out::Text(format!("{region}{zone}"))).into()))
            }
            ("Fn::Cidr", Some([block, count, rest @ ..])) => {
                let bits = rest.first().map(|bits| self.text(bits));
                let blocks = cidr(&self.text(block), &self.text(count), bits.as_deref())?;
                Some(self.texts(blocks.iter().map(String::as_str)))
            }
            ("Fn::Length", _) => Some(Out::Text(self.list(argument).len().to_string())),
            ("Fn::And" | "Fn::Or" | "Fn::Not" | "Fn::Equals", Some(arguments)) => {
                Some(Out::Text(self.holds(function, arguments).to_string()))
            }
            _ => None,
        }
    }

    fn reference(&self, name: &str) -> Option<Out> {
        if let Some(parameter) = self.parameters.get(name) {
            return self.parameter(parameter);
        }
        if let Some(resource) = self.resources.get(name) {
            return Some(self.limited(&self.identity(resource).physical_id()));
        }
        let context = self.context;
        let text = match name {
            "AWS::AccountId" | "ALIYUN::AccountId" | "ALIYUN::TenantId" => &context.account,
            "AWS::Region" | "ALIYUN::Region" => &context.region,
            "AWS::Partition" => &context.partition,
            "AWS::StackName" | "ALIYUN::StackName" => &context.stack_name,
            "AWS::StackId" | "ALIYUN::StackId" => &context.stack_id,
            "AWS::URLSuffix" => identity::url_suffix(context),
            "AWS::NotificationARNs" => return Some(Out::List(Vec::new())),
            "AWS::NoValue" | "ALIYUN::NoValue" => return Some(Out::Nothing),
            _ => return Some(Out::Text(identity::placeholder(context, name, &["Ref"]))),
        };
        Some(self.limited(text))
    }

    fn parameter(&self, parameter: &Parameter) -> Option<Out> {
        let value = self.values.get(&parameter.name).or(parameter.default.as_ref())?;
        if parameter.is_key() {
            let kind = &parameter.kind;
            // There is no parameter store here. An image has an id's shape; anything else says what it stands for.
            let text = if kind.contains("AWS::EC2::Image::Id") {
                format!("ami-{}", &identity::digits(self.context, &["ssm", value])[..17])
            } else {
                format!("{{{{resolve:ssm:{value}}}}}")
            };
            let text = self.limited(&text);
            let list = kind.contains("List");
            return Some(if list { Out::List(vec![text]) } else { text });
        }
        if parameter.is_list() {
            return Some(self.texts(value.split(',').map(str::trim)));
        }
        Some(self.limited(value))
    }

    /// `Fn::GetAtt` of `a.b`, `[a, b]` or `[a, {Ref: …}]`.
    fn attribute(&self, argument: &Node) -> Option<Out> {
        let (logical_id, attribute) = match argument.items() {
            None => argument.text()?.split_once('.').map(|(id, rest)| (id.to_owned(), rest.to_owned()))?,
            Some([logical_id, rest @ ..]) if !rest.is_empty() => {
                (self.text(logical_id), self.join(".", rest.iter().map(|node| self.value(node)).collect()))
            }
            Some(_) => return None,
        };
        Some(self.attribute_of(&logical_id, &attribute))
    }

    fn attribute_of(&self, logical_id: &str, attribute: &str) -> Out {
        let Some(resource) = self.resources.get(logical_id) else {
            return Out::Text(identity::placeholder(self.context, attribute, &[logical_id]));
        };
        // An attribute that is a property too has the property's value: `CidrBlock` of a VPC.
        match self.property(logical_id, |name| name == attribute) {
            Some(value) => self.limited(&value),
            None => self.limited(&self.identity(resource).attribute(attribute)),
        }
    }

    fn identity<'r>(&'r self, resource: &'r Resource) -> Identity<'r> {
        let name = self.property(&resource.logical_id, |name| identity::is_name(&resource.kind, name));
        Identity::new(self.context, resource, name)
    }

    /// The text of the first property that is wanted, unless it is empty or no text.
    fn property(&self, logical_id: &str, wanted: impl Fn(&str) -> bool) -> Option<String> {
        let properties = self.template.properties.get(logical_id)?.pairs()?;
        let (_, node) = properties.iter().find(|(name, _)| wanted(name))?;
        match self.value(node) {
            Out::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// `Fn::Sub`: `${Name}`, `${Name.Attribute}` and the literal `${!Name}`.
    fn substitute(&self, text: &str, locals: &BTreeMap<&str, String>) -> Out {
        let mut result = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, behind)) = after.split_once('}').filter(|_| !self.is_exhausted()) else { break };
            self.append(&mut result, before);
            rest = behind;
            let value = match (name.strip_prefix('!'), name.trim()) {
                (Some(literal), _) => format!("${{{literal}}}"),
                (None, name) => match (locals.get(name), name.split_once('.')) {
                    (Some(local), _) => local.clone(),
                    (None, Some((logical_id, attribute))) => self.text_of(self.attribute_of(logical_id, attribute)),
                    (None, None) => self.reference(name).map(|out| self.text_of(out)).unwrap_or_default(),
                },
            };
            self.append(&mut result, &value);
        }
        self.append(&mut result, rest);
        Out::Text(result)
    }

    fn find_in_map(&self, keys: [&Node; 3]) -> Option<Out> {
        let mut found = self.template.mappings.as_ref()?;
        for key in keys {
            found = found.get(&self.text(key))?;
        }
        Some(self.value(found))
    }

    /// A condition by its name. One that does not exist is false.
    fn condition(&self, name: &str) -> bool {
        if let Some(known) = self.conditions.borrow().get(name) {
            return *known;
        }
        let Some(node) = self.template.conditions.get(name) else { return false };
        self.conditions.borrow_mut().insert(name.to_owned(), false);
        let holds = self.truth(node);
        self.conditions.borrow_mut().insert(name.to_owned(), holds);
        holds
    }

    fn truth(&self, node: &Node) -> bool {
        let out = self.value(node);
        matches!(out, Out::Text(text) if is_true(&text))
    }

    fn holds(&self, function: &str, arguments: &[Node]) -> bool {
        match (function, arguments) {
            ("Fn::And", _) => arguments.iter().all(|argument| self.truth(argument)),
            ("Fn::Or", _) => arguments.iter().any(|argument| self.truth(argument)),
            ("Fn::Not", [argument]) => !self.truth(argument),
            ("Fn::Equals", [left, right]) => self.value(left) == self.value(right),
            _ => false,
        }
    }
}

/// The first `count` blocks with `bits` host bits inside `block`.
fn cidr(block: &str, count: &str, bits: Option<&str>) -> Option<Vec<String>> {
    let (address, prefix) = block.trim().split_once('/')?;
    let (address, width) = match address.parse().ok()? {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), 32_u32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    };
    let prefix: u32 = prefix.parse().ok().filter(|prefix| *prefix <= width)?;
    let count: u128 = count.trim().parse().ok().filter(|count| (1..=256).contains(count))?;
    // Without bits CloudFormation takes 8 for IPv4; IPv6 must say 64.
    let bits: u32 = bits.map_or(Some(8), |bits| bits.trim().parse().ok())?;
    let room = width - prefix;
    if bits > room || bits >= 128 || (room - bits < 32 && count > 1 << (room - bits)) {
        return None;
    }
    let network = if room == 128 { 0 } else { address >> room << room };
    let blocks = (0..count).map(|index| {
        let start = network + (index << bits);
        let address = match u32::try_from(start) {
            Ok(v4) if width == 32 => IpAddr::from(v4.to_be_bytes()),
            _ => IpAddr::from(start.to_be_bytes()),
        };
        format!("{address}/{}", width - bits)
    });
    Some(blocks.collect())
}
