//! Events that the filters of a definition are about: values that no generator guesses.

use onepath_definition::{Definition, Literal, Node, ValueType};

use crate::batch::Value;

/// How many events.
const EVENTS: usize = 32;

/// Events with the constants that the definition compares fields with, and others.
pub(crate) fn sample_events(definition: &Definition) -> Vec<Vec<Value>> {
    let constants: Vec<Value> = definition.event.nodes.iter().filter_map(constant).collect();
    let of_type = |value_type: ValueType| -> Vec<&Value> {
        constants.iter().filter(|value| type_of(value) == Some(value_type)).collect()
    };
    let value = |at: usize, place: usize, value_type: ValueType| {
        let known = of_type(value_type);
        // Most are constants; the step differs from field to field, so that they meet in all ways.
        match known.get((at * (2 * place + 1) + at / 7) % (known.len() + 1)) {
            Some(known) => (*known).clone(),
            None => other(at, value_type),
        }
    };
    let event = |at: usize| {
        definition.event_fields.iter().enumerate().map(|(place, field)| value(at, place, field.value_type)).collect()
    };
    if definition.event_fields.is_empty() { Vec::new() } else { (0..EVENTS).map(event).collect() }
}

fn constant(node: &Node) -> Option<Value> {
    let Node::Literal(literal) = node else { return None };
    Some(match literal {
        Literal::Boolean(value) => Value::Bool(*value),
        Literal::Int64(value) => Value::Int64(*value),
        Literal::Float64(value) => Value::Float64(*value),
        Literal::Text(value) => Value::Text(value.clone()),
        Literal::Time(value) => Value::Time(*value),
        Literal::Float64List(value) => Value::Float64List(value.clone()),
    })
}

fn type_of(value: &Value) -> Option<ValueType> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(_) => ValueType::Boolean,
        Value::Int64(_) => ValueType::Int64,
        Value::Float64(_) => ValueType::Float64,
        Value::Text(_) => ValueType::Text,
        Value::Time(_) => ValueType::Time,
        Value::Float64List(_) => ValueType::Float64List,
    })
}

/// A value that is no constant.
fn other(at: usize, value_type: ValueType) -> Value {
    match value_type {
        ValueType::Boolean => Value::Bool(at.is_multiple_of(2)),
        ValueType::Int64 => Value::Int64(at as i64 * 7 % 100),
        ValueType::Float64 => Value::Float64(at as f64 * 1.25),
        ValueType::Text => Value::Text(format!("text {}", at % 5)),
        ValueType::Time => Value::Time(1_704_067_200_000_000 + at as i64 * 3_600_000_000),
        ValueType::Float64List => Value::Float64List(vec![at as f64, 0.5, -1.0]),
    }
}
