//! Gives a gigabyte back: 256 columns that all lie in the same four megabytes.

use guests::{Column, Description, Guest, Rows, Texts, ValueType, Values, column, description, every, field};

struct Spoiled;

impl Guest for Spoiled {
    fn describe() -> Description {
        description((0..256).map(|at| field(&format!("value_{at}"), ValueType::Text)).collect())
    }

    fn features(input: &Rows) -> Vec<Column> {
        let bytes = vec![b'x'; 4 << 20];
        let column = || {
            let mut ends = every(input, 0);
            if let Some(last) = ends.last_mut() {
                *last = bytes.len() as u32;
            }
            // SAFETY: none. The host must copy 256 times the same bytes, or refuse to, before any is freed twice.
            let bytes = unsafe { Vec::from_raw_parts(bytes.as_ptr().cast_mut(), bytes.len(), bytes.capacity()) };
            column(Values::Texts(Texts { ends, bytes }))
        };
        let columns = (0..256).map(|_| column()).collect();
        std::mem::forget(bytes);
        columns
    }
}

guests::export!(Spoiled);
