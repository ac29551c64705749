//! A question about the past has one answer, whether the events of history are found by the index of their entity, by reading the
//! files, or by reading them because the index is damaged.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use onepath::events::Arrival;
use onepath::feature_store::{OpenOptions, SourceOverride};
use onepath::testing::memory::MemoryStorage;
use onepath::time::AvailableAt;

use super::case::{Case, Sources};
use super::{SOURCES, selection};
use crate::support::{
    Event, Format, Project, Random, Session, Vector, assert_same, online, write_events, write_events_with_ids,
};

/// The project of a case: one source has ids, the files of the other are given when it is materialized.
fn configure(project: &Project, files: &[PathBuf], skipped: &[u64]) {
    let other = project.path("unused.csv");
    project.configure(&format!(
        "[project]\nname = \"past\"\n[entities.customer]\nkeys = {{ customer_id = \"text\" }}\n\
         [sources.events]\nentity = \"customer\"\nfiles = {files:?}\nevent_time = \"event_timestamp\"\n\
         arrival_time = \"ingested_at\"\nevent_id = \"id\"\nskip_offsets = {skipped:?}\n\
         [sources.more]\nentity = \"customer\"\nfiles = [{other:?}]\nevent_time = \"event_timestamp\"\n\
         arrival_time = \"ingested_at\"\n\
         [views.activity]\nsources = [\"events\", \"more\"]\ntransform = \"CHURN\"\n\
         [views.trace]\nsources = [\"more\", \"events\"]\ntransform = \"TRACE\"\nttl = \"90d\"\n\
         [views.lately]\nsources = [\"events\"]\ntransform = \"TRACE\"\n\
         [views.cart]\ninputs = [\"activity:purchase_count_30d\", \"request:cart_value\"]\ntransform = \"CART\"\n\
         [services.all]\nfeatures = [\"activity:*\", \"trace:*\", \"cart:*\", \"lately:*\"]\n"
    ));
}

type Tagged = (Option<String>, Event);

/// What becomes of the bytes of an index, given a place in it; `None` where it goes.
type Damage<'a> = &'a dyn Fn(&[u8], usize) -> Option<Vec<u8>>;

fn push(project: &Project, store: &mut Session, (id, event): &Tagged) {
    let event = Event { arrived: Some(event.available()), ..event.clone() };
    let (path, arrival) = (project.path("push.ndjson"), Arrival::Column("ingested_at".to_owned()));
    match event.source {
        0 => write_events_with_ids(&path, &[(id.clone(), event.clone())], Format::Ndjson),
        _ => write_events(&path, std::slice::from_ref(&event), Format::Ndjson),
    }
    let applied = store.ingest(SOURCES[event.source], &path, &arrival).expect("the push is taken");
    assert_eq!((applied.appended, applied.adjusted), (1, 0));
}

/// A project that was materialized up to a moment, with pushes before and after, and the case's questions.
fn materialized(seed: u64, memory_bytes: u64) -> (Project, Case) {
    let case = Case::new(seed, Sources::TwoApart);
    let mut random = Random::new(seed ^ 0x9a57);
    let mut events = case.events.clone();
    events.sort_by_key(Event::available);
    let [early, cut] = [4, 2].map(|part| events[events.len() - events.len() / part].available());
    let early = early.min(cut);
    let tagged = events.into_iter().enumerate();
    let all: Vec<Tagged> = tagged.map(|(at, event)| (Some(format!("id-{at}")), event)).collect();
    let (first, later): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, event)| event.available() <= early);
    let (pushed, mut history): (Vec<_>, Vec<_>) = first.into_iter().partition(|_| random.once_in(4));
    let of_log: Vec<Tagged> = pushed.iter().filter(|(_, event)| event.source == 0).cloned().collect();
    // Copies of what the files and the log hold, as they were, arrived at another time, or changed.
    let known: Vec<Tagged> = history.iter().filter(|(_, event)| event.source == 0).chain(&of_log).cloned().collect();
    history.extend((0..40).map(|_| {
        let (id, event) = random.pick(&known).clone();
        let arrived = Some(event.available() + *random.pick(&[0, 0, 1, 3_600_000_000]));
        (id, Event { amount: event.amount + *random.pick(&[0.0, 0.0, 1.0]), arrived, ..event })
    }));
    random.shuffle(&mut history);
    // What the files hold beyond the cut is not part of the history.
    history.extend(later.iter().filter(|_| random.once_in(5)).map(|(_, event)| (None, event.clone())));

    let project = Project::new("");
    let format = *random.pick(&[Format::Csv, Format::Ndjson, Format::Parquet]);
    let of = |source: usize| history.iter().filter(|(_, event)| event.source == source).cloned().collect::<Vec<_>>();
    let with_ids = of(0);
    let files =
        with_ids.chunks(with_ids.len().div_ceil(1 + random.below(3)).max(1)).enumerate().map(|(part, events)| {
            let path = project.path(&format!("events-{}.{}", 9 - part, format.extension()));
            write_events_with_ids(&path, events, format);
            path
        });
    let files: Vec<PathBuf> = files.collect();
    let given = project.path("given.csv");
    write_events(&given, &of(1).into_iter().map(|(_, event)| event).collect::<Vec<_>>(), Format::Csv);
    write_events(&project.path("unused.csv"), &[], Format::Csv);
    configure(&project, &files, &[]);
    let mut store = project.open();
    pushed.iter().for_each(|tagged| push(&project, &mut store, tagged));
    drop(store);
    // Some of the log are left out; what the files have of them counts then.
    let offsets = (1..).zip(&pushed).filter(|(_, (_, event))| event.source == 0).map(|(offset, _)| offset);
    let skipped: Vec<u64> = offsets.filter(|_| random.once_in(4)).collect();
    configure(&project, &files, &skipped);
    let mut store = project.open_with(|options| options.memory_bytes = memory_bytes);
    let overrides = [SourceOverride { source: "more".to_owned(), files: vec![given] }];
    store.materialize(&overrides, Some(AvailableAt::from_micros(cut))).expect("materializes");
    for tagged in later.iter().filter(|(_, event)| event.available() > cut) {
        push(&project, &mut store, tagged);
    }
    store.close();
    println!(
        "seed {seed}: {} pushed before, {} of them skipped, {} in files, {} later",
        pushed.len(),
        skipped.len(),
        history.len(),
        later.len()
    );
    (project, case)
}

/// Asks all questions; gives the answers, how many were replayed, the reads of files after the first replay, and the warnings.
fn ask_all(project: &Project, case: &Case) -> (Vec<Vector>, usize, u64, Vec<String>) {
    let storage = MemoryStorage::of_folder(project.dir()).expect("reads the folder");
    let warnings = Arc::new(Mutex::new(Vec::new()));
    let mut store = project.open_with(|options: &mut OpenOptions| {
        let told = Arc::clone(&warnings);
        options.storage = Arc::new(storage.clone());
        options.warning = Arc::new(move |text| told.lock().expect("no panic").push(text.to_owned()));
    });
    let plan = store.plan(&selection()).expect("plans");
    let (mut answers, mut replayed, mut after_first) = (Vec::new(), 0, None);
    let reads = || storage.happened().reads.load(Ordering::Relaxed);
    for ask in &case.asks {
        let (found, vector) = online(&mut store, &plan, ask);
        replayed += usize::from(vector.replayed);
        if vector.replayed {
            after_first.get_or_insert_with(reads);
        }
        answers.push(found);
    }
    let later = reads() - after_first.expect("some are replayed");
    let warnings = warnings.lock().expect("no panic").iter().filter(|text| text.contains("index")).cloned().collect();
    (answers, replayed, later, warnings)
}

/// The files of the index.
fn indexes(project: &Project) -> Vec<PathBuf> {
    let dir = project.path(".onepath/history");
    let entries = std::fs::read_dir(dir).into_iter().flatten();
    entries.map(|entry| entry.expect("lists").path()).collect()
}

#[test]
fn with_the_index_without_it_and_with_a_damaged_one_answers_are_the_same() {
    for seed in 71..75 {
        // With so little memory, the index is made through the disk.
        let (project, case) = materialized(seed, if seed % 2 == 0 { u64::MAX } else { 1 });
        let files = indexes(&project);
        assert_eq!(files.len(), 2, "one for each source: {files:?}");
        let (by_index, replayed, reads, warnings) = ask_all(&project, &case);
        assert!(replayed > 20, "{replayed} were replayed");
        assert_eq!((reads, warnings.len()), (0, 0), "seed {seed}: {warnings:?}");
        let whole: Vec<Vec<u8>> = files.iter().map(|path| std::fs::read(path).expect("reads")).collect();
        let mut random = Random::new(seed);
        let mut check = |what: &str, damaged: Damage<'_>| {
            for (path, whole) in files.iter().zip(&whole) {
                match damaged(whole, random.below(whole.len())) {
                    Some(bytes) => std::fs::write(path, bytes).expect("writes"),
                    None => std::fs::remove_file(path).expect("removes"),
                }
            }
            let (answers, again, reads, warnings) = ask_all(&project, &case);
            for ((found, expected), ask) in answers.iter().zip(&by_index).zip(&case.asks) {
                assert_same(found, expected, ask, &format!("seed {seed}, {what}"));
            }
            assert!(again == replayed && reads > 100, "{what}: {again} were replayed by {reads} reads");
            // Of each index once, though many questions met it.
            assert!((1..=2).contains(&warnings.len()), "{what}: {warnings:#?}");
            assert!(warnings.iter().all(|text| text.contains("onepath materialize")), "{what}: {warnings:#?}");
        };
        check("without", &|_, _| None);
        let flipped = |whole: &[u8], at: usize| {
            let mut bytes = whole.to_vec();
            bytes[at] ^= 1;
            Some(bytes)
        };
        check("with a bit flipped", &flipped);
        check("cut short", &|whole, at| Some(whole[..at].to_vec()));
        let report = project.open().verify(None).expect("verifies");
        assert!(report.is_equal(), "seed {seed}: {:#?} {:?}", report.first, report.reasons);
        assert_eq!(report.vectors as usize, 4 * case.asks.len());
    }
}

/// A history that is materialized anew has an index of its own, and the old one goes.
#[test]
fn an_index_is_of_one_history() {
    let (project, case) = materialized(81, u64::MAX);
    let before = indexes(&project);
    let old: Vec<Vec<u8>> = before.iter().map(|path| std::fs::read(path).expect("reads")).collect();
    let mut store = project.open();
    let given = SourceOverride { source: "more".to_owned(), files: vec![project.path("unused.csv")] };
    store.materialize(&[given], None).expect("materializes");
    drop(store);
    let after = indexes(&project);
    assert!(after.len() == 2 && after.iter().all(|path| !before.contains(path)), "{before:?} {after:?}");
    // The old one under the name of the new one is not it, and is not used.
    let (answers, ..) = ask_all(&project, &case);
    after.iter().for_each(|path| std::fs::write(path, &old[0]).expect("writes"));
    let (found, _, reads, warnings) = ask_all(&project, &case);
    assert!(reads > 0 && !warnings.is_empty(), "{reads} reads, {warnings:?}");
    for ((found, expected), ask) in found.iter().zip(&answers).zip(&case.asks) {
        assert_same(found, expected, ask, "with the index of another history");
    }
}
