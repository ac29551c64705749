//! Numbers made of numbers: logarithms, scaling, buckets, ratios.
//!
//! Logarithms are those of the `libm` crate, computed inside the component in basic arithmetic, so they have the same bits
//! on every machine, and in a native test as in the component. (`f64::ln` is the platform's in a native test.)
//!
//! NaN goes in and NaN comes out, unless it says otherwise.

/// ln(1 + x), for what starts at zero, such as counts and amounts: 0.0 at 0.0, minus infinity at -1.0, NaN below.
pub fn log1p(x: f64) -> f64 {
    libm::log1p(x)
}

/// The natural logarithm: minus infinity at 0.0, NaN below.
pub fn ln(x: f64) -> f64 {
    libm::log(x)
}

/// sign(x) ln(1 + |x|), for what may be negative: 0.0 at 0.0, the same steps both ways.
pub fn signed_log1p(x: f64) -> f64 {
    libm::copysign(libm::log1p(x.abs()), x)
}

/// (x - mean) / `std_dev`: how many standard deviations a number is from a given mean; 0.0 where the standard deviation is 0. A
/// difference beyond the largest float64 does not overflow on the way.
pub fn z_score(x: f64, mean: f64, std_dev: f64) -> f64 {
    let distance = x - mean;
    if distance.is_infinite() && x.is_finite() && mean.is_finite() {
        // Half of it is finite; so may be the quotient.
        return ratio_or(x / 2.0 - mean / 2.0, std_dev / 2.0, 0.0);
    }
    ratio_or(distance, std_dev, 0.0)
}

/// (x - min) / (max - min), so that the given range becomes 0.0 to 1.0, without clipping; 0.0 where the range is empty. Differences
/// beyond the largest float64 do not overflow on the way.
pub fn min_max(x: f64, min: f64, max: f64) -> f64 {
    let (distance, range) = (x - min, max - min);
    if (distance.is_infinite() || range.is_infinite()) && [x, min, max].iter().all(|number| number.is_finite()) {
        return ratio_or(x / 2.0 - min / 2.0, max / 2.0 - min / 2.0, 0.0);
    }
    ratio_or(distance, range, 0.0)
}

/// The number, or the end of `min` to `max` that it is beyond. Where `min` is greater than `max`, it is `max`.
pub fn clip(x: f64, min: f64, max: f64) -> f64 {
    let raised = if x < min { min } else { x };
    if raised > max { max } else { raised }
}

/// The number of the bucket that a number falls into: how many of the ascending `edges` are not greater than it. So `edges`
/// of [10.0, 20.0] make the buckets 0 (below 10), 1 (from 10 to below 20) and 2 (from 20 on). None for NaN.
pub fn bucket(x: f64, edges: &[f64]) -> Option<i64> {
    (!x.is_nan()).then(|| edges.partition_point(|&edge| edge <= x) as i64)
}

/// a / b; none where b is 0.
pub fn ratio(a: f64, b: f64) -> Option<f64> {
    (b != 0.0).then(|| a / b)
}

/// a / b; `zero` where b is 0, whatever a is.
pub fn ratio_or(a: f64, b: f64, zero: f64) -> f64 {
    if b == 0.0 { zero } else { a / b }
}

/// Each product of a number of `a` with one of `b`: first that of `a[0]` with each of `b`, and so on. So two one-hot lists
/// become the one-hot list of their pairs.
pub fn interactions(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().flat_map(|&left| b.iter().map(move |&right| left * right)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithms() {
        assert_eq!((log1p(0.0), ln(1.0), signed_log1p(0.0)), (0.0, 0.0, 0.0));
        assert_eq!(log1p(1.0).to_bits(), 0x3fe6_2e42_fefa_39ef);
        assert_eq!(signed_log1p(-1.0), -log1p(1.0));
        assert_eq!((ln(0.0), log1p(-1.0)), (f64::NEG_INFINITY, f64::NEG_INFINITY));
        assert_eq!(signed_log1p(f64::NEG_INFINITY), f64::NEG_INFINITY);
        assert!(ln(-1.0).is_nan() && log1p(-1.5).is_nan() && signed_log1p(f64::NAN).is_nan());
    }

    #[test]
    fn scales() {
        assert_eq!((z_score(7.0, 3.0, 2.0), z_score(7.0, 3.0, 0.0)), (2.0, 0.0));
        assert_eq!((min_max(3.0, 1.0, 5.0), min_max(9.0, 1.0, 5.0), min_max(9.0, 1.0, 1.0)), (0.5, 2.0, 0.0));
        let (min, max) = (f64::MIN, f64::MAX);
        assert_eq!((min_max(max, min, max), min_max(0.0, min, max), z_score(max, min, max)), (1.0, 0.5, 2.0));
        assert_eq!(
            (clip(0.5, 1.0, 2.0), clip(1.5, 1.0, 2.0), clip(9.0, 1.0, 2.0), clip(1.0, 3.0, 2.0)),
            (1.0, 1.5, 2.0, 2.0)
        );
        assert!(clip(f64::NAN, 1.0, 2.0).is_nan() && z_score(f64::NAN, 0.0, 1.0).is_nan());
    }

    #[test]
    fn buckets_start_at_their_edge() {
        let of = |x| bucket(x, &[10.0, 20.0]);
        assert_eq!((of(9.9), of(10.0), of(19.9), of(20.0)), (Some(0), Some(1), Some(1), Some(2)));
        assert_eq!((of(f64::NEG_INFINITY), of(f64::INFINITY), of(f64::NAN)), (Some(0), Some(2), None));
        assert_eq!(bucket(1.0, &[]), Some(0));
    }

    #[test]
    fn ratios_of_zero_say_so() {
        assert_eq!((ratio(1.0, 2.0), ratio(1.0, 0.0), ratio(0.0, -0.0)), (Some(0.5), None, None));
        assert_eq!((ratio_or(1.0, 2.0, 9.0), ratio_or(1.0, 0.0, 9.0)), (0.5, 9.0));
    }

    #[test]
    fn interactions_are_all_pairs() {
        assert_eq!(interactions(&[2.0, 3.0], &[5.0, 7.0, 11.0]), [10.0, 14.0, 22.0, 15.0, 21.0, 33.0]);
        assert_eq!(interactions(&[], &[1.0]), [0.0; 0]);
    }
}
