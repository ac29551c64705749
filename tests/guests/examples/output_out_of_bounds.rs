//! Claims a column of a gigabyte that lies outside its memory.

use guests::{Column, Guest, Rows, Values, column};

struct Spoiled;

impl Guest for Spoiled {
    fn features(input: &Rows) -> Vec<Column> {
        // SAFETY: none. The host must not read there.
        let values = unsafe { Vec::from_raw_parts(16 as *mut i64, 1 << 27, 1 << 27) };
        assert!(!input.kinds.is_empty());
        vec![column(Values::Int64s(values))]
    }
}

guests::export!(Spoiled);
