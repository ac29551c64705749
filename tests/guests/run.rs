//! Loads a guest, calls it, and says in words what came of it.

use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use onepath::batch::{Column, Kind, Rows, Shape, Value};
use onepath::evaluate::{EvaluateError, Evaluated, ViewProgram, evaluate};
use onepath::schema::{Field, ValueType};
use onepath::wasm::{CallError, Component, Limits, LoadError, Runtime};

/// The size at which a component is too large.
pub(crate) const COMPONENT_BYTES_MAX: u64 = 2 << 20;

/// Keeps the tests that run components apart, as one of them measures the memory of the process.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Limits that are soon reached.
pub(crate) fn limits() -> Limits {
    Limits {
        component_bytes_max: COMPONENT_BYTES_MAX,
        memory_bytes_max: 32 << 20,
        call_ms_max: 200,
        output_bytes_max: 16 << 20,
        ..Limits::default()
    }
}

/// A runtime with limits that are soon reached.
pub(crate) fn runtime() -> Arc<Runtime> {
    Runtime::new(limits(), None).expect("the engine starts")
}

/// A component as a view.
pub(crate) fn view(component: Component) -> ViewProgram {
    ViewProgram::new("guest".to_owned(), Arc::new(component), &[], None, true).expect("guests have no parameters")
}

/// Two entities with their events and questions; `fields` are the event fields, all of one value.
///
/// An honest guest has seen 1, 2 and 1 events when it is asked.
pub(crate) fn batch(view: &ViewProgram, want_states: bool) -> Rows {
    use Kind::{Event, Question};
    let mut rows = Rows { want_states, ..Rows::default() };
    let order = [(Event, 0), (Question, 0), (Event, 1), (Event, 0), (Question, 0), (Question, 1)];
    for (second, (kind, group)) in order.into_iter().enumerate() {
        rows.push(kind, group, second as i64 * 1_000_000);
    }
    rows.states.ends = vec![0, 0];
    rows.event_fields = view.description().event_fields.iter().map(|field| repeated(field, 3)).collect();
    rows
}

fn repeated(field: &Field, rows: usize) -> Column {
    let value = match field.value_type {
        ValueType::Text => Value::Text("purchase".to_owned()),
        _ => Value::Float64(2.5),
    };
    let mut column = Column::new(field.value_type);
    for _ in 0..rows {
        column.push(&value).expect("the field's type");
    }
    column
}

/// One call with [`batch`].
pub(crate) fn call(view: &ViewProgram, want_states: bool) -> Result<Evaluated, EvaluateError> {
    evaluate(view, Shape::ReplayFull, &batch(view, want_states), &mut [None, None], &|group| format!("c{group}"))
}

/// What comes of a guest: the error of loading it, or two calls.
pub(crate) fn outcome(runtime: &Arc<Runtime>, name: &str, bytes: &[u8]) -> String {
    match runtime.load_bytes(name, bytes) {
        Err(error) => format!("load {}: {}\n", load_kind(&error), chain(&error)),
        Ok(component) => {
            let view = view(component);
            // The same words twice are said once.
            let (first, again) = (called(&view, false), called(&view, true));
            if first == again { format!("{first}\n") } else { format!("{first}\n{again}\n") }
        }
    }
}

fn called(view: &ViewProgram, want_states: bool) -> String {
    match call(view, want_states) {
        Err(error) => format!("call {}: {}", call_kind(&error.source), chain(&error)),
        Ok(evaluated) => answers(view, &evaluated),
    }
}

/// The answers in words: floats by their bits, states by their length.
pub(crate) fn answers(view: &ViewProgram, evaluated: &Evaluated) -> String {
    let mut words = "answer".to_owned();
    for (field, column) in view.description().output_features.iter().zip(&evaluated.features) {
        let values: Vec<String> = (0..column.len())
            .map(|row| match column.value(row) {
                value @ (Value::Float64(_) | Value::Float64List(_)) => value.hex(),
                value => value.to_string(),
            })
            .collect();
        words += &format!(" {}: {};", field.name, values.join(" "));
    }
    if let Some(states) = &evaluated.states {
        let lengths: Vec<String> = (0..states.len()).map(|group| states.get(group).len().to_string()).collect();
        words += &format!(" states of {} bytes", lengths.join(" and "));
    }
    cut(words)
}

fn load_kind(error: &LoadError) -> &'static str {
    match error {
        LoadError::Read { .. } => "Read",
        LoadError::NotAComponent { .. } => "NotAComponent",
        LoadError::WrongWorld { .. } => "WrongWorld",
        LoadError::Import { .. } => "Import",
        LoadError::TooLarge { .. } => "TooLarge",
        LoadError::FunctionTooLarge { .. } => "FunctionTooLarge",
        LoadError::TooMany { .. } => "TooMany",
        LoadError::CompileTime { .. } => "CompileTime",
        LoadError::Describe { source, .. } => match source {
            CallError::Failure { .. } => "Describe Failure",
            CallError::Trap { .. } => "Describe Trap",
            CallError::Limit { .. } => "Describe Limit",
            CallError::Contract { .. } => "Describe Contract",
            CallError::Differs { .. } | CallError::Quarantined { .. } => "Describe Differs",
            CallError::Host { .. } => "Describe Host",
        },
        LoadError::Unfinished { .. } => "Unfinished",
        LoadError::Died { .. } => "Died",
        LoadError::Child { .. } => "Child",
        LoadError::Stopped => "Stopped",
        LoadError::Engine { .. } => "Engine",
    }
}

fn call_kind(error: &CallError) -> &'static str {
    match error {
        CallError::Failure { .. } => "Failure",
        CallError::Trap { .. } => "Trap",
        CallError::Limit { .. } => "Limit",
        CallError::Contract { .. } => "Contract",
        CallError::Differs { .. } => "Differs",
        CallError::Quarantined { .. } => "Quarantined",
        CallError::Host { .. } => "Host",
    }
}

/// The error and its sources, without those that its words hold already. Of a long one the middle is cut, and of a place in
/// the standard library the path, which changes with the compiler.
fn chain(error: &dyn Error) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let more = source.to_string();
        if !words.contains(&more) {
            words += &format!(": {more}");
        }
        next = source.source();
    }
    if words.len() > 1_000 {
        return cut(words);
    }
    if let Some(from) = words.find("/rustc/") {
        let to = words[from..].find('\n').map_or(words.len(), |length| from + length);
        words.replace_range(from..to, "STD");
    }
    words
}

/// A long text without its middle.
fn cut(words: String) -> String {
    if words.len() <= 1_000 {
        return words;
    }
    let (head, tail) = (words.floor_char_boundary(180), words.ceil_char_boundary(words.len() - 140));
    format!("{}[cut by the test: {} bytes in all]{}", &words[..head], words.len(), &words[tail..])
}
