//! Expressions: SQL in DuckDB's dialect, to the typed nodes of a definition.

use std::collections::HashMap;
use std::ops::Range;

use onepath_definition::{Literal, Node, NodeIndex, Program, ValueType};

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
    /// The node of this name, added to `nodes` where it is not there yet; none where there is no such name.
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
