//! Ratios of large whole numbers as float64, rounded once.

use num_bigint::BigUint;

/// `numerator / denominator * 2^exponent`, rounded to the nearest float64, ties to even; infinity where it is too large. The denominator
/// is not zero.
pub(super) fn ratio(numerator: &BigUint, denominator: &BigUint, exponent: i64) -> f64 {
    if numerator.bits() == 0 {
        return 0.0;
    }
    // So that the quotient has 66 or 67 bits: more than a float64 holds, and what is lost below them is only whether it was zero.
    let shift = 66 - (numerator.bits() as i64 - denominator.bits() as i64);
    let (mut above, mut below) = (numerator.clone(), denominator.clone());
    match shift >= 0 {
        true => above <<= shift as u64,
        false => below <<= shift.unsigned_abs(),
    }
    let quotient = &above / &below;
    let is_inexact = (&quotient * &below) != above;
    let digits = quotient.to_u64_digits();
    let whole = digits.iter().rev().fold(0_u128, |all, digit| (all << 64) | u128::from(*digit));
    rounded((whole << 1) | u128::from(is_inexact), exponent - shift - 1)
}

/// `whole * 2^exponent`, rounded.
fn rounded(whole: u128, exponent: i64) -> f64 {
    let bits = i64::from(u128::BITS - whole.leading_zeros());
    let top = exponent + bits - 1;
    if top > 1_023 {
        return f64::INFINITY;
    }
    // Below 2^-1022 a float64 has fewer bits, down to none.
    let precision = if top >= -1_022 { 53 } else { 53 - (-1_022 - top) };
    if precision < 0 {
        return 0.0;
    }
    let drop = (bits - precision) as u32;
    let (kept, half) = (whole.checked_shr(drop).unwrap_or(0), 1_u128 << (drop - 1));
    let rest = whole - (kept << drop);
    let up = rest > half || (rest == half && kept % 2 == 1);
    let kept = (kept + u128::from(up)) as u64;
    if top < -1_022 {
        return f64::from_bits(kept);
    }
    // A carry out of the mantissa makes the exponent one larger, up to infinity.
    f64::from_bits((((top + 1_023) as u64) << 52) + (kept - (1 << 52)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numerator: u64, denominator: u64, exponent: i64) -> f64 {
        ratio(&BigUint::from(numerator), &BigUint::from(denominator), exponent)
    }

    #[test]
    fn ratios_are_rounded_as_division_rounds() {
        let mut number = 0x1234_5678_9abc_def0_u64;
        for _ in 0..20_000 {
            number = super::super::scrambled(number);
            let (above, below) = (number >> 12, (super::super::scrambled(!number) >> 13) + 1);
            assert_eq!(of(above, below, 0), above as f64 / below as f64, "{above} / {below}");
        }
    }

    #[test]
    fn the_ends_of_the_range_are_rounded_too() {
        assert_eq!(of(1, 1, -1_074), f64::from_bits(1));
        // Half of the smallest is a tie, and goes to zero, which is even; a little more does not.
        assert_eq!(of(1, 1, -1_075), 0.0);
        assert_eq!(of(3, 2, -1_075), f64::from_bits(1));
        assert_eq!(of(3, 1, -1_075), f64::from_bits(2));
        assert_eq!(of(1, 1, -1_200), 0.0);
        assert_eq!(of((1 << 53) - 1, 1, 971), f64::MAX);
        // Rounds up beyond the largest.
        assert_eq!(of((1 << 54) - 1, 1, 970), f64::INFINITY);
        assert_eq!(of(1, 1, 1_024), f64::INFINITY);
        assert_eq!(of((1 << 53) - 1, 2, -1_074 + 1), f64::from_bits((1 << 53) - 1));
        assert_eq!(of((1 << 54) - 1, 1, -1_074 - 2), f64::from_bits(1 << 52));
    }
}
