use serde_json::{Value, json};

use super::super::tests::*;
use super::super::tests::{list, product, task};
use super::*;
use crate::model::Query;
use crate::provider::Provider;

fn asked(fake: &Arc<Fake>, query: &Query) -> Observation {
    run(bench(fake, |_| {}).alibaba.observe(query)).expect("an answer")
}

fn of(detail: Value) -> Query {
    Query { parameters: vec![product(detail)], ..Query::default() }
}

/// A service with one task, changed.
fn with_task(members: Value) -> Arc<Fake> {
    service(move |ask| match ask.action.as_str() {
        "GetTask" => ok(&json!({ "TaskDetail": merged(task(ask.text("TaskId")), members.clone()) })),
        "GetTemplate" => template(),
        "GetProvisionedProduct" => ok(&json!({ "ProvisionedProductDetail": detail(1) })),
        other => refuse("InvalidApi.NotFound", other),
    })
}

fn value(text: &str) -> LiveParameter {
    LiveParameter { value: text.to_owned(), masked: false }
}

#[test]
fn what_runs_is_what_the_task_set_and_the_defaults() {
    let shown = json!([
        { "ParameterKey": "Size", "ParameterValue": 3 },
        { "ParameterKey": "Password", "ParameterValue": "s3cret-value" },
        { "ParameterKey": "Old", "ParameterValue": null },
    ]);
    let seen = asked(&with_task(json!({ "Parameters": shown })), &of(detail(1)));
    let live = &seen.parameters["pp-1"];
    let expected = BTreeMap::from([
        ("Old".to_owned(), value("")),
        ("Password".to_owned(), LiveParameter { value: String::new(), masked: true }),
        ("Size".to_owned(), value("3")),
        ("Zone".to_owned(), value("a")),
    ]);
    assert_eq!(live.parameters, expected);
    assert_eq!(live.tags, BTreeMap::from([("team".to_owned(), "net".to_owned())]));
    assert_eq!(live.outputs, BTreeMap::from([("Name".to_owned(), "bucket-of-it".to_owned())]));
    assert!(!format!("{seen:?}").contains("s3cret-value"));
}

#[test]
fn after_a_failed_update_the_last_success_is_what_runs() {
    let failed = json!({ "Status": "Error", "LastTaskId": "task-9", "LastProvisioningTaskId": "task-9" });
    let fake = with_task(json!({}));
    asked(&fake, &of(detail_with(1, failed)));
    assert_eq!(fake.asks()[0].text("TaskId"), "task-1");
    let never = json!({ "LastSuccessfulProvisioningTaskId": "", "LastProvisioningTaskId": "task-8" });
    let fake = with_task(json!({}));
    asked(&fake, &of(detail_with(1, never)));
    assert_eq!(fake.asks()[0].text("TaskId"), "task-8");
    let nothing = json!({ "LastSuccessfulProvisioningTaskId": null, "LastProvisioningTaskId": null });
    let seen = asked(&with_task(json!({})), &of(detail_with(1, nothing)));
    assert_eq!(seen.unreadable[&Subject::Parameters("pp-1".to_owned())], "it names no task that set its parameters");
}

#[test]
fn without_its_template_nobody_knows_what_is_secret() {
    let fake = service(|ask| match ask.action.as_str() {
        "GetTask" => ok(&json!({ "TaskDetail": task(ask.text("TaskId")) })),
        _ => refuse("InvalidTemplate.NotFound", "gone"),
    });
    let seen = asked(&fake, &of(detail(1)));
    assert!(seen.parameters.is_empty());
    assert_eq!(
        seen.unreadable[&Subject::Parameters("pp-1".to_owned())],
        "which of its parameters are secret is in the template of version pv-1: \
         its template cannot be read: InvalidTemplate.NotFound: gone (request R-1)"
    );
}

#[test]
fn a_task_that_cannot_be_read_is_its_products_trouble() {
    let fake = service(|ask| match ask.text("TaskId") {
        "task-1" => refuse("NoPermission", "no"),
        "task-2" => ok(&json!({ "TaskDetail": null })),
        id => ok(&json!({ "TaskDetail": task(id) })),
    });
    let operations = ["task-1", "task-2", "task-3"].map(str::to_owned).into();
    let seen = asked(&fake, &Query { operations, ..Query::default() });
    assert_eq!(seen.operations.keys().collect::<Vec<_>>(), ["task-3"]);
    assert_eq!(
        seen.unreadable[&Subject::Operation("task-1".to_owned())],
        "its task task-1 cannot be read: NoPermission: no (request R-1)"
    );
    assert_eq!(
        seen.unreadable[&Subject::Operation("task-2".to_owned())],
        "GetTask answers with another task than task-2, or with none"
    );
}

#[test]
fn a_task_is_an_operation() {
    let of = |members: Value| {
        let task: Task = serde_json::from_value(merged(task("task-1"), members)).expect("a task");
        super::operation(&task)
    };
    let done = of(json!({}));
    let expected = Operation {
        id: "task-1".to_owned(),
        product_id: "pp-1".to_owned(),
        state: OperationState::Succeeded,
        status: "Succeeded".to_owned(),
        kind: "LaunchProduct".to_owned(),
        version_id: Some("pv-1".to_owned()),
        path_id: Some("port-1".to_owned()),
        updated: Some("2025-01-02T03:14:05Z".parse().expect("a time")),
    };
    assert_eq!(done, expected);
    let state = |status: &str| of(json!({ "Status": status, "StatusMessage": "quota" })).state;
    assert_eq!(state("Failed"), OperationState::Failed("quota".to_owned()));
    assert_eq!([state("InProgress"), state("Dreaming")], [OperationState::Running, OperationState::Running]);
    let silent = of(json!({ "Status": "Failed", "StatusMessage": null })).state;
    assert_eq!(silent, OperationState::Failed("the service gives no reason".to_owned()));
}

#[test]
fn outputs_are_of_the_task_that_a_list_has_just_named() {
    let fake = world(1);
    let query = Query { outputs: ["pp-0".to_owned()].into(), ..list() };
    let seen = asked(&fake, &query);
    assert_eq!(seen.outputs["pp-0"]["Name"], "bucket-of-it");
    assert_eq!(fake.calls().get("GetProvisionedProduct"), None);
}

#[test]
fn outputs_of_a_product_that_was_not_seen_lately_begin_with_a_look() {
    let fake = with_task(
        json!({ "Outputs": [{ "OutputKey": "Ids", "OutputValue": ["a", 1] }, { "OutputKey": "N", "OutputValue": 5 }] }),
    );
    let bench = bench(&fake, |_| {});
    let query = Query { outputs: ["pp-1".to_owned()].into(), ..Query::default() };
    let seen = run(bench.alibaba.observe(&query)).expect("an answer");
    assert_eq!((seen.outputs["pp-1"]["Ids"].as_str(), seen.outputs["pp-1"]["N"].as_str()), (r#"["a",1]"#, "5"));
    assert_eq!(fake.calls()["GetProvisionedProduct"], 1);
    run(bench.alibaba.observe(&query)).expect("an answer");
    assert_eq!(fake.calls()["GetProvisionedProduct"], 1);
    bench.clock.advance(std::time::Duration::from_secs(31));
    run(bench.alibaba.observe(&query)).expect("an answer");
    assert_eq!(fake.calls()["GetProvisionedProduct"], 2);
    assert_eq!(fake.calls()["GetTask"], 1);
}

#[test]
fn outputs_that_are_not_there() {
    let fake = service(|ask| match ask.text("ProvisionedProductId") {
        "pp-1" => ok(
            &json!({ "ProvisionedProductDetail": detail_with(1, json!({ "LastSuccessfulProvisioningTaskId": "" })) }),
        ),
        "pp-2" => refuse("NoPermission", "no"),
        _ => no_product(),
    });
    let outputs = ["pp-1", "pp-2", "pp-3"].map(str::to_owned).into();
    let seen = asked(&fake, &Query { outputs, ..Query::default() });
    assert_eq!(
        seen.unreadable[&Subject::Outputs("pp-1".to_owned())],
        "it has no outputs: no launch of it has succeeded"
    );
    assert_eq!(
        seen.unreadable[&Subject::Outputs("pp-2".to_owned())],
        "it cannot be read: NoPermission: no (request R-1)"
    );
    assert_eq!(seen.unreadable[&Subject::Outputs("pp-3".to_owned())], "it does not exist any more");
}

#[test]
fn the_undocumented_action_is_one_call_and_only_on_demand() {
    let fake = service(|ask| match ask.action.as_str() {
        "GetProvisionedProductForResourceSpec" => {
            let members = json!({
                "Parameters": [{ "ParameterKey": "Size", "ParameterValue": "9" }, { "ParameterKey": "Password", "ParameterValue": "x" }],
                "Outputs": [{ "OutputKey": "Name", "OutputValue": "n" }],
                "TaskTags": [{ "Key": "team", "Value": "net" }, { "Key": "aliyun-x", "Value": "y" }],
            });
            ok(&json!({ "ProvisionedProductDetail": detail_with(1, members) }))
        }
        "GetTemplate" => template(),
        other => refuse("InvalidApi.NotFound", other),
    });
    let query = Query { outputs: ["pp-1".to_owned()].into(), ..of(detail(1)) };
    let bench = bench(&fake, |target| target.undocumented_reads = true);
    let seen = run(bench.alibaba.observe(&query)).expect("an answer");
    let live = &seen.parameters["pp-1"];
    assert_eq!(live.parameters["Size"], value("9"));
    assert!(live.parameters["Password"].masked && live.parameters["Password"].value.is_empty());
    assert_eq!(live.tags, BTreeMap::from([("team".to_owned(), "net".to_owned())]));
    assert_eq!(seen.outputs["pp-1"]["Name"], "n");
    assert_eq!(fake.asks()[0].body, "ProvisionedProductId=pp-1");
    assert_eq!(fake.calls().get("GetTask"), None);
}
