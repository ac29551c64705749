//! What `--resume` goes on with: a run that died at any moment, whose folder was damaged in any way, gives the bytes of one that
//! nothing happened to, or says why it does not.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use onepath::feature_store::{BackfillRequest, FeatureSelection, OpenOptions, SourceOverride, SpineSource};
use onepath::time::format_time;

use crate::support::{DAY, Project, Random, at};

/// Two entities, so that there are two stages, the second of which takes what the first has answered.
const PROJECT: &str = "[project]\nname = \"p\"\n[entities.customer]\nkeys = { customer_id = \"text\" }\n[entities.shop]\n\
    keys = { shop_id = \"text\" }\n[sources.events]\nentities = [\"customer\", \"shop\"]\nfiles = [\"e.csv\"]\n\
    event_time = \"ts\"\n[views.activity]\nentity = \"customer\"\nsources = [\"events\"]\ntransform = \"CHURN\"\n\
    [views.shops]\nentity = \"shop\"\nsources = [\"events\"]\ntransform = \"CHURN\"\n\
    [views.cart]\ninputs = [\"activity:purchase_count_30d\", \"request:cart_value\"]\ntransform = \"CART\"\n\
    [views.weigh]\ninputs = [\"cart:cart_per_purchase\", \"shops:purchase_count_30d as shop_purchases\"]\ntransform = \"WEIGH\"\n\
    [services.all]\nfeatures = [\"weigh:*\", \"shops:purchase_count_30d\", \"cart:cart_per_purchase\", \"activity:*\"]\n";

const PARTIAL: &str = "out.csv.partial";

/// How many damages are tried; the environment may ask for more.
fn damages() -> usize {
    std::env::var("ONEPATH_DAMAGES").ok().and_then(|text| text.parse().ok()).unwrap_or(150)
}

fn kills() -> usize {
    std::env::var("ONEPATH_KILL_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(6)
}

fn seed() -> u64 {
    std::env::var("ONEPATH_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(7)
}

fn project(seed: u64, rows: usize) -> Project {
    let (project, mut random) = (Project::new(PROJECT), Random::new(seed));
    let mut events = "customer_id,shop_id,ts,event_type,amount\n".to_owned();
    let mut spine = "customer_id,shop_id,as_of,cart_value,label\n".to_owned();
    for row in 0..rows {
        let (customer, shop) = (random.below(30), random.below(20));
        let time = at("2024-01-01") + random.below(100) as i64 * DAY + random.below(1_000) as i64;
        let kind = random.pick::<&str>(&["purchase", "purchase", "view", "return"]);
        events += &format!("c{customer},s{shop},{},{kind},{}.5\n", format_time(time), random.below(90));
        let (customer, shop) = (random.below(32), random.below(22));
        let time = at("2024-01-01") + random.below(110) as i64 * DAY;
        spine += &format!("c{customer},s{shop},{},{}.25,{row}\n", format_time(time), random.below(500));
    }
    project.write("e.csv", events);
    project.write("spine.csv", spine);
    project
}

fn request(project: &Project, resume: bool) -> BackfillRequest {
    BackfillRequest {
        selection: FeatureSelection::Service("all".to_owned()),
        spine: SpineSource::File { path: project.path("spine.csv"), as_of_column: None, as_of_unit: None },
        out: project.path("out.csv"),
        overrides: Vec::new(),
        full_feature_names: true,
        resume,
    }
}

fn written(project: &Project) -> (String, String) {
    let read = |name: &str| std::fs::read_to_string(project.path(name)).expect("was written");
    (read("out.csv"), read("out.csv.manifest.json"))
}

/// The files of a folder, by name.
type Files = BTreeMap<String, Vec<u8>>;

fn files(folder: &Path) -> Files {
    let read = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.expect("lists").path();
        (path.file_name().expect("a name").to_string_lossy().into_owned(), std::fs::read(&path).expect("reads"))
    };
    std::fs::read_dir(folder).map(|entries| entries.map(read).collect()).unwrap_or_default()
}

fn put(folder: &Path, files: &Files) {
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder).expect("makes a folder");
    files.iter().for_each(|(name, bytes)| std::fs::write(folder.join(name), bytes).expect("writes"));
}

/// Runs until so many rows were evaluated, and dies there.
fn die_after(project: &Project, rows: u64) {
    let seen = AtomicU64::new(0);
    let store = project.open_with(|options| {
        options.progress = Arc::new(move |evaluated| {
            assert!(seen.fetch_add(evaluated, Ordering::SeqCst) + evaluated < rows, "the process dies");
        });
    });
    let died = catch_unwind(AssertUnwindSafe(|| drop(store.backfill(&request(project, true)))));
    assert!(died.is_err(), "it died after {rows} rows");
}

/// Goes on with what is there, and gives what was told.
fn resume(project: &Project, change: impl FnOnce(&mut OpenOptions)) -> Result<Vec<String>, String> {
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = Arc::clone(&told);
    let store = project.open_with(|options| {
        options.warning = Arc::new(move |warning| telling.lock().expect("nobody panics").push(warning.to_owned()));
        change(options);
    });
    let backfill = || store.backfill(&request(project, true)).map_err(|error| error.to_string());
    let ran = catch_unwind(AssertUnwindSafe(backfill));
    let ran = ran.unwrap_or_else(|_| panic!("damage is no reason to panic"));
    let told = told.lock().expect("nobody panics").clone();
    ran.map(|_| told)
}

/// Does something to the files of a run that died, and says what.
fn damage(random: &mut Random, files: &mut Files, other: &Files) -> String {
    let journal = "journal.ndjson".to_owned();
    let names: Vec<String> = files.keys().filter(|name| *name != "lock").cloned().collect();
    let name = if random.once_in(3) { journal.clone() } else { random.pick(&names).clone() };
    let bytes = files.get_mut(&name).expect("is there");
    let place = random.below(bytes.len().max(1));
    if name == journal && random.once_in(2) {
        let mut lines: Vec<Vec<u8>> = bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
        let line = random.below(lines.len());
        let what = match random.below(4) {
            0 => {
                lines.insert(random.below(lines.len() + 1), lines[line].clone());
                "a line twice"
            }
            1 => {
                lines.remove(line);
                "without a line"
            }
            2 => {
                let swapped = random.below(lines.len());
                lines.swap(line, swapped);
                "two lines swapped"
            }
            _ => {
                let others = other[&journal].split_inclusive(|byte| *byte == b'\n').skip(1);
                lines.extend(others.map(<[u8]>::to_vec));
                "with the lines of another run"
            }
        };
        *bytes = lines.concat();
        return format!("{name} {what}");
    }
    let what = match random.below(9) {
        0 | 1 if !bytes.is_empty() => {
            let bit = random.below(8);
            bytes[place] ^= 1 << bit;
            format!("bit {bit} of byte {place} flipped")
        }
        2 => {
            bytes.truncate(place);
            format!("cut at {place}")
        }
        3 => {
            bytes.extend_from_slice(b"\nmore");
            "longer".to_owned()
        }
        4 => {
            let end = (place + 4_096).min(bytes.len());
            bytes[place.min(end)..end].fill(0);
            format!("zeros from {place} on")
        }
        5 => {
            let twice = bytes.clone();
            bytes.extend(twice);
            "twice".to_owned()
        }
        6 if other.contains_key(&name) => {
            bytes.clone_from(&other[&name]);
            "of another run".to_owned()
        }
        7 => {
            let with = random.pick(&names).clone();
            let (one, two) = (files[&name].clone(), files[&with].clone());
            files.insert(name.clone(), two);
            files.insert(with.clone(), one);
            format!("swapped with {with}")
        }
        _ => {
            files.remove(&name);
            "removed".to_owned()
        }
    };
    format!("{name} {what}")
}

#[test]
fn whatever_is_damaged_is_told_and_done_again() {
    let (seed, damages) = (seed(), damages());
    println!("seed {seed}, {damages} damages");
    let project = project(seed, 300);
    let partial = project.path(PARTIAL);
    project.open().backfill(&request(&project, false)).expect("runs");
    let expected = written(&project);
    let all = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&all);
    resume(&project, |options| {
        options.progress = Arc::new(move |rows| {
            counted.fetch_add(rows, Ordering::SeqCst);
        });
    })
    .expect("runs");
    assert!(written(&project) == expected);
    // Runs that died in either stage, and one that was all but at its end. Another run of another spine died as well.
    let rows = all.load(Ordering::SeqCst);
    let stages: Vec<Files> = [2, rows / 4, rows / 2, rows * 3 / 4, rows]
        .into_iter()
        .map(|deaths| {
            let _ = std::fs::remove_dir_all(&partial);
            die_after(&project, deaths);
            files(&partial)
        })
        .collect();
    assert!(stages.iter().skip(1).any(|files| files.keys().any(|name| name.starts_with("1-spine"))));
    let other = self::project(seed + 1, 300);
    die_after(&other, rows * 3 / 4);
    let other = files(&other.path(PARTIAL));
    let (mut random, mut told, mut refused) = (Random::new(seed), 0, 0);
    for number in 0..damages {
        let stage = random.below(stages.len());
        let mut files = stages[stage].clone();
        let what = damage(&mut random, &mut files, &other);
        put(&partial, &files);
        for out in ["out.csv", "out.csv.manifest.json"] {
            let _ = std::fs::remove_file(project.path(out));
        }
        let what = format!("seed {seed}, damage {number}, stage {stage}: {what}");
        let threads = 1 + random.below(2);
        match resume(&project, |options| options.threads = threads) {
            Ok(warnings) => {
                assert!(written(&project) == expected, "{what}: another training set; {warnings:?}");
                assert!(!partial.exists(), "{what}");
                told += usize::from(!warnings.is_empty());
            }
            Err(error) => {
                // The beginning of another run is no damage: it says what that run began with.
                assert!(what.contains("of another run") && error.contains("was begun with another"), "{what}: {error}");
                refused += 1;
            }
        }
    }
    println!("{told} of {damages} were told, {refused} refused");
    assert!(told * 3 > damages, "{told} of {damages} were told");
}

#[test]
fn it_says_what_is_done_again() {
    let project = project(3, 200);
    let partial = project.path(PARTIAL);
    project.open().backfill(&request(&project, false)).expect("runs");
    let expected = written(&project);
    die_after(&project, 1_000);
    let before = files(&partial);
    let answers: Vec<&String> = before.keys().filter(|name| name.contains("answers")).collect();
    assert!(answers.len() > 2, "{:?}", before.keys());
    let hidden = |warnings: Vec<String>| {
        let dir = project.dir().display().to_string();
        warnings.into_iter().map(|warning| warning.replace(&dir, "DIR")).collect::<Vec<_>>()
    };
    let told = |files: &Files| {
        put(&partial, files);
        let warnings = resume(&project, |_| {}).expect("goes on");
        assert!(written(&project) == expected);
        hidden(warnings)
    };
    assert_eq!(told(&before), [""; 0], "a run that only died has nothing to tell");
    let mut files = before.clone();
    let last = files.get_mut(answers[0]).expect("is there").last_mut().expect("has bytes");
    *last ^= 1;
    files.remove(answers[1]);
    let expected_names = format!("{}, {}", answers[0], answers[1]);
    assert_eq!(
        told(&files),
        [format!(
            "DIR/{PARTIAL}: files that are not as they were written, or are gone: 2, {expected_names}; what is in them is made again"
        )]
    );
    let mut files = before.clone();
    let journal = files.get_mut("journal.ndjson").expect("is there");
    // A line that the end of a process cut short was never said to be there.
    journal.extend_from_slice(b"{\"format\":2,\"checksum\":\"0123");
    assert_eq!(told(&files), [""; 0]);
    let mut files = before.clone();
    let journal = files.get_mut("journal.ndjson").expect("is there");
    let place = journal.len() - 9;
    journal[place] ^= 1;
    // What the last partition was made of went when it was done.
    let warnings = told(&files);
    assert_eq!(
        warnings[0],
        format!(
            "DIR/{PARTIAL}/journal.ndjson: 1 of its lines are not as they were written; what they told of is done again"
        )
    );
    assert!(warnings.len() == 2 && warnings[1].contains("or are gone"), "{warnings:?}");
    let mut files = before;
    files.get_mut("journal.ndjson").expect("is there")[30] ^= 1;
    assert_eq!(
        told(&files),
        [format!("DIR/{PARTIAL}/journal.ndjson: it does not begin as it was written; all is done again")]
    );
}

/// What decides the output and is not a file: other inputs of the same size and time, other files for a source, a log that
/// began meanwhile.
#[test]
fn what_decides_the_output_is_part_of_what_was_begun() {
    let project = project(5, 200);
    let partial = project.path(PARTIAL);
    project.open().backfill(&request(&project, false)).expect("runs");
    let expected = written(&project);
    die_after(&project, 1_000);
    let before = files(&partial);
    // The same file for a source that has it already: what was pushed would not be read any more.
    let overrides = vec![SourceOverride { source: "events".to_owned(), files: vec![project.path("e.csv")] }];
    let error = project.open().backfill(&BackfillRequest { overrides, ..request(&project, true) });
    let error = error.expect_err("is refused").to_string();
    assert!(error.contains("begun with other features or options"), "{error}");
    // What is pushed while it is dead is not seen, for it was not.
    project.write("push.ndjson", "{\"customer_id\": \"c1\", \"shop_id\": \"s1\", \"ts\": \"2024-01-05\", \"event_type\": \"purchase\", \"amount\": 5}\n");
    let mut session = project.open();
    session.ingest("events", &project.path("push.ndjson"), &onepath::events::Arrival::EventTime).expect("is taken");
    drop(session);
    put(&partial, &before);
    resume(&project, |_| {}).expect("goes on");
    assert!(written(&project) == expected, "a run sees the log that it saw");
    // And a run that saw a log does not go on with another one.
    die_after(&project, 1_000);
    for file in std::fs::read_dir(project.path(".onepath")).expect("lists").filter_map(Result::ok) {
        if file.file_name().to_string_lossy().contains("sqlite") {
            std::fs::remove_file(file.path()).expect("removes");
        }
    }
    let mut session = project.open();
    session.ingest("events", &project.path("push.ndjson"), &onepath::events::Arrival::EventTime).expect("is taken");
    drop(session);
    let error = resume(&project, |_| {}).expect_err("another log");
    assert!(error.contains("was begun with another event log"), "{error}");
    std::fs::remove_dir_all(&partial).expect("removes");
    // A file of the same size and time of change, but other bytes.
    die_after(&project, 1_000);
    let path = project.path("e.csv");
    let (text, time) = (std::fs::read_to_string(&path).expect("reads"), path.metadata().and_then(|at| at.modified()));
    std::fs::write(&path, text.replacen("purchase", "purchasE", 1)).expect("writes");
    let file = std::fs::File::options().write(true).open(&path).expect("opens");
    file.set_modified(time.expect("is there")).expect("sets the time");
    let error = resume(&project, |_| {}).expect_err("another file");
    assert!(error.contains("e.csv: its size or time has changed since"), "{error}");
}

/// A process that is killed at any moment, again and again, comes to its end.
#[test]
fn killed_at_any_moment_it_goes_on() {
    let (seed, kills) = (seed(), kills());
    println!("seed {seed}, {kills} kills");
    let mut random = Random::new(seed);
    let project = project(seed, 4_000);
    let backfill =
        "backfill --service all --spine spine.csv --out out.csv --full-feature-names --threads 2 --batch-rows 64";
    let start = std::time::Instant::now();
    assert_eq!(project.run(backfill).code, 0);
    let whole = start.elapsed();
    let expected = written(&project);
    let mut killed = 0;
    while killed < kills {
        for out in ["out.csv", "out.csv.manifest.json"] {
            let _ = std::fs::remove_file(project.path(out));
        }
        let mut command = Command::new(env!("CARGO_BIN_EXE_onepath"));
        command.args(backfill.split(' ')).arg("--resume").current_dir(project.dir());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts");
        std::thread::park_timeout(whole * random.below(150) as u32 / 100 + Duration::from_millis(5));
        child.kill().expect("is its parent");
        let status = child.wait().expect("ends");
        killed += 1;
        if status.success() {
            assert!(written(&project) == expected, "seed {seed}, after {killed} kills");
        }
    }
    let ran = project.run(&format!("{backfill} --resume"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(!ran.stderr.contains("not as"), "{}", ran.stderr);
    assert!(written(&project) == expected, "seed {seed}, after {killed} kills");
    assert!(!project.path(PARTIAL).exists());
}
