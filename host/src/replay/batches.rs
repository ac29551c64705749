//! From the rows of each entity to the batches of a call.

use super::run::{Chunk, FinalState, OnError, Outcome, Work};
use crate::batch::{ColumnError, Kind, Rows};
use crate::evaluate::{EvaluateError, evaluate, evaluate_or_null};
use crate::time::{AvailableAt, EventTime, visible};

/// Why a chunk could not be evaluated.
#[derive(Debug, thiserror::Error)]
pub(super) enum ChunkError {
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    #[error(transparent)]
    Column(#[from] ColumnError),
}

/// One entity inside a batch.
struct Group {
    entity: u32,
    newest: Option<EventTime>,
    newest_available_at: Option<AvailableAt>,
    offset: u64,
}

/// A batch that is being filled.
struct Batch<'a, 'w> {
    work: &'w Work<'a>,
    rows: Rows,
    groups: Vec<Group>,
    event_rows: Vec<u32>,
    question_rows: Vec<u32>,
    offsets: Vec<u64>,
}

/// Evaluates the entities of one chunk in batches of at most `batch_rows` rows. An entity that does not fit is cut, and its
/// state carried into the next batch.
pub(super) fn run_chunk(work: &Work<'_>, chunk: &Chunk, outcome: &mut Outcome) -> Result<(), ChunkError> {
    let mut batch = Batch::new(work);
    for entity in chunk.entities.clone() {
        let (events, questions) = (work.events_of(entity), work.questions_of(entity));
        if questions.is_empty() && !work.want_states {
            continue;
        }
        batch.open(Group { entity, newest: None, newest_available_at: None, offset: 0 }, &[])?;
        let (mut event, mut question) = (0, 0);
        loop {
            let next_event = events.get(event).copied();
            let next_question = questions.get(question).copied();
            let take_event = match (next_event, next_question) {
                (None, None) => break,
                // Without a later question, only a wanted state makes the remaining events matter.
                (Some(_), None) if !work.want_states => break,
                (Some(_), None) => true,
                (None, Some(_)) => false,
                (Some(e), Some(q)) => visible(work.events.available_at[e as usize], work.questions.as_of[q as usize]),
            };
            if batch.rows.len() == work.batch_rows {
                batch.flush_and_carry(outcome)?;
            }
            match (take_event, next_event, next_question) {
                (true, Some(row), _) => {
                    batch.push_event(row);
                    event += 1;
                }
                (_, _, Some(row)) => {
                    batch.push_question(row);
                    question += 1;
                }
                _ => break,
            }
        }
    }
    batch.flush(outcome, None)?;
    Ok(())
}

impl<'a, 'w> Batch<'a, 'w> {
    fn new(work: &'w Work<'a>) -> Self {
        Self {
            work,
            rows: Rows::default(),
            groups: Vec::new(),
            event_rows: Vec::new(),
            question_rows: Vec::new(),
            offsets: Vec::new(),
        }
    }

    fn open(&mut self, group: Group, state: &[u8]) -> Result<(), ColumnError> {
        self.rows.states.push(state)?;
        self.groups.push(group);
        Ok(())
    }

    fn push_event(&mut self, row: u32) {
        let events = self.work.events;
        let at = row as usize;
        self.rows.push(Kind::Event, self.groups.len() as u32 - 1, events.event_times[at].0);
        self.event_rows.push(row);
        let group = self.groups.last_mut().expect("a group was opened for the entity");
        group.newest_available_at = group.newest_available_at.max(Some(events.available_at[at]));
        group.offset = group.offset.max(events.log_offsets[at]);
    }

    fn push_question(&mut self, row: u32) {
        let group = self.groups.len() - 1;
        self.rows.push(Kind::Question, group as u32, self.work.questions.as_of[row as usize].0);
        self.question_rows.push(row);
        self.offsets.push(self.groups[group].offset);
    }

    /// Evaluates a full batch and starts the next one with the state of the entity that it was cut in.
    fn flush_and_carry(&mut self, outcome: &mut Outcome) -> Result<(), ChunkError> {
        let mut state = Vec::new();
        self.flush(outcome, Some(&mut state))?;
        let last = self.groups.pop().expect("the group that goes on stays");
        self.open(last, &state)?;
        Ok(())
    }

    /// Evaluates the batch. With `carry`, its last group goes on in the next batch: its state goes there, and its group
    /// stays in `groups`. The states of the groups that end are kept where they are wanted.
    fn flush(&mut self, outcome: &mut Outcome, carry: Option<&mut Vec<u8>>) -> Result<(), ChunkError> {
        let work = self.work;
        let mut rows = std::mem::take(&mut self.rows);
        if self.groups.is_empty() {
            return Ok(());
        }
        rows.want_states = work.want_states || carry.is_some();
        rows.unbounded_states = true;
        rows.event_fields = take_all(&work.events.fields, &self.event_rows)?;
        rows.request_fields = take_all(&work.questions.request_fields, &self.question_rows)?;
        rows.input_features = take_all(&work.questions.input_features, &self.question_rows)?;
        let mut newest: Vec<_> = self.groups.iter().map(|group| group.newest).collect();
        let name = |group: u32| work.keys[self.groups[group as usize].entity as usize].to_string();
        let evaluated = match work.on_error {
            OnError::Stop => evaluate(work.view, &rows, &mut newest, &name)?,
            OnError::Null => {
                let failed = &mut |error| outcome.failures.push(error);
                evaluate_or_null(work.view, &rows, &mut newest, &name, failed)?
            }
        };
        for (group, newest) in self.groups.iter_mut().zip(newest) {
            group.newest = newest;
        }
        let ended = self.groups.len() - usize::from(carry.is_some());
        if let Some(states) = &evaluated.states {
            if work.want_states {
                for (at, group) in self.groups[..ended].iter().enumerate() {
                    let (Some(newest_event), Some(newest_available_at)) = (group.newest, group.newest_available_at)
                    else {
                        continue;
                    };
                    outcome.states.push(FinalState {
                        entity: group.entity,
                        bytes: states.get(at).to_vec(),
                        newest_event,
                        newest_available_at,
                        offset: group.offset,
                    });
                }
            }
            if let Some(carry) = carry {
                carry.extend_from_slice(states.get(ended));
            }
        }
        outcome.take(&self.question_rows, &evaluated, &self.offsets)?;
        work.advance(rows.len() as u64);
        self.groups.drain(..ended);
        self.event_rows.clear();
        self.question_rows.clear();
        self.offsets.clear();
        Ok(())
    }
}

fn take_all(columns: &[crate::batch::Column], rows: &[u32]) -> Result<Vec<crate::batch::Column>, ColumnError> {
    columns.iter().map(|column| column.take(rows)).collect()
}
