//! Sources of credentials, roles and the account guard.

use std::path::PathBuf;

use super::super::tests::*;
use super::*;
use crate::model::{Query, Request as Write, Target};
use crate::problem::Kind;
use crate::provider::Provider;

/// An answer of AssumeRole that is valid until `end`.
fn assumed(key: &str, end: &str) -> Reply {
    xml(&format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
         <AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t-{key}</SessionToken>\
         <Expiration>{end}</Expiration></Credentials><AssumedRoleUser><AssumedRoleId>A:x</AssumedRoleId>\
         <Arn>arn:aws:sts::123456789012:assumed-role/R/x</Arn></AssumedRoleUser></AssumeRoleResult>\
         </AssumeRoleResponse>"
    ))
}

/// The access key id that a request was signed with.
fn key(ask: &Ask) -> String {
    let header = ask.headers["authorization"].to_str().expect("text");
    header.split("Credential=").nth(1).and_then(|rest| rest.split('/').next()).expect("a key").to_owned()
}

fn nothing() -> Query {
    Query::default()
}

fn rejected(error: ProviderError) -> Problem {
    match error {
        ProviderError::Rejected(problem) => problem,
        other => panic!("not rejected: {other:?}"),
    }
}

#[test]
fn the_account_is_checked_once_and_the_caller_is_told() {
    let fake = service(|_| refuse("X", ""));
    let bench = bench(&fake, |_| {});
    for _ in 0..3 {
        assert_eq!(run(bench.aws.observe(&nothing())).expect("an answer").caller, ARN);
    }
    let all = fake.all();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].uri, "https://sts.eu-west-1.amazonaws.com/");
    assert_eq!(all[0].body, serde_json::json!({ "Action": "GetCallerIdentity", "Version": "2011-06-15" }));
}

#[test]
fn another_account_is_refused_before_anything_is_asked() {
    let fake = Fake::new(|_| caller_is("999999999999", "arn:aws:iam::999999999999:user/eve"));
    let bench = bench(&fake, |_| {});
    let query = Query { list: true, ..Query::default() };
    let problem = rejected(run(bench.aws.observe(&query)).expect_err("another account"));
    assert_eq!(problem.kind, Kind::Access);
    assert_eq!(
        problem.message,
        "target `prod` is account 123456789012, but these credentials (the given access key) are of account \
         999999999999 (arn:aws:iam::999999999999:user/eve)"
    );
    assert_eq!(problem.place.map(|place| place.line), Some(3));
    let write = Write::Terminate { id: "pp-1".to_owned() };
    rejected(run(bench.aws.submit(&write, "t")).expect_err("another account"));
    assert!(fake.asks().is_empty());
}

fn two_roles(target: &mut Target) {
    target.role_arn = Some("arn:aws:iam::123456789012:role/Apply".to_owned());
    target.read_role_arn = Some("arn:aws:iam::123456789012:role/Read".to_owned());
    target.external_id = Some("ext-1".to_owned());
    target.role_session_name = Some("nightly".to_owned());
}

#[test]
fn reading_and_writing_have_their_own_roles() {
    let fake = service(|ask| match ask.operation.as_str() {
        "AssumeRole" if ask.text("RoleArn").ends_with("/Read") => assumed("ASIAREAD", "2026-11-22T02:20:56Z"),
        "AssumeRole" => assumed("ASIAWRITE", "2026-11-22T02:20:56Z"),
        "TerminateProvisionedProduct" => refuse("ResourceNotFoundException", "gone"),
        _ => ok(&serde_json::json!({})),
    });
    let bench = bench(&fake, two_roles);
    let query = Query { list: true, ..Query::default() };
    run(bench.aws.observe(&query)).expect("an answer");
    run(bench.aws.submit(&Write::Terminate { id: "pp-1".to_owned() }, "t")).expect("an answer");
    let all: Vec<(String, String)> = fake.all().iter().map(|ask| (ask.operation.clone(), key(ask))).collect();
    let expected = [
        ("AssumeRole", "AKIDEXAMPLE"),
        ("GetCallerIdentity", "ASIAREAD"),
        ("SearchProvisionedProducts", "ASIAREAD"),
        ("AssumeRole", "AKIDEXAMPLE"),
        ("GetCallerIdentity", "ASIAWRITE"),
        ("TerminateProvisionedProduct", "ASIAWRITE"),
    ];
    let all: Vec<(&str, &str)> = all.iter().map(|(operation, key)| (operation.as_str(), key.as_str())).collect();
    assert_eq!(all, expected);
    for ask in fake.asks().iter().filter(|ask| ask.operation == "AssumeRole") {
        assert_eq!((ask.text("ExternalId"), ask.text("RoleSessionName")), ("ext-1", "nightly"));
        assert_eq!(ask.uri, "https://sts.eu-west-1.amazonaws.com/");
    }
    assert_eq!(fake.asks()[1].headers["x-amz-security-token"], "t-ASIAREAD");
    assert_eq!(bench.meter.calls()["AssumeRole"], 2);
}

#[test]
fn credentials_are_renewed_before_they_end_and_after_aws_calls_them_expired() {
    let fake = service(|ask| match (ask.operation.as_str(), ask.nth) {
        ("AssumeRole", 1) => assumed("ASIA1", "2026-11-22T02:20:56Z"),
        ("AssumeRole", 2) => assumed("ASIA2", "2026-11-22T04:20:56Z"),
        ("AssumeRole", _) => assumed("ASIA3", "2026-11-22T09:20:56Z"),
        ("SearchProvisionedProducts", 3) => refuse("ExpiredTokenException", "expired"),
        _ => ok(&serde_json::json!({})),
    });
    let bench = bench(&fake, |target| target.role_arn = Some("arn:aws:iam::123456789012:role/Apply".to_owned()));
    let query = Query { list: true, ..Query::default() };
    run(bench.aws.observe(&query)).expect("an answer");
    bench.clock.advance(Duration::from_secs(56 * 60));
    run(bench.aws.observe(&query)).expect("an answer");
    run(bench.aws.observe(&query)).expect("an answer");
    let searches: Vec<String> = fake.asks().iter().filter(|ask| ask.operation.starts_with("Search")).map(key).collect();
    assert_eq!(searches, ["ASIA1", "ASIA2", "ASIA2", "ASIA3"]);
}

#[test]
fn a_role_that_may_not_be_assumed() {
    let fake = service(|_| {
        status(
            403,
            "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User: u is not authorized to \
             perform: sts:AssumeRole</Message></Error></ErrorResponse>",
        )
    });
    let bench = bench(&fake, two_roles);
    let problem = rejected(run(bench.aws.observe(&nothing())).expect_err("denied"));
    assert!(problem.message.contains("role `arn:aws:iam::123456789012:role/Read` may not AssumeRole"), "{problem}");
    assert!(problem.hint.unwrap_or_default().contains("trust policy"));
    assert_eq!(fake.calls()["AssumeRole"], 1);
}

#[test]
fn a_disturbed_sts_is_asked_again() {
    let fake = service(|ask| match ask.nth {
        1 => status(503, ""),
        2 => Err(TransportError::NotSent("refused".to_owned())),
        _ => assumed("ASIA1", "2026-11-22T02:20:56Z"),
    });
    let bench = bench(&fake, |target| target.role_arn = Some("arn:aws:iam::123456789012:role/Apply".to_owned()));
    run(bench.aws.observe(&nothing())).expect("an answer");
    assert_eq!(bench.meter.retries(), 2);
}

fn profiles(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("config");
    std::fs::write(&path, text).expect("written");
    (folder, path)
}

const CHAIN: &str = "[profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = s\n\n\
                     [profile corp]\nsource_profile = base\nrole_arn = arn:aws:iam::123456789012:role/Corp\n\
                     role_session_name = me\nregion = us-east-1\n";

#[test]
fn a_profile_with_a_source_asks_sts_through_our_transport() {
    let fake = service(|ask| match ask.operation.as_str() {
        "AssumeRole" => assumed("ASIACORP", "2026-11-22T02:20:56Z"),
        _ => ok(&serde_json::json!({})),
    });
    let (_folder, path) = profiles(CHAIN);
    let bench = bench_of_profiles(&fake, path, |target| target.profile = Some("corp".to_owned()));
    run(bench.aws.observe(&nothing())).expect("an answer");
    let all = fake.all();
    let [assume, asked] = &all[..] else { panic!("{all:?}") };
    assert_eq!((key(assume).as_str(), key(asked).as_str()), ("AKIABASE", "ASIACORP"));
    assert_eq!((assume.text("RoleArn"), assume.text("RoleSessionName")), ("arn:aws:iam::123456789012:role/Corp", "me"));
    assert!(assume.uri.starts_with("https://sts.eu-west-1.amazonaws.com"), "{}", assume.uri);
    drop(bench.clock);
}

#[test]
fn an_endpoint_stands_for_sts_too_and_keeps_the_signed_host() {
    let fake = service(|_| assumed("ASIACORP", "2026-11-22T02:20:56Z"));
    let (_folder, path) = profiles(CHAIN);
    let bench = bench_of_profiles(&fake, path, |target| {
        target.profile = Some("corp".to_owned());
        target.endpoint = Endpoint::Url("http://127.0.0.1:4566".to_owned());
    });
    run(bench.aws.observe(&nothing())).expect("an answer");
    assert!(fake.all().iter().all(|ask| ask.uri == "http://127.0.0.1:4566/"), "{:?}", fake.all());
    assert_eq!(fake.asks()[0].headers["host"], "sts.eu-west-1.amazonaws.com");
}

#[test]
fn a_profile_that_is_not_there() {
    let fake = Fake::new(|_| panic!("nothing is asked"));
    let cases = [
        (CHAIN, "corpp", "did you mean `corp`?"),
        (CHAIN, "nobody", "there are base, corp"),
        ("", "nobody", "there are no profiles at all: `aws configure` writes one"),
    ];
    for (text, profile, hint) in cases {
        let (_folder, path) = profiles(text);
        let bench = bench_of_profiles(&fake, path, |target| target.profile = Some(profile.to_owned()));
        let problem = rejected(run(bench.aws.observe(&nothing())).expect_err("no such profile"));
        assert_eq!(problem.kind, Kind::Access);
        assert_eq!(problem.message, format!("target `prod`: the AWS files have no profile `{profile}`"));
        assert_eq!((problem.hint.as_deref(), problem.place.map(|place| place.line)), (Some(hint), Some(3)));
    }
}

#[test]
fn an_expired_key_names_the_way_to_a_new_one() {
    let fake = Fake::new(|_| {
        status(
            403,
            "<ErrorResponse><Error><Code>ExpiredToken</Code><Message>The security token included in the request is \
             expired</Message></Error></ErrorResponse>",
        )
    });
    let (_folder, path) = profiles(CHAIN);
    let bench = bench_of_profiles(&fake, path, |target| target.profile = Some("base".to_owned()));
    let problem = rejected(run(bench.aws.observe(&nothing())).expect_err("expired"));
    assert!(problem.message.contains("profile `base`: the credentials have expired"), "{problem}");
    assert!(problem.hint.unwrap_or_default().contains("aws sso login --profile base"));
}
