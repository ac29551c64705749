//! The index by entity of a materialized history: made while `materialize` reads the files, named by what it was made from.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::feeds::is_same;
use super::identity::{key_list, read_parts, source_parts};
use super::{FeatureStore, PlannedView};
use crate::digest::hex;
use crate::events::{HistoryIndex, HistoryIndexBuilder, SourceInput};
use crate::files::{CONVERSIONS_VERSION, Digests};
use crate::log::{History, HistorySource};
use crate::project::{Key, Source};
use crate::schema::Field;
use crate::time::{Clock, SystemClock};

/// Of the memory of a run, the events of one index in the making take one part in so many before they go through the disk.
const MEMORY_SHARE: u64 = 8;

/// Less than so many bytes is not worth the files.
const MEMORY_BYTES_MIN: u64 = 1 << 20;

/// The indexes that a `materialize` makes: one for each source and entity.
pub(super) struct IndexesInMaking {
    indexes: Vec<InMaking>,
    /// When it began, in microseconds.
    began_us: i64,
}

struct InMaking {
    source: Source,
    keys: Vec<Key>,
    /// The view whose reading of the source makes it.
    view: String,
    builder: Arc<HistoryIndexBuilder>,
}

/// The indexes of one history that were opened.
#[derive(Default)]
pub(super) struct OpenIndexes(Mutex<HashMap<String, Option<HistoryIndex>>>);

impl IndexesInMaking {
    /// Lets an input of a view give its events to the index too, if the view is the one that makes it.
    pub(super) fn tell(&self, view: &PlannedView, input: &mut SourceInput<'_>) {
        let is_it = |making: &&InMaking| {
            making.view == view.program.id() && making.source.name == input.source.name && making.keys == input.keys
        };
        input.builder = self.indexes.iter().find(is_it).map(|making| Arc::clone(&making.builder));
    }
}

impl FeatureStore {
    /// The folder of the indexes of materialized histories.
    fn indexes_dir(&self) -> PathBuf {
        self.project().data_dir().join("history")
    }

    /// Memory that an index in the making may take.
    pub(super) fn index_bytes(&self) -> u64 {
        (self.options().memory_bytes / MEMORY_SHARE).max(MEMORY_BYTES_MIN)
    }

    /// Begins the indexes of what `views` fold: of each source and the key columns of each entity, with the fields that its views
    /// read.
    pub(super) fn index_history(&self, views: &[PlannedView]) -> IndexesInMaking {
        let mut indexes: Vec<InMaking> = Vec::new();
        let memory_bytes = self.index_bytes();
        crate::files::remove_stale(self.read_options().spill_dir);
        for view in views {
            // Events of one entity are all of them where it has no key.
            let Some(entity) = view.entity.as_ref().filter(|entity| !entity.keys.is_empty()) else { continue };
            for source in &view.sources {
                let is_known = |making: &InMaking| making.source.name == source.name && making.keys == entity.keys;
                if indexes.iter().any(is_known) {
                    continue;
                }
                let fields = read_fields(views, source, &entity.keys);
                let dir = self.read_options().spill_dir;
                let builder = HistoryIndexBuilder::new(source, &entity.keys, fields, memory_bytes, dir);
                indexes.push(InMaking {
                    source: source.clone(),
                    keys: entity.keys.clone(),
                    view: view.program.id().to_owned(),
                    builder: Arc::new(builder),
                });
            }
        }
        IndexesInMaking { indexes, began_us: SystemClock.now() }
    }

    /// Writes the indexes of `history`, which is to be recorded in the log of this identity, and keeps the digests of its files.
    /// What cannot be written only costs time later: it is a warning.
    pub(super) fn finish_indexes(&self, making: IndexesInMaking, history: &History, log: &str) {
        let dir = self.indexes_dir();
        for InMaking { source, keys, builder, .. } in making.indexes {
            let Some(recorded) = history.source(&source.name) else { continue };
            let of = digest_of(history, recorded, &keys, log);
            let meaning = meaning_of(&source, builder.fields());
            if let Err(error) = builder.finish(&dir, &of, meaning, self.options().threads) {
                (self.options().warning)(&format!(
                    "the index by entity of source {} cannot be written to {}, so questions about the past will read all of its \
                     files: {error}",
                    source.name,
                    dir.display()
                ));
            }
        }
        let kept = self.project().data_dir().join("cache").join("digests.json");
        let mut digests = Digests::begin(Arc::clone(self.storage()), &[], 1, Some(&kept));
        for file in history.files() {
            if let Ok(identity) = self.storage().identity(&self.project().located(&file.path)) {
                digests.note(identity, file.sha256.clone(), making.began_us);
            }
        }
    }

    /// Removes the indexes that are not of `history`. What cannot be removed only takes room.
    pub(super) fn remove_other_indexes(&self, views: &[PlannedView], history: &History, log: &str) {
        let dir = self.indexes_dir();
        crate::files::remove_stale(&dir);
        let mut named = Vec::new();
        for view in views {
            let keys = view.entity.iter().map(|entity| &entity.keys);
            for (keys, source) in keys.flat_map(|keys| view.sources.iter().map(move |source| (keys, source))) {
                named.extend(history.source(&source.name).map(|recorded| digest_of(history, recorded, keys, log)));
            }
        }
        for path in std::fs::read_dir(&dir).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())) {
            let is_index = path.extension().is_some_and(|extension| extension == "events");
            let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
            if is_index && !named.iter().any(|named| named == stem) {
                let _ = std::fs::remove_file(&path);
            }
        }
    }

    /// The index by which the events of a source are found for the views of an entity; `None` where the history has none of the
    /// source, where the source says something else now, or where the index cannot be used, which is told once.
    pub(super) fn index_of(
        &self,
        open: &OpenIndexes,
        history: &History,
        (source, keys): (&Source, &[Key]),
        log: &str,
    ) -> Option<HistoryIndex> {
        let recorded =
            history.source(&source.name).filter(|recorded| !recorded.files.is_empty() && !keys.is_empty())?;
        if recorded.parts != source_parts(source) || recorded.conversions != CONVERSIONS_VERSION {
            return None;
        }
        let of = digest_of(history, recorded, keys, log);
        let known = open.0.lock().unwrap_or_else(PoisonError::into_inner).get(&of).cloned();
        let index = known.unwrap_or_else(|| {
            let opened = HistoryIndex::open(&self.indexes_dir(), &of);
            let opened = opened.map_err(|error| self.warn_once(&of, &error.to_string())).ok();
            open.0.lock().unwrap_or_else(PoisonError::into_inner).entry(of).or_insert(opened).clone()
        })?;
        let fields: Vec<Field> = index.fields().collect();
        (index.meaning() == meaning_of(source, &fields)).then_some(index)
    }

    /// Tells what is worth a look, once for what it is about.
    pub(super) fn warn_once(&self, about: &str, warning: &str) {
        let mut told = self.told_absent.lock().unwrap_or_else(PoisonError::into_inner);
        if told.insert((String::new(), about.to_owned())) {
            (self.options().warning)(warning);
        }
    }
}

/// The fields of a source that the views of an entity with the key columns `keys` read, each once.
fn read_fields(views: &[PlannedView], source: &Source, keys: &[Key]) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    let is_of = |view: &&PlannedView| view.entity.as_ref().is_some_and(|entity| entity.keys == keys);
    let reads = |view: &&PlannedView| view.sources.iter().any(|read| read.name == source.name);
    let readers = views.iter().filter(is_of).filter(reads);
    for field in readers.flat_map(|view| &view.program.description().event_fields) {
        if !fields.iter().any(|known| is_same(known, field)) {
            fields.push(field.clone());
        }
    }
    fields
}

/// What a source says of fields, in one text.
fn meaning_of(source: &Source, fields: &[Field]) -> String {
    let parts = read_parts(source, fields);
    parts.iter().map(|(name, part)| format!("{name}: {part}")).collect::<Vec<_>>().join("\n")
}

/// The digest of all that decides the events of a source for the views of an entity: files, cut, ids of the log, keys.
fn digest_of(history: &History, recorded: &HistorySource, keys: &[Key], log: &str) -> String {
    let mut digest = Sha256::new();
    let recorded = serde_json::to_string(recorded).expect("names and numbers are always JSON");
    for part in ["onepath history index 1", log, &history.up_to.to_string(), &recorded, &key_list(keys)] {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    hex(digest.finalize())
}
