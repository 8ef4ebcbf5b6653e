//! Encodings and keyed digests that more than one dialect has.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};
use sha1::Sha1;
use sha2::Sha256;

/// Everything but the unreserved characters of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Percent-encodes everything that RFC 3986 does not leave alone.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// Decodes `application/x-www-form-urlencoded`.
pub fn form(body: &[u8]) -> Vec<(String, String)> {
    let decode = |part: &[u8]| {
        let spaced: Vec<u8> = part.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
        percent_decode(&spaced).decode_utf8_lossy().into_owned()
    };
    body.split(|b| *b == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let split = pair.iter().position(|b| *b == b'=').unwrap_or(pair.len());
            (decode(&pair[..split]), decode(pair.get(split + 1..).unwrap_or_default()))
        })
        .collect()
}

/// HMAC with SHA-256.
pub fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    mac::<Hmac<Sha256>>(key, message).finalize().into_bytes().into()
}

/// HMAC with SHA-1.
pub fn hmac_sha1(key: &[u8], message: &[u8]) -> [u8; 20] {
    mac::<Hmac<Sha1>>(key, message).finalize().into_bytes().into()
}

fn mac<M: Mac + KeyInit>(key: &[u8], message: &[u8]) -> M {
    // HMAC takes keys of any length.
    <M as KeyInit>::new_from_slice(key).expect("a key of any length").chain_update(message)
}

/// Compares in a time that does not depend on how much is equal.
pub fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |acc, (a, b)| acc | (a ^ b)) == 0
}

pub fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}
