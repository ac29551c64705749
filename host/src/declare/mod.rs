//! Declared views: how a declaration becomes a component.
//!
//! - `lower`: a declaration and what it reads, to a definition.
//! - `events`: names of an event's fields. - `stores`: what is kept of events, shared. - `aggregate`: one aggregate, to a store and a read.
//! - `sql`: expressions, from SQL to the typed nodes of a definition.
//! - `standard`: the component that a definition is written into. - `words`: what a feature is, in words.
//! - `sample`: events that its filters let pass. - `eject`: a definition as a crate of Rust.
//!
//! Knows nothing of how a component is run, nor of where the fields of a source are found.

mod aggregate;
mod eject;
mod events;
mod fault;
mod lower;
mod sample;
pub(crate) mod sql;
mod standard;
mod stores;
mod words;

#[cfg(test)]
mod tests;

pub(crate) use eject::{Ejection, library};
pub(crate) use events::SourceFields;
pub(crate) use fault::{DeclareFault, FaultParts};
pub(crate) use lower::{InputField, lower};
pub(crate) use sample::sample_events;
pub(crate) use standard::{Standard, definition_in};
pub(crate) use words::{feature_words, store_words, window_words};

use onepath_definition::ValueType;

use crate::schema;

/// A type of the contract as a definition has it.
fn defined(value_type: schema::ValueType) -> ValueType {
    match value_type {
        schema::ValueType::Bool => ValueType::Boolean,
        schema::ValueType::Int64 => ValueType::Int64,
        schema::ValueType::Float64 => ValueType::Float64,
        schema::ValueType::Text => ValueType::Text,
        schema::ValueType::Time => ValueType::Time,
        schema::ValueType::Float64List => ValueType::Float64List,
    }
}

/// A type of a definition as people write it.
pub(crate) fn named(value_type: ValueType) -> schema::ValueType {
    match value_type {
        ValueType::Boolean => schema::ValueType::Bool,
        ValueType::Int64 => schema::ValueType::Int64,
        ValueType::Float64 => schema::ValueType::Float64,
        ValueType::Text => schema::ValueType::Text,
        ValueType::Time => schema::ValueType::Time,
        ValueType::Float64List => schema::ValueType::Float64List,
    }
}
