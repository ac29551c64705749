//! Pieces of Rust, with what must be known of them to put them together.

use onepath_definition::{Literal, ValueType};

/// How tightly a piece of Rust holds together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// A name, a literal, a call, a method: anything can be done with it.
    Postfix,
    /// `-a`, `!a`
    Unary,
    /// `a * b`, `a / b`, `a % b`
    Product,
    /// `a + b`, `a - b`
    Sum,
    /// `a == b`, `a < b`
    Comparison,
    /// `a && b`
    And,
    /// `a || b`
    Or,
    /// `a as f64`, `if a { b } else { c }`, `match`: only by itself.
    Whole,
}

/// Who has a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// Everyone: it is copied. Of texts and lists, a reference.
    Copied,
    /// A `String` or a `Vec<f64>` that was just made.
    Made,
    /// A `String` or a `Vec<f64>` in a variable.
    Place,
}

/// An expression of Rust.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) text: String,
    pub(super) level: Level,
    pub(super) hold: Hold,
    /// Whether it is an `Option`.
    pub(super) nullable: bool,
    /// Whether a `?` stands in it.
    pub(super) fails: bool,
    /// The same without the `?` at its end, a `Result`.
    pub(super) result: Option<String>,
    /// Of `receiver.map(|pattern| body)` these three.
    pub(super) mapped: Option<[String; 3]>,
    pub(super) value_type: ValueType,
}

impl Code {
    /// A value that is copied, neither null nor a failure.
    pub(super) fn new(text: impl Into<String>, level: Level, value_type: ValueType) -> Self {
        let text = text.into();
        Code { text, level, hold: Hold::Copied, nullable: false, fails: false, result: None, mapped: None, value_type }
    }

    pub(super) fn postfix(text: impl Into<String>, value_type: ValueType) -> Self {
        Code::new(text, Level::Postfix, value_type)
    }

    pub(super) fn nullable(mut self, nullable: bool) -> Self {
        self.nullable = nullable;
        self
    }

    pub(super) fn held(mut self, hold: Hold) -> Self {
        self.hold = if is_owned(self.value_type) { hold } else { Hold::Copied };
        self
    }

    /// A `Result` with a `?` behind it.
    pub(super) fn fallible(mut self) -> Self {
        self.result = Some(self.at(Level::Postfix));
        self.text = format!("{}?", self.at(Level::Postfix));
        self.level = Level::Postfix;
        self.fails = true;
        self
    }

    /// The text where something of `level` may stand.
    pub(super) fn at(&self, level: Level) -> String {
        if self.level <= level { self.text.clone() } else { format!("({})", self.text) }
    }

    /// Of texts and lists a reference, `&str` or `Option<&str>`; others as they are.
    pub(super) fn as_ref(&self) -> Code {
        if self.hold == Hold::Copied {
            return self.clone();
        }
        let method = match (self.nullable, self.value_type) {
            (true, _) => ".as_deref()",
            (false, ValueType::Text) => ".as_str()",
            (false, _) => ".as_slice()",
        };
        let text = format!("{}{method}", self.at(Level::Postfix));
        Code { text, level: Level::Postfix, hold: Hold::Copied, result: None, ..self.clone() }
    }

    /// Of texts and lists one's own, `String` or `Option<String>`; others as they are.
    pub(super) fn as_owned(&self) -> Code {
        let method = match (self.hold, self.nullable, self.value_type) {
            (Hold::Made, ..) => return self.clone(),
            (Hold::Place, ..) => ".clone()",
            (Hold::Copied, false, ValueType::Text) => ".to_owned()",
            (Hold::Copied, true, ValueType::Text) => ".map(str::to_owned)",
            (Hold::Copied, false, ValueType::Float64List) => ".to_vec()",
            (Hold::Copied, true, ValueType::Float64List) => ".map(<[f64]>::to_vec)",
            _ => return self.clone(),
        };
        let text = format!("{}{method}", self.at(Level::Postfix));
        Code { text, level: Level::Postfix, hold: Hold::Made, result: None, ..self.clone() }
    }

    /// As an `Option`.
    pub(super) fn as_option(&self) -> Code {
        if self.nullable {
            return self.clone();
        }
        let text = format!("Some({})", self.text);
        Code { text, level: Level::Postfix, nullable: true, result: None, ..self.clone() }
    }

    /// As a `Result`, so that nobody else fails by it.
    pub(super) fn as_result(&self) -> String {
        match &self.result {
            Some(result) if !result.contains('?') => result.clone(),
            Some(result) => format!("sql::attempt(|| {result})"),
            None if self.fails => format!("sql::attempt(|| Ok({}))", self.text),
            None => format!("Ok({})", self.text),
        }
    }

    /// Whether it is true: neither false nor null.
    pub(super) fn is_true(&self) -> Code {
        if !self.nullable {
            return self.clone();
        }
        let text = format!("{} == Some(true)", self.at(Level::Sum));
        Code { text, level: Level::Comparison, nullable: false, result: None, mapped: None, ..self.clone() }
    }
}

/// Whether values of this type are owned or borrowed.
pub(super) fn is_owned(value_type: ValueType) -> bool {
    matches!(value_type, ValueType::Text | ValueType::Float64List)
}

/// The type of a value that is somebody's own.
pub(super) fn owned_type(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::Boolean => "bool",
        ValueType::Int64 => "i64",
        ValueType::Float64 => "f64",
        ValueType::Text => "String",
        ValueType::Time => "Time",
        ValueType::Float64List => "Vec<f64>",
    }
}

/// The type of a value of a row.
pub(super) fn row_type(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::Text => "&'a str",
        ValueType::Float64List => "&'a [f64]",
        other => owned_type(other),
    }
}

/// The type of a value that an expression has.
pub(super) fn expression_type(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::Text => "&str",
        ValueType::Float64List => "&[f64]",
        other => owned_type(other),
    }
}

/// A constant.
pub(super) fn literal(value: &Literal) -> Code {
    let value_type = value.value_type();
    let (text, level) = match value {
        Literal::Boolean(value) => (value.to_string(), Level::Postfix),
        Literal::Int64(i64::MIN) => ("i64::MIN".to_owned(), Level::Postfix),
        // Rust takes an integer that nothing gives a type to for an i32.
        Literal::Int64(value) if i32::try_from(*value).is_err() => {
            (format!("{value}_i64"), if *value < 0 { Level::Unary } else { Level::Postfix })
        }
        Literal::Int64(value) => (value.to_string(), if *value < 0 { Level::Unary } else { Level::Postfix }),
        Literal::Float64(value) => float(*value),
        Literal::Text(value) => (format!("{value:?}"), Level::Postfix),
        Literal::Time(value) => (format!("Time({value})"), Level::Postfix),
        Literal::Float64List(values) => {
            let values: Vec<String> = values.iter().map(|value| float(*value).0).collect();
            (format!("&[{}] as &[f64]", values.join(", ")), Level::Whole)
        }
    };
    Code::new(text, level, value_type)
}

fn float(value: f64) -> (String, Level) {
    let named = match value {
        _ if value.to_bits() == f64::NAN.to_bits() => "f64::NAN".to_owned(),
        _ if value.is_nan() => format!("f64::from_bits({:#x})", value.to_bits()),
        f64::INFINITY => "f64::INFINITY".to_owned(),
        f64::NEG_INFINITY => "f64::NEG_INFINITY".to_owned(),
        _ => {
            let level = if value.is_sign_negative() { Level::Unary } else { Level::Postfix };
            return (format!("{value:?}"), level);
        }
    };
    (named, Level::Postfix)
}

/// Whether a word stands somewhere in a piece of Rust.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}
