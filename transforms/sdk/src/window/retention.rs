//! How long a window keeps its events, as a type.

use crate::time::{Length, days, hours, minutes, seconds};

/// How long a window keeps its events. Not negative.
pub trait Retention {
    /// The longest length that the window can be asked for.
    const LENGTH: Length;
}

macro_rules! retentions {
    ($($(#[$doc:meta])* $name:ident $length:ident,)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name<const N: u32>;

        impl<const N: u32> Retention for $name<N> {
            const LENGTH: Length = $length(N as i64);
        }
    )*};
}

retentions! {
    /// Keeps `N` days of 24 hours.
    Days days,
    /// Keeps `N` hours.
    Hours hours,
    /// Keeps `N` minutes.
    Minutes minutes,
    /// Keeps `N` seconds.
    Seconds seconds,
}
