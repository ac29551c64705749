//! What can be kept of an event: what is given for it, and what it becomes.

use std::fmt;

use crate::state::State;

/// A value that [`First`](super::First), [`Last`](super::Last), [`LastN`](crate::last_n::LastN) and [`Lag`](crate::lag::Lag) can
/// keep: `f64`, `i64`, `bool`, `String`, or `()`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be kept here",
    note = "First, Last, LastN and Lag keep f64, i64, bool, String (given as &str), or ()"
)]
pub trait Kept: State + Clone + fmt::Debug + PartialEq {
    /// What is added: the value itself, or a text borrowed from the event.
    type Item<'a>: Copy;

    /// The value to keep.
    fn keep(item: Self::Item<'_>) -> Self;
}

macro_rules! kept {
    ($($value:ty),*) => {$(
        impl Kept for $value {
            type Item<'a> = $value;

            fn keep(item: $value) -> Self {
                item
            }
        }
    )*};
}

kept!(f64, i64, bool, ());

impl Kept for String {
    type Item<'a> = &'a str;

    fn keep(item: &str) -> Self {
        item.to_owned()
    }
}
