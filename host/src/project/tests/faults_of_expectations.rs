//! What is expected of events, and what is wrong with it, as it is shown.

use std::path::Path;

use expect_test::expect;

use super::{REST, check};
use crate::project::{OnBadEvent, Project};

/// A source of customers that declares an amount, with `lines`.
fn source(lines: &str) -> String {
    format!(
        "[sources.s]\nentity = \"customer\"\nevent_time = \"t\"\nfields = {{ amount = \"float64\", at = \"time\", tags = \"list<float64>\" }}\n{lines}\n"
    )
}

#[test]
fn what_is_expected_is_read_as_the_fields_type() {
    let text = source(
        "on_bad_event = \"dead_letter\"\nexpect = { amount = { min = 0, null_share_max = 0 }, at = { min = \"2020-01-01\", max = 2030-01-01 } }",
    );
    let project = Project::parse(&format!("{text}{REST}"), Path::new("onepath.toml")).expect("a valid project");
    let source = project.source("s").expect("is there");
    assert_eq!(source.on_bad_event, OnBadEvent::DeadLetter);
    let told: Vec<String> = source.expectations.iter().map(|expected| format!("{expected:?}")).collect();
    expect![[r#"
        Expectation { field: "amount", min: Some(Float64(0.0)), max: None, values: [], null_share_max: Some(0.0) }
        Expectation { field: "at", min: Some(Time(1577836800000000)), max: Some(Time(1893456000000000)), values: [], null_share_max: None }"#]].assert_eq(&told.join("\n"));
}

#[test]
fn expectations_at_fault() {
    check(
        &source("expect = { amuont = { min = 0 } }"),
        &expect![[r#"
        onepath.toml:5:12: source "s" declares no field "amuont"
          |
        5 | expect = { amuont = { min = 0 } }
          |            ^^^^^^
          |
          = help: did you mean "amount"? what is expected of a field needs its type: write it under [sources.s.fields], such as amount = "float64""#]],
    );
    check(
        &source("expect = { amount = { least = 0 } }"),
        &expect![[r#"
        onepath.toml:5:23: unknown field "least"
          |
        5 | expect = { amount = { least = 0 } }
          |                       ^^^^^
          |
          = help: the fields of this table are min, max, values, null_share_max"#]],
    );
    check(
        &source("expect = { amount = { min = \"low\" } }"),
        &expect![[r#"
        onepath.toml:5:29: field "amount" is float64, and this is no value of it
          |
        5 | expect = { amount = { min = "low" } }
          |                             ^^^^^
          |
          = help: write a value of the field's type; a time as a date, with or without a time of day"#]],
    );
    check(
        &source("expect = { amount = { min = 2, max = 1 } }"),
        &expect![[r#"
        onepath.toml:5:21: no value of field "amount" is expected
          |
        5 | expect = { amount = { min = 2, max = 1 } }
          |                     ^^^^^^^^^^^^^^^^^^^^
          |
          = help: let min be at most max, and values be between them"#]],
    );
    check(
        &source("expect = { amount = { null_share_max = 1.5 } }"),
        &expect![[r#"
        onepath.toml:5:40: 1.5 is no share of events
          |
        5 | expect = { amount = { null_share_max = 1.5 } }
          |                                        ^^^
          |
          = help: write a number from 0, for no nulls at all, to 1"#]],
    );
    check(
        &source("expect = { amount = { null_share_max = nan } }"),
        &expect![[r#"
        onepath.toml:5:40: NaN is no share of events
          |
        5 | expect = { amount = { null_share_max = nan } }
          |                                        ^^^
          |
          = help: write a number from 0, for no nulls at all, to 1"#]],
    );
    check(
        &source("expect = { amount = {} }"),
        &expect![[r#"
        onepath.toml:5:21: nothing is expected of field "amount"
          |
        5 | expect = { amount = {} }
          |                     ^^
          |
          = help: write any of min, max, values and null_share_max"#]],
    );
    check(
        &source("expect = { tags = { min = 0 } }"),
        &expect![[r#"
        onepath.toml:5:27: field "tags" is list<float64>, and this is no value of it
          |
        5 | expect = { tags = { min = 0 } }
          |                           ^
          |
          = help: of lists only a null_share_max can be expected"#]],
    );
    check(
        &source("expect = { at = { min = \"yesterday\" } }"),
        &expect![[r#"
        onepath.toml:5:25: field "at" is time, and this is no value of it
          |
        5 | expect = { at = { min = "yesterday" } }
          |                         ^^^^^^^^^^^
          |
          = help: write a value of the field's type; a time as a date, with or without a time of day"#]],
    );
    check(
        &source("on_bad_event = \"count\""),
        &expect![[r#"
        onepath.toml:5:16: source "s" says what becomes of bad events, and not which are
          |
        5 | on_bad_event = "count"
          |                ^^^^^^^
          |
          = help: say what is expected: expect = { amount = { min = 0 } }"#]],
    );
    check(
        &source("on_bad_event = \"drop\"\nexpect = { amount = { min = 0 } }"),
        &expect![[r#"
        onepath.toml:5:16: unknown value "drop"
          |
        5 | on_bad_event = "drop"
          |                ^^^^^^
          |
          = help: it is one of reject_push, dead_letter, count"#]],
    );
}
