//! When events happened and when they were first known, as columns of files say it; and the ids of events.

use std::collections::HashSet;
use std::path::Path;

use super::ReadError;
use crate::batch::{Column, Lane, Value, Values};
use crate::files::{self, Nulls, Rest, Wanted};
use crate::project::Source;
use crate::schema::ValueType;
use crate::time::{AvailableAt, EventTime};

/// When the event in `row` was first known; `arrivals` may hold nulls.
pub(super) fn available_at(event_time: EventTime, arrivals: Option<&Column>, row: usize) -> AvailableAt {
    let arrival = arrivals.filter(|arrivals| !arrivals.is_null(row)).map(|arrivals| column_times(arrivals)[row]);
    AvailableAt::new(event_time, arrival.unwrap_or(event_time.0))
}

/// The column of the event time and, where there is one, that of the arrival time.
pub(super) fn time_columns(source: &Source) -> Vec<Wanted> {
    let mut columns = vec![Wanted::time(&source.event_time, Nulls::Refused, source.event_time_form())];
    if let Some(arrival) = &source.arrival_time {
        columns.push(Wanted::time(arrival, Nulls::Refused, source.arrival_time_form()));
    }
    columns
}

/// When each event was first known; an event without an arrival arrived when it happened.
pub(super) fn availabilities(event_times: &[i64], arrivals: &Lane) -> Vec<i64> {
    let Lane::Column(arrivals) = arrivals else { return event_times.to_vec() };
    let rows = event_times.iter().enumerate();
    rows.map(|(row, time)| available_at(EventTime(*time), Some(arrivals), row).0).collect()
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
                let available_at = available_at(EventTime(column_times(&table.columns[1])[row]), arrivals, row);
                if let (true, Value::Text(id)) = (available_at <= up_to, table.columns[0].value(row)) {
                    ids.insert(id);
                }
            }
        }
    }
    Ok(ids)
}

/// The times of a lane that was read as times.
pub(super) fn times(lane: &Lane) -> &[i64] {
    match lane {
        Lane::Column(column) => column_times(column),
        Lane::Short(_) | Lane::Coded(..) => &[],
    }
}

/// The times of a column that was read as times.
fn column_times(column: &Column) -> &[i64] {
    match column.values() {
        Values::Times(times) => times,
        _ => &[],
    }
}
