//! The files of a source, part by part.

use std::path::PathBuf;
use std::sync::Arc;

use super::{EventBatch, EventSource, Position, SourcePart};
use crate::batch::Lane;
use crate::events::fields::{incoming_of_file, wanted_fields, widened};
use crate::events::times::{availabilities, time_columns, times};
use crate::events::{ReadError, SourceInput};
use crate::files::{Input, InputError, Nulls, Sheet, Storage, Wanted};
use crate::project::{Key, Source};
use crate::schema::Field;

/// The history of a source: its files in the declared order, each as the parts that its format has. A position is a row of a file.
pub struct HistorySource<'a> {
    source: &'a Source,
    keys: usize,
    /// The fields that may be read as whole numbers and are float64.
    fields: &'a [Field],
    files: Vec<HistoryFile>,
    parts: Vec<SourcePart>,
    /// The number of each part within its file.
    numbers: Vec<usize>,
}

/// A file, and what is read of it: key columns, event time, arrival time, then the columns that are asked for.
struct HistoryFile {
    input: Input,
    wanted: Vec<Wanted>,
}

impl<'a> HistorySource<'a> {
    /// The history of `input`, with the columns `fields`. A nullable one that a file does not have is null in its events.
    pub fn open(input: &SourceInput<'a>, fields: &'a [Field]) -> Result<Self, InputError> {
        let columns = wanted_fields(input.source, fields);
        let history = Self::with_columns(&input.storage, input.source, input.keys, &input.files, &columns)?;
        Ok(Self { fields, ..history })
    }

    /// The history of a source in `files` of a storage, with columns of other types than those of fields.
    pub(crate) fn with_columns(
        storage: &Arc<dyn Storage>,
        source: &'a Source,
        keys: &[Key],
        files: &[PathBuf],
        columns: &[Wanted],
    ) -> Result<Self, InputError> {
        let all = keys.iter().map(|key| Wanted::new(&key.name, key.key_type.value_type(), Nulls::Refused));
        let all: Vec<Wanted> = all.chain(time_columns(source)).chain(columns.iter().cloned()).collect();
        let open = |path: &PathBuf| {
            let input = Input::open(storage, path)?;
            let wanted = incoming_of_file(source, &input, all.clone())?;
            Ok(HistoryFile { input, wanted })
        };
        let files = files.iter().map(open).collect::<Result<Vec<HistoryFile>, InputError>>()?;
        let (mut parts, mut numbers) = (Vec::new(), Vec::new());
        for (file, HistoryFile { input, .. }) in files.iter().enumerate() {
            for (number, part) in input.parts().into_iter().enumerate() {
                parts.push(SourcePart { file, rows: part.rows, bytes: part.bytes });
                numbers.push(number);
            }
        }
        Ok(Self { source, keys: keys.len(), fields: &[], files, parts, numbers })
    }

    /// The columns of a sheet as events.
    fn batch(&self, file: &HistoryFile, mut sheet: Sheet) -> Result<EventBatch, ReadError> {
        self.widen(file, &mut sheet)?;
        let Sheet { lanes, rows, rows_before, rounded } = sheet;
        let mut lanes = lanes.into_iter();
        let keys = lanes.by_ref().take(self.keys).collect();
        let event_times = lanes.next().map(times).transpose()?.unwrap_or_default();
        let arrivals = if self.source.arrival_time.is_some() { lanes.next() } else { None };
        let available_at = arrivals.as_ref().map(|arrivals| availabilities(&event_times, arrivals));
        let fields = lanes.collect();
        let until = Position { group: 0, at: rows_before + rows as u64 };
        Ok(EventBatch { rows, keys, event_times, available_at, arrivals, log_offsets: None, fields, rounded, until })
    }

    /// Makes float64 of the fields that are whole numbers in the schema and are read as that.
    fn widen(&self, file: &HistoryFile, sheet: &mut Sheet) -> Result<(), ReadError> {
        let first = file.wanted.len() - self.fields.len();
        for (at, (wanted, field)) in (first..).zip(file.wanted[first..].iter().zip(self.fields)) {
            if wanted.value_type != field.value_type {
                let wrong = |row: usize, fault| {
                    let row = sheet.rows_before + row as u64 + 1;
                    InputError::new(file.input.path(), fault).at_row(row).in_column(&wanted.name)
                };
                let lane = std::mem::replace(&mut sheet.lanes[at], Lane::Short(Vec::new()));
                sheet.lanes[at] = widened(lane, wrong)?;
            }
        }
        Ok(())
    }
}

impl EventSource for HistorySource<'_> {
    fn parts(&self) -> &[SourcePart] {
        &self.parts
    }

    fn read(
        &self,
        part: usize,
        after: Position,
        take: &mut dyn FnMut(EventBatch) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let file = &self.files[self.parts[part].file];
        file.input.read(self.numbers[part], &file.wanted, &mut |sheet: Sheet| match from(sheet, after) {
            Some(sheet) => take(self.batch(file, sheet)?),
            None => Ok(()),
        })
    }
}

/// The rows of a sheet that come after a position, if there are some.
fn from(mut sheet: Sheet, after: Position) -> Option<Sheet> {
    let known = after.at.saturating_sub(sheet.rows_before).min(sheet.rows as u64) as usize;
    if known > 0 {
        let rest: Vec<u32> = (known as u32..sheet.rows as u32).collect();
        sheet.lanes = sheet.lanes.iter().map(|lane| lane.take(&rest)).collect();
        sheet.rows -= known;
        sheet.rows_before += known as u64;
    }
    (sheet.rows > 0).then_some(sheet)
}
