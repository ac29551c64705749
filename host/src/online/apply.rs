//! Events move states: the push itself, and the tail of the log after a crash.

use std::collections::HashMap;
use std::sync::Arc;

use super::PushError;
use super::marks::{checked, drop_earlier_epoch};
use crate::batch::{Column, PUSH_ROWS};
use crate::entity::{EntityKey, EntityState};
use crate::evaluate::EventCall;
use crate::events::{PushedEvents, PushedFields, append_fields, key_of, same_content, wanted_fields};
use crate::feature_store::PlannedView;
use crate::files::Wanted;
use crate::log::{Appending, EventContent, LogError, LogReader, LoggedEvent};
use crate::project::Source;
use crate::schema::Field;
use crate::store::{OnlineStore, StoreError, StoreReader, ViewMark, ViewUpdate};

/// Where the fields of events that are applied come from.
#[derive(Clone, Copy)]
enum FieldsOf<'a> {
    /// They are being pushed: from the columns of the push, in which each event has a place.
    Push(&'a PushedFields, &'a [u32]),
    /// They were acknowledged before: from the log. They are applied whatever their states grow to on the way.
    Log,
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
    /// Events that are not as their source expects: they are in `.onepath/dead_letters`, and not in the log.
    #[serde(skip_serializing_if = "is_none")]
    pub dead_letters: u64,
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

/// The states that pushes moved, by view and entity.
pub(super) type Moved = Vec<HashMap<EntityKey, Arc<EntityState>>>;

/// Where the states are from which a push goes on.
pub(super) trait StateReader {
    /// The state of an entity in the view of number `view`.
    fn state(&self, view: usize, key: &EntityKey) -> Result<Option<Arc<EntityState>>, StoreError>;
}

/// The states that are stored.
struct Stored<'a> {
    reader: &'a dyn StoreReader,
    views: &'a [PlannedView],
}

impl StateReader for Stored<'_> {
    fn state(&self, view: usize, key: &EntityKey) -> Result<Option<Arc<EntityState>>, StoreError> {
        Ok(self.reader.get(self.views[view].program.id(), key)?.map(Arc::new))
    }
}

/// States that events move: those that were moved before, over those that are stored.
struct Moving<'a> {
    view: usize,
    before: Option<&'a HashMap<EntityKey, Arc<EntityState>>>,
    stored: &'a dyn StateReader,
    moved: HashMap<EntityKey, Arc<EntityState>>,
}

impl Moving<'_> {
    fn state(&self, key: &EntityKey) -> Result<Option<Arc<EntityState>>, StoreError> {
        match self.moved.get(key).or_else(|| self.before?.get(key)) {
            Some(state) => Ok(Some(Arc::clone(state))),
            None => self.stored.state(self.view, key),
        }
    }
}

/// Stamps and evaluates a push on top of those that were accepted before, and accepts it. `moved` receives the states.
///
/// Where the error is a refusal, the push has left nothing behind and the next one may follow.
pub(super) fn push_into(
    appending: &mut Appending<'_>,
    moved: &mut Moved,
    views: &[PlannedView],
    states: &dyn StateReader,
    source: &Source,
    PushedEvents { events, fields, .. }: PushedEvents,
    now: i64,
) -> Result<Applied, PushError> {
    // Made only where an id comes again.
    let same = |one: EventContent<'_>, other: EventContent<'_>| {
        let readers = views.iter().filter(|view| view.reads(source));
        let read: Vec<Field> =
            readers.flat_map(|view| view.program.description().event_fields.iter().cloned()).collect();
        same_content(source, &read, one, other)
    };
    appending.declare(&source.name, &source.key_columns())?;
    let stamped = appending.stamp(&source.name, events, now, &same)?;
    let mut moving = Vec::new();
    for (at, view) in views.iter().enumerate().filter(|(_, view)| view.reads(source)) {
        let mut states = Moving { view: at, before: Some(&moved[at]), stored: states, moved: HashMap::new() };
        match advance(view, &stamped.events, &mut states, FieldsOf::Push(&fields, &stamped.places)) {
            // It answers nothing until its component is another one; the events are in the log, and the other views go on.
            Err(_) if view.program.is_quarantined() => {}
            advanced => {
                advanced?;
                moving.push((at, states.moved));
            }
        }
    }
    for (at, states) in moving {
        moved[at].extend(states);
    }
    let (appended, duplicates) = (stamped.events.len() as u64, stamped.duplicates as u64);
    let adjusted = stamped.adjusted as u64;
    appending.accept(stamped);
    Ok(Applied { appended, duplicates, adjusted, offset: appending.last_offset(), dead_letters: 0 })
}

/// Offsets that are caught up with at once.
const CATCH_UP_OFFSETS: u64 = 65_536;

/// Applies the events of the log that the states do not include yet, and gives the mark of each view. Afterwards the store has
/// one of every view. All began from `history`.
pub(super) fn catch_up(
    log: &dyn LogReader,
    store: &dyn OnlineStore,
    term: u64,
    views: &[PlannedView],
    history: Option<i64>,
) -> Result<Vec<ViewMark>, PushError> {
    let last = log.last_offset()?;
    let reader = store.reader()?;
    drop_earlier_epoch(log, &*reader, (store, term), views, history)?;
    let mut marks = Vec::with_capacity(views.len());
    for (at, view) in views.iter().enumerate() {
        let stored = reader.mark(view.program.id())?;
        let is_new = stored.is_none();
        let mut mark = checked(stored.unwrap_or_else(|| view.new_mark(log.identity())), log, view, history)?;
        if mark.applied_offset > last {
            let (view, applied) = (view.program.id().to_owned(), mark.applied_offset);
            return Err(PushError::LogIsBehind { view, applied, last });
        }
        // A copy of this log that went on by itself has the same name, and another event there.
        if mark.applied_event.is_some() && mark.applied_event != log.fingerprint_at(mark.applied_offset)? {
            return Err(PushError::OtherLog { view: view.program.id().to_owned(), path: log.path().to_owned() });
        }
        if is_new {
            write(store, term, [(view, &HashMap::new(), &mark)])?;
        }
        // One in quarantine stays where it is, and answers nothing.
        while mark.applied_offset < last && !view.program.is_quarantined() {
            let up_to = last.min(mark.applied_offset + CATCH_UP_OFFSETS);
            let events = logged_events(log, view, mark.applied_offset, up_to)?;
            let stored = Stored { reader: &*reader, views };
            let mut states = Moving { view: at, before: None, stored: &stored, moved: HashMap::new() };
            match advance(view, &events, &mut states, FieldsOf::Log) {
                Err(_) if view.program.is_quarantined() => break,
                advanced => advanced?,
            }
            (mark.applied_offset, mark.applied_event) = (up_to, log.fingerprint_at(up_to)?);
            write(store, term, [(view, &states.moved, &mark)])?;
        }
        marks.push(mark);
    }
    Ok(marks)
}

/// The events that a view reads, after an offset and up to another, in the order of the log.
fn logged_events(
    log: &dyn LogReader,
    view: &PlannedView,
    after: u64,
    up_to: u64,
) -> Result<Vec<LoggedEvent>, LogError> {
    let mut events = Vec::new();
    for source in &view.sources {
        log.each(&source.name, after, up_to, |event| {
            if !source.skip_offsets.contains(&event.offset) {
                events.push(event);
            }
            Ok::<(), LogError>(())
        })?;
    }
    // Across sources the log's order is the order of time: the clock keeps their stamps apart.
    events.sort_by_key(|event| event.offset);
    Ok(events)
}

/// Writes the changed states of several views and their marks in one transaction.
pub(super) fn write<'a>(
    store: &dyn OnlineStore,
    term: u64,
    moved: impl IntoIterator<Item = (&'a PlannedView, &'a HashMap<EntityKey, Arc<EntityState>>, &'a ViewMark)>,
) -> Result<(), StoreError> {
    let sorted = moved.into_iter().map(|(view, moved, mark)| {
        let mut states: Vec<_> = moved.iter().map(|(key, state)| (key.clone(), Arc::clone(state))).collect();
        states.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        (view.program.id(), states, mark)
    });
    let sorted: Vec<_> = sorted.collect();
    let updates: Vec<_> = sorted.iter().map(|(view, states, mark)| ViewUpdate { view, states, mark }).collect();
    store.apply(term, &updates)
}

/// Applies events to the states of one view, in the order given.
fn advance(
    view: &PlannedView,
    events: &[LoggedEvent],
    states: &mut Moving<'_>,
    fields_of: FieldsOf<'_>,
) -> Result<(), PushError> {
    for (at, events) in events.chunks(PUSH_ROWS).enumerate() {
        let fields_of = match fields_of {
            FieldsOf::Push(fields, places) => FieldsOf::Push(fields, &places[at * PUSH_ROWS..][..events.len()]),
            FieldsOf::Log => FieldsOf::Log,
        };
        advance_batch(view, events, states, fields_of)?;
    }
    Ok(())
}

fn advance_batch(
    view: &PlannedView,
    events: &[LoggedEvent],
    states: &mut Moving<'_>,
    fields_of: FieldsOf<'_>,
) -> Result<(), PushError> {
    let program = &view.program;
    let fields = event_fields(view, events, fields_of)?;
    let mut call = EventCall::new(program, matches!(fields_of, FieldsOf::Log));
    let (mut keys, mut groups) = (Vec::new(), HashMap::new());
    for event in events {
        let key = key_of(source_of(view, event), view.keys(), event)?;
        let group = match groups.get(&key) {
            Some(group) => *group,
            None => {
                let group = call.entity(states.state(&key)?.as_deref())?;
                keys.push(key.clone());
                groups.insert(key, group);
                group
            }
        };
        call.event(group, event.known_time(), event.available_at, event.offset);
    }
    let name = |group: u32| keys[group as usize].to_string();
    let after = call.make(program, fields, &name)?;
    for (key, state) in keys.iter().zip(after) {
        states.moved.insert(key.as_ref().clone(), Arc::new(state));
    }
    Ok(())
}

fn source_of<'v>(view: &'v PlannedView, event: &LoggedEvent) -> &'v Source {
    let source = view.sources.iter().find(|source| source.name == event.source);
    source.expect("only events of the view's sources are read")
}

/// The event fields of a view, a row per event.
fn event_fields(view: &PlannedView, events: &[LoggedEvent], fields_of: FieldsOf<'_>) -> Result<Vec<Column>, PushError> {
    let fields = &view.program.description().event_fields;
    if let FieldsOf::Push(pushed, places) = fields_of {
        let columns = fields.iter().map(|field| pushed.read(field, places)).collect::<Result<Option<Vec<_>>, _>>()?;
        if let Some(columns) = columns {
            return Ok(columns);
        }
    }
    let mut columns: Vec<Column> =
        fields.iter().map(|field| Column::with_capacity(field.value_type, events.len())).collect();
    let wanted: Vec<Vec<Wanted>> = view.sources.iter().map(|source| wanted_fields(source, fields)).collect();
    for event in events {
        let at = view.sources.iter().position(|source| source.name == event.source);
        let at = at.expect("only events of the view's sources are read");
        append_fields(&mut columns, fields, &wanted[at], event).map_err(|error| match fields_of {
            FieldsOf::Push(..) => error.of_push(),
            FieldsOf::Log => error,
        })?;
    }
    Ok(columns)
}
