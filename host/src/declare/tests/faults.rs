//! Faults of declarations that show only against fields and types, as they are shown.

use expect_test::{Expect, expect};

use super::{lowered, project, with_features};

/// The fault of the view `v`, without the place in the file.
#[track_caller]
fn check(case: &str, expected: &Expect) {
    let (project, _) = project(case);
    let fault = *lowered(case).expect_err("it is at fault").0;
    let span = match &fault.within {
        Some((text, part)) => project.within(&fault.span, text, part.clone()),
        None => fault.span.clone(),
    };
    let error = project.labelled_fault(span, fault.message, fault.label, fault.help);
    expected.assert_eq(&error.to_string());
}

#[track_caller]
fn check_features(features: &str, expected: &Expect) {
    check(&with_features(features), expected);
}

#[test]
fn names() {
    check_features(
        r#"n = { sum = "amuont", window = "7d" }"#,
        &expect![[r#"
            onepath.toml:28:14: there is no amuont
               |
            28 | n = { sum = "amuont", window = "7d" }
               |              ^^^^^^ nothing has this name
               |
               = help: did you mean amount? a field of events that no file has yet is declared under [sources.events.fields]"#]],
    );
    check_features(
        r#"n = { sum = "amount", where = "event_typ = 'purchase'", window = "7d" }"#,
        &expect![[r#"
            onepath.toml:28:32: there is no event_typ
               |
            28 | n = { sum = "amount", where = "event_typ = 'purchase'", window = "7d" }
               |                                ^^^^^^^^^ nothing has this name
               |
               = help: did you mean event_type? a field of events that no file has yet is declared under [sources.events.fields]"#]],
    );
    check_features(
        r#"n = { expr = "nn + 1" }
nnn = { count = "*" }"#,
        &expect![[r#"
            onepath.toml:28:15: there is no nn
               |
            28 | n = { expr = "nn + 1" }
               |               ^^ nothing has this name
               |
               = help: did you mean n?"#]],
    );
    check_features(
        r#"n = { expr = "price + 1" }"#,
        &expect![[r#"
        onepath.toml:28:15: there is no price
           |
        28 | n = { expr = "price + 1" }
           |               ^^^^^ nothing has this name
           |
           = help: there is n, as_of"#]],
    );
    check_features(
        r#"as_of = { count = "*" }"#,
        &expect![[r#"
        onepath.toml:28:1: feature "as_of" is named as the time that a question is about
           |
        28 | as_of = { count = "*" }
           | ^^^^^
           |
           = help: give the feature another name"#]],
    );
    check_features(
        r#"n = { count = "*" }
N = { count = "*" }"#,
        &expect![[r#"
            onepath.toml:29:1: feature "N" is named as another feature but for the case of its letters
               |
            29 | N = { count = "*" }
               | ^
               |
               = help: give the feature another name"#]],
    );
}

#[test]
fn types() {
    check_features(
        r#"n = { sum = "event_type", window = "7d" }"#,
        &expect![[r#"
            onepath.toml:28:13: this takes int64 or float64, and is given text
               |
            28 | n = { sum = "event_type", window = "7d" }
               |             ^^^^^^^^^^^^
               |
               = help: convert it where it is a number: CAST(event_type AS DOUBLE)"#]],
    );
    check_features(
        r#"n = { sum = "is_new", window = "7d" }"#,
        &expect![[r#"
        onepath.toml:28:13: this takes int64 or float64, and is given bool
           |
        28 | n = { sum = "is_new", window = "7d" }
           |             ^^^^^^^^
           |
           = help: count where it is true with hits, or its part with share"#]],
    );
    check_features(
        r#"n = { min = "event_type" }"#,
        &expect![[r#"
            onepath.toml:28:13: this takes int64, float64 or time, and is given text
               |
            28 | n = { min = "event_type" }
               |             ^^^^^^^^^^^^
               |
               = help: convert it where it is a number: CAST(event_type AS DOUBLE)"#]],
    );
    check_features(
        r#"n = { count = "*", where = "amount" }"#,
        &expect![[r#"
        onepath.toml:28:28: a condition is true or false, and this is float64
           |
        28 | n = { count = "*", where = "amount" }
           |                            ^^^^^^^^
           |
           = help: compare it: "amount > 0", "event_type = 'purchase'""#]],
    );
    check_features(
        r#"n = { share = "amount" }"#,
        &expect![[r#"
            onepath.toml:28:15: this takes a condition, which is true or false, and is given float64
               |
            28 | n = { share = "amount" }
               |               ^^^^^^^^
               |
               = help: name another field, or write an expression of such a type"#]],
    );
    check_features(
        r#"n = { distinct = "price" }"#,
        &expect![[r#"
            onepath.toml:28:18: this takes text, int64 or bool, and is given float64
               |
            28 | n = { distinct = "price" }
               |                  ^^^^^^^
               |
               = help: make it a whole number: CAST(price AS BIGINT)"#]],
    );
    check_features(
        r#"n = { count = "shape" }"#,
        &expect![[r#"
            onepath.toml:28:15: this takes any value but a list, and is given list<float64>
               |
            28 | n = { count = "shape" }
               |               ^^^^^^^
               |
               = help: name another field, or write an expression of such a type"#]],
    );
    check_features(
        r#"n = { days_since_last = "created" }"#,
        &expect![[r#"
        onepath.toml:28:25: a condition is true or false, and this is time
           |
        28 | n = { days_since_last = "created" }
           |                         ^^^^^^^^^
           |
           = help: compare it: "amount > 0", "event_type = 'purchase'""#]],
    );
    check_features(
        r#"n = { count = "*", by = "price", values = [1] }"#,
        &expect![[r#"
        onepath.toml:28:25: by is float64, and 1 is not
           |
        28 | n = { count = "*", by = "price", values = [1] }
           |                         ^^^^^^^
           |
           = help: list values of type float64; texts, whole numbers, and true and false can be told apart by"#]],
    );
    check_features(
        r#"n = { count = "*", by = "event_type", values = [1] }"#,
        &expect![[r#"
        onepath.toml:28:25: by is text, and 1 is not
           |
        28 | n = { count = "*", by = "event_type", values = [1] }
           |                         ^^^^^^^^^^^^
           |
           = help: list values of type text; texts, whole numbers, and true and false can be told apart by"#]],
    );
    check_features(
        r#"n = { count = "*", where = "quantity = 'x'" }"#,
        &expect![[r#"
        onepath.toml:28:40: int64 and text in a comparison
           |
        28 | n = { count = "*", where = "quantity = 'x'" }
           |                                        ^^^ this is text
           |
           = help: convert it: CAST(... AS BIGINT)"#]],
    );
}

#[test]
fn defaults() {
    check_features(
        r#"n = { count = "*", default = "none" }"#,
        &expect![[r#"
        onepath.toml:28:30: none is not a value of feature "n", which is int64
           |
        28 | n = { count = "*", default = "none" }
           |                              ^^^^^^
           |
           = help: write a value of type int64"#]],
    );
    check_features(
        r#"n = { max = "created", default = "yesterday" }"#,
        &expect![[r#"
        onepath.toml:28:34: yesterday is not a value of feature "n", which is time
           |
        28 | n = { max = "created", default = "yesterday" }
           |                                  ^^^^^^^^^^^
           |
           = help: write a value of type time"#]],
    );
}

#[test]
fn circles() {
    check_features(
        r#"a = { expr = "b + 1" }
b = { expr = "c + 1" }
c = { expr = "a + 1" }"#,
        &expect![[r#"
            onepath.toml:30:14: features are of each other in a circle: a -> b -> c -> a
               |
            30 | c = { expr = "a + 1" }
               |              ^^^^^^^ this closes the circle
               |
               = help: a feature may not need itself: write one of them without the others"#]],
    );
    check_features(
        r#"a = { expr = "a + 1" }"#,
        &expect![[r#"
        onepath.toml:28:14: features are of each other in a circle: a -> a
           |
        28 | a = { expr = "a + 1" }
           |              ^^^^^^^ this closes the circle
           |
           = help: a feature may not need itself: write one of them without the others"#]],
    );
}

#[test]
fn time_that_cannot_be_kept() {
    check_features(
        r#"n = { sum = "amount", window = "100000000d", ago = "100000000d" }"#,
        &expect![[r#"
        onepath.toml:28:7: so long a time cannot be kept
           |
        28 | n = { sum = "amount", window = "100000000d", ago = "100000000d" }
           |       ^^^
           |
           = help: write a shorter one"#]],
    );
}

#[test]
fn sources_and_rows() {
    check(
        "[views.v]\nsources = [\"events\", \"visits\"]\n[views.v.features]\nn = { sum = \"amount\" }\n",
        &expect![[r#"
            onepath.toml:28:13: amount is float64 in source "events" and int64 in source "visits"
               |
            28 | n = { sum = "amount" }
               |             ^^^^^^^^
               |
               = help: a view's sources agree on the type of a field that it reads: declare the same type in both"#]],
    );
    check(
        "[views.v]\nsources = [\"events\"]\nlatest = [\"prcie\"]\n",
        &expect![[r#"
            onepath.toml:27:12: there is no prcie
               |
            27 | latest = ["prcie"]
               |            ^^^^^ nothing has this name
               |
               = help: did you mean price? a field of events that no file has yet is declared under [sources.events.fields]"#]],
    );
    check(
        "[views.v]\nsources = [\"events\"]\nlatest = [\"price\"]\ntie_break = \"shape\"\n",
        &expect![[r#"
        onepath.toml:28:13: lists have no order
           |
        28 | tie_break = "shape"
           |             ^^^^^^^
           |
           = help: break ties by another field"#]],
    );
    check(
        "[views.v]\nrequest = { n = \"int64\" }\n[views.v.features]\nn = { expr = \"n + 1\" }\n",
        &expect![[r#"
        onepath.toml:28:1: feature "n" is named as a field of the request
           |
        28 | n = { expr = "n + 1" }
           | ^
           |
           = help: give the feature another name"#]],
    );
}

/// A text with escapes is pointed at as a whole; one over several lines at the line that is wrong.
#[test]
fn places_within_texts() {
    check_features(
        "n = { sum = \"\\u0061muont\" }",
        &expect![[r#"
            onepath.toml:28:13: there is no amuont
               |
            28 | n = { sum = "\u0061muont" }
               |             ^^^^^^^^^^^^^ nothing has this name
               |
               = help: did you mean amount? a field of events that no file has yet is declared under [sources.events.fields]"#]],
    );
    check_features(
        "[views.v.features.n]\ncount = \"*\"\nwhere = \"\"\"\n  event_type = 'a'\n  AND amuont > 1\n\"\"\"",
        &expect![[r#"
            onepath.toml:32:7: there is no amuont
               |
            32 |   AND amuont > 1
               |       ^^^^^^ nothing has this name
               |
               = help: did you mean amount? a field of events that no file has yet is declared under [sources.events.fields]"#]],
    );
}
