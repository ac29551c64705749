//! Options that do not exist.
use onepath_sdk::prelude::*;

#[derive(Event)]
struct Event {
    #[field(nme = "type")]
    kind: i64,
}

#[derive(Event)]
struct Renamed {
    #[field(rename = "type")]
    kind: i64,
}

#[derive(State, Default)]
struct Spending;

#[derive(Features)]
struct Features {
    #[feild(name = "sum")]
    total: f64,
}

#[transform(state_versoin = 2)]
impl Spending {
    fn read(&self) -> Features {
        Features { total: 0.0 }
    }
}

fn main() {}
