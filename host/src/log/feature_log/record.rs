//! Recording: the requests of one commit, by plan, in batches; and the oldest batches go where the file is full.

use std::ops::Range;
use std::sync::Arc;

use rusqlite::Connection;

use super::plan::digest;
use super::scan::batch_checksum;
use super::{FeatureLog, Head, ServedBatch, ServedPlan, body};
use crate::log::LogError;
use crate::log::checksum::Checksum;
use crate::log::file::{from_sql, to_sql};

/// Plans whose numbers are remembered.
const PLANS_KNOWN_MAX: usize = 256;

/// The memory of requests that are enough for a batch; one that is larger has a batch of its own.
const BATCH_BYTES: usize = 16 << 20;

/// The largest page that SQLite has.
const PAGE_BYTES_MAX: u64 = 64 << 10;

/// What recording did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The numbers of the vectors: those of the first plan in order, then those of the next.
    pub ids: Range<u64>,
    /// How many older vectors made room for them.
    pub expired: u64,
}

/// A plan that the file has.
#[derive(Clone, Debug)]
pub(super) struct KnownPlan {
    plan: Arc<ServedPlan>,
    id: i64,
    digest: Arc<str>,
}

/// A batch before it has a number.
struct NewBatch {
    plan: Arc<ServedPlan>,
    vectors: u64,
    requests: u64,
    /// The smallest and the largest.
    as_ofs: (i64, i64),
    last_offset: u64,
    body: Vec<u8>,
}

impl FeatureLog {
    /// Records the vectors of requests in one commit: those of one plan are one batch, or several where they are large. A
    /// process that dies afterwards loses none of them; a machine that loses its power may lose the newest, and then whole
    /// commits. Where the file is at its limit, the oldest batches go.
    pub fn record(&mut self, requests: &[ServedBatch]) -> Result<Recorded, LogError> {
        if !self.file.is_writable() {
            return Err(LogError::ReadOnly { path: self.file.name.path.clone() });
        }
        let batches = batches_of(requests)?;
        let written = self.write(&batches);
        if written.is_err() {
            // The plans that this would have added are not there.
            self.plans.clear();
            self.head = None;
        }
        written
    }

    fn write(&mut self, batches: &[NewBatch]) -> Result<Recorded, LogError> {
        let Self { file, plans, head: known, bytes_max } = self;
        let name = &file.name;
        let transaction = name.sql(file.connection.transaction())?;
        // This process alone writes the file.
        let before = match known {
            Some(head) => *head,
            None => Head::read(&transaction, name)?,
        };
        let mut head = before;
        let mut checksum = Checksum::default();
        for batch in batches {
            let plan = name.sql(plan_of(&transaction, plans, &batch.plan))?;
            name.sql(insert(&transaction, &mut head, batch, &plan, &mut checksum))?;
        }
        name.sql(expire(&transaction, &mut head, before.last_batch, *bytes_max))?;
        if head != before {
            name.sql(head.write(&transaction))?;
        }
        name.sql(transaction.commit())?;
        *known = Some(head);
        let expired = head.expired_vectors - before.expired_vectors;
        Ok(Recorded { ids: before.vectors + 1..head.vectors + 1, expired })
    }
}

/// Requests of one plan that become a batch.
struct Group<'a> {
    requests: Vec<&'a ServedBatch>,
    bytes: usize,
}

/// The requests by plan, in the order in which each plan comes first.
fn batches_of(requests: &[ServedBatch]) -> Result<Vec<NewBatch>, LogError> {
    // Plans that are one `Arc`, or equal, are one. Which number each has, so that equal ones are compared once.
    let mut plans: Vec<(&Arc<ServedPlan>, usize)> = Vec::new();
    let mut groups: Vec<Vec<Group<'_>>> = Vec::new();
    for request in requests.iter().filter(|request| request.vectors() > 0) {
        let plan = &request.plan;
        let number = plans.iter().find(|(known, _)| Arc::ptr_eq(known, plan)).map(|(_, number)| *number);
        let number = number.unwrap_or_else(|| {
            let equal = plans.iter().find(|(known, _)| *known == plan).map(|(_, number)| *number);
            let number = equal.unwrap_or(groups.len());
            plans.push((plan, number));
            number
        });
        if number == groups.len() {
            groups.push(Vec::new());
        }
        let bytes = request.memory_bytes();
        match groups[number].last_mut().filter(|group| group.bytes + bytes <= BATCH_BYTES) {
            Some(group) => {
                group.requests.push(request);
                group.bytes += bytes;
            }
            None => groups[number].push(Group { requests: vec![request], bytes }),
        }
    }
    groups.iter().flatten().map(|group| new_batch(&group.requests)).collect()
}

fn new_batch(requests: &[&ServedBatch]) -> Result<NewBatch, LogError> {
    let as_ofs = requests.iter().map(|request| request.as_of.0);
    Ok(NewBatch {
        plan: Arc::clone(&requests[0].plan),
        vectors: requests.iter().map(|request| request.vectors() as u64).sum(),
        requests: requests.len() as u64,
        as_ofs: (as_ofs.clone().min().unwrap_or(0), as_ofs.max().unwrap_or(0)),
        last_offset: requests.iter().map(|request| request.offset).max().unwrap_or(0),
        body: body::encode(&requests[0].plan, requests)?,
    })
}

/// Writes a batch as the next one after `head`.
fn insert(
    connection: &Connection,
    head: &mut Head,
    batch: &NewBatch,
    plan: &KnownPlan,
    checksum: &mut Checksum,
) -> rusqlite::Result<()> {
    let sql =
        "INSERT INTO batches (number, plan, first_vector, vectors, requests, first_as_of, last_as_of, last_offset,
                                    checksum, body)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let numbers = [
        to_sql(head.last_batch + 1),
        to_sql(head.vectors + 1),
        to_sql(batch.vectors),
        to_sql(batch.requests),
        batch.as_ofs.0,
        batch.as_ofs.1,
        to_sql(batch.last_offset),
    ];
    let sum = batch_checksum(checksum, &plan.digest, &numbers, &batch.body);
    let [number, first_vector, vectors, requests, first_as_of, last_as_of, last_offset] = numbers;
    let values =
        (number, plan.id, first_vector, vectors, requests, first_as_of, last_as_of, last_offset, sum, &batch.body);
    connection.prepare_cached(sql)?.execute(values)?;
    head.last_batch += 1;
    head.last_checksum = sum;
    head.vectors += batch.vectors;
    Ok(())
}

/// Deletes the oldest batches until the file is within its limit; those after `kept_after` stay.
fn expire(connection: &Connection, head: &mut Head, kept_after: u64, bytes_max: u64) -> rusqlite::Result<()> {
    let number = |sql| connection.prepare_cached(sql)?.query_row([], |row| row.get::<_, i64>(0)).map(from_sql);
    loop {
        // Most commits ask for no more than this.
        let pages = number("PRAGMA page_count")?;
        if pages.saturating_mul(PAGE_BYTES_MAX) <= bytes_max {
            break;
        }
        let used = (pages - number("PRAGMA freelist_count")?) * number("PRAGMA page_size")?;
        let excess = used.saturating_sub(bytes_max);
        if excess == 0 {
            break;
        }
        let sql =
            "SELECT number, first_vector + vectors - 1, length(body) FROM batches WHERE number <= ?1 ORDER BY number";
        let mut oldest = connection.prepare_cached(sql)?;
        let mut rows = oldest.query([to_sql(kept_after)])?;
        let (mut last, mut freed) = (None, 0);
        while freed < excess {
            let Some(row) = rows.next()? else { break };
            let (number, last_vector, bytes): (i64, i64, i64) = row.try_into()?;
            last = Some((number, last_vector));
            freed += from_sql(bytes);
        }
        drop(rows);
        let Some((last, last_vector)) = last else { break };
        connection.prepare_cached("DELETE FROM batches WHERE number <= ?1")?.execute([last])?;
        (head.expired_batches, head.expired_vectors) = (from_sql(last), from_sql(last_vector));
    }
    Ok(())
}

/// The number and digest of a plan, a new number where the file does not have it.
fn plan_of(connection: &Connection, plans: &mut Vec<KnownPlan>, plan: &Arc<ServedPlan>) -> rusqlite::Result<KnownPlan> {
    if let Some(known) = plans.iter().find(|known| Arc::ptr_eq(&known.plan, plan)) {
        return Ok(known.clone());
    }
    let text = plan.text();
    let digest = digest(&text);
    let sql = "INSERT INTO plans (digest, body) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    connection.execute(sql, (&digest, &text))?;
    let id = connection.query_row("SELECT id FROM plans WHERE digest = ?1", [&digest], |row| row.get(0))?;
    if plans.len() == PLANS_KNOWN_MAX {
        plans.clear();
    }
    let known = KnownPlan { plan: Arc::clone(plan), id, digest: digest.into() };
    plans.push(known.clone());
    Ok(known)
}
