//! Who held what, from when until when, and by which cause.

use super::line::{Line, Page, columns, fill};
use super::style::{Style, Tone};
use super::{arn, json, safe, time};
use crate::ledger::history::{Cause, Chronicle, Held, How, Office, Tenure, When};

/// Hexadecimal digits of a digest that tell plans apart, as `--expect` takes them.
const DIGITS: usize = 16;

/// The histories as text: a header for each product, and a row for each holding.
#[must_use]
pub fn text(chronicles: &[Chronicle], style: Style) -> String {
    let mut page = Page::new(style);
    if chronicles.is_empty() {
        page.line(&Line::default().then(Tone::Plain, "The ledger knows nothing of it."));
    }
    for chronicle in chronicles {
        page.gap();
        header(&mut page, chronicle);
        let rows: Vec<[String; 5]> = chronicle.tenures.iter().map(|tenure| row(tenure, chronicle)).collect();
        if rows.is_empty() {
            page.prose(2, Tone::Dim, "nobody is known to have held it");
            continue;
        }
        table(&mut page, ["office", "holder", "from", "until", "how"], &rows);
    }
    page.finish()
}

fn header(page: &mut Page, chronicle: &Chronicle) {
    let (name, id) = (safe::name(&chronicle.name), safe::line(&chronicle.id));
    let line = Line::default().then(Tone::Strong, format!("# {}", safe::line(&chronicle.address.to_string())));
    let place = format!("  {} {}", safe::line(&chronicle.account), safe::line(&chronicle.region));
    page.line(&line.then(Tone::Plain, format!("  {name}  {id}")).then(Tone::Dim, place));
    if !chronicle.former_addresses.is_empty() {
        let former: Vec<String> = chronicle.former_addresses.iter().map(|a| safe::line(&a.to_string())).collect();
        page.prose(2, Tone::Dim, &format!("formerly {}", former.join(", ")));
    }
    if let Some((at, why)) = &chronicle.gone {
        page.prose(2, Tone::Alert, &format!("gone {}: {}", when(at), safe::line(why)));
    }
}

fn row(tenure: &Tenure, chronicle: &Chronicle) -> [String; 5] {
    [
        office(tenure.office).to_owned(),
        holder(tenure, chronicle),
        when(&tenure.since),
        tenure.until.as_ref().map_or_else(|| "now".to_owned(), when),
        how(&tenure.how, &chronicle.account),
    ]
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

/// The cause and everything that is known of it, the most useful first.
fn how(how: &How, account: &str) -> String {
    let mut words = cause(how.what).to_owned();
    if how.unconfirmed {
        words.push_str(" (unconfirmed)");
    }
    let digest = how.digest.as_ref().map(|digest| {
        let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
        hex.chars().take(DIGITS).collect::<String>()
    });
    let known = [
        ("plan", digest),
        ("by", how.actor.as_ref().map(|actor| arn::short(actor, Some(account)))),
        ("operation", how.operation.clone()),
        ("approval", how.approval.clone()),
        ("commit", how.commit.clone()),
        ("run", Some(how.run.clone()).filter(|run| !run.is_empty())),
    ];
    for (word, value) in known {
        if let Some(value) = value {
            words.push_str(&format!(", {word} {}", safe::line(&value)));
        }
    }
    if let Some(message) = &how.message {
        words.push_str(&format!(": {}", safe::quoted(message)));
    }
    words
}

/// Columns as wide as their longest entry; the last one is filled into what is left, or stands below.
fn table<const N: usize>(page: &mut Page, head: [&str; N], rows: &[[String; N]]) {
    let widths: Vec<usize> = (0..N.saturating_sub(1))
        .map(|column| {
            let longest = rows.iter().map(|row| columns(&row[column])).max().unwrap_or(0);
            longest.max(columns(head[column]))
        })
        .collect();
    let last_at = 2 + widths.iter().map(|width| width + 2).sum::<usize>();
    // With less room than this for the last column, every row becomes a few lines.
    let below = last_at + 24 > page.style.width;
    if !below {
        set(page, &head.map(str::to_owned), &widths, last_at, Tone::Dim);
    }
    for row in rows {
        if below { stack(page, &head, row) } else { set(page, row, &widths, last_at, Tone::Plain) }
    }
}

fn set<const N: usize>(page: &mut Page, row: &[String; N], widths: &[usize], last_at: usize, tone: Tone) {
    let mut line = Line::indented(2);
    let mut at = 2;
    for (cell, width) in row.iter().zip(widths) {
        line = line.then(tone, cell.clone());
        at += width + 2;
        line = line.at_column(at);
    }
    let words: Vec<String> = row.last().into_iter().flat_map(|cell| cell.split(' ')).map(str::to_owned).collect();
    let mut rest = fill(&words, " ", page.style.width.saturating_sub(last_at)).into_iter();
    page.line(&line.then(Tone::Dim, rest.next().unwrap_or_default()));
    for text in rest {
        page.line(&Line::indented(last_at).then(Tone::Dim, text));
    }
}

/// A row as a few lines: the first two cells stand for themselves, the others behind their heads.
fn stack<const N: usize>(page: &mut Page, head: &[&str; N], row: &[String; N]) {
    let [first, second, rest @ ..] = &row[..] else { return };
    page.line(&Line::indented(2).then(Tone::Plain, first.clone()).then(Tone::Strong, format!("  {second}")));
    for (head, cell) in head.iter().skip(2).zip(rest) {
        page.prose(6, Tone::Plain, &format!("{head} {cell}"));
    }
}

/// An office, its holder, and since when.
type Holding = (Office, String, String);

/// Who holds everything that is there: a row for each product, also where nobody is known to hold it.
#[must_use]
pub fn owners(chronicles: &[Chronicle], style: Style) -> String {
    let there = chronicles.iter().filter(|chronicle| chronicle.gone.is_none());
    let lasting = |chronicle: &Chronicle| -> Vec<Holding> {
        let tenures = chronicle.tenures.iter().filter(|tenure| tenure.until.is_none());
        tenures.map(|tenure| (tenure.office, holder(tenure, chronicle), when(&tenure.since))).collect()
    };
    owner_table(there.map(|chronicle| owner_row(chronicle, &lasting(chronicle))).collect(), style)
}

/// Who held what at the time that `held` is about; a holder who may have been another one by then says so.
#[must_use]
pub fn owners_then(held: &[Held<'_>], style: Style) -> String {
    let mut products: Vec<(&Chronicle, Vec<Holding>)> = Vec::new();
    for one in held {
        let perhaps = if one.certain { "" } else { " (perhaps)" };
        let name = holder(one.tenure, one.chronicle) + perhaps;
        let told = (one.tenure.office, name, when(&one.tenure.since));
        match products.last_mut() {
            Some((chronicle, tenures)) if std::ptr::eq(*chronicle, one.chronicle) => tenures.push(told),
            _ => products.push((one.chronicle, vec![told])),
        }
    }
    owner_table(products.iter().map(|(chronicle, tenures)| owner_row(chronicle, tenures)).collect(), style)
}

fn owner_table(rows: Vec<[String; 5]>, style: Style) -> String {
    let mut page = Page::new(style);
    if rows.is_empty() {
        page.line(&Line::default().then(Tone::Plain, "The ledger knows of no provisioned product."));
    } else {
        table(&mut page, ["address", "owner", "launch role", "steward", "owner since"], &rows);
    }
    page.finish()
}

/// The holders of each office, and since when the owner is; several where a time has more than one.
fn owner_row(chronicle: &Chronicle, tenures: &[Holding]) -> [String; 5] {
    let of = |office, pick: fn(&Holding) -> &str| {
        let told: Vec<&str> = tenures.iter().filter(|tenure| tenure.0 == office).map(pick).collect();
        if told.is_empty() { "–".to_owned() } else { told.join(" or ") }
    };
    let name = |office| of(office, |tenure| &tenure.1);
    [
        safe::line(&chronicle.address.to_string()),
        name(Office::Owner),
        name(Office::LaunchRole),
        name(Office::Steward),
        of(Office::Owner, |tenure| &tenure.2),
    ]
}

/// The histories as one JSON document; ARNs stand whole in it.
#[must_use]
pub fn json(chronicles: &[Chronicle]) -> String {
    let histories: Vec<_> = chronicles.iter().map(chronicle_json).collect();
    json::pretty(&serde_json::json!({ "format_version": "1.0", "histories": histories }))
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
        "gone": chronicle.gone.as_ref().map(|(at, why)| serde_json::json!({ "when": when_json(at), "why": why })),
        "tenures": chronicle.tenures.iter().map(tenure_json).collect::<Vec<_>>(),
    })
}

fn tenure_json(tenure: &Tenure) -> serde_json::Value {
    let how = &tenure.how;
    serde_json::json!({
        "office": match tenure.office {
            Office::Owner => "owner",
            Office::LaunchRole => "launch_role",
            Office::Steward => "steward",
        },
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
pub fn markdown(chronicles: &[Chronicle]) -> String {
    use super::markdown::{cell, code};
    let mut out = String::new();
    for chronicle in chronicles {
        if !out.is_empty() {
            out.push('\n');
        }
        let (address, name) = (code(&chronicle.address.to_string()), code(&chronicle.name));
        out.push_str(&format!("### {address} – {name} {}\n\n", code(&chronicle.id)));
        if let Some((at, why)) = &chronicle.gone {
            out.push_str(&format!("Gone {}: {}\n\n", when(at), code(why)));
        }
        if chronicle.tenures.is_empty() {
            continue;
        }
        out.push_str("| office | holder | from | until | how |\n|---|---|---|---|---|\n");
        for tenure in &chronicle.tenures {
            let [office, holder, from, until, how] = row(tenure, chronicle);
            out.push_str(&format!("| {office} | {} | {from} | {until} | {} |\n", cell(&holder), cell(&how)));
        }
    }
    if out.is_empty() { "The ledger knows nothing of it.\n".to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    use super::{json, markdown, owners, owners_then, text};
    use crate::ledger::history;
    use crate::render::{Style, samples};

    #[test]
    fn a_history_as_text() {
        insta::assert_snapshot!("history_200", text(&samples::chronicles(), Style { color: false, width: 200 }));
        insta::assert_snapshot!("history_80", text(&samples::chronicles(), Style { color: false, width: 80 }));
        assert_eq!(text(&[], Style::plain()), "The ledger knows nothing of it.\n");
    }

    #[test]
    fn a_history_for_programs_and_comments() {
        insta::assert_snapshot!("history_json", json(&samples::chronicles()));
        insta::assert_snapshot!("history_markdown", markdown(&samples::chronicles()));
    }

    #[test]
    fn owners_of_everything() {
        insta::assert_snapshot!(owners(&samples::chronicles(), Style { color: false, width: 160 }));
        assert_eq!(owners(&[], Style::plain()), "The ledger knows of no provisioned product.\n");
    }

    #[test]
    fn owners_at_a_time_between_two_looks() {
        let at = "2026-01-20T00:00:00Z".parse().unwrap_or_default();
        let all = samples::chronicles();
        let held = history::owners(&all, Some(at));
        insta::assert_snapshot!("then_160", owners_then(&held, Style { color: false, width: 160 }));
        insta::assert_snapshot!("then_80", owners_then(&held, Style { color: false, width: 80 }));
    }
}
