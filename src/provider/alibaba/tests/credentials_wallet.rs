//! Slots, roles, renewal and the account guard.

use super::*;

#[test]
fn the_account_is_checked_once_and_the_caller_is_told() {
    let fake = nothing_else();
    let bench = bench().fixed();
    let wallet = bench.wallet(&fake);
    for role in [Role::Writer, Role::Reader, Role::Writer] {
        let session = run(wallet.session(role)).expect("a key");
        assert_eq!(session.key().access_key_id, "fixed-id");
        assert_eq!((session.caller.account.as_str(), session.caller.arn.as_str()), (ACCOUNT, ARN));
        assert_eq!((session.caller.principal_id.as_str(), session.caller.identity_type.as_str()), ("2715", "RAMUser"));
        assert_eq!(session.with, "the given access key");
    }
    let asks = fake.asks();
    assert_eq!(asks.len(), 1);
    assert_eq!(asks[0].uri, "https://sts.aliyuncs.com/");
    assert_eq!(asks[0].header("x-acs-version"), "2015-04-01");
    assert_eq!(bench.meter.calls()["GetCallerIdentity"], 1);
}

#[test]
fn another_account_is_refused_and_named() {
    let fake = Fake::new(|_| Some(caller_is("999", "acs:ram::999:user/eve")));
    let bench = bench().environment_key();
    let problem = bench.problem(&fake);
    assert_eq!(
        problem.message,
        "target `prod` is account 1234567890123456, but these credentials (the default credentials (environment)) are \
         of account 999 (acs:ram::999:user/eve)"
    );
    assert_eq!(run(bench.wallet(&fake).whoami()).expect("a caller").account, "999");
}

fn two_roles(target: &mut Target) {
    target.role_arn = Some(ROLE.to_owned());
    target.read_role_arn = Some("acs:ram::1234567890123456:role/Read".to_owned());
    target.external_id = Some("ext-1".to_owned());
    target.role_session_name = Some("nightly".to_owned());
}

#[test]
fn reading_and_writing_have_their_own_roles_on_the_same_key() {
    let fake = service(|ask| match ask.text("RoleArn").ends_with("/Read") {
        true => assumed("STS.read", "2026-01-02T04:04:05Z"),
        false => assumed("STS.write", "2026-01-02T04:04:05Z"),
    });
    for (bench, base) in [(bench().fixed(), "fixed-id"), (bench().environment_key(), "env-id")] {
        let bench = bench.target(two_roles);
        let wallet = bench.wallet(&fake);
        let reader = run(wallet.session(Role::Reader)).expect("a key");
        let writer = run(wallet.session(Role::Writer)).expect("a key");
        assert_eq!(
            (reader.key().access_key_id.as_str(), writer.key().access_key_id.as_str()),
            ("STS.read", "STS.write")
        );
        assert_eq!(writer.key().security_token.as_deref(), Some("token-of-STS.write"));
        assert_eq!(writer.with, format!("role `{ROLE}`"));
        let asks: Vec<_> = fake.asks().split_off(fake.asks().len() - 4);
        let seen: Vec<(&str, &str)> = asks.iter().map(|ask| (ask.action.as_str(), ask.key())).collect();
        let identity = "GetCallerIdentity";
        let expected = [("AssumeRole", base), (identity, "STS.read"), ("AssumeRole", base), (identity, "STS.write")];
        assert_eq!(seen, expected);
        for ask in asks.iter().filter(|ask| ask.action == "AssumeRole") {
            let told = ["ExternalId", "RoleSessionName", "DurationSeconds"].map(|name| ask.text(name));
            assert_eq!(told, ["ext-1", "nightly", "3600"]);
        }
        assert_eq!(asks[1].header("x-acs-security-token"), "token-of-STS.read");
        assert_eq!(asks[1].header("x-acs-accesskey-id"), "STS.read");
    }
}

#[test]
fn a_role_is_assumed_as_tenure_when_nothing_is_said() {
    let fake = service(|_| assumed("STS.1", "2026-01-02T04:04:05Z"));
    bench().fixed().target(|target| target.role_arn = Some(ROLE.to_owned())).key(&fake);
    let ask = &fake.asks()[0];
    assert_eq!((ask.text("RoleSessionName"), ask.text("RoleArn")), ("tenure", ROLE));
    assert!(!ask.parameters.contains_key("ExternalId") && !ask.parameters.contains_key("Policy"));
}

#[test]
fn a_key_is_renewed_fifteen_minutes_before_it_ends() {
    let fake = service(|ask| match ask.nth {
        1 => assumed("STS.1", "2026-01-02T04:04:05Z"),
        _ => assumed("STS.2", "2026-01-02T05:04:05Z"),
    });
    let bench = bench().fixed().target(|target| target.role_arn = Some(ROLE.to_owned()));
    let wallet = bench.wallet(&fake);
    let id = || run(wallet.session(Role::Writer)).expect("a key").key().access_key_id.clone();
    assert_eq!(id(), "STS.1");
    bench.clock.advance(Duration::from_secs(45 * 60 - 1));
    assert_eq!(id(), "STS.1");
    bench.clock.advance(Duration::from_secs(1));
    assert_eq!(id(), "STS.2");
    assert_eq!(fake.actions(), ["AssumeRole", "GetCallerIdentity", "AssumeRole", "GetCallerIdentity"]);
}

#[test]
fn a_short_key_is_not_renewed_at_every_call() {
    let fake = service(|_| assumed("STS.1", "2026-01-02T03:14:05Z"));
    let bench = bench().fixed().target(|target| target.role_arn = Some(ROLE.to_owned()));
    let wallet = bench.wallet(&fake);
    for minutes in [0, 4] {
        bench.clock.advance(Duration::from_secs(60 * minutes));
        run(wallet.session(Role::Writer)).expect("a key");
    }
    assert_eq!(fake.actions(), ["AssumeRole", "GetCallerIdentity"]);
    // The same key again belongs to whom it belonged before.
    bench.clock.advance(Duration::from_secs(60));
    run(wallet.session(Role::Writer)).expect("a key");
    assert_eq!(fake.actions(), ["AssumeRole", "GetCallerIdentity", "AssumeRole"]);
}

#[test]
fn a_key_that_cannot_be_renewed_serves_to_its_end() {
    let fake = service(|ask| match ask.nth {
        1 => assumed("STS.1", "2026-01-02T04:04:05Z"),
        _ => refuse("NoPermission", "You are not authorized to do this action."),
    });
    let bench = bench().fixed().target(|target| target.role_arn = Some(ROLE.to_owned()));
    let wallet = bench.wallet(&fake);
    for minutes in [0, 50, 9] {
        bench.clock.advance(Duration::from_secs(60 * minutes));
        assert_eq!(run(wallet.session(Role::Writer)).expect("a key").key().access_key_id, "STS.1");
    }
    bench.clock.advance(Duration::from_secs(60));
    rejected(run(wallet.session(Role::Writer)).map(drop).expect_err("it has ended"));
}

#[test]
fn the_place_that_has_served_is_asked_again_and_no_other() {
    let fake = service(|ask| match ask.nth {
        1 => ok(&json!({ "Code": "Success", "AccessKeyId": "STS.uri", "AccessKeySecret": "hush", "SecurityToken": "t",
                         "Expiration": "2026-01-02T04:04:05Z" })),
        _ => refuse("X", "down"),
    });
    let bench = bench().set("CREDENTIALS_URI", "http://127.0.0.1:7/key").set("ECS_METADATA_DISABLED", "true");
    let wallet = bench.wallet(&fake);
    assert_eq!(run(wallet.session(Role::Writer)).expect("a key").with, "the default credentials (credentials URI)");
    // Now the CLI would come first.
    let profiles = json!([{ "name": "late", "mode": "AK", "access_key_id": "a", "access_key_secret": "s" }]);
    let bench = bench.profiles(&profiles);
    bench.clock.advance(Duration::from_secs(2 * 3600));
    let problem = rejected(run(wallet.session(Role::Writer)).map(drop).expect_err("down"));
    assert_eq!(
        problem.message,
        "target `prod`: the default credentials (credentials URI): 127.0.0.1 answers with HTTP 400 Bad Request"
    );
}

#[test]
fn callers_at_the_same_time_share_one_key() {
    let fake = service(|ask| match ask.text("RoleArn").ends_with("/Read") {
        true => assumed("STS.read", "2026-01-02T04:04:05Z"),
        false => assumed("STS.write", "2026-01-02T04:04:05Z"),
    });
    let profiles = json!([{ "name": "p", "mode": "External", "process_command": "helper" }]);
    let output = json!({ "mode": "AK", "access_key_id": "ext-id", "access_key_secret": "ext-hush" }).to_string();
    let bench = bench().profiles(&profiles).profile("p").command("helper", &output).target(two_roles);
    let wallet = bench.wallet(&fake);
    let all = run(futures_util::future::join_all((0..20).map(|number| {
        let role = if number % 2 == 0 { Role::Reader } else { Role::Writer };
        wallet.session(role)
    })));
    assert!(all.iter().all(Result::is_ok));
    let mut actions = fake.actions();
    actions.sort();
    assert_eq!(actions, ["AssumeRole", "AssumeRole", "GetCallerIdentity", "GetCallerIdentity"]);
}

#[test]
fn a_key_that_is_called_expired_is_forgotten() {
    let fake = service(|ask| match ask.nth {
        1 => assumed("STS.1", "2026-01-02T04:04:05Z"),
        _ => assumed("STS.2", "2026-01-02T04:04:05Z"),
    });
    let role = |target: &mut Target| target.role_arn = Some(ROLE.to_owned());
    let bench = bench().fixed().target(role);
    let wallet = bench.wallet(&fake);
    let session = run(wallet.session(Role::Writer)).expect("a key");
    assert!(run(wallet.forget(&session)));
    assert_eq!(run(wallet.session(Role::Writer)).expect("a key").key().access_key_id, "STS.2");

    let fixed = super::bench().fixed().wallet(&fake);
    let session = run(fixed.session(Role::Writer)).expect("a key");
    assert!(!run(fixed.forget(&session)), "a given key is the only one there is");
}

#[test]
fn an_endpoint_stands_for_sts_too() {
    let fake = service(|_| assumed("STS.1", "2026-01-02T04:04:05Z"));
    let profiles = json!([{ "name": "p", "mode": "RamRoleArn", "access_key_id": "base-id", "access_key_secret": "s",
                            "ram_role_arn": ROLE, "sts_region": "cn-beijing" }]);
    let bench = bench().profiles(&profiles).profile("p").target(|target| {
        target.endpoint = Endpoint::Url("http://127.0.0.1:4566".to_owned());
        target.role_arn = Some(ROLE.to_owned());
    });
    bench.key(&fake);
    assert_eq!(fake.actions(), ["AssumeRole", "AssumeRole", "GetCallerIdentity"]);
    for ask in fake.asks() {
        assert_eq!((ask.uri.as_str(), ask.header("host")), ("http://127.0.0.1:4566/", "127.0.0.1:4566"));
    }
}

#[test]
fn a_given_key_of_a_sandbox_is_not_looked_for_elsewhere() {
    let fake = nothing_else();
    let bench = bench().environment_key().fixed().target(|target| {
        target.endpoint = Endpoint::Sandbox { principal: None };
        target.profile = Some("nobody".to_owned());
    });
    assert_eq!(bench.key(&fake), key("fixed-id", "fixed-hush", None));
}

#[test]
fn secrets_are_not_in_debug_output() {
    let fake = service(|_| assumed("STS.1", "2026-01-02T04:04:05Z"));
    let bench = bench().fixed().target(|target| target.role_arn = Some(ROLE.to_owned()));
    let text = format!("{:?}", run(bench.wallet(&fake).session(Role::Writer)).expect("a key"));
    assert!(text.contains("STS.1") && !text.contains("hush") && !text.contains("token-of"), "{text}");
}
