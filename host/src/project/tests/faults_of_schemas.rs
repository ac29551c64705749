//! Faults of declared fields, mapped columns and offsets that are left out, as they are shown.

use expect_test::expect;

use super::check;

/// A source of customers with `lines`.
fn source(lines: &str) -> String {
    format!("[sources.s]\nentity = \"customer\"\nevent_time = \"t\"\nevent_id = \"id\"\n{lines}\n")
}

#[test]
fn types() {
    check(
        &source("[sources.s.fields]\namount = \"flaot64\""),
        &expect![[r#"
        onepath.toml:6:10: unknown value "flaot64"
          |
        6 | amount = "flaot64"
          |          ^^^^^^^^^
          |
          = help: did you mean "float64"? it is one of bool, int64, float64, text, time, list<float64>"#]],
    );
    check(
        &source("fields = { amount = { nullable = true } }"),
        &expect![[r#"
        onepath.toml:5:21: missing field "type"
          |
        5 | fields = { amount = { nullable = true } }
          |                     ^^^^^^^^^^^^^^^^^^^ in this table"#]],
    );
    check(
        &source("fields = { amount = { type = \"decimal\" } }"),
        &expect![[r#"
        onepath.toml:5:30: unknown value "decimal"
          |
        5 | fields = { amount = { type = "decimal" } }
          |                              ^^^^^^^^^
          |
          = help: it is one of bool, int64, float64, text, time, list<float64>"#]],
    );
    check(
        &source("fields = { amount = { type = \"text\", null = true } }"),
        &expect![[r#"
        onepath.toml:5:38: unknown field "null"
          |
        5 | fields = { amount = { type = "text", null = true } }
          |                                      ^^^^
          |
          = help: the fields of this table are type, nullable, description"#]],
    );
    check(
        &source("fields = { amount = 64 }"),
        &expect![[r#"
        onepath.toml:5:21: invalid type: integer `64`, expected a type, such as "float64", or a table with one
          |
        5 | fields = { amount = 64 }
          |                     ^^"#]],
    );
    check(
        "[request.fields]\nas_of = \"time\"\n",
        &expect![[r#"
        onepath.toml:2:9: the column name "as_of" is reserved
          |
        2 | as_of = "time"
          |         ^^^^^^
          |
          = help: as_of, event_timestamp and names that begin with onepath_ are onepath's own: choose another name"#]],
    );
}

#[test]
fn fields_with_a_role() {
    check(
        &source("fields = { customer_id = \"int64\" }"),
        &expect![[r#"
        onepath.toml:5:26: field "customer_id" is a key of source "s", and so text
          |
        5 | fields = { customer_id = "int64" }
          |                          ^^^^^^^
          |
          = help: remove this line: its type is known"#]],
    );
    check(
        &source("fields = { t = \"text\" }"),
        &expect![[r#"
        onepath.toml:5:16: field "t" is a time of source "s", and so time
          |
        5 | fields = { t = "text" }
          |                ^^^^^^
          |
          = help: remove this line: its type is known"#]],
    );
    check(
        &source("fields = { id = \"int64\" }"),
        &expect![[r#"
        onepath.toml:5:17: field "id" is the event id of source "s", and so text
          |
        5 | fields = { id = "int64" }
          |                 ^^^^^^^
          |
          = help: remove this line: its type is known"#]],
    );
}

#[test]
fn columns() {
    check(
        &source("columns = { amount = \"x\", note = \"x\" }"),
        &expect![[r#"
        onepath.toml:5:34: source "s" maps two names to the column "x"
          |
        5 | columns = { amount = "x", note = "x" }
          |                      ---         ^^^
          |                      |
          |                      the other
          |
          = help: a column holds one thing: remove one of them"#]],
    );
    check(
        &source("columns = { amount = \"\" }"),
        &expect![[r#"
        onepath.toml:5:22: source "s" has an empty column name
          |
        5 | columns = { amount = "" }
          |                      ^^
          |
          = help: write our name and the column's: columns = { amount = "amt" }"#]],
    );
    check(
        &source("columns = { t = \"note\" }\nfields = { note = \"text\" }"),
        &expect![[r#"
        onepath.toml:5:13: the column "note" would be both t and note
          |
        5 | columns = { t = "note" }
          |             ^
          |
          = help: map note to its own column too, or remove this one"#]],
    );
    check(
        &source("columns = { amuont = \"amt\" }\nfields = { amount = \"float64\" }"),
        &expect![[r#"
        onepath.toml:5:13: source "s" has no field "amuont"
          |
        5 | columns = { amuont = "amt" }
          |             ^^^^^^
          |
          = help: did you mean "amount"? the left side is our name: one of customer_id, t, id, amount, or a field that is declared under fields"#]],
    );
}

#[test]
fn offsets() {
    check(
        &source("skip_offsets = [3, 0]"),
        &expect![[r#"
        onepath.toml:5:20: 0 is not an offset of a log
          |
        5 | skip_offsets = [3, 0]
          |                    ^
          |
          = help: offsets are whole numbers from 1: the error about an event names its own"#]],
    );
    check(
        &source("skip_offsets = [3, 4, 3]"),
        &expect![[r#"
        onepath.toml:5:23: source "s" leaves out offset 3 twice
          |
        5 | skip_offsets = [3, 4, 3]
          |                       ^
          |
          = help: remove one of them"#]],
    );
    check(
        &source("skip_offsets = 3"),
        &expect![[r#"
        onepath.toml:5:16: invalid type: integer `3`, expected a sequence
          |
        5 | skip_offsets = 3
          |                ^"#]],
    );
}

#[test]
fn keys_and_event_times_are_never_null() {
    let fields = |field: &str| format!("{}[sources.s.fields]\n{field}\n", source(""));
    check(
        &fields("customer_id = { type = \"text\", nullable = true }"),
        &expect![[r#"
        onepath.toml:7:15: field "customer_id" is a key of source "s", and never null
          |
        7 | customer_id = { type = "text", nullable = true }
          |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: remove `nullable = true`: an event without it is refused"#]],
    );
    check(
        &fields("t = { type = \"time\", nullable = true }"),
        &expect![[r#"
        onepath.toml:7:5: field "t" is the event time of source "s", and never null
          |
        7 | t = { type = "time", nullable = true }
          |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: remove `nullable = true`: an event without it is refused"#]],
    );
}
