//! The seven vectors of `vectors.txt`: the documentation's own, and six that the Python SDK (alibabacloud_tea_openapi
//! 0.4.6) computed.

use super::*;

const VECTORS: &str = include_str!("vectors.txt");

/// One vector: its name, the body, and what the SDK made of it.
struct Vector {
    name: &'static str,
    body: &'static str,
    canonical: &'static str,
    hash: &'static str,
    to_sign: String,
    authorization: &'static str,
}

impl Vector {
    /// The value of a canonical header.
    fn header(&self, name: &str) -> Option<&'static str> {
        self.canonical.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
    }

    fn query(&self) -> &'static str {
        self.canonical.lines().nth(2).expect("a query line")
    }

    fn key(&self) -> Key {
        let documented = self.name == "official doc vector";
        let (id, secret) =
            if documented { ("YourAccessKeyId", "YourAccessKeySecret") } else { ("testid", "testsecret") };
        let security_token = self.header("x-acs-security-token").map(str::to_owned);
        Key { access_key_id: id.to_owned(), access_key_secret: secret.to_owned(), security_token }
    }
}

fn between(text: &'static str, start: &str, end: &str) -> &'static str {
    let from = text.find(start).expect("the start") + start.len();
    &text[from..from + text[from..].find(end).expect("the end")]
}

fn vectors() -> Vec<Vector> {
    let vector = |text: &'static str| Vector {
        name: text.lines().next().expect("a name").trim(),
        body: between(text, "body: b'", "'\n"),
        canonical: between(text, "<<<\n", "\n>>>"),
        hash: between(text, "sha256(canonical) = ", "\n"),
        to_sign: between(text, "string to sign = '", "'\n").replace("\\n", "\n"),
        authorization: between(text, "Authorization: ", "\n"),
    };
    VECTORS.split("##### ").filter(|text| !text.trim().is_empty()).map(vector).collect()
}

/// The parameters that were encoded as `text`.
fn pairs(text: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text).decode_utf8().expect("UTF-8").into_owned()
    };
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decode(name), decode(value))).collect()
}

fn signed(vector: &Vector, key: &Key) -> Result<Request<Bytes>, String> {
    let mut query = pairs(vector.query());
    query.reverse();
    let call = Call {
        method: Method::POST,
        url: &format!("https://{}", vector.header("host").expect("a host")),
        action: vector.header("x-acs-action").expect("an action"),
        version: vector.header("x-acs-version").expect("a version"),
        query: &query,
        form: &pairs(vector.body),
    };
    let date = vector.header("x-acs-date").expect("a date").parse().expect("a date");
    sign(&call, key, date, vector.header("x-acs-signature-nonce").expect("a nonce"))
}

#[test]
fn every_vector_of_the_documentation_and_the_sdk() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 7);
    for vector in &vectors {
        let (name, request) = (vector.name, signed(vector, &vector.key()).expect("signed"));
        let text = |name: &str| request.headers().get(name).map(|value| value.to_str().expect("text"));
        assert_eq!(request.body(), vector.body, "{name}");
        assert_eq!(request.uri().path(), "/", "{name}");
        assert_eq!(request.uri().query().unwrap_or_default(), vector.query(), "{name}");
        assert_eq!(text("authorization"), Some(vector.authorization), "{name}");
        // What is signed is what is sent.
        let names = between(vector.authorization, "SignedHeaders=", ",Signature");
        let headers: Vec<_> = names.split(';').map(|name| (name, text(name).expect("a signed header"))).collect();
        let canonical =
            canonical(request.method(), "/", vector.query(), &headers, text("x-acs-content-sha256").unwrap());
        assert_eq!(canonical, vector.canonical, "{name}");
        assert_eq!(hex::encode(Sha256::digest(&canonical)), vector.hash, "{name}");
        assert_eq!(vector.to_sign, format!("{ALGORITHM}\n{}", vector.hash), "{name}");
        assert_eq!(text("accept"), Some("application/json"));
        assert_eq!(text("content-type").is_some(), !vector.body.is_empty(), "{name}");
        assert!(request.headers()["authorization"].is_sensitive());
    }
}

#[test]
fn nothing_is_signed_twice_the_same() {
    let vector = &vectors()[1];
    let call =
        Call { method: Method::GET, url: "http://127.0.0.1:1", action: "A", version: "V", query: &[], form: &[] };
    let date = Timestamp::UNIX_EPOCH;
    let [one, two] = ["1", "2"].map(|nonce| sign(&call, &vector.key(), date, nonce).expect("signed"));
    assert_eq!(one.uri(), "http://127.0.0.1:1/");
    assert_eq!(one.headers()["host"], "127.0.0.1:1");
    assert_eq!(one.headers()["x-acs-date"], "1970-01-01T00:00:00Z");
    assert_ne!(one.headers()["authorization"], two.headers()["authorization"]);
}

#[test]
fn a_key_that_is_no_header_value_is_an_error_that_does_not_show_it() {
    let whole = || Key { security_token: Some("t".to_owned()), ..vectors()[1].key() };
    let broken = "two\nlines".to_owned();
    let keys = [Key { security_token: Some(broken.clone()), ..whole() }, Key { access_key_id: broken, ..whole() }];
    for key in keys {
        let error = signed(&vectors()[1], &key).expect_err("not a header");
        assert!(!error.contains("two") && !error.contains("lines"), "{error}");
    }
    let call = Call { method: Method::POST, url: "nowhere", action: "", version: "", query: &[], form: &[] };
    assert!(sign(&call, &whole(), Timestamp::UNIX_EPOCH, "1").is_err());
}

#[test]
fn secrets_are_not_in_debug_output() {
    let key = Key { security_token: Some("teststoken".to_owned()), ..vectors()[1].key() };
    let text = format!("{key:?}");
    assert!(text.contains("testid") && !text.contains("testsecret") && !text.contains("teststoken"), "{text}");
}
