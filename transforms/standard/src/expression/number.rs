//! Functions of numbers.

use onepath_definition::Function;
use onepath_sdk::batch::Values;
use onepath_sdk::sql::columns as sql;

use super::Answer;
use super::view::{Lane, View, fallible, fallible2, map, map2, or_failed, strict, total};

pub(super) fn of_two(function: Function, views: &[View], rows: usize) -> Answer {
    let marks = strict(views, rows);
    let [left, right] = views else { return total(Vec::new(), marks, Values::Float64s) };
    if function == Function::RoundTo {
        return total(map2(rows, left.floats(), right.integers(), sql::round_to), marks, Values::Float64s);
    }
    if let Values::Int64s(_) = left.values {
        let (a, b) = (left.integers(), right.integers());
        let of = |of: fn(i64, i64) -> (i64, bool)| fallible2(rows, a, b, marks.clone(), Values::Int64s, of);
        return match function {
            Function::Add => fallible2(rows, a, b, marks, Values::Int64s, i64::overflowing_add),
            Function::Subtract => fallible2(rows, a, b, marks, Values::Int64s, i64::overflowing_sub),
            Function::Multiply => fallible2(rows, a, b, marks, Values::Int64s, i64::overflowing_mul),
            Function::IntegerDivide => of(|a, b| or_failed(sql::integer_divide(a, b))),
            _ => of(|a, b| or_failed(sql::remainder(a, b))),
        };
    }
    let (a, b) = (left.floats(), right.floats());
    let values = match function {
        Function::Add => map2(rows, a, b, |a, b| a + b),
        Function::Subtract => map2(rows, a, b, |a, b| a - b),
        Function::Multiply => map2(rows, a, b, |a, b| a * b),
        Function::Divide | Function::IntegerDivide => map2(rows, a, b, |a, b| a / b),
        Function::Remainder => map2(rows, a, b, sql::float_remainder),
        Function::Power => map2(rows, a, b, sql::power),
        _ => map2(rows, a, b, sql::atan2),
    };
    total(values, marks, Values::Float64s)
}

pub(super) fn of_one(function: Function, views: &[View], rows: usize) -> Answer {
    let marks = strict(views, rows);
    let [number] = views else { return total(Vec::new(), marks, Values::Float64s) };
    if let Values::Int64s(_) = number.values {
        let a = number.integers();
        return match function {
            Function::Negate => fallible(rows, a, marks, Values::Int64s, i64::overflowing_neg),
            Function::Abs => fallible(rows, a, marks, Values::Int64s, i64::overflowing_abs),
            _ => total(map(rows, a, i64::signum), marks, Values::Int64s),
        };
    }
    let a = number.floats();
    match function {
        Function::Sign => total(map(rows, a, sql::sign), marks, Values::Int64s),
        Function::IsNan => total(map(rows, a, |a| u8::from(a.is_nan())), marks, Values::Booleans),
        Function::IsFinite => total(map(rows, a, |a| u8::from(a.is_finite())), marks, Values::Booleans),
        Function::IsInfinite => total(map(rows, a, |a| u8::from(a.is_infinite())), marks, Values::Booleans),
        _ => total(float(function, rows, a), marks, Values::Float64s),
    }
}

/// From float64 to float64. Roots and rounding are exact everywhere, the others those of the `libm` crate.
fn float(function: Function, rows: usize, a: Lane<f64>) -> Vec<f64> {
    match function {
        Function::Negate => map(rows, a, |a| -a),
        Function::Abs => map(rows, a, f64::abs),
        Function::Floor => map(rows, a, sql::floor),
        Function::Ceil => map(rows, a, sql::ceil),
        Function::Trunc => map(rows, a, sql::trunc),
        Function::Round => map(rows, a, sql::round),
        Function::Sqrt => map(rows, a, f64::sqrt),
        Function::Cbrt => map(rows, a, sql::cbrt),
        Function::Exp => map(rows, a, sql::exp),
        Function::Ln => map(rows, a, sql::ln),
        Function::Log2 => map(rows, a, sql::log2),
        Function::Log10 => map(rows, a, sql::log10),
        Function::Sin => map(rows, a, sql::sin),
        Function::Cos => map(rows, a, sql::cos),
        Function::Tan => map(rows, a, sql::tan),
        Function::Asin => map(rows, a, sql::asin),
        Function::Acos => map(rows, a, sql::acos),
        _ => map(rows, a, sql::atan),
    }
}
