//! The component of the layout benchmark.
//!
//! The work is the same behind each layout, and small: a row's total is the first number of its state plus its numbers
//! and the lengths of its texts. Feature `i` has the type and the nulls of column `i` modulo the number of columns: a
//! float64 plus the total, an int64 plus the total's whole part, or the text as it is.

mod columns;
mod packed;
mod slabs;

/// The bindings that wit-bindgen makes of `wit/layout.wit`.
#[allow(missing_docs, reason = "made by wit-bindgen")]
mod bindings {
    wit_bindgen::generate!({ path: "wit", world: "layout", pub_export_macro: true });
}

struct Guest;

bindings::export!(Guest with_types_in bindings);

/// The type of a column.
#[derive(Clone, Copy)]
enum ValueType {
    Int64,
    Float64,
    Text,
}

/// The type of a column by its place: half are float64, a quarter int64, a quarter text.
fn type_of(column: usize) -> ValueType {
    match column % 4 {
        1 => ValueType::Text,
        3 => ValueType::Int64,
        _ => ValueType::Float64,
    }
}

/// Adds the lengths of one text column to the totals of its rows.
fn add_lengths(totals: &mut [f64], ends: impl Iterator<Item = u32>) {
    let mut start = 0;
    for (total, end) in totals.iter_mut().zip(ends) {
        *total += f64::from(end - start);
        start = end;
    }
}

/// What each row's total starts with: the first number of its group's state, or 0.
fn first_numbers(groups: impl Iterator<Item = u32>, state_ends: &[u32], state_bytes: &[u8]) -> Vec<f64> {
    let first_number = |group: u32| {
        let group = group as usize;
        let start = if group == 0 { 0 } else { state_ends[group - 1] as usize };
        let state = &state_bytes[start..state_ends[group] as usize];
        state.first_chunk().map_or(0.0, |bytes| f64::from_le_bytes(*bytes))
    };
    groups.map(first_number).collect()
}
