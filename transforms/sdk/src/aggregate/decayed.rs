//! Sums and means that fade: what is a half-life old counts half.

use std::fmt;
use std::marker::PhantomData;

use super::Aggregate;
use super::sum::NonFinite;
use crate::compact;
use crate::exact::{Exact, Fading, Term};
use crate::state::{State, StateError};
use crate::time::{AsOf, EventTime, Length};
use crate::window::Retention;

/// The sum and the mean of float64 numbers, each weighted by 2^(-age / `H`): exponential decay with the half-life `H`, such as
/// `Days<7>`. The age of a number is the time from its event to the question.
///
/// ```
/// use onepath_sdk::prelude::*;
/// use onepath_sdk::testing::{as_of, at};
///
/// let mut paid = Decayed::<Days<7>>::default();
/// paid.push(at("2024-03-01T00:00:00Z"), 10.0);
/// paid.push(at("2024-03-08T00:00:00Z"), 40.0);
/// let now = as_of("2024-03-08T00:00:00Z");
/// assert_eq!((paid.sum(now), paid.weight(now), paid.mean()), (45.0, 1.5, Some(30.0)));
/// ```
///
/// Nothing fades step by step. A number is kept as number x 2^(event time / `H`), with one rounding for the power and one for
/// the product, and these are added up; a question takes the sum back by 2^(as-of / `H`). So a late event counts as if it had come
/// in time. Of numbers of one sign the answer is within 8 units in the last place of the true sum, after ten million events as
/// after ten.
///
/// The sum has a fixed number of bits: of each number, what lies more than 256 bits below the largest of all (which is what came
/// 256 half-lives and more before it, if they are of one size) is left out. That is decided number by number, so the state
/// is the same bytes whatever the order of events and merges.
///
/// A NaN or an infinity does not fade: it makes every later answer NaN or infinite, as it would a [`Sum`](super::Sum).
/// Decide before what such a number means.
pub struct Decayed<H> {
    /// Which numbers there were that are not finite.
    others: NonFinite,
    /// The sum of the finite numbers as of the epoch.
    total: Fading,
    /// The sum of the weights of all numbers as of the epoch.
    weights: Fading,
    half_life: PhantomData<fn(H)>,
}

/// The whole half-lives from the epoch to a time, rounded down, and the rest of one, from 0 to 1.
#[inline]
fn half_lives<H: Retention>(micros: i64) -> (i64, f64) {
    let half_life = const {
        assert!(H::LENGTH.micros() >= 1000, "a half-life is at least a millisecond");
        H::LENGTH.micros()
    };
    (micros.div_euclid(half_life), micros.rem_euclid(half_life) as f64 / half_life as f64)
}

impl<H: Retention> Decayed<H> {
    /// The sum as of a moment; 0.0 for none, an infinity beyond the largest float64.
    pub fn sum(&self, as_of: AsOf) -> f64 {
        self.others.sum().unwrap_or_else(|| faded::<H>(&self.total, as_of))
    }

    /// The sum of the weights as of a moment, a count in which an event that is a half-life old counts half; 0.0 for none.
    pub fn weight(&self, as_of: AsOf) -> f64 {
        faded::<H>(&self.weights, as_of)
    }

    /// The mean, in which the newer numbers count more: [`sum`](Self::sum) / [`weight`](Self::weight), but within the range of
    /// float64 also where these are not. None where there was no event.
    ///
    /// It depends on no as-of: until the next event all weights fade alike.
    pub fn mean(&self) -> Option<f64> {
        let weights = self.weights.exact();
        let weights_exponent = weights.exponent()?;
        if let Some(sum) = self.others.sum() {
            return Some(sum);
        }
        let total = self.total.exact();
        let Some(exponent) = total.exponent() else { return Some(0.0) };
        // Both from a half to 1, so that nothing is rounded twice where the answer has fewer bits than a float64 can have.
        let quotient = total.round_scaled(-exponent) / weights.round_scaled(-weights_exponent);
        // The mean of finite numbers is finite, and rounding does not take it further.
        Some(scaled(quotient, exponent - weights_exponent).clamp(f64::MIN, f64::MAX))
    }
}

/// A sum as of the epoch, as of a moment.
fn faded<H: Retention>(sum: &Fading, as_of: AsOf) -> f64 {
    let exact = sum.exact();
    let Some(exponent) = exact.exponent() else { return 0.0 };
    let (whole, rest) = half_lives::<H>(as_of.micros());
    // From a half to 2, so that nothing is rounded twice where the answer has fewer bits than a float64 can have.
    scaled(exact.round_scaled(-exponent) * libm::exp2(-rest), exponent - whole)
}

/// `number` x 2^`places`, rounded once.
fn scaled(number: f64, places: i64) -> f64 {
    let mut sum = Exact::default();
    sum.add(Term::new(number));
    sum.round_scaled(places)
}

impl<H: Retention> Aggregate for Decayed<H> {
    type Item<'a> = f64;

    #[inline]
    fn push(&mut self, at: EventTime, number: f64) {
        let (whole, rest) = half_lives::<H>(at.micros());
        let weight = libm::exp2(rest);
        let Term { is_negative, magnitude, position } = Term::new(weight);
        self.weights.add(Term { is_negative, magnitude, position: position + whole });
        if !number.is_finite() {
            self.others.put(number);
            return;
        }
        // Away from both ends, so that the product has all its bits.
        let (scaled, places) = if number.abs() < 1.0 { (number * TWO_TO_64, 64) } else { (number * 0.5, -1) };
        let Term { is_negative, magnitude, position } = Term::new(scaled * weight);
        self.total.add(Term { is_negative, magnitude, position: position - places + whole });
    }

    fn merge(&mut self, other: &Self) {
        self.others.merge(other.others);
        self.total.merge(&other.total);
        self.weights.merge(&other.weights);
    }
}

/// 2^64.
const TWO_TO_64: f64 = 18_446_744_073_709_551_616.0;

/// The half-life in microseconds, a byte for the numbers that are not finite, then the sum of the others and that of the weights as of
/// the epoch.
impl<H: Retention> State for Decayed<H> {
    fn encode(&self, bytes: &mut Vec<u8>) {
        compact::encode_i64(H::LENGTH.micros(), bytes);
        self.others.encode(bytes);
        self.total.encode(bytes);
        self.weights.encode(bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let half_life = Length::from_micros(compact::decode_i64(bytes)?);
        if half_life != H::LENGTH {
            let message =
                format!("the state's half-life is {half_life}, the transform's {}: raise state_version", H::LENGTH);
            return Err(StateError::new(message));
        }
        let (others, total) = (NonFinite::decode(bytes)?, Fading::decode(bytes)?);
        Ok(Decayed { others, total, weights: Fading::decode(bytes)?, half_life: PhantomData })
    }
}

impl<H> Default for Decayed<H> {
    fn default() -> Self {
        let (total, weights) = (Fading::default(), Fading::default());
        Decayed { others: NonFinite::default(), total, weights, half_life: PhantomData }
    }
}

impl<H> Clone for Decayed<H> {
    fn clone(&self) -> Self {
        let (total, weights) = (self.total.clone(), self.weights.clone());
        Decayed { others: self.others, total, weights, half_life: PhantomData }
    }
}

impl<H> PartialEq for Decayed<H> {
    fn eq(&self, other: &Self) -> bool {
        (self.others, &self.total, &self.weights) == (other.others, &other.total, &other.weights)
    }
}

impl<H> fmt::Debug for Decayed<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Decayed").field(&self.others).field(&self.total).field(&self.weights).finish()
    }
}
