//! Which rows of a call a store looks at: the events that it keeps, and the questions.
//!
//! A list of rows, so that the loop of a store has no branch that nobody can foresee. Stores of one filter share it.

use std::borrow::Cow;
use std::rc::Rc;

use onepath_definition::NodeIndex;
use onepath_sdk::batch::{EVENT, QUESTION, Rows, Values};

use crate::expression::{Evaluated, FAILED, VALUE};
use crate::input::{Failures, row_of};

/// A row that a store looks at: its place in the call, and whether it is a question. Of every list all questions are part.
#[derive(Clone, Copy, Default)]
pub(crate) struct Seen(u32);

/// Set of a question. A memory of 32 bits has no room for as many rows.
const ASKED: u32 = 1 << 31;

impl Seen {
    #[inline(always)]
    fn new(row: u32, kind: u8) -> Self {
        Seen(row | (u32::from(kind & 1) << 31))
    }

    #[inline(always)]
    pub(crate) fn row(self) -> usize {
        (self.0 & !ASKED) as usize
    }

    #[inline(always)]
    pub(crate) fn is_question(self) -> bool {
        self.0 & ASKED != 0
    }
}

/// The rows of a call.
pub(crate) struct Selections<'a> {
    rows: &'a Rows,
    /// The nodes of its events; none where there are no events.
    events: Option<&'a Evaluated<'a>>,
    questions: usize,
    by_group: bool,
    all: Option<Rc<[Seen]>>,
    /// By filter, and by value where some event has none.
    known: Vec<(Key, Rc<[Seen]>)>,
}

type Key = (Option<NodeIndex>, Option<NodeIndex>);

impl<'a> Selections<'a> {
    pub(crate) fn new(rows: &'a Rows, events: Option<&'a Evaluated<'a>>, questions: usize) -> Self {
        let by_group = rows.groups.is_sorted();
        Selections { rows, events, questions, by_group, all: None, known: Vec::new() }
    }

    /// Whether the rows come group after group, in the order of the groups.
    pub(crate) fn is_by_group(&self) -> bool {
        self.by_group
    }

    /// All rows.
    fn all(&mut self) -> Rc<[Seen]> {
        let kinds = &self.rows.kinds;
        let all = || (0..).zip(kinds).map(|(row, &kind)| Seen::new(row, kind)).collect();
        Rc::clone(self.all.get_or_insert_with(all))
    }

    /// The events for which a filter is true and that have a value, and all questions. What fails is noted and left out: a filter always,
    /// a value where the filter lets it pass.
    pub(crate) fn of(
        &mut self,
        filter: Option<NodeIndex>,
        value: Option<NodeIndex>,
        failures: &mut Failures,
    ) -> Rc<[Seen]> {
        let Some(events) = self.events else { return self.all() };
        let value = value.filter(|&node| events.cells(node).marks.is_some());
        if filter.is_none() && value.is_none() {
            return self.all();
        }
        if let Some((_, known)) = self.known.iter().find(|(key, _)| *key == (filter, value)) {
            return Rc::clone(known);
        }
        let kept = self.passed(events, filter, value, |mark| mark == VALUE, failures);
        let rows = self.listed(&kept);
        self.known.push(((filter, value), Rc::clone(&rows)));
        rows
    }

    /// As [`of`](Self::of), where nulls are kept: only events of which one of these nodes fails are left out.
    pub(crate) fn of_rows(
        &mut self,
        filter: Option<NodeIndex>,
        nodes: impl Iterator<Item = NodeIndex>,
        failures: &mut Failures,
    ) -> Rc<[Seen]> {
        let Some(events) = self.events else { return self.all() };
        let kept = self.passed(events, filter, nodes, |mark| mark != FAILED, failures);
        self.listed(&kept)
    }

    /// Per event, whether the filter is true and its nodes have marks with which it stays.
    fn passed<'e>(
        &self,
        events: &'e Evaluated<'_>,
        filter: Option<NodeIndex>,
        nodes: impl IntoIterator<Item = NodeIndex>,
        stays: impl Fn(u8) -> bool,
        failures: &mut Failures,
    ) -> Cow<'e, [u8]> {
        let mut kept: Cow<'e, [u8]> = match filter.map(|node| (node, events.cells(node))) {
            Some((node, cells)) => {
                let Values::Booleans(values) = &*cells.values else { unreachable!("a filter is a boolean") };
                let mut kept = Cow::Borrowed(values.as_slice());
                if let Some(marks) = cells.marks.as_deref() {
                    for (event, (kept, &mark)) in kept.to_mut().iter_mut().zip(marks).enumerate() {
                        if mark == FAILED {
                            failures.note(row_of(self.rows, EVENT, event), || events.failure(node, event));
                        }
                        *kept &= u8::from(mark == VALUE);
                    }
                }
                kept
            }
            None => {
                let events = self.rows.kinds.iter().filter(|&&kind| kind == EVENT).count();
                Cow::Owned(vec![1; events])
            }
        };
        for node in nodes {
            let Some(marks) = events.cells(node).marks.as_deref() else { continue };
            for (event, (kept, &mark)) in kept.to_mut().iter_mut().zip(marks).enumerate() {
                if mark == FAILED && *kept != 0 {
                    failures.note(row_of(self.rows, EVENT, event), || events.failure(node, event));
                }
                *kept &= u8::from(stays(mark));
            }
        }
        kept
    }

    /// The rows of events that are kept, and of questions.
    fn listed(&self, kept: &[u8]) -> Rc<[Seen]> {
        let mut listed = vec![Seen::default(); self.rows.kinds.len()];
        let mut count = 0_usize;
        if self.questions == 0 {
            for (row, &kept) in (0..).zip(kept) {
                listed[count] = Seen::new(row, EVENT);
                count = count.wrapping_add(usize::from(kept & 1));
            }
        } else {
            let mut event = 0_usize;
            for (row, &kind) in (0..).zip(&self.rows.kinds) {
                // After the last event there are only questions.
                let is_kept = kept.get(event).copied().unwrap_or_default() & 1;
                listed[count] = Seen::new(row, kind);
                count = count.wrapping_add(usize::from(is_kept | kind));
                event = event.wrapping_add(usize::from(kind ^ QUESTION));
            }
        }
        Rc::from(&listed[..count])
    }
}
