//! What declared views keep that the other modules have no type for: texts of the last so long.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use crate::state::{State, StateError};
use crate::time::{AsOf, EventTime, Length};
use crate::window::{Retention, View};

/// The texts of the last so long: a [`Window`](crate::window::Window) of texts.
///
/// ```
/// use onepath_sdk::prelude::*;
/// use onepath_sdk::sql::TextWindow;
/// use onepath_sdk::testing::as_of;
///
/// let mut categories = TextWindow::<Days<30>>::default();
/// categories.push(EventTime(1), "books");
/// categories.push(EventTime(2), "toys");
/// categories.push(EventTime(0), "books");
/// let seen = categories.closed::<Days<30>>(as_of(days(30).micros()));
/// assert_eq!((seen.count(), seen.last(), seen.distinct()), (3, Some((EventTime(2), "toys")), 2));
/// assert_eq!(seen.top(1), [("books".to_owned(), 2)]);
/// ```
pub struct TextWindow<L> {
    /// Ascending.
    times: Vec<i64>,
    texts: Vec<String>,
    retention: PhantomData<fn(L)>,
}

impl<L: Retention> TextWindow<L> {
    /// Adds an event, and evicts what is now older than the newest event by more than `L`.
    pub fn push(&mut self, at: EventTime, text: &str) {
        let newest = self.times.last().map_or(at.micros(), |newest| at.micros().max(*newest));
        let oldest = newest.saturating_sub(L::LENGTH.micros());
        if at.micros() < oldest {
            return;
        }
        let place = self.times.partition_point(|time| *time <= at.micros());
        self.times.insert(place, at.micros());
        self.texts.insert(place, text.to_owned());
        let evicted = self.times.partition_point(|time| *time < oldest);
        self.times.drain(..evicted);
        self.texts.drain(..evicted);
    }

    /// The events in `[as_of - S, as_of]`. Compiles if `S` is at most `L`.
    pub fn closed<S: Retention>(&self, as_of: AsOf) -> TextView<'_> {
        self.closed_ago::<Now, S>(as_of)
    }

    /// The events in `(as_of - S, as_of]`. Compiles if `S` is at most `L`.
    pub fn half_open<S: Retention>(&self, as_of: AsOf) -> TextView<'_> {
        self.half_open_ago::<Now, S>(as_of)
    }

    /// The events in `[as_of - G - S, as_of - G]`. Compiles if `G` and `S` together are at most `L`.
    pub fn closed_ago<G: Retention, S: Retention>(&self, as_of: AsOf) -> TextView<'_> {
        const { crate::window::check_kept(L::LENGTH, G::LENGTH, S::LENGTH) }
        self.view(as_of, G::LENGTH, S::LENGTH, |time, start| time < start)
    }

    /// The events in `(as_of - G - S, as_of - G]`. Compiles if `G` and `S` together are at most `L`.
    pub fn half_open_ago<G: Retention, S: Retention>(&self, as_of: AsOf) -> TextView<'_> {
        const { crate::window::check_kept(L::LENGTH, G::LENGTH, S::LENGTH) }
        self.view(as_of, G::LENGTH, S::LENGTH, |time, start| time <= start)
    }

    fn view(&self, as_of: AsOf, ago: Length, length: Length, is_too_old: fn(i64, i64) -> bool) -> TextView<'_> {
        let Some(last) = as_of.micros().checked_sub(ago.micros()) else { return TextView(Vec::new()) };
        let end = self.times.partition_point(|time| *time <= last);
        // Where the start lies before the beginning of time, every event is after it.
        let start = last.checked_sub(length.micros());
        let start = start.map_or(0, |start| self.times.partition_point(|time| is_too_old(*time, start))).min(end);
        TextView::new((start..end).map(|at| (EventTime(self.times[at]), &self.texts[at])))
    }
}

/// No time at all.
struct Now;

impl Retention for Now {
    const LENGTH: Length = Length::ZERO;
}

impl<L> Default for TextWindow<L> {
    fn default() -> Self {
        TextWindow { times: Vec::new(), texts: Vec::new(), retention: PhantomData }
    }
}

impl<L> fmt::Debug for TextWindow<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.times.iter().zip(&self.texts)).finish()
    }
}

/// The retention, all times, then all texts.
impl<L: Retention> State for TextWindow<L> {
    fn encode(&self, bytes: &mut Vec<u8>) {
        L::LENGTH.encode(bytes);
        self.times.encode(bytes);
        self.texts.encode(bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let kept = Length::decode(bytes)?;
        if kept != L::LENGTH {
            let message =
                format!("the state's window keeps {kept}, the transform's {}: raise state_version", L::LENGTH);
            return Err(StateError::new(message));
        }
        let (times, texts) = (Vec::<i64>::decode(bytes)?, Vec::<String>::decode(bytes)?);
        let is_whole = times.is_sorted() && times.len() == texts.len();
        let oldest = times.last().map(|newest| newest.saturating_sub(kept.micros()));
        if !is_whole || times.first().zip(oldest).is_some_and(|(first, oldest)| *first < oldest) {
            return Err(StateError::new("it is not a window of texts"));
        }
        Ok(TextWindow { times, texts, retention: PhantomData })
    }
}

/// Texts of events, by event time.
#[derive(Clone, Debug)]
pub struct TextView<'a>(Vec<(EventTime, &'a str)>);

impl<'a> TextView<'a> {
    /// Texts with their times, in order: those of a [`LastN`](crate::last_n::LastN), too.
    pub fn new(texts: impl IntoIterator<Item = (EventTime, &'a String)>) -> Self {
        TextView(texts.into_iter().map(|(at, text)| (at, text.as_str())).collect())
    }

    /// How many events there are.
    pub fn count(&self) -> i64 {
        self.0.len() as i64
    }

    /// The earliest event.
    pub fn first(&self) -> Option<(EventTime, &'a str)> {
        self.0.first().copied()
    }

    /// The latest event.
    pub fn last(&self) -> Option<(EventTime, &'a str)> {
        self.0.last().copied()
    }

    /// Every event.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (EventTime, &'a str)> + ExactSizeIterator + '_ {
        self.0.iter().copied()
    }

    /// How many different texts there are.
    pub fn distinct(&self) -> i64 {
        self.counted().len() as i64
    }

    /// The `k` most frequent texts and how often each is there, the most frequent first; of equally frequent ones the smaller.
    pub fn top(&self, k: usize) -> Vec<(String, i64)> {
        let mut counted: Vec<(&str, i64)> = self.counted().into_iter().collect();
        // Stable, so that of equally frequent texts the smaller stays first.
        counted.sort_by_key(|&(_, count)| Reverse(count));
        counted.truncate(k);
        counted.into_iter().map(|(text, count)| (text.to_owned(), count)).collect()
    }

    fn counted(&self) -> BTreeMap<&'a str, i64> {
        let mut counted = BTreeMap::new();
        for (_, text) in &self.0 {
            *counted.entry(*text).or_default() += 1;
        }
        counted
    }
}

/// The sum of the integers of a window; none where there is no event, a failure beyond int64.
pub fn sum(view: &View<'_, i64>) -> Result<Option<i64>, String> {
    if view.is_empty() { Ok(None) } else { super::rows::int64(view.exact_sum()).map(Some) }
}

/// How often a window's booleans are true and false, the more frequent first; of equally frequent ones false. Without those that are
/// never there.
pub fn tally(view: &View<'_, bool>) -> Vec<(bool, i64)> {
    let hits = view.hits();
    let mut counts = vec![(false, view.count() - hits), (true, hits)];
    counts.sort_by_key(|&(_, count)| Reverse(count));
    counts.retain(|&(_, count)| count > 0);
    counts
}
