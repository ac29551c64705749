//! Spines that lack something, and grids that are none.

use expect_test::expect;

use super::{BACKFILL, cart_project, check, project};

#[test]
fn a_spine_without_a_key_column() {
    let project = project();
    project.write("labels.csv", "customer,label_date\nc1,2024-02-01\n");
    check(
        &project,
        BACKFILL,
        expect![[r#"
        error: labels.csv: no column "customer_id"; it has: customer, label_date
    "#]],
    );
}

#[test]
fn a_spine_without_an_as_of_column() {
    check(
        &project(),
        "backfill --service churn_v1 --spine labels.csv --out out.csv",
        expect![[r#"
        error: labels.csv has neither as_of nor event_timestamp: name the column of the cut-off with --as-of-column; it has: customer_id, label_date, churned
    "#]],
    );
    check(
        &project(),
        &BACKFILL.replace("label_date", "labeldate"),
        expect![[r#"
        error: labels.csv: no column "labeldate"; it has: customer_id, label_date, churned
    "#]],
    );
}

#[test]
fn a_spine_with_a_null_as_of() {
    let project = project();
    project.write("labels.csv", "customer_id,label_date\nc1,2024-02-01\nc2,\n");
    check(
        &project,
        BACKFILL,
        expect![[r#"
        error: labels.csv, row 2, column label_date: is null
    "#]],
    );
}

#[test]
fn a_spine_without_a_request_field() {
    let project = cart_project();
    check(
        &project,
        &BACKFILL.replace("churn_v1", "checkout"),
        expect![[r#"
        error: labels.csv: no column "cart_value"; it has: customer_id, label_date, churned
    "#]],
    );
}

#[test]
fn a_spine_with_a_column_of_a_features_name() {
    let project = project();
    project.write("labels.csv", "customer_id,label_date,purchase_count_30d\nc1,2024-02-01,1\n");
    check(
        &project,
        BACKFILL,
        expect![[r#"
        error: the spine already has a column purchase_count_30d: give --full-feature-names, or rename the spine's column
    "#]],
    );
}

#[test]
fn a_grid_that_is_none() {
    let project = project();
    let grid = "backfill --service churn_v1 --out out.csv";
    check(
        &project,
        &format!("{grid} --every 0s --from 2024-01-01 --to 2024-01-02"),
        expect![[r#"
        error: --every must be longer than nothing, such as 1d
    "#]],
    );
    check(
        &project,
        &format!("{grid} --every 1d --from 2024-01-02 --to 2024-01-01"),
        expect![[r#"
        error: the grid begins at 2024-01-02T00:00:00Z, which is after its end 2024-01-01T00:00:00Z
    "#]],
    );
    check(
        &project,
        &format!("{grid} --every 1us --from 2024-01-01 --to 2024-02-01"),
        expect![[r#"
        error: the grid has 2678400000001 moments for 2 entities; at most 20000000 rows are made at once: take a longer --every, or fewer days at a time
    "#]],
    );
}
