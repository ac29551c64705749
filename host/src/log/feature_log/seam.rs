//! The place of served vectors as a seam: batches are made and read above it, kept below.

use std::path::Path;

use super::{Head, StoredBatch};
use crate::log::LogError;
use crate::time::AsOf;

/// A place that keeps batches of served vectors.
///
/// Batches are numbered 1, 2, 3 ... without gaps, and so are their vectors. What an append has acknowledged outlives the process;
/// after power was lost, the newest appends may be gone, each whole. The oldest batches may go to make room for new ones, and the
/// head says which did.
pub trait ServedSink: Send {
    /// A look at whether it is still where it was opened, which may be taken from any thread. One in a file says
    /// [`FileError::Gone`](crate::log::FileError::Gone) or [`FileError::Replaced`](crate::log::FileError::Replaced) where the file was
    /// taken away.
    fn look(&self) -> Box<dyn Fn() -> Result<(), LogError> + Send + Sync> {
        Box::new(|| Ok(()))
    }

    /// Where it is, for messages.
    fn path(&self) -> &Path;

    /// How far it goes, and what has expired.
    fn head(&self) -> Result<Head, LogError>;

    /// Appends batches, all or none, and gives the head with them. They must follow the head: others are refused.
    fn append(&mut self, batches: &[StoredBatch]) -> Result<Head, LogError>;

    /// The batches from the number `from` on, or those of them that hold an as-of that is not before `since`, in order. One that is
    /// missing though it has not expired, or is not what was written, comes as an error ([`LogError::is_damage`]), and those
    /// after it follow. Any other error is the last.
    fn batches(&self, from: u64, since: Option<AsOf>) -> Box<dyn Iterator<Item = Result<StoredBatch, LogError>> + '_>;
}
