//! Names that Rust takes.

use std::collections::HashSet;

use onepath_definition::{Aggregate, Definition, Function, Keep, Literal, Node, NodeIndex, Store};

/// Words that no variable and no field may be called.
const KEYWORDS: [&str; 53] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod",
    "move", "mut", "override", "priv", "pub", "ref", "return", "self", "Self", "static", "struct", "super", "trait",
    "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield", "_",
];

/// A name of the project as one of Rust: what cannot stand in one becomes `_`.
pub(super) fn identifier(name: &str) -> String {
    let mut made: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect();
    if made.is_empty() || made.starts_with(|first: char| first.is_ascii_digit()) {
        made.insert(0, '_');
    }
    if KEYWORDS.contains(&made.as_str()) {
        made.push('_');
    }
    made
}

/// Names that are all different.
#[derive(Default)]
pub(super) struct Names(HashSet<String>);

impl Names {
    /// Names beside those that are taken.
    pub(super) fn beside(taken: &[&str]) -> Self {
        Names(taken.iter().map(|name| (*name).to_owned()).collect())
    }

    /// This name, or one that goes on with a number.
    pub(super) fn take(&mut self, wanted: &str) -> String {
        let wanted = identifier(wanted);
        let mut name = wanted.clone();
        let mut number = 2;
        while !self.0.insert(name.clone()) {
            name = format!("{wanted}_{number}");
            number += 1;
        }
        name
    }
}

/// What a store is called: after what it keeps, and of which events.
pub(super) fn store(definition: &Definition, store: &Store) -> String {
    let program = &definition.event.nodes;
    let filter = store.filter.and_then(|filter| filter_name(definition, filter));
    let value = store.value.and_then(|value| match &program[value as usize] {
        Node::Event(field) => Some(definition.event_fields[*field as usize].name.clone()),
        _ => filter_name(definition, value).map(|name| format!("is_{name}")),
    });
    let has_name = value.is_some();
    let is_condition = value.as_ref().is_some_and(|value| value.starts_with("is_"));
    let mut parts: Vec<String> = filter.filter(|_| !is_condition).into_iter().chain(value).collect();
    let what = match &store.keep {
        Keep::Row { .. } => return "newest".to_owned(),
        Keep::Events { .. } if store.value.is_none() => Some("events".to_owned()),
        Keep::Events { .. } if !has_name => Some("values".to_owned()),
        Keep::Events { .. } => None,
        Keep::Latest { count } => Some(format!("last_{count}")),
        Keep::Earliest { count } => Some(format!("first_{count}")),
        Keep::Values { .. } => Some("values".to_owned()),
        Keep::Keys { .. } => Some("seen".to_owned()),
        Keep::Lifetime(aggregate) => Some(summary(*aggregate).to_owned()),
        Keep::Hops { aggregate, .. } => Some(format!("{}_by_hop", summary(*aggregate))),
        Keep::Tumbling { aggregate, .. } => Some(format!("{}_by_stretch", summary(*aggregate))),
        Keep::Sessions { .. } => Some("sessions".to_owned()),
    };
    parts.extend(what);
    let name: String = parts.join("_").to_lowercase();
    name.chars().take(60).collect()
}

fn summary(aggregate: Aggregate) -> &'static str {
    match aggregate {
        Aggregate::Count => "count",
        Aggregate::Mean | Aggregate::IntegerSum => "sum",
        Aggregate::Variance => "spread",
        Aggregate::Min => "min",
        Aggregate::Max => "max",
        Aggregate::First => "first",
        Aggregate::Last => "last",
        Aggregate::Share => "share",
        Aggregate::Distinct | Aggregate::HyperLogLog => "distinct",
        Aggregate::Counts | Aggregate::TopK => "counts",
        Aggregate::QuantileSketch => "quantiles",
        Aggregate::Decayed { .. } => "faded",
    }
}

/// What the events are called that a filter lets pass: by the texts that it compares with.
fn filter_name(definition: &Definition, filter: NodeIndex) -> Option<String> {
    let node = |at: NodeIndex| &definition.event.nodes[at as usize];
    let text = |at: &NodeIndex| match node(*at) {
        Node::Literal(Literal::Text(text)) => Some(text.as_str()),
        _ => None,
    };
    let Node::Call { function: Function::Equal | Function::In, arguments } = node(filter) else { return None };
    let texts: Vec<&str> = arguments.iter().filter_map(text).take(2).collect();
    let name = texts.join("_or_");
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!name.is_empty() && name.chars().all(is_word)).then_some(name)
}
