//! What a monitoring system is given: metrics, rules and a dashboard that are about the same things.

use std::collections::BTreeSet;

use serde_json::json;

use super::good;
use crate::support::{Project, Served};

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
    // What a model was trained on: two hundred customers, each with an amount of its own.
    let people = |count: usize| (0..count).map(|at| format!("p{at}"));
    let events: String = people(200).enumerate().map(|(at, who)| format!("{who},2024-03-01,{at}\n")).collect();
    let labels: String = people(200).map(|who| format!("{who},2024-03-02\n")).collect();
    project.write("events.csv", format!("customer_id,at,amount\n{events}"));
    project.write("labels.csv", format!("customer_id,at\n{labels}"));
    let ran = project.run("backfill --service all --spine labels.csv --as-of-column at --out training.csv");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let ran = project.run("materialize");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let served = Served::start(&project, "--pin training.csv.manifest.json");
    let mut client = served.client();
    // Served are those of the upper half alone.
    let upper: Vec<String> = people(200).skip(100).collect();
    for _ in 0..3 {
        good(&mut client, "/v1/features", &json!({"service": "all", "inputs": {"customer_id": upper}}));
    }
    // They are counted once they are recorded.
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let lately = loop {
        let status = client.get("/v1/status").expect("answers").json();
        if status["served_lately"][0]["vectors"] == json!(300) || std::time::Instant::now() > end {
            break status["served_lately"].clone();
        }
    };
    assert_eq!(lately[0]["nulls"], json!(0), "{lately}");
    assert!(lately[0]["psi"].as_f64().is_some_and(|psi| psi > 1.0), "{lately}");
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
    assert!(dashboard["panels"].as_array().is_some_and(|panels| panels.len() == 12), "{dashboard}");
    for line in [
        "onepath_materialization_late_after_seconds{source=\"events\"} 172800.0",
        "onepath_view_freshness_seconds{view=\"spent@v1\"} 3600.0",
        "onepath_source_null_share{source=\"events\",field=\"amount\"} NaN",
        "onepath_feature_null_share{service=\"all\",feature=\"spent@v1:spent\"} 0.0",
    ] {
        assert!(metrics.text().contains(line), "{line}: {}", metrics.text());
    }
    served.stop(&project);
}
