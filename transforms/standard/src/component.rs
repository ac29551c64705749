//! The component's exports over a [`View`] of the definition in its slot.

use std::hint::black_box;
use std::sync::OnceLock;

use onepath_definition::{CAPACITY, Definition, Field, Slot};
use onepath_sdk::batch::Failure;
use onepath_sdk::dynamic::with_witnesses;
use onepath_sdk::wire::bindings::exports::onepath::feature::{proof, transform};
use onepath_sdk::wire::bindings::onepath::feature::types;
use onepath_sdk::wire::{failure_out, output_out, rows_in, type_out};

use crate::View;
use crate::input::to_batch;

/// Room for a definition. Whoever writes one into a copy of the file changes these bytes alone.
#[used]
static DEFINITION: Slot = Slot::EMPTY;

/// The view of the definition, or why there is none. Read once: a definition does not change while the component runs.
fn view() -> Result<&'static View, &'static str> {
    static VIEW: OnceLock<Result<View, String>> = OnceLock::new();
    let view = VIEW.get_or_init(|| {
        let bytes = definition();
        if bytes.is_empty() {
            return Err("the component has no definition: `onepath build` writes one into it".to_owned());
        }
        Definition::from_bytes(bytes).map(View::new).map_err(|wrong| wrong.to_string())
    });
    view.as_ref().map_err(String::as_str)
}

/// The bytes of the definition. The compiler knows those of an empty slot alone, and must not conclude anything from them: it is told
/// nothing of where the slot is.
fn definition() -> &'static [u8] {
    let slot: &'static Slot = black_box(&DEFINITION);
    let length = u32::from_le_bytes(black_box(slot.length)) as usize;
    slot.bytes.get(..length.min(CAPACITY)).unwrap_or_default()
}

struct Component;

impl transform::Guest for Component {
    fn describe() -> types::Description {
        let description = view().map(View::describe).unwrap_or_default();
        let features = description.output_features.into_iter();
        types::Description {
            parameters: Vec::new(),
            event_fields: fields(description.event_fields),
            request_fields: fields(description.request_fields),
            input_features: fields(description.input_features),
            output_features: features.map(|feature| field(feature.field, feature.documentation)).collect(),
            state_version: 1,
            author_version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    fn process(parameters: Vec<types::Column>, input: types::Rows) -> Result<types::Output, types::Failure> {
        let view = ready(&parameters).map_err(failure_out)?;
        view.process(&rows_in(input)).map(output_out).map_err(failure_out)
    }
}

impl proof::Guest for Component {
    fn merges(parameters: Vec<types::Column>, input: types::Rows) -> Result<Option<String>, types::Failure> {
        let view = ready(&parameters).map_err(failure_out)?;
        let (processed, found) = with_witnesses(|| view.process(&rows_in(input)));
        processed.map(|_| found).map_err(failure_out)
    }
}

fn ready(parameters: &[types::Column]) -> Result<&'static View, Failure> {
    let view = view().map_err(Failure::new)?;
    match parameters.len() {
        0 => Ok(view),
        given => Err(Failure::new(format!("the view takes no parameters and was given {given} columns"))),
    }
}

fn fields(fields: Vec<Field>) -> Vec<types::Field> {
    fields.into_iter().map(|of| field(of, String::new())).collect()
}

fn field(field: Field, documentation: String) -> types::Field {
    let Field { name, value_type, nullable } = field;
    types::Field { name, type_: type_out(to_batch(value_type)), nullable, documentation }
}

onepath_sdk::wire::bindings::export!(Component with_types_in onepath_sdk::wire::bindings);
