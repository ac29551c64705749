//! Runs the questions of one view over its events, on any number of threads.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Questions;
use super::batches::{ChunkError, run_chunk};
use crate::batch::{Column, ColumnError};
use crate::entity::EntityKey;
use crate::evaluate::{EvaluateError, Evaluated, Status, ViewProgram};
use crate::events::EventSet;
use crate::time::{AvailableAt, EventTime};

/// How a replay runs. Nothing here changes a bit of its answers.
#[derive(Clone, Copy)]
pub struct ReplayOptions<'a> {
    /// Threads that evaluate; at least 1.
    pub threads: usize,
    /// Rows of one call; at least 1.
    pub batch_rows: usize,
    /// What happens where a transform gives no answer.
    pub on_error: OnError,
    /// Told of each number of rows that was evaluated, from any thread.
    pub progress: &'a (dyn Fn(u64) + Sync),
}

/// What happens where a transform gives no answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// The replay stops with the error.
    #[default]
    Stop,
    /// An event is left out, a question is answered with nulls, and the failure is told.
    Null,
}

/// The answers to the questions of one view, in the order of the questions.
#[derive(Debug)]
pub struct Replayed {
    /// One column per output feature.
    pub features: Vec<Column>,
    /// Per question, how the view answered.
    pub statuses: Vec<Status>,
    /// Per question, the newest log offset of its entity that it saw; 0 where it saw only files.
    pub offsets: Vec<u64>,
    /// The states after the last event, of entities with events, by entity number; empty if they were not wanted.
    pub states: Vec<FinalState>,
    /// The rows without an answer, by entity, with [`OnError::Null`].
    pub failures: Vec<EvaluateError>,
}

/// The state of one entity after its last event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FinalState {
    /// The entity's number.
    pub entity: u32,
    /// The transform's state.
    pub bytes: Vec<u8>,
    /// The newest event time applied.
    pub newest_event: EventTime,
    /// The newest availability applied.
    pub newest_available_at: AvailableAt,
    /// The newest log offset applied; 0 where all came from files.
    pub offset: u64,
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
}

/// What all threads share: the rows of each entity, in order.
pub(super) struct Work<'a> {
    pub(super) view: &'a ViewProgram,
    pub(super) events: &'a EventSet,
    pub(super) questions: &'a Questions,
    pub(super) keys: &'a [EntityKey],
    pub(super) want_states: bool,
    pub(super) batch_rows: usize,
    pub(super) on_error: OnError,
    progress: &'a (dyn Fn(u64) + Sync),
    event_order: Grouped,
    question_order: Grouped,
}

/// Row numbers, grouped by entity and ordered within each.
struct Grouped {
    rows: Vec<u32>,
    /// Where each entity's rows begin; one more than there are entities.
    starts: Vec<u32>,
}

/// Consecutive entities that one thread evaluates.
pub(super) struct Chunk {
    pub(super) entities: Range<u32>,
}

/// What one chunk gives.
#[derive(Default)]
pub(super) struct Outcome {
    question_rows: Vec<u32>,
    features: Vec<Column>,
    statuses: Vec<Status>,
    offsets: Vec<u64>,
    pub(super) states: Vec<FinalState>,
    pub(super) failures: Vec<EvaluateError>,
}

/// Answers `questions` from `events`. Entities are numbers into `keys`; with `want_states` the final states come too.
pub fn replay(
    view: &ViewProgram,
    events: &EventSet,
    questions: &Questions,
    keys: &[EntityKey],
    want_states: bool,
    options: ReplayOptions<'_>,
) -> Result<Replayed, ReplayError> {
    let work = Work {
        view,
        events,
        questions,
        keys,
        want_states,
        batch_rows: options.batch_rows.max(1),
        on_error: options.on_error,
        progress: options.progress,
        event_order: Grouped::new(&events.entities, keys.len(), |row| events.available_at[row].0),
        question_order: Grouped::new(&questions.entities, keys.len(), |row| questions.as_of[row].0),
    };
    let chunks = work.chunks();
    let outcomes = run_all(&work, &chunks, options.threads.max(1))?;
    assemble(view, questions.len(), outcomes)
}

impl Grouped {
    /// Orders rows by (entity, time, row): equal times keep the order of rows, which is that of sources and positions.
    fn new(entities: &[u32], entity_count: usize, time: impl Fn(usize) -> i64) -> Self {
        let mut starts = vec![0_u32; entity_count + 1];
        for entity in entities {
            starts[*entity as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut rows = vec![0_u32; entities.len()];
        for (row, entity) in entities.iter().enumerate() {
            let slot = &mut next[*entity as usize];
            rows[*slot as usize] = row as u32;
            *slot += 1;
        }
        for entity in 0..entity_count {
            let rows = &mut rows[starts[entity] as usize..starts[entity + 1] as usize];
            if !rows.is_sorted_by_key(|row| time(*row as usize)) {
                rows.sort_by_key(|row| time(*row as usize));
            }
        }
        Self { rows, starts }
    }

    fn of(&self, entity: u32) -> &[u32] {
        &self.rows[self.starts[entity as usize] as usize..self.starts[entity as usize + 1] as usize]
    }
}

impl Work<'_> {
    /// The events of an entity in the order in which they are applied.
    pub(super) fn events_of(&self, entity: u32) -> &[u32] {
        self.event_order.of(entity)
    }

    /// The questions of an entity by as-of.
    pub(super) fn questions_of(&self, entity: u32) -> &[u32] {
        self.question_order.of(entity)
    }

    pub(super) fn advance(&self, rows: u64) {
        (self.progress)(rows);
    }

    /// Cuts the entities into chunks of several batches each: enough to keep threads busy, few enough to stay cheap.
    fn chunks(&self) -> Vec<Chunk> {
        let rows_wanted = self.batch_rows.max(4_096) * 4;
        let (mut chunks, mut start, mut rows) = (Vec::new(), 0, 0);
        for entity in 0..self.keys.len() as u32 {
            rows += self.events_of(entity).len() + self.questions_of(entity).len();
            if rows >= rows_wanted {
                chunks.push(Chunk { entities: start..entity + 1 });
                (start, rows) = (entity + 1, 0);
            }
        }
        if (start as usize) < self.keys.len() {
            chunks.push(Chunk { entities: start..self.keys.len() as u32 });
        }
        chunks
    }
}

impl Outcome {
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
        self.offsets.extend_from_slice(offsets);
        Ok(())
    }
}

/// Evaluates every chunk. Of several errors, the one of the first chunk is told, so that threads do not change it.
fn run_all(work: &Work<'_>, chunks: &[Chunk], threads: usize) -> Result<Vec<Outcome>, ReplayError> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Result<Outcome, ChunkError>)>> = Mutex::new(Vec::with_capacity(chunks.len()));
    let work_through = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(chunk) = chunks.get(at) else { return };
            let mut outcome = Outcome::default();
            let result = run_chunk(work, chunk, &mut outcome).map(|()| outcome);
            if result.is_err() {
                // No further chunk is handed out; those before this one are done or under way.
                next.store(chunks.len(), Ordering::Relaxed);
            }
            done.lock().expect("no thread panics while it holds the list").push((at, result));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(chunks.len()) {
            scope.spawn(work_through);
        }
        work_through();
    });
    let mut done = done.into_inner().expect("no thread panics while it holds the list");
    done.sort_unstable_by_key(|(at, _)| *at);
    let outcomes = done.into_iter().map(|(_, result)| result).collect::<Result<Vec<_>, _>>();
    outcomes.map_err(|error| match error {
        ChunkError::Evaluate(error) => ReplayError::Evaluate(error),
        ChunkError::Column(error) => ReplayError::Column(error),
    })
}

/// Joins the chunks and puts the answers into the order of the questions.
fn assemble(view: &ViewProgram, questions: usize, outcomes: Vec<Outcome>) -> Result<Replayed, ReplayError> {
    let features = &view.description().output_features;
    let features = features.iter().map(|field| Column::new(field.value_type)).collect();
    let mut joined = Outcome { features, ..Outcome::default() };
    for outcome in outcomes {
        for (all, feature) in joined.features.iter_mut().zip(&outcome.features) {
            all.append(feature)?;
        }
        joined.question_rows.extend(outcome.question_rows);
        joined.statuses.extend(outcome.statuses);
        joined.offsets.extend(outcome.offsets);
        joined.states.extend(outcome.states);
        joined.failures.extend(outcome.failures);
    }
    let mut answer_of = vec![0_u32; questions];
    for (answer, row) in joined.question_rows.iter().enumerate() {
        answer_of[*row as usize] = answer as u32;
    }
    let features = joined.features.iter().map(|feature| feature.take(&answer_of)).collect::<Result<Vec<_>, _>>()?;
    Ok(Replayed {
        features,
        statuses: answer_of.iter().map(|answer| joined.statuses[*answer as usize]).collect(),
        offsets: answer_of.iter().map(|answer| joined.offsets[*answer as usize]).collect(),
        states: joined.states,
        failures: joined.failures,
    })
}
