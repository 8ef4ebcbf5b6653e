use serde_json::json;

use super::super::tests::*;
use super::super::tests::{list, task, template};
use super::*;
use crate::model::{Observation, Query};
use crate::provider::Provider;

/// A plan in three rounds, as the planner asks: the list, what each product runs, an output.
fn plan(fake: &Arc<Fake>, files: &Arc<Files>) -> Observation {
    let bench = bench_with(fake, files, |_| {});
    let mut seen = run(bench.alibaba.observe(&list())).expect("a list");
    let parameters = seen.products.values().cloned().collect();
    let operations = seen.products.values().filter_map(|product| product.last_successful.clone()).collect();
    seen.merge(run(bench.alibaba.observe(&Query { parameters, operations, ..Query::default() })).expect("details"));
    let outputs = seen.products.keys().take(1).cloned().collect();
    seen.merge(run(bench.alibaba.observe(&Query { outputs, ..Query::default() })).expect("outputs"));
    seen
}

#[test]
fn a_warm_plan_reads_the_list_and_nothing_else() {
    let files = Arc::default();
    let cold = world(250);
    let first = plan(&cold, &files);
    let calls = |fake: &Arc<Fake>| fake.calls();
    assert_eq!(
        calls(&cold),
        BTreeMap::from([
            ("GetTask".to_owned(), 250),
            ("GetTemplate".to_owned(), 1),
            ("ListProvisionedProducts".to_owned(), 3),
        ])
    );
    let warm = world(250);
    let second = plan(&warm, &files);
    assert_eq!(calls(&warm), BTreeMap::from([("ListProvisionedProducts".to_owned(), 3)]));
    assert_eq!((&first.parameters, &first.outputs), (&second.parameters, &second.outputs));
    assert_eq!(first.operations, second.operations);
    assert_eq!(files.writes.load(std::sync::atomic::Ordering::SeqCst), 1);
}

#[test]
fn what_has_changed_is_read_again_and_what_is_gone_is_dropped() {
    let files = Arc::default();
    plan(&world(3), &files);
    let fake = service(|ask| match ask.action.as_str() {
        "ListProvisionedProducts" => {
            let other = json!({ "LastTaskId": "task-9", "LastSuccessfulProvisioningTaskId": "task-9" });
            ok(&json!({ "ProvisionedProductDetails": [detail(0), detail_with(1, other)], "TotalCount": 2 }))
        }
        "GetTask" => ok(&json!({ "TaskDetail": task(ask.text("TaskId")) })),
        other => refuse("InvalidApi.NotFound", other),
    });
    plan(&fake, &files);
    assert_eq!(fake.calls()["GetTask"], 1);
    let file = files.files.lock().expect("not poisoned").values().next().cloned().expect("a file");
    let kept: serde_json::Value = serde_json::from_slice(&file).expect("JSON");
    let tasks: Vec<_> = kept["tasks"].as_object().expect("tasks").keys().collect();
    // `task-1` is the last provisioning task that product 1 still names.
    assert_eq!(tasks, ["task-0", "task-1", "task-9"]);
}

/// A sandbox that was started over gives the same ids to other things.
#[test]
fn what_another_world_has_said_is_worth_nothing() {
    let files = Arc::default();
    plan(&world(2), &files);
    let fake = service(|ask| match ask.action.as_str() {
        "ListProvisionedProducts" => {
            let later = json!({ "CreateTime": "2026-11-25T09:00:00Z" });
            ok(&json!({ "ProvisionedProductDetails": [detail(0), detail_with(1, later)], "TotalCount": 2 }))
        }
        "GetTask" => ok(&json!({ "TaskDetail": task(ask.text("TaskId")) })),
        "GetTemplate" => template(),
        other => refuse("InvalidApi.NotFound", other),
    });
    plan(&fake, &files);
    assert_eq!((fake.calls()["GetTask"], fake.calls()["GetTemplate"]), (2, 1));
}

#[test]
fn no_secret_is_kept() {
    let secret = |members: serde_json::Value| {
        let files: Arc<Files> = Arc::default();
        let fake = service(move |ask| match ask.action.as_str() {
            "ListProvisionedProducts" => page(ask, 1),
            "GetTask" => ok(&json!({ "TaskDetail": merged(task("task-0"), members.clone()) })),
            "GetTemplate" => template(),
            other => refuse("InvalidApi.NotFound", other),
        });
        plan(&fake, &files);
        let files = files.files.lock().expect("not poisoned");
        String::from_utf8(files.values().next().cloned().expect("a file")).expect("text")
    };
    let shown = json!([{ "ParameterKey": "Password", "ParameterValue": "s3cret" }]);
    let kept = secret(json!({ "Parameters": shown }));
    assert!(!kept.contains("s3cret") && !kept.contains("hunter2"), "{kept}");
    assert!(kept.contains("task-0") && kept.contains("\"Password\":null"), "{kept}");
    // A task whose output repeats a secret is not kept at all.
    let repeated = json!([{ "OutputKey": "Url", "OutputValue": "https://u:s3cret@host" }]);
    let kept = secret(json!({ "Parameters": shown, "Outputs": repeated }));
    assert!(!kept.contains("s3cret") && !kept.contains("task-0"), "{kept}");
    // One that has not succeeded may be another one later.
    let kept = secret(json!({ "Status": "InProgress" }));
    assert!(!kept.contains("task-0"), "{kept}");
}

#[test]
fn a_file_that_is_damaged_or_of_another_format_is_none() {
    for bytes in [&b""[..], b"{", b"[]", b"\xff", br#"{"format":2,"tasks":{},"templates":{}}"#, br#"{"format":1}"#] {
        let files: Arc<Files> = Arc::default();
        let name = memory(None, |_| {}).file;
        files.files.lock().expect("not poisoned").insert(name, bytes.to_vec());
        let fake = world(1);
        plan(&fake, &files);
        assert_eq!(fake.calls()["GetTask"], 1);
        plan(&fake, &files);
        assert_eq!(fake.calls()["GetTask"], 1);
    }
}

fn memory(world: Option<&str>, change: impl FnOnce(&mut Target)) -> Memory {
    let mut target = target();
    change(&mut target);
    Memory::new(Arc::new(crate::seam::NoCache), &target, world)
}

#[test]
fn each_world_has_a_file_of_its_own() {
    let url = |url: &str| memory(None, |target| target.endpoint = Endpoint::Url(url.to_owned())).file;
    let sandbox =
        |world: &str| memory(Some(world), |target| target.endpoint = Endpoint::Sandbox { principal: None }).file;
    let files = [
        memory(None, |_| {}).file,
        memory(None, |target| target.region = "cn-beijing".to_owned()).file,
        url("http://127.0.0.1:1"),
        url("http://127.0.0.1:2"),
        sandbox("a"),
        sandbox("b"),
    ];
    assert_eq!(files.iter().collect::<BTreeSet<_>>().len(), files.len());
    let shape = &files[0];
    assert!(shape.starts_with("alibaba-1234567890123456-cn-hangzhou-") && shape.ends_with(".json"), "{shape}");
    let hostile = memory(None, |target| target.region = "../../x".to_owned()).file;
    assert!(!hostile.contains('/') && !hostile.contains(".."), "{hostile}");
}

#[test]
fn a_template_comes_back_as_it_was() {
    let spec = ParameterSpec {
        kind: "Number".to_owned(),
        default: Some("1".to_owned()),
        allowed_values: vec!["1".to_owned()],
        min_value: Some(0.5),
        max_length: Some(3),
        ..ParameterSpec::default()
    };
    let template = Template { parameters: BTreeMap::from([("A".to_owned(), spec)]), outputs: None };
    let files: Arc<Files> = Arc::default();
    let memory = || Memory::new(Arc::clone(&files) as Arc<dyn Cache>, &target(), None);
    let first = memory();
    first.keep_template("p", "v", &template);
    first.save();
    assert_eq!(memory().template("p", "v"), Some(template));
}
