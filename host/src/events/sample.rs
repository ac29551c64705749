//! A few real events of a source, for whoever needs typical values rather than all of them.

use std::sync::Arc;

use super::ReadError;
use super::fields::{as_read, field_wanted, incoming_of_file};
use crate::batch::{Value, Values};
use crate::files::{self, InputError, InputFault, Nulls, Rest, Storage, Wanted};
use crate::project::Source;
use crate::schema::Field;
use crate::time::EventTime;

/// At most `rows_max` events of the first rows of `path`, evenly spaced: event times, and the values of `fields`.
pub fn read_sample(
    storage: &Arc<dyn Storage>,
    source: &Source,
    path: &std::path::Path,
    fields: &[Field],
    rows_max: usize,
) -> Result<Vec<(EventTime, Vec<Value>)>, ReadError> {
    let mut wanted = vec![Wanted::time(&source.event_time, Nulls::Refused, source.event_time_form())];
    wanted.extend(fields.iter().map(|field| field_wanted(source, field)));
    let wanted = incoming_of_file(source, &files::Input::open(storage, path)?, wanted)?;
    let Some(table) = files::open(storage, path, &wanted, Rest::Ignore)?.next().transpose()? else {
        return Ok(Vec::new());
    };
    let Values::Times(times) = table.columns[0].values() else { return Ok(Vec::new()) };
    let step = table.rows.div_ceil(rows_max.max(1)).max(1);
    let mut sampled = Vec::with_capacity(rows_max.min(table.rows));
    for row in (0..table.rows).step_by(step) {
        let wrong = |at: usize, fault: InputFault| {
            InputError::new(path, fault).at_row(row as u64 + 1).in_column(&wanted[at + 1].name)
        };
        let values = table.columns[1..].iter().zip(fields).enumerate();
        let values = values.map(|(at, (column, field))| as_read(column.value(row), field).map_err(|f| wrong(at, f)));
        sampled.push((EventTime::from_micros(times[row]), values.collect::<Result<_, _>>()?));
    }
    Ok(sampled)
}
