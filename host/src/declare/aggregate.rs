//! One aggregate: which store keeps what it needs, and what is read of it.

use onepath_definition::{Aggregate, Answer, Keep, Literal, SessionRule, Span, ValueType};

use super::events::EventScope;
use super::fault::DeclareFault;
use super::named;
use super::sql::Typed;
use super::stores::StoreSet;
use crate::batch::Value;
use crate::project::{AggregateFunction as F, Aggregation, SessionEnd, SqlText, WhichSession, Window};

/// What a question reads.
pub(super) struct Reading {
    /// The read, by its place.
    pub read: u32,
    pub value_type: ValueType,
    pub nullable: bool,
}

/// Adds what an aggregate needs to the stores, and gives what is read.
pub(super) fn aggregate(
    aggregation: &Aggregation,
    events: &mut EventScope<'_>,
    stores: &mut StoreSet,
) -> Result<Reading, DeclareFault> {
    let function = aggregation.function;
    let mut conditions = Vec::new();
    if let Some(filter) = &aggregation.filter {
        conditions.push(events.condition(filter)?);
    }
    if let Some((by, value)) = &aggregation.by {
        let typed = events.lower(by)?;
        conditions.push(events.equals(typed, by_literal(by, typed, value)?));
    }
    let mut value = None;
    if let Some(text) = &aggregation.value {
        if is_of_events(function) {
            conditions.push(events.condition(text)?);
        } else {
            let typed = events.lower(text)?;
            value = taken(function, text, typed, events)?;
        }
    }
    let filter = events.all_of(conditions);
    let (keep, span) = kept(aggregation, value)?;
    let store = stores.store(filter, value, keep);
    let answer = answer(function);
    let type_of = |node| value.filter(|value| value.node == node).map(|value| value.value_type);
    let Some((value_type, nullable)) = stores.get(store).answer_type(span, answer, type_of) else {
        let help = "use another window for it, or another aggregate";
        return Err(DeclareFault::new(aggregation.span.clone(), "this aggregate is not kept over such a window", help));
    };
    Ok(Reading { read: stores.read(store, span, answer), value_type, nullable })
}

/// Whether what an aggregate names is which events it is of, and no value.
fn is_of_events(function: F) -> bool {
    matches!(function, F::SinceLast(_) | F::SinceFirst(_) | F::Sessions | F::SessionLength(_))
}

/// The value of `by` that is listed, as a literal of its type.
fn by_literal(by: &SqlText, typed: Typed, value: &Value) -> Result<Literal, DeclareFault> {
    let literal = match (typed.value_type, value) {
        (ValueType::Text, Value::Text(text)) => Some(Literal::Text(text.clone())),
        (ValueType::Int64, Value::Int64(number)) => Some(Literal::Int64(*number)),
        (ValueType::Boolean, Value::Bool(flag)) => Some(Literal::Boolean(*flag)),
        _ => None,
    };
    let value_type = named(typed.value_type);
    literal.ok_or_else(|| {
        DeclareFault::new(
            by.span.clone(),
            format!("by is {value_type}, and {value} is not"),
            format!("list values of type {value_type}; texts, whole numbers, and true and false can be told apart by"),
        )
    })
}

/// The value that an aggregate keeps: converted where it takes float64 alone; none where it only counts events.
fn taken(
    function: F,
    text: &SqlText,
    typed: Typed,
    events: &mut EventScope<'_>,
) -> Result<Option<Typed>, DeclareFault> {
    use ValueType::{Boolean, Float64, Float64List, Int64, Text, Time};
    let found = typed.value_type;
    let (fits, takes) = match function {
        F::Count => (found != Float64List, "any value but a list"),
        F::Sum | F::Mean => (matches!(found, Int64 | Float64), "int64 or float64"),
        F::Min | F::Max => (matches!(found, Int64 | Float64 | Time), "int64, float64 or time"),
        F::Variance | F::SampleVariance | F::StdDev | F::SampleStdDev | F::Percentile { .. } => {
            (matches!(found, Int64 | Float64), "int64 or float64")
        }
        F::DecayedSum { .. } | F::DecayedMean { .. } | F::FirstList(_) | F::LastList(_) => {
            (matches!(found, Int64 | Float64), "int64 or float64")
        }
        F::First | F::Last | F::NthFirst { .. } | F::NthLast { .. } | F::Lag { .. } => {
            (found != Float64List, "any value but a list")
        }
        F::Distinct { .. } | F::Top { .. } => (matches!(found, Text | Int64 | Boolean), "text, int64 or bool"),
        F::Share | F::Hits => (found == Boolean, "a condition, which is true or false"),
        F::SinceLast(_) | F::SinceFirst(_) | F::Sessions | F::SessionLength(_) => (true, "events"),
    };
    if !fits {
        let cast = |value_type: &str| format!("CAST({} AS {value_type})", text.text.trim());
        let help = match (function, found) {
            (F::Sum | F::Mean, Boolean) => "count where it is true with hits, or its part with share".to_owned(),
            (F::Distinct { .. } | F::Top { .. }, Float64) => format!("make it a whole number: {}", cast("BIGINT")),
            (F::Sum | F::Mean | F::Min | F::Max, Text) => {
                format!("convert it where it is a number: {}", cast("DOUBLE"))
            }
            _ => "name another field, or write an expression of such a type".to_owned(),
        };
        return Err(DeclareFault::new(
            text.span.clone(),
            format!("this takes {takes}, and is given {}", named(found)),
            help,
        ));
    }
    Ok(match function {
        // Every event has it.
        F::Count if !typed.nullable => None,
        F::Variance
        | F::SampleVariance
        | F::StdDev
        | F::SampleStdDev
        | F::Percentile { .. }
        | F::DecayedSum { .. }
        | F::DecayedMean { .. }
        | F::FirstList(_)
        | F::LastList(_) => Some(events.as_float64(typed)),
        _ => Some(typed),
    })
}

/// How the events are kept, and which part of that is read.
fn kept(aggregation: &Aggregation, value: Option<Typed>) -> Result<(Keep, Span), DeclareFault> {
    let function = aggregation.function;
    let too_long =
        || DeclareFault::new(aggregation.span.clone(), "so long a time cannot be kept", "write a shorter one");
    let kept = match aggregation.window {
        Window::Lifetime => match function {
            F::NthFirst { of, .. } | F::FirstList(of) => (Keep::Earliest { count: of }, Span::All),
            F::NthLast { of, .. } | F::LastList(of) => (Keep::Latest { count: of }, Span::All),
            F::Lag { ago } => (Keep::Values { length: ago }, Span::Ago { ago }),
            _ => (Keep::Lifetime(summary(function, value)), Span::All),
        },
        Window::Exact { length, ago, is_half_open } => {
            let span = if is_half_open { Span::HalfOpen { length, ago } } else { Span::Closed { length, ago } };
            match function {
                // One event is enough.
                F::Last | F::SinceLast(_) if ago == 0 => (Keep::Lifetime(Aggregate::Last), span),
                F::Distinct { .. } if ago == 0 => (Keep::Keys { length }, span),
                _ => (Keep::Events { length: length.checked_add(ago).ok_or_else(too_long)? }, span),
            }
        }
        Window::Events(count) => (Keep::Latest { count }, Span::All),
        Window::Hopping { length, hop, ago } => {
            let whole = |length: i64| {
                let hops = length / hop + i64::from(length % hop > 0);
                hops.checked_mul(hop).ok_or_else(too_long)
            };
            let kept = whole(length)?.checked_add(whole(ago.unwrap_or(0))?).ok_or_else(too_long)?;
            let span = ago.map_or(Span::Sawtooth { length }, |ago| Span::Hopped { length, ago });
            (Keep::Hops { aggregate: summary(function, value), length: kept, hop }, span)
        }
        Window::Tumbling { length, is_previous } => {
            let span = if is_previous { Span::Previous } else { Span::Current };
            (Keep::Tumbling { aggregate: summary(function, value), length }, span)
        }
        Window::Sessions { end, length, which } => {
            let (rule, by) = match end {
                SessionEnd::Gap(gap) => (SessionRule::Gap(gap), gap),
                SessionEnd::Fixed(fixed) => (SessionRule::Fixed(fixed), fixed),
            };
            let (span, length) = match which {
                // Whether an event began a session is decided by those before it.
                WhichSession::All => (Span::Closed { length, ago: 0 }, length.checked_add(by).ok_or_else(too_long)?),
                WhichSession::Last => (Span::LastSession, length),
                WhichSession::Open => (Span::OpenSession, length),
            };
            (Keep::Sessions { aggregate: summary(function, value), rule, length }, span)
        }
    };
    Ok(kept)
}

/// What is kept of many events instead of the events.
fn summary(function: F, value: Option<Typed>) -> Aggregate {
    match function {
        F::Sum | F::Mean if value.is_some_and(|value| value.value_type == ValueType::Int64) => Aggregate::IntegerSum,
        F::Sum | F::Mean => Aggregate::Mean,
        F::Variance | F::SampleVariance | F::StdDev | F::SampleStdDev => Aggregate::Variance,
        F::Min => Aggregate::Min,
        F::Max => Aggregate::Max,
        F::First | F::SinceFirst(_) => Aggregate::First,
        F::Last | F::SinceLast(_) => Aggregate::Last,
        F::Share | F::Hits => Aggregate::Share,
        F::Distinct { approximate: false } => Aggregate::Distinct,
        F::Distinct { approximate: true } => Aggregate::HyperLogLog,
        F::Top { approximate: false, .. } => Aggregate::Counts,
        F::Top { approximate: true, .. } => Aggregate::TopK,
        F::Percentile { .. } => Aggregate::QuantileSketch,
        F::DecayedSum { half_life } | F::DecayedMean { half_life } => Aggregate::Decayed { half_life },
        // These are kept as events, or of sessions only their number and length are read.
        F::Count
        | F::NthFirst { .. }
        | F::NthLast { .. }
        | F::FirstList(_)
        | F::LastList(_)
        | F::Lag { .. }
        | F::Sessions
        | F::SessionLength(_) => Aggregate::Count,
    }
}

/// What is read.
fn answer(function: F) -> Answer {
    match function {
        F::Count => Answer::Count,
        F::Sum => Answer::Sum,
        F::Mean => Answer::Mean,
        F::Min => Answer::Min,
        F::Max => Answer::Max,
        F::Variance => Answer::Variance,
        F::SampleVariance => Answer::SampleVariance,
        F::StdDev => Answer::StdDev,
        F::SampleStdDev => Answer::SampleStdDev,
        F::First => Answer::First,
        F::Last | F::Lag { .. } => Answer::Last,
        F::NthFirst { at, .. } => Answer::NthEarliest(at),
        F::NthLast { at, .. } => Answer::NthLatest(at),
        F::FirstList(_) | F::LastList(_) => Answer::List,
        F::Distinct { .. } => Answer::Distinct,
        F::Top { at, .. } => Answer::Top(at),
        F::Percentile { q, .. } => Answer::Quantile(q),
        F::Share => Answer::Share,
        F::Hits => Answer::Hits,
        F::SinceLast(unit) => Answer::SinceLast(unit.micros()),
        F::SinceFirst(unit) => Answer::SinceFirst(unit.micros()),
        F::DecayedSum { .. } => Answer::DecayedSum,
        F::DecayedMean { .. } => Answer::DecayedMean,
        F::Sessions => Answer::Sessions,
        F::SessionLength(unit) => Answer::SessionLength(unit.micros()),
    }
}
