//! How often a value changes from one event to the next.

use onepath_sdk::prelude::*;

/// Changes of the amount, and the first and last amounts, which a change across a hop is seen by. Where `crate::LOSES`, it is not.
#[derive(State, Default)]
pub struct Changes {
    count: i64,
    first: Option<f64>,
    last: Option<f64>,
}

impl Changes {
    pub fn count(&self) -> i64 {
        self.count
    }
}

impl Aggregate for Changes {
    type Item<'a> = f64;

    fn push(&mut self, _: EventTime, amount: f64) {
        self.count += i64::from(self.last.is_some_and(|last| last != amount));
        self.first.get_or_insert(amount);
        self.last = Some(amount);
    }

    fn merge(&mut self, other: &Self) {
        let crosses = matches!((self.last, other.first), (Some(last), Some(first)) if last != first);
        self.count += other.count + i64::from(crosses && !crate::LOSES);
        self.first = self.first.or(other.first);
        self.last = other.last.or(self.last);
    }
}
