use serde_json::{Value, json};

use super::super::tests::*;
use super::*;
use crate::model::Query;
use crate::model::Subject;
use crate::provider::Provider;

fn of(members: Value) -> Operation {
    let plan = json!({ "PlanId": "plan-1", "PlanName": "n", "ProvisionedProductId": "pp-1", "PortfolioId": "port-1" });
    operation(&serde_json::from_value(merged(plan, members)).expect("a plan"))
}

#[test]
fn the_status_of_a_plan() {
    use OperationState::{Failed, Running, Succeeded, Waiting};
    let failed = || Failed("the service gives no reason".to_owned());
    let cases = [
        ("PreviewInProgress", Operation::PREPARATION, Running),
        ("PreviewSuccess", Operation::PREPARATION, Succeeded),
        ("PreviewFailed", Operation::PREPARATION, failed()),
        ("ApplicationInProgress", Operation::PREPARATION, Waiting("its approvers".to_owned())),
        ("ApplicationApproved", Operation::PREPARATION, Succeeded),
        ("ApplicationRejected", Operation::PREPARATION, Failed("rejected".to_owned())),
        ("Canceled", Operation::PREPARATION, Failed("cancelled".to_owned())),
        ("ExecuteInProgress", Operation::EXECUTION, Running),
        ("ExecuteSuccess", Operation::EXECUTION, Succeeded),
        ("ExecuteFailed", Operation::EXECUTION, failed()),
        ("Pondering", Operation::PREPARATION, Running),
    ];
    for (status, kind, state) in cases {
        let operation = of(json!({ "Status": status }));
        assert_eq!((operation.kind.as_str(), operation.state), (kind, state), "{status}");
        assert_eq!((operation.id.as_str(), operation.product_id.as_str()), ("plan-1", "pp-1"));
        assert_eq!(operation.path_id.as_deref(), Some("port-1"));
    }
    let told = of(json!({ "Status": "ExecuteFailed", "StatusMessage": "quota" }));
    assert_eq!(told.state, Failed("quota".to_owned()));
}

#[test]
fn who_may_approve() {
    let waiting = |members: Value| match of(merged(json!({ "Status": "ApplicationInProgress" }), members)).state {
        OperationState::Waiting(by) => by,
        other => panic!("{other:?}"),
    };
    let assigned = json!([{ "PrincipalName": "zoe" }, { "PrincipalName": "amy" }, { "PrincipalName": "zoe" }]);
    assert_eq!(waiting(json!({ "AssignedApprovers": assigned })), "amy, zoe");
    let todo =
        json!({ "TodoTaskActivities": [{ "Tasks": [{ "Operator": { "PrincipalName": "bob" } }] }, { "Tasks": null }] });
    assert_eq!(waiting(json!({ "AssignedApprovers": assigned, "ApprovalDetail": todo })), "bob");
    assert_eq!(waiting(json!({ "ApprovalDetail": "odd" })), "its approvers");
}

#[test]
fn who_ended_it_and_what_they_said() {
    let records = json!({ "OperationRecords": [
        { "ApprovalAction": "reject", "CreateTime": "2026-01-02T00:00:02Z", "Comment": "too large",
          "Operator": { "PrincipalName": "bob", "PrincipalId": "1" } },
        { "ApprovalAction": "Submit", "CreateTime": "2026-01-02T00:00:00Z" },
        { "ApprovalAction": "Cancel", "CreateTime": "2026-01-02T00:00:01Z", "Operator": { "PrincipalId": "7" } },
    ] });
    let ended = |status: &str| of(json!({ "Status": status, "ApprovalDetail": records.clone() })).state;
    assert_eq!(ended("ApplicationRejected"), OperationState::Failed("rejected by bob: too large".to_owned()));
    assert_eq!(ended("Canceled"), OperationState::Failed("cancelled by 7".to_owned()));
}

#[test]
fn a_plan_is_an_operation_that_can_be_asked_for() {
    let fake = service(|ask| match ask.text("PlanId") {
        "plan-1" => ok(&json!({ "PlanDetail": { "PlanId": "plan-1", "Status": "ExecuteInProgress" } })),
        _ => refuse("InvalidPlan.NotFound", "no"),
    });
    let operations = ["plan-1".to_owned(), "plan-2".to_owned()].into();
    let seen = run(bench(&fake, |_| {}).alibaba.observe(&Query { operations, ..Query::default() })).expect("an answer");
    assert_eq!(seen.operations["plan-1"].kind, Operation::EXECUTION);
    assert_eq!(
        seen.unreadable[&Subject::Operation("plan-2".to_owned())],
        "plan-2 cannot be read: InvalidPlan.NotFound: no (request R-1)"
    );
    assert_eq!(fake.asks()[0].body, "PlanId=plan-1");
}

#[test]
fn a_plan_whose_answer_was_lost_is_found_by_its_name() {
    let token = "a".repeat(64);
    let wanted = name(&token);
    assert!(wanted.len() <= 128);
    let answer = wanted.clone();
    let fake = service(move |ask| {
        assert_eq!(ask.text("Filters.1.Key"), "ProvisionedProductPlanName");
        let plans = json!([
            { "PlanId": "plan-8", "PlanName": answer.to_uppercase(), "Status": "PreviewSuccess" },
            { "PlanId": "plan-9", "PlanName": answer, "Status": "ApplicationInProgress" },
        ]);
        let plans = if ask.text("Filters.1.Value") == answer { plans } else { json!([]) };
        ok(&json!({ "PlanDetails": plans, "TotalCount": 2 }))
    });
    let preparations = [token.clone(), "b".repeat(64)].into();
    let query = Query { preparations, ..Query::default() };
    let seen = run(bench(&fake, |_| {}).alibaba.observe(&query)).expect("an answer");
    assert_eq!(seen.operations.keys().collect::<Vec<_>>(), [&token]);
    assert_eq!(seen.operations[&token].id, "plan-9");
}
