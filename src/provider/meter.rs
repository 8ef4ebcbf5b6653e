//! Counts what is asked of the clouds, for `--timings` and for tests.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;

/// Calls, retries and waiting time, shared by everything that holds a clone.
#[derive(Debug, Clone, Default)]
pub struct Meter {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    counts: Mutex<Counts>,
    trace: Option<Mutex<File>>,
}

#[derive(Debug, Default)]
struct Counts {
    calls: BTreeMap<String, u64>,
    elapsed: BTreeMap<String, Duration>,
    retries: u64,
}

/// One line of the trace.
pub(crate) trait Line: Serialize {
    fn operation(&self) -> &str;
}

/// A request to AWS.
#[derive(Debug, Serialize)]
pub struct Sent<'a> {
    /// The service's name as it is signed for: `servicecatalog`, `cloudformation`, `sts`.
    pub service: &'a str,
    pub operation: &'a str,
    /// `X-Amz-Target` of a JSON call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<&'a str>,
    pub body: &'a str,
}

impl Line for Sent<'_> {
    fn operation(&self) -> &str {
        self.operation
    }
}

/// A request to Alibaba Cloud, with its parameters before they are encoded.
#[derive(Debug, Serialize)]
pub struct SentRpc<'a> {
    /// Always `alibaba`: what tells these lines apart.
    pub cloud: &'static str,
    pub action: &'a str,
    pub version: &'a str,
    pub method: &'a str,
    pub query: &'a [(String, String)],
    pub body: &'a [(String, String)],
}

impl Line for SentRpc<'_> {
    fn operation(&self) -> &str {
        self.action
    }
}

impl Meter {
    #[must_use]
    pub fn new() -> Self {
        Meter::default()
    }

    /// Also appends every request to a file, one JSON object per line, so that a script can hold each against the
    /// services' published models.
    ///
    /// A testing aid: the file holds request bodies as they are, **with the values of secret parameters**. Headers
    /// (`Authorization`, session tokens) are not in it.
    pub fn with_trace(path: &Path) -> std::io::Result<Self> {
        let mut options = File::options();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let trace = Some(Mutex::new(options.open(path)?));
        Ok(Meter { shared: Arc::new(Shared { counts: Mutex::default(), trace }) })
    }

    /// Every request that was sent, by operation; a repetition counts again.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.counts().calls.clone()
    }

    /// How many of the calls were repetitions.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.counts().retries
    }

    /// Time between requests and replies, by operation. Calls overlap, so the sum may exceed the run's own time.
    #[must_use]
    pub fn elapsed(&self) -> BTreeMap<String, Duration> {
        self.counts().elapsed.clone()
    }

    pub(crate) fn sent(&self, sent: &impl Line) {
        *self.counts().calls.entry(sent.operation().to_owned()).or_default() += 1;
        if let Some(trace) = &self.shared.trace {
            let mut file = trace.lock().unwrap_or_else(PoisonError::into_inner);
            // Losing a line of a testing aid must not fail the run that it watches.
            if let Ok(mut line) = serde_json::to_string(sent) {
                line.push('\n');
                let _ = file.write_all(line.as_bytes());
            }
        }
    }

    pub(crate) fn answered(&self, operation: &str, after: Duration) {
        *self.counts().elapsed.entry(operation.to_owned()).or_default() += after;
    }

    pub(crate) fn retried(&self) {
        self.counts().retries += 1;
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.shared.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_count_together_and_the_trace_is_json_lines() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("trace.jsonl");
        let meter = Meter::with_trace(&path).expect("a writable folder");
        let other = meter.clone();
        let sent = Sent { service: "sts", operation: "GetCallerIdentity", target: None, body: "Action=\"x\"" };
        meter.sent(&sent);
        other.sent(&sent);
        other.retried();
        meter.answered("GetCallerIdentity", Duration::from_millis(5));
        assert_eq!(meter.calls(), BTreeMap::from([("GetCallerIdentity".to_owned(), 2)]));
        assert_eq!(meter.retries(), 1);
        assert_eq!(meter.elapsed()["GetCallerIdentity"], Duration::from_millis(5));

        let text = std::fs::read_to_string(&path).expect("a trace");
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["operation"], "GetCallerIdentity");
        assert_eq!(lines[0]["body"], "Action=\"x\"");
    }
}
