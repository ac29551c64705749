//! Drift over what was served: makes a store of a million vectors of 50 features and compares it with a profile. Prints one line per
//! way of serving; `cargo bench --bench drift` (figures in README.md).
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark; it may panic")]

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use onepath::batch::{Column, Value, Values};
use onepath::feature_store::{FeatureStore, OpenOptions};
use onepath::log::{FeatureLog, ServedBatch, ServedField, ServedPlan, ServedProgram, ServedWriter, ViewIdentity};
use onepath::monitor::{DriftRequest, DriftSide, ExportRequest, Period};
use onepath::profile::{FeatureProfiler, PROFILE_FORMAT, ProfileSet, ProfiledRows, scrambled};
use onepath::schema::ValueType;
use onepath::time::AsOf;
use onepath::usage;
use sha2::{Digest, Sha256};

const FEATURES: usize = 50;

/// A number above 0 and below 1.
fn uniform(seed: u64) -> f64 {
    ((scrambled(seed) >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
}

/// Rows of a feature: counts, amounts with nulls, sums with many zeros, ratios.
fn column(feature: usize, first: u64, rows: usize) -> Column {
    let seed = |row: usize| ((feature as u64) << 40) + first + row as u64;
    let floats = |value: &dyn Fn(usize) -> f64| Values::Float64s((0..rows).map(value).collect());
    match feature % 4 {
        0 => {
            let counts = (0..rows).map(|row| (-8.0 * uniform(seed(row)).ln()) as i64).collect();
            Column::from_parts(Values::Int64s(counts), None)
        }
        1 => {
            let nulls: Vec<u8> = (0..rows).map(|row| u8::from(scrambled(seed(row)).is_multiple_of(10))).collect();
            let value = |row: usize| if nulls[row] == 0 { -100.0 * uniform(seed(row)).ln() } else { 0.0 };
            let values = floats(&value);
            Column::from_parts(values, Some(nulls))
        }
        2 => Column::from_parts(floats(&|row| (900.0 * uniform(seed(row)) - 600.0).max(0.0)), None),
        _ => Column::from_parts(floats(&|row| uniform(seed(row))), None),
    }
}

fn value_type(feature: usize) -> ValueType {
    if feature.is_multiple_of(4) { ValueType::Int64 } else { ValueType::Float64 }
}

fn name(feature: usize) -> String {
    format!("activity@v1:f{feature}")
}

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
        service: Some("scores".into()),
        log: "ab".repeat(16),
        history: Some(1),
        keys: vec![ServedField::new("customer_id", ValueType::Text)],
        request: Vec::new(),
        features: (0..FEATURES).map(|at| ServedField::new(name(at), value_type(at))).collect(),
        views: vec![("activity@v1".into(), program)],
    }
}

fn request(plan: &Arc<ServedPlan>, first: u64, rows: usize) -> ServedBatch {
    let mut keys = Column::new(ValueType::Text);
    (0..rows as u64).for_each(|row| keys.push(&Value::Text(format!("c{}", (first + row) % 50_000))).unwrap());
    let values: Vec<Column> = (0..FEATURES).map(|feature| column(feature, first, rows)).collect();
    let status = |column: &Column, row| if column.is_null(row) { "NULL_VALUE" } else { "PRESENT" };
    ServedBatch {
        plan: Arc::clone(plan),
        as_of: AsOf::from_micros(1_700_000_000_000_000 + first as i64 * 137),
        offset: 1_000_000 + first,
        replayed: false,
        request_id: None,
        keys: vec![keys],
        request: Vec::new(),
        statuses: values.iter().map(|column| (0..rows).map(|row| status(column, row)).collect()).collect(),
        values,
        offsets: vec![(0..rows as u64).map(|row| 900_000 + first + row).collect()],
    }
}

/// A training set of so many rows: its profile, and a manifest that names it.
fn train(dir: &Path, rows: usize) {
    let hashes: Vec<u64> = (0..rows as u64).map(scrambled).collect();
    let as_of = vec![0; rows];
    let profile = |feature: usize| {
        let mut profiler = FeatureProfiler::new(name(feature), value_type(feature), false);
        profiler.add(&column(feature, 1 << 36, rows), ProfiledRows { first: 0, hashes: &hashes, as_of: &as_of });
        profiler.finish()
    };
    let start = Instant::now();
    let features = (0..FEATURES).map(profile).collect();
    let text = ProfileSet { format: PROFILE_FORMAT, rows: rows as u64, features }.to_json();
    println!("profile of {rows} rows of {FEATURES} features, with making them: {:.2} s", start.elapsed().as_secs_f64());
    std::fs::write(dir.join("t.parquet.profile.json"), &text).unwrap();
    let sha256: String = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
    let manifest =
        format!(r#"{{"service": "scores", "profile": {{"file": "t.parquet.profile.json", "sha256": "{sha256}"}}}}"#);
    std::fs::write(dir.join("t.parquet.manifest.json"), manifest).unwrap();
}

fn open(dir: &Path) -> FeatureStore {
    FeatureStore::open(dir, OpenOptions::default()).unwrap()
}

/// Serves `vectors` by commits of so many requests of so many rows.
fn serve(dir: &Path, vectors: usize, requests: usize, rows: usize) {
    let path = dir.join(".onepath/served.sqlite");
    let plan = Arc::new(plan());
    let mut log = ServedWriter::new(Box::new(FeatureLog::open(&path).unwrap().with_bytes_max(8 << 30)));
    for commit in 0..vectors / (requests * rows) {
        let first = (commit * requests * rows) as u64;
        let batches: Vec<ServedBatch> =
            (0..requests).map(|at| request(&plan, first + (at * rows) as u64, rows)).collect();
        log.record(&batches).unwrap();
    }
}

/// Two processes, so that the memory of one is that of comparing alone.
fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    match words.first().map(String::as_str) {
        Some("drift") => {
            let dir = Path::new(&words[1]);
            let start = Instant::now();
            let reference = DriftSide::TrainingSet(dir.join("t.parquet.manifest.json"));
            let observed = DriftSide::Served(Period::default());
            let report = open(dir).drift(&DriftRequest { reference, observed, service: None }).unwrap();
            println!(
                "  drift of {} vectors, {} features: {:.2} s, {:.2} s of processor time, {} MiB at most, verdict {}",
                report.observed.rows,
                report.features.len(),
                start.elapsed().as_secs_f64(),
                usage::cpu_seconds().unwrap_or_default(),
                usage::peak_memory_bytes().unwrap_or_default() >> 20,
                report.verdict.as_str(),
            );
        }
        Some("export") => {
            let dir = Path::new(&words[1]);
            let start = Instant::now();
            let request = ExportRequest { period: Period::default(), service: None, out: dir.join("served.parquet") };
            let report = open(dir).export_served(&request).unwrap();
            println!(
                "  export of {} vectors, {} columns: {:.2} s, {} MiB, {} MiB of memory at most",
                report.rows,
                report.columns,
                start.elapsed().as_secs_f64(),
                report.bytes >> 20,
                usage::peak_memory_bytes().unwrap_or_default() >> 20,
            );
        }
        _ => {
            let vectors = words.first().map_or(1_000_000, |word| word.parse().unwrap());
            for (requests, rows) in [(1, 1_000), (100, 1), (10, 1)] {
                let dir = tempfile::tempdir().unwrap();
                std::fs::create_dir(dir.path().join(".onepath")).unwrap();
                std::fs::write(dir.path().join("onepath.toml"), "[project]\nname = \"drift\"\n").unwrap();
                train(dir.path(), 100_000);
                serve(dir.path(), vectors, requests, rows);
                let bytes = std::fs::metadata(dir.path().join(".onepath/served.sqlite")).unwrap().len();
                println!("commits of {requests} requests of {rows} vectors: a store of {} MiB", bytes >> 20);
                for what in ["drift", "export"] {
                    let own = std::env::current_exe().unwrap();
                    let status = std::process::Command::new(own).arg(what).arg(dir.path()).status().unwrap();
                    assert!(status.success());
                }
            }
        }
    }
}
