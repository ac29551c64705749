//! Embeddings: lists of float64 and how alike they are.
//!
//! Products are rounded once each, to 53 bits, and added up exactly, so no answer depends on the order of the dimensions. Nothing
//! overflows or vanishes on the way: only an answer that is itself beyond the largest float64 is infinite. Two lists of different
//! lengths have no dot product and no cosine: the answer is none.
//!
//! The products of an infinity or a NaN are what float64 makes of them, and their sum is what [`sum`](crate::window::sum) says.

use crate::aggregate::Sum;
use crate::window::Total;

/// The dot product; 0.0 for empty lists; none where the lengths differ.
pub fn dot(a: &[f64], b: &[f64]) -> Option<f64> {
    (a.len() == b.len()).then(|| scaled_dot(a, b).value())
}

/// The Euclidean norm: the root of the sum of squares, within two units in the last place; 0.0 for an empty list.
pub fn norm(a: &[f64]) -> f64 {
    scaled_norm(a).value()
}

/// The cosine of the angle between two lists, from -1.0 to 1.0, within 2^-50 of the true one; none where the lengths differ or a list
/// has the norm 0.
pub fn cosine(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.len() != b.len() {
        return None;
    }
    let (dot, left, right) = (scaled_dot(a, b), scaled_norm(a), scaled_norm(b));
    let norms = left.fraction * right.fraction;
    let cosine = Scaled { fraction: dot.fraction / norms, exponent: dot.exponent - left.exponent - right.exponent };
    (norms != 0.0).then(|| crate::numeric::clip(cosine.value(), -1.0, 1.0))
}

/// The list scaled to the norm 1; as it is where its norm is 0.
pub fn normalized(a: &[f64]) -> Vec<f64> {
    let Scaled { fraction, exponent } = scaled_norm(a);
    if fraction == 0.0 {
        return a.to_vec();
    }
    // Each is scaled up before it is divided, so that small numbers lose no bits, and scaled down after.
    let (up, down) = (exponent.min(0), exponent.max(0));
    let of = |&number: &f64| power(power(number, -up) / fraction, -down);
    a.iter().map(of).collect()
}

/// The Euclidean distance; 0.0 for empty lists; none where the lengths differ.
pub fn distance(a: &[f64], b: &[f64]) -> Option<f64> {
    // A difference beyond the largest float64 belongs to a distance that is so, too.
    let differences = || a.iter().zip(b).map(|(left, right)| left - right).collect::<Vec<_>>();
    (a.len() == b.len()).then(|| norm(&differences()))
}

/// `number` x 2^`exponent`, rounded where it is subnormal.
fn power(number: f64, exponent: i64) -> f64 {
    if exponent == 0 { number } else { libm::scalbn(number, exponent as i32) }
}

/// `fraction` x 2^`exponent`: a number that may be larger or smaller than float64 numbers are. The exponent is 0 where it need not be
/// another.
#[derive(Clone, Copy, Debug)]
struct Scaled {
    fraction: f64,
    exponent: i64,
}

impl Scaled {
    fn value(self) -> f64 {
        power(self.fraction, self.exponent)
    }
}

/// The dot product of lists of one length.
#[inline]
fn scaled_dot(a: &[f64], b: &[f64]) -> Scaled {
    match ordinary_dot(a, b) {
        Some(fraction) => Scaled { fraction, exponent: 0 },
        None => wide_dot(a, b),
    }
}

/// The dot product, if no product overflows or vanishes, nor their sum.
#[inline]
fn ordinary_dot(a: &[f64], b: &[f64]) -> Option<f64> {
    let mut has_zero = false;
    let product = |(left, right): (&f64, &f64)| {
        let product = left * right;
        has_zero |= product == 0.0;
        product
    };
    let total = Total::of(&a.iter().zip(b).map(product).collect::<Vec<_>>());
    // What is added up as units is normal, or zero. The sum is not too small: it is a multiple of the smallest float64.
    let is_known = matches!(total, Total::Units { .. }) && !has_zero;
    let sum = total.sum();
    (!sum.is_infinite() && (is_known || are_ordinary(a, b))).then_some(sum)
}

/// Whether each product has all its bits, or is zero because a number is.
#[cold]
fn are_ordinary(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(&left, &right)| {
        let is_normal = (f64::MIN_POSITIVE..=f64::MAX).contains(&(left * right).abs());
        is_normal || left == 0.0 || right == 0.0
    })
}

#[cold]
fn wide_dot(a: &[f64], b: &[f64]) -> Scaled {
    let mut sum = Sum::default();
    a.iter().zip(b).for_each(|(&left, &right)| sum.put_product(left, right));
    let Some(exact) = sum.exact() else { return Scaled { fraction: sum.sum(), exponent: 0 } };
    let exponent = exact.exponent().unwrap_or(0);
    Scaled { fraction: exact.round_scaled(-exponent), exponent }
}

#[inline]
fn scaled_norm(a: &[f64]) -> Scaled {
    let Scaled { fraction, exponent } = scaled_dot(a, a);
    // The root halves an even exponent.
    let half = exponent.div_euclid(2);
    Scaled { fraction: power(fraction, exponent - half * 2).sqrt(), exponent: half }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_products() {
        assert_eq!((dot(&[1.0, 2.0], &[3.0, 4.0]), norm(&[3.0, 4.0])), (Some(11.0), 5.0));
        assert_eq!((cosine(&[1.0, 0.0], &[0.0, 2.0]), cosine(&[3.0, 4.0], &[-6.0, -8.0])), (Some(0.0), Some(-1.0)));
        assert_eq!((normalized(&[3.0, 4.0]), distance(&[1.0, 1.0], &[4.0, 5.0])), (vec![0.6, 0.8], Some(5.0)));
        // What cancels is not lost.
        assert_eq!(dot(&[1e20, 1.0, -1e20], &[1.0, 1.0, 1.0]), Some(1.0));
    }

    #[test]
    fn nothing_overflows_or_vanishes_on_the_way() {
        for scale in [1e159, 1e-200, 1e-320, 1e307] {
            let (a, b) = ([3.0 * scale, 4.0 * scale], [-4.0 * scale, 3.0 * scale]);
            assert!((norm(&a) / (5.0 * scale) - 1.0).abs() < 1e-3, "{scale}");
            assert_eq!(
                (cosine(&a, &a).map(|cosine| cosine >= 1.0 - 1e-15), cosine(&a, &b)),
                (Some(true), Some(0.0)),
                "{scale}"
            );
            assert!(normalized(&a).iter().zip([0.6, 0.8]).all(|(found, expected)| (found - expected).abs() < 1e-3));
        }
        assert_eq!(
            (norm(&[f64::MAX]), norm(&[5e-324]), norm(&[f64::MAX, f64::MAX])),
            (f64::MAX, 5e-324, f64::INFINITY)
        );
        assert_eq!((dot(&[1e200, 1e200], &[1e200, -1e200]), dot(&[1e200], &[1e-200])), (Some(0.0), Some(1.0)));
        assert_eq!(dot(&[1e200, 2.0, 1e200], &[1e200, 3.0, -1e200]), Some(6.0));
        assert_eq!(
            (distance(&[1e200], &[-1e200]), distance(&[f64::MAX], &[f64::MIN])),
            (Some(2e200), Some(f64::INFINITY))
        );
        assert_eq!(cosine(&[1e200, 0.0], &[1e-200, 0.0]), Some(1.0));
        let half = normalized(&[f64::MAX, 0.0, f64::MAX]);
        assert!((half[0] - 0.5_f64.sqrt()).abs() < 1e-15 && half[1] == 0.0 && half[2] == half[0], "{half:?}");
    }

    #[test]
    fn what_is_not_finite_stays_so() {
        assert_eq!(dot(&[f64::INFINITY, 1e200], &[1.0, -1e200]), Some(f64::INFINITY));
        assert_eq!(
            (norm(&[f64::NEG_INFINITY, 1.0]), distance(&[f64::INFINITY], &[0.0])),
            (f64::INFINITY, Some(f64::INFINITY))
        );
        assert!(dot(&[f64::INFINITY], &[0.0]).is_some_and(f64::is_nan));
        assert!(cosine(&[f64::NAN], &[1.0]).is_some_and(f64::is_nan));
    }

    #[test]
    fn what_has_no_answer() {
        assert_eq!((dot(&[1.0], &[]), cosine(&[1.0], &[1.0, 2.0]), distance(&[], &[1.0])), (None, None, None));
        assert_eq!((cosine(&[0.0], &[1.0]), cosine(&[], &[])), (None, None));
        assert_eq!((dot(&[], &[]), norm(&[]), normalized(&[0.0])), (Some(0.0), 0.0, vec![0.0]));
    }
}
