//! The default chain: which places are tried, in which order, and what to say when none of them serves.

use super::cli::{self, Profiles, SESSION_NAME, SESSION_SECONDS};
use super::door::Door;
use super::ini::Sections;
use super::loan::{Failure, Loan};
use super::source::Source;
use super::sts::{Office, Role};
use crate::problem::nearest;
use crate::provider::alibaba::acs3::Key;

/// A place of the default chain (`DefaultCredentialsProvider` of the official libraries), in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Environment,
    Oidc,
    Cli,
    Ini,
    Metadata,
    Uri,
}

const ORDER: [Place; 6] = [Place::Environment, Place::Oidc, Place::Cli, Place::Ini, Place::Metadata, Place::Uri];

impl Place {
    pub(super) fn name(self) -> &'static str {
        match self {
            Place::Environment => "environment",
            Place::Oidc => "OIDC token",
            Place::Cli => "CLI profile",
            Place::Ini => "credentials file",
            Place::Metadata => "ECS metadata",
            Place::Uri => "credentials URI",
        }
    }

    pub(super) async fn fetch(self, door: &Door) -> Result<Loan, Failure> {
        self.source(door)?.fetch(door).await
    }

    fn source(self, door: &Door) -> Result<Source, Failure> {
        match self {
            Place::Environment => {
                let key = Key {
                    access_key_id: needed(door, "ALIBABA_CLOUD_ACCESS_KEY_ID")?,
                    access_key_secret: needed(door, "ALIBABA_CLOUD_ACCESS_KEY_SECRET")?,
                    security_token: door.environment.get("ALIBABA_CLOUD_SECURITY_TOKEN").map(str::to_owned),
                };
                Ok(Source::Loan(Loan::without_end(key)))
            }
            Place::Oidc => {
                let session_name = door.environment.get("ALIBABA_CLOUD_ROLE_SESSION_NAME").unwrap_or(SESSION_NAME);
                let role = Role {
                    arn: needed(door, "ALIBABA_CLOUD_ROLE_ARN")?,
                    session_name: session_name.to_owned(),
                    external_id: None,
                    policy: None,
                    seconds: SESSION_SECONDS,
                    at: Office::default(),
                };
                let provider_arn = needed(door, "ALIBABA_CLOUD_OIDC_PROVIDER_ARN")?;
                Ok(Source::Oidc { role, provider_arn, token_file: needed(door, "ALIBABA_CLOUD_OIDC_TOKEN_FILE")? })
            }
            Place::Cli if cli::disabled(door) => Err(Failure::new("ALIBABA_CLOUD_CLI_PROFILE_DISABLED is set")),
            Place::Cli => {
                let profiles =
                    Profiles::read(door)?.ok_or_else(|| Failure::new("there is no ~/.aliyun/config.json"))?;
                profiles.source(profiles.current()?)
            }
            Place::Ini => {
                let sections = Sections::read(door)?;
                let sections = sections.ok_or_else(|| Failure::new("there is no ~/.alibabacloud/credentials.ini"))?;
                sections.source(door.environment.get("ALIBABA_CLOUD_PROFILE").unwrap_or("default"), door)
            }
            Place::Metadata => {
                Ok(Source::Metadata(door.environment.get("ALIBABA_CLOUD_ECS_METADATA").map(str::to_owned)))
            }
            Place::Uri => Ok(Source::Uri(needed(door, "ALIBABA_CLOUD_CREDENTIALS_URI")?)),
        }
    }
}

fn needed(door: &Door, name: &str) -> Result<String, Failure> {
    let value = door.environment.get(name).map(str::to_owned);
    value.ok_or_else(|| Failure::new(format!("{name} is not set")))
}

/// The first place that serves, or what each of them lacks.
pub(super) async fn first(door: &Door) -> Result<(Place, Loan), Failure> {
    let mut lines = vec!["none of these serves".to_owned()];
    let mut hint = None;
    let mut wait = None;
    for place in ORDER {
        match place.fetch(door).await {
            Ok(loan) => return Ok((place, loan)),
            Err(failure) => {
                lines.push(format!("{}: {}", place.name(), failure.text));
                // The way out of the first place that was meant to serve.
                hint = hint.or(failure.hint);
                wait = wait.max(failure.wait);
            }
        }
    }
    let usual = "set `profile` of the target, or ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, or \
                 run `aliyun configure`";
    let failure = Failure::new(lines.join("\n  ")).hint(hint.unwrap_or_else(|| usual.to_owned()));
    Err(Failure { wait, ..failure })
}

/// A profile by its name: of the CLI, or else a section of the credentials file.
pub(super) fn named(door: &Door, name: &str) -> Result<Source, Failure> {
    let profiles = Profiles::read(door)?;
    if let Some(profiles) = profiles.as_ref().filter(|profiles| profiles.has(name)) {
        return profiles.source(name);
    }
    let sections = Sections::read(door)?;
    if let Some(sections) = sections.as_ref().filter(|sections| sections.has(name)) {
        return sections.source(name, door);
    }
    let names = profiles.iter().flat_map(Profiles::names).chain(sections.iter().flat_map(Sections::names));
    let failure = Failure::new("neither the CLI's ~/.aliyun/config.json nor the credentials file has it");
    Err(match nearest(name, names) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure.hint(format!("make it with `aliyun configure --profile {name}`")),
    })
}
