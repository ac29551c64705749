//! Rows of Arrow batches as lines of CSV or NDJSON.

use std::io::{self, Write};
use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{CastOptions, cast, cast_with_options};
use arrow::datatypes::{
    DataType, Field, Float64Type, Int64Type, Schema, TimeUnit, TimestampMicrosecondType, TimestampNanosecondType,
    UInt64Type,
};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use chrono::{DateTime, SecondsFormat};
use serde_json::Value as Json;

use super::error::{InputError, InputFault};
use super::json::to_json;
use super::read::Rest;
use super::storage::Storage;
use crate::batch::Value;
use crate::time::format_time;

/// Writes the header of a CSV file.
pub(super) fn csv_header(schema: &Schema, out: &mut impl Write) -> io::Result<()> {
    let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
    csv_line(&names, out)
}

/// Writes the rows of `batch` as lines of CSV: a null as an empty field, floats in the shortest digits that read back to the
/// same bits, times in ISO 8601 and UTC, lists as JSON arrays, anything else as Arrow displays it.
pub(super) fn csv_rows(batch: &RecordBatch, out: &mut impl Write) -> Result<(), ArrowError> {
    each_row(batch, |_, cells| {
        let texts: Vec<String> = cells
            .into_iter()
            .map(|cell| match cell {
                Cell::Null => String::new(),
                Cell::Float64(number) => format!("{number:?}"),
                Cell::Text(text) => text,
                Cell::Json(json) => json.to_string(),
            })
            .collect();
        Ok(csv_line(&texts, out)?)
    })
}

/// The key of a field's metadata that says that its texts are JSON, to be written as they are; a null is a field that is not
/// there.
pub const AS_JSON: &str = "onepath.as_json";

/// Writes the rows of `batch` as JSON objects, one a line, with every field.
pub(super) fn ndjson_rows(batch: &RecordBatch, out: &mut impl Write) -> Result<(), ArrowError> {
    let is_json = |field: &Field| field.metadata().contains_key(AS_JSON);
    let as_json: Vec<bool> = batch.schema().fields().iter().map(|field| is_json(field)).collect();
    each_row(batch, |fields, cells| {
        let mut before = b'{';
        for ((field, cell), as_json) in fields.iter().zip(cells).zip(&as_json) {
            let json = match cell {
                Cell::Null if *as_json => continue,
                Cell::Text(json) if *as_json => json,
                Cell::Null => Json::Null.to_string(),
                Cell::Float64(number) => to_json(&Value::Float64(number)).to_string(),
                Cell::Text(text) => Json::String(text).to_string(),
                Cell::Json(json) => json.to_string(),
            };
            out.write_all(&[before])?;
            write!(out, "{}:{json}", Json::from(field.name().as_str()))?;
            before = b',';
        }
        Ok(out.write_all(if before == b'{' { b"{}\n" } else { b"}\n" })?)
    })
}

/// The first rows of a file as texts: its column names, then up to `rows` rows. A null is `null`.
pub fn head(storage: &dyn Storage, path: &Path, rows: usize) -> Result<(Vec<String>, Vec<Vec<String>>), InputError> {
    let fail = |error| InputError::new(path, InputFault::Decode(error));
    let (mut names, mut lines) = (super::column_names(storage, path)?, Vec::new());
    for table in super::open(storage, path, &[], Rest::Keep)? {
        let Some(batch) = table?.rest else { continue };
        names = batch.schema().fields().iter().map(|field| field.name().clone()).collect();
        let batch = batch.slice(0, batch.num_rows().min(rows - lines.len()));
        each_row(&batch, |_, cells| {
            let texts = cells.into_iter().map(|cell| match cell {
                Cell::Null => "null".to_owned(),
                Cell::Float64(number) => format!("{number:?}"),
                Cell::Text(text) => text,
                Cell::Json(json) => json.to_string(),
            });
            lines.push(texts.collect());
            Ok(())
        })
        .map_err(fail)?;
        if lines.len() == rows {
            break;
        }
    }
    Ok((names, lines))
}

/// One line of CSV. A line of one empty field is written as `""`, because a reader skips empty lines.
fn csv_line(fields: &[String], out: &mut impl Write) -> io::Result<()> {
    if let [field] = fields
        && field.is_empty()
    {
        return out.write_all(b"\"\"\n");
    }
    for (at, field) in fields.iter().enumerate() {
        if at > 0 {
            out.write_all(b",")?;
        }
        if field.contains([',', '"', '\n', '\r']) {
            write!(out, "\"{}\"", field.replace('"', "\"\""))?;
        } else {
            out.write_all(field.as_bytes())?;
        }
    }
    out.write_all(b"\n")
}

/// A value on its way into a text format.
enum Cell {
    Null,
    Float64(f64),
    Text(String),
    /// What both formats spell alike: booleans, integers and lists.
    Json(Json),
}

fn each_row(
    batch: &RecordBatch,
    mut write: impl FnMut(&[std::sync::Arc<Field>], Vec<Cell>) -> Result<(), ArrowError>,
) -> Result<(), ArrowError> {
    let arrays = batch.columns().iter().map(plain).collect::<Result<Vec<_>, _>>()?;
    let formatters = arrays.iter().map(formatter).collect::<Result<Vec<_>, _>>()?;
    let schema = batch.schema();
    for row in 0..batch.num_rows() {
        let cells = arrays.iter().zip(&formatters).map(|(array, formatter)| cell(array, formatter.as_ref(), row));
        write(schema.fields(), cells.collect())?;
    }
    Ok(())
}

/// The array in the one layout of its kind: integers as Int64 (or UInt64), floats as Float64, texts as Utf8, timestamps in
/// microseconds where that loses nothing, lists of numbers as lists of Float64.
fn plain(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let to = match array.data_type() {
        DataType::UInt64 => DataType::UInt64,
        found if found.is_integer() => DataType::Int64,
        found if found.is_floating() => DataType::Float64,
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::Dictionary(_, values) => return plain(&cast(array, values)?),
        DataType::Timestamp(TimeUnit::Second | TimeUnit::Millisecond, zone) => {
            DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
        }
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _)
            if item.data_type().is_floating() =>
        {
            DataType::new_list(DataType::Float64, true)
        }
        found => found.clone(),
    };
    // A value that does not fit is an error, never a null.
    cast_with_options(array, &to, &CastOptions { safe: false, ..CastOptions::default() })
}

/// Arrow's own display of an array, where ours does not know its type.
fn formatter(array: &ArrayRef) -> Result<Option<ArrayFormatter<'_>>, ArrowError> {
    const OPTIONS: FormatOptions<'static> = FormatOptions::new();
    Ok(match array.data_type() {
        DataType::Boolean | DataType::Int64 | DataType::UInt64 | DataType::Float64 | DataType::Utf8 => None,
        DataType::Timestamp(TimeUnit::Microsecond | TimeUnit::Nanosecond, _) => None,
        DataType::List(item) if *item.data_type() == DataType::Float64 => None,
        _ => Some(ArrayFormatter::try_new(array.as_ref(), &OPTIONS)?),
    })
}

fn cell(array: &ArrayRef, formatter: Option<&ArrayFormatter<'_>>, row: usize) -> Cell {
    if array.is_null(row) || *array.data_type() == DataType::Null {
        return Cell::Null;
    }
    if let Some(formatter) = formatter {
        return Cell::Text(formatter.value(row).to_string());
    }
    match array.data_type() {
        DataType::Boolean => Cell::Json(Json::Bool(array.as_boolean().value(row))),
        DataType::Int64 => Cell::Json(Json::from(array.as_primitive::<Int64Type>().value(row))),
        DataType::UInt64 => Cell::Json(Json::from(array.as_primitive::<UInt64Type>().value(row))),
        DataType::Float64 => Cell::Float64(array.as_primitive::<Float64Type>().value(row)),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => {
            let nanos = array.as_primitive::<TimestampNanosecondType>().value(row);
            Cell::Text(DateTime::from_timestamp_nanos(nanos).to_rfc3339_opts(SecondsFormat::AutoSi, true))
        }
        DataType::Timestamp(..) => Cell::Text(format_time(array.as_primitive::<TimestampMicrosecondType>().value(row))),
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            let number = |number: Option<f64>| number.map_or(Json::Null, |number| to_json(&Value::Float64(number)));
            Cell::Json(Json::Array(items.as_primitive::<Float64Type>().iter().map(number).collect()))
        }
        _ => Cell::Text(array.as_string::<i32>().value(row).to_owned()),
    }
}
