//! Whether a definition holds together, so that whoever runs it need not ask again.

use std::fmt;

use crate::{Aggregate, Definition, Field, Keep, Literal, Node, NodeIndex, Program, SessionRule, Store, ValueType};

/// A definition that holds together, with the type of every node.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    definition: Definition,
    event_types: Vec<ValueType>,
    question_types: Vec<ValueType>,
}

/// What is wrong with a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong(String);

impl Wrong {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Wrong(message.into())
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the definition of the view: {}", self.0)
    }
}

impl std::error::Error for Wrong {}

impl Checked {
    /// Checks every index and every type.
    pub fn new(definition: Definition) -> Result<Self, Wrong> {
        let leaf = |node: &Node| match node {
            Node::Event(field) => of_field(&definition.event_fields, *field),
            _ => None,
        };
        let event_types = types("event", &definition.event, leaf)?;
        for (at, store) in definition.stores.iter().enumerate() {
            check_store(store, &event_types).map_err(|wrong| Wrong::new(format!("store {at}: {wrong}")))?;
        }
        let mut reads = Vec::with_capacity(definition.reads.len());
        for (at, read) in definition.reads.iter().enumerate() {
            let answer = definition.stores.get(read.store as usize).and_then(|store| {
                store.answer_type(read.span, read.answer, |node| event_types.get(node as usize).copied())
            });
            let (value_type, _) = answer.ok_or_else(|| Wrong::new(format!("read {at} is none of its store")))?;
            reads.push(value_type);
        }
        let leaf = |node: &Node| match node {
            Node::Request(field) => of_field(&definition.request_fields, *field),
            Node::Input(field) => of_field(&definition.input_features, *field),
            Node::Read(read) => reads.get(*read as usize).copied(),
            _ => None,
        };
        let question_types = types("question", &definition.question, leaf)?;
        for feature in &definition.features {
            if feature.node as usize >= question_types.len() {
                return Err(Wrong::new(format!("feature {:?} names no node", feature.name)));
            }
        }
        Ok(Checked { definition, event_types, question_types })
    }

    /// The definition.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// The type of each node of the program of events.
    pub fn event_types(&self) -> &[ValueType] {
        &self.event_types
    }

    /// The type of each node of the program of questions.
    pub fn question_types(&self) -> &[ValueType] {
        &self.question_types
    }
}

fn of_field(fields: &[Field], at: u32) -> Option<ValueType> {
    Some(fields.get(at as usize)?.value_type)
}

/// The type of each node. `leaf` knows those of fields and reads.
fn types(name: &str, program: &Program, leaf: impl Fn(&Node) -> Option<ValueType>) -> Result<Vec<ValueType>, Wrong> {
    let mut types: Vec<ValueType> = Vec::with_capacity(program.nodes.len());
    for (at, node) in program.nodes.iter().enumerate() {
        let found = match node {
            Node::Time => Some(ValueType::Time),
            Node::Literal(literal) => Some(Literal::value_type(literal)),
            Node::Null(value_type) => Some(*value_type),
            Node::Call { function, arguments } => {
                let arguments: Option<Vec<ValueType>> =
                    arguments.iter().map(|argument| types.get(*argument as usize).copied()).collect();
                arguments.and_then(|arguments| function.result(&arguments))
            }
            _ => leaf(node),
        };
        types.push(found.ok_or_else(|| Wrong::new(format!("node {at} of its {name} has no type")))?);
    }
    Ok(types)
}

fn check_store(store: &Store, types: &[ValueType]) -> Result<(), &'static str> {
    let type_of = |node: NodeIndex| types.get(node as usize).copied().ok_or("it names no node");
    if let Some(filter) = store.filter
        && type_of(filter)? != ValueType::Boolean
    {
        return Err("its filter is not a boolean");
    }
    let value = store.value.map(type_of).transpose()?;
    let aggregate = match &store.keep {
        Keep::Events { length } if *length >= 0 && value != Some(ValueType::Float64List) => None,
        Keep::Latest { count } | Keep::Earliest { count } if *count > 0 && value != Some(ValueType::Float64List) => {
            None
        }
        Keep::Values { length } if *length >= 0 && value.is_some_and(|value| value != ValueType::Float64List) => None,
        Keep::Keys { length } if *length >= 0 && value.is_some_and(is_key) => None,
        Keep::Lifetime(aggregate) => Some(aggregate),
        Keep::Hops { aggregate, length, hop } if *hop > 0 && *length >= *hop && length % hop == 0 => Some(aggregate),
        Keep::Tumbling { aggregate, length } if *length > 0 => Some(aggregate),
        Keep::Sessions { aggregate, rule: SessionRule::Gap(by) | SessionRule::Fixed(by), length }
            if *by > 0 && *length >= 0 =>
        {
            Some(aggregate)
        }
        Keep::Row { values, tie_break } if value.is_none() => {
            for node in values {
                type_of(*node)?;
            }
            if let Some(tie_break) = tie_break
                && type_of(*tie_break)? == ValueType::Float64List
            {
                return Err("its tie-break is a list");
            }
            None
        }
        _ => return Err("it keeps nothing that can be"),
    };
    match aggregate {
        Some(aggregate) if !takes(*aggregate, value) => Err("its aggregate does not take its value"),
        _ => Ok(()),
    }
}

fn is_key(value: ValueType) -> bool {
    matches!(value, ValueType::Text | ValueType::Int64 | ValueType::Boolean)
}

/// Whether an aggregate takes values of this type.
fn takes(aggregate: Aggregate, value: Option<ValueType>) -> bool {
    use ValueType::{Boolean, Float64, Float64List, Int64, Time};
    match aggregate {
        Aggregate::Count => true,
        Aggregate::First | Aggregate::Last => value != Some(Float64List),
        Aggregate::Mean | Aggregate::Variance | Aggregate::QuantileSketch => value == Some(Float64),
        Aggregate::Decayed { half_life } => half_life >= 1_000 && value == Some(Float64),
        Aggregate::IntegerSum => value == Some(Int64),
        Aggregate::Min | Aggregate::Max => matches!(value, Some(Float64 | Int64 | Time)),
        Aggregate::Share => value == Some(Boolean),
        Aggregate::Distinct | Aggregate::HyperLogLog | Aggregate::Counts | Aggregate::TopK => value.is_some_and(is_key),
    }
}
