//! Evaluation of a batch that fails as a whole: it is cut, by entity first, so that the row at fault is found and named, and the
//! others have their answers.
//!
//! A batch may be cut anywhere with the states carried over, so what is cut gives the same. What only the whole was too much for,
//! such as a limit of memory or time, is no failure of any row.

use std::ops::Range;

use super::shown::row_by_row;
use super::{
    EvaluateError, Evaluated, LocatedError, Names, RuledStatuses, Status, ViewProgram, evaluate_located, outgrown,
    question_at,
};
use crate::batch::{Column, Kind, Rows, Shape, States};
use crate::time::EventTime;

/// So few rows of one entity are not cut any more to find the one that takes too long: each look takes as long.
const ROWS_OF_TIME: usize = 1_024;

/// Evaluates a batch as [`evaluate`](super::evaluate) does; where it fails for no row that is known, it is cut until the row is.
pub fn evaluate_apart(
    view: &ViewProgram,
    shape: Shape,
    rows: &Rows,
    newest: &mut [Option<EventTime>],
    names: Names<'_>,
) -> Result<Evaluated, EvaluateError> {
    Apart { view, shape, names, failed: None }.evaluate(rows, newest)
}

/// Evaluates a batch as [`evaluate`](super::evaluate) does, but a row that gives no answer does not end it.
///
/// An event that fails is not applied, as a push of it would have been refused. A question that fails is answered with nulls,
/// also where a feature has a default: no answer is not the answer that there is no value. Each is told to `failed` with its row, in row order. A component found to give two answers to one call ends the batch all the same.
pub fn evaluate_or_null(
    view: &ViewProgram,
    shape: Shape,
    rows: &Rows,
    newest: &mut [Option<EventTime>],
    names: Names<'_>,
    failed: &mut dyn FnMut(usize, EvaluateError),
) -> Result<Evaluated, EvaluateError> {
    Apart { view, shape, names, failed: Some(failed) }.evaluate(rows, newest)
}

/// How a batch is cut.
struct Apart<'a> {
    view: &'a ViewProgram,
    /// What the whole batch is for.
    shape: Shape,
    names: Names<'a>,
    /// Told of rows without an answer; without it, the first one ends the batch.
    failed: Option<&'a mut dyn FnMut(usize, EvaluateError)>,
}

/// What was evaluated of a batch so far.
struct SoFar<'r> {
    rows: &'r Rows,
    features: Vec<Column>,
    statuses: Vec<Status>,
    ruled: RuledStatuses,
    /// The state of each group.
    states: Vec<Vec<u8>>,
}

impl Apart<'_> {
    fn evaluate(&mut self, rows: &Rows, newest: &mut [Option<EventTime>]) -> Result<Evaluated, EvaluateError> {
        if let Some(shown) = self.view.shown() {
            // Its rows are evaluated one by one, and once.
            let failed = self.failed.take();
            let evaluated = row_by_row(self.view, shown, self.shape, rows, newest, self.names, failed);
            return evaluated.map_err(|located| located.0);
        }
        // Whoever has no failure pays nothing.
        let error = match evaluate_located(self.view, self.shape, rows, newest, self.names) {
            Ok(evaluated) => return Ok(evaluated),
            Err(error) => error,
        };
        let features = &self.view.description().output_features;
        let mut so_far = SoFar {
            rows,
            features: features.iter().map(|field| Column::new(field.value_type)).collect(),
            statuses: Vec::new(),
            ruled: self.view.no_statuses(),
            states: (0..rows.states.len()).map(|group| rows.states.get(group).to_vec()).collect(),
        };
        self.part(&mut so_far, 0..rows.len(), newest, Some(error))?;
        let states = rows.want_states.then(|| joined(&so_far.states));
        let SoFar { features, statuses, ruled, .. } = so_far;
        Ok(Evaluated { features, statuses, ruled, states })
    }

    /// Evaluates some rows that follow those before; `error` is what came of them as a whole, if they were tried.
    fn part(
        &mut self,
        so_far: &mut SoFar<'_>,
        mut range: Range<usize>,
        newest: &mut [Option<EventTime>],
        mut error: Option<LocatedError>,
    ) -> Result<(), EvaluateError> {
        while !range.is_empty() {
            let tried = match error.take() {
                Some(error) => Err(error),
                None => self.try_rows(so_far, range.clone(), newest),
            };
            let Err(located) = tried else { return Ok(()) };
            let (error, at) = *located;
            let is_last = at.is_some() || range.len() == 1 || is_too_long(so_far.rows, &range, &error);
            if error.source.is_final() || self.failed.is_none() && is_last {
                return Err(error.renumbered(|question| Some(question + questions_before(so_far.rows, range.start))));
            }
            if range.len() == 1 {
                self.leave_out(so_far, range.start, error);
                return Ok(());
            }
            let middle = match at.map(|at| range.start + at) {
                // The row by itself: what is printed for others of a batch, and whose they are, does not belong to it.
                Some(row) if row == range.start => row + 1,
                Some(row) if range.contains(&row) => row,
                _ => middle(so_far.rows, &range),
            };
            self.part(so_far, range.start..middle, newest, None)?;
            range.start = middle;
        }
        Ok(())
    }

    /// Evaluates some rows as they are.
    fn try_rows(
        &self,
        so_far: &mut SoFar<'_>,
        range: Range<usize>,
        newest: &mut [Option<EventTime>],
    ) -> Result<(), LocatedError> {
        let of_rows = &so_far.rows.groups[range.clone()];
        let first = of_rows.iter().min().copied().unwrap_or(0);
        let groups = first as usize..of_rows.iter().max().map_or(0, |last| *last as usize + 1);
        let mut rows = so_far.rows.slice(range.start, range.end, joined(&so_far.states[groups.clone()]));
        rows.groups.iter_mut().for_each(|group| *group -= first);
        let entity = |group: u32| (self.names.entity)(group + first);
        let evaluated = evaluate_located(
            self.view,
            Shape::ReplayPart,
            &rows,
            &mut newest[groups.clone()],
            Names { entity: &entity, asked: None },
        )?;
        for (all, next) in so_far.features.iter_mut().zip(&evaluated.features) {
            // The parts of a batch are no larger than the batch, but for their defaults.
            all.append(next).map_err(|error| outgrown(self.view, &rows, &error, &entity))?;
        }
        so_far.statuses.extend(evaluated.statuses);
        so_far.ruled.append(&evaluated.ruled);
        let states = evaluated.states.expect("the states of a part are wanted");
        groups.clone().for_each(|group| so_far.states[group] = states.get(group - groups.start).to_vec());
        Ok(())
    }

    /// A row that fails by itself.
    fn leave_out(&mut self, so_far: &mut SoFar<'_>, row: usize, error: EvaluateError) {
        if so_far.rows.kinds[row] == Kind::Question as u8 {
            so_far.features.iter_mut().for_each(Column::push_null);
            so_far.statuses.push(Status::NullValue);
            so_far.ruled.push(Status::NullValue);
        }
        if let Some(failed) = &mut self.failed {
            // It was numbered by itself.
            failed(row, EvaluateError { question: question_at(so_far.rows, row), ..error });
        }
    }
}

/// Whether the rows are few, of one entity, and took too long.
fn is_too_long(rows: &Rows, range: &Range<usize>, error: &EvaluateError) -> bool {
    let groups = &rows.groups[range.clone()];
    error.source.is_of_time() && groups.len() <= ROWS_OF_TIME && groups.iter().all(|group| *group == groups[0])
}

/// Where some rows are cut: between two entities where there are several, about in the middle.
fn middle(rows: &Rows, range: &Range<usize>) -> usize {
    let middle = range.start.midpoint(range.end);
    let is_cut = |row: &usize| rows.groups[row - 1] != rows.groups[*row];
    let before = (range.start + 1..=middle).rev().find(is_cut);
    let after = (middle + 1..range.end).find(is_cut);
    match (before, after) {
        (Some(before), Some(after)) if after - middle < middle - before => after,
        (Some(cut), _) | (None, Some(cut)) => cut,
        (None, None) => middle,
    }
}

fn questions_before(rows: &Rows, row: usize) -> u32 {
    rows.kinds[..row].iter().filter(|kind| **kind == Kind::Question as u8).count() as u32
}

fn joined(states: &[Vec<u8>]) -> States {
    let mut all = States::default();
    for state in states {
        all.push(state).expect("the states of a batch are no larger than they were");
    }
    all
}
