//! Questions of one view: whose features, as of when, with which request fields.

use crate::batch::Column;
use crate::events::EventSet;
use crate::schema::{Description, Field};
use crate::time::{AsOf, AvailableAt, visible};

/// The questions to one view, in the order in which their answers are wanted.
#[derive(Clone, Debug, Default)]
pub struct Questions<'a> {
    /// Per question, the entity's number in the view's interner.
    pub entities: &'a [u32],
    /// Per question, the cut-off.
    pub as_of: &'a [AsOf],
    /// The request fields of the view's transform, one row per question.
    pub request_fields: Vec<Column>,
    /// The input features of the view's transform, one row per question.
    pub input_features: Vec<Column>,
}

impl Questions<'_> {
    /// No question, for a replay that is after the final states: the columns that the transform reads, without a row.
    pub fn none(description: &Description) -> Self {
        let empty = |fields: &[Field]| fields.iter().map(|field| Column::new(field.value_type)).collect();
        Self {
            request_fields: empty(&description.request_fields),
            input_features: empty(&description.input_features),
            ..Self::default()
        }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.entities.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entities.is_empty()
    }
}

/// One question at each event: as of the moment when it was available. Equal moments of an entity are asked once.
/// Ordered by as-of, then by entity number.
pub fn at_events(events: &[EventSet]) -> (Vec<u32>, Vec<AsOf>) {
    let mut asked: Vec<(AsOf, u32)> =
        moments(events).map(|(entity, at)| (AsOf::from_micros(at.micros()), entity)).collect();
    asked.sort_unstable_by_key(|(as_of, entity)| (as_of.micros(), *entity));
    asked.dedup();
    asked.into_iter().map(|(as_of, entity)| (entity, as_of)).unzip()
}

/// Per event of several sets whose entities one interner numbered, its entity and when it was first known.
fn moments(events: &[EventSet]) -> impl Iterator<Item = (u32, AvailableAt)> + '_ {
    events.iter().flat_map(EventSet::moments)
}

/// One question every `every` microseconds from `from` to `to` (inclusive), for each entity that has an event by then.
/// Ordered by as-of, then by entity number.
pub fn on_grid(events: &[EventSet], entities: usize, from: AsOf, to: AsOf, every: i64) -> (Vec<u32>, Vec<AsOf>) {
    let mut first = vec![None::<AvailableAt>; entities];
    for (entity, at) in moments(events) {
        let first = &mut first[entity as usize];
        *first = Some(first.filter(|first| first.is_by(at)).unwrap_or(at));
    }
    let (mut asked, mut as_of) = ((Vec::new(), Vec::new()), from);
    while !to.is_before(as_of) {
        for (entity, first) in first.iter().enumerate() {
            if first.is_some_and(|first| visible(first, as_of)) {
                asked.0.push(entity as u32);
                asked.1.push(as_of);
            }
        }
        let Some(next) = as_of.micros().checked_add(every) else { break };
        as_of = AsOf::from_micros(next);
    }
    asked
}
