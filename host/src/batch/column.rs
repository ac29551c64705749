//! One column: a value or a null per row.

use std::fmt;

use crate::schema::ValueType;
use crate::time::format_time;

/// The bits of the one NaN that features may hold.
pub const CANONICAL_NAN: u64 = 0x7ff8_0000_0000_0000;

/// `number`, or the canonical NaN for any NaN.
pub fn canonical(number: f64) -> f64 {
    if number.is_nan() { f64::from_bits(CANONICAL_NAN) } else { number }
}

/// Texts of many rows, one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    /// Per row, the offset just after the last byte of its text; never decreasing.
    pub ends: Vec<u32>,
    /// The UTF-8 of all rows.
    pub bytes: Vec<u8>,
}

/// Float64 lists of many rows, one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Float64Lists {
    /// Per row, the offset just after its last number; never decreasing.
    pub ends: Vec<u32>,
    /// The numbers of all rows.
    pub values: Vec<f64>,
}

/// The values of a column, one per row. A null row holds 0, an empty text or an empty list.
#[derive(Clone, Debug, PartialEq)]
pub enum Values {
    /// One byte per row: 0 false, 1 true.
    Booleans(Vec<u8>),
    /// One integer per row.
    Int64s(Vec<i64>),
    /// One number per row, every NaN canonical.
    Float64s(Vec<f64>),
    /// One text per row.
    Texts(Texts),
    /// Microseconds since the Unix epoch, UTC.
    Times(Vec<i64>),
    /// One list of numbers per row.
    Float64Lists(Float64Lists),
}

/// One value by itself, for requests, records of what was served, and messages.
#[derive(Clone, Debug)]
pub enum Value {
    /// No value.
    Null,
    /// True or false.
    Bool(bool),
    /// An integer.
    Int64(i64),
    /// A number.
    Float64(f64),
    /// A text.
    Text(String),
    /// Microseconds since the Unix epoch, UTC.
    Time(i64),
    /// A list of numbers.
    Float64List(Vec<f64>),
}

/// A column that cannot take a value.
#[derive(Debug, thiserror::Error)]
pub enum ColumnError {
    /// The value is of another type.
    #[error("a value of type {found} where {expected} is expected")]
    Type {
        /// The column's type.
        expected: ValueType,
        /// The value's type.
        found: ValueType,
    },
    /// The texts or lists of one column exceed what offsets of 32 bits reach.
    #[error("a column holds more than 4,294,967,295 bytes of text or numbers of lists: use smaller files or batches")]
    TooLarge,
}

/// One column: a value or a null per row.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    pub(super) values: Values,
    /// One byte per row, 1 for null; `None` where no row is null.
    pub(super) nulls: Option<Vec<u8>>,
}

impl Column {
    /// A column of no rows.
    pub fn new(value_type: ValueType) -> Self {
        Self::with_capacity(value_type, 0)
    }

    /// A column of no rows, with room for `rows`.
    pub fn with_capacity(value_type: ValueType, rows: usize) -> Self {
        let values = match value_type {
            ValueType::Bool => Values::Booleans(Vec::with_capacity(rows)),
            ValueType::Int64 => Values::Int64s(Vec::with_capacity(rows)),
            ValueType::Float64 => Values::Float64s(Vec::with_capacity(rows)),
            ValueType::Text => Values::Texts(Texts { ends: Vec::with_capacity(rows), bytes: Vec::new() }),
            ValueType::Time => Values::Times(Vec::with_capacity(rows)),
            ValueType::Float64List => {
                Values::Float64Lists(Float64Lists { ends: Vec::with_capacity(rows), values: Vec::new() })
            }
        };
        Self { values, nulls: None }
    }

    /// A column of `values`; `nulls` holds one byte per row (1 for null). The caller has checked that lengths agree.
    pub fn from_parts(values: Values, nulls: Option<Vec<u8>>) -> Self {
        let column = Self { values, nulls };
        debug_assert!(column.nulls.as_ref().is_none_or(|nulls| nulls.len() == column.len()));
        column
    }

    /// The values.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// The values, taken out of the column.
    pub fn into_values(self) -> Values {
        self.values
    }

    /// The same with every NaN of its numbers the canonical one.
    pub(crate) fn with_canonical_nans(mut self) -> Self {
        if let Values::Float64s(values) | Values::Float64Lists(Float64Lists { values, .. }) = &mut self.values {
            values.iter_mut().for_each(|value| *value = canonical(*value));
        }
        self
    }

    /// One byte per row, 1 for null, or `None` where no row is null.
    pub fn nulls(&self) -> Option<&[u8]> {
        self.nulls.as_deref()
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        match &self.values {
            Values::Booleans(values) => values.len(),
            Values::Int64s(values) | Values::Times(values) => values.len(),
            Values::Float64s(values) => values.len(),
            Values::Texts(texts) => texts.ends.len(),
            Values::Float64Lists(lists) => lists.ends.len(),
        }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The type of the values.
    pub fn value_type(&self) -> ValueType {
        match &self.values {
            Values::Booleans(_) => ValueType::Bool,
            Values::Int64s(_) => ValueType::Int64,
            Values::Float64s(_) => ValueType::Float64,
            Values::Texts(_) => ValueType::Text,
            Values::Times(_) => ValueType::Time,
            Values::Float64Lists(_) => ValueType::Float64List,
        }
    }

    /// Whether `row` is null.
    pub fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls[row] != 0)
    }

    /// How many rows are null.
    pub fn null_count(&self) -> usize {
        self.nulls.as_ref().map_or(0, |nulls| nulls.iter().filter(|null| **null != 0).count())
    }

    /// The text of `row` of a text column, as bytes.
    pub fn text(&self, row: usize) -> Option<&[u8]> {
        match &self.values {
            Values::Texts(texts) => Some(&texts.bytes[span(&texts.ends, row)]),
            _ => None,
        }
    }

    /// The value of `row`.
    pub fn value(&self, row: usize) -> Value {
        if self.is_null(row) {
            return Value::Null;
        }
        match &self.values {
            Values::Booleans(values) => Value::Bool(values[row] != 0),
            Values::Int64s(values) => Value::Int64(values[row]),
            Values::Float64s(values) => Value::Float64(values[row]),
            Values::Texts(texts) => {
                Value::Text(String::from_utf8_lossy(&texts.bytes[span(&texts.ends, row)]).into_owned())
            }
            Values::Times(values) => Value::Time(values[row]),
            Values::Float64Lists(lists) => Value::Float64List(lists.values[span(&lists.ends, row)].to_vec()),
        }
    }

    /// A column of so many nulls.
    pub fn of_nulls(value_type: ValueType, rows: usize) -> Self {
        let mut column = Self::with_capacity(value_type, rows);
        (0..rows).for_each(|_| column.push_null());
        column
    }

    /// Appends a null row.
    pub fn push_null(&mut self) {
        let rows = self.len();
        match &mut self.values {
            Values::Booleans(values) => values.push(0),
            Values::Int64s(values) | Values::Times(values) => values.push(0),
            Values::Float64s(values) => values.push(0.0),
            Values::Texts(texts) => texts.ends.push(texts.ends.last().copied().unwrap_or(0)),
            Values::Float64Lists(lists) => lists.ends.push(lists.ends.last().copied().unwrap_or(0)),
        }
        self.nulls.get_or_insert_with(|| vec![0; rows]).push(1);
    }

    /// Appends one value. NaN becomes canonical.
    pub fn push(&mut self, value: &Value) -> Result<(), ColumnError> {
        match (&mut self.values, value) {
            (_, Value::Null) => {
                self.push_null();
                return Ok(());
            }
            (Values::Booleans(values), Value::Bool(value)) => values.push(u8::from(*value)),
            (Values::Int64s(values), Value::Int64(value)) | (Values::Times(values), Value::Time(value)) => {
                values.push(*value);
            }
            (Values::Float64s(values), Value::Float64(value)) => values.push(canonical(*value)),
            (Values::Texts(texts), Value::Text(value)) => {
                texts.bytes.extend_from_slice(value.as_bytes());
                texts.ends.push(end(texts.bytes.len())?);
            }
            (Values::Float64Lists(lists), Value::Float64List(value)) => {
                lists.values.extend(value.iter().copied().map(canonical));
                lists.ends.push(end(lists.values.len())?);
            }
            (_, value) => {
                let found = value.value_type().unwrap_or(self.value_type());
                return Err(ColumnError::Type { expected: self.value_type(), found });
            }
        }
        if let Some(nulls) = &mut self.nulls {
            nulls.push(0);
        }
        Ok(())
    }

    /// A column of `rows` zeros, where values of the type have one fixed width.
    pub(crate) fn zeros(value_type: ValueType, rows: usize) -> Option<Self> {
        let values = match value_type {
            ValueType::Bool => Values::Booleans(vec![0; rows]),
            ValueType::Int64 => Values::Int64s(vec![0; rows]),
            ValueType::Float64 => Values::Float64s(vec![0.0; rows]),
            ValueType::Time => Values::Times(vec![0; rows]),
            ValueType::Text | ValueType::Float64List => return None,
        };
        Some(Self { values, nulls: None })
    }

    /// Removes all rows and keeps the memory for new ones.
    pub fn clear(&mut self) {
        self.nulls = None;
        match &mut self.values {
            Values::Booleans(values) => values.clear(),
            Values::Int64s(values) | Values::Times(values) => values.clear(),
            Values::Float64s(values) => values.clear(),
            Values::Texts(texts) => (texts.ends.clear(), texts.bytes.clear()).0,
            Values::Float64Lists(lists) => (lists.ends.clear(), lists.values.clear()).0,
        }
    }

    /// About how many bytes it holds in memory.
    pub fn memory_bytes(&self) -> usize {
        let values = match &self.values {
            Values::Booleans(values) => values.capacity(),
            Values::Int64s(values) | Values::Times(values) => values.capacity() * 8,
            Values::Float64s(values) => values.capacity() * 8,
            Values::Texts(texts) => texts.ends.capacity() * 4 + texts.bytes.capacity(),
            Values::Float64Lists(lists) => lists.ends.capacity() * 4 + lists.values.capacity() * 8,
        };
        values + self.nulls.as_ref().map_or(0, Vec::capacity)
    }
}

impl Value {
    /// The value's type; `None` for null.
    pub fn value_type(&self) -> Option<ValueType> {
        Some(match self {
            Self::Null => return None,
            Self::Bool(_) => ValueType::Bool,
            Self::Int64(_) => ValueType::Int64,
            Self::Float64(_) => ValueType::Float64,
            Self::Text(_) => ValueType::Text,
            Self::Time(_) => ValueType::Time,
            Self::Float64List(_) => ValueType::Float64List,
        })
    }

    /// Whether two values are the same in bits: floats by their 64 bits, so that -0.0 differs from 0.0 and NaN equals NaN.
    pub fn same_bits(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Int64(a), Self::Int64(b)) | (Self::Time(a), Self::Time(b)) => a == b,
            (Self::Float64(a), Self::Float64(b)) => a.to_bits() == b.to_bits(),
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Float64List(a), Self::Float64List(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
            }
            _ => false,
        }
    }

    /// The value's bits in hexadecimal: floats as their IEEE 754 bits, texts as UTF-8, `null` for null.
    pub fn hex(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => format!("0x{:02x}", u8::from(*value)),
            Self::Int64(value) | Self::Time(value) => format!("0x{value:016x}"),
            Self::Float64(value) => format!("0x{:016x}", value.to_bits()),
            Self::Text(value) => format!("0x{}", crate::digest::hex(value)),
            Self::Float64List(values) => {
                let bits: Vec<String> = values.iter().map(|value| format!("0x{:016x}", value.to_bits())).collect();
                format!("[{}]", bits.join(", "))
            }
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int64(value) => write!(f, "{value}"),
            Self::Float64(value) => write!(f, "{value:?}"),
            Self::Text(value) => f.write_str(value),
            Self::Time(value) => f.write_str(&format_time(*value)),
            Self::Float64List(values) => write!(f, "{values:?}"),
        }
    }
}

/// The range of `row` in the contents that `ends` divides.
pub(super) fn span(ends: &[u32], row: usize) -> std::ops::Range<usize> {
    let start = if row == 0 { 0 } else { ends[row - 1] as usize };
    start..ends[row] as usize
}

/// `length` as an offset of 32 bits.
pub(super) fn end(length: usize) -> Result<u32, ColumnError> {
    u32::try_from(length).map_err(|_| ColumnError::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(values: &[Value], value_type: ValueType) -> Column {
        let mut column = Column::new(value_type);
        for value in values {
            column.push(value).expect("a value of the column's type");
        }
        column
    }

    #[test]
    fn take_and_append_keep_nulls_and_texts_in_place() {
        let texts = column(&[Value::Text("a".into()), Value::Null, Value::Text("ccc".into())], ValueType::Text);
        let mut taken = texts.take(&[2, 1, 0, 2]).expect("small");
        taken.append(&texts).expect("small");
        let seen: Vec<String> = (0..taken.len()).map(|row| taken.value(row).to_string()).collect();
        assert_eq!(seen, ["ccc", "null", "a", "ccc", "a", "null", "ccc"]);
        assert_eq!(taken.null_count(), 2);
    }

    #[test]
    fn a_column_takes_only_its_own_type() {
        let mut numbers = Column::new(ValueType::Float64);
        let error = numbers.push(&Value::Int64(1)).expect_err("an integer is not a float64");
        assert_eq!(error.to_string(), "a value of type int64 where float64 is expected");
        assert_eq!(numbers.len(), 0);
    }

    #[test]
    fn bits_tell_zeros_apart_and_every_nan_is_one() {
        assert!(!Value::Float64(0.0).same_bits(&Value::Float64(-0.0)));
        let odd = f64::from_bits(0xfff8_0000_0000_0001);
        let stored = column(&[Value::Float64(odd)], ValueType::Float64).value(0);
        assert!(stored.same_bits(&Value::Float64(f64::from_bits(CANONICAL_NAN))));
    }
}
