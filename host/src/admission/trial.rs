//! What a component writes in its trial calls, for its author to read: each line with the law, the case and the row.
//!
//! A trial call is made as the law wants it, so what is written in a call of many rows has no row. Where there is something, the
//! rows are processed once more, one by one, on an instance that does nothing else, and that is what is told.

use std::cell::{Cell, RefCell};

use serde::{Deserialize, Serialize};

use crate::batch::{Answers, Rows, Singles, kind_name};
use crate::time::format_time;
use crate::wasm::{CallError, Written};

/// Lines that are told of one check.
const LINES_MAX: u64 = 100;
/// Rows of a call that are looked at one by one.
const ROWS_MAX: usize = 1_000;

/// What a component writes in its trial calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrialOutput {
    /// A line, with the law, the case, the entity's number in it and the time of the row:
    /// `law split, case 3, entity 1 event 2024-02-29T12:00:00Z | amount = 12.5`.
    Line(String),
    /// The last one: so many lines more were written, and are not told.
    More(u64),
}

/// Processes one row on an instance that does nothing else.
pub(super) type ProcessRow<'a> = dyn FnMut(&Rows, &mut Written) -> Result<Answers, CallError> + 'a;

/// The trial calls of one component.
pub(super) struct Trials<'a> {
    tell: &'a dyn Fn(&TrialOutput),
    /// The law and the case.
    what: RefCell<String>,
    /// Which entities of the case the groups of the next call are; without them they are those of the call.
    entities: RefCell<Vec<u32>>,
    told: Cell<u64>,
    more: Cell<u64>,
}

impl<'a> Trials<'a> {
    pub(super) fn new(tell: &'a dyn Fn(&TrialOutput)) -> Self {
        let (what, entities) = (RefCell::default(), RefCell::default());
        Self { tell, what, entities, told: Cell::new(0), more: Cell::new(0) }
    }

    /// What calls are made for from now on.
    pub(super) fn about(&self, what: &str) {
        what.clone_into(&mut self.what.borrow_mut());
    }

    /// Which entities of the case the groups of the next call are.
    pub(super) fn entities(&self, entities: &[u32]) {
        entities.clone_into(&mut self.entities.borrow_mut());
    }

    /// Tells what a call of some rows wrote.
    pub(super) fn wrote(&self, rows: &Rows, written: &Written, process: &mut ProcessRow<'_>) {
        let (entities, lines) = (self.entities.take(), written.lines());
        if lines.is_empty() {
            return;
        }
        let is_full = self.told.get() >= LINES_MAX;
        if is_full || rows.len() == 1 {
            return self.tell(&lines, || place(rows, 0, &entities));
        }
        if rows.len() > ROWS_MAX || !self.row_by_row(rows, &entities, process) {
            let rows = super::shapes::rows_of_entities(rows.len(), rows.states.len());
            self.tell(&lines, || format!("a call of {rows}"));
        }
    }

    /// Tells how much was not told.
    pub(super) fn end(&self) {
        if self.more.get() > 0 {
            (self.tell)(&TrialOutput::More(self.more.get()));
        }
    }

    /// Tells what each row writes; false where none writes anything.
    fn row_by_row(&self, rows: &Rows, entities: &[u32], process: &mut ProcessRow<'_>) -> bool {
        let (mut singles, mut any) = (Singles::new(rows), false);
        for row in 0..rows.len() {
            let mut written = Written::default();
            let answered = process(&singles.row(row, true), &mut written);
            let lines = written.lines();
            any |= !lines.is_empty();
            self.tell(&lines, || place(rows, row, entities));
            match answered {
                Ok(answers) => singles.carry(row, &answers),
                Err(_) => break,
            }
        }
        any
    }

    fn tell(&self, lines: &[String], place: impl Fn() -> String) {
        let left = (LINES_MAX - self.told.get()) as usize;
        for line in lines.iter().take(left) {
            let told = format!("{}, {} | {line}", self.what.borrow(), place());
            (self.tell)(&TrialOutput::Line(told));
        }
        let told = lines.len().min(left);
        self.told.set(self.told.get() + told as u64);
        self.more.set(self.more.get() + (lines.len() - told) as u64);
    }
}

/// A row in words. Entities are counted from 1, as in a report.
fn place(rows: &Rows, row: usize, entities: &[u32]) -> String {
    let group = rows.groups[row];
    let entity = entities.get(group as usize).unwrap_or(&group) + 1;
    format!("entity {entity} {} {}", kind_name(rows.kinds[row]), format_time(rows.times[row]))
}
