//! onepath: a feature platform without training-serving skew.

pub mod batch;
pub mod build;
pub mod cli;
pub mod entity;
pub mod evaluate;
pub mod events;
pub mod feature_store;
pub mod files;
pub mod log;
pub mod monitor;
pub mod project;
pub mod replay;
pub mod schema;
pub mod serving;
pub mod store;
pub mod time;
pub mod wasm;
