//! What SQL writes in a way of its own: CAST, EXTRACT, TRIM, SUBSTRING; and what is no expression over one row.

use std::ops::Range;

use onepath_definition::{Function, Literal, ValueType, parse_time};
use sqlparser::ast::{
    CastKind, CeilFloorKind, DataType, Expr, Function as SqlFunction, FunctionArg, FunctionArgExpr, FunctionArguments,
    InTarget, ObjectName, ObjectNamePart, Spanned, TimezoneInfo, TrimWhereField, TypedString, Value as SqlValue,
};

use super::call::Call;
use super::lower::Lowering;
use super::time::field_name;
use super::value::{Part, Value, name};
use super::{SqlFault, Typed};

impl Lowering<'_> {
    /// What is written as a call, or in a way of its own.
    pub fn called(&mut self, expression: &Expr, span: &Range<usize>) -> Result<Value, SqlFault> {
        match expression {
            Expr::Function(function) => self.sql_function(function, span),
            Expr::Cast { kind, expr, data_type, format: None } => self.cast(kind, expr, data_type, span),
            Expr::TypedString(typed) => self.typed_string(typed, span),
            Expr::Interval(interval) => self.interval(interval, span),
            Expr::Extract { field, expr, .. } => {
                let of = self.part(expr, span)?;
                self.extract(&field_name(field), &of, span)
            }
            Expr::Ceil { expr, field } => self.whole("ceil", expr, field, span),
            Expr::Floor { expr, field } => self.whole("floor", expr, field, span),
            Expr::Position { expr, r#in } => {
                let arguments = vec![self.part(r#in, span)?, self.part(expr, span)?];
                self.named("position", arguments, span)
            }
            Expr::Substring { expr, substring_from, substring_for, .. } => {
                let mut arguments = vec![self.part(expr, span)?];
                arguments.push(match substring_from {
                    Some(from) => self.part(from, span)?,
                    None => Part { value: Value::Literal(Literal::Int64(1)), span: span.clone() },
                });
                if let Some(length) = substring_for {
                    arguments.push(self.part(length, span)?);
                }
                self.named("substring", arguments, span)
            }
            Expr::Trim { trim_where, trim_what, expr, trim_characters } => {
                let mut arguments = vec![self.part(expr, span)?];
                let more = trim_what.iter().map(|what| &**what).chain(trim_characters.iter().flatten());
                for what in more {
                    arguments.push(self.part(what, span)?);
                }
                let name = match trim_where {
                    None | Some(TrimWhereField::Both) => "trim",
                    Some(TrimWhereField::Leading) => "ltrim",
                    Some(TrimWhereField::Trailing) => "rtrim",
                };
                self.named(name, arguments, span)
            }
            _ => Err(refused(expression, span)),
        }
    }

    fn named(&mut self, name: &str, arguments: Vec<Part>, span: &Range<usize>) -> Result<Value, SqlFault> {
        self.function(&Call { name, arguments, span: span.clone(), name_span: span.clone() })
    }

    fn whole(
        &mut self,
        name: &str,
        inner: &Expr,
        field: &CeilFloorKind,
        span: &Range<usize>,
    ) -> Result<Value, SqlFault> {
        if !matches!(field, CeilFloorKind::DateTimeField(sqlparser::ast::DateTimeField::NoDateTime)) {
            return Err(SqlFault::new(span.clone(), format!("{name} takes 1 argument"))
                .help("round to places with round(x, n); take the beginning of a day with date_trunc('day', at)"));
        }
        let arguments = vec![self.part(inner, span)?];
        self.named(name, arguments, span)
    }

    fn sql_function(&mut self, function: &SqlFunction, span: &Range<usize>) -> Result<Value, SqlFault> {
        let name_span = self.source.range(function.name.span()).unwrap_or_else(|| span.clone());
        let [ObjectNamePart::Identifier(name)] = function.name.0.as_slice() else {
            return Err(SqlFault::new(name_span, "a function has a plain name"));
        };
        let is_plain = function.filter.is_none()
            && function.over.is_none()
            && function.null_treatment.is_none()
            && function.within_group.is_empty()
            && matches!(function.parameters, FunctionArguments::None);
        if !is_plain {
            return Err(SqlFault::new(
                name_span,
                format!("{} is over many rows, and an expression is over one", name.value),
            )
            .help("make it a feature, such as { count = \"*\", window = \"30d\" }, and use its name"));
        }
        let mut call = Call { name: &name.value, arguments: Vec::new(), span: span.clone(), name_span };
        match &function.args {
            FunctionArguments::None => {}
            FunctionArguments::Subquery(_) => return Err(no_query(span)),
            FunctionArguments::List(list) => {
                let is_plain = list.duplicate_treatment.is_none() && list.clauses.is_empty();
                for argument in &list.args {
                    match argument {
                        FunctionArg::Unnamed(FunctionArgExpr::Expr(argument)) if is_plain => {
                            let argument = self.part(argument, span)?;
                            call.arguments.push(argument);
                        }
                        _ => {
                            // count(*), and what else is an aggregate, is told as such.
                            call.arguments.clear();
                            let fault = self.function(&call).err();
                            return Err(fault.filter(|fault| fault.message.contains("many")).unwrap_or_else(|| {
                                SqlFault::new(
                                    span.clone(),
                                    "arguments are plain expressions, without names, * or DISTINCT",
                                )
                            }));
                        }
                    }
                }
            }
        }
        self.function(&call)
    }

    fn typed_string(&mut self, typed: &TypedString, span: &Range<usize>) -> Result<Value, SqlFault> {
        let SqlValue::SingleQuotedString(text) = &typed.value.value else {
            return Err(SqlFault::new(span.clone(), "write the text in single quotes"));
        };
        match typed.data_type {
            DataType::Date | DataType::Timestamp(None, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => {
                self.time(text, span).map(|time| Value::Literal(Literal::Time(time)))
            }
            _ => {
                let wanted = self.value_type(&typed.data_type, span)?;
                let part = Part { value: Value::Text(text.clone()), span: span.clone() };
                self.converted(&part, wanted, span).map(Value::Typed)
            }
        }
    }

    fn cast(
        &mut self,
        kind: &CastKind,
        inner: &Expr,
        data_type: &DataType,
        span: &Range<usize>,
    ) -> Result<Value, SqlFault> {
        let part = self.part(inner, span)?;
        let wanted = self.value_type(data_type, span)?;
        let converted = self.converted(&part, wanted, span)?;
        Ok(match kind {
            CastKind::TryCast | CastKind::SafeCast if part.value_type() != Some(wanted) => {
                // What failed before the conversion still fails, as in DuckDB.
                Value::Typed(self.call_nullable(Function::TryCast, &[converted], wanted, true))
            }
            _ => Value::Typed(converted),
        })
    }

    /// A part converted as CAST does.
    fn converted(&mut self, part: &Part, wanted: ValueType, span: &Range<usize>) -> Result<Typed, SqlFault> {
        use ValueType::{Boolean, Float64, Float64List, Int64, Text, Time};
        if matches!(part.value, Value::Null) {
            return Ok(self.null(wanted));
        }
        if let (Value::Text(text), Time) = (&part.value, wanted)
            && let Some(time) = parse_time(text)
        {
            return Ok(self.nodes.literal(Literal::Time(time)));
        }
        let typed = self.own(part)?;
        let function = match (typed.value_type, wanted) {
            (found, wanted) if found == wanted => return Ok(typed),
            (Int64, Float64) => return self.wanted(part, Float64),
            (Boolean | Text, Float64) => Function::ToFloat64,
            (Float64 | Boolean | Text, Int64) => Function::ToInt64,
            (Boolean | Int64 | Float64 | Time, Text) => Function::ToText,
            (Int64 | Float64 | Text, Boolean) => Function::ToBoolean,
            (Text, Time) => Function::ToTime,
            (found, wanted) => {
                let fault =
                    SqlFault::new(span.clone(), format!("{} is not converted to {}", name(found), name(wanted)));
                return Err(match (found, wanted) {
                    (Int64, Time) => fault.help("write make_timestamp(microseconds) or epoch_ms(milliseconds)"),
                    (Float64, Time) => fault.help("write to_timestamp(seconds)"),
                    (Time, Int64) => fault.help("write epoch_us(at), epoch_ms(at) or year(at)"),
                    (Time, Float64) => fault.help("write epoch(at): seconds since 1970"),
                    (Float64List, _) => fault.help("take an element: list[1]"),
                    _ => fault,
                });
            }
        };
        Ok(self.call(function, &[typed], wanted))
    }

    /// The type of this name.
    fn value_type(&self, data_type: &DataType, span: &Range<usize>) -> Result<ValueType, SqlFault> {
        Ok(match data_type {
            DataType::Bool | DataType::Boolean => ValueType::Boolean,
            DataType::BigInt(None) | DataType::Int8(None) | DataType::Int64 => ValueType::Int64,
            DataType::Int(None) | DataType::Integer(None) => ValueType::Int64,
            DataType::Double(_) | DataType::DoublePrecision | DataType::Float8 | DataType::Float64 => {
                ValueType::Float64
            }
            DataType::Varchar(None) | DataType::Text | DataType::String(None) => ValueType::Text,
            DataType::Timestamp(None, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone)
            | DataType::Datetime(None) => ValueType::Time,
            DataType::Custom(ObjectName(parts), modifiers) if modifiers.is_empty() => {
                let name = parts.first().map(|part| part.to_string().to_lowercase());
                match name.as_deref() {
                    Some("long" | "int64") => ValueType::Int64,
                    Some("float64") => ValueType::Float64,
                    Some("text" | "string") => ValueType::Text,
                    _ => return Err(no_type(data_type, span)),
                }
            }
            _ => return Err(no_type(data_type, span)),
        })
    }
}

fn no_type(data_type: &DataType, span: &Range<usize>) -> SqlFault {
    let fault = SqlFault::new(span.clone(), format!("nothing is converted to {data_type}"));
    match data_type {
        DataType::Date | DataType::Date32 => fault.help("the beginning of its day is date_trunc('day', at)"),
        DataType::Float(_) | DataType::Real | DataType::Float4 | DataType::Decimal(_) | DataType::Numeric(_) => {
            fault.help("numbers are float64: CAST(... AS DOUBLE)")
        }
        DataType::Timestamp(..) => fault.help("times are UTC: CAST(... AS TIMESTAMP)"),
        DataType::Array(_) => fault.help("a list is a field of type list<float64>, or constant: [1.0, 2.0]"),
        _ => fault.help("the types are BOOLEAN, BIGINT, DOUBLE, VARCHAR and TIMESTAMP"),
    }
}

fn no_query(span: &Range<usize>) -> SqlFault {
    SqlFault::new(span.clone(), "a query within an expression")
        .help("an expression is over one row: name the fields that it needs")
}

/// What is no expression over one row, or not supported.
fn refused(expression: &Expr, span: &Range<usize>) -> SqlFault {
    let fault = |message: &str| SqlFault::new(span.clone(), message);
    match expression {
        Expr::Subquery(_) | Expr::Exists { .. } | Expr::In { target: InTarget::Subquery(_), .. } => no_query(span),
        Expr::CompoundIdentifier(_) => fault("names have no parts with points")
            .help("write the name alone; features of other views come as inputs with names of their own"),
        Expr::Wildcard(_) | Expr::QualifiedWildcard(..) => {
            fault("* stands for many columns, and an expression is one value")
        }
        Expr::Like { .. } | Expr::ILike { .. } => fault("LIKE has no ESCAPE and no ANY here")
            .help("write starts_with, ends_with or contains where the text has % or _"),
        Expr::SimilarTo { .. } | Expr::RLike { .. } => {
            fault("there are no regular expressions").help("write LIKE, starts_with, ends_with, contains or split_part")
        }
        Expr::AtTimeZone { .. } => fault("times are UTC, and there are no time zones")
            .help("a fixed offset is an interval: at + INTERVAL '2 hours'"),
        Expr::In { .. } => fault("IN takes a list").help("write x IN ('a', 'b')"),
        Expr::Collate { .. } => fault("texts are compared by their bytes, without COLLATE").help("write lower(x)"),
        Expr::Cast { .. } | Expr::Convert { .. } => fault("write CAST(x AS type)"),
        Expr::Lambda(_) => fault("there are no lambdas"),
        Expr::Tuple(_) | Expr::Struct { .. } | Expr::Dictionary(_) | Expr::Map(_) => {
            fault("there are no rows, structs and maps")
                .help("the types are bool, int64, float64, text, time and list<float64>")
        }
        _ => fault("this is not supported in an expression").help("transforms/EXPRESSIONS.md says what is"),
    }
}
