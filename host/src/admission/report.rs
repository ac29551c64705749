//! What a check found, for people and for programs.

use serde::{Deserialize, Serialize};

use super::case::{Case, fields};
use super::cause::{Cause, cause};
use super::cost::Cost;
use super::laws::Law;
use super::run::brief;
use crate::batch::{Kind, Value};
use crate::schema::Description;
use crate::time::format_time;

/// What a check found about one component.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// The component's file, or the name given to its bytes.
    pub name: String,
    /// The SHA-256 of the component.
    pub digest: String,
    /// The size of the component.
    pub size_bytes: usize,
    /// The version of onepath that checked.
    pub onepath: String,
    /// The engine that ran it.
    pub engine: String,
    /// The seed of the cases. The same seed, version and sample give the same cases.
    pub seed: u64,
    /// Where it was compiled and tried.
    pub place: Place,
    /// What was tried.
    pub tried: Tried,
    /// Every import and how it is answered.
    pub imports: Vec<Import>,
    /// The laws, in the order in which they are tried.
    pub laws: Vec<LawResult>,
    /// What it costs to run; `None` where it was not measured, or gave no answer to an ordinary batch.
    pub cost: Option<Cost>,
}

/// Where a component was compiled and tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// In a child process, which is ended where it takes too much memory or time.
    Child,
    /// In the process that asked, within the limits of the sandbox alone.
    Process,
}

/// What was tried.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Tried {
    /// Cases that were asked for.
    pub cases_asked: usize,
    /// Cases that were tried: fewer where a call exceeded a limit, which ends the check, or where the time was over.
    pub cases: usize,
    /// Why it was not tried to the end, if it was not: which limit was met, while doing what, and what to do.
    pub stopped: Option<String>,
    /// What every question came to, if none was answered and none was refused either: nobody could use it.
    #[serde(default)]
    pub no_answer: Option<String>,
    /// Their events.
    pub events: usize,
    /// Their questions.
    pub questions: usize,
    /// Real events that values were taken from.
    pub sample_events: usize,
    /// Cases that the transform refused by a failure.
    pub refused: usize,
    /// What it said first.
    pub first_refusal: Option<String>,
}

/// One import and how it is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// The function.
    pub import: String,
    /// `captured`, `empty`, `constant` or `trap`.
    pub answer: String,
}

/// One law and whether it holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LawResult {
    /// The law.
    pub law: Law,
    /// What it says.
    pub statement: String,
    /// Cases on which it was tried.
    pub cases: usize,
    /// The smallest input found for which it fails.
    pub counterexample: Option<Counterexample>,
}

/// The smallest input found for which a law fails, and both answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Counterexample {
    /// What the component does, as `reads the clock`.
    pub cause: String,
    /// The events and questions; of very many, the first.
    pub rows: Vec<CounterexampleRow>,
    /// How many there are.
    pub rows_in_all: usize,
    /// What differs, in lines: the place, then each way to ask and its answer with its bits.
    pub difference: String,
    /// What to write instead.
    pub advice: String,
}

/// One event or question of a counterexample.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CounterexampleRow {
    /// Its number, from 1.
    pub row: usize,
    /// Which entity, from 1.
    pub entity: u32,
    /// `event` or `question`.
    pub kind: String,
    /// When: ISO 8601, or microseconds beyond the calendar.
    pub time: String,
    /// Its fields, `name=value`; texts in quotes.
    pub fields: Vec<String>,
}

impl Report {
    /// Whether every law holds, and was tried to the end.
    pub fn holds(&self) -> bool {
        self.tried.stopped.is_none() && self.laws.iter().all(|law| law.counterexample.is_none())
    }

    /// The first law that fails, of those that decide bits or of the others.
    pub fn broken(&self, decides_bits: bool) -> Option<(Law, &Counterexample)> {
        let of_kind = self.laws.iter().filter(|law| law.law.decides_bits() == decides_bits);
        of_kind.filter_map(|law| Some((law.law, law.counterexample.as_ref()?))).next()
    }

    /// Tells the causes again, knowing what the component is linked to.
    pub(super) fn tell_causes(&mut self) {
        let draws = self.imports.iter().any(|import| import.import.starts_with("wasi:random"));
        for result in &mut self.laws {
            if let Some(found) = &mut result.counterexample {
                let Cause { does, instead } = cause(result.law, &found.difference, draws);
                (found.cause, found.advice) = (does, instead);
            }
        }
    }

    /// The first difference found for a law, if it fails.
    pub fn counterexample(&self, law: Law) -> Option<&Counterexample> {
        self.laws.iter().find(|result| result.law == law)?.counterexample.as_ref()
    }
}

impl Counterexample {
    pub(super) fn new(law: Law, case: &Case, description: &Description, difference: String) -> Self {
        let Cause { does, instead } = cause(law, &difference, false);
        let rows = case.rows.iter().take(ROWS_MAX).enumerate().map(|(at, row)| CounterexampleRow {
            row: at + 1,
            entity: row.entity + 1,
            kind: if row.kind == Kind::Event { "event" } else { "question" }.to_owned(),
            time: format_time(row.time),
            fields: fields(description, row.kind)
                .zip(&row.values)
                .map(|(field, value)| format!("{}={}", field.name, shown(value)))
                .collect(),
        });
        Self { cause: does, rows: rows.collect(), rows_in_all: case.rows.len(), difference, advice: instead }
    }
}

/// Rows of a counterexample that are kept: a call that differs for its size has thousands.
const ROWS_MAX: usize = 100;

/// A value as an author writes it: texts in quotes, so that an empty one is seen.
fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => brief(&serde_json::Value::from(text.as_str()).to_string()),
        value => brief(&value.to_string()),
    }
}
