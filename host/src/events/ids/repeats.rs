//! Which rows of a source's files are left out because of their ids.

use std::fmt;
use std::path::PathBuf;

use super::IdIndexWriter;
use super::content::ContentFields;
use super::finder::Finder;
use super::records::{Place, Record, Records};
use crate::entity::KeyInterner;
use crate::events::{Pushed, ReadError, ReadOptions, SourceInput};
use crate::files::Input;
use crate::schema::Field;

/// Conflicts of a source that are shown one by one.
const CONFLICTS_SHOWN: usize = 10;

/// Of the memory of a run, the records of ids take one part in so many before they go through the disk.
const MEMORY_SHARE: u64 = 16;

/// Of which entities repeats are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdScope {
    /// Of all, so that their numbers can be told.
    All,
    /// Of those that are asked for: to answer a question.
    Asked,
}

/// The rows of a source's files that are left out because another event of their entity has their id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Repeats {
    /// Per file.
    files: Vec<FileRepeats>,
}

/// Those of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct FileRepeats {
    /// One bit per row, as far as there is one.
    left_out: Vec<u64>,
    repeats: u64,
    conflicts: u64,
    first_conflicts: Vec<IdConflict>,
}

/// A row of a file that was left out though its content is not that of the event whose id it has.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct IdConflict {
    /// Its row, from 1.
    pub row: u64,
    /// The id.
    pub event_id: String,
    /// The copy that counts.
    pub counts: FirstCopy,
}

/// The copy of an event that counts.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FirstCopy {
    /// A row of a file, from 1.
    Row {
        /// The file.
        path: PathBuf,
        /// The row.
        row: u64,
    },
    /// An event of the log.
    Logged {
        /// Its offset.
        offset: u64,
    },
}

impl fmt::Display for FirstCopy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row { path, row } => write!(f, "row {row} of {}", path.display()),
            Self::Logged { offset } => write!(f, "the event at offset {offset} of the log"),
        }
    }
}

impl Repeats {
    /// Whether a row, from 0, of a file of the source is left out.
    pub(crate) fn leaves_out(&self, file: usize, row: u64) -> bool {
        let word = self.files.get(file).and_then(|file| file.left_out.get((row / 64) as usize));
        word.is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    /// How many rows of a file are repeats, and how many conflicts, of which the first are shown.
    pub(crate) fn of_file(&self, file: usize) -> (u64, u64, &[IdConflict]) {
        let of = |file: &'_ FileRepeats| (file.repeats, file.conflicts);
        let (repeats, conflicts) = self.files.get(file).map_or((0, 0), of);
        (repeats, conflicts, self.files.get(file).map_or(&[], |file| &file.first_conflicts))
    }
}

/// What the records of some ids tell.
#[derive(Default)]
struct Decided {
    /// Rows that are left out, and whether each is a conflict.
    left_out: Vec<(Place, bool)>,
    /// The first conflicts, and the copy that counts instead of each.
    conflicts: Vec<(Place, Place)>,
    /// The id and content of the rows that count, where an index is made.
    index: Vec<(u128, u128)>,
}

/// Finds the rows of the files of `input` that are left out. Their content is made of `fields`, beside key and event time.
/// With `asked`, only events of these entities matter. With `index`, the ids of all rows that count go there, in order.
pub(crate) fn find_repeats(
    input: &SourceInput<'_>,
    fields: &[Field],
    asked: Option<&KeyInterner>,
    mut index: Option<&mut IdIndexWriter>,
    options: ReadOptions<'_>,
) -> Result<Repeats, ReadError> {
    let mut repeats = Repeats { files: vec![FileRepeats::default(); input.files.len()] };
    let Some(id) = &input.source.event_id else { return Ok(repeats) };
    let content = ContentFields::new(input.source, fields);
    let SourceInput { storage, source, keys, files, up_to, .. } = input;
    let finder = Finder { storage, source, keys, files, up_to: *up_to, id, content: &content, asked, options };
    let mut records = Records::new(options.memory_bytes / MEMORY_SHARE, options.spill_dir);
    finder.read_files(&mut records)?;
    if let Some(pushed) = &input.pushed {
        let up_to = input.ids_up_to.min(pushed.log.last_offset()?);
        finder.read_log(&Pushed { log: pushed.log, up_to }, &mut records)?;
    }
    let (mut conflicts, wants_index) = (Vec::new(), index.is_some());
    records.each_sorted(
        options.threads,
        |records| decide(records, wants_index),
        |decided| {
            repeats.take(&decided.left_out);
            conflicts.extend(decided.conflicts);
            keep_first(&mut conflicts);
            match &mut index {
                Some(index) => decided.index.iter().try_for_each(|(id, content)| index.add(*id, *content)),
                None => Ok(()),
            }
        },
    )?;
    finder.show(&conflicts, &mut repeats)?;
    Ok(repeats)
}

impl Repeats {
    fn take(&mut self, left_out: &[(Place, bool)]) {
        for (place, is_conflict) in left_out {
            let Some((file, row)) = place.file_row() else { continue };
            let file = &mut self.files[file];
            let word = (row / 64) as usize;
            if file.left_out.len() <= word {
                file.left_out.resize(word + 1, 0);
            }
            file.left_out[word] |= 1 << (row % 64);
            file.repeats += u64::from(!is_conflict);
            file.conflicts += u64::from(*is_conflict);
        }
    }
}

/// Keeps those of the first places.
fn keep_first(conflicts: &mut Vec<(Place, Place)>) {
    conflicts.sort_unstable();
    conflicts.truncate(CONFLICTS_SHOWN);
}

/// Of the events of one id and entity, the one in the log counts, or else the first that was known, by place where several were
/// known at once.
fn decide(records: &mut [Record], wants_index: bool) -> Decided {
    let mut decided = Decided::default();
    for same_id in records.chunk_by_mut(|one, other| one.id == other.id) {
        if same_id.len() > 1 {
            same_id.sort_unstable_by_key(|record| (record.entity, record.available_at, record.place));
        }
        for copies in same_id.chunk_by(|one, other| one.entity == other.entity) {
            let counts = &copies[0];
            if wants_index && counts.place.offset().is_none() {
                decided.index.push((counts.id, counts.content));
            }
            for copy in &copies[1..] {
                let is_conflict = copy.content != counts.content;
                decided.left_out.push((copy.place, is_conflict));
                if is_conflict {
                    decided.conflicts.push((copy.place, counts.place));
                }
            }
            if decided.conflicts.len() > 4 * CONFLICTS_SHOWN {
                keep_first(&mut decided.conflicts);
            }
        }
    }
    decided
}

impl Finder<'_> {
    /// Finds the ids of the conflicts that are shown, and tells them with their files.
    fn show(&self, conflicts: &[(Place, Place)], repeats: &mut Repeats) -> Result<(), ReadError> {
        let copy = |place: Place| match (place.offset(), place.file_row()) {
            (_, Some((file, row))) => FirstCopy::Row { path: self.files[file].clone(), row: row + 1 },
            (offset, None) => FirstCopy::Logged { offset: offset.unwrap_or_default() },
        };
        for (file, path) in self.files.iter().enumerate() {
            let of_file = |(place, counts): &(Place, Place)| {
                place.file_row().filter(|(at, _)| *at == file).map(|(_, row)| (row, *counts))
            };
            let rows: Vec<(u64, Place)> = conflicts.iter().filter_map(of_file).collect();
            if rows.is_empty() {
                continue;
            }
            let ids =
                self.ids_of(&Input::open(self.storage, path)?, &rows.iter().map(|(row, _)| *row).collect::<Vec<_>>())?;
            let shown = rows.into_iter().zip(ids);
            let conflict = |((row, counts), event_id)| IdConflict { row: row + 1, event_id, counts: copy(counts) };
            repeats.files[file].first_conflicts = shown.map(conflict).collect();
        }
        Ok(())
    }
}
