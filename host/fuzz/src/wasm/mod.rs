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

use crate::batch::{Answers, Rows};
use crate::schema::Description;
use component::bindings::onepath::feature::types;

/// What the host makes of a description.
pub fn description(described: types::Description) -> Result<Description, CallError> {
    convert::description(described)
}

/// What the host makes of an output.
pub fn answers(
    output: types::Output,
    rows: &Rows,
    description: &Description,
    limits: &Limits,
) -> Result<Answers, CallError> {
    convert::answers(output, rows, description, limits)
}

/// What the host makes of a failure.
pub fn failure(failure: types::Failure, limits: &Limits) -> CallError {
    convert::failure(failure, limits)
}
