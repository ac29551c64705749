//! The variance of exact sums.

use super::{Exact, natural};

/// The sum of squared distances from the mean of `count` numbers, divided by `divisor`, rounded once to the nearest float64:
/// (count x sum of squares - (sum)^2) / (count x divisor), in integers. `count` and `divisor` are not zero.
pub(crate) fn variance(count: u64, sum: &Exact, squares: &Exact, divisor: u64) -> f64 {
    let Quotient { number, position, more } = quotient(count, sum, squares, divisor);
    natural::round(&number, position, more)
}

/// The square root of that, within one unit in the last place: also where the variance itself is beyond the largest float64, or
/// below the smallest.
pub(crate) fn std_dev(count: u64, sum: &Exact, squares: &Exact, divisor: u64) -> f64 {
    let Quotient { number, position, more } = quotient(count, sum, squares, divisor);
    let Some(highest) = natural::highest_bit(&number) else { return 0.0 };
    // Taken from 1 to 4 by an even power of two, which the root halves.
    let half = (position + highest).div_euclid(2);
    // From -1075 to 1024: squares are of float64 numbers.
    libm::scalbn(natural::round(&number, position - half * 2, more).sqrt(), half as i32)
}

/// `number` x 2^`position`; with `more`, and less than 2^`position`. It is zero, or has more than 64 bits.
struct Quotient {
    number: Vec<u64>,
    position: i64,
    more: bool,
}

fn quotient(count: u64, sum: &Exact, squares: &Exact, divisor: u64) -> Quotient {
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
        return Quotient { number: Vec::new(), position: 0, more: false };
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
    Quotient { number, position: low * 64, more: first || second }
}
