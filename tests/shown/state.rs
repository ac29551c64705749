//! What `onepath replay --state` shows of states.

use expect_test::expect;

use super::{assert_text, project};
use crate::support::Project;

const REPLAY: &str = "replay customers --entity customer_id=c1 --as-of 2024-02-10 --state";

/// What a command prints that is good.
fn printed(project: &Project, command: &str) -> String {
    let ran = project.run(command);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", ran.stderr);
    ran.stdout
}

#[test]
fn a_transform_with_debug_says_what_each_state_holds() {
    let project = project("c1,7,2024-02-01T12:00:00Z,1.5\nc1,7,2024-02-02T12:00:00Z,2.5");
    assert_text(
        &printed(&project, REPLAY),
        expect![[r#"
            ┌───────────────────────────────────────────────────────────────────────────────────────────────┐
            │ step    event                  known   source   amount   state                  events   last │
            ╞═══════════════════════════════════════════════════════════════════════════════════════════════╡
            │ 1       2024-02-01T12:00:00Z   then    events   1.5      17 bytes               1        1.5  │
            │                                                          Says {                               │
            │                                                              events: 1,                       │
            │                                                              last: Some(1.5),                 │
            │                                                          }                                    │
            │ 2       2024-02-02T12:00:00Z   then    events   2.5      17 bytes               2        2.5  │
            │                                                          Says {                               │
            │                                                              events: 2,                       │
            │                                                              last: Some(2.5),                 │
            │                                                          }                                    │
            │ asked   2024-02-10T00:00:00Z                             17 bytes               2        2.5  │
            │                                                          Says {                               │
            │                                                              events: 2,                       │
            │                                                              last: Some(2.5),                 │
            │                                                          }                                    │
            └───────────────────────────────────────────────────────────────────────────────────────────────┘
        "#]],
    );
    // Nobody has a state yet.
    assert_text(
        &printed(&project, &REPLAY.replace("c1", "c9")),
        expect![[r#"
            ┌─────────────────────────────────────────────────────────────────────────────────────────────────────────────┐
            │ step    event                  known   source   amount   state             events          last             │
            ╞═════════════════════════════════════════════════════════════════════════════════════════════════════════════╡
            │ asked   2024-02-10T00:00:00Z                             0 bytes           0 (NOT_FOUND)   null (NOT_FOUND) │
            │                                                          Says {                                             │
            │                                                              events: 0,                                     │
            │                                                              last: None,                                    │
            │                                                          }                                                  │
            └─────────────────────────────────────────────────────────────────────────────────────────────────────────────┘
        "#]],
    );
    let json: serde_json::Value =
        serde_json::from_str(&printed(&project, &format!("{REPLAY} --format json"))).expect("one document");
    let step = &json["steps"][0];
    assert_eq!(step["state_text"], "Says {\n    events: 1,\n    last: Some(1.5),\n}");
    assert_eq!((step["state"].as_str().map(str::len), &step["state_text_error"]), (Some(34), &serde_json::Value::Null));
    // Without the option no state is shown, and none is asked for.
    let json = printed(&project, &format!("{} --format json", REPLAY.replace("--state", "")));
    let json: serde_json::Value = serde_json::from_str(&json).expect("one document");
    assert!(json["steps"][0]["state"].is_null() && json["steps"][0]["state_text"].is_null());
}

#[test]
fn what_cannot_be_said_is_told_and_the_replay_goes_on() {
    let project = project("c1,7,2024-02-01T12:00:00Z,5e77\nc1,7,2024-02-02T12:00:00Z,2.5");
    let text = printed(&project, REPLAY);
    assert!(text.contains("not shown in words: the transform trapped: it panicked; it wrote:"), "{text}");
    assert!(text.contains("no words for it") && text.contains("last: Some(2.5)"), "{text}");
    let json: serde_json::Value =
        serde_json::from_str(&printed(&project, &format!("{REPLAY} --format json"))).expect("one document");
    let (first, second) = (&json["steps"][0], &json["steps"][1]);
    assert!(
        first["state_text"].is_null() && first["state_text_error"].as_str().is_some_and(|why| why.contains("words"))
    );
    assert!(second["state_text"].is_string() && second["state_text_error"].is_null());
}

#[test]
fn the_words_of_a_state_are_bounded() {
    let project = project("c1,7,2024-02-01T12:00:00Z,6e77");
    let json: serde_json::Value =
        serde_json::from_str(&printed(&project, &format!("{REPLAY} --format json"))).expect("one document");
    let text = json["steps"][0]["state_text"].as_str().expect("is told");
    let (kept, more) = text.rsplit_once('\n').expect("has a last line");
    // `Says {`, `events: 1,` and `last: ` before it, `,` and `}` after it.
    let whole = "Says {\n    events: 1,\n    last: ".len() + 70_000 + ",\n}".len();
    assert_eq!((kept.len(), more), (65_536, format!("... {} more bytes", whole - 65_536).as_str()));
}

#[test]
fn without_debug_the_bytes_are_shown_and_how_to_see_more() {
    let project = Project::churn(&["events.csv"], "", "");
    project
        .write("events.csv", "customer_id,event_type,amount,event_timestamp\nc1,purchase,1.5,2024-02-01T12:00:00Z\n");
    let command = "replay activity --entity customer_id=c1 --as-of 2024-02-10";
    let with = printed(&project, &format!("{command} --state"));
    let hint = "states are shown as bytes: write #[transform(debug)] on the transform and derive Debug for its state, build, and \
                they are shown in words";
    assert_eq!(with.lines().last(), Some(hint));
    assert!(with.lines().any(|line| line.contains("0000000000")), "{with}");
    assert!(!printed(&project, command).contains(hint));
}
