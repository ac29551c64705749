//! Functions of numbers. Those that fail give none.

/// The sign: -1, 0 or 1; 0 of NaN.
#[inline]
pub fn sign(a: f64) -> i64 {
    i64::from(a > 0.0) - i64::from(a < 0.0)
}

/// As DuckDB: scaled by a power of ten, rounded, scaled back; the number itself where that is beyond float64.
#[inline]
pub fn round_to(number: f64, places: i64) -> f64 {
    if !number.is_finite() {
        return number;
    }
    let power = libm::pow(10.0, places.unsigned_abs().min(400) as f64);
    if places < 0 {
        let rounded = libm::round(number / power) * power;
        return if rounded.is_finite() { rounded } else { 0.0 };
    }
    let rounded = libm::round(number * power) / power;
    if rounded.is_finite() { rounded } else { number }
}

macro_rules! of_libm {
    ($($(#[$doc:meta])* $name:ident = $libm:ident;)*) => {$(
        $(#[$doc])*
        #[inline]
        pub fn $name(a: f64) -> f64 {
            libm::$libm(a)
        }
    )*};
}

of_libm! {
    /// The greatest whole number that is not greater.
    floor = floor;
    /// The least whole number that is not less.
    ceil = ceil;
    /// Towards zero.
    trunc = trunc;
    /// To the nearest whole number, halves away from zero.
    round = round;
    /// The cube root.
    cbrt = cbrt;
    /// e to this power.
    exp = exp;
    /// The natural logarithm: minus infinity of 0, NaN below.
    ln = log;
    /// The logarithm to base 2.
    log2 = log2;
    /// The logarithm to base 10.
    log10 = log10;
    /// The sine.
    sin = sin;
    /// The cosine.
    cos = cos;
    /// The tangent.
    tan = tan;
    /// The arc sine, NaN beyond -1 and 1.
    asin = asin;
    /// The arc cosine, NaN beyond -1 and 1.
    acos = acos;
    /// The arc tangent.
    atan = atan;
}

/// The remainder, with the sign of the dividend.
#[inline]
pub fn float_remainder(a: f64, b: f64) -> f64 {
    libm::fmod(a, b)
}

/// A number to a power.
#[inline]
pub fn power(a: f64, b: f64) -> f64 {
    libm::pow(a, b)
}

/// The angle of a point, of its second coordinate and its first.
#[inline]
pub fn atan2(a: f64, b: f64) -> f64 {
    libm::atan2(a, b)
}

/// The quotient, rounded towards zero.
#[inline]
pub fn integer_divide(a: i64, b: i64) -> Option<i64> {
    a.checked_div(b)
}

/// The remainder, with the sign of the dividend. DuckDB calls that of the least integer by -1 an overflow, too.
#[inline]
pub fn remainder(a: i64, b: i64) -> Option<i64> {
    a.checked_rem(b)
}
