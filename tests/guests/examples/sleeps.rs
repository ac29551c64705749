//! Sleeps for an hour.

use guests::{Column, Guest, Rows, Values, column, every};

struct Spoiled;

impl Guest for Spoiled {
    fn features(input: &Rows) -> Vec<Column> {
        std::thread::sleep(std::time::Duration::from_secs(3600));
        vec![column(Values::Int64s(every(input, 0)))]
    }
}

guests::export!(Spoiled);
