//! Reads what is known of the events of a source that have an id: rows of files, and pushed events.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::content::ContentFields;
use super::hash::{RowHash, add_lane, add_times, id_hash, id_hashes};
use super::records::{Place, Record, Records};
use crate::batch::{Lane, Value};
use crate::entity::{KeyInterner, KeyRows};
use crate::events::fields::incoming_of_file;
use crate::events::logged::{key_columns, key_of};
use crate::events::{EventBatch, EventSource, HistorySource, Position, Pushed, ReadError, ReadOptions};
use crate::files::{Input, Nulls, Rest, Storage, Wanted};
use crate::log::LoggedEvent;
use crate::project::{Key, Source};
use crate::schema::ValueType;
use crate::threads;
use crate::time::AvailableAt;

/// Sheets whose records wait for those before them.
const SHEETS_WAITING: usize = 1;

/// Pushed events whose content is made at once.
const LOGGED_ROWS: usize = 8_192;

/// What is needed to read the records of a source.
pub(super) struct Finder<'a> {
    pub(super) storage: &'a Arc<dyn Storage>,
    pub(super) source: &'a Source,
    /// The key columns of the view's entity.
    pub(super) keys: &'a [Key],
    pub(super) files: &'a [PathBuf],
    pub(super) up_to: Option<AvailableAt>,
    /// The column of the ids.
    pub(super) id: &'a str,
    pub(super) content: &'a ContentFields<'a>,
    pub(super) asked: Option<&'a KeyInterner>,
    pub(super) options: ReadOptions<'a>,
}

impl Finder<'_> {
    /// The key columns of the source that are none of the view's entity.
    fn other_keys(&self) -> impl Iterator<Item = &Key> {
        self.source.keys.iter().filter(|key| !self.keys.contains(key))
    }

    /// Beside keys and times: the id, other key columns, then the fields of the content.
    fn columns(&self) -> Vec<Wanted> {
        let mut wanted = vec![Wanted::new(self.id, ValueType::Text, Nulls::Allowed)];
        wanted.extend(self.other_keys().map(|key| Wanted::new(&key.name, key.key_type.value_type(), Nulls::Allowed)));
        wanted.extend(self.content.wanted());
        wanted
    }

    pub(super) fn read_files(&self, records: &mut Records) -> Result<(), ReadError> {
        let history = HistorySource::with_columns(self.storage, self.source, self.keys, self.files, &self.columns())?;
        let parts = history.parts();
        let make = |at: usize, give: &mut dyn FnMut(Vec<Record>) -> bool| {
            history.read(at, Position::START, &mut |batch: EventBatch| {
                let goes_on = give(self.records(parts[at].file, &batch)) && !self.options.stop.load(Ordering::Relaxed);
                if goes_on { Ok(()) } else { Err(ReadError::Stopped) }
            })
        };
        threads::stream(self.options.threads, parts.len(), SHEETS_WAITING, make, |_, made| {
            records.extend(made.into_iter())
        })
    }

    /// The records of the rows of a batch that have an id and may count.
    fn records(&self, file: usize, batch: &EventBatch) -> Vec<Record> {
        let (keys, event_times, available) = (&batch.keys[..], &batch.event_times[..], batch.available());
        let rest = &batch.fields[..];
        let ids = id_hashes(&rest[0]);
        let mut matters: Vec<bool> = ids.iter().map(|id| *id != 0).collect();
        if let Some(up_to) = self.up_to {
            matters
                .iter_mut()
                .zip(available)
                .for_each(|(matters, at)| *matters &= AvailableAt::from_micros(*at).is_by(up_to));
        }
        if let Some(asked) = self.asked {
            let mut entities = Vec::with_capacity(batch.rows);
            asked.find_all(&KeyRows::of_lanes(keys), batch.rows, &mut entities);
            matters.iter_mut().zip(entities).for_each(|(matters, entity)| *matters &= entity != u32::MAX);
        }
        if !matters.contains(&true) {
            return Vec::new();
        }
        let (mut others, fields) = {
            let (others, fields) = rest[1..].split_at(self.other_keys().count());
            (others.iter(), fields)
        };
        // The keys of the content are in the order of the source.
        let own = |key: &Key| self.keys.iter().position(|own| own == key).map(|at| &keys[at]);
        let all = self.source.keys.iter().filter_map(|key| own(key).or_else(|| others.next()));
        let (entities, contents) = hashes(keys, event_times, all.chain(fields));
        let record = |row: usize| Record {
            id: ids[row],
            content: contents[row],
            entity: entities[row],
            available_at: available[row],
            place: Place::row(file, batch.rows_before() + row as u64),
        };
        (0..batch.rows).filter(|row| matters[*row]).map(record).collect()
    }

    /// The records of the pushed events of the source.
    pub(super) fn read_log(&self, pushed: &Pushed<'_>, records: &mut Records) -> Result<(), ReadError> {
        let mut waiting: Vec<LoggedEvent> = Vec::new();
        let mut append = |_, event: LoggedEvent| {
            if event.event_id.is_none() {
                return Ok(());
            }
            waiting.push(event);
            if waiting.len() < LOGGED_ROWS { Ok(()) } else { self.logged(std::mem::take(&mut waiting), records) }
        };
        pushed.each(self.source, self.keys, self.asked, Position::START, &mut append)?;
        self.logged(waiting, records)
    }

    fn logged(&self, events: Vec<LoggedEvent>, records: &mut Records) -> Result<(), ReadError> {
        let mut keys: Vec<Lane> = Vec::new();
        for (at, event) in events.iter().enumerate() {
            let columns = key_columns(&*key_of(self.source, self.keys, event)?)?;
            if at == 0 {
                keys = columns.into_iter().map(Lane::Column).collect();
                continue;
            }
            for (all, column) in keys.iter_mut().zip(&columns) {
                let Lane::Column(all) = all else { continue };
                all.append(column)?;
            }
        }
        let times: Vec<i64> = events.iter().map(|event| event.event_time.micros()).collect();
        let rows = events.iter().map(|event| (&event.key, event.fields.as_str()));
        let lanes = self.content.lanes(rows)?;
        let (entities, contents) = hashes(&keys, &times, lanes.iter());
        records.extend(events.iter().enumerate().map(|(row, event)| Record {
            id: id_hash(event.event_id.as_deref().unwrap_or_default().as_bytes()),
            content: contents[row],
            entity: entities[row],
            available_at: i64::MIN,
            place: Place::logged(event.offset),
        }))
    }

    /// The ids in some rows of a file, which increase.
    pub(super) fn ids_of(&self, input: &Input, rows: &[u64]) -> Result<Vec<String>, ReadError> {
        let wanted = vec![Wanted::new(self.id, ValueType::Text, Nulls::Allowed)];
        let wanted = incoming_of_file(self.source, input, wanted)?;
        let (mut ids, mut before) = (Vec::with_capacity(rows.len()), 0);
        for (number, part) in input.parts().iter().enumerate() {
            let after = part.rows.map_or(u64::MAX, |rows| before + rows);
            if rows.iter().any(|row| (before..after).contains(row)) {
                for table in input.tables(number, &wanted, Rest::Ignore)? {
                    let table = table?;
                    let here = table.rows_before..table.rows_before + table.rows as u64;
                    for row in rows.iter().filter(|row| here.contains(row)) {
                        ids.push(match table.columns[0].value((row - here.start) as usize) {
                            Value::Text(id) => id,
                            other => other.to_string(),
                        });
                    }
                    if ids.len() == rows.len() {
                        return Ok(ids);
                    }
                }
            }
            before = after;
        }
        Ok(ids)
    }
}

/// Per row, the hash of its key, and that of its content.
fn hashes<'l>(keys: &[Lane], event_times: &[i64], content: impl Iterator<Item = &'l Lane>) -> (Vec<u64>, Vec<u128>) {
    let mut hashes = vec![RowHash::new(); event_times.len()];
    keys.iter().for_each(|lane| add_lane(&mut hashes, lane));
    let entities = hashes.iter().map(|hash| (hash.finish() >> 64) as u64).collect();
    hashes.fill(RowHash::new());
    add_times(&mut hashes, event_times);
    content.for_each(|lane| add_lane(&mut hashes, lane));
    (entities, hashes.into_iter().map(RowHash::finish).collect())
}
