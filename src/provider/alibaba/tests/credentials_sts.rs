//! Endpoints of STS, and what its refusals mean.

use super::*;

fn role(target: &mut Target) {
    target.role_arn = Some(ROLE.to_owned());
}

#[test]
fn the_endpoint_of_sts() {
    let table = [
        (vec![], "https://sts.aliyuncs.com/"),
        (vec![("VPC_ENDPOINT_ENABLED", "true")], "https://sts.aliyuncs.com/"),
        (vec![("STS_REGION", "cn-beijing")], "https://sts.cn-beijing.aliyuncs.com/"),
        (
            vec![("STS_REGION", "cn-beijing"), ("VPC_ENDPOINT_ENABLED", "TRUE")],
            "https://sts-vpc.cn-beijing.aliyuncs.com/",
        ),
    ];
    for (variables, expected) in table {
        let fake = nothing_else();
        let bench = variables.iter().fold(bench().fixed(), |bench, (name, value)| bench.set(name, value));
        bench.key(&fake);
        assert_eq!(fake.asks()[0].uri, expected, "{variables:?}");
    }
    let fake = nothing_else();
    let problem = bench().fixed().set("STS_REGION", "evil.example/").problem(&fake);
    assert!(problem.message.ends_with("`evil.example/` is not the name of a region"), "{problem}");
    assert!(fake.asks().is_empty());
}

#[test]
fn what_a_refusal_means() {
    let with = format!("target `prod`: role `{ROLE}`, assumed with the given access key: ");
    let table = [
        ("InvalidSecurityToken.Expired", "the security token has expired (", "renew it"),
        (
            "InvalidSecurityToken.MismatchWithAccessKey",
            "the security token does not belong to the access key",
            "same session",
        ),
        ("MissingSecurityToken", "the security token does not belong to the access key", "renew all three"),
        (
            "InvalidAccessKeyId.NotFound",
            "Alibaba Cloud does not know the access key, or it is disabled (",
            "RAM console",
        ),
        (
            "InvalidAccessKeyId.Inactive",
            "Alibaba Cloud does not know the access key, or it is disabled (",
            "RAM console",
        ),
        ("SignatureDoesNotMatch", "the signature is refused (SignatureDoesNotMatch, request R-1)", "renew both"),
        ("InvalidTimeStamp.Expired", "the time of the request is refused (", "within 15 minutes"),
        ("NoPermission", "AssumeRole is not allowed: NoPermission: ", "trust policy"),
        ("EntityNotExist.Role", "AssumeRole: there is no such role", "its account included"),
        ("InvalidParameter.RoleArn", "AssumeRole: InvalidParameter.RoleArn: ", "`role_arn`"),
    ];
    for (code, message, hint) in table {
        let fake = service(move |_| refuse(code, "the service says fixed-hush so"));
        let problem = bench().fixed().target(role).problem(&fake);
        assert!(problem.message.starts_with(&format!("{with}{message}")), "{problem}");
        assert!(problem.message.contains("R-1"), "{problem}");
        assert!(problem.hint.unwrap_or_default().contains(hint), "{code}");
        assert_eq!(fake.asks().len(), 1, "a refusal is not asked for twice");
    }
}

#[test]
fn a_token_does_not_come_back_in_words() {
    let fake = service(|ask| match ask.nth {
        1 => assumed("STS.base", "2026-01-02T04:04:05Z"),
        _ => refuse("InvalidParameter", "token-of-STS.base and hush-of-STS.base are what you sent"),
    });
    let profiles = json!([{ "name": "p", "mode": "RamRoleArn", "access_key_id": "i", "access_key_secret": "s",
                            "ram_role_arn": ROLE }]);
    let problem = bench().profiles(&profiles).profile("p").target(role).problem(&fake);
    assert!(problem.message.ends_with("InvalidParameter: … and … are what you sent, request R-1"), "{problem}");
}

#[test]
fn a_disturbed_service_is_asked_again_with_another_nonce() {
    let fake = service(|ask| match ask.nth {
        1 => status(503, ""),
        2 => status(500, "{\"Code\":\"InternalError\",\"Message\":\"m\"}"),
        3 => Err(TransportError::Lost("reset".to_owned())),
        4 => refuse("Throttling.User", "slow down"),
        _ => assumed("STS.1", "2026-01-02T04:04:05Z"),
    });
    let bench = bench().fixed().target(role);
    bench.key(&fake);
    assert_eq!(bench.meter.retries(), 4);
    let mut nonces: Vec<_> = fake.asks().iter().map(|ask| ask.header("x-acs-signature-nonce").to_owned()).collect();
    nonces.dedup();
    assert_eq!(nonces.len(), 6);
}

#[test]
fn a_service_that_stays_away_is_named() {
    let fake = Fake::new(|_| Some(Err(TransportError::NotSent("refused".to_owned()))));
    let problem = bench().fixed().problem(&fake);
    assert!(problem.message.ends_with("https://sts.aliyuncs.com cannot be reached: refused"), "{problem}");
    assert_eq!(fake.asks().len(), 3);

    let fake = Fake::new(|_| Some(status(200, "<html>sign in</html>")));
    let problem = bench().fixed().problem(&fake);
    assert!(problem.message.contains("answers GetCallerIdentity with something else than JSON"), "{problem}");
    assert_eq!(fake.asks().len(), 1);

    let fake = Fake::new(|_| Some(ok(&json!({ "RequestId": "R" }))));
    let problem = bench().fixed().problem(&fake);
    assert!(problem.message.ends_with("GetCallerIdentity: its answer has no `AccountId` and `Arn`"), "{problem}");
}

#[test]
fn throttling_is_handed_on_with_the_wish_of_the_service() {
    let fake = Fake::new(|_| {
        let body = Bytes::from_static(b"{\"Code\":\"Throttling\",\"Message\":\"m\"}");
        Some(Ok(Response::builder().status(400).header("x-acs-retry-after", "1500").body(body).expect("valid")))
    });
    let error = run(bench().fixed().wallet(&fake).whoami()).expect_err("throttled");
    assert!(matches!(error, ProviderError::Throttled(wait) if wait == Duration::from_millis(1500)), "{error:?}");
    assert_eq!(fake.asks().len(), 5);
}

#[test]
fn an_answer_without_a_usable_key() {
    let table = [
        (json!({}), "its answer has no `AccessKeyId`"),
        (
            json!({ "Credentials": { "AccessKeyId": "i", "AccessKeySecret": "s", "SecurityToken": "t" } }),
            "no `Expiration`",
        ),
        (json!({ "Credentials": credentials("STS.1", "soon") }), "`Expiration` of its answer is not a time"),
        (json!({ "Credentials": credentials("STS.1", NOW) }), "its key has expired at 2026-01-02T03:04:05Z"),
    ];
    for (answer, message) in table {
        let fake = service(move |_| ok(&answer));
        let problem = bench().fixed().target(role).problem(&fake);
        assert!(problem.message.contains(message), "{problem}");
    }
}

#[test]
fn a_trace_holds_no_token() {
    let fake = service(|_| assumed("STS.oidc", "2026-01-02T04:04:05Z"));
    let mut bench = oidc(bench());
    let trace = bench.home.path().join("trace");
    bench.meter = Meter::with_trace(&trace).expect("a writable folder");
    bench.key(&fake);
    let text = std::fs::read_to_string(trace).expect("a trace");
    assert!(text.contains("AssumeRoleWithOIDC") && text.contains("GetCallerIdentity"), "{text}");
    assert!(!text.contains("jwt"), "{text}");
}

/// Everything that the OIDC place needs.
pub(super) fn oidc(bench: Bench) -> Bench {
    let file = bench.at_home("token");
    bench
        .file("token", "jwt\n")
        .set("ROLE_ARN", ROLE)
        .set("OIDC_PROVIDER_ARN", "acs:ram::1:oidc-provider/k")
        .set("OIDC_TOKEN_FILE", &file)
}
