//! From the rows of each entity to the batches of a call.

use super::Unproved;
use super::options::OnError;
use super::partition::{Order, Ordered, PartitionEvents};
use super::run::{Failure, FinalState, Outcome, Oversized, Work};
use crate::batch::{Column, ColumnError, Kind, REPLAY_STATES_BYTES, Rows};
use crate::entity::EntityState;
use crate::evaluate::{EvaluateError, Names, evaluate_apart, evaluate_or_null};
use crate::time::{AsOf, AvailableAt, EventTime, Stopwatch, visible};

/// A carried state of at least so many bytes makes the next batch longer.
const LARGE_STATE_BYTES: usize = 1 << 16;

/// With a large state, a batch has one row per so many bytes of it: carrying the state then costs each row the same, however
/// large it grows.
const STATE_BYTES_PER_ROW: usize = 8;

/// However large the state, a call of more rows than were asked for takes about so many bytes of columns at most.
const BATCH_BYTES: usize = 16 << 20;

/// However large the state, a call of more rows than were asked for takes about so many seconds at most.
const BATCH_SECONDS: f64 = 0.5;

/// Bytes of a row beside its columns: time, group and kind.
const ROW_BYTES: usize = 13;

/// Why a partition could not be evaluated.
#[derive(Debug, thiserror::Error)]
pub(super) enum PartitionError {
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    #[error(transparent)]
    Column(#[from] ColumnError),
    #[error("stopped")]
    Stopped,
    #[error(transparent)]
    Unproved(Box<Unproved>),
}

/// One entity inside a batch.
struct Group {
    entity: u32,
    newest: Option<EventTime>,
    newest_available_at: Option<AvailableAt>,
    offset: u64,
    /// Events so far.
    events: u64,
}

/// A batch that is being filled.
struct Batch<'a, 'w> {
    work: &'w Work<'a>,
    events: &'w PartitionEvents,
    rows: Rows,
    rows_max: usize,
    /// How many rows like those of the last batch make a call of [`BATCH_BYTES`] and [`BATCH_SECONDS`].
    rows_that_fit: usize,
    groups: Vec<Group>,
    event_rows: Vec<u32>,
    question_rows: Vec<u32>,
    /// Per question, the offset that it saw; empty where no event was pushed.
    offsets: Vec<u64>,
    /// Whether an entity has so many events that its state may be too large for serving.
    looks: bool,
}

/// Evaluates one partition in batches of at most `batch_rows` rows. An entity that does not fit is cut, and its state carried
/// into the next batch.
pub(super) fn run_partition(
    work: &Work<'_>,
    partition: usize,
    gathered: &PartitionEvents,
    questions: &Order,
    outcome: &mut Outcome,
) -> Result<(), PartitionError> {
    let mut batch = Batch::new(work, gathered);
    for place in 0..work.places(partition) {
        let (events, questions) = (gathered.of(place), questions.of(place));
        outcome.has_events.push(!events.rows.is_empty());
        if questions.rows.is_empty() && (events.rows.is_empty() || !work.want_states) {
            continue;
        }
        let entity = work.entity(partition, place);
        batch.begin(entity, work.before(entity), outcome)?;
        let mut event = 0;
        for (question, as_of) in questions.rows.iter().zip(questions.times) {
            let is_seen = |at: &&i64| visible(AvailableAt::from_micros(**at), AsOf::from_micros(*as_of));
            let seen = event + events.times[event..].iter().take_while(is_seen).count();
            batch.push_events(events.part(event..seen), outcome)?;
            event = seen;
            batch.make_room(outcome)?;
            batch.push_question(*question, *as_of);
        }
        gathered.count_by_source(&events.rows[..event], &mut outcome.visible);
        // After the last question, only a wanted state makes the remaining events matter.
        if work.want_states {
            batch.push_events(events.part(event..events.rows.len()), outcome)?;
        }
    }
    batch.flush(outcome, None)?;
    Ok(())
}

impl<'a, 'w> Batch<'a, 'w> {
    fn new(work: &'w Work<'a>, events: &'w PartitionEvents) -> Self {
        Self {
            work,
            events,
            rows: Rows::default(),
            rows_max: work.batch_rows,
            rows_that_fit: 0,
            groups: Vec::new(),
            event_rows: Vec::new(),
            question_rows: Vec::new(),
            offsets: Vec::new(),
            looks: false,
        }
    }

    /// Begins an entity, which may have a state already: in a batch of its own where the states of this one would become many
    /// bytes, or where a large state has made it longer than others need.
    fn begin(
        &mut self,
        entity: u32,
        before: Option<&EntityState>,
        outcome: &mut Outcome,
    ) -> Result<(), PartitionError> {
        let states = self.rows.states.bytes.len() + before.map_or(0, |state| state.bytes.len());
        if !self.groups.is_empty() && (states > REPLAY_STATES_BYTES || self.rows.len() >= self.work.batch_rows) {
            self.flush(outcome, None)?;
        }
        self.rows_max = self.work.batch_rows;
        let group = Group {
            entity,
            newest: before.map(|state| state.newest_event),
            newest_available_at: before.map(|state| state.newest_available_at),
            offset: before.map_or(0, |state| state.offset),
            events: 0,
        };
        Ok(self.open(group, before.map_or(&[], |state| &state.bytes))?)
    }

    fn open(&mut self, group: Group, state: &[u8]) -> Result<(), ColumnError> {
        self.rows.states.push(state)?;
        self.looks |= self.work.may_outgrow(group.events);
        self.groups.push(group);
        Ok(())
    }

    /// Evaluates the batch if it is full.
    #[inline]
    fn make_room(&mut self, outcome: &mut Outcome) -> Result<(), PartitionError> {
        if self.rows.len() >= self.rows_max { self.flush_and_carry(outcome) } else { Ok(()) }
    }

    /// Appends events of the last group, in order; evaluates where the batch is full.
    fn push_events(&mut self, mut events: Ordered<'_>, outcome: &mut Outcome) -> Result<(), PartitionError> {
        while !events.rows.is_empty() {
            self.make_room(outcome)?;
            let count = events.rows.len().min(self.rows_max - self.rows.len());
            let (now, later) = (events.part(0..count), events.part(count..events.rows.len()));
            let last = self.groups.len() - 1;
            match &self.events.event_times {
                None => self.rows.extend(Kind::Event, last as u32, now.times.iter().copied()),
                Some(times) => {
                    let times = now.rows.iter().map(|row| times[*row as usize]);
                    self.rows.extend(Kind::Event, last as u32, times);
                }
            }
            self.event_rows.extend_from_slice(now.rows);
            let group = &mut self.groups[last];
            group.events += count as u64;
            self.looks |= self.work.may_outgrow(group.events);
            if let Some(last) = now.times.last().copied().map(AvailableAt::from_micros)
                && group.newest_available_at.is_none_or(|newest| newest.is_by(last))
            {
                group.newest_available_at = Some(last);
            }
            if let Some(offsets) = &self.events.log_offsets {
                let newest = now.rows.iter().map(|row| offsets[*row as usize]).max();
                group.offset = group.offset.max(newest.unwrap_or(0));
            }
            events = later;
        }
        Ok(())
    }

    #[inline]
    fn push_question(&mut self, row: u32, as_of: i64) {
        let group = self.groups.len() - 1;
        self.rows.push(Kind::Question, group as u32, as_of);
        self.question_rows.push(row);
        if self.work.has_pushed {
            self.offsets.push(self.groups[group].offset);
        }
    }

    /// Evaluates a full batch and starts the next one with the state of the entity that it was cut in.
    fn flush_and_carry(&mut self, outcome: &mut Outcome) -> Result<(), PartitionError> {
        let mut state = Vec::new();
        self.flush(outcome, Some(&mut state))?;
        let large = if state.len() >= LARGE_STATE_BYTES { state.len() / STATE_BYTES_PER_ROW } else { 0 };
        self.rows_max = self.work.batch_rows.max(large.min(self.rows_that_fit));
        let last = self.groups.pop().expect("the group that goes on stays");
        self.open(last, &state)?;
        Ok(())
    }

    /// Evaluates the batch. With `carry`, its last group goes on in the next batch: its state goes there, and its group
    /// stays in `groups`. The states of the groups that end are kept where they are wanted.
    fn flush(&mut self, outcome: &mut Outcome, carry: Option<&mut Vec<u8>>) -> Result<(), PartitionError> {
        let work = self.work;
        let mut rows = std::mem::take(&mut self.rows);
        if self.groups.is_empty() {
            return Ok(());
        }
        if work.stop.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(PartitionError::Stopped);
        }
        rows.want_states = work.want_states || carry.is_some() || std::mem::take(&mut self.looks);
        rows.unbounded_states = true;
        rows.event_fields = work.event_fields(self.events, &self.event_rows)?;
        rows.request_fields = take_all(&work.questions.request_fields, &self.question_rows)?;
        rows.input_features = take_all(&work.questions.input_features, &self.question_rows)?;
        let mut newest: Vec<_> = self.groups.iter().map(|group| group.newest).collect();
        let name = |group: u32| work.keys.key(self.groups[group as usize].entity).to_string();
        let asked = |at: u32| match (work.asked, self.question(at)) {
            (Some(asked), Some(question)) => asked(question),
            _ => String::new(),
        };
        let names = Names { entity: &name, asked: work.asked.is_some().then_some(&asked) };
        let stopwatch = Stopwatch::start();
        let evaluated = match work.on_error {
            OnError::Stop => evaluate_apart(work.view, work.shape(), &rows, &mut newest, names)
                .map_err(|error| error.renumbered(|at| self.question(at)))?,
            OnError::Null => {
                let failed = &mut |row: usize, error| {
                    outcome.failures.push(self.failure(&rows, row, error));
                };
                evaluate_or_null(work.view, work.shape(), &rows, &mut newest, names, failed)?
            }
        };
        work.times.add_evaluate(&stopwatch);
        let columns = rows.event_fields.iter().chain(&rows.request_fields).chain(&rows.input_features);
        let row_bytes = columns.map(Column::memory_bytes).sum::<usize>() / rows.len().max(1) + ROW_BYTES;
        let in_time = rows.len() as f64 * BATCH_SECONDS / stopwatch.seconds().max(1e-9);
        self.rows_that_fit = (BATCH_BYTES / row_bytes).min(in_time as usize);
        for (group, newest) in self.groups.iter_mut().zip(newest) {
            group.newest = newest;
        }
        let ended = self.groups.len() - usize::from(carry.is_some());
        if let Some(states) = &evaluated.states {
            for (at, group) in self.groups[..ended].iter().enumerate() {
                let bytes = states.get(at).len();
                if work.may_outgrow(group.events) && bytes > work.state_bytes_max {
                    outcome.oversized.push(Oversized { entity: group.entity, bytes: bytes as u64 });
                }
            }
            if work.want_states {
                for (at, group) in self.groups[..ended].iter().enumerate() {
                    let (Some(newest_event), Some(newest_available_at)) = (group.newest, group.newest_available_at)
                    else {
                        continue;
                    };
                    let (bytes, offset) = (states.get(at).to_vec(), group.offset);
                    let state = EntityState { bytes, newest_event, newest_available_at, offset };
                    outcome.states.push(FinalState { entity: group.entity, state });
                }
            }
            if let Some(carry) = carry {
                carry.extend_from_slice(states.get(ended));
            }
        }
        outcome.take(&self.question_rows, &evaluated, &self.offsets)?;
        work.advance(rows.len() as u64);
        rows.clear();
        self.rows = rows;
        self.groups.drain(..ended);
        self.event_rows.clear();
        self.question_rows.clear();
        self.offsets.clear();
        Ok(())
    }

    /// A row of the batch that gave no answer.
    fn failure(&self, rows: &Rows, row: usize, error: EvaluateError) -> Failure {
        let entity = rows.groups.get(row).map_or(u32::MAX, |group| self.groups[*group as usize].entity);
        let error = error.renumbered(|at| self.question(at));
        let is_event = rows.kinds.get(row).is_some_and(|kind| *kind == Kind::Event as u8);
        let event = is_event.then(|| rows.kinds[..row].iter().filter(|kind| **kind == Kind::Event as u8).count());
        let event = event.and_then(|at| self.event_rows.get(at).copied());
        Failure { entity, question: error.question, event, error }
    }

    /// The number of a question of the batch among all.
    fn question(&self, at: u32) -> Option<u32> {
        self.question_rows.get(at as usize).copied()
    }
}

impl Work<'_> {
    /// The fields of some events, by their rows among those of a partition.
    pub(super) fn event_fields(&self, events: &PartitionEvents, rows: &[u32]) -> Result<Vec<Column>, ColumnError> {
        let types = self.events.events.field_types();
        let fields = self.events.fields.iter().enumerate().map(|(at, place)| {
            let mut column = Column::with_capacity(types[*place], rows.len());
            // A partition without events has no lanes either.
            if let Some(field) = events.fields.get(at) {
                field.append_to(&mut column, rows)?;
            }
            Ok(column)
        });
        fields.collect()
    }
}

pub(super) fn take_all(columns: &[Column], rows: &[u32]) -> Result<Vec<Column>, ColumnError> {
    columns.iter().map(|column| column.take(rows)).collect()
}
