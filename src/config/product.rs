//! `[provisioned_product.NAME]`, as far as one file alone can tell.

use std::collections::BTreeMap;
use std::time::Duration;

use toml::de::DeValue;

use super::section::{Item, Section};
use super::{duration, keys, names, value};
use crate::model::Located;
use crate::problem::{Place, Problem};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60 * 60);
const MOST_TAGS: usize = 50;

/// A provisioned product before its target and its references are looked up. A key that is missing or wrong has been
/// reported, and is `None`.
pub(super) struct Draft {
    pub key: Located<String>,
    /// The header of its table.
    pub place: Place,
    pub target: Option<Located<String>>,
    pub name: Option<Located<String>>,
    pub product: Option<Located<String>>,
    pub version: Option<Located<String>>,
    pub path: Option<Located<String>>,
    pub owner: Option<Located<String>>,
    pub launch_role: Option<Located<String>>,
    pub steward: Option<Located<String>>,
    pub depends_on: Vec<Located<String>>,
    pub protect: bool,
    pub timeout: Duration,
    pub parameters: Option<BTreeMap<String, Located<value::Draft>>>,
    pub tags: Option<BTreeMap<String, Located<String>>>,
}

pub(super) fn read(item: &Item<'_>) -> Option<Draft> {
    let key = Located { value: item.key().to_owned(), place: item.key_place() };
    if let Err(problem) = names::entity(&format!("`{}`", item.label()), &key.value) {
        item.refuse_key(problem);
    }
    let section = item.section(keys::PRODUCT)?;
    Some(Draft {
        place: section.place().clone(),
        target: section
            .required("target", "add `target = \"NAME\"`, the name of a `[target.NAME]`")
            .and_then(|item| item.line()),
        name: section.get("name").and_then(|item| name(&item)),
        product: required(
            &section,
            "product",
            "add `product = \"…\"`, the name or id of a product of the catalog",
            8191,
        ),
        version: required(
            &section,
            "version",
            "add `version = \"…\"`, the name or id of a version of the product",
            8192,
        ),
        path: section.get("path").and_then(|item| at_most(&item, 100)),
        owner: section.line("owner"),
        launch_role: section.line("launch_role"),
        steward: section.line("steward"),
        depends_on: section.get("depends_on").and_then(|item| item.lines()).unwrap_or_default(),
        protect: section.flag("protect").unwrap_or(false),
        timeout: section.get("timeout").and_then(|item| timeout(&item)).unwrap_or(DEFAULT_TIMEOUT),
        parameters: section.get("parameters").and_then(|item| parameters(&item)),
        tags: section.get("tags").and_then(|item| tags(&item)),
        key,
    })
}

fn required(section: &Section<'_>, key: &str, hint: &str, most: usize) -> Option<Located<String>> {
    section.required(key, hint).and_then(|item| at_most(&item, most))
}

fn at_most(item: &Item<'_>, most: usize) -> Option<Located<String>> {
    let text = item.line()?;
    let length = text.value.chars().count();
    if length <= most {
        return Some(text);
    }
    item.refuse(Problem::input(format!("`{}` has {length} characters; AWS allows {most}", item.label())));
    None
}

fn name(item: &Item<'_>) -> Option<Located<String>> {
    let text = item.line()?;
    item.checked(names::entity("`name`", &text.value)).map(|()| text)
}

fn timeout(item: &Item<'_>) -> Option<Duration> {
    if let DeValue::Integer(_) = item.value() {
        let problem = Problem::input("`timeout` must be a string, not a whole number");
        item.refuse(problem.hint("say the unit: \"90s\", \"60m\", \"2h\""));
        return None;
    }
    item.checked(duration::parse(&item.line()?.value))
}

fn parameters(item: &Item<'_>) -> Option<BTreeMap<String, Located<value::Draft>>> {
    let swallowing = item.is_header_table();
    let mut parameters = BTreeMap::new();
    for entry in item.entries()? {
        if swallowing && is_product_key(entry.key()) {
            // `tags.team` under `[….parameters]` cannot be meant as a parameter.
            if matches!(entry.key(), "tags" | "parameters") && matches!(entry.value(), DeValue::Table(_)) {
                let problem = Problem::input(format!("`{}` is not a parameter", entry.label()));
                entry.refuse_key(problem.hint(last_sub_table(entry.key(), "parameters")));
                continue;
            }
            swallowed(&entry, "parameters");
        }
        let named = names::parameter_key(entry.label(), entry.key()).map_err(|problem| entry.refuse_key(problem));
        if let (Some(value), Ok(())) = (value::read(&entry), named) {
            parameters.insert(entry.key().to_owned(), value);
        }
    }
    Some(parameters)
}

fn tags(item: &Item<'_>) -> Option<BTreeMap<String, Located<String>>> {
    let swallowing = item.is_header_table();
    let entries = item.entries()?;
    if entries.len() > MOST_TAGS {
        let problem = Problem::input(format!("`tags` has {} tags; AWS allows {MOST_TAGS}", entries.len()));
        item.refuse_key(problem);
    }
    let mut tags = BTreeMap::new();
    for entry in entries {
        if !matches!(entry.value(), DeValue::String(_)) {
            not_a_tag(&entry);
            continue;
        }
        if swallowing && is_product_key(entry.key()) {
            swallowed(&entry, "tags");
        }
        let named = names::tag_key(entry.label(), entry.key()).map_err(|problem| entry.refuse_key(problem));
        let text = entry.string().filter(|text| entry.checked(names::tag_value(entry.label(), &text.value)).is_some());
        if let (Some(text), Ok(())) = (text, named) {
            tags.insert(entry.key().to_owned(), text);
        }
    }
    Some(tags)
}

fn is_product_key(word: &str) -> bool {
    keys::PRODUCT.iter().any(|key| key.name == word)
}

/// TOML puts a line added at the end of a block into the last sub-table. Only a sub-table under its own header can
/// swallow a line; dotted keys and inline tables are what somebody meant.
fn swallowed(entry: &Item<'_>, table: &str) {
    let (label, key) = (entry.label(), entry.key());
    let problem = Problem::input(format!("`{label}` is spelt like a key of the provisioned product"));
    entry.doubt(problem.hint(format!(
        "if the product's `{key}` is meant, write it above the `[….{table}]` header; \
         if not, write the {table} as lines like `{label} = …` instead, which cannot be mistaken"
    )));
}

fn last_sub_table(key: &str, table: &str) -> String {
    format!("TOML puts a line added at the end of a block into the last sub-table; write `{key}` above the `{table}`")
}

fn not_a_tag(entry: &Item<'_>) {
    let problem = Problem::input(format!("`{}` must be a string", entry.label()));
    entry.refuse(if is_product_key(entry.key()) {
        problem.hint(last_sub_table(entry.key(), "tags"))
    } else {
        problem.hint("write it in quotes")
    });
}
