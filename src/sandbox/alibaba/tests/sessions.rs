//! STS and RAM.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use super::{Bench, Client, Pairs, Said, escape, escaped, text};
use crate::sandbox::codec::{base64, hmac_sha1};

const STS: &str = "2015-04-01";
const RAM: &str = "2015-05-01";
const ADMIN: &str = "acs:ram::1234567890123456:role/Admin";

fn sts(client: &mut Client<'_>, action: &str, parameters: Pairs<'_>) -> Said {
    client.host = "sts.aliyuncs.com".into();
    client.send(client.request(STS, action, parameters, true))
}

fn ram(client: &mut Client<'_>, action: &str, parameters: Pairs<'_>) -> Said {
    client.host = "ram.aliyuncs.com".into();
    client.send(client.request(RAM, action, parameters, false))
}

#[test]
fn callers_are_told_who_they_are() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let (mut admin, mut alice) = (bench.client(&sandbox, "admin"), bench.client(&sandbox, "alice"));
    let (status, role) = sts(&mut admin, "GetCallerIdentity", &[]);
    assert_eq!((status, &role["AccountId"]), (200, &json!("1234567890123456")));
    assert_eq!(role["Arn"], "acs:ram::1234567890123456:assumed-role/Admin/admin");
    assert_eq!((&role["IdentityType"], &role["RoleId"]), (&json!("AssumedRoleUser"), &json!("300000000000000001")));
    assert_eq!(role["PrincipalId"], "300000000000000001:admin");
    let (_, user) = sts(&mut alice, "GetCallerIdentity", &[]);
    assert_eq!((&user["IdentityType"], &user["UserId"]), (&json!("RAMUser"), &json!("200000000000000002")));
    assert_eq!(user["Arn"], "acs:ram::1234567890123456:user/alice");
    assert_eq!(sts(&mut alice, "GetSessionToken", &[]).1["Code"], "InvalidApi.NotFound");
}

/// Becomes what an answer of STS says.
fn become_session(client: &mut Client<'_>, answer: &Value) {
    client.key = text(&answer["Credentials"]["AccessKeyId"]);
    client.secret = text(&answer["Credentials"]["AccessKeySecret"]);
    client.token = Some(text(&answer["Credentials"]["SecurityToken"]));
    client.host = super::HOST.into();
}

#[test]
fn a_role_can_be_assumed_until_it_expires() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let mut client = bench.client(&sandbox, "alice");
    let session = [("RoleArn", ADMIN), ("RoleSessionName", "run-1"), ("DurationSeconds", "900")];
    let (status, answer) = sts(&mut client, "AssumeRole", &session);
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["AssumedRoleUser"]["AssumedRoleId"], "300000000000000001:run-1");
    assert!(text(&answer["Credentials"]["AccessKeyId"]).starts_with("STS."));
    become_session(&mut client, &answer);
    // It sees what the role sees, and owns as the role owns.
    assert_eq!(client.call("ListProvisionedProducts", &[("AccessLevelFilter", "Account")])["TotalCount"], 1);
    let (_, who) = sts(&mut client, "GetCallerIdentity", &[]);
    assert_eq!(who["Arn"], "acs:ram::1234567890123456:assumed-role/Admin/run-1");
    become_session(&mut client, &answer);
    client.token = None;
    assert_eq!(client.refused("ListRegions", &[]), (404, "InvalidAccessKeyId.NotFound".into()));
    client.token = Some("made.up".into());
    assert_eq!(client.refused("ListRegions", &[]), (400, "InvalidSecurityToken.Malformed".into()));
}

#[test]
fn a_session_ends_by_the_clock_of_its_holder() {
    let bench = Bench::of(&format!("start = \"2099-01-01T00:00:00Z\"\n{}", super::SEED));
    let sandbox = bench.open();
    let mut client = bench.client(&sandbox, "alice");
    let session = [("RoleArn", ADMIN), ("RoleSessionName", "run-1"), ("DurationSeconds", "900")];
    let (_, answer) = sts(&mut client, "AssumeRole", &session);
    assert_eq!(answer["Credentials"]["Expiration"], "2099-01-01T00:15:00Z");
    become_session(&mut client, &answer);
    client.sleep(900);
    client.call("ListRegions", &[]);
    client.sleep(1);
    assert_eq!(client.refused("ListRegions", &[]), (400, "InvalidSecurityToken.Expired".into()));
}

#[test]
fn expired_credentials_are_said_to_be() {
    let bench = Bench::of(
        &super::SEED
            .replace("secret_access_key = \"alice-secret\"", "secret_access_key = \"alice-secret\"\nexpired = true"),
    );
    let sandbox = bench.open();
    let alice = bench.client(&sandbox, "alice");
    assert_eq!(alice.refused("ListRegions", &[]), (400, "InvalidSecurityToken.Expired".into()));
}

#[test]
fn what_cannot_be_assumed() {
    let bench = Bench::of(
        &super::SEED.replace("id = \"300000000000000001\"", "id = \"300000000000000001\"\ntrusted_external_id = \"x\""),
    );
    let sandbox = bench.open();
    let mut client = bench.client(&sandbox, "alice");
    let mut refused = |changes: Pairs<'_>| {
        let mut all: std::collections::BTreeMap<&str, &str> =
            [("RoleArn", ADMIN), ("RoleSessionName", "run"), ("ExternalId", "x")].into();
        all.extend(changes.iter().copied());
        let all: Vec<(&str, &str)> = all.into_iter().collect();
        let (status, body) = sts(&mut client, "AssumeRole", &all);
        (status, body["Code"].as_str().unwrap_or_default().to_owned())
    };
    assert_eq!(refused(&[]), (200, String::new()));
    assert_eq!(refused(&[("ExternalId", "y")]), (403, "NoPermission".into()));
    assert_eq!(refused(&[("RoleArn", "acs:ram::1234567890123456:role/Nobody")]), (404, "EntityNotExist.Role".into()));
    assert_eq!(
        refused(&[("RoleArn", "acs:ram::1234567890123456:user/alice")]),
        (400, "InvalidParameter.RoleArn".into())
    );
    assert_eq!(refused(&[("RoleArn", "")]), (400, "MissingRoleArn".into()));
    assert_eq!(refused(&[("RoleSessionName", "a b")]), (400, "InvalidParameter.RoleSessionName".into()));
    for seconds in ["899", "43201", "x"] {
        assert_eq!(refused(&[("DurationSeconds", seconds)]), (400, "InvalidParameter.DurationSeconds".into()));
    }
}

/// As the credentials libraries sign it: everything in the query, with HMAC-SHA1.
#[test]
fn the_older_signature_is_taken() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let mut alice = bench.client(&sandbox, "alice");
    let (now, nonce) = (alice.now(), alice.nonce());
    let signed = |secret: &str| {
        let parameters = [
            ("AccessKeyId", alice.key.as_str()),
            ("Action", "AssumeRole"),
            ("DurationSeconds", "3600"),
            ("Format", "JSON"),
            ("RoleArn", ADMIN),
            ("RoleSessionName", "tenure"),
            ("SignatureMethod", "HMAC-SHA1"),
            ("SignatureNonce", &nonce),
            ("SignatureVersion", "1.0"),
            ("Timestamp", &now),
            ("Version", STS),
        ];
        let query = escaped(&parameters);
        let to_sign = format!("GET&%2F&{}", escape(&query));
        let signature = base64(&hmac_sha1(format!("{secret}&").as_bytes(), to_sign.as_bytes()));
        let address = format!("https://sts.aliyuncs.com/?{query}&Signature={}", escape(&signature));
        Request::get(address).body(Bytes::new()).expect("a request")
    };
    assert_eq!(alice.send(signed("wrong")).1["Code"], "SignatureDoesNotMatch");
    let good = signed(&alice.secret);
    let (status, answer) = alice.send(good.clone());
    assert_eq!(status, 200, "{answer}");
    assert_eq!(alice.send(good).1["Code"], "SignatureNonceUsed");
    become_session(&mut alice, &answer);
    alice.call("ListRegions", &[]);
}

#[test]
fn an_identity_provider_s_token_needs_no_signature() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let mut client = bench.client(&sandbox, "alice");
    let ask = |client: &Client<'_>, provider: &str, token: &str| {
        let query = escaped(&[
            ("Action", "AssumeRoleWithOIDC"),
            ("Format", "JSON"),
            ("Version", STS),
            ("DurationSeconds", "3600"),
            ("RoleArn", ADMIN),
            ("OIDCProviderArn", provider),
            ("OIDCToken", token),
            ("RoleSessionName", "ci"),
            ("Timestamp", "2026-01-05T09:00:00Z"),
        ]);
        client.send(Request::get(format!("https://sts.aliyuncs.com/?{query}")).body(Bytes::new()).expect("a request"))
    };
    let provider = "acs:ram::1234567890123456:oidc-provider/ci";
    assert_eq!(ask(&client, provider, "").1["Code"], "MissingOIDCToken");
    assert_eq!(ask(&client, "acs:ram::1:oidc-provider/ci", "t").1["Code"], "EntityNotExist.OIDCProvider");
    let (status, answer) = ask(&client, provider, "token");
    assert_eq!(status, 200, "{answer}");
    become_session(&mut client, &answer);
    client.call("ListRegions", &[]);
    // Nothing else goes without a signature.
    let unsigned = format!("https://sts.aliyuncs.com/?Action=GetCallerIdentity&Version={STS}");
    let said = client.send(Request::get(unsigned).body(Bytes::new()).expect("a request"));
    assert_eq!((said.0, &said.1["Code"]), (400, &json!("MissingAccessKeyId")));
}

#[test]
fn ram_knows_numbers_by_names() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let (mut admin, mut boss) = (bench.client(&sandbox, "admin"), bench.client(&sandbox, "boss"));
    let (_, role) = ram(&mut admin, "GetRole", &[("RoleName", "Dba")]);
    assert_eq!(role["Role"]["RoleId"], "300000000000000009");
    assert_eq!(role["Role"]["Arn"], "acs:ram::1234567890123456:role/Dba");
    let (_, user) = ram(&mut admin, "GetUser", &[("UserName", "alice")]);
    assert_eq!(user["User"]["UserId"], "200000000000000002");
    // A number that the seed does not say consists of digits too, and stays the same.
    let (_, user) = ram(&mut admin, "GetUser", &[("UserName", "boss")]);
    let id = text(&user["User"]["UserId"]);
    assert!(id.len() == 18 && id.bytes().all(|b| b.is_ascii_digit()), "{id}");
    let refused = |said: Said| (said.0, text(&said.1["Code"]));
    assert_eq!(refused(ram(&mut admin, "GetRole", &[("RoleName", "alice")])), (404, "EntityNotExist.Role".into()));
    assert_eq!(refused(ram(&mut admin, "GetUser", &[("UserName", "Dba")])), (404, "EntityNotExist.User".into()));
    assert_eq!(refused(ram(&mut admin, "GetUser", &[])), (400, "MissingUserName".into()));
    assert_eq!(refused(ram(&mut admin, "ListUsers", &[])), (404, "InvalidApi.NotFound".into()));
    assert_eq!(refused(ram(&mut boss, "GetRole", &[("RoleName", "Dba")])), (403, "NoPermission".into()));
}
