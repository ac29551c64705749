//! Connections for reading, one to a thread that reads, kept for the next.

use std::sync::{Arc, Mutex, PoisonError};

use super::ServerError;
use crate::Error;
use crate::log::{Log, LogReader};
use crate::store::{OnlineStore, StoreError, StoreReader};

/// Connections that are kept while nobody reads.
const IDLE_MAX: usize = 16;

/// Connections to the online store and the log.
pub(super) struct Readers {
    store: Arc<dyn OnlineStore>,
    log: Arc<dyn Log>,
    stores: Mutex<Vec<Box<dyn StoreReader>>>,
    logs: Mutex<Vec<Box<dyn LogReader>>>,
}

impl Readers {
    pub(super) fn new(store: Arc<dyn OnlineStore>, log: Arc<dyn Log>) -> Self {
        Self { store, log, stores: Mutex::default(), logs: Mutex::default() }
    }

    /// Reads from the online store.
    pub(super) fn store<T>(
        &self,
        read: impl FnOnce(&dyn StoreReader) -> Result<T, ServerError>,
    ) -> Result<T, ServerError> {
        with(
            &self.stores,
            || Ok(self.store.reader()?),
            |reader| {
                let read = read(&**reader)?;
                // What was read is of the file that is named, and not of one that took its place.
                reader.check_place()?;
                Ok(read)
            },
        )
    }

    /// As [`Readers::store`], with what waits for nothing; `None` where it would have to. The names of files that are open are in memory.
    pub(super) fn store_in_memory<T>(
        &self,
        read: impl FnOnce(&dyn StoreReader) -> Result<Option<T>, ServerError>,
    ) -> Result<Option<T>, ServerError> {
        // A connection is not opened: that reads from the disk.
        let Some(reader) = taken(&self.stores) else { return Ok(None) };
        let read = read(&*reader).and_then(|read| {
            reader.check_place()?;
            Ok(read)
        });
        kept(&self.stores, reader, &read);
        read
    }

    /// Reads from the log.
    pub(super) fn log<T>(&self, read: impl FnOnce(&dyn LogReader) -> Result<T, ServerError>) -> Result<T, ServerError> {
        with(
            &self.logs,
            || Ok(self.log.reader()?),
            |reader| {
                let read = read(&**reader)?;
                reader.check_place()?;
                Ok(read)
            },
        )
    }
}

fn with<C, T>(
    idle: &Mutex<Vec<C>>,
    open: impl FnOnce() -> Result<C, ServerError>,
    read: impl FnOnce(&C) -> Result<T, ServerError>,
) -> Result<T, ServerError> {
    let connection = match taken(idle) {
        Some(connection) => connection,
        None => open()?,
    };
    let read = read(&connection);
    kept(idle, connection, &read);
    read
}

/// A connection that nobody uses.
fn taken<C>(idle: &Mutex<Vec<C>>) -> Option<C> {
    idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
}

/// Keeps the connection for the next who reads. One whose reading failed is not used again.
fn kept<C, T>(idle: &Mutex<Vec<C>>, connection: C, read: &Result<T, ServerError>) {
    let is_good = match read {
        Err(ServerError::Project(error)) => matches!(**error, Error::Store(StoreError::NotServed { .. })),
        read => read.is_ok(),
    };
    if is_good {
        let mut idle = idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(connection);
        }
    }
}
