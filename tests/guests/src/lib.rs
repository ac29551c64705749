//! What the hostile and careless transforms share: an honest transform, of which each guest spoils one thing.
//!
//! A guest implements [`Guest`], overrides what it spoils, and is exported by [`export!`]. What it leaves alone is right:
//! one event field `amount`, one feature `value`, and a state of eight bytes that counts the events.

use std::cell::Cell;
use std::marker::PhantomData;

/// What wit-bindgen makes of the contract.
#[allow(missing_docs, reason = "generated; the contract documents its items")]
#[allow(clippy::all, clippy::allow_attributes_without_reason, reason = "generated")]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "feature",
        pub_export_macro: true,
        default_bindings_module: "guests::bindings",
    });
}

pub use bindings::onepath::feature::types::{
    Column, Description, Failure, Field, Float64Lists, Output, Rows, States, Texts, ValueType, Values,
};

/// A transform, honest unless it says otherwise.
pub trait Guest {
    /// What it takes and gives.
    fn describe() -> Description {
        description(vec![field("value", ValueType::Int64)])
    }

    /// One batch.
    fn process(input: Rows) -> Result<Output, Failure> {
        Ok(Output { features: Self::features(&input), states: Self::states(&input) })
    }

    /// The feature columns of a batch.
    fn features(input: &Rows) -> Vec<Column> {
        count_events(input, |count| count.get()).features
    }

    /// The states after a batch.
    fn states(input: &Rows) -> Option<States> {
        count_events(input, |count| count.get()).states
    }
}

/// The exports of a guest.
pub struct Component<G>(PhantomData<G>);

impl<G: Guest> bindings::exports::onepath::feature::transform::Guest for Component<G> {
    fn describe() -> Description {
        G::describe()
    }

    fn process(_parameters: Vec<Column>, input: Rows) -> Result<Output, Failure> {
        G::process(input)
    }
}

/// Exports a guest as a component.
#[macro_export]
macro_rules! export {
    ($guest:ty) => {
        type Exported = $crate::Component<$guest>;
        $crate::bindings::export!(Exported with_types_in $crate::bindings);
    };
}

/// A description with the event field `amount` and these features.
pub fn description(output_features: Vec<Field>) -> Description {
    Description {
        parameters: Vec::new(),
        event_fields: vec![field("amount", ValueType::Float64)],
        request_fields: Vec::new(),
        input_features: Vec::new(),
        output_features,
        state_version: 1,
        author_version: "1.0.0".to_owned(),
    }
}

/// A field that is never null.
pub fn field(name: &str, type_: ValueType) -> Field {
    Field { name: name.to_owned(), type_, nullable: false, documentation: "For the tests.".to_owned() }
}

/// The same field, but nullable.
pub fn nullable(name: &str, type_: ValueType) -> Field {
    Field { nullable: true, ..field(name, type_) }
}

/// A column without nulls.
pub fn column(values: Values) -> Column {
    Column { values, nulls: None }
}

/// How many of the rows are questions.
pub fn questions(input: &Rows) -> usize {
    input.kinds.iter().filter(|kind| **kind == 1).count()
}

/// One value for every question.
pub fn every<T: Clone>(input: &Rows, value: T) -> Vec<T> {
    vec![value; questions(input)]
}

/// Counts the events of each group; `read` answers a question from the count.
pub fn count_events(input: &Rows, read: impl Fn(&Cell<i64>) -> i64) -> Output {
    let counts: Vec<Cell<i64>> =
        (0..input.states.ends.len()).map(|group| Cell::new(count(state(input, group)))).collect();
    let mut values = Vec::new();
    for (group, kind) in input.groups.iter().zip(&input.kinds) {
        let count = &counts[*group as usize];
        match kind {
            0 => count.set(count.get() + 1),
            _ => values.push(read(count)),
        }
    }
    let states = counts.iter().map(|count| match count.get() {
        0 => Vec::new(),
        count => count.to_le_bytes().to_vec(),
    });
    Output { features: vec![column(Values::Int64s(values))], states: input.want_states.then(|| join(states)) }
}

/// The state of a group.
pub fn state(input: &Rows, group: usize) -> &[u8] {
    let start = if group == 0 { 0 } else { input.states.ends[group - 1] as usize };
    &input.states.bytes[start..input.states.ends[group] as usize]
}

/// The count in a state.
pub fn count(state: &[u8]) -> i64 {
    state.try_into().map_or(0, i64::from_le_bytes)
}

/// States, one after the other.
pub fn join(states: impl Iterator<Item = Vec<u8>>) -> States {
    let mut joined = States { ends: Vec::new(), bytes: Vec::new() };
    for state in states {
        joined.bytes.extend(state);
        joined.ends.push(joined.bytes.len() as u32);
    }
    joined
}
