//! Test equipment: twins of what onepath stands on, which delay, fail and change by a seed, and the suites of checks that every
//! implementation of a seam passes.
//!
//! It is always compiled and hidden from the documentation, rather than behind a feature: integration tests and benchmarks are
//! crates of their own that cannot turn on a feature of the package they are in, and whoever writes a storage of their own needs
//! the suite against the very library that they link. Nothing of the host names it. It knows nothing of projects and components.
//!
//! - `storage`, `source`, `log`, `online_store`, `served_sink`: the suites.
//! - `memory`, `twin_log`, `twin_store`, `twin_sink`: the twins. - `faults`: which calls fail, and disks that do not write.
//! - `broken`: implementations that are broken in one way each.

pub mod broken;
mod faults;
pub mod log;
pub mod memory;
pub mod online_store;
pub mod served_sink;
pub mod source;
pub mod storage;
#[cfg(test)]
mod tests;
pub mod twin_log;
pub mod twin_sink;
pub mod twin_store;

use std::fmt;

pub use faults::{Disk, Faults, Writes};

/// A check of a suite that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The name of the check.
    pub check: &'static str,
    /// What was found instead.
    pub found: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.check, self.found)
    }
}

impl std::error::Error for Violation {}

/// Fails the check of this name unless `holds`.
fn require(check: &'static str, holds: bool, found: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation { check, found: found() }) }
}

/// What a call that must not fail gives.
fn given<T, E: fmt::Display>(check: &'static str, result: Result<T, E>) -> Result<T, Violation> {
    result.map_err(|error| Violation { check, found: error.to_string() })
}

/// Fails the check of this name unless a call gives what is expected.
fn equal<T: PartialEq + fmt::Debug, E: fmt::Display>(
    check: &'static str,
    found: Result<T, E>,
    expected: T,
) -> Result<(), Violation> {
    let found = given(check, found)?;
    require(check, found == expected, || format!("{found:?} instead of {expected:?}"))
}

/// The next number of a sequence that `state` begins: splitmix64.
fn mixed(state: u64) -> u64 {
    let mut number = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
