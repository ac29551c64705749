//! A field that is newer than the history: null where it is absent, in every format, from every door.

use std::fmt::Write as _;

use serde_json::json;

use super::*;

#[test]
fn the_lines_that_lack_it_are_nulls_however_many_they_are() {
    let project = project("files = [\"e.ndjson\"]");
    let mut lines = String::new();
    for second in 0..9000 {
        writeln!(
            lines,
            "{{\"user_id\":\"a\",\"ts\":\"2024-01-01T{:02}:{:02}:{:02}Z\"}}",
            second / 3600,
            second / 60 % 60,
            second % 60
        )
        .expect("a text");
    }
    project.write("old.ndjson", &lines);
    lines.push_str("{\"user_id\":\"a\",\"ts\":\"2024-01-02\",\"amount\":5}\n");
    project.write("e.ndjson", &lines);
    assert_eq!(backfilled(&project, ""), "9001,9000,5.0,5.0");
    assert_eq!(good(&project, "materialize").stderr, "");
    assert_eq!(served(&project), "9001,9000,5.0,5.0");
    assert_eq!(backfilled(&project, "--source events=old.ndjson"), "9000,9000,0.0,");
}

#[test]
fn a_file_without_the_column_is_null_and_a_push_too() {
    for name in ["1.csv", "1.ndjson"] {
        let project = project(&format!("files = [\"{name}\", \"2.csv\"]"));
        project.write("1.csv", "user_id,ts\na,2024-01-01\n");
        project.write("1.ndjson", "{\"user_id\": \"a\", \"ts\": \"2024-01-01\"}\n");
        project.write("2.csv", "user_id,amount,ts\na,5,2024-01-02\n");
        assert_eq!(backfilled(&project, ""), "2,1,5.0,5.0");
        project.write("p.csv", "user_id,ts\na,2024-01-03\n");
        good(&project, "ingest --source events p.csv --arrived-at event-time");
        assert_eq!(backfilled(&project, ""), "3,2,5.0,");
    }
    let project = project("");
    let (server, mut client) = start(&project);
    let event = json!({"user_id": "a", "ts": "2024-01-01"});
    assert_eq!((push(&mut client, &event).status, push_feast(&mut client, &event).status), (200, 200));
    server.stop(&project);
    assert_eq!(served(&project), "2,2,0.0,null");
}

#[test]
fn a_field_that_no_file_has_is_told_once_with_what_may_be_meant() {
    let project = project("files = [\"1.csv\", \"2.csv\"]");
    project.write("1.csv", "user_id,ts,amuont\na,2024-01-01,1\n");
    project.write("2.csv", "user_id,ts\na,2024-01-01\n");
    project.write("spine.csv", "user_id,as_of\na,2024-06-01\n");
    let warning = "warning: no file of source events has the field amount, so it is null in all of their events; did you mean the \
                   column \"amuont\"? Map it: columns = { amount = \"amuont\" }\n";
    let ran = good(&project, "backfill --service all --spine spine.csv --out out.csv");
    assert_eq!(ran.stderr.matches("warning").count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.contains(warning), "{}", ran.stderr);
    assert!(good(&project, "materialize").stderr.contains(warning));
    project.configure(&toml("files = [\"1.csv\", \"2.csv\"]\ncolumns = { amount = \"amuont\" }"));
    assert!(!good(&project, "materialize").stderr.contains("warning"));
    assert_eq!(backfilled(&project, ""), "2,1,1.0,");
}

#[test]
fn an_event_id_that_no_file_has_is_told() {
    let project = project("files = [\"1.csv\"]\nevent_id = \"idd\"");
    project.write("1.csv", "id,user_id,ts,amount\ne1,a,2024-01-01,1\ne1,a,2024-01-01,1\n");
    project.write("spine.csv", "user_id,as_of\na,2024-06-01\n");
    let warning = "warning: no file of source events has the event id idd, so events that come twice are counted twice; did you mean \
                   the column \"id\"? Map it: columns = { idd = \"id\" }\n";
    for words in ["backfill --service all --spine spine.csv --out out.csv", "materialize"] {
        let ran = good(&project, words);
        assert!(ran.stderr.contains(warning), "{words}: {}", ran.stderr);
    }
    project.configure(&toml("files = [\"1.csv\"]\nevent_id = \"id\""));
    assert!(!good(&project, "materialize").stderr.contains("has the event id"));
}
