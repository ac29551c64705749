//! States that are carried through thousands of pushes, held to one pass over the same rows.
//!
//! A count that wraps, a decoder that does not take a long state, an answer that depends on how long a state is: none of these shows in
//! states of sixty events.

use super::case::{CaseRow, batch};
use super::generate::Generator;
use super::run::{Bench, Instance, difference_of_states, difference_of_values};
use super::shapes::Broken;
use super::world::{one, surely};
use crate::batch::{Answers, Kind, PUSH_ROWS, REPLAY_ROWS, States, Value};
use crate::time::Stopwatch;
use crate::wasm::CallError;

/// Rows of an entity whose events lie an hour apart: more than 16 bits count, where its transform is quick.
const ROWS: usize = 70_000;
/// The same where a row takes long.
const ROWS_OF_SLOW: usize = 6_000;
/// Seconds that a call of [`REPLAY_ROWS`] rows takes at most where a transform is quick.
const QUICK_SECONDS: f64 = 0.05;
/// So many events are pushed one at a time: more than 8 bits count.
const SINGLE: usize = 700;
/// Bytes of states that are given and given back at most, before pushes become as large as can be.
const STATES_BYTES: usize = 48 << 20;
/// Rows of an entity whose events lie a second apart, and how long its state may become: as long as may be stored.
const DENSE_ROWS: usize = 81_920;
const DENSE_BYTES: usize = 1 << 20;
/// A state of fewer bytes after [`REPLAY_ROWS`] rows is not growing.
const GROWING_BYTES: usize = 4 << 10;

const SECOND_US: i64 = 1_000_000;
const HOUR_US: i64 = 3_600 * SECOND_US;

/// How the next rows are pushed.
struct Chain<'a, 'b> {
    bench: &'a Bench<'b>,
    rows: &'a [CaseRow],
    state: Vec<u8>,
    /// Bytes of states that went to the transform and came back.
    moved: usize,
}

/// Tries both entities; the answer is how many pushes and questions that took, and the first difference.
pub(super) fn try_carry(bench: &Bench<'_>, generator: &mut Generator<'_>) -> (usize, Option<Broken>) {
    let (calls, broken) = hourly(bench, generator);
    if broken.is_some() {
        return (calls, broken);
    }
    let (more, broken) = dense(bench, generator);
    (calls + more, broken)
}

/// Pushes of one event, then of a few, then of many, against one pass, and against a pass in batches.
fn hourly(bench: &Bench<'_>, generator: &mut Generator<'_>) -> (usize, Option<Broken>) {
    let is_question = |at: usize| match at {
        0..SINGLE => at % 7 == 6,
        SINGLE..ROWS_OF_SLOW => at % 41 == 40,
        _ => at % 509 == 508,
    };
    let mut rows = generator.long(REPLAY_ROWS, HOUR_US, false, is_question);
    let stopwatch = Stopwatch::start();
    without_refused(bench, &mut rows);
    match stopwatch.seconds() > QUICK_SECONDS {
        true => rows.truncate(ROWS_OF_SLOW),
        false => {
            rows = generator.long(ROWS, HOUR_US, false, is_question);
            without_refused(bench, &mut rows);
        }
    }
    // What one pass does not answer is told of by the laws of small cases, or by nobody: there is no value.
    let Ok(pass) = in_one_pass(bench, &rows) else { return (0, None) };
    let mut known = Known::new(bench, &rows, &pass);
    let mut chain = Chain { bench, rows: &rows, state: Vec::new(), moved: 0 };
    let (mut calls, mut at) = (0, 0);
    while at < rows.len() {
        let length = match chain.moved > STATES_BYTES {
            true => PUSH_ROWS,
            false if at < SINGLE => 1,
            false => 1 + at % 7 + chain.state.len() / 4_096,
        };
        let (next, answer) = chain.next(at, length);
        if matches!(answer, Err(CallError::Host { .. })) {
            // Its time is over: what was not called has no state.
            return (calls, None);
        }
        if let Some(broken) = known.compare(at, next, &chain, answer) {
            return (calls, Some(broken));
        }
        (calls, at) = (calls + 1, next);
    }
    (calls, known.last_state(&chain.state, "pushed").or_else(|| batches(bench, &rows, &known)))
}

/// A pass in batches, cut as a backfill cuts an entity that does not fit.
fn batches(bench: &Bench<'_>, rows: &[CaseRow], known: &Known<'_, '_>) -> Option<Broken> {
    let mut state = Vec::new();
    for batch in rows.chunks(REPLAY_ROWS) {
        match call(bench, Instance::Fresh, batch, &state, true) {
            Ok(answers) => state = answers.states.map_or_else(Vec::new, |states| states.bytes),
            Err(CallError::Limit { .. } | CallError::Host { .. }) => return None,
            Err(error) => return Some(known.stopped(rows.len(), state.len(), "in batches", &error)),
        }
    }
    known.last_state(&state, "in batches")
}

/// Large pushes until the state is as long as may be stored; after each, a push of one event and a question.
fn dense(bench: &Bench<'_>, generator: &mut Generator<'_>) -> (usize, Option<Broken>) {
    let is_question = |at: usize| at % REPLAY_ROWS == REPLAY_ROWS - 1;
    let mut rows = generator.long(REPLAY_ROWS, SECOND_US, true, is_question);
    without_refused(bench, &mut rows);
    let grown = in_one_pass(bench, &rows).ok().and_then(|pass| pass.states).map_or(0, |states| states.bytes.len());
    if grown < GROWING_BYTES {
        return (0, None);
    }
    let batches = (DENSE_BYTES / grown + 2).min(DENSE_ROWS / REPLAY_ROWS);
    rows = generator.long(batches * REPLAY_ROWS, SECOND_US, true, is_question);
    without_refused(bench, &mut rows);
    let Ok(pass) = in_one_pass(bench, &rows) else { return (0, None) };
    let mut known = Known::new(bench, &rows, &pass);
    let mut chain = Chain { bench, rows: &rows, state: Vec::new(), moved: 0 };
    let (mut calls, mut at) = (0, 0);
    while at < rows.len() && chain.state.len() < DENSE_BYTES {
        let until_question = rows[at..].iter().take_while(|row| row.kind == Kind::Event).count();
        // The event before a question is pushed alone.
        let (next, answer) = chain.next(at, if until_question > 1 { until_question - 1 } else { 1 });
        if matches!(answer, Err(CallError::Host { .. })) {
            // Its time is over: what was not called has no state.
            return (calls, None);
        }
        if let Some(broken) = known.compare(at, next, &chain, answer) {
            return (calls, Some(broken));
        }
        (calls, at) = (calls + 1, next);
    }
    (calls, if at == rows.len() { known.last_state(&chain.state, "pushed") } else { None })
}

impl Chain<'_, '_> {
    /// Pushes the next events, of which there are `length` at most, or asks the next question. Gives the row after them.
    fn next(&mut self, at: usize, length: usize) -> (usize, Result<Answers, CallError>) {
        let (row, before) = (&self.rows[at], self.state.len());
        if row.kind == Kind::Question {
            self.moved += before;
            return (at + 1, one(self.bench, row, &self.state));
        }
        let events =
            self.rows[at..].iter().take_while(|row| row.kind == Kind::Event).count().min(length).min(PUSH_ROWS);
        let answers = call(self.bench, Instance::Used, &self.rows[at..at + events], &self.state, true);
        if let Ok(answers) = &answers {
            self.state = answers.states.as_ref().map_or_else(Vec::new, |states| states.bytes.clone());
            self.moved += before + self.state.len();
        }
        (at + events, answers)
    }
}

/// What one pass gave.
struct Known<'a, 'b> {
    bench: &'a Bench<'b>,
    rows: &'a [CaseRow],
    pass: &'a Answers,
    /// Questions before the next row.
    questions: usize,
}

impl<'a, 'b> Known<'a, 'b> {
    fn new(bench: &'a Bench<'b>, rows: &'a [CaseRow], pass: &'a Answers) -> Self {
        Self { bench, rows, pass, questions: 0 }
    }

    /// Compares what became of the rows `at..next`.
    fn compare(
        &mut self,
        at: usize,
        next: usize,
        chain: &Chain<'_, '_>,
        answer: Result<Answers, CallError>,
    ) -> Option<Broken> {
        let answers = match answer {
            Ok(answers) => answers,
            Err(error) => return Some(self.stopped(next, chain.state.len(), "pushed", &error)),
        };
        if self.rows[at].kind == Kind::Event {
            return None;
        }
        let values = |answers: &Answers, row: usize| -> Vec<Value> {
            answers.features.iter().map(|feature| feature.value(row)).collect()
        };
        let (known, given) = (values(self.pass, self.questions), values(&answers, 0));
        self.questions += 1;
        let names = ["in one pass", "pushed"];
        let difference = difference_of_values(&known, &given, self.bench.description, names)?;
        Some(self.broken(next, format!("row {next}, on a state of {} bytes, {difference}", chain.state.len())))
    }

    fn last_state(&self, state: &[u8], how: &str) -> Option<Broken> {
        let known = self.pass.states.as_ref().map_or(&[][..], |states| states.get(0));
        let difference = difference_of_states(known, state, ["in one pass", how])?;
        Some(self.broken(self.rows.len(), format!("state after {} rows, {difference}", self.rows.len())))
    }

    fn stopped(&self, row: usize, bytes: usize, how: &str, error: &CallError) -> Broken {
        let difference =
            format!("row {row}, on a state of {bytes} bytes\nin one pass: every row is answered\n{how}: {error}");
        self.broken(row, difference)
    }

    /// The rows up to this one.
    fn broken(&self, rows: usize, difference: String) -> Broken {
        Broken { rows: self.rows[..rows].to_vec(), difference }
    }
}

fn in_one_pass(bench: &Bench<'_>, rows: &[CaseRow]) -> Result<Answers, CallError> {
    call(bench, Instance::Fresh, rows, &[], true)
}

fn call(
    bench: &Bench<'_>,
    instance: Instance,
    rows: &[CaseRow],
    state: &[u8],
    want_states: bool,
) -> Result<Answers, CallError> {
    let mut states = States::default();
    states.push(state).expect("a state that was given back is short enough to be given");
    let mut rows = batch(bench.description, rows.iter().map(|row| (row, 0)), states, want_states);
    rows.unbounded_states = true;
    surely(|| bench.subject.process(instance, bench.parameters, &rows))
}

/// Leaves out what the transform refuses, as a push of it is. Where it refuses very many, what it takes ends there.
fn without_refused(bench: &Bench<'_>, rows: &mut Vec<CaseRow>) {
    const REFUSED_MAX: usize = 64;
    for _ in 0..REFUSED_MAX {
        match in_one_pass(bench, rows) {
            Err(CallError::Failure { row: Some(row), .. }) if (row as usize) < rows.len() => {
                // Whatever looks like it would be refused as well.
                let refused = rows.remove(row as usize);
                rows.retain(|row| !same_values(row, &refused));
            }
            _ => return,
        }
    }
    if let Err(CallError::Failure { row, .. }) = in_one_pass(bench, rows) {
        rows.truncate(row.unwrap_or(0) as usize);
    }
}

fn same_values(a: &CaseRow, b: &CaseRow) -> bool {
    a.kind == b.kind
        && !a.values.is_empty()
        && a.values.len() == b.values.len()
        && a.values.iter().zip(&b.values).all(|(a, b)| a.same_bits(b))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::super::tests::description;
    use super::super::{Sample, Subject};
    use super::*;
    use crate::batch::{Column, Rows};
    use crate::schema::{Description, ValueType};

    /// Counts events, in a state that has so many bytes for each.
    struct Counter {
        /// What is kept of a count.
        kept: fn(u64) -> u64,
        state_bytes_per_event: usize,
        state_bytes_max: usize,
        calls: Cell<usize>,
    }

    impl Subject for Counter {
        fn process(&self, _: Instance, _: &[Column], rows: &Rows) -> Result<Answers, CallError> {
            self.calls.set(self.calls.get() + 1);
            let given = rows.states.get(0);
            if given.len() > self.state_bytes_max {
                return Err(CallError::Trap { reason: "too long".to_owned(), stderr: String::new() });
            }
            let mut count = given.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
            let mut counts = Column::new(ValueType::Float64);
            for kind in &rows.kinds {
                match *kind == Kind::Event as u8 {
                    true => count += 1,
                    false => counts.push(&Value::Float64(count as f64)).expect("a float64"),
                }
            }
            let mut state = (self.kept)(count).to_le_bytes().to_vec();
            state.resize(8 + count as usize * self.state_bytes_per_event, 0);
            let mut states = States::default();
            states.push(&state).expect("short");
            Ok(Answers { features: vec![counts], states: rows.want_states.then_some(states) })
        }

        fn describe(&self, _: Instance) -> Result<Description, CallError> {
            Ok(description())
        }
    }

    /// How many rows it takes to see what is wrong with a counter.
    fn rows_to_see(kept: fn(u64) -> u64, state_bytes_per_event: usize, state_bytes_max: usize) -> Option<usize> {
        let counter = Counter { kept, state_bytes_per_event, state_bytes_max, calls: Cell::new(0) };
        let (description, sample) = (description(), Sample::default());
        let bench = Bench::new(&counter, &description, &[]);
        let (calls, broken) = try_carry(&bench, &mut Generator::new(&description, &sample, true, 3));
        assert!(calls > 5 && counter.calls.get() > calls);
        broken.map(|broken| broken.rows.len())
    }

    #[test]
    fn a_count_that_wraps_is_seen_soon_after() {
        assert_eq!(rows_to_see(|count| count, 0, 8), None);
        let seen = |kept| rows_to_see(kept, 0, 8).expect("it wraps");
        assert!((257..400).contains(&seen(|count| u64::from(count as u8))));
        assert!((65_537..70_001).contains(&seen(|count| u64::from(count as u16))));
    }

    #[test]
    fn a_long_state_that_is_not_taken_is_seen_up_to_what_may_be_stored() {
        assert_eq!(rows_to_see(|count| count, 16, usize::MAX), None);
        for bytes in [1_000, 100_000, 500_000, 950_000] {
            assert!(rows_to_see(|count| count, 16, bytes).is_some(), "{bytes} bytes");
        }
    }
}
