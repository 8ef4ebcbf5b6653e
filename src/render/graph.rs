//! What depends on what, for graph drawing programs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::{json, safe};
use crate::model::Address;

/// The language of the drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GraphFormat {
    Dot,
    Mermaid,
    Json,
}

/// Draws each address and what it needs; an arrow points from a product to what it depends on.
#[must_use]
pub fn graph(needs: &BTreeMap<Address, BTreeSet<Address>>, format: GraphFormat) -> String {
    let nodes: BTreeSet<&Address> = needs.iter().flat_map(|(from, to)| std::iter::once(from).chain(to)).collect();
    let edges: Vec<(&Address, &Address)> =
        needs.iter().flat_map(|(from, to)| to.iter().map(move |to| (from, to))).collect();
    match format {
        GraphFormat::Dot => dot(&nodes, &edges),
        GraphFormat::Mermaid => mermaid(&nodes, &edges),
        GraphFormat::Json => {
            let edges: Vec<_> = edges.iter().map(|(from, to)| serde_json::json!({ "from": from, "to": to })).collect();
            json::pretty(&serde_json::json!({ "format_version": "1.0", "nodes": nodes, "edges": edges }))
        }
    }
}

fn dot(nodes: &BTreeSet<&Address>, edges: &[(&Address, &Address)]) -> String {
    // In DOT a backslash escapes in labels only and a quote ends the string, so both are escaped.
    let quoted = |address: &Address| safe::quoted(&safe::line(&address.to_string()));
    let mut out = String::from("digraph tenure {\n  rankdir = \"LR\"\n  node [shape = \"box\"]\n");
    for node in nodes {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "  {}", quoted(node));
    }
    for (from, to) in edges {
        let _ = writeln!(out, "  {} -> {}", quoted(from), quoted(to));
    }
    out + "}\n"
}

fn mermaid(nodes: &BTreeSet<&Address>, edges: &[(&Address, &Address)]) -> String {
    let number: BTreeMap<&Address, usize> = nodes.iter().enumerate().map(|(number, node)| (*node, number)).collect();
    let mut out = String::from("flowchart LR\n");
    for (node, number) in &number {
        let _ = writeln!(out, "  n{number}[\"{}\"]", mermaid_label(&node.to_string()));
    }
    for (from, to) in edges {
        if let (Some(from), Some(to)) = (number.get(from), number.get(to)) {
            let _ = writeln!(out, "  n{from} --> n{to}");
        }
    }
    out
}

/// Mermaid reads HTML and Markdown in labels; its own entities (`#NN;`) are the only escape that it has.
fn mermaid_label(text: &str) -> String {
    let mut out = String::new();
    for c in safe::line(text).chars() {
        if c.is_alphanumeric() || matches!(c, '@' | '-' | '_' | '.' | ' ') {
            out.push(c);
        } else {
            let _ = write!(out, "#{};", u32::from(c));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::{GraphFormat, graph};
    use crate::model::Address;

    fn sample() -> BTreeMap<Address, BTreeSet<Address>> {
        let address = |key: &str| Address::new(key, "prod");
        BTreeMap::from([
            (address("web"), BTreeSet::from([address("network"), address("base")])),
            (address("network"), BTreeSet::from([address("base")])),
            (address("a\"]; x --> y\n<b>#1"), BTreeSet::new()),
        ])
    }

    #[test]
    fn dot() {
        insta::assert_snapshot!(graph(&sample(), GraphFormat::Dot));
    }

    #[test]
    fn mermaid() {
        insta::assert_snapshot!(graph(&sample(), GraphFormat::Mermaid));
    }

    #[test]
    fn json() {
        insta::assert_snapshot!(graph(&sample(), GraphFormat::Json));
    }
}
