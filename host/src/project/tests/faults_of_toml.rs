//! Faults of TOML and unknown fields, as they are shown.

use expect_test::expect;

use super::{check, check_whole};

#[test]
fn toml_faults() {
    check(
        "[views.broken\n",
        &expect![[r#"
        onepath.toml:1:14: unclosed table, expected `]`
          |
        1 | [views.broken
          |              ^"#]],
    );
    check(
        "[sources.s]\nentity = \"customer\nevent_time = \"t\"\n",
        &expect![[r#"
        onepath.toml:2:19: invalid basic string, expected `"`
          |
        2 | entity = "customer
          |                   ^"#]],
    );
    check(
        "[sources.s]\nentity = 3\nevent_time = \"t\"\n",
        &expect![[r#"
        onepath.toml:2:10: invalid type: integer `3`, expected a string
          |
        2 | entity = 3
          |          ^"#]],
    );
    check(
        "[sources.events]\nentity = \"customer\"\nevent_time = \"t\"\n",
        &expect![[r#"
        onepath.toml:14:10: duplicate key
           |
        14 | [sources.events]
           |          ^^^^^^ declared before
           |
           = help: choose another name; a second version of a view is [views."NAME@v2"]"#]],
    );
    check(
        "[sources.s]\nentity = \"customer\"\n",
        &expect![[r#"
        onepath.toml:1:1: missing field "event_time"
          |
        1 | [sources.s]
          | ^^^^^^^^^^^ in this table"#]],
    );
    check(
        "[views.v]\nsources = [\"events\"]\n",
        &expect![[r#"
            onepath.toml:1:8: view "v" has neither a transform nor declared features
              |
            1 | [views.v]
              |        ^
              |
              = help: name a cargo package or a .wasm file, transform = "transforms/NAME", or declare features: [views.NAME.features] with total = { sum = "amount" }"#]],
    );
    check(
        "[entities.e]\n",
        &expect![[r#"
        onepath.toml:1:1: missing field "keys"
          |
        1 | [entities.e]
          | ^^^^^^^^^^^^ in this table
          |
          = help: name the columns that tell one from another: keys = { customer_id = "text" }"#]],
    );
    check_whole(
        "",
        &expect![[r#"
        onepath.toml:1:1: missing table [project]
          |
        1 |
          | ^
          |
          = help: begin with [project] and name = "...""#]],
    );
    check_whole(
        "[project]\n",
        &expect![[r#"
        onepath.toml:1:1: missing field "name"
          |
        1 | [project]
          | ^^^^^^^^^ in this table"#]],
    );
    check_whole(
        "[entities.e]\nkeys = {}",
        &expect![[r#"
        onepath.toml:1:1: missing table [project]
          |
        1 | [entities.e]
          | ^
          |
          = help: begin with [project] and name = "...""#]],
    );
}

#[test]
fn unknown_fields() {
    check(
        "[view.v]\n",
        &expect![[r#"
            onepath.toml:1:2: unknown field "view"
              |
            1 | [view.v]
              |  ^^^^
              |
              = help: did you mean "views"? the fields of this table are include, project, entities, sources, views, services, request, limits, serving"#]],
    );
    check(
        "[views.v]\nsources = [\"events\"]\ntransform = \"t\"\nttll = \"3d\"\n",
        &expect![[r#"
            onepath.toml:4:1: unknown field "ttll"
              |
            4 | ttll = "3d"
              | ^^^^
              |
              = help: did you mean "ttl"? the fields of this table are version, entity, sources, inputs, parameters, transform, latest, tie_break, request, owner, description, ttl, freshness, tags, features"#]],
    );
    check(
        "[sources.s]\nentity = \"customer\"\nevent_time = \"t\"\ntime_unit = \"ms\"\n",
        &expect![[r#"
            onepath.toml:4:1: unknown field "time_unit"
              |
            4 | time_unit = "ms"
              | ^^^^^^^^^
              |
              = help: the fields of this table are entity, entities, files, event_time, event_time_unit, arrival_time, arrival_time_unit, time_format, event_id, columns, skip_offsets, fields, derived, expect, on_bad_event, materialize_every, description, owner, tags"#]],
    );
    check(
        "[views.v.features.f]\nonwer = \"me\"\n[views.v]\nsources = [\"events\"]\ntransform = \"t\"\n",
        &expect![[r#"
            onepath.toml:2:1: unknown field "onwer"
              |
            2 | onwer = "me"
              | ^^^^^
              |
              = help: did you mean "owner"? the fields of this table are owner, description, default, ttl, freshness, profile_values, tags"#]],
    );
}
