//! Ratings: how often and how well. One component serves two views: of the user who rates, and of the item that is rated.
use onepath_sdk::prelude::*;

#[derive(Event)]
struct Rating {
    /// From 1 to 5.
    rating: f64,
}

#[derive(State, Default)]
struct Ratings {
    ever: Mean,
    recent: Window<f64, Days<30>>,
}

#[derive(Features, Debug, PartialEq)]
struct Features {
    /// Ratings ever.
    rating_count: i64,
    /// Mean of all ratings. Null where there was none.
    mean_rating: Option<f64>,
    /// Mean of the ratings of the last 30 days. Null where there was none.
    mean_rating_30d: Option<f64>,
}

#[transform]
impl Ratings {
    fn update(&mut self, event: &Rating, at: EventTime) {
        self.ever.push(at, event.rating);
        self.recent.push(at, event.rating);
    }

    fn read(&self, as_of: AsOf) -> Features {
        Features {
            rating_count: self.ever.count(),
            mean_rating: self.ever.mean(),
            mean_rating_30d: self.recent.half_open::<Days<30>>(as_of).mean(),
        }
    }
}

#[test]
fn all_ratings_and_those_of_30_days() {
    use onepath_sdk::testing::{Harness, as_of};

    let mut user = Harness::<Ratings>::new();
    user.event(EventTime(0), Rating { rating: 2.0 }).event(EventTime(days(20).micros()), Rating { rating: 5.0 });
    let features = user.question(as_of(days(30).micros()));
    assert_eq!(features, Features { rating_count: 2, mean_rating: Some(3.5), mean_rating_30d: Some(5.0) });
}
