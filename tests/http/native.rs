//! The typed API under `/v1`.

use serde_json::json;

use super::{good, project, purchases, push, refused, start, verified};
use crate::support::http::Client;
use crate::support::{Project, at};

#[test]
fn an_answer_tells_as_of_offset_and_components() {
    let project = project();
    let (served, mut client) = start(&project);
    push(&mut client, &purchases("c1", &[10.0, 20.0]));
    let body = json!({"service": "cart_v1", "inputs": {"customer_id": ["c1", "nobody"], "cart_value": [3.0, 1]}});
    let answer = good(&mut client, "/v1/features", &body);
    assert_eq!((&answer["offset"], &answer["replayed"]), (&json!(2), &json!(false)));
    let as_of = at(answer["as_of"].as_str().expect("a time"));
    assert_eq!(answer["features"][0]["feature"], "activity:purchase_count_30d");
    assert_eq!(answer["features"][0]["type"], "int64");
    assert_eq!(answer["features"][1]["values"], json!([1.5, null]));
    assert_eq!(answer["features"][0]["statuses"], json!(["PRESENT", "NOT_FOUND"]));
    let view = &answer["views"][0];
    assert_eq!(view["view"], "activity@v1");
    assert_eq!(view["component"].as_str().map(str::len), Some(64));
    let newest = at(view["newest_events"][0].as_str().expect("a time"));
    assert!(newest < as_of && view["newest_events"][1].is_null(), "{view}");

    // The same service tells the same component, and what it reads.
    let service = client.get("/v1/services/cart_v1").expect("answers").json();
    assert_eq!(service["views"][0]["component"], view["component"]);
    assert_eq!(service["inputs"][0], json!({"name": "customer_id", "type": "text", "nullable": false, "key": true}));
    assert_eq!(service["inputs"][1], json!({"name": "cart_value", "type": "float64", "nullable": false, "key": false}));
    assert_eq!(
        service["features"][1],
        json!({"feature": "cart:cart_per_purchase", "type": "float64", "view": "cart@v1"})
    );

    // A later as-of is not before an earlier one.
    let again = good(&mut client, "/v1/features", &body);
    assert!(at(again["as_of"].as_str().expect("a time")) > as_of);
    served.stop(&project);
    verified(&project);
}

#[test]
fn a_moment_that_has_passed_is_answered_by_replay() {
    let project = project();
    let (served, mut client) = start(&project);
    push(&mut client, &purchases("c1", &[10.0]));
    let first = good(&mut client, "/v1/features", &json!({"service": "churn_v1", "inputs": {"customer_id": ["c1"]}}));
    push(&mut client, &purchases("c1", &[10.0, 20.0]));
    let body = json!({"features": ["activity:purchase_count_30d"], "inputs": {"customer_id": ["c1"]}, "as_of": first["as_of"]});
    let then = good(&mut client, "/v1/features", &body);
    assert_eq!((&then["replayed"], &then["as_of"], &then["offset"]), (&json!(true), &first["as_of"], &json!(1)));
    assert_eq!(then["features"][0]["values"], json!([1]));
    assert_eq!(then["views"][0]["newest_events"], first["views"][0]["newest_events"]);
    assert!(then["views"][0]["newest_events"][0].is_string(), "{then}");
    let body =
        json!({"features": ["activity:purchase_count_30d"], "inputs": {"customer_id": ["c1"]}, "as_of": "2999-01-01"});
    let (status, reply) = refused(&mut client, "/v1/features", &body);
    assert_eq!((status, &reply["error"]["cause"]), (422, &json!("invalid")));
    served.stop(&project);
    verified(&project);
}

/// An id names one event: the same event again is acknowledged again, another one under its id is refused, and nothing of its
/// push is kept.
#[test]
fn an_event_that_claims_the_id_of_another_is_refused() {
    let project = project();
    project.write(
        "history.ndjson",
        r#"{"id": "h", "customer_id": "c9", "event_type": "purchase", "amount": 9, "at": "2024-01-01"}"#,
    );
    project.configure(&super::PROJECT.replace("event_time = ", "files = [\"history.ndjson\"]\nevent_time = "));
    // The command line has the machine's clock, which must not be behind what this one writes.
    project.clock.set(at("2024-12-01"));
    project.open().materialize(&[], None).expect("materializes");
    let (served, mut client) = start(&project);
    let event = |id: &str, customer: &str, amount: f64| json!({"id": id, "customer_id": customer, "event_type": "purchase", "amount": amount, "at": "2024-02-29"});
    let push = |client: &mut Client, events: &[serde_json::Value]| {
        let reply = client.post("/v1/events/events", json!({"events": events}).to_string()).expect("answers");
        (reply.status, reply.json())
    };
    let counts =
        |(status, reply): (u16, serde_json::Value)| (status, reply["appended"].clone(), reply["duplicates"].clone());
    assert_eq!(counts(push(&mut client, &[event("k1", "c1", 1.0)])), (200, json!(1), json!(0)));
    // The same event: also with a number that says the same, and beside a new one.
    let again =
        json!({"id": "k1", "customer_id": "c1", "event_type": "purchase", "amount": 1, "at": "2024-02-29T00:00:00Z"});
    assert_eq!(counts(push(&mut client, &[again, event("k2", "c1", 2.0)])), (200, json!(1), json!(1)));
    let of_history =
        json!({"id": "h", "customer_id": "c9", "event_type": "purchase", "amount": 9.0, "at": "2024-01-01"});
    assert_eq!(counts(push(&mut client, std::slice::from_ref(&of_history))), (200, json!(0), json!(1)));

    for (events, message) in [
        (
            vec![event("k3", "c1", 3.0), event("k1", "b", 1.0)],
            "row 2: event id \"k1\" is already that of another event: that of entity c1 at 2024-02-29T00:00:00Z, offset 1 of the log",
        ),
        (vec![event("k2", "c1", 2.5)], "row 1: event id \"k2\" is already that of another event: that of entity c1"),
        (
            vec![event("k4", "c1", 4.0), event("k4", "c1", 4.0), event("k4", "c1", 5.0)],
            "row 3: event id \"k4\" is already that of another event: row 1 of this push",
        ),
        (
            vec![event("k5", "c1", 5.0), event("h", "c9", 9.0)],
            "row 2: event id \"h\" is already that of another event: one of the files of the materialized history",
        ),
    ] {
        let (status, reply) = push(&mut client, &events);
        assert_eq!((status, &reply["error"]["cause"]), (422, &json!("event_id_conflict")), "{reply}");
        let told = reply["error"]["message"].as_str().expect("a message");
        assert!(told.starts_with(message), "{told}");
    }
    // Feast's route says the same in Feast's words.
    let df =
        json!({"id": ["k1"], "customer_id": ["b"], "event_type": ["purchase"], "amount": [1.0], "at": ["2024-02-29"]});
    let (status, reply) = refused(&mut client, "/push", &json!({"push_source_name": "events", "df": df}));
    assert_eq!((status, &reply["detail"][0]["type"]), (422, &json!("event_id_conflict")), "{reply}");
    let metrics = client.get("/metrics").expect("answers");
    let refusals = metrics.text().lines().find(|line| line.contains("event_id_conflict")).map(str::to_owned);
    assert!(refusals.is_some_and(|line| line.ends_with(" 5") || line.ends_with(" 1")), "{}", metrics.text());
    let body = json!({"service": "churn_v1", "inputs": {"customer_id": ["c1", "b", "c9"]}});
    let answer = good(&mut client, "/v1/features", &body);
    assert_eq!(answer["offset"], json!(2));
    assert_eq!(answer["features"][0]["statuses"], json!(["PRESENT", "NOT_FOUND", "PRESENT"]));
    served.stop(&project);
    verified(&project);
}

#[test]
fn events_come_as_objects_or_as_lines() {
    let project = project();
    let (served, mut client) = start(&project);
    let event = |id: u32, amount: f64| json!({"id": id.to_string(), "customer_id": "c1", "event_type": "purchase", "amount": amount, "at": "2024-02-29"});
    let body = json!({"events": [event(1, 10.0), event(2, 20.0)]});
    let applied = good(&mut client, "/v1/events/events", &body);
    assert_eq!(applied, json!({"appended": 2, "duplicates": 0, "adjusted": 0, "offset": 2}));
    let lines = format!("{}\n\n{}\r\n", event(2, 20.0), event(3, 30.0));
    let kind = [("content-type", "application/x-ndjson")];
    let applied = client.send("POST", "/v1/events/events", &kind, lines.as_bytes()).expect("answers").json();
    assert_eq!(applied, json!({"appended": 1, "duplicates": 1, "adjusted": 0, "offset": 3}));

    for (body, cause, at, message) in [
        (
            json!({"events": [event(4, 1.0), {"id": "5"}]}),
            "malformed",
            json!(["events", 1, "customer_id"]),
            "events, row 2, customer_id: is null",
        ),
        (
            json!({"events": [event(4, 1.0), {"id": "5", "amuont": 1.0}]}),
            "malformed",
            json!(["events", 1, "amuont"]),
            "events, row 2, amuont: is not a field of source events; they are: customer_id, at, id, event_type, amount; add to \
             onepath.toml, under [sources.events.fields]: amuont = \"float64\"",
        ),
        (json!({"events": {}}), "malformed", json!(["events"]), "events: invalid type: map, expected a sequence"),
        (
            json!({"events": [], "and": 1}),
            "malformed",
            json!(["and"]),
            "and: is not a field of this request; they are: events",
        ),
        (json!({}), "malformed", json!(["events"]), "events: is missing: give a list of objects, one per event"),
    ] {
        let (status, reply) = refused(&mut client, "/v1/events/events", &body);
        let expected = json!({"error": {"cause": cause, "message": message, "at": at}});
        assert_eq!((status, reply), (422, expected));
    }
    let bad = client.send("POST", "/v1/events/events", &kind, b"{}\n{\"id\": 1,}\n").expect("answers");
    let message = bad.json()["error"]["message"].as_str().expect("a message").to_owned();
    assert!(message.starts_with("line 2: the body is not JSON"), "{message}");
    // Lines are counted as they stand, the blank ones too.
    for (second, at, expected) in [
        (json!({"id": "5"}).to_string(), json!([2, "customer_id"]), "line 3, customer_id: is null"),
        (
            event(5, 1.0).to_string().replace("\"at\"", "\"when\""),
            json!([2, "when"]),
            "line 3, when: is not a field of source events; they are: customer_id, at, id, event_type, amount; add to onepath.toml, \
             under [sources.events.fields]: when = \"text\"",
        ),
    ] {
        let lines = format!("{}\n\n{second}", event(4, 1.0));
        let bad = client.send("POST", "/v1/events/events", &kind, lines.as_bytes()).expect("answers");
        let error = &bad.json()["error"];
        assert_eq!((bad.status, &error["message"], &error["at"]), (422, &json!(expected), &at));
    }
    let lines = format!("{}\n\n{}", event(4, 1.0), event(5, 1.0).to_string().replace("2024-02-29", "2999-02-28"));
    let bad = client.send("POST", "/v1/events/events", &kind, lines.as_bytes()).expect("answers");
    let message = bad.json()["error"]["message"].as_str().expect("a message").to_owned();
    assert!(message.starts_with("row 3: event time 2999-02-28"), "{message}");
    let (status, reply) = refused(&mut client, "/v1/events/nothing", &json!({"events": []}));
    assert_eq!((status, &reply["error"]["cause"]), (404, &json!("unknown_source")));
    let applied = good(&mut client, "/v1/events/events", &json!({"events": []}));
    assert_eq!(applied, json!({"appended": 0, "duplicates": 0, "adjusted": 0, "offset": 3}));
    served.stop(&project);
    verified(&project);
}

#[test]
fn a_question_under_v1_has_no_unknown_fields() {
    let project = project();
    let (_served, mut client) = start(&project);
    let body = json!({"service": "churn_v1", "inputs": {"customer_id": ["c1"]}, "asof": "2024-01-01"});
    let (status, reply) = refused(&mut client, "/v1/features", &body);
    let message = "asof: is not a field of this request; they are: service, features, inputs, as_of";
    assert_eq!((status, &reply["error"]["message"]), (422, &json!(message)));
    for (as_of, told) in [(json!(5), "5"), (json!(["2024"]), "[\"2024\"]"), (json!("yesterday"), "\"yesterday\"")] {
        let body = json!({"service": "churn_v1", "inputs": {"customer_id": ["c1"]}, "as_of": as_of});
        let (status, reply) = refused(&mut client, "/v1/features", &body);
        let message = reply["error"]["message"].as_str().expect("a message").replace('"', "");
        let told = told.replace('"', "");
        let expected = format!("as_of: {told} is not an ISO 8601 time such as 2024-02-29T12:30:00.000001Z");
        assert_eq!((status, message, &reply["error"]["at"]), (422, expected, &json!(["as_of"])));
    }
    let (status, reply) =
        refused(&mut client, "/v1/features", &json!({"service": "x", "inputs": {"customer_id": ["c1"]}}));
    assert_eq!((status, &reply["error"]["cause"]), (404, &json!("unknown_service")));
}

/// Keys that are integers keep all their digits, and several keys are kept apart.
#[test]
fn integer_and_composite_keys() {
    let project = Project::new(
        "[project]\nname = \"k\"\n[entities.pair]\nkeys = { a = \"int64\", b = \"text\" }\n[sources.events]\nentity = \"pair\"\n\
         event_time = \"at\"\n[views.trace]\nsources = [\"events\"]\ntransform = \"TRACE\"\n",
    );
    let (served, mut client) = start(&project);
    let event =
        |a: i64, b: &str, amount: f64| json!({"a": a, "b": b, "event_type": "w", "amount": amount, "at": "2024-02-29"});
    let near = i64::MAX - 1;
    let body = json!({"events": [event(i64::MAX, "x", 1.0), event(near, "x", 2.0), event(near, "y", 3.0), event(-1, "", 4.0)]});
    good(&mut client, "/v1/events/events", &body);
    let inputs = json!({"b": ["x", "x", "y", "", "y"], "a": [i64::MAX, near, near, -1, -1]});
    let answer = good(&mut client, "/v1/features", &json!({"features": ["trace:trail"], "inputs": inputs}));
    assert_eq!(answer["features"][0]["values"], json!(["w1;", "w2;", "w3;", "w4;", null]));
    let body = json!({"entities": {"a": [near], "b": ["y"]}, "features": ["trace:trail"]});
    let answer = good(&mut client, "/get-online-features", &body);
    assert_eq!(answer["results"][0]["values"], json!([near]));
    assert_eq!(answer["metadata"]["feature_names"], json!(["a", "b", "trail"]));
    served.stop(&project);
    verified(&project);
}
