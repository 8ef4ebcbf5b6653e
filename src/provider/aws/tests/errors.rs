use super::super::tests::{Reply, refuse, status, target};
use super::*;
use crate::problem::Kind;

fn answer(reply: Reply) -> Answer {
    read(Service::Catalog, reply.expect("a response"))
}

fn refusal(reply: Reply) -> Refusal {
    match answer(reply) {
        Answer::Refused(refusal) => refusal,
        other => panic!("not a refusal: {other:?}"),
    }
}

#[test]
fn every_spelling_of_an_error_code() {
    let bodies = [
        r#"{"__type":"InvalidStateException","Message":"m"}"#,
        r#"{"__type":"com.amazonaws.servicecatalog#InvalidStateException","message":"m"}"#,
        r#"{"__type":"InvalidStateException:http://internal.amazon.com/coral/x/","message":"m"}"#,
        r#"{"__type":"InvalidStateException","Message":"n","message":"m"}"#,
    ];
    for body in bodies {
        let refusal = refusal(status(400, body));
        assert_eq!((refusal.code.as_str(), refusal.message.as_str()), ("InvalidStateException", "m"), "{body}");
    }
    let by_header = http::Response::builder()
        .status(400)
        .header("x-amzn-ErrorType", "InvalidStateException:http://x")
        .header("x-amzn-RequestId", "req-1")
        .body(Bytes::from_static(b"{}"));
    let refusal = refusal(Ok(by_header.expect("a response")));
    assert_eq!(refusal.text(), "InvalidStateException (request req-1)");
}

#[test]
fn query_errors_are_xml() {
    let xml = "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>Stack with id SC-1 does \
               not exist</Message></Error><RequestId>r</RequestId></ErrorResponse>";
    match read(Service::CloudFormation, status(400, xml).expect("a response")) {
        Answer::Refused(refusal) => assert!(refusal.is_no_stack(), "{refusal:?}"),
        other => panic!("not a refusal: {other:?}"),
    }
}

#[test]
fn throttling_wins_over_the_status() {
    for (code, reply) in [
        ("ThrottlingException", refuse("ThrottlingException", "Rate exceeded")),
        ("Throttling in a 503", status(503, r#"{"__type":"Throttling"}"#)),
        ("429 without a code", status(429, "slow down")),
    ] {
        assert_eq!(answer(reply), Answer::Throttled(None), "{code}");
    }
    let asked = http::Response::builder().status(429).header("Retry-After", "7").body(Bytes::new());
    assert_eq!(answer(Ok(asked.expect("a response"))), Answer::Throttled(Some(Duration::from_secs(7))));
    // A quota is not throttling: waiting does not help.
    assert_eq!(refusal(refuse("LimitExceededException", "x")).code, "LimitExceededException");
}

#[test]
fn what_is_not_an_answer_of_the_service() {
    assert_eq!(answer(status(500, "")), Answer::Broken("HTTP 500 Internal Server Error".into()));
    assert_eq!(
        answer(status(503, r#"{"__type":"ServiceUnavailableException","message":"m"}"#)),
        Answer::Broken("ServiceUnavailableException: m".into())
    );
    assert!(matches!(answer(status(200, "  <!DOCTYPE html><p>Sign in")), Answer::Foreign(_)));
    assert!(matches!(answer(status(403, "<html><body>Blocked")), Answer::Foreign(text) if text.contains("web page")));
    assert!(matches!(answer(status(302, "")), Answer::Foreign(_)));
    assert!(matches!(answer(status(400, "[1,2")), Answer::Foreign(_)));
}

#[test]
fn each_access_problem_says_its_own_way_out() {
    let mut target = target();
    target.profile = Some("corp".to_owned());
    let asked = Asked { target: &target, operation: "DescribeProduct", with: "profile `corp`" };
    let table = [
        ("ExpiredTokenException", "The security token is expired", "have expired", "aws sso login --profile corp"),
        ("UnrecognizedClientException", "invalid token", "does not know the access key", "check `profile`"),
        ("InvalidSignatureException", "Signature expired: 20261122T012056Z is now earlier", "the time", "clock"),
        ("InvalidSignatureException", "does not match the signature you provided", "signature of profile", "renew"),
        ("AccessDeniedException", "not authorized to perform", "may not DescribeProduct", "docs/aws.md"),
    ];
    for (code, message, expected, hint) in table {
        let problem = asked.problem(&refusal(refuse(code, message)));
        assert_eq!(problem.kind, Kind::Access, "{code}");
        assert!(problem.message.contains("`prod`") && problem.message.contains(expected), "{}", problem.message);
        assert!(problem.hint.as_deref().unwrap_or_default().contains(hint), "{:?}", problem.hint);
        assert_eq!(problem.place.as_ref(), Some(&target.place));
    }
    let problem = asked.problem(&refusal(refuse("InvalidParametersException", "No such path")));
    assert_eq!(problem.kind, Kind::Failed);
    assert_eq!(problem.message, "target `prod`: DescribeProduct: InvalidParametersException: No such path");
}
