//! Comparisons and three-valued logic.

use std::cmp::Ordering;

use onepath_definition::Function;
use onepath_sdk::batch::Values;
use onepath_sdk::sql::columns::{float_equal, float_less, float_order, lists_equal};

use super::view::{Lane, View, list_at, map, map2, strict, total};
use super::{Answer, FAILED, NULL, VALUE};

/// Whether rows of two columns are equal, whatever their type.
fn equal_at(a: &View, b: &View, row: usize) -> bool {
    match (a.values, b.values) {
        (Values::Texts(_), _) => a.texts().bytes(row) == b.texts().bytes(row),
        (Values::Float64s(_), _) => float_equal(a.floats().at(row), b.floats().at(row)),
        (Values::Booleans(_), _) => a.booleans().at(row) == b.booleans().at(row),
        (Values::Float64Lists(left), Values::Float64Lists(right)) => {
            lists_equal(list_at(left, a.place(row)), list_at(right, b.place(row)))
        }
        _ => a.integers().at(row) == b.integers().at(row),
    }
}

/// The order of rows of two columns, whatever their type.
pub(super) fn order_at(a: &View, b: &View, row: usize) -> Ordering {
    match a.values {
        Values::Texts(_) => a.texts().bytes(row).cmp(b.texts().bytes(row)),
        Values::Float64s(_) => float_order(a.floats().at(row), b.floats().at(row)),
        Values::Booleans(_) => a.booleans().at(row).cmp(&b.booleans().at(row)),
        _ => a.integers().at(row).cmp(&b.integers().at(row)),
    }
}

/// Per row, whether a comparison holds. Rows without values hold anything.
fn compare(function: Function, a: &View, b: &View, rows: usize) -> Vec<u8> {
    #[inline(always)]
    fn fixed<T: Copy>(
        function: Function,
        rows: usize,
        a: Lane<T>,
        b: Lane<T>,
        equal: fn(T, T) -> bool,
        less: fn(T, T) -> bool,
    ) -> Vec<u8> {
        match function {
            Function::Equal => map2(rows, a, b, |a, b| u8::from(equal(a, b))),
            Function::NotEqual => map2(rows, a, b, |a, b| u8::from(!equal(a, b))),
            Function::Less => map2(rows, a, b, |a, b| u8::from(less(a, b))),
            _ => map2(rows, a, b, |a, b| u8::from(!less(b, a))),
        }
    }
    match a.values {
        Values::Float64s(_) => fixed(function, rows, a.floats(), b.floats(), float_equal, float_less),
        Values::Int64s(_) | Values::Times(_) => {
            fixed(function, rows, a.integers(), b.integers(), |a, b| a == b, |a, b| a < b)
        }
        Values::Booleans(_) => fixed(function, rows, a.booleans(), b.booleans(), |a, b| a == b, |a, b| a < b),
        Values::Texts(_) => {
            let (a, b) = (a.texts(), b.texts());
            let by =
                |of: fn(&[u8], &[u8]) -> bool| (0..rows).map(|row| u8::from(of(a.bytes(row), b.bytes(row)))).collect();
            match function {
                Function::Equal => by(|a, b| a == b),
                Function::NotEqual => by(|a, b| a != b),
                Function::Less => by(|a, b| a < b),
                _ => by(|a, b| a <= b),
            }
        }
        Values::Float64Lists(_) => {
            let wanted = function == Function::Equal;
            (0..rows).map(|row| u8::from(equal_at(a, b, row) == wanted)).collect()
        }
    }
}

pub(super) fn compared(function: Function, views: &[View], rows: usize) -> Answer {
    let marks = strict(views, rows);
    let [a, b] = views else { return total(Vec::new(), marks, Values::Booleans) };
    total(compare(function, a, b, rows), marks, Values::Booleans)
}

pub(super) fn is_not_distinct(views: &[View], rows: usize) -> Answer {
    let [a, b] = views else { return total(Vec::new(), None, Values::Booleans) };
    let mut values = compare(Function::Equal, a, b, rows);
    let mut marks = None;
    if a.marks.is_some() || b.marks.is_some() {
        for (row, value) in values.iter_mut().enumerate() {
            match (a.mark(row), b.mark(row)) {
                (VALUE, VALUE) => {}
                (FAILED, _) | (_, FAILED) => {
                    marks.get_or_insert_with(|| vec![VALUE; rows])[row] = FAILED;
                    *value = 0;
                }
                (left, right) => *value = u8::from(left == right),
            }
        }
    }
    total(values, marks, Values::Booleans)
}

/// AND, or OR: `decisive` decides by itself, even beside a failure.
pub(super) fn and_or(views: &[View], rows: usize, decisive: bool) -> Answer {
    let decisive = u8::from(decisive);
    let Some((first, rest)) = views.split_first() else { return total(Vec::new(), None, Values::Booleans) };
    let mut values = map(rows, first.booleans(), |value| u8::from(value != 0));
    // A row without a value is not yet decided: as if it were the other one.
    let mut marks = first.marks.map(|_| (0..rows).map(|row| first.mark(row)).collect::<Vec<u8>>());
    undecided(&mut values, marks.as_deref(), decisive);
    for view in rest {
        if marks.is_none() && view.marks.is_none() {
            let join = |value: &mut u8, other: u8| if decisive == 1 { *value |= other } else { *value &= other };
            match view.booleans() {
                Lane::One(other) => values.iter_mut().for_each(|value| join(value, other)),
                Lane::Each(others) => values.iter_mut().zip(others).for_each(|(value, other)| join(value, *other)),
            }
            continue;
        }
        let marks = marks.get_or_insert_with(|| vec![VALUE; rows]);
        let others = view.booleans();
        for (row, (value, mark)) in values.iter_mut().zip(marks.iter_mut()).enumerate() {
            let (other, its) = (u8::from(others.at(row) != 0), view.mark(row));
            let is_decided = (*mark == VALUE && *value == decisive) || (its == VALUE && other == decisive);
            if is_decided {
                (*value, *mark) = (decisive, VALUE);
            } else {
                *mark = (*mark).max(its);
                *value = 1 - decisive;
            }
        }
    }
    let marks = marks.filter(|marks| marks.iter().any(|mark| *mark != VALUE));
    total(values, marks, Values::Booleans)
}

fn undecided(values: &mut [u8], marks: Option<&[u8]>, decisive: u8) {
    for (value, mark) in values.iter_mut().zip(marks.unwrap_or_default()) {
        if *mark != VALUE {
            *value = 1 - decisive;
        }
    }
}

pub(super) fn not(views: &[View], rows: usize) -> Answer {
    let marks = strict(views, rows);
    let [value] = views else { return total(Vec::new(), marks, Values::Booleans) };
    total(map(rows, value.booleans(), |value| u8::from(value == 0)), marks, Values::Booleans)
}

pub(super) fn is_null(views: &[View], rows: usize) -> Answer {
    let [view] = views else { return total(Vec::new(), None, Values::Booleans) };
    let Some(_) = view.marks else { return total(vec![0; rows], None, Values::Booleans) };
    let marks: Vec<u8> = (0..rows).map(|row| view.mark(row)).collect();
    let values = marks.iter().map(|mark| u8::from(*mark == NULL)).collect();
    let failed = |mark: &u8| if *mark == FAILED { FAILED } else { VALUE };
    let fails = marks.contains(&FAILED).then(|| marks.iter().map(failed).collect());
    total(values, fails, Values::Booleans)
}

/// Whether the first equals one of the others. What follows the one that it equals does not matter.
pub(super) fn is_in(views: &[View], rows: usize) -> Answer {
    let Some((tested, list)) = views.split_first() else { return total(Vec::new(), None, Values::Booleans) };
    let has_marks = views.iter().any(|view| view.marks.is_some());
    let mut values = vec![0; rows];
    for other in list {
        let equal = compare(Function::Equal, tested, other, rows);
        match other.marks {
            Some(_) => {
                for (row, (value, equal)) in values.iter_mut().zip(equal).enumerate() {
                    *value |= u8::from(other.mark(row) == VALUE) & equal;
                }
            }
            None => values.iter_mut().zip(equal).for_each(|(value, equal)| *value |= equal),
        }
    }
    if !has_marks {
        return total(values, None, Values::Booleans);
    }
    let mark = |row: usize| match tested.mark(row) {
        VALUE if values[row] == 1 => VALUE,
        VALUE => list.iter().map(|other| other.mark(row)).max().unwrap_or(VALUE),
        mark => mark,
    };
    let marks: Vec<u8> = (0..rows).map(mark).collect();
    total(values, Some(marks), Values::Booleans)
}
