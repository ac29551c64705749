//! Declared views: features that are said in the project file instead of being computed by code.
//!
//! The grammar is resolved here: what each feature aggregates, of which events, kept how. Texts of SQL are not read, and names in
//! them are not known: that needs the types of fields.

use std::ops::Range;

use super::DeclaredField;
use crate::batch::Value;

/// A text of SQL: one expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlText {
    /// The expression.
    pub text: String,
    /// Where the project file has it, with its quotes.
    pub(crate) span: Range<usize>,
}

/// What a view declares.
#[derive(Clone, Debug)]
pub struct Declaration {
    /// Fields of the newest row: each is a feature.
    pub latest: Vec<SqlText>,
    /// What decides between rows of one time.
    pub tie_break: Option<SqlText>,
    /// The fields that each question brings.
    pub request: Vec<DeclaredField>,
    /// The features: first the fields of the newest row, then the others in the order of the document; one that has several windows
    /// or values is several.
    pub features: Vec<DeclaredFeature>,
}

/// One declared feature.
#[derive(Clone, Debug)]
pub struct DeclaredFeature {
    /// Its name.
    pub name: String,
    /// How it is made.
    pub making: Making,
    /// What replaces a null of it, and where that stands.
    pub(crate) default: Option<(Value, Range<usize>)>,
    /// Where the project file names it.
    pub(crate) span: Range<usize>,
}

/// How a feature is made.
#[derive(Clone, Debug)]
pub enum Making {
    /// The field of the newest row at this place.
    Latest(usize),
    /// Of the other features of the view, of the request, the inputs and the as-of.
    Expression(SqlText),
    /// Of events.
    Aggregate(Box<Aggregation>),
}

/// An aggregate of events.
#[derive(Clone, Debug)]
pub struct Aggregation {
    /// What is made of the events.
    pub function: AggregateFunction,
    /// Of which value of each; `None` of the events themselves.
    pub value: Option<SqlText>,
    /// Of which events; `None` of all.
    pub filter: Option<SqlText>,
    /// Of those for which this expression has this value.
    pub by: Option<(SqlText, Value)>,
    /// Of which stretch of time.
    pub window: Window,
    /// Where the project file names the aggregate.
    pub(crate) span: Range<usize>,
}

/// What is made of events.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum AggregateFunction {
    /// How many.
    Count,
    /// The sum of the values.
    Sum,
    /// Their mean.
    Mean,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// The population's variance.
    Variance,
    /// The sample's variance.
    SampleVariance,
    /// The population's standard deviation.
    StdDev,
    /// The sample's standard deviation.
    SampleStdDev,
    /// The earliest value.
    First,
    /// The latest value.
    Last,
    /// Of the first `of` values the one at this place, from 0.
    NthFirst {
        /// The place.
        at: u32,
        /// How many are kept.
        of: u32,
    },
    /// Of the last `of` values the one at this place, from 0 for the latest.
    NthLast {
        /// The place.
        at: u32,
        /// How many are kept.
        of: u32,
    },
    /// The first so many values as a list.
    FirstList(u32),
    /// The last so many values as a list, from the earliest to the latest.
    LastList(u32),
    /// How many different values.
    Distinct {
        /// Whether an estimate is enough.
        approximate: bool,
    },
    /// The value that is the n-th most frequent, from 0.
    Top {
        /// The place.
        at: u32,
        /// Whether an estimate is enough.
        approximate: bool,
    },
    /// The value so much of the way through the others in order.
    Percentile {
        /// From 0 to 1.
        q: f64,
        /// Whether an estimate is enough.
        approximate: bool,
    },
    /// The part of the events whose value is true.
    Share,
    /// How many events have a value that is true.
    Hits,
    /// How many whole units ago the latest event was.
    SinceLast(TimeUnitOfFeature),
    /// How many whole units ago the earliest event was.
    SinceFirst(TimeUnitOfFeature),
    /// The sum in which what is a half-life old counts half.
    DecayedSum {
        /// In microseconds.
        half_life: i64,
    },
    /// The mean with such weights.
    DecayedMean {
        /// In microseconds.
        half_life: i64,
    },
    /// The value that held so long ago.
    Lag {
        /// In microseconds.
        ago: i64,
    },
    /// How many sessions.
    Sessions,
    /// How many whole units a session took.
    SessionLength(TimeUnitOfFeature),
}

/// In what a feature counts time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnitOfFeature {
    /// 24 hours.
    Days,
    /// 60 minutes.
    Hours,
    /// 60 seconds.
    Minutes,
    /// Seconds.
    Seconds,
}

impl TimeUnitOfFeature {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Days, Self::Hours, Self::Minutes, Self::Seconds];

    /// Its name in the project file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Days => "days",
            Self::Hours => "hours",
            Self::Minutes => "minutes",
            Self::Seconds => "seconds",
        }
    }

    /// How many microseconds it is.
    pub fn micros(self) -> i64 {
        match self {
            Self::Days => 86_400_000_000,
            Self::Hours => 3_600_000_000,
            Self::Minutes => 60_000_000,
            Self::Seconds => 1_000_000,
        }
    }
}

/// Which stretch of time an aggregate is of. Lengths are microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// All events.
    Lifetime,
    /// Those of `length` up to `ago` before the as-of.
    Exact {
        /// How long it is.
        length: i64,
        /// How long ago it ended.
        ago: i64,
        /// Whether an event that is exactly `length` old is outside.
        is_half_open: bool,
    },
    /// The latest so many events.
    Events(u32),
    /// As [`Window::Exact`], but kept as one aggregate for each hop.
    Hopping {
        /// How long it is.
        length: i64,
        /// The length of a hop.
        hop: i64,
        /// With it, whole hops that ended so long ago; without, up to the as-of, from the beginning of the hop where it begins.
        ago: Option<i64>,
    },
    /// Stretches of `length` after each other, from the epoch on.
    Tumbling {
        /// How long each is.
        length: i64,
        /// The one before that of the as-of, or that of the as-of.
        is_previous: bool,
    },
    /// Sessions of the last `length`.
    Sessions {
        /// What ends one.
        end: SessionEnd,
        /// How long they are kept.
        length: i64,
        /// Which of them.
        which: WhichSession,
    },
}

/// What ends a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// Nothing happened for so long.
    Gap(i64),
    /// So long passed since it began.
    Fixed(i64),
}

/// Which sessions a feature is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhichSession {
    /// All that are kept.
    All,
    /// The latest.
    Last,
    /// The one that the as-of lies in.
    Open,
}
