//! As much as is kept may be asked for.
use onepath_sdk::prelude::*;

#[derive(Parameters)]
struct Parameters {
    days: UpTo<Days<23>>,
}

#[derive(Event)]
struct Event {
    amount: f64,
}

#[derive(State, Default)]
struct Spending {
    payments: Window<f64, Days<30>>,
    by_day: Hopping<Sum, Days<30>, Days<1>>,
    visits: Sessions<Count, Gap<Minutes<30>>, Minutes<90>>,
}

#[derive(Features)]
struct Features {
    whole: i64,
    ended_before: i64,
    by_day: f64,
    visits: i64,
}

#[transform]
impl Spending {
    fn update(&mut self, event: &Event, at: EventTime) {
        self.payments.push(at, event.amount);
        self.by_day.push(at, event.amount);
        self.visits.push(at, ());
    }

    fn read(&self, as_of: AsOf, parameters: &Parameters) -> Features {
        Features {
            whole: self.payments.closed::<Days<30>>(as_of).count(),
            ended_before: self.payments.closed_ago_for(as_of, UpTo::<Days<7>>::MAX, parameters.days).count(),
            by_day: self.by_day.hopped_ago::<Days<7>, Days<23>>(as_of).sum(),
            visits: self.visits.count_ago::<Minutes<30>, Minutes<30>>(as_of),
        }
    }
}

// Lengths are compared where code is generated, so it must be.
fn main() {
    TRANSFORM.describe();
}
