//! One state of every object for a whole run, which may open each of them several times.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Change, Identity, Listing, ObjectPattern, Storage, StorageError, StoredObject};

/// A storage that, while it is pinned, gives of each object the state that it gave first, or an error; and of each pattern the
/// objects that it named first.
pub struct PinnedStorage {
    inner: Arc<dyn Storage>,
    /// What was seen since it was pinned; `None` while it is not.
    seen: Mutex<Option<Seen>>,
}

/// What a run saw first.
#[derive(Default)]
struct Seen {
    /// Pins that are held: runs at the same time share what they see.
    pins: usize,
    objects: HashMap<PathBuf, Identity>,
    /// By root and pattern.
    listings: HashMap<(PathBuf, String), Listing>,
}

/// Keeps a storage pinned, until it is dropped.
pub struct Pin(Arc<PinnedStorage>);

impl PinnedStorage {
    /// The objects of `inner`, not pinned yet.
    pub fn new(inner: Arc<dyn Storage>) -> Arc<Self> {
        Arc::new(Self { inner, seen: Mutex::new(None) })
    }

    /// Pins every object and every listing to the state in which it is met next; where it is pinned already, to that in which it
    /// was met since.
    pub fn pin(self: &Arc<Self>) -> Pin {
        self.seen().get_or_insert_default().pins += 1;
        Pin(Arc::clone(self))
    }

    fn seen(&self) -> MutexGuard<'_, Option<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self, name: &Path, found: &Identity) -> Result<(), StorageError> {
        let mut seen = self.seen();
        let Some(seen) = seen.as_mut() else { return Ok(()) };
        match seen.objects.get(name).map(|first| Change::between(first, found)) {
            None => {
                seen.objects.insert(name.to_owned(), found.clone());
                Ok(())
            }
            Some(None) => Ok(()),
            Some(Some(change)) => Err(StorageError::changed(name, change)),
        }
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut seen = self.0.seen();
        if let Some(pinned) = seen.as_mut() {
            pinned.pins -= 1;
            if pinned.pins == 0 {
                *seen = None;
            }
        }
    }
}

impl Storage for PinnedStorage {
    fn list(&self, root: &Path, pattern: &ObjectPattern) -> Result<Listing, StorageError> {
        let key = (root.to_owned(), pattern.text().to_owned());
        let known = |seen: &Seen| seen.listings.get(&key).cloned();
        if let Some(listing) = self.seen().as_ref().and_then(known) {
            return Ok(listing);
        }
        let listing = self.inner.list(root, pattern)?;
        if let Some(seen) = self.seen().as_mut() {
            seen.listings.insert(key, listing.clone());
        }
        Ok(listing)
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
