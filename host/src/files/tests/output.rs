//! What is written reads back, is whole or absent, and has the same bytes every time.

use ::parquet::file::reader::{FileReader, SerializedFileReader};
use arrow::array::{
    Float64Array, Int64Array, StringArray, TimestampMicrosecondArray, TimestampNanosecondArray, UInt64Array,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{Schema, SchemaRef};
use expect_test::expect;

use super::*;
use crate::batch::{Value, canonical};
use crate::files::{TableWriter, Written, arrow_field, sha256_file, to_arrow};

fn columns() -> Vec<(&'static str, Column)> {
    let rows = [
        [
            Value::Text("a,\"b\"\nc".into()),
            Value::Bool(true),
            Value::Int64(i64::MAX),
            Value::Float64(-0.0),
            Value::Time(1_704_067_200_000_000),
            Value::Float64List(vec![1.0, f64::INFINITY, canonical(f64::NAN)]),
        ],
        [Value::Null, Value::Null, Value::Null, Value::Null, Value::Null, Value::Null],
        [
            Value::Text("é".into()),
            Value::Bool(false),
            Value::Int64(i64::MIN),
            Value::Float64(5e-324),
            Value::Time(1_704_067_200_000_001),
            Value::Float64List(Vec::new()),
        ],
    ];
    let types = [
        ("text", ValueType::Text),
        ("bool", ValueType::Bool),
        ("int64", ValueType::Int64),
        ("float64", ValueType::Float64),
        ("time", ValueType::Time),
        ("list", ValueType::Float64List),
    ];
    let column = |(at, (name, value_type)): (usize, (&'static str, ValueType))| {
        let mut column = Column::new(value_type);
        rows.iter().for_each(|row| column.push(&row[at]).expect("its type"));
        (name, column)
    };
    types.into_iter().enumerate().map(column).collect()
}

fn batch(columns: &[(&str, Column)]) -> RecordBatch {
    let fields: Vec<_> = columns.iter().map(|(name, column)| arrow_field(name, column.value_type(), true)).collect();
    let arrays = columns.iter().map(|(_, column)| to_arrow(column).expect("small")).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("the types of the schema")
}

fn write(path: &Path, schema: &SchemaRef, batches: &[RecordBatch]) -> Written {
    let mut writer = TableWriter::create(path, schema, 1).expect("writable");
    batches.iter().for_each(|batch| writer.write(batch).expect("writable"));
    writer.finish(&[("onepath.service".to_owned(), "churn_v1".to_owned())]).expect("writable")
}

#[test]
fn what_is_written_reads_back_bit_for_bit() {
    let files = Files::new();
    let columns = columns();
    let batch = batch(&columns);
    let wanted: Vec<Wanted> = columns.iter().map(|(name, column)| wanted(name, column.value_type())).collect();
    for name in ["x.parquet", "x.csv", "x.ndjson"] {
        let path = files.path(name);
        let written = write(&path, &batch.schema(), std::slice::from_ref(&batch));
        assert_eq!(written.sha256, sha256_file(&FileSystem, &path).expect("readable"));
        assert_eq!(written.bytes, std::fs::metadata(&path).expect("there").len());
        assert_eq!(written.rows, 3);
        let table = read(&path, &wanted, Rest::Ignore).expect("readable").remove(0);
        for ((_, written), read) in columns.iter().zip(&table.columns) {
            let same = (0..3).all(|row| written.value(row).same_bits(&read.value(row)));
            assert!(same, "{name}: {} but {}", shown(written), shown(read));
        }
    }
    expect![[r#"
        text,bool,int64,float64,time,list
        "a,""b""
        c",true,9223372036854775807,-0.0,2024-01-01T00:00:00Z,"[1.0,""Infinity"",""NaN""]"
        ,,,,,
        é,false,-9223372036854775808,5e-324,2024-01-01T00:00:00.000001Z,[]
    "#]]
    .assert_eq(&std::fs::read_to_string(files.path("x.csv")).expect("text"));
    expect![[r#"
        {"text":"a,\"b\"\nc","bool":true,"int64":9223372036854775807,"float64":-0.0,"time":"2024-01-01T00:00:00Z","list":[1.0,"Infinity","NaN"]}
        {"text":null,"bool":null,"int64":null,"float64":null,"time":null,"list":null}
        {"text":"é","bool":false,"int64":-9223372036854775808,"float64":5e-324,"time":"2024-01-01T00:00:00.000001Z","list":[]}
    "#]]
    .assert_eq(&std::fs::read_to_string(files.path("x.ndjson")).expect("text"));
}

#[test]
fn the_same_rows_give_the_same_bytes_whatever_their_batches() {
    let files = Files::new();
    let rows = 250_001;
    let mut numbers = Column::new(ValueType::Float64);
    let mut texts = Column::new(ValueType::Text);
    for row in 0..rows {
        let number = if row % 11 == 0 { Value::Null } else { Value::Float64(f64::from(row) / 7.0) };
        numbers.push(&number).expect("its type");
        texts.push(&Value::Text(format!("customer-{row}"))).expect("its type");
    }
    let batch = batch(&[("n", numbers), ("t", texts)]);
    let whole = write(&files.path("whole.parquet"), &batch.schema(), std::slice::from_ref(&batch));
    for size in [1_000, 8_192, 99_999] {
        let cuts = (0..batch.num_rows()).step_by(size);
        let cuts: Vec<_> = cuts.map(|from| batch.slice(from, size.min(batch.num_rows() - from))).collect();
        assert_eq!(write(&files.path("cut.parquet"), &batch.schema(), &cuts), whole, "batches of {size}");
    }
    let file = std::fs::File::open(files.path("whole.parquet")).expect("there");
    let reader = SerializedFileReader::new(file).expect("Parquet");
    let groups: Vec<i64> = reader.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
    assert_eq!(groups, [122_880, 122_880, 4_241]);
    let metadata = reader.metadata().file_metadata();
    assert_eq!(metadata.created_by(), Some(concat!("onepath version ", env!("CARGO_PKG_VERSION"))));
    let service = metadata.key_value_metadata().into_iter().flatten().find(|pair| pair.key == "onepath.service");
    assert_eq!(service.and_then(|pair| pair.value.as_deref()), Some("churn_v1"));
}

/// What lies under a null depends on how a column was read. It decides nothing, neither a value nor how values are encoded.
#[test]
fn what_lies_under_a_null_does_not_matter() {
    let files = Files::new();
    let nulls = NullBuffer::from_iter((0..20_000).map(|row| row % 5 < 2));
    let arrays = |under: &dyn Fn(usize) -> i64| {
        let values: Vec<i64> = (0..20_000).map(|row| if row % 5 < 2 { row as i64 } else { under(row) }).collect();
        let floats: Vec<f64> = values.iter().map(|value| *value as f64).collect();
        let floats = Float64Array::new(floats.into(), Some(nulls.clone()));
        let times = TimestampMicrosecondArray::new(values.clone().into(), Some(nulls.clone()));
        let integers = Int64Array::new(values.into(), Some(nulls.clone()));
        vec![("float", array(floats)), ("time", array(times)), ("integer", array(integers))]
    };
    let written = [0, 1].map(|times| {
        let columns = arrays(&|row| -(row as i64) * times).into_iter().map(|(name, array)| (name, array, true));
        let batch = RecordBatch::try_from_iter_with_nullable(columns);
        let batch = batch.expect("a batch");
        write(&files.path("x.parquet"), &batch.schema(), std::slice::from_ref(&batch))
    });
    assert_eq!(written[0], written[1]);
}

#[test]
fn pass_through_columns_of_any_type_are_written() {
    let files = Files::new();
    let batch = RecordBatch::try_from_iter([
        ("u", array(UInt64Array::from(vec![u64::MAX]))),
        ("ns", array(TimestampNanosecondArray::from(vec![1]).with_timezone("UTC"))),
        ("empty", array(StringArray::from(vec![""]))),
    ])
    .expect("a batch");
    write(&files.path("x.csv"), &batch.schema(), std::slice::from_ref(&batch));
    expect![[r#"
        u,ns,empty
        18446744073709551615,1970-01-01T00:00:00.000000001Z,
    "#]]
    .assert_eq(&std::fs::read_to_string(files.path("x.csv")).expect("text"));
}

#[test]
fn a_single_column_of_nulls_keeps_its_rows() {
    let files = Files::new();
    let mut column = Column::new(ValueType::Int64);
    column.push_null();
    column.push(&Value::Int64(1)).expect("its type");
    let batch = batch(&[("n", column)]);
    write(&files.path("x.csv"), &batch.schema(), &[batch]);
    let read = read_column(&files.path("x.csv"), wanted("n", ValueType::Int64)).expect("readable");
    assert_eq!(shown(&read), "null 1");
}

#[test]
fn outputs_appear_whole_or_not_at_all() {
    let files = Files::new();
    let batch = batch(&columns());
    let left = || {
        let mut names: Vec<String> = std::fs::read_dir(files.0.path())
            .expect("there")
            .map(|entry| entry.expect("there").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names.join(" ")
    };
    for name in ["x.parquet", "x.csv", "x.ndjson"] {
        let mut writer = TableWriter::create(&files.path(name), &batch.schema(), 2).expect("writable");
        writer.write(&batch).expect("writable");
        drop(writer);
        assert_eq!(left(), "");
    }
    files.text("x.csv", "what was there");
    let writer = TableWriter::create(&files.path("x.csv"), &batch.schema(), 1).expect("writable");
    assert_eq!(std::fs::read_to_string(files.path("x.csv")).expect("text"), "what was there");
    writer.finish(&[]).expect("writable");
    assert_eq!(std::fs::read_to_string(files.path("x.csv")).expect("text"), "text,bool,int64,float64,time,list\n");
    assert_eq!(left(), "x.csv");
}

#[test]
fn without_rows_there_is_still_a_file() {
    let files = Files::new();
    let batch = batch(&columns());
    for name in ["x.parquet", "x.csv", "x.ndjson"] {
        assert_eq!(write(&files.path(name), &batch.schema(), &[]).rows, 0);
        let tables = read(&files.path(name), &[wanted("text", ValueType::Text)], Rest::Ignore).expect("readable");
        assert!(tables.is_empty());
    }
}

#[test]
fn unwritable_places_are_named() {
    let files = Files::new();
    let schema = batch(&columns()).schema();
    let told = |path: &Path| {
        let error = TableWriter::create(path, &schema, 1).err().expect("unwritable");
        error.to_string().replace(&files.0.path().display().to_string(), "DIR")
    };
    std::fs::create_dir(files.path("d.csv")).expect("a directory");
    files.text("file", "");
    let all = [
        told(&files.path("no/x.csv")),
        told(&files.path("file/x.csv")),
        told(&files.path("d.csv")),
        told(&files.path("x.txt")),
    ];
    expect![[r#"
        DIR/no/x.csv: cannot make a file in DIR/no
        DIR/file/x.csv: cannot make a file in DIR/file
        DIR/d.csv: is a directory
        DIR/x.txt: unknown file format: the name must end in .parquet, .pq, .csv, .ndjson or .jsonl"#]]
    .assert_eq(&all.join("\n"));
}

#[cfg(unix)]
#[test]
fn outputs_are_as_readable_as_other_files() {
    use std::os::unix::fs::PermissionsExt;
    let files = Files::new();
    let plain = files.text("plain", "");
    write(&files.path("x.csv"), &batch(&columns()).schema(), &[]);
    let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode();
    assert_eq!(mode(&files.path("x.csv")), mode(&plain));
}
