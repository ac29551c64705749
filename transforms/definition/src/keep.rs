//! What is kept of an entity's events, and what a question reads of it.
//!
//! All lengths are microseconds and not negative. Nulls are never kept (but in a [`Keep::Row`]): an event whose value is null is none.
//! Answers are those of the SDK's types of the same names, in bits.

use serde::{Deserialize, Serialize};

use crate::{NodeIndex, ValueType};

/// What is kept of the events that a filter lets pass.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Store {
    /// A boolean node of the program of events: events for which it is not true are passed over. Without one, all are kept.
    pub filter: Option<NodeIndex>,
    /// The node that is kept of each event; without one, only that and when it happened.
    pub value: Option<NodeIndex>,
    /// How it is kept.
    pub keep: Keep,
}

/// How events are kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Keep {
    /// Every event that is no older than `length` before the newest.
    Events {
        /// How long.
        length: i64,
    },
    /// The latest so many events.
    Latest {
        /// How many, at least 1.
        count: u32,
    },
    /// The earliest so many events.
    Earliest {
        /// How many, at least 1.
        count: u32,
    },
    /// The values that held during the last `length`: those of that stretch, and the one before it.
    Values {
        /// How long.
        length: i64,
    },
    /// The keys of the last `length`, each with the newest time at which it was met.
    Keys {
        /// How long.
        length: i64,
    },
    /// One aggregate of all events.
    Lifetime(Aggregate),
    /// An aggregate for each hop, no older than `length` before the newest. `length` is a multiple of `hop`.
    Hops {
        /// What is kept of each hop.
        aggregate: Aggregate,
        /// How long.
        length: i64,
        /// The length of a hop, at least 1.
        hop: i64,
    },
    /// An aggregate of the current stretch of `length`, aligned to the epoch, and one of the stretch before.
    Tumbling {
        /// What is kept of each stretch.
        aggregate: Aggregate,
        /// How long a stretch is, at least 1.
        length: i64,
    },
    /// An aggregate for each session of the last `length`.
    Sessions {
        /// What is kept of each session.
        aggregate: Aggregate,
        /// What makes a session.
        rule: SessionRule,
        /// How long sessions are kept.
        length: i64,
    },
    /// The row of the event with the greatest event time, nulls included; of those at one time, of the one with the greater tie-break
    /// (a null is the least), else of the later one. The store's `value` is none.
    Row {
        /// The nodes that are kept.
        values: Vec<NodeIndex>,
        /// A node of any type but a list.
        tie_break: Option<NodeIndex>,
    },
}

/// What ends a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SessionRule {
    /// Nothing happened for so long.
    Gap(i64),
    /// So long passed since it began.
    Fixed(i64),
}

/// What is kept of many events instead of the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Aggregate {
    /// Of any value, or none.
    Count,
    /// Of float64: count, sum, mean.
    Mean,
    /// Of int64: count, sum, mean.
    IntegerSum,
    /// Of float64: count, sum, mean, variances.
    Variance,
    /// Of float64, int64 or time.
    Min,
    /// Of float64, int64 or time.
    Max,
    /// Of any value but a list, or none.
    First,
    /// Of any value but a list, or none.
    Last,
    /// Of a boolean.
    Share,
    /// Of text, int64 or boolean.
    Distinct,
    /// Of text, int64 or boolean: with 2^12 registers.
    HyperLogLog,
    /// Of text, int64 or boolean: how many of each.
    Counts,
    /// Of text, int64 or boolean: the most frequent, in 64 entries.
    TopK,
    /// Of float64: percentiles to a stated relative error.
    QuantileSketch,
    /// Of float64: a sum and a mean in which what is a half-life old counts half.
    Decayed {
        /// At least a millisecond.
        half_life: i64,
    },
}

/// One value that a question reads of a store.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Read {
    /// The store, by its place.
    pub store: u32,
    /// Which part of it.
    pub span: Span,
    /// What of that part.
    pub answer: Answer,
}

/// Which part of a store a question sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Span {
    /// All that is kept: of [`Keep::Latest`], [`Keep::Earliest`], [`Keep::Lifetime`] and [`Keep::Row`].
    All,
    /// `[as_of - ago - length, as_of - ago]`: of [`Keep::Events`], and without `ago` of [`Keep::Keys`], and of [`Keep::Lifetime`] of
    /// [`Aggregate::Last`], which is read as nothing where it is older. Of [`Keep::Sessions`] those that began in it: whether an event
    /// began a session is decided by those before it, so `ago`, `length` and the length of the rule together are kept.
    Closed {
        /// How long it is.
        length: i64,
        /// How long ago it ended.
        ago: i64,
    },
    /// `(as_of - ago - length, as_of - ago]`: of the same.
    HalfOpen {
        /// How long it is.
        length: i64,
        /// How long ago it ended.
        ago: i64,
    },
    /// What held so long ago: of [`Keep::Values`].
    Ago {
        /// How long ago.
        ago: i64,
    },
    /// From the hop that `as_of - length` lies in up to `as_of`: of [`Keep::Hops`].
    Sawtooth {
        /// How long it is.
        length: i64,
    },
    /// `[end - length, end)`, where `end` is `as_of - ago` rounded down to a whole hop: of [`Keep::Hops`].
    Hopped {
        /// How long it is, rounded up to whole hops.
        length: i64,
        /// How long ago it ended.
        ago: i64,
    },
    /// The stretch that `as_of` lies in: of [`Keep::Tumbling`].
    Current,
    /// The stretch before it: of [`Keep::Tumbling`].
    Previous,
    /// The latest session: of [`Keep::Sessions`].
    LastSession,
    /// The session that `as_of` lies in, if it has not ended: of [`Keep::Sessions`].
    OpenSession,
}

/// What a question wants of a part of a store.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// How many events. Never null.
    Count,
    /// Null where there is no event. Of int64 an int64, which fails where it overflows.
    Sum,
    /// Null where there is no event.
    Mean,
    /// Null where there is no event.
    Min,
    /// Null where there is no event.
    Max,
    /// The population's.
    Variance,
    /// The sample's.
    SampleVariance,
    /// The population's.
    StdDev,
    /// The sample's.
    SampleStdDev,
    /// The value of the earliest event.
    First,
    /// The value of the latest event.
    Last,
    /// When the earliest event happened.
    TimeOfFirst,
    /// When the latest event happened.
    TimeOfLast,
    /// How many whole units of so many microseconds before the as-of the earliest event happened.
    SinceFirst(i64),
    /// How many whole units of so many microseconds before the as-of the latest event happened.
    SinceLast(i64),
    /// The value of the n-th latest event, from 0.
    NthLatest(u32),
    /// The value of the n-th earliest event, from 0.
    NthEarliest(u32),
    /// All values, from the earliest to the latest, as a list: of float64. Empty where there is no event.
    List,
    /// How many different values. Never null.
    Distinct,
    /// The n-th most frequent value, from 0; of equally frequent ones the smaller first.
    Top(u32),
    /// How often the n-th most frequent value is there.
    TopCount(u32),
    /// The value so much of the way through the others in order: from 0 to 1.
    Quantile(f64),
    /// The part of the events whose value is true. Null where there is no event.
    Share,
    /// How many events have a value that is true. Never null.
    Hits,
    /// The faded sum. Null where there was never an event.
    DecayedSum,
    /// The mean by faded weights. Null where there was never an event.
    DecayedMean,
    /// The value of a [`Keep::Row`], by its place.
    Column(u32),
    /// How many sessions began. Never null.
    Sessions,
    /// How many whole units of so many microseconds a session took.
    SessionLength(i64),
}

impl Store {
    /// The type of what `answer` gives of `span`, and whether it may be null; none where there is no such answer. `value_type` tells the
    /// type of a node of the program of events.
    pub fn answer_type(
        &self,
        span: Span,
        answer: Answer,
        value_type: impl Fn(NodeIndex) -> Option<ValueType>,
    ) -> Option<(ValueType, bool)> {
        if let Keep::Row { values, .. } = &self.keep {
            return match (span, answer) {
                (Span::All, Answer::Column(at)) => Some((value_type(*values.get(at as usize)?)?, true)),
                (Span::All, Answer::Count) => None,
                (Span::All, Answer::TimeOfLast) => Some((ValueType::Time, true)),
                (Span::All, Answer::SinceLast(_)) => Some((ValueType::Int64, true)),
                _ => None,
            };
        }
        let value = match self.value {
            Some(node) => Some(value_type(node)?),
            None => None,
        };
        let has_span = match &self.keep {
            Keep::Events { length: kept } => match span {
                Span::Closed { length, ago } | Span::HalfOpen { length, ago } => is_within(length, ago, *kept),
                _ => false,
            },
            Keep::Latest { .. } | Keep::Earliest { .. } => span == Span::All,
            Keep::Values { length } => matches!(span, Span::Ago { ago } if is_within(ago, 0, *length)),
            Keep::Keys { length: kept } => match span {
                Span::Closed { length, ago: 0 } | Span::HalfOpen { length, ago: 0 } => is_within(length, 0, *kept),
                _ => false,
            },
            Keep::Lifetime(aggregate) => match span {
                Span::All => true,
                Span::Closed { length, ago: 0 } | Span::HalfOpen { length, ago: 0 } => {
                    *aggregate == Aggregate::Last && length >= 0
                }
                _ => false,
            },
            Keep::Hops { length: kept, hop, .. } => match span {
                Span::Sawtooth { length } => is_within(length, 0, *kept),
                Span::Hopped { length, ago } => {
                    matches!((whole(length, *hop), whole(ago, *hop)), (Some(length), Some(ago)) if is_within(length, ago, *kept))
                }
                _ => false,
            },
            Keep::Tumbling { .. } => matches!(span, Span::Current | Span::Previous),
            Keep::Sessions { rule: SessionRule::Gap(by) | SessionRule::Fixed(by), length: kept, .. } => match span {
                Span::Closed { length, ago } => {
                    is_within(length, ago, *kept)
                        && kept.checked_sub(*by).is_some_and(|kept| is_within(length, ago, kept))
                }
                _ => matches!(span, Span::LastSession | Span::OpenSession),
            },
            Keep::Row { .. } => false,
        };
        has_span.then(|| self.answer_of_value(span, answer, value)).flatten()
    }

    /// As [`answer_type`](Self::answer_type), for a span that the store has.
    fn answer_of_value(&self, span: Span, answer: Answer, value: Option<ValueType>) -> Option<(ValueType, bool)> {
        use ValueType::{Boolean, Float64, Float64List, Int64, Text, Time};
        let aggregate = match &self.keep {
            Keep::Lifetime(aggregate) | Keep::Hops { aggregate, .. } | Keep::Tumbling { aggregate, .. } => *aggregate,
            Keep::Sessions { aggregate, .. } => match (span, answer) {
                (Span::Closed { .. }, Answer::Sessions) => return Some((Int64, false)),
                (Span::Closed { .. }, _) => return None,
                (_, Answer::SessionLength(unit)) if unit > 0 => return Some((Int64, true)),
                _ => *aggregate,
            },
            Keep::Values { .. } => return (answer == Answer::Last).then_some((value?, true)),
            Keep::Keys { .. } => return (answer == Answer::Distinct).then_some((Int64, false)),
            Keep::Events { .. } | Keep::Latest { .. } | Keep::Earliest { .. } => {
                return match (answer, value) {
                    (Answer::Count, _) => Some((Int64, false)),
                    (Answer::Sum, Some(number @ (Int64 | Float64))) => Some((number, true)),
                    (Answer::Mean, Some(Int64 | Float64)) => Some((Float64, true)),
                    (Answer::Min | Answer::Max, Some(ordered @ (Int64 | Float64 | Time))) => Some((ordered, true)),
                    (
                        Answer::Variance | Answer::SampleVariance | Answer::StdDev | Answer::SampleStdDev,
                        Some(Float64),
                    ) => Some((Float64, true)),
                    (Answer::Quantile(q), Some(Float64)) if (0.0..=1.0).contains(&q) => Some((Float64, true)),
                    (Answer::List, Some(Float64)) => Some((Float64List, false)),
                    (
                        Answer::First | Answer::Last | Answer::NthLatest(_) | Answer::NthEarliest(_),
                        Some(value @ (Boolean | Int64 | Float64 | Text | Time)),
                    ) => Some((value, true)),
                    (Answer::TimeOfFirst | Answer::TimeOfLast, _) => Some((Time, true)),
                    (Answer::SinceFirst(unit) | Answer::SinceLast(unit), _) if unit > 0 => Some((Int64, true)),
                    (Answer::Distinct, Some(Int64 | Text | Boolean)) => Some((Int64, false)),
                    (Answer::Top(_), Some(key @ (Int64 | Text | Boolean))) => Some((key, true)),
                    (Answer::TopCount(_), Some(Int64 | Text | Boolean)) => Some((Int64, true)),
                    (Answer::Share, Some(Boolean)) => Some((Float64, true)),
                    (Answer::Hits, Some(Boolean)) => Some((Int64, false)),
                    _ => None,
                };
            }
            Keep::Row { .. } => return None,
        };
        match (aggregate, answer, value) {
            (Aggregate::Count, Answer::Count, _) => Some((Int64, false)),
            (Aggregate::Mean | Aggregate::Variance, Answer::Count, Some(Float64)) => Some((Int64, false)),
            (Aggregate::Mean | Aggregate::Variance, Answer::Sum | Answer::Mean, Some(Float64)) => Some((Float64, true)),
            (Aggregate::IntegerSum, Answer::Count, Some(Int64)) => Some((Int64, false)),
            (Aggregate::IntegerSum, Answer::Sum, Some(Int64)) => Some((Int64, true)),
            (Aggregate::IntegerSum, Answer::Mean, Some(Int64)) => Some((Float64, true)),
            (
                Aggregate::Variance,
                Answer::Variance | Answer::SampleVariance | Answer::StdDev | Answer::SampleStdDev,
                Some(Float64),
            ) => Some((Float64, true)),
            (Aggregate::Min, Answer::Min, Some(ordered @ (Int64 | Float64 | Time))) => Some((ordered, true)),
            (Aggregate::Max, Answer::Max, Some(ordered @ (Int64 | Float64 | Time))) => Some((ordered, true)),
            (Aggregate::First, Answer::First, Some(value @ (Boolean | Int64 | Float64 | Text | Time))) => {
                Some((value, true))
            }
            (Aggregate::Last, Answer::Last, Some(value @ (Boolean | Int64 | Float64 | Text | Time))) => {
                Some((value, true))
            }
            (Aggregate::First, Answer::TimeOfFirst, _) => Some((Time, true)),
            (Aggregate::Last, Answer::TimeOfLast, _) => Some((Time, true)),
            (Aggregate::First, Answer::SinceFirst(unit), _) if unit > 0 => Some((Int64, true)),
            (Aggregate::Last, Answer::SinceLast(unit), _) if unit > 0 => Some((Int64, true)),
            (Aggregate::Share, Answer::Share, Some(Boolean)) => Some((Float64, true)),
            (Aggregate::Share, Answer::Hits, Some(Boolean)) => Some((Int64, false)),
            (
                Aggregate::Distinct | Aggregate::HyperLogLog | Aggregate::Counts,
                Answer::Distinct,
                Some(Int64 | Text | Boolean),
            ) => Some((Int64, false)),
            (Aggregate::Counts | Aggregate::TopK, Answer::Top(_), Some(key @ (Int64 | Text | Boolean))) => {
                Some((key, true))
            }
            (Aggregate::Counts | Aggregate::TopK, Answer::TopCount(_), Some(Int64 | Text | Boolean)) => {
                Some((Int64, true))
            }
            (Aggregate::QuantileSketch, Answer::Quantile(q), Some(Float64)) if (0.0..=1.0).contains(&q) => {
                Some((Float64, true))
            }
            (Aggregate::Decayed { .. }, Answer::DecayedSum | Answer::DecayedMean, Some(Float64)) => {
                Some((Float64, true))
            }
            _ => None,
        }
    }
}

/// Whether a stretch of `length` that ended `ago` is kept by what keeps `kept`.
fn is_within(length: i64, ago: i64, kept: i64) -> bool {
    length >= 0 && ago >= 0 && length <= kept && ago <= kept - length
}

/// A length rounded up to whole hops.
fn whole(length: i64, hop: i64) -> Option<i64> {
    let (length, hop) = (u64::try_from(length).ok()?, u64::try_from(hop).ok()?);
    i64::try_from(length.div_ceil(hop).checked_mul(hop)?).ok()
}
