//! Where the bytes of guests come from: cargo, WebAssembly text, or a spoiled copy of a good component.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use onepath::build::{CargoBuild, build_component};
use onepath::wasm::Limits;

use crate::run::COMPONENT_BYTES_MAX;

/// How a guest's bytes are made.
pub(crate) enum Made {
    /// By cargo, from the file of its name in `examples/`.
    Cargo,
    /// From the bytes of a component that is well formed.
    Bytes(fn(&[u8]) -> Vec<u8>),
    /// From WebAssembly text.
    Wat(&'static str),
    /// From the text inside a component.
    Component(&'static str),
    /// From the text inside a component that exports the names of a transform, though not its types.
    Transform(&'static str),
}

impl Made {
    /// The bytes of the guest `name`.
    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        let text = |text: String| wat::parse_str(text).unwrap_or_else(|error| panic!("the text of {name}: {error}"));
        match self {
            Self::Cargo => read(&built().join(format!("{name}.wasm"))),
            Self::Bytes(spoil) => spoil(&text(format!("(component {EXPORTS})"))),
            Self::Wat(module) => text((*module).to_owned()),
            Self::Component(inside) => text(format!("(component {inside})")),
            Self::Transform(inside) => text(format!("(component {inside} {EXPORTS})")),
        }
    }
}

/// The folder of the guests' package.
pub(crate) fn package() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/guests")
}

/// The bytes of the good component: the churn transform of the example.
pub(crate) fn good() -> Vec<u8> {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    read(PATH.get_or_init(|| {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guests").join("churn.wasm");
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../transforms/churn");
        build_component(&dir, &path, &mut |_| {}).expect("churn builds");
        path
    }))
}

/// Builds all guests of the package, once, and gives the folder of their components.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut build = CargoBuild::new(&package(), &mut |_| {}).expect("the package of the guests");
        build.cargo.args(["--examples", "--quiet"]);
        build.run().expect("the guests build").join("examples")
    })
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A component with a custom section that makes it one byte too large.
pub(crate) fn padded(good: &[u8]) -> Vec<u8> {
    let mut bytes = good.to_vec();
    // A custom section: its id, its length in five bytes of LEB128, an empty name, and zeros.
    let length = COMPONENT_BYTES_MAX as usize + 1 - good.len() - 6;
    bytes.push(0);
    bytes.extend((0..5).map(|at| ((length >> (7 * at)) & 0x7f) as u8 | if at < 4 { 0x80 } else { 0 }));
    bytes.resize(bytes.len() + length, 0);
    bytes
}

/// A component with one bit of its first core module turned.
pub(crate) fn bit_flipped(good: &[u8]) -> Vec<u8> {
    let mut bytes = good.to_vec();
    bytes[good.len() / 8] ^= 0x40;
    bytes
}

/// A component with a function of one byte more than is allowed.
pub(crate) fn function_large(_: &[u8]) -> Vec<u8> {
    // Its end and the count of its locals are bytes too.
    let nops = "nop ".repeat(Limits::default().function_bytes_max as usize - 1);
    wat::parse_str(format!("(component (core module (func {nops})))")).expect("is text")
}

/// A component that takes a second or more to compile: two functions of blocks that each jump to any of them, over a thousand
/// locals.
pub(crate) fn slow_to_compile() -> Vec<u8> {
    wat::parse_str(format!("(component (core module {}))", jumping(4).repeat(2))).expect("is text")
}

/// A component with one such function, of so many parts.
pub(crate) fn jumps(parts: usize) -> Vec<u8> {
    wat::parse_str(format!("(component (core module {}))", jumping(parts))).expect("is text")
}

fn jumping(parts: usize) -> String {
    const BLOCKS: usize = 400;
    let targets: String = (0..BLOCKS).map(|block| format!("{block} ")).collect();
    let ends: String = (0..BLOCKS)
        .map(|at| {
            let [a, b, c] = [7, 13, 31].map(|step| at * step % 1_000);
            format!("end (local.set {c} (i64.add (local.get {a}) (local.get {b})))\n")
        })
        .collect();
    let part = format!("{} (br_table {targets} (i32.wrap_i64 (local.get 0)))\n{ends}", "block ".repeat(BLOCKS));
    format!("(func (local {}) {})\n", "i64 ".repeat(1_000), part.repeat(parts))
}

/// The two exports of a transform, as functions that take and give nothing.
const EXPORTS: &str = r#"
    (core module $nothing (func (export "run")))
    (core instance $nothing (instantiate $nothing))
    (func $run (canon lift (core func $nothing "run")))
    (instance $transform (export "describe" (func $run)) (export "process" (func $run)))
    (export "onepath:feature/transform@0.1.0" (instance $transform))"#;

pub(crate) const WORLD_OF_ANOTHER: &str = r#"
    (core module $nothing (func (export "run")))
    (core instance $nothing (instantiate $nothing))
    (func $run (canon lift (core func $nothing "run")))
    (instance $command (export "run" (func $run)))
    (export "wasi:cli/run@0.2.0" (instance $command))"#;

pub(crate) const VERSION_OF_OLD: &str = r#"
    (instance $transform)
    (export "onepath:feature/transform@0.0.9" (instance $transform))"#;

pub(crate) const VERSION_OF_TOMORROW: &str = r#"
    (instance $transform)
    (export "onepath:feature/transform@1.0.0" (instance $transform))"#;

pub(crate) const IMPORT_BACKDOOR: &str = r#"(import "evil:host/backdoor" (instance (export "open" (func))))"#;

pub(crate) const IMPORT_BARE_FUNCTION: &str = r#"(import "open" (func))"#;

pub(crate) const IMPORT_MODULE: &str = r#"(import "code" (core module))"#;

pub(crate) const START_ENDLESS: &str =
    "(core module $m (func $f (loop br 0)) (start $f)) (core instance (instantiate $m))";

pub(crate) const START_TRAPS: &str =
    "(core module $m (func $f unreachable) (start $f)) (core instance (instantiate $m))";

pub(crate) const MEMORY_AT_START: &str = "(core module $m (memory 65536)) (core instance (instantiate $m))";

/// Three memories of 16 MiB: each is within the limit, all together are not.
pub(crate) const MEMORIES_TOGETHER: &str = "
    (core module $m (memory 256))
    (core instance (instantiate $m)) (core instance (instantiate $m)) (core instance (instantiate $m))";

pub(crate) const MEMORIES_MANY: &str = "(core module $m
        (memory 0) (memory 0) (memory 0) (memory 0) (memory 0) (memory 0) (memory 0) (memory 0) (memory 0))
    (core instance (instantiate $m)) (core instance (instantiate $m))";

pub(crate) const TABLES_TOGETHER: &str = "
    (core module $m (table 60000 funcref) (table 60000 funcref))
    (core instance (instantiate $m))";

/// Asks for standard error until there is no handle left, and gives none back.
pub(crate) const HANDLES_UNBOUNDED: &str = r#"
    (import "wasi:io/streams@0.2.6" (instance $streams (export "output-stream" (type (sub resource)))))
    (alias export $streams "output-stream" (type $stream))
    (import "wasi:cli/stderr@0.2.6" (instance $stderr
        (alias outer 1 $stream (type $outer))
        (export "output-stream" (type $own (eq $outer)))
        (export "get-stderr" (func (result (own $own))))))
    (core func $get (canon lower (func $stderr "get-stderr")))
    (core module $m
        (import "host" "get" (func $get (result i32)))
        (func $f (loop (drop (call $get)) (br 0)))
        (start $f))
    (core instance (instantiate $m (with "host" (instance (export "get" (func $get))))))"#;

pub(crate) const SIMD_RELAXED: &str = "(core module
    (func (result v128) (i8x16.relaxed_swizzle (v128.const i64x2 0 0) (v128.const i64x2 0 0))))";

pub(crate) const MEMORY_SHARED: &str = "(core module (memory 1 1 shared))";
