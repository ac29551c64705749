//! The head: one row that says how far the batches go, and which of them are no longer there.

use rusqlite::{Connection, OptionalExtension};

use super::StoredBatch;
use crate::log::LogError;
use crate::log::checksum::Checksum;
use crate::log::file::{FileName, from_sql, to_sql};

/// How far the feature log goes. Batches are numbered 1, 2, 3 ... and so are their vectors, without gaps: all between what
/// has expired and the last one are there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// The number of the last batch; 0 before the first.
    pub last_batch: u64,
    /// The checksum of the last batch; 0 before the first.
    pub last_checksum: i64,
    /// How many vectors were recorded since the log began.
    pub vectors: u64,
    /// Batches up to this one have made room for newer ones.
    pub expired_batches: u64,
    /// Their vectors.
    pub expired_vectors: u64,
}

impl Head {
    /// How many vectors are kept.
    pub fn kept(&self) -> u64 {
        self.vectors - self.expired_vectors
    }

    /// The head once `batch` has followed.
    pub fn with(self, batch: &StoredBatch) -> Self {
        let vectors = self.vectors + batch.vectors;
        Self { last_batch: batch.number, last_checksum: batch.checksum, vectors, ..self }
    }

    /// Checks that `batch` is the next one, with the next vectors.
    pub fn check_follows(&self, batch: &StoredBatch) -> Result<(), LogError> {
        if (batch.number, batch.first_vector) == (self.last_batch + 1, self.vectors + 1) {
            return Ok(());
        }
        Err(LogError::Misnumbered { path: batch.path.clone(), number: batch.number, last: self.last_batch })
    }

    /// The head that is stored, if it is what was written.
    pub(super) fn read(connection: &Connection, name: &FileName) -> Result<Self, LogError> {
        let sql = "SELECT last_batch, last_checksum, vectors, expired_batches, expired_vectors, checksum FROM head";
        let found = || {
            let mut statement = connection.prepare_cached(sql)?;
            statement.query_row([], |row| row.try_into()).optional()
        };
        let found: Option<(i64, i64, i64, i64, i64, i64)> = name.sql(found())?;
        let Some((last_batch, last_checksum, vectors, expired_batches, expired_vectors, checksum)) = found else {
            return Err(name.damaged("the head".to_owned(), "it is gone").into());
        };
        let head = Self {
            last_batch: from_sql(last_batch),
            last_checksum,
            vectors: from_sql(vectors),
            expired_batches: from_sql(expired_batches),
            expired_vectors: from_sql(expired_vectors),
        };
        name.check(checksum, head.checksum(), || "the head".to_owned())?;
        Ok(head)
    }

    /// Puts this head in place of the one that is stored.
    pub(super) fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let sql = "UPDATE head SET last_batch = ?1, last_checksum = ?2, vectors = ?3, expired_batches = ?4,
                   expired_vectors = ?5, checksum = ?6";
        let (last, vectors) = (to_sql(self.last_batch), to_sql(self.vectors));
        let expired = (to_sql(self.expired_batches), to_sql(self.expired_vectors));
        let values = (last, self.last_checksum, vectors, expired.0, expired.1, self.checksum());
        connection.prepare_cached(sql)?.execute(values).map(|_| ())
    }

    fn checksum(&self) -> i64 {
        let mut checksum = Checksum::default();
        checksum.number(to_sql(self.last_batch)).number(self.last_checksum).number(to_sql(self.vectors));
        checksum.number(to_sql(self.expired_batches)).number(to_sql(self.expired_vectors)).finish()
    }
}
