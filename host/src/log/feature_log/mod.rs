//! The feature log: every vector that was served, request by request, with what is needed to compute it again and compare its
//! bits.
//!
//! What the vectors of many requests have in common, such as the names of their features and the digests of what ran, is
//! stored once. The rest is one JSON object per request, whatever its rows, with each column as `columns` writes it.
//!
//! The file has a limit in bytes: where it is reached, the oldest requests make room for the newest.

#[cfg(test)]
mod tests;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use rusqlite::{OptionalExtension, Transaction};
use serde::{Deserialize, Serialize};

use super::columns::{StoredColumn, write_column};
use super::file::{SqliteFile, from_sql, to_sql};
use super::{LogError, ServedProgram, ServedVector, ServedView, schema};
use crate::batch::{Column, ColumnError, Value};
use crate::entity::KeyValue;
use crate::time::AsOf;

/// Plans whose numbers are remembered.
const PLANS_KNOWN_MAX: usize = 256;

/// Requests that go at once where room is needed, beside as many as are new.
const EXPIRED_AT_ONCE: usize = 64;

/// How many requests are read at a time.
const PAGE: i64 = 1_024;

/// What an allocation costs beside what is in it: the allocator's own words, and the vector that points to it.
const ALLOCATION_BYTES: usize = 40;

/// What the vectors of a request have in common, and those of later requests for the same features.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedPlan {
    /// The feature service that was asked for; `None` where features were named one by one.
    pub service: Option<String>,
    /// The identity of the log that it was served from.
    pub log: String,
    /// The history that the states began from.
    pub history: Option<i64>,
    /// The key columns.
    pub entities: Vec<String>,
    /// The request fields.
    pub request: Vec<String>,
    /// The features, as references.
    pub features: Vec<String>,
    /// The views that took part, and what each ran.
    pub views: Vec<(String, ServedProgram)>,
}

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
    /// One column per key.
    pub keys: Vec<Column>,
    /// One column per request field.
    pub request: Vec<Column>,
    /// One column per feature.
    pub values: Vec<Column>,
    /// Per feature, the status of each vector.
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
        size_of::<Self>() + columns + statuses.sum::<usize>() + offsets.sum::<usize>()
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
    plans: Vec<(Arc<ServedPlan>, i64)>,
    bytes_max: u64,
}

/// What recording did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The numbers of the vectors, in order.
    pub ids: Range<u64>,
    /// How many older vectors made room for them.
    pub expired: u64,
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

    fn of(file: SqliteFile) -> Self {
        Self { file, plans: Vec::new(), bytes_max: u64::MAX }
    }

    /// The same log with a limit for its file in bytes; there is none without this. What is over it goes as new vectors come:
    /// the file does not become smaller, its room is used again.
    pub fn with_bytes_max(self, bytes_max: u64) -> Self {
        Self { bytes_max, ..self }
    }

    /// Records the vectors of requests in one commit and gives their ids, in order. A process that dies afterwards loses none
    /// of them; a machine that loses its power may lose the newest. Where the file is at its limit, the oldest requests go.
    pub fn record(&mut self, batches: &[ServedBatch]) -> Result<Recorded, LogError> {
        if !self.file.is_writable() {
            return Err(LogError::ReadOnly { path: self.file.name.path.clone() });
        }
        let recorded = write(&mut self.file, &mut self.plans, batches, self.bytes_max);
        if recorded.is_err() {
            // The plans that this would have added are not there.
            self.plans.clear();
        }
        Ok(self.file.name.sql(recorded)?)
    }

    /// Gives `on_vector` the served vectors, or those whose as-of is not before `since`, in the order of their ids.
    pub fn vectors<E: From<LogError>>(
        &self,
        since: Option<AsOf>,
        mut on_vector: impl FnMut(ServedVector) -> Result<(), E>,
    ) -> Result<(), E> {
        let name = &self.file.name;
        let sql = "SELECT served.id, as_of, log_offset, replayed, served.body, plan, plans.body
                   FROM served JOIN plans ON plans.id = plan WHERE as_of >= ?1 AND served.id > ?2 ORDER BY served.id LIMIT ?3";
        type Found = (i64, i64, i64, bool, String, i64, String);
        let since = since.map_or(i64::MIN, |since| since.0);
        let mut statement = name.sql(self.file.connection.prepare(sql)).map_err(LogError::from)?;
        let mut plan: Option<(i64, ServedPlan)> = None;
        let mut after = 0;
        loop {
            // Page by page, and none is open while what is done with its vectors takes its time: a long reader would keep
            // the file from being written in place.
            let rows = statement.query_map((since, after, PAGE), |row| Found::try_from(row));
            let page: Vec<Found> = name.sql(rows.and_then(Iterator::collect)).map_err(LogError::from)?;
            let Some((last, ..)) = page.last() else { return Ok(()) };
            after = *last;
            for (id, as_of, offset, replayed, body, plan_id, plan_body) in page {
                let damaged = |record: String, source| LogError::Record { path: name.path.clone(), record, source };
                if plan.as_ref().is_none_or(|(known, _)| *known != plan_id) {
                    let body = serde_json::from_str(&plan_body);
                    plan = Some((plan_id, body.map_err(|source| damaged(format!("plan {plan_id}"), source))?));
                }
                let Some((_, plan)) = &plan else { continue };
                let request = || format!("the request of served vector {id}");
                let body: Body = serde_json::from_str(&body).map_err(|source| damaged(request(), source))?;
                let request =
                    Request { plan, id: from_sql(id), as_of: AsOf(as_of), offset: from_sql(offset), replayed };
                for vector in body.vectors(&request).map_err(|source| damaged(format!("served vector {id}"), source))? {
                    on_vector(vector)?;
                }
            }
        }
    }

    /// How many vectors are recorded.
    pub fn count(&self) -> Result<u64, LogError> {
        let sql = "SELECT coalesce(sum(vectors), 0) FROM served";
        let count = self.file.connection.query_row(sql, [], |row| row.get(0));
        Ok(from_sql(self.file.name.sql(count)?))
    }

    /// How many vectors, the oldest, have made room for newer ones since the log began.
    pub fn expired(&self) -> Result<u64, LogError> {
        let first =
            self.file.connection.query_row("SELECT min(id) FROM served", [], |row| row.get::<_, Option<i64>>(0));
        Ok(self.file.name.sql(first)?.map_or(0, |first| from_sql(first) - 1))
    }
}

fn write(
    file: &mut SqliteFile,
    plans: &mut Vec<(Arc<ServedPlan>, i64)>,
    batches: &[ServedBatch],
    bytes_max: u64,
) -> rusqlite::Result<Recorded> {
    let transaction = file.connection.transaction()?;
    let sql = "SELECT id + vectors FROM served ORDER BY id DESC LIMIT 1";
    let next: Option<i64> = transaction.query_row(sql, [], |row| row.get(0)).optional()?;
    let first = next.map_or(1, from_sql);
    let mut next = first;
    let sql =
        "INSERT INTO served (id, vectors, plan, as_of, log_offset, replayed, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let mut add = transaction.prepare_cached(sql)?;
    for batch in batches.iter().filter(|batch| batch.vectors() > 0) {
        let plan = plan_id(&transaction, plans, &batch.plan)?;
        let (vectors, offset) = (batch.vectors() as u64, to_sql(batch.offset));
        add.execute((to_sql(next), to_sql(vectors), plan, batch.as_of.0, offset, batch.replayed, body(batch)))?;
        next += vectors;
    }
    drop(add);
    let expired = expire(&transaction, first, bytes_max, batches.len() + EXPIRED_AT_ONCE)?;
    transaction.commit()?;
    Ok(Recorded { ids: first..next, expired })
}

/// Deletes the oldest requests, `at_once` by `at_once`, until the file is within its limit; those from the number `first` on
/// stay. Gives how many vectors went.
fn expire(transaction: &Transaction<'_>, first: u64, bytes_max: u64, at_once: usize) -> rusqlite::Result<u64> {
    let pages = |name: &str| transaction.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).map(from_sql);
    let page_bytes = pages("page_size")?;
    let mut expired = 0;
    while (pages("page_count")? - pages("freelist_count")?) * page_bytes > bytes_max {
        let sql = "SELECT coalesce(sum(vectors), 0), max(id) FROM
                   (SELECT id, vectors FROM served WHERE id < ?1 ORDER BY id LIMIT ?2)";
        let mut oldest = transaction.prepare_cached(sql)?;
        let (vectors, last): (i64, Option<i64>) =
            oldest.query_row((to_sql(first), to_sql(at_once as u64)), |row| row.try_into())?;
        let Some(last) = last else { break };
        transaction.prepare_cached("DELETE FROM served WHERE id <= ?1")?.execute([last])?;
        expired += from_sql(vectors);
    }
    Ok(expired)
}

/// The number of a plan, a new one where the file does not have it.
fn plan_id(
    transaction: &Transaction<'_>,
    plans: &mut Vec<(Arc<ServedPlan>, i64)>,
    plan: &Arc<ServedPlan>,
) -> rusqlite::Result<i64> {
    if let Some((_, id)) = plans.iter().find(|(known, _)| Arc::ptr_eq(known, plan)) {
        return Ok(*id);
    }
    let body = serde_json::to_string(&**plan).expect("names and numbers are always JSON");
    transaction.execute("INSERT INTO plans (body) VALUES (?1) ON CONFLICT DO NOTHING", [&body])?;
    let id = transaction.query_row("SELECT id FROM plans WHERE body = ?1", [&body], |row| row.get(0))?;
    if plans.len() == PLANS_KNOWN_MAX {
        plans.clear();
    }
    plans.push((Arc::clone(plan), id));
    Ok(id)
}

/// The columns of a request as one JSON object.
fn body(batch: &ServedBatch) -> String {
    let cells = batch.vectors() * (batch.values.len() * 32 + batch.keys.len() * 16 + batch.request.len() * 16 + 8);
    let mut json = String::with_capacity(128 + cells);
    let names = ["{\"entities\":[", "],\"request\":[", "],\"values\":["];
    for (name, columns) in names.into_iter().zip([&batch.keys, &batch.request, &batch.values]) {
        json.push_str(name);
        for (at, column) in columns.iter().enumerate() {
            if at > 0 {
                json.push(',');
            }
            write_column(&mut json, column);
        }
    }
    json.push_str("],\"statuses\":");
    let same = |statuses: &Vec<&'static str>| statuses.windows(2).all(|pair| pair[0] == pair[1]);
    let of_feature = |statuses: &Vec<&'static str>| match statuses.first() {
        Some(first) if same(statuses) => Statuses::All((*first).to_owned()),
        _ => Statuses::Each(statuses.iter().map(|status| (*status).to_owned()).collect()),
    };
    let statuses: Vec<Statuses> = batch.statuses.iter().map(of_feature).collect();
    json.push_str(&serde_json::to_string(&statuses).expect("names are always JSON"));
    json.push_str(",\"offsets\":");
    json.push_str(&serde_json::to_string(&batch.offsets).expect("numbers are always JSON"));
    json.push('}');
    json
}

/// The statuses of one feature: one for all vectors, or one for each.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Statuses {
    All(String),
    Each(Vec<String>),
}

/// The columns of a request as they are stored.
#[derive(Deserialize)]
struct Body {
    entities: Vec<StoredColumn>,
    request: Vec<StoredColumn>,
    values: Vec<StoredColumn>,
    statuses: Vec<Statuses>,
    offsets: Vec<Vec<u64>>,
}

/// What a request is besides its columns.
struct Request<'a> {
    plan: &'a ServedPlan,
    id: u64,
    as_of: AsOf,
    offset: u64,
    replayed: bool,
}

impl Body {
    /// The vectors of the request, one by one.
    fn vectors(self, request: &Request<'_>) -> Result<Vec<ServedVector>, serde_json::Error> {
        let plan = request.plan;
        let columns = |stored: Vec<StoredColumn>, wanted: usize| {
            let columns = stored.into_iter().map(StoredColumn::column).collect::<Result<Vec<_>, _>>();
            let columns = columns.map_err(serde::de::Error::custom)?;
            if columns.len() == wanted { Ok(columns) } else { Err(uneven("columns")) }
        };
        let entities = columns(self.entities, plan.entities.len())?;
        let fields = columns(self.request, plan.request.len())?;
        let values = columns(self.values, plan.features.len())?;
        let rows = values.first().map_or(0, Column::len);
        let all = entities.iter().chain(&fields).chain(&values);
        let is_even = all.map(Column::len).chain(self.offsets.iter().map(Vec::len)).all(|length| length == rows)
            && !self.statuses.iter().any(|statuses| matches!(statuses, Statuses::Each(each) if each.len() != rows))
            && self.offsets.len() == plan.views.len()
            && self.statuses.len() == plan.features.len();
        if !is_even {
            return Err(uneven("rows"));
        }
        let vector = |row: usize| ServedVector {
            id: request.id + row as u64,
            as_of: request.as_of,
            service: plan.service.clone(),
            log: plan.log.clone(),
            features: plan.features.clone(),
            entities: named(&plan.entities, &entities, |column| key_value(&column.value(row))),
            request: named(&plan.request, &fields, |column| column.value(row)),
            history: plan.history,
            offset: request.offset,
            views: plan
                .views
                .iter()
                .zip(&self.offsets)
                .map(|(view, offsets)| served_view(view, offsets[row]))
                .collect(),
            values: values.iter().map(|column| column.value(row)).collect(),
            statuses: self.statuses.iter().map(|statuses| statuses.of(row)).collect(),
            replayed: request.replayed,
        };
        Ok((0..rows).map(vector).collect())
    }
}

impl Statuses {
    fn of(&self, row: usize) -> String {
        match self {
            Self::All(status) => status.clone(),
            Self::Each(statuses) => statuses[row].clone(),
        }
    }
}

fn served_view((view, program): &(String, ServedProgram), offset: u64) -> ServedView {
    ServedView { view: view.clone(), program: program.clone(), offset }
}

fn named<T>(names: &[String], columns: &[Column], of: impl Fn(&Column) -> T) -> Vec<(String, T)> {
    names.iter().zip(columns).map(|(name, column)| (name.clone(), of(column))).collect()
}

fn key_value(value: &Value) -> KeyValue {
    match value {
        Value::Int64(value) => KeyValue::Int64(*value),
        value => KeyValue::Text(value.to_string()),
    }
}

fn uneven(what: &str) -> serde_json::Error {
    serde::de::Error::custom(format!("its {what} do not agree in number"))
}
