//! The smallest and the largest number.

use super::Aggregate;
use crate::state::{State, StateError};
use crate::time::EventTime;

macro_rules! extremes {
    ($($(#[$doc:meta])* $name:ident, $read:ident, $what:literal, $beyond:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default)]
        pub struct $name {
            number: Option<f64>,
        }

        impl $name {
            #[doc = concat!("The ", $what, " number; none where there was none but NaN.")]
            pub fn $read(&self) -> Option<f64> {
                self.number
            }

            #[inline]
            pub(crate) fn put(&mut self, number: f64) {
                let is_beyond = self.number.is_none_or(|kept| number.total_cmp(&kept).$beyond());
                if is_beyond && !number.is_nan() {
                    self.number = Some(number);
                }
            }
        }

        impl Aggregate for $name {
            type Item<'a> = f64;

            #[inline]
            fn push(&mut self, _: EventTime, number: f64) {
                self.put(number);
            }

            fn merge(&mut self, other: &Self) {
                if let Some(number) = other.number {
                    self.put(number);
                }
            }
        }

        /// The number, if there is one.
        impl State for $name {
            fn encode(&self, bytes: &mut Vec<u8>) {
                self.number.encode(bytes);
            }

            fn decode(bytes: &mut &[u8]) -> Result<Self, StateError> {
                match Option::<f64>::decode(bytes)? {
                    Some(number) if number.is_nan() => Err(StateError::new("an extreme is not a number")),
                    number => Ok($name { number }),
                }
            }
        }
    )*};
}

extremes! {
    /// The smallest float64 number. NaN is passed over; -0.0 is smaller than 0.0.
    Min, min, "smallest", is_lt;
    /// The largest float64 number. NaN is passed over; 0.0 is larger than -0.0.
    Max, max, "largest", is_gt;
}
