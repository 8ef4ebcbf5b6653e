//! YAML to a JSON tree in which every scalar is text as it was written: `0123`, `1.10` and `yes` are values of
//! parameters, and parameters are text. Pure.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

/// Real templates stay below 30; what walks the tree may recurse because of this limit.
const MOST_DEEP: usize = 100;
/// Aliases can make a small text large.
const MOST_NODES: usize = 200_000;

/// The first document of a text. An error says where, and quotes nothing.
pub(super) fn read(text: &str) -> Result<Value, String> {
    let mut tree = Tree::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            format!("it is not YAML (line {}, column {})", error.marker().line(), error.marker().col() + 1)
        })?;
        let step = match event {
            Event::DocumentEnd | Event::StreamEnd => break,
            Event::Scalar(text, style, anchor, tag) => {
                let null = matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
                let null = null && style == ScalarStyle::Plain && tag.is_none();
                tree.value(if null { Value::Null } else { Value::String(text.into_owned()) }, anchor)
            }
            Event::SequenceStart(anchor, _) => tree.open(Value::Array(Vec::new()), anchor),
            Event::MappingStart(anchor, _) => tree.open(Value::Object(Map::new()), anchor),
            Event::SequenceEnd | Event::MappingEnd => tree.close(),
            Event::Alias(anchor) => tree.alias(anchor),
            Event::Nothing | Event::StreamStart | Event::DocumentStart(_) => Ok(()),
        };
        step.map_err(|why| format!("{why} (line {})", span.start.line()))?;
    }
    tree.root.ok_or_else(|| "it is empty".to_owned())
}

/// Builds the tree without recursion.
#[derive(Default)]
struct Tree {
    open: Vec<Open>,
    /// What an alias may stand for, and how many nodes that is.
    anchors: BTreeMap<usize, (Value, usize)>,
    root: Option<Value>,
    nodes: usize,
}

struct Open {
    value: Value,
    anchor: usize,
    /// The key that waits for its value.
    key: Option<String>,
    /// How many nodes there were before it.
    before: usize,
}

impl Tree {
    fn open(&mut self, value: Value, anchor: usize) -> Result<(), String> {
        if self.open.len() >= MOST_DEEP {
            return Err(format!("it is nested more than {MOST_DEEP} levels deep"));
        }
        let before = self.nodes;
        self.open.push(Open { value, anchor, key: None, before });
        Ok(())
    }

    fn close(&mut self) -> Result<(), String> {
        let Some(Open { value, anchor, before, .. }) = self.open.pop() else { return Ok(()) };
        let size = self.nodes - before + 1;
        self.remember(anchor, &value, size);
        self.add(value, 1)
    }

    fn value(&mut self, value: Value, anchor: usize) -> Result<(), String> {
        self.remember(anchor, &value, 1);
        self.add(value, 1)
    }

    fn alias(&mut self, anchor: usize) -> Result<(), String> {
        let (value, size) = self.anchors.get(&anchor).cloned().ok_or("an alias stands before its anchor")?;
        self.add(value, size)
    }

    /// Anchors are numbered from 1; 0 is none.
    fn remember(&mut self, anchor: usize, value: &Value, size: usize) {
        if anchor > 0 {
            self.anchors.insert(anchor, (value.clone(), size));
        }
    }

    fn add(&mut self, value: Value, nodes: usize) -> Result<(), String> {
        self.nodes += nodes;
        if self.nodes > MOST_NODES {
            return Err(format!("it has more than {MOST_NODES} values"));
        }
        match self.open.last_mut() {
            None => self.root = Some(value),
            Some(Open { value: Value::Array(items), .. }) => items.push(value),
            Some(Open { value: Value::Object(pairs), key, .. }) => match (key.take(), value) {
                (Some(key), value) => _ = pairs.insert(key, value),
                (None, Value::String(text)) => *key = Some(text),
                (None, Value::Null) => *key = Some(String::new()),
                (None, _) => return Err("a key is not text".to_owned()),
            },
            Some(_) => {}
        }
        Ok(())
    }
}
