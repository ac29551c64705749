//! Which row of a batch a trap belongs to.
//!
//! A failure names its row; a trap does not. As a batch may be cut anywhere with the states carried over, the first row
//! that traps is found by halving.

use super::ViewProgram;
use crate::batch::Rows;
use crate::wasm::CallError;

/// The row at fault, where it can be told. Limits are not searched for: repeating a call that ran too long takes as long.
pub(super) fn row_at_fault(view: &ViewProgram, rows: &Rows, error: &CallError) -> Option<usize> {
    match error {
        CallError::Failure { row: Some(row), .. } => Some(*row as usize),
        _ if rows.len() == 1 => Some(0),
        CallError::Trap { .. } => first_trap(view, rows),
        _ => None,
    }
}

/// The first row that gives no answer, found by halving.
fn first_trap(view: &ViewProgram, rows: &Rows) -> Option<usize> {
    // Rows before `good` pass with `states`; the rows up to `bad` trap.
    let (mut good, mut bad) = (0, rows.len());
    let mut states = rows.states.clone();
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        let part = rows.slice(good, middle, states.clone());
        match view.process(&part, None) {
            Ok(answers) => (good, states) = (middle, answers.states?),
            Err(_) => bad = middle,
        }
    }
    Some(good)
}
