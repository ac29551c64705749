//! The store in SQLite: what only it does. What every store does is in [`crate::testing::online_store`].

use std::ops::ControlFlow;

use crate::store::*;
use crate::testing::online_store::{all, apply, key, mark, state};

fn store() -> (tempfile::TempDir, SqliteStore, u64) {
    let directory = tempfile::tempdir().expect("a directory");
    let store = SqliteStore::open(&directory.path().join("states.db")).expect("opens").with_state_bytes_max(8);
    let term = store.begin_term().expect("begins");
    (directory, store, term)
}

#[test]
fn a_state_over_the_limit_leaves_everything_as_it_was() {
    let (_directory, store, term) = store();
    apply(&store, term, "a", &[(key(1), state(b"one", 1))], &mark("d", None, 1)).expect("applies");
    let updates = [(key(1), state(b"ONE", 2)), (key(2), state(&[7; 9], 2))];
    let error = apply(&store, term, "a", &updates, &mark("d", None, 2)).expect_err("is too large");
    let expected = "view a: the state of 2, it's \"x\" has 9 bytes, over the limit of 8: \
                    use a shorter window, or a hopping one that keeps a sum per hop instead of every event";
    assert_eq!(error.to_string(), expected);
    let reader = store.reader().expect("opens");
    assert_eq!(all(&*reader, "a").expect("reads"), [(key(1), state(b"one", 1))]);
    assert_eq!(reader.mark("a").expect("reads"), Some(mark("d", None, 1)));
    let mut replacement = store.begin_replace(term).expect("begins");
    assert!(replacement.put(0, &key(6), &state(&[0; 8], 0)).is_err(), "of no view");
    replacement.begin_view("a").expect("begins");
    assert!(replacement.put(0, &key(6), &state(&[0; 9], 0)).is_err());
}

#[test]
fn new_states_go_on_from_those_that_are_stored() {
    let (_directory, store, term) = store();
    apply(&store, term, "a", &[], &mark("d", None, 5)).expect("applies");
    for (given, expected) in [
        (
            mark("e", Some(2), 6),
            "view a: its states were made by component d (state version 3, history none), not by e (state version 3, \
             history 2); replace them all: run `onepath materialize`",
        ),
        (
            ViewMark { log: "l2".into(), ..mark("d", None, 6) },
            "view a: its states were made from the log l1, not from l2; replace them all: run `onepath materialize`",
        ),
        (mark("d", None, 4), "view a: its states include the log up to offset 5; those up to 4 are older"),
    ] {
        let error = apply(&store, term, "a", &[(key(1), state(b"one", 6))], &given).expect_err("is refused");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_reader_cannot_write_and_a_log_is_not_a_store() {
    let (directory, store, _) = store();
    let path = directory.path().join("states.db");
    let reader = SqliteStore::open_read_only(&path).expect("opens").expect("is there");
    let error = apply(&reader, 1, "a", &[], &mark("d", None, 1)).expect_err("a reader");
    assert_eq!(error.to_string(), "the online store was opened for reading only: open it for writing");
    assert!(reader.begin_replace(1).is_err() && reader.begin_term().is_err());
    let second = SqliteStore::open(&path).expect_err("a second writer");
    assert!(second.to_string().starts_with("another onepath process is writing "), "{second}");
    drop(store);
    let error = crate::log::SqliteLog::open(&path).expect_err("is not a log");
    let expected =
        format!("{} is not the event log of an onepath project: move it away or name another path", path.display());
    assert_eq!(error.to_string(), expected);
}

#[test]
fn every_bit_of_a_state_that_changes_is_noticed() {
    let (directory, store, term) = store();
    let updates = [(key(1), state(b"one", 0)), (key(2), state(b"two", 2))];
    apply(&store, term, "a", &updates, &mark("d", None, 2)).expect("applies");
    let path = directory.path().join("states.db");
    let store = store.reader().expect("opens");
    let file = rusqlite::Connection::open(&path).expect("opens");
    let which = "WHERE entity = (SELECT min(entity) FROM states)";
    let mut flips = Vec::new();
    for name in ["newest_event", "newest_available_at", "log_offset", "checksum"] {
        let flip = |bit: u32| format!("{name} = ({name} | (1 << {bit})) - ({name} & (1 << {bit}))");
        flips.extend(
            (0..64).map(|bit| if bit < 63 { flip(bit) } else { format!("{name} = {name} - (1 << 62) - (1 << 62)") }),
        );
    }
    for (at, byte) in b"one".iter().enumerate() {
        for bit in 0..8 {
            let mut bytes = b"one".to_vec();
            bytes[at] = byte ^ (1 << bit);
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            flips.push(format!("bytes = X'{hex}'"));
        }
    }
    flips.extend(["bytes = X'6f6e6500'".to_owned(), "bytes = X''".to_owned()]);
    let expected = format!(
        "the state of {} in view a of the online store {} is not as it was written, its checksum differs: run \
         `onepath reset --keep-log --keep-served`, then `onepath materialize`",
        key(1).encode(),
        path.display()
    );
    for flip in flips {
        file.execute_batch(&format!("BEGIN; CREATE TEMP TABLE kept AS SELECT rowid AS id, * FROM states {which}"))
            .expect("keeps");
        // Not every number can be flipped in its last bit without an overflow, which SQLite makes a real one of.
        let Ok(1) = file.execute(&format!("UPDATE states SET {flip} {which}"), []) else {
            file.execute_batch("ROLLBACK").expect("undoes");
            continue;
        };
        file.execute_batch("COMMIT").expect("writes");
        let scanned = store.scan("a", &mut |_, _| ControlFlow::Continue(()));
        let many = || store.get_many("a", &[key(2), key(1)]).map(drop);
        let in_memory = match store.get_many_in_memory("a", &[key(2), key(1)]) {
            Ok(None) => many(),
            found => found.map(drop),
        };
        let ways = [store.get("a", &key(1)).map(drop), many(), in_memory, scanned];
        for told in ways {
            assert_eq!(told.map_err(|error| error.to_string()), Err(expected.clone()), "{flip}");
        }
        let back = "UPDATE states SET newest_event = kept.newest_event, newest_available_at = kept.newest_available_at,
                    log_offset = kept.log_offset, bytes = kept.bytes, checksum = kept.checksum FROM kept WHERE states.rowid = kept.id;
                    DROP TABLE kept";
        file.execute_batch(back).expect("writes back");
    }
    assert!(store.get("a", &key(1)).expect("is as it was").is_some());
    // The state of another entity, whole, in its place.
    file.execute_batch("UPDATE states SET (newest_event, newest_available_at, log_offset, bytes, checksum) = \
        (SELECT newest_event, newest_available_at, log_offset, bytes, checksum FROM states ORDER BY entity DESC LIMIT 1)")
        .expect("writes");
    assert!(store.get("a", &key(1)).is_err() && store.get("a", &key(2)).is_ok());
    file.execute_batch("UPDATE views SET name = 'b'").expect("writes");
    assert!(store.get("b", &key(2)).is_err());
}

#[test]
fn every_change_of_a_mark_or_of_a_refusal_is_noticed() {
    let (directory, store, term) = store();
    let mut replacement = store.begin_replace(term).expect("begins");
    replacement.begin_view("a").expect("begins");
    replacement.put(0, &key(1), &state(b"one", 0)).expect("puts");
    replacement.refuse(0, &key(2), 9).expect("refuses");
    replacement.commit(&[mark("e", Some(1), 5)]).expect("commits");
    let path = directory.path().join("states.db");
    let reader = store.reader().expect("opens");
    let file = rusqlite::Connection::open(&path).expect("opens");
    file.execute_batch("PRAGMA foreign_keys = OFF").expect("sets");
    let numbers = |columns: &[&str]| {
        let flip = |name: &&str, bit: u32| format!("{name} = ({name} | (1 << {bit})) - ({name} & (1 << {bit}))");
        columns.iter().flat_map(|name| (0..63).map(move |bit| flip(name, bit))).collect::<Vec<_>>()
    };
    let mut of_mark =
        numbers(&["id", "state_version", "history", "applied_offset", "applied_event", "newest_event", "checksum"]);
    of_mark.extend(
        [
            "digest = 'f'",
            "log = 'l2'",
            "identity = '{}'",
            "identity = ' ' || identity",
            "applied_event = NULL",
            "history = NULL",
            "newest_event = NULL",
        ]
        .map(String::from),
    );
    of_mark
        .retain(|flip| flip != "identity = '{}'" || mark("e", None, 0).identity != crate::log::ViewIdentity::default());
    let mut of_refusal = numbers(&["bytes", "checksum"]);
    of_refusal.push(format!("entity = '{}'", key(3).encode()));
    let says = |what: &str| {
        format!(
            "{what} of the online store {} is not as it was written, its checksum differs: run \
             `onepath reset --keep-log --keep-served`, then `onepath materialize`",
            path.display()
        )
    };
    for (table, flips, is_of_mark) in [("views", of_mark, true), ("refused", of_refusal, false)] {
        let mut told = 0;
        for flip in flips {
            file.execute_batch(&format!("BEGIN; CREATE TEMP TABLE kept AS SELECT * FROM {table}")).expect("keeps");
            let Ok(1) = file.execute(&format!("UPDATE {table} SET {flip}"), []) else {
                file.execute_batch("ROLLBACK").expect("undoes");
                continue;
            };
            file.execute_batch("COMMIT").expect("writes");
            let absent = reader.get("a", &key(if flip.starts_with("entity") { 3 } else { 2 })).map(drop);
            let ways = match is_of_mark {
                true => [
                    reader.mark("a").map(drop),
                    reader.newest_event("a").map(drop),
                    reader.get("a", &key(9)).map(drop),
                    absent,
                ],
                false => [
                    reader.refused("a").map(drop),
                    reader.get_many("a", &[key(1), key(2), key(3)]).map(drop),
                    absent,
                    reader.refused("a").map(drop),
                ],
            };
            for way in ways {
                let error = way.expect_err(&flip).to_string();
                let what = if is_of_mark {
                    "the mark of view a".to_owned()
                } else {
                    error.split(" of the online store").next().unwrap_or_default().to_owned()
                };
                assert_eq!(error, says(&what), "{flip}");
            }
            told += 1;
            file.execute_batch(&format!(
                "DELETE FROM {table}; INSERT INTO {table} SELECT * FROM kept; DROP TABLE kept"
            ))
            .expect("writes back");
        }
        assert!(told > 60, "{told} changes of {table}");
    }
    assert!(reader.get("a", &key(9)).expect("is as it was").is_none());
    assert_eq!(reader.refused("a").expect("is as it was"), [(key(2), 9)]);
    // A row that is gone is another matter: of the view nothing is known.
    file.execute_batch("DELETE FROM views").expect("writes");
    assert!(matches!(reader.get("a", &key(1)), Err(StoreError::UnknownView { .. })));
}
