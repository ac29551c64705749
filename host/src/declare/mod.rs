//! Declared views: how a declaration becomes a component.
//!
//! - `sql`: expressions, from SQL to the typed nodes of a definition.
//!
//! Knows nothing of how a component is run.

pub(crate) mod sql;
