use proptest::prelude::*;

use super::{MarkdownOptions, plan};
use crate::model::Address;
use crate::plan::{Action, Plan, Shown};
use crate::problem::{Kind, Problem};
use crate::render::{safe, samples};

fn within(of: &Plan, max_bytes: usize) -> String {
    let text = plan(of, &MarkdownOptions { max_bytes, full: false });
    assert!(text.len() <= max_bytes, "{} > {max_bytes}", text.len());
    if let Err(what) = balanced(&text) {
        panic!("{what}:\n{text}");
    }
    text
}

/// Reads the text as a forge does: fences first, then the blocks that we open ourselves.
fn balanced(text: &str) -> Result<(), String> {
    let mut fence: Option<usize> = None;
    let mut open = 0_i32;
    for line in text.lines() {
        let ticks = line.len() - line.trim_start_matches('`').len();
        match fence {
            Some(length) if ticks >= length && line.trim_matches('`').is_empty() => fence = None,
            Some(_) => {}
            None if ticks >= 3 && !line[ticks..].contains('`') => fence = Some(ticks),
            None => {
                let prose = without_code(line);
                open += i32::try_from(prose.matches("<details>").count()).unwrap_or(i32::MAX);
                open -= i32::try_from(prose.matches("</details>").count()).unwrap_or(i32::MAX);
                let own =
                    ["<details>", "</details>", "<summary>", "</summary>", "<br>", "@ launch role", "&lt;", "&gt;"];
                let rest = own.iter().fold(prose, |text, tag| text.replace(tag, ""));
                if rest.trim_start_matches('#').contains(['<', '@', '#']) {
                    return Err(format!("active text in {line:?}"));
                }
            }
        }
        if !(0..=1).contains(&open) {
            return Err(format!("unbalanced details at {line:?}"));
        }
    }
    if open == 0 && fence.is_none() { Ok(()) } else { Err("something stays open".to_owned()) }
}

/// The line without its code spans and `<code>` elements.
fn without_code(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find('`') {
        out.push_str(&rest[..at]);
        let ticks = rest[at..].len() - rest[at..].trim_start_matches('`').len();
        let inside = &rest[at + ticks..];
        match closing(inside, ticks) {
            Some(end) => rest = &inside[end..],
            None => {
                out.push_str(&rest[at..]);
                return out;
            }
        }
    }
    out.push_str(rest);
    while let (Some(from), Some(to)) = (out.find("<code>"), out.find("</code>")) {
        out.replace_range(from..(to + "</code>".len()).max(from), "");
    }
    out
}

fn closing(text: &str, ticks: usize) -> Option<usize> {
    let mut at = 0;
    while let Some(found) = text[at..].find('`') {
        let start = at + found;
        let run = text[start..].len() - text[start..].trim_start_matches('`').len();
        if run == ticks {
            return Some(start + run);
        }
        at = start + run;
    }
    None
}

#[test]
fn the_documented_example() {
    insta::assert_snapshot!(within(&samples::contract(), 65_000));
}

#[test]
fn one_of_everything() {
    insta::assert_snapshot!("everything", within(&samples::everything(), 65_000));
    insta::assert_snapshot!("everything_in_2000_bytes", within(&samples::everything(), 2_000));
    insta::assert_snapshot!("everything_in_400_bytes", within(&samples::everything(), 400));
}

#[test]
fn nothing_to_do() {
    insta::assert_snapshot!(within(&samples::empty(), 65_000), @r"
    ### tenure: nothing to do

    Nothing to do: 41 provisioned products are as the files say.
    ");
}

#[test]
fn hostile_text_stays_text() {
    for limit in [65_000, 20_000, 8_000, 3_000, 1_000, 100, 10, 0] {
        let text = within(&samples::hostile(), limit);
        assert!(!text.chars().any(|c| c != '\n' && safe::is_hidden(c)), "{text:?}");
    }
    insta::assert_snapshot!(within(&samples::hostile(), 65_000));
}

#[test]
fn a_thousand_changes_say_what_was_left_out() {
    let text = within(&samples::many(1000), 65_000);
    assert!(text.starts_with("### tenure: 1000 to update, 1000 owner changes, 0 to terminate\n"), "{text}");
    assert!(text.contains("_Left out for want of space: the details of "), "{text}");
    assert!(text.len() > 50_000, "the space is used: {}", text.len());
    let short = within(&samples::many(1000), 3_000);
    assert!(short.contains("_Left out for want of space: the details of 9"), "{short}");
}

#[test]
fn every_termination_is_named_as_long_as_there_is_room() {
    let terminations = |count: u32| {
        let mut plan = samples::many(200);
        for n in 0..count {
            plan.changes.push(samples::change(&format!("dead-{n}"), &[Action::Terminate], Vec::new()));
        }
        plan.counts.terminate = count;
        plan
    };
    let text = within(&terminations(1500), 65_000);
    assert!((0..1500).all(|n| text.contains(&format!("`dead-{n}@prod`"))));
    let absurd = within(&terminations(20_000), 65_000);
    assert!(absurd.contains("20000 to terminate") && absurd.contains("#### Terminations (20000)"), "{absurd}");
}

fn any_shown() -> impl Strategy<Value = Shown> {
    prop_oneof![
        Just(Shown::Absent),
        Just(Shown::Masked),
        hostile().prop_map(Shown::Text),
        hostile().prop_map(Shown::Default),
        hostile().prop_map(Shown::KnownAfterApply),
    ]
}

fn hostile() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        Just("`".to_owned()),
        Just("```".to_owned()),
        Just("|".to_owned()),
        Just("\\".to_owned()),
        Just("\n".to_owned()),
        Just("</details>".to_owned()),
        Just("<details>".to_owned()),
        Just("<!--".to_owned()),
        Just("@admin".to_owned()),
        Just("#1".to_owned()),
        Just(" ".to_owned()),
        Just("~~~".to_owned()),
        Just("\u{202e}".to_owned()),
        Just("&#64;".to_owned()),
        Just("{\"a\":[1,2,\"`\"]}".to_owned()),
        "[a-z]{1,8}",
        any::<String>(),
    ];
    prop_oneof![
        9 => prop::collection::vec(pieces, 0..8).prop_map(|pieces| pieces.concat()),
        1 => ("[a-z`|<@]", 1_usize..40_000).prop_map(|(piece, times)| piece.repeat(times)),
    ]
}

fn any_plan() -> impl Strategy<Value = Plan> {
    let sides = prop::collection::vec((any_shown(), any_shown()), 30);
    let texts = prop::collection::vec(hostile(), 8);
    (sides, texts, 0_usize..60, 0_usize..60).prop_map(|(sides, texts, terminated, found)| {
        let mut plan = samples::everything();
        let mut sides = sides.into_iter().cycle();
        let mut texts = texts.into_iter().cycle();
        let mut text = move || texts.next().unwrap_or_default();
        for n in 0..terminated {
            let mut change = samples::change("", &[Action::Terminate], Vec::new());
            change.address = Address::new(format!("{}{n}", safe::clip(&text(), 60)), "prod");
            change.product = text();
            plan.changes.push(change);
        }
        for n in 0..found {
            let problem = Problem::new(Kind::Failed, text()).hint(text());
            let address = Address::new(format!("{}{n}", text()), "prod");
            plan.findings.push(samples::finding(address, problem.clone(), n % 2 == 0));
            plan.refusals.push(problem);
        }
        for field in plan.changes.iter_mut().flat_map(|change| &mut change.fields) {
            if let Some((before, after)) = sides.next() {
                (field.before, field.after) = (before, after);
            }
            field.note = Some(text()).filter(|note| note.len() % 2 == 0);
        }
        plan.counts.terminate = u32::try_from(terminated).unwrap_or(u32::MAX);
        plan
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn whatever_the_plan_it_fits_and_hides_no_termination(of in any_plan(), max_bytes in 0_usize..70_000, full in any::<bool>()) {
        let text = plan(&of, &MarkdownOptions { max_bytes, full });
        prop_assert!(text.len() <= max_bytes);
        prop_assert_eq!(balanced(&text), Ok(()));
        if max_bytes > 30_000 {
            for change in of.changes.iter().filter(|change| change.actions.contains(&Action::Terminate)) {
                let address = safe::line(&change.address.to_string());
                prop_assert!(text.contains(&address), "{address:?} is missing");
            }
        }
    }
}
