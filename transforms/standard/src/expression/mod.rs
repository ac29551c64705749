//! Expressions, computed by column: each node of a program once for all rows.
//!
//! - `view`: columns as functions see them, of which one row may stand for all;
//! - `number`, `logic`, `text`, `like`, `convert`, `time`, `list`: the functions;
//! - `lookup`: texts that are compared with constants;
//! - `reason`: why a row failed.
//!
//! Nothing here panics, whatever the values are: where there is no value, the row fails.

mod choose;
mod convert;
mod like;
mod list;
mod logic;
mod lookup;
mod number;
mod reason;
mod text;
mod time;
mod view;

use std::borrow::Cow;
use std::cell::OnceCell;

use onepath_definition::{Function, Node, NodeIndex, Program, ValueType};
use onepath_sdk::batch::{Column, Values};

use self::lookup::Codes;
use self::view::{Computed, View};

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
    rows: usize,
    columns: Vec<Computed<'a>>,
    codes: Codes,
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
        let columns = Vec::with_capacity(program.nodes.len());
        let mut evaluated = Evaluated { program, rows, columns, codes: Codes::default() };
        for (node, value_type) in program.nodes.iter().zip(types) {
            let computed = match node {
                Node::Time => Computed::column(Cells { values: Cow::Borrowed(times), marks: None }),
                Node::Literal(literal) => Computed::constant(view::one(literal), None),
                Node::Null(_) => Computed::null(*value_type),
                Node::Call { function, arguments } => evaluated.call(*function, arguments, *value_type),
                _ => match leaf(node) {
                    Some(Column { values, nulls }) => Computed::column(Cells {
                        values: Cow::Borrowed(values),
                        marks: nulls.as_deref().map(Cow::Borrowed),
                    }),
                    None => Computed::null(*value_type),
                },
            };
            evaluated.columns.push(computed);
        }
        evaluated
    }

    /// The column of a node.
    pub fn cells(&self, node: NodeIndex) -> &Cells<'a> {
        self.columns[node as usize].whole(self.rows)
    }

    /// Why a row of a node failed, for people: of the deepest node that failed by itself.
    pub fn failure(&self, node: NodeIndex, row: usize) -> String {
        reason::failure(self, node, row)
    }

    fn view(&self, node: NodeIndex) -> View<'_> {
        self.columns[node as usize].view()
    }

    /// One function over all rows; over one where every argument is constant.
    fn call(&mut self, function: Function, arguments: &'a [NodeIndex], value_type: ValueType) -> Computed<'a> {
        if let Some(found) = lookup::compared(self, function, arguments) {
            return found;
        }
        if let (Function::Coalesce, [first, ..]) = (function, arguments)
            && let first @ Computed { cells: Cells { marks: None, .. }, is_constant: false, .. } =
                &self.columns[*first as usize]
        {
            // Nothing to replace.
            return Computed::column(first.cells.clone());
        }
        let views: Vec<View> = arguments.iter().map(|argument| self.view(*argument)).collect();
        let is_constant = views.iter().all(|view| view.is_constant);
        let rows = if is_constant { 1 } else { self.rows };
        let (values, marks) = match function {
            Function::TryCast => choose::tried_cast(self, arguments, rows),
            _ => apply(function, &views, rows, value_type),
        };
        Computed { cells: Cells { values: Cow::Owned(values), marks }, is_constant, whole: OnceCell::new() }
    }
}

/// Values, and marks where a row has none.
type Answer = (Values, Option<Cow<'static, [u8]>>);

fn apply(function: Function, views: &[View], rows: usize, value_type: ValueType) -> Answer {
    use Function as F;
    match function {
        F::Add
        | F::Subtract
        | F::Multiply
        | F::Divide
        | F::IntegerDivide
        | F::Remainder
        | F::Power
        | F::Atan2
        | F::RoundTo => number::of_two(function, views, rows),
        F::Negate
        | F::Abs
        | F::Sign
        | F::Floor
        | F::Ceil
        | F::Trunc
        | F::Round
        | F::Sqrt
        | F::Cbrt
        | F::Exp
        | F::Ln
        | F::Log2
        | F::Log10
        | F::Sin
        | F::Cos
        | F::Tan
        | F::Asin
        | F::Acos
        | F::Atan
        | F::IsNan
        | F::IsFinite
        | F::IsInfinite => number::of_one(function, views, rows),
        F::Equal | F::NotEqual | F::Less | F::LessOrEqual => logic::compared(function, views, rows),
        F::IsNotDistinct => logic::is_not_distinct(views, rows),
        F::And => logic::and_or(views, rows, false),
        F::Or => logic::and_or(views, rows, true),
        F::Not => logic::not(views, rows),
        F::IsNull => logic::is_null(views, rows),
        F::In => logic::is_in(views, rows),
        F::Case | F::Coalesce | F::NullIf | F::Least | F::Greatest | F::Try | F::TryCast => {
            choose::chosen(function, views, rows, value_type)
        }
        F::ToFloat64 | F::ToInt64 | F::ToText | F::ToBoolean | F::ToTime => convert::converted(function, views, rows),
        F::Lower
        | F::Upper
        | F::Length
        | F::Trim
        | F::TrimStart
        | F::TrimEnd
        | F::Substring
        | F::Concat
        | F::Replace
        | F::StartsWith
        | F::EndsWith
        | F::Contains
        | F::Position
        | F::SplitPart
        | F::Left
        | F::Right
        | F::Reverse => text::of_texts(function, views, rows),
        F::Like | F::LikeIgnoringCase => like::like(function, views, rows),
        F::Extract(_)
        | F::Truncate(_)
        | F::Difference(_)
        | F::AddMicros
        | F::AddMonths
        | F::MicrosBetween
        | F::EpochSeconds
        | F::FromEpochSeconds
        | F::EpochMicros
        | F::FromEpochMicros
        | F::EpochMillis => time::of_times(function, views, rows),
        F::HashBucket => list::hash_bucket(views, rows),
        F::Dot | F::Cosine | F::Norm | F::Distance | F::ListLength | F::ListElement => {
            list::of_lists(function, views, rows)
        }
    }
}
