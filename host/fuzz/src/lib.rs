//! What onepath reads from others, made to be fed with anything: each target is a function of bytes that panics where a
//! promise does not hold.
//!
//! The rooms of the host below the engine are compiled into this crate as they are, by their paths, so that a target is
//! built in seconds and without wasmtime. In place of the types that wasmtime generates from `wit/`, [`wasm`] has plain
//! ones of the same names.

#![allow(dead_code, unused_imports, reason = "the rooms hold more than the targets use")]
#![allow(rustdoc::broken_intra_doc_links, reason = "the rooms link to rooms that are not here")]

#[path = "../../src/batch/mod.rs"]
pub mod batch;
#[path = "../../src/digest.rs"]
mod digest;
#[path = "../../src/entity/mod.rs"]
pub mod entity;
#[path = "../../src/files/mod.rs"]
pub mod files;
#[path = "../../src/log/mod.rs"]
pub mod log;
#[path = "../../src/project/mod.rs"]
pub mod project;
#[path = "../../src/schema/mod.rs"]
pub mod schema;
#[path = "../../src/declare/sql/mod.rs"]
mod sql;
#[path = "../../src/store/mod.rs"]
pub mod store;
#[path = "../../src/threads.rs"]
mod threads;
#[path = "../../src/time/mod.rs"]
pub mod time;
pub mod wasm;

mod damaged_store;
mod expression;
mod guest_output;
mod input;
mod project_file;
mod state_store;

pub use damaged_store::damaged_store;
pub use expression::{definition, expression};
pub use guest_output::guest_output;
pub use input::{input_parquet, input_text};
pub use project_file::project_file;
pub use state_store::state_store;
