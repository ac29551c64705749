//! Why a row failed, in words.

use onepath_definition::{Function, Node, NodeIndex};
use onepath_sdk::batch::Values;
use onepath_sdk::sql::columns::{text_of_float, text_of_time};
use onepath_sdk::time::Time;

use super::view::View;
use super::{Evaluated, FAILED, VALUE};

/// The reason of the deepest node that failed by itself.
pub(super) fn failure(evaluated: &Evaluated, node: NodeIndex, row: usize) -> String {
    let mut node = node;
    // Arguments stand before what they are arguments of, so this ends.
    loop {
        let (function, arguments) = match evaluated.program.nodes.get(node as usize) {
            Some(Node::Call { function, arguments }) => (function, arguments),
            // Of all that is read only sums fail.
            Some(Node::Read(_)) => return "the sum is beyond int64".to_owned(),
            _ => return format!("node {node} has no value in row {row}"),
        };
        let is_failed = |argument: &NodeIndex| evaluated.view(*argument).mark(row) == FAILED;
        let failed = match function {
            Function::Case => needed(evaluated, arguments, row).into_iter().find(|argument| is_failed(argument)),
            _ => arguments.iter().find(|argument| is_failed(argument)),
        };
        match failed {
            Some(argument) if *argument < node => node = *argument,
            _ => {
                let views: Vec<View> = arguments.iter().map(|argument| evaluated.view(*argument)).collect();
                return words(*function, &views, row);
            }
        }
    }
}

/// The conditions of a CASE up to the one that is true, and what it leads to.
fn needed<'a>(evaluated: &Evaluated, arguments: &'a [NodeIndex], row: usize) -> Vec<&'a NodeIndex> {
    let mut needed = Vec::new();
    for pair in arguments.chunks(2) {
        needed.push(&pair[0]);
        let condition = evaluated.view(pair[0]);
        if let [_, value] = pair
            && condition.mark(row) == VALUE
            && condition.booleans().at(row) != 0
        {
            needed.push(value);
            break;
        }
    }
    needed
}

fn words(function: Function, views: &[View], row: usize) -> String {
    let shown: Vec<String> = views.iter().map(|view| show(view, row)).collect();
    let [first, second] = [0, 1].map(|at| shown.get(at).map_or("", String::as_str));
    let is_zero = views.get(1).is_some_and(|view| view.integers().at(row) == 0);
    match function {
        Function::Add => format!("integer overflow in {first} + {second}"),
        Function::Subtract => format!("integer overflow in {first} - {second}"),
        Function::Multiply => format!("integer overflow in {first} * {second}"),
        Function::Negate => format!("integer overflow in -({first})"),
        Function::Abs => format!("integer overflow in abs({first})"),
        Function::IntegerDivide if is_zero => format!("division by zero in {first} // {second}"),
        Function::IntegerDivide => format!("integer overflow in {first} // {second}"),
        Function::Remainder if is_zero => format!("division by zero in {first} % {second}"),
        Function::Remainder => format!("integer overflow in {first} % {second}"),
        Function::ToInt64 => format!("{first} is not converted to int64"),
        Function::ToFloat64 => format!("{first} is no number"),
        Function::ToBoolean => format!("{first} is neither true nor false"),
        Function::ToTime => format!("{first} is no time"),
        Function::AddMicros | Function::AddMonths => format!("there is no such time: {first} and {second}"),
        Function::MicrosBetween | Function::Difference(_) => format!("integer overflow between {first} and {second}"),
        Function::Truncate(_) => format!("there is no beginning of the stretch of {first}"),
        Function::FromEpochSeconds => format!("no time is {first} seconds after 1970"),
        Function::HashBucket => format!("{second} is no number of buckets: it is from 1 to 4294967295"),
        Function::Dot | Function::Cosine | Function::Distance => {
            let lengths = [0, 1].map(|at| views.get(at).map_or(0, |view| view.list(row).len()));
            format!("two lists of different lengths, {} and {}", lengths[0], lengths[1])
        }
        Function::Concat | Function::Replace | Function::Lower | Function::Upper | Function::Reverse => {
            "the text is longer than 1 MiB".into()
        }
        other => format!("{other:?} of {} has no value", shown.join(", ")),
    }
}

/// A value as people write it; long texts are cut.
fn show(view: &View, row: usize) -> String {
    match view.values {
        Values::Texts(_) => {
            let text = view.texts().at(row);
            let mut shown: String = text.chars().take(40).collect();
            if shown.len() < text.len() {
                shown.push_str("...");
            }
            format!("'{shown}'")
        }
        Values::Float64s(_) => text_of_float(view.floats().at(row)),
        Values::Times(_) => text_of_time(Time(view.integers().at(row))),
        Values::Int64s(_) => view.integers().at(row).to_string(),
        Values::Booleans(_) => if view.booleans().at(row) != 0 { "true" } else { "false" }.into(),
        Values::Float64Lists(_) => "a list".into(),
    }
}
