//! Events of the tests, and files of them in every format.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use onepath::time::format_time;
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its source's number.
    pub source: usize,
    pub entity: String,
    pub kind: &'static str,
    pub amount: f64,
    /// When it happened, in microseconds.
    pub at: i64,
    /// When it arrived, where that is not when it happened.
    pub arrived: Option<i64>,
}

impl Event {
    /// When it could first have been known.
    pub fn available(&self) -> i64 {
        self.arrived.map_or(self.at, |arrived| arrived.max(self.at))
    }
}

/// A format of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Csv,
    Ndjson,
    Parquet,
}

impl Format {
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
            Self::Parquet => "parquet",
        }
    }
}

/// Writes events in their order, with the columns `customer_id`, `event_type`, `amount`, `event_timestamp` and `ingested_at`.
pub fn write_events(path: &Path, events: &[Event], format: Format) {
    write_with(path, events, None, format);
}

/// As [`write_events`], with the column `id`, which may be null.
pub fn write_events_with_ids(path: &Path, events: &[(Option<String>, Event)], format: Format) {
    let (ids, events): (Vec<_>, Vec<_>) = events.iter().cloned().unzip();
    write_with(path, &events, Some(&ids), format);
}

fn write_with(path: &Path, events: &[Event], ids: Option<&[Option<String>]>, format: Format) {
    match format {
        Format::Csv => write_csv(path, events, ids),
        Format::Ndjson => write_ndjson(path, events, ids),
        Format::Parquet => write_parquet(path, events, ids),
    }
}

fn write_csv(path: &Path, events: &[Event], ids: Option<&[Option<String>]>) {
    let mut text = "customer_id,event_type,amount,event_timestamp,ingested_at".to_owned();
    text += if ids.is_some() { ",id\n" } else { "\n" };
    for (row, Event { entity, kind, amount, at, arrived, .. }) in events.iter().enumerate() {
        let arrived = format_time(arrived.unwrap_or(*at));
        text += &format!("{entity},{kind},{amount:?},{},{arrived}", format_time(*at));
        if let Some(ids) = ids {
            text += &format!(",{}", ids[row].as_deref().unwrap_or_default());
        }
        text.push('\n');
    }
    std::fs::write(path, text).expect("writes a file");
}

fn write_ndjson(path: &Path, events: &[Event], ids: Option<&[Option<String>]>) {
    let line = |(row, event): (usize, &Event)| {
        let mut line = serde_json::json!({
            "customer_id": event.entity,
            "event_type": event.kind,
            "amount": event.amount,
            "event_timestamp": format_time(event.at),
            "ingested_at": format_time(event.arrived.unwrap_or(event.at)),
        });
        if let Some(ids) = ids {
            line["id"] = serde_json::json!(ids[row]);
        }
        format!("{line}\n")
    };
    std::fs::write(path, events.iter().enumerate().map(line).collect::<String>()).expect("writes a file");
}

/// Row groups of five rows, so that their borders are everywhere.
fn write_parquet(path: &Path, events: &[Event], ids: Option<&[Option<String>]>) {
    let texts = |of: fn(&Event) -> &str| Arc::new(StringArray::from_iter_values(events.iter().map(of))) as ArrayRef;
    let times = |of: fn(&Event) -> Option<i64>| {
        let times: TimestampMicrosecondArray = events.iter().map(of).collect();
        Arc::new(times.with_timezone("UTC")) as ArrayRef
    };
    let amounts = Float64Array::from_iter_values(events.iter().map(|event| event.amount));
    let ids = ids.map(|ids| ("id", Arc::new(ids.iter().cloned().collect::<StringArray>()) as ArrayRef, true));
    let columns = [
        ("customer_id", texts(|event| &event.entity), false),
        ("event_type", texts(|event| event.kind), false),
        ("amount", Arc::new(amounts) as ArrayRef, false),
        ("event_timestamp", times(|event| Some(event.at)), false),
        ("ingested_at", times(|event| Some(event.arrived.unwrap_or(event.at))), true),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns.into_iter().chain(ids));
    let batch = batch.expect("columns of one length");
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(5)).build();
    let file = std::fs::File::create(path).expect("makes a file");
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).expect("writes Parquet");
    writer.write(&batch).expect("writes Parquet");
    writer.close().expect("writes Parquet");
}
