//! What crosses between the process that asks and the one that compiles and tries: JSON, one message a line.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::admission::{Report, Sample, TrialOutput};
use crate::batch::{Column, Value};
use crate::schema::ValueType;
use crate::wasm::{ENGINE_VERSION, Limits, LoadError, Variant};

/// What the child is asked to do, in one line on its standard input. The input stays open until the parent has its answer, or dies.
#[derive(Serialize, Deserialize)]
pub(super) struct Request {
    /// See [`speaks`].
    pub(super) speaks: String,
    /// What stands for the component in errors.
    pub(super) name: String,
    /// The component's file.
    pub(super) path: PathBuf,
    /// The SHA-256 that it must have.
    pub(super) digest: String,
    pub(super) limits: Limits,
    /// Milliseconds of the admission that are gone.
    pub(super) spent_ms: u64,
    /// Where machine code is kept.
    pub(super) cache: Option<PathBuf>,
    pub(super) task: Task,
}

/// What is done with a component.
#[derive(Serialize, Deserialize)]
pub(super) enum Task {
    /// It is compiled and describes itself; machine code of one that does is kept.
    Compile { variant: Variant },
    /// The laws are tried on it.
    Check(Box<Check>),
}

/// How the laws are tried.
#[derive(Serialize, Deserialize)]
pub(super) struct Check {
    pub(super) seed: u64,
    pub(super) cases: usize,
    /// Per real event, its time and its fields.
    pub(super) sample: Vec<(i64, Vec<Cell>)>,
    pub(super) parameters: Option<Vec<(ValueType, Cell)>>,
    pub(super) has_sources: bool,
    /// Whether its cost is measured.
    pub(super) measured: bool,
    /// Whether what it writes is told.
    pub(super) shown: bool,
}

/// What the child says, a line each on its standard output.
#[derive(Serialize, Deserialize)]
pub(super) enum Message {
    /// The child is there, and of this version.
    Speaks(String),
    /// It does this now.
    Doing(String),
    /// The component wrote this.
    Wrote(TrialOutput),
    /// The last one: the component was compiled.
    Compiled,
    /// The last one: what was found.
    Found(Box<Report>),
    /// The last one: the component was refused.
    Refused(LoadError),
}

/// A value by its bits.
#[derive(Serialize, Deserialize)]
pub(super) enum Cell {
    Null,
    Bool(bool),
    Int64(i64),
    Float64(u64),
    Text(String),
    Time(i64),
    Float64List(Vec<u64>),
}

/// Both sides are of one version: the cases, the engine and these messages are those of it.
pub(super) fn speaks() -> String {
    format!("onepath {} with {ENGINE_VERSION}", env!("CARGO_PKG_VERSION"))
}

impl Cell {
    pub(super) fn new(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Int64(value) => Self::Int64(*value),
            Value::Float64(value) => Self::Float64(value.to_bits()),
            Value::Text(value) => Self::Text(value.clone()),
            Value::Time(value) => Self::Time(*value),
            Value::Float64List(values) => Self::Float64List(values.iter().map(|value| value.to_bits()).collect()),
        }
    }

    pub(super) fn value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Int64(value) => Value::Int64(value),
            Self::Float64(bits) => Value::Float64(f64::from_bits(bits)),
            Self::Text(value) => Value::Text(value),
            Self::Time(value) => Value::Time(value),
            Self::Float64List(bits) => Value::Float64List(bits.into_iter().map(f64::from_bits).collect()),
        }
    }
}

/// A sample as it crosses.
pub(super) fn sample_out(sample: &Sample) -> Vec<(i64, Vec<Cell>)> {
    let events = sample.events.iter().map(|values| values.iter().map(Cell::new).collect());
    sample.times.iter().copied().zip(events).collect()
}

/// The sample that has crossed.
pub(super) fn sample_in(sample: Vec<(i64, Vec<Cell>)>) -> Sample {
    let (times, events) =
        sample.into_iter().map(|(time, cells)| (time, cells.into_iter().map(Cell::value).collect())).unzip();
    Sample { events, times }
}

/// Parameters as they cross: columns of one row.
pub(super) fn parameters_out(parameters: &[Column]) -> Vec<(ValueType, Cell)> {
    parameters.iter().map(|column| (column.value_type(), Cell::new(&column.value(0)))).collect()
}

/// The parameters that have crossed.
pub(super) fn parameters_in(parameters: Vec<(ValueType, Cell)>) -> Result<Vec<Column>, crate::batch::ColumnError> {
    let column = |(value_type, cell): (ValueType, Cell)| {
        let mut column = Column::new(value_type);
        column.push(&cell.value())?;
        Ok(column)
    };
    parameters.into_iter().map(column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_cross_with_their_bits() {
        let values = [
            Value::Null,
            Value::Bool(true),
            Value::Int64(i64::MIN),
            Value::Float64(-0.0),
            Value::Float64(f64::NAN),
            Value::Float64(f64::NEG_INFINITY),
            Value::Text("\0\"é\n".to_owned()),
            Value::Time(i64::MAX),
            Value::Float64List(vec![f64::INFINITY, 5e-324, f64::NAN]),
        ];
        let sample = Sample { events: vec![values.to_vec()], times: vec![-1] };
        let line = serde_json::to_string(&sample_out(&sample)).expect("writes");
        assert!(!line.contains('\n'), "a message is one line: {line}");
        let crossed = sample_in(serde_json::from_str(&line).expect("reads"));
        assert_eq!(crossed.times, [-1]);
        for (before, after) in values.iter().zip(&crossed.events[0]) {
            assert!(before.same_bits(after), "{before} became {after}");
        }
    }
}
