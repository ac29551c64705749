//! Conversions between types.

use onepath_definition::Function;
use onepath_sdk::batch::Values;
use onepath_sdk::sql::columns as sql;
use onepath_sdk::time::Time;

use super::Answer;
use super::view::{Cell, View, by_row, fallible, map, or_failed, strict, texts_by_row, total};

pub(super) fn converted(function: Function, views: &[View], rows: usize) -> Answer {
    let marks = strict(views, rows);
    let [view] = views else { return total(Vec::new(), marks, Values::Booleans) };
    let texts = view.texts();
    match (function, view.values) {
        (Function::ToText, _) => to_text(view, rows),
        (Function::ToFloat64, Values::Texts(_)) => {
            by_row(views, rows, Values::Float64s, |row| cell(sql::float64_of_text(texts.at(row))))
        }
        (Function::ToInt64, Values::Texts(_)) => {
            by_row(views, rows, Values::Int64s, |row| cell(sql::int64_of_text(texts.at(row))))
        }
        (Function::ToBoolean, Values::Texts(_)) => {
            by_row(views, rows, Values::Booleans, |row| cell(sql::boolean_of_text(texts.at(row)).map(u8::from)))
        }
        (Function::ToTime, _) => by_row(views, rows, Values::Times, |row| cell(sql::parse_time(texts.at(row)))),
        (Function::ToFloat64, Values::Booleans(_)) => {
            total(map(rows, view.booleans(), f64::from), marks, Values::Float64s)
        }
        (Function::ToFloat64, _) => total(map(rows, view.integers(), |value| value as f64), marks, Values::Float64s),
        (Function::ToInt64, Values::Float64s(_)) => {
            fallible(rows, view.floats(), marks, Values::Int64s, |value| or_failed(sql::int64_of_float(value)))
        }
        (Function::ToInt64, _) => total(map(rows, view.booleans(), i64::from), marks, Values::Int64s),
        (_, Values::Float64s(_)) => {
            total(map(rows, view.floats(), |value| u8::from(value != 0.0)), marks, Values::Booleans)
        }
        _ => total(map(rows, view.integers(), |value| u8::from(value != 0)), marks, Values::Booleans),
    }
}

fn cell<T>(value: Option<T>) -> Cell<T> {
    value.map_or(Cell::Failed, Cell::Value)
}

fn to_text(view: &View, rows: usize) -> Answer {
    let (floats, integers, booleans) = (view.floats(), view.integers(), view.booleans());
    texts_by_row(&[*view], rows, |row, out| {
        let text = match view.values {
            Values::Float64s(_) => sql::text_of_float(floats.at(row)),
            Values::Booleans(_) => if booleans.at(row) != 0 { "true" } else { "false" }.to_owned(),
            Values::Times(_) => sql::text_of_time(Time(integers.at(row))),
            _ => integers.at(row).to_string(),
        };
        out.extend_from_slice(text.as_bytes());
        true
    })
}
