//! Who held what, from when until when, and by which cause.

mod owners;
mod table;

use std::collections::BTreeSet;

use super::line::{Line, Page};
use super::style::{Style, Tone};
use super::{arn, json, safe, time};
use crate::ledger::history::{Cause, Chronicle, Gone, How, Office, Run, Tenure, When};
use table::{Last, table};

pub use owners::{owners, owners_json, owners_markdown};

/// Hexadecimal digits of a digest that tell plans apart, as `--expect` takes them.
const DIGITS: usize = 16;
/// The characters of a run's id that a row repeats: `run-` and six digits, or as many more as tell the runs apart.
const TAG: usize = 10;
const NOTHING: &str = "The ledger knows nothing of it.";

/// The histories as text: a header for each product, a row for each holding, and below them the runs by which they
/// came about, each once.
#[must_use]
pub fn text(chronicles: &[Chronicle], runs: &[Run], style: Style) -> String {
    let mut page = Page::new(style);
    if chronicles.is_empty() {
        page.line(&Line::default().then(Tone::Plain, NOTHING));
    }
    let legend = Legend::of(chronicles, runs);
    for chronicle in chronicles {
        page.gap();
        header(&mut page, chronicle, &legend);
        let rows: Vec<[String; 5]> = chronicle.tenures.iter().map(|tenure| legend.row(tenure, chronicle)).collect();
        if rows.is_empty() {
            page.prose(2, Tone::Dim, "nobody is known to have held it");
            continue;
        }
        table(&mut page, HEAD, &rows, Last::Tucks);
    }
    legend.text(&mut page);
    page.finish()
}

const HEAD: [&str; 5] = ["office", "holder", "from", "until", "how"];

/// The runs that are cited, and how.
struct Legend<'a> {
    runs: Vec<&'a Run>,
    tag: usize,
    accounts: BTreeSet<&'a str>,
}

impl<'a> Legend<'a> {
    fn of(chronicles: &'a [Chronicle], runs: &'a [Run]) -> Self {
        let holding = |chronicle: &'a Chronicle| chronicle.tenures.iter().map(|tenure| tenure.how.run.as_str());
        let ending = chronicles.iter().filter_map(|chronicle| Some(chronicle.gone.as_ref()?.run.as_str()));
        let cited: BTreeSet<&str> = chronicles.iter().flat_map(holding).chain(ending).collect();
        let distinct = |length: usize| {
            cited.iter().map(|run| run.chars().take(length).collect::<String>()).collect::<BTreeSet<_>>().len()
                == cited.len()
        };
        let longest = cited.iter().map(|run| run.chars().count()).max().unwrap_or(TAG);
        Legend {
            tag: (TAG..longest).find(|length| distinct(*length)).unwrap_or(longest),
            runs: runs.iter().filter(|run| cited.contains(run.id.as_str())).collect(),
            accounts: chronicles.iter().map(|chronicle| chronicle.account.as_str()).collect(),
        }
    }

    fn row(&self, tenure: &Tenure, chronicle: &Chronicle) -> [String; 5] {
        [
            office(tenure.office).to_owned(),
            holder(tenure, chronicle),
            when(&tenure.since),
            tenure.until.as_ref().map_or_else(|| "now".to_owned(), when),
            self.how(&tenure.how),
        ]
    }

    /// `transferred (rec-…) run-ff31c2`
    fn how(&self, how: &How) -> String {
        let unconfirmed = how.unconfirmed.then(|| "unconfirmed".to_owned());
        let known: Vec<String> =
            how.operation.iter().map(|operation| safe::line(operation)).chain(unconfirmed).collect();
        let known = if known.is_empty() { String::new() } else { format!(" ({})", known.join(", ")) };
        format!("{}{known} {}", cause(how.what), self.tag(&how.run)).trim_end().to_owned()
    }

    fn tag(&self, run: &str) -> String {
        safe::line(&run.chars().take(self.tag).collect::<String>())
    }

    /// `gone 2026-01-05 09:04Z: terminated by step 3 (rec-…) run-ff31c2`
    fn gone(&self, gone: &Gone) -> String {
        let step = gone.step.map(|step| format!(" by step {step}")).unwrap_or_default();
        let operation = gone.operation.as_ref().map(|id| format!(" ({})", safe::line(id))).unwrap_or_default();
        let told = format!("{}: {}{step}{operation} {}", when(&gone.when), safe::line(&gone.why), self.tag(&gone.run));
        told.trim_end().to_owned()
    }

    fn text(&self, page: &mut Page) {
        if self.runs.is_empty() {
            return;
        }
        page.heading("Runs");
        for run in &self.runs {
            let line = Line::indented(2).then(Tone::Plain, safe::line(&run.id));
            page.line(&line.then(Tone::Dim, format!("  {}  {}", time::minute(run.at), self.by(run))));
            page.prose(6, Tone::Dim, &known(run));
        }
    }

    fn markdown(&self) -> String {
        use super::markdown::{cell, code};
        let mut out = String::new();
        if !self.runs.is_empty() {
            out.push_str("\n### Runs\n\n| run | time | command | plan, approval |\n|---|---|---|---|\n");
        }
        for run in &self.runs {
            let (id, at) = (code(&run.id), time::minute(run.at));
            out.push_str(&format!("| {id} | {at} | {} | {} |\n", cell(&self.by(run)), cell(&known(run))));
        }
        out
    }

    /// The command and whoever ran it: once, if it was the same identity in every target.
    fn by(&self, run: &Run) -> String {
        let short = |actor: &str| {
            let own = self.accounts.iter().find(|account| actor.split(':').any(|part| part == **account));
            arn::short(actor, own.copied())
        };
        let actors: BTreeSet<&String> = run.actors.values().collect();
        let told: Vec<String> = match actors.len() {
            0 | 1 => actors.into_iter().map(|actor| short(actor)).collect(),
            _ => {
                run.actors.iter().map(|(target, actor)| format!("{} in {}", short(actor), safe::name(target))).collect()
            }
        };
        let by = if told.is_empty() { String::new() } else { format!(" by {}", told.join(", ")) };
        format!("{}{by}", safe::line(&run.command))
    }
}

/// What a run was about and who let it.
fn known(run: &Run) -> String {
    let hex = run.digest.strip_prefix("sha256:").unwrap_or(&run.digest);
    let digest = hex.chars().take(DIGITS).collect::<String>();
    let mut known = vec![format!("plan {}", safe::line(&digest)), format!("approval {}", safe::line(&run.approval))];
    for (word, value) in [("commit", &run.commit), ("CI run", &run.ci_run)] {
        known.extend(value.as_ref().map(|value| format!("{word} {}", safe::line(value))));
    }
    known.extend(run.message.as_ref().map(|message| safe::quoted(message)));
    known.join(", ")
}

fn header(page: &mut Page, chronicle: &Chronicle, legend: &Legend<'_>) {
    let (name, id) = (safe::name(&chronicle.name), safe::line(&chronicle.id));
    let line = Line::default().then(Tone::Strong, format!("# {}", safe::line(&chronicle.address.to_string())));
    let place = format!("  {} {}", safe::line(&chronicle.account), safe::line(&chronicle.region));
    page.line(&line.then(Tone::Plain, format!("  {name}  {id}")).then(Tone::Dim, place));
    if !chronicle.former_addresses.is_empty() {
        let former: Vec<String> = chronicle.former_addresses.iter().map(|a| safe::line(&a.to_string())).collect();
        page.prose(2, Tone::Dim, &format!("formerly {}", former.join(", ")));
    }
    if let Some(gone) = &chronicle.gone {
        page.prose(2, Tone::Alert, &format!("gone {}", legend.gone(gone)));
    }
}

fn holder(tenure: &Tenure, chronicle: &Chronicle) -> String {
    match tenure.office {
        Office::Steward => safe::name(&tenure.holder),
        Office::Owner | Office::LaunchRole => arn::short(&tenure.holder, Some(&chronicle.account)),
    }
}

fn office(office: Office) -> &'static str {
    match office {
        Office::Owner => "owner",
        Office::LaunchRole => "launch role",
        Office::Steward => "steward",
    }
}

fn when(when: &When) -> String {
    match when {
        When::At(at) => time::minute(*at),
        When::Between(from, to) => format!("between {} and {}", time::minute(*from), time::minute(*to)),
        When::Before(at) => format!("before {}", time::minute(*at)),
    }
}

fn cause(cause: Cause) -> &'static str {
    match cause {
        Cause::Provisioned => "provisioned",
        Cause::Adopted => "adopted",
        Cause::Transferred => "transferred",
        Cause::Seen => "seen",
        Cause::Declared => "declared",
    }
}

/// The histories as one JSON document; ARNs stand whole in it.
#[must_use]
pub fn json(chronicles: &[Chronicle], runs: &[Run]) -> String {
    let histories: Vec<_> = chronicles.iter().map(chronicle_json).collect();
    let runs = Legend::of(chronicles, runs).runs;
    json::pretty(&serde_json::json!({ "format_version": json::FORMAT_VERSION, "histories": histories, "runs": runs }))
}

fn chronicle_json(chronicle: &Chronicle) -> serde_json::Value {
    serde_json::json!({
        "address": chronicle.address,
        "former_addresses": chronicle.former_addresses,
        "name": chronicle.name,
        "id": chronicle.id,
        "cloud": chronicle.cloud,
        "account": chronicle.account,
        "region": chronicle.region,
        "gone": chronicle.gone.as_ref().map(gone_json),
        "tenures": chronicle.tenures.iter().map(tenure_json).collect::<Vec<_>>(),
    })
}

fn gone_json(gone: &Gone) -> serde_json::Value {
    serde_json::json!({
        "when": when_json(&gone.when),
        "why": gone.why,
        "run": gone.run,
        "step": gone.step,
        "operation": gone.operation,
    })
}

fn tenure_json(tenure: &Tenure) -> serde_json::Value {
    let how = &tenure.how;
    serde_json::json!({
        "office": tenure.office,
        "holder": tenure.holder,
        "since": when_json(&tenure.since),
        "until": tenure.until.as_ref().map(when_json),
        "how": {
            "cause": cause(how.what),
            "run": how.run,
            "actor": how.actor,
            "digest": how.digest,
            "approval": how.approval,
            "commit": how.commit,
            "message": how.message,
            "operation": how.operation,
            "unconfirmed": how.unconfirmed,
            "entry": how.seq,
        },
    })
}

fn when_json(when: &When) -> serde_json::Value {
    match when {
        When::At(at) => serde_json::json!({ "at": at.to_string() }),
        When::Between(from, to) => serde_json::json!({ "between": [from.to_string(), to.to_string()] }),
        When::Before(at) => serde_json::json!({ "before": at.to_string() }),
    }
}

/// The histories as Markdown, a table for each product.
#[must_use]
pub fn markdown(chronicles: &[Chronicle], runs: &[Run]) -> String {
    use super::markdown::{cell, code};
    let legend = Legend::of(chronicles, runs);
    let mut out = String::new();
    for chronicle in chronicles {
        if !out.is_empty() {
            out.push('\n');
        }
        let (address, name) = (code(&chronicle.address.to_string()), code(&chronicle.name));
        out.push_str(&format!("### {address} – {name} {}\n\n", code(&chronicle.id)));
        if let Some(gone) = &chronicle.gone {
            out.push_str(&format!("Gone {}\n\n", cell(&legend.gone(gone))));
        }
        if chronicle.tenures.is_empty() {
            continue;
        }
        out.push_str("| office | holder | from | until | how |\n|---|---|---|---|---|\n");
        for tenure in &chronicle.tenures {
            let [office, holder, from, until, how] = legend.row(tenure, chronicle);
            out.push_str(&format!("| {office} | {} | {from} | {until} | {} |\n", cell(&holder), cell(&how)));
        }
    }
    if out.is_empty() { format!("{NOTHING}\n") } else { out + &legend.markdown() }
}

#[cfg(test)]
mod tests {
    use super::{json, markdown, owners, owners_json, owners_markdown, text};
    use crate::ledger::history::{self, Chronicle};
    use crate::render::{Style, samples};

    fn set(width: usize) -> String {
        text(&samples::chronicles(), &samples::runs(), Style { color: false, width })
    }

    #[test]
    fn a_history_as_text() {
        insta::assert_snapshot!("history_200", set(200));
        insta::assert_snapshot!("history_80", set(80));
        insta::assert_snapshot!("history_50", set(50));
        assert_eq!(text(&[], &samples::runs(), Style::plain()), "The ledger knows nothing of it.\n");
    }

    #[test]
    fn a_history_for_programs_and_comments() {
        insta::assert_snapshot!("history_json", json(&samples::chronicles(), &samples::runs()));
        insta::assert_snapshot!("history_markdown", markdown(&samples::chronicles(), &samples::runs()));
    }

    #[test]
    fn a_tag_is_as_long_as_it_takes() {
        let mut all = samples::chronicles();
        for (tenure, run) in all[0].tenures.iter_mut().zip(["run-00aa11", "run-00aa12", "run-00aa11"]) {
            tenure.how.run = run.to_owned();
        }
        let told = text(&all, &[], Style { color: false, width: 200 });
        assert!(told.contains(" run-00aa11\n") && told.contains(" run-00aa12\n"), "{told}");
    }

    #[test]
    fn owners_of_everything() {
        let all = samples::chronicles();
        let there: Vec<&Chronicle> = all.iter().filter(|chronicle| chronicle.gone.is_none()).collect();
        let held = history::owners(&all, None);
        insta::assert_snapshot!(owners(&there, &held, Style { color: false, width: 160 }));
        insta::assert_snapshot!("owners_json", owners_json(&there, &held));
        insta::assert_snapshot!("owners_markdown", owners_markdown(&there, &held));
        assert_eq!(owners(&[], &[], Style::plain()), "The ledger knows of no such provisioned product.\n");
    }

    #[test]
    fn owners_at_a_time_between_two_looks() {
        let at = "2026-01-20T00:00:00Z".parse().unwrap_or_default();
        let all = samples::chronicles();
        let held = history::owners(&all, Some(at));
        insta::assert_snapshot!("then_160", owners(&[&all[0]], &held, Style { color: false, width: 160 }));
        insta::assert_snapshot!("then_80", owners(&[&all[0]], &held, Style { color: false, width: 80 }));
    }
}
