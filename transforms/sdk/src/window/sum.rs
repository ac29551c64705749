//! Sums that do not depend on what went by before, nor on the order of what is there.

/// The bits of a float64's fraction, below its exponent.
pub(super) const FRACTION_BITS: u32 = 52;

/// So many numbers are added up in 64 bits before they could overflow: each adds at most 53 bits.
const BLOCK: usize = 1 << 10;

/// The exact sum of the numbers, rounded once to the nearest float64; 0.0 for none. The order of the numbers does not matter.
///
/// With an infinity or a NaN among them it is what adding them in order gives. So it is where numbers more than 2^52 apart
/// overflow on the way.
///
/// Numbers within a factor of 2^52 of each other, which is to say ordinary data, are added as integers: multiples of the
/// last bit of the smallest. Besides being exact, that is faster inside a component than floats are, since there every
/// float operation makes its NaN canonical. Others are added as partials that do not overlap (Shewchuk, "Adaptive Precision
/// Floating-Point Arithmetic and Fast Robust Geometric Predicates", 1997).
pub fn sum(numbers: &[f64]) -> f64 {
    // Without the sign and shifted up, the order of the bits is that of the magnitudes. One less, zeros are out of the way.
    let (mut smallest, mut largest) = (u64::MAX, 0);
    for number in numbers {
        let magnitude = number.to_bits() << 1;
        smallest = smallest.min(magnitude.wrapping_sub(1));
        largest = largest.max(magnitude);
    }
    if largest == 0 {
        return 0.0;
    }
    let (lowest, highest) = (exponent(smallest + 1), exponent(largest));
    if highest == exponent(f64::INFINITY.to_bits() << 1) {
        return numbers.iter().sum();
    }
    if lowest == 0 || highest - lowest > u64::from(FRACTION_BITS) {
        let exact = exact_sum(numbers);
        return if exact.is_finite() { exact } else { numbers.iter().sum() };
    }
    let total: i128 = numbers.chunks(BLOCK).map(|block| add_block(block, lowest)).sum();
    // Rounded here, once: the scaling is exact, or the sum is beyond the largest number.
    total as f64 * last_bit(lowest)
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

/// The rounded sum of two numbers, and what rounding took away: together they are the exact sum (Knuth).
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let b_part = sum - a;
    let a_part = sum - b_part;
    (sum, (a - a_part) + (b - b_part))
}

/// The exact sum, rounded once, by keeping it as partials that do not overlap, of increasing magnitude.
#[cold]
fn exact_sum(numbers: &[f64]) -> f64 {
    let mut partials: Vec<f64> = Vec::new();
    for &number in numbers {
        let mut carried = number;
        let mut kept = 0;
        for index in 0..partials.len() {
            let (rounded, error) = two_sum(carried, partials[index]);
            if error != 0.0 {
                partials[kept] = error;
                kept += 1;
            }
            carried = rounded;
        }
        partials.truncate(kept);
        partials.push(carried);
    }
    round_partials(&partials)
}

/// The sum of partials that do not overlap, of increasing magnitude, rounded to nearest, ties to even.
fn round_partials(partials: &[f64]) -> f64 {
    let mut rest = partials.iter().copied().rev();
    let mut total = rest.next().unwrap_or(0.0);
    while let Some(partial) = rest.next() {
        let (rounded, error) = two_sum(total, partial);
        total = rounded;
        if error == 0.0 {
            continue;
        }
        // Exactly half a unit may have been rounded to even although what is left decides: double it and see whether the
        // other neighbour is reached exactly.
        if let Some(next) = rest.find(|next| *next != 0.0)
            && (error < 0.0) == (next < 0.0)
        {
            let doubled = error * 2.0;
            let neighbour = total + doubled;
            if neighbour - total == doubled {
                return neighbour;
            }
        }
        break;
    }
    total
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
            prop_assert_eq!(exact_sum(&floats(&numbers)).to_bits(), reference(&numbers).to_bits());
        }

        #[test]
        fn integers_and_partials_agree(
            // Low enough that partials never overflow, where only the integers have the exact answer.
            exponents in (1_u64..1980).prop_flat_map(|low| prop::collection::vec(low..=low + 46, 1..60)),
            seeds in prop::collection::vec(any::<u64>(), 60),
            repeats in 1..60_usize,
        ) {
            let number = |(exponent, seed): (&u64, &u64)| f64::from_bits(seed >> 12 | exponent << 52 | seed << 63);
            let numbers: Vec<f64> = exponents.iter().zip(&seeds).map(number).collect();
            let numbers = numbers.repeat(repeats);
            prop_assert_eq!(sum(&numbers).to_bits(), exact_sum(&numbers).to_bits());
        }

        #[test]
        fn does_not_depend_on_order(numbers in prop::collection::vec(-1e300..1e300_f64, 0..40)) {
            let mut backwards = numbers.clone();
            backwards.reverse();
            prop_assert_eq!(sum(&numbers).to_bits(), sum(&backwards).to_bits());
            prop_assert_eq!(sum(&numbers).to_bits(), exact_sum(&numbers).to_bits());
        }

        #[test]
        fn is_exact_over_the_whole_range(numbers in prop::collection::vec(prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL, 0..12)) {
            // Scaled down so that nothing overflows; then every number cancelled but one leaves that one.
            let mut all: Vec<f64> = numbers.iter().map(|number| number / 64.0).collect();
            let negated: Vec<f64> = all.iter().map(|number| -number).collect();
            all.push(1.5);
            all.extend(negated);
            prop_assert_eq!(sum(&all), 1.5);
        }
    }

    #[test]
    fn known_sums() {
        let cases: [(&[f64], f64); 17] = [
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
