//! The table of conversions in `docs/conversions.md`, row by row.

use std::str::FromStr;

use arrow::array::StringArray;
use arrow::compute::cast;
use arrow::datatypes::DataType;

use super::*;
use crate::files::{CONVERSIONS_VERSION, convert, raw_value, text_value};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/conversions.md");

/// The rows of the table below a heading, each as its cells without the code marks.
fn rows(page: &str, heading: &str) -> Vec<Vec<String>> {
    let section = page.split(&format!("## {heading}\n")).nth(1).expect("the heading is there");
    let lines = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cell = |cell: &str| cell.trim().trim_matches('`').to_owned();
    let rows: Vec<Vec<String>> =
        lines.skip(2).map(|line| line.trim_matches('|').split(" | ").map(cell).collect()).collect();
    assert!(rows.len() > 20, "{heading} has {} rows", rows.len());
    rows
}

/// `float64`, `time in s`.
fn column_wanted(text: &str) -> Wanted {
    let (name, unit) = text.split_once(" in ").map_or((text, None), |(name, unit)| (name, Some(unit)));
    let of = |text: &str| serde_json::from_value(serde_json::Value::from(text));
    let time =
        TimeForm { unit: unit.map(|unit| serde_json::from_value(unit.into()).expect("a unit")), ..TimeForm::default() };
    Wanted { time, ..wanted("x", of(name).expect("a type")) }
}

fn told<E>(value: Result<crate::batch::Value, E>) -> String {
    value.map_or_else(|_| "refused".to_owned(), |value| value.to_string())
}

#[test]
fn every_row_of_the_page_is_what_the_code_does() {
    let page = std::fs::read_to_string(PAGE).expect("the page is there");
    assert!(page.contains(&format!("This is version **{CONVERSIONS_VERSION}** of the table")));
    for row in rows(&page, "CSV") {
        let [wanted, field, gives] = &row[..] else { panic!("{row:?} has three cells") };
        assert_eq!(told(text_value(field, &column_wanted(wanted))), *gives, "CSV: {row:?}");
    }
    for row in rows(&page, "JSON: NDJSON, HTTP, streams") {
        let [wanted, value, gives] = &row[..] else { panic!("{row:?} has three cells") };
        let raw = serde_json::from_str(value).expect("JSON");
        assert_eq!(told(raw_value(raw, &column_wanted(wanted))), *gives, "JSON: {row:?}");
    }
    for row in rows(&page, "Parquet and Arrow") {
        let [wanted, found, value, gives] = &row[..] else { panic!("{row:?} has four cells") };
        let found = DataType::from_str(found).expect("a type of Arrow");
        let array = cast(&StringArray::from(vec![value.as_str()]), &found).expect("a value of the type");
        assert_eq!(array.null_count(), 0, "{row:?}");
        let column = convert::column(array, &column_wanted(wanted), &mut 0).map(|column| column.value(0));
        assert_eq!(told(column), *gives, "Arrow: {row:?}");
    }
}
