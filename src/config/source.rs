//! The text of one file, and the way from a byte of it to a line and a column.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use crate::model::Located;
use crate::problem::{Place, Problem};

/// No file that a person writes comes near this; one that is larger was named by mistake.
const LIMIT: u64 = 8 * 1024 * 1024;

/// A character count is kept for every so many bytes, so that a column is found in constant time on lines of any length.
const STRIDE: usize = 64;

/// One file's text. Positions are looked up, never counted from the beginning: a project may have thousands of values.
pub(super) struct Source {
    name: Arc<str>,
    text: String,
    line_starts: Vec<usize>,
    /// How many characters begin before byte `index * STRIDE`.
    characters: Vec<usize>,
}

impl Source {
    /// Reads a file. `name` is what the user knows it as; `asked_at` is the `include` that asked for it.
    pub fn read(path: &Path, name: &str, asked_at: Option<&Place>) -> Result<Self, Problem> {
        let about_file = |message: String| {
            let problem = Problem::input(message);
            match asked_at {
                Some(place) => problem.at(place),
                None => problem,
            }
        };
        let unreadable = |error: std::io::Error| about_file(format!("cannot read `{name}`: {error}"));
        let file = std::fs::File::open(path).map_err(unreadable)?;
        if !file.metadata().map_err(unreadable)?.is_file() {
            return Err(about_file(format!("`{name}` is not a file")));
        }
        let mut bytes = Vec::new();
        file.take(LIMIT + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        if bytes.len() as u64 > LIMIT {
            return Err(about_file(format!("`{name}` is larger than 8 MiB"))
                .hint("divide it into several files and name them in `include`"));
        }
        Source::decode(name, bytes)
    }

    /// A byte order mark is left out, and lines end with a line feed: a checkout with other line ends must not change
    /// the value of a parameter of several lines. Bytes that are not UTF-8 are refused with their place.
    fn decode(name: &str, mut bytes: Vec<u8>) -> Result<Self, Problem> {
        if bytes.starts_with(b"\xEF\xBB\xBF") {
            bytes.drain(..3);
        }
        String::from_utf8(bytes).map(|text| Source::new(name, text.replace("\r\n", "\n"))).map_err(|error| {
            let good = error.utf8_error().valid_up_to();
            let valid = String::from_utf8_lossy(&error.as_bytes()[..good]).into_owned();
            let place = Source::new(name, valid).place(good);
            Problem::input("this byte is not UTF-8").at(&place).hint("save the file as UTF-8")
        })
    }

    pub fn new(name: &str, text: String) -> Self {
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let mut characters = Vec::with_capacity(text.len() / STRIDE + 1);
        let mut count = 0;
        for chunk in text.as_bytes().chunks(STRIDE) {
            characters.push(count);
            count += first_bytes(chunk);
        }
        characters.push(count);
        Source { name: name.into(), text, line_starts, characters }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The place of a byte. A byte beyond the end is the end.
    pub fn place(&self, offset: usize) -> Place {
        let offset = offset.min(self.text.len());
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let start = self.line_starts.get(line.saturating_sub(1)).copied().unwrap_or(0);
        let column = self.characters_before(offset) - self.characters_before(start) + 1;
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Place { file: Arc::clone(&self.name), line: number(line), column: number(column) }
    }

    pub fn locate<T>(&self, offset: usize, value: T) -> Located<T> {
        Located { value, place: self.place(offset) }
    }

    fn characters_before(&self, offset: usize) -> usize {
        let chunk = offset / STRIDE;
        self.characters[chunk] + first_bytes(&self.text.as_bytes()[chunk * STRIDE..offset])
    }
}

/// How many of these bytes begin a character.
fn first_bytes(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| (**byte & 0xC0) != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_the_place_that_counting_gives() {
        let text = "a\r\nß = \"日本\"\n\n".repeat(60) + &"é".repeat(700) + "x";
        let source = Source::new("t", text.clone());
        for (offset, _) in text.char_indices().chain([(text.len(), ' ')]) {
            let before = &text[..offset];
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
            let place = source.place(offset);
            assert_eq!((place.line as usize, place.column as usize), (line, column), "byte {offset}");
        }
    }

    #[test]
    fn an_empty_text_has_a_place() {
        let place = Source::new("t", String::new()).place(5);
        assert_eq!((place.line, place.column), (1, 1));
    }
}
