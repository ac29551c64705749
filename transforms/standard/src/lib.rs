//! The standard component: a declared view, run.
//!
//! It has room for one [definition](onepath_definition) and runs that. Expressions are computed by column over the rows of a call
//! ([`expression`]); what is kept of an entity are the SDK's own windows and aggregates, with lengths that the definition tells
//! (`store`). Each store goes over all rows of a call by itself, in a loop of its own type: an event is kept, a question is read. What
//! was read are columns again, of which the features are computed.
//!
//! [`View`] is the whole of it, natively and in the component.

pub mod expression;

mod column;

mod input;

mod selection;

mod state;

mod store;

mod view;

#[cfg(target_family = "wasm")]
mod component;

pub use view::{Description, Feature, View};

#[cfg(test)]
mod tests;
