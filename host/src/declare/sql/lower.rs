//! The tree of an expression, to nodes.

use std::ops::Range;

use onepath_definition::{Function, Literal, ValueType};
use sqlparser::ast::{
    AccessExpr, BinaryOperator, CaseWhen, Expr, Ident, InTarget, Subscript, UnaryOperator, Value as SqlValue,
};

use super::parse::Source;
use super::value::{Part, Value, is_number};
use super::{Names, Nodes, SqlFault, Typed};
use crate::project::closest;

/// How deep an expression may nest.
const DEPTH_MAX: usize = 100;

/// One expression that is being lowered.
pub(super) struct Lowering<'a> {
    pub source: Source<'a>,
    pub names: &'a mut dyn Names,
    pub nodes: &'a mut Nodes,
    depth: usize,
}

/// Lowers one expression.
pub(super) fn expression(text: &str, names: &mut dyn Names, nodes: &mut Nodes) -> Result<Typed, SqlFault> {
    let source = Source::new(text);
    let parsed = source.parse()?;
    let mut lowering = Lowering { source, names, nodes, depth: 0 };
    let part = lowering.part(&parsed, &(0..text.len()))?;
    lowering.own(&part)
}

impl Lowering<'_> {
    /// A part of the expression. `around` is the place of what it is part of.
    pub fn part(&mut self, expression: &Expr, around: &Range<usize>) -> Result<Part, SqlFault> {
        if self.depth == DEPTH_MAX {
            return Err(SqlFault::new(around.clone(), "the expression is nested too deeply")
                .help("name parts of it: as derived columns of the source, or as features of their own"));
        }
        self.depth += 1;
        let span = self.source.place(expression, around);
        let value = self.value(expression, &span);
        self.depth -= 1;
        Ok(Part { value: value?, span })
    }

    fn value(&mut self, expression: &Expr, span: &Range<usize>) -> Result<Value, SqlFault> {
        match expression {
            Expr::Nested(inner) => Ok(self.part(inner, span)?.value),
            Expr::Identifier(name) => self.name(name, span),
            Expr::Value(value) => self.constant(&value.value, span),
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right, expression, span),
            Expr::UnaryOp { op, expr } => self.unary(*op, expr, span),
            Expr::IsNull(inner) => Ok(Value::Typed(self.is_null(inner, span)?)),
            Expr::IsNotNull(inner) => {
                let is_null = self.is_null(inner, span)?;
                Ok(self.not(is_null))
            }
            Expr::IsTrue(inner) => self.is_boolean(inner, true, span),
            Expr::IsFalse(inner) => self.is_boolean(inner, false, span),
            Expr::IsNotTrue(inner) => self.is_boolean(inner, true, span).map(|found| self.negated(found)),
            Expr::IsNotFalse(inner) => self.is_boolean(inner, false, span).map(|found| self.negated(found)),
            Expr::IsUnknown(inner) => self.is_unknown(inner, span).map(Value::Typed),
            Expr::IsNotUnknown(inner) => {
                let unknown = self.is_unknown(inner, span)?;
                Ok(self.not(unknown))
            }
            Expr::IsDistinctFrom(left, right) => self.distinct(left, right, true, span),
            Expr::IsNotDistinctFrom(left, right) => self.distinct(left, right, false, span),
            Expr::Between { expr, negated, low, high } => self.between(expr, low, high, *negated, span),
            Expr::In { expr, target: InTarget::List(list), negated, global: false } => {
                self.within(expr, list, *negated, span)
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char: None } => {
                self.like(Function::Like, expr, pattern, *negated, span)
            }
            Expr::ILike { negated, any: false, expr, pattern, escape_char: None } => {
                self.like(Function::LikeIgnoringCase, expr, pattern, *negated, span)
            }
            Expr::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref(), span)
            }
            Expr::Array(array) => self.list(&array.elem, span),
            Expr::CompoundFieldAccess { root, access_chain } => self.element(root, access_chain, span),
            _ => self.called(expression, span),
        }
    }

    /// What a name means.
    fn name(&mut self, name: &Ident, span: &Range<usize>) -> Result<Value, SqlFault> {
        if let Some(found) = self.names.find(&name.value, self.nodes) {
            return Ok(Value::Typed(found));
        }
        let all = self.names.all();
        let wanted = name.value.to_lowercase();
        let equal: Vec<&String> = all.iter().filter(|other| other.to_lowercase() == wanted).collect();
        if let [first, second, ..] = equal.as_slice() {
            return Err(SqlFault::new(span.clone(), format!("{} may be {first} or {second}", name.value))
                .help("names are compared without regard to case, as in SQL: write one of them exactly"));
        }
        if let Some(found) = equal.first().and_then(|equal| self.names.find(equal, self.nodes)) {
            return Ok(Value::Typed(found));
        }
        let fault = SqlFault::new(span.clone(), format!("there is no {}", name.value));
        if name.quote_style == Some('"') && !all.iter().any(|other| closest(&name.value, [other.as_str()]).is_some()) {
            return Err(fault
                .label("double quotes are for names")
                .help(format!("a text has single quotes: '{}'", name.value)));
        }
        let fault = fault.label("nothing has this name");
        let is_clock = matches!(wanted.as_str(), "today" | "now" | "current_user" | "rowid");
        if is_clock {
            return Err(fault.help("use as_of, the time that is asked about"));
        }
        match closest(&wanted, all.iter().map(String::as_str)) {
            Some(near) => Err(fault.help(format!("did you mean {near}?"))),
            None if all.is_empty() => Err(fault),
            None => {
                let mut shown: Vec<&str> = all.iter().take(12).map(String::as_str).collect();
                if all.len() > shown.len() {
                    shown.push("...");
                }
                Err(fault.help(format!("there is {}", shown.join(", "))))
            }
        }
    }

    fn constant(&mut self, value: &SqlValue, span: &Range<usize>) -> Result<Value, SqlFault> {
        match value {
            SqlValue::Number(digits, _) => self.number(digits, false, span).map(Value::Literal),
            SqlValue::SingleQuotedString(text) | SqlValue::EscapedStringLiteral(text) => Ok(Value::Text(text.clone())),
            SqlValue::DollarQuotedString(text) => Ok(Value::Text(text.value.clone())),
            SqlValue::Boolean(value) => Ok(Value::Literal(Literal::Boolean(*value))),
            SqlValue::Null => Ok(Value::Null),
            SqlValue::Placeholder(_) => Err(SqlFault::new(span.clone(), "an expression has no parameters")
                .help("write the value, or the name of a field")),
            _ => Err(SqlFault::new(span.clone(), "constants of this kind are not supported")
                .help("write a text in single quotes: 'text'")),
        }
    }

    /// A number: int64, or float64 where it has a point or an exponent.
    pub fn number(&self, digits: &str, is_negative: bool, span: &Range<usize>) -> Result<Literal, SqlFault> {
        let digits = digits.replace('_', "");
        let signed = if is_negative { format!("-{digits}") } else { digits };
        if signed.contains(['.', 'e', 'E']) {
            let value = signed.parse::<f64>().ok().filter(|value| value.is_finite());
            return value.map(Literal::Float64).ok_or_else(|| {
                SqlFault::new(span.clone(), format!("{signed} is beyond float64"))
                    .help("infinity is CAST('inf' AS DOUBLE)")
            });
        }
        signed.parse::<i64>().map(Literal::Int64).map_err(|_| {
            SqlFault::new(span.clone(), format!("{signed} is beyond int64"))
                .label("from -9223372036854775808 to 9223372036854775807")
                .help(format!("write it as float64: {signed}.0"))
        })
    }

    fn unary(&mut self, op: UnaryOperator, inner: &Expr, span: &Range<usize>) -> Result<Value, SqlFault> {
        match op {
            UnaryOperator::Minus => {
                if let Expr::Value(value) = inner
                    && let SqlValue::Number(digits, _) = &value.value
                {
                    return self.number(digits, true, span).map(Value::Literal);
                }
                let part = self.part(inner, span)?;
                match part.value {
                    Value::Interval(interval) => Ok(Value::Interval(self.opposite(interval))),
                    _ => {
                        let typed = self.numeric(&part, "-")?;
                        Ok(Value::Typed(self.call(Function::Negate, &[typed], typed.value_type)))
                    }
                }
            }
            UnaryOperator::Plus => {
                let part = self.part(inner, span)?;
                if !matches!(part.value, Value::Literal(_) | Value::Interval(_)) {
                    self.numeric(&part, "+")?;
                }
                Ok(part.value)
            }
            UnaryOperator::Not => {
                let part = self.part(inner, span)?;
                let typed = self.wanted(&part, ValueType::Boolean)?;
                Ok(self.not(typed))
            }
            UnaryOperator::PGAbs => {
                Err(SqlFault::new(span.clone(), "the operator @ is not supported").help("write abs(x)"))
            }
            _ => Err(SqlFault::new(span.clone(), format!("the operator {op} is not supported"))),
        }
    }

    /// A part as int64 or float64; a null is int64, as in DuckDB.
    pub fn numeric(&mut self, part: &Part, what: &str) -> Result<Typed, SqlFault> {
        match part.value_type() {
            Some(value_type) if is_number(value_type) => self.own(part),
            None if matches!(part.value, Value::Null) => Ok(self.null(ValueType::Int64)),
            _ => Err(SqlFault::new(part.span.clone(), format!("{what} takes numbers, and this is {}", part.kind()))),
        }
    }

    pub fn not(&mut self, typed: Typed) -> Value {
        Value::Typed(self.call(Function::Not, &[typed], ValueType::Boolean))
    }

    fn negated(&mut self, value: Value) -> Value {
        match value {
            Value::Typed(typed) => self.not(typed),
            other => other,
        }
    }

    fn is_null(&mut self, inner: &Expr, span: &Range<usize>) -> Result<Typed, SqlFault> {
        let part = self.part(inner, span)?;
        let typed = match part.value {
            Value::Null => self.null(ValueType::Boolean),
            Value::Elapsed(typed) => typed,
            _ => self.own(&part)?,
        };
        Ok(self.call_nullable(Function::IsNull, &[typed], ValueType::Boolean, false))
    }

    fn is_unknown(&mut self, inner: &Expr, span: &Range<usize>) -> Result<Typed, SqlFault> {
        let part = self.part(inner, span)?;
        let typed = self.wanted(&part, ValueType::Boolean)?;
        Ok(self.call_nullable(Function::IsNull, &[typed], ValueType::Boolean, false))
    }

    /// `IS TRUE`, `IS FALSE`: equal and not null.
    fn is_boolean(&mut self, inner: &Expr, wanted: bool, span: &Range<usize>) -> Result<Value, SqlFault> {
        let part = self.part(inner, span)?;
        let typed = self.wanted(&part, ValueType::Boolean)?;
        let constant = self.nodes.literal(Literal::Boolean(wanted));
        Ok(Value::Typed(self.call_nullable(Function::IsNotDistinct, &[typed, constant], ValueType::Boolean, false)))
    }

    fn distinct(&mut self, left: &Expr, right: &Expr, is: bool, span: &Range<usize>) -> Result<Value, SqlFault> {
        let (left, right) = (self.part(left, span)?, self.part(right, span)?);
        let Some((nodes, _)) = self.unified(&[&left, &right], "IS DISTINCT FROM")? else {
            return Ok(Value::Literal(Literal::Boolean(!is)));
        };
        let same = self.call_nullable(Function::IsNotDistinct, &nodes, ValueType::Boolean, false);
        Ok(if is { self.not(same) } else { Value::Typed(same) })
    }

    fn between(
        &mut self,
        tested: &Expr,
        low: &Expr,
        high: &Expr,
        negated: bool,
        span: &Range<usize>,
    ) -> Result<Value, SqlFault> {
        let parts = [self.part(tested, span)?, self.part(low, span)?, self.part(high, span)?];
        let [tested, low, high] = &parts;
        let at_least = self.compare(&BinaryOperator::LtEq, low, tested, span)?;
        let at_most = self.compare(&BinaryOperator::LtEq, tested, high, span)?;
        let both = self.call(Function::And, &[at_least, at_most], ValueType::Boolean);
        Ok(if negated { self.not(both) } else { Value::Typed(both) })
    }

    fn within(&mut self, tested: &Expr, list: &[Expr], negated: bool, span: &Range<usize>) -> Result<Value, SqlFault> {
        let mut parts = vec![self.part(tested, span)?];
        for item in list {
            parts.push(self.part(item, span)?);
        }
        if parts.len() == 1 {
            return Err(SqlFault::new(span.clone(), "the list of IN is empty"));
        }
        let parts: Vec<&Part> = parts.iter().collect();
        let Some((nodes, _)) = self.unified(&parts, "IN")? else { return Ok(Value::Null) };
        let found = match nodes.as_slice() {
            [tested, only] => self.call(Function::Equal, &[*tested, *only], ValueType::Boolean),
            _ => self.call(Function::In, &nodes, ValueType::Boolean),
        };
        Ok(if negated { self.not(found) } else { Value::Typed(found) })
    }

    fn like(
        &mut self,
        function: Function,
        text: &Expr,
        pattern: &Expr,
        negated: bool,
        span: &Range<usize>,
    ) -> Result<Value, SqlFault> {
        let (text, pattern) = (self.part(text, span)?, self.part(pattern, span)?);
        let nodes = [self.wanted(&text, ValueType::Text)?, self.wanted(&pattern, ValueType::Text)?];
        let like = self.call(function, &nodes, ValueType::Boolean);
        Ok(if negated { self.not(like) } else { Value::Typed(like) })
    }

    /// `CASE` of both forms.
    fn case(
        &mut self,
        operand: Option<&Expr>,
        conditions: &[CaseWhen],
        otherwise: Option<&Expr>,
        span: &Range<usize>,
    ) -> Result<Value, SqlFault> {
        let operand = operand.map(|operand| self.part(operand, span)).transpose()?;
        let (mut tests, mut results) = (Vec::new(), Vec::new());
        for CaseWhen { condition, result } in conditions {
            let condition = self.part(condition, span)?;
            tests.push(match &operand {
                Some(operand) => self.compare(&BinaryOperator::Eq, operand, &condition, span)?,
                None => self.wanted(&condition, ValueType::Boolean)?,
            });
            results.push(self.part(result, span)?);
        }
        results.push(match otherwise {
            Some(otherwise) => self.part(otherwise, span)?,
            None => Part { value: Value::Null, span: span.clone() },
        });
        self.choice(&tests, &results)
    }

    /// The value of the first condition that is true, else the last one.
    pub fn choice(&mut self, tests: &[Typed], results: &[Part]) -> Result<Value, SqlFault> {
        let results: Vec<&Part> = results.iter().collect();
        let Some((values, value_type)) = self.unified(&results, "the results of CASE")? else { return Ok(Value::Null) };
        let nullable = values.iter().any(|value| value.nullable);
        let mut arguments: Vec<Typed> = tests.iter().zip(&values).flat_map(|(test, value)| [*test, *value]).collect();
        arguments.extend(values.last());
        Ok(Value::Typed(self.call_nullable(Function::Case, &arguments, value_type, nullable)))
    }

    /// `[1.0, 2.0]`: constants alone.
    fn list(&mut self, items: &[Expr], span: &Range<usize>) -> Result<Value, SqlFault> {
        let mut numbers = Vec::with_capacity(items.len());
        for item in items {
            let part = self.part(item, span)?;
            numbers.push(match part.value {
                Value::Literal(Literal::Float64(number)) => number,
                Value::Literal(Literal::Int64(number)) => number as f64,
                _ => {
                    return Err(SqlFault::new(part.span, "a list has constant numbers alone")
                        .help("a list that is computed is a field of type list<float64>"));
                }
            });
        }
        Ok(Value::Literal(Literal::Float64List(numbers)))
    }

    fn element(&mut self, root: &Expr, chain: &[AccessExpr], span: &Range<usize>) -> Result<Value, SqlFault> {
        let [AccessExpr::Subscript(Subscript::Index { index })] = chain else {
            return Err(SqlFault::new(span.clone(), "only one element of a list can be taken")
                .help("write list[1] for the first one"));
        };
        let (list, index) = (self.part(root, span)?, self.part(index, span)?);
        self.list_element(&list, &index)
    }

    pub fn list_element(&mut self, list: &Part, index: &Part) -> Result<Value, SqlFault> {
        let nodes = [self.wanted(list, ValueType::Float64List)?, self.wanted(index, ValueType::Int64)?];
        Ok(Value::Typed(self.call_nullable(Function::ListElement, &nodes, ValueType::Float64, true)))
    }
}
