//! Values against the rules of their parameters, in CloudFormation's words.
//!
//! A message names the parameter and the rule, never the value: it may be a secret.

use std::collections::BTreeMap;

use fancy_regex::{Regex, RegexBuilder};

use super::Parameter;

/// Java's character classes for ASCII, and the same for our engine.
const JAVA_CLASSES: [(&str, &str); 13] = [
    (r"\p{Lower}", "[[:lower:]]"),
    (r"\p{Upper}", "[[:upper:]]"),
    (r"\p{ASCII}", "[[:ascii:]]"),
    (r"\p{Alpha}", "[[:alpha:]]"),
    (r"\p{Digit}", "[[:digit:]]"),
    (r"\p{Alnum}", "[[:alnum:]]"),
    (r"\p{Punct}", "[[:punct:]]"),
    (r"\p{Graph}", "[[:graph:]]"),
    (r"\p{Print}", "[[:print:]]"),
    (r"\p{Blank}", "[[:blank:]]"),
    (r"\p{Cntrl}", "[[:cntrl:]]"),
    (r"\p{XDigit}", "[[:xdigit:]]"),
    (r"\p{Space}", "[[:space:]]"),
];
/// Beyond these a pattern is not checked: a template may come from anybody.
const MAX_PATTERN: usize = 4096;
const MAX_BACKTRACKS: usize = 200_000;
const MAX_COMPILED: usize = 1 << 20;

pub(super) fn check(parameters: &[Parameter], values: &BTreeMap<String, String>) -> Result<(), String> {
    let unknown: Vec<&str> =
        values.keys().map(String::as_str).filter(|name| parameters.iter().all(|p| p.name != *name)).collect();
    if !unknown.is_empty() {
        return Err(format!("Parameters: [{}] do not exist in the template", unknown.join(", ")));
    }
    let value_of = |p: &Parameter| values.get(&p.name).or(p.default.as_ref()).cloned();
    let missing = parameters.iter().filter(|p| !p.nullable && value_of(p).is_none());
    let missing: Vec<&str> = missing.map(|p| p.name.as_str()).collect();
    if !missing.is_empty() {
        return Err(format!("Parameters: [{}] must have values", missing.join(", ")));
    }
    // What is left empty is not checked.
    parameters.iter().try_for_each(|parameter| value_of(parameter).map_or(Ok(()), |given| value(parameter, &given)))
}

fn value(parameter: &Parameter, value: &str) -> Result<(), String> {
    let members: Vec<&str> = if parameter.is_list() { value.split(',').map(str::trim).collect() } else { vec![value] };
    let pattern = parameter.allowed_pattern.as_deref().and_then(compile);
    let broken = members.into_iter().find_map(|member| broken_rule(parameter, pattern.as_ref(), member));
    let Some(rule) = broken else { return Ok(()) };
    match parameter.constraint_description.as_deref() {
        None | Some("") => Err(format!("Parameter '{}' {rule}", parameter.name)),
        Some(description) => Err(format!("Parameter {} failed to satisfy constraint: {description}", parameter.name)),
    }
}

/// The first rule that a value, or one member of a list, breaks.
fn broken_rule(parameter: &Parameter, pattern: Option<&Regex>, value: &str) -> Option<String> {
    let given = number(value).filter(|_| parameter.is_number());
    if parameter.is_number() && given.is_none() {
        return Some("must be a number".to_owned());
    }
    if parameter.kind == "Boolean" && !["true", "false"].iter().any(|word| value.eq_ignore_ascii_case(word)) {
        return Some("must be a boolean".to_owned());
    }
    if parameter.kind == "Json" && serde_json::from_str::<serde::de::IgnoredAny>(value).is_err() {
        return Some("must be JSON".to_owned());
    }
    let allowed = |allowed: &String| allowed == value || (given.is_some() && number(allowed) == given);
    if !parameter.allowed_values.is_empty() && !parameter.allowed_values.iter().any(allowed) {
        return Some("must be one of AllowedValues".to_owned());
    }
    // A pattern that cannot be decided forbids nothing.
    if pattern.is_some_and(|pattern| !pattern.is_match(value).unwrap_or(true)) {
        return Some(format!("must match pattern {}", parameter.allowed_pattern.as_deref()?));
    }
    let bound = |text: &Option<String>| text.as_deref().and_then(number);
    if let Some(given) = given {
        if bound(&parameter.min_value).is_some_and(|min| given < min) {
            return Some(format!("must be a number not less than {}", parameter.min_value.as_deref()?));
        }
        if bound(&parameter.max_value).is_some_and(|max| given > max) {
            return Some(format!("must be a number not greater than {}", parameter.max_value.as_deref()?));
        }
    } else if parameter.kind == "String" || parameter.is_key() {
        #[expect(clippy::cast_precision_loss, reason = "a length is far below 2^52")]
        let length = value.chars().count() as f64;
        if bound(&parameter.min_length).is_some_and(|min| length < min) {
            return Some(format!("must contain at least {} characters", parameter.min_length.as_deref()?));
        }
        if bound(&parameter.max_length).is_some_and(|max| length > max) {
            return Some(format!("must contain at most {} characters", parameter.max_length.as_deref()?));
        }
    }
    None
}

/// A number as CloudFormation takes it: an integer or a float, not a word such as `inf` that Rust would also take.
fn number(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    plain.then(|| text.parse().ok()).flatten()
}

/// The pattern for a whole value, as Java's `matches` has it; `None` if our engine does not know it.
fn compile(pattern: &str) -> Option<Regex> {
    if pattern.len() > MAX_PATTERN {
        return None;
    }
    let ours = JAVA_CLASSES.iter().fold(pattern.to_owned(), |text, (java, ours)| text.replace(java, ours));
    let build = |text: &str| {
        let mut builder = RegexBuilder::new(text);
        builder.backtrack_limit(MAX_BACKTRACKS).delegate_size_limit(MAX_COMPILED).build().ok()
    };
    // On its own first: `a)(b` is no pattern, although it becomes one inside parentheses.
    build(&ours)?;
    build(&format!(r"\A(?:{ours})\z"))
}
