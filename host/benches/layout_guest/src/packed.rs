//! The work over one list of bytes. A list of bytes may start anywhere, so numbers are read and written byte-wise, which
//! WebAssembly does in one instruction.

use super::bindings::exports::onepath::layout::packed::Guest;
use super::{ValueType, add_lengths, first_numbers, type_of};

/// Words before the words of the columns, in the input and in the output.
const INPUT_WORDS: usize = 10;
const OUTPUT_WORDS: usize = 2;

impl Guest for super::Guest {
    fn process(input: Vec<u8>) -> Result<Vec<u8>, String> {
        let [rows, columns, groups, count] = [0, 1, 2, 3].map(|at| word(&input, at));
        let [_, at_groups, _, at_state_ends, at_states, states] = [4, 5, 6, 7, 8, 9].map(|at| word(&input, at));
        let state_ends: Vec<u32> = numbers::<4>(&input, at_state_ends, groups).map(u32::from_le_bytes).collect();
        let row_groups = numbers::<4>(&input, at_groups, rows).map(u32::from_le_bytes);
        let mut totals = first_numbers(row_groups, &state_ends, &input[at_states..at_states + states]);
        for column in 0..columns {
            add(&mut totals, &input, column);
        }
        Ok(features(&totals, &input, columns, count))
    }
}

fn add(totals: &mut [f64], input: &[u8], column: usize) {
    let (rows, at) = (totals.len(), word(input, INPUT_WORDS + 4 * column));
    match type_of(column) {
        ValueType::Float64 => {
            let values = numbers::<8>(input, at, rows).map(f64::from_le_bytes);
            totals.iter_mut().zip(values).for_each(|(total, value)| *total += value);
        }
        ValueType::Int64 => {
            let values = numbers::<8>(input, at, rows).map(i64::from_le_bytes);
            totals.iter_mut().zip(values).for_each(|(total, value)| *total += value as f64);
        }
        ValueType::Text => add_lengths(totals, numbers::<4>(input, at, rows).map(u32::from_le_bytes)),
    }
}

fn features(totals: &[f64], input: &[u8], columns: usize, count: usize) -> Vec<u8> {
    let rows = totals.len();
    let head = (4 * (OUTPUT_WORDS + 4 * count)).next_multiple_of(8);
    let mut output = Vec::with_capacity(head + sections(input, rows, columns) * count.div_ceil(columns.max(1)));
    output.resize(head, 0);
    set_word(&mut output, 0, rows);
    set_word(&mut output, 1, count);
    for (place, column) in (0..columns).cycle().take(count).enumerate() {
        let [from, from_bytes, length, nulls] = [0, 1, 2, 3].map(|at| word(input, INPUT_WORDS + 4 * column + at));
        let words = OUTPUT_WORDS + 4 * place;
        match type_of(column) {
            ValueType::Float64 => {
                let values = numbers::<8>(input, from, rows).map(f64::from_le_bytes);
                let sums = totals.iter().zip(values).map(|(total, value)| total + value);
                add_numbers(&mut output, words, rows, sums.map(f64::to_le_bytes));
            }
            ValueType::Int64 => {
                let values = numbers::<8>(input, from, rows).map(i64::from_le_bytes);
                let whole = totals.iter().zip(values).map(|(total, value)| value.wrapping_add(*total as i64));
                add_numbers(&mut output, words, rows, whole.map(i64::to_le_bytes));
            }
            ValueType::Text => {
                add_section(&mut output, words, &input[from..from + 4 * rows]);
                add_section(&mut output, words + 1, &input[from_bytes..from_bytes + length]);
                set_word(&mut output, words + 2, length);
            }
        }
        if nulls != 0 {
            add_section(&mut output, words + 3, &input[nulls..nulls + rows]);
        }
    }
    output
}

/// The bytes of one section per list of the columns of `input`.
fn sections(input: &[u8], rows: usize, columns: usize) -> usize {
    let of_column = |column: usize| {
        let [length, nulls] = [2, 3].map(|at| word(input, INPUT_WORDS + 4 * column + at));
        // A text column has ends of half the size and its bytes.
        (8 * rows).next_multiple_of(8)
            + length.next_multiple_of(8)
            + if nulls == 0 { 0 } else { rows.next_multiple_of(8) }
    };
    (0..columns).map(of_column).sum()
}

/// Appends a section and writes its offset to the word at `word`.
fn add_section(output: &mut Vec<u8>, word: usize, bytes: &[u8]) {
    let start = output.len();
    set_word(output, word, start);
    output.extend_from_slice(bytes);
    output.resize(output.len().next_multiple_of(8), 0);
}

/// Appends a section of `count` numbers and writes its offset to the word at `word`.
fn add_numbers(output: &mut Vec<u8>, word: usize, count: usize, numbers: impl Iterator<Item = [u8; 8]>) {
    let start = output.len();
    set_word(output, word, start);
    output.resize(start + 8 * count, 0);
    output[start..].as_chunks_mut().0.iter_mut().zip(numbers).for_each(|(to, number)| *to = number);
}

/// The word at a place counted in words.
fn word(bytes: &[u8], at: usize) -> usize {
    bytes[4 * at..].first_chunk().map_or(0, |word| u32::from_le_bytes(*word)) as usize
}

fn set_word(bytes: &mut [u8], at: usize, word: usize) {
    bytes[4 * at..4 * at + 4].copy_from_slice(&(word as u32).to_le_bytes());
}

/// `count` numbers of `N` bytes from `at`.
fn numbers<const N: usize>(bytes: &[u8], at: usize, count: usize) -> impl Iterator<Item = [u8; N]> {
    bytes[at..at + N * count].as_chunks::<N>().0.iter().copied()
}
