//! The row with the greatest event time.

use onepath_definition::{Answer, Field, Keep, Span, ValueType};

use super::support::{Cell, batch, definition, event, field, question, shown, store, view};

#[test]
fn the_latest_row_stays_with_its_nulls() {
    let nullable = |name, value_type| Field { nullable: true, ..field(name, value_type) };
    let fields = vec![
        nullable("rate", ValueType::Float64),
        nullable("name", ValueType::Text),
        nullable("created", ValueType::Int64),
    ];
    let row = store(None, None, Keep::Row { values: vec![0, 1], tie_break: Some(2) });
    let reads = [
        (0, Span::All, Answer::Column(0)),
        (0, Span::All, Answer::Column(1)),
        (0, Span::All, Answer::TimeOfLast),
        (0, Span::All, Answer::SinceLast(10)),
    ];
    let definition = definition(fields, vec![row], &reads);
    let view = view(&definition);
    let mut rows = batch(1, &definition.event_fields);
    let cells = |rate: Option<f64>, name: Option<&str>, created: Option<i64>| {
        [
            rate.map_or(Cell::Null, Cell::Float),
            name.map_or(Cell::Null, |name| Cell::Text(name.to_owned())),
            created.map_or(Cell::Null, Cell::Integer),
        ]
    };
    let steps = [
        // Of one time: a null is the least, an equal one takes the place, a lesser one does not.
        (100, cells(Some(1.0), Some("a"), None), "1.0/3ff0000000000000 a 100 10"),
        (100, cells(Some(2.0), None, Some(5)), "2.0/4000000000000000 null 100 10"),
        (100, cells(Some(3.0), Some("c"), None), "2.0/4000000000000000 null 100 10"),
        (100, cells(None, Some("d"), Some(5)), "null d 100 10"),
        (100, cells(Some(4.0), Some("e"), Some(4)), "null d 100 10"),
        // Late rows change nothing, later ones everything.
        (99, cells(Some(5.0), Some("f"), Some(9)), "null d 100 10"),
        (101, cells(Some(6.0), Some("g"), None), "6.0/4018000000000000 g 101 9"),
    ];
    for (at, cells, _) in &steps {
        event(&mut rows, 0, *at, cells);
        question(&mut rows, 0, 200);
    }
    let output = view.process(&rows).expect("answers");
    let of = |output: &onepath_sdk::batch::Output, question| {
        (0..4).map(|feature| shown(output, feature, question)).collect::<Vec<_>>().join(" ")
    };
    for (at, (_, _, expected)) in steps.iter().enumerate() {
        assert_eq!(of(&output, at), *expected, "step {at}");
    }

    // The same, each in a call of its own.
    let mut states = batch(1, &[]).states;
    for (at, cells, expected) in &steps {
        let mut rows = batch(1, &definition.event_fields);
        rows.states = states;
        event(&mut rows, 0, *at, cells);
        question(&mut rows, 0, 200);
        let output = view.process(&rows).expect("answers");
        assert_eq!(of(&output, 0), *expected);
        states = output.states.expect("were wanted");
    }
    assert_eq!(output.states, Some(states));
    let mut none = batch(1, &definition.event_fields);
    question(&mut none, 0, 200);
    assert_eq!(of(&view.process(&none).expect("answers"), 0), "null null null null");
}
