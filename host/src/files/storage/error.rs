//! What can go wrong with a storage.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::Identity;

/// An object that cannot be listed, opened or read, and why.
#[derive(Debug)]
pub struct StorageError {
    /// The name of the object, or of the folder that cannot be listed.
    pub object: PathBuf,
    /// Why.
    pub fault: StorageFault,
}

/// Why an object cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum StorageFault {
    /// There is no such object.
    #[error("cannot be opened")]
    Missing(#[source] io::Error),
    /// It may not be read.
    #[error("cannot be opened")]
    Denied(#[source] io::Error),
    /// It is not the object that it was when the run began to read it.
    #[error("changed while it was read: {0}; run again when nothing writes to it")]
    Changed(Change),
    /// The storage failed.
    #[error("cannot be read{}", if *retryable { "; the storage may answer if you run again" } else { "" })]
    Failed {
        /// Whether the same call may succeed later.
        retryable: bool,
        /// What it said.
        source: io::Error,
    },
}

/// How an object changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Change {
    /// It is no longer there.
    #[error("it was removed")]
    Removed,
    /// Another object has its name.
    #[error("another was put in its place")]
    Replaced,
    /// It is shorter.
    #[error("it was cut from {before} to {after} bytes")]
    Cut {
        /// Bytes when it was opened.
        before: u64,
        /// Bytes now.
        after: u64,
    },
    /// It is longer.
    #[error("it grew from {before} to {after} bytes")]
    Grown {
        /// Bytes when it was opened.
        before: u64,
        /// Bytes now.
        after: u64,
    },
    /// It is as long as it was, and was written to.
    #[error("it was written to")]
    Rewritten,
}

impl Change {
    /// How an object changed from one identity to another; `None` where they are the same.
    pub fn between(before: &Identity, after: &Identity) -> Option<Self> {
        let (was, is) = (before.bytes, after.bytes);
        match () {
            () if before == after => None,
            () if before.object != after.object => Some(Self::Replaced),
            () if is < was => Some(Self::Cut { before: was, after: is }),
            () if is > was => Some(Self::Grown { before: was, after: is }),
            () => Some(Self::Rewritten),
        }
    }
}

impl StorageError {
    /// A fault of an object.
    pub fn new(object: &Path, fault: StorageFault) -> Self {
        Self { object: object.to_owned(), fault }
    }

    /// An object that changed.
    pub fn changed(object: &Path, change: Change) -> Self {
        Self::new(object, StorageFault::Changed(change))
    }

    /// What the system says of an object, by its kind.
    pub fn of_io(object: &Path, source: io::Error) -> Self {
        use io::ErrorKind as Kind;
        Self::new(
            object,
            match source.kind() {
                Kind::NotFound | Kind::NotADirectory => StorageFault::Missing(source),
                Kind::PermissionDenied => StorageFault::Denied(source),
                kind => {
                    let retryable = matches!(
                        kind,
                        Kind::Interrupted
                            | Kind::TimedOut
                            | Kind::WouldBlock
                            | Kind::ResourceBusy
                            | Kind::ConnectionReset
                            | Kind::ConnectionAborted
                            | Kind::ConnectionRefused
                    );
                    StorageFault::Failed { retryable, source }
                }
            },
        )
    }
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.object.display(), self.fault)
    }
}

impl std::error::Error for StorageError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The fault's own words are part of this error's; what lies behind them is the next in the chain.
        self.fault.source()
    }
}
