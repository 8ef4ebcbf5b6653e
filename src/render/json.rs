//! A plan for programs.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;

use super::{safe, summary};
use crate::model::{Address, Event, Report};
use crate::plan::Plan;

/// The version of this format: fields may be added to it, never renamed or reused.
pub const FORMAT_VERSION: &str = "1.0";

/// The document that `--format json` writes.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "A plan of tenure")]
struct Document<'a> {
    format_version: &'a str,
    /// The version of the program that wrote it.
    tenure_version: &'a str,
    /// Whether apply would change anything, in a cloud or in the ledger.
    has_changes: bool,
    /// Whether everything is known to be as the files say: no changes, nothing blocked, nothing unsettled.
    settled: bool,
    /// Whether apply would refuse.
    refused: bool,
    /// Addresses that are blocked by a finding of their own or of something that they depend on.
    blocked: Vec<&'a Address>,
    /// The counts in one sentence, as the terminal shows them.
    summary: String,
    plan: &'a Plan,
}

/// The plan as one JSON document. Secrets are not in it, because a plan has none.
#[must_use]
pub fn plan(plan: &Plan) -> String {
    let document = Document {
        format_version: FORMAT_VERSION,
        tenure_version: env!("CARGO_PKG_VERSION"),
        has_changes: plan.has_changes(),
        settled: plan.is_settled(),
        refused: !plan.refusals.is_empty(),
        blocked: plan.blocked.iter().collect(),
        summary: summary::sentence(plan),
        plan,
    };
    pretty(&document)
}

/// The plan and what carrying it out came to, as one JSON document. Without a report the run ended early.
#[must_use]
pub fn applied(plan: &Plan, report: Option<&Report>, events: &[Event]) -> String {
    let steps: Vec<serde_json::Value> = events.iter().filter_map(outcome).collect();
    pretty(&serde_json::json!({
        "format_version": FORMAT_VERSION,
        "tenure_version": env!("CARGO_PKG_VERSION"),
        "summary": summary::sentence(plan),
        "plan": plan,
        "report": report,
        "steps": steps,
    }))
}

/// How one step ended; what only happened on the way is not part of the result.
fn outcome(event: &Event) -> Option<serde_json::Value> {
    Some(match event {
        Event::Succeeded { step, address, elapsed, note, sent, .. } => serde_json::json!({
            "step": step, "address": address, "outcome": "succeeded", "sent": sent, "seconds": elapsed.as_secs(), "note": note,
        }),
        Event::Failed { step, address, problem, .. } => serde_json::json!({
            "step": step, "address": address, "outcome": "failed", "problem": problem,
        }),
        Event::NotStarted { step, address, because, .. } => serde_json::json!({
            "step": step, "address": address, "outcome": "not_started", "because": because,
        }),
        Event::LeftRunning { step, address, operation, .. } => serde_json::json!({
            "step": step, "address": address, "outcome": "left_running", "operation": operation,
        }),
        Event::AwaitingApproval { step, address, by, .. } => serde_json::json!({
            "step": step, "address": address, "outcome": "awaiting_approval", "by": by,
        }),
        _ => return None,
    })
}

/// Any document, indented, with an end of line.
pub(crate) fn pretty(document: &impl Serialize) -> String {
    match serde_json::to_string_pretty(document) {
        Ok(text) => visible(&text) + "\n",
        // Every key of ours is a string, so this does not happen; if it does, the reader gets valid JSON all the same.
        Err(error) => serde_json::json!({ "error": error.to_string() }).to_string() + "\n",
    }
}

/// JSON may hold characters that command a terminal or turn the reading direction; they occur in strings only, where
/// an escape means the same.
fn visible(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && safe::is_hidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// The JSON Schema of [`plan()`]'s document.
#[must_use]
pub fn plan_schema() -> serde_json::Value {
    // Of what is written: what is left out when it is empty is not required.
    let settings = schemars::generate::SchemaSettings::default().for_serialize();
    settings.into_generator().into_root_schema_for::<Document<'static>>().into()
}

#[cfg(test)]
mod tests {
    use super::{plan, plan_schema};
    use crate::render::samples;

    #[test]
    fn the_document_has_everything_and_is_stable() {
        let text = plan(&samples::contract()).replace(env!("CARGO_PKG_VERSION"), "VERSION");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn hidden_characters_are_escaped_and_mean_the_same() {
        let text = plan(&samples::hostile());
        assert!(!text.chars().any(|c| c != '\n' && crate::render::safe::is_hidden(c)));
        let back: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        assert_eq!(back["plan"]["changes"][0]["product"], samples::HOSTILE);
    }

    #[test]
    fn the_schema_names_what_the_document_has() {
        let schema = plan_schema();
        let document: serde_json::Value = serde_json::from_str(&plan(&samples::everything())).unwrap_or_default();
        let keys = |value: &serde_json::Value| value.as_object().map(|o| o.keys().cloned().collect::<Vec<_>>());
        assert_eq!(keys(&schema["properties"]), keys(&document));
        let known = keys(&schema["$defs"]["Plan"]["properties"]).unwrap_or_default();
        for key in keys(&document["plan"]).unwrap_or_default() {
            assert!(known.contains(&key), "{key}");
        }
    }

    #[test]
    fn the_schema_requires_nothing_that_may_be_left_out() {
        let schema = plan_schema();
        let document: serde_json::Value = serde_json::from_str(&plan(&samples::contract())).unwrap_or_default();
        let cases = [("Plan", &document["plan"]), ("Change", &document["plan"]["changes"][0])];
        for (name, value) in cases {
            for key in schema["$defs"][name]["required"].as_array().into_iter().flatten() {
                assert!(value.get(key.as_str().unwrap_or_default()).is_some(), "{name}.{key}");
            }
        }
    }
}
