//! Feast: what a Feast repository is here, and where the two give different answers.
//!
//! - `reader.py` is run by the user's Python, which has Feast, and says what a repository holds. - `model`: what it says.
//! - `import`: a repository, to what a project declares. - `sources`, `services`: parts of it. - `names`, `types`: names and types of
//!   Feast's, as those of onepath. - `write`: the text of `onepath.toml`.
//! - `compare`: the answers of both to the same entity rows. - `cell`: values of both. - `reason`: why two answers differ.
//!
//! It reads and runs nothing itself: commands give it what the reader says, and the tables of both.

mod cell;
mod compare;
mod import;
mod model;
mod names;
mod reason;
mod services;
mod sources;
mod types;
mod write;

#[cfg(test)]
mod tests;

pub use compare::{Answers, ComparedView, Comparison, Example, FeatureCounts, Reasoned, told};
pub use import::{FeastView, ImportOptions, Imported, ImportedService, ImportedView, Told, import};
pub use model::Repository;
pub use reason::{Fact, Reason};

/// The program that reads a Feast repository with the Python that has Feast.
pub const READER: &str = include_str!("reader.py");
