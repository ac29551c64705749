//! Expressions of declared views, and programs that nobody lowered.

use onepath_definition::{Checked, Definition, Field, Node, Program, ValueType};
use onepath_sdk::batch::{Column, Float64Lists, Texts, Values};
use onepath_standard::expression::{Evaluated, FAILED, VALUE};

use crate::sql::{Names, Nodes, Typed, expression as lower};

/// How many rows there are, the last one null.
const ROWS: usize = 4;

const FIELDS: [(&str, ValueType); 6] = [
    ("b", ValueType::Boolean),
    ("i", ValueType::Int64),
    ("f", ValueType::Float64),
    ("s", ValueType::Text),
    ("at", ValueType::Time),
    ("v", ValueType::Float64List),
];

/// Lowers a text. What is refused is told with a place in the text; what is taken runs.
pub fn expression(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut nodes = Nodes::default();
    match lower(text, &mut Fields, &mut nodes) {
        Ok(_) => {
            let event_fields = FIELDS.iter().map(|(name, value_type)| field(name, *value_type)).collect();
            let definition = Definition { event_fields, event: nodes.finish(), ..Definition::default() };
            run(&Checked::new(definition).expect("what is lowered holds together"));
        }
        Err(fault) => assert!(text.get(fault.span.clone()).is_some(), "{fault:?}"),
    }
}

/// Reads the bytes of a definition. What is taken runs, whatever its program is.
pub fn definition(data: &[u8]) {
    if let Ok(checked) = Definition::from_bytes(data)
        && checked.definition().event.nodes.len() < 64
    {
        run(&checked);
    }
}

/// Runs the program of events; every row of every node has a value of its type, or is blank.
fn run(checked: &Checked) {
    let columns: Vec<Column> = checked.definition().event_fields.iter().map(|field| column(field.value_type)).collect();
    let times = Values::Times(vec![0, i64::MIN, i64::MAX, 1_709_210_096_789_012]);
    let program: &Program = &checked.definition().event;
    let leaf = |node: &Node| match node {
        Node::Event(field) => columns.get(*field as usize),
        _ => None,
    };
    let evaluated = Evaluated::new(program, checked.event_types(), ROWS, &times, leaf);
    for (node, value_type) in (0..).zip(checked.event_types()) {
        let cells = evaluated.cells(node);
        assert_eq!((type_of(&cells.values), cells.values.rows()), (*value_type, ROWS));
        for (row, mark) in cells.marks.iter().flat_map(|marks| marks.iter().enumerate()) {
            assert!(*mark == VALUE || is_blank(&cells.values, row), "node {node} holds something in row {row}");
            if *mark == FAILED {
                assert!(!evaluated.failure(node, row).is_empty());
            }
        }
    }
}

struct Fields;

impl Names for Fields {
    fn find(&mut self, name: &str, nodes: &mut Nodes) -> Option<Typed> {
        let at = FIELDS.iter().position(|(field, _)| *field == name)?;
        Some(Typed { node: nodes.add(Node::Event(at as u32)), value_type: FIELDS[at].1, nullable: true })
    }

    fn all(&self) -> Vec<String> {
        FIELDS.iter().map(|(name, _)| (*name).to_owned()).collect()
    }
}

fn field(name: &str, value_type: ValueType) -> Field {
    Field { name: name.to_owned(), value_type, nullable: true }
}

fn column(value_type: ValueType) -> Column {
    let integers = || vec![i64::MIN, i64::MAX, -1, 0];
    let values = match value_type {
        ValueType::Boolean => Values::Booleans(vec![0, 1, 1, 0]),
        ValueType::Int64 => Values::Int64s(integers()),
        ValueType::Time => Values::Times(integers()),
        ValueType::Float64 => Values::Float64s(vec![f64::NAN, f64::NEG_INFINITY, -0.0, 0.0]),
        ValueType::Text => {
            Values::Texts(Texts { ends: vec![0, 3, 13, 13], bytes: "ä%2024-02-29".as_bytes().to_vec() })
        }
        ValueType::Float64List => {
            Values::Float64Lists(Float64Lists { ends: vec![0, 1, 3, 3], values: vec![f64::INFINITY, 1.0, -2.0] })
        }
    };
    Column { values, nulls: Some(vec![0, 0, 0, 1]) }
}

fn type_of(values: &Values) -> ValueType {
    match values {
        Values::Booleans(_) => ValueType::Boolean,
        Values::Int64s(_) => ValueType::Int64,
        Values::Float64s(_) => ValueType::Float64,
        Values::Texts(_) => ValueType::Text,
        Values::Times(_) => ValueType::Time,
        Values::Float64Lists(_) => ValueType::Float64List,
    }
}

fn is_blank(values: &Values, row: usize) -> bool {
    let is_empty = |ends: &[u32]| ends[row] == row.checked_sub(1).map_or(0, |before| ends[before]);
    match values {
        Values::Booleans(values) => values[row] == 0,
        Values::Int64s(values) | Values::Times(values) => values[row] == 0,
        Values::Float64s(values) => values[row].to_bits() == 0,
        Values::Texts(texts) => is_empty(&texts.ends),
        Values::Float64Lists(lists) => is_empty(&lists.ends),
    }
}
