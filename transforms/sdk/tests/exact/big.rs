//! Fractions of integers of any size: what the true answers are, and how far from them a float64 is.

use std::cmp::Ordering;
use std::sync::OnceLock;

use num_bigint::{BigInt, Sign};

/// A fraction. The denominator is positive.
#[derive(Clone, Debug)]
pub struct Big {
    numerator: BigInt,
    denominator: BigInt,
}

/// Bits after the point of a power that is not whole.
const POWER_BITS: u32 = 400;

impl Big {
    pub fn zero() -> Self {
        Big::whole(0)
    }

    pub fn whole(number: i64) -> Self {
        Big { numerator: number.into(), denominator: 1.into() }
    }

    /// A finite number.
    pub fn of(number: f64) -> Self {
        let (bits, fraction) = (number.to_bits(), number.to_bits() & ((1 << 52) - 1));
        let exponent = bits >> 52 & 0x7ff;
        let magnitude =
            if exponent == 0 { BigInt::from(fraction) } else { BigInt::from(fraction | 1 << 52) << (exponent - 1) };
        let numerator = if number.is_sign_negative() { -magnitude } else { magnitude };
        Big { numerator, denominator: BigInt::from(1) << 1074 }
    }

    /// 2^`exponent`.
    pub fn power(exponent: i64) -> Self {
        let power = BigInt::from(1) << exponent.unsigned_abs();
        let one = BigInt::from(1);
        if exponent < 0 {
            Big { numerator: one, denominator: power }
        } else {
            Big { numerator: power, denominator: one }
        }
    }

    /// 2^(-`over` / `under`), to 400 bits, from numbers that are not negative.
    pub fn fading(over: i64, under: i64) -> Self {
        let one = BigInt::from(1) << POWER_BITS;
        static LN_2: OnceLock<BigInt> = OnceLock::new();
        // The sum of 1 / (k 2^k).
        let ln_2 =
            LN_2.get_or_init(|| (1..POWER_BITS + 9).map(|k| (BigInt::from(1) << (POWER_BITS + 8 - k)) / k).sum());
        let exponent = -(BigInt::from(over % under) * ln_2) / under;
        let (mut term, mut sum) = (one.clone(), one);
        for k in 1..120 {
            term = ((term * &exponent) >> (POWER_BITS + 8)) / k;
            sum += &term;
        }
        Big { numerator: sum, denominator: BigInt::from(1) << (u64::from(POWER_BITS) + (over / under) as u64) }
    }

    pub fn plus(&self, other: &Big) -> Self {
        if self.denominator == other.denominator {
            let numerator = &self.numerator + &other.numerator;
            return Big { numerator, denominator: self.denominator.clone() };
        }
        let numerator = &self.numerator * &other.denominator + &other.numerator * &self.denominator;
        Big { numerator, denominator: &self.denominator * &other.denominator }
    }

    pub fn minus(&self, other: &Big) -> Self {
        self.plus(&Big { numerator: -&other.numerator, denominator: other.denominator.clone() })
    }

    pub fn times(&self, other: &Big) -> Self {
        Big { numerator: &self.numerator * &other.numerator, denominator: &self.denominator * &other.denominator }
    }

    /// Divided by a positive fraction.
    pub fn over(&self, other: &Big) -> Self {
        Big { numerator: &self.numerator * &other.denominator, denominator: &self.denominator * &other.numerator }
    }

    pub fn size(&self) -> Self {
        Big { numerator: self.numerator.magnitude().clone().into(), denominator: self.denominator.clone() }
    }

    /// The square root of a fraction that is not negative, to 300 bits after the point.
    pub fn root(&self) -> Self {
        let scaled: BigInt = (&self.numerator << 600) / &self.denominator;
        Big { numerator: scaled.sqrt(), denominator: BigInt::from(1) << 300 }
    }

    pub fn is_zero(&self) -> bool {
        self.numerator.sign() == Sign::NoSign
    }

    pub fn is_negative(&self) -> bool {
        self.numerator.sign() == Sign::Minus
    }

    pub fn order(&self, other: &Big) -> Ordering {
        (&self.numerator * &other.denominator).cmp(&(&other.numerator * &self.denominator))
    }

    /// The float64 nearest to it, ties to even; an infinity beyond the largest one. Never -0.0.
    pub fn nearest(&self) -> f64 {
        if self.is_zero() {
            return 0.0;
        }
        let (over, under) = (self.numerator.magnitude(), self.denominator.magnitude());
        // The place of the last bit that there is room for: by the highest bit, which is one of two.
        let guess = over.bits() as i64 - under.bits() as i64 - 1;
        let up = |number: &num_bigint::BigUint, by: i64| if by > 0 { number << by } else { number.clone() };
        let rounded = |highest: i64| {
            let last = (highest - 52).max(-1074);
            let (over, under) = (up(over, -last), up(under, last));
            let (quotient, rest) = (&over / &under, (&over % &under) * 2_u8);
            let is_odd = quotient.bit(0);
            let is_up = rest > under || rest == under && is_odd;
            (u128::try_from(quotient + u8::from(is_up)).expect("a few more than 53 bits"), last)
        };
        // If the guess was one too low, there is a bit too many.
        let (mut mantissa, mut last) = rounded(guess);
        if mantissa > 1 << 53 {
            (mantissa, last) = rounded(guess + 1);
        }
        let magnitude = if last > 971 { f64::INFINITY } else { libm::scalbn(mantissa as f64, last as i32) };
        if self.is_negative() && magnitude != 0.0 { -magnitude } else { magnitude }
    }

    /// Whether `found` is within so many units in its own last place of it; beyond the largest float64, an infinity is so, too.
    pub fn is_within(&self, found: f64, units: i64) -> bool {
        self.is_within_halves(found, units * 2)
    }

    /// The same in half units.
    pub fn is_within_halves(&self, found: f64, halves: i64) -> bool {
        let bound = Big::whole(halves).over(&Big::whole(2));
        let largest = Big::of(f64::MAX);
        if found.is_infinite() {
            let unit = Big::power(971).times(&bound);
            return self.is_negative() == (found < 0.0) && self.size().plus(&unit).order(&largest).is_ge();
        }
        let size = found.abs();
        let unit = Big::of(size.next_up().min(f64::MAX)).minus(&Big::of(if size == f64::MAX {
            size.next_down()
        } else {
            size
        }));
        self.minus(&Big::of(found)).size().order(&unit.times(&bound)).is_le()
    }
}

pub fn sum(numbers: &[f64]) -> Big {
    numbers.iter().fold(Big::of(0.0), |sum, &number| sum.plus(&Big::of(number)))
}

pub fn dot(a: &[f64], b: &[f64]) -> Big {
    a.iter().zip(b).fold(Big::of(0.0).times(&Big::of(0.0)), |sum, (&a, &b)| sum.plus(&Big::of(a).times(&Big::of(b))))
}

/// The variance with this divisor: (count x sum of squares - (sum)^2) / (count x divisor).
pub fn variance(numbers: &[f64], divisor: i64) -> Big {
    let count = Big::whole(numbers.len() as i64);
    let sum = sum(numbers);
    let spread = count.times(&dot(numbers, numbers)).minus(&sum.times(&sum));
    spread.over(&count.times(&Big::whole(divisor)))
}
