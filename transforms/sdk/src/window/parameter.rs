//! Windows whose length is a parameter of the view.

use std::fmt;

use super::{Retention, View, Window, WindowValue};
use crate::state::{State, StateError};
use crate::time::{AsOf, EventTime, Length};

/// As long as time can be told.
#[derive(Clone, Copy, Debug)]
struct Unlimited;

impl Retention for Unlimited {
    const LENGTH: Length = Length::from_micros(i64::MAX);
}

/// A [`Window`] whose retention is told when the first event is added, by a parameter of the view, so that one component
/// serves `sum_7d` and `sum_30d`, and the state of the shorter one is no larger than it must be.
///
/// ```
/// use onepath_sdk::prelude::*;
///
/// #[derive(Parameters)]
/// struct Parameters {
///     /// Days to add up.
///     days: i64,
/// }
///
/// #[derive(Event)]
/// struct Event {
///     amount: f64,
/// }
///
/// #[derive(State, Default)]
/// struct Spending {
///     amounts: ParameterWindow<f64>,
/// }
///
/// #[derive(Features)]
/// struct Features {
///     /// What was spent in the last so many days.
///     total: f64,
/// }
///
/// #[transform]
/// impl Spending {
///     fn update(&mut self, event: &Event, at: EventTime, parameters: &Parameters) {
///         self.amounts.push(at, event.amount, days(parameters.days));
///     }
///
///     fn read(&self, as_of: AsOf, parameters: &Parameters) -> Features {
///         Features { total: self.amounts.closed(as_of, days(parameters.days)).sum() }
///     }
/// }
///
/// let mut week = onepath_sdk::testing::Harness::<Spending>::with_parameters(Parameters { days: 7 });
/// week.event(EventTime(0), Event { amount: 5.0 }).event(EventTime(days(8).micros()), Event { amount: 2.0 });
/// assert_eq!(week.question(AsOf(days(8).micros())).total, 2.0);
/// ```
#[derive(Clone)]
pub struct ParameterWindow<T> {
    retention: Length,
    window: Window<T, Unlimited>,
}

impl<T: WindowValue> ParameterWindow<T> {
    /// Adds an event, and evicts what is now older than the newest event by more than `retention`; a negative one keeps
    /// nothing. It is the same each time, as a parameter is: states of a view never meet other parameters.
    ///
    /// # Panics
    ///
    /// If the retention is another one than before, since what was evicted does not come back.
    pub fn push(&mut self, at: EventTime, value: T, retention: Length) {
        if self.window.is_empty() {
            self.retention = retention;
        }
        assert!(self.retention == retention, "a window that keeps {} was told to keep {retention}", self.retention);
        if retention.micros() < 0 {
            return;
        }
        self.window.push(at, value);
        self.window.evict_older(retention);
    }

    /// The events in `[as_of - length, as_of]`.
    ///
    /// # Panics
    ///
    /// If `length` is longer than what the window keeps, since the answer would silently be that of a shorter window.
    pub fn closed(&self, as_of: AsOf, length: Length) -> View<'_, T> {
        self.check(length);
        self.window.closed(as_of, length)
    }

    /// The events in `(as_of - length, as_of]`.
    ///
    /// # Panics
    ///
    /// If `length` is longer than what the window keeps, since the answer would silently be that of a shorter window.
    pub fn half_open(&self, as_of: AsOf, length: Length) -> View<'_, T> {
        self.check(length);
        self.window.half_open(as_of, length)
    }

    /// How many events the window keeps.
    pub fn len(&self) -> usize {
        self.window.len()
    }

    /// Whether the window keeps no event.
    pub fn is_empty(&self) -> bool {
        self.window.is_empty()
    }

    fn check(&self, length: Length) {
        let fits = self.is_empty() || length <= self.retention;
        assert!(fits, "a window that keeps {} was asked for {length}", self.retention);
    }
}

impl<T> Default for ParameterWindow<T> {
    fn default() -> Self {
        ParameterWindow { retention: Length::from_micros(0), window: Window::default() }
    }
}

impl<T: PartialEq> PartialEq for ParameterWindow<T> {
    fn eq(&self, other: &Self) -> bool {
        self.window == other.window && (self.window.is_empty() || self.retention == other.retention)
    }
}

impl<T: fmt::Debug> fmt::Debug for ParameterWindow<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.window.fmt(f)
    }
}

/// The retention in microseconds (0 where there is no event), then the window's state.
impl<T: WindowValue> State for ParameterWindow<T> {
    fn encode(&self, bytes: &mut Vec<u8>) {
        let retention = if self.is_empty() { Length::from_micros(0) } else { self.retention };
        retention.encode(bytes);
        self.window.encode(bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let (retention, mut window) = (Length::decode(bytes)?, Window::<T, Unlimited>::decode(bytes)?);
        let count = window.len();
        window.evict_older(retention);
        if retention.micros() < 0 || window.len() != count || count == 0 && retention.micros() != 0 {
            return Err(StateError::new("a window holds an event that it does not keep"));
        }
        Ok(ParameterWindow { retention, window })
    }
}
