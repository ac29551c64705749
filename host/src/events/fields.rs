//! How the fields of a source are read: each by its type in the schema, from the column of the input that holds it.

use super::ReadError;
use crate::batch::{Column, Lane, Value, Values};
use crate::files::{self, Input, InputError, InputFault, Nulls, Wanted};
use crate::project::{AmbiguousColumn, Source};
use crate::schema::{Field, ValueType};

/// How to read one event field, by our name. Its type is the one that the project declares, which a view may read as float64:
/// see [`as_read`]. A field that is the event time or arrival time column is read as that.
pub(super) fn field_wanted(source: &Source, field: &Field) -> Wanted {
    let nulls = if is_read_nullable(source, field) { Nulls::Allowed } else { Nulls::Refused };
    Wanted { time: source.time_form(&field.name), ..Wanted::new(&field.name, read_type(source, field), nulls) }
}

/// How to read the event fields of a view, by our names: see [`append_fields`](super::append_fields).
pub(crate) fn wanted_fields(source: &Source, fields: &[Field]) -> Vec<Wanted> {
    fields.iter().map(|field| field_wanted(source, field)).collect()
}

/// The type by which a view's field of a source is read: the declared one, or else the view's.
pub(crate) fn read_type(source: &Source, field: &Field) -> ValueType {
    let declared = source.declared_type(&field.name);
    declared.filter(|declared| declared.can_be_read_as(field.value_type)).unwrap_or(field.value_type)
}

/// Whether a view's field of a source may be null: where neither the view nor the project needs a value.
pub(crate) fn is_read_nullable(source: &Source, field: &Field) -> bool {
    field.nullable && source.field(&field.name).is_none_or(|declared| declared.nullable != Some(false))
}

/// A value of the schema's type as the view reads it.
pub(super) fn as_read(value: Value, field: &Field) -> Result<Value, InputFault> {
    match (value, field.value_type) {
        (Value::Int64(value), ValueType::Float64) => files::exact_float64(value).map(Value::Float64),
        (value, _) => Ok(value),
    }
}

/// The names of the columns of an input, where names are mapped; without a mapping they decide nothing.
pub(super) fn mapped_names(source: &Source, input: &Input) -> Result<Vec<String>, InputError> {
    if source.columns.is_empty() { Ok(Vec::new()) } else { input.column_names() }
}

/// Wanted columns by the names that an input with the columns `names` gives them.
pub(super) fn incoming(
    source: &Source,
    names: &[String],
    mut wanted: Vec<Wanted>,
) -> Result<Vec<Wanted>, AmbiguousColumn> {
    if source.columns.is_empty() {
        return Ok(wanted);
    }
    for column in &mut wanted {
        column.name = source.incoming(&column.name, |name| names.iter().any(|known| known == name))?.to_owned();
    }
    Ok(wanted)
}

/// As [`incoming`], for a file.
pub(super) fn incoming_of_file(source: &Source, input: &Input, wanted: Vec<Wanted>) -> Result<Vec<Wanted>, InputError> {
    let names = mapped_names(source, input)?;
    incoming(source, &names, wanted).map_err(|error| ambiguous(input.path(), &error))
}

/// An input that has one value under two names.
pub(super) fn ambiguous(path: &std::path::Path, error: &AmbiguousColumn) -> InputError {
    InputError::new(path, InputFault::Value(error.to_string()))
}

/// A lane of whole numbers as float64; `wrong` says where the value of a row, from 0, is.
pub(super) fn widened(lane: Lane, wrong: impl Fn(usize, InputFault) -> InputError) -> Result<Lane, ReadError> {
    let column = lane.into_column()?;
    if column.value_type() != ValueType::Int64 {
        return Ok(Lane::Column(column));
    }
    Ok(Lane::Column(exact_floats(&column).map_err(|(row, fault)| wrong(row, fault))?))
}

/// A column of whole numbers as float64, where that is exact; else the first row, from 0, where it is not.
pub(crate) fn exact_floats(column: &Column) -> Result<Column, (usize, InputFault)> {
    let Values::Int64s(values) = column.values() else { return Ok(column.clone()) };
    let float = |(row, value): (usize, &i64)| files::exact_float64(*value).map_err(|fault| (row, fault));
    let floats = values.iter().enumerate().map(float).collect::<Result<Vec<f64>, _>>()?;
    Ok(Column::from_parts(Values::Float64s(floats), column.nulls().map(<[u8]>::to_vec)))
}
