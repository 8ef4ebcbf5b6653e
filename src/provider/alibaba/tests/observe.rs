use serde_json::json;

use super::super::tests::*;
use crate::model::{Query, Subject};
use crate::problem::Kind;
use crate::provider::Provider;
use crate::provider::alibaba::tests::list;

#[test]
fn holders_are_looked_up_in_ram() {
    let fake = service(|ask| match (ask.action.as_str(), ask.text("RoleName"), ask.text("UserName")) {
        ("GetRole", "Net", _) => ok(&json!({ "Role": { "RoleId": "3800001", "RoleName": "Net" } })),
        ("GetUser", _, "ops") => ok(&json!({ "User": { "UserId": 2400001, "UserName": "ops" } })),
        ("GetRole", "Gone", _) => refuse("EntityNotExist.Role", "The role not exists: acs:ram::1:role/Gone."),
        _ => refuse("NoPermission", "no"),
    });
    let principals = ["role/Net", "user/ops", "role/Gone", "user/secret", "odd"].map(str::to_owned).into();
    let seen = run(bench(&fake, |_| {}).alibaba.observe(&Query { principals, ..Query::default() })).expect("an answer");
    let holder = |name: &str| seen.principals.get(name).cloned().flatten();
    assert_eq!(holder("role/Net").as_deref(), Some("role/3800001"));
    assert_eq!(holder("user/ops").as_deref(), Some("user/2400001"));
    assert_eq!(seen.principals["role/Gone"], None);
    assert_eq!(seen.principals["odd"], None);
    assert_eq!(
        seen.unreadable[&Subject::Principal("user/secret".to_owned())],
        "RAM does not tell its id (NoPermission: no (request R-1)); write the id itself, `user/…`, or allow ram:GetUser"
    );
    let ask = &fake.asks()[0];
    assert_eq!(ask.headers["x-acs-version"], "2015-05-01");
    assert!(ask.uri.starts_with("https://ram.aliyuncs.com/?"), "{}", ask.uri);
}

#[test]
fn there_are_no_launch_roles() {
    let fake = service(|ask| refuse("InvalidApi.NotFound", &ask.action));
    let query = Query { launch_roles: ["pp-1".to_owned()].into(), ..Query::default() };
    let seen = run(bench(&fake, |_| {}).alibaba.observe(&query)).expect("an answer");
    assert_eq!(seen.launch_roles["pp-1"], None);
    assert!(fake.calls().is_empty());
}

#[test]
fn who_asks_is_asked_once() {
    let fake = world(1);
    let bench = bench(&fake, |_| {});
    run(bench.alibaba.observe(&list())).expect("an answer");
    let seen = run(bench.alibaba.observe(&list())).expect("an answer");
    assert_eq!(seen.caller, ARN);
    assert_eq!(fake.all().iter().filter(|ask| ask.action == "GetCallerIdentity").count(), 1);
    assert_eq!(run(bench.alibaba.account()).expect("an account"), ACCOUNT);
}

#[test]
fn another_account_is_refused_before_anything_is_read() {
    let fake = world(1);
    let bench = bench(&fake, |target| target.account = "99".to_owned());
    let problem = run(bench.alibaba.observe(&list())).expect_err("another account").into_problem();
    assert_eq!(problem.kind, Kind::Access);
    assert!(fake.asks().is_empty());
}

/// Any JSON at all.
fn anything() -> impl proptest::strategy::Strategy<Value = serde_json::Value> {
    use proptest::prelude::*;
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        "(Succeeded|Error|task-1|pp-1|plan-1|2026-01-02T03:04:05Z|\\PC{0,6})".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            proptest::collection::btree_map(NAMES, inner, 0..6)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Names that the answers have.
const NAMES: &str = "(ProvisionedProductDetail|ProvisionedProductDetails|TaskDetail|TaskDetails|PlanDetail|PlanDetails|\
                     ApprovalDetail|OperationRecords|TodoTaskActivities|Tasks|Operator|ProductSummaries|ProductSummary|\
                     ProductVersionDetails|LaunchOptionSummaries|ConstraintSummaries|OperationTypes|TemplateBody|Role|\
                     User|TotalCount|ProvisionedProductId|TaskId|PlanId|ProductId|Status|Parameters|Outputs|TaskTags|\
                     ParameterKey|OutputKey|Key|CreateTime|LastTaskId|Code|Message)";

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(256))]

    /// Whatever a service answers, nothing panics and everything ends.
    #[test]
    fn no_answer_is_too_odd(answer in anything(), status in 200_u16..600) {
        use crate::model::{Pending, StepKind, TemplateKey};
        let body = answer.to_string();
        let fake = service(move |ask| {
            if ask.nth % 2 == 0 { super::super::tests::status(200, &body) } else { super::super::tests::status(status, &body) }
        });
        let bench = bench(&fake, |_| {});
        let one = |text: &str| std::collections::BTreeSet::from([text.to_owned()]);
        let key = TemplateKey { product_id: "prod-1".to_owned(), version_id: "pv-1".to_owned(), path_id: None };
        let queries = [
            list(),
            Query { names: one("x"), confirm: one("pp-1"), ..Query::default() },
            Query { products: ["x".to_owned(), "prod-1".to_owned()].into(), templates: [key].into(), ..Query::default() },
            Query { parameters: vec![product(detail(1))], outputs: one("pp-1"), ..Query::default() },
            Query { operations: ["task-1".to_owned(), "plan-1".to_owned()].into(), ..Query::default() },
            Query { preparations: one("t"), principals: one("role/x"), ..Query::default() },
        ];
        for query in &queries {
            drop(run(bench.alibaba.observe(query)));
        }
        for kind in [StepKind::Prepare, StepKind::Execute, StepKind::Provision, StepKind::Update, StepKind::Terminate] {
            for id in ["", "task-1"] {
                let asked: [Pending; 1] = [pending(kind, id, "pp-1", Some("task-0"))];
                if let Ok(now) = run(bench.alibaba.poll(&asked)) {
                    proptest::prop_assert_eq!(now.len(), 1);
                }
            }
        }
    }
}
