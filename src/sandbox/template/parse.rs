//! Text to tree: one reader for JSON and YAML, with limits against hostile files.
//!
//! CloudFormation itself reads both with a YAML parser (a trailing comma in a JSON template is accepted), so this does
//! too. The tree keeps every scalar as it was written: `012345678901`, `0.10`, `yes` and `2012-10-17` stay text, because
//! parameters are text. A short form (`!Sub x`) becomes its long form (`{"Fn::Sub": x}`), so that everything above this
//! file knows only one.

use std::borrow::Cow;
use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::{Engine, Format};
use crate::problem::{Place, Problem};

/// CloudFormation's own limit for a template that is read from S3.
const MAX_BYTES: usize = 1_000_000;
/// Real templates stay below 30; everything that walks the tree may recurse because of this limit.
const MAX_DEPTH: usize = 100;
/// A limit on memory: a node costs some 60 bytes, its text may be two characters long.
const MAX_NODES: usize = 200_000;

/// A position, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    pub line: u32,
    pub column: u32,
}

impl Spot {
    fn of(marker: Marker) -> Spot {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Spot { line: number(marker.line()).max(1), column: number(marker.col()).saturating_add(1) }
    }

    /// The position of byte `offset` of `bytes`, where everything before it is text.
    fn of_byte(bytes: &[u8], offset: usize) -> Spot {
        let before = String::from_utf8_lossy(bytes.get(..offset).unwrap_or(bytes));
        let line = before.matches('\n').count();
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
        Spot::of(Marker::new(0, line + 1, column))
    }
}

/// One value of the template, and where it starts.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub at: Spot,
    /// A scalar that stands without quotes: it may be meant as a number or a boolean.
    pub plain: bool,
    pub value: Value,
}

/// What a value is. Pairs keep the order of the file, and duplicate keys.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Null,
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

impl Node {
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// The value of a key. Of duplicate keys the last counts, as it does for CloudFormation.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.pairs()?.iter().rev().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    pub fn pairs(&self) -> Option<&[(String, Node)]> {
        match &self.value {
            Value::Map(pairs) => Some(pairs),
            _ => None,
        }
    }

    pub fn items(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The function's name and argument, if this is `{"Ref": …}`, `{"Fn::…": …}` or `{"Condition": …}`.
    pub fn call(&self) -> Option<(&str, &Node)> {
        match self.pairs()? {
            [(name, argument)] if name == "Ref" || name == "Condition" || name.starts_with("Fn::") => {
                Some((name, argument))
            }
            _ => None,
        }
    }
}

/// A template's tree, and what is needed to report positions in it.
pub(super) struct Source {
    pub file: Arc<str>,
    pub format: Format,
    pub engine: Engine,
}

impl Source {
    /// An error of the template, in CloudFormation's manner.
    pub fn error(&self, at: Spot, message: impl AsRef<str>) -> Problem {
        let place = Place { file: self.file.clone(), line: at.line, column: at.column };
        Problem::input(format!("Template format error: {}", message.as_ref())).at(&place)
    }

    /// Reads one document.
    pub fn read(name: &str, bytes: &[u8]) -> Result<(Source, Node), Problem> {
        let start = Spot { line: 1, column: 1 };
        let mut source = Source { file: name.into(), format: Format::Yaml, engine: Engine::CloudFormation };
        if bytes.len() > MAX_BYTES {
            return Err(source.error(start, format!("a template may not exceed {MAX_BYTES} bytes in size")));
        }
        let text = std::str::from_utf8(bytes)
            .map_err(|error| source.error(Spot::of_byte(bytes, error.valid_up_to()), "this is not UTF-8 text"))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match text.trim_start().chars().next() {
            None => return Err(source.error(start, "the template is empty")),
            Some('{') => source.format = Format::Json,
            Some(_) => {}
        }
        let text = if source.format == Format::Json { join_surrogates(text) } else { Cow::Borrowed(text) };
        let root = source.build(&text)?;
        Ok((source, root))
    }

    fn not_well_formed(&self, at: Spot, why: &str) -> Problem {
        let format = match self.format {
            Format::Json => "JSON",
            Format::Yaml => "YAML",
        };
        self.error(at, format!("{format} not well-formed: {why}"))
    }

    fn build(&self, text: &str) -> Result<Node, Problem> {
        let mut parser = Parser::new_from_str(text);
        let mut builder = Builder { source: self, open: Vec::new(), root: None, nodes: 0 };
        let mut documents = 0;
        // Events are pulled one by one, so that a limit stops the parser too.
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(|error| self.not_well_formed(Spot::of(*error.marker()), error.info()))?;
            let at = Spot::of(span.start);
            match event {
                Event::StreamEnd => break,
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents > 1 {
                        return Err(self.error(at, "a template is one document, and here a second one starts"));
                    }
                }
                Event::Alias(_) => {
                    return Err(self.error(at, "YAML aliases are not allowed in CloudFormation templates"));
                }
                Event::Scalar(text, style, _, tag) => builder.scalar(at, text, style, tag)?,
                Event::SequenceStart(_, tag) => builder.start(at, tag, Content::List(Vec::new()))?,
                Event::MappingStart(_, tag) => builder.start(at, tag, Content::Map(Vec::new(), None))?,
                Event::SequenceEnd | Event::MappingEnd => builder.end()?,
                Event::Nothing | Event::StreamStart | Event::DocumentEnd => {}
            }
        }
        builder.root.ok_or_else(|| self.error(Spot { line: 1, column: 1 }, "the template is empty"))
    }
}

enum Content {
    List(Vec<Node>),
    /// The pairs so far, and the key that waits for its value.
    Map(Vec<(String, Node)>, Option<String>),
}

struct Open {
    at: Spot,
    function: Option<String>,
    content: Content,
}

/// Builds the tree without recursion, so that only the limits bound the depth.
struct Builder<'a> {
    source: &'a Source,
    open: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
}

impl Builder<'_> {
    fn scalar(
        &mut self,
        at: Spot,
        text: Cow<'_, str>,
        style: ScalarStyle,
        tag: Option<Cow<'_, Tag>>,
    ) -> Result<(), Problem> {
        if let Some(Open { content: Content::Map(_, key @ None), .. }) = self.open.last_mut() {
            *key = Some(text.into_owned());
            return Ok(());
        }
        let function = tag.as_deref().and_then(function);
        let null = matches!(&*text, "" | "~" | "null" | "Null" | "NULL");
        let value = if null && style == ScalarStyle::Plain && tag.is_none() {
            Value::Null
        } else {
            Value::Text(text.into_owned())
        };
        self.add(at, function, value, style == ScalarStyle::Plain)
    }

    fn start(&mut self, at: Spot, tag: Option<Cow<'_, Tag>>, content: Content) -> Result<(), Problem> {
        if matches!(self.open.last(), Some(Open { content: Content::Map(_, None), .. })) {
            return Err(self.source.error(at, "a key must be text"));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(self
                .source
                .error(at, format!("a template may not be nested more than {MAX_DEPTH} levels deep")));
        }
        self.open.push(Open { at, function: tag.as_deref().and_then(function), content });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Problem> {
        let Some(Open { at, function, content }) = self.open.pop() else { return Ok(()) };
        let value = match content {
            Content::List(items) => Value::List(items),
            Content::Map(pairs, _) => Value::Map(pairs),
        };
        self.add(at, function, value, false)
    }

    fn add(&mut self, at: Spot, function: Option<String>, value: Value, plain: bool) -> Result<(), Problem> {
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return Err(self.source.error(at, format!("a template may not have more than {MAX_NODES} values")));
        }
        let mut node = Node { at, plain, value };
        if let Some(function) = function {
            node = Node { at, plain: false, value: Value::Map(vec![(function, node)]) };
        }
        match self.open.last_mut().map(|open| &mut open.content) {
            None => self.root = Some(node),
            Some(Content::List(items)) => items.push(node),
            // A value without a key cannot come: `scalar` and `start` see to it.
            Some(Content::Map(pairs, key)) => pairs.push((key.take().unwrap_or_default(), node)),
        }
        Ok(())
    }
}

/// The long name of a short form: `!Ref` is `Ref`, `!Sub` is `Fn::Sub`. YAML's own tags (`!!str`) are none.
fn function(tag: &Tag) -> Option<String> {
    match tag.suffix.as_str() {
        "" => None,
        _ if tag.handle != "!" => None,
        name if name == "Ref" || name == "Condition" || name.starts_with("Fn::") => Some(name.to_owned()),
        name => Some(format!("Fn::{name}")),
    }
}

/// JSON writes characters beyond the basic plane as two `\u` escapes, which YAML does not know: rewrite them as `\U`.
fn join_surrogates(text: &str) -> Cow<'_, str> {
    let mut rest = text;
    let mut joined: Option<String> = None;
    let mut kept = text;
    while let Some(found) = rest.find('\\') {
        let escape = &rest[found..];
        let Some(c) = surrogate_pair(escape) else {
            // The character after a backslash is skipped with it: it may be a backslash itself.
            let skip = escape.chars().take(2).map(char::len_utf8).sum();
            rest = &escape[skip..];
            continue;
        };
        let out = joined.get_or_insert_default();
        out.push_str(&kept[..kept.len() - escape.len()]);
        out.push_str(&format!("\\U{:08X}", u32::from(c)));
        rest = &escape[12..];
        kept = rest;
    }
    match joined {
        None => Cow::Borrowed(text),
        Some(mut out) => {
            out.push_str(kept);
            Cow::Owned(out)
        }
    }
}

/// The character that `escape` writes, if it starts with two escapes that make a surrogate pair.
fn surrogate_pair(escape: &str) -> Option<char> {
    let unit = |at: usize| -> Option<u16> {
        let digits = escape.get(at..at + 6)?.strip_prefix("\\u")?;
        let hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
        hex.then(|| u16::from_str_radix(digits, 16).ok()).flatten()
    };
    let high = unit(0).filter(|unit| (0xd800..0xdc00).contains(unit))?;
    char::decode_utf16([high, unit(6)?]).next()?.ok()
}
