//! Sums that do not depend on what went by before, nor on the order of what is there.

use crate::aggregate::Sum;
use crate::exact::natural;

/// The bits of a float64's fraction, below its exponent.
pub(super) const FRACTION_BITS: u32 = 52;

/// So many numbers are added up in 64 bits before they could overflow: each adds at most 53 bits.
const BLOCK: usize = 1 << 10;

/// The exact sum of the numbers, rounded once to the nearest float64; 0.0 for none (never -0.0), an infinity beyond the largest
/// float64. The order of the numbers does not matter.
///
/// A NaN among the numbers makes it NaN, and so do infinities of both signs; one infinity makes it that infinity.
///
/// Numbers within a factor of 2^52 of each other, which is to say ordinary data, are added as integers: multiples of the
/// last bit of the smallest. Besides being exact, that is faster inside a component than floats are, since there every
/// float operation makes its NaN canonical. Others are added as integers of any size, as a [`Sum`] does.
pub fn sum(numbers: &[f64]) -> f64 {
    Total::of(numbers).sum()
}

/// An exact sum, before it is rounded.
#[derive(Clone, Debug)]
pub enum Total {
    /// So many units of the last bit of the numbers with a biased exponent.
    Units {
        /// How many.
        units: i128,
        /// The exponent.
        lowest: u64,
    },
    /// Of numbers too far apart for that, or not finite.
    Any(Box<Sum>),
}

impl Total {
    /// The sum of the numbers.
    pub(crate) fn of(numbers: &[f64]) -> Self {
        // Without the sign and shifted up, the order of the bits is that of the magnitudes. One less, zeros are out of the way.
        let (mut smallest, mut largest) = (u64::MAX, 0);
        for number in numbers {
            let magnitude = number.to_bits() << 1;
            smallest = smallest.min(magnitude.wrapping_sub(1));
            largest = largest.max(magnitude);
        }
        if largest == 0 {
            return Total::Units { units: 0, lowest: 1 };
        }
        let (lowest, highest) = (exponent(smallest + 1), exponent(largest));
        let is_finite = highest != exponent(f64::INFINITY.to_bits() << 1);
        if lowest == 0 || !is_finite || highest - lowest > u64::from(FRACTION_BITS) {
            return Total::any(numbers);
        }
        Total::Units { units: numbers.chunks(BLOCK).map(|block| add_block(block, lowest)).sum(), lowest }
    }

    #[cold]
    fn any(numbers: &[f64]) -> Self {
        let mut sum = Sum::default();
        numbers.iter().for_each(|&number| sum.put(number));
        Total::Any(Box::new(sum))
    }

    /// The float64 nearest to the sum.
    pub fn sum(&self) -> f64 {
        match self {
            // Rounded here, once: the scaling is exact, or the sum is beyond the largest number.
            &Total::Units { units, lowest } => units as f64 * last_bit(lowest),
            Total::Any(sum) => sum.sum(),
        }
    }

    /// The sum divided by `count`, which is not zero; finite also where the sum is beyond the largest float64.
    pub fn mean(&self, count: u64) -> f64 {
        let sum = self.sum();
        if !sum.is_infinite() {
            return sum / count as f64;
        }
        match self {
            &Total::Units { units, lowest } => natural::mean(units, lowest as i64 - 1075, count),
            Total::Any(sum) => sum.divided(count),
        }
    }
}

/// The biased exponent of a number given as its bits without the sign, shifted up by one.
pub(super) fn exponent(magnitude: u64) -> u64 {
    magnitude >> (FRACTION_BITS + 1)
}

/// The value of the last bit of the normal numbers with this biased exponent.
pub(super) fn last_bit(exponent: u64) -> f64 {
    match exponent.saturating_sub(u64::from(FRACTION_BITS)) {
        // It is subnormal: a single bit of the fraction.
        0 => f64::from_bits(1 << (exponent - 1)),
        biased => f64::from_bits(biased << FRACTION_BITS),
    }
}

/// A normal number as a whole number of its own last bits.
pub(super) fn fixed(number: f64) -> i64 {
    let bits = number.to_bits() as i64;
    let sign = bits >> 63;
    (((bits & ((1 << FRACTION_BITS) - 1)) | 1 << FRACTION_BITS) ^ sign) - sign
}

/// The sum of at most [`BLOCK`] numbers, zero or normal with exponents from `lowest` to 52 above it, as a multiple of the
/// last bit of `lowest`.
fn add_block(numbers: &[f64], lowest: u64) -> i128 {
    const FRACTION: i64 = (1 << FRACTION_BITS) - 1;
    let (mut upper, mut lower) = (0_i64, 0_i64);
    for number in numbers {
        let bits = number.to_bits();
        let magnitude = bits << 1;
        let shift = exponent(magnitude).wrapping_sub(lowest) as u32;
        let leading = if magnitude == 0 { 0 } else { 1 << FRACTION_BITS };
        let sign = bits as i64 >> 63;
        let signed = (((bits as i64 & FRACTION) | leading) ^ sign) - sign;
        // The number, shifted to its place, in two parts: rounding down to the upper one leaves a lower one that is not
        // negative, whatever the sign.
        lower += signed.wrapping_shl(shift) & FRACTION;
        upper += signed.wrapping_shr(FRACTION_BITS.wrapping_sub(shift));
    }
    (i128::from(upper) << FRACTION_BITS) + i128::from(lower)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A sum of integers times a power of two is exact in `i128`, and the cast back to float64 rounds to nearest even.
    fn reference(numbers: &[(i64, u32)]) -> f64 {
        numbers.iter().map(|&(mantissa, shift)| i128::from(mantissa) << shift).sum::<i128>() as f64
    }

    fn floats(numbers: &[(i64, u32)]) -> Vec<f64> {
        numbers.iter().map(|&(mantissa, shift)| mantissa as f64 * (shift as f64).exp2()).collect()
    }

    proptest! {
        #[test]
        fn is_the_exact_sum_rounded_once(
            numbers in prop::collection::vec((-(1_i64 << 53)..=1 << 53, 0_u32..60), 0..40),
            cancelled in any::<bool>(),
        ) {
            let mut numbers = numbers;
            if cancelled {
                // Almost everything cancels, which is where plain compensation loses.
                let negated: Vec<_> = numbers.iter().skip(1).map(|&(mantissa, shift)| (-mantissa, shift)).collect();
                numbers.extend(negated);
            }
            prop_assert_eq!(sum(&floats(&numbers)).to_bits(), reference(&numbers).to_bits());
            prop_assert_eq!(Total::any(&floats(&numbers)).sum().to_bits(), reference(&numbers).to_bits());
        }

        #[test]
        fn both_ways_agree(
            exponents in (1_u64..=2046 - 46).prop_flat_map(|low| prop::collection::vec(low..=low + 46, 1..60)),
            seeds in prop::collection::vec(any::<u64>(), 60),
            repeats in 1..60_usize,
        ) {
            let number = |(exponent, seed): (&u64, &u64)| f64::from_bits(seed >> 12 | exponent << 52 | seed << 63);
            let numbers: Vec<f64> = exponents.iter().zip(&seeds).map(number).collect();
            let numbers = numbers.repeat(repeats);
            let count = numbers.len() as u64;
            let (fast, any) = (Total::of(&numbers), Total::any(&numbers));
            prop_assert!(!matches!(fast, Total::Any(_)));
            prop_assert_eq!(fast.sum().to_bits(), any.sum().to_bits());
            prop_assert_eq!(fast.mean(count).to_bits(), any.mean(count).to_bits());
        }

        #[test]
        fn does_not_depend_on_order(numbers in prop::collection::vec(-1e300..1e300_f64, 0..40)) {
            let mut backwards = numbers.clone();
            backwards.reverse();
            prop_assert_eq!(sum(&numbers).to_bits(), sum(&backwards).to_bits());
            prop_assert_eq!(sum(&numbers).to_bits(), Total::any(&numbers).sum().to_bits());
        }

        #[test]
        fn is_exact_over_the_whole_range(numbers in prop::collection::vec(prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL, 0..12)) {
            // Every number cancelled but one leaves that one, whatever the sums on the way.
            let mut all: Vec<f64> = numbers.clone();
            let negated: Vec<f64> = all.iter().map(|number| -number).collect();
            all.push(1.5);
            all.extend(negated);
            prop_assert_eq!(sum(&all), 1.5);
        }
    }

    #[test]
    fn known_sums() {
        let cases: [(&[f64], f64); 19] = [
            (&[], 0.0),
            (&[0.1; 10], 1.0),
            (&[1e100, 1.0, -1e100], 1.0),
            (&[1e200, 1e100, 1.0, -1e200, -1e100], 1.0),
            (&[1.0, f64::EPSILON / 2.0, f64::MIN_POSITIVE], 1.0 + f64::EPSILON),
            (&[1.0, f64::EPSILON / 2.0], 1.0),
            (&[f64::MAX, f64::MAX, 1.0], f64::INFINITY),
            (&[f64::MAX, f64::MAX, -f64::MAX], f64::MAX),
            (&[f64::MAX, f64::MAX], f64::INFINITY),
            (&[f64::MIN_POSITIVE, -0.0, f64::MIN_POSITIVE], 2.0 * f64::MIN_POSITIVE),
            (&[1.5 * f64::MIN_POSITIVE, -f64::MIN_POSITIVE], 0.5 * f64::MIN_POSITIVE),
            (&[f64::from_bits(1), f64::from_bits(2)], f64::from_bits(3)),
            (&[f64::MAX, 1.0, f64::MAX, f64::MIN, f64::MIN], 1.0),
            (&[f64::MAX, f64::MAX, f64::NEG_INFINITY], f64::NEG_INFINITY),
            (&[-0.0, 0.0], 0.0),
            (&[1.0, (1_u64 << 52) as f64, -1.0], (1_u64 << 52) as f64),
            (&[1.0, (1_u64 << 53) as f64, 1.0], (1_u64 << 53) as f64 + 2.0),
            (&[1.0, f64::INFINITY, 2.0], f64::INFINITY),
            (&[1e16, 1.0, f64::NEG_INFINITY], f64::NEG_INFINITY),
        ];
        for (numbers, expected) in cases {
            assert_eq!(sum(numbers), expected, "{numbers:?}");
        }
        assert!(sum(&[f64::INFINITY, f64::NEG_INFINITY]).is_nan());
        assert!(sum(&[1.0, f64::NAN, f64::INFINITY]).is_nan());
    }
}
