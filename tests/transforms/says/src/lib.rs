//! Says: prints what it does, by every macro there is, and says what its state holds.
#![allow(clippy::dbg_macro, reason = "what it prints is what is tested")]

use onepath_sdk::prelude::*;

#[derive(Event)]
struct Event {
    /// 7e77 prints 70,000 bytes, and -7e77 panics.
    amount: f64,
}

#[derive(State, Default, Debug)]
struct Says {
    events: i64,
    last: Last,
}

/// Says what it is in 70,000 bytes where it is 6e77, and cannot where it is 5e77.
#[derive(State, Default)]
struct Last {
    amount: Option<f64>,
}

impl std::fmt::Debug for Last {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        assert!(self.amount != Some(5e77), "no words for it");
        match self.amount {
            Some(6e77) => write!(f, "{}", "long ".repeat(14_000)),
            amount => write!(f, "{amount:?}"),
        }
    }
}

#[derive(Features)]
struct Features {
    /// All events.
    events: i64,
    /// The amount of the newest event.
    last: Option<f64>,
}

#[transform(debug)]
impl Says {
    fn update(&mut self, event: &Event) {
        println!("amount = {:?}", event.amount);
        dbg!(self.events);
        assert!(event.amount != -7e77, "such an amount");
        if event.amount == 7e77 {
            println!("{}", "long ".repeat(14_000));
        }
        self.events += 1;
        self.last.amount = Some(event.amount);
    }

    fn read(&self) -> Features {
        eprintln!("asked after {} events\nthe last: {:?}", self.events, self.last.amount);
        Features { events: self.events, last: self.last.amount }
    }
}
