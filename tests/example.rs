//! The churn example as a reader runs it, on a copy.

use crate::support::{Project, Ran, repository};

/// A copy of the example whose transform is built already.
pub fn example() -> Project {
    let source = repository().join("examples/churn");
    let read = |name: &str| std::fs::read(source.join(name)).expect("the example has the file");
    let toml = String::from_utf8(read("onepath.toml")).expect("is UTF-8");
    assert!(toml.contains("\"../../transforms/churn\""), "the example's transform is where this test looks for it");
    let project = Project::new(&toml.replace("../../transforms/churn", "CHURN"));
    for entry in std::fs::read_dir(source.join("data")).expect("the example has data") {
        let name = format!("data/{}", entry.expect("lists a folder").file_name().to_string_lossy());
        project.write(&name, read(&name));
    }
    project.write("expected/training.csv", read("expected/training.csv"));
    std::fs::create_dir(project.path("out")).expect("makes a folder");
    project
}

fn good(project: &Project, words: &str) -> Ran {
    let ran = project.run(words);
    assert_eq!(ran.code, 0, "{words}\n{}", ran.stderr);
    ran
}

fn read(project: &Project, name: &str) -> String {
    std::fs::read_to_string(project.path(name)).expect("was written")
}

#[test]
fn the_training_set_is_the_expected_one() {
    let project = example();
    let backfill = "backfill --service churn_v1 --spine data/labels.csv --as-of-column label_date --out";
    let expected = read(&project, "expected/training.csv");
    for (words, out) in [("", "out/a.csv"), ("--threads 1 --batch-rows 1", "out/b.csv"), ("--threads 3", "out/c.csv")] {
        good(&project, &format!("{backfill} {out} {words}"));
        assert!(read(&project, out) == expected, "{out} differs from expected/training.csv");
        let manifest: serde_json::Value =
            serde_json::from_str(&read(&project, &format!("{out}.manifest.json"))).expect("is JSON");
        assert_eq!(manifest["rows"].as_u64(), Some(expected.lines().count() as u64 - 1));
        let events = read(&project, "data/events.csv").lines().count() as u64 - 1;
        assert_eq!(manifest["sources"][0]["rows"].as_u64(), Some(events));
    }
}

/// Every step of `run.sh` that is a command of onepath.
#[test]
fn the_script_runs_from_history_to_proof() {
    let project = example();
    good(&project, "build");
    good(
        &project,
        "backfill --service churn_v1 --spine data/labels.csv --as-of-column label_date --out out/training.csv --head 5",
    );
    assert!(read(&project, "out/training.csv") == read(&project, "expected/training.csv"));
    good(&project, "materialize --up-to 2024-12-30T23:59:59Z");
    let pushed = read(&project, "data/today.ndjson").lines().count();
    let ran = good(&project, "ingest --source events data/today.ndjson --arrived-at event-time");
    assert!(ran.stdout.starts_with(&format!("events: {pushed} events appended, 0 duplicates")), "{}", ran.stdout);

    let count = |as_of: &str| {
        let words = "get --format json --service churn_v1 --entity customer_id=c207 --as-of";
        let json: serde_json::Value =
            serde_json::from_str(&good(&project, &format!("{words} {as_of}")).stdout).expect("is JSON");
        let feature = &json["features"][0];
        assert_eq!(feature["feature"], "activity:purchase_count_30d");
        (feature["value"].as_i64().expect("a count"), json["replayed"].as_bool().expect("is told"))
    };
    let (today, before) = (count("2024-12-31T12:00:00Z"), count("2024-12-30T12:00:00Z"));
    // Today's purchase counts today, did not yesterday, and no longer does a month later.
    assert_eq!((today.0, today.1, before.1), (before.0 + 1, false, true));
    assert_eq!(count("2025-01-31T12:00:00Z"), (0, false));
    good(&project, "get --service churn_v1 --entity customer_id=c211");
    good(&project, "get --service churn_v1 --entity customer_id=nobody");
    let proof = good(&project, "verify").stdout;
    assert!(proof.starts_with("verified 5 served vectors (20 values): 0 differences\n"), "{proof}");
    assert!(proof.lines().nth(1).is_some_and(|line| line.ends_with("online states: 0 differences")), "{proof}");

    good(
        &project,
        "backfill --service churn_v1 --spine data/labels_leaky.csv --as-of-column seen_until --out out/leaky.csv",
    );
    assert!(read(&project, "out/leaky.csv").lines().count() == read(&project, "out/training.csv").lines().count());
}
