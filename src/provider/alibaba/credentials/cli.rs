//! `~/.aliyun/config.json`, the profiles of the Alibaba Cloud CLI.
//!
//! Modes and keys are those that the official Python library (alibabacloud-credentials 1.0.12) reads. The file is
//! never written.

use jiff::Timestamp;
use serde_json::Value;

use super::door::Door;
use super::loan::{Failure, Loan};
use super::source::Source;
use super::sts::{Office, Role};
use crate::problem::nearest;
use crate::provider::alibaba::acs3::Key;

const MODES: [&str; 9] =
    ["AK", "StsToken", "RamRoleArn", "ChainableRamRoleArn", "EcsRamRole", "OIDC", "External", "CloudSSO", "OAuth"];
pub(super) const SESSION_NAME: &str = "tenure";
pub(super) const SESSION_SECONDS: u64 = 3600;
const LEAST_SECONDS: u64 = 900;
/// More profiles than anybody chains; each costs a call.
const MOST_LINKS: usize = 16;

/// The file, read.
pub(super) struct Profiles<'a> {
    door: &'a Door,
    path: String,
    root: Value,
}

impl<'a> Profiles<'a> {
    /// `None` when there is no such file, or it is not to be read.
    pub(super) fn read(door: &'a Door) -> Result<Option<Self>, Failure> {
        if disabled(door) {
            return Ok(None);
        }
        let Some(path) = door.environment.at_home(".aliyun/config.json").filter(|path| path.exists()) else {
            return Ok(None);
        };
        let name = path.display().to_string();
        let text = std::fs::read(&path).map_err(|error| Failure::new(format!("{name} cannot be read: {error}")))?;
        // Only the place is told: the parser's own words may quote what stands there.
        let root = serde_json::from_slice(&text).map_err(|error| {
            Failure::new(format!("{name}:{}:{}: this is not JSON", error.line(), error.column()))
                .hint("correct the file, or write it anew with `aliyun configure`")
        })?;
        Ok(Some(Profiles { door, path: name, root }))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.all().filter_map(|profile| profile.get("name")?.as_str())
    }

    /// The profile of whoever names none.
    pub(super) fn current(&self) -> Result<&str, Failure> {
        let current = self.root.get("current").and_then(Value::as_str);
        let name = self.door.environment.get("ALIBABA_CLOUD_PROFILE").or(current);
        name.filter(|name| !name.is_empty())
            .ok_or_else(|| Failure::new(format!("{} names no `current` profile", self.path)))
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.names().any(|known| known == name)
    }

    pub(super) fn source(&self, name: &str) -> Result<Source, Failure> {
        self.chained(name, &mut Vec::new())
    }

    fn all(&self) -> impl Iterator<Item = &Value> {
        self.root.get("profiles").and_then(Value::as_array).into_iter().flatten()
    }

    /// `seen` are the profiles that led here.
    fn chained(&self, name: &str, seen: &mut Vec<String>) -> Result<Source, Failure> {
        let again = seen.iter().any(|seen| seen == name);
        seen.push(name.to_owned());
        if again || seen.len() > MOST_LINKS {
            let (what, way) = (if again { "go in a circle" } else { "are too long a chain" }, seen.join("` → `"));
            return Err(Failure::new(format!("{}: the profiles {what}: `{way}`", self.path))
                .hint("correct `source_profile` of one of them"));
        }
        let found = self.all().find(|profile| profile.get("name").and_then(Value::as_str) == Some(name));
        let profile = Profile { file: self, name, fields: found.ok_or_else(|| self.unknown(name))? };
        match profile.text("mode")?.unwrap_or_default() {
            "ChainableRamRoleArn" => {
                let base = self.chained(profile.needed("source_profile")?, seen)?;
                Ok(Source::Role(Box::new(base), profile.role("ram_session_name")?))
            }
            mode => profile.source(mode),
        }
    }

    fn unknown(&self, name: &str) -> Failure {
        let failure = Failure::new(format!("{} has no profile `{name}`", self.path));
        match nearest(name, self.names()) {
            Some(near) => failure.hint(format!("did you mean `{near}`?")),
            None => failure.hint("`aliyun configure list` shows the profiles"),
        }
    }
}

/// Whether the file is not to be read at all.
pub(super) fn disabled(door: &Door) -> bool {
    door.environment.is_true("ALIBABA_CLOUD_CLI_PROFILE_DISABLED")
}

/// One entry of `profiles`.
struct Profile<'a> {
    file: &'a Profiles<'a>,
    name: &'a str,
    fields: &'a Value,
}

impl<'a> Profile<'a> {
    fn source(&self, mode: &str) -> Result<Source, Failure> {
        match mode {
            "AK" => Ok(Source::Loan(Loan::without_end(self.key(false)?))),
            "StsToken" => Ok(Source::Loan(Loan::without_end(self.key(true)?))),
            "RamRoleArn" => {
                let base = Source::Loan(Loan::without_end(self.key(false)?));
                Ok(Source::Role(Box::new(base), self.role("ram_session_name")?))
            }
            "EcsRamRole" => Ok(Source::Metadata(self.text("ram_role_name")?.map(str::to_owned))),
            "OIDC" => Ok(Source::Oidc {
                role: self.role("role_session_name")?,
                provider_arn: self.needed("oidc_provider_arn")?.to_owned(),
                token_file: self.needed("oidc_token_file")?.to_owned(),
            }),
            "External" => Ok(Source::Command(self.needed("process_command")?.to_owned())),
            "CloudSSO" | "OAuth" => self.signed_in(mode),
            _ => Err(self.wrong(&format!("has the mode `{mode}`")).hint(format!("known are {}", MODES.join(", ")))),
        }
    }

    /// What the CLI's last sign-in left in the file. A new one needs a browser, so it is the CLI's to make.
    fn signed_in(&self, mode: &str) -> Result<Source, Failure> {
        let again =
            format!("sign in again: `aliyun configure --profile {} --mode {mode}`, then run it again", self.name);
        let end = self.number("sts_expiration")?.and_then(|end| Timestamp::from_second(end).ok());
        let (Ok(key), Some(end)) = (self.key(true), end) else {
            return Err(self.wrong(&format!("({mode}) holds no key of a sign-in")).hint(again));
        };
        let loan = Loan::until(key, end, self.file.door.now());
        Ok(Source::Loan(loan.map_err(|failure| failure.of(self.title()).hint(again))?))
    }

    fn key(&self, temporary: bool) -> Result<Key, Failure> {
        Ok(Key {
            access_key_id: self.needed("access_key_id")?.to_owned(),
            access_key_secret: self.needed("access_key_secret")?.to_owned(),
            security_token: if temporary { Some(self.needed("sts_token")?.to_owned()) } else { None },
        })
    }

    fn role(&self, session_name: &str) -> Result<Role, Failure> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let seconds = match self.number("expired_seconds")? {
            None | Some(0) => SESSION_SECONDS,
            Some(seconds) => u64::try_from(seconds)
                .ok()
                .filter(|seconds| *seconds >= LEAST_SECONDS)
                .ok_or_else(|| self.wrong(&format!("has fewer than {LEAST_SECONDS} `expired_seconds`")))?,
        };
        let of_environment = self.file.door.environment.get("ALIBABA_CLOUD_ROLE_SESSION_NAME");
        Ok(Role {
            arn: self.needed("ram_role_arn")?.to_owned(),
            session_name: self.text(session_name)?.or(of_environment).unwrap_or(SESSION_NAME).to_owned(),
            external_id: owned(self.text("external_id")?),
            policy: owned(self.text("policy")?),
            seconds,
            at: Office {
                region: owned(self.text("sts_region")?),
                vpc: self.fields.get("enable_vpc").and_then(Value::as_bool),
            },
        })
    }

    /// An empty text counts as one that is not there: the CLI writes both.
    fn text(&self, key: &str) -> Result<Option<&'a str>, Failure> {
        match self.fields.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
            Some(_) => Err(self.wrong(&format!("has a `{key}` that is not text"))),
        }
    }

    fn needed(&self, key: &str) -> Result<&'a str, Failure> {
        self.text(key)?.ok_or_else(|| self.wrong(&format!("has no `{key}`")))
    }

    fn number(&self, key: &str) -> Result<Option<i64>, Failure> {
        match self.fields.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => match value.as_i64() {
                Some(number) => Ok(Some(number)),
                None => Err(self.wrong(&format!("has `{key}` that is not a whole number"))),
            },
        }
    }

    fn title(&self) -> String {
        format!("profile `{}` of {}", self.name, self.file.path)
    }

    fn wrong(&self, what: &str) -> Failure {
        Failure::new(format!("{} {what}", self.title())).hint("correct it with `aliyun configure`")
    }
}
