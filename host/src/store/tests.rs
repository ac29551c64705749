//! The store in SQLite: what only it does. What every store does is in [`crate::testing::online_store`].

use super::*;
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
    let mut replacement = store.begin_replace(term, "a", &mark("e", Some(1), 0)).expect("begins");
    assert!(replacement.put(&key(6), &state(&[0; 9], 0)).is_err());
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
    assert!(reader.begin_replace(1, "a", &mark("d", None, 1)).is_err() && reader.begin_term().is_err());
    let second = SqliteStore::open(&path).expect_err("a second writer");
    assert!(second.to_string().starts_with("another onepath process is writing "), "{second}");
    drop(store);
    let error = crate::log::EventLog::open(&path).expect_err("is not a log");
    let expected =
        format!("{} is not the event log of an onepath project: move it away or name another path", path.display());
    assert_eq!(error.to_string(), expected);
}
