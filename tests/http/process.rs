//! The process: what it tells of itself, and how it ends.

use serde_json::{Value as Json, json};

use super::{good, project, purchases, push, start, verified};
use crate::support::{Project, Served, churn_toml};

#[test]
fn metrics_tell_what_happened() {
    let project = project();
    let (served, mut client) = start(&project);
    push(&mut client, &purchases("c1", &[10.0, 20.0]));
    push(&mut client, &purchases("c1", &[10.0]));
    good(
        &mut client,
        "/get-online-features",
        &json!({"entities": {"customer_id": ["c1", "c2"]}, "feature_service": "churn_v1"}),
    );
    client.post("/get-online-features", "{}").expect("answers");
    client.get("/nothing").expect("answers");
    let reply = client.get("/metrics").expect("answers");
    assert_eq!(reply.header("content-type"), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    let metrics = reply.text();
    for line in [
        "onepath_http_requests_total{route=\"/push\",status=\"200\"} 2",
        "onepath_http_requests_total{route=\"/get-online-features\",status=\"200\"} 1",
        "onepath_http_requests_total{route=\"/get-online-features\",status=\"422\"} 1",
        "onepath_http_requests_total{route=\"unmatched\",status=\"404\"} 1",
        "onepath_http_request_seconds_count{route=\"/get-online-features\"} 2",
        "onepath_http_refusals_total{cause=\"malformed\"} 1",
        "onepath_http_refusals_total{cause=\"no_route\"} 1",
        "onepath_http_in_flight 1",
        "onepath_entities_total 2",
        "onepath_evaluation_seconds_count 1",
        "onepath_events_total 2",
        "onepath_duplicate_events_total 1",
        "onepath_log_offset 2",
        "onepath_view_freshness_seconds{view=\"activity@v1\"} 3600.0",
    ] {
        assert!(metrics.lines().any(|known| known == line), "{line} is not in\n{metrics}");
    }
    let value = |name: &str| {
        let line = metrics.lines().find(|line| line.starts_with(name));
        let value = line.and_then(|line| line.rsplit_once(' ')).and_then(|(_, value)| value.parse::<f64>().ok());
        value.unwrap_or_else(|| panic!("{name} is not in\n{metrics}"))
    };
    let age = value("onepath_view_age_seconds{view=\"activity@v1\"}");
    assert!((0.5..600.0).contains(&age), "{age}");
    assert!(value("onepath_states_cached") >= 1.0);
    assert_eq!(value("onepath_served_dropped_total"), 0.0);
    assert!(metrics.ends_with("# EOF\n"));
    drop(served);
}

#[test]
fn every_answer_has_a_request_id() {
    let project = project();
    let (served, mut client) = start(&project);
    let own = client.send("GET", "/health", &[("x-request-id", "abc-123")], b"").expect("answers");
    assert_eq!(own.header("x-request-id"), Some("abc-123"));
    let ids: Vec<String> = ["/health", "/nothing", "/v1/views"]
        .map(|path| client.get(path).expect("answers").header("x-request-id").expect("has an id").to_owned())
        .to_vec();
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2], "{ids:?}");
    let long = "x".repeat(1_000);
    let replaced = client.send("GET", "/health", &[("x-request-id", &long)], b"").expect("answers");
    assert!(replaced.header("x-request-id").is_some_and(|id| id.len() < 100));
    drop(served);
}

#[test]
fn the_log_is_json_and_names_the_request() {
    let project = project();
    let served = Served::start(&project, "--log debug --log-format json");
    let mut client = served.client();
    client.send("POST", "/push", &[("x-request-id", "bad-one")], b"{}").expect("answers");
    client.send("GET", "/health", &[("x-request-id", "good-one")], b"").expect("answers");
    let ran = served.stop(&project);
    let lines: Vec<Json> = ran.stderr.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    let line = |id: &str| lines.iter().find(|line| line["id"] == id).expect("is logged");
    let bad = line("bad-one");
    assert_eq!((&bad["level"], &bad["status"], &bad["cause"]), (&json!("INFO"), &json!(422), &json!("malformed")));
    assert_eq!(bad["reason"], "push_source_name: is missing: name the source of the events");
    assert_eq!((&line("good-one")["level"], &line("good-one")["path"]), (&json!("DEBUG"), &json!("/health")));
}

#[test]
fn unknown_paths_and_methods_are_told_in_their_dialect() {
    let project = project();
    let (_served, mut client) = start(&project);
    let reply = client.get("/get-online-features").expect("answers");
    let detail = "GET is not a method of /get-online-features: GET /openapi.json names those that it has";
    assert_eq!((reply.status, reply.json()), (405, json!({"detail": detail})));
    let reply = client.post("/v1/nothing", "").expect("answers");
    assert_eq!((reply.status, reply.json()["error"]["cause"].as_str()), (404, Some("no_route")));
    let document = client.get("/openapi.json").expect("answers").json();
    assert_eq!(document["openapi"], "3.1.0");
    let views = client.get("/v1/views").expect("answers").json();
    assert_eq!(views["views"][0]["view"], "activity@v1");
    let services = client.get("/v1/services").expect("answers").json();
    assert_eq!(services["services"][1]["service"], "cart_v1");
}

#[test]
fn a_server_that_is_told_to_stop_finishes_what_it_has_begun() {
    let project = project();
    let (served, mut client) = start(&project);
    push(&mut client, &purchases("c1", &[10.0]));
    let body = json!({"push_source_name": "events", "df": purchases("c2", &[1.0, 2.0])}).to_string();
    let head =
        format!("POST /push HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n", body.len());
    let mut begun = served.client();
    begun.write(head.as_bytes()).expect("writes");
    assert_eq!(begun.reply().expect("the server asks for the body").status, 100);
    served.terminate();
    // The idle connection ends, which tells that the server was told.
    assert!(client.is_closed());
    begun.write(body.as_bytes()).expect("writes");
    let reply = begun.reply().expect("answers");
    assert_eq!((reply.status, reply.header("connection")), (200, Some("close")));
    let ran = served.wait(&project);
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (0, "stopped: requests in flight were answered, and all that was served is recorded\n")
    );
    assert!(ran.stderr.contains("stopping"), "{}", ran.stderr);

    let (_again, mut client) = start(&project);
    let body = json!({"entities": {"customer_id": ["c1", "c2"]}, "feature_service": "churn_v1"});
    assert_eq!(good(&mut client, "/get-online-features", &body)["results"][1]["values"], json!([1, 2]));
}

#[test]
fn what_was_served_survives_a_kill() {
    let project = project();
    let (served, mut client) = start(&project);
    push(&mut client, &purchases("c1", &[10.0, 20.0]));
    served.kill();
    let (served, mut client) = start(&project);
    push(&mut client, &purchases("c1", &[10.0, 20.0, 30.0]));
    let body = json!({"entities": {"customer_id": ["c1"]}, "feature_service": "churn_v1"});
    assert_eq!(good(&mut client, "/get-online-features", &body)["results"][1]["values"], json!([3]));
    served.stop(&project);
    verified(&project);
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let project = project();
    let (served, _client) = start(&project);
    let other = super::project();
    let ran = other.run(&format!("serve --listen {}", served.address));
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    let expected = format!(
        "error: cannot listen on {}: free the address, or choose another with --listen: Address already",
        served.address
    );
    assert!(ran.stderr.contains(&expected), "{}", ran.stderr);
    // The stores have one writer.
    let ran = project.run("serve --listen 127.0.0.1:0");
    assert_eq!((ran.code, ran.stdout.as_str()), (4, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("another onepath process is writing"), "{}", ran.stderr);
}

#[test]
fn a_pin_refuses_what_did_not_train_the_model() {
    let project = Project::churn(&["events.csv"], "", "");
    project.write("events.csv", "customer_id,event_type,amount,event_timestamp\nc1,purchase,10,2024-01-01\n");
    project.write("labels.csv", "customer_id,label_date,churned\nc1,2024-02-01,0\n");
    let backfill = "backfill --service churn_v1 --spine labels.csv --as-of-column label_date --out training.csv";
    assert_eq!(project.run(backfill).code, 0);
    assert_eq!(project.run("materialize").code, 0);
    let served = Served::start(&project, "--pin training.csv.manifest.json");
    let status = served.client().get("/v1/status").expect("answers").json();
    assert_eq!(status["warnings"], json!([]));
    assert_eq!(served.stop(&project).code, 0);

    // Until it is materialized, what is served is the project that trained the model.
    project.configure(&churn_toml(&["events.csv"], "", "ttl = \"30d\""));
    let served = Served::start(&project, "--pin training.csv.manifest.json");
    let status = served.client().get("/v1/status").expect("answers").json();
    assert!(status["behind"].as_str().is_some_and(|behind| behind.contains("ttl")), "{status}");
    assert_eq!(served.stop(&project).code, 0);
    assert_eq!(project.run("materialize").code, 0);
    let ran = project.run("serve --listen 127.0.0.1:0 --pin training.csv.manifest.json");
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    expect_test::expect![[r#"
        error: what would be served differs from what made the training set of training.csv.manifest.json:
          view activity@v1, ttl: trained with none, now 30d
        put back what made it, or train again and pin the new manifest
    "#]]
    .assert_eq(&ran.stderr);
    let ran = project.run("serve --listen 127.0.0.1:0 --pin labels.csv");
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("labels.csv is not a manifest of a training set"), "{}", ran.stderr);
}
