//! The online store against a model: a map per view that changes whole or not at all.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use arbitrary::{Result, Unstructured};

use crate::entity::{EntityKey, EntityState, KeyValue};
use crate::log::ViewIdentity;
use crate::store::{OnlineStore, SqliteStore, StoreError, ViewMark, ViewUpdate};
use crate::time::{AvailableAt, EventTime};

const STATE_BYTES_MAX: usize = 32;

#[derive(Default)]
struct View {
    mark: Option<ViewMark>,
    states: BTreeMap<String, EntityState>,
}

/// Runs operations made of `data` on a store and on a model, which must agree after each of them.
pub fn state_store(data: &[u8]) {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a folder");
    let _ = run(&folder.path().join("online.sqlite"), &mut Unstructured::new(data));
}

fn run(path: &Path, u: &mut Unstructured<'_>) -> Result<()> {
    let open = || SqliteStore::open(path).expect("opens").with_state_bytes_max(STATE_BYTES_MAX);
    let begin = |store: SqliteStore| {
        let term = store.begin_term().expect("begins");
        (store, term)
    };
    let (mut store, mut term) = begin(open());
    let mut model: BTreeMap<&'static str, View> = BTreeMap::new();
    while !u.is_empty() {
        let name = *u.choose(&["a", "b", "it's \"c\""])?;
        let view = model.entry(name).or_default();
        match u.int_in_range(0..=6)? {
            0..=2 => apply(&store, term, name, view, u)?,
            3 => replace(&store, term, name, &mut model, u)?,
            4 => {
                drop(store);
                (store, term) = begin(open());
            }
            5 => {
                let reader = SqliteStore::open_read_only(path).expect("opens").expect("is there");
                agree(&reader, name, view);
            }
            _ => {
                let key = key(u)?;
                let found = store.reader().expect("opens").get(name, &key);
                match view.mark {
                    Some(_) => assert_eq!(found.expect("reads").as_ref(), view.states.get(&key.encode())),
                    None => assert!(matches!(found, Err(StoreError::UnknownView { .. })), "{found:?}"),
                }
            }
        }
        agree(&store, name, &model[name]);
    }
    model.iter().for_each(|(name, view)| agree(&store, name, view));
    Ok(())
}

fn apply(store: &SqliteStore, term: u64, name: &str, view: &mut View, u: &mut Unstructured<'_>) -> Result<()> {
    let (updates, mark) = (updates(u)?, mark(u)?);
    let made_of = |mark: &ViewMark| (mark.digest.clone(), mark.state_version, mark.history, mark.log.clone());
    let goes_on = view
        .mark
        .as_ref()
        .is_none_or(|stored| made_of(stored) == made_of(&mark) && stored.applied_offset <= mark.applied_offset);
    let fits = updates.iter().all(|(_, state)| state.bytes.len() <= STATE_BYTES_MAX);
    let shared: Vec<_> = updates.iter().map(|(key, state)| (key.clone(), Arc::new(state.clone()))).collect();
    let applied = store.apply(term, &[ViewUpdate { view: name, states: &shared, mark: &mark }]);
    assert_eq!(applied.is_ok(), goes_on && fits, "{applied:?}");
    if applied.is_ok() {
        view.mark = Some(mark);
        view.states.extend(updates.into_iter().map(|(key, state)| (key.encode(), state)));
    }
    Ok(())
}

/// Replaces all views by one.
fn replace(
    store: &SqliteStore,
    term: u64,
    name: &'static str,
    model: &mut BTreeMap<&'static str, View>,
    u: &mut Unstructured<'_>,
) -> Result<()> {
    let (updates, mark, commits) = (updates(u)?, mark(u)?, u.arbitrary()?);
    let mut replacement = store.begin_replace(term).expect("begins");
    replacement.begin_view(name).expect("begins");
    let mut states = BTreeMap::new();
    // An entity is put once.
    let updates: BTreeMap<String, _> = updates.into_iter().map(|(key, state)| (key.encode(), (key, state))).collect();
    for (key, state) in updates.into_values() {
        let put = replacement.put(0, &key, &state);
        assert_eq!(put.is_ok(), state.bytes.len() <= STATE_BYTES_MAX);
        if put.is_ok() {
            states.insert(key.encode(), state);
        }
    }
    match commits {
        true => {
            replacement.commit(std::slice::from_ref(&mark)).expect("commits");
            model.values_mut().for_each(|view| *view = View::default());
            model.insert(name, View { mark: Some(mark), states });
        }
        false => drop(replacement),
    }
    Ok(())
}

/// The store holds what the model holds, in the order of the keys' bytes.
fn agree(store: &SqliteStore, name: &str, view: &View) {
    let store = store.reader().expect("opens");
    assert_eq!(store.mark(name).expect("reads"), view.mark);
    assert_eq!(store.count(name).expect("counts"), view.states.len() as u64);
    let mut found = Vec::new();
    let mut keep = |key: EntityKey, state| {
        found.push((key.encode(), state));
        ControlFlow::Continue(())
    };
    store.scan(name, &mut keep).expect("reads");
    assert!(found.iter().map(|(key, state)| (key, state)).eq(&view.states), "{found:?}");
    let keys: Vec<EntityKey> = found.iter().map(|(key, _)| EntityKey::decode(key).expect("is a key")).collect();
    let many = if view.mark.is_some() { store.get_many(name, &keys).expect("reads") } else { Vec::new() };
    assert!(many.into_iter().eq(found.into_iter().map(|(_, state)| Some(state))));
}

fn updates(u: &mut Unstructured<'_>) -> Result<Vec<(EntityKey, EntityState)>> {
    let count = u.int_in_range(0..=4)?;
    (0..count).map(|_| Ok((key(u)?, state(u)?))).collect()
}

fn key(u: &mut Unstructured<'_>) -> Result<EntityKey> {
    let values =
        [KeyValue::Int64(u.int_in_range(-1..=2)?), KeyValue::Text(u.choose(&["", "1", "\"", "é\0"])?.to_string())];
    Ok(EntityKey(values[u.int_in_range(0..=1)?..].to_vec()))
}

fn state(u: &mut Unstructured<'_>) -> Result<EntityState> {
    let length = u.int_in_range(0..=STATE_BYTES_MAX + 1)?;
    Ok(EntityState {
        bytes: vec![u.arbitrary()?; length],
        newest_event: EventTime::from_micros(u.arbitrary()?),
        newest_available_at: AvailableAt::from_micros(u.arbitrary()?),
        offset: u.int_in_range(0..=9)?,
    })
}

fn mark(u: &mut Unstructured<'_>) -> Result<ViewMark> {
    Ok(ViewMark {
        digest: u.choose(&["d", "e"])?.to_string(),
        state_version: u.int_in_range(1..=2)?,
        identity: ViewIdentity::default(),
        history: *u.choose(&[None, Some(1)])?,
        log: u.choose(&["l", "m"])?.to_string(),
        applied_offset: u.int_in_range(0..=9)?,
        applied_event: u.arbitrary()?,
    })
}
