//! One flipped byte anywhere in what a project keeps: whoever reads it gives the values that it gave before, or names the damage.
//!
//! Every flip is of a random byte of a random file of one kind. After each a question is asked, a training set made, and
//! everything verified. Another value with no word from any of the three is a failure. A flip that nobody notices and that changes
//! nothing is harmless: it lies in free space, in what is made anew, or in what decides no value.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use expect_test::expect;
use onepath::batch::Value;
use onepath::events::Arrival;
use onepath::feature_store::{BackfillRequest, FeatureSelection, Locking, OpenOptions, SpineSource};
use onepath::{Server, ServerOptions};

use crate::support::{DAY, Event, Format, HOUR, Project, Random, at, components, write_events_with_ids};

/// A kind of files, and those that are of it.
type Kind = (&'static str, fn(&str) -> bool);

const KINDS: [Kind; 11] = [
    ("log.sqlite", |name| name == ".onepath/log.sqlite"),
    ("online.sqlite", |name| name == ".onepath/online.sqlite"),
    ("served.sqlite", |name| name == ".onepath/served.sqlite"),
    ("ids", |name| name.starts_with(".onepath/ids/")),
    ("kept components", |name| name.starts_with(".onepath/components/")),
    ("machine code", |name| name.starts_with(".onepath/cache/") && name.ends_with(".cwasm")),
    ("the rest of the cache", |name| name.starts_with(".onepath/cache/") && !name.ends_with(".cwasm")),
    ("history in CSV", |name| name == "history.csv"),
    ("history in Parquet", |name| name == "history.parquet"),
    ("transform", |name| name.ends_with(".wasm") && !name.starts_with('.')),
    ("lock and manifest", |name| name == "onepath.lock" || name.ends_with(".manifest.json")),
];

/// How many bytes are flipped; the environment may ask for more.
fn flips() -> usize {
    std::env::var("ONEPATH_FLIPS").ok().and_then(|text| text.parse().ok()).unwrap_or(260)
}

fn seed() -> u64 {
    std::env::var("ONEPATH_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(7)
}

fn toml() -> &'static str {
    "[project]\nname = \"flips\"\n[entities.customer]\nkeys = { customer_id = \"text\" }\n[sources.events]\n\
     entity = \"customer\"\nfiles = [\"history.csv\", \"history.parquet\"]\nevent_time = \"event_timestamp\"\n\
     arrival_time = \"ingested_at\"\nevent_id = \"id\"\n\
     [views.activity]\nsources = [\"events\"]\ntransform = \"churn.wasm\"\n\
     [views.trace]\nsources = [\"events\"]\ntransform = \"trace.wasm\"\n\
     [services.all]\nfeatures = [\"activity:*\", \"trace:*\"]\n"
}

fn events(random: &mut Random, name: &str, count: usize) -> Vec<(Option<String>, Event)> {
    let event = |number: usize| {
        let at = at("2024-03-01") + random.below(60) as i64 * DAY + random.below(1_000_000) as i64;
        let event = Event {
            source: 0,
            entity: format!("c{}", random.below(12)),
            kind: random.pick::<&str>(&["purchase", "view", "return"]),
            amount: random.below(10_000) as f64 / 100.0,
            at,
            arrived: random.once_in(3).then(|| at + random.below(20) as i64 * HOUR),
        };
        (Some(format!("{name}{number}")), event)
    };
    (0..count).map(event).collect()
}

/// When everything is asked.
fn as_of() -> i64 {
    at("2024-05-10")
}

fn request(project: &Project) -> BackfillRequest {
    BackfillRequest {
        selection: FeatureSelection::Service("all".to_owned()),
        spine: SpineSource::File { path: project.path("spine.csv"), as_of_column: None, as_of_unit: None },
        out: project.path("out.csv"),
        overrides: Vec::new(),
        full_feature_names: false,
        resume: false,
    }
}

/// A project with history in two formats, states, a log, and what was served.
fn project(seed: u64) -> Project {
    let (project, mut random) = (Project::new(""), Random::new(seed));
    std::fs::remove_dir_all(project.path(".onepath/cache")).expect("begins without a cache");
    for (name, path) in [("churn.wasm", &components().churn), ("trace.wasm", &components().trace)] {
        std::fs::copy(path, project.path(name)).expect("copies");
    }
    project.write("onepath.toml", toml());
    let history = events(&mut random, "a", 60);
    write_events_with_ids(&project.path("history.csv"), &history, Format::Csv);
    write_events_with_ids(&project.path("history.parquet"), &events(&mut random, "b", 60), Format::Parquet);
    let spine = (0..40).map(|_| {
        let time = at("2024-03-01") + random.below(72) as i64 * DAY;
        format!("c{},{}\n", random.below(13), onepath::time::format_time(time))
    });
    project.write("spine.csv", "customer_id,as_of\n".to_owned() + &spine.collect::<String>());
    project.clock.set(at("2024-05-01"));
    let mut store = project.open();
    let lock = store.lock_file().expect("plans");
    store.write_lock_file(&lock).expect("writes");
    store.materialize(&[], None).expect("materializes");
    project.clock.set(at("2024-05-02"));
    write_events_with_ids(&project.path("push.ndjson"), &events(&mut random, "p", 50), Format::Ndjson);
    store.ingest("events", &project.path("push.ndjson"), &Arrival::Now).expect("is taken");
    store.close();
    std::fs::remove_file(project.path("push.ndjson")).expect("removes");
    write_events_with_ids(&project.path("again.ndjson"), &history[7..9], Format::Ndjson);
    project.clock.set(as_of() + DAY);
    drop(store);
    project
}

/// What is given for a question, and what is written for a training set.
#[derive(Clone, Debug, PartialEq)]
enum Outcome {
    Values(String),
    Told(String),
}

impl Outcome {
    fn of(work: impl FnOnce() -> Result<String, String>, what: &str) -> Self {
        match catch_unwind(AssertUnwindSafe(work)) {
            Ok(Ok(values)) => Self::Values(values),
            Ok(Err(error)) => Self::Told(error),
            Err(_) => panic!("{what}: damage is no reason to panic"),
        }
    }
}

fn options(project: &Project, locking: Locking) -> OpenOptions {
    OpenOptions { locking, ..project.options() }
}

/// Pushes an event that the history has, and answers a question about every entity, by states and by a replay.
fn get(project: &Project, locking: Locking) -> Result<String, String> {
    let open = ServerOptions { open: options(project, locking), ..ServerOptions::default() };
    let server = Server::open(project.dir(), open).map_err(|error| error.to_string())?;
    let told = |error: onepath::ServerError| error.to_string();
    let ask = || -> Result<String, String> {
        let prepared = server.prepare(&FeatureSelection::Service("all".to_owned())).map_err(told)?;
        let again = server.ingest("events", &project.path("again.ndjson"), &Arrival::Now).map_err(told)?;
        let mut given = format!("{} events, {} that are there\n", again.appended, again.duplicates);
        for as_of in [as_of(), at("2024-04-15")] {
            let entities: Vec<String> = (0..13).map(|number| format!("c{number}")).collect();
            let entities: Vec<&str> = entities.iter().map(String::as_str).collect();
            let asked = prepared.request().as_of(Some(onepath::time::AsOf::from_micros(as_of)));
            let asked = asked.input("customer_id", entities).and_then(|asked| asked.build());
            let answer = server.get_online_features(&asked.map_err(|error| error.to_string())?).map_err(told)?;
            for (column, statuses) in answer.features.iter().zip(&answer.statuses) {
                for (row, status) in statuses.iter().enumerate() {
                    let value: Value = column.value(row);
                    given += &format!("{value} {} {}\n", value.hex(), status.as_str());
                }
            }
        }
        Ok(given)
    };
    let given = ask();
    server.close().map_err(|error| error.to_string())?;
    given
}

/// Makes a training set, and gives its bytes; a warning about the damage is one of the ways to name it.
fn backfill(project: &Project, locking: Locking) -> Result<String, String> {
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = Arc::clone(&told);
    let mut options = options(project, locking);
    options.warning = Arc::new(move |warning| telling.lock().expect("nobody panics").push(warning.to_owned()));
    let store =
        onepath::feature_store::FeatureStore::open(project.dir(), options).map_err(|error| error.to_string())?;
    store.backfill(&request(project)).map_err(|error| error.to_string())?;
    let told = told.lock().expect("nobody panics");
    match told.is_empty() {
        true => std::fs::read_to_string(project.path("out.csv")).map_err(|error| error.to_string()),
        false => Err(told.join("; ")),
    }
}

fn verify(project: &Project, locking: Locking) -> Result<String, String> {
    let store = onepath::feature_store::FeatureStore::open(project.dir(), options(project, locking));
    let store = store.map_err(|error| error.to_string())?;
    let report = store.verify(None).map_err(|error| error.to_string())?;
    match report.is_equal() {
        true => Ok("equal".to_owned()),
        false => Err(format!("{:?} {:?} {:?}", report.reasons, report.changed_files, report.first)),
    }
}

/// All files of a project, by their names in it.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut files, mut folders) = (BTreeMap::new(), vec![dir.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("lists") {
            let path: PathBuf = entry.expect("lists").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(dir).expect("is inside").display().to_string();
                files.insert(name, std::fs::read(&path).expect("reads"));
            }
        }
    }
    files
}

/// Puts the files back as they were.
fn put(dir: &Path, files: &BTreeMap<String, Vec<u8>>) {
    for name in self::files(dir).keys().filter(|name| !files.contains_key(*name)) {
        std::fs::remove_file(dir.join(name)).expect("removes");
    }
    for (name, bytes) in files {
        let path = dir.join(name);
        if std::fs::read(&path).ok().as_ref() != Some(bytes) {
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("makes a folder");
            std::fs::write(&path, bytes).expect("writes");
        }
    }
}

/// What became of the flips of one kind.
#[derive(Default)]
struct Tally {
    flips: usize,
    harmless: usize,
    by_get: usize,
    by_backfill: usize,
    by_verify: usize,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.flips += other.flips;
        self.harmless += other.harmless;
        self.by_get += other.by_get;
        self.by_backfill += other.by_backfill;
        self.by_verify += other.by_verify;
    }
}

/// Flips one byte, and gives what became of it.
fn flip(number: usize, seed: u64, project: &Project, kept: &BTreeMap<String, Vec<u8>>, before: &[String; 3]) -> Tally {
    let mut random = Random::new(seed.wrapping_mul(1 << 32).wrapping_add(number as u64));
    let (kind, is_of) = KINDS[number % KINDS.len()];
    let names: Vec<&String> = kept.keys().filter(|name| is_of(name)).collect();
    assert!(!names.is_empty(), "there is no file of the kind {kind}: {:?}", kept.keys());
    let name = *random.pick(&names);
    let mut flipped = kept[name].clone();
    let (place, bits) = (random.below(flipped.len()), 1 << random.below(8));
    flipped[place] ^= bits;
    // As a disk does it: the time of its last change stays what it was.
    let path = project.path(name);
    let modified = path.metadata().and_then(|file| file.modified()).expect("is there");
    std::fs::write(&path, flipped).expect("writes");
    let file = std::fs::File::options().write(true).open(&path).expect("opens");
    file.set_modified(modified).expect("sets the time");
    drop(file);
    let locking = if random.once_in(2) { Locking::Enforced } else { Locking::Free };
    let what = format!("seed {seed}, flip {number}, {locking:?}: {name}, byte {place}, bits {bits:#04x}");
    let found = [get, backfill, verify].map(|work| Outcome::of(|| work(project, locking), &what));
    let told = |at: usize| matches!(found[at], Outcome::Told(_));
    let is_same = found.iter().zip(before).all(|(found, before)| *found == Outcome::Values(before.clone()));
    assert!(
        told(0) || told(1) || told(2) || is_same,
        "{what}: other values, and nobody says why\n{found:#?}\n{before:#?}"
    );
    // A value that is served is right, unless `verify` says no. A transform that is another one makes another training set, unless
    // it is locked; serving refuses it then, and `verify` goes on with the one that served.
    let is_wrong = |at: usize| matches!(&found[at], Outcome::Values(values) if *values != before[at]);
    assert!(!is_wrong(0) || told(2), "{what}: {found:#?}");
    assert!(
        !is_wrong(1) || told(2) || (kind == "transform" && told(0) && locking == Locking::Free),
        "{what}: {found:#?}"
    );
    put(project.dir(), kept);
    let [by_get, by_backfill, by_verify] = [0, 1, 2].map(|at| usize::from(told(at)));
    Tally { flips: 1, harmless: usize::from(is_same), by_get, by_backfill, by_verify }
}

#[test]
fn a_flipped_byte_is_named_or_changes_nothing() {
    let (seed, flips) = (seed(), flips());
    println!("seed {seed}, {flips} flips");
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(flips.max(1));
    let tallies: Mutex<BTreeMap<&str, Tally>> = Mutex::default();
    let first = project(seed);
    // Once, so that everything is there that a later run finds.
    let before = [get, backfill, verify].map(|work| work(&first, Locking::Enforced).expect("nothing is damaged"));
    let kept = files(first.dir());
    drop(first);
    let work = |first: usize| {
        let project = Project::new("");
        put(project.dir(), &kept);
        project.clock.set(as_of() + DAY);
        for number in (first..flips).step_by(threads) {
            let tally = flip(number, seed, &project, &kept, &before);
            tallies
                .lock()
                .expect("the first failure ends the test")
                .entry(KINDS[number % KINDS.len()].0)
                .or_default()
                .add(&tally);
        }
    };
    std::thread::scope(|scope| {
        (0..threads).for_each(|first| {
            drop(scope.spawn({
                let work = &work;
                move || work(first)
            }))
        })
    });
    println!("{:<24}{:>8}{:>10}{:>8}{:>10}{:>8}", "flips in", "flips", "harmless", "get", "backfill", "verify");
    for (kind, tally) in tallies.into_inner().expect("no thread failed") {
        let Tally { flips, harmless, by_get, by_backfill, by_verify } = tally;
        println!("{kind:<24}{flips:>8}{harmless:>10}{by_get:>8}{by_backfill:>10}{by_verify:>8}");
    }
}

/// Who reads the files of the materialized history is told of those that are others now, also where nothing that was served
/// depends on them, and where size and time of change are those of the file that was materialized.
#[test]
fn files_that_are_not_those_that_were_materialized_are_named() {
    let project = project(3);
    project.write("gone.csv", std::fs::read(project.path("history.csv")).expect("reads"));
    project.write("onepath.toml", toml().replace("\"history.csv\"", "\"history.csv\", \"gone.csv\""));
    project.open().materialize(&[], None).expect("materializes");
    for file in ["online.sqlite", "served.sqlite"] {
        let _ = std::fs::remove_file(project.path(&format!(".onepath/{file}")));
    }
    let ran = project.run("verify");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "nothing was served yet: `onepath get` records what it serves\n"));
    let backfill = "backfill --service all --spine spine.csv --out out.csv";
    let ran = project.run(backfill);
    assert!(ran.code == 0 && !ran.stderr.contains("materialized"), "{}", ran.stderr);
    let path = project.path("history.csv");
    let modified = path.metadata().and_then(|file| file.modified()).expect("is there");
    let text = std::fs::read_to_string(&path).expect("reads");
    std::fs::write(&path, text.replacen("purchase", "purchasE", 1)).expect("writes");
    let file = std::fs::File::options().write(true).open(&path).expect("opens");
    file.set_modified(modified).expect("sets the time");
    std::fs::remove_file(project.path("gone.csv")).expect("removes");
    project.write("onepath.toml", toml());
    let ran = project.run("verify");
    expect![[r#"
        NOT as materialized: 2 files:
          the history file ./history.csv is not the one that was materialized: its bytes differ; put the old file back to verify what was served from it
          the history file ./gone.csv is not the one that was materialized: it is gone; put it back, or serve and verify after `onepath materialize` with the new files
        nothing was served yet: `onepath get` records what it serves
    "#]]
    .assert_eq(&ran.stdout);
    assert_eq!(ran.code, 1);
    let ran = project.run(backfill);
    let expected = "source events: its files are not those that were materialized: history.csv has other bytes, gone.csv is not read any \
                    more; what is served comes from the old ones: put them back, or run `onepath materialize`";
    assert!(ran.code == 0 && ran.stderr.contains(expected), "{}", ran.stderr);
    let manifest = std::fs::read_to_string(project.path("out.csv.manifest.json")).expect("was written");
    assert!(manifest.contains("history.csv has other bytes"), "{manifest}");
}
