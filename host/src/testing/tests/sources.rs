//! The suite of sources on the history of a source, on its log, and on sources that are broken in one way each.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use crate::entity::{EntityKey, KeyInterner, KeyRows, KeyValue};
use crate::events::{EventSource, HistorySource, LogSource, Position, Pushed, SourceInput, key_columns};
use crate::log::{Log, LogReader, LogWriter, NewEvent, SqliteLog};
use crate::project::Project;
use crate::schema::{Field, ValueType};
use crate::testing::broken::{BrokenSource, SourceDefect};
use crate::testing::memory::{Faults, MemoryStorage};
use crate::testing::source::{self, conformance};
use crate::time::EventTime;

const ROWS: usize = 20_000;

const TOML: &str = r#"
[project]
name = "suite"
[entities.customer]
keys = { customer_id = "text" }
[sources.events]
entity = "customer"
files = ["data/*"]
event_time = "at"
arrival_time = "arrived"
event_id = "id"
"#;

fn project() -> Project {
    Project::parse(TOML, Path::new("/suite/onepath.toml")).expect("a project")
}

fn fields() -> Vec<Field> {
    let field = |name: &str, value_type| Field {
        name: name.to_owned(),
        value_type,
        nullable: true,
        documentation: String::new(),
    };
    vec![field("amount", ValueType::Float64), field("id", ValueType::Text)]
}

/// The event of a row: customer, event time, arrival, amount, id.
fn event(row: usize) -> (String, i64, i64, f64, String) {
    let at = 1_700_000_000_000_000 + (row as i64 * 7_919) % 1_000_003;
    (format!("c{}", row % 17), at, at + row as i64 % 3, row as f64 / 4.0, format!("id-{row}"))
}

/// The first file has the first rows as CSV, the second the others as Parquet, in row groups of so many rows.
fn history_in(storage: &MemoryStorage, group_rows: usize) -> Vec<PathBuf> {
    let (first, second) = (ROWS / 2, ROWS - ROWS / 2);
    let mut csv = "customer_id,at,arrived,amount,id\n".to_owned();
    for (customer, at, arrived, amount, id) in (0..first).map(event) {
        let time = crate::time::format_time;
        csv += &format!("{customer},{},{},{amount},{id}\n", time(at), time(arrived));
    }
    let paths = ["/suite/data/1.csv", "/suite/data/2.parquet"].map(PathBuf::from);
    storage.put(&paths[0], csv);
    let events: Vec<_> = (first..first + second).map(event).collect();
    let times = |of: fn(&(String, i64, i64, f64, String)) -> i64| -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from(events.iter().map(of).collect::<Vec<_>>()).with_timezone("UTC"))
    };
    let texts = |of: fn(&(String, i64, i64, f64, String)) -> &str| -> ArrayRef {
        Arc::new(StringArray::from(events.iter().map(of).collect::<Vec<_>>()))
    };
    let amounts: ArrayRef = Arc::new(Float64Array::from(events.iter().map(|event| event.3).collect::<Vec<_>>()));
    let unread: ArrayRef = Arc::new(Int64Array::from(vec![7; second]));
    let batch = RecordBatch::try_from_iter([
        ("unread", unread),
        ("id", texts(|event| &event.4)),
        ("customer_id", texts(|event| &event.0)),
        ("at", times(|event| event.1)),
        ("arrived", times(|event| event.2)),
        ("amount", amounts),
    ])
    .expect("a batch");
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group_rows)).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).expect("a writer");
    writer.write(&batch).expect("writes");
    storage.put(&paths[1], writer.into_inner().expect("a footer"));
    paths.to_vec()
}

/// What the suite expects of the rows `0..ROWS`; of those of the log with their offsets.
fn expected(rows: impl Iterator<Item = usize>, has_offsets: bool) -> Vec<String> {
    let shown = |row: usize| {
        let (customer, at, arrived, amount, id) = event(row);
        let offset = if has_offsets { format!("#{} ", row + 1) } else { String::new() };
        format!("{customer} {at} {arrived} {offset}{amount:?} {id}")
    };
    rows.map(shown).collect()
}

fn history<'a>(
    storage: &MemoryStorage,
    project: &'a Project,
    fields: &'a [Field],
    group_rows: usize,
) -> HistorySource<'a> {
    let (source, entity) = (&project.sources[0], &project.entities[0]);
    let files = history_in(storage, group_rows);
    let listed = source.resolve_files(storage, Path::new("/suite")).expect("files");
    assert_eq!(listed, files);
    let input = SourceInput::new(Arc::new(storage.clone()), source, &entity.keys, files);
    HistorySource::open(&input, fields).expect("opens")
}

/// The history, cut into row groups of different sizes, through a twin that delays and cuts reads short.
#[test]
fn the_history_of_a_source_conforms() {
    let (project, fields) = (project(), fields());
    let sources = [ROWS, 4_096, 700].into_iter().map(|group_rows| {
        let storage = MemoryStorage::new();
        let source = history(&storage, &project, &fields, group_rows);
        assert_eq!(source.parts().len(), 1 + (ROWS / 2).div_ceil(group_rows));
        storage.set_faults(Faults { seed: group_rows as u64, delayed: 50, short: 100, ..Faults::default() });
        Box::new(source) as Box<dyn EventSource + '_>
    });
    let sources: Vec<_> = sources.collect();
    assert_eq!(conformance(&sources, &expected(0..ROWS, false)), Ok(()));
}

/// A source may have more files than a process may have open.
#[test]
fn files_are_open_only_while_they_are_read() {
    let (project, fields) = (project(), fields());
    let storage = MemoryStorage::new();
    let source = history(&storage, &project, &fields, 4_096);
    assert_eq!(storage.open_objects(), 0);
    for part in 0..source.parts().len() {
        let take = &mut |_| {
            assert!(storage.open_objects() <= 1);
            Ok(())
        };
        source.read(part, Position::START, take).expect("reads");
    }
    assert_eq!(storage.open_objects(), 0);
}

/// Parts that are read at different times are parts of one state of their file.
#[test]
fn a_file_that_changes_between_two_parts_is_told() {
    let (project, fields) = (project(), fields());
    let storage = MemoryStorage::new();
    let source = history(&storage, &project, &fields, 4_096);
    let read = |part| source.read(part, Position::START, &mut |_| Ok(())).map_err(|error| error.to_string());
    assert_eq!(read(1), Ok(()));
    history_in(&storage, 4_096);
    let changed = "changed while it was read: it was written to; run again when nothing writes to it";
    assert_eq!(read(2), Err(format!("/suite/data/2.parquet: {changed}")));
    assert_eq!(read(0), Err(format!("/suite/data/1.csv: {changed}")));
}

/// Rows are positions: reading goes on within a batch too.
#[test]
fn history_is_read_on_from_any_row() {
    let (project, fields) = (project(), fields());
    let storage = MemoryStorage::new();
    let source = history(&storage, &project, &fields, 4_096);
    let second = ROWS / 2;
    for (part, at, rows) in [
        (0, 0, 0..second),
        (0, 1, 1..second),
        (0, 8_191, 8_191..second),
        (0, 8_192, 8_192..second),
        (0, 8_193, 8_193..second),
        (0, second as u64 - 1, second - 1..second),
        (0, second as u64, 0..0),
        (1, 4_095, second + 4_095..second + 4_096),
        (1, 4_096, 0..0),
        (2, 4_096, second + 4_096..second + 8_192),
        (2, 5_000, second + 5_000..second + 8_192),
    ] {
        let mut found = Vec::new();
        let take = &mut |batch| {
            found.extend(source::rows(&batch));
            Ok(())
        };
        source.read(part, Position { group: 0, at }, take).expect("reads");
        assert!(found == expected(rows.clone(), false), "part {part} after {at}: {} events, not {rows:?}", found.len());
    }
}

/// A log of the same rows.
fn log(folder: &Path) -> Box<dyn LogReader> {
    let place = Arc::new(SqliteLog::open(&folder.join("log.sqlite")).expect("a log"));
    let mut log = LogWriter::new(Arc::clone(&place) as Arc<dyn Log>).expect("begins");
    let events = (0..3_000).map(|row| {
        let (customer, at, arrived, amount, id) = event(row);
        NewEvent {
            event_id: Some(id.clone()),
            key: EntityKey(vec![KeyValue::Text(customer)]),
            event_time: EventTime::from_micros(at),
            arrival: Some(arrived),
            fields: format!(r#"{{"amount": {amount:?}, "id": "{id}"}}"#),
            row: row as u64 + 1,
            place: 0,
        }
    });
    let mut appending = log.begin();
    // One push each, so that the order of the rows is that of the log.
    for event in events {
        let stamped = appending.stamp("events", vec![event], i64::MAX / 2, &|_, _| true).expect("stamps");
        appending.accept(stamped);
    }
    appending.commit().expect("commits");
    place.reader().expect("opens")
}

/// What the log has: the stamps are its own.
fn logged(log: &dyn LogReader, matters: impl Fn(&str) -> bool) -> Vec<String> {
    let mut rows = Vec::new();
    log.each("events", 0, u64::MAX >> 1, |logged| {
        let (customer, at, _, amount, id) = event(logged.offset as usize - 1);
        if matters(&customer) {
            rows.push(format!("{customer} {at} {} #{} {amount:?} {id}", logged.available_at.micros(), logged.offset));
        }
        Ok::<(), crate::log::LogError>(())
    })
    .expect("reads");
    rows
}

#[test]
fn the_log_of_a_source_conforms() {
    let (folder, project, fields) = (tempfile::tempdir().expect("a folder"), project(), fields());
    let (source, entity) = (&project.sources[0], &project.entities[0]);
    let log = log(folder.path());
    let pushed = Pushed::all(&*log).expect("a log");
    let cut = |rows: usize, asked| -> Box<dyn EventSource + '_> {
        Box::new(LogSource::new(pushed, source, &entity.keys, &fields, asked).with_batch_rows(rows))
    };
    let whole = logged(&*log, |_| true);
    assert_eq!(whole.len(), 3_000);
    assert_eq!(conformance(&[cut(100_000, None), cut(1_000, None), cut(97, None)], &whole), Ok(()));

    // Of few entities each is looked for by itself: one after the other, each in its order.
    let asked = |customers: &[&str]| {
        let mut interner = KeyInterner::new();
        for customer in customers {
            let key = key_columns(&EntityKey(vec![KeyValue::Text((*customer).to_owned())])).expect("a key");
            interner.intern_all(&KeyRows::of_columns(&key), 1, &mut Vec::new()).expect("fits");
        }
        interner
    };
    let few = asked(&["c5", "unknown", "c3", "c16"]);
    let by_entity = ["c5", "c3", "c16"].iter().flat_map(|asked| logged(&*log, |customer| customer == *asked));
    let by_entity: Vec<String> = by_entity.collect();
    assert_eq!(conformance(&[cut(100_000, Some(&few)), cut(50, Some(&few)), cut(7, Some(&few))], &by_entity), Ok(()));

    // Of many, the log is read in order, and those that nobody asked for are left out.
    let customers: Vec<String> = (0..500).map(|number| format!("c{}", number * 2)).collect();
    let many = asked(&customers.iter().map(String::as_str).collect::<Vec<_>>());
    let is_even = |customer: &str| customer[1..].parse::<u32>().is_ok_and(|number| number % 2 == 0);
    let even = logged(&*log, is_even);
    assert!(even.len() > 1_000 && even.len() < 2_000);
    assert_eq!(conformance(&[cut(100_000, Some(&many)), cut(64, Some(&many))], &even), Ok(()));
}

#[test]
fn every_defect_of_a_source_is_found_by_its_check() {
    let (project, fields) = (project(), fields());
    for (defect, check) in [
        (SourceDefect::LostPart, source::ONCE),
        (SourceDefect::RowTwice, source::ONCE),
        (SourceDefect::SwallowedTail, source::ONCE),
        (SourceDefect::SwappedRows, source::ORDER),
        (SourceDefect::SkippingPosition, source::RESUMES),
        (SourceDefect::IgnoredPosition, source::RESUMES),
    ] {
        let storage = MemoryStorage::new();
        let whole = history(&storage, &project, &fields, 700);
        let broken: Box<dyn EventSource + '_> = Box::new(BrokenSource::new(Box::new(whole), defect));
        let violation = conformance(&[broken], &expected(0..ROWS, false)).expect_err("it is broken");
        assert_eq!(violation.check, check, "{defect:?}: {violation}");
    }
}

/// A source that is right, but gives other events when it is cut otherwise.
#[test]
fn a_cut_that_changes_events_is_found() {
    let (project, fields) = (project(), fields());
    let storage = MemoryStorage::new();
    let one = || -> Box<dyn EventSource + '_> { Box::new(history(&storage, &project, &fields, 700)) };
    let other: Box<dyn EventSource + '_> = Box::new(BrokenSource::new(one(), SourceDefect::SwappedRows));
    let violation = conformance(&[one(), other], &expected(0..ROWS, false)).expect_err("they differ");
    assert_eq!(violation.check, source::CHUNKING);
}
