//! Answers written straight to bytes.

use crate::batch::{Column, Values};
use crate::time::format_time;

/// Appends `text` as a JSON text.
pub(super) fn text(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("a text is always JSON, and memory takes all writes");
}

/// Appends an array of what `item` appends for each of `items`.
pub(super) fn array<T>(out: &mut Vec<u8>, items: impl IntoIterator<Item = T>, mut item: impl FnMut(&mut Vec<u8>, T)) {
    out.push(b'[');
    for (at, value) in items.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        item(out, value);
    }
    out.push(b']');
}

/// Appends the values of a column as an array; they read back to the same bits by [`crate::files::raw_value`].
pub(super) fn column(out: &mut Vec<u8>, column: &Column) {
    array(out, 0..column.len(), |out, row| {
        if column.is_null(row) {
            return out.extend_from_slice(b"null");
        }
        match column.values() {
            Values::Booleans(values) => out.extend_from_slice(if values[row] != 0 { b"true" } else { b"false" }),
            Values::Int64s(values) => integer(out, values[row]),
            Values::Float64s(values) => float(out, values[row]),
            Values::Texts(_) => text(out, &String::from_utf8_lossy(column.text(row).unwrap_or_default())),
            Values::Times(values) => time(out, values[row]),
            Values::Float64Lists(lists) => {
                let start = if row == 0 { 0 } else { lists.ends[row - 1] as usize };
                let numbers = &lists.values[start..lists.ends[row] as usize];
                array(out, numbers, |out, number| float(out, *number));
            }
        }
    });
}

/// Appends a time as ISO 8601.
pub(super) fn time(out: &mut Vec<u8>, micros: i64) {
    out.push(b'"');
    out.extend_from_slice(format_time(micros).as_bytes());
    out.push(b'"');
}

/// Appends an integer.
pub(super) fn integer(out: &mut Vec<u8>, number: i64) {
    serde_json::to_writer(out, &number).expect("an integer is always JSON, and memory takes all writes");
}

/// JSON has no number for NaN and the infinities: they are the texts that readers of events take too.
fn float(out: &mut Vec<u8>, number: f64) {
    if number.is_finite() {
        serde_json::to_writer(out, &number).expect("a finite number is always JSON, and memory takes all writes");
    } else if number.is_nan() {
        out.extend_from_slice(b"\"NaN\"");
    } else {
        out.extend_from_slice(if number > 0.0 { b"\"Infinity\"" } else { b"\"-Infinity\"" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Value;
    use crate::files::to_json;
    use crate::schema::ValueType;

    #[test]
    fn a_column_is_written_as_its_values_are() {
        let list = Value::Float64List(vec![1.0, f64::NAN]);
        let cases = [
            (ValueType::Bool, vec![Value::Bool(true), Value::Null, Value::Bool(false)]),
            (ValueType::Int64, vec![Value::Int64(i64::MIN), Value::Int64(i64::MAX), Value::Null]),
            (ValueType::Float64, [0.0, -0.0, 1.0, 0.1, 5e-324, f64::INFINITY, f64::NAN].map(Value::Float64).to_vec()),
            (ValueType::Text, vec![Value::Text("é\"\\\n\u{0}".to_owned()), Value::Null, Value::Text(String::new())]),
            (ValueType::Time, vec![Value::Time(0), Value::Time(1), Value::Time(i64::MAX), Value::Null]),
            (ValueType::Float64List, vec![list, Value::Float64List(Vec::new()), Value::Null]),
        ];
        for (value_type, values) in cases {
            let mut written = Column::new(value_type);
            let mut expected = Vec::new();
            for value in values {
                written.push(&value).expect("fits");
                expected.push(to_json(&value));
            }
            let mut out = Vec::new();
            column(&mut out, &written);
            assert_eq!(String::from_utf8_lossy(&out), serde_json::Value::Array(expected).to_string());
        }
    }
}
