//! Input files: any bytes under the name of a Parquet, CSV or NDJSON file.

use std::cell::RefCell;
use std::io::{Seek, Write};
use std::path::PathBuf;
use std::sync::Once;

use crate::files::{FileSystem, InputError, Nulls, Rest, Table, Wanted, column_names, open};
use crate::schema::ValueType;
use crate::time::{TimeForm, TimeUnit};

/// Reads text files made of `data`, whose first byte says which.
pub fn input_text(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    read(if first % 2 == 0 { "csv" } else { "ndjson" }, rest, first / 2);
}

/// Reads a Parquet file made of `data`, whose first byte says what is wanted of it. Columns are found by their names.
pub fn input_parquet(data: &[u8]) {
    // The decoder may panic, and the reader makes an error of it: only what gets out of the reader ends the run.
    static QUIET: Once = Once::new();
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    if let Some((first, rest)) = data.split_first() {
        read("parquet", rest, *first);
    }
}

thread_local! {
    static FOLDER: RefCell<Option<tempfile::TempDir>> = const { RefCell::new(None) };
}

/// A file of these bytes, in memory where the machine has such a folder.
fn write(extension: &str, bytes: &[u8]) -> PathBuf {
    FOLDER.with_borrow_mut(|folder| {
        let memory = std::path::Path::new("/dev/shm");
        let made = || if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let folder = folder.get_or_insert_with(|| made().expect("a folder"));
        let path = folder.path().join(format!("input.{extension}"));
        let mut file = std::fs::File::options().create(true).truncate(false).write(true).open(&path).expect("a file");
        file.write_all(bytes).expect("writes");
        let end = file.stream_position().expect("a position");
        file.set_len(end).expect("cuts");
        path
    })
}

/// Reads the file for its names, for some columns alone, and with the rest. Each gives rows or an error that names the
/// file; both readings give the same wanted columns.
fn read(extension: &str, bytes: &[u8], shape: u8) {
    let path = write(extension, bytes);
    let names = match column_names(&FileSystem, &path) {
        Ok(names) => names,
        Err(error) => return told(&error),
    };
    let types = [
        ValueType::Text,
        ValueType::Time,
        ValueType::Float64,
        ValueType::Int64,
        ValueType::Bool,
        ValueType::Float64List,
    ];
    let wanted: Vec<Wanted> = names
        .iter()
        .take(usize::from(shape % 4))
        .enumerate()
        .map(|(at, name)| Wanted {
            nulls: if shape & 4 == 0 { Nulls::Allowed } else { Nulls::Refused },
            time: TimeForm { unit: (shape & 8 != 0).then_some(TimeUnit::Milliseconds), ..TimeForm::default() },
            ..Wanted::new(name, types[(usize::from(shape / 16) + at) % types.len()], Nulls::Allowed)
        })
        .collect();
    let alone = tables(&path, &wanted, Rest::Ignore);
    let with_rest = tables(&path, &wanted, Rest::Keep);
    if let (Ok(alone), Ok(with_rest)) = (alone, with_rest) {
        let rows = |tables: &[Table]| tables.iter().map(|table| table.rows).sum::<usize>();
        // Without a column to read, a file of text still has its rows.
        assert_eq!(rows(&alone), rows(&with_rest));
        for (a, b) in alone.iter().zip(&with_rest) {
            for (a, b) in a.columns.iter().zip(&b.columns) {
                assert_eq!((a.len(), a.value_type()), (b.len(), b.value_type()));
                assert!((0..a.len()).all(|row| a.value(row).same_bits(&b.value(row))));
            }
        }
    }
}

fn tables(path: &std::path::Path, wanted: &[Wanted], rest: Rest) -> Result<Vec<Table>, ()> {
    let read =
        open(&FileSystem, path, wanted, rest).and_then(|tables| tables.collect::<Result<Vec<Table>, InputError>>());
    read.map_err(|error| told(&error))
}

fn told(error: &InputError) {
    let text = error.to_string();
    assert!(text.contains("input."), "the file is not named: {text}");
}
