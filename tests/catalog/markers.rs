//! Whatever a project says of its things is shown, by every door.
//!
//! `project.toml` sets every fact that there is, each with a text or a number that stands nowhere else; the parser's own list of settings
//! says whether one was forgotten, or has been added since.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{good, json_of, view_of_parameters};
use crate::support::http::Client;
use crate::support::{Project, Served};

/// What is described, a setting of it, the text by which JSON shows it, and the text by which people are shown it (where that is the
/// same, nothing); with one space between words.
type Marker = (&'static str, &'static str, &'static str, &'static str);

const MARKERS: [Marker; 65] = [
    ("entity:person", "keys", "m_key", ""),
    ("entity:person", "description", "m_entity_description", ""),
    ("source:visits", "entity", "\"entities\": [ \"person\" ]", "entities person"),
    ("source:moves", "entities", "\"entities\": [ \"person\" ]", "entities person"),
    ("source:visits", "files", "\"files\": [ \"m_files.csv\" ]", "files m_files.csv"),
    ("source:visits", "event_time", "\"event_time\": \"m_event_time\"", "event time m_event_time"),
    ("source:visits", "event_time_unit", "\"event_time_unit\": \"ms\"", "event time m_event_time, integers of ms"),
    ("source:visits", "arrival_time", "\"arrival_time\": \"m_arrival_time\"", "arrival time m_arrival_time"),
    (
        "source:visits",
        "arrival_time_unit",
        "\"arrival_time_unit\": \"us\"",
        "arrival time m_arrival_time, integers of us",
    ),
    ("source:moves", "time_format", "m_format", "time format %d.%m.%Y %H:%M m_format"),
    ("source:visits", "event_id", "\"event_id\": \"m_event_id\"", "event id m_event_id"),
    ("source:visits", "columns", "m_mapped_column", ""),
    ("source:visits", "skip_offsets", "\"skip_offsets\": [ 1 ]", "left out offset 1"),
    ("source:visits", "materialize_every", "\"materialize_every\": \"7010us\"", "materialized every 7010us"),
    ("source:visits", "on_bad_event", "\"on_bad_event\": \"dead_letter\"", "bad events dead_letter"),
    ("source:visits", "expect", "\"expect\": { \"amount\"", "expected amount"),
    ("expectation", "min", "at least 0.7011", ""),
    ("expectation", "max", "at most 7012.5", ""),
    ("expectation", "values", "m_expected_value", ""),
    ("expectation", "null_share_max", "at most 0.7013 of them null", ""),
    ("source:visits", "fields", "\"name\": \"kind\"", "kind: text"),
    ("source:visits", "derived", "amount * 7001", ""),
    ("source:visits", "description", "m_source_description", ""),
    ("source:visits", "owner", "m_source_owner", ""),
    ("source:visits", "tags", "m_source_tag_value", "m_source_tag=m_source_tag_value"),
    ("source field", "type", "\"type\": \"float64\"", "amount: float64"),
    ("source field", "nullable", "\"nullable\": false", "amount: float64;"),
    ("source field", "description", "m_field_description", ""),
    ("view:spending", "version", "7002", ""),
    ("view:spending", "entity", "\"entity\": \"person\"", "entity person"),
    ("view:spending", "sources", "\"sources\": [ \"visits\" ]", "sources visits"),
    ("view:offer", "inputs", "\"inputs\": [ \"spending:total as m_input\"", "inputs spending:total as m_input"),
    ("view:scaled", "parameters", "7009", ""),
    ("view:scaled", "transform", "\"transform\": \"/", "transform /"),
    ("view:place", "latest", "\"latest\": [ \"city\" ]", "latest city"),
    ("view:place", "tie_break", "\"tie_break\": \"rank + 7008\"", "tie break rank + 7008"),
    ("view:offer", "request", "m_request_field", ""),
    ("view:spending", "owner", "m_view_owner", ""),
    ("view:spending", "description", "m_view_description", ""),
    ("view:spending", "ttl", "\"ttl\": \"7003us\"", "ttl 7003us"),
    ("view:spending", "freshness", "\"freshness\": \"7004us\"", "freshness 7004us"),
    ("view:spending", "tags", "m_view_tag_value", "m_view_tag=m_view_tag_value"),
    ("view:spending", "features", "\"name\": \"total\"", "total: float64"),
    ("feature:spending:total", "owner", "m_feature_owner", ""),
    ("feature:spending:total", "description", "m_feature_description", ""),
    ("feature:spending:total", "default", "\"default\": 7005.5", "default 7005.5"),
    ("feature:spending:total", "ttl", "\"ttl\": \"7006us\"", "ttl 7006us"),
    ("feature:spending:total", "freshness", "\"freshness\": \"7007us\"", "freshness 7007us"),
    ("feature:spending:total", "profile_values", "\"profile_values\": true", "profiles name its texts"),
    ("feature:spending:total", "tags", "m_feature_tag_value", "m_feature_tag=m_feature_tag_value"),
    ("service:model", "features", "\"selects\": [ \"spending:total\"", "gives spending:total"),
    ("service:model", "owner", "m_service_owner", ""),
    ("service:model", "description", "m_service_description", ""),
    ("service:model", "tags", "m_service_tag_value", "m_service_tag=m_service_tag_value"),
    ("request field", "type", "\"type\": \"float64\"", "m_request_input: float64"),
    ("request field", "nullable", "\"nullable\": false", "m_request_input: float64;"),
    ("request field", "description", "m_request_description", ""),
    ("own request field", "type", "\"type\": \"float64\"", "m_request_field: float64"),
    ("own request field", "nullable", "\"nullable\": true", "m_request_field: float64 or null"),
    ("own request field", "description", "m_own_request_description", ""),
    // Of the making of a feature, what decides it.
    ("feature:spending:total", "sum", "sum of doubled", ""),
    ("feature:spending:total", "window", "\"window\": \"in the closed 30 days", "window in the closed 30 days"),
    ("feature:place:city", "latest", "rank + 7008", ""),
    ("feature:offer:ratio", "expr", "m_input / m_request_field + m_request_input", ""),
    ("feature:spending:total", "view's tags", "m_view_tag_value", "m_view_tag=m_view_tag_value"),
];

/// The thing in which a marker is shown.
fn thing(of: &str) -> &str {
    match of {
        "source field" | "expectation" => "source:visits",
        "request field" | "own request field" => "view:offer",
        thing => thing,
    }
}

fn toml() -> String {
    format!("{}\n{}", include_str!("project.toml"), view_of_parameters())
}

/// A project that holds an event at the offset that it leaves out.
fn project() -> Project {
    let without = toml().replace("skip_offsets = [1]\n", "");
    let project = Project::new(&without);
    project.write("m_files.csv", "m_key,m_event_time,m_arrival_time,m_event_id,m_mapped_column,kind\np1,1704067200000,1704067200000000,e0,2.5,a\n");
    project.write("push.ndjson", "{\"m_key\": \"p1\", \"m_event_time\": 1704070800000, \"m_event_id\": \"e1\", \"m_mapped_column\": 1.5, \"kind\": \"a\"}\n");
    good(&project, "materialize");
    good(&project, "ingest --source visits push.ndjson");
    project.configure(&toml());
    good(&project, "materialize");
    project
}

/// The settings of a table, by the parser itself: it names them where one is unknown.
fn settings(project: &Project, before: &str, with_unknown: &str) -> Vec<String> {
    let text = toml();
    assert!(text.contains(before), "{before}");
    project.configure(&text.replacen(before, with_unknown, 1));
    let ran = project.run("list entities");
    project.configure(&text);
    let settings = ran.stderr.split("the fields of this table are ").nth(1);
    let settings = settings.unwrap_or_else(|| panic!("{}", ran.stderr)).lines().next().expect("a line");
    settings.split(", ").map(str::to_owned).collect()
}

#[test]
fn every_setting_has_a_marker() {
    let project = project();
    let tables = [
        ("entity:", "description = \"m_entity_description\"", "moons = 3"),
        ("source:", "description = \"m_source_description\"", "moons = 3"),
        ("source field", "description = \"m_field_description\"", "moons = 3"),
        ("view:", "description = \"m_view_description\"", "moons = 3"),
        ("service:", "description = \"m_service_description\"", "moons = 3"),
        ("request field", "description = \"m_request_description\"", "moons = 3"),
        ("own request field", "description = \"m_own_request_description\"", "moons = 3"),
        ("expectation", "null_share_max = 0.7013", "moons = 3"),
    ];
    for (of, before, unknown) in tables {
        for setting in settings(&project, before, unknown) {
            let is_marked = MARKERS.iter().any(|(thing, marked, ..)| thing.starts_with(of) && *marked == setting);
            assert!(is_marked, "what a project sets as {setting} of {of} has no marker: every door must show it");
        }
    }
    // The facts of a feature, which the parser names where the view has a transform.
    let facts = settings(&project, "[views.scaled]\n", "[views.scaled.features.x]\nmoons = 3\n[views.scaled]\n");
    assert!(facts.contains(&"owner".to_owned()), "{facts:?}");
    for fact in facts {
        let is_marked = MARKERS.iter().any(|(thing, marked, ..)| thing.starts_with("feature:") && *marked == fact);
        assert!(is_marked, "what a project sets as {fact} of a feature has no marker: every door must show it");
    }
    // A table that is new has things of its own to show.
    let tables = settings(&project, "[project]\n", "[moons]\n[project]\n");
    let known = ["include", "project", "entities", "sources", "views", "services", "request", "limits", "serving"];
    assert_eq!(tables, known);
}

#[test]
fn every_door_shows_every_marker() {
    let project = project();
    let served = Served::start(&project, "");
    let mut client = served.client();
    let things: BTreeSet<&str> = MARKERS.iter().map(|(of, ..)| thing(of)).collect();
    let shown: BTreeMap<&str, Shown> =
        things.into_iter().map(|thing| (thing, Shown::of(&project, &mut client, thing))).collect();
    let mut missing = Vec::new();
    for (of, setting, in_json, in_text) in MARKERS {
        let thing = thing(of);
        let in_text = if in_text.is_empty() { in_json } else { in_text };
        if !one_spaced(&shown[thing].text).contains(in_text) {
            missing.push(format!("describe {thing}: {setting} ({in_text})"));
        }
        let without = shown[thing].json.iter().filter(|(_, json)| !one_spaced(json).contains(in_json));
        missing.extend(without.map(|(door, _)| format!("{door} {thing}: {setting} ({in_json})")));
    }
    served.stop(&project);
    assert!(missing.is_empty(), "these are not shown:\n{}", missing.join("\n"));
    // What is looked for most is in the tables too.
    for (kind, markers) in [
        ("entities", &["m_entity_description"][..]),
        ("sources", &["m_source_description", "m_source_owner", "m_source_tag=m_source_tag_value"]),
        ("views", &["m_view_description", "m_view_owner", "m_view_tag=m_view_tag_value", "7004us"]),
        ("features", &["m_feature_description", "m_feature_owner", "m_feature_tag=m_feature_tag_value", "m_view_tag="]),
        ("services", &["m_service_description", "m_service_owner", "m_service_tag=m_service_tag_value"]),
    ] {
        let table = good(&project, &format!("list {kind}"));
        for marker in markers {
            assert!(table.contains(marker), "list {kind} does not show {marker}:\n{table}");
        }
    }
}

/// A text whose words have one space between them.
fn one_spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What the doors show of a thing.
struct Shown {
    text: String,
    json: Vec<(&'static str, String)>,
}

impl Shown {
    fn of(project: &Project, client: &mut Client, thing: &str) -> Self {
        let described = json_of(project, &format!("describe {thing}"));
        let (kind, name) = thing.split_once(':').expect("a kind and a name");
        let path = if kind == "entity" { "entities".to_owned() } else { format!("{kind}s") };
        let mut over_http = |path: String| client.get(&path).expect("answers").json();
        let entry = over_http(format!("/v1/{path}/{name}"));
        let entries = over_http(format!("/v1/{path}"));
        let listed = json_of(project, &format!("list {path}"));
        let pretty = |value: &Value| serde_json::to_string_pretty(value).expect("JSON");
        let json = vec![
            ("describe --format json", pretty(&described)),
            ("list --format json", in_list(&listed[path.as_str()], &described)),
            ("GET /v1/ of one", pretty(&entry)),
            ("GET /v1/ of all", in_list(&entries[path.as_str()], &described)),
        ];
        Self { text: good(project, &format!("describe {thing}")), json }
    }
}

/// The entry of a list that is the one described, as text.
fn in_list(entries: &Value, described: &Value) -> String {
    let kind = described["kind"].as_str().expect("a kind");
    let entries = entries.as_array().expect("a list");
    let found = entries.iter().find(|entry| entry[kind] == described[kind]);
    // As `describe` indents it.
    serde_json::to_string_pretty(found.expect("is listed")).expect("JSON")
}
