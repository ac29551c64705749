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
    fading: Fade,
    half_life: PhantomData<fn(H)>,
}

impl<H: Retention> Decayed<H> {
    const HALF_LIFE: Length = {
        assert!(H::LENGTH.micros() >= 1000, "a half-life is at least a millisecond");
        H::LENGTH
    };

    /// The sum as of a moment; 0.0 for none, an infinity beyond the largest float64.
    pub fn sum(&self, as_of: AsOf) -> f64 {
        self.fading.sum(as_of, Self::HALF_LIFE)
    }

    /// The sum of the weights as of a moment, a count in which an event that is a half-life old counts half; 0.0 for none.
    pub fn weight(&self, as_of: AsOf) -> f64 {
        faded(&self.fading.weights, as_of, Self::HALF_LIFE)
    }

    /// The mean, in which the newer numbers count more: [`sum`](Self::sum) / [`weight`](Self::weight), but within the range of
    /// float64 also where these are not. None where there was no event.
    ///
    /// It depends on no as-of: until the next event all weights fade alike.
    pub fn mean(&self) -> Option<f64> {
        self.fading.mean()
    }
}

/// What a [`Decayed`] is made of: numbers that fade by the half-life that it says with each call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fade {
    /// Which numbers there were that are not finite.
    others: NonFinite,
    /// The sum of the finite numbers as of the epoch.
    total: Fading,
    /// The sum of the weights of all numbers as of the epoch.
    weights: Fading,
}

/// The whole half-lives from the epoch to a time, rounded down, and the rest of one, from 0 to 1.
#[inline]
fn half_lives(micros: i64, half_life: Length) -> (i64, f64) {
    let half_life = half_life.micros();
    (micros.div_euclid(half_life), micros.rem_euclid(half_life) as f64 / half_life as f64)
}

impl Fade {
    /// Adds a number. The half-life is a millisecond at least.
    #[inline]
    pub fn push(&mut self, at: EventTime, number: f64, half_life: Length) {
        let (whole, rest) = half_lives(at.micros(), half_life);
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

    /// Adds all that `other` holds, of the same half-life.
    pub fn merge(&mut self, other: &Self) {
        self.others.merge(other.others);
        self.total.merge(&other.total);
        self.weights.merge(&other.weights);
    }

    /// The sum as of a moment.
    pub fn sum(&self, as_of: AsOf, half_life: Length) -> f64 {
        self.others.sum().unwrap_or_else(|| faded(&self.total, as_of, half_life))
    }

    /// Whether there was no event.
    pub fn is_empty(&self) -> bool {
        self.weights.exact().exponent().is_none()
    }

    /// The mean; none where there was no event.
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

/// A byte for the numbers that are not finite, then the sum of the others and that of the weights as of the epoch.
impl State for Fade {
    fn encode(&self, bytes: &mut Vec<u8>) {
        self.others.encode(bytes);
        self.total.encode(bytes);
        self.weights.encode(bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let (others, total) = (NonFinite::decode(bytes)?, Fading::decode(bytes)?);
        Ok(Fade { others, total, weights: Fading::decode(bytes)? })
    }
}

/// A sum as of the epoch, as of a moment.
fn faded(sum: &Fading, as_of: AsOf, half_life: Length) -> f64 {
    let exact = sum.exact();
    let Some(exponent) = exact.exponent() else { return 0.0 };
    let (whole, rest) = half_lives(as_of.micros(), half_life);
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
        self.fading.push(at, number, Self::HALF_LIFE);
    }

    fn merge(&mut self, other: &Self) {
        self.fading.merge(&other.fading);
    }
}

/// 2^64.
const TWO_TO_64: f64 = 18_446_744_073_709_551_616.0;

/// The half-life in microseconds, a byte for the numbers that are not finite, then the sum of the others and that of the weights as of
/// the epoch.
impl<H: Retention> State for Decayed<H> {
    fn encode(&self, bytes: &mut Vec<u8>) {
        compact::encode_i64(H::LENGTH.micros(), bytes);
        self.fading.encode(bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let half_life = Length::from_micros(compact::decode_i64(bytes)?);
        if half_life != H::LENGTH {
            let message =
                format!("the state's half-life is {half_life}, the transform's {}: raise state_version", H::LENGTH);
            return Err(StateError::new(message));
        }
        Ok(Decayed { fading: Fade::decode(bytes)?, half_life: PhantomData })
    }
}

impl<H> Default for Decayed<H> {
    fn default() -> Self {
        Decayed { fading: Fade::default(), half_life: PhantomData }
    }
}

impl<H> Clone for Decayed<H> {
    fn clone(&self) -> Self {
        Decayed { fading: self.fading.clone(), half_life: PhantomData }
    }
}

impl<H> PartialEq for Decayed<H> {
    fn eq(&self, other: &Self) -> bool {
        self.fading == other.fading
    }
}

impl<H> fmt::Debug for Decayed<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fade { others, total, weights } = &self.fading;
        f.debug_tuple("Decayed").field(others).field(total).field(weights).finish()
    }
}
