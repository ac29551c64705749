//! The latest and the earliest so many events; the values that held; the keys of the last so long.

use onepath_definition::{Answer, Span, ValueType};
use onepath_sdk::aggregate::{Kept as Keepable, Key};
use onepath_sdk::batch::Values;
use onepath_sdk::dynamic::{InForce, Keys, Ordered};
use onepath_sdk::state::StateError;
use onepath_sdk::time::{AsOf, EventTime, Length};

use super::{Job, Kept, Part, Progress, booleans, events, floats, integers, texts};
use crate::column::Writer;
use crate::state::Written;

/// Which events, and how many.
#[derive(Clone, Copy)]
pub(crate) enum Few {
    Latest(u32),
    Earliest(u32),
}

pub(super) fn run(
    job: &Job<'_>,
    few: Few,
    value_type: Option<ValueType>,
    values: Option<&Values>,
    progress: &mut Progress<'_>,
) -> Option<Written> {
    match value_type {
        None | Some(ValueType::Float64List) => job.each::<Ordered<()>>(&few, |_| (), progress),
        Some(ValueType::Float64) => {
            let values = floats(values);
            job.each::<Ordered<f64>>(&few, |event| values[event], progress)
        }
        Some(ValueType::Int64 | ValueType::Time) => {
            let values = integers(values);
            job.each::<Ordered<i64>>(&few, |event| values[event], progress)
        }
        Some(ValueType::Boolean) => {
            let values = booleans(values);
            job.each::<Ordered<bool>>(&few, |event| values[event] != 0, progress)
        }
        Some(ValueType::Text) => {
            let texts = texts(values);
            job.each::<Ordered<String>>(&few, |event| texts.get(event), progress)
        }
    }
}

/// Values of which the latest or the earliest are kept.
trait Told: Keepable {
    fn read(events: &Ordered<Self>, as_of: AsOf, part: &Part, columns: &mut [Writer]);
}

macro_rules! told {
    ($($value:ty),*) => {$(
        impl Told for $value {
            fn read(events: &Ordered<Self>, as_of: AsOf, part: &Part, columns: &mut [Writer]) {
                events::read(&events.view(), as_of, part, columns);
            }
        }
    )*};
}

told!((), f64, i64, bool);

impl Told for String {
    fn read(events: &Ordered<Self>, as_of: AsOf, part: &Part, columns: &mut [Writer]) {
        super::texts::read(events.times(), &|at| &events.values()[at], as_of, part, columns);
    }
}

impl<T: Told> Kept for Ordered<T> {
    type Item<'a> = T::Item<'a>;
    type Shape = Few;

    fn empty(_: &Few) -> Self {
        Ordered::default()
    }

    fn decode(bytes: &mut &[u8], few: &Few) -> Result<Self, StateError> {
        let (Few::Latest(count) | Few::Earliest(count)) = *few;
        Ordered::decode(bytes, count as usize)
    }

    fn encode(&self, bytes: &mut Vec<u8>, _: &Few) {
        if !self.times().is_empty() {
            Ordered::encode(self, bytes);
        }
    }

    #[inline]
    fn push(&mut self, at: EventTime, item: T::Item<'_>, few: &Few) {
        match *few {
            Few::Latest(count) => self.push_latest(at, item, count as usize),
            Few::Earliest(count) => self.push_earliest(at, item, count as usize),
        }
    }

    fn read(&self, as_of: AsOf, part: &Part, _: &Few, columns: &mut [Writer]) {
        T::read(self, as_of, part, columns);
    }
}

pub(super) fn run_values(
    job: &Job<'_>,
    length: Length,
    value_type: Option<ValueType>,
    values: Option<&Values>,
    progress: &mut Progress<'_>,
) -> Option<Written> {
    match value_type {
        Some(ValueType::Float64) => {
            let values = floats(values);
            job.each::<InForce<f64>>(&length, |event| values[event], progress)
        }
        Some(ValueType::Boolean) => {
            let values = booleans(values);
            job.each::<InForce<bool>>(&length, |event| values[event] != 0, progress)
        }
        Some(ValueType::Text) => {
            let texts = texts(values);
            job.each::<InForce<String>>(&length, |event| texts.get(event), progress)
        }
        _ => {
            let values = integers(values);
            job.each::<InForce<i64>>(&length, |event| values[event], progress)
        }
    }
}

/// A value that may have held.
trait Held: Keepable {
    fn put(value: Option<&Self>, column: &mut Writer);
}

impl Held for f64 {
    fn put(value: Option<&f64>, column: &mut Writer) {
        column.float(value.copied());
    }
}

impl Held for i64 {
    fn put(value: Option<&i64>, column: &mut Writer) {
        column.integer(value.copied());
    }
}

impl Held for bool {
    fn put(value: Option<&bool>, column: &mut Writer) {
        column.boolean(value.copied());
    }
}

impl Held for String {
    fn put(value: Option<&String>, column: &mut Writer) {
        column.text(value.map(String::as_str));
    }
}

impl<T: Held> Kept for InForce<T> {
    type Item<'a> = T::Item<'a>;
    type Shape = Length;

    fn empty(_: &Length) -> Self {
        InForce::default()
    }

    fn decode(bytes: &mut &[u8], kept: &Length) -> Result<Self, StateError> {
        InForce::decode(bytes, *kept)
    }

    fn encode(&self, bytes: &mut Vec<u8>, _: &Length) {
        if !self.is_empty() {
            InForce::encode(self, bytes);
        }
    }

    #[inline]
    fn push(&mut self, at: EventTime, item: T::Item<'_>, kept: &Length) {
        InForce::push(self, at, item, *kept);
    }

    fn read(&self, as_of: AsOf, part: &Part, _: &Length, columns: &mut [Writer]) {
        let Span::Ago { ago } = part.span else { unreachable!("values are read as of some time ago") };
        let value = self.value_ago(as_of, Length::from_micros(ago));
        part.answers.iter().for_each(|&(column, _)| T::put(value, &mut columns[column]));
    }
}

pub(super) fn run_keys(
    job: &Job<'_>,
    length: Length,
    value_type: Option<ValueType>,
    values: Option<&Values>,
    progress: &mut Progress<'_>,
) -> Option<Written> {
    match value_type {
        Some(ValueType::Text) => {
            let texts = texts(values);
            job.each::<OfKeys<String>>(&length, |event| texts.get(event), progress)
        }
        Some(ValueType::Boolean) => {
            let values = booleans(values);
            job.each::<OfKeys<i64>>(&length, |event| &BOOLEANS[usize::from(values[event] != 0)], progress)
        }
        _ => {
            let values = integers(values);
            job.each::<OfKeys<i64>>(&length, |event| &values[event], progress)
        }
    }
}

/// Booleans as keys.
static BOOLEANS: [i64; 2] = [0, 1];

/// The keys of the last so long.
struct OfKeys<K>(Keys<K>);

impl<K: Key> Kept for OfKeys<K> {
    type Item<'a> = &'a K::Ref;
    type Shape = Length;

    fn empty(_: &Length) -> Self {
        OfKeys(Keys::default())
    }

    fn decode(bytes: &mut &[u8], kept: &Length) -> Result<Self, StateError> {
        Keys::decode(bytes, *kept).map(OfKeys)
    }

    fn encode(&self, bytes: &mut Vec<u8>, kept: &Length) {
        if !self.0.is_empty() {
            self.0.encode(bytes, *kept);
        }
    }

    #[inline]
    fn push(&mut self, at: EventTime, key: &K::Ref, kept: &Length) {
        self.0.push(at, key, *kept);
    }

    fn read(&self, as_of: AsOf, part: &Part, _: &Length, columns: &mut [Writer]) {
        let view = match part.span {
            Span::HalfOpen { length, .. } => self.0.half_open(as_of, Length::from_micros(length)),
            Span::Closed { length, .. } => self.0.closed(as_of, Length::from_micros(length)),
            _ => unreachable!("keys are read by their edges"),
        };
        for &(column, answer) in &part.answers {
            debug_assert_eq!(answer, Answer::Distinct);
            columns[column].integer(Some(view.count()));
        }
    }
}
