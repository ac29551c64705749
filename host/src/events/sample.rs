//! A few real events of a source, for whoever needs typical values rather than all of them.

use super::ReadError;
use super::logged::field_wanted;
use super::read::present_fields;
use crate::batch::{Value, Values};
use crate::files::{self, Nulls, Rest, Wanted};
use crate::project::Source;
use crate::schema::{Field, ValueType};
use crate::time::EventTime;

/// At most `rows_max` events of the first rows of `path`, evenly spaced: event times, and the values of `fields`. `sources` is
/// how many sources the view has: with several, a nullable field that this one lacks is null.
pub fn read_sample(
    source: &Source,
    path: &std::path::Path,
    fields: &[Field],
    sources: usize,
    rows_max: usize,
) -> Result<Vec<(EventTime, Vec<Value>)>, ReadError> {
    let present = present_fields(&files::Input::open(path)?, fields, sources)?;
    let mut wanted = vec![Wanted {
        name: source.event_time.clone(),
        value_type: ValueType::Time,
        nulls: Nulls::Refused,
        unit: source.event_time_unit,
    }];
    let kept = fields.iter().zip(&present).filter(|(_, present)| **present);
    wanted.extend(kept.map(|(field, _)| field_wanted(source, field)));
    let Some(table) = files::open(path, &wanted, Rest::Ignore)?.next().transpose()? else { return Ok(Vec::new()) };
    let Values::Times(times) = table.columns[0].values() else { return Ok(Vec::new()) };
    let step = table.rows.div_ceil(rows_max.max(1)).max(1);
    let sampled = (0..table.rows).step_by(step).map(|row| {
        let mut columns = table.columns[1..].iter();
        let value = |present: &bool| match if *present { columns.next() } else { None } {
            Some(column) => column.value(row),
            None => Value::Null,
        };
        (EventTime(times[row]), present.iter().map(value).collect())
    });
    Ok(sampled.collect())
}
