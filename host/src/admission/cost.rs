//! What a component costs to run: the operators it executes, which are the same everywhere, and time, which is not.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::case::{Case, CaseRow, batch};
use super::generate::Generator;
use super::{Budget, Sample};
use crate::batch::{Column, Kind, REPLAY_ROWS, Rows, States};
use crate::schema::Description;
use crate::wasm::{CallError, Component};

/// Entities of the large batch.
const BATCH_ENTITIES: usize = 64;
/// Events of the entity that the single question is about.
const QUESTION_EVENTS: usize = 50;
/// Rows of the entity whose states are measured: enough events, where a third of them is refused.
const ONE_ENTITY_ROWS: usize = 4 * QUESTION_EVENTS;

/// What a component costs to run, on ordinary values.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cost {
    /// WebAssembly operators a row, in a batch of 8,192 rows (three events to a question) of 64 entities. The same everywhere.
    pub operators_per_row: f64,
    /// WebAssembly operators of a call with one question, on the state of 50 events. The same everywhere.
    pub operators_per_question: u64,
    /// Nanoseconds a row in that batch, best of a few, on this machine.
    pub batch_ns_per_row: f64,
    /// Nanoseconds of that call with one question, best of a few, on this machine.
    pub question_ns: f64,
    /// Bytes that an event adds to its entity's state: the growth from 50 to 100 events, an hour apart.
    pub state_bytes_per_event: f64,
    /// Bytes of the state of 100 events.
    pub state_bytes: usize,
    /// How many such events make a state of 1 MiB, which is the longest that is stored unless `[limits]` says otherwise; `None`
    /// where the state does not grow.
    pub events_of_1_mib: Option<u64>,
    /// Milliseconds to compile it, on this machine.
    pub compile_ms: f64,
}

/// How the state of an entity grows, on ordinary events an hour apart.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct StateGrowth {
    /// Bytes that an event adds: the growth from 50 to 100 events.
    pub bytes_per_event: f64,
    /// Bytes of the state of 100 events.
    pub bytes_of_100_events: usize,
}

impl StateGrowth {
    /// How many such events make a state of so many bytes; `None` where it does not grow.
    pub fn events_of(&self, bytes: usize) -> Option<u64> {
        let left = bytes.saturating_sub(self.bytes_of_100_events) as f64;
        (self.bytes_per_event > 0.0).then(|| 2 * QUESTION_EVENTS as u64 + (left / self.bytes_per_event) as u64)
    }
}

/// How the states of a component grow with events as `sample` has them; `None` where it makes none of ordinary events.
pub(crate) fn state_growth(
    component: &Component,
    parameters: &[Column],
    sample: &Sample,
    seed: u64,
) -> Option<StateGrowth> {
    let description = component.description();
    let case = Generator::new(description, sample, true, seed).typical(ONE_ENTITY_ROWS, 1);
    let case = answered(description, case, |rows| component.process(parameters, rows, None).map(drop))?;
    let events: Vec<CaseRow> = case.rows.into_iter().filter(|row| row.kind == Kind::Event).collect();
    let length_after = |count: usize| {
        let rows = events.get(..count)?.to_vec();
        let rows = rows_of_one(description, Case { rows }, States::default(), true);
        let answers = component.process(parameters, &rows, None).ok()?;
        Some(answers.states.map_or(0, |states| states.get(0).len()))
    };
    let (half, full) = (length_after(QUESTION_EVENTS)?, length_after(2 * QUESTION_EVENTS)?);
    let bytes_per_event = (full as f64 - half as f64) / QUESTION_EVENTS as f64;
    Some(StateGrowth { bytes_per_event, bytes_of_100_events: full })
}

/// Measures a component on ordinary values.
pub(super) struct Measure<'a> {
    pub(super) serving: &'a Component,
    pub(super) metered: &'a Component,
    pub(super) budget: &'a Budget<'a>,
    /// A clock.
    pub(super) now: &'a dyn Fn() -> Duration,
}

impl Measure<'_> {
    /// What it costs; `None` where it does not answer ordinary rows. `compile` is how long it took to compile.
    pub(super) fn cost(&self, parameters: &[Column], generator: &mut Generator<'_>, compile: Duration) -> Option<Cost> {
        let (serving, metered, description) = (self.serving, self.metered, self.serving.description());
        let process = |rows: &Rows| self.budget.call(|| serving.process(parameters, rows, None).map(drop));
        let large = answered(description, generator.typical(REPLAY_ROWS, BATCH_ENTITIES), process)?;
        let large_rows = large.rows.len() as f64;
        let large = rows(description, &large, States::default(), true);
        let one_entity = answered(description, generator.typical(ONE_ENTITY_ROWS, 1), process)?;
        let events: Vec<CaseRow> = one_entity.rows.iter().filter(|row| row.kind == Kind::Event).cloned().collect();
        let state_of = |count: usize| {
            // A component without sources has no events.
            let rows = if events.is_empty() { Vec::new() } else { events.get(..count)?.to_vec() };
            let rows = rows_of_one(description, Case { rows }, States::default(), true);
            let answers = self.budget.call(|| serving.process(parameters, &rows, None)).ok()?;
            Some(answers.states.map(|states| states.get(0).to_vec()).unwrap_or_default())
        };
        let (half, full) = (state_of(QUESTION_EVENTS)?, state_of(2 * QUESTION_EVENTS)?);
        let mut states = States::default();
        states.push(&half).expect("the state of 50 events is small");
        let question = one_entity.rows.iter().rfind(|row| row.kind == Kind::Question).cloned();
        let question = rows_of_one(description, Case { rows: question.into_iter().collect() }, states, false);
        let (_, batch_operators) = self.budget.call(|| metered.process_metered(parameters, &large)).ok()?;
        let (_, operators_per_question) = self.budget.call(|| metered.process_metered(parameters, &question)).ok()?;
        let batch = self.best(1, || serving.process(parameters, &large, None).map(drop)).ok()?;
        let single = self.best(500, || serving.process(parameters, &question, None).map(drop)).ok()?;
        let per_event = (full.len() as f64 - half.len() as f64) / QUESTION_EVENTS as f64;
        let left = (1_u32 << 20) as f64 - full.len() as f64;
        Some(Cost {
            operators_per_row: batch_operators as f64 / large_rows,
            operators_per_question,
            batch_ns_per_row: batch / large_rows,
            question_ns: single,
            state_bytes_per_event: per_event,
            state_bytes: full.len(),
            events_of_1_mib: (per_event > 0.0).then(|| 2 * QUESTION_EVENTS as u64 + (left / per_event) as u64),
            compile_ms: compile.as_secs_f64() * 1e3,
        })
    }

    /// Nanoseconds a call, in the best of a few rounds of `calls`.
    fn best(&self, calls: u32, mut call: impl FnMut() -> Result<(), CallError>) -> Result<f64, CallError> {
        const ROUNDS: usize = 7;
        const ENOUGH: Duration = Duration::from_millis(500);
        const CALLS_A_LOOK: u32 = 10;
        let (now, mut best) = (self.now, f64::INFINITY);
        let begun = now();
        for _ in 0..ROUNDS {
            let (start, mut made) = (now(), 0);
            while made < calls {
                call()?;
                made += 1;
                if made % CALLS_A_LOOK == 0 && (now() - begun > ENOUGH || self.budget.is_over()) {
                    break;
                }
            }
            best = best.min((now() - start).as_nanos() as f64 / f64::from(made));
            // What takes long is measured well enough by once.
            if now() - begun > ENOUGH {
                break;
            }
        }
        Ok(best)
    }
}

/// The rows of a case that the component accepts: a cast to a number, for example, refuses other texts. `None` if it accepts none.
fn answered(
    description: &Description,
    mut case: Case,
    process: impl Fn(&Rows) -> Result<(), CallError>,
) -> Option<Case> {
    match process(&rows(description, &case, States::default(), true)) {
        Ok(()) => return Some(case),
        Err(CallError::Failure { .. }) => {}
        Err(_) => return None,
    }
    case.rows.retain(|row| {
        let row = CaseRow { entity: 0, ..row.clone() };
        process(&rows_of_one(description, Case { rows: vec![row] }, States::default(), true)).is_ok()
    });
    (!case.rows.is_empty()).then_some(case)
}

fn rows(description: &Description, case: &Case, states: States, want_states: bool) -> Rows {
    let states = match states.is_empty() {
        true => States { ends: vec![0; case.entities() as usize], bytes: Vec::new() },
        false => states,
    };
    batch(description, case.rows.iter().map(|row| (row, row.entity)), states, want_states)
}

/// As `rows`, with one group whatever the case holds.
fn rows_of_one(description: &Description, case: Case, states: States, want_states: bool) -> Rows {
    let states = if states.is_empty() { States { ends: vec![0], bytes: Vec::new() } } else { states };
    rows(description, &case, states, want_states)
}
