//! What it costs that the transform is a component: the evaluation stage of a backfill, by the component and by the same
//! transform compiled natively behind the same columnar interface.
//!
//! Both start from columns of a batch and end with columns of answers. The component's side is [`onepath::evaluate`] as replay
//! and serving call it, with its checks of everything that comes back.
//!
//! With `-- --ratios` also that it is declared: the same features by the component of `examples/churn/declared`.
//!
//! `cargo bench --bench stage` measures each by itself; with `-- --ratios` they take turns.

use std::hint::black_box;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};
use onepath::batch::{Column, Kind, Rows, Shape, Texts, Value, Values};
use onepath::evaluate::{Evaluated, FeatureRule, ViewProgram, evaluate};
use onepath::schema::ValueType;
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
        let declared = declared(&runtime);
        let views = [&view, &declared];
        cases.iter().for_each(|case| print_declared(views, [&case.host; 2], case.name, Shape::ReplayFull));
        // Each has its own state of the events.
        let questions = views.map(question);
        print_declared(views, questions.each_ref(), "a question after 50 events", Shape::QuestionOne);
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
    evaluated(view, rows, Shape::ReplayFull)
}

fn evaluated(view: &ViewProgram, rows: &Rows, shape: Shape) -> Evaluated {
    let mut newest = vec![None; rows.states.len()];
    evaluate(view, shape, rows, &mut newest, &|group| group.to_string()).expect("an answer")
}

/// The declared twin of the transform.
fn declared(runtime: &Arc<Runtime>) -> ViewProgram {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/churn/declared");
    let built = Command::new(env!("CARGO_BIN_EXE_onepath")).arg("build").arg("--project").arg(&project).output();
    assert!(built.is_ok_and(|built| built.status.success()), "the declared view is built");
    let component = runtime.load(&project.join(".onepath/components/activity@v1.wasm")).expect("a component");
    let view = ViewProgram::new("declared@v1".to_owned(), Arc::new(component), &[], None, true).expect("a view");
    let default = FeatureRule { feature: "return_rate_180d".to_owned(), default: Some(Value::Float64(0.0)), ttl: None };
    view.with_rules(&[default]).expect("it has that feature")
}

/// One question about an entity that has had 50 events, with the state that `view` has of it.
fn question(view: &ViewProgram) -> Rows {
    let mut rows = case("", 1, 50, usize::MAX).host;
    let time = rows.times.last().map_or(0, |time| time + DAY);
    rows.want_states = true;
    let states = evaluated(view, &rows, Shape::PushBatch).states.expect("were wanted");
    let fields = vec![Column::new(ValueType::Text), Column::new(ValueType::Float64)];
    let mut question = Rows { states, event_fields: fields, ..Rows::default() };
    question.push(Kind::Question, 0, time);
    question
}

/// Prints what a declared view takes beside the same in Rust, in turns.
fn print_declared([view, declared]: [&ViewProgram; 2], rows: [&Rows; 2], name: &str, shape: Shape) {
    let answers = [evaluated(view, rows[0], shape), evaluated(declared, rows[1], shape)];
    assert_equal(&answers[0], &answers[1]);
    let (mut in_rust, mut of_it) = (Vec::new(), Vec::new());
    let calls = if rows[0].len() == 1 { 200 } else { 1 };
    let time = |view: &ViewProgram, rows: &Rows| {
        let start = Instant::now();
        (0..calls).for_each(|_| drop(black_box(evaluated(view, black_box(rows), shape))));
        start.elapsed().as_nanos() / calls
    };
    for _ in 0..600 {
        in_rust.push(time(view, rows[0]));
        of_it.push(time(declared, rows[1]));
    }
    in_rust.sort_unstable();
    of_it.sort_unstable();
    let [in_rust, of_it] = [&in_rust, &of_it].map(|all| all[all.len() / 4] as f64 / rows[0].len() as f64);
    println!("{name}: declared {of_it:.1} ns a row, in Rust {in_rust:.1}, ratio {:.2}", of_it / in_rust);
}

/// Equal bits of every feature.
fn assert_equal(one: &Evaluated, other: &Evaluated) {
    assert_eq!(one.features.len(), other.features.len());
    for (one, other) in one.features.iter().zip(&other.features) {
        let rows = one.len();
        assert!((0..rows).all(|row| one.value(row).same_bits(&other.value(row))), "declared and in Rust agree");
    }
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
