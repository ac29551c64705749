//! A few real events of a source, for whoever needs typical values rather than all of them.

use super::ReadError;
use super::logged::field_wanted;
use crate::batch::{Value, Values};
use crate::files::{self, Nulls, Rest, Wanted};
use crate::project::Source;
use crate::schema::Field;
use crate::time::EventTime;

/// At most `rows_max` events of the first rows of `path`, evenly spaced: event times, and the values of `fields`.
pub fn read_sample(
    source: &Source,
    path: &std::path::Path,
    fields: &[Field],
    rows_max: usize,
) -> Result<Vec<(EventTime, Vec<Value>)>, ReadError> {
    let mut wanted = vec![Wanted::time(&source.event_time, Nulls::Refused, source.event_time_form())];
    wanted.extend(fields.iter().map(|field| field_wanted(source, field)));
    let Some(table) = files::open(path, &wanted, Rest::Ignore)?.next().transpose()? else { return Ok(Vec::new()) };
    let Values::Times(times) = table.columns[0].values() else { return Ok(Vec::new()) };
    let step = table.rows.div_ceil(rows_max.max(1)).max(1);
    let sampled = (0..table.rows)
        .step_by(step)
        .map(|row| (EventTime(times[row]), table.columns[1..].iter().map(|column| column.value(row)).collect()));
    Ok(sampled.collect())
}
