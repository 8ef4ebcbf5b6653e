//! Values of answers, read leniently: the documents call nearly everything a string and their own samples show a number
//! (`"ProductVersionName": 1`). What is missing, null or of another type is read as far as it can be, and is no error.

use std::ops::Deref;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A text; a number or a boolean as it would be written, anything deeper as JSON, nothing as the empty text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Text(pub(super) String);

impl Text {
    /// `None` for the empty text, which is how some answers say "none".
    pub(super) fn written(self) -> Option<String> {
        Some(self.0).filter(|text| !text.is_empty())
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Text(plain(Value::deserialize(deserializer)?)))
    }
}

/// A JSON value as the text that a parameter would have.
pub(super) fn plain(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// A list; members that are not of its type are left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct List<T>(pub(super) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        List(Vec::new())
    }
}

impl<T> Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> IntoIterator for List<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let values = match Value::deserialize(deserializer)? {
            Value::Array(values) => values,
            Value::Null => Vec::new(),
            // A list of one that was not written as a list.
            other => vec![other],
        };
        Ok(List(values.into_iter().filter_map(|value| serde_json::from_value(value).ok()).collect()))
    }
}

/// An object; nothing or something else is an empty one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Item<T>(pub(super) T);

impl<T> Deref for Item<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<'de, T: DeserializeOwned + Default> Deserialize<'de> for Item<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Item(serde_json::from_value(Value::deserialize(deserializer)?).unwrap_or_default()))
    }
}

/// A whole number, or nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Count(pub(super) Option<usize>);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Count(plain(Value::deserialize(deserializer)?).trim().parse().ok()))
    }
}

/// Yes, no, or nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Flag(pub(super) Option<bool>);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Flag(truth(&plain(Value::deserialize(deserializer)?))))
    }
}

/// `true` and `false` in any case, as templates and answers write them.
pub(super) fn truth(text: &str) -> Option<bool> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Thing {
        text: Text,
        list: List<Text>,
        item: Item<Inner>,
        count: Count,
        flag: Flag,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Inner {
        text: Text,
    }

    fn read(json: &str) -> Thing {
        serde_json::from_str(json).expect("lenient")
    }

    #[test]
    fn whatever_stands_there_is_read() {
        assert_eq!(read("{}"), Thing::default());
        assert_eq!(read(r#"{"text":null,"list":null,"item":null,"count":null,"flag":null}"#), Thing::default());
        let thing = read(r#"{"text":1,"list":[1,"a",null],"count":"12","flag":"True"}"#);
        assert_eq!(thing.text.0, "1");
        assert_eq!(thing.list.iter().map(|text| &**text).collect::<Vec<_>>(), ["1", "a", ""]);
        assert_eq!((thing.count.0, thing.flag.0), (Some(12), Some(true)));
        let thing = read(r#"{"text":{"a":[1]},"list":"one","item":"x","count":-1.5,"flag":7}"#);
        assert_eq!((thing.text.0.as_str(), thing.list.len()), (r#"{"a":[1]}"#, 1));
        assert_eq!((thing.count.0, thing.flag.0), (None, None));
        assert_eq!(*read(r#"{"item":{"text":true}}"#).item.text, *"true");
    }
}
