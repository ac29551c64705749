//! A declared view: what it takes and gives, and a batch of rows processed.

use onepath_definition::{Checked, Definition, Field, Node, NodeIndex, ValueType};
use onepath_sdk::batch::{Column, EVENT, Failure, Output, QUESTION, Rows, Values};

use crate::column::Writer;
use crate::expression::{Evaluated, FAILED, NULL};
use crate::input::{Failures, check, row_of};
use crate::selection::Selections;
use crate::state::{Given, assemble};
use crate::store::{self, Job, Plan, Progress};

/// A declared view, ready to run.
pub struct View {
    checked: Checked,
    /// What questions read of each store.
    plans: Vec<Plan>,
    /// The type of each read.
    reads: Vec<ValueType>,
    /// Where each feature comes from.
    sources: Vec<Source>,
    /// Whether something is computed of the times of events, and of those of questions.
    uses_times: [bool; 2],
}

/// Where a feature comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// It is a read that is no other feature: its column is handed over.
    Read(usize),
    /// It is a node.
    Node(NodeIndex),
}

/// What a view takes and gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// The columns of the events that it reads.
    pub event_fields: Vec<Field>,
    /// The fields that each question must bring with it.
    pub request_fields: Vec<Field>,
    /// The features of other views that each question must bring with it.
    pub input_features: Vec<Field>,
    /// The features that it gives.
    pub output_features: Vec<Feature>,
}

/// One feature that a view gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feature {
    /// Its name, its type, and whether it may be null.
    pub field: Field,
    /// What it means, for people.
    pub documentation: String,
}

impl View {
    /// The view of a definition.
    pub fn new(checked: Checked) -> Self {
        let (plans, reads) = store::plans(&checked);
        let definition = checked.definition();
        let mut is_handed_over = vec![false; reads.len()];
        let source = |feature: &onepath_definition::Feature| match definition.question.nodes[feature.node as usize] {
            Node::Read(read) if !std::mem::replace(&mut is_handed_over[read as usize], true) => {
                Source::Read(read as usize)
            }
            _ => Source::Node(feature.node),
        };
        let sources = definition.features.iter().map(source).collect();
        let uses_times = [&definition.event, &definition.question].map(|program| program.nodes.contains(&Node::Time));
        View { sources, plans, reads, uses_times, checked }
    }

    fn definition(&self) -> &Definition {
        self.checked.definition()
    }

    /// What the view takes and gives.
    pub fn describe(&self) -> Description {
        let definition = self.definition();
        let feature = |feature: &onepath_definition::Feature| Feature {
            field: Field {
                name: feature.name.clone(),
                value_type: self.checked.question_types()[feature.node as usize],
                nullable: feature.nullable,
            },
            documentation: feature.documentation.clone(),
        };
        Description {
            event_fields: definition.event_fields.clone(),
            request_fields: definition.request_fields.clone(),
            input_features: definition.input_features.clone(),
            output_features: definition.features.iter().map(feature).collect(),
        }
    }

    /// Applies the events and answers the questions of one batch, in row order. Whatever it is given, it does not panic.
    pub fn process(&self, rows: &Rows) -> Result<Output, Failure> {
        let mut failures = Failures::default();
        let questions = check(self.definition(), rows, &mut failures)?;
        let (event_times, question_times) = self.times(rows, questions);
        let given = Given::new(rows, self.plans.len())?;
        let event_rows = rows.kinds.len() - questions;
        let fields = |node: &Node| match node {
            Node::Event(field) => rows.event_fields.get(*field as usize),
            _ => None,
        };
        let definition = self.definition();
        let event_types = self.checked.event_types();
        let events =
            (event_rows > 0).then(|| Evaluated::new(&definition.event, event_types, event_rows, &event_times, fields));
        let events = events.as_ref();
        let mut progress = Progress {
            selections: Selections::new(rows, events, questions),
            columns: self.reads.iter().map(|&value_type| Writer::new(value_type, questions)).collect(),
            failures,
        };
        let mut written = Vec::with_capacity(if rows.want_states { self.plans.len() } else { 0 });
        for (at, (store, plan)) in definition.stores.iter().zip(&self.plans).enumerate() {
            let job = Job { rows, given: &given, at, store, plan, events, event_types };
            written.extend(store::run(&job, &mut progress));
        }
        let Progress { columns, mut failures, .. } = progress;
        let features = self.features(rows, questions, &question_times, columns, &mut failures);
        failures.check()?;
        Ok(Output { features, states: rows.want_states.then(|| assemble(&given, &written)) })
    }

    /// The times of the events, and those of the questions, where something is computed of them.
    fn times(&self, rows: &Rows, questions: usize) -> (Values, Values) {
        let of = |kind: u8, count: usize| {
            if !self.uses_times[usize::from(kind)] {
                return Values::Times(Vec::new());
            }
            let mut times = Vec::with_capacity(count);
            let all = rows.times.iter().zip(&rows.kinds);
            times.extend(all.filter(|&(_, &other)| other == kind).map(|(&time, _)| time));
            Values::Times(times)
        };
        (of(EVENT, rows.times.len() - questions), of(QUESTION, questions))
    }

    /// The features over the questions of a batch.
    fn features(
        &self,
        rows: &Rows,
        questions: usize,
        times: &Values,
        mut reads: Vec<Writer>,
        failures: &mut Failures,
    ) -> Vec<Column> {
        let definition = self.definition();
        let mut features: Vec<Column> = Vec::with_capacity(self.sources.len());
        if self.sources.iter().any(|source| matches!(source, Source::Node(_))) {
            let leaf = |node: &Node| match node {
                Node::Request(field) => rows.request_fields.get(*field as usize),
                Node::Input(field) => rows.input_features.get(*field as usize),
                Node::Read(read) => reads.get(*read as usize).map(|read| &read.column),
                _ => None,
            };
            let program = &definition.question;
            let answers = Evaluated::new(program, self.checked.question_types(), questions, times, leaf);
            for (feature, source) in definition.features.iter().zip(&self.sources) {
                features.push(match source {
                    Source::Read(_) => blank(),
                    Source::Node(node) => {
                        let cells = answers.cells(*node);
                        let why = |question| answers.failure(*node, question);
                        check_marks(rows, feature, cells.marks.as_deref(), why, failures);
                        Column { values: cells.values.clone().into_owned(), nulls: nulls(cells.marks.as_deref()) }
                    }
                });
            }
        } else {
            features.resize_with(self.sources.len(), blank);
        }
        for ((feature, source), column) in definition.features.iter().zip(&self.sources).zip(&mut features) {
            if let Source::Read(read) = source {
                let found = &mut reads[*read].column;
                if found.nulls.is_some() {
                    let why = |_| "the sum is beyond int64".to_owned();
                    check_marks(rows, feature, found.nulls.as_deref(), why, failures);
                }
                *column = std::mem::replace(found, blank());
            }
        }
        features
    }
}

/// A column that gives way to another.
fn blank() -> Column {
    Column { values: Values::Int64s(Vec::new()), nulls: None }
}

/// Notes the questions for which a feature has no value where it must have one.
fn check_marks(
    rows: &Rows,
    feature: &onepath_definition::Feature,
    marks: Option<&[u8]>,
    why: impl Fn(usize) -> String,
    failures: &mut Failures,
) {
    for (question, &mark) in marks.unwrap_or_default().iter().enumerate() {
        if mark == FAILED {
            let message = || format!("feature `{}`: {}", feature.name, why(question));
            failures.note(row_of(rows, QUESTION, question), message);
        } else if mark == NULL && !feature.nullable {
            let message = || format!("feature `{}` is null, and is declared to be never null", feature.name);
            failures.note(row_of(rows, QUESTION, question), message);
        }
    }
}

fn nulls(marks: Option<&[u8]>) -> Option<Vec<u8>> {
    marks.filter(|marks| marks.contains(&NULL)).map(<[u8]>::to_vec)
}
