//! Hundreds of entities and what a server says of each: every row in a call of its own, the state carried from call to call.
//!
//! A call of any shape is made of runs of their rows, each begun with the state that the entity has there. What it must give is
//! known, so that trying a call of thousands of rows costs that call, and a smaller one can be tried at once.

use super::LIMIT_TRIES;
use super::case::{CaseRow, batch};
use super::run::{Bench, Instance};
use crate::batch::{Answers, Kind, States, Value};
use crate::time::Stopwatch;
use crate::wasm::CallError;

/// Of a transform that is very slow, so many seconds of entities are tried.
const SECONDS_OF_SLOW: f64 = 3.0;

/// One entity: its rows, and what a server says.
#[derive(Debug, Default)]
pub(super) struct Entity {
    pub(super) rows: Vec<CaseRow>,
    /// Per row, the features of a question.
    pub(super) answers: Vec<Option<Vec<Value>>>,
    /// The state before the first row, and after each.
    pub(super) states: Vec<Vec<u8>>,
    /// Why a server has no answer to the next row, which is the last one.
    pub(super) stop: Option<CallError>,
}

/// Entities, and an as-of after all of their events at which each is asked.
#[derive(Debug)]
pub(super) struct World {
    pub(super) entities: Vec<Entity>,
    /// The questions at that as-of: entity and row.
    pub(super) last_questions: Vec<(usize, usize)>,
    /// How many rows the transform refused, and what it said first.
    pub(super) refused: usize,
}

impl World {
    /// Asks for everything as a server does. `rows` are those of each entity, which end with so many `last` questions at one as-of.
    pub(super) fn served(bench: &Bench<'_>, rows: Vec<Vec<CaseRow>>, last: usize) -> Self {
        let mut world = Self { entities: Vec::new(), last_questions: Vec::new(), refused: 0 };
        let stopwatch = Stopwatch::start();
        for rows in rows {
            if stopwatch.seconds() > SECONDS_OF_SLOW {
                break;
            }
            let asked = rows.len();
            let entity = Entity::served(bench, rows);
            world.refused += asked - entity.rows.len();
            let end = entity.rows.len();
            let at_the_end = (end.saturating_sub(last)..end).filter(|row| entity.answers[*row].is_some());
            if entity.stop.is_none() && asked == end {
                world.last_questions.extend(at_the_end.map(|row| (world.entities.len(), row)));
            }
            world.entities.push(entity);
        }
        world
    }

    /// What stops a server at every entity, where it has no answer to any question.
    pub(super) fn no_answer(&self) -> Option<String> {
        let is_stopped = |entity: &Entity| entity.stop.is_some() && entity.answers.iter().all(Option::is_none);
        let first = self.entities.first().filter(|_| self.entities.iter().all(is_stopped))?;
        first.stop.as_ref().map(ToString::to_string)
    }

    pub(super) fn row(&self, run: &Run, at: usize) -> &CaseRow {
        &self.entities[run.entity].rows[at]
    }
}

impl Entity {
    /// A row that the transform refuses is left out, as a push of it is; what stops it in another way ends the entity.
    fn served(bench: &Bench<'_>, rows: Vec<CaseRow>) -> Self {
        let mut entity = Self { states: vec![Vec::new()], ..Self::default() };
        for row in rows {
            let state = entity.states.last().cloned().unwrap_or_default();
            match one(bench, &row, &state) {
                Ok(answers) => {
                    entity.states.push(match &answers.states {
                        Some(states) => states.get(0).to_vec(),
                        None => state,
                    });
                    let values = || answers.features.iter().map(|feature| feature.value(0)).collect();
                    entity.answers.push((row.kind == Kind::Question).then(values));
                    entity.rows.push(row);
                }
                Err(CallError::Failure { .. }) => {}
                Err(stop) => {
                    entity.stop = Some(stop);
                    entity.states.push(state);
                    entity.answers.push(None);
                    entity.rows.push(row);
                    break;
                }
            }
        }
        entity
    }

    /// How many of its rows a server has answered.
    pub(super) fn served_rows(&self) -> usize {
        self.rows.len() - usize::from(self.stop.is_some())
    }
}

/// One call as a server makes it: a push of one event, or one question.
pub(super) fn one(bench: &Bench<'_>, row: &CaseRow, state: &[u8]) -> Result<Answers, CallError> {
    let mut states = States::default();
    states.push(state).expect("a state that was given back is short enough to be given");
    let mut rows = batch(bench.description, std::iter::once((row, 0)), states, row.kind == Kind::Event);
    // How large a state may be stored is not asked here.
    rows.unbounded_states = true;
    surely(|| bench.subject.process(Instance::Used, bench.parameters, &rows))
}

/// Asks again where a limit is met: a busy machine may not give a call the time that it needs.
pub(super) fn surely(ask: impl Fn() -> Result<Answers, CallError>) -> Result<Answers, CallError> {
    let again = |answer, _| if matches!(answer, Err(CallError::Limit { .. })) { ask() } else { answer };
    (1..LIMIT_TRIES).fold(ask(), again)
}

/// Rows of one entity that follow each other, as a group of a call.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Run {
    pub(super) entity: usize,
    pub(super) from: usize,
    pub(super) to: usize,
}
