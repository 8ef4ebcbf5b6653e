//! `--only` and `--exclude`: which addresses a pattern means.

use glob::Pattern;

use crate::model::Address;

/// The addresses that `pattern` means, in their own order. `*`, `?` and `[…]` are as in file names; `KEY@TARGET` is
/// matched part by part, and without `@` the pattern is a key on any target. What is not a valid pattern is taken
/// literally.
pub fn select<'a>(pattern: &str, addresses: impl Iterator<Item = &'a Address>) -> Vec<Address> {
    let (key, target) = pattern.split_once('@').unwrap_or((pattern, "*"));
    let (key, target) = (compile(key), compile(target));
    addresses.filter(|address| key.matches(&address.key) && target.matches(&address.target)).cloned().collect()
}

/// Whether `text` is what a glob means; what is not a valid one is taken literally.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    compile(pattern).matches(text)
}

fn compile(pattern: &str) -> Pattern {
    Pattern::new(pattern).or_else(|_| Pattern::new(&Pattern::escape(pattern))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        let all = ["network@prod", "network@lab", "net.work@prod", "dns@prod-eu"].map(|text| text.parse().unwrap());
        let chosen = |pattern| {
            let chosen = select(pattern, all.iter());
            chosen.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(chosen("network"), "network@prod network@lab");
        assert_eq!(chosen("network@lab"), "network@lab");
        assert_eq!(chosen("net*"), "network@prod network@lab net.work@prod");
        assert_eq!(chosen("*@prod"), "network@prod net.work@prod");
        assert_eq!(chosen("*@prod*"), "network@prod net.work@prod dns@prod-eu");
        assert_eq!(chosen("*"), "network@prod network@lab net.work@prod dns@prod-eu");
        assert_eq!(chosen("[nd]?[st]"), "dns@prod-eu");
        assert_eq!(chosen(""), "");
        assert_eq!(chosen("net["), "");
        assert_eq!(chosen("Network"), "");
    }
}
