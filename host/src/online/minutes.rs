//! Counts of the last minutes.

use crate::time::Stopwatch;

/// Of about so many minutes, counts are told.
const MINUTES: usize = 10;

/// Which minute it is.
pub(super) struct MinuteClock(Stopwatch);

impl MinuteClock {
    pub(super) fn start() -> Self {
        Self(Stopwatch::start())
    }

    /// The minute that it is, from 1 on.
    pub(super) fn minute(&self) -> u64 {
        1 + self.0.elapsed().as_secs() / 60
    }
}

/// What was counted in each of the last minutes.
#[derive(Clone, Debug, Default)]
pub(super) struct Minutes<T> {
    /// By the number of the minute modulo [`MINUTES`]; a minute of 0 is none.
    slots: [(u64, T); MINUTES],
}

impl<T: Default> Minutes<T> {
    /// What is counted in a minute, which is no earlier than one before.
    pub(super) fn of(&mut self, minute: u64) -> &mut T {
        let (of, counted) = &mut self.slots[(minute % MINUTES as u64) as usize];
        if *of != minute {
            (*of, *counted) = (minute, T::default());
        }
        counted
    }

    /// What was counted in the last minutes, as of one.
    pub(super) fn recent(&self, minute: u64) -> impl Iterator<Item = &T> {
        let is_recent = move |of: u64| of > 0 && of + MINUTES as u64 > minute;
        self.slots.iter().filter(move |(of, _)| is_recent(*of)).map(|(_, counted)| counted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_ten_minutes_ago_is_gone() {
        let mut minutes = Minutes::<u64>::default();
        for minute in [1, 1, 2, 9, 10] {
            *minutes.of(minute) += 1;
        }
        let recent = |minutes: &Minutes<u64>, minute| minutes.recent(minute).sum::<u64>();
        assert_eq!((recent(&minutes, 10), recent(&minutes, 11), recent(&minutes, 12)), (5, 3, 2));
        *minutes.of(11) += 1;
        assert_eq!((recent(&minutes, 11), recent(&minutes, 30)), (4, 0));
    }
}
