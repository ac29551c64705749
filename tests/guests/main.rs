//! Hostile and careless components, each with a row in [`table::GUESTS`]: what the host says of it, that it says so within
//! its limits, and that it goes on serving others.
//!
//! A guest is a file in `examples/` of the package beside this file, or bytes that are made here. To add one, write the
//! file, name it in that package's `Cargo.toml`, add a row with an empty outcome and run `UPDATE_EXPECT=1 cargo test --test guests`.

mod made;
mod run;
mod serving;
mod table;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use made::Made;
use onepath::admission::{CheckOptions, Engines, Sample, check};
use onepath::wasm::{Limits, LoadError, Runtime};
use run::{alone, answers, call, limits, outcome, runtime, view};
use table::GUESTS;

/// What the good component answers to the batch, whatever ran before it.
const GOOD: &str = "answer purchase_count_30d: 1 2 1; avg_purchase_value_90d: 0x4004000000000000 0x4004000000000000 \
     0x4004000000000000; days_since_last_purchase: 0 0 0; \
     return_rate_180d: 0x0000000000000000 0x0000000000000000 0x0000000000000000;";

#[test]
fn every_guest_gets_what_its_row_says_and_the_host_goes_on() {
    let _alone = alone();
    let runtime = runtime();
    let good = view(runtime.load_bytes("churn", &made::good()).expect("churn loads"));
    for guest in GUESTS {
        let bytes = guest.made.bytes(guest.name);
        guest.outcome.assert_eq(&outcome(&runtime, guest.name, &bytes));
        let after = call(&good, false).unwrap_or_else(|error| panic!("churn after {}: {error}", guest.name));
        assert_eq!(answers(&good, &after), GOOD, "churn after {}", guest.name);
    }
}

#[test]
fn every_guest_has_a_row_and_every_row_a_guest() {
    let files = std::fs::read_dir(made::package().join("examples")).expect("the guests' folder");
    let files = files.map(|file| file.expect("a file").path());
    let stem = |path: &Path| path.file_stem().expect("a name").to_string_lossy().into_owned();
    let files: BTreeSet<String> = files.map(|path| stem(&path)).collect();
    let rows = GUESTS.iter().filter(|guest| matches!(guest.made, Made::Cargo));
    let rows: BTreeSet<String> = rows.map(|guest| guest.name.to_owned()).collect();
    assert_eq!(files, rows, "files in examples/ and rows of the table");
    let names: BTreeSet<&str> = GUESTS.iter().map(|guest| guest.name).collect();
    assert_eq!(names.len(), GUESTS.len(), "a name appears twice");
}

/// Cases per guest: enough for each to show what it does, few enough for dozens of guests.
const CASES: usize = 60;

#[test]
fn admission_names_the_law_that_each_guest_breaks() {
    let _alone = alone();
    let engines = Engines::new(&limits()).expect("the engines start");
    let started = Instant::now();
    let mut wrong = Vec::new();
    for guest in GUESTS {
        let options = CheckOptions {
            seed: 1,
            cases: CASES,
            sample: Sample::default(),
            parameters: None,
            has_sources: true,
            now: Some(&|| started.elapsed()),
        };
        let report = match check(&engines, guest.name, &guest.made.bytes(guest.name), &options) {
            Ok(report) => report,
            Err(refused) => {
                if guest.law.is_some() {
                    wrong.push(format!("{} is refused: {refused}", guest.name));
                }
                continue;
            }
        };
        let broken: Vec<&str> =
            report.laws.iter().filter(|law| law.counterexample.is_some()).map(|law| law.law.name()).collect();
        if !guest.law.map_or(broken.is_empty(), |law| broken.contains(&law)) {
            let expected = guest.law.unwrap_or("none");
            wrong.push(format!("{} should break {expected}, and breaks: {}", guest.name, broken.join(", ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_file_over_the_limit_is_refused_unread() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.as_file().set_len(100 << 20).expect("a sparse file");
    let error = runtime().load(file.path()).expect_err("100 MiB");
    let words = error.to_string().replace(&file.path().display().to_string(), "FILE");
    assert_eq!(words, "FILE has 104857600 bytes; a component may have at most 2097152");
}

/// The compiling thread is left behind, and the next component is compiled beside it.
#[test]
fn compiling_that_takes_too_long_is_given_up() {
    let _alone = alone();
    let runtime =
        |compile_ms_max| Runtime::new(Limits { compile_ms_max, ..Limits::default() }, None).expect("the engine starts");
    let error = runtime(20).load_bytes("slow", &made::slow_to_compile()).expect_err("takes seconds");
    assert!(matches!(error, LoadError::CompileTime { .. }), "{error}");
    assert_eq!(
        error.to_string(),
        "slow was not compiled within 20 ms: make it smaller, or raise `compile_ms_max` under [limits] if it is to be \
         trusted"
    );
    let good = view(runtime(600_000).load_bytes("churn", &made::good()).expect("churn loads"));
    assert_eq!(answers(&good, &call(&good, false).expect("churn answers")), GOOD);
}

#[test]
fn a_compiled_artifact_that_was_changed_is_not_run() {
    let _alone = alone();
    let cache = tempfile::tempdir().expect("a temporary folder");
    let answer = || {
        let runtime = Runtime::new(Limits::default(), Some(cache.path().to_owned())).expect("the engine starts");
        let good = view(runtime.load_bytes("churn", &made::good()).expect("churn loads"));
        answers(&good, &call(&good, false).expect("churn answers"))
    };
    let artifact = || {
        let files = std::fs::read_dir(cache.path()).expect("the cache").map(|file| file.expect("a file").path());
        files.into_iter().find(|path| path.extension().is_some_and(|kind| kind == "cwasm")).expect("an artifact")
    };
    assert_eq!(answer(), GOOD);
    let written = std::fs::read(artifact()).expect("the artifact");
    let mut changed = written.clone();
    // All of its second half becomes the x86 instruction `int3`, which would end the process.
    changed[written.len() / 2..].fill(0xcc);
    std::fs::write(artifact(), &changed).expect("the artifact is changed");
    assert_eq!(answer(), GOOD);
    assert!(std::fs::read(artifact()).expect("the artifact") != changed, "it was not compiled anew");
}
