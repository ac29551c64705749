//! Rows on their way to the partitions of a stage, on disk.

use std::path::{Path, PathBuf};

use crate::Error;
use crate::batch::{Column, FieldLane};
use crate::files::{SpillWriter, Spilled};
use crate::schema::ValueType;

/// Rows that wait for one partition before they are written.
const WAITING_ROWS: usize = 8_192;

/// One file per partition, all with the same columns.
pub(super) struct Divided {
    types: Vec<ValueType>,
    partitions: Vec<Waiting>,
}

struct Waiting {
    path: PathBuf,
    writer: Option<SpillWriter>,
    columns: Vec<FieldLane>,
    rows: usize,
}

impl Divided {
    /// Files in `dir` whose names begin with `name`; each begins with its first rows.
    pub(super) fn create(dir: &Path, name: &str, partitions: usize, types: Vec<ValueType>) -> Self {
        let waiting = |partition: usize| Waiting {
            path: dir.join(format!("{name}-{partition}.arrow")),
            writer: None,
            columns: empty(&types),
            rows: 0,
        };
        let partitions = (0..partitions).map(waiting).collect();
        Self { types, partitions }
    }

    /// Appends some rows of columns to one partition.
    pub(super) fn push(
        &mut self,
        partition: usize,
        columns: &[&FieldLane],
        rows: std::ops::Range<usize>,
    ) -> Result<(), Error> {
        if rows.is_empty() {
            return Ok(());
        }
        let waiting = &mut self.partitions[partition];
        for (all, column) in waiting.columns.iter_mut().zip(columns) {
            all.extend(column, rows.clone())?;
        }
        waiting.rows += rows.len();
        if waiting.rows >= WAITING_ROWS { waiting.write(&self.types) } else { Ok(()) }
    }

    /// Writes what waits, and gives the files; partitions without rows have one too.
    pub(super) fn finish(self) -> Result<Vec<Spilled>, Error> {
        let types = self.types;
        let finish = |mut waiting: Waiting| {
            waiting.write(&types)?;
            let writer = waiting.writer.take().expect("a write begins the file");
            let spilled = writer.finish()?;
            // Named within its folder: that of a run that goes on may have moved with its output.
            let name = spilled.path.file_name().map(PathBuf::from).unwrap_or_default();
            Ok(Spilled { path: name, ..spilled })
        };
        self.partitions.into_iter().map(finish).collect()
    }
}

impl Waiting {
    fn write(&mut self, types: &[ValueType]) -> Result<(), Error> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => self.writer.insert(SpillWriter::create(&self.path, types)?),
        };
        let columns = std::mem::replace(&mut self.columns, empty(types));
        self.rows = 0;
        let columns = columns.into_iter().map(FieldLane::into_column).collect::<Result<Vec<_>, _>>()?;
        Ok(writer.write(columns)?)
    }
}

fn empty(types: &[ValueType]) -> Vec<FieldLane> {
    types.iter().map(|value_type| FieldLane::Column(Column::new(*value_type))).collect()
}
