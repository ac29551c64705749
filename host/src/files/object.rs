//! An object of a storage on its way to a decoder: every byte of it is of one state, or reading it is an error.

use std::fmt;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ::parquet::errors::ParquetError;
use ::parquet::file::reader::{ChunkReader, Length};
use bytes::Bytes;

use super::error::{InputError, InputFault};
use super::storage::{Change, Identity, Storage, StorageError, StorageFault, StoredObject};

/// An open input, and what its storage refused so far.
#[derive(Clone)]
pub(super) struct OpenInput {
    path: PathBuf,
    object: Arc<dyn StoredObject>,
    /// Decoders make texts of the errors that they meet: the first one waits here, as it is.
    refused: Arc<Mutex<Option<StorageFault>>>,
}

impl OpenInput {
    pub fn open(storage: &dyn Storage, path: &Path) -> Result<Self, InputError> {
        let object = storage.open(path).map_err(|error| InputError::from_storage(path, error))?;
        Ok(Self { path: path.to_owned(), object, refused: Arc::default() })
    }

    /// The input as it was named.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its identity when it was opened.
    pub fn identity(&self) -> &Identity {
        self.object.identity()
    }

    /// How many bytes it has.
    pub fn bytes(&self) -> u64 {
        self.object.identity().bytes
    }

    /// Its bytes from `start` on, one after the other.
    pub fn reader_at(&self, start: u64) -> ObjectReader {
        ObjectReader { input: self.clone(), at: start }
    }

    /// The same, from the beginning.
    pub fn reader(&self) -> ObjectReader {
        self.reader_at(0)
    }

    /// The bytes of a range, which ends within the input.
    pub fn range(&self, start: u64, end: u64) -> Result<Bytes, InputError> {
        let read = self.object.read_range(start..end).and_then(|bytes| match bytes.len() as u64 == end - start {
            true => Ok(bytes),
            false => Err(self.ended_at(start + bytes.len() as u64)),
        });
        read.map_err(|error| InputError::from_storage(&self.path, error))
    }

    /// Refuses an input that is not what it was when it was opened: what was read of it may be of two states.
    pub fn check(&self) -> Result<(), InputError> {
        self.same().map_err(|error| InputError::from_storage(&self.path, error))
    }

    /// The error behind one that a decoder made of it: what the storage refused, or a change of the input, which may have made
    /// nonsense of its bytes.
    pub fn behind(&self, error: InputError) -> InputError {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner).take();
        match refused.or_else(|| self.same().err().map(|error| error.fault)) {
            Some(fault) => InputError::new(&self.path, InputFault::Storage(fault)),
            None => error,
        }
    }

    /// Whether it is what it was when it was opened.
    fn same(&self) -> Result<(), StorageError> {
        let change = match self.object.current_identity() {
            Ok(now) => Change::between(self.object.identity(), &now),
            Err(StorageError { fault: StorageFault::Missing(_), .. }) => Some(Change::Removed),
            Err(error) => return Err(error),
        };
        change.map_or(Ok(()), |change| Err(StorageError::changed(&self.path, change)))
    }

    /// The error of an input that ends where it did not end when it was opened: it changed, or its storage does not give all.
    fn ended_at(&self, at: u64) -> StorageError {
        let changed = self.same().err();
        changed.unwrap_or_else(|| {
            let message = format!("it ends after {at} of {} bytes", self.bytes());
            StorageError::of_io(&self.path, io::Error::new(io::ErrorKind::UnexpectedEof, message))
        })
    }

    /// Keeps what the storage refused, and says it to a decoder.
    fn refuse(&self, error: StorageError) -> io::Error {
        let told = io::Error::other(error.to_string());
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error.fault);
        told
    }
}

impl fmt::Debug for OpenInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenInput({})", self.path.display())
    }
}

/// The bytes of an input, in their order.
#[derive(Debug)]
pub(super) struct ObjectReader {
    input: OpenInput,
    at: u64,
}

impl Read for ObjectReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // What was added since it was opened is not read: whoever reads to the end is told of it there.
        let left = self.input.bytes().saturating_sub(self.at).min(buffer.len() as u64) as usize;
        if left == 0 {
            return Ok(0);
        }
        match self.input.object.read_at(self.at, &mut buffer[..left]) {
            Ok(0) => Err(self.input.refuse(self.input.ended_at(self.at))),
            Ok(read) => {
                self.at += read as u64;
                Ok(read)
            }
            Err(error) => Err(self.input.refuse(error)),
        }
    }
}

impl Length for OpenInput {
    fn len(&self) -> u64 {
        self.bytes()
    }
}

impl ChunkReader for OpenInput {
    type T = BufReader<ObjectReader>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        Ok(BufReader::new(self.reader_at(start)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let end = start.saturating_add(length as u64);
        if end > self.bytes() {
            let left = self.bytes().saturating_sub(start);
            return Err(ParquetError::EOF(format!("expected {length} bytes at {start}, found {left}")));
        }
        let read = self.object.read_range(start..end).and_then(|bytes| match bytes.len() == length {
            true => Ok(bytes),
            false => Err(self.ended_at(start + bytes.len() as u64)),
        });
        read.map_err(|error| ParquetError::External(Box::new(self.refuse(error))))
    }
}
