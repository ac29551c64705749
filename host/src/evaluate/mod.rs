//! THE path: (component, states, rows) -> features.
//!
//! Offline replay and online serving reach a component only through [`evaluate`]. What is decided here is therefore the
//! same on both sides: the call itself, the status of each answer, the time to live, and the nulls of an expired view.
//!
//! - `program`: a view ready to run. - `locate`: which row a failure is about. - `skip`: a batch that fails is cut, and rows without an answer
//!   become nulls.
//! - `status`: how a view answered. - `serving`: the calls of pushes and questions.
//!
//! Knows nothing of where rows and states come from, nor of what becomes of the answers.

mod locate;
mod program;
mod serving;
mod skip;
mod status;

pub use program::{ProgramError, ViewProgram};
pub use serving::{EventCall, ServingError, StateQuestions, ViewAnswers, answer_from_states};
pub use skip::{evaluate_apart, evaluate_or_null};
pub use status::Status;

use std::sync::OnceLock;

use crate::batch::{Column, Kind, Rows, Shape, States};
use crate::time::{AsOf, EventTime, format_time, outside_max_age};
use crate::wasm::CallError;

/// The answers of one view to one batch.
#[derive(Clone, Debug)]
pub struct Evaluated {
    /// One column per output feature over the question rows, in row order.
    pub features: Vec<Column>,
    /// One per question row: how the view answered it, before single nulls are told apart.
    pub statuses: Vec<Status>,
    /// The state of each group after its last row, if it was wanted.
    pub states: Option<States>,
}

/// A batch that could not be evaluated.
#[derive(Debug, thiserror::Error)]
#[error("view {view}, {place}: {source}")]
pub struct EvaluateError {
    /// The view.
    pub view: String,
    /// Entity and time, as far as they are known.
    pub place: String,
    /// The question without an answer, where it is known: its number, from 0, among those of the call, and then of whoever called.
    pub question: Option<u32>,
    /// What happened.
    pub source: CallError,
}

impl EvaluateError {
    /// The same, with the question as whoever called numbers it.
    pub(crate) fn renumbered(self, number: impl FnOnce(u32) -> Option<u32>) -> Self {
        Self { question: self.question.and_then(number), ..self }
    }

    /// The same, with words for who was asked about, in which row.
    pub(crate) fn about(self, asked: &str) -> Self {
        Self { place: format!("{asked}, {}", self.place), ..self }
    }
}

/// The number of the question in `row` among those of the batch, from 0; `None` where the row is none.
fn question_at(rows: &Rows, row: usize) -> Option<u32> {
    let is_question = |kind: &u8| *kind == Kind::Question as u8;
    let before = rows.kinds.iter().take(row).filter(|kind| is_question(kind)).count() as u32;
    rows.kinds.get(row).is_some_and(is_question).then_some(before)
}

/// Is told of every call before it is made.
static OBSERVER: OnceLock<fn(Shape, &Rows)> = OnceLock::new();

/// Has every call of this process told to `observer`, for tests of what is really called. The first one stays.
#[doc(hidden)]
pub fn observe_calls(observer: fn(Shape, &Rows)) {
    let _ = OBSERVER.set(observer);
}

/// Evaluates one batch of one view.
///
/// `shape` says what the call is made for: admission has a case of each shape, and tests hold callers to it. `newest` holds, per group, the newest event time applied before the batch, and after the call the one after it.
/// `entity` names a group for errors.
pub fn evaluate(
    view: &ViewProgram,
    shape: Shape,
    rows: &Rows,
    newest: &mut [Option<EventTime>],
    entity: &dyn Fn(u32) -> String,
) -> Result<Evaluated, EvaluateError> {
    evaluate_located(view, shape, rows, newest, entity).map_err(|located| located.0)
}

/// An error, and the row at fault where that is known.
type LocatedError = Box<(EvaluateError, Option<usize>)>;

/// The same; an error comes with the row at fault, where that is known.
fn evaluate_located(
    view: &ViewProgram,
    shape: Shape,
    rows: &Rows,
    newest: &mut [Option<EventTime>],
    entity: &dyn Fn(u32) -> String,
) -> Result<Evaluated, LocatedError> {
    if let Some(observe) = OBSERVER.get() {
        observe(shape, rows);
    }
    let answers = view.process(rows).map_err(|source| {
        let at = locate::row_at_fault(view, rows, &source).filter(|at| *at < rows.len());
        let question = at.and_then(|at| question_at(rows, at));
        let error = EvaluateError { view: view.id().to_owned(), place: place(rows, at, entity), question, source };
        Box::new((error, at))
    })?;
    let mut features = answers.features;
    let statuses = statuses(view, rows, newest);
    if statuses.contains(&Status::OutsideMaxAge) {
        for feature in &mut features {
            *feature = without_expired(feature, &statuses);
        }
    }
    Ok(Evaluated { features, statuses, states: answers.states })
}

/// Walks the batch as time passes: events make the view's answer newer, questions meet it at some age.
fn statuses(view: &ViewProgram, rows: &Rows, newest: &mut [Option<EventTime>]) -> Vec<Status> {
    let mut statuses = Vec::with_capacity(rows.questions());
    for ((time, group), kind) in rows.times.iter().zip(&rows.groups).zip(&rows.kinds) {
        let newest = &mut newest[*group as usize];
        if *kind == Kind::Event as u8 {
            *newest = EventTime::newer_of(*newest, Some(EventTime::from_micros(*time)));
        } else if view.has_sources() && newest.is_none() {
            statuses.push(Status::NotFound);
        } else if outside_max_age(*newest, AsOf::from_micros(*time), view.ttl()) {
            statuses.push(Status::OutsideMaxAge);
        } else {
            statuses.push(Status::Present);
        }
    }
    statuses
}

/// The column with a null wherever the view has expired.
fn without_expired(feature: &Column, statuses: &[Status]) -> Column {
    let mut kept = Column::with_capacity(feature.value_type(), feature.len());
    for (row, status) in statuses.iter().enumerate() {
        if *status == Status::OutsideMaxAge {
            kept.push_null();
        } else {
            kept.extend_from(feature, &[row as u32]).expect("a part of a column is no larger than the column");
        }
    }
    kept
}

/// Names the row at fault, or what the batch holds where the row is not known. A group without a name is left out.
fn place(rows: &Rows, at: Option<usize>, entity: &dyn Fn(u32) -> String) -> String {
    let is_unnamed = rows.groups.first().is_some_and(|group| entity(*group).is_empty());
    if is_unnamed {
        return match at.filter(|at| *at < rows.len()) {
            Some(at) => format!("question at {}", format_time(rows.times[at])),
            None => format!("{} questions in one call", rows.len()),
        };
    }
    let Some(at) = at.filter(|at| *at < rows.len()) else {
        return match rows.groups.first() {
            Some(group) if rows.states.len() == 1 => format!("entity {}", entity(*group)),
            Some(group) => {
                format!("entity {} and {} more in one call", entity(*group), rows.states.len() - 1)
            }
            None => "an empty call".to_owned(),
        };
    };
    let what = if rows.kinds[at] == Kind::Event as u8 { "event of" } else { "question at" };
    format!("entity {}, {what} {}", entity(rows.groups[at]), format_time(rows.times[at]))
}
