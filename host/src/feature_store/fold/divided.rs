//! A fold of more events than memory holds: they are divided by a hash of their entity's key into parts on disk, and each part is
//! folded by itself. A part that is too large, because few entities have most of the events, is cut by time: the states are
//! carried from each slice to the next.

use super::{FeatureStore, FoldedFeed, FoldedOf, STORE_BYTES, TakeState};
use crate::Error;
use crate::batch::{FieldLane, Lane};
use crate::entity::{EntityKey, EntityState, KeyInterner, KeyRows};
use crate::evaluate::EvaluateError;
use crate::events::{EventChunk, EventSet, Keep, ReadError, SourceInput, each_chunk, partition_bits_of};
use crate::feature_store::PlannedView;
use crate::feature_store::backfill::answering::{spans, times};
use crate::feature_store::backfill::divide::{Divided, waiting_rows};
use crate::feature_store::backfill::journal::SpilledEvents;
use crate::feature_store::backfill::memory;
use crate::feature_store::backfill::partitioned::{WAITING_ROWS, push_events};
use crate::feature_store::backfill::slices::{Timed, cuts, divide};
use crate::feature_store::backfill::stage::{Layout, event_types};
use crate::feature_store::backfill::workspace::Workspace;
use crate::feature_store::feeds::{Feed, newest};
use crate::files::SpillFolder;
use crate::replay::{Carry, FinalState, FoldedPart, Questions, ReplayOptions, ViewEvents, fold, replay};
use crate::schema::ValueType;
use crate::threads;

/// What was made together of the view in a place.
struct Made {
    view: usize,
    states: Vec<(EntityKey, EntityState)>,
    failures: Vec<(EntityKey, EvaluateError)>,
}

/// What the threads share that fold the parts.
struct Parts<'a> {
    store: &'a FeatureStore,
    views: &'a [PlannedView],
    feed: &'a Feed,
    folder: SpillFolder,
    layout: Layout,
    types: Vec<ValueType>,
    /// How many key columns there are.
    keys: usize,
}

impl FeatureStore {
    pub(super) fn fold_divided(
        &self,
        views: &[PlannedView],
        feed: &Feed,
        inputs: &[SourceInput<'_>],
        bits: u32,
        take: &mut TakeState<'_>,
    ) -> Result<FoldedFeed, Error> {
        let spill_dir = self.read_options().spill_dir;
        std::fs::create_dir_all(spill_dir).map_err(|source| Error::Write { path: spill_dir.to_owned(), source })?;
        let workspace = Workspace::temporary(spill_dir)?;
        // No run goes on in it, so its number is no matter.
        let folder = SpillFolder::new(workspace.path(), 0);
        let (layout, first) = (Layout::of(inputs), &views[feed.views[0]]);
        let types = event_types(layout, first, feed);
        let parts = Parts { store: self, views, feed, folder, layout, types, keys: first.keys().len() };
        let (divided, files) = parts.divide(inputs, bits)?;
        let threads = self.options().threads;
        let make = |at: usize, give: &mut dyn FnMut(Made) -> bool| parts.fold(&divided[at], at, give);
        threads::stream(threads, divided.len(), threads, make, |_, Made { view, states, failures }| {
            self.check_stop()?;
            states.iter().try_for_each(|(key, state)| take(view, key, FoldedOf::State(state)))?;
            failures.iter().try_for_each(|(key, error)| take(view, key, FoldedOf::Failure(error)))
        })?;
        Ok(FoldedFeed { events: divided.iter().map(|part| part.file.rows).sum(), files })
    }
}

impl Parts<'_> {
    fn divide(
        &self,
        inputs: &[SourceInput<'_>],
        bits: u32,
    ) -> Result<(Vec<SpilledEvents>, Vec<crate::events::FileCount>), Error> {
        let waiting = waiting_rows(WAITING_ROWS, 1 << bits);
        let mut divided = Divided::create(&self.folder, "events", 1 << bits, waiting);
        let mut of_sources = vec![vec![0; inputs.len()]; 1 << bits];
        let (mut failed, options) = (None, self.store.read_options());
        let counts = each_chunk(&self.feed.fields, inputs, Keep::Hashed(bits), options, &mut |_, chunk| {
            for (part, of_sources) in of_sources.iter_mut().enumerate() {
                of_sources[chunk.source] += chunk.of(part).len() as u64;
            }
            let pushed = self.store.check_stop();
            let pushed = pushed.and_then(|()| push_events(&mut divided, self.layout, chunk, options.threads / 2));
            pushed.map_err(|error| {
                failed = Some(error);
                ReadError::Stopped
            })
        });
        if let Some(error) = failed {
            return Err(error);
        }
        let counts = counts?;
        let files = divided.finish()?.into_iter().zip(of_sources);
        Ok((files.map(|(file, of_sources)| SpilledEvents { file, of_sources }).collect(), counts))
    }

    /// Folds one part, and removes it.
    fn fold(&self, part: &SpilledEvents, at: usize, give: &mut dyn FnMut(Made) -> bool) -> Result<(), Error> {
        let options = self.store.options();
        // Long texts and lists are wider than their types tell; the file knows.
        let needed = (part.file.rows * memory::event_bytes(self.feed)).max(part.file.bytes);
        let memory_bytes = options.memory_bytes.saturating_sub(STORE_BYTES);
        match memory::slices(needed, part.file.rows, memory_bytes, options.threads) {
            1 => self.fold_whole(part, give)?,
            slices => self.fold_slices(part, at, slices, give)?,
        }
        self.remove(part);
        Ok(())
    }

    fn fold_whole(&self, part: &SpilledEvents, give: &mut dyn FnMut(Made) -> bool) -> Result<(), Error> {
        let mut entities = KeyInterner::new();
        let events = self.read(part, &mut entities)?;
        for at in &self.feed.views {
            let view = &self.views[*at];
            let mut give = |part| match give(Made::of(*at, part, &entities)) {
                true => Ok(()),
                false => Err(Error::Stopped),
            };
            fold(&view.program, self.events_of(view, &events), &entities, self.options(), &mut give)?;
        }
        Ok(())
    }

    /// Folds a part slice by slice.
    fn fold_slices(
        &self,
        part: &SpilledEvents,
        at: usize,
        slices: usize,
        give: &mut dyn FnMut(Made) -> bool,
    ) -> Result<(), Error> {
        let timed = Timed {
            file: &part.file,
            of_sources: &part.of_sources,
            types: self.types.clone(),
            place: usize::from(self.layout.has_available),
        };
        let cuts = cuts(&self.folder, std::slice::from_ref(&timed), slices)?;
        let divided = divide(&self.folder, &timed, &cuts, &format!("slices-{at}"))?;
        self.remove(part);
        let mut entities = KeyInterner::new();
        let mut folded: Vec<FoldedPart> = self.feed.views.iter().map(|_| FoldedPart::default()).collect();
        for slice in &divided {
            let events = self.read(slice, &mut entities)?;
            for (at, (states, failures)) in self.feed.views.iter().zip(&mut folded) {
                let view = &self.views[*at];
                let questions = Questions::none(view.program.description());
                let carry = Carry { before: states, want_after: true };
                let of_view = self.events_of(view, &events);
                let after = replay(&view.program, of_view, &questions, &entities, carry, self.options())?;
                failures.extend(after.failures);
                *states = newest(std::mem::take(states), after.states);
            }
            self.remove(slice);
        }
        for (at, part) in self.feed.views.iter().zip(folded) {
            give(Made::of(*at, part, &entities));
        }
        Ok(())
    }

    fn events_of<'e>(&self, view: &PlannedView, events: &'e EventSet) -> ViewEvents<'e> {
        ViewEvents { events, fields: self.feed.places(&view.program.description().event_fields) }
    }

    /// Each part has a thread of its own.
    fn options(&self) -> ReplayOptions<'_> {
        ReplayOptions { threads: 1, ..self.store.replay_options() }
    }

    /// Reads a part, or a slice of one. New entities get the next numbers.
    fn read(&self, part: &SpilledEvents, entities: &mut KeyInterner) -> Result<EventSet, Error> {
        let bits = partition_bits_of(part.file.rows, usize::MAX);
        let mut events = EventSet::new(bits, self.feed.fields.iter().map(|field| field.value_type).collect());
        let mut read = 0;
        for lanes in self.folder.open(&part.file, &self.types)? {
            let mut lanes = lanes?;
            let fields = lanes.split_off(self.layout.columns() + self.keys);
            let key_lanes = lanes.split_off(self.layout.columns());
            let mut lanes = lanes.into_iter();
            let mut next = || times(lanes.next().map(Lane::into_column).transpose().ok().flatten());
            let event_times = next();
            let available = self.layout.has_available.then(&mut next);
            let offsets: Option<Vec<u64>> =
                self.layout.has_offsets.then(|| next().into_iter().map(|offset| offset as u64).collect());
            let rows = event_times.len();
            let mut numbers = Vec::with_capacity(rows);
            entities.intern_all(&KeyRows::of_lanes(&key_lanes), rows, &mut numbers).map_err(ReadError::from)?;
            for (source, rows) in spans(&part.of_sources, read, rows) {
                let mut numbers = std::borrow::Cow::Borrowed(&numbers);
                let outside = (0..rows.start).chain(rows.end..numbers.len());
                outside.for_each(|row| numbers.to_mut()[row] = u32::MAX);
                let gather = |rows: &[u32]| fields.iter().map(|lane| FieldLane::gather(lane, rows)).collect();
                let chunk = EventChunk::new(bits, &numbers, &event_times, available.as_deref(), gather)?;
                let chunk = chunk.of_source(source);
                events.push(match &offsets {
                    Some(offsets) => chunk.with_offsets(&numbers, offsets),
                    None => chunk,
                })?;
            }
            read += rows as u64;
        }
        Ok(events)
    }

    fn remove(&self, part: &SpilledEvents) {
        // What stays until the end of the run takes room and nothing else.
        self.folder.remove(std::iter::once(&part.file));
    }
}

impl Made {
    fn of(view: usize, (states, failures): FoldedPart, entities: &KeyInterner) -> Self {
        let states = states.into_iter().map(|FinalState { entity, state }| (entities.key(entity), state));
        let failures = failures.into_iter().map(|failure| (entities.key(failure.entity), failure.error));
        Self { view, states: states.collect(), failures: failures.collect() }
    }
}
