//! Columnar batches: what crosses into a component, and what comes back.
//!
//! A [`Column`] holds contiguous plain numbers in the layout of the component contract (`wit/types.wit`), so that crossing
//! the boundary is a copy per list. A [`Lane`] is what a file is read as: a column, or texts in a form that costs
//! less. Arrow arrays stay at the edges, in [`crate::files`].
//!
//! Knows nothing of entities, files or components.

mod column;
mod extend;
mod from;
mod lane;
mod part;
mod rows;
mod same;
mod shape;
mod singles;

pub use column::{CANONICAL_NAN, Column, ColumnError, Float64Lists, Texts, Value, Values, canonical};
pub(crate) use extend::in_order;
pub use lane::{FieldLane, Lane, SHORT_BYTES_MAX, short_text, short_text_within};
pub use rows::{Answers, Kind, Rows, States};
pub use same::Difference;
pub use shape::{PUSH_ROWS, QUESTION_ROWS, QUESTION_STATES_BYTES, REPLAY_ROWS, REPLAY_STATES_BYTES, Shape};
pub(crate) use singles::{Singles, kind_name};
