//! What a component writes, shown with the view, the entity and the time of the row at which it was written.
//!
//! A call holds many rows, and what is written in it belongs to one of them, which nobody outside can tell. So where output is shown,
//! a batch is evaluated row by row with the states carried: a cut as any other, which decides nothing.

use std::fmt;
use std::sync::Arc;

use super::{
    EvaluateError, Evaluated, LocatedError, Names, Status, ViewProgram, observe, outgrown, place, question_at, settled,
};
use crate::batch::{Column, Kind, Rows, Shape, Singles, kind_name};
use crate::time::{EventTime, format_time};
use crate::wasm::Written;

/// What a component wrote to standard output and error while it processed one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowOutput {
    /// The view, with its version.
    pub view: String,
    /// The keys of the entity, such as `customer_id=c207`; of a view without an entity those that the question brings.
    pub entity: String,
    /// Whether the row is an event or a question.
    pub kind: Kind,
    /// Microseconds: the event time of an event, the as-of of a question.
    pub time: i64,
    /// What was written, line by line, as a terminal shows it: control characters are replaced. Of more than 64 KiB the beginning, and a
    /// last line that says how much more there was.
    pub lines: Vec<String>,
}

/// Displays as the row: `activity@v1 customer_id=c207 event 2024-02-29T12:00:00Z`.
impl fmt::Display for RowOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { view, entity, kind, time, lines: _ } = self;
        let space = if entity.is_empty() { "" } else { " " };
        write!(f, "{view} {entity}{space}{} {}", kind_name(*kind as u8), format_time(*time))
    }
}

/// Whoever is shown what components write: called after each row at which something was written, from any thread.
#[derive(Clone)]
pub struct OutputSink(Arc<dyn Fn(&RowOutput) + Send + Sync>);

impl OutputSink {
    /// A sink that is this function. The rows of one entity come in their order; several threads call it at once.
    pub fn new(show: impl Fn(&RowOutput) + Send + Sync + 'static) -> Self {
        Self(Arc::new(show))
    }
}

impl fmt::Debug for OutputSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutputSink").finish_non_exhaustive()
    }
}

/// Where the output of a view's component goes.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub(super) sink: OutputSink,
    /// The key columns of the view's entity, in the order in which a key has its values.
    pub(super) keys: Vec<String>,
}

impl Shown {
    fn show(&self, view: &ViewProgram, rows: &Rows, row: usize, names: Names<'_>, written: &Written) {
        let lines = written.lines();
        if lines.is_empty() {
            return;
        }
        let kind = if rows.kinds[row] == Kind::Event as u8 { Kind::Event } else { Kind::Question };
        let entity = match (names.asked, question_at(rows, row)) {
            (Some(asked), Some(question)) if self.keys.is_empty() => printable_key(&asked(question)),
            _ => self.named(&(names.entity)(rows.groups[row])),
        };
        let view = view.id().to_owned();
        (self.sink.0)(&RowOutput { view, entity, kind, time: rows.times[row], lines });
    }

    /// The values of a key with the names of its columns. An entity is named by its values, with commas between.
    fn named(&self, entity: &str) -> String {
        const BETWEEN: &str = ", ";
        let entity = printable_key(entity);
        let values: Vec<&str> = match self.keys.len() {
            0 => return entity,
            1 => vec![&entity],
            _ => entity.split(BETWEEN).collect(),
        };
        // Values with commas of their own are not told apart.
        if values.len() != self.keys.len() {
            return format!("{}={entity}", self.keys.join(BETWEEN));
        }
        let named = self.keys.iter().zip(values).map(|(key, value)| format!("{key}={value}"));
        named.collect::<Vec<_>>().join(" ")
    }
}

/// A key whose values look like no other line.
fn printable_key(key: &str) -> String {
    key.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// Evaluates a batch row by row, and shows what is written at each. `failed` is told of rows without an answer, as by
/// [`evaluate_or_null`](super::evaluate_or_null); without it, the first one ends the batch.
pub(super) fn row_by_row(
    view: &ViewProgram,
    shown: &Shown,
    shape: Shape,
    rows: &Rows,
    newest: &mut [Option<EventTime>],
    names: Names<'_>,
    mut failed: Option<&mut dyn FnMut(usize, EvaluateError)>,
) -> Result<Evaluated, LocatedError> {
    let fields = view.description().output_features.iter();
    let mut features: Vec<Column> = fields.map(|field| Column::new(field.value_type)).collect();
    let mut all_statuses = Vec::with_capacity(rows.questions());
    let mut ruled = view.no_statuses();
    let mut singles = Singles::new(rows);
    for row in 0..rows.len() {
        let shape = of_one_row(shape);
        let single = singles.row(row, shape != Shape::QuestionOne);
        observe(shape, &single);
        let (group, mut written) = (rows.groups[row], Written::default());
        let answered = view.process(&single, Some(&mut written));
        shown.show(view, rows, row, names, &written);
        match answered {
            Ok(answers) => {
                singles.carry(row, &answers);
                let newest = &mut newest[group as usize..=group as usize];
                let settled = settled(view, &single, newest, answers, &|_| (names.entity)(group))?;
                for (all, next) in features.iter_mut().zip(&settled.features) {
                    all.append(next).map_err(|error| outgrown(view, rows, &error, names.entity))?;
                }
                all_statuses.extend(settled.statuses);
                ruled.append(&settled.ruled);
            }
            Err(source) => {
                let is_final = source.is_final();
                let (view, question) = (view.id().to_owned(), question_at(rows, row));
                let error = EvaluateError { view, place: place(rows, Some(row), names.entity), question, source };
                let Some(failed) = failed.as_deref_mut().filter(|_| !is_final) else {
                    return Err(Box::new((error, Some(row))));
                };
                if question.is_some() {
                    features.iter_mut().for_each(Column::push_null);
                    all_statuses.push(Status::NullValue);
                    ruled.push(Status::NullValue);
                }
                failed(row, error);
            }
        }
    }
    let states = rows.want_states.then(|| singles.into_states());
    Ok(Evaluated { features, statuses: all_statuses, ruled, states })
}

/// The shape of a call with one row of a call of `shape`.
fn of_one_row(shape: Shape) -> Shape {
    match shape {
        Shape::QuestionOne | Shape::QuestionMany => Shape::QuestionOne,
        Shape::PushOne | Shape::PushBatch => Shape::PushOne,
        Shape::ReplayFull | Shape::ReplaySlice | Shape::Fold | Shape::ReplayPart => Shape::ReplayPart,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entity_is_named_by_its_keys() {
        let named = |keys: &[&str], entity: &str| {
            let keys = keys.iter().map(|key| (*key).to_owned()).collect();
            Shown { sink: OutputSink::new(|_| {}), keys }.named(entity)
        };
        assert_eq!(named(&["customer_id"], "c207"), "customer_id=c207");
        assert_eq!(named(&["customer_id"], "Doe, Jane\nx"), "customer_id=Doe, Jane\u{fffd}x");
        assert_eq!(named(&["customer_id"], ""), "customer_id=");
        assert_eq!(named(&["country", "shop"], "DE, 7"), "country=DE shop=7");
        assert_eq!(named(&["country", "shop"], "DE, a, b"), "country, shop=DE, a, b");
        assert_eq!(named(&[], ""), "");
    }

    #[test]
    fn a_row_is_told_in_one_line() {
        let row = |entity: &str, kind| RowOutput {
            view: "activity@v1".to_owned(),
            entity: entity.to_owned(),
            kind,
            time: 1_709_208_000_000_000,
            lines: vec!["amount = 12.5".to_owned()],
        };
        assert_eq!(
            row("customer_id=c207", Kind::Event).to_string(),
            "activity@v1 customer_id=c207 event 2024-02-29T12:00:00Z"
        );
        assert_eq!(row("", Kind::Question).to_string(), "activity@v1 question 2024-02-29T12:00:00Z");
    }
}
