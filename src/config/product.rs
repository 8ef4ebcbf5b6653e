//! `[provisioned_product.NAME]`, as far as one file alone can tell.

use std::collections::BTreeMap;
use std::time::Duration;

use toml::de::DeValue;

use super::keys::{self, Key};
use super::section::Item;
use super::{duration, names, value};
use crate::model::Located;
use crate::problem::{Place, Problem};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// A provisioned product before its target and its references are looked up. A key that is missing or wrong has been
/// reported, and is `None`. What depends on the cloud is checked when the target is known ([`super::rules`]).
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
    pub stack_region: Option<Located<String>>,
    pub tags_with_next_update: bool,
    pub parameters: Option<Table<value::Draft>>,
    pub tags: Option<Table<String>>,
    /// What is written of the keys that one cloud has and the other has not.
    pub of_one_cloud: Vec<(&'static Key, Place)>,
}

/// A table whose keys the user chose.
pub(super) struct Table<T> {
    /// Its own key.
    pub place: Place,
    /// How many entries are written, faulty ones included.
    pub count: usize,
    pub entries: BTreeMap<String, Entry<T>>,
}

pub(super) struct Entry<T> {
    pub key: Place,
    pub value: Option<Located<T>>,
}

impl<T> Table<T> {
    fn new(item: &Item<'_>, count: usize) -> Self {
        Table { place: item.key_place(), count, entries: BTreeMap::new() }
    }
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
        name: section.line("name"),
        product: section
            .required("product", "add `product = \"…\"`, the name or id of a product of the catalog")
            .and_then(|item| item.line()),
        version: section
            .required("version", "add `version = \"…\"`, the name or id of a version of the product")
            .and_then(|item| item.line()),
        path: section.line("path"),
        owner: section.line("owner"),
        launch_role: section.line("launch_role"),
        steward: section.line("steward"),
        depends_on: section.get("depends_on").and_then(|item| item.lines()).unwrap_or_default(),
        protect: section.flag("protect").unwrap_or(false),
        timeout: section.get("timeout").and_then(|item| timeout(&item)).unwrap_or(DEFAULT_TIMEOUT),
        stack_region: section.line("stack_region"),
        tags_with_next_update: section.flag("tags_with_next_update").unwrap_or(false),
        of_one_cloud: section.of_one_cloud().into_iter().map(|(key, item)| (key, item.key_place())).collect(),
        parameters: section.get("parameters").and_then(|item| parameters(&item)),
        tags: section.get("tags").and_then(|item| tags(&item)),
        key,
    })
}

fn timeout(item: &Item<'_>) -> Option<Duration> {
    if let DeValue::Integer(_) = item.value() {
        let problem = Problem::input("`timeout` must be a string, not a whole number");
        item.refuse(problem.hint("say the unit: \"90s\", \"60m\", \"2h\""));
        return None;
    }
    item.checked(duration::parse(&item.line()?.value))
}

fn parameters(item: &Item<'_>) -> Option<Table<value::Draft>> {
    let swallowing = item.is_header_table();
    let entries = item.entries()?;
    let mut parameters = Table::new(item, entries.len());
    for entry in entries {
        if swallowing && is_product_key(entry.key()) {
            // `tags.team` under `[….parameters]` cannot be meant as a parameter.
            if matches!(entry.key(), "tags" | "parameters") && matches!(entry.value(), DeValue::Table(_)) {
                let problem = Problem::input(format!("`{}` is not a parameter", entry.label()));
                entry.refuse_key(problem.hint(last_sub_table(entry.key(), "parameters")));
                continue;
            }
            swallowed(&entry, "parameters");
        }
        if entry.key().is_empty() {
            entry.refuse_key(Problem::input("a parameter has an empty name"));
        }
        let value = value::read(&entry);
        parameters.entries.insert(entry.key().to_owned(), Entry { key: entry.key_place(), value });
    }
    Some(parameters)
}

fn tags(item: &Item<'_>) -> Option<Table<String>> {
    let swallowing = item.is_header_table();
    let entries = item.entries()?;
    let mut tags = Table::new(item, entries.len());
    for entry in entries {
        if !matches!(entry.value(), DeValue::String(_)) {
            not_a_tag(&entry);
            continue;
        }
        if swallowing && is_product_key(entry.key()) {
            swallowed(&entry, "tags");
        }
        tags.entries.insert(entry.key().to_owned(), Entry { key: entry.key_place(), value: entry.string() });
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
