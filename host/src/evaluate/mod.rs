//! THE path: (component, states, rows) -> features.
//!
//! Offline replay and online serving reach a component only through [`evaluate`]. What is decided here is therefore the
//! same on both sides: the call itself, the status of each answer, the times to live, the nulls of what expired, and defaults.
//!
//! - `program`: a view ready to run. - `locate`: which row a failure is about. - `skip`: a batch that fails is cut, and rows without an answer
//!   become nulls.
//! - `status`: how a view answered. - `rules`: the defaults of features, and their own times to live. - `serving`: the calls of pushes
//!   and questions. - `shown`: what a component writes, with its row.
//!
//! Knows nothing of where rows and states come from, nor of what becomes of the answers.

mod locate;
mod program;
mod rules;
mod serving;
mod shown;
mod skip;
mod status;

pub use program::{ProgramError, ViewProgram};
pub use rules::{FeatureRule, RuledStatuses};
pub use serving::{EventCall, ServingError, StateQuestions, ViewAnswers, answer_from_states};
pub use shown::{OutputSink, RowOutput};
pub use skip::{evaluate_apart, evaluate_or_null};
pub use status::Status;

use std::sync::OnceLock;

use crate::batch::{Answers, Column, ColumnError, Kind, Rows, Shape, States};
use crate::time::{AsOf, EventTime, Length, format_time, outside_max_age};
use crate::wasm::CallError;
use rules::Met;

/// The answers of one view to one batch.
#[derive(Clone, Debug)]
pub struct Evaluated {
    /// One column per output feature over the question rows, in row order.
    pub features: Vec<Column>,
    /// One per question row: how the view answered it, before single nulls are told apart, and features with rules.
    pub statuses: Vec<Status>,
    /// The statuses of the features that have a default or a time to live of their own.
    pub ruled: RuledStatuses,
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

/// Names whom the rows of a batch are about.
#[derive(Clone, Copy)]
pub struct Names<'a> {
    /// Names a group, for errors and for what is shown: the values of its key, with `, ` between; no text where a view has no entity
    /// of its own.
    pub entity: &'a dyn Fn(u32) -> String,
    /// Names whom a question to a view without an entity is about, by its number among those of the batch, for what is shown.
    pub asked: Option<&'a dyn Fn(u32) -> String>,
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
    evaluate_named(view, shape, rows, newest, Names { entity, asked: None })
}

/// The same, with names of questions.
fn evaluate_named(
    view: &ViewProgram,
    shape: Shape,
    rows: &Rows,
    newest: &mut [Option<EventTime>],
    names: Names<'_>,
) -> Result<Evaluated, EvaluateError> {
    evaluate_located(view, shape, rows, newest, names).map_err(|located| located.0)
}

/// An error, and the row at fault where that is known.
type LocatedError = Box<(EvaluateError, Option<usize>)>;

/// The same; an error comes with the row at fault, where that is known.
fn evaluate_located(
    view: &ViewProgram,
    shape: Shape,
    rows: &Rows,
    newest: &mut [Option<EventTime>],
    names: Names<'_>,
) -> Result<Evaluated, LocatedError> {
    if let Some(shown) = view.shown() {
        return shown::row_by_row(view, shown, shape, rows, newest, names, None);
    }
    observe(shape, rows);
    let answers = view.process(rows, None).map_err(|source| {
        let at = locate::row_at_fault(view, rows, &source).filter(|at| *at < rows.len());
        let question = at.and_then(|at| question_at(rows, at));
        let error =
            EvaluateError { view: view.id().to_owned(), place: place(rows, at, names.entity), question, source };
        Box::new((error, at))
    })?;
    settled(view, rows, newest, answers, names.entity)
}

/// Tells whoever observes calls of one that is made now.
fn observe(shape: Shape, rows: &Rows) {
    if let Some(observe) = OBSERVER.get() {
        observe(shape, rows);
    }
}

/// Answers of a transform as those of the view: with statuses, without what has expired, and with defaults.
fn settled(
    view: &ViewProgram,
    rows: &Rows,
    newest: &mut [Option<EventTime>],
    answers: Answers,
    entity: &dyn Fn(u32) -> String,
) -> Result<Evaluated, LocatedError> {
    let mut features = answers.features;
    let before = view.rules().have_defaults().then(|| newest.to_vec());
    let (statuses, met) = statuses(view, rows, newest);
    match view.rules().apply(&mut features, &statuses, &met, view.has_sources()) {
        Ok(ruled) => Ok(Evaluated { features, statuses, ruled, states: answers.states }),
        Err(error) => {
            // Nothing was evaluated: fewer rows have room.
            newest.copy_from_slice(&before.unwrap_or_default());
            let reason = format!("the defaults of its features make its answers too large: {error}");
            let source = CallError::Limit { reason, stderr: String::new() };
            let place = place(rows, None, entity);
            Err(Box::new((EvaluateError { view: view.id().to_owned(), place, question: None, source }, None)))
        }
    }
}

/// The answers of a batch that are larger, with their defaults, than a column can be, though those of its parts were not.
fn outgrown(view: &ViewProgram, rows: &Rows, error: &ColumnError, entity: &dyn Fn(u32) -> String) -> LocatedError {
    let reason = format!("the defaults of its features make the answers of a batch too large: {error}");
    let (view, source) = (view.id().to_owned(), CallError::Host { reason });
    Box::new((EvaluateError { view, place: place(rows, None, entity), question: None, source }, None))
}

/// Walks the batch as time passes: events make the view's answer newer, questions meet it at some age. Also gives what each question
/// met, where a feature has a time to live of its own.
fn statuses(view: &ViewProgram, rows: &Rows, newest: &mut [Option<EventTime>]) -> (Vec<Status>, Vec<Met>) {
    let mut statuses = Vec::with_capacity(rows.questions());
    let (mut met, is_met) = (Vec::new(), view.rules().have_ttl());
    for ((time, group), kind) in rows.times.iter().zip(&rows.groups).zip(&rows.kinds) {
        let newest = &mut newest[*group as usize];
        if *kind == Kind::Event as u8 {
            *newest = EventTime::newer_of(*newest, Some(EventTime::from_micros(*time)));
            continue;
        }
        let as_of = AsOf::from_micros(*time);
        statuses.push(status_at(view.has_sources(), *newest, as_of, view.ttl()));
        if is_met {
            met.push((*newest, as_of));
        }
    }
    (statuses, met)
}

/// The status of what has this newest event and time to live.
fn status_at(has_sources: bool, newest: Option<EventTime>, as_of: AsOf, ttl: Option<Length>) -> Status {
    if has_sources && newest.is_none() {
        Status::NotFound
    } else if outside_max_age(newest, as_of, ttl) {
        Status::OutsideMaxAge
    } else {
        Status::Present
    }
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
