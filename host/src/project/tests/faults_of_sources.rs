//! Faults of names, entities and sources, as they are shown.

use expect_test::expect;

use super::{check, check_whole};

#[test]
fn names() {
    check(
        "[entities.my-entity]\nkeys = { a = \"text\" }\n",
        &expect![[r#"
        onepath.toml:1:11: "my-entity" is not a name for an entity
          |
        1 | [entities.my-entity]
          |           ^^^^^^^^^
          |
          = help: a name is a letter or _, then letters, digits and _"#]],
    );
    check(
        "[sources.\"1st\"]\nentity = \"customer\"\nevent_time = \"t\"\n",
        &expect![[r#"
        onepath.toml:1:10: "1st" is not a name for a source
          |
        1 | [sources."1st"]
          |          ^^^^^
          |
          = help: a name is a letter or _, then letters, digits and _"#]],
    );
    check(
        "[views.\"activity@2\"]\nsources = [\"events\"]\ntransform = \"t\"\n",
        &expect![[r#"
        onepath.toml:1:8: "activity@2" is not a name for a view
          |
        1 | [views."activity@2"]
          |        ^^^^^^^^^^^^
          |
          = help: a view's table is [views.NAME], or [views."NAME@v2"]; a name is a letter or _, then letters, digits and _"#]],
    );
    check(
        "[views.request]\nsources = [\"events\"]\ntransform = \"t\"\n",
        &expect![[r#"
        onepath.toml:1:8: the view name "request" is reserved
          |
        1 | [views.request]
          |        ^^^^^^^
          |
          = help: request:field is a field of the request: choose another name"#]],
    );
    check(
        "[views.v.features.\"a b\"]\n[views.v]\nsources = [\"events\"]\ntransform = \"t\"\n",
        &expect![[r#"
        onepath.toml:1:19: "a b" is not a name for a feature
          |
        1 | [views.v.features."a b"]
          |                   ^^^^^
          |
          = help: a name is a letter or _, then letters, digits and _"#]],
    );
    check(
        "[services.\"\"]\nfeatures = [\"activity:x\"]\n",
        &expect![[r#"
        onepath.toml:1:11: "" is not a name for a service
          |
        1 | [services.""]
          |           ^^
          |
          = help: a name is a letter or _, then letters, digits and _"#]],
    );
    check_whole(
        "[project]\nname = \"größe\"\n",
        &expect![[r#"
        onepath.toml:2:8: "größe" is not a name for a project
          |
        2 | name = "größe"
          |        ^^^^^^^
          |
          = help: a project's name is a letter or _, then letters, digits, _ and -"#]],
    );
}

#[test]
fn keys() {
    check(
        "[entities.e]\nkeys = {}\n",
        &expect![[r#"
        onepath.toml:2:8: entity "e" has no keys
          |
        2 | keys = {}
          |        ^^
          |
          = help: name the columns that tell one from another: keys = { customer_id = "text" }"#]],
    );
    check(
        "[entities.e]\nkeys = { a = \"string\" }\n",
        &expect![[r#"
        onepath.toml:2:14: unknown value "string"
          |
        2 | keys = { a = "string" }
          |              ^^^^^^^^
          |
          = help: it is one of text, int64"#]],
    );
    check(
        "[entities.e]\nkeys = { a = \"int\" }\n",
        &expect![[r#"
        onepath.toml:2:14: unknown value "int"
          |
        2 | keys = { a = "int" }
          |              ^^^^^
          |
          = help: it is one of text, int64"#]],
    );
    check(
        "[entities.e]\nkeys = { a = \"text\", as_of = \"text\" }\n",
        &expect![[r#"
        onepath.toml:2:22: the column name "as_of" is reserved
          |
        2 | keys = { a = "text", as_of = "text" }
          |                      ^^^^^
          |
          = help: as_of, event_timestamp and names that begin with onepath_ are onepath's own: choose another name"#]],
    );
    check(
        "[entities.e]\nkeys = { onepath_id = \"text\" }\n",
        &expect![[r#"
        onepath.toml:2:10: the column name "onepath_id" is reserved
          |
        2 | keys = { onepath_id = "text" }
          |          ^^^^^^^^^^
          |
          = help: as_of, event_timestamp and names that begin with onepath_ are onepath's own: choose another name"#]],
    );
    check(
        "[entities.e]\nkeys = { customer_id = \"int64\" }\n",
        &expect![[r#"
        onepath.toml:8:24: key column "customer_id" has two types
          |
        2 | keys = { customer_id = "int64" }
          |                        ------- it has another type here
        ...
        8 | keys = { customer_id = "text" }
          |                        ^^^^^^
          |
          = help: entities that share a key column must agree on its type: change one of them, or rename the column"#]],
    );
}

#[test]
fn sources() {
    check(
        "[sources.s]\nentity = \"custmoer\"\nevent_time = \"t\"\n",
        &expect![[r#"
        onepath.toml:2:10: unknown entity "custmoer"
          |
        2 | entity = "custmoer"
          |          ^^^^^^^^^^
          |
          = help: did you mean "customer"? known entities: customer, merchant"#]],
    );
    check(
        "[sources.s]\nentity = \"customer\"\nevent_time = \"customer_id\"\n",
        &expect![[r#"
        onepath.toml:3:14: event_time "customer_id" is a key column of entity "customer"
          |
        3 | event_time = "customer_id"
          |              ^^^^^^^^^^^^^
          |
          = help: name the column that holds a time"#]],
    );
    check(
        "[sources.s]\nentity = \"customer\"\nevent_time = \"t\"\narrival_time = \"customer_id\"\n",
        &expect![[r#"
        onepath.toml:4:16: arrival_time "customer_id" is a key column of entity "customer"
          |
        4 | arrival_time = "customer_id"
          |                ^^^^^^^^^^^^^
          |
          = help: name the column that holds a time"#]],
    );
    check(
        "[sources.s]\nentity = \"customer\"\nevent_time = \"t\"\narrival_time_unit = \"ms\"\n",
        &expect![[r#"
        onepath.toml:4:21: source "s" has a unit for arrival_time, but no arrival_time
          |
        4 | arrival_time_unit = "ms"
          |                     ^^^^
          |
          = help: name the column that says when an event arrived: arrival_time = "...", or remove the unit"#]],
    );
    check(
        "[sources.s]\nentity = \"customer\"\nevent_time = \"t\"\nevent_time_unit = \"min\"\n",
        &expect![[r#"
        onepath.toml:4:19: unknown value "min"
          |
        4 | event_time_unit = "min"
          |                   ^^^^^
          |
          = help: it is one of s, ms, us, ns"#]],
    );
    check(
        "[sources.s]\nentity = \"customer\"\nevent_time = \"\"\n",
        &expect![[r#"
        onepath.toml:3:14: source "s" has an empty column name
          |
        3 | event_time = ""
          |              ^^
          |
          = help: write a column's name as it is in the files"#]],
    );
    check(
        "[sources.s]\nentity = \"customer\"\nevent_time = \"t\"\nfiles = [\"a.csv\", \"\"]\n",
        &expect![[r#"
        onepath.toml:4:19: source "s" has an empty file name
          |
        4 | files = ["a.csv", ""]
          |                   ^^
          |
          = help: write a path or a pattern relative to the project's folder, such as "data/events-*.parquet""#]],
    );
}
