//! Views as wide as a view may be, and those that refuse some of their events.

use crate::support::Project;

use super::{good, run_alone};

/// Kinds of events, and days of windows; with five aggregates they make 2,000 features.
const KINDS: usize = 20;
const WINDOWS: usize = 20;
const AGGREGATES: [&str; 5] = ["sum", "mean", "min", "max", "variance"];

/// It is tried, built and asked. How long that takes is no matter here: a test is not alone on its machine.
#[test]
fn a_view_of_2000_features_is_admitted_and_answers() {
    let mut text = String::from(
        r#"
[project]
name = "wide"
[entities.customer]
keys = { customer_id = "text" }
[sources.events]
entity = "customer"
files = ["events.csv"]
event_time = "at"
[sources.events.fields]
kind = { type = "text", nullable = false }
amount = { type = "float64", nullable = true }
[views.wide]
sources = ["events"]
[views.wide.features]
"#,
    );
    for kind in 0..KINDS {
        for window in 1..=WINDOWS {
            for aggregate in AGGREGATES {
                let days = 3 * window;
                text += &format!(
                    "{aggregate}_{kind}_{days}d = {{ {aggregate} = \"amount\", where = \"kind = 'k{kind}'\", window = \"{days}d\" }}\n"
                );
            }
        }
    }
    text += "[services.all]\nfeatures = [\"wide:*\"]\n[limits]\nadmission_ms_max = 600000\n";
    let project = Project::new(&text);
    project.write(
        "events.csv",
        "customer_id,at,kind,amount\na,2024-01-01,k7,1\na,2024-01-05,k7,2.5\na,2024-01-08,k7,4\na,2024-01-08,k8,9\n",
    );
    project.write("labels.csv", "customer_id,at\na,2024-01-09\n");
    let built = good(run_alone(&project, "build"));
    assert!(built.contains("wide@v1: declared, 2,000 features; state: "), "{built}");
    good(run_alone(&project, "backfill --service all --spine labels.csv --as-of-column at --out training.csv"));
    let training = std::fs::read_to_string(project.path("training.csv")).expect("is there");
    let mut lines = training.lines().map(|line| line.split(','));
    let (names, mut values) = (lines.next().expect("a header"), lines.next().expect("a row"));
    let values: std::collections::BTreeMap<&str, &str> =
        names.map(|name| (name, values.next().expect("a value"))).collect();
    assert_eq!(values.len(), 2_002);
    let of = |name: &str| values.get(name).copied().unwrap_or_else(|| panic!("no column {name}"));
    assert_eq!(of("sum_7_3d"), "4.0");
    assert_eq!([of("sum_7_6d"), of("mean_7_6d"), of("min_7_6d")], ["6.5", "3.25", "2.5"]);
    assert_eq!([of("sum_7_60d"), of("max_7_60d"), of("variance_7_60d")], ["7.5", "4.0", "1.5"]);
    assert_eq!([of("sum_8_60d"), of("sum_9_60d")], ["9.0", ""]);
}

/// A text that is no number is refused where it is cast, and what is measured is measured of the others.
#[test]
fn the_state_of_a_view_that_refuses_some_events_is_measured() {
    let project = Project::new(
        r#"
[project]
name = "casts"
[entities.driver]
keys = { driver = "text" }
[sources.stats]
entity = "driver"
files = ["stats.csv"]
event_time = "at"
[sources.stats.fields]
kind = { type = "text", nullable = false }
trips = { type = "text", nullable = false }
[views.drives]
sources = ["stats"]
[views.drives.features]
trips_7d = { sum = "CAST(trips AS BIGINT)", where = "trips IN ('1', '17') OR kind = 'counted'", window = "7d" }
"#,
    );
    project.write("stats.csv", "driver,at,kind,trips\n7,2024-01-01,counted,4\n");
    let json = good(run_alone(&project, "explain drives --format json"));
    let json: serde_json::Value = serde_json::from_str(&json).expect("is JSON");
    assert!(json["growth"]["bytes_per_event"].as_f64().is_some_and(|bytes| bytes > 0.0), "{json}");
}
