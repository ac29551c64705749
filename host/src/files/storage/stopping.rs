//! A storage that gives nothing more once a run was told to stop.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Identity, Listing, ObjectPattern, Storage, StorageError, StoredObject};

/// The objects of a storage, until a flag is set: from then on every call is an error, so that whatever reads them ends, be it in
/// the middle of a file.
pub struct StoppingStorage {
    inner: Arc<dyn Storage>,
    stop: Arc<AtomicBool>,
}

/// An object of it.
struct StoppingObject {
    inner: Arc<dyn StoredObject>,
    stop: Arc<AtomicBool>,
}

impl StoppingStorage {
    /// The objects of `inner` until `stop` is set.
    pub fn new(inner: Arc<dyn Storage>, stop: Arc<AtomicBool>) -> Self {
        Self { inner, stop }
    }
}

fn check(stop: &AtomicBool, object: &Path) -> Result<(), StorageError> {
    let stopped = || io::Error::new(io::ErrorKind::Interrupted, "the run was told to stop");
    if stop.load(Ordering::Relaxed) { Err(StorageError::of_io(object, stopped())) } else { Ok(()) }
}

impl Storage for StoppingStorage {
    fn list(&self, root: &Path, pattern: &ObjectPattern) -> Result<Listing, StorageError> {
        check(&self.stop, root)?;
        self.inner.list(root, pattern)
    }

    fn identity(&self, name: &Path) -> Result<Identity, StorageError> {
        check(&self.stop, name)?;
        self.inner.identity(name)
    }

    fn open(&self, name: &Path) -> Result<Arc<dyn StoredObject>, StorageError> {
        check(&self.stop, name)?;
        Ok(Arc::new(StoppingObject { inner: self.inner.open(name)?, stop: Arc::clone(&self.stop) }))
    }
}

impl StoredObject for StoppingObject {
    fn identity(&self) -> &Identity {
        self.inner.identity()
    }

    fn current_identity(&self) -> Result<Identity, StorageError> {
        self.inner.current_identity()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, StorageError> {
        check(&self.stop, Path::new(&self.inner.identity().object))?;
        self.inner.read_at(offset, buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{FileSystem, sha256_file};

    #[test]
    fn nothing_is_read_once_it_was_told_to_stop() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("events.csv");
        std::fs::write(&path, "a,b").expect("writes");
        let stop = Arc::new(AtomicBool::new(false));
        let storage = StoppingStorage::new(Arc::new(FileSystem), Arc::clone(&stop));
        let digest = sha256_file(&storage, &path).expect("reads");
        assert_eq!(digest, sha256_file(&FileSystem, &path).expect("reads"));
        let object = storage.open(&path).expect("opens");
        stop.store(true, Ordering::Relaxed);
        assert!(object.read_at(0, &mut [0; 2]).is_err() && storage.open(&path).is_err());
        assert!(sha256_file(&storage, &path).expect_err("stopped").to_string().contains("events.csv"));
    }
}
