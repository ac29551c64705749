//! The log's file with events missing.

use std::sync::Arc;

use super::SqliteLog;
use crate::entity::{EntityKey, KeyValue};
use crate::log::{Log, LogError, LogWriter, NewEvent};
use crate::time::EventTime;

fn append(log: &mut LogWriter, source: &str, now: i64) {
    let event = |row: u64| NewEvent {
        event_id: None,
        key: EntityKey(vec![KeyValue::Text(format!("c{row}"))]),
        event_time: EventTime::from_micros(row as i64),
        arrival: None,
        fields: "{}".into(),
        row,
        place: 0,
    };
    let mut appending = log.begin();
    let stamped = appending.stamp(source, vec![event(1), event(2)], now, &|_, _| true).expect("stamps");
    appending.accept(stamped);
    appending.commit().expect("commits");
}

/// Offsets have no gaps: where one is missing, whoever reads over it is told, whichever source it was of and wherever the reading
/// begins and ends.
#[test]
fn a_hole_is_noticed_where_it_is_read_over() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("log.sqlite");
    let mut log = LogWriter::new(Arc::new(SqliteLog::open(&path).expect("opens"))).expect("begins");
    for at in 1..=6 {
        let source = if at % 2 == 0 { "even" } else { "odd" };
        append(&mut log, source, at * 100);
    }
    drop(log);
    let file = rusqlite::Connection::open(&path).expect("opens");
    let holes = |first: i64, last: i64| {
        file.execute("DELETE FROM events WHERE position BETWEEN ?1 AND ?2", [first, last]).expect("deletes");
        let log = SqliteLog::open_read_only(&path).expect("opens").expect("is there");
        let reader = log.reader().expect("opens");
        let read = |source: &str, after: u64, up_to: u64| {
            reader.each(source, after, up_to, |_| Ok::<_, LogError>(())).map_err(|error| match error {
                LogError::Hole { first, missing, .. } => (first, missing),
                error => panic!("{error}"),
            })
        };
        assert!(reader.check_whole().is_err());
        [
            read("odd", 0, u64::MAX),
            read("even", 0, u64::MAX),
            read("odd", 0, 5),
            read("odd", 0, 6),
            read("odd", 5, 6),
            read("odd", 6, 12),
        ]
    };
    let found = Err((6, 1));
    assert_eq!(holes(6, 6), [found, found, Ok(()), found, found, Ok(())]);
    let found = Err((6, 3));
    assert_eq!(holes(7, 8), [found, found, Ok(()), Err((6, 1)), Err((6, 1)), Err((7, 2))]);
}
