//! A serving process is killed at random moments under load, and nothing that it acknowledged is lost or applied twice.
//!
//! The process is `examples/embed`, the one that a reader of the documentation would write.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use onepath::batch::Value;
use onepath::log::{Log, LogError, SqliteLog};
use serde_json::Value as Json;

use super::{TWO_VIEWS, ask, open_now, prepare, texts};
use crate::support::{Project, Random};

/// How often the process is killed; the environment may ask for more.
fn rounds() -> usize {
    std::env::var("ONEPATH_KILL_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(5)
}

fn seed() -> u64 {
    std::env::var("ONEPATH_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(7)
}

/// The example, which cargo builds with the tests.
fn embed() -> PathBuf {
    let binaries = Path::new(env!("CARGO_BIN_EXE_onepath")).parent().expect("a folder of binaries");
    let path = binaries.join("examples").join("embed");
    assert!(path.exists(), "{} is not built: run `cargo build --release -p onepath --examples`", path.display());
    path
}

fn start(project: &Project, limit: Option<&str>) -> Child {
    let mut command = match limit {
        None => Command::new(embed()),
        // A file that would grow beyond the limit cannot be written any more, as on a full disk.
        Some(blocks) => {
            let mut shell = Command::new("sh");
            shell.args(["-c", "trap '' XFSZ; ulimit -f \"$1\"; exec \"$2\" \"$3\"", "sh", blocks]).arg(embed());
            shell
        }
    };
    command.arg(project.dir()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    command.spawn().expect("the example starts")
}

/// One push of events with these ids, each with a note of so many bytes.
fn push_line(request: u64, ids: std::ops::Range<u64>, filler: usize) -> String {
    let note = "x".repeat(filler);
    let event = |id: u64| {
        format!(
            "{{\"event_id\":\"{id}\",\"customer_id\":\"c{}\",\"event_type\":\"e\",\"amount\":{id}.0,\"note\":\"{note}\",\
             \"event_timestamp\":\"2024-01-01T00:00:00Z\"}}",
            id % 17
        )
    };
    let events: Vec<String> = ids.map(event).collect();
    format!("{{\"id\":{request},\"push\":\"events\",\"events\":[{}]}}\n", events.join(","))
}

/// Writes requests until the process is gone: mostly pushes, some of them twice, and questions between them.
fn load(mut stdin: ChildStdin, mut random: Random, mut next: u64) -> (u64, BTreeMap<u64, std::ops::Range<u64>>) {
    let (mut pushes, mut request) = (BTreeMap::new(), 0);
    let mut last = next..next;
    loop {
        request += 1;
        let line = match random.below(10) {
            0 => format!("{{\"id\":{request},\"get\":\"all\",\"customer_id\":\"c{}\"}}\n", random.below(17)),
            1 => {
                pushes.insert(request, last.clone());
                push_line(request, last.clone(), 10)
            }
            _ => {
                last = next..next + 1 + random.below(20) as u64;
                next = last.end;
                pushes.insert(request, last.clone());
                push_line(request, last.clone(), 10)
            }
        };
        if stdin.write_all(line.as_bytes()).and_then(|()| stdin.flush()).is_err() {
            return (next, pushes);
        }
    }
}

/// The ids of the events in the log, each with how often it is there. The states, which count events, must hold as many; that
/// they hold the same is for `verify` to say.
fn applied(project: &Project, what: &str) -> BTreeMap<u64, usize> {
    let server = open_now(project);
    let entities: Vec<String> = (0..17).map(|number| format!("c{number}")).collect();
    let inputs = [texts(entities.iter().map(String::as_str))];
    let answer = ask(&server, &prepare(&server, "all"), &inputs, None).expect("answers");
    server.close().expect("closes");
    let log = SqliteLog::open_read_only(&project.path(".onepath/log.sqlite")).expect("opens").expect("is there");
    let log = log.reader().expect("opens");
    let (mut applied, mut events) = (BTreeMap::new(), 0);
    log.each("events", 0, u64::MAX, |event| {
        let fields: Json = serde_json::from_str(&event.fields).expect("is JSON");
        *applied.entry(fields["event_id"].as_str().and_then(|id| id.parse().ok()).expect("an id")).or_insert(0) += 1;
        events += 1;
        assert_eq!(event.offset, events, "{what}: offsets have no gaps");
        Ok::<(), LogError>(())
    })
    .expect("reads");
    let counts = (0..17).map(|row| match answer.features[4].value(row) {
        Value::Int64(count) => u64::try_from(count).expect("a count"),
        value => panic!("{what}: {value} is no count"),
    });
    assert_eq!((counts.sum::<u64>(), answer.offset), (events, events), "{what}: events of the states and of the log");
    applied
}

fn assert_once(applied: &BTreeMap<u64, usize>, acknowledged: &BTreeSet<u64>, what: &str) {
    let lost: Vec<&u64> = acknowledged.iter().filter(|id| !applied.contains_key(id)).collect();
    let twice: Vec<_> = applied.iter().filter(|(_, times)| **times != 1).collect();
    assert!(lost.is_empty() && twice.is_empty(), "{what}: lost {lost:?}, applied more than once {twice:?}");
}

fn assert_equal(project: &Project, what: &str) {
    let report = project.open().verify(None).expect("verifies");
    assert!(report.is_equal(), "{what}: {:#?} {:?}", report.first, report.reasons);
}

#[test]
fn killed_at_any_moment_nothing_acknowledged_is_lost_or_applied_twice() {
    let (seed, rounds) = (seed(), rounds());
    println!("seed {seed}, {rounds} rounds");
    let mut random = Random::new(seed);
    let mut project = Project::new(TWO_VIEWS);
    let (mut acknowledged, mut next, mut total) = (BTreeSet::new(), 0, 0);
    for round in 0..rounds {
        let what = format!("seed {seed}, round {round}");
        // A trail grows without end, so from time to time the story begins anew.
        if round % 10 == 9 {
            (project, next) = (Project::new(TWO_VIEWS), 0);
            acknowledged.clear();
        }
        let mut child = start(&project, None);
        let (stdin, stdout) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        let load_random = Random::new(random.next());
        let loading = std::thread::spawn(move || load(stdin, load_random, next));
        // It is killed after so many answers and a little later, so that every part of a commit is met.
        let (answers, pause_us) = (random.below(120), random.below(12_000) as u64);
        let mut lines = BufReader::new(stdout).lines();
        let mut answered: Vec<Json> = Vec::new();
        let mut read = |line: Option<std::io::Result<String>>| match line {
            Some(Ok(line)) => serde_json::from_str(&line).map(|answer| answered.push(answer)).is_ok(),
            _ => false,
        };
        for _ in 0..answers {
            assert!(read(lines.next()), "{what}: the process ended by itself");
        }
        std::thread::park_timeout(Duration::from_micros(pause_us));
        child.kill().expect("kills");
        while read(lines.next()) {}
        child.wait().expect("is gone");
        let (after, pushes) = loading.join().expect("no panic");
        next = after;
        for answer in &answered {
            assert!(answer.get("error").is_none(), "{what}: {answer}");
            if answer.get("appended").is_some() {
                acknowledged.extend(pushes[&answer["id"].as_u64().expect("a number")].clone());
            }
        }
        total += answered.len();
        let applied = applied(&project, &what);
        assert_once(&applied, &acknowledged, &what);
        assert_equal(&project, &what);
    }
    println!(
        "killed {rounds} times after {total} answers: nothing lost, nothing twice, every state and vector equal to a replay"
    );
}

/// Pushes until the disk is full: an error, what was acknowledged stays, questions are answered, and with room it goes on.
#[test]
fn a_full_disk_is_an_error_and_loses_nothing() {
    let project = Project::new(TWO_VIEWS);
    drop(open_now(&project));
    // Blocks of 512 or 1,024 bytes, as the shell counts them: one or two megabytes a file. Compiled code is there already.
    let mut child = start(&project, Some("2048"));
    let mut stdin = child.stdin.take().expect("a pipe");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let mut ask = |line: String| -> Json {
        stdin.write_all(line.as_bytes()).expect("takes a line");
        serde_json::from_str(&lines.next().expect("answers").expect("reads")).expect("is JSON")
    };
    let (mut acknowledged, mut refused) = (BTreeSet::new(), Vec::new());
    for request in 0..1_000 {
        let ids = request * 10..request * 10 + 10;
        let answer = ask(push_line(request, ids.clone(), 2_000));
        match answer["error"].as_str() {
            None => acknowledged.extend(ids),
            Some(error) => refused.push(error.to_owned()),
        }
        if refused.len() == 3 {
            break;
        }
    }
    assert_eq!(refused.len(), 3, "the disk was never full");
    let told = |error: &String| error.contains("the event log") && error.contains("lift the limit");
    assert!(refused.iter().all(told), "{refused:?}");
    let answer = ask("{\"id\":1,\"get\":\"all\",\"customer_id\":\"c1\"}\n".to_owned());
    assert!(answer.get("features").is_some(), "{answer}");
    child.kill().expect("kills");
    child.wait().expect("is gone");
    assert_once(&applied(&project, "after a full disk"), &acknowledged, "after a full disk");
    assert!(acknowledged.len() > 100, "{}", acknowledged.len());
    let mut child = start(&project, None);
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(push_line(1, 900_000..900_010, 10).as_bytes()).expect("takes a line");
    drop(stdin);
    let answer = BufReader::new(child.stdout.take().expect("a pipe")).lines().next().expect("answers").expect("reads");
    assert!(answer.contains("\"appended\":10"), "{answer}");
    assert!(child.wait().expect("ends").success());
    acknowledged.extend(900_000..900_010);
    assert_once(&applied(&project, "with room again"), &acknowledged, "with room again");
    assert_equal(&project, "with room again");
}
