//! Intervals of shares, and the tails of the distributions that tests need.

use serde::{Deserialize, Serialize};

/// An interval of shares.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// Wilson's score interval (Wilson 1927) of a share of `count` in `all`, at `z` deviations: 1.96 for 95 %. All of 0 to 1 of nothing.
pub fn wilson(count: u64, all: u64, z: f64) -> Interval {
    if all == 0 {
        return Interval { low: 0.0, high: 1.0 };
    }
    let n = all as f64;
    let share = count as f64 / n;
    let (z2, below) = (z * z / n, 1.0 + z * z / n);
    let middle = (share + z2 / 2.0) / below;
    let half = z / below * (share * (1.0 - share) / n + z2 / (4.0 * n)).sqrt();
    // The ends are met where all or none have it, which the formula gives but for rounding.
    let low = if count == 0 { 0.0 } else { (middle - half).max(0.0) };
    let high = if count == all { 1.0 } else { (middle + half).min(1.0) };
    Interval { low, high }
}

/// The z that a normal deviate exceeds with probability `tail`, which is between 1e-300 and 0.5.
pub fn normal_quantile(tail: f64) -> f64 {
    let (mut low, mut high) = (0.0, 40.0);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        // Both tails are those of the square with one degree of freedom.
        let above = chi_square_tail(middle * middle, 1) / 2.0;
        if above > tail { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// The probability that chi-square with so many degrees of freedom is `x` or more; 1 for no degree.
///
/// For whole degrees it is a finite sum (Abramowitz and Stegun 26.4.4 and 26.4.5); its normal tail is a continued fraction or a series.
pub fn chi_square_tail(x: f64, degrees: u32) -> f64 {
    if degrees == 0 || x <= 0.0 {
        return 1.0;
    }
    let half = x / 2.0;
    let (mut tail, mut term, mut next) = match degrees % 2 {
        0 => ((-half).exp(), (-half).exp(), 1.0),
        _ => {
            let root = x.sqrt();
            (2.0 * normal_tail(root), 2.0 * density(root) * root, 1.5)
        }
    };
    if degrees % 2 == 1 {
        for _ in 0..degrees / 2 {
            tail += term;
            term *= half / next;
            next += 1.0;
        }
    } else {
        for _ in 1..degrees / 2 {
            term *= half / next;
            tail += term;
            next += 1.0;
        }
    }
    tail.min(1.0)
}

fn density(z: f64) -> f64 {
    (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

/// The probability that a normal deviate is above `z`, which is not negative.
fn normal_tail(z: f64) -> f64 {
    if z < 3.0 {
        // The series of Abramowitz and Stegun 26.2.11 for the middle.
        let (mut sum, mut term, mut next) = (z, z, 3.0);
        while term > sum * 1e-18 {
            term *= z * z / next;
            sum += term;
            next += 2.0;
        }
        return 0.5 - density(z) * sum;
    }
    // Their continued fraction 26.2.14 for the tail: z + 1 / (z + 2 / (z + 3 / ...)).
    let fraction = (1..=200).rev().fold(z, |below, k| z + f64::from(k) / below);
    density(z) / fraction
}
