//! A sum that knows no order and no drift.

use super::Aggregate;
use crate::exact::{Exact, Term};
use crate::state::{State, StateError};
use crate::time::EventTime;

const NAN: u8 = 1;
const INFINITE: u8 = 2;
const NEGATIVE_INFINITE: u8 = 4;

/// The sum of float64 numbers: exact, and rounded once, when it is read.
///
/// So it is the float64 nearest to the true sum, after ten events or ten million, in whatever order they came and however
/// they were merged. A NaN makes it NaN, and so do infinities of both signs; one infinity makes it that infinity.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sum {
    /// The finite numbers.
    exact: Exact,
    /// Which others there were: bits of NaN, infinity, negative infinity.
    others: u8,
}

impl Sum {
    /// The sum; 0.0 for none (never -0.0), an infinity beyond the largest float64.
    pub fn sum(&self) -> f64 {
        match self.others {
            0 => self.exact.round(),
            INFINITE => f64::INFINITY,
            NEGATIVE_INFINITE => f64::NEG_INFINITY,
            _ => f64::NAN,
        }
    }

    #[inline]
    pub(crate) fn put(&mut self, number: f64) {
        if number.is_finite() {
            self.exact.add(Term::new(number));
        } else {
            self.others |= if number.is_nan() {
                NAN
            } else if number > 0.0 {
                INFINITE
            } else {
                NEGATIVE_INFINITE
            };
        }
    }

    pub(super) fn exact_mut(&mut self) -> &mut Exact {
        &mut self.exact
    }

    pub(super) fn merge_fading(&mut self, other: &Self) {
        self.exact.merge_fading(&other.exact);
        self.others |= other.others;
    }

    /// Takes a sum of any size off the front of `bytes`.
    pub(super) fn decode_fading(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let others = u8::decode(bytes)?;
        if others > NAN | INFINITE | NEGATIVE_INFINITE {
            return Err(StateError::new("a sum holds something that is no number"));
        }
        Ok(Sum { others, exact: Exact::decode(bytes)? })
    }

    /// The finite numbers, if there are no others.
    pub(super) fn exact(&self) -> Option<&Exact> {
        (self.others == 0).then_some(&self.exact)
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
        self.others |= other.others;
    }
}

/// A byte for the numbers that are not finite, then the exact sum of the others.
impl State for Sum {
    fn encode(&self, bytes: &mut Vec<u8>) {
        self.others.encode(bytes);
        self.exact.encode(bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let sum = Sum::decode_fading(bytes)?;
        if !sum.exact.is_between(-1074, 1024) {
            return Err(StateError::new("a sum is larger or finer than numbers are"));
        }
        Ok(sum)
    }
}
