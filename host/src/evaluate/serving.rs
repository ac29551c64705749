//! The calls of serving: events move states, and questions are answered from them.
//!
//! A push, the tail of the log, a request, and the proof of a backfill make their calls here and nowhere else: what is proved is
//! what is served.

use std::sync::Arc;

use super::{EvaluateError, Evaluated, Names, RuledStatuses, Status, ViewProgram, evaluate, evaluate_named};
use crate::batch::{Column, ColumnError, Kind, QUESTION_ROWS, QUESTION_STATES_BYTES, Rows, Shape};
use crate::entity::EntityState;
use crate::schema::Field;
use crate::time::{AsOf, AvailableAt, EventTime};

/// A call of serving without an answer.
#[derive(Debug, thiserror::Error)]
pub enum ServingError {
    /// The transform gave no answer.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// More text than one column holds.
    #[error(transparent)]
    Column(#[from] ColumnError),
}

/// Events that move the states of their entities, in one call.
#[derive(Debug, Default)]
pub struct EventCall {
    rows: Rows,
    newest: Vec<Option<EventTime>>,
    /// Per entity, when its last event was known, and the offset of that event.
    last: Vec<(AvailableAt, u64)>,
}

impl EventCall {
    /// A call of a program without events so far. With `unbounded`, states may outgrow the limit of what is stored.
    pub fn new(program: &ViewProgram, unbounded: bool) -> Self {
        let description = program.description();
        // Columns of no rows: nothing is asked here, whatever a question would bring with it.
        let none = |fields: &[Field]| fields.iter().map(|field| Column::new(field.value_type)).collect();
        let rows = Rows {
            request_fields: none(&description.request_fields),
            input_features: none(&description.input_features),
            want_states: true,
            unbounded_states: unbounded,
            ..Rows::default()
        };
        Self { rows, ..Self::default() }
    }

    /// Adds an entity, which has this state so far, and gives its number.
    pub fn entity(&mut self, state: Option<&EntityState>) -> Result<u32, ColumnError> {
        self.rows.states.push(state.map_or(&[][..], |state| &state.bytes))?;
        self.newest.push(state.map(|state| state.newest_event));
        let unknown = (AvailableAt::from_micros(i64::MIN), 0);
        self.last.push(state.map_or(unknown, |state| (state.newest_available_at, state.offset)));
        Ok(self.last.len() as u32 - 1)
    }

    /// Adds an event of an entity, after those that it has.
    pub fn event(&mut self, entity: u32, event_time: EventTime, available_at: AvailableAt, offset: u64) {
        self.rows.push(Kind::Event, entity, event_time.micros());
        self.last[entity as usize] = (available_at, offset);
    }

    /// Makes the call, with the fields of its events, and gives the state of each entity. `name` names an entity for errors.
    /// Each has at least one event.
    pub fn make(
        mut self,
        program: &ViewProgram,
        event_fields: Vec<Column>,
        name: &dyn Fn(u32) -> String,
    ) -> Result<Vec<EntityState>, EvaluateError> {
        self.rows.event_fields = event_fields;
        let evaluated = evaluate(program, Shape::of_push(self.rows.len()), &self.rows, &mut self.newest, name)?;
        let after = evaluated.states.expect("states were wanted");
        let states = self.last.into_iter().zip(self.newest).enumerate();
        let states = states.map(|(entity, ((newest_available_at, offset), newest))| EntityState {
            bytes: after.get(entity).to_vec(),
            newest_event: newest.expect("an event was applied"),
            newest_available_at,
            offset,
        });
        Ok(states.collect())
    }
}

/// Questions to one view at one as-of, a row each.
#[derive(Clone, Debug)]
pub struct StateQuestions<'a> {
    /// The states of their entities; `None` where an entity has none.
    pub states: &'a [Option<Arc<EntityState>>],
    /// The cut-off.
    pub as_of: AsOf,
    /// The request fields of the view's transform.
    pub request_fields: Vec<Column>,
    /// The input features of the view's transform.
    pub input_features: Vec<Column>,
}

/// The answers of one view, a row each.
#[derive(Clone, Debug, Default)]
pub struct ViewAnswers {
    /// One column per output feature.
    pub features: Vec<Column>,
    /// How the view answered, before single nulls are told apart.
    pub statuses: Vec<Status>,
    /// The statuses of the features that have a default or a time to live of their own.
    pub ruled: RuledStatuses,
    /// The newest event of the entity that the answer includes, where that is known.
    pub newest_events: Vec<Option<EventTime>>,
    /// The newest log offset of the entity that the answer includes; 0 where it includes only files or nothing.
    pub offsets: Vec<u64>,
}

/// Answers questions from the states of their entities. `names` names the entity of a row, which is a group, and whom it asks about.
pub fn answer_from_states(
    program: &ViewProgram,
    questions: StateQuestions<'_>,
    names: Names<'_>,
) -> Result<ViewAnswers, ServingError> {
    let StateQuestions { states, as_of, request_fields, input_features } = questions;
    let first = rows_of_a_call(states);
    if first == states.len() {
        return answer_call(program, StateQuestions { states, as_of, request_fields, input_features }, names);
    }
    let fields = program.description().output_features.iter();
    let features = fields.map(|field| Column::with_capacity(field.value_type, states.len())).collect();
    let mut all = ViewAnswers { features, ..ViewAnswers::default() };
    let (mut start, mut end) = (0, first);
    while start < states.len() {
        let rows: Vec<u32> = (start as u32..end as u32).collect();
        let part = |columns: &[Column]| columns.iter().map(|column| column.take(&rows)).collect::<Result<Vec<_>, _>>();
        let (request_fields, input_features) = (part(&request_fields)?, part(&input_features)?);
        let part = StateQuestions { states: &states[start..end], as_of, request_fields, input_features };
        let entity = |row: u32| (names.entity)(row + start as u32);
        let asked = |row: u32| names.asked.map_or_else(String::new, |asked| asked(row + start as u32));
        let part_names = Names { entity: &entity, asked: names.asked.is_some().then_some(&asked) };
        let answers = answer_call(program, part, part_names).map_err(|error| match error {
            ServingError::Evaluate(error) => error.renumbered(|row| Some(row + start as u32)).into(),
            error => error,
        })?;
        for (all, part) in all.features.iter_mut().zip(&answers.features) {
            all.append(part)?;
        }
        all.statuses.extend(answers.statuses);
        all.ruled.append(&answers.ruled);
        all.newest_events.extend(answers.newest_events);
        all.offsets.extend(answers.offsets);
        (start, end) = (end, end + rows_of_a_call(&states[end..]));
    }
    Ok(all)
}

/// How many of the first questions go into one call; at least one.
fn rows_of_a_call(states: &[Option<Arc<EntityState>>]) -> usize {
    let mut bytes = 0;
    let over = states.iter().position(|state| {
        bytes += state.as_ref().map_or(0, |state| state.bytes.len());
        bytes > QUESTION_STATES_BYTES
    });
    over.unwrap_or(states.len()).clamp(1, QUESTION_ROWS).min(states.len())
}

fn answer_call(
    program: &ViewProgram,
    questions: StateQuestions<'_>,
    names: Names<'_>,
) -> Result<ViewAnswers, ServingError> {
    let StateQuestions { states, as_of, request_fields, input_features } = questions;
    let count = states.len();
    let event_fields = &program.description().event_fields;
    let mut rows = Rows {
        times: vec![as_of.micros(); count],
        groups: (0..count as u32).collect(),
        kinds: vec![Kind::Question as u8; count],
        event_fields: event_fields.iter().map(|field| Column::new(field.value_type)).collect(),
        request_fields,
        input_features,
        ..Rows::default()
    };
    rows.states.ends.reserve_exact(count);
    rows.states.bytes.reserve_exact(states.iter().flatten().map(|state| state.bytes.len()).sum());
    for state in states {
        rows.states.push(state.as_ref().map_or(&[][..], |state| &state.bytes))?;
    }
    let mut newest_events: Vec<_> = states.iter().map(|state| state.as_ref().map(|state| state.newest_event)).collect();
    let evaluated = evaluate_named(program, Shape::of_questions(count), &rows, &mut newest_events, names)?;
    let offsets = states.iter().map(|state| state.as_ref().map_or(0, |state| state.offset)).collect();
    let Evaluated { features, statuses, ruled, states: _ } = evaluated;
    Ok(ViewAnswers { features, statuses, ruled, newest_events, offsets })
}

impl ViewAnswers {
    /// The status of each row of a feature.
    pub fn statuses_of(&self, feature: usize) -> Vec<Status> {
        self.ruled.of_feature(feature, &self.features[feature], &self.statuses)
    }
}
