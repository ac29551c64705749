//! A place for served vectors in memory, which by a seed delays, fails, and forgets what was not put on disk; and twins of it that are
//! broken in one way each.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::served_sink::Stand;
use super::{Disk, Faults};
use crate::log::{Head, LogError, ServedSink, StoredBatch};
use crate::time::AsOf;

/// What a twin does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinkDefect {
    /// An append is acknowledged, and now and then not written.
    LostWrite,
    /// The batches of an append are written one after the other.
    TornAppend,
    /// Batches are read with the newest first.
    SwappedOrder,
    /// A reader sees what was there when it was opened.
    StaleReader,
    /// Batches of any number are taken.
    AnyNumber,
    /// A batch that is damaged is read as it is.
    UncheckedBatch,
}

/// A place in memory: what is on its disk outlives the handles that are opened on it.
#[derive(Clone)]
pub struct TwinSink {
    place: Arc<Mutex<Place>>,
    disk: Disk,
    faults: Arc<Faults>,
    defect: Option<SinkDefect>,
    /// What a reader that is stale sees.
    held: Option<Vec<StoredBatch>>,
}

#[derive(Default)]
struct Place {
    batches: Vec<StoredBatch>,
    /// How many batches there were when power was lost last: they are kept.
    kept: usize,
    /// How many there were after each append since.
    appends: Vec<usize>,
}

impl TwinSink {
    /// An empty place with these faults.
    pub fn new(faults: Faults, defect: Option<SinkDefect>) -> Self {
        Self { place: Arc::default(), disk: Disk::default(), faults: Arc::new(faults), defect, held: None }
    }

    /// The same place by way of a disk that a test can stop.
    pub fn on(&self, disk: &Disk) -> Self {
        Self { disk: disk.clone(), ..self.clone() }
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is(&self, defect: SinkDefect) -> bool {
        self.defect == Some(defect)
    }

    fn kept(&self) -> Result<Vec<StoredBatch>, LogError> {
        let failed = |(is_retryable, source)| LogError::Failed { is_retryable, source };
        self.faults.step().map_err(failed)?;
        Ok(self.held.clone().unwrap_or_else(|| self.place().batches.clone()))
    }
}

impl Stand for TwinSink {
    fn open(&self) -> Box<dyn ServedSink> {
        Box::new(self.clone())
    }

    fn reader(&self) -> Box<dyn ServedSink> {
        let held = self.is(SinkDefect::StaleReader).then(|| self.place().batches.clone());
        Box::new(Self { held, ..self.clone() })
    }

    fn lose_power(&self) {
        let mut place = self.place();
        let appends = std::mem::take(&mut place.appends);
        let kept = self.faults.below(appends.len() + 1);
        if let Some(lost) = appends.get(kept) {
            let before = if kept == 0 { place.kept } else { appends[kept - 1] };
            // Power is lost in the middle of an append.
            let torn = usize::from(self.is(SinkDefect::TornAppend) && before < *lost);
            place.batches.truncate(before + torn);
        }
        place.kept = place.batches.len();
    }

    fn damage(&self, number: u64) {
        let mut place = self.place();
        if let Some(byte) = place.batches[number as usize - 1].body.last_mut() {
            *byte ^= 1;
        }
    }
}

impl ServedSink for TwinSink {
    fn path(&self) -> &Path {
        Path::new("memory")
    }

    fn head(&self) -> Result<Head, LogError> {
        Ok(self.kept()?.iter().fold(Head::default(), |head, batch| head.with(batch)))
    }

    fn append(&mut self, batches: &[StoredBatch]) -> Result<Head, LogError> {
        let mut head = self.head()?;
        for batch in batches {
            if !self.is(SinkDefect::AnyNumber) {
                head.check_follows(batch)?;
            }
            head = head.with(batch);
        }
        let failed = |(is_retryable, source)| LogError::Failed { is_retryable, source };
        self.faults.write(&self.disk, failed, || {
            if self.is(SinkDefect::LostWrite) && self.faults.below(3) == 0 {
                return Ok(head);
            }
            let mut place = self.place();
            place.batches.extend_from_slice(batches);
            let all = place.batches.len();
            place.appends.push(all);
            Ok(head)
        })
    }

    fn batches(&self, from: u64, since: Option<AsOf>) -> Box<dyn Iterator<Item = Result<StoredBatch, LogError>> + '_> {
        let mut kept = match self.kept() {
            Ok(kept) => kept,
            Err(error) => return Box::new(std::iter::once(Err(error))),
        };
        if self.is(SinkDefect::SwappedOrder) {
            kept.reverse();
        }
        let is_new = move |batch: &StoredBatch| since.is_none_or(|since| !batch.last_as_of.is_before(since));
        let wanted = kept.into_iter().filter(move |batch| batch.number >= from && is_new(batch));
        Box::new(wanted.map(|batch| match self.is(SinkDefect::UncheckedBatch) {
            true => Ok(batch),
            false => batch.check().map(|()| batch),
        }))
    }
}
