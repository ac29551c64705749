//! A way past one bad event of the log.

use serde_json::json;

use super::*;
use crate::support::seal;

/// A project whose log holds three events of `events`, the second with a text where the view reads a number, and one of
/// another source.
fn spoilt() -> Project {
    let other = "[sources.other]\nentity = \"user\"\nevent_time = \"ts\"\n[sources.other.fields]\nx = \"int64\"";
    let project =
        Project::new(&unread(&format!("event_id = \"id\"\n[sources.events.fields]\namount = \"text\"\n{other}")));
    project.write("p.csv", "id,user_id,amount,ts\n1,a,1,2024-01-01\n2,a,many,2024-01-02\n3,a,4,2024-01-03\n");
    good(&project, "ingest --source events p.csv --arrived-at event-time");
    project.write("o.csv", "user_id,ts,x\na,2024-01-04,1\n");
    good(&project, "ingest --source other o.csv --arrived-at event-time");
    project
}

/// The project with the view, once the text is said to have been a mistake.
fn mended(project: &Project, skip: &str) {
    let other = "[sources.other]\nentity = \"user\"\nevent_time = \"ts\"";
    project.configure(&toml(&format!("files = [\"e.csv\"]\nevent_id = \"id\"\n{skip}\n{other}")));
    project.write("e.csv", "id,user_id,amount,ts\n");
}

#[test]
fn an_offset_that_is_skipped_is_left_out_wherever_the_log_is_read() {
    let project = spoilt();
    // The log keeps texts as texts; a view that reads numbers cannot read them.
    let log = project.path(".onepath/log.sqlite");
    let connection = rusqlite_of(&log);
    connection
        .execute("UPDATE events SET fields = replace(fields, '\"amount\":\"1\"', '\"amount\":1.0')", [])
        .expect("writes");
    connection
        .execute("UPDATE events SET fields = replace(fields, '\"amount\":\"4\"', '\"amount\":4.0')", [])
        .expect("writes");
    drop(connection);
    seal::seal_events(&log);
    mended(&project, "");
    let advice = "the event at offset 2 of the log (source events, entity a): field amount \"many\" is not a float64 number, \"NaN\", \
                  \"Infinity\" or \"-Infinity\"; to leave this event out, add `skip_offsets = [2]` under [sources.events]";
    project.write("spine.csv", "user_id,as_of\na,2024-06-01\n");
    bad(&project, "backfill --service all --spine spine.csv --out out.csv", advice);
    bad(&project, "materialize", advice);
    let serve = project.run("serve --allow-unmaterialized --listen 127.0.0.1:0");
    assert!(serve.code == 2 && serve.stderr.contains(advice), "{}", serve.stderr);

    mended(&project, "skip_offsets = [2]");
    assert_eq!(backfilled(&project, ""), "2,0,5.0,4.0");
    let manifest = std::fs::read_to_string(project.path("out.csv.manifest.json")).expect("is there");
    let manifest: Json = serde_json::from_str(&manifest).expect("JSON");
    assert_eq!(manifest["skipped"], json!([{"source": "events", "events": 1, "offsets": [2]}]));
    // To leave out an event is another meaning of the source: states are made anew.
    let get = "get --allow-unmaterialized --service all --entity user_id=a";
    bad(&project, get, "skip_offsets of source events was none, and is now 2");
    good(&project, "materialize");
    assert_eq!(served(&project), "2,0,5.0,4.0");
    good(&project, "get --service all --entity user_id=a --as-of 2024-01-02T12:00:00Z");
    good(&project, "verify");
    let (server, mut client) = start(&project);
    let again = json!({"id": "5", "user_id": "a", "amount": 2.0, "ts": "2024-01-05"});
    assert_eq!(push(&mut client, &again).status, 200);
    server.stop(&project);
    assert_eq!(served(&project), "3,0,7.0,2.0");
    good(&project, "verify");
    // In the place of a pushed event that is left out, that of a file counts.
    project.write("e.csv", "id,user_id,amount,ts\n2,a,100,2024-01-02\n3,a,1000,2024-01-03\n");
    assert_eq!(backfilled(&project, ""), "3,0,105.0,4.0");
}

#[test]
fn an_offset_of_another_source_or_beyond_the_log_is_an_error() {
    let project = spoilt();
    project.write("spine.csv", "user_id,as_of\na,2024-06-01\n");
    let backfill = "backfill --service all --spine spine.csv --out out.csv";
    for (skip, expected) in [
        (
            "[4]",
            "source events leaves out offset 4 of the log, which is an event of source other: correct `skip_offsets`",
        ),
        ("[9]", "source events leaves out offset 9 of the log, which ends at offset 4: correct `skip_offsets`"),
    ] {
        mended(&project, &format!("skip_offsets = {skip}"));
        for words in [backfill, "materialize", "get --service all --entity user_id=a", "verify"] {
            bad(&project, words, expected);
        }
        let serve = project.run("serve --allow-unmaterialized --listen 127.0.0.1:0");
        assert!(serve.code == 2 && serve.stderr.contains(expected), "{}", serve.stderr);
    }
}

fn rusqlite_of(path: &std::path::Path) -> rusqlite::Connection {
    rusqlite::Connection::open(path).expect("opens")
}
