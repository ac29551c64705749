//! Definitions and batches, in few words.

use onepath_definition::{
    Answer, Checked, Definition, Feature, Field, Keep, Node, Program, Read, Span, Store, ValueType,
};
use onepath_sdk::batch::{Column, EVENT, Output, QUESTION, Rows, States, Texts, Values};

use crate::View;

/// A field that is never null.
pub(super) fn field(name: &str, value_type: ValueType) -> Field {
    Field { name: name.to_owned(), value_type, nullable: false }
}

/// A definition whose features are reads, and whose events are their fields.
pub(super) fn definition(fields: Vec<Field>, stores: Vec<Store>, reads: &[(u32, Span, Answer)]) -> Definition {
    let event = Program { nodes: (0..fields.len() as u32).map(Node::Event).collect() };
    let read = |&(store, span, answer): &(u32, Span, Answer)| Read { store, span, answer };
    let feature = |node: usize| Feature {
        name: format!("f{node}"),
        nullable: true,
        documentation: String::new(),
        node: node as u32,
    };
    Definition {
        event_fields: fields,
        event,
        stores,
        reads: reads.iter().map(read).collect(),
        question: Program { nodes: (0..reads.len() as u32).map(Node::Read).collect() },
        features: (0..reads.len()).map(feature).collect(),
        ..Definition::default()
    }
}

pub(super) fn store(filter: Option<u32>, value: Option<u32>, keep: Keep) -> Store {
    Store { filter, value, keep }
}

/// The view of a definition, by way of its bytes.
pub(super) fn view(definition: &Definition) -> View {
    View::new(Checked::new(definition.clone()).expect("it holds together"))
}

/// A batch of so many entities without events, whose states are wanted.
pub(super) fn batch(groups: usize, fields: &[Field]) -> Rows {
    let blank = |field: &Field| Column {
        values: match field.value_type {
            ValueType::Boolean => Values::Booleans(Vec::new()),
            ValueType::Int64 => Values::Int64s(Vec::new()),
            ValueType::Float64 => Values::Float64s(Vec::new()),
            ValueType::Time => Values::Times(Vec::new()),
            ValueType::Text => Values::Texts(Texts::default()),
            ValueType::Float64List => Values::Float64Lists(onepath_sdk::batch::Float64Lists::default()),
        },
        nulls: None,
    };
    let event_fields = fields.iter().map(blank).collect();
    Rows { states: States::without_events(groups), want_states: true, event_fields, ..Rows::default() }
}

/// A cell of an event.
#[derive(Clone, Debug)]
pub(super) enum Cell {
    Null,
    Boolean(bool),
    Integer(i64),
    Float(f64),
    Text(String),
}

/// Appends an event.
pub(super) fn event(rows: &mut Rows, group: u32, at: i64, cells: &[Cell]) {
    let events = rows.kinds.iter().filter(|&&kind| kind == EVENT).count();
    for (column, cell) in rows.event_fields.iter_mut().zip(cells) {
        let is_null = matches!(cell, Cell::Null);
        match (&mut column.values, cell) {
            (Values::Booleans(values), Cell::Boolean(value)) => values.push(u8::from(*value)),
            (Values::Int64s(values) | Values::Times(values), Cell::Integer(value)) => values.push(*value),
            (Values::Float64s(values), Cell::Float(value)) => values.push(*value),
            (Values::Texts(texts), Cell::Text(value)) => {
                texts.bytes.extend_from_slice(value.as_bytes());
                texts.ends.push(texts.bytes.len() as u32);
            }
            (Values::Booleans(values), Cell::Null) => values.push(0),
            (Values::Int64s(values) | Values::Times(values), Cell::Null) => values.push(0),
            (Values::Float64s(values), Cell::Null) => values.push(0.0),
            (Values::Texts(texts), Cell::Null) => texts.ends.push(texts.bytes.len() as u32),
            (values, cell) => panic!("{cell:?} is none of {values:?}"),
        }
        if is_null && column.nulls.is_none() {
            column.nulls = Some(vec![0; events]);
        }
        if let Some(nulls) = &mut column.nulls {
            nulls.push(u8::from(is_null));
        }
    }
    rows.times.push(at);
    rows.groups.push(group);
    rows.kinds.push(EVENT);
}

/// Appends a question.
pub(super) fn question(rows: &mut Rows, group: u32, as_of: i64) {
    rows.times.push(as_of);
    rows.groups.push(group);
    rows.kinds.push(QUESTION);
}

/// One feature of one question, as text: `null`, or the value, a float64 with its bits.
pub(super) fn shown(output: &Output, feature: usize, question: usize) -> String {
    let column = &output.features[feature];
    if column.nulls.as_ref().is_some_and(|nulls| nulls[question] != 0) {
        return "null".to_owned();
    }
    match &column.values {
        Values::Booleans(values) => (values[question] != 0).to_string(),
        Values::Int64s(values) | Values::Times(values) => values[question].to_string(),
        Values::Float64s(values) => float(values[question]),
        Values::Texts(texts) => {
            let start = if question == 0 { 0 } else { texts.ends[question - 1] as usize };
            String::from_utf8_lossy(&texts.bytes[start..texts.ends[question] as usize]).into_owned()
        }
        Values::Float64Lists(lists) => {
            let start = if question == 0 { 0 } else { lists.ends[question - 1] as usize };
            let numbers = &lists.values[start..lists.ends[question] as usize];
            numbers.iter().map(|&number| float(number)).collect::<Vec<_>>().join(" ")
        }
    }
}

/// A float64 with its bits.
pub(super) fn float(number: f64) -> String {
    format!("{number:?}/{:x}", number.to_bits())
}
