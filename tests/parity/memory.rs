//! Backfills that do not fit in memory, that die, and that are gone on with: the same bytes as those of one that had room.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::case::{Case, Sources};
use super::{Layout, PLAIN, project, selection};
use expect_test::expect;
use onepath::feature_store::{BackfillReport, BackfillRequest, FeatureSelection, OpenOptions, SpineSource};
use onepath::replay::OnError;
use onepath::time::format_time;

use crate::support::{DAY, Format, Project, Random, at};

/// Memory that holds nothing, some, and everything.
const MEMORY: [u64; 3] = [1, 16 << 10, u64::MAX];

fn spine_of(case: &Case) -> String {
    let mut spine = "customer_id,label,as_of,cart_value\n".to_owned();
    for (row, ask) in case.asks.iter().enumerate() {
        spine += &format!("{},{row},{},{:?}\n", ask.entity, format_time(ask.as_of), ask.cart_value);
    }
    spine
}

fn request(project: &Project, selection: FeatureSelection, out: &str) -> BackfillRequest {
    BackfillRequest {
        selection,
        spine: SpineSource::File { path: project.path("spine.csv"), as_of_column: None, as_of_unit: None },
        out: project.path(out),
        overrides: Vec::new(),
        full_feature_names: false,
        resume: false,
    }
}

fn backfill(project: &Project, request: &BackfillRequest, change: impl FnOnce(&mut OpenOptions)) -> BackfillReport {
    project.open_with(change).backfill(request).expect("the backfill runs")
}

/// The manifest's words but for the path of the output, those of the profile, and the bytes of the output.
fn written(project: &Project, out: &str) -> (String, Vec<u8>) {
    let manifest = std::fs::read_to_string(project.path(&format!("{out}.manifest.json"))).expect("a manifest");
    let profile = std::fs::read_to_string(project.path(&format!("{out}.profile.json"))).expect("a profile");
    (manifest.replace(out, "OUT") + &profile, std::fs::read(project.path(out)).expect("an output"))
}

/// Nothing that a run keeps for a while is left.
fn assert_clean(project: &Project) {
    let left: Vec<String> =
        project.files().into_iter().filter(|name| name.contains("artial") || name.contains("spill")).collect();
    assert_eq!(left, [""; 0]);
}

#[test]
fn memory_threads_and_batches_do_not_change_a_byte() {
    for (seed, sources) in [(31, Sources::One), (32, Sources::TwoWithTies)] {
        for format in [Format::Csv, Format::Parquet] {
            let case = Case::new(seed, sources);
            let project = project(&case, Layout { format, files: 2, ..PLAIN }, seed);
            project.write("spine.csv", spine_of(&case));
            for out in ["out.parquet", "out.csv"] {
                let request = request(&project, selection(), out);
                let mut first = None;
                for (memory, threads, batch_rows) in
                    MEMORY.iter().flat_map(|memory| [(*memory, 1, 8_192), (*memory, 2, 3)])
                {
                    let report = backfill(&project, &request, |options| {
                        (options.memory_bytes, options.threads, options.batch_rows) = (memory, threads, batch_rows);
                    });
                    assert_eq!(report.partitions > 1, memory < u64::MAX, "{memory} bytes of memory");
                    assert_eq!(report.spilled_bytes > 0, memory < u64::MAX);
                    assert!(report.sliced > 0 || memory > 1, "{memory} bytes of memory");
                    assert_eq!((report.rows, report.entities), (case.asks.len() as u64, distinct(&case)));
                    let found = written(&project, out);
                    let first = first.get_or_insert_with(|| found.clone());
                    assert!(
                        *first == found,
                        "seed {seed}, {memory} bytes, {threads} threads, {batch_rows} rows a batch"
                    );
                    assert_clean(&project);
                }
            }
        }
    }
}

fn distinct(case: &Case) -> u64 {
    case.asks.iter().map(|ask| &ask.entity).collect::<std::collections::BTreeSet<_>>().len() as u64
}

/// Rows without an answer are told in one order, whatever memory there is.
#[test]
pub(crate) fn failures_are_told_alike() {
    let mut case = Case::new(51, Sources::One);
    case.events.iter_mut().step_by(7).for_each(|event| event.kind = "refuse");
    case.events.iter_mut().step_by(11).for_each(|event| event.kind = "trap");
    let project = project(&case, PLAIN, 51);
    project.write("spine.csv", spine_of(&case));
    let request = request(&project, selection(), "out.csv");
    let mut first = None;
    for (memory, batch_rows) in MEMORY.into_iter().zip([8_192, 5, 64]) {
        let report = backfill(&project, &request, |options| {
            (options.memory_bytes, options.batch_rows, options.on_error) = (memory, batch_rows, OnError::Null);
        });
        assert!(report.failures > 10, "more than are told one by one");
        assert!(report.sliced > 0 || memory > 1, "{memory} bytes of memory");
        let found = (report.failures, written(&project, "out.csv"));
        let first = first.get_or_insert_with(|| found.clone());
        assert!(*first == found, "{memory} bytes of memory\n{}\n{}", first.1.0, found.1.0);
    }
}

/// One entity with almost all events, which arrive late, and questions between them, in less memory than they take: its rows go
/// through slice by slice. The events that no question sees are refused by the transform, and nobody hears of it.
#[test]
fn a_hot_entity_goes_through_little_memory() {
    let project = Project::churn(&["events.csv"], "arrival_time = \"arrived\"", "");
    let mut events = "customer_id,event_type,amount,event_timestamp,arrived\n".to_owned();
    let mut spine = "customer_id,as_of\n".to_owned();
    let mut random = Random::new(77);
    for row in 0..20_000 {
        let entity = if random.once_in(50) { random.below(40) } else { 0 };
        let kind = random.pick::<&str>(&["purchase", "purchase", "view", "return"]);
        let time = at("2024-01-01") + random.below(200) as i64 * DAY / 7;
        let arrived = time + random.below(30) as i64 * DAY / 10;
        let (time, arrived) = (format_time(time), format_time(arrived));
        events += &format!("c{entity},{kind},{}.{},{time},{arrived}\n", row % 900, row % 10);
        if row % 40 == 0 {
            spine += &format!("c{entity},{time}\n");
        }
    }
    project.write("events.csv", events);
    project.write("spine.csv", spine);
    let request = request(&project, FeatureSelection::Service("churn_v1".to_owned()), "out.parquet");
    let runs = [(u64::MAX, 1), (1, 1), (1 << 16, 2), (u64::MAX, 2)].map(|(memory, threads)| {
        let report =
            backfill(&project, &request, |options| (options.memory_bytes, options.threads) = (memory, threads));
        assert_eq!(report.sliced > 0, memory < u64::MAX, "{memory} bytes of memory");
        assert_clean(&project);
        (report.sha256, report.entities)
    });
    assert!(runs.iter().all(|run| *run == runs[0]), "{runs:?}");
}

/// Feature history is made in memory; what does not fit is refused, and how to go on is said.
#[test]
fn feature_history_that_does_not_fit_is_refused() {
    let project = Project::churn(&["events.csv"], "", "");
    project.write("events.csv", "customer_id,event_type,amount,event_timestamp\na,purchase,1.5,2024-01-01\n");
    let selection = FeatureSelection::Service("churn_v1".to_owned());
    let request = BackfillRequest { spine: SpineSource::AtEvents, ..request(&project, selection, "out.csv") };
    backfill(&project, &request, |_| {});
    std::fs::remove_file(project.path("out.csv")).expect("is there");
    let refused = project.open_with(|options| options.memory_bytes = 1).backfill(&request).expect_err("is refused");
    expect!["feature history of these events may take 0 MiB, and --memory gives 0 MiB: make a --spine file of its entities and moments, which may be of any size, take a longer --every or fewer days, or give more --memory"].assert_eq(&refused.to_string());
    assert!(!project.path("out.csv").exists());
    assert_clean(&project);
}

/// A run that dies at any point goes on, and gives the bytes of one that did not; what it had done is not done again.
#[test]
fn a_run_that_died_is_gone_on_with() {
    let case = Case::new(41, Sources::One);
    let project = project(&case, PLAIN, 41);
    project.write("spine.csv", spine_of(&case));
    let mut request = request(&project, selection(), "out.parquet");
    let whole = backfill(&project, &request, |_| {});
    let expected = written(&project, "out.parquet");
    request.resume = true;
    let all = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&all);
    backfill(&project, &request, |options| {
        options.progress = Arc::new(move |rows| {
            counted.fetch_add(rows, Ordering::SeqCst);
        });
    });
    let rows = all.load(Ordering::SeqCst);
    for deaths in [1, rows / 2, rows] {
        let (seen, again) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let counted = Arc::clone(&seen);
        let store = project.open_with(|options| {
            options.progress = Arc::new(move |rows| {
                assert!(counted.fetch_add(rows, Ordering::SeqCst) + rows < deaths, "the process dies");
            });
        });
        let died = catch_unwind(AssertUnwindSafe(|| store.backfill(&request).map_err(|error| error.to_string())));
        assert!(died.is_err(), "it died after {deaths} rows");
        drop(store);
        assert!(project.path("out.parquet.partial").is_dir());
        let counted = Arc::clone(&again);
        let report = backfill(&project, &request, |options| {
            options.threads = 2;
            options.progress = Arc::new(move |rows| {
                counted.fetch_add(rows, Ordering::SeqCst);
            });
        });
        let (seen, again) = (seen.load(Ordering::SeqCst), again.load(Ordering::SeqCst));
        assert!(again < rows || deaths == 1, "{again} of {rows} rows after {seen}");
        assert_eq!(report.sha256, whole.sha256);
        assert!(written(&project, "out.parquet") == expected, "died after {deaths} rows");
        assert_clean(&project);
    }
}

/// A run that was told to stop leaves nothing but, where that was asked for, what it had done.
#[test]
fn a_run_that_is_stopped_leaves_nothing() {
    let case = Case::new(42, Sources::One);
    let project = project(&case, PLAIN, 42);
    project.write("spine.csv", spine_of(&case));
    // The first use of a declared view builds its component, which stays.
    let plan = project.open_with(|_| {}).plan(&selection());
    assert!(plan.is_ok(), "{:?}", plan.err());
    let before = project.files();
    for memory in MEMORY {
        let stop = Arc::new(AtomicBool::new(false));
        let signal = Arc::clone(&stop);
        let store = project.open_with(|options| {
            (options.memory_bytes, options.batch_rows) = (memory, 16);
            options.stop = stop;
            options.progress = Arc::new(move |_| signal.store(true, Ordering::SeqCst));
        });
        let error = store.backfill(&request(&project, selection(), "out.csv")).expect_err("it was stopped");
        assert!(error.to_string().contains("stopped before it was finished"), "{error}");
        assert_eq!(project.files(), before, "{memory} bytes of memory");
    }
}

#[test]
fn what_was_begun_with_other_inputs_is_not_gone_on_with() {
    let case = Case::new(43, Sources::One);
    let project = project(&case, PLAIN, 43);
    project.write("spine.csv", spine_of(&case));
    let request = BackfillRequest { resume: true, ..request(&project, selection(), "out.csv") };
    let store = project.open_with(|options| options.progress = Arc::new(|_| panic!("the process dies")));
    catch_unwind(AssertUnwindSafe(|| store.backfill(&request).map_err(|error| error.to_string())))
        .expect_err("it died");
    drop(store);
    let other = BackfillRequest {
        selection: FeatureSelection::References(vec!["activity:purchase_count_30d".parse().expect("a reference")]),
        ..request.clone()
    };
    let error = project.open().backfill(&other).expect_err("other features").to_string();
    assert!(error.contains("begun with other features or options"), "{error}");
    let text = std::fs::read_to_string(project.path("onepath.toml")).expect("reads");
    let changed = text.replace("ttl = \"90d\"", "ttl = \"9d\"");
    assert_ne!(text, changed);
    project.write("onepath.toml", changed);
    let error = project.open().backfill(&request).expect_err("another identity").to_string();
    let expected = "begun with another identity of view trace@v1: ttl was 90d, and is now 9d; put back what changed";
    assert!(error.contains(expected), "{error}");
    project.write("onepath.toml", text);
    project.write("spine.csv", spine_of(&case) + "e1,x,2024-05-05,1.0\n");
    let error = project.open().backfill(&request).expect_err("another spine").to_string();
    assert!(error.contains("spine.csv: its size or time has changed since"), "{error}");
    std::fs::remove_dir_all(project.path("out.csv.partial")).expect("it is there");
    backfill(&project, &request, |_| {});
    assert_clean(&project);
}

/// A folder that a process left behind when it was killed goes with the next run; one that is held stays.
#[test]
fn what_a_killed_run_left_is_removed() {
    let case = Case::new(44, Sources::One);
    let project = project(&case, PLAIN, 44);
    project.write("spine.csv", spine_of(&case));
    project.write(".onepath-dead.partial", "half of an output");
    project.write(".onepath-dead.spill/lock", "");
    project.write(".onepath-dead.spill/0-spine-0.arrow", "half of a partition");
    backfill(&project, &request(&project, selection(), "out.csv"), |options| options.memory_bytes = 1);
    let left: Vec<String> = project.files().into_iter().filter(|name| name.contains("dead")).collect();
    assert_eq!(left, [""; 0]);
}
