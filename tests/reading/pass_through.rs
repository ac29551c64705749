//! What passes through a spine leaves as it came; what is cut off or damaged is refused.

use arrow::array::Array;
use arrow::datatypes::DataType;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::{backfill, project};
use crate::support::Project;

const SPINE: &str = "\
user_id,as_of,code,long,money,flag,exp,zip,id,yes
a,2024-06-01,250.10,123456789.123456789123,12.50,True,1e5,00501,9007199254740993,true
a,2024-06-01,250.1,0.1,7.00,False,2E3,10001,1,false
";

fn with_events() -> Project {
    let project = project(&["e.csv"], "");
    project.write("e.csv", "user_id,amount,ts\na,1,2024-01-01\n");
    project
}

#[test]
fn csv_leaves_as_it_came() {
    let project = with_events();
    project.write("s.csv", SPINE);
    let out = backfill(&project, "s.csv", "n").expect("reads");
    let expected = SPINE.replace("2024-06-01,", "2024-06-01T00:00:00Z,").replace("yes\n", "yes,n\n");
    assert_eq!(out, expected.replace("true\n", "true,1\n").replace("false\n", "false,1\n"));
    // Also where memory holds little, and the rows are read again.
    let ran = project.run("backfill --features seen:n --spine s.csv --out again.csv --memory 1 --resume");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(std::fs::read_to_string(project.path("again.csv")).expect("was written"), out);
}

#[test]
fn csv_is_typed_for_parquet_only_where_nothing_is_lost() {
    let project = with_events();
    project.write("s.csv", SPINE);
    let ran = project.run("backfill --features seen:n --spine s.csv --out out.parquet");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let file = std::fs::File::open(project.path("out.parquet")).expect("was written");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
    let types: Vec<(String, DataType)> =
        reader.schema().fields().iter().map(|field| (field.name().clone(), field.data_type().clone())).collect();
    let of = |name: &str| types.iter().find(|(known, _)| known == name).map(|(_, found)| found.clone());
    for (name, expected) in [
        ("code", DataType::Utf8),
        ("long", DataType::Utf8),
        ("money", DataType::Float64),
        ("flag", DataType::Utf8),
        ("zip", DataType::Utf8),
        ("id", DataType::Int64),
        ("yes", DataType::Boolean),
    ] {
        assert_eq!(of(name), Some(expected), "{name}");
    }
    let batch = reader.build().expect("reads").next().expect("rows").expect("reads");
    assert_eq!(batch.column_by_name("code").expect("it is there").null_count(), 0);
}

#[test]
fn ndjson_leaves_as_it_came() {
    let project = with_events();
    let rows = [
        r#"{"user_id":"a","as_of":"2024-06-01T00:00:00Z","id":1,"f":3,"s":"\u00e9"}"#,
        r#"{"user_id":"a","as_of":"2024-06-01T00:00:00Z","id":18446744073709551615,"f":2.50,"s":null}"#,
        r#"{"user_id":"a","as_of":"2024-06-01T00:00:00Z","f":1E2}"#,
    ];
    project.write("s.ndjson", rows.join("\n") + "\n");
    let ran = project.run("backfill --features seen:n --spine s.ndjson --out out.ndjson");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let expected: String = rows.iter().map(|row| format!("{},\"n\":1}}\n", row.trim_end_matches('}'))).collect();
    assert_eq!(std::fs::read_to_string(project.path("out.ndjson")).expect("was written"), expected);
}

#[test]
fn a_quote_that_is_never_closed_is_refused() {
    let swallowed = "user_id,amount,ts,note\na,1,2024-01-01,\"5 inch disc\na,2,2024-01-02,x\na,3,2024-01-03,y\n";
    let project = project(&["e.csv"], "");
    project.write("e.csv", swallowed);
    project.write("s.csv", "user_id,as_of\na,2024-06-01\n");
    let refused = backfill(&project, "s.csv", "n").expect_err("a part of the file");
    assert!(refused.contains("e.csv, row 1: the file ends inside a quoted field that begins here"), "{refused}");
    let ingest = project.run("ingest --source events e.csv");
    assert!(
        ingest.code != 0 && ingest.stderr.contains("e.csv, row 1: the file ends inside a quoted field"),
        "{ingest:?}"
    );

    let project = with_events();
    project.write("s.csv", "user_id,as_of,note\na,2024-06-01,x\na,2024-06-02,\"y\na,2024-06-03,z\n");
    for out in ["out.csv", "out.parquet"] {
        let ran = project.run(&format!("backfill --features seen:n --spine s.csv --out {out}"));
        assert!(ran.code == 2 && ran.stderr.contains("s.csv, row 2: the file ends inside a quoted field"), "{ran:?}");
    }
}

#[test]
fn a_line_that_was_cut_or_says_a_thing_twice_is_refused() {
    for (line, told) in [
        (
            "{\"user_id\":\"a\",\"amount\":2,\"ts\":\"2024-01-0",
            "e.ndjson, row 2: is not JSON: EOF while parsing a string",
        ),
        (
            "{\"user_id\":\"a\",\"amount\":2,\"amount\":3,\"ts\":\"2024-01-02\"}",
            "e.ndjson, row 2: \"amount\" is given twice",
        ),
    ] {
        let project = project(&["e.ndjson"], "");
        project.write("e.ndjson", format!("{{\"user_id\":\"a\",\"amount\":1,\"ts\":\"2024-01-01\"}}\n{line}"));
        project.write("s.csv", "user_id,as_of\na,2024-06-01\n");
        let refused = backfill(&project, "s.csv", "n").expect_err(line);
        assert!(refused.contains(told), "{refused}");
        let ingest = project.run("ingest --source events e.ndjson");
        assert!(ingest.code != 0 && ingest.stderr.contains(told), "{ingest:?}");
    }
}
