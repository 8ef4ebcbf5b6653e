//! The forms of a parameter's value. No message here repeats any part of a value: it may be a secret.

use toml::de::DeValue;

use super::interpolation::{self, Part};
use super::keys;
use super::section::Item;
use crate::model::{Located, SecretRef};
use crate::problem::{Problem, nearest};

/// A parameter as written, before its references have found their products.
pub(super) enum Draft {
    Parts(Vec<Part>),
    Secret(SecretRef),
    Previous,
}

pub(super) fn read(item: &Item<'_>) -> Option<Located<Draft>> {
    let draft = match item.value() {
        DeValue::Table(_) => reference(item)?,
        DeValue::Array(array) => {
            let mut joined = Vec::new();
            for (index, element) in item.elements(array).enumerate() {
                if index > 0 {
                    append(&mut joined, Part::Literal(",".to_owned()));
                }
                scalar(&element)?.into_iter().for_each(|part| append(&mut joined, part));
            }
            Draft::Parts(if joined.is_empty() { vec![Part::Literal(String::new())] } else { joined })
        }
        _ => Draft::Parts(scalar(item)?),
    };
    Some(item.located(draft))
}

impl Draft {
    /// How many characters of the value are known before anything is sent.
    pub fn length(&self) -> usize {
        let literal = |part: &Part| match part {
            Part::Literal(text) => text.chars().count(),
            Part::Output { .. } => 0,
        };
        match self {
            Draft::Parts(parts) => parts.iter().map(literal).sum(),
            Draft::Secret(_) | Draft::Previous => 0,
        }
    }
}

/// Two literals side by side are one.
fn append(parts: &mut Vec<Part>, part: Part) {
    match (parts.last_mut(), part) {
        (Some(Part::Literal(text)), Part::Literal(more)) => text.push_str(&more),
        (_, part) => parts.push(part),
    }
}

fn scalar(item: &Item<'_>) -> Option<Vec<Part>> {
    let text = match item.value() {
        DeValue::String(text) => return item.checked(interpolation::parse(item.label(), text)),
        DeValue::Integer(_) => match item.integer() {
            Some(number) => number.to_string(),
            None => return refuse(item, "is too large for a number", "write it in quotes"),
        },
        // As written: `1.10` may be a version, and its last zero may matter to somebody.
        DeValue::Float(number) if !number.as_str().contains(['i', 'n']) => {
            number.as_str().trim_start_matches('+').to_owned()
        }
        DeValue::Float(_) => return refuse(item, "is not a number that a cloud understands", "write it in quotes"),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(_) => {
            return refuse(item, "is a date or time, which parameters do not have", "write it in quotes");
        }
        DeValue::Array(_) | DeValue::Table(_) => {
            let hint = "write JSON or another nested value as one string";
            return refuse(item, "must be a string, a number or true or false", hint);
        }
    };
    Some(vec![Part::Literal(text)])
}

const FORMS: &str =
    "a table is `{ secret = \"env:NAME\", version = 1 }` or `{ previous = true }`; write JSON as one string";

/// `{ secret = "env:NAME", version = 3 }` or `{ previous = true }`.
fn reference(item: &Item<'_>) -> Option<Draft> {
    if looks_like_json(item) {
        return refuse(item, "is a table without `secret` or `previous`", FORMS);
    }
    let section = item.section(keys::PARAMETER)?;
    match (section.get("secret"), section.get("previous")) {
        (Some(secret), None) => {
            let source = secret_source(item, &secret);
            let version = secret_version(item, section.get("version"));
            Some(Draft::Secret(SecretRef { source: source?, version: version? }))
        }
        (None, Some(flag)) => previous(item, &flag, section.get("version").is_some()),
        (Some(_), Some(_)) => refuse(item, "has both `secret` and `previous`", "keep one of the two"),
        // A slip of the keyboard, reported as an unknown key.
        (None, None) => None,
    }
}

/// A table that was not even meant as a secret or as `previous`: its keys are none of ours.
fn looks_like_json(item: &Item<'_>) -> bool {
    const MEANT: [&str; 2] = ["secret", "previous"];
    item.value().as_table().is_some_and(|table| !table.keys().any(|key| nearest(key.get_ref(), MEANT).is_some()))
}

fn previous(item: &Item<'_>, flag: &Item<'_>, versioned: bool) -> Option<Draft> {
    if versioned {
        return refuse(item, "has a `version` without a `secret`", FORMS);
    }
    match flag.value() {
        DeValue::Boolean(true) => Some(Draft::Previous),
        DeValue::Boolean(false) => {
            refuse(item, "has `previous = false`, which says nothing", "leave the parameter out, or write its value")
        }
        _ => refuse(item, "has a `previous` that is not true", FORMS),
    }
}

fn secret_source(item: &Item<'_>, secret: &Item<'_>) -> Option<String> {
    let name = secret.value().as_str().and_then(|text| text.strip_prefix("env:"));
    let good = |name: &&str| {
        let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
        first && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    match name.filter(good) {
        Some(name) => Some(format!("env:{name}")),
        None => refuse(
            item,
            "has a `secret` that is not `env:NAME`",
            "name an environment variable, for instance \"env:DB_PASSWORD\"; the secret itself does not belong in a file",
        ),
    }
}

fn secret_version(item: &Item<'_>, version: Option<Item<'_>>) -> Option<i64> {
    let Some(version) = version else {
        return refuse(
            item,
            "has a `secret` without its `version`",
            "add `version = 1`, and raise it when the secret changes",
        );
    };
    match version.integer().filter(|number| *number >= 0) {
        Some(number) => Some(number),
        None => refuse(item, "has a `version` that is not a whole number, 0 or more", "write it as in `version = 1`"),
    }
}

fn refuse<T>(item: &Item<'_>, what: &str, hint: &str) -> Option<T> {
    item.refuse(Problem::input(format!("`{}` {what}", item.label())).hint(hint));
    None
}
