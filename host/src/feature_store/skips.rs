//! Events of the log that a project leaves out, by their offsets.

use crate::Error;
use crate::log::EventLog;
use crate::project::{Project, Source};

/// Refuses offsets that are not those of events of the source that leaves them out.
pub(crate) fn check_skips(project: &Project, log: Option<&EventLog>) -> Result<(), Error> {
    for source in &project.sources {
        for offset in &source.skip_offsets {
            let why = match log.map(|log| log.source_at(*offset)).transpose()?.flatten() {
                Some(found) if found == source.name => continue,
                Some(found) => format!("which is an event of source {found}"),
                None => match log.map_or(Ok(0), EventLog::last_offset)? {
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
