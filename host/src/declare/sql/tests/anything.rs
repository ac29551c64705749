//! Any text, any program, any values: no panic, and every value has its type.

use onepath_definition::{Field, Function, Literal, Node, NodeIndex, Program, TimePart, ValueType};
use onepath_sdk::batch::{Column, Float64Lists, Texts, Values};
use proptest::prelude::*;

use super::{Nodes, Table, expression};

const TYPES: [ValueType; 6] = [
    ValueType::Boolean,
    ValueType::Int64,
    ValueType::Float64,
    ValueType::Text,
    ValueType::Time,
    ValueType::Float64List,
];

/// Pieces that expressions are made of, so that some texts are nearly right.
const PIECES: &[&str] = &[
    "b",
    "i",
    "f",
    "s",
    "at",
    "v",
    "as_of",
    "missing",
    "1",
    "-1",
    "2.5",
    "1e400",
    "9223372036854775807",
    "'a'",
    "''",
    "'2024-01-01'",
    "NULL",
    "true",
    "(",
    ")",
    "[",
    "]",
    ",",
    "+",
    "-",
    "*",
    "/",
    "//",
    "%",
    "||",
    "=",
    "<>",
    "<",
    "<=",
    ">",
    "::",
    "AND",
    "OR",
    "NOT",
    "IS",
    "NULL",
    "DISTINCT",
    "FROM",
    "IN",
    "BETWEEN",
    "LIKE",
    "ILIKE",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "CAST(",
    "AS",
    "DOUBLE",
    "BIGINT",
    "VARCHAR",
    "TIMESTAMP",
    "INTERVAL",
    "'7 days'",
    "DAY",
    "MONTH",
    "EXTRACT(",
    "HOUR",
    "date_trunc('day',",
    "date_diff('month',",
    "coalesce(",
    "nullif(",
    "greatest(",
    "substring(",
    "trim(",
    "lower(",
    "round(",
    "sqrt(",
    "hash_bucket(",
    "list_dot_product(",
    "TRY(",
    "count(*)",
    "SELECT",
    "ä",
    "\u{0}",
    "\"",
    "$$",
    ";",
    "--",
    "/*",
    "{",
    "}",
    "?",
    "^",
    "!",
];

/// Rows with the ends of everything.
fn table() -> Table {
    let integers = || vec![0, 1, -1, i64::MAX, i64::MIN, 1_709_210_096_789_012, -62_167_219_200_000_001, 3];
    let floats = || vec![0.0, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 5e-324, 1.797e308, -1.5];
    let mut texts = Texts::default();
    for text in ["", "a", "ä👍🏽", "2024-02-29", "-9223372036854775808", "nan", "%_", "aaaaaaaaaa"] {
        texts.bytes.extend_from_slice(text.as_bytes());
        texts.ends.push(texts.bytes.len() as u32);
    }
    let lists =
        Float64Lists { ends: vec![0, 1, 3, 5, 5, 6, 8, 9], values: floats().into_iter().chain([1.0]).collect() };
    let values = [
        ("b", Values::Booleans(vec![0, 1, 0, 1, 0, 1, 0, 0])),
        ("i", Values::Int64s(integers())),
        ("f", Values::Float64s(floats())),
        ("s", Values::Texts(texts)),
        ("at", Values::Times(integers())),
        ("v", Values::Float64Lists(lists)),
    ];
    let fields = values.iter().zip(TYPES);
    let fields =
        fields.map(|((name, _), value_type)| Field { name: (*name).into(), value_type, nullable: true }).collect();
    let nulls = Some(vec![0, 0, 0, 0, 0, 0, 0, 1]);
    let column = |(_, values): (&str, Values)| Column { values: blanked(values), nulls: nulls.clone() };
    Table { fields, columns: values.into_iter().map(column).collect(), rows: 8 }
}

/// The last row, which is null, holds nothing.
fn blanked(mut values: Values) -> Values {
    match &mut values {
        Values::Booleans(values) => values[7] = 0,
        Values::Int64s(values) | Values::Times(values) => values[7] = 0,
        Values::Float64s(values) => values[7] = 0.0,
        Values::Texts(texts) => {
            texts.ends[7] = texts.ends[6];
            texts.bytes.truncate(texts.ends[6] as usize);
        }
        Values::Float64Lists(lists) => {
            lists.ends[7] = lists.ends[6];
            lists.values.truncate(lists.ends[6] as usize);
        }
    }
    values
}

/// Lowers and evaluates a text, or sees it refused at a place of its own.
fn try_text(text: &str) {
    let table = table();
    let mut nodes = Nodes::default();
    match expression(text, &mut &table, &mut nodes) {
        // The checks of `run` are that every row has a value of its type.
        Ok(typed) => drop(table.run(nodes.finish(), typed.node)),
        Err(fault) => {
            assert!(text.get(fault.span.clone()).is_some(), "{text:?}: {fault:?}");
            assert!(!fault.message.is_empty());
        }
    }
}

fn functions() -> Vec<Function> {
    use Function as F;
    let parts = [
        TimePart::Microsecond,
        TimePart::Millisecond,
        TimePart::Second,
        TimePart::Minute,
        TimePart::Hour,
        TimePart::Day,
        TimePart::DayOfWeek,
        TimePart::IsoDayOfWeek,
        TimePart::DayOfYear,
        TimePart::Week,
        TimePart::Month,
        TimePart::Quarter,
        TimePart::Year,
        TimePart::IsoYear,
        TimePart::Epoch,
    ];
    let mut all = vec![
        F::Add,
        F::Subtract,
        F::Multiply,
        F::Divide,
        F::IntegerDivide,
        F::Remainder,
        F::Negate,
        F::Equal,
        F::NotEqual,
        F::Less,
        F::LessOrEqual,
        F::IsNotDistinct,
        F::And,
        F::Or,
        F::Not,
        F::IsNull,
        F::Case,
        F::Coalesce,
        F::NullIf,
        F::Least,
        F::Greatest,
        F::In,
        F::ToFloat64,
        F::ToInt64,
        F::ToText,
        F::ToBoolean,
        F::ToTime,
        F::Abs,
        F::Sign,
        F::Floor,
        F::Ceil,
        F::Trunc,
        F::Round,
        F::RoundTo,
        F::Sqrt,
        F::Cbrt,
        F::Exp,
        F::Ln,
        F::Log2,
        F::Log10,
        F::Power,
        F::Sin,
        F::Cos,
        F::Tan,
        F::Asin,
        F::Acos,
        F::Atan,
        F::Atan2,
        F::IsNan,
        F::IsFinite,
        F::IsInfinite,
        F::Lower,
        F::Upper,
        F::Length,
        F::Trim,
        F::TrimStart,
        F::TrimEnd,
        F::Substring,
        F::Concat,
        F::Replace,
        F::StartsWith,
        F::EndsWith,
        F::Contains,
        F::Position,
        F::Like,
        F::LikeIgnoringCase,
        F::SplitPart,
        F::Left,
        F::Right,
        F::Reverse,
        F::AddMicros,
        F::AddMonths,
        F::MicrosBetween,
        F::EpochSeconds,
        F::FromEpochSeconds,
        F::EpochMicros,
        F::FromEpochMicros,
        F::EpochMillis,
        F::HashBucket,
        F::Dot,
        F::Cosine,
        F::Norm,
        F::Distance,
        F::ListLength,
        F::ListElement,
        F::Try,
        F::TryCast,
    ];
    all.extend(parts.iter().flat_map(|part| [F::Extract(*part), F::Truncate(*part), F::Difference(*part)]));
    all
}

/// A program of any functions: each choice takes arguments among the nodes so far, if the function takes their types.
fn program(choices: &[(u16, [u16; 4], i64)]) -> Program {
    let functions = functions();
    let mut nodes: Vec<Node> = (0..6).map(Node::Event).chain([Node::Time]).collect();
    let mut types: Vec<ValueType> = TYPES.into_iter().chain([ValueType::Time]).collect();
    for (function, arguments, constant) in choices {
        let literal = match function % 7 {
            0 => Literal::Int64(*constant),
            1 => Literal::Float64(f64::from_bits(*constant as u64)),
            2 => Literal::Time(*constant),
            3 => Literal::Text(constant.to_string()),
            4 => Literal::Boolean(constant % 2 == 0),
            5 => Literal::Float64List(vec![*constant as f64, 1.0]),
            _ => Literal::Text("%a_".into()),
        };
        types.push(literal.value_type());
        nodes.push(Node::Literal(literal));
        types.push(TYPES[*function as usize % 6]);
        nodes.push(Node::Null(TYPES[*function as usize % 6]));
        let all: Vec<NodeIndex> = arguments.iter().map(|argument| u32::from(*argument) % nodes.len() as u32).collect();
        // The function that is meant first, else the next that takes some of the arguments.
        let from = *function as usize % functions.len();
        let found = (0..functions.len()).find_map(|step| {
            let function = functions[(from + step) % functions.len()];
            (1..=all.len()).rev().find_map(|count| {
                let given: Vec<ValueType> = all[..count].iter().map(|at| types[*at as usize]).collect();
                function.result(&given).map(|result| (function, count, result))
            })
        });
        if let Some((function, count, result)) = found {
            nodes.push(Node::Call { function, arguments: all[..count].to_vec() });
            types.push(result);
        }
    }
    Program { nodes }
}

/// How many of each are tried: `ONEPATH_EXPRESSION_CASES`, or a second's worth.
fn cases() -> ProptestConfig {
    let cases = std::env::var("ONEPATH_EXPRESSION_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(1_500);
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn any_text_is_taken_or_refused(text in "\\PC{0,60}") {
        try_text(&text);
    }

    #[test]
    fn any_pieces_are_taken_or_refused(pieces in prop::collection::vec(0..PIECES.len(), 1..14)) {
        let pieces: Vec<&str> = pieces.into_iter().map(|at| PIECES[at]).collect();
        try_text(&pieces.join(" "));
    }

    #[test]
    fn any_program_is_run(
        choices in prop::collection::vec((any::<u16>(), any::<[u16; 4]>(), any::<i64>()), 1..24),
    ) {
        let program = program(&choices);
        let last = program.nodes.len() as NodeIndex - 1;
        table().run(program, last);
    }
}

#[test]
fn long_and_deep_texts_are_refused() {
    let chain = |operator: &str, length: usize| vec!["i"; length].join(operator);
    for text in [
        chain(" + ", 90),
        "(".repeat(40) + "i" + &")".repeat(40),
        vec!["b"; 900].join(" AND "),
        format!("i IN ({})", vec!["1"; 3_000].join(", ")),
    ] {
        try_text(&text);
    }
    let refused = [
        chain(" + ", 1_500),
        "(".repeat(5_000) + "i" + &")".repeat(5_000),
        "-".repeat(8_000) + "1",
        "NOT ".repeat(4_000) + "b",
        "i".to_owned() + &" IS NULL".repeat(1_500),
        "v".to_owned() + &"[1]".repeat(1_500),
        "i".to_owned() + &"::BIGINT".repeat(1_500),
        // As deep as the number of tokens allows.
        chain(" + ", 990),
        "i".to_owned() + &" NOTNULL".repeat(1_990),
        "v".to_owned() + &"[1]".repeat(990),
        "CASE WHEN b THEN ".repeat(900),
        "a".repeat(100_000),
    ];
    for text in refused {
        let table = table();
        let fault = expression(&text, &mut &table, &mut Nodes::default()).expect_err("it is long");
        assert!(text.get(fault.span.clone()).is_some(), "{fault:?}");
    }
}
