//! Time: the types that keep event time, availability and as-of apart, and the only place that asks the system for "now".
//!
//! All times are `i64` microseconds since the Unix epoch, UTC. [`visible`] is the one function that compares an event's
//! time with a question's; nobody else does.
//!
//! - `kinds`: the three types, and the few comparisons that there are.
//! - `grammar`: what a text says of a time. - `form`: the forms that a source declares, and which way finer digits round.
//! - `profile`: what the times of a column look like, for warnings. - `steady`: a clock that does not follow steps.
//!
//! Knows nothing of the rest of the host.

use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use chrono::{DateTime, SecondsFormat, Utc};

mod form;
mod grammar;
mod kinds;
mod profile;
mod steady;

pub use form::{Instant, Rounding, TimeForm, TimeFormat, other_readings};
pub use kinds::{AsOf, AvailableAt, EventTime, outside_max_age, visible};
pub use profile::{TimeInRow, TimeProfile};
pub use steady::{BootClock, STEP_US_MAX, SteadyClock};
pub(crate) use steady::{rounded, step_in_words};

/// A source of "now", in microseconds since the Unix epoch, UTC.
pub trait Clock: Send + Sync {
    /// The current time in microseconds.
    fn now(&self) -> i64;

    /// What the machine's clock says, where this one does not follow all of its steps.
    fn machine(&self) -> i64 {
        self.now()
    }

    /// Whether it looks for steps of the machine's clock: then it wants to be read now and then.
    fn is_watched(&self) -> bool {
        false
    }

    /// By how much the machine's clock has stepped away from this one, which goes on as before; `None` where it has not.
    fn step(&self) -> Option<i64> {
        None
    }

    /// Goes on from the time of the machine's clock.
    fn accept_step(&self) {}
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_micros()).unwrap_or(i64::MAX),
            Err(before) => -i64::try_from(before.duration().as_micros()).unwrap_or(i64::MAX),
        }
    }
}

/// A clock that always reads the same time, for tests and for replaying historical data.
#[derive(Clone, Copy, Debug)]
pub struct FixedClock(pub i64);

impl Clock for FixedClock {
    fn now(&self) -> i64 {
        self.0
    }
}

/// The unit of timestamps that are stored as plain integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TimeUnit {
    /// Seconds.
    #[serde(rename = "s")]
    Seconds,
    /// Milliseconds.
    #[serde(rename = "ms")]
    Milliseconds,
    /// Microseconds.
    #[serde(rename = "us")]
    Microseconds,
    /// Nanoseconds.
    #[serde(rename = "ns")]
    Nanoseconds,
}

impl TimeUnit {
    /// `value` of this unit in microseconds (nanoseconds round down), or `None` where it does not fit.
    pub fn to_micros(self, value: i64) -> Option<i64> {
        match self {
            Self::Seconds => value.checked_mul(1_000_000),
            Self::Milliseconds => value.checked_mul(1_000),
            Self::Microseconds => Some(value),
            Self::Nanoseconds => Some(value.div_euclid(1_000)),
        }
    }

    /// As it is written in a project file: `s`, `ms`, `us` or `ns`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Milliseconds => "ms",
            Self::Microseconds => "us",
            Self::Nanoseconds => "ns",
        }
    }
}

impl fmt::Display for TimeUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seconds => "seconds",
            Self::Milliseconds => "milliseconds",
            Self::Microseconds => "microseconds",
            Self::Nanoseconds => "nanoseconds",
        })
    }
}

/// A length of time in microseconds, written `90s`, `30m`, `24h` or `180d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Length(pub i64);

impl FromStr for Length {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let wrong = || TimeError::Length { text: text.to_owned() };
        let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
        let count: i64 = text[..split].parse().map_err(|_| wrong())?;
        let unit: i64 = match &text[split..] {
            "us" => 1,
            "ms" => 1_000,
            "s" => 1_000_000,
            "m" => 60_000_000,
            "h" => 3_600_000_000,
            "d" => 86_400_000_000,
            "w" => 7 * 86_400_000_000,
            _ => return Err(wrong()),
        };
        count.checked_mul(unit).map(Length).ok_or_else(wrong)
    }
}

/// A text that is not the time or the length that it should be.
#[derive(Debug, thiserror::Error)]
pub enum TimeError {
    /// Not an ISO 8601 time.
    #[error("{} is not an ISO 8601 time such as 2024-02-29T12:30:00.000001Z", quoted(.text))]
    Time {
        /// What was there.
        text: String,
    },
    /// Not a time in the declared format.
    #[error("{} is not a time in the format {pattern:?}", quoted(.text))]
    Format {
        /// What was there.
        text: String,
        /// The format.
        pattern: String,
    },
    /// Not a format of times.
    #[error("{pattern:?} is not a format of times that tells year, month and day, such as \"%d/%m/%Y %H:%M\"")]
    Pattern {
        /// What was there.
        pattern: String,
    },
    /// A number without a declared unit.
    #[error("{shown} is a number where a time is expected, and its unit is not declared")]
    NoUnit {
        /// What was there.
        shown: String,
    },
    /// A number with a fraction.
    #[error("{shown} is not a whole number of {unit}: declare a finer unit")]
    NotWhole {
        /// What was there.
        shown: String,
        /// The declared unit.
        unit: TimeUnit,
    },
    /// Beyond 64 bits of microseconds.
    #[error("{shown} is out of the range of times")]
    Range {
        /// What was there.
        shown: String,
    },
    /// Not a length of time.
    #[error("{text:?} is not a length of time such as 90s, 30m, 24h or 180d")]
    Length {
        /// What was there.
        text: String,
    },
}

/// How many characters of a wrong text a message quotes.
const QUOTED_CHARS_MAX: usize = 80;

/// `text` in quotes, cut short where it is long.
pub(crate) fn quoted(text: &str) -> String {
    match text.char_indices().nth(QUOTED_CHARS_MAX) {
        Some((cut, _)) => format!("{:?}... ({} bytes)", &text[..cut], text.len()),
        None => format!("{text:?}"),
    }
}

/// Parses a time to microseconds, by the grammar at the head of `time/grammar.rs`: ISO 8601 such as `2024-02-29`,
/// `2024-02-29T12:30`, `2024-02-29 12:30:00.000001`, with `Z` or an offset. Without an offset it is UTC, a date alone is its
/// midnight. Digits beyond microseconds round down, as they do for as-ofs.
pub fn parse_time(text: &str) -> Result<i64, TimeError> {
    let instant = grammar::parse(text).ok_or_else(|| TimeError::Time { text: text.to_owned() })?;
    Ok(instant.micros)
}

/// Writes microseconds as ISO 8601 in UTC: `2024-02-29T12:30:00.000001Z`, without a fraction where it is zero.
/// A time beyond the calendar's range is written as its number of microseconds.
pub fn format_time(micros: i64) -> String {
    match DateTime::<Utc>::from_timestamp_micros(micros) {
        Some(time) => time.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        None => format!("{micros}us"),
    }
}

impl fmt::Display for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (unit, name) in
            [(86_400_000_000, "d"), (3_600_000_000, "h"), (60_000_000, "m"), (1_000_000, "s"), (1_000, "ms")]
        {
            if self.0 % unit == 0 {
                return write!(f, "{}{name}", self.0 / unit);
            }
        }
        write!(f, "{}us", self.0)
    }
}

/// How long something takes. Nothing that is computed depends on it.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// Begins now.
    pub fn start() -> Self {
        Self(std::time::Instant::now())
    }

    /// The time since it began.
    pub fn elapsed(&self) -> std::time::Duration {
        self.0.elapsed()
    }

    /// Nanoseconds since it began.
    pub fn nanoseconds(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Seconds since it began.
    pub fn seconds(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_the_epoch_round_down() {
        assert_eq!(TimeUnit::Nanoseconds.to_micros(-1), Some(-1));
        assert_eq!(parse_time("1969-12-31T23:59:59.999999Z").ok(), Some(-1));
    }

    #[test]
    fn lengths_read_as_they_are_written() {
        for text in ["90s", "30m", "24h", "180d", "250ms", "7us"] {
            let length: Length = text.parse().expect("a length");
            let again: Length = length.to_string().parse().expect("a length");
            assert_eq!(length, again, "{text}");
        }
        for text in ["", "d", "10", "10y", "-3d", "99999999999999d"] {
            assert!(text.parse::<Length>().is_err(), "{text}");
        }
    }
}
