//! The rows of one call and their answers.

use super::Column;

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// An event to apply; its time is the event time.
    Event = 0,
    /// A question to answer; its time is the as-of.
    Question = 1,
}

/// The states of the groups of a batch, one after the other. An empty state is that of an entity without events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct States {
    /// Per group, the offset just after the last byte of its state.
    pub ends: Vec<u32>,
    /// The bytes of all states.
    pub bytes: Vec<u8>,
}

impl States {
    /// How many groups.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no group.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The state of `group`.
    pub fn get(&self, group: usize) -> &[u8] {
        let start = if group == 0 { 0 } else { self.ends[group - 1] as usize };
        &self.bytes[start..self.ends[group] as usize]
    }

    /// Appends the state of the next group.
    pub fn push(&mut self, state: &[u8]) -> Result<(), super::ColumnError> {
        self.bytes.extend_from_slice(state);
        self.ends.push(u32::try_from(self.bytes.len()).map_err(|_| super::ColumnError::TooLarge)?);
        Ok(())
    }
}

/// A batch for one view: events to apply and questions to answer, in the order in which they happen within each group.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// Per row, microseconds: the event time of an event, the as-of of a question.
    pub times: Vec<i64>,
    /// Per row, an index into `states`.
    pub groups: Vec<u32>,
    /// Per row, a [`Kind`] as a byte.
    pub kinds: Vec<u8>,
    /// The event fields over the event rows only.
    pub event_fields: Vec<Column>,
    /// The request fields over the question rows only.
    pub request_fields: Vec<Column>,
    /// The input features over the question rows only.
    pub input_features: Vec<Column>,
    /// The state of each group before its first row.
    pub states: States,
    /// Whether the final states are wanted back.
    pub want_states: bool,
    /// Whether the states given back may exceed the limit of what is stored. Replay carries states from batch to batch, and
    /// where it cuts must not decide what it gives; the limit is on what a push may leave behind and a store may hold.
    pub unbounded_states: bool,
}

impl Rows {
    /// Appends a row; its fields are appended to the columns by the caller.
    pub fn push(&mut self, kind: Kind, group: u32, time: i64) {
        self.times.push(time);
        self.groups.push(group);
        self.kinds.push(kind as u8);
    }

    /// Appends rows of one kind and group.
    pub(crate) fn extend(&mut self, kind: Kind, group: u32, times: impl Iterator<Item = i64>) {
        self.times.extend(times);
        self.groups.resize(self.times.len(), group);
        self.kinds.resize(self.times.len(), kind as u8);
    }

    /// Removes all rows and their columns, and keeps the memory for new rows.
    pub(crate) fn clear(&mut self) {
        self.times.clear();
        self.groups.clear();
        self.kinds.clear();
        self.states.ends.clear();
        self.states.bytes.clear();
        self.event_fields.clear();
        self.request_fields.clear();
        self.input_features.clear();
    }

    /// The rows `from..to`, starting from `states` and giving states back.
    pub(crate) fn slice(&self, from: usize, to: usize, states: States) -> Self {
        let count = |kind: Kind, end: usize| self.kinds[..end].iter().filter(|k| **k == kind as u8).count() as u32;
        let part = |columns: &[Column], kind: Kind| -> Vec<Column> {
            let wanted: Vec<u32> = (count(kind, from)..count(kind, to)).collect();
            let taken = columns.iter().map(|column| column.take(&wanted));
            taken.map(|column| column.expect("a part of a column is no larger than the column")).collect()
        };
        Self {
            times: self.times[from..to].to_vec(),
            groups: self.groups[from..to].to_vec(),
            kinds: self.kinds[from..to].to_vec(),
            event_fields: part(&self.event_fields, Kind::Event),
            request_fields: part(&self.request_fields, Kind::Question),
            input_features: part(&self.input_features, Kind::Question),
            states,
            want_states: true,
            unbounded_states: self.unbounded_states,
        }
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.times.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// How many of the rows are questions.
    pub fn questions(&self) -> usize {
        self.kinds.iter().filter(|kind| **kind == Kind::Question as u8).count()
    }
}

/// The answers of a component to a batch.
#[derive(Clone, Debug, Default)]
pub struct Answers {
    /// One column per output feature over the question rows.
    pub features: Vec<Column>,
    /// The state of each group after its last row, if it was wanted.
    pub states: Option<States>,
}
