//! Functions that give one of their arguments.

use std::cmp::Ordering;

use onepath_definition::{Function, Node, NodeIndex, ValueType};
use onepath_sdk::batch::{Float64Lists, Texts, Values};
use onepath_sdk::sql::columns::lists_equal;

use super::logic::order_at;
use super::view::{Lane, View, list_at, map, shown};
use super::{Answer, Evaluated, FAILED, NULL, VALUE};

/// Where the value of a row comes from.
#[derive(Clone, Copy)]
enum Source {
    Argument(usize),
    Null,
    Failed,
}

pub(super) fn chosen(function: Function, views: &[View], rows: usize, value_type: ValueType) -> Answer {
    if function == Function::Coalesce {
        match value_type {
            ValueType::Boolean => return coalesced(views, rows, |view| view.booleans(), Values::Booleans),
            ValueType::Int64 => return coalesced(views, rows, |view| view.integers(), Values::Int64s),
            ValueType::Float64 => return coalesced(views, rows, |view| view.floats(), Values::Float64s),
            ValueType::Time => return coalesced(views, rows, |view| view.integers(), Values::Times),
            ValueType::Text | ValueType::Float64List => {}
        }
    }
    let of: Box<dyn Fn(usize) -> Source + '_> = match function {
        Function::Case => Box::new(|row| case(views, row)),
        Function::Coalesce => Box::new(|row| {
            let first = (0..views.len()).find(|at| views[*at].mark(row) != NULL);
            first.map_or(Source::Null, Source::Argument)
        }),
        Function::NullIf => Box::new(|row| null_if(views, row)),
        Function::Least => Box::new(|row| extreme(views, row, Ordering::Less)),
        Function::Greatest => Box::new(|row| extreme(views, row, Ordering::Greater)),
        _ => Box::new(|row| {
            if views.first().is_some_and(|view| view.mark(row) == VALUE) { Source::Argument(0) } else { Source::Null }
        }),
    };
    gathered(views, rows, value_type, of)
}

/// The first value that is not null, of a type of fixed size. Only rows without one in the first column are looked at one by one.
fn coalesced<T: Copy + Default>(
    views: &[View],
    rows: usize,
    lane: for<'v> fn(&View<'v>) -> Lane<'v, T>,
    wrap: fn(Vec<T>) -> Values,
) -> Answer {
    let Some((first, others)) = views.split_first() else { return (wrap(vec![T::default(); rows]), None) };
    let mut values = map(rows, lane(first), |value| value);
    let mut marks: Vec<u8> = match first.marks {
        None => return (wrap(values), None),
        Some(_) => (0..rows).map(|row| first.mark(row)).collect(),
    };
    for (row, (value, mark)) in values.iter_mut().zip(&mut marks).enumerate() {
        if *mark == NULL
            && let Some(other) = others.iter().find(|other| other.mark(row) != NULL)
        {
            (*value, *mark) = (lane(other).at(row), other.mark(row));
        }
    }
    let is_whole = marks.iter().all(|mark| *mark == VALUE);
    (wrap(values), shown((!is_whole).then_some(marks)))
}

/// A conversion, null where it failed by itself.
pub(super) fn tried_cast(evaluated: &Evaluated, arguments: &[NodeIndex], rows: usize) -> Answer {
    let Some(&cast) = arguments.first() else { return (Values::Booleans(Vec::new()), None) };
    let view = evaluated.view(cast);
    let converted = match &evaluated.program.nodes[cast as usize] {
        Node::Call { arguments, .. } => arguments.first().map(|argument| evaluated.view(*argument)),
        _ => None,
    };
    let of = |row: usize| match view.mark(row) {
        VALUE => Source::Argument(0),
        FAILED if converted.is_some_and(|converted| converted.mark(row) == FAILED) => Source::Failed,
        _ => Source::Null,
    };
    let value_type = match view.values {
        Values::Booleans(_) => ValueType::Boolean,
        Values::Int64s(_) => ValueType::Int64,
        Values::Float64s(_) => ValueType::Float64,
        Values::Texts(_) => ValueType::Text,
        Values::Times(_) => ValueType::Time,
        Values::Float64Lists(_) => ValueType::Float64List,
    };
    gathered(&[view], rows, value_type, of)
}

fn case(views: &[View], row: usize) -> Source {
    let mut at = 0;
    while at + 1 < views.len() {
        match views[at].mark(row) {
            VALUE if views[at].booleans().at(row) != 0 => return Source::Argument(at + 1),
            FAILED => return Source::Failed,
            _ => at += 2,
        }
    }
    Source::Argument(at)
}

fn null_if(views: &[View], row: usize) -> Source {
    let [first, second] = views else { return Source::Null };
    match (first.mark(row), second.mark(row)) {
        (FAILED, _) | (_, FAILED) => Source::Failed,
        (VALUE, VALUE) if order_or_same(first, second, row) => Source::Null,
        _ => Source::Argument(0),
    }
}

fn order_or_same(first: &View, second: &View, row: usize) -> bool {
    match (first.values, second.values) {
        (Values::Float64Lists(a), Values::Float64Lists(b)) => {
            lists_equal(list_at(a, first.place(row)), list_at(b, second.place(row)))
        }
        _ => order_at(first, second, row).is_eq(),
    }
}

/// The first of the least, or of the greatest, of those that are not null.
fn extreme(views: &[View], row: usize, wanted: Ordering) -> Source {
    let mut best: Option<usize> = None;
    for (at, view) in views.iter().enumerate() {
        match view.mark(row) {
            FAILED => return Source::Failed,
            VALUE if best.is_none_or(|best| order_at(view, &views[best], row) == wanted) => best = Some(at),
            _ => {}
        }
    }
    best.map_or(Source::Null, Source::Argument)
}

/// The values from where they come, with their marks.
fn gathered(views: &[View], rows: usize, value_type: ValueType, of: impl Fn(usize) -> Source) -> Answer {
    let mut marks: Option<Vec<u8>> = None;
    let mut from = |row: usize| -> Option<&View> {
        let (view, mark) = match of(row) {
            Source::Argument(at) => (views.get(at), views.get(at).map_or(NULL, |view| view.mark(row))),
            Source::Null => (None, NULL),
            Source::Failed => (None, FAILED),
        };
        if mark != VALUE {
            marks.get_or_insert_with(|| vec![VALUE; rows])[row] = mark;
            return None;
        }
        view
    };
    let values = match value_type {
        ValueType::Boolean => {
            Values::Booleans((0..rows).map(|row| from(row).map_or(0, |view| view.booleans().at(row))).collect())
        }
        ValueType::Float64 => {
            Values::Float64s((0..rows).map(|row| from(row).map_or(0.0, |view| view.floats().at(row))).collect())
        }
        ValueType::Int64 => {
            Values::Int64s((0..rows).map(|row| from(row).map_or(0, |view| view.integers().at(row))).collect())
        }
        ValueType::Time => {
            Values::Times((0..rows).map(|row| from(row).map_or(0, |view| view.integers().at(row))).collect())
        }
        ValueType::Text => {
            let mut texts = Texts { ends: Vec::with_capacity(rows), bytes: Vec::new() };
            for row in 0..rows {
                if let Some(view) = from(row) {
                    texts.bytes.extend_from_slice(view.texts().bytes(row));
                }
                texts.ends.push(texts.bytes.len() as u32);
            }
            Values::Texts(texts)
        }
        ValueType::Float64List => {
            let mut lists = Float64Lists { ends: Vec::with_capacity(rows), values: Vec::new() };
            for row in 0..rows {
                if let Some(view) = from(row) {
                    lists.values.extend_from_slice(view.list(row));
                }
                lists.ends.push(lists.values.len() as u32);
            }
            Values::Float64Lists(lists)
        }
    };
    (values, shown(marks))
}
