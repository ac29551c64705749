//! Files of rows: Parquet, CSV and NDJSON, read as typed columns and written whole or not at all.
//!
//! A reader is told which columns are wanted and of which type, and gives [`Table`]s of at most [`TABLE_ROWS_MAX`] rows in
//! the order of the file. One set of conversions serves every format, so the same data gives the same columns whatever it is
//! stored in. What is wrong with an input is an [`InputError`] that names file, row and column.
//!
//! Every input is read through a [`storage::Storage`], and what changes while it is read is an error, never a mixture.
//!
//! This module knows nothing of projects, views or transforms, and Arrow arrays do not leave it but for the pass-through
//! columns of [`Rest::Keep`] and the batches that a [`TableWriter`] takes.

mod append;
mod arrow_out;
mod cells;
mod convert;
mod csv;
mod decimal;
mod digest;
mod error;
mod fields;
mod frames;
mod infer;
mod int96;
mod json;
mod known;
mod nature;
mod ndjson;
mod object;
mod parquet;
mod parquet_out;
mod quotes;
mod read;
mod scan;
mod spill;
mod stale;
pub mod storage;
#[cfg(test)]
mod tests;
mod text;
mod write;

use std::path::Path;

pub use self::append::append_lines;
pub use self::arrow_out::{arrow_field, arrow_type, into_arrow, to_arrow};
pub use self::cells::{AS_JSON, head};
pub use self::convert::exact_float64;
pub use self::digest::{Digests, sha256_file};
pub use self::error::{InputError, InputFault, OutputError, OutputFault};
pub(crate) use self::fields::{Fields, Name};
pub use self::json::{column_of_json, raw_value, to_json};
pub(crate) use self::known::SETTLED_US;
pub(crate) use self::nature::nature_of_json;
pub use self::nature::{NaturalColumn, Nature, each_column_name, natural_columns};
pub use self::ndjson::{LINE_BYTES_MAX, read_lines};
pub use self::read::{Nulls, Rest, Rounded, Table, TableReader, Wanted, column_names, open};
pub use self::scan::{Input, Part, SHEET_ROWS_MAX, Sheet};
pub use self::spill::{SpillFolder, SpillReader, SpillWriter, Spilled, decode_rows, encode_rows};
pub use self::stale::{LOCK_NAME, SPILL_PREFIX, SPILL_SUFFIX, remove_stale};
pub use self::storage::{FileSystem, Storage};
pub use self::text::text_value;
pub use self::write::{TableWriter, Written, directory_of, write_text};

/// The version of the conversion table: which text or stored type gives which value. It changes with every change of what a
/// file means, and states that were folded under another version are folded anew.
pub const CONVERSIONS_VERSION: u32 = 2;

/// How many rows a [`Table`] has at most.
pub const TABLE_ROWS_MAX: usize = 8_192;

/// The format of a file, told by its extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `.parquet` or `.pq`.
    Parquet,
    /// `.csv`: comma-separated values as of RFC 4180, UTF-8, with a header.
    Csv,
    /// `.ndjson` or `.jsonl`: one JSON object a line.
    Ndjson,
}

impl Format {
    /// The format that the extension of `path` tells, in any case; `None` for any other extension.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "parquet" | "pq" => Some(Self::Parquet),
            "csv" => Some(Self::Csv),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            _ => None,
        }
    }
}
