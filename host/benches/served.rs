//! The feature log: what recording costs, and how large its file becomes.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark; it may panic")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use onepath::batch::{Column, Value};
use onepath::log::{
    FeatureLog, ServedBatch, ServedColumn, ServedField, ServedPlan, ServedProgram, ServedSink, ServedWriter,
    ViewIdentity,
};
use onepath::schema::ValueType;
use onepath::time::AsOf;

fn plan() -> ServedPlan {
    let program = ServedProgram {
        digest: "ab".repeat(32),
        ttl_us: None,
        defaults: String::new(),
        feature_ttls_us: Vec::new(),
        parameters: "[]".into(),
        inputs: Vec::new(),
        identity: ViewIdentity::default(),
    };
    ServedPlan {
        service: Some("churn_v1".into()),
        log: "ab".repeat(16),
        history: Some(1),
        keys: vec![ServedField::new("customer_id", ValueType::Text)],
        request: vec![ServedField::new("cart_value", ValueType::Float64)],
        features: [ValueType::Int64, ValueType::Float64, ValueType::Float64, ValueType::Float64]
            .into_iter()
            .enumerate()
            .map(|(at, value_type)| ServedField::new(format!("activity:f{at}"), value_type))
            .collect(),
        views: vec![("activity@v1".into(), program)],
    }
}

fn column(value_type: ValueType, values: impl Iterator<Item = Value>) -> Column {
    let mut column = Column::new(value_type);
    values.for_each(|value| column.push(&value).unwrap());
    column
}

/// A request of so many rows, as `transforms/churn` answers it: two counts, a mean that may be null, a ratio.
fn request(plan: &Arc<ServedPlan>, number: usize, rows: usize) -> ServedBatch {
    let of = |row: usize| number * 31 + row;
    let null = |row: usize| of(row) % 11 == 0;
    let or_null = |row: usize, value: Value| if null(row) { Value::Null } else { value };
    let rows_of = |value: &dyn Fn(usize) -> Value, value_type| column(value_type, (0..rows).map(value));
    ServedBatch {
        plan: Arc::clone(plan),
        as_of: AsOf::from_micros(1_700_000_000_000_000 + number as i64 * 137),
        offset: 1_000_000 + number as u64,
        replayed: false,
        request_id: None,
        keys: vec![rows_of(&|row| Value::Text(format!("c{}", of(row) % 50_000)), ValueType::Text)],
        request: vec![rows_of(&|row| Value::Float64(of(row) as f64 / 7.0), ValueType::Float64)],
        values: vec![
            rows_of(&|row| Value::Int64(of(row) as i64 % 90), ValueType::Int64),
            rows_of(&|row| or_null(row, Value::Float64(of(row) as f64 / 3.0)), ValueType::Float64),
            rows_of(&|row| or_null(row, Value::Float64(of(row) as f64 / 13.0)), ValueType::Float64),
            rows_of(&|row| Value::Float64(1.0 / (1.0 + of(row) as f64)), ValueType::Float64),
        ],
        statuses: (0..4)
            .map(|at| {
                (0..rows).map(|row| if (at == 1 || at == 2) && null(row) { "NULL_VALUE" } else { "PRESENT" }).collect()
            })
            .collect(),
        offsets: vec![(0..rows).map(|row| 900_000 + of(row) as u64).collect()],
    }
}

/// Records `commits` commits of `requests` requests of `rows` rows.
fn record(folder: &Path, commits: usize, requests: usize, rows: usize) {
    let path = folder.join(format!("served-{requests}-{rows}.sqlite"));
    let plan = Arc::new(plan());
    let mut log = ServedWriter::new(Box::new(FeatureLog::open(&path).unwrap().with_bytes_max(1 << 30)));
    let mut times = Vec::with_capacity(commits);
    for commit in 0..commits {
        let batches: Vec<ServedBatch> = (0..requests).map(|at| request(&plan, commit * requests + at, rows)).collect();
        let start = Instant::now();
        log.record(&batches).unwrap();
        times.push(start.elapsed());
    }
    drop(log);
    let total: Duration = times.iter().sum();
    times.sort_unstable();
    let vectors = commits * requests * rows;
    let bytes = std::fs::metadata(&path).unwrap().len();
    println!(
        "{requests:>5} requests of {rows:>5} rows a commit: median {:>9.1} µs  {:>7.3} µs a vector  {:>6.1} bytes a vector",
        times[commits / 2].as_nanos() as f64 / 1e3,
        total.as_nanos() as f64 / 1e3 / vectors as f64,
        bytes as f64 / vectors as f64,
    );
    let log: &dyn ServedSink = &FeatureLog::open_read_only(&path).unwrap().unwrap();
    let start = Instant::now();
    let mut read = 0;
    log.vectors(None, |_| {
        read += 1;
        Ok::<_, onepath::log::LogError>(())
    })
    .unwrap();
    let vectors_us = start.elapsed().as_nanos() as f64 / 1e3 / read as f64;
    let time = |what: &dyn Fn(ServedColumn<'_>) -> bool| {
        let start = Instant::now();
        let mut read = 0;
        for batch in log.batches(1, None) {
            read += batch.unwrap().decode_only(what).unwrap().len();
        }
        assert_eq!(read, vectors);
        start.elapsed().as_nanos() as f64 / 1e3 / read as f64
    };
    let (all_us, one_us) = (time(&|_| true), time(&|column| column == ServedColumn::Value("activity:f0")));
    println!(
        "{:>38} read: as vectors {vectors_us:>6.3} µs a vector, as columns {all_us:>6.3}, one column {one_us:>6.3}",
        ""
    );
}

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    for (commits, requests, rows) in [(20_000, 1, 1), (100, 4_096, 1), (1_000, 1, 1_000), (2_000, 16, 10)] {
        if wanted.is_empty() || wanted.contains(&format!("{requests}x{rows}")) {
            record(dir.path(), commits, requests, rows);
        }
    }
}
