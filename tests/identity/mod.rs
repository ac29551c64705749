//! The identity of views, and keys by name: a project may be written in any order, and what changes its values is told.

mod changes;
mod keys;
mod model;
mod properties;

use crate::support::{Project, Ran, component};

/// The command succeeds.
#[track_caller]
fn good(project: &Project, words: &str) -> Ran {
    let ran = project.run(words);
    assert_eq!(ran.code, 0, "{words}\n{}{}", ran.stdout, ran.stderr);
    ran
}

/// The command ends with `code` and says `expected` on standard error.
#[track_caller]
fn refused(project: &Project, words: &str, code: i32, expected: &str) {
    let ran = project.run(words);
    assert_eq!(ran.code, code, "{words}\n{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains(expected), "{words}: {expected} is not in\n{}", ran.stderr);
}

/// The component that counts events and sums their amounts.
fn tally() -> String {
    component("tests/transforms/tally").display().to_string()
}
