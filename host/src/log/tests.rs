//! Appending and reading, together.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use super::*;
use crate::entity::{EntityKey, KeyValue};
use crate::time::{AsOf, AvailableAt, EventTime};

fn key(id: &str) -> EntityKey {
    EntityKey(vec![KeyValue::Text(id.to_owned())])
}

/// Events as `(entity, event time, declared arrival)`, the row told in the fields.
fn push(events: &[(&str, i64, Option<i64>)]) -> Vec<NewEvent> {
    let event = |(row, (entity, event_time, arrival)): (u64, &(&str, i64, Option<i64>))| NewEvent {
        event_id: None,
        key: key(entity),
        event_time: EventTime::from_micros(*event_time),
        arrival: *arrival,
        fields: format!(r#"{{"row":{row}}}"#),
        row,
        place: 0,
    };
    (1..).zip(events).map(event).collect()
}

/// Whether two events are about one entity: what the tests tell events apart by.
fn is_same(one: EventContent<'_>, other: EventContent<'_>) -> bool {
    one.key == other.key
}

/// Appends and commits; gives the stamps and how many of them were adjusted.
fn append(log: &mut LogWriter, source: &str, events: Vec<NewEvent>, now: i64) -> (Vec<i64>, usize) {
    let stamped = append_all(log, source, events, now);
    (stamped.events.iter().map(|event| event.available_at.micros()).collect(), stamped.adjusted)
}

fn append_all(log: &mut LogWriter, source: &str, events: Vec<NewEvent>, now: i64) -> Stamped {
    let mut appending = log.begin();
    let stamped = appending.stamp(source, events, now, &is_same).expect("stamps");
    appending.accept(stamped.clone());
    appending.commit().expect("commits");
    stamped
}

/// The error of a push that is refused; what it counted is committed.
fn refused(log: &mut LogWriter, events: Vec<NewEvent>, now: i64) -> String {
    let mut appending = log.begin();
    let error = appending.stamp("events", events, now, &is_same).expect_err("is refused");
    appending.commit().expect("commits the count");
    error.to_string()
}

fn read(log: &LogWriter, source: &str, after: u64, up_to: u64) -> Vec<LoggedEvent> {
    let mut events = Vec::new();
    log.reader()
        .each(source, after, up_to, |event| {
            events.push(event);
            Ok::<_, LogError>(())
        })
        .expect("reads");
    events
}

fn reader(path: &Path) -> Box<dyn LogReader> {
    SqliteLog::open_read_only(path).expect("opens").expect("is there").reader().expect("opens")
}

fn open(directory: &Path) -> LogWriter {
    let log = SqliteLog::open(&directory.join("state/log.db")).expect("opens");
    LogWriter::new(Arc::new(log)).expect("begins")
}

#[test]
fn the_page_of_formats_says_what_the_code_says() {
    file::assert_documented(&schema::EVENT_LOG, "log.sqlite");
    file::assert_documented(&schema::FEATURE_LOG, "served.sqlite");
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/FORMAT.md");
    let page = std::fs::read_to_string(page).expect("the page is there");
    let statuses: Vec<String> = STATUSES.iter().enumerate().map(|(code, name)| format!("{code} `{name}`")).collect();
    assert!(page.contains(&statuses.join(", ")), "{statuses:?}");
}

#[test]
fn what_is_committed_is_there_and_what_is_dropped_is_not() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = open(directory.path());
    let first = append_all(&mut log, "events", push(&[("a", 10, None), ("b", 20, None)]), 100).events;
    let mut dropped = log.begin();
    let stamped = dropped.stamp("others", push(&[("c", 10, None)]), 5_000, &is_same).expect("stamps");
    assert_eq!((stamped.events[0].offset, stamped.events[0].available_at.micros()), (3, 5_000));
    dropped.accept(stamped.clone());
    drop(dropped);
    assert_eq!(log.last_offset(), 2);
    // The clock of the dropped push is forgotten too.
    assert_eq!(append(&mut log, "others", push(&[("c", 10, None)]), 100), (vec![102], 0));
    drop(log);

    let mut log = open(directory.path());
    assert_eq!(read(&log, "events", 0, u64::MAX), first);
    assert_eq!((log.last_offset(), log.reader().count("events", 0, u64::MAX).expect("counts")), (3, 2));
    // The clock goes on where it was.
    assert_eq!(
        (log.last_arrival(), log.next_arrival(50)),
        (Some(AvailableAt::from_micros(102)), AvailableAt::from_micros(103))
    );
    log.reserve(AsOf::from_micros(103)).expect("reserves");
    drop(log);
    assert_eq!(append(&mut open(directory.path()), "events", push(&[("a", 1, None)]), 50), (vec![104], 0));
}

#[test]
fn an_event_id_is_appended_once_per_source() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = open(directory.path());
    let with_ids = |ids: &[Option<&str>]| {
        let mut events = push(&vec![("a", 1, None); ids.len()]);
        events.iter_mut().zip(ids).for_each(|(event, id)| event.event_id = id.map(str::to_owned));
        events
    };
    let first = append_all(&mut log, "events", with_ids(&[Some("x"), Some("y"), Some("x"), None, None]), 100);
    assert_eq!((first.events.len(), first.duplicates), (4, 1));
    let again = append_all(&mut log, "events", with_ids(&[Some("y"), Some("z")]), 200);
    assert_eq!((again.events.len(), again.duplicates, again.events[0].offset), (1, 1, 5));
    // Two pushes of one commit, the second of which brings an id again.
    let mut appending = log.begin();
    for (ids, expected) in [([Some("p"), Some("y")], (1, 1)), ([Some("p"), Some("q")], (1, 1))] {
        let stamped = appending.stamp("events", with_ids(&ids), 300, &is_same).expect("stamps");
        assert_eq!((stamped.events.len(), stamped.duplicates), expected);
        appending.accept(stamped.clone());
    }
    appending.commit().expect("commits");
    let mut elsewhere = log.begin();
    let stamped = elsewhere.stamp("others", with_ids(&[Some("y")]), 400, &is_same).expect("stamps");
    assert_eq!((stamped.events.len(), stamped.duplicates), (1, 0));
    drop(elsewhere);
    let ids: Vec<_> = read(&log, "events", 0, u64::MAX).into_iter().map(|event| event.event_id).collect();
    let expected = [Some("x"), Some("y"), None, None, Some("z"), Some("p"), Some("q")];
    assert_eq!(ids, expected.map(|id| id.map(str::to_owned)));
    let found = log.reader().event_with_id("events", "z").expect("reads").map(|event| event.offset);
    assert_eq!((found, log.reader().event_with_id("others", "z").expect("reads")), (Some(5), None));
}

#[test]
fn an_id_of_another_event_refuses_the_push() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = open(directory.path());
    let with_ids = |events: &[(&str, &str)]| {
        let mut all = push(&events.iter().map(|(_, entity)| (*entity, 1, None)).collect::<Vec<_>>());
        all.iter_mut().zip(events).for_each(|(event, (id, _))| event.event_id = Some((*id).to_owned()));
        all
    };
    append_all(&mut log, "events", with_ids(&[("x", "a"), ("y", "b")]), 100);
    let help = "give each event an id of its own, and send an event again as it was";
    for (events, expected) in [
        (
            with_ids(&[("z", "a"), ("y", "a"), ("x", "b")]),
            format!(
                "row 2: event id \"y\" is already that of another event: that of entity b at 1970-01-01T00:00:00.000001Z, offset 2 \
                 of the log; {help} (2 of 3)"
            ),
        ),
        (
            with_ids(&[("z", "a"), ("z", "a"), ("z", "b")]),
            format!("row 3: event id \"z\" is already that of another event: row 1 of this push; {help} (1 of 3)"),
        ),
    ] {
        assert_eq!(refused(&mut log, events, 200), expected);
    }
    // Nothing was kept, and the clock stands where it did.
    assert_eq!(log.last_offset(), 2);
    let after = append_all(&mut log, "events", with_ids(&[("z", "a"), ("x", "a")]), 50);
    assert_eq!((after.events[0].offset, after.events[0].available_at.micros(), after.duplicates), (3, 102, 1));
}

#[test]
fn events_dated_in_the_future_refuse_the_push_and_are_counted() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = open(directory.path());
    let now = 1_000_000;
    for (events, expected) in [
        (
            vec![("a", 10, None), ("a", 3_000_000, None), ("a", 4_000_000, None)],
            "row 2: event time 1970-01-01T00:00:03Z is after its arrival 1970-01-01T00:00:01.000001Z; \
             events dated in the future are refused (2 of 3)",
        ),
        (
            vec![("a", 500, Some(400)), ("a", 300, Some(300))],
            "row 1: event time 1970-01-01T00:00:00.000500Z is after its arrival 1970-01-01T00:00:00.000400Z; \
             events dated in the future are refused (1 of 2)",
        ),
        (
            vec![("a", 10, Some(2_000_000))],
            "row 1: arrival 1970-01-01T00:00:02Z is in the future, it is 1970-01-01T00:00:01Z; \
             only past arrivals can be declared (1 of 1)",
        ),
    ] {
        assert_eq!(refused(&mut log, push(&events), now), expected);
    }
    assert_eq!((log.last_offset(), log.reader().refused_future().expect("reads")), (0, 4));
    // An event of now is not of the future, and a refused push leaves the clock alone.
    assert_eq!(append(&mut log, "events", push(&[("a", now, None)]), now), (vec![now], 0));
    drop(log);
    assert_eq!(open(directory.path()).reader().refused_future().expect("reads"), 4);
}

#[test]
fn shuffled_declared_arrivals_give_the_log_of_the_sorted_file() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = open(directory.path());
    let shuffled =
        push(&[("a", 5, Some(30)), ("b", 10, None), ("b", 10, Some(10)), ("c", 9, Some(30)), ("d", 1, Some(20))]);
    assert_eq!(append(&mut log, "events", shuffled, 1_000), (vec![10, 20, 30, 30, 1_000], 0));
    let keys: Vec<String> = read(&log, "events", 0, 9).iter().map(|event| event.key.to_string()).collect();
    assert_eq!(keys, ["b", "d", "a", "c", "b"]);
}

#[test]
fn declared_arrivals_are_moved_after_answers_and_other_sources() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = open(directory.path());
    assert_eq!(append(&mut log, "events", push(&[("a", 1, Some(10)), ("a", 1, Some(10))]), 1_000), (vec![10, 10], 0));
    assert_eq!(append(&mut log, "others", push(&[("a", 1, Some(10)), ("a", 1, Some(12))]), 1_000), (vec![11, 12], 1));
    log.pass(AsOf::from_micros(20));
    assert_eq!(append(&mut log, "others", push(&[("a", 15, Some(15)), ("a", 1, Some(22))]), 1_000), (vec![21, 22], 1));
}

#[test]
fn a_noted_as_of_is_saved_with_the_next_commit() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = open(directory.path());
    log.pass(AsOf::from_micros(100));
    assert_eq!(append(&mut log, "events", push(&[("a", 1, Some(50))]), 1_000), (vec![101], 1));
    drop(log);
    let log = open(directory.path());
    assert_eq!((log.last_as_of(), log.next_arrival(0)), (Some(AsOf::from_micros(100)), AvailableAt::from_micros(102)));
}

#[test]
fn arrivals_of_a_later_process_are_after_what_was_reserved() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = open(directory.path());
    log.reserve(AsOf::from_micros(500)).expect("reserves");
    // This process knows what it answered, so its own arrivals need not wait for the end of the reservation.
    assert_eq!(append(&mut log, "events", push(&[("a", 1, None)]), 100), (vec![100], 0));
    drop(log);
    let mut log = open(directory.path());
    assert_eq!(append(&mut log, "events", push(&[("a", 1, None)]), 100), (vec![501], 0));
    log.reserve(AsOf::from_micros(900)).expect("reserves");
    log.pass(AsOf::from_micros(600));
    log.release().expect("takes it back");
    drop(log);
    assert_eq!(append(&mut open(directory.path()), "events", push(&[("a", 1, None)]), 100), (vec![601], 0));
}

#[test]
fn a_log_keeps_its_name_and_no_other_has_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let name = open(directory.path()).identity().to_owned();
    assert_eq!(open(directory.path()).identity(), name);
    let path = directory.path().join("state/log.db");
    assert_eq!(reader(&path).identity(), name);
    std::fs::remove_file(path).expect("removes");
    assert_ne!(open(directory.path()).identity(), name);
}

#[test]
fn the_offset_at_an_as_of_is_that_of_the_last_visible_event() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = open(directory.path());
    assert_eq!(log.reader().offset_at(AsOf::from_micros(100)).expect("reads"), 0);
    append(
        &mut log,
        "events",
        push(&[("a", 1, Some(10)), ("a", 1, Some(10)), ("a", 1, Some(20)), ("a", 1, Some(40))]),
        1_000,
    );
    for (as_of, offset) in [(9, 0), (10, 2), (19, 2), (20, 3), (39, 3), (40, 4), (1_000, 4)] {
        assert_eq!(log.reader().offset_at(AsOf::from_micros(as_of)).expect("reads"), offset, "as of {as_of}");
    }
}

#[test]
fn events_are_read_in_order_by_source_and_by_entity() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = open(directory.path());
    for at in 1..=10 {
        let source = if at % 2 == 0 { "even" } else { "odd" };
        append(&mut log, source, push(&[("b", 1, None), ("a", 2, None)]), at * 100);
    }
    let offsets = |events: Vec<LoggedEvent>| events.iter().map(|event| event.offset).collect::<Vec<_>>();
    assert_eq!(offsets(read(&log, "odd", 0, u64::MAX)), [1, 2, 5, 6, 9, 10, 13, 14, 17, 18]);
    assert_eq!(offsets(read(&log, "odd", 2, 10)), [5, 6, 9, 10]);
    assert!(offsets(read(&log, "even", 20, u64::MAX)).is_empty());
    assert!(offsets(read(&log, "none", 0, u64::MAX)).is_empty());
    let reader = reader(log.path());
    let of_entity = |id: &str, after, up_to| {
        let mut events = Vec::new();
        let keep = |event| {
            events.push(event);
            Ok::<_, LogError>(())
        };
        reader.each_of_entity("odd", &key(id), after, up_to, keep).expect("reads");
        offsets(events)
    };
    assert_eq!(of_entity("a", 2, 14), [6, 10, 14]);
    assert_eq!(of_entity("b", 0, u64::MAX), [1, 5, 9, 13, 17]);
    assert!(of_entity("c", 0, u64::MAX).is_empty());
    // The caller's own error ends the reading.
    let mut seen = 0;
    let stopped = log.reader().each("odd", 0, u64::MAX, |event| {
        seen += 1;
        if event.offset == 5 { Err(reader_error()) } else { Ok(()) }
    });
    assert_eq!((stopped.is_err(), seen), (true, 3));
}

fn reader_error() -> LogError {
    LogError::TooManyEvents { events: 1, limit: 0 }
}

#[test]
fn limits_and_readers_that_write_are_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = open(directory.path());
    let mut events = push(&[("a", 1, None), ("a", 1, None)]);
    events[1].fields = " ".repeat(FIELDS_BYTES_MAX + 1);
    let error = refused(&mut log, events, 100);
    let expected = "row 2: fields of 1048577 bytes is over the limit of 1048576 bytes: keep large contents elsewhere";
    assert_eq!(error, expected);
    let event = push(&[("a", 1, None)]).remove(0);
    let error = refused(&mut log, vec![event; EVENTS_PER_PUSH_MAX + 1], 100);
    assert_eq!(error, "a push of 1000001 events is over the limit of 1000000: send it in parts");

    let read_only = SqliteLog::open_read_only(log.path()).expect("opens").expect("is there");
    let expected = format!("the event log {} was opened for reading only: open it for writing", log.path().display());
    assert_eq!(read_only.begin_term().expect_err("a reader").to_string(), expected);
    assert!(read_only.save_clock(1, &LogClock::default()).is_err());
    let second = SqliteLog::open(log.path()).expect_err("a second writer");
    assert!(second.to_string().starts_with("another onepath process is writing "), "{second}");
}

#[test]
fn damage_is_found_and_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = open(directory.path());
    let path = log.path().to_owned();
    append(&mut log, "events", push(&[("a", 1, None); 2_000]), 100);
    drop(log);
    let bytes = std::fs::read(&path).expect("reads");
    std::fs::write(&path, &bytes[..bytes.len() / 2]).expect("cuts");
    let outcome = SqliteLog::open(&path).and_then(|log| {
        log.reader()?.each("events", 0, u64::MAX, |_| Ok::<_, LogError>(()))?;
        log.reader()?.count("events", 0, u64::MAX)
    });
    let error = outcome.expect_err("half of the file is missing");
    let expected = format!("the event log {} is damaged or not a SQLite file: restore it from a copy", path.display());
    assert_eq!(error.to_string(), expected);
}

/// Reads one event by every way there is; all of them must refuse it or none.
fn read_every_way(log: &LogWriter, offset: u64) -> Vec<Result<(), String>> {
    let mut told = Vec::new();
    let mut tell = |result: Result<(), LogError>| told.push(result.map_err(|error| error.to_string()));
    let reader = log.reader();
    tell(reader.each("events", offset - 1, offset, |_| Ok::<_, LogError>(())));
    tell(reader.each_of_entity("events", &key("a"), offset - 1, offset, |_| Ok::<_, LogError>(())));
    tell(reader.event_at(offset).map(drop));
    tell(reader.offset_at(AsOf::from_micros(i64::MAX)).map(drop));
    told
}

#[test]
fn every_bit_of_an_event_that_changes_is_noticed() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut log = open(directory.path());
    let mut event = push(&[("a", 1, None)]).remove(0);
    event.event_id = Some("id".into());
    event.fields = r#"{"note":"é","x":1.5}"#.into();
    append_all(&mut log, "events", vec![event.clone()], 100);
    assert!(read_every_way(&log, 1).iter().all(Result::is_ok));
    let file = Connection::open(log.path()).expect("opens");
    file.execute_batch("PRAGMA foreign_keys = OFF").expect("sets");
    let mut flips = Vec::new();
    for name in ["event_time", "available_at", "checksum"] {
        flips.extend((0..63).map(|bit| format!("{name} = ({name} | (1 << {bit})) - ({name} & (1 << {bit}))")));
    }
    for name in ["event_id", "fields"] {
        let length: i64 = file
            .query_row(&format!("SELECT length(CAST({name} AS BLOB)) FROM events"), [], |row| row.get(0))
            .expect("reads");
        // Another letter in each place, so that the text stays one.
        let change = |at: i64| {
            format!(
                "{name} = CASE WHEN substr({name}, {at}, 1) = '~' THEN {name} \
                     ELSE substr({name}, 1, {at} - 1) || '~' || substr({name}, {at} + 1) END"
            )
        };
        flips.extend((1..length).map(change));
    }
    flips.push("event_id = NULL".into());
    flips.push("fields = fields || ' '".into());
    for flip in flips {
        file.execute_batch(&format!("SAVEPOINT s; UPDATE events SET {flip}; RELEASE s")).expect("writes");
        let expected = format!(
            "event 1 of the event log {} is not as it was written, its checksum differs: restore it from a copy",
            log.path().display()
        );
        let told = read_every_way(&log, 1);
        assert!(told.iter().all(|told| told.as_ref().err() == Some(&expected)), "{flip}: {told:?}");
        file.execute_batch(
            r#"UPDATE events SET event_time = 1, available_at = 100, event_id = 'id', fields = '{"note":"é","x":1.5}'"#,
        )
        .expect("writes back");
        let sum = sqlite::event_checksum(&mut checksum::Checksum::default(), &stored(&event), r#"["a"]"#);
        file.execute("UPDATE events SET checksum = ?1", [sum]).expect("writes back");
    }
    assert!(read_every_way(&log, 1).iter().all(Result::is_ok));
    // Its entity and its source, which the ways of reading it begin with; and its id, which a push looks it up by.
    file.execute("UPDATE events SET entity = '[\"b\"]'", []).expect("writes");
    assert!(log.reader().each("events", 0, 1, |_| Ok::<_, LogError>(())).expect_err("is of another").is_damage());
    file.execute("UPDATE events SET entity = '[\"a\"]', event_id = 'other'", []).expect("writes");
    let again = NewEvent { event_id: Some("other".into()), ..event };
    let pushed = log.begin().stamp("events", vec![again], 200, &is_same).map(drop);
    assert!(pushed.expect_err("its id was changed").is_damage());
    file.execute("UPDATE events SET event_id = 'id'", []).expect("writes back");
    file.execute("UPDATE sources SET name = 'others'", []).expect("writes");
    assert!(log.reader().each("others", 0, 1, |_| Ok::<_, LogError>(())).expect_err("is of another").is_damage());
}

/// The event as it is logged first, at 100.
fn stored(event: &NewEvent) -> LoggedEvent {
    LoggedEvent {
        offset: 1,
        source: "events".into(),
        key: event.key.clone(),
        event_time: event.event_time,
        available_at: crate::time::AvailableAt::from_micros(100),
        event_id: event.event_id.clone(),
        fields: event.fields.clone(),
    }
}
