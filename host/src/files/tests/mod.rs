//! Whole files: what is read from each format, what is refused and with which words, and what is written.

mod bad;
mod documented;
mod int96;
mod output;
mod page_checksums;
mod parts;
mod same;
mod table;
mod types;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::file::properties::WriterProperties;
use arrow::array::{ArrayRef, RecordBatch};
use tempfile::TempDir;

use super::{FileSystem, InputError, Nulls, Rest, Storage, Table, Wanted, open};
use crate::batch::Column;
use crate::schema::ValueType;
use crate::time::{TimeForm, TimeUnit};

fn file_system() -> Arc<dyn Storage> {
    Arc::new(FileSystem)
}

/// A directory of one test's files.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn text(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).expect("a file");
        path
    }

    fn parquet(&self, name: &str, columns: Vec<(&str, ArrayRef)>) -> PathBuf {
        self.parquet_with(name, columns, None)
    }

    fn parquet_with(
        &self,
        name: &str,
        columns: Vec<(&str, ArrayRef)>,
        properties: Option<WriterProperties>,
    ) -> PathBuf {
        let path = self.path(name);
        let batch =
            RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)));
        let batch = batch.expect("a batch");
        let file = std::fs::File::create(&path).expect("a file");
        let mut writer = ArrowWriter::try_new(file, batch.schema(), properties).expect("a writer");
        writer.write(&batch).expect("rows");
        writer.close().expect("a footer");
        path
    }

    /// A message without the directory.
    fn told(&self, error: &InputError) -> String {
        let told = error.to_string();
        told.strip_prefix(&format!("{}/", self.0.path().display())).expect("the file comes first").to_owned()
    }
}

fn wanted(name: &str, value_type: ValueType) -> Wanted {
    Wanted::new(name, value_type, Nulls::Allowed)
}

fn required(name: &str, value_type: ValueType) -> Wanted {
    Wanted::new(name, value_type, Nulls::Refused)
}

/// A column of times that may be numbers of `unit`.
fn in_unit(name: &str, unit: TimeUnit) -> Wanted {
    Wanted::time(name, Nulls::Allowed, TimeForm { unit: Some(unit), ..TimeForm::default() })
}

fn read(path: &Path, wanted: &[Wanted], rest: Rest) -> Result<Vec<Table>, InputError> {
    open(&FileSystem, path, wanted, rest)?.collect()
}

/// The one column `name` of a file, all tables together.
fn read_column(path: &Path, wanted: Wanted) -> Result<Column, InputError> {
    let mut column = Column::new(wanted.value_type);
    for table in read(path, &[wanted], Rest::Ignore)? {
        column.append(&table.columns[0]).expect("one type");
    }
    Ok(column)
}

/// The values of a column as people read them.
fn shown(column: &Column) -> String {
    (0..column.len()).map(|row| column.value(row).to_string()).collect::<Vec<_>>().join(" ")
}

fn array(array: impl arrow::array::Array + 'static) -> ArrayRef {
    Arc::new(array)
}
