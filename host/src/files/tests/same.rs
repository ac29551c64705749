//! The same data gives the same columns, whatever the format.

use arrow::array::{
    BooleanArray, Float64Array, Int64Array, ListArray, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::Float64Type;
use expect_test::expect;

use super::*;
use crate::files::{TABLE_ROWS_MAX, column_names, read_lines};

const CSV: &str = "\u{feff}id,ok,count,amount,at,embedding,note\r
a,true,1,0.5,2024-02-29T12:30:00Z,\"[1.0,-0.0,\"\"NaN\"\"]\",\"x, \"\"y\"\"\"\r
,,,,,,\r
é,FALSE,-9223372036854775808,-inf,1969-12-31T23:59:59.999999Z,[],\"two
lines\"\r
";

const NDJSON: &str = r#"{"id":"a","ok":true,"count":1,"amount":0.5,"at":"2024-02-29T12:30:00Z","embedding":[1,-0.0,"NaN"],"note":"x, \"y\""}

{"id":null}
{"note":"two\nlines","id":"é","ok":false,"count":-9223372036854775808,"amount":"-Infinity","at":"1969-12-31T23:59:59.999999Z","embedding":[]}
"#;

fn all() -> Vec<Wanted> {
    vec![
        wanted("note", ValueType::Text),
        wanted("id", ValueType::Text),
        wanted("ok", ValueType::Bool),
        wanted("count", ValueType::Int64),
        wanted("amount", ValueType::Float64),
        wanted("at", ValueType::Time),
        wanted("embedding", ValueType::Float64List),
        wanted("id", ValueType::Text),
    ]
}

fn in_parquet(files: &Files) -> std::path::PathBuf {
    let lists = [Some(vec![Some(1.0), Some(-0.0), Some(f64::NAN)]), None, Some(Vec::new())];
    files.parquet(
        "x.parquet",
        vec![
            ("id", array(StringArray::from(vec![Some("a"), None, Some("é")]))),
            ("ok", array(BooleanArray::from(vec![Some(true), None, Some(false)]))),
            ("count", array(Int64Array::from(vec![Some(1), None, Some(i64::MIN)]))),
            ("amount", array(Float64Array::from(vec![Some(0.5), None, Some(f64::NEG_INFINITY)]))),
            ("at", array(TimestampMicrosecondArray::from(vec![Some(1_709_209_800_000_000), None, Some(-1)]))),
            ("embedding", array(ListArray::from_iter_primitive::<Float64Type, _, _>(lists))),
            ("note", array(StringArray::from(vec![Some("x, \"y\""), None, Some("two\nlines")]))),
        ],
    )
}

/// Columns as text that tells bits apart.
fn bits(table: &Table) -> Vec<Vec<String>> {
    table.columns.iter().map(|column| (0..table.rows).map(|row| column.value(row).hex()).collect()).collect()
}

#[test]
fn three_formats_one_table() {
    let files = Files::new();
    let paths = [files.text("x.csv", CSV), files.text("x.NDJSON", NDJSON), in_parquet(&files)];
    let tables = paths.clone().map(|path| read(&path, &all(), Rest::Ignore).expect("readable").remove(0));
    assert_eq!(tables[0].rows, 3);
    assert_eq!(bits(&tables[0]), bits(&tables[1]));
    assert_eq!(bits(&tables[0]), bits(&tables[2]));
    let told: Vec<String> = tables[0].columns.iter().map(shown).collect();
    expect![[r#"
        x, "y" null two
        lines
        a null é
        true null false
        1 null -9223372036854775808
        0.5 null -inf
        2024-02-29T12:30:00Z null 1969-12-31T23:59:59.999999Z
        [1.0, -0.0, NaN] null []
        a null é"#]]
    .assert_eq(&told.join("\n"));
    for path in paths {
        assert_eq!(
            column_names(&FileSystem, &path).expect("readable").join(" "),
            "id ok count amount at embedding note"
        );
    }
}

#[test]
fn pass_through_columns_keep_their_types() {
    let files = Files::new();
    let types = |path: &Path| {
        let reader = open(&FileSystem, path, &all()[..4], Rest::Keep).expect("readable");
        let schema = reader.rest_schema().expect("kept").clone();
        let batches: Vec<RecordBatch> = reader.map(|table| table.expect("readable").rest.expect("kept")).collect();
        assert!(batches.iter().all(|batch| batch.schema() == schema));
        let types: Vec<String> =
            schema.fields().iter().map(|field| format!("{} {}", field.name(), field.data_type())).collect();
        (types.join(", "), arrow::compute::concat_batches(&schema, &batches).expect("one schema"))
    };
    let (told, _) = types(&in_parquet(&files));
    assert_eq!(told, "amount Float64, at Timestamp(µs), embedding List(Float64)");

    let csv = "id,label,note,ok,zip,count,score,empty\na,1,x,true,0123,1,0.5,\nb,,y,false,999,2,7,\n";
    let (told, csv) = types(&files.text("x.csv", csv));
    assert_eq!(told, "label Int64, zip Utf8, score Float64, empty Utf8");
    let lines = r#"{"id":"a","label":1,"note":"x","ok":true,"zip":"0123","count":1,"score":0.5}
{"id":"b","note":"y","ok":false,"zip":999,"count":2,"score":7,"empty":null}
"#;
    let (told, ndjson) = types(&files.text("x.jsonl", lines));
    assert_eq!(told, "label Int64, zip Utf8, score Float64, empty Utf8");
    assert_eq!(csv, ndjson);
    assert_eq!(csv.column(0).null_count(), 1);
}

#[test]
fn tables_end_at_their_limit_and_follow_the_file() {
    let files = Files::new();
    let rows = 2 * TABLE_ROWS_MAX + 3;
    let csv: String = (0..rows).map(|row| format!("{row}\n")).collect();
    let lines: String = (0..rows).map(|row| format!("{{\"n\":{row}}}\n")).collect();
    let numbers = array(Int64Array::from_iter_values((0..rows).map(|row| row as i64)));
    for path in [
        files.text("n.csv", format!("n\n{csv}")),
        files.text("n.ndjson", lines),
        files.parquet("n.parquet", vec![("n", numbers)]),
    ] {
        let tables = read(&path, &[wanted("n", ValueType::Int64)], Rest::Keep).expect("readable");
        let sizes: Vec<(u64, usize)> = tables.iter().map(|table| (table.rows_before, table.rows)).collect();
        assert_eq!(sizes, [(0, 8_192), (8_192, 8_192), (16_384, 3)]);
        let values = tables.iter().flat_map(|table| (0..table.rows).map(|row| table.columns[0].value(row).to_string()));
        assert!(values.eq((0..rows).map(|row| row.to_string())));
        assert!(tables.iter().all(|table| table.rest.as_ref().is_some_and(|rest| rest.num_rows() == table.rows)));
    }
}

#[test]
fn files_without_rows_have_no_tables() {
    let files = Files::new();
    for path in [
        files.text("x.csv", "id,n\n"),
        files.text("y.csv", "id,n"),
        files.text("x.ndjson", ""),
        files.text("y.ndjson", "\n \n"),
        files
            .parquet("x.parquet", vec![("id", array(StringArray::new_null(0))), ("n", array(Int64Array::new_null(0)))]),
    ] {
        for rest in [Rest::Ignore, Rest::Keep] {
            let tables = read(&path, &[wanted("n", ValueType::Int64)], rest).expect("readable");
            assert!(tables.is_empty(), "{}", path.display());
        }
    }
}

#[test]
fn no_column_is_needed_to_count_rows() {
    let files = Files::new();
    for path in [files.text("x.csv", CSV), files.text("x.ndjson", NDJSON), in_parquet(&files)] {
        let tables = read(&path, &[], Rest::Ignore).expect("readable");
        assert_eq!(tables.iter().map(|table| table.rows).sum::<usize>(), 3, "{}", path.display());
    }
}

#[test]
fn lines_come_from_any_input() {
    let input = std::io::Cursor::new(NDJSON);
    let tables: Vec<_> = read_lines(Path::new("<stdin>"), input, &all()).collect::<Result<_, _>>().expect("readable");
    assert_eq!(tables[0].rows, 3);
}
