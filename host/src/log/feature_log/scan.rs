//! Reading batches in order, and noticing those that are missing.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row};

use super::plan::digest;
use super::vectors::{ServedColumn, ServedVectors};
use super::{FeatureLog, Head, ServedPlan, decode};
use crate::log::LogError;
use crate::log::checksum::Checksum;
use crate::log::file::{FileName, from_sql, to_sql};
use crate::time::AsOf;

/// How many batches are read at a time.
const PAGE_BATCHES: i64 = 256;

/// The bytes of bodies that are enough for a page.
const PAGE_BYTES: usize = 8 << 20;

/// A batch whose checksum is right, with its columns as they are stored.
#[derive(Clone, Debug)]
pub struct StoredBatch {
    /// Its number, from 1.
    pub number: u64,
    /// What its vectors have in common.
    pub plan: Arc<ServedPlan>,
    /// The digest of that plan, by which the batch names it.
    pub plan_digest: Arc<str>,
    /// The number of its first vector, from 1; the others follow.
    pub first_vector: u64,
    /// How many vectors.
    pub vectors: u64,
    /// How many requests they answered.
    pub requests: u64,
    /// The smallest as-of.
    pub first_as_of: AsOf,
    /// The largest as-of.
    pub last_as_of: AsOf,
    /// The largest offset of the log that was visible to a request.
    pub last_offset: u64,
    /// The checksum over all of this.
    pub checksum: i64,
    /// Its columns, as `docs/FORMAT.md` describes them.
    pub body: Vec<u8>,
    /// Where it is kept, for messages.
    pub path: PathBuf,
}

impl StoredBatch {
    /// Checks that it is what was written.
    pub fn check(&self) -> Result<(), LogError> {
        let sum = batch_checksum(&mut Checksum::default(), &self.plan_digest, &self.numbers(), &self.body);
        if sum == self.checksum && *self.plan_digest == *self.plan.digest() {
            return Ok(());
        }
        Err(damaged(&self.path, self.number, self.vectors, "its checksum differs".to_owned()))
    }

    /// Number, first vector, vectors, requests, smallest and largest as-of, largest offset: as they are stored.
    pub(super) fn numbers(&self) -> [i64; 7] {
        let [number, first_vector, vectors, requests, last_offset] =
            [self.number, self.first_vector, self.vectors, self.requests, self.last_offset].map(to_sql);
        [number, first_vector, vectors, requests, self.first_as_of.micros(), self.last_as_of.micros(), last_offset]
    }

    /// Its vectors, with all columns.
    pub fn decode(&self) -> Result<ServedVectors, LogError> {
        self.decode_only(&|_| true)
    }

    /// Its vectors, with the columns that are wanted; the others are skipped, and have no rows.
    pub fn decode_only(&self, wanted: &dyn Fn(ServedColumn<'_>) -> bool) -> Result<ServedVectors, LogError> {
        let decoded = decode::decode(self, wanted);
        decoded.map_err(|why| damaged(&self.path, self.number, self.vectors, why))
    }
}

/// The batches of a feature log, in order.
#[derive(Debug)]
pub(super) struct Batches<'log> {
    log: &'log FeatureLog,
    since: i64,
    /// The number of the batch that must come next.
    next: u64,
    /// The number of its first vector, where that is known.
    next_vector: Option<u64>,
    page: VecDeque<Result<StoredBatch, LogError>>,
    plans: BTreeMap<i64, (Arc<str>, Arc<ServedPlan>)>,
    has_ended: bool,
}

impl<'log> Batches<'log> {
    /// The batches of `log`, page by page: the file is not held open for reading between pages, a writer may go on meanwhile, and
    /// what it writes is read too. Of a batch without an as-of since `since` only its numbers are read, and those are not checked.
    pub(super) fn new(log: &'log FeatureLog, from: u64, since: Option<AsOf>) -> Self {
        Self {
            log,
            since: since.map_or(i64::MIN, |since| since.micros()),
            next: from.max(1),
            next_vector: (from <= 1).then_some(1),
            page: VecDeque::new(),
            plans: BTreeMap::new(),
            has_ended: false,
        }
    }
}

impl Iterator for Batches<'_> {
    type Item = Result<StoredBatch, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.page.is_empty() && !self.has_ended {
            if let Err(error) = self.read_page() {
                self.has_ended = true;
                return Some(Err(error));
            }
        }
        self.page.pop_front()
    }
}

/// A row of the table of batches; the body only of those that are wanted.
struct Found {
    plan: i64,
    checksum: i64,
    /// Number, first vector, vectors, requests, smallest and largest as-of, largest offset.
    numbers: [i64; 7],
    body: Option<Vec<u8>>,
}

impl TryFrom<&Row<'_>> for Found {
    type Error = rusqlite::Error;

    fn try_from(row: &Row<'_>) -> rusqlite::Result<Self> {
        let mut numbers = [0; 7];
        for (at, number) in numbers.iter_mut().enumerate() {
            *number = row.get(at)?;
        }
        Ok(Self { numbers, plan: row.get(7)?, checksum: row.get(8)?, body: row.get(9)? })
    }
}

impl Batches<'_> {
    /// Reads some batches, in one moment of the file.
    fn read_page(&mut self) -> Result<(), LogError> {
        let (connection, name) = (&self.log.file.connection, &self.log.file.name);
        let transaction = name.sql(connection.unchecked_transaction())?;
        let head = Head::read(&transaction, name)?;
        if self.next <= head.expired_batches {
            self.next = head.expired_batches + 1;
            self.next_vector = Some(head.expired_vectors + 1);
        }
        // The numbers alone say whether one is missing: bodies that are not wanted stay unread.
        let sql =
            "SELECT number, first_vector, vectors, requests, first_as_of, last_as_of, last_offset, plan, checksum,
                          CASE WHEN last_as_of >= ?1 THEN body END
                   FROM batches WHERE number >= ?2 ORDER BY number LIMIT ?3";
        let mut statement = name.sql(transaction.prepare_cached(sql))?;
        let mut rows = name.sql(statement.query((self.since, to_sql(self.next), PAGE_BATCHES)))?;
        let (mut count, mut bytes) = (0, 0);
        while bytes < PAGE_BYTES {
            let Some(row) = name.sql(rows.next())? else {
                if count < PAGE_BATCHES {
                    self.end(&head);
                }
                break;
            };
            let found: Found = name.sql(row.try_into())?;
            count += 1;
            bytes += found.body.as_ref().map_or(0, Vec::len);
            self.add(&transaction, &head, found)?;
        }
        Ok(self.log.file.check_place()?)
    }

    /// Puts a batch on the page, or what is wrong with it and before it.
    fn add(&mut self, connection: &Connection, head: &Head, found: Found) -> Result<(), LogError> {
        let [number, first_vector, vectors, ..] = found.numbers.map(from_sql);
        if number > self.next {
            let missing = first_vector.saturating_sub(self.next_vector.unwrap_or(first_vector));
            self.miss(number - 1, missing);
            self.next_vector = None;
        }
        let why = match self.next_vector {
            _ if number > head.last_batch => Some(format!("the head says that batch {} is the last", head.last_batch)),
            _ if number == head.last_batch && found.checksum != head.last_checksum => {
                Some("the head has another checksum of it".to_owned())
            }
            Some(next) if next != first_vector => Some(format!("its first vector is {first_vector}, not {next}")),
            _ => None,
        };
        (self.next, self.next_vector) = (number + 1, first_vector.checked_add(vectors));
        let checked = match why {
            Some(why) => Err(damaged(&self.log.file.name.path, number, vectors, why)),
            None => self.check(connection, found),
        };
        match checked {
            Ok(Some(batch)) => self.page.push_back(Ok(batch)),
            Ok(None) => {}
            Err(error @ LogError::Batch { .. }) => {
                // Its own numbers may be wrong.
                self.next_vector = None;
                self.page.push_back(Err(error));
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// The batch, if it is what was written; `None` if its body is not wanted.
    fn check(&mut self, connection: &Connection, found: Found) -> Result<Option<StoredBatch>, LogError> {
        let Found { plan: plan_id, checksum, numbers, body: Some(body) } = found else { return Ok(None) };
        let [number, first_vector, vectors, requests, _, _, last_offset] = numbers.map(from_sql);
        let name = &self.log.file.name;
        let wrong = |why: String| damaged(&name.path, number, vectors, why);
        let (digest, plan) = match self.plans.entry(plan_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(plan_of(connection, name, plan_id, &wrong)?),
        };
        if batch_checksum(&mut Checksum::default(), digest, &numbers, &body) != checksum {
            return Err(wrong("its checksum differs".to_owned()));
        }
        Ok(Some(StoredBatch {
            number,
            plan: Arc::clone(plan),
            plan_digest: Arc::clone(digest),
            first_vector,
            vectors,
            requests,
            first_as_of: AsOf::from_micros(numbers[4]),
            last_as_of: AsOf::from_micros(numbers[5]),
            last_offset,
            checksum,
            body,
            path: name.path.clone(),
        }))
    }

    /// Notes that no batch follows.
    fn end(&mut self, head: &Head) {
        self.has_ended = true;
        if self.next <= head.last_batch {
            let missing = (head.vectors + 1).saturating_sub(self.next_vector.unwrap_or(head.vectors + 1));
            self.miss(head.last_batch, missing);
        }
    }

    /// Notes that the batches from the next one to `last` are missing.
    fn miss(&mut self, last: u64, vectors: u64) {
        let path = self.log.file.name.path.clone();
        self.page.push_back(Err(LogError::Missing { path, first: self.next, last, vectors }));
    }
}

fn damaged(path: &std::path::Path, number: u64, vectors: u64, why: String) -> LogError {
    LogError::Batch { path: path.to_owned(), number, vectors, why }
}

/// The checksum of a batch: of its plan's digest, its numbers as [`Found`] has them, and its body.
pub(super) fn batch_checksum(checksum: &mut Checksum, plan: &str, numbers: &[i64; 7], body: &[u8]) -> i64 {
    checksum.start().text(plan);
    numbers.iter().for_each(|number| {
        checksum.number(*number);
    });
    checksum.blob(body).finish()
}

/// A plan and its digest; `wrong` makes the error of one that is not what was written.
fn plan_of(
    connection: &Connection,
    name: &FileName,
    id: i64,
    wrong: &dyn Fn(String) -> LogError,
) -> Result<(Arc<str>, Arc<ServedPlan>), LogError> {
    let sql = "SELECT digest, body FROM plans WHERE id = ?1";
    let found = connection.query_row(sql, [id], |row| row.try_into()).optional();
    let found: Option<(String, String)> = name.sql(found)?;
    let (stored, text) = found.ok_or_else(|| wrong(format!("its plan {id} is gone")))?;
    if stored != digest(&text) {
        return Err(wrong(format!("its plan {id} is not as it was written")));
    }
    let plan = serde_json::from_str(&text).map_err(|error| wrong(format!("its plan {id}: {error}")))?;
    Ok((stored.into(), Arc::new(plan)))
}
