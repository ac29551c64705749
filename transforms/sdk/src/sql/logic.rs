//! Three-valued logic.

use super::compared::{Compared, equal};

/// `AND`: false where any is false, else null where any is null.
pub fn and(values: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    let mut all = Some(true);
    for value in values {
        match value {
            Some(false) => return Some(false),
            Some(true) => {}
            None => all = None,
        }
    }
    all
}

/// `OR`: true where any is true, else null where any is null.
pub fn or(values: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    and(values.into_iter().map(not)).map(|none| !none)
}

/// `NOT`
#[inline]
pub fn not(value: Option<bool>) -> Option<bool> {
    value.map(|value| !value)
}

/// [`and`] of what may fail: false where any is false, else the first failure there is.
pub fn try_and(values: impl IntoIterator<Item = Result<Option<bool>, String>>) -> Result<Option<bool>, String> {
    let (mut all, mut failed) = (Some(true), None);
    for value in values {
        match value {
            Ok(Some(false)) => return Ok(Some(false)),
            Ok(Some(true)) => {}
            Ok(None) => all = None,
            Err(why) => failed = failed.or(Some(why)),
        }
    }
    failed.map_or(Ok(all), Err)
}

/// [`or`] of what may fail: true where any is true, else the first failure there is.
pub fn try_or(values: impl IntoIterator<Item = Result<Option<bool>, String>>) -> Result<Option<bool>, String> {
    try_and(values.into_iter().map(|value| value.map(not))).map(not)
}

/// `IN`: whether a value equals one of the others; null where it does not and one of them is null.
pub fn is_in<T: Compared>(value: Option<T>, others: impl IntoIterator<Item = Option<T>>) -> Option<bool> {
    let value = value?;
    or(others.into_iter().map(|other| other.map(|other| value.order(&other).is_eq())))
}

/// [`is_in`] of others that may fail: what follows the one that is equal does not matter, nor do others of a null.
pub fn try_is_in<T: Compared + Clone>(
    value: Option<T>,
    others: impl IntoIterator<Item = Result<Option<T>, String>>,
) -> Result<Option<bool>, String> {
    let Some(value) = value else { return Ok(None) };
    try_or(others.into_iter().map(|other| Ok(other?.map(|other| equal(value.clone(), other)))))
}
