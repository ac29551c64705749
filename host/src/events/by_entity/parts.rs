//! Events that wait to be sorted, by parts: in memory, or in files.

use std::ops::Range;
use std::path::Path;

use crate::batch::{Column, ColumnError, FieldLane, Lane, SHORT_BYTES_MAX, Texts, Values, short_text};
use crate::entity::hash_bytes;
use crate::events::EventChunk;
use crate::files::{LOCK_NAME, SPILL_PREFIX, SPILL_SUFFIX, SpillFolder, SpillWriter, Spilled};

/// Parts, as a power of two: the highest bits of the hashes.
pub(super) const BITS: u32 = 8;

/// A text field with more values than so many is kept by its texts, for codes of many texts cost much to bring together.
const CODES_MAX: usize = 16;

/// Rows that are sorted at a time, about: small enough for a cache, and more than a batch.
const SORTED_ROWS: usize = 1 << 15;

/// Files of the parts.
pub(super) struct SpilledParts {
    dir: tempfile::TempDir,
    lock: std::fs::File,
    folder: SpillFolder,
    pub(super) writers: Vec<SpillWriter>,
}

/// Where the events of all parts are.
pub(super) enum Parts {
    Held(Vec<EventChunk>),
    Spilled { _held: (std::fs::File, tempfile::TempDir), folder: SpillFolder, files: Vec<Spilled> },
}

/// Columns of events: hash, keys, event time, when they were known, fields.
pub(super) type Columns = Vec<FieldLane>;

impl SpilledParts {
    pub(super) fn create(dir: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(dir)?;
        let dir = tempfile::Builder::new().prefix(SPILL_PREFIX).suffix(SPILL_SUFFIX).tempdir_in(dir)?;
        // Held while the folder is in use: what a process that died has left goes with the next run.
        let lock = std::fs::File::create(dir.path().join(LOCK_NAME))?;
        let _ = lock.try_lock();
        // Its name is one that no other folder has.
        let folder = SpillFolder::new(dir.path(), hash_bytes(dir.path().as_os_str().as_encoded_bytes()));
        let writer = |part: usize| folder.create(&part.to_string());
        let writers = (0..1 << BITS).map(writer).collect::<Result<_, _>>().map_err(std::io::Error::other)?;
        Ok(Self { dir, lock, folder, writers })
    }

    pub(super) fn finish(self) -> std::io::Result<Parts> {
        let files = self.writers.into_iter().map(SpillWriter::finish).collect::<Result<_, _>>();
        Ok(Parts::Spilled {
            _held: (self.lock, self.dir),
            folder: self.folder,
            files: files.map_err(std::io::Error::other)?,
        })
    }
}

impl Parts {
    /// Consecutive parts that are sorted together; those of files have no more than so many bytes, unless one alone has.
    pub(super) fn groups(&self, bytes_max: u64) -> Vec<Range<usize>> {
        let size_of = |part: usize| match self {
            Self::Held(chunks) => (chunks.iter().map(|chunk| chunk.of(part).len()).sum::<usize>(), 0),
            Self::Spilled { files, .. } => (files[part].rows as usize, files[part].bytes),
        };
        let (mut groups, mut start, mut rows, mut bytes) = (Vec::new(), 0, 0, 0);
        for part in 0..1 << BITS {
            let (of_rows, of_bytes) = size_of(part);
            if rows > 0 && (rows + of_rows > SORTED_ROWS || bytes + of_bytes > bytes_max) {
                groups.push(start..part);
                (start, rows, bytes) = (part, 0, 0);
            }
            (rows, bytes) = (rows + of_rows, bytes + of_bytes);
        }
        groups.push(start..1 << BITS);
        groups
    }
}

pub(super) fn column(values: Values) -> FieldLane {
    FieldLane::Column(Column::from_parts(values, None))
}

pub(super) fn rows_of(hashes: &FieldLane) -> usize {
    self::hashes(hashes).len()
}

/// The values of the column of hashes.
pub(super) fn hashes(lane: &FieldLane) -> &[i64] {
    match lane {
        FieldLane::Column(column) => match column.values() {
            Values::Int64s(hashes) => hashes,
            _ => &[],
        },
        _ => &[],
    }
}

/// Some rows of a lane, in a form that is cheaply brought together with others.
pub(super) fn gathered(lane: &Lane, rows: &[u32]) -> Result<FieldLane, ColumnError> {
    match lane {
        Lane::Coded(codes, texts) if texts.ends.len() > CODES_MAX => Ok(match shorts(texts) {
            Some(shorts) => FieldLane::Short(rows.iter().map(|row| shorts[codes[*row as usize] as usize]).collect()),
            None => FieldLane::Column(lane.take(rows).into_column()?),
        }),
        Lane::Short(texts) => match FieldLane::gather(lane, rows)? {
            FieldLane::Coded(_, dictionary) if dictionary.ends.len() > CODES_MAX => {
                Ok(FieldLane::Short(rows.iter().map(|row| texts[*row as usize]).collect()))
            }
            other => Ok(other),
        },
        Lane::Column(column) => match column.values() {
            Values::Texts(texts) if column.nulls().is_none() => match shorts(texts) {
                Some(texts) => gathered(&Lane::Short(texts), rows),
                None => FieldLane::gather(lane, rows),
            },
            _ => FieldLane::gather(lane, rows),
        },
        Lane::Coded(..) => FieldLane::gather(lane, rows),
    }
}

/// Some rows of a lane, in the form that takes least room: rows of one entity lie together, so that a batch has few keys.
pub(super) fn stored(lane: &FieldLane, rows: &[u32]) -> Result<FieldLane, ColumnError> {
    let coded = |texts: Vec<u128>| {
        let all: Vec<u32> = (0..texts.len() as u32).collect();
        FieldLane::gather(&Lane::Short(texts), &all)
    };
    match lane {
        FieldLane::Column(column) => {
            let taken = column.take(rows)?;
            let texts = match taken.values() {
                Values::Texts(texts) if taken.nulls().is_none() => shorts(texts),
                _ => None,
            };
            texts.map_or(Ok(FieldLane::Column(taken)), coded)
        }
        FieldLane::Coded(codes, texts) => {
            Ok(FieldLane::Coded(rows.iter().map(|row| codes[*row as usize]).collect(), texts.clone()))
        }
        FieldLane::Short(texts) => coded(rows.iter().map(|row| texts[*row as usize]).collect()),
    }
}

/// The texts as short ones, if they are.
fn shorts(texts: &Texts) -> Option<Vec<u128>> {
    let short = |row: usize| Some(texts.get(row)).filter(|text| text.len() <= SHORT_BYTES_MAX).map(short_text);
    (0..texts.ends.len()).map(short).collect()
}

/// Appends rows.
pub(super) fn join(all: &mut Columns, columns: Columns) -> std::io::Result<()> {
    if all.is_empty() {
        *all = columns;
        return Ok(());
    }
    for (all, column) in all.iter_mut().zip(&columns) {
        let rows = match column {
            FieldLane::Column(column) => column.len(),
            FieldLane::Coded(codes, _) => codes.len(),
            FieldLane::Short(texts) => texts.len(),
        };
        all.extend(column, 0..rows).map_err(std::io::Error::other)?;
    }
    Ok(())
}
