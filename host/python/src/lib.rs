//! The native half of the Python package `onepath`: the library behind Python objects, and the command line behind `_main`.
//!
//! It decides nothing about values: tables come in through files that the library reads, and go out as it wrote them. What is
//! convenient in Python is written in Python, in `onepath/`.
//!
//! - `store`: one project; `catalog`: what it has; `monitor`: its health; `server`: its online half; `served`: that over HTTP.
//! - `tables`: Arrow streams in and out; `values`: Python values in columns and out of them.
//! - `work`: long work without the interpreter's lock, which an interrupt ends; `fault`: errors as exceptions.

mod catalog;
mod fault;
mod monitor;
mod served;
mod server;
mod store;
mod tables;
mod values;
mod work;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use onepath::cli::{OwnCommand, run_as};
use pyo3::prelude::*;

/// Runs the command line, of which the first argument is the name, and gives its exit code. `program` and `before` are by what it
/// starts itself again.
#[pyfunction]
fn _main(py: Python<'_>, arguments: Vec<OsString>, program: Option<PathBuf>, before: Vec<OsString>) -> u8 {
    let code = py.detach(|| run_as(arguments, OwnCommand { program, arguments: before }));
    (0..=u8::MAX).find(|known| ExitCode::from(*known) == code).unwrap_or(2)
}

#[pymodule]
fn _onepath(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_function(wrap_pyfunction!(_main, module)?)?;
    module.add_function(wrap_pyfunction!(catalog::catalog_list, module)?)?;
    module.add_function(wrap_pyfunction!(catalog::catalog_describe, module)?)?;
    module.add_function(wrap_pyfunction!(catalog::catalog_lineage, module)?)?;
    module.add_function(wrap_pyfunction!(catalog::note_training_set, module)?)?;
    module.add_function(wrap_pyfunction!(monitor::drift, module)?)?;
    module.add_function(wrap_pyfunction!(monitor::freshness, module)?)?;
    module.add_function(wrap_pyfunction!(monitor::materializations, module)?)?;
    module.add_class::<store::Store>()?;
    module.add_class::<server::Server>()?;
    module.add_class::<server::Answer>()?;
    module.add_class::<served::HttpServer>()?;
    module.add_class::<tables::Folder>()?;
    module.add_class::<tables::ParquetStream>()
}
