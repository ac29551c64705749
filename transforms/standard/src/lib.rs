//! The standard component: a declared view, run.
//!
//! It has room for one [definition](onepath_definition) and runs that. Expressions are computed by column over the rows of a call
//! ([`expression`]).

pub mod expression;
