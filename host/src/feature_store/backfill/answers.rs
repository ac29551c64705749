//! Answers on disk: one file per partition or slice of one, each in the order of the spine's rows, read together in that order.

use crate::Error;
use crate::batch::{Column, Lane, Values, in_order};
use crate::files::{SpillFolder, SpillReader, Spilled};
use crate::schema::ValueType;

/// The answers of one stage, for rows that are asked for in increasing order.
pub(super) struct AnswersReader {
    types: Vec<ValueType>,
    files: Vec<Cursor>,
}

/// The next rows of one file.
struct Cursor {
    reader: SpillReader,
    rows: Vec<i64>,
    columns: Vec<Column>,
    next: usize,
}

impl AnswersReader {
    /// Opens the files. Their columns are the number of the row, then the features, of `types`.
    pub(super) fn open(folder: &SpillFolder, files: &[Spilled], types: &[ValueType]) -> Result<Self, Error> {
        let all: Vec<ValueType> = std::iter::once(ValueType::Int64).chain(types.iter().copied()).collect();
        let cursor = |file: &Spilled| {
            let reader = folder.open(file, &all)?;
            Ok::<_, Error>(Cursor { reader, rows: Vec::new(), columns: Vec::new(), next: 0 })
        };
        Ok(Self { types: types.to_vec(), files: files.iter().map(cursor).collect::<Result<_, _>>()? })
    }

    /// The features of the rows `start..start + rows`, which follow those asked for before.
    pub(super) fn next(&mut self, start: u64, rows: usize) -> Result<Vec<Column>, Error> {
        self.take((start + rows as u64) as i64, rows, |row| (row - start as i64) as u32)
    }

    /// The features of some rows, which increase, follow those asked for before, and are all that the files have up to the last.
    pub(super) fn next_of(&mut self, rows: &[i64]) -> Result<Vec<Column>, Error> {
        let end = rows.last().map_or(0, |last| last + 1);
        self.take(end, rows.len(), |row| rows.partition_point(|known| *known < row) as u32)
    }

    /// The features of the `rows` rows before `end`, each at its place.
    fn take(&mut self, end: i64, rows: usize, place: impl Fn(i64) -> u32) -> Result<Vec<Column>, Error> {
        let (mut parts, mut places): (Vec<Vec<Column>>, Vec<Vec<u32>>) = (Vec::new(), Vec::new());
        for cursor in &mut self.files {
            while cursor.fill()? && cursor.rows[cursor.next] < end {
                let taken = cursor.rows[cursor.next..].partition_point(|row| *row < end);
                let range = cursor.next..cursor.next + taken;
                places.push(cursor.rows[range.clone()].iter().map(|row| place(*row)).collect());
                let part = cursor.columns.iter().map(|column| {
                    let mut part = Column::with_capacity(column.value_type(), taken);
                    part.extend_range(column, range.clone()).map(|()| part)
                });
                parts.push(part.collect::<Result<_, _>>()?);
                cursor.next = range.end;
            }
        }
        let mut features = Vec::with_capacity(self.types.len());
        for (at, value_type) in self.types.iter().enumerate() {
            let of = parts
                .iter_mut()
                .zip(&places)
                .map(|(part, places)| (std::mem::replace(&mut part[at], Column::new(*value_type)), &places[..]));
            features.push(in_order(*value_type, rows, of)?);
        }
        Ok(features)
    }
}

impl Cursor {
    /// Reads on where nothing is left; gives false at the end.
    fn fill(&mut self) -> Result<bool, Error> {
        while self.next == self.rows.len() {
            let Some(lanes) = self.reader.next().transpose()? else { return Ok(false) };
            let mut columns = lanes.into_iter().map(Lane::into_column).collect::<Result<Vec<_>, _>>()?;
            self.rows = match columns.remove(0).into_values() {
                Values::Int64s(rows) => rows,
                _ => Vec::new(),
            };
            (self.columns, self.next) = (columns, 0);
        }
        Ok(true)
    }
}
