//! Pages.

use std::collections::BTreeSet;

use crate::problem::Problem;
use crate::provider::ProviderError;

/// More pages than any list here can have; a service that still has more is broken.
const MOST_PAGES: usize = 10_000;

/// Follows page tokens and refuses to go on for ever.
#[derive(Debug, Default)]
pub(super) struct Pages {
    token: Option<String>,
    seen: BTreeSet<String>,
    /// How many pages were read.
    pub(super) read: usize,
}

impl Pages {
    pub(super) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Whether there is another page. A missing, null or empty token is the end.
    pub(super) fn more(&mut self, operation: &str, next: Option<String>) -> Result<bool, ProviderError> {
        self.read += 1;
        self.token = next.filter(|token| !token.is_empty());
        match &self.token {
            None => Ok(false),
            Some(token) if self.read < MOST_PAGES && self.seen.insert(token.clone()) => Ok(true),
            Some(_) => {
                let message = format!("{operation} gives a page token twice, or too many: its list does not end");
                Err(ProviderError::Rejected(Problem::failed(message)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_goes_round_is_ended() {
        let mut pages = Pages::default();
        assert!(pages.more("X", Some("a".into())).expect("a first page"));
        assert_eq!(pages.token(), Some("a"));
        assert!(pages.more("X", Some("b".into())).expect("a second"));
        assert!(pages.more("X", Some("a".into())).is_err());
    }

    #[test]
    fn a_list_without_end_is_ended() {
        let mut pages = Pages::default();
        let end = (0..).find_map(|number| pages.more("X", Some(format!("token {number}"))).err());
        assert!(end.is_some());
        assert_eq!(pages.read, MOST_PAGES);
    }

    #[test]
    fn an_empty_token_is_the_end() {
        let mut pages = Pages::default();
        assert!(!pages.more("X", Some(String::new())).expect("an end"));
        assert!(!pages.more("X", None).expect("an end"));
        assert_eq!(pages.read, 2);
    }
}
