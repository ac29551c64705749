//! Runs the questions of one view over its events, on any number of threads.

mod assemble;

use std::sync::atomic::AtomicBool;

use assemble::assemble;

use super::Questions;
use super::batches::{PartitionError, run_partition};
use super::options::{OnError, ReplayOptions, ReplayTimes};
use super::partition::{PartitionEvents, PartitionedQuestions};
use super::proof::{Proved, Proving, Unproved, Watch};
use crate::batch::{Column, ColumnError, Shape};
use crate::entity::{EntityState, KeyInterner};
use crate::evaluate::{EvaluateError, Evaluated, RuledStatuses, Status, ViewProgram};
use crate::events::EventSet;
use crate::schema::ValueType;
use crate::threads;
use crate::time::Stopwatch;

/// The answers to the questions of one view, in the order of the questions.
#[derive(Debug)]
pub struct Replayed {
    /// One column per output feature.
    pub features: Vec<Column>,
    /// Per question, how the view answered.
    pub statuses: Vec<Status>,
    /// The statuses of the features that have a default or a time to live of their own.
    pub ruled: RuledStatuses,
    /// Per question, the newest log offset of its entity that it saw, 0 where it saw only files; `None` where no event of the
    /// view was pushed.
    pub offsets: Option<Vec<u64>>,
    /// The states after the last event, of entities with events, by entity number; empty if they were not wanted.
    pub states: Vec<FinalState>,
    /// Per source of the view, its events that some question sees; sources that have none at the end may be left out.
    pub visible: Vec<u64>,
    /// Per entity with questions, whether it has events, seen or not.
    pub has_events: Vec<bool>,
    /// The rows without an answer, by entity and then in its order, with [`OnError::Null`].
    pub failures: Vec<Failure>,
    /// Which of the answers were proved.
    pub proved: Proved,
    /// The entities whose states are too large for serving after the last event that a question sees, where the answers are to be
    /// proved. Only those are looked at that have many events for it.
    pub oversized: Vec<Oversized>,
}

/// A state that is too large for serving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Oversized {
    /// The entity's number.
    pub entity: u32,
    /// The size of its state.
    pub bytes: u64,
}

/// A row without an answer.
#[derive(Debug)]
pub struct Failure {
    /// The entity's number.
    pub entity: u32,
    /// Which question it is, if it is one.
    pub question: Option<u32>,
    /// Which event of its entity it is, if it is one: the same number for all views that read the same events.
    pub event: Option<u32>,
    /// What happened.
    pub error: EvaluateError,
}

/// The state of one entity after its last event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinalState {
    /// The entity's number.
    pub entity: u32,
    /// Its state.
    pub state: EntityState,
}

/// A replay that could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// A component gave no answer.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// More text than one column holds.
    #[error(transparent)]
    Column(#[from] ColumnError),
    /// It was told to stop.
    #[error("stopped before it was finished")]
    Stopped,
    /// Serving gives another answer.
    #[error(transparent)]
    Unproved(Box<Unproved>),
}

/// The states that a replay begins and ends with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Carry<'a> {
    /// The states of an earlier replay, by entity number, where this one goes on after its last event; an entity that is not
    /// there begins without events.
    pub before: &'a [FinalState],
    /// Whether the states after the last event are wanted.
    pub want_after: bool,
}

impl Carry<'_> {
    /// From the beginning, for the states.
    pub const AFTER: Self = Self { before: &[], want_after: true };
}

/// The events of a view: some of the fields of a set.
#[derive(Clone, Debug)]
pub struct ViewEvents<'a> {
    /// The events.
    pub events: &'a EventSet,
    /// Per event field of the view's transform, its place among those of the set.
    pub fields: Vec<usize>,
}

impl<'a> ViewEvents<'a> {
    /// Events with just the fields of the view.
    pub fn all(events: &'a EventSet) -> Self {
        Self { events, fields: (0..events.field_types().len()).collect() }
    }
}

/// What all threads share.
pub(super) struct Work<'a> {
    pub(super) view: &'a ViewProgram,
    pub(super) events: ViewEvents<'a>,
    pub(super) questions: &'a Questions<'a>,
    pub(super) keys: &'a KeyInterner,
    pub(super) want_states: bool,
    before: &'a [FinalState],
    pub(super) has_pushed: bool,
    pub(super) batch_rows: usize,
    pub(super) on_error: OnError,
    progress: &'a (dyn Fn(u64) + Sync),
    pub(super) stop: &'a AtomicBool,
    pub(super) times: &'a ReplayTimes,
    proving: Option<&'a Proving>,
    pub(super) state_bytes_max: usize,
    pub(super) asked: Option<&'a (dyn Fn(u32) -> String + Sync)>,
    /// With fewer events, no state is taken to be too large for serving.
    events_of_large: u64,
    bits: u32,
    by_partition: PartitionedQuestions,
}

/// What one partition gives.
#[derive(Default)]
pub(super) struct Outcome {
    question_rows: Vec<u32>,
    pub(super) features: Vec<Column>,
    statuses: Vec<Status>,
    pub(super) ruled: RuledStatuses,
    offsets: Vec<u64>,
    pub(super) states: Vec<FinalState>,
    /// Per source, the events that some question sees.
    pub(super) visible: Vec<u64>,
    /// Per place, whether the entity has events.
    pub(super) has_events: Vec<bool>,
    pub(super) failures: Vec<Failure>,
    proved: Proved,
    pub(super) oversized: Vec<Oversized>,
}

/// Answers `questions` from `events`. Entities are numbers into `keys`.
pub fn replay(
    view: &ViewProgram,
    view_events: ViewEvents<'_>,
    questions: &Questions<'_>,
    keys: &KeyInterner,
    carry: Carry<'_>,
    options: ReplayOptions<'_>,
) -> Result<Replayed, ReplayError> {
    let work = Work::new(view, view_events, questions, keys, carry, options);
    let order = work.largest_first();
    let outcomes = threads::map_in(options.threads.max(1), &order, |partition| work.run(partition));
    let outcomes = outcomes.map_err(ReplayError::from)?;
    let (visible, has_events) = work.seen(&outcomes);
    let replayed = assemble(view, questions.len(), work.has_pushed, outcomes, options.threads)?;
    Ok(Replayed { visible, has_events, ..replayed })
}

/// What a fold has of one partition: the states, and the events without an answer.
pub type FoldedPart = (Vec<FinalState>, Vec<Failure>);

/// Replays all events for the states that they end with. `take` is given those of one partition after the other, meanwhile the
/// next ones are made: states that were taken need no memory any more.
pub fn fold<E: Send + From<ReplayError>>(
    view: &ViewProgram,
    view_events: ViewEvents<'_>,
    keys: &KeyInterner,
    options: ReplayOptions<'_>,
    take: &mut dyn FnMut(FoldedPart) -> Result<(), E>,
) -> Result<(), E> {
    let questions = Questions::none(view.description());
    let work = Work::new(view, view_events, &questions, keys, Carry::AFTER, options);
    let make = |partition: usize, give: &mut dyn FnMut(FoldedPart) -> bool| {
        let outcome = work.run(partition).map_err(ReplayError::from)?;
        give((outcome.states, outcome.failures));
        Ok(())
    };
    threads::stream(options.threads.max(1), 1 << work.bits, options.threads.max(1), make, |_, states| take(states))
}

impl From<PartitionError> for ReplayError {
    fn from(error: PartitionError) -> Self {
        match error {
            PartitionError::Evaluate(error) => Self::Evaluate(error),
            PartitionError::Column(error) => Self::Column(error),
            PartitionError::Stopped => Self::Stopped,
            PartitionError::Unproved(found) => Self::Unproved(found),
        }
    }
}

impl<'a> Work<'a> {
    fn new(
        view: &'a ViewProgram,
        events: ViewEvents<'a>,
        questions: &'a Questions<'a>,
        keys: &'a KeyInterner,
        carry: Carry<'a>,
        options: ReplayOptions<'a>,
    ) -> Self {
        let (bits, has_pushed) = (events.events.partition_bits(), events.events.has_pushed());
        Self {
            view,
            events,
            questions,
            keys,
            want_states: carry.want_after,
            before: carry.before,
            has_pushed,
            batch_rows: options.batch_rows.max(1),
            on_error: options.on_error,
            progress: options.progress,
            stop: options.stop,
            times: options.times,
            proving: options.proving,
            state_bytes_max: options.state_bytes_max,
            asked: options.asked,
            events_of_large: match options.proving {
                Some(_) => (options.state_bytes_max as u64 / state_bytes_per_event(view)).max(1),
                None => u64::MAX,
            },
            bits,
            by_partition: PartitionedQuestions::new(questions.entities, bits),
        }
    }

    /// The partitions, the largest first, so that no thread begins one when the others have nothing left.
    fn largest_first(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..1_usize << self.bits).collect();
        let rows = |partition: &usize| {
            let events: usize = self.events.events.chunks().iter().map(|chunk| chunk.of(*partition).len()).sum();
            events + self.by_partition.count(*partition)
        };
        order.sort_by_cached_key(|partition| std::cmp::Reverse(rows(partition)));
        order
    }
}

/// What an event may add to a state, at most, as far as can be told from the types of its fields.
fn state_bytes_per_event(view: &ViewProgram) -> u64 {
    /// A state that keeps every event has so many times their bytes at most.
    const TIMES: u64 = 4;
    let bytes = view.description().event_fields.iter().map(|field| match field.value_type {
        ValueType::Text | ValueType::Float64List => 128,
        _ => 8,
    });
    TIMES * (16 + bytes.sum::<u64>())
}

impl Work<'_> {
    /// How many entities a partition has.
    pub(super) fn places(&self, partition: usize) -> usize {
        (self.keys.len() + (1 << self.bits) - 1 - partition) >> self.bits
    }

    /// The number of the entity in a place of a partition.
    pub(super) fn entity(&self, partition: usize, place: usize) -> u32 {
        (place << self.bits | partition) as u32
    }

    /// What its calls are made for.
    pub(super) fn shape(&self) -> Shape {
        let is_fold = self.questions.is_empty() && self.before.is_empty();
        let carries = if is_fold { Shape::Fold } else { Shape::ReplaySlice };
        if self.want_states { carries } else { Shape::ReplayFull }
    }

    /// What an entity begins with.
    pub(super) fn before(&self, entity: u32) -> Option<&EntityState> {
        self.before.binary_search_by_key(&entity, |state| state.entity).ok().map(|at| &self.before[at].state)
    }

    /// Per source, the events that some question sees; and per entity, whether it has events.
    fn seen(&self, outcomes: &[Outcome]) -> (Vec<u64>, Vec<bool>) {
        let sources = outcomes.iter().map(|outcome| outcome.visible.len()).max().unwrap_or(0);
        let (mut visible, mut has_events) = (vec![0; sources], vec![false; self.keys.len()]);
        for (partition, outcome) in outcomes.iter().enumerate() {
            visible.iter_mut().zip(&outcome.visible).for_each(|(all, count)| *all += count);
            let entities = has_events.iter_mut().skip(partition).step_by(1 << self.bits);
            entities.zip(&outcome.has_events).for_each(|(all, has)| *all = *has);
        }
        (visible, has_events)
    }

    /// Whether an entity with so many events may have a state that is too large for serving. A state is seldom several times as large
    /// as all that went into it.
    pub(super) fn may_outgrow(&self, events: u64) -> bool {
        events >= self.events_of_large
    }

    pub(super) fn advance(&self, rows: u64) {
        (self.progress)(rows);
    }

    fn run(&self, partition: usize) -> Result<Outcome, PartitionError> {
        let stopwatch = Stopwatch::start();
        let places = self.places(partition);
        let as_of = |row: u32| self.questions.as_of[row as usize].micros();
        let questions = self.by_partition.of(partition, self.questions.entities, self.bits, places, as_of);
        let mut outcome = Outcome::default();
        if self.want_states || self.by_partition.count(partition) > 0 {
            let watch = Watch::start();
            let events = PartitionEvents::gather(&self.events, partition, places)?;
            self.times.add_group(&stopwatch);
            run_partition(self, partition, &events, &questions, &mut outcome)?;
            if let Some(proving) = self.proving {
                proving.worked(&watch);
                outcome.proved = proving.prove(self, partition, &events, &questions, &outcome)?;
            }
        }
        Ok(outcome)
    }
}

impl Outcome {
    /// How a question was answered, by its place in the order in which they were.
    pub(super) fn status(&self, at: usize) -> Status {
        self.statuses[at]
    }

    /// Takes over the answers of one batch.
    pub(super) fn take(&mut self, rows: &[u32], evaluated: &Evaluated, offsets: &[u64]) -> Result<(), ColumnError> {
        if self.features.is_empty() {
            self.features = evaluated.features.iter().map(|feature| Column::new(feature.value_type())).collect();
        }
        for (all, feature) in self.features.iter_mut().zip(&evaluated.features) {
            all.append(feature)?;
        }
        self.question_rows.extend_from_slice(rows);
        self.statuses.extend_from_slice(&evaluated.statuses);
        self.ruled.append(&evaluated.ruled);
        self.offsets.extend_from_slice(offsets);
        Ok(())
    }
}
