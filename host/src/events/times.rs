//! When events happened and when they were first known, as columns of files say it.

use super::ReadError;
use crate::batch::{Column, Lane, Values};
use crate::files::{Nulls, Wanted};
use crate::project::Source;
use crate::time::{AvailableAt, EventTime};

/// When the event in `row` was first known; `arrivals` may hold nulls.
pub(super) fn available_at(event_time: EventTime, arrivals: Option<&Column>, row: usize) -> AvailableAt {
    let arrival = arrivals.filter(|arrivals| !arrivals.is_null(row)).map(|arrivals| column_times(arrivals)[row]);
    AvailableAt::new(event_time, arrival.unwrap_or(event_time.micros()))
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
    rows.map(|(row, time)| available_at(EventTime::from_micros(*time), Some(arrivals), row).micros()).collect()
}

/// The times of a lane that was read as times.
pub(super) fn times(lane: Lane) -> Result<Vec<i64>, ReadError> {
    match lane.into_column()?.into_values() {
        Values::Times(times) => Ok(times),
        _ => Ok(Vec::new()),
    }
}

/// The times of a column that was read as times.
pub(super) fn column_times(column: &Column) -> &[i64] {
    match column.values() {
        Values::Times(times) => times,
        _ => &[],
    }
}
