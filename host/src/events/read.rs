//! Reads the events of a view: the files of each source, then what was pushed to it, in the order that decides ties.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::logged::{append_fields, field_wanted, key_columns, key_of};
use super::{ReadError, SourceInput};
use crate::batch::{Column, Value, Values};
use crate::entity::KeyInterner;
use crate::files::{self, InputError, Nulls, Rest, Table, Wanted};
use crate::log::LoggedEvent;
use crate::project::Source;
use crate::schema::{Field, ValueType};
use crate::time::{AvailableAt, EventTime};

/// The events of one view. Rows are in the order of (source, files before log, position), which decides ties in time.
#[derive(Clone, Debug, Default)]
pub struct EventSet {
    /// Per event, the entity's number in the view's interner.
    pub entities: Vec<u32>,
    /// Per event, when it happened.
    pub event_times: Vec<EventTime>,
    /// Per event, when it was first known.
    pub available_at: Vec<AvailableAt>,
    /// Per event, its offset in the log; 0 for events from files.
    pub log_offsets: Vec<u64>,
    /// The event fields of the view's transform, one row per event.
    pub fields: Vec<Column>,
}

/// Which entities matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// All: new ones get numbers.
    All,
    /// Only those that the interner knows; events of others are left out.
    Known,
}

/// How many events a file held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileCount {
    /// The source.
    pub source: String,
    /// The file.
    pub path: PathBuf,
    /// All its events.
    pub rows: u64,
    /// Those left out because they became available after the cut.
    pub after_cut: u64,
}

/// Reads the events of `sources` (in the view's order) with the columns `fields`.
///
/// Where several sources feed one view, a nullable field that one of them does not have is null in its events.
pub fn read_events(
    fields: &[Field],
    sources: &[SourceInput<'_>],
    interner: &mut KeyInterner,
    keep: Keep,
) -> Result<(EventSet, Vec<FileCount>), ReadError> {
    let mut events =
        EventSet { fields: fields.iter().map(|field| Column::new(field.value_type)).collect(), ..EventSet::default() };
    let mut counts = Vec::new();
    for input in sources {
        let pushed_ids = match (&input.pushed, &input.source.event_id) {
            (Some(pushed), Some(_)) => pushed.log.event_ids(&input.source.name)?,
            _ => HashSet::new(),
        };
        for path in &input.files {
            let present = present_fields(path, fields, sources.len())?;
            let wanted = wanted(input, fields, &present, !pushed_ids.is_empty());
            let mut count = FileCount { source: input.source.name.clone(), path: path.clone(), rows: 0, after_cut: 0 };
            for table in files::open(path, &wanted, Rest::Ignore)? {
                let table = table?;
                count.rows += table.rows as u64;
                count.after_cut += events.append_table(input, &table, &present, interner, keep, &pushed_ids)?;
            }
            counts.push(count);
        }
        if let Some(pushed) = &input.pushed {
            let append = |event| events.append_logged(input, fields, event, interner, keep);
            pushed.log.read(&input.source.name, 0, pushed.up_to, append)?;
        }
    }
    Ok((events, counts))
}

/// The ids of the events in files of `source` that were available by `up_to`; none where its events have no ids.
pub(crate) fn event_ids_of_files<'a>(
    source: &Source,
    files: impl Iterator<Item = &'a Path>,
    up_to: AvailableAt,
) -> Result<HashSet<String>, ReadError> {
    let mut ids = HashSet::new();
    let Some(id) = &source.event_id else { return Ok(ids) };
    let mut wanted = vec![Wanted::new(id, ValueType::Text, Nulls::Allowed)];
    wanted.extend(time_columns(source));
    for path in files {
        for table in files::open(path, &wanted, Rest::Ignore)? {
            let table = table?;
            let arrivals = source.arrival_time.as_ref().map(|_| &table.columns[2]);
            for row in 0..table.rows {
                let available_at = available_at(EventTime(times(&table.columns[1])[row]), arrivals, row);
                if let (true, Value::Text(id)) = (available_at <= up_to, table.columns[0].value(row)) {
                    ids.insert(id);
                }
            }
        }
    }
    Ok(ids)
}

/// When the event in `row` was first known; `arrivals` may hold nulls.
fn available_at(event_time: EventTime, arrivals: Option<&Column>, row: usize) -> AvailableAt {
    let arrival = arrivals.filter(|arrivals| !arrivals.is_null(row)).map(|arrivals| times(arrivals)[row]);
    AvailableAt::new(event_time, arrival.unwrap_or(event_time.0))
}

/// The column of the event time and, where there is one, that of the arrival time.
fn time_columns(source: &Source) -> Vec<Wanted> {
    let column = |name: &str, nulls, unit| Wanted { name: name.to_owned(), value_type: ValueType::Time, nulls, unit };
    let mut columns = vec![column(&source.event_time, Nulls::Refused, source.event_time_unit)];
    if let Some(arrival) = &source.arrival_time {
        columns.push(column(arrival, Nulls::Allowed, source.arrival_time_unit));
    }
    columns
}

/// Which fields a file has. With one source all must be there; the reader says which one is missing.
pub(super) fn present_fields(path: &Path, fields: &[Field], sources: usize) -> Result<Vec<bool>, InputError> {
    if sources == 1 {
        return Ok(vec![true; fields.len()]);
    }
    let names = files::column_names(path)?;
    Ok(fields.iter().map(|field| !field.nullable || names.contains(&field.name)).collect())
}

/// The columns to read: keys, event time, arrival time, event id, then the fields that are there.
fn wanted(input: &SourceInput<'_>, fields: &[Field], present: &[bool], ids: bool) -> Vec<Wanted> {
    let source = input.source;
    let mut wanted: Vec<Wanted> =
        input.keys.iter().map(|key| Wanted::new(&key.name, key.key_type.value_type(), Nulls::Refused)).collect();
    wanted.extend(time_columns(source));
    if let (true, Some(id)) = (ids, &source.event_id) {
        wanted.push(Wanted::new(id, ValueType::Text, Nulls::Allowed));
    }
    for (field, _) in fields.iter().zip(present).filter(|(_, present)| **present) {
        wanted.push(field_wanted(source, field));
    }
    wanted
}

impl EventSet {
    /// How many events.
    pub fn len(&self) -> usize {
        self.entities.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entities.is_empty()
    }

    /// Appends the events of a table; returns how many were left out because of the cut.
    fn append_table(
        &mut self,
        input: &SourceInput<'_>,
        table: &Table,
        present: &[bool],
        interner: &mut KeyInterner,
        keep: Keep,
        pushed_ids: &HashSet<String>,
    ) -> Result<u64, ReadError> {
        let (keys, mut rest) = table.columns.split_at(input.keys.len());
        let event_times = times(&rest[0]);
        rest = &rest[1..];
        let arrivals = input.source.arrival_time.is_some().then(|| {
            let column = &rest[0];
            rest = &rest[1..];
            column
        });
        let ids = (!pushed_ids.is_empty()).then(|| {
            let column = &rest[0];
            rest = &rest[1..];
            column
        });
        let (mut rows, mut after_cut) = (Vec::with_capacity(table.rows), 0);
        for (row, event_time) in event_times.iter().copied().map(EventTime).enumerate() {
            let available_at = available_at(event_time, arrivals, row);
            if input.up_to.is_some_and(|up_to| available_at > up_to) {
                after_cut += 1;
                continue;
            }
            // An event that was also pushed counts once, as it was pushed: that is how serving saw it.
            if ids.is_some_and(|ids| matches!(ids.value(row), Value::Text(id) if pushed_ids.contains(&id))) {
                continue;
            }
            let entity = match keep {
                Keep::All => interner.intern(keys, row),
                Keep::Known => match interner.find(keys, row) {
                    Some(entity) => entity,
                    None => continue,
                },
            };
            self.push_row(entity, event_time, available_at, 0)?;
            rows.push(row as u32);
        }
        let mut columns = rest.iter();
        for (field, present) in self.fields.iter_mut().zip(present) {
            match if *present { columns.next() } else { None } {
                Some(column) => field.extend_from(column, &rows)?,
                None => rows.iter().for_each(|_| field.push_null()),
            }
        }
        Ok(after_cut)
    }

    /// Appends one pushed event.
    fn append_logged(
        &mut self,
        input: &SourceInput<'_>,
        fields: &[Field],
        event: LoggedEvent,
        interner: &mut KeyInterner,
        keep: Keep,
    ) -> Result<(), ReadError> {
        let keys = key_columns(&*key_of(input.source, input.keys, &event)?)?;
        let entity = match keep {
            Keep::All => interner.intern(&keys, 0),
            Keep::Known => match interner.find(&keys, 0) {
                Some(entity) => entity,
                None => return Ok(()),
            },
        };
        append_fields(&mut self.fields, input.source, fields, &event)?;
        self.push_row(entity, event.event_time, event.available_at, event.offset)
    }

    fn push_row(
        &mut self,
        entity: u32,
        event_time: EventTime,
        available_at: AvailableAt,
        offset: u64,
    ) -> Result<(), ReadError> {
        if self.entities.len() >= u32::MAX as usize {
            return Err(ReadError::TooMany);
        }
        self.entities.push(entity);
        self.event_times.push(event_time);
        self.available_at.push(available_at);
        self.log_offsets.push(offset);
        Ok(())
    }
}

/// The times of a column that was read as times.
fn times(column: &Column) -> &[i64] {
    match column.values() {
        Values::Times(times) => times,
        _ => &[],
    }
}
