//! Faults of declared views, as they are shown: of windows, options, newest rows and derived columns.

use expect_test::expect;

use super::check;

#[test]
fn windows_of_features() {
    check(
        r#"[views.v]
sources = ["events"]
[views.v.features]
n = { sum = "amount", window = "7 days" }
"#,
        &expect![[r#"
    onepath.toml:4:32: "7 days" is not a length of time
      |
    4 | n = { sum = "amount", window = "7 days" }
      |                                ^^^^^^^^
      |
      = help: write a whole number and a unit (us, ms, s, m, h, d or w), such as "90s", "24h" or "180d""#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
[views.v.features]
n = { sum = "amount", window = "0d" }
"#,
        &expect![[r#"
    onepath.toml:4:32: "window" is a length of nothing
      |
    4 | n = { sum = "amount", window = "0d" }
      |                                ^^^^
      |
      = help: give it a length, such as "30d""#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
[views.v.features]
n = { sum = "amount", window = "7d", last_events = 3 }
"#,
        &expect![[r#"
    onepath.toml:4:38: window and last_events in one feature
      |
    4 | n = { sum = "amount", window = "7d", last_events = 3 }
      |                       ------         ^^^^^^^^^^^
      |                       |
      |                       the other
      |
      = help: a feature is over one stretch of time: for several, write windows = ["7d", "90d"]"#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
[views.v.features]
n = { sum = "amount", windows = ["7d", 30] }
"#,
        &expect![[r#"
    onepath.toml:4:40: 30 is not a length of time
      |
    4 | n = { sum = "amount", windows = ["7d", 30] }
      |                                        ^^
      |
      = help: write a whole number and a unit (us, ms, s, m, h, d or w) in quotes, such as "90s", "24h" or "180d""#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
[views.v.features]
n = { sum = "amount", hop = "1d" }
"#,
        &expect![[r#"
    onepath.toml:4:23: "hop" does not go with sum here
      |
    4 | n = { sum = "amount", hop = "1d" }
      |       --- of this     ^^^
      |
      = help: it goes with window = "...": add one, or remove this"#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
[views.v.features]
n = { sum = "amount", window = "7d", edge = "open" }
"#,
        &expect![[r#"
    onepath.toml:4:45: "open" is no edge
      |
    4 | n = { sum = "amount", window = "7d", edge = "open" }
      |                                             ^^^^^^
      |
      = help: write edge = "closed" or "half_open""#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
[views.v.features]
n = { days_since_last = "*", hop = "1d" }
"#,
        &expect![[r#"
    onepath.toml:4:30: "hop" does not go with days_since_last here
      |
    4 | n = { days_since_last = "*", hop = "1d" }
      |       ---------------        ^^^
      |       |
      |       of this
      |
      = help: it goes with window = "...": add one, or remove this"#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
[views.v.features]
n = { sum = "amount", previous = true }
"#,
        &expect![[r#"
    onepath.toml:4:23: "previous" does not go with sum here
      |
    4 | n = { sum = "amount", previous = true }
      |       --- of this     ^^^^^^^^
      |
      = help: it goes with tumbling = "1d""#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
[views.v.features]
n = { sessions = "*", window = "7d" }
"#,
        &expect![[r#"
    onepath.toml:4:7: sessions over sessions that nothing ends
      |
    4 | n = { sessions = "*", window = "7d" }
      |       ^^^^^^^^
      |
      = help: say what ends a session: gap = "30m" without an event, or fixed = "1h" after it began"#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
[views.v.features]
n = { sum = "amount", gap = "30m", window = "7d" }
"#,
        &expect![[r#"
    onepath.toml:4:7: sum of which session?
      |
    4 | n = { sum = "amount", gap = "30m", window = "7d" }
      |       ^^^
      |
      = help: say it: session = "last", or session = "open" for the one that has not ended"#]],
    );
}

#[test]
fn options_of_aggregates() {
    check(
        r#"[views.v]
sources = ["events"]
[views.v.features]
n = { percentile = "amount", window = "7d" }
"#,
        &expect![[r#"
    onepath.toml:4:7: percentile without q
      |
    4 | n = { percentile = "amount", window = "7d" }
      |       ^^^^^^^^^^
      |
      = help: add q = 0.5"#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
[views.v.features]
n = { percentile = "amount", q = 50 }
"#,
        &expect![[r#"
    onepath.toml:4:34: "q" takes a number from 0.0 to 1.0, and this is 50
      |
    4 | n = { percentile = "amount", q = 50 }
      |                                  ^^
      |
      = help: write such a number, as 0.5 for the median"#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
[views.v.features]
n = { percentile = "amount", q = 0.5 }
"#,
        &expect![[r#"
    onepath.toml:4:7: an exact percentile needs every value, and nothing bounds how many are kept
      |
    4 | n = { percentile = "amount", q = 0.5 }
      |       ^^^^^^^^^^
      |
      = help: add window = "30d" or last_events = 100 (without hop), or approximate = true"#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
[views.v.features]
n = { distinct = "amount", window = "7d", approximate = true }
"#,
        &expect![[r#"
    onepath.toml:4:7: distinct is exact over this window, and not approximate
      |
    4 | n = { distinct = "amount", window = "7d", approximate = true }
      |       ^^^^^^^^
      |
      = help: over an exact window every value is kept: remove approximate, or add hop = "1d" to keep estimates by hop"#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
[views.v.features]
n = { last_n = "amount", n = 0 }
"#,
        &expect![[r#"
    onepath.toml:4:30: "n" takes a whole number from 1 to 1000, and this is 0
      |
    4 | n = { last_n = "amount", n = 0 }
      |                              ^
      |
      = help: write such a number, without quotes"#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
[views.v.features]
n = { decayed_sum = "amount" }
"#,
        &expect![[r#"
    onepath.toml:4:7: decayed_sum without half_life
      |
    4 | n = { decayed_sum = "amount" }
      |       ^^^^^^^^^^^
      |
      = help: add half_life = "7d""#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
[views.v.features]
n = { lag = "amount" }
"#,
        &expect![[r#"
    onepath.toml:4:7: lag without ago
      |
    4 | n = { lag = "amount" }
      |       ^^^
      |
      = help: add ago = "7d""#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
[views.v.features]
n = { sum = "amount", q = 0.5 }
"#,
        &expect![[r#"
    onepath.toml:4:23: "q" does not go with sum here
      |
    4 | n = { sum = "amount", q = 0.5 }
      |       --- of this     ^
      |
      = help: remove it: host/README.md says what goes with what"#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
[views.v.features]
n = { count = "*", by = "kind" }
"#,
        &expect![[r#"
    onepath.toml:4:20: by without the values that there is a feature for
      |
    4 | n = { count = "*", by = "kind" }
      |                    ^^
      |
      = help: list them: values = ["a", "b"]"#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
[views.v.features]
n = { count = "*", by = "kind", values = ["credit card"] }
"#,
        &expect![[r#"
    onepath.toml:4:43: "credit card" cannot be part of a feature's name
      |
    4 | n = { count = "*", by = "kind", values = ["credit card"] }
      |                                           ^^^^^^^^^^^^^
      |
      = help: names are letters, digits and _: write a feature of its own for this value, with where = "...""#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
[views.v.features]
n = { count = "*", by = "kind", values = ["a", "a"] }
"#,
        &expect![[r#"
    onepath.toml:4:48: "values" has "a" already
      |
    4 | n = { count = "*", by = "kind", values = ["a", "a"] }
      |                                                ^^^
      |
      = help: remove one of them"#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
[views.v.features]
n = { count = "*", windows = ["7d"] }
n_7d = { count = "*", window = "7d" }
"#,
        &expect![[r#"
    onepath.toml:5:1: two features are named "n_7d"
      |
    4 | n = { count = "*", windows = ["7d"] }
      | - the other
    5 | n_7d = { count = "*", window = "7d" }
      | ^^^^
      |
      = help: windows, values and places are added to a feature's name: give one of them another name"#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
[views.v.features]
n = { sum = "amount", default = { a = 1 } }
"#,
        &expect![[r#"
            onepath.toml:4:33: the default of feature "n" is not a value that a feature can have
              |
            4 | n = { sum = "amount", default = { a = 1 } }
              |                                 ^^^^^^^^^
              |
              = help: write true or false, a number, a text, a date with or without a time, or a list of numbers"#]],
    );
}

#[test]
fn rows_that_are_latest() {
    check(
        r#"[views.v]
sources = ["events"]
latest = ["a b"]
"#,
        &expect![[r#"
    onepath.toml:3:11: "a b" is not a name for a feature
      |
    3 | latest = ["a b"]
      |           ^^^^^
      |
      = help: latest lists fields, and each is a feature of that name: derive a column of another name under [sources.NAME.derived]"#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
latest = ["amount", "amount"]
"#,
        &expect![[r#"
    onepath.toml:3:21: latest has "amount" already
      |
    3 | latest = ["amount", "amount"]
      |           --------  ^^^^^^^^
      |           |
      |           here
      |
      = help: remove one of them"#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
tie_break = "created"
[views.v.features]
n = { count = "*" }
"#,
        &expect![[r#"
    onepath.toml:3:13: tie_break without latest
      |
    3 | tie_break = "created"
      |             ^^^^^^^^^
      |
      = help: it decides between rows of one time: add latest = ["field"], or remove it"#]],
    );
}

#[test]
fn derived_columns() {
    check(
        r#"[sources.more]
entity = "customer"
event_time = "time"
derived = { time = "price * 2" }
"#,
        &expect![[r#"
    onepath.toml:4:20: source "more" has "time" already, and derives it too
      |
    4 | derived = { time = "price * 2" }
      |                    ^^^^^^^^^^^
      |
      = help: give the derived column another name"#]],
    );
    check(
        r#"[sources.more]
entity = "customer"
event_time = "time"
derived = { value = "" }
"#,
        &expect![[r#"
    onepath.toml:4:21: the derived column "value" of source "more" is empty
      |
    4 | derived = { value = "" }
      |                     ^^
      |
      = help: write SQL, such as "price * quantity""#]],
    );
}
