//! Names of columns are mapped wherever records come in.

use serde_json::json;

use super::*;

const MAPPED: &str = "files = [\"e.csv\"]\nevent_id = \"id\"\ncolumns = { user_id = \"usr\", amount = \"amt\", ts = \"event_ts\", id = \"key\" }";

fn mapped() -> Project {
    let project = project(MAPPED);
    project.write("e.csv", "key,usr,amt,event_ts\n1,a,1.5,2024-01-01\n2,a,2.5,2024-01-02\n");
    project
}

#[test]
fn every_door_takes_the_mapped_names_and_ours() {
    let project = mapped();
    assert_eq!(backfilled(&project, ""), "2,0,4.0,2.5");
    good(&project, "materialize");
    assert_eq!(served(&project), "2,0,4.0,2.5");

    project.write("theirs.csv", "key,usr,amt,event_ts\n3,a,4,2024-01-03\n1,a,1.5,2024-01-01\n");
    let ran = good(&project, "ingest --source events theirs.csv --arrived-at event-time");
    assert!(ran.stdout.contains("1 event appended, 1 duplicate"), "{}", ran.stdout);
    project.write("ours.ndjson", "{\"id\": \"4\", \"user_id\": \"a\", \"amount\": 8, \"ts\": \"2024-01-04\"}\n");
    good(&project, "ingest --source events ours.ndjson --arrived-at event-time");

    let (server, mut client) = start(&project);
    let theirs = json!({"key": "5", "usr": "a", "amt": 16.0, "event_ts": "2024-01-05"});
    assert_eq!(push(&mut client, &theirs).status, 200);
    let ours = json!({"id": "6", "user_id": "a", "amount": 32.0, "ts": "2024-01-06"});
    assert_eq!(push(&mut client, &ours).status, 200);
    // Feast's own name for the time, whatever the column is called.
    let feast = json!({"key": "7", "usr": "a", "amt": 64.0, "event_timestamp": "2024-01-07"});
    let reply = push_feast(&mut client, &feast);
    assert_eq!(reply.status, 200, "{}", reply.text());
    server.stop(&project);

    assert_eq!(served(&project), "7,0,128.0,64.0");
    assert_eq!(logged(&project)[3], json!({"user_id": "a", "ts": "2024-01-06T00:00:00Z", "id": "6", "amount": 32.0}));
    good(&project, "verify");
    // What was pushed arrived after June, when the history was folded already.
    assert_eq!(backfilled(&project, ""), "2,0,4.0,2.5");
    project.write("other.parquet.csv", "usr,amt,event_ts\na,7,2024-02-01\n");
    assert_eq!(backfilled(&project, "--source events=other.parquet.csv"), "1,0,7.0,7.0");
    good(&project, "check tally --cases 20");
}

#[test]
fn both_names_in_one_input_are_refused() {
    let project = mapped();
    let both =
        "has both amt and amount, and `columns` of source events says that amt holds amount: leave one of them out";
    project.write("e.csv", "key,usr,amt,amount,event_ts\n1,a,1,2,2024-01-01\n");
    project.write("spine.csv", "user_id,as_of\na,2024-06-01\n");
    bad(&project, "backfill --service all --spine spine.csv --out out.csv", &format!("e.csv: {both}"));
    project.write("both.ndjson", "{\"key\": \"1\", \"usr\": \"a\", \"amt\": 1, \"event_ts\": \"2024-01-01\"}\n{\"key\": \"2\", \"usr\": \"a\", \"amount\": 1, \"event_ts\": \"2024-01-01\"}\n");
    bad(&project, "ingest --source events both.ndjson", both);
    project.write("e.csv", "key,usr,amt,event_ts\n");
    let (server, mut client) = start(&project);
    let event = json!({"key": "1", "usr": "a", "amt": 1.0, "amount": 1.0, "event_ts": "2024-01-01"});
    for reply in [push(&mut client, &event), push_feast(&mut client, &event)] {
        assert_eq!(reply.status, 422);
        assert!(reply.text().contains(both), "{}", reply.text());
    }
    server.stop(&project);
    assert!(logged(&project).is_empty());
}

#[test]
fn errors_name_the_column_that_came_in() {
    let project = mapped();
    project.write("e.csv", "key,usr,amt,event_ts\n1,a,1,2024-01-01\n2,a,many,2024-01-02\n");
    project.write("spine.csv", "user_id,as_of\na,2024-06-01\n");
    let backfill = "backfill --service all --spine spine.csv --out out.csv";
    bad(&project, backfill, "e.csv, row 2, column amt: \"many\" is not a float64 number");
    project.write("e.csv", "key,amt,event_ts\n1,1,2024-01-01\n");
    bad(&project, backfill, "e.csv: no column \"usr\"");
    project.write("bad.csv", "key,usr,amt,event_ts\n1,a,x,2024-01-01\n");
    bad(&project, "ingest --source events bad.csv", "bad.csv, row 1, column amt: \"x\" is not a float64 number");
    project.write("e.csv", "key,usr,amt,event_ts\n");
    let (server, mut client) = start(&project);
    let reply = push(&mut client, &json!({"key": "1", "usr": "a", "amt": "x", "event_ts": "2024-01-01"}));
    assert_eq!(reply.status, 422);
    assert!(reply.text().contains("events, row 1, amt: "), "{}", reply.text());
    let reply = push(&mut client, &json!({"key": "1", "usr": "a", "amt": 1.0}));
    assert!(reply.text().contains("events, row 1, event_ts: is missing"), "{}", reply.text());
    server.stop(&project);
}
