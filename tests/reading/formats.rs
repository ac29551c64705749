//! One table of events through every door: files of each format, files that are pushed, and HTTP. The features are the same,
//! bit for bit.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int64Array, ListArray, RecordBatch, StringArray,
    TimestampNanosecondArray,
};
use arrow::datatypes::Float64Type;
use parquet::arrow::ArrowWriter;
use serde_json::{Value as Json, json};

use super::{backfill, data, project};
use crate::support::{Project, Random, Served};

/// One event; `user_id` is its number, so that each is seen by itself.
struct Row {
    amount: Option<f64>,
    whole: Option<i64>,
    text: Option<String>,
    flag: Option<bool>,
    /// Microseconds.
    time: Option<i64>,
    list: Option<Vec<f64>>,
    /// Nanoseconds.
    at: i64,
}

/// Numbers of every size, and nulls.
fn rows(random: &mut Random, count: usize) -> Vec<Row> {
    let float = |random: &mut Random| match random.below(4) {
        0 => f64::from_bits(random.next() & !(1 << 62)),
        1 => (random.below(1_000_000) as f64) / 100.0,
        2 => 9_007_199_254_740_992.0,
        _ => -0.0,
    };
    let some = |random: &mut Random| random.below(5) > 0;
    let row = |_| Row {
        amount: some(random).then(|| float(random)),
        whole: some(random).then(|| random.next() as i64),
        text: some(random).then(|| ["a", "007", "1.10", "null", "a,\"b\"\n", "é🦀"][random.below(6)].to_owned()),
        flag: some(random).then(|| random.below(2) == 0),
        time: some(random).then(|| random.below(4_000_000_000_000_000) as i64 - 2_000_000_000_000_000),
        list: some(random).then(|| (0..random.below(3)).map(|_| float(random)).collect()),
        at: 1_704_067_200_000_000_000 + random.below(1_000_000_000) as i64,
    };
    (0..count).map(row).collect()
}

fn iso(nanos: i64) -> String {
    let whole = onepath::time::format_time(nanos.div_euclid(1_000_000_000) * 1_000_000);
    format!("{}.{:09}Z", whole.trim_end_matches('Z'), nanos.rem_euclid(1_000_000_000))
}

fn json_of(number: usize, row: &Row) -> Json {
    json!({
        "user_id": number.to_string(), "amount": row.amount, "whole": row.whole, "text": row.text, "flag": row.flag,
        "time": row.time.map(onepath::time::format_time), "list": row.list, "ts": iso(row.at),
    })
}

fn ndjson(rows: &[Row]) -> String {
    rows.iter().enumerate().map(|(number, row)| format!("{}\n", json_of(number, row))).collect()
}

fn csv(rows: &[Row]) -> String {
    let mut text = "ts,user_id,amount,whole,text,flag,time,list\n".to_owned();
    for (number, row) in rows.iter().enumerate() {
        let cell = |value: Option<String>| {
            value.map_or_else(String::new, |value| format!("\"{}\"", value.replace('"', "\"\"")))
        };
        let cells = [
            cell(row.amount.map(|amount| format!("{amount:?}"))),
            cell(row.whole.map(|whole| whole.to_string())),
            cell(row.text.clone()),
            cell(row.flag.map(|flag| flag.to_string())),
            cell(row.time.map(onepath::time::format_time)),
            cell(row.list.as_ref().map(|list| json!(list).to_string())),
        ];
        text += &format!("{},{number},{}\n", iso(row.at), cells.join(","));
    }
    text
}

fn parquet(project: &Project, name: &str, rows: &[Row]) {
    let lists = rows.iter().map(|row| row.list.as_ref().map(|list| list.iter().copied().map(Some).collect::<Vec<_>>()));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("user_id", Arc::new(StringArray::from_iter_values((0..rows.len()).map(|number| number.to_string())))),
        ("amount", Arc::new(rows.iter().map(|row| row.amount).collect::<Float64Array>())),
        ("whole", Arc::new(rows.iter().map(|row| row.whole).collect::<Int64Array>())),
        ("text", Arc::new(rows.iter().map(|row| row.text.as_deref()).collect::<StringArray>())),
        ("flag", Arc::new(rows.iter().map(|row| row.flag).collect::<BooleanArray>())),
        (
            "time",
            Arc::new(rows.iter().map(|row| row.time.map(|time| time * 1_000)).collect::<TimestampNanosecondArray>()),
        ),
        ("list", Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(lists))),
        ("ts", Arc::new(rows.iter().map(|row| Some(row.at)).collect::<TimestampNanosecondArray>())),
    ];
    write_parquet(project, name, columns);
}

fn write_parquet(project: &Project, name: &str, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)));
    let batch = batch.expect("columns of one length");
    let file = std::fs::File::create(project.path(name)).expect("makes a file");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("writes Parquet");
    writer.write(&batch).expect("writes Parquet");
    writer.close().expect("writes Parquet");
}

const FEATURES: &str = "n,nulls,total,last_amount,last_whole,last_text,last_flag,last_time,last_list,last_at";

#[test]
fn every_door_gives_the_same_features() {
    let rows = rows(&mut Random::new(12), 60);
    let spine: String = (0..rows.len()).map(|number| format!("{number},2024-06-01\n")).collect();
    let features = |project: &Project| {
        project.write("s.csv", format!("user_id,as_of\n{spine}"));
        backfill(project, "s.csv", FEATURES).expect("reads")
    };
    let of_file = |name: &str| {
        let project = project(&[name], "");
        match name.rsplit('.').next() {
            Some("csv") => drop(project.write(name, csv(&rows))),
            Some("ndjson") => drop(project.write(name, ndjson(&rows))),
            _ => parquet(&project, name, &rows),
        }
        project
    };
    let expected = features(&of_file("e.ndjson"));
    assert_eq!(expected.lines().filter(|line| line.contains(",1,")).count(), rows.len(), "every event is seen");
    for name in ["e.csv", "e.parquet"] {
        assert_eq!(features(&of_file(name)), expected, "{name}");
    }
    for name in ["e.csv", "e.ndjson", "e.parquet"] {
        let files = of_file(name);
        let pushed = project(&[], "");
        std::fs::copy(files.path(name), pushed.path(name)).expect("copies");
        let ran = pushed.run(&format!("ingest --source events {name} --arrived-at event-time"));
        assert_eq!(ran.code, 0, "{name}: {}", ran.stderr);
        assert_eq!(features(&pushed), expected, "{name}, pushed");
    }
}

#[test]
fn http_takes_and_refuses_what_files_do() {
    let project = project(&[], "");
    let served = Served::start(&project, "");
    let mut client = served.client();
    let mut push = |field: &str, value: &str| {
        let event = format!("{{\"user_id\":\"a\",\"ts\":\"2024-01-01\",\"{field}\":{value}}}");
        let body = format!("{{\"events\":[{event}]}}");
        let file = self::project(&["e.ndjson"], "");
        file.write("e.ndjson", format!("{event}\n"));
        file.write("s.csv", "user_id,as_of\na,2024-06-01\n");
        let read = backfill(&file, "s.csv", "n");
        let reply = client.post("/v1/events/events", body).expect("answers");
        assert_eq!(reply.status == 200, read.is_ok(), "{field} {value}: {} {read:?}", reply.text());
        reply.status
    };
    for (field, value, status) in [
        ("amount", "9007199254740993", 422),
        ("amount", "9007199254740992", 200),
        ("amount", "18446744073709551617", 422),
        ("amount", "1e400", 422),
        ("amount", "\"1.5\"", 422),
        ("whole", "1.0", 422),
        ("whole", "9223372036854775808", 422),
        ("whole", "-9223372036854775808", 200),
        ("time", "\"24-01-15\"", 422),
        ("time", "20240115", 200),
        ("time", "1704067200", 422),
        ("text", "7", 422),
        ("flag", "1", 422),
        ("list", "[1,null]", 422),
        ("amount", "null", 200),
    ] {
        assert_eq!(push(field, value), status, "{field} {value}");
    }
}

#[test]
fn decimals_are_amounts_and_keys() {
    let money = project(&["e.parquet"], "");
    money.write("e.parquet", data("decimals.parquet"));
    money.write("s.csv", "user_id,as_of\na,2024-06-01\nb,2024-06-01\n");
    let out = backfill(&money, "s.csv", "total").expect("reads");
    assert_eq!(out, "user_id,as_of,total\na,2024-06-01T00:00:00Z,1.1\nb,2024-06-01T00:00:00Z,2.2\n");

    // NUMBER of Oracle and Snowflake, as a key.
    let keys = project(&["e.parquet"], "");
    let toml = std::fs::read_to_string(keys.path("onepath.toml")).expect("is there");
    keys.write("onepath.toml", toml.replace("user_id = \"text\"", "user_id = \"int64\""));
    let number = |values: Vec<i128>, precision, scale| {
        let decimals = Decimal128Array::from(values).with_precision_and_scale(precision, scale);
        Arc::new(decimals.expect("it fits")) as ArrayRef
    };
    let columns = vec![
        ("user_id", number(vec![9_007_199_254_740_993, 2], 19, 0)),
        ("amount", number(vec![150, -25], 10, 2)),
        ("ts", Arc::new(StringArray::from(vec!["2024-01-01", "2024-01-02"])) as ArrayRef),
    ];
    write_parquet(&keys, "e.parquet", columns);
    keys.write("s.csv", "user_id,as_of\n9007199254740993,2024-06-01\n2,2024-06-01\n");
    let out = backfill(&keys, "s.csv", "total").expect("reads");
    assert_eq!(out.lines().nth(1), Some("9007199254740993,2024-06-01T00:00:00Z,1.5"));
    let ran = keys.run("ingest --source events e.parquet --arrived-at event-time");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let out = backfill(&keys, "s.csv", "n,total").expect("reads");
    assert_eq!(out.lines().nth(2), Some("2,2024-06-01T00:00:00Z,2,-0.5"), "from the file, and pushed without an id");
}
