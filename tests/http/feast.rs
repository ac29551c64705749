//! The routes and the JSON of Feast's feature server.

use expect_test::expect;
use serde_json::{Value as Json, json};

use super::{ask, good, project, purchases, push, refused, start, verified};

#[test]
fn features_come_in_columns_keys_first() {
    let project = project();
    let (served, mut client) = start(&project);
    push(&mut client, &purchases("c1", &[10.0, 20.0]));
    let entities = json!({"customer_id": ["c1", "nobody"]});
    let body =
        json!({"entities": entities, "features": ["activity:avg_purchase_value_90d", "activity:purchase_count_30d"]});
    let answer = good(&mut client, "/get-online-features", &body);
    let [key, mean, count] = answer["results"].as_array().expect("results").as_slice() else { panic!("{answer}") };
    let names = json!(["customer_id", "avg_purchase_value_90d", "purchase_count_30d"]);
    assert_eq!(answer["metadata"], json!({"feature_names": names}));
    assert_eq!(key["values"], json!(["c1", "nobody"]));
    assert_eq!(key["statuses"], json!(["PRESENT", "PRESENT"]));
    assert_eq!(key["event_timestamps"], json!(["1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z"]));
    // An entity without events has what the transform gives for no events, as in a training set.
    assert_eq!(count["values"], json!([2, 0]));
    assert_eq!(count["statuses"], json!(["PRESENT", "NOT_FOUND"]));
    assert_eq!(mean["values"], json!([15.0, null]));
    assert_eq!(mean["statuses"], json!(["PRESENT", "NOT_FOUND"]));
    assert_eq!(answer.as_object().expect("an object").len(), 2);

    // A float keeps its point: Feast's client reads the type from it.
    let text = ask(&mut client, "/get-online-features", &body).text().to_owned();
    assert!(text.contains("[15.0,null]"), "{text}");

    let body = json!({"entities": entities, "feature_service": "churn_v1", "full_feature_names": true,
        "include_feature_view_version_metadata": true});
    let answer = good(&mut client, "/get-online-features", &body);
    assert_eq!(answer["metadata"]["feature_names"][1], "activity__purchase_count_30d");
    assert_eq!(answer["metadata"]["feature_view_metadata"], json!([{"name": "activity", "version": 1}]));
    assert_eq!(answer["results"].as_array().map(Vec::len), Some(5));
    assert_eq!(served.stop(&project).code, 0);
    assert!(verified(&project).starts_with("verified 6 served vectors"), "{}", verified(&project));
}

#[test]
fn request_fields_ride_beside_the_keys() {
    let project = project();
    let (served, mut client) = start(&project);
    push(&mut client, &purchases("c1", &[10.0, 20.0]));
    let entities = json!({"customer_id": ["c1", "c1", "c2"], "cart_value": [30, 5.0, 7.5]});
    let answer =
        good(&mut client, "/get-online-features", &json!({"entities": entities, "feature_service": "cart_v1"}));
    assert_eq!(answer["metadata"]["feature_names"], json!(["customer_id", "purchase_count_30d", "cart_per_purchase"]));
    assert_eq!(answer["results"][2]["values"], json!([15.0, 2.5, null]));
    served.stop(&project);
    verified(&project);
}

#[test]
fn a_view_past_its_time_to_live_is_null() {
    let project = project();
    let (served, mut client) = start(&project);
    let mut old = purchases("c1", &[10.0]);
    old["at"] = json!(["2024-02-29T12:00:00Z"]);
    push(&mut client, &old);
    let body =
        json!({"entities": {"customer_id": ["c1"]}, "features": ["lately:events", "activity:purchase_count_30d"]});
    let answer = good(&mut client, "/get-online-features", &body);
    assert_eq!(answer["results"][1]["values"], json!([null]));
    assert_eq!(answer["results"][1]["statuses"], json!(["OUTSIDE_MAX_AGE"]));
    assert_eq!(answer["results"][2]["values"], json!([0]));
    assert_eq!(answer["results"][2]["statuses"], json!(["PRESENT"]));
    assert_eq!(answer["results"][2]["event_timestamps"], json!(["2024-02-29T12:00:00Z"]));
    served.stop(&project);
    verified(&project);
}

/// Feast's client turns the text back into the exception.
fn exception(body: &Json) -> (String, String) {
    let inner: Json = serde_json::from_str(body.as_str().expect("a text")).expect("that holds JSON");
    assert_eq!(inner["module"], "feast.errors");
    (inner["class"].as_str().expect("a class").to_owned(), inner["message"].as_str().expect("a message").to_owned())
}

#[test]
fn unknown_names_are_feasts_exceptions() {
    let project = project();
    let (_served, mut client) = start(&project);
    let entities = json!({"customer_id": ["c1"]});
    for (body, class, message) in [
        (
            json!({"entities": entities, "feature_service": "churn_v2"}),
            "FeatureServiceNotFoundException",
            "unknown service \"churn_v2\": did you mean \"churn_v1\"? known services: churn_v1, cart_v1",
        ),
        (
            json!({"entities": entities, "features": ["activities:purchase_count_30d"]}),
            "FeatureViewNotFoundException",
            "unknown view \"activities\": did you mean \"activity\"? known views: activity, lately, cart",
        ),
        (
            json!({"entities": entities, "features": ["lately:trails"]}),
            "FeatureViewNotFoundException",
            "view lately@v1 has no feature trails; it has: events, trail, running",
        ),
    ] {
        let (status, reply) = refused(&mut client, "/get-online-features", &body);
        assert_eq!((status, exception(&reply)), (404, (class.to_owned(), message.to_owned())));
    }
    let body = json!({"push_source_name": "event", "df": purchases("c1", &[1.0])});
    let (status, reply) = refused(&mut client, "/push", &body);
    assert_eq!((status, exception(&reply).0.as_str()), (422, "PushSourceNotFoundException"));
    let body = json!({"feature_view_name": "nothing", "df": purchases("c1", &[1.0])});
    let (status, reply) = refused(&mut client, "/write-to-online-store", &body);
    assert_eq!((status, exception(&reply).0.as_str()), (404, "FeatureViewNotFoundException"));
}

/// Each malformed question, and what is said of it.
#[test]
fn a_malformed_question_is_told_with_its_field_and_row() {
    let project = project();
    let (served, mut client) = start(&project);
    let churn = |entities: Json| json!({"entities": entities, "feature_service": "churn_v1"}).to_string();
    let cart = |entities: Json| json!({"entities": entities, "feature_service": "cart_v1"}).to_string();
    let bodies = [
        String::new(),
        "{".to_owned(),
        "[]".to_owned(),
        "null".to_owned(),
        json!({"feature_service": "churn_v1"}).to_string(),
        json!({"entities": {"customer_id": ["c1"]}}).to_string(),
        json!({"entities": {"customer_id": ["c1"]}, "features": []}).to_string(),
        json!({"entities": {"customer_id": ["c1"]}, "features": ["activity"]}).to_string(),
        json!({"entities": {"customer_id": ["c1"]}, "features": "activity:x"}).to_string(),
        json!({"entities": {"customer_id": ["c1"]}, "features": ["lately:events"], "feature_service": "churn_v1"})
            .to_string(),
        json!({"entities": {"customer_id": ["c1"]}, "features": ["lately:events", "lately:events"]}).to_string(),
        json!({"entities": {"customer_id": ["c1"]}, "feature_service": 7}).to_string(),
        json!({"entities": {"customer_id": ["c1"]}, "feature_service": "churn_v1", "full_feature_names": "yes"})
            .to_string(),
        json!({"entities": [{"customer_id": "c1"}], "feature_service": "churn_v1"}).to_string(),
        churn(json!({})),
        churn(json!({"customer_id": []})),
        churn(json!({"customer_id": "c1"})),
        churn(json!({"customer_id": ["c1", null]})),
        churn(json!({"customer_id": ["c1", 7]})),
        churn(json!({"driver_id": ["c1"]})),
        churn(json!({"customer_id": ["c1"], "driver_id": ["d1"]})),
        r#"{"entities": {"customer_id": ["c1"], "customer_id": ["c2"]}, "feature_service": "churn_v1"}"#.to_owned(),
        r#"{"entities": {"customer_id": ["c1"]}, "feature_service": "churn_v1", "entities": {}}"#.to_owned(),
        cart(json!({"customer_id": ["c1"]})),
        cart(json!({"customer_id": ["c1", "c2"], "cart_value": [1.0]})),
        cart(json!({"customer_id": ["c1"], "cart_value": ["much"]})),
        cart(json!({"customer_id": ["c1"], "cart_value": [null]})),
        r#"{"entities": {"customer_id": ["c1"], "cart_value": [NaN]}, "feature_service": "cart_v1"}"#.to_owned(),
        r#"{"entities": {"customer_id": ["c1"], "cart_value": [1e999]}, "feature_service": "cart_v1"}"#.to_owned(),
        "{\"entities\": {\"customer_id\": [\"\\ud800\"]}, \"feature_service\": \"churn_v1\"}".to_owned(),
    ];
    let mut told = String::new();
    for body in bodies {
        let reply = client.post("/get-online-features", &body).expect("answers");
        assert_eq!(reply.status, 422, "{body}: {}", reply.text());
        let detail = &reply.json()["detail"][0];
        told.push_str(&format!("{} {}\n", detail["loc"], detail["msg"].as_str().expect("a message")));
    }
    expect![[r#"
        ["body"] the body is not JSON: EOF while parsing a value at line 1 column 0
        ["body"] the body is not JSON: EOF while parsing an object at line 1 column 1
        ["body"] invalid type: sequence, expected an object at line 1 column 0
        ["body"] invalid type: null, expected an object at line 1 column 4
        ["body","entities"] entities: is missing: give each key a list of values, one per entity
        ["body","features"] features: is missing: give "view:feature" references, or feature_service
        ["body","features"] features: is missing: give "view:feature" references, or feature_service
        ["body","features",0] features, item 1: "activity" is not a feature reference: write view:feature or view@v2:feature
        ["body","features"] features: invalid type: string "activity:x", expected a sequence
        ["body","features"] features: is given beside feature_service: give one of them
        ["body","features"] features: two of them are named events: set full_feature_names
        ["body","feature_service"] feature_service: invalid type: integer `7`, expected a name
        ["body","full_feature_names"] full_feature_names: invalid type: string "yes", expected a boolean
        ["body","entities"] entities: invalid type: sequence, expected an object
        ["body","entities"] entities: is empty: give each key a list of values, one per entity
        ["body","entities","customer_id"] entities.customer_id: has no values: ask for at least one entity
        ["body","entities","customer_id"] entities.customer_id: is not an array of values
        ["body","entities","customer_id",1] entities.customer_id, row 2: is null
        ["body","entities","customer_id",1] entities.customer_id, row 2: 7 is not a text
        ["body","entities","driver_id"] entities.driver_id: is not read by the features asked for; they read: customer_id
        ["body","entities","driver_id"] entities.driver_id: is not read by the features asked for; they read: customer_id
        ["body","entities"] entities: "customer_id" is given twice
        ["body"] "entities" is given twice at line 1 column 84
        ["body","entities","cart_value"] entities.cart_value: is missing; it is float64
        ["body","entities","cart_value"] entities.cart_value: has 1 values where customer_id has 2
        ["body","entities","cart_value",0] entities.cart_value, row 1: "much" is not a float64 number, "NaN", "Infinity" or "-Infinity"
        ["body","entities","cart_value",0] entities.cart_value, row 1: is null
        ["body","entities","cart_value",0] entities.cart_value, row 1: is null
        ["body","entities","cart_value",0] entities.cart_value, row 1: "1e999" is beyond the largest float64
        ["body","entities","customer_id",0] entities.customer_id, row 1: is not JSON: unexpected end of hex escape at byte 8
    "#]].assert_eq(&told);
    served.stop(&project);
    assert_eq!(
        project.run("verify").stdout.lines().next(),
        Some("nothing was served yet: `onepath get` records what it serves")
    );
}

#[test]
fn python_writes_infinities_and_missing_values_in_its_own_way() {
    let project = project();
    let (served, mut client) = start(&project);
    push(&mut client, &purchases("c1", &[10.0]));
    let body = r#"{"entities": {"customer_id": ["c1", "c1"], "cart_value": [-Infinity, "NaN"]}, "feature_service": "cart_v1"}"#;
    let reply = client.post("/get-online-features", body).expect("answers");
    assert_eq!(reply.json()["results"][2]["values"], json!(["-Infinity", "NaN"]));
    served.stop(&project);
    verified(&project);
}

/// Each malformed push, and what is said of it. Nothing of it is kept.
#[test]
fn a_malformed_push_is_told_with_its_field_and_row() {
    let project = project();
    let (served, mut client) = start(&project);
    let pushed = purchases("c1", &[10.0, 20.0]);
    let df = || pushed.clone();
    let changed = |name: &str, value: Json| {
        let mut df = df();
        df[name] = value;
        json!({"push_source_name": "events", "df": df}).to_string()
    };
    let without = |name: &str| {
        let mut df = df();
        df.as_object_mut().expect("an object").remove(name);
        json!({"push_source_name": "events", "df": df}).to_string()
    };
    let bodies = [
        json!({"df": df()}).to_string(),
        json!({"push_source_name": "events"}).to_string(),
        json!({"push_source_name": "events", "df": df(), "to": "nowhere"}).to_string(),
        json!({"push_source_name": "events", "df": [df()]}).to_string(),
        json!({"push_source_name": "events", "df": {}}).to_string(),
        without("customer_id"),
        without("amount"),
        without("at"),
        without("id"),
        changed("customer_id", json!(["c1", null])),
        changed("customer_id", json!(["c1"])),
        changed("customer_id", json!([1, 2])),
        changed("amount", json!([1.0, "much"])),
        changed("at", json!(["2024-02-30T00:00:00Z", "2024-02-01"])),
        changed("at", json!([1_700_000_000, 1_700_000_000])),
        changed("at", json!(["2024-02-01", "2999-01-01"])),
        changed("note", json!(["kept", {"nested": 1}])),
        json!({"push_source_name": "events", "df": df()}).to_string().replace("10.0", "1e999"),
        json!({"push_source_name": "events", "df": df()}).to_string().replace("10.0", "NaN"),
        changed("event_type", json!(["purchase", "refuse"])),
        changed("event_type", json!(["purchase", "trap"])),
    ];
    let mut told = String::new();
    for body in bodies {
        let reply = client.post("/push", &body).expect("answers");
        assert_eq!(reply.status, 422, "{body}: {}", reply.text());
        let detail = &reply.json()["detail"][0];
        let message = detail["msg"].as_str().expect("a message").lines().next().unwrap_or_default().to_owned();
        // The arrival is the moment of the test.
        let message = message.split(" is after its arrival ").next().unwrap_or_default();
        let message = message.replace(df()["at"][0].as_str().unwrap_or_default(), "NOW");
        told.push_str(&format!("{} {message}\n", detail["loc"]));
    }
    expect![[r#"
        ["body","push_source_name"] push_source_name: is missing: name the source of the events
        ["body","df"] df: is missing: give each field a list of values, one per event
        ["body","to"] to: is not online, offline or online_and_offline
        ["body","df"] df: invalid type: sequence, expected an object
        ["body","df"] df: is empty: give each field a list of values, one per event
        ["body","df","customer_id"] df.customer_id: is missing; it is text
        ["body","df","amount"] df.amount: is missing; it is float64
        ["body","df","at"] df.at: is missing; it is time
        ["body","df","id"] df.id: is missing; it is text
        ["body","df","customer_id",1] df.customer_id, row 2: is null
        ["body","df","customer_id"] df.customer_id: has 1 value where id has 2
        ["body","df","customer_id",0] df.customer_id, row 1: 1 is not a text
        ["body","df","amount",1] df.amount, row 2: "much" is not a float64 number, "NaN", "Infinity" or "-Infinity"
        ["body","df","at",0] df.at, row 1: "2024-02-30T00:00:00Z" is not an ISO 8601 time such as 2024-02-29T12:30:00.000001Z
        ["body","df","at",0] df.at, row 1: is an integer where a time is expected: write an ISO 8601 time such as "2024-02-29T12:30:00.000001Z", or declare the unit of the source's times in the project (event_time_unit)
        ["body"] row 2: event time 2999-01-01T00:00:00Z
        ["body","df","note",0] df.note, row 1: holds an object, which is no type of a field, and source events has no such field
        ["body","df","amount",0] df.amount, row 1: "1e999" is beyond the largest float64
        ["body","df","amount",0] df.amount, row 1: is null
        ["body"] view lately@v1, entity c1, event of NOW: the transform refused its input: this event is refused
        ["body"] view lately@v1, entity c1, event of NOW: the transform trapped: it panicked; it wrote:
    "#]].assert_eq(&told);
    let status = client.get("/v1/status").expect("answers").json();
    assert_eq!(status["offset"], 0);
    push(&mut client, &df());
    assert_eq!(client.get("/v1/status").expect("answers").json()["offset"], 2);
    served.stop(&project);
}

#[test]
fn what_is_pushed_twice_by_its_id_counts_once() {
    let project = project();
    let (served, mut client) = start(&project);
    let df = purchases("c1", &[10.0, 20.0]);
    push(&mut client, &df);
    push(&mut client, &df);
    let body = json!({"entities": {"customer_id": ["c1"]}, "feature_service": "churn_v1"});
    assert_eq!(good(&mut client, "/get-online-features", &body)["results"][1]["values"], json!([2]));
    served.stop(&project);
    verified(&project);
}

/// What Feast's `remote` online store sends: the view's name, its own names for the times, and nulls.
#[test]
fn a_write_of_feasts_remote_store_is_a_push() {
    let project = project();
    let (served, mut client) = start(&project);
    let mut df = purchases("c1", &[10.0, 20.0]);
    let fields = df.as_object_mut().expect("an object");
    let at = fields.remove("at").expect("a time");
    let naive: Vec<String> =
        at.as_array().expect("times").iter().map(|at| at.as_str().expect("a text").replace('Z', "")).collect();
    fields.insert("event_timestamp".to_owned(), json!(naive));
    fields.insert("created".to_owned(), json!([null, null]));
    for name in ["events", "activity"] {
        let body = json!({"feature_view_name": name, "df": df, "allow_registry_cache": false});
        let reply = ask(&mut client, "/write-to-online-store", &body);
        assert_eq!((reply.status, reply.text()), (200, "null"));
    }
    let body = json!({"entities": {"customer_id": ["c1"]}, "feature_service": "churn_v1"});
    assert_eq!(good(&mut client, "/get-online-features", &body)["results"][1]["values"], json!([2]));
    // What is in that column is kept or refused.
    df["created"] = json!([null, "2024-01-01"]);
    let body = json!({"feature_view_name": "events", "df": df});
    let (status, reply) = refused(&mut client, "/write-to-online-store", &body);
    let message = reply["detail"][0]["msg"].as_str().expect("a message");
    assert!(status == 422 && message.ends_with("under [sources.events.fields]: created = \"text\""), "{message}");
    let body = json!({"feature_view_name": "cart", "df": df});
    let (status, reply) = refused(&mut client, "/write-to-online-store", &body);
    assert_eq!((status, &reply["detail"][0]["loc"]), (422, &json!(["body", "feature_view_name"])));
    served.stop(&project);
    verified(&project);
}

/// Two versions of one view are told apart as in a training set: by the version, where it was named.
#[test]
fn versions_of_one_view_have_names_of_their_own() {
    let project = project();
    let text = std::fs::read_to_string(project.path("onepath.toml")).expect("reads");
    let more = "\n[views.\"activity@v2\"]\nsources = [\"events\"]\ntransform = \"CHURN\"\nttl = \"1d\"\n[services.both]\nfeatures = \
                [\"activity@v1:purchase_count_30d\", \"activity@v2:purchase_count_30d\"]\n";
    project.configure(&text.replace("\"activity:", "\"activity@v1:").replacen(
        "\n[services",
        &format!("{more}[services"),
        1,
    ));
    let (served, mut client) = start(&project);
    push(&mut client, &purchases("c1", &[10.0]));
    let ask = |full: bool| json!({"entities": {"customer_id": ["c1"]}, "feature_service": "both", "full_feature_names": full});
    let answer = good(&mut client, "/get-online-features", &ask(true));
    let names = json!(["customer_id", "activity@v1__purchase_count_30d", "activity@v2__purchase_count_30d"]);
    assert_eq!(answer["metadata"]["feature_names"], names);
    let reply = client.post("/get-online-features", ask(false).to_string()).expect("answers");
    assert_eq!(reply.status, 422);
    assert!(
        reply.text().contains("two of them are named purchase_count_30d: set full_feature_names"),
        "{}",
        reply.text()
    );
    served.stop(&project);
}
