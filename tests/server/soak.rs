//! A server process that is used and misused for as long as one likes, upon a machine whose disk is slow, hangs and is full and whose
//! clock steps. Every question has an answer or a refusal within its deadline, the process stays as large as it is, and in the end
//! every vector that it served is what a backfill gives.
//!
//! `ONEPATH_SOAK_SECONDS` makes it longer, `ONEPATH_SEED` another.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use onepath::time::{Clock, SystemClock, format_time};
use serde_json::json;

use super::TWO_VIEWS;
use crate::support::http::{Client, Reply};
use crate::support::{DAY, HOUR, Machine, Project, Random, SECOND, Served};

/// What any answer may take, however slow the disk is.
const DEADLINE: Duration = Duration::from_secs(20);

/// What `/health` may take.
const HEALTH: Duration = Duration::from_secs(2);

const CUSTOMERS: usize = 60;

/// Something that a user does again and again.
type Act = fn(&Users, &mut Client, &mut Random);

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// What those who use the server share.
struct Users {
    address: SocketAddr,
    is_over: AtomicBool,
    answered: AtomicU64,
    refused: AtomicU64,
    pushed: AtomicU64,
}

impl Users {
    /// Does something again and again with a connection, until all is over.
    fn repeat(&self, seed: u64, pause: Duration, mut act: impl FnMut(&Self, &mut Client, &mut Random)) {
        let mut random = Random::new(seed);
        let connect = || {
            let client = Client::connect(self.address).expect("connects");
            client.set_deadline(DEADLINE).expect("sets");
            client
        };
        let mut client = connect();
        while !self.is_over.load(Ordering::Relaxed) {
            act(self, &mut client, &mut random);
            if random.once_in(200) {
                client = connect();
            }
            std::thread::sleep(pause);
        }
    }

    /// An answer, or a refusal that says to come again.
    fn count(&self, reply: &Reply) {
        match reply.status {
            200 => self.answered.fetch_add(1, Ordering::Relaxed),
            503 | 429 => self.refused.fetch_add(1, Ordering::Relaxed),
            status => panic!("{status}: {}", reply.text()),
        };
    }
}

fn ask(users: &Users, client: &mut Client, random: &mut Random) {
    let customers: Vec<String> =
        (0..1 + random.below(4)).map(|_| format!("c{}", random.below(CUSTOMERS + 5))).collect();
    let reply = match random.below(2) {
        0 => client.post("/v1/features", json!({"service": "all", "inputs": {"customer_id": customers}}).to_string()),
        _ => client.post(
            "/get-online-features",
            json!({"feature_service": "all", "entities": {"customer_id": customers}}).to_string(),
        ),
    };
    users.count(&reply.expect("answers within its deadline"));
}

fn ask_about_the_past(users: &Users, client: &mut Client, random: &mut Random) {
    let as_of = SystemClock.now() - HOUR - random.below(DAY as usize) as i64;
    let inputs = json!({"customer_id": [format!("c{}", random.below(CUSTOMERS))]});
    let body = json!({"service": "all", "as_of": format_time(as_of), "inputs": inputs});
    users.count(&client.post("/v1/features", body.to_string()).expect("answers within its deadline"));
}

fn push(users: &Users, client: &mut Client, random: &mut Random) {
    let events: Vec<_> = (0..1 + random.below(5))
        .map(|_| {
            let at = SystemClock.now() - 2 * HOUR - random.below(40 * DAY as usize) as i64;
            json!({
                "event_id": format!("{:x}", random.next()),
                "customer_id": format!("c{}", random.below(CUSTOMERS)),
                "event_type": random.pick::<&str>(&["purchase", "view", "return"]),
                "amount": random.below(10_000) as f64 / 100.0,
                "event_timestamp": format_time(at),
            })
        })
        .collect();
    let body = json!({"events": events}).to_string();
    // Who is told to come again does; an event counts once however often.
    for _ in 0..1 + random.below(3) {
        let reply = client.post("/v1/events/events", &body).expect("answers within its deadline");
        users.count(&reply);
        if reply.status == 200 {
            users.pushed.fetch_add(events.len() as u64, Ordering::Relaxed);
            break;
        }
    }
}

/// Requests that are wrong, unfinished or slow; what becomes of them is theirs.
fn misuse(users: &Users, _: &mut Client, random: &mut Random) {
    let Ok(mut client) = Client::connect(users.address) else { return };
    client.set_deadline(DEADLINE).expect("sets");
    match random.below(6) {
        0 => drop(client.write(b"POST /v1/features HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{")),
        1 => drop(client.write(b"GET /v1/views HTTP/1.1\r\nho")),
        2 => drop(client.write(&[0xff; 100])),
        3 => drop(client.post("/v1/features", "[".repeat(10_000))),
        4 => drop(client.post("/v1/events/events", r#"{"events": [{"customer_id": 7}]}"#)),
        _ => drop(client.send("DELETE", "/push", &[("transfer-encoding", "chunked")], b"")),
    }
}

fn look(_: &Users, client: &mut Client, _: &mut Random) {
    let began = Instant::now();
    assert_eq!(client.get("/health").expect("answers").status, 200);
    assert!(began.elapsed() < HEALTH, "/health took {:?}", began.elapsed());
    let ready = client.get("/ready").expect("answers within its deadline");
    assert!(matches!(ready.status, 200 | 503), "{}", ready.text());
}

/// Changes disk and clock until all is over, and leaves them as they should be.
fn change(machine: &Machine, random: &mut Random, until: Instant) {
    let pause = |most: usize, random: &mut Random| {
        let left = until.saturating_duration_since(Instant::now());
        std::thread::sleep(left.min(Duration::from_millis(200 + random.below(most) as u64)));
    };
    while Instant::now() < until {
        match random.below(8) {
            0 => machine.sync_takes(30 + random.below(300) as u32),
            1 => machine.sync_takes(1_000),
            2 => machine.sync_hangs(),
            3 => machine.sync_fails(),
            4 => machine.clock_is_ahead(5 * SECOND),
            5 => machine.clock_is_ahead(HOUR),
            6 => machine.clock_is_ahead(-HOUR),
            _ => machine.clock_is_ahead(0),
        }
        pause(4_000, random);
        machine.sync_takes(0);
        pause(2_000, random);
    }
    machine.clock_is_ahead(0);
    machine.sync_takes(0);
}

/// How fast the numbers rise, by least squares, per step.
fn slope(sizes: &[u64]) -> f64 {
    let count = sizes.len() as f64;
    let middle = (count - 1.0) / 2.0;
    let mean = sizes.iter().sum::<u64>() as f64 / count;
    let (mut over, mut under) = (0.0, 0.0);
    for (at, size) in sizes.iter().enumerate() {
        let distance = at as f64 - middle;
        over += distance * (*size as f64 - mean);
        under += distance * distance;
    }
    over / under
}

#[test]
fn used_and_misused_on_a_bad_machine_it_answers_in_time_and_stays_true() {
    let Some(machine) = Machine::new() else { return };
    let (seconds, seed) = (number("ONEPATH_SOAK_SECONDS").unwrap_or(12), number("ONEPATH_SEED").unwrap_or(1));
    println!("{seconds} s, seed {seed}");
    let project = Project::new(TWO_VIEWS);
    let served = Served::start_with(&project, "", |command| machine.preload(command));
    let users = Arc::new(Users {
        address: served.address,
        is_over: AtomicBool::new(false),
        answered: AtomicU64::new(0),
        refused: AtomicU64::new(0),
        pushed: AtomicU64::new(0),
    });
    let acts: [(Act, u64); 8] =
        [(ask, 2), (ask, 2), (ask, 10), (ask_about_the_past, 20), (push, 20), (push, 50), (misuse, 50), (look, 100)];
    let threads: Vec<_> = (0..)
        .zip(acts)
        .map(|(at, (act, pause))| {
            let users = Arc::clone(&users);
            std::thread::spawn(move || users.repeat(seed * 100 + at, Duration::from_millis(pause), act))
        })
        .collect();
    let until = Instant::now() + Duration::from_secs(seconds);
    let sizes = std::thread::scope(|scope| {
        scope.spawn(|| change(&machine, &mut Random::new(seed), until));
        let mut sizes = Vec::new();
        while Instant::now() < until {
            sizes.push(served.resident());
            std::thread::sleep(Duration::from_secs(1));
        }
        sizes
    });
    users.is_over.store(true, Ordering::Relaxed);
    let failed = threads.into_iter().filter_map(|thread| thread.join().err()).count();
    assert_eq!(failed, 0, "threads failed; see above (ONEPATH_SEED={seed})");
    let ran = served.stop(&project);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let verified = project.run("verify");
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
    let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
    let (answered, refused, pushed) = (count(&users.answered), count(&users.refused), count(&users.pushed));
    println!("{answered} answers, {refused} refusals, {pushed} events; {}", verified.stdout);
    assert!(answered > 100 && pushed > 10, "{answered} answers, {pushed} events");
    if let Some(late) = sizes.get(180..).filter(|late| late.len() >= 120) {
        let mebibytes = slope(late) * 60.0 / f64::from(1 << 20);
        println!("{mebibytes:.2} MiB a minute after the third");
        assert!(mebibytes < 1.0, "the server grows by {mebibytes:.2} MiB a minute");
    }
}
