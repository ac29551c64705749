//! Faults of sources whose events are about several entities, and of inputs that are renamed, as they are shown.

use expect_test::expect;

use super::check;

#[test]
fn entities_of_a_source() {
    check(
        "[sources.s]\nevent_time = \"t\"\n",
        &expect![[r#"
        onepath.toml:1:10: source "s" has no entity
          |
        1 | [sources.s]
          |          ^
          |
          = help: say what its events are about: entity = "customer", or entities = ["user", "item"]"#]],
    );
    check(
        "[sources.s]\nentities = []\nevent_time = \"t\"\n",
        &expect![[r#"
        onepath.toml:1:10: source "s" has no entity
          |
        1 | [sources.s]
          |          ^
          |
          = help: say what its events are about: entity = "customer", or entities = ["user", "item"]"#]],
    );
    check(
        "[sources.s]\nentity = \"customer\"\nentities = [\"merchant\"]\nevent_time = \"t\"\n",
        &expect![[r#"
        onepath.toml:3:13: source "s" has both entity and entities
          |
        2 | entity = "customer"
          |          ---------- entity here
        3 | entities = ["merchant"]
          |             ^^^^^^^^^^
          |
          = help: keep one of them: entities = ["user", "item"] where each event is about several"#]],
    );
    check(
        "[sources.s]\nentities = [\"customer\", \"customer\"]\nevent_time = \"t\"\n",
        &expect![[r#"
        onepath.toml:2:25: source "s" has "customer" already
          |
        2 | entities = ["customer", "customer"]
          |                         ^^^^^^^^^^
          |
          = help: remove one of them"#]],
    );
    check(
        "[sources.s]\nentities = [\"customer\", \"merchant\"]\nevent_time = \"merchant_id\"\n",
        &expect![[r#"
        onepath.toml:3:14: event_time "merchant_id" is a key column of entity "merchant"
          |
        3 | event_time = "merchant_id"
          |              ^^^^^^^^^^^^^
          |
          = help: name the column that holds a time"#]],
    );
}

#[test]
fn the_entity_of_a_view() {
    let both = "[sources.both]\nentities = [\"customer\", \"merchant\"]\nevent_time = \"t\"\n";
    let check = |view: &str, expected| check(&format!("{both}{view}"), expected);
    check(
        "[views.v]\nsources = [\"both\"]\ntransform = \"t\"\n",
        &expect![[r#"
        onepath.toml:5:12: view "v" may describe entities "customer", "merchant"
          |
        5 | sources = ["both"]
          |            ^^^^^^ of entities "customer", "merchant"
          |
          = help: say which one it describes: entity = "customer""#]],
    );
    check(
        "[views.v]\nentity = \"custmer\"\nsources = [\"both\"]\ntransform = \"t\"\n",
        &expect![[r#"
        onepath.toml:5:10: unknown entity "custmer"
          |
        5 | entity = "custmer"
          |          ^^^^^^^^^
          |
          = help: did you mean "customer"? known entities: customer, merchant"#]],
    );
    check(
        "[views.v]\nsources = [\"both\", \"events\", \"sales\"]\ntransform = \"t\"\n",
        &expect![[r#"
        onepath.toml:5:30: source "sales" is of entity "merchant", not "customer"
          |
        5 | sources = ["both", "events", "sales"]
          |            ------            ^^^^^^^
          |            |
          |            of entities "customer", "merchant"
          |
          = help: a view's sources have one entity: make a view for each entity, and one over their features to bring them together"#]],
    );
    check(
        "[views.v]\nentity = \"merchant\"\nsources = [\"both\", \"events\"]\ntransform = \"t\"\n",
        &expect![[r#"
        onepath.toml:6:20: source "events" is of entity "customer", not "merchant"
          |
        5 | entity = "merchant"
          |          ---------- declared here
        6 | sources = ["both", "events"]
          |                    ^^^^^^^^
          |
          = help: a view's sources have one entity: make a view for each entity, and one over their features to bring them together"#]],
    );
}

#[test]
fn names_of_inputs() {
    check(
        "[views.v]\ninputs = [\"activity:x as 1st\"]\ntransform = \"t\"\n",
        &expect![[r#"
        onepath.toml:2:11: "1st" is not a name for an input
          |
        2 | inputs = ["activity:x as 1st"]
          |           ^^^^^^^^^^^^^^^^^^^
          |
          = help: a name is a letter or _, then letters, digits and _"#]],
    );
    check(
        "[views.v]\ninputs = [\"activity:x as \"]\ntransform = \"t\"\n",
        &expect![[r#"
        onepath.toml:2:11: "" is not a name for an input
          |
        2 | inputs = ["activity:x as "]
          |           ^^^^^^^^^^^^^^^^
          |
          = help: a name is a letter or _, then letters, digits and _"#]],
    );
    check(
        "[views.v]\ninputs = [\"activity:x as y\", \"activity:y\"]\ntransform = \"t\"\n",
        &expect![[r#"
        onepath.toml:2:30: view "v" has two inputs that its transform calls "y"
          |
        2 | inputs = ["activity:x as y", "activity:y"]
          |           -----------------  ^^^^^^^^^^^^
          |           |
          |           the other
          |
          = help: give one another name: "activity:y as NAME""#]],
    );
}
