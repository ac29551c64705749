//! Hostile and careless components, each with a row in [`table::GUESTS`]: what the host says of it, that it says so within
//! its limits, and that it goes on serving others.
//!
//! A guest is a file in `examples/` of the package beside this file, or bytes that are made here. To add one, write the
//! file, name it in that package's `Cargo.toml`, add a row with an empty outcome and run `UPDATE_EXPECT=1 cargo test --test guests`.

mod budget;
mod made;
mod quarantine;
mod repeats;
mod run;
mod serving;
mod table;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use made::Made;
use onepath::wasm::{Limits, LoadError, Runtime};
use run::{alone, answers, call, outcome, runtime, view};
use serde_json::Value;
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

/// What the command line says of every guest: exit 1 and the law or the limit, or exit 0 for one that does no harm. Run it with
/// `--nocapture` for the table.
#[test]
fn admission_names_the_law_that_each_guest_breaks() {
    let _alone = alone();
    let dir = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(dir.path().join("onepath.toml"), SETTINGS).expect("writes");
    let mut wrong = Vec::new();
    println!("guest | exit | law or refusal | smallest input");
    for (name, bytes, law) in
        [("churn", made::good(), None)].into_iter().chain(GUESTS.iter().map(|g| (g.name, g.made.bytes(g.name), g.law)))
    {
        let file = format!("{name}.wasm");
        std::fs::write(dir.path().join(&file), bytes).expect("writes");
        let mut check = Command::new(env!("CARGO_BIN_EXE_onepath"));
        check.args(["check", &file, "--format", "json", "--cases", &CASES.to_string()]).current_dir(dir.path());
        let ran = check.output().expect("the command runs");
        let (code, stderr) = (ran.status.code(), String::from_utf8_lossy(&ran.stderr).into_owned());
        let report: Value = serde_json::from_slice(&ran.stdout).unwrap_or_else(|_| panic!("{name}: {stderr}"));
        let Found { told, broken, input } = found(&report[0]);
        println!("{name} | {} | {told} | {input}", code.unwrap_or(-1));
        let loads = report[0]["refused"].is_null();
        // Where there was no time for all cases, what was tried of them holds.
        let is_stopped = !report[0]["tried"]["stopped"].is_null();
        let right = match law {
            None if is_stopped => code == Some(1) && broken.is_empty(),
            Some(law) => code == Some(1) && broken.iter().any(|broken| broken == law),
            None if loads => code == Some(0) && broken.is_empty(),
            None => code == Some(1),
        };
        if !right {
            wrong.push(format!("{name} should break {}, and exits {code:?}: {told}", law.unwrap_or("none")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Limits that are soon reached, but on a busy machine.
const SETTINGS: &str = "[project]\nname = \"guests\"\n[limits]\ncomponent_bytes_max = 2097152\nmemory_bytes_max = 33554432\n\
     call_ms_max = 500\noutput_bytes_max = 16777216\n";

/// What a report says, for a line of the table.
struct Found {
    told: String,
    broken: Vec<String>,
    /// The first row of the smallest input that breaks the first law.
    input: String,
}

fn found(report: &Value) -> Found {
    if let Some(refused) = report["refused"].as_str() {
        let told = format!("refused: {}", refused.lines().next().unwrap_or_default());
        return Found { told, broken: Vec::new(), input: String::new() };
    }
    let laws = report["laws"].as_array().expect("laws").iter().filter(|law| !law["counterexample"].is_null());
    let laws: Vec<&Value> = laws.collect();
    let broken: Vec<String> = laws.iter().map(|law| law["law"].as_str().unwrap_or_default().to_owned()).collect();
    let Some(first) = laws.first().map(|law| &law["counterexample"]) else {
        return Found { told: "every law holds".to_owned(), broken, input: String::new() };
    };
    let row = &first["rows"][0];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let fields: Vec<String> = row["fields"].as_array().into_iter().flatten().map(text).collect();
    let input = match row["kind"].as_str() {
        Some(kind) => format!("{kind} {} {}", text(&row["time"]), fields.join(" ")),
        None => "any".to_owned(),
    };
    let difference = text(&first["difference"]).lines().next().unwrap_or_default().to_owned();
    Found { told: format!("{}: {difference}", broken.join(", ")), broken, input }
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
    let error = runtime(20).load_bytes("slow", &made::slow_to_compile()).expect_err("takes longer");
    assert!(matches!(error, LoadError::CompileTime { .. }), "{error}");
    assert_eq!(
        error.to_string(),
        "slow was not compiled within 20 ms: make it smaller, or raise `compile_ms_max` and `admission_ms_max` under [limits] if \
         it is to be trusted"
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
