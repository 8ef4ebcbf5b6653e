//! Text that cannot become markup.
//!
//! Names, ids and values stand in code, where neither Markdown nor the forge's own links (`@user`, `#123`, `!45`) mean
//! anything. Sentences are set as they are, except that every word with a character that could mean something is set as
//! code: less pretty than escaping, and right in every dialect.

use std::fmt::Write as _;

use super::super::safe;

/// The longest run of backticks.
fn ticks(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Inline code in running text.
pub(in crate::render) fn code(text: &str) -> String {
    let text = safe::line(text);
    if text.is_empty() {
        return String::new();
    }
    let fence = "`".repeat(ticks(&text) + 1);
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Inline code in a table. A pipe would end the cell even inside of code, so such a text is spelt in entities.
pub(in crate::render) fn cell(text: &str) -> String {
    if !text.contains('|') {
        return code(text);
    }
    entities(text, "-.")
}

/// Code inside of a `<summary>`, which is HTML and not Markdown.
pub(super) fn html_code(text: &str) -> String {
    entities(text, "-._@")
}

/// Code as HTML, with all punctuation but `kept` as entities: in that form nothing of it is read as Markdown either.
fn entities(text: &str, kept: &str) -> String {
    let mut out = String::from("<code>");
    for c in safe::line(text).chars() {
        if c.is_ascii_punctuation() && !kept.contains(c) {
            // Writing to a string cannot fail.
            let _ = write!(out, "&#{};", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out + "</code>"
}

/// A sentence. What stands between backticks in it is code already.
pub(super) fn prose(text: &str) -> String {
    let text = text.lines().map(safe::line).collect::<Vec<_>>().join(" ");
    if ticks(&text) > 1 || !text.matches('`').count().is_multiple_of(2) {
        return words(&text);
    }
    let mut out = String::new();
    for (number, part) in text.split('`').enumerate() {
        out.push_str(&if number % 2 == 0 { words(part) } else { code(part) });
    }
    out
}

fn words(text: &str) -> String {
    text.split(' ').map(|word| if is_inert(word) { word.to_owned() } else { code(word) }).collect::<Vec<_>>().join(" ")
}

/// Whether no forge sees anything in this word: no markup, link, mention, reference, commit.
fn is_inert(word: &str) -> bool {
    let stem = word.trim_matches(|c: char| c.is_ascii_punctuation());
    let hash =
        stem.len() >= 7 && stem.bytes().all(|b| b.is_ascii_hexdigit()) && stem.bytes().any(|b| b.is_ascii_digit());
    let harmless = |c: char| {
        c.is_alphanumeric()
            || matches!(
                c,
                '.' | ',' | ';' | ':' | '\'' | '"' | '(' | ')' | '-' | '/' | '%' | '=' | '+' | '?' | '→' | '–' | '…'
            )
    };
    let percent = word.find('%').is_some_and(|at| at + 1 < word.trim_end_matches(['.', ',', ')', ';']).len());
    let lower = word.to_ascii_lowercase();
    let link = lower.contains("://") || lower.contains("www.") || lower.contains("gh-") || lower.contains("mailto:");
    // Between letters an underscore is never emphasis.
    let letters =
        |at: usize| word[..at].ends_with(char::is_alphanumeric) && word[at + 1..].starts_with(char::is_alphanumeric);
    let emphasis = word.match_indices('_').any(|(at, _)| !letters(at));
    word.chars().all(|c| c == '_' || harmless(c)) && !emphasis && !hash && !link && !percent
}

/// A fenced block: the fence is longer than any run of backticks inside.
pub(super) fn fence(language: &str, text: &str) -> String {
    let fence = "`".repeat((ticks(text) + 1).max(3));
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{fence}{language}\n{text}{end}{fence}\n")
}

/// A closed section that opens on a click. `summary` is HTML, `body` Markdown.
pub(super) fn details(summary: &str, body: &str) -> String {
    format!("<details><summary>{summary}</summary>\n\n{body}\n</details>\n")
}

#[cfg(test)]
mod tests {
    use super::{cell, code, details, fence, html_code, prose};

    #[test]
    fn code_holds_its_backticks() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a`b``c"), "```a`b``c```");
        assert_eq!(code("`a"), "`` `a ``");
        assert_eq!(code("a\n# b"), "`a\\n# b`");
    }

    #[test]
    fn a_pipe_does_not_end_a_cell() {
        assert_eq!(cell("a|b"), "<code>a&#124;b</code>");
        assert_eq!(cell("<b>|`@x`"), "<code>&#60;b&#62;&#124;&#96;&#64;x&#96;</code>");
    }

    #[test]
    fn sentences_link_to_nothing() {
        assert_eq!(prose("the name `web` is taken (30 %, or 30%)"), "the name `web` is taken (30 %, or 30%)");
        assert_eq!(prose("ask @admin about #12"), "ask `@admin` about `#12`");
        assert_eq!(prose("<img src=x> <!-- y"), "`<img` `src=x>` `<!--` y");
        assert_eq!(prose("a ` b *c* [d](e)"), "a `` ` `` b `*c*` `[d](e)`");
        assert_eq!(prose("see https://x.y and 1f0c6a2b"), "see `https://x.y` and `1f0c6a2b`");
        assert_eq!(prose("UNDER_CHANGE: _x_ __y"), "UNDER_CHANGE: `_x_` `__y`");
        assert_eq!(prose("one\ntwo"), "one two");
    }

    #[test]
    fn fences_are_longer_than_what_they_hold() {
        assert_eq!(fence("diff", "````\nx"), "`````diff\n````\nx\n`````\n");
        assert_eq!(html_code("</summary>&"), "<code>&#60;&#47;summary&#62;&#38;</code>");
        assert!(details("s", "b").ends_with("\n\nb\n</details>\n"));
    }
}
