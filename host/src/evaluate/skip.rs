//! Evaluation that goes on after a row that fails: the row is left out, or answered with nulls, and told.

use super::locate::{first_trap, row_at_fault};
use super::{EvaluateError, Evaluated, Status, ViewProgram, evaluate, question_at};
use crate::batch::{Column, Kind, Rows};
use crate::time::EventTime;
use crate::wasm::CallError;

/// Evaluates a batch as [`evaluate`] does, but a row that gives no answer does not end it.
///
/// An event that fails is not applied, as a push of it would have been refused. A question that fails is answered with nulls.
/// Each is told to `failed` with its row, in row order. A component found to give two answers to one call ends the batch all the same.
pub fn evaluate_or_null(
    view: &ViewProgram,
    rows: &Rows,
    newest: &mut [Option<EventTime>],
    entity: &dyn Fn(u32) -> String,
    failed: &mut dyn FnMut(usize, EvaluateError),
) -> Result<Evaluated, EvaluateError> {
    let error = match evaluate(view, rows, newest, entity) {
        Ok(evaluated) => return Ok(evaluated),
        Err(error) if error.source.is_final() => return Err(error),
        Err(error) => error,
    };
    let features = &view.description().output_features;
    let mut all = Evaluated {
        features: features.iter().map(|field| Column::new(field.value_type)).collect(),
        statuses: Vec::new(),
        states: Some(rows.states.clone()),
    };
    let (mut start, mut rest, mut error) = (0, rows.slice(0, rows.len(), rows.states.clone()), Some(error));
    while let Some(fault) = error.take() {
        let at = row_at_fault(view, &rest, &fault.source).or_else(|| first_trap(view, &rest));
        let Some(at) = at.filter(|at| *at < rest.len()) else { return Err(fault) };
        let states = all.states.clone().unwrap_or_default();
        // A component that has no room for any answer has none for that of no rows either.
        if at > 0 {
            append(&mut all, evaluate(view, &rest.slice(0, at, states), newest, entity)?);
        }
        let fault = match fault.source {
            CallError::Failure { .. } => fault,
            _ => alone(view, &rest, at, &all, newest, entity).unwrap_or(fault),
        };
        if rest.kinds[at] == Kind::Question as u8 {
            all.features.iter_mut().for_each(Column::push_null);
            all.statuses.push(Status::NullValue);
        }
        // Those that were evaluated alone, or after others, were numbered by themselves.
        failed(start + at, EvaluateError { question: question_at(rows, start + at), ..fault });
        start += at + 1;
        if start == rows.len() {
            break;
        }
        rest = rows.slice(start, rows.len(), all.states.clone().unwrap_or_default());
        match evaluate(view, &rest, newest, entity) {
            Ok(evaluated) => append(&mut all, evaluated),
            Err(next) if next.source.is_final() => return Err(next),
            Err(next) => error = Some(next),
        }
    }
    if !rows.want_states {
        all.states = None;
    }
    Ok(all)
}

/// What is wrong with one row when it is evaluated by itself, after those before it: what a component printed for other rows of
/// a batch, and whose they are, does not belong to it, and depends on where the batch was cut. None where the error does not
/// come again.
fn alone(
    view: &ViewProgram,
    rows: &Rows,
    at: usize,
    before: &Evaluated,
    newest: &[Option<EventTime>],
    entity: &dyn Fn(u32) -> String,
) -> Option<EvaluateError> {
    let row = rows.slice(at, at + 1, before.states.clone().unwrap_or_default());
    evaluate(view, &row, &mut newest.to_vec(), entity).err()
}

/// Appends the answers of the next rows.
fn append(all: &mut Evaluated, next: Evaluated) {
    for (all, next) in all.features.iter_mut().zip(&next.features) {
        all.append(next).expect("the parts of a batch are no larger than the batch");
    }
    all.statuses.extend(next.statuses);
    all.states = next.states;
}
