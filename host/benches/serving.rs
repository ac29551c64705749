//! The serving core in process: questions and pushes, as percentiles.
//!
//! ```console
//! $ cargo bench --bench serving                    # all of it
//! $ cargo bench --bench serving -- warm cold push  # some of it
//! ```

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark; it may panic")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use onepath::batch::{Column, Values};
use onepath::events::PushedEvents;
use onepath::feature_store::{FeatureSelection, OpenOptions};
use onepath::{PreparedRequest, Request, Server, ServerOptions};

const CUSTOMERS: usize = 50_000;
const DAY_US: i64 = 86_400_000_000;
/// The newest event of every bench: the day before the run, so that all windows hold some.
fn now_us() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros() as i64
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|word| word == name);
    if let Some(project) = std::env::var_os("ONEPATH_BENCH_PROJECT") {
        return serve_many(Path::new(&project), &is_wanted);
    }
    let dir = tempfile::tempdir().unwrap();
    let component = dir.path().join("churn.wasm");
    let transform = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("transforms/churn");
    onepath::build::build_component(&transform, &component, &mut |_| {}).unwrap();
    if is_wanted("warm") {
        warm(dir.path(), &component);
    }
    if is_wanted("batch") || is_wanted("cold") || is_wanted("memory") {
        many(dir.path(), &component, &wanted);
    }
    if is_wanted("push") {
        push(dir.path(), &component);
    }
}

fn project(dir: &Path, component: &Path, name: &str, serving: &str) -> std::path::PathBuf {
    let project = dir.join(name);
    std::fs::create_dir_all(&project).unwrap();
    let event_id = if name.ends_with("true") { "event_id = \"event_id\"\n" } else { "" };
    let toml = format!(
        "[project]\nname = \"bench\"\n[entities.customer]\nkeys = {{ customer_id = \"text\" }}\n[sources.events]\n\
         entity = \"customer\"\nevent_time = \"event_timestamp\"\n{event_id}[views.activity]\nsources = [\"events\"]\n\
         transform = {component:?}\n[services.churn_v1]\nfeatures = [\"activity:*\"]\n{serving}"
    );
    std::fs::write(project.join("onepath.toml"), toml).unwrap();
    project
}

fn open(project: &Path, cache_bytes_max: usize) -> Server {
    let options = ServerOptions { open: OpenOptions::default(), cache_bytes_max, ..ServerOptions::default() };
    Server::open(project, options).unwrap()
}

fn prepare(server: &Server) -> Arc<PreparedRequest> {
    server.prepare(&FeatureSelection::Service("churn_v1".into())).unwrap()
}

/// An event to push.
struct Pushed {
    customer: String,
    at: i64,
    number: u64,
    id: Option<String>,
}

fn event(customer: &str, at: i64, number: u64, id: Option<String>) -> Pushed {
    Pushed { customer: customer.to_owned(), at, number, id }
}

fn push_all(server: &Server, events: &[Pushed]) {
    let kind = |number: u64| ["purchase", "view", "return"][(number % 10 / 5 + number % 10 / 9) as usize];
    let amounts: Vec<f64> = events.iter().map(|event| (event.number % 90) as f64 + 0.25).collect();
    let times = Values::Times(events.iter().map(|event| event.at).collect());
    let ids: Vec<String> = events.iter().filter_map(|event| event.id.clone()).collect();
    let columns: [(&str, Column); 4] = [
        ("customer_id", events.iter().map(|event| event.customer.clone()).collect::<Vec<_>>().into()),
        ("event_type", events.iter().map(|event| kind(event.number)).collect::<Vec<_>>().into()),
        ("amount", amounts.into()),
        ("event_timestamp", Column::from_parts(times, None)),
    ];
    let mut columns = Vec::from(columns.map(|(name, column)| (name.to_owned(), column)));
    if !ids.is_empty() {
        columns.push(("event_id".to_owned(), ids.into()));
    }
    let schema = server.event_schema("events").unwrap();
    server.push("events", PushedEvents::from_columns(&schema, columns).unwrap()).unwrap();
}

fn request<'a>(prepared: &Arc<PreparedRequest>, customers: impl Iterator<Item = &'a str>) -> Request {
    prepared.request().input("customer_id", customers.collect::<Vec<_>>()).unwrap().build().unwrap()
}

/// Times each of `rounds` calls and prints the percentiles.
fn report(what: &str, rounds: usize, mut call: impl FnMut(usize)) {
    (0..rounds / 10).for_each(&mut call);
    let mut times: Vec<Duration> = (0..rounds)
        .map(|round| {
            let start = Instant::now();
            call(round);
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_nanos() as f64 / 1_000.0;
    println!(
        "{what:<44} p50 {:>9.2} µs  p90 {:>9.2}  p99 {:>9.2}  p99.9 {:>9.2}",
        at(0.5),
        at(0.9),
        at(0.99),
        at(0.999)
    );
}

/// One entity, four features, states of so many events in the windows.
fn warm(dir: &Path, component: &Path) {
    for (name, serving) in [("recorded", ""), ("not recorded", "[serving]\nlog_share = 0.0\n")] {
        let server = open(&project(dir, component, &format!("warm-{}", serving.len()), serving), 64 << 20);
        let prepared = prepare(&server);
        for events in [5_u64, 50, 500, 5_000] {
            let customer = format!("c{events}");
            let start = now_us() - 170 * DAY_US;
            let push =
                (0..events).map(|n| event(&customer, start + n as i64 * (160 * DAY_US / events as i64), n, None));
            push_all(&server, &push.collect::<Vec<_>>());
            let request = request(&prepared, [customer.as_str()].into_iter());
            report(&format!("warm, 1 entity, {events} events, {name}"), 200_000 / (events as usize / 50 + 1), |_| {
                assert_eq!(server.get_online_features(&request).unwrap().features.len(), 4);
            });
        }
        server.flush();
        let status = server.status();
        println!("{:<44} {} served vectors recorded, {} dropped", "", status.served_logged, status.served_dropped);
    }
}

fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

/// 50 thousand customers with 20 events each, served by a process of its own, as it would be.
fn many(dir: &Path, component: &Path, wanted: &[String]) {
    let project = project(dir, component, "many", "");
    let customers: Vec<String> = (0..CUSTOMERS).map(|number| format!("c{number}")).collect();
    let server = open(&project, 64 << 20);
    let start = now_us() - 170 * DAY_US;
    let began = Instant::now();
    for part in customers.chunks(500) {
        let events = part.iter().enumerate().flat_map(|(at, customer)| {
            (0..20).map(move |n| event(customer, start + n as i64 * 8 * DAY_US, at as u64 * 20 + n, None))
        });
        push_all(&server, &events.collect::<Vec<_>>());
    }
    println!("pushed {} events in {:.1} s", CUSTOMERS * 20, began.elapsed().as_secs_f64());
    server.close().unwrap();
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    let ended = child.args(wanted).env("ONEPATH_BENCH_PROJECT", &project).status().unwrap();
    assert!(ended.success());
}

fn serve_many(project: &Path, is_wanted: &dyn Fn(&str) -> bool) {
    let customers: Vec<String> = (0..CUSTOMERS).map(|number| format!("c{number}")).collect();
    let server = open(project, 64 << 20);
    let prepared = prepare(&server);
    let mut number = 7_usize;
    let mut next = move || {
        number = (number * 1_103_515_245 + 12_345) % (1 << 31);
        number % CUSTOMERS
    };
    if is_wanted("memory") {
        println!("resident at start {:.0} MB", resident_mb());
        report("mostly cold, 1 entity of 50,000", 50_000, |_| {
            let request = request(&prepared, [customers[next()].as_str()].into_iter());
            server.get_online_features(&request).unwrap();
        });
        for _ in 0..2_000 {
            let request = request(&prepared, (0..100).map(|_| customers[next()].as_str()));
            server.get_online_features(&request).unwrap();
        }
        server.flush();
        let status = server.status();
        println!(
            "resident after 250,000 vectors of 50,000 customers {:.0} MB, {} states cached in {:.0} MB, {} dropped",
            resident_mb(),
            status.states_cached,
            status.cached_bytes as f64 / 1e6,
            status.served_dropped
        );
    }
    if is_wanted("batch") {
        report("100 entities, warm", 5_000, |_| {
            let request = request(&prepared, (0..100).map(|_| customers[next()].as_str()));
            server.get_online_features(&request).unwrap();
        });
    }
    drop(server);
    if is_wanted("cold") {
        // A cache that holds nothing: every state is read from SQLite.
        let server = open(project, 0);
        let prepared = prepare(&server);
        report("1 entity, state read from SQLite", 50_000, |_| {
            let request = request(&prepared, [customers[next()].as_str()].into_iter());
            server.get_online_features(&request).unwrap();
        });
        report("100 entities, states read from SQLite", 1_000, |_| {
            let request = request(&prepared, (0..100).map(|_| customers[next()].as_str()));
            server.get_online_features(&request).unwrap();
        });
    }
}

/// Durable pushes of 100 events from eight threads, with and without event ids.
fn push(dir: &Path, component: &Path) {
    for (name, clients, size, has_ids) in [
        ("8 clients of 100", 8_u64, 100_u64, false),
        ("8 clients of 100, with ids", 8, 100, true),
        ("1 client of 1", 1, 1, false),
    ] {
        let server = open(&project(dir, component, &format!("push-{clients}-{size}-{has_ids}"), ""), 64 << 20);
        let (began, rounds) = (Instant::now(), if size == 1 { 300 } else { 150 });
        let mut times: Vec<Duration> = std::thread::scope(|scope| {
            let client = |client: u64| {
                let server = &server;
                move || {
                    let push = |round: u64| {
                        let event = |n: u64| {
                            let number = (client * rounds + round) * size + n;
                            let customer = format!("c{}", number * 7_919 % CUSTOMERS as u64);
                            let at = now_us() - 1_000_000_000 - n as i64;
                            event(&customer, at, n, has_ids.then(|| format!("{client}-{round}-{n}")))
                        };
                        let events: Vec<Pushed> = (0..size).map(event).collect();
                        let start = Instant::now();
                        push_all(server, &events);
                        start.elapsed()
                    };
                    (0..rounds).map(push).collect::<Vec<_>>()
                }
            };
            let threads: Vec<_> = (0..clients).map(|number| scope.spawn(client(number))).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let seconds = began.elapsed().as_secs_f64();
        times.sort_unstable();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1_000.0;
        println!(
            "push, {name:<38} {:>8.0} durable events/s  p50 {:>6.2} ms  p99 {:>6.2} ms",
            (clients * rounds * size) as f64 / seconds,
            at(0.5),
            at(0.99)
        );
        let closing = Instant::now();
        server.close().unwrap();
        println!("      closed in {:.0} ms", closing.elapsed().as_secs_f64() * 1_000.0);
    }
}
