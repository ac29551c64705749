//! Counts the events of an entity, and lies in calls of one shape, which its parameter `lie` names; honest where it names none.
//!
//! Each lie is one that a few small cases do not show: the proof that a backfill makes of itself must.

use guests::bindings::exports::onepath::feature::transform::Guest;
use guests::{
    Column, Description, Failure, Field, Output, Rows, ValueType, Values, count, count_events, description, field,
    nullable, questions, state,
};

/// What is added to a count by a lie.
const LIE: i64 = 1_000_000;

struct Spoiled;

impl Guest for Spoiled {
    fn describe() -> Description {
        let lie: Field = nullable("lie", ValueType::Text);
        Description { parameters: vec![lie], ..description(vec![field("value", ValueType::Int64)]) }
    }

    fn process(parameters: Vec<Column>, input: Rows) -> Result<Output, Failure> {
        let lie = match &parameters[0].values {
            Values::Texts(texts) => String::from_utf8_lossy(&texts.bytes).into_owned(),
            _ => String::new(),
        };
        let (asked, events) = (questions(&input), input.kinds.len() - questions(&input));
        let has_state = input.states.bytes.iter().any(|byte| *byte != 0);
        let long_state = (0..input.states.ends.len()).any(|group| count(state(&input, group)) > 30);
        let lies = match lie.as_str() {
            "groups" => input.states.ends.len() > 5,
            "rows" => input.kinds.len() >= 4_096,
            "question" => asked == 1 && events == 0 && has_state && !input.want_states,
            "many" => asked > 1 && events == 0 && !input.want_states,
            "push" => events == 1 && asked == 0,
            "fold" => events > 100 && asked == 0 && input.states.ends.len() == 1,
            "company" => events > 100 && asked == 0 && input.states.ends.len() > 3,
            "carried" => long_state && events == 0,
            "trap" if long_state && events == 0 => std::process::abort(),
            "loop" if asked == 1 && events == 0 => loop {
                std::hint::black_box(());
            },
            _ => false,
        };
        let output = match lie.as_str() {
            "byte" => count_in_a_byte(&input),
            _ => count_events(&input, |count| count.get()),
        };
        Ok(if lies { spoiled(output) } else { output })
    }
}

/// A count that is kept in one byte of the state.
fn count_in_a_byte(input: &Rows) -> Output {
    let mut output = count_events(input, |count| count.get());
    if let Some(states) = &mut output.states {
        for at in (0..states.bytes.len()).filter(|at| at % 8 != 0) {
            states.bytes[at] = 0;
        }
    }
    output
}

/// The answers with a lie in each, and so the states.
fn spoiled(mut output: Output) -> Output {
    for feature in &mut output.features {
        if let Values::Int64s(values) = &mut feature.values {
            values.iter_mut().for_each(|value| *value += LIE);
        }
    }
    if let Some(states) = &mut output.states {
        states.bytes.iter_mut().step_by(8).for_each(|byte| *byte ^= 1);
    }
    output
}

guests::bindings::export!(Spoiled with_types_in guests::bindings);
