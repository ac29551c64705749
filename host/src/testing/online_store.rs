//! What every [`OnlineStore`] must do: a suite of named checks.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::{Violation, equal, given, require};
use crate::entity::{EntityKey, EntityState, KeyValue};
use crate::log::ViewIdentity;
use crate::store::{OnlineStore, StoreError, StoreReader, ViewMark, ViewUpdate};
use crate::time::{AvailableAt, EventTime};

/// A place for a store, empty at first.
pub trait Stand {
    /// The store, opened for writing by a process of its own. It is dropped before the next one is opened.
    fn open(&self) -> Box<dyn OnlineStore>;
    /// Power is lost while no store is open: what was not put on disk is gone.
    fn lose_power(&self);
}

/// States come back.
pub const STATES: &str = "a state that was applied is read back, by view and entity";
/// A write is seen.
pub const ACKNOWLEDGED: &str = "what was acknowledged is seen by every handle, also by one that was open before";
/// A snapshot stays.
pub const SNAPSHOT: &str = "a snapshot stays as it was";
/// A refused group leaves nothing.
pub const REFUSAL: &str = "a group of which one view is refused leaves all of them as they were";
/// Groups are whole.
pub const GROUPS: &str = "after power was lost, every group is there whole or not at all";
/// Groups are in order.
pub const ORDER: &str = "after power was lost, no group is there without those before it";
/// Absence is known.
pub const ABSENCE: &str = "an entity without a state is absent, and of a view without a mark nothing is known";
/// All views are replaced.
pub const REPLACEMENT: &str = "all views are replaced at once or not at all, and are on disk then";
/// An earlier writer is fenced.
pub const TERM: &str = "a writer whose term is over is refused";
/// States go on.
pub const MARKS: &str = "new states go on from those that are stored";

/// Runs the suite; `stand` makes an empty place. Returns the first check that fails.
pub fn conformance(stand: &dyn Fn() -> Box<dyn Stand>) -> Result<(), Violation> {
    states(&*stand().open())?;
    handles(&*stand().open())?;
    refusals(&*stand().open())?;
    absence(&*stand().open())?;
    replacement(&*stand().open())?;
    power_after_replacement(&*stand())?;
    terms(&*stand())?;
    marks(&*stand().open())?;
    power(&*stand())
}

/// The key of an entity, of two columns.
pub fn key(id: i64) -> EntityKey {
    EntityKey(vec![KeyValue::Int64(id), KeyValue::Text("it's \"x\"".into())])
}

/// A state of these bytes that includes events up to an offset.
pub fn state(bytes: &[u8], offset: u64) -> EntityState {
    let at = 100 + offset as i64;
    EntityState {
        bytes: bytes.to_vec(),
        newest_event: EventTime::from_micros(-at),
        newest_available_at: AvailableAt::from_micros(at),
        offset,
    }
}

/// A mark of the component `digest`.
pub fn mark(digest: &str, history: Option<i64>, applied_offset: u64) -> ViewMark {
    ViewMark {
        digest: digest.into(),
        state_version: 3,
        identity: ViewIdentity::default(),
        history,
        log: "l1".into(),
        applied_offset,
        applied_event: (applied_offset > 0).then_some(-7),
    }
}

/// Applies states to one view.
pub fn apply(
    store: &dyn OnlineStore,
    term: u64,
    view: &str,
    states: &[(EntityKey, EntityState)],
    mark: &ViewMark,
) -> Result<(), StoreError> {
    let states: Vec<_> = states.iter().map(|(key, state)| (key.clone(), Arc::new(state.clone()))).collect();
    store.apply(term, &[ViewUpdate { view, states: &states, mark }])
}

/// Applies the same states to the views `a` and `b`, as one group.
fn apply_both(
    store: &dyn OnlineStore,
    term: u64,
    states: &[(EntityKey, EntityState)],
    offset: u64,
) -> Result<(), StoreError> {
    let states: Vec<_> = states.iter().map(|(key, state)| (key.clone(), Arc::new(state.clone()))).collect();
    let mark = mark("d", None, offset);
    let update = |view| ViewUpdate { view, states: &states, mark: &mark };
    store.apply(term, &[update("a"), update("b")])
}

/// All states of a view.
pub fn all(reader: &dyn StoreReader, view: &str) -> Result<Vec<(EntityKey, EntityState)>, StoreError> {
    let mut states = Vec::new();
    reader.scan(view, &mut |key, state| {
        states.push((key, state));
        ControlFlow::Continue(())
    })?;
    Ok(states)
}

/// The states of these entities must be `expected`, by either way of reading them.
fn read(
    rule: &'static str,
    reader: &dyn StoreReader,
    (view, keys): (&str, &[EntityKey]),
    expected: &[Option<EntityState>],
) -> Result<(), Violation> {
    equal(rule, reader.get_many(view, keys), expected.to_vec())?;
    match reader.get_many_in_memory(view, keys) {
        Ok(None) => Ok(()),
        found => equal(rule, found.map(Option::unwrap_or_default), expected.to_vec()),
    }
}

/// How reading these entities fails, by every way of reading them.
fn failures(reader: &dyn StoreReader, view: &str, one: EntityKey, other: EntityKey) -> [Result<(), StoreError>; 3] {
    let two = [other, one];
    let many = || reader.get_many(view, &two).map(drop);
    let in_memory = match reader.get_many_in_memory(view, &two) {
        Ok(None) => many(),
        found => found.map(drop),
    };
    [reader.get(view, &two[1]).map(drop), many(), in_memory]
}

fn states(store: &dyn OnlineStore) -> Result<(), Violation> {
    let term = given(STATES, store.begin_term())?;
    let first = [(key(2), state(b"two", 2)), (key(1), state(b"", 0)), (key(3), state(&[0, 255, 0], 3))];
    given(STATES, apply(store, term, "a", &first, &mark("d", None, 3)))?;
    given(STATES, apply(store, term, "b", &[(key(1), state(b"other", 9))], &mark("e", Some(7), 9)))?;
    given(STATES, apply(store, term, "a", &[(key(2), state(b"new", 4))], &mark("d", None, 4)))?;
    let reader = given(STATES, store.reader())?;
    let three = Some(state(&[0, 255, 0], 3));
    let many = [three.clone(), None, Some(state(b"new", 4)), three];
    read(STATES, &*reader, ("a", &[key(3), key(9), key(2), key(3)]), &many)?;
    equal(STATES, reader.get("b", &key(1)), Some(state(b"other", 9)))?;
    equal(STATES, reader.mark("a"), Some(mark("d", None, 4)))?;
    equal(STATES, reader.mark("b"), Some(mark("e", Some(7), 9)))?;
    equal(STATES, reader.mark("none"), None)?;
    equal(STATES, reader.count("a"), 3)?;
    equal(STATES, reader.newest_event("a"), Some(EventTime::from_micros(-100)))?;
    let keys: Vec<EntityKey> = given(STATES, all(&*reader, "a"))?.into_iter().map(|(key, _)| key).collect();
    require(STATES, keys == [key(1), key(2), key(3)], || format!("scanned in the order {keys:?}"))?;
    let mut seen = 0;
    let mut once = |_, _| {
        seen += 1;
        ControlFlow::Break(())
    };
    given(STATES, reader.scan("a", &mut once))?;
    require(STATES, seen == 1, || format!("{seen} states were given after a break"))
}

fn handles(store: &dyn OnlineStore) -> Result<(), Violation> {
    let term = given(ACKNOWLEDGED, store.begin_term())?;
    given(ACKNOWLEDGED, apply(store, term, "a", &[(key(1), state(b"one", 1))], &mark("d", None, 1)))?;
    let (reader, snapshot) = (given(ACKNOWLEDGED, store.reader())?, given(SNAPSHOT, store.snapshot())?);
    equal(ACKNOWLEDGED, reader.get("a", &key(1)), Some(state(b"one", 1)))?;
    for offset in 2..6 {
        let new = state(&[offset as u8], offset);
        given(ACKNOWLEDGED, apply(store, term, "a", &[(key(1), new.clone())], &mark("d", None, offset)))?;
        equal(ACKNOWLEDGED, reader.get("a", &key(1)), Some(new.clone()))?;
        equal(ACKNOWLEDGED, reader.mark("a"), Some(mark("d", None, offset)))?;
        equal(ACKNOWLEDGED, given(ACKNOWLEDGED, store.reader())?.get("a", &key(1)), Some(new))?;
    }
    equal(SNAPSHOT, snapshot.mark("a"), Some(mark("d", None, 1)))?;
    equal(SNAPSHOT, snapshot.get("a", &key(1)), Some(state(b"one", 1)))?;
    equal(SNAPSHOT, all(&*snapshot, "a"), vec![(key(1), state(b"one", 1))])
}

fn refusals(store: &dyn OnlineStore) -> Result<(), Violation> {
    let term = given(REFUSAL, store.begin_term())?;
    given(REFUSAL, apply_both(store, term, &[(key(1), state(b"one", 1))], 1))?;
    let reader = given(REFUSAL, store.reader())?;
    let states = [(key(1), Arc::new(state(b"new", 2))), (key(2), Arc::new(state(b"two", 2)))];
    let (good, bad) = (mark("d", None, 2), mark("other", None, 2));
    let first = ViewUpdate { view: "a", states: &states, mark: &good };
    let refused = store.apply(term, &[first, ViewUpdate { view: "b", states: &states, mark: &bad }]);
    let is_right = matches!(&refused, Err(StoreError::OtherStates { view, .. }) if view == "b");
    require(REFUSAL, is_right, || format!("{refused:?}"))?;
    for view in ["a", "b"] {
        equal(REFUSAL, all(&*reader, view), vec![(key(1), state(b"one", 1))])?;
        equal(REFUSAL, reader.mark(view), Some(mark("d", None, 1)))?;
    }
    Ok(())
}

fn absence(store: &dyn OnlineStore) -> Result<(), Violation> {
    let term = given(ABSENCE, store.begin_term())?;
    let reader = given(ABSENCE, store.reader())?;
    for found in failures(&*reader, "a", key(1), key(2)) {
        let is_right = matches!(found, Err(StoreError::UnknownView { .. }));
        require(ABSENCE, is_right, || format!("{found:?} of a view without a mark"))?;
    }
    given(ABSENCE, apply(store, term, "a", &[], &mark("d", None, 0)))?;
    equal(ABSENCE, reader.get("a", &key(1)), None)?;
    equal(ABSENCE, reader.newest_event("a"), None)?;
    let mut replacement = given(ABSENCE, store.begin_replace(term))?;
    given(ABSENCE, replacement.begin_view("a"))?;
    given(ABSENCE, replacement.put(0, &key(1), &state(b"one", 0)))?;
    given(ABSENCE, replacement.refuse(0, &key(2), 9))?;
    given(ABSENCE, replacement.commit(&[mark("e", Some(1), 0)]))?;
    for found in failures(&*reader, "a", key(2), key(1)) {
        let is_right = matches!(&found, Err(StoreError::NotServed { bytes: 9, .. }));
        require(ABSENCE, is_right, || format!("{found:?} of an entity that was refused"))?;
    }
    read(ABSENCE, &*reader, ("a", &[key(1), key(3)]), &[Some(state(b"one", 0)), None])?;
    equal(ABSENCE, reader.refused("a"), vec![(key(2), 9)])?;
    equal(ABSENCE, reader.count("a"), 1)?;
    let mut replacement = given(ABSENCE, store.begin_replace(term))?;
    given(ABSENCE, replacement.begin_view("a"))?;
    given(ABSENCE, replacement.commit(&[mark("f", Some(1), 0)]))?;
    equal(ABSENCE, reader.get("a", &key(2)), None)?;
    equal(ABSENCE, reader.refused("a"), Vec::new())
}

fn replacement(store: &dyn OnlineStore) -> Result<(), Violation> {
    let term = given(REPLACEMENT, store.begin_term())?;
    let old = vec![(key(1), state(b"one", 1)), (key(2), state(b"two", 2))];
    given(REPLACEMENT, apply_both(store, term, &old, 2))?;
    let reader = given(REPLACEMENT, store.reader())?;
    let mut dropped = given(REPLACEMENT, store.begin_replace(term))?;
    given(REPLACEMENT, dropped.begin_view("a"))?;
    given(REPLACEMENT, dropped.put(0, &key(5), &state(b"five", 0)))?;
    drop(dropped);
    let unchanged = |views: &[&str]| {
        for view in views {
            equal(REPLACEMENT, all(&*reader, view), old.clone())?;
            equal(REPLACEMENT, reader.mark(view), Some(mark("d", None, 2)))?;
            equal(REPLACEMENT, reader.newest_event(view), Some(EventTime::from_micros(-101)))?;
        }
        Ok::<(), Violation>(())
    };
    unchanged(&["a", "b"])?;
    given(REPLACEMENT, replace_two(store, term, || unchanged(&["a", "b"])))??;
    replaced(&*reader)?;
    // They go on from what replaced them.
    given(REPLACEMENT, apply(store, term, "c", &[(key(7), state(b"seven", 9))], &mark("e", Some(1), 9)))?;
    read(REPLACEMENT, &*reader, ("c", &[key(6), key(7)]), &[Some(state(b"six", 6)), Some(state(b"seven", 9))])
}

/// Replaces all views by `a` and `c`; `before` looks at the store just before they are put in place.
fn replace_two<T>(store: &dyn OnlineStore, term: u64, before: impl FnOnce() -> T) -> Result<T, StoreError> {
    let mut replacement = store.begin_replace(term)?;
    replacement.begin_view("a")?;
    replacement.put(0, &key(5), &state(b"five", 5))?;
    replacement.put(0, &key(4), &state(b"four", 4))?;
    replacement.begin_view("c")?;
    replacement.put(1, &key(6), &state(b"six", 6))?;
    let looked = before();
    replacement.commit(&[mark("e", Some(1), 0), mark("e", Some(1), 0)])?;
    Ok(looked)
}

/// What [`replace_two`] leaves.
fn replaced(reader: &dyn StoreReader) -> Result<(), Violation> {
    equal(REPLACEMENT, all(reader, "a"), vec![(key(4), state(b"four", 4)), (key(5), state(b"five", 5))])?;
    equal(REPLACEMENT, all(reader, "c"), vec![(key(6), state(b"six", 6))])?;
    read(REPLACEMENT, reader, ("a", &[key(5), key(1)]), &[Some(state(b"five", 5)), None])?;
    equal(REPLACEMENT, reader.newest_event("a"), Some(EventTime::from_micros(-104)))?;
    for (view, expected) in [("a", Some(mark("e", Some(1), 0))), ("b", None), ("c", Some(mark("e", Some(1), 0)))] {
        equal(REPLACEMENT, reader.mark(view), expected)?;
    }
    let unknown = reader.get("b", &key(1));
    let is_right = matches!(unknown, Err(StoreError::UnknownView { .. }));
    require(REPLACEMENT, is_right, || format!("{unknown:?} of a view that is not among those that replaced all"))
}

/// What replaced all is there after power was lost.
fn power_after_replacement(stand: &dyn Stand) -> Result<(), Violation> {
    let store = stand.open();
    let term = given(REPLACEMENT, store.begin_term())?;
    given(REPLACEMENT, apply_both(&*store, term, &[(key(1), state(b"one", 1))], 1))?;
    given(REPLACEMENT, replace_two(&*store, term, || ()))?;
    drop(store);
    stand.lose_power();
    replaced(&*given(REPLACEMENT, stand.open().reader())?)
}

fn terms(stand: &dyn Stand) -> Result<(), Violation> {
    let store = stand.open();
    let first = given(TERM, store.begin_term())?;
    given(TERM, apply(&*store, first, "a", &[(key(1), state(b"one", 1))], &mark("d", None, 1)))?;
    let second = given(TERM, store.begin_term())?;
    require(TERM, second > first, || format!("term {second} follows term {first}"))?;
    let late = apply(&*store, first, "a", &[(key(1), state(b"late", 2))], &mark("d", None, 2));
    let is_right = matches!(late, Err(StoreError::Fenced { term, current }) if (term, current) == (first, second));
    require(TERM, is_right, || format!("{late:?} of a writer of term {first} in term {second}"))?;
    let late = store.begin_replace(first).map(|_| ());
    require(TERM, matches!(late, Err(StoreError::Fenced { .. })), || format!("{late:?} of a replacement"))?;
    given(TERM, apply(&*store, second, "a", &[(key(1), state(b"two", 2))], &mark("d", None, 2)))?;
    equal(TERM, given(TERM, store.reader())?.get("a", &key(1)), Some(state(b"two", 2)))?;
    drop(store);
    let third = given(TERM, stand.open().begin_term())?;
    require(TERM, third > second, || format!("term {third} of a new process follows term {second}"))
}

fn marks(store: &dyn OnlineStore) -> Result<(), Violation> {
    let term = given(MARKS, store.begin_term())?;
    given(MARKS, apply(store, term, "a", &[], &mark("d", None, 5)))?;
    let other_log = ViewMark { log: "l2".into(), ..mark("d", None, 6) };
    for given_mark in [mark("e", None, 6), mark("d", Some(2), 6), other_log, mark("d", None, 4)] {
        let refused = apply(store, term, "a", &[(key(1), state(b"one", 6))], &given_mark);
        let is_right = matches!(
            refused,
            Err(StoreError::OtherStates { .. } | StoreError::OtherLog { .. } | StoreError::OlderStates { .. })
        );
        require(MARKS, is_right, || format!("{refused:?} of {given_mark:?}"))?;
    }
    let reader = given(MARKS, store.reader())?;
    equal(MARKS, reader.count("a"), 0)?;
    equal(MARKS, reader.mark("a"), Some(mark("d", None, 5)))?;
    given(MARKS, apply(store, term, "a", &[], &mark("d", None, 5)))
}

/// Groups of two views, the states of each of entities of its own; power is lost now and then.
fn power(stand: &dyn Stand) -> Result<(), Violation> {
    let mut expected: BTreeMap<u64, Vec<(EntityKey, EntityState)>> = BTreeMap::from([(0, Vec::new())]);
    let mut offset = 0;
    for round in 0..12_u64 {
        let store = stand.open();
        let term = given(GROUPS, store.begin_term())?;
        for _ in 0..round % 4 + 1 {
            let mut after = expected[&offset].clone();
            offset += 1;
            after.push((key(offset as i64), state(&[offset as u8, round as u8], offset)));
            given(GROUPS, apply_both(&*store, term, &after[after.len() - 1..], offset))?;
            expected.insert(offset, after);
        }
        drop(store);
        stand.lose_power();
        let store = stand.open();
        let reader = given(GROUPS, store.reader())?;
        let marks = ["a", "b"].map(|view| reader.mark(view).map(|mark| mark.map_or(0, |mark| mark.applied_offset)));
        let [a, b] = marks.map(|mark| given(GROUPS, mark));
        let (a, b) = (a?, b?);
        require(GROUPS, a == b, || format!("view a is at {a}, view b at {b}, which were applied together"))?;
        for view in ["a", "b"] {
            let mut found = given(ORDER, all(&*reader, view))?;
            found.sort_by_key(|(_, state)| state.offset);
            let expected = &expected[&a];
            require(ORDER, found == *expected, || {
                format!("at {a}, view {view} has {found:?} instead of {expected:?}")
            })?;
        }
        offset = a;
        expected.split_off(&(a + 1));
    }
    Ok(())
}
