//! Reading a TOML table key by key. Every wrong key and every wrong type is reported, and reading goes on.

use toml::Spanned;
use toml::de::{DeArray, DeString, DeTable, DeValue};

use super::findings::Findings;
use super::interpolation;
use super::keys::Key;
use super::source::Source;
use crate::model::{Cloud, Located};
use crate::problem::{Place, Problem, nearest};

type KeySpan<'a> = Spanned<DeString<'a>>;
type ValueSpan<'a> = Spanned<DeValue<'a>>;

/// One file while it is read.
pub(super) struct Reader<'a> {
    pub source: &'a Source,
    pub findings: &'a Findings,
}

/// A table with its known keys.
pub(super) struct Section<'a> {
    reader: &'a Reader<'a>,
    /// As a person would write its header: `target.prod`; empty for the file itself.
    label: String,
    table: &'a DeTable<'a>,
    keys: &'static [Key],
    /// Where it is known; keys of the other cloud are then as good as not there.
    cloud: Option<Cloud>,
    place: Place,
}

impl<'a> Section<'a> {
    /// The whole file.
    pub fn top(reader: &'a Reader<'a>, table: &'a DeTable<'a>, keys: &'static [Key]) -> Self {
        let place = reader.source.place(0);
        let section = Section { reader, label: String::new(), table, keys, cloud: None, place };
        section.refuse_strangers();
        section
    }

    pub fn place(&self) -> &Place {
        &self.place
    }

    pub fn get(&self, key: &str) -> Option<Item<'a>> {
        debug_assert!(
            self.keys.iter().any(|known| known.name == key && known.later.is_none()),
            "`{key}` is not listed"
        );
        let foreign = |known: &Key| known.name == key && self.cloud.is_some_and(|cloud| known.foreign(cloud).is_some());
        if self.keys.iter().any(foreign) {
            return None;
        }
        let (key, value) = self.table.get_key_value(key)?;
        Some(Item { reader: self.reader, label: key.get_ref().to_string(), key, value })
    }

    /// The same table, now that its cloud is known: keys of the other one are refused and not looked at any more.
    pub fn of(self, cloud: Cloud) -> Self {
        for (key, item) in self.of_one_cloud() {
            if let Some(problem) = key.foreign(cloud) {
                item.refuse_key(problem);
            }
        }
        Section { cloud: Some(cloud), ..self }
    }

    /// What stands here and belongs to one cloud only.
    pub fn of_one_cloud(&self) -> Vec<(&'static Key, Item<'a>)> {
        let one = self.keys.iter().filter(|key| key.only.is_some());
        one.filter_map(|key| Some((key, self.get(key.name)?))).collect()
    }

    /// A key that must be there; `hint` shows how it could look.
    pub fn required(&self, key: &str, hint: &str) -> Option<Item<'a>> {
        let item = self.get(key);
        if item.is_none() && !self.is_mistaken() {
            let problem = Problem::input(format!("`{}` has no `{key}`", self.label));
            self.reader.findings.problem(problem.at(&self.place).hint(hint));
        }
        item
    }

    /// A table with nothing but unknown keys is something else than it seems, which has been reported; a list of what
    /// it lacks would hide that.
    fn is_mistaken(&self) -> bool {
        let known = |word: &str| self.keys.iter().any(|key| key.name == word);
        !self.table.is_empty() && !self.table.keys().any(|key| known(key.get_ref()))
    }

    pub fn line(&self, key: &str) -> Option<Located<String>> {
        self.get(key)?.line()
    }

    pub fn flag(&self, key: &str) -> Option<bool> {
        let item = self.get(key)?;
        match item.value.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            _ => item.wrong_type("true or false"),
        }
    }

    fn refuse_strangers(&self) {
        for (key, value) in self.table {
            let word: &str = key.get_ref();
            let known = self.keys.iter().find(|known| known.name == word);
            if known.is_some_and(|known| known.later.is_none()) {
                continue;
            }
            let item = Item { reader: self.reader, label: quoted_key(word), key, value };
            item.refuse_key(match known.and_then(|known| known.later) {
                Some(instead) => Problem::input(format!("`{word}` is not supported yet")).hint(instead),
                None => self.stranger(word, &item),
            });
        }
    }

    fn stranger(&self, word: &str, item: &Item<'_>) -> Problem {
        let within = if self.label.is_empty() { String::new() } else { format!(" in `{}`", self.label) };
        let problem = Problem::input(format!("unknown key `{}`{within}", item.label));
        if let Some(near) = nearest(word, self.keys.iter().map(|key| key.name)) {
            return problem.hint(format!("did you mean `{near}`?"));
        }
        // `[provisioned_product.net.work]` is the table `work` inside `net`: the likeliest slip is a name with a dot.
        if item.is_header_table() && self.label.matches('.').count() == 1 {
            let (kind, name) = self.label.split_once('.').unwrap_or_default();
            return problem.hint(format!("a name with a dot is written in quotes: `[{kind}.\"{name}.{word}\"]`"));
        }
        let known: Vec<String> =
            self.keys.iter().filter(|key| key.later.is_none()).map(|key| format!("`{}`", key.name)).collect();
        problem.hint(format!("the keys here are {}", known.join(", ")))
    }
}

/// A key with its value.
pub(super) struct Item<'a> {
    reader: &'a Reader<'a>,
    /// As it is called in messages: `region`, `tags.team`.
    label: String,
    key: &'a KeySpan<'a>,
    value: &'a ValueSpan<'a>,
}

impl<'a> Item<'a> {
    pub fn label(&self) -> &str {
        &self.label
    }

    /// The key alone, as written.
    pub fn key(&self) -> &'a str {
        self.key.get_ref()
    }

    pub fn value(&self) -> &'a DeValue<'a> {
        self.value.get_ref()
    }

    pub fn place(&self) -> Place {
        self.reader.source.place(self.value.span().start)
    }

    pub fn key_place(&self) -> Place {
        self.reader.source.place(self.key.span().start)
    }

    pub fn located<T>(&self, value: T) -> Located<T> {
        self.reader.source.locate(self.value.span().start, value)
    }

    /// Reports a problem at the value.
    pub fn refuse(&self, problem: Problem) {
        self.reader.findings.problem(problem.at(&self.place()));
    }

    /// Reports a problem at the key.
    pub fn refuse_key(&self, problem: Problem) {
        self.reader.findings.problem(problem.at(&self.key_place()));
    }

    /// Reports a doubt at the key.
    pub fn doubt(&self, problem: Problem) {
        self.reader.findings.warning(problem.at(&self.key_place()));
    }

    /// The value of a check, or its problem reported.
    pub fn checked<T>(&self, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.refuse(problem)).ok()
    }

    pub fn wrong_type<T>(&self, expected: &str) -> Option<T> {
        let value = self.value.get_ref();
        let problem = Problem::input(format!("`{}` must be {expected}, not {}", self.label, kind_of(value)));
        let scalar = !matches!(value, DeValue::String(_) | DeValue::Array(_) | DeValue::Table(_));
        self.refuse(if scalar && expected == "a string" { problem.hint("write it in quotes") } else { problem });
        None
    }

    /// A string with its escapes undone. References stand in parameters only.
    pub fn string(&self) -> Option<Located<String>> {
        let DeValue::String(text) = self.value.get_ref() else { return self.wrong_type("a string") };
        let text = self.checked(interpolation::plain(&self.label, text))?;
        Some(self.located(text))
    }

    /// A string that is shown to people: not empty, on one line.
    pub fn line(&self) -> Option<Located<String>> {
        let text = self.string()?;
        if text.value.trim().is_empty() {
            let hint = "write a value, or leave the key out";
            self.refuse(Problem::input(format!("`{}` is empty", self.label)).hint(hint));
            return None;
        }
        if text.value.chars().any(char::is_control) {
            self.refuse(Problem::input(format!("`{}` must be one line without control characters", self.label)));
            return None;
        }
        Some(text)
    }

    /// A list of strings; a wrong element is reported, the others are kept.
    pub fn lines(&self) -> Option<Vec<Located<String>>> {
        let DeValue::Array(array) = self.value.get_ref() else {
            return self.wrong_type("an array of strings");
        };
        Some(self.elements(array).filter_map(|element| element.line()).collect())
    }

    pub fn elements(&self, array: &'a DeArray<'a>) -> impl Iterator<Item = Item<'a>> {
        array.iter().enumerate().map(|(index, value)| Item {
            reader: self.reader,
            label: format!("{}[{index}]", self.label),
            key: self.key,
            value,
        })
    }

    /// A whole number from 0 to `most`.
    pub fn count(&self, most: u32) -> Option<u32> {
        let range = if most == u32::MAX {
            "a whole number (0 or more)".to_owned()
        } else {
            format!("a whole number (0 to {most})")
        };
        match self.value.get_ref() {
            DeValue::Integer(_) => {
                let count = self.integer().and_then(|number| u32::try_from(number).ok()).filter(|n| *n <= most);
                if count.is_none() {
                    self.refuse(Problem::input(format!("`{}` must be {range}", self.label)));
                }
                count
            }
            _ => self.wrong_type(&range),
        }
    }

    /// The integer, if it is one and fits.
    pub fn integer(&self) -> Option<i64> {
        let DeValue::Integer(number) = self.value.get_ref() else { return None };
        i64::from_str_radix(number.as_str(), number.radix()).ok()
    }

    /// The entries of a table, in the order of their keys.
    pub fn entries(&self) -> Option<Vec<Item<'a>>> {
        let DeValue::Table(table) = self.value.get_ref() else { return self.wrong_type("a table") };
        let label = |word: &str| format!("{}.{}", self.label, quoted_key(word));
        let entry = |(key, value): (&'a KeySpan<'a>, &'a ValueSpan<'a>)| Item {
            reader: self.reader,
            label: label(key.get_ref()),
            key,
            value,
        };
        Some(table.iter().map(entry).collect())
    }

    /// The entries of a table whose keys are names that the user chose: `[target.NAME]`.
    pub fn entries_of_names(&self) -> Option<Vec<Item<'a>>> {
        if self.value.get_ref().is_table() {
            return self.entries();
        }
        let problem = Problem::input(format!("`{}` must be a table, not {}", self.label, kind_of(self.value())));
        self.refuse_key(problem.hint(format!("write `[{}.NAME]`, with one pair of brackets", self.label)));
        None
    }

    /// The value as a table with these keys.
    pub fn section(&self, keys: &'static [Key]) -> Option<Section<'a>> {
        let DeValue::Table(table) = self.value.get_ref() else {
            let problem = Problem::input(format!("`{}` must be a table, not {}", self.label, kind_of(self.value())));
            let header = self.label.split_once('.').map_or(self.label.clone(), |(kind, _)| format!("{kind}.NAME"));
            self.refuse_key(problem.hint(format!("write `[{header}]` and its keys below")));
            return None;
        };
        // A header's own place is its bracket; a dotted or inline table has none, there it is the key.
        let place = if self.is_header_table() { self.place() } else { self.key_place() };
        let section = Section { reader: self.reader, label: self.label.clone(), table, keys, cloud: None, place };
        section.refuse_strangers();
        Some(section)
    }

    /// Whether this is a table under a `[header]` of its own: the form that swallows lines added at the end of a block.
    pub fn is_header_table(&self) -> bool {
        let first = self.reader.source.text().as_bytes().get(self.value.span().start);
        self.value.get_ref().is_table() && first == Some(&b'[')
    }
}

fn kind_of(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

/// A key as it stands in a message: bare if TOML lets it stand bare, else quoted; never with control characters.
pub(super) fn quoted_key(key: &str) -> String {
    const SHOWN: usize = 64;
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !key.is_empty() && key.len() <= SHOWN && key.bytes().all(bare) {
        return key.to_owned();
    }
    let shown: String = key.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    let more = if key.chars().count() > SHOWN { "…" } else { "" };
    format!("\"{shown}{more}\"")
}
