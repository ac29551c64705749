//! Rhythm: how often something happens, and when it is due again. No field of an event is read, and every feature but one is
//! arithmetic on times.
use onepath_sdk::prelude::*;

#[derive(State, Default)]
struct Rhythm {
    count: i64,
    recent: LastN<(), 3>,
    /// Of the events as they came; a late one comes after one that is later.
    previous: Option<EventTime>,
    longest: Length,
    total: Length,
    gap_hours: Decayed<Days<7>>,
}

#[derive(Features, Debug, PartialEq)]
struct Features {
    /// Events so far.
    count: i64,
    /// The longest time between two events, in hours.
    longest_gap_hours: f64,
    /// All of them together, in whole days.
    gaps_days: i64,
    /// The mean time between two events, in which the newer count more. Null before the second.
    usual_gap_hours: Option<f64>,
    /// When the longest time since the last event will be over. Null where there was none.
    due: Option<Time>,
    /// Hours until then, negative once it is over.
    hours_until_due: Option<f64>,
    /// Whole hours since the third event from the last. Null where there were fewer.
    hours_of_three: Option<i64>,
}

#[transform]
impl Rhythm {
    fn update(&mut self, at: EventTime) {
        self.count += 1;
        self.recent.push(at, ());
        if let Some(previous) = self.previous {
            let gap = at.since(previous).abs();
            self.longest = self.longest.max(gap);
            self.total += gap;
            self.gap_hours.push(at, gap.as_hours());
        }
        self.previous = Some(at);
    }

    fn read(&self, as_of: AsOf) -> Features {
        let due = self.previous.map(|previous| Time::from(previous + self.longest));
        Features {
            count: self.count,
            longest_gap_hours: self.longest.as_hours(),
            gaps_days: self.total.whole_days(),
            usual_gap_hours: self.gap_hours.mean(),
            due,
            hours_until_due: due.map(|due| due.since(as_of).as_hours()),
            hours_of_three: self.recent.newest(2).map(|(third, ())| as_of.since(third).whole_hours()),
        }
    }
}

#[cfg(test)]
mod tests {
    use onepath_sdk::testing::{Harness, as_of, at, time};

    use super::*;

    #[test]
    fn what_comes_every_day_is_due_tomorrow() {
        let mut entity = Harness::<Rhythm>::new();
        for day in ["2024-03-01T08:00:00Z", "2024-03-02T08:00:00Z", "2024-03-03T08:00:00Z"] {
            entity.event(at(day), ());
        }
        let features = entity.question(as_of("2024-03-04T02:00:00Z"));
        assert_eq!((features.count, features.longest_gap_hours, features.gaps_days), (3, 24.0, 2));
        assert_eq!(features.due, Some(time("2024-03-04T08:00:00Z")));
        assert_eq!((features.hours_until_due, features.hours_of_three), (Some(6.0), Some(66)));
    }

    #[test]
    fn the_ends_of_time_are_times() {
        let mut entity = Harness::<Rhythm>::new();
        for end in [i64::MAX, i64::MIN, i64::MAX] {
            entity.event(at(end), ());
        }
        let features = entity.question(as_of(i64::MAX));
        assert_eq!((features.due, features.hours_until_due), (Some(Time(i64::MAX)), Some(0.0)));
        assert_eq!(features.longest_gap_hours, Length::MAX.as_hours());
    }
}
