//! What is kept of the events of an entity, and read of it.
//!
//! [`run`] takes one store over all rows of a call. Its loop has the type of the store: what a row does is neither looked up nor
//! allocated for.

mod aggregate;
mod any;
mod events;
mod few;
mod row;
mod sessions;
mod texts;
mod tiles;

use onepath_definition::{Answer, Checked, Keep, Span, Store, ValueType};
use onepath_sdk::batch::{EVENT, Rows, Values};
use onepath_sdk::state::StateError;
use onepath_sdk::time::{AsOf, EventTime, Length};

use self::aggregate::Lifetime;
use self::any::{Item, Items, Which};
use self::few::Few;
use self::sessions::OfSessions;
use self::tiles::Tiled;
use crate::column::{TextCells, Writer};
use crate::expression::{Evaluated, FAILED, VALUE};
use crate::input::{Failures, row_of};
use crate::state::{Given, Written};

/// One store of one entity.
trait Kept: Sized {
    /// What is kept of an event.
    type Item<'a>: Copy;
    /// What the definition says of it: lengths, mostly.
    type Shape;

    /// What is kept before the first event.
    fn empty(shape: &Self::Shape) -> Self;

    /// Takes what is kept from its bytes.
    fn decode(bytes: &mut &[u8], shape: &Self::Shape) -> Result<Self, StateError>;

    /// Appends its bytes: none where nothing is kept.
    fn encode(&self, bytes: &mut Vec<u8>, shape: &Self::Shape);

    /// Adds an event.
    fn push(&mut self, at: EventTime, item: Self::Item<'_>, shape: &Self::Shape);

    /// Appends what a question wants of one part to the columns of its reads.
    fn read(&self, as_of: AsOf, part: &Part, shape: &Self::Shape, columns: &mut [Writer]);
}

/// A part of a store that questions see, and what they want of it.
pub(crate) struct Part {
    pub(crate) span: Span,
    /// Each with the place of its column among those of the store.
    pub(crate) answers: Vec<(usize, Answer)>,
}

/// What questions read of one store.
pub(crate) struct Plan {
    pub(crate) parts: Vec<Part>,
    /// The reads, in the order of the columns, with their types.
    pub(crate) reads: Vec<(usize, ValueType)>,
}

/// What questions read, store by store: a part that several reads see is looked for once.
pub(crate) fn plans(checked: &Checked) -> Vec<Plan> {
    let definition = checked.definition();
    let mut plans: Vec<Plan> =
        definition.stores.iter().map(|_| Plan { parts: Vec::new(), reads: Vec::new() }).collect();
    for (at, read) in definition.reads.iter().enumerate() {
        let value_type = |node| checked.event_types().get(node as usize).copied();
        let store = &definition.stores[read.store as usize];
        // A checked definition has no other reads.
        let Some((value_type, _)) = store.answer_type(read.span, read.answer, value_type) else { continue };
        let plan = &mut plans[read.store as usize];
        let answer = (plan.reads.len(), read.answer);
        plan.reads.push((at, value_type));
        match plan.parts.iter_mut().find(|part| part.span == read.span) {
            Some(part) => part.answers.push(answer),
            None => plan.parts.push(Part { span: read.span, answers: vec![answer] }),
        }
    }
    plans
}

/// One store in one call.
pub(crate) struct Job<'a> {
    pub(crate) rows: &'a Rows,
    pub(crate) given: &'a Given<'a>,
    /// Its place.
    pub(crate) at: usize,
    pub(crate) store: &'a Store,
    pub(crate) plan: &'a Plan,
    pub(crate) events: &'a Evaluated<'a>,
    pub(crate) event_types: &'a [ValueType],
    pub(crate) questions: usize,
}

/// The columns of the reads of a store, and its states if they are wanted.
pub(crate) struct Ran {
    pub(crate) columns: Vec<Writer>,
    pub(crate) written: Option<Written>,
}

/// Takes one store over all rows.
pub(crate) fn run(job: &Job<'_>, failures: &mut Failures) -> Ran {
    let value_type = job.store.value.map(|node| job.event_types[node as usize]);
    let values = job.store.value.map(|node| &*job.events.cells(node).values);
    let length = Length::from_micros;
    match &job.store.keep {
        Keep::Events { length: kept } => events::run(job, value_type, values, length(*kept), failures),
        Keep::Latest { count } => few::run(job, Few::Latest(*count), value_type, values, failures),
        Keep::Earliest { count } => few::run(job, Few::Earliest(*count), value_type, values, failures),
        Keep::Values { length: kept } => few::run_values(job, length(*kept), value_type, values, failures),
        Keep::Keys { length: kept } => few::run_keys(job, length(*kept), value_type, values, failures),
        Keep::Row { values, tie_break } => row::run(job, values, *tie_break, failures),
        Keep::Lifetime(kind) => {
            job.aggregates::<Lifetime>(&Which { kind: *kind, value_type }, value_type, values, failures)
        }
        Keep::Hops { aggregate, length: kept, hop } => {
            let which = Which { kind: *aggregate, value_type };
            let shape = tiles::Shape { which, kept: Some(length(*kept)), tile: length(*hop) };
            job.aggregates::<Tiled>(&shape, value_type, values, failures)
        }
        Keep::Tumbling { aggregate, length: tile } => {
            let which = Which { kind: *aggregate, value_type };
            let shape = tiles::Shape { which, kept: None, tile: length(*tile) };
            job.aggregates::<Tiled>(&shape, value_type, values, failures)
        }
        Keep::Sessions { aggregate, rule, length: kept } => {
            let which = Which { kind: *aggregate, value_type };
            let shape = sessions::Shape::new(which, *rule, length(*kept));
            job.aggregates::<OfSessions>(&shape, value_type, values, failures)
        }
    }
}

impl Job<'_> {
    /// A store of aggregates.
    fn aggregates<S: for<'i> Kept<Item<'i> = Item<'i>>>(
        &self,
        shape: &S::Shape,
        value_type: Option<ValueType>,
        values: Option<&Values>,
        failures: &mut Failures,
    ) -> Ran {
        let kept = self.kept(failures);
        let items = Items::new(value_type, values);
        self.each::<S>(shape, |event| items.get(event), kept.as_deref(), failures)
    }
}

impl Job<'_> {
    /// Which events are kept; `None` where all are. Those that fail are noted, and are not kept.
    fn kept(&self, failures: &mut Failures) -> Option<Vec<bool>> {
        let events = self.rows.kinds.len() - self.questions;
        let filter = self.store.filter.map(|node| (node, self.events.cells(node)));
        let value = self.store.value.map(|node| (node, self.events.cells(node).marks.as_deref()));
        if filter.is_none() && value.is_none_or(|(_, marks)| marks.is_none()) {
            return None;
        }
        let mut kept = vec![true; events];
        if let Some((node, cells)) = filter {
            let Values::Booleans(values) = &*cells.values else { unreachable!("a filter is a boolean") };
            for (kept, value) in kept.iter_mut().zip(values) {
                *kept = *value != 0;
            }
            if let Some(marks) = cells.marks.as_deref() {
                self.leave_out(&mut kept, node, marks, true, failures);
            }
        }
        if let Some((node, Some(marks))) = value {
            self.leave_out(&mut kept, node, marks, false, failures);
        }
        Some(kept)
    }

    /// Leaves out what has no value. What fails counts if it is looked at: a filter always is, a value where the filter lets it pass.
    fn leave_out(&self, kept: &mut [bool], node: u32, marks: &[u8], always: bool, failures: &mut Failures) {
        for (event, (kept, &mark)) in kept.iter_mut().zip(marks).enumerate() {
            if mark == FAILED && (*kept || always) {
                failures.note(row_of(self.rows, EVENT, event), || self.events.failure(node, event));
            }
            *kept &= mark == VALUE;
        }
    }

    /// The loop: every event that is kept, and every question, in order.
    fn each<'v, S: Kept>(
        &self,
        shape: &S::Shape,
        item: impl Fn(usize) -> S::Item<'v>,
        kept: Option<&[bool]>,
        failures: &mut Failures,
    ) -> Ran {
        let mut groups: Vec<Group<S>> = Vec::new();
        groups.resize_with(self.given.groups(), || Group { state: None, changed: false });
        let mut columns: Vec<Writer> =
            self.plan.reads.iter().map(|&(_, value_type)| Writer::new(value_type, self.questions)).collect();
        let Rows { times, groups: of_rows, kinds, .. } = self.rows;
        let mut event = 0;
        for (row, ((&time, &group), &kind)) in times.iter().zip(of_rows).zip(kinds).enumerate() {
            if kind == EVENT {
                let at = event;
                event += 1;
                if kept.is_none_or(|kept| kept[at]) {
                    let group = self.group(&mut groups, group as usize, row, shape, failures);
                    group.changed = true;
                    if let Some(state) = &mut group.state {
                        state.push(EventTime(time), item(at), shape);
                    }
                }
            } else if !self.plan.parts.is_empty() {
                let group = self.group(&mut groups, group as usize, row, shape, failures);
                let as_of = onepath_sdk::dynamic::asked_at(time);
                if let Some(state) = &group.state {
                    self.plan.parts.iter().for_each(|part| state.read(as_of, part, shape, &mut columns));
                }
            }
        }
        Ran { columns, written: self.rows.want_states.then(|| write(&groups, shape)) }
    }

    /// The state of a group, which is decoded when it is first looked at.
    #[inline]
    fn group<'g, S: Kept>(
        &self,
        groups: &'g mut [Group<S>],
        at: usize,
        row: usize,
        shape: &S::Shape,
        failures: &mut Failures,
    ) -> &'g mut Group<S> {
        let group = &mut groups[at];
        if group.state.is_none() {
            group.state = Some(self.decode(at, row, shape, failures));
        }
        group
    }

    fn decode<S: Kept>(&self, group: usize, row: usize, shape: &S::Shape, failures: &mut Failures) -> S {
        let mut bytes = self.given.part(group, self.at);
        if bytes.is_empty() {
            return S::empty(shape);
        }
        let decoded = S::decode(&mut bytes, shape).and_then(|state| match bytes.len() {
            0 => Ok(state),
            left => Err(StateError::new(format!("{left} bytes follow the end of the state"))),
        });
        decoded.unwrap_or_else(|error| {
            failures.note(row, || format!("the state of group {group}: {error}"));
            S::empty(shape)
        })
    }
}

struct Group<S> {
    state: Option<S>,
    changed: bool,
}

fn write<S: Kept>(groups: &[Group<S>], shape: &S::Shape) -> Written {
    let mut written = Written { bytes: Vec::new(), ends: Vec::with_capacity(groups.len()) };
    for group in groups {
        if let Some(state) = group.state.as_ref().filter(|_| group.changed) {
            state.encode(&mut written.bytes, shape);
        }
        written.ends.push((written.bytes.len(), group.changed));
    }
    written
}

/// The whole units in the time from an event to a question.
pub(crate) fn units(as_of: AsOf, at: EventTime, unit: i64) -> i64 {
    as_of.since(at).micros().div_euclid(unit)
}

fn floats(values: Option<&Values>) -> &[f64] {
    let Some(Values::Float64s(values)) = values else { unreachable!("the value is a float64") };
    values
}

fn integers(values: Option<&Values>) -> &[i64] {
    let Some(Values::Int64s(values) | Values::Times(values)) = values else { unreachable!("the value is an int64") };
    values
}

fn booleans(values: Option<&Values>) -> &[u8] {
    let Some(Values::Booleans(values)) = values else { unreachable!("the value is a boolean") };
    values
}

fn texts(values: Option<&Values>) -> TextCells<'_> {
    let Some(Values::Texts(texts)) = values else { unreachable!("the value is a text") };
    TextCells::new(texts)
}
