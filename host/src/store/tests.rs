//! What every online store must do, tried on the one in SQLite.

use super::*;
use crate::entity::KeyValue;
use crate::time::AvailableAt;

fn key(id: i64) -> EntityKey {
    EntityKey(vec![KeyValue::Int64(id), KeyValue::Text("it's \"x\"".into())])
}

fn state(bytes: &[u8], offset: u64) -> EntityState {
    let at = 100 + i64::try_from(offset).expect("small");
    EntityState { bytes: bytes.to_vec(), newest_event: EventTime(-at), newest_available_at: AvailableAt(at), offset }
}

fn mark(digest: &str, history: Option<i64>, applied_offset: u64) -> ViewMark {
    ViewMark {
        digest: digest.into(),
        state_version: 3,
        identity: ViewIdentity::default(),
        history,
        log: "l1".into(),
        applied_offset,
    }
}

fn apply(
    store: &mut dyn OnlineStore,
    view: &str,
    updates: &[(EntityKey, EntityState)],
    mark: &ViewMark,
) -> Result<(), StoreError> {
    let updates: Vec<_> = updates.iter().map(|(key, state)| (key.clone(), Arc::new(state.clone()))).collect();
    store.apply(view, &updates, mark)
}

fn store() -> (tempfile::TempDir, Box<dyn OnlineStore>) {
    let directory = tempfile::tempdir().expect("a directory");
    let store = SqliteStore::open(&directory.path().join("states.db")).expect("opens").with_state_bytes_max(8);
    (directory, Box::new(store))
}

fn all(store: &dyn OnlineStore, view: &str) -> Vec<(EntityKey, EntityState)> {
    let mut states = Vec::new();
    let mut keep = |key, state| {
        states.push((key, state));
        ControlFlow::Continue(())
    };
    store.scan(view, &mut keep).expect("reads");
    states
}

#[test]
fn states_come_back_by_view_and_entity() {
    let (directory, mut store) = store();
    assert_eq!((store.mark("a").expect("reads"), store.get("a", &key(1)).expect("reads")), (None, None));
    let updates = [(key(2), state(b"two", 2)), (key(1), state(b"", 0)), (key(3), state(&[0, 255, 0], 3))];
    apply(&mut *store, "a", &updates, &mark("d", None, 3)).expect("applies");
    apply(&mut *store, "b", &[(key(1), state(b"other", 9))], &mark("e", Some(7), 9)).expect("applies");
    apply(&mut *store, "a", &[(key(2), state(b"new", 4))], &mark("d", None, 4)).expect("applies");
    drop(store);

    let path = directory.path().join("states.db");
    let store = SqliteStore::open_read_only(&path).expect("opens").expect("is there");
    let many = store.get_many("a", &[key(3), key(9), key(2), key(3)]).expect("reads");
    let three = Some(state(&[0, 255, 0], 3));
    assert_eq!(many, [three.clone(), None, Some(state(b"new", 4)), three]);
    assert_eq!(store.get("b", &key(1)).expect("reads"), Some(state(b"other", 9)));
    assert_eq!(store.mark("a").expect("reads"), Some(mark("d", None, 4)));
    assert_eq!(store.mark("b").expect("reads"), Some(mark("e", Some(7), 9)));
    assert_eq!((store.count("a").expect("counts"), store.count("none").expect("counts")), (3, 0));
    let keys: Vec<EntityKey> = all(&store, "a").into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, [key(1), key(2), key(3)]);
    let mut seen = 0;
    let mut once = |_, _| {
        seen += 1;
        ControlFlow::Break(())
    };
    store.scan("a", &mut once).expect("reads");
    assert_eq!(seen, 1);
}

#[test]
fn a_state_over_the_limit_leaves_everything_as_it_was() {
    let (_directory, mut store) = store();
    apply(&mut *store, "a", &[(key(1), state(b"one", 1))], &mark("d", None, 1)).expect("applies");
    let updates = [(key(1), state(b"ONE", 2)), (key(2), state(&[7; 9], 2))];
    let error = apply(&mut *store, "a", &updates, &mark("d", None, 2)).expect_err("is too large");
    let expected = "view a: the state of 2, it's \"x\" has 9 bytes, over the limit of 8: \
                    use a shorter window, or a hopping one that keeps a sum per hop instead of every event";
    assert_eq!(error.to_string(), expected);
    assert_eq!(all(&*store, "a"), [(key(1), state(b"one", 1))]);
    assert_eq!(store.mark("a").expect("reads"), Some(mark("d", None, 1)));
}

#[test]
fn a_view_is_replaced_at_once_or_not_at_all() {
    let (directory, mut store) = store();
    let old = [(key(1), state(b"one", 1)), (key(2), state(b"two", 2))];
    apply(&mut *store, "a", &old, &mark("d", None, 2)).expect("applies");
    apply(&mut *store, "b", &old, &mark("d", None, 2)).expect("applies");
    let mut dropped = store.begin_replace("a", &mark("e", Some(1), 0)).expect("begins");
    dropped.put(&key(5), &state(b"five", 0)).expect("puts");
    assert!(dropped.put(&key(6), &state(&[0; 9], 0)).is_err());
    drop(dropped);
    assert_eq!((all(&*store, "a"), store.mark("a").expect("reads")), (old.to_vec(), Some(mark("d", None, 2))));

    let reader = SqliteStore::open_read_only(&directory.path().join("states.db")).expect("opens").expect("is there");
    let mut replacement = store.begin_replace("a", &mark("e", Some(1), 0)).expect("begins");
    replacement.put(&key(5), &state(b"5", 0)).expect("puts");
    replacement.put(&key(5), &state(b"five", 0)).expect("puts again");
    assert_eq!(all(&reader, "a"), old);
    replacement.commit().expect("commits");
    assert_eq!(all(&reader, "a"), [(key(5), state(b"five", 0))]);
    assert_eq!(reader.mark("a").expect("reads"), Some(mark("e", Some(1), 0)));
    assert_eq!(all(&reader, "b"), old);
}

#[test]
fn an_entity_that_was_refused_is_told_until_the_view_is_replaced() {
    let (directory, mut store) = store();
    apply(&mut *store, "b", &[(key(2), state(b"other", 1))], &mark("d", None, 1)).expect("applies");
    let mut replacement = store.begin_replace("a", &mark("e", Some(1), 0)).expect("begins");
    replacement.put(&key(1), &state(b"one", 0)).expect("puts");
    replacement.refuse(&key(2), 8).expect("refuses");
    replacement.refuse(&key(2), 9).expect("refuses again");
    replacement.commit().expect("commits");
    let reader = SqliteStore::open_read_only(&directory.path().join("states.db")).expect("opens").expect("is there");
    for store in [&*store, &reader as &dyn OnlineStore] {
        for found in [store.get("a", &key(2)).map(|_| ()), store.get_many("a", &[key(1), key(2)]).map(|_| ())] {
            let error = found.expect_err("is refused").to_string();
            assert!(
                error.starts_with("view a: 2, it's \"x\" is not served: its state would have 9 bytes, over"),
                "{error}"
            );
        }
        assert_eq!(store.get_many("a", &[key(1), key(3)]).expect("reads"), [Some(state(b"one", 0)), None]);
        assert_eq!(store.refused("a").expect("reads"), [(key(2), 9)]);
        assert_eq!((store.count("a").expect("counts"), store.refused("b").expect("reads")), (1, Vec::new()));
        assert!(store.get("b", &key(2)).expect("reads").is_some());
    }
    store.begin_replace("a", &mark("f", Some(1), 0)).expect("begins").commit().expect("commits");
    assert_eq!((store.get("a", &key(2)).expect("reads"), store.refused("a").expect("reads")), (None, Vec::new()));
}

#[test]
fn new_states_go_on_from_those_that_are_stored() {
    let (_directory, mut store) = store();
    apply(&mut *store, "a", &[], &mark("d", None, 5)).expect("applies");
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
        let error = apply(&mut *store, "a", &[(key(1), state(b"one", 6))], &given).expect_err("is refused");
        assert_eq!(error.to_string(), expected);
    }
    assert_eq!((store.count("a").expect("counts"), store.mark("a").expect("reads")), (0, Some(mark("d", None, 5))));
    apply(&mut *store, "a", &[], &mark("d", None, 5)).expect("the same offset again");
}

#[test]
fn what_a_reader_holds_stays_as_it_was() {
    let (directory, mut store) = store();
    apply(&mut *store, "a", &[(key(1), state(b"one", 1))], &mark("d", None, 1)).expect("applies");
    let reader = SqliteStore::open_read_only(&directory.path().join("states.db")).expect("opens").expect("is there");
    reader.hold().expect("holds");
    apply(&mut *store, "a", &[(key(1), state(b"two", 2))], &mark("d", None, 2)).expect("applies");
    assert_eq!(reader.mark("a").expect("reads"), Some(mark("d", None, 1)));
    assert_eq!(all(&reader, "a"), [(key(1), state(b"one", 1))]);
}

#[test]
fn a_reader_cannot_write_and_a_log_is_not_a_store() {
    let (directory, store) = store();
    let path = directory.path().join("states.db");
    let mut reader = SqliteStore::open_read_only(&path).expect("opens").expect("is there");
    let error = apply(&mut reader, "a", &[], &mark("d", None, 1)).expect_err("a reader");
    assert_eq!(error.to_string(), "view a: the online store was opened for reading only: open it for writing");
    assert!(reader.begin_replace("a", &mark("d", None, 1)).is_err());
    let second = SqliteStore::open(&path).expect_err("a second writer");
    assert!(second.to_string().starts_with("another onepath process is writing "), "{second}");
    drop(store);
    let error = crate::log::EventLog::open(&path).expect_err("is not a log");
    let expected =
        format!("{} is not the event log of an onepath project: move it away or name another path", path.display());
    assert_eq!(error.to_string(), expected);
}
