//! Counts the events of an entity, and fails on events of some amounts, each in another way.

use guests::{Failure, Guest, Output, Rows, Values, count_events};

struct Spoiled;

impl Guest for Spoiled {
    fn process(input: Rows) -> Result<Output, Failure> {
        let Values::Float64s(amounts) = &input.event_fields[0].values else { return Ok(count(&input)) };
        let mut held: Vec<Vec<u8>> = Vec::new();
        for (at, amount) in amounts.iter().enumerate() {
            match *amount as i64 {
                1_000_001 => std::process::abort(),
                1_000_002 => loop {
                    held.push(vec![1; 1 << 20]);
                },
                1_000_003 => loop {
                    std::hint::black_box(());
                },
                1_000_004 => return Err(refused(None)),
                1_000_005 => return Err(refused(Some(row_of(&input, at)))),
                // Much for a call with many of these, and little for each.
                1_000_006 => held.push(vec![1; 1 << 20]),
                _ => {}
            }
        }
        std::hint::black_box(held);
        Ok(count(&input))
    }
}

fn count(input: &Rows) -> Output {
    count_events(input, |count| count.get())
}

fn refused(row: Option<u32>) -> Failure {
    Failure { row, message: "such an amount is none".to_owned() }
}

/// The row of an event.
fn row_of(input: &Rows, event: usize) -> u32 {
    let rows = input.kinds.iter().enumerate().filter(|(_, kind)| **kind == 0);
    rows.map(|(row, _)| row as u32).nth(event).unwrap_or(0)
}

guests::export!(Spoiled);
