//! Expressions, computed by column: each node of a program once for all rows.

use std::borrow::Cow;

use onepath_definition::{Literal, Node, NodeIndex, Program, ValueType};
use onepath_sdk::batch::{Column, Float64Lists, Texts, Values};

/// A row with a value.
pub const VALUE: u8 = 0;
/// A row that is null.
pub const NULL: u8 = 1;
/// A row for which the function has no value.
pub const FAILED: u8 = 2;

/// One column: per row a value, a null or a failure.
#[derive(Clone, Debug)]
pub struct Cells<'a> {
    /// The values. A row without one holds 0, an empty text or an empty list.
    pub values: Cow<'a, Values>,
    /// Per row [`VALUE`], [`NULL`] or [`FAILED`]. Absent where every row has a value.
    pub marks: Option<Cow<'a, [u8]>>,
}

/// The columns of a program over the rows of one call.
pub struct Evaluated<'a> {
    program: &'a Program,
    columns: Vec<Cells<'a>>,
}

impl<'a> Evaluated<'a> {
    /// Computes every node over so many rows. `leaf` has the columns of fields, inputs and reads; `times` is the time of each row.
    pub fn new(
        program: &'a Program,
        types: &[ValueType],
        rows: usize,
        times: &'a Values,
        leaf: impl Fn(&Node) -> Option<&'a Column>,
    ) -> Self {
        let mut columns: Vec<Cells<'a>> = Vec::with_capacity(program.nodes.len());
        for (node, value_type) in program.nodes.iter().zip(types) {
            let cells = match node {
                Node::Time => Cells { values: Cow::Borrowed(times), marks: None },
                Node::Literal(literal) => Cells { values: Cow::Owned(repeated(literal, rows)), marks: None },
                Node::Null(_) => {
                    Cells { values: Cow::Owned(blank(*value_type, rows)), marks: Some(vec![NULL; rows].into()) }
                }
                Node::Call { .. } => unreachable!("functions are computed elsewhere"),
                _ => match leaf(node) {
                    Some(Column { values, nulls }) => {
                        Cells { values: Cow::Borrowed(values), marks: nulls.as_deref().map(Cow::Borrowed) }
                    }
                    None => Cells { values: Cow::Owned(blank(*value_type, rows)), marks: None },
                },
            };
            columns.push(cells);
        }
        Evaluated { program, columns }
    }

    /// The column of a node.
    pub fn cells(&self, node: NodeIndex) -> &Cells<'a> {
        &self.columns[node as usize]
    }

    /// Why a row of a node failed, for people.
    pub fn failure(&self, node: NodeIndex, row: usize) -> String {
        format!("node {node} of {} failed in row {row}", self.program.nodes.len())
    }
}

fn repeated(literal: &Literal, rows: usize) -> Values {
    match literal {
        Literal::Boolean(value) => Values::Booleans(vec![u8::from(*value); rows]),
        Literal::Int64(value) => Values::Int64s(vec![*value; rows]),
        Literal::Float64(value) => Values::Float64s(vec![*value; rows]),
        Literal::Time(value) => Values::Times(vec![*value; rows]),
        Literal::Text(value) => Values::Texts(Texts {
            ends: (1..=rows).map(|row| (row * value.len()) as u32).collect(),
            bytes: value.as_bytes().repeat(rows),
        }),
        Literal::Float64List(value) => Values::Float64Lists(Float64Lists {
            ends: (1..=rows).map(|row| (row * value.len()) as u32).collect(),
            values: value.repeat(rows),
        }),
    }
}

fn blank(value_type: ValueType, rows: usize) -> Values {
    match value_type {
        ValueType::Boolean => Values::Booleans(vec![0; rows]),
        ValueType::Int64 => Values::Int64s(vec![0; rows]),
        ValueType::Float64 => Values::Float64s(vec![0.0; rows]),
        ValueType::Time => Values::Times(vec![0; rows]),
        ValueType::Text => Values::Texts(Texts { ends: vec![0; rows], bytes: Vec::new() }),
        ValueType::Float64List => Values::Float64Lists(Float64Lists { ends: vec![0; rows], values: Vec::new() }),
    }
}
