//! Faults of declared views, as they are shown: of how a feature is said. What expressions mean is not known here.

use expect_test::expect;

use super::check;

#[test]
fn a_view_is_made_in_one_way() {
    check(
        r#"[views.v]
sources = ["events"]
"#,
        &expect![[r#"
    onepath.toml:1:8: view "v" has neither a transform nor declared features
      |
    1 | [views.v]
      |        ^
      |
      = help: name a cargo package or a .wasm file, transform = "transforms/NAME", or declare features: [views.NAME.features] with total = { sum = "amount" }"#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
transform = "t"
[views.v.features]
n = { count = "*" }
"#,
        &expect![[r#"
    onepath.toml:5:7: view "v" has a transform, and declares features too
      |
    3 | transform = "t"
      |             --- the transform
    4 | [views.v.features]
    5 | n = { count = "*" }
      |       ^^^^^
      |
      = help: a view is made in one way: remove one of the two, or make two views"#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
transform = "t"
latest = ["amount"]
"#,
        &expect![[r#"
    onepath.toml:4:11: view "v" has a transform, and declares features too
      |
    3 | transform = "t"
      |             --- the transform
    4 | latest = ["amount"]
      |           ^^^^^^^^
      |
      = help: a view is made in one way: remove one of the two, or make two views"#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
transform = "t"
[views.v.features]
n = { onwer = "me" }
"#,
        &expect![[r#"
    onepath.toml:5:7: unknown field "onwer"
      |
    5 | n = { onwer = "me" }
      |       ^^^^^
      |
      = help: did you mean "owner"? the fields of this table are owner, description, default, ttl, freshness, profile_values, tags"#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
parameters = { a = 1 }
[views.v.features]
n = { count = "*" }
"#,
        &expect![[r#"
    onepath.toml:3:16: view "v" declares its features, and has no transform for parameters
      |
    3 | parameters = { a = 1 }
      |                ^
      |
      = help: write the value where it is used"#]],
    );
    check(
        r#"[views.v]
request = { amount = "float64" }
[views.v.features]
n = { count = "*" }
"#,
        &expect![[r#"
    onepath.toml:4:7: view "v" has no sources, and this is of events
      |
    4 | n = { count = "*" }
      |       ^^^^^
      |
      = help: name the sources whose events it reads: sources = ["events"]"#]],
    );
}

#[test]
fn a_feature_is_one_thing() {
    check(
        r#"[views.v]
sources = ["events"]
[views.v.features]
n = { owner = "me" }
"#,
        &expect![[r#"
            onepath.toml:4:1: nothing says what feature "n" is
              |
            4 | n = { owner = "me" }
              | ^
              |
              = help: give it an expression, expr = "...", or an aggregate of events, such as count = "*" (one of count, sum, mean, min, max, variance, sample_variance, std_dev, sample_std_dev, first, last, first_n, last_n, distinct, top_k, percentile, share, hits, days_since_last, hours_since_last, minutes_since_last, seconds_since_last, days_since_first, hours_since_first, minutes_since_first, seconds_since_first, decayed_sum, decayed_mean, lag, sessions, session_length_days, session_length_hours, session_length_minutes, session_length_seconds, expr), or give the view a transform"#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
[views.v.features]
n = { count = "*", sum = "amount" }
"#,
        &expect![[r#"
    onepath.toml:4:20: feature "n" is both count and sum
      |
    4 | n = { count = "*", sum = "amount" }
      |       -----        ^^^
      |       |
      |       the other
      |
      = help: a feature is one thing: make two features, and one with expr = "..." of both if need be"#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
[views.v.features]
n = { averge = "amount" }
"#,
        &expect![[r#"
    onepath.toml:4:7: unknown field "averge"
      |
    4 | n = { averge = "amount" }
      |       ^^^^^^
      |
      = help: a declared feature has one of count, sum, mean, min, max, variance, sample_variance, std_dev, sample_std_dev, first, last, first_n, last_n, distinct, top_k, percentile, share, hits, days_since_last, hours_since_last, minutes_since_last, seconds_since_last, days_since_first, hours_since_first, minutes_since_first, seconds_since_first, decayed_sum, decayed_mean, lag, sessions, session_length_days, session_length_hours, session_length_minutes, session_length_seconds, expr, and what goes with it"#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
[views.v.features]
n = { avg = "amount" }
"#,
        &expect![[r#"
    onepath.toml:4:7: unknown field "avg"
      |
    4 | n = { avg = "amount" }
      |       ^^^
      |
      = help: did you mean mean?"#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
[views.v.features]
n = { sum = "amount", widnow = "7d" }
"#,
        &expect![[r#"
    onepath.toml:4:23: unknown field "widnow"
      |
    4 | n = { sum = "amount", widnow = "7d" }
      |                       ^^^^^^
      |
      = help: did you mean "window"? a declared feature has one of count, sum, mean, min, max, variance, sample_variance, std_dev, sample_std_dev, first, last, first_n, last_n, distinct, top_k, percentile, share, hits, days_since_last, hours_since_last, minutes_since_last, seconds_since_last, days_since_first, hours_since_first, minutes_since_first, seconds_since_first, decayed_sum, decayed_mean, lag, sessions, session_length_days, session_length_hours, session_length_minutes, session_length_seconds, expr, and what goes with it"#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
[views.v.features]
n = { expr = "1 + 1", window = "7d" }
"#,
        &expect![[r#"
    onepath.toml:4:23: "window" does not go with expr here
      |
    4 | n = { expr = "1 + 1", window = "7d" }
      |       ---- of this    ^^^^^^
      |
      = help: an expression is of the other features of its view: give this to the feature that it is of"#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
[views.v.features]
n = { sum = "*" }
"#,
        &expect![[r#"
    onepath.toml:4:13: sum is of a value, and * is none
      |
    4 | n = { sum = "*" }
      |             ^^^
      |
      = help: name a field or write an expression: sum = "amount""#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
[views.v.features]
n = { sum = 1 }
"#,
        &expect![[r#"
    onepath.toml:4:13: "sum" takes an expression, and this is 1
      |
    4 | n = { sum = 1 }
      |             ^
      |
      = help: write SQL in quotes, such as "amount" or "price * quantity""#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
[views.v.features]
n = "count"
"#,
        &expect![[r#"
    onepath.toml:4:5: invalid type: string "count", expected a table, such as { count = "*", window = "30d" }
      |
    4 | n = "count"
      |     ^^^^^^^"#]],
    );
    check(
        r#"[views.v]
sources = ["events"]
[views.v.features]
n = { sum = "amount", where = "" }
"#,
        &expect![[r#"
    onepath.toml:4:31: "where" is empty
      |
    4 | n = { sum = "amount", where = "" }
      |                               ^^
      |
      = help: write SQL, such as "amount" or "price * quantity""#]],
    );
}
