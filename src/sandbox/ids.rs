//! Identifiers and chance, both pure functions of the seed's number.
//!
//! Seeded objects take their ids from their keys, so adding an unrelated entry to a seed changes no other id. Objects
//! that come later take theirs from the world's counter, which is kept with every write.

use sha2::{Digest, Sha256};

const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

fn digest(seed: u64, kind: &str, key: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(seed.to_be_bytes());
    hash.update(kind.as_bytes());
    hash.update([0]);
    hash.update(key.as_bytes());
    hash.finalize().into()
}

/// `PREFIX-` and thirteen characters, the shape that the service uses for nearly all of its ids.
pub fn id(seed: u64, prefix: &str, key: &str) -> String {
    let bytes = digest(seed, prefix, key);
    let tail: String = bytes.iter().take(13).map(|b| char::from(ALPHABET[usize::from(*b) % 36])).collect();
    format!("{prefix}-{tail}")
}

/// A UUID-shaped string.
pub fn uuid(seed: u64, key: &str) -> String {
    let text = hex::encode(&digest(seed, "uuid", key)[..16]);
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}

/// Upper-case characters as in the unique ids of principals and access keys.
pub fn upper(seed: u64, prefix: &str, key: &str) -> String {
    let bytes = digest(seed, prefix, key);
    let tail: String = bytes.iter().take(16).map(|b| char::from(ALPHABET[usize::from(*b) % 36])).collect();
    format!("{prefix}{}", tail.to_uppercase())
}

/// A number that depends on nothing but its arguments.
pub fn number(seed: u64, kind: &str, key: &str) -> u64 {
    let bytes = digest(seed, kind, key);
    u64::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]])
}

/// Lower-case hexadecimal SHA-256.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}
