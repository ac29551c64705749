//! Which rows of a call a store looks at: the events that it keeps, and the questions.
//!
//! A list of rows, so that the loop of a store has no branch that nobody can foresee. Stores of one filter share it.

use std::borrow::Cow;
use std::rc::Rc;

use onepath_definition::NodeIndex;
use onepath_sdk::batch::{EVENT, QUESTION, Rows, Values};

use crate::expression::{Evaluated, FAILED, VALUE};
use crate::input::{Failures, row_of};

/// The rows of a call.
pub(crate) struct Selections<'a> {
    rows: &'a Rows,
    /// The nodes of its events; none where there are no events.
    events: Option<&'a Evaluated<'a>>,
    /// Per row, which event or which question it is. None where there are only events or only questions: it is the row itself.
    places: Option<Vec<u32>>,
    all: Option<Rc<[u32]>>,
    /// By filter, and by value where some event has none.
    known: Vec<(Key, Rc<[u32]>)>,
}

type Key = (Option<NodeIndex>, Option<NodeIndex>);

impl<'a> Selections<'a> {
    pub(crate) fn new(rows: &'a Rows, events: Option<&'a Evaluated<'a>>, questions: usize) -> Self {
        let count = rows.kinds.len();
        let places = (questions > 0 && questions < count).then(|| {
            let (mut places, mut asked) = (Vec::with_capacity(count), 0);
            for (row, &kind) in rows.kinds.iter().enumerate() {
                places.push(if kind == QUESTION { asked } else { row as u32 - asked });
                asked += u32::from(kind == QUESTION);
            }
            places
        });
        Selections { rows, events, places, all: None, known: Vec::new() }
    }

    /// All rows.
    fn all(&mut self) -> Rc<[u32]> {
        let count = self.rows.kinds.len() as u32;
        Rc::clone(self.all.get_or_insert_with(|| (0..count).collect()))
    }

    /// Which event or which question a row is.
    #[inline]
    pub(crate) fn place(&self, row: usize) -> usize {
        self.places.as_ref().map_or(row, |places| places[row] as usize)
    }

    /// The events for which a filter is true and that have a value, and all questions. What fails is noted and left out: a filter always,
    /// a value where the filter lets it pass.
    pub(crate) fn of(
        &mut self,
        filter: Option<NodeIndex>,
        value: Option<NodeIndex>,
        failures: &mut Failures,
    ) -> Rc<[u32]> {
        let Some(events) = self.events else { return self.all() };
        let value = value.filter(|&node| events.cells(node).marks.is_some());
        if filter.is_none() && value.is_none() {
            return self.all();
        }
        if let Some((_, known)) = self.known.iter().find(|(key, _)| *key == (filter, value)) {
            return Rc::clone(known);
        }
        let kept = self.passed(events, filter, value, |mark| mark == VALUE, failures);
        let rows: Rc<[u32]> = self.listed(&kept).into();
        self.known.push(((filter, value), Rc::clone(&rows)));
        rows
    }

    /// As [`of`](Self::of), where nulls are kept: only events of which one of these nodes fails are left out.
    pub(crate) fn of_rows(
        &mut self,
        filter: Option<NodeIndex>,
        nodes: impl Iterator<Item = NodeIndex>,
        failures: &mut Failures,
    ) -> Rc<[u32]> {
        let Some(events) = self.events else { return self.all() };
        let kept = self.passed(events, filter, nodes, |mark| mark != FAILED, failures);
        self.listed(&kept).into()
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
    fn listed(&self, kept: &[u8]) -> Vec<u32> {
        let mut listed = vec![0; self.rows.kinds.len()];
        let mut count = 0_usize;
        match &self.places {
            None => {
                for (row, &kept) in kept.iter().enumerate() {
                    listed[count] = row as u32;
                    count = count.wrapping_add(usize::from(kept & 1));
                }
            }
            Some(_) => {
                let mut event = 0_usize;
                for (row, &kind) in self.rows.kinds.iter().enumerate() {
                    // After the last event there are only questions.
                    let is_kept = kept.get(event).copied().unwrap_or_default() & 1;
                    listed[count] = row as u32;
                    count = count.wrapping_add(usize::from(is_kept | kind));
                    event = event.wrapping_add(usize::from(kind ^ QUESTION));
                }
            }
        }
        listed.truncate(count);
        listed
    }
}
