//! A project file, or a component, that is none.

use expect_test::expect;

use super::{BACKFILL, check, project};
use crate::support::{churn_toml, components};

#[test]
fn a_project_file_that_is_malformed() {
    let project = project();
    for (toml, expected) in [
        (
            "[project\nname = \"x\"\n".to_owned(),
            expect![[r#"
            error: onepath.toml:1:9: unclosed table, expected `]`
              |
            1 | [project
              |         ^
        "#]],
        ),
        (
            churn_toml(&["events.csv"], "", "").replace("event_time =", "event_tme ="),
            expect![[r#"
                error: onepath.toml:10:1: unknown field "event_tme"
                   |
                10 | event_tme = "event_timestamp"
                   | ^^^^^^^^^
                   |
                   = help: did you mean "event_time"? the fields of this table are entity, entities, files, event_time, event_time_unit, arrival_time, arrival_time_unit, time_format, event_id, columns, skip_offsets, fields, derived, expect, on_bad_event, materialize_every, description, owner, tags
            "#]],
        ),
        (
            churn_toml(&["events.csv"], "", "ttl = \"soon\""),
            expect![[r#"
            error: onepath.toml:16:7: "soon" is not a length of time
               |
            16 | ttl = "soon"
               |       ^^^^^^
               |
               = help: write a whole number and a unit (us, ms, s, m, h, d or w), such as "90s", "24h" or "180d"
        "#]],
        ),
        (
            churn_toml(&["events.csv"], "", "").replace("sources = [\"events\"]", "sources = [\"evnts\"]"),
            expect![[r#"
            error: onepath.toml:14:12: unknown source "evnts"
               |
            14 | sources = ["evnts"]
               |            ^^^^^^^
               |
               = help: did you mean "events"? known sources: events
        "#]],
        ),
    ] {
        project.configure(&toml);
        check(&project, BACKFILL, expected);
    }
    std::fs::remove_file(project.path("onepath.toml")).expect("removes");
    check(
        &project,
        BACKFILL,
        expect![[r#"
        error: no onepath.toml in DIR; run the command in a project folder or give --project DIR
    "#]],
    );
}

#[test]
fn a_component_that_is_none() {
    let project = project();
    project.configure(&churn_toml(&["events.csv"], "", "").replace("CHURN", "bad.wasm"));
    check(
        &project,
        BACKFILL,
        expect![[r#"
        error: the component of view activity@v1 is missing: no file ./bad.wasm
    "#]],
    );
    project.write("bad.wasm", "this is text");
    check(
        &project,
        BACKFILL,
        expect![[r#"
            error: ./bad.wasm is not a WebAssembly component that runs here: its first bytes are not those of WebAssembly; give a .wasm file or the folder of a cargo package
        "#]],
    );
    // The smallest core module.
    project.write("bad.wasm", b"\0asm\x01\0\0\0");
    check(
        &project,
        BACKFILL,
        expect![[r#"
            error: ./bad.wasm is not a WebAssembly component that runs here: it is a core module; build it for wasm32-wasip2 (`onepath build` does), or wrap it with `wasm-tools component new`
        "#]],
    );
    let whole = std::fs::read(&components().churn).expect("was built");
    for length in [whole.len() - 1, whole.len() / 2, 100, 9] {
        project.write("bad.wasm", &whole[..length]);
        let before = project.files();
        let ran = project.run(BACKFILL);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
        assert!(
            ran.stderr.starts_with("error: ./bad.wasm is not a WebAssembly component that runs here: "),
            "{}",
            ran.stderr
        );
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        assert_eq!(project.files(), before);
    }
    // The smallest component.
    project.write("bad.wasm", b"\0asm\x0d\0\x01\0");
    check(
        &project,
        BACKFILL,
        expect![[r#"
            error: ./bad.wasm is a component, but not a feature transform of onepath:feature@0.1.0: it exports nothing: no exported instance named `onepath:feature/transform@0.1.0`
        "#]],
    );
}

#[test]
fn a_component_that_is_not_built() {
    let project = project();
    project.write("transform/Cargo.toml", "");
    project.configure(&churn_toml(&["events.csv"], "", "").replace("CHURN", "transform"));
    check(
        &project,
        BACKFILL,
        expect![[r#"
        error: the transform of view activity@v1 is not built: run `onepath build` (package ./transform)
    "#]],
    );
}
