//! Natural numbers of any size, as limbs of 64 bits, the lowest first: just what a variance needs.

/// The product of two numbers.
pub(super) fn product(a: &[u64], b: &[u64]) -> Vec<u64> {
    let mut product = vec![0; a.len() + b.len()];
    for (at, &left) in a.iter().enumerate() {
        let mut carry = 0;
        for (to, &right) in product[at..].iter_mut().zip(b) {
            let sum = u128::from(left) * u128::from(right) + u128::from(*to) + carry;
            *to = sum as u64;
            carry = sum >> 64;
        }
        product[at + b.len()] = carry as u64;
    }
    product
}

/// Takes `less`, which is not the larger one, from `number`. The lowest limb of `less` counts as that of `number` at `at`.
pub(super) fn subtract(number: &mut [u64], less: &[u64], at: usize) {
    let mut borrow = false;
    for (index, limb) in number[at..].iter_mut().enumerate() {
        let (difference, first) = limb.overflowing_sub(less.get(index).copied().unwrap_or(0));
        let (difference, second) = difference.overflowing_sub(u64::from(borrow));
        (*limb, borrow) = (difference, first || second);
    }
}

/// Divides a number in place, rounding down, and tells whether there was a remainder.
pub(super) fn divide(number: &mut [u64], divisor: u64) -> bool {
    let mut rest = 0;
    if let Ok(small) = u32::try_from(divisor) {
        // Two halves a limb: a division of 64 bits is one instruction, one of 128 bits a long way.
        let small = u64::from(small);
        for limb in number.iter_mut().rev() {
            let upper = rest << 32 | *limb >> 32;
            let lower = (upper % small) << 32 | *limb & 0xffff_ffff;
            (*limb, rest) = (((upper / small) << 32) | (lower / small), lower % small);
        }
    } else {
        for limb in number.iter_mut().rev() {
            let value = u128::from(rest) << 64 | u128::from(*limb);
            (*limb, rest) = ((value / u128::from(divisor)) as u64, (value % u128::from(divisor)) as u64);
        }
    }
    rest != 0
}

/// The place of the highest bit; none for zero.
#[inline]
pub(super) fn highest_bit(number: &[u64]) -> Option<i64> {
    let top = number.iter().rposition(|&limb| limb != 0)?;
    Some(top as i64 * 64 + i64::from(63 - number[top].leading_zeros()))
}

/// The float64 nearest to the number times 2^`position`, divided by `divisor`, which is not zero; ties to even.
pub(super) fn quotient(number: &[u64], position: i64, divisor: u64) -> f64 {
    let Some(top) = number.iter().rposition(|&limb| limb != 0) else { return 0.0 };
    let limb = |below: usize| top.checked_sub(below).map_or(0, |at| number[at]);
    // The upper 128 bits, and whether there is anything below them.
    let shift = number[top].leading_zeros();
    let (first, second, third) = (limb(0), limb(1), limb(2));
    let down = |limb: u64| limb >> 1 >> (63 - shift);
    let upper = u128::from(first << shift | down(second)) << 64 | u128::from(second << shift | down(third));
    let more = third << shift != 0 || number.iter().take(top.saturating_sub(2)).any(|&limb| limb != 0);
    quotient_of(upper, more, position + (top as i64 - 1) * 64 - i64::from(shift), divisor)
}

/// The float64 nearest to the number times 2^`position`, divided by `divisor`, which is not zero; ties to even. Never -0.0.
#[inline]
pub(crate) fn mean(number: i128, position: i64, divisor: u64) -> f64 {
    if number == 0 {
        return 0.0;
    }
    super::signed(number < 0, quotient_of(number.unsigned_abs(), false, position, divisor))
}

/// [`quotient`] of a number that is not zero. With `more`, it is a little larger than it says, by less than one, and has 128 bits.
#[inline]
fn quotient_of(number: u128, more: bool, position: i64, divisor: u64) -> f64 {
    let shift = number.leading_zeros();
    let (number, position) = (number << shift, position - i64::from(shift));
    let (upper, lower) = ((number >> 64) as u64, number as u64);
    // As few divisions as give 55 bits of the quotient, and each of 64 bits: one of 128 bits is a long way.
    let (quotient, rest, position) = if divisor < 1 << 9 {
        (u128::from(upper / divisor), (upper % divisor) | lower, position + 64)
    } else if divisor < 1 << 32 {
        let middle = (upper % divisor) << 32 | lower >> 32;
        let quotient = u128::from(upper / divisor) << 32 | u128::from(middle / divisor);
        (quotient, (middle % divisor) | (lower & 0xffff_ffff), position + 32)
    } else {
        (number / u128::from(divisor), (number % u128::from(divisor)) as u64, position)
    };
    round_wide(quotient, position, rest != 0 || more)
}

/// [`round`] of a number of 55 bits or more.
#[inline]
fn round_wide(number: u128, position: i64, more: bool) -> f64 {
    let shift = number.leading_zeros();
    let exponent = position + 127 - i64::from(shift);
    if !(-1022..=1023).contains(&exponent) {
        return round(&[number as u64, (number >> 64) as u64], position, more);
    }
    let shifted = number << shift;
    let (upper, below) = ((shifted >> 64) as u64, shifted as u64 != 0 || more);
    let is_up = upper & 1 << 10 != 0 && (below || upper & ((1 << 10) - 1) != 0 || upper & 1 << 11 != 0);
    // The leading bit adds one to the exponent; so does rounding up to the next power of two, the last of which is infinity.
    f64::from_bits((((exponent + 1022) as u64) << 52) + (upper >> 11) + u64::from(is_up))
}

/// The float64 nearest to the number times 2^`position`, ties to even. With `more`, the number is a little larger than its
/// limbs say, by less than one; it must then have at least 55 bits.
pub(super) fn round(number: &[u64], position: i64, more: bool) -> f64 {
    let Some(highest) = highest_bit(number) else { return 0.0 };
    let exponent = position.saturating_add(highest);
    if exponent > 1023 {
        return f64::INFINITY;
    }
    if exponent < -1075 {
        // Less than half of the smallest number.
        return 0.0;
    }
    // The last bit that the result has room for; subnormal numbers have fewer bits.
    let last = (exponent - 52).max(-1074);
    let cut = last - position;
    let limb = |index: i64| number.get(index as usize).copied().unwrap_or(0);
    let mantissa = if cut <= 0 {
        // All bits fit, so that nothing but the lowest limb is there.
        number[0] << -cut
    } else {
        let (index, shift) = (cut / 64, cut % 64);
        let upper = if shift == 0 { 0 } else { limb(index + 1) << (64 - shift) };
        let kept = if cut > highest { 0 } else { limb(index) >> shift | upper };
        let half = cut - 1;
        let is_half = limb(half / 64) >> (half % 64) & 1 == 1;
        let below = number.iter().take((half / 64) as usize).any(|&limb| limb != 0)
            || limb(half / 64) & ((1 << (half % 64)) - 1) != 0
            || more;
        kept + u64::from(is_half && (below || kept & 1 == 1))
    };
    mantissa as f64 * power_of_two(last)
}

/// 2^`exponent`, from -1074 to 1023.
pub(super) fn power_of_two(exponent: i64) -> f64 {
    if exponent < -1022 {
        f64::from_bits(1 << (exponent + 1074))
    } else {
        f64::from_bits(((exponent + 1023) as u64) << 52)
    }
}
