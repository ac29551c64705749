//! Runs a case in one way or another, and tells where two runs differ.

use std::cell::RefCell;
use std::rc::Rc;

use super::Subject;
use super::case::{Case, batch};
use crate::batch::{Column, Kind, States, Value};
use crate::schema::Description;
use crate::wasm::CallError;

/// Which instance answers a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Instance {
    /// One that was never called.
    Fresh,
    /// One that other calls have used.
    Used,
    /// A fresh one that is interpreted.
    Interpreted,
}

/// One call: these rows of a case, in this order, with the states of these entities.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) rows: Vec<usize>,
    pub(super) entities: Vec<u32>,
    pub(super) want_states: bool,
}

/// A component under test, with what every call of it gets.
pub(super) struct Bench<'a> {
    pub(super) subject: &'a dyn Subject,
    pub(super) description: &'a Description,
    pub(super) parameters: &'a [Column],
    /// The case that was run last in one call on a fresh instance, and what came of it: every law is held to that.
    last: RefCell<Option<(Case, Rc<Run>)>>,
}

/// What came of running a case.
#[derive(Debug)]
pub(super) struct Run {
    /// Per row of the case, the features of a question that was asked.
    answers: Vec<Option<Vec<Value>>>,
    /// Per entity, the state after its last row, if it was wanted.
    states: Vec<Option<Vec<u8>>>,
    /// The first row that gave no answer.
    pub(super) stop: Option<Stop>,
}

/// A call that gave no answer.
#[derive(Clone, Debug)]
pub(super) struct Stop {
    /// The row of the case, if it is known.
    pub(super) row: Option<usize>,
    /// What the transform or its sandbox said.
    pub(super) message: String,
    /// A refusal by the transform itself, which may be; everything else may not.
    pub(super) is_failure: bool,
    /// Whether a limit was hit, which takes long to try again.
    pub(super) is_limit: bool,
}

impl<'a> Bench<'a> {
    pub(super) fn new(subject: &'a dyn Subject, description: &'a Description, parameters: &'a [Column]) -> Self {
        Self { subject, description, parameters, last: RefCell::default() }
    }

    /// The case in one call on a fresh instance. A limit that was met is tried again each time: it may not be met then.
    pub(super) fn whole(&self, case: &Case) -> Rc<Run> {
        if let Some((_, run)) = self.last.borrow().as_ref().filter(|(last, _)| last.is_same(case)) {
            return Rc::clone(run);
        }
        let run = Rc::new(self.run(case, Instance::Fresh, &[whole(case)]));
        let met_a_limit = run.stop.as_ref().is_some_and(|stop| stop.is_limit);
        *self.last.borrow_mut() = (!met_a_limit).then(|| (case.clone(), Rc::clone(&run)));
        run
    }

    /// Where the aggregates of the component break the law of merging on the events of the case.
    pub(super) fn merges(&self, case: &Case) -> Result<Option<String>, CallError> {
        let states = States { ends: vec![0; case.entities() as usize], bytes: Vec::new() };
        let rows = case.rows.iter().map(|row| (row, row.entity));
        self.subject.merges(self.parameters, &batch(self.description, rows, states, true))
    }

    /// Makes the calls in order and carries the states. After a call without an answer its entities are left alone.
    pub(super) fn run(&self, case: &Case, instance: Instance, calls: &[Call]) -> Run {
        let entities = case.entities() as usize;
        let mut run = Run { answers: vec![None; case.rows.len()], states: vec![None; entities], stop: None };
        let mut states: Vec<Option<Vec<u8>>> = vec![Some(Vec::new()); entities];
        for call in calls {
            let mut before = States::default();
            let known = call.entities.iter().map(|entity| states[*entity as usize].as_deref());
            let Some(known) = known.collect::<Option<Vec<&[u8]>>>() else { continue };
            known.into_iter().for_each(|state| before.push(state).expect("the states of a case are small"));
            let group = |entity: u32| call.entities.iter().position(|known| *known == entity).unwrap_or(0) as u32;
            let rows = call.rows.iter().map(|row| (&case.rows[*row], group(case.rows[*row].entity)));
            let rows = batch(self.description, rows, before, call.want_states);
            self.subject.entities(&call.entities);
            match self.subject.process(instance, self.parameters, &rows) {
                Ok(answers) => {
                    let questions = call.rows.iter().filter(|row| case.rows[**row].kind == Kind::Question);
                    for (question, row) in questions.enumerate() {
                        let values = answers.features.iter().map(|feature| feature.value(question));
                        run.answers[*row] = Some(values.collect());
                    }
                    for (group, entity) in call.entities.iter().enumerate() {
                        let after = answers.states.as_ref().map(|states| states.get(group).to_vec());
                        run.states[*entity as usize].clone_from(&after);
                        states[*entity as usize] = after;
                    }
                }
                Err(error) => {
                    call.entities.iter().for_each(|entity| states[*entity as usize] = None);
                    run.note(stop(error, &call.rows));
                }
            }
        }
        run
    }
}

impl Run {
    /// Keeps the first of all rows that gave no answer; one whose row is not known only where there is no other.
    fn note(&mut self, stop: Stop) {
        let earlier = |kept: &Stop| match (kept.row, stop.row) {
            (Some(kept), Some(row)) => kept <= row,
            (kept, row) => kept.is_some() || row.is_none(),
        };
        if !self.stop.as_ref().is_some_and(earlier) {
            self.stop = Some(stop);
        }
    }

    /// Where another run of the same case differs, in words that name rows from 1. What only one of them asked is not compared.
    pub(super) fn difference(&self, other: &Run, description: &Description, names: [&str; 2]) -> Option<String> {
        let [first, second] = names;
        match (&self.stop, &other.stop) {
            (None, None) => {}
            (Some(a), Some(b))
                if a.is_failure == b.is_failure && (a.row == b.row || a.row.is_none() || b.row.is_none()) =>
            {
                return None;
            }
            (a, b) => {
                let told = |stop: &Option<Stop>| match stop {
                    None => "every row is answered".to_owned(),
                    Some(stop) => stop.tell(),
                };
                return Some(format!("{first}: {}\n{second}: {}", told(a), told(b)));
            }
        }
        for (row, (a, b)) in self.answers.iter().zip(&other.answers).enumerate() {
            let (Some(a), Some(b)) = (a, b) else { continue };
            if let Some(difference) = difference_of_values(a, b, description, names) {
                return Some(format!("row {}, {difference}", row + 1));
            }
        }
        for (entity, (a, b)) in self.states.iter().zip(&other.states).enumerate() {
            let (Some(a), Some(b)) = (a, b) else { continue };
            if let Some(difference) = difference_of_states(a, b, names) {
                return Some(format!("state of entity {}, {difference}", entity + 1));
            }
        }
        None
    }
}

/// Where the features of one question differ, in words.
pub(super) fn difference_of_values(
    first: &[Value],
    second: &[Value],
    description: &Description,
    names: [&str; 2],
) -> Option<String> {
    let at = (0..first.len()).find(|at| !second.get(*at).is_some_and(|other| first[*at].same_bits(other)))?;
    let told = |value: Option<&Value>| match value {
        Some(value) => format!("{} ({})", brief(&value.to_string()), brief(&value.hex())),
        None => "nothing".to_owned(),
    };
    let feature = &description.output_features[at].name;
    let (a, b) = (told(first.get(at)), told(second.get(at)));
    Some(format!("feature {feature}\n{}: {a}\n{}: {b}", names[0], names[1]))
}

/// Where two states of one entity differ, in words.
pub(super) fn difference_of_states(first: &[u8], second: &[u8], names: [&str; 2]) -> Option<String> {
    if first == second {
        return None;
    }
    let at = first.iter().zip(second).take_while(|(a, b)| a == b).count();
    let told = |state: &[u8]| format!("{} bytes, {}", state.len(), bytes_from(state, at));
    Some(format!("from byte {at}\n{}: {}\n{}: {}", names[0], told(first), names[1], told(second)))
}

impl Stop {
    /// What happened, with its row from 1.
    pub(super) fn tell(&self) -> String {
        match self.row {
            Some(row) => format!("row {}: {}", row + 1, self.message),
            None => self.message.clone(),
        }
    }
}

/// The whole case in one call.
pub(super) fn whole(case: &Case) -> Call {
    Call { rows: (0..case.rows.len()).collect(), entities: (0..case.entities()).collect(), want_states: true }
}

fn stop(error: CallError, rows: &[usize]) -> Stop {
    let is_limit = matches!(error, CallError::Limit { .. });
    let (row, is_failure) = match &error {
        CallError::Failure { row, .. } => (row.and_then(|row| rows.get(row as usize).copied()), true),
        _ => (None, false),
    };
    // A call of one row can only mean that row.
    let row = row.or(if let [row] = rows { Some(*row) } else { None });
    Stop { row, message: error.to_string(), is_failure, is_limit }
}

/// A text short enough for a table.
pub(super) fn brief(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    match text.char_indices().nth(CHARS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}... ({} bytes)", &text[..end], text.len()),
    }
}

fn bytes_from(bytes: &[u8], at: usize) -> String {
    const SHOWN: usize = 16;
    let hex = crate::digest::hex(&bytes[at..bytes.len().min(at + SHOWN)]);
    match bytes.len() - at {
        0 => "ends there".to_owned(),
        rest if rest > SHOWN => format!("0x{hex}..."),
        _ => format!("0x{hex}"),
    }
}
