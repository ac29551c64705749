//! Sums that fade: what is a half-life old counts half.

use std::fmt;
use std::marker::PhantomData;

use super::Aggregate;
use super::sum::NonFinite;
use crate::compact;
use crate::exact::{Exact, Fading, Term};
use crate::state::{State, StateError};
use crate::time::{AsOf, EventTime, Length};
use crate::window::Retention;

/// The sum of float64 numbers, each times 2^(-age / `H`): exponential decay with the half-life `H`, such as `Days<7>`. The
/// age of a number is the time from its event to the question.
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
        if let Some(sum) = self.others.sum() {
            return sum;
        }
        let exact = self.total.exact();
        let Some(exponent) = exact.exponent() else { return 0.0 };
        let (whole, rest) = half_lives::<H>(as_of.micros());
        // From a half to 2, so that nothing is rounded twice where the answer has fewer bits than a float64 can have.
        let faded = exact.round_scaled(-exponent) * libm::exp2(-rest);
        let mut sum = Exact::default();
        sum.add(Term::new(faded));
        sum.round_scaled(exponent - whole)
    }
}

impl<H: Retention> Aggregate for Decayed<H> {
    type Item<'a> = f64;

    #[inline]
    fn push(&mut self, at: EventTime, number: f64) {
        if !number.is_finite() {
            self.others.put(number);
            return;
        }
        let (whole, rest) = half_lives::<H>(at.micros());
        // Away from both ends, so that the product has all its bits.
        let (scaled, places) = if number.abs() < 1.0 { (number * TWO_TO_64, 64) } else { (number * 0.5, -1) };
        let Term { is_negative, magnitude, position } = Term::new(scaled * libm::exp2(rest));
        self.total.add(Term { is_negative, magnitude, position: position - places + whole });
    }

    fn merge(&mut self, other: &Self) {
        self.others.merge(other.others);
        self.total.merge(&other.total);
    }
}

/// 2^64.
const TWO_TO_64: f64 = 18_446_744_073_709_551_616.0;

/// The half-life in microseconds, a byte for the numbers that are not finite, then the sum of the others as of the epoch.
impl<H: Retention> State for Decayed<H> {
    fn encode(&self, bytes: &mut Vec<u8>) {
        compact::encode_i64(H::LENGTH.micros(), bytes);
        self.others.encode(bytes);
        self.total.encode(bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let half_life = Length::from_micros(compact::decode_i64(bytes)?);
        if half_life != H::LENGTH {
            let message =
                format!("the state's half-life is {half_life}, the transform's {}: raise state_version", H::LENGTH);
            return Err(StateError::new(message));
        }
        Ok(Decayed { others: NonFinite::decode(bytes)?, total: Fading::decode(bytes)?, half_life: PhantomData })
    }
}

impl<H> Default for Decayed<H> {
    fn default() -> Self {
        Decayed { others: NonFinite::default(), total: Fading::default(), half_life: PhantomData }
    }
}

impl<H> Clone for Decayed<H> {
    fn clone(&self) -> Self {
        Decayed { others: self.others, total: self.total.clone(), half_life: PhantomData }
    }
}

impl<H> PartialEq for Decayed<H> {
    fn eq(&self, other: &Self) -> bool {
        (self.others, &self.total) == (other.others, &other.total)
    }
}

impl<H> fmt::Debug for Decayed<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Decayed").field(&self.others).field(&self.total).finish()
    }
}
