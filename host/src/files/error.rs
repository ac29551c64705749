//! What is wrong with an input or an output, and where.

use std::fmt;
use std::path::{Path, PathBuf};

use ::parquet::errors::ParquetError;
use arrow::error::ArrowError;

use super::storage::{StorageError, StorageFault};
use crate::batch::ColumnError;
use crate::schema::ValueType;

/// Something wrong with a file that is read, and where.
///
/// Displayed as `data/events.csv, row 7, column amount: "many" is not a float64 number`.
#[derive(Debug)]
pub struct InputError {
    /// The file as it was named.
    pub file: PathBuf,
    /// The row, counted from 1: data rows in Parquet and CSV (without the header), lines in NDJSON.
    pub row: Option<u64>,
    /// The name of the column.
    pub column: Option<String>,
    /// What is wrong there.
    pub fault: Box<InputFault>,
}

impl InputError {
    /// A fault of the whole of `file`.
    pub fn new(file: &Path, fault: InputFault) -> Self {
        Self { file: file.to_owned(), row: None, column: None, fault: Box::new(fault) }
    }

    /// What a storage says of the object `file`.
    pub fn from_storage(file: &Path, error: StorageError) -> Self {
        Self::new(file, InputFault::Storage(error.fault))
    }

    /// The same fault, in `row` (counted from 1).
    pub fn at_row(mut self, row: u64) -> Self {
        self.row = Some(row);
        self
    }

    /// The same fault, in `column`.
    pub fn in_column(mut self, column: &str) -> Self {
        self.column = Some(column.to_owned());
        self
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(row) = self.row {
            write!(f, ", row {row}")?;
        }
        if let Some(column) = &self.column {
            write!(f, ", column {column}")?;
        }
        write!(f, ": {}", self.fault)
    }
}

impl std::error::Error for InputError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The fault's own words are part of this error's; what lies behind them is the next in the chain.
        self.fault.source()
    }
}

/// What can be wrong with an input.
#[derive(Debug, thiserror::Error)]
pub enum InputFault {
    /// The extension tells no known format.
    #[error("unknown file format: the name must end in .parquet, .pq, .csv, .ndjson or .jsonl")]
    Format,
    /// Its storage does not give it, or it changed while it was read.
    #[error(transparent)]
    Storage(StorageFault),
    /// A file of a run's own cannot be opened.
    #[error("cannot be opened")]
    Open(#[source] std::io::Error),
    /// The input cannot be read to its end.
    #[error("cannot be read")]
    Read(#[source] std::io::Error),
    /// The file has no byte, or no header, where its format needs some.
    #[error("is empty: {0}")]
    Empty(&'static str),
    /// The file is not Parquet, or damaged.
    #[error("is not a readable Parquet file")]
    Parquet(#[source] ParquetError),
    /// The Parquet decoder gave up on bytes that it should have refused: the file is damaged.
    #[error("is a damaged Parquet file: {0}")]
    Damaged(String),
    /// A file of a run's own is not what the run wrote.
    #[error("is not as it was written: a disk, or another program, has changed it; run the command again")]
    NotAsWritten,
    /// The rows of a Parquet or CSV file cannot be decoded.
    #[error("cannot be decoded")]
    Decode(#[source] ArrowError),
    /// The header of a CSV file cannot be decoded.
    #[error("the header cannot be decoded")]
    Header(#[source] ArrowError),
    /// Two columns have one name.
    #[error("two columns are named {name:?}")]
    DuplicateColumn {
        /// The name.
        name: String,
    },
    /// A wanted column is not there.
    #[error("no column {name:?}; it has: {}", .has.join(", "))]
    NoColumn {
        /// The wanted column.
        name: String,
        /// The columns that are there, in the order of the file.
        has: Vec<String>,
    },
    /// A line of NDJSON lacks a field that may not be null.
    #[error("is missing; the line has: {}", .has.join(", "))]
    Missing {
        /// The fields of the line, in its order.
        has: Vec<String>,
    },
    /// A row of a CSV file has more or fewer fields than the header.
    #[error("the number of fields is {found}, but the header has {expected}")]
    Ragged {
        /// How many fields the header has.
        expected: usize,
        /// How many the row has: a number, or `more than` a number.
        found: String,
    },
    /// A CSV file that ends inside a quoted field, which begins in the row of the error.
    #[error("the file ends inside a quoted field that begins here: its closing quote is missing, or the file was cut")]
    OpenQuote,
    /// A quoted field of CSV with text after its closing quote.
    #[error("a quoted field has text after its closing quote: inside a quoted field a quote is written twice")]
    TextAfterQuote,
    /// Bytes that are not UTF-8.
    #[error("is not UTF-8")]
    Utf8,
    /// The column's type cannot become the wanted type.
    #[error("is of type {found} where {expected} is expected")]
    Type {
        /// The type in the file.
        found: String,
        /// The wanted type.
        expected: ValueType,
    },
    /// The column's type is none of ours.
    #[error(
        "is of type {found}, which has no counterpart here (they are bool, int64, float64, text, time and list<float64>): leave \
         the column out, or write it as one of them"
    )]
    Foreign {
        /// The type in the file.
        found: String,
    },
    /// A null where none may be.
    #[error("is null")]
    Null,
    /// Integers where times are wanted, without a declared unit.
    #[error(
        "holds integers where time is expected: declare their unit (s, ms, us or ns) with event_time_unit or arrival_time_unit of the source, or --as-of-unit for a spine"
    )]
    NoUnit {
        /// The column.
        name: String,
    },
    /// A value that is not what it should be; the text quotes it.
    #[error("{0}")]
    Value(String),
    /// A line that is not JSON.
    #[error("is not JSON: {0}")]
    Json(String),
    /// A line beyond the limit.
    #[error("is longer than {bytes_max} bytes")]
    LongLine {
        /// The limit.
        bytes_max: u64,
    },
    /// A column beyond the limits of memory.
    #[error(transparent)]
    TooLarge(#[from] ColumnError),
}

/// An output that cannot be written, and why.
#[derive(Debug)]
pub struct OutputError {
    /// The file that was to be written.
    pub path: PathBuf,
    /// What is wrong.
    pub fault: Box<OutputFault>,
}

impl OutputError {
    /// A fault of the output at `path`.
    pub fn new(path: &Path, fault: OutputFault) -> Self {
        Self { path: path.to_owned(), fault: Box::new(fault) }
    }
}

impl fmt::Display for OutputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.fault)
    }
}

impl std::error::Error for OutputError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.fault.source()
    }
}

/// What can be wrong with an output.
#[derive(Debug, thiserror::Error)]
pub enum OutputFault {
    /// The extension tells no known format.
    #[error("unknown file format: the name must end in .parquet, .pq, .csv, .ndjson or .jsonl")]
    Format,
    /// The path is that of a directory.
    #[error("is a directory")]
    Directory,
    /// No file can be made in the target's directory.
    #[error("cannot make a file in {}", directory.display())]
    Create {
        /// The directory.
        directory: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Writing, syncing or renaming failed.
    #[error("cannot be written")]
    Write(#[source] std::io::Error),
    /// The Parquet encoder failed, or its writes did.
    #[error("cannot be written")]
    Parquet(#[source] ParquetError),
    /// The rows cannot be put into the format.
    #[error("cannot be encoded")]
    Encode(#[source] ArrowError),
}
