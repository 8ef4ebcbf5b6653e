use proptest::prelude::*;

use super::{TextOptions, plan};
use crate::model::{Address, Request, StepKind};
use crate::plan::{Action, FieldName, Plan, Shown};
use crate::problem::Problem;
use crate::render::{Style, safe, samples};

fn text(of: &Plan, width: usize) -> String {
    plan(of, &TextOptions { style: Style { color: false, width }, full: false })
}

fn full(of: &Plan) -> String {
    plan(of, &TextOptions { style: Style { color: false, width: 100 }, full: true })
}

#[test]
fn the_documented_example() {
    insta::assert_snapshot!("contract_50", text(&samples::contract(), 50));
    insta::assert_snapshot!("contract_80", text(&samples::contract(), 80));
    insta::assert_snapshot!("contract_200", text(&samples::contract(), 200));
    insta::assert_snapshot!("contract_full", full(&samples::contract()));
}

#[test]
fn the_documented_example_in_colour() {
    let style = Style { color: true, width: 100 };
    let text = plan(&samples::contract(), &TextOptions { style, full: false });
    insta::assert_snapshot!(text.replace('\u{1b}', "^"));
}

#[test]
fn one_of_everything() {
    insta::assert_snapshot!("everything_50", text(&samples::everything(), 50));
    insta::assert_snapshot!("everything_80", text(&samples::everything(), 80));
    insta::assert_snapshot!("everything_200", text(&samples::everything(), 200));
    insta::assert_snapshot!("everything_full", full(&samples::everything()));
}

#[test]
fn what_an_earlier_replacement_left_goes_by_its_own_id() {
    let mut plan = samples::empty();
    let name = |name: &str| samples::field(Action::Terminate, FieldName::Name, samples::shown(name), Shown::Absent);
    plan.changes = vec![samples::change("web", &[Action::Terminate], vec![name("web-1"), name("web-2")])];
    plan.steps =
        vec![samples::step(1, "web", StepKind::Terminate, &[]), samples::step(2, "web", StepKind::Terminate, &[])];
    for (step, id) in plan.steps.iter_mut().zip(["pp-former-1", "pp-former-2"]) {
        step.request = Request::Terminate { id: id.to_owned() };
    }
    plan.counts.terminate = 2;
    insta::assert_snapshot!(text(&plan, 80));
}

#[test]
fn nothing_to_do() {
    let mut nothing = samples::empty();
    assert_eq!(text(&nothing, 80), "Nothing to do: 41 provisioned products are as the files say.\n");
    nothing.findings = samples::everything().findings;
    nothing.findings.truncate(1);
    nothing.blocked = [nothing.findings[0].address.clone()].into();
    nothing.counts.blocked = 1;
    nothing.counts.unchanged = 1;
    insta::assert_snapshot!(text(&nothing, 80));
}

#[test]
fn many_changes_keep_the_rest_short() {
    let text = text(&samples::many(1000), 80);
    let (_, steps) = text.split_once("\nSteps\n").unwrap_or_default();
    assert!(steps.lines().count() < 50, "{steps}");
    assert!(text.contains("… 1960 more (--full): 980 update, 980 transfer owner"), "{steps}");
    assert!(full(&samples::many(1000)).contains("  2000  > transfer owner"));
}

#[test]
fn equal_findings_and_equal_updates_are_told_once() {
    let mut plan = samples::empty();
    let fields = samples::many(1).changes.remove(0);
    for n in 0..500 {
        let address = Address::new(format!("p{n}"), "prod");
        plan.changes.push(crate::plan::Change { address: address.clone(), ..fields.clone() });
        let problem = Problem::failed("not visible to this role").hint("plan with account access");
        plan.findings.push(samples::finding(address, problem, true));
    }
    plan.counts.update = 500;
    insta::assert_snapshot!(text(&plan, 80));
}

#[test]
fn hostile_text_is_spelt_out() {
    let text = text(&samples::hostile(), 80);
    assert!(!text.chars().any(|c| c != '\n' && safe::is_hidden(c)), "{text:?}");
    // No value can begin a line of its own.
    assert!(!text.lines().any(|line| line.starts_with("```") || line.starts_with("</details>")), "{text}");
}

#[test]
fn a_secret_reference_is_all_that_is_shown_of_a_secret() {
    let text = text(&samples::everything(), 200);
    assert!(text.contains("(secret) → (secret env:DB_PASSWORD, version 4)"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_raw_reaches_the_terminal(value in any::<String>(), width in 20_usize..220, color in any::<bool>()) {
        let mut of = samples::everything();
        for change in &mut of.changes {
            change.address.key.clone_from(&value);
            change.product.clone_from(&value);
            for field in &mut change.fields {
                field.after = Shown::Text(value.clone());
            }
        }
        of.findings[0].problem = Problem::failed(value.clone()).hint(value.clone());
        of.drift[0].now = Shown::Text(value);
        let mut text = plan(&of, &TextOptions { style: Style { color, width }, full: false });
        for own in ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[2m", "\u{1b}[31m", "\u{1b}[32m", "\u{1b}[33m", "\u{1b}[35m", "\u{1b}[36m"] {
            text = text.replace(own, "");
        }
        prop_assert!(!text.chars().any(|c| c != '\n' && safe::is_hidden(c)), "{text:?}");
    }
}
