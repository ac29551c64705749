//! A declared view: what it takes and gives, and a batch of rows processed.

use onepath_definition::{Checked, Definition, Field, Node};
use onepath_sdk::batch::{Column, EVENT, Failure, Output, QUESTION, Rows, Values};

use crate::expression::{Cells, Evaluated, FAILED, NULL};
use crate::input::{Failures, check, row_of};
use crate::state::{Given, assemble};
use crate::store::{self, Job, Plan};

/// A declared view, ready to run.
pub struct View {
    checked: Checked,
    plans: Vec<Plan>,
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
        View { plans: store::plans(&checked), checked }
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
        let (event_times, question_times) = times(rows, questions);
        let given = Given::new(rows, self.plans.len())?;
        let event_rows = rows.kinds.len() - questions;
        let fields = |node: &Node| match node {
            Node::Event(field) => rows.event_fields.get(*field as usize),
            _ => None,
        };
        let definition = self.definition();
        let event_types = self.checked.event_types();
        let events = Evaluated::new(&definition.event, event_types, event_rows, &event_times, fields);
        let mut reads: Vec<Option<Column>> = definition.reads.iter().map(|_| None).collect();
        let mut written = Vec::with_capacity(self.plans.len());
        for (at, (store, plan)) in definition.stores.iter().zip(&self.plans).enumerate() {
            let job = Job { rows, given: &given, at, store, plan, events: &events, event_types, questions };
            let ran = store::run(&job, &mut failures);
            for (&(read, _), column) in plan.reads.iter().zip(ran.columns) {
                reads[read] = Some(column.finish());
            }
            written.extend(ran.written);
        }
        let features = self.features(rows, questions, &question_times, &reads, &mut failures);
        failures.check()?;
        Ok(Output { features, states: rows.want_states.then(|| assemble(&given, &written)) })
    }

    /// The features over the questions of a batch.
    fn features(
        &self,
        rows: &Rows,
        questions: usize,
        times: &Values,
        reads: &[Option<Column>],
        failures: &mut Failures,
    ) -> Vec<Column> {
        let definition = self.definition();
        let leaf = |node: &Node| match node {
            Node::Request(field) => rows.request_fields.get(*field as usize),
            Node::Input(field) => rows.input_features.get(*field as usize),
            Node::Read(read) => reads.get(*read as usize).and_then(Option::as_ref),
            _ => None,
        };
        let program = &definition.question;
        let answers = Evaluated::new(program, self.checked.question_types(), questions, times, leaf);
        let feature = |feature: &onepath_definition::Feature| {
            let cells = answers.cells(feature.node);
            if let Some(marks) = cells.marks.as_deref() {
                for (question, &mark) in marks.iter().enumerate() {
                    if mark == FAILED {
                        let message = || {
                            let why = match &program.nodes[feature.node as usize] {
                                Node::Read(_) => "the sum is beyond int64".to_owned(),
                                _ => answers.failure(feature.node, question),
                            };
                            format!("feature `{}`: {why}", feature.name)
                        };
                        failures.note(row_of(rows, QUESTION, question), message);
                    } else if mark == NULL && !feature.nullable {
                        let message =
                            || format!("feature `{}` is null, and is declared to be never null", feature.name);
                        failures.note(row_of(rows, QUESTION, question), message);
                    }
                }
            }
            column(cells)
        };
        definition.features.iter().map(feature).collect()
    }
}

fn column(cells: &Cells<'_>) -> Column {
    let nulls = cells.marks.as_deref().filter(|marks| marks.contains(&NULL));
    Column { values: cells.values.clone().into_owned(), nulls: nulls.map(<[u8]>::to_vec) }
}

/// The times of the events, and those of the questions.
fn times(rows: &Rows, questions: usize) -> (Values, Values) {
    let of = |kind: u8, count: usize| {
        if count == rows.times.len() {
            return Values::Times(rows.times.clone());
        }
        let mut times = Vec::with_capacity(count);
        times.extend(rows.times.iter().zip(&rows.kinds).filter(|&(_, &other)| other == kind).map(|(&time, _)| time));
        Values::Times(times)
    };
    (of(EVENT, rows.times.len() - questions), of(QUESTION, questions))
}
