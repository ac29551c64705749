//! A question changes nothing.
use onepath_sdk::prelude::*;

#[derive(State, Default)]
struct Spending {
    questions: i64,
}

#[derive(Features)]
struct Features {
    questions: i64,
}

#[transform]
impl Spending {
    fn read(&mut self) -> Features {
        self.questions += 1;
        Features { questions: self.questions }
    }
}

fn main() {}
