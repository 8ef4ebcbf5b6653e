//! Parameters: normal forms, the template's own rules, the difference, and what an update sends.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{Action, Field, FieldDrift, FieldName, Shown, pattern};
use crate::ledger::Applied;
use crate::model::{Address, Argument, LiveParameters, Located, ParameterSpec, Piece, Template, Value};
use crate::problem::{Place, Problem, nearest};

/// An output of another product, as far as it is known while planning.
pub enum Output {
    Known(String),
    /// The product is provisioned or updated by this plan.
    Later,
    /// A problem has been reported already.
    Unusable,
}

/// What to compare.
pub struct Comparison<'a> {
    /// The product's table header, for problems about what is *not* written.
    pub place: &'a Place,
    /// The `parameters` of the files; `None` when they are not managed.
    pub declared: Option<&'a BTreeMap<String, Located<Value>>>,
    /// The target version's template.
    pub template: &'a Template,
    pub version: &'a str,
    /// What runs now; `None` when nothing does.
    pub live: Option<&'a LiveParameters>,
    /// What we last applied; `None` when it was never ours.
    pub applied: Option<&'a Applied>,
    pub action: Action,
    /// The product becomes ours with this plan.
    pub adopts: bool,
    /// The service keeps a parameter as it is when told so; if not, the last known value is sent.
    pub keeps_previous: bool,
}

/// The difference, and the full parameter set that makes it go away.
#[derive(Default)]
pub struct Difference {
    pub fields: Vec<Field>,
    pub arguments: BTreeMap<String, Argument>,
    /// Remarks that belong to no single field.
    pub notes: Vec<String>,
    /// The parameters that are as the files say. A value that is secret stands here by its reference.
    pub verified: BTreeMap<String, Argument>,
}

/// Compares, and reports every problem of the files on the way.
pub fn compare(
    c: &Comparison<'_>,
    problems: &mut Vec<Problem>,
    mut output: impl FnMut(&Address, &str, &Place) -> Output,
) -> Difference {
    let mut difference = Difference::default();
    if let Some(declared) = c.declared {
        let known: Vec<&str> = c.template.parameters.keys().map(String::as_str).collect();
        for (key, value) in declared {
            if !c.template.parameters.contains_key(key) {
                problems.push(unknown_parameter(key, &value.place, c.version, &known));
            }
        }
    }
    for (key, spec) in &c.template.parameters {
        let declared = c.declared.and_then(|declared| declared.get(key));
        let wanted = match declared {
            Some(value) => wanted_by_file(c, key, spec, value, problems, &mut difference.notes, &mut output),
            None => wanted_by_default(c, key, spec, problems),
        };
        if let Some(wanted) = wanted {
            record(c, key, spec, wanted, &mut difference);
        }
    }
    vanished(c, &mut difference);
    difference
}

/// The problems of what is written for `template`, without regard to what runs.
pub fn check_written(
    declared: &BTreeMap<String, Located<Value>>,
    template: &Template,
    version: &str,
) -> impl Iterator<Item = Problem> {
    let known: Vec<&str> = template.parameters.keys().map(String::as_str).collect();
    declared.iter().filter_map(move |(key, value)| {
        let Some(spec) = template.parameters.get(key) else {
            return Some(unknown_parameter(key, &value.place, version, &known));
        };
        let literal = value.value.as_literal().filter(|_| !spec.no_echo)?;
        check(spec, key, &literal).err().map(|message| Problem::input(message).at(&value.place))
    })
}

/// What one parameter shall be.
struct Wanted {
    /// What is sent; nothing leaves it to the template's default.
    argument: Option<Argument>,
    shown: Shown,
    /// Whether it differs from what runs.
    differs: bool,
}

fn wanted_by_file(
    c: &Comparison<'_>,
    key: &str,
    spec: &ParameterSpec,
    value: &Located<Value>,
    problems: &mut Vec<Problem>,
    notes: &mut Vec<String>,
    output: &mut impl FnMut(&Address, &str, &Place) -> Output,
) -> Option<Wanted> {
    let before = c.live.and_then(|live| live.parameters.get(key));
    match &value.value {
        Value::Text(_) if spec.no_echo => {
            problems.push(
                Problem::input(format!(
                    "`parameters.{key}` is a NoEcho parameter: a literal or an output could be neither compared nor kept secret"
                ))
                .at(&value.place)
                .hint(format!("write `{{ secret = \"env:NAME\", version = 1 }}`{}", or_previous(c, key))),
            );
            None
        }
        Value::Text(pieces) => {
            wanted_text(key, spec, pieces, &value.place, before.map(|p| p.value.as_str()), problems, output)
        }
        Value::Secret(secret) => {
            // The version decides: a secret that is found under another name is the same secret.
            let ours = c.applied.and_then(|applied| applied.parameters.get(key));
            // At an adoption nothing of ours was sent yet, and what runs is taken to be right: it cannot be compared,
            // and a service may treat an update that changes nothing as a failure.
            let same = before.is_some()
                && match ours {
                    Some(Argument::Secret(sent)) => sent.version == secret.version,
                    _ => c.adopts,
                };
            if same && !matches!(ours, Some(Argument::Secret(_))) {
                notes.push(format!(
                    "`parameters.{key}` is not compared with what runs; {}",
                    if c.keeps_previous { "raise `version` to send it" } else { "the next update sends it" }
                ));
            }
            Some(if same {
                let kept = if c.keeps_previous { Argument::Previous } else { Argument::Secret(secret.clone()) };
                Wanted { argument: Some(kept), shown: Shown::Secret(secret.clone()), differs: false }
            } else {
                Wanted {
                    argument: Some(Argument::Secret(secret.clone())),
                    shown: Shown::Secret(secret.clone()),
                    differs: true,
                }
            })
        }
        Value::Previous if before.is_some() => kept(c, key, &value.place, problems),
        Value::Previous => {
            let (why, hint) = match c.live {
                None => ("there is no provisioned product yet", "give a value or a secret"),
                Some(_) => ("the product that runs has no such parameter", "give a value: it is new in this version"),
            };
            problems.push(
                Problem::input(format!("`parameters.{key}` keeps the previous value, but {why}"))
                    .at(&value.place)
                    .hint(hint),
            );
            None
        }
    }
}

fn wanted_text(
    key: &str,
    spec: &ParameterSpec,
    pieces: &[Piece],
    place: &Place,
    before: Option<&str>,
    problems: &mut Vec<Problem>,
    output: &mut impl FnMut(&Address, &str, &Place) -> Output,
) -> Option<Wanted> {
    let mut text = String::new();
    let mut later = false;
    for piece in pieces {
        match piece {
            Piece::Literal(literal) => text.push_str(literal),
            Piece::Output { address, output: name } => match output(address, name, place) {
                Output::Known(value) => text.push_str(&value),
                Output::Later => later = true,
                Output::Unusable => return None,
            },
        }
    }
    if later {
        let written = pieces.iter().map(written).collect();
        return Some(Wanted {
            argument: Some(Argument::Pieces(pieces.to_vec())),
            shown: Shown::KnownAfterApply(written),
            differs: true,
        });
    }
    if let Err(message) = check(spec, key, &text) {
        problems.push(Problem::input(message).at(place));
        return None;
    }
    let differs = before.is_none_or(|before| normal(&spec.kind, before) != normal(&spec.kind, &text));
    Some(Wanted { argument: Some(Argument::Value(text.clone())), shown: Shown::Text(text), differs })
}

/// A piece as it is written in the files.
fn written(piece: &Piece) -> Cow<'_, str> {
    match piece {
        Piece::Literal(text) => Cow::Borrowed(text),
        Piece::Output { address, output } => {
            Cow::Owned(format!("${{provisioned_product.{}.outputs.{output}}}", address.key))
        }
    }
}

/// What runs, unchanged: by the service's own doing, or by sending what it tells.
fn kept(c: &Comparison<'_>, key: &str, place: &Place, problems: &mut Vec<Problem>) -> Option<Wanted> {
    let unchanged = |argument| Some(Wanted { argument: Some(argument), shown: Shown::Previous, differs: false });
    let before = c.live?.parameters.get(key)?;
    if c.keeps_previous {
        return unchanged(Argument::Previous);
    }
    if !before.masked {
        return unchanged(Argument::Value(before.value.clone()));
    }
    problems.push(
        Problem::input(format!(
            "`parameters.{key}` cannot be kept: every update sends all parameters, and the service does not tell its value"
        ))
        .at(place)
        .hint(format!("write `parameters.{key} = {{ secret = \"env:NAME\", version = 1 }}`")),
    );
    None
}

fn wanted_by_default(
    c: &Comparison<'_>,
    key: &str,
    spec: &ParameterSpec,
    problems: &mut Vec<Problem>,
) -> Option<Wanted> {
    let before = c.live.and_then(|live| live.parameters.get(key));
    // Unmanaged parameters keep what is there; the cloud takes the template's default for what is new.
    if c.declared.is_none() && before.is_some() {
        return kept(c, key, c.place, problems);
    }
    // What was left out when we last sent parameters runs with the template's default, and cannot be compared.
    let left_out_before = c.applied.is_some_and(|applied| {
        applied.written && matches!(applied.parameters.get(key), None | Some(Argument::Previous))
    });
    if before.is_some() && spec.no_echo && spec.default.is_some() && left_out_before {
        let argument = c.keeps_previous.then_some(Argument::Previous);
        return Some(Wanted { argument, shown: Shown::Masked, differs: false });
    }
    if before.is_some() && (spec.no_echo || (spec.default.is_none() && !spec.nullable)) {
        let why = if spec.no_echo { "a NoEcho parameter" } else { "required: the template has no default" };
        problems.push(Problem::input(format!("parameter `{key}` is not given, and it is {why}")).at(c.place).hint(
            if can_be_kept(c, key) {
                format!("keep what is there with `parameters.{key} = {{ previous = true }}`, or give it a value")
            } else {
                format!("write `parameters.{key} = {{ secret = \"env:NAME\", version = 1 }}`")
            },
        ));
        return None;
    }
    let Some(default) = &spec.default else {
        if spec.nullable {
            // What has a value keeps it when it is left out, so it is emptied.
            let differs = before.is_some_and(|before| !before.value.is_empty());
            let argument = differs.then(|| Argument::Value(String::new()));
            return Some(Wanted { argument, shown: Shown::Absent, differs });
        }
        problems.push(
            Problem::input(format!("parameter `{key}` is required by version {} and not given", c.version))
                .at(c.place)
                .hint(format!("add `parameters.{key} = …`; its type is {}", spec.kind)),
        );
        return None;
    };
    let differs = before.is_none_or(|before| normal(&spec.kind, &before.value) != normal(&spec.kind, default));
    // The default of a NoEcho parameter is a secret too. It is taken by being left out, and so never written down.
    Some(if spec.no_echo {
        Wanted { argument: None, shown: Shown::Masked, differs }
    } else {
        Wanted { argument: Some(Argument::Value(default.clone())), shown: Shown::Default(default.clone()), differs }
    })
}

fn record(c: &Comparison<'_>, key: &str, spec: &ParameterSpec, wanted: Wanted, difference: &mut Difference) {
    if wanted.differs {
        let secret = spec.no_echo || matches!(wanted.argument, Some(Argument::Secret(_)));
        let reverts = changed_outside(c, key, spec).map(|last| FieldDrift {
            reverts: wanted.argument.as_ref() == Some(&Argument::Value(last.to_owned())),
            last: if secret { Shown::Masked } else { Shown::Text(last.to_owned()) },
            evidence: None,
        });
        let before = shown_before(c, key, secret);
        let field = Field::new(c.action, FieldName::Parameter(key.to_owned()), before, wanted.shown);
        difference.fields.push(Field { drift: reverts, ..field });
    } else if c.live.is_some() {
        let secret = match c.declared.and_then(|declared| declared.get(key)).map(|value| &value.value) {
            Some(Value::Secret(secret)) => Some(Argument::Secret(secret.clone())),
            // A value that is merely kept is not the files', and may be a secret that the template does not mark.
            _ => wanted
                .argument
                .clone()
                .filter(|argument| matches!(argument, Argument::Value(_)) && wanted.shown != Shown::Previous),
        };
        difference.verified.extend(secret.map(|argument| (key.to_owned(), argument)));
    }
    if let Some(argument) = wanted.argument {
        difference.arguments.insert(key.to_owned(), argument);
    }
}

/// The value that we last applied or verified, if another one runs.
fn changed_outside<'c>(c: &Comparison<'c>, key: &str, spec: &ParameterSpec) -> Option<&'c str> {
    let Argument::Value(last) = c.applied?.parameters.get(key)? else { return None };
    let before = c.live?.parameters.get(key)?;
    (!before.masked && normal(&spec.kind, last) != normal(&spec.kind, &before.value)).then_some(last)
}

/// What runs, as far as it may be shown: what is a secret in the files, or was one when it was sent, is one in the cloud.
fn shown_before(c: &Comparison<'_>, key: &str, secret: bool) -> Shown {
    let was_secret = matches!(c.applied.and_then(|a| a.parameters.get(key)), Some(Argument::Secret(_)));
    match c.live.and_then(|live| live.parameters.get(key)) {
        None => Shown::Absent,
        Some(before) if before.masked || secret || was_secret => Shown::Masked,
        Some(before) => Shown::Text(before.value.clone()),
    }
}

/// Parameters that the target version does not have any more; sending one would be refused. One that vanishes while
/// another appears may have been renamed, and the value of a renamed parameter is easily lost: both are named.
fn vanished(c: &Comparison<'_>, difference: &mut Difference) {
    let Some(live) = c.live else { return };
    let gone: Vec<&str> =
        live.parameters.keys().filter(|key| !c.template.parameters.contains_key(*key)).map(String::as_str).collect();
    if gone.is_empty() {
        return;
    }
    let new: Vec<&str> =
        c.template.parameters.keys().filter(|key| !live.parameters.contains_key(*key)).map(String::as_str).collect();
    for key in &gone {
        let before = shown_before(c, key, false);
        let field = Field::new(c.action, FieldName::Parameter((*key).to_owned()), before, Shown::Absent);
        difference.fields.push(Field { note: Some(format!("not in version {}", c.version)), ..field });
    }
    if !new.is_empty() {
        difference.notes.push(format!(
            "version {} drops {} and brings {}: if one was renamed, carry its value over",
            c.version,
            gone.join(", "),
            new.join(", ")
        ));
    }
}

fn unknown_parameter(key: &str, place: &Place, version: &str, known: &[&str]) -> Problem {
    let problem = Problem::input(format!("version {version} has no parameter `{key}`")).at(place);
    match nearest(key, known.iter().copied()) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None if known.is_empty() => problem.hint("it takes no parameters at all"),
        None => problem.hint(format!("it has {}", known.join(", "))),
    }
}

fn or_previous(c: &Comparison<'_>, key: &str) -> &'static str {
    if can_be_kept(c, key) { ", or keep what is there with `{ previous = true }`" } else { "" }
}

/// Whether there is a value, and one that the service keeps or tells.
fn can_be_kept(c: &Comparison<'_>, key: &str) -> bool {
    let before = c.live.and_then(|live| live.parameters.get(key));
    before.is_some_and(|before| c.keeps_previous || !before.masked)
}

/// The form in which two values are compared: what CloudFormation treats as the same value is the same here.
#[must_use]
pub fn normal<'a>(kind: &str, value: &'a str) -> Cow<'a, str> {
    if let Some(inner) = kind.strip_prefix("List<").and_then(|rest| rest.strip_suffix('>')) {
        return list(value, |item| normal(inner, item));
    }
    match kind {
        "Number" => number(value),
        "CommaDelimitedList" => list(value, Cow::Borrowed),
        "Boolean" => Cow::Owned(value.trim().to_lowercase()),
        "Json" => json(value),
        // Everything else, SSM keys included, is exactly its text.
        _ => Cow::Borrowed(value),
    }
}

fn list<'a>(value: &'a str, item: impl Fn(&'a str) -> Cow<'a, str>) -> Cow<'a, str> {
    let parts: Vec<Cow<'a, str>> = value.split(',').map(|part| item(part.trim())).collect();
    Cow::Owned(parts.join(","))
}

/// Without the spaces between its parts, and with keys in one order; what is no JSON is exactly its text.
fn json(value: &str) -> Cow<'_, str> {
    match serde_json::from_str::<serde_json::Value>(value) {
        Ok(parsed) => Cow::Owned(parsed.to_string()),
        Err(_) => Cow::Borrowed(value),
    }
}

/// Digits only where that is possible, because a twelve-digit number must not pass through a float.
fn number(value: &str) -> Cow<'_, str> {
    let text = value.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        let stripped = text.trim_start_matches('0');
        return Cow::Borrowed(if stripped.is_empty() { "0" } else { stripped });
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Cow::Owned(format!("{number}")),
        _ => Cow::Borrowed(value),
    }
}

/// Whether a value satisfies the template's own rules. The message names the rule and never the value.
pub fn check(spec: &ParameterSpec, key: &str, value: &str) -> Result<(), String> {
    let is_list = spec.kind == "CommaDelimitedList" || spec.kind.starts_with("List<");
    if !is_list {
        return check_item(spec, key, value, &spec.kind, false);
    }
    let inner = spec.kind.strip_prefix("List<").and_then(|rest| rest.strip_suffix('>')).unwrap_or("String");
    value.split(',').try_for_each(|item| check_item(spec, key, item.trim(), inner, true))
}

fn check_item(spec: &ParameterSpec, key: &str, value: &str, kind: &str, is_member: bool) -> Result<(), String> {
    let because = || spec.constraint_description.as_ref().map(|text| format!(" ({text})")).unwrap_or_default();
    // An SSM parameter's rules apply to the value behind the key, which only the service sees.
    if kind.starts_with("AWS::SSM::") {
        return Ok(());
    }
    if kind == "Number" && !value.trim().parse::<f64>().is_ok_and(f64::is_finite) {
        return Err(format!("`parameters.{key}` must be a number"));
    }
    if kind == "Boolean" && !matches!(value.trim().to_lowercase().as_str(), "true" | "false") {
        return Err(format!("`parameters.{key}` must be true or false"));
    }
    if kind == "Json" && serde_json::from_str::<serde::de::IgnoredAny>(value).is_err() {
        return Err(format!("`parameters.{key}` must be JSON"));
    }
    if !spec.allowed_values.is_empty()
        && !spec.allowed_values.iter().any(|allowed| normal(kind, allowed) == normal(kind, value))
    {
        return Err(format!("`parameters.{key}` must be one of {}{}", spec.allowed_values.join(", "), because()));
    }
    if let Some(pattern) = &spec.allowed_pattern
        && pattern::matches(pattern, value) == Some(false)
    {
        return Err(format!("`parameters.{key}` must match the pattern {pattern}{}", because()));
    }
    // Lengths are documented for String alone (both clouds), which the types of AWS for single ids are too.
    let is_string = !is_member && !matches!(kind, "Number" | "Boolean" | "Json");
    let length = value.chars().count() as u64;
    if is_string && (spec.min_length.is_some_and(|min| length < min) || spec.max_length.is_some_and(|max| length > max))
    {
        return Err(format!(
            "`parameters.{key}` must be {} characters long{}",
            range(spec.min_length, spec.max_length),
            because()
        ));
    }
    if kind == "Number"
        && let Ok(number) = value.trim().parse::<f64>()
        && (spec.min_value.is_some_and(|min| number < min) || spec.max_value.is_some_and(|max| number > max))
    {
        return Err(format!("`parameters.{key}` must be {}{}", range(spec.min_value, spec.max_value), because()));
    }
    Ok(())
}

fn range<T: std::fmt::Display>(min: Option<T>, max: Option<T>) -> String {
    match (min, max) {
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
        (None, None) => String::new(),
    }
}
