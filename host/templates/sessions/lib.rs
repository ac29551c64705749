//! Visits: what a visitor does in one visit, a run of clicks without a silence of more than 30
//! minutes.
//!
//! A transform has a state (what it remembers of one visitor), applies events, and answers
//! questions. It is a pure function: there is no clock, no file and no network, and `at` and
//! `as_of` are the only times there are.
use onepath_sdk::prelude::*;

/// The columns that are read of each event. The entity's key and the event time come by themselves.
#[derive(Event)]
struct Click<'a> {
    /// What was seen: `bought` is the page after a purchase.
    page: &'a str,
}

/// What is remembered of one visitor between events: the visits of a day, and of each how many
/// clicks were a purchase. A click that comes late goes to the visit of its time, and may join two
/// visits into one.
#[derive(State, Default)]
struct Visits {
    visits: Sessions<Share, Gap<Minutes<30>>, Days<1>>,
}

/// What a question is answered with. `Option` is for a feature that may be null; the comments are
/// its documentation.
#[derive(Features, Debug, PartialEq)]
struct Features {
    /// Clicks of the visit that goes on. 0 where none does.
    clicks: i64,
    /// Purchases among them.
    purchases: i64,
    /// Whole seconds since the visit began. Null where none goes on.
    seconds: Option<i64>,
}

#[transform]
impl Visits {
    /// Applies one event. Late ones come too: `at` may be earlier than that of the event before.
    fn update(&mut self, event: &Click, at: EventTime) {
        self.visits.push(at, event.page == "bought");
    }

    /// Answers as of a moment. A visit is over without any new event, when 30 minutes have gone by.
    fn read(&self, as_of: AsOf) -> Features {
        let visit = self.visits.current(as_of);
        Features {
            clicks: visit.map_or(0, |visit| visit.events.count()),
            purchases: visit.map_or(0, |visit| visit.events.hits()),
            seconds: visit.map(|visit| as_of.since(visit.start).whole_seconds()),
        }
    }
}

#[cfg(test)]
mod tests {
    use onepath_sdk::testing::{Harness, as_of};

    use super::*;

    #[test]
    fn a_visit_ends_with_half_an_hour_of_silence() {
        let mut visitor = Harness::<Visits>::new();
        for (minute, page) in [(0, "home"), (29, "item"), (40, "bought"), (71, "home")] {
            visitor.event(EventTime(minutes(minute).micros()), Click { page });
        }
        let at = |minute| visitor.question(as_of(minutes(minute).micros()));
        assert_eq!(
            at(71),
            Features {
                clicks: 1,
                purchases: 0,
                seconds: Some(0)
            }
        );
        assert_eq!(at(101).clicks, 1);
        assert_eq!(
            at(102),
            Features {
                clicks: 0,
                purchases: 0,
                seconds: None
            }
        );
    }

    #[test]
    fn a_late_click_joins_two_visits() {
        let mut visitor = Harness::<Visits>::new();
        for (minute, page) in [(0, "bought"), (50, "home"), (25, "item")] {
            visitor.event(EventTime(minutes(minute).micros()), Click { page });
        }
        let joined = Features {
            clicks: 3,
            purchases: 1,
            seconds: Some(60 * 60),
        };
        assert_eq!(visitor.question(as_of(minutes(60).micros())), joined);
    }
}
