//! What the layout of a component call costs: the same rows and the same work, laid out in three ways.
//!
//! - `columns`: a list of columns, each with lists of its own (`wit/types.wit`).
//! - `slabs`: six lists for all columns together, whatever their number.
//! - `packed`: one list of bytes each way.
//!
//! A measured call starts from the host's columns and ends with the host's columns, so the two layouts that gather
//! columns pay for gathering and for splitting. The guest is `layout_guest/`; `README.md` holds the results.
//!
//! `cargo bench --bench layout` measures each layout by itself; with `-- --ratios` they take turns.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput};
use onepath::batch::{Column, Kind, Rows, Texts, Value, Values, canonical};
use onepath::schema::ValueType;
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, Store};

mod bindings {
    wasmtime::component::bindgen!({
        path: "benches/layout_guest/wit",
        world: "layout",
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}

/// Rows per group where there are many rows.
const GROUP_ROWS: usize = 64;

/// What one benchmark sends.
struct Case {
    name: String,
    batch: Rows,
    /// How many features the guest gives.
    features: usize,
}

fn main() {
    let mut guest = Guest::new(&build_guest());
    let cases: Vec<Case> = [1, 8192].into_iter().flat_map(cases).collect();
    for case in &cases {
        let expected = expected(&case.batch, case.features);
        for (layout, call) in LAYOUTS {
            assert_same(&call(&mut guest, &case.batch, case.features), &expected, &format!("{layout}, {}", case.name));
        }
    }
    if std::env::args().any(|argument| argument == "--ratios") {
        cases.iter().for_each(|case| print_ratios(&mut guest, case));
    } else {
        measure(&mut guest, &cases);
    }
}

/// Every case and layout by itself.
fn measure(guest: &mut Guest, cases: &[Case]) {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_millis(1500))
        .configure_from_args();
    for Case { name, batch, features } in cases {
        let mut group = criterion.benchmark_group("layout");
        group.throughput(Throughput::Elements(batch.len() as u64));
        for (layout, call) in LAYOUTS {
            group.bench_function(BenchmarkId::new(layout, name), |bencher| {
                bencher.iter(|| call(guest, black_box(batch), *features));
            });
        }
        group.finish();
    }
    criterion.final_summary();
}

/// Prints the median time of a call in each layout, and its ratio to that of the first layout. The layouts take turns,
/// so that what else the machine does meets them alike.
fn print_ratios(guest: &mut Guest, Case { name, batch, features }: &Case) {
    let (rounds, calls) = if batch.len() == 1 { (4000, 40) } else { (400, 1) };
    let mut nanoseconds = LAYOUTS.map(|_| Vec::with_capacity(rounds));
    for round in 0..rounds {
        for turn in 0..LAYOUTS.len() {
            let layout = (round + turn) % LAYOUTS.len();
            let (_, call) = LAYOUTS[layout];
            let start = Instant::now();
            for _ in 0..calls {
                black_box(call(guest, black_box(batch), *features));
            }
            nanoseconds[layout].push(start.elapsed().as_nanos() as f64 / f64::from(calls));
        }
    }
    let medians = nanoseconds.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[rounds / 2]
    });
    print!("{name:34}");
    for ((layout, _), median) in LAYOUTS.iter().zip(medians) {
        print!("  {layout} {median:9.0} ns, {:.2}", median / medians[0]);
    }
    println!();
}

/// A layout by name: one call, from the host's columns to the host's columns.
type Call = fn(&mut Guest, &Rows, usize) -> Vec<Column>;
const LAYOUTS: [(&str, Call); 3] = [("columns", columns::call), ("slabs", slabs::call), ("packed", packed::call)];

/// One warm instance, and the buffers that a host would keep beside it.
struct Guest {
    store: Store<()>,
    layout: bindings::Layout,
    slabs: slabs::Buffers,
    packed: Vec<u8>,
}

impl Guest {
    fn new(component: &Path) -> Self {
        let mut config = Config::new();
        config.concurrency_support(false).cranelift_nan_canonicalization(true).epoch_interruption(true);
        let engine = Engine::new(&config).expect("a valid configuration");
        let component = Component::from_file(&engine, component).expect("a component");
        let mut linker = Linker::new(&engine);
        linker.define_unknown_imports_as_traps(&component).expect("imports that can be defined");
        let mut store = Store::new(&engine, ());
        store.set_epoch_deadline(1);
        let layout = bindings::Layout::instantiate(&mut store, &component, &linker).expect("an instance");
        Self { store, layout, slabs: slabs::Buffers::default(), packed: Vec::new() }
    }
}

/// Compiles `layout_guest` as any transform is, and gives the path of its component.
fn build_guest() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches").join("layout_guest");
    let output = Path::new(env!("CARGO_TARGET_TMPDIR")).join("layout_guest.wasm");
    onepath::build::build_component(&package, &output, &mut |note| eprintln!("{note}")).expect("the guest compiles");
    output
}

/// The cases of one number of rows: as many features as columns, with and without nulls; with a state of 800 bytes per
/// group; and the two shapes of real transforms, few columns to many features and the reverse.
fn cases(rows: usize) -> Vec<Case> {
    let case = |columns: usize, features: usize, nulls: Nulls, state_bytes: usize| {
        let labels = [(nulls == Nulls::InAQuarter, ", nulls"), (state_bytes > 0, ", states")];
        let label: String = labels.into_iter().filter(|(holds, _)| *holds).map(|(_, label)| label).collect();
        let name = format!("{rows} rows, {columns} in, {features} out{label}");
        Case { name, batch: batch(rows, columns, nulls, state_bytes), features }
    };
    let mut cases = Vec::new();
    for columns in [2, 8, 32] {
        cases.push(case(columns, columns, Nulls::None, 0));
        cases.push(case(columns, columns, Nulls::InAQuarter, 0));
    }
    cases.push(case(8, 8, Nulls::None, 800));
    cases.push(case(4, 32, Nulls::None, 800));
    cases.push(case(32, 4, Nulls::None, 0));
    cases
}

/// Which columns hold nulls.
#[derive(Clone, Copy, PartialEq)]
enum Nulls {
    None,
    InAQuarter,
}

/// Questions with request columns: half float64, a quarter int64, a quarter text of up to 12 bytes.
fn batch(rows: usize, columns: usize, nulls: Nulls, state_bytes: usize) -> Rows {
    let mut batch = Rows::default();
    for row in 0..rows {
        batch.push(Kind::Question, (row / GROUP_ROWS) as u32, 1_700_000_000_000_000 + row as i64);
    }
    for group in 0..rows.div_ceil(GROUP_ROWS) {
        let mut state = vec![7; state_bytes];
        if let Some(first) = state.first_chunk_mut() {
            *first = (group as f64).to_le_bytes();
        }
        batch.states.push(&state).expect("a small state");
    }
    for column in 0..columns {
        // One column in four, and of every type.
        let holds_nulls = nulls == Nulls::InAQuarter && column % 4 == column / 4 % 4;
        let mut values = Column::with_capacity(type_of(column), rows);
        for row in 0..rows {
            let number = row * 31 + column * 7;
            let value = match type_of(column) {
                // At least the first row is null, so that a batch of one row has its mask too.
                _ if holds_nulls && row % 8 == 0 => Value::Null,
                ValueType::Int64 => Value::Int64(number as i64),
                ValueType::Text => Value::Text("abcdefghijkl"[..number % 13].to_owned()),
                _ => Value::Float64(number as f64 / 4.0),
            };
            values.push(&value).expect("a value of the column's type");
        }
        batch.request_fields.push(values);
    }
    batch
}

/// The type of a column by its place, as the guest has it.
fn type_of(column: usize) -> ValueType {
    match column % 4 {
        1 => ValueType::Text,
        3 => ValueType::Int64,
        _ => ValueType::Float64,
    }
}

/// What the guest must answer, computed value by value.
fn expected(rows: &Rows, features: usize) -> Vec<Column> {
    let total = |row: usize| {
        let state = rows.states.get(rows.groups[row] as usize);
        let first = state.first_chunk().map_or(0.0, |bytes| f64::from_le_bytes(*bytes));
        rows.request_fields.iter().fold(first, |total, column| match column.value(row) {
            Value::Float64(value) => total + value,
            Value::Int64(value) => total + value as f64,
            Value::Text(text) => total + text.len() as f64,
            _ => total,
        })
    };
    let totals: Vec<f64> = (0..rows.len()).map(total).collect();
    let feature = |column: &Column| {
        let mut feature = Column::with_capacity(column.value_type(), rows.len());
        for (row, total) in totals.iter().enumerate() {
            let value = match column.value(row) {
                Value::Float64(value) => Value::Float64(value + total),
                Value::Int64(value) => Value::Int64(value + *total as i64),
                value => value,
            };
            feature.push(&value).expect("a value of the column's type");
        }
        feature
    };
    rows.request_fields.iter().cycle().take(features).map(feature).collect()
}

fn assert_same(answers: &[Column], expected: &[Column], what: &str) {
    assert_eq!(answers.len(), expected.len(), "{what}");
    for (column, (answer, expected)) in answers.iter().zip(expected).enumerate() {
        for row in 0..expected.len() {
            // What the guest puts in a null row is the mask's business, so values are compared, not columns.
            let (answer, expected) = (answer.value(row), expected.value(row));
            assert!(answer.same_bits(&expected), "{what}, column {column}, row {row}: {answer} is not {expected}");
        }
    }
}

/// Numbers that came from a guest: every NaN made the canonical one, in place.
fn canonicalise(mut values: Vec<f64>) -> Vec<f64> {
    values.iter_mut().for_each(|value| *value = canonical(*value));
    values
}

/// The layout of `wit/types.wit`.
mod columns {
    use super::bindings::exports::onepath::layout::columns as wit;
    use super::{Column, Guest, Rows, Texts, Values, canonicalise};

    pub(super) fn call(guest: &mut Guest, rows: &Rows, features: usize) -> Vec<Column> {
        let request_fields: Vec<wit::ColumnParam<'_>> = rows.request_fields.iter().map(lower).collect();
        let input = wit::Rows {
            times: &rows.times,
            groups: &rows.groups,
            kinds: &rows.kinds,
            event_fields: &[],
            request_fields: &request_fields,
            input_features: &[],
            states: wit::StatesParam { ends: &rows.states.ends, bytes: &rows.states.bytes },
            want_states: false,
            features: features as u32,
        };
        let interface = guest.layout.onepath_layout_columns();
        let output = interface.call_process(&mut guest.store, &[], input).expect("no trap").expect("no failure");
        output.features.into_iter().map(lift).collect()
    }

    fn lower(column: &Column) -> wit::ColumnParam<'_> {
        let values = match column.values() {
            Values::Booleans(values) => wit::ValuesParam::Booleans(values),
            Values::Int64s(values) => wit::ValuesParam::Int64s(values),
            Values::Float64s(values) => wit::ValuesParam::Float64s(values),
            Values::Texts(texts) => wit::ValuesParam::Texts(wit::TextsParam { ends: &texts.ends, bytes: &texts.bytes }),
            Values::Times(values) => wit::ValuesParam::Times(values),
            Values::Float64Lists(lists) => {
                wit::ValuesParam::Float64Lists(wit::Float64ListsParam { ends: &lists.ends, values: &lists.values })
            }
        };
        wit::ColumnParam { values, nulls: column.nulls() }
    }

    fn lift(column: wit::ColumnResult) -> Column {
        let values = match column.values {
            wit::ValuesResult::Booleans(values) => Values::Booleans(values),
            wit::ValuesResult::Int64s(values) => Values::Int64s(values),
            wit::ValuesResult::Float64s(values) => Values::Float64s(canonicalise(values)),
            wit::ValuesResult::Texts(texts) => Values::Texts(Texts { ends: texts.ends, bytes: texts.bytes }),
            wit::ValuesResult::Times(values) => Values::Times(values),
            wit::ValuesResult::Float64Lists(_) => panic!("the guest gives no lists"),
        };
        Column::from_parts(values, column.nulls)
    }
}

/// Six lists for all columns together.
mod slabs {
    use super::bindings::exports::onepath::layout::slabs as wit;
    use super::{Column, Guest, Rows, Texts, ValueType, Values, canonical, type_of};

    /// The slabs of a call. Kept from call to call, so that a warm call does not allocate.
    #[derive(Default)]
    pub(super) struct Buffers {
        masked: Vec<u8>,
        integers: Vec<i64>,
        floats: Vec<f64>,
        flags: Vec<u8>,
        ends: Vec<u32>,
        bytes: Vec<u8>,
    }

    pub(super) fn call(guest: &mut Guest, rows: &Rows, features: usize) -> Vec<Column> {
        let slabs = &mut guest.slabs;
        slabs.gather(&rows.request_fields);
        let input = wit::Rows {
            times: &rows.times,
            groups: &rows.groups,
            kinds: &rows.kinds,
            cells: wit::CellsParam {
                masked: &slabs.masked,
                integers: &slabs.integers,
                floats: &slabs.floats,
                flags: &slabs.flags,
                ends: &slabs.ends,
                bytes: &slabs.bytes,
            },
            states: wit::StatesParam { ends: &rows.states.ends, bytes: &rows.states.bytes },
            want_states: false,
            features: features as u32,
        };
        let interface = guest.layout.onepath_layout_slabs();
        let output = interface.call_process(&mut guest.store, input).expect("no trap").expect("no failure");
        split(&output.cells, rows.len())
    }

    impl Buffers {
        fn gather(&mut self, columns: &[Column]) {
            let Self { masked, integers, floats, flags, ends, bytes } = self;
            masked.clear();
            integers.clear();
            floats.clear();
            flags.clear();
            ends.clear();
            bytes.clear();
            for column in columns {
                match column.values() {
                    Values::Booleans(values) => flags.extend_from_slice(values),
                    Values::Int64s(values) | Values::Times(values) => integers.extend_from_slice(values),
                    Values::Float64s(values) => floats.extend_from_slice(values),
                    Values::Texts(texts) => {
                        ends.extend_from_slice(&texts.ends);
                        bytes.extend_from_slice(&texts.bytes);
                    }
                    Values::Float64Lists(lists) => {
                        ends.extend_from_slice(&lists.ends);
                        floats.extend_from_slice(&lists.values);
                    }
                }
                masked.push(u8::from(column.nulls().is_some()));
                flags.extend_from_slice(column.nulls().unwrap_or_default());
            }
        }
    }

    fn split(cells: &wit::CellsResult, rows: usize) -> Vec<Column> {
        let (mut integers, mut floats, mut flags) = (&cells.integers[..], &cells.floats[..], &cells.flags[..]);
        let (mut ends, mut bytes) = (&cells.ends[..], &cells.bytes[..]);
        let column = |(column, masked): (usize, &u8)| {
            let values = match type_of(column) {
                ValueType::Int64 => Values::Int64s(take(&mut integers, rows).to_vec()),
                ValueType::Text => {
                    let ends = take(&mut ends, rows).to_vec();
                    let length = ends.last().map_or(0, |end| *end as usize);
                    Values::Texts(Texts { ends, bytes: take(&mut bytes, length).to_vec() })
                }
                _ => Values::Float64s(take(&mut floats, rows).iter().map(|value| canonical(*value)).collect()),
            };
            let nulls = (*masked != 0).then(|| take(&mut flags, rows).to_vec());
            Column::from_parts(values, nulls)
        };
        cells.masked.iter().enumerate().map(column).collect()
    }

    /// The next `count` values of a slab.
    fn take<'a, T>(slab: &mut &'a [T], count: usize) -> &'a [T] {
        let (taken, rest) = slab.split_at(count);
        *slab = rest;
        taken
    }
}

/// One list of bytes each way; the format is in `layout.wit`.
mod packed {
    use super::{Column, Guest, Rows, Texts, ValueType, Values, canonical, type_of};

    /// Words before the words of the columns, in the input and in the output.
    const INPUT_WORDS: usize = 10;
    const OUTPUT_WORDS: usize = 2;

    pub(super) fn call(guest: &mut Guest, rows: &Rows, features: usize) -> Vec<Column> {
        pack(&mut guest.packed, rows, features);
        let interface = guest.layout.onepath_layout_packed();
        let output = interface.call_process(&mut guest.store, &guest.packed).expect("no trap").expect("no failure");
        unpack(&output)
    }

    /// Writes `rows` to `buffer`, which is kept from call to call so that a warm call does not allocate.
    fn pack(buffer: &mut Vec<u8>, rows: &Rows, features: usize) {
        buffer.clear();
        let columns = &rows.request_fields;
        buffer.resize((4 * (INPUT_WORDS + 4 * columns.len())).next_multiple_of(8), 0);
        for (at, count) in [rows.len(), columns.len(), rows.states.len(), features].into_iter().enumerate() {
            set_word(buffer, at, count);
        }
        section(buffer, 4, bytes_of(&rows.times));
        section(buffer, 5, bytes_of(&rows.groups));
        section(buffer, 6, &rows.kinds);
        section(buffer, 7, bytes_of(&rows.states.ends));
        section(buffer, 8, &rows.states.bytes);
        set_word(buffer, 9, rows.states.bytes.len());
        for (column, words) in columns.iter().zip((INPUT_WORDS..).step_by(4)) {
            match column.values() {
                Values::Booleans(values) => section(buffer, words, values),
                Values::Int64s(values) | Values::Times(values) => section(buffer, words, bytes_of(values)),
                Values::Float64s(values) => section(buffer, words, bytes_of(values)),
                Values::Texts(texts) => {
                    section(buffer, words, bytes_of(&texts.ends));
                    section(buffer, words + 1, &texts.bytes);
                    set_word(buffer, words + 2, texts.bytes.len());
                }
                Values::Float64Lists(_) => panic!("the benchmark has no lists"),
            }
            if let Some(nulls) = column.nulls() {
                section(buffer, words + 3, nulls);
            }
        }
    }

    /// Appends a section and writes its offset to the word at `word`.
    fn section(buffer: &mut Vec<u8>, word: usize, bytes: &[u8]) {
        let start = buffer.len();
        set_word(buffer, word, start);
        buffer.extend_from_slice(bytes);
        buffer.resize(buffer.len().next_multiple_of(8), 0);
    }

    fn unpack(bytes: &[u8]) -> Vec<Column> {
        let (rows, columns) = (word(bytes, 0), word(bytes, 1));
        let column = |column: usize| {
            let [at, at_bytes, length, at_nulls] = [0, 1, 2, 3].map(|at| word(bytes, OUTPUT_WORDS + 4 * column + at));
            let values = match type_of(column) {
                ValueType::Int64 => Values::Int64s(numbers(bytes, at, rows).map(i64::from_le_bytes).collect()),
                ValueType::Text => Values::Texts(Texts {
                    ends: numbers(bytes, at, rows).map(u32::from_le_bytes).collect(),
                    bytes: bytes[at_bytes..at_bytes + length].to_vec(),
                }),
                _ => {
                    let values = numbers(bytes, at, rows).map(f64::from_le_bytes).map(canonical);
                    Values::Float64s(values.collect())
                }
            };
            let nulls = (at_nulls != 0).then(|| bytes[at_nulls..at_nulls + rows].to_vec());
            Column::from_parts(values, nulls)
        };
        (0..columns).map(column).collect()
    }

    /// The bytes of numbers, which is what a host on a little-endian machine copies.
    fn bytes_of<T: Copy>(numbers: &[T]) -> &[u8] {
        const { assert!(cfg!(target_endian = "little")) };
        // SAFETY: the benchmark's numbers are i64, u32 and f64, which have no padding, and any byte is a u8.
        unsafe { std::slice::from_raw_parts(numbers.as_ptr().cast(), size_of_val(numbers)) }
    }

    /// The word at a place counted in words.
    fn word(bytes: &[u8], at: usize) -> usize {
        bytes[4 * at..].first_chunk().map_or(0, |word| u32::from_le_bytes(*word)) as usize
    }

    fn set_word(bytes: &mut [u8], at: usize, word: usize) {
        bytes[4 * at..4 * at + 4].copy_from_slice(&(word as u32).to_le_bytes());
    }

    /// `count` numbers of `N` bytes from `at`.
    fn numbers<const N: usize>(bytes: &[u8], at: usize, count: usize) -> impl ExactSizeIterator<Item = [u8; N]> {
        bytes[at..at + N * count].as_chunks::<N>().0.iter().copied()
    }
}
