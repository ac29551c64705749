//! One small case per rule.

use std::path::Path;

use expect_test::expect;
use onepath::batch::{Column, Value, Values};
use onepath::feature_store::FeatureSelection;
use onepath::time::AsOf;
use onepath::{Error, Server, ServerError, ServerOptions};

use super::{TWO_VIEWS, ask, assert_verified, event, open, open_now, open_with, prepare, push, row, texts};
use crate::support::{HOUR, Project, SECOND, at, seal};

/// The trail of entities: their events in the order of application.
fn trails(server: &Server, entities: &[&str]) -> Vec<String> {
    let answer = ask(server, &prepare(server, "all"), &[texts(entities.iter().copied())], None);
    let answer = answer.expect("answers");
    (0..entities.len()).map(|at| row(&answer, at)[5].clone()).collect()
}

#[test]
fn a_request_of_many_entities_is_answered_row_by_row() {
    let project = Project::new(TWO_VIEWS);
    let (server, start) = (open(&project), at("2029-12-20"));
    let events = vec![
        event("1", "a", "purchase", 10.0, start),
        event("2", "b", "purchase", 7.0, start + HOUR),
        event("3", "a", "return", 0.0, start + 2 * HOUR),
    ];
    let applied = push(&server, &events).expect("is taken");
    assert_eq!((applied.appended, applied.duplicates, applied.offset), (3, 0, 3));
    let checkout = prepare(&server, "checkout");
    let inputs: Vec<_> = checkout.inputs().iter().map(|input| (input.name.as_str(), input.is_key)).collect();
    assert_eq!(inputs, [("customer_id", true), ("cart_value", false)]);
    // The same entity twice, one without events, one request field each.
    let carts = Column::from_parts(Values::Float64s(vec![4.0, 6.0, 8.0, 9.0]), None);
    let answer = ask(&server, &checkout, &[texts(["a", "b", "a", "x"]), carts], None).expect("answers");
    let first: Vec<Vec<String>> = (0..4).map(|at| row(&answer, at)).collect();
    assert_eq!(first, [["4.0", "1"], ["6.0", "1"], ["8.0", "1"], ["null", "0"]], "{answer:?}");
    let statuses: Vec<&str> = answer.statuses[1].iter().map(|status| status.as_str()).collect();
    assert_eq!(statuses, ["PRESENT", "PRESENT", "PRESENT", "NOT_FOUND"]);
    let activity = checkout.views().iter().position(|view| view.label == "activity@v1").expect("takes part");
    let newest: Vec<_> = answer.newest_events[activity].iter().map(|at| at.map(|at| at.micros() - start)).collect();
    assert_eq!(newest, [Some(2 * HOUR), Some(HOUR), Some(2 * HOUR), None]);
    assert_eq!((answer.offset, answer.replayed), (3, false));
    assert_eq!(trails(&server, &["b", "a"]), ["purchase7;", "purchase10;return0;"]);
    let status = server.status();
    assert_eq!((status.offset, status.states_cached), (3, 5));
    server.close().expect("closes");
    assert_verified(&project, 6);
}

#[test]
fn what_a_request_must_bring_is_checked() {
    let project = Project::new(TWO_VIEWS);
    let server = open(&project);
    let checkout = prepare(&server, "checkout");
    let floats = |values: &[f64]| Column::from_parts(Values::Float64s(values.to_vec()), None);
    let mut null = Column::new(onepath::schema::ValueType::Text);
    null.push(&Value::Null).expect("a null");
    for (inputs, expected) in [
        (vec![texts(["a"])], expect!["input columns: 1 where the request takes 2: customer_id, cart_value"]),
        (vec![floats(&[1.0]), floats(&[1.0])], expect!["entity key customer_id: is float64 where text is expected"]),
        (
            vec![texts(["a"]), floats(&[1.0, 2.0])],
            expect!["request field cart_value: has 2 values where customer_id has 1"],
        ),
        (vec![null, floats(&[1.0])], expect!["entity key customer_id, row 1: is null"]),
    ] {
        let error = ask(&server, &checkout, &inputs, None).expect_err("is refused");
        expected.assert_eq(&error.to_string());
    }
    let is_unknown =
        |error: &ServerError| matches!(error, ServerError::Project(error) if matches!(**error, Error::Unknown(_)));
    let unknown = server.prepare(&FeatureSelection::Service("none".to_owned())).expect_err("there is none");
    assert!(is_unknown(&unknown), "{unknown}");
    let unknown = server.event_schema("none").expect_err("there is none");
    assert!(is_unknown(&unknown), "{unknown}");
    let other = Project::new(TWO_VIEWS);
    let error = ask(&open(&other), &checkout, &[texts(["a"]), floats(&[1.0])], None);
    assert!(matches!(error, Err(ServerError::OtherServer)), "{error:?}");
}

#[test]
fn a_push_that_is_refused_leaves_nothing_and_the_next_is_taken() {
    let project = Project::new(TWO_VIEWS);
    let (server, now) = (open(&project), at("2029-12-01"));
    let refused = |kind: &str| {
        let events = vec![event("1", "a", "w", 1.0, now), event("2", "b", kind, 2.0, now)];
        push(&server, &events).expect_err("is refused").to_string()
    };
    expect![
        "view trace@v1, entity b, event of 2029-12-01T00:00:00Z: the transform refused its input: this event is refused"
    ]
    .assert_eq(&refused("refuse"));
    assert!(refused("trap").contains("this event traps"));
    let future = vec![event("3", "a", "w", 1.0, at("2031-01-01"))];
    let error = push(&server, &future).expect_err("is of the future").to_string();
    assert!(error.contains("events dated in the future are refused (1 of 1)"), "{error}");
    let applied = push(&server, &[event("1", "a", "w", 1.0, now)]).expect("is taken");
    assert_eq!((applied.appended, applied.duplicates, applied.offset), (1, 0, 1));
    let again = vec![event("1", "a", "w", 1.0, now), event("4", "a", "w", 4.0, now), event("4", "a", "w", 4.0, now)];
    let applied = push(&server, &again).expect("is taken");
    assert_eq!((applied.appended, applied.duplicates, applied.offset), (1, 2, 2));
    assert_eq!(trails(&server, &["a", "b"]), ["w1;w4;", "null"]);
    server.close().expect("closes");
    assert_verified(&project, 2);
}

#[test]
fn the_clock_keeps_answers_and_arrivals_apart() {
    let project = Project::new(TWO_VIEWS);
    let now = at("2030-01-01");
    let server = open(&project);
    let all = prepare(&server, "all");
    let at_time = |as_of: Option<i64>| {
        ask(&server, &all, &[texts(["a"])], as_of.map(AsOf::from_micros)).map_err(|error| error.to_string())
    };
    // The clock stands still: answers share an as-of, and what arrives later arrives after it.
    assert_eq!([at_time(None), at_time(None)].map(|answer| answer.expect("answers").as_of.micros()), [now, now]);
    push(&server, &[event("1", "a", "w", 1.0, now), event("2", "a", "w", 2.0, now)]).expect("is taken");
    let answer = at_time(None).expect("answers");
    assert_eq!((answer.as_of.micros(), answer.offset, row(&answer, 0)[5].as_str()), (now + 2, 2, "w1;w2;"));
    project.clock.set(now + 10 * SECOND);
    // Before the second event: the state has passed it, so it is replayed.
    let answer = at_time(Some(now + 1)).expect("answers");
    assert_eq!((answer.offset, answer.replayed, row(&answer, 0)[5].as_str()), (1, true, "w1;"));
    let answer = at_time(Some(now + 5)).expect("answers");
    assert_eq!((answer.as_of.micros(), answer.offset, answer.replayed), (now + 5, 2, false));
    let error = at_time(Some(now + 11 * SECOND)).expect_err("has not come");
    assert!(error.contains("is in the future"), "{error}");
    assert_eq!(at_time(None).expect("answers").as_of.micros(), now + 10 * SECOND);
    server.close().expect("closes");
    // The machine's clock goes back; what arrives is after all that was answered.
    project.clock.set(now);
    let server = open(&project);
    push(&server, &[event("3", "a", "w", 3.0, now)]).expect("is taken");
    let answer = ask(&server, &prepare(&server, "all"), &[texts(["a"])], None).expect("answers");
    assert_eq!((answer.as_of.micros(), row(&answer, 0)[5].as_str()), (now + 10 * SECOND + 1, "w1;w2;w3;"));
    server.close().expect("closes");
    assert_verified(&project, 7);
}

/// Historical data is replayed: arrivals are declared, and stamped as declared where nothing was asked since.
#[test]
fn declared_arrivals_are_taken_as_they_are() {
    let project = Project::new(TWO_VIEWS);
    let server = open(&project);
    let declared = |id: &str, at| {
        let mut event = event(id, "a", "w", id.parse().expect("a number"), at);
        event.arrival = Some(at);
        event
    };
    let day = at("2024-01-01");
    let applied = push(&server, &[declared("2", day + HOUR), declared("1", day)]).expect("is taken");
    assert_eq!((applied.appended, applied.adjusted), (2, 0));
    let all = prepare(&server, "all");
    let ask = |as_of: i64| ask(&server, &all, &[texts(["a"])], Some(AsOf::from_micros(as_of))).expect("answers");
    let answer = ask(day + 2 * HOUR);
    assert_eq!((answer.replayed, row(&answer, 0)[5].as_str()), (false, "w1;w2;"));
    // What is declared to have arrived before that answer arrives after it.
    let applied = push(&server, &[declared("3", day + 2 * HOUR)]).expect("is taken");
    assert_eq!(applied.adjusted, 1);
    assert_eq!(row(&ask(day + 2 * HOUR), 0)[5], "w1;w2;");
    assert_eq!(row(&ask(day + 2 * HOUR + 1), 0)[5], "w1;w2;w3;");
    server.close().expect("closes");
    assert_verified(&project, 3);
}

/// Whether states are in memory or read from the store changes no bit.
#[test]
fn a_cache_that_holds_nothing_answers_the_same() {
    let project = Project::new(TWO_VIEWS);
    let start = at("2029-12-01");
    let entities: Vec<String> = (0..40).map(|number| format!("c{number}")).collect();
    let mut answers = Vec::new();
    for cache_bytes_max in [0, 4_096, 64 << 20] {
        let server = open_with(&project, |options| options.cache_bytes_max = cache_bytes_max);
        for (number, entity) in entities.iter().enumerate() {
            let id = format!("{number}");
            let events = vec![event(&id, entity, "purchase", number as f64 / 8.0, start + number as i64 * HOUR)];
            push(&server, &events).expect("is taken");
        }
        let all = prepare(&server, "all");
        let inputs = [texts(entities.iter().map(String::as_str))];
        let many = ask(&server, &all, &inputs, None).expect("answers");
        let rows: Vec<_> = (0..40).map(|at| row(&many, at)).collect();
        for (entity, expected) in entities.iter().zip(&rows) {
            let one = ask(&server, &all, &[texts([entity.as_str()])], None).expect("answers");
            assert_eq!(&row(&one, 0), expected, "{entity}");
        }
        answers.push(rows);
        server.close().expect("closes");
    }
    assert!(answers[0] == answers[1] && answers[1] == answers[2]);
    assert_verified(&project, 240);
}

#[test]
fn a_share_of_the_entities_is_recorded_whole() {
    let project = Project::new(&format!("{TWO_VIEWS}[serving]\nlog_share = 0.25\n"));
    project.at_machines_time();
    let server = open(&project);
    let entities: Vec<String> = (0..200).map(|number| format!("c{number}")).collect();
    let inputs = [texts(entities.iter().map(String::as_str))];
    for _ in 0..3 {
        ask(&server, &prepare(&server, "all"), &inputs, None).expect("answers");
    }
    server.flush();
    let (logged, dropped) = (server.status().served_logged, server.status().served_dropped);
    assert!((60..240).contains(&logged) && logged % 3 == 0 && dropped == 0, "{logged} vectors, {dropped} dropped");
    server.close().expect("closes");
    assert_verified(&project, logged);
    // The command line records the same entities: none of those left out, all of the others.
    let before = project.open().verify(None).expect("verifies").vectors;
    entities.iter().take(40).for_each(|entity| {
        assert_eq!(project.run(&format!("get --service all --entity customer_id={entity}")).code, 0);
    });
    project.at_machines_time();
    let server = open(&project);
    let inputs = [texts(entities.iter().take(40).map(String::as_str))];
    ask(&server, &prepare(&server, "all"), &inputs, None).expect("answers");
    server.close().expect("closes");
    let by_server = project.open().verify(None).expect("verifies").vectors - before;
    assert!(by_server > 0 && by_server.is_multiple_of(2), "{by_server} recorded by both");
}

#[test]
fn vectors_that_are_too_many_are_dropped_and_counted() {
    let limits: [fn(&mut ServerOptions); 2] =
        [|options| options.waiting_vectors_max = 1, |options| options.waiting_vectors_bytes_max = 1];
    for limit in limits {
        let project = Project::new(TWO_VIEWS);
        let server = open_with(&project, limit);
        let inputs = [texts(["a", "b", "c"])];
        for _ in 0..50 {
            ask(&server, &prepare(&server, "all"), &inputs, None).expect("answers");
        }
        server.flush();
        let status = server.status();
        assert_eq!(status.served_logged + status.served_dropped, 150);
        assert!(status.served_dropped > 0 && status.served_logged >= 3, "{status:?}");
        server.close().expect("closes");
        assert_verified(&project, status.served_logged);
    }
}

/// The file of what was served has a limit: the oldest vectors go, the newest are proved.
#[test]
fn the_oldest_served_vectors_make_room_for_the_newest() {
    let project = Project::new(&format!("{TWO_VIEWS}[serving]\nserved_bytes_max = 1048576\n"));
    let server = open(&project);
    let entities: Vec<String> = (0..1_000).map(|number| format!("c{number:0>100}")).collect();
    let inputs = [texts(entities.iter().map(String::as_str))];
    for _ in 0..40 {
        ask(&server, &prepare(&server, "all"), &inputs, None).expect("answers");
        server.flush();
    }
    let status = server.status();
    server.close().expect("closes");
    assert_eq!((status.served_logged, status.served_dropped), (40_000, 0));
    assert!(status.served_expired > 0 && status.served_expired < 40_000, "{status:?}");
    let report = project.open().verify(None).expect("verifies");
    assert!(report.is_equal(), "{:#?}", report.first);
    assert_eq!((report.vectors, report.expired), (40_000 - status.served_expired, status.served_expired));
    let told = project.run("verify").stdout;
    assert!(
        told.contains("older served vectors made room for newer ones (`served_bytes_max` under [serving])"),
        "{told}"
    );
    let bytes = std::fs::metadata(project.path(".onepath/served.sqlite")).expect("is there").len();
    assert!(bytes < 2 << 20, "{bytes} bytes");
}

/// Vectors are replayed a hundred thousand at a time, and all of them are.
#[test]
fn more_vectors_than_are_replayed_at_once_are_all_proved() {
    let project = Project::new(TWO_VIEWS);
    let server = open(&project);
    push(&server, &[event("1", "c7", "purchase", 1.0, at("2029-12-20"))]).expect("is taken");
    let entities: Vec<String> = (0..5_000).map(|number| format!("c{number}")).collect();
    let inputs = [texts(entities.iter().map(String::as_str))];
    for _ in 0..21 {
        ask(&server, &prepare(&server, "all"), &inputs, None).expect("answers");
        server.flush();
    }
    server.close().expect("closes");
    assert_verified(&project, 105_000);
    // One wrong bit is found in those that are replayed first, and in the rest.
    let served = project.path(".onepath/served.sqlite");
    let batches = std::cell::Cell::new(0);
    let changed = seal::change_batches(&served, |body| {
        batches.set(batches.get() + 1);
        if [1, 21].contains(&batches.get()) {
            seal::replace(body, b"c7c8c9", b"c7c7c9");
        }
    });
    assert_eq!((changed, batches.get()), (2, 21));
    let report = project.open().verify(None).expect("verifies");
    assert_eq!(report.vectors, 105_000);
    assert!(report.differences >= 4, "{}", report.differences);
}

/// A clock that fails whoever asks it next, when it is told to.
struct FailingClock(std::sync::atomic::AtomicBool);

impl onepath::time::Clock for FailingClock {
    fn now(&self) -> i64 {
        assert!(!self.0.swap(false, std::sync::atomic::Ordering::SeqCst), "the clock was told to fail");
        at("2030-01-01")
    }
}

#[test]
fn a_thread_that_has_ended_is_told() {
    let project = Project::new(TWO_VIEWS);
    let clock = std::sync::Arc::new(FailingClock(false.into()));
    let server = open_with(&project, |options| options.open.clock = std::sync::Arc::clone(&clock) as _);
    let now = at("2029-12-31");
    push(&server, &[event("1", "a", "w", 1.0, now)]).expect("is taken");
    assert_eq!((server.ended(), server.status().ended), (None, None));
    clock.0.store(true, std::sync::atomic::Ordering::SeqCst);
    let error = push(&server, &[event("2", "a", "w", 2.0, now)]).expect_err("the writer fails");
    assert!(matches!(error, ServerError::Closed), "{error}");
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while server.ended().is_none() && std::time::Instant::now() < until {
        std::thread::yield_now();
    }
    let why = Some("the thread onepath-writer has panicked: the clock was told to fail".to_owned());
    assert_eq!((server.ended(), server.status().ended, server.unready()), (why.clone(), why.clone(), why));
}

/// A question that the states have passed reads the events of its own entities, and tells the newest of each.
#[test]
fn a_replayed_answer_reads_its_own_entities_alone() {
    let project = Project::new(TWO_VIEWS);
    let (server, start) = (open(&project), at("2029-12-01"));
    let entities = ["a", "b", "c"];
    for number in 0..120_usize {
        let (id, entity) = (number.to_string(), entities[number % 3]);
        project.clock.set(start + number as i64 * HOUR + SECOND);
        push(&server, &[event(&id, entity, "w", number as f64, start + number as i64 * HOUR)]).expect("is taken");
    }
    let all = prepare(&server, "all");
    let as_of = AsOf::from_micros(start + 30 * HOUR + HOUR / 2);
    let ask = |entities: &[&str]| {
        let answer = ask(&server, &all, &[texts(entities.iter().copied())], Some(as_of));
        answer.map_err(|error| error.to_string())
    };
    let many = ask(&["c", "a", "x", "b", "a"]).expect("answers");
    assert!(many.replayed);
    let newest: Vec<_> = many.newest_events[0].iter().map(|at| at.map(|at| (at.micros() - start) / HOUR)).collect();
    assert_eq!(newest, [Some(29), Some(30), None, Some(28), Some(30)]);
    assert_eq!(many.newest_events[1], many.newest_events[0]);
    assert_eq!(row(&many, 0)[5], (4..10).map(|nth| format!("w{};", 3 * nth + 2)).collect::<String>());
    for (at, entity) in ["c", "a", "x", "b", "a"].into_iter().enumerate() {
        assert_eq!(row(&ask(&[entity]).expect("answers"), 0), row(&many, at), "{entity}");
    }
    server.flush();
    // What cannot be read is another entity's.
    let log = rusqlite::Connection::open(project.path(".onepath/log.sqlite")).expect("opens");
    log.execute("UPDATE events SET fields = 'x' WHERE entity = '[\"b\"]'", []).expect("updates");
    seal::seal_events(&project.path(".onepath/log.sqlite"));
    assert_eq!(row(&ask(&["a"]).expect("answers"), 0), row(&many, 1));
    let error = ask(&["b"]).expect_err("cannot be read");
    assert!(error.contains("is not JSON"), "{error}");
}

/// An entity whose state would be too large is refused by name, whoever asks; the others are served.
#[test]
fn an_entity_whose_state_is_too_large_is_refused_and_the_others_are_served() {
    let toml = TWO_VIEWS.replace("[sources.events]", "[sources.events]\nfiles = [\"events.ndjson\"]");
    let project = Project::new(&format!("{toml}[limits]\nstate_bytes_max = 1000\n"));
    let start = onepath::time::Clock::now(&onepath::time::SystemClock) - 3 * HOUR;
    let line = |id: usize, entity: &str| {
        let time = onepath::time::format_time(start + id as i64 * SECOND);
        format!(
            "{{\"event_id\":\"{id}\",\"customer_id\":\"{entity}\",\"event_type\":\"purchase\",\"amount\":1.5,\"event_timestamp\":\"{time}\"}}\n"
        )
    };
    project.write(
        "events.ndjson",
        (0..300).map(|id| line(id, if id % 100 == 0 { "b" } else { "hot" })).collect::<String>(),
    );
    let ran = project.run("materialize");
    let told: Vec<&str> = ran.stdout.lines().map(|line| line.split(" up to ").next().unwrap_or_default()).collect();
    expect![[r#"
        0
        source events: 300 events
        activity@v1: 300 events
        activity@v1: 1 entity is not served, for the state would be over the limit (`state_bytes_max` under [limits]); questions and pushes that name one are refused, the others go on
          hot: 4,785 bytes
        trace@v1: 300 events
    "#]].assert_eq(&format!("{}\n{}\n", ran.code, told.join("\n")));
    let server = open_now(&project);
    let refused = "view activity@v1: hot is not served: its state would have 4785 bytes, over the limit when it was materialized; \
                   use a shorter window, or a hopping one that keeps a sum per hop instead of every event, or raise \
                   `state_bytes_max` under [limits], and run `onepath materialize`";
    let ask = |entities: &[&str]| {
        let answer = ask(&server, &prepare(&server, "all"), &[texts(entities.iter().copied())], None);
        answer.map(|answer| row(&answer, 0)[0].clone()).map_err(|error| error.to_string())
    };
    let push = |id: &str, entity: &str| {
        let pushed = push(&server, &[event(id, entity, "purchase", 1.0, start + HOUR)]);
        pushed.map(|applied| applied.appended).map_err(|error| error.to_string())
    };
    for _ in 0..2 {
        assert_eq!(ask(&["hot"]), Err(refused.to_owned()));
        assert_eq!(ask(&["b", "hot"]), Err(refused.to_owned()));
    }
    assert_eq!((push("1000", "hot"), push("1001", "b")), (Err(refused.to_owned()), Ok(1)));
    assert_eq!((ask(&["b"]), ask(&["x"])), (Ok("4".to_owned()), Ok("0".to_owned())));
    server.close().expect("closes");
    // What was refused is what it would be: the proof holds, and a refusal that was changed is told.
    assert_verified(&project, 2);
    let ran = project.run("get --service all --entity customer_id=hot");
    assert_eq!((ran.code, ran.stderr), (2, format!("error: {refused}\n")));
    let store = rusqlite::Connection::open(project.path(".onepath/online.sqlite")).expect("opens");
    store.execute("UPDATE refused SET bytes = bytes + 1", []).expect("updates");
    let report = project.open().verify(None).expect("verifies");
    assert!(report.unproved_views == 1 && report.reasons[0].contains("its checksum differs"), "{report:#?}");
    // With room for it, it is served like any other.
    project.configure(&toml);
    assert_eq!(project.run("materialize").code, 0);
    assert_eq!(project.run("get --service all --entity customer_id=hot").code, 0);
}

#[test]
fn a_log_that_was_replaced_and_grew_again_is_refused() {
    let project = Project::new(TWO_VIEWS);
    let now = at("2029-12-01");
    let server = open(&project);
    push(&server, &[event("1", "a", "w", 1.0, now)]).expect("is taken");
    ask(&server, &prepare(&server, "all"), &[texts(["a"])], None).expect("answers");
    server.close().expect("closes");
    let store = project.path("online.kept");
    std::fs::copy(project.path(".onepath/online.sqlite"), &store).expect("copies");
    remove(&project, "log");
    remove(&project, "online");
    let server = open(&project);
    for id in ["1", "2", "3"] {
        push(&server, &[event(id, "b", "w", 1.0, now)]).expect("is taken");
    }
    server.close().expect("closes");
    remove(&project, "online");
    std::fs::copy(&store, project.path(".onepath/online.sqlite")).expect("copies");
    let options = ServerOptions { open: project.options(), ..ServerOptions::default() };
    let error = Server::open(project.dir(), options).map(|_| ()).expect_err("is another log").to_string();
    expect![
        "the states of view activity@v1 were made from another log than DIR/.onepath/log.sqlite: it was replaced or cut; put the right one back, or run `onepath materialize` to rebuild the states from this one"
    ]
    .assert_eq(&error.replace(&project.dir().display().to_string(), "DIR"));
    // What was served from the old log is not compared with the new one.
    let report = project.open().verify(None).expect("verifies");
    assert_eq!((report.vectors, report.unproved, report.unproved_views), (0, 1, 2), "{:?}", report.reasons);
}

fn remove(project: &Project, name: &str) {
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(project.path(&format!(".onepath/{name}.sqlite{suffix}")));
    }
}

#[test]
fn a_pin_refuses_what_differs_from_the_training_set() {
    let toml = TWO_VIEWS.replace("transform = \"TRACE\"", "transform = \"trace.wasm\"");
    let project = Project::new(&toml);
    let built = crate::support::components();
    std::fs::copy(&built.trace, project.path("trace.wasm")).expect("copies");
    project.write("spine.csv", "customer_id,at\na,2024-01-01\n");
    let ran = project.run("backfill --service all --spine spine.csv --as-of-column at --out training.csv");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let pinned = |project: &Project| {
        let pin = Some(project.path("training.csv.manifest.json"));
        let options = ServerOptions { open: project.options(), pin, ..ServerOptions::default() };
        Server::open(project.dir(), options).map_err(|error| error.to_string())
    };
    let server = pinned(&project).expect("nothing differs");
    assert!(server.status().warnings.is_empty());
    drop(server);

    let ttl = "[views.trace]\nttl = \"30d\"\n";
    let services = "features = [\"activity:purchase_count_30d\", \"trace:*\"]";
    project
        .configure(&toml.replace("[views.trace]\n", ttl).replace("features = [\"activity:*\", \"trace:*\"]", services));
    let bytes = std::fs::read(&built.trace).expect("was built");
    project.write("trace.wasm", [&bytes[..], b"\0\x05\x04note"].concat());
    let error = pinned(&project).map(|_| ()).expect_err("much differs");
    let digest = |path: &Path| onepath::files::sha256_file(&onepath::files::FileSystem, path).expect("reads");
    let shown = error
        .replace(&project.dir().display().to_string(), "DIR")
        .replace(&digest(&built.trace), "OLD")
        .replace(&digest(&project.path("trace.wasm")), "NEW");
    expect![[r#"
        what would be served differs from what made the training set of DIR/training.csv.manifest.json:
          view trace@v1, component: trained with OLD, now NEW
          view trace@v1, ttl: trained with none, now 30d
          service all: it no longer has activity@v1:avg_purchase_value_90d
          service all: it no longer has activity@v1:days_since_last_purchase
          service all: it no longer has activity@v1:return_rate_180d
        put back what made it, or train again and pin the new manifest"#]]
    .assert_eq(&shown);

    project.write("training.csv.manifest.json", "{}");
    let error = pinned(&project).map(|_| ()).expect_err("is no manifest");
    assert!(error.contains("is not a manifest of a training set"), "{error}");
    std::fs::remove_file(project.path("training.csv.manifest.json")).expect("removes");
    let error = pinned(&project).map(|_| ()).expect_err("is missing");
    assert!(error.contains("cannot be read: name the .manifest.json file"), "{error}");
}

#[test]
fn one_server_writes_a_project_at_a_time() {
    let project = Project::new(TWO_VIEWS);
    let server = open(&project);
    let options = ServerOptions { open: project.options(), ..ServerOptions::default() };
    let error = Server::open(project.dir(), options).map(|_| ()).expect_err("is locked").to_string();
    assert!(error.starts_with("another onepath process is writing "), "{error}");
    drop(server);
    drop(open(&project));
}
