//! Files of the online store and of the event log with bytes that nobody wrote.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use arbitrary::{Result, Unstructured};

use crate::entity::{EntityKey, EntityState, KeyValue};
use crate::log::ViewIdentity;
use crate::store::{OnlineStore, SqliteStore, StoreError, StoreReader, ViewMark, ViewUpdate};
use crate::time::{AvailableAt, EventTime};

/// Spoils a good file at places told by `data`, and reads and writes it. Whatever is in it, every call ends in an answer or
/// in an error that names the file or the view.
pub fn damaged_store(data: &[u8]) {
    let _ = run(&mut Unstructured::new(data));
}

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a folder");
    let path = folder.path().join("online.sqlite");
    let mut bytes = good().to_vec();
    for _ in 0..u.int_in_range(1..=8)? {
        let at = u.int_in_range(0..=bytes.len() - 1)?;
        // Half of the damage hits the first page, which holds the header and the tables' definitions.
        let at = if u.arbitrary()? { at % 4096 } else { at };
        bytes[at] = u.arbitrary()?;
    }
    if u.ratio(1, 4)? {
        bytes.truncate(u.int_in_range(0..=bytes.len())?);
    }
    std::fs::write(&path, &bytes).expect("writes");
    match SqliteStore::open_read_only(&path) {
        Ok(Some(store)) => read(&store),
        Ok(None) => {}
        Err(error) => told(&error),
    }
    match SqliteStore::open(&path) {
        Ok(store) => {
            read(&store);
            told_or(store.begin_term().and_then(|term| {
                told_or(apply(&store, term, "a", &[(key(1), state(2).into())], &mark(2)));
                let mut replacement = store.begin_replace(term)?;
                replacement.begin_view("b")?;
                replacement.put(0, &key(7), &state(3))?;
                replacement.commit(&[mark(3)])
            }));
            read(&store);
        }
        Err(error) => told(&error),
    }
    Ok(())
}

fn apply(
    store: &SqliteStore,
    term: u64,
    view: &str,
    states: &[(EntityKey, Arc<EntityState>)],
    mark: &ViewMark,
) -> std::result::Result<(), StoreError> {
    store.apply(term, &[ViewUpdate { view, states, mark }])
}

fn read(store: &SqliteStore) {
    told_or(store.reader().map(|reader| read_views(&*reader)));
    told_or(store.snapshot().map(|reader| read_views(&*reader)));
}

fn read_views(reader: &dyn StoreReader) {
    for view in ["a", "b"] {
        told_or(reader.mark(view).map(drop));
        told_or(reader.count(view).map(drop));
        told_or(reader.get(view, &key(1)).map(drop));
        told_or(reader.get_many(view, &[key(3), key(1)]).map(drop));
        told_or(reader.scan(view, &mut |_, _| ControlFlow::Continue(())));
    }
}

fn told_or(result: std::result::Result<(), StoreError>) {
    if let Err(error) = result {
        told(&error);
    }
}

fn told(error: &StoreError) {
    let text = error.to_string();
    // A term that was spoilt is that of another writer.
    let is_fenced = matches!(error, StoreError::Fenced { .. });
    assert!(is_fenced || text.contains("online.sqlite") || text.contains("view "), "{text}");
}

/// A store of two views, in one file.
fn good() -> &'static [u8] {
    static GOOD: OnceLock<Vec<u8>> = OnceLock::new();
    GOOD.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("online.sqlite");
        let store = SqliteStore::open(&path).expect("opens");
        let term = store.begin_term().expect("begins");
        let updates: Vec<_> = (0..40).map(|id| (key(id), Arc::new(state(id as u64)))).collect();
        apply(&store, term, "a", &updates, &mark(1)).expect("applies");
        apply(&store, term, "b", &updates[..3], &mark(1)).expect("applies");
        // Closing the last connection moves everything into the one file.
        drop(store);
        std::fs::read(&path).expect("reads")
    })
}

fn key(id: i64) -> EntityKey {
    EntityKey(vec![KeyValue::Int64(id), KeyValue::Text("c".repeat(20))])
}

fn state(offset: u64) -> EntityState {
    let (newest_event, newest_available_at) = (EventTime::from_micros(5), AvailableAt::from_micros(6));
    EntityState { bytes: vec![9; 40], newest_event, newest_available_at, offset }
}

fn mark(applied_offset: u64) -> ViewMark {
    ViewMark {
        digest: "d".to_owned(),
        state_version: 1,
        identity: ViewIdentity::default(),
        history: None,
        log: "a".repeat(32),
        applied_offset,
        applied_event: None,
    }
}
