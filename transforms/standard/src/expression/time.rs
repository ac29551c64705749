//! Functions of times: the proleptic Gregorian calendar, in UTC.

use onepath_definition::{Function, TimePart};
use onepath_sdk::batch::Values;
use onepath_sdk::sql::columns as sql;

use super::Answer;
use super::view::{View, fallible, fallible2, map, or_failed, strict, total};

const SECOND: i64 = 1_000_000;

pub(super) fn of_times(function: Function, views: &[View], rows: usize) -> Answer {
    let marks = strict(views, rows);
    let Some(first) = views.first() else { return total(Vec::new(), marks, Values::Int64s) };
    let (a, b) = (first.integers(), views.get(1).unwrap_or(first).integers());
    match function {
        Function::Extract(part) => total(map(rows, a, |at| sql::extract(part_of(part), at)), marks, Values::Int64s),
        Function::Truncate(part) => {
            fallible(rows, a, marks, Values::Times, |at| or_failed(sql::truncate(part_of(part), at)))
        }
        Function::Difference(part) => {
            fallible2(rows, a, b, marks, Values::Int64s, |a, b| or_failed(sql::difference(part_of(part), a, b)))
        }
        Function::AddMicros => fallible2(rows, a, b, marks, Values::Times, i64::overflowing_add),
        Function::AddMonths => fallible2(rows, a, b, marks, Values::Times, |a, b| or_failed(sql::add_months(a, b))),
        Function::MicrosBetween => fallible2(rows, a, b, marks, Values::Int64s, i64::overflowing_sub),
        Function::EpochSeconds => total(map(rows, a, |at| at as f64 / SECOND as f64), marks, Values::Float64s),
        Function::EpochMicros => total(map(rows, a, |at| at), marks, Values::Int64s),
        Function::EpochMillis => total(map(rows, a, sql::millis), marks, Values::Int64s),
        Function::FromEpochMicros => total(map(rows, a, |at| at), marks, Values::Times),
        _ => fallible(rows, first.floats(), marks, Values::Times, |seconds| or_failed(sql::from_seconds(seconds))),
    }
}

/// A part of a time as the SDK calls it.
#[inline]
fn part_of(part: TimePart) -> sql::TimePart {
    match part {
        TimePart::Microsecond => sql::TimePart::Microsecond,
        TimePart::Millisecond => sql::TimePart::Millisecond,
        TimePart::Second => sql::TimePart::Second,
        TimePart::Minute => sql::TimePart::Minute,
        TimePart::Hour => sql::TimePart::Hour,
        TimePart::Day => sql::TimePart::Day,
        TimePart::DayOfWeek => sql::TimePart::DayOfWeek,
        TimePart::IsoDayOfWeek => sql::TimePart::IsoDayOfWeek,
        TimePart::DayOfYear => sql::TimePart::DayOfYear,
        TimePart::Week => sql::TimePart::Week,
        TimePart::Month => sql::TimePart::Month,
        TimePart::Quarter => sql::TimePart::Quarter,
        TimePart::Year => sql::TimePart::Year,
        TimePart::IsoYear => sql::TimePart::IsoYear,
        TimePart::Epoch => sql::TimePart::Epoch,
    }
}
