//! A push has the fields of the schema and no others; nothing of it is dropped.

use serde_json::json;

use super::*;

/// A file of one event with a field `note` that nobody declared.
fn with_note(project: &Project) {
    project.write("n.ndjson", "{\"user_id\": \"a\", \"amount\": 1, \"ts\": \"2024-01-01\", \"note\": 7}\n");
    project.write("n.csv", "user_id,amount,ts,note\na,1,2024-01-01,x\n");
}

#[test]
fn a_field_that_is_not_in_the_schema_is_refused_with_the_way_out() {
    for toml in [unread(""), toml("")] {
        let project = Project::new(&toml);
        with_note(&project);
        let amount = if toml.contains("views") { (" ", "") } else { ("s amount, ", "amount = \"int64\", ") };
        let message = |note: &str| {
            format!(
                "source events has no field{}note: add to onepath.toml, under [sources.events.fields]: {}note = \"{note}\"",
                amount.0, amount.1
            )
        };
        bad(&project, "ingest --source events n.ndjson", &message("int64"));
        bad(&project, "ingest --source events n.csv", &message("text"));
        let (server, mut client) = start(&project);
        let event = json!({"user_id": "a", "note": [1.5], "ts": "2024-01-01"});
        for reply in [push(&mut client, &event), push_feast(&mut client, &event)] {
            assert_eq!(reply.status, 422);
            let line = "under [sources.events.fields]: note = \\\"list<float64>\\\"";
            assert!(reply.text().contains("note") && reply.text().contains(line), "{}", reply.text());
        }
        let reply = push(&mut client, &json!({"user_id": "a", "ts": "2024-01-01", "o": {"x": 1}}));
        assert!(reply.text().contains("events, row 1, o: holds an object"), "{}", reply.text());
        server.stop(&project);
        assert!(logged(&project).is_empty());
        bad(&project, "verify --since nonsense", "");

        project.configure(&format!("{toml}\n[sources.events.fields]\namount = \"float64\"\nnote = \"int64\"\n"));
        good(&project, "ingest --source events n.ndjson");
        bad(&project, "ingest --source events n.csv", "n.csv, row 1, column note: \"x\" is not an int64 number");
        let expected = json!({"user_id": "a", "ts": "2024-01-01T00:00:00Z", "amount": 1.0, "note": 7});
        assert_eq!(logged(&project), [expected]);
    }
}

#[test]
fn what_only_the_files_have_may_be_pushed_as_they_have_it() {
    let project = project("files = [\"e.csv\"]");
    project.write("e.csv", "user_id,amount,ts,count\na,1,2024-01-01,3\n");
    let event = |count: Json| json!({"user_id": "a", "ts": "2024-01-02", "count": count});
    let (server, mut client) = start(&project);
    assert_eq!(push(&mut client, &event(json!(4))).status, 200);
    let reply = push(&mut client, &event(json!("four")));
    assert_eq!(reply.status, 422);
    assert!(reply.text().contains("count: \\\"four\\\" is not an int64 number"), "{}", reply.text());
    server.stop(&project);
    project.write("p.csv", "user_id,ts,count\na,2024-01-03,5\n");
    good(&project, "ingest --source events p.csv");
    assert_eq!(logged(&project).iter().map(|event| event["count"].clone()).collect::<Vec<_>>(), [json!(4), json!(5)]);
    assert!(std::fs::read_dir(project.path(".onepath/cache/schemas")).expect("is kept").count() == 1);
}

#[test]
fn a_push_of_known_fields_reads_no_file() {
    let project = project("files = [\"gone.csv\"]");
    project.write("p.csv", "user_id,amount,ts\na,5,2024-01-03\n");
    good(&project, "ingest --source events p.csv");
    project.write("q.csv", "user_id,amount,ts,note\na,5,2024-01-03,x\n");
    bad(&project, "ingest --source events q.csv", "source events has no field note: add to onepath.toml");
}

#[test]
fn columns_of_types_that_have_no_counterpart_are_refused_by_name() {
    let project = Project::new(&unread(""));
    project.write("x.parquet", include_bytes!("foreign.parquet"));
    bad(
        &project,
        "ingest --source events x.parquet",
        "x.parquet, column raw: is of type Binary, which has no counterpart here",
    );
    assert!(logged(&project).is_empty());
}
