//! Expressions from their text to their values.

mod answers;
mod anything;
mod differences;
mod faults;
mod page;

use onepath_definition::{Checked, Definition, Field, Node, NodeIndex, Program, ValueType};
use onepath_sdk::batch::{Column, Float64Lists, Texts, Values};
use onepath_standard::expression::{Evaluated, FAILED, NULL, VALUE};

use super::{Names, Nodes, SqlFault, Typed, expression};

/// The columns of a table, as names.
pub(super) struct Table {
    pub fields: Vec<Field>,
    pub columns: Vec<Column>,
    pub rows: usize,
}

impl Names for &Table {
    fn find(&mut self, name: &str, nodes: &mut Nodes) -> Option<Typed> {
        if name == "as_of" {
            return Some(Typed { node: nodes.add(Node::Time), value_type: ValueType::Time, nullable: false });
        }
        let at = self.fields.iter().position(|field| field.name == name)?;
        let Field { value_type, nullable, .. } = self.fields[at];
        Some(Typed { node: nodes.add(Node::Event(at as u32)), value_type, nullable })
    }

    fn all(&self) -> Vec<String> {
        self.fields.iter().map(|field| field.name.clone()).chain(["as_of".into()]).collect()
    }
}

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Cell {
    Null,
    Failed(String),
    Boolean(bool),
    Int64(i64),
    Float64(f64),
    Text(String),
    List(Vec<f64>),
}

impl Table {
    /// The type of an expression, whether it may be null, and its values.
    pub fn evaluate(&self, text: &str) -> Result<(Typed, Vec<Cell>), SqlFault> {
        let mut nodes = Nodes::default();
        let typed = expression(text, &mut &*self, &mut nodes)?;
        Ok((typed, self.run(nodes.finish(), typed.node)))
    }

    /// The values of a node.
    pub fn run(&self, program: Program, node: NodeIndex) -> Vec<Cell> {
        let definition = Definition { event_fields: self.fields.clone(), event: program, ..Definition::default() };
        let checked = Checked::new(definition).expect("a lowered program is a good one");
        let times = Values::Times(vec![1_709_210_096_789_012; self.rows]);
        let leaf = |node: &Node| match node {
            Node::Event(field) => self.columns.get(*field as usize),
            _ => None,
        };
        let program = &checked.definition().event;
        let evaluated = Evaluated::new(program, checked.event_types(), self.rows, &times, leaf);
        for (at, value_type) in checked.event_types().iter().enumerate() {
            check_cells(&evaluated, at as NodeIndex, *value_type, self.rows);
        }
        (0..self.rows).map(|row| cell(&evaluated, node, row)).collect()
    }
}

/// Every row of a node has a value of its type, or none and is blank.
fn check_cells(evaluated: &Evaluated, node: NodeIndex, value_type: ValueType, rows: usize) {
    let cells = evaluated.cells(node);
    let found = match &*cells.values {
        Values::Booleans(_) => ValueType::Boolean,
        Values::Int64s(_) => ValueType::Int64,
        Values::Float64s(_) => ValueType::Float64,
        Values::Texts(_) => ValueType::Text,
        Values::Times(_) => ValueType::Time,
        Values::Float64Lists(_) => ValueType::Float64List,
    };
    assert_eq!((found, cells.values.rows()), (value_type, rows), "node {node}");
    let Some(marks) = &cells.marks else { return };
    assert_eq!(marks.len(), rows, "node {node}");
    for (row, mark) in marks.iter().enumerate() {
        if *mark == FAILED {
            assert!(!evaluated.failure(node, row).is_empty());
        }
        let is_blank = match &*cells.values {
            Values::Booleans(values) => values[row] == 0,
            Values::Int64s(values) | Values::Times(values) => values[row] == 0,
            Values::Float64s(values) => values[row].to_bits() == 0,
            Values::Texts(texts) => text_at(texts, row).is_empty(),
            Values::Float64Lists(lists) => list_at(lists, row).is_empty(),
        };
        assert!(*mark == VALUE || is_blank, "row {row} of node {node} has no value and is not blank");
    }
}

fn cell(evaluated: &Evaluated, node: NodeIndex, row: usize) -> Cell {
    let cells = evaluated.cells(node);
    match cells.marks.as_ref().map_or(VALUE, |marks| marks[row]) {
        NULL => return Cell::Null,
        FAILED => return Cell::Failed(evaluated.failure(node, row)),
        _ => {}
    }
    match &*cells.values {
        Values::Booleans(values) => Cell::Boolean(values[row] != 0),
        Values::Int64s(values) | Values::Times(values) => Cell::Int64(values[row]),
        Values::Float64s(values) => Cell::Float64(values[row]),
        Values::Texts(texts) => Cell::Text(String::from_utf8(text_at(texts, row).to_vec()).expect("UTF-8")),
        Values::Float64Lists(lists) => Cell::List(list_at(lists, row).to_vec()),
    }
}

fn text_at(texts: &Texts, row: usize) -> &[u8] {
    let begin = if row == 0 { 0 } else { texts.ends[row - 1] };
    &texts.bytes[begin as usize..texts.ends[row] as usize]
}

fn list_at(lists: &Float64Lists, row: usize) -> &[f64] {
    let begin = if row == 0 { 0 } else { lists.ends[row - 1] };
    &lists.values[begin as usize..lists.ends[row] as usize]
}
