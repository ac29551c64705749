//! The stores of a project, open for writing.

use std::sync::Arc;

use super::FeatureStore;
use super::skips::check_log;
use crate::Error;
use crate::log::{FeatureLog, Log, LogReader, LogWriter, ServedSink, SqliteLog};
use crate::store::{OnlineStore, SqliteStore, StoreReader};

/// The log, the online store and the feature log of a project, which one process writes at a time.
pub(crate) struct Stores {
    pub(crate) log: LogWriter,
    pub(crate) online: Arc<dyn OnlineStore>,
    pub(crate) served: Box<dyn ServedSink>,
}

impl FeatureStore {
    /// Opens the stores for writing, which makes this process the one that does.
    pub(crate) fn open_stores(&self) -> Result<Stores, Error> {
        let log = LogWriter::new(Arc::new(SqliteLog::open(&self.log_path())?))?;
        check_log(self.project(), Some(log.reader()))?;
        self.warn_of_unread(log.reader())?;
        let online = SqliteStore::open(&self.online_path())?.with_state_bytes_max(self.limits().state_bytes_max);
        let online: Arc<dyn OnlineStore> = Arc::new(online);
        let served = FeatureLog::open(&self.served_path())?.with_bytes_max(self.project().serving.served_bytes_max);
        Ok(Stores { log, online, served: Box::new(served) })
    }

    /// The log for reading, if there is one.
    pub(crate) fn log_for_reading(&self) -> Result<Option<Box<dyn LogReader>>, Error> {
        let log = SqliteLog::open_read_only(&self.log_path())?.map(|log| log.reader()).transpose()?;
        check_log(self.project(), log.as_deref())?;
        log.as_deref().map_or(Ok(()), |log| self.warn_of_unread(log))?;
        Ok(log)
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
