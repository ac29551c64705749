//! Faults of references between views, and from services, as they are shown.

use expect_test::expect;

use super::check;

#[test]
fn inputs() {
    check(
        "[views.v]\ninputs = [\"actvity:x\"]\ntransform = \"t\"\n",
        &expect![[r#"
        onepath.toml:2:11: unknown view "actvity"
          |
        2 | inputs = ["actvity:x"]
          |           ^^^^^^^^^^^
          |
          = help: did you mean "activity"? known views: v, activity"#]],
    );
    check(
        "[views.v]\ninputs = [\"activity@v2:x\"]\ntransform = \"t\"\n",
        &expect![[r#"
        onepath.toml:2:11: unknown view "activity@v2"
          |
        2 | inputs = ["activity@v2:x"]
          |           ^^^^^^^^^^^^^^^
          |
          = help: did you mean "activity@v1"? known views: activity@v1"#]],
    );
    check(
        "[views.v]\ninputs = [\"activity\"]\ntransform = \"t\"\n",
        &expect![[r#"
            onepath.toml:2:11: "activity" is not a feature reference
              |
            2 | inputs = ["activity"]
              |           ^^^^^^^^^^
              |
              = help: write view:feature, view@v2:feature, view:feature as name, or request:field"#]],
    );
    check(
        "[views.v]\ninputs = [\"activity:*\"]\ntransform = \"t\"\n",
        &expect![[r#"
            onepath.toml:2:11: "activity:*" is not a feature reference
              |
            2 | inputs = ["activity:*"]
              |           ^^^^^^^^^^^^
              |
              = help: write view:feature, view@v2:feature, view:feature as name, or request:field"#]],
    );
    check(
        "[views.v]\ninputs = [\"request:a-b\"]\ntransform = \"t\"\n",
        &expect![[r#"
        onepath.toml:2:11: "a-b" is not a name for a request field
          |
        2 | inputs = ["request:a-b"]
          |           ^^^^^^^^^^^^^
          |
          = help: a name is a letter or _, then letters, digits and _"#]],
    );
    check(
        "[views.v]\ninputs = [\"request:as_of\"]\ntransform = \"t\"\n",
        &expect![[r#"
        onepath.toml:2:11: the column name "as_of" is reserved
          |
        2 | inputs = ["request:as_of"]
          |           ^^^^^^^^^^^^^^^
          |
          = help: as_of, event_timestamp and names that begin with onepath_ are onepath's own: choose another name"#]],
    );
    check(
        "[views.v]\ninputs = [\"request:a\", \"activity:x\", \"request:a\"]\ntransform = \"t\"\n",
        &expect![[r#"
        onepath.toml:2:38: view "v" has "request:a" already
          |
        2 | inputs = ["request:a", "activity:x", "request:a"]
          |           ----------- here           ^^^^^^^^^^^
          |
          = help: remove one of them"#]],
    );
}

#[test]
fn circles() {
    check(
        "[views.v]\ninputs = [\"activity:x\", \"v:y\"]\ntransform = \"t\"\n",
        &expect![[r#"
        onepath.toml:2:25: views read each other in a circle: v -> v
          |
        2 | inputs = ["activity:x", "v:y"]
          |                         ^^^^^ this closes the circle
          |
          = help: a view may not need its own features: remove one of these inputs"#]],
    );
    let three = "
[views.a]
inputs = [\"activity:x\", \"b:y\"]
transform = \"t\"
[views.\"b@v2\"]
inputs = [\"request:x\", \"c:x\"]
transform = \"t\"
[views.c]
inputs = [\"activity:x\", \"request:x\", \"a:y\"]
transform = \"t\"
[views.reader]
inputs = [\"a:x\"]
transform = \"t\"
";
    check(
        three,
        &expect![[r#"
        onepath.toml:9:38: views read each other in a circle: a -> b@v2 -> c -> a
          |
        9 | inputs = ["activity:x", "request:x", "a:y"]
          |                                      ^^^^^ this closes the circle
          |
          = help: a view may not need its own features: remove one of these inputs"#]],
    );
}

#[test]
fn services() {
    check(
        "[services.s]\nowner = \"me\"\n",
        &expect![[r#"
        onepath.toml:1:11: service "s" has no features
          |
        1 | [services.s]
          |           ^
          |
          = help: list the features that the model reads: features = ["view:feature", "other_view:*"]"#]],
    );
    check(
        "[services.s]\nfeatures = [\"activity:x\", \"actvity:x\"]\n",
        &expect![[r#"
        onepath.toml:2:27: unknown view "actvity"
          |
        2 | features = ["activity:x", "actvity:x"]
          |                           ^^^^^^^^^^^
          |
          = help: did you mean "activity"? known views: activity"#]],
    );
    check(
        "[services.s]\nfeatures = [\"activity:x\", \"ratios\"]\n",
        &expect![[r#"
        onepath.toml:2:27: "ratios" is not a feature reference
          |
        2 | features = ["activity:x", "ratios"]
          |                           ^^^^^^^^
          |
          = help: write view:feature, view@v2:feature or view:*"#]],
    );
    check(
        "[services.s]\nfeatures = [\"activity:x\", \"activity@v1:x\"]\n",
        &expect![[r#"
        onepath.toml:2:27: service "s" has "activity@v1:x" already
          |
        2 | features = ["activity:x", "activity@v1:x"]
          |             ------------  ^^^^^^^^^^^^^^^
          |             |
          |             here
          |
          = help: remove one of them"#]],
    );
    check(
        "[services.s]\nfeatures = [\n  \"activity:x\",\n  \"activity:*\",\n]\n",
        &expect![[r#"
        onepath.toml:4:3: service "s" has "activity:*" already
          |
        3 |   "activity:x",
          |   ------------ here
        4 |   "activity:*",
          |   ^^^^^^^^^^^^
          |
          = help: remove one of them"#]],
    );
}

#[test]
fn columns_count_characters() {
    check(
        "[views]\nv = { description = \"größer\", sources = [\"evnets\"], transform = \"t\" }\n",
        &expect![[r#"
        onepath.toml:2:42: unknown source "evnets"
          |
        2 | v = { description = "größer", sources = ["evnets"], transform = "t" }
          |                                          ^^^^^^^^
          |
          = help: did you mean "events"? known sources: events, sales"#]],
    );
    check(
        "[views.v]\r\ndescription = \"größer\"\r\nsources = [\"é\"]\r\ntransform = \"t\"\r\n",
        &expect![[r#"
        onepath.toml:3:12: unknown source "é"
          |
        3 | sources = ["é"]
          |            ^^^
          |
          = help: known sources: events, sales"#]],
    );
}

#[test]
fn long_lists_of_names_are_cut() {
    let sources: String =
        (0..30).map(|at| format!("[sources.s{at:02}]\nentity = \"customer\"\nevent_time = \"t\"\n")).collect();
    check(
        &format!("{sources}[views.v]\nsources = [\"zzz\"]\ntransform = \"t\"\n"),
        &expect![[r#"
        onepath.toml:92:12: unknown source "zzz"
           |
        92 | sources = ["zzz"]
           |            ^^^^^
           |
           = help: known sources: s00, s01, s02, s03, s04, s05, s06, s07, s08, s09, s10, s11, s12, s13, s14, s15, s16, s17, s18, s19 and 12 more"#]],
    );
}
