//! Generates the data sets of the backfill benchmarks: `bench-data DIR SET...` writes `DIR/SET/events.parquet` and
//! `DIR/SET/spine.parquet`, and the same rows as CSV where the set is small enough for it.
//!
//! Events are purchases, views and returns over two years, in random order. The same set has the same rows on every run.

mod random;

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use chrono::DateTime;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

use random::{Customers, Random};

/// One data set.
struct Set {
    name: &'static str,
    events: usize,
    customers: usize,
    spine_rows: usize,
    /// Customer `n` has a share of rows proportional to `1 / n^exponent`; 0 gives all of them the same.
    zipf_exponent: f64,
}

const SETS: [Set; 5] = [
    Set { name: "M", events: 1_000_000, customers: 50_000, spine_rows: 200_000, zipf_exponent: 0.0 },
    Set { name: "L", events: 10_000_000, customers: 200_000, spine_rows: 1_000_000, zipf_exponent: 0.0 },
    Set { name: "E", events: 5_000_000, customers: 1_000_000, spine_rows: 200_000, zipf_exponent: 0.0 },
    Set { name: "MZ", events: 1_000_000, customers: 50_000, spine_rows: 200_000, zipf_exponent: 1.1 },
    Set { name: "LZ", events: 10_000_000, customers: 200_000, spine_rows: 1_000_000, zipf_exponent: 1.1 },
];

/// Sets with more events than this are written as Parquet only.
const CSV_EVENTS_MAX: usize = 1_000_000;
const ROW_GROUP_ROWS: usize = 122_880;
/// 2023-01-01T00:00:00Z.
const START_US: i64 = 1_672_531_200_000_000;
const SPAN_US: u64 = 730 * 86_400_000_000;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, first, others @ ..] = arguments.as_slice() else { bail!("usage: bench-data DIR SET...") };
    for name in [first].into_iter().chain(others) {
        let Some(set) = SETS.iter().find(|set| set.name == name) else {
            bail!("unknown data set {name}: the sets are {}", SETS.map(|set| set.name).join(", "));
        };
        generate(Path::new(folder), set).with_context(|| format!("cannot write data set {name} to {folder}"))?;
    }
    Ok(())
}

/// Writes one set. Its folder appears when it is complete.
fn generate(folder: &Path, set: &Set) -> anyhow::Result<()> {
    let (partial, complete) = (folder.join(format!("{}.partial", set.name)), folder.join(set.name));
    std::fs::create_dir_all(&partial)?;
    let mut random = Random::new(set.events as u64 + set.zipf_exponent.to_bits());
    let customers = Customers::new(set.customers, set.zipf_exponent, &mut random);
    write(&partial.join("events"), set, set.events, |rows| events(rows, &customers, &mut random))?;
    write(&partial.join("spine"), set, set.spine_rows, |rows| spine(rows, &customers, &mut random))?;
    std::fs::rename(&partial, &complete)?;
    Ok(())
}

fn events(rows: usize, customers: &Customers, random: &mut Random) -> anyhow::Result<RecordBatch> {
    let ids = customer_ids(rows, customers, random);
    let (mut types, mut amounts) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
    for _ in 0..rows {
        let (event_type, amount) = match random.below(10) {
            0..5 => ("purchase", random.exponential(50.0)),
            5..9 => ("view", 0.0),
            _ => ("return", random.exponential(30.0)),
        };
        types.push(event_type);
        amounts.push(amount);
    }
    let columns: [(&str, ArrayRef); 4] = [
        ("customer_id", ids),
        ("event_type", Arc::new(StringArray::from(types))),
        ("amount", Arc::new(Float64Array::from(amounts))),
        ("event_timestamp", times(rows, random)),
    ];
    Ok(RecordBatch::try_from_iter(columns)?)
}

fn spine(rows: usize, customers: &Customers, random: &mut Random) -> anyhow::Result<RecordBatch> {
    let columns = [("customer_id", customer_ids(rows, customers, random)), ("label_date", times(rows, random))];
    Ok(RecordBatch::try_from_iter(columns)?)
}

fn customer_ids(rows: usize, customers: &Customers, random: &mut Random) -> ArrayRef {
    Arc::new(StringArray::from_iter_values((0..rows).map(|_| format!("c{:07}", customers.pick(random)))))
}

fn times(rows: usize, random: &mut Random) -> ArrayRef {
    let times = (0..rows).map(|_| START_US + random.below(SPAN_US) as i64);
    Arc::new(TimestampMicrosecondArray::from_iter_values(times).with_timezone("UTC"))
}

/// Writes `rows` rows, a row group at a time, to `path` with the extension of each format. `group` draws that many rows.
fn write(
    path: &Path,
    set: &Set,
    rows: usize,
    mut group: impl FnMut(usize) -> anyhow::Result<RecordBatch>,
) -> anyhow::Result<()> {
    let schema = group(0)?.schema();
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY);
    let properties = properties.set_max_row_group_row_count(Some(ROW_GROUP_ROWS)).build();
    let file = File::create(path.with_extension("parquet"))?;
    let mut parquet = ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties))?;
    let mut csv = None;
    if set.events <= CSV_EVENTS_MAX {
        let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
        let file = csv.insert(BufWriter::new(File::create(path.with_extension("csv"))?));
        writeln!(file, "{}", names.join(","))?;
    }
    for start in (0..rows).step_by(ROW_GROUP_ROWS) {
        let batch = group(ROW_GROUP_ROWS.min(rows - start))?;
        parquet.write(&batch)?;
        if let Some(csv) = &mut csv {
            write_csv(csv, &batch)?;
        }
    }
    parquet.close()?;
    if let Some(mut csv) = csv {
        csv.flush()?;
    }
    Ok(())
}

/// Appends the rows as CSV, with times in UTC to the microsecond.
fn write_csv(out: &mut impl Write, batch: &RecordBatch) -> anyhow::Result<()> {
    for row in 0..batch.num_rows() {
        for (at, column) in batch.columns().iter().enumerate() {
            if at > 0 {
                out.write_all(b",")?;
            }
            let column = column.as_any();
            if let Some(texts) = column.downcast_ref::<StringArray>() {
                write!(out, "{}", texts.value(row))?;
            } else if let Some(numbers) = column.downcast_ref::<Float64Array>() {
                write!(out, "{}", numbers.value(row))?;
            } else if let Some(times) = column.downcast_ref::<TimestampMicrosecondArray>() {
                let time = DateTime::from_timestamp_micros(times.value(row)).context("a time outside the calendar")?;
                write!(out, "{}", time.format("%Y-%m-%dT%H:%M:%S%.6fZ"))?;
            }
        }
        out.write_all(b"\n")?;
    }
    Ok(())
}
