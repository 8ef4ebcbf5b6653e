//! Values as they may be shown: on one line, or as a difference of lines when they are long or structured.

use similar::{Algorithm, ChangeTag, capture_diff_slices, group_diff_ops};

use super::{arn, safe};
use crate::plan::{Field, FieldName, Shown};

/// Longer values are shown as lines.
const LONG: usize = 100;
/// JSON below this stays on one line.
const SHORT_JSON: usize = 40;
/// Unchanged lines round a change, in a text that is too long to be shown whole.
const CONTEXT: usize = 3;
const WHOLE: usize = 24;
/// Comparing takes the product of both lengths at worst; beyond this the whole text is shown as replaced.
const COMPARABLE: usize = 4_000_000;

/// Both sides of a field, ready to be set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sides {
    Inline { before: String, after: String },
    Lines(Vec<DiffLine>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DiffLine {
    pub(crate) sign: Sign,
    pub(crate) text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    Same,
    Minus,
    Plus,
    /// Where a hunk begins.
    Gap,
}

impl Sign {
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Sign::Same => " ",
            Sign::Minus => "-",
            Sign::Plus => "+",
            Sign::Gap => "",
        }
    }
}

/// A field's name as the files write it.
pub(crate) fn label(name: &FieldName) -> String {
    match name {
        FieldName::Parameter(key) | FieldName::Tag(key) => safe::key(key),
        other => word(other).to_owned(),
    }
}

/// The same with its table: `parameters.CidrBlock`, `tags.team`.
pub(crate) fn full_label(name: &FieldName) -> String {
    match name {
        FieldName::Parameter(key) => format!("parameters.{}", safe::key(key)),
        FieldName::Tag(key) => format!("tags.{}", safe::key(key)),
        other => word(other).to_owned(),
    }
}

fn word(name: &FieldName) -> &'static str {
    match name {
        FieldName::Name => "name",
        FieldName::Product => "product",
        FieldName::Version => "version",
        FieldName::Path => "path",
        FieldName::StackRegion => "stack region",
        FieldName::Parameter(_) => "parameter",
        FieldName::Tag(_) => "tag",
        FieldName::LaunchRole => "launch role",
        FieldName::Owner => "owner",
        FieldName::Steward => "steward",
        FieldName::Protect => "protect",
        FieldName::DependsOn => "depends_on",
        FieldName::TagKeys => "tag keys",
        FieldName::Address => "address",
    }
}

/// One side on one line. Parameters and tags are quoted, names are not.
pub(crate) fn shown(value: &Shown, name: &FieldName, account: Option<&str>) -> String {
    let text = |text: &str| match name {
        FieldName::Parameter(_) | FieldName::Tag(_) => safe::quoted(text),
        FieldName::Owner | FieldName::LaunchRole => arn::short(text, account),
        _ => safe::name(text),
    };
    match value {
        Shown::Absent => "(none)".to_owned(),
        Shown::Text(value) => text(value),
        Shown::Default(value) => format!("{} (template default)", text(value)),
        Shown::KnownAfterApply(reference) => format!("(known after apply) {}", safe::line(reference)),
        Shown::Masked => "(secret)".to_owned(),
        Shown::Secret(secret) => format!("(secret {}, version {})", safe::line(&secret.source), secret.version),
        Shown::Previous => "(kept as it is)".to_owned(),
    }
}

/// The change from outside that a field sets back or overwrites.
pub(crate) fn drift(field: &Field, account: Option<&str>) -> Option<String> {
    let drift = field.drift.as_ref()?;
    let by = drift.evidence.as_ref().map(|evidence| format!(" ({})", safe::line(evidence))).unwrap_or_default();
    Some(if drift.reverts {
        format!("! reverts a change made outside tenure{by}")
    } else {
        let last = safe::clip(&shown(&drift.last, &field.name, account), 80);
        format!("! overwrites a change made outside tenure{by}; it was {last} before")
    })
}

/// Both sides of a field; `width` is what a whole line can hold.
pub(crate) fn sides(field: &Field, account: Option<&str>, width: usize) -> Sides {
    let values = matches!(field.name, FieldName::Parameter(_) | FieldName::Tag(_));
    let (old, new) = (Side::of(&field.before), Side::of(&field.after));
    if values && (old.wants_lines(width) || new.wants_lines(width)) {
        return Sides::Lines(compare(&old, &new, field, account));
    }
    Sides::Inline {
        before: shown(&field.before, &field.name, account),
        after: shown(&field.after, &field.name, account),
    }
}

/// The text of a side, if it has one that may be shown, and what is said about it.
struct Side<'a> {
    text: Option<&'a str>,
    remark: Option<&'static str>,
    absent: bool,
}

impl<'a> Side<'a> {
    fn of(value: &'a Shown) -> Self {
        let (text, remark) = match value {
            Shown::Text(text) => (Some(text), None),
            Shown::Default(text) => (Some(text), Some("(template default)")),
            Shown::KnownAfterApply(text) => (Some(text), Some("(known after apply)")),
            Shown::Absent | Shown::Masked | Shown::Secret(_) | Shown::Previous => (None, None),
        };
        Side { text: text.map(String::as_str), remark, absent: *value == Shown::Absent }
    }

    fn wants_lines(&self, width: usize) -> bool {
        self.text.is_some_and(|text| {
            let length = text.chars().count();
            text.trim_end_matches('\n').contains('\n')
                || length > LONG.min(width)
                || (length > SHORT_JSON && pretty(text).is_some())
        })
    }
}

fn compare(old: &Side<'_>, new: &Side<'_>, field: &Field, account: Option<&str>) -> Vec<DiffLine> {
    let (mut before, mut after) = split(old.text, new.text);
    // A side without a text of its own is one line that says what it is, unless there is nothing.
    for (side, value, lines) in [(old, &field.before, &mut before), (new, &field.after, &mut after)] {
        if side.text.is_none() && !side.absent {
            lines.push(shown(value, &field.name, account));
        }
        lines.extend(side.remark.map(str::to_owned));
    }
    diff(&before, &after)
}

/// Both texts in lines, in the first form that shows a difference: pretty JSON, list items, raw lines.
fn split(old: Option<&str>, new: Option<&str>) -> (Vec<String>, Vec<String>) {
    let both = |form: &dyn Fn(&str) -> Option<Vec<String>>| {
        let side = |text: Option<&str>| text.map_or(Some(Vec::new()), form);
        side(old).zip(side(new)).filter(|(a, b)| a != b)
    };
    let raw = |text: &str| text.split('\n').map(str::to_owned).collect::<Vec<_>>();
    both(&|text| pretty(text).map(|text| text.lines().map(str::to_owned).collect()))
        .or_else(|| both(&items))
        .unwrap_or_else(|| (old.map(raw).unwrap_or_default(), new.map(raw).unwrap_or_default()))
}

/// JSON with sorted keys, if the text is an object or a list and nothing of it is lost by parsing: big numbers, double
/// keys and escapes would be, and a reviewer must see them.
fn pretty(text: &str) -> Option<String> {
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    let compact = serde_json::to_string(&value).ok()?;
    (compact.len() == length_without_spaces(text)).then(|| serde_json::to_string_pretty(&value).ok())?
}

fn length_without_spaces(json: &str) -> usize {
    let (mut length, mut inside, mut escaped) = (0, false, false);
    for byte in json.bytes() {
        if inside || !byte.is_ascii_whitespace() {
            length += 1;
        }
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = inside,
            b'"' => inside = !inside,
            _ => {}
        }
    }
    length
}

/// A long list as the cloud takes it, joined by commas: one item on each line.
fn items(text: &str) -> Option<Vec<String>> {
    let list = text.len() > LONG && !text.contains('\n') && text.matches(',').count() >= 3;
    list.then(|| text.split_inclusive(',').map(str::to_owned).collect())
}

fn diff(before: &[String], after: &[String]) -> Vec<DiffLine> {
    let line = |sign, text: &String| DiffLine { sign, text: safe::line(text) };
    if before.len().saturating_mul(after.len()) > COMPARABLE {
        let old = before.iter().map(|text| line(Sign::Minus, text));
        return old.chain(after.iter().map(|text| line(Sign::Plus, text))).collect();
    }
    let context = if before.len().max(after.len()) <= WHOLE { WHOLE } else { CONTEXT };
    let groups = group_diff_ops(capture_diff_slices(Algorithm::Myers, before, after), context);
    let whole = groups.len() < 2 && context == WHOLE;
    let mut lines = Vec::new();
    for group in groups {
        if let (false, Some(first)) = (whole, group.first()) {
            let (old, new) = (first.old_range().start + 1, first.new_range().start + 1);
            lines.push(DiffLine { sign: Sign::Gap, text: format!("@@ line {old}, now {new} @@") });
        }
        for change in group.iter().flat_map(|op| op.iter_changes(before, after)) {
            let sign = match change.tag() {
                ChangeTag::Equal => Sign::Same,
                ChangeTag::Delete => Sign::Minus,
                ChangeTag::Insert => Sign::Plus,
            };
            lines.push(line(sign, &change.value()));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{DiffLine, Sides, sides};
    use crate::plan::{Action, Field, FieldName, Shown};

    fn lines(before: Shown, after: Shown) -> String {
        let name = FieldName::Parameter("Policy".to_owned());
        match sides(&Field::new(Action::Update, name, before, after), None, 80) {
            Sides::Inline { before, after } => format!("{before} → {after}"),
            Sides::Lines(lines) => {
                let line = |line: &DiffLine| format!("{}{}\n", line.sign.symbol(), line.text);
                lines.iter().map(line).collect()
            }
        }
    }

    fn text(text: &str) -> Shown {
        Shown::Text(text.to_owned())
    }

    #[test]
    fn json_is_compared_by_its_meaning() {
        let old = r#"{"b": [1, 2, 3], "a": {"x": "a long enough value"}}"#;
        let new = r#"{"a":{"x":"a long enough value"},"b":[1,2,4]}"#;
        insta::assert_snapshot!(lines(text(old), text(new)), @r#"
         {
           "a": {
             "x": "a long enough value"
           },
           "b": [
             1,
             2,
        -    3
        +    4
           ]
         }
        "#);
    }

    #[test]
    fn json_that_differs_only_in_form_is_compared_as_text() {
        let old = r#"{"a": 1, "b": "some text that is long enough"}"#;
        let new = r#"{"a":1,"b":"some text that is long enough"}"#;
        insta::assert_snapshot!(lines(text(old), text(new)), @r#"
        -{"a": 1, "b": "some text that is long enough"}
        +{"a":1,"b":"some text that is long enough"}
        "#);
    }

    #[test]
    fn what_parsing_json_would_lose_stays_visible() {
        for hidden in [r#""a": 1, "a": 2"#, r#""a": 12345678901234567890123"#, r#""a": "\u0041", "b": 0"#] {
            let new = format!(
                r#"{{{hidden}, "rest": "some text that is long enough to be shown as lines and not between quotes"}}"#
            );
            let shown = lines(text("{}"), text(&new));
            assert!(shown.contains(hidden), "{shown}");
        }
    }

    #[test]
    fn a_long_list_has_an_item_on_each_line() {
        let list = |last: &str| text(&format!("{}{last}", "subnet-0123456789abcdef0,".repeat(4)));
        insta::assert_snapshot!(lines(list("subnet-1"), list("subnet-2")), @r"
         subnet-0123456789abcdef0,
         subnet-0123456789abcdef0,
         subnet-0123456789abcdef0,
         subnet-0123456789abcdef0,
        -subnet-1
        +subnet-2
        ");
    }

    #[test]
    fn distant_changes_are_hunks_and_a_secret_stays_one() {
        let old: String = (0..30).map(|n| format!("line {n}\n")).collect();
        let new = old.replace("line 2\n", "line two\n").replace("line 25\n", "\u{1b}[0m\n");
        insta::assert_snapshot!(lines(text(&old), text(&new)));
        assert_eq!(lines(Shown::Masked, text("a\nb")), "-(secret)\n+a\n+b\n");
        assert_eq!(lines(Shown::Absent, Shown::Default("a\nb".to_owned())), "+a\n+b\n+(template default)\n");
    }
}
