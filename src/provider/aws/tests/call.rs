use serde_json::json;

use super::super::tests::*;
use super::*;
use crate::model::{OperationState, Query, Request as Write};
use crate::problem::Kind;
use crate::provider::Provider;

fn list() -> Query {
    Query { list: true, ..Query::default() }
}

fn empty_list() -> Reply {
    ok(&json!({ "ProvisionedProducts": [], "TotalResultsCount": 0 }))
}

fn terminate() -> Write {
    Write::Terminate { id: "pp-1".to_owned() }
}

fn lost() -> Reply {
    Err(TransportError::Lost("connection reset".to_owned()))
}

fn not_sent() -> Reply {
    Err(TransportError::NotSent("connection refused".to_owned()))
}

#[test]
fn reads_outlast_throttling_broken_and_lost_answers() {
    let fake = service(|ask| match ask.nth {
        1 => refuse("ThrottlingException", "Rate exceeded"),
        2 => status(503, ""),
        3 => lost(),
        _ => empty_list(),
    });
    let bench = bench(&fake, |_| {});
    run(bench.aws.observe(&list())).expect("an answer at last");
    assert_eq!(bench.meter.retries(), 3);
    assert_eq!(bench.meter.calls()["SearchProvisionedProducts"], 4);
    let sleeps = bench.clock.sleeps.lock().expect("not poisoned").clone();
    assert_eq!(sleeps.len(), 3);
    for (sleep, bound) in sleeps.iter().zip([300, 600, 1200]) {
        assert!(*sleep <= Duration::from_millis(bound), "{sleep:?} of {bound} ms");
    }
}

#[test]
fn throttled_to_the_end_says_so() {
    let fake = service(|_| refuse("ThrottlingException", "Rate exceeded"));
    let bench = bench(&fake, |_| {});
    let error = run(bench.aws.observe(&list())).expect_err("throttled");
    assert!(matches!(error, ProviderError::Throttled(_)), "{error:?}");
    assert_eq!(bench.meter.calls()["SearchProvisionedProducts"], u64::from(TRIES));
}

#[test]
fn a_service_that_asks_to_wait_is_heard() {
    let wish = |seconds: &str| {
        let reply = http::Response::builder().status(429).header("retry-after", seconds).body(Bytes::new());
        Ok(reply.expect("a response"))
    };
    let fake = service(move |ask| if ask.nth == 1 { wish("30") } else { empty_list() });
    let short = bench(&fake, |_| {});
    run(short.aws.observe(&list())).expect("an answer");
    assert_eq!(short.clock.sleeps.lock().expect("not poisoned").as_slice(), [Duration::from_secs(30)]);

    let fake = service(move |_| wish("600"));
    let long = bench(&fake, |_| {});
    let error = run(long.aws.submit(&terminate(), "t")).expect_err("too long to wait here");
    assert!(matches!(error, ProviderError::Throttled(after) if after.as_secs() == 600), "{error:?}");
    assert_eq!(fake.calls()["TerminateProvisionedProduct"], 1);
}

#[test]
fn a_write_whose_answer_is_missing_is_unknown_and_not_sent_again() {
    for reply in [|| lost(), || status(500, ""), || status(200, "<html>"), || status(200, "{"), || ok(&json!({}))] {
        let fake = service(move |_| reply());
        let bench = bench(&fake, |_| {});
        let error = run(bench.aws.submit(&terminate(), "t")).expect_err("unknown");
        assert!(matches!(error, ProviderError::Unknown(_)), "{error:?}");
        assert_eq!(fake.calls()["TerminateProvisionedProduct"], 1);
    }
}

#[test]
fn a_write_that_cannot_have_happened_is_tried_again() {
    let fake = service(|ask| match ask.nth {
        1 => not_sent(),
        2 => refuse("ThrottlingException", "Rate exceeded"),
        _ => ok(&json!({ "RecordDetail": { "RecordId": "rec-1", "Status": "CREATED" } })),
    });
    let bench = bench(&fake, |_| {});
    let operation = run(bench.aws.submit(&terminate(), "t")).expect("accepted at last");
    assert_eq!((operation.id.as_str(), operation.state), ("rec-1", OperationState::Running));
    assert!(fake.asks().iter().all(|ask| ask.text("TerminateToken") == "t"));
}

#[test]
fn an_unreachable_endpoint_is_told_soon() {
    let fake = Fake::new(|_| not_sent());
    let bench = bench(&fake, |_| {});
    let error = run(bench.aws.observe(&list())).expect_err("unreachable");
    let ProviderError::Rejected(problem) = error else { panic!("{error:?}") };
    assert_eq!(problem.kind, Kind::Access);
    assert!(problem.message.contains("https://sts.eu-west-1.amazonaws.com cannot be reached"), "{}", problem.message);
    assert_eq!(fake.all().len(), CONNECT_TRIES as usize);
}

#[test]
fn a_login_page_is_called_one() {
    let fake = service(|_| status(200, "<html><title>Sign in to the network</title></html>"));
    let bench = bench(&fake, |_| {});
    let error = run(bench.aws.observe(&list())).expect_err("a web page");
    let ProviderError::Rejected(problem) = error else { panic!("{error:?}") };
    assert_eq!(problem.kind, Kind::Access);
    assert!(problem.message.contains("with a web page"), "{}", problem.message);
    assert_eq!(fake.calls()["SearchProvisionedProducts"], 1);
}

#[test]
fn every_call_is_signed_addressed_and_in_the_language() {
    let fake = service(|_| empty_list());
    let bench = bench(&fake, |target| target.language = Some("zh".to_owned()));
    run(bench.aws.observe(&list())).expect("an answer");
    let [ask] = &fake.asks()[..] else { panic!("one call") };
    assert_eq!(ask.uri, "https://servicecatalog.eu-west-1.amazonaws.com/");
    assert_eq!(ask.headers["x-amz-target"], "AWS242ServiceCatalogService.SearchProvisionedProducts");
    assert_eq!(ask.headers["content-type"], "application/x-amz-json-1.1");
    let scope = "Credential=AKIDEXAMPLE/20261122/eu-west-1/servicecatalog/aws4_request";
    assert!(ask.headers["authorization"].to_str().expect("text").contains(scope));
    assert_eq!(
        ask.body,
        json!({
            "AcceptLanguage": "zh",
            "AccessLevelFilter": { "Key": "Account", "Value": "self" },
            "SortBy": "id",
            "SortOrder": "ASCENDING",
            "PageSize": 100,
        })
    );
}

#[test]
fn all_requests_of_a_target_share_its_places() {
    let fake = service(|_| empty_list());
    let bench = bench(&fake, |_| {});
    assert_eq!(bench.aws.client.link.places.available_permits(), 8);
}
