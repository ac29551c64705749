//! The events of a view become states: what `materialize` stores, and what `verify` compares them with.

use super::FeatureStore;
use crate::Error;
use crate::entity::KeyInterner;
use crate::evaluate::ViewProgram;
use crate::events::{FileCount, Keep, SourceInput, read_events};
use crate::replay::{Carry, FinalState, Questions, ViewEvents, replay};

/// The states of one view after the last event.
pub(crate) struct Folded {
    /// The entities, by the numbers of the states.
    pub(crate) entities: KeyInterner,
    /// The states, of entities with events.
    pub(crate) states: Vec<FinalState>,
    /// How many events they include.
    pub(crate) events: u64,
    /// The files that were read.
    pub(crate) files: Vec<FileCount>,
}

impl FeatureStore {
    /// Replays all events of `inputs` for a view.
    pub(crate) fn fold(&self, program: &ViewProgram, inputs: &[SourceInput<'_>]) -> Result<Folded, Error> {
        let mut entities = KeyInterner::new();
        let description = program.description();
        let keep = Keep::All(&mut entities);
        let (events, files) = read_events(&description.event_fields, inputs, keep, self.read_options())?;
        let (questions, all) = (Questions::none(description), ViewEvents::all(&events));
        let states = replay(program, all, &questions, &entities, Carry::AFTER, self.replay_options())?.states;
        Ok(Folded { entities, states, events: events.len() as u64, files })
    }
}
