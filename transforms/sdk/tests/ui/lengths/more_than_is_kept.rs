//! A window answers for no longer than it keeps, with the time that lies between the end of a view and the question.
use onepath_sdk::prelude::*;

#[derive(Parameters)]
struct Parameters {
    days: UpTo<Days<90>>,
}

#[derive(Event)]
struct Event<'a> {
    shop: &'a str,
    amount: f64,
}

#[derive(State, Default)]
struct Spending {
    payments: Window<f64, Days<30>>,
    shops: DistinctWindow<String, Days<30>>,
    by_day: Hopping<Sum, Days<30>, Days<1>>,
    balance: Lag<f64, Days<30>>,
    visits: Sessions<Count, Gap<Minutes<30>>, Days<30>>,
}

#[derive(Features)]
struct Features {
    longer: i64,
    ended_before: i64,
    longer_by_a_parameter: i64,
    shops: i64,
    by_day: f64,
    by_whole_days: f64,
    balance: Option<f64>,
    visits: i64,
}

#[transform]
impl Spending {
    fn update(&mut self, event: &Event, at: EventTime) {
        self.payments.push(at, event.amount);
        self.shops.push(at, event.shop);
        self.by_day.push(at, event.amount);
        self.balance.push(at, event.amount);
        self.visits.push(at, ());
    }

    fn read(&self, as_of: AsOf, parameters: &Parameters) -> Features {
        Features {
            longer: self.payments.closed::<Days<31>>(as_of).count(),
            ended_before: self.payments.half_open_ago::<Days<7>, Days<30>>(as_of).count(),
            longer_by_a_parameter: self.payments.closed_for(as_of, parameters.days).count(),
            shops: self.shops.closed::<Hours<721>>(as_of).count(),
            by_day: self.by_day.sawtooth::<Days<31>>(as_of).sum(),
            // Each is rounded up to whole days, and together they are 31.
            by_whole_days: self.by_day.hopped_ago::<Hours<12>, Hours<708>>(as_of).sum(),
            balance: self.balance.value::<Days<31>>(as_of).copied(),
            // Whether an event half an hour within them began a visit is decided by what was before.
            visits: self.visits.count::<Days<30>>(as_of),
        }
    }
}

// Lengths are compared where code is generated, so it must be.
fn main() {
    TRANSFORM.describe();
}
