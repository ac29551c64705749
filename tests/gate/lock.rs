//! `onepath.lock`: what `build` writes, and what `--locked` refuses.

use expect_test::expect;

use crate::support::{Project, churn_toml, components};

fn project() -> Project {
    let project = Project::new(&churn_toml(&["events.csv"], "", "").replace("CHURN", "activity.wasm"));
    std::fs::copy(&components().churn, project.path("activity.wasm")).expect("copies");
    project.write("events.csv", "customer_id,event_timestamp,event_type,amount\nc1,2024-03-01,purchase,2.5\n");
    project.write("spine.csv", "customer_id,as_of\nc1,2024-03-02\n");
    project
}

const BACKFILL: &str = "--locked backfill --service churn_v1 --spine spine.csv --out t.csv";

#[test]
fn a_component_is_held_to_the_one_that_was_built() {
    let project = project();
    let ran = project.run(BACKFILL);
    let expected = "error: there is no lock file onepath.lock to hold components to: run `onepath build` to write it\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (2, expected));

    assert_eq!(project.run("build").code, 0);
    let lock = std::fs::read_to_string(project.path("onepath.lock")).expect("is written");
    let pinned = lock.lines().find(|line| line.starts_with('"')).expect("a line");
    assert!(pinned.starts_with("\"activity@v1\" = \"") && pinned.len() == 17 + 64 + 1, "{lock}");
    let ran = project.run(BACKFILL);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let manifest = std::fs::read_to_string(project.path("t.csv.manifest.json")).expect("is there");
    assert!(manifest.contains(&pinned[17..81]), "the manifest has the component of the lock file");

    // The component changes, and the lock file does not: every command says so, and `build` does not pin it unasked.
    std::fs::copy(&components().retrace, project.path("activity.wasm")).expect("copies");
    project.write("t.csv", "as it was");
    for words in [
        BACKFILL,
        "--locked build",
        "materialize --locked",
        "get --locked --service churn_v1 --entity customer_id=c1",
        "check --locked activity",
        "serve --locked --pin none.json",
    ] {
        let ran = project.run(words);
        assert_eq!(ran.code, 2, "{words}");
        assert!(ran.stderr.starts_with("error: view activity@v1 would run component "), "{words}: {}", ran.stderr);
        let tail = format!(
            "but onepath.lock pins {}: restore that component, or run `onepath build` to pin this one\n",
            &pinned[17..81]
        );
        assert!(ran.stderr.ends_with(&tail), "{words}: {}", ran.stderr);
    }
    assert_eq!(std::fs::read_to_string(project.path("t.csv")).expect("is there"), "as it was");
    assert_eq!(std::fs::read_to_string(project.path("onepath.lock")).expect("is there"), lock);
    assert_eq!(project.run("build").code, 0);
    assert_ne!(std::fs::read_to_string(project.path("onepath.lock")).expect("is there"), lock);
}

#[test]
fn a_lock_file_of_something_else_is_refused() {
    let project = project();
    project.write("onepath.lock", "format = 2\ncomponents = 7\n");
    let ran = project.run(BACKFILL);
    assert_eq!(ran.code, 2);
    expect![[r#"
        error: onepath.lock is not a lock file: invalid type: integer `7`, expected a map; run `onepath build` to write it anew
    "#]]
    .assert_eq(&ran.stderr);
}
