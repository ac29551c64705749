//! The as-of of a question: which one can be answered now, and what stands in the way of a later one.

use crate::time::{AsOf, AvailableAt, Stopwatch, visible};

/// A group of pushes that is being written, or of which it is not known whether it was.
#[derive(Clone, Copy)]
pub(super) struct Announced {
    /// None of its stamps is earlier.
    pub(super) first: AvailableAt,
    /// Whether its stamps are declared.
    pub(super) is_declared: bool,
    pub(super) since: Stopwatch,
}

/// Why a question cannot have the as-of that it would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// The reservation ends before.
    Reservation,
    /// A group is being written.
    Group,
    /// A group is being written whose stamps are declared.
    DeclaredGroup,
}

/// The as-of that can be answered now, if any, and what stands in the way of a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) as_of: Option<AsOf>,
    pub(super) hold: Option<Hold>,
}

/// What decides the as-of of a question.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) now: i64,
    /// The newest as-of that was answered; the least number where none was.
    pub(super) answered: i64,
    /// As-ofs up to here are on disk; the least number where none are.
    pub(super) reserved: i64,
    pub(super) last_arrival: Option<AvailableAt>,
    pub(super) announced: Option<Announced>,
}

impl Known {
    /// The as-of of a question, and what holds a later one.
    pub(super) fn find(self, declared: Option<AsOf>) -> Found {
        let Self { now, answered, reserved, last_arrival, announced } = self;
        if let Some(declared) = declared {
            let hold = match announced {
                Some(group) if visible(group.first, declared) => Some(Hold::Group),
                _ => AsOf::from_micros(reserved).is_before(declared).then_some(Hold::Reservation),
            };
            return Found { as_of: Some(declared).filter(|_| hold.is_none()), hold };
        }
        if reserved == i64::MIN {
            return Found { as_of: None, hold: Some(Hold::Reservation) };
        }
        let newest = AsOf::from_micros(now.min(reserved).max(answered));
        let newest = last_arrival.map_or(newest, |last| newest.that_sees(last));
        let lapsed = (reserved < now).then_some(Hold::Reservation);
        let Some(group) = announced else { return Found { as_of: Some(newest), hold: lapsed } };
        let before = newest.that_misses(group.first);
        let hold = match group.is_declared {
            true => Some(Hold::DeclaredGroup),
            false if before.is_before(newest) => Some(Hold::Group),
            false => lapsed,
        };
        // Where a declared arrival may equal the newest published one, or be the first of all, nothing lies before it.
        let is_whole = last_arrival.is_none_or(|last| visible(last, before)) && !visible(group.first, before);
        Found { as_of: is_whole.then_some(before), hold }
    }
}
