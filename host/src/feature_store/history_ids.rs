//! The event ids of the materialized history: written by `materialize`, looked up by pushes.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::{FeatureStore, PlannedView};
use crate::Error;
use crate::events::{
    ContentFields, IdIndex, IdIndexWriter, IdScope, IndexError, ReadError, Repeats, SourceInput, find_repeats, id_hash,
};
use crate::log::{EventLog, History, IdHolder, LogError, NewEvent};
use crate::project::Source;
use crate::schema::Field;
use crate::serving::PushError;

/// The event ids that the newest history holds, by source: files that `materialize` wrote, in which a push looks.
///
/// The newest history is read once: whoever records another one begins anew.
pub(crate) struct HistoryIds {
    dir: PathBuf,
    latest: Option<Option<History>>,
    indexes: HashMap<String, Option<IdIndex>>,
}

impl HistoryIds {
    /// The files lie in the folder `dir`. Nothing is opened yet.
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir, latest: None, indexes: HashMap::new() }
    }

    /// Leaves out the events of `source` that the states began from: they are not applied again when they are pushed. Gives
    /// how many they were. An id of another event of the history refuses all, and leaves them as they are.
    pub(crate) fn leave_out(
        &mut self,
        log: &EventLog,
        source: &Source,
        events: &mut Vec<NewEvent>,
    ) -> Result<u64, Error> {
        let Some(column) = &source.event_id else { return Ok(0) };
        if !self.indexes.contains_key(&source.name) {
            let index = self.open(log, source, column)?;
            self.indexes.insert(source.name.clone(), index);
        }
        let Some(Some(index)) = self.indexes.get_mut(&source.name) else { return Ok(0) };
        let fields = index.fields();
        let content = ContentFields::new(source, &fields);
        let (mut known, mut refused, mut first) = (Vec::with_capacity(events.len()), 0, None::<(u64, &str)>);
        for event in &*events {
            let id = event.event_id.as_deref().unwrap_or_default();
            let contents = if event.event_id.is_some() { index.contents(id_hash(id.as_bytes()))? } else { Vec::new() };
            let is_known = !contents.is_empty() && contents.contains(&content.hash(event.content())?);
            known.push(is_known);
            // Where the log has the id too, the log tells whether the event is the same.
            if !contents.is_empty() && !is_known && log.event_with_id(&source.name, id)?.is_none() {
                refused += 1;
                first = first.or(Some((event.row, id)));
            }
        }
        if let Some((row, id)) = first {
            let (event_id, events) = (id.to_owned(), events.len() as u64);
            let holder = IdHolder::History;
            return Err(PushError::from(LogError::EventIdConflict { row, event_id, holder, refused, events }).into());
        }
        let mut is_known = known.iter();
        events.retain(|_| !is_known.next().copied().unwrap_or(false));
        Ok(known.iter().filter(|known| **known).count() as u64)
    }

    /// The ids of the history of a source; `None` where nothing of it was materialized.
    fn open(&mut self, log: &EventLog, source: &Source, column: &str) -> Result<Option<IdIndex>, Error> {
        if self.latest.is_none() {
            self.latest = Some(log.latest_history()?.map(|(_, history)| history));
        }
        let folded = self.latest.iter().flatten().flat_map(|history| &history.sources);
        let Some(folded) = folded.into_iter().find(|folded| folded.source == source.name) else { return Ok(None) };
        let missing = || IndexError::Missing { source_name: source.name.clone(), column: column.to_owned() };
        let name = folded.ids.as_ref().ok_or_else(missing)?;
        Ok(Some(IdIndex::open(&self.dir.join(name), &source.name, column)?))
    }
}

/// The ids of one source that is being materialized.
pub(super) struct FoldedIds {
    /// The rows of its files that are left out.
    repeats: Arc<Repeats>,
    writer: IdIndexWriter,
}

impl FoldedIds {
    /// Ends the files of ids, each of which is on disk then, and gives their names by source.
    pub(super) fn finish(all: HashMap<String, Self>) -> Result<HashMap<String, String>, ReadError> {
        all.into_iter().map(|(source, ids)| Ok((source, ids.writer.finish()?))).collect()
    }

    /// Tells an input which of its rows are left out, if it is one of the same entities.
    pub(super) fn tell(all: &HashMap<String, Self>, input: &mut SourceInput<'_>) {
        let known = all.get(&input.source.name).filter(|_| input.keys == input.source.keys);
        input.repeats = known.map(|ids| Arc::clone(&ids.repeats));
    }
}

impl FeatureStore {
    /// Finds the ids of what `views` fold, each source once. `inputs` gives the inputs of a view.
    pub(super) fn fold_ids<'v>(
        &self,
        views: &'v [PlannedView],
        inputs: impl Fn(&'v PlannedView) -> Result<Vec<SourceInput<'v>>, Error>,
    ) -> Result<HashMap<String, FoldedIds>, Error> {
        let mut all = HashMap::new();
        for view in views {
            for input in inputs(view)? {
                let source = input.source;
                let Some(column) = source.event_id.as_deref().filter(|_| !input.files.is_empty()) else { continue };
                if all.contains_key(&source.name) {
                    continue;
                }
                let reads = |view: &&PlannedView| view.sources.iter().any(|read| read.name == source.name);
                let readers = views.iter().filter(reads);
                let fields: Vec<Field> =
                    readers.flat_map(|view| view.program.description().event_fields.iter().cloned()).collect();
                let content = ContentFields::new(source, &fields);
                let mut writer = IdIndexWriter::create(&self.ids_dir(), column, content.fields())?;
                // A push brings the key of every entity of the source.
                let input = SourceInput { keys: &source.keys, ids: IdScope::All, ..input };
                let repeats = find_repeats(&input, &fields, None, Some(&mut writer), self.read_options())?;
                all.insert(source.name.clone(), FoldedIds { repeats: Arc::new(repeats), writer });
            }
        }
        Ok(all)
    }

    /// Removes the files of ids that the newest history does not name. What cannot be removed only takes room.
    pub(super) fn remove_other_ids(&self, history: &History) {
        let dir = self.ids_dir();
        crate::files::remove_stale(&dir);
        let named = |name: &str| history.sources.iter().any(|source| source.ids.as_deref() == Some(name));
        for path in std::fs::read_dir(&dir).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())) {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.ends_with(".ids") && !named(name) {
                let _ = std::fs::remove_file(&path);
            }
        }
    }
}
