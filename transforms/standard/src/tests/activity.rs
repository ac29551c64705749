//! The view that everybody has: counts, sums and means over windows.

use onepath_definition::{Aggregate, Answer, Field, Keep, Span, ValueType};

use super::support::{Cell, batch, definition, event, field, question, shown, store, view};

const DAY: i64 = 86_400_000_000;

fn fields() -> Vec<Field> {
    let amount = Field { nullable: true, ..field("amount", ValueType::Float64) };
    vec![field("is_purchase", ValueType::Boolean), amount, field("cents", ValueType::Int64)]
}

fn last(days: i64) -> Span {
    Span::Closed { length: days * DAY, ago: 0 }
}

#[test]
fn counts_sums_and_means_over_a_window() {
    let amounts = store(Some(0), Some(1), Keep::Events { length: 90 * DAY });
    let cents = store(None, Some(2), Keep::Events { length: 30 * DAY });
    let latest = store(Some(0), None, Keep::Lifetime(Aggregate::Last));
    let reads = [
        (0, last(90), Answer::Count),
        (0, last(90), Answer::Sum),
        (0, last(30), Answer::Mean),
        (1, last(30), Answer::Sum),
        (2, Span::All, Answer::SinceLast(DAY)),
    ];
    let definition = definition(fields(), vec![amounts, cents, latest], &reads);
    let view = view(&definition);
    let mut rows = batch(2, &definition.event_fields);
    let cells = |is_purchase, amount: Option<f64>, cents| {
        [Cell::Boolean(is_purchase), amount.map_or(Cell::Null, Cell::Float), Cell::Integer(cents)]
    };
    event(&mut rows, 1, 0, &cells(true, Some(10.0), 5));
    question(&mut rows, 0, DAY);
    event(&mut rows, 1, 60 * DAY, &cells(true, Some(20.5), 7));
    event(&mut rows, 1, 61 * DAY, &cells(true, None, 1));
    event(&mut rows, 1, 62 * DAY, &cells(false, Some(99.0), 1));
    question(&mut rows, 1, 90 * DAY);
    question(&mut rows, 1, 91 * DAY);
    let output = view.process(&rows).expect("answers");
    let of = |question| (0..5).map(|feature| shown(&output, feature, question)).collect::<Vec<_>>().join(", ");
    assert_eq!(of(0), "0, null, null, null, null");
    assert_eq!(of(1), "2, 30.5/403e800000000000, 20.5/4034800000000000, 9, 29");
    assert_eq!(of(2), "1, 20.5/4034800000000000, null, 2, 30");

    // From the states the answers are the same, and an entity without events has none.
    let states = output.states.clone().expect("were wanted");
    assert_eq!(states.ends[0], 0);
    let mut later = batch(2, &definition.event_fields);
    later.states = states.clone();
    question(&mut later, 1, 91 * DAY);
    let again = view.process(&later).expect("answers");
    assert_eq!((0..5).map(|feature| shown(&again, feature, 0)).collect::<Vec<_>>().join(", "), of(2));
    assert_eq!(again.states, Some(states));
}

#[test]
fn a_sum_beyond_int64_fails_its_row() {
    let cents = store(None, Some(2), Keep::Events { length: 30 * DAY });
    let definition = definition(fields(), vec![cents], &[(0, last(30), Answer::Sum)]);
    let mut rows = batch(1, &definition.event_fields);
    for _ in 0..2 {
        event(&mut rows, 0, 0, &[Cell::Boolean(true), Cell::Null, Cell::Integer(i64::MAX)]);
        question(&mut rows, 0, 0);
    }
    let failure = view(&definition).process(&rows).expect_err("it overflows");
    assert_eq!(failure.to_string(), "row 3: feature `f0`: the sum is beyond int64");
}
