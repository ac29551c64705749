//! Files that are not what they should be.

use expect_test::expect;

use super::{BACKFILL, EVENTS, check, project};
use crate::support::churn_toml;

#[test]
fn a_removed_column() {
    let project = project();
    project.write("events.csv", "customer_id,event_type,event_timestamp\nc1,purchase,2024-01-01\n");
    check(
        &project,
        BACKFILL,
        expect![[r#"
        error: ./events.csv: no column "amount"; it has: customer_id, event_type, event_timestamp
    "#]],
    );
}

#[test]
fn a_time_in_row_7_that_is_none() {
    let project = project();
    project.write("events.csv", EVENTS.replace("2024-01-07", "yesterday"));
    check(
        &project,
        BACKFILL,
        expect![[r#"
        error: ./events.csv, row 7, column event_timestamp: "yesterday" is not an ISO 8601 time such as 2024-02-29T12:30:00.000001Z
    "#]],
    );
}

#[test]
fn a_number_that_is_none() {
    let project = project();
    project.write("events.csv", EVENTS.replace(",30,", ",thirty,"));
    check(
        &project,
        BACKFILL,
        expect![[r#"
        error: ./events.csv, row 6, column amount: "thirty" is not a float64 number
    "#]],
    );
}

#[test]
fn a_null_key() {
    let project = project();
    project.write("events.csv", EVENTS.replace("c2,view", ",view"));
    check(
        &project,
        BACKFILL,
        expect![[r#"
        error: ./events.csv, row 3, column customer_id: is null
    "#]],
    );
}

#[test]
fn a_null_where_the_transform_reads_none() {
    let project = project();
    project.write("events.csv", EVENTS.replace(",30,", ",,"));
    check(
        &project,
        BACKFILL,
        expect![[r#"
        error: ./events.csv, row 6, column amount: is null
    "#]],
    );
}

#[test]
fn a_row_with_too_many_fields() {
    let project = project();
    project.write("events.csv", EVENTS.replace("c1,return,5", "c1,return,5,5"));
    check(
        &project,
        BACKFILL,
        expect![[r#"
        error: ./events.csv, row 4: the number of fields is 5, but the header has 4
    "#]],
    );
}

#[test]
fn a_truncated_parquet_file() {
    let project = project();
    let good = project.run(&BACKFILL.replace("out.csv", "events.parquet"));
    assert_eq!(good.code, 0, "{}", good.stderr);
    let bytes = std::fs::read(project.path("events.parquet")).expect("was written");
    std::fs::remove_file(project.path("events.parquet.manifest.json")).expect("was written");
    project.configure(&churn_toml(&["events.parquet"], "", ""));
    for length in [bytes.len() - 1, bytes.len() / 2, 3] {
        project.write("events.parquet", &bytes[..length]);
        let before = project.files();
        let ran = project.run(BACKFILL);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
        let named = "error: DIR/events.parquet: is not a readable Parquet file: ";
        let named = [named, &named.replace("DIR", ".")];
        assert!(named.iter().any(|named| ran.stderr.starts_with(named)), "{length} bytes: {}", ran.stderr);
        assert_eq!(project.files(), before);
    }
}

#[test]
fn a_missing_file() {
    check(
        &project(),
        &BACKFILL.replace("labels.csv", "lables.csv"),
        expect![[r#"
        error: lables.csv: cannot be opened: No such file or directory (os error 2)
    "#]],
    );
    let project = project();
    std::fs::remove_file(project.path("events.csv")).expect("removes");
    check(
        &project,
        BACKFILL,
        expect![[r#"
        error: source "events": no file matches "events.csv" in .
    "#]],
    );
    check(
        &project,
        &format!("{BACKFILL} --source events=evnets.csv"),
        expect![[r#"
        error: evnets.csv: cannot be opened: No such file or directory (os error 2)
    "#]],
    );
}
