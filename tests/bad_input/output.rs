//! Outputs that cannot be written.

use expect_test::expect;

use super::{BACKFILL, EVENTS, check, project};

#[test]
fn an_output_with_an_unknown_extension() {
    check(
        &project(),
        &BACKFILL.replace("out.csv", "out.xlsx"),
        expect![[r#"
        error: out.xlsx: the output must end in .parquet, .csv or .ndjson
    "#]],
    );
}

#[test]
fn an_output_where_none_can_be() {
    // A folder that is not there, and a file where a folder should be: as root, permissions refuse nothing.
    check(
        &project(),
        &BACKFILL.replace("out.csv", "missing/out.csv"),
        expect![[r#"
        error: missing/out.csv: cannot make a file in missing: there is no such folder
    "#]],
    );
    check(
        &project(),
        &BACKFILL.replace("out.csv", "labels.csv/out.csv"),
        expect![[r#"
        error: labels.csv/out.csv: cannot make a file in labels.csv: there is no such folder
    "#]],
    );
    let project = project();
    std::fs::create_dir(project.path("out.csv")).expect("makes a folder");
    check(
        &project,
        BACKFILL,
        expect![[r#"
        error: out.csv: is a directory
    "#]],
    );
}

#[test]
fn a_bad_run_leaves_an_older_output_alone() {
    let project = project();
    project.write("out.csv", "older\n");
    project.write("events.csv", EVENTS.replace("2024-01-07", "yesterday"));
    let ran = project.run(BACKFILL);
    assert_eq!(ran.code, 2);
    assert_eq!(std::fs::read_to_string(project.path("out.csv")).expect("is there"), "older\n");
}

#[test]
fn an_output_that_is_an_input() {
    let project = project();
    for out in ["events.csv", "labels.csv", "./labels.csv"] {
        let words = BACKFILL.replace("out.csv", out);
        let before = project.files();
        let ran = project.run(&words);
        assert_eq!(ran.code, 2, "{words}");
        assert!(ran.stderr.contains("would be replaced, but the run reads"), "{}", ran.stderr);
        assert_eq!(project.files(), before);
    }
}
