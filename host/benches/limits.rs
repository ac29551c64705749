//! What each limit and each check of a call costs, on a batch of 8,192 rows: the call as the host makes it, and the same call
//! with one of them left out. `README.md` holds the results.
//!
//! `cargo bench --bench limits`

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use onepath::batch::{Answers, Column, Float64Lists, Kind, Rows, States, Texts, Value, Values, canonical};
use onepath::schema::ValueType;
use onepath::{batch, schema};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, ResourceLimiter, Store};

/// The host's own conversion, compiled into this benchmark, for it is no part of the library's interface.
#[allow(dead_code, reason = "a benchmark needs a part of it")]
#[path = "../src/wasm"]
mod wasm {
    pub mod convert;
    pub mod error;
    pub mod limits;

    pub use limits::Limits;

    pub mod component {
        pub mod bindings {
            #![allow(missing_docs, reason = "generated code; wit/ documents every item")]
            #![allow(clippy::allow_attributes_without_reason, clippy::unwrap_used, reason = "generated code")]
            wasmtime::component::bindgen!({
                path: "../wit",
                world: "feature",
                ownership: Borrowing { duplicate_if_necessary: true },
            });
        }
    }
}
use wasm::component::bindings::{Feature, FeaturePre, onepath::feature::types as wit};

const ROWS: usize = 8_192;
const ENTITIES: u32 = 64;
const ROUNDS: usize = 300;
/// One of so many calls is repeated, after the first ones, unless a project says otherwise.
const REPEAT_EVERY: f64 = 1_000.0;

/// What is left out of a call.
#[derive(Clone, Copy, PartialEq)]
enum Without {
    Nothing,
    Epochs,
    MemoryLimit,
    GuestNans,
    OutputChecks,
    OutputChecksButNans,
}

const ALL: [(&str, Without); 6] = [
    ("everything", Without::Nothing),
    ("without epochs", Without::Epochs),
    ("without the limit on memory", Without::MemoryLimit),
    ("without canonical NaN in the guest", Without::GuestNans),
    ("without checks of the output, NaN included", Without::OutputChecks),
    ("without checks of the output, NaN canonical", Without::OutputChecksButNans),
];

fn main() {
    let rows = rows();
    for package in ["transforms/churn", "tests/component"] {
        let bytes = std::fs::read(build(package)).expect("a component");
        let mut guests: Vec<Guest> = ALL.iter().map(|(_, without)| Guest::new(&bytes, *without)).collect();
        let expected = guests[0].call(&rows);
        for guest in &mut guests {
            assert!(guest.call(&rows).first_difference(&expected).is_none(), "the same bits, whatever is left out");
        }
        let mut nanoseconds = ALL.map(|_| Vec::with_capacity(ROUNDS));
        let mut fresh = Vec::with_capacity(ROUNDS);
        for round in 0..ROUNDS {
            for turn in 0..ALL.len() {
                let at = (round + turn) % ALL.len();
                nanoseconds[at].push(timed(|| guests[at].call(&rows)));
            }
            fresh.push(timed(|| guests[0].renew().call(&rows)));
            guests[0].call(&rows);
        }
        let all = median(&mut nanoseconds[0]);
        println!("{package}: {:.0} us a call, {:.1} ns a row", all / 1e3, all / ROWS as f64);
        for ((name, _), times) in ALL.iter().zip(&mut nanoseconds).skip(1) {
            let time = median(times);
            println!("  {name:46} {:8.1} us, what it costs: {:+.1}%", time / 1e3, (all / time - 1.0) * 100.0);
        }
        let fresh = median(&mut fresh);
        println!(
            "  a call on a fresh instance {:22} us; one in {REPEAT_EVERY} calls repeated costs {:+.2}%",
            format!("{:.1}", fresh / 1e3),
            fresh / all / REPEAT_EVERY * 100.0
        );
    }
}

fn timed<T>(call: impl FnOnce() -> T) -> f64 {
    let start = Instant::now();
    black_box(call());
    start.elapsed().as_nanos() as f64
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn build(package: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let output = Path::new(env!("CARGO_TARGET_TMPDIR")).join("limits.wasm");
    onepath::build::build_component(&root.join(package), &output, &mut |note| eprintln!("{note}")).expect("compiles");
    output
}

/// Three events to a question, of 64 entities in turn; the states are wanted back.
fn rows() -> Rows {
    let mut rows = Rows { want_states: true, ..Rows::default() };
    let (mut kinds, mut amounts) = (Column::new(ValueType::Text), Column::new(ValueType::Float64));
    for row in 0..ROWS {
        let kind = if row / 64 % 4 == 3 { Kind::Question } else { Kind::Event };
        rows.push(kind, row as u32 % ENTITIES, row as i64 * 60_000_000);
        if kind == Kind::Event {
            kinds.push(&Value::Text(["purchase", "view", "return"][row % 3].to_owned())).expect("a text");
            amounts.push(&Value::Float64(row as f64 / 7.0)).expect("a number");
        }
    }
    rows.event_fields = vec![kinds, amounts];
    rows.states = States { ends: vec![0; ENTITIES as usize], bytes: Vec::new() };
    rows
}

/// One warm instance.
struct Guest {
    without: Without,
    pre: FeaturePre<Memory>,
    description: schema::Description,
    store: Store<Memory>,
    feature: Feature,
}

impl Guest {
    fn new(bytes: &[u8], without: Without) -> Self {
        // As `host/src/wasm/engine.rs` has it, but for what is left out.
        let mut config = Config::new();
        config.concurrency_support(false).wasm_relaxed_simd(false).relaxed_simd_deterministic(true);
        config.cranelift_nan_canonicalization(without != Without::GuestNans);
        config.epoch_interruption(without != Without::Epochs);
        config.wasm_backtrace_max_frames(None).memory_may_move(false).native_unwind_info(false);
        config.generate_address_map(false).max_wasm_stack(512 << 10);
        let engine = Engine::new(&config).expect("a valid configuration");
        let component = Component::new(&engine, bytes).expect("a component");
        let mut linker = Linker::new(&engine);
        linker.define_unknown_imports_as_traps(&component).expect("imports that can be defined");
        let pre = linker.instantiate_pre(&component).and_then(FeaturePre::new).expect("a feature transform");
        let (mut store, feature) = start(&pre, without);
        let described = feature.onepath_feature_transform().call_describe(&mut store).expect("a description");
        let description = wasm::convert::description(described).expect("a description");
        Self { without, pre, description, store, feature }
    }

    /// Takes another instance of the same code.
    fn renew(&mut self) -> &mut Self {
        (self.store, self.feature) = start(&self.pre, self.without);
        self
    }

    /// A call as `host/src/wasm/component.rs` makes it.
    fn call(&mut self, rows: &Rows) -> Answers {
        let input = wasm::convert::rows(rows);
        let transform = self.feature.onepath_feature_transform();
        let output =
            transform.call_process(&mut self.store, &[], input.as_param()).expect("no trap").expect("an output");
        match self.without {
            Without::OutputChecks => taken(output, |_| {}),
            Without::OutputChecksButNans => {
                taken(output, |numbers| numbers.iter_mut().for_each(|n| *n = canonical(*n)))
            }
            _ => wasm::convert::answers(output, rows, &self.description, &wasm::Limits::default()).expect("is right"),
        }
    }
}

fn start(pre: &FeaturePre<Memory>, without: Without) -> (Store<Memory>, Feature) {
    let mut store = Store::new(pre.engine(), Memory(0));
    if without != Without::MemoryLimit {
        store.limiter(|memory| memory);
    }
    store.set_epoch_deadline(1 << 40);
    let feature = pre.instantiate(&mut store).expect("an instance");
    (store, feature)
}

/// Takes an output over as it is, but for its floats.
fn taken(output: wit::Output, floats: impl Fn(&mut [f64])) -> Answers {
    let column = |column: wit::ColumnResult| {
        let values = match column.values {
            wit::ValuesResult::Booleans(values) => Values::Booleans(values),
            wit::ValuesResult::Int64s(values) => Values::Int64s(values),
            wit::ValuesResult::Float64s(mut values) => {
                floats(&mut values);
                Values::Float64s(values)
            }
            wit::ValuesResult::Texts(texts) => Values::Texts(Texts { ends: texts.ends, bytes: texts.bytes }),
            wit::ValuesResult::Times(values) => Values::Times(values),
            wit::ValuesResult::Float64Lists(lists) => {
                Values::Float64Lists(Float64Lists { ends: lists.ends, values: lists.values })
            }
        };
        // A mask without a null is another spelling of none.
        Column::from_parts(values, column.nulls.filter(|nulls| nulls.contains(&1)))
    };
    let states = output.states.map(|states| States { ends: states.ends, bytes: states.bytes });
    Answers { features: output.features.into_iter().map(column).collect(), states }
}

/// The limit on memory, as `host/src/wasm/sandbox.rs` keeps it.
struct Memory(usize);

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        self.0 += desired - current;
        Ok(self.0 <= 256 << 20)
    }

    fn table_growing(&mut self, _: usize, _: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(true)
    }
}
