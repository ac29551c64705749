//! Variance and standard deviation without cancellation.

use super::{Aggregate, Mean};
use crate::exact::{self, Exact, Term};
use crate::state::{State, StateError};
use crate::time::EventTime;

/// Variance and standard deviation of float64 numbers, and their mean, sum and count.
///
/// The numbers and their squares are added up exactly, and the variance is rounded once, from integers: it is the float64
/// nearest to the true variance, of numbers that differ in their last bits as of any others, and an infinity beyond the largest
/// one. The standard deviation is the root of the true variance, within one unit in the last place, also where the variance is
/// too large or too small for a float64. A NaN or an infinity among the numbers makes both NaN.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Variance {
    mean: Mean,
    /// The sum of the squares of the finite numbers.
    squares: Exact,
}

impl Variance {
    /// The number of events.
    pub fn count(&self) -> i64 {
        self.mean.count()
    }

    /// The sum; 0.0 for none.
    pub fn sum(&self) -> f64 {
        self.mean.sum()
    }

    /// The mean; none where there was no event.
    pub fn mean(&self) -> Option<f64> {
        self.mean.mean()
    }

    /// The population's variance, dividing by the count; none where there was no event, 0.0 for one.
    pub fn variance(&self) -> Option<f64> {
        self.spread(exact::variance, self.mean.events())
    }

    /// The sample's variance, dividing by one less than the count (Bessel); none for fewer than two events.
    pub fn sample_variance(&self) -> Option<f64> {
        self.spread(exact::variance, self.mean.events().saturating_sub(1))
    }

    /// The population's standard deviation; none where there was no event, 0.0 for one.
    pub fn std_dev(&self) -> Option<f64> {
        self.spread(exact::std_dev, self.mean.events())
    }

    /// The sample's standard deviation, the root of the variance with Bessel's divisor; none for fewer than two events.
    pub fn sample_std_dev(&self) -> Option<f64> {
        self.spread(exact::std_dev, self.mean.events().saturating_sub(1))
    }

    /// The variance or the standard deviation with this divisor.
    fn spread(&self, of: fn(u64, &Exact, &Exact, u64) -> f64, divisor: u64) -> Option<f64> {
        let spread = |sum| of(self.mean.events(), sum, &self.squares, divisor);
        (divisor > 0).then(|| self.mean.exact_sum().map_or(f64::NAN, spread))
    }

    #[inline]
    pub(crate) fn put(&mut self, number: f64) {
        self.mean.put(number);
        if number.is_finite() {
            self.squares.add(Term::square(number));
        }
    }
}

impl Aggregate for Variance {
    type Item<'a> = f64;

    #[inline]
    fn push(&mut self, _: EventTime, number: f64) {
        self.put(number);
    }

    fn merge(&mut self, other: &Self) {
        self.mean.merge(&other.mean);
        self.squares.merge(&other.squares);
    }
}

/// The mean's state, then the exact sum of the squares.
impl State for Variance {
    fn encode(&self, bytes: &mut Vec<u8>) {
        self.mean.encode(bytes);
        self.squares.encode(bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let spread = Variance { mean: Mean::decode(bytes)?, squares: Exact::decode(bytes)? };
        if !spread.squares.is_between(-2148, 2048) {
            return Err(StateError::new("a sum of squares is larger or finer than squares are"));
        }
        Ok(spread)
    }
}
