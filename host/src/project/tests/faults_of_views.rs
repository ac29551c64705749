//! Faults of views and their versions, as they are shown.

use expect_test::expect;

use super::check;

#[test]
fn views() {
    check(
        "[views.v]\nsources = [\"evnets\"]\ntransform = \"t\"\n",
        &expect![[r#"
        onepath.toml:2:12: unknown source "evnets"
          |
        2 | sources = ["evnets"]
          |            ^^^^^^^^
          |
          = help: did you mean "events"? known sources: events, sales"#]],
    );
    check(
        "[views.v]\ntransform = \"t\"\n",
        &expect![[r#"
        onepath.toml:1:8: view "v" has neither sources nor inputs
          |
        1 | [views.v]
          |        ^
          |
          = help: name the sources whose events it reads, sources = ["events"], or its inputs, inputs = ["request:amount"]"#]],
    );
    check(
        "[views.v]\nsources = [\n  \"events\",\n  \"sales\",\n]\ntransform = \"t\"\n",
        &expect![[r#"
        onepath.toml:4:3: source "sales" is of entity "merchant", not "customer"
          |
        3 |   "events",
          |   -------- of entity "customer"
        4 |   "sales",
          |   ^^^^^^^
          |
          = help: a view's sources have one entity: make a view for each entity, and one over their features to bring them together"#]],
    );
    check(
        "[views.v]\nentity = \"merchant\"\nsources = [\"events\"]\ntransform = \"t\"\n",
        &expect![[r#"
        onepath.toml:3:12: source "events" is of entity "customer", not "merchant"
          |
        2 | entity = "merchant"
          |          ---------- declared here
        3 | sources = ["events"]
          |            ^^^^^^^^
          |
          = help: a view's sources have one entity: make a view for each entity, and one over their features to bring them together"#]],
    );
    check(
        "[views.v]\nentity = \"person\"\nsources = [\"events\"]\ntransform = \"t\"\n",
        &expect![[r#"
        onepath.toml:2:10: unknown entity "person"
          |
        2 | entity = "person"
          |          ^^^^^^^^
          |
          = help: known entities: customer, merchant"#]],
    );
    check(
        "[views.v]\nsources = [\"events\", \"events\"]\ntransform = \"t\"\n",
        &expect![[r#"
        onepath.toml:2:22: view "v" has "events" already
          |
        2 | sources = ["events", "events"]
          |            --------  ^^^^^^^^
          |            |
          |            here
          |
          = help: remove one of them"#]],
    );
    check(
        "[views.v]\nsources = [\"events\"]\ntransform = \"\"\n",
        &expect![[r#"
        onepath.toml:3:13: view "v" has an empty transform
          |
        3 | transform = ""
          |             ^^
          |
          = help: name a cargo package or a .wasm file: transform = "transforms/NAME""#]],
    );
    check(
        "[views.v]\nsources = [\"events\"]\ntransform = \"t\"\nttl = \"30 days\"\n",
        &expect![[r#"
        onepath.toml:4:7: "30 days" is not a length of time
          |
        4 | ttl = "30 days"
          |       ^^^^^^^^^
          |
          = help: write a whole number and a unit (us, ms, s, m, h, d or w), such as "90s", "24h" or "180d""#]],
    );
    check(
        "[views.v]\nsources = [\"events\"]\ntransform = \"t\"\nttl = \"0s\"\n",
        &expect![[r#"
        onepath.toml:4:7: view "v" has a ttl of nothing
          |
        4 | ttl = "0s"
          |       ^^^^
          |
          = help: its features would be null but at the very moment of an event: give it a length, such as "30d", or leave it out"#]],
    );
    check(
        "[views.v]\nsources = [\"events\"]\ntransform = \"t\"\nfreshness = \"24\"\n",
        &expect![[r#"
        onepath.toml:4:13: "24" is not a length of time
          |
        4 | freshness = "24"
          |             ^^^^
          |
          = help: write a whole number and a unit (us, ms, s, m, h, d or w), such as "90s", "24h" or "180d""#]],
    );
    check(
        "[views.v.features.f]\nfreshness = \"1y\"\n[views.v]\nsources = [\"events\"]\ntransform = \"t\"\n",
        &expect![[r#"
        onepath.toml:2:13: "1y" is not a length of time
          |
        2 | freshness = "1y"
          |             ^^^^
          |
          = help: write a whole number and a unit (us, ms, s, m, h, d or w), such as "90s", "24h" or "180d""#]],
    );
    check(
        "[views.v]\nsources = [\"events\"]\ntransform = \"t\"\nparameters = { a = { b = 1 } }\n",
        &expect![[r#"
        onepath.toml:4:20: parameter "a" is not a value that a transform can take
          |
        4 | parameters = { a = { b = 1 } }
          |                    ^^^^^^^^^
          |
          = help: write true or false, a number, a text, a date with or without a time, or a list of numbers"#]],
    );
    check(
        "[views.v]\nsources = [\"events\"]\ntransform = \"t\"\nparameters = { a = 07:30:00 }\n",
        &expect![[r#"
        onepath.toml:4:20: parameter "a" is not a value that a transform can take
          |
        4 | parameters = { a = 07:30:00 }
          |                    ^^^^^^^^
          |
          = help: write true or false, a number, a text, a date with or without a time, or a list of numbers"#]],
    );
}

#[test]
fn versions() {
    check(
        "[views.\"activity@v1\"]\nsources = [\"events\"]\ntransform = \"t\"\n",
        &expect![[r#"
        onepath.toml:22:8: view "activity" has two tables for version 1
           |
         1 | [views."activity@v1"]
           |        ------------- first here
        ...
        22 | [views.activity]
           |        ^^^^^^^^
           |
           = help: give one of them another version: [views."activity@v2"]"#]],
    );
    check(
        "[views.\"activity@v2\"]\nsources = [\"events\"]\ntransform = \"t\"\nversion = 3\n",
        &expect![[r#"
        onepath.toml:4:11: version 3 disagrees with the table's name, "activity@v2"
          |
        1 | [views."activity@v2"]
          |        ------------- version 2 here
        ...
        4 | version = 3
          |           ^
          |
          = help: remove this line or rename the table"#]],
    );
    check(
        "[views.v]\nsources = [\"events\"]\ntransform = \"t\"\nversion = 0\n",
        &expect![[r#"
        onepath.toml:4:11: 0 is not a version
          |
        4 | version = 0
          |           ^
          |
          = help: a version is a whole number from 1 to 4294967295"#]],
    );
    check(
        "[views.v]\nsources = [\"events\"]\ntransform = \"t\"\nversion = 4294967296\n",
        &expect![[r#"
        onepath.toml:4:11: 4294967296 is not a version
          |
        4 | version = 4294967296
          |           ^^^^^^^^^^
          |
          = help: a version is a whole number from 1 to 4294967295"#]],
    );
}

#[test]
fn features_have_defaults_and_times_to_live() {
    let activity =
        |rest: &str| format!("[views.v]\nsources = [\"events\"]\ntransform = \"t\"\n[views.v.features]\n{rest}\n");
    check(
        &activity("count = { default = { a = 1 } }"),
        &expect![[r#"
        onepath.toml:5:21: the default of feature "count" is not a value that a feature can have
          |
        5 | count = { default = { a = 1 } }
          |                     ^^^^^^^^^
          |
          = help: write true or false, a number, a text, a date with or without a time, or a list of numbers"#]],
    );
    check(
        &activity("count = { ttl = \"0d\" }"),
        &expect![[r#"
        onepath.toml:5:17: feature "count" of view "v" has a ttl of nothing
          |
        5 | count = { ttl = "0d" }
          |                 ^^^^
          |
          = help: its features would be null but at the very moment of an event: give it a length, such as "30d", or leave it out"#]],
    );
    check(
        &activity("count = { ttl = \"soon\" }"),
        &expect![[r#"
        onepath.toml:5:17: "soon" is not a length of time
          |
        5 | count = { ttl = "soon" }
          |                 ^^^^^^
          |
          = help: write a whole number and a unit (us, ms, s, m, h, d or w), such as "90s", "24h" or "180d""#]],
    );
    check(
        "[views.v]\ninputs = [\"activity:count\"]\ntransform = \"t\"\nfeatures.x.ttl = \"1d\"\n",
        &expect![[r#"
        onepath.toml:4:18: feature "x" of view "v" has a ttl, but no sources
          |
        4 | features.x.ttl = "1d"
          |                  ^^^^
          |
          = help: a ttl counts from the newest event of the view's own sources: remove it, or give it to the views whose features this one reads"#]],
    );
}

#[test]
fn a_time_to_live_needs_sources() {
    check(
        "[views.v]\ninputs = [\"activity:count\"]\nttl = \"1d\"\ntransform = \"t\"\n",
        &expect![[r#"
        onepath.toml:3:7: view "v" has a ttl, but no sources
          |
        3 | ttl = "1d"
          |       ^^^^
          |
          = help: a ttl counts from the newest event of the view's own sources: remove it, or give it to the views whose features this one reads"#]],
    );
}
