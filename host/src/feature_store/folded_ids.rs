//! The event ids of a history that is being materialized: which rows repeat an event, and the files in which pushes look ids up.

use std::collections::HashMap;
use std::sync::Arc;

use super::{FeatureStore, PlannedView};
use crate::Error;
use crate::events::{ContentFields, IdIndexWriter, IdScope, ReadError, Repeats, SourceInput, find_repeats};
use crate::log::History;
use crate::schema::Field;

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
