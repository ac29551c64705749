//! Files that are taken away under a server, a terminal that closes, and few files that may be open.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use super::{good, project, purchases, push};
use crate::support::http::Client;
use crate::support::{Project, Random, Served};

/// What is done to the files of a running server, by name, and which file its words name.
type Taking = (&'static str, &'static str, fn(&Path));

const TAKINGS: [Taking; 13] = [
    ("rm -rf .onepath", "is gone", |dir| std::fs::remove_dir_all(dir).expect("removes")),
    ("the folder moved away", "log.sqlite is gone", |dir| {
        std::fs::rename(dir, dir.with_extension("elsewhere")).expect("moves");
    }),
    ("the old recipe: rm .onepath/*.sqlite*", "is gone", |dir| {
        for entry in std::fs::read_dir(dir).expect("lists") {
            let path = entry.expect("lists").path();
            if path.is_file() {
                std::fs::remove_file(path).expect("removes");
            }
        }
    }),
    ("log removed", "log.sqlite is gone", |dir| remove(dir, "log.sqlite")),
    ("log's tail removed", "log.sqlite-wal is gone", |dir| remove(dir, "log.sqlite-wal")),
    ("log's index removed", "log.sqlite-shm is gone", |dir| remove(dir, "log.sqlite-shm")),
    ("log replaced", "log.sqlite was replaced", |dir| replace(dir, "log.sqlite")),
    ("log written over", "log.sqlite was replaced", |dir| write_over(dir, "log.sqlite")),
    ("states removed", "online.sqlite is gone", |dir| remove(dir, "online.sqlite")),
    ("states replaced", "online.sqlite was replaced", |dir| replace(dir, "online.sqlite")),
    ("states written over", "online.sqlite was replaced", |dir| write_over(dir, "online.sqlite")),
    ("served removed", "served.sqlite is gone", |dir| remove(dir, "served.sqlite")),
    ("served replaced", "served.sqlite was replaced", |dir| replace(dir, "served.sqlite")),
];

fn remove(dir: &Path, name: &str) {
    std::fs::remove_file(dir.join(name)).expect("removes");
}

/// Another file under the same name.
fn replace(dir: &Path, name: &str) {
    std::fs::copy(dir.join("earlier").join(name), dir.join("other")).expect("copies");
    std::fs::rename(dir.join("other"), dir.join(name)).expect("replaces");
}

/// Other content in the same file, as `cp` puts it there.
fn write_over(dir: &Path, name: &str) {
    std::fs::copy(dir.join("earlier").join(name), dir.join(name)).expect("copies");
}

/// The status of an answer about a customer, and what is said of a feature.
fn asked(client: &mut Client, customer: &str) -> (u16, String) {
    let body = json!({"entities": {"customer_id": [customer]}, "feature_service": "churn_v1"});
    let reply = client.post("/get-online-features", body.to_string()).expect("answers");
    (reply.status, reply.text().to_owned())
}

fn pushed(client: &mut Client, customer: &str) -> (u16, String) {
    let body = json!({"push_source_name": "events", "df": purchases(customer, &[1.0])});
    let reply = client.post("/push", body.to_string()).expect("answers");
    (reply.status, reply.text().to_owned())
}

/// A project with the stores of an earlier moment in `.onepath/earlier`, for those that are put in the place of newer ones.
fn with_earlier() -> Project {
    let project = project();
    let served = Served::start(&project, "");
    push(&mut served.client(), &purchases("earlier", &[1.0]));
    assert_eq!(served.stop(&project).code, 0);
    for name in ["log.sqlite", "online.sqlite", "served.sqlite"] {
        let bytes = std::fs::read(project.path(&format!(".onepath/{name}"))).expect("reads");
        project.write(&format!(".onepath/earlier/{name}"), bytes);
    }
    project
}

/// In each case, whatever comes first afterwards: nothing is acknowledged that is not in the file that is named, nobody who is
/// known is told to be unknown, a second process is refused, and the server says why and goes no further.
#[test]
fn a_server_whose_files_are_taken_away_says_so_and_acknowledges_nothing() {
    let seed = std::env::var("ONEPATH_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(11);
    println!("seed {seed}");
    let mut random = Random::new(seed);
    for (what, words, take) in TAKINGS {
        let project = with_earlier();
        // No states in memory: each question reads the online store.
        let served = Served::start(&project, "--cache-bytes-max 0");
        let mut client = served.client();
        let customers = ["c1", "c2", "c3"];
        customers.iter().for_each(|customer| push(&mut client, &purchases(customer, &[10.0])));
        let asked_before: Vec<_> = customers.iter().map(|customer| asked(&mut client, customer)).collect();
        assert!(asked_before.iter().all(|(status, text)| *status == 200 && text.contains("PRESENT")), "{what}");
        take(&project.path(".onepath"));
        let first = random.below(3);
        let what = format!("{what}, seed {seed}, first {first}");
        match first {
            0 => {}
            1 => {
                let (status, text) = asked(&mut client, customers[random.below(3)]);
                assert!(status == 503 || (status == 200 && !text.contains("NOT_FOUND")), "{what}: {status} {text}");
            }
            // Without a push or a question it is noticed too.
            _ => {
                let started = std::time::Instant::now();
                while client.get("/ready").expect("answers").status != 503 {
                    assert!(started.elapsed() < std::time::Duration::from_secs(20), "{what}: it is never noticed");
                }
            }
        }
        let (status, text) = pushed(&mut client, "c9");
        assert!(status == 503 && text.contains(words), "{what}: {status} {text}");
        for customer in customers {
            let (status, text) = asked(&mut client, customer);
            assert!(status == 503 && text.contains("cannot go on"), "{what}: {status} {text}");
        }
        let ready = client.get("/ready").expect("answers");
        assert!(ready.status == 503 && ready.text().contains(words), "{what}: {}", ready.text());
        assert_eq!(client.get("/health").expect("answers").status, 200, "{what}");
        for command in ["ingest --source events nothing.ndjson", "materialize", "reset --yes"] {
            let ran = project.run(command);
            assert_eq!(ran.code, 4, "{what}, {command}: {}{}", ran.stdout, ran.stderr);
            assert!(ran.stderr.contains("another onepath process is writing"), "{what}: {}", ran.stderr);
        }
        let ran = served.stop(&project);
        assert!(ran.code == 3 && ran.stderr.contains(words), "{what}: {} {}", ran.code, ran.stderr);
    }
}

/// What was acknowledged before is there when the file is put back.
#[test]
fn a_folder_that_was_moved_away_and_back_has_what_was_acknowledged() {
    let project = project();
    let served = Served::start(&project, "");
    let mut client = served.client();
    push(&mut client, &purchases("c1", &[1.0, 2.0]));
    std::fs::rename(project.path(".onepath"), project.path("elsewhere")).expect("moves");
    assert_eq!(pushed(&mut client, "c2").0, 503);
    std::fs::rename(project.path("elsewhere"), project.path(".onepath")).expect("moves");
    // Until it is started again it takes nothing: what happened meanwhile is not known to it.
    assert_eq!(pushed(&mut client, "c2").0, 503);
    assert_eq!(served.stop(&project).code, 3);
    let served = Served::start(&project, "");
    let body = json!({"entities": {"customer_id": ["c1", "c2"]}, "feature_service": "churn_v1"});
    let answer = good(&mut served.client(), "/get-online-features", &body);
    assert_eq!(answer["results"][1]["values"], json!([2, 0]));
    assert_eq!(answer["results"][1]["statuses"], json!(["PRESENT", "NOT_FOUND"]));
    assert_eq!(served.stop(&project).code, 0);
    super::verified(&project);
}

/// Two projects whose stores are one, by a link to the folder or to the file, are not both written.
#[test]
fn stores_that_two_projects_have_in_common_have_one_writer() {
    let (one, other, third) = (project(), project(), project());
    let served = Served::start(&one, "");
    std::fs::remove_dir_all(other.path(".onepath")).expect("removes");
    std::os::unix::fs::symlink(one.path(".onepath"), other.path(".onepath")).expect("a link");
    std::os::unix::fs::symlink(one.path(".onepath/log.sqlite"), third.path(".onepath/log.sqlite")).expect("a link");
    for project in [&other, &third] {
        let ran = project.run("get --service churn_v1 --entity customer_id=c1");
        assert_eq!(ran.code, 4, "{}{}", ran.stdout, ran.stderr);
    }
    assert_eq!(served.stop(&one).code, 0);
}

#[test]
fn a_terminal_that_closes_ends_nothing() {
    let project = project();
    let served = Served::start(&project, "");
    let mut client = served.client();
    served.signal("HUP");
    served.signal("HUP");
    push(&mut client, &purchases("c1", &[1.0]));
    assert_eq!(asked(&mut client, "c1").0, 200);
    let ran = served.stop(&project);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("SIGHUP: serving goes on"), "{}", ran.stderr);
    super::verified(&project);
}

/// A server whose standard error is gone, as a terminal is that was closed, goes on where it has something to log.
#[test]
fn a_standard_error_that_is_gone_ends_nothing() {
    let project = project();
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let served = Served::start_with_stderr(&project, "--log debug", Stdio::from(writer));
    drop(reader);
    let mut client = served.client();
    served.signal("HUP");
    for customer in ["c1", "c2"] {
        push(&mut client, &purchases(customer, &[1.0]));
        assert_eq!(asked(&mut client, customer).0, 200);
    }
    served.terminate();
    assert!(client.is_closed());
}

/// With each limit of open files a command works, or says in words what to do.
#[test]
fn few_open_files_are_told_in_words() {
    let project = project();
    project.write(
        "one.ndjson",
        "{\"id\":\"1\",\"customer_id\":\"c1\",\"event_type\":\"e\",\"amount\":1.0,\"at\":\"2024-01-01T00:00:00Z\"}\n",
    );
    let ran = project.run("ingest --source events one.ndjson");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let limited = |limit: usize, words: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -n \"$1\"; shift; exec \"$@\"", "sh", &limit.to_string()]);
        command.arg(env!("CARGO_BIN_EXE_onepath")).args(words.split_whitespace()).current_dir(project.dir());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(Stdio::null()).spawn().expect("starts")
    };
    let (mut failed, mut worked) = (0, 0);
    for limit in (4..=44).step_by(2).chain([25, 27, 29]) {
        for words in ["get --service churn_v1 --entity customer_id=c1", "verify", "serve --listen 127.0.0.1:0"] {
            let mut child = limited(limit, words);
            let mut first = [0; 1];
            let prints = child.stdout.as_mut().expect("is piped").read(&mut first).expect("reads") > 0;
            if words.starts_with("serve") && prints {
                child.kill().expect("kills");
            }
            let output = child.wait_with_output().expect("ends");
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(!told.contains("panicked"), "{words} with {limit}: {told}");
            if prints {
                worked += 1;
                continue;
            }
            failed += 1;
            assert!(matches!(output.status.code(), Some(2 | 3)), "{words} with {limit}: {:?} {told}", output.status);
            assert!(told.contains("ulimit -n"), "{words} with {limit}: {told}");
        }
    }
    assert!(failed > 5 && worked > 5, "{failed} failed, {worked} worked");
}
