//! A sum that knows no order and no drift.

use super::Aggregate;
use crate::exact::{Exact, Term};
use crate::state::{State, StateError};
use crate::time::EventTime;

const NAN: u8 = 1;
const INFINITE: u8 = 2;
const NEGATIVE_INFINITE: u8 = 4;

/// Which numbers there were that are not finite: bits of NaN, infinity, negative infinity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct NonFinite(u8);

impl NonFinite {
    /// Notes a number that is not finite.
    pub(crate) fn put(&mut self, number: f64) {
        self.0 |= if number.is_nan() {
            NAN
        } else if number > 0.0 {
            INFINITE
        } else {
            NEGATIVE_INFINITE
        };
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// What they make of a sum; none if there are none.
    #[inline]
    pub(crate) fn sum(self) -> Option<f64> {
        match self.0 {
            0 => None,
            INFINITE => Some(f64::INFINITY),
            NEGATIVE_INFINITE => Some(f64::NEG_INFINITY),
            _ => Some(f64::NAN),
        }
    }
}

impl State for NonFinite {
    fn encode(&self, bytes: &mut Vec<u8>) {
        self.0.encode(bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        match u8::decode(bytes)? {
            others if others <= NAN | INFINITE | NEGATIVE_INFINITE => Ok(NonFinite(others)),
            _ => Err(StateError::new("a sum holds something that is no number")),
        }
    }
}

/// The sum of float64 numbers: exact, and rounded once, when it is read.
///
/// So it is the float64 nearest to the true sum, after ten events or ten million, in whatever order they came and however
/// they were merged. A NaN makes it NaN, and so do infinities of both signs; one infinity makes it that infinity.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sum {
    /// The finite numbers.
    exact: Exact,
    others: NonFinite,
}

impl Sum {
    /// The sum; 0.0 for none (never -0.0), an infinity beyond the largest float64.
    pub fn sum(&self) -> f64 {
        self.others.sum().unwrap_or_else(|| self.exact.round())
    }

    /// The sum divided by `divisor`, which is not zero; finite also where the sum is beyond the largest float64.
    pub(crate) fn divided(&self, divisor: u64) -> f64 {
        let sum = self.sum();
        // Beyond the largest float64 the mean may still be one.
        if sum.is_infinite() && self.others.sum().is_none() {
            self.exact.divided(divisor)
        } else {
            sum / divisor as f64
        }
    }

    #[inline]
    pub(crate) fn put(&mut self, number: f64) {
        if number.is_finite() {
            self.exact.add(Term::new(number));
        } else {
            self.others.put(number);
        }
    }

    /// Adds a product, rounded once to 53 bits, however large or small it is.
    pub(crate) fn put_product(&mut self, left: f64, right: f64) {
        if left.is_finite() && right.is_finite() {
            self.exact.add(Term::product(left, right));
        } else {
            self.others.put(left * right);
        }
    }

    /// The finite numbers, if there are no others.
    pub(crate) fn exact(&self) -> Option<&Exact> {
        self.others.sum().is_none().then_some(&self.exact)
    }
}

impl Aggregate for Sum {
    type Item<'a> = f64;

    #[inline]
    fn push(&mut self, _: EventTime, number: f64) {
        self.put(number);
    }

    fn merge(&mut self, other: &Self) {
        self.exact.merge(&other.exact);
        self.others.merge(other.others);
    }
}

/// A byte for the numbers that are not finite, then the exact sum of the others.
impl State for Sum {
    fn encode(&self, bytes: &mut Vec<u8>) {
        self.others.encode(bytes);
        self.exact.encode(bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let sum = Sum { others: NonFinite::decode(bytes)?, exact: Exact::decode(bytes)? };
        if !sum.exact.is_between(-1074, 1024) {
            return Err(StateError::new("a sum is larger or finer than numbers are"));
        }
        Ok(sum)
    }
}
