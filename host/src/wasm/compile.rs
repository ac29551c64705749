//! From a component's bytes to code, within limits.
//!
//! The engine cannot be told to stop compiling. So a component is compiled on a thread of its own, which is left behind when
//! it takes too long: the caller gets its error in time, while the thread goes on until it is done or the process ends. What
//! one function may cost, in time and above all in memory, is bounded before, by its size, and so is what a component declares
//! (`bounds`). The `onepath` command compiles in a child process, which it ends: see `admission::child`.

use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use wasmtime::Engine;
use wasmtime::component::Component as Compiled;

use super::error::LoadError;
use super::{Limits, bounds};

/// Stack of the compiling thread, in bytes: types that nest are read by recursion, see [`bounds`]. What is not used of it is not
/// taken from the machine.
const STACK_BYTES: usize = 64 << 20;

/// Compiles `bytes`, for which `name` stands in errors, within `ms_max` milliseconds.
pub(super) fn compile(
    engine: &Engine,
    name: &str,
    bytes: &[u8],
    limits: &Limits,
    ms_max: u64,
) -> Result<Compiled, LoadError> {
    bounds::check(name, bytes, limits)?;
    let (sender, receiver) = sync_channel(1);
    let (engine, owned) = (engine.clone(), bytes.to_vec());
    std::thread::Builder::new()
        .name("onepath-compile".to_owned())
        .stack_size(STACK_BYTES)
        // Nobody may be waiting any more.
        .spawn(move || drop(sender.send(Compiled::from_binary(&engine, &owned))))
        .map_err(|error| LoadError::Engine { reason: format!("cannot start the compiling thread: {error}") })?;
    match receiver.recv_timeout(Duration::from_millis(ms_max)) {
        Ok(compiled) => compiled.map_err(|error| not_a_component(name, bytes, &error)),
        Err(RecvTimeoutError::Timeout) => Err(LoadError::CompileTime { name: name.to_owned(), ms_max }),
        Err(RecvTimeoutError::Disconnected) => Err(LoadError::NotAComponent {
            name: name.to_owned(),
            reason: "the compiler failed on it; please report this, with the component".to_owned(),
        }),
    }
}

/// Says what the bytes are instead of a component, and what to do.
fn not_a_component(name: &str, bytes: &[u8], error: &wasmtime::Error) -> LoadError {
    let reason = match bytes {
        [] => "the file is empty".to_owned(),
        [0x00, b'a', b's', b'm', 0x01, 0x00, 0x00, 0x00, ..] => {
            "it is a core module; build it for wasm32-wasip2 (`onepath build` does), or wrap it with \
             `wasm-tools component new`"
                .to_owned()
        }
        [0x00, b'a', b's', b'm', ..] => format!("{error:#}"),
        _ => "its first bytes are not those of WebAssembly; give a .wasm file or the folder of a cargo package"
            .to_owned(),
    };
    LoadError::NotAComponent { name: name.to_owned(), reason }
}
