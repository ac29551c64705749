//! Stores: the type that keeps each, and how an event is added.

use onepath_definition::{Aggregate, Keep, SessionRule, ValueType};

use super::code::{Code, Level};
use super::lengths::Lengths;

/// What a store of an ejected crate is.
pub(super) struct Kept {
    /// Its name.
    pub(super) name: String,
    /// What it is, in words.
    pub(super) words: String,
    /// Its type.
    pub(super) rust_type: String,
}

/// The type that keeps a store, but for that of the newest row.
pub(super) fn rust_type(keep: &Keep, value: Option<ValueType>, lengths: &Lengths) -> String {
    let item = item_type(value);
    match keep {
        Keep::Events { length } => match value {
            Some(ValueType::Text) => format!("TextWindow<{}>", lengths.of(*length)),
            _ => format!("Window<{item}, {}>", lengths.of(*length)),
        },
        Keep::Latest { count } => format!("LastN<{item}, {count}>"),
        Keep::Earliest { count } => format!("FirstN<{item}, {count}>"),
        Keep::Values { length } => format!("Lag<{item}, {}>", lengths.of(*length)),
        Keep::Keys { length } => format!("DistinctWindow<{}, {}>", key_type(value), lengths.of(*length)),
        Keep::Lifetime(aggregate) => aggregate_type(*aggregate, value, lengths),
        Keep::Hops { aggregate, length, hop } => {
            let aggregate = aggregate_type(*aggregate, value, lengths);
            format!("Hopping<{aggregate}, {}, {}>", lengths.of(*length), lengths.of(*hop))
        }
        Keep::Tumbling { aggregate, length } => {
            format!("Tumbling<{}, {}>", aggregate_type(*aggregate, value, lengths), lengths.of(*length))
        }
        Keep::Sessions { aggregate, rule, length } => {
            let rule = match rule {
                SessionRule::Gap(gap) => format!("Gap<{}>", lengths.of(*gap)),
                SessionRule::Fixed(fixed) => format!("Fixed<{}>", lengths.of(*fixed)),
            };
            format!("Sessions<{}, {rule}, {}>", aggregate_type(*aggregate, value, lengths), lengths.of(*length))
        }
        Keep::Row { .. } => "Option<Newest>".to_owned(),
    }
}

/// The type of what is kept of an event.
fn item_type(value: Option<ValueType>) -> &'static str {
    match value {
        None | Some(ValueType::Float64List) => "()",
        Some(ValueType::Boolean) => "bool",
        Some(ValueType::Int64 | ValueType::Time) => "i64",
        Some(ValueType::Float64) => "f64",
        Some(ValueType::Text) => "String",
    }
}

/// The type of a key. Booleans are 0 and 1, as in the component of declared views.
fn key_type(value: Option<ValueType>) -> &'static str {
    if value == Some(ValueType::Text) { "String" } else { "i64" }
}

fn aggregate_type(aggregate: Aggregate, value: Option<ValueType>, lengths: &Lengths) -> String {
    let (item, key) = (item_type(value), key_type(value));
    let is_float = value == Some(ValueType::Float64);
    match aggregate {
        Aggregate::Count => "Count".to_owned(),
        Aggregate::Mean => "Mean".to_owned(),
        Aggregate::IntegerSum => "IntegerSum".to_owned(),
        Aggregate::Variance => "Variance".to_owned(),
        Aggregate::Min => if is_float { "Min" } else { "IntegerMin" }.to_owned(),
        Aggregate::Max => if is_float { "Max" } else { "IntegerMax" }.to_owned(),
        Aggregate::First => format!("First<{item}>"),
        Aggregate::Last if value.is_none() => "Recency".to_owned(),
        Aggregate::Last => format!("Last<{item}>"),
        Aggregate::Share => "Share".to_owned(),
        Aggregate::Distinct => format!("Distinct<{key}>"),
        Aggregate::HyperLogLog => format!("HyperLogLog<{key}>"),
        Aggregate::Counts => format!("Counts<{key}>"),
        Aggregate::TopK => format!("TopK<{key}, 64>"),
        Aggregate::QuantileSketch => "QuantileSketch".to_owned(),
        Aggregate::Decayed { half_life } => format!("Decayed<{}>", lengths.of(half_life)),
    }
}

/// Whether what is kept is not the value itself, so that it only decides which events there are.
pub(super) fn is_without_value(keep: &Keep) -> bool {
    match keep {
        Keep::Lifetime(aggregate)
        | Keep::Hops { aggregate, .. }
        | Keep::Tumbling { aggregate, .. }
        | Keep::Sessions { aggregate, .. } => *aggregate == Aggregate::Count,
        _ => false,
    }
}

/// What is pushed of a value that is there.
pub(super) fn pushed(keep: &Keep, value: &Code) -> String {
    let aggregate = match keep {
        Keep::Lifetime(aggregate)
        | Keep::Hops { aggregate, .. }
        | Keep::Tumbling { aggregate, .. }
        | Keep::Sessions { aggregate, .. } => Some(*aggregate),
        _ => None,
    };
    let is_key = matches!(keep, Keep::Keys { .. })
        || matches!(
            aggregate,
            Some(Aggregate::Distinct | Aggregate::HyperLogLog | Aggregate::Counts | Aggregate::TopK)
        );
    match value.value_type {
        ValueType::Text => value.as_ref().text,
        ValueType::Time => format!("{}.micros()", value.at(Level::Postfix)),
        ValueType::Boolean if is_key => format!("&i64::from({})", value.text),
        ValueType::Int64 if is_key => format!("&{}", value.at(Level::Postfix)),
        _ => value.text.clone(),
    }
}
