//! The parameters of an RPC request, checked as the reference pages say.
//!
//! Lists are flattened: `Tags.1.Key`. A parameter without a value counts as absent, except where an empty one means
//! something. Messages name parameters, never values: those may be secret.

use std::collections::BTreeMap;

use crate::sandbox::world::model::{Answer, ServiceError, Tags};

const MAX_PARAMETERS: usize = 200;
const MAX_TAGS: usize = 20;
/// A parameter name like `Filters.9999999.Key` is no reason to look for ten million filters.
const MAX_FILTERS: usize = 50;

/// A request's parameters.
pub struct Input {
    values: BTreeMap<String, String>,
}

/// One page of a list.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    pub number: usize,
    pub size: usize,
    pub ascending: bool,
}

impl Page {
    /// The part of `list`, which is in ascending order, that this page shows.
    pub fn of<T: Clone>(&self, list: &[T]) -> Vec<T> {
        let skip = self.size.saturating_mul(self.number - 1);
        if self.ascending {
            list.iter().skip(skip).take(self.size).cloned().collect()
        } else {
            list.iter().rev().skip(skip).take(self.size).cloned().collect()
        }
    }
}

pub fn invalid(name: &str, why: &str) -> ServiceError {
    ServiceError::new(format!("Invalid{name}"), format!("The specified parameter {name} is not valid: {why}."))
}

pub fn missing(name: &str) -> ServiceError {
    let message =
        format!("The input parameter \"{name}\" that is mandatory for processing this request is not supplied.");
    ServiceError::new(format!("Missing{name}"), message)
}

impl Input {
    pub fn new(parameters: &[(String, String)]) -> Input {
        Input { values: parameters.iter().cloned().collect() }
    }

    pub fn text(&self, name: &str) -> Option<String> {
        self.values.get(name).filter(|value| !value.is_empty()).cloned()
    }

    pub fn required(&self, name: &str) -> Answer<String> {
        self.text(name).ok_or_else(|| missing(name))
    }

    /// Text of at most `most` characters.
    pub fn limited(&self, name: &str, most: usize) -> Answer<Option<String>> {
        match self.text(name) {
            Some(text) if text.chars().count() > most => {
                Err(invalid(name, &format!("it must have 1 to {most} characters")))
            }
            other => Ok(other),
        }
    }

    pub fn required_limited(&self, name: &str, most: usize) -> Answer<String> {
        self.limited(name, most)?.ok_or_else(|| missing(name))
    }

    /// One of a few words.
    pub fn one_of<'a>(&self, name: &str, words: &[&'a str]) -> Answer<Option<&'a str>> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match words.iter().find(|word| **word == text) {
            Some(word) => Ok(Some(word)),
            None => Err(invalid(name, &format!("it must be one of {}", words.join(", ")))),
        }
    }

    fn number(&self, name: &str, least: usize, most: usize, usual: usize) -> Answer<usize> {
        let Some(text) = self.text(name) else { return Ok(usual) };
        let number = text.parse::<usize>().ok().filter(|n| (least..=most).contains(n));
        number.ok_or_else(|| invalid(name, &format!("it must be a number from {least} to {most}")))
    }

    /// PageNumber, PageSize, SortBy and SortOrder.
    pub fn page(&self) -> Answer<Page> {
        self.one_of("SortBy", &["CreateTime"])?;
        Ok(Page {
            number: self.number("PageNumber", 1, 1_000_000_000, 1)?,
            size: self.number("PageSize", 1, 100, 10)?,
            ascending: self.one_of("SortOrder", &["Asc", "Desc"])? == Some("Asc"),
        })
    }

    /// How many elements a list has: their numbers follow each other from 1.
    fn length(&self, list: &str, fields: [&str; 2]) -> usize {
        (1..).take_while(|n| fields.iter().any(|f| self.values.contains_key(&format!("{list}.{n}.{f}")))).count()
    }

    /// The pairs of a list; a value may be empty, a key may not.
    fn pairs(&self, list: &str, [key, value]: [&str; 2], most: usize) -> Answer<Vec<(String, String)>> {
        let length = self.length(list, [key, value]);
        if length > most {
            return Err(invalid(list, &format!("there may be at most {most}")));
        }
        let pair = |n: usize| {
            let (key, value) = (format!("{list}.{n}.{key}"), format!("{list}.{n}.{value}"));
            let found = self.values.get(&value).cloned();
            Ok((self.required(&key)?, found.ok_or_else(|| missing(&value))?))
        };
        (1..=length).map(pair).collect()
    }

    /// At most 200, each with its key and its value (LaunchProduct).
    pub fn parameters(&self) -> Answer<Vec<(String, String)>> {
        let all = self.pairs("Parameters", ["ParameterKey", "ParameterValue"], MAX_PARAMETERS)?;
        let mut keys: Vec<&String> = all.iter().map(|(key, _)| key).collect();
        keys.sort();
        match keys.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(invalid("Parameters", &format!("{} is there twice", pair[0]))),
            None => Ok(all),
        }
    }

    /// At most 20, by the rules of LaunchProduct; nothing if there is none. A value may be empty, not absent.
    pub fn tags(&self) -> Answer<Option<Tags>> {
        let length = self.length("Tags", ["Key", "Value"]);
        if length > MAX_TAGS {
            return Err(invalid("Tags", &format!("there may be at most {MAX_TAGS}")));
        }
        let mut tags = Tags::new();
        for n in 1..=length {
            let (key_name, value_name) = (format!("Tags.{n}.Key"), format!("Tags.{n}.Value"));
            let key = self.required(&key_name)?;
            let value = self.values.get(&value_name).cloned().ok_or_else(|| missing(&value_name))?;
            if key.chars().count() > 128 || has_url(&key) || key.starts_with("acs:") || key.starts_with("aliyun") {
                let why =
                    "a key has 1 to 128 characters, no http:// or https://, and does not start with acs: or aliyun";
                return Err(invalid(&key_name, why));
            }
            if value.chars().count() > 128 || has_url(&value) || value.starts_with("acs:") {
                let why = "a value has up to 128 characters, no http:// or https://, and does not start with acs:";
                return Err(invalid(&value_name, why));
            }
            if tags.insert(key, value).is_some() {
                return Err(invalid(&key_name, "the key is there twice"));
            }
        }
        Ok((length > 0).then_some(tags))
    }

    /// Filters, each with one of `keys`.
    pub fn filters(&self, keys: &[&str]) -> Answer<Vec<(String, String)>> {
        let all = self.pairs("Filters", ["Key", "Value"], MAX_FILTERS)?;
        match all.iter().find(|(key, _)| !keys.contains(&key.as_str())) {
            Some(_) => Err(invalid("Filters", &format!("a key must be one of {}", keys.join(", ")))),
            None => Ok(all),
        }
    }
}

fn has_url(text: &str) -> bool {
    text.contains("http://") || text.contains("https://")
}
