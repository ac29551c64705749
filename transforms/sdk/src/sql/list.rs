//! Lists of float64.

/// The number at a place, counted from 1, and from the end where it is negative; none beyond.
pub fn element(list: &[f64], place: i64) -> Option<f64> {
    let place = if place < 0 { list.len() as i128 + i128::from(place) } else { i128::from(place) - 1 };
    list.get(usize::try_from(place).ok()?).copied()
}

/// How many numbers.
#[inline]
pub fn list_length(list: &[f64]) -> i64 {
    list.len() as i64
}
