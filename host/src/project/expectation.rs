//! What is expected of the events that are pushed to a source.

use std::cmp::Ordering;
use std::fmt;

use crate::batch::Value;

/// What becomes of a pushed event that breaks an expectation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OnBadEvent {
    /// Its push is refused as a whole.
    #[default]
    RejectPush,
    /// It is set aside in a file, and the others of its push are taken.
    DeadLetter,
    /// It is taken and counted.
    Count,
}

/// What is expected of one field of the events that are pushed. Of a null nothing is expected but that there are few.
#[derive(Clone, Debug)]
pub struct Expectation {
    /// The field, by our name.
    pub field: String,
    /// No value is less.
    pub min: Option<Value>,
    /// No value is greater.
    pub max: Option<Value>,
    /// Every value is one of these, where there are any.
    pub values: Vec<Value>,
    /// The greatest share of nulls among the events of a while, from 0 to 1. It refuses no event: it is counted and told.
    pub null_share_max: Option<f64>,
}

/// Why a value breaks an expectation.
#[derive(Clone, Debug)]
pub struct BrokenExpectation {
    value: Value,
    expected: String,
}

impl OnBadEvent {
    /// As the project file has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RejectPush => "reject_push",
            Self::DeadLetter => "dead_letter",
            Self::Count => "count",
        }
    }
}

impl Expectation {
    /// Why a value breaks it; `None` where it does not. Its type is that of the field.
    pub fn broken_by(&self, value: &Value) -> Option<BrokenExpectation> {
        if matches!(value, Value::Null) {
            return None;
        }
        let broken = |expected: String| Some(BrokenExpectation { value: value.clone(), expected });
        // NaN is in no order with anything, and so neither above a minimum nor below a maximum.
        if let Some(min) =
            self.min.as_ref().filter(|min| !matches!(order(min, value), Some(Ordering::Less | Ordering::Equal)))
        {
            return broken(format!("at least {}", shown(min)));
        }
        if let Some(max) =
            self.max.as_ref().filter(|max| !matches!(order(value, max), Some(Ordering::Less | Ordering::Equal)))
        {
            return broken(format!("at most {}", shown(max)));
        }
        if !self.values.is_empty()
            && !self.values.iter().any(|expected| order(expected, value) == Some(Ordering::Equal))
        {
            return broken(self.one_of());
        }
        None
    }

    /// What is expected, in words: `at least 0.0, at most 2.5, at most 0.01 of them null`.
    pub fn words(&self) -> String {
        let bounds = [("at least", &self.min), ("at most", &self.max)];
        let bounds =
            bounds.into_iter().filter_map(|(words, bound)| Some(format!("{words} {}", shown(bound.as_ref()?))));
        let values = (!self.values.is_empty()).then(|| self.one_of());
        let nulls = self.null_share_max.map(|share| format!("at most {share} of them null"));
        bounds.chain(values).chain(nulls).collect::<Vec<_>>().join(", ")
    }

    fn one_of(&self) -> String {
        let values: Vec<String> = self.values.iter().map(shown).collect();
        format!("one of {}", values.join(", "))
    }

    /// Whether it is about each event, and not about shares alone.
    pub fn is_of_events(&self) -> bool {
        self.min.is_some() || self.max.is_some() || !self.values.is_empty()
    }
}

impl fmt::Display for BrokenExpectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 60;
        let value = shown(&self.value);
        let (shown, dots) = match value.char_indices().nth(SHOWN) {
            Some((end, _)) => (&value[..end], "..."),
            None => (value.as_str(), ""),
        };
        write!(f, "is {shown}{dots}, and the project expects {}", self.expected)
    }
}

/// A value as people read it: a text in quotation marks, without control characters.
fn shown(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("{text:?}"),
        value => value.to_string(),
    }
}

/// How two values of one type are ordered; `None` for NaN and for types without an order.
fn order(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::Int64(one), Value::Int64(other)) | (Value::Time(one), Value::Time(other)) => Some(one.cmp(other)),
        (Value::Float64(one), Value::Float64(other)) => one.partial_cmp(other),
        (Value::Text(one), Value::Text(other)) => Some(one.cmp(other)),
        (Value::Bool(one), Value::Bool(other)) => Some(one.cmp(other)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expectation() -> Expectation {
        Expectation { field: "x".to_owned(), min: None, max: None, values: Vec::new(), null_share_max: None }
    }

    #[test]
    fn bounds_are_part_of_what_is_expected() {
        let between = Expectation { min: Some(Value::Float64(0.0)), max: Some(Value::Float64(2.5)), ..expectation() };
        for value in [0.0, -0.0, 1.0, 2.5] {
            assert!(between.broken_by(&Value::Float64(value)).is_none(), "{value}");
        }
        let told = |value| between.broken_by(&Value::Float64(value)).map(|broken| broken.to_string());
        assert_eq!(told(-0.5).as_deref(), Some("is -0.5, and the project expects at least 0.0"));
        assert_eq!(told(f64::INFINITY).as_deref(), Some("is inf, and the project expects at most 2.5"));
        assert!(told(f64::NAN).is_some(), "NaN is not between any two numbers");
        assert!(between.broken_by(&Value::Null).is_none());
    }

    #[test]
    fn one_of_a_few_values_is_expected() {
        let kinds =
            Expectation { values: ["buy", "view"].map(|kind| Value::Text(kind.to_owned())).to_vec(), ..expectation() };
        assert!(kinds.broken_by(&Value::Text("view".to_owned())).is_none());
        let long = "ä".repeat(100);
        let told = kinds.broken_by(&Value::Text(long)).map(|broken| broken.to_string()).unwrap_or_default();
        assert_eq!(told, format!("is \"{}..., and the project expects one of \"buy\", \"view\"", "ä".repeat(59)));
    }
}
