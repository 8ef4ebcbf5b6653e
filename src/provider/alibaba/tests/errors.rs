use serde_json::json;

use super::super::tests::*;
use super::super::tests::{list, run, service, status};
use super::*;
use crate::problem::Kind;
use crate::provider::Provider;

fn problem(code: &'static str, message: &'static str) -> Problem {
    let fake = service(move |_| refuse(code, message));
    run(bench(&fake, |_| {}).alibaba.observe(&list())).expect_err("refused").into_problem()
}

#[test]
fn credentials_that_do_not_serve() {
    let cases = [
        (
            "InvalidAccessKeyId.NotFound",
            "Specified access key is not found.",
            "target `prod`: Alibaba Cloud does not know the access key of the given access key \
             (InvalidAccessKeyId.NotFound: Specified access key is not found. (request R-1))",
        ),
        (
            "SignatureDoesNotMatch",
            "server canonicalRequest is:[POST x-acs-security-token:SECRET]",
            "target `prod`: Alibaba Cloud refuses the signature of the given access key \
             (SignatureDoesNotMatch (request R-1))",
        ),
        (
            "InvalidSecurityToken.Expired",
            "Specified SecurityToken is expired.",
            "target `prod`: the security token of the given access key has expired \
             (InvalidSecurityToken.Expired: Specified SecurityToken is expired. (request R-1))",
        ),
        (
            "InvalidSecurityToken.Malformed",
            "Specified SecurityToken is malformed.",
            "target `prod`: Alibaba Cloud refuses the security token of the given access key \
             (InvalidSecurityToken.Malformed: Specified SecurityToken is malformed. (request R-1))",
        ),
        (
            "NoPermission",
            "You are not authorized to do this action.",
            "target `prod`: the given access key may not ListProvisionedProducts: \
             NoPermission: You are not authorized to do this action. (request R-1)",
        ),
        (
            "Forbidden.RAM",
            "User not authorized to operate on the specified resource.",
            "target `prod`: the given access key may not ListProvisionedProducts: \
             Forbidden.RAM: User not authorized to operate on the specified resource. (request R-1)",
        ),
    ];
    for (code, message, expected) in cases {
        let problem = problem(code, message);
        assert_eq!(problem.message, expected);
        assert_eq!(problem.kind, Kind::Access);
        assert!(problem.hint.is_some() && problem.place.is_some());
    }
}

#[test]
fn a_clock_that_is_wrong_is_told_with_both_times() {
    let fake = service(|_| {
        let body = json!({ "Code": "InvalidTimeStamp.Expired", "Message": "Specified time stamp is expired." });
        let reply = Response::builder().status(400).header("date", "Fri, 02 Jan 2026 04:00:00 GMT");
        Ok(reply.body(Bytes::from(body.to_string())).expect("a response"))
    });
    let problem = run(bench(&fake, |_| {}).alibaba.observe(&list())).expect_err("refused").into_problem();
    assert_eq!(
        problem.message,
        "target `prod`: Alibaba Cloud refuses the time of the request: \
         InvalidTimeStamp.Expired: Specified time stamp is expired."
    );
    assert_eq!(
        problem.hint.as_deref(),
        Some(
            "set this machine's clock, which says 2026-01-02T03:04:05Z, the service's Fri, 02 Jan 2026 04:00:00 GMT; \
             requests are accepted within 15 minutes"
        )
    );
}

#[test]
fn a_region_that_has_no_host() {
    let cause = "error sending request: client error (Connect): dns error: failed to lookup address information";
    let fake = service(move |_| Err(crate::seam::TransportError::NotSent(cause.to_owned())));
    let bench = bench(&fake, |target| target.region = "mars-1".to_owned());
    let problem = run(bench.alibaba.observe(&list())).expect_err("no host").into_problem();
    assert_eq!(
        problem.message,
        format!(
            "target `prod`: https://servicecatalog.mars-1.aliyuncs.com cannot be found, so `mars-1` may be no region \
             of Service Catalog: {cause}"
        )
    );
    let hint = problem.hint.expect("a hint");
    assert!(hint.contains("ListRegions") && hint.contains("`endpoint`"), "{hint}");
}

#[test]
fn a_region_cannot_name_another_host() {
    let fake = service(|_| refuse("x", "y"));
    let bench = bench(&fake, |target| target.region = "evil.example/".to_owned());
    let problem = run(bench.alibaba.observe(&list())).expect_err("no region").into_problem();
    assert_eq!(problem.kind, Kind::Input);
    assert!(fake.calls().is_empty());
}

#[test]
fn other_refusals_are_passed_on() {
    let known = problem("InvalidParameter", "PageSize is invalid.");
    assert_eq!(
        known.message,
        "target `prod`: ListProvisionedProducts: InvalidParameter: PageSize is invalid. (request R-1)"
    );
    assert_eq!(known.kind, Kind::Failed);
    assert!(problem("InvalidApi.NotFound", "no").hint.is_some_and(|hint| hint.contains("`endpoint`")));
}

#[test]
fn an_error_may_be_xml_or_in_lower_case() {
    let xml = "<?xml version='1.0'?><Error><RequestId>R-2</RequestId><Code>NoPermission</Code>\
               <Message>no</Message></Error>";
    let text = |body: &str| match read(Response::builder().status(403).body(Bytes::from(body.to_owned())).expect("ok"))
    {
        Answer::Refused(refusal) => refusal.text(),
        other => panic!("{other:?}"),
    };
    assert_eq!(text(xml), "NoPermission: no (request R-2)");
    assert_eq!(text(r#"{"code":"NoPermission","message":"no","requestId":"R-2"}"#), "NoPermission: no (request R-2)");
    for body in ["<html><body>no</body></html>", "no", r#"{"Code":7}"#, "<Error>", "{"] {
        let answer = read(Response::builder().status(403).body(Bytes::from(body.to_owned())).expect("ok"));
        assert!(matches!(answer, Answer::Foreign(_)), "{answer:?}");
    }
}

#[test]
fn an_answer_that_names_the_policy_is_a_denial_whatever_its_code() {
    let body = json!({ "Code": "Odd", "Message": "no", "AccessDeniedDetail": { "PolicyType": "AccountLevelIdentityBasedPolicy" } });
    let fake = service(move |_| status(403, &body.to_string()));
    let problem = run(bench(&fake, |_| {}).alibaba.observe(&list())).expect_err("denied").into_problem();
    assert_eq!(problem.kind, Kind::Access);
    assert_eq!(problem.message, "target `prod`: the given access key may not ListProvisionedProducts: Odd: no");
}

#[test]
fn what_is_not_found() {
    let refusal = |code: &str| Refusal { code: code.to_owned(), ..Refusal::empty("x") };
    for code in ["InvalidProvisionedProduct.NotFound", "InvalidTask.NotFound", "EntityNotExist.Role"] {
        assert!(refusal(code).is_not_found(), "{code}");
    }
    for code in ["InvalidApi.NotFound", "InvalidAccessKeyId.NotFound", "NotFound", "NoPermission"] {
        assert!(!refusal(code).is_not_found(), "{code}");
    }
    assert!(!refusal("InvalidProduct.NotFound").is_no_product());
}
