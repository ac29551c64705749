//! Feast's everyday view in a few lines: the newest row of each entity, with its own naive reference.

use std::fmt::Write as _;

use onepath::time::format_time;

use super::{good, run_alone};
use crate::support::{DAY, HOUR, Project, Random, at};

const DRIVERS: &str = r#"
[project]
name = "drivers"
[entities.driver]
keys = { driver_id = "int64" }
[sources.driver_stats]
entity = "driver"
files = ["stats.csv"]
event_time = "event_timestamp"
arrival_time = "arrived"
fields = { conv_rate = "float64", acc_rate = "float64", avg_daily_trips = "int64", created = "time" }
[views.driver]
sources = ["driver_stats"]
latest = ["conv_rate", "acc_rate", "avg_daily_trips"]
tie_break = "created"
ttl = "20d"
[services.all]
features = ["driver:*"]
"#;

struct Row {
    driver: i64,
    at: i64,
    arrived: i64,
    created: Option<i64>,
    conv_rate: Option<f64>,
    acc_rate: Option<f64>,
    trips: Option<i64>,
}

fn row(random: &mut Random) -> Row {
    // Few times, so that ties are common.
    let at = at("2024-01-01") + random.below(12) as i64 * DAY;
    let rate = |random: &mut Random| (!random.once_in(4)).then(|| random.below(1_000) as f64 / 1_000.0);
    Row {
        driver: random.below(4) as i64,
        at,
        arrived: at + random.pick::<i64>(&[0, 0, HOUR, 3 * DAY, 9 * DAY]),
        created: (!random.once_in(3)).then(|| at + random.below(3) as i64 * HOUR),
        conv_rate: rate(random),
        acc_rate: rate(random),
        trips: (!random.once_in(4)).then(|| random.below(100) as i64),
    }
}

/// The row with the greatest event time; of equal ones that with the greater `created`, a null being the least; else the later one.
fn newest<'r>(rows: &'r [Row], driver: i64, as_of: i64) -> Option<&'r Row> {
    let mut seen: Vec<&Row> = rows.iter().filter(|row| row.driver == driver && row.arrived <= as_of).collect();
    seen.sort_by_key(|row| row.arrived);
    let mut newest: Option<&'r Row> = None;
    for row in seen {
        if newest.is_none_or(|newest| (row.at, row.created) >= (newest.at, newest.created)) {
            newest = Some(row);
        }
    }
    newest
}

#[test]
fn the_newest_row_with_ties_late_rows_and_nulls() {
    let declared =
        DRIVERS.lines().skip_while(|line| *line != "[views.driver]").take_while(|line| *line != "[services.all]");
    assert!(declared.count() <= 12, "it is a few lines");
    let (seed, mut nulls, mut late) = (7, 0, 0);
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let rows: Vec<Row> = (0..160).map(|_| row(&mut random)).collect();
    let mut csv = "driver_id,event_timestamp,arrived,created,conv_rate,acc_rate,avg_daily_trips\n".to_owned();
    let text = |value: Option<String>| value.unwrap_or_default();
    let number = |value: Option<f64>| text(value.map(|value| format!("{value:?}")));
    for row in &rows {
        let Row { driver, at, arrived, created, conv_rate, acc_rate, trips } = row;
        let (at, arrived, created) = (format_time(*at), format_time(*arrived), text(created.map(format_time)));
        let (conv, acc, trips) = (number(*conv_rate), number(*acc_rate), text(trips.map(|trips| trips.to_string())));
        writeln!(csv, "{driver},{at},{arrived},{created},{conv},{acc},{trips}").expect("writes to a text");
    }
    let (mut spine, mut expected) = ("driver_id,as_of\n".to_owned(), Vec::new());
    for _ in 0..200 {
        let (driver, as_of) = (random.below(5) as i64, at("2024-01-01") + random.below(45 * 24) as i64 * HOUR);
        writeln!(spine, "{driver},{}", format_time(as_of)).expect("writes to a text");
        let found = newest(&rows, driver, as_of);
        let last = rows.iter().filter(|row| row.driver == driver && row.arrived <= as_of).max_by_key(|row| row.arrived);
        late += usize::from(last.zip(found).is_some_and(|(last, found)| last.at < found.at));
        let found = found.filter(|row| as_of - row.at <= 20 * DAY);
        nulls += usize::from(found.is_some_and(|row| row.conv_rate.is_none()));
        expected.push(found.map_or_else(
            || ",,".to_owned(),
            |row| {
                let trips = text(row.trips.map(|trips| trips.to_string()));
                format!("{},{},{trips}", shown(row.conv_rate), shown(row.acc_rate))
            },
        ));
    }
    assert!(nulls > 0 && late > 0, "the case has what is hard: {nulls} nulls, {late} late rows");
    let project = Project::new(DRIVERS);
    project.write("stats.csv", csv);
    project.write("spine.csv", spine);
    good(run_alone(&project, "build"));
    for way in ["", "--batch-rows 1", "--batch-rows 7 --threads 2"] {
        good(run_alone(&project, &format!("backfill --service all --spine spine.csv --out out.csv {way}")));
        let out = std::fs::read_to_string(project.path("out.csv")).expect("is there");
        for (at, (line, expected)) in out.lines().skip(1).zip(&expected).enumerate() {
            let found = line.splitn(3, ',').nth(2).unwrap_or_default();
            assert_eq!(found, expected, "row {at} of {way:?}: {line}");
        }
        assert_eq!(out.lines().count(), expected.len() + 1);
    }
}

/// A number as a training set writes it.
fn shown(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| onepath::batch::Value::Float64(value).to_string())
}
