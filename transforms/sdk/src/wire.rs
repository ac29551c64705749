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
        let rows = batch::Rows {
            times: input.times,
            groups: input.groups,
            kinds: input.kinds,
            event_fields: columns_in(input.event_fields),
            request_fields: columns_in(input.request_fields),
            input_features: columns_in(input.input_features),
            states: batch::States { ends: input.states.ends, bytes: input.states.bytes },
            want_states: input.want_states,
        };
        match native::process::<T>(&columns_in(parameters), &rows) {
            Ok(output) => Ok(types::Output {
                features: output.features.into_iter().map(column_out).collect(),
                states: output.states.map(|states| types::States { ends: states.ends, bytes: states.bytes }),
            }),
            Err(failure) => Err(types::Failure { row: failure.row, message: failure.message }),
        }
    }
}

fn fields(fields: &[batch::Field]) -> Vec<types::Field> {
    let field = |field: &batch::Field| types::Field {
        name: field.name.to_owned(),
        type_: match field.value_type {
            batch::ValueType::Boolean => types::ValueType::Boolean,
            batch::ValueType::Int64 => types::ValueType::Int64,
            batch::ValueType::Float64 => types::ValueType::Float64,
            batch::ValueType::Text => types::ValueType::Text,
            batch::ValueType::Time => types::ValueType::Time,
            batch::ValueType::Float64List => types::ValueType::Float64List,
        },
        nullable: field.nullable,
        documentation: field.documentation.to_owned(),
    };
    fields.iter().map(field).collect()
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
