//! What a declared feature is, and what is kept for it, in words.

use std::collections::HashSet;

use onepath_definition::{Aggregate, Definition, Function, Keep, Literal, Node, NodeIndex, SessionRule, Store};

use crate::project::{
    AggregateFunction as F, Aggregation, Declaration, DeclaredFeature, Making, SessionEnd, WhichSession, Window,
};
use crate::time::format_time;

/// A store of a view in words.
pub(crate) struct StoreWords {
    /// What is kept.
    pub(crate) kept: String,
    /// The features that are read of it, by their places.
    pub(crate) features: Vec<usize>,
}

/// What the feature at a place of a declaration is; `definition` is what it was lowered to.
pub(crate) fn feature_words(
    declaration: &Declaration,
    at: usize,
    definition: &Definition,
    sources: &[String],
) -> String {
    let feature = &declaration.features[at];
    let what = match &feature.making {
        Making::Expression(text) => format!("{}, of each question", one_line(&text.text)),
        Making::Latest(column) => {
            let tie = match &declaration.tie_break {
                Some(tie) => {
                    format!("of equal times the one with the greater {}, else the later one", one_line(&tie.text))
                }
                None => "of equal times the later one".to_owned(),
            };
            let field = one_line(&declaration.latest[*column].text);
            format!("{field} of the event of {} with the greatest event time, {tie}", of_sources(sources))
        }
        Making::Aggregate(made) => aggregate_words(made, sources),
    };
    let is_nullable = definition.features.get(at).is_some_and(|feature| feature.nullable);
    format!("{what}; {}", null_words(feature, is_nullable))
}

fn null_words(feature: &DeclaredFeature, is_nullable: bool) -> String {
    match (&feature.default, &feature.making) {
        (Some((value, _)), _) => format!("{value} where it would be null"),
        (None, _) if !is_nullable => "never null".to_owned(),
        (None, Making::Expression(_)) => "null where the expression is".to_owned(),
        (None, Making::Latest(_)) => "null where it is null there, and where there is no event".to_owned(),
        (None, Making::Aggregate(_)) => "null where there is none".to_owned(),
    }
}

/// `events of `a` and `b``.
fn of_sources(sources: &[String]) -> String {
    let names: Vec<String> = sources.iter().map(|source| format!("`{source}`")).collect();
    names.join(" and ")
}

fn aggregate_words(made: &Aggregation, sources: &[String]) -> String {
    let value = made.value.as_ref().map_or_else(String::new, |value| one_line(&value.text));
    let events = of_sources(sources);
    let mut filters: Vec<String> = made.filter.iter().map(|filter| one_line(&filter.text)).collect();
    if let Some((by, value)) = &made.by {
        let value = match value {
            crate::batch::Value::Text(text) => quoted(text),
            value => value.to_string(),
        };
        filters.push(format!("{} = {value}", one_line(&by.text)));
    }
    let is_condition = matches!(made.function, F::SinceLast(_) | F::SinceFirst(_) | F::Sessions | F::SessionLength(_))
        && !value.is_empty();
    if is_condition {
        filters.push(value.clone());
    }
    let filter = if filters.is_empty() { String::new() } else { format!(" where {}", filters.join(" and ")) };
    let over = format!("over events of {events}{filter}");
    let what = match made.function {
        F::Count if value.is_empty() => format!("number of events of {events}{filter}"),
        F::Count => format!("number of events of {events}{filter} that have {value}"),
        F::Sum => format!("sum of {value} {over}"),
        F::Mean => format!("mean of {value} {over}"),
        F::Min => format!("least {value} {over}"),
        F::Max => format!("greatest {value} {over}"),
        F::Variance => format!("variance (of the population) of {value} {over}"),
        F::SampleVariance => format!("variance (of the sample) of {value} {over}"),
        F::StdDev => format!("standard deviation (of the population) of {value} {over}"),
        F::SampleStdDev => format!("standard deviation (of the sample) of {value} {over}"),
        F::First => format!("earliest {value} {over}"),
        F::Last => format!("latest {value} {over}"),
        F::NthFirst { at, .. } => format!("{value} of event {} from the earliest, {over}", at + 1),
        F::NthLast { at, .. } => format!("{value} of event {} from the latest, {over}", at + 1),
        F::FirstList(count) => format!("the {count} earliest {value} as a list {over}"),
        F::LastList(count) => format!("the {count} latest {value} as a list, the latest at the end, {over}"),
        F::Distinct { approximate: false } => format!("number of different {value} {over}"),
        F::Distinct { approximate: true } => format!("estimated number of different {value} {over}"),
        F::Top { at, approximate } => {
            let estimated = if approximate { " by an estimate" } else { "" };
            format!("number {} of the most frequent {value}{estimated} {over}", at + 1)
        }
        F::Percentile { q, approximate } => {
            let estimated = if approximate { " by an estimate" } else { "" };
            format!("value {q} of the way through {value} in order{estimated} {over}")
        }
        F::Share => format!("part for which {value} is true, {over}"),
        F::Hits => format!("number of events of {events}{filter} for which {value} is true"),
        F::SinceLast(unit) => format!("whole {} since the latest event of {events}{filter}", unit.name()),
        F::SinceFirst(unit) => format!("whole {} since the earliest event of {events}{filter}", unit.name()),
        F::DecayedSum { half_life } => {
            format!("sum of {value}, of which what is {} old counts half, {over}", long(half_life))
        }
        F::DecayedMean { half_life } => {
            format!("mean of {value}, of which what is {} old counts half, {over}", long(half_life))
        }
        F::Lag { ago } => return format!("{value} as it was {} before the as-of, {over}", long(ago)),
        F::Sessions => format!("number of sessions of events of {events}{filter}"),
        F::SessionLength(unit) => format!("whole {} of a session of events of {events}{filter}", unit.name()),
    };
    format!("{what}, {}", window_words(made.window))
}

/// Which stretch of time a window is, in words.
pub(crate) fn window_words(window: Window) -> String {
    match window {
        Window::Lifetime => "of all time up to the as-of".to_owned(),
        Window::Exact { length, ago, is_half_open } => {
            let edges = if is_half_open { "half-open" } else { "closed" };
            match ago {
                0 => format!("in the {edges} {} before the as-of", long(length)),
                ago => format!("in the {edges} {} that ended {} before the as-of", long(length), long(ago)),
            }
        }
        Window::Events(count) => format!("of the latest {count} of them"),
        Window::Hopping { length, hop, ago: None } => {
            format!("in the {} before the as-of, from the beginning of its first hop of {}", long(length), long(hop))
        }
        Window::Hopping { length, hop, ago: Some(ago) } => {
            format!("in {} of whole hops of {} that ended {} before the as-of", long(length), long(hop), long(ago))
        }
        Window::Tumbling { length, is_previous: false } => {
            format!("in the stretch of {} that the as-of lies in", long(length))
        }
        Window::Tumbling { length, is_previous: true } => {
            format!("in the stretch of {} before that of the as-of", long(length))
        }
        Window::Sessions { end, length, which } => {
            let which = match which {
                WhichSession::All => "in all sessions",
                WhichSession::Last => "in the latest session",
                WhichSession::Open => "in the session that the as-of lies in",
            };
            let end = match end {
                SessionEnd::Gap(gap) => format!("which {} without an event ends", long(gap)),
                SessionEnd::Fixed(fixed) => format!("which ends {} after it began", long(fixed)),
            };
            format!("{which} of the last {}, {end}", long(length))
        }
    }
}

/// A length in words: `90 days`.
fn long(micros: i64) -> String {
    let units = [
        (86_400_000_000, "day"),
        (3_600_000_000, "hour"),
        (60_000_000, "minute"),
        (1_000_000, "second"),
        (1_000, "millisecond"),
    ];
    let unit = units.into_iter().find(|(unit, _)| micros != 0 && micros % unit == 0);
    let (count, name) = unit.map_or((micros, "microsecond"), |(unit, name)| (micros / unit, name));
    if count == 1 { format!("1 {name}") } else { format!("{count} {name}s") }
}

/// A text of SQL on one line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// What is kept of the events of one entity.
pub(crate) fn store_words(definition: &Definition) -> Vec<StoreWords> {
    let read = |feature: &onepath_definition::Feature| {
        let (mut stores, mut seen) = (Vec::new(), HashSet::new());
        reached(definition, feature.node, &mut seen, &mut stores);
        stores
    };
    let readers: Vec<Vec<usize>> = definition.features.iter().map(read).collect();
    let words = |(at, store): (usize, &Store)| StoreWords {
        kept: kept_words(definition, store),
        features: (0..readers.len()).filter(|feature| readers[*feature].contains(&at)).collect(),
    };
    definition.stores.iter().enumerate().map(words).collect()
}

/// The stores that a node of the program of questions reads. A node that was seen is not looked at again.
fn reached(definition: &Definition, node: NodeIndex, seen: &mut HashSet<NodeIndex>, stores: &mut Vec<usize>) {
    if !seen.insert(node) {
        return;
    }
    match definition.question.nodes.get(node as usize) {
        Some(Node::Read(read)) => stores.extend(definition.reads.get(*read as usize).map(|read| read.store as usize)),
        Some(Node::Call { arguments, .. }) => {
            arguments.iter().for_each(|argument| reached(definition, *argument, seen, stores));
        }
        _ => {}
    }
}

fn kept_words(definition: &Definition, store: &Store) -> String {
    let text = |node: NodeIndex| node_words(definition, node);
    let value = store.value.map_or_else(|| "the time".to_owned(), |value| format!("the time and {}", text(value)));
    let value_alone = store.value.map_or_else(|| "time".to_owned(), text);
    let filter = store.filter.map_or_else(String::new, |filter| format!(" where {}", text(filter)));
    match &store.keep {
        Keep::Events { length } => format!("{value} of each event of the last {}{filter}", long(*length)),
        Keep::Latest { count } => format!("{value} of the latest {count} events{filter}"),
        Keep::Earliest { count } => format!("{value} of the earliest {count} events{filter}"),
        Keep::Values { length } => {
            format!("the values of {value_alone} of the last {}, and the one before{filter}", long(*length))
        }
        Keep::Keys { length } => {
            format!("each different {value_alone} of the last {} with its newest time{filter}", long(*length))
        }
        Keep::Lifetime(aggregate) => format!("{} of all events{filter}", summary_words(*aggregate, &value_alone)),
        Keep::Hops { aggregate, length, hop } => {
            format!(
                "{} of each {} of the last {}{filter}",
                summary_words(*aggregate, &value_alone),
                long(*hop),
                long(*length)
            )
        }
        Keep::Tumbling { aggregate, length } => {
            format!(
                "{} of this {} and of the one before{filter}",
                summary_words(*aggregate, &value_alone),
                long(*length)
            )
        }
        Keep::Sessions { aggregate, rule, length } => {
            let end = match rule {
                SessionRule::Gap(gap) => format!("ended by {} without an event", long(*gap)),
                SessionRule::Fixed(fixed) => format!("of {}", long(*fixed)),
            };
            let what = summary_words(*aggregate, &value_alone);
            format!("{what} of each session {end} of the last {}{filter}", long(*length))
        }
        Keep::Row { values, tie_break } => {
            let mut fields: Vec<String> = values.iter().map(|value| text(*value)).collect();
            fields.extend(tie_break.map(text));
            format!("{} of the newest event", fields.join(", "))
        }
    }
}

fn summary_words(aggregate: Aggregate, value: &str) -> String {
    match aggregate {
        Aggregate::Count => "the number".to_owned(),
        Aggregate::Mean | Aggregate::IntegerSum => format!("number and sum of {value}"),
        Aggregate::Variance => format!("number, sum and squares of {value}"),
        Aggregate::Min => format!("the least {value}"),
        Aggregate::Max => format!("the greatest {value}"),
        Aggregate::First => format!("the earliest {value}"),
        Aggregate::Last => format!("the latest {value}"),
        Aggregate::Share => format!("how often {value} is true"),
        Aggregate::Distinct => format!("the different {value}"),
        Aggregate::HyperLogLog => format!("a sketch of the different {value}"),
        Aggregate::Counts => format!("how often each {value} is there"),
        Aggregate::TopK => format!("a sketch of the most frequent {value}"),
        Aggregate::QuantileSketch => format!("a sketch of the order of {value}"),
        Aggregate::Decayed { half_life } => format!("the faded sum of {value}, by half in {},", long(half_life)),
    }
}

/// A node of the program of events, as SQL.
fn node_words(definition: &Definition, node: NodeIndex) -> String {
    match definition.event.nodes.get(node as usize) {
        Some(Node::Event(field)) => {
            definition.event_fields.get(*field as usize).map_or_else(String::new, |field| field.name.clone())
        }
        Some(Node::Time) => "event_time".to_owned(),
        Some(Node::Literal(literal)) => literal_words(literal),
        Some(Node::Null(_)) => "NULL".to_owned(),
        Some(Node::Call { function, arguments }) => {
            let arguments: Vec<String> = arguments.iter().map(|argument| node_words(definition, *argument)).collect();
            call_words(*function, &arguments)
        }
        _ => String::new(),
    }
}

fn literal_words(literal: &Literal) -> String {
    match literal {
        Literal::Boolean(value) => value.to_string(),
        Literal::Int64(value) => value.to_string(),
        Literal::Float64(value) => format!("{value:?}"),
        Literal::Text(value) => quoted(value),
        Literal::Time(value) => quoted(&format_time(*value)),
        Literal::Float64List(values) => {
            let values: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
            format!("[{}]", values.join(", "))
        }
    }
}

fn call_words(function: Function, arguments: &[String]) -> String {
    let infix = |operator: &str| format!("({})", arguments.join(&format!(" {operator} ")));
    match (function, arguments) {
        (Function::Add, _) => infix("+"),
        (Function::Subtract, _) => infix("-"),
        (Function::Multiply, _) => infix("*"),
        (Function::Divide, _) => infix("/"),
        (Function::Equal, [one, other]) => format!("{one} = {other}"),
        (Function::NotEqual, [one, other]) => format!("{one} <> {other}"),
        (Function::Less, [one, other]) => format!("{one} < {other}"),
        (Function::LessOrEqual, [one, other]) => format!("{one} <= {other}"),
        (Function::And, _) => infix("AND"),
        (Function::Or, _) => infix("OR"),
        (Function::Not, [one]) => format!("NOT {one}"),
        (Function::IsNull, [one]) => format!("{one} IS NULL"),
        (Function::In, [one, others @ ..]) => format!("{one} IN ({})", others.join(", ")),
        (Function::ToFloat64, [one]) => one.clone(),
        (function, _) => format!("{function:?}({})", arguments.join(", ")),
    }
}
