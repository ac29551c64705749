//! Texts that are compared with constants: each text is looked up once among all constants that its column is compared with.

use std::borrow::Cow;
use std::collections::BTreeMap;

use onepath_definition::{Function, Literal, Node, NodeIndex, Program};
use onepath_sdk::batch::{Texts, Values};

use super::view::{Computed, blanked, bytes_at};
use super::{Cells, Evaluated};

/// Constants beyond so many are looked up in a map.
const FEW: usize = 8;

/// Fewer rows are compared with each constant: looking for all constants would take longer.
const ROWS_MIN: usize = 16;

/// What is known of the columns of texts.
#[derive(Default)]
pub(super) struct Codes(Vec<(NodeIndex, Column)>);

/// The constants that a column is compared with, and which of them each row is: its place from 1, or 0.
struct Column {
    constants: Vec<NodeIndex>,
    rows: Vec<u32>,
}

/// A comparison of a column of texts with constants, by their codes. None where it is something else.
pub(super) fn compared<'a>(
    evaluated: &mut Evaluated<'a>,
    function: Function,
    arguments: &[NodeIndex],
) -> Option<Computed<'a>> {
    if evaluated.rows < ROWS_MIN {
        return None;
    }
    let (column, constants) = shape(evaluated.program, function, arguments)?;
    let view = evaluated.view(column);
    if view.is_constant {
        return None;
    }
    let Values::Texts(texts) = view.values else { return None };
    if !evaluated.codes.0.iter().any(|(of, _)| *of == column) {
        let all = constants_of(evaluated.program, column);
        let rows = looked_up(evaluated.program, texts, &all);
        evaluated.codes.0.push((column, Column { constants: all, rows }));
    }
    let (_, codes) = evaluated.codes.0.iter().find(|(of, _)| *of == column)?;
    let code =
        |constant: &NodeIndex| codes.constants.iter().position(|other| other == constant).map(|at| at as u32 + 1);
    let values = match (function, constants) {
        (Function::Equal, [constant]) => {
            let wanted = code(constant)?;
            codes.rows.iter().map(|code| u8::from(*code == wanted)).collect()
        }
        (Function::NotEqual, [constant]) => {
            let wanted = code(constant)?;
            codes.rows.iter().map(|code| u8::from(*code != wanted)).collect()
        }
        (_, constants) => {
            let mut is_member = vec![0_u8; codes.constants.len() + 1];
            for constant in constants {
                is_member[code(constant)? as usize] = 1;
            }
            codes.rows.iter().map(|code| is_member[*code as usize]).collect()
        }
    };
    let marks = evaluated.columns[column as usize].cells.marks.clone();
    let values = Cow::Owned(Values::Booleans(blanked(values, marks.as_deref())));
    Some(Computed::column(Cells { values, marks }))
}

/// The column and the constants of a comparison of a text with nothing but constants.
fn shape<'n>(
    program: &Program,
    function: Function,
    arguments: &'n [NodeIndex],
) -> Option<(NodeIndex, &'n [NodeIndex])> {
    if !matches!(function, Function::Equal | Function::NotEqual | Function::In) {
        return None;
    }
    let is_text = |node: &NodeIndex| matches!(program.nodes[*node as usize], Node::Literal(Literal::Text(_)));
    let (first, rest) = arguments.split_first()?;
    if !is_text(first) {
        return rest.iter().all(is_text).then_some((*first, rest));
    }
    // 'purchase' = event_type
    match arguments {
        [_, second] if function != Function::In && !is_text(second) => Some((*second, &arguments[..1])),
        _ => None,
    }
}

/// All constants that the program compares a column with.
fn constants_of(program: &Program, column: NodeIndex) -> Vec<NodeIndex> {
    let mut constants = Vec::new();
    for node in &program.nodes {
        let Node::Call { function, arguments } = node else { continue };
        if let Some((of, with)) = shape(program, *function, arguments)
            && of == column
        {
            constants.extend(with.iter().filter(|with| !constants.contains(*with)).collect::<Vec<_>>());
        }
    }
    constants
}

/// Which of the constants each text is.
fn looked_up(program: &Program, texts: &Texts, constants: &[NodeIndex]) -> Vec<u32> {
    let bytes = |node: &NodeIndex| match &program.nodes[*node as usize] {
        Node::Literal(Literal::Text(text)) => text.as_bytes(),
        _ => &[],
    };
    let rows = 0..texts.ends.len();
    if constants.len() <= FEW {
        let constants: Vec<&[u8]> = constants.iter().map(bytes).collect();
        let code = |text: &[u8]| constants.iter().position(|constant| *constant == text).map_or(0, |at| at as u32 + 1);
        return rows.map(|row| code(bytes_at(texts, row))).collect();
    }
    let codes: BTreeMap<&[u8], u32> = constants.iter().map(bytes).zip(1..).collect();
    rows.map(|row| codes.get(bytes_at(texts, row)).copied().unwrap_or(0)).collect()
}
