//! Visits: what a visitor does in one visit, a run of clicks without a silence of 30 minutes.
//!
//! A transform has a state (what it remembers of one visitor), applies events, and answers questions. It is a pure function:
//! there is no clock, no file and no network, and `at` and `as_of` are the only times there are.
use onepath_sdk::prelude::*;

/// A visit is over when nothing happened for so long.
const SILENCE: Length = minutes(30);

/// The columns that are read of each event. The entity's key and the event time come by themselves.
#[derive(Event)]
struct Click<'a> {
    /// What was seen: `bought` is the page after a purchase.
    page: &'a str,
}

/// What is remembered of one visitor between events: the clicks of a day, and whether each was a purchase. So no visit is longer
/// than a day, and a click that comes late takes its place among the others.
#[derive(State, Default)]
struct Visits {
    clicks: Window<bool, Hours<24>>,
}

/// What a question is answered with. `Option` is for a feature that may be null; the comments are its documentation.
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
        self.clicks.push(at, event.page == "bought");
    }

    /// Answers as of a moment: goes back from the newest click to the first silence.
    fn read(&self, as_of: AsOf) -> Features {
        let (mut clicks, mut purchases, mut began) = (0, 0, None);
        for (at, is_purchase) in self.clicks.closed(as_of, hours(24)).iter().rev() {
            let silence = began.map_or(as_of.since(at), |next: EventTime| next.since(at));
            if silence >= SILENCE {
                break;
            }
            clicks += 1;
            purchases += i64::from(is_purchase);
            began = Some(at);
        }
        Features { clicks, purchases, seconds: began.map(|began| as_of.since(began).whole_seconds()) }
    }
}

#[cfg(test)]
mod tests {
    use onepath_sdk::testing::Harness;

    use super::*;

    #[test]
    fn a_visit_ends_with_half_an_hour_of_silence() {
        let mut visitor = Harness::<Visits>::new();
        for (minute, page) in [(0, "home"), (29, "item"), (40, "bought"), (70, "home")] {
            visitor.event(EventTime(minutes(minute).micros()), Click { page });
        }
        let at = |minute| visitor.question(AsOf(minutes(minute).micros()));
        assert_eq!(at(70), Features { clicks: 1, purchases: 0, seconds: Some(0) });
        assert_eq!(at(99).clicks, 1);
        assert_eq!(at(100), Features { clicks: 0, purchases: 0, seconds: None });
    }

    #[test]
    fn a_late_click_joins_two_visits() {
        let mut visitor = Harness::<Visits>::new();
        for (minute, page) in [(0, "bought"), (50, "home"), (25, "item")] {
            visitor.event(EventTime(minutes(minute).micros()), Click { page });
        }
        let joined = Features { clicks: 3, purchases: 1, seconds: Some(60 * 60) };
        assert_eq!(visitor.question(AsOf(minutes(60).micros())), joined);
    }
}
