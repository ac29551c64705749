//! Features, views, services and sources that there are not.

use expect_test::expect;

use super::{BACKFILL, check, check_online, project};
use crate::support::churn_toml;

#[test]
fn an_unknown_feature() {
    let words =
        "backfill --features activity:purchase_count_31d --spine labels.csv --as-of-column label_date --out o.csv";
    check(
        &project(),
        words,
        expect![[r#"
        error: view activity@v1 has no feature purchase_count_31d; it has: purchase_count_30d, avg_purchase_value_90d, days_since_last_purchase, return_rate_180d
    "#]],
    );
}

#[test]
fn an_unknown_view() {
    let words =
        "backfill --features activty:purchase_count_30d --spine labels.csv --as-of-column label_date --out o.csv";
    check(
        &project(),
        words,
        expect![[r#"
        error: unknown view "activty": did you mean "activity"? known views: activity
    "#]],
    );
}

#[test]
fn a_feature_reference_that_is_none() {
    let words = "backfill --features purchase_count_30d --spine labels.csv --as-of-column label_date --out o.csv";
    check(
        &project(),
        words,
        expect![[r#"
        error: invalid value 'purchase_count_30d' for '--features <REFERENCES>': "purchase_count_30d" is not a feature reference: write view:feature or view@v2:feature

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn an_unknown_service() {
    check(
        &project(),
        &BACKFILL.replace("churn_v1", "chrun_v1"),
        expect![[r#"
        error: unknown service "chrun_v1": did you mean "churn_v1"? known services: churn_v1
    "#]],
    );
}

#[test]
fn an_unknown_source() {
    check(
        &project(),
        &format!("{BACKFILL} --source event=events.csv"),
        expect![[r#"
        error: unknown source "event": did you mean "events"? known sources: events
    "#]],
    );
    check_online(
        &project(),
        "ingest --source event events.csv",
        expect![[r#"
        error: unknown source "event": did you mean "events"? known sources: events
    "#]],
    );
    check_online(
        &project(),
        "materialize --source event=events.csv",
        expect![[r#"
        error: unknown source "event": did you mean "events"? known sources: events
    "#]],
    );
}

#[test]
fn two_features_of_one_name() {
    let project = project();
    let second = "[views.again]\nsources = [\"events\"]\ntransform = \"CHURN\"\n";
    project.configure(&format!("{}{second}", churn_toml(&["events.csv"], "", "")));
    let words = "backfill --features activity:purchase_count_30d,again:purchase_count_30d --spine labels.csv \
                 --as-of-column label_date --out out.csv";
    check(
        &project,
        words,
        expect![[r#"
        error: two of the features asked for would be in one column purchase_count_30d: give --full-feature-names, or name it once
    "#]],
    );
    let ran = project.run(&format!("{words} --full-feature-names"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}
