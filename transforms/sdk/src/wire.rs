//! The component's exports: the generated types to those of [`batch`](crate::batch) and back.
//!
//! Every vector is moved. Nothing here looks at a cell.

use std::marker::PhantomData;

use crate::batch;
use crate::native;
use crate::transform::Transform;

#[rustfmt::skip]
#[allow(missing_docs, reason = "generated; the contract documents its items")]
#[allow(clippy::all, clippy::allow_attributes_without_reason, clippy::unwrap_used, reason = "generated")]
pub mod bindings;

use bindings::exports::onepath::feature::transform::Guest;
use bindings::onepath::feature::types;

/// The component of a transform. `#[transform]` exports it.
pub struct Component<T>(PhantomData<T>);

impl<T: Transform> Guest for Component<T> {
    fn describe() -> types::Description {
        let description = native::describe::<T>();
        types::Description {
            parameters: fields(description.parameters),
            event_fields: fields(description.event_fields),
            request_fields: fields(description.request_fields),
            input_features: fields(description.input_features),
            output_features: fields(description.output_features),
            state_version: description.state_version,
            author_version: description.author_version.to_owned(),
        }
    }

    fn process(parameters: Vec<types::Column>, input: types::Rows) -> Result<types::Output, types::Failure> {
        native::process::<T>(&columns_in(parameters), &rows_in(input)).map(output_out).map_err(failure_out)
    }
}

impl<T: Transform> bindings::exports::onepath::feature::proof::Guest for Component<T> {
    fn merges(parameters: Vec<types::Column>, input: types::Rows) -> Result<Option<String>, types::Failure> {
        native::merges::<T>(&columns_in(parameters), &rows_in(input)).map_err(failure_out)
    }
}

/// The rows of a call.
#[doc(hidden)]
pub fn rows_in(rows: types::Rows) -> batch::Rows {
    batch::Rows {
        times: rows.times,
        groups: rows.groups,
        kinds: rows.kinds,
        event_fields: columns_in(rows.event_fields),
        request_fields: columns_in(rows.request_fields),
        input_features: columns_in(rows.input_features),
        states: batch::States { ends: rows.states.ends, bytes: rows.states.bytes },
        want_states: rows.want_states,
    }
}

/// The answer of a call.
#[doc(hidden)]
pub fn output_out(output: batch::Output) -> types::Output {
    types::Output {
        features: output.features.into_iter().map(column_out).collect(),
        states: output.states.map(|states| types::States { ends: states.ends, bytes: states.bytes }),
    }
}

/// The refusal of a call.
#[doc(hidden)]
pub fn failure_out(failure: batch::Failure) -> types::Failure {
    types::Failure { row: failure.row, message: failure.message }
}

fn fields(fields: &[batch::Field]) -> Vec<types::Field> {
    let field = |field: &batch::Field| types::Field {
        name: field.name.to_owned(),
        type_: type_out(field.value_type),
        nullable: field.nullable,
        documentation: field.documentation.to_owned(),
    };
    fields.iter().map(field).collect()
}

/// The type of a field.
#[doc(hidden)]
pub fn type_out(value_type: batch::ValueType) -> types::ValueType {
    match value_type {
        batch::ValueType::Boolean => types::ValueType::Boolean,
        batch::ValueType::Int64 => types::ValueType::Int64,
        batch::ValueType::Float64 => types::ValueType::Float64,
        batch::ValueType::Text => types::ValueType::Text,
        batch::ValueType::Time => types::ValueType::Time,
        batch::ValueType::Float64List => types::ValueType::Float64List,
    }
}

fn columns_in(columns: Vec<types::Column>) -> Vec<batch::Column> {
    columns.into_iter().map(column_in).collect()
}

fn column_in(column: types::Column) -> batch::Column {
    let values = match column.values {
        types::Values::Booleans(values) => batch::Values::Booleans(values),
        types::Values::Int64s(values) => batch::Values::Int64s(values),
        types::Values::Float64s(values) => batch::Values::Float64s(values),
        types::Values::Texts(texts) => batch::Values::Texts(batch::Texts { ends: texts.ends, bytes: texts.bytes }),
        types::Values::Times(values) => batch::Values::Times(values),
        types::Values::Float64Lists(lists) => {
            batch::Values::Float64Lists(batch::Float64Lists { ends: lists.ends, values: lists.values })
        }
    };
    batch::Column { values, nulls: column.nulls }
}

fn column_out(column: batch::Column) -> types::Column {
    let values = match column.values {
        batch::Values::Booleans(values) => types::Values::Booleans(values),
        batch::Values::Int64s(values) => types::Values::Int64s(values),
        batch::Values::Float64s(values) => types::Values::Float64s(values),
        batch::Values::Texts(texts) => types::Values::Texts(types::Texts { ends: texts.ends, bytes: texts.bytes }),
        batch::Values::Times(values) => types::Values::Times(values),
        batch::Values::Float64Lists(lists) => {
            types::Values::Float64Lists(types::Float64Lists { ends: lists.ends, values: lists.values })
        }
    };
    types::Column { values, nulls: column.nulls }
}

mod debug;

#[rustfmt::skip]
#[allow(missing_docs, reason = "generated; the contract documents its items")]
#[allow(clippy::all, clippy::allow_attributes_without_reason, clippy::unwrap_used, reason = "generated")]
pub mod debugging;
