use serde_json::{Value, json};

use super::super::tests::*;
use super::*;
use crate::model::{Pending, StepKind};
use crate::provider::Provider;

fn operation(number: usize, kind: &str) -> Pending {
    let operation = Operation {
        id: format!("rec-{number}"),
        product_id: format!("pp-{number}"),
        state: OperationState::Running,
        status: "CREATED".to_owned(),
        kind: kind.to_owned(),
        version_id: None,
        path_id: None,
        updated: None,
    };
    Pending { kind: StepKind::Update, operation, after: None }
}

fn running(count: usize) -> Vec<Pending> {
    (0..count).map(|number| operation(number, "UPDATE_PROVISIONED_PRODUCT")).collect()
}

fn detail(number: usize) -> Value {
    json!({ "RecordId": format!("rec-{number}"), "Status": "SUCCEEDED", "RecordType": "UPDATE_PROVISIONED_PRODUCT" })
}

#[test]
fn few_are_asked_for_one_by_one() {
    let fake = service(|ask| {
        let number = ask.text("Id").trim_start_matches("rec-").parse().expect("a number");
        ok(&json!({ "RecordDetail": detail(number) }))
    });
    let now = run(bench(&fake, |_| {}).aws.poll(&running(2))).expect("answers");
    assert!(now.iter().all(|operation| operation.state == OperationState::Succeeded));
    assert_eq!(now[1].product_id, "pp-1");
    assert_eq!(fake.calls(), BTreeMap::from([("DescribeRecord".to_owned(), 2)]));
    assert!(run(bench(&fake, |_| {}).aws.poll(&[])).expect("nothing").is_empty());
}

#[test]
fn many_are_read_from_the_history_and_the_rest_one_by_one() {
    let fake = service(|ask| match ask.operation.as_str() {
        "ListRecordHistory" => {
            let start: usize = ask.text("PageToken").parse().unwrap_or(0);
            // Only the even records are in the history.
            let shown: Vec<Value> = (start..start + 20).filter(|number| number % 2 == 0).map(detail).collect();
            ok(&json!({ "RecordDetails": shown, "NextPageToken": (start + 20).to_string() }))
        }
        _ => ok(&json!({ "RecordDetail": detail(ask.text("Id").trim_start_matches("rec-").parse().expect("n")) })),
    });
    let now = run(bench(&fake, |_| {}).aws.poll(&running(5))).expect("answers");
    let ids: Vec<_> = now.iter().map(|operation| operation.id.as_str()).collect();
    assert_eq!(ids, ["rec-0", "rec-1", "rec-2", "rec-3", "rec-4"]);
    assert!(now.iter().all(|operation| operation.state == OperationState::Succeeded));
    // Two are missing after the first page, so a second is worth its call, a third is not.
    assert_eq!(fake.calls()["ListRecordHistory"], 2);
    assert_eq!(fake.calls()["DescribeRecord"], 2);
    assert_eq!(
        fake.asks()[0].body,
        json!({ "AccessLevelFilter": { "Key": "Account", "Value": "self" }, "PageSize": 20 })
    );
}

#[test]
fn one_page_answers_for_twenty() {
    let fake = service(|_| ok(&json!({ "RecordDetails": (0..20).map(detail).collect::<Vec<_>>() })));
    run(bench(&fake, |_| {}).aws.poll(&running(20))).expect("answers");
    assert_eq!(fake.calls(), BTreeMap::from([("ListRecordHistory".to_owned(), 1)]));
}

#[test]
fn who_gave_a_product_away_no_longer_sees_the_record() {
    let fake = service(|_| refuse("AccessDeniedException", "no"));
    let now = run(bench(&fake, |_| {}).aws.poll(&[operation(1, OWNER)])).expect("an answer");
    assert_eq!((now[0].state.clone(), now[0].status.as_str()), (OperationState::Running, NOT_VISIBLE));
    assert_eq!(now[0].kind, OWNER);
    // Without the permission no waiting helps.
    let error = run(bench(&fake, |_| {}).aws.poll(&running(1))).expect_err("denied");
    assert!(matches!(error, ProviderError::Rejected(_)));
    // A record that was just made may not be found yet.
    let fake = service(|_| refuse("ResourceNotFoundException", "no record"));
    let now = run(bench(&fake, |_| {}).aws.poll(&running(1))).expect("an answer");
    assert_eq!(now[0].status, NOT_VISIBLE);
}

#[test]
fn the_property_that_was_set_stays_known() {
    let fake = service(|_| ok(&json!({ "RecordDetail": detail(1) })));
    let now = run(bench(&fake, |_| {}).aws.poll(&[operation(1, LAUNCH_ROLE)])).expect("an answer");
    assert_eq!((now[0].kind.as_str(), &now[0].state), (LAUNCH_ROLE, &OperationState::Succeeded));
}
