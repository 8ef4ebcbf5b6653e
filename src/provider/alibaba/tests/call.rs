use std::collections::BTreeMap;

use serde_json::json;

use super::super::tests::list;
use super::super::tests::*;
use super::*;
use crate::model::{Argument, Endpoint, Query, Request};
use crate::problem::Kind;
use crate::provider::Provider;

fn empty_list() -> Reply {
    ok(&json!({ "ProvisionedProductDetails": [], "TotalCount": 0 }))
}

fn update() -> Request {
    let value = |text: &str| Argument::Value(text.to_owned());
    Request::Update {
        id: "pp-bp1ddg1n2aaaaa".to_owned(),
        product_id: "prod-bp18r7q127aaaa".to_owned(),
        version_id: "pv-bp15e79d26aaaa".to_owned(),
        path_id: None,
        parameters: BTreeMap::from([
            ("instance_type".to_owned(), value("ecs.s6-c1m1.small")),
            ("note".to_owned(), value("a b&c=d+e~f*g/中")),
        ]),
        tags: Some(BTreeMap::from([("k1".to_owned(), "v1".to_owned()), ("team".to_owned(), String::new())])),
    }
}

/// The requests that the official Python SDK sent (1.2.5) for the same calls: its bodies byte for byte. Of a query the
/// SDK writes `+` for a space where this sends the text that is signed.
#[test]
fn requests_are_those_of_the_sdk() {
    let fake = service(|ask| match ask.action.as_str() {
        "UpdateProvisionedProduct" => ok(&json!({ "ProvisionedProductId": "pp-bp1ddg1n2aaaaa" })),
        "GetTask" => ok(&json!({ "TaskDetail": { "TaskId": "task-bp1dmg242caaaa" } })),
        "GetProvisionedProduct" => no_product(),
        _ => empty_list(),
    });
    let bench = bench(&fake, |target| target.endpoint = Endpoint::Url("http://127.0.0.1:33903/".to_owned()));
    run(bench.alibaba.submit(&update(), "t")).expect("accepted");
    let one = |text: &str| std::collections::BTreeSet::from([text.to_owned()]);
    let query = Query {
        names: one("DEMO-ECS 实例*"),
        confirm: one("pp-bp1ddg1n2aaaaa"),
        operations: one("task-bp1dmg242caaaa"),
        ..Query::default()
    };
    run(bench.alibaba.observe(&query)).expect("an answer");
    let sent = |action: &str| fake.all().into_iter().find(|ask| ask.action == action).expect(action);

    let ask = sent("UpdateProvisionedProduct");
    assert_eq!(ask.uri, "http://127.0.0.1:33903/");
    assert_eq!(
        ask.body,
        "Parameters.1.ParameterKey=instance_type&Parameters.1.ParameterValue=ecs.s6-c1m1.small\
         &Parameters.2.ParameterKey=note&Parameters.2.ParameterValue=a+b%26c%3Dd%2Be~f%2Ag%2F%E4%B8%AD\
         &ProductId=prod-bp18r7q127aaaa&ProductVersionId=pv-bp15e79d26aaaa&ProvisionedProductId=pp-bp1ddg1n2aaaaa\
         &Tags.1.Key=k1&Tags.1.Value=v1&Tags.2.Key=team&Tags.2.Value="
    );
    let header = |ask: &Ask, name: &str| ask.headers[name].to_str().expect("text").to_owned();
    assert_eq!(
        header(&ask, "x-acs-content-sha256"),
        "14209bed814b824581b5d91f9dfed97e7443f2ea451ac6b231e086738583c44e"
    );
    assert_eq!(header(&ask, "content-type"), "application/x-www-form-urlencoded");
    assert_eq!(
        (header(&ask, "host").as_str(), header(&ask, "accept").as_str()),
        ("127.0.0.1:33903", "application/json")
    );

    let ask = sent("ListProvisionedProducts");
    assert_eq!(
        ask.uri,
        "http://127.0.0.1:33903/?AccessLevelFilter=Account&Filters.1.Key=ProvisionedProductName\
         &Filters.1.Value=DEMO-ECS%20%E5%AE%9E%E4%BE%8B%2A&PageNumber=1&PageSize=100&SortBy=CreateTime&SortOrder=Asc"
    );
    assert_eq!(ask.body, "");
    assert!(ask.headers.get("content-type").is_none());
    assert_eq!(sent("GetProvisionedProduct").uri, "http://127.0.0.1:33903/?ProvisionedProductId=pp-bp1ddg1n2aaaaa");
    let ask = sent("GetTask");
    assert_eq!((ask.uri.as_str(), ask.body.as_str()), ("http://127.0.0.1:33903/", "TaskId=task-bp1dmg242caaaa"));
    for ask in fake.all() {
        let version = if ask.action == "GetCallerIdentity" { "2015-04-01" } else { "2021-09-01" };
        assert_eq!(header(&ask, "x-acs-version"), version);
        assert_eq!(header(&ask, "x-acs-date"), "2026-01-02T03:04:05Z");
    }
}

#[test]
fn throttled_requests_are_repeated_with_full_jitter_and_a_new_nonce() {
    let fake = service(|ask| match ask.nth {
        1 => refuse("Throttling.User", "Request was denied due to user flow control."),
        2 => refuse("Rejected.Throttling", "slow"),
        3 => status(503, r#"{"Code":"Throttling.Api"}"#),
        _ => empty_list(),
    });
    let bench = bench(&fake, |_| {});
    run(bench.alibaba.observe(&list())).expect("an answer in the end");
    assert_eq!((bench.meter.calls()["ListProvisionedProducts"], bench.meter.retries()), (4, 3));
    let sleeps = bench.clock.sleeps.lock().expect("not poisoned").clone();
    for (sleep, bound) in sleeps.iter().zip([300, 600, 1200]) {
        assert!(*sleep <= Duration::from_millis(bound), "{sleep:?} of {bound} ms");
    }
    let nonces: std::collections::BTreeSet<_> = fake
        .asks()
        .iter()
        .map(|ask| ask.headers["x-acs-signature-nonce"].clone().to_str().unwrap().to_owned())
        .collect();
    assert_eq!(nonces.len(), 4);
}

#[test]
fn the_services_wish_is_in_milliseconds() {
    let wish = |milliseconds: &str| {
        let reply = http::Response::builder().status(429).header("x-acs-retry-after", milliseconds);
        Ok(reply.body(Bytes::from_static(br#"{"Code":"Throttling.User"}"#)).expect("a response"))
    };
    let fake = service(move |ask| if ask.nth == 1 { wish("30000") } else { empty_list() });
    let short = bench(&fake, |_| {});
    run(short.alibaba.observe(&list())).expect("an answer");
    assert_eq!(*short.clock.sleeps.lock().expect("not poisoned"), [Duration::from_secs(30)]);
    let fake = service(move |_| wish("120000"));
    let error = run(bench(&fake, |_| {}).alibaba.observe(&list())).expect_err("too long");
    assert!(matches!(error, ProviderError::Throttled(wish) if wish == Duration::from_secs(120)), "{error:?}");
}

#[test]
fn throttled_to_the_end_says_so() {
    let fake = service(|_| refuse("Throttling.User", "no"));
    let bench = bench(&fake, |_| {});
    let error = run(bench.alibaba.submit(&update(), "t")).expect_err("throttled");
    assert!(matches!(error, ProviderError::Throttled(_)), "{error:?}");
    // A write is sent once: whoever repeats it looks first.
    assert_eq!(bench.meter.calls()["UpdateProvisionedProduct"], 1);
    let error = run(bench.alibaba.observe(&list())).expect_err("throttled");
    assert!(matches!(error, ProviderError::Throttled(_)), "{error:?}");
    assert_eq!(bench.meter.calls()["ListProvisionedProducts"], u64::from(TRIES));
}

#[test]
fn a_read_without_an_answer_is_repeated_and_a_write_is_not() {
    type Answer = fn() -> Reply;
    let broken: [Answer; 6] = [
        || Err(TransportError::Lost("reset".to_owned())),
        || status(502, "<html>bad gateway</html>"),
        || refuse("ServiceUnavailable", "later"),
        || status(500, r#"{"Code":"InternalError","Message":"A system error occurred."}"#),
        || refuse("SignatureNonceUsed", "used"),
        || status(503, ""),
    ];
    for answer in broken {
        let fake =
            service(
                move |ask| {
                    if ask.action == "UpdateProvisionedProduct" || ask.nth < 3 { answer() } else { empty_list() }
                },
            );
        let bench = bench(&fake, |_| {});
        run(bench.alibaba.observe(&list())).expect("an answer in the end");
        assert_eq!(fake.calls()["ListProvisionedProducts"], 3);
        let error = run(bench.alibaba.submit(&update(), "t")).expect_err("unknown");
        let ProviderError::Unknown(problem) = error else { panic!("{error:?}") };
        assert!(
            problem.message.starts_with("target `prod`: UpdateProvisionedProduct was sent and its answer is not known")
        );
        assert_eq!(fake.calls()["UpdateProvisionedProduct"], 1);
    }
}

#[test]
fn what_was_not_sent_has_not_happened() {
    let fake = service(|_| Err(TransportError::NotSent("connection refused".to_owned())));
    let error = run(bench(&fake, |_| {}).alibaba.submit(&update(), "t")).expect_err("nobody there");
    let ProviderError::Rejected(problem) = error else { panic!("{error:?}") };
    assert_eq!(problem.kind, Kind::Access);
    assert_eq!(fake.calls()["UpdateProvisionedProduct"], u64::from(CONNECT_TRIES));
}

#[test]
fn an_answer_that_is_not_the_services_is_told_apart() {
    for body in ["<html>login</html>", "", "[1]", "null", "\u{0}"] {
        let fake = service(move |_| status(200, body));
        let error = run(bench(&fake, |_| {}).alibaba.observe(&list())).expect_err("foreign").into_problem();
        assert!(error.message.contains("not as Alibaba Cloud does"), "{error}");
        let error = run(bench(&fake, |_| {}).alibaba.submit(&update(), "t")).expect_err("foreign");
        assert!(matches!(error, ProviderError::Unknown(_)), "{error:?}");
    }
    let fake = service(|_| status(200, r#"{"cut"#));
    let error = run(bench(&fake, |_| {}).alibaba.observe(&list())).expect_err("cut").into_problem();
    assert!(error.message.contains("its answer cannot be read (line 1, column 5)"), "{error}");
}

#[test]
fn the_trace_tells_the_clouds_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("trace.jsonl");
    let meter = Meter::with_trace(&path).expect("a writable folder");
    let query = [("ProductId".to_owned(), "prod-1".to_owned())];
    let sent = SentRpc {
        cloud: "alibaba",
        action: "ListLaunchOptions",
        version: "2021-09-01",
        method: "POST",
        query: &query,
        body: &[],
    };
    meter.sent(&sent);
    let line: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&path).expect("a trace")).expect("JSON");
    let expected = json!({
        "cloud": "alibaba", "action": "ListLaunchOptions", "version": "2021-09-01", "method": "POST",
        "query": [["ProductId", "prod-1"]], "body": [],
    });
    assert_eq!(line, expected);
    assert_eq!(meter.calls()["ListLaunchOptions"], 1);
}
