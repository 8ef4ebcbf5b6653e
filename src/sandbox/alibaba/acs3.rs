//! Verification of ACS3-HMAC-SHA256 signatures, written from their description ("Request syntax and signature method V3").
//!
//! Nothing of a client's signer is used here, so that a mistake cannot be right on both sides.

use bytes::Bytes;
use http::Request;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::sandbox::codec::{encode, form, hmac, same};
use crate::sandbox::world::model::{Answer, Millis, ServiceError};

pub const ALGORITHM: &str = "ACS3-HMAC-SHA256";

/// What the Authorization header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    pub access_key_id: String,
    signed_headers: Vec<String>,
    signature: String,
}

fn incomplete(what: &str) -> ServiceError {
    ServiceError::new(
        "IncompleteSignature",
        format!("The request signature does not conform to Aliyun standards: {what}."),
    )
}

pub fn mismatch() -> ServiceError {
    let message = "Specified signature is not matched with our calculation. Please check the access key secret and the signature method.";
    ServiceError::new("SignatureDoesNotMatch", message)
}

/// Reads the Authorization header.
pub fn authorization(request: &Request<Bytes>) -> Answer<Authorization> {
    let value = request.headers().get(http::header::AUTHORIZATION);
    let value =
        value.ok_or_else(|| ServiceError::new("MissingAuthorization", "The Authorization header is required."))?;
    let text = value.to_str().map_err(|_| incomplete("it is not ASCII"))?;
    let rest = text.strip_prefix(ALGORITHM).ok_or_else(|| incomplete("the algorithm is unknown"))?;
    let field = |name: &str| {
        let fields = rest.split(',').filter_map(|part| part.trim().split_once('='));
        fields.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    };
    let need =
        |name: &str| field(name).filter(|v| !v.is_empty()).ok_or_else(|| incomplete(&format!("{name} is missing")));
    Ok(Authorization {
        access_key_id: need("Credential")?,
        signed_headers: need("SignedHeaders")?.split(';').map(str::to_owned).collect(),
        signature: need("Signature")?,
    })
}

/// Checks the signature of a request against a secret.
pub fn verify(request: &Request<Bytes>, authorization: &Authorization, secret: &str) -> Answer<()> {
    let signed = |name: &str| authorization.signed_headers.iter().any(|h| h == name);
    // Every common header that is sent must be signed: else anybody could change it on the way.
    let common = |name: &&str| *name == "content-type" || name.starts_with("x-acs-");
    let unsigned = request.headers().keys().map(http::HeaderName::as_str).filter(common).find(|name| !signed(name));
    if let Some(name) = unsigned.or((!signed("host")).then_some("host")) {
        return Err(incomplete(&format!("the header {name} is not signed")));
    }
    let hash = hex::encode(Sha256::digest(request.body()));
    match header(request, "x-acs-content-sha256") {
        None => return Err(ServiceError::new("MissingContentSha256", "The header x-acs-content-sha256 is required.")),
        Some(told) if told != hash => return Err(mismatch()),
        Some(_) => {}
    }
    let to_sign = format!("{ALGORITHM}\n{}", hex::encode(Sha256::digest(canonical(request, authorization, &hash)?)));
    let expected = hex::encode(hmac(secret.as_bytes(), to_sign.as_bytes()));
    if same(expected.as_bytes(), authorization.signature.as_bytes()) { Ok(()) } else { Err(mismatch()) }
}

fn canonical(request: &Request<Bytes>, authorization: &Authorization, hash: &str) -> Answer<String> {
    let mut headers = String::new();
    for name in &authorization.signed_headers {
        let value = header(request, name).ok_or_else(|| incomplete(&format!("the signed header {name} is missing")))?;
        headers.push_str(&format!("{name}:{value}\n"));
    }
    Ok(format!(
        "{}\n{}\n{}\n{headers}\n{}\n{hash}",
        request.method(),
        if request.uri().path().is_empty() { "/" } else { request.uri().path() },
        canonical_query(form(request.uri().query().unwrap_or_default().as_bytes())),
        authorization.signed_headers.join(";"),
    ))
}

/// Sorted pairs, encoded anew: the request line may write a blank as `+`, the signed text has `%20`.
pub fn canonical_query(mut pairs: Vec<(String, String)>) -> String {
    pairs.sort();
    pairs.iter().map(|(key, value)| format!("{}={}", encode(key), encode(value))).collect::<Vec<_>>().join("&")
}

/// All values of a header, trimmed, sorted and joined by commas.
pub fn header(request: &Request<Bytes>, name: &str) -> Option<String> {
    let values = request.headers().get_all(name).iter();
    let mut values: Vec<String> = values.map(|v| String::from_utf8_lossy(v.as_bytes()).trim().to_owned()).collect();
    if values.is_empty() && name == "host" {
        // A client in this process may leave to the connection what it takes from the address.
        return request.uri().authority().map(ToString::to_string);
    }
    values.sort();
    (!values.is_empty()).then(|| values.join(","))
}

/// `2026-01-05T09:00:00Z`, the form of x-acs-date and of the older Timestamp.
pub fn parse_time(text: &str) -> Option<Millis> {
    (text.len() == 20 && text.ends_with('Z'))
        .then(|| text.parse::<Timestamp>().ok())
        .flatten()
        .map(|t| t.as_millisecond())
}
