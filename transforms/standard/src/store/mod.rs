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
mod value;

use onepath_definition::{Aggregate, Answer, Checked, Keep, NodeIndex, Span, Store, ValueType};
use onepath_sdk::batch::{Float64Lists, Rows, Texts, Values};
use onepath_sdk::dynamic::asked_at;
use onepath_sdk::state::StateError;
use onepath_sdk::time::{AsOf, EventTime, Length};

use self::aggregate::{Lifetime, Newest};
use self::any::Which;
use self::few::Few;
use self::sessions::OfSessions;
use self::tiles::Tiled;
use self::value::{Item, Items};
use crate::column::{TextCells, Writer};
use crate::expression::Evaluated;
use crate::input::Failures;
use crate::selection::{Seen, Selections};
use crate::state::{Given, Written};

/// One store of one entity.
trait Kept: Sized {
    /// What is kept of an event.
    type Item<'a>: Copy;
    /// What the definition says of it: lengths, mostly.
    type Shape;

    /// What is kept before the first event.
    fn empty(shape: &Self::Shape) -> Self;

    /// Goes back to [`empty`](Self::empty); one that takes room keeps it for the next entity.
    fn clear(&mut self, shape: &Self::Shape) {
        *self = Self::empty(shape);
    }

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
    /// Each with its read.
    pub(crate) answers: Vec<(usize, Answer)>,
}

/// What questions read of one store.
pub(crate) struct Plan {
    pub(crate) parts: Vec<Part>,
}

/// What questions read, store by store, and the type of each read. A part that several reads see is looked for once.
pub(crate) fn plans(checked: &Checked) -> (Vec<Plan>, Vec<ValueType>) {
    let definition = checked.definition();
    let mut plans: Vec<Plan> = definition.stores.iter().map(|_| Plan { parts: Vec::new() }).collect();
    let mut types = Vec::with_capacity(definition.reads.len());
    for (at, read) in definition.reads.iter().enumerate() {
        let value_type = |node| checked.event_types().get(node as usize).copied();
        let answered = definition.stores[read.store as usize].answer_type(read.span, read.answer, value_type);
        types.push(answered.expect("a checked definition reads what its stores have").0);
        let parts = &mut plans[read.store as usize].parts;
        match parts.iter_mut().find(|part| part.span == read.span) {
            Some(part) => part.answers.push((at, read.answer)),
            None => parts.push(Part { span: read.span, answers: vec![(at, read.answer)] }),
        }
    }
    (plans, types)
}

/// One store in one call.
pub(crate) struct Job<'a> {
    pub(crate) rows: &'a Rows,
    pub(crate) given: &'a Given<'a>,
    /// Its place.
    pub(crate) at: usize,
    pub(crate) store: &'a Store,
    pub(crate) plan: &'a Plan,
    /// The nodes of the events; none where there are no events.
    pub(crate) events: Option<&'a Evaluated<'a>>,
    pub(crate) event_types: &'a [ValueType],
}

/// What a call is made of, beside its stores.
pub(crate) struct Progress<'a> {
    pub(crate) selections: Selections<'a>,
    /// The columns of all reads.
    pub(crate) columns: Vec<Writer>,
    pub(crate) failures: Failures,
}

/// Takes one store over all rows; gives its states if they are wanted.
pub(crate) fn run(job: &Job<'_>, progress: &mut Progress<'_>) -> Option<Written> {
    let value_type = job.store.value.map(|node| job.event_types[node as usize]);
    let values = job.store.value.map(|node| job.values(node));
    let length = Length::from_micros;
    match &job.store.keep {
        Keep::Events { length: kept } => events::run(job, value_type, values, length(*kept), progress),
        Keep::Latest { count } => few::run(job, Few::Latest(*count), value_type, values, progress),
        Keep::Earliest { count } => few::run(job, Few::Earliest(*count), value_type, values, progress),
        Keep::Values { length: kept } => few::run_values(job, length(*kept), value_type, values, progress),
        Keep::Keys { length: kept } => few::run_keys(job, length(*kept), value_type, values, progress),
        Keep::Row { values, tie_break } => row::run(job, values, *tie_break, progress),
        Keep::Lifetime(Aggregate::Last) if value_type.is_none() => job.each::<Newest>(&(), |_| (), progress),
        Keep::Lifetime(kind) => {
            job.aggregates::<Lifetime>(&Which { kind: *kind, value_type }, value_type, values, progress)
        }
        Keep::Hops { aggregate, length: kept, hop } => {
            let which = Which { kind: *aggregate, value_type };
            let shape = tiles::Shape { which, kept: Some(length(*kept)), tile: length(*hop) };
            job.aggregates::<Tiled>(&shape, value_type, values, progress)
        }
        Keep::Tumbling { aggregate, length: tile } => {
            let which = Which { kind: *aggregate, value_type };
            let shape = tiles::Shape { which, kept: None, tile: length(*tile) };
            job.aggregates::<Tiled>(&shape, value_type, values, progress)
        }
        Keep::Sessions { aggregate, rule, length: kept } => {
            let which = Which { kind: *aggregate, value_type };
            let shape = sessions::Shape::new(which, *rule, length(*kept));
            job.aggregates::<OfSessions>(&shape, value_type, values, progress)
        }
    }
}

static NO_BOOLEANS: Values = Values::Booleans(Vec::new());
static NO_INTEGERS: Values = Values::Int64s(Vec::new());
static NO_FLOATS: Values = Values::Float64s(Vec::new());
static NO_TEXTS: Values = Values::Texts(Texts { ends: Vec::new(), bytes: Vec::new() });
static NO_LISTS: Values = Values::Float64Lists(Float64Lists { ends: Vec::new(), values: Vec::new() });

impl Job<'_> {
    /// The values of a node of the events.
    fn values(&self, node: NodeIndex) -> &Values {
        match (self.events, self.event_types[node as usize]) {
            (Some(events), _) => &events.cells(node).values,
            (None, ValueType::Boolean) => &NO_BOOLEANS,
            (None, ValueType::Int64 | ValueType::Time) => &NO_INTEGERS,
            (None, ValueType::Float64) => &NO_FLOATS,
            (None, ValueType::Text) => &NO_TEXTS,
            (None, ValueType::Float64List) => &NO_LISTS,
        }
    }

    /// A store of aggregates.
    fn aggregates<S: for<'i> Kept<Item<'i> = Item<'i>>>(
        &self,
        shape: &S::Shape,
        value_type: Option<ValueType>,
        values: Option<&Values>,
        progress: &mut Progress<'_>,
    ) -> Option<Written> {
        let items = Items::new(value_type, values);
        self.each::<S>(shape, |event| items.get(event), progress)
    }

    /// The loop over the events of which the filter is true and the value is not null, and over the questions.
    fn each<'v, S: Kept>(
        &self,
        shape: &S::Shape,
        item: impl Fn(usize) -> S::Item<'v>,
        progress: &mut Progress<'_>,
    ) -> Option<Written> {
        let selected = progress.selections.of(self.store.filter, self.store.value, &mut progress.failures);
        self.each_of::<S>(&selected, shape, item, progress)
    }

    /// The loop over some rows, in order. Where the rows of a call come group after group, as in a replay, one state serves them all.
    fn each_of<'v, S: Kept>(
        &self,
        selected: &[Seen],
        shape: &S::Shape,
        item: impl Fn(usize) -> S::Item<'v>,
        progress: &mut Progress<'_>,
    ) -> Option<Written> {
        let Progress { columns, failures, selections } = progress;
        let (times, of) = (self.rows.times.as_slice(), self.rows.groups.as_slice());
        let groups = self.given.groups();
        let in_order = selections.is_by_group();
        let mut written = Written::with_capacity(if self.rows.want_states { groups } else { 0 });
        let mut states: Vec<Group<S>> = Vec::new();
        states.resize_with(if in_order { 1 } else { groups }, || Group { state: None, changed: false });
        // Every question is among the rows, so the place of an event among events is told by how many questions went before.
        let mut questions = 0;
        let mut left = selected;
        while let [first, others @ ..] = left {
            let at = of[first.row()] as usize;
            let others = others.iter().take_while(|seen| of[seen.row()] as usize == at);
            let (run, rest) = left.split_at(1 + others.count());
            left = rest;
            let group = &mut states[if in_order { 0 } else { at }];
            let bytes = self.given.part(at, self.at);
            let state = match &mut group.state {
                Some(state) if !in_order => state,
                Some(state) if bytes.is_empty() => {
                    state.clear(shape);
                    state
                }
                state => state.insert(decode(bytes, shape, at, first.row(), failures)),
            };
            let mut changed = false;
            for seen in run {
                let time = times[seen.row()];
                if seen.is_question() {
                    questions += 1;
                    let as_of = asked_at(time);
                    self.plan.parts.iter().for_each(|part| state.read(as_of, part, shape, columns));
                } else {
                    changed = true;
                    state.push(EventTime(time), item(seen.row() - questions), shape);
                }
            }
            group.changed |= changed;
            if in_order && self.rows.want_states {
                written.skip_to(at);
                group.write(&mut written, shape);
                group.changed = false;
            }
        }
        if !in_order && self.rows.want_states {
            states.iter().for_each(|group| group.write(&mut written, shape));
        }
        written.skip_to(groups);
        self.rows.want_states.then_some(written)
    }
}

fn decode<S: Kept>(mut bytes: &[u8], shape: &S::Shape, group: usize, row: usize, failures: &mut Failures) -> S {
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

struct Group<S> {
    state: Option<S>,
    changed: bool,
}

impl<S: Kept> Group<S> {
    fn write(&self, written: &mut Written, shape: &S::Shape) {
        if let Some(state) = self.state.as_ref().filter(|_| self.changed) {
            state.encode(&mut written.bytes, shape);
        }
        written.ends.push((written.bytes.len(), self.changed));
    }
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
