//! Lengths of time that are parameters of a view, with a bound that is known when the transform is compiled.

use std::fmt;
use std::marker::PhantomData;

use super::{Counted, Retention};
use crate::batch::{ValueType, Values};
use crate::time::Length;
use crate::value::Plain;

/// A length of time from 0 to `L` that a view gives as a parameter: `UpTo<Days<90>>` is a whole number of days, at most 90.
///
/// The bound lets the compiler check what a window of fixed retention is asked for, whatever the view says:
/// `window.closed_for(as_of, parameters.days)` compiles if the window keeps `L`. A view that gives a value beyond the bound is
/// refused when it is built, before any event or question.
///
/// It is a field of [`Parameters`](crate::prelude::Parameters) only, of the contract's type int64, in the unit of `L`.
///
/// ```
/// use onepath_sdk::prelude::*;
/// use onepath_sdk::testing::{Harness, as_of};
///
/// #[derive(Parameters)]
/// struct Parameters {
///     /// Days to add up: 0 to 90.
///     days: UpTo<Days<90>>,
/// }
///
/// #[derive(Event)]
/// struct Event {
///     amount: f64,
/// }
///
/// #[derive(State, Default)]
/// struct Spending {
///     amounts: Hopping<Sum, Days<90>, Days<1>>,
/// }
///
/// #[derive(Features)]
/// struct Features {
///     /// What was spent in the last so many days, up to midnight.
///     total: f64,
/// }
///
/// #[transform]
/// impl Spending {
///     fn update(&mut self, event: &Event, at: EventTime) {
///         self.amounts.push(at, event.amount);
///     }
///
///     fn read(&self, as_of: AsOf, parameters: &Parameters) -> Features {
///         Features { total: self.amounts.hopped_for(as_of, parameters.days).sum() }
///     }
/// }
///
/// let mut week = Harness::<Spending>::with_parameters(Parameters { days: UpTo::of::<Days<7>>() });
/// week.event(EventTime(0), Event { amount: 5.0 }).event(EventTime(days(8).micros()), Event { amount: 2.0 });
/// assert_eq!(week.question(as_of(days(9).micros())).total, 2.0);
/// ```
pub struct UpTo<L> {
    length: Length,
    bound: PhantomData<fn() -> L>,
}

impl<L: Retention> UpTo<L> {
    /// The bound itself: a fixed length where a method takes a length from a parameter.
    pub const MAX: Self = Self::of::<L>();

    /// A fixed length, which is checked against the bound when it is compiled: `UpTo::<Days<90>>::of::<Days<7>>()`.
    pub const fn of<S: Retention>() -> Self {
        const {
            let length = S::LENGTH.micros();
            assert!(0 <= length && length <= L::LENGTH.micros(), "the length is beyond the bound of its type");
        }
        UpTo { length: S::LENGTH, bound: PhantomData }
    }

    /// A length that was computed; none if it is negative or beyond the bound.
    pub const fn new(length: Length) -> Option<Self> {
        let micros = length.micros();
        if 0 <= micros && micros <= L::LENGTH.micros() { Some(UpTo { length, bound: PhantomData }) } else { None }
    }
}

impl<L> UpTo<L> {
    /// The length.
    pub const fn length(self) -> Length {
        self.length
    }
}

impl<L> Clone for UpTo<L> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<L> Copy for UpTo<L> {}

impl<L> fmt::Debug for UpTo<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.length.fmt(f)
    }
}

impl<L> PartialEq for UpTo<L> {
    fn eq(&self, other: &Self) -> bool {
        self.length == other.length
    }
}

impl<L> Eq for UpTo<L> {}

/// A whole number of units. A value beyond the bound is a fault of the column, found before any row is read.
impl<'a, L: Counted> Plain<'a> for UpTo<L> {
    const TYPE: ValueType = ValueType::Int64;
    type Cells = &'a [i64];
    type Store = Vec<i64>;

    fn cells(values: &'a Values) -> Result<Self::Cells, String> {
        let counts = <i64 as Plain>::cells(values)?;
        let max = L::LENGTH.micros() / L::UNIT.micros();
        match counts.iter().find(|&count| !(0..=max).contains(count)) {
            Some(count) => Err(format!("is {count}, and must be from 0 to {max} {}", L::UNITS)),
            None => Ok(counts),
        }
    }

    #[inline(always)]
    fn get(counts: &Self::Cells, row: usize) -> Self {
        UpTo { length: Length::from_micros(counts[row].saturating_mul(L::UNIT.micros())), bound: PhantomData }
    }

    fn store(rows: usize) -> Self::Store {
        Vec::with_capacity(rows)
    }

    /// Rounded down to whole units.
    #[inline(always)]
    fn push(self, counts: &mut Self::Store) {
        counts.push(self.length.micros() / L::UNIT.micros());
    }

    #[inline(always)]
    fn push_blank(counts: &mut Self::Store) {
        counts.push(0);
    }

    fn values(counts: Self::Store) -> Values {
        Values::Int64s(counts)
    }
}
