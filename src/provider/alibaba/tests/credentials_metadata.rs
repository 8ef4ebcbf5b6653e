//! The ECS metadata service and a credentials URI.

use super::*;

const ROLES: &str = "GET /latest/meta-data/ram/security-credentials/";
const MACHINE: &str = "GET /latest/meta-data/ram/security-credentials/Machine";
const TOKEN: &str = "PUT /latest/api/token";

type Service = fn(&Ask) -> Reply;

fn success(id: &str) -> Reply {
    let mut answer = credentials(id, "2026-01-02T04:04:05Z");
    answer["Code"] = json!("Success");
    ok(&answer)
}

/// A metadata service that wants a token, and its answers.
fn with_token(ask: &Ask) -> Reply {
    let token = ask.header("X-aliyun-ecs-metadata-token") == "metadata-token";
    match ask.action.as_str() {
        TOKEN => status(200, "metadata-token"),
        ROLES if token => status(200, "Machine\n"),
        MACHINE if token => success("STS.machine"),
        _ => status(403, "no"),
    }
}

/// One of before there were tokens.
fn without_token(ask: &Ask) -> Reply {
    match ask.action.as_str() {
        ROLES => status(200, "Machine"),
        MACHINE => success("STS.old"),
        _ => status(404, "<html>"),
    }
}

#[test]
fn with_a_token() {
    let fake = service(with_token);
    assert_eq!(bench().key(&fake), temporary("STS.machine"));
    assert_eq!(fake.actions()[..3], [TOKEN, ROLES, MACHINE]);
    let ask = &fake.asks()[0];
    assert_eq!(ask.uri, "http://100.100.100.200/latest/api/token");
    assert_eq!(ask.header("X-aliyun-ecs-metadata-token-ttl-seconds"), "21600");

    let fake = service(with_token);
    assert_eq!(bench().set("ECS_METADATA", "Machine").key(&fake), temporary("STS.machine"));
    assert_eq!(fake.actions()[..2], [TOKEN, MACHINE]);
}

#[test]
fn the_metadata_service_is_not_behind_an_endpoint() {
    let fake = service(with_token);
    let bench = bench().target(|target| target.endpoint = Endpoint::Url("http://127.0.0.1:4566".to_owned()));
    bench.key(&fake);
    let hosts: Vec<bool> = fake.asks().iter().map(|ask| ask.uri.starts_with("http://100.100.100.200/")).collect();
    assert_eq!(hosts, [true, true, true, false]);
}

#[test]
fn without_one_unless_that_is_forbidden() {
    let fake = service(without_token);
    assert_eq!(bench().key(&fake), temporary("STS.old"));
    let bench = bench().set("IMDSV1_DISABLED", "true");
    let problem = bench.problem(&service(without_token));
    assert!(problem.message.contains("ECS metadata: http://100.100.100.200 answers with HTTP 404"), "{problem}");
}

#[test]
fn a_token_that_does_not_help_is_left_out() {
    let fake = service(|ask| match ask.header("X-aliyun-ecs-metadata-token") {
        "" if ask.action != TOKEN => without_token(ask),
        "" => status(200, "stale"),
        _ => status(401, "no"),
    });
    assert_eq!(bench().key(&fake), temporary("STS.old"));
    assert_eq!(fake.actions()[..4], [TOKEN, ROLES, ROLES, MACHINE]);
}

#[test]
fn a_profile_for_the_machine() {
    let fake = service(with_token);
    let profiles = json!([{ "name": "p", "mode": "EcsRamRole", "ram_role_name": "Machine" }]);
    let bench = bench().profiles(&profiles).profile("p");
    assert_eq!(bench.key(&fake), temporary("STS.machine"));
    let problem = bench.set("ECS_METADATA_DISABLED", "true").problem(&fake);
    assert_eq!(problem.message, "target `prod`: profile `p`: ALIBABA_CLOUD_ECS_METADATA_DISABLED is set");
}

#[test]
fn machines_without_a_role_and_services_that_are_none() {
    let table: [(Service, &str); 4] = [
        (|_| status(200, "<html>hush</html>"), "names no RAM role"),
        (|_| status(200, ""), "names no RAM role"),
        (|ask| if ask.action == MACHINE { status(200, "hush") } else { status(200, "Machine") }, "is not JSON"),
        (
            |ask| if ask.action == MACHINE { ok(&json!({ "Code": "Failed" })) } else { status(200, "Machine") },
            "RAM role `Machine` of this instance: its answer is not a success",
        ),
    ];
    for (script, message) in table {
        let problem = bench().problem(&service(script));
        assert!(problem.message.contains(message), "{problem}");
    }
}

fn uri() -> Bench {
    bench().set("ECS_METADATA_DISABLED", "true").set("CREDENTIALS_URI", "http://keys.example:99/a?code=hush")
}

#[test]
fn a_credentials_uri() {
    let fake = service(|_| success("STS.uri"));
    assert_eq!(uri().key(&fake), temporary("STS.uri"));
    assert_eq!(fake.asks()[0].uri, "http://keys.example:99/a?code=hush");
}

#[test]
fn only_the_host_of_a_credentials_uri_is_shown() {
    let table: [(Service, &str); 4] = [
        (|_| status(500, "hush"), "keys.example answers with HTTP 500"),
        (
            |_| Err(TransportError::NotSent("error for url (http://keys.example:99/a?code=hush)".to_owned())),
            "keys.example cannot be reached: error for url (it)",
        ),
        (|_| status(200, "hush"), "keys.example: its answer is not JSON"),
        (|_| ok(&json!({ "Code": "Success", "AccessKeyId": "i" })), "keys.example: its answer has no"),
    ];
    for (script, message) in table {
        let problem = uri().problem(&service(script));
        assert!(problem.message.contains(&format!("credentials URI: {message}")), "{problem}");
    }
    let problem = uri().problem(&Fake::new(|_| None));
    assert!(problem.message.contains("keys.example cannot be reached: no answer within 15s"), "{problem}");
    let problem = uri().set("CREDENTIALS_URI", "ftp://hush").problem(&nothing_else());
    assert!(problem.message.ends_with("ALIBABA_CLOUD_CREDENTIALS_URI is not an http or https URL"), "{problem}");
}
