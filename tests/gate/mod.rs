//! What is asked of a component before it is used: who built it, from what, that it is the one that was pinned, and that it
//! keeps the laws.

mod admission;
mod bindings;
mod child;
mod component;
mod faults;
mod interpreter;
mod lock;
mod proof;
mod reproducible;
mod sdk_cache;
mod standard;
mod store;
mod without_fields;

use onepath::feature_store::OpenOptions;
use onepath::project::ServingSettings;
use onepath::wasm::Limits;

use crate::support::repository;

/// `host/README.md` lists every limit with its default.
#[test]
fn every_limit_is_documented_with_its_default() {
    let text = std::fs::read_to_string(repository().join("host/README.md")).expect("is there");
    let rows = text.lines().filter_map(|line| {
        let mut cells = line.split('|').map(str::trim).skip(1);
        let name = cells.next()?.strip_prefix('`')?.strip_suffix('`')?.to_owned();
        Some((name, cells.next()?.parse::<u64>().ok()?))
    });
    let documented: Vec<(String, u64)> = rows.collect();
    // Every field by name: a new one does not compile until it is here.
    let Limits {
        component_bytes_max,
        function_bytes_max,
        compile_ms_max,
        admission_ms_max,
        admission_bytes_max,
        memory_bytes_max,
        table_elements_max,
        stack_bytes_max,
        call_ms_max,
        output_bytes_max,
        description_bytes_max,
        state_bytes_max,
        stderr_bytes_max,
    } = Limits::default();
    let expected = [
        ("component_bytes_max", component_bytes_max),
        ("function_bytes_max", function_bytes_max),
        ("compile_ms_max", compile_ms_max),
        ("admission_ms_max", admission_ms_max),
        ("admission_bytes_max", admission_bytes_max),
        ("memory_bytes_max", memory_bytes_max as u64),
        ("table_elements_max", table_elements_max as u64),
        ("stack_bytes_max", stack_bytes_max as u64),
        ("call_ms_max", call_ms_max),
        ("output_bytes_max", output_bytes_max as u64),
        ("description_bytes_max", description_bytes_max as u64),
        ("state_bytes_max", state_bytes_max as u64),
        ("stderr_bytes_max", stderr_bytes_max as u64),
        ("served_bytes_max", ServingSettings::default().served_bytes_max),
    ];
    assert_eq!(documented, expected.map(|(name, default)| (name.to_owned(), default)));
    let every = OpenOptions::default().repeat_every;
    assert!(every == 1_000 && text.contains("the default is 1 in 1,000 calls, and 1 in 20 of the first"));
}
