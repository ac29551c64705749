//! Counts in 64 bits within a call, and keeps sixteen of them in its state.

use guests::{Guest, Rows, States, count, count_events, join};

struct Spoiled;

impl Guest for Spoiled {
    fn states(input: &Rows) -> Option<States> {
        let whole = count_events(input, |count| count.get()).states?;
        let kept = |group: usize| {
            let start = if group == 0 { 0 } else { whole.ends[group - 1] as usize };
            let count = count(&whole.bytes[start..whole.ends[group] as usize]);
            if count == 0 { Vec::new() } else { i64::from(count as u16).to_le_bytes().to_vec() }
        };
        Some(join((0..whole.ends.len()).map(kept)))
    }
}

guests::export!(Spoiled);
