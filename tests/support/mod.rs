//! What the tests share: built components, temporary projects, questions, files of events, random numbers, servers.

mod ask;
mod components;
mod declared;
mod files;
pub mod http;
mod machine;
mod project;
mod random;
pub mod seal;
mod served;
mod session;

pub use ask::{Ask, Vector, assert_same, offline, online, shown};
pub use components::{component, components, repository};
pub use declared::{DECLARED, DECLARED_CHURN};
pub use files::{Event, Format, write_events, write_events_with_ids};
pub use machine::Machine;
pub use project::{Project, Ran, churn_toml};
pub use random::Random;
pub use served::Served;
pub use session::{OnlineRequest, OnlineVector, Session, patient};

/// Microseconds of a second, an hour and a day.
pub const SECOND: i64 = 1_000_000;
pub const HOUR: i64 = 3_600 * SECOND;
pub const DAY: i64 = 24 * HOUR;

/// The microseconds of an ISO 8601 time.
pub fn at(text: &str) -> i64 {
    onepath::time::parse_time(text).expect("a time in a test is a time")
}
