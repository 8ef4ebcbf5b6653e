//! Where a key comes from, once a place has been read.

use std::time::Duration;

use super::door::Door;
use super::loan::{Failure, Loan};
use super::sts::{self, Role};
use super::{external, metadata};

/// Longest time of a `process_command`, as in the official libraries.
const COMMAND_LIMIT: Duration = Duration::from_secs(60);

/// A key, or how it is got. No `Debug`: a command or a URI may hold a secret.
pub(super) enum Source {
    Loan(Loan),
    /// A role that the key of another source may assume.
    Role(Box<Source>, Role),
    Oidc {
        role: Role,
        provider_arn: String,
        token_file: String,
    },
    /// The role of the machine; its name is looked up when it is not given.
    Metadata(Option<String>),
    Uri(String),
    Command(String),
}

impl Source {
    pub(super) async fn fetch(&self, door: &Door) -> Result<Loan, Failure> {
        match self {
            Source::Loan(loan) => Ok(loan.clone()),
            Source::Role(base, role) => {
                let base = Box::pin(base.fetch(door)).await?;
                let assumed = sts::assume(door, &base.key, role).await;
                assumed.map_err(|failure| failure.of(format_args!("role `{}`", role.arn)))
            }
            Source::Oidc { role, provider_arn, token_file } => {
                let token = std::fs::read_to_string(token_file)
                    .map_err(|error| Failure::new(format!("{token_file} cannot be read: {error}")))?;
                let assumed = sts::assume_with_oidc(door, role, provider_arn, token.trim()).await;
                assumed.map_err(|failure| failure.of(format_args!("role `{}`", role.arn)))
            }
            Source::Metadata(role) => metadata::of_machine(door, role.as_deref()).await,
            Source::Uri(uri) => metadata::of_uri(door, uri).await,
            Source::Command(command) => {
                let words = external::words(command).map_err(Failure::new)?;
                let failed = |text: String| {
                    Failure::new(format!("`process_command`: {text}"))
                        .hint("run the command by hand to see what it says")
                };
                let ran = door.within(COMMAND_LIMIT, door.environment.commands.run(&words)).await;
                let output = ran.ok_or_else(|| failed(format!("it takes longer than {COMMAND_LIMIT:?}")))?;
                external::read(&output.map_err(failed)?, door.now()).map_err(|failure| failure.of("`process_command`"))
            }
        }
    }
}
