//! Times: one grammar for files, spines, pushes, HTTP and the command line; INT96; finer digits.

use serde_json::json;

use super::{backfill, data, project};
use crate::support::{Project, Served, repository};

/// All of them are the first moment of 2024, but for the last ones of the list.
const SPELLINGS: [&str; 12] = [
    "2024-01-01",
    "2024-01-01 00:00:00 UTC",
    "2024-01-01 00:00:00.000000 UTC",
    "2024-01-01T00:00:00Z ",
    " 2024-01-01T00:00:00Z",
    "2023-12-31T24:00:00Z",
    "2024-01-01T02:00+02:00",
    "2024-01-01T00:00Z",
    "20240101T000000Z",
    "2024-01-01T01:00:00+01:00[Europe/Berlin]",
    "2023-12-31T23:59:60Z",
    "2024-01-01T05:30:00+05:30",
];

const WRONG: [&str; 9] = [
    "24-01-15",
    "12-01-24",
    "-1-01-01",
    "2024-1-1",
    "2024-01-01\t00:00:00",
    "2024-01-01  00:00:00",
    "2024-01-01T00:00:00\u{2212}05:00",
    "01/02/2024",
    "2024-02-30",
];

fn of_one_event(format: &str, time: &str) -> Project {
    let project = project(&[&format!("e.{format}")], "");
    let event = match format {
        "csv" => format!("user_id,amount,ts\na,1,{time}\n"),
        _ => format!("{}\n", json!({"user_id": "a", "amount": 1, "ts": time})),
    };
    project.write(&format!("e.{format}"), event);
    project
}

#[test]
fn every_spelling_is_read_everywhere() {
    for format in ["csv", "ndjson"] {
        let events: Vec<Project> = SPELLINGS.iter().map(|time| of_one_event(format, time)).collect();
        for (time, project) in SPELLINGS.iter().zip(events) {
            project.write("s.csv", format!("user_id,as_of\na,{time}\na,2023-12-31T23:59:59.999999Z\n"));
            let out = backfill(&project, "s.csv", "n,last_at");
            let expected = "user_id,as_of,n,last_at\na,2024-01-01T00:00:00Z,1,2024-01-01T00:00:00Z\n\
                            a,2023-12-31T23:59:59.999999Z,0,\n";
            assert_eq!(out.as_deref(), Ok(expected), "{time:?} in {format}");
        }
    }
}

#[test]
fn wrong_times_are_refused_everywhere() {
    let server = project(&[], "");
    let served = Served::start(&server, "");
    let mut client = served.client();
    for time in WRONG {
        let told = format!("{time:?} is not an ISO 8601 time");
        for format in ["csv", "ndjson"] {
            let project = of_one_event(format, time);
            project.write("s.csv", "user_id,as_of\na,2024-06-01\n");
            let refused = backfill(&project, "s.csv", "n").expect_err("the event is refused");
            assert!(refused.contains(&told) && refused.contains(&format!("e.{format}, row 1, column ts")), "{refused}");
            let ingest = project.run_with(&["ingest", "--source", "events", &format!("e.{format}")], "");
            assert!(ingest.code != 0 && ingest.stderr.contains(&told), "{ingest:?}");
        }
        let project = of_one_event("csv", "2024-01-01");
        project.write("s.csv", format!("user_id,as_of\na,2024-06-01\na,{time}\n"));
        let refused = backfill(&project, "s.csv", "n").expect_err("the as-of is refused");
        assert!(refused.contains(&told) && refused.contains("s.csv, row 2, column as_of"), "{refused}");
        let get = ["get", "--service", "s", "--entity", "user_id=a", &format!("--as-of={time}")];
        assert_eq!(project.run_with(&get, "").code, 2, "{time}");
        let push = json!({"push_source_name": "events", "df": {"user_id": ["a"], "amount": [1.0], "ts": [time]}, "to": "online"});
        let reply = client.post("/push", push.to_string()).expect("answers");
        assert!(reply.status == 422 && reply.text().contains("is not an ISO 8601 time"), "{time}: {}", reply.text());
    }
    drop(client);
    served.kill();
    assert_eq!(server.run("verify").code, 0);
}

#[test]
fn a_format_of_the_source_reads_what_else_there_is() {
    let project = project(&["e.csv"], "time_format = \"%b %d %Y\"\n");
    project.write("e.csv", "user_id,amount,ts\na,1,Jan 1 2000\na,2,Feb 29 2000\n");
    project.write("s.csv", "user_id,as_of\na,2000-02-01\na,2001-01-01\n");
    let out = backfill(&project, "s.csv", "n,last_at").expect("reads");
    assert_eq!(out.lines().last(), Some("a,2001-01-01T00:00:00Z,2,2000-02-29T00:00:00Z"));
    project.write("e.csv", "user_id,amount,ts\na,1,2000-01-01\n");
    let refused = backfill(project_again(&project), "s.csv", "n").expect_err("another format");
    assert!(
        refused.contains("e.csv, row 1, column ts: \"2000-01-01\" is not a time in the format \"%b %d %Y\""),
        "{refused}"
    );
}

/// The same project, without its output.
fn project_again(project: &Project) -> &Project {
    std::fs::remove_file(project.path("out.csv")).expect("there is an output");
    project
}

#[test]
fn numbers_need_their_unit_but_for_dates() {
    for (unit, time, expected) in [
        ("event_time_unit = \"s\"", "1704067200", Some("2024-01-01T00:00:00Z")),
        ("event_time_unit = \"s\"", "1704067200.0", Some("2024-01-01T00:00:00Z")),
        ("event_time_unit = \"ms\"", "1704067200123", Some("2024-01-01T00:00:00.123Z")),
        ("event_time_unit = \"ns\"", "1704067200000000001", Some("2024-01-01T00:00:00.000001Z")),
        ("", "20240101", Some("2024-01-01T00:00:00Z")),
        ("", "1704067200", None),
        ("event_time_unit = \"s\"", "1704067200.5", None),
    ] {
        for (format, event) in [
            ("csv", format!("user_id,amount,ts\na,1,{time}\n")),
            ("ndjson", format!("{{\"user_id\":\"a\",\"amount\":1,\"ts\":{time}}}\n")),
        ] {
            let project = project(&[&format!("e.{format}")], unit);
            project.write(&format!("e.{format}"), event);
            project.write("s.csv", "user_id,as_of\na,2024-06-01\n");
            let out = backfill(&project, "s.csv", "last_at").ok();
            let found = out.as_ref().and_then(|out| out.lines().last()?.rsplit(',').next());
            assert_eq!(found, expected, "{time} with {unit:?} in {format}");
        }
    }
}

#[test]
fn int96_is_read_in_every_year() {
    let project = project(&["e.parquet"], "");
    project.write("e.parquet", data("int96.parquet"));
    project.write("s.csv", "user_id,as_of\na,2024-06-01\nb,2030-01-01\nc,2024-06-01\nd,2030-01-01\n");
    let out = backfill(&project, "s.csv", "n,last_at").expect("reads");
    assert_eq!(
        out,
        "user_id,as_of,n,last_at\na,2024-06-01T00:00:00Z,1,2024-01-01T00:00:00Z\nb,2030-01-01T00:00:00Z,0,\n\
         c,2024-06-01T00:00:00Z,1,1600-01-01T00:00:00Z\nd,2030-01-01T00:00:00Z,0,\n"
    );
    // As as-ofs, and passing through.
    project.write("s.parquet", data("int96.parquet"));
    let words = "backfill --features seen:n --spine s.parquet --as-of-column ts --out out.csv";
    let ran = project.run(words);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let out = std::fs::read_to_string(project.path("out.csv")).expect("was written");
    for time in ["2024-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "1600-01-01T00:00:00Z", "2300-01-01T00:00:00Z"] {
        assert!(out.contains(time), "{time}\n{out}");
    }
    let ingest = project.run("ingest --source events e.parquet");
    assert!(ingest.code != 0 && ingest.stderr.contains("9999-12-31"), "{ingest:?}");
}

#[test]
fn no_question_sees_an_event_early_by_nanoseconds() {
    let project = project(&["e.parquet"], "");
    project.write("e.parquet", data("nanoseconds_events.parquet"));
    project.write("s.parquet", data("nanoseconds_spine.parquet"));
    let out = backfill(&project, "s.parquet", "n").expect("reads");
    let counts: Vec<&str> = out.lines().skip(1).filter_map(|line| line.rsplit(',').next()).collect();
    assert_eq!(counts, ["0", "0", "2"]);
}

#[test]
fn two_cut_offs_in_one_spine_are_refused() {
    let project = of_one_event("csv", "2024-01-01");
    project.write("s.csv", "user_id,as_of,event_timestamp\na,2024-06-01,2023-01-01\n");
    let refused = backfill(&project, "s.csv", "n").expect_err("ambiguous");
    assert!(refused.contains("s.csv has both as_of and event_timestamp"), "{refused}");
    let ran = project.run("backfill --features seen:n --spine s.csv --as-of-column event_timestamp --out out.csv");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

#[test]
fn an_event_without_an_arrival_time_is_refused() {
    let project = project(&["e.csv"], "arrival_time = \"created\"\n");
    project.write("e.csv", "user_id,amount,ts,created\na,1,2024-01-01,2024-01-02\na,1,2024-01-01,\n");
    project.write("s.csv", "user_id,as_of\na,2024-06-01\n");
    let refused = backfill(&project, "s.csv", "n").expect_err("a null");
    assert!(refused.contains("e.csv, row 2, column created: is null"), "{refused}");
    assert!(repository().join("host/docs/conversions.md").exists());
}
