//! A finding for a person: what is wrong, where, and the way out.
//!
//! Every module has its own error enum; at the edge each becomes a [`Problem`], and the exit code follows from its
//! [`Kind`]. Problems carry positions, never values: a value may be a secret.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What sort of finding this is. The exit code of a command follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Something failed or is damaged: exit 1.
    Failed,
    /// The files or the command line are wrong: exit 3.
    Input,
    /// Credentials, permissions, the wrong account or a target that cannot be read: exit 4.
    Access,
    /// Refused by a limit or by `protect`: exit 5.
    Refused,
    /// What the plan touches has moved: exit 6.
    Stale,
    /// Somebody else holds the ledger: exit 7.
    Held,
}

impl Kind {
    /// The exit code of a run that ends because of a problem of this kind.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Failed => 1,
            Kind::Input => 3,
            Kind::Access => 4,
            Kind::Refused => 5,
            Kind::Stale => 6,
            Kind::Held => 7,
        }
    }
}

/// A position in a file; lines and columns are counted from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Place {
    /// The file as the user named it: relative to the project where possible.
    pub file: Arc<str>,
    pub line: u32,
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One finding. `message` is one sentence fragment without a final full stop; `hint` says what to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Problem {
    pub kind: Kind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    pub message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Problem {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Problem { kind, place: None, message: message.into(), hint: None }
    }

    /// Wrong files or a wrong command line.
    pub fn input(message: impl Into<String>) -> Self {
        Problem::new(Kind::Input, message)
    }

    /// Credentials, permissions, the wrong account, an unreadable target.
    pub fn access(message: impl Into<String>) -> Self {
        Problem::new(Kind::Access, message)
    }

    /// Anything that failed while running.
    pub fn failed(message: impl Into<String>) -> Self {
        Problem::new(Kind::Failed, message)
    }

    #[must_use]
    pub fn at(mut self, place: &Place) -> Self {
        self.place = Some(place.clone());
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

/// All problems of one stage: everything is reported at once.
pub type Problems = Vec<Problem>;

/// The exit code of a set of problems: the most basic one wins, so that a wrong file is never reported as a refusal.
#[must_use]
pub fn exit_code(problems: &[Problem]) -> u8 {
    const ORDER: [Kind; 6] = [Kind::Input, Kind::Access, Kind::Held, Kind::Stale, Kind::Refused, Kind::Failed];
    ORDER.into_iter().find(|kind| problems.iter().any(|p| p.kind == *kind)).map_or(0, Kind::exit_code)
}

/// The candidate nearest to `word`, if one is near enough to be a likely slip of the keyboard.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&lower, &candidate.to_lowercase()), candidate))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
