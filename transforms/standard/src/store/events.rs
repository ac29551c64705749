//! The events of the last so long.

use onepath_definition::{Answer, Span, ValueType};
use onepath_sdk::batch::Values;
use onepath_sdk::dynamic::{Events, Total, decode_u64, encode_u64};
use onepath_sdk::state::StateError;
use onepath_sdk::time::{AsOf, EventTime, Length};
use onepath_sdk::window::{View, WindowValue};

use super::texts::TextEvents;
use super::{Job, Kept, Part, Progress, booleans, floats, integers, texts, units};
use crate::column::Writer;
use crate::state::Written;

pub(super) fn run(
    job: &Job<'_>,
    value_type: Option<ValueType>,
    values: Option<&Values>,
    length: Length,
    progress: &mut Progress<'_>,
) -> Option<Written> {
    match value_type {
        None => job.each::<Events<()>>(&length, |_| (), progress),
        Some(ValueType::Float64) => {
            let values = floats(values);
            job.each::<Events<f64>>(&length, |event| values[event], progress)
        }
        Some(ValueType::Int64 | ValueType::Time) => {
            let values = integers(values);
            job.each::<Events<i64>>(&length, |event| values[event], progress)
        }
        Some(ValueType::Boolean) => {
            let values = booleans(values);
            job.each::<Events<bool>>(&length, |event| values[event] != 0, progress)
        }
        Some(ValueType::Text) => {
            let texts = texts(values);
            job.each::<TextEvents>(&length, |event| texts.get(event), progress)
        }
        Some(ValueType::Float64List) => unreachable!("a window keeps no lists"),
    }
}

impl<T: Answered + WindowValue> Kept for Events<T> {
    type Item<'a> = T;
    type Shape = Length;

    fn empty(_: &Length) -> Self {
        Events::default()
    }

    fn clear(&mut self, _: &Length) {
        Events::clear(self);
    }

    /// The number of events, all times, then all values.
    fn decode(bytes: &mut &[u8], kept: &Length) -> Result<Self, StateError> {
        let count = decode_u64(bytes)?;
        let count = usize::try_from(count).map_err(|_| StateError::new("the state ends too early"))?;
        Events::decode(count, bytes, *kept)
    }

    fn encode(&self, bytes: &mut Vec<u8>, _: &Length) {
        if !self.is_empty() {
            encode_u64(self.len() as u64, bytes);
            Events::encode(self, bytes);
        }
    }

    #[inline]
    fn push(&mut self, at: EventTime, item: T, kept: &Length) {
        Events::push(self, at, item, *kept);
    }

    fn read(&self, as_of: AsOf, part: &Part, _: &Length, columns: &mut [Writer]) {
        read(&view(self, as_of, part.span), as_of, part, columns);
    }
}

/// The part of a window that a span tells.
pub(super) fn view<T: Copy>(events: &Events<T>, as_of: AsOf, span: Span) -> View<'_, T> {
    let length = Length::from_micros;
    match span {
        Span::Closed { length: of, ago } => events.closed(as_of, length(ago), length(of)),
        Span::HalfOpen { length: of, ago } => events.half_open(as_of, length(ago), length(of)),
        _ => unreachable!("a window is read by its edges"),
    }
}

/// Appends every answer of a view.
#[inline]
pub(super) fn read<T: Answered>(view: &View<'_, T>, as_of: AsOf, part: &Part, columns: &mut [Writer]) {
    if let [(column, answer)] = part.answers[..]
        && T::answer_alone(view, answer, &mut columns[column])
    {
        return;
    }
    read_all(view, as_of, part, columns);
}

fn read_all<T: Answered>(view: &View<'_, T>, as_of: AsOf, part: &Part, columns: &mut [Writer]) {
    let mut shared = T::Shared::default();
    for &(column, answer) in &part.answers {
        let column = &mut columns[column];
        match answer {
            Answer::Count => column.integer(Some(view.count())),
            Answer::TimeOfFirst => column.integer(view.first().map(|(at, _)| at.micros())),
            Answer::TimeOfLast => column.integer(view.last().map(|(at, _)| at.micros())),
            Answer::SinceFirst(unit) => column.integer(view.first().map(|(at, _)| units(as_of, at, unit))),
            Answer::SinceLast(unit) => column.integer(view.last().map(|(at, _)| units(as_of, at, unit))),
            Answer::First => T::put(view.first().map(|(_, value)| value), column),
            Answer::Last => T::put(view.last().map(|(_, value)| value), column),
            Answer::NthEarliest(nth) => T::put(view.iter().nth(nth as usize).map(|(_, value)| value), column),
            Answer::NthLatest(nth) => T::put(view.iter().rev().nth(nth as usize).map(|(_, value)| value), column),
            _ => T::answer(view, answer, &mut shared, column),
        }
    }
}

/// A value of which a view has answers of its own.
pub(super) trait Answered: Copy {
    /// What several answers are made of.
    type Shared: Default;

    /// Appends a value.
    fn put(value: Option<Self>, column: &mut Writer);

    /// Appends one of the commonest answers, where it is the only one that a question wants of a view. False if it is another.
    #[inline]
    fn answer_alone(view: &View<'_, Self>, answer: Answer, column: &mut Writer) -> bool {
        let is_count = answer == Answer::Count;
        if is_count {
            column.integer(Some(view.count()));
        }
        is_count
    }

    /// Appends an answer.
    fn answer(view: &View<'_, Self>, answer: Answer, shared: &mut Self::Shared, column: &mut Writer);
}

impl Answered for () {
    type Shared = ();

    fn put(_: Option<()>, _: &mut Writer) {
        unreachable!("there is no value");
    }

    fn answer(_: &View<'_, ()>, _: Answer, (): &mut (), _: &mut Writer) {
        unreachable!("there is no value");
    }
}

#[derive(Default)]
pub(super) struct SharedOfNumbers {
    total: Option<Total>,
    spread: Option<Box<onepath_sdk::aggregate::Variance>>,
    extremes: Option<(Option<f64>, Option<f64>)>,
}

impl Answered for f64 {
    type Shared = SharedOfNumbers;

    fn put(value: Option<f64>, column: &mut Writer) {
        column.float(value);
    }

    #[inline]
    fn answer_alone(view: &View<'_, f64>, answer: Answer, column: &mut Writer) -> bool {
        match answer {
            Answer::Count => column.integer(Some(view.count())),
            Answer::Sum => column.float((!view.is_empty()).then(|| view.sum())),
            Answer::Mean => column.float(view.mean()),
            _ => return false,
        }
        true
    }

    fn answer(view: &View<'_, f64>, answer: Answer, shared: &mut SharedOfNumbers, column: &mut Writer) {
        let is_empty = view.is_empty();
        match answer {
            Answer::List => column.list(Some(view.values())),
            Answer::Quantile(q) => column.float(view.quantile(q)),
            Answer::Sum | Answer::Mean if is_empty => column.float(None),
            Answer::Sum => column.float(Some(shared.total.get_or_insert_with(|| view.total()).sum())),
            Answer::Mean => {
                let total = shared.total.get_or_insert_with(|| view.total());
                column.float(Some(total.mean(view.count() as u64)));
            }
            Answer::Min => column.float(shared.extremes.get_or_insert_with(|| (view.min(), view.max())).0),
            Answer::Max => column.float(shared.extremes.get_or_insert_with(|| (view.min(), view.max())).1),
            _ => {
                let spread = shared.spread.get_or_insert_with(|| Box::new(view.spread()));
                column.float(match answer {
                    Answer::Variance => spread.variance(),
                    Answer::SampleVariance => spread.sample_variance(),
                    Answer::StdDev => spread.std_dev(),
                    Answer::SampleStdDev => spread.sample_std_dev(),
                    _ => unreachable!("numbers have no such answer"),
                });
            }
        }
    }
}

#[derive(Default)]
pub(super) struct SharedOfKeys<K> {
    sum: Option<i128>,
    /// The most frequent keys and how often each is there, all of them.
    top: Option<Vec<(K, i64)>>,
}

impl Answered for i64 {
    type Shared = SharedOfKeys<i64>;

    fn put(value: Option<i64>, column: &mut Writer) {
        column.integer(value);
    }

    fn answer(view: &View<'_, i64>, answer: Answer, shared: &mut SharedOfKeys<i64>, column: &mut Writer) {
        match answer {
            Answer::Sum | Answer::Mean => {
                let sum = *shared.sum.get_or_insert_with(|| view.exact_sum());
                let count = view.count();
                if answer == Answer::Sum {
                    column.sum((count > 0).then_some(sum));
                } else {
                    column.float((count > 0).then(|| sum as f64 / count as f64));
                }
            }
            Answer::Min => column.integer(view.min()),
            Answer::Max => column.integer(view.max()),
            _ => {
                let top = shared.top.get_or_insert_with(|| view.top(usize::MAX));
                match answer {
                    Answer::Distinct => column.integer(Some(top.len() as i64)),
                    Answer::Top(nth) => column.integer(top.get(nth as usize).map(|&(key, _)| key)),
                    Answer::TopCount(nth) => column.integer(top.get(nth as usize).map(|&(_, count)| count)),
                    _ => unreachable!("integers have no such answer"),
                }
            }
        }
    }
}

impl Answered for bool {
    type Shared = ();

    fn put(value: Option<bool>, column: &mut Writer) {
        column.boolean(value);
    }

    #[inline]
    fn answer_alone(view: &View<'_, bool>, answer: Answer, column: &mut Writer) -> bool {
        match answer {
            Answer::Count => column.integer(Some(view.count())),
            Answer::Hits => column.integer(Some(view.hits())),
            Answer::Share => column.float(view.share()),
            _ => return false,
        }
        true
    }

    fn answer(view: &View<'_, bool>, answer: Answer, (): &mut (), column: &mut Writer) {
        let (hits, all) = (view.hits(), view.count());
        // The more frequent first; of equally frequent ones false.
        let mut top = [(false, all - hits), (true, hits)];
        if hits > all - hits {
            top.swap(0, 1);
        }
        let nth = |nth: u32| top.get(nth as usize).filter(|&&(_, count)| count > 0);
        match answer {
            Answer::Hits => column.integer(Some(hits)),
            Answer::Share => column.float(view.share()),
            Answer::Distinct => column.integer(Some(top.iter().filter(|&&(_, count)| count > 0).count() as i64)),
            Answer::Top(at) => column.boolean(nth(at).map(|&(key, _)| key)),
            Answer::TopCount(at) => column.integer(nth(at).map(|&(_, count)| count)),
            _ => unreachable!("booleans have no such answer"),
        }
    }
}
