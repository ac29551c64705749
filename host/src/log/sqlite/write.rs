//! Writing the log: one transaction a call, which names the term of its writer.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use super::super::checksum::Checksum;
use super::super::clock::LogClock;
use super::super::file::{FileName, SqliteFile, from_sql, to_sql};
use super::super::place::Commit;
use super::super::sources::encode;
use super::super::{History, LogBatch, LogError, LoggedEvent, LoggedSource, Repair};
use super::read::event_checksum;
use super::rows;

/// What messages call the row of the newest term.
const TERM: &str = "the term of the writer";

fn lock(writer: &Mutex<SqliteFile>) -> MutexGuard<'_, SqliteFile> {
    // A writer that panicked has rolled its transaction back.
    writer.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn begin_term(writer: &Mutex<SqliteFile>) -> Result<u64, LogError> {
    let SqliteFile { connection, name, place, .. } = &mut *lock(writer);
    let commit = place.as_ref().map(|place| place.begin_commit()).transpose()?;
    let sql = "UPDATE writer SET term = term + 1 RETURNING term";
    // A row comes before its transaction is on disk: by itself the statement would give a term that is not kept.
    let transaction = name.sql(connection.transaction_with_behavior(TransactionBehavior::Immediate))?;
    let term = name.sql(transaction.query_row(sql, [], |row| row.get(0)).optional())?;
    let term = from_sql(term.ok_or_else(|| rows::gone(name, TERM))?);
    name.sql(transaction.commit())?;
    commit.map_or(Ok(()), Commit::finish)?;
    Ok(term)
}

/// Runs `write` in a transaction of the writer of a term, and commits it.
fn in_term<T>(
    writer: &Mutex<SqliteFile>,
    term: u64,
    write: impl FnOnce(&Transaction<'_>, &FileName) -> Result<T, LogError>,
) -> Result<T, LogError> {
    let SqliteFile { connection, name, place, .. } = &mut *lock(writer);
    let name: &FileName = name;
    let commit = place.as_ref().map(|place| place.begin_commit()).transpose()?;
    let transaction = name.sql(connection.transaction_with_behavior(TransactionBehavior::Immediate))?;
    let current = || transaction.prepare_cached("SELECT term FROM writer")?.query_row([], |row| row.get(0)).optional();
    let current = from_sql(name.sql(current())?.ok_or_else(|| rows::gone(name, TERM))?);
    if current != term {
        return Err(LogError::Fenced { path: name.path.clone(), term, current });
    }
    let written = write(&transaction, name)?;
    name.sql(transaction.commit())?;
    // On disk, in the file that is named: only that is acknowledged.
    commit.map_or(Ok(()), Commit::finish)?;
    Ok(written)
}

pub(super) fn append(writer: &Mutex<SqliteFile>, term: u64, batch: &LogBatch<'_>) -> Result<(), LogError> {
    in_term(writer, term, |transaction, name| {
        let last = || {
            let mut last = transaction.prepare_cached("SELECT max(position) FROM events")?;
            last.query_row([], |row| row.get::<_, Option<i64>>(0)).map(|last| last.map_or(0, from_sql))
        };
        let (last, expected) = (name.sql(last())?, batch.expected);
        if last != expected {
            return Err(LogError::Moved { path: name.path.clone(), expected, last });
        }
        let write = || {
            declare(transaction, batch.sources)?;
            insert(transaction, batch.events)?;
            if batch.refused_future > 0 {
                let sql = "INSERT INTO counters (name, value) VALUES ('refused_future', ?1)
                           ON CONFLICT DO UPDATE SET value = value + ?1";
                transaction.execute(sql, [to_sql(batch.refused_future)])?;
            }
            Ok(())
        };
        name.sql(write())?;
        rows::save(transaction, name, batch.clock)
    })
}

pub(super) fn save_clock(writer: &Mutex<SqliteFile>, term: u64, clock: &LogClock) -> Result<(), LogError> {
    in_term(writer, term, |transaction, name| rows::save(transaction, name, clock))
}

pub(super) fn open_epoch(
    writer: &Mutex<SqliteFile>,
    term: u64,
    repair: &Repair,
    clock: &LogClock,
) -> Result<(), LogError> {
    in_term(writer, term, |transaction, name| {
        name.sql(rows::add_repair(transaction, repair))?;
        rows::save(transaction, name, clock)
    })
}

pub(super) fn record_history(
    writer: &Mutex<SqliteFile>,
    term: u64,
    history: &History,
    clock: &LogClock,
) -> Result<i64, LogError> {
    in_term(writer, term, |transaction, name| {
        let record = || "a new history".to_owned();
        let damaged = |source| LogError::Record { path: name.path.clone(), record: record(), source };
        let body = serde_json::to_string(&history.sources).map_err(damaged)?;
        let id = name.sql(rows::add_history(transaction, history.up_to.micros(), &body))?;
        rows::save(transaction, name, clock)?;
        Ok(id)
    })
}

/// Keeps the key columns of sources.
fn declare(connection: &Connection, sources: &[LoggedSource]) -> rusqlite::Result<()> {
    let sql = "INSERT INTO sources (name, keys) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET keys = ?2";
    sources.iter().try_for_each(|source| {
        connection.prepare_cached(sql)?.execute((&source.name, encode(&source.keys))).map(|_| ())
    })
}

/// The number of `source`, a new one where the log does not have it.
fn source_id(connection: &Connection, source: &str) -> rusqlite::Result<i64> {
    let mut known = connection.prepare_cached("SELECT id FROM sources WHERE name = ?1")?;
    match known.query_row([source], |row| row.get(0)).optional()? {
        Some(id) => Ok(id),
        None => {
            connection.prepare_cached("INSERT INTO sources (name) VALUES (?1)")?.execute([source])?;
            Ok(connection.last_insert_rowid())
        }
    }
}

/// Writes the events at their offsets.
fn insert(connection: &Connection, events: &[LoggedEvent]) -> rusqlite::Result<()> {
    let sql = "INSERT INTO events (position, source, entity, event_time, available_at, event_id, fields, checksum)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let mut add = connection.prepare_cached(sql)?;
    let mut checksum = Checksum::default();
    let mut known: Option<(&str, i64)> = None;
    for event in events {
        let LoggedEvent { offset, source, event_time, available_at, event_id, fields, .. } = event;
        let id = match known.filter(|(name, _)| name == source) {
            Some((_, id)) => id,
            None => source_id(connection, source)?,
        };
        known = Some((source, id));
        let entity = event.key.encode();
        let sum = event_checksum(&mut checksum, event, &entity);
        add.execute((to_sql(*offset), id, &entity, event_time.micros(), available_at.micros(), event_id, fields, sum))?;
    }
    Ok(())
}
