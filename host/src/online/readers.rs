//! Connections for reading, one to a thread that reads, kept for the next.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::ServerError;
use crate::Error;
use crate::log::EventLog;
use crate::store::{OnlineStore, StoreError, StoreReader};

/// Connections that are kept while nobody reads.
const IDLE_MAX: usize = 16;

/// Connections to the online store and the log.
pub(super) struct Readers {
    store: Arc<dyn OnlineStore>,
    log_path: PathBuf,
    stores: Mutex<Vec<Box<dyn StoreReader>>>,
    logs: Mutex<Vec<EventLog>>,
}

impl Readers {
    pub(super) fn new(store: Arc<dyn OnlineStore>, log_path: PathBuf) -> Self {
        Self { store, log_path, stores: Mutex::default(), logs: Mutex::default() }
    }

    /// Reads from the online store.
    pub(super) fn store<T>(
        &self,
        read: impl FnOnce(&dyn StoreReader) -> Result<T, ServerError>,
    ) -> Result<T, ServerError> {
        let read = with(&self.stores, || Ok(Some(self.store.reader()?)), |reader| read(&**reader))?;
        Ok(read.expect("a reader was opened"))
    }

    /// Reads from the log; `None` where there is none.
    pub(super) fn log<T>(
        &self,
        read: impl FnOnce(&EventLog) -> Result<T, ServerError>,
    ) -> Result<Option<T>, ServerError> {
        let open = || Ok(EventLog::open_read_only(&self.log_path)?);
        with(&self.logs, open, read)
    }
}

fn with<C, T>(
    idle: &Mutex<Vec<C>>,
    open: impl FnOnce() -> Result<Option<C>, ServerError>,
    read: impl FnOnce(&C) -> Result<T, ServerError>,
) -> Result<Option<T>, ServerError> {
    let known = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let connection = match known {
        Some(connection) => connection,
        None => match open()? {
            Some(connection) => connection,
            None => return Ok(None),
        },
    };
    let read = read(&connection);
    // A connection whose reading failed is not used again.
    let is_good = match &read {
        Err(ServerError::Project(error)) => matches!(**error, Error::Store(StoreError::NotServed { .. })),
        read => read.is_ok(),
    };
    if is_good {
        let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(connection);
        }
    }
    read.map(Some)
}
