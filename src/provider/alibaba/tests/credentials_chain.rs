//! The order of the default chain.

use super::sts::oidc;
use super::*;

fn answers(ask: &Ask) -> Reply {
    let until = "2026-01-02T04:04:05Z";
    let success = |id| {
        let mut answer = credentials(id, until);
        answer["Code"] = json!("Success");
        ok(&answer)
    };
    match ask.action.as_str() {
        "AssumeRoleWithOIDC" => assumed("STS.oidc", until),
        "PUT /latest/api/token" => status(200, "metadata-token"),
        "GET /latest/meta-data/ram/security-credentials/" => status(200, "Machine"),
        "GET /latest/meta-data/ram/security-credentials/Machine" => success("STS.machine"),
        "GET /uri" => success("STS.uri"),
        other => panic!("not expected: {other}"),
    }
}

const INI: &str = "[default]\ntype = access_key\naccess_key_id = ini-id\naccess_key_secret = ini-hush\n";

/// A machine on which the places from `from` on could serve.
fn machine(from: usize) -> Bench {
    let profiles = json!([{ "name": "p", "mode": "AK", "access_key_id": "cli-id", "access_key_secret": "cli-hush" }]);
    let mut bench = bench().set("CREDENTIALS_URI", "http://127.0.0.1:7/uri");
    if from > 4 {
        bench = bench.set("ECS_METADATA_DISABLED", "true");
    }
    if from <= 3 {
        bench = bench.file(".alibabacloud/credentials.ini", INI);
    }
    if from <= 2 {
        bench = bench.profiles(&profiles);
    }
    if from <= 1 {
        bench = oidc(bench);
    }
    if from == 0 {
        bench = bench.environment_key();
    }
    bench
}

#[test]
fn the_first_place_that_can_serve_does() {
    let expected = ["env-id", "STS.oidc", "cli-id", "ini-id", "STS.machine", "STS.uri"];
    let places = ["environment", "OIDC token", "CLI profile", "credentials file", "ECS metadata", "credentials URI"];
    for (from, (id, place)) in expected.into_iter().zip(places).enumerate() {
        let session = run(machine(from).wallet(&service(answers)).session(Role::Writer)).expect("a key");
        assert_eq!(session.key().access_key_id, id);
        assert_eq!(session.with, format!("the default credentials ({place})"));
    }
}

#[test]
fn a_place_that_fails_is_passed_over() {
    let fake = service(|ask| match ask.action.as_str() {
        "AssumeRoleWithOIDC" => refuse("AuthenticationFail.OIDCToken.Expired", "This JWT has expired."),
        _ => answers(ask),
    });
    let bench = machine(1).set("CLI_PROFILE_DISABLED", "TRUE");
    assert_eq!(bench.key(&fake), key("ini-id", "ini-hush", None));
}

#[test]
fn the_environment_needs_both_halves_and_may_have_a_token() {
    let fake = nothing_else();
    let bench = bench().environment_key().set("SECURITY_TOKEN", "env-token");
    assert_eq!(bench.key(&fake), key("env-id", "env-hush", Some("env-token")));
    assert_eq!(machine(0).set("ACCESS_KEY_SECRET", "").key(&service(answers)).0, "STS.oidc");
}

#[test]
fn a_profile_of_the_target_wins_over_the_environment() {
    let bench = machine(0).profile("p");
    assert_eq!(bench.key(&nothing_else()), key("cli-id", "cli-hush", None));
    let bench = machine(0).profile("default");
    assert_eq!(bench.key(&nothing_else()), key("ini-id", "ini-hush", None));
    let bench = machine(0).profile("p").set("CLI_PROFILE_DISABLED", "true");
    let problem = bench.problem(&nothing_else());
    assert!(problem.message.contains("neither the CLI's ~/.aliyun/config.json nor the credentials file has it"));
}

#[test]
fn oidc_is_not_signed_and_its_token_is_in_no_url() {
    let fake = service(answers);
    assert_eq!(oidc(bench()).set("ROLE_SESSION_NAME", "ci").key(&fake), temporary("STS.oidc"));
    let ask = &fake.asks()[0];
    let told = ["RoleArn", "OIDCProviderArn", "OIDCToken", "RoleSessionName", "DurationSeconds", "Format", "Version"];
    let expected = [ROLE, "acs:ram::1:oidc-provider/k", "jwt", "ci", "3600", "JSON", "2015-04-01"];
    assert_eq!(told.map(|name| ask.text(name)), expected);
    assert_eq!(ask.text("Timestamp"), NOW);
    assert!(!ask.uri.contains("jwt") && ask.uri.starts_with("https://sts.aliyuncs.com/?Action="), "{}", ask.uri);
    assert!(ask.headers.get("authorization").is_none());
}

#[test]
fn what_was_tried_is_told_line_by_line() {
    let fake = Fake::new(|_| None);
    let problem = bench().problem(&fake);
    assert_eq!(
        problem.message,
        "target `prod`: the default credentials: none of these serves\n  \
         environment: ALIBABA_CLOUD_ACCESS_KEY_ID is not set\n  \
         OIDC token: ALIBABA_CLOUD_ROLE_ARN is not set\n  \
         CLI profile: there is no ~/.aliyun/config.json\n  \
         credentials file: there is no ~/.alibabacloud/credentials.ini\n  \
         ECS metadata: http://100.100.100.200 cannot be reached: no answer within 1s\n  \
         credentials URI: ALIBABA_CLOUD_CREDENTIALS_URI is not set"
    );
    assert!(
        problem.hint.unwrap_or_default().starts_with("set `profile` of the target, or ALIBABA_CLOUD_ACCESS_KEY_ID")
    );
    assert_eq!(fake.asks().len(), 2, "with a token and without");
}

#[test]
fn the_way_out_is_that_of_the_place_that_was_meant() {
    let bench =
        bench().set("ECS_METADATA_DISABLED", "true").file(".aliyun/config.json", "{\"current\": \"hush-x\",\n  oops");
    let problem = bench.problem(&nothing_else());
    let file = bench.at_home(".aliyun/config.json");
    assert!(problem.message.contains(&format!("CLI profile: {file}:2:3: this is not JSON")), "{problem}");
    assert!(problem.message.contains("ECS metadata: ALIBABA_CLOUD_ECS_METADATA_DISABLED is set"), "{problem}");
    assert_eq!(problem.hint.as_deref(), Some("correct the file, or write it anew with `aliyun configure`"));
}
