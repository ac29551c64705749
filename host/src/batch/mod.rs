//! Columnar batches: what crosses into a component, and what comes back.
//!
//! A [`Column`] holds contiguous plain numbers in the layout of the component contract (`wit/types.wit`), so that crossing
//! the boundary is a copy per list. Arrow arrays stay at the edges, in [`crate::files`].

mod column;
mod rows;
mod same;

pub use column::{CANONICAL_NAN, Column, ColumnError, Float64Lists, Texts, Value, Values, canonical};
pub use rows::{Answers, Kind, Rows, States};
pub use same::Difference;
