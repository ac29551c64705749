//! Which row of a batch a trap belongs to.
//!
//! A failure names its row; a trap does not. As a batch may be cut anywhere with the states carried over, the first row
//! that traps is found by halving.

use super::ViewProgram;
use crate::batch::{Column, Kind, Rows, States};
use crate::wasm::CallError;

/// The row at fault, where it can be told. Limits are not searched for: repeating a call that ran too long takes as long.
pub(super) fn row_at_fault(view: &ViewProgram, rows: &Rows, error: &CallError) -> Option<usize> {
    match error {
        CallError::Failure { row, .. } => row.map(|row| row as usize),
        _ if rows.len() == 1 => Some(0),
        CallError::Trap { .. } => first_trap(view, rows),
        _ => None,
    }
}

fn first_trap(view: &ViewProgram, rows: &Rows) -> Option<usize> {
    // Rows before `good` pass with `states`; the rows up to `bad` trap.
    let (mut good, mut bad) = (0, rows.len());
    let mut states = rows.states.clone();
    while bad - good > 1 {
        let middle = good + (bad - good) / 2;
        let part = slice(rows, good, middle, states.clone());
        match view.component().process(view.parameters(), &part) {
            Ok(answers) => (good, states) = (middle, answers.states?),
            Err(_) => bad = middle,
        }
    }
    Some(good)
}

/// The rows `from..to` of a batch, starting from `states` and giving states back.
fn slice(rows: &Rows, from: usize, to: usize, states: States) -> Rows {
    let count = |kind: Kind, end: usize| rows.kinds[..end].iter().filter(|k| **k == kind as u8).count() as u32;
    let part = |columns: &[Column], kind: Kind| -> Vec<Column> {
        let wanted: Vec<u32> = (count(kind, from)..count(kind, to)).collect();
        let taken = columns.iter().map(|column| column.take(&wanted));
        taken.map(|column| column.expect("a part of a column is no larger than the column")).collect()
    };
    Rows {
        times: rows.times[from..to].to_vec(),
        groups: rows.groups[from..to].to_vec(),
        kinds: rows.kinds[from..to].to_vec(),
        event_fields: part(&rows.event_fields, Kind::Event),
        request_fields: part(&rows.request_fields, Kind::Question),
        input_features: part(&rows.input_features, Kind::Question),
        states,
        want_states: true,
    }
}
