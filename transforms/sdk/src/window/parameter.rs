//! Windows whose length is a parameter of the view.

use std::fmt;
use std::marker::PhantomData;

use super::{Events, Retention, UpTo, View, WindowValue};
use crate::state::{State, StateError, decode_count, encode_count};
use crate::time::{AsOf, EventTime, Length};

/// How long its events are kept in the bytes of a state: the window itself says how long.
const UNLIMITED: Length = Length::from_micros(i64::MAX);

/// A stretch of time before a question, whose length a view gives as a parameter: what [`Spans`] are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    ago: Length,
    length: Length,
}

impl Span {
    /// The last so many days, hours, minutes or seconds.
    pub const fn last<S: Retention>(length: UpTo<S>) -> Self {
        Span { ago: Length::from_micros(0), length: length.length() }
    }

    /// The so many days, hours, minutes or seconds that ended `ago`.
    pub const fn ago<G: Retention, S: Retention>(ago: UpTo<G>, length: UpTo<S>) -> Self {
        Span { ago: ago.length(), length: length.length() }
    }

    /// How long before a question it begins.
    const fn reach(self) -> i64 {
        self.ago.micros().saturating_add(self.length.micros())
    }
}

/// The stretches of time that are asked of a [`ParameterWindow`], by the parameters of a view: all of them in one place, so that
/// the window keeps as much as the longest needs.
///
/// Implemented for the parameters themselves, or for a type that stands for one of several windows.
pub trait Spans<const N: usize = 1> {
    /// What the view gives: the type that derives `Parameters`.
    type Parameters<'a>;

    /// The stretches, in the order in which a window answers them. Decided by the parameters alone.
    fn spans(parameters: &Self::Parameters<'_>) -> [Span; N];
}

/// A [`Window`](super::Window) that keeps what a view's parameters ask for, so that one component serves `sum_7d` and `sum_30d`, and the state of
/// the shorter one is no larger than it must be.
///
/// `S` says which stretches are asked for ([`Spans`]): the window keeps the longest of them, and each question gets a view of
/// each. So there is no question for more than is kept.
///
/// ```
/// use onepath_sdk::prelude::*;
/// use onepath_sdk::testing::{Harness, as_of};
///
/// #[derive(Parameters)]
/// struct Parameters {
///     /// Days to add up: 0 to 365.
///     days: UpTo<Days<365>>,
///     /// How many days before the question they end: 0 to 30.
///     days_ago: UpTo<Days<30>>,
/// }
///
/// impl Spans<2> for Parameters {
///     type Parameters<'a> = Self;
///
///     fn spans(parameters: &Self) -> [Span; 2] {
///         [Span::last(parameters.days), Span::ago(parameters.days_ago, parameters.days)]
///     }
/// }
///
/// #[derive(Event)]
/// struct Event {
///     amount: f64,
/// }
///
/// #[derive(State, Default)]
/// struct Spending {
///     amounts: ParameterWindow<f64, Parameters>,
/// }
///
/// #[derive(Features)]
/// struct Features {
///     /// What was spent in the last so many days.
///     total: f64,
///     /// The same, so many days ago.
///     total_before: f64,
/// }
///
/// #[transform]
/// impl Spending {
///     fn update(&mut self, event: &Event, at: EventTime, parameters: &Parameters) {
///         self.amounts.push(at, event.amount, parameters);
///     }
///
///     fn read(&self, as_of: AsOf, parameters: &Parameters) -> Features {
///         let [now, before] = self.amounts.closed(as_of, parameters);
///         Features { total: now.sum(), total_before: before.sum() }
///     }
/// }
///
/// let parameters = Parameters { days: UpTo::of::<Days<7>>(), days_ago: UpTo::of::<Days<1>>() };
/// let mut week = Harness::<Spending>::with_parameters(parameters);
/// week.event(EventTime(0), Event { amount: 5.0 }).event(EventTime(days(8).micros()), Event { amount: 2.0 });
/// let features = week.question(as_of(days(8).micros()));
/// assert_eq!((features.total, features.total_before), (2.0, 5.0));
/// ```
pub struct ParameterWindow<T, S> {
    retention: Length,
    events: Events<T>,
    spans: PhantomData<fn(S)>,
}

impl<T: WindowValue, S> ParameterWindow<T, S> {
    /// Adds an event, and evicts what is now older than the newest event by more than the longest span.
    ///
    /// # Panics
    ///
    /// If the spans are others than before, since what was evicted does not come back. Those of one view never are: its
    /// parameters are constant, and its states never meet other ones.
    pub fn push<const N: usize>(&mut self, at: EventTime, value: T, parameters: &S::Parameters<'_>)
    where
        S: Spans<N>,
    {
        let retention = retention(&S::spans(parameters));
        if self.events.is_empty() {
            self.retention = retention;
        }
        assert!(self.retention == retention, "a window that keeps {} was told to keep {retention}", self.retention);
        self.events.push(at, value, retention);
    }

    /// Of each span the events in `[as_of - ago - length, as_of - ago]`.
    ///
    /// # Panics
    ///
    /// If the spans are others than those that events were [added](Self::push) with, which those of one view never are.
    pub fn closed<const N: usize>(&self, as_of: AsOf, parameters: &S::Parameters<'_>) -> [View<'_, T>; N]
    where
        S: Spans<N>,
    {
        self.spans(parameters).map(|Span { ago, length }| self.events.closed(as_of, ago, length))
    }

    /// Of each span the events in `(as_of - ago - length, as_of - ago]`.
    ///
    /// # Panics
    ///
    /// If the spans are others than those that events were [added](Self::push) with, which those of one view never are.
    pub fn half_open<const N: usize>(&self, as_of: AsOf, parameters: &S::Parameters<'_>) -> [View<'_, T>; N]
    where
        S: Spans<N>,
    {
        self.spans(parameters).map(|Span { ago, length }| self.events.half_open(as_of, ago, length))
    }

    /// How many events the window keeps.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether the window keeps no event.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    fn spans<const N: usize>(&self, parameters: &S::Parameters<'_>) -> [Span; N]
    where
        S: Spans<N>,
    {
        let spans = S::spans(parameters);
        let asked = retention(&spans);
        let fits = self.is_empty() || asked == self.retention;
        assert!(fits, "a window that keeps {} was asked for {asked}", self.retention);
        spans
    }
}

/// What a window keeps that is asked for these spans.
fn retention(spans: &[Span]) -> Length {
    Length::from_micros(spans.iter().map(|span| span.reach()).max().unwrap_or(0))
}

impl<T, S> Default for ParameterWindow<T, S> {
    fn default() -> Self {
        ParameterWindow { retention: Length::from_micros(0), events: Events::default(), spans: PhantomData }
    }
}

impl<T: Clone, S> Clone for ParameterWindow<T, S> {
    fn clone(&self) -> Self {
        ParameterWindow { retention: self.retention, events: self.events.clone(), spans: PhantomData }
    }
}

impl<T: PartialEq, S> PartialEq for ParameterWindow<T, S> {
    fn eq(&self, other: &Self) -> bool {
        self.events == other.events && (self.events.is_empty() || self.retention == other.retention)
    }
}

impl<T: fmt::Debug, S> fmt::Debug for ParameterWindow<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.events.fmt(f)
    }
}

/// The retention in microseconds (0 where there is no event), then the window's state.
impl<T: WindowValue, S> State for ParameterWindow<T, S> {
    fn encode(&self, bytes: &mut Vec<u8>) {
        let retention = if self.is_empty() { Length::from_micros(0) } else { self.retention };
        retention.encode(bytes);
        UNLIMITED.encode(bytes);
        encode_count(self.events.len(), bytes);
        self.events.encode(bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let (retention, unlimited) = (Length::decode(bytes)?, Length::decode(bytes)?);
        let count = decode_count(bytes)?;
        if unlimited != UNLIMITED || retention.micros() < 0 || count == 0 && retention.micros() != 0 {
            return Err(StateError::new("a window holds an event that it does not keep"));
        }
        let events = Events::decode(count, bytes, retention)?;
        Ok(ParameterWindow { retention, events, spans: PhantomData })
    }
}
