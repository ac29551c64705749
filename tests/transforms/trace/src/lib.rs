//! Trace: features that show the order in which events were applied.
use onepath_sdk::prelude::*;

#[derive(Event)]
struct Event<'a> {
    /// Any word. `refuse` is refused, `trap` traps.
    event_type: &'a str,
    amount: f64,
}

#[derive(State, Default)]
struct Trace {
    trail: String,
    events: i64,
    running: f64,
}

#[derive(Features)]
struct Features {
    /// Events applied.
    events: i64,
    /// The last six events in the order of application. Null where there was none.
    trail: Option<String>,
    /// A float that depends on the order of application.
    running: f64,
}

#[transform]
impl Trace {
    fn update(&mut self, event: &Event, _at: EventTime) -> Result<(), String> {
        match event.event_type {
            "refuse" => return Err("this event is refused".to_owned()),
            "trap" => panic!("this event traps"),
            word => {
                // What is printed for one event must not be told of another that traps.
                eprintln!("applied {word}");
                self.trail.push_str(word);
            }
        }
        // The digits of an ordinary amount; a few letters for any other.
        let amount = event.amount;
        let is_ordinary = amount == 0.0 || (1e-9..1e18).contains(&amount.abs());
        self.trail.push_str(&if is_ordinary { format!("{amount};") } else { format!("{amount:e};") });
        // Enough to tell orders apart.
        while self.trail.matches(';').count() > 6 {
            let end = self.trail.find(';').map_or(0, |end| end + 1);
            self.trail.drain(..end);
        }
        self.events += 1;
        self.running = self.running / 3.0 + event.amount;
        Ok(())
    }

    fn read(&self, as_of: AsOf) -> Features {
        let _ = as_of;
        Features { events: self.events, trail: (self.events > 0).then(|| self.trail.clone()), running: self.running }
    }
}
