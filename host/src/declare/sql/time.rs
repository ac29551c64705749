//! Intervals, and parts of times.

use std::ops::Range;

use onepath_definition::{Function, Literal, TimePart, ValueType};
use sqlparser::ast::{DateTimeField, Interval as SqlInterval};

use super::lower::Lowering;
use super::value::{Amount, Interval, Part, Value};
use super::{SqlFault, Typed};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

/// One of these of an interval: so many months, or microseconds.
#[derive(Clone, Copy)]
pub(super) enum Unit {
    Months(i64),
    Micros(i64),
}

/// The unit of this name.
pub(super) fn unit(name: &str) -> Option<Unit> {
    let name = name.to_lowercase();
    Some(match name.as_str() {
        "us" | "usec" | "usecs" | "microsecond" | "microseconds" => Unit::Micros(1),
        "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" => Unit::Micros(1_000),
        "s" | "sec" | "secs" | "second" | "seconds" => Unit::Micros(SECOND),
        "m" | "min" | "mins" | "minute" | "minutes" => Unit::Micros(60 * SECOND),
        "h" | "hr" | "hrs" | "hour" | "hours" => Unit::Micros(3_600 * SECOND),
        "d" | "day" | "days" => Unit::Micros(DAY),
        "w" | "week" | "weeks" => Unit::Micros(7 * DAY),
        "mon" | "mons" | "month" | "months" => Unit::Months(1),
        "quarter" | "quarters" => Unit::Months(3),
        "y" | "yr" | "yrs" | "year" | "years" => Unit::Months(12),
        "decade" | "decades" => Unit::Months(120),
        _ => return None,
    })
}

/// The part of a time of this name.
pub(super) fn time_part(name: &str) -> Option<TimePart> {
    Some(match name.to_lowercase().as_str() {
        "us" | "usec" | "usecs" | "microsecond" | "microseconds" => TimePart::Microsecond,
        "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" => TimePart::Millisecond,
        "s" | "sec" | "secs" | "second" | "seconds" => TimePart::Second,
        "m" | "min" | "mins" | "minute" | "minutes" => TimePart::Minute,
        "h" | "hr" | "hrs" | "hour" | "hours" => TimePart::Hour,
        "d" | "day" | "days" | "dayofmonth" => TimePart::Day,
        "dow" | "dayofweek" | "weekday" => TimePart::DayOfWeek,
        "isodow" => TimePart::IsoDayOfWeek,
        "doy" | "dayofyear" => TimePart::DayOfYear,
        "w" | "week" | "weeks" | "weekofyear" | "isoweek" => TimePart::Week,
        "mon" | "mons" | "month" | "months" => TimePart::Month,
        "quarter" | "quarters" => TimePart::Quarter,
        "y" | "yr" | "yrs" | "year" | "years" => TimePart::Year,
        "isoyear" => TimePart::IsoYear,
        "epoch" => TimePart::Epoch,
        _ => return None,
    })
}

/// The names of the parts, for people.
pub(super) const PARTS: &str =
    "microsecond, millisecond, second, minute, hour, day, dow, isodow, doy, week, month, quarter, year, isoyear, epoch";

impl Lowering<'_> {
    /// `INTERVAL '7 days'`, `INTERVAL 7 DAY`, `INTERVAL (n) DAY`.
    pub fn interval(&mut self, interval: &SqlInterval, span: &Range<usize>) -> Result<Value, SqlFault> {
        let part = self.part(&interval.value, span)?;
        if interval.last_field.is_some() || interval.leading_precision.is_some() {
            return Err(SqlFault::new(span.clone(), "an interval has one unit").help("write INTERVAL '7 days'"));
        }
        let Some(field) = &interval.leading_field else {
            return match &part.value {
                Value::Text(text) => words(text, &part.span).map(Value::Interval),
                _ => Err(SqlFault::new(part.span, "this interval has no unit").help("write INTERVAL (n) DAY")),
            };
        };
        let name = field_name(field);
        let unit = unit(&name).ok_or_else(|| no_unit(&name, span))?;
        let count = match &part.value {
            Value::Text(text) => match text.trim().parse::<i64>() {
                Ok(count) => Amount::Constant(count),
                Err(_) => {
                    return Err(SqlFault::new(part.span, format!("'{text}' is no number of {name}"))
                        .help("write INTERVAL '7 days'"));
                }
            },
            Value::Literal(Literal::Int64(count)) => Amount::Constant(*count),
            _ => Amount::Node(self.wanted(&part, ValueType::Int64)?),
        };
        self.of_unit(unit, count, span).map(Value::Interval)
    }

    /// So many of a unit.
    pub fn of_unit(&mut self, unit: Unit, count: Amount, span: &Range<usize>) -> Result<Interval, SqlFault> {
        let none = Amount::Constant(0);
        Ok(match unit {
            Unit::Months(factor) => Interval { months: self.times(count, factor, span)?, micros: none },
            Unit::Micros(factor) => Interval { months: none, micros: self.times(count, factor, span)? },
        })
    }

    fn times(&mut self, count: Amount, factor: i64, span: &Range<usize>) -> Result<Amount, SqlFault> {
        match count {
            Amount::Constant(count) => {
                let total = count.checked_mul(factor).filter(|total| *total != i64::MIN);
                total.map(Amount::Constant).ok_or_else(|| too_long(span))
            }
            Amount::Node(typed) if factor == 1 => Ok(Amount::Node(typed)),
            Amount::Node(typed) => {
                let factor = self.nodes.literal(Literal::Int64(factor));
                Ok(Amount::Node(self.call(Function::Multiply, &[typed, factor], ValueType::Int64)))
            }
        }
    }

    /// The interval the other way.
    pub fn opposite(&mut self, interval: Interval) -> Interval {
        let mut turn = |amount| match amount {
            // An interval of i64::MIN microseconds is refused where it is read.
            Amount::Constant(count) => Amount::Constant(0_i64.saturating_sub(count)),
            Amount::Node(typed) => Amount::Node(self.call(Function::Negate, &[typed], ValueType::Int64)),
        };
        let (months, micros) = (turn(interval.months), turn(interval.micros));
        Interval { months, micros }
    }

    /// A time, later by an interval: first the months, then the rest.
    pub fn later(&mut self, time: &Part, interval: Interval) -> Result<Value, SqlFault> {
        let is_time = matches!(time.value, Value::Null | Value::Text(_)) || time.value_type() == Some(ValueType::Time);
        if !is_time {
            return Err(SqlFault::new(
                time.span.clone(),
                format!("an interval is added to a time, and this is {}", time.kind()),
            ));
        }
        let mut result = self.wanted(time, ValueType::Time)?;
        for (function, amount) in [(Function::AddMonths, interval.months), (Function::AddMicros, interval.micros)] {
            let count = match amount {
                Amount::Constant(0) => continue,
                Amount::Constant(count) => self.nodes.literal(Literal::Int64(count)),
                Amount::Node(typed) => typed,
            };
            result = self.call(function, &[result, count], ValueType::Time);
        }
        Ok(Value::Typed(result))
    }

    /// A part of a time, or the seconds of a stretch of time.
    pub fn extract(&mut self, name: &str, of: &Part, span: &Range<usize>) -> Result<Value, SqlFault> {
        let part = time_part(name).ok_or_else(|| no_part(name, span))?;
        match &of.value {
            Value::Elapsed(micros) if part == TimePart::Epoch => {
                let micros = self.call(Function::ToFloat64, &[*micros], ValueType::Float64);
                let second = self.nodes.literal(Literal::Float64(SECOND as f64));
                return Ok(Value::Typed(self.call(Function::Divide, &[micros, second], ValueType::Float64)));
            }
            Value::Elapsed(_) => {
                return Err(SqlFault::new(of.span.clone(), "only its seconds can be taken of a time less a time")
                    .help("write epoch(a - b), or date_diff('day', b, a)"));
            }
            _ => {}
        }
        let time = self.wanted(of, ValueType::Time)?;
        Ok(Value::Typed(match part {
            TimePart::Epoch => self.call(Function::EpochSeconds, &[time], ValueType::Float64),
            part => self.call(Function::Extract(part), &[time], ValueType::Int64),
        }))
    }

    /// `date_trunc('day', at)`
    pub fn truncate(&mut self, part: TimePart, of: &Part) -> Result<Typed, SqlFault> {
        let time = self.wanted(of, ValueType::Time)?;
        Ok(self.call(Function::Truncate(part), &[time], ValueType::Time))
    }
}

/// The name of a part as it is written after EXTRACT or INTERVAL.
pub(super) fn field_name(field: &DateTimeField) -> String {
    match field {
        DateTimeField::Custom(ident) => ident.value.to_lowercase(),
        field => field.to_string().to_lowercase(),
    }
}

/// `1 month 2 days`
fn words(text: &str, span: &Range<usize>) -> Result<Interval, SqlFault> {
    let wrong = || {
        SqlFault::new(span.clone(), format!("'{text}' is no interval"))
            .help("write numbers with units: '7 days', '1 hour 30 minutes', '3 months'")
    };
    let (mut months, mut micros) = (0_i64, 0_i64);
    // "7d" as well as "7 days".
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '-' && c != '+').ok_or_else(wrong)?;
        let count = rest[..digits].parse::<i64>().map_err(|_| wrong())?;
        rest = rest[digits..].trim_start();
        let end = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        let name = &rest[..end];
        rest = rest[end..].trim_start_matches(|c: char| c.is_whitespace() || c == ',');
        let (sum, factor) = match unit(name).ok_or_else(|| no_unit(name, span))? {
            Unit::Months(factor) => (&mut months, factor),
            Unit::Micros(factor) => (&mut micros, factor),
        };
        let total = count.checked_mul(factor).and_then(|more| sum.checked_add(more));
        *sum = total.filter(|total| *total != i64::MIN).ok_or_else(|| too_long(span))?;
    }
    Ok(Interval { months: Amount::Constant(months), micros: Amount::Constant(micros) })
}

fn no_unit(name: &str, span: &Range<usize>) -> SqlFault {
    SqlFault::new(span.clone(), format!("there is no unit of time {name:?}"))
        .help("the units are microseconds, milliseconds, seconds, minutes, hours, days, weeks, months, quarters, years")
}

pub(super) fn no_part(name: &str, span: &Range<usize>) -> SqlFault {
    SqlFault::new(span.clone(), format!("a time has no part {name:?}")).help(format!("the parts are {PARTS}"))
}

fn too_long(span: &Range<usize>) -> SqlFault {
    SqlFault::new(span.clone(), "the interval is too long")
}
