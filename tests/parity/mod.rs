//! The promise: the same events and questions give the same bits, whichever way the answers are made.
//!
//! Every random case is answered whole, in small batches, on several threads, from files of every format, split and in
//! other orders of rows, by states that were materialized, stopped and resumed, and served event by event. All answers are
//! compared with a naive reference.

mod carried;
mod case;
mod doors;
mod everything;
mod ids;
mod kinds;
pub(crate) mod memory;
mod past;
mod python;
mod reference;
mod resume;
mod rules;
mod workflow;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use case::{Case, Sources, reordered};
use onepath::entity::{EntityKey, EntityState};
use onepath::events::Arrival;
use onepath::feature_store::{BackfillRequest, FeaturePlan, FeatureSelection, SourceOverride, SpineSource};
use onepath::store::{OnlineStore, SqliteStore};
use onepath::time::{AvailableAt, format_time};

use crate::support::{
    Ask, DECLARED, Event, Format, Project, Random, Session, Vector, assert_same, offline, online, write_events,
};

const SOURCES: [&str; 2] = ["events", "more"];

fn selection() -> FeatureSelection {
    FeatureSelection::Service("all".to_owned())
}

/// How the events of a case lie in files.
#[derive(Clone, Copy)]
struct Layout {
    format: Format,
    /// How many files each source has.
    files: usize,
    /// Whether the rows of a source are in another order.
    is_reordered: bool,
}

const PLAIN: Layout = Layout { format: Format::Csv, files: 1, is_reordered: false };

/// A project of the case's events, laid out in files. `files` are named by source.
fn project(case: &Case, layout: Layout, seed: u64) -> Project {
    let project = Project::new("");
    let mut random = Random::new(seed);
    let mut toml = "[project]\nname = \"parity\"\n[entities.customer]\nkeys = { customer_id = \"text\" }\n".to_owned();
    for (source, name) in SOURCES.iter().enumerate().take(case.source_count()) {
        let mut events = case.events_of(source);
        if layout.is_reordered {
            events = reordered(&events, &mut random);
        }
        let files: Vec<PathBuf> = write_split(project.dir(), name, &events, layout);
        toml += &format!(
            "[sources.{name}]\nentity = \"customer\"\nfiles = {files:?}\nevent_time = \"event_timestamp\"\n\
             arrival_time = \"ingested_at\"\n"
        );
    }
    let sources = &SOURCES[..case.source_count()];
    toml += &format!(
        "[views.activity]\nsources = {sources:?}\ntransform = \"CHURN\"\n\
         [views.trace]\nsources = {sources:?}\ntransform = \"TRACE\"\nttl = \"90d\"\n\
         [views.cart]\ninputs = [\"activity:purchase_count_30d\", \"request:cart_value\"]\ntransform = \"CART\"\n\
         [views.declared]\nsources = {sources:?}\n{DECLARED}\
         [services.all]\nfeatures = [\"activity:*\", \"trace:*\", \"cart:*\", \"declared:*\"]\n{}",
        case.rules.toml()
    );
    project.configure(&toml);
    project
}

/// Writes events to several files, one after the other, whose order by name is not that of the parts.
fn write_split(dir: &Path, name: &str, events: &[Event], layout: Layout) -> Vec<PathBuf> {
    let size = events.len().div_ceil(layout.files).max(1);
    let parts = events.chunks(size).enumerate();
    let written = parts.map(|(part, events)| {
        let path = dir.join(format!("{name}-{}.{}", 9 - part, layout.format.extension()));
        write_events(&path, events, layout.format);
        path
    });
    written.collect()
}

fn check_all(found: &[Vector], case: &Case, expected: &[Vector], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for ((found, expected), ask) in found.iter().zip(expected).zip(&case.asks) {
        assert_same(found, expected, ask, what);
    }
}

fn check(seed: u64, sources: Sources) {
    println!("seed {seed}, {sources:?}");
    let case = Case::new(seed, sources);
    let expected: Vec<Vector> =
        case.asks.iter().map(|ask| reference::answer_with_declared(&case.rules.all(), &case.events, ask)).collect();
    check_offline(&case, &expected, seed);
    let whole = states_of_the_whole(&case, seed);
    if sources != Sources::TwoWithTies {
        check_served(&case, &expected, &whole, seed);
    }
}

#[test]
fn one_source() {
    for seed in [1, 2, 3] {
        check(seed, Sources::One);
    }
}

#[test]
fn two_sources_at_the_same_times() {
    for seed in [11, 12, 13] {
        check(seed, Sources::TwoWithTies);
    }
}

#[test]
fn two_sources_pushed_in_turn() {
    for seed in [21, 22] {
        check(seed, Sources::TwoApart);
    }
}

/// Batches, threads, formats, splits and orders of rows.
fn check_offline(case: &Case, expected: &[Vector], seed: u64) {
    for (batch_rows, threads) in [(8_192, 1), (1, 1), (7, 1), (7, 2), (8_192, 2)] {
        let project = project(case, PLAIN, seed);
        let store = project.open_with(|options| (options.batch_rows, options.threads) = (batch_rows, threads));
        let plan = store.plan(&selection()).expect("plans");
        let found = offline(&store, &plan, &case.asks, &[]);
        check_all(&found, case, expected, &format!("seed {seed}, {batch_rows} rows a batch, {threads} threads"));
    }
    for format in [Format::Csv, Format::Ndjson, Format::Parquet] {
        for (files, is_reordered) in [(1, false), (3, false), (1, true)] {
            let what = format!("seed {seed}, {format:?}, {files} files, reordered: {is_reordered}");
            let project = project(case, Layout { format, files, is_reordered }, seed);
            let store = project.open();
            let plan = store.plan(&selection()).expect("plans");
            check_all(&offline(&store, &plan, &case.asks, &[]), case, expected, &what);
        }
    }
    check_overrides(case, expected, seed);
    check_files_written(case, seed);
}

/// Files given for one run stand for those of the project.
fn check_overrides(case: &Case, expected: &[Vector], seed: u64) {
    let given = project(case, Layout { files: 2, ..PLAIN }, seed);
    let empty = Case { events: Vec::new(), asks: Vec::new(), ..*case };
    let project = project(&empty, PLAIN, seed);
    let overrides: Vec<SourceOverride> = given
        .open()
        .project()
        .sources
        .iter()
        .map(|source| SourceOverride {
            source: source.name.clone(),
            files: source.resolve_files(&onepath::files::FileSystem, given.dir()).expect("the files are there"),
        })
        .collect();
    let store = project.open();
    let plan = store.plan(&selection()).expect("plans");
    check_all(&offline(&store, &plan, &case.asks, &overrides), case, expected, &format!("seed {seed}, overrides"));
}

/// The file that a backfill writes is the same in bytes, whatever the batches, threads and layouts.
fn check_files_written(case: &Case, seed: u64) {
    let mut spine = "customer_id,as_of,cart_value,label\n".to_owned();
    for (row, Ask { entity, as_of, cart_value }) in case.asks.iter().enumerate() {
        spine += &format!("{entity},{},{cart_value:?},{row}\n", format_time(*as_of));
    }
    for extension in ["parquet", "csv", "ndjson"] {
        let mut digests = Vec::new();
        for (layout, batch_rows, threads) in [
            (PLAIN, 8_192, 1),
            (Layout { format: Format::Parquet, files: 2, is_reordered: true }, 3, 2),
            (Layout { format: Format::Ndjson, files: 1, is_reordered: false }, 64, 1),
        ] {
            let project = project(case, layout, seed);
            let request = BackfillRequest {
                selection: selection(),
                spine: SpineSource::File {
                    path: project.write("spine.csv", &spine),
                    as_of_column: None,
                    as_of_unit: None,
                },
                out: project.path(&format!("out.{extension}")),
                overrides: Vec::new(),
                full_feature_names: false,
                resume: false,
            };
            // The manifest lies in the metadata of Parquet and names the sources' paths, so there the rows are compared.
            let store = project.open_with(|options| (options.batch_rows, options.threads) = (batch_rows, threads));
            let report = store.backfill(&request).expect("the backfill runs");
            digests.push(match extension {
                "parquet" => format!(
                    "{:?}",
                    onepath::files::head(&onepath::files::FileSystem, &request.out, 1_000).expect("reads")
                ),
                _ => report.sha256,
            });
        }
        assert!(digests.iter().all(|digest| *digest == digests[0]), "seed {seed}, {extension}");
    }
}

type States = Vec<(String, EntityKey, EntityState)>;

/// All states of a project, without the offsets: those of files are not those of a log.
fn states(project: &Project) -> States {
    let path = project.path(".onepath/online.sqlite");
    let store = SqliteStore::open_read_only(&path).expect("opens").expect("there are states");
    let reader = store.reader().expect("opens");
    let mut states = Vec::new();
    for view in ["activity@v1", "trace@v1", "declared@v1"] {
        let scanned = reader.scan(view, &mut |key, state| {
            states.push((view.to_owned(), key, EntityState { offset: 0, ..state }));
            ControlFlow::Continue(())
        });
        scanned.expect("reads");
    }
    assert!(!states.is_empty(), "there are states to compare");
    states
}

/// The states that the whole history ends with; the same for every layout and batch.
fn states_of_the_whole(case: &Case, seed: u64) -> States {
    let mut whole: Option<States> = None;
    for (layout, batch_rows, threads) in
        [(PLAIN, 8_192, 1), (Layout { format: Format::Parquet, files: 2, is_reordered: true }, 5, 2), (PLAIN, 1, 1)]
    {
        let project = project(case, layout, seed);
        let mut store = project.open_with(|options| (options.batch_rows, options.threads) = (batch_rows, threads));
        store.materialize(&[], None).expect("materializes");
        drop(store);
        let found = states(&project);
        let whole = whole.get_or_insert_with(|| found.clone());
        assert!(*whole == found, "seed {seed}: states of {batch_rows} rows a batch and {threads} threads");
    }
    whole.expect("at least one")
}

/// Served: history up to a moment is materialized, the rest is pushed event by event, and each question is asked when its
/// time has come, and again at the end. The store is closed and opened again on the way.
fn check_served(case: &Case, expected: &[Vector], whole: &States, seed: u64) {
    let mut random = Random::new(seed ^ 0x5e);
    let cut = random.pick(&case.events).available();
    let is_history = |event: &Event| event.available() <= cut;
    let history =
        Case { events: case.events.iter().filter(|e| is_history(e)).cloned().collect(), asks: Vec::new(), ..*case };
    let mut pushed: Vec<Event> = case.events.iter().filter(|event| !is_history(event)).cloned().collect();
    pushed.sort_by_key(Event::available);

    let project = project(&history, PLAIN, seed);
    let mut store = project.open();
    store.materialize(&[], Some(AvailableAt::from_micros(cut))).expect("materializes");
    let plan = store.plan(&selection()).expect("plans");
    let mut order: Vec<usize> = (0..case.asks.len()).collect();
    order.sort_by_key(|row| case.asks[*row].as_of);
    let (mut asked, mut replayed) = (0, 0);
    let mut ask = |store: &mut Session, plan: &FeaturePlan, row: usize, what: &str| {
        let (found, vector) = online(store, plan, &case.asks[row]);
        replayed += usize::from(vector.replayed);
        asked += 1;
        assert_same(&found, &expected[row], &case.asks[row], &format!("seed {seed}, {what}"));
    };
    let mut next = 0;
    for event in &pushed {
        while next < order.len() && case.asks[order[next]].as_of < event.available() {
            ask(&mut store, &plan, order[next], "served when its time had come");
            next += 1;
        }
        if random.once_in(3) {
            drop(store);
            store = project.open();
        }
        push(&project, &mut store, event);
    }
    for row in &order[next..] {
        ask(&mut store, &plan, *row, "served after the last event");
    }
    for row in order.iter().step_by(3) {
        ask(&mut store, &plan, *row, "served again, later");
    }
    assert!(replayed > 0 && replayed < asked, "both ways of answering were taken");

    check_all(&offline(&store, &plan, &case.asks, &[]), case, expected, &format!("seed {seed}, files and log"));
    let report = store.verify(None).expect("verifies");
    assert_eq!(
        (report.vectors, report.differences, report.state_differences),
        (asked as u64, 0, 0),
        "{:#?}",
        report.first
    );
    assert_eq!(report.states as usize, whole.len());
    drop(store);
    assert!(states(&project) == *whole, "seed {seed}: states that were stopped and resumed");
}

/// Pushes one event that arrives when it became available.
fn push(project: &Project, store: &mut Session, event: &Event) {
    let event = Event { arrived: Some(event.available()), ..event.clone() };
    let path = project.path("push.ndjson");
    write_events(&path, std::slice::from_ref(&event), Format::Ndjson);
    let arrival = Arrival::Column("ingested_at".to_owned());
    let applied = store.ingest(SOURCES[event.source], &path, &arrival).expect("the push is taken");
    assert_eq!((applied.appended, applied.adjusted), (1, 0));
}

/// A state that outgrows the limit of the online store is carried all the same: where a batch is cut decides nothing.
#[test]
fn a_state_beyond_the_limit_is_cut_anywhere() {
    let project = Project::churn(&["events.csv"], "", "");
    let mut events = "customer_id,event_type,amount,event_timestamp\n".to_owned();
    for second in 0..300 {
        events += &format!("hot,purchase,{second}.5,2024-01-01T00:{:02}:{:02}Z\n", second / 60, second % 60);
    }
    project.write("events.csv", events);
    project.write("spine.csv", "customer_id,as_of\nhot,2024-01-01T00:03:00Z\nhot,2024-01-02\n");
    let mut outputs = Vec::new();
    for batch_rows in [1, 7, 8_192] {
        let store = project.open_with(|options| {
            options.batch_rows = batch_rows;
            options.limits.state_bytes_max = 1_000;
        });
        let request = BackfillRequest {
            selection: FeatureSelection::Service("churn_v1".to_owned()),
            spine: SpineSource::File { path: project.path("spine.csv"), as_of_column: None, as_of_unit: None },
            out: project.path("out.csv"),
            overrides: Vec::new(),
            full_feature_names: false,
            resume: false,
        };
        store.backfill(&request).expect("is made");
        outputs.push(std::fs::read_to_string(project.path("out.csv")).expect("was written"));
    }
    assert!(outputs[0].contains("hot,2024-01-02T00:00:00Z,300,"), "{}", outputs[0]);
    assert!(outputs.iter().all(|output| *output == outputs[0]), "{outputs:#?}");
    // The online store holds no such state, and says so.
    let mut store = project.open_with(|options| options.limits.state_bytes_max = 1_000);
    let report = store.materialize(&[], None).expect("the others are materialized");
    let view = &report.views[0];
    assert_eq!((view.entities, view.refused, view.first_refused[0].entity.as_str()), (0, 1, "hot"));
}
