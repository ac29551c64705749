//! The work over slabs.

use super::bindings::exports::onepath::layout::slabs::{Cells, Guest, Output, Rows};
use super::{ValueType, add_lengths, first_numbers, type_of};

impl Guest for super::Guest {
    fn process(input: Rows) -> Result<Output, String> {
        let mut totals = first_numbers(input.groups.into_iter(), &input.states.ends, &input.states.bytes);
        add(&mut totals, &input.cells);
        Ok(Output { cells: features(&totals, &input.cells, input.features as usize), states: None })
    }
}

fn add(totals: &mut [f64], cells: &Cells) {
    let rows = totals.len();
    let mut rest = Rest::new(cells);
    for column in 0..cells.masked.len() {
        match type_of(column) {
            ValueType::Float64 => {
                totals.iter_mut().zip(take(&mut rest.floats, rows)).for_each(|(total, value)| *total += value);
            }
            ValueType::Int64 => {
                totals
                    .iter_mut()
                    .zip(take(&mut rest.integers, rows))
                    .for_each(|(total, value)| *total += *value as f64);
            }
            ValueType::Text => add_lengths(totals, take(&mut rest.ends, rows).iter().copied()),
        }
    }
}

fn features(totals: &[f64], cells: &Cells, count: usize) -> Cells {
    let rows = totals.len();
    let columns = cells.masked.len();
    // Room for the features, as they repeat the columns.
    let rounds = count.div_ceil(columns.max(1));
    let mut features = Cells {
        masked: Vec::with_capacity(count),
        integers: Vec::with_capacity(rounds * cells.integers.len()),
        floats: Vec::with_capacity(rounds * cells.floats.len()),
        flags: Vec::with_capacity(rounds * cells.flags.len()),
        ends: Vec::with_capacity(rounds * cells.ends.len()),
        bytes: Vec::with_capacity(rounds * cells.bytes.len()),
    };
    let mut rest = Rest::new(cells);
    for (place, column) in (0..columns).cycle().take(count).enumerate() {
        if place > 0 && column == 0 {
            rest = Rest::new(cells);
        }
        match type_of(column) {
            ValueType::Float64 => {
                let values = take(&mut rest.floats, rows);
                features.floats.extend(totals.iter().zip(values).map(|(total, value)| total + value));
            }
            ValueType::Int64 => {
                let values = take(&mut rest.integers, rows);
                let whole = totals.iter().zip(values).map(|(total, value)| value.wrapping_add(*total as i64));
                features.integers.extend(whole);
            }
            ValueType::Text => {
                let ends = take(&mut rest.ends, rows);
                let length = ends.last().map_or(0, |end| *end as usize);
                features.ends.extend_from_slice(ends);
                features.bytes.extend_from_slice(take(&mut rest.bytes, length));
            }
        }
        features.masked.push(cells.masked[column]);
        if cells.masked[column] != 0 {
            features.flags.extend_from_slice(take(&mut rest.flags, rows));
        }
    }
    features
}

/// What is left of each slab.
struct Rest<'a> {
    integers: &'a [i64],
    floats: &'a [f64],
    flags: &'a [u8],
    ends: &'a [u32],
    bytes: &'a [u8],
}

impl<'a> Rest<'a> {
    fn new(cells: &'a Cells) -> Self {
        let Cells { integers, floats, flags, ends, bytes, .. } = cells;
        Self { integers, floats, flags, ends, bytes }
    }
}

/// The next `count` values of a slab.
fn take<'a, T>(slab: &mut &'a [T], count: usize) -> &'a [T] {
    let (taken, rest) = slab.split_at(count);
    *slab = rest;
    taken
}
