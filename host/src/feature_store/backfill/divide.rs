//! Rows on their way to the partitions of a stage, on disk.

use std::ops::Range;
use std::panic::resume_unwind;

use crate::Error;
use crate::batch::FieldLane;
use crate::files::{SpillFolder, SpillWriter, Spilled};

/// Rows that wait for one file before they are written, at most and at least.
pub(in crate::feature_store) const WAITING_ROWS_MAX: usize = 8_192;
const WAITING_ROWS_MIN: usize = 128;

/// How many rows of each of so many files wait in memory before they are written, where about `all` may wait together.
pub(in crate::feature_store) fn waiting_rows(all: usize, files: usize) -> usize {
    (all / files).clamp(WAITING_ROWS_MIN, WAITING_ROWS_MAX)
}

/// One file per partition, all with the same columns.
pub(in crate::feature_store) struct Divided<'a> {
    folder: &'a SpillFolder,
    waiting_rows: usize,
    partitions: Vec<Waiting>,
}

struct Waiting {
    name: String,
    writer: Option<SpillWriter>,
    columns: Vec<FieldLane>,
    rows: usize,
}

impl<'a> Divided<'a> {
    /// Files in `folder` whose names begin with `name`. Of each, up to `waiting_rows` wait in memory.
    pub(in crate::feature_store) fn create(
        folder: &'a SpillFolder,
        name: &str,
        partitions: usize,
        waiting_rows: usize,
    ) -> Self {
        let waiting = |partition: usize| Waiting {
            name: format!("{name}-{partition}.arrow"),
            writer: None,
            columns: Vec::new(),
            rows: 0,
        };
        let partitions = (0..partitions).map(waiting).collect();
        Self { folder, waiting_rows, partitions }
    }

    /// Appends to each partition the rows of columns that are `of` it. The partitions are shared out to `threads`.
    pub(super) fn push(
        &mut self,
        columns: &[&FieldLane],
        of: impl Fn(usize) -> Range<usize> + Sync,
        threads: usize,
    ) -> Result<(), Error> {
        let (folder, waiting_rows, of) = (self.folder, self.waiting_rows, &of);
        let size = self.partitions.len().div_ceil(threads.max(1)).max(1);
        let push = move |share: usize, partitions: &mut [Waiting]| {
            let mut partitions = partitions.iter_mut().enumerate();
            partitions.try_for_each(|(at, waiting)| {
                waiting.push(columns, of(share * size + at), waiting_rows)?;
                if waiting.rows >= waiting_rows { waiting.write(folder) } else { Ok(()) }
            })
        };
        let mut shares = self.partitions.chunks_mut(size).enumerate();
        std::thread::scope(|scope| {
            let first = shares.next();
            let others: Vec<_> = shares.map(|(at, share)| scope.spawn(move || push(at, share))).collect();
            let pushed = first.map_or(Ok(()), |(at, share)| push(at, share));
            let others = others.into_iter().map(|other| other.join().unwrap_or_else(|panic| resume_unwind(panic)));
            others.fold(pushed, Result::and)
        })
    }

    /// Writes what waits, and gives the files; partitions without rows have one too.
    pub(in crate::feature_store) fn finish(self) -> Result<Vec<Spilled>, Error> {
        let finish = |mut waiting: Waiting| {
            waiting.write(self.folder)?;
            let writer = waiting.writer.take().expect("a write begins the file");
            Ok(writer.finish()?)
        };
        self.partitions.into_iter().map(finish).collect()
    }
}

impl Waiting {
    fn push(&mut self, columns: &[&FieldLane], rows: Range<usize>, waiting_rows: usize) -> Result<(), Error> {
        if rows.is_empty() {
            return Ok(());
        }
        if self.rows == 0 {
            // The form of the first rows is that of all that wait, if it can be.
            self.columns = columns.iter().map(|column| column.empty(waiting_rows + rows.len())).collect();
        }
        for (all, column) in self.columns.iter_mut().zip(columns) {
            all.extend(column, rows.clone())?;
        }
        self.rows += rows.len();
        Ok(())
    }

    fn write(&mut self, folder: &SpillFolder) -> Result<(), Error> {
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => self.writer.insert(folder.create(&self.name)?),
        };
        let columns = std::mem::take(&mut self.columns);
        if std::mem::take(&mut self.rows) > 0 {
            writer.write(columns)?;
        }
        Ok(())
    }
}
