//! Events that are not as their source expects, through every way of pushing them.

use serde_json::json;

use super::{good, start, verified};
use crate::support::Project;

/// A project whose amounts are from 0 to 1,000, and mostly there.
fn expecting(on_bad_event: &str) -> Project {
    Project::new(&format!(
        r#"[project]
name = "shop"
[entities.customer]
keys = {{ customer_id = "text" }}
[sources.events]
entity = "customer"
event_time = "at"
event_id = "id"
on_bad_event = "{on_bad_event}"
[sources.events.fields]
event_type = {{ type = "text", nullable = false }}
amount = {{ type = "float64", nullable = true }}
[sources.events.columns]
amount = "total"
[sources.events.expect]
event_type = {{ values = ["purchase", "view", "return"] }}
amount = {{ min = 0, max = 1000, null_share_max = 0.5 }}
[views.spent]
sources = ["events"]
[views.spent.features]
spent = {{ sum = "amount", where = "event_type = 'purchase'", default = 0.0 }}
[services.all]
features = ["spent:*"]
"#
    ))
}

const BAD: &str = "customer_id,at,id,event_type,total\nc1,2024-01-01,1,purchase,5\nc1,2024-01-02,2,purchase,-7\nc1,2024-01-03,3,refund,2\n";

fn spent(client: &mut crate::support::http::Client) -> serde_json::Value {
    let body = json!({"service": "all", "inputs": {"customer_id": ["c1"]}});
    good(client, "/v1/features", &body)["features"][0]["values"][0].clone()
}

#[test]
fn a_push_is_refused_with_its_row_and_column() {
    let project = expecting("reject_push");
    project.write("bad.csv", BAD);
    let ran = project.run("ingest bad.csv --source events");
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("bad.csv, row 2, column total: is -7.0, and the project expects at least 0.0"),
        "{}",
        ran.stderr
    );
    let (served, mut client) = start(&project);
    let event = |id: u32, kind: &str, total: f64| json!({"customer_id": "c1", "at": "2024-01-01T00:00:00Z", "id": id.to_string(), "event_type": kind, "total": total});
    let events = json!({"events": [event(1, "purchase", 5.0), event(2, "refund", 1.0)]});
    let reply = client.post("/v1/events/events", events.to_string()).expect("answers");
    assert_eq!(reply.status, 422, "{}", reply.text());
    assert!(reply.text().contains("event_type"), "{}", reply.text());
    assert!(reply.text().contains(r#"is \"refund\", and the project expects one of"#), "{}", reply.text());
    // Feast's own push, by columns.
    let columns = json!({"push_source_name": "events", "df": {
        "customer_id": ["c1"], "at": ["2024-01-01T00:00:00Z"], "id": ["9"], "event_type": ["purchase"], "total": [1e9],
    }, "to": "online"});
    let reply = client.post("/push", columns.to_string()).expect("answers");
    assert_eq!(reply.status, 422, "{}", reply.text());
    assert!(reply.text().contains("and the project expects at most 1000.0"), "{}", reply.text());
    assert_eq!(spent(&mut client), json!(0.0), "nothing was taken");
    served.stop(&project);
}

#[test]
fn bad_events_are_set_aside_and_the_others_taken() {
    let project = expecting("dead_letter");
    project.write("bad.csv", BAD);
    let ran = project.run("ingest bad.csv --source events");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("1 event appended"), "{}", ran.stdout);
    assert!(
        ran.stdout
            .contains("2 events were set aside in .onepath/dead_letters/events.ndjson: not as the source expects"),
        "{}",
        ran.stdout
    );
    let letters = std::fs::read_to_string(project.path(".onepath/dead_letters/events.ndjson")).expect("is there");
    let letters: Vec<serde_json::Value> =
        letters.lines().map(|line| serde_json::from_str(line).expect("is JSON")).collect();
    assert_eq!(letters.len(), 2);
    assert_eq!((&letters[0]["field"], &letters[0]["row"]), (&json!("amount"), &json!(2)));
    assert_eq!(letters[0]["event"]["amount"], json!(-7.0));
    assert_eq!(letters[0]["event"]["customer_id"], json!("c1"));
    assert_eq!(
        letters[1]["message"],
        json!("is \"refund\", and the project expects one of \"purchase\", \"view\", \"return\"")
    );

    let (served, mut client) = start(&project);
    let events = json!({"events": [
        {"customer_id": "c1", "at": "2024-01-04T00:00:00Z", "id": "4", "event_type": "purchase", "total": 10.0},
        {"customer_id": "c1", "at": "2024-01-05T00:00:00Z", "id": "5", "event_type": "purchase", "total": 5000.0},
    ]});
    let applied = good(&mut client, "/v1/events/events", &events);
    assert_eq!((&applied["appended"], &applied["dead_letters"]), (&json!(1), &json!(1)), "{applied}");
    assert_eq!(spent(&mut client), json!(15.0));
    let status = client.get("/v1/status").expect("answers").json();
    assert_eq!(status["expectations"][1]["dead_letters"], json!(1), "{status}");
    let metrics = client.get("/metrics").expect("answers");
    assert!(
        metrics.text().contains("onepath_dead_letters_total{source=\"events\",field=\"amount\"} 1"),
        "{}",
        metrics.text()
    );
    served.stop(&project);
    verified(&project);
}

#[test]
fn bad_events_and_nulls_are_counted() {
    let project = expecting("count");
    let (served, mut client) = start(&project);
    let mut events = Vec::new();
    for id in 0..200 {
        let total = if id < 120 { json!(null) } else { json!(-1.0) };
        events.push(json!({
            "customer_id": "c1", "at": "2024-01-04T00:00:00Z", "id": id.to_string(), "event_type": "purchase", "total": total,
        }));
    }
    let push = |events: &[serde_json::Value]| json!({"events": events});
    // Of fewer than a hundred events a share says little.
    good(&mut client, "/v1/events/events", &push(&events[..90]));
    let of_amount = |client: &mut crate::support::http::Client| {
        client.get("/v1/status").expect("answers").json()["expectations"][1].clone()
    };
    let early = of_amount(&mut client);
    assert_eq!(
        (&early["events"], &early["null_share"], &early["is_met"]),
        (&json!(90), &json!(1.0), &json!(true)),
        "{early}"
    );
    good(&mut client, "/v1/events/events", &push(&events[90..]));
    let late = of_amount(&mut client);
    assert_eq!(
        (&late["nulls"], &late["null_share"], &late["is_met"]),
        (&json!(120), &json!(0.6), &json!(false)),
        "{late}"
    );
    assert_eq!((&late["bad_events"], &late["dead_letters"]), (&json!(80), &json!(0)), "{late}");
    assert_eq!(spent(&mut client), json!(-80.0), "they are taken");
    let metrics = client.get("/metrics").expect("answers");
    for line in [
        "onepath_bad_events_total{source=\"events\",field=\"amount\"} 80",
        "onepath_source_null_share{source=\"events\",field=\"amount\"} 0.6",
        "onepath_source_null_share_max{source=\"events\",field=\"amount\"} 0.5",
    ] {
        assert!(metrics.text().contains(line), "{line}: {}", metrics.text());
    }
    let ran = served.stop(&project);
    assert!(
        ran.stderr.contains("source events: 120 of the last 200 events have no amount, more than null_share_max"),
        "{}",
        ran.stderr
    );
    verified(&project);
}
