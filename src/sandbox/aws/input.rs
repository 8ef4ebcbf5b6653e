//! The members of a JSON request, checked as the service's model says.
//!
//! Unknown members are ignored, as the service ignores them; a `null` is an absent member.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::sandbox::ids;
use crate::sandbox::world::model::{Access, Answer, ServiceError, Tags};
use crate::sandbox::world::{Given, VersionRef};

/// A request's body.
pub struct Input {
    members: Map<String, Value>,
}

impl Input {
    pub fn parse(body: &[u8]) -> Answer<Input> {
        let malformed = || ServiceError::new("SerializationException", "The request body is not a JSON object.");
        match serde_json::from_slice(if body.is_empty() { b"{}" } else { body }) {
            Ok(Value::Object(members)) => Ok(Input { members }),
            _ => Err(malformed()),
        }
    }

    /// Digest of everything but the token and the language: what makes two requests the same request.
    pub fn digest(&self, token: &str) -> String {
        let sorted: BTreeMap<&String, &Value> =
            self.members.iter().filter(|(key, _)| key.as_str() != token && key.as_str() != "AcceptLanguage").collect();
        let text = serde_json::to_string(&sorted).unwrap_or_default();
        let salt = self.members.get(token).and_then(Value::as_str).unwrap_or_default();
        ids::sha256_hex(format!("{salt}\0{text}").as_bytes())
    }

    fn member(&self, name: &str) -> Option<&Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    /// Text of `least` to `most` characters that `fits`.
    fn text(&self, name: &str, least: usize, most: usize, fits: impl Fn(&str) -> bool) -> Answer<Option<String>> {
        let Some(value) = self.member(name) else { return Ok(None) };
        check_text(name, value, least, most, fits).map(Some)
    }

    pub fn any(&self, name: &str, most: usize) -> Answer<Option<String>> {
        self.text(name, 0, most, |_| true)
    }

    pub fn id(&self, name: &str) -> Answer<Option<String>> {
        self.text(name, 1, 100, |text| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'))
    }

    /// An idempotency token, always required.
    pub fn token(&self, name: &str) -> Answer<String> {
        let fits = |text: &str| {
            text.starts_with(|c: char| c.is_ascii_alphanumeric())
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        };
        required(name, self.text(name, 1, 128, fits)?)
    }

    /// The name of a provisioned product.
    pub fn name(&self, name: &str) -> Answer<Option<String>> {
        self.text(name, 1, 128, is_name)
    }

    /// The name or the ARN of a provisioned product.
    pub fn name_or_arn(&self, name: &str) -> Answer<Option<String>> {
        self.text(name, 1, 1224, |text| (text.len() <= 128 && is_name(text)) || is_arn(text))
    }

    /// An id member and a name member that are alternatives.
    pub fn reference(&self, id: &str, name: &str, most: usize) -> Answer<VersionRef> {
        Ok(VersionRef { id: self.id(id)?, name: self.any(name, most)? })
    }

    pub fn flag(&self, name: &str) -> Answer<bool> {
        match self.member(name) {
            None => Ok(false),
            Some(Value::Bool(yes)) => Ok(*yes),
            Some(_) => Err(wrong_type(name, "boolean")),
        }
    }

    /// One of a few words.
    pub fn one_of(&self, name: &str, words: &[&str]) -> Answer<Option<String>> {
        let Some(text) = self.any(name, 1000)? else { return Ok(None) };
        if words.contains(&text.as_str()) {
            return Ok(Some(text));
        }
        Err(unfit(name, &text, &format!("Member must satisfy enum value set: [{}]", words.join(", "))))
    }

    /// The size of a page; 0 and nothing at all mean the most there is.
    pub fn page_size(&self, most: u64) -> Answer<usize> {
        let size = match self.member("PageSize") {
            None => 0,
            Some(value) => value.as_u64().ok_or_else(|| wrong_type("PageSize", "integer"))?,
        };
        if size > most {
            let what = format!("Member must have value less than or equal to {most}");
            return Err(unfit("PageSize", &size.to_string(), &what));
        }
        Ok(usize::try_from(if size == 0 { most.min(20) } else { size }).unwrap_or(20))
    }

    /// Where a page begins: what [`page_token`] was given.
    pub fn page_start(&self) -> Answer<Option<String>> {
        let Some(token) = self.any("PageToken", 2024)? else { return Ok(None) };
        let decoded = hex::decode(&token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        decoded.map(Some).ok_or_else(|| ServiceError::invalid("Invalid page token."))
    }

    /// Like [`Self::page_start`], for pages that begin at a number.
    pub fn page_number(&self) -> Answer<Option<u64>> {
        let Some(start) = self.page_start()? else { return Ok(None) };
        start.parse().map(Some).map_err(|_| ServiceError::invalid("Invalid page token."))
    }

    pub fn access_level(&self) -> Answer<Option<Access>> {
        let Some(filter) = self.member("AccessLevelFilter") else { return Ok(None) };
        let level = match filter.get("Key").and_then(Value::as_str) {
            None => None,
            Some("Account") => Some(Access::Account),
            Some("Role") => Some(Access::Role),
            Some("User") => Some(Access::User),
            Some(other) => {
                return Err(unfit(
                    "AccessLevelFilter.Key",
                    other,
                    "Member must satisfy enum value set: [Account, Role, User]",
                ));
            }
        };
        match filter.get("Value").and_then(Value::as_str) {
            None | Some("self") => Ok(level),
            Some(other) => Err(unfit("AccessLevelFilter.Value", other, "the only supported value is self")),
        }
    }

    fn list(&self, name: &str) -> Answer<Option<&Vec<Value>>> {
        match self.member(name) {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(_) => Err(wrong_type(name, "list")),
        }
    }

    pub fn strings(&self, name: &str, most: usize) -> Answer<Vec<String>> {
        let items = self.list(name)?.map(Vec::as_slice).unwrap_or_default();
        if items.len() > most {
            return Err(too_long(name, most));
        }
        items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(|| wrong_type(name, "string"))).collect()
    }

    pub fn arns(&self, name: &str) -> Answer<Vec<String>> {
        let arns = self.strings(name, 5)?;
        match arns.iter().find(|arn| !is_arn(arn) || arn.len() > 1224) {
            Some(wrong) => Err(unfit(name, wrong, "Member must be an ARN")),
            None => Ok(arns),
        }
    }

    /// Parameters, with or without UsePreviousValue.
    pub fn parameters(&self, name: &str) -> Answer<Vec<Given>> {
        let items = self.list(name)?.map(Vec::as_slice).unwrap_or_default();
        let mut given = Vec::new();
        for item in items {
            let Value::Object(members) = item else { return Err(wrong_type(name, "structure")) };
            let item = Input { members: members.clone() };
            given.push(Given {
                key: required(&format!("{name}.Key"), item.text("Key", 1, 1000, |_| true)?)?,
                value: item.any("Value", 4096)?,
                previous: item.flag("UsePreviousValue")?,
            });
        }
        Ok(given)
    }

    pub fn tags(&self) -> Answer<Option<Tags>> {
        let Some(items) = self.list("Tags")? else { return Ok(None) };
        if items.len() > 50 {
            return Err(too_long("Tags", 50));
        }
        let mut tags = Tags::new();
        for (index, item) in items.iter().enumerate() {
            let field = |name: &str, most: usize| -> Answer<String> {
                let missing = || {
                    ServiceError::invalid(format!(
                        "Parameter validation failed: Missing required parameter in Tags[{index}]:{name}"
                    ))
                };
                let value = item.get(name).filter(|v| !v.is_null()).ok_or_else(missing)?;
                check_text(&format!("Tags[{index}].{name}"), value, 1, most, |text| text.chars().all(is_tag_char))
            };
            let (key, value) = (field("Key", 128)?, field("Value", 256)?);
            if key.to_lowercase().starts_with("aws:") {
                return Err(ServiceError::invalid(format!("Tag keys with the prefix aws: are reserved: {key}")));
            }
            if tags.insert(key.clone(), value).is_some() {
                return Err(ServiceError::invalid(format!("Duplicate tag key: {key}")));
            }
        }
        Ok(Some(tags))
    }

    /// A map from strings to strings.
    pub fn string_map(&self, name: &str, most_characters: usize) -> Answer<BTreeMap<String, String>> {
        let entries = match self.member(name) {
            None => return Err(missing(name)),
            Some(Value::Object(entries)) => entries,
            Some(_) => return Err(wrong_type(name, "map")),
        };
        if entries.is_empty() || entries.len() > 100 {
            return Err(ServiceError::invalid(format!("'{name}' must have 1 to 100 entries.")));
        }
        let text = |(key, value): (&String, &Value)| {
            check_text(&format!("{name}.{key}"), value, 0, most_characters, |_| true).map(|text| (key.clone(), text))
        };
        entries.iter().map(text).collect()
    }

    /// A map from a key that must be one of `keys` to lists of strings.
    pub fn filters(&self, keys: &[&str]) -> Answer<BTreeMap<String, Vec<String>>> {
        let entries = match self.member("Filters") {
            None => return Ok(BTreeMap::new()),
            Some(Value::Object(entries)) => entries,
            Some(_) => return Err(wrong_type("Filters", "map")),
        };
        let mut filters = BTreeMap::new();
        for (key, values) in entries {
            if !keys.contains(&key.as_str()) {
                let what = format!("Map keys must satisfy enum value set: [{}]", keys.join(", "));
                return Err(unfit("Filters", key, &what));
            }
            let values = values.as_array().ok_or_else(|| wrong_type("Filters", "list"))?;
            let texts =
                values.iter().map(|v| v.as_str().map(str::to_owned).ok_or_else(|| wrong_type("Filters", "string")));
            filters.insert(key.clone(), texts.collect::<Answer<Vec<String>>>()?);
        }
        Ok(filters)
    }

    /// The two members of ListRecordHistory's filter.
    pub fn search_filter(&self) -> Answer<Option<(String, String)>> {
        let Some(filter) = self.member("SearchFilter") else { return Ok(None) };
        let field = |name: &str| filter.get(name).and_then(Value::as_str).map(str::to_owned);
        match (field("Key"), field("Value")) {
            (Some(key), Some(value)) => Ok(Some((key, value))),
            _ => Err(ServiceError::invalid("SearchFilter needs Key and Value.")),
        }
    }
}

/// What a client sends back to get the next page.
pub fn page_token(start: impl ToString) -> String {
    hex::encode(start.to_string())
}

pub fn required<T>(name: &str, value: Option<T>) -> Answer<T> {
    value.ok_or_else(|| missing(name))
}

fn missing(name: &str) -> ServiceError {
    ServiceError::invalid(format!(
        "1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be null"
    ))
}

fn unfit(name: &str, value: &str, constraint: &str) -> ServiceError {
    ServiceError::invalid(format!(
        "1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: {constraint}"
    ))
}

fn too_long(name: &str, most: usize) -> ServiceError {
    ServiceError::invalid(format!(
        "1 validation error detected: Value at '{name}' failed to satisfy constraint: Member must have length less than or equal to {most}"
    ))
}

fn wrong_type(name: &str, expected: &str) -> ServiceError {
    ServiceError::new("SerializationException", format!("The member {name} must be of type {expected}."))
}

/// The value itself is not repeated: it may be a secret.
fn check_text(name: &str, value: &Value, least: usize, most: usize, fits: impl Fn(&str) -> bool) -> Answer<String> {
    let text = value.as_str().ok_or_else(|| wrong_type(name, "string"))?;
    let length = text.chars().count();
    if length < least || length > most {
        return Err(ServiceError::invalid(format!(
            "1 validation error detected: Value at '{name}' failed to satisfy constraint: Member must have length between {least} and {most}"
        )));
    }
    if !fits(text) {
        return Err(ServiceError::invalid(format!(
            "1 validation error detected: Value at '{name}' failed to satisfy constraint: Member must satisfy regular expression pattern"
        )));
    }
    Ok(text.to_owned())
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

fn is_arn(text: &str) -> bool {
    let mut parts = text.splitn(6, ':');
    let plain = |part: &str| part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b));
    parts.next() == Some("arn")
        && parts.by_ref().take(4).all(plain)
        && parts.next().is_some_and(|resource| !resource.is_empty() && !resource.starts_with('/'))
}

fn is_tag_char(c: char) -> bool {
    c.is_alphanumeric() || (c.is_whitespace() && !c.is_control()) || "_.:/=+-@".contains(c)
}
