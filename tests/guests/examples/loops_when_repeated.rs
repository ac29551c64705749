//! Believes that an instance which was never asked what it is repeats a call of another one. Loops then, so that the host
//! has nothing to compare, and lies otherwise once it was called a hundred times.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use guests::{Column, Description, Guest, Rows, ValueType, count_events, description, field};

struct Spoiled;

static DESCRIBED: AtomicBool = AtomicBool::new(false);
static CALLS: AtomicU64 = AtomicU64::new(0);

fn end() {
    loop {
        std::hint::spin_loop();
    }
}

impl Guest for Spoiled {
    fn describe() -> Description {
        DESCRIBED.store(true, Ordering::Relaxed);
        description(vec![field("value", ValueType::Int64)])
    }

    fn features(input: &Rows) -> Vec<Column> {
        if !DESCRIBED.load(Ordering::Relaxed) {
            end();
        }
        let lie = if CALLS.fetch_add(1, Ordering::Relaxed) < 100 { 0 } else { 1_000 };
        count_events(input, |count| count.get() + lie).features
    }
}

guests::export!(Spoiled);
