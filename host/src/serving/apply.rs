//! Events move states: the push itself, and the tail of the log after a crash.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::batch::{Column, ColumnError, Kind, Rows};
use crate::entity::EntityKey;
use crate::evaluate::{EvaluateError, ViewProgram, evaluate};
use crate::events::{ReadError, append_fields, key_of, same_content, wanted_fields};
use crate::files::Wanted;
use crate::log::{Appending, EventContent, EventLog, LogError, LoggedEvent, Meaning, NewEvent};
use crate::project::{Key, Source};
use crate::schema::Field;
use crate::store::{OnlineStore, StoreError, StoredState, ViewMark};
use crate::time::Clock;

/// Rows of one call while events are applied.
const BATCH_ROWS: usize = 8_192;

/// A view whose states are kept online, with the sources that feed it.
#[derive(Clone, Debug)]
pub struct ServedView {
    /// The view.
    pub program: Arc<ViewProgram>,
    /// The key columns of its entity; none where it has no entity.
    pub keys: Vec<Key>,
    /// Its sources, in the view's order.
    pub sources: Vec<Source>,
    /// What the events of its sources mean.
    pub meaning: Meaning,
}

impl ServedView {
    /// Whether events of `source` move its states.
    pub fn reads(&self, source: &Source) -> bool {
        self.sources.iter().any(|read| read.name == source.name)
    }
}

/// Whether events were acknowledged before. Those that were are applied whatever their states grow to on the way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Accepted {
    NotYet,
    Already,
}

/// What a push did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Applied {
    /// Events that are now in the log.
    pub appended: u64,
    /// Events that the log, or the materialized history, already had by their id.
    pub duplicates: u64,
    /// Events that were stamped later than the arrival they declared, because the log had gone on.
    pub adjusted: u64,
    /// The newest offset of the log.
    pub offset: u64,
}

/// A push that was refused, or states that could not follow the log.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// The log refused it or failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A transform refused an event.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// An event does not have what a transform reads.
    #[error(transparent)]
    Event(#[from] ReadError),
    /// More text than one column holds.
    #[error(transparent)]
    Column(#[from] ColumnError),
    /// The states do not start from the newest history.
    #[error("view {view} has no states on top of the newest materialized history: run `onepath materialize`")]
    NotMaterialized {
        /// The view.
        view: String,
    },
    /// The log is not the one that the states were made from.
    #[error(
        "the states of view {view} include the log up to offset {applied}, but the log ends at {last}: it was replaced or cut; \
         put the right one back, or run `onepath materialize` to rebuild the states from this one"
    )]
    LogIsBehind {
        /// The view.
        view: String,
        /// The offset that the states include.
        applied: u64,
        /// The last offset of the log.
        last: u64,
    },
    /// The log is another one than the states were made from.
    #[error(
        "the states of view {view} were made from another log than {path}: it was replaced or cut; put the right one back, or \
         run `onepath materialize` to rebuild the states from this one"
    )]
    OtherLog {
        /// The view.
        view: String,
        /// The log that is there.
        path: PathBuf,
    },
    /// The events that the states were made of meant something else.
    #[error("the states of view {view} are of another meaning of its events: {}; run `onepath materialize` to rebuild them", changes.join("; "))]
    OtherMeaning {
        /// The view.
        view: String,
        /// One for each difference.
        changes: Vec<String>,
    },
    /// The states were made by another component.
    #[error(
        "the states of view {view} were made by component {stored}, but the view now runs {running}: run `onepath \
         materialize` to rebuild them"
    )]
    OtherComponent {
        /// The view.
        view: String,
        /// The digest in the store.
        stored: String,
        /// The digest of the view's component.
        running: String,
    },
}

impl PushError {
    /// Whether it is about the events of one push, so that others may be taken with the same commit.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Log(error) => {
                !matches!(error, LogError::File(_) | LogError::Record { .. } | LogError::ReadOnly { .. })
            }
            Self::Event(error) => {
                matches!(error, ReadError::Unfit { .. } | ReadError::NoKey { .. } | ReadError::Column(_))
            }
            Self::Evaluate(_) | Self::Column(_) | Self::Store(StoreError::NotServed { .. }) => true,
            _ => false,
        }
    }
}

/// The states that pushes moved, by view and entity.
pub type Moved = Vec<HashMap<EntityKey, Arc<StoredState>>>;

/// Where the states are from which a push goes on.
pub trait StateReader {
    /// The state of an entity in the view of number `view`.
    fn state(&self, view: usize, key: &EntityKey) -> Result<Option<Arc<StoredState>>, StoreError>;
}

/// The states of an online store.
struct StoreReader<'a> {
    store: &'a dyn OnlineStore,
    views: &'a [ServedView],
}

impl StateReader for StoreReader<'_> {
    fn state(&self, view: usize, key: &EntityKey) -> Result<Option<Arc<StoredState>>, StoreError> {
        Ok(self.store.get(self.views[view].program.id(), key)?.map(Arc::new))
    }
}

/// States that events move: those that were moved before, over those that are stored.
struct Moving<'a> {
    view: usize,
    before: Option<&'a HashMap<EntityKey, Arc<StoredState>>>,
    stored: &'a dyn StateReader,
    moved: HashMap<EntityKey, Arc<StoredState>>,
}

impl Moving<'_> {
    fn state(&self, key: &EntityKey) -> Result<Option<Arc<StoredState>>, StoreError> {
        match self.moved.get(key).or_else(|| self.before?.get(key)) {
            Some(state) => Ok(Some(Arc::clone(state))),
            None => self.stored.state(self.view, key),
        }
    }
}

/// Appends events to the log of `source` and applies them to every view that reads it.
///
/// The views are evaluated before the log is committed: an event that a transform refuses is refused as a whole push, and
/// nothing is kept. Once this returns, the events are on disk. A crash between log and states is mended by [`catch_up`].
pub fn push(
    log: &mut EventLog,
    store: &mut dyn OnlineStore,
    views: &[ServedView],
    source: &Source,
    events: Vec<NewEvent>,
    clock: &dyn Clock,
) -> Result<Applied, PushError> {
    catch_up(log, store, views)?;
    let mut moved: Moved = views.iter().map(|_| HashMap::new()).collect();
    let mut appending = log.begin()?;
    let states = StoreReader { store, views };
    let applied = push_into(&mut appending, &mut moved, views, &states, source, events, clock.now());
    if applied.as_ref().is_err_and(|error| !error.is_refusal()) {
        return applied;
    }
    // What a refusal counted is kept.
    let offset = appending.last_offset();
    appending.commit()?;
    let applied = applied?;
    if applied.appended > 0 {
        let history = log.latest_history()?.map(|(id, _)| id);
        for (view, states) in views.iter().zip(moved) {
            if view.reads(source) {
                write(log, store, view, states, offset, history)?;
            }
        }
    }
    Ok(applied)
}

/// Stamps and evaluates a push on top of those that were accepted before, and accepts it. `moved` receives the states.
///
/// Where the error is a refusal, the push has left nothing behind and the next one may follow.
pub fn push_into(
    appending: &mut Appending<'_>,
    moved: &mut Moved,
    views: &[ServedView],
    states: &dyn StateReader,
    source: &Source,
    events: Vec<NewEvent>,
    now: i64,
) -> Result<Applied, PushError> {
    // Made only where an id comes again.
    let same = |one: EventContent<'_>, other: EventContent<'_>| {
        let readers = views.iter().filter(|view| view.reads(source));
        let fields: Vec<Field> =
            readers.flat_map(|view| view.program.description().event_fields.iter().cloned()).collect();
        same_content(source, &fields, one, other)
    };
    let stamped = appending.stamp(&source.name, events, now, &same)?;
    let mut moving = Vec::new();
    for (at, view) in views.iter().enumerate().filter(|(_, view)| view.reads(source)) {
        let mut states = Moving { view: at, before: Some(&moved[at]), stored: states, moved: HashMap::new() };
        advance(view, &stamped.events, &mut states, Accepted::NotYet)?;
        moving.push((at, states.moved));
    }
    appending.accept(&stamped)?;
    for (at, states) in moving {
        moved[at].extend(states);
    }
    Ok(Applied {
        appended: stamped.events.len() as u64,
        duplicates: stamped.duplicates as u64,
        adjusted: stamped.adjusted as u64,
        offset: appending.last_offset(),
    })
}

/// Offsets that are caught up with at once.
const CATCH_UP_OFFSETS: u64 = 65_536;

/// Applies the events of the log that the states do not include yet.
pub fn catch_up(log: &EventLog, store: &mut dyn OnlineStore, views: &[ServedView]) -> Result<(), PushError> {
    let (last, history) = (log.last_offset()?, log.latest_history()?.map(|(id, _)| id));
    for (at, view) in views.iter().enumerate() {
        let mut applied = mark(log, store, view, history)?.applied_offset;
        if applied > last {
            return Err(PushError::LogIsBehind { view: view.program.id().to_owned(), applied, last });
        }
        while applied < last {
            let up_to = last.min(applied + CATCH_UP_OFFSETS);
            let mut events = Vec::new();
            for source in &view.sources {
                log.read(&source.name, applied, up_to, |event| {
                    if !source.skip_offsets.contains(&event.offset) {
                        events.push(event);
                    }
                    Ok::<(), LogError>(())
                })?;
            }
            // Across sources the log's order is the order of time: the clock keeps their stamps apart.
            events.sort_by_key(|event| event.offset);
            let stored = StoreReader { store, views };
            let mut states = Moving { view: at, before: None, stored: &stored, moved: HashMap::new() };
            advance(view, &events, &mut states, Accepted::Already)?;
            let moved = states.moved;
            write(log, store, view, moved, up_to, history)?;
            applied = up_to;
        }
    }
    Ok(())
}

/// The mark of a view's states; a new one where there are none yet. States of another component, meaning, history or log are refused.
pub fn mark(
    log: &EventLog,
    store: &dyn OnlineStore,
    view: &ServedView,
    history: Option<i64>,
) -> Result<ViewMark, PushError> {
    let program = &view.program;
    let fresh = || ViewMark {
        digest: program.fingerprint().to_owned(),
        state_version: program.description().state_version,
        meaning: view.meaning.clone(),
        history: None,
        log: log.identity().to_owned(),
        applied_offset: 0,
    };
    let mark = store.mark(program.id())?.unwrap_or_else(fresh);
    if mark.digest != program.fingerprint() {
        return Err(PushError::OtherComponent {
            view: program.id().to_owned(),
            stored: mark.digest,
            running: program.fingerprint().to_owned(),
        });
    }
    let changes = mark.meaning.changes(&view.meaning);
    if !changes.is_empty() {
        return Err(PushError::OtherMeaning { view: program.id().to_owned(), changes });
    }
    if mark.log != log.identity() {
        return Err(PushError::OtherLog { view: program.id().to_owned(), path: log.path().to_owned() });
    }
    if mark.history != history {
        return Err(PushError::NotMaterialized { view: program.id().to_owned() });
    }
    Ok(mark)
}

/// Writes the moved states of a view and the offset that they include, in one transaction.
fn write(
    log: &EventLog,
    store: &mut dyn OnlineStore,
    view: &ServedView,
    states: HashMap<EntityKey, Arc<StoredState>>,
    applied_offset: u64,
    history: Option<i64>,
) -> Result<(), PushError> {
    let mark = ViewMark { applied_offset, ..mark(log, store, view, history)? };
    let mut states: Vec<_> = states.into_iter().collect();
    states.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    Ok(store.apply(view.program.id(), &states, &mark)?)
}

/// Applies events to the states of one view, in the order given.
fn advance(
    view: &ServedView,
    events: &[LoggedEvent],
    states: &mut Moving<'_>,
    accepted: Accepted,
) -> Result<(), PushError> {
    for events in events.chunks(BATCH_ROWS) {
        advance_batch(view, events, states, accepted)?;
    }
    Ok(())
}

fn advance_batch(
    view: &ServedView,
    events: &[LoggedEvent],
    states: &mut Moving<'_>,
    accepted: Accepted,
) -> Result<(), PushError> {
    let program = &view.program;
    let description = program.description();
    let fields = &description.event_fields;
    // Columns of no rows: nothing is asked here, whatever a question would bring with it.
    let none = |fields: &[Field]| fields.iter().map(|field| Column::new(field.value_type)).collect();
    let mut rows = Rows {
        event_fields: fields.iter().map(|field| Column::with_capacity(field.value_type, events.len())).collect(),
        request_fields: none(&description.request_fields),
        input_features: none(&description.input_features),
        want_states: true,
        unbounded_states: accepted == Accepted::Already,
        ..Rows::default()
    };
    let wanted: Vec<Vec<Wanted>> = view.sources.iter().map(|source| wanted_fields(source, fields)).collect();
    let (mut keys, mut last, mut newest, mut groups) = (Vec::new(), Vec::new(), Vec::new(), HashMap::new());
    for event in events {
        let at = view.sources.iter().position(|source| source.name == event.source);
        let at = at.expect("only events of the view's sources are read");
        let key = key_of(&view.sources[at], &view.keys, event)?;
        let group = match groups.get(&key) {
            Some(group) => *group,
            None => {
                let stored = states.state(&key)?;
                rows.states.push(stored.as_ref().map_or(&[][..], |state| &state.bytes))?;
                newest.push(stored.as_ref().map(|state| state.newest_event));
                keys.push(key.clone());
                last.push(event);
                let group = keys.len() as u32 - 1;
                groups.insert(key, group);
                group
            }
        };
        let appended = append_fields(&mut rows.event_fields, fields, &wanted[at], event);
        appended.map_err(|error| if accepted == Accepted::NotYet { error.of_push() } else { error })?;
        rows.push(Kind::Event, group, event.event_time.0);
        last[group as usize] = event;
    }
    let name = |group: u32| keys[group as usize].to_string();
    let evaluated = evaluate(program, &rows, &mut newest, &name)?;
    let after = evaluated.states.expect("states were wanted");
    for (group, ((key, last), newest_event)) in keys.iter().zip(last).zip(newest).enumerate() {
        let state = StoredState {
            bytes: after.get(group).to_vec(),
            newest_event: newest_event.expect("an event was applied"),
            newest_available_at: last.available_at,
            offset: last.offset,
        };
        states.moved.insert(key.as_ref().clone(), Arc::new(state));
    }
    Ok(())
}
