//! Expressions that were ejected: those that DuckDB was asked, random trees among them, over its rows.
//!
//! A tenth of them by default, all of them with `ONEPATH_EXPRESSION_CASES`.

use std::fmt::Write as _;

use onepath::time::format_time;
use serde_json::{Value, json};

use super::{declared, ejected, good, read};
use crate::support::repository;

/// So many expressions are features of one view.
const OF_A_VIEW: usize = 250;

#[test]
fn expressions_give_the_same_bits() {
    let text = read(repository().join("tests/duckdb/answers.jsonl"));
    let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("is JSON"));
    let columns = lines.next().expect("has columns")["columns"].clone();
    let columns: Vec<(&String, &str, &Vec<Value>)> = columns_of(&columns);
    let all: Vec<String> = lines.map(|line| line[0].as_str().expect("is a text").to_owned()).collect();
    let step = if std::env::var_os("ONEPATH_EXPRESSION_CASES").is_some() { 1 } else { all.len().div_ceil(OF_A_VIEW) };
    let chosen: Vec<&String> = all.iter().step_by(step).collect();
    let mut toml =
        "[project]\nname = \"expressions\"\nadmission = \"off\"\n[entities.row]\nkeys = { row = \"int64\" }\n"
            .to_owned();
    let request: Vec<String> = columns.iter().map(|(name, of, _)| format!("{name} = \"{of}\"")).collect();
    let views: Vec<String> = (0..chosen.len().div_ceil(OF_A_VIEW)).map(|at| format!("v{at}")).collect();
    for (view, expressions) in views.iter().zip(chosen.chunks(OF_A_VIEW)) {
        writeln!(
            toml,
            "[views.{view}]\nentity = \"row\"\nrequest = {{ {} }}\n[views.{view}.features]",
            request.join(", ")
        )
        .expect("writes to a text");
        for (at, expression) in expressions.iter().enumerate() {
            // What fails is null; in words it fails in other tests.
            let expression = toml::Value::from(format!("TRY(({expression}))"));
            writeln!(toml, "{view}_{at} = {{ expr = {expression} }}").expect("writes to a text");
        }
    }
    let features: Vec<String> = views.iter().map(|view| format!("\"{view}:*\"")).collect();
    writeln!(toml, "[services.all]\nfeatures = [{}]", features.join(", ")).expect("writes to a text");
    let mut spine = String::new();
    for row in 0..columns[0].2.len() {
        let mut line = json!({ "row": row, "as_of": "2024-02-29T12:34:56.789012Z" });
        for (name, of, values) in &columns {
            line[name.as_str()] = cell(of, &values[row]);
        }
        spine += &format!("{line}\n");
    }
    let declared = declared(&toml);
    let names: Vec<&str> = views.iter().map(String::as_str).collect();
    let crates = ejected("expressions", &toml, &names);
    let mut found = Vec::new();
    for dir in [declared.path(), &crates] {
        std::fs::write(dir.join("spine.ndjson"), &spine).expect("writes");
        good(dir, "backfill --service all --spine spine.ndjson --out out.ndjson");
        found.push(read(dir.join("out.ndjson")));
        for name in ["spine.ndjson", "out.ndjson", "out.ndjson.manifest.json"] {
            std::fs::remove_file(dir.join(name)).expect("was made");
        }
    }
    for (declared, ejected) in found[0].lines().zip(found[1].lines()) {
        let of = |line: &str| serde_json::from_str::<serde_json::Map<String, Value>>(line).expect("is JSON");
        for ((name, declared), (_, ejected)) in of(declared).iter().zip(&of(ejected)) {
            assert_eq!(
                declared,
                ejected,
                "{name}: {}",
                toml.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap_or_default()
            );
        }
    }
    assert!(found[0] == found[1], "the rows are the same");
    assert!(found[0].lines().count() == 40 && found[0].len() > 200 * chosen.len(), "there is something to compare");
}

fn columns_of(columns: &Value) -> Vec<(&String, &str, &Vec<Value>)> {
    columns
        .as_object()
        .expect("has columns")
        .iter()
        .map(|(name, column)| (name, column[0].as_str().expect("a type"), column[1].as_array().expect("has rows")))
        .collect()
}

/// A value as a row of JSON has it; what JSON has not is null.
fn cell(of: &str, value: &Value) -> Value {
    match (of, value) {
        ("time", Value::Number(micros)) => {
            let micros = micros.as_i64().expect("is a time");
            // Four digits of a year are read everywhere.
            let is_usual = (-62_135_596_800_000_000..253_402_300_800_000_000).contains(&micros);
            if is_usual { json!(format_time(micros)) } else { Value::Null }
        }
        ("float64", Value::String(_)) => Value::Null,
        (_, value) => value.clone(),
    }
}
