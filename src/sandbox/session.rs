//! Temporary credentials, of either cloud.
//!
//! They are kept nowhere: everything is in the session token, under a keyed digest, so that asking for them is a read.

use super::codec::{hmac, same};
use super::ids;
use super::world::World;
use super::world::model::{Cloud, Millis, Principal};

/// Temporary credentials.
pub struct Session<'a> {
    pub principal: &'a Principal,
    pub name: String,
    pub expires: Millis,
    pub access_key_id: String,
    pub secret_access_key: String,
    pub token: String,
}

impl<'a> Session<'a> {
    pub fn issue(world: &World, principal: &'a Principal, name: &str, expires: Millis) -> Session<'a> {
        let content = format!("{}\n{name}\n{expires}", principal.name);
        let mac = hex::encode(token_key(world, &content));
        let prefix = match Cloud::of_account(&principal.account) {
            Cloud::Aws => "ASIA",
            Cloud::Alibaba => "STS.",
        };
        Session {
            principal,
            name: name.to_owned(),
            expires,
            access_key_id: ids::upper(world.catalog().seed, prefix, &mac),
            secret_access_key: ids::sha256_hex(format!("secret {mac}").as_bytes())[..40].to_owned(),
            token: format!("{}.{mac}", hex::encode(content)),
        }
    }
}

fn token_key(world: &World, content: &str) -> [u8; 32] {
    hmac(format!("session token {}", world.catalog().seed).as_bytes(), content.as_bytes())
}

/// The session that a token was issued for, if this world has issued it.
pub fn redeem<'a>(world: &'a World, token: &str) -> Option<Session<'a>> {
    let (content, mac) = token.split_once('.')?;
    let content = String::from_utf8(hex::decode(content).ok()?).ok()?;
    let expected = hex::encode(token_key(world, &content));
    if !same(expected.as_bytes(), mac.as_bytes()) {
        return None;
    }
    let mut lines = content.split('\n');
    let (principal, name, expires) = (lines.next()?, lines.next()?, lines.next()?);
    let principal = world.catalog().principals.get(principal)?;
    Some(Session::issue(world, principal, name, expires.parse().ok()?))
}
