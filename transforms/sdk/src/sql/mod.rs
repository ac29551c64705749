//! The functions of declared views, for one row: what a transform that was ejected (`onepath eject`) computes with.
//!
//! They are those that the component of declared views runs over columns, so that both give the same bits. A null is `None`; a
//! function that has no value for its arguments gives an `Err`, whose words reach the one who asked where `update` or `read` returns
//! it. What Rust has itself is not here: `a + b` of float64, `==` of texts, `if` for `CASE`.
//!
//! ```
//! use onepath_sdk::sql;
//!
//! assert_eq!(sql::lower("ÄPFEL"), Ok("äpfel".to_owned()));
//! assert_eq!(sql::null_if(Some(0.0), Some(-0.0)), None);
//! assert_eq!(sql::and([None, Some(false)]), Some(false));
//! assert_eq!(sql::add(i64::MAX, 1), Err("integer overflow in 9223372036854775807 + 1".to_owned()));
//! // NaN equals itself and is the greatest number.
//! assert!(sql::greater(f64::NAN, f64::INFINITY) && sql::equal(f64::NAN, f64::NAN));
//! ```

mod compared;
mod convert;
mod keep;
mod like;
mod list;
mod logic;
mod number;
mod parse_time;
mod rows;
mod text;
mod time;

pub use compared::{
    Compared, equal, greater, greater_or_equal, greatest, greatest_of, is_not_distinct, least, least_of, less,
    less_or_equal, null_if,
};
pub use convert::text_of_float;
pub use keep::{TextView, TextWindow, sum, tally};
pub use like::{like, like_ignoring_case};
pub use list::{element, list_length};
pub use logic::{and, is_in, not, or, try_and, try_is_in, try_or};
pub use number::{
    acos, asin, atan, atan2, cbrt, ceil, cos, exp, float_remainder, floor, ln, log2, log10, power, round, round_to,
    sign, sin, tan, trunc,
};
pub use rows::*;
pub use text::position;
pub use time::{TimePart, text_of_time};

/// What computes by column: functions that give none where they have no value.
#[doc(hidden)]
pub mod columns {
    pub use super::compared::{float_equal, float_less, float_order, lists_equal};
    pub use super::convert::*;
    pub use super::like::{Pattern, lowered};
    pub use super::list::*;
    pub use super::number::*;
    pub use super::parse_time::parse_time;
    pub use super::text::*;
    pub use super::time::*;
}

#[cfg(test)]
mod tests;
