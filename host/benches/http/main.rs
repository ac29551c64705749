//! The load generator of `run.sh`: a thread per connection, keep-alive, one request after the other; the same bytes go to
//! onepath and to Feast.
//!
//! ```console
//! $ cargo bench -p onepath --bench http -- events 50000 20 > events.csv        # customers, events each
//! $ cargo bench -p onepath --bench http -- ask 127.0.0.1:6566 8 100 10         # connections, entities a request, seconds
//! $ cargo bench -p onepath --bench http -- push 127.0.0.1:6566 8 100 10        # connections, events a request, seconds
//! $ cargo bench -p onepath --bench http -- many 127.0.0.1:6566 1000 1 10       # connections, entities a request, seconds
//! $ cargo bench -p onepath --bench http -- health 127.0.0.1:6566 1000 10       # the same of /health: connections, seconds
//! ```

#![allow(
    missing_docs,
    clippy::unwrap_used,
    dead_code,
    reason = "a benchmark; it may panic, and shares the tests' client"
)]

#[path = "../../../tests/support/http.rs"]
mod http;
mod many;
#[path = "../../../tests/support/random.rs"]
mod random;

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use http::Client;
use onepath::time::{Clock, SystemClock, format_time};
use random::Random;

/// Customers that are asked for and pushed of.
const CUSTOMERS: usize = 50_000;
/// Bodies that each connection makes before the clock starts, and sends in turns.
const BODIES: usize = 2_000;

/// Feast's server asks for it.
const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let number = |word: &str| word.parse::<u64>().expect("a number");
    match words.as_slice() {
        ["events", customers, each] => events(number(customers), number(each)),
        ["ask", address, connections, rows, seconds] => {
            let make = |random: &mut Random| ask(random, number(rows));
            measure("/get-online-features", address, number(connections), number(rows), number(seconds), &make);
        }
        ["push", address, connections, rows, seconds] => {
            let make = |random: &mut Random| push(random, number(rows));
            measure("/push", address, number(connections), number(rows), number(seconds), &make);
        }
        ["many", address, connections, rows, seconds] => {
            let body = ask(&mut Random::new(1), number(rows));
            let head =
                format!("POST /get-online-features HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
            many::measure(
                "ask",
                address.parse().unwrap(),
                number(connections) as usize,
                number(seconds),
                (head + &body).as_bytes(),
            );
        }
        ["health", address, connections, seconds] => {
            let head = "GET /health HTTP/1.1\r\nhost: x\r\n\r\n";
            many::measure(
                "health",
                address.parse().unwrap(),
                number(connections) as usize,
                number(seconds),
                head.as_bytes(),
            );
        }
        _ => println!("the HTTP benchmark needs servers: bash host/benches/http/run.sh"),
    }
}

/// History as CSV: events of the ninety days before now, in the order of time.
fn events(customers: u64, each: u64) {
    let (mut random, mut out) = (Random::new(1), std::io::BufWriter::new(std::io::stdout().lock()));
    let (count, span) = (customers * each, 90 * 86_400_000_000_i64);
    let start = SystemClock.now() - span - 1_000_000;
    writeln!(out, "customer_id,event_type,amount,event_timestamp").unwrap();
    for event in 0..count {
        let at = format_time(start + (span as i128 * i128::from(event) / i128::from(count)) as i64);
        let kind = random.pick::<&str>(&["purchase", "purchase", "view", "return"]);
        let (customer, amount) = (random.below(customers as usize), random.below(10_000));
        writeln!(out, "c{customer},{kind},{}.{:02},{at}", amount / 100, amount % 100).unwrap();
    }
}

/// A question in Feast's JSON.
fn ask(random: &mut Random, rows: u64) -> String {
    let mut body = "{\"feature_service\":\"churn_v1\",\"entities\":{\"customer_id\":[".to_owned();
    for row in 0..rows {
        write!(body, "{}\"c{}\"", if row > 0 { "," } else { "" }, random.below(CUSTOMERS)).unwrap();
    }
    body + "]}}"
}

/// A push in Feast's JSON.
fn push(random: &mut Random, rows: u64) -> String {
    let now = format_time(SystemClock.now() - 1_000_000);
    let column = |name: &str, cell: &mut dyn FnMut(u64) -> String| {
        let cells: Vec<String> = (0..rows).map(cell).collect();
        format!("\"{name}\":[{}]", cells.join(","))
    };
    let columns = [
        column("customer_id", &mut |_| format!("\"c{}\"", random.below(CUSTOMERS))),
        column("event_type", &mut |_| "\"purchase\"".to_owned()),
        column("amount", &mut |row| format!("{row}.25")),
        column("event_timestamp", &mut |_| format!("\"{now}\"")),
    ];
    format!("{{\"push_source_name\":\"events\",\"df\":{{{}}},\"to\":\"online\"}}", columns.join(","))
}

/// Sends bodies for some seconds over several connections, and prints what the requests took.
fn measure(
    path: &'static str,
    address: &str,
    connections: u64,
    rows: u64,
    seconds: u64,
    make: &(dyn Fn(&mut Random) -> String + Sync),
) {
    let address: SocketAddr = address.parse().expect("an address");
    let barrier = std::sync::Barrier::new(connections as usize + 1);
    let (mut micros, mut took) = (Vec::new(), Duration::ZERO);
    std::thread::scope(|scope| {
        let connection = |number: u64| {
            let barrier = &barrier;
            move || {
                let mut random = Random::new(number + 1);
                let bodies: Vec<String> = (0..BODIES).map(|_| make(&mut random)).collect();
                let mut client = Client::connect(address).expect("connects");
                // Feast's workers end after a thousand requests, and their connections with them.
                let mut send = |body: &str| loop {
                    match client.send("POST", path, &JSON, body.as_bytes()) {
                        Ok(reply) => return reply,
                        Err(_) => client = Client::connect(address).expect("connects again"),
                    }
                };
                // Warm: the plan, the component and the connection.
                (0..20).for_each(|at| assert_eq!(send(&bodies[at]).status, 200));
                barrier.wait();
                let until = Instant::now() + Duration::from_secs(seconds);
                let mut micros = Vec::with_capacity(1 << 18);
                for body in bodies.iter().cycle() {
                    let started = Instant::now();
                    if started >= until {
                        break;
                    }
                    let reply = send(body);
                    assert_eq!(reply.status, 200, "{}", reply.text());
                    micros.push(started.elapsed().as_secs_f64() * 1e6);
                }
                micros
            }
        };
        let threads: Vec<_> = (0..connections).map(|number| scope.spawn(connection(number))).collect();
        barrier.wait();
        let started = Instant::now();
        threads.into_iter().for_each(|thread| micros.extend(thread.join().expect("the connection is well")));
        took = started.elapsed();
    });
    micros.sort_by(f64::total_cmp);
    let at = |share: f64| micros[((micros.len() - 1) as f64 * share) as usize] / 1e3;
    let rate = micros.len() as f64 / took.as_secs_f64();
    println!(
        "{path} {connections} x {rows}: {rate:.0} requests/s, {:.0} rows/s, p50 {:.3} ms, p99 {:.3} ms, p99.9 {:.3} ms, {} requests",
        rate * rows as f64,
        at(0.5),
        at(0.99),
        at(0.999),
        micros.len()
    );
}
