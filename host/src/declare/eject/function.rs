//! The functions of a definition in Rust: what Rust has itself, else those of the SDK.

use onepath_definition::{Function, Literal, Node, NodeIndex, ValueType};

use super::choice;
use super::code::{Code, Level};
use super::expression::{Expressions, Strict};

/// A function of its arguments.
pub(super) fn call(
    program: &Expressions<'_>,
    function: Function,
    arguments: &[NodeIndex],
    value_type: ValueType,
) -> Code {
    use Function as F;
    match function {
        F::And | F::Or => return choice::and_or(program, function, arguments),
        F::In => return choice::is_in(program, arguments),
        F::Case => return choice::case(program, arguments, value_type),
        F::Coalesce => return choice::coalesce(program, arguments),
        F::Try => return choice::attempted(program.code(arguments[0])),
        F::TryCast => return tried_cast(program, arguments[0]),
        _ => {}
    }
    let codes: Vec<Code> = arguments.iter().map(|argument| program.code(*argument)).collect();
    match function {
        F::IsNull => choice::is_null(&codes[0]),
        F::IsNotDistinct => choice::is_not_distinct(&codes),
        F::NullIf | F::Least | F::Greatest => choice::chosen(function, &codes),
        F::Not if codes[0].nullable => {
            let text = format!("sql::not({})", codes[0].text);
            Code { text, level: Level::Postfix, result: None, mapped: None, ..codes[0].clone() }
        }
        _ => strict(function, literals(program, arguments), &codes, value_type),
    }
}

/// Which arguments are constants.
fn literals<'a>(program: &Expressions<'a>, arguments: &[NodeIndex]) -> Vec<Option<&'a Literal>> {
    let literal = |argument: &NodeIndex| match program.node(*argument) {
        Node::Literal(literal) => Some(literal),
        _ => None,
    };
    arguments.iter().map(literal).collect()
}

/// A function that is null where an argument is null.
fn strict(function: Function, literals: Vec<Option<&Literal>>, codes: &[Code], value_type: ValueType) -> Code {
    let types: Vec<ValueType> = codes.iter().map(|code| code.value_type).collect();
    let fails = fails(function, &types, &literals);
    let is_option = matches!(function, Function::Cosine | Function::ListElement);
    let body = |codes: &[Code]| body(function, &literals, codes, fails);
    Strict { body: &body, fails, is_option }.of(codes, value_type)
}

/// A conversion, null where it failed; what is converted may fail.
fn tried_cast(program: &Expressions<'_>, cast: NodeIndex) -> Code {
    let Node::Call { function, arguments } = program.node(cast) else { return program.code(cast) };
    let codes: Vec<Code> = arguments.iter().map(|argument| program.code(*argument)).collect();
    let types: Vec<ValueType> = codes.iter().map(|code| code.value_type).collect();
    let literals = literals(program, arguments);
    if !fails(*function, &types, &literals) {
        return program.code(cast);
    }
    let body = |codes: &[Code]| (format!("{}.ok()", body(*function, &literals, codes, true).0), Level::Postfix);
    Strict { body: &body, fails: false, is_option: true }.of(&codes, program.value_type(cast))
}

/// Whether a function of values may have none.
fn fails(function: Function, types: &[ValueType], literals: &[Option<&Literal>]) -> bool {
    use Function as F;
    use ValueType::{Float64, Int64, Text};
    let of = |value_type: ValueType| types.first() == Some(&value_type);
    match function {
        F::Add | F::Subtract | F::Multiply | F::Negate | F::Abs => of(Int64),
        F::IntegerDivide | F::Remainder => {
            let is_safe =
                matches!(literals.get(1), Some(Some(Literal::Int64(divisor))) if *divisor != 0 && *divisor != -1);
            of(Int64) && !is_safe
        }
        F::ToFloat64 | F::ToBoolean => of(Text),
        F::ToInt64 => of(Text) || of(Float64),
        F::HashBucket => {
            !matches!(literals.get(1), Some(Some(Literal::Int64(buckets))) if (1..=i64::from(u32::MAX)).contains(buckets))
        }
        F::ToTime
        | F::Lower
        | F::Upper
        | F::Reverse
        | F::Trim
        | F::TrimStart
        | F::TrimEnd
        | F::Substring
        | F::Concat
        | F::Replace
        | F::SplitPart
        | F::Left
        | F::Right
        | F::Truncate(_)
        | F::Difference(_)
        | F::AddMicros
        | F::AddMonths
        | F::MicrosBetween
        | F::FromEpochSeconds
        | F::Dot
        | F::Cosine
        | F::Distance => true,
        _ => false,
    }
}

/// The function of arguments that are there; a `Result` where it may fail.
fn body(function: Function, literals: &[Option<&Literal>], codes: &[Code], fails: bool) -> (String, Level) {
    use Function as F;
    let float = codes[0].value_type == ValueType::Float64;
    let infix = |operator: &str, level: Level, right: Level| {
        (format!("{} {operator} {}", codes[0].at(level), codes[1].at(right)), level)
    };
    let method = |name: &str| (format!("{}.{name}", codes[0].at(Level::Postfix)), Level::Postfix);
    let prefix = |sign: &str| (format!("{sign}{}", codes[0].at(Level::Postfix)), Level::Unary);
    match function {
        F::Add if float => infix("+", Level::Sum, Level::Product),
        F::Subtract if float => infix("-", Level::Sum, Level::Product),
        F::Multiply if float => infix("*", Level::Product, Level::Unary),
        F::Divide => infix("/", Level::Product, Level::Unary),
        F::IntegerDivide if !fails => infix("/", Level::Product, Level::Unary),
        F::Remainder if !fails && !float => infix("%", Level::Product, Level::Unary),
        F::Negate if float => prefix("-"),
        F::Not => prefix("!"),
        F::Equal | F::NotEqual | F::Less | F::LessOrEqual => compared(function, literals, codes),
        F::StartsWith => method(&format!("starts_with({})", codes[1].text)),
        F::EndsWith => method(&format!("ends_with({})", codes[1].text)),
        F::Contains => method(&format!("contains({})", codes[1].text)),
        F::ListLength => called("sql::list_length", codes),
        F::EpochMicros => method("micros()"),
        F::FromEpochMicros => called("Time", codes),
        F::ToText | F::ToFloat64 | F::ToInt64 | F::ToBoolean | F::ToTime => converted(function, codes),
        F::Extract(part) => of_part("sql::extract", &format!("{part:?}"), codes),
        F::Truncate(part) => of_part("sql::truncate", &format!("{part:?}"), codes),
        F::Difference(part) => of_part("sql::difference", &format!("{part:?}"), codes),
        F::Concat => {
            let texts: Vec<&str> = codes.iter().map(|code| code.text.as_str()).collect();
            (format!("sql::concat(&[{}])", texts.join(", ")), Level::Postfix)
        }
        F::HashBucket => {
            let key = &codes[0];
            let key = if key.value_type == ValueType::Text {
                key.text.clone()
            } else {
                format!("&{}", key.at(Level::Postfix))
            };
            match literals[1] {
                Some(Literal::Int64(buckets)) if !fails => {
                    (format!("category::hash_bucket({key}, {buckets})"), Level::Postfix)
                }
                _ => (format!("sql::hash_bucket({key}, {})", codes[1].text), Level::Postfix),
            }
        }
        other => called(named(other, float), codes),
    }
}

/// The name of a function that is called with its arguments as they are.
fn named(function: Function, float: bool) -> &'static str {
    use Function as F;
    match function {
        F::Add => "sql::add",
        F::Subtract => "sql::subtract",
        F::Multiply => "sql::multiply",
        F::Negate => "sql::negate",
        F::IntegerDivide => "sql::integer_divide",
        F::Remainder if float => "sql::float_remainder",
        F::Remainder => "sql::remainder",
        F::Abs if float => "f64::abs",
        F::Abs => "sql::abs",
        F::Sign if float => "sql::sign",
        F::Sign => "i64::signum",
        F::Floor => "sql::floor",
        F::Ceil => "sql::ceil",
        F::Trunc => "sql::trunc",
        F::Round => "sql::round",
        F::RoundTo => "sql::round_to",
        F::Sqrt => "f64::sqrt",
        F::Cbrt => "sql::cbrt",
        F::Exp => "sql::exp",
        F::Ln => "sql::ln",
        F::Log2 => "sql::log2",
        F::Log10 => "sql::log10",
        F::Power => "sql::power",
        F::Sin => "sql::sin",
        F::Cos => "sql::cos",
        F::Tan => "sql::tan",
        F::Asin => "sql::asin",
        F::Acos => "sql::acos",
        F::Atan => "sql::atan",
        F::Atan2 => "sql::atan2",
        F::IsNan => "f64::is_nan",
        F::IsFinite => "f64::is_finite",
        F::IsInfinite => "f64::is_infinite",
        other => named_of_texts(other),
    }
}

fn named_of_texts(function: Function) -> &'static str {
    use Function as F;
    match function {
        F::Lower => "sql::lower",
        F::Upper => "sql::upper",
        F::Reverse => "sql::reverse",
        F::Length => "sql::length",
        F::Trim => "sql::trim",
        F::TrimStart => "sql::trim_start",
        F::TrimEnd => "sql::trim_end",
        F::Substring => "sql::substring",
        F::Replace => "sql::replace",
        F::Position => "sql::position",
        F::Like => "sql::like",
        F::LikeIgnoringCase => "sql::like_ignoring_case",
        F::SplitPart => "sql::split_part",
        F::Left => "sql::left",
        F::Right => "sql::right",
        F::AddMicros => "sql::add_micros",
        F::AddMonths => "sql::add_months",
        F::MicrosBetween => "sql::micros_between",
        F::EpochSeconds => "sql::epoch_seconds",
        F::FromEpochSeconds => "sql::from_epoch_seconds",
        F::EpochMillis => "sql::epoch_millis",
        F::Dot => "sql::dot",
        F::Cosine => "sql::cosine",
        F::Norm => "sql::norm",
        F::ListElement => "sql::element",
        F::Distance => "sql::distance",
        // Others are written in ways of their own; what was forgotten here does not compile there.
        _ => "compile_error",
    }
}

fn called(name: &str, codes: &[Code]) -> (String, Level) {
    let arguments: Vec<&str> = codes.iter().map(|code| code.text.as_str()).collect();
    (format!("{name}({})", arguments.join(", ")), Level::Postfix)
}

fn of_part(name: &str, part: &str, codes: &[Code]) -> (String, Level) {
    let arguments: Vec<&str> = codes.iter().map(|code| code.text.as_str()).collect();
    (format!("{name}(TimePart::{part}, {})", arguments.join(", ")), Level::Postfix)
}

fn converted(function: Function, codes: &[Code]) -> (String, Level) {
    use ValueType::{Boolean, Float64, Int64, Text, Time};
    let from = codes[0].value_type;
    let text = &codes[0].text;
    match (function, from) {
        (Function::ToText, Float64) => (format!("sql::text_of_float({text})"), Level::Postfix),
        (Function::ToText, Time) => (format!("sql::text_of_time({text})"), Level::Postfix),
        (Function::ToText, _) => (format!("{}.to_string()", codes[0].at(Level::Postfix)), Level::Postfix),
        (Function::ToFloat64, Int64) => (format!("{} as f64", codes[0].at(Level::Unary)), Level::Whole),
        (Function::ToFloat64, Boolean) => (format!("f64::from(u8::from({text}))"), Level::Postfix),
        (Function::ToFloat64, _) => (format!("sql::float64_of_text({text})"), Level::Postfix),
        (Function::ToInt64, Boolean) => (format!("i64::from({text})"), Level::Postfix),
        (Function::ToInt64, Float64) => (format!("sql::int64_of_float({text})"), Level::Postfix),
        (Function::ToInt64, _) => (format!("sql::int64_of_text({text})"), Level::Postfix),
        (Function::ToBoolean, Int64) => (format!("{} != 0", codes[0].at(Level::Sum)), Level::Comparison),
        (Function::ToBoolean, Float64) => (format!("{} != 0.0", codes[0].at(Level::Sum)), Level::Comparison),
        (Function::ToBoolean, Text) => (format!("sql::boolean_of_text({text})"), Level::Postfix),
        _ => (format!("sql::time_of_text({text})"), Level::Postfix),
    }
}

/// A comparison. Rust compares numbers as SQL does where one of them is a constant and no NaN, but for `>` and `>=`.
fn compared(function: Function, literals: &[Option<&Literal>], codes: &[Code]) -> (String, Level) {
    use Function as F;
    let (left, right) = (&codes[0], &codes[1]);
    let is_constant = |at: usize| match literals[at] {
        Some(Literal::Float64(number)) => !number.is_nan(),
        Some(_) => true,
        None => false,
    };
    // A constant stands on the right.
    let is_turned = literals[0].is_some() && literals[1].is_none();
    let (one, other) = if is_turned { (right, left) } else { (left, right) };
    let plain = |operator: &str| {
        let text = format!("{} {operator} {}", one.at(Level::Sum), other.at(Level::Sum));
        (text, Level::Comparison)
    };
    let by = |name: &str| (format!("sql::{name}({}, {})", one.text, other.text), Level::Postfix);
    let is_plain = match left.value_type {
        ValueType::Float64 => is_constant(usize::from(!is_turned)),
        ValueType::Float64List => false,
        _ => true,
    };
    let is_float = left.value_type == ValueType::Float64;
    match (function, is_turned) {
        (F::Equal, _) if is_plain => plain("=="),
        (F::Equal, _) => by("equal"),
        (F::NotEqual, _) if is_plain => plain("!="),
        (F::NotEqual, _) => (format!("!{}", by("equal").0), Level::Unary),
        (F::Less, false) if is_plain => plain("<"),
        (F::Less, false) => by("less"),
        (F::Less, true) if is_plain && !is_float => plain(">"),
        (F::Less, true) => by("greater"),
        (_, false) if is_plain => plain("<="),
        (_, false) => by("less_or_equal"),
        (_, true) if is_plain && !is_float => plain(">="),
        (_, true) => by("greater_or_equal"),
    }
}
