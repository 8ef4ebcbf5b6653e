//! The doors to the outside: one HTTP request ([`Transport`]), time ([`Clock`]), the ledger's bytes ([`Store`]) and facts
//! that are worth keeping ([`Cache`]).
//!
//! Signing, paging, parsing and error mapping sit above these traits, so they are always the real code: over reqwest in
//! production, over the sandbox's world in this process, over a faulty wrapper in a simulation.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

/// Why a request has no answer. The one question after a failed write is whether it can have happened.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TransportError {
    /// The request never left this machine or was never accepted: it cannot have happened.
    #[error("{0}")]
    NotSent(String),
    /// The request may have arrived; its reply did not.
    #[error("{0}")]
    Lost(String),
}

/// Sends one HTTP request. The URI is absolute; redirects are not followed.
#[async_trait]
pub trait Transport: Send + Sync {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, TransportError>;
}

/// Time. In a sandbox it is the world's own time, and sleeping moves it forward without waiting.
#[async_trait]
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
    async fn sleep(&self, duration: Duration);
    /// A number that no other call in this or another run has returned (run ids, jitter).
    fn nonce(&self) -> u64;
}

/// Why the ledger's bytes could not be read or written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    #[error("{0}")]
    Unreadable(String),
    #[error("{0}")]
    Unwritable(String),
    /// Another run holds the ledger; the text says who, as far as it is known.
    #[error("{0}")]
    Held(String),
}

/// The bytes of one ledger: an append-only sequence of lines with one writer at a time.
#[async_trait]
pub trait Store: Send {
    /// Everything that has been appended so far.
    async fn read(&mut self) -> Result<Vec<u8>, StoreError>;
    /// Takes the lease without waiting; held until the store is dropped.
    async fn lock(&mut self) -> Result<(), StoreError>;
    /// Appends durably: when this returns, the bytes survive a crash of the machine.
    async fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError>;
    /// Cuts an unterminated last line off, keeping a copy of it beside the ledger.
    async fn set_aside(&mut self, keep_length_bytes: u64) -> Result<(), StoreError>;
    /// Where it is, for messages.
    fn location(&self) -> String;
}

/// Facts that stay true once they are known, kept from one run to the next. Losing them costs calls and nothing else, so
/// nothing here fails: what cannot be read is not known, and what cannot be written is asked for again.
pub trait Cache: Send + Sync {
    fn read(&self, name: &str) -> Option<Vec<u8>>;
    fn write(&self, name: &str, bytes: &[u8]);
}

/// Keeps nothing.
pub struct NoCache;

impl Cache for NoCache {
    fn read(&self, _: &str) -> Option<Vec<u8>> {
        None
    }

    fn write(&self, _: &str, _: &[u8]) {}
}
