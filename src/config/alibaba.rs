//! What names, regions, accounts and tags may look like on Alibaba Cloud. Each check answers with a problem without a place.

use crate::problem::Problem;

/// `ProvisionedProductName` of LaunchProduct: 1 to 128 characters, of any kind.
pub(super) fn name(label: &str, name: &str) -> Result<(), Problem> {
    length(label, "", name, 1, 128)
}

/// `cn-hangzhou`, `ap-southeast-1`, `cn-north-2-gov-1`. A zone ends with one letter more: `cn-hangzhou-b`, `us-east-1a`.
/// Which regions there are is the service's to say (ListRegions).
pub(super) fn region(key: &str, name: &str) -> Result<(), Problem> {
    // It becomes one label of a host name.
    let short = name.len() <= 63;
    let (first, rest) = name.split_once('-').unwrap_or((name, ""));
    let place = first.len() > 1 && first.bytes().all(|byte| byte.is_ascii_lowercase());
    if short && place && rest.split('-').all(is_part_of_a_region) {
        return Ok(());
    }
    Err(Problem::input(format!("`{key}` is not the name of an Alibaba Cloud region"))
        .hint("write it as in `cn-hangzhou` or `ap-southeast-1`, without a zone"))
}

fn is_part_of_a_region(word: &str) -> bool {
    let plain = word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let digits = word.bytes().all(|byte| byte.is_ascii_digit());
    let named = word.len() > 1 && word.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    plain && !word.is_empty() && (digits || named)
}

pub(super) fn is_account(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The names of RAM users (CreateUser) and roles (CreateRole).
pub(super) fn is_ram_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// STS `RoleSessionName` (AssumeRole).
pub(super) fn role_session_name(text: &str) -> Result<(), Problem> {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b".@_-".contains(&byte);
    if (2..=64).contains(&text.len()) && text.bytes().all(good) {
        return Ok(());
    }
    Err(Problem::input("`role_session_name` must have 2 to 64 letters, digits and characters of `.@_-`"))
}

/// `Tags.N.Key` of LaunchProduct and UpdateProvisionedProduct.
pub(super) fn tag_key(label: &str, key: &str) -> Result<(), Problem> {
    for start in ["acs:", "aliyun"] {
        if key.starts_with(start) {
            let message = format!("`{label}` begins with `{start}`, which Alibaba Cloud keeps for itself");
            return Err(Problem::input(message).hint("choose another tag key"));
        }
    }
    no_url(label, "a key", key)?;
    length(&format!("`{label}`"), "a key of ", key, 1, 128)
}

/// `Tags.N.Value` of LaunchProduct and UpdateProvisionedProduct; an empty value is allowed.
pub(super) fn tag_value(label: &str, value: &str) -> Result<(), Problem> {
    if value.starts_with("acs:") {
        let message = format!("`{label}` has a value that begins with `acs:`, which Alibaba Cloud does not allow");
        return Err(Problem::input(message).hint("leave the `acs:` out, or put a word before it"));
    }
    no_url(label, "a value", value)?;
    length(&format!("`{label}`"), "a value of ", value, 0, 128)
}

fn no_url(label: &str, what: &str, text: &str) -> Result<(), Problem> {
    if text.contains("http://") || text.contains("https://") {
        let message = format!("`{label}` has {what} with `http://` or `https://`, which Alibaba Cloud does not allow");
        return Err(Problem::input(message).hint("leave the scheme out"));
    }
    Ok(())
}

fn length(label: &str, what: &str, text: &str, least: usize, most: usize) -> Result<(), Problem> {
    let length = text.chars().count();
    if (least..=most).contains(&length) {
        return Ok(());
    }
    Err(Problem::input(format!("{label} has {what}{length} characters; Alibaba Cloud allows {least} to {most}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions() {
        for good in [
            "cn-hangzhou",
            "ap-southeast-1",
            "us-east-1",
            "eu-central-1",
            "cn-shanghai-finance-1",
            "cn-north-2-gov-1",
            "cn-hangzhou-dg-a01",
            "rus-west-1",
        ] {
            assert!(region("region", good).is_ok(), "{good}");
        }
        let long = format!("cn-{}", "x".repeat(61));
        for bad in [
            "",
            "cn",
            "hangzhou",
            "cn-",
            "-cn",
            "cn--x",
            "cn-hangzhou-b",
            "us-east-1a",
            "CN-Hangzhou",
            "cn-hang zhou",
            "cn-hangzhou.x",
            "cn-hang/zhou",
            "1-hangzhou",
            "c-hangzhou",
            "cn-größe",
            &long,
        ] {
            assert!(region("region", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn tags() {
        for good in ["", "Team Nord", "größe", "a*b\n", "x acs:y", "http:/x", &"中".repeat(128)] {
            assert!(tag_value("t", good).is_ok(), "{good}");
        }
        for bad in ["acs:x", "see https://x", "http://", &"x".repeat(129)] {
            assert!(tag_value("t", bad).is_err(), "{bad}");
        }
        for good in ["a", "aws:x", "x aliyun", "Aliyun", &"x".repeat(128)] {
            assert!(tag_key("t", good).is_ok(), "{good}");
        }
        for bad in ["", "acs:x", "aliyun", "aliyun.x", "http://x", &"x".repeat(129)] {
            assert!(tag_key("t", bad).is_err(), "{bad}");
        }
    }
}
