//! The SDK's aggregates as one type, so that windows of them are compiled once.

use onepath_definition::{Aggregate as Kind, Answer, ValueType};
use onepath_sdk::aggregate::{
    Aggregate, Count, Counts, Distinct, First, HyperLogLog, IntegerMax, IntegerMin, IntegerSum, Last, Max, Mean, Min,
    QuantileSketch, Share, TopK, Variance,
};
use onepath_sdk::dynamic::Fade;
use onepath_sdk::state::{State, StateError};
use onepath_sdk::time::{AsOf, EventTime, Length};

use super::units;
use super::value::{Item, Value, put};
use crate::column::Writer;

/// The entries of a [`TopK`].
const ENTRIES: usize = 64;

/// Which aggregate there is, of which values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Which {
    pub(super) kind: Kind,
    pub(super) value_type: Option<ValueType>,
}

/// Any aggregate. One that is blank becomes that of its first event.
#[derive(Clone, Debug, Default)]
pub(super) enum Any {
    #[default]
    Blank,
    Count(Count),
    Mean(Box<Mean>),
    IntegerSum(Box<IntegerSum>),
    Variance(Box<Variance>),
    Min(Min),
    Max(Max),
    IntegerMin(IntegerMin),
    IntegerMax(IntegerMax),
    First(First<Value>),
    Last(Last<Value>),
    Share(Share),
    Distinct(OfKey<Distinct<String>, Distinct<i64>>),
    HyperLogLog(OfKey<HyperLogLog<String>, HyperLogLog<i64>>),
    Counts(OfKey<Counts<String>, Counts<i64>>),
    TopK(OfKey<TopK<String, ENTRIES>, TopK<i64, ENTRIES>>),
    QuantileSketch(Box<QuantileSketch>),
    Decayed(Box<Fade>, Length),
}

/// An aggregate of texts, or of integers. Booleans are 0 and 1, which changes no answer.
#[derive(Clone, Debug)]
pub(super) enum OfKey<T, I> {
    Texts(T),
    Integers(I),
}

impl<T: Default, I: Default> OfKey<T, I> {
    fn new(value_type: Option<ValueType>) -> Self {
        match value_type {
            Some(ValueType::Text) => OfKey::Texts(T::default()),
            _ => OfKey::Integers(I::default()),
        }
    }
}

impl<T, I> OfKey<T, I>
where
    T: for<'a> Aggregate<Item<'a> = &'a str>,
    I: for<'a> Aggregate<Item<'a> = &'a i64>,
{
    fn push(&mut self, at: EventTime, item: Item<'_>) {
        match (self, item) {
            (OfKey::Texts(texts), Item::Text(text)) => texts.push(at, text),
            (OfKey::Integers(integers), Item::Integer(integer)) => integers.push(at, &integer),
            (OfKey::Integers(integers), Item::Boolean(boolean)) => integers.push(at, &i64::from(boolean)),
            _ => {}
        }
    }

    fn merge(&mut self, other: &Self) {
        match (self, other) {
            (OfKey::Texts(texts), OfKey::Texts(others)) => texts.merge(others),
            (OfKey::Integers(integers), OfKey::Integers(others)) => integers.merge(others),
            _ => {}
        }
    }

    fn encode(&self, bytes: &mut Vec<u8>) {
        match self {
            OfKey::Texts(texts) => texts.encode(bytes),
            OfKey::Integers(integers) => integers.encode(bytes),
        }
    }

    fn decode(bytes: &mut &[u8], value_type: Option<ValueType>) -> Result<Self, StateError> {
        Ok(match value_type {
            Some(ValueType::Text) => OfKey::Texts(T::decode(bytes)?),
            _ => OfKey::Integers(I::decode(bytes)?),
        })
    }
}

impl Any {
    /// An aggregate of no events.
    pub(super) fn new(which: Which) -> Self {
        let Which { kind, value_type } = which;
        let is_float = value_type == Some(ValueType::Float64);
        match kind {
            Kind::Count => Any::Count(Count::default()),
            Kind::Mean => Any::Mean(Box::default()),
            Kind::IntegerSum => Any::IntegerSum(Box::default()),
            Kind::Variance => Any::Variance(Box::default()),
            Kind::Min if is_float => Any::Min(Min::default()),
            Kind::Max if is_float => Any::Max(Max::default()),
            Kind::Min => Any::IntegerMin(IntegerMin::default()),
            Kind::Max => Any::IntegerMax(IntegerMax::default()),
            Kind::First => Any::First(First::default()),
            Kind::Last => Any::Last(Last::default()),
            Kind::Share => Any::Share(Share::default()),
            Kind::Distinct => Any::Distinct(OfKey::new(value_type)),
            Kind::HyperLogLog => Any::HyperLogLog(OfKey::new(value_type)),
            Kind::Counts => Any::Counts(OfKey::new(value_type)),
            Kind::TopK => Any::TopK(OfKey::new(value_type)),
            Kind::QuantileSketch => Any::QuantileSketch(Box::default()),
            Kind::Decayed { half_life } => Any::Decayed(Box::default(), Length::from_micros(half_life)),
        }
    }

    /// Appends the bytes of the SDK's aggregate.
    pub(super) fn encode_bare(&self, bytes: &mut Vec<u8>) {
        match self {
            Any::Blank => {}
            Any::Count(it) => it.encode(bytes),
            Any::Mean(it) => it.encode(bytes),
            Any::IntegerSum(it) => it.encode(bytes),
            Any::Variance(it) => it.encode(bytes),
            Any::Min(it) => it.encode(bytes),
            Any::Max(it) => it.encode(bytes),
            Any::IntegerMin(it) => it.encode(bytes),
            Any::IntegerMax(it) => it.encode(bytes),
            Any::First(it) => it.encode(bytes),
            Any::Last(it) => it.encode(bytes),
            Any::Share(it) => it.encode(bytes),
            Any::Distinct(it) => it.encode(bytes),
            Any::HyperLogLog(it) => it.encode(bytes),
            Any::Counts(it) => it.encode(bytes),
            Any::TopK(it) => it.encode(bytes),
            Any::QuantileSketch(it) => it.encode(bytes),
            Any::Decayed(it, _) => it.encode(bytes),
        }
    }

    /// Takes the bytes of the SDK's aggregate.
    pub(super) fn decode_bare(bytes: &mut &[u8], which: Which) -> Result<Self, StateError> {
        let Which { kind, value_type } = which;
        let is_float = value_type == Some(ValueType::Float64);
        Ok(match kind {
            Kind::Count => Any::Count(Count::decode(bytes)?),
            Kind::Mean => Any::Mean(Box::new(Mean::decode(bytes)?)),
            Kind::IntegerSum => Any::IntegerSum(Box::new(IntegerSum::decode(bytes)?)),
            Kind::Variance => Any::Variance(Box::new(Variance::decode(bytes)?)),
            Kind::Min if is_float => Any::Min(Min::decode(bytes)?),
            Kind::Max if is_float => Any::Max(Max::decode(bytes)?),
            Kind::Min => Any::IntegerMin(IntegerMin::decode(bytes)?),
            Kind::Max => Any::IntegerMax(IntegerMax::decode(bytes)?),
            Kind::First => Any::First(First::decode(bytes)?),
            Kind::Last => Any::Last(Last::decode(bytes)?),
            Kind::Share => Any::Share(Share::decode(bytes)?),
            Kind::Distinct => Any::Distinct(OfKey::decode(bytes, value_type)?),
            Kind::HyperLogLog => Any::HyperLogLog(OfKey::decode(bytes, value_type)?),
            Kind::Counts => Any::Counts(OfKey::decode(bytes, value_type)?),
            Kind::TopK => Any::TopK(OfKey::decode(bytes, value_type)?),
            Kind::QuantileSketch => Any::QuantileSketch(Box::new(QuantileSketch::decode(bytes)?)),
            Kind::Decayed { half_life } => Any::Decayed(Box::new(Fade::decode(bytes)?), Length::from_micros(half_life)),
        })
    }
}

impl Aggregate for Any {
    /// With each value, which aggregate a blank one becomes.
    type Item<'a> = (Which, Item<'a>);

    #[inline]
    fn push(&mut self, at: EventTime, (which, item): (Which, Item<'_>)) {
        if let Any::Blank = self {
            *self = Any::new(which);
        }
        match (self, item) {
            (Any::Count(it), _) => it.push(at, ()),
            (Any::Mean(it), Item::Float(number)) => it.push(at, number),
            (Any::IntegerSum(it), Item::Integer(number)) => it.push(at, number),
            (Any::Variance(it), Item::Float(number)) => it.push(at, number),
            (Any::Min(it), Item::Float(number)) => it.push(at, number),
            (Any::Max(it), Item::Float(number)) => it.push(at, number),
            (Any::IntegerMin(it), Item::Integer(number)) => it.push(at, number),
            (Any::IntegerMax(it), Item::Integer(number)) => it.push(at, number),
            (Any::First(it), item) => it.push(at, item),
            (Any::Last(it), item) => it.push(at, item),
            (Any::Share(it), Item::Boolean(is_hit)) => it.push(at, is_hit),
            (Any::Distinct(it), item) => it.push(at, item),
            (Any::HyperLogLog(it), item) => it.push(at, item),
            (Any::Counts(it), item) => it.push(at, item),
            (Any::TopK(it), item) => it.push(at, item),
            (Any::QuantileSketch(it), Item::Float(number)) => it.push(at, number),
            (Any::Decayed(it, half_life), Item::Float(number)) => it.push(at, number, *half_life),
            // A checked definition gives an aggregate no other values.
            _ => {}
        }
    }

    fn merge(&mut self, other: &Self) {
        match (self, other) {
            (this @ Any::Blank, other) => this.clone_from(other),
            (Any::Count(it), Any::Count(other)) => it.merge(other),
            (Any::Mean(it), Any::Mean(other)) => it.merge(other),
            (Any::IntegerSum(it), Any::IntegerSum(other)) => it.merge(other),
            (Any::Variance(it), Any::Variance(other)) => it.merge(other),
            (Any::Min(it), Any::Min(other)) => it.merge(other),
            (Any::Max(it), Any::Max(other)) => it.merge(other),
            (Any::IntegerMin(it), Any::IntegerMin(other)) => it.merge(other),
            (Any::IntegerMax(it), Any::IntegerMax(other)) => it.merge(other),
            (Any::First(it), Any::First(other)) => it.merge(other),
            (Any::Last(it), Any::Last(other)) => it.merge(other),
            (Any::Share(it), Any::Share(other)) => it.merge(other),
            (Any::Distinct(it), Any::Distinct(other)) => it.merge(other),
            (Any::HyperLogLog(it), Any::HyperLogLog(other)) => it.merge(other),
            (Any::Counts(it), Any::Counts(other)) => it.merge(other),
            (Any::TopK(it), Any::TopK(other)) => it.merge(other),
            (Any::QuantileSketch(it), Any::QuantileSketch(other)) => it.merge(other),
            (Any::Decayed(it, _), Any::Decayed(other, _)) => it.merge(other),
            _ => {}
        }
    }
}

/// For the proof of the law of merging alone, where an aggregate is copied and compared as bytes: it says which aggregate it is. A
/// [`TopK`], which is approximate by design, has no bytes there, so that it is held to nothing.
impl State for Any {
    fn encode(&self, bytes: &mut Vec<u8>) {
        let (code, half_life) = match self {
            Any::Blank | Any::TopK(_) => return,
            Any::Count(_) => (0, None),
            Any::Mean(_) => (1, None),
            Any::IntegerSum(_) => (2, None),
            Any::Variance(_) => (3, None),
            Any::Min(_) => (4, None),
            Any::Max(_) => (5, None),
            Any::IntegerMin(_) => (6, None),
            Any::IntegerMax(_) => (7, None),
            Any::First(_) => (8, None),
            Any::Last(_) => (9, None),
            Any::Share(_) => (10, None),
            Any::Distinct(it) => (11 + it.code(), None),
            Any::HyperLogLog(it) => (13 + it.code(), None),
            Any::Counts(it) => (15 + it.code(), None),
            Any::QuantileSketch(_) => (17, None),
            Any::Decayed(_, half_life) => (18, Some(half_life)),
        };
        bytes.push(code);
        if let Some(half_life) = half_life {
            half_life.encode(bytes);
        }
        self.encode_bare(bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let Some((&code, rest)) = bytes.split_first() else { return Ok(Any::Blank) };
        *bytes = rest;
        let key = |first: u8| match code - first {
            0 => ValueType::Text,
            _ => ValueType::Int64,
        };
        let (kind, value_type) = match code {
            0 => (Kind::Count, None),
            1 => (Kind::Mean, Some(ValueType::Float64)),
            2 => (Kind::IntegerSum, Some(ValueType::Int64)),
            3 => (Kind::Variance, Some(ValueType::Float64)),
            4 => (Kind::Min, Some(ValueType::Float64)),
            5 => (Kind::Max, Some(ValueType::Float64)),
            6 => (Kind::Min, Some(ValueType::Int64)),
            7 => (Kind::Max, Some(ValueType::Int64)),
            8 => (Kind::First, None),
            9 => (Kind::Last, None),
            10 => (Kind::Share, Some(ValueType::Boolean)),
            11..=12 => (Kind::Distinct, Some(key(11))),
            13..=14 => (Kind::HyperLogLog, Some(key(13))),
            15..=16 => (Kind::Counts, Some(key(15))),
            17 => (Kind::QuantileSketch, Some(ValueType::Float64)),
            18 => (Kind::Decayed { half_life: i64::decode(bytes)? }, Some(ValueType::Float64)),
            _ => return Err(StateError::new("there is no such aggregate")),
        };
        Any::decode_bare(bytes, Which { kind, value_type })
    }
}

impl<T, I> OfKey<T, I> {
    fn code(&self) -> u8 {
        match self {
            OfKey::Texts(_) => 0,
            OfKey::Integers(_) => 1,
        }
    }
}

impl Any {
    /// Appends what a question wants of it, to a column of the answer's type.
    pub(super) fn answer(&self, answer: Answer, as_of: AsOf, which: Which, column: &mut Writer) {
        match self {
            // There was no event.
            Any::Blank => Any::new(which).answer(answer, as_of, which, column),
            Any::Count(it) => column.integer(Some(it.count())),
            Any::Mean(it) => match answer {
                Answer::Count => column.integer(Some(it.count())),
                Answer::Sum => column.float((it.count() > 0).then(|| it.sum())),
                _ => column.float(it.mean()),
            },
            Any::IntegerSum(it) => match answer {
                Answer::Count => column.integer(Some(it.count())),
                Answer::Sum => column.sum((it.count() > 0).then(|| it.sum())),
                _ => column.float(it.mean()),
            },
            Any::Variance(it) => match answer {
                Answer::Count => column.integer(Some(it.count())),
                Answer::Sum => column.float((it.count() > 0).then(|| it.sum())),
                Answer::Mean => column.float(it.mean()),
                Answer::Variance => column.float(it.variance()),
                Answer::SampleVariance => column.float(it.sample_variance()),
                Answer::StdDev => column.float(it.std_dev()),
                _ => column.float(it.sample_std_dev()),
            },
            Any::Min(it) => column.float(it.min()),
            Any::Max(it) => column.float(it.max()),
            Any::IntegerMin(it) => column.integer(it.min()),
            Any::IntegerMax(it) => column.integer(it.max()),
            Any::First(it) => edge(it.at(), it.value(), answer, as_of, which, column),
            Any::Last(it) => edge(it.at(), it.value(), answer, as_of, which, column),
            Any::Share(it) => match answer {
                Answer::Hits => column.integer(Some(it.hits())),
                _ => column.float(it.share()),
            },
            Any::Distinct(it) => column.integer(Some(match it {
                OfKey::Texts(it) => it.count(),
                OfKey::Integers(it) => it.count(),
            })),
            Any::HyperLogLog(it) => column.integer(Some(match it {
                OfKey::Texts(it) => it.count(),
                OfKey::Integers(it) => it.count(),
            })),
            Any::Counts(OfKey::Texts(it)) => counts(it.distinct(), |k| it.top(k), answer, put_text, column),
            Any::TopK(OfKey::Texts(it)) => counts(0, |k| it.top(k), answer, put_text, column),
            Any::Counts(OfKey::Integers(it)) => counts(it.distinct(), |k| it.top(k), answer, which.put(), column),
            Any::TopK(OfKey::Integers(it)) => counts(0, |k| it.top(k), answer, which.put(), column),
            Any::QuantileSketch(it) => match answer {
                Answer::Quantile(q) => column.float(it.quantile(q)),
                _ => column.float(None),
            },
            Any::Decayed(it, half_life) => match answer {
                Answer::DecayedSum => column.float((!it.is_empty()).then(|| it.sum(as_of, *half_life))),
                _ => column.float(it.mean()),
            },
        }
    }
}

/// The answers of the earliest or the latest event.
fn edge(at: Option<EventTime>, value: Option<&Value>, answer: Answer, as_of: AsOf, which: Which, column: &mut Writer) {
    match answer {
        Answer::TimeOfFirst | Answer::TimeOfLast => column.integer(at.map(EventTime::micros)),
        Answer::SinceFirst(unit) | Answer::SinceLast(unit) => column.integer(at.map(|at| units(as_of, at, unit))),
        _ => put(value, which.value_type, column),
    }
}

fn put_text(value: Option<String>, column: &mut Writer) {
    column.text(value.as_deref());
}

fn put_integer(value: Option<i64>, column: &mut Writer) {
    column.integer(value);
}

fn put_boolean(value: Option<i64>, column: &mut Writer) {
    column.boolean(value.map(|value| value != 0));
}

impl Which {
    /// How keys that are kept as integers are told.
    fn put(self) -> fn(Option<i64>, &mut Writer) {
        if self.value_type == Some(ValueType::Boolean) { put_boolean } else { put_integer }
    }
}

/// The answers of counts by key.
fn counts<K>(
    distinct: i64,
    top: impl Fn(usize) -> Vec<(K, i64)>,
    answer: Answer,
    put: fn(Option<K>, &mut Writer),
    column: &mut Writer,
) {
    let nth = |nth: u32| top(nth as usize + 1).into_iter().nth(nth as usize);
    match answer {
        Answer::Top(at) => put(nth(at).map(|(key, _)| key), column),
        Answer::TopCount(at) => column.integer(nth(at).map(|(_, count)| count)),
        _ => column.integer(Some(distinct)),
    }
}
