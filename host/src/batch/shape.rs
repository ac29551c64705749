//! The kinds of calls that a host makes, with their sizes: what callers build, and what the laws of admission try.

use super::{Kind, Rows};

/// Rows of a call of a backfill, unless `--batch-rows` says otherwise.
pub const REPLAY_ROWS: usize = 8_192;

/// Events of a call of a push, and of the log that is caught up with, at most.
pub const PUSH_ROWS: usize = 8_192;

/// Questions of a call of a server, at most.
pub const QUESTION_ROWS: usize = 8_192;

/// Bytes of states of a call with questions, so that those of one request never need more memory than a transform may have.
pub const QUESTION_STATES_BYTES: usize = 16 << 20;

/// The states that the entities of one call of a replay begin with have about so many bytes at most, unless one alone has more: the
/// component holds them several times over, and its memory has a limit.
pub const REPLAY_STATES_BYTES: usize = 4 << 20;

/// What a call is made for. Each has its own look, by which a component could tell it from the others, so each is tried at
/// admission: a variant without a case does not compile there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// A server asks about one entity: one question, its state, and no state wanted back.
    QuestionOne,
    /// A server asks about several entities at one as-of: a group for each question, in order.
    QuestionMany,
    /// One event is pushed: its entity's state, and the state wanted back.
    PushOne,
    /// Events are pushed together, or caught up with: in the order of the log, the groups numbered as they come.
    PushBatch,
    /// A replay from the beginning: entity after entity, each with its events and questions as time passes.
    ReplayFull,
    /// A replay of a slice of time: as a full one, with the states of the slice before, and the states wanted back.
    ReplaySlice,
    /// A replay for the states alone: entity after entity, without a question.
    Fold,
    /// What is left of a call of a replay around a row that failed: any of its rows, with the states of all its groups.
    ReplayPart,
}

impl Shape {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::QuestionOne,
        Self::QuestionMany,
        Self::PushOne,
        Self::PushBatch,
        Self::ReplayFull,
        Self::ReplaySlice,
        Self::Fold,
        Self::ReplayPart,
    ];

    /// The shape of a server's call with so many questions.
    pub fn of_questions(count: usize) -> Self {
        if count == 1 { Self::QuestionOne } else { Self::QuestionMany }
    }

    /// The shape of a call with so many events of a push.
    pub fn of_push(count: usize) -> Self {
        if count == 1 { Self::PushOne } else { Self::PushBatch }
    }

    /// Its name, as it is written in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::QuestionOne => "question_one",
            Self::QuestionMany => "question_many",
            Self::PushOne => "push_one",
            Self::PushBatch => "push_batch",
            Self::ReplayFull => "replay_full",
            Self::ReplaySlice => "replay_slice",
            Self::Fold => "fold",
            Self::ReplayPart => "replay_part",
        }
    }

    /// What of a call is not of this shape, if anything is.
    pub fn misfit(self, rows: &Rows) -> Option<&'static str> {
        let (all, questions, groups) = (rows.len(), rows.questions(), rows.states.len());
        let ends_of_states = rows.states.ends.iter();
        let is_fresh_after_first = || ends_of_states.clone().all(|end| Some(end) == rows.states.ends.first());
        let rules = match self {
            Self::QuestionOne => vec![
                (all == 1 && questions == 1 && groups == 1, "other than one question"),
                (!rows.want_states, "states wanted"),
            ],
            Self::QuestionMany => vec![
                (all > 1 && questions == all && all <= QUESTION_ROWS, "other than 2 to 8,192 questions"),
                (rows.groups.iter().copied().eq(0..groups as u32), "other than a group for each question"),
                (rows.times.iter().all(|time| Some(time) == rows.times.first()), "more than one as-of"),
                (!rows.want_states, "states wanted"),
            ],
            Self::PushOne => vec![
                (all == 1 && questions == 0 && groups == 1, "other than one event"),
                (rows.want_states, "no states wanted"),
            ],
            Self::PushBatch => vec![
                (all > 1 && questions == 0 && all <= PUSH_ROWS, "other than 2 to 8,192 events"),
                (is_numbered_as_they_come(&rows.groups, groups), "groups that are not numbered as they come"),
                (rows.want_states, "no states wanted"),
            ],
            Self::ReplayFull => vec![
                (is_entity_by_entity(&rows.groups, groups), "entities that are not one after the other"),
                (is_fresh_after_first(), "a state beside that of the entity that goes on"),
            ],
            Self::ReplaySlice => vec![
                (is_entity_by_entity(&rows.groups, groups), "entities that are not one after the other"),
                (rows.want_states, "no states wanted"),
            ],
            Self::Fold => vec![
                (is_entity_by_entity(&rows.groups, groups), "entities that are not one after the other"),
                (is_fresh_after_first(), "a state beside that of the entity that goes on"),
                (questions == 0, "a question"),
                (rows.want_states, "no states wanted"),
            ],
            Self::ReplayPart => vec![
                (rows.groups.is_sorted(), "entities that are not one after the other"),
                (rows.want_states, "no states wanted"),
            ],
        };
        let is_event_or_question = rows.kinds.iter().all(|kind| *kind <= Kind::Question as u8);
        let mut rules = rules.into_iter().chain([(is_event_or_question, "a row of another kind")]);
        rules.find_map(|(holds, otherwise)| (!holds).then_some(otherwise))
    }
}

/// Each group in one run of rows, in order, and none without rows.
fn is_entity_by_entity(groups: &[u32], count: usize) -> bool {
    groups.is_sorted() && is_numbered_as_they_come(groups, count)
}

/// The first row is of group 0, and a group that was not seen before has the next number.
fn is_numbered_as_they_come(groups: &[u32], count: usize) -> bool {
    let mut next = 0;
    let in_order = groups.iter().all(|&group| {
        next += u32::from(group == next);
        group < next
    });
    in_order && next as usize == count
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::States;

    fn call(kinds: &[Kind], groups: &[u32], states: &[u32], want_states: bool) -> Rows {
        let mut rows = Rows { want_states, ..Rows::default() };
        kinds.iter().zip(groups).for_each(|(kind, group)| rows.push(*kind, *group, 7));
        rows.states = States { ends: states.to_vec(), bytes: vec![0; states.last().map_or(0, |end| *end as usize)] };
        rows
    }

    #[test]
    fn each_shape_takes_its_calls_and_refuses_others() {
        use Kind::{Event, Question};
        let fitting = |rows: &Rows| {
            let fits = Shape::ALL.into_iter().filter(|shape| shape.misfit(rows).is_none());
            fits.map(Shape::name).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(fitting(&call(&[Question], &[0], &[3], false)), "question_one replay_full");
        assert_eq!(fitting(&call(&[Question, Question], &[0, 1], &[3, 5], false)), "question_many");
        assert_eq!(fitting(&call(&[Event], &[0], &[3], true)), "push_one replay_full replay_slice fold replay_part");
        assert_eq!(fitting(&call(&[Event, Event, Event], &[0, 1, 0], &[3, 5], true)), "push_batch");
        assert_eq!(fitting(&call(&[Event, Event, Event], &[1, 0, 1], &[3, 5], true)), "");
        assert_eq!(fitting(&call(&[Event, Question], &[0, 1], &[0, 0], false)), "replay_full");
        assert_eq!(fitting(&call(&[Event, Question], &[0, 1], &[3, 5], true)), "replay_slice replay_part");
        assert_eq!(fitting(&call(&[Event, Question], &[0, 2], &[3, 5, 9], true)), "replay_part");
    }

    #[test]
    fn sizes_are_those_of_single_and_of_many() {
        assert_eq!([1, 2].map(Shape::of_questions), [Shape::QuestionOne, Shape::QuestionMany]);
        assert_eq!([1, 8_192].map(Shape::of_push), [Shape::PushOne, Shape::PushBatch]);
    }
}
