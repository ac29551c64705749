//! Operators between two parts.

use std::ops::Range;

use onepath_definition::{Function, Literal, ValueType};
use sqlparser::ast::{BinaryOperator, Expr};

use super::lower::Lowering;
use super::value::{Amount, Part, Value, is_number};
use super::{SqlFault, Typed};

/// Operators that no one confuses where they stand beside each other without parentheses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Comparison,
    Concatenation,
    Sum,
    Other,
}

impl Lowering<'_> {
    pub fn binary(
        &mut self,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
        whole: &Expr,
        span: &Range<usize>,
    ) -> Result<Value, SqlFault> {
        match op {
            BinaryOperator::And => return self.connected(Function::And, whole, span),
            BinaryOperator::Or => return self.connected(Function::Or, whole, span),
            _ => {}
        }
        for side in [left, right] {
            self.check_parentheses(op, side, span)?;
        }
        let (left, right) = (self.part(left, span)?, self.part(right, span)?);
        match op {
            BinaryOperator::Plus | BinaryOperator::Minus => self.sum(op, &left, &right, span),
            BinaryOperator::Multiply => self.arithmetic(Function::Multiply, "*", &left, &right),
            BinaryOperator::Divide => self.divide(&left, &right),
            BinaryOperator::Modulo => self.arithmetic(Function::Remainder, "%", &left, &right),
            BinaryOperator::DuckIntegerDivide => self.integer_divide(&left, &right),
            BinaryOperator::StringConcat => {
                if matches!(left.value, Value::Null) || matches!(right.value, Value::Null) {
                    return Ok(Value::Typed(self.null(ValueType::Text)));
                }
                let nodes = [self.as_text(&left)?, self.as_text(&right)?];
                Ok(Value::Typed(self.call(Function::Concat, &nodes, ValueType::Text)))
            }
            BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq => self.compare(op, &left, &right, span).map(Value::Typed),
            _ => Err(self.no_operator(op, span)),
        }
    }

    fn no_operator(&self, op: &BinaryOperator, span: &Range<usize>) -> SqlFault {
        let fault = SqlFault::new(span.clone(), format!("the operator {op} is not supported"));
        match op {
            BinaryOperator::BitwiseXor | BinaryOperator::PGExp => fault.help("write pow(a, b)"),
            BinaryOperator::PGRegexMatch | BinaryOperator::Regexp | BinaryOperator::Glob => {
                fault.help("write LIKE, starts_with, ends_with or contains")
            }
            BinaryOperator::PGLikeMatch | BinaryOperator::PGILikeMatch => fault.help("write LIKE or ILIKE"),
            BinaryOperator::Spaceship => fault.help("write IS NOT DISTINCT FROM"),
            BinaryOperator::Xor => fault.help("write a <> b"),
            _ => fault,
        }
    }

    /// What DuckDB and this parser would not read alike needs parentheses.
    fn check_parentheses(&self, op: &BinaryOperator, side: &Expr, span: &Range<usize>) -> Result<(), SqlFault> {
        let inner = match side {
            Expr::BinaryOp { op, .. } => level(op),
            Expr::Between { .. } | Expr::In { .. } | Expr::Like { .. } | Expr::ILike { .. } => Level::Comparison,
            Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsTrue(_)
            | Expr::IsFalse(_)
            | Expr::IsNotTrue(_)
            | Expr::IsNotFalse(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotUnknown(_)
            | Expr::IsDistinctFrom(..)
            | Expr::IsNotDistinctFrom(..) => Level::Comparison,
            _ => return Ok(()),
        };
        let unclear = matches!(
            (level(op), inner),
            (Level::Comparison, Level::Comparison)
                | (Level::Concatenation, Level::Sum)
                | (Level::Sum, Level::Concatenation)
        );
        if unclear {
            let place = self.source.place(side, span);
            return Err(SqlFault::new(place, "it is not clear what belongs together").help("write parentheses"));
        }
        Ok(())
    }

    /// A chain of AND or of OR, however long.
    fn connected(&mut self, function: Function, whole: &Expr, span: &Range<usize>) -> Result<Value, SqlFault> {
        let wanted = if function == Function::And { BinaryOperator::And } else { BinaryOperator::Or };
        let (mut rest, mut parts) = (whole, Vec::new());
        while let Expr::BinaryOp { left, op, right } = rest
            && *op == wanted
        {
            parts.push(&**right);
            rest = left;
        }
        parts.push(rest);
        let mut nodes = Vec::with_capacity(parts.len());
        for part in parts.into_iter().rev() {
            let part = self.part(part, span)?;
            nodes.push(self.wanted(&part, ValueType::Boolean)?);
        }
        Ok(Value::Typed(self.call(function, &nodes, ValueType::Boolean)))
    }

    /// A comparison of values that may be compared.
    pub fn compare(
        &mut self,
        op: &BinaryOperator,
        left: &Part,
        right: &Part,
        span: &Range<usize>,
    ) -> Result<Typed, SqlFault> {
        let Some(nodes) = self.comparable(left, right)? else { return Ok(self.null(ValueType::Boolean)) };
        let [a, b] = nodes;
        let is_order = !matches!(op, BinaryOperator::Eq | BinaryOperator::NotEq);
        if is_order && a.value_type == ValueType::Float64List {
            return Err(SqlFault::new(span.clone(), "lists have no order").help("compare their elements: list[1]"));
        }
        let (function, arguments) = match op {
            BinaryOperator::Eq => (Function::Equal, [a, b]),
            BinaryOperator::NotEq => (Function::NotEqual, [a, b]),
            BinaryOperator::Lt => (Function::Less, [a, b]),
            BinaryOperator::LtEq => (Function::LessOrEqual, [a, b]),
            BinaryOperator::Gt => (Function::Less, [b, a]),
            _ => (Function::LessOrEqual, [b, a]),
        };
        Ok(self.call(function, &arguments, ValueType::Boolean))
    }

    /// Both sides of a comparison as nodes of one type: also a time less a time with an interval. None where both are null.
    fn comparable(&mut self, left: &Part, right: &Part) -> Result<Option<[Typed; 2]>, SqlFault> {
        let is_span = |part: &Part| matches!(part.value, Value::Elapsed(_) | Value::Interval(_));
        if !is_span(left) && !is_span(right) {
            let unified = self.unified(&[left, right], "a comparison")?;
            return Ok(unified.map(|(nodes, _)| [nodes[0], nodes[1]]));
        }
        Ok(Some([self.elapsed(left)?, self.elapsed(right)?]))
    }

    /// A stretch of time in microseconds.
    fn elapsed(&mut self, part: &Part) -> Result<Typed, SqlFault> {
        match &part.value {
            Value::Elapsed(typed) => Ok(*typed),
            Value::Null => Ok(self.null(ValueType::Int64)),
            Value::Interval(interval) => match (interval.months, interval.micros) {
                (Amount::Constant(0), Amount::Node(micros)) => Ok(micros),
                (Amount::Constant(0), Amount::Constant(micros)) => Ok(self.nodes.literal(Literal::Int64(micros))),
                _ => Err(SqlFault::new(part.span.clone(), "months have no fixed length")
                    .help("compare with days: INTERVAL '30 days'")),
            },
            _ => Err(SqlFault::new(part.span.clone(), format!("{} where an interval is wanted", part.kind()))
                .help("write INTERVAL '7 days', or compare epoch(a - b), which is seconds")),
        }
    }

    fn sum(&mut self, op: &BinaryOperator, left: &Part, right: &Part, span: &Range<usize>) -> Result<Value, SqlFault> {
        let is_minus = *op == BinaryOperator::Minus;
        match (&left.value, &right.value) {
            (_, Value::Interval(interval)) => {
                let interval = if is_minus { self.opposite(*interval) } else { *interval };
                return self.later(left, interval);
            }
            (Value::Interval(interval), _) if !is_minus => return self.later(right, *interval),
            _ => {}
        }
        let is_time = |part: &Part| part.value_type() == Some(ValueType::Time);
        if is_minus && (is_time(left) || is_time(right)) {
            let nodes = [self.wanted(left, ValueType::Time)?, self.wanted(right, ValueType::Time)?];
            return Ok(Value::Elapsed(self.call(Function::MicrosBetween, &nodes, ValueType::Int64)));
        }
        if is_time(left) || is_time(right) {
            return Err(SqlFault::new(span.clone(), "only intervals are added to times")
                .help("write at + INTERVAL '7 days', or at + INTERVAL (n) DAY"));
        }
        let (function, sign) = if is_minus { (Function::Subtract, "-") } else { (Function::Add, "+") };
        self.arithmetic(function, sign, left, right)
    }

    /// Of two numbers of one type.
    pub fn arithmetic(&mut self, function: Function, sign: &str, left: &Part, right: &Part) -> Result<Value, SqlFault> {
        for side in [left, right] {
            let is_fit = matches!(side.value, Value::Null) || side.value_type().is_some_and(is_number);
            if !is_fit {
                let fault =
                    SqlFault::new(side.span.clone(), format!("{sign} takes numbers, and this is {}", side.kind()));
                return Err(match side.value_type() {
                    Some(ValueType::Text) if sign == "+" => fault.help("texts are joined by ||"),
                    Some(ValueType::Text) => fault.help("convert it: CAST(... AS DOUBLE)"),
                    Some(ValueType::Boolean) => fault.help("convert it: CAST(... AS BIGINT)"),
                    _ => fault,
                });
            }
        }
        let Some((nodes, value_type)) = self.unified(&[left, right], sign)? else {
            return Ok(Value::Typed(self.null(ValueType::Int64)));
        };
        Ok(Value::Typed(self.call(function, &nodes, value_type)))
    }

    /// `/`: always of float64.
    pub fn divide(&mut self, left: &Part, right: &Part) -> Result<Value, SqlFault> {
        let nodes = [self.float(left, "/")?, self.float(right, "/")?];
        Ok(Value::Typed(self.call(Function::Divide, &nodes, ValueType::Float64)))
    }

    fn integer_divide(&mut self, left: &Part, right: &Part) -> Result<Value, SqlFault> {
        for side in [left, right] {
            if side.value_type() == Some(ValueType::Float64) {
                return Err(SqlFault::new(side.span.clone(), "// takes int64, and this is float64")
                    .help("write trunc(a / b), or round it before: CAST(... AS BIGINT)"));
            }
        }
        self.arithmetic(Function::IntegerDivide, "//", left, right)
    }

    /// A number as float64.
    pub fn float(&mut self, part: &Part, what: &str) -> Result<Typed, SqlFault> {
        match part.value_type() {
            Some(value_type) if !is_number(value_type) => {
                Err(SqlFault::new(part.span.clone(), format!("{what} takes numbers, and this is {}", part.kind())))
            }
            _ => self.wanted(part, ValueType::Float64),
        }
    }
}

fn level(op: &BinaryOperator) -> Level {
    match op {
        BinaryOperator::Eq
        | BinaryOperator::NotEq
        | BinaryOperator::Lt
        | BinaryOperator::LtEq
        | BinaryOperator::Gt
        | BinaryOperator::GtEq => Level::Comparison,
        BinaryOperator::StringConcat => Level::Concatenation,
        BinaryOperator::Plus | BinaryOperator::Minus => Level::Sum,
        _ => Level::Other,
    }
}
