//! A mean that knows no order and no drift.

use super::{Aggregate, Count, Sum};
use crate::exact::Exact;
use crate::state::{State, StateError};
use crate::time::EventTime;

/// The mean of float64 numbers: their [`Sum`] divided by their [`Count`], so rounded twice and within one and a half units in the
/// last place of the true mean. Where the sum is beyond the largest float64, it is rounded once, and finite.
///
/// A NaN or an infinity does to it what it does to a [`Sum`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mean {
    count: Count,
    sum: Sum,
}

impl Mean {
    /// The number of events.
    pub fn count(&self) -> i64 {
        self.count.count()
    }

    /// The sum; 0.0 for none.
    pub fn sum(&self) -> f64 {
        self.sum.sum()
    }

    /// The mean; none where there was no event.
    pub fn mean(&self) -> Option<f64> {
        (!self.count.is_empty()).then(|| self.sum.divided(self.count.events()))
    }

    #[inline]
    pub(super) fn put(&mut self, number: f64) {
        self.count.put();
        self.sum.put(number);
    }

    pub(super) fn events(&self) -> u64 {
        self.count.events()
    }

    pub(super) fn exact_sum(&self) -> Option<&Exact> {
        self.sum.exact()
    }
}

impl Aggregate for Mean {
    type Item<'a> = f64;

    #[inline]
    fn push(&mut self, _: EventTime, number: f64) {
        self.put(number);
    }

    fn merge(&mut self, other: &Self) {
        self.count.merge(&other.count);
        self.sum.merge(&other.sum);
    }
}

/// The count, then the sum.
impl State for Mean {
    fn encode(&self, bytes: &mut Vec<u8>) {
        self.count.encode(bytes);
        self.sum.encode(bytes);
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        Ok(Mean { count: Count::decode(bytes)?, sum: Sum::decode(bytes)? })
    }
}
