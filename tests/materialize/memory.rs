//! States do not depend on memory and threads.

use onepath::feature_store::MaterializeReport;

use super::{PROJECT, States, events, states};
use crate::support::Project;

fn materialized(project: &Project, memory: u64, threads: usize) -> (States, MaterializeReport) {
    project.at_machines_time();
    let mut session = project.open_with(|options| (options.memory_bytes, options.threads) = (memory, threads));
    let report = session.materialize(&[], None).expect("materializes");
    (states(project), report)
}

/// Nothing that a run keeps for a while is left.
fn assert_clean(project: &Project) {
    let left: Vec<String> = project.files().into_iter().filter(|name| name.contains("spill")).collect();
    assert_eq!(left, [""; 0]);
}

#[test]
fn memory_and_threads_do_not_change_a_state() {
    let limited = format!("{PROJECT}[limits]\nstate_bytes_max = 200\n");
    for (name, toml) in [("all fit", PROJECT), ("some are refused", &limited)] {
        let project = Project::new(toml);
        // One customer has most of the events, some ids come again, and some events are pushed, and late.
        let mut lines = events(0, 3_000, 97);
        for row in 0..4_000 {
            let (day, hour) = (row * 31 % 28 + 1, row % 24);
            lines += &format!("h{},hot,return,{row}.5,2024-03-{day:02}T{hour:02}:00:00Z\n", row % 3_900);
        }
        project.write("events.csv", &lines);
        materialized(&project, u64::MAX, 1);
        project.write(
            "pushed.csv",
            "event_id,customer_id,event_type,amount,event_timestamp\np1,hot,purchase,1.0,2024-01-05\n\
             p2,c3,purchase,2.0,2024-06-01\np3,new,purchase,3.0,2024-06-02\n",
        );
        let ran = project.run("ingest --source events pushed.csv");
        assert!(ran.code == 0 || name == "some are refused", "{}", ran.stderr);
        let (expected, report) = materialized(&project, u64::MAX, 1);
        let hot = "[\"hot\"]";
        match name {
            "all fit" => assert!(expected["trace@v1"].0.contains_key(hot) && report.views[0].refused == 0),
            _ => assert!(report.views.iter().any(|view| view.refused > 0 && view.entities > 0), "{report:#?}"),
        }
        let of = |report: &MaterializeReport| {
            let report = serde_json::to_value(report).expect("is JSON");
            (report["sources"].clone(), report["views"].clone())
        };
        for (memory, threads) in [(1, 1), (1, 3), (64 << 10, 2), (u64::MAX, 2)] {
            let (found, again) = materialized(&project, memory, threads);
            assert!(found == expected, "{name}: {memory} bytes of memory, {threads} threads");
            assert_eq!(of(&again), of(&report), "{name}: {memory} bytes of memory, {threads} threads");
            assert_clean(&project);
        }
        assert!(project.open().verify(None).expect("verifies").is_equal());
    }
}

/// A run that is told to stop leaves the states as they were.
#[test]
fn a_run_that_is_stopped_leaves_the_old_states() {
    let project = Project::new(PROJECT);
    project.write("events.csv", events(0, 2_000, 100));
    let (expected, _) = materialized(&project, u64::MAX, 1);
    project.write("events.csv", events(1, 2_000, 100));
    for memory in [1, u64::MAX] {
        let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let told = std::sync::Arc::clone(&stop);
        let mut session = project.open_with(|options| {
            options.memory_bytes = memory;
            options.stop = stop;
            // After the first rows, when some states were given on already.
            options.progress = std::sync::Arc::new(move |_| told.store(true, std::sync::atomic::Ordering::Relaxed));
        });
        let error = session.materialize(&[], None).expect_err("is stopped");
        assert!(error.to_string().contains("stopped"), "{error}");
        assert!(states(&project) == expected, "{memory} bytes of memory");
        assert_clean(&project);
    }
}
