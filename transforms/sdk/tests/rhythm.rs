//! A transform that reads no field of its events, natively: through columns and state bytes, and at the ends of time.

#[path = "../../../tests/transforms/rhythm/src/lib.rs"]
#[allow(dead_code, missing_docs, reason = "the source of a guest")]
mod rhythm;

use onepath_sdk::batch::{EVENT, QUESTION, Rows, States, Values};

#[test]
fn events_without_fields_have_no_columns() {
    let description = rhythm::TRANSFORM.describe();
    assert!(description.event_fields.is_empty() && description.output_features[0].name == "count");
    let rows = Rows {
        times: vec![1, 2, 2, 3],
        groups: vec![0, 1, 0, 0],
        kinds: vec![EVENT, EVENT, EVENT, QUESTION],
        states: States { ends: vec![0, 0], bytes: Vec::new() },
        want_states: true,
        ..Rows::default()
    };
    let output = rhythm::TRANSFORM.process(&[], &rows).expect("answers");
    assert_eq!(output.features[0].values, Values::Int64s(vec![2]));
    assert!(output.states.is_some_and(|states| states.ends.len() == 2 && states.ends[0] < states.ends[1]));
}
