//! Values of both, and whether two of them are one.

use std::fmt;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{
    DataType, Field, Float32Type, Float64Type, Int64Type, TimeUnit, TimestampNanosecondType, UInt64Type,
};
use arrow::error::ArrowError;
use serde::Deserialize;
use serde_json::Value;

use super::reason::Reason;
use crate::time::format_time;

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    /// A float32, widened.
    Single(f64),
    Text(String),
    /// Nanoseconds since the epoch.
    Time(i128),
    List(Vec<f64>),
    Other(String),
}

/// Whether two values are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Same {
    Yes,
    /// No, for a reason that lies in the types alone.
    But(Reason),
    No,
}

impl Cell {
    /// Whether this value of onepath is `there`, of Feast.
    pub fn same(&self, there: &Self) -> Same {
        let yes = |is: bool| if is { Same::Yes } else { Same::No };
        match (self, there) {
            (Self::Float(here), Self::Null) if here.is_nan() => Same::But(Reason::Nan),
            (Self::Float(here), Self::Float(there)) => yes(is_same(*here, *there)),
            (Self::Float(here), Self::Single(there)) if !is_same(*here, *there) => {
                match is_same(f64::from(*here as f32), *there) {
                    true => Same::But(Reason::Float32),
                    false => Same::No,
                }
            }
            (Self::Float(here), Self::Single(there)) => yes(is_same(*here, *there)),
            // pandas has integers beside nulls as float64.
            (Self::Int(here), Self::Float(there)) if *here as f64 == *there => {
                match *there as i128 == *here && here.abs() <= 1 << 53 {
                    true => Same::Yes,
                    false => Same::But(Reason::LargeInteger),
                }
            }
            (Self::Float(here), Self::Int(there)) => yes(*here == *there as f64 && *here as i128 == *there),
            (Self::Time(here), Self::Time(there)) if here != there => match there.div_euclid(1_000) * 1_000 == *here {
                true => Same::But(Reason::TimeValue),
                false => Same::No,
            },
            (Self::List(here), Self::List(there)) => {
                yes(here.len() == there.len() && here.iter().zip(there).all(|(here, there)| is_same(*here, *there)))
            }
            _ => yes(self == there),
        }
    }
}

fn is_same(here: f64, there: f64) -> bool {
    here == there || (here.is_nan() && there.is_nan())
}

/// The values of a column.
pub(super) fn cells(array: &ArrayRef) -> Result<Vec<Cell>, ArrowError> {
    let all = |of: &dyn Fn(usize) -> Cell| -> Vec<Cell> {
        (0..array.len()).map(|at| if array.is_null(at) { Cell::Null } else { of(at) }).collect()
    };
    Ok(match array.data_type() {
        DataType::Null => vec![Cell::Null; array.len()],
        DataType::Boolean => all(&|at| Cell::Bool(array.as_boolean().value(at))),
        DataType::UInt64 => all(&|at| Cell::Int(array.as_primitive::<UInt64Type>().value(at).into())),
        kind if kind.is_integer() => {
            let wide = cast(array, &DataType::Int64)?;
            all(&|at| Cell::Int(wide.as_primitive::<Int64Type>().value(at).into()))
        }
        DataType::Float32 => all(&|at| Cell::Single(array.as_primitive::<Float32Type>().value(at).into())),
        kind if kind.is_floating() => {
            let wide = cast(array, &DataType::Float64)?;
            all(&|at| Cell::Float(wide.as_primitive::<Float64Type>().value(at)))
        }
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let texts = cast(array, &DataType::Utf8)?;
            all(&|at| Cell::Text(texts.as_string::<i32>().value(at).to_owned()))
        }
        DataType::Timestamp(unit, _) => {
            let scale = match unit {
                TimeUnit::Second => 1_000_000_000,
                TimeUnit::Millisecond => 1_000_000,
                TimeUnit::Microsecond => 1_000,
                TimeUnit::Nanosecond => 1,
            };
            let numbers = cast(array, &DataType::Int64)?;
            all(&|at| Cell::Time(i128::from(numbers.as_primitive::<Int64Type>().value(at)) * scale))
        }
        DataType::Date32 | DataType::Date64 => {
            let times = cast(array, &DataType::Timestamp(TimeUnit::Nanosecond, None))?;
            all(&|at| Cell::Time(times.as_primitive::<TimestampNanosecondType>().value(at).into()))
        }
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _)
            if item.data_type().is_numeric() =>
        {
            let numbers = DataType::List(Field::new_list_field(DataType::Float64, true).into());
            let lists = cast(array, &numbers)?;
            all(&|at| {
                let items = lists.as_list::<i32>().value(at);
                Cell::List(items.as_primitive::<Float64Type>().iter().map(|item| item.unwrap_or(f64::NAN)).collect())
            })
        }
        DataType::Dictionary(_, values) => return cells(&cast(array, values)?),
        other => all(&|_| Cell::Other(other.to_string())),
    })
}

/// A value as the reader writes it: a float64 by its bits, a time by its nanoseconds.
impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(of_json(&Value::deserialize(deserializer)?))
    }
}

fn of_json(value: &Value) -> Cell {
    let float = |value: &Value| match value.get("bits") {
        Some(bits) => bits.as_u64().map(f64::from_bits),
        None => value.as_f64(),
    };
    match value {
        Value::Null => Cell::Null,
        Value::Bool(value) => Cell::Bool(*value),
        Value::Number(number) => match number.as_i128() {
            Some(number) => Cell::Int(number),
            None => Cell::Other(number.to_string()),
        },
        Value::String(text) => Cell::Text(text.clone()),
        Value::Array(items) => match items.iter().map(float).collect() {
            Some(items) => Cell::List(items),
            None => Cell::Other(value.to_string()),
        },
        Value::Object(parts) => match (float(value), parts.get("ns").and_then(Value::as_i64)) {
            (Some(float), _) => Cell::Float(float),
            (None, Some(ns)) => Cell::Time(ns.into()),
            (None, None) => Cell::Other(value.to_string()),
        },
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) | Self::Single(value) => write!(f, "{value:?}"),
            Self::Text(text) if text.chars().count() > 40 => {
                write!(f, "{:?}...", text.chars().take(40).collect::<String>())
            }
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Time(ns) => f.write_str(&time(*ns)),
            Self::List(items) => {
                let shown: Vec<String> = items.iter().take(3).map(|item| format!("{item:?}")).collect();
                let more = if items.len() > 3 { format!(", ... {} items", items.len()) } else { String::new() };
                write!(f, "[{}{more}]", shown.join(", "))
            }
            Self::Other(text) => f.write_str(text),
        }
    }
}

/// A time by its nanoseconds.
pub(super) fn time(ns: i128) -> String {
    let (micros, rest) = (ns.div_euclid(1_000), ns.rem_euclid(1_000));
    let text = i64::try_from(micros).map_or_else(|_| format!("{ns}ns"), format_time);
    if rest == 0 { text } else { format!("{text} and {rest} ns") }
}
