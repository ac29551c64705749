//! A whole transform as two plain functions, as the component exports them.
//!
//! The component's exports call exactly these. Called natively they serve tests and benchmarks; features that are served
//! or trained on always come from the component.

use crate::batch::{Column, Description, EVENT, Failure, Output, QUESTION, Rows, States};
use crate::proof;
use crate::row::{Row, Table};
use crate::state::decode_all;
use crate::time::{EventTime, asked_at};
use crate::transform::Transform;
use crate::value::{check_ends, end};

/// What the transform takes and gives.
pub fn describe<T: Transform>() -> Description {
    Description {
        parameters: <T::Parameters<'_> as Row>::FIELDS,
        event_fields: <T::Event<'_> as Row>::FIELDS,
        request_fields: <T::Request<'_> as Row>::FIELDS,
        input_features: <T::Inputs<'_> as Row>::FIELDS,
        output_features: <T::Features as Row>::FIELDS,
        state_version: T::STATE_VERSION,
        author_version: T::VERSION,
    }
}

/// Applies the events and answers the questions of one batch, in row order.
///
/// Whatever the arguments, it does not panic unless the author's code does: what does not fit together is a failure.
pub fn process<T: Transform>(parameters: &[Column], rows: &Rows) -> Result<Output, Failure> {
    let questions = check_rows(rows)?;
    let parameters = Table::<T::Parameters<'_>>::new("parameter", parameters, 1)?.read_parameters()?;
    let events = Table::<T::Event<'_>>::new("event field", &rows.event_fields, rows.kinds.len() - questions)?;
    let requests = Table::<T::Request<'_>>::new("request field", &rows.request_fields, questions)?;
    let inputs = Table::<T::Inputs<'_>>::new("input feature", &rows.input_features, questions)?;
    let mut groups = Groups::<T>::new(&rows.states)?;
    let mut features = <T::Features as Row>::writers(questions);
    let (mut event_index, mut question_index) = (0, 0);
    for (row, ((&time, &group), &kind)) in rows.times.iter().zip(&rows.groups).zip(&rows.kinds).enumerate() {
        let group = groups.get(group, row)?;
        if kind == EVENT {
            events.check(event_index, row)?;
            let event = events.read(event_index);
            group.changed = true;
            let updated = T::update(&mut group.state, &event, EventTime(time), &parameters);
            updated.map_err(|message| Failure::at(row, message))?;
            event_index += 1;
        } else {
            requests.check(question_index, row)?;
            inputs.check(question_index, row)?;
            let (request, inputs) = (requests.read(question_index), inputs.read(question_index));
            let answer = T::read(&group.state, &request, &inputs, &parameters, asked_at(time));
            answer.map_err(|message| Failure::at(row, message))?.write(&mut features);
            question_index += 1;
        }
    }
    Ok(Output {
        features: <T::Features as Row>::finish(features),
        states: rows.want_states.then(|| groups.into_states()),
    })
}

impl<'a, R: Row<'a>> Table<'a, R> {
    /// The one row of a table of parameters. A null there is no row's fault.
    fn read_parameters(&self) -> Result<R, Failure> {
        self.check(0, 0).map_err(|failure| Failure::new(failure.message))?;
        Ok(self.read(0))
    }
}

/// Processes a batch, and says where its aggregates break the law of merging: that parts which are merged are what one pass over the
/// same events gives. Of states that are given only the events of the batch are known, so give none.
pub fn merges<T: Transform>(parameters: &[Column], rows: &Rows) -> Result<Option<String>, Failure> {
    let (processed, found) = proof::with_witnesses(|| process::<T>(parameters, rows));
    processed.map(|_| found)
}

/// Checks that the batch fits together, and counts its questions.
fn check_rows(rows: &Rows) -> Result<usize, Failure> {
    let count = rows.times.len();
    if rows.groups.len() != count || rows.kinds.len() != count {
        let (groups, kinds) = (rows.groups.len(), rows.kinds.len());
        return Err(Failure::new(format!("the batch has {count} times, {groups} groups and {kinds} kinds")));
    }
    if let Some(row) = rows.kinds.iter().position(|&kind| kind > QUESTION) {
        return Err(Failure::at(row, format!("{} is neither an event nor a question", rows.kinds[row])));
    }
    Ok(rows.kinds.iter().map(|&kind| usize::from(kind)).sum())
}

/// The groups of a batch. A state is decoded when its group's first row comes, and encoded only if an event changed it.
struct Groups<'a, T> {
    given: &'a States,
    slots: Vec<Option<Group<T>>>,
}

struct Group<T> {
    state: T,
    changed: bool,
}

impl<'a, T: Transform> Groups<'a, T> {
    fn new(given: &'a States) -> Result<Self, Failure> {
        check_ends(&given.ends, given.bytes.len())
            .map_err(|problem| Failure::new(format!("the list of states {problem}")))?;
        Ok(Groups { given, slots: given.ends.iter().map(|_| None).collect() })
    }

    #[inline]
    fn get(&mut self, group: u32, row: usize) -> Result<&mut Group<T>, Failure> {
        match self.slots.get_mut(group as usize) {
            Some(Some(group)) => Ok(group),
            Some(slot) => Ok(slot.insert(decode_group(self.given, group as usize, row)?)),
            None => {
                let groups = self.given.ends.len();
                Err(Failure::at(row, format!("the row is of group {group}, but the batch has {groups} states")))
            }
        }
    }

    fn into_states(self) -> States {
        let mut states = States::default();
        states.ends.reserve_exact(self.slots.len());
        states.bytes.reserve(self.given.bytes.len());
        for (index, slot) in self.slots.into_iter().enumerate() {
            match slot {
                Some(Group { state, changed: true }) => state.encode(&mut states.bytes),
                // Without an event the bytes go back as they came, so that "no events" has one spelling: no bytes.
                _ => states.bytes.extend_from_slice(self.given.get(index).unwrap_or_default()),
            }
            states.ends.push(end(states.bytes.len()));
        }
        states
    }
}

fn decode_group<T: Transform>(given: &States, index: usize, row: usize) -> Result<Group<T>, Failure> {
    let state = match given.get(index).unwrap_or_default() {
        [] => T::default(),
        bytes => decode_all(bytes).map_err(|error| Failure::at(row, format!("the state of group {index}: {error}")))?,
    };
    Ok(Group { state, changed: false })
}

/// A transform, callable natively. `#[transform]` makes one named `TRANSFORM` beside the author's `impl`.
#[derive(Clone, Copy)]
pub struct Native {
    describe: fn() -> Description,
    process: fn(&[Column], &Rows) -> Result<Output, Failure>,
    merges: fn(&[Column], &Rows) -> Result<Option<String>, Failure>,
}

impl Native {
    /// The functions of one transform.
    pub const fn of<T: Transform>() -> Self {
        Native { describe: describe::<T>, process: process::<T>, merges: merges::<T> }
    }

    /// What the transform takes and gives: [`describe`].
    pub fn describe(&self) -> Description {
        (self.describe)()
    }

    /// Applies the events and answers the questions of one batch: [`process`].
    pub fn process(&self, parameters: &[Column], rows: &Rows) -> Result<Output, Failure> {
        (self.process)(parameters, rows)
    }

    /// Where its aggregates break the law of merging: [`merges`].
    pub fn merges(&self, parameters: &[Column], rows: &Rows) -> Result<Option<String>, Failure> {
        (self.merges)(parameters, rows)
    }
}
