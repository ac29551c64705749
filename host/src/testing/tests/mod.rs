//! The suites, run on everything that must pass them and on everything that must not.

mod logs;
mod online_stores;
mod reading;
mod served_sinks;
mod sources;
mod sqlite_store;
mod storages;

use std::fmt::Debug;

use super::Violation;

/// A suite fails on each of the broken twins, and with each of them by one of the checks that are meant for it.
fn no_broken_one_passes<D: Debug + Copy>(
    defects: &[(D, &[&str])],
    conformance: impl Fn(u64, D) -> Result<(), Violation>,
) {
    for (defect, checks) in defects {
        for seed in 0..10 {
            let violation = conformance(seed, *defect).expect_err(&format!("{defect:?}, seed {seed}"));
            if seed == 0 {
                println!("{defect:?}: {violation:.160}");
            }
            assert!(checks.contains(&violation.check), "{defect:?}, seed {seed}: {violation}");
        }
    }
}
