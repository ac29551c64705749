//! The feature log: every vector that was served, with what is needed to compute it again and compare its bits.
//!
//! The vectors of one commit and one plan are a *batch*: numbered, with a checksum, its columns one after the other in plain
//! bytes. What the vectors of many requests have in common, such as the names of their features and the digests of what ran, is
//! their *plan*, stored once. The *head* says how far the batches go and which have expired: one that is missing otherwise is
//! noticed. `docs/FORMAT.md` describes the file.
//!
//! - `plan`, `head`: those two.
//! - `seam`: [`ServedSink`], which a place for batches implements; `writer`: requests become batches, which it is given.
//! - `append`: batches are written to the file, and expire where it is at its limit; `scan`: they are read and checked.
//! - `body`, `decode`: the columns of a batch, to bytes and back.
//! - `vectors`: served vectors as columns, and one by one.
//!
//! Knows nothing of who serves, nor of how a vector is computed again.

mod append;
mod body;
mod decode;
mod head;
mod plan;
mod scan;
mod seam;
#[cfg(test)]
mod tests;
mod vectors;
mod writer;

use std::path::Path;
use std::sync::Arc;

pub use head::Head;
pub use plan::{ServedField, ServedPlan};
use scan::Batches;
pub use scan::StoredBatch;
pub use seam::ServedSink;
pub use vectors::{ServedColumn, ServedRequest, ServedVector, ServedVectors};
pub use writer::{Recorded, ServedWriter};

use super::file::SqliteFile;
use super::lock::FolderLock;
use super::{LogError, schema};
use crate::batch::{Column, ColumnError};
use crate::time::AsOf;

/// What an allocation costs beside what is in it: the allocator's own words, and the vector that points to it.
const ALLOCATION_BYTES: usize = 40;

/// The vectors of one request. Every column has a row per vector.
#[derive(Clone, Debug)]
pub struct ServedBatch {
    /// What they have in common.
    pub plan: Arc<ServedPlan>,
    /// The as-of that was answered.
    pub as_of: AsOf,
    /// The newest offset of the log that was visible.
    pub offset: u64,
    /// Whether they were answered by replaying the log instead of from the online states.
    pub replayed: bool,
    /// The id that the caller gave the request.
    pub request_id: Option<Arc<str>>,
    /// One column per key.
    pub keys: Vec<Column>,
    /// One column per request field.
    pub request: Vec<Column>,
    /// One column per feature.
    pub values: Vec<Column>,
    /// Per feature, the status of each vector: one of [`STATUSES`](super::STATUSES).
    pub statuses: Vec<Vec<&'static str>>,
    /// Per view, the newest offset of each vector's entity that it saw; 0 where there was none.
    pub offsets: Vec<Vec<u64>>,
}

impl ServedBatch {
    /// How many vectors.
    pub fn vectors(&self) -> usize {
        self.statuses.first().map_or(0, Vec::len)
    }

    /// About how many bytes they hold in memory, the allocations that they are made of included.
    pub fn memory_bytes(&self) -> usize {
        let columns = self.keys.iter().chain(&self.request).chain(&self.values);
        let columns: usize = columns.map(|column| ALLOCATION_BYTES + size_of::<Column>() + column.memory_bytes()).sum();
        let statuses = self.statuses.iter().map(|all| ALLOCATION_BYTES + size_of_val(&**all));
        let offsets = self.offsets.iter().map(|all| ALLOCATION_BYTES + size_of_val(&**all));
        let id = self.request_id.as_ref().map_or(0, |id| ALLOCATION_BYTES + id.len());
        size_of::<Self>() + columns + statuses.sum::<usize>() + offsets.sum::<usize>() + id
    }

    /// The vectors of these rows, in that order.
    pub fn take(&self, rows: &[u32]) -> Result<Self, ColumnError> {
        let columns =
            |columns: &[Column]| columns.iter().map(|column| column.take(rows)).collect::<Result<Vec<_>, _>>();
        Ok(Self {
            plan: Arc::clone(&self.plan),
            as_of: self.as_of,
            offset: self.offset,
            replayed: self.replayed,
            request_id: self.request_id.clone(),
            keys: columns(&self.keys)?,
            request: columns(&self.request)?,
            values: columns(&self.values)?,
            statuses: self.statuses.iter().map(|all| rows.iter().map(|row| all[*row as usize]).collect()).collect(),
            offsets: self.offsets.iter().map(|all| rows.iter().map(|row| all[*row as usize]).collect()).collect(),
        })
    }
}

/// The feature log of one project. One process writes it at a time, any number read it.
#[derive(Debug)]
pub struct FeatureLog {
    file: SqliteFile,
    /// The numbers of plans, by digest.
    plans: Vec<(Arc<str>, i64)>,
    /// The head as this process wrote it.
    head: Option<Head>,
    bytes_max: u64,
    /// Held for as long as this process may write the stores of its project.
    _folder: Option<Arc<FolderLock>>,
}

impl FeatureLog {
    /// Opens the feature log at `path` for writing; makes it, and the directories above it, where there is none.
    pub fn open(path: &Path) -> Result<Self, LogError> {
        Ok(Self::of(SqliteFile::open(path, &schema::FEATURE_LOG)?))
    }

    /// Opens the feature log at `path` for reading, beside a process that may be writing it. `None` where there is none yet.
    pub fn open_read_only(path: &Path) -> Result<Option<Self>, LogError> {
        let file = SqliteFile::open_read_only(path, &schema::FEATURE_LOG)?;
        Ok(file.map(Self::of))
    }

    /// The same log, which holds the lock of its project's folder until it is closed.
    pub(crate) fn holding(self, folder: Arc<FolderLock>) -> Self {
        Self { _folder: Some(folder), ..self }
    }

    fn of(file: SqliteFile) -> Self {
        Self { file, plans: Vec::new(), head: None, bytes_max: u64::MAX, _folder: None }
    }

    /// The same log with a limit for its file in bytes; there is none without this. What is over it goes as new vectors come:
    /// the file does not become smaller, its room is used again.
    pub fn with_bytes_max(self, bytes_max: u64) -> Self {
        Self { bytes_max, ..self }
    }
}

impl ServedSink for FeatureLog {
    fn path(&self) -> &Path {
        &self.file.name.path
    }

    fn look(&self) -> Box<dyn Fn() -> Result<(), LogError> + Send + Sync> {
        match self.file.place.clone() {
            Some(place) => Box::new(move || Ok(place.check()?)),
            None => Box::new(|| Ok(())),
        }
    }

    fn head(&self) -> Result<Head, LogError> {
        Head::read(&self.file.connection, &self.file.name)
    }

    fn append(&mut self, batches: &[StoredBatch]) -> Result<Head, LogError> {
        self.write(batches)
    }

    fn batches(&self, from: u64, since: Option<AsOf>) -> Box<dyn Iterator<Item = Result<StoredBatch, LogError>> + '_> {
        Box::new(Batches::new(self, from, since))
    }
}

impl dyn ServedSink + '_ {
    /// Gives `on_vector` the served vectors, or those whose as-of is not before `since`, in the order of their ids. Anything
    /// that is missing or damaged is an error.
    pub fn vectors<E: From<LogError>>(
        &self,
        since: Option<AsOf>,
        on_vector: impl FnMut(ServedVector) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut on_vector = on_vector;
        for batch in self.batches(1, since) {
            let mut vectors = batch?.decode()?;
            if let Some(since) = since {
                vectors = vectors.since(since).map_err(LogError::from)?;
            }
            vectors.vectors().try_for_each(&mut on_vector)?;
        }
        Ok(())
    }
}
