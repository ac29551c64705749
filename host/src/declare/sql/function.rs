//! Functions that are lowered in a way of their own.

use onepath_definition::{Function, Literal, TimePart, ValueType};

use super::call::Call;
use super::lower::Lowering;
use super::time::{Unit, no_part, time_part, unit};
use super::value::{Part, Value, name};
use super::{SqlFault, Typed};

use ValueType::{Boolean, Float64, Float64List, Int64, Text, Time};

/// A function of more than one shape, or of no one [`Function`].
#[derive(Clone, Copy)]
pub(super) enum Other {
    Concat,
    ConcatSeparated,
    Repeat,
    PadStart,
    PadEnd,
    NullIf,
    If,
    IfNull,
    Sign,
    Remainder,
    RoundTo,
    Log,
    Pi,
    Degrees,
    Radians,
    Cot,
    Substring,
    Length,
    DatePart,
    DateTrunc,
    DateDiff,
    DateSub,
    DateAdd,
    Epoch,
    EpochMs,
    MakeTimestamp,
    LastDay,
    HashBucket,
    CosineDistance,
    Cosine,
    Element,
    Try,
}

impl Lowering<'_> {
    pub fn other(&mut self, other: Other, call: &Call) -> Result<Value, SqlFault> {
        let typed = match other {
            Other::Concat => self.concat(call)?,
            Other::ConcatSeparated => self.concat_separated(call)?,
            Other::Repeat => self.repeat(call)?,
            Other::PadStart => self.pad_start(call)?,
            Other::PadEnd => self.pad_end(call)?,
            Other::NullIf => return self.null_if(call),
            Other::If => {
                let [condition, then, otherwise] = call.exactly()?;
                let condition = self.wanted(condition, Boolean)?;
                return self.choice(&[condition], &[then.clone(), otherwise.clone()]);
            }
            Other::IfNull => {
                let [_, _] = call.exactly()?;
                return self.choose(Function::Coalesce, call);
            }
            Other::Sign => {
                let [number] = call.exactly()?;
                let number = self.numeric(number, call.name)?;
                self.call(Function::Sign, &[number], Int64)
            }
            Other::Remainder => {
                let [left, right] = call.exactly()?;
                return self.arithmetic(Function::Remainder, "mod", left, right);
            }
            Other::RoundTo => self.round(call)?,
            Other::Log => self.log(call)?,
            Other::Pi => {
                let [] = call.exactly()?;
                return Ok(Value::Literal(Literal::Float64(std::f64::consts::PI)));
            }
            Other::Degrees => self.scaled(180.0 / std::f64::consts::PI, call)?,
            Other::Radians => self.scaled(std::f64::consts::PI / 180.0, call)?,
            Other::Cot => {
                let tan = self.plain(Function::Tan, &[Float64], Float64, call)?;
                let one = self.nodes.literal(Literal::Float64(1.0));
                self.call(Function::Divide, &[one, tan], Float64)
            }
            Other::Substring => self.substring(call)?,
            Other::Length => match call.exactly::<1>()?[0].value_type() {
                Some(Float64List) => self.plain(Function::ListLength, &[Float64List], Int64, call)?,
                _ => self.plain(Function::Length, &[Text], Int64, call)?,
            },
            Other::HashBucket => self.hash_bucket(call)?,
            Other::Cosine => self.cosine(call)?,
            Other::CosineDistance => {
                let cosine = self.cosine(call)?;
                let one = self.nodes.literal(Literal::Float64(1.0));
                self.call(Function::Subtract, &[one, cosine], Float64)
            }
            Other::Element => {
                let [list, index] = call.exactly()?;
                return self.list_element(list, index);
            }
            Other::Try => {
                let [part] = call.exactly()?;
                let typed = self.own(part)?;
                self.call_nullable(Function::Try, &[typed], typed.value_type, true)
            }
            _ => return self.of_time(other, call),
        };
        Ok(Value::Typed(typed))
    }

    /// The functions of times that are more than a part.
    fn of_time(&mut self, other: Other, call: &Call) -> Result<Value, SqlFault> {
        let typed = match other {
            Other::DatePart => {
                let [part, of] = call.exactly()?;
                let name = constant_text(part, call.name)?;
                return self.extract(name, of, &part.span);
            }
            Other::DateTrunc => {
                let [part, of] = call.exactly()?;
                let part = stated_part(part, call.name)?;
                self.truncate(part, of)?
            }
            Other::DateDiff => {
                let [part, from, to] = call.exactly()?;
                let part = stated_part(part, call.name)?;
                let nodes = [self.wanted(from, Time)?, self.wanted(to, Time)?];
                self.call(Function::Difference(part), &nodes, Int64)
            }
            Other::DateSub => {
                let [part, from, to] = call.exactly()?;
                let name = constant_text(part, call.name)?;
                let Some(Unit::Micros(length)) = unit(name) else {
                    return Err(SqlFault::new(
                        part.span.clone(),
                        format!("{} takes units from microsecond to week", call.name),
                    )
                    .help("months and years have no fixed length: count with date_diff"));
                };
                let nodes = [self.wanted(to, Time)?, self.wanted(from, Time)?];
                let micros = self.call(Function::MicrosBetween, &nodes, Int64);
                let length = self.nodes.literal(Literal::Int64(length));
                self.call(Function::IntegerDivide, &[micros, length], Int64)
            }
            Other::DateAdd => {
                let [time, interval] = call.exactly()?;
                let Value::Interval(interval) = interval.value else {
                    return Err(SqlFault::new(interval.span.clone(), format!("{} takes an interval", call.name))
                        .help("write INTERVAL '7 days'"));
                };
                return self.later(time, interval);
            }
            Other::Epoch => {
                let [of] = call.exactly()?;
                return self.extract("epoch", of, &call.span);
            }
            Other::EpochMs => {
                let [of] = call.exactly()?;
                let thousand = self.nodes.literal(Literal::Int64(1_000));
                if of.value_type() == Some(Int64) {
                    let millis = self.own(of)?;
                    let micros = self.call(Function::Multiply, &[millis, thousand], Int64);
                    self.call(Function::FromEpochMicros, &[micros], Time)
                } else {
                    let time = self.wanted(of, Time)?;
                    self.call(Function::EpochMillis, &[time], Int64)
                }
            }
            Other::LastDay => {
                let [of] = call.exactly()?;
                let month = self.truncate(TimePart::Month, of)?;
                let (one, day) = (Literal::Int64(1), Literal::Int64(-86_400_000_000));
                let (one, day) = (self.nodes.literal(one), self.nodes.literal(day));
                let next = self.call(Function::AddMonths, &[month, one], Time);
                self.call(Function::AddMicros, &[next, day], Time)
            }
            _ => match call.arguments.len() {
                1 => self.plain(Function::FromEpochMicros, &[Int64], Time, call)?,
                _ => {
                    return Err(call.wrong_number("1").help("write TIMESTAMP '2024-01-31 12:30:00'"));
                }
            },
        };
        Ok(Value::Typed(typed))
    }

    fn concat(&mut self, call: &Call) -> Result<Typed, SqlFault> {
        if call.arguments.is_empty() {
            return Err(call.wrong_number("at least 1"));
        }
        let mut nodes = Vec::with_capacity(call.arguments.len());
        for part in &call.arguments {
            let text = self.as_text(part)?;
            nodes.push(match text.nullable {
                true => {
                    let empty = self.nodes.literal(Literal::Text(String::new()));
                    self.call_nullable(Function::Coalesce, &[text, empty], Text, false)
                }
                false => text,
            });
        }
        Ok(self.call(Function::Concat, &nodes, Text))
    }

    /// The first of two, null where they are equal; it keeps its type where only the comparison converts it.
    fn null_if(&mut self, call: &Call) -> Result<Value, SqlFault> {
        let [first, second] = call.exactly()?;
        let Some((nodes, value_type)) = self.unified(&[first, second], call.name)? else { return Ok(Value::Null) };
        if first.value_type() == Some(Int64) && value_type == Float64 {
            let equal = self.call(Function::Equal, &nodes, Boolean);
            let null = Part { value: Value::Null, span: call.span.clone() };
            return self.choice(&[equal], &[null, first.clone()]);
        }
        Ok(Value::Typed(self.call_nullable(Function::NullIf, &nodes, value_type, true)))
    }

    fn round(&mut self, call: &Call) -> Result<Typed, SqlFault> {
        match call.arguments.as_slice() {
            [number] => self.rounded(Function::Round, number, Int64, call),
            [number, places] => {
                let number = self.float(number, call.name)?;
                let places = self.wanted(places, Int64)?;
                Ok(self.call(Function::RoundTo, &[number, places], Float64))
            }
            _ => Err(call.wrong_number("1 or 2")),
        }
    }

    fn log(&mut self, call: &Call) -> Result<Typed, SqlFault> {
        match call.arguments.as_slice() {
            [_] => self.plain(Function::Log10, &[Float64], Float64, call),
            [base, number] => {
                let (base, number) = (self.float(base, call.name)?, self.float(number, call.name)?);
                let logs = [number, base].map(|of| self.call(Function::Log10, &[of], Float64));
                Ok(self.call(Function::Divide, &logs, Float64))
            }
            _ => Err(call.wrong_number("1 or 2")),
        }
    }

    fn scaled(&mut self, factor: f64, call: &Call) -> Result<Typed, SqlFault> {
        let [number] = call.exactly()?;
        let number = self.float(number, call.name)?;
        let factor = self.nodes.literal(Literal::Float64(factor));
        Ok(self.call(Function::Multiply, &[number, factor], Float64))
    }

    pub fn substring(&mut self, call: &Call) -> Result<Typed, SqlFault> {
        let (text, from, length) = match call.arguments.as_slice() {
            [text, from] => (text, from, None),
            [text, from, length] => (text, from, Some(length)),
            _ => return Err(call.wrong_number("2 or 3")),
        };
        let (text, from) = (self.wanted(text, Text)?, self.wanted(from, Int64)?);
        let length = match length {
            Some(length) => self.wanted(length, Int64)?,
            // More characters than any text has.
            None => self.nodes.literal(Literal::Int64(u32::MAX.into())),
        };
        Ok(self.call(Function::Substring, &[text, from, length], Text))
    }

    fn hash_bucket(&mut self, call: &Call) -> Result<Typed, SqlFault> {
        let [key, buckets] = call.exactly()?;
        let key_type = key.value_type().unwrap_or(Text);
        if !matches!(key_type, Text | Int64 | Boolean) {
            return Err(SqlFault::new(
                key.span.clone(),
                format!("{} takes a text, int64 or bool, and this is {}", call.name, name(key_type)),
            )
            .help("convert it: CAST(... AS VARCHAR)"));
        }
        if let Value::Literal(Literal::Int64(number)) = buckets.value
            && !(1..=i64::from(u32::MAX)).contains(&number)
        {
            return Err(SqlFault::new(buckets.span.clone(), "the number of buckets is from 1 to 4294967295"));
        }
        let nodes = [self.wanted(key, key_type)?, self.wanted(buckets, Int64)?];
        Ok(self.call(Function::HashBucket, &nodes, Int64))
    }

    fn cosine(&mut self, call: &Call) -> Result<Typed, SqlFault> {
        let typed = self.plain(Function::Cosine, &[Float64List, Float64List], Float64, call)?;
        Ok(Typed { nullable: true, ..typed })
    }
}

pub(super) fn constant_text<'p>(part: &'p Part, of: &str) -> Result<&'p str, SqlFault> {
    match &part.value {
        Value::Text(text) => Ok(text),
        _ => Err(SqlFault::new(part.span.clone(), format!("{of} begins with the name of a part, in quotes"))
            .help(format!("write {of}('day', ...)"))),
    }
}

fn stated_part(part: &Part, of: &str) -> Result<TimePart, SqlFault> {
    let name = constant_text(part, of)?;
    time_part(name).ok_or_else(|| no_part(name, &part.span))
}
