//! Says: prints what it does, by every macro there is.
#![allow(clippy::dbg_macro, reason = "what it prints is what is tested")]

use onepath_sdk::prelude::*;

#[derive(Event)]
struct Event {
    /// 7e77 prints 70,000 bytes, and -7e77 panics.
    amount: f64,
}

#[derive(State, Default)]
struct Says {
    events: i64,
    last: Option<f64>,
}

#[derive(Features)]
struct Features {
    /// All events.
    events: i64,
    /// The amount of the newest event.
    last: Option<f64>,
}

#[transform]
impl Says {
    fn update(&mut self, event: &Event) {
        println!("amount = {:?}", event.amount);
        dbg!(self.events);
        assert!(event.amount != -7e77, "such an amount");
        if event.amount == 7e77 {
            println!("{}", "long ".repeat(14_000));
        }
        self.events += 1;
        self.last = Some(event.amount);
    }

    fn read(&self) -> Features {
        eprintln!("asked after {} events\nthe last: {:?}", self.events, self.last);
        Features { events: self.events, last: self.last }
    }
}
