//! One entity whose events fail is named, and the others go on: in a backfill, when materialized, and when served.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::OnceLock;

use expect_test::expect;
use onepath::build::CargoBuild;
use onepath::time::format_time;
use serde_json::Value;

use crate::support::{DAY, Project, at, repository};

/// Entities of a project, each with three events.
const ENTITIES: usize = 300;

/// The entity at fault, and the amounts of `faults_by_amount` with words of what comes of them.
const AT_FAULT: usize = 137;
const FAULTS: [(u32, &str); 5] = [
    (1_000_001, "unreachable"),
    (1_000_002, "memory of 67108864 bytes"),
    (1_000_003, "300 ms for one call"),
    (1_000_004, "such an amount is none"),
    (1_000_005, "such an amount is none"),
];

fn guest() -> &'static PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut build = CargoBuild::new(&repository().join("tests/guests"), &mut |_| {}).expect("the guests' package");
        build.cargo.args(["--quiet", "--example", "faults_by_amount"]);
        build.run().expect("builds").join("examples/faults_by_amount.wasm")
    })
}

/// What has no end has it soon; others may be slow on a busy machine.
fn limits(fault: u32) -> &'static str {
    if fault == 1_000_003 { "call_ms_max = 300" } else { "" }
}

/// A project whose entities have three events and two questions each; `amount` gives what is in an event of an entity.
fn project(limits: &str, amount: impl Fn(usize, usize) -> u32) -> Project {
    let project = Project::new(&format!(
        "[project]\nname = \"faults\"\nadmission = \"off\"\nrepeat_share = 0.0\n[limits]\nmemory_bytes_max = 67108864\n{limits}\n\
         [entities.customer]\nkeys = {{ customer_id = \"text\" }}\n[sources.events]\nentity = \"customer\"\nevent_time = \"at\"\n\
         files = [\"events.csv\"]\n[views.one]\nsources = [\"events\"]\ntransform = \"guest.wasm\"\n[views.other]\n\
         sources = [\"events\"]\ntransform = \"guest.wasm\"\n[services.all]\nfeatures = [\"one:value\", \"other:value\"]\n"
    ));
    std::fs::copy(guest(), project.path("guest.wasm")).expect("copies");
    let (mut rows, mut spine) = ("customer_id,at,amount\n".to_owned(), "customer_id,as_of\n".to_owned());
    for entity in 0..ENTITIES {
        for event in 0..3 {
            writeln!(rows, "c{entity},{},{}", day(event), amount(entity, event)).expect("writes to a text");
        }
        writeln!(spine, "c{entity},{}\nc{entity},{}", day(1), day(5)).expect("writes to a text");
    }
    project.write("events.csv", rows);
    project.write("spine.csv", spine);
    project
}

fn day(day: usize) -> String {
    format_time(at("2024-01-01") + day as i64 * DAY)
}

fn with_fault(fault: u32) -> impl Fn(usize, usize) -> u32 {
    move |entity, event| if (entity, event) == (AT_FAULT, 1) { fault } else { 1 }
}

const BACKFILL: &str = "backfill --service all --spine spine.csv --out out.csv --full-feature-names";

/// The features of each row, by entity and as-of.
fn features(project: &Project) -> Vec<(String, String)> {
    let text = std::fs::read_to_string(project.path("out.csv")).expect("an output");
    let rows = text.lines().skip(1).map(|line| line.split(',').collect::<Vec<_>>());
    rows.map(|cells| (cells[0].to_owned(), cells[2..].join(" "))).collect()
}

/// What is served for an entity.
fn served(project: &Project, entity: usize, more: &str) -> Vec<Value> {
    let ran = project.run(&format!("get --format json --service all --entity customer_id=c{entity} {more}"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let answer: Value = serde_json::from_str(&ran.stdout).expect("JSON");
    answer["features"].as_array().expect("features").iter().map(|feature| feature["value"].clone()).collect()
}

#[test]
fn the_one_entity_is_named() {
    for (fault, told) in FAULTS {
        let project = project(limits(fault), with_fault(fault));
        for command in [BACKFILL, "materialize"] {
            let ran = project.run(command);
            assert_eq!(ran.code, 2, "{fault} {command}: {}", ran.stdout);
            assert!(
                ran.stderr.contains(&format!("entity c{AT_FAULT}, event of {}", day(1))) || fault == 1_000_003,
                "{}",
                ran.stderr
            );
            assert!(ran.stderr.contains(&format!("entity c{AT_FAULT}")), "{fault} {command}: {}", ran.stderr);
            assert!(!ran.stderr.contains("more in one call") && ran.stderr.contains(told), "{}", ran.stderr);
        }
    }
}

#[test]
fn what_is_trained_without_an_event_is_served_without_it() {
    for (fault, told) in FAULTS {
        let project = project(limits(fault), with_fault(fault));
        // To wait for an end again and again takes long.
        let ways =
            if fault == 1_000_003 { &["--threads 2"][..] } else { &["--threads 1", "--threads 2", "--memory 10KiB"] };
        for more in ways {
            let ran = project.run(&format!("{BACKFILL} --on-error null {more}"));
            assert_eq!(ran.code, 0, "{fault}: {}", ran.stderr);
            assert!(ran.stdout.contains("\n1 rows had no answer"), "{}", ran.stdout);
            for (row, (entity, found)) in features(&project).into_iter().enumerate() {
                let expected = if row % 2 == 0 { 2 } else { 3 } - i32::from(entity == format!("c{AT_FAULT}"));
                assert_eq!(found, format!("{expected} {expected}"), "{fault} {more}, row {row}");
            }
            let ran = project.run(&format!("materialize --on-error null {more}"));
            assert_eq!(ran.code, 0, "{fault}: {}", ran.stderr);
            assert!(ran.stdout.contains("one@v1: 1 event left out") && ran.stdout.contains(told), "{}", ran.stdout);
            // As it was trained, now and in the past, and so the others.
            assert_eq!(served(&project, AT_FAULT, ""), [2, 2], "{fault} {more}");
            // What takes too long has no answer about the past: a busy machine may be at fault.
            if fault != 1_000_003 {
                assert_eq!(served(&project, AT_FAULT, &format!("--as-of {}", day(1))), [1, 1]);
            }
            assert_eq!(served(&project, AT_FAULT + 1, ""), [3, 3]);
        }
        // Its next event goes on from there.
        let event = format!("{{\"customer_id\": \"c{AT_FAULT}\", \"at\": \"{}\", \"amount\": 1}}\n", day(6));
        project.write("new.ndjson", event);
        let ran = project.run("ingest --source events new.ndjson");
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert_eq!(served(&project, AT_FAULT, ""), [3, 3], "{fault}");
        let refused = format!("{{\"customer_id\": \"c{AT_FAULT}\", \"at\": \"{}\", \"amount\": {fault}}}\n", day(7));
        project.write("new.ndjson", refused);
        assert_ne!(project.run("ingest --source events new.ndjson").code, 0);
        assert_eq!(served(&project, AT_FAULT, ""), [3, 3], "{fault}");
        let ran = project.run("verify");
        assert_eq!(ran.code, 0, "{fault}: {}{}", ran.stdout, ran.stderr);
    }
}

#[test]
fn what_only_many_rows_are_too_much_for_is_no_failure() {
    let project = project("", |_, _| 1_000_006);
    for more in ["", "--on-error null"] {
        let ran = project.run(&format!("{BACKFILL} {more}"));
        assert_eq!(ran.code, 0, "{more}: {}", ran.stderr);
        assert!(!ran.stdout.contains("had no answer"), "{}", ran.stdout);
        let found = features(&project);
        assert!(found.chunks(2).all(|two| two[0].1 == "2 2" && two[1].1 == "3 3"), "{more}");
        let ran = project.run(&format!("materialize {more}"));
        assert_eq!(ran.code, 0, "{more}: {}", ran.stderr);
        assert_eq!(served(&project, 5, ""), [3, 3]);
    }
}

#[test]
fn who_cannot_be_served_is_counted_and_ends_a_strict_run() {
    let project = project("state_bytes_max = 7", |_, _| 1);
    let ran = project.run(&format!("{BACKFILL} --features one:value --proof-seed 1").replace("--service all ", ""));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let line = ran.stdout.lines().find(|line| line.contains("not servable")).expect("a line");
    expect!["one@v1: 300 entities are not servable, for the state is over the limit (`state_bytes_max` under [limits]): c0 (8 bytes), c1 (8 bytes), c10 (8 bytes), c100 (8 bytes), c101 (8 bytes), c102 (8 bytes), c103 (8 bytes), c104 (8 bytes), c105 (8 bytes), c106 (8 bytes), c107 (8 bytes), c108 (8 bytes), c109 (8 bytes), c11 (8 bytes), c110 (8 bytes), c111 (8 bytes), c112 (8 bytes), c113 (8 bytes), c114 (8 bytes), c115 (8 bytes) and 280 more"].assert_eq(line);
    let manifest = std::fs::read(project.path("out.csv.manifest.json")).expect("a manifest");
    let manifest: Value = serde_json::from_slice(&manifest).expect("JSON");
    assert_eq!(manifest["summary"]["views"][0]["not_servable"], ENTITIES as u64);
    let written = std::fs::read(project.path("out.csv")).expect("an output");
    for more in ["--memory 10KiB", "--threads 2", "--batch-rows 5"] {
        let ran = project.run(&format!("{BACKFILL} --features one:value {more}").replace("--service all ", ""));
        assert_eq!(ran.stdout.lines().find(|told| told.contains("not servable")), Some(line), "{more}");
    }
    for command in [BACKFILL, "materialize"] {
        let ran = project.run(&format!("{command} --strict"));
        assert_eq!(ran.code, 1, "{}", ran.stdout);
        assert!(ran.stderr.contains("--strict") && ran.stderr.contains("c0 (8 bytes)"), "{}", ran.stderr);
    }
    assert!(std::fs::read(project.path("out.csv")).expect("an output") == written);
    assert_eq!(project.run("materialize").code, 0);
}
