//! Storages and sources that are broken in one way each: a suite that lets one pass checks nothing.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use crate::batch::Lane;
use crate::events::{EventBatch, EventSource, Position, ReadError, SourcePart};
use crate::files::storage::{Identity, Listing, ObjectPattern, Storage, StorageError, StoredObject, Version};

/// What a storage does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageDefect {
    /// A range begins one byte late.
    ShiftedRange,
    /// A listing is in reverse.
    ReversedListing,
    /// An identity knows nothing but the name and the length at which it was asked first.
    FixedIdentity,
    /// The last byte of an object is not given.
    SwallowedTail,
    /// A failure is reported as the end.
    FailureAsEnd,
    /// An object that is not there is an empty one.
    EmptyForMissing,
}

/// A storage with one defect.
pub struct BrokenStorage {
    /// What it would be.
    pub inner: Arc<dyn Storage>,
    /// What is wrong with it.
    pub defect: StorageDefect,
}

struct BrokenObject {
    inner: Option<Arc<dyn StoredObject>>,
    identity: Identity,
    defect: StorageDefect,
}

impl BrokenStorage {
    fn broken(&self, identity: Identity) -> Identity {
        broken(self.defect, identity)
    }
}

fn broken(defect: StorageDefect, identity: Identity) -> Identity {
    match defect {
        StorageDefect::FixedIdentity => Identity { version: Version::Tag("1".to_owned()), ..identity },
        _ => identity,
    }
}

impl Storage for BrokenStorage {
    fn list(&self, root: &Path, pattern: &ObjectPattern) -> Result<Listing, StorageError> {
        Ok(match (self.inner.list(root, pattern)?, self.defect) {
            (Listing::Objects(mut objects), StorageDefect::ReversedListing) => {
                objects.reverse();
                Listing::Objects(objects)
            }
            (listing, _) => listing,
        })
    }

    fn identity(&self, name: &Path) -> Result<Identity, StorageError> {
        match (self.inner.identity(name), self.defect) {
            (Err(_), StorageDefect::EmptyForMissing) => Ok(nothing(name)),
            (identity, _) => Ok(self.broken(identity?)),
        }
    }

    fn open(&self, name: &Path) -> Result<Arc<dyn StoredObject>, StorageError> {
        let (inner, identity) = match (self.inner.open(name), self.defect) {
            (Err(_), StorageDefect::EmptyForMissing) => (None, nothing(name)),
            (inner, _) => {
                let inner = inner?;
                let identity = self.broken(inner.identity().clone());
                (Some(inner), identity)
            }
        };
        Ok(Arc::new(BrokenObject { inner, identity, defect: self.defect }))
    }
}

fn nothing(name: &Path) -> Identity {
    Identity { object: name.to_string_lossy().into_owned(), bytes: 0, version: Version::Tag(String::new()) }
}

impl StoredObject for BrokenObject {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn current_identity(&self) -> Result<Identity, StorageError> {
        match &self.inner {
            Some(inner) => Ok(broken(self.defect, inner.current_identity()?)),
            None => Ok(self.identity.clone()),
        }
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, StorageError> {
        let Some(inner) = &self.inner else { return Ok(0) };
        match self.defect {
            StorageDefect::FailureAsEnd => Ok(inner.read_at(offset, buffer).unwrap_or(0)),
            StorageDefect::SwallowedTail => {
                let read = inner.read_at(offset, buffer)?;
                let is_last = offset + read as u64 == self.identity.bytes;
                Ok(read.saturating_sub(usize::from(is_last)))
            }
            _ => inner.read_at(offset, buffer),
        }
    }

    fn read_range(&self, range: Range<u64>) -> Result<Bytes, StorageError> {
        let Some(inner) = &self.inner else { return Ok(Bytes::new()) };
        match self.defect {
            StorageDefect::ShiftedRange => inner.read_range(range.start + 1..range.end + 1),
            StorageDefect::FailureAsEnd => Ok(inner.read_range(range).unwrap_or_default()),
            _ => inner.read_range(range),
        }
    }
}

/// What a source of events does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceDefect {
    /// The last part is missing.
    LostPart,
    /// The first event of a batch is there twice.
    RowTwice,
    /// The first two events of a batch have changed places.
    SwappedRows,
    /// The last event of a part is missing.
    SwallowedTail,
    /// A position is one event further than what was read.
    SkippingPosition,
    /// A position is ignored: every part is read from its beginning.
    IgnoredPosition,
}

/// A source with one defect.
pub struct BrokenSource<'a> {
    inner: Box<dyn EventSource + 'a>,
    parts: Vec<SourcePart>,
    defect: SourceDefect,
}

impl<'a> BrokenSource<'a> {
    /// The source `inner` with this defect.
    pub fn new(inner: Box<dyn EventSource + 'a>, defect: SourceDefect) -> Self {
        let mut parts = inner.parts().to_vec();
        if defect == SourceDefect::LostPart {
            parts.pop();
        }
        Self { inner, parts, defect }
    }
}

impl EventSource for BrokenSource<'_> {
    fn parts(&self) -> &[SourcePart] {
        &self.parts
    }

    fn read(
        &self,
        part: usize,
        after: Position,
        take: &mut dyn FnMut(EventBatch) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let after = if self.defect == SourceDefect::IgnoredPosition { Position::START } else { after };
        let mut held: Option<EventBatch> = None;
        self.inner.read(part, after, &mut |batch| {
            // One batch is held back, so that the last is known as that.
            match held.replace(batch) {
                Some(batch) => take(self.wrong(batch, false)),
                None => Ok(()),
            }
        })?;
        match held.map(|batch| self.wrong(batch, true)).filter(|batch| batch.rows > 0) {
            Some(batch) => take(batch),
            None => Ok(()),
        }
    }
}

impl BrokenSource<'_> {
    fn wrong(&self, batch: EventBatch, is_last: bool) -> EventBatch {
        let mut rows: Vec<u32> = (0..batch.rows as u32).collect();
        match self.defect {
            SourceDefect::RowTwice => rows.insert(0, 0),
            SourceDefect::SwappedRows if rows.len() > 1 => rows.swap(0, 1),
            SourceDefect::SwallowedTail if is_last => _ = rows.pop(),
            SourceDefect::SkippingPosition => {
                let until = Position { at: batch.until.at + 1, ..batch.until };
                return EventBatch { until, ..batch };
            }
            _ => return batch,
        }
        picked(batch, &rows)
    }
}

/// The events of these rows of a batch.
fn picked(batch: EventBatch, rows: &[u32]) -> EventBatch {
    let lanes = |lanes: Vec<Lane>| lanes.iter().map(|lane| lane.take(rows)).collect();
    let times = |all: Vec<i64>| rows.iter().map(|row| all[*row as usize]).collect();
    EventBatch {
        rows: rows.len(),
        keys: lanes(batch.keys),
        event_times: times(batch.event_times),
        available_at: batch.available_at.map(times),
        arrivals: batch.arrivals.map(|lane| lane.take(rows)),
        log_offsets: batch.log_offsets.map(|all| rows.iter().map(|row| all[*row as usize]).collect()),
        fields: lanes(batch.fields),
        ..batch
    }
}
