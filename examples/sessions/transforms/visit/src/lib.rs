//! Visit: what a visitor does within 30 minutes of coming.
use onepath_sdk::prelude::*;

#[derive(Event)]
struct Click<'a> {
    /// What the visitor did: `purchase`, or anything else.
    action: &'a str,
}

#[derive(State, Default)]
struct Visits {
    /// The first 30 minutes from a first click, and then again from the next one after them. A day more than is asked for is
    /// kept: whether a click began a visit is decided by those before it.
    visits: Sessions<Share, Fixed<Minutes<30>>, Days<8>>,
}

#[derive(Features, Debug, PartialEq)]
struct Features {
    /// Purchases within 30 minutes of the start of the newest visit. 0 where there was none.
    purchases_30m: i64,
    /// All clicks within 30 minutes of the start of the newest visit.
    clicks_30m: i64,
    /// Whole seconds since the newest visit began. Null where there was none.
    seconds_since_start: Option<i64>,
    /// Visits that began in the last 7 days.
    visits_7d: i64,
}

#[transform]
impl Visits {
    fn update(&mut self, event: &Click, at: EventTime) {
        self.visits.push(at, event.action == "purchase");
    }

    fn read(&self, as_of: AsOf) -> Features {
        let newest = self.visits.last();
        Features {
            purchases_30m: newest.map_or(0, |visit| visit.events.hits()),
            clicks_30m: newest.map_or(0, |visit| visit.events.count()),
            seconds_since_start: newest.map(|visit| as_of.since(visit.start).whole_seconds()),
            visits_7d: self.visits.count::<Days<7>>(as_of),
        }
    }
}

#[cfg(test)]
mod tests {
    use onepath_sdk::testing::{Harness, as_of};

    use super::*;

    fn visitor(clicks: &[(i64, &str)]) -> Harness<Visits> {
        let mut visitor = Harness::new();
        for &(minute, action) in clicks {
            visitor.event(EventTime(minutes(minute).micros()), Click { action });
        }
        visitor
    }

    #[test]
    fn purchases_count_until_30_minutes_after_the_start() {
        let visitor = visitor(&[(0, "view"), (30, "purchase"), (31, "purchase"), (35, "purchase")]);
        let at = |minute: i64| visitor.question(as_of(minutes(minute).micros()));
        assert_eq!((at(40).purchases_30m, at(40).clicks_30m, at(40).visits_7d), (2, 2, 2));
        assert_eq!(at(40).seconds_since_start, Some(9 * 60));
    }

    #[test]
    fn a_late_purchase_counts_in_the_visit_of_its_time() {
        let visitor = visitor(&[(0, "view"), (10, "view"), (5, "purchase")]);
        let features = visitor.question(as_of(minutes(20).micros()));
        assert_eq!((features.purchases_30m, features.clicks_30m), (1, 3));
    }

    #[test]
    fn a_visitor_who_never_came() {
        let nothing = Features { purchases_30m: 0, clicks_30m: 0, seconds_since_start: None, visits_7d: 0 };
        assert_eq!(visitor(&[]).question(as_of(0)), nothing);
    }
}
