//! What it costs that the transform is a component: the evaluation stage of a backfill, by the component and by the same
//! transform compiled natively behind the same columnar interface.
//!
//! Both start from columns of a batch and end with columns of answers. The component's side is [`onepath::evaluate`] as replay
//! and serving call it, with its checks of everything that comes back.
//!
//! `cargo bench --bench stage` measures each by itself; with `-- --ratios` they take turns.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};
use onepath::batch::{Column, Kind, Rows, Shape, Texts, Values};
use onepath::evaluate::{Evaluated, ViewProgram, evaluate};
use onepath::wasm::{Limits, Runtime};
use onepath_sdk::batch as guest;

const DAY: i64 = 86_400_000_000;

/// One batch, as the host and as the transform have it.
struct Case {
    name: &'static str,
    host: Rows,
    native: guest::Rows,
}

fn main() {
    let dir = tempfile::tempdir().expect("a folder");
    let component = dir.path().join("churn.wasm");
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("../transforms/churn");
    onepath::build::build_component(&package, &component, &mut |_| {}).expect("the transform builds");
    let runtime = Runtime::new(Limits::default(), None).expect("an engine");
    let component = Arc::new(runtime.load(&component).expect("a component"));
    let view = ViewProgram::new("churn@v1".to_owned(), component, &[], None, true).expect("a view");
    let cases = [
        case("backfill: 50 events and 5 questions an entity", 149, 50, 10),
        case("questions on states without events", 8_192, 0, 1),
        case("events alone", 82, 100, usize::MAX),
    ];
    for case in &cases {
        let answers = with_component(&view, &case.host);
        let native = churn::TRANSFORM.process(&[], &case.native).expect("an answer");
        assert_eq!(answers.features.len(), native.features.len());
        for (answer, native) in answers.features.iter().zip(&native.features) {
            assert_same(answer.values(), &native.values);
        }
    }
    if std::env::args().any(|argument| argument == "--ratios") {
        cases.iter().for_each(|case| print_ratio(&view, case));
        return;
    }
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_millis(1500))
        .configure_from_args();
    for case in &cases {
        let mut group = criterion.benchmark_group("stage");
        group.throughput(Throughput::Elements(case.host.len() as u64));
        group.bench_function(BenchmarkId::new("component", case.name), |bencher| {
            bencher.iter(|| with_component(&view, black_box(&case.host)));
        });
        group.bench_function(BenchmarkId::new("native", case.name), |bencher| {
            bencher.iter(|| churn::TRANSFORM.process(&[], black_box(&case.native)));
        });
        group.finish();
    }
    criterion.final_summary();
}

fn with_component(view: &ViewProgram, rows: &Rows) -> Evaluated {
    let mut newest = vec![None; rows.states.len()];
    evaluate(view, Shape::ReplayFull, rows, &mut newest, &|group| group.to_string()).expect("an answer")
}

/// Bits of numbers; texts and lists have none here.
fn assert_same(host: &Values, native: &guest::Values) {
    let same = match (host, native) {
        (Values::Int64s(host), guest::Values::Int64s(native)) => host == native,
        (Values::Float64s(host), guest::Values::Float64s(native)) => {
            host.len() == native.len() && host.iter().zip(native).all(|(a, b)| a.to_bits() == b.to_bits())
        }
        _ => false,
    };
    assert!(same, "the component and the native transform agree");
}

/// Prints the medians of both and their ratio. They take turns, so that what else the machine does meets them alike.
fn print_ratio(view: &ViewProgram, case: &Case) {
    let (mut component, mut native) = (Vec::new(), Vec::new());
    for _ in 0..600 {
        let start = Instant::now();
        black_box(with_component(view, black_box(&case.host)));
        component.push(start.elapsed().as_nanos());
        let start = Instant::now();
        black_box(churn::TRANSFORM.process(&[], black_box(&case.native)).expect("an answer"));
        native.push(start.elapsed().as_nanos());
    }
    component.sort_unstable();
    native.sort_unstable();
    let rows = case.host.len() as f64;
    // The lower quartile: what the code costs, more than what else the machine does.
    let [component, native] = [&component, &native].map(|all| all[all.len() / 4] as f64 / rows);
    println!("{}: component {component:.1} ns a row, native {native:.1}, ratio {:.2}", case.name, component / native);
}

/// `entities` with `events` each, half of them purchases, and a question after every `every` of them.
fn case(name: &'static str, entities: u32, events: usize, every: usize) -> Case {
    let (mut host, mut random) = (Rows::default(), 0x9e37_79b9_7f4a_7c15_u64);
    let (mut kinds, mut amounts) = (Texts::default(), Vec::new());
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    for group in 0..entities {
        host.states.push(&[]).expect("a short state");
        let mut time = 0;
        for event in 0..events {
            time += (next() % (2 * 730 / events as u64 * DAY as u64)) as i64;
            host.push(Kind::Event, group, time);
            let kind = [&b"purchase"[..], b"purchase", b"view", b"view", b"return"][(next() % 5) as usize];
            kinds.bytes.extend_from_slice(kind);
            kinds.ends.push(kinds.bytes.len() as u32);
            amounts.push((next() % 100_000) as f64 / 100.0);
            if (event + 1) % every == 0 {
                host.push(Kind::Question, group, time + 1);
            }
        }
        if events == 0 {
            host.push(Kind::Question, group, time);
        }
    }
    let native = guest::Rows {
        times: host.times.clone(),
        groups: host.groups.clone(),
        kinds: host.kinds.clone(),
        event_fields: vec![
            guest::Column {
                values: guest::Values::Texts(guest::Texts { ends: kinds.ends.clone(), bytes: kinds.bytes.clone() }),
                nulls: None,
            },
            guest::Column { values: guest::Values::Float64s(amounts.clone()), nulls: None },
        ],
        request_fields: Vec::new(),
        input_features: Vec::new(),
        states: guest::States::without_events(entities as usize),
        want_states: false,
    };
    host.event_fields =
        vec![Column::from_parts(Values::Texts(kinds), None), Column::from_parts(Values::Float64s(amounts), None)];
    Case { name, host, native }
}
