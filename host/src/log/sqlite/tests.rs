//! Damage of the rows beside the events: every change is noticed where the row is read.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use crate::entity::{EntityKey, KeyValue};
use crate::log::{History, HistoryFile, HistorySource, Log, LogError, LogWriter, NewEvent, Parts, SqliteLog};
use crate::time::{AsOf, AvailableAt, EventTime};

fn open(path: &Path) -> LogWriter {
    LogWriter::new(Arc::new(SqliteLog::open(path).expect("opens"))).expect("begins")
}

fn append(log: &mut LogWriter, times: &[i64], now: i64) {
    let event = |(row, at): (u64, &i64)| NewEvent {
        event_id: None,
        key: EntityKey(vec![KeyValue::Int64(*at)]),
        event_time: EventTime::from_micros(*at),
        arrival: None,
        fields: "{}".into(),
        row,
        place: 0,
    };
    let mut appending = log.begin();
    let stamped = appending.stamp("events", (1..).zip(times).map(event).collect(), now, &|_, _| true).expect("stamps");
    appending.accept(stamped);
    appending.commit().expect("commits");
}

/// The error of reading the clock, the repairs and the newest history; `None` where nothing is wrong.
fn read(path: &Path) -> Option<String> {
    let read = || {
        let log = SqliteLog::open_read_only(path)?.expect("is there").reader()?;
        log.head()?;
        log.latest_history()?;
        log.history(1).map(drop)
    };
    told(path, read())
}

/// The error of writing the log.
fn write(path: &Path) -> Option<String> {
    let write = || {
        let mut log = LogWriter::new(Arc::new(SqliteLog::open(path)?))?;
        log.reader().latest_history()?;
        log.release()
    };
    told(path, write())
}

fn told(path: &Path, result: Result<(), LogError>) -> Option<String> {
    let error = result.err()?;
    assert!(error.is_damage(), "{error}");
    Some(error.to_string().replace(&path.display().to_string(), "PATH"))
}

#[test]
fn every_change_of_the_clock_its_repairs_and_the_histories_is_noticed() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("log");
    let mut log = open(&path);
    append(&mut log, &[1, 2], 100);
    append(&mut log, &[3], 900);
    log.open_epoch(200).expect("repairs");
    let mut log = open(&path);
    let files = vec![HistoryFile { path: "data/events.csv".into(), sha256: "00ff".into(), rows: 3 }];
    let ids = Some("ids of it".into());
    let source = HistorySource {
        source: "events".into(),
        files,
        leaves_out: false,
        log_offset: Some(2),
        ids,
        conversions: 1,
        parts: Parts::new(),
    };
    log.record_history(&History { up_to: AvailableAt::from_micros(150), sources: vec![source] }).expect("records");
    log.reserve(AsOf::from_micros(700)).expect("reserves");
    drop(log);
    assert_eq!((read(&path), write(&path)), (None, None));
    let clean = std::fs::read(&path).expect("reads");
    let (clock, repair, history) = ("the clock", "the repair that opened epoch 1", "history 1");
    let mut changes = Vec::new();
    for (table, record, columns) in [
        ("clock", clock, &["last_arrival", "last_as_of", "epoch", "checksum"][..]),
        ("repairs", repair, &["repaired_at", "first_offset", "last_offset", "floor", "checksum"]),
        ("histories", history, &["up_to", "checksum"]),
    ] {
        for name in columns {
            let flip = |bit| format!("{name} = ({name} | (1 << {bit})) - ({name} & (1 << {bit}))");
            changes.extend(
                (0..63).map(|bit| (format!("UPDATE {table} SET {}", flip(bit)), record, "its checksum differs")),
            );
        }
    }
    for name in ["last_arrival", "last_as_of", "last_arrival_source"] {
        changes.push((format!("UPDATE clock SET {name} = NULL"), clock, "its checksum differs"));
    }
    for (from, to) in
        [("00ff", "00fe"), ("data/", "date/"), ("ids of", "ids:of"), ("\"log_offset\":2", "\"log_offset\":3")]
    {
        let change = format!("UPDATE histories SET body = replace(body, '{from}', '{to}')");
        changes.push((change, history, "its checksum differs"));
    }
    changes.push(("DELETE FROM clock".into(), clock, "it is gone"));
    changes.push(("DELETE FROM repairs".into(), repair, "it is gone"));
    for (number, (change, record, why)) in changes.into_iter().enumerate() {
        std::fs::write(&path, &clean).expect("writes back");
        let file = Connection::open(&path).expect("opens");
        file.execute_batch("PRAGMA synchronous = OFF").expect("sets");
        let changed = file.execute(&change, []).expect("changes");
        assert_eq!(changed, 1, "{change}");
        drop(file);
        let expected =
            format!("{record} of the event log PATH is not as it was written, {why}: restore it from a copy");
        assert_eq!(read(&path).as_ref(), Some(&expected), "{change}");
        // Opening it for writing waits for the disk: some of them.
        if number % 20 == 0 || change.starts_with("DELETE") {
            assert_eq!(write(&path), Some(expected), "{change}");
        }
    }
    std::fs::write(&path, &clean).expect("writes back");
    Connection::open(&path).and_then(|file| file.execute("DELETE FROM writer", [])).expect("changes");
    let gone =
        "the term of the writer of the event log PATH is not as it was written, it is gone: restore it from a copy";
    assert_eq!((read(&path), write(&path)), (None, Some(gone.to_owned())));
}
