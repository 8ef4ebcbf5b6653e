//! One line of terminal text: pieces with a tone each, measured in columns before they are painted.

use unicode_width::UnicodeWidthStr;

use super::style::{Style, Tone};

/// The columns that a text takes.
pub(crate) fn columns(text: &str) -> usize {
    text.width()
}

/// A line under construction.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line {
    pieces: Vec<(Tone, String)>,
    width: usize,
}

impl Line {
    pub(crate) fn indented(by: usize) -> Self {
        Line::default().then(Tone::Plain, " ".repeat(by))
    }

    pub(crate) fn then(mut self, tone: Tone, text: impl Into<String>) -> Self {
        self.push(tone, text);
        self
    }

    pub(crate) fn push(&mut self, tone: Tone, text: impl Into<String>) {
        let text = text.into();
        self.width += columns(&text);
        self.pieces.push((tone, text));
    }

    pub(crate) fn joined(mut self, other: Line) -> Self {
        self.width += other.width;
        self.pieces.extend(other.pieces);
        self
    }

    /// Spaces up to `column`, and at least two, so that neighbours never run together.
    pub(crate) fn at_column(mut self, column: usize) -> Self {
        let gap = column.saturating_sub(self.width).max(2);
        self.push(Tone::Plain, " ".repeat(gap));
        self
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }
}

/// Finished lines.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) style: Style,
    text: String,
}

impl Page {
    pub(crate) fn new(style: Style) -> Self {
        Page { style, text: String::new() }
    }

    pub(crate) fn line(&mut self, line: &Line) {
        let last = line.pieces.iter().rposition(|(_, text)| !text.trim_end().is_empty());
        for (tone, text) in line.pieces.iter().take(last.map_or(0, |last| last + 1)) {
            self.text.push_str(&self.style.paint(*tone, text));
        }
        self.text.push('\n');
    }

    /// One empty line, unless there is one already or the page is empty.
    pub(crate) fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    pub(crate) fn heading(&mut self, text: &str) {
        self.gap();
        self.line(&Line::default().then(Tone::Strong, text));
    }

    /// Words filled into lines from column `indent` on; a word that is longer than a line stays whole.
    pub(crate) fn prose(&mut self, indent: usize, tone: Tone, text: &str) {
        let words: Vec<String> = text.split(' ').map(str::to_owned).collect();
        for line in fill(&words, " ", self.style.width.saturating_sub(indent)) {
            self.line(&Line::indented(indent).then(tone, line));
        }
    }

    /// Names filled into lines, each whole.
    pub(crate) fn list(&mut self, indent: usize, names: &[String]) {
        for line in fill(names, "  ", self.style.width.saturating_sub(indent)) {
            self.line(&Line::indented(indent).then(Tone::Dim, line));
        }
    }

    pub(crate) fn finish(self) -> String {
        self.text
    }
}

/// Joins words into lines of at most `width` columns where that is possible; a longer word stays whole.
pub(crate) fn fill(words: &[String], between: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if columns(line) + between.len() + columns(word) <= width => {
                line.push_str(between);
                line.push_str(word);
            }
            _ => lines.push(word.clone()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{Line, Page, fill};
    use crate::render::Style;
    use crate::render::style::Tone;

    #[test]
    fn columns_are_what_a_terminal_shows() {
        let mut page = Page::new(Style { color: true, width: 20 });
        for name in ["日本", "Ä", "abcd"] {
            page.line(&Line::default().then(Tone::Add, name).at_column(6).then(Tone::Plain, "|"));
        }
        page.line(&Line::default().then(Tone::Plain, "ends without spaces").at_column(30));
        let text = page.finish().replace("\u{1b}[32m", "").replace("\u{1b}[0m", "");
        assert_eq!(text, "日本  |\nÄ     |\nabcd  |\nends without spaces\n");
    }

    #[test]
    fn a_word_that_is_too_long_stays_whole() {
        let words = ["a", "word-that-is-too-long", "b", "c"].map(str::to_owned);
        assert_eq!(fill(&words, " ", 8), ["a", "word-that-is-too-long", "b c"]);
    }
}
