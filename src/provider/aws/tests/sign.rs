//! Signatures that botocore 1.43 computed for the same requests, key and time.

use super::*;

const KEY: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "FwoGZXIvYXdzEBYaD/+=";

fn now() -> SystemTime {
    "2026-11-22T01:20:56Z".parse::<jiff::Timestamp>().expect("a time").into()
}

fn catalog() -> Request<Bytes> {
    Request::post("https://servicecatalog.eu-west-1.amazonaws.com/")
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", "AWS242ServiceCatalogService.DescribeRecord")
        .header("user-agent", "tenure/0")
        .body(Bytes::from_static(b"{\"Id\":\"rec-tfuawdabcdege\",\"PageSize\":20}"))
        .expect("a valid request")
}

fn sts() -> Request<Bytes> {
    Request::post("http://127.0.0.1:4566/")
        .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
        .body(Bytes::from_static(b"Action=GetCallerIdentity&Version=2011-06-15"))
        .expect("a valid request")
}

#[test]
fn known_signatures() {
    let table = [
        (
            catalog(),
            "servicecatalog",
            None,
            "content-type;host;x-amz-date;x-amz-target",
            "189c89acd546f962ff6dfc2d84f8e2e55d685f6b252524ab6a675427eeeb600c",
        ),
        (
            sts(),
            "sts",
            None,
            "content-type;host;x-amz-date",
            "0582668063cb131f9337bc59ac4f5bda13b7ce4dc7815cc32f11343a1b3112d2",
        ),
        (
            catalog(),
            "servicecatalog",
            Some(TOKEN),
            "content-type;host;x-amz-date;x-amz-security-token;x-amz-target",
            "0fbf1b4186ad6bbd31f996f5b4d594760a6f8ef50fa8cefb85049927d4f7cc8b",
        ),
        (
            sts(),
            "sts",
            Some(TOKEN),
            "content-type;host;x-amz-date;x-amz-security-token",
            "8ac782122416c1f1e0c04e4088030feaaa166471f03b889c9a4a322fd6db0bd5",
        ),
    ];
    for (mut request, service, token, headers, signature) in table {
        let credentials = Credentials::new(KEY, SECRET, token.map(str::to_owned), None, "test");
        sign(&mut request, &credentials, "eu-west-1", service, now()).expect("signed");
        let expected = format!(
            "AWS4-HMAC-SHA256 Credential={KEY}/20261122/eu-west-1/{service}/aws4_request, SignedHeaders={headers}, \
             Signature={signature}"
        );
        assert_eq!(request.headers()["authorization"].to_str().expect("text"), expected, "{service} {token:?}");
        assert_eq!(request.headers()["x-amz-date"], "20261122T012056Z");
        assert!(request.headers()["authorization"].is_sensitive());
    }
}

#[test]
fn a_token_that_is_no_header_value_is_an_error_that_does_not_show_it() {
    let credentials = Credentials::new(KEY, SECRET, Some("two\nlines".to_owned()), None, "test");
    let error = sign(&mut catalog(), &credentials, "eu-west-1", "servicecatalog", now()).expect_err("not a header");
    assert!(!error.contains("two") && !error.contains("lines"), "{error}");
}
