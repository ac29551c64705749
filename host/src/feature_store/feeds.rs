//! What views share: the numbers of their entities, and the events that they read. Each is made once.

use std::collections::HashMap;

use super::summary::{NotServable, ViewSeen};
use super::{PlannedView, Spine};
use crate::Error;
use crate::batch::Column;
use crate::entity::{KeyInterner, KeyRows};
use crate::events::{EventSet, ReadError};
use crate::replay::{Carry, FinalState, Questions, ReplayOptions, Replayed, ViewEvents, replay};
use crate::schema::Field;
use crate::time::{AsOf, AvailableAt, EventTime, visible};

/// Per view, the newest event of its entity that each row saw.
pub(crate) type NewestEvents = Vec<Vec<Option<EventTime>>>;

/// The events that the views of one entity with one list of sources read.
pub(super) struct Feed {
    /// The entity; `None` for views without one.
    pub(super) entity: Option<String>,
    /// The names of the sources, in order.
    pub(super) sources: Vec<String>,
    /// The event fields of all its views, each once.
    pub(super) fields: Vec<Field>,
    /// Its views, by their places in the plan.
    pub(super) views: Vec<usize>,
    /// What was read, from the first of its views to the last.
    events: Option<EventSet>,
    /// Of a spine that follows another in time, how many events of each source were read.
    read: Vec<u64>,
}

/// The rows of a spine as entities.
struct Asked {
    interner: KeyInterner,
    entities: Vec<u32>,
}

/// The feeds of the views of a plan, and the entities of one spine.
pub(super) struct Feeds {
    feeds: Vec<Feed>,
    asked: HashMap<Option<String>, Asked>,
    /// Where the spine is one of several that follow each other in time.
    carried: Option<Carried>,
    newest_at: Option<AsOf>,
    newest: NewestEvents,
}

/// What goes from one spine to the next that follows it in time.
#[derive(Default)]
pub(super) struct Carried {
    /// The entities of all of them.
    interner: KeyInterner,
    /// Per view, the states after the last event, by entity number.
    states: Vec<Vec<FinalState>>,
}

impl Carried {
    /// Before the first spine: entities without states.
    pub(super) fn of(interner: KeyInterner) -> Self {
        Self { interner, states: Vec::new() }
    }
}

impl Carried {
    /// The entities whose states of the view in a place are larger than serving keeps.
    pub(super) fn not_servable(&self, place: usize, state_bytes_max: usize) -> NotServable {
        let mut all = NotServable::default();
        let states = self.states.get(place).into_iter().flatten();
        for FinalState { entity, state } in states.filter(|of| of.state.bytes.len() > state_bytes_max) {
            all.note(self.interner.key(*entity).to_string(), state.bytes.len() as u64);
        }
        all
    }
}

impl Feed {
    /// The places of a view's event fields among those of the feed.
    pub(super) fn places(&self, fields: &[Field]) -> Vec<usize> {
        let place = |field: &Field| self.fields.iter().position(|known| is_same(known, field));
        fields.iter().filter_map(place).collect()
    }
}

/// Whether one column serves both fields.
pub(super) fn is_same(a: &Field, b: &Field) -> bool {
    a.name == b.name && a.value_type == b.value_type && a.nullable == b.nullable
}

/// The feeds of views.
pub(super) fn feeds(views: &[PlannedView]) -> Vec<Feed> {
    let mut feeds: Vec<Feed> = Vec::new();
    for (at, view) in views.iter().enumerate() {
        let entity = view.entity.as_ref().map(|entity| entity.name.clone());
        let sources: Vec<String> = view.sources.iter().map(|source| source.name.clone()).collect();
        let found = feeds.iter().position(|feed| feed.entity == entity && feed.sources == sources);
        let feed = match found {
            Some(found) => &mut feeds[found],
            None => {
                let (fields, views, read) = (Vec::new(), Vec::new(), Vec::new());
                feeds.push(Feed { entity, sources, fields, views, events: None, read });
                feeds.last_mut().expect("one was just appended")
            }
        };
        feed.views.push(at);
        for field in &view.program.description().event_fields {
            if !feed.fields.iter().any(|known| is_same(known, field)) {
                feed.fields.push(field.clone());
            }
        }
    }
    feeds
}

impl Feeds {
    pub(super) fn new(views: &[PlannedView]) -> Self {
        Self { feeds: feeds(views), asked: HashMap::new(), carried: None, newest_at: None, newest: Vec::new() }
    }

    /// As [`new`](Self::new), for views of one entity, which go on where others ended.
    pub(super) fn going_on(views: &[PlannedView], mut carried: Carried) -> Self {
        carried.states.resize_with(views.len(), Vec::new);
        Self { carried: Some(carried), ..Self::new(views) }
    }

    /// What the next spine begins with.
    pub(super) fn into_carried(mut self) -> Carried {
        let mut carried = self.carried.take().unwrap_or_default();
        let asked = self.asked.into_iter().find(|(entity, _)| entity.is_some());
        carried.interner = asked.map_or(carried.interner, |(_, asked)| asked.interner);
        carried
    }

    /// The same, and each replay finds the newest event that is visible at `as_of`, which is that of all its rows.
    pub(super) fn with_newest_events(self, as_of: AsOf) -> Self {
        Self { newest_at: Some(as_of), ..self }
    }

    /// Per replayed view, the newest visible event of each row's entity; nothing where it was not wanted.
    pub(super) fn take_newest_events(&mut self) -> NewestEvents {
        std::mem::take(&mut self.newest)
    }

    /// Replays the view in place `at` of the plan. `read` reads the events of its feed, unless an earlier view did.
    pub(super) fn replay(
        &mut self,
        at: usize,
        view: &PlannedView,
        spine: &Spine,
        input_features: Vec<Column>,
        read: impl FnOnce(&KeyInterner, &[Field]) -> Result<EventSet, Error>,
        options: ReplayOptions<'_>,
    ) -> Result<Replayed, Error> {
        let name = view.entity.as_ref().map(|entity| entity.name.clone());
        if !self.asked.contains_key(&name) {
            let asked = match &mut self.carried {
                Some(carried) if name.is_some() => Asked::of(std::mem::take(&mut carried.interner), view, spine)?,
                _ => Asked::of(KeyInterner::new(), view, spine)?,
            };
            self.asked.insert(name.clone(), asked);
        }
        let Asked { interner, entities } = &self.asked[&name];
        let description = view.program.description();
        let request_fields = description.request_fields.iter().map(|field| spine.request_column(field));
        let questions = Questions {
            entities,
            as_of: &spine.as_of,
            request_fields: request_fields.collect::<Result<_, _>>()?,
            input_features,
        };
        let feed = self.feeds.iter_mut().find(|feed| feed.views.contains(&at)).expect("every view has a feed");
        if feed.events.is_none() {
            let events = read(interner, &feed.fields)?;
            feed.read = events.count_by_source(feed.sources.len());
            feed.events = Some(events);
        }
        let fields = feed.places(&description.event_fields);
        let events = feed.events.as_ref().expect("they were just read");
        if let Some(as_of) = self.newest_at {
            let newest = newest_events(events, interner.len(), as_of);
            self.newest.push(entities.iter().map(|entity| newest[*entity as usize]).collect());
        }
        let carry = self
            .carried
            .as_ref()
            .map_or(Carry::default(), |carried| Carry { before: &carried.states[at], want_after: true });
        let mut replayed = replay(&view.program, ViewEvents { events, fields }, &questions, interner, carry, options)?;
        if let Some(carried) = &mut self.carried {
            let after = std::mem::take(&mut replayed.states);
            let before = std::mem::take(&mut carried.states[at]);
            carried.states[at] = newest(before, after);
        }
        if feed.views.last() == Some(&at) {
            feed.events = None;
        }
        Ok(replayed)
    }
}

impl Feeds {
    /// The number of the feed of the view in place `at`.
    pub(super) fn number(&self, at: usize) -> usize {
        self.feeds.iter().position(|feed| feed.views.contains(&at)).expect("every view has a feed")
    }

    /// What the rows saw of the view in place `at`, which was replayed.
    pub(super) fn seen(&self, at: usize, replayed: &Replayed) -> ViewSeen {
        let feed = &self.feeds[self.number(at)];
        // Of a spine that follows another only events are read that some question sees, if only one of a later spine.
        let mut visible = if self.carried.is_some() { feed.read.clone() } else { replayed.visible.clone() };
        visible.resize(feed.sources.len(), 0);
        let seen = ViewSeen::new(&replayed.statuses, self.entities_of(at), &replayed.has_events, visible);
        let mut seen = ViewSeen { proved: replayed.proved, ..seen };
        // Of a spine that others follow, the states at its end are not the last ones.
        if let (None, Some(asked)) = (&self.carried, self.asked.get(&feed.entity)) {
            for state in &replayed.oversized {
                seen.not_servable.note(asked.interner.key(state.entity).to_string(), state.bytes);
            }
        }
        seen
    }

    /// Per row, the number of its entity of the view in place `at`, which was replayed.
    pub(super) fn entities_of(&self, at: usize) -> &[u32] {
        let asked = self.asked.get(&self.feeds[self.number(at)].entity);
        asked.map_or(&[], |asked| &asked.entities)
    }

    /// The first row of each entity of the view in place `at`, which was replayed, given the numbers of all rows.
    pub(super) fn first_rows<'a>(&self, at: usize, rows: &'a [i64]) -> impl Fn(u32) -> i64 + use<'_, 'a> {
        let entity = &self.feeds[self.number(at)].entity;
        let asked = self.asked.get(entity);
        move |wanted| {
            let first = asked.and_then(|asked| asked.entities.iter().position(|entity| *entity == wanted));
            first.map_or(i64::MAX, |first| rows[first])
        }
    }

    /// How many entities the rows have, of the kind of which there are the most.
    pub(super) fn entities(&self) -> u64 {
        let named = self.asked.iter().filter(|(entity, _)| entity.is_some());
        named.map(|(_, asked)| asked.interner.len() as u64).max().unwrap_or(0)
    }
}

/// The states of `after`, and those of `before` of other entities; both are by entity number.
pub(super) fn newest(before: Vec<FinalState>, after: Vec<FinalState>) -> Vec<FinalState> {
    let mut all = before;
    all.extend(after);
    // Stable: of one entity, the newer comes last.
    all.sort_by_key(|state| state.entity);
    all.reverse();
    all.dedup_by_key(|state| state.entity);
    all.reverse();
    all
}

/// Per entity, the newest event that is visible.
fn newest_events(events: &EventSet, entities: usize, as_of: AsOf) -> Vec<Option<EventTime>> {
    let mut newest = vec![None; entities];
    for chunk in events.chunks() {
        for ((entity, time), available_at) in chunk.entities.iter().zip(&chunk.event_times).zip(chunk.available()) {
            if visible(AvailableAt::from_micros(*available_at), as_of) {
                let newest = &mut newest[*entity as usize];
                *newest = EventTime::newer_of(*newest, Some(EventTime::from_micros(*time)));
            }
        }
    }
    newest
}

impl Asked {
    /// The entities of the spine's rows; new ones get the next numbers of the interner.
    fn of(mut interner: KeyInterner, view: &PlannedView, spine: &Spine) -> Result<Self, Error> {
        let keys = match &view.entity {
            Some(entity) => spine.key_columns(entity)?,
            None => Vec::new(),
        };
        let keys = KeyRows::of_columns(keys);
        let mut entities = Vec::new();
        interner.intern_all(&keys, spine.rows(), &mut entities).map_err(ReadError::from)?;
        Ok(Self { interner, entities })
    }
}
