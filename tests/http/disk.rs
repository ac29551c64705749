//! A server whose disk is slow or does not answer at all: every client gets an answer, in its own time, and the process ends when it
//! is told to. The disk is made slow by a library that is loaded before the C library.

use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use onepath::feature_store::Stores;
use onepath::http::{self, HttpLimits, HttpOptions, StopHandle};
use onepath::testing::Faults;
use onepath::testing::twin_log::TwinLog;
use onepath::testing::twin_sink::TwinSink;
use onepath::testing::twin_store::TwinStore;
use onepath::{Server, ServerOptions};
use serde_json::json;

use super::{project, purchases};
use crate::support::http::{Client, Reply};
use crate::support::{Machine, Project, Ran, SECOND, Served, at};

/// What no client waits for longer.
const DEADLINE: Duration = Duration::from_secs(2);

/// What no test waits for.
const LONG: Duration = Duration::from_secs(60);

const CHURN: &str = r#"{"entities": {"customer_id": ["c1"]}, "feature_service": "churn_v1"}"#;

struct Slow {
    machine: Machine,
    project: Project,
    served: Served,
}

impl Slow {
    /// A server with one event of `c1`, whose disk works.
    fn start(options: &str) -> Option<Self> {
        let (machine, project) = (Machine::new()?, project());
        let served = Served::start_with(&project, options, |command| machine.preload(command));
        let slow = Self { machine, project, served };
        assert_eq!(slow.push("c1", DEADLINE * 10).status, 200);
        assert_eq!(slow.ask().status, 200);
        Some(slow)
    }

    fn client(&self, deadline: Duration) -> Client {
        let client = self.served.client();
        client.set_deadline(deadline).expect("sets");
        client
    }

    fn ask(&self) -> Reply {
        self.client(DEADLINE).post("/get-online-features", CHURN).expect("a question is answered in time")
    }

    fn get(&self, path: &str) -> Reply {
        self.client(DEADLINE).get(path).expect("is answered in time")
    }

    fn push(&self, customer: &str, deadline: Duration) -> Reply {
        let body = json!({"push_source_name": "events", "df": purchases(customer, &[1.0])}).to_string();
        self.client(deadline).post("/push", body).expect("a push is answered in time")
    }

    fn stop(self) -> Ran {
        let started = Instant::now();
        let ran = self.served.stop(&self.project);
        assert!(started.elapsed() < LONG, "{:?}", started.elapsed());
        ran
    }
}

fn lag_ms(reply: &Reply) -> u64 {
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.header("x-onepath-lag-ms").and_then(|lag| lag.parse().ok()).expect("says how old it is")
}

#[test]
fn with_an_fsync_of_a_second_everything_is_answered() {
    let Some(slow) = Slow::start("") else { return };
    slow.machine.sync_takes(1_000);
    let (started, mut answers, mut most) = (Instant::now(), 0, 0);
    while started.elapsed() < Duration::from_secs(4) {
        most = most.max(lag_ms(&slow.ask()));
        answers += 1;
        assert_eq!((slow.get("/health").status, slow.get("/ready").status), (200, 200));
    }
    println!("{answers} answers, at most {most} ms behind");
    assert!(answers > 20 && most < 3_000, "{answers} answers, at most {most} ms behind");
    let body = json!({"service": "churn_v1", "inputs": {"customer_id": ["c1"]}}).to_string();
    let typed = slow.client(DEADLINE).post("/v1/features", body).expect("answers").json();
    assert!(typed["lag_ms"].as_u64().is_some_and(|lag_ms| lag_ms < 3_000), "{typed}");
    let metrics = slow.get("/metrics");
    assert!(metrics.text().contains("onepath_as_of_lag_seconds "), "{}", metrics.text());
    // A push takes as long as the disk does, and questions go on meanwhile.
    std::thread::scope(|scope| {
        let pushing = scope.spawn(|| slow.push("c1-more", LONG).status);
        while !pushing.is_finished() {
            lag_ms(&slow.ask());
        }
        assert_eq!(pushing.join().expect("no panic"), 200);
    });
    let ran = slow.stop();
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn with_a_disk_that_never_answers_everybody_is_told_in_time() {
    let options = "--staleness-ms-max 1500 --wait-ms-max 200 --push-ms-max 400 --requests-max 16 --close-ms-max 300 \
                   --drain-ms-max 300";
    let Some(slow) = Slow::start(options) else { return };
    slow.machine.sync_hangs();
    // More pushes than may be: they leave room for questions, and those beyond the part of this client are 429.
    let pushed: Vec<Reply> = std::thread::scope(|scope| {
        let push = |number| {
            scope.spawn({
                let slow = &slow;
                move || slow.push(&format!("p{number}"), DEADLINE)
            })
        };
        let pushing: Vec<_> = (0..24).map(push).collect();
        lag_ms(&slow.ask());
        assert_eq!(slow.get("/health").status, 200);
        pushing.into_iter().map(|push| push.join().expect("no panic")).collect()
    });
    assert!(pushed.iter().all(|reply| [429, 503].contains(&reply.status)));
    let late: Vec<_> = pushed.iter().filter(|reply| reply.text().contains("and may yet be taken")).collect();
    println!("{} of {} pushes waited", late.len(), pushed.len());
    assert!(!late.is_empty(), "{}", pushed[0].text());
    let (started, mut answers, mut last) = (Instant::now(), 0, 0);
    let refused = loop {
        let reply = slow.ask();
        if reply.status != 200 {
            break reply;
        }
        (answers, last) = (answers + 1, lag_ms(&reply));
        assert_eq!(slow.get("/health").status, 200);
        assert!(started.elapsed() < LONG, "no answer may be older than that");
    };
    println!("{answers} answers, the last {last} ms behind, then: {}", refused.text());
    assert!(last <= 1_500 && refused.status == 503, "{last} {}", refused.status);
    assert!(refused.text().contains("ms behind now, and at most 1500 may be"), "{}", refused.text());
    assert_eq!(refused.header("retry-after"), Some("1"));
    let ready = slow.get("/ready");
    assert!(ready.status == 503 && ready.text().contains("behind now"), "{} {}", ready.status, ready.text());
    assert_eq!((slow.get("/health").status, slow.get("/v1/status").status), (200, 200));
    let now = onepath::time::format_time(onepath::time::Clock::now(&onepath::time::SystemClock));
    let body = json!({"service": "churn_v1", "inputs": {"customer_id": ["c1"]}, "as_of": now}).to_string();
    let declared = slow.client(DEADLINE).post("/v1/features", body).expect("is answered in time");
    assert_eq!((declared.status, declared.json()["error"]["cause"].as_str()), (503, Some("unavailable")));
    // It answers again, as soon as the disk does.
    slow.machine.sync_takes(0);
    let started = Instant::now();
    while slow.ask().status != 200 || slow.get("/ready").status != 200 {
        assert!(started.elapsed() < LONG, "the disk answers again");
    }
    assert_eq!(slow.push("c1", DEADLINE).status, 200);
    slow.machine.sync_hangs();
    assert_eq!(slow.push("p1-more", DEADLINE).status, 503);
    let ran = slow.stop();
    assert_eq!(ran.code, 3, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("error: the server did not end within 300 ms (close_ms_max)"), "{}", ran.stderr);
}

/// Each start goes on where the reservation of the one before it ended, which is not another second ahead.
#[test]
fn kills_in_a_row_do_not_put_as_ofs_further_ahead_of_the_clock() {
    let project = project();
    let body = json!({"service": "churn_v1", "inputs": {"customer_id": ["c1"]}}).to_string();
    let (mut last, mut leads) = (0, Vec::new());
    for life in 0..8 {
        let served = Served::start(&project, "");
        let answer = served.client().post("/v1/features", &body).expect("answers").json();
        let now = onepath::time::Clock::now(&onepath::time::SystemClock);
        let as_of = at(answer["as_of"].as_str().expect("a time"));
        assert!(last <= as_of, "life {life}: as-ofs went back");
        leads.push((as_of - now) / 1_000);
        last = as_of;
        if life == 7 {
            // What arrives is after every as-of that was answered.
            super::push(&mut served.client(), &purchases("c1", &[1.0]));
            let then = json!({"service": "churn_v1", "inputs": {"customer_id": ["c1"]}, "as_of": answer["as_of"]});
            // It was ahead of the clock, and may be declared once it has passed.
            while onepath::time::Clock::now(&onepath::time::SystemClock) < as_of {}
            let then = served.client().post("/v1/features", then.to_string()).expect("answers").json();
            assert_eq!((&then["offset"], &then["features"]), (&answer["offset"], &answer["features"]), "{then}");
        }
        served.kill();
    }
    println!("milliseconds ahead of the clock, life by life: {leads:?}");
    assert!(leads.iter().all(|lead| *lead * 1_000 <= SECOND), "{leads:?}");
    super::verified(&project);
}

/// Lets a store answer and a server stop when it is dropped.
struct Ended<'a> {
    gate: &'a (Mutex<bool>, Condvar),
    stop: &'a StopHandle,
}

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        *self.gate.0.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.gate.1.notify_all();
        self.stop.stop();
    }
}

/// Questions whose states must be read wait for a store that hangs, and are told in time; what is in memory is answered all the while.
#[test]
fn reads_that_hang_keep_no_other_question() {
    let (project, gate) = (project(), Arc::new((Mutex::new(false), Condvar::new())));
    let faults = Faults::none(1).delaying(1, {
        let gate = Arc::clone(&gate);
        move || drop(gate.1.wait_while(gate.0.lock().expect("no panic"), |hangs| *hangs).expect("no panic"))
    });
    let stores = Stores {
        log: Arc::new(TwinLog::new(Faults::none(2), None)),
        online: Arc::new(TwinStore::new(faults, None)),
        served: Box::new(TwinSink::new(Faults::none(3), None)),
    };
    // Its writer hangs too, so there are no reservations.
    let options = ServerOptions { staleness_ms_max: 600_000, ..ServerOptions::default() };
    let server = Arc::new(Server::open_over_stores(project.dir(), options, stores).expect("opens"));
    let stop = StopHandle::default();
    let options = HttpOptions {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        token: None,
        threads: Some(1),
        limits: HttpLimits { request_ms_max: 1_000, ..HttpLimits::default() },
        stop: stop.clone(),
    };
    let (told, listening) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let serving = scope
            .spawn(|| http::serve(Arc::clone(&server), options, |address| told.send(address).expect("is awaited")));
        // Also where the test fails, for its threads are waited for.
        let end = Ended { gate: &gate, stop: &stop };
        let address = listening.recv_timeout(LONG).expect("listens");
        let ask = move |customer: &str, deadline| {
            let mut client = Client::connect(address).expect("connects");
            client.set_deadline(deadline).expect("sets");
            client.post("/get-online-features", CHURN.replace("c1", customer)).expect("is answered in time")
        };
        super::push(&mut Client::connect(address).expect("connects"), &purchases("c1", &[1.0]));
        assert_eq!(ask("c1", LONG).status, 200);
        *gate.0.lock().expect("no panic") = true;
        let hanging: Vec<_> = (0..100).map(|number| scope.spawn(move || ask(&format!("z{number}"), LONG))).collect();
        for _ in 0..20 {
            assert_eq!(ask("c1", DEADLINE).status, 200);
        }
        for hanging in hanging {
            let reply = hanging.join().expect("no panic");
            assert_eq!(reply.status, 503);
            assert!(reply.text().contains("no answer within 1000 milliseconds"), "{}", reply.text());
        }
        assert_eq!(ask("c1", DEADLINE).status, 200);
        *gate.0.lock().expect("no panic") = false;
        gate.1.notify_all();
        // Those that hung give their room back.
        let opened = Instant::now();
        while ask("z1", LONG).status != 200 {
            assert!(opened.elapsed() < LONG, "the store answers again");
        }
        drop(end);
        serving.join().expect("no panic").expect("serves");
    });
}
