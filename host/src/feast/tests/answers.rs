//! Answers of both to the same entity rows: what is counted, and by which reason.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Float32Array, Float64Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use expect_test::expect;
use serde_json::json;

use super::{TRIPS, imported};
use crate::feast::{Answers, ComparedView, Comparison, Fact};

const AT: i64 = 1_704_067_200_000_000;

/// The view `weather` of the trips, with both of its features.
fn weather() -> ComparedView {
    let imported = imported(TRIPS, false);
    let view = imported.views.iter().find(|view| view.name == "weather").expect("is there");
    ComparedView::new(view, vec![0, 1], false)
}

fn table(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
        .expect("a table")
}

/// The answers to entity rows of some places, all as of one day; of Feast's, which entity row each is of.
fn answers(
    places: &[i64],
    here: [Vec<Option<f64>>; 2],
    rows: &[i64],
    there: (Vec<Option<f32>>, Vec<Option<f64>>),
) -> Answers {
    let [temperature, rain] = here;
    let as_of = TimestampMicrosecondArray::from(vec![AT; places.len()]).with_timezone("UTC");
    let here = table(vec![
        ("location_id", Arc::new(Int64Array::from(places.to_vec()))),
        ("as_of", Arc::new(as_of)),
        ("weather__temperature", Arc::new(Float64Array::from(temperature))),
        ("weather__rain", Arc::new(Float64Array::from(rain))),
    ]);
    let there = table(vec![
        ("onepath_row", Arc::new(Int64Array::from(rows.to_vec()))),
        ("weather__temperature", Arc::new(Float32Array::from(there.0))),
        ("weather__rain", Arc::new(Float64Array::from(there.1))),
    ]);
    Answers::new(vec![weather()], "as_of", &[here], &[there]).expect("both have the columns")
}

/// An event: how long before the as-of, in nanoseconds, when it was created, and its values.
fn event(before_ns: i64, created: Option<i64>, temperature: f64, rain: Option<f64>) -> serde_json::Value {
    let bits = |value: f64| json!({ "bits": value.to_bits() });
    json!({ "time_ns": AT * 1_000 - before_ns, "created": created, "values": [bits(temperature), rain.map(bits)] })
}

fn fact(row: usize, events: u64, in_ttl: u64, there: Vec<serde_json::Value>, here: Vec<serde_json::Value>) -> Fact {
    let fact =
        json!({ "row": row, "events": events, "in_ttl": in_ttl, "as_of_ns": AT * 1_000, "there": there, "here": here });
    serde_json::from_value(fact).expect("as the reader writes it")
}

/// A comparison in a few lines.
fn told(compared: &Comparison) -> String {
    let mut text = String::new();
    for counts in &compared.features {
        let numbers =
            [counts.equal, counts.differ, counts.null_in_feast, counts.null_in_onepath, counts.no_row_in_feast];
        text += &format!("{} {numbers:?}\n", counts.feature);
    }
    for reasoned in &compared.reasons {
        let example = &reasoned.examples[0];
        text += &format!("{:?} {} {}: {}\n", reasoned.reason, reasoned.rows, reasoned.values, example.detail);
    }
    text + &format!("explained: {}", compared.explained)
}

#[test]
fn equal_answers_need_no_reason() {
    let nan = f64::NAN;
    let here = [
        vec![Some(f64::from(0.1_f32)), Some(-0.0), None, Some(nan)],
        vec![Some(1.5), None, Some(f64::MAX), Some(f64::INFINITY)],
    ];
    let there =
        (vec![None, Some(0.1), Some(f32::NAN), Some(0.0)], vec![Some(f64::MAX), Some(1.5), Some(f64::INFINITY), None]);
    // In an order of its own.
    let answers = answers(&[1, 2, 3, 4], here, &[2, 0, 3, 1], there);
    assert_eq!(answers.question(), None);
    expect![[r#"
        weather:temperature [4, 0, 0, 0, 0]
        weather:rain [4, 0, 0, 0, 0]
        explained: true"#]]
    .assert_eq(&told(&answers.compare(Vec::new()).expect("compares")));
}

#[test]
fn what_the_events_prove_is_a_reason() {
    let here = [
        vec![Some(2.0), Some(4.0), Some(0.1), None, Some(7.0), Some(8.0)],
        vec![Some(1.0), None, None, None, None, None],
    ];
    let there = (vec![Some(1.0), Some(3.0), Some(0.1), Some(6.0)], vec![Some(1.0), None, None, None]);
    let answers = answers(&[1, 2, 3, 4, 5, 5], here, &[0, 1, 2, 3], there);
    let asked = answers.question().expect("they differ");
    assert_eq!(asked["views"][0]["rows"], json!([0, 1, 2, 3, 4, 5]));
    assert_eq!(
        (&asked["views"][0]["own_keys"], &asked["views"][0]["time"]),
        (&json!(["location_id"]), &json!("measured"))
    );
    let day = 86_400_000_000_000;
    let decided = vec![event(day, Some(2), 2.0, Some(1.0)), event(day, Some(1), 1.0, Some(1.0))];
    let open = vec![event(day, None, 3.0, None), event(day, None, 4.0, None)];
    let exact = vec![event(day, None, 0.1, None)];
    // Within one microsecond, and a value that onepath sees later.
    let early = vec![event(1, None, 6.0, None)];
    let facts = vec![
        fact(0, 3, 2, decided.clone(), decided),
        fact(1, 2, 2, open.clone(), open),
        fact(2, 1, 1, exact.clone(), exact),
        fact(3, 1, 1, early, vec![]),
        fact(4, 3, 0, vec![], vec![event(61 * day, None, 7.0, None)]),
        fact(5, 3, 0, vec![], vec![event(61 * day, None, 7.0, None)]),
    ];
    expect![[r#"
        weather:temperature [0, 3, 0, 1, 2]
        weather:rain [4, 0, 0, 0, 2]
        Dropped 2 0: 3 events of weather, none within 60d before the as-of
        TieBreak 1 1: 2 events at the newest time: 2.0, 1.0
        Tie 1 1: 2 events at the newest time: 3.0, 4.0
        Nanoseconds 1 1: 1 event
        Float32 1 1: 1 event
        explained: true"#]]
    .assert_eq(&told(&answers.compare(vec![facts]).expect("compares")));
}

#[test]
fn rows_that_feast_merges() {
    let here = [vec![Some(1.0), Some(1.0), Some(2.0)], vec![None, None, None]];
    let answers = answers(&[1, 1, 2], here, &[1], (vec![Some(1.0)], vec![None]));
    let facts = vec![vec![fact(2, 0, 0, vec![], vec![])]];
    // The third row has another key, and no events: nothing says where it went.
    expect![[r#"
        weather:temperature [2, 0, 0, 0, 1]
        weather:rain [2, 0, 0, 0, 1]
        Duplicate 1 0: Feast has one row of these
        Unexplained 1 0: Feast has no such row
        explained: false"#]]
    .assert_eq(&told(&answers.compare(facts).expect("compares")));
}

/// Whatever is wrong in onepath is never explained, and neither is a value of Feast's that no event has.
#[test]
fn what_nothing_proves_is_not_explained() {
    let day = 86_400_000_000_000;
    let two = vec![event(day, Some(1), 1.0, Some(5.0)), event(day, Some(2), 2.0, Some(6.0))];
    for (here, there, facts) in [
        // Not the greater created timestamp.
        (1.0, 2.0, vec![fact(0, 2, 2, two.clone(), two.clone())]),
        // Of no event.
        (2.0, 3.0, vec![fact(0, 2, 2, two.clone(), two.clone())]),
        // Older than the time to live.
        (2.0, 1.0, vec![fact(0, 2, 0, two.clone(), vec![event(61 * day, None, 2.0, None)])]),
        // One event, and two values.
        (1.0, 2.0, vec![fact(0, 1, 1, vec![event(day, None, 1.0, None)], vec![event(day, None, 1.0, None)])]),
        (1.0, 2.0, vec![]),
    ] {
        let rain = Some(6.0);
        let answers = answers(&[1], [vec![Some(here)], vec![rain]], &[0], (vec![Some(there)], vec![rain]));
        let compared = answers.compare(vec![facts]).expect("compares");
        assert!(!compared.explained, "{here} and {there}: {}", told(&compared));
        assert_eq!(compared.features[0].differ, 1);
    }
}

#[test]
fn tables_without_the_columns_are_told() {
    let columns = |name: &str| {
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
        table(vec![(name, texts)])
    };
    let error =
        Answers::new(vec![weather()], "as_of", &[columns("a")], &[columns("b")]).err().expect("refuses").to_string();
    assert!(error.contains("there is no column \"location_id\""), "{error}");
    assert!(Answers::new(vec![weather()], "as_of", &[], &[]).is_err());
}
