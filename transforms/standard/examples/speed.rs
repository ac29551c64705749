//! The churn features as a declared view against the same in Rust, natively: CPU time of a call, in turns.
//!
//! `cargo run --release -p onepath-standard --example speed`. The component is measured by `onepath check`.

use std::hint::black_box;

use onepath_definition::{
    Aggregate, Answer, Checked, Definition, Feature, Field, Function, Keep, Literal, Node, Program, Read, Span, Store,
    ValueType,
};
use onepath_sdk::batch::{Column, EVENT, QUESTION, Rows, States, Texts, Values};
use onepath_standard::View;

const ROWS: usize = 8_192;
/// Rows of one entity, as a replay has them: entity after entity.
const ROWS_OF_ENTITY: usize = 32;
const DAY: i64 = 86_400_000_000;

fn main() {
    let declared = View::new(Checked::new(churn()).expect("it holds together"));
    let many = View::new(Checked::new(many()).expect("it holds together"));
    let in_rust = |rows: &Rows| churn::TRANSFORM.process(&[], rows).expect("answers");
    let as_declared = |rows: &Rows| declared.process(rows).expect("answers");
    for (name, rows) in [("events", batch(1, ROWS_OF_ENTITY)), ("events and questions", batch(4, ROWS_OF_ENTITY))] {
        assert_eq!(in_rust(&rows).features, as_declared(&rows).features, "{name}");
        compare(name, ROWS, || drop(black_box(in_rust(&rows))), || drop(black_box(as_declared(&rows))));
        let many = measure(9, || drop(black_box(many.process(&rows).expect("answers"))));
        println!("{name}: 200 features over 20 windows, {:.0} ns a row", many / ROWS as f64);
    }
    let question = |states: Option<States>| {
        let states = states.expect("were wanted");
        let mut rows = fields();
        let end = states.ends[0] as usize;
        rows.states = States { ends: vec![states.ends[0]], bytes: states.bytes[..end].to_vec() };
        push(&mut rows, QUESTION, 0, 20_100 * DAY);
        rows
    };
    let mut events = batch(1, ROWS / 64);
    events.want_states = true;
    let (asked_in_rust, asked) = (question(in_rust(&events).states), question(as_declared(&events).states));
    println!("states: {} bytes in Rust, {} declared", asked_in_rust.states.bytes.len(), asked.states.bytes.len());
    let thousand = |ask: &dyn Fn()| (0..1_000).for_each(|_| ask());
    compare(
        "a question",
        1_000,
        || thousand(&|| drop(black_box(in_rust(&asked_in_rust)))),
        || thousand(&|| drop(black_box(as_declared(&asked)))),
    );
    let asked = question(many.process(&events).expect("answers").states);
    let ns = measure(9, || thousand(&|| drop(black_box(many.process(&asked).expect("answers"))))) / 1_000.0;
    println!("a question of 200 features over 20 windows: {ns:.0} ns");
}

/// The least CPU time of a few runs, in nanoseconds.
fn measure(rounds: usize, mut run: impl FnMut()) -> f64 {
    (0..rounds).map(|_| time(&mut run)).fold(f64::INFINITY, f64::min)
}

fn compare(name: &str, per: usize, mut in_rust: impl FnMut(), mut declared: impl FnMut()) {
    let (mut least, mut least_declared) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..60 {
        least = least.min(time(&mut in_rust));
        least_declared = least_declared.min(time(&mut declared));
    }
    let (rust, declared) = (least / per as f64, least_declared / per as f64);
    println!("{name}: {rust:.1} ns in Rust, {declared:.1} declared: {:.2}", declared / rust);
}

/// CPU time of this thread.
fn time(run: &mut impl FnMut()) -> f64 {
    let now = || {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the clock exists on every system that the tests run on, and the time is written to a place of its own.
        let told = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
        assert_eq!(told, 0, "the system counts CPU time");
        time.tv_sec as f64 * 1e9 + time.tv_nsec as f64
    };
    let start = now();
    run();
    now() - start
}

fn random(seed: &mut u64, below: u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) % below
}

fn fields() -> Rows {
    let columns = [Values::Texts(Texts::default()), Values::Float64s(Vec::new())];
    let event_fields = columns.into_iter().map(|values| Column { values, nulls: None }).collect();
    Rows { event_fields, ..Rows::default() }
}

fn push(rows: &mut Rows, kind: u8, group: u32, time: i64) {
    rows.kinds.push(kind);
    rows.groups.push(group);
    rows.times.push(time);
}

/// Rows of a replay: entity after entity, each with so many rows over a year. Each of so many is a question, or none if it is one.
fn batch(every: usize, rows_of_entity: usize) -> Rows {
    let mut seed = 1;
    let mut rows = Rows { states: States::without_events(ROWS / rows_of_entity), ..fields() };
    let (mut texts, mut amounts) = (Texts::default(), Vec::new());
    for row in 0..ROWS {
        let time = 19_700 * DAY + (row % rows_of_entity) as i64 * (365 * DAY / rows_of_entity as i64);
        let group = (row / rows_of_entity) as u32;
        if every > 1 && row % every == 0 {
            push(&mut rows, QUESTION, group, time);
            continue;
        }
        push(&mut rows, EVENT, group, time);
        let kind = ["purchase", "purchase", "view", "view", "view", "return"][random(&mut seed, 6) as usize];
        texts.bytes.extend_from_slice(kind.as_bytes());
        texts.ends.push(texts.bytes.len() as u32);
        amounts.push(random(&mut seed, 20_000) as f64 / 100.0);
    }
    rows.event_fields[0].values = Values::Texts(texts);
    rows.event_fields[1].values = Values::Float64s(amounts);
    rows
}

fn field(name: &str, value_type: ValueType) -> Field {
    Field { name: name.to_owned(), value_type, nullable: false }
}

fn call(function: Function, arguments: &[u32]) -> Node {
    Node::Call { function, arguments: arguments.to_vec() }
}

fn last(days: i64) -> Span {
    Span::Closed { length: days * DAY, ago: 0 }
}

fn events() -> Program {
    let text = |text: &str| Node::Literal(Literal::Text(text.to_owned()));
    Program {
        nodes: vec![
            Node::Event(0),
            text("purchase"),
            call(Function::Equal, &[0, 1]),
            Node::Event(1),
            text("return"),
            call(Function::Equal, &[0, 4]),
            call(Function::In, &[0, 1, 4]),
        ],
    }
}

/// As it is lowered from `onepath.toml`.
fn churn() -> Definition {
    let feature = |(name, node, nullable): (&str, u32, bool)| Feature {
        name: name.to_owned(),
        nullable,
        documentation: String::new(),
        node,
    };
    let store = |filter, value, keep| Store { filter: Some(filter), value, keep };
    let read = |store, span, answer| Read { store, span, answer };
    Definition {
        event_fields: vec![field("event_type", ValueType::Text), field("amount", ValueType::Float64)],
        event: events(),
        stores: vec![
            store(2, Some(3), Keep::Events { length: 90 * DAY }),
            store(2, None, Keep::Lifetime(Aggregate::Last)),
            store(6, Some(5), Keep::Events { length: 180 * DAY }),
        ],
        reads: vec![
            read(0, last(30), Answer::Count),
            read(0, last(90), Answer::Mean),
            read(1, Span::All, Answer::SinceLast(DAY)),
            read(2, last(180), Answer::Share),
        ],
        question: Program {
            nodes: vec![
                Node::Read(0),
                Node::Read(1),
                Node::Read(2),
                Node::Read(3),
                Node::Literal(Literal::Float64(0.0)),
                call(Function::Coalesce, &[3, 4]),
            ],
        },
        features: [
            ("purchase_count_30d", 0, false),
            ("avg_purchase_value_90d", 1, true),
            ("days_since_last_purchase", 2, true),
            ("return_rate_180d", 5, false),
        ]
        .map(feature)
        .to_vec(),
        ..Definition::default()
    }
}

/// Ten answers of each of twenty windows of one filter, which share a store.
fn many() -> Definition {
    let answers = [
        Answer::Count,
        Answer::Sum,
        Answer::Mean,
        Answer::Min,
        Answer::Max,
        Answer::StdDev,
        Answer::First,
        Answer::Last,
        Answer::SinceFirst(DAY),
        Answer::SinceLast(DAY),
    ];
    let reads: Vec<Read> =
        (1..=20).flat_map(|window| answers.map(|answer| Read { store: 0, span: last(window * 9), answer })).collect();
    let feature = |node| Feature { name: format!("f{node}"), nullable: true, documentation: String::new(), node };
    Definition {
        event_fields: vec![field("event_type", ValueType::Text), field("amount", ValueType::Float64)],
        event: events(),
        stores: vec![Store { filter: Some(2), value: Some(3), keep: Keep::Events { length: 180 * DAY } }],
        question: Program { nodes: (0..reads.len() as u32).map(Node::Read).collect() },
        features: (0..reads.len() as u32).map(feature).collect(),
        reads,
        ..Definition::default()
    }
}
