//! The rows beside the events that are answered from: the clock, its repairs, and the histories. Each is checked where it is read.

use rusqlite::{Connection, OptionalExtension, Row};

use super::super::checksum::Checksum;
use super::super::clock::LogClock;
use super::super::file::{FileName, from_sql, to_sql};
use super::super::{History, LogError, LogHead, Repair};
use crate::time::AvailableAt;

/// What messages call the clock.
const CLOCK: &str = "the clock";

/// The newest offset and the clock.
pub(super) fn head(connection: &Connection, name: &FileName) -> Result<LogHead, LogError> {
    let sql = "SELECT (SELECT max(position) FROM events), last_arrival, name, last_as_of, epoch, checksum
               FROM clock LEFT JOIN sources ON sources.id = last_arrival_source";
    let columns = |row: &Row<'_>| {
        let (offset, source): (Option<i64>, Option<String>) = (row.get(0)?, row.get(2)?);
        let clock = LogClock {
            last_arrival: row.get(1)?,
            last_arrival_source: source.map(Into::into),
            last_as_of: row.get(3)?,
            epoch: from_sql(row.get(4)?),
        };
        Ok((LogHead { offset: offset.map_or(0, from_sql), clock }, row.get(5)?))
    };
    let found = || connection.prepare_cached(sql)?.query_row([], columns).optional();
    let Some((head, stored)) = name.sql(found())? else { return Err(gone(name, CLOCK).into()) };
    name.check(stored, clock_checksum(&head.clock), || CLOCK.to_owned())?;
    Ok(head)
}

/// Saves the clock, within the transaction of what it stamped.
pub(super) fn save(connection: &Connection, name: &FileName, clock: &LogClock) -> Result<(), LogError> {
    let sql = "UPDATE clock SET last_arrival = ?1, last_as_of = ?3, epoch = ?4, checksum = ?5,
               last_arrival_source = (SELECT id FROM sources WHERE name = ?2)";
    let (source, epoch) = (clock.last_arrival_source.as_deref(), to_sql(clock.epoch));
    let values = (clock.last_arrival, source, clock.last_as_of, epoch, clock_checksum(clock));
    let save = || connection.prepare_cached(sql)?.execute(values);
    match name.sql(save())? {
        0 => Err(gone(name, CLOCK).into()),
        _ => Ok(()),
    }
}

fn clock_checksum(clock: &LogClock) -> i64 {
    let mut checksum = Checksum::default();
    checksum.optional_number(clock.last_arrival).optional_text(clock.last_arrival_source.as_deref());
    checksum.optional_number(clock.last_as_of).number(to_sql(clock.epoch)).finish()
}

/// The error of a record that is not there any more.
pub(super) fn gone(name: &FileName, record: &str) -> super::super::FileError {
    name.damaged(record.to_owned(), "it is gone")
}

/// The repairs, one for each epoch of the clock but the first.
pub(super) fn repairs(connection: &Connection, name: &FileName) -> Result<Vec<Repair>, LogError> {
    // The epoch first: a repair that comes meanwhile is one more than it says.
    let epoch = head(connection, name)?.clock.epoch;
    let sql = "SELECT epoch, repaired_at, first_offset, last_offset, floor, checksum FROM repairs ORDER BY epoch";
    let columns = |row: &Row<'_>| {
        let repair = Repair {
            epoch: from_sql(row.get(0)?),
            repaired_at: row.get(1)?,
            first_offset: from_sql(row.get(2)?),
            last_offset: from_sql(row.get(3)?),
            floor: row.get(4)?,
        };
        Ok((repair, row.get(5)?))
    };
    let rows = || connection.prepare_cached(sql)?.query_map([], columns)?.collect::<rusqlite::Result<Vec<_>>>();
    let mut repairs = Vec::new();
    for (repair, stored) in name.sql(rows())? {
        let number = repairs.len() as u64 + 1;
        if repair.epoch != number {
            return Err(gone(name, &record(number)).into());
        }
        name.check(stored, repair_checksum(&repair), || record(number))?;
        repairs.push(repair);
    }
    match repairs.len() as u64 {
        found if found < epoch => Err(gone(name, &record(found + 1)).into()),
        _ => Ok(repairs),
    }
}

/// What messages call a repair.
fn record(epoch: u64) -> String {
    format!("the repair that opened epoch {epoch}")
}

pub(super) fn add_repair(connection: &Connection, repair: &Repair) -> rusqlite::Result<()> {
    let sql = "INSERT INTO repairs (epoch, repaired_at, first_offset, last_offset, floor, checksum)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let (epoch, offsets) = (to_sql(repair.epoch), (to_sql(repair.first_offset), to_sql(repair.last_offset)));
    let values = (epoch, repair.repaired_at, offsets.0, offsets.1, repair.floor, repair_checksum(repair));
    connection.execute(sql, values).map(|_| ())
}

fn repair_checksum(repair: &Repair) -> i64 {
    let mut checksum = Checksum::default();
    checksum.number(to_sql(repair.epoch)).number(repair.repaired_at);
    checksum.number(to_sql(repair.first_offset)).number(to_sql(repair.last_offset)).number(repair.floor).finish()
}

/// The history in a row of `id, up_to, body, checksum`.
pub(super) fn history(
    name: &FileName,
    (id, up_to, body, stored): (i64, i64, String, i64),
) -> Result<(i64, History), LogError> {
    let record = || format!("history {id}");
    name.check(stored, history_checksum(id, up_to, &body), record)?;
    let damaged = |source| LogError::Record { path: name.path.clone(), record: record(), source };
    Ok((id, History { up_to: AvailableAt::from_micros(up_to), sources: serde_json::from_str(&body).map_err(damaged)? }))
}

/// Adds a history, and gives its id.
pub(super) fn add_history(connection: &Connection, up_to: i64, body: &str) -> rusqlite::Result<i64> {
    let next = "SELECT coalesce(max(id), 0) + 1 FROM histories";
    let id: i64 = connection.query_row(next, [], |row| row.get(0))?;
    let sql = "INSERT INTO histories (id, up_to, body, checksum) VALUES (?1, ?2, ?3, ?4)";
    connection.execute(sql, (id, up_to, body, history_checksum(id, up_to, body)))?;
    Ok(id)
}

fn history_checksum(id: i64, up_to: i64, body: &str) -> i64 {
    Checksum::default().start().number(id).number(up_to).text(body).finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::schema::EVENT_LOG;

    #[test]
    fn the_clock_of_a_new_log_has_its_checksum() {
        let row =
            format!("INSERT INTO clock VALUES (1, NULL, NULL, NULL, 0, {});", clock_checksum(&LogClock::default()));
        assert!(EVENT_LOG.tables.contains(&row), "{row}");
    }
}
