//! `${…}` in strings. Nothing of the text is repeated in a message before it is known to be a reference: it may be a
//! password that happens to look like one.

use super::names;
use crate::problem::Problem;

/// A part of a string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Literal(String),
    /// `${provisioned_product.KEY.outputs.OUTPUT}`; with `KEY@TARGET` the target is written.
    Output {
        key: String,
        target: Option<String>,
        output: String,
    },
}

const SHAPE: &str = "`${provisioned_product.KEY.outputs.NAME}`";
const ESCAPE: &str = "write `$${` for a literal `${`";

/// The parts of a string; never none, so that an empty string is one empty literal.
pub(super) fn parse(label: &str, text: &str) -> Result<Vec<Part>, Problem> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        if rest[..at].ends_with('$') {
            literal.push_str(&rest[..at]);
            literal.push('{');
            rest = &rest[at + 2..];
            continue;
        }
        literal.push_str(&rest[..at]);
        let Some(end) = rest[at..].find('}') else {
            return Err(Problem::input(format!("`{label}` has a `${{` without its `}}`")).hint(ESCAPE));
        };
        let output = output(label, &rest[at + 2..at + end])?;
        if !literal.is_empty() {
            parts.push(Part::Literal(std::mem::take(&mut literal)));
        }
        parts.push(output);
        rest = &rest[at + end + 1..];
    }
    literal.push_str(rest);
    if !literal.is_empty() || parts.is_empty() {
        parts.push(Part::Literal(literal));
    }
    Ok(parts)
}

/// A string that may not refer to anything.
pub(super) fn plain(label: &str, text: &str) -> Result<String, Problem> {
    if !text.contains("${") {
        return Ok(text.to_owned());
    }
    let refused = || {
        let message = format!("`{label}` cannot refer to an output; only parameters can");
        Problem::input(message).hint("write the value itself")
    };
    parse(label, text)?
        .into_iter()
        .map(|part| match part {
            Part::Literal(text) => Ok(text),
            Part::Output { .. } => Err(refused()),
        })
        .collect()
}

fn output(label: &str, inside: &str) -> Result<Part, Problem> {
    if inside.starts_with("var.") {
        let message = format!("`{label}` uses `${{var.…}}`, and variables are not supported yet");
        return Err(Problem::input(message).hint("write the value itself"));
    }
    let unknown = || {
        let message = format!("`{label}` has a `${{…}}` that is not {SHAPE}");
        Problem::input(message).hint(ESCAPE)
    };
    let path = inside.strip_prefix("provisioned_product.").ok_or_else(unknown)?;
    // From the right: the key may have dots and may even contain `.outputs.`; an output's name has neither.
    let (key, output) = path.rsplit_once(".outputs.").ok_or_else(unknown)?;
    let (key, target) = key.split_once('@').map_or((key, None), |(key, target)| (key, Some(target)));
    let named = |word: &str| names::entity("", word).is_ok();
    if !named(key) || !target.is_none_or(named) || !names::is_output(output) {
        return Err(unknown());
    }
    Ok(Part::Output { key: key.to_owned(), target: target.map(str::to_owned), output: output.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(text: &str) -> Part {
        Part::Literal(text.to_owned())
    }

    fn output(key: &str, target: Option<&str>, output: &str) -> Part {
        Part::Output { key: key.to_owned(), target: target.map(str::to_owned), output: output.to_owned() }
    }

    #[test]
    fn literals_references_and_escapes() {
        for (text, parts) in [
            ("", vec![literal("")]),
            ("$", vec![literal("$")]),
            ("a$b{c}", vec![literal("a$b{c}")]),
            ("$${a}", vec![literal("${a}")]),
            ("$$${a}", vec![literal("$${a}")]),
            ("${provisioned_product.a.b.outputs.C}", vec![output("a.b", None, "C")]),
            ("${provisioned_product.a.outputs.b.outputs.C}", vec![output("a.outputs.b", None, "C")]),
            (
                "x-${provisioned_product.a@hub.outputs.C}$${y}${provisioned_product.b.outputs.D}",
                vec![literal("x-"), output("a", Some("hub"), "C"), literal("${y}"), output("b", None, "D")],
            ),
        ] {
            assert_eq!(parse("p", text).as_ref(), Ok(&parts), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused_without_repeating_it() {
        for text in ["${hunter2}", "a${hunter2", "${ provisioned_product.hunter2.outputs.x }", "${var.hunter2}"] {
            let problem = parse("p", text).unwrap_err();
            assert!(!problem.to_string().contains("hunter2"), "{problem}");
        }
    }
}
