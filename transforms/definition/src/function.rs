//! The functions that a definition has, with their types.
//!
//! Each is that of DuckDB of the same meaning unless it says otherwise, and null where an argument is null unless it says otherwise. A
//! function *fails* on a row for which it has no value, as where integers overflow; what fails is neither a value nor null. It makes what
//! it is an argument of fail, also beside a null, unless that does not need it: the branch of a [`Function::Case`] that is not taken, what
//! follows the first value of a [`Function::Coalesce`], the other side of a false [`Function::And`] and of a true [`Function::Or`], the
//! other items of a [`Function::In`] that found one. A row fails where a filter, a value that is kept or a feature does.
//!
//! A text that a function makes has at most 1 MiB; what would be longer fails.

use serde::{Deserialize, Serialize};

use crate::ValueType;

/// A function. Its arguments all have one type where nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Function {
    /// Of int64, which fails where it overflows, or of float64.
    Add,
    /// As [`Function::Add`].
    Subtract,
    /// As [`Function::Add`].
    Multiply,
    /// Of float64, as IEEE 754 has it.
    Divide,
    /// Of int64, rounded towards zero, or of float64, as [`Function::Divide`]. Fails where the int64 divisor is 0 and where it overflows.
    IntegerDivide,
    /// The remainder, with the sign of the dividend: of int64, which fails where the divisor is 0, or of float64, NaN there.
    Remainder,
    /// As [`Function::Add`].
    Negate,
    /// `=`, of any type. NaN equals itself and is the greatest number; -0.0 equals 0.0; texts are compared by their bytes.
    Equal,
    /// `<>`
    NotEqual,
    /// `<`, of any type but lists.
    Less,
    /// `<=`
    LessOrEqual,
    /// Equal, or both null. Never null.
    IsNotDistinct,
    /// Of booleans: false where any is false, else null where any is null.
    And,
    /// Of booleans: true where any is true, else null where any is null.
    Or,
    /// Of a boolean.
    Not,
    /// Of any type. Never null.
    IsNull,
    /// A condition and a value, any number of times, then the value where no condition is true. The values have one type.
    Case,
    /// The first that is not null. Any number of arguments from 1.
    Coalesce,
    /// The first of two, null where they are equal.
    NullIf,
    /// The least of those that are not null; any number of arguments from 1, of any type but lists.
    Least,
    /// The greatest of those that are not null.
    Greatest,
    /// Whether the first is equal to one of the others; null where it is not and one of them is null.
    In,

    /// Of int64, boolean, or text: what it says, fails where it says no number.
    ToFloat64,
    /// Of float64: rounded to the nearest, halves to the even one; fails beyond int64, NaN included. Of boolean, or of text: fails where it
    /// says no integer.
    ToInt64,
    /// Of any type but lists, as DuckDB writes it.
    ToText,
    /// Of int64 and float64: not 0. Of text: fails where it says neither true nor false.
    ToBoolean,
    /// Of text: ISO 8601; fails where it says no time.
    ToTime,

    /// Of int64, which fails where it overflows, or float64.
    Abs,
    /// -1, 0 or 1, as int64: of int64 or float64. Of NaN 0.
    Sign,
    /// Of float64.
    Floor,
    /// Of float64.
    Ceil,
    /// Of float64: towards zero.
    Trunc,
    /// Of float64, halves away from zero.
    Round,
    /// Of float64 and int64: to so many places after the point, halves of what is written in binary away from zero.
    RoundTo,
    /// Of float64, NaN below zero.
    Sqrt,
    /// Of float64.
    Cbrt,
    /// Of float64.
    Exp,
    /// Of float64: minus infinity at zero, NaN below, as all logarithms.
    Ln,
    /// Of float64.
    Log2,
    /// Of float64.
    Log10,
    /// Of float64 and float64.
    Power,
    /// Of float64.
    Sin,
    /// Of float64.
    Cos,
    /// Of float64.
    Tan,
    /// Of float64, NaN beyond -1 and 1.
    Asin,
    /// Of float64, NaN beyond -1 and 1.
    Acos,
    /// Of float64.
    Atan,
    /// Of float64 and float64.
    Atan2,
    /// Of float64.
    IsNan,
    /// Of float64.
    IsFinite,
    /// Of float64.
    IsInfinite,

    /// Of text.
    Lower,
    /// Of text.
    Upper,
    /// Of text: how many characters (code points), as int64.
    Length,
    /// Of text, and text: the characters that are removed from both ends.
    Trim,
    /// As [`Function::Trim`], from the start.
    TrimStart,
    /// As [`Function::Trim`], from the end.
    TrimEnd,
    /// Of text, int64, int64: from that character, counted from 1 and from the end where it is negative, so many characters.
    Substring,
    /// Of text, any number from 1.
    Concat,
    /// Of text, text, text: each occurrence of the second becomes the third.
    Replace,
    /// Of text, text.
    StartsWith,
    /// Of text, text.
    EndsWith,
    /// Of text, text.
    Contains,
    /// Of text, text: where the second begins in the first, in characters from 1; 0 where it does not occur. As int64.
    Position,
    /// Of text, text: `%` for any characters, `_` for one.
    Like,
    /// Of text, text: as [`Function::Like`], without regard to case.
    LikeIgnoringCase,
    /// Of text, text, int64: the n-th part between separators, from 1 and from the end where it is negative.
    SplitPart,
    /// Of text and int64.
    Left,
    /// Of text and int64.
    Right,
    /// Of text: by characters.
    Reverse,

    /// Of a time: int64.
    Extract(TimePart),
    /// Of a time: the beginning of the stretch that it lies in. In UTC.
    Truncate(TimePart),
    /// Of two times: how many beginnings of such a stretch lie between them, negative where the second is earlier, as int64. Of weeks: how
    /// many whole weeks, as [`Function::MicrosBetween`] over seven days.
    Difference(TimePart),
    /// Of a time and int64: so many microseconds later; fails where it overflows.
    AddMicros,
    /// Of a time and int64: so many calendar months later, at most the last day of the month.
    AddMonths,
    /// Of two times: the microseconds between them, the first less the second, as int64; fails where it overflows.
    MicrosBetween,
    /// Of a time: seconds since the epoch, as float64.
    EpochSeconds,
    /// Of float64: the time so many seconds after the epoch; fails where there is none.
    FromEpochSeconds,
    /// Of a time: microseconds since the epoch, as int64.
    EpochMicros,
    /// Of int64.
    FromEpochMicros,

    /// Of text, int64 or boolean, and int64, at least 1: the bucket of the SDK's `category::bucket`, as int64; fails without a bucket.
    HashBucket,
    /// Of two lists; fails where their lengths differ.
    Dot,
    /// Of two lists: the cosine of the angle between them; null where there is none. Fails where their lengths differ.
    Cosine,
    /// Of a list: its Euclidean length.
    Norm,
    /// Of a list: how many numbers, as int64.
    ListLength,
    /// Of a list and int64: the number at that place, counted from 1 and from the end where it is negative; null beyond.
    ListElement,
    /// Of two lists: the Euclidean distance; fails where their lengths differ.
    Distance,
    /// Of a time: milliseconds since the epoch, to the nearest, halves away from zero, as int64.
    EpochMillis,
    /// Of any type: itself, null where it failed.
    Try,
    /// Of a conversion: itself, null where the conversion failed; it fails where what is converted did.
    TryCast,
}

/// A part of a time, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TimePart {
    /// The microseconds of the minute, 0 to 59,999,999.
    Microsecond,
    /// The milliseconds of the minute.
    Millisecond,
    /// The seconds of the minute.
    Second,
    /// The minutes of the hour.
    Minute,
    /// The hours of the day.
    Hour,
    /// The day of the month, from 1.
    Day,
    /// The day of the week: 0 is Sunday.
    DayOfWeek,
    /// The day of the week: 1 is Monday, 7 is Sunday.
    IsoDayOfWeek,
    /// The day of the year, from 1.
    DayOfYear,
    /// The ISO week of the year, from 1. It begins on a Monday.
    Week,
    /// The month, from 1.
    Month,
    /// The quarter, from 1.
    Quarter,
    /// The year.
    Year,
    /// The year of the ISO week.
    IsoYear,
    /// Seconds since the epoch.
    Epoch,
}

impl Function {
    /// The type of what it gives for arguments of these types; none where it does not take them.
    pub fn result(self, arguments: &[ValueType]) -> Option<ValueType> {
        use ValueType::{Boolean, Float64, Float64List, Int64, Text, Time};
        let one = || same(arguments);
        match (self, arguments) {
            (Self::Add | Self::Subtract | Self::Multiply | Self::Remainder, [a, b]) if a == b => number(*a),
            (Self::Divide, [Float64, Float64]) => Some(Float64),
            (Self::IntegerDivide, [Int64, Int64]) => Some(Int64),
            (Self::Negate | Self::Abs, [a]) => number(*a),
            (Self::Equal | Self::NotEqual | Self::IsNotDistinct, [a, b]) if a == b => Some(Boolean),
            (Self::Less | Self::LessOrEqual, [a, b]) if a == b && *a != Float64List => Some(Boolean),
            (Self::And | Self::Or, [_, ..]) => one().filter(|one| *one == Boolean),
            (Self::Not, [Boolean]) => Some(Boolean),
            (Self::IsNull, [_]) => Some(Boolean),
            (Self::Try | Self::TryCast, [any]) => Some(*any),
            (Self::Case, [pairs @ .., last]) if !pairs.is_empty() && pairs.len() % 2 == 0 => {
                let fits = pairs.chunks(2).all(|pair| pair == [Boolean, *last]);
                fits.then_some(*last)
            }
            (Self::Coalesce, [_, ..]) => one(),
            (Self::NullIf, [a, b]) if a == b => Some(*a),
            (Self::Least | Self::Greatest, [_, ..]) => one().filter(|one| *one != Float64List),
            (Self::In, [_, _, ..]) => one().map(|_| Boolean),
            (Self::ToFloat64, [Int64 | Boolean | Text]) => Some(Float64),
            (Self::ToInt64, [Float64 | Boolean | Text]) => Some(Int64),
            (Self::ToText, [Boolean | Int64 | Float64 | Time]) => Some(Text),
            (Self::ToBoolean, [Int64 | Float64 | Text]) => Some(Boolean),
            (Self::ToTime, [Text]) => Some(Time),
            (Self::Sign, [Int64 | Float64]) => Some(Int64),
            (
                Self::Floor
                | Self::Ceil
                | Self::Trunc
                | Self::Round
                | Self::Sqrt
                | Self::Cbrt
                | Self::Exp
                | Self::Ln
                | Self::Log2
                | Self::Log10
                | Self::Sin
                | Self::Cos
                | Self::Tan
                | Self::Asin
                | Self::Acos
                | Self::Atan,
                [Float64],
            ) => Some(Float64),
            (Self::RoundTo, [Float64, Int64]) => Some(Float64),
            (Self::Power | Self::Atan2, [Float64, Float64]) => Some(Float64),
            (Self::IsNan | Self::IsFinite | Self::IsInfinite, [Float64]) => Some(Boolean),
            (Self::Lower | Self::Upper | Self::Reverse, [Text]) => Some(Text),
            (Self::Length, [Text]) => Some(Int64),
            (Self::Trim | Self::TrimStart | Self::TrimEnd, [Text, Text]) => Some(Text),
            (Self::Substring, [Text, Int64, Int64]) => Some(Text),
            (Self::Concat, [_, ..]) => one().filter(|one| *one == Text),
            (Self::Replace, [Text, Text, Text]) => Some(Text),
            (
                Self::StartsWith | Self::EndsWith | Self::Contains | Self::Like | Self::LikeIgnoringCase,
                [Text, Text],
            ) => Some(Boolean),
            (Self::Position, [Text, Text]) => Some(Int64),
            (Self::SplitPart, [Text, Text, Int64]) => Some(Text),
            (Self::Left | Self::Right, [Text, Int64]) => Some(Text),
            (Self::Extract(_), [Time]) => Some(Int64),
            (Self::Truncate(_), [Time]) => Some(Time),
            (Self::Difference(_), [Time, Time]) => Some(Int64),
            (Self::AddMicros | Self::AddMonths, [Time, Int64]) => Some(Time),
            (Self::MicrosBetween, [Time, Time]) => Some(Int64),
            (Self::EpochSeconds, [Time]) => Some(Float64),
            (Self::FromEpochSeconds, [Float64]) => Some(Time),
            (Self::EpochMicros | Self::EpochMillis, [Time]) => Some(Int64),
            (Self::FromEpochMicros, [Int64]) => Some(Time),
            (Self::HashBucket, [Text | Int64 | Boolean, Int64]) => Some(Int64),
            (Self::Dot | Self::Cosine | Self::Distance, [Float64List, Float64List]) => Some(Float64),
            (Self::Norm, [Float64List]) => Some(Float64),
            (Self::ListLength, [Float64List]) => Some(Int64),
            (Self::ListElement, [Float64List, Int64]) => Some(Float64),
            _ => None,
        }
    }
}

/// The one type of all arguments.
fn same(arguments: &[ValueType]) -> Option<ValueType> {
    let first = *arguments.first()?;
    arguments.iter().all(|argument| *argument == first).then_some(first)
}

fn number(value_type: ValueType) -> Option<ValueType> {
    matches!(value_type, ValueType::Int64 | ValueType::Float64).then_some(value_type)
}
