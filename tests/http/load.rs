//! Several connections that push and ask at random, and then the proof.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{project, verified};
use crate::support::http::Client;
use crate::support::{Random, Served};

const CONNECTIONS: u64 = 4;
const CUSTOMERS: usize = 40;

/// What one connection did.
#[derive(Clone, Copy, Default)]
struct Done {
    vectors: u64,
    events: u64,
}

/// Pushes and asks until the time is over, at least `requests` times.
fn load(address: SocketAddr, seed: u64, until: Instant, requests: u64) -> Done {
    let (mut client, mut random) = (Client::connect(address).expect("connects"), Random::new(seed));
    let (mut done, mut number) = (Done::default(), 0);
    while number < requests || Instant::now() < until {
        number += 1;
        if random.once_in(3) {
            let rows = 1 + random.below(5);
            let now = onepath::time::Clock::now(&onepath::time::SystemClock);
            let event = |row: usize, random: &mut Random| {
                // Late by up to forty days, so that windows matter.
                let at = now - 1 - random.below(40 * 86_400) as i64 * 1_000_000;
                json!({
                    "id": format!("{seed}-{number}-{row}"),
                    "customer_id": format!("c{}", random.below(CUSTOMERS)),
                    "event_type": random.pick::<&str>(&["purchase", "view", "return"]),
                    "amount": random.below(10_000) as f64 / 100.0,
                    "at": onepath::time::format_time(at),
                })
            };
            let events: Vec<_> = (0..rows).map(|row| event(row, &mut random)).collect();
            let reply = client.post("/v1/events/events", json!({"events": events}).to_string()).expect("answers");
            assert_eq!(reply.status, 200, "{}", reply.text());
            done.events += rows as u64;
        } else {
            let rows = 1 + random.below(4);
            let customers: Vec<String> = (0..rows).map(|_| format!("c{}", random.below(CUSTOMERS + 5))).collect();
            let body = match random.below(3) {
                0 => json!({"entities": {"customer_id": customers}, "feature_service": "churn_v1"}),
                1 => json!({"entities": {"customer_id": customers}, "features": ["lately:trail", "lately:running"]}),
                _ => {
                    let carts: Vec<f64> = (0..rows).map(|_| random.below(100) as f64 / 7.0).collect();
                    json!({"entities": {"customer_id": customers, "cart_value": carts}, "feature_service": "cart_v1"})
                }
            };
            let reply = client.post("/get-online-features", body.to_string()).expect("answers");
            assert_eq!(reply.status, 200, "{}", reply.text());
            done.vectors += rows as u64;
        }
    }
    done
}

/// The promise, under load: every vector that was served is what a backfill gives, and every state what a replay gives.
/// `ONEPATH_LOAD_SECONDS` makes it longer, `ONEPATH_SEED` another.
#[test]
fn every_vector_served_under_load_is_what_a_backfill_gives() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().expect("a number"));
    let (seconds, seed) = (number("ONEPATH_LOAD_SECONDS").unwrap_or(0), number("ONEPATH_SEED").unwrap_or(1));
    let project = project();
    let served = Served::start(&project, "");
    let (address, started) = (served.address, Instant::now());
    let until = started + Duration::from_secs(seconds);
    let threads = (0..CONNECTIONS).map(|n| std::thread::spawn(move || load(address, seed * 1_000 + n, until, 60)));
    let threads: Vec<_> = threads.collect();
    let done = threads.into_iter().map(|thread| thread.join().expect("the connection is well"));
    let done = done.fold(Done::default(), |sum, done| Done {
        vectors: sum.vectors + done.vectors,
        events: sum.events + done.events,
    });
    let took = started.elapsed().as_secs_f64();
    let mut client = served.client();
    let status = client.get("/v1/status").expect("answers").json();
    assert_eq!((&status["offset"], &status["served_dropped"]), (&json!(done.events), &json!(0)));
    assert_eq!(served.stop(&project).code, 0);
    let proof = verified(&project);
    let mut lines = proof.lines();
    let first = lines.next().unwrap_or_default();
    assert!(first.starts_with(&format!("verified {} served vectors", thousands(done.vectors))), "{proof}");
    assert!(first.ends_with(": 0 differences"), "{proof}");
    assert!(lines.next().is_some_and(|line| line.ends_with("online states: 0 differences")), "{proof}");
    println!(
        "{CONNECTIONS} connections, {took:.0} s, seed {seed}: pushed {} events while serving; {first}",
        thousands(done.events)
    );
}

/// A number with its thousands apart, as the command line writes it.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let parts: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|part| std::str::from_utf8(part).expect("digits")).collect();
    parts.join(",")
}
