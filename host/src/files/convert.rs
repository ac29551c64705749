//! Arrow arrays to typed columns: the one place that says which type of a file becomes which type of ours.
//!
//! | wanted | taken |
//! |---|---|
//! | bool | booleans |
//! | int64 | integers of any width and sign, and decimals of scale 0, if they fit |
//! | float64 | floats of any width, widened exactly; integers and decimals of scale 0 that a float64 equals; other decimals, rounded to nearest |
//! | text | UTF-8 in any layout; decimals, as their digits |
//! | time | timestamps of any unit and zone, dates; texts and numbers that [`crate::time::TimeForm`] reads |
//! | `list<float64>` | lists of any layout whose items are taken by float64; no item is null |
//!
//! Dictionaries are taken as their values, and a column of Arrow's null type as nulls of any type. A timestamp without a zone
//! is UTC; nanoseconds of events round up, all others down.

use std::path::Path;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, FixedSizeListArray, OffsetSizeTrait, PrimitiveArray, StringArray,
    StringViewArray,
};
use arrow::compute::cast;
use arrow::datatypes::{
    ArrowPrimitiveType, DataType, Date32Type, Date64Type, Float64Type, Int64Type, TimeUnit as ArrowUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt64Type,
};

use super::decimal;
use super::error::{InputError, InputFault};
use super::read::{Nulls, Wanted};
use super::text::{inexact, micros, out_of_range};
use crate::batch::{Column, Float64Lists, Texts, Values, canonical};
use crate::schema::ValueType;
use crate::time::{Instant, TimeError, TimeUnit};

/// The type that values of the type `found` have here if nobody says otherwise; `None` for one that has no counterpart.
pub(super) fn natural_type(found: &DataType) -> Option<ValueType> {
    Some(match found {
        DataType::Boolean => ValueType::Bool,
        found if decimal::scale(found).is_some() => return decimal::natural_type(found),
        found if found.is_integer() => ValueType::Int64,
        found if found.is_floating() => ValueType::Float64,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => ValueType::Text,
        DataType::Dictionary(_, values) => return natural_type(values),
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => ValueType::Time,
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _)
            if item.data_type().is_floating() =>
        {
            ValueType::Float64List
        }
        _ => return None,
    })
}

/// A fault, and the row of the array (counted from 0) where it is.
#[derive(Debug)]
pub(super) struct Misfit {
    /// The row, if it is the fault of one.
    pub row: Option<usize>,
    /// What is wrong.
    pub fault: InputFault,
}

impl Misfit {
    /// A fault of one row.
    pub fn at(row: usize, fault: InputFault) -> Self {
        Self { row: Some(row), fault }
    }

    /// The fault as an error of `file`, given how many of its rows come before the array.
    pub fn into_error(self, file: &Path, wanted: &Wanted, rows_before: u64) -> InputError {
        let error = InputError::new(file, self.fault).in_column(&wanted.name);
        match self.row {
            Some(row) => error.at_row(rows_before + row as u64 + 1),
            None => error,
        }
    }
}

impl From<InputFault> for Misfit {
    fn from(fault: InputFault) -> Self {
        Self { row: None, fault }
    }
}

/// Whether arrays of type `found` can become the wanted column: what is known before the first row.
pub(super) fn check_type(found: &DataType, wanted: &Wanted) -> Result<(), InputFault> {
    let fits = match (wanted.value_type, found) {
        (_, DataType::Null) => true,
        (_, DataType::Dictionary(_, values)) => return check_type(values, wanted),
        (value_type, found) if decimal::scale(found).is_some() => decimal::fits(found, value_type),
        (ValueType::Bool, found) => *found == DataType::Boolean,
        (ValueType::Int64, found) => found.is_integer(),
        (ValueType::Float64, found) => found.is_integer() || found.is_floating(),
        (ValueType::Text, found) => is_text(found),
        // Integers without a unit may be dates as YYYYMMDD.
        (ValueType::Time, found) if found.is_floating() && wanted.time.unit.is_none() => {
            return Err(InputFault::NoUnit { name: wanted.name.clone() });
        }
        (ValueType::Time, found) => {
            let is_number = found.is_integer() || found.is_floating();
            is_number
                || is_text(found)
                || matches!(found, DataType::Timestamp(..) | DataType::Date32 | DataType::Date64)
        }
        (
            ValueType::Float64List,
            DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _),
        ) => {
            let item = item.data_type();
            item.is_integer() || item.is_floating() || decimal::fits(item, ValueType::Float64)
        }
        (ValueType::Float64List, _) => false,
    };
    if fits { Ok(()) } else { Err(InputFault::Type { found: found.to_string(), expected: wanted.value_type }) }
}

fn is_text(found: &DataType) -> bool {
    matches!(found, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// The rows of `array` as the wanted column. Numbers that nobody else holds, and that need no conversion, are not copied.
/// Times that are rounded are counted.
pub(super) fn column(array: ArrayRef, wanted: &Wanted, rounded: &mut u64) -> Result<Column, Misfit> {
    check_type(array.data_type(), wanted)?;
    if let DataType::Dictionary(_, values) = array.data_type() {
        return column(cast(&array, values).map_err(InputFault::Decode)?, wanted, rounded);
    }
    let nulls = null_bytes(&array, wanted)?;
    if *array.data_type() == DataType::Null {
        let mut column = Column::with_capacity(wanted.value_type, array.len());
        (0..array.len()).for_each(|_| column.push_null());
        return Ok(column);
    }
    let values = match wanted.value_type {
        ValueType::Bool => Values::Booleans(booleans(array.as_boolean())),
        ValueType::Int64 => Values::Int64s(int64s(array)?),
        ValueType::Float64 => Values::Float64s(float64s(array)?),
        ValueType::Text => Values::Texts(texts(array)?),
        ValueType::Time => Values::Times(times(array, wanted, rounded)?),
        ValueType::Float64List => Values::Float64Lists(lists(&array)?),
    };
    Ok(Column::from_parts(values, nulls))
}

/// One byte per row, 1 for null; `None` where no row is null. A null that `wanted` refuses is a misfit.
pub(super) fn null_bytes(array: &ArrayRef, wanted: &Wanted) -> Result<Option<Vec<u8>>, Misfit> {
    let Some(nulls) = array.logical_nulls().filter(|nulls| nulls.null_count() > 0) else { return Ok(None) };
    match (wanted.nulls, nulls.iter().position(|is_valid| !is_valid)) {
        (Nulls::Refused, Some(row)) => Err(Misfit::at(row, InputFault::Null)),
        _ => Ok(Some(nulls.iter().map(|is_valid| u8::from(!is_valid)).collect())),
    }
}

/// `convert` of each value that is not null, 0 elsewhere: what lies under a null may be anything.
fn numbers<T: ArrowPrimitiveType, O: Copy + Default>(
    array: &PrimitiveArray<T>,
    mut convert: impl FnMut(T::Native) -> Result<O, InputFault>,
) -> Result<Vec<O>, Misfit> {
    let mut misfit = None;
    let mut number = |row: usize, value: T::Native| {
        convert(value).unwrap_or_else(|fault| {
            misfit.get_or_insert(Misfit::at(row, fault));
            O::default()
        })
    };
    let values = array.values().iter().enumerate();
    let numbers = match array.nulls() {
        None => values.map(|(row, value)| number(row, *value)).collect(),
        Some(nulls) => {
            values.map(|(row, value)| if nulls.is_null(row) { O::default() } else { number(row, *value) }).collect()
        }
    };
    misfit.map_or(Ok(numbers), Err)
}

/// Each value that is not null after `clean`, 0 elsewhere; without a copy, where nobody else holds the array.
fn kept<T: ArrowPrimitiveType>(array: ArrayRef, clean: impl Fn(T::Native) -> T::Native) -> Vec<T::Native> {
    let array = {
        let own = array.as_primitive::<T>().clone();
        drop(array);
        own
    };
    let (_, values, nulls) = array.into_parts();
    let mut values = Vec::from(values);
    match nulls {
        None => values.iter_mut().for_each(|value| *value = clean(*value)),
        Some(nulls) => values.iter_mut().zip(&nulls).for_each(|(value, is_valid)| {
            *value = if is_valid { clean(*value) } else { T::Native::default() };
        }),
    }
    values
}

fn booleans(array: &BooleanArray) -> Vec<u8> {
    array.iter().map(|value| u8::from(value.unwrap_or(false))).collect()
}

fn int64s(array: ArrayRef) -> Result<Vec<i64>, Misfit> {
    if decimal::scale(array.data_type()).is_some() {
        return decimal::int64s(&array);
    }
    if *array.data_type() == DataType::UInt64 {
        let fit = |value: u64| {
            i64::try_from(value)
                .map_err(|_| InputFault::Value(format!("{value} is beyond the greatest int64, 9223372036854775807")))
        };
        return numbers(array.as_primitive::<UInt64Type>(), fit);
    }
    Ok(kept::<Int64Type>(widened(array, &DataType::Int64)?, |value| value))
}

/// The array, with its values as `wider`.
fn widened(array: ArrayRef, wider: &DataType) -> Result<ArrayRef, InputFault> {
    if array.data_type() == wider { Ok(array) } else { cast(&array, wider).map_err(InputFault::Decode) }
}

fn float64s(array: ArrayRef) -> Result<Vec<f64>, Misfit> {
    let exact = |integer: i128| exact_float(integer).ok_or_else(|| inexact(integer));
    match array.data_type() {
        found if decimal::scale(found).is_some() => decimal::float64s(&array),
        DataType::UInt64 => numbers(array.as_primitive::<UInt64Type>(), |value| exact(i128::from(value))),
        found if found.is_integer() => {
            let array = widened(array, &DataType::Int64)?;
            numbers(array.as_primitive::<Int64Type>(), |value| exact(i128::from(value)))
        }
        _ => Ok(kept::<Float64Type>(widened(array, &DataType::Float64)?, canonical)),
    }
}

/// The float64 that equals `integer`.
pub fn exact_float64(integer: i64) -> Result<f64, InputFault> {
    exact_float(i128::from(integer)).ok_or_else(|| inexact(integer))
}

/// The float64 that equals an integer of at most 64 bits, if there is one.
pub(super) fn exact_float(integer: i128) -> Option<f64> {
    let float = integer as f64;
    (float as i128 == integer).then_some(float)
}

/// The texts of an array in any of Arrow's layouts, a null as `None`.
fn text_rows(array: &ArrayRef) -> Box<dyn Iterator<Item = Option<&str>> + '_> {
    match array.data_type() {
        DataType::LargeUtf8 => Box::new(array.as_string::<i64>().iter()),
        DataType::Utf8View => Box::new(array.as_any().downcast_ref::<StringViewArray>().into_iter().flatten()),
        _ => Box::new(array.as_any().downcast_ref::<StringArray>().into_iter().flatten()),
    }
}

fn texts(array: ArrayRef) -> Result<Texts, Misfit> {
    if decimal::scale(array.data_type()).is_some() {
        return decimal::texts(&array);
    }
    if let Some(strings) = array.as_string_opt::<i32>().filter(|strings| strings.null_count() == 0) {
        let (offsets, bytes, _) = strings.clone().into_parts();
        drop(array);
        let (first, last) = (offsets[0], offsets[offsets.len() - 1]);
        let mut bytes = match first {
            // Without a copy, where nobody else holds them.
            0 => bytes.into_vec().unwrap_or_else(|bytes| bytes.to_vec()),
            _ => bytes[first as usize..].to_vec(),
        };
        bytes.truncate((last - first) as usize);
        return Ok(Texts { ends: offsets[1..].iter().map(|end| (end - first) as u32).collect(), bytes });
    }
    let mut texts = Texts { ends: Vec::with_capacity(array.len()), bytes: Vec::new() };
    for text in text_rows(&array) {
        texts.bytes.extend_from_slice(text.unwrap_or_default().as_bytes());
        texts.ends.push(end(texts.bytes.len())?);
    }
    Ok(texts)
}

/// The times of an array, rounded as `wanted` says; what was rounded is counted.
fn times(array: ArrayRef, wanted: &Wanted, rounded: &mut u64) -> Result<Vec<i64>, Misfit> {
    fn of<T: ArrowPrimitiveType<Native = i64>>(array: &ArrayRef, unit: TimeUnit) -> Result<Vec<i64>, Misfit> {
        let micros = |value: i64| unit.to_micros(value).ok_or_else(|| out_of_range(&value.to_string()));
        numbers(array.as_primitive::<T>(), micros)
    }
    let midnight = |days: i64| days.checked_mul(86_400_000_000).ok_or_else(|| out_of_range(&format!("day {days}")));
    let mut read = |found: Result<Instant, TimeError>| micros(found, wanted, rounded);
    match array.data_type() {
        DataType::Timestamp(ArrowUnit::Second, _) => of::<TimestampSecondType>(&array, TimeUnit::Seconds),
        DataType::Timestamp(ArrowUnit::Millisecond, _) => {
            of::<TimestampMillisecondType>(&array, TimeUnit::Milliseconds)
        }
        DataType::Timestamp(ArrowUnit::Microsecond, _) => Ok(kept::<TimestampMicrosecondType>(array, |time| time)),
        DataType::Timestamp(ArrowUnit::Nanosecond, _) => {
            numbers(array.as_primitive::<TimestampNanosecondType>(), |nanos| read(Ok(Instant::of_nanos(nanos))))
        }
        DataType::Date32 => numbers(array.as_primitive::<Date32Type>(), |days| midnight(i64::from(days))),
        DataType::Date64 => {
            numbers(array.as_primitive::<Date64Type>(), |millis| midnight(millis.div_euclid(86_400_000)))
        }
        DataType::UInt64 => numbers(array.as_primitive::<UInt64Type>(), |number| {
            let number = i64::try_from(number).map_err(|_| out_of_range(&number.to_string()))?;
            read(wanted.time.integer(number))
        }),
        found if found.is_integer() => {
            let array = widened(array, &DataType::Int64)?;
            numbers(array.as_primitive::<Int64Type>(), |number| read(wanted.time.integer(number)))
        }
        found if found.is_floating() => {
            let array = widened(array, &DataType::Float64)?;
            numbers(array.as_primitive::<Float64Type>(), |number| read(wanted.time.float(number)))
        }
        _ => text_rows(&array)
            .enumerate()
            .map(|(row, text)| match text {
                Some(text) => read(wanted.time.text(text)).map_err(|fault| Misfit::at(row, fault)),
                None => Ok(0),
            })
            .collect(),
    }
}

fn lists(array: &ArrayRef) -> Result<Float64Lists, Misfit> {
    match array.data_type() {
        DataType::LargeList(_) => offset_lists::<i64>(array),
        DataType::FixedSizeList(..) => fixed_lists(array.as_fixed_size_list()),
        _ => offset_lists::<i32>(array),
    }
}

fn offset_lists<O: OffsetSizeTrait>(array: &ArrayRef) -> Result<Float64Lists, Misfit> {
    let array = array.as_list::<O>();
    let offsets = array.value_offsets();
    let span = |row: usize| offsets[row].as_usize()..offsets[row + 1].as_usize();
    gather(array, array.values(), span)
}

fn fixed_lists(array: &FixedSizeListArray) -> Result<Float64Lists, Misfit> {
    let length = usize::try_from(array.value_length()).expect("Arrow refuses negative lengths");
    gather(array, array.values(), |row| row * length..(row + 1) * length)
}

/// The lists of the rows of `array` that are not null, each at the `span` of its row in `items`.
fn gather(
    array: &dyn Array,
    items: &ArrayRef,
    span: impl Fn(usize) -> std::ops::Range<usize>,
) -> Result<Float64Lists, Misfit> {
    let mut lists = Float64Lists { ends: Vec::with_capacity(array.len()), values: Vec::new() };
    for row in 0..array.len() {
        if !array.is_null(row) {
            let span = span(row);
            let items = items.slice(span.start, span.len());
            if items.null_count() > 0 {
                return Err(Misfit::at(row, InputFault::Value("holds a list with a null in it".to_owned())));
            }
            lists.values.extend(float64s(items).map_err(|misfit| Misfit::at(row, misfit.fault))?);
        }
        lists.ends.push(end(lists.values.len())?);
    }
    Ok(lists)
}

/// The end of a row at `length` bytes or items.
pub(super) fn end(length: usize) -> Result<u32, InputFault> {
    u32::try_from(length).map_err(|_| InputFault::TooLarge(crate::batch::ColumnError::TooLarge))
}
