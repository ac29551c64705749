//! What a project must agree on with its log: key columns, sources, and the offsets that it leaves out.

use std::sync::PoisonError;

use super::FeatureStore;
use crate::Error;
use crate::log::{LogError, LogReader};
use crate::project::{Project, Source};

/// Refuses a log that has events of a source by other key columns than the project gives it, and offsets to leave out that are
/// not those of events of the source.
pub(crate) fn check_log(project: &Project, log: Option<&dyn LogReader>) -> Result<(), Error> {
    for logged in log.map_or(Ok(Vec::new()), |log| log.sources())? {
        let Some(source) = project.sources.iter().find(|source| source.name == logged.name) else { continue };
        let given = source.key_columns();
        if logged.keys != given {
            return Err(LogError::other_keys(&source.name, &logged.keys, &given).into());
        }
    }
    check_skips(project, log)
}

/// What to tell of the events of sources that the project does not have.
fn unread(project: &Project, log: &dyn LogReader) -> Result<Vec<String>, Error> {
    let mut told = Vec::new();
    for logged in log.sources()? {
        if project.sources.iter().all(|source| source.name != logged.name) {
            let events = match log.count(&logged.name, 0, u64::MAX)? {
                1 => "1 event".to_owned(),
                events => format!("{events} events"),
            };
            told.push(format!(
                "the log has {events} of source {}, which the project no longer has: they are not read; a source that was renamed \
                 needs its old name to read them",
                logged.name
            ));
        }
    }
    Ok(told)
}

impl FeatureStore {
    /// Warns once of the events of sources that the project does not have.
    pub(crate) fn warn_of_unread(&self, log: &dyn LogReader) -> Result<(), Error> {
        let mut told = self.told_absent.lock().unwrap_or_else(PoisonError::into_inner);
        if told.insert((String::new(), String::new())) {
            unread(self.project(), log)?.iter().for_each(|warning| (self.options().warning)(warning));
        }
        Ok(())
    }
}

/// Refuses offsets that are not those of events of the source that leaves them out.
fn check_skips(project: &Project, log: Option<&dyn LogReader>) -> Result<(), Error> {
    for source in &project.sources {
        for offset in &source.skip_offsets {
            let why = match log.map(|log| log.event_at(*offset)).transpose()?.flatten().map(|event| event.source) {
                Some(found) if found == source.name => continue,
                Some(found) => format!("which is an event of source {found}"),
                None => match log.map_or(Ok(0), |log| log.last_offset())? {
                    0 => "which has no events".to_owned(),
                    last => format!("which ends at offset {last}"),
                },
            };
            return Err(Error::SkippedOffset { source_name: source.name.clone(), offset: *offset, why });
        }
    }
    Ok(())
}

/// The offsets of a source that are left out of a log that is read up to an offset.
pub(super) fn skipped(source: &Source, up_to: u64) -> Vec<u64> {
    source.skip_offsets.range(..=up_to).copied().collect()
}
