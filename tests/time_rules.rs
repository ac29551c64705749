//! The rules of time and order, one small case each: events and a spine in, a table out.
//!
//! Every case is answered offline and, from materialized states, online; both must be the table.

use expect_test::{Expect, expect};
use onepath::batch::Value;
use onepath::events::Arrival;
use onepath::feature_store::{FeaturePlan, FeatureSelection, FeatureStore};
use onepath::log::Log;
use onepath::time::format_time;

use crate::support::{Ask, DAY, OnlineRequest, Project, Session, Vector, assert_same, at, offline, online};

/// A project with the churn view, named `activity`, and the trace view, both over `sources` in that order.
fn toml(sources: &[(&str, &[&str])], ttl: &str) -> String {
    let mut toml = "[project]\nname = \"rules\"\n[entities.customer]\nkeys = { customer_id = \"text\" }\n".to_owned();
    for (source, files) in sources {
        toml += &format!(
            "[sources.{source}]\nentity = \"customer\"\nfiles = {files:?}\nevent_time = \"event_timestamp\"\n"
        );
        toml += "arrival_time = \"ingested_at\"\n";
    }
    let names: Vec<&str> = sources.iter().map(|(source, _)| *source).collect();
    toml += &format!(
        "[views.activity]\nsources = {names:?}\ntransform = \"CHURN\"\n{ttl}\n[views.trace]\nsources = {names:?}\n\
         transform = \"TRACE\"\n"
    );
    toml
}

/// Events as `customer type amount time [arrival]`, one a line, as CSV.
fn events(text: &str) -> String {
    let mut csv = "customer_id,event_type,amount,event_timestamp,ingested_at\n".to_owned();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut cells: Vec<&str> = line.split_whitespace().collect();
        // Without one, it arrived when it happened.
        let happened = cells[3];
        cells.resize(5, happened);
        csv += &format!("{}\n", cells.join(","));
    }
    csv
}

/// Questions as `customer as-of`, one a line.
fn asks(text: &str) -> Vec<Ask> {
    let ask = |line: &str| {
        let (entity, as_of) = line.split_once(' ').expect("customer as-of");
        Ask { entity: entity.to_owned(), as_of: at(as_of.trim()), cart_value: 0.0 }
    };
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(ask).collect()
}

fn plan(store: &FeatureStore, features: &str) -> FeaturePlan {
    let references = features.split(' ').map(|text| text.parse().expect("a feature reference")).collect();
    store.plan(&FeatureSelection::References(references)).expect("plans")
}

fn table(asks: &[Ask], answers: &[Vector]) -> String {
    let row = |(ask, answer): (&Ask, &Vector)| {
        let cells = answer.iter().map(|(value, status)| format!("{value} {}", status.as_str()));
        format!("{} {}: {}\n", ask.entity, format_time(ask.as_of), cells.collect::<Vec<_>>().join(", "))
    };
    asks.iter().zip(answers).map(row).collect()
}

/// Answers the spine offline and online, compares the two, and compares the table with what is expected.
fn check_project(project: &Project, features: &str, spine: &str, expected: Expect) {
    let mut store = project.open();
    let (plan, asks) = (plan(&store, features), asks(spine));
    let answers = offline(&store, &plan, &asks, &[]);
    expected.assert_eq(&table(&asks, &answers));
    store.materialize(&[], None).expect("materializes");
    for (ask, answer) in asks.iter().zip(&answers) {
        assert_same(&online(&mut store, &plan, ask).0, answer, ask, "online");
    }
    assert!(store.verify(None).expect("verifies").is_equal());
}

fn check(history: &str, features: &str, spine: &str, expected: Expect) {
    let project = Project::new(&toml(&[("events", &["events.csv"])], ""));
    project.write("events.csv", events(history));
    check_project(&project, features, spine, expected);
}

const COUNT: &str = "activity:purchase_count_30d";
const TRAIL: &str = "trace:trail";

#[test]
fn an_event_is_visible_from_the_microsecond_at_which_it_was_available() {
    check(
        "a purchase 10 2024-01-01T00:00:00.000005Z",
        "activity:purchase_count_30d trace:events",
        "a 2024-01-01T00:00:00.000004Z
         a 2024-01-01T00:00:00.000005Z
         a 2024-01-01T00:00:00.000006Z
         b 2024-01-01T00:00:00.000006Z",
        expect![[r#"
            a 2024-01-01T00:00:00.000004Z: 0 NOT_FOUND, 0 NOT_FOUND
            a 2024-01-01T00:00:00.000005Z: 1 PRESENT, 1 PRESENT
            a 2024-01-01T00:00:00.000006Z: 1 PRESENT, 1 PRESENT
            b 2024-01-01T00:00:00.000006Z: 0 NOT_FOUND, 0 NOT_FOUND
        "#]],
    );
}

#[test]
fn where_an_event_and_a_question_tie_the_event_goes_first() {
    check(
        "a purchase 10 2024-01-01
         a purchase 20 2024-01-02
         a purchase 30 2024-01-03",
        TRAIL,
        "a 2024-01-02
         a 2024-01-02
         a 2024-01-03",
        expect![[r#"
            a 2024-01-02T00:00:00Z: purchase10;purchase20; PRESENT
            a 2024-01-02T00:00:00Z: purchase10;purchase20; PRESENT
            a 2024-01-03T00:00:00Z: purchase10;purchase20;purchase30; PRESENT
        "#]],
    );
}

#[test]
fn events_of_one_time_are_applied_in_the_order_of_files_and_rows() {
    let project = Project::new(&toml(&[("events", &["z.csv", "a.csv"])], ""));
    project.write("z.csv", events("a w 1 2024-01-02\na w 2 2024-01-01\na w 3 2024-01-02\nb w 0 2024-01-01"));
    project.write("a.csv", events("a w 4 2024-01-02\na w 5 2024-01-01\na w 6 2024-01-02"));
    check_project(
        &project,
        TRAIL,
        "a 2024-01-01\na 2024-01-02",
        expect![[r#"
        a 2024-01-01T00:00:00Z: w2;w5; PRESENT
        a 2024-01-02T00:00:00Z: w2;w5;w1;w3;w4;w6; PRESENT
    "#]],
    );
}

#[test]
fn files_of_one_pattern_are_in_the_order_of_their_names() {
    let project = Project::new(&toml(&[("events", &["day-*.csv"])], ""));
    project.write("day-2.csv", events("a w 2 2024-01-01"));
    project.write("day-1.csv", events("a w 1 2024-01-01"));
    project.write("day-10.csv", events("a w 10 2024-01-01"));
    check_project(
        &project,
        TRAIL,
        "a 2024-01-01",
        expect![[r#"
        a 2024-01-01T00:00:00Z: w1;w10;w2; PRESENT
    "#]],
    );
}

#[test]
fn events_of_one_time_in_two_sources_are_in_the_order_in_which_the_view_names_them() {
    for (order, expected) in [
        (
            ["web", "shop"],
            expect![[r#"
            a 2024-01-01T00:00:00Z: web1;shop4; PRESENT
            a 2024-01-02T00:00:00Z: web1;shop4;web2;shop3; PRESENT
        "#]],
        ),
        (
            ["shop", "web"],
            expect![[r#"
            a 2024-01-01T00:00:00Z: shop4;web1; PRESENT
            a 2024-01-02T00:00:00Z: shop4;web1;shop3;web2; PRESENT
        "#]],
        ),
    ] {
        let files = |source: &str| if source == "web" { ["web.csv"] } else { ["shop.csv"] };
        let (first, second) = (files(order[0]), files(order[1]));
        let project = Project::new(&toml(&[(order[0], &first), (order[1], &second)], ""));
        project.write("web.csv", events("a web 1 2024-01-01\na web 2 2024-01-02"));
        project.write("shop.csv", events("a shop 3 2024-01-02\na shop 4 2024-01-01"));
        check_project(&project, TRAIL, "a 2024-01-01\na 2024-01-02", expected);
    }
}

#[test]
fn late_data_is_seen_from_its_arrival_and_lands_in_the_window_of_its_event_time() {
    check(
        "a purchase 1 2024-01-01
         a purchase 2 2024-01-02 2024-01-20
         a purchase 3 2024-01-10",
        "activity:purchase_count_30d activity:days_since_last_purchase trace:trail",
        "a 2024-01-15
         a 2024-01-19T23:59:59.999999Z
         a 2024-01-20
         a 2024-02-01
         a 2024-02-01T00:00:00.000001Z",
        expect![[r#"
            a 2024-01-15T00:00:00Z: 2 PRESENT, 5 PRESENT, purchase1;purchase3; PRESENT
            a 2024-01-19T23:59:59.999999Z: 2 PRESENT, 9 PRESENT, purchase1;purchase3; PRESENT
            a 2024-01-20T00:00:00Z: 3 PRESENT, 10 PRESENT, purchase1;purchase3;purchase2; PRESENT
            a 2024-02-01T00:00:00Z: 2 PRESENT, 22 PRESENT, purchase1;purchase3;purchase2; PRESENT
            a 2024-02-01T00:00:00.000001Z: 1 PRESENT, 22 PRESENT, purchase1;purchase3;purchase2; PRESENT
        "#]],
    );
}

#[test]
fn an_event_of_a_file_that_arrived_before_it_happened_is_seen_when_it_happened() {
    check(
        "a purchase 1 2024-01-05 2024-01-01",
        COUNT,
        "a 2024-01-04T23:59:59.999999Z
         a 2024-01-05",
        expect![[r#"
            a 2024-01-04T23:59:59.999999Z: 0 NOT_FOUND
            a 2024-01-05T00:00:00Z: 1 PRESENT
        "#]],
    );
}

#[test]
fn windows_closed_on_both_sides_end_after_exactly_their_length() {
    check(
        "a purchase 10 2024-01-01
         a return 10 2024-01-01",
        "activity:purchase_count_30d activity:avg_purchase_value_90d activity:days_since_last_purchase \
         activity:return_rate_180d",
        "a 2024-01-31
         a 2024-01-31T00:00:00.000001Z
         a 2024-03-31
         a 2024-03-31T00:00:00.000001Z
         a 2024-06-29
         a 2024-06-29T00:00:00.000001Z",
        expect![[r#"
            a 2024-01-31T00:00:00Z: 1 PRESENT, 10.0 PRESENT, 30 PRESENT, 0.5 PRESENT
            a 2024-01-31T00:00:00.000001Z: 0 PRESENT, 10.0 PRESENT, 30 PRESENT, 0.5 PRESENT
            a 2024-03-31T00:00:00Z: 0 PRESENT, 10.0 PRESENT, 90 PRESENT, 0.5 PRESENT
            a 2024-03-31T00:00:00.000001Z: 0 PRESENT, null NULL_VALUE, 90 PRESENT, 0.5 PRESENT
            a 2024-06-29T00:00:00Z: 0 PRESENT, null NULL_VALUE, 180 PRESENT, 0.5 PRESENT
            a 2024-06-29T00:00:00.000001Z: 0 PRESENT, null NULL_VALUE, 180 PRESENT, 0.0 PRESENT
        "#]],
    );
}

#[test]
fn a_count_falls_to_zero_without_events() {
    check(
        "a purchase 1 2024-01-01
         a purchase 2 2024-01-10
         a purchase 3 2024-01-20",
        COUNT,
        "a 2024-01-20
         a 2024-02-01
         a 2024-02-10
         a 2024-03-01
         a 2025-01-01",
        expect![[r#"
            a 2024-01-20T00:00:00Z: 3 PRESENT
            a 2024-02-01T00:00:00Z: 2 PRESENT
            a 2024-02-10T00:00:00Z: 1 PRESENT
            a 2024-03-01T00:00:00Z: 0 PRESENT
            a 2025-01-01T00:00:00Z: 0 PRESENT
        "#]],
    );
}

#[test]
fn a_view_older_than_its_time_to_live_is_null() {
    let project = Project::new(&toml(&[("events", &["events.csv"])], "ttl = \"40d\""));
    // The newest event counts, of whatever type and whenever it arrived.
    project
        .write("events.csv", events("a purchase 10 2024-01-01\na view 0 2024-01-11 2024-02-01\nb view 0 2024-01-01"));
    check_project(
        &project,
        "activity:purchase_count_30d activity:avg_purchase_value_90d trace:events",
        "a 2024-02-20
         a 2024-02-20T00:00:00.000001Z
         b 2024-02-10
         b 2024-02-10T00:00:00.000001Z
         nobody 2024-02-10",
        expect![[r#"
            a 2024-02-20T00:00:00Z: 0 PRESENT, 10.0 PRESENT, 2 PRESENT
            a 2024-02-20T00:00:00.000001Z: null OUTSIDE_MAX_AGE, null OUTSIDE_MAX_AGE, 2 PRESENT
            b 2024-02-10T00:00:00Z: 0 PRESENT, null NULL_VALUE, 1 PRESENT
            b 2024-02-10T00:00:00.000001Z: null OUTSIDE_MAX_AGE, null OUTSIDE_MAX_AGE, 1 PRESENT
            nobody 2024-02-10T00:00:00Z: 0 NOT_FOUND, null NOT_FOUND, 0 NOT_FOUND
        "#]],
    );
}

#[test]
fn days_are_counted_down_also_before_the_epoch() {
    check(
        "a purchase 1 1969-12-30T12:00:00Z",
        "activity:days_since_last_purchase activity:purchase_count_30d",
        "a 1969-12-30T11:59:59Z
         a 1969-12-31T11:59:59.999999Z
         a 1969-12-31T12:00:00Z
         a 1970-01-01T12:00:00Z",
        expect![[r#"
            a 1969-12-30T11:59:59Z: null NOT_FOUND, 0 NOT_FOUND
            a 1969-12-31T11:59:59.999999Z: 0 PRESENT, 1 PRESENT
            a 1969-12-31T12:00:00Z: 1 PRESENT, 1 PRESENT
            a 1970-01-01T12:00:00Z: 2 PRESENT, 1 PRESENT
        "#]],
    );
}

#[test]
fn feature_history_at_each_event() {
    let project = Project::new(&toml(&[("events", &["events.csv"])], ""));
    project.write(
        "events.csv",
        events(
            "b purchase 5 2024-01-03
             a purchase 10 2024-01-01
             a purchase 20 2024-01-02 2024-01-05
             a purchase 30 2024-01-05
             a view 0 2024-02-20",
        ),
    );
    let ran = project.run("backfill --features activity:purchase_count_30d,trace:trail --at events --out history.csv");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let history = std::fs::read_to_string(project.path("history.csv")).expect("was written");
    expect![[r#"
        customer_id,as_of,purchase_count_30d,trail
        a,2024-01-01T00:00:00Z,1,purchase10;
        b,2024-01-03T00:00:00Z,1,purchase5;
        a,2024-01-05T00:00:00Z,3,purchase10;purchase20;purchase30;
        a,2024-02-20T00:00:00Z,0,purchase10;purchase20;purchase30;view0;
    "#]]
    .assert_eq(&history);
}

#[test]
fn feature_history_on_a_grid() {
    let project = Project::new(&toml(&[("events", &["events.csv"])], ""));
    project.write(
        "events.csv",
        events(
            "b purchase 5 2024-01-03
             a purchase 10 2024-01-01
             c purchase 20 2024-01-02 2024-03-01",
        ),
    );
    let ran = project.run(
        "backfill --features activity:purchase_count_30d --every 15d --from 2024-01-01 --to 2024-02-15 --out grid.csv",
    );
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let history = std::fs::read_to_string(project.path("grid.csv")).expect("was written");
    expect![[r#"
        customer_id,as_of,purchase_count_30d
        a,2024-01-01T00:00:00Z,1
        a,2024-01-16T00:00:00Z,1
        b,2024-01-16T00:00:00Z,1
        a,2024-01-31T00:00:00Z,1
        b,2024-01-31T00:00:00Z,1
        a,2024-02-15T00:00:00Z,0
        b,2024-02-15T00:00:00Z,0
    "#]]
    .assert_eq(&history);
}

#[test]
fn an_event_dated_in_the_future_is_refused_online_and_counted() {
    let project = Project::new(&toml(&[("events", &[])], ""));
    project.clock.set(at("2024-01-10"));
    let mut store = project.open();
    let push = |store: &mut Session, text: &str, arrival: &Arrival| {
        let path = project.write("push.csv", events(text));
        store.ingest("events", &path, arrival).map_err(|error| error.to_string())
    };
    let refused = push(&mut store, "a w 1 2024-01-09\na w 2 2024-01-10T00:00:01Z\na w 3 2024-01-11", &Arrival::Now);
    expect!["row 2: event time 2024-01-10T00:00:01Z is after its arrival 2024-01-10T00:00:00.000001Z; events dated in the future are refused (2 of 3)"].assert_eq(&refused.expect_err("is refused"));
    let column = Arrival::Column("ingested_at".to_owned());
    let refused = push(&mut store, "a w 1 2024-01-05 2024-01-04", &column);
    expect!["row 1: event time 2024-01-05T00:00:00Z is after its arrival 2024-01-04T00:00:00Z; events dated in the future are refused (1 of 1)"].assert_eq(&refused.expect_err("is refused"));
    let refused = push(&mut store, "a w 1 2024-01-05 2024-01-11", &column);
    expect!["row 1: arrival 2024-01-11T00:00:00Z is in the future, it is 2024-01-10T00:00:00Z; only past arrivals can be declared (1 of 1)"].assert_eq(&refused.expect_err("is refused"));

    // Nothing of them was kept, and an event of this very microsecond is taken.
    let applied = push(&mut store, "a w 4 2024-01-10", &Arrival::Now).expect("is taken");
    assert_eq!((applied.appended, applied.offset), (1, 1));
    drop(store);
    let log = onepath::log::SqliteLog::open_read_only(&project.path(".onepath/log.sqlite")).expect("opens");
    assert_eq!(log.expect("there is a log").reader().expect("opens").refused_future().expect("counts"), 4);
}

#[test]
fn a_question_about_the_future_is_refused() {
    let project = Project::new(&toml(&[("events", &["events.csv"])], ""));
    project.write("events.csv", events("a w 1 2024-01-01"));
    project.clock.set(at("2024-01-10"));
    let mut store = project.open();
    let plan = plan(&store, TRAIL);
    let ask = |as_of| OnlineRequest {
        inputs: vec![("customer_id".to_owned(), Value::Text("a".to_owned()))],
        as_of: Some(onepath::time::AsOf::from_micros(as_of)),
    };
    store.get_online_features(&plan, &ask(at("2024-01-10"))).expect("now is not the future");
    let error = store.get_online_features(&plan, &ask(at("2024-01-10") + 1)).expect_err("is refused");
    expect!["as-of 2024-01-10T00:00:00.000001Z is in the future, it is 2024-01-10T00:00:00Z; ask for a time that has passed, or for none"].assert_eq(&error.to_string());
}

/// One clock stamps arrivals and as-ofs: what is visible at an as-of is a prefix of the log, now and later.
#[test]
fn arrivals_grow_strictly_and_answers_never_go_back() {
    let project = Project::new(&toml(&[("events", &[])], ""));
    let now = at("2024-01-10");
    project.clock.set(now);
    let mut store = project.open();
    let plan = plan(&store, TRAIL);
    let request = OnlineRequest {
        inputs: vec![("customer_id".to_owned(), Value::Text("a".to_owned()))],
        ..OnlineRequest::default()
    };
    let mut seen = String::new();
    for number in 1..=3 {
        let path = project.write("push.csv", events(&format!("a w {number} 2024-01-01")));
        store.ingest("events", &path, &Arrival::Now).expect("is taken");
        if number == 2 {
            project.clock.set(now - DAY);
        }
        let vector = store.get_online_features(&plan, &request).expect("answers");
        assert!(!vector.replayed);
        seen += &format!("{} offset {}: {}\n", vector.as_of, vector.offset, vector.values[0]);
    }
    expect![[r#"
        2024-01-10T00:00:00Z offset 1: w1;
        2024-01-10T00:00:00.000001Z offset 2: w1;w2;
        2024-01-10T00:00:00.000002Z offset 3: w1;w2;w3;
    "#]]
    .assert_eq(&seen);
    assert!(store.verify(None).expect("verifies").is_equal());
}
