//! What a component finds behind its imports: constants, captured output, or a trap that names the import.

use std::time::Duration;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, ComponentType, Lift, Linker, LinkerInstance, Lower, Resource, ResourceType, Val};

use wasmtime::{Engine, ResourceLimiter, StoreContextMut};

use super::Limits;
use super::error::{LimitHit, LoadError, Refused, printable};
use super::written::Written;
use crate::time::Stopwatch;
use crate::usage::ThreadTime;

/// What the host keeps beside an instance.
pub(super) struct HostState {
    memory_bytes: usize,
    memory_bytes_max: usize,
    table_elements: usize,
    table_elements_max: usize,
    output: Vec<u8>,
    output_bytes_max: usize,
    output_cut: bool,
    /// What is written, for whoever wants to see it.
    written: Option<Written>,
    patience: Option<Patience>,
}

/// How long a call that repeats another one may take.
struct Patience {
    whole: Stopwatch,
    thread: ThreadTime,
    /// Of the processor's time.
    thread_max: Duration,
    whole_max: Duration,
    is_over: bool,
}

impl HostState {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            memory_bytes: 0,
            memory_bytes_max: limits.memory_bytes_max,
            table_elements: 0,
            table_elements_max: limits.table_elements_max,
            output: Vec::new(),
            output_bytes_max: limits.stderr_bytes_max,
            output_cut: false,
            written: None,
            patience: None,
        }
    }

    /// From now on the calls of this thread may take so much of the processor's time together, and so much time at all.
    pub(super) fn be_patient(&mut self, thread_max: Duration, whole_max: Duration) {
        let (whole, thread) = (Stopwatch::start(), ThreadTime::start());
        self.patience = Some(Patience { whole, thread, thread_max, whole_max, is_over: false });
    }

    /// Looks whether that time is over.
    pub(super) fn look_at_time(&mut self) -> Result<(), LimitHit> {
        let Some(patience) = &mut self.patience else { return Ok(()) };
        let whole = patience.whole.elapsed();
        patience.is_over |= whole > patience.whole_max || patience.thread.of(whole) > patience.thread_max;
        match patience.is_over {
            true => Err(LimitHit(format!("{} ms for a call that repeats another", patience.thread_max.as_millis()))),
            false => Ok(()),
        }
    }

    /// Whether it was over when it was looked at.
    pub(super) fn is_late(&self) -> bool {
        self.patience.as_ref().is_some_and(|patience| patience.is_over)
    }

    /// The linear memory of the instance, in bytes.
    pub(super) fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    /// Whether the instance asked for more memory or tables than it may have.
    pub(super) fn has_outgrown(&self) -> bool {
        self.memory_bytes > self.memory_bytes_max || self.table_elements > self.table_elements_max
    }

    /// Forgets what the last call wrote.
    pub(super) fn clear_output(&mut self) {
        self.output.clear();
        self.output_cut = false;
    }

    /// From now on what is written is kept, until it is taken.
    pub(super) fn keep_written(&mut self) {
        self.written = Some(Written::default());
    }

    /// What was written since it is kept.
    pub(super) fn take_written(&mut self) -> Written {
        self.written.take().unwrap_or_default()
    }

    /// What the call wrote to standard output and error, as text.
    pub(super) fn output(&self) -> String {
        let text = String::from_utf8_lossy(&self.output);
        let lines = text.lines().filter(|line| !is_advice(line));
        let text = printable(lines.collect::<Vec<_>>().join("\n").trim());
        if self.output_cut { format!("(cut) ...{text}") } else { text }
    }

    /// Keeps the end of what is written: a panic message comes last.
    fn capture(&mut self, bytes: &[u8]) {
        if let Some(written) = &mut self.written {
            written.keep(bytes);
        }
        let bytes_max = self.output_bytes_max;
        let kept = &bytes[bytes.len().saturating_sub(bytes_max)..];
        let over = (self.output.len() + kept.len()).saturating_sub(bytes_max);
        self.output_cut |= over > 0 || kept.len() < bytes.len();
        self.output.drain(..over);
        self.output.extend_from_slice(kept);
    }
}

/// Whether a line of a panic advises what cannot be done: the environment of a transform is empty.
pub(super) fn is_advice(line: &str) -> bool {
    line.starts_with("note: run with `RUST_BACKTRACE=1`")
}

impl ResourceLimiter for HostState {
    // A component may hold many core modules with a memory each, so the limits are on the sums.
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        self.memory_bytes = self.memory_bytes.saturating_add(desired - current);
        if self.memory_bytes > self.memory_bytes_max {
            // An error ends the call. Answering "no" would let the guest see the limit and act on it.
            return Err(LimitHit(format!("memory of {} bytes", self.memory_bytes_max)).into());
        }
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        self.table_elements = self.table_elements.saturating_add(desired - current);
        if self.table_elements > self.table_elements_max {
            return Err(LimitHit(format!("tables of {} elements", self.table_elements_max)).into());
        }
        Ok(true)
    }

    /// Each memory reserves 4 GiB of address space, however small it is.
    fn memories(&self) -> usize {
        16
    }
}

/// The stream behind standard output and error.
struct Output;

/// A resource behind which there is nothing: no call gives one out, but for what waits for [`Output`].
struct Never;

/// `wasi:io/streams.stream-error`.
#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    #[allow(dead_code, reason = "the interface has the case; captured output never fails")]
    LastOperationFailed(Resource<Never>),
    #[component(name = "closed")]
    #[allow(dead_code, reason = "the interface has the case; captured output never closes")]
    Closed,
}

/// Bytes that a captured stream says it takes at once.
const WRITE_BYTES: u64 = 64 << 10;

/// One import of a component and how it is answered.
pub(super) struct Answered {
    pub(super) import: String,
    pub(super) answer: &'static str,
}

/// A linker that answers every import of `component`.
pub(super) fn link(
    engine: &Engine,
    name: &str,
    component: &Component,
) -> Result<(Linker<HostState>, Vec<Answered>), LoadError> {
    let mut linker = Linker::new(engine);
    let mut answers = Vec::new();
    let world = component.component_type();
    for (import, item) in world.imports(engine) {
        let refuse = || LoadError::Import { name: name.to_owned(), import: import.to_owned() };
        let ComponentItem::ComponentInstance(interface) = item.ty else { return Err(refuse()) };
        // An interface of types alone, as the contract's own, gives nothing to call.
        let callable = |item: &ComponentItem| !matches!(item, ComponentItem::Type(_));
        if !import.starts_with("wasi:") && interface.exports(engine).any(|(_, item)| callable(&item.ty)) {
            return Err(refuse());
        }
        let bare = import.split('@').next().unwrap_or(import);
        let mut instance = linker.instance(import).map_err(|_| refuse())?;
        for (function, item) in interface.exports(engine) {
            match item.ty {
                ComponentItem::ComponentFunc(_) => {
                    let answer = define(&mut instance, bare, function).map_err(|_| refuse())?;
                    answers.push(Answered { import: format!("{import}.{function}"), answer });
                }
                ComponentItem::Resource(_) => {
                    let kind = match function {
                        "output-stream" => ResourceType::host::<Output>(),
                        _ => ResourceType::host::<Never>(),
                    };
                    instance.resource(function, kind, |_, _| Ok(())).map_err(|_| refuse())?;
                }
                _ => {}
            }
        }
    }
    Ok((linker, answers))
}

/// Defines one function of a `wasi:` interface by the policy. Returns the answer in words.
fn define(
    instance: &mut LinkerInstance<'_, HostState>,
    interface: &str,
    function: &str,
) -> wasmtime::Result<&'static str> {
    type Cx<'a> = StoreContextMut<'a, HostState>;
    const CAPTURED: &str = "captured";
    const EMPTY: &str = "empty";
    const CONSTANT: &str = "constant";
    match (interface, function) {
        ("wasi:cli/stdout", "get-stdout") | ("wasi:cli/stderr", "get-stderr") => {
            instance.func_wrap(function, |_: Cx<'_>, ()| Ok((Resource::<Output>::new_own(1),)))?;
            Ok(CAPTURED)
        }
        ("wasi:io/streams", "[method]output-stream.check-write") => {
            instance.func_wrap(function, |_: Cx<'_>, (_,): (Resource<Output>,)| {
                Ok((Ok::<u64, StreamError>(WRITE_BYTES),))
            })?;
            Ok(CAPTURED)
        }
        ("wasi:io/streams", "[method]output-stream.write" | "[method]output-stream.blocking-write-and-flush") => {
            instance.func_wrap(function, |mut cx: Cx<'_>, (_, bytes): (Resource<Output>, Vec<u8>)| {
                cx.data_mut().capture(&bytes);
                Ok((Ok::<(), StreamError>(()),))
            })?;
            Ok(CAPTURED)
        }
        ("wasi:io/streams", "[method]output-stream.flush" | "[method]output-stream.blocking-flush") => {
            instance.func_wrap(function, |_: Cx<'_>, (_,): (Resource<Output>,)| Ok((Ok::<(), StreamError>(()),)))?;
            Ok(CAPTURED)
        }
        // Writers wait until a stream takes more: C libraries do so before every flush. Captured output is always ready, and
        // nothing else gives out anything to wait for.
        ("wasi:io/streams", "[method]output-stream.subscribe") => {
            instance
                .func_wrap(function, |_: Cx<'_>, (_,): (Resource<Output>,)| Ok((Resource::<Never>::new_own(1),)))?;
            Ok(CAPTURED)
        }
        ("wasi:io/poll", "[method]pollable.block") => {
            instance.func_wrap(function, |_: Cx<'_>, (_,): (Resource<Never>,)| Ok(()))?;
            Ok(CONSTANT)
        }
        ("wasi:io/poll", "[method]pollable.ready") => {
            instance.func_wrap(function, |_: Cx<'_>, (_,): (Resource<Never>,)| Ok((true,)))?;
            Ok(CONSTANT)
        }
        ("wasi:io/poll", "poll") => {
            instance.func_wrap(function, |_: Cx<'_>, (waiting,): (Vec<Resource<Never>>,)| {
                Ok(((0..waiting.len() as u32).collect::<Vec<u32>>(),))
            })?;
            Ok(CONSTANT)
        }
        ("wasi:cli/environment", "get-environment") => {
            instance.func_wrap(function, |_: Cx<'_>, ()| Ok((Vec::<(String, String)>::new(),)))?;
            Ok(EMPTY)
        }
        ("wasi:cli/environment", "get-arguments") => {
            instance.func_wrap(function, |_: Cx<'_>, ()| Ok((Vec::<String>::new(),)))?;
            Ok(EMPTY)
        }
        ("wasi:cli/environment", "initial-cwd") => {
            instance.func_wrap(function, |_: Cx<'_>, ()| Ok((None::<String>,)))?;
            Ok(EMPTY)
        }
        ("wasi:filesystem/preopens", "get-directories") => {
            // A list of resources has no plain Rust type here, and an empty one needs none.
            instance.func_new(function, |_, _, _, results| {
                results[0] = Val::List(Vec::new());
                Ok(())
            })?;
            Ok(EMPTY)
        }
        ("wasi:random/random" | "wasi:random/insecure", "get-random-bytes" | "get-insecure-random-bytes") => {
            instance.func_wrap(function, |_: Cx<'_>, (length,): (u64,)| {
                let length = usize::try_from(length).ok().filter(|length| *length <= 1 << 20);
                let length = length.ok_or_else(|| LimitHit("1 MiB of random bytes a call".to_owned()))?;
                Ok((vec![0x6f_u8; length],))
            })?;
            Ok(CONSTANT)
        }
        ("wasi:random/random" | "wasi:random/insecure", "get-random-u64" | "get-insecure-random-u64") => {
            instance.func_wrap(function, |_: Cx<'_>, ()| Ok((0x6f6e_6570_6174_6800_u64,)))?;
            Ok(CONSTANT)
        }
        ("wasi:random/insecure-seed", "insecure-seed" | "get-insecure-seed") => {
            instance
                .func_wrap(function, |_: Cx<'_>, ()| Ok(((0x6f6e_6570_6174_6800_u64, 0x6665_6174_7572_6500_u64),)))?;
            Ok(CONSTANT)
        }
        _ => {
            let (import, hint) = (format!("{interface}.{function}"), hint(interface));
            instance.func_new(function, move |_, _, _, _| Err(Refused { import: import.clone(), hint }.into()))?;
            Ok("trap")
        }
    }
}

/// What an author should do instead of calling an interface that is refused.
fn hint(interface: &str) -> &'static str {
    match interface.split('/').next().unwrap_or(interface) {
        "wasi:clocks" => "a transform has no clock; read the row's time instead",
        "wasi:filesystem" => "a transform has no files; put constants into its parameters",
        "wasi:sockets" | "wasi:http" => "a transform has no network; bring the value as an event or a request field",
        "wasi:random" => "a transform has no randomness",
        _ => "a transform is a pure function of its events, its request and its parameters",
    }
}
