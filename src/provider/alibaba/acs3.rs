//! Signature Version 3 of Alibaba Cloud's gateway: ACS3-HMAC-SHA256. Pure.
//!
//! The steps are those of "Request syntax and signature method V3" (the OpenAPI documentation); what the official SDKs
//! leave open (which headers are signed, how a space is written in a body) is said at the place.

use std::fmt;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, header};
use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};

const ALGORITHM: &str = "ACS3-HMAC-SHA256";
pub(super) const FORM: &str = "application/x-www-form-urlencoded";
/// RFC 3986: everything but letters, digits and `-_.~` is escaped.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// An access key, with a token when it is a temporary one.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) access_key_id: String,
    pub(super) access_key_secret: String,
    pub(super) security_token: Option<String>,
}

// Written by hand, so that a secret cannot slip into a log.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("access_key_id", &self.access_key_id).finish_non_exhaustive()
    }
}

/// One call before it is signed.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) method: Method,
    /// Scheme, host and port, without a slash at its end.
    pub(super) url: &'a str,
    pub(super) action: &'a str,
    /// The API's version: `2021-09-01`.
    pub(super) version: &'a str,
    pub(super) query: &'a [(String, String)],
    /// Parameters of the body; without any there is no body.
    pub(super) form: &'a [(String, String)],
}

/// The call as a request that can be sent. A repetition is signed anew with another nonce: the gateway refuses one
/// that it has seen (`SignatureNonceUsed`).
///
/// The text of an error names no part of the key.
pub(super) fn sign(call: &Call<'_>, key: &Key, date: Timestamp, nonce: &str) -> Result<Request<Bytes>, String> {
    let query = canonical_query(call.query);
    let body = form(call.form);
    let hash = hex::encode(Sha256::digest(&body));
    let mut request = Request::builder()
        .method(call.method.clone())
        .uri(match query.as_str() {
            "" => format!("{}/", call.url),
            query => format!("{}/?{query}", call.url),
        })
        .body(Bytes::from(body))
        .map_err(|error| format!("{} is not a URL: {error}", call.url))?;

    let host = request.uri().authority().map(|a| a.as_str().to_owned()).ok_or("the endpoint has no host")?;
    let date = date.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut headers = vec![
        ("host", host.as_str()),
        ("x-acs-action", call.action),
        ("x-acs-content-sha256", &hash),
        ("x-acs-date", &date),
        ("x-acs-signature-nonce", nonce),
        ("x-acs-version", call.version),
    ];
    if !request.body().is_empty() {
        headers.push(("content-type", FORM));
    }
    if let Some(token) = &key.security_token {
        headers.extend([("x-acs-accesskey-id", key.access_key_id.as_str()), ("x-acs-security-token", token)]);
    }
    headers.sort_unstable();

    let canonical = canonical(&call.method, request.uri().path(), &query, &headers, &hash);
    let authorization = authorization(key, &headers, &canonical)?;
    // `accept` and `user-agent` are not signed: the Node SDK leaves them out as well, and a proxy may rewrite them.
    headers.extend([("accept", "application/json"), ("authorization", &authorization)]);
    let agent = HeaderValue::from_static(concat!("tenure/", env!("CARGO_PKG_VERSION")));
    request.headers_mut().insert(header::USER_AGENT, agent);
    for (name, value) in headers {
        insert(request.headers_mut(), name, value)?;
    }
    Ok(request)
}

/// The canonical request: method, path, query, headers, their names and the body's hash, a line each.
fn canonical(method: &Method, path: &str, query: &str, headers: &[(&str, &str)], hash: &str) -> String {
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    format!("{method}\n{path}\n{query}\n{lines}\n{}\n{hash}", names(headers))
}

fn authorization(key: &Key, headers: &[(&str, &str)], canonical: &str) -> Result<String, String> {
    let text = format!("{ALGORITHM}\n{}", hex::encode(Sha256::digest(canonical)));
    let mut mac = Hmac::<Sha256>::new_from_slice(key.access_key_secret.as_bytes())
        .map_err(|_| "the access key secret cannot be used as a key")?;
    mac.update(text.as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    let (id, names) = (&key.access_key_id, names(headers));
    Ok(format!("{ALGORITHM} Credential={id},SignedHeaders={names},Signature={signature}"))
}

fn names(headers: &[(&str, &str)]) -> String {
    headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";")
}

/// Sorted by the bytes of the names. The same text is signed and sent, so that no server can read the two differently.
pub(super) fn canonical_query(pairs: &[(String, String)]) -> String {
    let mut pairs: Vec<_> = pairs.iter().collect();
    pairs.sort();
    let encode = |text| utf8_percent_encode(text, RESERVED);
    pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect::<Vec<_>>().join("&")
}

/// As the Python SDK writes a body, with `+` for a space; the Node SDK writes `%20`. The signature is over its bytes.
pub(super) fn form(pairs: &[(String, String)]) -> String {
    let encode = |text| utf8_percent_encode(text, RESERVED).to_string().replace("%20", "+");
    pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect::<Vec<_>>().join("&")
}

/// Keys come from files that people edit, so a value need not be fit for a header.
fn insert(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), String> {
    let unfit = || format!("`{name}` would hold characters that a header cannot");
    let mut value = HeaderValue::from_str(value).map_err(|_| unfit())?;
    value.set_sensitive(matches!(name, "authorization" | "x-acs-security-token"));
    headers.insert(HeaderName::from_bytes(name.as_bytes()).map_err(|_| unfit())?, value);
    Ok(())
}

#[cfg(test)]
#[path = "tests/acs3.rs"]
mod tests;
