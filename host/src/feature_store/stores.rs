//! The stores of a project, open for writing.

use std::path::Path;
use std::sync::Arc;

use super::skips::check_log;
use super::{FeatureStore, PlannedView};
use crate::Error;
use crate::log::lock::FolderLock;
use crate::log::place::is_absence;
use crate::log::{FeatureLog, Log, LogError, LogReader, LogWriter, ServedSink, SqliteLog};
use crate::project::Source;
use crate::store::{OnlineStore, SqliteStore, StoreReader};

/// Where a project keeps what was pushed, its states and what was served, open for writing, which one process does at a time.
pub struct Stores {
    /// The event log.
    pub log: Arc<dyn Log>,
    /// The states of its views.
    pub online: Arc<dyn OnlineStore>,
    /// What was served.
    pub served: Box<dyn ServedSink>,
}

impl FeatureStore {
    /// Opens the stores in the project's folder for writing, which makes this process the one that does.
    pub(crate) fn open_stores(&self) -> Result<Stores, Error> {
        let folder = FolderLock::take(&self.project().root, &self.project().data_dir()).map_err(LogError::from)?;
        let folder = Arc::new(folder);
        self.check_log_is_there()?;
        let log = SqliteLog::open(&self.log_path())?.holding(Arc::clone(&folder));
        let online = SqliteStore::open(&self.online_path())?.with_state_bytes_max(self.limits().state_bytes_max);
        let online = online.holding(Arc::clone(&folder));
        let served = FeatureLog::open(&self.served_path())?.with_bytes_max(self.project().serving.served_bytes_max);
        let served = served.holding(folder);
        Ok(Stores { log: Arc::new(log), online: Arc::new(online), served: Box::new(served) })
    }

    /// Begins to write the log, if it fits the project and its times are not ahead of the clock.
    pub(crate) fn begin_log(&self, log: &Arc<dyn Log>) -> Result<LogWriter, Error> {
        let log = LogWriter::new(Arc::clone(log))?;
        log.check_now(self.options().clock.now())?;
        check_log(self.project(), Some(log.reader()))?;
        self.warn_of_unread(log.reader())?;
        Ok(log)
    }

    /// Refuses to go on without the log that states were made from.
    fn check_log_is_there(&self) -> Result<(), Error> {
        let (path, states) = (self.log_path(), self.online_path());
        // A file that may not be looked at is not missing: opening it says so.
        let is_missing = |path: &Path| std::fs::symlink_metadata(path).is_err_and(|error| is_absence(&error));
        if !is_missing(&states) && is_missing(&path) { Err(LogError::Gone { path }.into()) } else { Ok(()) }
    }

    /// Refuses to answer from states of no history where sources have files: everybody in them would be `NOT_FOUND`.
    pub(crate) fn check_materialized(&self, views: &[PlannedView]) -> Result<(), Error> {
        let of_views = |source: &&Source| views.iter().any(|view| view.reads(source));
        let sources = self.project().sources.iter().filter(|source| !source.files.is_empty()).filter(of_views);
        let sources: Vec<&str> = sources.map(|source| source.name.as_str()).collect();
        match sources.is_empty() {
            true => Ok(()),
            false => Err(Error::NotMaterialized { sources: sources.join(", ") }),
        }
    }

    /// The log for reading, if there is one.
    pub(crate) fn log_for_reading(&self) -> Result<Option<Box<dyn LogReader>>, Error> {
        self.check_log_is_there()?;
        let log = SqliteLog::open_read_only(&self.log_path())?.map(|log| log.reader()).transpose()?;
        check_log(self.project(), log.as_deref())?;
        log.as_deref().map_or(Ok(()), |log| self.warn_of_unread(log))?;
        Ok(log)
    }

    /// The log as it was in an epoch that has ended.
    pub(crate) fn log_of_epoch(&self, epoch: u64) -> Result<Box<dyn LogReader>, Error> {
        let gone = || LogError::Gone { path: self.log_path() };
        Ok(SqliteLog::open_read_only(&self.log_path())?.ok_or_else(gone)?.reader_of(epoch)?)
    }

    /// The online store as it is now, if there is one, should another process be writing it.
    pub(crate) fn online_for_reading(&self) -> Result<Option<Box<dyn StoreReader>>, Error> {
        let store = SqliteStore::open_read_only(&self.online_path())?;
        Ok(store.map(|store| store.snapshot()).transpose()?)
    }

    /// The feature log for reading, if there is one.
    pub(crate) fn served_for_reading(&self) -> Result<Option<Box<dyn ServedSink>>, Error> {
        let served = FeatureLog::open_read_only(&self.served_path())?;
        Ok(served.map(|served| Box::new(served) as Box<dyn ServedSink>))
    }
}
