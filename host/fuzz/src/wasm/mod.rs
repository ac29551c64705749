//! The conversion between guest values and batches, without the engine.

#[path = "../../../src/wasm/convert.rs"]
pub mod convert;
#[path = "../../../src/wasm/error.rs"]
pub mod error;
#[path = "../../../src/wasm/limits.rs"]
pub mod limits;

pub mod component;

pub use error::{CallError, LoadError};
pub use limits::Limits;
