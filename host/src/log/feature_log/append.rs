//! Appending to the file: batches in one transaction, and the oldest go where the file is full.

use std::sync::Arc;

use rusqlite::Connection;

use super::{FeatureLog, Head, StoredBatch};
use crate::log::LogError;
use crate::log::file::{from_sql, to_sql};
use crate::log::place::Commit;

/// Plans whose numbers are remembered.
const PLANS_KNOWN_MAX: usize = 256;

/// The largest page that SQLite has.
const PAGE_BYTES_MAX: u64 = 64 << 10;

impl FeatureLog {
    /// Appends batches in one transaction. A process that dies afterwards loses none of them; a machine that loses its power may
    /// lose the newest, and then whole appends. Where the file is at its limit, the oldest batches go.
    pub(super) fn write(&mut self, batches: &[StoredBatch]) -> Result<Head, LogError> {
        if !self.file.is_writable() {
            return Err(LogError::ReadOnly { path: self.file.name.path.clone() });
        }
        let written = self.try_write(batches);
        if written.is_err() {
            // The plans that this would have added are not there.
            self.plans.clear();
            self.head = None;
        }
        written
    }

    fn try_write(&mut self, batches: &[StoredBatch]) -> Result<Head, LogError> {
        let Self { file, plans, head: known, bytes_max, .. } = self;
        let name = &file.name;
        let commit = file.place.as_ref().map(|place| place.begin_commit()).transpose()?;
        let transaction = name.sql(file.connection.transaction())?;
        // This process alone writes the file.
        let before = match known {
            Some(head) => *head,
            None => Head::read(&transaction, name)?,
        };
        let mut head = before;
        for batch in batches {
            head.check_follows(batch)?;
            let plan = name.sql(plan_id(&transaction, plans, batch))?;
            name.sql(insert(&transaction, &mut head, batch, plan))?;
        }
        name.sql(expire(&transaction, &mut head, before.last_batch, *bytes_max))?;
        if head != before {
            name.sql(head.write(&transaction))?;
        }
        name.sql(transaction.commit())?;
        commit.map_or(Ok(()), Commit::finish)?;
        *known = Some(head);
        Ok(head)
    }
}

/// Writes a batch, which is the next one after `head`.
fn insert(connection: &Connection, head: &mut Head, batch: &StoredBatch, plan: i64) -> rusqlite::Result<()> {
    let sql =
        "INSERT INTO batches (number, plan, first_vector, vectors, requests, first_as_of, last_as_of, last_offset,
                                    checksum, body)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    let [number, first_vector, vectors, requests, first_as_of, last_as_of, last_offset] = batch.numbers();
    let (sum, body) = (batch.checksum, &batch.body);
    let values = (number, plan, first_vector, vectors, requests, first_as_of, last_as_of, last_offset, sum, body);
    connection.prepare_cached(sql)?.execute(values)?;
    *head = head.with(batch);
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

/// The number of a batch's plan, a new one where the file does not have it.
fn plan_id(connection: &Connection, plans: &mut Vec<(Arc<str>, i64)>, batch: &StoredBatch) -> rusqlite::Result<i64> {
    let digest = &batch.plan_digest;
    if let Some((_, id)) = plans.iter().find(|(known, _)| known == digest) {
        return Ok(*id);
    }
    let sql = "INSERT INTO plans (digest, body) VALUES (?1, ?2) ON CONFLICT DO NOTHING";
    connection.execute(sql, (digest, batch.plan.text()))?;
    let id = connection.query_row("SELECT id FROM plans WHERE digest = ?1", [digest], |row| row.get(0))?;
    if plans.len() == PLANS_KNOWN_MAX {
        plans.clear();
    }
    plans.push((Arc::clone(digest), id));
    Ok(id)
}
