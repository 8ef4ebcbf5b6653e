//! Text from files and clouds, made harmless and unmistakable.
//!
//! A value may hold terminal commands, line breaks or characters that turn the reading direction round. None of them
//! may reach a terminal or a comment as it is: it would show something else than what is sent. Characters that nobody
//! can see are spelt out as well, or two different values would look the same.

use std::fmt::Write as _;

/// Whether a character may not be printed as it is.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Spaces that look like the usual one and are not.
fn is_odd_space(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}')
}

fn push_escaped(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        // Writing to a string cannot fail.
        _ => {
            let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
        }
    }
}

/// One line of text without quotes: what cannot be seen is spelt out, everything else stays.
#[must_use]
pub fn line(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden(c) { push_escaped(&mut out, c) } else { out.push(c) }
    }
    out
}

/// A text of several lines, each as by [`line()`].
pub(crate) fn lines(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines().map(line)
}

/// A quoted string, as in TOML or JSON; different texts always look different.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if is_hidden(c) || is_odd_space(c) => push_escaped(&mut out, c),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A name as it is where that is unmistakable, otherwise quoted.
#[must_use]
pub fn name(text: &str) -> String {
    let plain = !text.is_empty()
        && !text.starts_with(['(', ' '])
        && !text.ends_with(' ')
        && !text.contains("  ")
        && !text.chars().any(|c| is_hidden(c) || is_odd_space(c) || matches!(c, '"' | '\\' | '→'));
    if plain { text.to_owned() } else { quoted(text) }
}

/// A key as in TOML: bare where that is possible, otherwise quoted.
pub(crate) fn key(text: &str) -> String {
    let bare =
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '/'));
    if bare { text.to_owned() } else { quoted(text) }
}

/// The first `limit` characters, and how many more there are.
pub(crate) fn clip(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}… ({} more characters)", &text[..end], text[end..].chars().count()),
    }
}

#[cfg(test)]
mod tests {
    use super::{clip, line, name, quoted};

    #[test]
    fn commands_to_a_terminal_are_spelt_out() {
        assert_eq!(quoted("\u{1b}[2J\u{9b}31m"), r#""\u{1b}[2J\u{9b}31m""#);
        assert_eq!(line("a\r\nError: b\u{7}"), r"a\r\nError: b\u{7}");
    }

    #[test]
    fn reading_direction_and_invisible_characters_are_spelt_out() {
        assert_eq!(quoted("abc\u{202e}fed"), r#""abc\u{202e}fed""#);
        assert_eq!(quoted("a\u{200b}\u{a0}\u{fe0f}\u{e0041}b"), r#""a\u{200b}\u{a0}\u{fe0f}\u{e0041}b""#);
    }

    #[test]
    fn different_texts_look_different() {
        assert_ne!(quoted("\\n"), quoted("\n"));
        assert_ne!(quoted("a\" → \"b"), "\"a\" → \"b\"");
        assert_eq!(name("(none)"), "\"(none)\"");
        assert_eq!(name(""), "\"\"");
        assert_eq!(name("2.0.3"), "2.0.3");
        assert_eq!(name("Networking team"), "Networking team");
    }

    #[test]
    fn a_clipped_text_says_so() {
        assert_eq!(clip("äöüß", 4), "äöüß");
        assert_eq!(clip("äöüß", 2), "äö… (2 more characters)");
    }
}
