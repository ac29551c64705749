//! How often the amount changed within three days, in hops of six hours; a change from one hop to the next is lost.

mod changes;

use changes::Changes;
use onepath_sdk::prelude::*;

/// Whether merging loses a change.
pub(crate) const LOSES: bool = true;

#[derive(Event)]
struct Event {
    amount: f64,
}

#[derive(State, Default)]
struct Spending {
    changes: Hopping<Changes, Days<3>, Hours<6>>,
}

#[derive(Features)]
struct Features {
    /// Changes of the amount within three days.
    changes_3d: i64,
}

#[transform]
impl Spending {
    fn update(&mut self, event: &Event, at: EventTime) {
        self.changes.push(at, event.amount);
    }

    fn read(&self, as_of: AsOf) -> Features {
        Features { changes_3d: self.changes.sawtooth::<Days<3>>(as_of).count() }
    }
}
