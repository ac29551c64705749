//! What an admission costs at most: however a component is made, `onepath check` ends in time, in little memory, and says why.

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::made::{self, Made};
use crate::run::alone;
use crate::table::GUESTS;

/// The time that each admission here has; by default it would be 20 s.
const MS_MAX: u64 = 4_000;

/// What the command takes besides, on a busy machine: to start, to end the child and to say what came of it.
const MS_BESIDES: u64 = 6_000;

/// The memory of all processes together, in bytes: the default for the one that tries.
const BYTES_MAX: u64 = 600 << 20;

/// How a check ends.
enum Ends {
    /// Refused by what it declares, before it is compiled: soon.
    Counted(&'static str),
    /// Refused in one of these ways.
    Refused(&'static [&'static str]),
    /// Any verdict, within the budget.
    Anyhow,
}
use Ends::{Anyhow, Counted, Refused};

/// What is said where the time is over, and where the memory is full.
const TIME: &str = "(`admission_ms_max` under [limits]) were over while";
const MEMORY: &str = "(`admission_bytes_max` under [limits]) while";

#[test]
fn whatever_is_checked_ends_within_its_budget() {
    let _alone = alone();
    let guests: [(&str, Ends); 9] = [
        ("calls_slow", Refused(&[TIME, "2000 ms for one call"])),
        ("describe_slow", Refused(&[TIME, "2000 ms for one call"])),
        ("endless_describe", Refused(&["2000 ms for one call", TIME])),
        ("endless_process", Refused(&["2000 ms for one call", TIME])),
        ("description_wide", Anyhow),
        ("text_large", Refused(&[MEMORY, TIME])),
        ("state_doubles", Refused(&["where at most 1048576 are allowed", TIME])),
        ("state_doubles_to_the_limit", Anyhow),
        ("memory_to_the_limit", Refused(&[MEMORY, TIME])),
    ];
    for (name, ends) in guests {
        let guest = GUESTS.iter().find(|guest| guest.name == name).expect("a row of the table");
        assert!(matches!(guest.made, Made::Cargo), "{name}");
        check(name, &guest.made.bytes(name), &ends);
    }
}

#[test]
fn whatever_is_compiled_ends_within_its_budget() {
    let _alone = alone();
    let text = |text: String| wat::parse_str(text).expect("is text");
    check("exports of a module", &text(exports_of_a_module(200_000)), &Counted("more than 10000 exports"));
    check("exports of a component", &text(exports_of_a_component(200_000)), &Counted("more than 10000 exports"));
    check("exports as many as may be", &text(exports_of_a_component(9_000)), &Refused(&["it exports f0, f1"]));
    check("imports of a module", &text(imports_of_a_module(200_000)), &Counted("more than 10000 imports"));
    check("functions", &text(functions(200_000)), &Counted("more than 100000 functions"));
    check("functions as many as may be", &text(functions(99_000)), &Refused(&["it exports nothing", TIME, MEMORY]));
    check("components in components", &text(nested_components(40)), &Counted("more than 16 levels"));
    check("locals", &text(locals(40_000)), &Counted("more than 10000 local variables"));
    check("instances", &text(instances(5_000)), &Counted("more than 1000 instances"));
    check("types in types", &nested_types(1 << 20), &Counted("more than 131072 bytes of types"));
    check(
        "types in types as many as may be",
        &nested_types(130_000),
        &Refused(&["not a WebAssembly component", "ended by"]),
    );
    check("a large function", &large_function(250 << 10), &Refused(&[TIME, MEMORY, "it exports nothing"]));
    check("many large functions", &made::slow_to_compile(), &Refused(&[TIME, MEMORY, "it exports nothing"]));
    check(
        "blocks in blocks",
        &text(nested_blocks(80_000)),
        &Refused(&["it exports nothing", "ended by", TIME, MEMORY]),
    );
}

#[test]
fn a_child_ends_with_its_parent() {
    let _alone = alone();
    let file = file("slow", &made::slow_to_compile());
    for signal in [libc::SIGKILL, libc::SIGINT] {
        let mut parent = started(&file.path().join("slow.wasm"), 60_000);
        let child = until(|| children(parent.id()).first().copied()).expect("a child is started");
        // SAFETY: `kill` takes any values; the process is one that this test started and did not wait for.
        unsafe { libc::kill(parent.id() as libc::pid_t, signal) };
        parent.wait().expect("it ends");
        until(|| (!is_running(child)).then_some(()))
            .unwrap_or_else(|| panic!("an orphan is left after signal {signal}"));
    }
}

/// Checks one component and prints what it took.
fn check(name: &str, bytes: &[u8], ends: &Ends) {
    let file = file("component", bytes);
    let begun = Instant::now();
    let (output, peak) = watched(started(&file.path().join("component.wasm"), MS_MAX));
    let (took, told) = (begun.elapsed(), String::from_utf8_lossy(&output.stdout).into_owned());
    let lines: Vec<&str> = told.lines().map(str::trim).take_while(|line| !line.starts_with('┌')).collect();
    let words = lines.join(" | ").replace(&*file.path().to_string_lossy(), "");
    println!("{name}: {} ms, {} MiB: {words}", took.as_millis(), peak >> 20);
    // On a machine that is busy with other things, three times as long.
    assert!(took < Duration::from_millis(3 * MS_MAX + MS_BESIDES), "{name} took {took:?}: {told}");
    assert!(peak < BYTES_MAX, "{name} took {peak} bytes: {told}");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let words: &[&str] = match ends {
        Anyhow => return assert!(output.status.code().is_some_and(|code| code < 2), "{name}: {told}{stderr}"),
        Counted(words) => {
            assert!(took < Duration::from_secs(1), "{name} took {took:?} to be counted");
            &[words]
        }
        Refused(words) => words,
    };
    assert_eq!(output.status.code(), Some(1), "{name}: {told}{stderr}");
    assert!(words.iter().any(|words| told.contains(words)), "{name}: {words:?} are not in {told}");
}

fn file(name: &str, bytes: &[u8]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(dir.path().join(format!("{name}.wasm")), bytes).expect("writes");
    dir
}

fn started(path: &Path, ms_max: u64) -> Child {
    let mut check = Command::new(env!("CARGO_BIN_EXE_onepath"));
    check.arg("check").arg(path).args(["--admission-ms-max", &ms_max.to_string()]);
    check.current_dir(path.parent().expect("a folder")).stdout(Stdio::piped()).stderr(Stdio::piped());
    check.spawn().expect("the command starts")
}

/// The output of a process, and the sum of the most memory that it and each of its children had.
fn watched(process: Child) -> (Output, u64) {
    let (id, ended, peak) = (process.id(), AtomicBool::new(false), AtomicU64::new(0));
    let output = std::thread::scope(|scope| {
        scope.spawn(|| {
            let (mut of_parent, mut of_children) = (0, 0);
            while !ended.load(Ordering::Relaxed) {
                of_parent = of_parent.max(peak_bytes(id));
                of_children = children(id).into_iter().map(peak_bytes).max().unwrap_or(0).max(of_children);
                peak.store(of_parent + of_children, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        let output = process.wait_with_output().expect("it ends");
        ended.store(true, Ordering::Relaxed);
        output
    });
    (output, peak.load(Ordering::Relaxed))
}

/// The most memory that a process had so far.
fn peak_bytes(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).map_or(0, |kib| kib << 10)
}

/// The processes that a process has started.
fn children(id: u32) -> Vec<u32> {
    let of_process = |process: std::fs::DirEntry| {
        let child: u32 = process.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).ok()?;
        let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?;
        (parent.parse() == Ok(id)).then_some(child)
    };
    let processes = std::fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok);
    processes.filter_map(of_process).collect()
}

/// Whether a process is there, and is no more than a status that nobody has asked for.
fn is_running(id: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !matches!(rest.split_whitespace().next(), None | Some("Z" | "X")))
}

/// What is found, if it is within ten seconds.
fn until<T>(mut find: impl FnMut() -> Option<T>) -> Option<T> {
    let begun = Instant::now();
    std::iter::from_fn(|| (begun.elapsed() < Duration::from_secs(10)).then(&mut find)).flatten().next()
}

fn exports_of_a_module(count: usize) -> String {
    let exports: String = (0..count).map(|at| format!("(export \"f{at}\" (func $f))")).collect();
    format!("(component (core module (func $f) {exports}))")
}

fn exports_of_a_component(count: usize) -> String {
    let exports: String = (0..count).map(|at| format!("(export \"f{at}\" (func $f))")).collect();
    format!(
        "(component (core module $m (func (export \"f\"))) (core instance $i (instantiate $m)) \
         (func $f (canon lift (core func $i \"f\"))) {exports})"
    )
}

fn imports_of_a_module(count: usize) -> String {
    let imports: String = (0..count).map(|at| format!("(import \"m\" \"f{at}\" (func))")).collect();
    format!("(component (core module {imports}))")
}

fn functions(count: usize) -> String {
    format!("(component (core module {}))", "(func (param i32) (result i32) local.get 0)".repeat(count))
}

fn nested_components(depth: usize) -> String {
    format!("{}{}", "(component ".repeat(depth), ")".repeat(depth))
}

fn locals(count: usize) -> String {
    format!("(component (core module (func (local {}))))", "i64 ".repeat(count))
}

fn instances(count: usize) -> String {
    format!("(component (core module $m) {})", "(core instance (instantiate $m))".repeat(count))
}

/// Types of components that hold types of components, and never end: they are read by recursion.
fn nested_types(bytes: usize) -> Vec<u8> {
    // A component, with a section of types that holds one.
    let mut component = b"\0asm\x0d\0\x01\0\x07".to_vec();
    let types: Vec<u8> = std::iter::once(1).chain([0x41, 1, 1].into_iter().cycle()).take(bytes).collect();
    component.extend((0..5).map(|at| ((types.len() >> (7 * at)) & 0x7f) as u8 | if at < 4 { 0x80 } else { 0 }));
    component.extend(types);
    component
}

/// The largest function of at most so many bytes that jumps from anywhere to anywhere: the worst that was found.
fn large_function(bytes: usize) -> Vec<u8> {
    let parts = (1..).map(made::jumps).take_while(|module| module.len() <= bytes);
    parts.last().expect("one part is smaller")
}

fn nested_blocks(depth: usize) -> String {
    format!("(component (core module (func {} {})))", "block ".repeat(depth), "end ".repeat(depth))
}
