//! Served vectors as columns, and one by one.

use std::ops::Range;
use std::sync::Arc;

use super::ServedPlan;
use crate::batch::{Column, ColumnError, Value};
use crate::log::served::STATUSES;
use crate::time::AsOf;

/// A column of served vectors, by which some are chosen to be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServedColumn<'a> {
    /// A key column.
    Key(&'a str),
    /// A request field.
    Request(&'a str),
    /// The values of a feature, by its reference.
    Value(&'a str),
    /// The statuses of a feature, by its reference.
    Status(&'a str),
    /// The offsets that a view saw.
    Offset(&'a str),
}

/// The vectors of one batch, or some of them: columns with a row per vector. A column that was not asked for has no rows.
#[derive(Clone, Debug)]
pub struct ServedVectors {
    /// The number of the batch.
    pub batch: u64,
    /// What they have in common.
    pub plan: Arc<ServedPlan>,
    /// The number of each vector in the feature log, from 1.
    pub ids: Vec<u64>,
    /// The requests that they answered, in order.
    pub requests: Vec<ServedRequest>,
    /// One column per key.
    pub keys: Vec<Column>,
    /// One column per request field.
    pub request: Vec<Column>,
    /// One column per feature.
    pub values: Vec<Column>,
    /// Per feature, the status of each vector, as its place in [`STATUSES`].
    pub statuses: Vec<Vec<u8>>,
    /// Per view, the newest offset of each vector's entity that it saw; 0 where there was none.
    pub offsets: Vec<Vec<u64>>,
}

/// One request of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedRequest {
    /// Which rows are its vectors.
    pub rows: Range<usize>,
    /// The as-of that was answered.
    pub as_of: AsOf,
    /// The newest offset of the log that was visible.
    pub offset: u64,
    /// Whether it was answered by replaying the log instead of from the online states.
    pub replayed: bool,
    /// The id that the caller gave it.
    pub request_id: Option<Arc<str>>,
}

/// A feature vector that was served.
#[derive(Clone, Debug)]
pub struct ServedVector {
    /// Its number in the feature log, from 1.
    pub id: u64,
    /// What names and types its values.
    pub plan: Arc<ServedPlan>,
    /// The as-of that was answered.
    pub as_of: AsOf,
    /// The newest offset of the log that was visible.
    pub offset: u64,
    /// Whether it was answered by replaying the log instead of from the online states.
    pub replayed: bool,
    /// The id that the caller gave its request.
    pub request_id: Option<Arc<str>>,
    /// The value of each key column.
    pub keys: Vec<Value>,
    /// The value of each request field.
    pub request: Vec<Value>,
    /// The value of each feature.
    pub values: Vec<Value>,
    /// The status of each feature.
    pub statuses: Vec<&'static str>,
    /// Per view, the newest offset of its entity that it saw; 0 where there was none.
    pub offsets: Vec<u64>,
}

impl ServedVectors {
    /// How many vectors.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no vector.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The vectors whose as-of is `since` or later.
    pub fn since(self, since: AsOf) -> Result<Self, ColumnError> {
        self.within(Some(since), None)
    }

    /// The vectors whose as-of is `since` or later, and before `until`.
    pub fn within(self, since: Option<AsOf>, until: Option<AsOf>) -> Result<Self, ColumnError> {
        let is_within = |request: &&ServedRequest| {
            since.is_none_or(|since| !request.as_of.is_before(since))
                && until.is_none_or(|until| request.as_of.is_before(until))
        };
        if self.requests.iter().all(|request| is_within(&request)) {
            return Ok(self);
        }
        let mut requests: Vec<ServedRequest> = Vec::new();
        let mut rows: Vec<u32> = Vec::new();
        for request in self.requests.iter().filter(is_within) {
            let start = rows.len();
            rows.extend(request.rows.clone().map(|row| row as u32));
            requests.push(ServedRequest { rows: start..rows.len(), ..request.clone() });
        }
        // A column that was not asked for has no rows to take.
        let take = |column: &Column| if column.is_empty() { Ok(column.clone()) } else { column.take(&rows) };
        let columns = |columns: &[Column]| columns.iter().map(take).collect::<Result<Vec<_>, _>>();
        Ok(Self {
            batch: self.batch,
            plan: Arc::clone(&self.plan),
            ids: pick(&self.ids, &rows),
            requests,
            keys: columns(&self.keys)?,
            request: columns(&self.request)?,
            values: columns(&self.values)?,
            statuses: self.statuses.iter().map(|all| pick(all, &rows)).collect(),
            offsets: self.offsets.iter().map(|all| pick(all, &rows)).collect(),
        })
    }

    /// The vectors one by one. All columns were asked for.
    pub fn vectors(&self) -> impl Iterator<Item = ServedVector> {
        self.requests.iter().flat_map(|request| request.rows.clone().map(|row| self.vector(request, row)))
    }

    fn vector(&self, request: &ServedRequest, row: usize) -> ServedVector {
        let values = |columns: &[Column]| columns.iter().map(|column| column.value(row)).collect();
        ServedVector {
            id: self.ids[row],
            plan: Arc::clone(&self.plan),
            as_of: request.as_of,
            offset: request.offset,
            replayed: request.replayed,
            request_id: request.request_id.clone(),
            keys: values(&self.keys),
            request: values(&self.request),
            values: values(&self.values),
            statuses: self.statuses.iter().map(|all| STATUSES[usize::from(all[row])]).collect(),
            offsets: self.offsets.iter().map(|all| all[row]).collect(),
        }
    }
}

/// The values of `rows`; of a column that was not asked for, none.
fn pick<T: Copy>(all: &[T], rows: &[u32]) -> Vec<T> {
    if all.is_empty() { Vec::new() } else { rows.iter().map(|row| all[*row as usize]).collect() }
}
