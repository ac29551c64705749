//! Sums without rounding: mean and variance do not depend on the order of the values.
//!
//! A float64 is a whole number of at most 53 bits times a power of two. Those of one exponent are added as whole numbers, and so are
//! their squares, of at most 106 bits; one ratio of whole numbers at the end is rounded once.

use num_bigint::{BigInt, BigUint, Sign};

use super::round::ratio;

/// How many exponents lie side by side in memory.
const CHUNK: usize = 64;

/// Exponents of finite float64s: 1 to 2046; subnormal numbers have the first.
const EXPONENTS: usize = 2_048;

/// Sum and sum of squares of whole numbers.
#[derive(Clone, Copy, Default)]
struct Sums {
    sum: i128,
    squares: u128,
    /// How often the squares went over 2^128.
    carries: u64,
}

impl Sums {
    #[inline]
    fn add(&mut self, value: i64) {
        let size = u128::from(value.unsigned_abs());
        self.sum += i128::from(value);
        let (squares, has_carry) = self.squares.overflowing_add(size * size);
        (self.squares, self.carries) = (squares, self.carries + u64::from(has_carry));
    }

    fn squares(&self) -> BigUint {
        (BigUint::from(self.carries) << 128_u32) + BigUint::from(self.squares)
    }
}

/// Exact sum and sum of squares of numbers, from which come mean and variance. Of float64s, only finite ones may be added.
#[derive(Clone, Default)]
pub struct Moments {
    count: u64,
    whole: Sums,
    /// By exponent, in chunks that are made when they are needed.
    floats: Vec<Option<Box<[Sums; CHUNK]>>>,
}

impl Moments {
    /// Adds a whole number.
    #[inline]
    pub fn add_whole(&mut self, value: i64) {
        self.count += 1;
        self.whole.add(value);
    }

    /// Adds a finite number.
    #[inline]
    pub fn add(&mut self, value: f64) {
        self.count += 1;
        let bits = value.to_bits();
        let (exponent, fraction) = ((bits >> 52) as usize & 0x7ff, (bits & ((1 << 52) - 1)) as i64);
        debug_assert!(exponent < 0x7ff, "only finite numbers are added");
        let size = if exponent == 0 { fraction } else { fraction | (1 << 52) };
        let exponent = exponent.max(1);
        if self.floats.is_empty() {
            self.floats.resize_with(EXPONENTS / CHUNK, || None);
        }
        let chunk = self.floats[exponent / CHUNK].get_or_insert_with(|| Box::new([Sums::default(); CHUNK]));
        chunk[exponent % CHUNK].add(if bits >> 63 == 0 { size } else { -size });
    }

    /// How many numbers.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The mean, correctly rounded; `None` of no numbers.
    pub fn mean(&self) -> Option<f64> {
        let (sum, _, exponent) = self.sums();
        (self.count > 0).then(|| signed(sum.sign(), ratio(sum.magnitude(), &BigUint::from(self.count), exponent)))
    }

    /// The sample variance (divided by the count less one), correctly rounded; `None` of fewer than two numbers, and where it is larger
    /// than any float64.
    pub fn variance(&self) -> Option<f64> {
        if self.count < 2 {
            return None;
        }
        let (sum, squares, exponent) = self.sums();
        let count = BigUint::from(self.count);
        // n * sum of squares - (sum)^2, which is never negative, over n * (n - 1).
        let above = &count * squares - sum.magnitude() * sum.magnitude();
        Some(ratio(&above, &(&count * (self.count - 1)), 2 * exponent)).filter(|variance| variance.is_finite())
    }

    /// Sum and sum of squares as whole numbers, times two to an exponent and to twice that exponent.
    fn sums(&self) -> (BigInt, BigUint, i64) {
        if self.floats.is_empty() {
            return (BigInt::from(self.whole.sum), self.whole.squares(), 0);
        }
        // A number of exponent e is its whole number times 2^(e - 1075); in units of 2^-1074 a whole number has to be shifted by 1074.
        let mut sum = BigInt::from(self.whole.sum) << 1_074_u32;
        let mut squares = self.whole.squares() << 2_148_u32;
        for (at, chunk) in self.floats.iter().enumerate() {
            for (within, sums) in chunk.iter().flat_map(|chunk| chunk.iter().enumerate()) {
                if sums.squares > 0 || sums.carries > 0 {
                    let shift = (at * CHUNK + within) as u64 - 1;
                    sum += BigInt::from(sums.sum) << shift;
                    squares += sums.squares() << (2 * shift);
                }
            }
        }
        (sum, squares, -1_074)
    }
}

fn signed(sign: Sign, size: f64) -> f64 {
    if sign == Sign::Minus { -size } else { size }
}

#[cfg(test)]
mod tests {
    use super::super::scrambled;
    use super::*;

    fn of(values: &[f64]) -> Moments {
        let mut moments = Moments::default();
        values.iter().for_each(|value| moments.add(*value));
        moments
    }

    /// `statistics.mean` and `statistics.variance` of Python compute in fractions and round once.
    #[test]
    fn means_and_variances_are_those_of_fractions() {
        let cases: [(&[f64], f64, Option<f64>); 7] = [
            (&[0.1], 0.1, None),
            (&[0.1, 0.2, 0.3], 0.2, Some(0.009_999_999_999_999_998)),
            (&[1e16, 1.0, -1e16], 0.333_333_333_333_333_3, Some(1e32)),
            (&[1e308, 1e308, 1e308], 1e308, Some(0.0)),
            (&[-5e-324, -5e-324, 0.0], -5e-324, Some(0.0)),
            (&[1e308, -1e308], 0.0, None),
            (&[2.5, 3.25, 5.5, 11.25, 11.75], 6.85, Some(19.268_75)),
        ];
        for (values, mean, variance) in cases {
            assert_eq!((of(values).mean(), of(values).variance()), (Some(mean), variance), "{values:?}");
        }
        assert_eq!((Moments::default().mean(), Moments::default().variance()), (None, None));
    }

    #[test]
    fn whole_numbers_of_any_size_are_exact() {
        let mut moments = Moments::default();
        for _ in 0..5 {
            moments.add_whole(i64::MIN);
        }
        assert_eq!((moments.mean(), moments.variance()), (Some(i64::MIN as f64), Some(0.0)));
        moments.add_whole(i64::MAX);
        assert_eq!(moments.mean(), Some(-6_148_914_691_236_517_205.0));
    }

    #[test]
    fn the_order_decides_nothing() {
        let values: Vec<f64> = (0..1_000_u64)
            .map(|at| f64::from_bits(scrambled(at) & !(1 << 62)) * if at % 2 == 0 { 1.0 } else { 1e9 })
            .filter(|value| value.is_finite())
            .collect();
        assert!(values.len() > 900, "most of them are finite");
        let sorted = {
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            sorted
        };
        let (one, other) = (of(&values), of(&sorted));
        assert_eq!(one.mean().map(f64::to_bits), other.mean().map(f64::to_bits));
        assert_eq!(one.variance().map(f64::to_bits), other.variance().map(f64::to_bits));
    }
}
