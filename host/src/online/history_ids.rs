//! The event ids of the materialized history, in which pushes are looked up.

use std::collections::HashMap;
use std::path::PathBuf;

use super::{PushError, ServerError};
use crate::events::{ContentFields, IdIndex, IndexError, id_hash};
use crate::feature_store::source_parts;
use crate::log::{History, IdHolder, LogError, LogReader, NewEvent};
use crate::project::Source;

/// The event ids that the history of the states holds, by source: files that `materialize` wrote, in which a push looks.
pub(super) struct HistoryIds {
    dir: PathBuf,
    history: Option<History>,
    indexes: HashMap<String, Option<IdIndex>>,
}

impl HistoryIds {
    /// The files of `history` lie in the folder `dir`. Nothing is opened yet.
    pub(super) fn new(dir: PathBuf, history: Option<History>) -> Self {
        Self { dir, history, indexes: HashMap::new() }
    }

    /// Leaves out the events of `source` that the states began from: they are not applied again when they are pushed. Gives
    /// how many they were. An id of another event of the history refuses all, and leaves them as they are.
    pub(super) fn leave_out(
        &mut self,
        log: &dyn LogReader,
        source: &Source,
        events: &mut Vec<NewEvent>,
    ) -> Result<u64, ServerError> {
        let Some(column) = &source.event_id else { return Ok(0) };
        if !self.indexes.contains_key(&source.name) {
            let index = self.open(source, column)?;
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
    fn open(&self, source: &Source, column: &str) -> Result<Option<IdIndex>, ServerError> {
        let folded = self.history.iter().flat_map(|history| &history.sources);
        let Some(folded) = folded.into_iter().find(|folded| folded.source == source.name) else { return Ok(None) };
        let missing = || IndexError::Missing { source_name: source.name.clone(), column: column.to_owned() };
        // By other keys, an event would not be known again.
        let name = folded.ids.as_ref().filter(|_| folded.parts.get("keys") == source_parts(source).get("keys"));
        let name = name.ok_or_else(missing)?;
        Ok(Some(IdIndex::open(&self.dir.join(name), &source.name, column)?))
    }
}
