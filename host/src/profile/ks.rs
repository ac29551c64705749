//! The two-sample Kolmogorov-Smirnov test, exact.
//!
//! Under the hypothesis that both samples are of one continuous distribution, every order of the merged samples is as likely, and an
//! order is a path of steps from (0, 0) to (m, n). D is the largest distance of the path from the diagonal, and p the share of paths
//! that go as far. For equal sizes it is a sum of binomials by the principle of reflection (Gnedenko and Korolyuk 1951); otherwise it
//! is computed row by row (Hodges 1958, "The significance probability of the Smirnov two-sample test"). Values are those of
//! `scipy.stats.ks_2samp(method="exact")`. Where values are tied, p is larger than the true one: the test is on the safe side.

use serde::{Deserialize, Serialize};

/// Where the limit distribution gives less, that is taken for p: nothing depends on it any more, and to count would take long.
const P_COUNTED: f64 = 1e-12;

/// What the test says of two samples.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct KsTest {
    /// The largest distance of the two empirical distribution functions.
    pub d: f64,
    /// The probability of such a distance, or a larger one, where both are of one continuous distribution. Below 1e-12 it is that of the
    /// limit distribution.
    pub p: f64,
    /// Values of the reference.
    pub reference: u64,
    /// Values observed.
    pub observed: u64,
}

/// The test of two samples, both sorted; `None` where one of them is empty. Takes time as the product of the sizes and D, at most 10,000
/// values each.
pub fn ks_two_samples(reference: &[f64], observed: &[f64]) -> Option<KsTest> {
    Distance::of(reference, observed).map(Distance::test)
}

/// How far two samples are apart; how likely that is takes longer.
#[derive(Clone, Copy)]
pub(super) struct Distance {
    sizes: (u64, u64),
    divisor: u64,
    /// In units of 1 / lcm of the sizes: whole numbers, so that nothing is rounded.
    units: u64,
    pub(super) d: f64,
}

impl Distance {
    pub(super) fn of(reference: &[f64], observed: &[f64]) -> Option<Self> {
        let (m, n) = (reference.len() as u64, observed.len() as u64);
        if m == 0 || n == 0 {
            return None;
        }
        let divisor = gcd(m, n);
        let (of_reference, of_observed) = ((n / divisor) as i64, (m / divisor) as i64);
        let (mut i, mut j, mut units) = (0, 0, 0);
        while i < reference.len() && j < observed.len() {
            let value = reference[i].min(observed[j]);
            i += reference[i..].iter().take_while(|one| **one <= value).count();
            j += observed[j..].iter().take_while(|one| **one <= value).count();
            units = units.max((i as i64 * of_reference - j as i64 * of_observed).unsigned_abs());
        }
        Some(Self { sizes: (m, n), divisor, units, d: units as f64 / (m / divisor * n) as f64 })
    }

    pub(super) fn test(self) -> KsTest {
        let (reference, observed) = self.sizes;
        KsTest { d: self.d, p: probability(reference, observed, self.divisor, self.units, self.d), reference, observed }
    }
}

pub(super) fn probability(m: u64, n: u64, divisor: u64, distance: u64, d: f64) -> f64 {
    if distance == 0 {
        return 1.0;
    }
    // Twice the first term of the limit distribution, which is above all others together.
    let effective = m as f64 * n as f64 / (m + n) as f64;
    let limit = 2.0 * (-2.0 * effective * d * d).exp();
    if limit < P_COUNTED {
        return limit;
    }
    let p = if m == n { of_equal_sizes(n, distance) } else { of_any_sizes(m.max(n), m.min(n), divisor, distance) };
    p.clamp(0.0, 1.0)
}

/// The share of the paths to (n, n) that touch one of the lines at `distance` from the diagonal:
/// `2 * (C(2n, n - h) - C(2n, n - 2h) + ...) / C(2n, n)`, factored so that no term is large.
fn of_equal_sizes(n: u64, distance: u64) -> f64 {
    let (n, h) = (n as f64, distance as f64);
    let mut p = 0.0;
    for k in (0..=(n / h) as u64).rev().map(|k| k as f64) {
        let mut term = 1.0;
        for j in (0..distance).map(|j| j as f64) {
            term *= (n - k * h - j) / (n + k * h + j + 1.0);
        }
        p = term * (1.0 - p);
    }
    2.0 * p
}

/// The same to (m, n), of which m is the larger: column by column, the share of the paths to each point that have gone out.
fn of_any_sizes(m: u64, n: u64, divisor: u64, distance: u64) -> f64 {
    let (m, n, h) = (m as i64, n as i64, distance as i64);
    let (across, up) = (m / divisor as i64, n / divisor as i64);
    // Points strictly within the lines have `first <= j < end`; those beyond have gone out for sure.
    let end_of = |i: i64| ceiling(up * i + h, across).min(n + 1);
    let (mut first, mut end) = (0, end_of(0));
    let mut inside = vec![0.0_f64; (n + 1) as usize];
    for i in 1..=m {
        let (before, before_end) = (first, end);
        first = ((up * i - h).div_euclid(across) + 1).clamp(0, n);
        end = end_of(i);
        if end <= first {
            return 1.0;
        }
        let mut below = if first == 0 { 0.0 } else { 1.0 };
        for j in first..end {
            let left = if j >= before && j < before_end { inside[j as usize] } else { 1.0 };
            below = (left * i as f64 + below * j as f64) / (i + j) as f64;
            inside[j as usize] = below;
        }
    }
    inside[n as usize]
}

fn ceiling(above: i64, below: i64) -> i64 {
    -(-above).div_euclid(below)
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
