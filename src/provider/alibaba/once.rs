//! Asks for each thing once, however many want it at the same time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

pub(super) struct Once<K, V>(Mutex<BTreeMap<K, Arc<OnceCell<V>>>>);

impl<K, V> Default for Once<K, V> {
    fn default() -> Self {
        Once(Mutex::default())
    }
}

impl<K: Ord, V: Clone> Once<K, V> {
    /// The value of a key; whoever comes first makes it, and an error is everybody's own.
    pub(super) async fn get<E, F: Future<Output = Result<V, E>>>(
        &self,
        key: K,
        make: impl FnOnce() -> F,
    ) -> Result<V, E> {
        let cell = Arc::clone(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default());
        cell.get_or_try_init(make).await.cloned()
    }
}
