//! Functions by their names.

use std::ops::Range;

use onepath_definition::{Function, Literal, TimePart, ValueType};

use super::function::Other;
use super::lower::Lowering;
use super::time::{PARTS, Unit, unit};
use super::value::{Amount, Part, Value};
use super::{SqlFault, Typed};
use crate::project::closest;

/// How a function is lowered.
#[derive(Clone, Copy)]
enum Build {
    /// A function of arguments of these types, with a result of this one.
    Plain(Function, &'static [ValueType], ValueType),
    /// Of one number, with a result of its type.
    Number(Function),
    /// Of one number: float64 is rounded; int64 becomes float64 (floor, ceil) or stays.
    Round(Function, ValueType),
    /// Of one text, and perhaps what is trimmed.
    Trim(Function),
    /// Of any number of arguments of one type.
    Choose(Function),
    /// A part of a time.
    Part(TimePart),
    /// So many of a unit of time, as an interval.
    Interval(&'static str),
    /// In a way of its own.
    Other(Other),
}

use Build::{Choose, Number, Other as Of, Part as PartOf, Plain, Round, Trim};
use ValueType::{Boolean, Float64, Float64List, Int64, Text, Time};

/// Each function with its name.
const FUNCTIONS: &[(&str, Build)] = &[
    ("abs", Number(Function::Abs)),
    ("sign", Of(Other::Sign)),
    ("floor", Round(Function::Floor, Float64)),
    ("ceil", Round(Function::Ceil, Float64)),
    ("ceiling", Round(Function::Ceil, Float64)),
    ("trunc", Round(Function::Trunc, Int64)),
    ("round", Of(Other::RoundTo)),
    ("sqrt", Plain(Function::Sqrt, &[Float64], Float64)),
    ("cbrt", Plain(Function::Cbrt, &[Float64], Float64)),
    ("exp", Plain(Function::Exp, &[Float64], Float64)),
    ("ln", Plain(Function::Ln, &[Float64], Float64)),
    ("log2", Plain(Function::Log2, &[Float64], Float64)),
    ("log10", Plain(Function::Log10, &[Float64], Float64)),
    ("log", Of(Other::Log)),
    ("pow", Plain(Function::Power, &[Float64, Float64], Float64)),
    ("power", Plain(Function::Power, &[Float64, Float64], Float64)),
    ("sin", Plain(Function::Sin, &[Float64], Float64)),
    ("cos", Plain(Function::Cos, &[Float64], Float64)),
    ("tan", Plain(Function::Tan, &[Float64], Float64)),
    ("cot", Of(Other::Cot)),
    ("asin", Plain(Function::Asin, &[Float64], Float64)),
    ("acos", Plain(Function::Acos, &[Float64], Float64)),
    ("atan", Plain(Function::Atan, &[Float64], Float64)),
    ("atan2", Plain(Function::Atan2, &[Float64, Float64], Float64)),
    ("pi", Of(Other::Pi)),
    ("degrees", Of(Other::Degrees)),
    ("radians", Of(Other::Radians)),
    ("mod", Of(Other::Remainder)),
    ("isnan", Plain(Function::IsNan, &[Float64], Boolean)),
    ("isfinite", Plain(Function::IsFinite, &[Float64], Boolean)),
    ("isinf", Plain(Function::IsInfinite, &[Float64], Boolean)),
    ("coalesce", Choose(Function::Coalesce)),
    ("ifnull", Of(Other::IfNull)),
    ("nullif", Of(Other::NullIf)),
    ("if", Of(Other::If)),
    ("greatest", Choose(Function::Greatest)),
    ("least", Choose(Function::Least)),
    ("try", Of(Other::Try)),
    ("lower", Plain(Function::Lower, &[Text], Text)),
    ("lcase", Plain(Function::Lower, &[Text], Text)),
    ("upper", Plain(Function::Upper, &[Text], Text)),
    ("ucase", Plain(Function::Upper, &[Text], Text)),
    ("length", Of(Other::Length)),
    ("len", Of(Other::Length)),
    ("char_length", Plain(Function::Length, &[Text], Int64)),
    ("character_length", Plain(Function::Length, &[Text], Int64)),
    ("array_length", Plain(Function::ListLength, &[Float64List], Int64)),
    ("trim", Trim(Function::Trim)),
    ("ltrim", Trim(Function::TrimStart)),
    ("rtrim", Trim(Function::TrimEnd)),
    ("substring", Of(Other::Substring)),
    ("substr", Of(Other::Substring)),
    ("concat", Of(Other::Concat)),
    ("concat_ws", Of(Other::ConcatSeparated)),
    ("repeat", Of(Other::Repeat)),
    ("lpad", Of(Other::PadStart)),
    ("rpad", Of(Other::PadEnd)),
    ("replace", Plain(Function::Replace, &[Text, Text, Text], Text)),
    ("starts_with", Plain(Function::StartsWith, &[Text, Text], Boolean)),
    ("prefix", Plain(Function::StartsWith, &[Text, Text], Boolean)),
    ("ends_with", Plain(Function::EndsWith, &[Text, Text], Boolean)),
    ("suffix", Plain(Function::EndsWith, &[Text, Text], Boolean)),
    ("contains", Plain(Function::Contains, &[Text, Text], Boolean)),
    ("strpos", Plain(Function::Position, &[Text, Text], Int64)),
    ("instr", Plain(Function::Position, &[Text, Text], Int64)),
    ("position", Plain(Function::Position, &[Text, Text], Int64)),
    ("split_part", Plain(Function::SplitPart, &[Text, Text, Int64], Text)),
    ("left", Plain(Function::Left, &[Text, Int64], Text)),
    ("right", Plain(Function::Right, &[Text, Int64], Text)),
    ("reverse", Plain(Function::Reverse, &[Text], Text)),
    ("extract", Of(Other::DatePart)),
    ("date_part", Of(Other::DatePart)),
    ("datepart", Of(Other::DatePart)),
    ("date_trunc", Of(Other::DateTrunc)),
    ("datetrunc", Of(Other::DateTrunc)),
    ("date_diff", Of(Other::DateDiff)),
    ("datediff", Of(Other::DateDiff)),
    ("date_sub", Of(Other::DateSub)),
    ("datesub", Of(Other::DateSub)),
    ("date_add", Of(Other::DateAdd)),
    ("microsecond", PartOf(TimePart::Microsecond)),
    ("millisecond", PartOf(TimePart::Millisecond)),
    ("second", PartOf(TimePart::Second)),
    ("minute", PartOf(TimePart::Minute)),
    ("hour", PartOf(TimePart::Hour)),
    ("day", PartOf(TimePart::Day)),
    ("dayofmonth", PartOf(TimePart::Day)),
    ("dayofweek", PartOf(TimePart::DayOfWeek)),
    ("weekday", PartOf(TimePart::DayOfWeek)),
    ("isodow", PartOf(TimePart::IsoDayOfWeek)),
    ("dayofyear", PartOf(TimePart::DayOfYear)),
    ("week", PartOf(TimePart::Week)),
    ("weekofyear", PartOf(TimePart::Week)),
    ("month", PartOf(TimePart::Month)),
    ("quarter", PartOf(TimePart::Quarter)),
    ("year", PartOf(TimePart::Year)),
    ("isoyear", PartOf(TimePart::IsoYear)),
    ("last_day", Of(Other::LastDay)),
    ("epoch", Of(Other::Epoch)),
    ("epoch_ms", Of(Other::EpochMs)),
    ("epoch_us", Plain(Function::EpochMicros, &[Time], Int64)),
    ("make_timestamp", Of(Other::MakeTimestamp)),
    ("to_timestamp", Plain(Function::FromEpochSeconds, &[Float64], Time)),
    ("to_microseconds", Build::Interval("microseconds")),
    ("to_milliseconds", Build::Interval("milliseconds")),
    ("to_seconds", Build::Interval("seconds")),
    ("to_minutes", Build::Interval("minutes")),
    ("to_hours", Build::Interval("hours")),
    ("to_days", Build::Interval("days")),
    ("to_weeks", Build::Interval("weeks")),
    ("to_months", Build::Interval("months")),
    ("to_quarters", Build::Interval("quarters")),
    ("to_years", Build::Interval("years")),
    ("hash_bucket", Of(Other::HashBucket)),
    ("list_dot_product", Plain(Function::Dot, &[Float64List, Float64List], Float64)),
    ("list_inner_product", Plain(Function::Dot, &[Float64List, Float64List], Float64)),
    ("array_dot_product", Plain(Function::Dot, &[Float64List, Float64List], Float64)),
    ("array_inner_product", Plain(Function::Dot, &[Float64List, Float64List], Float64)),
    ("list_cosine_similarity", Of(Other::Cosine)),
    ("array_cosine_similarity", Of(Other::Cosine)),
    ("list_cosine_distance", Of(Other::CosineDistance)),
    ("array_cosine_distance", Of(Other::CosineDistance)),
    ("list_distance", Plain(Function::Distance, &[Float64List, Float64List], Float64)),
    ("array_distance", Plain(Function::Distance, &[Float64List, Float64List], Float64)),
    ("list_norm", Plain(Function::Norm, &[Float64List], Float64)),
    ("list_extract", Of(Other::Element)),
    ("list_element", Of(Other::Element)),
];

/// The names of all functions.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|(name, _)| *name)
}

/// A call as it is written.
pub(super) struct Call<'c> {
    pub name: &'c str,
    pub arguments: Vec<Part>,
    /// Where the call is.
    pub span: Range<usize>,
    /// Where its name is.
    pub name_span: Range<usize>,
}

impl Call<'_> {
    pub fn exactly<const N: usize>(&self) -> Result<&[Part; N], SqlFault> {
        self.arguments.as_slice().try_into().map_err(|_| self.wrong_number(&N.to_string()))
    }

    pub fn wrong_number(&self, wanted: &str) -> SqlFault {
        let plural = if wanted.ends_with('1') { "" } else { "s" };
        let found = self.arguments.len();
        SqlFault::new(self.span.clone(), format!("{} takes {wanted} argument{plural}, and here are {found}", self.name))
    }
}

impl Lowering<'_> {
    /// A call of a function.
    pub fn function(&mut self, call: &Call) -> Result<Value, SqlFault> {
        let lower = call.name.to_lowercase();
        let Some((_, build)) = FUNCTIONS.iter().find(|(name, _)| *name == lower) else {
            return Err(unknown(call, &lower));
        };
        let typed = match *build {
            Plain(function, types, result) => self.plain(function, types, result, call)?,
            Number(function) => {
                let [number] = call.exactly()?;
                let number = self.numeric(number, call.name)?;
                self.call(function, &[number], number.value_type)
            }
            Round(function, of_integer) => {
                let [number] = call.exactly()?;
                self.rounded(function, number, of_integer, call)?
            }
            Trim(function) => self.trim(function, call)?,
            Choose(function) => return self.choose(function, call),
            PartOf(part) => {
                let [time] = call.exactly()?;
                let time = self.wanted(time, Time)?;
                self.call(Function::Extract(part), &[time], Int64)
            }
            Build::Interval(name) => {
                let [count] = call.exactly()?;
                return self.interval_of(name, count, call);
            }
            Of(other) => return self.other(other, call),
        };
        Ok(Value::Typed(typed))
    }

    pub fn plain(
        &mut self,
        function: Function,
        types: &[ValueType],
        result: ValueType,
        call: &Call,
    ) -> Result<Typed, SqlFault> {
        if call.arguments.len() != types.len() {
            return Err(call.wrong_number(&types.len().to_string()));
        }
        let pairs = call.arguments.iter().zip(types);
        let nodes = pairs.map(|(part, wanted)| self.wanted(part, *wanted)).collect::<Result<Vec<_>, _>>()?;
        Ok(self.call(function, &nodes, result))
    }

    pub fn rounded(
        &mut self,
        function: Function,
        number: &Part,
        of_integer: ValueType,
        call: &Call,
    ) -> Result<Typed, SqlFault> {
        let number = self.numeric(number, call.name)?;
        Ok(match (number.value_type, of_integer) {
            (Int64, Int64) => number,
            (Int64, _) => self.call(Function::ToFloat64, &[number], Float64),
            _ => self.call(function, &[number], Float64),
        })
    }

    pub fn trim(&mut self, function: Function, call: &Call) -> Result<Typed, SqlFault> {
        let (text, what) = match call.arguments.as_slice() {
            [text] => (text, None),
            [text, what] => (text, Some(what)),
            _ => return Err(call.wrong_number("1 or 2")),
        };
        let text = self.wanted(text, Text)?;
        let what = match what {
            Some(what) => self.wanted(what, Text)?,
            None => self.nodes.literal(Literal::Text(" ".into())),
        };
        Ok(self.call(function, &[text, what], Text))
    }

    pub fn choose(&mut self, function: Function, call: &Call) -> Result<Value, SqlFault> {
        if call.arguments.is_empty() {
            return Err(call.wrong_number("at least 1"));
        }
        let parts: Vec<&Part> = call.arguments.iter().collect();
        let Some((nodes, value_type)) = self.unified(&parts, call.name)? else { return Ok(Value::Null) };
        if value_type == Float64List && function != Function::Coalesce {
            return Err(SqlFault::new(call.span.clone(), "lists have no order"));
        }
        let nullable = nodes.iter().all(|node| node.nullable);
        Ok(Value::Typed(self.call_nullable(function, &nodes, value_type, nullable)))
    }

    fn interval_of(&mut self, name: &str, count: &Part, call: &Call) -> Result<Value, SqlFault> {
        let unit = unit(name).unwrap_or(Unit::Micros(1));
        let count = match &count.value {
            Value::Literal(Literal::Int64(count)) => Amount::Constant(*count),
            _ => Amount::Node(self.wanted(count, Int64)?),
        };
        self.of_unit(unit, count, &call.span).map(Value::Interval)
    }
}

/// There is no such function: what was meant, or what to do instead.
fn unknown(call: &Call, lower: &str) -> SqlFault {
    let span = call.name_span.clone();
    let clock = [
        "now",
        "current_timestamp",
        "current_date",
        "current_time",
        "localtime",
        "localtimestamp",
        "today",
        "get_current_timestamp",
        "get_current_time",
        "transaction_timestamp",
    ];
    if clock.contains(&lower) {
        return SqlFault::new(span, format!("{} is another time at each run", call.name))
            .label("a feature has no clock")
            .help("use as_of, the time that is asked about");
    }
    if ["random", "rand", "setseed", "uuid", "gen_random_uuid", "uuidv4", "uuidv7", "nextval"].contains(&lower) {
        return SqlFault::new(span, format!("{} gives another value at each run", call.name))
            .label("a feature has no chance")
            .help("hash_bucket(key, n) divides keys evenly; use as_of where a time is wanted");
    }
    let aggregates = [
        "count",
        "sum",
        "avg",
        "mean",
        "min",
        "max",
        "median",
        "quantile",
        "stddev",
        "stddev_samp",
        "variance",
        "var_samp",
        "first",
        "last",
        "any_value",
        "arg_max",
        "arg_min",
        "array_agg",
        "list",
        "mode",
        "string_agg",
        "approx_count_distinct",
        "count_if",
        "sum_if",
        "bool_and",
        "bool_or",
    ];
    if aggregates.contains(&lower) {
        let fault =
            SqlFault::new(span, format!("{} is over many events, and an expression is over one row", call.name));
        return match lower {
            "min" => fault.help("the least of several values is least(a, b); over events it is a feature: { min = \"...\", window = \"30d\" }"),
            "max" => fault.help("the greatest of several values is greatest(a, b); over events it is a feature: { max = \"...\", window = \"30d\" }"),
            _ => fault.help("make it a feature, such as { count = \"*\", window = \"30d\" }, and use its name"),
        };
    }
    if ["row_number", "rank", "dense_rank", "lag", "lead", "first_value", "last_value", "ntile"].contains(&lower) {
        return SqlFault::new(span, format!("{} is over many rows, and an expression is over one", call.name))
            .help("make it a feature, such as { last = \"...\", window = \"30d\" }, and use its name");
    }
    let fault = SqlFault::new(span, format!("there is no function {}", call.name));
    if lower.starts_with("regexp_") {
        return fault.help("write LIKE, starts_with, ends_with, contains or split_part");
    }
    if lower == "strftime" {
        return fault.help(format!("take a part of the time: date_part('hour', at); the parts are {PARTS}"));
    }
    match closest(lower, names()) {
        Some(near) => fault.help(format!("did you mean {near}?")),
        None => fault.help("transforms/EXPRESSIONS.md lists the functions"),
    }
}
