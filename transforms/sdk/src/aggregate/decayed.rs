//! Sums that fade: what is a half-life old counts half.

use std::fmt;
use std::marker::PhantomData;

use super::{Aggregate, Sum};
use crate::exact::{Exact, Term};
use crate::state::{State, StateError};
use crate::time::{AsOf, EventTime, Length};
use crate::window::Retention;

/// The sum of float64 numbers, each times 2^(-age / `H`): exponential decay with the half-life `H`, such as `Days<7>`. The
/// age of a number is the time from its event to the question.
///
/// Nothing fades step by step. A number is kept as number x 2^(event time / `H`), with one rounding for the power and one for
/// the product, and these are added up exactly; a question takes the sum back by 2^(as-of / `H`). So the order of events does
/// not matter and a late event counts as if it had come in time. Of numbers of one sign the answer is within 8 units in the
/// last place of the true sum, after ten million events as after ten. What is less than the sum by a factor of 2^256 (256
/// half-lives later, for numbers of one size) is dropped.
///
/// A NaN or an infinity does not fade: it makes every later answer NaN or infinite, as it would a [`Sum`](super::Sum).
/// Decide before what such a number means.
pub struct Decayed<H> {
    /// The sum as of the epoch.
    total: Sum,
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
        let Some(exact) = self.total.exact() else { return self.total.sum() };
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
            self.total.put(number);
            return;
        }
        let (whole, rest) = half_lives::<H>(at.micros());
        // Away from both ends, so that the product has all its bits.
        let (scaled, places) = if number.abs() < 1.0 { (number * TWO_TO_64, 64) } else { (number * 0.5, -1) };
        let Term { is_negative, magnitude, position } = Term::new(scaled * libm::exp2(rest));
        self.total.exact_mut().add_fading(Term { is_negative, magnitude, position: position - places + whole });
    }

    fn merge(&mut self, other: &Self) {
        self.total.merge_fading(&other.total);
    }
}

/// 2^64.
const TWO_TO_64: f64 = 18_446_744_073_709_551_616.0;

/// The half-life in microseconds (`i64`), then the sum as of the epoch.
impl<H: Retention> State for Decayed<H> {
    fn encode(&self, bytes: &mut Vec<u8>) {
        H::LENGTH.encode(bytes);
        self.total.encode(bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let half_life = Length::decode(bytes)?;
        if half_life != H::LENGTH {
            let message =
                format!("the state's half-life is {half_life}, the transform's {}: raise state_version", H::LENGTH);
            return Err(StateError::new(message));
        }
        Ok(Decayed { total: Sum::decode_fading(bytes)?, half_life: PhantomData })
    }
}

impl<H> Default for Decayed<H> {
    fn default() -> Self {
        Decayed { total: Sum::default(), half_life: PhantomData }
    }
}

impl<H> Clone for Decayed<H> {
    fn clone(&self) -> Self {
        Decayed { total: self.total.clone(), half_life: PhantomData }
    }
}

impl<H> PartialEq for Decayed<H> {
    fn eq(&self, other: &Self) -> bool {
        self.total == other.total
    }
}

impl<H> fmt::Debug for Decayed<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Decayed").field(&self.total).finish()
    }
}
