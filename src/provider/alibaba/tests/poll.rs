use std::sync::Arc;

use serde_json::{Value, json};

use super::super::tests::*;
use super::super::tests::{list, task};
use super::*;
use crate::provider::Provider;

fn looked(fake: &Arc<Fake>, pending: Pending) -> Operation {
    run(bench(fake, |_| {}).alibaba.poll(&[pending])).expect("an answer").remove(0)
}

fn state_of(id: &str, status: &str) -> Value {
    merged(task(id), json!({ "Status": status, "StatusMessage": "quota" }))
}

/// One product with tasks, oldest first.
fn cloud(product: Value, tasks: &'static [(&'static str, &'static str)]) -> Arc<Fake> {
    service(move |ask| match ask.action.as_str() {
        "GetProvisionedProduct" => ok(&json!({ "ProvisionedProductDetail": product })),
        "GetTask" => match tasks.iter().find(|(id, _)| *id == ask.text("TaskId")) {
            Some((id, status)) => ok(&json!({ "TaskDetail": state_of(id, status) })),
            None => refuse("InvalidTask.NotFound", "no"),
        },
        "ListTasks" => {
            let mut all: Vec<Value> = tasks.iter().map(|(id, status)| state_of(id, status)).collect();
            if ask.text("SortOrder") == "Desc" {
                all.reverse();
            }
            ok(&json!({ "TaskDetails": all, "TotalCount": all.len() }))
        }
        other => refuse("InvalidApi.NotFound", other),
    })
}

fn product(last: &str, status: &str) -> Value {
    detail_with(1, json!({ "LastTaskId": last, "Status": status }))
}

fn calls(fake: &Arc<Fake>) -> Vec<(String, u64)> {
    fake.calls().into_iter().collect()
}

fn call(action: &str, count: u64) -> (String, u64) {
    (action.to_owned(), count)
}

#[test]
fn nothing_is_asked_about_nothing() {
    let fake = cloud(product("", ""), &[]);
    assert!(run(bench(&fake, |_| {}).alibaba.poll(&[])).expect("nothing").is_empty());
    assert!(fake.all().is_empty());
}

#[test]
fn a_request_has_no_task_until_the_product_names_another_one() {
    let fake = cloud(product("task-0", "Available"), &[("task-0", "Succeeded")]);
    let now = looked(&fake, pending(StepKind::Update, "", "pp-1", Some("task-0")));
    assert_eq!((now.id.as_str(), now.state), ("", OperationState::Running));
    assert_eq!(calls(&fake), [call("GetProvisionedProduct", 1)]);
}

#[test]
fn the_first_task_after_the_one_that_was_there_is_ours() {
    let tasks = &[("task-0", "Succeeded"), ("task-1", "Failed"), ("task-2", "InProgress")];
    let fake = cloud(product("task-2", "UnderChange"), tasks);
    let now = looked(&fake, pending(StepKind::Update, "", "pp-1", Some("task-0")));
    assert_eq!((now.id.as_str(), now.state), ("task-1", OperationState::Failed("quota".to_owned())));
    assert_eq!(calls(&fake), [call("GetProvisionedProduct", 1), call("ListTasks", 1)]);
    // Nothing was there before a launch.
    let fake = cloud(product("task-2", "Available"), tasks);
    let now = looked(&fake, pending(StepKind::Provision, "", "pp-1", None));
    assert_eq!((now.id.as_str(), now.state), ("task-0", OperationState::Succeeded));
    assert_eq!(fake.asks()[1].text("SortOrder"), "Asc");
}

#[test]
fn without_a_list_of_tasks_the_last_one_has_to_do() {
    let fake = service(|ask| match ask.action.as_str() {
        "GetProvisionedProduct" => ok(&json!({ "ProvisionedProductDetail": product("task-2", "Available") })),
        "GetTask" => ok(&json!({ "TaskDetail": state_of(ask.text("TaskId"), "Succeeded") })),
        _ => refuse("NoPermission", "no"),
    });
    let now = looked(&fake, pending(StepKind::Update, "", "pp-1", Some("task-0")));
    assert_eq!((now.id.as_str(), now.state), ("task-2", OperationState::Succeeded));
    // So it does when the one before is not among them.
    let fake = cloud(product("task-2", "Available"), &[("task-1", "Failed"), ("task-2", "Succeeded")]);
    let now = looked(&fake, pending(StepKind::Update, "", "pp-1", Some("task-0")));
    assert_eq!((now.id.as_str(), now.state), ("task-2", OperationState::Succeeded));
}

#[test]
fn a_task_that_is_known_is_asked_for() {
    let fake = cloud(product("task-1", "UnderChange"), &[("task-1", "InProgress")]);
    let now = looked(&fake, pending(StepKind::Update, "task-1", "pp-1", Some("task-0")));
    assert_eq!(
        (now.state, now.status.as_str(), now.kind.as_str()),
        (OperationState::Running, "InProgress", "LaunchProduct")
    );
    assert_eq!(calls(&fake), [call("GetTask", 1)]);
    let now = looked(&fake, pending(StepKind::Update, "task-9", "pp-1", None));
    assert_eq!((now.id.as_str(), now.status.as_str()), ("task-9", Operation::NOT_VISIBLE));
}

#[test]
fn a_launch_that_does_not_show_yet_is_waited_for_and_one_that_failed_at_once_has_failed() {
    let fake = service(|_| no_product());
    let now = looked(&fake, pending(StepKind::Provision, "", "pp-1", None));
    assert_eq!((now.state, now.status.as_str()), (OperationState::Running, Operation::NOT_VISIBLE));
    let broken = detail_with(1, json!({ "LastTaskId": null, "Status": "Error", "StatusMessage": "no role" }));
    let now = looked(&cloud(broken, &[]), pending(StepKind::Provision, "", "pp-1", None));
    assert_eq!(now.state, OperationState::Failed("no role".to_owned()));
}

#[test]
fn an_update_of_what_is_gone_has_failed() {
    let fake = service(|_| no_product());
    let now = looked(&fake, pending(StepKind::Update, "", "pp-1", Some("task-0")));
    assert_eq!(now.state, OperationState::Failed("pp-1 does not exist any more".to_owned()));
    let own = bench(&fake, |target| target.access = Access::User);
    let now = run(own.alibaba.poll(&[pending(StepKind::Update, "", "pp-1", Some("task-0"))])).expect("an answer");
    assert_eq!(now[0].state, OperationState::Running);
}

#[test]
fn a_termination_ends_when_there_is_nothing_more() {
    let gone = service(|_| no_product());
    for id in ["", "task-1"] {
        let now = looked(&gone, pending(StepKind::Terminate, id, "pp-1", Some("task-0")));
        assert_eq!((now.state, now.id.as_str()), (OperationState::Succeeded, id));
    }
    let under_way = cloud(product("task-1", "UnderChange"), &[("task-0", "Succeeded"), ("task-1", "InProgress")]);
    let now = looked(&under_way, pending(StepKind::Terminate, "", "pp-1", Some("task-0")));
    assert_eq!((now.state, now.id.as_str()), (OperationState::Running, "task-1"));
    let now = looked(&under_way, pending(StepKind::Terminate, "task-1", "pp-1", Some("task-0")));
    assert_eq!((now.state, now.status.as_str()), (OperationState::Running, "UnderChange"));
    // A task that says so is no end while the product is there.
    let still = cloud(product("task-1", "Available"), &[("task-0", "Succeeded"), ("task-1", "Succeeded")]);
    let now = looked(&still, pending(StepKind::Terminate, "task-1", "pp-1", Some("task-0")));
    assert_eq!(now.state, OperationState::Running);
    let failed = cloud(product("task-1", "Error"), &[("task-0", "Succeeded"), ("task-1", "Failed")]);
    let now = looked(&failed, pending(StepKind::Terminate, "", "pp-1", Some("task-0")));
    assert_eq!(now.state, OperationState::Failed("quota".to_owned()));
}

#[test]
fn many_are_read_from_the_list_and_those_under_change_need_no_more() {
    let under = json!({ "Status": "UnderChange" });
    let fake = service(move |ask| match ask.action.as_str() {
        "ListProvisionedProducts" => {
            let mut shown: Vec<Value> = (0..4).map(|number| detail_with(number, under.clone())).collect();
            shown.push(detail(4));
            ok(&json!({ "ProvisionedProductDetails": shown, "TotalCount": 5 }))
        }
        "GetTask" => ok(&json!({ "TaskDetail": state_of(ask.text("TaskId"), "Succeeded") })),
        "GetProvisionedProduct" => no_product(),
        "ListTasks" => {
            ok(&json!({ "TaskDetails": [state_of("task-3", "InProgress"), state_of("task-0", "Succeeded")] }))
        }
        other => refuse("InvalidApi.NotFound", other),
    });
    let bench = bench(&fake, |_| {});
    run(bench.alibaba.observe(&list())).expect("a list");
    let asked = [
        pending(StepKind::Update, "task-0", "pp-0", None),
        pending(StepKind::Terminate, "", "pp-9", Some("task-8")),
        pending(StepKind::Update, "task-1", "pp-1", None),
        pending(StepKind::Update, "", "pp-3", Some("task-0")),
        pending(StepKind::Update, "task-4", "pp-4", None),
        pending(StepKind::Terminate, "task-2", "pp-2", Some("task-0")),
    ];
    let now = run(bench.alibaba.poll(&asked)).expect("answers");
    let ids: Vec<_> = now.iter().map(|operation| operation.id.as_str()).collect();
    assert_eq!(ids, ["task-0", "", "task-1", "task-3", "task-4", "task-2"]);
    let ended: Vec<bool> = now.iter().map(|operation| operation.state == OperationState::Succeeded).collect();
    assert_eq!(ended, [false, true, false, false, true, false]);
    let expected = [
        call("GetProvisionedProduct", 1),
        call("GetTask", 1),
        call("ListProvisionedProducts", 2),
        call("ListTasks", 1),
    ];
    assert_eq!(calls(&fake), expected);
}

#[test]
fn what_a_permission_forbids_is_an_error() {
    let fake = service(|_| refuse("NoPermission", "no"));
    for id in ["", "task-1"] {
        let pending = pending(StepKind::Update, id, "pp-1", Some("task-0"));
        let error = run(bench(&fake, |_| {}).alibaba.poll(&[pending])).expect_err("denied");
        assert!(matches!(error, ProviderError::Rejected(_)), "{error:?}");
    }
}

fn plan(status: &'static str) -> Arc<Fake> {
    service(move |ask| match ask.action.as_str() {
        "GetProvisionedProductPlan" => {
            let plan = json!({ "PlanId": "plan-1", "Status": status, "ProvisionedProductId": "pp-1" });
            ok(&json!({ "PlanDetail": plan }))
        }
        "GetProvisionedProduct" => ok(&json!({ "ProvisionedProductDetail": product("task-7", "Available") })),
        other => refuse("InvalidApi.NotFound", other),
    })
}

#[test]
fn what_was_handed_in() {
    let looked = |status| looked(&plan(status), pending(StepKind::Prepare, "plan-1", "", None));
    assert_eq!(looked("PreviewInProgress").state, OperationState::Running);
    assert_eq!(looked("ApplicationInProgress").state, OperationState::Waiting("its approvers".to_owned()));
    assert_eq!(looked("ApplicationApproved").state, OperationState::Succeeded);
    assert_eq!(looked("PreviewSuccess").product_id, "pp-1");
    assert_eq!(looked("Canceled").state, OperationState::Failed("cancelled".to_owned()));
    // Somebody else was quicker.
    assert_eq!(looked("ExecuteInProgress").state, OperationState::Succeeded);
}

#[test]
fn what_is_carried_out_ends_with_the_products_last_task() {
    let looked = |status| looked(&plan(status), pending(StepKind::Execute, "plan-1", "pp-1", Some("task-0")));
    for status in ["ApplicationApproved", "PreviewSuccess", "ApplicationInProgress", "ExecuteInProgress"] {
        let now = looked(status);
        assert_eq!((now.state, now.id.as_str()), (OperationState::Running, "plan-1"), "{status}");
    }
    let now = looked("ExecuteSuccess");
    assert_eq!((now.state, now.id.as_str()), (OperationState::Succeeded, "task-7"));
    assert!(matches!(looked("ExecuteFailed").state, OperationState::Failed(_)));
    let gone = service(|ask| match ask.action.as_str() {
        "GetProvisionedProduct" => no_product(),
        _ => ok(
            &json!({ "PlanDetail": { "PlanId": "plan-1", "Status": "ExecuteSuccess", "ProvisionedProductId": "pp-1" } }),
        ),
    });
    let now = super::tests::looked(&gone, pending(StepKind::Execute, "plan-1", "pp-1", None));
    assert_eq!((now.state, now.id.as_str()), (OperationState::Succeeded, "plan-1"));
}

#[test]
fn a_write_makes_what_was_seen_old() {
    let fake = service(|ask| match ask.action.as_str() {
        "ListProvisionedProducts" => page(ask, 1),
        "GetProvisionedProduct" => ok(
            &json!({ "ProvisionedProductDetail": detail_with(0, json!({ "LastSuccessfulProvisioningTaskId": "task-5" })) }),
        ),
        "GetTask" => ok(
            &json!({ "TaskDetail": merged(task(ask.text("TaskId")), json!({ "Outputs": [{ "OutputKey": "From", "OutputValue": ask.text("TaskId") }] })) }),
        ),
        "GetTemplate" => template(),
        _ => ok(&json!({ "RequestId": "R" })),
    });
    let bench = bench(&fake, |_| {});
    run(bench.alibaba.observe(&list())).expect("a list");
    let outputs = || {
        let query = crate::model::Query { outputs: ["pp-0".to_owned()].into(), ..Default::default() };
        run(bench.alibaba.observe(&query)).expect("outputs").outputs["pp-0"]["From"].clone()
    };
    assert_eq!(outputs(), "task-0");
    run(bench.alibaba.submit(&crate::model::Request::Terminate { id: "pp-0".to_owned() }, "t")).expect("accepted");
    assert_eq!(outputs(), "task-5");
}

#[test]
fn the_end_of_an_operation_makes_what_a_list_showed_old() {
    let fake = service(|ask| match ask.action.as_str() {
        "ListProvisionedProducts" => page(ask, 2),
        "GetProvisionedProduct" => ok(&json!({ "ProvisionedProductDetail": detail(1) })),
        "GetTask" => ok(&json!({ "TaskDetail": task(ask.text("TaskId")) })),
        "GetTemplate" => template(),
        other => refuse("InvalidApi.NotFound", other),
    });
    let bench = bench(&fake, |_| {});
    run(bench.alibaba.observe(&list())).expect("a list");
    let asked = [pending(StepKind::Update, "task-1", "pp-1", None), pending(StepKind::Update, "task-0", "pp-0", None)];
    run(bench.alibaba.poll(&asked)).expect("both ended");
    let query = crate::model::Query { outputs: ["pp-1".to_owned()].into(), ..Default::default() };
    run(bench.alibaba.observe(&query)).expect("outputs");
    assert_eq!(fake.calls()["GetProvisionedProduct"], 1);
}
