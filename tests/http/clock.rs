//! A serving process under a clock that somebody sets. A library that is put before the C library's shifts it, where there is a C
//! compiler to build it.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{good, project, purchases, push};
use crate::support::http::Client;
use crate::support::{Machine, Project, SECOND, Served};

/// A machine whose clock is shifted for the servers of a project; `None` where none can be made.
struct Shifted<'a> {
    project: &'a Project,
    machine: Machine,
}

impl<'a> Shifted<'a> {
    fn new(project: &'a Project) -> Option<Self> {
        Some(Self { project, machine: Machine::new()? })
    }

    /// Shifts the clock of all servers by so many seconds from now on.
    fn by(&self, seconds: i64) {
        self.machine.clock_is_ahead(seconds * SECOND);
    }

    fn serve(&self) -> Served {
        Served::start_with(self.project, "", |command| self.machine.preload(command))
    }
}

/// The as-of of an answer of now, in seconds ahead of the machine's clock.
fn ahead(client: &mut Client) -> i64 {
    let body = json!({"service": "churn_v1", "inputs": {"customer_id": ["c1", "c2"]}});
    let answer = good(client, "/v1/features", &body);
    let as_of = onepath::time::parse_time(answer["as_of"].as_str().expect("a time")).expect("a time");
    (as_of - onepath::time::Clock::now(&onepath::time::SystemClock)) / 1_000_000
}

#[test]
fn a_clock_that_was_ahead_when_a_server_was_killed_is_repaired() {
    let project = project();
    let Some(shifted) = Shifted::new(&project) else { return };
    shifted.by(3_600);
    let server = shifted.serve();
    let mut client = server.client();
    push(&mut client, &purchases("c1", &[1.0, 2.0]));
    assert!((3_590..3_610).contains(&ahead(&mut client)));
    // What is recorded is recorded off the path of requests: it is there with the next clean end. This one is killed.
    server.kill();
    shifted.by(0);
    for command in ["serve --listen 127.0.0.1:0", "get --service churn_v1 --entity customer_id=c1", "materialize"] {
        let ran = project.run(command);
        assert!(ran.code == 2 && ran.stderr.contains("run `onepath clock repair`"), "{command}: {ran:?}");
    }
    let ran = project.run("clock");
    assert!(ran.code == 1 && ran.stdout.contains("with 2 events: nothing is served or taken"), "{ran:?}");
    let ran = project.run("clock --format json");
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).expect("is JSON");
    assert_eq!((ran.code, &report["is_ahead"], &report["events_ahead"]), (1, &json!(true), &json!(2)));
    assert_eq!(project.run("verify").code, 0, "it needs no clock");
    let ran = project.run("clock repair");
    assert!(ran.code == 0 && ran.stdout.starts_with("epoch 1 of the log begins at "), "{ran:?}");
    let ran = project.run("clock repair");
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (0, "nothing to repair: the log is not ahead of the machine's clock\n")
    );
    let server = shifted.serve();
    let mut client = server.client();
    push(&mut client, &purchases("c2", &[3.0]));
    assert!((-5..5).contains(&ahead(&mut client)));
    let ran = project.run("clock repair");
    assert!(ran.code == 4 && ran.stderr.contains("another onepath process is writing"), "{ran:?}");
    let ran = project.run("clock");
    assert!(ran.code == 0 && ran.stdout.contains("2 events stamped anew (offsets 1 to 2)"), "{ran:?}");
    assert_eq!(server.stop(&project).code, 0);
    let ran = project.run("verify");
    assert!(ran.code == 0 && ran.stdout.contains(" 0 differences"), "{ran:?}");
}

#[test]
fn a_step_under_a_running_server_is_told_and_accepted() {
    let project = project();
    let Some(shifted) = Shifted::new(&project) else { return };
    let server = shifted.serve();
    let mut client = server.client();
    push(&mut client, &purchases("c1", &[1.0]));
    let ready = |client: &mut Client| {
        let reply = client.get("/ready").expect("answers");
        assert_eq!(reply.status, 200);
        reply.text().to_owned()
    };
    assert_eq!(ready(&mut client), "");
    shifted.by(9);
    assert!((5..15).contains(&ahead(&mut client)) && ready(&mut client).is_empty());
    shifted.by(3_600);
    assert!((5..15).contains(&ahead(&mut client)));
    let told = ready(&mut client);
    assert!(told.starts_with("warning: the machine's clock has stepped: it is ") && told.contains("ahead"), "{told}");
    let metrics = client.get("/metrics").expect("answers").text().to_owned();
    let step = metrics.lines().find_map(|line| line.strip_prefix("onepath_clock_step_seconds "));
    let step: f64 = step.and_then(|step| step.parse().ok()).expect("is a metric");
    assert!((3_580.0..3_610.0).contains(&step), "{step}");
    let status = client.get("/v1/status").expect("answers").json();
    assert!(status["clock_step_us"].as_i64().is_some_and(|step| step > 3_580_000_000), "{status}");
    // The log has it once, however long it takes.
    let stepped = || {
        let log = std::fs::read_to_string(project.path("serve.stderr")).expect("is there");
        log.lines().filter(|line| line.contains("the machine's clock has stepped")).count()
    };
    let until = Instant::now() + Duration::from_secs(20);
    while stepped() == 0 && Instant::now() < until {
        ready(&mut client);
    }
    let ran = project.run("clock accept");
    assert!(ran.code == 0 && ran.stdout.contains("ahead, as the machine's clock"), "{ran:?}");
    assert!((3_590..3_610).contains(&ahead(&mut client)) && ready(&mut client).is_empty());
    assert_eq!(stepped(), 1);
    // Back: what was answered is ahead now, so it is not accepted.
    shifted.by(0);
    let ran = project.run("clock accept");
    assert!(ran.code == 1 && ran.stderr.contains("run `onepath clock repair`"), "{ran:?}");
    assert!((3_590..3_620).contains(&ahead(&mut client)));
    assert_eq!(server.stop(&project).code, 0);
    let ran = project.run("clock accept");
    assert!(ran.code == 4 && ran.stderr.contains("no server took the request"), "{ran:?}");
    assert_eq!(project.run("clock repair").code, 0);
    assert_eq!(project.run("verify").code, 0);
}
