//! The events of views become states: what `materialize` stores, and what `verify` compares them with.
//!
//! A feed is read once for all of its views. States are given on as they are made. What memory does not hold of the events is
//! divided by entity into parts on disk (`divided`), which changes no state.

mod divided;

use super::FeatureStore;
use super::backfill::memory;
use super::feeds::Feed;
use super::plan::PlannedView;
use crate::Error;
use crate::entity::{EntityKey, EntityState, KeyInterner};
use crate::evaluate::{EvaluateError, ViewProgram};
use crate::events::{FileCount, Keep, SourceInput, read_events};
use crate::replay::{Carry, FinalState, FoldedPart, OnError, Questions, ReplayOptions, ViewEvents, fold, replay};

/// The states of one view after the last event.
pub(crate) struct Folded {
    /// The entities, by the numbers of the states.
    pub(crate) entities: KeyInterner,
    /// The states, of entities with events.
    pub(crate) states: Vec<FinalState>,
}

/// Memory that the store takes while states are put: its pages, and states on their way.
const STORE_BYTES: u64 = 32 << 20;

/// What was folded of a feed.
pub(super) struct FoldedFeed {
    /// The events that the states of each of its views include.
    pub(super) events: u64,
    /// The files that were read.
    pub(super) files: Vec<FileCount>,
}

/// What is folded of an entity, for the view in a place.
pub(super) enum FoldedOf<'f> {
    /// Its state, once.
    State(&'f EntityState),
    /// An event that was left out, for the transform gave no answer to it.
    Failure(&'f EvaluateError),
}

/// Is given what is folded for the view in a place.
pub(super) type TakeState<'t> = dyn FnMut(usize, &EntityKey, FoldedOf<'_>) -> Result<(), Error> + 't;

/// Gives what was folded of one part.
fn give_all(
    view: usize,
    (states, failures): &FoldedPart,
    entities: &KeyInterner,
    take: &mut TakeState<'_>,
) -> Result<(), Error> {
    for FinalState { entity, state } in states {
        take(view, &entities.key(*entity), FoldedOf::State(state))?;
    }
    for failure in failures {
        take(view, &entities.key(failure.entity), FoldedOf::Failure(&failure.error))?;
    }
    Ok(())
}

impl FeatureStore {
    /// Replays all events of `inputs` for a view.
    ///
    /// With [`OnError::Null`], events without an answer are left out.
    pub(crate) fn fold(
        &self,
        program: &ViewProgram,
        inputs: &[SourceInput<'_>],
        on_error: OnError,
    ) -> Result<Folded, Error> {
        let mut entities = KeyInterner::new();
        let description = program.description();
        let keep = Keep::All(&mut entities);
        let (events, _) = read_events(&description.event_fields, inputs, keep, self.read_options())?;
        let (questions, all) = (Questions::none(description), ViewEvents::all(&events));
        let options = ReplayOptions { on_error, ..self.replay_options() };
        let states = replay(program, all, &questions, &entities, Carry::AFTER, options)?.states;
        Ok(Folded { entities, states })
    }

    /// Replays all events of `inputs` for the views of a feed. No more memory is taken than the options say: the result is the
    /// same, and only the order in which `take` gets the entities differs.
    pub(super) fn fold_feed(
        &self,
        views: &[PlannedView],
        feed: &Feed,
        inputs: &[SourceInput<'_>],
        take: &mut TakeState<'_>,
    ) -> Result<FoldedFeed, Error> {
        let needed = memory::needed_to_fold(self.storage(), feed, inputs)?;
        let memory_bytes = self.options().memory_bytes.saturating_sub(STORE_BYTES);
        let of_indexes = inputs.iter().filter(|input| input.builder.is_some()).count() as u64 * self.index_bytes();
        let memory_bytes = memory_bytes.saturating_sub(of_indexes);
        match memory::partition_bits(needed.bytes, memory_bytes, self.options().threads) {
            None => self.fold_in_memory(views, feed, inputs, take),
            Some(bits) => self.fold_divided(views, feed, inputs, bits, take),
        }
    }

    /// How many rows the views of feeds evaluate, at most.
    pub(super) fn rows_to_fold(&self, feeds: &[(Feed, Vec<SourceInput<'_>>)]) -> Result<u64, Error> {
        let needed = feeds.iter().map(|(feed, inputs)| memory::needed_to_fold(self.storage(), feed, inputs));
        needed.map(|needed| Ok(needed?.rows)).sum()
    }

    fn fold_in_memory(
        &self,
        views: &[PlannedView],
        feed: &Feed,
        inputs: &[SourceInput<'_>],
        take: &mut TakeState<'_>,
    ) -> Result<FoldedFeed, Error> {
        let mut entities = KeyInterner::new();
        let keep = Keep::All(&mut entities);
        let (events, files) = read_events(&feed.fields, inputs, keep, self.read_options())?;
        for at in &feed.views {
            let program = &views[*at].program;
            let of_view = ViewEvents { events: &events, fields: feed.places(&program.description().event_fields) };
            fold(program, of_view, &entities, self.replay_options(), &mut |part| {
                give_all(*at, &part, &entities, take)
            })?;
        }
        Ok(FoldedFeed { events: events.len() as u64, files })
    }
}
