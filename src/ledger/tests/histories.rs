//! Who held what: small stories and what is told of them.

use std::fmt::Write;

use super::*;
use crate::ledger::history::{Chronicle, Office, When, chronicles, find, owners, owners_during};

const ANNA: &str = "arn:aws:iam::123456789012:user/anna";

fn told(all: &[Chronicle]) -> String {
    let mut text = String::new();
    for chronicle in all {
        write!(text, "{} {}", chronicle.address, chronicle.id).unwrap();
        for former in &chronicle.former_addresses {
            write!(text, " once {former}").unwrap();
        }
        if let Some(gone) = &chronicle.gone {
            write!(text, " {} {} {}", gone.why, time(gone.when), gone.run).unwrap();
            if let Some(step) = gone.step {
                write!(text, " step {step}").unwrap();
            }
        }
        text.push('\n');
        for tenure in &chronicle.tenures {
            let office = match tenure.office {
                Office::Owner => "owner",
                Office::LaunchRole => "launch role",
                Office::Steward => "steward",
            };
            let holder = tenure.holder.rsplit(':').next().unwrap_or_default();
            let until = tenure.until.map(|when| format!(" until {}", time(when))).unwrap_or_default();
            write!(text, "  {office} {holder} {}{until}, {:?}", time(tenure.since), tenure.how.what).unwrap();
            write!(text, " {}#{}", tenure.how.run, tenure.how.seq).unwrap();
            if let Some(actor) = &tenure.how.actor {
                write!(text, " by {}", actor.rsplit(':').next().unwrap_or_default()).unwrap();
            }
            if let Some(operation) = &tenure.how.operation {
                write!(text, " {operation}").unwrap();
            }
            text.push_str(if tenure.how.unconfirmed { " unconfirmed\n" } else { "\n" });
        }
    }
    text
}

/// In minutes.
fn time(when: When) -> String {
    let minutes = |time: Timestamp| time.duration_since(minute(0)).as_mins();
    match when {
        When::At(time) => format!("at {}", minutes(time)),
        When::Between(from, to) => format!("in {}..{}", minutes(from), minutes(to)),
        When::Before(time) => format!("before {}", minutes(time)),
    }
}

#[track_caller]
fn check(story: Vec<Entry>, expected: &str) -> Vec<Chronicle> {
    let all = chronicles(&lines(story));
    let expected: String = expected.trim().lines().map(|line| format!("{}\n", line.trim_end())).collect();
    assert_eq!(told(&all), expected);
    all
}

/// Where a cloud tells owners by id, the launcher is known by that, or not at all until somebody looks.
#[test]
fn a_launcher_who_is_told_by_id() {
    let story = |id: Option<&str>| {
        let Entry::Began(mut began) = began(ADMIN) else { unreachable!() };
        began.holders.extend(id.map(|id| ("prod".to_owned(), id.to_owned())));
        let declaration = Declaration { cloud: Cloud::Alibaba, ..declaration("web") };
        vec![
            Entry::Began(began),
            Entry::Declared { address: at("web"), declaration },
            started(1, "web", provision()),
            submitted(1, "web", "pp-1"),
            succeeded(1, "web", "pp-1"),
            started_seeing(2, "web", update("pp-1", BTreeMap::new()), owner("role/7")),
        ]
    };
    check(
        story(Some("role/7")),
        "web@prod pp-1\n  owner role/7 at 4, Provisioned run-1#4 by assumed-role/Admin/anna rec-1",
    );
    check(story(None), "web@prod pp-1\n  owner role/7 in 4..6, Seen run-1#6");
}

#[test]
fn provisioned_transferred_and_terminated() {
    check(
        vec![
            began(ADMIN),
            stewarded("web", Some("team-a")),
            started(1, "web", provision()),
            submitted(1, "web", "pp-1"),
            succeeded(1, "web", "pp-1"),
            started(2, "web", set_launch_role("pp-1", &role("Launch"))),
            succeeded(2, "web", "pp-1"),
            started(3, "web", set_owner("pp-1", &role("Team"))),
            submitted(3, "web", "pp-1"),
            Entry::Succeeded(Succeeded { unconfirmed: true, ..success(3, "web", "pp-1") }),
            stewarded("web", Some("team-b")),
            stewarded("web", None),
            started(1, "web", terminate("pp-1")),
            succeeded(1, "web", "pp-1"),
        ],
        "
web@prod pp-1 terminated at 14 run-1 step 1
  owner assumed-role/Admin/anna at 4 until at 10, Provisioned run-1#4 by assumed-role/Admin/anna rec-1
  steward team-a at 4 until at 11, Declared run-1#4 by assumed-role/Admin/anna
  launch role role/Launch at 7 until at 14, Transferred run-1#7 by assumed-role/Admin/anna
  owner role/Team at 10 until at 14, Transferred run-1#10 by assumed-role/Admin/anna rec-3 unconfirmed
  steward team-b at 11 until at 12, Declared run-1#11 by assumed-role/Admin/anna
",
    );
}

#[test]
fn a_change_by_somebody_else_lies_between_two_looks() {
    check(
        vec![
            began(ADMIN),
            adopted("web", "pp-1", owner(ANNA)),
            observed("web", "pp-1", owner(ANNA)),
            ended(),
            observed("web", "pp-1", owner(&role("Team"))),
            started_seeing(1, "web", set_owner("pp-1", ANNA), owner(&role("Other"))),
            failed(1, "web", Failure::Rejected),
            observed("web", "pp-1", Holdings { launch_role: Some(role("Launch")), ..Holdings::default() }),
        ],
        "
web@prod pp-1
  owner user/anna before 2 until in 3..5, Adopted run-1#2 by assumed-role/Admin/anna
  owner role/Team in 3..5 until in 5..6, Seen run-1#5
  owner role/Other in 5..6, Seen run-1#6
  launch role role/Launch before 8, Seen run-1#8
",
    );
}

#[test]
fn the_role_behind_a_session_is_the_same_holder() {
    let all = check(
        vec![
            began(ADMIN),
            declared("web"),
            started(1, "web", provision()),
            succeeded(1, "web", "pp-1"),
            observed("web", "pp-1", owner(&role("path/Admin"))),
            started(2, "web", set_owner("pp-1", &role("path/Admin"))),
            succeeded(2, "web", "pp-1"),
        ],
        "
web@prod pp-1
  owner role/path/Admin at 4, Provisioned run-1#4 by assumed-role/Admin/anna
",
    );
    assert_eq!(find(&all, ADMIN).len(), 1);
}

#[test]
fn what_held_already_was_not_our_doing() {
    check(
        vec![
            began(ADMIN),
            adopted("web", "pp-1", owner(ANNA)),
            started(1, "web", set_owner("pp-1", &role("Team"))),
            already(1, "web", "pp-1"),
            started(2, "web", set_owner("pp-1", ANNA)),
            failed(2, "web", Failure::Rejected),
        ],
        "
web@prod pp-1
  owner user/anna before 2 until in 2..4, Adopted run-1#2 by assumed-role/Admin/anna
  owner role/Team in 2..4, Seen run-1#4
",
    );
}

#[test]
fn a_product_that_somebody_else_terminated_is_held_by_nobody() {
    let gone = Entry::Forgotten {
        address: at("web"),
        id: "pp-1".to_owned(),
        reason: "gone from the cloud".to_owned(),
        gone: true,
    };
    check(
        vec![
            began(ADMIN),
            adopted("web", "pp-1", owner(ANNA)),
            observed("web", "pp-1", owner(ANNA)),
            gone,
            declared("web"),
            started(1, "web", provision()),
            submitted(1, "web", "pp-2"),
        ],
        "
web@prod pp-1 terminated outside tenure in 3..4 run-1
  owner user/anna before 2 until in 3..4, Adopted run-1#2 by assumed-role/Admin/anna
web@prod pp-2
  owner assumed-role/Admin/anna at 7, Provisioned run-1#7 by assumed-role/Admin/anna rec-1
",
    );
}

#[test]
fn moves_replacements_and_what_is_left() {
    let all = check(
        vec![
            began(ADMIN),
            adopted("net", "pp-1", owner(ANNA)),
            moved("net", "web", "pp-1"),
            started(1, "web", provision()),
            submitted(1, "web", "pp-2"),
            failed(1, "web", Failure::Operation),
            moved("web", "shop", "pp-2"),
            forgotten("shop", "pp-1"),
        ],
        "
shop@prod pp-1 once net@prod once web@prod forgotten: removed at 8 run-1
  owner user/anna before 2, Adopted run-1#2 by assumed-role/Admin/anna
shop@prod pp-2 once web@prod
  owner assumed-role/Admin/anna at 5, Provisioned run-1#5 by assumed-role/Admin/anna rec-1
",
    );
    for (what, count) in [
        ("web@prod", 2),
        ("net", 1),
        ("shop", 2),
        ("pp-1", 1),
        ("web", 2),
        (ANNA, 1),
        ("user/anna", 1),
        ("anna", 0),
        ("", 0),
        ("nobody", 0),
    ] {
        assert_eq!(find(&all, what).len(), count, "{what}");
    }
    assert_eq!(owners(&all, None).len(), 1);
}

#[test]
fn forgotten_and_adopted_again_is_one_story() {
    check(
        vec![
            began(ADMIN),
            adopted("web", "pp-1", owner(ANNA)),
            forgotten("web", "pp-1"),
            adopted("app", "pp-1", owner(&role("Team"))),
        ],
        "
app@prod pp-1 once web@prod
  owner user/anna before 2 until in 2..4, Adopted run-1#2 by assumed-role/Admin/anna
  owner role/Team in 2..4, Seen run-1#4
",
    );
}

#[test]
fn what_a_later_run_settles_is_told_of_the_run_that_sent_it() {
    let story = [
        ("run-1", 1, began(ADMIN)),
        ("run-1", 2, adopted("web", "pp-1", owner(ANNA))),
        ("run-1", 3, declared("app")),
        ("run-1", 4, started(1, "web", set_owner("pp-1", &role("Team")))),
        ("run-1", 5, started(2, "app", provision())),
        ("run-2", 60, began("arn:aws:iam::123456789012:user/night")),
        ("run-2", 61, succeeded(1, "web", "pp-1")),
        ("run-2", 62, succeeded(2, "app", "pp-2")),
    ];
    let expected = "\
app@prod pp-2
  owner assumed-role/Admin/anna in 5..62, Provisioned run-1#8 by assumed-role/Admin/anna
web@prod pp-1
  owner user/anna before 2 until in 4..61, Adopted run-1#2 by assumed-role/Admin/anna
  owner role/Team in 4..61, Transferred run-1#7 by assumed-role/Admin/anna
";
    assert_eq!(told(&chronicles(&lines_of_runs(story))), expected);
}

#[test]
fn a_look_at_our_own_unsettled_transfer_does_not_make_it_somebody_elses() {
    let story = [
        ("run-1", 1, began(ADMIN)),
        ("run-1", 2, adopted("web", "pp-1", owner(ANNA))),
        ("run-1", 3, started(1, "web", set_owner("pp-1", &role("Team")))),
        ("run-1", 4, submitted(1, "web", "pp-1")),
        ("run-2", 30, observed("web", "pp-1", owner(&role("Team")))),
        ("run-3", 60, began("arn:aws:iam::123456789012:user/night")),
        ("run-3", 61, succeeded(1, "web", "pp-1")),
    ];
    let expected = "\
web@prod pp-1
  owner user/anna before 2 until in 2..30, Adopted run-1#2 by assumed-role/Admin/anna
  owner role/Team in 2..30, Transferred run-1#7 by assumed-role/Admin/anna rec-1
";
    assert_eq!(told(&chronicles(&lines_of_runs(story))), expected);
}

#[test]
fn who_held_it_then() {
    let all = chronicles(&lines([
        began(ADMIN),
        adopted("web", "pp-1", owner("a")),
        ended(),
        observed("web", "pp-1", owner("b")),
        started(1, "web", set_owner("pp-1", "c")),
        succeeded(1, "web", "pp-1"),
        ended(),
        started(1, "web", terminate("pp-1")),
        succeeded(1, "web", "pp-1"),
    ]));
    let held = |from: i64, to: i64| -> String {
        let certainty = |certain: bool| if certain { "" } else { "?" };
        owners_during(&all, minute(from), minute(to))
            .iter()
            .map(|held| format!("{}{} ", held.tenure.holder, certainty(held.certain)))
            .collect::<String>()
            .trim_end()
            .to_owned()
    };
    for (from, to, expected) in [
        (1, 1, ""),
        (2, 2, "a"),
        (3, 3, "a? b?"),
        (4, 4, "b"),
        (5, 5, "b"),
        (6, 6, "c"),
        (8, 8, "c"),
        (9, 9, ""),
        (4, 7, "b c"),
        (10, 20, ""),
    ] {
        assert_eq!(held(from, to), expected, "from {from} to {to}");
    }
    assert!(owners(&all, None).is_empty());
    assert_eq!(owners(&all, Some(minute(7))).len(), 1);
}

#[test]
fn lines_that_cannot_be_are_told_up_to_there() {
    let all = chronicles(&lines([adopted("web", "pp-1", owner(ANNA)), ended(), succeeded(1, "web", "pp-1")]));
    assert_eq!(all.len(), 1);
    assert!(chronicles(&[]).is_empty());
}
