//! What the machine gives: variables, the home folder and a way to run a command. Tests give their own.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use async_trait::async_trait;

/// Of all variables only these matter here, and only these are kept.
const PREFIX: &str = "ALIBABA_CLOUD_";

/// Starts a program and waits for its end.
#[async_trait]
pub(in crate::provider::alibaba) trait Run: Send + Sync {
    /// What a command wrote to its standard output, when it ended well. Dropping the future ends the command. The text
    /// of an error holds nothing that the command wrote: that may be a secret.
    async fn run(&self, words: &[String]) -> Result<Vec<u8>, String>;
}

/// The machine as far as credentials depend on it.
#[derive(Clone)]
pub(in crate::provider::alibaba) struct Environment {
    pub(in crate::provider::alibaba) variables: BTreeMap<String, String>,
    pub(in crate::provider::alibaba) home: Option<PathBuf>,
    pub(in crate::provider::alibaba) commands: Arc<dyn Run>,
}

impl Environment {
    /// That of this process.
    pub(in crate::provider::alibaba) fn of_process() -> Self {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with(PREFIX))
            .collect();
        let home = std::env::home_dir().filter(|path| !path.as_os_str().is_empty());
        Environment { variables, home, commands: Arc::new(Processes) }
    }

    /// An empty variable counts as one that is not set, as in the official libraries.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    pub(super) fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// A file below the home folder.
    pub(super) fn at_home(&self, path: &str) -> Option<PathBuf> {
        Some(self.home.as_ref()?.join(path))
    }
}

struct Processes;

#[async_trait]
impl Run for Processes {
    async fn run(&self, words: &[String]) -> Result<Vec<u8>, String> {
        let (program, arguments) = words.split_first().ok_or("it is empty")?;
        let child = tokio::process::Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("it cannot be started: {error}"))?;
        let output = child.wait_with_output().await.map_err(|error| format!("it cannot be waited for: {error}"))?;
        if output.status.success() { Ok(output.stdout) } else { Err(format!("it ends with {}", output.status)) }
    }
}
