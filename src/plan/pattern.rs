//! `AllowedPattern` of a template: CloudFormation matches a whole value with a Java regular expression.
//!
//! The pattern is rewritten for our engine where the two mean different things (source: the documentation of
//! `java.util.regex.Pattern`): POSIX and shorthand classes are ASCII in Java, `\Q…\E` quotes, and `.` leaves out every
//! line terminator. ROS matches with Python's `re`, which differs for letters and digits outside ASCII only.

use fancy_regex::Regex;

/// Whether `value` as a whole matches. `None` for a pattern that is not understood or takes too long: it is left to the
/// service.
pub fn matches(pattern: &str, value: &str) -> Option<bool> {
    let ours = rewrite(pattern)?;
    // On its own first: `a)(b` is no pattern, although it becomes one inside parentheses.
    Regex::new(&ours).ok()?;
    Regex::new(&format!(r"\A(?:{ours})\z")).ok()?.is_match(value).ok()
}

fn rewrite(pattern: &str) -> Option<String> {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    let mut depth = 0_usize;
    while let Some(c) = rest.chars().next() {
        let (taken, text) = match c {
            '\\' => escape(rest),
            // A set of characters in Java, and a POSIX class for our engine.
            '[' if depth > 0 && rest.starts_with("[:") => return None,
            '.' if depth == 0 => (1, r"[^\n\r\x{85}\x{2028}\x{2029}]".to_owned()),
            _ => (c.len_utf8(), c.to_string()),
        };
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        out.push_str(&text);
        rest = &rest[taken..];
    }
    Some(out)
}

/// The length of the escape that `rest` begins with, and the same for our engine.
fn escape(rest: &str) -> (usize, String) {
    if let Some(quoted) = rest.strip_prefix(r"\Q") {
        let end = quoted.find(r"\E");
        let literal = &quoted[..end.unwrap_or(quoted.len())];
        return (2 + literal.len() + end.map_or(0, |_| 2), fancy_regex::escape(literal).into_owned());
    }
    for (start, negation) in [(r"\p{", ""), (r"\P{", "^")] {
        let class = rest.strip_prefix(start).and_then(|rest| rest.split_once('}'));
        if let Some((name, _)) = class
            && let Some(ascii) = posix(name)
        {
            return (start.len() + name.len() + 1, format!("[{negation}{ascii}]"));
        }
    }
    let next = rest[1..].chars().next();
    let class = match next {
        Some('d') => "[0-9]",
        Some('D') => "[^0-9]",
        Some('w') => "[a-zA-Z0-9_]",
        Some('W') => "[^a-zA-Z0-9_]",
        Some('s') => r"[ \t\n\x0B\f\r]",
        Some('S') => r"[^ \t\n\x0B\f\r]",
        Some('h') => r"[ \t\x{A0}\x{1680}\x{180E}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}]",
        Some('H') => r"[^ \t\x{A0}\x{1680}\x{180E}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}]",
        _ => {
            let length = 1 + next.map_or(0, char::len_utf8);
            return (length, rest[..length].to_owned());
        }
    };
    (2, class.to_owned())
}

/// The members of a POSIX class, as Java has them without `UNICODE_CHARACTER_CLASS`.
fn posix(name: &str) -> Option<&'static str> {
    Some(match name {
        "Lower" => "a-z",
        "Upper" => "A-Z",
        "ASCII" => r"\x00-\x7F",
        "Alpha" => "a-zA-Z",
        "Digit" => "0-9",
        "Alnum" => "a-zA-Z0-9",
        "Punct" => r"!-/:-@\[-`{-\~",
        "Graph" => r"!-\~",
        "Print" => r"\x20-\~",
        "Blank" => r" \t",
        "Cntrl" => r"\x00-\x1F\x7F",
        "XDigit" => "0-9a-fA-F",
        "Space" => r" \t\n\x0B\f\r",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn posix_classes_are_those_of_java() {
        for (pattern, yes, no) in [
            (r"[\p{Alnum}\p{Punct}]*", "a+b=c$1", "a b"),
            (r"\p{Punct}+", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "§"),
            (r"\P{Punct}+", "äb1", "a-b"),
            (r"[^\p{Space}]+", "ab", "a b"),
            (r"\p{Alpha}+", "ab", "äb"),
            (r"[\p{Lower}-]+", "a-b", "A"),
            (r"\p{ASCII}*", "a~", "ä"),
            (r"\p{L}+", "äß", "1"),
        ] {
            assert_eq!(matches(pattern, yes), Some(true), "{pattern} {yes}");
            assert_eq!(matches(pattern, no), Some(false), "{pattern} {no}");
        }
    }

    #[test]
    fn shorthands_are_ascii_and_a_value_matches_as_a_whole() {
        assert_eq!(matches(r"\d+", "١٢"), Some(false));
        assert_eq!(matches(r"\w+", "ä"), Some(false));
        assert_eq!(matches(r"[\w-.]+", "a-b.c"), Some(true));
        assert_eq!(matches(r"\h", " "), Some(true));
        assert_eq!(matches("a|b", "ab"), Some(false));
        assert_eq!(matches("^a$", "a\n"), Some(false));
        assert_eq!(matches(".", "\r"), Some(false));
        assert_eq!(matches("(?s)a[.]b", "a.b"), Some(true));
    }

    #[test]
    fn quoting_and_brackets_mean_what_they_mean_in_java() {
        assert_eq!(matches(r"\Qa.b\E+", "a.bb"), Some(true));
        assert_eq!(matches(r"\Qa.b", "axb"), Some(false));
        assert_eq!(matches("[a-z&&[^b]]+", "abc"), Some(false));
        assert_eq!(matches(r"\\d", r"\d"), Some(true));
    }

    #[test]
    fn a_pattern_that_is_not_understood_is_left_to_the_service() {
        for pattern in ["a)(b", "[", "[[:alnum:]]+", r"\p{javaLowerCase}", "(a+"] {
            assert_eq!(matches(pattern, "x"), None, "{pattern}");
        }
    }
}
