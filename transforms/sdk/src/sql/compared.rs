//! Comparisons.

use std::cmp::Ordering;

use crate::time::Time;

/// The order of numbers: -0.0 is 0.0, NaN equals itself and is the greatest.
#[inline(always)]
pub fn float_order(a: f64, b: f64) -> Ordering {
    a.partial_cmp(&b).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// Whether numbers are equal: as [`float_order`] has it.
#[inline(always)]
pub fn float_equal(a: f64, b: f64) -> bool {
    (a == b) | (a.is_nan() & b.is_nan())
}

/// Whether a number is before another: as [`float_order`] has it.
#[inline(always)]
pub fn float_less(a: f64, b: f64) -> bool {
    (a < b) | (b.is_nan() & !a.is_nan())
}

/// Whether lists have equal numbers.
pub fn lists_equal(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| float_equal(*a, *b))
}

/// A value as SQL compares it.
pub trait Compared {
    /// The order. Lists have one by their numbers, which no function uses.
    fn order(&self, other: &Self) -> Ordering;
}

macro_rules! ordered {
    ($($value:ty),*) => {$(
        impl Compared for $value {
            #[inline]
            fn order(&self, other: &Self) -> Ordering {
                self.cmp(other)
            }
        }
    )*};
}

ordered!(bool, i64, str, String, Time);

impl Compared for f64 {
    #[inline]
    fn order(&self, other: &Self) -> Ordering {
        float_order(*self, *other)
    }
}

impl Compared for [f64] {
    fn order(&self, other: &Self) -> Ordering {
        let mut pairs = self.iter().zip(other).map(|(a, b)| float_order(*a, *b));
        pairs.find(|order| order.is_ne()).unwrap_or_else(|| self.len().cmp(&other.len()))
    }
}

impl Compared for Vec<f64> {
    fn order(&self, other: &Self) -> Ordering {
        self.as_slice().order(other.as_slice())
    }
}

impl<T: Compared + ?Sized> Compared for &T {
    #[inline]
    fn order(&self, other: &Self) -> Ordering {
        (**self).order(&**other)
    }
}

/// `=`
#[inline]
pub fn equal<T: Compared>(a: T, b: T) -> bool {
    a.order(&b).is_eq()
}

/// `<`
#[inline]
pub fn less<T: Compared>(a: T, b: T) -> bool {
    a.order(&b).is_lt()
}

/// `<=`
#[inline]
pub fn less_or_equal<T: Compared>(a: T, b: T) -> bool {
    a.order(&b).is_le()
}

/// `>`
#[inline]
pub fn greater<T: Compared>(a: T, b: T) -> bool {
    a.order(&b).is_gt()
}

/// `>=`
#[inline]
pub fn greater_or_equal<T: Compared>(a: T, b: T) -> bool {
    a.order(&b).is_ge()
}

/// `IS NOT DISTINCT FROM`: equal, or both null.
pub fn is_not_distinct<T: Compared>(a: Option<T>, b: Option<T>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => equal(a, b),
        (a, b) => a.is_none() && b.is_none(),
    }
}

/// `NULLIF`: the first, null where it equals the second.
pub fn null_if<T: Compared>(a: Option<T>, b: Option<T>) -> Option<T> {
    a.filter(|a| !b.is_some_and(|b| a.order(&b).is_eq()))
}

/// `LEAST`: the least of those that are not null; of equal ones the first.
pub fn least<T: Compared>(values: impl IntoIterator<Item = Option<T>>) -> Option<T> {
    values.into_iter().flatten().reduce(|best, value| if value.order(&best).is_lt() { value } else { best })
}

/// `GREATEST`: the greatest of those that are not null; of equal ones the first.
pub fn greatest<T: Compared>(values: impl IntoIterator<Item = Option<T>>) -> Option<T> {
    values.into_iter().flatten().reduce(|best, value| if value.order(&best).is_gt() { value } else { best })
}

/// [`least`] of values that are never null.
pub fn least_of<T: Compared>(first: T, others: impl IntoIterator<Item = T>) -> T {
    others.into_iter().fold(first, |best, value| if value.order(&best).is_lt() { value } else { best })
}

/// [`greatest`] of values that are never null.
pub fn greatest_of<T: Compared>(first: T, others: impl IntoIterator<Item = T>) -> T {
    others.into_iter().fold(first, |best, value| if value.order(&best).is_gt() { value } else { best })
}
