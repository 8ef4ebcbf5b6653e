//! The AWS Query protocol of CloudFormation (2010-05-15) and STS (2011-06-15): forms go out, XML comes back.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use roxmltree::{Document, Node};

/// RFC 3986 unreserved characters stay as they are.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// `Action=…&Version=…&Key=Value`.
pub(super) fn form(action: &str, version: &str, pairs: &[(&str, &str)]) -> String {
    let mut form = format!("Action={action}&Version={version}");
    for (key, value) in pairs {
        form.push('&');
        form.push_str(key);
        form.push('=');
        form.extend(utf8_percent_encode(value, ENCODED));
    }
    form
}

/// One CloudFormation stack or stack set: what `Stack` and `StackSet` have in common of what is used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Stack {
    /// Empty for a stack set.
    pub(super) id: String,
    pub(super) name: String,
    /// Never `ResolvedValue`: of an SSM parameter the key is what is set and compared.
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) outputs: BTreeMap<String, String>,
}

/// `DescribeStacks`: the stacks of one page and the token of the next.
pub(super) fn stacks(xml: &[u8]) -> Result<(Vec<Stack>, Option<String>), String> {
    with_result(xml, "DescribeStacksResult", |result| {
        let stacks = members(result, "Stacks").map(|node| stack(node, "StackId", "StackName")).collect();
        (stacks, text(result, "NextToken").filter(|token| !token.is_empty()))
    })
}

/// `DescribeStackSet`.
pub(super) fn stack_set(xml: &[u8]) -> Result<Stack, String> {
    with_result(xml, "DescribeStackSetResult", |result| {
        child(result, "StackSet").map(|set| stack(set, "StackSetId", "StackSetName"))
    })?
    .ok_or_else(|| "no StackSet in it".to_owned())
}

/// `GetCallerIdentity`: account and ARN.
pub(super) fn caller(xml: &[u8]) -> Result<(String, String), String> {
    with_result(xml, "GetCallerIdentityResult", |result| text(result, "Account").zip(text(result, "Arn")))?
        .ok_or_else(|| "no Account and Arn in it".to_owned())
}

/// `ErrorResponse/Error/{Code, Message}`; some services leave the outer element out.
pub(super) fn error(xml: &[u8]) -> Option<(String, String)> {
    let xml = std::str::from_utf8(xml).ok()?;
    let document = Document::parse(xml).ok()?;
    let error = document.descendants().find(|node| node.has_tag_name_local("Error"))?;
    let code = text(error, "Code").filter(|code| !code.is_empty())?;
    Some((code, text(error, "Message").unwrap_or_default()))
}

fn with_result<T>(xml: &[u8], name: &str, read: impl FnOnce(Node<'_, '_>) -> T) -> Result<T, String> {
    let xml = std::str::from_utf8(xml).map_err(|error| error.to_string())?;
    let document = Document::parse(xml).map_err(|error| error.to_string())?;
    let result = child(document.root_element(), name).ok_or_else(|| format!("no {name} in it"))?;
    Ok(read(result))
}

fn stack(node: Node<'_, '_>, id: &str, name: &str) -> Stack {
    Stack {
        id: text(node, id).unwrap_or_default(),
        name: text(node, name).unwrap_or_default(),
        parameters: pairs(node, "Parameters", "ParameterKey", "ParameterValue"),
        tags: pairs(node, "Tags", "Key", "Value"),
        outputs: pairs(node, "Outputs", "OutputKey", "OutputValue"),
    }
}

fn pairs(node: Node<'_, '_>, list: &str, key: &str, value: &str) -> BTreeMap<String, String> {
    members(node, list)
        .filter_map(|member| Some((text(member, key)?, text(member, value).unwrap_or_default())))
        .collect()
}

fn members<'a, 'input>(node: Node<'a, 'input>, list: &str) -> impl Iterator<Item = Node<'a, 'input>> + use<'a, 'input> {
    let list = child(node, list);
    list.into_iter().flat_map(|list| list.children()).filter(|node| node.has_tag_name_local("member"))
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|node| node.has_tag_name_local(name))
}

/// The text of a child, with its white space: a parameter's value may begin with a blank.
fn text(node: Node<'_, '_>, name: &str) -> Option<String> {
    child(node, name).map(|node| node.children().filter(Node::is_text).filter_map(|part| part.text()).collect())
}

/// Names are compared without their namespace: it differs between services and versions.
trait LocalName {
    fn has_tag_name_local(&self, name: &str) -> bool;
}

impl LocalName for Node<'_, '_> {
    fn has_tag_name_local(&self, name: &str) -> bool {
        self.is_element() && self.tag_name().name() == name
    }
}

#[cfg(test)]
#[path = "tests/query.rs"]
mod tests;
