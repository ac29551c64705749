//! Questions about the past, answered from the history that was materialized and the log.
//!
//! A history is identified once: the digest of each of its files is computed when it is first met, and from then on a look at the
//! file's identity says whether it is still that one. Nothing is computed and nothing is looked at under a lock.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::feeds::{Feeds, NewestEvents};
use super::history::{Events, changed_history, gone_history, is_missing};
use super::history_index::OpenIndexes;
use super::{FeaturePlan, FeatureStore, Spine};
use crate::Error;
use crate::events::{HistoryIndexError, Pushed, ReadError, ReadOptions, SourceInput};
use crate::files::storage::{Identity, StoppingStorage, Storage};
use crate::files::{Digests, SETTLED_US};
use crate::log::{History, LogError, LogReader};
use crate::project::{Key, Source};
use crate::replay::Replayed;
use crate::time::{AsOf, Clock, SystemClock};

/// Histories and files that are kept in mind; beyond, all are forgotten.
const HISTORIES_MAX: usize = 16;
const FILES_MAX: usize = 100_000;

/// What a question about the past is answered from.
#[derive(Clone, Copy)]
pub(crate) struct PastEvents<'a> {
    /// The history that states began from, by its id in the log; none where nothing was materialized.
    pub(crate) history: Option<i64>,
    /// The log.
    pub(crate) log: &'a dyn LogReader,
    /// Its last offset, inclusive.
    pub(crate) up_to: u64,
}

/// The same, looked up.
pub(crate) struct Past<'a> {
    history: Option<Arc<History>>,
    pushed: Pushed<'a>,
    /// By what the events of files are found; without it the files are read.
    indexes: Option<Arc<OpenIndexes>>,
    storage: Arc<dyn Storage>,
}

impl Past<'_> {
    /// Whether events were left out when the states were folded.
    pub(super) fn leaves_out(&self) -> bool {
        self.history.as_ref().is_some_and(|history| history.leaves_out())
    }
}

/// A history as it was recorded: the identity of its log, and its id there.
type HistoryName = (String, i64);

/// What is known of histories and their files.
#[derive(Default)]
pub(super) struct KnownHistories {
    histories: Mutex<HashMap<HistoryName, KnownHistory>>,
    /// The identity of each file when its digest was computed, and the digest.
    files: Mutex<HashMap<PathBuf, (Identity, String)>>,
}

#[derive(Clone)]
struct KnownHistory {
    history: Arc<History>,
    /// `None` where one of them turned out to be damaged.
    indexes: Option<Arc<OpenIndexes>>,
}

impl FeatureStore {
    /// The views of the plan, replayed for a spine whose rows are all as of one moment; and per view, the newest event of its entity
    /// that each row saw. It ends early once `stop` is set.
    ///
    /// Events of files are looked up in the index of the history, where it has one that can be used; else the files are read.
    pub(crate) fn replay_at(
        &self,
        plan: &FeaturePlan,
        spine: &Spine,
        as_of: AsOf,
        PastEvents { history: id, log, up_to }: PastEvents<'_>,
        stop: &Arc<AtomicBool>,
    ) -> Result<(Vec<Replayed>, NewestEvents), Error> {
        let name = id.map(|id| (log.identity().to_owned(), id));
        let known = name.as_ref().map(|name| self.known_history(name, log)).transpose()?;
        let storage: Arc<dyn Storage> = Arc::new(StoppingStorage::new(Arc::clone(self.storage()), Arc::clone(stop)));
        let stopped = |error: Error| if stop.load(Ordering::Relaxed) { Error::Stopped } else { error };
        let files = known.as_ref().map(|known| self.identify(&known.history, &storage)).transpose();
        let files = files.map_err(stopped)?.unwrap_or_default();
        let (history, indexes) = known.map(|known| (known.history, known.indexes)).unzip();
        let mut past = Past { history, pushed: Pushed { log, up_to }, indexes: indexes.flatten(), storage };
        let replay = |past: &Past<'_>| {
            let mut feeds = Feeds::new(&plan.views).with_newest_events(as_of);
            let options = ReadOptions { stop, ..self.read_options() };
            let replayed = self.replay_feeds(plan, spine, Events::Past(past), &mut feeds, (options, None));
            Ok((replayed.map_err(stopped)?.views, feeds.take_newest_events()))
        };
        let replayed = match replay(&past) {
            Err(Error::Read(ReadError::HistoryIndex(error))) => {
                if let Some(name) = &name {
                    self.forget_indexes(name, &error);
                }
                past.indexes = None;
                replay(&past)?
            }
            replayed => replayed?,
        };
        // What was read is what was identified.
        let is_same =
            |(path, identity): &(PathBuf, Identity)| past.storage.identity(path).ok().as_ref() == Some(identity);
        match files.into_iter().find(|file| !is_same(file)) {
            None => Ok(replayed),
            Some(_) if stop.load(Ordering::Relaxed) => Err(Error::Stopped),
            Some((path, _)) => Err(changed_history(path)),
        }
    }

    /// The input of a source for a question about the past.
    pub(super) fn past_input<'a>(&self, source: &'a Source, keys: &'a [Key], past: &Past<'a>) -> SourceInput<'a> {
        let history = past.history.as_deref();
        let input = self.recorded_input(source, keys, history, past.pushed);
        let log = past.pushed.log.identity();
        let index = history.and_then(|history| self.index_of(past.indexes.as_deref()?, history, (source, keys), log));
        SourceInput { storage: Arc::clone(&past.storage), index, ..input }
    }

    /// The history of a name, as the log has it, and the index that was made of it.
    fn known_history(&self, name: &HistoryName, log: &dyn LogReader) -> Result<KnownHistory, Error> {
        if let Some(known) = locked(&self.histories.histories).get(name) {
            return Ok(known.clone());
        }
        let lost = || LogError::LostHistory { path: log.path().to_owned(), id: name.1 };
        let history = log.history(name.1)?.ok_or_else(lost)?;
        let known = KnownHistory { history: Arc::new(history), indexes: Some(Arc::default()) };
        let mut histories = locked(&self.histories.histories);
        if histories.len() >= HISTORIES_MAX {
            histories.clear();
        }
        Ok(histories.entry(name.clone()).or_insert(known).clone())
    }

    /// From now on the files of a history are read: its index is damaged, which is told once.
    fn forget_indexes(&self, name: &HistoryName, error: &HistoryIndexError) {
        if let Some(known) = locked(&self.histories.histories).get_mut(name) {
            known.indexes = None;
        }
        self.warn_once(&format!("{name:?}"), &error.to_string());
    }

    /// The files of a history with the identities that they have, if they are what they were.
    fn identify(&self, history: &History, storage: &Arc<dyn Storage>) -> Result<Vec<(PathBuf, Identity)>, Error> {
        let (mut identified, mut digests) = (Vec::new(), None);
        for file in history.files() {
            let path = self.project().located(&file.path);
            let looked_at = storage.identity(&path);
            if is_missing(&looked_at) {
                return Err(gone_history(path));
            }
            let identity = match looked_at {
                Ok(identity) if self.is_known(&path, &identity, &file.sha256) => identity,
                _ => {
                    let kept = || self.project().data_dir().join("cache").join("digests.json");
                    let begin = || Digests::begin(Arc::clone(storage), &[], 1, Some(&kept()));
                    self.digested(&path, &file.sha256, storage, digests.get_or_insert_with(begin))?
                }
            };
            identified.push((path, identity));
        }
        Ok(identified)
    }

    /// Whether a file of this identity is known to have this digest.
    fn is_known(&self, path: &Path, identity: &Identity, sha256: &str) -> bool {
        let files = locked(&self.histories.files);
        files.get(path).is_some_and(|(known, of_known)| known == identity && of_known == sha256)
    }

    /// The identity of a file, which must have this digest: that is computed, unless an earlier process has left it.
    fn digested(
        &self,
        path: &Path,
        sha256: &str,
        storage: &dyn Storage,
        digests: &mut Digests,
    ) -> Result<Identity, Error> {
        let now = SystemClock.now();
        let before = storage.identity(path);
        let found = digests.of(path)?;
        if found != *sha256 {
            return Err(changed_history(path.to_owned()));
        }
        // It is that of one state of the file: the one before, if that is the one after.
        let identity = before.ok().filter(|before| storage.identity(path).is_ok_and(|after| after == *before));
        let identity = identity.ok_or_else(|| changed_history(path.to_owned()))?;
        // What was just written may still change without its showing.
        if identity.version.is_settled(now, SETTLED_US) {
            let mut files = locked(&self.histories.files);
            if files.len() >= FILES_MAX {
                files.clear();
            }
            files.insert(path.to_owned(), (identity.clone(), found));
        }
        Ok(identity)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
