//! What each aggregate and window of the SDK costs: time per event and per question, natively and as a component, and bytes of
//! state.
//!
//! A call has 8,192 rows of 64 entities, at random times of 30 days in order, so 128 events each; amounts in cents, 40
//! merchants. It starts from the host's columns and states and ends with states that are wanted back, so decoding and
//! encoding the states are in it. What is measured is that call less the same call with a kind that does nothing. The
//! questions are the same number of rows upon the states that the events left. `cargo bench --bench kinds` prints the table
//! that is in the SDK's documentation.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use kinds_guest::{KINDS, TRANSFORM, empty_bytes};
use onepath::batch::{Column, Kind, Rows, Shape, States, Texts, Value, Values};
use onepath::evaluate::{Evaluated, ViewProgram, evaluate};
use onepath::wasm::{Limits, Runtime};
use onepath_sdk::batch as native;

const ROWS: usize = 8_192;
const ENTITIES: usize = 64;
const DAY_US: u64 = 86_400_000_000;
const ROUNDS: usize = 30;

/// The least of many times, natively and as a component, in nanoseconds per row.
#[derive(Clone, Copy)]
struct Times {
    native: f64,
    component: f64,
}

fn main() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches").join("kinds_guest");
    let output = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kinds_guest.wasm");
    onepath::build::build_component(&package, &output, &mut |note| eprintln!("{note}")).expect("the guest compiles");
    let runtime: Arc<Runtime> = Runtime::with_repeats(Limits::default(), None, 0).expect("the engine starts");
    let component = Arc::new(runtime.load(&output).expect("the guest loads"));
    let view = |kind: usize| {
        let parameters = [("kind".to_owned(), Value::Int64(kind as i64))];
        ViewProgram::new("kind".to_owned(), Arc::clone(&component), &parameters, None, true)
            .expect("the parameter fits")
    };
    let call = |view: &ViewProgram, rows: &Rows| -> Evaluated {
        evaluate(view, Shape::PushBatch, rows, &mut [None; ENTITIES], &|group| group.to_string()).expect("answers")
    };
    let measure = |kind: usize, rows: &Rows| {
        let view = view(kind);
        let native_parameter = [native::Column { values: native::Values::Int64s(vec![kind as i64]), nulls: None }];
        let native_rows = to_native(rows);
        let mut times = Times { native: f64::INFINITY, component: f64::INFINITY };
        for _ in 0..ROUNDS {
            let start = Instant::now();
            let answered = TRANSFORM.process(&native_parameter, black_box(&native_rows));
            black_box(answered.expect("answers"));
            times.native = times.native.min(start.elapsed().as_nanos() as f64 / ROWS as f64);
            let start = Instant::now();
            black_box(call(&view, black_box(rows)));
            times.component = times.component.min(start.elapsed().as_nanos() as f64 / ROWS as f64);
        }
        times
    };
    let after = |kind: usize, rows: &Rows| call(&view(kind), rows).states.expect("were wanted");
    let nothing = KINDS.len();
    let (events, empty) = (events(), after(nothing, &events()));
    let (event_base, question_base) = (measure(nothing, &events), measure(nothing, &questions(empty.clone())));
    println!(
        "| kind | ns/event | as a component | ns/question | as a component | bytes |\n|---|---:|---:|---:|---:|---:|"
    );
    for (kind, name) in KINDS.iter().enumerate() {
        let states = after(kind, &events);
        // Less the kinds that nothing went to.
        let bytes = (states.bytes.len() - empty.bytes.len()) / ENTITIES + empty_bytes(kind);
        let (event, question) = (measure(kind, &events), measure(kind, &questions(states)));
        println!(
            "| {name} | {:.0} | {:.0} | {:.0} | {:.0} | {bytes} |",
            (event.native - event_base.native).max(0.0),
            (event.component - event_base.component).max(0.0),
            (question.native - question_base.native).max(0.0),
            (question.component - question_base.component).max(0.0),
        );
    }
    println!("\nWithout any kind: {:.0} and {:.0} ns/event.", event_base.native, event_base.component);
}

fn random(state: &mut u64, below: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % below
}

fn events() -> Rows {
    let mut seed = 1;
    let mut times: Vec<u64> =
        (0..ROWS).map(|_| 19_700 * DAY_US + random(&mut seed, 1 << 31) * ((30 * DAY_US) >> 31)).collect();
    times.sort_unstable();
    let (mut merchants, mut amounts) = (Texts::default(), Vec::new());
    let mut rows =
        Rows { states: States { ends: vec![0; ENTITIES], bytes: Vec::new() }, want_states: true, ..Rows::default() };
    for time in times {
        rows.push(Kind::Event, random(&mut seed, ENTITIES as u64) as u32, time as i64);
        merchants.bytes.extend(format!("merchant-{}", random(&mut seed, 40)).as_bytes());
        merchants.ends.push(merchants.bytes.len() as u32);
        amounts.push(random(&mut seed, 20_000) as f64 / 100.0);
    }
    let columns = [Values::Texts(merchants), Values::Float64s(amounts)];
    rows.event_fields = columns.into_iter().map(|values| Column::from_parts(values, None)).collect();
    rows
}

fn questions(states: States) -> Rows {
    let mut rows = Rows { states, ..Rows::default() };
    for row in 0..ROWS {
        rows.push(Kind::Question, (row % ENTITIES) as u32, (19_730 * DAY_US) as i64);
    }
    let columns = [Values::Texts(Texts::default()), Values::Float64s(Vec::new())];
    rows.event_fields = columns.into_iter().map(|values| Column::from_parts(values, None)).collect();
    rows
}

fn to_native(rows: &Rows) -> native::Rows {
    let column = |column: &Column| native::Column {
        values: match column.values() {
            Values::Texts(texts) => {
                native::Values::Texts(native::Texts { ends: texts.ends.clone(), bytes: texts.bytes.clone() })
            }
            Values::Float64s(numbers) => native::Values::Float64s(numbers.clone()),
            other => panic!("the guest takes texts and numbers, not {other:?}"),
        },
        nulls: None,
    };
    native::Rows {
        times: rows.times.clone(),
        groups: rows.groups.clone(),
        kinds: rows.kinds.clone(),
        event_fields: rows.event_fields.iter().map(column).collect(),
        states: native::States { ends: rows.states.ends.clone(), bytes: rows.states.bytes.clone() },
        want_states: rows.want_states,
        ..native::Rows::default()
    }
}
