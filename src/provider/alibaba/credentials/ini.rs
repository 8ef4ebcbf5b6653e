//! The credentials file of the SDKs: sections of `key = value`.

use std::collections::BTreeMap;

use super::cli::{SESSION_NAME, SESSION_SECONDS};
use super::door::Door;
use super::loan::{Failure, Loan};
use super::source::Source;
use super::sts::{Office, Role};
use crate::problem::nearest;
use crate::provider::alibaba::acs3::Key;

const TYPES: &str = "access_key, sts, ram_role_arn, ecs_ram_role, oidc_role_arn";

/// Section, key, value.
type ByName = BTreeMap<String, BTreeMap<String, String>>;

/// The file, read.
pub(super) struct Sections {
    path: String,
    sections: ByName,
}

impl Sections {
    /// Python looks for `~/.alibabacloud/credentials.ini`, Go and Node for `~/.alibabacloud/credentials`. `Err` when
    /// a file that is named is not there.
    pub(super) fn read(door: &Door) -> Result<Option<Self>, Failure> {
        let environment = &door.environment;
        let named = environment.get("ALIBABA_CLOUD_CREDENTIALS_FILE").map(std::path::PathBuf::from);
        let usual = [".alibabacloud/credentials.ini", ".alibabacloud/credentials"];
        let path =
            named.or_else(|| usual.iter().filter_map(|path| environment.at_home(path)).find(|path| path.exists()));
        let Some(path) = path else { return Ok(None) };
        let name = path.display().to_string();
        let text =
            std::fs::read_to_string(&path).map_err(|error| Failure::new(format!("{name} cannot be read: {error}")))?;
        let sections = parse(&text).map_err(|(line, what)| Failure::new(format!("{name}:{line}: {what}")))?;
        Ok(Some(Sections { path: name, sections }))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.sections.keys().map(String::as_str)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.sections.contains_key(name)
    }

    pub(super) fn source(&self, name: &str, door: &Door) -> Result<Source, Failure> {
        let Some(fields) = self.sections.get(name) else {
            let failure = Failure::new(format!("{} has no section `{name}`", self.path));
            return Err(match nearest(name, self.names()) {
                Some(near) => failure.hint(format!("did you mean `{near}`?")),
                None => failure,
            });
        };
        let wrong = |what: String| Failure::new(format!("section `{name}` of {} {what}", self.path));
        let text = |key: &str| fields.get(key).filter(|text| !text.is_empty()).cloned();
        let needed = |key: &str| text(key).ok_or_else(|| wrong(format!("has no `{key}`")));
        let key = |token: Option<String>| {
            let (id, secret) = (needed("access_key_id")?, needed("access_key_secret")?);
            let key = Key { access_key_id: id, access_key_secret: secret, security_token: token };
            Ok(Source::Loan(Loan::without_end(key)))
        };
        let role = || {
            let of_environment = || door.environment.get("ALIBABA_CLOUD_ROLE_SESSION_NAME").map(str::to_owned);
            let session_name = text("role_session_name").or_else(of_environment);
            Ok(Role {
                arn: needed("role_arn")?,
                session_name: session_name.unwrap_or_else(|| SESSION_NAME.to_owned()),
                external_id: None,
                policy: text("policy"),
                seconds: SESSION_SECONDS,
                at: Office::default(),
            })
        };
        match needed("type")?.as_str() {
            "access_key" => key(None),
            "sts" => key(Some(needed("security_token")?)),
            "ram_role_arn" => Ok(Source::Role(Box::new(key(None)?), role()?)),
            "ecs_ram_role" => Ok(Source::Metadata(text("role_name"))),
            "oidc_role_arn" => Ok(Source::Oidc {
                role: role()?,
                provider_arn: needed("oidc_provider_arn")?,
                token_file: needed("oidc_token_file_path")?,
            }),
            "rsa_key_pair" => Err(wrong("is of the type `rsa_key_pair`, which is not supported".to_owned())
                .hint("key pairs serve the Japan site only; use an access key or a role")),
            other => Err(wrong(format!("has the type `{other}`")).hint(format!("known are {TYPES}"))),
        }
    }
}

/// Python's `configparser` without its continuation lines and `%` references; what follows a `#` in a value is no
/// part of it. `Err` holds the line.
fn parse(text: &str) -> Result<ByName, (usize, &'static str)> {
    let mut sections: ByName = BTreeMap::new();
    let mut current = None;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(rest) = line.strip_prefix('[') {
            let (name, _) = rest.split_once(']').ok_or((number, "a section's name ends with `]`"))?;
            if sections.contains_key(name) {
                return Err((number, "this section stands there twice"));
            }
            current = Some(sections.entry(name.to_owned()).or_default());
            continue;
        }
        let (key, value) =
            line.split_once(['=', ':']).ok_or((number, "this is neither a section nor `key = value`"))?;
        let section = current.as_mut().ok_or((number, "this stands before the first section"))?;
        let value = value.split('#').next().unwrap_or_default().trim();
        if section.insert(key.trim().to_lowercase(), value.to_owned()).is_some() {
            return Err((number, "this key stands twice in its section"));
        }
    }
    Ok(sections)
}
