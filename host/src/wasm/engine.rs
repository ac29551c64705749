//! The engine: one deterministic configuration for every component, offline and online.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use wasmtime::{Config, Engine, OptLevel};

use super::cache::Cache;
use super::error::LoadError;
use super::watch::Dice;
use super::{Component, Limits, Repeats, bounds};

/// The engine that runs components, as manifests name it.
pub const ENGINE_VERSION: &str = "wasmtime 48.0";

/// Milliseconds between two epochs: the grain of the limit on a call's time.
pub(super) const EPOCH_MS: u64 = 10;

/// How components are compiled. Every variant gives the same bits; a component for which it does not is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Variant {
    /// The optimising compiler: the code that makes training sets and answers requests.
    Serving,
    /// An interpreter, of code that no optimisation has touched: neither the rewriting of expressions nor the machine code of
    /// [`Variant::Serving`]. Many times slower; for admission to compare, and for proofs.
    Interpreted,
    /// The code of [`Variant::Serving`] that also counts what it executes, for a cost that is the same on every machine.
    Metered,
}

/// How long an instance of a component is used. Of a component that keeps nothing between calls, the bits are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// From call to call, by one thread at a time.
    #[default]
    Shared,
    /// For one call. Nothing that a component keeps outlives the call; every call pays for a fresh instance.
    Call,
}

/// What loading a component is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It is compiled.
    Compiling,
    /// Its first instance starts, and says what it takes and gives.
    Describing,
}

/// Loads components. One per process is enough; it is cheap to share and safe to use from any thread.
pub struct Runtime {
    engine: Engine,
    variant: Variant,
    limits: Limits,
    cache: Option<Cache>,
    repeats: Repeats,
    isolation: Isolation,
    dice: Mutex<Dice>,
    /// No call, and no compiling, takes longer: what is left of a budget, in milliseconds.
    ms_left: AtomicU64,
}

impl Runtime {
    /// A runtime with `limits` that keeps compiled components in `cache_dir`, if given.
    pub fn new(limits: Limits, cache_dir: Option<PathBuf>) -> Result<Arc<Self>, LoadError> {
        Self::with_repeats(limits, cache_dir, 0)
    }

    /// A runtime that repeats one of `repeat_every` calls of a component, at random and more of the first ones, on a fresh instance,
    /// cut differently, and compares the answers in bits; 0 repeats none. A component whose answers differ is quarantined: see
    /// [`CallError::Differs`].
    ///
    /// [`CallError::Differs`]: super::CallError::Differs
    pub fn with_repeats(limits: Limits, cache_dir: Option<PathBuf>, repeat_every: u64) -> Result<Arc<Self>, LoadError> {
        Self::start(Variant::Serving, limits, cache_dir, Repeats::every(repeat_every), Isolation::Shared)
    }

    /// A runtime of another variant, for admission. It keeps nothing: what it compiles is used once.
    pub fn of_variant(variant: Variant, limits: Limits) -> Result<Arc<Self>, LoadError> {
        Self::start(variant, limits, None, Repeats::every(0), Isolation::Shared)
    }

    /// A runtime with all that can be said of one; see [`Runtime::with_repeats`].
    pub fn start(
        variant: Variant,
        limits: Limits,
        cache_dir: Option<PathBuf>,
        repeats: Repeats,
        isolation: Isolation,
    ) -> Result<Arc<Self>, LoadError> {
        let engine = Engine::new(&configuration(&limits, variant)?)
            .map_err(|error| LoadError::Engine { reason: format!("{error:#}") })?;
        start_ticker(&engine)?;
        let dice = Mutex::new(Dice::new(repeats.seed, "runtime"));
        let (cache, ms_left) = (cache_dir.map(Cache::new), AtomicU64::new(u64::MAX));
        Ok(Arc::new(Self { engine, variant, limits, cache, repeats, isolation, dice, ms_left }))
    }

    /// Loads the component in the file `path`.
    pub fn load(self: &Arc<Self>, path: &Path) -> Result<Component, LoadError> {
        self.load_bytes(&path.display().to_string(), &bounds::read_component(path, &self.limits)?)
    }

    /// Loads a component from its bytes; `name` stands for it in errors.
    pub fn load_bytes(self: &Arc<Self>, name: &str, bytes: &[u8]) -> Result<Component, LoadError> {
        self.load_watched(name, bytes, &|_| {})
    }

    /// Loads a component from its bytes, and tells what it is at.
    pub(crate) fn load_watched(
        self: &Arc<Self>,
        name: &str,
        bytes: &[u8],
        tell: &dyn Fn(Stage),
    ) -> Result<Component, LoadError> {
        bounds::check_size(name, bytes.len() as u64, &self.limits)?;
        Component::load(self, name, bytes, tell)
    }

    /// Whether machine code of these bytes is kept.
    pub(crate) fn is_compiled(&self, digest: &str) -> bool {
        self.cache.as_ref().is_some_and(|cache| cache.holds(&self.engine, digest))
    }

    /// From now on no call, and no compiling, takes longer than `ms`.
    pub(crate) fn hold_to(&self, ms: u64) {
        self.ms_left.store(ms, Ordering::Relaxed);
    }

    /// How it runs components.
    pub(crate) fn variant(&self) -> Variant {
        self.variant
    }

    /// Milliseconds that one call may take.
    pub(super) fn call_ms(&self) -> u64 {
        self.limits.call_ms_max.min(self.ms_left.load(Ordering::Relaxed))
    }

    /// Milliseconds that compiling may take.
    pub(super) fn compile_ms(&self) -> u64 {
        self.limits.compile_ms_max.min(self.limits.admission_ms_max).min(self.ms_left.load(Ordering::Relaxed))
    }

    /// The limits of its components.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// A number in `0..end`, by the chance that decides which calls are repeated.
    pub(crate) fn draw(&self, end: usize) -> usize {
        self.dice.lock().unwrap_or_else(PoisonError::into_inner).below(end)
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn is_metered(&self) -> bool {
        self.variant == Variant::Metered
    }

    pub(super) fn isolation(&self) -> Isolation {
        self.isolation
    }

    pub(super) fn repeats(&self) -> &Repeats {
        &self.repeats
    }

    pub(super) fn cache(&self) -> Option<&Cache> {
        self.cache.as_ref()
    }
}

/// The deterministic configuration: one answer in bits for one input, whatever the machine.
fn configuration(limits: &Limits, variant: Variant) -> Result<Config, LoadError> {
    let mut config = Config::new();
    match variant {
        Variant::Serving => {}
        Variant::Interpreted => {
            config.target("pulley64").map_err(|error| LoadError::Engine { reason: format!("{error:#}") })?;
            config.cranelift_opt_level(OptLevel::None);
        }
        Variant::Metered => {
            config.consume_fuel(true);
        }
    }
    config.wasm_component_model(true);
    // Concurrency makes every synchronous call build a task; transforms are synchronous. The cargo feature is off as well.
    config.concurrency_support(false);
    config.cranelift_nan_canonicalization(true);
    config.wasm_relaxed_simd(false);
    config.relaxed_simd_deterministic(true);
    config.wasm_backtrace_max_frames(None);
    config.epoch_interruption(true);
    config.max_wasm_stack(limits.stack_bytes_max);
    // A memory that never moves lets compiled code keep its base address; it cannot outgrow the default reservation.
    config.memory_may_move(false);
    config.native_unwind_info(false);
    config.generate_address_map(false);
    Ok(config)
}

/// Advances the engine's epoch until the engine is gone.
fn start_ticker(engine: &Engine) -> Result<(), LoadError> {
    let weak = engine.weak();
    std::thread::Builder::new()
        .name("onepath-epoch".to_owned())
        .spawn(move || {
            while let Some(engine) = weak.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(Duration::from_millis(EPOCH_MS));
            }
        })
        .map_err(|error| LoadError::Engine { reason: format!("cannot start the epoch thread: {error}") })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_interpreted_variant_is_an_interpreter() {
        let is_interpreter = [Variant::Serving, Variant::Interpreted, Variant::Metered]
            .map(|variant| Runtime::of_variant(variant, Limits::default()).expect("starts").engine.is_pulley());
        assert_eq!(is_interpreter, [false, true, false]);
    }
}
