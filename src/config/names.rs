//! What names, regions, accounts, tags and the like may look like on AWS and wherever the clouds do not differ. Each check
//! answers with a problem without a place.

use std::sync::LazyLock;

use fancy_regex::Regex;

use crate::problem::Problem;

/// AWS `ProvisionedProductName`; keys of targets and provisioned products follow the same rule, because a key is the
/// default name.
pub(super) fn entity(label: &str, name: &str) -> Result<(), Problem> {
    let rest = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if first && name.len() <= 128 && name.bytes().all(rest) {
        return Ok(());
    }
    let message = format!("{label} is not a valid name");
    Err(Problem::input(message)
        .hint("a name begins with a letter or digit and has letters, digits, `.`, `_` and `-`, at most 128"))
}

/// The name of an output: CloudFormation's are alphanumeric, those of other engines also have `_` and `-`.
pub(super) fn is_output(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// `eu-west-1`, `us-gov-east-1`, `eusc-de-east-1`.
pub(super) fn region(name: &str) -> Result<(), Problem> {
    let mut words: Vec<&str> = name.split('-').collect();
    let number = words.pop().unwrap_or_default();
    let word = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let digits = (1..=2).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    if digits && words.len() >= 2 && words.iter().all(word) {
        return Ok(());
    }
    Err(Problem::input("`region` is not the name of an AWS region")
        .hint("write it as in `eu-west-1`, without an availability zone"))
}

pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The characters of IAM names: `[\w+=,.@-]`.
pub(super) fn is_iam_name(name: &str, length: std::ops::RangeInclusive<usize>) -> bool {
    length.contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
}

/// STS `ExternalId`.
pub(super) fn external_id(text: &str) -> Result<(), Problem> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&byte);
    if (2..=1224).contains(&text.len()) && text.bytes().all(good) {
        return Ok(());
    }
    Err(Problem::input("`external_id` must have 2 to 1224 letters, digits and characters of `_+=,.@:/-`"))
}

/// STS `RoleSessionName`.
pub(super) fn role_session_name(text: &str) -> Result<(), Problem> {
    if is_iam_name(text, 2..=64) {
        return Ok(());
    }
    Err(Problem::input("`role_session_name` must have 2 to 64 letters, digits and characters of `_+=,.@-`"))
}

/// `http(s)://HOST[:PORT]`, without the final slash. The text is not repeated: it may hold a password.
pub(super) fn endpoint(text: &str) -> Result<String, Problem> {
    let wrong = |what: &str| {
        Problem::input(format!("`endpoint` {what}")).hint(
            "write `http://HOST:PORT`, `https://HOST:PORT` or `sandbox:`; every service of the target is asked there",
        )
    };
    let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("is not a URL"))?;
    if scheme != "http" && scheme != "https" {
        return Err(wrong("is not an http or https URL"));
    }
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if authority.contains(['/', '?', '#']) {
        return Err(wrong("has a path or a query"));
    }
    if authority.contains('@') {
        return Err(wrong("has a user name"));
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let good_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let good_host = match inner {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
        }
    };
    if good_host && good_port {
        Ok(format!("{scheme}://{authority}"))
    } else {
        Err(wrong("has no valid host and port"))
    }
}

pub(super) fn tag_key(label: &str, key: &str) -> Result<(), Problem> {
    if key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
        let message = format!("`{label}` begins with `aws:`, which AWS keeps for itself");
        return Err(Problem::input(message).hint("choose another tag key"));
    }
    tag_text(label, "a key", key, 128)
}

pub(super) fn tag_value(label: &str, value: &str) -> Result<(), Problem> {
    tag_text(label, "a value", value, 256)
}

fn tag_text(label: &str, what: &str, text: &str, most: usize) -> Result<(), Problem> {
    static ALLOWED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$").ok());
    let length = text.chars().count();
    if length == 0 || length > most {
        let message = format!("`{label}` has {what} of {length} characters; AWS allows 1 to {most}");
        return Err(Problem::input(message));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b" _.:/=+-@".contains(&byte);
    let allowed =
        text.bytes().all(plain) || ALLOWED.as_ref().is_some_and(|pattern| pattern.is_match(text).unwrap_or(false));
    if allowed {
        return Ok(());
    }
    let message = format!("`{label}` has {what} with characters that AWS does not allow");
    Err(Problem::input(message).hint("letters, digits, spaces and `_.:/=+-@` are allowed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["a", "0", "a.b_c-d", &"x".repeat(128)] {
            assert!(entity("", good).is_ok(), "{good}");
        }
        for bad in ["", "-a", ".a", "_a", "a b", "ä", "a@b", &"x".repeat(129)] {
            assert!(entity("", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn regions() {
        for good in ["eu-west-1", "us-gov-west-1", "eusc-de-east-1", "us-isob-east-1", "ap-southeast-7", "mx-central-1"]
        {
            assert!(region(good).is_ok(), "{good}");
        }
        for bad in ["", "eu-west-1a", "EU-WEST-1", "eu-1", "west-1", "eu--1", "eu-west", "eu-west-123", "cn-hangzhou"] {
            assert!(region(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn endpoints() {
        for good in
            ["http://127.0.0.1:4566", "https://host", "https://a-b.example.com/", "http://[::1]:80", "http://[::1]"]
        {
            assert_eq!(endpoint(good).as_deref(), Ok(good.trim_end_matches('/')));
        }
        for bad in [
            "localhost:4566",
            "ftp://host",
            "http://",
            "http://host/path",
            "http://host?x",
            "http://u:p@host",
            "http://host:0",
            "http://host:99999",
            "http://host:",
            "http://a b",
            "http://[::1",
            "http:///",
        ] {
            assert!(endpoint(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn tags() {
        for good in ["a", "Team Nord", "größe", "日本語", "a:b/c=d+e-f@g.h_i", "²", "\u{a0}"] {
            assert!(tag_value("t", good).is_ok(), "{good}");
        }
        for bad in ["", "a\nb", "a\n", "a*b", "😀", "a\tb", "a%b", &"x".repeat(257)] {
            assert!(tag_value("t", bad).is_err(), "{bad:?}");
        }
        assert!(tag_key("t", "AWS:x").is_err());
        assert!(tag_key("t", "aws-x").is_ok());
    }
}
