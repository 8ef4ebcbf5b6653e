//! Every state against every entry.

use super::*;

/// What is known of `web@prod`; in all of them `other@prod` is pp-9.
const STATES: [&str; 8] = ["nothing", "declared", "ours", "replaced", "new >", "new >>", "step >", "step >>"];

fn state(name: &str) -> Ledger {
    let mut entries = vec![adopted("other", "pp-9", Holdings::default())];
    entries.extend(match name {
        "nothing" => vec![],
        "declared" => vec![declared("web")],
        "ours" => vec![adopted("web", "pp-1", Holdings::default())],
        "replaced" => vec![
            adopted("web", "pp-1", Holdings::default()),
            started(7, "web", provision()),
            submitted(7, "web", "pp-2"),
            succeeded(7, "web", "pp-2"),
        ],
        "new >" => vec![declared("web"), started(1, "web", provision())],
        "new >>" => vec![declared("web"), started(1, "web", provision()), submitted(1, "web", "pp-1")],
        "step >" => {
            vec![adopted("web", "pp-1", Holdings::default()), started(1, "web", update("pp-1", BTreeMap::new()))]
        }
        "step >>" => vec![
            adopted("web", "pp-1", Holdings::default()),
            started(1, "web", update("pp-1", BTreeMap::new())),
            submitted(1, "web", "pp-1"),
        ],
        other => panic!("{other} is no state"),
    });
    fold(entries)
}

fn wrong_kind() -> Entry {
    match started(1, "web", terminate("pp-1")) {
        Entry::Started(started) => Entry::Started(Started { kind: StepKind::Update, ..started }),
        other => other,
    }
}

/// `+` is legal; the columns are [`STATES`], in which `>` is a started step 1 and `>>` a submitted one.
fn rows() -> Vec<(&'static str, Entry)> {
    let none = Holdings::default;
    vec![
        ("+ + + +  + + + +", began(ADMIN)),
        ("+ + + +  + + + +", ended()),
        ("+ + + +  + + + +", declared("web")),
        ("+ + - -  - - - -", adopted("web", "pp-1", none())),
        ("- - - -  - - - -", adopted("web", "pp-9", none())),
        ("- - - -  - - - -", adopted("web", "", none())),
        ("- - + -  - + + +", moved("web", "shop", "pp-1")),
        ("- - - +  - - - -", moved("web", "shop", "pp-2")),
        ("- - - -  - - - -", moved("web", "other", "pp-1")),
        ("- - - -  - - - -", moved("web", "shop", "pp-9")),
        ("- - + +  - - - -", forgotten("web", "pp-1")),
        ("- - - +  - - - -", forgotten("web", "pp-2")),
        ("- - + +  - + + +", observed("web", "pp-1", none())),
        ("- - - -  - - - -", observed("web", "pp-9", none())),
        ("- + + +  - - - -", started(1, "web", provision())),
        ("- - + -  - - - -", started(1, "web", update("pp-1", BTreeMap::new()))),
        ("- - + -  - - - -", started(1, "web", set_owner("pp-1", "x"))),
        ("- - + -  - - - -", started(1, "web", set_launch_role("pp-1", "x"))),
        ("- - + +  - - - -", started(1, "web", terminate("pp-1"))),
        ("- - - -  - - - -", started(1, "web", terminate("pp-9"))),
        ("- - - -  - - - -", started(1, "web", set_owner("", "x"))),
        ("- - - -  - - - -", wrong_kind()),
        ("- - - -  + - + -", submitted(1, "web", "pp-1")),
        ("- - - -  + - - -", submitted(1, "web", "pp-3")),
        ("- - - -  - - - -", submitted(1, "web", "pp-9")),
        ("- - - -  - - - -", submitted(1, "web", "")),
        ("- - - -  - - - -", submitted(2, "web", "pp-1")),
        ("- - - -  + + + +", succeeded(1, "web", "pp-1")),
        ("- - - -  + - - -", succeeded(1, "web", "pp-3")),
        ("- - - -  - - - -", succeeded(1, "web", "pp-9")),
        ("- - - -  - - - -", succeeded(2, "web", "pp-1")),
        ("- - - -  - - + -", already(1, "web", "pp-1")),
        ("- - - -  + + + +", failed(1, "web", Failure::Rejected)),
        ("- - - -  - + - +", failed(1, "web", Failure::Operation)),
        ("+ + + +  + - + -", failed(1, "web", Failure::Moved)),
        ("- - - -  + + + +", failed(1, "web", Failure::Superseded)),
        ("- - - -  + - + -", failed(1, "web", Failure::NotSent)),
        ("- - - -  - - - -", failed(2, "web", Failure::Rejected)),
    ]
}

#[test]
fn the_whole_table() {
    for (cells, entry) in rows() {
        for (cell, name) in cells.split_whitespace().zip(STATES) {
            let before = state(name);
            let mut ledger = before.clone();
            let line = seal(entry.clone(), minute(99), "run-1", &ledger.head, ledger.seq + 1);
            let verdict = ledger.fold(&line);
            assert_eq!(verdict.is_ok(), cell == "+", "{name}: {entry:?}: {verdict:?}");
            assert_eq!(before.check(&entry), verdict, "{name}: asking and taking agree");
            if verdict.is_err() {
                assert_eq!(ledger, before, "{name}: what is refused changes nothing");
            }
        }
    }
}

#[test]
fn the_table_has_every_kind_of_entry() {
    let words: BTreeSet<&str> = rows().iter().map(|(_, entry)| entry.word()).collect();
    assert_eq!(words.len(), 11, "{words:?}");
}

#[test]
fn a_refusal_says_what_where_and_why() {
    let ledger = state("step >");
    let illegal = ledger.check(&started(2, "web", provision())).unwrap_err();
    assert_eq!(
        illegal.to_string(),
        "entry 4 (`started`) cannot follow for web@prod, which is started: its step 1 is not settled"
    );
    let illegal = state("nothing").check(&adopted("web", "pp-9", Holdings::default())).unwrap_err();
    assert_eq!(
        illegal.to_string(),
        "entry 2 (`adopted`) cannot follow for web@prod, which is idle: pp-9 is ours as other@prod"
    );
}
