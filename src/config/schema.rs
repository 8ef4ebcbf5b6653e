//! The JSON Schema of the files, for editors. The types here are its source and are never built; a test holds them and
//! the keys that are read together.

#![allow(dead_code)]

use std::collections::BTreeMap;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

/// The JSON Schema (draft 2020-12) of `tenure.toml` and of the files that it includes.
#[must_use]
pub fn schema() -> Value {
    let mut schema = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<File>().to_value();
    without_null(&mut schema);
    schema
}

/// TOML has no null: a key that may be left out is only that.
fn without_null(schema: &mut Value) {
    let null = Value::from("null");
    if let Some(object) = schema.as_object_mut() {
        if let Some(Value::Array(types)) = object.get_mut("type") {
            types.retain(|kind| *kind != null);
            if let [only] = &types[..] {
                let only = only.clone();
                object.insert("type".to_owned(), only);
            }
        }
        if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
            choices.retain(|choice| choice["type"] != null);
            if let [Value::Object(only)] = &choices[..] {
                let only = only.clone();
                object.remove("anyOf");
                object.extend(only);
            }
        }
        object.values_mut().for_each(without_null);
    } else if let Some(list) = schema.as_array_mut() {
        list.iter_mut().for_each(without_null);
    }
}

/// What should exist: the provisioned products of AWS and Alibaba Cloud Service Catalog that this project manages, and
/// where.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, title = "tenure.toml")]
struct File {
    /// More files of the same shape: glob patterns relative to this file's folder, as in `["products/*.toml"]`.
    include: Option<Vec<String>>,
    project: Option<ProjectTable>,
    ledger: Option<LedgerTable>,
    limits: Option<LimitsTable>,
    /// Where provisioned products live: one cloud, account and region each.
    #[schemars(extend("propertyNames" = { "pattern": NAME }))]
    target: Option<BTreeMap<String, TargetTable>>,
    /// What should exist. The key and the target are its address: `network@prod`.
    #[schemars(extend("propertyNames" = { "pattern": NAME }))]
    provisioned_product: Option<BTreeMap<String, ProductTable>>,
}

const NAME: &str = "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$";

/// The project as a whole.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ProjectTable {
    /// The name that stands in every ledger entry.
    #[schemars(regex(pattern = NAME))]
    name: Option<String>,
    /// The versions of tenure that may be used, as in `">=0.1"`.
    requires: Option<String>,
}

/// Where it is written down what is ours and who has held it.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct LedgerTable {
    /// A file, relative to the folder of `tenure.toml`. Default: `tenure.ledger.jsonl`.
    location: Option<String>,
}

/// The brakes: a plan that passes one of them is refused. A count may reach its limit.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct LimitsTable {
    /// Terminations and replacements in one run. Default: 0.
    terminate: Option<u32>,
    /// How many of a hundred products may get a cloud write in one run, once there are 10 or more. Default: 30.
    #[schemars(range(max = 100))]
    change_percent: Option<u32>,
    /// Changes of owner and steward in one run. Default: 10.
    owner_changes: Option<u32>,
    /// Changes of launch role in one run. Default: 10.
    launch_role_changes: Option<u32>,
}

/// One cloud, account and region that provisioned products live in.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct TargetTable {
    /// The cloud.
    provider: Provider,
    /// The region, as in `"eu-west-1"` or `"cn-hangzhou"`.
    region: String,
    /// The account, 12 digits (Alibaba Cloud: 16). Credentials of any other account are refused.
    #[schemars(regex(pattern = "^([0-9]{12}|[0-9]{16})$"))]
    account: String,
    /// A profile of the cloud's configuration files. Default: the usual chain of credential sources.
    profile: Option<String>,
    /// The ARN of a role of the account that is taken on before anything is asked.
    role_arn: Option<String>,
    /// The external id that the role asks for.
    #[schemars(length(min = 2, max = 1224))]
    external_id: Option<String>,
    /// The session's name while the role is taken on.
    #[schemars(length(min = 2, max = 64))]
    role_session_name: Option<String>,
    /// The ARN of a role that is used by everything that only reads.
    read_role_arn: Option<String>,
    /// What the caller may see (`"role"`: AWS only). Default: `"account"`.
    access: Option<AccessLevel>,
    /// AWS only: the language of the cloud's messages.
    language: Option<Language>,
    /// AWS only: use the FIPS endpoints.
    use_fips: Option<bool>,
    /// AWS only: use the endpoints that also answer over IPv6.
    use_dualstack: Option<bool>,
    /// Alibaba Cloud only: read parameters, tags and outputs by an action that the service's documents do not name, one
    /// call for each product. Default: false.
    undocumented_reads: Option<bool>,
    /// One URL for every service of the target, or `"sandbox:"` for the embedded sandbox.
    #[schemars(regex(pattern = "^(sandbox:|https?://[^/?#@]+/?)$"))]
    endpoint: Option<String>,
    /// Who to be in the sandbox: a principal of `sandbox.toml`.
    principal: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", inline)]
enum Provider {
    Aws,
    Alibaba,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", inline)]
enum AccessLevel {
    Account,
    Role,
    User,
}

#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", inline)]
enum Language {
    En,
    Jp,
    Zh,
}

/// One provisioned product. A key that is left out is not managed.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ProductTable {
    /// The target that it lives in.
    target: String,
    /// Its name in the cloud. Default: the key. Another name means another provisioned product.
    #[schemars(length(min = 1, max = 128))]
    name: Option<String>,
    /// The product of the catalog, by name or id.
    #[schemars(length(min = 1, max = 8191))]
    product: String,
    /// The version of the product, by name or id.
    #[schemars(length(min = 1, max = 8192))]
    version: String,
    /// The launch path (Alibaba Cloud: portfolio), by name or id; needed only where there are several.
    #[schemars(length(min = 1))]
    path: Option<String>,
    /// Who owns it: `role/NAME`, `user/NAME` or a whole ARN; on Alibaba Cloud also `role/ID` and `user/ID`.
    owner: Option<String>,
    /// AWS only: what it is launched and updated as: `role/NAME` or the whole ARN of a role.
    launch_role: Option<String>,
    /// Who answers for it; kept in the ledger only.
    steward: Option<String>,
    /// Other provisioned products of the same target that must be in place first.
    depends_on: Option<Vec<String>>,
    /// Never terminated or replaced, even after its block is deleted. Default: false.
    protect: Option<bool>,
    /// Alibaba Cloud only: where the resources go. Default: the region of the target. Taken at launch only.
    stack_region: Option<String>,
    /// Alibaba Cloud only: a change of tags or portfolio alone, which the service refuses, waits for the next change of
    /// version or parameters. Default: false.
    tags_with_next_update: Option<bool>,
    /// How long to wait for one step, as in `"90s"` or `"1h30m"`. Default: `"60m"`.
    #[schemars(regex(pattern = "^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"))]
    timeout: Option<String>,
    /// The template's parameters. If the whole table is left out, they are not managed.
    #[schemars(extend("propertyNames" = { "minLength": 1, "maxLength": 1000 }))]
    parameters: Option<BTreeMap<String, Parameter>>,
    /// Tags, without those of the catalog: at most 50, on Alibaba Cloud 20.
    #[schemars(extend("maxProperties" = 50, "propertyNames" = { "minLength": 1, "maxLength": 128 }))]
    tags: Option<BTreeMap<String, TagValue>>,
}

/// A tag's value.
#[derive(JsonSchema)]
#[schemars(transparent, inline)]
struct TagValue(#[schemars(length(max = 256))] String);

/// A parameter's value: what is sent, a secret, or what is there.
#[derive(JsonSchema)]
#[schemars(untagged)]
enum Parameter {
    Scalar(Scalar),
    /// Joined by commas.
    List(Vec<Scalar>),
    Secret(SecretTable),
    Previous(PreviousTable),
}

/// A string may hold outputs: `${provisioned_product.KEY.outputs.NAME}`; `$${` is a literal `${`.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
enum Scalar {
    Text(String),
    Integer(i64),
    Number(f64),
    Flag(bool),
}

/// A secret: sent when its version changes, never stored or shown.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct SecretTable {
    /// Where it comes from: `env:NAME`, an environment variable.
    #[schemars(regex(pattern = "^env:[A-Za-z_][A-Za-z0-9_]*$"))]
    secret: String,
    /// Raise it when the secret changes.
    #[schemars(range(min = 0))]
    version: i64,
}

/// Keep what is there.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct PreviousTable {
    #[schemars(extend("const" = true))]
    previous: bool,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::keys::{self, Key};
    use super::*;

    /// The keys that one table of the schema has.
    fn described(schema: &Value, table: &str) -> BTreeSet<String> {
        let properties = if table.is_empty() { &schema["properties"] } else { &schema["$defs"][table]["properties"] };
        properties.as_object().unwrap_or_else(|| panic!("no {table}")).keys().cloned().collect()
    }

    fn read(keys: &[Key]) -> BTreeSet<String> {
        keys.iter().filter(|key| key.later.is_none()).map(|key| key.name.to_owned()).collect()
    }

    #[test]
    fn the_schema_has_the_keys_that_are_read() {
        let schema = schema();
        for (table, keys) in [
            ("", keys::TOP),
            ("ProjectTable", keys::PROJECT),
            ("LedgerTable", keys::LEDGER),
            ("LimitsTable", keys::LIMITS),
            ("TargetTable", keys::TARGET),
            ("ProductTable", keys::PRODUCT),
        ] {
            assert_eq!(described(&schema, table), read(keys), "{table}");
        }
        let mut parameter = described(&schema, "SecretTable");
        parameter.extend(described(&schema, "PreviousTable"));
        assert_eq!(parameter, read(keys::PARAMETER));
    }

    #[test]
    fn every_key_is_described_and_no_table_takes_strangers() {
        let schema = schema();
        let tables = schema["$defs"].as_object().unwrap().iter();
        for (name, table) in tables.filter(|(_, table)| table["type"] == "object").chain([(&String::new(), &schema)]) {
            assert_eq!(table["additionalProperties"], false, "{name}");
            for (key, value) in table["properties"].as_object().unwrap() {
                let own = value["description"].as_str();
                let referred = value["$ref"].as_str().and_then(|path| path.rsplit('/').next());
                let theirs = referred.and_then(|table| schema["$defs"][table]["description"].as_str());
                assert!(own.or(theirs).is_some() || key == "previous", "{name}.{key} has no description");
            }
        }
    }
}
