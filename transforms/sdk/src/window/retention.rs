//! Lengths of time as types: how long a window keeps its events, and which stretch of them a question asks for.

use crate::time::{Length, days, hours, minutes, seconds};

/// A length of time as a type: how long a window keeps its events, or which stretch of them a question asks for. Not negative.
pub trait Retention {
    /// The length.
    const LENGTH: Length;
}

/// A length of time that is a whole number of units, such as [`Days<30>`](Days): the unit in which a parameter gives it.
pub trait Counted: Retention {
    /// One unit.
    const UNIT: Length;
    /// The unit's name in the plural.
    const UNITS: &'static str;
}

/// No time at all.
pub(crate) const NONE: Length = seconds(0);

/// Refuses to compile where a question asks for more than a window keeps. It is called in a `const` block of each method that an
/// author calls, and not deeper: there the compiler shows the author's own line.
pub(crate) const fn check_kept(kept: Length, ago: Length, length: Length) {
    let (kept, ago, length) = (kept.micros(), ago.micros(), length.micros());
    if ago < 0 || length < 0 {
        panic!("a length of time is not negative");
    }
    if ago > kept || length > kept - ago {
        panic!("a window is asked for more than it keeps: declare it with a longer length");
    }
}

macro_rules! retentions {
    ($($(#[$doc:meta])* $name:ident $length:ident $units:literal,)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name<const N: u32>;

        impl<const N: u32> Retention for $name<N> {
            const LENGTH: Length = $length(N as i64);
        }

        impl<const N: u32> Counted for $name<N> {
            const UNIT: Length = $length(1);
            const UNITS: &'static str = $units;
        }
    )*};
}

retentions! {
    /// `N` days of 24 hours.
    Days days "days",
    /// `N` hours.
    Hours hours "hours",
    /// `N` minutes.
    Minutes minutes "minutes",
    /// `N` seconds.
    Seconds seconds "seconds",
}
