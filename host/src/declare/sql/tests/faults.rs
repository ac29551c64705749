//! What is refused, where, and what to write instead.

use std::fmt::Write;

use expect_test::expect_file;
use onepath_definition::{Field, Literal, Node, ValueType};
use onepath_sdk::batch::Texts;
use onepath_sdk::batch::{Column, Values};

use super::super::{Nodes, expression};
use super::{Cell, Table};

fn table() -> Table {
    let field = |name: &str, value_type, nullable| Field { name: name.into(), value_type, nullable };
    let fields = vec![
        field("event_type", ValueType::Text, false),
        field("amount", ValueType::Float64, true),
        field("price", ValueType::Float64, false),
        field("quantity", ValueType::Int64, false),
        field("member", ValueType::Boolean, false),
        field("at", ValueType::Time, false),
        field("embedding", ValueType::Float64List, false),
        field("Mixed", ValueType::Int64, true),
    ];
    let one = |values| Column { values, nulls: None };
    let columns = vec![
        one(Values::Texts(Texts { ends: vec![8], bytes: b"purchase".to_vec() })),
        Column { values: Values::Float64s(vec![0.0]), nulls: Some(vec![1]) },
        one(Values::Float64s(vec![2.5])),
        one(Values::Int64s(vec![4])),
        one(Values::Booleans(vec![1])),
        one(Values::Times(vec![0])),
        one(Values::Float64Lists(onepath_sdk::batch::Float64Lists { ends: vec![2], values: vec![1.0, 2.0] })),
        one(Values::Int64s(vec![7])),
    ];
    Table { fields, columns, rows: 1 }
}

/// Each expression with the text below it that is told.
const REFUSED: &[&str] = &[
    "",
    "  ",
    "amuont > 5",
    "amount >",
    "amount > 5)",
    "(amount > 5",
    "amount > 5 amount",
    "'open",
    "SELECT amount",
    "amount = (SELECT 1)",
    "EXISTS (SELECT 1)",
    "amount IN (SELECT 1)",
    "sum(amount)",
    "count(*)",
    "count(DISTINCT amount)",
    "max(amount)",
    "lag(amount) OVER (ORDER BY at)",
    "sum(amount) FILTER (WHERE member)",
    "amount > ?",
    "amount > $1",
    "now()",
    "at > current_timestamp",
    "today()",
    "random()",
    "event_type = \"purchase\"",
    "event_type = 5",
    "amount = '5'",
    "amount + event_type",
    "event_type + 'x'",
    "member = 1",
    "member AND quantity",
    "NOT amount",
    "at > 'yesterday'",
    "at > 5",
    "at + 1",
    "at + at",
    "at - at",
    "as_of - at > INTERVAL '1 month'",
    "INTERVAL '7 days'",
    "at + INTERVAL '7 lightyears'",
    "at + INTERVAL 'seven days'",
    "NULL",
    "CASE WHEN member THEN amount ELSE 'none' END",
    "CASE WHEN amount THEN 1 END",
    "coalesce(amount, 'none')",
    "coalesce()",
    "round()",
    "pow(amount)",
    "squareroot(amount)",
    "sqr(amount)",
    "regexp_matches(event_type, 'a.*')",
    "event_type SIMILAR TO 'a.*'",
    "event_type ~ 'a.*'",
    "event_type LIKE 'a$%' ESCAPE '$'",
    "price ^ 2",
    "quantity << 2",
    "price // 2",
    "9223372036854775808",
    "1e400",
    "CAST(amount AS DECIMAL(10, 2))",
    "CAST(at AS DATE)",
    "CAST(quantity AS TIMESTAMP)",
    "CAST(at AS BIGINT)",
    "CAST(embedding AS VARCHAR)",
    "at AT TIME ZONE 'Europe/Berlin'",
    "events.amount",
    "*",
    "{'a': 1}",
    "(1, 2)",
    "[amount, 1.0]",
    "embedding < [1.0]",
    "embedding[1:2]",
    "extract(fortnight FROM at)",
    "date_trunc('fortnight', at)",
    "date_trunc(event_type, at)",
    "hash_bucket(amount, 10)",
    "hash_bucket(event_type, 0)",
    "price < quantity < 5",
    "event_type || price + 1",
    "price IN ()",
    "strftime(at, '%Y')",
    "list_dot_product(embedding, amount)",
    "mixed + Mixed + MIXED + missing",
];

#[test]
fn faults_are_told_with_their_places() {
    let table = table();
    let mut told = String::new();
    for text in REFUSED {
        let Err(fault) = table.evaluate(text) else { panic!("{text} is taken") };
        assert!(text.get(fault.span.clone()).is_some(), "{text}: {:?} is no part of it", fault.span);
        let before = text[..fault.span.start].chars().count();
        let carets = "^".repeat(text[fault.span.clone()].chars().count().max(1));
        let _ = writeln!(told, "  {text}\n  {}{carets} {}", " ".repeat(before), fault.label.as_deref().unwrap_or(""));
        let _ = writeln!(told, "error: {}", fault.message);
        if let Some(help) = &fault.help {
            let _ = writeln!(told, "help: {help}");
        }
        told.push('\n');
    }
    let told: Vec<&str> = told.lines().map(str::trim_end).collect();
    expect_file!["faults.txt"].assert_eq(&(told.join("\n") + "\n"));
}

#[test]
fn places_are_bytes_on_any_line() {
    let table = table();
    for (text, wrong) in [
        ("event_type = 'ü' AND\n  amuont > 1", "amuont"),
        ("event_type = '日本' AND sqr(price) > 1", "sqr"),
        ("-- a comment ü\r\nprice >\r\n\t'x'", "'x'"),
        ("price > /* ü */ nothing", "nothing"),
        ("price > 1\n  event_type", "event_type"),
    ] {
        let fault = table.evaluate(text).expect_err(text);
        assert_eq!(&text[fault.span.clone()], wrong, "{text}: {fault:?}");
    }
}

#[test]
fn names_are_compared_without_regard_to_case() {
    let table = table();
    for text in ["mixed", "MIXED", "\"mixed\"", "\"Mixed\""] {
        assert_eq!(table.evaluate(text).expect("there is one").1, [Cell::Int64(7)], "{text}");
    }
    let mut two = table;
    two.fields[3].name = "mixed".into();
    assert_eq!(two.evaluate("mixed").expect("this one exactly").1, [Cell::Int64(4)]);
    assert_eq!(two.evaluate("MIXED").expect_err("two").message, "MIXED may be mixed or Mixed");
}

#[test]
fn equal_nodes_are_one_and_constants_are_converted_at_once() {
    let table = table();
    let mut nodes = Nodes::default();
    for text in ["price * 2 > 5", "PRICE * 2 > 5 AND event_type = 'purchase'", "event_type = 'purchase'"] {
        expression(text, &mut &table, &mut nodes).expect("it is taken");
    }
    let program = nodes.finish();
    let literals: Vec<&Node> = program.nodes.iter().filter(|node| matches!(node, Node::Literal(_))).collect();
    let expected = [Literal::Float64(2.0), Literal::Float64(5.0), Literal::Text("purchase".into())];
    assert_eq!(literals, expected.map(Node::Literal).iter().collect::<Vec<_>>());
    // Two fields, three constants, product, comparison, equality, AND.
    assert_eq!(program.nodes.len(), 9);
}

#[test]
fn what_may_be_null_is_known() {
    let table = table();
    for (text, nullable) in [
        ("price", false),
        ("amount", true),
        ("amount + 1", true),
        ("price / quantity", false),
        ("quantity // 3", false),
        ("coalesce(amount, 0)", false),
        ("coalesce(amount, NULL)", true),
        ("nullif(price, 0)", true),
        ("amount IS NULL", false),
        ("amount IS NOT DISTINCT FROM price", false),
        ("(amount > 1) IS TRUE", false),
        ("CASE WHEN member THEN 1 END", true),
        ("CASE WHEN member THEN 1 ELSE 2 END", false),
        ("CASE WHEN amount > 1 THEN 1 ELSE 2 END", false),
        ("greatest(amount, price)", false),
        ("greatest(amount, Mixed)", true),
        ("embedding[1]", true),
        ("list_cosine_similarity(embedding, [1.0, 2.0])", true),
        ("list_dot_product(embedding, [1.0, 2.0])", false),
        ("TRY(quantity + 1)", true),
        ("TRY_CAST(event_type AS BIGINT)", true),
        ("CAST(event_type AS BIGINT)", false),
        ("event_type IN ('a', NULL)", true),
        ("concat(event_type, amount)", false),
        ("event_type || amount", true),
        ("year(as_of)", false),
        ("CAST(NULL AS DOUBLE)", true),
    ] {
        assert_eq!(table.evaluate(text).expect(text).0.nullable, nullable, "{text}");
    }
}

#[test]
fn failures_say_why() {
    let table = table();
    for (text, expected) in [
        ("9223372036854775807 + quantity", "integer overflow in 9223372036854775807 + 4"),
        ("-(quantity - 9223372036854775807) * 4", "integer overflow in 9223372036854775803 * 4"),
        ("quantity // (quantity - 4) + 1", "division by zero in 4 // 0"),
        ("quantity % (quantity - 4)", "division by zero in 4 % 0"),
        ("CAST(event_type AS BIGINT)", "'purchase' is not converted to int64"),
        ("CAST(event_type AS DOUBLE) > 1", "'purchase' is no number"),
        ("CAST(event_type AS TIMESTAMP)", "'purchase' is no time"),
        ("CAST(price * 1e30 AS BIGINT)", "2.5e+30 is not converted to int64"),
        ("list_dot_product(embedding, [1.0])", "two lists of different lengths, 2 and 1"),
        ("hash_bucket(event_type, quantity - 4)", "0 is no number of buckets: it is from 1 to 4294967295"),
        (
            "at + INTERVAL (9223372036854775807) MICROSECONDS + INTERVAL '1 day'",
            "there is no such time: 294247-01-10 04:00:54.775807 and 86400000000",
        ),
    ] {
        assert_eq!(table.evaluate(text).expect(text).1, [Cell::Failed(expected.into())], "{text}");
    }
}

#[test]
fn a_failure_is_lost_where_it_is_not_needed() {
    let table = table();
    for (text, expected) in [
        ("member OR quantity // 0 = 1", Cell::Boolean(true)),
        ("quantity // 0 = 1 OR member", Cell::Boolean(true)),
        ("NOT member AND quantity // 0 = 1", Cell::Boolean(false)),
        ("coalesce(quantity, quantity // 0)", Cell::Int64(4)),
        ("CASE WHEN member THEN 1 ELSE quantity // 0 END", Cell::Int64(1)),
        ("quantity IN (4, quantity // 0)", Cell::Boolean(true)),
        ("TRY(quantity // 0)", Cell::Null),
        ("TRY_CAST(event_type AS BIGINT)", Cell::Null),
    ] {
        assert_eq!(table.evaluate(text).expect(text).1, [expected], "{text}");
    }
    for text in [
        "amount + quantity // 0",
        "TRY_CAST(quantity // 0 AS VARCHAR)",
        "coalesce(quantity // 0, 1)",
        "(quantity // 0) IS NULL",
    ] {
        assert!(matches!(table.evaluate(text).expect(text).1.as_slice(), [Cell::Failed(_)]), "{text}");
    }
}
