//! Columns as Arrow arrays, for what is written.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, ListArray, StringArray, TimestampMicrosecondArray,
};
use arrow::buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, TimeUnit};
use arrow::error::ArrowError;

use crate::batch::{Column, Values};
use crate::schema::ValueType;

/// The Arrow type of a column: times are timestamps in microseconds and UTC, lists are lists of Float64.
pub fn arrow_type(value_type: ValueType) -> DataType {
    match value_type {
        ValueType::Bool => DataType::Boolean,
        ValueType::Int64 => DataType::Int64,
        ValueType::Float64 => DataType::Float64,
        ValueType::Text => DataType::Utf8,
        ValueType::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ValueType::Float64List => DataType::List(list_item()),
    }
}

/// The Arrow field of a column.
pub fn arrow_field(name: &str, value_type: ValueType, nullable: bool) -> Field {
    Field::new(name, arrow_type(value_type), nullable)
}

fn list_item() -> Arc<Field> {
    Arc::new(Field::new_list_field(DataType::Float64, true))
}

/// The rows of `column` as an array of [`arrow_type`], nulls as nulls.
///
/// Fails where the texts or lists of the column exceed what Arrow's offsets reach (2,147,483,647), and where a text is not
/// UTF-8.
pub fn to_arrow(column: &Column) -> Result<ArrayRef, ArrowError> {
    into_arrow(column.clone())
}

/// As [`to_arrow`]; the values are handed over, not copied.
pub fn into_arrow(column: Column) -> Result<ArrayRef, ArrowError> {
    let nulls = column.nulls().map(|nulls| nulls.iter().map(|null| *null == 0).collect::<NullBuffer>());
    Ok(match column.into_values() {
        Values::Booleans(values) => {
            Arc::new(BooleanArray::new(values.iter().map(|value| *value != 0).collect(), nulls))
        }
        Values::Int64s(values) => Arc::new(Int64Array::new(values.into(), nulls)),
        Values::Float64s(values) => Arc::new(Float64Array::new(values.into(), nulls)),
        Values::Times(values) => Arc::new(TimestampMicrosecondArray::new(values.into(), nulls).with_timezone("UTC")),
        Values::Texts(texts) => {
            Arc::new(StringArray::try_new(offsets(&texts.ends)?, Buffer::from_vec(texts.bytes), nulls)?)
        }
        Values::Float64Lists(lists) => {
            let items = Arc::new(Float64Array::new(lists.values.into(), None));
            Arc::new(ListArray::try_new(list_item(), offsets(&lists.ends)?, items, nulls)?)
        }
    })
}

fn offsets(ends: &[u32]) -> Result<OffsetBuffer<i32>, ArrowError> {
    let last = ends.last().copied().unwrap_or(0);
    if i32::try_from(last).is_err() {
        return Err(ArrowError::OffsetOverflowError(last as usize));
    }
    let offsets: ScalarBuffer<i32> = std::iter::once(0).chain(ends.iter().map(|end| *end as i32)).collect();
    Ok(OffsetBuffer::new(offsets))
}
