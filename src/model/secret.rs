//! Finding a secret in a text, also where somebody has encoded it, and taking it out.
//!
//! A cloud repeats what it was sent: in errors, and in outputs that a template makes of a parameter. What it repeats may be
//! quoted, or be part of a URL or of a header.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What RFC 3986 does not call unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// A secret shorter than this is in many texts by chance, and cannot be taken out of one: the holes would spell it.
const FINDABLE_CHARACTERS: usize = 4;

fn is_findable(form: &str) -> bool {
    form.chars().count() >= FINDABLE_CHARACTERS
}

/// What finds some secrets, once it is made.
pub struct Sieve {
    secrets: BTreeSet<String>,
    /// The longest first, so that a secret that contains another leaves no remainder.
    forms: Vec<String>,
}

impl Sieve {
    #[must_use]
    pub fn new(secrets: BTreeSet<String>) -> Self {
        let all: BTreeSet<String> = secrets.iter().flat_map(|secret| forms(secret)).collect();
        let mut forms: Vec<String> = all.into_iter().collect();
        forms.sort_by_key(|form| std::cmp::Reverse(form.len()));
        Sieve { secrets, forms }
    }

    /// Whether a text contains one of the secrets, as it is or encoded. A short one must be all of the text.
    #[must_use]
    pub fn catches(&self, text: &str) -> bool {
        let found = |form: &String| if is_findable(form) { text.contains(form.as_str()) } else { text == form };
        self.forms.iter().any(found) || self.is_in_encoded(text)
    }

    /// Whoever writes percent signs chooses which characters get one.
    fn is_in_encoded(&self, text: &str) -> bool {
        let contains = |text: &str| {
            let decoded = percent_decode_str(text).decode_utf8_lossy();
            self.secrets.iter().any(|secret| is_findable(secret) && decoded.contains(secret.as_str()))
        };
        text.contains(['%', '+']) && (contains(text) || contains(&text.replace('+', " ")))
    }

    /// A text without the secrets in it.
    #[must_use]
    pub fn mask(&self, text: &str) -> String {
        if self.forms.iter().any(|form| !is_findable(form) && text.contains(form.as_str())) {
            return "(the service's own text is left out: it contains a secret that is too short to be masked)"
                .to_owned();
        }
        let mut masked = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let found = self.forms.iter().find(|form| rest.starts_with(form.as_str()));
            masked.push_str(if found.is_some() { "(secret)" } else { &rest[..next.len_utf8()] });
            rest = &rest[found.map_or(next.len_utf8(), String::len)..];
        }
        // How this was encoded is not among the forms: then nothing of the text is safe.
        if self.is_in_encoded(&masked) {
            return "(the service's own text is left out: it contains a secret)".to_owned();
        }
        masked
    }
}

/// A secret as it is, as JSON quotes it and, if it is long enough to be told from other text, as it may be encoded.
fn forms(secret: &str) -> BTreeSet<String> {
    let mut forms = BTreeSet::from([secret.to_owned(), quoted(secret)]);
    if is_findable(secret) {
        let hex = hex::encode(secret);
        let percent = utf8_percent_encode(secret, RESERVED).to_string();
        forms.extend([hex.to_uppercase(), hex, quoted(&quoted(secret)), quoted_ascii(secret), percent]);
        forms.extend(base64(secret.as_bytes()).into_iter().filter(|form| is_findable(form)));
    }
    forms.retain(|form| !form.is_empty());
    forms
}

/// Without the marks around it.
fn quoted(text: &str) -> String {
    let json = serde_json::Value::from(text).to_string();
    json[1..json.len() - 1].to_owned()
}

/// As a program quotes it that writes ASCII only.
fn quoted_ascii(text: &str) -> String {
    let mut ascii = String::new();
    for c in quoted(text).chars() {
        match c.is_ascii() {
            true => ascii.push(c),
            false => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| _ = write!(ascii, "\\u{unit:04x}")),
        }
    }
    ascii
}

/// What base64 makes of it wherever it begins in a longer text (`user:secret`): the digits that depend on nothing before
/// or behind it, in both alphabets.
fn base64(secret: &[u8]) -> Vec<String> {
    const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    (0..3_usize)
        .map(|before| {
            let bit = |bit: usize| secret[bit / 8 - before] >> (7 - bit % 8) & 1;
            let digits = (before * 8).div_ceil(6)..(before + secret.len()) * 8 / 6;
            let digit = |at: usize| (at * 6..at * 6 + 6).fold(0, |value, place| value << 1 | bit(place));
            digits.map(|at| char::from(STANDARD[usize::from(digit(at))])).collect::<String>()
        })
        .flat_map(|form| [form.replace('+', "-").replace('/', "_"), form])
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "p@ss w\u{f6}rd\"/1";

    fn sieve(secrets: &[&str]) -> Sieve {
        Sieve::new(secrets.iter().map(|secret| (*secret).to_owned()).collect())
    }

    fn masked(text: &str, secrets: &[&str]) -> String {
        sieve(secrets).mask(text)
    }

    fn repeats(text: &str, secret: &str) -> bool {
        sieve(&[secret]).catches(text)
    }

    #[test]
    fn a_secret_is_found_however_it_is_written() {
        // `base64`, `hex` and percent-encoding as coreutils, xxd and RFC 3986 have them.
        for text in [
            "x p@ss w\u{f6}rd\"/1 y",
            "{\"a\":\"p@ss w\u{f6}rd\\\"/1\"}",
            r#"{"a":"p@ss w\u00f6rd\"/1"}"#,
            "https://x/?p=p%40ss%20w%C3%B6rd%22%2F1",
            "https://x/?p=p%40ss+w%c3%b6rd%22%2f1&q",
            "https://x/?p=p@ss%20w%C3%B6rd%22/1",
            "cEBzcyB3w7ZyZCIvMQ==",
            "dTpwQHNzIHfDtnJkIi8x",
            "YWE6cEBzcyB3w7ZyZCIvMTph",
            "704073732077c3b67264222f31",
            "704073732077C3B67264222F31",
        ] {
            assert!(repeats(text, SECRET), "{text}");
            let told = masked(text, &[SECRET]);
            assert!(!repeats(&told, SECRET) && told.contains("secret"), "{told}");
        }
        assert!(!repeats("something else", SECRET) && !repeats("", SECRET) && !repeats("x", ""));
    }

    #[test]
    fn a_short_secret_is_repeated_by_itself_only() {
        assert!(repeats("abc", "abc") && !repeats("abcd", "abc") && repeats("abcde", "abcd"));
    }

    #[test]
    fn the_longest_secret_is_masked_first() {
        assert_eq!(masked("not abcdef, nor abcd", &["abcd", "abcdef"]), "not (secret), nor (secret)");
    }

    #[test]
    fn a_secret_is_masked_where_it_is_quoted_too() {
        assert_eq!(masked(r#"{"value": "a\"b\\c"}"#, &["a\"b\\c"]), r#"{"value": "(secret)"}"#);
    }

    #[test]
    fn no_secret_masks_nothing() {
        assert_eq!(masked("as it was", &[""]), "as it was");
    }

    #[test]
    fn a_mask_is_not_masked_and_a_short_secret_leaves_no_holes_to_read_it_from() {
        assert_eq!(masked("broke at hunter2: secret", &["hunter2", "secret"]), "broke at (secret): (secret)");
        assert!(!masked("the resource broke", &["e"]).contains("resourc"));
        assert_eq!(masked("nothing of it", &["zq"]), "nothing of it");
    }
}
