//! Who holds everything, now or at a time.

use super::table::{Last, table};
use super::{holder, when, when_json};
use crate::ledger::history::{Chronicle, Held, Office};
use crate::render::line::{Line, Page};
use crate::render::style::{Style, Tone};
use crate::render::{json, markdown, safe};

const HEAD: [&str; 5] = ["address", "owner", "launch role", "steward", "owner since"];

/// One product and those who hold it at the time in question; more than one in an office where a time has several.
struct Product<'a> {
    chronicle: &'a Chronicle,
    held: Vec<&'a Held<'a>>,
}

/// Products in their own order; one that nobody is known to hold stands among them if it is in `there`.
fn products<'a>(there: &[&'a Chronicle], held: &'a [Held<'a>]) -> Vec<Product<'a>> {
    let of = |chronicle: &'a Chronicle| Product {
        chronicle,
        held: held.iter().filter(|one| std::ptr::eq(one.chronicle, chronicle)).collect(),
    };
    there.iter().map(|chronicle| of(chronicle)).collect()
}

/// A row for each product of `there`; a holder who may have been another one by then says so.
#[must_use]
pub fn owners(there: &[&Chronicle], held: &[Held<'_>], style: Style) -> String {
    let mut page = Page::new(style);
    let rows: Vec<[String; 5]> = products(there, held).iter().map(row).collect();
    if rows.is_empty() {
        page.line(&Line::default().then(Tone::Plain, NOTHING));
    } else {
        table(&mut page, HEAD, &rows, Last::Counts);
    }
    page.finish()
}

/// Instead of a holder, where none is known.
const NOBODY: &str = "–";
const NOTHING: &str = "The ledger knows of no such provisioned product.";

/// The holders of each office, and since when the owner is.
fn row(product: &Product<'_>) -> [String; 5] {
    let of = |office, tell: &dyn Fn(&Held<'_>) -> String| {
        let told: Vec<String> =
            product.held.iter().filter(|held| held.tenure.office == office).map(|held| tell(held)).collect();
        if told.is_empty() { NOBODY.to_owned() } else { told.join(" or ") }
    };
    let name = |held: &Held<'_>| {
        let perhaps = if held.certain { "" } else { " (perhaps)" };
        holder(held.tenure, held.chronicle) + perhaps
    };
    [
        safe::line(&product.chronicle.address.to_string()),
        of(Office::Owner, &name),
        of(Office::LaunchRole, &name),
        of(Office::Steward, &name),
        of(Office::Owner, &|held| when(&held.tenure.since)),
    ]
}

/// The same as one JSON document; ARNs stand whole in it.
#[must_use]
pub fn owners_json(there: &[&Chronicle], held: &[Held<'_>]) -> String {
    let holding = |held: &&Held<'_>| {
        serde_json::json!({
            "office": held.tenure.office,
            "holder": held.tenure.holder,
            "since": when_json(&held.tenure.since),
            "certain": held.certain,
        })
    };
    let product = |product: &Product<'_>| {
        serde_json::json!({
            "address": product.chronicle.address,
            "name": product.chronicle.name,
            "id": product.chronicle.id,
            "cloud": product.chronicle.cloud,
            "account": product.chronicle.account,
            "region": product.chronicle.region,
            "holdings": product.held.iter().map(holding).collect::<Vec<_>>(),
        })
    };
    let owners: Vec<_> = products(there, held).iter().map(product).collect();
    json::pretty(&serde_json::json!({ "format_version": json::FORMAT_VERSION, "owners": owners }))
}

/// The same as a Markdown table.
#[must_use]
pub fn owners_markdown(there: &[&Chronicle], held: &[Held<'_>]) -> String {
    let products = products(there, held);
    if products.is_empty() {
        return format!("{NOTHING}\n");
    }
    let mut out = format!("| {} |\n|---|---|---|---|---|\n", HEAD.join(" | "));
    for product in &products {
        let cells = row(product).map(|text| if text == NOBODY { text } else { markdown::cell(&text) });
        out.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    out
}
