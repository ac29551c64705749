//! Columns as JSON that keeps every bit: `{"int64":[1,null]}`.
//!
//! A float64 is its 64 bits in hexadecimal, 16 digits, so NaN, infinities and -0.0 come back as they were.

use std::fmt::Write as _;

use serde::de::{Deserialize, Deserializer, Error as _, Unexpected};

use crate::batch::{Column, ColumnError, Value, Values};
use crate::schema::ValueType;

/// Appends the column to a JSON text.
pub(super) fn write_column(json: &mut String, column: &Column) {
    let _ = match column.values() {
        Values::Booleans(_) => write!(json, "{{\"bool\":["),
        Values::Int64s(_) => write!(json, "{{\"int64\":["),
        Values::Float64s(_) => write!(json, "{{\"float64\":["),
        Values::Texts(_) => write!(json, "{{\"text\":["),
        Values::Times(_) => write!(json, "{{\"time\":["),
        Values::Float64Lists(_) => write!(json, "{{\"list<float64>\":["),
    };
    for row in 0..column.len() {
        if row > 0 {
            json.push(',');
        }
        write_value(json, column, row);
    }
    json.push_str("]}");
}

fn write_value(json: &mut String, column: &Column, row: usize) {
    if column.is_null(row) {
        return json.push_str("null");
    }
    match column.values() {
        Values::Booleans(values) => json.push_str(if values[row] != 0 { "true" } else { "false" }),
        Values::Int64s(values) | Values::Times(values) => {
            let _ = write!(json, "{}", values[row]);
        }
        Values::Float64s(values) => write_bits(json, values[row]),
        Values::Texts(_) => write_text(json, column.text(row).unwrap_or_default()),
        Values::Float64Lists(lists) => {
            json.push('[');
            let start = if row == 0 { 0 } else { lists.ends[row - 1] as usize };
            for (at, number) in lists.values[start..lists.ends[row] as usize].iter().enumerate() {
                if at > 0 {
                    json.push(',');
                }
                write_bits(json, *number);
            }
            json.push(']');
        }
    }
}

fn write_text(json: &mut String, text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        json.push('"');
        json.push_str(&text);
        json.push('"');
    } else {
        json.push_str(&serde_json::to_string(&text).expect("a text is always JSON"));
    }
}

fn write_bits(json: &mut String, number: f64) {
    let bits = number.to_bits();
    json.push('"');
    for digit in (0..16).rev() {
        json.push(char::from(b"0123456789abcdef"[(bits >> (digit * 4)) as usize & 15]));
    }
    json.push('"');
}

/// A column as it was written.
#[derive(serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum StoredColumn {
    Bool(Vec<Option<bool>>),
    Int64(Vec<Option<i64>>),
    Float64(Vec<Option<Bits>>),
    Text(Vec<Option<String>>),
    Time(Vec<Option<i64>>),
    #[serde(rename = "list<float64>")]
    Float64List(Vec<Option<Vec<Bits>>>),
}

/// A float64 by its bits.
pub(super) struct Bits(f64);

impl StoredColumn {
    /// The column that was written.
    pub(super) fn column(self) -> Result<Column, ColumnError> {
        match self {
            Self::Bool(values) => column(ValueType::Bool, values, Value::Bool),
            Self::Int64(values) => column(ValueType::Int64, values, Value::Int64),
            Self::Float64(values) => column(ValueType::Float64, values, |Bits(number)| Value::Float64(number)),
            Self::Text(values) => column(ValueType::Text, values, Value::Text),
            Self::Time(values) => column(ValueType::Time, values, Value::Time),
            Self::Float64List(values) => column(ValueType::Float64List, values, |numbers| {
                Value::Float64List(numbers.into_iter().map(|Bits(number)| number).collect())
            }),
        }
    }
}

fn column<T>(value_type: ValueType, values: Vec<Option<T>>, of: fn(T) -> Value) -> Result<Column, ColumnError> {
    let mut column = Column::with_capacity(value_type, values.len());
    for value in values {
        column.push(&value.map_or(Value::Null, of))?;
    }
    Ok(column)
}

impl<'de> Deserialize<'de> for Bits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bits = Some(&text).filter(|text| text.len() == 16).and_then(|text| u64::from_str_radix(text, 16).ok());
        let wrong = || D::Error::invalid_value(Unexpected::Str(&text), &"16 hexadecimal digits of a float64");
        bits.map(|bits| Self(f64::from_bits(bits))).ok_or_else(wrong)
    }
}
