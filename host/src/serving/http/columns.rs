//! JSON arrays as typed columns. What a value must look like is decided where NDJSON is read, so that a pushed event means the
//! same whichever way it comes.

use std::fmt::Display;

use serde_json::value::RawValue;

use super::refusal::Refusal;
use crate::batch::Column;
use crate::files::{InputFault, Wanted, raw_value};

/// What is said of an integer where a time is wanted.
const NO_UNIT: &str = "is an integer where a time is expected: write an ISO 8601 time such as \"2024-02-29T12:30:00.000001Z\", or \
     declare the unit of the source's times in the project (event_time_unit)";

/// The values of a JSON array, unread; `path` leads to it.
pub(super) fn cells<'a>(array: &'a RawValue, path: &[&str]) -> Result<Vec<&'a RawValue>, Refusal> {
    serde_json::from_str(array.get()).map_err(|_| Refusal::field(path, "is not an array of values"))
}

/// The cells as a column of the type that is `wanted`; `fault` says of a wrong value, by its row from 0, where it is.
pub(super) fn column(
    cells: &[&RawValue],
    wanted: &Wanted,
    fault: &dyn Fn(usize, &dyn Display) -> Refusal,
) -> Result<Column, Refusal> {
    let mut column = Column::with_capacity(wanted.value_type, cells.len());
    for (row, cell) in cells.iter().enumerate() {
        let value = raw_value(cell, wanted).map_err(|wrong| match wrong {
            // Its own words are for files.
            InputFault::NoUnit { .. } => fault(row, &NO_UNIT),
            wrong => fault(row, &wrong),
        })?;
        column.push(&value).map_err(|message| fault(row, &message))?;
    }
    Ok(column)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Value;
    use crate::files::Nulls;
    use crate::schema::ValueType;

    fn read(json: &str, value_type: ValueType) -> Result<Vec<Value>, String> {
        let array: &RawValue = serde_json::from_str(json).expect("JSON");
        let path = ["entities", "x"];
        let cells = cells(array, &path).map_err(|refusal| refusal.message)?;
        let fault = |row, message: &dyn Display| Refusal::cell(&path, row, message);
        let column = column(&cells, &Wanted::new("x", value_type, Nulls::Refused), &fault);
        let column = column.map_err(|refusal| refusal.message)?;
        Ok((0..column.len()).map(|row| column.value(row)).collect())
    }

    #[test]
    fn a_wrong_value_is_told_with_field_and_row() {
        for (json, value_type, expected) in [
            ("7", ValueType::Int64, "entities.x: is not an array of values"),
            ("{}", ValueType::Int64, "entities.x: is not an array of values"),
            ("[1, null]", ValueType::Int64, "entities.x, row 2: is null"),
            ("[1, \"2\"]", ValueType::Int64, "entities.x, row 2: \"2\" is not an int64 number"),
            ("[1.0]", ValueType::Int64, "entities.x, row 1: 1.0 is not an int64 number"),
            (
                "[9223372036854775808]",
                ValueType::Int64,
                "entities.x, row 1: 9223372036854775808 is not an int64 number",
            ),
            ("[0, 1e400]", ValueType::Float64, "entities.x, row 2: \"1e400\" is beyond the largest float64"),
            (
                "[5]",
                ValueType::Time,
                "entities.x, row 1: is an integer where a time is expected: write an ISO 8601 time such as \
                 \"2024-02-29T12:30:00.000001Z\", or declare the unit of the source's times in the project (event_time_unit)",
            ),
            ("[\"a\", 1]", ValueType::Text, "entities.x, row 2: 1 is not a text"),
        ] {
            assert_eq!(read(json, value_type).expect_err(json), expected);
        }
    }

    #[test]
    fn the_edges_of_each_type_are_read() {
        let values = read("[-9223372036854775808, 9223372036854775807]", ValueType::Int64).expect("reads");
        assert!(values[0].same_bits(&Value::Int64(i64::MIN)) && values[1].same_bits(&Value::Int64(i64::MAX)));
        let values = read(r#"[-0.0, 5e-324, 1, "NaN", "-Infinity"]"#, ValueType::Float64).expect("reads");
        let floats = [-0.0, 5e-324, 1.0, f64::from_bits(crate::batch::CANONICAL_NAN), f64::NEG_INFINITY];
        assert!(values.iter().zip(floats).all(|(value, float)| value.same_bits(&Value::Float64(float))));
        assert_eq!(read("[]", ValueType::Text).expect("reads").len(), 0);
    }
}
