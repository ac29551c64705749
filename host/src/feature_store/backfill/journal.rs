//! What of a backfill is done, so that one that died goes on: a file with one JSON document a line, beside what it tells of.
//!
//! A line is written when what it tells of is on disk. A line that was cut short, and a file whose size is not the one that was
//! noted, are done again.

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::events::FileCount;
use crate::feature_store::summary::{LeftOut, SpineSeen, ViewSeen};
use crate::files::Spilled;
use crate::log::ViewIdentity;

/// The journal's name in its folder.
const NAME: &str = "journal.ndjson";

/// What must be the same for a run to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Begun {
    /// A digest of the features and the options that decide the output.
    pub(super) plan: String,
    /// The identities of the views, by name and version.
    pub(super) views: BTreeMap<String, ViewIdentity>,
    /// The files that are read, by path, size and version.
    pub(super) inputs: Vec<(PathBuf, u64, String)>,
    /// How many partitions, as a power of two.
    pub(super) bits: u32,
    /// The newest offset of the log when the run began.
    pub(super) log_offset: Option<u64>,
    /// The identity of the log, with its epoch: the stamps of another epoch are others.
    pub(super) log: Option<String>,
}

/// A stage whose spine and events are divided.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Prepared {
    pub(super) rows: u64,
    /// What the spine asked.
    pub(super) asked: SpineSeen,
    /// Per partition, its rows of the spine.
    pub(super) spine: Vec<Spilled>,
    /// Per feed and partition, its events.
    pub(super) feeds: Vec<Vec<SpilledEvents>>,
    pub(super) files: Vec<FileCount>,
    pub(super) left_out: Vec<LeftOut>,
}

/// Events of a feed on disk: those of its first source, then those of the second, and so on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SpilledEvents {
    pub(super) file: Spilled,
    /// How many each source has.
    pub(super) of_sources: Vec<u64>,
}

impl Prepared {
    pub(super) fn bytes(&self) -> u64 {
        self.all().map(|file| file.bytes).sum()
    }

    /// All its files.
    pub(super) fn all(&self) -> impl Iterator<Item = &Spilled> {
        self.spine.iter().chain(self.feeds.iter().flatten().map(|events| &events.file))
    }
}

/// A partition that is answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Done {
    pub(super) answers: Spilled,
    /// Bytes of its slices, where it was cut into some; 0 where it was not.
    pub(super) sliced_bytes: u64,
    pub(super) entities: u64,
    /// Per view of the stage, what the rows saw.
    pub(super) seen: Vec<ViewSeen>,
    pub(super) failures: u64,
    /// The first of them: view, first row of the entity, which of its failures, message.
    pub(super) first_failures: Vec<(usize, i64, usize, String)>,
}

#[derive(Serialize, Deserialize)]
enum Line {
    Begun(Begun),
    Prepared { stage: usize, prepared: Prepared },
    Done { stage: usize, partition: usize, done: Done },
}

/// The journal of one run; without a file it remembers nothing.
pub(super) struct Journal {
    dir: PathBuf,
    file: Option<File>,
    prepared: HashMap<usize, Prepared>,
    done: HashMap<(usize, usize), Done>,
}

impl Journal {
    /// A run that is not to go on after it dies.
    pub(super) fn none() -> Self {
        Self { dir: PathBuf::new(), file: None, prepared: HashMap::new(), done: HashMap::new() }
    }

    /// What an earlier run in `dir` began with, if there was one.
    pub(super) fn begun(dir: &Path) -> Option<Begun> {
        match lines(dir).next()? {
            Line::Begun(begun) => Some(begun),
            _ => None,
        }
    }

    /// Goes on with the journal in `dir`, which began with `begun`, or begins it.
    pub(super) fn open(dir: &Path, begun: &Begun) -> Result<Self, Error> {
        let mut journal = Self { dir: dir.to_owned(), ..Self::none() };
        for line in lines(dir) {
            match line {
                Line::Begun(_) => {}
                Line::Prepared { stage, prepared } => drop(journal.prepared.insert(stage, prepared)),
                Line::Done { stage, partition, done } => drop(journal.done.insert((stage, partition), done)),
            }
        }
        let path = dir.join(NAME);
        let is_new = Self::begun(dir).is_none();
        let mut options = OpenOptions::new();
        options.create(true).write(true).truncate(is_new).append(!is_new);
        let mut file = options.open(&path).map_err(|source| Error::Write { path: path.clone(), source })?;
        if !is_new {
            // A line that was cut short ends here.
            file.write_all(b"\n").map_err(|source| Error::Write { path, source })?;
        }
        journal.file = Some(file);
        if is_new {
            journal.note(&Line::Begun(begun.clone()))?;
        }
        Ok(journal)
    }

    /// The division of a stage, if it is whole, or if its partitions do not need it any more.
    pub(super) fn prepared(&self, stage: usize) -> Option<Prepared> {
        let prepared = self.prepared.get(&stage)?;
        let needed = |partition: usize| self.done(stage, partition).is_none();
        let is_whole = |(partition, file): (usize, &Spilled)| !needed(partition) || self.is_there(file);
        let events = prepared.feeds.iter().flat_map(|files| files.iter().map(|events| &events.file).enumerate());
        prepared.spine.iter().enumerate().chain(events).all(is_whole).then(|| prepared.clone())
    }

    /// The answers of a partition, if they are whole.
    pub(super) fn done(&self, stage: usize, partition: usize) -> Option<Done> {
        self.done.get(&(stage, partition)).filter(|done| self.is_there(&done.answers)).cloned()
    }

    pub(super) fn note_prepared(&mut self, stage: usize, prepared: &Prepared) -> Result<(), Error> {
        self.note(&Line::Prepared { stage, prepared: prepared.clone() })
    }

    pub(super) fn note_done(&mut self, stage: usize, partition: usize, done: &Done) -> Result<(), Error> {
        self.note(&Line::Done { stage, partition, done: done.clone() })
    }

    fn is_there(&self, file: &Spilled) -> bool {
        std::fs::metadata(self.dir.join(&file.path)).is_ok_and(|metadata| metadata.len() == file.bytes)
    }

    fn note(&mut self, line: &Line) -> Result<(), Error> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut text = serde_json::to_string(line).expect("names, numbers and paths are always JSON");
        text.push('\n');
        file.write_all(text.as_bytes()).map_err(|source| Error::Write { path: self.dir.join(NAME), source })
    }
}

/// The lines of the journal in `dir` that are whole.
fn lines(dir: &Path) -> impl Iterator<Item = Line> {
    let text = std::fs::read_to_string(dir.join(NAME)).unwrap_or_default();
    let lines: Vec<Line> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    lines.into_iter()
}
