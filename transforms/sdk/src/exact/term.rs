//! What is added to an exact sum.

/// A number to be added: `magnitude` x 2^`position`, or less that.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Term {
    pub(crate) is_negative: bool,
    pub(crate) magnitude: u128,
    pub(crate) position: i64,
}

impl Term {
    /// A finite number.
    #[inline]
    pub(crate) fn new(number: f64) -> Self {
        let bits = number.to_bits();
        let (exponent, fraction) = ((bits >> 52 & 0x7ff) as i64, bits & ((1 << 52) - 1));
        let (magnitude, position) =
            if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) };
        Term { is_negative: number.is_sign_negative(), magnitude: u128::from(magnitude), position }
    }

    /// The square of a finite number.
    #[inline]
    pub(crate) fn square(number: f64) -> Self {
        let Term { magnitude, position, .. } = Term::new(number);
        // In halves of at most 27 bits, since a component has no instruction for a product of 106.
        let (upper, lower) = (magnitude as u64 >> 27, magnitude as u64 & ((1 << 27) - 1));
        let (ends, middle) = ((u128::from(upper * upper) << 54) | u128::from(lower * lower), upper * lower);
        Term { is_negative: false, magnitude: ends + (u128::from(middle) << 28), position: position * 2 }
    }

    /// The product of two finite numbers, rounded to 53 bits as a float64 would be that has no end.
    pub(crate) fn product(left: f64, right: f64) -> Self {
        let (left, right) = (Term::new(left), Term::new(right));
        let (magnitude, position) = (left.magnitude * right.magnitude, left.position + right.position);
        let cut = (128 - magnitude.leading_zeros()).saturating_sub(53);
        let (kept, rest) = (magnitude >> cut, magnitude & ((1 << cut) - 1));
        let half = 1 << cut >> 1;
        let is_up = cut > 0 && (rest > half || rest == half && kept & 1 == 1);
        let is_negative = left.is_negative != right.is_negative;
        Term { is_negative, magnitude: kept + u128::from(is_up), position: position + i64::from(cut) }
    }
}
