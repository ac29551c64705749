//! What DuckDB answers: `tests/duckdb/answers.jsonl`, which `tests/duckdb/answers.py` writes.

use std::ops::Range;

use onepath_definition::{Field, ValueType};
use onepath_sdk::batch::{Column, Float64Lists, Texts, Values};
use serde_json::Value as Json;

use super::{Cell, Table};

const ANSWERS: &str = include_str!("../../../../../tests/duckdb/answers.jsonl");

/// Expressions whose answers are others than DuckDB's in some row, each with the test of the difference.
pub(super) const DIFFERENT: &[(&str, &str)] = &[
    ("reverse(s)", "reverse_is_by_code_points"),
    ("reverse(t)", "reverse_is_by_code_points"),
    ("CAST(s AS TIMESTAMP)", "no_time_is_infinite"),
    ("make_timestamp(i)", "no_time_is_infinite"),
    ("epoch_ms(ts)", "no_time_is_infinite"),
    ("ts - till > INTERVAL '7 days'", "stretches_fit_int64"),
    ("ts - till <= INTERVAL '0 days'", "stretches_fit_int64"),
    ("epoch(ts - till)", "stretches_fit_int64"),
    ("list_cosine_similarity(v, [1.0, 2.0])", "cosine_with_nothing_is_null"),
    ("list_cosine_distance(v, [1.0, 2.0])", "cosine_with_nothing_is_null"),
];

#[test]
fn answers_are_those_of_duckdb() {
    // Others, as of more trees: `answers.py FILE 10000 8`.
    let other = std::env::var("ONEPATH_DUCKDB_ANSWERS").map(|path| std::fs::read_to_string(path).expect("reads"));
    let mut lines = other.as_deref().unwrap_or(ANSWERS).lines();
    let header: Json = serde_json::from_str(lines.next().expect("a header")).expect("JSON");
    let table = table(&header["columns"], 0..usize::MAX);
    let (mut compared, mut lost, mut wrong) = (0, 0, Vec::new());
    for line in lines {
        let line: Json = serde_json::from_str(line).expect("JSON");
        let (text, wanted_type) = (line[0].as_str().expect("text"), line[1].as_str().expect("a type"));
        let (typed, cells) = match table.evaluate(text) {
            Ok(found) => found,
            Err(fault) => {
                wrong.push(format!("{text}\n    is refused: {} at {:?}", fault.message, fault.span));
                continue;
            }
        };
        let found_type = type_name(typed.value_type);
        let (nested, fails) = (wanted_type.ends_with('~'), wanted_type.ends_with('?'));
        let wanted_type = wanted_type.trim_end_matches(['~', '?']);
        if found_type != wanted_type {
            wrong.push(format!("{text}\n    is {found_type}, not {wanted_type}"));
        }
        let answers = line[2].as_array().expect("answers");
        for (row, (cell, answer)) in cells.iter().zip(answers).enumerate() {
            compared += 1;
            if !typed.nullable && *cell == Cell::Null {
                wrong.push(format!("{text}\n    row {row} is null, and it is not nullable"));
                break;
            }
            if matches!(cell, Cell::Failed(_)) && (fails || (nested && answer.is_null())) {
                lost += usize::from(answer.as_str() != Some("!"));
                continue;
            }
            if !agree(cell, answer) && !DIFFERENT.iter().any(|(of, _)| text == *of) {
                wrong.push(format!(
                    "{text}\n    row {row} is {cell:?}, not {answer}; {}",
                    row_of(&header["columns"], row)
                ));
                break;
            }
        }
    }
    println!("{compared} answers compared; {lost} are failures beside a null that DuckDB does not compute");
    assert!(lost * 50 < compared, "{lost} of {compared}");
    assert!(wrong.is_empty(), "{} expressions differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > 50_000, "{compared}");
}

/// How rows are cut into calls does not show: few rows of texts, for example, are compared in another way than many.
#[test]
fn parts_have_the_answers_of_the_whole() {
    let mut lines = ANSWERS.lines();
    let header: Json = serde_json::from_str(lines.next().expect("a header")).expect("JSON");
    let whole = table(&header["columns"], 0..usize::MAX);
    let parts =
        [table(&header["columns"], 0..1), table(&header["columns"], 1..8), table(&header["columns"], 8..usize::MAX)];
    for line in lines {
        let line: Json = serde_json::from_str(line).expect("JSON");
        let text = line[0].as_str().expect("text");
        let cells = |table: &Table| table.evaluate(text).expect("it is taken").1;
        let (whole, parts) = (cells(&whole), parts.iter().flat_map(cells).collect::<Vec<_>>());
        // As texts, in which NaN equals itself and -0.0 is not 0.0.
        assert_eq!(format!("{whole:?}"), format!("{parts:?}"), "{text}");
    }
}

fn row_of(columns: &Json, row: usize) -> String {
    let columns = columns.as_object().expect("columns");
    columns.iter().map(|(name, column)| format!("{name}={} ", column[1][row])).collect()
}

fn agree(cell: &Cell, answer: &Json) -> bool {
    match (cell, answer) {
        (_, Json::String(text)) if text == "?" => true,
        (Cell::Failed(_), Json::String(text)) => text == "!",
        (Cell::Null, Json::Null) => true,
        (Cell::Boolean(value), answer) => answer.as_bool() == Some(*value),
        (Cell::Int64(value), answer) => answer.as_i64() == Some(*value),
        (Cell::Float64(value), answer) => number(answer).is_some_and(|answer| close(*value, answer)),
        (Cell::Text(value), Json::String(text)) => text.strip_prefix('\'') == Some(value.as_str()),
        (Cell::List(value), Json::String(text)) => is_list(value, text),
        _ => false,
    }
}

fn close(value: f64, answer: f64) -> bool {
    value == answer || (value.is_nan() && answer.is_nan()) || (value - answer).abs() <= 1e-12 * answer.abs()
}

fn is_list(values: &[f64], text: &str) -> bool {
    let inner = text.trim_matches(['[', ']']);
    let found = inner.split(", ").filter(|part| !part.is_empty()).map(|part| part.parse::<f64>().expect("a number"));
    found.eq(values.iter().copied())
}

fn number(json: &Json) -> Option<f64> {
    match json {
        Json::String(text) if text == "nan" => Some(f64::NAN),
        Json::String(text) if text == "inf" => Some(f64::INFINITY),
        Json::String(text) if text == "-inf" => Some(f64::NEG_INFINITY),
        json => json.as_f64(),
    }
}

pub(super) fn type_name(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::Boolean => "bool",
        ValueType::Int64 => "int64",
        ValueType::Float64 => "float64",
        ValueType::Text => "text",
        ValueType::Time => "time",
        ValueType::Float64List => "list<float64>",
    }
}

/// Some rows of the table of the answers.
fn table(columns: &Json, rows_of: Range<usize>) -> Table {
    let mut table = Table { fields: Vec::new(), columns: Vec::new(), rows: 0 };
    for (name, column) in columns.as_object().expect("columns") {
        let rows = column[1].as_array().expect("rows");
        let nullable = rows.contains(&Json::Null);
        let rows = &rows[rows_of.start..rows_of.end.min(rows.len())];
        table.rows = rows.len();
        let (value_type, values) = values(column[0].as_str().expect("a type"), rows);
        let nulls: Vec<u8> = rows.iter().map(|row| u8::from(row.is_null())).collect();
        table.fields.push(Field { name: name.clone(), value_type, nullable });
        table.columns.push(Column { values, nulls: nullable.then_some(nulls) });
    }
    table
}

pub(super) fn values(name: &str, rows: &[Json]) -> (ValueType, Values) {
    let integers = || rows.iter().map(|row| row.as_i64().unwrap_or(0)).collect();
    match name {
        "bool" => {
            (ValueType::Boolean, Values::Booleans(rows.iter().map(|row| u8::from(row == &Json::Bool(true))).collect()))
        }
        "int64" => (ValueType::Int64, Values::Int64s(integers())),
        "time" => (ValueType::Time, Values::Times(integers())),
        "float64" => {
            (ValueType::Float64, Values::Float64s(rows.iter().map(|row| number(row).unwrap_or(0.0)).collect()))
        }
        "text" => {
            let mut texts = Texts::default();
            for row in rows {
                texts.bytes.extend_from_slice(row.as_str().unwrap_or("").as_bytes());
                texts.ends.push(texts.bytes.len() as u32);
            }
            (ValueType::Text, Values::Texts(texts))
        }
        _ => {
            let mut lists = Float64Lists::default();
            for row in rows {
                lists.values.extend(row.as_array().into_iter().flatten().filter_map(number));
                lists.ends.push(lists.values.len() as u32);
            }
            (ValueType::Float64List, Values::Float64Lists(lists))
        }
    }
}
