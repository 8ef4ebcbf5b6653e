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
