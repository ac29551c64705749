//! What the times of a column are like, counted as they are read: which are the oldest and the newest, and which are of no year
//! that data is usually of.

use serde::{Deserialize, Serialize};

use super::form::PLAUSIBLE;

/// The times of a column, or of several that follow each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeProfile {
    /// How many, without nulls.
    pub times: u64,
    /// The oldest, in microseconds.
    pub oldest: Option<i64>,
    /// The newest.
    pub newest: Option<i64>,
    /// How many lie before 1980 or after 2099.
    pub implausible: u64,
    /// The first of them.
    pub first_implausible: Option<TimeInRow>,
    /// The first of all.
    pub first: Option<TimeInRow>,
}

/// A time and the row that has it, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeInRow {
    /// The row.
    pub row: u64,
    /// The time, in microseconds.
    pub micros: i64,
}

impl TimeProfile {
    /// Counts the times of rows that follow `rows_before` others; `nulls` has a 1 for each row without a time.
    pub fn add(&mut self, times: &[i64], nulls: Option<&[u8]>, rows_before: u64) {
        match nulls {
            None => self.add_all(times, rows_before),
            Some(nulls) => {
                let rows = times.iter().zip(nulls).zip(rows_before..);
                rows.filter(|((_, null), _)| **null == 0)
                    .for_each(|((time, _), before)| self.add_all(std::slice::from_ref(time), before));
            }
        }
    }

    fn add_all(&mut self, times: &[i64], rows_before: u64) {
        let at = |place: usize| TimeInRow { row: rows_before + place as u64 + 1, micros: times[place] };
        if times.is_empty() {
            return;
        }
        // One pass that the compiler makes wide; the others only where it finds something.
        let bounds = times.iter().fold((i64::MAX, i64::MIN), |(min, max), time| (min.min(*time), max.max(*time)));
        let mut part = Self { times: times.len() as u64, first: Some(at(0)), ..Self::default() };
        (part.oldest, part.newest) = (Some(bounds.0), Some(bounds.1));
        if is_implausible(bounds.0) || is_implausible(bounds.1) {
            part.implausible = times.iter().filter(|time| is_implausible(**time)).count() as u64;
            part.first_implausible = times.iter().position(|time| is_implausible(*time)).map(at);
        }
        self.merge(&part);
    }

    /// Counts also the times of a profile of rows that follow these.
    pub fn merge(&mut self, later: &Self) {
        self.times += later.times;
        self.oldest = self.oldest.into_iter().chain(later.oldest).min();
        self.newest = self.newest.max(later.newest);
        self.implausible += later.implausible;
        self.first_implausible = self.first_implausible.or(later.first_implausible);
        self.first = self.first.or(later.first);
    }

    /// The first implausible time, where the first of all is implausible, or most are.
    pub fn suspect(&self) -> Option<TimeInRow> {
        let begins = self.first.is_some() && self.first == self.first_implausible;
        self.first_implausible.filter(|_| begins || self.implausible * 2 > self.times)
    }
}

fn is_implausible(micros: i64) -> bool {
    !PLAUSIBLE.contains(&micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000_000;
    const NOW: i64 = 20_000 * DAY;

    #[test]
    fn parts_give_the_profile_of_the_whole() {
        let times = [NOW, 3, NOW + DAY, 2, 4];
        let mut whole = TimeProfile::default();
        whole.add(&times, None, 0);
        assert_eq!((whole.times, whole.implausible), (5, 3));
        assert_eq!((whole.oldest, whole.newest), (Some(2), Some(NOW + DAY)));
        assert_eq!(whole.suspect(), Some(TimeInRow { row: 2, micros: 3 }));
        for cut in 0..=times.len() {
            let mut parts = [TimeProfile::default(), TimeProfile::default()];
            parts[0].add(&times[..cut], None, 0);
            parts[1].add(&times[cut..], None, cut as u64);
            let [mut joined, later] = parts;
            joined.merge(&later);
            assert_eq!(joined, whole, "cut at {cut}");
        }
    }

    #[test]
    fn what_lies_under_a_null_is_no_time() {
        let mut profile = TimeProfile::default();
        profile.add(&[0, NOW, 0, NOW], Some(&[1, 0, 1, 0]), 10);
        assert_eq!((profile.times, profile.implausible), (2, 0));
        assert_eq!(profile.first, Some(TimeInRow { row: 12, micros: NOW }));
    }

    #[test]
    fn a_few_odd_times_are_not_suspect() {
        let mut profile = TimeProfile::default();
        profile.add(&[NOW, 0, NOW], None, 0);
        assert_eq!(profile.suspect(), None);
        let mut profile = TimeProfile::default();
        profile.add(&[0, NOW, NOW], None, 0);
        assert_eq!(profile.suspect(), Some(TimeInRow { row: 1, micros: 0 }));
    }
}
