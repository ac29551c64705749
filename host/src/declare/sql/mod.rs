//! Expressions: SQL in DuckDB's dialect, to the typed nodes of a definition.
//!
//! - `parse`: the text, to a tree with places;
//! - `lower`: the tree, to nodes: names, operators, CASE;
//! - `value`: what a part of an expression is, and conversions between types;
//! - `call`, `function`: functions by their names;
//! - `operator`, `special`: what is written in other ways;
//! - `time`: intervals, parts of times.
//!
//! Everything that is not an expression over one row is refused with its place.

mod call;
mod function;
mod lower;
mod operator;
mod pad;
mod parse;
mod special;
mod time;
mod value;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::ops::Range;

use onepath_definition::{Literal, Node, NodeIndex, Program, ValueType};

/// Lowers one expression: its nodes are added to `nodes`.
pub(crate) fn expression(text: &str, names: &mut dyn Names, nodes: &mut Nodes) -> Result<Typed, SqlFault> {
    lower::expression(text, names, nodes)
}

/// Whether `text`, as an expression, is the name of something and nothing else: no constant, no keyword.
pub(crate) fn is_name(text: &str) -> bool {
    parse::Source::new(text).is_name()
}

/// The names of all functions that an expression may call.
#[cfg(test)]
pub(crate) fn function_names() -> impl Iterator<Item = &'static str> {
    call::names()
}

/// A node with its type, and whether it may be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Typed {
    pub node: NodeIndex,
    pub value_type: ValueType,
    pub nullable: bool,
}

/// A program that is being made. Equal nodes are one.
#[derive(Debug, Default)]
pub(crate) struct Nodes {
    program: Program,
    known: HashMap<String, NodeIndex>,
}

impl Nodes {
    /// The place of `node`, which is added where there is none like it.
    pub fn add(&mut self, node: Node) -> NodeIndex {
        // By its text, since a float64 has no order; equal texts are equal nodes, -0.0 and 0.0 differ.
        let key = format!("{node:?}");
        *self.known.entry(key).or_insert_with(|| {
            self.program.nodes.push(node);
            self.program.nodes.len() as NodeIndex - 1
        })
    }

    /// The place of a constant.
    pub fn literal(&mut self, literal: Literal) -> Typed {
        let value_type = literal.value_type();
        Typed { node: self.add(Node::Literal(literal)), value_type, nullable: false }
    }

    /// The program.
    pub fn finish(self) -> Program {
        self.program
    }
}

/// What names mean in an expression.
pub(crate) trait Names {
    /// The node of this name, added to `nodes` where it is not there yet; none where there is no such name. Names are asked for as they
    /// are written, and, where there is none, as [`Names::all`] writes the one that is equal without regard to case.
    fn find(&mut self, name: &str, nodes: &mut Nodes) -> Option<Typed>;

    /// All names, for suggestions.
    fn all(&self) -> Vec<String>;
}

/// What is wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SqlFault {
    /// Where, in bytes of the expression.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// Words beside the caret.
    pub label: Option<String>,
    /// What to do.
    pub help: Option<String>,
}

impl SqlFault {
    fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        SqlFault { span, message: message.into(), label: None, help: None }
    }

    fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}
