//! What a part of an expression is, and conversions between types.

use std::ops::Range;

use onepath_definition::{Function, Literal, Node, ValueType, parse_time};

use super::lower::Lowering;
use super::{SqlFault, Typed};

/// A part of an expression with its place.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub value: Value,
    pub span: Range<usize>,
}

/// What a part of an expression is. Constants become nodes where it is known what they are wanted as.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// A node.
    Typed(Typed),
    /// A constant that is no text.
    Literal(Literal),
    /// A text that may become a time.
    Text(String),
    /// A null that takes the type of its place.
    Null,
    /// An interval.
    Interval(Interval),
    /// A time less a time: int64 microseconds.
    Elapsed(Typed),
}

/// Calendar months, and microseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interval {
    pub months: Amount,
    pub micros: Amount,
}

/// How many: known, or a node of int64.
#[derive(Clone, Copy, Debug)]
pub(super) enum Amount {
    Constant(i64),
    Node(Typed),
}

impl Part {
    /// Its type, if it has one by itself.
    pub fn value_type(&self) -> Option<ValueType> {
        match &self.value {
            Value::Typed(typed) => Some(typed.value_type),
            Value::Literal(literal) => Some(literal.value_type()),
            Value::Text(_) => Some(ValueType::Text),
            Value::Null | Value::Interval(_) | Value::Elapsed(_) => None,
        }
    }

    /// What it is, for people.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Interval(_) => "an interval",
            Value::Elapsed(_) => "a time less a time",
            Value::Null => "null",
            _ => self.value_type().map_or("nothing", name),
        }
    }
}

/// The name of a type.
pub(super) fn name(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::Boolean => "bool",
        ValueType::Int64 => "int64",
        ValueType::Float64 => "float64",
        ValueType::Text => "text",
        ValueType::Time => "time",
        ValueType::Float64List => "list<float64>",
    }
}

/// Whether it is int64 or float64.
pub(super) fn is_number(value_type: ValueType) -> bool {
    matches!(value_type, ValueType::Int64 | ValueType::Float64)
}

impl Lowering<'_> {
    /// A call, null where an argument may be.
    pub fn call(&mut self, function: Function, arguments: &[Typed], value_type: ValueType) -> Typed {
        let nullable = arguments.iter().any(|argument| argument.nullable);
        self.call_nullable(function, arguments, value_type, nullable)
    }

    /// A call of which it is known whether it may be null.
    pub fn call_nullable(
        &mut self,
        function: Function,
        arguments: &[Typed],
        value_type: ValueType,
        nullable: bool,
    ) -> Typed {
        let arguments = arguments.iter().map(|argument| argument.node).collect();
        Typed { node: self.nodes.add(Node::Call { function, arguments }), value_type, nullable }
    }

    /// A null of this type.
    pub fn null(&mut self, value_type: ValueType) -> Typed {
        Typed { node: self.nodes.add(Node::Null(value_type)), value_type, nullable: true }
    }

    /// The part as a node of its own type.
    pub fn own(&mut self, part: &Part) -> Result<Typed, SqlFault> {
        match &part.value {
            Value::Typed(typed) => Ok(*typed),
            Value::Literal(literal) => Ok(self.nodes.literal(literal.clone())),
            Value::Text(text) => Ok(self.nodes.literal(Literal::Text(text.clone()))),
            Value::Null => {
                Err(SqlFault::new(part.span.clone(), "this null has no type").help("say which: CAST(NULL AS DOUBLE)"))
            }
            Value::Interval(_) => Err(SqlFault::new(part.span.clone(), "an interval is no value by itself")
                .help("add it to a time or subtract it: as_of - INTERVAL '7 days'")),
            Value::Elapsed(_) => Err(SqlFault::new(part.span.clone(), "a time less a time is no value by itself")
                .help("say in which unit: date_diff('day', from, to) counts midnights, epoch(a - b) gives seconds")),
        }
    }

    /// The part as a node of the wanted type: as it is, or converted as DuckDB would by itself.
    pub fn wanted(&mut self, part: &Part, wanted: ValueType) -> Result<Typed, SqlFault> {
        match (&part.value, wanted) {
            (Value::Null, _) => Ok(self.null(wanted)),
            (Value::Literal(Literal::Int64(value)), ValueType::Float64) => {
                Ok(self.nodes.literal(Literal::Float64(*value as f64)))
            }
            (Value::Text(text), ValueType::Time) => {
                let time = self.time(text, &part.span)?;
                Ok(self.nodes.literal(Literal::Time(time)))
            }
            (Value::Interval(_) | Value::Elapsed(_), _) => self.own(part),
            _ => {
                let typed = self.own(part)?;
                match (typed.value_type, wanted) {
                    (found, wanted) if found == wanted => Ok(typed),
                    (ValueType::Int64, ValueType::Float64) => {
                        Ok(self.call(Function::ToFloat64, &[typed], ValueType::Float64))
                    }
                    (found, wanted) => Err(self.mismatch(part, found, wanted)),
                }
            }
        }
    }

    /// The part as text: whatever has one.
    pub fn as_text(&mut self, part: &Part) -> Result<Typed, SqlFault> {
        match part.value_type() {
            Some(ValueType::Text | ValueType::Float64List) | None => self.wanted(part, ValueType::Text),
            Some(_) => {
                let typed = self.own(part)?;
                Ok(self.call(Function::ToText, &[typed], ValueType::Text))
            }
        }
    }

    fn mismatch(&self, part: &Part, found: ValueType, wanted: ValueType) -> SqlFault {
        let fault = SqlFault::new(part.span.clone(), format!("{} where {} is wanted", name(found), name(wanted)))
            .label(format!("this is {}", name(found)));
        match (&part.value, found, wanted) {
            (Value::Text(text), _, ValueType::Int64 | ValueType::Float64) if text.trim().parse::<f64>().is_ok() => {
                fault.help(format!("write the number without quotes: {}", text.trim()))
            }
            (Value::Literal(_), ValueType::Int64 | ValueType::Float64, ValueType::Boolean) => {
                fault.help("write true or false, or the condition alone")
            }
            (Value::Literal(_), ValueType::Int64 | ValueType::Float64, ValueType::Text) => {
                fault.help("a text has single quotes")
            }
            (Value::Text(_), _, ValueType::Boolean) => fault.help("write true or false without quotes"),
            (_, ValueType::Int64 | ValueType::Float64, ValueType::Boolean) => fault.help("compare it: ... <> 0"),
            (_, ValueType::Boolean, ValueType::Int64) => fault.help("convert it: CAST(... AS BIGINT)"),
            (_, ValueType::Float64, ValueType::Int64) => {
                fault.help("round it: CAST(... AS BIGINT) rounds to the nearest integer")
            }
            (_, ValueType::Text | ValueType::Boolean, ValueType::Float64) => {
                fault.help("convert it: CAST(... AS DOUBLE)")
            }
            (_, ValueType::Text, ValueType::Int64) => fault.help("convert it: CAST(... AS BIGINT)"),
            (_, ValueType::Text, ValueType::Time) => fault.help("convert it: CAST(... AS TIMESTAMP)"),
            (_, ValueType::Time, ValueType::Int64 | ValueType::Float64) => {
                fault.help("take a part of it, or its seconds: year(...), epoch(...)")
            }
            (_, _, ValueType::Text) if found != ValueType::Float64List => {
                fault.help("convert it: CAST(... AS VARCHAR)")
            }
            _ => fault,
        }
    }

    /// A text that says a time.
    pub fn time(&self, text: &str, span: &Range<usize>) -> Result<i64, SqlFault> {
        parse_time(text).ok_or_else(|| {
            SqlFault::new(span.clone(), format!("'{text}' is no time"))
                .help("write '2024-01-31', '2024-01-31 12:30:00' or '2024-01-31T12:30:00Z'; times are UTC")
        })
    }

    /// Parts as nodes of one type: the one that all have, float64 where int64 and float64 meet, time where texts are written beside
    /// times. `what` they are of is for the fault. None where all are null.
    pub fn unified(&mut self, parts: &[&Part], what: &str) -> Result<Option<(Vec<Typed>, ValueType)>, SqlFault> {
        let Some(wanted) = self.common(parts, what)? else { return Ok(None) };
        let nodes = parts.iter().map(|part| self.wanted(part, wanted)).collect::<Result<_, _>>()?;
        Ok(Some((nodes, wanted)))
    }

    /// The type that parts have in common.
    fn common(&self, parts: &[&Part], what: &str) -> Result<Option<ValueType>, SqlFault> {
        let mut common: Option<(ValueType, &Part)> = None;
        for part in parts {
            let Some(found) = part.value_type() else {
                if matches!(part.value, Value::Null) {
                    continue;
                }
                return Err(SqlFault::new(part.span.clone(), format!("{} in {what}", part.kind()))
                    .help("an interval is added to a time, subtracted from it, or compared with a time less a time"));
            };
            let Some((before, of)) = common else {
                common = Some((found, part));
                continue;
            };
            let is_text = |part: &Part| matches!(part.value, Value::Text(_));
            common = match (before, found) {
                (before, found) if before == found => {
                    // A text that is no constant decides.
                    Some((before, if is_text(of) { part } else { of }))
                }
                (ValueType::Int64, ValueType::Float64) => Some((found, part)),
                (ValueType::Float64, ValueType::Int64) => Some((before, of)),
                (ValueType::Text, ValueType::Time) if is_text(of) => Some((found, part)),
                (ValueType::Time, ValueType::Text) if is_text(part) => Some((before, of)),
                _ => return Err(self.mixed(part, found, of, before, what)),
            };
        }
        Ok(common.map(|(value_type, _)| value_type))
    }

    fn mixed(&self, part: &Part, found: ValueType, other: &Part, before: ValueType, what: &str) -> SqlFault {
        let message = format!("{} and {} in {what}", name(before), name(found));
        // The constant is more probably wrong than the name.
        let of_other = matches!(other.value, Value::Text(_) | Value::Literal(_));
        let (at, its_type, wanted) = if of_other { (other, before, found) } else { (part, found, before) };
        let mut fault = self.mismatch(at, its_type, wanted);
        fault.message = message;
        fault
    }
}
