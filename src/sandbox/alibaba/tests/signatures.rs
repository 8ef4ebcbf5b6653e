//! Who is believed, and in which words the others are refused.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;

use super::{ACCOUNT, Bench, Client, Said, authorization, escaped, request, text, wait};

const VERSION: &str = "2021-09-01";

/// A ListRegions request after `change` has been made to its headers, signed then.
fn changed(client: &Client<'_>, change: impl Fn(&mut std::collections::BTreeMap<String, String>)) -> Said {
    let mut headers = client.headers(VERSION, "ListRegions", "");
    change(&mut headers);
    let proof = authorization("POST", &headers, "", &client.key, &client.secret);
    client.send(request("POST", &headers, "", String::new(), &proof))
}

fn code(said: &Said) -> (u16, String) {
    (said.0, text(&said.1["Code"]))
}

#[test]
fn every_way_to_send_parameters_is_taken() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let admin = bench.client(&sandbox, "admin");
    let parameters =
        [("AccessLevelFilter", "Account"), ("Filters.1.Key", "FullTextSearch"), ("Filters.1.Value", "NET work*")];
    for in_body in [true, false] {
        let (status, body) = admin.send(admin.request(VERSION, "ListProvisionedProducts", &parameters, in_body));
        assert_eq!((status, body["TotalCount"].as_u64()), (200, Some(0)), "{body}");
    }
    let query = escaped(&parameters);
    let headers = admin.headers(VERSION, "ListProvisionedProducts", "");
    let proof = authorization("GET", &headers, &query, &admin.key, &admin.secret);
    // On the line a blank may be a `+`.
    let line = query.replace("%20", "+");
    assert_ne!(line, query);
    assert_eq!(admin.send(request("GET", &headers, &line, String::new(), &proof)).0, 200);
}

#[test]
fn a_wrong_signature_is_refused() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let mut admin = bench.client(&sandbox, "admin");
    let good = admin.request(VERSION, "ListRegions", &[], true);
    let changed_body = good.clone().map(|_| Bytes::from_static(b"ProductId=x"));
    assert_eq!(code(&admin.send(changed_body)), (400, "SignatureDoesNotMatch".into()));
    let mut other_action = good.clone();
    other_action.headers_mut().insert("x-acs-action", "GetTask".parse().expect("a value"));
    assert_eq!(code(&admin.send(other_action)), (400, "SignatureDoesNotMatch".into()));
    let mut more = good.clone();
    *more.uri_mut() = "https://servicecatalog.cn-hangzhou.aliyuncs.com/?PageSize=1".parse().expect("an address");
    assert_eq!(code(&admin.send(more)), (400, "SignatureDoesNotMatch".into()));
    let mut added = good.clone();
    added.headers_mut().insert("x-acs-security-token", "x".parse().expect("a value"));
    assert_eq!(code(&admin.send(added)), (400, "IncompleteSignature".into()));
    // None of these has used the nonce up.
    assert_eq!(admin.send(good).0, 200);
    admin.secret = "another".into();
    assert_eq!(admin.refused("ListRegions", &[]), (400, "SignatureDoesNotMatch".into()));
    admin.key = "LTAInobody".into();
    assert_eq!(admin.refused("ListRegions", &[]), (404, "InvalidAccessKeyId.NotFound".into()));
    // A key of the other cloud opens nothing here.
    (admin.key, admin.secret) = ("AKIAADMIN".into(), "aws-secret".into());
    assert_eq!(admin.refused("ListRegions", &[]), (404, "InvalidAccessKeyId.NotFound".into()));
}

#[test]
fn what_must_be_signed_is() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let admin = bench.client(&sandbox, "admin");
    let body = "TaskId=task-x".to_owned();
    for unsigned in ["host", "content-type", "x-acs-date", "x-acs-version", "x-acs-signature-nonce"] {
        let headers = admin.headers(VERSION, "GetTask", &body);
        let mut signed = headers.clone();
        signed.remove(unsigned);
        let proof = authorization("POST", &signed, "", &admin.key, &admin.secret);
        let said = admin.send(request("POST", &headers, "", body.clone(), &proof));
        assert_eq!(code(&said), (400, "IncompleteSignature".into()), "{unsigned}");
    }
}

#[test]
fn headers_that_are_missing_are_named() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let admin = bench.client(&sandbox, "admin");
    for (header, expected) in [
        ("x-acs-action", "MissingAction"),
        ("x-acs-version", "MissingVersion"),
        ("x-acs-date", "MissingTimestamp"),
        ("x-acs-signature-nonce", "MissingSignatureNonce"),
        ("x-acs-content-sha256", "MissingContentSha256"),
    ] {
        let said = changed(&admin, |headers| {
            headers.remove(header);
        });
        assert_eq!(code(&said), (400, expected.into()));
    }
    let headers = admin.headers(VERSION, "ListRegions", "");
    let said = admin.send(request("POST", &headers, "", String::new(), ""));
    assert_eq!(code(&said), (400, "MissingAuthorization".into()));
    for nonsense in
        ["ACS3-", "ACS3-HMAC-SHA256", "ACS3-HMAC-SHA256 Credential=,SignedHeaders=,Signature=", "ACS3-HMAC-SM3 x=y"]
    {
        let said = admin.send(request("POST", &headers, "", String::new(), nonsense));
        assert_eq!(code(&said), (400, "IncompleteSignature".into()), "{nonsense}");
    }
}

#[test]
fn a_nonce_counts_once_and_a_time_for_fifteen_minutes() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let admin = bench.client(&sandbox, "admin");
    let once = admin.request(VERSION, "ListRegions", &[], true);
    assert_eq!(admin.send(once.clone()).0, 200);
    assert_eq!(code(&admin.send(once)), (400, "SignatureNonceUsed".into()));
    let late = admin.request(VERSION, "ListRegions", &[], true);
    wait(sandbox.clock().sleep(Duration::from_secs(15 * 60 + 1)));
    assert_eq!(code(&admin.send(late)), (400, "InvalidTimeStamp.Expired".into()));
    // Somebody else's clock is right too: a client that does not know the world's time goes by the real one.
    let real = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    assert_eq!(changed(&admin, |headers| drop(headers.insert("x-acs-date".into(), real.clone()))).0, 200);
    for wrong in ["2026-01-05 09:00:00", "20260105T090000Z", "2026-13-05T09:00:00Z", "2026-01-05T09:00:00+01", "", "ä"]
    {
        let said = changed(&admin, |headers| drop(headers.insert("x-acs-date".into(), wrong.to_owned())));
        assert_eq!(code(&said), (400, "InvalidTimeStamp.Format".into()), "{wrong}");
    }
}

#[test]
fn apis_and_versions_that_are_not_there() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let mut admin = bench.client(&sandbox, "admin");
    assert_eq!(admin.refused("CreateProduct", &[]), (404, "InvalidApi.NotFound".into()));
    let said = admin.send(admin.request("2020-01-01", "ListRegions", &[], true));
    assert_eq!(code(&said), (400, "InvalidVersion".into()));
    admin.host = "ecs.cn-hangzhou.aliyuncs.com".into();
    assert_eq!(admin.refused("ListRegions", &[]), (404, "InvalidProduct.NotFound".into()));
}

#[test]
fn the_region_is_that_of_the_host() {
    let bench = Bench::new();
    let sandbox = bench.open();
    let mut admin = bench.client(&sandbox, "admin");
    let mut total = |host: &str| {
        admin.host = host.into();
        admin.call("ListProvisionedProducts", &[("AccessLevelFilter", "Account")])["TotalCount"].clone()
    };
    assert_eq!(total("servicecatalog.cn-hangzhou.aliyuncs.com"), 1);
    assert_eq!(total("servicecatalog-vpc.cn-hangzhou.aliyuncs.com"), 1);
    assert_eq!(total("servicecatalog.cn-hangzhou.localhost:4566"), 1);
    assert_eq!(total("servicecatalog.cn-beijing.aliyuncs.com"), 0);
    // Without one, the first of the account's regions.
    assert_eq!(total("127.0.0.1:4566"), 0);
    admin.host = "servicecatalog.eu-west-1.aliyuncs.com".into();
    assert_eq!(admin.refused("ListRegions", &[]), (404, "InvalidRegionId.NotFound".into()));
    let named = "https://servicecatalog.cn-hangzhou.aliyuncs.com/";
    let without: Request<Bytes> = Request::post(named).body(Bytes::new()).expect("a request");
    // Nothing says that this is for Alibaba Cloud.
    let response = wait(sandbox.transport().send(without)).expect("an answer");
    assert!(String::from_utf8_lossy(response.body()).contains("Missing Authentication Token"));
}

#[test]
fn a_key_opens_nothing_in_the_other_cloud() {
    // The signer below is of a region that this account then has too.
    let bench = Bench::of(&super::SEED.replacen("\"cn-hangzhou\"]", "\"cn-hangzhou\", \"eu-west-1\"]", 1));
    let sandbox = bench.open();
    let time = sandbox.clock().now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let mut request = Request::post("https://servicecatalog.cn-hangzhou.amazonaws.com/")
        .header("host", "servicecatalog.cn-hangzhou.amazonaws.com")
        .header("x-amz-date", &time)
        .header("x-amz-target", "AWS242ServiceCatalogService.ScanProvisionedProducts")
        .body(Bytes::from_static(b"{}"))
        .expect("a request");
    let secret = "admin-secret";
    crate::sandbox::aws::sigv4::sign(&mut request, "LTAIadmin", secret, "servicecatalog", &time);
    let response = wait(sandbox.transport().send(request)).expect("an answer");
    assert!(String::from_utf8_lossy(response.body()).contains("UnrecognizedClientException"));
}

#[test]
fn credentials_are_found_by_account() {
    let sandbox = Bench::new().open();
    let admin = sandbox.credentials(ACCOUNT, None).expect("admin");
    assert_eq!(
        (admin.access_key_id.as_str(), admin.arn.as_str()),
        ("LTAIadmin", "acs:ram::1234567890123456:role/Admin")
    );
    assert_eq!(sandbox.credentials("123456789012", None).expect("the only one").access_key_id, "AKIAADMIN");
    assert!(!format!("{admin:?}").contains("admin-secret"));
}
