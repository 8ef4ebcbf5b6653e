//! The ledger in memory, with faults on demand: for tests and simulations.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::seam::{Store, StoreError};

/// What goes wrong with an append.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is written.
    Before,
    /// Everything is written, and the writer is told that it was not.
    After,
    /// Only so many bytes are written.
    Torn(usize),
}

/// One handle on shared bytes; [`MemoryStore::another`] is what another process would have.
#[derive(Debug, Default)]
pub struct MemoryStore {
    shared: Arc<Mutex<Shared>>,
    holds: bool,
}

#[derive(Debug, Default)]
struct Shared {
    bytes: Vec<u8>,
    held: bool,
    appends: u64,
    faults: BTreeMap<u64, Fault>,
    set_aside: Vec<Vec<u8>>,
}

impl MemoryStore {
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        let store = MemoryStore::default();
        store.shared().bytes = bytes.into();
        store
    }

    /// Another handle on the same bytes, without the lease.
    #[must_use]
    pub fn another(&self) -> Self {
        MemoryStore { shared: Arc::clone(&self.shared), holds: false }
    }

    /// Lets the `nth` append from now on (the next is 1) go wrong.
    pub fn fail(&self, nth: u64, fault: Fault) {
        let mut shared = self.shared();
        let number = shared.appends + nth;
        shared.faults.insert(number, fault);
    }

    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.shared().bytes.clone()
    }

    /// The tails that were cut off.
    #[must_use]
    pub fn tails(&self) -> Vec<Vec<u8>> {
        self.shared().set_aside.clone()
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for MemoryStore {
    fn drop(&mut self) {
        if self.holds {
            self.shared().held = false;
        }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn read(&mut self) -> Result<Vec<u8>, StoreError> {
        Ok(self.bytes())
    }

    async fn lock(&mut self) -> Result<(), StoreError> {
        if self.holds {
            return Ok(());
        }
        if std::mem::replace(&mut self.shared().held, true) {
            return Err(StoreError::Held("another handle".to_owned()));
        }
        self.holds = true;
        Ok(())
    }

    async fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        if !self.holds {
            return Err(StoreError::Unwritable("the lease was not taken".to_owned()));
        }
        let mut shared = self.shared();
        shared.appends += 1;
        let number = shared.appends;
        let fault = shared.faults.remove(&number);
        let written = match fault {
            None | Some(Fault::After) => bytes.len(),
            Some(Fault::Before) => 0,
            Some(Fault::Torn(length)) => length.min(bytes.len()),
        };
        shared.bytes.extend_from_slice(&bytes[..written]);
        fault.map_or(Ok(()), |fault| Err(StoreError::Unwritable(format!("a fault was asked for ({fault:?})"))))
    }

    async fn set_aside(&mut self, keep_length_bytes: u64) -> Result<(), StoreError> {
        let mut shared = self.shared();
        let keep = usize::try_from(keep_length_bytes).unwrap_or(usize::MAX).min(shared.bytes.len());
        let tail = shared.bytes.split_off(keep);
        shared.set_aside.push(tail);
        Ok(())
    }

    fn location(&self) -> String {
        "memory".to_owned()
    }
}
