//! A backfill of the churn project whose inputs lie in another storage: the bytes of one from files, whatever delays and cuts reads
//! short, and a clear error without an output where the storage fails or its objects change.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use onepath::feature_store::{BackfillRequest, FeatureSelection, SpineSource};
use onepath::testing::memory::{Faults, MemoryStorage};

use crate::support::{Project, repository};

/// The churn project with the events of the example in several files, and its labels as a spine.
fn project() -> Project {
    let project = Project::churn(&["data/events-*.csv", "data/late.ndjson"], "", "");
    let data = repository().join("examples/churn/data");
    let text = std::fs::read_to_string(data.join("events.csv")).expect("the example's events");
    let (header, rows) = text.split_once('\n').expect("a header");
    let rows: Vec<&str> = rows.lines().collect();
    let (files, late) = rows.split_at(rows.len() - 100);
    for (number, part) in files.chunks(3_000).enumerate() {
        project.write(&format!("data/events-{number}.csv"), format!("{header}\n{}\n", part.join("\n")));
    }
    let object = |row: &&str| {
        let cells: Vec<&str> = row.split(',').collect();
        let named = header.split(',').zip(cells).filter(|(_, cell)| !cell.is_empty());
        let field = |(name, cell): (&str, &str)| match name {
            "amount" => format!("{name:?}: {cell}"),
            _ => format!("{name:?}: {cell:?}"),
        };
        format!("{{{}}}\n", named.map(field).collect::<Vec<_>>().join(", "))
    };
    project.write("data/late.ndjson", late.iter().map(object).collect::<String>());
    project.write("data/labels.csv", std::fs::read(data.join("labels.csv")).expect("the example's labels"));
    project
}

fn request(project: &Project, out: &str) -> BackfillRequest {
    BackfillRequest {
        selection: FeatureSelection::Service("churn_v1".to_owned()),
        spine: SpineSource::File {
            path: project.path("data/labels.csv"),
            as_of_column: Some("label_date".to_owned()),
            as_of_unit: None,
        },
        out: project.path(out),
        overrides: Vec::new(),
        full_feature_names: false,
        resume: false,
    }
}

/// The bytes of an output and of its manifest, in which its name is `OUT`.
fn written(project: &Project, out: &str) -> (Vec<u8>, String) {
    let manifest = std::fs::read_to_string(project.path(&format!("{out}.manifest.json"))).expect("a manifest");
    (std::fs::read(project.path(out)).expect("an output"), manifest.replace(out, "OUT"))
}

/// Runs a backfill whose inputs are only in `storage`, in memory or through the disk.
fn backfill(project: &Project, storage: &MemoryStorage, out: &str, threads: usize, memory: u64) -> Result<(), String> {
    let store = project.open_with(|options| {
        options.storage = Arc::new(storage.clone());
        (options.threads, options.memory_bytes) = (threads, memory);
    });
    match store.backfill(&request(project, out)) {
        Ok(_) => Ok(()),
        Err(error) => {
            let mut told = error.to_string();
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                told += &format!(": {cause}");
                source = cause.source();
            }
            Err(told.replace(&project.dir().display().to_string(), "DIR"))
        }
    }
}

/// The project, whose inputs went into a twin after a backfill from files.
fn moved() -> (Project, MemoryStorage, (Vec<u8>, String)) {
    let project = project();
    project.open().backfill(&request(&project, "files.csv")).expect("runs");
    let from_files = written(&project, "files.csv");
    let twin = MemoryStorage::of_folder(&project.path("data")).expect("reads");
    std::fs::remove_dir_all(project.path("data")).expect("removes");
    let expected = std::fs::read(repository().join("examples/churn/expected/training.csv")).expect("reads");
    assert!(from_files.0 == expected, "the files are those of the example, cut otherwise");
    (project, twin, from_files)
}

#[test]
fn a_backfill_from_a_twin_has_the_bytes_of_one_from_files() {
    let (project, twin, from_files) = moved();
    for (seed, threads, memory) in [(1, 1, u64::MAX), (2, 3, u64::MAX), (3, 2, 1), (4, 1, 1)] {
        twin.set_faults(Faults { seed, delayed: 200, short: 300, ..Faults::default() });
        let out = format!("twin-{seed}.csv");
        backfill(&project, &twin, &out, threads, memory).unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        assert!(written(&project, &out) == from_files, "seed {seed}, {threads} threads, {memory} bytes of memory");
    }
    let (short, waited) = (&twin.happened().short, &twin.happened().waited);
    assert!(short.load(Ordering::Relaxed) > 10 && waited.load(Ordering::Relaxed) > 10, "nothing went otherwise");
}

/// What a person reads where a storage fails; the output and what it was made of are not there.
fn refused(project: &Project, twin: &MemoryStorage, seed: u64, faults: Faults) -> Option<String> {
    twin.set_faults(Faults { seed, ..faults });
    let told =
        backfill(project, twin, "failed.csv", 1 + seed as usize % 2, if seed.is_multiple_of(3) { 1 } else { u64::MAX });
    let files = project.files();
    if let Err(told) = &told {
        let left: Vec<&String> =
            files.iter().filter(|file| file.contains("failed") || file.contains("artial")).collect();
        assert!(left.is_empty(), "seed {seed}: {told} left {left:?}");
    } else {
        std::fs::remove_file(project.path("failed.csv")).expect("removes");
        std::fs::remove_file(project.path("failed.csv.manifest.json")).expect("removes");
        std::fs::remove_file(project.path("failed.csv.profile.json")).expect("removes");
    }
    told.err()
}

#[test]
fn a_failing_storage_is_a_clear_error_and_no_output() {
    let (project, twin, _) = moved();
    let (mut busy, mut broken, mut changed) = (0, 0, 0);
    for seed in 0..12 {
        for (faults, count, expected) in [
            (
                Faults { retryable: 30, ..Faults::default() },
                &mut busy,
                ": cannot be read; the storage may answer if you run again: the twin is busy",
            ),
            (Faults { failing: 30, ..Faults::default() }, &mut broken, ": cannot be read: the twin is broken"),
        ] {
            if let Some(told) = refused(&project, &twin, seed, faults) {
                assert!(told.starts_with("DIR/data/") && told.ends_with(expected), "seed {seed}: {told}");
                *count += 1;
            }
        }
    }
    for seed in 0..12 {
        let twin = twin.copied();
        let told = refused(&project, &twin, seed, Faults { changing: 60, ..Faults::default() });
        // A run that meets no change may end well; one that meets some never does, also where every read by itself was whole.
        let has_changed = twin.happened().changed.load(Ordering::Relaxed) > 0;
        assert_eq!(has_changed, told.is_some(), "seed {seed}: {told:?}");
        if let Some(told) = told {
            let is_told = told.contains(": changed while it was read: it was written to; run again");
            assert!(told.starts_with("DIR/data/") && is_told, "seed {seed}: {told}");
            changed += 1;
        }
    }
    assert!(busy > 3 && broken > 3 && changed > 3, "{busy} busy, {broken} broken, {changed} changed");
}
