//! What of a backfill is done, so that one that died goes on: a file with one JSON document a line, beside what it tells of.
//!
//! A line is written when what it tells of is on disk, and says so once it is on disk itself. It has a checksum, seeded with that
//! of the first line, and so has every file that it names: what is damaged, missing, or of another run is noticed when a run goes
//! on, told, and done again. Nothing is used on the strength of a name or a size.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use twox_hash::XxHash3_64;

use super::failed::Failed;
use crate::Error;
use crate::digest::sha256_hex;
use crate::events::FileCount;
use crate::feature_store::summary::{LeftOut, SpineSeen, ViewSeen};
use crate::files::storage::Version;
use crate::files::{SpillFolder, Spilled};
use crate::log::{LogError, LogReader, ViewIdentity};
use crate::threads;

/// The journal's name in its folder, and that of one which is being written.
const NAME: &str = "journal.ndjson";
const NEW_NAME: &str = "journal.new";

/// The format of its lines. Those of another one tell nothing.
const FORMAT: u32 = 3;

/// Files that are named one by one.
const NAMES_SHOWN: usize = 3;

/// Told of what is damaged and done again.
type Warning = Arc<dyn Fn(&str) + Send + Sync>;

/// What must be the same for a run to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Begun {
    /// A digest of the features and the options that decide the output.
    pub(super) plan: String,
    /// The identities of the views, by name and version.
    pub(super) views: BTreeMap<String, ViewIdentity>,
    /// The files that are read, by path, size and version.
    pub(super) inputs: Vec<(PathBuf, u64, Version)>,
    /// How many partitions, as a power of two.
    pub(super) bits: u32,
    /// The log when the run began, if there was one.
    pub(super) log: Option<LogEnd>,
}

/// A log as far as a run reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LogEnd {
    identity: String,
    /// The last offset.
    pub(super) offset: u64,
    /// A digest of the event there, which tells two logs apart that began as one.
    event: Option<String>,
}

impl LogEnd {
    /// The log up to an offset.
    pub(super) fn of(log: &dyn LogReader, offset: u64) -> Result<Self, LogError> {
        let digest = |event: crate::log::LoggedEvent| {
            let times = (event.event_time.micros(), event.available_at.micros());
            sha256_hex(format!("{:?}", (event.source, event.key.encode(), times, event.event_id, event.fields)))
        };
        let event = log.event_at(offset)?.map(digest);
        Ok(Self { identity: log.identity().to_owned(), offset, event })
    }
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
pub(in crate::feature_store) struct SpilledEvents {
    pub(in crate::feature_store) file: Spilled,
    /// How many each source has.
    pub(in crate::feature_store) of_sources: Vec<u64>,
}

impl Prepared {
    pub(super) fn bytes(&self) -> u64 {
        self.all().map(|file| file.bytes).sum()
    }

    /// Its files, each with its partition.
    fn by_partition(&self) -> impl Iterator<Item = (usize, &Spilled)> {
        let feeds = self.feeds.iter().flat_map(|files| files.iter().map(|events| &events.file).enumerate());
        self.spine.iter().enumerate().chain(feeds)
    }

    /// Whether it is one into so many partitions.
    fn is_of(&self, partitions: usize) -> bool {
        self.spine.len() == partitions && self.feeds.iter().all(|files| files.len() == partitions)
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
    /// Rows without an answer.
    pub(super) failed: Failed,
    /// The first of them: view, first row of the entity, which of its failures, message.
    pub(super) first_failures: Vec<(usize, i64, usize, String)>,
}

#[derive(Serialize, Deserialize)]
enum Entry {
    Begun(Begun),
    Prepared { stage: usize, prepared: Prepared },
    Done { stage: usize, partition: usize, done: Done },
}

/// An entry as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    format: u32,
    /// XXH3-64 of the entry, in hexadecimal.
    checksum: String,
    entry: Box<RawValue>,
}

impl Line {
    /// An entry of a run, and its checksum.
    fn new(entry: &Entry, run: u64) -> (Self, u64) {
        let entry = serde_json::value::to_raw_value(entry).expect("names, numbers and paths are always JSON");
        let checksum = checksum(&entry, run);
        (Self { format: FORMAT, checksum: format!("{checksum:016x}"), entry }, checksum)
    }

    /// The entry of a line, if it is what was written in a run, and its checksum.
    fn read(line: &[u8], run: u64) -> Option<(Entry, u64)> {
        let line: Self = serde_json::from_slice(line).ok()?;
        let found = checksum(&line.entry, run);
        let is_whole = line.format == FORMAT && line.checksum == format!("{found:016x}");
        Some((serde_json::from_str(line.entry.get()).ok().filter(|_| is_whole)?, found))
    }
}

fn checksum(entry: &RawValue, run: u64) -> u64 {
    XxHash3_64::oneshot_with_seed(run, entry.get().as_bytes())
}

/// What an earlier run has left in a folder.
pub(super) struct Earlier {
    /// What it began with, and the checksum of that, which is the number of the run.
    begun: Option<(Begun, u64)>,
    entries: Vec<Entry>,
    /// Lines that are not as they were written.
    damaged: usize,
}

impl Earlier {
    /// Reads the journal in `dir`.
    pub(super) fn read(dir: &Path) -> Self {
        let mut earlier = Self { begun: None, entries: Vec::new(), damaged: 0 };
        let bytes = match std::fs::read(dir.join(NAME)) {
            Ok(bytes) => bytes,
            Err(error) => {
                earlier.damaged += usize::from(error.kind() != std::io::ErrorKind::NotFound);
                return earlier;
            }
        };
        let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
        earlier.begun = lines.next().and_then(|line| match Line::read(line, 0)? {
            (Entry::Begun(begun), run) => Some((begun, run)),
            _ => None,
        });
        let Some((_, run)) = &earlier.begun else {
            earlier.damaged += 1;
            return earlier;
        };
        for line in lines {
            match Line::read(line, *run) {
                Some((entry, _)) => earlier.entries.push(entry),
                // A line that the end of a process has cut short was never said to be there.
                None => earlier.damaged += usize::from(line.ends_with(b"\n")),
            }
        }
        earlier
    }

    /// What it began with.
    pub(super) fn begun(&self) -> Option<&Begun> {
        self.begun.as_ref().map(|(begun, _)| begun)
    }
}

/// The journal of one run; without a file it remembers nothing.
pub(super) struct Journal {
    folder: SpillFolder,
    /// Where it is, and the number of the run.
    file: Option<(PathBuf, File, u64)>,
    dir: PathBuf,
    partitions: usize,
    threads: usize,
    warning: Warning,
    prepared: HashMap<usize, Prepared>,
    done: HashMap<(usize, usize), Done>,
    /// Partitions whose answers were lost; what they were made of was removed before.
    lost: HashSet<(usize, usize)>,
}

impl Journal {
    /// A run with its files in `dir` that is not to go on after it dies.
    pub(super) fn none(dir: &Path) -> Self {
        Self {
            folder: SpillFolder::new(dir, 0),
            file: None,
            dir: dir.to_owned(),
            partitions: 0,
            threads: 1,
            warning: Arc::new(|_| {}),
            prepared: HashMap::new(),
            done: HashMap::new(),
            lost: HashSet::new(),
        }
    }

    /// Goes on with what an `earlier` run has left in `dir`, which began with `begun`, or begins anew. Answers that are not as
    /// they were written are told, and are not known any more.
    pub(super) fn open(
        dir: &Path,
        begun: &Begun,
        earlier: Earlier,
        threads: usize,
        warning: Warning,
    ) -> Result<Self, Error> {
        let (first, run) = Line::new(&Entry::Begun(begun.clone()), 0);
        let mut journal = Self { partitions: 1 << begun.bits, threads, warning, ..Self::none(dir) };
        journal.folder = SpillFolder::new(dir, run);
        if earlier.damaged > 0 {
            let (path, lines) = (dir.join(NAME), earlier.damaged);
            (journal.warning)(&match &earlier.begun {
                Some(_) => format!(
                    "{}: {lines} of its lines are not as they were written; what they told of is done again",
                    path.display()
                ),
                None => format!("{}: it does not begin as it was written; all is done again", path.display()),
            });
        }
        for entry in earlier.entries {
            match entry {
                Entry::Begun(_) => {}
                Entry::Prepared { stage, prepared } => {
                    if prepared.is_of(journal.partitions) {
                        journal.prepared.insert(stage, prepared);
                    }
                }
                Entry::Done { stage, partition, done } => drop(journal.done.insert((stage, partition), done)),
            }
        }
        journal.forget_lost_answers()?;
        journal.begin(&first, run)?;
        Ok(journal)
    }

    /// The folder of the files that it tells of.
    pub(super) fn folder(&self) -> &SpillFolder {
        &self.folder
    }

    /// Writes the journal anew, with what it knows.
    fn begin(&mut self, first: &Line, run: u64) -> Result<(), Error> {
        let (path, new) = (self.dir.join(NAME), self.dir.join(NEW_NAME));
        let prepared = self.prepared.iter().map(|(stage, of)| Entry::Prepared { stage: *stage, prepared: of.clone() });
        let done = self.done.iter().map(|((stage, partition), done)| Entry::Done {
            stage: *stage,
            partition: *partition,
            done: done.clone(),
        });
        let mut text = text_of(first);
        prepared.chain(done).for_each(|entry| text += &text_of(&Line::new(&entry, run).0));
        let begin = || {
            let mut file = File::create(&new)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&new, &path)?;
            Ok(file)
        };
        let file = begin().map_err(|source| Error::Write { path: path.clone(), source })?;
        self.folder.sync(std::iter::empty())?;
        self.file = Some((path, file, run));
        Ok(())
    }

    fn forget_lost_answers(&mut self) -> Result<(), Error> {
        let done: Vec<(&(usize, usize), &Done)> = self.done.iter().collect();
        let is_whole = |at: usize| Ok::<_, Error>(self.folder.is_whole(&done[at].1.answers));
        let whole = threads::map(self.threads, done.len(), is_whole)?;
        let mut lost: Vec<(usize, usize)> =
            done.iter().zip(whole).filter(|(_, is_whole)| !is_whole).map(|((place, _), _)| **place).collect();
        lost.sort_unstable();
        let files: Vec<Spilled> =
            lost.iter().filter_map(|place| self.done.remove(place)).map(|done| done.answers).collect();
        self.tell(&files.iter().collect::<Vec<_>>());
        self.lost = lost.into_iter().collect();
        Ok(())
    }

    /// Says which files are not as they were written.
    fn tell(&self, files: &[&Spilled]) {
        if files.is_empty() {
            return;
        }
        let names: Vec<String> = files.iter().take(NAMES_SHOWN).map(|file| file.name.display().to_string()).collect();
        let more = if files.len() > NAMES_SHOWN { " and others" } else { "" };
        let (dir, count) = (self.dir.display(), files.len());
        (self.warning)(&format!(
            "{dir}: files that are not as they were written, or are gone: {count}, {}{more}; what is in them is made again",
            names.join(", ")
        ));
    }

    /// The division of a stage, if it is whole, or if its partitions do not need it any more. What is damaged is told.
    pub(super) fn prepared(&self, stage: usize) -> Result<Option<Prepared>, Error> {
        let Some(prepared) = self.prepared.get(&stage) else { return Ok(None) };
        let needed: Vec<(usize, &Spilled)> =
            prepared.by_partition().filter(|(partition, _)| !self.done.contains_key(&(stage, *partition))).collect();
        let is_whole = |at: usize| Ok::<_, Error>(self.folder.is_whole(needed[at].1));
        let whole = threads::map(self.threads, needed.len(), is_whole)?;
        let damaged: Vec<(usize, &Spilled)> =
            needed.into_iter().zip(whole).filter(|(_, is_whole)| !is_whole).map(|(file, _)| file).collect();
        if damaged.is_empty() {
            return Ok(Some(prepared.clone()));
        }
        // What lost answers were made of was removed on purpose.
        let is_told =
            |(partition, file): &&(usize, &Spilled)| !self.lost.contains(&(stage, *partition)) || self.folder.has(file);
        self.tell(&damaged.iter().filter(is_told).map(|(_, file)| *file).collect::<Vec<_>>());
        Ok(None)
    }

    /// The answers of a partition, if they are known.
    pub(super) fn done(&self, stage: usize, partition: usize) -> Option<Done> {
        self.done.get(&(stage, partition)).cloned()
    }

    pub(super) fn note_prepared(&mut self, stage: usize, prepared: &Prepared) -> Result<(), Error> {
        self.note(|| Entry::Prepared { stage, prepared: prepared.clone() }, prepared.all())
    }

    pub(super) fn note_done(&mut self, stage: usize, partition: usize, done: &Done) -> Result<(), Error> {
        self.note(|| Entry::Done { stage, partition, done: done.clone() }, std::iter::once(&done.answers))
    }

    /// Notes an entry that names files.
    fn note<'f>(
        &mut self,
        entry: impl FnOnce() -> Entry,
        files: impl Iterator<Item = &'f Spilled>,
    ) -> Result<(), Error> {
        let Some((path, file, run)) = &mut self.file else { return Ok(()) };
        self.folder.sync(files)?;
        let text = text_of(&Line::new(&entry(), *run).0);
        let noted = file.write_all(text.as_bytes()).and_then(|()| file.sync_data());
        noted.map_err(|source| Error::Write { path: path.clone(), source })
    }
}

fn text_of(line: &Line) -> String {
    serde_json::to_string(line).expect("an entry is JSON already") + "\n"
}
