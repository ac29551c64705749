//! Sums and extremes of whole numbers.

use super::{Aggregate, Count};
use crate::compact;
use crate::state::{State, StateError};
use crate::time::EventTime;

/// The sum of `i64` numbers, exact: it does not overflow before some 2^63 events have been added. Their count and their mean, too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IntegerSum {
    count: Count,
    sum: i128,
}

impl IntegerSum {
    /// The number of events.
    pub fn count(&self) -> i64 {
        self.count.count()
    }

    /// The sum; 0 for none.
    pub fn sum(&self) -> i128 {
        self.sum
    }

    /// The sum, rounded to float64, divided by the count; none where there was no event.
    pub fn mean(&self) -> Option<f64> {
        (!self.count.is_empty()).then(|| self.sum as f64 / self.count.count() as f64)
    }
}

impl Aggregate for IntegerSum {
    type Item<'a> = i64;

    #[inline]
    fn push(&mut self, _: EventTime, number: i64) {
        self.count.put();
        self.sum += i128::from(number);
    }

    fn merge(&mut self, other: &Self) {
        self.count.merge(&other.count);
        self.sum += other.sum;
    }
}

/// The count, then the sum: 0 and a number of as many bytes as it needs, or 1 and all sixteen of one that is beyond `i64`.
impl State for IntegerSum {
    fn encode(&self, bytes: &mut Vec<u8>) {
        self.count.encode(bytes);
        match i64::try_from(self.sum) {
            Ok(sum) => {
                bytes.push(0);
                compact::encode_i64(sum, bytes);
            }
            Err(_) => {
                bytes.push(1);
                self.sum.encode(bytes);
            }
        }
    }

    fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
        let wrong = || StateError::new("a sum of integers is beyond what there were, or not in its shortest form");
        let count = Count::decode(bytes)?;
        let sum = match u8::decode(bytes)? {
            0 => i128::from(compact::decode_i64(bytes)?),
            1 => i128::decode(bytes).and_then(|sum| i64::try_from(sum).err().map(|_| sum).ok_or_else(wrong))?,
            _ => return Err(wrong()),
        };
        let most = i128::from(count.count()) << 63;
        if sum > most || sum < -most {
            return Err(wrong());
        }
        Ok(IntegerSum { count, sum })
    }
}

macro_rules! extremes {
    ($($(#[$doc:meta])* $name:ident, $read:ident, $what:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name {
            number: Option<i64>,
        }

        impl $name {
            #[doc = concat!("The ", $what, " number; none where there was no event.")]
            pub fn $read(&self) -> Option<i64> {
                self.number
            }
        }

        impl Aggregate for $name {
            type Item<'a> = i64;

            #[inline]
            fn push(&mut self, _: EventTime, number: i64) {
                self.number = Some(self.number.map_or(number, |kept| kept.$read(number)));
            }

            fn merge(&mut self, other: &Self) {
                if let Some(number) = other.number {
                    self.number = Some(self.number.map_or(number, |kept| kept.$read(number)));
                }
            }
        }

        /// The number, if there is one.
        impl State for $name {
            fn encode(&self, bytes: &mut Vec<u8>) {
                self.number.encode(bytes);
            }

            fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
                Ok($name { number: Option::decode(bytes)? })
            }
        }
    )*};
}

extremes! {
    /// The smallest `i64` number.
    IntegerMin, min, "smallest";
    /// The largest `i64` number.
    IntegerMax, max, "largest";
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::state::decode_all;

    fn bytes(state: &impl State) -> Vec<u8> {
        let mut bytes = Vec::new();
        state.encode(&mut bytes);
        bytes
    }

    proptest! {
        #[test]
        fn are_those_of_the_numbers_however_they_are_merged(
            numbers in prop::collection::vec(prop_oneof![any::<i64>(), -9..9_i64, Just(i64::MAX), Just(i64::MIN)], 0..20),
            cut in 0..20_usize,
        ) {
            type All = (IntegerSum, IntegerMin, IntegerMax);
            let of = |numbers: &[i64]| {
                let mut all = All::default();
                numbers.iter().for_each(|&number| all.push(EventTime(0), (number, number, number)));
                all
            };
            let (first, second) = numbers.split_at(cut.min(numbers.len()));
            let (whole, mut merged) = (of(&numbers), of(first));
            merged.merge(&of(second));
            prop_assert_eq!(&merged, &whole);
            prop_assert_eq!(bytes(&decode_all::<All>(&bytes(&whole)).expect("comes back")), bytes(&whole));
            let sum: i128 = numbers.iter().map(|&number| i128::from(number)).sum();
            prop_assert_eq!((whole.0.sum(), whole.0.count()), (sum, numbers.len() as i64));
            prop_assert_eq!(whole.0.mean(), (!numbers.is_empty()).then(|| sum as f64 / numbers.len() as f64));
            prop_assert_eq!(whole.1.min(), numbers.iter().copied().min());
            prop_assert_eq!(whole.2.max(), numbers.iter().copied().max());
        }
    }

    #[test]
    fn other_spellings_of_a_sum_are_refused() {
        let mut long = vec![2, 1];
        5_i128.encode(&mut long);
        assert!(decode_all::<IntegerSum>(&long).is_err());
        let mut beyond = vec![1, 1];
        (i128::from(i64::MIN) - 1).encode(&mut beyond);
        assert!(decode_all::<IntegerSum>(&beyond).is_err());
        assert!(decode_all::<IntegerSum>(&[0, 0, 2]).is_err() && decode_all::<IntegerSum>(&[1, 2, 0]).is_err());
        assert!(decode_all::<IntegerSum>(&[0, 0, 0]).is_ok());
    }
}
