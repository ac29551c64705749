//! One state of every object for a whole run, which may open each of them several times.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Change, Identity, Listing, ObjectPattern, Storage, StorageError, StoredObject};

/// A storage that, while it is pinned, gives of each object the state that it gave first, or an error.
pub struct PinnedStorage {
    inner: Arc<dyn Storage>,
    /// What was seen since it was pinned; `None` while it is not.
    seen: Mutex<Option<HashMap<PathBuf, Identity>>>,
}

/// Keeps a storage pinned, until it is dropped.
pub struct Pin(Arc<PinnedStorage>);

impl PinnedStorage {
    /// The objects of `inner`, not pinned yet.
    pub fn new(inner: Arc<dyn Storage>) -> Arc<Self> {
        Arc::new(Self { inner, seen: Mutex::new(None) })
    }

    /// Pins every object to the state in which it is met next.
    pub fn pin(self: &Arc<Self>) -> Pin {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(HashMap::new());
        Pin(Arc::clone(self))
    }

    fn check(&self, name: &Path, found: &Identity) -> Result<(), StorageError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(seen) = seen.as_mut() else { return Ok(()) };
        match seen.get(name).map(|first| Change::between(first, found)) {
            None => {
                seen.insert(name.to_owned(), found.clone());
                Ok(())
            }
            Some(None) => Ok(()),
            Some(Some(change)) => Err(StorageError::changed(name, change)),
        }
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        *self.0.seen.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Storage for PinnedStorage {
    fn list(&self, root: &Path, pattern: &ObjectPattern) -> Result<Listing, StorageError> {
        self.inner.list(root, pattern)
    }

    fn identity(&self, name: &Path) -> Result<Identity, StorageError> {
        let identity = self.inner.identity(name)?;
        self.check(name, &identity)?;
        Ok(identity)
    }

    fn open(&self, name: &Path) -> Result<Arc<dyn StoredObject>, StorageError> {
        let object = self.inner.open(name)?;
        self.check(name, object.identity())?;
        Ok(object)
    }
}
