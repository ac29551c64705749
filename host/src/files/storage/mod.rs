//! Where inputs lie: one seam below everything that reads events, spines and what else a run is given.
//!
//! A [`Storage`] lists the objects that a pattern names, tells cheaply whether an object is the one that it was, and opens it
//! to read any range from any thread. [`FileSystem`] is the one for files; what it promises is written down as a suite of
//! checks that any other must pass too, [`crate::testing::storage`].
//!
//! It knows nothing of formats, rows or projects. Outputs, spill files and onepath's own stores do not go through it.

mod error;
mod file_system;
mod identity;
mod listing;
mod pinned;
mod stopping;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

pub use self::error::{Change, StorageError, StorageFault};
pub use self::file_system::FileSystem;
pub use self::identity::{Identity, Version};
pub use self::listing::{Listing, ObjectPattern};
pub use self::pinned::{Pin, PinnedStorage};
pub use self::stopping::StoppingStorage;

/// A place that holds objects, each under a name that is a path.
///
/// Every error names its object and has a kind of its own: [`StorageFault`].
pub trait Storage: Send + Sync {
    /// The objects that `pattern` names, in the declared order: sorted by their names relative to `root`, or as they are where
    /// the pattern is absolute. A name without wildcards that is that of an object is taken as it is.
    fn list(&self, root: &Path, pattern: &ObjectPattern) -> Result<Listing, StorageError>;

    /// What says that the object of this name is the one that it was. Its content is not read.
    fn identity(&self, name: &Path) -> Result<Identity, StorageError>;

    /// Opens the object of this name for reading.
    fn open(&self, name: &Path) -> Result<Arc<dyn StoredObject>, StorageError>;
}

impl<S: Storage + ?Sized> Storage for Arc<S> {
    fn list(&self, root: &Path, pattern: &ObjectPattern) -> Result<Listing, StorageError> {
        (**self).list(root, pattern)
    }

    fn identity(&self, name: &Path) -> Result<Identity, StorageError> {
        (**self).identity(name)
    }

    fn open(&self, name: &Path) -> Result<Arc<dyn StoredObject>, StorageError> {
        (**self).open(name)
    }
}

/// An object that is being read, from any number of threads.
pub trait StoredObject: Send + Sync {
    /// Its identity when it was opened: its length then is what is read, no more and no less.
    fn identity(&self) -> &Identity;

    /// The identity that the object of its name has now.
    fn current_identity(&self) -> Result<Identity, StorageError>;

    /// Reads some of the bytes from `offset` on into `buffer`, and says how many: at least one, unless the buffer is empty or
    /// the object ends at or before `offset`.
    ///
    /// An object that changes meanwhile may give bytes of before and after: whoever reads compares
    /// [`identity`](Self::identity) and [`current_identity`](Self::current_identity) before the bytes count.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, StorageError>;

    /// All bytes of a range within its length; fewer only where the object ends earlier than it did when it was opened.
    fn read_range(&self, range: Range<u64>) -> Result<Bytes, StorageError> {
        let mut bytes = vec![0; usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX)];
        let mut filled = 0;
        while filled < bytes.len() {
            match self.read_at(range.start + filled as u64, &mut bytes[filled..])? {
                0 => break,
                read => filled += read,
            }
        }
        bytes.truncate(filled);
        Ok(Bytes::from(bytes))
    }
}
