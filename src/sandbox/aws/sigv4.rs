//! Verification of Signature Version 4, written from its description.
//!
//! Nothing of the signing library that clients use is used here, so that a mistake cannot be right on both sides.

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};

use crate::sandbox::codec::{encode, hmac, same};
use crate::sandbox::world::model::Millis;

/// How far the clocks of client and service may be apart.
const SKEW: Millis = 5 * 60 * 1000;
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What the Authorization header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    pub access_key_id: String,
    pub date: String,
    pub region: String,
    pub service: String,
    signed_headers: Vec<String>,
    signature: String,
}

/// Why a request is not believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    Missing,
    Incomplete(String),
    Expired(String),
    Wrong,
}

/// Reads the Authorization header.
pub fn authorization(request: &Request<Bytes>) -> Result<Authorization, Refusal> {
    let header = request.headers().get(http::header::AUTHORIZATION).ok_or(Refusal::Missing)?;
    let incomplete = |what: &str| Refusal::Incomplete(format!("Authorization header requires {what}."));
    let text = header.to_str().map_err(|_| incomplete("ASCII text"))?;
    let rest = text.strip_prefix(ALGORITHM).ok_or_else(|| incomplete(&format!("the algorithm {ALGORITHM}")))?;
    let mut fields = std::collections::BTreeMap::new();
    for part in rest.split(',') {
        if let Some((key, value)) = part.trim().split_once('=') {
            fields.insert(key, value);
        }
    }
    let field = |name: &str| fields.get(name).copied().ok_or_else(|| incomplete(&format!("'{name}' parameter")));
    let scope: Vec<&str> = field("Credential")?.split('/').collect();
    let [access_key_id, date, region, service, "aws4_request"] = scope.as_slice() else {
        return Err(incomplete("a credential scope of KEY/DATE/REGION/SERVICE/aws4_request"));
    };
    Ok(Authorization {
        access_key_id: (*access_key_id).to_owned(),
        date: (*date).to_owned(),
        region: (*region).to_owned(),
        service: (*service).to_owned(),
        signed_headers: field("SignedHeaders")?.split(';').map(str::to_owned).collect(),
        signature: field("Signature")?.to_owned(),
    })
}

/// Checks the signature of a request against a secret and the clocks that it may have been signed by.
pub fn verify(
    request: &Request<Bytes>,
    authorization: &Authorization,
    secret: &str,
    clocks: &[Millis],
) -> Result<(), Refusal> {
    let time = header(request, "x-amz-date").ok_or_else(|| Refusal::Incomplete("X-Amz-Date is required.".into()))?;
    let signed_at = parse_time(&time).ok_or_else(|| Refusal::Incomplete("X-Amz-Date is not a time.".into()))?;
    if !time.starts_with(&authorization.date) || authorization.date.len() != 8 {
        return Err(Refusal::Incomplete("Date in Credential scope does not match X-Amz-Date.".into()));
    }
    for required in ["host", "x-amz-date"] {
        if !authorization.signed_headers.iter().any(|h| h == required) {
            return Err(Refusal::Incomplete(format!("'{required}' must be a 'SignedHeader'.")));
        }
    }
    // What the service reads must be signed: else anybody could change it on the way.
    let unsigned = request.headers().keys().map(http::HeaderName::as_str).find(|name| {
        matches!(*name, "x-amz-target" | "x-amz-security-token")
            && !authorization.signed_headers.iter().any(|h| h == name)
    });
    if let Some(name) = unsigned {
        return Err(Refusal::Incomplete(format!("'{name}' must be a 'SignedHeader'.")));
    }
    let expected = signature(request, authorization, secret, &time)?;
    if !same(expected.as_bytes(), authorization.signature.as_bytes()) {
        return Err(Refusal::Wrong);
    }
    if clocks.iter().all(|now| (now - signed_at).abs() > SKEW) {
        return Err(Refusal::Expired(format!("Signature expired or not yet valid: {time} is more than 5 min. off")));
    }
    Ok(())
}

fn signature(
    request: &Request<Bytes>,
    authorization: &Authorization,
    secret: &str,
    time: &str,
) -> Result<String, Refusal> {
    let Authorization { date, region, service, signed_headers, .. } = authorization;
    let mut headers = String::new();
    for name in signed_headers {
        let value = header(request, name)
            .ok_or_else(|| Refusal::Incomplete(format!("the signed header '{name}' is not in the request.")))?;
        headers.push_str(&format!("{name}:{value}\n"));
    }
    let canonical = format!(
        "{}\n{}\n{}\n{headers}\n{}\n{}",
        request.method(),
        canonical_path(request.uri().path()),
        canonical_query(request.uri().query().unwrap_or_default()),
        signed_headers.join(";"),
        hex::encode(Sha256::digest(request.body())),
    );
    let scope = format!("{date}/{region}/{service}/aws4_request");
    let to_sign = format!("{ALGORITHM}\n{time}\n{scope}\n{}", hex::encode(Sha256::digest(canonical.as_bytes())));
    let mut key = hmac(format!("AWS4{secret}").as_bytes(), date.as_bytes());
    for part in [region.as_str(), service.as_str(), "aws4_request"] {
        key = hmac(&key, part.as_bytes());
    }
    Ok(hex::encode(hmac(&key, to_sign.as_bytes())))
}

/// All values of a header, trimmed, inner runs of blanks made one.
fn header(request: &Request<Bytes>, name: &str) -> Option<String> {
    let mut values = Vec::new();
    for value in request.headers().get_all(name) {
        let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
        values.push(text.split_whitespace().collect::<Vec<_>>().join(" "));
    }
    if values.is_empty() && name == "host" {
        // A client in this process may leave to the connection what it takes from the address.
        return request.uri().authority().map(ToString::to_string);
    }
    (!values.is_empty()).then(|| values.join(","))
}

fn canonical_path(path: &str) -> String {
    let path = if path.is_empty() { "/" } else { path };
    path.split('/').map(encode).collect::<Vec<_>>().join("/")
}

fn canonical_query(query: &str) -> String {
    let encode = |text: &str| encode(&percent_decode_str(text).decode_utf8_lossy());
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (encode(key), encode(value)))
        .collect();
    pairs.sort();
    pairs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("&")
}

/// `20260105T090000Z`.
fn parse_time(text: &str) -> Option<Millis> {
    let bytes = text.as_bytes();
    if bytes.len() != 16 || bytes[8] != b'T' || bytes[15] != b'Z' || !text.is_ascii() {
        return None;
    }
    let (d, t) = (&text[..8], &text[9..15]);
    let iso = format!("{}-{}-{}T{}:{}:{}Z", &d[..4], &d[4..6], &d[6..], &t[..2], &t[2..4], &t[4..]);
    iso.parse::<Timestamp>().ok().map(|t| t.as_millisecond())
}

/// Signs a request, for tests that need one. Whether the signature is right is for the documented example to say.
#[cfg(test)]
pub fn sign(request: &mut Request<Bytes>, key: &str, secret: &str, service: &str, time: &str) {
    let mut signed_headers: Vec<String> = request.headers().keys().map(|name| name.as_str().to_owned()).collect();
    signed_headers.sort();
    let mut authorization = Authorization {
        access_key_id: key.to_owned(),
        date: time[..8].to_owned(),
        region: "eu-west-1".to_owned(),
        service: service.to_owned(),
        signed_headers,
        signature: String::new(),
    };
    authorization.signature = signature(request, &authorization, secret, time).expect("signable");
    let value = format!(
        "{ALGORITHM} Credential={key}/{}/eu-west-1/{service}/aws4_request, SignedHeaders={}, Signature={}",
        authorization.date,
        authorization.signed_headers.join(";"),
        authorization.signature,
    );
    request.headers_mut().insert("authorization", value.parse().expect("a header"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_agrees_with_rfc_4231() {
        let mac = hmac(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(hex::encode(mac), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        let mac = hmac(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First");
        assert_eq!(hex::encode(mac), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    }

    /// The example of the Signature Version 4 documentation (IAM ListUsers).
    #[test]
    fn signature_agrees_with_the_documented_example() {
        let request = Request::get("https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08")
            .header("content-type", "application/x-www-form-urlencoded; charset=utf-8")
            .header("host", "iam.amazonaws.com")
            .header("x-amz-date", "20150830T123600Z")
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
                 SignedHeaders=content-type;host;x-amz-date, \
                 Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
            )
            .body(Bytes::new())
            .expect("a request");
        let authorization = authorization(&request).expect("a header");
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let now = parse_time("20150830T123600Z").expect("a time");
        assert_eq!(verify(&request, &authorization, secret, &[now]), Ok(()));
        assert_eq!(verify(&request, &authorization, "another", &[now]), Err(Refusal::Wrong));
        let late = verify(&request, &authorization, secret, &[now + SKEW + 1]);
        assert!(matches!(late, Err(Refusal::Expired(_))));
        assert_eq!(verify(&request, &authorization, secret, &[now + SKEW + 1, now - SKEW]), Ok(()));
    }

    #[test]
    fn nonsense_is_refused_and_does_not_panic() {
        for header in [
            "",
            "AWS4-HMAC-SHA256",
            "AWS4-HMAC-SHA256 Credential=a/b",
            "Bearer x",
            "AWS4-HMAC-SHA256 Credential=////",
            "AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request,SignedHeaders=,Signature=",
        ] {
            let request = Request::post("/").header("authorization", header).body(Bytes::new()).expect("a request");
            if let Ok(authorization) = authorization(&request) {
                assert!(verify(&request, &authorization, "s", &[0]).is_err());
            }
        }
        assert_eq!(parse_time("2026010ä5T090000Z"), None);
    }
}
