//! One entity's events and questions, as they are served: a state is carried to some event, the next ones are pushed one by one,
//! and each question is asked when its turn comes. Each stretch has an instance of its own that was never called.

use std::ops::Range;
use std::sync::Arc;

use super::Unproved;
use super::sample::Random;
use crate::batch::{Column, PUSH_ROWS};
use crate::entity::EntityState;
use crate::evaluate::{
    EvaluateError, EventCall, Names, ServingError, StateQuestions, ViewAnswers, ViewProgram, answer_from_states,
};
use crate::replay::batches::{PartitionError, take_all};
use crate::replay::partition::{Order, Ordered, PartitionEvents};
use crate::replay::run::{Outcome, Work};
use crate::time::{AsOf, AvailableAt, EventTime, visible};

/// Events of a stretch that are pushed, and its questions.
const STRETCH_MAX: usize = 200;

/// A state is carried over so many events at most.
const CARRIED_MAX: usize = 1 << 16;

/// So many rows of a call, or bytes of its states, take about as long as a call by itself.
const ROWS_OF_A_CALL: usize = 64;
const BYTES_OF_A_CALL: usize = 4 << 10;

/// How often a call is tried that exceeds its time: a busy machine may be at fault.
const TRIES: usize = 3;

/// How many questions a request of many has, for a question that is asked by itself and by one.
const MANY: [usize; 4] = [2, 8, 64, 512];

/// A stretch of one entity.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    /// The entity's place in the partition.
    pub(super) place: usize,
    /// Events over which the state is carried.
    carried: usize,
    /// The first and the last of the entity's questions that are asked.
    first: usize,
    last: usize,
}

/// Why a stretch was not proved.
pub(super) enum Fault {
    /// It differs.
    Differs(Box<Unproved>),
    /// Serving refuses the entity, or what fails of it cannot be told.
    Skipped,
    /// The host failed.
    Failed(PartitionError),
}

/// What the stretches of a partition are proved with.
pub(super) struct Prover<'a, 'w> {
    work: &'a Work<'w>,
    partition: usize,
    events: &'a PartitionEvents,
    questions: &'a Order,
    outcome: &'a Outcome,
    program: ViewProgram,
    pub(super) random: Random,
    /// Calls so far; a large one counts as several.
    pub(super) calls: u64,
    /// The question that was asked last, among those of its entity.
    pub(super) asked: usize,
}

impl<'a, 'w> Prover<'a, 'w> {
    pub(super) fn new(
        work: &'a Work<'w>,
        partition: usize,
        events: &'a PartitionEvents,
        questions: &'a Order,
        outcome: &'a Outcome,
        random: Random,
    ) -> Self {
        let program = work.view.on_fresh_instance();
        Self { work, partition, events, questions, outcome, program, random, calls: 0, asked: 0 }
    }

    /// How many events an entity has.
    pub(super) fn events_of(&self, place: usize) -> usize {
        self.events.of(place).rows.len()
    }

    /// How many questions an entity has.
    pub(super) fn questions_of(&self, place: usize) -> usize {
        self.questions.of(place).rows.len()
    }

    /// How many events of the entity its question sees.
    fn seen(&self, place: usize, question: usize) -> usize {
        let as_of = AsOf::from_micros(self.questions.of(place).times[question]);
        self.events.of(place).times.partition_point(|at| visible(AvailableAt::from_micros(*at), as_of))
    }

    /// Draws a stretch of an entity that has questions, of about so many calls at most. What is small is taken whole.
    pub(super) fn draw(&mut self, place: usize, calls: u64) -> Stretch {
        let questions = self.questions_of(place);
        let half = usize::try_from(calls / 2).unwrap_or(usize::MAX);
        let (pushed_max, carried_max) =
            (half.clamp(1, STRETCH_MAX), half.saturating_mul(ROWS_OF_A_CALL).min(CARRIED_MAX));
        // Questions that see more cannot be reached.
        let within = carried_max.saturating_add(pushed_max);
        let reached = if self.seen(place, questions - 1) <= within {
            questions
        } else {
            let (mut low, mut high) = (0, questions);
            while low < high {
                let middle = low.midpoint(high);
                if self.seen(place, middle) <= within { low = middle + 1 } else { high = middle }
            }
            low.max(1)
        };
        let is_whole = reached == questions && self.seen(place, questions - 1) <= pushed_max && questions <= pushed_max;
        let last = if is_whole { questions - 1 } else { self.random.below(reached) };
        let seen = self.seen(place, last);
        let carried = match seen.saturating_sub(pushed_max) {
            // Also a small entity's state is carried now and then, where there is time to prove more than the least.
            0 if calls > 2 * STRETCH_MAX as u64 && self.random.one_in(2) => self.random.below(seen + 1),
            carried => carried,
        };
        let first = (last + 1).saturating_sub(pushed_max);
        let first = (first..last).find(|question| self.seen(place, *question) >= carried).unwrap_or(last);
        Stretch { place, carried, first, last }
    }

    /// One question of an entity, with a state over all but the last `pushed` events that it sees; `None` where it has no more.
    pub(super) fn question(&self, place: usize, question: usize, pushed: usize) -> Option<Stretch> {
        let carried = self.seen(place, question).checked_sub(pushed)?;
        Some(Stretch { place, carried, first: question, last: question })
    }

    /// Proves a stretch, and tells how many answers it has. Of a stretch that turns out to need more than so many calls, only the first
    /// questions are asked.
    pub(super) fn prove(&mut self, mut stretch: Stretch, calls: u64) -> Result<u64, Fault> {
        let Stretch { place, carried, first, last } = stretch;
        let (events, questions) = (self.events.of(place), self.questions.of(place));
        let entity = self.work.entity(self.partition, place);
        let has_failures = self.outcome.failures.iter().any(|failure| failure.entity == entity);
        // Which of its events were left out is known only where each is pushed by itself.
        if has_failures && carried > 0 || carried > carried_at_most(calls) {
            return Err(Fault::Skipped);
        }
        let last_call = self.calls.saturating_add(calls);
        self.asked = first;
        self.program = self.work.view.on_fresh_instance();
        let mut state = self.work.before(entity).cloned().map(Arc::new);
        let (mut at, mut answers) = (0, 0);
        // Once more where the state turns out to be so large that only few events can be pushed onto it.
        for _ in 0..2 {
            if stretch.carried > at {
                let carry = self.carry(place, at..stretch.carried, state.as_deref());
                state = Some(Arc::new(carry.map_err(|error| self.refused(stretch, at, error))?));
                at = stretch.carried;
            }
            let push = 1 + state.as_ref().map_or(0, |state| 2 * state.bytes.len() / BYTES_OF_A_CALL);
            let left = usize::try_from(last_call.saturating_sub(self.calls)).unwrap_or(usize::MAX);
            if push > 1 && !has_failures {
                stretch.carried = at.max(self.seen(place, first).saturating_sub(left / 2 / push + 1));
            }
        }
        stretch.carried = at;
        for question in first..=last {
            self.asked = question;
            let seen = self.seen(place, question);
            if answers > 0 && self.calls >= last_call {
                break;
            }
            while at < seen {
                match self.push(place, events, at, state.as_deref()) {
                    Ok(moved) => state = Some(Arc::new(moved)),
                    Err(ServingError::Evaluate(error)) if has_failures && !error.source.is_final() => {}
                    Err(error) => return Err(self.refused(stretch, at, error)),
                }
                at += 1;
            }
            if state.as_ref().is_some_and(|state| state.bytes.len() > self.work.state_bytes_max) {
                return Err(Fault::Skipped);
            }
            let number = questions.rows[question];
            let served = self.ask(place, (number, questions.times[question]), state.as_ref());
            self.compare(stretch, question, at, served)?;
            answers += 1;
        }
        Ok(answers)
    }

    /// The state of an entity after some events that follow `before`, made in as few calls as can be: alone, or with others.
    fn carry(
        &mut self,
        place: usize,
        range: Range<usize>,
        before: Option<&EntityState>,
    ) -> Result<EntityState, ServingError> {
        let events = self.events.of(place);
        let mut state = before.cloned();
        let mut start = range.start;
        while start < range.end {
            let end = range.end.min(start + PUSH_ROWS);
            let mut parts = vec![(place, events.part(start..end))];
            if self.random.one_in(4) {
                self.join_others(&mut parts);
            }
            state = match self.carry_together(&parts, state.as_ref()) {
                // What only many of them are too much for is no fault of this one.
                Err(ServingError::Evaluate(error)) if parts.len() > 1 && error.source.is_limit() => {
                    self.carry_together(&parts[..1], state.as_ref())?
                }
                carried => carried?,
            };
            start = end;
        }
        Ok(state.expect("at least one event was applied"))
    }

    /// The state of the first of some entities after its events, made in one call with those of the others.
    fn carry_together(
        &mut self,
        parts: &[(usize, Ordered<'a>)],
        state: Option<&EntityState>,
    ) -> Result<Option<EntityState>, ServingError> {
        let mut call = EventCall::new(&self.program, true);
        let mut rows = Vec::new();
        for (at, (place, part)) in parts.iter().enumerate() {
            let own = if at == 0 { state } else { None };
            let before = own.or_else(|| self.work.before(self.work.entity(self.partition, *place)));
            let number = call.entity(before)?;
            (0..part.rows.len()).for_each(|event| self.add(&mut call, number, *part, event));
            rows.extend_from_slice(part.rows);
        }
        let fields = self.work.event_fields(self.events, &rows)?;
        self.count(rows.len(), 0);
        let name = |number: u32| self.name(parts[number as usize].0);
        Ok(call.make(&self.program, fields, &name)?.into_iter().next())
    }

    /// Adds the first events of other entities to a call.
    fn join_others(&mut self, parts: &mut Vec<(usize, Ordered<'a>)>) {
        let places = self.work.places(self.partition);
        let mut rows = parts[0].1.rows.len();
        for _ in 0..STRETCH_MAX {
            let other = self.random.below(places);
            let events = self.events.of(other);
            let entity = self.work.entity(self.partition, other);
            let fails = self.outcome.failures.iter().any(|failure| failure.entity == entity);
            let room = PUSH_ROWS / 4;
            if fails || events.rows.is_empty() || rows >= room || parts.iter().any(|(place, _)| *place == other) {
                continue;
            }
            // What no question sees was not evaluated, and may fail.
            let Some(last) = self.questions_of(other).checked_sub(1) else { continue };
            let count = self.seen(other, last).min(room - rows);
            if count > 0 {
                rows += count;
                parts.push((other, events.part(0..count)));
            }
        }
    }

    /// Counts a call of so many rows, with so many bytes of states.
    fn count(&mut self, rows: usize, bytes: usize) {
        self.calls += (1 + rows / ROWS_OF_A_CALL + bytes / BYTES_OF_A_CALL) as u64;
    }

    fn add(&self, call: &mut EventCall, entity: u32, events: Ordered<'_>, at: usize) {
        let (row, available) = (events.rows[at] as usize, events.times[at]);
        let happened = self.events.event_times.as_ref().map_or(available, |times| times[row]);
        let offset = self.events.log_offsets.as_ref().map_or(0, |offsets| offsets[row]);
        call.event(entity, EventTime::from_micros(happened), AvailableAt::from_micros(available), offset);
    }

    /// Pushes one event.
    fn push(
        &mut self,
        place: usize,
        events: Ordered<'_>,
        at: usize,
        state: Option<&EntityState>,
    ) -> Result<EntityState, ServingError> {
        let mut tries = 0;
        loop {
            let mut call = EventCall::new(&self.program, true);
            let entity = call.entity(state)?;
            self.add(&mut call, entity, events, at);
            let fields = self.work.event_fields(self.events, &events.rows[at..=at])?;
            self.count(1, state.map_or(0, |state| 2 * state.bytes.len()));
            tries += 1;
            match call.make(&self.program, fields, &|_| self.name(place)) {
                Err(error) if error.source.is_of_time() && tries < TRIES => {}
                Err(error) => return Err(error.into()),
                Ok(states) => return Ok(states.into_iter().next().expect("one entity has one state")),
            }
        }
    }

    /// Asks one question, by itself or several times in one request.
    fn ask(
        &mut self,
        place: usize,
        (number, as_of): (u32, i64),
        state: Option<&Arc<EntityState>>,
    ) -> Result<ViewAnswers, ServingError> {
        let many = if self.random.one_in(16) { MANY[self.random.below(MANY.len())] } else { 1 };
        // Many copies of a large state would be a call of their own kind.
        let mut many = if state.is_some_and(|state| state.bytes.len() > BYTES_OF_A_CALL) { 1 } else { many };
        let mut tries = 0;
        loop {
            let (states, numbers) = (vec![state.cloned(); many], vec![number; many]);
            let questions = StateQuestions {
                states: &states,
                as_of: AsOf::from_micros(as_of),
                request_fields: take_all(&self.work.questions.request_fields, &numbers)?,
                input_features: take_all(&self.work.questions.input_features, &numbers)?,
            };
            self.count(many, many * state.map_or(0, |state| state.bytes.len()));
            tries += 1;
            match answer_from_states(&self.program, questions, Names { entity: &|_| self.name(place), asked: None }) {
                // What only many of them are too much for is no fault of one.
                Err(ServingError::Evaluate(error)) if many > 1 && error.source.is_limit() => many = 1,
                Err(ServingError::Evaluate(error)) if error.source.is_of_time() && tries < TRIES => {}
                answers => return answers,
            }
        }
    }

    /// Compares what is served with what the replay gave.
    fn compare(
        &self,
        stretch: Stretch,
        question: usize,
        events: usize,
        served: Result<ViewAnswers, ServingError>,
    ) -> Result<(), Fault> {
        let at = self.questions.start(stretch.place) + question;
        let number = self.questions.of(stretch.place).rows[question];
        let failed = self.outcome.failures.iter().any(|failure| failure.question == Some(number));
        let served = match served {
            Ok(served) => served,
            Err(ServingError::Evaluate(error)) if failed && !error.source.is_final() => return Ok(()),
            Err(error) => return Err(self.refused(stretch, events, error)),
        };
        if failed {
            let trained = "no answer".to_owned();
            return Err(self.differs(stretch, events, "all features", trained, "an answer".to_owned()));
        }
        let fields = &self.program.description().output_features;
        for row in 0..served.statuses.len() {
            for ((field, answer), trained) in fields.iter().zip(&served.features).zip(&self.outcome.features) {
                if !answer.same_row(row, trained, at) {
                    let (trained, served) = (told(trained, at), told(answer, row));
                    return Err(self.differs(stretch, events, &format!("feature {}", field.name), trained, served));
                }
            }
            let of_features = self.outcome.ruled.row(at).zip(served.ruled.row(row));
            let of_features = of_features.map(|((feature, trained), (_, served))| {
                (format!("the status of feature {}", fields[feature].name), trained, served)
            });
            let of_view = ("the status".to_owned(), self.outcome.status(at), served.statuses[row]);
            let differing = std::iter::once(of_view).chain(of_features).find(|(_, trained, served)| trained != served);
            if let Some((what, trained, served)) = differing {
                let (trained, served) = (trained.as_str().to_owned(), served.as_str().to_owned());
                return Err(self.differs(stretch, events, &what, trained, served));
            }
        }
        Ok(())
    }

    /// Serving gives an error where the replay gave an answer, at an event or at the question.
    fn refused(&self, stretch: Stretch, events: usize, error: ServingError) -> Fault {
        match error {
            ServingError::Evaluate(EvaluateError { source, .. }) if !source.is_final() => {
                let trained = "an answer".to_owned();
                self.differs(stretch, events, "all features", trained, format!("an error ({source})"))
            }
            ServingError::Evaluate(error) => Fault::Failed(error.into()),
            ServingError::Column(error) => Fault::Failed(error.into()),
        }
    }

    fn differs(&self, stretch: Stretch, events: usize, feature: &str, trained: String, served: String) -> Fault {
        let Stretch { place, carried, .. } = stretch;
        let as_of = AsOf::from_micros(self.questions.of(place).times[self.asked]);
        let place = match self.name(place) {
            name if name.is_empty() => format!("a question as of {as_of}"),
            name => format!("entity {name} as of {as_of}"),
        };
        let before = if self.work.before(self.work.entity(self.partition, stretch.place)).is_some() {
            "a state that an earlier slice left, "
        } else {
            ""
        };
        let pushed = match events.saturating_sub(carried) {
            0 => "no event pushed".to_owned(),
            1 => "1 event pushed".to_owned(),
            pushed => format!("{pushed} events pushed one by one"),
        };
        let events = match carried {
            0 => format!("{before}{pushed}"),
            1 => format!("{before}a state of 1 event, {pushed}"),
            carried => format!("{before}a state of {carried} events, {pushed}"),
        };
        Fault::Differs(Box::new(Unproved {
            view: self.program.id().to_owned(),
            place,
            feature: feature.to_owned(),
            trained,
            served,
            events,
            seed: 0,
        }))
    }

    fn name(&self, place: usize) -> String {
        self.work.keys.key(self.work.entity(self.partition, place)).to_string()
    }
}

/// The most events over which a state is carried where so many calls may be made: no entity takes all the time of the others.
fn carried_at_most(calls: u64) -> usize {
    usize::try_from(calls).unwrap_or(usize::MAX).saturating_mul(4 * ROWS_OF_A_CALL)
}

/// A value in words and bits.
fn told(column: &Column, row: usize) -> String {
    let value = column.value(row);
    let (words, bits) = (value.to_string(), value.hex());
    if words == bits { words } else { format!("{words} ({bits})") }
}
