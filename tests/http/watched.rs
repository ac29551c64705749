//! What a monitoring system is given: metrics, rules and a dashboard that are about the same things.

use std::collections::BTreeSet;

use serde_json::json;

use super::{good, start};
use crate::support::Project;

/// A project in which everything that is watched is set.
fn watched() -> Project {
    let project = Project::new(
        r#"[project]
name = "shop"
[entities.customer]
keys = { customer_id = "text" }
[sources.events]
entity = "customer"
event_time = "at"
files = ["events.csv"]
materialize_every = "1d"
fields = { amount = { type = "float64", nullable = true } }
expect = { amount = { min = 0, null_share_max = 0.5 } }
on_bad_event = "count"
[views.spent]
sources = ["events"]
freshness = "1h"
[views.spent.features]
spent = { sum = "amount", default = 0.0 }
[services.all]
features = ["spent:*"]
"#,
    );
    project.write("events.csv", "customer_id,at,amount\nc1,2024-01-01,5\nc2,2024-02-01,7\n");
    project
}

/// Every name of a metric in a text.
fn names(text: &str) -> BTreeSet<String> {
    let is_of_name = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    let starts = text.match_indices("onepath_").map(|(at, _)| at);
    let name = |at: usize| {
        let rest = &text[at..];
        let end = rest.bytes().position(|byte| !is_of_name(byte)).unwrap_or(rest.len());
        let name = &rest[..end];
        ["_total", "_bucket"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name).to_owned()
    };
    starts.map(name).collect()
}

#[test]
fn rules_and_dashboard_name_metrics_that_there_are() {
    let project = watched();
    let ran = project.run("materialize");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let (served, mut client) = start(&project);
    good(&mut client, "/v1/features", &json!({"service": "all", "inputs": {"customer_id": ["c1"]}}));
    assert_eq!(client.post("/v1/features", "{").expect("answers").status, 422);
    let metrics = client.get("/metrics").expect("answers");
    let types = metrics.text().lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let known: BTreeSet<String> = types.map(str::to_owned).collect();
    for (what, text) in
        [("rules", project.run("monitor rules").stdout), ("dashboard", project.run("monitor dashboard").stdout)]
    {
        let named = names(&text);
        assert!(named.len() > 8, "{what}: {named:?}");
        let unknown: Vec<&String> = named.difference(&known).collect();
        assert!(unknown.is_empty(), "{what} names what no server has: {unknown:?}");
    }
    let dashboard: serde_json::Value =
        serde_json::from_str(&project.run("monitor dashboard").stdout).expect("the dashboard is JSON");
    assert!(dashboard["panels"].as_array().is_some_and(|panels| panels.len() == 10), "{dashboard}");
    for line in [
        "onepath_materialization_late_after_seconds{source=\"events\"} 172800.0",
        "onepath_view_freshness_seconds{view=\"spent@v1\"} 3600.0",
        "onepath_source_null_share{source=\"events\",field=\"amount\"} NaN",
    ] {
        assert!(metrics.text().contains(line), "{line}: {}", metrics.text());
    }
    served.stop(&project);
}
