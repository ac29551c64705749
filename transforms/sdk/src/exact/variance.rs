//! The variance of exact sums.

use super::{Exact, natural};

/// The sum of squared distances from the mean of `count` numbers, divided by `divisor`, rounded once to the nearest float64:
/// (count x sum of squares - (sum)^2) / (count x divisor), in integers. `count` and `divisor` are not zero.
pub(crate) fn variance(count: u64, sum: &Exact, squares: &Exact, divisor: u64) -> f64 {
    let trimmed = |exact: &Exact| {
        let (_, mut limbs) = exact.magnitude();
        let below = limbs.iter().position(|&limb| limb != 0).unwrap_or(limbs.len());
        limbs.drain(..below);
        let above = limbs.iter().rposition(|&limb| limb != 0).map_or(0, |top| top + 1);
        limbs.truncate(above);
        (limbs, exact.low + below as i64)
    };
    let (sum, sum_low) = trimmed(sum);
    let (squares, squares_low) = trimmed(squares);
    if squares.is_empty() {
        return 0.0;
    }
    let (less, less_low) = (natural::product(&sum, &sum), sum_low * 2);
    let all = natural::product(&squares, &[count]);
    // By Cauchy and Schwarz the difference is not negative. Three limbs more below leave a quotient of more than 64 bits.
    let low = if less.is_empty() { squares_low } else { squares_low.min(less_low) } - 3;
    let mut number = vec![0; (squares_low - low) as usize];
    number.extend(all);
    if !less.is_empty() {
        let at = (less_low - low) as usize;
        number.resize(number.len().max(at + less.len()), 0);
        natural::subtract(&mut number, &less, at);
    }
    let first = natural::divide(&mut number, count);
    let second = natural::divide(&mut number, divisor);
    natural::round(&number, low * 64, first || second)
}
